#include "sim/rig.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acme/problem.h"
#include "api/gateway.h"
#include "azure/arm.h"
#include "base/log.h"
#include "base/text.h"
#include "controller/controller.h"
#include "entra/bearer.h"
#include "gateway/gateway.h"
#include "hostname/hostname.h"
#include "hostname/schedule.h"
#include "hostname/sealkey.h"
#include "http/absence.h"
#include "http/gate.h"
#include "instance/instance.h"
#include "sim/effects.h"
#include "sim/files.h"
#include "store/dirstore.h"
#include "store/journal.h"
#include "unit/scratch.h"
#include "world/dns_model.h"

#define VAULT_RESOURCE	 "https://vault.azure.net"
#define STORAGE_RESOURCE "https://storage.azure.com"
#define ARM_RESOURCE	 "https://arm.test"

struct sim_clock {
	struct clock clock;
	msec_t mono, offset;
};

/* The same moments, told by a clock that may be wrong. */
struct shifted_clock {
	struct clock clock;
	struct sim_clock *right;
	msec_t shift;
};

struct sim_rng {
	struct rng rng;
	uint64_t state;
};

/* What a start of the process makes and a death throws away. */
struct process {
	struct arena *arena;
	struct store *store;
	struct credential *credential;
	struct acme *acme;
	struct account *account;
	struct notes *notes;
	struct sealed_box *sealed;
	struct followers *followers;
	struct gate *gates[4];
	struct absence *absence; /* of the CA */
	struct hostname_world hostname;
	struct gateway_world gateway;
	struct instance_world instance;
	struct sealkey_world sealkey;
	struct controller *hostnames, *gateways, *instances, *sealkeys;
};

struct rig {
	struct arena *arena;
	struct sim_clock clock; /* the world's */
	struct shifted_clock own_clock;
	msec_t next_shift;
	unsigned shift_at; /* effect; 0: at none */
	struct sim_rng rng;
	struct doors doors;	  /* the process's */
	struct doors world_doors; /* the world's: its files are not counted */
	struct effects effects;
	struct world *world;
	struct world_options options;
	struct settings settings;
	char directory[SCRATCH_SIZE];
	struct process process;
	bool takes_imports;
	unsigned passes;
	msec_t started;
};

static msec_t sim_wall(struct clock *clock)
{
	return ((struct sim_clock *)clock)->mono + ((struct sim_clock *)clock)->offset;
}

static msec_t sim_mono(struct clock *clock)
{
	return ((struct sim_clock *)clock)->mono;
}

static msec_t own_wall(struct clock *clock)
{
	const struct shifted_clock *self = (const struct shifted_clock *)clock;

	return self->right->mono + self->right->offset + self->shift;
}

static msec_t own_mono(struct clock *clock)
{
	return ((const struct shifted_clock *)clock)->right->mono;
}

/* Of the one thread that there is. Nobody is left to signal: only the time can come. */
static void own_wait(struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *lock, msec_t until)
{
	struct sim_clock *right = ((struct shifted_clock *)clock)->right;

	(void)cond, (void)lock;
	if (right->mono < until)
		right->mono = until;
}

/* xorshift64*: the same run every time. */
static void sim_fill(struct rng *rng, void *out, size_t size)
{
	struct sim_rng *self = (struct sim_rng *)rng;
	unsigned char *bytes = out;

	for (size_t i = 0; i < size; i++) {
		self->state ^= self->state >> 12;
		self->state ^= self->state << 25;
		self->state ^= self->state >> 27;
		bytes[i] = (unsigned char)((self->state * 2685821657736338717ULL) >> 56);
	}
}

static void take_time(void *handle, msec_t time)
{
	struct rig *rig = handle;

	rig->clock.mono += time;
	if (rig->shift_at && rig->effects.count >= rig->shift_at)
		rig_shift_clock(rig, rig->next_shift);
}

static void wake_gateway_object(void *handle, const char *name)
{
	controller_wake(((struct rig *)handle)->process.gateways, name);
}

static void wake_gateway(void *handle)
{
	wake_gateway_object(handle, ((struct rig *)handle)->settings.gateway_name);
}

static void wake_hostname(void *handle, const char *hostname)
{
	controller_wake(((struct rig *)handle)->process.hostnames, hostname);
}

