/*
 * find - the questions that are asked of a gateway's document. Internal to gwdoc.
 */
#pragma once

#include "gwdoc/drawing.h"

/* The child of this name, or of the name that ends this id; NULL when there is none. */
struct json *find_named(const struct json *array, const char *name);
struct json *find_id(const struct json *array, const char *id);

/* Whether two ids end in the same name. */
bool same_name(const char *id, const char *other);

/* properties.MEMBER.id of a child. */
const char *reference_of(const struct json *child, const char *member);

bool is_public(const struct json *frontend);

/* HTTPS on the port and on a public frontend: the same hostname and port may also be served on a
 * private one, which is nobody's business here. */
bool is_ours_to_judge(const struct drawing *drawing, const struct json *listener);

/* A basic listener, or one with a wildcard: a rule with a smaller number hides those behind it. */
bool is_catching(const struct json *listener);

/* The listener that serves this hostname over HTTPS, whoever made it. */
struct json *find_listener(const struct drawing *drawing, const char *hostname);

/* By name, and by the one hostname it has. */
bool is_our_listener(struct ctx *ctx, const struct json *listener,
		     const struct wanted_hostname *wanted);

struct json *rule_of(const struct drawing *drawing, const struct json *listener);

/* Of a gateway's hundred. */
size_t active_rules(const struct drawing *drawing);

/* The certificate entry with this secret and no version, whatever its name. */
struct json *find_certificate(const struct drawing *drawing, const char *secret_id);
struct json *certificate_of(const struct drawing *drawing, const struct json *listener);
bool shows_certificate(const struct drawing *drawing, const struct json *listener,
		       const char *secret_id);
const char *pinned_version(const struct json *certificate);

/* How often the document refers to it, wherever that is. */
size_t count_uses(struct ctx *ctx, const struct drawing *drawing, const struct json *certificate);

/* A redirection of somebody else may lead to the listener: then it cannot go. */
bool is_redirected_to(const struct drawing *drawing, const struct json *listener);
