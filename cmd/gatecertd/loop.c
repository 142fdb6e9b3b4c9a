#include "loop.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "api/hostname.h"
#include "base/fatal.h"
#include "base/log.h"
#include "base/text.h"
#include "clockwatch.h"
#include "handover.h"
#include "notify.h"
#include "patience.h"
#include "reload.h"
#include "server/server.h"
#include "store/dirstore.h"
#include "wire.h"

#define STATUS_INTERVAL MSEC_PER_SEC
#define CLOCK_INTERVAL	MSEC_PER_MIN
#define HANDOVER_STUCK	MSEC_PER_MIN /* far beyond CURL_LAST_ANSWER_MSEC */
#define ASKING_MSEC	((msec_t)5)
#define PASS_STUCK	(30 * MSEC_PER_MIN) /* far beyond any pass: every call in it has a deadline */

struct daemon {
	const struct doors *doors;
	const char *config_path;
	struct config *config;
	struct store *store;
	struct sealed_box *sealed;
	struct specdir *specdir;
	struct server *server;
	_Atomic(struct engine *) engine; /* NULL: between two */
	struct handover handover;	 /* from one to the next, which are these: */
	struct engine *next_engine;
	struct config *next_config;
	bool is_reload_due;  /* it was asked for meanwhile */
	msec_t reload_began; /* mono */
	sd_event *event;
	sd_event_source *scan_timer, *server_timer, *status_timer, *watchdog_timer, *asking_timer;
	char asked[256]; /* the last refused hostname that became due, in the order of names */
	int news;	 /* eventfd: something in the store changed */
	struct clockwatch clockwatch;
};

static void must(int result)
{
	if (result < 0)
		fatal("the event loop cannot go on", strerror(-result));
}

static void arm(struct daemon *daemon, sd_event_source *timer, msec_t wait)
{
	uint64_t now;

	if (wait < 0 || wait == MSEC_NEVER) {
		must(sd_event_source_set_enabled(timer, SD_EVENT_OFF));
		return;
	}
	must(sd_event_now(daemon->event, CLOCK_MONOTONIC, &now));
	must(sd_event_source_set_time(timer, now + (uint64_t)wait * 1000));
	must(sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT));
}

