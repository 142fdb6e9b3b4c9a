#include "wire.h"

#include <stdlib.h>
#include <string.h>

#include "acme/acme.h"
#include "acme/problem.h"
#include "api/instance.h"
#include "azure/appgateway.h"
#include "azure/arm.h"
#include "azure/blob.h"
#include "azure/keyvault.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"
#include "controller/controller.h"
#include "dns/dns.h"
#include "entra/bearer.h"
#include "gateway/gateway.h"
#include "hostname/hostname.h"
#include "hostname/schedule.h"
#include "hostname/sealkey.h"
#include "http/absence.h"
#include "http/curl.h"
#include "http/gate.h"
#include "http/probe.h"
#include "http/url.h"
#include "instance/instance.h"

#define GATEWAY_API_VERSION "2025-05-01"
#define BACKOFF_MAX	    (5 * MSEC_PER_MIN) /* of Azure and DNS; the CA's faults name their own */
#define DNS_TIMEOUT	    (5 * MSEC_PER_SEC)
#define WAKE_AT_ONCE	    100 /* at start; what is more is spread: a restart is no event */
#define WAKE_SPREAD	    MSEC_PER_MIN

struct engine {
	/* immutable after new */
	const struct config *config;
	struct store *store;
	struct sealed_box *sealed;
	struct arena *arena;
	struct doors doors;
	struct settings settings;
	const char *gateway_id, *arm_origin, *vault_origin, *blob_origin;
	/* shared by the workers, each with a lock of its own */
	struct credential *credential;
	struct acme *acme;
	struct account *account;
	struct notes *notes;
	struct followers *followers;
	struct gate *acme_gate, *arm_gate, *vault_gate, *blob_gate;
	struct absence *acme_absence;
	struct probe *certificates_probe, *account_key_probe, *blob_probe;
	struct controller *hostnames, *gateways, *instances, *sealkeys;
};

/* What one worker owns: its connections, and the world made of them. */
struct worker {
	struct arena *arena;
	struct engine *engine;
	struct http *curl;  /* verified https */
	struct http *local; /* IMDS and the self-check: never through a proxy */
	struct dns *dns;
	union {
		struct hostname_world hostname;
		struct gateway_world gateway;
		struct sealkey_world sealkey;
	} world;
};

static void wake_gateway(void *handle)
{
	struct engine *engine = handle;

	controller_wake(engine->gateways, engine->settings.gateway_name);
}

static void wake_hostname(void *handle, const char *hostname)
{
	controller_wake(((struct engine *)handle)->hostnames, hostname);
}

static void wake_instance(void *handle, const char *instance)
{
	controller_wake(((struct engine *)handle)->instances, instance);
}

static struct worker *worker_new(struct engine *engine)
{
	const struct config *config = engine->config;
	struct arena *arena = arena_new();
	struct worker *worker = arena_new_one(arena, struct worker);
	struct curl_options options = {
		.ca_file = config->ca_file,
		.user_agent = "gatecert/" GATECERT_VERSION,
		.timeout = config->request_timeout_seconds * MSEC_PER_SEC,
	};

	worker->arena = arena;
	worker->engine = engine;
	worker->curl = curl_new(&options);
	options.no_proxy = true;
	worker->local = curl_new(&options);
	return worker;
}

static void worker_free(void *handle)
{
	struct worker *worker = handle;
	struct arena *arena = worker->arena;

	dns_free(worker->dns);
	curl_close(worker->curl);
	curl_close(worker->local);
	arena_free(arena);
}

/* Bearer over gate over curl: a shut gate costs no token, a refused token no second trip through
 * the gate. */
static struct http *azure_service(struct worker *worker, struct gate *gate, const char *origin,
				  const char *resource,
				  bool (*is_lock)(const struct http_reply *reply))
{
	struct engine *engine = worker->engine;
	const struct bearer_options options = {
		.credential = engine->credential,
		.inner = gate_wrap(worker->arena, gate, worker->curl, is_lock),
		.authority = worker->curl,
		.local = worker->local,
		.origin = origin,
		.resource = resource,
		.check_challenge_resource = gate == engine->vault_gate &&
					    engine->config->vault_challenge_resource_check,
	};

	return bearer_wrap(worker->arena, &options);
}

/* Around the bearer: a token that was only too old is nobody's refusal. */
static struct http *vault_service(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct http *http = azure_service(worker, engine->vault_gate, engine->vault_origin,
					  engine->config->cloud->vault_resource, NULL);

	http = probe_wrap(worker->arena, engine->account_key_probe, http);
	return probe_wrap(worker->arena, engine->certificates_probe, http);
}

