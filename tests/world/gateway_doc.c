#include "world/gateway.h"
#include "world/rights.h"

#include <string.h>

#include "base/text.h"

const struct gateway_collection gateway_collections[] = {
	{"gatewayIPConfigurations", 0, NULL},
	{"sslCertificates", 100, "ApplicationGatewaySslCertificateLimitExceeded"},
	{"trustedRootCertificates", 100, "ApplicationGatewayTrustedRootCertificateLimitExceeded"},
	{"authenticationCertificates", 100,
	 "ApplicationGatewayAuthenticationCertificateLimitExceeded"},
	{"trustedClientCertificates", 200,
	 "ApplicationGatewayTrustedClientCertificateLimitExceeded"},
	{"sslProfiles", 100, "ApplicationGatewaySslProfileLimitExceeded"},
	{"frontendIPConfigurations", 4, "ApplicationGatewayFrontendIpConfigurationLimitExceeded"},
	{"frontendPorts", 100, "ApplicationGatewayFrontendPortLimitExceeded"},
	{"probes", 100, "ApplicationGatewayProbeLimitExceeded"},
	{"backendAddressPools", 100, "ApplicationGatewayBackendAddressPoolLimitExceeded"},
	{"backendHttpSettingsCollection", 100,
	 "ApplicationGatewayBackendHttpSettingsLimitExceeded"},
	{"backendSettingsCollection", 100, "ApplicationGatewayBackendSettingsLimitExceeded"},
	{"httpListeners", 200, "ApplicationGatewayHttpListenerLimitExceeded"},
	{"listeners", 200, "ApplicationGatewayListenerLimitExceeded"},
	{"urlPathMaps", 200, "ApplicationGatewayUrlPathMapLimitExceeded"},
	{"requestRoutingRules", 400, "ApplicationGatewayRequestRoutingRuleLimitExceeded"},
	{"routingRules", 400, "ApplicationGatewayRoutingRuleLimitExceeded"},
	{"rewriteRuleSets", 400, "ApplicationGatewayRewriteRuleSetLimitExceeded"},
	{"redirectConfigurations", 100, "ApplicationGatewayRedirectConfigurationLimitExceeded"},
	{"privateLinkConfigurations", 2, "ApplicationGatewayPrivateLinkConfigurationLimitExceeded"},
};
const size_t gateway_collection_count = ARRAY_SIZE(gateway_collections);

/* Arrays in GET that say who refers to a child. */
static const struct back_reference {
	const char *collection, *member; /* where it is shown */
	const char *from, *through;	 /* who refers, by which member */
} back_references[] = {
	{"frontendIPConfigurations", "httpListeners", "httpListeners", "frontendIPConfiguration"},
	{"frontendPorts", "httpListeners", "httpListeners", "frontendPort"},
	{"sslCertificates", "httpListeners", "httpListeners", "sslCertificate"},
	{"httpListeners", "requestRoutingRules", "requestRoutingRules", "httpListener"},
	{"urlPathMaps", "requestRoutingRules", "requestRoutingRules", "urlPathMap"},
	{"backendAddressPools", "requestRoutingRules", "requestRoutingRules", "backendAddressPool"},
	{"backendAddressPools", "urlPathMaps", "urlPathMaps", "defaultBackendAddressPool"},
	{"backendAddressPools", "pathRules", "pathRules", "backendAddressPool"},
	{"backendHttpSettingsCollection", "requestRoutingRules", "requestRoutingRules",
	 "backendHttpSettings"},
	{"backendHttpSettingsCollection", "urlPathMaps", "urlPathMaps",
	 "defaultBackendHttpSettings"},
	{"backendHttpSettingsCollection", "pathRules", "pathRules", "backendHttpSettings"},
	{"redirectConfigurations", "requestRoutingRules", "requestRoutingRules",
	 "redirectConfiguration"},
	{"redirectConfigurations", "urlPathMaps", "urlPathMaps", "defaultRedirectConfiguration"},
	{"redirectConfigurations", "pathRules", "pathRules", "redirectConfiguration"},
	{"probes", "backendHttpSettings", "backendHttpSettingsCollection", "probe"},
};