static void store_changed(void *handle, enum kind kind, const char *name, enum store_side side)
{
	struct daemon *daemon = handle;
	struct engine *engine = atomic_load(&daemon->engine);
	uint64_t one = 1;

	if (engine)
		engine_changed(engine, kind, name, side);
	if (write(daemon->news, &one, sizeof(one)) < 0)
		return; /* the counter is full: the loop will look anyway */
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *handle)
{
	struct daemon *daemon = handle;
	uint64_t count;
	int enabled;

	(void)source, (void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return 0;
	must(sd_event_source_get_enabled(daemon->status_timer, &enabled));
	if (enabled == SD_EVENT_OFF)
		arm(daemon, daemon->status_timer, STATUS_INTERVAL);
	return 0;
}

static int on_status(sd_event_source *source, uint64_t usec, void *handle)
{
	struct daemon *daemon = handle;
	cleanup_ctx struct ctx ctx;

	(void)source, (void)usec;
	ctx_init(&ctx, daemon->doors);
	notify_status(&ctx, daemon->store);
	return 0;
}

static int on_server_timer(sd_event_source *source, uint64_t usec, void *handle)
{
	struct daemon *daemon = handle;

	(void)source, (void)usec;
	arm(daemon, daemon->server_timer, server_run(daemon->server));
	return 0;
}

static int on_server(sd_event_source *source, int fd, uint32_t events, void *handle)
{
	(void)fd, (void)events;
	return on_server_timer(source, 0, handle);
}

/* How long until the next one is due; 0: there is more to apply at once. */
static msec_t scan(struct daemon *daemon)
{
	cleanup_ctx struct ctx ctx;
	msec_t next = MSEC_PER_MIN;

	ctx_init(&ctx, daemon->doors);
	ctx.controller = "specdir";
	if (specdir_scan(&ctx, daemon->specdir, &next) != E_OK)
		log_warn(&ctx, "spec directory not read", "text", ctx.fault.text, NULL);
	return next;
}

static int on_scan(sd_event_source *source, uint64_t usec, void *handle)
{
	struct daemon *daemon = handle;

	(void)source, (void)usec;
	arm(daemon, daemon->scan_timer, scan(daemon));
	return 0;
}

static int on_specdir(sd_event_source *source, int fd, uint32_t events, void *handle)
{
	struct daemon *daemon = handle;
	cleanup_ctx struct ctx ctx;
	msec_t wait;

	(void)source, (void)fd, (void)events;
	ctx_init(&ctx, daemon->doors);
	wait = specdir_drain(&ctx, daemon->specdir);
	if (wait >= 0)
		arm(daemon, daemon->scan_timer, wait);
	return 0;
}

/* What does not make progress, or NULL. */
static const char *stuck(const struct daemon *daemon)
{
	struct engine *engine = atomic_load(&daemon->engine);
	struct clock *clock = daemon->doors->clock;

	if (engine)
		return engine_activity(engine).longest_running < PASS_STUCK
			       ? NULL
			       : "a worker does not come back from its pass";
	return clock->mono(clock) - daemon->handover.began < HANDOVER_STUCK
		       ? NULL
		       : "the engine of the old configuration does not stop";
}

/* Fed by progress: what is stuck lets the daemon be restarted. */
static int on_watchdog(sd_event_source *source, uint64_t usec, void *handle)
{
	struct daemon *daemon = handle;
	const char *what = stuck(daemon);
	cleanup_ctx struct ctx ctx;

	(void)source, (void)usec;
	ctx_init(&ctx, daemon->doors);
	if (what)
		log_error(&ctx, "the watchdog is not fed", "why", what, NULL);
	else
		notify_watchdog();
	arm(daemon, daemon->watchdog_timer, notify_watchdog_interval());
	return 0;
}

/* What is due by the new time is found by looking. */
static void clock_was_set(void *handle, msec_t by)
{
	struct daemon *daemon = handle;
	struct engine *engine = atomic_load(&daemon->engine);
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, daemon->doors);
	log_warn(&ctx, "the clock was set, looking at everything", "by_seconds",
		 arena_printf(ctx.arena, "%lld", (long long)(by / MSEC_PER_SEC)), NULL);
	if (engine)
		engine_look_at_all(&ctx, engine);
}

static struct server_options server_options(const struct daemon *daemon,
					    const struct config *config)
{
	return (struct server_options){
		.listen = config->listen,
		.tls = config->tls,
		.unix_socket = config->socket_path,
		.is_socket_optional = config->is_socket_implied,
		.public_base_url = config->public_base_url,
		.task_hub = config->task_hub,
		.api_keys = config->api_keys.items,
		.api_key_count = config->api_keys.count,
		.allow_anonymous_start = config->allow_anonymous_start,
		.hostname_flags = config->hostname_flags,
		.requests_per_second = config->requests_per_second,
		.trusted_proxies = config->trusted_proxies,
		.state_directory = config->state_directory,
		.store = daemon->store,
		.specdir = daemon->specdir,
		.sealed = daemon->sealed,
	};
}

/* What cannot change while running needs a restart, and says so. */
static enum err check_unchanged(struct ctx *ctx, const struct config *old, const struct config *new)
{
	const struct {
		const char *name, *before, *after;
	} fixed[] = {
		{"Listen", old->listen, new->listen},
		{"TlsCertificateFile", old->tls.certificate, new->tls.certificate},
		{"TlsKeyFile", old->tls.key, new->tls.key},
		{"TlsClientCaFile", old->tls.client_ca, new->tls.client_ca},
		{"UnixSocket", old->unix_socket, new->unix_socket},
		{"StateDirectory", old->state_directory, new->state_directory},
		{"SpecDirectory", old->spec_directory, new->spec_directory},
		{"ApiSpecDirectory", old->api_spec_directory, new->api_spec_directory},
	};
	const char *changed = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (!text_equals(fixed[i].before, fixed[i].after))
			changed = arena_printf(ctx->arena, "%s%s%s", changed ? changed : "",
					       changed ? ", " : "", fixed[i].name);
	if (changed)
		return fault_set(ctx, E_REFUSED, "RestartNeeded",
				 "%s cannot change while running: restart gatecertd", changed);
	return E_OK;
}