static struct http *blob_service(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct http *http = azure_service(worker, engine->blob_gate, engine->blob_origin,
					  engine->config->cloud->storage_resource, NULL);

	return probe_wrap(worker->arena, engine->blob_probe, http);
}

/* A shut gate keeps no place from anybody. */
static struct http *acme_service(struct worker *worker)
{
	struct engine *engine = worker->engine;
	struct http *http = absence_wrap(worker->arena, engine->acme_absence, worker->curl);

	return gate_wrap(worker->arena, engine->acme_gate, http, acme_is_limit_of_names);
}

static void *hostname_worker_new(void *handle, size_t index)
{
	struct engine *engine = handle;
	const struct config *config = engine->config;
	struct worker *worker = worker_new(engine);

	(void)index;
	worker->dns = dns_new(config->dns_servers.items, config->dns_servers.count, DNS_TIMEOUT);
	worker->world.hostname = (struct hostname_world){
		.settings = &engine->settings,
		.store = engine->store,
		.notes = engine->notes,
		.account = engine->account,
		.acme = engine->acme,
		.sealed = engine->sealed,
		.dns = worker->dns,
		.acme_http = acme_service(worker),
		.probe = worker->local,
		.vault = {vault_service(worker), config->key_vault_base_url},
		.blobs = {blob_service(worker), config->blob_container_url},
		.wake_gateway = wake_gateway,
		.handle = engine,
	};
	return worker;
}

static enum err hostname_pass(struct ctx *ctx, void *handle, const char *key, msec_t *again)
{
	return hostname_reconcile(ctx, &((struct worker *)handle)->world.hostname, key, again);
}

static void *gateway_worker_new(void *handle, size_t index)
{
	struct engine *engine = handle;
	struct worker *worker = worker_new(engine);

	(void)index;
	worker->world.gateway = (struct gateway_world){
		.settings = &engine->settings,
		.store = engine->store,
		.gateway = {azure_service(worker, engine->arm_gate, engine->arm_origin,
					  engine->config->cloud->arm_endpoint, arm_reply_is_lock),
			    engine->config->arm_endpoint, engine->gateway_id, GATEWAY_API_VERSION},
		.wake_hostname = wake_hostname,
		.handle = engine,
	};
	return worker;
}

static enum err gateway_pass(struct ctx *ctx, void *handle, const char *key, msec_t *again)
{
	return gateway_reconcile(ctx, &((struct worker *)handle)->world.gateway, key, again);
}

static void *sealkey_worker_new(void *handle, size_t index)
{
	struct engine *engine = handle;
	struct worker *worker = worker_new(engine);

	(void)index;
	worker->world.sealkey = (struct sealkey_world){
		.vault = {vault_service(worker), engine->config->key_vault_base_url},
		.sealed = engine->sealed,
		.store = engine->store,
	};
	return worker;
}

static enum err sealkey_pass(struct ctx *ctx, void *handle, const char *key, msec_t *again)
{
	return sealkey_reconcile(ctx, &((struct worker *)handle)->world.sealkey, key, again);
}

static void *instance_worker_new(void *handle, size_t index)
{
	struct engine *engine = handle;
	struct instance_world *world = heap_calloc(1, sizeof(*world));

	(void)index;
	*world = (struct instance_world){.settings = &engine->settings,
					 .store = engine->store,
					 .followers = engine->followers};
	return world;
}

static struct settings settings_of(struct ctx *ctx, struct arena *arena,
				   const struct config *config)
{
	struct url blob = {0};

	url_parse(ctx, config->blob_container_url, &blob);
	fault_clear(ctx);
	return (struct settings){
		.gateway_name = config->gateway_name,
		.backend_pool = config->backend_name,
		.http_settings = config->http_settings_name,
		.acme_endpoint = config->acme_endpoint,
		.acme_email = config->acme_account_email,
		.account_key_file = config->acme_account_key_file,
		.blob_host = arena_strdup(arena, blob.host),
		.key_type = config->key_type,
		.self_check = (enum self_check)config->self_check,
		.gateway_http_port = (unsigned)config->gateway_http_port,
		.gateway_https_port = (unsigned)config->gateway_https_port,
		.gather = config->gateway_gather_seconds * MSEC_PER_SEC,
		.instance_timeout = config->instance_timeout_seconds * MSEC_PER_SEC,
		.instance_retention = config->instance_retention_hours * MSEC_PER_HOUR,
		.instances_kept = (size_t)config->instance_retention_count,
		.built = (msec_t)GATECERT_BUILT * MSEC_PER_SEC,
	};
}