static const char *const read_only[] = {
	"operationalState",	      "resourceGuid",
	"provisioningState",	      "privateEndpointConnections",
	"defaultPredefinedSslPolicy",
};
static const char *const child_read_only[] = {
	"provisioningState", "publicCertData",	   "data", "password", "backendIPConfigurations",
	"validatedCertData", "clientCertIssuerDN",
};

/* Members that older api-versions neither show nor take: reading and writing with one loses them.
 */
static const struct newer {
	const char *collection; /* NULL: properties of the gateway */
	const char *member, *since;
} newer[] = {
	{"backendHttpSettingsCollection", "dedicatedBackendConnection", "2025-01-01"},
	{"backendHttpSettingsCollection", "validateCertChainAndExpiry", "2025-01-01"},
	{"backendHttpSettingsCollection", "validateSNI", "2025-01-01"},
	{"backendHttpSettingsCollection", "sniName", "2025-01-01"},
	{"probes", "enableProbeProxyProtocolHeader", "2025-01-01"},
	{"sslCertificates", "hsm", "2025-07-01"},
	{NULL, "entraJWTValidationConfigs", "2025-03-01"},
	{NULL, "reservedCapacity", "2025-07-01"},
};

struct json *gateway_list(const struct json *document, const char *collection)
{
	return json_get(json_get(document, "properties"), collection);
}

struct json *gateway_child(const struct json *document, const char *collection, const char *name)
{
	json_for_each (child, gateway_list(document, collection))
		if (name && json_get_text(child, "name") &&
		    text_equals_nocase(json_get_text(child, "name"), name))
			return child;
	return NULL;
}

struct json *gateway_by_id(const struct world *world, const struct json *document,
			   const char *collection, const char *id)
{
	size_t gateway = strlen(world->gateway->id), length = strlen(collection);

	if (!id || strncasecmp(id, world->gateway->id, gateway) != 0 || id[gateway] != '/' ||
	    strncasecmp(id + gateway + 1, collection, length) != 0 ||
	    id[gateway + 1 + length] != '/')
		return NULL;
	return gateway_child(document, collection, id + gateway + length + 2);
}

struct json *gateway_follow(const struct world *world, const struct json *document,
			    const struct json *child, const char *member, const char *collection)
{
	const struct json *reference = json_get(json_get(child, "properties"), member);

	return gateway_by_id(world, document, collection, json_get_text(reference, "id"));
}

static void strip_newer(const char *collection, struct json *properties, const char *api_version)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(newer); i++)
		if (strcmp(api_version, newer[i].since) < 0 &&
		    (collection ? text_equals(newer[i].collection, collection)
				: !newer[i].collection))
			json_remove(properties, newer[i].member);
}

static void clean_child(struct ctx *ctx, const struct world *world, const char *path,
			const char *collection, struct json *child, const char *api_version)
{
	struct json *properties = json_get(child, "properties");
	size_t i;

	json_remove(child, "etag");
	json_remove(child, "type");
	json_set_text(ctx, child, "id",
		      arena_printf(ctx->arena, "%s/%s/%s", world->gateway->id, path,
				   json_get_text(child, "name")));
	if (!json_is_object(properties)) {
		properties = json_object(ctx);
		json_set(ctx, child, "properties", properties);
	}
	for (i = 0; i < ARRAY_SIZE(child_read_only); i++)
		json_remove(properties, child_read_only[i]);
	for (i = 0; i < ARRAY_SIZE(back_references); i++)
		if (text_equals(back_references[i].collection, collection))
			json_remove(properties, back_references[i].member);
	strip_newer(collection, properties, api_version);
}

static void clean_path_rules(struct ctx *ctx, const struct world *world, struct json *map,
			     const char *api_version)
{
	char *path = arena_printf(ctx->arena, "urlPathMaps/%s/pathRules",
				  json_get_text(map, "name"));

	json_for_each (rule, json_path(map, "properties.pathRules"))
		clean_child(ctx, world, path, "pathRules", rule, api_version);
}

