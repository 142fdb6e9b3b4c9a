#include "config_doubts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "config_check.h"
#include "http/url.h"

#define SAMPLE_KEY "replace-this"
#define UPPER	   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define CONTAINER  "abcdefghijklmnopqrstuvwxyz0123456789-$"

struct doubting {
	struct ctx *ctx;
	const struct config *config;
	const struct config_complaints *complaints;
};

static void refuse(struct doubting *doubting, const char *key, const char *text)
{
	doubting->complaints->complain(doubting->complaints->handle, false, key, text);
}

static void warn(struct doubting *doubting, const char *key, const char *text)
{
	doubting->complaints->complain(doubting->complaints->handle, true, key, text);
}

static bool is_below(const char *host, const char *domain)
{
	size_t length = strlen(host), end = strlen(domain);

	return length >= end && text_equals_nocase(host + length - end, domain) &&
	       (length == end || host[length - end - 1] == '.');
}

/* NULL: none, or none that can be taken apart. */
static const char *host_of(struct doubting *doubting, const char *text)
{
	struct url url;

	if (!text || url_parse(doubting->ctx, text, &url) != E_OK) {
		fault_clear(doubting->ctx);
		return NULL;
	}
	return url.host;
}

/* GUIDs */

static bool is_all_zero(const char *text)
{
	return strlen(text) == 36 && strspn(text, "0-") == 36;
}

static void doubt_guids(struct doubting *doubting)
{
	const struct config *config = doubting->config;
	const struct credential_options *credential = &config->credential;
	bool is_tenant_own = credential->tenant_id &&
			     !text_equals(credential->tenant_id, config->tenant_id);
	const struct {
		const char *key, *value;
		bool may_be_domain, is_checked;
	} guids[] = {
		{"TenantId", config->tenant_id, true, false},
		{"SubscriptionId", config->subscription_id, false, true},
		{"AZURE_TENANT_ID", is_tenant_own ? credential->tenant_id : NULL, true, false},
		{"AZURE_CLIENT_ID", credential->client_id, false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(guids); i++) {
		const char *value = guids[i].value;

		if (!value)
			continue;
		if (is_all_zero(value))
			warn(doubting, guids[i].key, "is the sample's: put in your own");
		else if (!guids[i].is_checked && !(guids[i].may_be_domain && strchr(value, '.')) &&
			 config_check_guid(doubting->ctx, &value))
			refuse(doubting, guids[i].key,
			       guids[i].may_be_domain ? "is no GUID, nor a domain of the tenant"
						      : "is no GUID");
	}
}

/* Samples */

/* Those that certify names of everybody, and know that example.com is nobody's. */
static const char *const public_cas[] = {
	"letsencrypt.org", "zerossl.com", "pki.goog",	    "buypass.com", "buypass.no", "ssl.com",
	"digicert.com",	   "sectigo.com", "globalsign.com", "actalis.com", "entrust.net"};

static const char *const sample_domains[] = {"example.com", "example.net", "example.org",
					     "example",	    "invalid",	   "test"};

static bool is_in(const char *host, const char *const *domains, size_t count)
{
	for (size_t i = 0; host && i < count; i++)
		if (is_below(host, domains[i]))
			return true;
	return false;
}

static void doubt_samples(struct doubting *doubting)
{
	const struct config *config = doubting->config;
	const struct {
		const char *key, *url;
	} urls[] = {{"BlobContainerUrl", config->blob_container_url},
		    {"KeyVaultBaseUrl", config->key_vault_base_url},
		    {"PublicBaseUrl", config->public_base_url}};
	const char *at = config->acme_account_email ? strchr(config->acme_account_email, '@')
						    : NULL;
	const struct api_key *keys = config->api_keys.items;

	if (is_in(host_of(doubting, config->acme_endpoint), public_cas, ARRAY_SIZE(public_cas)) &&
	    at && is_in(at + 1, sample_domains, ARRAY_SIZE(sample_domains)))
		warn(doubting, "AcmeAccountEmail",
		     "is the sample's, which a public CA refuses: put in your own");
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		const char *host = host_of(doubting, urls[i].url);

		if (host && (text_starts_with(host, "example.") ||
			     is_in(host, sample_domains, ARRAY_SIZE(sample_domains))))
			warn(doubting, urls[i].key, "looks like the sample's: put in your own");
	}
	for (size_t i = 0; i < config->api_keys.count; i++)
		if (keys[i].key && text_starts_with(keys[i].key, SAMPLE_KEY))
			warn(doubting, "ApiKeys",
			     "has the sample's key, which everybody knows: make one of your own");
}

