/*
 * drawing - a gateway's document while render works on it: the questions that are asked of it, what
 * is done to its certificate entries, and the order of its rules. Internal to reconcile.
 *
 * Names and ids compare without case.
 */
#pragma once

#include "gwdoc/render.h"

struct drawing {
	const struct render_target *target;
	struct json *document, *properties;
	struct json *certificates, *listeners, *rules;
	const char *frontend_id, *port_id;
	struct priorities *priorities;
};

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

/* "GATEWAY/COLLECTION/NAME", and {"id": ID}. */
const char *id_of(struct ctx *ctx, const struct drawing *drawing, const char *collection,
		  const char *name);
struct json *reference(struct ctx *ctx, const char *id);

bool has_room_for_certificate(const struct drawing *drawing);

/* The listener refers to an entry with the wanted secret and no version from then on: to one that
 * is there, or a new one. */
void certificate_show(struct ctx *ctx, struct drawing *drawing, struct json *listener,
		      const struct wanted_hostname *wanted);

/* Rids the listener's entry of its version, or, where others refer to it too, the listener of the
 * entry. True when that is a reason for an update. */
bool certificate_unpin(struct ctx *ctx, struct drawing *drawing, struct json *listener,
		       const struct wanted_hostname *wanted, struct rendered_hostname *result);

/* Between which rules the one of a hostname belongs. */
struct bounds {
	const char *caught, *catcher; /* rules; NULL: none */
	int64_t above, below;	      /* their priorities: caught < ours < catcher */
};

/* The rules of the document; with room for so many more. */
void priorities_note(struct ctx *ctx, struct drawing *drawing, size_t more);
void priorities_add(struct drawing *drawing, const struct json *rule, const struct json *listener);

/* 0: it has none that is valid. */
int64_t priority_of(const struct json *rule);

/* `listener` is the hostname's; NULL: it will be made. */
struct bounds priority_bounds(const struct drawing *drawing, const struct json *listener,
			      const char *hostname);

/* 0: none is free within the bounds. */
int64_t priority_free(const struct drawing *drawing, const struct bounds *bounds,
		      const char *hostname);
