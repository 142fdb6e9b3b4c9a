#include "entra/bearer.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "entra/arm_error.h"
#include "entra/challenge.h"
#include "entra/said.h"
#include "http/url.h"

#define RESOURCE_LENGTH_MAX 256

struct bearer {
	struct http http;
	struct bearer_options options; /* immutable after new */
	/* owned by the worker: what the vault's challenge taught us, "" before */
	char learned[RESOURCE_LENGTH_MAX];
};

static const char *resource_of(const struct bearer *self)
{
	return *self->learned ? self->learned : self->options.resource;
}

static enum err send_with(struct ctx *ctx, struct bearer *self, const struct http_request *request,
			  const char *header, struct http_reply *reply)
{
	struct http_request signed_request = *request;

	http_set_header(&signed_request, "Authorization", header);
	return http_send(ctx, self->options.inner, &signed_request, reply);
}

static enum err get_header(struct ctx *ctx, struct bearer *self, const char **header)
{
	const struct bearer_options *o = &self->options;

	return credential_header(ctx, o->credential, o->authority, o->local, resource_of(self),
				 header);
}

static bool host_belongs_to(struct ctx *ctx, const char *host, const char *resource)
{
	struct url url;

	if (url_parse(ctx, resource, &url) != E_OK || !text_equals(url.scheme, "https"))
		return false;
	return text_ends_with(host, arena_printf(ctx->arena, ".%s", url.host));
}

/* Who answers decides for whom the next token is made, so a host that does not belong to that
 * service gets none. */
static enum err learn_resource(struct ctx *ctx, struct bearer *self,
			       const struct challenge *challenge)
{
	const struct bearer_options *o = &self->options;
	struct url origin;

	if (!o->check_challenge_resource || !challenge->resource)
		return E_OK;
	TRY(url_parse(ctx, o->origin, &origin));
	if (strlen(challenge->resource) >= RESOURCE_LENGTH_MAX ||
	    !host_belongs_to(ctx, origin.host, challenge->resource))
		return fault_set(
			ctx, E_REFUSED, "ChallengeRefused",
			"%s asks for a token of a service that it does not belong to; check "
			"the vault's URL",
			o->origin);
	fault_clear(ctx);
	snprintf(self->learned, sizeof(self->learned), "%s", challenge->resource);
	return E_OK;
}

static enum err refuse(struct ctx *ctx, const struct bearer *self, const struct http_reply *reply,
		       const struct challenge *challenge)
{
	struct arm_error error;
	const char *words = challenge->description;

	arm_error_of_reply(ctx, reply, &error);
	if (*error.text)
		words = error.text;
	words = said_clean(ctx, words);
	fault_set(ctx, E_REFUSED, "AzureAuthFailed", "%s refused a fresh token for %s%s%s",
		  self->options.origin, resource_of(self), *words ? ": " : "", words);
	ctx->fault.http_status = reply->status;
	if (challenge->authority)
		said_advise(ctx, arena_printf(ctx->arena,
					      "check that AZURE_TENANT_ID is the tenant "
					      "of %s",
					      said_clean(ctx, challenge->authority)));
	return E_REFUSED;
}

/* A 401 was not executed, so even a ONE_SHOT may go out once more. */
static enum err send_again(struct ctx *ctx, struct bearer *self, const struct http_request *request,
			   const char *header, struct http_reply *reply)
{
	const char *refused_resource = resource_of(self);
	struct challenge challenge;

	challenge_read(ctx, http_header(reply, "WWW-Authenticate"), &challenge);
	refused_resource = arena_strdup(ctx->arena, refused_resource);
	TRY(learn_resource(ctx, self, &challenge));
	credential_discard(self->options.credential, refused_resource, header, challenge.claims);
	TRY(get_header(ctx, self, &header));
	TRY(send_with(ctx, self, request, header, reply));
	if (reply->status != 401)
		return E_OK;
	challenge_read(ctx, http_header(reply, "WWW-Authenticate"), &challenge);
	return refuse(ctx, self, reply, &challenge);
}

static enum err bearer_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			    struct http_reply *reply)
{
	struct bearer *self = (struct bearer *)http;
	const char *header;

	TRY(url_check_origin(ctx, self->options.origin, request->url));
	TRY(get_header(ctx, self, &header));
	TRY(send_with(ctx, self, request, header, reply));
	return reply->status == 401 ? send_again(ctx, self, request, header, reply) : E_OK;
}

struct http *bearer_wrap(struct arena *arena, const struct bearer_options *options)
{
	struct bearer *self = arena_new_one(arena, struct bearer);

	self->http.send = bearer_send;
	self->options = *options;
	return &self->http;
}