/* Hosts */

static const struct {
	const char *domain, *cloud;
} domains[] = {
	{"vault.azure.net", "AzureCloud"},
	{"managedhsm.azure.net", "AzureCloud"},
	{"core.windows.net", "AzureCloud"},
	{"management.azure.com", "AzureCloud"},
	{"login.microsoftonline.com", "AzureCloud"},
	{"vault.azure.cn", "AzureChinaCloud"},
	{"managedhsm.azure.cn", "AzureChinaCloud"},
	{"core.chinacloudapi.cn", "AzureChinaCloud"},
	{"management.chinacloudapi.cn", "AzureChinaCloud"},
	{"login.chinacloudapi.cn", "AzureChinaCloud"},
	{"login.partner.microsoftonline.cn", "AzureChinaCloud"},
	{"vault.usgovcloudapi.net", "AzureUSGovernment"},
	{"managedhsm.usgovcloudapi.net", "AzureUSGovernment"},
	{"core.usgovcloudapi.net", "AzureUSGovernment"},
	{"management.usgovcloudapi.net", "AzureUSGovernment"},
	{"login.microsoftonline.us", "AzureUSGovernment"},
};

static void doubt_cloud(struct doubting *doubting)
{
	const struct config *config = doubting->config;
	const struct {
		const char *key, *url;
	} urls[] = {{"KeyVaultBaseUrl", config->key_vault_base_url},
		    {"BlobContainerUrl", config->blob_container_url},
		    {"ArmEndpoint", config->arm_endpoint},
		    {"AZURE_AUTHORITY_HOST", config->credential.authority_host}};

	for (size_t i = 0; config->cloud && i < ARRAY_SIZE(urls); i++) {
		const char *host = host_of(doubting, urls[i].url);

		for (size_t j = 0; host && j < ARRAY_SIZE(domains); j++)
			if (is_below(host, domains[j].domain) &&
			    !text_equals(domains[j].cloud, config->cloud->name))
				warn(doubting, urls[i].key,
				     arena_printf(doubting->ctx->arena,
						  "belongs to %s, and Cloud is %s",
						  domains[j].cloud, config->cloud->name));
	}
}

/* What Azurite has an account's path for: a host without a domain. */
static bool is_local(const char *host)
{
	struct in_addr v4;

	return host[0] == '[' || inet_pton(AF_INET, host, &v4) == 1 || !strchr(host, '.');
}

static const char *container_doubt(const struct url *url, const char *text)
{
	const char *path = url->path + strspn(url->path, "/");
	size_t name = strcspn(path, "/"), rest = strspn(path + name, "/");

	if (strstr(url->host, ".web.core."))
		return "is the host of a static website: a container is at the blob host, as in "
		       "https://account.blob.core.windows.net/container";
	if (is_local(url->host))
		return NULL;
	if (strpbrk(text, UPPER))
		return "must be in lower case, as the names of accounts and containers are";
	if (path[name + rest])
		return "must end with the container: a path in it does not belong here";
	if (name < 3 || name > 63 || strspn(path, CONTAINER) != name)
		return "must name a container: 3 to 63 lower-case letters, digits and hyphens";
	return NULL;
}

