#include "config_rig.h"

static void test_defaults(void **state)
{
	const struct config *config;
	struct rig rig;

	(void)state;
	set_up(&rig);
	load(&rig, complete(&rig.ctx, NULL, ""));
	assert_string_equal(printed(&rig), "");
	assert_int_equal(rig.err, E_OK);
	config = rig.config;
	assert_string_equal(config->acme_endpoint, "https://ca.example/directory");
	assert_string_equal(config->blob_container_url,
			    "https://acc.blob.core.windows.net/challenges");
	assert_string_equal(config->key_vault_base_url, "https://vault.vault.azure.net");
	assert_string_equal(config->spec_directory, "/etc/gatecert/hostnames.d");
	assert_null(config->api_spec_directory);
	assert_string_equal(config->state_directory, "/var/lib/gatecert");
	assert_string_equal(config->listen, "127.0.0.1:8400");
	assert_string_equal(config->task_hub, "gatecert");
	assert_null(config->public_base_url);
	assert_null(config->ca_file);
	assert_int_equal(config->workers, 8);
	assert_int_equal(config->requests_per_second, 500);
	assert_int_equal(config->request_timeout_seconds, 90);
	assert_int_equal(config->instance_timeout_seconds, 3600);
	assert_string_equal(config->cloud->name, "AzureCloud");
	assert_string_equal(config->arm_endpoint, "https://management.azure.com");
	assert_string_equal(config->credential.authority_host, "https://login.microsoftonline.com");
	assert_string_equal(config->credential.tenant_id, "11111111-2222-3333-4444-555555555555");
	assert_int_equal(config->gateway_http_port, 80);
	assert_int_equal(config->gateway_https_port, 443);
	assert_int_equal(config->gateway_gather_seconds, 120);
	assert_int_equal(config->self_check, SELF_CHECK_REQUIRED);
	assert_null(config->acme_account_key_file);
	assert_int_equal(config->key_type, KEY_TYPE_RSA_2048);
	assert_true(config->vault_challenge_resource_check);
	assert_false(config->allow_anonymous_start);
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_int_equal(config->api_keys.count, 0);
	assert_int_equal(config->dns_servers.count, 0);
	assert_null(config->credential.send_certificate_chain);
	tear_down(&rig);
}

static void test_required(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(documented); i++) {
		const char *key = documented[i].key;

		load(&rig, complete(&rig.ctx, key, ""));
		check_row_int(key, rig.err, E_REFUSED);
		check_row_int(key, (long long)rig.problems.errors, 1);
		check_row(key,
			  strstr(printed(&rig), arena_printf(rig.ctx.arena, "%s: required", key)));
		setenv(key, documented[i].value, 1);
		load(&rig, complete(&rig.ctx, key, ""));
		check_row_text(key, printed(&rig), "");
		unsetenv(key);
	}
	tear_down(&rig);
}

