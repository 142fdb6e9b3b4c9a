#include "credential_rig.h"

#include "entra/cloud.h"

#define AUTHORITY "POST https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
#define IMDS	  "GET http://169.254.169.254/metadata/identity/oauth2/token"
#define IMDS_ASK  IMDS "?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com"
#define ARC_ASK                                                                            \
	"GET http://127.0.0.1:40342/metadata/identity/oauth2/token?api-version=2020-06-01" \
	"&resource=https%3A%2F%2Fmanagement.azure.com"
#define APP_ASK                                                       \
	"GET http://127.0.0.1:41741/msi/token?api-version=2019-08-01" \
	"&resource=https%3A%2F%2Fmanagement.azure.com"
#define MI_TOKEN(t) \
	"{\"access_token\":\"" t "\",\"expires_in\":\"86400\",\"expires_on\":\"1800003600\"}"
#define OAUTH(e, d) "{\"error\":\"" e "\",\"error_description\":\"" d "\"}"
#define REALM(path) .headers = {{"WWW-Authenticate", "Basic realm=" path}}
#define TOKENS	    "/var/opt/azcmagent/tokens/"

#define SECRET .tenant_id = "tenant", .client_id = "client", .client_secret = "s3cr&t"

/* ---- Entra */

static const struct row secrets[] = {
	{"a client secret is sent as a form, escaped",
	 {SECRET},
	 {{.request = AUTHORITY,
	   .status = 200,
	   .body = TOKEN("abc.DEF-_~+/="),
	   .header = "Content-Type: application/x-www-form-urlencoded",
	   .sends = "grant_type=client_credentials&client_id=client&client_secret="
		    "s3cr%26t&"
		    "scope=https%3A%2F%2Fmanagement.azure.com%2F.default"}},
	 {.err = E_OK},
	 "Bearer abc.DEF-_~+/="},
	{"another authority is asked with one slash in between",
	 {SECRET, .authority_host = "https://login.example//"},
	 {{.request = "POST https://login.example/tenant/oauth2/v2.0/token",
	   .status = 200,
	   .body = TOKEN("a")}},
	 {.err = E_OK},
	 "Bearer a"},
	{"empty settings are no settings",
	 {SECRET, .authority_host = "", .federated_token_file = "", .token_credentials = ""},
	 {{.request = AUTHORITY, .status = 200, .body = TOKEN("a")}},
	 {.err = E_OK},
	 "Bearer a"},
	{"a secret wins over a certificate",
	 {SECRET, .client_certificate_path = "/nowhere"},
	 {{.request = AUTHORITY, .sends = "client_secret=", .status = 200, .body = TOKEN("a")}},
	 {.err = E_OK},
	 "Bearer a"},
	{"a wrong secret is refused in Entra's words, without what changes each time",
	 {SECRET},
	 {{.request = AUTHORITY,
	   .status = 401,
	   .body = OAUTH("invalid_client", "AADSTS7000215: Invalid client secret "
					   "provided. Trace ID: 1b0f6b0f-aaaa-bbbb-"
					   "cccc-1b0f6b0faaaa Correlation ID: "
					   "1b0f6b0f-aaaa-bbbb-cccc-1b0f6b0faaaa "
					   "Timestamp: 2026-11-23 15:39:55Z")}},
	 {.err = E_REFUSED,
	  .reason = "AzureAuthFailed",
	  .says = "sign-in with client secret: login.microsoftonline.com answered "
		  "401 Unauthorized "
		  "(AADSTS7000215): Invalid client secret provided; set the "
		  "secret's value",
	  .not_says = "Trace"},
	 NULL},
	{"a wrong secret does not let managed identity have a turn",
	 {SECRET},
	 {{.request = AUTHORITY, .status = 400, .body = OAUTH("unauthorized_client", "no")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed"},
	 NULL},
	{"an unknown authority is refused",
	 {SECRET},
	 {{.request = AUTHORITY, .status = 404}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed"},
	 NULL},
	{"a broken authority is tried again",
	 {SECRET},
	 {{.request = AUTHORITY, .status = 503}},
	 {.err = E_AGAIN, .reason = "AzureAuthUnavailable"},
	 NULL},
	{"a throttling authority says when",
	 {SECRET},
	 {{.request = AUTHORITY, .status = 429, .headers = {{"Retry-After", "9"}}}},
	 {.err = E_THROTTLED, .reason = "AzureAuthUnavailable"},
	 NULL},
	{"no answer is tried again",
	 {SECRET},
	 {{.request = AUTHORITY, .err = E_AGAIN}},
	 {.err = E_AGAIN, .reason = "AzureAuthUnavailable", .says = "sign-in with client secret: "},
	 NULL},
	{"a token that could end the header is none",
	 {SECRET},
	 {{.request = AUTHORITY, .status = 200, .body = TOKEN("a\\r\\nX: y")}},
	 {.err = E_AGAIN,
	  .reason = "AzureAuthUnavailable",
	  .says = "answered without a token",
	  .not_says = "X: y"},
	 NULL},
	{"an answer without a token is none",
	 {SECRET},
	 {{.request = AUTHORITY, .status = 200, .body = "{\"expires_in\":1}"}},
	 {.err = E_AGAIN, .reason = "AzureAuthUnavailable", .says = "answered without a token"},
	 NULL},
};

static const struct file federated_files[] = {
	{"/run/token", "  head.payload.sig\n"},
	{"/run/empty", "\n"},
	{NULL, NULL},
};

#define FEDERATED(path) .tenant_id = "tenant", .client_id = "client", .federated_token_file = path

static const struct row federated[] = {
	{"a federated token is sent as an assertion, without its white space",
	 {FEDERATED("/run/token")},
	 {{.request = AUTHORITY,
	   .status = 200,
	   .body = TOKEN("a"),
	   .sends = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-"
		    "assertion-type"
		    "%3Ajwt-bearer&client_assertion=head.payload.sig&scope="}},
	 {.err = E_OK},
	 "Bearer a"},
	{"an empty token file lets managed identity have its turn",
	 {FEDERATED("/run/empty")},
	 {{.request = IMDS, .status = 400},
	  {.request = IMDS_ASK "&client_id=client", .status = 200, .body = MI_TOKEN("m")}},
	 {.err = E_OK},
	 "Bearer m"},
	{"a missing token file is an error",
	 {FEDERATED("/run/missing")},
	 {{.request = NULL}},
	 {.err = E_REFUSED,
	  .reason = "AzureAuthFailed",
	  .says = "AZURE_FEDERATED_TOKEN_FILE: /run/missing"},
	 NULL},
	{"a subject that matches no credential is explained",
	 {FEDERATED("/run/token")},
	 {{.request = AUTHORITY,
	   .status = 401,
	   .body = OAUTH("invalid_client", "AADSTS700213: No matching federated identity "
					   "record found for presented assertion subject 'x'.")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "subject and audience match"},
	 NULL},
};

/* ---- managed identity */

static const struct row identities[] = {
	{"the metadata service is probed, then asked",
	 {.tenant_id = NULL},
	 {{.request = IMDS, .lacks = "Metadata", .status = 400},
	  {.request = IMDS_ASK, .header = "Metadata: true", .status = 200, .body = MI_TOKEN("m")}},
	 {.err = E_OK},
	 "Bearer m"},
	{"a user-assigned identity is named",
	 {.client_id = "client"},
	 {{.request = IMDS, .status = 400},
	  {.request = IMDS_ASK "&client_id=client", .status = 200, .body = MI_TOKEN("m")}},
	 {.err = E_OK},
	 "Bearer m"},
	{"a host in its place is asked at once",
	 {.pod_identity_authority_host = "http://127.0.0.1:9000/"},
	 {{.request = "GET http://127.0.0.1:9000/metadata/identity/oauth2/token"
		      "?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com",
	   .status = 200,
	   .body = MI_TOKEN("m")}},
	 {.err = E_OK},
	 "Bearer m"},
	{"where it does not answer there is no credential, and all that was tried is listed",
	 {.tenant_id = NULL},
	 {{.request = IMDS, .err = E_AGAIN}},
	 {.err = E_REFUSED,
	  .reason = "NoCredential",
	  .says = "client secret: AZURE_CLIENT_SECRET is not set; client "
		  "certificate: "
		  "AZURE_CLIENT_CERTIFICATE_PATH is not set; workload identity: "
		  "AZURE_FEDERATED_TOKEN_FILE is not set; App Service: "
		  "IDENTITY_HEADER is not set; Azure "
		  "Arc: no Azure Arc agent here; managed identity: the metadata "
		  "service "
		  "(169.254.169.254) does not answer"},
	 NULL},
	{"Docker's proxy is no metadata service",
	 {.tenant_id = NULL},
	 {{.request = IMDS, .status = 403, .body = "connecting: Network is unreachable"}},
	 {.err = E_REFUSED, .reason = "NoCredential"},
	 NULL},
	{"a machine without that identity is told so",
	 {.tenant_id = NULL},
	 {{.request = IMDS, .status = 400},
	  {.request = IMDS_ASK,
	   .status = 400,
	   .body = OAUTH("invalid_request", "Identity not found")}},
	 {.err = E_REFUSED,
	  .reason = "AzureAuthFailed",
	  .says = "Identity not found; assign a managed identity"},
	 NULL},
	{"an update of the metadata service is waited for",
	 {.tenant_id = NULL},
	 {{.request = IMDS, .status = 400}, {.request = IMDS_ASK, .status = 410}},
	 {.err = E_AGAIN, .reason = "AzureAuthUnavailable"},
	 NULL},
	{"404 is its way to say: not yet",
	 {.tenant_id = NULL},
	 {{.request = IMDS, .status = 400}, {.request = IMDS_ASK, .status = 404}},
	 {.err = E_AGAIN, .reason = "AzureAuthUnavailable"},
	 NULL},
	{"429 is a throttle",
	 {.tenant_id = NULL},
	 {{.request = IMDS, .status = 400}, {.request = IMDS_ASK, .status = 429}},
	 {.err = E_THROTTLED, .reason = "AzureAuthUnavailable"},
	 NULL},
	{"App Service is asked with its own header",
	 {.identity_endpoint = "http://127.0.0.1:41741/msi/token", .identity_header = "h"},
	 {{.request = APP_ASK,
	   .header = "X-IDENTITY-HEADER: h",
	   .lacks = "Metadata",
	   .status = 200,
	   .body = MI_TOKEN("a")}},
	 {.err = E_OK},
	 "Bearer a"},
	{"App Service's own kind of error is read",
	 {.identity_endpoint = "http://127.0.0.1:41741/msi/token", .identity_header = "h"},
	 {{.request = APP_ASK,
	   .status = 403,
	   .body = "{\"message\":\"no such identity\",\"correlationId\":\"x\"}"}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "no such identity"},
	 NULL},
	{"the setting that narrows the search leaves the secret aside",
	 {SECRET, .token_credentials = "managedidentitycredential"},
	 {{.request = IMDS, .status = 400},
	  {.request = IMDS_ASK "&client_id=client", .status = 200, .body = MI_TOKEN("m")}},
	 {.err = E_OK},
	 "Bearer m"},
	{"the setting that narrows the search leaves managed identity aside",
	 {.token_credentials = "EnvironmentCredential"},
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "NoCredential", .not_says = "managed identity"},
	 NULL},
};

static const struct file arc_files[] = {
	{"/opt/azcmagent/bin/himds", ""}, {TOKENS "k.key", "the key\n"},
	{TOKENS "odd.key", "a\nb"},	  {TOKENS ".key", "hidden"},
	{"/etc/shadow.key", "not yours"}, {NULL, NULL},
};

#define ARC                                                                           \
	.identity_endpoint = "http://localhost:40342/metadata/identity/oauth2/token", \
	.imds_endpoint = "x"

static const struct row arcs[] = {
	{"Arc names a file, whose content is the proof",
	 {ARC},
	 {{.request = ARC_ASK,
	   .header = "Metadata: true",
	   .lacks = "Authorization",
	   .status = 401,
	   REALM(TOKENS "k.key")},
	  {.request = ARC_ASK,
	   .header = "Authorization: Basic the key",
	   .status = 200,
	   .body = MI_TOKEN("r")}},
	 {.err = E_OK},
	 "Bearer r"},
	{"Arc is found by its program",
	 {.tenant_id = NULL},
	 {{.request = ARC_ASK, .status = 401, REALM("\"" TOKENS "k.key\"")},
	  {.request = ARC_ASK, .status = 200, .body = MI_TOKEN("r")}},
	 {.err = E_OK},
	 "Bearer r"},
	{"a key file elsewhere is not read",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401, REALM("/etc/shadow.key")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "outside of"},
	 NULL},
	{"nor one that climbs",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401, REALM(TOKENS "../../../../etc/shadow.key")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "is none"},
	 NULL},
	{"nor one in a directory below",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401, REALM(TOKENS "x/../../etc/shadow.key")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "is none"},
	 NULL},
	{"nor one that is hidden",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401, REALM(TOKENS ".key")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "is none"},
	 NULL},
	{"nor one of another kind",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401, REALM(TOKENS "k.pem")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "is none"},
	 NULL},
	{"nor one that is missing",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401, REALM(TOKENS "gone.key")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "group himds"},
	 NULL},
	{"nor sent when it would end the header",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401, REALM(TOKENS "odd.key")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "fits no header"},
	 NULL},
	{"a refusal without a file is none",
	 {ARC},
	 {{.request = ARC_ASK, .status = 401}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "without naming"},
	 NULL},
	{"a token without proof is no Arc agent's",
	 {ARC},
	 {{.request = ARC_ASK, .status = 200, .body = MI_TOKEN("r")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "without asking"},
	 NULL},
	{"another identity than the one asked for is refused",
	 {ARC, .client_id = "client"},
	 {{.request = ARC_ASK "&client_id=client", .status = 401, REALM(TOKENS "k.key")},
	  {.request = ARC_ASK "&client_id=client", .status = 200, .body = MI_TOKEN("r")}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "another identity"},
	 NULL},
	{"the identity that was asked for is taken",
	 {ARC, .client_id = "client"},
	 {{.request = ARC_ASK "&client_id=client", .status = 401, REALM(TOKENS "k.key")},
	  {.request = ARC_ASK "&client_id=client",
	   .status = 200,
	   .body = "{\"access_token\":\"u\",\"client_id\":\"CLIENT\"}"}},
	 {.err = E_OK},
	 "Bearer u"},
};