static void doubt_container(struct doubting *doubting)
{
	const char *text = doubting->config->blob_container_url, *wrong;
	struct url url;

	if (!text || url_parse(doubting->ctx, text, &url) != E_OK) {
		fault_clear(doubting->ctx);
		return;
	}
	wrong = container_doubt(&url, text);
	if (wrong)
		refuse(doubting, "BlobContainerUrl", wrong);
}

/* Keys and certificates would pass by in the clear; a proxy that is named has the TLS. */
static void doubt_listening(struct doubting *doubting)
{
	const struct config *config = doubting->config;

	if (config->api_keys.count > 0 && config_is_reachable(config->listen) &&
	    !config->tls.certificate && config->trusted_proxies.count == 0)
		warn(doubting, "Listen",
		     "others can reach it without TLS, and keys are sent in the clear: set "
		     "TlsCertificateFile and TlsKeyFile, or listen on 127.0.0.1 behind a proxy");
}

/* Directories */

/* NULL: it can be written, or made where its parent can be. */
static const char *why_not_writable(struct ctx *ctx, const char *path)
{
	const char *slash = strrchr(path, '/'), *place = path;

	if (faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) != 0 && errno == ENOENT && slash > path)
		place = arena_strndup(ctx->arena, path, (size_t)(slash - path));
	if (faccessat(AT_FDCWD, place, W_OK | X_OK, AT_EACCESS) == 0 || errno == ENOENT ||
	    errno == ENOTDIR)
		return NULL;
	return arena_printf(ctx->arena, "%s cannot be written by the daemon: %s", place,
			    strerror(errno));
}

/* systemd makes what is below /var/lib before the daemon starts. A disk that cannot be written for
 * now, or is not there yet, is no mistake in the configuration. */
static void doubt_state(struct doubting *doubting)
{
	const char *path = doubting->config->state_directory, *wrong;
	bool is_denied;

	if (!path || *path != '/')
		return;
	wrong = why_not_writable(doubting->ctx, path);
	is_denied = errno == EACCES || errno == EPERM;
	if (!wrong || (text_starts_with(path, "/var/lib/") && access(path, F_OK) != 0))
		return;
	if (is_denied)
		refuse(doubting, "StateDirectory", wrong);
	else
		warn(doubting, "StateDirectory", wrong);
}

static void doubt_specs(struct doubting *doubting)
{
	const struct config *config = doubting->config;
	const char *specs = config->spec_directory, *api = config->api_spec_directory, *wrong;
	struct arena *arena = doubting->ctx->arena;
	struct stat status;

	if (!specs || *specs != '/' || (api && *api != '/'))
		return;
	if (faccessat(AT_FDCWD, specs, R_OK | X_OK, AT_EACCESS) != 0 && errno == EACCES)
		warn(doubting, "SpecDirectory",
		     arena_printf(arena, "%s cannot be read by the daemon", specs));
	if (!api && lstat(specs, &status) == 0 && S_ISLNK(status.st_mode))
		warn(doubting, "SpecDirectory",
		     "is a link: set ApiSpecDirectory, or what is POSTed is gone when it is "
		     "swapped");
	wrong = why_not_writable(doubting->ctx, api ? api : arena_printf(arena, "%s/api.d", specs));
	if (wrong)
		warn(doubting, api ? "ApiSpecDirectory" : "SpecDirectory",
		     arena_printf(arena, "%s: what is POSTed will be refused%s", wrong,
				  api ? "" : "; set ApiSpecDirectory"));
}

void config_doubts(struct ctx *ctx, const struct config *config,
		   const struct config_complaints *complaints)
{
	struct doubting doubting = {ctx, config, complaints};

	doubt_guids(&doubting);
	doubt_samples(&doubting);
	doubt_container(&doubting);
	doubt_cloud(&doubting);
	doubt_listening(&doubting);
	doubt_state(&doubting);
	doubt_specs(&doubting);
}
