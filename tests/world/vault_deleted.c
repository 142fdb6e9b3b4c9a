/* Soft-delete, and the lists. */
#include "world/vault.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "world/gateway.h"
#include "world/owners.h"

static bool is_referenced(const struct world *world, const struct object *object)
{
	const char *base = arena_printf(world->keep.arena, "%s/secrets/%s",
					world->vault->place.where, object->name);
	const struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next) {
		const struct json *stored = ((const struct gateway *)place)->stored->root;

		json_for_each (entry, gateway_list(stored, "sslCertificates")) {
			const char *id = json_get_text(json_get(entry, "properties"),
						       "keyVaultSecretId");

			if (id && owners_is_below(id, base))
				return true;
		}
	}
	return false;
}

static void judge(struct world *world, const struct call *call, const struct object *object)
{
	const struct version *version = vault_current(object);

	if (call->by_other || object->kind != OBJECT_CERTIFICATE)
		return;
	if ((version && json_get(version->tags, "Hostname")) && !is_referenced(world, object))
		return;
	world->never.vault_foreign_deleted++;
	(void)snprintf(world->never.last, sizeof(world->never.last),
		       "vault certificate deleted that is foreign or in use: %s", object->name);
}

void vault_delete(struct world *world, struct call *call, enum object_kind kind, const char *name)
{
	struct object *object = vault_need(world, call, kind, name);
	struct version *version;
	struct json *body;

	if (!object)
		return;
	if (object->kind != kind) {
		call_vault_error(call, 403, "Forbidden", NULL,
				 "%s belongs to a certificate and is deleted with it.", name);
		return;
	}
	judge(world, call, object);
	version = vault_version(object, "");
	object->is_deleted = true;
	object->deleted_at = world_seconds(world);
	object->settles_at = msec_add(world_mono(world), world->settings.delete_time);
	object->pending = NULL;
	body = vault_show(call->ctx, world, object, version);
	vault_show_deleted(call->ctx, world, object, body);
	call_json(call, 200, body);
}

static void purge(struct world *world, struct call *call, struct object *object)
{
	struct object **at = &world->vault->objects;

	if (world->settings.purge_is_protected) {
		call_vault_error(call, 403, "Forbidden", "PurgeProtected",
				 "Operation purge is not allowed because purge protection is "
				 "enabled for this vault.");
		return;
	}
	while (*at && *at != object)
		at = &(*at)->next;
	*at = object->next;
	object->next_purged = world->vault->graveyard;
	world->vault->graveyard = object;
	for (at = &world->vault->objects; *at; at = &(*at)->next)
		;
	world->vault->end = at;
	call_status(call, 204);
}

void vault_deleted(struct world *world, struct call *call, enum object_kind kind, const char *name)
{
	struct object *object = vault_find(world, kind, name);
	struct version *version;
	struct json *body;

	if (!object || !object->is_deleted || world_mono(world) < object->settles_at) {
		call_vault_error(call, 404,
				 kind == OBJECT_CERTIFICATE ? "CertificateNotFound"
				 : kind == OBJECT_KEY	    ? "KeyNotFound"
							    : "SecretNotFound",
				 NULL, "Deleted object not found: %s", name);
		return;
	}
	version = vault_version(object, "");
	body = vault_show(call->ctx, world, object, version);
	if (call_is(call, "GET") && call->segment_count == 2) {
		vault_show_deleted(call->ctx, world, object, body);
		call_json(call, 200, body);
	} else if (call_is(call, "POST") && text_equals(call_segment(call, 2), "recover")) {
		object->is_deleted = false;
		object->settles_at = msec_add(world_mono(world), world->settings.delete_time);
		call_json(call, 200, body);
	} else if (call_is(call, "DELETE") && call->segment_count == 2) {
		purge(world, call, object);
	}
}

struct page {
	struct json *items;
	size_t skip, size, seen;
	bool has_more;
};

static bool take(struct page *page)
{
	page->seen++;
	if (page->seen <= page->skip)
		return false;
	if (page->seen > page->skip + page->size) {
		page->has_more = true;
		return false;
	}
	return true;
}

static struct page start_page(struct world *world, struct call *call)
{
	const char *size = call_query(call, "maxresults"), *skip = call_query(call, "$skiptoken");
	struct page page = {.items = json_array(call->ctx)};

	page.size = (size_t)world->settings.list_page;
	if (size && strtoul(size, NULL, 10) > 0 && strtoul(size, NULL, 10) < page.size)
		page.size = strtoul(size, NULL, 10);
	page.skip = skip ? strtoul(skip, NULL, 10) : 0;
	return page;
}

static void send_page(struct world *world, struct call *call, const struct page *page)
{
	struct json *reply = json_object(call->ctx);
	const char *size = call_query(call, "maxresults");
	const char *pending = call_query(call, "includePending");

	json_set(call->ctx, reply, "value", page->items);
	json_set(call->ctx, reply, "nextLink", json_null(call->ctx));
	if (page->has_more)
		json_set_text(
			call->ctx, reply, "nextLink",
			arena_printf(call->ctx->arena, "%s%s?api-version=%s&$skiptoken=%zu%s%s%s%s",
				     world->vault->place.where, call->path,
				     call_query(call, "api-version"), page->skip + page->size,
				     size ? "&maxresults=" : "", size ? size : "",
				     pending ? "&includePending=" : "", pending ? pending : ""));
	call_json(call, 200, reply);
}

static bool is_listed(struct world *world, struct call *call, const struct object *object,
		      enum object_kind kind, bool is_deleted)
{
	if (object->is_deleted != is_deleted || world_mono(world) < object->settles_at)
		return false;
	/* Key and secret of a certificate stand in their lists as well. */
	if (object->kind != kind)
		return object->kind == OBJECT_CERTIFICATE && vault_current(object);
	return kind != OBJECT_CERTIFICATE || vault_current(object) ||
	       text_equals(call_query(call, "includePending"), "true");
}

void vault_list(struct world *world, struct call *call, enum object_kind kind, bool is_deleted)
{
	struct page page = start_page(world, call);
	struct object *object;
	struct json *item;

	for (object = world->vault->objects; object; object = object->next) {
		if (!is_listed(world, call, object, kind, is_deleted) || !take(&page))
			continue;
		item = vault_show_item(call->ctx, world, object, vault_version(object, ""), kind);
		if (is_deleted)
			vault_show_deleted(call->ctx, world, object, item);
		json_append(call->ctx, page.items, item);
	}
	send_page(world, call, &page);
}

void vault_list_versions(struct world *world, struct call *call, const struct object *object)
{
	struct page page = start_page(world, call);
	enum object_kind kind = OBJECT_CERTIFICATE;
	struct version *version;
	struct json *item;

	while (!call_segment_is(call, 0, vault_collections[kind]))
		kind++;
	for (version = object->newest; version; version = version->older) {
		if (object->kind == OBJECT_CERTIFICATE && version->cert_count == 0)
			continue;
		if (!take(&page))
			continue;
		item = vault_show_item(call->ctx, world, object, version, kind);
		json_set_text(call->ctx, item, kind == OBJECT_KEY ? "kid" : "id",
			      vault_url(call->ctx, world, call_segment(call, 0), object, version));
		json_append(call->ctx, page.items, item);
	}
	send_page(world, call, &page);
}
