#include "azure_script.h"

#include "entra/bearer.h"
#include "entra/challenge.h"

#define VAULT	  "https://shop-vault.vault.azure.net"
#define RESOURCE  "https://vault.azure.net"
#define AUTHORITY "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
#define TOKEN(t)  "{\"access_token\":\"" t "\",\"expires_in\":3600,\"token_type\":\"Bearer\"}"
#define SCOPE	  "scope=https%3A%2F%2Fvault.azure.net%2F.default"
#define ASK	  .request = "POST " AUTHORITY
#define GET_IT	  .request = "GET " VAULT "/certificates/x"
#define CHALLENGE                                                                            \
	{                                                                                    \
		"WWW-Authenticate",                                                          \
			"Bearer authorization=\"https://login.microsoftonline.com/other\", " \
			"resource=\"https://vault.azure.net\""                               \
	}

struct row {
	const char *sentence;
	const char *url; /* NULL: the vault's own */
	bool is_unchecked;
	struct exchange exchanges[8];
	struct outcome outcome;
};

static const struct row rows[] = {
	{"a request gets the token of its service",
	 NULL,
	 false,
	 {{ASK, .sends = SCOPE, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .header = "Authorization: Bearer one", .status = 200}},
	 {.err = E_OK}},
	{"an answer that is no 401 is the caller's",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")}, {GET_IT, .status = 403}},
	 {.err = E_OK}},
	{"a request to another host goes nowhere, without a token",
	 "https://evil.example/x",
	 false,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "ForeignUrl"}},
	{"nor does one to another port",
	 VAULT ":444/x",
	 false,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "ForeignUrl"}},
	{"nor one in the clear",
	 "http://shop-vault.vault.azure.net/x",
	 false,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "ForeignUrl"}},
	{"a refused token is replaced and the request goes out once more",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .header = "Authorization: Bearer one", .status = 401, .headers = {CHALLENGE}},
	  {ASK, .status = 200, .body = TOKEN("two")},
	  {GET_IT, .header = "Authorization: Bearer two", .status = 200}},
	 {.err = E_OK}},
	{"a 401 without a challenge is replaced just so",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .status = 401},
	  {ASK, .status = 200, .body = TOKEN("two")},
	  {GET_IT, .status = 200}},
	 {.err = E_OK}},
	{"a second 401 is the end, with the service's words",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .status = 401, .headers = {CHALLENGE}},
	  {ASK, .status = 200, .body = TOKEN("two")},
	  {GET_IT, .status = 401, .headers = {CHALLENGE},
	   .body = "{\"error\":{\"code\":\"Unauthorized\",\"message\":"
		   "\"AKV10032: "
		   "Invalid issuer.\"}}"}},
	 {.err = E_REFUSED,
	  .reason = "AzureAuthFailed",
	  .says = "Unauthorized: AKV10032: Invalid issuer; check that "
		  "AZURE_TENANT_ID is the tenant of "
		  "https://login.microsoftonline.com/other",
	  .not_says = "two"}},
	{"a sovereign vault says its own audience",
	 NULL,
	 false,
	 {{ASK, .sends = SCOPE, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .status = 401,
	   .headers = {{"WWW-Authenticate", "Bearer authorization=\"https://login.example/t\", "
					    "scope=\"https://azure.net/.default\""}}},
	  {ASK, .sends = "scope=https%3A%2F%2Fazure.net%2F.default", .status = 200,
	   .body = TOKEN("two")},
	  {GET_IT, .header = "Authorization: Bearer two", .status = 200}},
	 {.err = E_OK}},
	{"a host that wants the token of another service gets none",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .status = 401,
	   .headers = {{"WWW-Authenticate", "Bearer resource=\"https://management.azure.com\""}}}},
	 {.err = E_REFUSED, .reason = "ChallengeRefused", .says = "check the vault's URL"}},
	{"an audience in the clear is none",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .status = 401,
	   .headers = {{"WWW-Authenticate", "Bearer resource=\"http://vault.azure.net\""}}}},
	 {.err = E_REFUSED, .reason = "ChallengeRefused"}},
	{"where nobody checks, a challenge does not choose the audience",
	 NULL,
	 true,
	 {{ASK, .sends = SCOPE, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .status = 401,
	   .headers = {{"WWW-Authenticate", "Bearer resource=\"https://management.azure.com\""}}},
	  {ASK, .sends = SCOPE, .status = 200, .body = TOKEN("two")},
	  {GET_IT, .status = 200}},
	 {.err = E_OK}},
	{"claims of a challenge are asked for",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")},
	  {GET_IT, .status = 401,
	   .headers = {{"WWW-Authenticate", "Bearer error=\"insufficient_claims\", "
					    "claims=\"eyJhIjp7ImIiOjF9fQ==\""}}},
	  {ASK, .sends = "&claims=%7B%22a%22%3A%7B%22b%22%3A1%7D%7D", .status = 200,
	   .body = TOKEN("two")},
	  {GET_IT, .header = "Authorization: Bearer two", .status = 200}},
	 {.err = E_OK}},
	{"no token, no request",
	 NULL,
	 false,
	 {{ASK, .status = 401,
	   .body = "{\"error\":\"invalid_client\",\"error_description\":"
		   "\"AADSTS7000215: "
		   "Invalid client secret provided.\"}"}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "Invalid client secret"}},
	{"no answer stays no answer",
	 NULL,
	 false,
	 {{ASK, .status = 200, .body = TOKEN("one")}, {GET_IT, .err = E_CONFLICT}},
	 {.err = E_CONFLICT}},
};

