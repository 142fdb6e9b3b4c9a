#include "azure_script.h"

#include "azure/appgateway.h"

#define ARM  "https://management.azure.com"
#define ID   "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/gw"
#define V    "?api-version=2025-05-01"
#define GET  "GET " ARM ID V
#define PUT  "PUT " ARM ID V
#define ETAG "W/\"1b0f6b0f-aaaa-bbbb-cccc-1b0f6b0faaaa\""
#define OPERATIONS                                                                     \
	ARM "/subscriptions/s/providers/Microsoft.Network/locations/west/operations/o" \
	    "?api-version=2025-05-01&t=638&c=MIIHhzCC%2F+&s=a_b-c&h=x%3D"
#define IP_ID(name) \
	"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/publicIPAddresses/" name
#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"
#define GUID		     "1b0f6b0f-aaaa-bbbb-cccc-1b0f6b0faaaa"

struct found {
	struct appgateway_document document;
	struct appgateway_operation operation;
	struct public_ips ips;
};

struct row {
	const char *sentence;
	enum err (*act)(struct ctx *ctx, struct appgateway *gateway, struct found *found);
	struct exchange exchanges[4];
	struct outcome outcome;
	bool (*holds)(const struct found *found);
};

/* ---- acts */

static enum err get(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return appgateway_get(ctx, gateway, &found->document);
}

static enum err get_odd_group(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	gateway->gateway_id = "/subscriptions/s/resourceGroups/b\xc3\xbcro(1)";
	return appgateway_get(ctx, gateway, &found->document);
}

static enum err get_bad_id(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	gateway->gateway_id = "/subscriptions/s/../../x";
	return appgateway_get(ctx, gateway, &found->document);
}

static struct json *document(struct ctx *ctx)
{
	struct json *body = json_object(ctx);

	json_set_text(ctx, body, "location", "westeurope");
	return body;
}

static enum err put(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return appgateway_put(ctx, gateway, document(ctx), ETAG, &found->operation);
}

static enum err put_without_etag(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return appgateway_put(ctx, gateway, document(ctx), NULL, &found->operation);
}

static enum err ask(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return appgateway_operation_get(ctx, gateway, OPERATIONS, &found->operation);
}

static enum err ask_elsewhere(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return appgateway_operation_get(ctx, gateway, "https://management.azure.com.evil.example/o",
					&found->operation);
}

static enum err ips_of(struct ctx *ctx, struct appgateway *gateway, const char *frontends,
		       struct found *found)
{
	char *text = arena_printf(
		ctx->arena, "{\"properties\":{\"frontendIPConfigurations\":[%s]}}", frontends);
	struct json *body;

	assert_int_equal(json_parse(ctx, text, strlen(text), &body), E_OK);
	return appgateway_public_ips(ctx, gateway, body, &found->ips);
}

#define FRONTEND(id) "{\"properties\":{\"publicIPAddress\":{\"id\":\"" id "\"}}}"
#define PRIVATE	     "{\"properties\":{\"privateIPAddress\":\"10.0.0.4\"}}"

static enum err ips(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return ips_of(ctx, gateway,
		      FRONTEND(IP_ID("v4")) "," PRIVATE
					    "," FRONTEND(IP_ID("v6")) "," FRONTEND(IP_ID("V4")),
		      found);
}

static enum err one_ip(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return ips_of(ctx, gateway, FRONTEND(IP_ID("v4")), found);
}

static enum err private_only(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return ips_of(ctx, gateway, PRIVATE, found);
}

static enum err foreign_ip(struct ctx *ctx, struct appgateway *gateway, struct found *found)
{
	return ips_of(ctx, gateway, FRONTEND("/subscriptions/../../evil?x="), found);
}

/* ---- what holds afterwards */

static bool is_whole(const struct found *found)
{
	return text_equals(found->document.etag, ETAG) &&
	       text_equals(found->document.provisioning_state, "Succeeded") &&
	       text_equals(found->document.operational_state, "Running") &&
	       text_equals(json_get_text(found->document.body, "name"), "gw");
}

static bool is_bare(const struct found *found)
{
	return !found->document.etag && text_equals(found->document.provisioning_state, "") &&
	       text_equals(found->document.operational_state, "");
}

static bool runs_there(const struct found *found)
{
	return text_equals(found->operation.url, OPERATIONS) &&
	       found->operation.progress == APPGATEWAY_RUNNING && found->operation.retry_after == 0;
}

