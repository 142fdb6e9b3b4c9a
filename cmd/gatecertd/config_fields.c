#include "config.h"

#include <stddef.h>

#include "api/hostname.h"
#include "config_check.h"

static const char *const self_check_names[] = {"required", "advisory", "off", NULL};
static const char *const log_level_names[] = {"error", "warn", "info", "debug", NULL};

/* As the SDKs read it; the first two come first so that 0 is "not set". */
static const char *const chain_names[] = {"false", "true", "0", "1", NULL};

#define KEY(member) offsetof(struct api_key, member)

static const struct field api_key_fields[] = {
	{.name = "name", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = KEY(name),
	 .check = config_check_key_name, .help = "Who uses it; appears in the log."},
	{.name = "key", .type = FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_SECRET, .offset = KEY(key),
	 .check = config_check_key, .help = "The key itself."},
	{.name = "readOnly", .type = FIELD_BOOL, .offset = KEY(is_read_only), .fallback = "false",
	 .help = "Whether it may only look."},
	{.name = "hostnames", .type = FIELD_TEXTS, .offset = KEY(hostnames),
	 .help = "Domains that it reaches, with all below them; default: everything."},
	{.name = NULL},
};

#define AT(member) .offset = offsetof(struct config, member)
#define TEXT .type = FIELD_TEXT
#define INT .type = FIELD_INT
#define BOOL .type = FIELD_BOOL
#define CHOICE .type = FIELD_CHOICE
#define REQUIRED .flags = CONFIG_REQUIRED
#define SECRET .flags = FIELD_SECRET

