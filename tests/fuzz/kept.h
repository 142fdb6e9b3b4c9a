/*
 * kept - whether what is foreign in a gateway's document went through an update unharmed.
 *
 * A walk over both documents, with a list of its own of what a PUT leaves out: render and
 * render_is_faithful are held to something that was not written from them.
 */
#pragma once

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "gwdoc/render.h"

/* Members that a PUT leaves out; "#" is an element. */
static const char *const left_out[] = {
	"/name",
	"/type",
	"/etag",
	"/identity/principalId",
	"/identity/tenantId",
	"/properties/operationalState",
	"/properties/resourceGuid",
	"/properties/provisioningState",
	"/properties/privateEndpointConnections",
	"/properties/defaultPredefinedSslPolicy",
	"/properties/*/#/etag",
	"/properties/*/#/type",
	"/properties/*/#/properties/provisioningState",
	"/properties/*/#/properties/publicCertData",
	"/properties/*/#/properties/validatedCertData",
	"/properties/*/#/properties/clientCertIssuerDN",
	"/properties/*/#/properties/backendIPConfigurations",
	"/properties/frontendIPConfigurations/#/properties/httpListeners",
	"/properties/frontendIPConfigurations/#/properties/loadDistributionPolicies",
	"/properties/frontendPorts/#/properties/httpListeners",
	"/properties/backendAddressPools/#/properties/requestRoutingRules",
	"/properties/backendAddressPools/#/properties/urlPathMaps",
	"/properties/backendAddressPools/#/properties/pathRules",
	"/properties/backendHttpSettingsCollection/#/properties/requestRoutingRules",
	"/properties/backendHttpSettingsCollection/#/properties/urlPathMaps",
	"/properties/backendHttpSettingsCollection/#/properties/pathRules",
	"/properties/httpListeners/#/properties/requestRoutingRules",
	"/properties/redirectConfigurations/#/properties/requestRoutingRules",
	"/properties/redirectConfigurations/#/properties/urlPathMaps",
	"/properties/redirectConfigurations/#/properties/pathRules",
	"/properties/sslCertificates/#/properties/httpListeners",
	"/properties/probes/#/properties/backendHttpSettings",
	"/properties/urlPathMaps/#/properties/requestRoutingRules",
	"/properties/urlPathMaps/#/properties/pathRules/#/etag",
	"/properties/urlPathMaps/#/properties/pathRules/#/type",
	"/properties/urlPathMaps/#/properties/pathRules/#/properties/provisioningState",
	"/properties/urlPathMaps/#/properties/pathRules/#/properties/publicCertData",
	"/properties/urlPathMaps/#/properties/pathRules/#/properties/validatedCertData",
	"/properties/urlPathMaps/#/properties/pathRules/#/properties/clientCertIssuerDN",
	"/properties/urlPathMaps/#/properties/pathRules/#/properties/backendIPConfigurations",
	"/properties/rewriteRuleSets/#/properties/requestRoutingRules",
	"/properties/rewriteRuleSets/#/properties/urlPathMaps",
	"/properties/rewriteRuleSets/#/properties/pathRules",
};

static const char *const growing[] = {"sslCertificates", "httpListeners", "requestRoutingRules",
				      "frontendPorts"};

struct walk {
	struct ctx *ctx;
	const struct rendering *rendering;
	size_t count;
};

