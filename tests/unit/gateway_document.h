/*
 * gateway_document - a gateway as Azure describes it, for tests of render: states, back-references,
 * parts of others.
 *
 * A change is "COLLECTION JSON" (one more child), "-NAME" (a member of properties less), "*NAME
 * JSON" (a member of properties set) or "+NAME JSON" (a member of the document set). "$G" stands
 * for the gateway's id.
 */
#pragma once

#include "codec/json.h"
#include "unit/check.h"

#define GATEWAY                                                                                \
	"/subscriptions/0/resourceGroups/web/providers/Microsoft.Network/applicationGateways/" \
	"gateway"
#define VAULT "https://vault.test/secrets/"

/* Shorthands of children. */
#define REF(collection, name) "{\"id\":\"$G/" collection "/" name "\"}"
#define LISTENER_ON(frontend, port, name, host, certificate)                                     \
	"httpListeners {\"name\":\"" name "\",\"properties\":{\"frontendIPConfiguration\":" REF( \
		"frontendIPConfigurations",                                                      \
		frontend) ",\"frontendPort\":" REF("frontendPorts",                              \
						   port) ",\"protocol\":\"Https\"," host         \
							 ",\"sslCertificate\":" REF(             \
								 "sslCertificates",              \
								 certificate) "}}"
#define LISTENER(name, host, certificate) LISTENER_ON("public", "https", name, host, certificate)
#define HOST(name)			  "\"hostName\":\"" name "\""
#define CERTIFICATE(name, secret)                                                               \
	"sslCertificates {\"name\":\"" name "\",\"properties\":{\"keyVaultSecretId\":\"" secret \
	"\"}}"
#define RULE(name, listener, priority)                                                      \
	"requestRoutingRules {\"name\":\"" name                                             \
	"\",\"properties\":{\"ruleType\":\"Basic\",\"priority\":" priority                  \
	",\"httpListener\":" REF("httpListeners", listener) ",\"backendAddressPool\":" REF( \
		"backendAddressPools",                                                      \
		"pool") ",\"backendHttpSettings\":" REF("backendHttpSettingsCollection",    \
							"settings") "}}"

