#include "world/acme_model.h"

#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "codec/date.h"
#include "world/acme_state.h"

const char *acme_word(enum acme_status status)
{
	static const char *const words[] = {"pending", "ready",	      "processing", "valid",
					    "invalid", "deactivated", "revoked"};

	return words[status];
}

char *acme_url(struct ctx *ctx, const struct world *world, const char *kind, const char *id)
{
	return arena_printf(ctx->arena, "%s/%s%s%s", world->acme->place.where, kind, id ? "/" : "",
			    id ? id : "");
}

void acme_id(struct world *world, char out[2 * ACME_ID_BYTES + 1])
{
	rng_hex(world->doors->rng, out, ACME_ID_BYTES);
}

struct json *acme_date(struct ctx *ctx, int64_t seconds)
{
	return json_string(ctx, date_rfc3339(ctx, seconds * MSEC_PER_SEC));
}

struct place *acme_model_new(struct world *world)
{
	return &arena_new_one(world->keep.arena, struct acme)->place;
}

void acme_model_fini(struct world *world)
{
	struct acme_account *account;
	struct acme_cert *cert;
	struct place *place;

	for (place = world->places[PLACE_CA]; place; place = place->next) {
		struct acme *acme = (struct acme *)place;

		for (account = acme->accounts; account; account = account->next)
			EVP_PKEY_free(account->key);
		for (cert = acme->certs; cert; cert = cert->next)
			X509_free(cert->leaf);
	}
}

static void directory(struct world *world, struct call *call)
{
	static const struct {
		const char *name, *path;
	} entries[] = {
		{"newNonce", "new-nonce"},   {"newAccount", "new-account"},
		{"newOrder", "new-order"},   {"revokeCert", "revoke-cert"},
		{"keyChange", "key-change"}, {"renewalInfo", "renewal-info"},
	};
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx), *meta = json_object(ctx), *caa = json_array(ctx);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(entries); i++)
		json_set_text(ctx, reply, entries[i].name,
			      acme_url(ctx, world, entries[i].path, NULL));
	json_set_text(ctx, meta, "termsOfService", "https://acme.test/terms");
	json_set_text(ctx, meta, "website", "https://acme.test");
	json_append(ctx, caa, json_string(ctx, "acme.test"));
	json_set(ctx, meta, "caaIdentities", caa);
	json_set(ctx, reply, "meta", meta);
	call_json(call, 200, reply);
}

static void show_account(struct world *world, struct call *call, const struct acme_account *account,
			 int status)
{
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx);

	json_set_text(ctx, reply, "status", acme_word(account->status));
	json_set(ctx, reply, "contact",
		 account->contact ? json_dup(ctx, account->contact) : json_array(ctx));
	json_set_text(ctx, reply, "orders", acme_url(ctx, world, "orders", account->id));
	call_json(call, status, reply);
	call_set_header(call, "Location", acme_url(ctx, world, "account", account->id));
}

static void new_account(struct world *world, struct call *call, const struct acme_request *request)
{
	struct acme_account *account = acme_account_by_jwk(world, call->ctx, request->jwk);
	struct ctx *keep = &world->keep;

	if (account) {
		if (account->status == ACME_VALID)
			show_account(world, call, account, 200);
		else
			call_acme_problem(call, 403, "unauthorized", "The account is deactivated.");
		return;
	}
	if (json_get_bool(request->payload, "onlyReturnExisting", false)) {
		call_acme_problem(call, 400, "accountDoesNotExist", "No account has this key.");
		return;
	}
	if (!json_get_bool(request->payload, "termsOfServiceAgreed", false)) {
		call_acme_problem(call, 403, "userActionRequired",
				  "The terms of service must be agreed to.");
		return;
	}
	account = arena_new_one(keep->arena, struct acme_account);
	acme_id(world, account->id);
	account->status = ACME_VALID;
	account->jwk = json_dup(keep, request->jwk);
	account->thumbprint = crypto_thumbprint(keep, request->jwk);
	account->key = crypto_from_jwk(keep, request->jwk);
	if (json_is_array(json_get(request->payload, "contact")))
		account->contact = json_dup(keep, json_get(request->payload, "contact"));
	account->next = world->acme->accounts;
	world->acme->accounts = account;
	show_account(world, call, account, 201);
}