/* Every problem is told, each with its place. */
static enum err load(struct ctx *ctx, const char *path, struct config **out)
{
	struct problems problems;
	enum err err;

	problems_init(&problems);
	err = config_load_here(ctx, path, out, &problems);
	for (const struct problem *problem = problems.first; problem; problem = problem->next)
		(problem->is_warning ? log_warn : log_error)(ctx, "configuration", "problem",
							     problem_print(ctx, problem), NULL);
	return err;
}

static void request_one(struct ctx *ctx, struct daemon *daemon, const char *hostname)
{
	if (specdir_request(ctx, daemon->specdir, hostname) != E_OK)
		log_warn(ctx, "a refused hostname waits on", "hostname", hostname, "text",
			 ctx->fault.text, NULL);
	fault_clear(ctx);
}

/* A refused hostname is due now; the others are in nobody's way. There may be thousands, and each
 * is a write. False: there are more. */
static bool request_refused(struct ctx *ctx, struct daemon *daemon)
{
	msec_t until = ctx_mono(ctx) + ASKING_MSEC;
	const void **hostnames;
	size_t count;

	if (store_list(ctx, daemon->store, KIND_HOSTNAME, &hostnames, &count) != E_OK)
		return true;
	for (size_t i = 0; i < count; i++) {
		const struct hostname *hostname = hostnames[i];

		if (!hostname->status.refusal.count ||
		    strcmp(hostname->meta.name, daemon->asked) <= 0)
			continue;
		request_one(ctx, daemon, hostname->meta.name);
		snprintf(daemon->asked, sizeof(daemon->asked), "%s", hostname->meta.name);
		if (ctx_mono(ctx) >= until)
			return false;
	}
	return true;
}

static int on_asking(sd_event_source *source, uint64_t usec, void *handle)
{
	struct daemon *daemon = handle;
	cleanup_ctx struct ctx ctx;

	(void)source, (void)usec;
	ctx_init(&ctx, daemon->doors);
	if (!request_refused(&ctx, daemon))
		arm(daemon, daemon->asking_timer, 0);
	return 0;
}

/* Everything that can fail, while the old engine still runs. */
static enum err prepare(struct ctx *ctx, struct daemon *daemon, const struct config *fresh,
			struct engine **engine)
{
	const struct server_options options = server_options(daemon, fresh);
	enum err err;

	TRY(check_unchanged(ctx, daemon->config, fresh));
	TRY(engine_new(ctx, fresh, daemon->store, daemon->sealed, engine));
	err = server_reconfigure(ctx, daemon->server, &options);
	if (err != E_OK)
		engine_stop(*engine);
	return err;
}

static enum err reload(struct ctx *ctx, struct daemon *daemon)
{
	struct config *fresh;
	struct engine *engine;
	enum err err;

	TRY(load(ctx, daemon->config_path, &fresh));
	err = prepare(ctx, daemon, fresh, &engine);
	if (err != E_OK) {
		config_free(fresh);
		return err;
	}
	daemon->next_config = fresh;
	daemon->next_engine = engine;
	handover_begin(&daemon->handover, atomic_exchange(&daemon->engine, NULL), ctx_mono(ctx));
	return E_OK;
}

/* `why` it was refused; NULL: it was not. Whoever waits for the answer may look at the status then.
 */
static void tell_reloaded(struct ctx *ctx, struct daemon *daemon, const char *why)
{
	notify_refused(why);
	notify_status(ctx, daemon->store);
	notify_ready();
	reload_answer(ctx, daemon->reload_began, why);
}

