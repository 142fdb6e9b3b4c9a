/* Which action of Azure a request to the vault is, and whether its caller may. */
#include "world/rights.h"
#include "world/vault.h"

#include <string.h>

#include "base/text.h"

#define ANY "*"

/* The first row that fits decides. `third` is what stands behind the name; a star is anything. */
static const struct {
	const char *method, *collection, *third, *action;
} rows[] = {
	{"GET", "certificates", ANY, "certificates/read"},
	{"POST", "certificates", "create", "certificates/create/action"},
	{"POST", "certificates", "import", "certificates/import/action"},
	{"POST", "certificates", "pending", "certificates/create/action"}, /* merge */
	{"PATCH", "certificates", ANY, "certificates/update/action"},
	{"DELETE", "certificates", "pending", "certificates/update/action"},
	{"DELETE", "certificates", ANY, "certificates/delete"},
	{"GET", "deletedcertificates", ANY, "certificates/read"},
	{"POST", "deletedcertificates", "recover", "certificates/recover/action"},
	{"DELETE", "deletedcertificates", ANY, "certificates/purge/action"},
	{"GET", "keys", ANY, "keys/read"},
	{"POST", "keys", "create", "keys/create/action"},
	{"PATCH", "keys", ANY, "keys/update/action"},
	{"DELETE", "keys", ANY, "keys/delete"},
	{"GET", "deletedkeys", ANY, "keys/read"},
	{"POST", "deletedkeys", "recover", "keys/recover/action"},
	{"DELETE", "deletedkeys", ANY, "keys/purge/action"},
	{"GET", "secrets", "versions", "secrets/readMetadata/action"},
	{"GET", "secrets", ANY, "secrets/getSecret/action"},
	{"PUT", "secrets", ANY, "secrets/setSecret/action"},
	{"PATCH", "secrets", ANY, "secrets/update/action"},
	{"DELETE", "secrets", ANY, "secrets/delete"},
	{"GET", "deletedsecrets", ANY, "secrets/readMetadata/action"},
	{"POST", "deletedsecrets", "recover", "secrets/recover/action"},
	{"DELETE", "deletedsecrets", ANY, "secrets/purge/action"},
};

/* What is done with a key stands last in the path. */
static const char *key_action(const struct call *call)
{
	static const struct {
		const char *word, *action;
	} words[] = {
		{"sign", "keys/sign/action"},	    {"verify", "keys/verify/action"},
		{"wrapkey", "keys/wrap/action"},    {"unwrapkey", "keys/unwrap/action"},
		{"encrypt", "keys/encrypt/action"}, {"decrypt", "keys/decrypt/action"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words) && call->segment_count > 2; i++)
		if (call_segment_is(call, call->segment_count - 1, words[i].word))
			return words[i].action;
	return NULL;
}

static const char *action_of(const struct call *call)
{
	const char *key = call_is(call, "POST") && call_segment_is(call, 0, "keys")
				  ? key_action(call)
				  : NULL;
	size_t i;

	if (key)
		return key;
	/* A list shows no value. */
	if (call_is(call, "GET") && call->segment_count == 1 && call_segment_is(call, 0, "secrets"))
		return "secrets/readMetadata/action";
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (call_is(call, rows[i].method) && call_segment_is(call, 0, rows[i].collection) &&
		    (text_equals(rows[i].third, ANY) || call_segment_is(call, 2, rows[i].third)))
			return rows[i].action;
	return NULL;
}

/* The object, named by the collection that it is live in; or the vault. */
static const char *scope_of(const struct world *world, const struct call *call)
{
	const char *collection = call_segment(call, 0), *id = world->vault->place.id;

	if (call->segment_count < 2)
		return id;
	if (strncasecmp(collection, "deleted", 7) == 0)
		collection += 7;
	return arena_printf(call->ctx->arena, "%s/%s/%s", id, collection, call_segment(call, 1));
}

bool vault_may(struct world *world, struct call *call)
{
	const char *action = action_of(call), *scope = scope_of(world, call);

	if (!action)
		return true;
	action = arena_printf(call->ctx->arena, "Microsoft.KeyVault/vaults/%s", action);
	if (rights_allow(world, call, action, scope))
		return true;
	call_vault_error(
		call, 403, "Forbidden", "ForbiddenByRbac",
		"Caller is not authorized to perform action on resource.\r\nIf role assignments, "
		"deny assignments or role definitions were changed recently, please observe "
		"propagation time.\r\nCaller: appid=%s;oid=%s;iss=https://sts.windows.net/%s/\r\n"
		"Action: '%s'\r\nResource: '%s'\r\nAssignment: (not found)\r\nDecisionReason: "
		"'DeniedWithNoValidRBAC' \r\nVault: %s;location=westeurope\r\n",
		call->principal->client_id, call->principal->object_id, world->options.tenant,
		action, scope, world->vault->place.owner);
	return false;
}
