/*
 * Read-only members and back-references, as the official SDKs and CLI leave them out of a PUT.
 * Source: readOnly flags of the applicationGateway specification, api-version 2025-05-01.
 */
#include "gwdoc/strip.h"

#include <string.h>

#include "base/text.h"

static const char *const top_members[] = {"name", "type", "etag"};

static const char *const property_members[] = {
	"operationalState",	      "resourceGuid",
	"provisioningState",	      "privateEndpointConnections",
	"defaultPredefinedSslPolicy",
};

static const char *const child_members[] = {"etag", "type"};

static const char *const child_property_members[] = {
	"provisioningState",  "publicCertData",		 "validatedCertData",
	"clientCertIssuerDN", "backendIPConfigurations",
};

/* Collections whose children carry arrays that name who refers to them. */
static const struct {
	const char *collection;
	const char *members[4];
} back_references[] = {
	{"frontendIPConfigurations", {"httpListeners", "loadDistributionPolicies"}},
	{"frontendPorts", {"httpListeners"}},
	{"backendAddressPools", {"requestRoutingRules", "urlPathMaps", "pathRules"}},
	{"backendHttpSettingsCollection", {"requestRoutingRules", "urlPathMaps", "pathRules"}},
	{"httpListeners", {"requestRoutingRules"}},
	{"redirectConfigurations", {"requestRoutingRules", "urlPathMaps", "pathRules"}},
	{"sslCertificates", {"httpListeners"}},
	{"probes", {"backendHttpSettings"}},
	{"urlPathMaps", {"requestRoutingRules"}},
	{"rewriteRuleSets", {"requestRoutingRules", "urlPathMaps", "pathRules"}},
};

static void remove_all(struct json *object, const char *const *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		json_remove(object, members[i]);
}

static void strip_child(struct json *child, const char *collection)
{
	struct json *properties = json_get(child, "properties");

	remove_all(child, child_members, ARRAY_SIZE(child_members));
	if (!json_is_object(properties))
		return;
	remove_all(properties, child_property_members, ARRAY_SIZE(child_property_members));
	for (size_t i = 0; i < ARRAY_SIZE(back_references); i++) {
		if (!text_equals(back_references[i].collection, collection))
			continue;
		for (size_t k = 0; k < 4 && back_references[i].members[k]; k++)
			json_remove(properties, back_references[i].members[k]);
	}
}

static void strip_path_rules(struct json *map)
{
	json_for_each (rule, json_path(map, "properties.pathRules"))
		strip_child(rule, "pathRules");
}

/* Only the ids of the identities are sent back; what the directory says about them is read-only. */
static void strip_identity(struct ctx *ctx, struct json *identity)
{
	struct json *users = json_get(identity, "userAssignedIdentities");
	struct json *bare = json_object(ctx);

	json_remove(identity, "principalId");
	json_remove(identity, "tenantId");
	if (!json_is_object(users))
		return;
	json_for_each (user, users)
		json_set(ctx, bare, json_name(user), json_object(ctx));
	json_set(ctx, identity, "userAssignedIdentities", bare);
}

struct json *render_strip(struct ctx *ctx, const struct json *document)
{
	struct json *copy = json_dup(ctx, document);
	struct json *properties = json_get(copy, "properties");

	remove_all(copy, top_members, ARRAY_SIZE(top_members));
	strip_identity(ctx, json_get(copy, "identity"));
	remove_all(properties, property_members, ARRAY_SIZE(property_members));
	json_for_each (collection, properties) {
		if (!json_is_array(collection))
			continue;
		json_for_each (child, collection) {
			strip_child(child, json_name(collection));
			if (text_equals(json_name(collection), "urlPathMaps"))
				strip_path_rules(child);
		}
	}
	return copy;
}