static inline bool is_left_out(const char *path)
{
	static const char
		*members[ARRAY_SIZE(left_out)]; /* the last parts: most paths are done with these */
	const char *member = strrchr(path, '/');

	for (size_t i = 0; member && i < ARRAY_SIZE(left_out); i++) {
		if (!members[i])
			members[i] = strrchr(left_out[i], '/');
		if (strcmp(members[i], member) == 0 &&
		    fnmatch(left_out[i], path, FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static inline bool grows(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(growing); i++)
		if (text_starts_with(path, "/properties/") &&
		    text_equals(path + strlen("/properties/"), growing[i]))
			return true;
	return false;
}

static inline struct json *find_child(const struct json *array, const char *name)
{
	json_for_each (child, array)
		if (name && json_get_text(child, "name") &&
		    strcasecmp(json_get_text(child, "name"), name) == 0)
			return child;
	return NULL;
}

/* Whether an item says that it changed (or took away) the child of this name. */
static inline bool is_told(const struct walk *walk, enum render_verdict verdict, const char *path,
			   const char *name)
{
	for (size_t i = 0; name && i < walk->count; i++) {
		const struct rendered_hostname *item = &walk->rendering->items[i];
		const char *told = text_ends_with(path, "httpListeners")	 ? item->listener
				   : text_ends_with(path, "requestRoutingRules") ? item->rule
				   : text_ends_with(path, "sslCertificates")	 ? item->certificate
										 : NULL;

		if (item->verdict == verdict && text_equals(told, name))
			return true;
	}
	return false;
}

/* A secret id that lost what stood behind its name. */
static inline bool has_lost_version(const struct json *before, const struct json *after)
{
	const char *a = json_text(before), *b = json_text(after);
	const char *name = b ? strcasestr(b, "/secrets/") : NULL;

	return a && name && !strchr(name + strlen("/secrets/"), '/') &&
	       strncmp(a, b, strlen(b)) == 0 && a[strlen(b)] == '/' &&
	       a[strlen(b) + strspn(a + strlen(b), "/")];
}

static inline bool is_unpinned(const struct walk *walk, const char *name)
{
	for (size_t i = 0; name && i < walk->count; i++)
		if (walk->rendering->items[i].is_pinned &&
		    walk->rendering->items[i].verdict != RENDER_EVICTED &&
		    text_equals(walk->rendering->items[i].certificate, name))
			return true;
	return false;
}

static inline bool is_kept(const struct walk *walk, const char *path, const struct json *before,
			   const struct json *after);

static inline bool are_children_kept(const struct walk *walk, const char *path,
				     const struct json *before, const struct json *after)
{
	json_for_each (child, before) {
		const char *name = json_get_text(child, "name");
		const struct json *other = find_child(after, name);
		const char *below = arena_printf(walk->ctx->arena, "%s/#", path);
		struct json *a = json_dup(walk->ctx, child), *b;

		if (!other && is_told(walk, RENDER_EVICTED, path, name))
			continue;
		if (!other)
			return false;
		b = json_dup(walk->ctx, other);
		if (text_ends_with(path, "httpListeners") &&
		    (is_told(walk, RENDER_CHANGED, path, name) ||
		     is_told(walk, RENDER_UNPINNED, path, name))) {
			json_remove(json_get(a, "properties"), "sslCertificate");
			json_remove(json_get(b, "properties"), "sslCertificate");
		}
		if (text_ends_with(path, "sslCertificates") && is_unpinned(walk, name) &&
		    has_lost_version(json_path(a, "properties.keyVaultSecretId"),
				     json_path(b, "properties.keyVaultSecretId"))) {
			json_remove(json_get(a, "properties"), "keyVaultSecretId");
			json_remove(json_get(b, "properties"), "keyVaultSecretId");
		}
		if (!is_kept(walk, below, a, b))
			return false;
	}
	return true;
}

static inline bool are_members_kept(const struct walk *walk, const char *path,
				    const struct json *before, const struct json *after)
{
	json_for_each (member, before) {
		const char *below = arena_printf(walk->ctx->arena, "%s/%s", path,
						 json_name(member));

		if (!is_left_out(below) &&
		    !is_kept(walk, below, member, json_get(after, json_name(member))))
			return false;
	}
	json_for_each (member, after) {
		const char *below = arena_printf(walk->ctx->arena, "%s/%s", path,
						 json_name(member));

		if (is_left_out(below) || (!json_get(before, json_name(member)) && !grows(below)))
			return false;
	}
	return true;
}

static inline bool are_elements_kept(const struct walk *walk, const char *path,
				     const struct json *before, const struct json *after)
{
	const struct json *other = json_first(after);
	const char *below = arena_printf(walk->ctx->arena, "%s/#", path);

	if (json_size(before) != json_size(after))
		return false;
	json_for_each (element, before) {
		if (!is_kept(walk, below, element, other))
			return false;
		other = json_next(other);
	}
	return true;
}

/* The value of an identity is nothing but read-only members. */
static inline bool is_identity(const char *path)
{
	return text_starts_with(path, "/identity/userAssignedIdentities/") &&
	       !text_ends_with(path, "/#");
}

static inline bool is_kept(const struct walk *walk, const char *path, const struct json *before,
			   const struct json *after)
{
	if (grows(path) && (json_is_array(before) || json_is_null(before)))
		return json_is_array(after) && are_children_kept(walk, path, before, after);
	if (is_identity(path))
		return json_is_object(after) && !json_size(after);
	if (json_is_object(before) && json_is_object(after))
		return are_members_kept(walk, path, before, after);
	if (json_is_array(before) && json_is_array(after))
		return are_elements_kept(walk, path, before, after);
	return json_equal(before, after);
}
