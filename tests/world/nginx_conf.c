#include "world/nginx_conf.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "world/sites.h"

struct writer {
	struct ctx *ctx;
	const struct world *world;
	const struct plane_options *options;
	struct buf text;
	struct plane_file *files;
	bool has_default_http, has_default_https;
};

#define OUT(writer, ...) assert(buf_addf(&(writer)->text, __VA_ARGS__))

static void add_file(struct writer *writer, const char *name, const char *text)
{
	struct plane_file *file;

	for (file = writer->files; file; file = file->next)
		if (text_equals(file->name, name))
			return;
	file = arena_new_one(writer->ctx->arena, struct plane_file);
	file->name = name;
	file->text = text;
	file->next = writer->files;
	writer->files = file;
}

static char *regex_of(struct ctx *ctx, const char *pattern)
{
	char *out = arena_alloc(ctx->arena, 3 * strlen(pattern) + 1), *at = out;

	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			memcpy(at, ".*", 2);
			at += 2;
		} else if (*pattern == '?') {
			*at++ = '.';
		} else {
			if (strchr(".\\+^$()[]{}|\"", *pattern))
				*at++ = '\\';
			*at++ = *pattern;
		}
	}
	return out;
}

static void write_names(struct writer *writer, const struct site *site)
{
	size_t i;

	OUT(writer, "\t\tserver_name");
	for (i = 0; i < site->host_count; i++) {
		const char *host = site->hosts[i];

		if (strpbrk(host + (text_starts_with(host, "*.") ? 2 : 0), "*?"))
			OUT(writer, " \"~^%s$\"", regex_of(writer->ctx, host));
		else
			OUT(writer, " \"%s\"", host);
	}
	OUT(writer, "%s;\n", site->host_count ? "" : " _");
}

/* RFC 6125 names are no addresses to nginx: an address is verified under the name that its
 * certificate has, too. */
static const char *verify_name(struct ctx *ctx, const char *host, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (!strchr("0123456789.", host[i]))
			return arena_strndup(ctx->arena, host, length);
	return "localhost";
}

static void write_blob(struct writer *writer, const struct target *target, const char *pattern)
{
	const char *url = writer->world->gateway->blob_container_url;
	const char *host = strstr(url, "://") + 3;
	int authority = (int)strcspn(host, "/");
	char *regex = regex_of(writer->ctx, pattern ? pattern : "/");
	size_t length = strlen(regex);

	if (target->path) {
		if (pattern && text_ends_with(regex, ".*"))
			regex[length - 2] = '\0';
		OUT(writer, "\t\t\trewrite \"(?i)^%s(.*)$\" \"%s$1\" break;\n", regex,
		    target->path);
	}
	OUT(writer,
	    "\t\t\tproxy_pass %.*s://%.*s;\n\t\t\tproxy_set_header Host %.*s;\n"
	    "\t\t\tproxy_set_header Authorization \"\";\n\t\t\tproxy_set_header Connection "
	    "\"\";\n"
	    "\t\t\tproxy_http_version 1.1;\n\t\t\tproxy_ssl_server_name on;\n"
	    "\t\t\tproxy_ssl_name %s;\n\t\t\tproxy_ssl_verify on;\n"
	    "\t\t\tproxy_ssl_trusted_certificate \"%s\";\n",
	    (int)(host - 3 - url), url, authority, host, authority, host,
	    verify_name(writer->ctx, host, strcspn(host, ":/")), writer->options->ca_file);
}

static void write_redirect(struct writer *writer, const struct target *target)
{
	bool keeps_all = target->keeps_path && target->keeps_query;
	const char *path = keeps_all ? "$request_uri" : target->keeps_path ? "$uri" : "";
	const char *query = target->keeps_query && !keeps_all ? "$is_args$args" : "";

	if (target->location)
		OUT(writer, "\t\t\treturn %d \"%s%s%s\";\n", target->status, target->location, path,
		    query);
	else
		OUT(writer, "\t\t\treturn %d \"%s://%s%s%s\";\n", target->status,
		    target->location_scheme,
		    target->location_host && *target->location_host ? target->location_host
								    : "$host",
		    *path ? path : "/", query);
}

static void write_target(struct writer *writer, const struct site *site,
			 const struct target *target, const char *pattern)
{
	switch (target->kind) {
	case TARGET_NONE: OUT(writer, "\t\t\treturn 502 \"no healthy backend\\n\";\n"); break;
	case TARGET_ECHO:
		OUT(writer, "\t\t\treturn 200 \"hostname=$host rule=%s\\n\";\n", site->rule);
		break;
	case TARGET_BLOB: write_blob(writer, target, pattern); break;
	case TARGET_REDIRECT: write_redirect(writer, target); break;
	}
}

static void write_locations(struct writer *writer, const struct site *site)
{
	size_t i;

	for (i = 0; i < site->path_count; i++) {
		const char *pattern = site->paths[i].pattern;
		char *regex = regex_of(writer->ctx, pattern);

		if (text_ends_with(regex, ".*"))
			regex[strlen(regex) - 2] = '\0';
		OUT(writer, "\t\tlocation ~* \"^%s%s\" {\n", regex,
		    text_ends_with(pattern, "*") ? "" : "$");
		write_target(writer, site, &site->paths[i].target, pattern);
		OUT(writer, "\t\t}\n");
	}
	OUT(writer, "\t\tlocation / {\n");
	write_target(writer, site, &site->target, NULL);
	OUT(writer, "\t\t}\n");
}

