#include "api/kind.h"

#include <stddef.h>

#include "api/gateway.h"
#include "api/hostname.h"
#include "api/instance.h"
#include "codec/fields_encode.h"

static const struct kind_info kinds[KIND_COUNT] = {
	[KIND_HOSTNAME] = {"Hostname", "hostnames", sizeof(struct hostname), hostname_fields,
			   offsetof(struct hostname, status), sizeof(struct hostname_status),
			   offsetof(struct hostname, status.conditions)},
	[KIND_GATEWAY] = {"Gateway", "gateways", sizeof(struct gateway), gateway_fields,
			  offsetof(struct gateway, status), sizeof(struct gateway_status),
			  offsetof(struct gateway, status.conditions)},
	[KIND_INSTANCE] = {"Instance", "instances", sizeof(struct instance), instance_fields,
			   offsetof(struct instance, status), sizeof(struct instance_status), 0},
};

_Static_assert(offsetof(struct hostname, meta) == 0, "objects begin with their meta");
_Static_assert(offsetof(struct gateway, meta) == 0, "objects begin with their meta");
_Static_assert(offsetof(struct instance, meta) == 0, "objects begin with their meta");

const struct kind_info *kind_info(enum kind kind)
{
	return &kinds[kind];
}

struct json *object_to_json(struct ctx *ctx, enum kind kind, const void *object, unsigned without)
{
	struct json *json = json_object(ctx);
	struct json *members = fields_encode(ctx, kinds[kind].fields, object, without);

	json_set_text(ctx, json, "apiVersion", API_VERSION);
	json_set_text(ctx, json, "kind", kinds[kind].name);
	json_for_each (member, members)
		json_set(ctx, json, json_name(member), json_dup(ctx, member));
	return json;
}

enum err object_from_json(struct ctx *ctx, enum kind kind, const struct json *json, void *out)
{
	struct json *members = json_dup(ctx, json);
	struct problems problems;

	problems_init(&problems);
	json_remove(members, "apiVersion");
	json_remove(members, "kind");
	if (fields_decode(ctx, kinds[kind].fields, NULL, "", node_from_json(ctx, members),
			  &problems, out) != E_OK)
		return fault_set(ctx, E_REFUSED, "InvalidObject", "%s: %s", kinds[kind].name,
				 problems_print(ctx, &problems, "; "));
	if (kinds[kind].conditions_offset)
		condition_sort((struct objects *)((char *)out + kinds[kind].conditions_offset));
	return E_OK;
}
