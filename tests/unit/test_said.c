#include "azure_script.h"

#include "azure/arm.h"
#include "entra/arm_error.h"
#include "entra/said.h"
#include "unit/check.h"

#define GUID		     "1b0f6b0f-aaaa-bbbb-cccc-1b0f6b0faaaa"
#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"

static void test_locks(void **state)
{
	static const struct {
		const char *sentence;
		int status;
		const char *body;
		bool is_lock;
	} rows[] = {
		{"another operation's lock", 429, ERROR("RetryableErrorDueToAnotherOperation", "x"),
		 true},
		{"the bare word", 429, "{ \"error\" : { \"code\" : \"RetryableError\" } }", true},
		{"the internal one", 429, ERROR("InternalRetriableError", "x"), true},
		{"a quota", 429, ERROR("TooManyRequests", "RetryableError"), false},
		{"a quota that quotes a lock", 429,
		 ERROR("TooManyRequests", "\\\"code\\\":\\\"RetryableError\\\""), false},
		{"a lock under another status", 409, ERROR("RetryableError", "x"), false},
		{"nothing at all", 429, "", false},
		{"a member without a value", 429, "{\"code\"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct http_reply reply = {.status = rows[i].status,
						 .body = rows[i].body,
						 .body_size = strlen(rows[i].body)};

		if (arm_reply_is_lock(&reply) != rows[i].is_lock)
			fail_msg("%s", rows[i].sentence);
	}
}

static void test_words(void **state)
{
	static const struct {
		const char *sentence, *given, *wanted;
	} rows[] = {
		{"lines become one", "a\r\n\r\n  b\tc", "a b c"},
		{"a trailer of ids and times goes",
		 "Bad secret. Trace ID: " GUID " Correlation ID: " GUID
		 " Timestamp: 2026-11-23 15:39:55Z",
		 "Bad secret."},
		{"an id of a thing stays", "client 'x' with object id '" GUID "'",
		 "client 'x' with object id '" GUID "'"},
		{"an id of a request goes", "the correlation id is '" GUID "'.",
		 "the correlation id is '...'."},
		{"times go", "now 2026-11-23T15:39:55.1234567Z, until 2026-11-23T15:39:55Z.",
		 "now (time), until (time)."},
		{"etags go", "header W/\"1-a\" is not W/\"2-b\" of",
		 "header (etag) is not (etag) of"},
		{"a date stays", "use 2025-05-01 or newer", "use 2025-05-01 or newer"},
		{"nothing stays nothing", "", ""},
		{"half an id is text", "1b0f6b0f-aaaa", "1b0f6b0f-aaaa"},
		{"letters of any script stay", "b\xc3\xbcro", "b\xc3\xbcro"},
	};
	struct script script;
	static const struct exchange none = {.request = NULL};

	(void)state;
	script_begin(&script, __func__, &none);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!text_equals(said_clean(&script.ctx, rows[i].given), rows[i].wanted))
			fail_msg("%s: \"%s\"", rows[i].sentence,
				 said_clean(&script.ctx, rows[i].given));
	script_end(&script);
}

static void test_advice_for_a_secret_that_a_gateway_cannot_use(void **state)
{
	static const struct {
		const char *sentence, *code, *outer, *text, *advice;
	} rows[] = {
		{"a disabled one", "ApplicationGatewayKeyVaultSecretAccessDenied", NULL,
		 "Access denied for KeyVault Secret of certificate 'a' (SecretDisabled).",
		 "enable the certificate in Key Vault"},
		{"a deleted one", "ApplicationGatewayKeyVaultSecretAccessDenied", NULL,
		 "... (SecretDeletedFromKeyVault).",
		 "recover the certificate, which was deleted from Key Vault"},
		{"one that it may not read", "ApplicationGatewayKeyVaultSecretAccessDenied", NULL,
		 "... (UserAssignedIdentityDoesNotHaveGetPermissionOnKeyVault).",
		 "grant the gateway's own identity Key Vault Secrets User on the vault and let the "
		 "gateway through the vault's firewall"},
		{"by the code on top", "Odd", "ApplicationGatewayKeyVaultSecretException", "",
		 "grant the gateway's own identity Key Vault Secrets User on the vault and let the "
		 "gateway through the vault's firewall"},
		{"no code and no words", NULL, NULL, "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct arm_error error = {rows[i].code, rows[i].outer, rows[i].text};

		check_row_text(rows[i].sentence, arm_error_advice(&error), rows[i].advice);
	}
}

static void long_words_are_cut_between_characters(void **state)
{
	static const struct exchange none = {.request = NULL};
	struct script script;
	char given[2001];

	(void)state;
	script_begin(&script, __func__, &none);
	for (size_t start = 0; start < 2; start++) {
		const char *words;
		size_t length;

		memset(given, 'a', sizeof(given));
		for (size_t i = start; i + 2 < sizeof(given); i += 2)
			memcpy(given + i, "\xc3\xbc", 2);
		given[sizeof(given) - 1] = '\0';
		words = said_clean(&script.ctx, given);
		length = strlen(words);
		assert_in_range(length, SAID_LENGTH_MAX - 1, SAID_LENGTH_MAX);
		assert_int_equal((unsigned char)words[length - 1], 0xbc);
	}
	script_end(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locks),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_advice_for_a_secret_that_a_gateway_cannot_use),
		cmocka_unit_test(long_words_are_cut_between_characters),
	};

	return cmocka_run_group_tests_name("said", tests, NULL, NULL);
}