/* One key written in place of the good one, if there is one. */
static const struct {
	const char *key, *value;
	const char *says; /* NULL: fine */
} values[] = {
	{"AcmeEndpoint", "http://ca.example/",
	 "gatecert.yaml:10:15: AcmeEndpoint: must begin with https://"},
	{"AcmeEndpoint", "ca.example", "AcmeEndpoint: the URL is not absolute"},
	{"AcmeEndpoint", "https://user:pw@ca.example/", "names a user"},
	{"AcmeAccountEmail", "ops", "must be an e-mail address"},
	{"AcmeAccountEmail", "mailto:ops@example.com", "without a name or mailto:"},
	{"TenantId", "contoso.onmicrosoft.com", NULL},
	{"TenantId", "a/b", "must be a tenant's GUID"},
	{"SubscriptionId", "66666666-7777-8888-9999-aaaaaaaaaaaaa", "must be a GUID"},
	{"SubscriptionId", "66666666777788889999aaaaaaaaaaaaaaaa", "must be a GUID"},
	{"SubscriptionId", "my subscription", "must be a GUID"},
	{"ApplicationGatewayResourceGroup", "a/b", "must be a resource group's name"},
	{"ApplicationGatewayResourceGroup", "rg.", "must be a resource group's name"},
	{"ApplicationGatewayName", "/subscriptions/x", "(not its id)"},
	{"ApplicationGatewayName", "''", "must be a resource's name"},
	{"ApplicationGatewayHttpSettingsName", "a b", "must be a resource's name"},
	{"ApplicationGatewayBackendName", "-a", "must be a resource's name"},
	{"BlobContainerUrl", "https://acc.blob.core.windows.net/", "must name the container"},
	{"BlobContainerUrl", "https://acc.blob.core.windows.net", "must name the container"},
	{"BlobContainerUrl", "http://acc.blob.core.windows.net/c", "must begin with https://"},
	{"BlobContainerUrl", "https://acc.blob.core.windows.net/c?sig=x", "a SAS is not used"},
	{"BlobContainerUrl", "https://127.0.0.1:10000/devstoreaccount1/c", NULL},
	{"KeyVaultBaseUrl", "https://v.vault.azure.net/keys", "a path does not belong here"},
	{"KeyVaultBaseUrl", "https://localhost:8443", NULL},
	{"SpecDirectory", "specs", "must be an absolute path"},
	{"Listen", "0.0.0.0:8400", "needs ApiKeys"},
	{"Listen", "'[::]:8400'", "needs ApiKeys"},
	{"Listen", "'[::1]:8400'", NULL},
	{"Listen", "localhost:8400", NULL},
	{"Listen", "127.0.0.2:1", NULL},
	{"Listen", "127.0.0.1", "must be an address and a port"},
	{"Listen", "127.0.0.1:0", "must be an address and a port"},
	{"Listen", "127.0.0.1:65536", "must be an address and a port"},
	{"Listen", "'::1:8400'", "must be an address and a port"},
	{"Listen", "example.com:80", "must be an address and a port"},
	{"PublicBaseUrl", "https://certs.example.com/", NULL},
	{"PublicBaseUrl", "http://127.0.0.1:8400", NULL},
	{"PublicBaseUrl", "ftp://x/", "neither https nor http"},
	{"TaskHub", "a b", "must be 1 to 45 letters"},
	{"DnsServers", "[10.0.0.1, '10.0.0.1:5353', '2001:db8::1', '[2001:db8::1]:53', '[::1]']",
	 NULL},
	{"DnsServers", "10.0.0.1", NULL},
	{"TrustedProxies", "[10.0.0.7, 10.0.1.0/24, '2001:db8::/64']", NULL},
	{"TrustedProxies", "10.0.0.7", NULL},
	{"TrustedProxies", "[proxy.example.com]", "\"proxy.example.com\" must be an address"},
	{"TrustedProxies", "[10.0.0.7/24]", "must be an address, or a network without bits"},
	{"TrustedProxies", "['10.0.0.7:443']", "must be an address"},
	{"DnsServers", "[dns.example.com]", "\"dns.example.com\" must be an IP address"},
	{"DnsServers", "['10.0.0.1:0']", "must be an IP address"},
	{"DnsServers", "['2001:db8::1:53:x']", "must be an IP address"},
	{"Workers", "0", "must be between 1 and 64"},
	{"RequestsPerSecond", "0", "must be between 1 and 1000000"},
	{"RequestsPerSecond", "20", NULL},
	{"TlsCertificateFile", "/etc/gatecert/tls.crt", "needs TlsKeyFile: set both or neither"},
	{"TlsKeyFile", "/etc/gatecert/tls.key", "needs TlsCertificateFile: set both or neither"},
	{"TlsClientCaFile", "/etc/gatecert/ca.crt", "needs TlsCertificateFile and TlsKeyFile"},
	{"TlsKeyFile", "/a.key\nTlsCertificateFile: /a.crt\nTlsClientCaFile: /ca.crt", NULL},
	{"UnixSocket", "/run/gatecert/api.sock", NULL},
	{"UnixSocket", "none", NULL},
	{"UnixSocket", "api.sock", "must be none, or an absolute path"},
	{"UnixSocket", "/run/" KEY_A KEY_A KEY_A KEY_A "/s.sock", "must have at most 107 bytes"},
	{"Workers", "many", "expected a whole number, found many"},
	{"Cloud", "AzureGermany", "must be AzureCloud"},
	{"Cloud", "usgovernment", NULL},
	{"ArmEndpoint", "https://127.0.0.1:9000/", NULL},
	{"GatewayHttpPort", "443", "must differ from GatewayHttpPort"},
	{"GatewayGatherSeconds", "601", "must be between 0 and 600"},
	{"GatewayGatherSeconds", "0", NULL},
	{"SelfCheck", "maybe", "expected required, advisory or off"},
	{"SelfCheck", "off", NULL},
	{"AcmeAccountKey", "file:/etc/gatecert/account.pem", NULL},
	{"AcmeAccountKey", "file:account.pem", "must be an absolute path"},
	{"AcmeAccountKey", "/etc/x", "must be vault, or file:"},
	{"KeyType", "ec-p256", NULL},
	{"KeyType", "RSA-1024", "expected RSA-2048 or EC-P256"},
	{"VaultChallengeResourceCheck", "no", "write false instead"},
	{"LogLevel", "trace", "expected error, warn, info or debug"},
	{"ApiSpecDirectory", "/etc/gatecert/hostnames.d", "must not be SpecDirectory"},
	{"StateDirectory", "/etc/gatecert/hostnames.d/", "must not be a directory of spec files"},
	{"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true", NULL},
	{"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "1", NULL},
	{"AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "maybe", "expected false, true, 0 or 1"},
	{"AZURE_AUTHORITY_HOST", "http://login.example", "must begin with https://"},
	{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:50342", NULL},
	{"AZURE_TOKEN_CREDENTIALS", "everything", "AZURE_TOKEN_CREDENTIALS"},
	{"AZURE_TOKEN_CREDENTIALS", "prod", NULL},
	{"IDENTITY_HEADER", "x", "unknown member IDENTITY_HEADER"},
	{"AcmeEndpont", "x",
	 "gatecert.yaml:11:1: unknown member AcmeEndpont: did you mean AcmeEndpoint?"},
	{"acmeendpoint", "x", "did you mean AcmeEndpoint?"},
};

static void test_values(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		const char *row = arena_printf(rig.ctx.arena, "%s: %s\n", values[i].key,
					       values[i].value);

		load(&rig, complete(&rig.ctx, values[i].key, row));
		if (!values[i].says) {
			check_row_text(row, printed(&rig), "");
			check_row_int(row, rig.err, E_OK);
			continue;
		}
		check_row_int(row, rig.err, E_REFUSED);
		check_row(row, rig.config == NULL);
		check_row_text(row, rig.ctx.fault.reason, "InvalidConfiguration");
		if (!strstr(printed(&rig), values[i].says))
			fail_msg("%s says \"%s\", not \"%s\"", row, printed(&rig), values[i].says);
		check_row_int(row, (long long)rig.problems.errors, 1);
	}
	tear_down(&rig);
}

static void test_all_at_once(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	load(&rig, "Workers: x\nListen: y\nLisen: z\nAZURE_CLIENT_SECRET: [SECRETSECRET]\n"
		   "Workers: 2\nKeyType: x\n");
	assert_int_equal(rig.err, E_REFUSED);
	assert_int_equal(rig.problems.errors, 6 + ARRAY_SIZE(documented));
	assert_non_null(strstr(printed(&rig), "5:1: duplicate key \"Workers\", first in line 1"));
	assert_null(strstr(printed(&rig), "SECRETSECRET"));
	tear_down(&rig);
}

static const struct {
	const char *sentence, *text, *says;
} files[] = {
	{"no YAML", "AcmeEndpoint: [\n", "gatecert.yaml:"},
	{"a list", "- a\n", "gatecert.yaml:1:1: expected a map"},
	{"two documents", "Workers: 1\n---\nWorkers: 2\n", "gatecert.yaml:3:1: only one document"},
	{"a key given twice", "Workers: 1\nWorkers: 2\n", "gatecert.yaml:2:1"},
	{"nothing", "", "AcmeEndpoint: required"},
};

static void test_bad_files(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		load(&rig, files[i].text);
		check_row_int(files[i].sentence, rig.err, E_REFUSED);
		if (!strstr(printed(&rig), files[i].says))
			fail_msg("%s: \"%s\"", files[i].sentence, printed(&rig));
	}
	problems_init(&rig.problems);
	assert_int_equal(
		config_load(&rig.ctx, "/nonexistent/gatecert.yaml", &rig.config, &rig.problems),
		E_REFUSED);
	assert_string_equal(
		printed(&rig),
		"/nonexistent/gatecert.yaml: cannot be read: No such file or directory");
	problems_init(&rig.problems);
	assert_int_equal(config_load(&rig.ctx, "/dev/zero", &rig.config, &rig.problems), E_REFUSED);
	assert_non_null(strstr(printed(&rig), "is not a regular file"));
	tear_down(&rig);
}

static void test_more_is_wrong_than_is_listed(void **state)
{
	const char *text = "";
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (int i = 0; i < PROBLEMS_MAX + 7; i++)
		text = arena_printf(rig.ctx.arena, "%sUnknown%d: 1\n", text, i);
	load(&rig, complete(&rig.ctx, NULL, text));
	assert_int_equal(rig.err, E_REFUSED);
	assert_int_equal(rig.problems.errors, PROBLEMS_MAX + 7);
	assert_true(text_ends_with(printed(&rig), "\nand 7 more"));
	tear_down(&rig);
}

static void test_endpoints(void **state)
{
	static const struct {
		const char *given, *directory;
	} rows[] = {
		{"https://acme-v02.api.letsencrypt.org/",
		 "https://acme-v02.api.letsencrypt.org/directory"},
		{"https://acme-v02.api.letsencrypt.org",
		 "https://acme-v02.api.letsencrypt.org/directory"},
		{"https://ca.example:14000/dir", "https://ca.example:14000/dir"},
		{"https://ca.example:14000", "https://ca.example:14000/directory"},
		{"https://ca.example/acme/acme/directory",
		 "https://ca.example/acme/acme/directory"},
	};
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		load(&rig,
		     complete(&rig.ctx, "AcmeEndpoint",
			      arena_printf(rig.ctx.arena, "AcmeEndpoint: %s\n", rows[i].given)));
		check_row_int(rows[i].given, rig.err, E_OK);
		check_row_text(rows[i].given, rig.config->acme_endpoint, rows[i].directory);
	}
	tear_down(&rig);
}

