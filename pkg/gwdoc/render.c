#include "gwdoc/render.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/names.h"
#include "base/text.h"
#include "gwdoc/drawing.h"
#include "gwdoc/entry.h"
#include "gwdoc/find.h"
#include "gwdoc/priority.h"
#include "gwdoc/strip.h"

/* Limits of a Standard_v2 or WAF_v2 gateway (Azure subscription limits, Application Gateway). */
#define LISTENERS_MAX	     200
#define ACTIVE_LISTENERS_MAX 100
#define RULES_MAX	     400

static struct json *collection(struct ctx *ctx, struct json *properties, const char *name)
{
	struct json *array = json_get(properties, name);

	if (!json_is_array(array)) {
		array = json_array(ctx);
		json_set(ctx, properties, name, array);
	}
	return array;
}

static enum err find_frontend(struct ctx *ctx, struct drawing *drawing)
{
	json_for_each (frontend, json_get(drawing->properties, "frontendIPConfigurations"))
		if (is_public(frontend)) {
			drawing->frontend_id = id_of(ctx, drawing, "frontendIPConfigurations",
						     json_get_text(frontend, "name"));
			return E_OK;
		}
	return fault_set(
		ctx, E_REFUSED, "NoPublicFrontend",
		"the Application Gateway has no public frontend IP configuration. Add one");
}

static void find_port(struct ctx *ctx, struct drawing *drawing)
{
	struct json *ports = collection(ctx, drawing->properties, "frontendPorts");
	struct json *port, *properties;
	const char *name = "port_443";

	json_for_each (candidate, ports)
		if (json_get_int(json_get(candidate, "properties"), "port", 0) == 443) {
			drawing->port_id = id_of(ctx, drawing, "frontendPorts",
						 json_get_text(candidate, "name"));
			return;
		}
	if (find_named(ports, name))
		name = "gatecert-port_443";
	port = json_object(ctx);
	properties = json_object(ctx);
	json_set_text(ctx, port, "name", name);
	json_set_int(ctx, properties, "port", 443);
	json_set(ctx, port, "properties", properties);
	json_append(ctx, ports, port);
	drawing->port_id = id_of(ctx, drawing, "frontendPorts", name);
}

static enum err check_backend(struct ctx *ctx, const struct drawing *drawing, const char *member,
			      const char *name, const char *reason, const char *option)
{
	if (find_named(json_get(drawing->properties, member), name))
		return E_OK;
	return fault_set(
		ctx, E_REFUSED, reason,
		"the Application Gateway has no \"%s\" in %s. Create it, or correct %s in the "
		"configuration",
		name, member, option);
}

static enum err invalid_document(struct ctx *ctx, const char *what)
{
	return fault_set(ctx, E_REFUSED, "InvalidGatewayDocument",
			 "Azure's description of the Application Gateway %s; nothing is written",
			 what);
}

static int by_name(const void *a, const void *b)
{
	return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* What is found and compared by name must have one, and of its own. */
static enum err check_names(struct ctx *ctx, const struct json *array)
{
	const char **names = arena_new_array(ctx->arena, const char *, json_size(array) + 1);
	size_t count = 0;

	if (array && !json_is_array(array) && !json_is_null(array))
		return invalid_document(ctx, "has something else where a list should be");
	json_for_each (child, array) {
		const char *name = json_get_text(child, "name");

		if (!name || !*name || strchr(name, '/'))
			return invalid_document(ctx, "has parts without a proper name");
		names[count++] = name;
	}
	qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 1; i < count; i++)
		if (by_name(&names[i - 1], &names[i]) == 0)
			return invalid_document(ctx, "has two parts of one name");
	return E_OK;
}

static enum err start(struct ctx *ctx, struct drawing *drawing, const struct json *current,
		      const struct render_target *target, size_t count)
{
	static const char *const named[] = {"sslCertificates", "httpListeners",
					    "requestRoutingRules", "frontendPorts",
					    "frontendIPConfigurations"};

	drawing->target = target;
	drawing->document = render_strip(ctx, current);
	drawing->properties = json_get(drawing->document, "properties");
	if (!json_is_object(drawing->properties) || !json_get_text(drawing->document, "location"))
		return invalid_document(ctx, "lacks properties or location");
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		TRY(check_names(ctx, json_get(drawing->properties, named[i])));
	drawing->certificates = collection(ctx, drawing->properties, "sslCertificates");
	drawing->listeners = collection(ctx, drawing->properties, "httpListeners");
	drawing->rules = collection(ctx, drawing->properties, "requestRoutingRules");
	TRY(find_frontend(ctx, drawing));
	TRY(check_backend(ctx, drawing, "backendAddressPools", target->backend_pool,
			  "BackendNotFound", "ApplicationGatewayBackendName"));
	TRY(check_backend(ctx, drawing, "backendHttpSettingsCollection", target->http_settings,
			  "HttpSettingsNotFound", "ApplicationGatewayHttpSettingsName"));
	find_port(ctx, drawing);
	priorities_note(ctx, drawing, count);
	return E_OK;
}

