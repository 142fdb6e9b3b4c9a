#include "sim/scene.h"

#include "base/text.h"
#include "codec/json.h"

void scene_open(struct scene *scene)
{
	scene->rig = rig_new();
	scene->world = rig_world(scene->rig);
	ctx_init(&scene->ctx, rig_doors(scene->rig));
}

void scene_close(struct scene *scene)
{
	struct world_never never = world_never_events(scene->world);

	if (never.last[0])
		print_error("%s\n", never.last);
	assert_string_equal(never.last, "");
	ctx_fini(&scene->ctx);
	rig_free(scene->rig);
}

void scene_run(struct scene *scene, struct budget budget)
{
	if (rig_run(scene->rig, budget))
		return;
	print_error("%s\n", rig_describe(&scene->ctx, scene->rig));
	fail();
}

static void check(const char *whose, const char *type, const char *is, const char *wanted)
{
	if (text_starts_with(is, wanted))
		return;
	print_error("%s of %s is \"%s\", wanted \"%s\"\n", type, whose, is, wanted);
	fail();
}

void scene_assert_condition(struct scene *scene, const char *hostname, const char *type,
			    const char *wanted)
{
	check(hostname, type, rig_condition(&scene->ctx, scene->rig, hostname, type), wanted);
}

void scene_assert_gateway_condition(struct scene *scene, const char *type, const char *wanted)
{
	check("the gateway", type, rig_gateway_condition(&scene->ctx, scene->rig, type), wanted);
}

size_t scene_count(struct scene *scene, enum door door, const char *regex)
{
	return world_count_requests(scene->world, door, regex);
}

void scene_set(struct scene *scene, const char *name, const char *value)
{
	assert_int_equal(world_set(&scene->ctx, scene->world, name, value), E_OK);
}

void scene_fault(struct scene *scene, const char *json)
{
	if (world_add_fault(&scene->ctx, scene->world, json, NULL) != E_OK)
		fail_msg("%s: %s", scene->ctx.fault.text, json);
}

const char *scene_secret_id(struct scene *scene, const char *entry)
{
	const struct json *gateway =
		json_at(json_get(world_state(&scene->ctx, scene->world), "gateways"), 0);

	json_for_each (child, json_path(gateway, "properties.sslCertificates"))
		if (text_equals(json_get_text(child, "name"), entry))
			return json_get_text(json_get(child, "properties"), "keyVaultSecretId");
	return NULL;
}