static void wake_instance(void *handle, const char *id)
{
	controller_wake(((struct rig *)handle)->process.instances, id);
}

static void store_changed(void *handle, enum kind kind, const char *name, enum store_side side)
{
	struct rig *rig = handle;
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, &rig->doors);
	if (kind == KIND_HOSTNAME && side == STORE_SPEC)
		wake_hostname(rig, name);
	if (kind == KIND_HOSTNAME)
		followers_wake(&ctx, rig->process.followers, name, wake_instance, rig);
	if (kind == KIND_INSTANCE && side == STORE_SPEC)
		wake_instance(rig, name);
}

static struct http *service(struct rig *rig, size_t index, const char *name, const char *origin,
			    const char *resource, bool (*is_lock)(const struct http_reply *reply))
{
	struct process *process = &rig->process;
	struct http *plain = effects_http(process->arena, &rig->effects,
					  world_http(process->arena, rig->world, false));
	struct bearer_options options = {
		.credential = process->credential,
		.authority = plain,
		.local = plain,
		.origin = origin,
		.resource = resource,
	};

	if (!resource)
		plain = absence_wrap(process->arena, process->absence, plain);
	process->gates[index] = gate_new(name);
	options.inner = gate_wrap(process->arena, process->gates[index], plain, is_lock);
	return resource ? bearer_wrap(process->arena, &options) : options.inner;
}

static void sign_in(struct rig *rig, struct ctx *ctx)
{
	struct credential_options options = {
		.tenant_id = rig->options.tenant,
		.client_id = rig->options.client_id,
		.client_secret = rig->options.client_secret,
		.authority_host = SIM_AUTHORITY,
	};
	enum err err = credential_new(ctx, &options, &rig->process.credential);

	assert(err == E_OK);
	(void)err;
}

static void compose(struct rig *rig)
{
	struct process *process = &rig->process;

	process->acme = acme_new(rig->settings.acme_endpoint);
	process->absence = absence_new("the CA", 1);
	process->account = account_new();
	process->notes = notes_new();
	process->followers = followers_new();
	process->hostname = (struct hostname_world){
		.settings = &rig->settings,
		.store = process->store,
		.notes = process->notes,
		.account = process->account,
		.acme = process->acme,
		.sealed = process->sealed,
		.dns = dns_model_new(process->arena, rig->world),
		.acme_http = service(rig, 0, "the CA", SIM_ACME, NULL, acme_is_limit_of_names),
		.probe = effects_http(process->arena, &rig->effects,
				      world_http(process->arena, rig->world, false)),
		.vault = {service(rig, 1, "Key Vault", SIM_VAULT, VAULT_RESOURCE, NULL), SIM_VAULT},
		.blobs = {service(rig, 2, "Blob Storage", SIM_BLOB, STORAGE_RESOURCE, NULL),
			  rig->options.blob_container_url},
		.wake_gateway = wake_gateway,
		.handle = rig,
	};
	process->gateway = (struct gateway_world){
		.settings = &rig->settings,
		.store = process->store,
		.gateway = {service(rig, 3, "Azure Resource Manager", SIM_ARM, ARM_RESOURCE,
				    arm_reply_is_lock),
			    SIM_ARM, rig->options.gateway_id, "2025-05-01"},
		.wake_hostname = wake_hostname,
		.handle = rig,
	};
	process->instance = (struct instance_world){.settings = &rig->settings,
						    .store = process->store,
						    .followers = process->followers};
	process->sealkey = (struct sealkey_world){process->hostname.vault, process->sealed,
						  process->store};
}

static struct controller *make_controller(struct rig *rig, const char *name,
					  reconcile_fn *reconcile, void *world)
{
	const struct controller_options options = {
		.name = name,
		.reconcile = reconcile,
		.handle = world,
		.backoff_max = 5 * MSEC_PER_MIN,
		.doors = &rig->doors,
	};

	return controller_new(&options);
}

static void wake_kind(struct ctx *ctx, struct rig *rig, enum kind kind,
		      void (*wake)(void *handle, const char *name))
{
	const void **objects;
	size_t count;

	store_list(ctx, rig->process.store, kind, &objects, &count);
	for (size_t i = 0; i < count; i++)
		wake(rig, ((const struct meta *)objects[i])->name);
	store_list_withdrawn(ctx, rig->process.store, kind, &objects, &count);
	for (size_t i = 0; i < count; i++)
		wake(rig, ((const struct meta *)objects[i])->name);
}

