/* azuresim - the world behind sockets: HTTPS doors for ARM, Key Vault and Entra, plain ones for
 * IMDS and admin. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "world/dataplane.h"
#include "world/server.h"

#define SETTINGS_MAX 64

struct options {
	const char *dir, *tls_cert, *tls_key, *arm, *vault, *authority, *imds, *admin;
	const char *gateway_id, *gateway_ip, *gateway_http_port, *gateway_https_port;
	const char *blob_container_url, *ca_file, *tenant, *client_id, *client_secret_file;
	const char *client_cert, *federated_token_file, *nginx;
	const char *settings[SETTINGS_MAX];
	size_t setting_count;
};

static const struct option_row {
	const char *name;
	size_t offset;
	bool is_optional;
} rows[] = {
	{"--dir", offsetof(struct options, dir), false},
	{"--tls-cert", offsetof(struct options, tls_cert), false},
	{"--tls-key", offsetof(struct options, tls_key), false},
	{"--arm", offsetof(struct options, arm), false},
	{"--vault", offsetof(struct options, vault), false},
	{"--authority", offsetof(struct options, authority), false},
	{"--imds", offsetof(struct options, imds), false},
	{"--admin", offsetof(struct options, admin), false},
	{"--gateway-id", offsetof(struct options, gateway_id), false},
	{"--gateway-ip", offsetof(struct options, gateway_ip), false},
	{"--gateway-http-port", offsetof(struct options, gateway_http_port), false},
	{"--gateway-https-port", offsetof(struct options, gateway_https_port), false},
	{"--blob-container-url", offsetof(struct options, blob_container_url), false},
	{"--ca-file", offsetof(struct options, ca_file), false},
	{"--tenant", offsetof(struct options, tenant), false},
	{"--client-id", offsetof(struct options, client_id), false},
	{"--client-secret-file", offsetof(struct options, client_secret_file), true},
	{"--client-cert", offsetof(struct options, client_cert), true},
	{"--federated-token-file", offsetof(struct options, federated_token_file), true},
	{"--nginx", offsetof(struct options, nginx), false},
};

static const char **slot(struct options *options, const struct option_row *row)
{
	return (const char **)((char *)options + row->offset);
}

static bool parse_one(struct options *options, const char *name, const char *value)
{
	size_t i;

	if (strcmp(name, "--set") == 0 && options->setting_count < SETTINGS_MAX) {
		options->settings[options->setting_count++] = value;
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		*slot(options, &rows[i]) = value;
		return true;
	}
	fprintf(stderr, "azuresim: unknown option %s\n", name);
	return false;
}

static bool parse(struct options *options, int argc, char **argv)
{
	size_t j;
	int i;

	for (i = 1; i < argc; i += 2) {
		if (i + 1 == argc) {
			fprintf(stderr, "azuresim: %s needs a value\n", argv[i]);
			return false;
		}
		if (!parse_one(options, argv[i], argv[i + 1]))
			return false;
	}
	for (j = 0; j < ARRAY_SIZE(rows); j++) {
		if (rows[j].is_optional || *slot(options, &rows[j]))
			continue;
		fprintf(stderr, "azuresim: %s is missing\n", rows[j].name);
		return false;
	}
	return true;
}

/* The whole file in the arena; NULL without a path; ends the program when it cannot be read. */
static char *read_file(struct ctx *ctx, const char *path)
{
	char *text = arena_alloc(ctx->arena, 65537);
	FILE *file;
	size_t size;

	if (!path)
		return NULL;
	file = fopen(path, "re");
	if (!file) {
		fprintf(stderr, "azuresim: %s cannot be read\n", path);
		exit(1);
	}
	size = fread(text, 1, 65536, file);
	fclose(file);
	text[size] = '\0';
	return text;
}

static char *read_line(struct ctx *ctx, const char *path)
{
	char *text = read_file(ctx, path);

	if (text)
		text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static struct world *make_world(struct ctx *ctx, const struct options *options,
				const struct doors *doors)
{
	struct world_options wanted = {
		.arm_url = arena_printf(ctx->arena, "https://%s", options->arm),
		.vault_url = arena_printf(ctx->arena, "https://%s", options->vault),
		.authority_url = arena_printf(ctx->arena, "https://%s", options->authority),
		.gateway_id = options->gateway_id,
		.gateway_ip = options->gateway_ip,
		.blob_container_url = options->blob_container_url,
		.tenant = options->tenant,
		.client_id = options->client_id,
		.client_secret = read_line(ctx, options->client_secret_file),
		.client_cert_pem = read_file(ctx, options->client_cert),
		.federated_token_file = options->federated_token_file,
	};
	struct world *world;
	size_t i;

	wanted.arc_token_dir = "/var/opt/azcmagent/tokens";
	world = world_new(&wanted, doors);
	for (i = 0; i < options->setting_count; i++) {
		char *name = arena_strdup(ctx->arena, options->settings[i]);
		char *equals = strchr(name, '=');

		if (equals)
			*equals++ = '\0';
		if (world_set(ctx, world, name, equals ? equals : "") != E_OK) {
			fprintf(stderr, "azuresim: --set %s: %s\n", options->settings[i],
				ctx->fault.text);
			exit(2);
		}
	}
	return world;
}

static int serve(struct ctx *ctx, const struct options *options, struct world *world,
		 const struct doors *doors, const sigset_t *ends)
{
	const char *cert = read_file(ctx, options->tls_cert);
	const char *key = read_file(ctx, options->tls_key);
	const struct server_options wanted[] = {
		{DOOR_ARM, options->arm, cert, key},
		{DOOR_VAULT, options->vault, cert, key},
		{DOOR_AUTHORITY, options->authority, cert, key},
		{DOOR_IMDS, options->imds, NULL, NULL},
		{DOOR_ADMIN, options->admin, NULL, NULL},
	};
	struct plane_options plane_options = {
		.dir = options->dir,
		.nginx = options->nginx,
		.ip = options->gateway_ip,
		.http_port = (unsigned)strtoul(options->gateway_http_port, NULL, 10),
		.https_port = (unsigned)strtoul(options->gateway_https_port, NULL, 10),
		.ca_file = options->ca_file,
	};
	struct server *servers[ARRAY_SIZE(wanted)] = {NULL};
	struct dataplane *plane = dataplane_start(world, &plane_options);
	size_t i, started = 0;
	int signal_number = 0;

	while (plane && started < ARRAY_SIZE(wanted) &&
	       (servers[started] = doors_open(world, doors, &wanted[started])) != NULL)
		started++;
	if (started == ARRAY_SIZE(wanted)) {
		puts("ready");
		fflush(stdout);
		sigwait(ends, &signal_number);
	}
	for (i = 0; i < started; i++)
		doors_close(servers[i]);
	dataplane_stop(plane);
	return started == ARRAY_SIZE(wanted) ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct doors doors = {.clock = clock_system(), .rng = rng_system()};
	struct ctx ctx = {.arena = arena_new(), .doors = &doors};
	struct options options = {0};
	struct world *world;
	sigset_t ends;
	int status;

	if (!parse(&options, argc, argv))
		return 2;
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	world = make_world(&ctx, &options, &doors);
	status = serve(&ctx, &options, world, &doors, &ends);
	world_free(world);
	arena_free(ctx.arena);
	return status;
}