static bool runs_patiently(const struct found *found)
{
	return runs_there(found) || (text_equals(found->operation.url, OPERATIONS) &&
				     found->operation.retry_after == 10 * MSEC_PER_SEC);
}

static bool runs_without_url(const struct found *found)
{
	return !found->operation.url && found->operation.progress == APPGATEWAY_RUNNING;
}

static bool is_done(const struct found *found)
{
	return found->operation.progress == APPGATEWAY_SUCCEEDED;
}

static bool runs_elsewhere_now(const struct found *found)
{
	return text_equals(found->operation.url, ARM "/new?x=1") &&
	       found->operation.progress == APPGATEWAY_RUNNING;
}

static bool failed_for_the_secret(const struct found *found)
{
	return found->operation.progress == APPGATEWAY_FAILED &&
	       text_equals(found->operation.code, "ApplicationGatewayKeyVaultSecretAccessDenied") &&
	       strstr(found->operation.message,
		      "ApplicationGatewayKeyVaultSecretException: Problem occured while accessing "
		      "and "
		      "validating KeyVault Secrets; ApplicationGatewayKeyVaultSecretAccessDenied: "
		      "Access "
		      "denied for secret 'shop'; grant the gateway's own identity") != NULL;
}

static bool was_superseded(const struct found *found)
{
	return found->operation.progress == APPGATEWAY_CANCELED &&
	       text_equals(found->operation.code, "CanceledAndSupersededDueToAnotherOperation") &&
	       !strstr(found->operation.message, "1b0f6b0f");
}

static bool failed_silently(const struct found *found)
{
	return found->operation.progress == APPGATEWAY_FAILED && !found->operation.code &&
	       text_equals(found->operation.message, "");
}

static bool has_both_addresses(const struct found *found)
{
	return found->ips.count == 2 && text_equals(found->ips.addresses[0], "203.0.113.7") &&
	       text_equals(found->ips.addresses[1], "2001:db8::7");
}

/* ---- the tables */

#define MONITOR(value) .headers = {{"Azure-AsyncOperation", value}}

static const struct row reads[] = {
	{"a gateway is read with its etag and states",
	 get,
	 {{.request = GET,
	   .kind = HTTP_READ,
	   .status = 200,
	   .header = "Accept: application/json",
	   .body = "{\"name\":\"gw\",\"etag\":\"W/\\\"" GUID "\\\"\",\"properties\":"
		   "{\"provisioningState\":\"Succeeded\",\"operationalState\":"
		   "\"Running\"}}"}},
	 {.err = E_OK},
	 is_whole},
	{"a gateway that says little is read all the same",
	 get,
	 {{.request = GET, .status = 200, .body = "{\"name\":\"gw\"}"}},
	 {.err = E_OK},
	 is_bare},
	{"a resource group of any script is escaped",
	 get_odd_group,
	 {{.request = "GET " ARM "/subscriptions/s/resourceGroups/b%C3%BCro%281%29" V,
	   .status = 200,
	   .body = "{}"}},
	 {.err = E_OK},
	 is_bare},
	{"an id that climbs is never sent",
	 get_bad_id,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidResourceId"},
	 NULL},
	{"a gateway that is not there is not found",
	 get,
	 {{.request = GET,
	   .status = 404,
	   .body = ERROR("ResourceNotFound",
			 "The Resource 'Microsoft.Network/applicationGateways/gw' under "
			 "resource "
			 "group 'rg' was not found.")}},
	 {.err = E_NOTFOUND, .reason = "GatewayNotFound", .says = "application gateway gw: "},
	 NULL},
	{"a missing role is named with the action that needs it",
	 get,
	 {{.request = GET,
	   .status = 403,
	   .body = ERROR("AuthorizationFailed",
			 "The client 'c' with object id '" GUID "' does not have authorization to "
			 "perform action 'Microsoft.Network/applicationGateways/read'")}},
	 {.err = E_REFUSED,
	  .reason = "AuthorizationFailed",
	  .says = "object id '" GUID "' does not have"},
	 NULL},
	{"and what to grant",
	 get,
	 {{.request = GET, .status = 403, .body = ERROR("AuthorizationFailed", "no")}},
	 {.err = E_REFUSED,
	  .reason = "AuthorizationFailed",
	  .says = "; grant this identity the gatecert role"},
	 NULL},
	{"a quota says when",
	 get,
	 {{.request = GET,
	   .status = 429,
	   .headers = {{"Retry-After", "17"}},
	   .body = ERROR("TooManyRequests", "slow")}},
	 {.err = E_THROTTLED, .reason = "TooManyRequests"},
	 NULL},
	{"a garbled gateway is tried again",
	 get,
	 {{.request = GET, .status = 200, .body = "{\"name\":"}},
	 {.err = E_AGAIN},
	 NULL},
	{"a gateway that is no object is tried again",
	 get,
	 {{.request = GET, .status = 200, .body = "[]"}},
	 {.err = E_AGAIN, .reason = "MalformedReply"},
	 NULL},
	{"an error page is no JSON and no trouble",
	 get,
	 {{.request = GET, .status = 502, .body = "<html>"}},
	 {.err = E_AGAIN, .reason = "Http502"},
	 NULL},
};