static void write_listen(struct writer *writer, const struct site *site, bool is_default)
{
	OUT(writer, "\tserver {\n\t\tlisten %s:%u%s%s;\n", writer->options->ip,
	    site->is_https ? writer->options->https_port : writer->options->http_port,
	    site->is_https ? " ssl" : "", is_default ? " default_server" : "");
}

static void write_certificate(struct writer *writer, const struct site_certificate *certificate)
{
	struct ctx *ctx = writer->ctx;
	char *name = arena_printf(ctx->arena, "certs/%s.pem", certificate->id);
	char *key = arena_printf(ctx->arena, "certs/%s.key", certificate->id), *text;
	size_t i;

	text = arena_strdup(ctx->arena, "");
	for (i = 0; i < certificate->cert_count; i++)
		text = arena_printf(ctx->arena, "%s%s", text,
				    crypto_cert_pem(ctx, certificate->certs[i]));
	add_file(writer, name, text);
	add_file(writer, key, crypto_key_pem(ctx, certificate->key));
	OUT(writer, "\t\tssl_certificate \"%s/%s\";\n\t\tssl_certificate_key \"%s/%s\";\n",
	    writer->options->dir, name, writer->options->dir, key);
}

static void write_site(struct writer *writer, const struct site *site)
{
	struct site_certificate certificate = {0};
	bool is_basic = site->host_count == 0;
	bool is_disabled = site->is_https &&
			   !sites_certificate(writer->ctx, writer->world, site, &certificate);

	if (site->port != (site->is_https ? 443 : 80) || (is_basic && is_disabled))
		return;
	if (is_basic)
		*(site->is_https ? &writer->has_default_https : &writer->has_default_http) = true;
	write_listen(writer, site, is_basic);
	write_names(writer, site);
	if (is_disabled) {
		/* Clients of a disabled listener see the alert unrecognized_name. */
		OUT(writer, "\t\tssl_reject_handshake on;\n\t}\n");
		return;
	}
	if (site->is_https)
		write_certificate(writer, &certificate);
	write_locations(writer, site);
	OUT(writer, "\t}\n");
}

/* An unknown name gets the basic listener, or the alert unrecognized_name where there is none. */
static void write_defaults(struct writer *writer, size_t count)
{
	const struct plane_options *options = writer->options;

	if (!writer->has_default_http)
		OUT(writer,
		    "\tserver {\n\t\tlisten %s:%u default_server;\n\t\tserver_name _;\n"
		    "\t\treturn %d;\n\t}\n",
		    options->ip, options->http_port, count ? 404 : 444);
	if (!writer->has_default_https)
		OUT(writer,
		    "\tserver {\n\t\tlisten %s:%u ssl default_server;\n\t\tserver_name _;\n"
		    "\t\tssl_reject_handshake on;\n\t}\n",
		    options->ip, options->https_port);
}

static void write_frame(struct writer *writer)
{
	const char *dir = writer->options->dir;

	if (geteuid() == 0)
		OUT(writer, "user root;\n");
	OUT(writer,
	    "daemon off;\nworker_processes 1;\nworker_shutdown_timeout 10s;\npid "
	    "\"%s/nginx.pid\";\n"
	    "error_log \"%s/nginx.log\" warn;\nevents {\n\tworker_connections 2048;\n}\n"
	    "http {\n\taccess_log off;\n\tdefault_type text/plain;\n\tserver_tokens off;\n"
	    "\tserver_names_hash_bucket_size 256;\n\tserver_names_hash_max_size 8192;\n"
	    "\tkeepalive_timeout 5s;\n\tmerge_slashes off;\n",
	    dir, dir);
	static const char *const temporary[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(temporary); i++)
		OUT(writer, "\t%s_temp_path \"%s/tmp\";\n", temporary[i], dir);
	OUT(writer,
	    "\tserver {\n\t\tlisten %s:%u;\n\t\tserver_name " PLANE_CONTROL_HOST ";\n"
	    "\t\tlocation / {\n\t\t\treturn 200 \"$pid %u\\n\";\n\t\t}\n\t}\n",
	    writer->options->ip, writer->options->http_port, writer->world->gateway->generation);
}

struct plane_file *nginx_conf(struct ctx *ctx, const struct world *world,
			      const struct plane_options *options)
{
	struct writer writer = {.ctx = ctx, .world = world, .options = options};
	bool is_up = world->gateway->state == GATEWAY_RUNNING ||
		     world->gateway->state == GATEWAY_FAILED;
	size_t count = 0, i;
	struct site *sites = is_up ? sites_load(ctx, world, &count) : NULL;

	buf_init(&writer.text, (size_t)16 << 20);
	write_frame(&writer);
	for (i = 0; i < count; i++)
		write_site(&writer, &sites[i]);
	write_defaults(&writer, count);
	OUT(&writer, "}\n");
	add_file(&writer, "nginx.conf", arena_strdup(ctx->arena, writer.text.data));
	buf_fini(&writer.text);
	return writer.files;
}
