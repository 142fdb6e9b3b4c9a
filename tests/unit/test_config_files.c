/* What the configuration names on its machine: there or not, and whether that can wait. */
#include "tempdir.h"

#include "../../cmd/gatecertd/config.h"
#include "base/fs.h"
#include "unit/check.h"
#include "unit/pki_forge.h"

#define TEN                                                                               \
	"AcmeEndpoint: https://ca.example/\nAcmeAccountEmail: ops@example.com\n"          \
	"TenantId: 11111111-2222-3333-4444-555555555555\n"                                \
	"SubscriptionId: 66666666-7777-8888-9999-aaaaaaaaaaaa\n"                          \
	"ApplicationGatewayResourceGroup: web\nApplicationGatewayName: agw\n"             \
	"ApplicationGatewayHttpSettingsName: http\nApplicationGatewayBackendName: pool\n" \
	"BlobContainerUrl: https://acc.blob.core.windows.net/challenges\n"                \
	"KeyVaultBaseUrl: https://vault.vault.azure.net\n"
#define SPECS "SpecDirectory: %1$s\n"

static const struct {
	const char *sentence, *more; /* %1$s: a directory */
	const char *says;	     /* behind the name of the configuration */
	size_t errors;
} rows[] = {
	{"all is there", SPECS "CaFile: %1$s/ca.pem\nAcmeAccountKey: file:%1$s/new.pem\n", "", 0},
	{"certificates among other things", SPECS "CaFile: %1$s/mixed.pem\n", "", 0},
	{"no file of CAs", SPECS "CaFile: %1$s/none.pem\n",
	 ":12:9: CaFile: %1$s/none.pem cannot be read: No such file or directory", 1},
	{"a directory of CAs", SPECS "CaFile: %1$s\n", ":12:9: CaFile: %1$s is not a regular file",
	 1},
	{"no certificate in it", SPECS "CaFile: %1$s/text.pem\n",
	 ":12:9: CaFile: %1$s/text.pem holds no certificate in PEM", 1},
	{"nothing in it", SPECS "CaFile: %1$s/empty.pem\n",
	 ":12:9: CaFile: %1$s/empty.pem holds no certificate in PEM", 1},
	{"half a certificate in it", SPECS "CaFile: %1$s/cut.pem\n",
	 ":12:9: CaFile: %1$s/cut.pem holds a certificate that cannot be read", 1},
	{"no place for the account's key", SPECS "AcmeAccountKey: file:%1$s/no/account.pem\n",
	 ":12:17: AcmeAccountKey: %1$s/no cannot be used: No such file or directory", 1},
	{"no place for the state", SPECS "StateDirectory: %1$s/no/state\n",
	 ":12:17: StateDirectory: %1$s/no cannot be used: No such file or directory", 1},
	{"a file in its place", SPECS "StateDirectory: %1$s/text.pem/state\n",
	 ":12:17: StateDirectory: %1$s/text.pem is not a directory", 1},
	{"no certificate of the API",
	 SPECS "TlsCertificateFile: %1$s/no.crt\nTlsKeyFile: %1$s/ca.pem\n",
	 ":12:21: TlsCertificateFile: %1$s/no.crt cannot be read: No such file or directory", 1},
	{"no spec files yet", "SpecDirectory: %1$s/no\n",
	 ":11:16: SpecDirectory: %1$s/no cannot be used: No such file or directory", 0},
	{"no token yet",
	 SPECS "AZURE_FEDERATED_TOKEN_FILE: %1$s/token\n"
	       "AZURE_CLIENT_ID: 11111111-2222-3333-4444-555555555555\n",
	 ":12:29: AZURE_FEDERATED_TOKEN_FILE: %1$s/token cannot be read: No such file or directory",
	 0},
};

static const char *filled(struct ctx *ctx, const char *format, const char *directory)
{
	const char *out = "", *mark;

	for (; (mark = strstr(format, "%1$s")); format = mark + strlen("%1$s"))
		out = arena_printf(ctx->arena, "%s%.*s%s", out, (int)(mark - format), format,
				   directory);
	return arena_printf(ctx->arena, "%s%s", out, format);
}

static const char *put(struct ctx *ctx, const char *directory, const char *name, const char *text)
{
	const char *path = fs_join(ctx, directory, name);

	tempdir_write(path, text, 5);
	chmod(path, 0600);
	return path;
}

static void put_certificates(struct ctx *ctx, const char *directory)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct forged forged = {.key = key,
				.issuer_key = key,
				.cn = "Root",
				.issuer_cn = "Root",
				.not_before = FORGE_NOW,
				.not_after = FORGE_NOW + MSEC_PER_DAY};
	struct bytes der = forge_cert(ctx, &forged);
	const char *pem = forge_pem(ctx, "CERTIFICATE", &der);

	put(ctx, directory, "ca.pem", pem);
	put(ctx, directory, "mixed.pem",
	    arena_printf(ctx->arena, "Root\n====\n%s# end\n%s", pem, pem));
	put(ctx, directory, "cut.pem",
	    arena_printf(ctx->arena, "%s%.*s", pem, (int)strlen(pem) / 2, pem));
	put(ctx, directory, "text.pem", "none\n");
	put(ctx, directory, "empty.pem", "");
	EVP_PKEY_free(key);
}

static void test_what_is_named_is_looked_for(void **state)
{
	struct ctx ctx cleanup_ctx;
	const char *directory;

	(void)state;
	check_begin(&ctx);
	directory = tempdir_make(&ctx);
	put_certificates(&ctx, directory);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *text = filled(&ctx, rows[i].more, directory);
		const char *path = put(&ctx, directory, "gatecert.yaml",
				       arena_printf(ctx.arena, TEN "%s", text));
		const char *says = filled(&ctx, rows[i].says, directory);
		struct problems problems;
		struct config *config;

		problems_init(&problems);
		config_load_here(&ctx, path, &config, &problems);
		check_row_text(rows[i].sentence, problems_print(&ctx, &problems, "; "),
			       *says ? arena_printf(ctx.arena, "%s%s", path, says) : "");
		check_row_int(rows[i].sentence, (long long)problems.errors,
			      (long long)rows[i].errors);
		config_free(config);
		problems_init(&problems);
		check_row_int(rows[i].sentence, config_load(&ctx, path, &config, &problems), E_OK);
		check_row_int(rows[i].sentence, (long long)problems.warnings, 0);
		config_free(config);
	}
	tempdir_remove(directory);
}

static void test_what_is_missing_is_told_with_all_the_rest(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct problems problems;
	struct config *config;
	const char *directory, *path;

	(void)state;
	check_begin(&ctx);
	directory = tempdir_make(&ctx);
	path = put(&ctx, directory, "gatecert.yaml",
		   TEN "CaFile: /nowhere/ca.pem\nWorkers: x\nSpecDirectory: relative\n");
	problems_init(&problems);
	assert_int_equal(config_load_here(&ctx, path, &config, &problems), E_REFUSED);
	assert_int_equal(problems.errors, 3);
	tempdir_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_named_is_looked_for),
		cmocka_unit_test(test_what_is_missing_is_told_with_all_the_rest),
	};

	return cmocka_run_group_tests_name("config_files", tests, NULL, NULL);
}