const struct field config_fields[] = {
	{.name = "AcmeEndpoint", TEXT, REQUIRED, AT(acme_endpoint), .check = config_check_https,
	 .help = "Directory URL of the CA; a host alone means <it>/directory."},
	{.name = "AcmeAccountEmail", TEXT, REQUIRED, AT(acme_account_email),
	 .check = config_check_email, .help = "Contact address of the ACME account."},
	{.name = "TenantId", TEXT, REQUIRED, AT(tenant_id), .check = config_check_tenant,
	 .help = "Azure tenant; serves where AZURE_TENANT_ID is not set."},
	{.name = "SubscriptionId", TEXT, REQUIRED, AT(subscription_id), .check = config_check_guid,
	 .help = "Azure subscription of the Application Gateway."},
	{.name = "ApplicationGatewayResourceGroup", TEXT, REQUIRED, AT(resource_group),
	 .check = config_check_resource_group, .help = "Resource group of the Application Gateway."},
	{.name = "ApplicationGatewayName", TEXT, REQUIRED, AT(gateway_name),
	 .check = config_check_resource_name, .help = "Name of the Application Gateway."},
	{.name = "ApplicationGatewayHttpSettingsName", TEXT, REQUIRED, AT(http_settings_name),
	 .check = config_check_resource_name, .help = "HTTP settings that new rules use."},
	{.name = "ApplicationGatewayBackendName", TEXT, REQUIRED, AT(backend_name),
	 .check = config_check_resource_name, .help = "Backend pool that new rules route to."},
	{.name = "BlobContainerUrl", TEXT, REQUIRED, AT(blob_container_url),
	 .check = config_check_container,
	 .help = "Container that the gateway serves /.well-known/acme-challenge/ from."},
	{.name = "KeyVaultBaseUrl", TEXT, REQUIRED, AT(key_vault_base_url),
	 .check = config_check_https_host, .help = "URL of the Key Vault."},

	{.name = "SpecDirectory", TEXT, AT(spec_directory), .fallback = "/etc/gatecert/hostnames.d",
	 .check = config_check_path, .help = "Directory of spec files."},
	{.name = "ApiSpecDirectory", TEXT, AT(api_spec_directory), .check = config_check_path,
	 .help = "Where the API's spec files are kept; default api.d in SpecDirectory."},
	{.name = "StateDirectory", TEXT, AT(state_directory), .fallback = "/var/lib/gatecert",
	 .check = config_check_path, .help = "Directory of what the daemon remembers."},
	{.name = "Listen", TEXT, AT(listen), .fallback = "127.0.0.1:8400",
	 .check = config_check_listen, .help = "Address and port of the HTTP API."},
	{.name = "PublicBaseUrl", TEXT, AT(public_base_url), .check = config_check_http,
	 .help = "Base of the URLs in answers; default: scheme and Host of the request."},
	{.name = "TaskHub", TEXT, AT(task_hub), .fallback = "gatecert", .check = config_check_task_hub,
	 .help = "Value of taskHub in the status URLs."},
	{.name = "ApiKeys", .type = FIELD_OBJECTS, AT(api_keys), .fields = api_key_fields,
	 .element_size = sizeof(struct api_key),
	 .help = "Keys of the HTTP API: a list of {name, key}, name=key or keys, or a map."},
	{.name = "AllowAnonymousStart", BOOL, AT(allow_anonymous_start), .fallback = "false",
	 .help = "Whether the start endpoints ask for no key."},
	{.name = "DnsServers", .type = FIELD_TEXTS, AT(dns_servers), .check = config_check_dns_servers,
	 .help = "DNS servers, each with or without a port; default: those of resolv.conf."},
	{.name = "CaFile", TEXT, AT(ca_file), .check = config_check_path,
	 .help = "PEM file of the CAs to trust instead of the system's."},
	{.name = "Workers", INT, AT(workers), .fallback = "8", .low = 1, .high = 64,
	 .help = "Hostnames worked on at the same time."},
	{.name = "RequestTimeoutSeconds", INT, AT(request_timeout_seconds), .fallback = "30", .low = 1,
	 .high = 600, .help = "How long an outbound request may take."},
	{.name = "InstanceTimeoutSeconds", INT, AT(instance_timeout_seconds), .fallback = "3600",
	 .low = 1, .high = 604800, .help = "When a request of the HTTP API has failed at the latest."},
	{.name = "InstanceRetentionHours", INT, AT(instance_retention_hours), .fallback = "720", .low = 1,
	 .high = 876000, .help = "How long the status of an ended request is kept."},
	{.name = "InstanceRetentionCount", INT, AT(instance_retention_count), .fallback = "10000",
	 .low = 1, .high = 1000000,
	 .help = "How many ended requests are kept at most; the oldest go first."},
	{.name = "Cloud", TEXT, AT(cloud_name), .fallback = "AzureCloud", .check = config_check_cloud,
	 .help = "AzureCloud, AzureChinaCloud or AzureUSGovernment."},
	{.name = "ArmEndpoint", TEXT, AT(arm_endpoint), .check = config_check_https_host,
	 .help = "Azure Resource Manager; default: the cloud's."},
	{.name = "GatewayHttpPort", INT, AT(gateway_http_port), .fallback = "80", .low = 1,
	 .high = 65535, .help = "Where the gateway serves HTTP."},
	{.name = "GatewayHttpsPort", INT, AT(gateway_https_port), .fallback = "443", .low = 1,
	 .high = 65535, .help = "Where the gateway serves HTTPS."},
	{.name = "GatewayGatherSeconds", INT, AT(gateway_gather_seconds), .fallback = "120", .low = 0,
	 .high = 600, .help = "How long a gateway update waits for further hostnames at most."},
	{.name = "SelfCheck", CHOICE, AT(self_check), .fallback = "required",
	 .choices = self_check_names,
	 .help = "Whether the validation file is fetched before the CA does: required, advisory or off."},
	{.name = "AcmeAccountKey", TEXT, AT(acme_account_key), .fallback = "vault",
	 .check = config_check_account_key,
	 .help = "Where the key of the ACME account is: vault, or file:PATH."},
	{.name = "NamePolicy", TEXT, AT(name_policy), .check = config_check_name_policy,
	 .help = "syntax, or public: below a public suffix too; default: public with Let's Encrypt, else syntax."},
	{.name = "KeyType", CHOICE, AT(key_type_choice), .fallback = "RSA-2048",
	 .choices = &key_type_names[KEY_TYPE_RSA_2048],
	 .help = "Type of certificate keys: RSA-2048 or EC-P256."},
	{.name = "VaultChallengeResourceCheck", BOOL, AT(vault_challenge_resource_check),
	 .fallback = "true", .help = "Whether the vault's challenge must name the vault's own domain."},
	{.name = "LogLevel", CHOICE, AT(log_level), .fallback = "info", .choices = log_level_names,
	 .help = "error, warn, info or debug."},

	{.name = "AZURE_TENANT_ID", TEXT, AT(credential.tenant_id), .check = config_check_tenant,
	 .help = "Tenant to sign in to."},
	{.name = "AZURE_CLIENT_ID", TEXT, AT(credential.client_id),
	 .help = "Application, or user-assigned managed identity."},
	{.name = "AZURE_CLIENT_SECRET", TEXT, SECRET, AT(credential.client_secret),
	 .help = "Its secret."},
	{.name = "AZURE_CLIENT_CERTIFICATE_PATH", TEXT, AT(credential.client_certificate_path),
	 .check = config_check_path, .help = "PEM file with its key and certificate."},
	{.name = "AZURE_CLIENT_CERTIFICATE_PASSWORD", TEXT, SECRET,
	 AT(credential.client_certificate_password), .help = "Password of that key."},
	{.name = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", CHOICE, AT(send_certificate_chain),
	 .choices = chain_names, .help = "Whether to send the chain as well."},
	{.name = "AZURE_FEDERATED_TOKEN_FILE", TEXT, AT(credential.federated_token_file),
	 .check = config_check_path, .help = "Token file of a workload identity."},
	{.name = "AZURE_AUTHORITY_HOST", TEXT, AT(credential.authority_host),
	 .check = config_check_https_host, .help = "Where to sign in; default: the cloud's."},
	{.name = "AZURE_TOKEN_CREDENTIALS", TEXT, AT(credential.token_credentials),
	 .help = "Narrows how to sign in: prod, dev or the name of one credential."},
	{.name = "AZURE_POD_IDENTITY_AUTHORITY_HOST", TEXT, AT(credential.pod_identity_authority_host),
	 .check = config_check_http, .help = "Replaces http://169.254.169.254 for managed identities."},
	{.name = NULL},
};

/* Set by the platform for its own daemons, never by people. */
const struct field config_environment_fields[] = {
	{.name = "IDENTITY_ENDPOINT", TEXT, AT(credential.identity_endpoint),
	 .check = config_check_http, .help = "Managed identity of App Service and Arc."},
	{.name = "IDENTITY_HEADER", TEXT, SECRET, AT(credential.identity_header),
	 .help = "What it asks to be shown."},
	{.name = "IMDS_ENDPOINT", TEXT, AT(credential.imds_endpoint), .check = config_check_http,
	 .help = "Tells Arc from App Service."},
	{.name = NULL},
};