static void clean_identity(struct ctx *ctx, struct json *identity)
{
	json_remove(identity, "principalId");
	json_remove(identity, "tenantId");
	json_for_each (user, json_get(identity, "userAssignedIdentities")) {
		json_remove(user, "principalId");
		json_remove(user, "clientId");
	}
	if (text_equals_nocase(json_get_text(identity, "type") ? json_get_text(identity, "type")
							       : "",
			       "userAssigned"))
		json_set_text(ctx, identity, "type", "UserAssigned");
}

/* Members that the service fills in, so that leaving them out changes nothing. */
static void complete_listener(struct ctx *ctx, struct json *child)
{
	struct json *properties = json_get(child, "properties");

	if (!json_get(properties, "hostNames"))
		json_set(ctx, properties, "hostNames", json_array(ctx));
	if (!json_get(properties, "requireServerNameIndication"))
		json_set_bool(ctx, properties, "requireServerNameIndication", false);
	if (!json_get(properties, "enableHttp3"))
		json_set_bool(ctx, properties, "enableHttp3", false);
}

struct json *gateway_canonical(struct ctx *ctx, const struct world *world, const struct json *body,
			       const char *api_version)
{
	struct json *document = json_dup(ctx, body), *properties, *list;
	size_t i;

	json_remove(document, "etag");
	json_set_text(ctx, document, "name", world->gateway->name);
	json_set_text(ctx, document, "id", world->gateway->id);
	json_set_text(ctx, document, "type", "Microsoft.Network/applicationGateways");
	properties = json_get(document, "properties");
	for (i = 0; i < ARRAY_SIZE(read_only); i++)
		json_remove(properties, read_only[i]);
	if (json_get(properties, "sku"))
		json_remove(json_get(properties, "sku"), "family");
	strip_newer(NULL, properties, api_version);
	if (json_get(document, "identity"))
		clean_identity(ctx, json_get(document, "identity"));
	for (i = 0; i < gateway_collection_count; i++) {
		const char *name = gateway_collections[i].name;

		list = json_get(properties, name);
		if (!json_is_array(list))
			json_set(ctx, properties, name, json_array(ctx));
		json_for_each (child, list)
			clean_child(ctx, world, name, name, child, api_version);
	}
	json_for_each (map, json_get(properties, "urlPathMaps"))
		clean_path_rules(ctx, world, map, api_version);
	json_for_each (listener, json_get(properties, "httpListeners"))
		complete_listener(ctx, listener);
	return document;
}

static void decorate(struct ctx *ctx, const struct world *world, struct json *child,
		     const char *collection, const char *state)
{
	json_set_text(ctx, child, "etag", world->gateway->etag);
	json_set_text(
		ctx, child, "type",
		arena_printf(ctx->arena, "Microsoft.Network/applicationGateways/%s", collection));
	json_set_text(ctx, json_get(child, "properties"), "provisioningState", state);
}

static void refer_back(struct ctx *ctx, const struct world *world, struct json *document,
		       const struct back_reference *row, const struct json *referrer)
{
	struct json *target, *list, *reference = json_object(ctx);

	target = gateway_follow(world, document, referrer, row->through, row->collection);
	if (!target)
		return;
	list = json_get(json_get(target, "properties"), row->member);
	if (!list) {
		list = json_array(ctx);
		json_set(ctx, json_get(target, "properties"), row->member, list);
	}
	json_set_text(ctx, reference, "id", json_get_text(referrer, "id"));
	json_append(ctx, list, reference);
}

static void refer_all_back(struct ctx *ctx, const struct world *world, struct json *document)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(back_references); i++) {
		const struct back_reference *row = &back_references[i];

		if (!text_equals(row->from, "pathRules")) {
			json_for_each (child, gateway_list(document, row->from))
				refer_back(ctx, world, document, row, child);
			continue;
		}
		json_for_each (map, gateway_list(document, "urlPathMaps"))
			json_for_each (rule, json_path(map, "properties.pathRules"))
				refer_back(ctx, world, document, row, rule);
	}
}