static const struct credential_options secret = {
	.tenant_id = "tenant", .client_id = "client", .client_secret = "s3cret"};

static struct http *wrap(struct script *script, struct credential *credential, bool is_unchecked)
{
	const struct bearer_options options = {
		.credential = credential,
		.inner = &script->http,
		.authority = &script->http,
		.local = &script->http,
		.origin = VAULT,
		.resource = RESOURCE,
		.check_challenge_resource = !is_unchecked,
	};

	return bearer_wrap(script->ctx.arena, &options);
}

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct http_request request = {.kind = HTTP_ONE_SHOT,
						     .method = "GET",
						     .url = rows[i].url ? rows[i].url
									: VAULT "/certificates/x",
						     .timeout = MSEC_PER_SEC};
		struct credential *credential;
		struct http_reply reply;
		struct script script;
		enum err kind;

		script_begin(&script, rows[i].sentence, rows[i].exchanges);
		assert_int_equal(credential_new(&script.ctx, &secret, &credential), E_OK);
		kind = http_send(&script.ctx, wrap(&script, credential, rows[i].is_unchecked),
				 &request, &reply);
		script_expect(&script, kind, &rows[i].outcome);
		script_end(&script);
		credential_free(credential);
	}
}

static void test_challenges(void **state)
{
	static const struct {
		const char *sentence, *header;
		struct challenge wanted;
	} challenges[] = {
		{"nothing", NULL, {.error = NULL}},
		{"another scheme", "Basic realm=\"x\"", {.error = NULL}},
		{"a vault's",
		 "Bearer authorization=\"https://a/t\", resource=\"https://r\"",
		 {.authority = "https://a/t", .resource = "https://r"}},
		{"storage's, without quotes",
		 "Bearer authorization_uri=https://a/t/oauth2/authorize "
		 "resource_id=https://r",
		 {.authority = "https://a/t/oauth2/authorize", .resource = "https://r"}},
		{"ARM's",
		 "Bearer authorization_uri=\"https://a/\", error=\"invalid_token\", "
		 "error_description=\"The \\\"access\\\" token, expired\"",
		 {.authority = "https://a/",
		  .error = "invalid_token",
		  .description = "The \"access\" token, expired"}},
		{"a scope for a resource",
		 "Bearer scope=\"https://r/.default offline\"",
		 {.resource = "https://r"}},
		{"the first of two",
		 "Bearer resource=\"https://1\", resource=\"https://2\"",
		 {.resource = "https://1"}},
		{"claims", "bearer claims=\"eyJhIjoxfQ==\"", {.claims = "{\"a\":1}"}},
		{"claims in the other alphabet",
		 "Bearer claims=eyJhIjoxfQ",
		 {.claims = "{\"a\":1}"}},
		{"claims that are none", "Bearer claims=\"!\"", {.claims = NULL}},
		{"a quote that never ends", "Bearer error=\"abc", {.error = "abc"}},
		{"words without values", "Bearer , , error , = =x", {.error = NULL}},
	};
	static const struct exchange none = {.request = NULL};
	struct script script;

	(void)state;
	script_begin(&script, __func__, &none);
	for (size_t i = 0; i < ARRAY_SIZE(challenges); i++) {
		const struct challenge *wanted = &challenges[i].wanted;
		struct challenge got;

		challenge_read(&script.ctx, challenges[i].header, &got);
		if (!text_equals(got.authority, wanted->authority) ||
		    !text_equals(got.resource, wanted->resource) ||
		    !text_equals(got.error, wanted->error) ||
		    !text_equals(got.description, wanted->description) ||
		    !text_equals(got.claims, wanted->claims))
			fail_msg("%s", challenges[i].sentence);
	}
	script_end(&script);
}

/* The vault told its audience once; the same worker asks for the right token from then on. */
static void what_a_challenge_taught_is_kept(void **state)
{
	static const struct exchange exchanges[] = {
		{ASK, .status = 200, .body = TOKEN("one")},
		{GET_IT, .status = 401,
		 .headers = {{"WWW-Authenticate", "Bearer resource=\"https://azure.net\""}}},
		{ASK, .status = 200, .body = TOKEN("two")},
		{GET_IT, .status = 200},
		{GET_IT, .header = "Authorization: Bearer two", .status = 200},
		{.request = NULL},
	};
	const struct http_request request = {.kind = HTTP_READ,
					     .method = "GET",
					     .url = VAULT "/certificates/x",
					     .timeout = MSEC_PER_SEC};
	struct credential *credential;
	struct http_reply reply;
	struct script script;
	struct http *http;

	(void)state;
	script_begin(&script, __func__, exchanges);
	assert_int_equal(credential_new(&script.ctx, &secret, &credential), E_OK);
	http = wrap(&script, credential, false);
	assert_int_equal(http_send(&script.ctx, http, &request, &reply), E_OK);
	assert_int_equal(http_send(&script.ctx, http, &request, &reply), E_OK);
	script_end(&script);
	credential_free(credential);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(what_a_challenge_taught_is_kept),
	};

	return cmocka_run_group_tests_name("bearer", tests, NULL, NULL);
}
