#include "entra/managed_identity.h"

#include <string.h>

#include "base/fs.h"
#include "base/text.h"
#include "entra/said.h"
#include "http/url.h"

#define TOKEN_TIMEOUT	    (10 * MSEC_PER_SEC)
#define PROBE_TIMEOUT	    (1 * MSEC_PER_SEC)
#define IMDS_BASE	    "http://169.254.169.254"
#define IMDS_PATH	    "/metadata/identity/oauth2/token"
#define IMDS_VERSION	    "2018-02-01"
#define APP_SERVICE_VERSION "2019-08-01"
#define ARC_VERSION	    "2020-06-01"
#define ARC_ENDPOINT	    "http://127.0.0.1:40342/metadata/identity/oauth2/token"
#define ARC_AGENT_DIR	    "/opt/azcmagent/bin"
#define ARC_AGENT	    "himds"
#define ARC_TOKENS_DIR	    "/var/opt/azcmagent/tokens/"
#define ARC_KEY_BYTES_MAX   4096

/* One endpoint: where, and what its answers mean. */
struct endpoint {
	const char *name; /* in errors */
	const char *base;
	const char *api_version;
	const char *header, *header_value;
};

/* What the endpoints' own documentation says to try again; everything else is final. 410: IMDS
 * is being updated. */
static bool is_transient(int status)
{
	return status == 404 || status == 408 || status == 410 || status == 429 || status >= 500;
}

static struct http_request token_request(struct ctx *ctx, const struct sign_in *how,
					 const struct endpoint *endpoint)
{
	const char *client_id = how->options->client_id;
	struct http_request request = {
		.kind = HTTP_READ, .method = "GET", .timeout = TOKEN_TIMEOUT, .allow_plain = true};

	request.url = arena_printf(ctx->arena, "%s?api-version=%s&resource=%s%s%s", endpoint->base,
				   endpoint->api_version, url_escape(ctx, how->resource),
				   client_id ? "&client_id=" : "",
				   client_id ? url_escape(ctx, client_id) : "");
	http_set_header(&request, endpoint->header, endpoint->header_value);
	return request;
}

static enum err read_answer(struct ctx *ctx, const struct http_request *request,
			    const struct http_reply *reply, const char *who,
			    struct access_token *out)
{
	enum err kind;

	if (reply->status == 200)
		return access_token_read(ctx, reply, who, out);
	kind = access_token_fault(ctx, request, reply, who);
	if (kind == E_REFUSED && is_transient(reply->status))
		kind = E_AGAIN;
	if (kind == E_REFUSED && reply->status == 400)
		said_advise(ctx, "assign a managed identity to this machine, and make "
				 "AZURE_CLIENT_ID name one that is assigned");
	return kind;
}

static enum err ask(struct ctx *ctx, const struct sign_in *how, const struct endpoint *endpoint,
		    struct access_token *out)
{
	struct http_request request = token_request(ctx, how, endpoint);
	struct http_reply reply;

	TRY(http_send(ctx, how->local_http, &request, &reply));
	return read_answer(ctx, &request, &reply, endpoint->name, out);
}

static enum err wrap(struct ctx *ctx, enum err kind)
{
	return kind == E_OK ? kind : fault_wrap(ctx, kind, "sign-in with managed identity");
}

enum err sign_in_app_service(struct ctx *ctx, const struct sign_in *how, struct access_token *out)
{
	const struct endpoint endpoint = {
		.name = "App Service's identity endpoint",
		.base = how->options->identity_endpoint,
		.api_version = APP_SERVICE_VERSION,
		.header = "X-IDENTITY-HEADER",
		.header_value = how->options->identity_header,
	};

	if (!endpoint.base || !endpoint.header_value)
		return fault_set(ctx, E_NOTFOUND, "NotConfigured", "IDENTITY_HEADER is not set");
	return wrap(ctx, ask(ctx, how, &endpoint, out));
}