static enum err origin_of(struct ctx *ctx, struct arena *arena, const char *text,
			  const char **origin)
{
	struct url url;

	TRY(url_parse(ctx, text, &url));
	*origin = arena_strdup(arena, url_origin(ctx, &url));
	return E_OK;
}

static void make_controllers(struct engine *engine)
{
	const struct controller_options options[] = {
		{.name = "hostname",
		 .reconcile = hostname_pass,
		 .worker_new = hostname_worker_new,
		 .worker_free = worker_free,
		 .workers = (size_t)engine->config->workers,
		 .backoff_max = BACKOFF_MAX},
		{.name = "gateway",
		 .reconcile = gateway_pass,
		 .worker_new = gateway_worker_new,
		 .worker_free = worker_free,
		 .workers = 1,
		 .backoff_max = BACKOFF_MAX},
		{.name = "instance",
		 .reconcile = instance_reconcile,
		 .worker_new = instance_worker_new,
		 .worker_free = free,
		 .workers = 1,
		 .backoff_max = MSEC_PER_MIN},
		{.name = "sealkey",
		 .reconcile = sealkey_pass,
		 .worker_new = sealkey_worker_new,
		 .worker_free = worker_free,
		 .workers = 1,
		 .backoff_max = BACKOFF_MAX},
	};
	struct controller **made[] = {&engine->hostnames, &engine->gateways, &engine->instances,
				      &engine->sealkeys};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct controller_options one = options[i];

		one.handle = engine;
		one.doors = &engine->doors;
		*made[i] = controller_new(&one);
	}
}

