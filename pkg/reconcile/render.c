#include "reconcile/render.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/names.h"

/* Limits of a Standard_v2 or WAF_v2 gateway (Azure subscription limits, Application Gateway). */
#define CERTIFICATES_MAX 100
#define LISTENERS_MAX 200
#define ACTIVE_LISTENERS_MAX 100
#define RULES_MAX 400
#define PRIORITY_MAX 20000
#define PRIORITY_BELOW_SERVICE_DEFAULTS 19000

struct drawing {
	const struct render_target *target;
	struct json *document, *properties;
	struct json *certificates, *listeners, *rules;
	const char *frontend_id, *port_id;
	bool *priorities; /* taken ones, 1..PRIORITY_MAX */
	int64_t priority_below;
};

static const char *id_of(struct ctx *ctx, const struct drawing *drawing, const char *collection,
			 const char *name)
{
	return arena_printf(ctx->arena, "%s/%s/%s", drawing->target->gateway_id, collection, name);
}

static struct json *reference(struct ctx *ctx, const char *id)
{
	struct json *object = json_object(ctx);

	json_set_text(ctx, object, "id", id);
	return object;
}

static struct json *collection(struct ctx *ctx, struct json *properties, const char *name)
{
	struct json *array = json_get(properties, name);

	if (!json_is_array(array)) {
		array = json_array(ctx);
		json_set(ctx, properties, name, array);
	}
	return array;
}

static struct json *find_named(const struct json *array, const char *name)
{
	json_for_each(child, array)
		if (json_get_text(child, "name") && text_equals_nocase(json_get_text(child, "name"), name))
			return child;
	return NULL;
}

/* Resource ids compare without case. */
static struct json *find_id(const struct json *array, const char *id)
{
	const char *name = id ? strrchr(id, '/') : NULL;

	return name ? find_named(array, name + 1) : NULL;
}

static const char *reference_of(const struct json *child, const char *member)
{
	return json_get_text(json_get(json_get(child, "properties"), member), "id");
}

static bool refers_to(const struct json *child, const char *member, const struct json *other)
{
	const char *id = reference_of(child, member);
	const char *name = id ? strrchr(id, '/') : NULL;

	return name && text_equals_nocase(name + 1, json_get_text(other, "name"));
}

static bool serves_hostname(const struct json *listener, const char *hostname)
{
	const struct json *properties = json_get(listener, "properties");
	const char *single = json_get_text(properties, "hostName");

	if (single && *single)
		return text_equals_nocase(single, hostname);
	json_for_each(name, json_get(properties, "hostNames"))
		if (json_text(name) && text_equals_nocase(json_text(name), hostname))
			return true;
	return false;
}

static bool has_one_hostname(const struct json *listener)
{
	return json_size(json_path(listener, "properties.hostNames")) <= 1;
}

static bool is_https_on_port(const struct drawing *drawing, const struct json *listener)
{
	const char *protocol = json_get_text(json_get(listener, "properties"), "protocol");
	const char *port = reference_of(listener, "frontendPort");

	return protocol && text_equals_nocase(protocol, "Https") && port &&
	       text_equals_nocase(strrchr(port, '/') ? strrchr(port, '/') + 1 : port,
				  strrchr(drawing->port_id, '/') + 1);
}

/* A basic listener, or one with a wildcard: a rule with a smaller number hides those behind it. */
static bool is_catching(const struct json *listener)
{
	const struct json *properties = json_get(listener, "properties");
	const char *single = json_get_text(properties, "hostName");
	bool has_name = single && *single;

	if (has_name && strpbrk(single, "*?"))
		return true;
	json_for_each(name, json_get(properties, "hostNames")) {
		has_name = true;
		if (json_text(name) && strpbrk(json_text(name), "*?"))
			return true;
	}
	return !has_name;
}

static enum err find_frontend(struct ctx *ctx, struct drawing *drawing)
{
	json_for_each(frontend, json_get(drawing->properties, "frontendIPConfigurations"))
		if (json_path(frontend, "properties.publicIPAddress")) {
			drawing->frontend_id = id_of(ctx, drawing, "frontendIPConfigurations",
						     json_get_text(frontend, "name"));
			return E_OK;
		}
	return fault_set(ctx, E_REFUSED, "NoPublicFrontend",
			 "the Application Gateway has no public frontend IP configuration. Add one");
}

