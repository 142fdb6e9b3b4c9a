#include "entra/credential.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/text.h"
#include "entra/managed_identity.h"
#include "entra/said.h"
#include "entra/sign_in.h"
#include "http/url.h"

#define RESOURCES_MAX 16	   /* a vault may name one of its own in a challenge */
#define REFRESH_WAIT  MSEC_PER_MIN /* for another thread's sign-in */
#define MARGIN_MIN    (5 * MSEC_PER_MIN)

enum way { WAY_ENVIRONMENT = 1, WAY_WORKLOAD = 2, WAY_MANAGED = 4 };

#define WAY_ALL (WAY_ENVIRONMENT | WAY_WORKLOAD | WAY_MANAGED)

static const struct {
	enum way way;
	const char *name;
	enum err (*sign_in)(struct ctx *ctx, const struct sign_in *how, struct access_token *out);
} ways[] = {
	{WAY_ENVIRONMENT, "client secret", sign_in_client_secret},
	{WAY_ENVIRONMENT, "client certificate", sign_in_client_certificate},
	{WAY_WORKLOAD, "workload identity", sign_in_federated},
	{WAY_MANAGED, "App Service", sign_in_app_service},
	{WAY_MANAGED, "Azure Arc", sign_in_arc},
	{WAY_MANAGED, "managed identity", sign_in_imds},
};

/* AZURE_TOKEN_CREDENTIALS. The developers' ones are known, and none of them is for a daemon. */
static const struct {
	const char *name;
	unsigned ways;
} narrowings[] = {
	{"prod", WAY_ALL},
	{"EnvironmentCredential", WAY_ENVIRONMENT},
	{"WorkloadIdentityCredential", WAY_WORKLOAD},
	{"ManagedIdentityCredential", WAY_MANAGED},
};

struct token {
	char *resource; /* immutable after new */
	/* guarded by the credential's lock */
	char *header;		    /* NULL: none */
	char *claims;		    /* to ask for with the next one, or NULL */
	msec_t refresh_at, ends_at; /* monotonic */
	bool is_refreshing;
	msec_t paused_until; /* monotonic; the last sign-in failed with this: */
	enum err failure;
	struct fault fault;
	unsigned failures;
};

struct credential {
	/* immutable after new */
	struct arena *arena;
	struct credential_options options;
	unsigned ways;
	atomic_bool imds_seen;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a refresh ended, or somebody was cancelled */
	/* guarded by lock */
	struct token tokens[RESOURCES_MAX];
	size_t count;
};

static void wipe_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

/* ---- settings */

static const char *keep(struct arena *arena, const char *text)
{
	char *copy;

	if (!text || !*text)
		return NULL;
	copy = arena_strdup(arena, text);
	arena_wipe_at_end(arena, copy, strlen(copy));
	return copy;
}

static void keep_options(struct arena *arena, const struct credential_options *from,
			 struct credential_options *to)
{
	*to = (struct credential_options){
		.tenant_id = keep(arena, from->tenant_id),
		.client_id = keep(arena, from->client_id),
		.client_secret = keep(arena, from->client_secret),
		.client_certificate_path = keep(arena, from->client_certificate_path),
		.client_certificate_password = keep(arena, from->client_certificate_password),
		.send_certificate_chain = keep(arena, from->send_certificate_chain),
		.federated_token_file = keep(arena, from->federated_token_file),
		.authority_host = keep(arena, from->authority_host),
		.pod_identity_authority_host = keep(arena, from->pod_identity_authority_host),
		.identity_endpoint = keep(arena, from->identity_endpoint),
		.identity_header = keep(arena, from->identity_header),
		.imds_endpoint = keep(arena, from->imds_endpoint),
		.token_credentials = keep(arena, from->token_credentials),
	};
}

static enum err refuse_settings(struct ctx *ctx, const char *what)
{
	return fault_set(ctx, E_REFUSED, "InvalidCredentialSettings", "%s", what);
}

static enum err narrow(struct ctx *ctx, const char *setting, unsigned *allowed)
{
	*allowed = WAY_ALL;
	if (!setting)
		return E_OK;
	for (size_t i = 0; i < ARRAY_SIZE(narrowings); i++)
		if (text_equals_nocase(narrowings[i].name, setting)) {
			*allowed = narrowings[i].ways;
			return E_OK;
		}
	return refuse_settings(ctx, "AZURE_TOKEN_CREDENTIALS must be prod, EnvironmentCredential, "
				    "WorkloadIdentityCredential or ManagedIdentityCredential");
}

