#include "config_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/suffix.h"
#include "base/regular.h"
#include "base/text.h"
#include "codec/fields.h"
#include "config.h"
#include "entra/cloud.h"
#include "http/url.h"
#include "httpd/network.h"
#include "pki/cert.h"
#include "service/apikey.h"

#define LETTERS		 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS		 "0123456789"
#define ACCOUNT_KEY_FILE "file:"
#define CA_FILE_MAX	 ((size_t)4 * 1024 * 1024)

/* address[:port], taken apart */
struct endpoint {
	char address[64];
	bool is_v6;
	long port; /* 0: none */
};

static const char *text_of(const void *value)
{
	return *(const char *const *)value;
}

static bool consists_of(const char *text, const char *alphabet, size_t max)
{
	size_t length = strlen(text);

	return length > 0 && length <= max && strspn(text, alphabet) == length;
}

const char *config_check_email(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value), *at = strchr(text, '@');

	(void)ctx;
	if (!at || at == text || !strchr(at, '.') || strchr(at + 1, '@') || strlen(text) > 254)
		return "must be an e-mail address";
	for (; *text; text++)
		if (*text <= ' ' || *text == 127 || strchr(",;:<>\"\\", *text))
			return "must be one e-mail address, without a name or mailto:";
	return NULL;
}

static bool is_guid(const char *text)
{
	for (size_t i = 0; i < 36; i++) {
		bool is_hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (!text[i] ||
		    (is_hyphen ? text[i] != '-' : !strchr(DIGITS "abcdefABCDEF", text[i])))
			return false;
	}
	return text[36] == '\0';
}

const char *config_check_guid(struct ctx *ctx, const void *value)
{
	(void)ctx;
	return is_guid(text_of(value))
		       ? NULL
		       : "must be a GUID, as in 00000000-0000-0000-0000-000000000000";
}

const char *config_check_tenant(struct ctx *ctx, const void *value)
{
	(void)ctx;
	return consists_of(text_of(value), LETTERS DIGITS ".-", 253)
		       ? NULL
		       : "must be a tenant's GUID or one of its domains";
}

const char *config_check_resource_group(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value);

	(void)ctx;
	if (!consists_of(text, LETTERS DIGITS "-_.()", 90) || text_ends_with(text, "."))
		return "must be a resource group's name: 1 to 90 letters, digits, - _ . ( ), no "
		       "dot at the end";
	return NULL;
}

const char *config_check_resource_name(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value);

	(void)ctx;
	if (!consists_of(text, LETTERS DIGITS "-_.", 80) || !strchr(LETTERS DIGITS, text[0]))
		return "must be a resource's name: 1 to 80 letters, digits, - _ . (not its id)";
	return NULL;
}

const char *config_check_task_hub(struct ctx *ctx, const void *value)
{
	(void)ctx;
	return consists_of(text_of(value), LETTERS DIGITS "-_", 45)
		       ? NULL
		       : "must be 1 to 45 letters, digits, hyphens and underscores";
}

/* NULL and the parts, or what is wrong. */
static const char *parse_url(struct ctx *ctx, const char *text, struct url *url)
{
	const char *wrong;

	if (url_parse(ctx, text, url) == E_OK)
		return NULL;
	wrong = arena_strdup(ctx->arena, ctx->fault.text);
	fault_clear(ctx);
	return wrong;
}

static const char *parse_https(struct ctx *ctx, const char *text, struct url *url)
{
	const char *wrong = parse_url(ctx, text, url);

	if (wrong)
		return wrong;
	if (!text_equals(url->scheme, "https"))
		return "must begin with https://";
	return url->query ? "must have no query" : NULL;
}

const char *config_check_https(struct ctx *ctx, const void *value)
{
	struct url url;

	return parse_https(ctx, text_of(value), &url);
}

const char *config_check_https_host(struct ctx *ctx, const void *value)
{
	struct url url;
	const char *wrong = parse_https(ctx, text_of(value), &url);

	if (!wrong && !text_equals(url.path, "/"))
		wrong = "must end with the host: a path does not belong here";
	return wrong;
}