static void wake_all(struct ctx *ctx, struct rig *rig)
{
	wake_kind(ctx, rig, KIND_GATEWAY, wake_gateway_object);
	wake_kind(ctx, rig, KIND_HOSTNAME, wake_hostname);
	wake_kind(ctx, rig, KIND_INSTANCE, wake_instance);
	if (rig->takes_imports)
		controller_wake(rig->process.sealkeys, SEAL_KEY_NAME);
}

static void start(struct rig *rig)
{
	struct process *process = &rig->process;
	cleanup_ctx struct ctx ctx;
	msec_t pause;
	enum err err;

	ctx_init(&ctx, &rig->doors);
	*process = (struct process){.arena = arena_new()};
	err = dirstore_open(&ctx, rig->directory, &process->store);
	assert(err == E_OK);
	store_on_change(process->store, store_changed, rig);
	err = sealed_box_open(&ctx, rig->directory, &process->sealed);
	assert(err == E_OK);
	sign_in(rig, &ctx);
	compose(rig);
	process->hostnames = make_controller(rig, "hostname", hostname_reconcile,
					     &process->hostname);
	process->gateways = make_controller(rig, "gateway", gateway_reconcile, &process->gateway);
	process->instances = make_controller(rig, "instance", instance_reconcile,
					     &process->instance);
	process->sealkeys = make_controller(rig, "sealkey", sealkey_reconcile, &process->sealkey);
	err = gateway_declare(&ctx, process->store, rig->settings.gateway_name,
			      rig->options.gateway_id);
	(void)err; /* dies or fails as any other write: the next start does it again */
	err = schedule_ca_pause(&ctx, process->store, &rig->settings, &pause);
	assert(err == E_OK);
	gate_shut(process->gates[0], &ctx, pause);
	wake_all(&ctx, rig);
}

static void stop(struct rig *rig)
{
	struct process *process = &rig->process;

	controller_free(process->hostnames);
	controller_free(process->gateways);
	controller_free(process->instances);
	controller_free(process->sealkeys);
	for (size_t i = 0; i < ARRAY_SIZE(process->gates); i++)
		gate_free(process->gates[i]);
	absence_free(process->absence);
	notes_free(process->notes);
	followers_free(process->followers);
	account_free(process->account);
	acme_free(process->acme);
	credential_free(process->credential);
	sealed_box_close(process->sealed);
	dirstore_close(process->store);
	arena_free(process->arena);
}

static struct settings settings_of(const struct world_options *options)
{
	return (struct settings){
		.gateway_name = strrchr(options->gateway_id, '/') + 1,
		.backend_pool = "appgw-backend",
		.http_settings = "appgw-http-settings",
		.acme_endpoint = SIM_ACME "/directory",
		.acme_email = "ops@example.com",
		.blob_host = "blob.test",
		.key_type = KEY_TYPE_RSA_2048,
		.gateway_http_port = 80,
		.gateway_https_port = 443,
		.gather = 2 * MSEC_PER_MIN,
		.instance_timeout = MSEC_PER_HOUR,
		.instance_retention = 30 * MSEC_PER_DAY,
		.instances_kept = 1000,
	};
}

struct rig *rig_new(void)
{
	struct arena *arena = arena_new();
	struct rig *rig = arena_new_one(arena, struct rig);

