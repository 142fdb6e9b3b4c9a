/* gatecertd - keeps every desired hostname served over HTTPS by an Azure Application Gateway. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "base/fatal.h"
#include "base/fs.h"
#include "base/log.h"
#include "config.h"
#include "config_schema.h"
#include "daemonuser.h"
#include "http/curl.h"
#include "loop.h"
#include "options.h"
#include "pki/memory.h"
#include "reload.h"
#include "specdir/specschema.h"

#define HEAP_KEPT_BYTES (32 * 1024 * 1024)
#define HEAPS		2

/* Tokens and imported keys pass through this process: it leaves no core, nobody may look into it,
 * and what is freed is gone. */
static void protect(void)
{
	const struct rlimit none = {0, 0};

	if (!memory_wipe_freed())
		fatal("cannot start", "OpenSSL took memory before it was told to wipe it");
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	umask(0077);
}

/* What a request or a pass gives back the next one wants again: kept, it costs neither a system
 * call nor a page fault. But not by each worker for itself: they wait for others nearly all the
 * time, and every heap of its own would grow to what a pass needed at its most. */
static void keep_heap(void)
{
	mallopt(M_ARENA_MAX, HEAPS);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT_BYTES / 8);
}

/* The loop takes signals from a descriptor; workers must not be interrupted by them, nor by closed
 * sockets. */
static void route_signals(void)
{
	sigset_t signals;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

static enum err load(struct ctx *ctx, const struct options *options, struct config **config)
{
	struct problems problems;
	enum err err;

	problems_init(&problems);
	err = options->action == OPTIONS_PRINT_CONFIG
		      ? config_load(ctx, options->config, config, &problems)
		      : config_load_here(ctx, options->config, config, &problems);
	for (const struct problem *problem = problems.first; problem; problem = problem->next)
		fprintf(stderr, "%s%s\n", problem->is_warning ? "warning: " : "",
			problem_print(ctx, problem));
	if (problems.errors + problems.warnings > PROBLEMS_MAX)
		fprintf(stderr, "and %zu more\n",
			problems.errors + problems.warnings - PROBLEMS_MAX);
	if (problems.errors + problems.warnings == 0 && err != E_OK)
		fprintf(stderr, "%s\n", ctx->fault.text);
	return err;
}

static void print_schema(struct ctx *ctx, enum options_action action)
{
	struct json *schema = action == OPTIONS_PRINT_SPEC_SCHEMA ? specschema(ctx)
								  : config_schema(ctx);

	puts(json_print_pretty(ctx, schema));
}

/* What was printed for somebody has come there, or the status says that it has not. */
static int end_output(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	fprintf(stderr, "gatecertd: cannot write to standard output: %s\n", strerror(errno));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct doors doors = {
		.clock = clock_system(), .rng = rng_system(), .fs = fs_system()};
	cleanup_ctx struct ctx ctx;
	struct options options;
	struct config *config;
	int status = options_parse(argc, argv, &options);

	ctx_init(&ctx, &doors);
	if (status >= 0)
		return end_output(status);
	if (options.action == OPTIONS_PRINT_SPEC_SCHEMA ||
	    options.action == OPTIONS_PRINT_CONFIG_SCHEMA) {
		print_schema(&ctx, options.action);
		return end_output(EXIT_SUCCESS);
	}
	if (options.action == OPTIONS_RELOAD)
		return reload_ask(&ctx);
	fatal_name_signals();
	protect();
	keep_heap();
	route_signals();
	if (options.action == OPTIONS_CHECK_CONFIG && !daemonuser_become(&ctx, options.config))
		return EXIT_FAILURE;
	if (load(&ctx, &options, &config) != E_OK)
		return options.action == OPTIONS_RUN ? EX_CONFIG : EXIT_FAILURE;
	if (options.action != OPTIONS_RUN) {
		if (options.action == OPTIONS_PRINT_CONFIG)
			fputs(config_print(&ctx, config), stdout);
		config_free(config);
		return end_output(EXIT_SUCCESS);
	}
	log_open((enum log_level)config->log_level);
	curl_library_init();
	return loop_run(&doors, options.config, config);
}
