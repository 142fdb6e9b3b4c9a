#include "service/auth.h"

#include <string.h>

#include "api/meta.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/base64.h"
#include "httpd/host.h"
#include "httpd/origin.h"
#include "pki/key.h"
#include "store/statefile.h"

#define SECRET_FILE	"instance-secret"
#define SECRET_KIND	"InstanceSecret"
#define CREDENTIALS_MAX 3

/* helpers */

/* E_NOTFOUND: there is none, or none any more. */
static enum err read_secret(struct ctx *ctx, const char *path, unsigned char secret[static 32])
{
	struct bytes bytes;
	struct json *json;
	const char *text;

	TRY(statefile_read(ctx, path, SECRET_KIND, &json));
	text = json_get_text(json, "secret");
	if (!text || base64url_decode(ctx, text, &bytes) != E_OK || bytes.size != 32)
		return statefile_set_aside(ctx, path, "it holds no secret");
	memcpy(secret, bytes.data, 32);
	return E_OK;
}

static enum err make_secret(struct ctx *ctx, const char *path, unsigned char secret[static 32])
{
	struct json *json = json_object(ctx);

	ctx->doors->rng->fill(ctx->doors->rng, secret, 32);
	json_set_text(ctx, json, "apiVersion", API_VERSION);
	json_set_text(ctx, json, "kind", SECRET_KIND);
	json_set_text(ctx, json, "secret", base64url_encode(ctx, secret, 32));
	return statefile_write(ctx, path, json);
}

static enum err load_secret(struct ctx *ctx, const char *path, unsigned char secret[static 32])
{
	enum err err = read_secret(ctx, path, secret);

	if (err != E_NOTFOUND)
		return err;
	if (text_equals(ctx->fault.reason, "StateCorrupt"))
		log_warn(ctx, "links to requests that were handed out before have ended", "why",
			 ctx->fault.text, NULL);
	fault_clear(ctx);
	return make_secret(ctx, path, secret);
}

/* The credentials that a request presents, in ctx's arena. */
static size_t list_credentials(const struct request *request, const char *out[CREDENTIALS_MAX])
{
	const char *bearer = request_header(request, "Authorization");
	const char *candidates[CREDENTIALS_MAX] = {
		request_header(request, "x-functions-key"),
		request_param(request, "code"),
		NULL,
	};
	size_t count = 0;

	if (bearer && strncasecmp(bearer, "Bearer ", 7) == 0)
		candidates[2] = bearer + 7 + strspn(bearer + 7, " ");
	for (size_t i = 0; i < CREDENTIALS_MAX; i++)
		if (candidates[i] && candidates[i][0])
			out[count++] = candidates[i];
	return count;
}

/* Looks at every key, so that the time it takes says nothing about which one came close. */
static const struct auth_key *find_key(const struct auth *auth, const char *credential)
{
	unsigned char hash[32];
	const struct auth_key *found = NULL;

	sha256(credential, strlen(credential), hash);
	for (size_t i = 0; i < auth->key_count; i++)
		if (bytes_equal_const_time(hash, auth->keys[i].sha256, sizeof(hash)))
			found = &auth->keys[i];
	return found;
}

static bool is_code_of(struct ctx *ctx, const struct auth *auth, const char *credential,
		       const char *id)
{
	unsigned char ours[32], theirs[32];
	const char *code = auth_instance_code(ctx, auth, id);

	/* Hashed first: equal lengths, whatever was sent. */
	sha256(code, strlen(code), ours);
	sha256(credential, strlen(credential), theirs);
	return bytes_equal_const_time(ours, theirs, sizeof(ours));
}

static bool is_own_host(const struct auth *auth, const struct request *request)
{
	const char *host = request_header(request, "Host");

	return host && (host_is_loopback(host) || text_equals_nocase(host, auth->base_host));
}

static enum auth_verdict check_page(const struct auth *auth, const struct request *request)
{
	return origin_is_foreign(request, auth->base_origin) ? AUTH_CROSS_SITE : AUTH_GRANTED;
}

/* Without keys anybody on this machine may ask, but no web page that a browser here shows. One that
 * has pointed its own name at us says so in Host, and looks like its own origin to the browser. */
static enum auth_verdict check_open(const struct auth *auth, const struct request *request)
{
	return is_own_host(auth, request) ? check_page(auth, request) : AUTH_BAD_HOST;
}

/* Copied: a reload may replace the keys while the request is still coming in. */
static enum auth_verdict use_key(struct ctx *ctx, const struct auth_key *key,
				 struct request *request)
{
	bool is_look = text_equals(request->method, "GET") || text_equals(request->method, "HEAD");

	request->key_name = arena_strdup(ctx->arena, key->name);
	request->scope = texts_copy(ctx->arena, &key->scope);
	return key->is_read_only && !is_look ? AUTH_READ_ONLY : AUTH_GRANTED;
}

/* public */

enum err auth_load_secret(struct ctx *ctx, const char *state_directory,
			  unsigned char secret[static 32])
{
	struct ctx apart = *ctx;
	enum err err;

	apart.arena = arena_new();
	arena_wipe_all_at_end(apart.arena);
	err = load_secret(&apart, fs_join(&apart, state_directory, SECRET_FILE), secret);
	ctx->fault = apart.fault;
	arena_free(apart.arena);
	return err;
}

const char *auth_instance_code(struct ctx *ctx, const struct auth *auth, const char *id)
{
	unsigned char code[32];

	hmac_sha256(auth->secret, sizeof(auth->secret), id, strlen(id), code);
	return base64url_encode(ctx, code, sizeof(code));
}

enum auth_verdict auth_check(struct ctx *ctx, const struct auth *auth, enum auth_right right,
			     struct request *request)
{
	const char *credentials[CREDENTIALS_MAX];
	size_t count = list_credentials(request, credentials);
	const struct auth_key *key = NULL;
	bool has_code = false;

	for (size_t i = 0; i < count; i++) {
		const struct auth_key *found = find_key(auth, credentials[i]);

		key = found ? found : key;
		if (right == AUTH_INSTANCE)
			has_code |= is_code_of(ctx, auth, credentials[i], request->args[0]);
	}
	request->key_name = NULL;
	request->scope = (struct texts){NULL, 0};
	if (right == AUTH_ANYBODY || has_code)
		return AUTH_GRANTED;
	if (key)
		return use_key(ctx, key, request);
	if (request->is_trusted || auth->key_count == 0)
		return check_open(auth, request);
	/* Its clients know the service by any name. */
	if (right == AUTH_START && auth->allow_anonymous_start)
		return check_page(auth, request);
	return count > 0 ? AUTH_UNKNOWN : AUTH_MISSING;
}

bool auth_reaches(const struct request *request, const char *hostname)
{
	const struct texts *scope = &request->scope;

	for (size_t i = 0; i < scope->count; i++) {
		const char *suffix = scope->items[i];
		size_t size = strlen(suffix), length = strlen(hostname);

		if (text_equals_nocase(hostname, suffix) ||
		    (length > size && text_equals_nocase(hostname + length - size, suffix) &&
		     hostname[length - size - 1] == '.'))
			return true;
	}
	return scope->count == 0;
}

bool auth_reaches_all(const struct request *request, const struct texts *hostnames)
{
	for (size_t i = 0; i < hostnames->count; i++)
		if (!auth_reaches(request, hostnames->items[i]))
			return false;
	return true;
}