static void test_name_policies(void **state)
{
	static const struct {
		const char *endpoint, *said, *policy; /* said: NULL for nothing */
	} rows[] = {
		{"https://acme-v02.api.letsencrypt.org/", NULL, "public"},
		{"https://acme-v02.api.letsencrypt.org/directory", NULL, "public"},
		{"https://ACME-STAGING-v02.api.letsencrypt.org/directory", NULL, "public"},
		{"https://acme-v02.api.letsencrypt.org.example/", NULL, "syntax"},
		{"https://ca.example/acme-v02.api.letsencrypt.org", NULL, "syntax"},
		{"https://acme-v02.api.letsencrypt.org/", "syntax", "syntax"},
		{"https://ca.example/", "public", "public"},
		{"https://ca.example/", "strict", NULL},
	};
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *said = rows[i].said;

		load(&rig, complete(&rig.ctx, "AcmeEndpoint",
				    arena_printf(rig.ctx.arena, "AcmeEndpoint: %s\n%s%s\n",
						 rows[i].endpoint, said ? "NamePolicy: " : "",
						 said ? said : "")));
		check_row_int(rows[i].endpoint, rig.err, rows[i].policy ? E_OK : E_REFUSED);
		if (!rows[i].policy) {
			assert_non_null(
				strstr(printed(&rig), "NamePolicy: must be syntax or public"));
			continue;
		}
		check_row_text(rows[i].endpoint, rig.config->name_policy, rows[i].policy);
		check_row_int(rows[i].endpoint, rig.config->hostname_flags,
			      text_equals(rows[i].policy, "public") ? HOSTNAME_PUBLIC_ONLY : 0);
	}
	tear_down(&rig);
}