	log_open(LOG_LEVEL_ERROR);
	rig->arena = arena;
	rig->clock = (struct sim_clock){
		{sim_wall, sim_mono, NULL}, MSEC_PER_HOUR, 1790000000 * MSEC_PER_SEC};
	rig->rng = (struct sim_rng){{sim_fill}, 88172645463325252ULL};
	rig->started = rig->clock.mono;
	rig->effects.took_time = take_time;
	rig->effects.handle = rig;
	rig->world_doors = (struct doors){&rig->clock.clock, &rig->rng.rng, fs_system(), NULL};
	rig->own_clock = (struct shifted_clock){{own_wall, own_mono, own_wait}, &rig->clock, 0};
	rig->doors = rig->world_doors;
	rig->doors.clock = &rig->own_clock.clock;
	rig->doors.fs = effects_fs(arena, &rig->effects, fs_system());
	rig->effects.wire = (struct sim_wire){.takes_time = take_time, .handle = rig};
	rig->options = sim_options();
	rig->options.wire = &rig->effects.wire;
	rig->options.reuse_keys = true;
	rig->settings = settings_of(&rig->options);
	rig->world = world_new(&rig->options, &rig->world_doors);
	if (!mkdtemp(scratch_template(rig->directory, scratch_memory(), "sim")))
		abort();
	start(rig);
	return rig;
}

void rig_free(struct rig *rig)
{
	stop(rig);
	world_free(rig->world);
	files_remove(rig->directory);
	arena_free(rig->arena);
}

struct effects *rig_troubles(struct rig *rig)
{
	return &rig->effects;
}

void rig_shift_clock(struct rig *rig, msec_t shift)
{
	rig->own_clock.shift = shift;
	rig->shift_at = 0;
}

void rig_shift_clock_at(struct rig *rig, msec_t shift, unsigned effect)
{
	rig->next_shift = shift;
	rig->shift_at = rig->effects.count + effect;
}

void rig_look_at_all(struct rig *rig)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, &rig->doors);
	wake_all(&ctx, rig);
}

void rig_built(struct rig *rig, msec_t wall)
{
	rig->settings.built = wall;
}

void rig_restart(struct rig *rig)
{
	stop(rig);
	rig->effects.is_dead = false;
	start(rig);
}

void rig_use_gateway(struct rig *rig, const char *id)
{
	rig->options.gateway_id = arena_strdup(rig->arena, id);
	rig->settings.gateway_name = strrchr(rig->options.gateway_id, '/') + 1;
	rig_restart(rig);
}

void rig_forget_state(struct rig *rig)
{
	stop(rig);
	files_remove(rig->directory);
	if (mkdir(rig->directory, 0700) != 0)
		abort();
	start(rig);
}

/* What people do is not part of the process: it happens in any case. */
static void change(struct rig *rig, const char *name,
		   void (*how)(struct ctx *ctx, struct rig *rig, const char *name))
{
	struct effects effects = rig->effects;
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, &rig->doors);
	rig->effects = (struct effects){0};
	how(&ctx, rig, name);
	rig->effects = effects;
}

static void put_spec(struct ctx *ctx, struct rig *rig, const char *name, enum key_type key_type)
{
	struct hostname hostname = {.meta = {.name = name}, .spec = {.key_type = (int)key_type}};
	enum err err = store_put_spec(ctx, rig->process.store, KIND_HOSTNAME, &hostname);

	assert(err == E_OK);
	(void)err;
}

static void desire(struct ctx *ctx, struct rig *rig, const char *name)
{
	put_spec(ctx, rig, name, KEY_TYPE_DEFAULT);
}

static void desire_rsa(struct ctx *ctx, struct rig *rig, const char *name)
{
	put_spec(ctx, rig, name, KEY_TYPE_RSA_2048);
}

static void desire_ec(struct ctx *ctx, struct rig *rig, const char *name)
{
	put_spec(ctx, rig, name, KEY_TYPE_EC_P256);
}

static void withdraw(struct ctx *ctx, struct rig *rig, const char *name)
{
	enum err err = store_withdraw(ctx, rig->process.store, KIND_HOSTNAME, name);

	assert(err == E_OK);
	(void)err;
}

static void request(struct ctx *ctx, struct rig *rig, const char *name)
{
	struct hostname hostname = *rig_hostname(ctx, rig, name);
	enum err err;

	hostname.requested = ctx_wall(ctx);
	err = store_put_spec(ctx, rig->process.store, KIND_HOSTNAME, &hostname);
	assert(err == E_OK);
	(void)err;
}

void rig_desire(struct rig *rig, const char *hostname)
{
	change(rig, hostname, desire);
}

void rig_desire_key(struct rig *rig, const char *hostname, enum key_type key_type)
{
	static void (*const how[])(struct ctx * ctx, struct rig * rig, const char *name) = {
		[KEY_TYPE_DEFAULT] = desire,
		[KEY_TYPE_RSA_2048] = desire_rsa,
		[KEY_TYPE_EC_P256] = desire_ec,
	};

	change(rig, hostname, how[key_type]);
}