/* Half a set is a mistake: to pass over it would sign in as somebody else. */
static enum err check_sets(struct ctx *ctx, const struct credential_options *o, unsigned allowed)
{
	bool has_principal = o->tenant_id && o->client_id;
	const struct {
		unsigned way;
		bool is_half;
		const char *what;
	} rules[] = {
		{WAY_ENVIRONMENT, o->client_secret && !has_principal,
		 "AZURE_CLIENT_SECRET needs AZURE_TENANT_ID and AZURE_CLIENT_ID"},
		{WAY_ENVIRONMENT, o->client_certificate_path && !has_principal,
		 "AZURE_CLIENT_CERTIFICATE_PATH needs AZURE_TENANT_ID and AZURE_CLIENT_ID"},
		{WAY_WORKLOAD, o->federated_token_file && !has_principal,
		 "AZURE_FEDERATED_TOKEN_FILE needs AZURE_TENANT_ID and AZURE_CLIENT_ID"},
		{WAY_MANAGED, o->identity_header && !o->identity_endpoint,
		 "IDENTITY_HEADER needs IDENTITY_ENDPOINT"},
		{WAY_MANAGED, o->identity_endpoint && !o->identity_header && !o->imds_endpoint,
		 "IDENTITY_ENDPOINT needs IDENTITY_HEADER (App Service) or IMDS_ENDPOINT "
		 "(Azure Arc)"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if ((rules[i].way & allowed) && rules[i].is_half)
			return refuse_settings(ctx, rules[i].what);
	return E_OK;
}

/* Secrets travel to the authority: never in the clear, never past a host that looks like
 * another. */
static enum err check_urls(struct ctx *ctx, const struct credential_options *o)
{
	struct url url;

	if (o->authority_host) {
		if (url_parse(ctx, o->authority_host, &url) != E_OK ||
		    !text_equals(url.scheme, "https") || url.query)
			return refuse_settings(ctx, "AZURE_AUTHORITY_HOST must be an https URL");
	}
	if (o->identity_endpoint && url_parse(ctx, o->identity_endpoint, &url) != E_OK)
		return refuse_settings(ctx, "IDENTITY_ENDPOINT must be a URL");
	if (o->pod_identity_authority_host &&
	    url_parse(ctx, o->pod_identity_authority_host, &url) != E_OK)
		return refuse_settings(ctx, "AZURE_POD_IDENTITY_AUTHORITY_HOST must be a URL");
	if (o->tenant_id && (strchr(o->tenant_id, '/') || text_starts_with(o->tenant_id, ".")))
		return refuse_settings(ctx, "AZURE_TENANT_ID must be a tenant's id or domain");
	return E_OK;
}

enum err credential_new(struct ctx *ctx, const struct credential_options *options,
			struct credential **out)
{
	struct arena *arena cleanup_arena = arena_new();
	struct credential *credential;
	struct credential_options kept;
	unsigned allowed;

	keep_options(arena, options, &kept);
	TRY(narrow(ctx, kept.token_credentials, &allowed));
	TRY(check_sets(ctx, &kept, allowed));
	TRY(check_urls(ctx, &kept));
	credential = heap_calloc(1, sizeof(*credential));
	credential->arena = arena;
	arena = NULL;
	credential->options = kept;
	credential->ways = allowed;
	atomic_init(&credential->imds_seen, false);
	pthread_mutex_init(&credential->lock, NULL);
	pthread_cond_init(&credential->changed, NULL);
	*out = credential;
	return E_OK;
}

void credential_free(struct credential *credential)
{
	if (!credential)
		return;
	for (size_t i = 0; i < credential->count; i++) {
		wipe_free(credential->tokens[i].header);
		free(credential->tokens[i].claims);
		free(credential->tokens[i].resource);
	}
	pthread_cond_destroy(&credential->changed);
	pthread_mutex_destroy(&credential->lock);
	arena_free(credential->arena);
	free(credential);
}

/* ---- the search */

/* `tried` collects why each way gave up. */
static enum err search(struct ctx *ctx, const struct credential *credential,
		       const struct sign_in *how, struct buf *tried, struct access_token *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		enum err kind;

		if (!(ways[i].way & credential->ways))
			continue;
		kind = ways[i].sign_in(ctx, how, out);
		if (kind != E_NOTFOUND)
			return kind;
		buf_addf(tried, "%s%s: %s", tried->size ? "; " : "", ways[i].name, ctx->fault.text);
		fault_clear(ctx);
	}
	return fault_set(ctx, E_REFUSED, "NoCredential",
			 "no way to sign in to Azure is set up (%s)", tried->data);
}

/* "Http500" or "ConnectFailed" would be looked for at the service that the token is for. */
static enum err name_trouble(struct ctx *ctx, enum err kind)
{
	if (kind == E_AGAIN || kind == E_THROTTLED)
		said_reason(ctx, "AzureAuthUnavailable");
	return kind;
}

static enum err sign_in(struct ctx *ctx, struct credential *credential, struct http *http,
			struct http *local_http, const char *resource, const char *claims,
			struct access_token *out)
{
	const struct sign_in how = {
		.options = &credential->options,
		.http = http,
		.local_http = local_http,
		.resource = resource,
		.claims = claims,
		.imds_seen = &credential->imds_seen,
	};
	struct buf tried cleanup_buf;

