#include "world/gateway_seed.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

/* $G the gateway's id; odd numbers and unknown members are there to be kept as they are. */
static const char seed_frame[] =
	"{\"name\":\"x\",\"location\":\"westeurope\",\"zones\":[\"1\",\"2\",\"3\"],"
	"\"tags\":{\"owner\":\"platform team\",\"cost center\":\"0042\"},"
	"\"identity\":{\"type\":\"UserAssigned\",\"userAssignedIdentities\":{\"$IDENTITY\":{}}},"
	"\"extendedLocation2\":{\"kind\":\"unknown to all\",\"weights\":[1.0,1e3,0.10]},"
	"\"properties\":{"
	"\"sku\":{\"name\":\"Standard_v2\",\"tier\":\"Standard_v2\",\"family\":\"Generation_2\"},"
	"\"autoscaleConfiguration\":{\"minCapacity\":0,\"maxCapacity\":2},"
	"\"enableHttp2\":true,\"enableFips\":false,"
	"\"sslPolicy\":{\"policyType\":\"Predefined\",\"policyName\":\"AppGwSslPolicy20220101\"},"
	"\"globalConfiguration\":{\"enableRequestBuffering\":true,\"enableResponseBuffering\":true}"
	","
	"\"somethingNewIn2027\":{\"ratio\":1.50,\"big\":1E+2,\"list\":[{},[],null]},"
	"\"gatewayIPConfigurations\":[{\"name\":\"appgw-ip-configuration\",\"properties\":{"
	"\"subnet\":{"
	"\"id\":\"$SUBNET\"}}}],"
	"\"frontendIPConfigurations\":[{\"name\":\"appgw-public-ip\",\"properties\":{"
	"\"privateIPAllocationMethod\":\"Dynamic\",\"publicIPAddress\":{\"id\":\"$PUBLICIP\"}}}],"
	"\"frontendPorts\":[{\"name\":\"port-80\",\"properties\":{\"port\":80}},"
	"{\"name\":\"port-443\",\"properties\":{\"port\":443}}],"
	"\"sslCertificates\":[{\"name\":\"foreign-uploaded-cert\",\"properties\":{}}],"
	"\"probes\":[{\"name\":\"foreign-probe\",\"properties\":{\"protocol\":\"Https\",\"path\":"
	"\"/health\",\"interval\":30,\"timeout\":30,\"unhealthyThreshold\":3,\"minServers\":0,"
	"\"pickHostNameFromBackendHttpSettings\":true,\"enableProbeProxyProtocolHeader\":false,"
	"\"match\":{\"statusCodes\":[\"200-399\"],\"body\":\"\"},\"jitter\":1.0,\"window\":1e3}}],"
	"";