static struct json *add_listener(struct ctx *ctx, struct drawing *drawing,
				 const struct wanted_hostname *wanted, const char *name)
{
	struct json *listener = json_object(ctx), *properties = json_object(ctx);

	json_set_text(ctx, listener, "name", name);
	json_set(ctx, properties, "frontendIPConfiguration", reference(ctx, drawing->frontend_id));
	json_set(ctx, properties, "frontendPort", reference(ctx, drawing->port_id));
	json_set_text(ctx, properties, "protocol", "Https");
	json_set_text(ctx, properties, "hostName", wanted->hostname);
	json_set(ctx, listener, "properties", properties);
	certificate_show(ctx, drawing, listener, wanted);
	json_set_bool(ctx, properties, "requireServerNameIndication", true);
	json_append(ctx, drawing->listeners, listener);
	return listener;
}

static void add_rule(struct ctx *ctx, struct drawing *drawing, struct json *listener,
		     const char *name, int64_t priority)
{
	struct json *rule = json_object(ctx), *properties = json_object(ctx);
	const struct render_target *target = drawing->target;

	json_set_text(ctx, rule, "name", name);
	json_set_text(ctx, properties, "ruleType", "Basic");
	json_set_int(ctx, properties, "priority", priority);
	json_set(ctx, properties, "httpListener",
		 reference(ctx,
			   id_of(ctx, drawing, "httpListeners", json_get_text(listener, "name"))));
	json_set(ctx, properties, "backendAddressPool",
		 reference(ctx, id_of(ctx, drawing, "backendAddressPools", target->backend_pool)));
	json_set(ctx, properties, "backendHttpSettings",
		 reference(ctx, id_of(ctx, drawing, "backendHttpSettingsCollection",
				      target->http_settings)));
	json_set(ctx, rule, "properties", properties);
	json_append(ctx, drawing->rules, rule);
	priorities_add(drawing, rule, listener);
}

static void reject(struct rendered_hostname *result, const char *reason, const char *message)
{
	result->verdict = RENDER_REJECTED;
	result->reason = reason;
	result->message = message;
}

struct needs {
	bool listener, rule, certificate;
};

static bool has_room(const struct drawing *drawing, const struct needs *needs)
{
	return (!needs->certificate || has_room_for_certificate(drawing)) &&
	       (!needs->listener || json_size(drawing->listeners) < LISTENERS_MAX) &&
	       (!needs->rule || (json_size(drawing->rules) < RULES_MAX &&
				 active_rules(drawing) < ACTIVE_LISTENERS_MAX));
}

/* NULL when both names are taken: by what does not serve this hostname, and so is not ours. */
static const char *free_name(struct ctx *ctx, const struct json *array,
			     const struct wanted_hostname *wanted,
			     const char *(*make)(struct ctx *ctx, const char *base))
{
	const char *names[] = {make(ctx, wanted->base),
			       make(ctx, name_hashed(ctx, wanted->hostname))};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!find_named(array, names[i]))
			return names[i];
	return NULL;
}

/* The listener must be ours by name and hostname, and shows the certificate that the failed update
 * brought. */
static void evict(struct ctx *ctx, struct drawing *drawing, const struct wanted_hostname *wanted,
		  struct rendered_hostname *result)
{
	struct json *listener = find_listener(drawing, wanted->hostname);
	struct json *rule, *certificate;

	result->verdict = RENDER_ABSENT;
	if (!listener || !is_our_listener(ctx, listener, wanted) ||
	    !shows_certificate(drawing, listener, wanted->secret_id) ||
	    is_redirected_to(drawing, listener))
		return;
	result->verdict = RENDER_EVICTED;
	result->listener = json_get_text(listener, "name");
	while ((rule = rule_of(drawing, listener))) {
		result->rule = json_get_text(rule, "name");
		json_remove_node(drawing->rules, rule);
	}
	certificate = certificate_of(drawing, listener);
	json_remove_node(drawing->listeners, listener);
	if (certificate && !count_uses(ctx, drawing, certificate)) {
		result->certificate = json_get_text(certificate, "name");
		json_remove_node(drawing->certificates, certificate);
	}
}