/* ---- settings */

static const struct row settings[] = {
	{"an unknown way to narrow the search is refused",
	 {.token_credentials = "magic"},
	 {{.request = NULL}},
	 {.err = E_REFUSED,
	  .reason = "InvalidCredentialSettings",
	  .says = "AZURE_TOKEN_CREDENTIALS"},
	 NULL},
	{"a developer's credential is none for a daemon",
	 {.token_credentials = "AzureCliCredential"},
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidCredentialSettings"},
	 NULL},
	{"a secret without a tenant is half a set",
	 {.client_id = "c", .client_secret = "s"},
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidCredentialSettings", .says = "AZURE_TENANT_ID"},
	 NULL},
	{"a certificate without a client is half a set",
	 {.tenant_id = "t", .client_certificate_path = "/c"},
	 {{.request = NULL}},
	 {.err = E_REFUSED,
	  .reason = "InvalidCredentialSettings",
	  .says = "AZURE_CLIENT_CERTIFICATE_PATH"},
	 NULL},
	{"a federated token without a client is half a set",
	 {.tenant_id = "t", .federated_token_file = "/c"},
	 {{.request = NULL}},
	 {.err = E_REFUSED,
	  .reason = "InvalidCredentialSettings",
	  .says = "AZURE_FEDERATED_TOKEN_FILE"},
	 NULL},
	{"App Service's header without its endpoint is half a set",
	 {.identity_header = "h"},
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidCredentialSettings", .says = "IDENTITY_ENDPOINT"},
	 NULL},
	{"an authority in the clear is refused",
	 {SECRET, .authority_host = "http://login.example"},
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidCredentialSettings", .says = "AZURE_AUTHORITY_HOST"},
	 NULL},
	{"a tenant that is a path is refused",
	 {.tenant_id = "../x", .client_id = "c", .client_secret = "s"},
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidCredentialSettings", .says = "AZURE_TENANT_ID"},
	 NULL},
};

