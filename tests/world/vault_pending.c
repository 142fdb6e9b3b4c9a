/* The pending operation of a certificate: look at it, cancel it, delete it, merge what the CA
 * issued. */
#include "world/vault.h"

#include <string.h>

#include "base/text.h"

static struct object *need_pending(struct world *world, struct call *call, const char *name)
{
	struct object *object = vault_find(world, OBJECT_CERTIFICATE, name);

	if (object && !object->is_deleted && object->pending)
		return object;
	call_vault_error(call, 404, "PendingCertificateNotFound", NULL,
			 "Pending certificate not found: %s", name);
	return NULL;
}

static void cancel(struct world *world, struct call *call, struct object *object)
{
	struct json *body = call_vault_body(call);

	if (!body)
		return;
	if (object->pending->state != PENDING_IN_PROGRESS) {
		call_vault_error(call, 400, "BadParameter", NULL,
				 "The pending certificate's status is not inProgress.");
		return;
	}
	if (json_get_bool(body, "cancellation_requested", false)) {
		object->pending->is_cancellation_requested = true;
		object->pending->state = PENDING_CANCELED;
	}
	call_json(call, 200, vault_show_operation(call->ctx, world, object));
}

/* What somebody else began is not ours to delete, and nothing that the CA has seen. */
static void judge(struct world *world, const struct call *call, const struct object *object)
{
	const struct pending *pending = object->pending;
	const char *what = pending->by_other ? "of somebody else deleted"
					     : "deleted after finalize";

	if (call->by_other || pending->state != PENDING_IN_PROGRESS ||
	    (!pending->by_other && !pending->is_finalized))
		return;
	world->never.pending_foreign_deleted += pending->by_other;
	world->never.pending_lost += !pending->by_other;
	(void)snprintf(world->never.last, sizeof(world->never.last), "pending operation %s: %s",
		       what, object->name);
}

static void delete_pending(struct world *world, struct call *call, struct object *object)
{
	judge(world, call, object);
	call_json(call, 200, vault_show_operation(call->ctx, world, object));
	object->pending = NULL;
}

/* Parses x5c into the version; false after 400. The end-entity certificate is found by its key. */
static bool take_chain(struct call *call, struct pending *pending, const struct json *x5c)
{
	struct version *version = pending->version;
	X509 *certs[CRYPTO_CHAIN_MAX], *leaf;
	size_t count = 0, at = SIZE_MAX, i;
	struct bytes der;

	json_for_each (item, x5c) {
		if (count == CRYPTO_CHAIN_MAX || !json_text(item) ||
		    base64_decode(call->ctx, json_text(item), &der) != E_OK)
			break;
		certs[count] = crypto_parse_cert(&der);
		if (!certs[count])
			break;
		if (at == SIZE_MAX && X509_check_private_key(certs[count], version->key) == 1)
			at = count;
		count++;
	}
	if (count == 0 || count != json_size(x5c) || at == SIZE_MAX ||
	    (pending->preserves_order && at != 0)) {
		for (i = 0; i < count; i++)
			X509_free(certs[i]);
		call_vault_error(
			call, 400, "BadParameter", NULL, "%s",
			at == SIZE_MAX && count && count == json_size(x5c)
				? "The public key of the end-entity certificate in the "
				  "specified X.509 certificate content does not match the "
				  "public key of the specified private key. Please check if "
				  "certificate is valid."
				: "Property x5c has invalid value.");
		return false;
	}
	leaf = certs[at];
	memmove(certs + 1, certs, at * sizeof(*certs));
	certs[0] = leaf;
	memcpy(version->certs, certs, sizeof(*certs) * count);
	version->cert_count = count;
	return true;
}

/* The merged version becomes the newest, whatever came in between. */
static void move_to_front(struct object *object, struct version *version)
{
	struct version **at = &object->newest;

	while (*at && *at != version)
		at = &(*at)->older;
	if (*at)
		*at = version->older;
	version->older = object->newest;
	object->newest = version;
}

static bool has_partner(const struct pending *pending)
{
	return text_equals(json_get_text(json_get(pending->version->policy, "issuer"), "name"),
			   VAULT_PARTNER);
}

static void merge(struct world *world, struct call *call, struct object *object)
{
	struct pending *pending = object->pending;
	struct version *version = pending->version;
	struct json *body = call_vault_body(call);

	if (!body)
		return;
	if (pending->state != PENDING_IN_PROGRESS || has_partner(pending) ||
	    vault_is_self_signed(pending)) {
		call_vault_error(call, 403, "Forbidden", NULL,
				 "The pending certificate's status is not inProgress, or it was "
				 "created with an issuer.");
		return;
	}
	if (!take_chain(call, pending, json_get(body, "x5c")))
		return;
	version->attributes.is_enabled = true;
	version->attributes.nbf = crypto_not_before(version->certs[0]);
	version->attributes.exp = crypto_not_after(version->certs[0]);
	version->attributes.updated = world_seconds(world);
	vault_take(world, version, body);
	move_to_front(object, version);
	pending->state = PENDING_COMPLETED;
	call_json(call, 201, vault_show_certificate(call->ctx, world, object, version));
	call_set_header(call, "Location",
			arena_printf(call->ctx->arena, "%s?api-version=%s",
				     vault_url(call->ctx, world, "certificates", object, version),
				     call_query(call, "api-version")));
}

void vault_pending(struct world *world, struct call *call, const char *name)
{
	struct object *object = need_pending(world, call, name);
	const char *request = call_query(call, "request_id");

	if (!object)
		return;
	if (request && !text_equals(request, object->pending->request_id)) {
		call_vault_error(call, 404, "PendingCertificateNotFound", NULL,
				 "Pending certificate not found: %s was overwritten.", name);
		return;
	}
	if (text_equals(call_segment(call, 3), "merge")) {
		if (call_is(call, "POST"))
			merge(world, call, object);
	} else if (call_is(call, "GET")) {
		call_json(call, 200, vault_show_operation(call->ctx, world, object));
	} else if (call_is(call, "PATCH")) {
		cancel(world, call, object);
	} else if (call_is(call, "DELETE")) {
		delete_pending(world, call, object);
	}
}