static const char seed_sites[] =
	"\"backendAddressPools\":["
	"{\"name\":\"appgw-backend\",\"properties\":{\"backendAddresses\":[{\"ipAddress\":"
	"\"10.0.1.4\"},{\"fqdn\":\"app.internal.example\"}]}},"
	"{\"name\":\"acme-challenge\",\"properties\":{\"backendAddresses\":[{\"fqdn\":"
	"\"$BLOBHOST\"}]}},"
	"{\"name\":\"foreign-pool\",\"properties\":{\"backendAddresses\":[{\"ipAddress\":"
	"\"10.0.2.7\"}]}}],"
	"\"backendHttpSettingsCollection\":["
	"{\"name\":\"appgw-http-settings\",\"properties\":{\"port\":80,\"protocol\":\"Http\","
	"\"cookieBasedAffinity\":\"Disabled\",\"requestTimeout\":30}},"
	"{\"name\":\"acme-challenge\",\"properties\":{\"port\":443,\"protocol\":\"Https\","
	"\"cookieBasedAffinity\":\"Disabled\",\"requestTimeout\":20,\"path\":"
	"\"$BLOBPATH/.well-known/acme-challenge/\",\"pickHostNameFromBackendAddress\":true}},"
	"{\"name\":\"foreign-settings\",\"properties\":{\"port\":8443,\"protocol\":\"Https\","
	"\"cookieBasedAffinity\":\"Enabled\",\"affinityCookieName\":\"ApplicationGatewayAffinity\","
	"\"requestTimeout\":30,\"validateSNI\":true,\"sniName\":\"backend.foreign.example\","
	"\"connectionDraining\":{\"enabled\":true,\"drainTimeoutInSec\":60},"
	"\"probe\":{\"id\":\"$G/probes/foreign-probe\"}}}],"
	"\"httpListeners\":["
	"{\"name\":\"http-80\",\"properties\":{\"frontendIPConfiguration\":{\"id\":"
	"\"$G/frontendIPConfigurations/appgw-public-ip\"},\"frontendPort\":{\"id\":"
	"\"$G/frontendPorts/port-80\"},\"protocol\":\"Http\"}},"
	"{\"name\":\"foreign-https\",\"properties\":{\"frontendIPConfiguration\":{\"id\":"
	"\"$G/frontendIPConfigurations/appgw-public-ip\"},\"frontendPort\":{\"id\":"
	"\"$G/frontendPorts/port-443\"},\"protocol\":\"Https\",\"sslCertificate\":{\"id\":"
	"\"$G/sslCertificates/foreign-uploaded-cert\"},\"hostName\":\"www.foreign.example\","
	"\"requireServerNameIndication\":true,\"customErrorConfigurations\":[{\"statusCode\":"
	"\"HttpStatus502\",\"customErrorPageUrl\":\"https://errors.foreign.example/502.html\"}]}},"
	"{\"name\":\"foreign-http\",\"properties\":{\"frontendIPConfiguration\":{\"id\":"
	"\"$G/frontendIPConfigurations/appgw-public-ip\"},\"frontendPort\":{\"id\":"
	"\"$G/frontendPorts/port-80\"},\"protocol\":\"Http\",\"hostNames\":["
	"\"www.foreign.example\",\"foreign.example\"]}}],"
	"\"urlPathMaps\":[{\"name\":\"acme-challenge\",\"properties\":{"
	"\"defaultBackendAddressPool\":{\"id\":\"$G/backendAddressPools/appgw-backend\"},"
	"\"defaultBackendHttpSettings\":{\"id\":\"$G/backendHttpSettingsCollection/"
	"appgw-http-settings"
	"\"},\"pathRules\":[{\"name\":\"acme-challenge\",\"properties\":{\"paths\":["
	"\"/.well-known/acme-challenge/*\"],\"backendAddressPool\":{\"id\":"
	"\"$G/backendAddressPools/acme-challenge\"},\"backendHttpSettings\":{\"id\":"
	"\"$G/backendHttpSettingsCollection/acme-challenge\"}}}]}}],"
	"\"requestRoutingRules\":["
	"{\"name\":\"http-80\",\"properties\":{\"ruleType\":\"PathBasedRouting\",\"priority\":"
	"20000,"
	"\"httpListener\":{\"id\":\"$G/httpListeners/http-80\"},\"urlPathMap\":{\"id\":"
	"\"$G/urlPathMaps/acme-challenge\"}}},"
	"{\"name\":\"foreign-https\",\"properties\":{\"ruleType\":\"Basic\",\"priority\":10,"
	"\"httpListener\":{\"id\":\"$G/httpListeners/"
	"foreign-https\"},\"backendAddressPool\":{\"id\":"
	"\"$G/backendAddressPools/foreign-pool\"},\"backendHttpSettings\":{\"id\":"
	"\"$G/backendHttpSettingsCollection/foreign-settings\"}}},"
	"{\"name\":\"foreign-http\",\"properties\":{\"ruleType\":\"Basic\",\"priority\":20,"
	"\"httpListener\":{\"id\":\"$G/httpListeners/foreign-http\"},\"redirectConfiguration\":{"
	"\"id\":\"$G/redirectConfigurations/foreign-redirect\"}}}],"
	"\"redirectConfigurations\":[{\"name\":\"foreign-redirect\",\"properties\":{"
	"\"redirectType\":"
	"\"Permanent\",\"targetListener\":{\"id\":\"$G/httpListeners/foreign-https\"},"
	"\"includePath\":true,\"includeQueryString\":true}}],"
	"\"rewriteRuleSets\":[{\"name\":\"foreign-rewrites\",\"properties\":{\"rewriteRules\":[{"
	"\"name\":\"strip-server\",\"ruleSequence\":100,\"conditions\":[],\"actionSet\":{"
	"\"requestHeaderConfigurations\":[],\"responseHeaderConfigurations\":[{\"headerName\":"
	"\"Server\",\"headerValue\":\"\"}]}}]}}]}}";