static void test_sockets(void **state)
{
	static const struct {
		const char *sentence, *directory, *said; /* NULL for nothing */
		const char *path;
		bool is_implied;
	} rows[] = {
		{"by hand there is none", NULL, NULL, NULL, false},
		{"by hand it stands where it is said to", NULL, "/run/x.sock", "/run/x.sock",
		 false},
		{"under systemd it stands in its directory", "/run/gatecert", NULL,
		 "/run/gatecert/api.sock", true},
		{"in the first of several", "/run/a:/run/b", NULL, "/run/a/api.sock", true},
		{"under systemd too where it is said to", "/run/gatecert", "/run/x.sock",
		 "/run/x.sock", false},
		{"nowhere when that is said", "/run/gatecert", "none", NULL, false},
		{"an empty variable is none", "", NULL, NULL, false},
		{"nor is it what no systemd sets", "here", NULL, NULL, false},
	};
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *said = rows[i].said;

		if (rows[i].directory)
			setenv("RUNTIME_DIRECTORY", rows[i].directory, 1);
		load(&rig,
		     complete(&rig.ctx, NULL,
			      said ? arena_printf(rig.ctx.arena, "UnixSocket: %s\n", said) : ""));
		check_row_text(rows[i].sentence, printed(&rig), "");
		check_row_text(rows[i].sentence, rig.config->socket_path, rows[i].path);
		check_row_text(rows[i].sentence, rig.config->unix_socket,
			       rows[i].path ? rows[i].path : "none");
		check_row_int(rows[i].sentence, rig.config->is_socket_implied, rows[i].is_implied);
		unsetenv("RUNTIME_DIRECTORY");
	}
	tear_down(&rig);
}