	buf_init(&tried, sizeof(ctx->fault.text));
	return name_trouble(ctx, search(ctx, credential, &how, &tried, out));
}

/* ---- the cache; all with the lock held unless said otherwise */

static struct token *find(struct credential *credential, const char *resource)
{
	for (size_t i = 0; i < credential->count; i++)
		if (!strcmp(credential->tokens[i].resource, resource))
			return &credential->tokens[i];
	return NULL;
}

static struct token *find_or_add(struct credential *credential, const char *resource)
{
	struct token *token = find(credential, resource);

	if (token || credential->count == RESOURCES_MAX)
		return token;
	token = &credential->tokens[credential->count++];
	token->resource = heap_strdup(resource);
	return token;
}

static bool is_usable(const struct token *token, msec_t now)
{
	return token->header && now < token->ends_at;
}

static bool is_paused(const struct token *token, msec_t now)
{
	return token->failure != E_OK && now < token->paused_until;
}

/* A token that still lives serves while its successor is fetched, or cannot be. */
static bool is_settled(const struct token *token, msec_t now)
{
	if (token->is_refreshing)
		return is_usable(token, now);
	return is_paused(token, now) || (is_usable(token, now) && now < token->refresh_at);
}

static enum err settle(struct ctx *ctx, const struct token *token, msec_t now, const char **header)
{
	char *copy;

	if (!is_usable(token, now) && token->failure != E_OK) {
		ctx->fault = token->fault;
		if (token->failure == E_THROTTLED)
			ctx->fault.retry_after_ms = token->paused_until - now;
		return token->failure;
	}
	copy = arena_strdup(ctx->arena, token->header);
	arena_wipe_at_end(ctx->arena, copy, strlen(copy));
	*header = copy;
	return E_OK;
}

static void keep_token(struct token *token, const struct access_token *fresh, msec_t now)
{
	msec_t margin = fresh->life / 10 > MARGIN_MIN ? fresh->life / 10 : MARGIN_MIN;

	/* one that lives for minutes only would be renewed on every call */
	if (margin > fresh->life / 2)
		margin = fresh->life / 2;
	wipe_free(token->header);
	token->header = heap_strdup(fresh->header);
	token->ends_at = msec_add(now, fresh->life);
	token->refresh_at = token->ends_at - margin;
	token->failure = E_OK;
	token->failures = 0;
	free(token->claims);
	token->claims = NULL;
}

/* How long after the nth failure in a row (from 0) the next try may come. */
static msec_t pause_after(enum err kind, const struct fault *fault, unsigned failures)
{
	switch (kind) {
	case E_THROTTLED:
		return fault->retry_after_ms
			       ? fault->retry_after_ms
			       : msec_double(2 * MSEC_PER_SEC, failures, MSEC_PER_MIN);
	case E_AGAIN:
	case E_CONFLICT:
		if (fault->http_status == 410)
			return 10 * MSEC_PER_SEC;
		return msec_double(MSEC_PER_SEC, failures, 30 * MSEC_PER_SEC);
	case E_REFUSED:
	case E_NOTFOUND: return msec_double(5 * MSEC_PER_SEC, failures, MSEC_PER_MIN);
	case E_OK:
	case E_CANCELLED: break;
	}
	return 0;
}

static void keep_failure(struct ctx *ctx, struct token *token, enum err kind, msec_t now)
{
	msec_t pause = pause_after(kind, &ctx->fault, token->failures);

	/* a throttle without a time has ours, or the caller would guess another one */
	if (kind == E_THROTTLED)
		ctx->fault.retry_after_ms = pause;
	token->failure = kind;
	token->fault = ctx->fault;
	token->paused_until = msec_add(now, pause);
	if (kind != E_CANCELLED && token->failures < 16)
		token->failures++;
}

static void wake_waiters(void *handle)
{
	struct credential *credential = handle;

	pthread_mutex_lock(&credential->lock);
	pthread_cond_broadcast(&credential->changed);
	pthread_mutex_unlock(&credential->lock);
}

/* Without the lock. */
static enum err wait_for_refresh(struct ctx *ctx, struct credential *credential,
				 const struct token *token)
{
	struct cancel_waker waker = {.wake = wake_waiters, .handle = credential};
	msec_t deadline = msec_add(ctx_mono(ctx), REFRESH_WAIT);
	bool is_late;

	cancel_add_waker(ctx->doors->cancel, &waker);
	pthread_mutex_lock(&credential->lock);
	while (token->is_refreshing && ctx_mono(ctx) < deadline && !ctx_is_cancelled(ctx))
		clock_wait(ctx->doors->clock, &credential->changed, &credential->lock, deadline);
	is_late = token->is_refreshing;
	pthread_mutex_unlock(&credential->lock);
	cancel_remove_waker(ctx->doors->cancel, &waker);
	if (ctx_is_cancelled(ctx))
		return fault_set(ctx, E_CANCELLED, "Cancelled",
				 "stopped while signing in to Azure");
	if (is_late)
		return fault_set(ctx, E_AGAIN, "AzureAuthSlow",
				 "another sign-in to Azure has not ended yet");
	return E_OK;
}

/* This thread alone signs in; the lock is not held meanwhile. */
static void refresh(struct ctx *ctx, struct credential *credential, struct http *http,
		    struct http *local_http, struct token *token)
{
	struct access_token fresh = {.header = NULL};
	const char *claims = token->claims ? arena_strdup(ctx->arena, token->claims) : NULL;
	enum err kind;

