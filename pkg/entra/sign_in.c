#include "entra/sign_in.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/text.h"
#include "entra/said.h"
#include "http/url.h"
#include "pki/cert.h"
#include "pki/jws.h"

#define DEFAULT_AUTHORITY      "https://login.microsoftonline.com"
#define TOKEN_TIMEOUT	       (10 * MSEC_PER_SEC)
#define FILE_BYTES_MAX	       ((size_t)64 * 1024)
#define FORM_BYTES_MAX	       ((size_t)512 * 1024)
#define ASSERTION_LIFE_SECONDS 600
#define ASSERTION_TYPE	       "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

struct form {
	const char *name, *value;
};

static enum err missing(struct ctx *ctx, const char *setting)
{
	return fault_set(ctx, E_NOTFOUND, "NotConfigured", "%s is not set", setting);
}

static void wipe_later(struct ctx *ctx, const char *text)
{
	arena_wipe_at_end(ctx->arena, (char *)text, strlen(text));
}

/* Kubernetes projects tokens as links to a directory that is swapped, so the path is resolved
 * first. */
/* The whole of a file that another program rewrites or links into place, at most 64 KiB, wiped
 * with the pass. `setting` is the variable that names it. E_REFUSED, reason AzureAuthFailed. */
static enum err read_file(struct ctx *ctx, const char *setting, const char *path, char **data,
			  size_t *size)
{
	struct fs *fs = ctx->doors->fs;
	char *resolved = realpath(path, NULL);
	enum err kind = fs->read(ctx, fs, resolved ? resolved : path, FILE_BYTES_MAX, data, size);

	free(resolved);
	if (kind != E_OK && kind != E_AGAIN && kind != E_CANCELLED) {
		said_reason(ctx, "AzureAuthFailed");
		kind = E_REFUSED;
	}
	if (kind != E_OK)
		return fault_wrap(ctx, kind, "%s", setting);
	arena_wipe_at_end(ctx->arena, *data, *size);
	return E_OK;
}

static char *token_endpoint(struct ctx *ctx, const struct credential_options *options)
{
	const char *host = options->authority_host ? options->authority_host : DEFAULT_AUTHORITY;
	size_t length = strlen(host);

	while (length && host[length - 1] == '/')
		length--;
	return arena_printf(ctx->arena, "%.*s/%s/oauth2/v2.0/token", (int)length, host,
			    url_escape(ctx, options->tenant_id));
}

/* application/x-www-form-urlencoded; fields without a value are left out. */
static const char *print_form(struct ctx *ctx, const struct form *fields, size_t count)
{
	struct buf out;
	const char *text;

	buf_init(&out, FORM_BYTES_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *value;

		if (!fields[i].value)
			continue;
		value = url_escape(ctx, fields[i].value);
		wipe_later(ctx, value);
		buf_addf(&out, "%s%s=%s", out.size ? "&" : "", fields[i].name, value);
	}
	text = arena_strdup(ctx->arena, out.data);
	wipe_later(ctx, text);
	explicit_bzero(out.data, out.size);
	buf_fini(&out);
	return text;
}

static enum err ask(struct ctx *ctx, const struct sign_in *how, const char *url,
		    const struct form *fields, size_t count, struct access_token *out)
{
	struct http_request request = {
		.kind = HTTP_IDEMPOTENT, .method = "POST", .url = url, .timeout = TOKEN_TIMEOUT};
	struct http_reply reply;
	struct url parts;

	TRY(url_parse(ctx, url, &parts));
	request.body = print_form(ctx, fields, count);
	request.body_size = strlen(request.body);
	http_set_header(&request, "Accept", "application/json");
	http_set_header(&request, "Content-Type", "application/x-www-form-urlencoded");
	TRY(http_send(ctx, how->http, &request, &reply));
	if (reply.status != 200)
		return access_token_fault(ctx, &request, &reply, parts.host);
	return access_token_read(ctx, &reply, parts.host, out);
}