/* Each certificate and blob can have grants of its own; the account's key is one thing for all. */
static void make_probes(struct engine *engine)
{
	const struct {
		struct probe **probe;
		const char *base, *rest;
		unsigned objects;
	} scopes[] = {
		{&engine->certificates_probe, engine->config->key_vault_base_url, "/certificates/",
		 2},
		{&engine->account_key_probe, engine->config->key_vault_base_url,
		 "/keys/" ACCOUNT_KEY_NAME, 1},
		{&engine->blob_probe, engine->config->blob_container_url,
		 "/.well-known/acme-challenge/", 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
		const struct probe_options options = {
			arena_printf(engine->arena, "%s%s", scopes[i].base, scopes[i].rest),
			scopes[i].objects,
		};

		*scopes[i].probe = probe_new(&options);
	}
}

/* Some workers are always left for those who need nothing from the CA. */
static unsigned acme_places(const struct config *config)
{
	int64_t left = config->workers >= 8 ? config->workers / 4 : 1;

	return config->workers > left ? (unsigned)(config->workers - left) : 1;
}

static enum err compose(struct ctx *ctx, struct engine *engine)
{
	const struct config *config = engine->config;

	TRY(origin_of(ctx, engine->arena, config->arm_endpoint, &engine->arm_origin));
	TRY(origin_of(ctx, engine->arena, config->key_vault_base_url, &engine->vault_origin));
	TRY(origin_of(ctx, engine->arena, config->blob_container_url, &engine->blob_origin));
	TRY(credential_new(ctx, &engine->config->credential, &engine->credential));
	engine->gateway_id =
		arena_printf(engine->arena,
			     "/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Network/"
			     "applicationGateways/%s",
			     config->subscription_id, config->resource_group, config->gateway_name);
	engine->settings = settings_of(ctx, engine->arena, config);
	engine->acme = acme_new(config->acme_endpoint);
	engine->account = account_new();
	engine->notes = notes_new();
	engine->followers = followers_new();
	engine->acme_gate = gate_new("the CA");
	engine->acme_absence = absence_new("the CA", acme_places(config));
	engine->arm_gate = gate_new("Azure Resource Manager");
	engine->vault_gate = gate_new("Key Vault");
	engine->blob_gate = gate_new("Blob Storage");
	make_probes(engine);
	make_controllers(engine);
	return E_OK;
}

static void free_engine(struct engine *engine)
{
	controller_free(engine->hostnames);
	controller_free(engine->gateways);
	controller_free(engine->instances);
	controller_free(engine->sealkeys);
	gate_free(engine->acme_gate);
	absence_free(engine->acme_absence);
	gate_free(engine->arm_gate);
	gate_free(engine->vault_gate);
	gate_free(engine->blob_gate);
	probe_free(engine->certificates_probe);
	probe_free(engine->account_key_probe);
	probe_free(engine->blob_probe);
	followers_free(engine->followers);
	notes_free(engine->notes);
	account_free(engine->account);
	acme_free(engine->acme);
	credential_free(engine->credential);
	cancel_free(engine->doors.cancel);
	arena_free(engine->arena);
	free(engine);
}

enum err engine_new(struct ctx *ctx, const struct config *config, struct store *store,
		    struct sealed_box *sealed, struct engine **out)
{
	struct engine *engine = heap_calloc(1, sizeof(*engine));
	enum err err;

	engine->config = config;
	engine->store = store;
	engine->sealed = sealed;
	engine->arena = arena_new();
	engine->doors = *ctx->doors;
	engine->doors.cancel = cancel_new();
	err = compose(ctx, engine);
	if (err == E_OK)
		err = gateway_declare(ctx, store, engine->settings.gateway_name,
				      engine->gateway_id);
	if (err != E_OK) {
		free_engine(engine);
		return err;
	}
	*out = engine;
	return E_OK;
}

static void wake_each(struct ctx *ctx, struct controller *controller, const void **objects,
		      size_t count)
{
	for (size_t i = 0; i < count; i++)
		controller_wake_after(
			controller, ((const struct meta *)objects[i])->name,
			count <= WAKE_AT_ONCE ? 0 : rng_between(ctx->doors->rng, 0, WAKE_SPREAD));
}

static void wake_all(struct ctx *ctx, struct engine *engine, enum kind kind,
		     struct controller *controller)
{
	const void **objects;
	size_t count;

	if (store_list(ctx, engine->store, kind, &objects, &count) == E_OK)
		wake_each(ctx, controller, objects, count);
	if (store_list_withdrawn(ctx, engine->store, kind, &objects, &count) == E_OK)
		wake_each(ctx, controller, objects, count);
}

/* What the CA asked of everybody outlives the process. */
static void shut_ca_gate(struct ctx *ctx, struct engine *engine)
{
	msec_t left;

	if (schedule_ca_pause(ctx, engine->store, &engine->settings, &left) == E_OK)
		gate_shut(engine->acme_gate, ctx, left);
}

void engine_look_at_all(struct ctx *ctx, struct engine *engine)
{
	wake_all(ctx, engine, KIND_GATEWAY, engine->gateways);
	wake_all(ctx, engine, KIND_HOSTNAME, engine->hostnames);
	wake_all(ctx, engine, KIND_INSTANCE, engine->instances);
	controller_wake(engine->sealkeys, SEAL_KEY_NAME);
}

void engine_start(struct ctx *ctx, struct engine *engine)
{
	shut_ca_gate(ctx, engine);
	engine_look_at_all(ctx, engine);
	controller_start(engine->instances);
	controller_start(engine->sealkeys);
	controller_start(engine->gateways);
	controller_start(engine->hostnames);
}

static void stop_controllers(struct engine *engine)
{
	controller_stop(engine->hostnames);
	controller_stop(engine->gateways);
	controller_stop(engine->instances);
	controller_stop(engine->sealkeys);
}

void engine_finish(struct engine *engine)
{
	cancel_request_soon(engine->doors.cancel);
	stop_controllers(engine);
}

void engine_hurry(struct engine *engine)
{
	cancel_request(engine->doors.cancel);
}

void engine_stop(struct engine *engine)
{
	if (!engine)
		return;
	engine_hurry(engine);
	stop_controllers(engine);
	free_engine(engine);
}

/* News of a hostname reaches the requests that follow it; a reconciler is not woken by what it
 * wrote itself. */
static void hostname_changed(struct engine *engine, const char *name, enum store_side side)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, &engine->doors);
	if (side == STORE_SPEC)
		controller_wake(engine->hostnames, name);
	followers_wake(&ctx, engine->followers, name, wake_instance, engine);
}

void engine_changed(struct engine *engine, enum kind kind, const char *name, enum store_side side)
{
	switch (kind) {
	case KIND_HOSTNAME: hostname_changed(engine, name, side); break;
	case KIND_INSTANCE:
		if (side == STORE_SPEC)
			controller_wake(engine->instances, name);
		break;
	case KIND_GATEWAY: break;
	}
}

struct engine_activity engine_activity(struct engine *engine)
{
	struct controller *all[] = {engine->hostnames, engine->gateways, engine->instances,
				    engine->sealkeys};
	struct engine_activity sum = {0};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct controller_activity one = controller_activity(all[i]);

		sum.passes += one.passes;
		sum.queued += one.queued;
		sum.running += one.running;
		if (one.longest_running > sum.longest_running)
			sum.longest_running = one.longest_running;
	}
	return sum;
}