/* What keeps the hostname from being drawn; false when nothing does. */
static bool is_rejected(struct ctx *ctx, const struct drawing *drawing,
			const struct wanted_hostname *wanted, const struct needs *needs,
			struct rendered_hostname *result)
{
	if (!has_room(drawing, needs)) {
		reject(result, "CapacityExceeded",
		       "the Application Gateway has no room for another listener, rule or "
		       "certificate "
		       "(100 active listeners, 100 certificates). Remove some, or use another "
		       "gateway");
		return true;
	}
	if (result->listener && result->rule)
		return false;
	reject(result, "ListenerConflict",
	       arena_printf(ctx->arena,
			    "the Application Gateway has a listener or rule with the names that "
			    "are for %s, "
			    "which does not serve it. Rename or remove \"%s\" or \"%s\"",
			    wanted->hostname, name_listener(ctx, wanted->base),
			    name_rule(ctx, wanted->base)));
	return true;
}

/* A rule in front takes all its requests, or its own would take another's: then it is not served,
 * or not to be. */
static bool is_shadowed(struct ctx *ctx, const struct wanted_hostname *wanted,
			const struct json *rule, int64_t priority, const struct bounds *bounds,
			struct rendered_hostname *result)
{
	const char *between = "";

	if (rule ? priority < bounds->below : priority != 0)
		return false;
	if (bounds->caught)
		between = arena_printf(ctx->arena,
				       " that comes behind rule \"%s\" (priority %lld)%s",
				       bounds->caught, (long long)bounds->above,
				       bounds->catcher ? "" : ", whose requests it would take");
	if (bounds->catcher)
		between = arena_printf(ctx->arena,
				       "%s%s before rule \"%s\" (priority %lld), which takes them",
				       between, bounds->caught ? " and" : "", bounds->catcher,
				       (long long)bounds->below);
	reject(result, "ListenerShadowed",
	       arena_printf(
		       ctx->arena,
		       "the requests for %s need a rule of the Application Gateway%s; %s. Give "
		       "rule \"%s\" a %s number",
		       wanted->hostname, between,
		       rule ? "its own comes behind that" : "no priority is free there",
		       bounds->catcher ? bounds->catcher : bounds->caught,
		       bounds->catcher ? "larger" : "smaller"));
	return true;
}

static void draw(struct ctx *ctx, struct drawing *drawing, const struct wanted_hostname *wanted,
		 struct rendered_hostname *result)
{
	struct json *listener = find_listener(drawing, wanted->hostname);
	const struct json *rule = listener ? rule_of(drawing, listener) : NULL;
	bool is_shown = listener && shows_certificate(drawing, listener, wanted->secret_id);
	struct needs needs = {!listener, !rule,
			      !is_shown && !find_certificate(drawing, wanted->secret_id)};
	struct bounds bounds;
	int64_t priority;

	if (listener && !is_shown && !is_our_listener(ctx, listener, wanted)) {
		reject(result, "ListenerConflict",
		       arena_printf(ctx->arena,
				    "listener \"%s\" of the Application Gateway serves this "
				    "hostname already "
				    "and is not ours. Remove it, or withdraw the hostname here",
				    json_get_text(listener, "name")));
		return;
	}
	result->listener = listener ? json_get_text(listener, "name")
				    : free_name(ctx, drawing->listeners, wanted, name_listener);
	result->rule = rule ? json_get_text(rule, "name")
			    : free_name(ctx, drawing->rules, wanted, name_rule);
	bounds = priority_bounds(drawing, listener, wanted->hostname);
	priority = rule ? priority_of(rule) : priority_free(drawing, &bounds, wanted->hostname);
	if (is_rejected(ctx, drawing, wanted, &needs, result) ||
	    is_shadowed(ctx, wanted, rule, priority, &bounds, result))
		return;
	result->verdict = is_shown && rule ? RENDER_STANDS : RENDER_CHANGED;
	result->is_new = !listener;
	if (!listener)
		listener = add_listener(ctx, drawing, wanted, result->listener);
	else if (!is_shown)
		certificate_show(ctx, drawing, listener, wanted);
	else if (certificate_unpin(ctx, drawing, listener, wanted, result) && rule)
		result->verdict = RENDER_UNPINNED;
	if (!rule)
		add_rule(ctx, drawing, listener, result->rule, priority);
}

enum err render(struct ctx *ctx, const struct json *current, const struct render_target *target,
		const struct wanted_hostname *wanted, size_t count, struct rendering *out)
{
	struct drawing drawing = {0};

	*out = (struct rendering){0};
	TRY(start(ctx, &drawing, current, target, count));
	out->items = arena_new_array(ctx->arena, struct rendered_hostname, count + 1);
	for (size_t i = 0; i < count; i++) {
		if (wanted[i].is_evicted)
			evict(ctx, &drawing, &wanted[i], &out->items[i]);
		else
			draw(ctx, &drawing, &wanted[i], &out->items[i]);
		out->changed += out->items[i].verdict == RENDER_CHANGED ||
				out->items[i].verdict == RENDER_UNPINNED ||
				out->items[i].verdict == RENDER_EVICTED;
	}
	out->document = drawing.document;
	return E_OK;
}
