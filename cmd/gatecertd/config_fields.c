#include "config.h"

#include <stddef.h>

#include "api/hostname.h"
#include "config_check.h"

static const char *const self_check_names[] = {"required", "advisory", "off", NULL};
static const char *const cloud_names[] = {"AzureCloud", "AzureChinaCloud", "AzureUSGovernment", NULL};
static const char *const name_policies[] = {"syntax", "public", NULL};
static const char *const log_level_names[] = {"error", "warn", "info", "debug", NULL};

/* As the SDKs read it; the first two come first so that 0 is "not set". */
static const char *const chain_names[] = {"false", "true", "0", "1", NULL};

/* Each check, with what a schema can say of it. */
#define EMAIL                                                                              \
	.check = config_check_email, .pattern = "^[^\\s,;:<>\"\\\\@]+@[^\\s,;:<>\"\\\\@]*\\." \
						"[^\\s,;:<>\"\\\\@]*$"
#define TENANT .check = config_check_tenant, .pattern = "^[-A-Za-z0-9.]{1,253}$"
#define GUID                          \
	.check = config_check_guid,   \
	.pattern = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
#define RESOURCE_GROUP \
	.check = config_check_resource_group, .pattern = "^[-A-Za-z0-9_.()]{0,89}[-A-Za-z0-9_()]$"
#define RESOURCE_NAME \
	.check = config_check_resource_name, .pattern = "^[A-Za-z0-9][-A-Za-z0-9_.]{0,79}$"
#define TASK_HUB .check = config_check_task_hub, .pattern = "^[-A-Za-z0-9_]{1,45}$"
#define HTTPS .check = config_check_https, .pattern = "^https://[^/?#@\\s]+(/[^?#\\s]*)?$"
#define HTTPS_HOST .check = config_check_https_host, .pattern = "^https://[^/?#@\\s]+/?$"
#define HTTP .check = config_check_http, .pattern = "^https?://[^/?#@\\s]+(/[^?#\\s]*)?$"
#define CONTAINER \
	.check = config_check_container, .pattern = "^https://[^/?#@\\s]+/+[^/?#\\s][^?#\\s]*$"
#define PATH .check = config_check_path, .pattern = "^/"
#define SOCKET_PATH .check = config_check_socket_path, .pattern = "^/.{0,106}$"
#define ACCOUNT_KEY .check = config_check_account_key, .pattern = "^(vault$|file:/)"
#define LISTEN                                     \
	.check = config_check_listen,              \
	.pattern = "^([0-9.]+|localhost|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$"
#define SERVERS .check = config_check_dns_servers, .pattern = "^[0-9A-Fa-f:.\\[\\]]+$"
#define CLOUD .check = config_check_cloud, .choices = cloud_names
#define NAME_POLICY .check = config_check_name_policy, .choices = name_policies
#define KEY_NAME .check = config_check_key_name, .pattern = "^[-A-Za-z0-9_.]{1,64}$"
#define KEY_TEXT .check = config_check_key, .pattern = "^[!-~]{1,512}$"

#define KEY(member) offsetof(struct api_key, member)