static const char *scope_of(struct ctx *ctx, const struct sign_in *how)
{
	return arena_printf(ctx->arena, "%s/.default", how->resource);
}

static enum err wrap(struct ctx *ctx, enum err kind, const char *what)
{
	return kind == E_OK || kind == E_NOTFOUND ? kind : fault_wrap(ctx, kind, "%s", what);
}

enum err sign_in_client_secret(struct ctx *ctx, const struct sign_in *how, struct access_token *out)
{
	const struct credential_options *options = how->options;
	const struct form fields[] = {
		{"grant_type", "client_credentials"},
		{"client_id", options->client_id},
		{"client_secret", options->client_secret},
		{"scope", scope_of(ctx, how)},
		{"claims", how->claims},
	};

	if (!options->client_secret)
		return missing(ctx, "AZURE_CLIENT_SECRET");
	return wrap(ctx,
		    ask(ctx, how, token_endpoint(ctx, options), fields, ARRAY_SIZE(fields), out),
		    "sign-in with client secret");
}

static enum err ask_with_assertion(struct ctx *ctx, const struct sign_in *how, const char *url,
				   const char *assertion, struct access_token *out)
{
	const struct form fields[] = {
		{"grant_type", "client_credentials"},
		{"client_id", how->options->client_id},
		{"client_assertion_type", ASSERTION_TYPE},
		{"client_assertion", assertion},
		{"scope", scope_of(ctx, how)},
		{"claims", how->claims},
	};

	return ask(ctx, how, url, fields, ARRAY_SIZE(fields), out);
}

/* All blocks whose label ends so, one behind the other; "" when there is none. */
static char *pem_blocks(struct ctx *ctx, const char *pem, const char *label)
{
	struct buf out;
	const char *p = pem;
	char *blocks;

	buf_init(&out, FILE_BYTES_MAX);
	while ((p = strstr(p, "-----BEGIN ")) != NULL) {
		const char *end = strstr(p, "-----END ");
		const char *dashes = strstr(p + strlen("-----BEGIN "), "-----");
		const char *last = end ? strstr(end + strlen("-----END "), "-----") : NULL;
		size_t length = strlen(label);

		if (!last || !dashes || dashes > end)
			break;
		last += strlen("-----");
		if ((size_t)(dashes - p) > length && !memcmp(dashes - length, label, length)) {
			buf_add(&out, p, (size_t)(last - p));
			buf_adds(&out, "\n");
		}
		p = last;
	}
	blocks = arena_strdup(ctx->arena, out.data ? out.data : "");
	wipe_later(ctx, blocks);
	if (out.data)
		explicit_bzero(out.data, out.size);
	buf_fini(&out);
	return blocks;
}

static const char *new_guid(struct ctx *ctx)
{
	char hex[33];

	rng_hex(ctx->doors->rng, hex, 16);
	hex[12] = '4'; /* RFC 9562 5.4 */
	hex[16] = '8';
	return arena_printf(ctx->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
			    hex + 16, hex + 20);
}

static struct json *assertion_header(struct ctx *ctx, const struct chain *chain, bool send_chain)
{
	struct json *header = json_object(ctx), *x5c = json_array(ctx);
	const struct cert *own = &chain->items[0];

	json_set_text(ctx, header, "alg", "PS256");
	json_set_text(ctx, header, "typ", "JWT");
	json_set_text(ctx, header, "x5t#S256",
		      base64url_encode(ctx, own->sha256, sizeof(own->sha256)));
	for (size_t i = 0; send_chain && i < chain->count; i++) {
		const struct bytes *der = &chain->items[i].der;

		json_append(ctx, x5c, json_string(ctx, base64_encode(ctx, der->data, der->size)));
	}
	if (send_chain)
		json_set(ctx, header, "x5c", x5c);
	return header;
}

