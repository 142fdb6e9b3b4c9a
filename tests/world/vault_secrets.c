#include "world/vault.h"

#include "base/text.h"

#define VALUE_BYTES_MAX 25600

static void set(struct world *world, struct call *call, const char *name)
{
	struct json *body = call_vault_body(call);
	const char *value = json_get_text(body, "value");
	const char *type = json_get_text(body, "contentType");
	bool is_pem = text_equals(type, "application/x-pem-file");
	struct version *version;
	struct object *object;

	if (!body || !vault_check_free(world, call, OBJECT_SECRET, name))
		return;
	if (!value || call->body_size > VALUE_BYTES_MAX + 4096) {
		call_vault_error(call, 400, "BadParameter", NULL,
				 "Property value is missing or over 25 KB.");
		return;
	}
	object = vault_find(world, OBJECT_SECRET, name);
	if (!object)
		object = vault_add(world, OBJECT_SECRET, name);
	version = vault_add_version(world, object);
	version->value = arena_strdup(world->keep.arena, value);
	version->content_type = type ? arena_strdup(world->keep.arena, type) : NULL;
	/* A secret that holds a certificate serves the gateway as well as a certificate's own. */
	if (is_pem || text_equals(type, "application/x-pkcs12"))
		version->is_exportable = vault_take_bag(world, call->ctx, version, value, "",
							is_pem);
	vault_take(world, version, body);
	call_json(call, 200, vault_show_secret(call->ctx, world, object, version, true));
}

static void get(struct world *world, struct call *call, const struct object *object)
{
	struct version *version = vault_need_version(call, object, call_segment(call, 2));

	if (!version)
		return;
	if (!version->attributes.is_enabled) {
		call_vault_error(call, 403, "Forbidden", "SecretDisabled",
				 "Operation get is not allowed on a disabled secret.");
		return;
	}
	if (!version->value && (!version->is_exportable || version->cert_count == 0)) {
		call_vault_error(call, 404, "SecretNotFound", NULL,
				 "A secret with (name/id) %s was not found in this key vault.",
				 object->name);
		return;
	}
	call_json(call, 200, vault_show_secret(call->ctx, world, object, version, true));
}

void vault_secrets(struct world *world, struct call *call, const char *name)
{
	struct object *object;

	if (call_is(call, "PUT") && call->segment_count == 2) {
		set(world, call, name);
		return;
	}
	if (call_is(call, "DELETE") && call->segment_count == 2) {
		vault_delete(world, call, OBJECT_SECRET, name);
		return;
	}
	object = vault_need(world, call, OBJECT_SECRET, name);
	if (!object)
		return;
	if (call_is(call, "GET") && text_equals(call_segment(call, 2), "versions"))
		vault_list_versions(world, call, object);
	else if (call_is(call, "GET"))
		get(world, call, object);
	else if (call_is(call, "PATCH") && object->kind == OBJECT_SECRET)
		vault_update(world, call, object, call_segment(call, 2));
}