	token->is_refreshing = true;
	pthread_mutex_unlock(&credential->lock);
	kind = sign_in(ctx, credential, http, local_http, token->resource, claims, &fresh);
	pthread_mutex_lock(&credential->lock);
	assert(kind != E_OK || fresh.header);
	if (kind == E_OK)
		keep_token(token, &fresh, ctx_mono(ctx));
	else
		keep_failure(ctx, token, kind, ctx_mono(ctx));
	token->is_refreshing = false;
	pthread_cond_broadcast(&credential->changed);
}

/* With the lock. E_OK: `token` is settled, or this call brought a fresh one. */
static enum err bring_up_to_date(struct ctx *ctx, struct credential *credential, struct http *http,
				 struct http *local_http, struct token *token)
{
	while (!is_settled(token, ctx_mono(ctx))) {
		enum err kind;

		if (!token->is_refreshing) {
			refresh(ctx, credential, http, local_http, token);
			return is_usable(token, ctx_mono(ctx)) ? E_OK : token->failure;
		}
		pthread_mutex_unlock(&credential->lock);
		kind = wait_for_refresh(ctx, credential, token);
		pthread_mutex_lock(&credential->lock);
		TRY(kind);
	}
	return E_OK;
}

enum err credential_header(struct ctx *ctx, struct credential *credential, struct http *http,
			   struct http *local_http, const char *resource, const char **header)
{
	struct token *token;
	enum err kind;

	pthread_mutex_lock(&credential->lock);
	token = find_or_add(credential, resource);
	if (token)
		kind = bring_up_to_date(ctx, credential, http, local_http, token);
	else
		kind = fault_set(ctx, E_REFUSED, "AzureAuthFailed",
				 "tokens for too many different resources were asked for");
	if (token && kind == E_OK)
		kind = settle(ctx, token, ctx_mono(ctx), header);
	pthread_mutex_unlock(&credential->lock);
	return kind;
}

void credential_discard(struct credential *credential, const char *resource, const char *header,
			const char *claims)
{
	struct token *token;

	pthread_mutex_lock(&credential->lock);
	token = find(credential, resource);
	if (token && token->header && !strcmp(token->header, header)) {
		wipe_free(token->header);
		token->header = NULL;
		free(token->claims);
		token->claims = claims ? heap_strdup(claims) : NULL;
	}
	pthread_mutex_unlock(&credential->lock);
}
