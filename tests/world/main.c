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
#define MANY	     16

/* What an option was given as: where there can be several, as often as it was. */
struct words {
	const char *at[MANY];
	size_t count;
};

struct options {
	struct words dir, tls_cert, tls_key, arm, authority, imds, admin, ca_file, tenant, nginx;
	struct words vault;		     /* one door each */
	struct words gateway_id, gateway_ip; /* one gateway each */
	struct words gateway_http_port, gateway_https_port;
	struct words blob_container_url; /* the gateways' in turn, the last for all that are left */
	struct words client_id, client_secret_file;
	struct words client_cert, federated_token_file; /* the first client's */
	struct words operator_id, operator_secret_file;
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
	{"--operator-id", offsetof(struct options, operator_id), true},
	{"--operator-secret-file", offsetof(struct options, operator_secret_file), true},
	{"--nginx", offsetof(struct options, nginx), false},
};

static struct words *slot(struct options *options, const struct option_row *row)
{
	return (struct words *)((char *)options + row->offset);
}

static bool parse_one(struct options *options, const char *name, const char *value)
{
	struct words *words;
	size_t i;

	if (strcmp(name, "--set") == 0 && options->setting_count < SETTINGS_MAX) {
		options->settings[options->setting_count++] = value;
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		words = slot(options, &rows[i]);
		if (words->count == MANY)
			break;
		words->at[words->count++] = value;
		return true;
	}
	fprintf(stderr, "azuresim: unknown option %s, or more than %d of it\n", name, MANY);
	return false;
}

/* Every gateway has an address and ports. */
static bool check(struct options *options)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].is_optional || slot(options, &rows[i])->count)
			continue;
		fprintf(stderr, "azuresim: %s is missing\n", rows[i].name);
		return false;
	}
	if (options->gateway_ip.count == options->gateway_id.count &&
	    options->gateway_http_port.count == options->gateway_id.count &&
	    options->gateway_https_port.count == options->gateway_id.count)
		return true;
	fprintf(stderr, "azuresim: every --gateway-id needs its --gateway-ip, --gateway-http-port "
			"and --gateway-https-port\n");
	return false;
}

static bool parse(struct options *options, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i += 2) {
		if (i + 1 == argc) {
			fprintf(stderr, "azuresim: %s needs a value\n", argv[i]);
			return false;
		}
		if (!parse_one(options, argv[i], argv[i + 1]))
			return false;
	}
	return check(options);
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

static const char *https(struct ctx *ctx, const char *address)
{
	return arena_printf(ctx->arena, "https://%s", address);
}

static const char *container_of(const struct options *options, size_t gateway)
{
	const struct words *words = &options->blob_container_url;

	return words->at[gateway < words->count ? gateway : words->count - 1];
}

static void add_others(struct ctx *ctx, const struct options *options, struct world *world)
{
	size_t i;

	for (i = 1; i < options->vault.count; i++)
		world_add(world,
			  &(struct place_options){.kind = PLACE_VAULT,
						  .where = https(ctx, options->vault.at[i])});
	for (i = 1; i < options->blob_container_url.count; i++)
		world_add(world,
			  &(struct place_options){.kind = PLACE_CONTAINER,
						  .where = options->blob_container_url.at[i]});
	for (i = 1; i < options->client_id.count; i++)
		world_add_client(world, options->client_id.at[i],
				 read_line(ctx, options->client_secret_file.at[i]));
	for (i = 1; i < options->gateway_id.count; i++)
		world_add(world,
			  &(struct place_options){.kind = PLACE_GATEWAY,
						  .where = options->gateway_id.at[i],
						  .ip = options->gateway_ip.at[i],
						  .blob_container_url = container_of(options, i)});
}

static void set(struct ctx *ctx, struct world *world, const char *setting)
{
	char *name = arena_strdup(ctx->arena, setting);
	char *equals = strchr(name, '=');

	if (equals)
		*equals++ = '\0';
	if (world_set(ctx, world, name, equals ? equals : "") == E_OK)
		return;
	fprintf(stderr, "azuresim: --set %s: %s\n", setting, ctx->fault.text);
	exit(2);
}