static void begin_reload(struct daemon *daemon)
{
	cleanup_ctx struct ctx ctx;
	uint64_t now;

	ctx_init(&ctx, daemon->doors);
	daemon->is_reload_due = false;
	daemon->reload_began = ctx_mono(&ctx);
	must(sd_event_now(daemon->event, CLOCK_MONOTONIC, &now));
	notify_reloading(now);
	specdir_confirm_empty(daemon->specdir);
	if (reload(&ctx, daemon) == E_OK)
		return;
	log_error(&ctx, "configuration not reloaded, the old one stays", "text", ctx.fault.text,
		  NULL);
	arm(daemon, daemon->scan_timer, 0);
	tell_reloaded(&ctx, daemon, ctx.fault.text);
}

/* The old engine has stopped. */
static void end_reload(void *handle)
{
	struct daemon *daemon = handle;
	struct engine *engine = daemon->next_engine;
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, daemon->doors);
	config_free(daemon->config);
	daemon->config = daemon->next_config;
	daemon->next_config = NULL;
	daemon->next_engine = NULL;
	log_set_level((enum log_level)daemon->config->log_level);
	specdir_set_hostname_flags(daemon->specdir, daemon->config->hostname_flags);
	atomic_store(&daemon->engine, engine);
	engine_start(&ctx, engine);
	daemon->asked[0] = '\0';
	arm(daemon, daemon->asking_timer, 0);
	log_info(&ctx, "configuration reloaded", "file", daemon->config_path, NULL);
	arm(daemon, daemon->scan_timer, 0);
	tell_reloaded(&ctx, daemon, NULL);
	if (daemon->is_reload_due)
		begin_reload(daemon);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *handle)
{
	struct daemon *daemon = handle;

	(void)source, (void)info;
	if (daemon->next_engine)
		daemon->is_reload_due = true;
	else
		begin_reload(daemon);
	return 0;
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *handle)
{
	struct daemon *daemon = handle;
	cleanup_ctx struct ctx ctx;

	(void)source;
	ctx_init(&ctx, daemon->doors);
	log_info(&ctx, "asked to stop", "signal", info->ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT",
		 "by_pid", arena_printf(ctx.arena, "%" PRIu32, info->ssi_pid), "by_uid",
		 arena_printf(ctx.arena, "%" PRIu32, info->ssi_uid), NULL);
	notify_stopping();
	return sd_event_exit(daemon->event, 0);
}

static void add_sources(struct daemon *daemon)
{
	sd_event *event = daemon->event;
	const uint64_t accuracy = 1;

	must(sd_event_add_signal(event, NULL, SIGTERM, on_stop, daemon));
	must(sd_event_add_signal(event, NULL, SIGINT, on_stop, daemon));
	must(sd_event_add_signal(event, NULL, SIGHUP, on_reload, daemon));
	must(sd_event_add_io(event, NULL, daemon->news, EPOLLIN, on_news, daemon));
	must(sd_event_add_io(event, NULL, server_fd(daemon->server), EPOLLIN, on_server, daemon));
	must(sd_event_add_time(event, &daemon->server_timer, CLOCK_MONOTONIC, 0, accuracy,
			       on_server_timer, daemon));
	must(sd_event_add_time(event, &daemon->scan_timer, CLOCK_MONOTONIC, UINT64_MAX, 0, on_scan,
			       daemon));
	must(sd_event_add_time(event, &daemon->status_timer, CLOCK_MONOTONIC, 0, 0, on_status,
			       daemon));
	must(sd_event_add_time(event, &daemon->asking_timer, CLOCK_MONOTONIC, UINT64_MAX, 0,
			       on_asking, daemon));
	must(sd_event_add_time(event, &daemon->watchdog_timer, CLOCK_MONOTONIC, UINT64_MAX, 0,
			       on_watchdog, daemon));
	if (specdir_fd(daemon->specdir) >= 0)
		must(sd_event_add_io(event, NULL, specdir_fd(daemon->specdir), EPOLLIN, on_specdir,
				     daemon));
	if (notify_watchdog_interval())
		arm(daemon, daemon->watchdog_timer, 0);
	handover_init(&daemon->handover, event, end_reload, daemon);
	daemon->clockwatch = (struct clockwatch){.clock = daemon->doors->clock,
						 .every = CLOCK_INTERVAL,
						 .was_set = clock_was_set,
						 .handle = daemon};
	clockwatch_start(&daemon->clockwatch, event);
}