void rig_withdraw(struct rig *rig, const char *hostname)
{
	change(rig, hostname, withdraw);
}

void rig_request(struct rig *rig, const char *hostname)
{
	change(rig, hostname, request);
}

bool rig_is_settled(struct rig *rig)
{
	cleanup_ctx struct ctx ctx;
	const void **objects;
	size_t count, withdrawn;

	ctx_init(&ctx, &rig->doors);
	store_list_withdrawn(&ctx, rig->process.store, KIND_HOSTNAME, &objects, &withdrawn);
	store_list(&ctx, rig->process.store, KIND_HOSTNAME, &objects, &count);
	for (size_t i = 0; i < count; i++) {
		const struct hostname_status *status =
			&((const struct hostname *)objects[i])->status;

		if (!condition_is_true(&status->conditions, CONDITION_READY) ||
		    !text_equals(status->step, step_info(STEP_COMPLETED)->name))
			return false;
	}
	return !withdrawn;
}

/* One pass of whoever is due; else the clock moves on, at most to `until`. False when there is
 * nothing left before it. */
/* As the loop does between the turns of others: one slice of what was accepted. */
static void settle_on(struct rig *rig)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, &rig->doors);
	journal_settle_on(&ctx, rig->process.store, rig->clock.mono);
}

static bool step(struct rig *rig, msec_t until)
{
	struct controller *controllers[] = {rig->process.hostnames, rig->process.gateways,
					    rig->process.instances, rig->process.sealkeys};
	msec_t next = MSEC_NEVER, due;

	settle_on(rig);
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (controller_step(controllers[i], &due)) {
			rig->passes++;
			if (rig->effects.is_dead)
				rig_restart(rig);
			world_tick(rig->world);
			return true;
		}
		next = due < next ? due : next;
	}
	if (next == MSEC_NEVER || next > until)
		return false;
	if (next > rig->clock.mono)
		rig->clock.mono = next;
	world_tick(rig->world);
	return true;
}

bool rig_run_until(struct rig *rig, bool (*is_done)(void *handle), void *handle,
		   struct budget budget)
{
	msec_t until = rig->clock.mono + budget.time;
	unsigned passes = rig->passes + budget.passes;

	while (!is_done(handle))
		if (rig->passes >= passes || !step(rig, until))
			return false;
	return true;
}

static bool is_settled(void *handle)
{
	return rig_is_settled(handle);
}

bool rig_run(struct rig *rig, struct budget budget)
{
	return rig_run_until(rig, is_settled, rig, budget);
}

void rig_pass_time(struct rig *rig, msec_t time)
{
	msec_t until = rig->clock.mono + time;

	while (rig->clock.mono < until && step(rig, until))
		;
	if (rig->clock.mono < until)
		rig->clock.mono = until;
	world_tick(rig->world);
}

void rig_take_imports(struct rig *rig)
{
	rig->takes_imports = true;
	controller_wake(rig->process.sealkeys, SEAL_KEY_NAME);
}

void rig_look_at_gateway(struct rig *rig)
{
	wake_gateway(rig);
}

bool rig_is_dead(const struct rig *rig)
{
	return rig->effects.is_dead;
}

struct store *rig_store(struct rig *rig)
{
	return rig->process.store;
}

struct sealed_box *rig_sealed(struct rig *rig)
{
	return rig->process.sealed;
}

struct world *rig_world(struct rig *rig)
{
	return rig->world;
}

const char *rig_directory(const struct rig *rig)
{
	return rig->directory;
}

const struct doors *rig_doors(struct rig *rig)
{
	return &rig->doors;
}

unsigned rig_effects(const struct rig *rig)
{
	return rig->effects.count;
}

unsigned rig_writes(const struct rig *rig)
{
	return rig->effects.writes;
}

unsigned rig_passes(const struct rig *rig)
{
	return rig->passes;
}

msec_t rig_time(const struct rig *rig)
{
	return rig->clock.mono - rig->started;
}

const char *rig_gateway_name(const struct rig *rig)
{
	return rig->settings.gateway_name;
}