static void show_version(struct ctx *ctx, struct json *properties, const struct version *version)
{
	const char *id = json_get_text(properties, "keyVaultSecretId");
	const char *name = strcasestr(id, "/secrets/") + strlen("/secrets/");

	json_set_text(ctx, properties, "keyVaultSecretId",
		      arena_printf(ctx->arena, "%.*s/%s",
				   (int)(name - id) + (int)strcspn(name, "/"), id, version->id));
}

static void show_certificate(struct ctx *ctx, const struct world *world, struct json *child)
{
	const char *name = json_get_text(child, "name");
	const struct binding *binding = gateway_binding(world, name);
	const struct upload *upload = gateway_upload(world, name);
	X509 *const *certs = NULL;
	size_t count = 0;
	struct bytes der;

	if (json_get_text(json_get(child, "properties"), "keyVaultSecretId") && binding &&
	    binding->version) {
		certs = binding->version->certs;
		count = binding->version->cert_count;
		if (world->settings.secret_versions_are_shown)
			show_version(ctx, json_get(child, "properties"), binding->version);
	} else if (upload) {
		certs = upload->bag.certs;
		count = upload->bag.cert_count;
	}
	if (!certs)
		return;
	der = crypto_pkcs7(ctx, certs, count);
	json_set_text(ctx, json_get(child, "properties"), "publicCertData",
		      base64_encode(ctx, der.data, der.size));
}

/* What the service works out of the SKU, whatever was sent. */
static void show_sku(struct ctx *ctx, struct json *sku)
{
	const char *name = json_get_text(sku, "name");

	if (name)
		json_set_text(ctx, sku, "family",
			      text_ends_with(name, "_v2") || text_equals(name, "Basic")
				      ? "Generation_2"
				      : "Generation_1");
}

static void show_identity(struct ctx *ctx, const struct world *world, struct json *identity)
{
	if (text_equals(json_get_text(identity, "type"), "UserAssigned"))
		json_set_text(ctx, identity, "type", "userAssigned");
	json_for_each (user, json_get(identity, "userAssignedIdentities")) {
		json_set_text(ctx, user, "principalId", world->gateway->principal->object_id);
		json_set_text(ctx, user, "clientId", world->gateway->principal->client_id);
	}
}

struct json *gateway_render(struct ctx *ctx, const struct world *world, const char *api_version)
{
	const struct gateway *gateway = world->gateway;
	struct json *document = json_dup(ctx, gateway->stored->root);
	struct json *properties = json_get(document, "properties");
	const char *state = gateway->is_updating	       ? "Updating"
			    : gateway->state == GATEWAY_FAILED ? "Failed"
							       : "Succeeded";
	size_t i;

	json_set_text(ctx, document, "etag", gateway->etag);
	json_set_text(ctx, properties, "provisioningState", state);
	json_set_text(ctx, properties, "resourceGuid", "33333333-0000-0000-0000-000000000001");
	json_set_text(ctx, properties, "operationalState",
		      gateway->state == GATEWAY_STOPPED ? "Stopped" : "Running");
	strip_newer(NULL, properties, api_version);
	show_sku(ctx, json_get(properties, "sku"));
	show_identity(ctx, world, json_get(document, "identity"));
	refer_all_back(ctx, world, document);
	for (i = 0; i < gateway_collection_count; i++) {
		const char *name = gateway_collections[i].name;

		json_for_each (child, json_get(properties, name)) {
			decorate(ctx, world, child, name, state);
			strip_newer(name, json_get(child, "properties"), api_version);
		}
	}
	json_for_each (cert, json_get(properties, "sslCertificates"))
		show_certificate(ctx, world, cert);
	json_for_each (map, json_get(properties, "urlPathMaps"))
		json_for_each (rule, json_path(map, "properties.pathRules"))
			decorate(ctx, world, rule, "urlPathMaps/pathRules", state);
	return document;
}