static const char gateway_text[] =
	"{\"name\":\"gateway\",\"id\":\"$G\",\"type\":\"Microsoft.Network/applicationGateways\","
	"\"etag\":\"W/\\\"1\\\"\",\"location\":\"westeurope\",\"zones\":[\"1\",\"2\"],"
	"\"tags\":{\"cost center\":\"0042\"},\"unknown\":{\"numbers\":[1.0,1e3,0.10,1E+2,-0]},"
	"\"identity\":{\"type\":\"userAssigned\",\"principalId\":\"p\",\"tenantId\":\"t\","
	"\"userAssignedIdentities\":{\"/Some/"
	"Identity\":{\"principalId\":\"p\",\"clientId\":\"c\"}}},"
	"\"properties\":{\"provisioningState\":\"Succeeded\",\"operationalState\":\"Running\","
	"\"resourceGuid\":\"g\",\"sku\":{\"name\":\"Standard_v2\",\"family\":\"Generation_2\"},"
	"\"newIn2027\":{\"ratio\":1.50,\"list\":[{},[],null]},"
	"\"frontendIPConfigurations\":["
	"{\"name\":\"private\",\"etag\":\"e\",\"properties\":{\"privateIPAddress\":\"10.0.0.4\"}},"
	"{\"name\":\"public\",\"etag\":\"e\",\"properties\":{\"provisioningState\":\"Succeeded\","
	"\"publicIPAddress\":{\"id\":\"/ip\"},\"httpListeners\":[{\"id\":\"x\"}]}}],"
	"\"frontendPorts\":[{\"name\":\"http\",\"properties\":{\"port\":80}},"
	"{\"name\":\"https\",\"properties\":{\"port\":443,\"httpListeners\":[{\"id\":\"x\"}]}}],"
	"\"sslCertificates\":[{\"name\":\"theirs\",\"etag\":\"e\",\"properties\":{"
	"\"publicCertData\":\"MII\",\"httpListeners\":[{\"id\":\"x\"}]}}],"
	"\"backendAddressPools\":[{\"name\":\"pool\",\"etag\":\"e\",\"properties\":{"
	"\"backendAddresses\":[],\"requestRoutingRules\":[{\"id\":\"x\"}]}}],"
	"\"backendHttpSettingsCollection\":[{\"name\":\"settings\",\"etag\":\"e\",\"type\":\"t\","
	"\"properties\":{\"port\":80,\"requestRoutingRules\":[{\"id\":\"x\"}]}}],"
	"\"probes\":[{\"name\":\"probe\",\"properties\":{\"interval\":30.0,"
	"\"backendHttpSettings\":[{\"id\":\"x\"}]}}],"
	"\"httpListeners\":[{\"name\":\"theirs\",\"etag\":\"e\",\"properties\":{"
	"\"frontendIPConfiguration\":" REF(
		"frontendIPConfigurations",
		"public") ","
			  "\"frontendPort\":" REF(
				  "frontendPorts",
				  "https") ",\"protocol\":\"Https\","
					   "\"hostName\":\"www.foreign.example\",\"hostNames\":[],"
					   "\"enableHttp3\":false,"
					   "\"sslCertificate\":" REF(
						   "sslCertificates",
						   "theirs") ","
							     "\"requestRoutingRules\":[{\"id\":"
							     "\"x\"}]}}],"
							     "\"urlPathMaps\":[{\"name\":\"map\","
							     "\"properties\":{"
							     "\"requestRoutingRules\":[],"
							     "\"pathRules\":[{"
							     "\"name\":\"acme\",\"etag\":\"e\","
							     "\"properties\":{"
							     "\"provisioningState\":\"Succeeded\","
							     "\"paths\":[\"/x/*\"]}}]}}],"
							     "\"requestRoutingRules\":[{\"name\":"
							     "\"theirs\",\"etag\":\"e\","
							     "\"properties\":{"
							     "\"ruleType\":\"Basic\",\"priority\":"
							     "10,\"httpListener\":" REF(
								     "httpListeners",
								     "theirs") "}}]}}";

/* "$G" replaced. */
static inline char *gateway_expand(struct ctx *ctx, const char *text)
{
	char *all = arena_strdup(ctx->arena, "");

	for (const char *hole; (hole = strstr(text, "$G")); text = hole + 2)
		all = arena_printf(ctx->arena, "%s%.*s" GATEWAY, all, (int)(hole - text), text);
	return arena_printf(ctx->arena, "%s%s", all, text);
}

static inline struct json *gateway_parse(struct ctx *ctx, const char *text)
{
	const char *expanded = gateway_expand(ctx, text);
	struct json *json = NULL;

	if (json_parse(ctx, expanded, strlen(expanded), &json) != E_OK)
		fail_msg("%s: %s", ctx->fault.text, text);
	return json;
}

static inline void gateway_change(struct ctx *ctx, struct json *document, const char *change)
{
	struct json *properties = json_get(document, "properties");
	const char *space = strchr(change, ' ');
	const char *name = space ? arena_strndup(ctx->arena, change, (size_t)(space - change))
				 : change;

	if (change[0] == '*')
		json_set(ctx, properties, name + 1, gateway_parse(ctx, space + 1));
	else if (change[0] == '-')
		json_remove(properties, change + 1);
	else if (change[0] == '+')
		json_set(ctx, document, name + 1, gateway_parse(ctx, space + 1));
	else
		json_append(ctx, json_get(properties, name), gateway_parse(ctx, space + 1));
}

static inline struct json *gateway_child(const struct json *document, const char *collection,
					 const char *name)
{
	json_for_each (child, json_get(json_get(document, "properties"), collection))
		if (text_equals(json_get_text(child, "name"), name))
			return child;
	return NULL;
}
