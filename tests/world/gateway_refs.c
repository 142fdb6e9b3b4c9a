#include "world/gateway.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Which collection a member may point into. */
static const struct {
	const char *member, *collection;
} members[] = {
	{"frontendIPConfiguration", "frontendIPConfigurations"},
	{"frontendPort", "frontendPorts"},
	{"sslCertificate", "sslCertificates"},
	{"sslProfile", "sslProfiles"},
	{"httpListener", "httpListeners"},
	{"targetListener", "httpListeners"},
	{"backendAddressPool", "backendAddressPools"},
	{"defaultBackendAddressPool", "backendAddressPools"},
	{"backendHttpSettings", "backendHttpSettingsCollection"},
	{"defaultBackendHttpSettings", "backendHttpSettingsCollection"},
	{"urlPathMap", "urlPathMaps"},
	{"probe", "probes"},
	{"redirectConfiguration", "redirectConfigurations"},
	{"defaultRedirectConfiguration", "redirectConfigurations"},
	{"rewriteRuleSet", "rewriteRuleSets"},
	{"defaultRewriteRuleSet", "rewriteRuleSets"},
};

struct walk {
	struct world *world;
	struct call *call;
	const struct json *body;
	const char *owner; /* name of the child that is being looked at */
};

static bool dangles(const struct walk *walk, const char *id)
{
	call_arm_error(
		walk->call, 400, "InvalidResourceReference",
		"Resource %s referenced by resource %s/%s was not found. Please make sure that "
		"the referenced resource exists, and that both resources are in the same "
		"region.",
		id, walk->world->gateway->id, walk->owner);
	return false;
}

static bool path_rule_exists(const struct walk *walk, const char *map, const char *rule)
{
	const struct json *found = gateway_child(walk->body, "urlPathMaps", map);

	json_for_each (item, json_path(found, "properties.pathRules"))
		if (json_get_text(item, "name") &&
		    text_equals_nocase(json_get_text(item, "name"), rule))
			return true;
	return false;
}

/* "<gateway>/<collection>/<name>", or a path rule below that. */
static bool exists(const struct walk *walk, const char *id, const char *wanted)
{
	const char *at = id + strlen(walk->world->gateway->id) + 1, *slash = strchr(at, '/');
	char *collection, *name, *rule;

	if (!slash)
		return false;
	collection = arena_strndup(walk->call->ctx->arena, at, (size_t)(slash - at));
	name = arena_strdup(walk->call->ctx->arena, slash + 1);
	if (wanted && !text_equals_nocase(collection, wanted))
		return false;
	rule = strchr(name, '/');
	if (!rule)
		return gateway_child(walk->body, collection, name) != NULL;
	*rule++ = '\0';
	return strncasecmp(rule, "pathRules/", 10) == 0 && path_rule_exists(walk, name, rule + 10);
}

static const char *wanted_collection(const char *member)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (text_equals(members[i].member, member))
			return members[i].collection;
	return NULL;
}

static bool check_reference(const struct walk *walk, const char *member, const char *id)
{
	size_t length = strlen(walk->world->gateway->id);

	if (member && text_equals(member, "publicIPAddress"))
		return text_equals_nocase(id, walk->world->gateway->public_ip_id) ||
		       dangles(walk, id);
	if (member && text_equals(member, "subnet"))
		return text_equals_nocase(id, walk->world->gateway->subnet_id) || dangles(walk, id);
	if (strncasecmp(id, walk->world->gateway->id, length) == 0 && id[length] == '/')
		return exists(walk, id, member ? wanted_collection(member) : NULL) ||
		       dangles(walk, id);
	if ((member && wanted_collection(member)) || strcasestr(id, "/applicationGateways/"))
		return dangles(walk, id);
	return true;
}

/* A reference is an object with an id and no name; a child has both. */
static bool walk_node(const struct walk *walk, const char *member, const struct json *node,
		      unsigned depth)
{
	const char *id = json_is_object(node) ? json_get_text(node, "id") : NULL;
	struct walk inner = *walk;

	if (depth > JSON_DEPTH_MAX)
		return false;
	if (id && !json_get(node, "name"))
		return check_reference(walk, member, id);
	if (json_is_object(node) && json_get_text(node, "name") && depth == 2)
		inner.owner = json_get_text(node, "name");
	if (!json_is_object(node) && !json_is_array(node))
		return true;
	json_for_each (child, node) {
		const char *name = json_name(child);

		if (!walk_node(&inner, name ? name : member, child, depth + 1))
			return false;
	}
	return true;
}

/* Over the body as it was sent: a back-reference that somebody echoes may not name what is gone,
 * either. */
bool gateway_check_references(struct world *world, struct call *call, const struct json *body)
{
	const struct walk walk = {world, call, body, ""};
	const struct json *properties = json_get(body, "properties");

	return walk_node(&walk, NULL, properties, 0);
}
