/* The last check before a PUT: whatever render did, what is not ours goes back as it came. Uses no
 * code of render. */
#include "gwdoc/faithful.h"

#include "api/names.h"
#include "base/text.h"
#include "gwdoc/strip.h"

static const struct json *find_named(const struct json *array, const char *name)
{
	json_for_each (child, array)
		if (json_get_text(child, "name") &&
		    text_equals_nocase(json_get_text(child, "name"), name))
			return child;
	return NULL;
}

static bool is_repaired(const struct rendering *rendering, size_t count, const char *listener)
{
	for (size_t i = 0; i < count; i++)
		if ((rendering->items[i].verdict == RENDER_CHANGED ||
		     rendering->items[i].verdict == RENDER_UNPINNED) &&
		    text_equals(rendering->items[i].listener, listener))
			return true;
	return false;
}

static bool is_unpinned(const struct rendering *rendering, size_t count, const char *certificate)
{
	for (size_t i = 0; i < count; i++)
		if (rendering->items[i].verdict != RENDER_EVICTED &&
		    rendering->items[i].is_pinned &&
		    text_equals(rendering->items[i].certificate, certificate))
			return true;
	return false;
}

static bool differs_by_version(const char *before, const char *after)
{
	return secret_id_version(before) && !secret_id_version(after) &&
	       secret_id_equals(before, after);
}

/* What may be different in a child that stays. */
static void remove_what_is_ours(const struct rendering *rendering, size_t count,
				const char *collection, struct json *before, struct json *after)
{
	const char *name = json_get_text(before, "name");
	struct json *a = json_get(before, "properties"), *b = json_get(after, "properties");
	const char *member = NULL;

	if (text_equals(collection, "httpListeners") && is_repaired(rendering, count, name))
		member = "sslCertificate";
	if (text_equals(collection, "sslCertificates") && is_unpinned(rendering, count, name) &&
	    differs_by_version(json_get_text(a, "keyVaultSecretId"),
			       json_get_text(b, "keyVaultSecretId")))
		member = "keyVaultSecretId";
	if (!member)
		return;
	json_remove(a, member);
	json_remove(b, member);
}

static const char *named_in(const struct rendered_hostname *item, const char *collection)
{
	if (text_equals(collection, "httpListeners"))
		return item->listener;
	if (text_equals(collection, "requestRoutingRules"))
		return item->rule;
	return text_equals(collection, "sslCertificates") ? item->certificate : NULL;
}

static bool is_evicted(const struct rendering *rendering, size_t count, const char *collection,
		       const char *child)
{
	for (size_t i = 0; child && i < count; i++)
		if (rendering->items[i].verdict == RENDER_EVICTED &&
		    text_equals(named_in(&rendering->items[i], collection), child))
			return true;
	return false;
}

/* Every child of `before` stands in `after`, equal but for the certificate of listeners that were
 * repaired, and the version of a secret. */
static bool keeps_children(struct ctx *ctx, const struct json *before, const struct json *after,
			   const struct rendering *rendering, size_t count)
{
	json_for_each (child, before) {
		const struct json *other = find_named(after, json_get_text(child, "name"));
		struct json *a = json_dup(ctx, child), *b = other ? json_dup(ctx, other) : NULL;

		if (!other &&
		    is_evicted(rendering, count, json_name(before), json_get_text(child, "name")))
			continue;
		if (!other)
			return false;
		remove_what_is_ours(rendering, count, json_name(before), a, b);
		if (!json_equal(a, b))
			return false;
	}
	return true;
}

static bool is_ours_to_grow(const char *collection)
{
	return text_equals(collection, "sslCertificates") ||
	       text_equals(collection, "httpListeners") ||
	       text_equals(collection, "requestRoutingRules") ||
	       text_equals(collection, "frontendPorts");
}

/* Nothing is missing, and nothing is new but lists that are ours to grow. */
static bool keeps_properties(struct ctx *ctx, const struct json *before, const struct json *after,
			     const struct rendering *rendering, size_t count)
{
	json_for_each (member, before) {
		const struct json *other = json_get(after, json_name(member));

		if (is_ours_to_grow(json_name(member))
			    ? !json_is_array(other) ||
				      !keeps_children(ctx, member, other, rendering, count)
			    : !json_equal(member, other))
			return false;
	}
	json_for_each (member, after)
		if (!json_get(before, json_name(member)) && !is_ours_to_grow(json_name(member)))
			return false;
	return true;
}

bool render_is_faithful(struct ctx *ctx, const struct json *before, const struct json *after,
			const struct rendering *rendering, size_t count)
{
	struct json *a = render_strip(ctx, before), *b = json_dup(ctx, after);

	if (!keeps_properties(ctx, json_get(a, "properties"), json_get(b, "properties"), rendering,
			      count))
		return false;
	json_remove(a, "properties");
	json_remove(b, "properties");
	return json_equal(a, b);
}
