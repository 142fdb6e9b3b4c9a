/* The questions that render asks of a document. */
#include "gwdoc/find.h"

#include <string.h>

#include "api/names.h"
#include "base/text.h"

/* The name in an id; NULL in what is none. */
static const char *last_segment(const char *id)
{
	const char *slash = id ? strrchr(id, '/') : NULL;

	return slash ? slash + 1 : NULL;
}

struct json *find_named(const struct json *array, const char *name)
{
	json_for_each (child, array)
		if (json_get_text(child, "name") &&
		    text_equals_nocase(json_get_text(child, "name"), name))
			return child;
	return NULL;
}

struct json *find_id(const struct json *array, const char *id)
{
	const char *name = last_segment(id);

	return name ? find_named(array, name) : NULL;
}

bool same_name(const char *id, const char *other)
{
	const char *a = last_segment(id), *b = last_segment(other);

	return a && b && text_equals_nocase(a, b);
}

const char *reference_of(const struct json *child, const char *member)
{
	return json_get_text(json_get(json_get(child, "properties"), member), "id");
}

static bool refers_to(const struct json *child, const char *member, const struct json *other)
{
	const char *name = last_segment(reference_of(child, member));

	return name && text_equals_nocase(name, json_get_text(other, "name"));
}

static bool serves_hostname(const struct json *listener, const char *hostname)
{
	const struct json *properties = json_get(listener, "properties");
	const char *single = json_get_text(properties, "hostName");

	if (single && *single)
		return text_equals_nocase(single, hostname);
	json_for_each (name, json_get(properties, "hostNames"))
		if (json_text(name) && text_equals_nocase(json_text(name), hostname))
			return true;
	return false;
}

static bool has_one_hostname(const struct json *listener)
{
	return json_size(json_path(listener, "properties.hostNames")) <= 1;
}

static bool is_https_on_port(const struct drawing *drawing, const struct json *listener)
{
	const char *protocol = json_get_text(json_get(listener, "properties"), "protocol");

	return protocol && text_equals_nocase(protocol, "Https") &&
	       same_name(reference_of(listener, "frontendPort"), drawing->port_id);
}

bool is_public(const struct json *frontend)
{
	return json_path(frontend, "properties.publicIPAddress") != NULL;
}

bool is_ours_to_judge(const struct drawing *drawing, const struct json *listener)
{
	return is_https_on_port(drawing, listener) &&
	       is_public(find_id(json_get(drawing->properties, "frontendIPConfigurations"),
				 reference_of(listener, "frontendIPConfiguration")));
}

bool is_catching(const struct json *listener)
{
	const struct json *properties = json_get(listener, "properties");
	const char *single = json_get_text(properties, "hostName");
	bool has_name = single && *single;

	if (has_name && strpbrk(single, "*?"))
		return true;
	json_for_each (name, json_get(properties, "hostNames")) {
		has_name = true;
		if (json_text(name) && strpbrk(json_text(name), "*?"))
			return true;
	}
	return !has_name;
}

static const char *secret_id_of(const struct json *certificate)
{
	return json_get_text(json_get(certificate, "properties"), "keyVaultSecretId");
}

const char *pinned_version(const struct json *certificate)
{
	return secret_id_version(secret_id_of(certificate));
}

struct json *find_certificate(const struct drawing *drawing, const char *secret_id)
{
	json_for_each (entry, drawing->certificates)
		if (secret_id_equals(secret_id_of(entry), secret_id) && !pinned_version(entry))
			return entry;
	return NULL;
}

struct json *rule_of(const struct drawing *drawing, const struct json *listener)
{
	json_for_each (rule, drawing->rules)
		if (refers_to(rule, "httpListener", listener))
			return rule;
	return NULL;
}

/* A rule that only redirects does not make its listener an active one. */
size_t active_rules(const struct drawing *drawing)
{
	size_t count = 0;

	json_for_each (rule, drawing->rules)
		count += !json_path(rule, "properties.redirectConfiguration");
	return count;
}

struct json *find_listener(const struct drawing *drawing, const char *hostname)
{
	json_for_each (listener, drawing->listeners)
		if (is_ours_to_judge(drawing, listener) && serves_hostname(listener, hostname))
			return listener;
	return NULL;
}

bool is_our_listener(struct ctx *ctx, const struct json *listener,
		     const struct wanted_hostname *wanted)
{
	const char *name = json_get_text(listener, "name");

	return name && has_one_hostname(listener) &&
	       (text_equals_nocase(name, name_listener(ctx, wanted->base)) ||
		text_equals_nocase(name, name_listener(ctx, name_plain(ctx, wanted->hostname))) ||
		text_equals_nocase(name, name_listener(ctx, name_hashed(ctx, wanted->hostname))));
}

struct json *certificate_of(const struct drawing *drawing, const struct json *listener)
{
	return find_id(drawing->certificates, reference_of(listener, "sslCertificate"));
}

bool shows_certificate(const struct drawing *drawing, const struct json *listener,
		       const char *secret_id)
{
	return secret_id_equals(secret_id_of(certificate_of(drawing, listener)), secret_id);
}

static size_t count_ids(const struct json *node, const char *end, const struct json *but)
{
	const char *text = json_text(node);
	size_t count = text && strlen(text) >= strlen(end) &&
		       text_equals_nocase(text + strlen(text) - strlen(end), end);

	if (node == but)
		return 0;
	json_for_each (child, node)
		count += count_ids(child, end, but);
	return count;
}

size_t count_uses(struct ctx *ctx, const struct drawing *drawing, const struct json *certificate)
{
	const char *end = arena_printf(ctx->arena, "/sslCertificates/%s",
				       json_get_text(certificate, "name"));

	return count_ids(drawing->properties, end, certificate);
}

bool is_redirected_to(const struct drawing *drawing, const struct json *listener)
{
	json_for_each (redirect, json_get(drawing->properties, "redirectConfigurations"))
		if (refers_to(redirect, "targetListener", listener))
			return true;
	return false;
}