static const struct row writes[] = {
	{"a gateway is replaced as a whole, under the etag it was read with",
	 put,
	 {{.request = PUT,
	   .kind = HTTP_ONE_SHOT,
	   .status = 200,
	   .header = "If-Match: " ETAG,
	   .sends = "{\"location\":\"westeurope\"}",
	   MONITOR(OPERATIONS),
	   .body = "{}"}},
	 {.err = E_OK},
	 runs_there},
	{"a wait that ARM asks for is told",
	 put,
	 {{.request = PUT,
	   .status = 201,
	   .body = "{}",
	   .headers = {{"azure-asyncoperation", OPERATIONS}, {"Retry-After", "10"}}}},
	 {.err = E_OK},
	 runs_patiently},
	{"an answer that is accepted need not be readable",
	 put,
	 {{.request = PUT, .status = 200, MONITOR(OPERATIONS), .body = "{\"na"}},
	 {.err = E_OK},
	 runs_there},
	{"an operation URL of another origin is not followed",
	 put,
	 {{.request = PUT,
	   .status = 200,
	   MONITOR("https://evil.example/o"),
	   .body = "{\"properties\":{\"provisioningState\":\"Updating\"}}"}},
	 {.err = E_OK},
	 runs_without_url},
	{"without an operation the resource's own state counts",
	 put,
	 {{.request = PUT,
	   .status = 200,
	   .body = "{\"properties\":{\"provisioningState\":\"Succeeded\"}}"}},
	 {.err = E_OK},
	 is_done},
	{"without an operation and a state it is done",
	 put,
	 {{.request = PUT, .status = 200, .body = "{}"}},
	 {.err = E_OK},
	 is_done},
	{"without an operation and readable answer: look",
	 put,
	 {{.request = PUT, .status = 200, .body = "{"}},
	 {.err = E_CONFLICT},
	 NULL},
	{"without an etag nothing is sent, or a deleted gateway would come back",
	 put_without_etag,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "EtagMissing"},
	 NULL},
	{"a stale etag means: look",
	 put,
	 {{.request = PUT,
	   .status = 412,
	   .body = ERROR("PreconditionFailedEtagMismatch", "Etag provided in if-match header "
							   "does not match")}},
	 {.err = E_CONFLICT, .reason = "PreconditionFailedEtagMismatch"},
	 NULL},
	{"the lock of another operation is a conflict, not a quota",
	 put,
	 {{.request = PUT,
	   .status = 429,
	   .headers = {{"Retry-After", "10"}},
	   .body = ERROR("RetryableErrorDueToAnotherOperation",
			 "Operation PutApplicationGatewayOperation (" GUID ") is in progress")}},
	 {.err = E_CONFLICT,
	  .reason = "RetryableErrorDueToAnotherOperation",
	  .says = "Operation (...) is in progress",
	  .not_says = "1b0f6b0f"},
	 NULL},
	{"a lock is one whatever its details say",
	 put,
	 {{.request = PUT,
	   .status = 429,
	   .body = "{\"error\":{\"code\":\"RetryableError\",\"message\":\"x\","
		   "\"details\":"
		   "[{\"code\":\"OperationInProgress\",\"message\":\"y\"}]}}"}},
	 {.err = E_CONFLICT, .reason = "OperationInProgress"},
	 NULL},
	{"a quota is a quota",
	 put,
	 {{.request = PUT,
	   .status = 429,
	   .headers = {{"Retry-After", "10"}},
	   .body = ERROR("TooManyRequests", "The request was throttled.")}},
	 {.err = E_THROTTLED},
	 NULL},
	{"another operation is a conflict",
	 put,
	 {{.request = PUT, .status = 409, .body = ERROR("AnotherOperationInProgress", "x")}},
	 {.err = E_CONFLICT, .reason = "AnotherOperationInProgress"},
	 NULL},
	{"a lock on the resource is a refusal although it is 409",
	 put,
	 {{.request = PUT, .status = 409, .body = ERROR("ScopeLocked", "is locked")}},
	 {.err = E_REFUSED, .reason = "ScopeLocked", .says = "remove the lock"},
	 NULL},
	{"a broken ARM means: look",
	 put,
	 {{.request = PUT, .status = 500}},
	 {.err = E_CONFLICT},
	 NULL},
	{"no answer means: look",
	 put,
	 {{.request = PUT, .err = E_CONFLICT}},
	 {.err = E_CONFLICT},
	 NULL},
	{"a missing role on what the body names is explained",
	 put,
	 {{.request = PUT,
	   .status = 403,
	   .body = ERROR("LinkedAuthorizationFailed", "The client has permission to perform "
						      "action ... on scope ...; however")}},
	 {.err = E_REFUSED,
	  .reason = "LinkedAuthorizationFailed",
	  .says = "Managed Identity Operator"},
	 NULL},
	{"a code that is too long for a reason stands in the text",
	 put,
	 {{.request = PUT,
	   .status = 400,
	   .body = ERROR("ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty", "x")}},
	 {.err = E_REFUSED,
	  .reason = "Http400",
	  .says = "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty: x"},
	 NULL},
	{"a refused body tells its innermost reason",
	 put,
	 {{.request = PUT,
	   .status = 400,
	   .body = "{\"error\":{\"code\":\"InvalidRequestFormat\",\"message\":"
		   "\"Cannot parse the "
		   "request.\",\"details\":[{\"code\":\"DuplicateResourceName\","
		   "\"message\":\"two "
		   "listeners\\r\\nnamed "
		   "x\"},{\"code\":\"Other\",\"message\":\"y\"}]}}"}},
	 {.err = E_REFUSED,
	  .reason = "DuplicateResourceName",
	  .says = "InvalidRequestFormat: Cannot parse the request.; "
		  "DuplicateResourceName: two listeners "
		  "named x; Other: y"},
	 NULL},
};

