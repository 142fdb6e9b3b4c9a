/* What the resource provider refuses at once, with 400: one function per rule, in a table. Codes
 * that no public recording shows carry plausible names. */
#include "world/gateway.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

#define HOSTS_MAX	     5
#define ACTIVE_LISTENERS_MAX 100

struct check {
	struct world *world;
	struct call *call;
	const struct json *document;
	const char *api_version;
};

static const char *text_of(const struct json *child, const char *member)
{
	return json_get_text(json_get(child, "properties"), member);
}

static const char *id_of(const struct json *child)
{
	const char *id = json_get_text(child, "id");

	return id ? id : "";
}

#define REFUSE(check, code, ...) (call_arm_error((check)->call, 400, code, __VA_ARGS__), false)

static bool is_name(const char *name)
{
	size_t length = name ? strlen(name) : 0, i;

	if (length < 1 || length > 80 || !isalnum((unsigned char)name[0]) ||
	    (!isalnum((unsigned char)name[length - 1]) && name[length - 1] != '_'))
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static bool check_list(struct call *call, const char *collection, const struct json *list)
{
	if (list && !json_is_array(list) && !json_is_null(list)) {
		call_arm_error(call, 400, "InvalidRequestFormat",
			       "Cannot parse the request: properties.%s is no array.", collection);
		return false;
	}
	json_for_each (child, list) {
		if (json_is_object(child) && is_name(json_get_text(child, "name")))
			continue;
		call_arm_error(call, 400, "InvalidResourceName",
			       "A member of properties.%s has no name or an invalid one.",
			       collection);
		return false;
	}
	return true;
}

bool gateway_check_shape(struct world *world, struct call *call, const struct json *body)
{
	const struct json *properties = json_get(body, "properties");
	size_t i;

	(void)world;
	if (!json_is_object(properties)) {
		call_arm_error(call, 400, "InvalidRequestFormat",
			       "Cannot parse the request: properties is missing.");
		return false;
	}
	for (i = 0; i < gateway_collection_count; i++)
		if (!check_list(call, gateway_collections[i].name,
				json_get(properties, gateway_collections[i].name)))
			return false;
	json_for_each (map, json_get(properties, "urlPathMaps"))
		if (!check_list(call, "urlPathMaps[].pathRules",
				json_path(map, "properties.pathRules")))
			return false;
	return true;
}

static bool check_basics(const struct check *check)
{
	const struct json *stored = check->world->gateway->stored->root;
	const char *location = json_get_text(check->document, "location");

	if (!location)
		return REFUSE(check, "LocationRequired",
			      "The location property is required for this definition.");
	if (!text_equals_nocase(location, check->world->gateway->location))
		return REFUSE(check, "InvalidResourceLocation",
			      "The resource already exists in location '%s'.",
			      check->world->gateway->location);
	if (!json_equal(json_get(check->document, "zones"), json_get(stored, "zones")))
		return REFUSE(check, "ResourceAvailabilityZonesCannotBeModified",
			      "Availability zones of an existing resource cannot be changed.");
	if (!json_path(check->document, "properties.sku.tier"))
		return REFUSE(check, "ApplicationGatewaySkuNotSpecified",
			      "The gateway's sku must be specified.");
	if (!json_path(check->document, "properties.sku.capacity") &&
	    !json_path(check->document, "properties.autoscaleConfiguration"))
		return REFUSE(check, "ApplicationGatewaySkuCapacityMissing",
			      "Either sku.capacity or autoscaleConfiguration must be given.");
	if (json_size(gateway_list(check->document, "gatewayIPConfigurations")) == 0 ||
	    json_size(gateway_list(check->document, "frontendIPConfigurations")) == 0)
		return REFUSE(
			check, "ApplicationGatewayMissingIpConfiguration",
			"A gateway needs gatewayIPConfigurations and frontendIPConfigurations.");
	return true;
}

static bool check_limits(const struct check *check)
{
	size_t i, count;

	for (i = 0; i < gateway_collection_count; i++) {
		count = json_size(gateway_list(check->document, gateway_collections[i].name));
		if (gateway_collections[i].max && count > gateway_collections[i].max)
			return REFUSE(check, gateway_collections[i].code,
				      "The gateway has %zu %s; at most %zu are allowed.", count,
				      gateway_collections[i].name, gateway_collections[i].max);
	}
	return true;
}

static bool check_unique_names(const struct check *check)
{
	size_t i;

	for (i = 0; i < gateway_collection_count; i++) {
		json_for_each (a, gateway_list(check->document, gateway_collections[i].name)) {
			for (struct json *b = json_next(a); b; b = json_next(b))
				if (text_equals_nocase(json_get_text(a, "name"),
						       json_get_text(b, "name")))
					return REFUSE(check, "DuplicateResourceName",
						      "Resource %s occurs more than once.",
						      id_of(a));
		}
	}
	return true;
}

static bool check_ports(const struct check *check)
{
	json_for_each (a, gateway_list(check->document, "frontendPorts")) {
		int64_t port = json_get_int(json_get(a, "properties"), "port", 0);

		if (port < 1 || port > 64999)
			return REFUSE(check, "ApplicationGatewayFrontendPortInvalidPortNumber",
				      "Port specified for FrontendPort %s is not valid.", id_of(a));
		for (struct json *b = json_next(a); b; b = json_next(b))
			if (json_get_int(json_get(b, "properties"), "port", 0) == port)
				return REFUSE(check, "ApplicationGatewayFrontendPortsUsingSamePort",
					      "Frontend ports %s and %s use the same port %lld.",
					      id_of(a), id_of(b), (long long)port);
	}
	return true;
}

static bool check_pattern(const struct check *check, const struct json *listener, const char *host)
{
	size_t stars = 0, marks = 0, length = strlen(host), i;

	for (i = 0; i < length; i++) {
		stars += host[i] == '*';
		marks += host[i] == '?';
		if (isalnum((unsigned char)host[i]) || strchr("-.*?", host[i])) {
			if (i == 0 || !strchr("*?", host[i]) || !strchr("*?", host[i - 1]) ||
			    (host[i] == '?' && host[i - 1] == '?'))
				continue;
		}
		return REFUSE(check, "ApplicationGatewayHttpListenerInvalidHostName",
			      "Host name '%s' of listener %s is not valid.", host, id_of(listener));
	}
	if (length == 0 || length > 253 || stars > 2 || stars + marks > 4)
		return REFUSE(check, "ApplicationGatewayHttpListenerInvalidHostName",
			      "Host name '%s' of listener %s is not valid.", host, id_of(listener));
	return true;
}

static bool check_hosts(const struct check *check, const struct json *listener)
{
	const struct json *properties = json_get(listener, "properties");
	const struct json *names = json_get(properties, "hostNames");
	const char *name = json_get_text(properties, "hostName");

	if (name && *name && json_size(names) > 0)
		return REFUSE(check, "ApplicationGatewayHttpListenerHostNameAndHostNamesSpecified",
			      "Listener %s may have HostName or HostNames, not both.",
			      id_of(listener));
	if (json_size(names) > HOSTS_MAX)
		return REFUSE(check, "ApplicationGatewayHttpListenerHostNamesLimitExceeded",
			      "Listener %s has %zu host names; at most %d are allowed.",
			      id_of(listener), json_size(names), HOSTS_MAX);
	if (name && *name && !check_pattern(check, listener, name))
		return false;
	json_for_each (item, names)
		if (!json_text(item) || !check_pattern(check, listener, json_text(item)))
			return json_text(item) ? false
					       : REFUSE(check, "InvalidRequestFormat",
							"hostNames of %s", id_of(listener));
	return true;
}

static bool check_protocol(const struct check *check, const struct json *listener)
{
	const char *protocol = text_of(listener, "protocol");
	bool is_https = protocol && text_equals_nocase(protocol, "Https");
	bool has_cert = json_get(json_get(listener, "properties"), "sslCertificate") != NULL;

	if (!is_https && !(protocol && text_equals_nocase(protocol, "Http")))
		return REFUSE(check, "ApplicationGatewayHttpListenerInvalidProtocol",
			      "Listener %s must use Http or Https.", id_of(listener));
	if (is_https && !has_cert)
		return REFUSE(check, "ApplicationGatewayHttpsListenerMustReferenceCert",
			      "HTTPS listener %s must reference an SSL certificate.",
			      id_of(listener));
	if (!is_https && has_cert)
		return REFUSE(check, "ApplicationGatewayHttpListenerCannotReferenceCert",
			      "HTTP listener %s cannot reference an SSL certificate.",
			      id_of(listener));
	if (!json_path(listener, "properties.frontendPort.id") ||
	    !json_path(listener, "properties.frontendIPConfiguration.id"))
		return REFUSE(check, "ApplicationGatewayHttpListenerIncomplete",
			      "Listener %s needs a frontendIPConfiguration and a frontendPort.",
			      id_of(listener));
	return true;
}

static bool has_host(const struct json *listener, const char *host)
{
	const char *name = text_of(listener, "hostName");

	if (name && *name && text_equals_nocase(name, host))
		return true;
	json_for_each (item, json_path(listener, "properties.hostNames"))
		if (text_equals_nocase(json_text(item), host))
			return true;
	return false;
}

static bool is_basic(const struct json *listener)
{
	const char *name = text_of(listener, "hostName");

	return !(name && *name) && json_size(json_path(listener, "properties.hostNames")) == 0;
}

static bool share_host(const struct json *a, const struct json *b)
{
	const char *name = text_of(a, "hostName");

	if (is_basic(a) || is_basic(b))
		return is_basic(a) && is_basic(b);
	if (name && *name)
		return has_host(b, name);
	json_for_each (item, json_path(a, "properties.hostNames"))
		if (has_host(b, json_text(item)))
			return true;
	return false;
}

static bool check_listeners(const struct check *check)
{
	const struct world *world = check->world;

	json_for_each (a, gateway_list(check->document, "httpListeners")) {
		if (!check_protocol(check, a) || !check_hosts(check, a))
			return false;
		for (struct json *b = json_next(a); b; b = json_next(b)) {
			if (gateway_follow(world, check->document, a, "frontendPort",
					   "frontendPorts") !=
				    gateway_follow(world, check->document, b, "frontendPort",
						   "frontendPorts") ||
			    gateway_follow(world, check->document, a, "frontendIPConfiguration",
					   "frontendIPConfigurations") !=
				    gateway_follow(world, check->document, b,
						   "frontendIPConfiguration",
						   "frontendIPConfigurations"))
				continue;
			if (share_host(a, b))
				return REFUSE(
					check,
					"ApplicationGatewayHttpListenersUsingSameFrontendPortAndFro"
					"ntendIpConfig",
					"Two Http Listeners of Application Gateway %s and %s are "
					"using "
					"the same Frontend Port, Frontend IP configuration and "
					"host "
					"name.",
					id_of(a), id_of(b));
		}
	}
	return true;
}

static bool check_priorities(const struct check *check)
{
	const struct json *rules = gateway_list(check->document, "requestRoutingRules");

	json_for_each (a, rules) {
		const struct json *given = json_path(a, "properties.priority");
		int64_t priority = json_int(given, 0);

		if (!given || json_is_null(given))
			return REFUSE(check,
				      "ApplicationGatewayRequestRoutingRulePriorityCannotBeEmpty",
				      "Priority for the request routing rule %s cannot be empty.",
				      id_of(a));
		if (priority < 1 || priority > 20000)
			return REFUSE(
				check, "ApplicationGatewayRequestRoutingRulePriorityOutOfRange",
				"Priority of the request routing rule %s must be within 1 and "
				"20000.",
				id_of(a));
		for (struct json *b = json_next(a); b; b = json_next(b))
			if (json_get_int(json_get(b, "properties"), "priority", 0) == priority)
				return REFUSE(
					check,
					"ApplicationGatewayRequestRoutingRuleDuplicatePriority",
					"Request routing rules %s and %s have the same priority "
					"%lld.",
					id_of(a), id_of(b), (long long)priority);
	}
	return true;
}

static bool check_rule(const struct check *check, const struct json *rule)
{
	const struct json *properties = json_get(rule, "properties");
	const char *type = json_get_text(properties, "ruleType");
	bool has_backend = json_get(properties, "backendAddressPool") != NULL;
	bool has_settings = json_get(properties, "backendHttpSettings") != NULL;
	bool has_redirect = json_get(properties, "redirectConfiguration") != NULL;
	bool has_map = json_get(properties, "urlPathMap") != NULL;
	bool is_path = type && text_equals_nocase(type, "PathBasedRouting");

	if (!is_path && !(type && text_equals_nocase(type, "Basic")))
		return REFUSE(check, "ApplicationGatewayRequestRoutingRuleInvalidRuleType",
			      "Rule %s must be of type Basic or PathBasedRouting.", id_of(rule));
	if (!json_get(properties, "httpListener"))
		return REFUSE(check, "ApplicationGatewayRequestRoutingRuleMissingListener",
			      "Rule %s references no listener.", id_of(rule));
	if (is_path ? !has_map
		    : has_map || has_redirect == (has_backend || has_settings) ||
			      has_backend != has_settings)
		return REFUSE(check, "ApplicationGatewayRequestRoutingRuleInvalidTarget",
			      "Rule %s must have %s.", id_of(rule),
			      is_path ? "a urlPathMap"
				      : "either backendAddressPool and backendHttpSettings or a "
					"redirectConfiguration");
	return true;
}

static bool check_rules(const struct check *check)
{
	json_for_each (a, gateway_list(check->document, "requestRoutingRules")) {
		if (!check_rule(check, a))
			return false;
		for (struct json *b = json_next(a); b; b = json_next(b)) {
			const char *one = json_get_text(json_path(a, "properties.httpListener"),
							"id");
			const char *two = json_get_text(json_path(b, "properties.httpListener"),
							"id");

			if (one && two && text_equals_nocase(one, two))
				return REFUSE(
					check,
					"ApplicationGatewayHttpListenerReferencedByMultipleRequestR"
					"outingRules",
					"Listener %s is referenced by rules %s and %s.", one,
					id_of(a), id_of(b));
		}
	}
	return true;
}

static bool check_path(const struct check *check, const struct json *rule, const char *path)
{
	const char *star = path ? strchr(path, '*') : NULL;

	if (!path || text_equals(path, "/") || text_equals(path, ""))
		return REFUSE(check, "ApplicationGatewayPathRulePathShouldHaveNonEmptyMatchValue",
			      "Path '%s' in path rule %s must have a non-empty match value.",
			      path ? path : "", id_of(rule));
	if (path[0] != '/' || (star && star[1]) || strpbrk(path, "?#"))
		return REFUSE(check, "ApplicationGatewayPathRulePathInvalid",
			      "Path '%s' in path rule %s must start with / and may have * only at "
			      "the end.",
			      path, id_of(rule));
	return true;
}

static bool has_target(const struct json *child, const char *pool, const char *settings,
		       const char *redirect)
{
	const struct json *properties = json_get(child, "properties");
	bool has_pool = json_get(properties, pool) != NULL;

	return has_pool == (json_get(properties, settings) != NULL) &&
	       has_pool != (json_get(properties, redirect) != NULL);
}

static bool check_map(const struct check *check, const struct json *map)
{
	const struct json *rules = json_path(map, "properties.pathRules");

	if (!has_target(map, "defaultBackendAddressPool", "defaultBackendHttpSettings",
			"defaultRedirectConfiguration"))
		return REFUSE(check, "ApplicationGatewayUrlPathMapInvalidDefault",
			      "Path map %s needs a default backend or a default redirect.",
			      id_of(map));
	if (json_size(rules) == 0 || json_size(rules) > 100)
		return REFUSE(check, "ApplicationGatewayUrlPathMapInvalidPathRules",
			      "Path map %s must have 1 to 100 path rules.", id_of(map));
	json_for_each (rule, rules) {
		if (!has_target(rule, "backendAddressPool", "backendHttpSettings",
				"redirectConfiguration"))
			return REFUSE(check, "ApplicationGatewayPathRuleInvalidTarget",
				      "Path rule %s needs a backend or a redirect.", id_of(rule));
		if (json_size(json_path(rule, "properties.paths")) == 0)
			return check_path(check, rule, NULL);
		json_for_each (path, json_path(rule, "properties.paths"))
			if (!check_path(check, rule, json_text(path)))
				return false;
	}
	return true;
}

static bool check_maps(const struct check *check)
{
	json_for_each (map, gateway_list(check->document, "urlPathMaps"))
		if (!check_map(check, map))
			return false;
	return true;
}

static bool check_redirects(const struct check *check)
{
	json_for_each (redirect, gateway_list(check->document, "redirectConfigurations")) {
		const struct json *properties = json_get(redirect, "properties");
		const struct json *target = gateway_follow(check->world, check->document, redirect,
							   "targetListener", "httpListeners");
		const char *host = target ? text_of(target, "hostName") : NULL;

		if ((json_get(properties, "targetListener") != NULL) ==
		    (json_get_text(properties, "targetUrl") != NULL))
			return REFUSE(check, "ApplicationGatewayRedirectConfigurationInvalidTarget",
				      "Redirect %s needs either a target listener or a target URL.",
				      id_of(redirect));
		if (!target)
			continue;
		if (json_size(json_path(target, "properties.hostNames")) > 1 ||
		    (host && strpbrk(host, "*?")))
			return REFUSE(
				check,
				"ApplicationGatewayRedirectConfigurationTargetListenerHasMultipleHo"
				"stNames",
				"Redirect %s cannot target listener %s, which has wildcard or "
				"several "
				"host names.",
				id_of(redirect), id_of(target));
		json_for_each (name, json_path(target, "properties.hostNames"))
			if (json_text(name) && strpbrk(json_text(name), "*?"))
				return REFUSE(check,
					      "ApplicationGatewayRedirectConfigurationTargetListene"
					      "rHasMultipleHostNames",
					      "Redirect %s cannot target listener %s, which has a "
					      "wildcard.",
					      id_of(redirect), id_of(target));
	}
	return true;
}

static bool is_active(const struct check *check, const struct json *rule)
{
	const struct json *map = gateway_follow(check->world, check->document, rule, "urlPathMap",
						"urlPathMaps");

	if (!map)
		return json_path(rule, "properties.backendAddressPool") != NULL;
	if (json_path(map, "properties.defaultBackendAddressPool"))
		return true;
	json_for_each (path, json_path(map, "properties.pathRules"))
		if (json_path(path, "properties.backendAddressPool"))
			return true;
	return false;
}

static bool check_active(const struct check *check)
{
	size_t active = 0;

	json_for_each (rule, gateway_list(check->document, "requestRoutingRules"))
		active += is_active(check, rule);
	if (active > ACTIVE_LISTENERS_MAX)
		return REFUSE(check, "ApplicationGatewayActiveListenerLimitExceeded",
			      "The gateway has %zu active listeners; at most %d are allowed.",
			      active, ACTIVE_LISTENERS_MAX);
	return true;
}

bool gateway_check(struct world *world, struct call *call, const struct json *document,
		   const struct json *body, const char *api_version)
{
	static bool (*const rules[])(const struct check *check) = {
		check_basics,	 check_unique_names, check_limits, check_ports,
		check_listeners, check_priorities,   check_rules,  check_maps,
		check_redirects, check_active,
	};
	const struct check check = {world, call, document, api_version};
	size_t i;

	if (!gateway_check_references(world, call, body))
		return false;
	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (!rules[i](&check))
			return false;
	return gateway_check_certificates(world, call, document, body);
}