static void test_secrets(void **state)
{
	(void)state;
	files = NULL;
	run(secrets, ARRAY_SIZE(secrets));
}

static void test_federated(void **state)
{
	(void)state;
	files = federated_files;
	run(federated, ARRAY_SIZE(federated));
}

static void test_identities(void **state)
{
	(void)state;
	files = NULL;
	run(identities, ARRAY_SIZE(identities));
}

static void test_arcs(void **state)
{
	(void)state;
	files = arc_files;
	run(arcs, ARRAY_SIZE(arcs));
}

static void test_settings(void **state)
{
	(void)state;
	files = NULL;
	run(settings, ARRAY_SIZE(settings));
}

/* ---- clouds */

static void test_clouds(void **state)
{
	static const struct {
		const char *given, *name;
	} rows[] = {
		{"AzureCloud", "AzureCloud"},
		{"azurecloud", "AzureCloud"},
		{"Public", "AzureCloud"},
		{"China", "AzureChinaCloud"},
		{"usgovernment", "AzureUSGovernment"},
		{"Mars", NULL},
		{NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct cloud *cloud = cloud_find(rows[i].given);

		if (!text_equals(cloud ? cloud->name : NULL, rows[i].name))
			fail_msg("%s", rows[i].given);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets),	   cmocka_unit_test(test_federated),
		cmocka_unit_test(test_identities), cmocka_unit_test(test_arcs),
		cmocka_unit_test(test_settings),   cmocka_unit_test(test_clouds),
	};

	return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