const char *config_check_http(struct ctx *ctx, const void *value)
{
	struct url url;
	const char *wrong = parse_url(ctx, text_of(value), &url);

	if (!wrong && url.query)
		wrong = "must have no query";
	return wrong;
}

const char *config_check_container(struct ctx *ctx, const void *value)
{
	struct url url;
	const char *text = text_of(value), *wrong = parse_url(ctx, text, &url);

	if (!wrong && url.query)
		return "must have no query: a SAS is not used, the daemon signs in";
	if (!wrong)
		wrong = parse_https(ctx, text, &url);
	if (!wrong && strspn(url.path, "/") == strlen(url.path))
		wrong = "must name the container, as in "
			"https://account.blob.core.windows.net/container";
	return wrong;
}

const char *config_check_path(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value);

	(void)ctx;
	if (text[0] != '/')
		return "must be an absolute path";
	return strlen(text) < 2048 ? NULL : "is too long";
}

/* sun_path of unix(7) */
const char *config_check_socket_path(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value);

	(void)ctx;
	if (text_equals(text, CONFIG_NONE))
		return NULL;
	if (text[0] != '/')
		return "must be none, or an absolute path";
	return strlen(text) < 108 ? NULL : "must have at most 107 bytes";
}

const char *config_check_account_key(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value), *path = text + strlen(ACCOUNT_KEY_FILE);

	if (text_equals(text, "vault"))
		return NULL;
	if (!text_starts_with(text, ACCOUNT_KEY_FILE))
		return "must be vault, or file: and an absolute path";
	return config_check_path(ctx, &path);
}

static bool parse_port(const char *text, long *port)
{
	if (!consists_of(text, DIGITS, 5))
		return false;
	*port = strtol(text, NULL, 10);
	return *port >= 1 && *port <= 65535;
}

/* The end of the address in `text`, which may stand in brackets; NULL when it is none. */
static const char *take_address(const char *text, struct endpoint *out)
{
	const char *start = text + (text[0] == '[');
	size_t length = strcspn(start, text[0] == '[' ? "]" : ":");
	struct in6_addr v6;
	struct in_addr v4;

	if (length >= sizeof(out->address))
		return NULL;
	memcpy(out->address, start, length);
	out->address[length] = '\0';
	out->is_v6 = start != text;
	if (out->is_v6)
		return start[length] == ']' && inet_pton(AF_INET6, out->address, &v6) == 1
			       ? start + length + 1
			       : NULL;
	return inet_pton(AF_INET, out->address, &v4) == 1 || text_equals(out->address, "localhost")
		       ? start + length
		       : NULL;
}

static bool parse_endpoint(const char *text, struct endpoint *out)
{
	const char *rest;

	*out = (struct endpoint){.port = 0};
	rest = take_address(text, out);
	return rest && (*rest == '\0' || (*rest == ':' && parse_port(rest + 1, &out->port)));
}

const char *config_check_listen(struct ctx *ctx, const void *value)
{
	struct endpoint endpoint;

	(void)ctx;
	return parse_endpoint(text_of(value), &endpoint) && endpoint.port != 0
		       ? NULL
		       : "must be an address and a port, as in 127.0.0.1:8400 or [::1]:8400";
}

bool config_is_reachable(const char *listen)
{
	struct endpoint endpoint;

	if (!listen || !parse_endpoint(listen, &endpoint))
		return false;
	if (endpoint.is_v6)
		return !text_equals(endpoint.address, "::1");
	return !text_starts_with(endpoint.address, "127.") &&
	       !text_equals(endpoint.address, "localhost");
}

const char *config_check_dns_servers(struct ctx *ctx, const void *value)
{
	const struct texts *servers = value;

	for (size_t i = 0; i < servers->count; i++) {
		struct endpoint endpoint;
		struct in6_addr v6;
		const char *text = servers->items[i];

		if (inet_pton(AF_INET6, text, &v6) == 1)
			continue;
		if (!parse_endpoint(text, &endpoint) || text_equals(endpoint.address, "localhost"))
			return arena_printf(
				ctx->arena,
				"\"%.60s\" must be an IP address, with or without a port: "
				"10.0.0.1, 10.0.0.1:53, [2001:db8::1]:53",
				text);
	}
	return NULL;
}

