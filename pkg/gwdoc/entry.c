/* What render does to certificate entries. */
#include "gwdoc/entry.h"

#include "api/names.h"
#include "gwdoc/find.h"

#define CERTIFICATES_MAX 100 /* of a Standard_v2 or WAF_v2 gateway */

const char *id_of(struct ctx *ctx, const struct drawing *drawing, const char *collection,
		  const char *name)
{
	return arena_printf(ctx->arena, "%s/%s/%s", drawing->target->gateway_id, collection, name);
}

struct json *reference(struct ctx *ctx, const char *id)
{
	struct json *object = json_object(ctx);

	json_set_text(ctx, object, "id", id);
	return object;
}

bool has_room_for_certificate(const struct drawing *drawing)
{
	return json_size(drawing->certificates) < CERTIFICATES_MAX;
}

/* An entry of the same name may hold a secret of another vault, left over from before a move. */
static const char *certificate_name(struct ctx *ctx, const struct drawing *drawing,
				    const struct wanted_hostname *wanted)
{
	const char *hashed = name_hashed(ctx, wanted->hostname), *name = wanted->base;

	for (size_t i = 1; find_named(drawing->certificates, name); i++)
		name = i == 1 ? hashed : arena_printf(ctx->arena, "%s-%zu", hashed, i);
	return name;
}

static const char *certificate_id(struct ctx *ctx, struct drawing *drawing,
				  const struct wanted_hostname *wanted)
{
	struct json *entry = find_certificate(drawing, wanted->secret_id), *properties;

	if (!entry) {
		entry = json_object(ctx);
		properties = json_object(ctx);
		json_set_text(ctx, entry, "name", certificate_name(ctx, drawing, wanted));
		json_set_text(ctx, properties, "keyVaultSecretId", wanted->secret_id);
		json_set(ctx, entry, "properties", properties);
		json_append(ctx, drawing->certificates, entry);
	}
	return id_of(ctx, drawing, "sslCertificates", json_get_text(entry, "name"));
}

void certificate_show(struct ctx *ctx, struct drawing *drawing, struct json *listener,
		      const struct wanted_hostname *wanted)
{
	json_set(ctx, json_get(listener, "properties"), "sslCertificate",
		 reference(ctx, certificate_id(ctx, drawing, wanted)));
}

static void drop_version(struct ctx *ctx, struct json *certificate)
{
	struct json *properties = json_get(certificate, "properties");
	const char *secret_id = json_get_text(properties, "keyVaultSecretId");

	json_set_text(ctx, properties, "keyVaultSecretId", secret_id_base(ctx, secret_id));
}

bool certificate_unpin(struct ctx *ctx, struct drawing *drawing, struct json *listener,
		       const struct wanted_hostname *wanted, struct rendered_hostname *result)
{
	struct json *certificate = certificate_of(drawing, listener);

	result->is_pinned = pinned_version(certificate) != NULL;
	if (!result->is_pinned || !is_our_listener(ctx, listener, wanted))
		return false;
	if (count_uses(ctx, drawing, certificate) == 1) {
		drop_version(ctx, certificate);
		result->certificate = json_get_text(certificate, "name");
		return !wanted->keeps_version;
	}
	if (wanted->keeps_version ||
	    (!find_certificate(drawing, wanted->secret_id) && !has_room_for_certificate(drawing)))
		return false;
	certificate_show(ctx, drawing, listener, wanted);
	return true;
}