static void test_environment(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	setenv("Workers", "3", 1);
	setenv("DnsServers", "10.0.0.1, 10.0.0.2:53", 1);
	setenv("AZURE_TENANT_ID", "other.example", 1);
	setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41000/msi/token", 1);
	setenv("IDENTITY_HEADER", "SECRETSECRET", 1);
	setenv("Listen", "", 1);
	load(&rig, complete(&rig.ctx, NULL, "Workers: 5\n"));
	assert_string_equal(printed(&rig), "");
	assert_int_equal(rig.config->workers, 3);
	assert_int_equal(rig.config->dns_servers.count, 2);
	assert_string_equal(rig.config->dns_servers.items[1], "10.0.0.2:53");
	assert_string_equal(rig.config->credential.tenant_id, "other.example");
	assert_string_equal(rig.config->credential.identity_header, "SECRETSECRET");
	assert_string_equal(rig.config->listen, "127.0.0.1:8400");
	setenv("Workers", "x", 1);
	load(&rig, complete(&rig.ctx, NULL, "Workers: 5\n"));
	assert_string_equal(printed(&rig),
			    "environment: Workers: expected a whole number, found \"x\"");
	unsetenv("Workers");
	unsetenv("DnsServers");
	unsetenv("AZURE_TENANT_ID");
	unsetenv("IDENTITY_ENDPOINT");
	unsetenv("IDENTITY_HEADER");
	unsetenv("Listen");
	tear_down(&rig);
}

static void test_secrets_readable_by_all(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	load(&rig, complete(&rig.ctx, NULL, "ApiKeys: " KEY_A "\n"));
	assert_int_equal(rig.problems.warnings, 0);
	chmod(rig.path, 0644);
	config_free(rig.config);
	assert_int_equal(config_load(&rig.ctx, rig.path, &rig.config, &rig.problems), E_OK);
	assert_int_equal(rig.problems.warnings, 1);
	assert_non_null(strstr(printed(&rig), "can be read by everybody"));
	tear_down(&rig);
}

/* What is printed can be loaded, says the same, and no secret. */
static void test_print(void **state)
{
	const char *first, *second;
	struct rig rig;

	(void)state;
	set_up(&rig);
	load(&rig,
	     complete(&rig.ctx, NULL,
		      "ApiKeys: [portal=SECRETSECRETSECRET]\nAZURE_CLIENT_SECRET: SECRETSECRET\n"
		      "AZURE_CLIENT_ID: app\nDnsServers: ['10.0.0.1:53', '::1']\nSelfCheck: off\n"
		      "GatewayGatherSeconds: 0\nPublicBaseUrl: https://x.example/\n"));
	assert_string_equal(printed(&rig), "");
	first = config_print(&rig.ctx, rig.config);
	assert_null(strstr(first, "SECRETSECRET"));
	assert_non_null(strstr(first, "AZURE_CLIENT_SECRET: \"***\"\n"));
	assert_non_null(strstr(
		first, "ApiKeys: [{\"name\":\"portal\",\"key\":\"***\",\"readOnly\":false}]\n"));
	assert_non_null(strstr(first, "AcmeEndpoint: \"https://ca.example/directory\"\n"));
	assert_non_null(strstr(first, "GatewayGatherSeconds: 0\n"));
	load(&rig, first);
	assert_int_equal(rig.problems.errors, 0);
	second = config_print(&rig.ctx, rig.config);
	assert_string_equal(first, second);
	tear_down(&rig);
}

/* Tables people read. */
static void test_every_key_has_help(void **state)
{
	(void)state;
	for (const struct field *field = config_fields; field->name; field++) {
		check_row(field->name, field->help && text_ends_with(field->help, "."));
		for (const struct field *other = config_fields; other != field; other++)
			check_row(field->name, !text_equals(field->name, other->name));
	}
}

static void forget_keys(const struct field *fields)
{
	for (; fields->name; fields++)
		unsetenv(fields->name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_more_is_wrong_than_is_listed),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_name_policies),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_secrets_readable_by_all),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_every_key_has_help),
	};

	/* Nothing of the machine's own settings. */
	unsetenv("RUNTIME_DIRECTORY");
	forget_keys(config_fields);
	forget_keys(config_environment_fields);
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
