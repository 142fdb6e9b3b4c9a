/*
 * Before the CA is asked to look, we look ourselves, the way it will: a wrong rule or a missing
 * file then costs nothing that the CA counts. The connection goes to the gateway's own address,
 * never to what the hostname resolves to. As the CA does, it is redirected to https too, and looks
 * at no certificate there: there may be none for this hostname yet.
 */
#include "hostname/selfcheck.h"

#include <string.h>

#include "base/text.h"
#include "http/url.h"

#define REDIRECTS_MAX 10
#define FILE_MAX      ((size_t)4096)
#define CHECK_TIMEOUT (5 * MSEC_PER_SEC)

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 307 || status == 308;
}

static unsigned gateway_port(const struct pass *pass, const struct url *url)
{
	const struct settings *settings = pass->world->settings;

	return text_equals(url->scheme, "https") ? settings->gateway_https_port
						 : settings->gateway_http_port;
}

static const char *gateway_address(struct ctx *ctx, const struct pass *pass, const struct url *url)
{
	const struct texts *ips = &pass->gateway->status.public_ips;
	const char *chosen = ips->items[0];

	for (size_t i = 0; i < ips->count; i++)
		if (!strchr(ips->items[i], ':')) {
			chosen = ips->items[i];
			break;
		}
	return arena_printf(ctx->arena, strchr(chosen, ':') ? "[%s]:%u" : "%s:%u", chosen,
			    gateway_port(pass, url));
}

/* CAs follow to the ports of the two schemes alone. */
static bool has_usual_port(const struct pass *pass, const struct url *url)
{
	return url->port == (text_equals(url->scheme, "https") ? 443 : 80) ||
	       url->port == gateway_port(pass, url);
}

static bool is_followed(const struct pass *pass, const struct url *target)
{
	if (text_equals(target->host, pass->name))
		return has_usual_port(pass, target);
	return text_equals(target->host, pass->world->settings->blob_host);
}

/* Where a redirect leads; refused unless it stays with the hostname or goes to the container's
 * host. */
static enum err follow(struct ctx *ctx, const struct pass *pass, const char *from,
		       const struct http_reply *reply, const char **to)
{
	const char *location = http_header(reply, "Location");
	struct url base, target;

	if (!location)
		return fault_set(ctx, E_REFUSED, "ChallengeFileNotFound",
				 "GET %s through the gateway: a redirect without Location", from);
	TRY(url_parse(ctx, from, &base));
	if (location[0] == '/' && location[1] != '/')
		location = arena_printf(ctx->arena, "%s%s", url_origin(ctx, &base), location);
	if (url_parse(ctx, location, &target) != E_OK || !is_followed(pass, &target))
		return fault_set(
			ctx, E_REFUSED, "ChallengeFileNotFound",
			"GET %s through the gateway: redirected to a host that is neither this "
			"hostname (on port 80 or 443) nor the blob container's",
			from);
	*to = location;
	return E_OK;
}

static enum err get(struct ctx *ctx, const struct pass *pass, const char *url,
		    struct http_reply *reply)
{
	struct http_request request = {
		.kind = HTTP_READ,
		.method = "GET",
		.url = url,
		.timeout = CHECK_TIMEOUT,
		.reply_bytes_max = FILE_MAX,
		.allow_plain = true,
		.accept_any_certificate = true,
	};
	struct url parsed;
	enum err err;

	TRY(url_parse(ctx, url, &parsed));
	if (text_equals(parsed.host, pass->name)) {
		request.connect_to = gateway_address(ctx, pass, &parsed);
		http_set_header(&request, "Host", pass->name);
	}
	err = http_send(ctx, pass->world->probe, &request, reply);
	if (err == E_OK || err == E_CANCELLED)
		return err;
	pass->world->wake_gateway(pass->world->handle);
	return fault_set(
		ctx, E_REFUSED, "SelfCheckUnreachable",
		"GET %s through the gateway failed: %s. Check that the gateway listens on this "
		"port, or set SelfCheck: advisory when this machine cannot reach it",
		url, arena_strdup(ctx->arena, ctx->fault.text));
}

/* Trailing white space is forgiven, as the CA does. */
static bool is_file(const struct http_reply *reply, const char *wanted)
{
	size_t size = reply->body_size;

	while (size && strchr(" \t\r\n", reply->body[size - 1]))
		size--;
	return size == strlen(wanted) && memcmp(reply->body, wanted, size) == 0;
}

enum err selfcheck_get(struct ctx *ctx, struct pass *pass, const char *key_authorization)
{
	const struct settings *settings = pass->world->settings;
	const char *path = pass->host.status.issuance.token;
	const char *first, *url;
	struct http_reply reply;

	if (settings->self_check == SELF_CHECK_OFF)
		return E_OK;
	first = settings->gateway_http_port == 80
			? arena_printf(ctx->arena, "http://%s/.well-known/acme-challenge/%s",
				       pass->name, path)
			: arena_printf(ctx->arena, "http://%s:%u/.well-known/acme-challenge/%s",
				       pass->name, settings->gateway_http_port, path);
	url = first;
	for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
		TRY(get(ctx, pass, url, &reply));
		if (!is_redirect(reply.status))
			break;
		TRY(follow(ctx, pass, url, &reply, &url));
	}
	if (reply.status != 200)
		return fault_set(
			ctx, E_REFUSED, "ChallengeFileNotFound",
			"GET http://%s/.well-known/acme-challenge/<token> through the gateway "
			"answered %d instead of the file. Check the path rule for "
			"/.well-known/acme-challenge/* and the container's public read access",
			pass->name, reply.status);
	if (!is_file(&reply, key_authorization))
		return fault_set(
			ctx, E_REFUSED, "ChallengeFileNotValid",
			"GET http://%s/.well-known/acme-challenge/<token> through the gateway "
			"answered 200 with other content than the uploaded file. Check which "
			"backend the path rule for /.well-known/acme-challenge/* leads to",
			pass->name);
	return E_OK;
}