static const struct field api_key_fields[] = {
	{.name = "name", .type = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = KEY(name),
	 KEY_NAME, .help = "Who uses it; appears in the log."},
	{.name = "key", .type = FIELD_TEXT, .flags = FIELD_REQUIRED | FIELD_SECRET, .offset = KEY(key),
	 KEY_TEXT, .help = "The key itself."},
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
	{.name = "AcmeEndpoint", TEXT, REQUIRED, AT(acme_endpoint), HTTPS,
	 .help = "Directory URL of the CA; a host alone means <it>/directory."},
	{.name = "AcmeAccountEmail", TEXT, REQUIRED, AT(acme_account_email),
	 EMAIL, .help = "Contact address of the ACME account."},
	{.name = "TenantId", TEXT, REQUIRED, AT(tenant_id), TENANT,
	 .help = "Azure tenant; serves where AZURE_TENANT_ID is not set."},
	{.name = "SubscriptionId", TEXT, REQUIRED, AT(subscription_id), GUID,
	 .help = "Azure subscription of the Application Gateway."},
	{.name = "ApplicationGatewayResourceGroup", TEXT, REQUIRED, AT(resource_group),
	 RESOURCE_GROUP, .help = "Resource group of the Application Gateway."},
	{.name = "ApplicationGatewayName", TEXT, REQUIRED, AT(gateway_name),
	 RESOURCE_NAME, .help = "Name of the Application Gateway."},
	{.name = "ApplicationGatewayHttpSettingsName", TEXT, REQUIRED, AT(http_settings_name),
	 RESOURCE_NAME, .help = "HTTP settings that new rules use."},
	{.name = "ApplicationGatewayBackendName", TEXT, REQUIRED, AT(backend_name),
	 RESOURCE_NAME, .help = "Backend pool that new rules route to."},
	{.name = "BlobContainerUrl", TEXT, REQUIRED, AT(blob_container_url),
	 CONTAINER,
	 .help = "Container that the gateway serves /.well-known/acme-challenge/ from."},
	{.name = "KeyVaultBaseUrl", TEXT, REQUIRED, AT(key_vault_base_url),
	 HTTPS_HOST, .help = "URL of the Key Vault."},

	{.name = "SpecDirectory", TEXT, AT(spec_directory), .fallback = "/etc/gatecert/hostnames.d",
	 PATH, .help = "Directory of spec files."},
	{.name = "ApiSpecDirectory", TEXT, AT(api_spec_directory), PATH,
	 .help = "Where the API's spec files are kept; default api.d in SpecDirectory."},
	{.name = "StateDirectory", TEXT, AT(state_directory), .fallback = "/var/lib/gatecert",
	 PATH, .help = "Directory of what the daemon remembers."},
	{.name = "Listen", TEXT, AT(listen), .fallback = "127.0.0.1:8400",
	 LISTEN, .help = "Address and port of the HTTP API."},
	{.name = "TlsCertificateFile", TEXT, AT(tls.certificate), PATH,
	 .help = "PEM file of the API's certificate with its chain; the API is HTTPS then."},
	{.name = "TlsKeyFile", TEXT, AT(tls.key), PATH, .help = "PEM file of its key."},
	{.name = "TlsClientCaFile", TEXT, AT(tls.client_ca), PATH,
	 .help = "PEM file of CAs; clients need a certificate of theirs then, and a key all the same."},
	{.name = "UnixSocket", TEXT, AT(unix_socket), SOCKET_PATH,
	 .help = "Path of a socket that serves the API as well; root and the daemon's user and group need no key."},
	{.name = "PublicBaseUrl", TEXT, AT(public_base_url), HTTP,
	 .help = "Base of the URLs in answers; default: scheme and Host of the request."},
	{.name = "TaskHub", TEXT, AT(task_hub), .fallback = "gatecert", TASK_HUB,
	 .help = "Value of taskHub in the status URLs."},
	{.name = "ApiKeys", .type = FIELD_OBJECTS, AT(api_keys), .fields = api_key_fields,
	 .element_size = sizeof(struct api_key),
	 .help = "Keys of the HTTP API: a list of {name, key}, name=key or keys, or a map."},
	{.name = "AllowAnonymousStart", BOOL, AT(allow_anonymous_start), .fallback = "false",
	 .help = "Whether the start endpoints ask for no key."},
	{.name = "RequestsPerSecond", INT, AT(requests_per_second), .fallback = "500", .low = 1,
	 .high = 1000000, .help = "Requests per second that one key, or one address without a key, may make."},
	{.name = "DnsServers", .type = FIELD_TEXTS, AT(dns_servers), SERVERS,
	 .help = "DNS servers, each with or without a port; default: those of resolv.conf."},
	{.name = "CaFile", TEXT, AT(ca_file), PATH,
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
	{.name = "Cloud", TEXT, AT(cloud_name), .fallback = "AzureCloud", CLOUD,
	 .help = "AzureCloud, AzureChinaCloud or AzureUSGovernment."},
	{.name = "ArmEndpoint", TEXT, AT(arm_endpoint), HTTPS_HOST,
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
	 ACCOUNT_KEY,
	 .help = "Where the key of the ACME account is: vault, or file:PATH."},
	{.name = "NamePolicy", TEXT, AT(name_policy), NAME_POLICY,
	 .help = "syntax, or public: below a public suffix too; default: public with Let's Encrypt, else syntax."},
	{.name = "KeyType", CHOICE, AT(key_type_choice), .fallback = "RSA-2048",
	 .choices = &key_type_names[KEY_TYPE_RSA_2048],
	 .help = "Type of certificate keys: RSA-2048 or EC-P256."},
	{.name = "VaultChallengeResourceCheck", BOOL, AT(vault_challenge_resource_check),
	 .fallback = "true", .help = "Whether the vault's challenge must name the vault's own domain."},
	{.name = "LogLevel", CHOICE, AT(log_level), .fallback = "info", .choices = log_level_names,
	 .help = "error, warn, info or debug."},

	{.name = "AZURE_TENANT_ID", TEXT, AT(credential.tenant_id), TENANT,
	 .help = "Tenant to sign in to."},
	{.name = "AZURE_CLIENT_ID", TEXT, AT(credential.client_id),
	 .help = "Application, or user-assigned managed identity."},
	{.name = "AZURE_CLIENT_SECRET", TEXT, SECRET, AT(credential.client_secret),
	 .help = "Its secret."},
	{.name = "AZURE_CLIENT_CERTIFICATE_PATH", TEXT, AT(credential.client_certificate_path),
	 PATH, .help = "PEM file with its key and certificate."},
	{.name = "AZURE_CLIENT_CERTIFICATE_PASSWORD", TEXT, SECRET,
	 AT(credential.client_certificate_password), .help = "Password of that key."},
	{.name = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", CHOICE, AT(send_certificate_chain),
	 .choices = chain_names, .help = "Whether to send the chain as well."},
	{.name = "AZURE_FEDERATED_TOKEN_FILE", TEXT, AT(credential.federated_token_file),
	 PATH, .help = "Token file of a workload identity."},
	{.name = "AZURE_AUTHORITY_HOST", TEXT, AT(credential.authority_host),
	 HTTPS_HOST, .help = "Where to sign in; default: the cloud's."},
	{.name = "AZURE_TOKEN_CREDENTIALS", TEXT, AT(credential.token_credentials),
	 .help = "Narrows how to sign in: prod, dev or the name of one credential."},
	{.name = "AZURE_POD_IDENTITY_AUTHORITY_HOST", TEXT, AT(credential.pod_identity_authority_host),
	 HTTP, .help = "Replaces http://169.254.169.254 for managed identities."},
	{.name = NULL},
};

/* Set by the platform for its own daemons, never by people. */
const struct field config_environment_fields[] = {
	{.name = "IDENTITY_ENDPOINT", TEXT, AT(credential.identity_endpoint),
	 HTTP, .help = "Managed identity of App Service and Arc."},
	{.name = "IDENTITY_HEADER", TEXT, SECRET, AT(credential.identity_header),
	 .help = "What it asks to be shown."},
	{.name = "IMDS_ENDPOINT", TEXT, AT(credential.imds_endpoint), HTTP,
	 .help = "Tells Arc from App Service."},
	{.name = NULL},
};