static struct world *make_world(struct ctx *ctx, const struct options *options,
				const struct doors *doors)
{
	struct world_options wanted = {
		.arm_url = https(ctx, options->arm.at[0]),
		.vault_url = https(ctx, options->vault.at[0]),
		.authority_url = https(ctx, options->authority.at[0]),
		.gateway_id = options->gateway_id.at[0],
		.gateway_ip = options->gateway_ip.at[0],
		.blob_container_url = options->blob_container_url.at[0],
		.tenant = options->tenant.at[0],
		.client_id = options->client_id.at[0],
		.client_secret = read_line(ctx, options->client_secret_file.at[0]),
		.operator_id = options->operator_id.at[0],
		.operator_secret = read_line(ctx, options->operator_secret_file.at[0]),
		.client_cert_pem = read_file(ctx, options->client_cert.at[0]),
		.federated_token_file = options->federated_token_file.at[0],
	};
	struct world *world;
	size_t i;

	wanted.arc_token_dir = "/var/opt/azcmagent/tokens";
	world = world_new(&wanted, doors);
	add_others(ctx, options, world);
	for (i = 0; i < options->setting_count; i++)
		set(ctx, world, options->settings[i]);
	return world;
}

static struct plane_options plane_options(struct ctx *ctx, const struct options *options, size_t i)
{
	const char *dir = options->dir.at[0];

	return (struct plane_options){
		.gateway = (unsigned)i + 1,
		.dir = i == 0 ? dir : arena_printf(ctx->arena, "%s/gateway-%zu", dir, i + 1),
		.nginx = options->nginx.at[0],
		.ip = options->gateway_ip.at[i],
		.http_port = (unsigned)strtoul(options->gateway_http_port.at[i], NULL, 10),
		.https_port = (unsigned)strtoul(options->gateway_https_port.at[i], NULL, 10),
		.ca_file = options->ca_file.at[0],
	};
}

/* What runs: ended in the reverse order. */
struct running {
	struct plane_options plane_options[MANY];
	struct dataplane *planes[MANY];
	struct server *servers[MANY + DOOR_COUNT];
	size_t plane_count, server_count;
};

static bool start(struct ctx *ctx, const struct options *options, struct world *world,
		  struct running *running)
{
	const char *cert = read_file(ctx, options->tls_cert.at[0]);
	const char *key = read_file(ctx, options->tls_key.at[0]);
	struct server_options doors[MANY + DOOR_COUNT] = {
		{DOOR_ARM, 1, options->arm.at[0], cert, key},
		{DOOR_AUTHORITY, 1, options->authority.at[0], cert, key},
		{DOOR_IMDS, 1, options->imds.at[0], NULL, NULL},
		{DOOR_ADMIN, 1, options->admin.at[0], NULL, NULL},
	};
	size_t i, count = 4;

	for (i = 0; i < options->vault.count; i++)
		doors[count++] = (struct server_options){DOOR_VAULT, (unsigned)i + 1,
							 options->vault.at[i], cert, key};
	for (i = 0; i < options->gateway_id.count; i++) {
		running->plane_options[i] = plane_options(ctx, options, i);
		running->planes[i] = dataplane_start(world, &running->plane_options[i]);
		if (!running->planes[i])
			return false;
		running->plane_count++;
	}
	for (i = 0; i < count; i++) {
		running->servers[i] = doors_open(world, ctx->doors, &doors[i]);
		if (!running->servers[i])
			return false;
		running->server_count++;
	}
	return true;
}

static int serve(struct ctx *ctx, const struct options *options, struct world *world,
		 const sigset_t *ends)
{
	struct running running = {0};
	bool is_up = start(ctx, options, world, &running);
	int signal_number = 0;

	if (is_up) {
		puts("ready");
		fflush(stdout);
		sigwait(ends, &signal_number);
	}
	while (running.server_count)
		doors_close(running.servers[--running.server_count]);
	while (running.plane_count)
		dataplane_stop(running.planes[--running.plane_count]);
	return is_up ? 0 : 1;
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
	status = serve(&ctx, &options, world, &ends);
	world_free(world);
	arena_free(ctx.arena);
	return status;
}