#define ASK	  "GET " OPERATIONS
#define STATUS(s) "{\"status\":\"" s "\"}"

static const struct row operations[] = {
	{"an operation is asked for at its URL, byte for byte",
	 ask,
	 {{.request = ASK, .kind = HTTP_READ, .status = 200, .body = STATUS("InProgress")}},
	 {.err = E_OK},
	 runs_there},
	{"a status that nobody knows still runs",
	 ask,
	 {{.request = ASK, .status = 200, .body = STATUS("Preparing")}},
	 {.err = E_OK},
	 runs_there},
	{"succeeded is done in any case",
	 ask,
	 {{.request = ASK, .status = 200, .body = STATUS("succeeded")}},
	 {.err = E_OK},
	 is_done},
	{"a poll may hand out a new URL",
	 ask,
	 {{.request = ASK, .status = 202, .headers = {{"Location", ARM "/new?x=1"}}}},
	 {.err = E_OK},
	 runs_elsewhere_now},
	{"a new URL elsewhere is ignored",
	 ask,
	 {{.request = ASK, .status = 202, .headers = {{"Location", "https://evil.example/"}}}},
	 {.err = E_OK},
	 runs_there},
	{"a Location that ends with nothing is done",
	 ask,
	 {{.request = ASK, .status = 204}},
	 {.err = E_OK},
	 is_done},
	{"a Location that ends with the resource is as far as that",
	 ask,
	 {{.request = ASK,
	   .status = 200,
	   .body = "{\"properties\":{\"provisioningState\":\"Updating\"}}"}},
	 {.err = E_OK},
	 runs_there},
	{"a document that says nothing is not yet done",
	 ask,
	 {{.request = ASK, .status = 200, .body = "{\"name\":\"o\"}"}},
	 {.err = E_OK},
	 runs_there},
	{"a failed operation is an answer, with its innermost reason and what to do",
	 ask,
	 {{.request = ASK,
	   .status = 200,
	   .body = "{\"status\":\"Failed\",\"error\":{\"code\":"
		   "\"ApplicationGatewayKeyVaultSecretException\",\"message\":"
		   "\"Problem occured "
		   "while accessing and validating KeyVault "
		   "Secrets\",\"details\":[{\"code\":"
		   "\"ApplicationGatewayKeyVaultSecretAccessDenied\",\"message\":"
		   "\"Access denied "
		   "for secret 'shop'\"}]}}"}},
	 {.err = E_OK},
	 failed_for_the_secret},
	{"a canceled operation tells by whom, without the id of that operation",
	 ask,
	 {{.request = ASK,
	   .status = 200,
	   .body = "{\"status\":\"Canceled\",\"error\":{\"code\":\"Canceled\","
		   "\"message\":"
		   "\"Operation was canceled.\",\"details\":[{\"code\":"
		   "\"CanceledAndSupersededDueToAnotherOperation\",\"message\":"
		   "\"Operation "
		   "PutApplicationGatewayOperation (" GUID ") was canceled and superseded by "
		   "operation PutApplicationGatewayOperation (" GUID ").\"}]}}"}},
	 {.err = E_OK},
	 was_superseded},
	{"a failed operation may say nothing more",
	 ask,
	 {{.request = ASK, .status = 200, .body = STATUS("Failed")}},
	 {.err = E_OK},
	 failed_silently},
	{"a forgotten operation is not found",
	 ask,
	 {{.request = ASK, .status = 404, .body = ERROR("OperationNotFound", "gone")}},
	 {.err = E_NOTFOUND},
	 NULL},
	{"a garbled status is asked for again",
	 ask,
	 {{.request = ASK, .status = 200, .body = "{\"status"}},
	 {.err = E_AGAIN},
	 NULL},
	{"a URL elsewhere is never asked",
	 ask_elsewhere,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "ForeignUrl"},
	 NULL},
};

