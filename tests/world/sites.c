#include "world/sites.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "world/gateway.h"

struct loader {
	struct ctx *ctx;
	const struct world *world;
	const struct json *document;
};

static const struct json *properties_of(const struct json *child)
{
	return json_get(child, "properties");
}

static void load_redirect(const struct loader *loader, const struct json *redirect,
			  struct target *target)
{
	static const struct {
		const char *name;
		int status;
	} types[] = {{"Permanent", 301}, {"Found", 302}, {"SeeOther", 303}, {"Temporary", 307}};
	const struct json *properties = properties_of(redirect);
	const char *type = json_get_text(properties, "redirectType");
	const struct json *listener;
	size_t i;

	target->kind = TARGET_REDIRECT;
	target->status = 301;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (text_equals(types[i].name, type))
			target->status = types[i].status;
	target->keeps_path = json_get_bool(properties, "includePath", false);
	target->keeps_query = json_get_bool(properties, "includeQueryString", false);
	target->location = json_get_text(properties, "targetUrl");
	listener = gateway_follow(loader->world, loader->document, redirect, "targetListener",
				  "httpListeners");
	if (!listener)
		return;
	target->location_scheme =
		text_equals(json_get_text(properties_of(listener), "protocol"), "Http") ? "http"
											: "https";
	target->location_host = json_get_text(properties_of(listener), "hostName");
	if (!target->location_host)
		target->location_host =
			json_text(json_first(json_path(listener, "properties.hostNames")));
}

static bool leads_to_blobs(const struct loader *loader, const struct json *pool)
{
	const char *url = loader->world->gateway->blob_container_url;
	const char *host = strstr(url, "://") + 3;
	size_t length = strcspn(host, ":/");

	json_for_each (address, json_path(pool, "properties.backendAddresses")) {
		const char *name = json_get_text(address, "fqdn");

		if (!name)
			name = json_get_text(address, "ipAddress");
		if (name && strlen(name) == length && strncasecmp(name, host, length) == 0)
			return true;
	}
	return false;
}

static struct target load_target(const struct loader *loader, const struct json *child,
				 const char *pool_member, const char *settings_member,
				 const char *redirect_member)
{
	const struct json *pool, *settings, *redirect;
	struct target target = {.kind = TARGET_NONE};

	redirect = gateway_follow(loader->world, loader->document, child, redirect_member,
				  "redirectConfigurations");
	if (redirect) {
		load_redirect(loader, redirect, &target);
		return target;
	}
	pool = gateway_follow(loader->world, loader->document, child, pool_member,
			      "backendAddressPools");
	settings = gateway_follow(loader->world, loader->document, child, settings_member,
				  "backendHttpSettingsCollection");
	if (!pool || !settings || json_size(json_path(pool, "properties.backendAddresses")) == 0)
		return target;
	target.kind = leads_to_blobs(loader, pool) ? TARGET_BLOB : TARGET_ECHO;
	target.path = json_get_text(properties_of(settings), "path");
	return target;
}

static void load_map(const struct loader *loader, const struct json *map, struct site *site)
{
	const struct json *rules = json_path(map, "properties.pathRules");
	size_t count = 0;

	json_for_each (rule, rules)
		count += json_size(json_path(rule, "properties.paths"));
	site->paths = arena_new_array(loader->ctx->arena, struct site_path, count + 1);
	json_for_each (rule, rules) {
		struct target target = load_target(loader, rule, "backendAddressPool",
						   "backendHttpSettings", "redirectConfiguration");

		json_for_each (path, json_path(rule, "properties.paths")) {
			site->paths[site->path_count].pattern = json_text(path);
			site->paths[site->path_count++].target = target;
		}
	}
	site->target = load_target(loader, map, "defaultBackendAddressPool",
				   "defaultBackendHttpSettings", "defaultRedirectConfiguration");
}

static void load_listener(const struct loader *loader, const struct json *listener,
			  struct site *site)
{
	const struct json *properties = properties_of(listener);
	const struct json *names = json_get(properties, "hostNames");
	const char *name = json_get_text(properties, "hostName");
	const char *protocol = json_get_text(properties, "protocol");