static enum err open_store(struct ctx *ctx, void *handle)
{
	struct daemon *daemon = handle;

	return dirstore_open(ctx, daemon->config->state_directory, &daemon->store);
}

static enum err start_server(struct ctx *ctx, void *handle)
{
	struct daemon *daemon = handle;
	const struct server_options options = server_options(daemon, daemon->config);

	return server_start(ctx, &options, &daemon->server);
}

static enum err start(struct ctx *ctx, struct daemon *daemon)
{
	struct specdir_options directories = {.directory = daemon->config->spec_directory,
					      .api_directory = daemon->config->api_spec_directory};
	struct engine *engine;
	msec_t next_scan;

	TRY(patience_take(ctx, open_store, daemon));
	TRY(sealed_box_open(ctx, daemon->config->state_directory, &daemon->sealed));
	directories.store = daemon->store;
	directories.hostname_flags = daemon->config->hostname_flags;
	daemon->specdir = specdir_new(&directories);
	store_on_change(daemon->store, store_changed, daemon);
	TRY(patience_take(ctx, start_server, daemon));
	add_sources(daemon);
	do
		next_scan = scan(daemon);
	while (next_scan == 0);
	arm(daemon, daemon->scan_timer, next_scan);
	TRY(engine_new(ctx, daemon->config, daemon->store, daemon->sealed, &engine));
	atomic_store(&daemon->engine, engine);
	engine_start(ctx, engine);
	server_set_ready(daemon->server, true);
	return E_OK;
}

static void stop(struct daemon *daemon)
{
	engine_stop(atomic_exchange(&daemon->engine, NULL));
	handover_fini(&daemon->handover);
	engine_stop(daemon->next_engine);
	config_free(daemon->next_config);
	server_stop(daemon->server);
	specdir_free(daemon->specdir);
	sealed_box_close(daemon->sealed);
	dirstore_close(daemon->store);
	sd_event_source_unref(daemon->server_timer);
	sd_event_source_unref(daemon->scan_timer);
	sd_event_source_unref(daemon->status_timer);
	sd_event_source_unref(daemon->watchdog_timer);
	sd_event_source_unref(daemon->asking_timer);
	clockwatch_stop(&daemon->clockwatch);
	sd_event_unref(daemon->event);
	close(daemon->news);
	config_free(daemon->config);
}

/* Until somebody asks to stop. */
static int run(struct ctx *ctx, struct daemon *daemon)
{
	int result;

	log_info(ctx, "ready", "listen", daemon->config->listen, "version", GATECERT_VERSION, NULL);
	notify_ready();
	result = sd_event_loop(daemon->event);
	if (result >= 0)
		return EXIT_SUCCESS;
	log_error(ctx, "the event loop cannot go on", "why", strerror(-result), NULL);
	return EXIT_FAILURE;
}

/* What no further start mends is told apart: systemd leaves it at that (RestartPreventExitStatus=).
 */
static int give_up(struct ctx *ctx, enum err err)
{
	if (err == E_CANCELLED)
		return EXIT_SUCCESS;
	log_error(ctx, "cannot start", "reason", ctx->fault.reason, "text", ctx->fault.text, NULL);
	return err == E_REFUSED ? EX_CONFIG : EXIT_FAILURE;
}

int loop_run(const struct doors *doors, const char *config_path, struct config *config)
{
	struct daemon daemon = {.doors = doors, .config_path = config_path, .config = config};
	cleanup_ctx struct ctx ctx;
	enum err err;
	int status;

	ctx_init(&ctx, doors);
	daemon.news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(daemon.news < 0 ? -errno : 0);
	must(sd_event_new(&daemon.event));
	err = start(&ctx, &daemon);
	status = err == E_OK ? run(&ctx, &daemon) : give_up(&ctx, err);
	stop(&daemon);
	return status;
}