void gateway_seed_names(struct world *world, const struct place_options *options)
{
	struct gateway *gateway = world->gateway;
	struct arena *arena = world->keep.arena;
	const char *providers;
	int group;

	gateway->id = gateway->place.where;
	gateway->name = strrchr(gateway->id, '/') + 1;
	gateway->location = "westeurope";
	gateway->ip = arena_strdup(arena, options->ip);
	gateway->blob_container_url = arena_strdup(
		arena, options->blob_container_url ? options->blob_container_url
						   : world->options.blob_container_url);
	providers = strcasestr(gateway->id, "/providers/");
	assert(providers);
	group = (int)(providers - gateway->id);
	gateway->public_ip_id =
		arena_printf(arena, "%.*s/providers/Microsoft.Network/publicIPAddresses/%s-pip",
			     group, gateway->id, gateway->name);
	gateway->identity_id = arena_printf(
		arena,
		"%.*s/providers/Microsoft.ManagedIdentity/userAssignedIdentities/%s-identity",
		group, gateway->id, gateway->name);
	gateway->subnet_id = arena_printf(
		arena, "%.*s/providers/Microsoft.Network/virtualNetworks/vnet/subnets/appgw", group,
		gateway->id);
}

/* "https://host[:port]/path" to host and path. */
static void split_blob_url(struct ctx *ctx, const char *url, const char **host, const char **path)
{
	const char *start = strstr(url, "://") + 3;
	size_t length = strcspn(start, ":/");
	const char *slash = strchr(start, '/');
	char *own;

	*host = arena_strndup(ctx->arena, start, length);
	own = arena_strdup(ctx->arena, slash ? slash : "");
	while (*own && own[strlen(own) - 1] == '/')
		own[strlen(own) - 1] = '\0';
	*path = own;
}

struct json *gateway_seed_document(struct ctx *ctx, struct world *world)
{
	const char *host, *path, *at;
	struct json *document = NULL;
	struct buf text;
	size_t i;

	split_blob_url(ctx, world->gateway->blob_container_url, &host, &path);
	const struct {
		const char *name, *value;
	} values[] = {
		{"$IDENTITY", world->gateway->identity_id},
		{"$SUBNET", world->gateway->subnet_id},
		{"$PUBLICIP", world->gateway->public_ip_id},
		{"$BLOBHOST", host},
		{"$BLOBPATH", path},
		{"$G", world->gateway->id},
	};
	buf_init(&text, (size_t)1 << 20);
	for (at = arena_printf(ctx->arena, "%s%s", seed_frame, seed_sites); *at; at++) {
		for (i = 0; i < ARRAY_SIZE(values); i++)
			if (*at == '$' && text_starts_with(at, values[i].name))
				break;
		if (i == ARRAY_SIZE(values)) {
			buf_add(&text, at, 1);
			continue;
		}
		buf_adds(&text, values[i].value);
		at += strlen(values[i].name) - 1;
	}
	assert(json_parse(ctx, text.data, text.size, &document) == E_OK);
	buf_fini(&text);
	return document;
}

void gateway_seed_uploads(struct world *world)
{
	static const char *names[] = {"www.foreign.example", "foreign.example"};
	struct upload *upload = arena_new_one(world->keep.arena, struct upload);
	struct crypto_issue issue = {
		.issuer_key = crypto_process_key(),
		.key = crypto_process_key(),
		.common_name = names[0],
		.dns_names = names,
		.dns_name_count = ARRAY_SIZE(names),
		.not_before = world_seconds(world) - 86400,
		.not_after = world_seconds(world) + (int64_t)400 * 86400,
		.rng = world->doors->rng,
	};

	upload->name = "foreign-uploaded-cert";
	upload->bag.key = crypto_process_key();
	EVP_PKEY_up_ref(upload->bag.key);
	upload->bag.certs[0] = crypto_issue(&issue);
	upload->bag.cert_count = 1;
	upload->next = world->gateway->uploads;
	world->gateway->uploads = upload;
}