static struct json *assertion_claims(struct ctx *ctx, const char *client_id, const char *audience)
{
	struct json *claims = json_object(ctx);
	int64_t now = ctx_wall(ctx) / MSEC_PER_SEC;

	json_set_text(ctx, claims, "aud", audience);
	json_set_text(ctx, claims, "iss", client_id);
	json_set_text(ctx, claims, "sub", client_id);
	json_set_text(ctx, claims, "jti", new_guid(ctx));
	json_set_int(ctx, claims, "nbf", now);
	json_set_int(ctx, claims, "exp", now + ASSERTION_LIFE_SECONDS);
	return claims;
}

static bool wants_chain(const char *setting)
{
	return setting && (text_equals_nocase(setting, "true") || text_equals(setting, "1"));
}

/* The file is read every time: it may have been replaced since. */
static enum err make_assertion(struct ctx *ctx, const struct credential_options *options,
			       const char *audience, char **assertion)
{
	const char *password = options->client_certificate_password;
	struct chain chain;
	struct key *key;
	char *pem, *certificates, *keys;
	size_t size;

	TRY(read_file(ctx, "AZURE_CLIENT_CERTIFICATE_PATH", options->client_certificate_path, &pem,
		      &size));
	certificates = pem_blocks(ctx, pem, "CERTIFICATE");
	keys = pem_blocks(ctx, pem, "PRIVATE KEY");
	if (!*certificates || !*keys)
		return fault_set(ctx, E_REFUSED, "AzureAuthFailed",
				 "AZURE_CLIENT_CERTIFICATE_PATH: the file must hold a certificate "
				 "and its private key as PEM");
	TRY(chain_from_pem(ctx, certificates, strlen(certificates), &chain));
	TRY(key_from_pem(ctx, keys, strlen(keys), password, &key));
	TRY(jws_compact(ctx, key, "PS256",
			assertion_header(ctx, &chain, wants_chain(options->send_certificate_chain)),
			assertion_claims(ctx, options->client_id, audience), assertion));
	wipe_later(ctx, *assertion);
	return E_OK;
}

static enum err by_certificate(struct ctx *ctx, const struct sign_in *how, struct access_token *out)
{
	char *url = token_endpoint(ctx, how->options), *assertion;
	enum err kind = make_assertion(ctx, how->options, url, &assertion);

	if (kind == E_REFUSED)
		said_reason(ctx, "AzureAuthFailed");
	TRY(kind);
	return ask_with_assertion(ctx, how, url, assertion, out);
}

enum err sign_in_client_certificate(struct ctx *ctx, const struct sign_in *how,
				    struct access_token *out)
{
	if (!how->options->client_certificate_path)
		return missing(ctx, "AZURE_CLIENT_CERTIFICATE_PATH");
	return wrap(ctx, by_certificate(ctx, how, out), "sign-in with client certificate");
}

/* The file is short-lived and rewritten by its issuer: read every time. An empty one is not
 * there yet. */
static enum err by_federation(struct ctx *ctx, const struct sign_in *how, struct access_token *out)
{
	const char *blanks = " \t\r\n";
	char *token;
	size_t size;

	TRY(read_file(ctx, "AZURE_FEDERATED_TOKEN_FILE", how->options->federated_token_file, &token,
		      &size));
	token += strspn(token, blanks);
	token[strcspn(token, blanks)] = '\0';
	if (!*token)
		return fault_set(ctx, E_NOTFOUND, "NotConfigured",
				 "the file of AZURE_FEDERATED_TOKEN_FILE is empty");
	return ask_with_assertion(ctx, how, token_endpoint(ctx, how->options), token, out);
}

enum err sign_in_federated(struct ctx *ctx, const struct sign_in *how, struct access_token *out)
{
	if (!how->options->federated_token_file)
		return missing(ctx, "AZURE_FEDERATED_TOKEN_FILE");
	return wrap(ctx, by_federation(ctx, how, out), "sign-in with workload identity");
}