	site->listener = json_get_text(listener, "name");
	site->is_https = protocol && text_equals_nocase(protocol, "Https");
	site->port =
		json_get_int(properties_of(gateway_follow(loader->world, loader->document, listener,
							  "frontendPort", "frontendPorts")),
			     "port", 0);
	site->certificate = json_get_text(gateway_follow(loader->world, loader->document, listener,
							 "sslCertificate", "sslCertificates"),
					  "name");
	site->hosts = arena_new_array(loader->ctx->arena, const char *, json_size(names) + 1);
	if (name && *name)
		site->hosts[site->host_count++] = name;
	json_for_each (item, names)
		site->hosts[site->host_count++] = json_text(item);
}

static int by_priority(const void *a, const void *b)
{
	const struct site *one = a, *two = b;

	return one->priority < two->priority ? -1 : one->priority > two->priority;
}

struct site *sites_load(struct ctx *ctx, const struct world *world, size_t *count)
{
	const struct loader loader = {ctx, world, world->gateway->served->root};
	const struct json *rules = gateway_list(loader.document, "requestRoutingRules"), *listener;
	struct site *sites = arena_new_array(ctx->arena, struct site, json_size(rules) + 1), *site;

	*count = 0;
	json_for_each (rule, rules) {
		listener = gateway_follow(world, loader.document, rule, "httpListener",
					  "httpListeners");
		if (!listener)
			continue;
		site = &sites[(*count)++];
		site->rule = json_get_text(rule, "name");
		site->priority = json_get_int(properties_of(rule), "priority", 0);
		load_listener(&loader, listener, site);
		if (json_get(properties_of(rule), "urlPathMap"))
			load_map(&loader,
				 gateway_follow(world, loader.document, rule, "urlPathMap",
						"urlPathMaps"),
				 site);
		else
			site->target = load_target(&loader, rule, "backendAddressPool",
						   "backendHttpSettings", "redirectConfiguration");
	}
	qsort(sites, *count, sizeof(*sites), by_priority);
	return sites;
}

bool sites_host_matches(const char *pattern, const char *host)
{
	if (!*pattern)
		return !*host;
	if (*pattern == '*')
		return sites_host_matches(pattern + 1, host) ||
		       (*host && sites_host_matches(pattern, host + 1));
	if (!*host)
		return false;
	return (*pattern == '?' || strncasecmp(pattern, host, 1) == 0) &&
	       sites_host_matches(pattern + 1, host + 1);
}

const struct site *sites_find(const struct site *sites, size_t count, int64_t port,
			      const char *host)
{
	const struct site *basic = NULL;
	size_t i, j;

	for (i = 0; i < count; i++) {
		if (sites[i].port != port)
			continue;
		if (sites[i].host_count == 0 && !basic)
			basic = &sites[i];
		for (j = 0; j < sites[i].host_count; j++)
			if (sites_host_matches(sites[i].hosts[j], host))
				return &sites[i];
	}
	return basic;
}

const struct target *sites_route(const struct site *site, const char *path, const char **rest)
{
	size_t i, length;

	for (i = 0; i < site->path_count; i++) {
		const char *pattern = site->paths[i].pattern, *star = strchr(pattern, '*');

		length = star ? (size_t)(star - pattern) : strlen(pattern);
		if (strncasecmp(path, pattern, length) != 0 || (!star && path[length]))
			continue;
		*rest = path + length;
		return &site->paths[i].target;
	}
	*rest = path;
	return &site->target;
}

bool sites_certificate(struct ctx *ctx, const struct world *world, const struct site *site,
		       struct site_certificate *out)
{
	const struct json *entry = gateway_child(world->gateway->served->root, "sslCertificates",
						 site->certificate);
	const struct binding *binding;
	const struct upload *upload;

	if (json_get_text(json_get(entry, "properties"), "keyVaultSecretId")) {
		binding = gateway_binding(world, site->certificate);
		if (!binding || !binding->version || binding->trouble)
			return false;
		*out = (struct site_certificate){
			.key = binding->version->key,
			.certs = binding->version->certs,
			.cert_count = binding->version->cert_count,
			.id = arena_printf(ctx->arena, "%s-%s", site->certificate,
					   binding->version->id),
		};
		return true;
	}
	upload = site->certificate ? gateway_upload(world, site->certificate) : NULL;
	if (!upload)
		return false;
	*out = (struct site_certificate){
		.key = upload->bag.key,
		.certs = upload->bag.certs,
		.cert_count = upload->bag.cert_count,
		.id = arena_printf(ctx->arena, "%s-%s", site->certificate,
				   crypto_serial(ctx, upload->bag.certs[0])),
	};
	return true;
}
