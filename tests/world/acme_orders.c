#include "world/acme_state.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ORDER_SECONDS ((int64_t)7 * 86400)

struct acme_order *acme_find_order(const struct world *world, const char *id)
{
	struct acme_order *order;

	for (order = world->acme->orders; order; order = order->next)
		if (text_equals(order->id, id))
			return order;
	return NULL;
}

static char *lower(struct ctx *ctx, const char *text)
{
	char *own = arena_strdup(ctx->arena, text), *c;

	for (c = own; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return own;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(struct ctx *ctx, char **names, size_t count)
{
	char *text = arena_strdup(ctx->arena, "");
	size_t i;

	qsort(names, count, sizeof(*names), by_text);
	for (i = 0; i < count; i++)
		text = arena_printf(ctx->arena, "%s%s%s", text, i ? " " : "", names[i]);
	return text;
}

static bool is_issuable(const char *name)
{
	const char *at = text_starts_with(name, "*.") ? name + 2 : name, *c;

	if (!*at || strlen(at) > 253 || !strchr(at, '.') || strstr(at, "..") || *at == '.' ||
	    text_ends_with(at, ".") || text_ends_with(at, ".invalid"))
		return false;
	for (c = at; *c; c++)
		if (!islower((unsigned char)*c) && !isdigit((unsigned char)*c) && *c != '-' &&
		    *c != '.')
			return false;
	return true;
}

/* The names of a newOrder, or NULL after a problem was answered. */
static char **take_names(struct world *world, struct call *call, const struct json *payload,
			 size_t *count)
{
	const struct json *list = json_get(payload, "identifiers");
	char **names = arena_new_array(world->keep.arena, char *, ACME_NAMES_MAX);

	*count = 0;
	if (json_size(list) == 0 || json_size(list) > ACME_NAMES_MAX) {
		call_acme_problem(call, 400, "malformed", "identifiers must be 1 to %d.",
				  ACME_NAMES_MAX);
		return NULL;
	}
	json_for_each (item, list) {
		const char *value = json_get_text(item, "value");

		if (!text_equals(json_get_text(item, "type"), "dns")) {
			call_acme_problem(call, 400, "unsupportedIdentifier",
					  "Only dns identifiers are supported.");
			return NULL;
		}
		if (!value || !is_issuable(lower(call->ctx, value))) {
			call_acme_problem(call, 400, "rejectedIdentifier",
					  "Cannot issue for \"%s\": Domain name is invalid.",
					  value ? value : "");
			return NULL;
		}
		names[(*count)++] = lower(&world->keep, value);
	}
	return names;
}

static bool take_replaces(struct world *world, struct call *call, const struct json *payload,
			  struct acme_order *order)
{
	const char *id = json_get_text(payload, "replaces");

	if (!id)
		return true;
	order->replaces = acme_cert_by_ari(world, call->ctx, id);
	if (!order->replaces) {
		call_acme_problem(call, 404, "malformed", "replaces names no certificate.");
		return false;
	}
	if (!order->replaces->is_replaced)
		return true;
	call_acme_problem(call, 409, "alreadyReplaced",
			  "The certificate has been replaced already.");
	return false;
}

void acme_new_order(struct world *world, struct call *call, const struct acme_request *request)
{
	struct acme_order *order = arena_new_one(world->keep.arena, struct acme_order);
	char **names;
	size_t i;

	names = take_names(world, call, request->payload, &order->authz_count);
	if (!names || !take_replaces(world, call, request->payload, order))
		return;
	if (order->replaces)
		order->replaces->is_replaced = true;
	acme_id(world, order->id);
	order->account = request->account;
	order->expires = world_seconds(world) + ORDER_SECONDS;
	order->names = join(&world->keep, names, order->authz_count);
	for (i = 0; i < order->authz_count; i++)
		order->authzs[i] = acme_authz_for(world, request->account, names[i]);
	order->next = world->acme->orders;
	world->acme->orders = order;
	acme_tick(world, call->ctx);
	acme_show_order(world, call, order, 201);
	call_set_header(call, "Location", acme_url(call->ctx, world, "order", order->id));
}

static void update(struct world *world, struct acme_order *order)
{
	size_t i, valid = 0;

	if (order->status == ACME_PROCESSING && world_mono(world) >= order->due) {
		order->cert = acme_issue(world, order);
		order->status = ACME_VALID;
	}
	if (order->status != ACME_PENDING && order->status != ACME_READY)
		return;
	for (i = 0; i < order->authz_count; i++) {
		const struct acme_authz *authz = order->authzs[i];

		valid += authz->status == ACME_VALID;
		if (authz->status == ACME_PENDING || authz->status == ACME_VALID)
			continue;
		order->status = ACME_INVALID;
		order->error = authz->error;
		return;
	}
	order->status = valid == order->authz_count ? ACME_READY : ACME_PENDING;
	if (order->expires <= world_seconds(world))
		order->status = ACME_INVALID;
}

void acme_tick(struct world *world, struct ctx *ctx)
{
	struct acme_order *order;

	acme_authz_tick(world, ctx);
	for (order = world->acme->orders; order; order = order->next)
		update(world, order);
}

void acme_show_order(struct world *world, struct call *call, struct acme_order *order, int status)
{
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx), *names = json_array(ctx), *authzs = json_array(ctx);
	struct json *identifier, *error = NULL;
	size_t i;

	json_set_text(ctx, reply, "status", acme_word(order->status));
	json_set(ctx, reply, "expires", acme_date(ctx, order->expires));
	for (i = 0; i < order->authz_count; i++) {
		const struct acme_authz *authz = order->authzs[i];

		identifier = json_object(ctx);
		json_set_text(ctx, identifier, "type", "dns");
		json_set_text(ctx, identifier, "value",
			      authz->is_wildcard ? arena_printf(ctx->arena, "*.%s", authz->name)
						 : authz->name);
		json_append(ctx, names, identifier);
		json_append(ctx, authzs,
			    json_string(ctx, acme_url(ctx, world, "authz", authz->id)));
	}
	json_set(ctx, reply, "identifiers", names);
	json_set(ctx, reply, "authorizations", authzs);
	json_set_text(ctx, reply, "finalize", acme_url(ctx, world, "finalize", order->id));
	if (order->cert)
		json_set_text(ctx, reply, "certificate",
			      acme_url(ctx, world, "cert", order->cert->id));
	if (order->error && json_parse(ctx, order->error, strlen(order->error), &error) == E_OK)
		json_set(ctx, reply, "error", error);
	call_json(call, status, reply);
	if (world->settings.retry_after > 0 &&
	    (order->status == ACME_PENDING || order->status == ACME_PROCESSING))
		call_set_header(call, "Retry-After",
				arena_printf(ctx->arena, "%lld",
					     (long long)(world->settings.retry_after / 1000)));
}

/* NULL when the CSR fits the order; else why not. */
static const char *check_csr(struct call *call, const struct acme_order *order,
			     const struct bytes *der)
{
	X509_REQ *csr = crypto_parse_csr(der);
	const char *trouble = NULL;
	EVP_PKEY *key;
	char **names;
	size_t count;

	if (!csr)
		return "CSR does not parse or its signature is wrong";
	names = crypto_csr_names(call->ctx, csr, &count);
	key = X509_REQ_get0_pubkey(csr);
	if (!text_equals(join(call->ctx, names, count), order->names))
		trouble = "CSR does not specify same identifiers as Order";
	else if (EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) < 2048)
		trouble = "key size not supported";
	else if (EVP_PKEY_eq(key, order->account->key) == 1)
		trouble = "certificate public key must be different than account key";
	X509_REQ_free(csr);
	return trouble;
}

