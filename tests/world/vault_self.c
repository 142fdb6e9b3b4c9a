/* Certificates that the vault signs itself: some time after they were asked for. */
#include "world/vault.h"

#include <string.h>

#include "base/text.h"

#define NAMES_MAX 100

bool vault_is_self_signed(const struct pending *pending)
{
	return text_equals(json_get_text(json_get(pending->version->policy, "issuer"), "name"),
			   "Self");
}

static void sign(struct world *world, struct pending *pending)
{
	struct version *version = pending->version;
	struct crypto_issue issue = {
		.issuer_key = version->key,
		.key = version->key,
		.not_before = world_seconds(world),
		.not_after = world_seconds(world) + (int64_t)365 * 86400,
		.rng = world->doors->rng,
	};
	const char *subject = json_get_text(json_get(version->policy, "x509_props"), "subject");
	const char **names = arena_new_array(world->keep.arena, const char *, NAMES_MAX);

	if (subject && text_starts_with(subject, "CN="))
		issue.common_name = arena_strndup(world->keep.arena, subject + 3,
						  strcspn(subject + 3, ","));
	json_for_each (item, json_path(version->policy, "x509_props.sans.dns_names"))
		if (json_text(item) && issue.dns_name_count < NAMES_MAX)
			names[issue.dns_name_count++] = json_text(item);
	issue.dns_names = names;
	version->certs[version->cert_count++] = crypto_issue(&issue);
	version->attributes.nbf = issue.not_before;
	version->attributes.exp = issue.not_after;
	version->attributes.is_enabled = true;
	pending->state = PENDING_COMPLETED;
}

void vault_settle(struct world *world)
{
	struct object *object;

	for (object = world->vault->objects; object; object = object->next) {
		struct pending *pending = object->pending;

		if (pending && pending->state == PENDING_IN_PROGRESS &&
		    vault_is_self_signed(pending))
			sign(world, pending);
	}
}