const char *config_check_networks(struct ctx *ctx, const void *value)
{
	const struct texts *texts = value;
	struct network network;

	for (size_t i = 0; i < texts->count; i++)
		if (!network_parse(texts->items[i], &network))
			return arena_printf(
				ctx->arena,
				"\"%.60s\" must be an address, or a network without bits "
				"behind its prefix: 10.0.0.7, 10.0.0.0/24, 2001:db8::/64",
				texts->items[i]);
	return NULL;
}

const char *config_check_cloud(struct ctx *ctx, const void *value)
{
	(void)ctx;
	return cloud_find(text_of(value))
		       ? NULL
		       : "must be AzureCloud, AzureChinaCloud or AzureUSGovernment";
}

const char *config_check_name_policy(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value);

	(void)ctx;
	if (!text_equals(text, "syntax") && !text_equals(text, "public"))
		return "must be syntax or public";
	if (text_equals(text, "public") && !suffix_has_list())
		return "cannot be public without a public suffix list: install the package "
		       "publicsuffix";
	return NULL;
}

const char *config_check_key_name(struct ctx *ctx, const void *value)
{
	(void)ctx;
	return consists_of(text_of(value), LETTERS DIGITS "-_.", 64)
		       ? NULL
		       : "a key's name must be 1 to 64 letters, digits, - _ .";
}

/* It travels in a header and in query strings. */
const char *config_check_key(struct ctx *ctx, const void *value)
{
	const char *text = text_of(value);
	size_t length = strlen(text);

	(void)ctx;
	if (length == 0 || length > 512)
		return "a key must have 1 to 512 characters";
	for (; *text; text++)
		if (*text <= ' ' || *text == 127)
			return "a key must be ASCII without white space";
	if (apikey_claims_hash(text_of(value)) && !apikey_is_hash(text_of(value)))
		return "the hash of a key must be sha256: and 64 hexadecimal digits";
	return NULL;
}

static const char *said_of(struct ctx *ctx, const char *path, const char *what)
{
	return arena_printf(ctx->arena, "%s %s", path, what);
}

const char *config_check_file(struct ctx *ctx, const char *path)
{
	struct stat status;

	if (access(path, R_OK) != 0 || stat(path, &status) != 0)
		return said_of(ctx, path,
			       arena_printf(ctx->arena, "cannot be read: %s", strerror(errno)));
	return S_ISREG(status.st_mode) ? NULL : said_of(ctx, path, "is not a regular file");
}

/* With any other, nothing outside could be reached. */
const char *config_check_ca_file(struct ctx *ctx, const char *path)
{
	struct stat status;
	size_t size, count;
	const char *wrong = NULL;
	char *pem;

	if (regular_read(ctx, AT_FDCWD, path, CA_FILE_MAX, &pem, &size, &status) != E_OK)
		wrong = ctx->fault.text;
	else if (certs_count_pem(ctx, pem, size, &count) != E_OK)
		wrong = "holds a certificate that cannot be read";
	else if (count == 0)
		wrong = "holds no certificate in PEM";
	if (wrong)
		wrong = said_of(ctx, path, wrong);
	fault_clear(ctx);
	return wrong;
}

const char *config_check_directory(struct ctx *ctx, const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return said_of(ctx, path,
			       arena_printf(ctx->arena, "cannot be used: %s", strerror(errno)));
	return S_ISDIR(status.st_mode) ? NULL : said_of(ctx, path, "is not a directory");
}

const char *config_check_own_directory(struct ctx *ctx, const char *path)
{
	return access(path, F_OK) == 0 ? config_check_directory(ctx, path)
				       : config_check_parent(ctx, path);
}

const char *config_check_parent(struct ctx *ctx, const char *path)
{
	const char *slash = strrchr(path, '/');

	return config_check_directory(
		ctx, slash == path ? "/" : arena_strndup(ctx->arena, path, (size_t)(slash - path)));
}