static bool same(const struct bytes *a, const struct bytes *b)
{
	return a->size == b->size && a->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Counts what must never happen, and tells the vault that this CSR is with the CA now. */
static void note_finalize(struct world *world, struct acme_order *order, const struct bytes *csr)
{
	struct acme_order *other;
	struct object *object;
	struct place *place;
	bool is_second = order->status == ACME_PROCESSING || order->status == ACME_VALID;

	for (other = world->acme->orders; other; other = other->next)
		if (other != order && same(&other->csr, csr) && other->status != ACME_INVALID)
			is_second = true;
	if (is_second) {
		world->never.finalized_twice++;
		(void)snprintf(world->never.last, sizeof(world->never.last),
			       "second finalize: order for %s", order->names);
	}
	for (place = world->places[PLACE_VAULT]; place; place = place->next)
		for (object = ((struct vault *)place)->objects; object; object = object->next)
			if (object->pending && same(&object->pending->csr, csr))
				object->pending->is_finalized = true;
}

void acme_finalize(struct world *world, struct call *call, const struct acme_request *request,
		   const char *id)
{
	struct acme_order *order = acme_find_order(world, id);
	const char *text = json_get_text(request->payload, "csr"), *trouble;
	struct bytes csr;

	if (!order || order->account != request->account) {
		call_acme_problem(call, 404, "malformed", "No such order.");
		return;
	}
	if (!text || base64url_decode(call->ctx, text, &csr) != E_OK) {
		call_acme_problem(call, 400, "badCSR", "csr is missing or no base64url.");
		return;
	}
	note_finalize(world, order, &csr);
	if (order->status != ACME_READY) {
		call_acme_problem(call, 403, "orderNotReady",
				  "Order's status (\"%s\") is not acceptable for finalization.",
				  acme_word(order->status));
		return;
	}
	trouble = check_csr(call, order, &csr);
	if (trouble) {
		call_acme_problem(call, 400, "badCSR", "%s", trouble);
		return;
	}
	order->csr.data = arena_copy(world->keep.arena, csr.data, csr.size);
	order->csr.size = csr.size;
	order->finalizes++;
	order->status = ACME_PROCESSING;
	order->due = msec_add(world_mono(world), world->settings.order_time);
	acme_tick(world, call->ctx);
	acme_show_order(world, call, order, 200);
	call_set_header(call, "Location", acme_url(call->ctx, world, "order", order->id));
}