/* The agent's own environment reaches login shells, not services: its program gives it away too. */
static bool has_arc_agent(struct ctx *ctx)
{
	struct fs *fs = ctx->doors->fs;
	char **names;
	size_t count;
	bool found = false;

	if (fs->list(ctx, fs, ARC_AGENT_DIR, &names, &count) != E_OK) {
		fault_clear(ctx);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		found = found || text_equals(names[i], ARC_AGENT);
	return found;
}

static const char *arc_base(struct ctx *ctx, const struct credential_options *options)
{
	static const char local[] = "http://localhost";
	const char *base = options->identity_endpoint;

	if (base && options->imds_endpoint)
		return text_starts_with(base, local)
			       ? arena_printf(ctx->arena, "http://127.0.0.1%s",
					      base + strlen(local))
			       : base;
	if (base || options->pod_identity_authority_host || !has_arc_agent(ctx))
		return NULL;
	return ARC_ENDPOINT;
}

static enum err refuse_arc(struct ctx *ctx, const char *why)
{
	return fault_set(ctx, E_REFUSED, "AzureAuthFailed", "Azure Arc's agent %s", why);
}

/* The challenge names a file that only root and the group himds can read. Whoever answers on
 * that port must not make us read another one. */
static enum err arc_key_path(struct ctx *ctx, const struct http_reply *reply, const char **path)
{
	static const char scheme[] = "Basic realm=";
	const char *challenge = http_header(reply, "WWW-Authenticate");
	const char *given, *name;
	size_t length;

	if (!challenge || strncasecmp(challenge, scheme, strlen(scheme)) != 0)
		return refuse_arc(ctx, "answered without naming its key file");
	given = challenge + strlen(scheme);
	given += *given == '"';
	length = strcspn(given, "\" \t");
	given = arena_strndup(ctx->arena, given, length);
	if (!text_starts_with(given, ARC_TOKENS_DIR))
		return refuse_arc(ctx, "named a key file outside of " ARC_TOKENS_DIR);
	name = given + strlen(ARC_TOKENS_DIR);
	if (*name == '.' || strchr(name, '/') || !text_ends_with(name, ".key"))
		return refuse_arc(ctx, "named a key file that is none");
	*path = given;
	return E_OK;
}

static enum err arc_authorization(struct ctx *ctx, const struct http_reply *reply,
				  const char **header)
{
	struct fs *fs = ctx->doors->fs;
	const char *path = NULL;
	char *data, *value;
	size_t size;

	TRY(arc_key_path(ctx, reply, &path));
	if (fs->read(ctx, fs, path, ARC_KEY_BYTES_MAX, &data, &size) != E_OK) {
		said_reason(ctx, "AzureAuthFailed");
		said_advise(ctx, "put this daemon into the group himds");
		return E_REFUSED;
	}
	arena_wipe_at_end(ctx->arena, data, size);
	while (size && strchr("\r\n", data[size - 1]))
		data[--size] = '\0';
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)data[i] < ' ' || data[i] == 0x7f)
			return refuse_arc(ctx, "has a key file that fits no header");
	value = arena_printf(ctx->arena, "Basic %s", data);
	arena_wipe_at_end(ctx->arena, value, strlen(value));
	*header = value;
	return E_OK;
}

/* First without authorization: the refusal names the file that proves who asks. */
static enum err ask_arc(struct ctx *ctx, const struct sign_in *how, const struct endpoint *endpoint,
			struct access_token *out)
{
	struct http_request request = token_request(ctx, how, endpoint);
	struct http_reply reply;
	const char *authorization = NULL;

	TRY(http_send(ctx, how->local_http, &request, &reply));
	if (reply.status != 401)
		return reply.status == 200
			       ? refuse_arc(ctx, "gave a token without asking for its key file")
			       : read_answer(ctx, &request, &reply, endpoint->name, out);
	TRY(arc_authorization(ctx, &reply, &authorization));
	http_set_header(&request, "Authorization", authorization);
	TRY(http_send(ctx, how->local_http, &request, &reply));
	return read_answer(ctx, &request, &reply, endpoint->name, out);
}

enum err sign_in_arc(struct ctx *ctx, const struct sign_in *how, struct access_token *out)
{
	const struct endpoint endpoint = {
		.name = "Azure Arc's agent",
		.base = arc_base(ctx, how->options),
		.api_version = ARC_VERSION,
		.header = "Metadata",
		.header_value = "true",
	};
	const char *wanted = how->options->client_id;
	enum err kind;

	if (!endpoint.base)
		return fault_set(ctx, E_NOTFOUND, "NotConfigured", "no Azure Arc agent here");
	kind = ask_arc(ctx, how, &endpoint, out);
	/* older agents ignore the selector and give the machine's own identity */
	if (kind == E_OK && wanted &&
	    !(out->client_id && text_equals_nocase(out->client_id, wanted)))
		kind = refuse_arc(ctx, "gave the token of another identity than AZURE_CLIENT_ID; "
				       "unset it to use the machine's own");
	return wrap(ctx, kind);
}

/* Without the header that it wants: any answer at all shows that it is there. */
static enum err probe_imds(struct ctx *ctx, const struct sign_in *how, const char *url)
{
	const struct http_request request = {.kind = HTTP_READ,
					     .method = "GET",
					     .url = url,
					     .timeout = PROBE_TIMEOUT,
					     .allow_plain = true};
	struct http_reply reply;
	enum err kind = http_send(ctx, how->local_http, &request, &reply);

	if (kind == E_CANCELLED)
		return kind;
	/* Docker Desktop's proxy answers for every address */
	if (kind != E_OK || (reply.status == 403 && strstr(reply.body, "unreachable")))
		return fault_set(ctx, E_NOTFOUND, "NotReachable",
				 "the metadata service (169.254.169.254) does not answer");
	atomic_store(how->imds_seen, true);
	return E_OK;
}

enum err sign_in_imds(struct ctx *ctx, const struct sign_in *how, struct access_token *out)
{
	const char *host = how->options->pod_identity_authority_host;
	const char *base = host ? host : IMDS_BASE;
	size_t length = strlen(base);
	struct endpoint endpoint = {.name = "the metadata service",
				    .api_version = IMDS_VERSION,
				    .header = "Metadata",
				    .header_value = "true"};

	while (length && base[length - 1] == '/')
		length--;
	endpoint.base = arena_printf(
		ctx->arena, "%.*s%s", (int)length, base,
		length >= strlen(IMDS_PATH) && text_ends_with(base, IMDS_PATH) ? "" : IMDS_PATH);
	/* a host that somebody named is there */
	if (!host && !atomic_load(how->imds_seen))
		TRY(probe_imds(ctx, how, endpoint.base));
	return wrap(ctx, ask(ctx, how, &endpoint, out));
}