static void post_account(struct world *world, struct call *call, const struct acme_request *request,
			 const char *id)
{
	struct acme_account *account = request->account;

	if (!text_equals(account->id, id)) {
		call_acme_problem(call, 403, "unauthorized", "This is another account's.");
		return;
	}
	if (text_equals(json_get_text(request->payload, "status"), "deactivated"))
		account->status = ACME_DEACTIVATED;
	if (json_is_array(json_get(request->payload, "contact")))
		account->contact = json_dup(&world->keep, json_get(request->payload, "contact"));
	show_account(world, call, account, 200);
}

static void post_order(struct world *world, struct call *call, const struct acme_request *request,
		       const char *id)
{
	struct acme_order *order = acme_find_order(world, id);

	if (!order || order->account != request->account)
		call_acme_problem(call, 404, "malformed", "No such order.");
	else if (request->payload)
		call_acme_problem(call, 400, "malformed", "An order is read by POST-as-GET.");
	else
		acme_show_order(world, call, order, 200);
}

static void post_authz(struct world *world, struct call *call, const struct acme_request *request,
		       const char *id)
{
	struct acme_authz *authz = acme_find_authz(world, id);

	if (!authz || authz->account != request->account)
		call_acme_problem(call, 404, "malformed", "No such authorization.");
	else if (call_segment_is(call, 0, "authz"))
		acme_authz_post(world, call, request, authz);
	else
		acme_challenge_post(world, call, request, authz);
}

static void post_cert(struct world *world, struct call *call, const struct acme_request *request,
		      const char *id)
{
	struct acme_cert *cert = acme_find_cert(world, id);

	if (!cert || cert->account != request->account) {
		call_acme_problem(call, 404, "malformed", "No such certificate.");
		return;
	}
	call_text(call, 200, "application/pem-certificate-chain", cert->pem, strlen(cert->pem));
}

static void post(struct world *world, struct call *call)
{
	const char *first = call_segment(call, 0), *id = call_segment(call, 1);
	struct acme_request request;

	if (!acme_verify(world, call, &request))
		return;
	if (text_equals(first, "new-account"))
		new_account(world, call, &request);
	else if (text_equals(first, "revoke-cert"))
		acme_revoke(world, call, &request);
	else if (text_equals(first, "new-order"))
		acme_new_order(world, call, &request);
	else if (text_equals(first, "account"))
		post_account(world, call, &request, id);
	else if (text_equals(first, "order"))
		post_order(world, call, &request, id);
	else if (text_equals(first, "finalize"))
		acme_finalize(world, call, &request, id);
	else if (text_equals(first, "authz") || text_equals(first, "chall"))
		post_authz(world, call, &request, id);
	else if (text_equals(first, "cert"))
		post_cert(world, call, &request, id);
	else
		call_acme_problem(call, 404, "malformed", "Page not found");
	acme_request_done(&request);
}

void acme_handle(struct world *world, struct call *call)
{
	const char *first = call_segment(call, 0);
	bool is_read = call_is(call, "GET") || call_is(call, "HEAD");

	if (!world->acme) {
		call_status(call, 404);
		return;
	}
	acme_tick(world, call->ctx);
	if (!world->settings.hides_time)
		call_set_header(
			call, "Date",
			date_http(call->ctx, world->doors->clock->wall(world->doors->clock)));
	if (is_read && text_equals(first, "directory")) {
		directory(world, call);
		return;
	}
	if (is_read && text_equals(first, "renewal-info"))
		acme_renewal_info(world, call, call_segment(call, 1));
	else if (is_read && text_equals(first, "new-nonce"))
		call_status(call, call_is(call, "HEAD") ? 200 : 204);
	else if (call_is(call, "POST"))
		post(world, call);
	else
		call_acme_problem(call, 405, "malformed", "Method not allowed");
	acme_fresh_nonce(world, call);
	call_set_header(call, "Link",
			arena_printf(call->ctx->arena, "<%s>;rel=\"index\"",
				     acme_url(call->ctx, world, "directory", NULL)));
}

char *world_acme_root(struct ctx *ctx)
{
	return acme_root_pem(ctx);
}