#define IP(name)               \
	"GET " ARM IP_ID(name) \
	V

static const struct row addresses[] = {
	{"each public frontend is read once, and its address spelled one way",
	 ips,
	 {{.request = IP("v4"),
	   .status = 200,
	   .body = "{\"properties\":{\"ipAddress\":\"203.0.113.7\"}}"},
	  {.request = IP("v6"),
	   .status = 200,
	   .body = "{\"properties\":{\"ipAddress\":\"2001:DB8:0::7\"}}"}},
	 {.err = E_OK},
	 has_both_addresses},
	{"an address that is not there yet is awaited",
	 one_ip,
	 {{.request = IP("v4"), .status = 200, .body = "{\"properties\":{}}"}},
	 {.err = E_REFUSED, .reason = "NoPublicIp", .says = "no address yet"},
	 NULL},
	{"an address that is none counts as missing",
	 one_ip,
	 {{.request = IP("v4"),
	   .status = 200,
	   .body = "{\"properties\":{\"ipAddress\":\"gw.example.com\"}}"}},
	 {.err = E_REFUSED, .reason = "NoPublicIp"},
	 NULL},
	{"a gateway with a private frontend alone is told so",
	 private_only,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "NoPublicIp", .says = "give it a public IP"},
	 NULL},
	{"a public IP that is gone does not look like a gateway that is",
	 one_ip,
	 {{.request = IP("v4"), .status = 404, .body = ERROR("ResourceNotFound", "x")}},
	 {.err = E_REFUSED,
	  .reason = "NoPublicIp",
	  .says = "application gateway gw: public IP v4: "},
	 NULL},
	{"an id that leads elsewhere is never asked",
	 foreign_ip,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidResourceId"},
	 NULL},
};

static void run(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct script script;
		struct appgateway gateway = {
			.endpoint = ARM, .gateway_id = ID, .api_version = "2025-05-01"};
		struct found found;
		enum err kind;

		memset(&found, 0, sizeof(found));
		script_begin(&script, rows[i].sentence, rows[i].exchanges);
		gateway.http = &script.http;
		kind = rows[i].act(&script.ctx, &gateway, &found);
		script_expect(&script, kind, &rows[i].outcome);
		if (rows[i].holds && !rows[i].holds(&found))
			fail_msg("%s: what came back is not that (%s)", rows[i].sentence,
				 found.operation.message ? found.operation.message : "");
		script_end(&script);
	}
}

static void test_reads(void **state)
{
	(void)state;
	run(reads, ARRAY_SIZE(reads));
}

static void test_writes(void **state)
{
	(void)state;
	run(writes, ARRAY_SIZE(writes));
}

static void test_operations(void **state)
{
	(void)state;
	run(operations, ARRAY_SIZE(operations));
}

static void test_addresses(void **state)
{
	(void)state;
	run(addresses, ARRAY_SIZE(addresses));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_writes),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("appgateway", tests, NULL, NULL);
}