static void find_port(struct ctx *ctx, struct drawing *drawing)
{
	struct json *ports = collection(ctx, drawing->properties, "frontendPorts");
	struct json *port, *properties;
	const char *name = "port_443";

	json_for_each(candidate, ports)
		if (json_get_int(json_get(candidate, "properties"), "port", 0) == 443 &&
		    json_get_text(candidate, "name")) {
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

static void note_priorities(struct ctx *ctx, struct drawing *drawing)
{
	drawing->priorities = arena_new_array(ctx->arena, bool, PRIORITY_MAX + 1);
	drawing->priority_below = PRIORITY_BELOW_SERVICE_DEFAULTS;
	json_for_each(rule, drawing->rules) {
		int64_t priority = json_get_int(json_get(rule, "properties"), "priority", 0);
		const struct json *listener =
			find_id(drawing->listeners, reference_of(rule, "httpListener"));

		if (priority < 1 || priority > PRIORITY_MAX)
			continue;
		drawing->priorities[priority] = true;
		if (listener && is_https_on_port(drawing, listener) && is_catching(listener) &&
		    priority < drawing->priority_below)
			drawing->priority_below = priority;
	}
}

/* The highest free one below every rule that would catch the hostname first; else any free one. */
static int64_t take_priority(struct drawing *drawing)
{
	int64_t priority = drawing->priority_below - 1;

	while (priority >= 1 && drawing->priorities[priority])
		priority--;
	if (priority < 1)
		for (priority = 1; priority <= PRIORITY_MAX && drawing->priorities[priority];)
			priority++;
	if (priority > PRIORITY_MAX)
		return 0;
	drawing->priorities[priority] = true;
	return priority;
}

static enum err check_backend(struct ctx *ctx, const struct drawing *drawing, const char *member,
			      const char *name, const char *reason, const char *option)
{
	if (find_named(json_get(drawing->properties, member), name))
		return E_OK;
	return fault_set(ctx, E_REFUSED, reason,
			 "the Application Gateway has no \"%s\" in %s. Create it, or correct %s in the "
			 "configuration",
			 name, member, option);
}

static enum err start(struct ctx *ctx, struct drawing *drawing, const struct json *current,
		      const struct render_target *target)
{
	drawing->target = target;
	drawing->document = render_strip(ctx, current);
	drawing->properties = json_get(drawing->document, "properties");
	if (!json_is_object(drawing->properties) || !json_get_text(drawing->document, "location"))
		return fault_set(ctx, E_REFUSED, "InvalidGatewayDocument",
				 "Azure's description of the Application Gateway lacks properties or "
				 "location; nothing is written");
	drawing->certificates = collection(ctx, drawing->properties, "sslCertificates");
	drawing->listeners = collection(ctx, drawing->properties, "httpListeners");
	drawing->rules = collection(ctx, drawing->properties, "requestRoutingRules");
	TRY(find_frontend(ctx, drawing));
	TRY(check_backend(ctx, drawing, "backendAddressPools", target->backend_pool, "BackendNotFound",
			  "ApplicationGatewayBackendName"));
	TRY(check_backend(ctx, drawing, "backendHttpSettingsCollection", target->http_settings,
			  "HttpSettingsNotFound", "ApplicationGatewayHttpSettingsName"));
	find_port(ctx, drawing);
	note_priorities(ctx, drawing);
	return E_OK;
}

/* The certificate entry with this secret, whatever its name; else a new one. */
static const char *certificate_id(struct ctx *ctx, struct drawing *drawing,
				  const struct wanted_hostname *wanted)
{
	struct json *entry, *properties;
	const char *name = wanted->base;

	json_for_each(candidate, drawing->certificates)
		if (secret_id_equals(json_get_text(json_get(candidate, "properties"),
						   "keyVaultSecretId"),
				     wanted->secret_id))
			return id_of(ctx, drawing, "sslCertificates",
				     json_get_text(candidate, "name"));
	if (find_named(drawing->certificates, name))
		name = name_hashed(ctx, wanted->hostname);
	entry = json_object(ctx);
	properties = json_object(ctx);
	json_set_text(ctx, entry, "name", name);
	json_set_text(ctx, properties, "keyVaultSecretId", wanted->secret_id);
	json_set(ctx, entry, "properties", properties);
	json_append(ctx, drawing->certificates, entry);
	return id_of(ctx, drawing, "sslCertificates", name);
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
	json_set(ctx, properties, "sslCertificate",
		 reference(ctx, certificate_id(ctx, drawing, wanted)));
	json_set_bool(ctx, properties, "requireServerNameIndication", true);
	json_set(ctx, listener, "properties", properties);
	json_append(ctx, drawing->listeners, listener);
	return listener;
}

static void add_rule(struct ctx *ctx, struct drawing *drawing, const struct json *listener,
		     const char *name, int64_t priority)
{
	struct json *rule = json_object(ctx), *properties = json_object(ctx);
	const struct render_target *target = drawing->target;

	json_set_text(ctx, rule, "name", name);
	json_set_text(ctx, properties, "ruleType", "Basic");
	json_set_int(ctx, properties, "priority", priority);
	json_set(ctx, properties, "httpListener",
		 reference(ctx, id_of(ctx, drawing, "httpListeners", json_get_text(listener, "name"))));
	json_set(ctx, properties, "backendAddressPool",
		 reference(ctx, id_of(ctx, drawing, "backendAddressPools", target->backend_pool)));
	json_set(ctx, properties, "backendHttpSettings",
		 reference(ctx, id_of(ctx, drawing, "backendHttpSettingsCollection",
				      target->http_settings)));
	json_set(ctx, rule, "properties", properties);
	json_append(ctx, drawing->rules, rule);
}

static struct json *rule_of(const struct drawing *drawing, const struct json *listener)
{
	json_for_each(rule, drawing->rules)
		if (refers_to(rule, "httpListener", listener))
			return rule;
	return NULL;
}

static void reject(struct rendered_hostname *result, const char *reason, const char *message)
{
	result->verdict = RENDER_REJECTED;
	result->reason = reason;
	result->message = message;
}

/* A rule that only redirects does not make its listener an active one. */
static size_t active_rules(const struct drawing *drawing)
{
	size_t count = 0;

	json_for_each(rule, drawing->rules)
		count += !json_path(rule, "properties.redirectConfiguration");
	return count;
}

static bool is_full(const struct drawing *drawing)
{
	return json_size(drawing->certificates) >= CERTIFICATES_MAX ||
	       json_size(drawing->listeners) >= LISTENERS_MAX ||
	       json_size(drawing->rules) >= RULES_MAX ||
	       active_rules(drawing) >= ACTIVE_LISTENERS_MAX;
}

/* The listener that serves this hostname over HTTPS, whoever made it. */
static struct json *find_listener(const struct drawing *drawing, const char *hostname)
{
	json_for_each(listener, drawing->listeners)
		if (is_https_on_port(drawing, listener) && serves_hostname(listener, hostname))
			return listener;
	return NULL;
}

static bool is_our_listener(struct ctx *ctx, const struct json *listener,
			    const struct wanted_hostname *wanted)
{
	const char *name = json_get_text(listener, "name");

	return name && has_one_hostname(listener) &&
	       (text_equals_nocase(name, name_listener(ctx, wanted->base)) ||
		text_equals_nocase(name, name_listener(ctx, name_plain(ctx, wanted->hostname))) ||
		text_equals_nocase(name, name_listener(ctx, name_hashed(ctx, wanted->hostname))));
}

static const char *free_name(struct ctx *ctx, const struct json *array,
			     const struct wanted_hostname *wanted,
			     const char *(*make)(struct ctx *ctx, const char *base))
{
	const char *name = make(ctx, wanted->base);

	return find_named(array, name) ? make(ctx, name_hashed(ctx, wanted->hostname)) : name;
}

static bool shows_certificate(const struct drawing *drawing, const struct json *listener,
			      const char *secret_id)
{
	const struct json *entry =
		find_id(drawing->certificates, reference_of(listener, "sslCertificate"));

	return secret_id_equals(json_get_text(json_get(entry, "properties"), "keyVaultSecretId"),
				secret_id);
}

static void repair_certificate(struct ctx *ctx, struct drawing *drawing, struct json *listener,
			       const struct wanted_hostname *wanted)
{
	json_set(ctx, json_get(listener, "properties"), "sslCertificate",
		 reference(ctx, certificate_id(ctx, drawing, wanted)));
}

static bool is_used(const struct drawing *drawing, const struct json *certificate)
{
	json_for_each(listener, drawing->listeners)
		if (refers_to(listener, "sslCertificate", certificate))
			return true;
	return false;
}

/* The listener must be ours by name and hostname, and shows the certificate that the failed update brought. */
static void evict(struct ctx *ctx, struct drawing *drawing, const struct wanted_hostname *wanted,
		  struct rendered_hostname *result)
{
	struct json *listener = find_listener(drawing, wanted->hostname);
	struct json *rule, *certificate;

	result->verdict = RENDER_ABSENT;
	if (!listener || !is_our_listener(ctx, listener, wanted) ||
	    !shows_certificate(drawing, listener, wanted->secret_id))
		return;
	result->verdict = RENDER_EVICTED;
	result->listener = json_get_text(listener, "name");
	while ((rule = rule_of(drawing, listener))) {
		result->rule = json_get_text(rule, "name");
		json_remove_node(drawing->rules, rule);
	}
	certificate = find_id(drawing->certificates, reference_of(listener, "sslCertificate"));
	json_remove_node(drawing->listeners, listener);
	if (certificate && !is_used(drawing, certificate)) {
		result->certificate = json_get_text(certificate, "name");
		json_remove_node(drawing->certificates, certificate);
	}
}

static void draw(struct ctx *ctx, struct drawing *drawing, const struct wanted_hostname *wanted,
		 struct rendered_hostname *result)
{
	struct json *listener = find_listener(drawing, wanted->hostname);
	const struct json *rule = listener ? rule_of(drawing, listener) : NULL;
	bool is_shown = listener && shows_certificate(drawing, listener, wanted->secret_id);
	int64_t priority;

	if (listener && !is_shown && !is_our_listener(ctx, listener, wanted)) {
		reject(result, "ListenerConflict",
		       arena_printf(ctx->arena,
				    "listener \"%s\" of the Application Gateway serves this hostname already "
				    "and is not ours. Remove it, or withdraw the hostname here",
				    json_get_text(listener, "name")));
		return;
	}
	if ((!listener || !rule) && is_full(drawing)) {
		reject(result, "CapacityExceeded",
		       "the Application Gateway has no room for another listener, rule or certificate "
		       "(100 active listeners, 100 certificates). Remove some, or use another gateway");
		return;
	}
	result->verdict = is_shown && rule ? RENDER_STANDS : RENDER_CHANGED;
	if (!listener)
		listener = add_listener(ctx, drawing, wanted,
					free_name(ctx, drawing->listeners, wanted, name_listener));
	else if (!is_shown)
		repair_certificate(ctx, drawing, listener, wanted);
	result->listener = json_get_text(listener, "name");
	result->rule = rule ? json_get_text(rule, "name") : NULL;
	if (rule)
		return;
	priority = take_priority(drawing);
	result->rule = free_name(ctx, drawing->rules, wanted, name_rule);
	add_rule(ctx, drawing, listener, result->rule, priority);
}

enum err render(struct ctx *ctx, const struct json *current, const struct render_target *target,
		const struct wanted_hostname *wanted, size_t count, struct rendering *out)
{
	struct drawing drawing = {0};

	*out = (struct rendering){0};
	TRY(start(ctx, &drawing, current, target));
	out->items = arena_new_array(ctx->arena, struct rendered_hostname, count + 1);
	for (size_t i = 0; i < count; i++) {
		if (wanted[i].is_evicted)
			evict(ctx, &drawing, &wanted[i], &out->items[i]);
		else
			draw(ctx, &drawing, &wanted[i], &out->items[i]);
		out->changed += out->items[i].verdict == RENDER_CHANGED ||
				out->items[i].verdict == RENDER_EVICTED;
	}
	out->document = drawing.document;
	return E_OK;
}

static bool is_repaired(const struct rendering *rendering, size_t count, const char *listener)
{
	for (size_t i = 0; i < count; i++)
		if (rendering->items[i].verdict == RENDER_CHANGED &&
		    text_equals(rendering->items[i].listener, listener))
			return true;
	return false;
}

static bool is_evicted(const struct rendering *rendering, size_t count, const char *child)
{
	for (size_t i = 0; i < count; i++)
		if (rendering->items[i].verdict == RENDER_EVICTED &&
		    (text_equals(rendering->items[i].listener, child) ||
		     text_equals(rendering->items[i].rule, child) ||
		     text_equals(rendering->items[i].certificate, child)))
			return true;
	return false;
}

/* Every child of `before` stands in `after`, equal but for the certificate of listeners that were repaired. */
static bool keeps_children(struct ctx *ctx, const struct json *before, const struct json *after,
			   const struct rendering *rendering, size_t count)
{
	json_for_each(child, before) {
		struct json *other = find_named(after, json_get_text(child, "name"));
		struct json *a = json_dup(ctx, child), *b = other ? json_dup(ctx, other) : NULL;

		if (!other && is_evicted(rendering, count, json_get_text(child, "name")))
			continue;
		if (!other)
			return false;
		if (text_equals(json_name(before), "httpListeners") &&
		    is_repaired(rendering, count, json_get_text(child, "name"))) {
			json_remove(json_get(a, "properties"), "sslCertificate");
			json_remove(json_get(b, "properties"), "sslCertificate");
		}
		if (!json_equal(a, b))
			return false;
	}
	return true;
}

static bool is_ours_to_grow(const char *collection)
{
	return text_equals(collection, "sslCertificates") || text_equals(collection, "httpListeners") ||
	       text_equals(collection, "requestRoutingRules") ||
	       text_equals(collection, "frontendPorts");
}

bool render_is_faithful(struct ctx *ctx, const struct json *before, const struct json *after,
			const struct rendering *rendering, size_t count)
{
	struct json *a = render_strip(ctx, before), *b = json_dup(ctx, after);
	struct json *a_properties = json_get(a, "properties"), *b_properties = json_get(b, "properties");

	json_for_each(member, a_properties) {
		const struct json *other = json_get(b_properties, json_name(member));

		if (is_ours_to_grow(json_name(member))
			    ? !keeps_children(ctx, member, other, rendering, count)
			    : !json_equal(member, other))
			return false;
	}
	json_remove(a, "properties");
	json_remove(b, "properties");
	return json_equal(a, b);
}
