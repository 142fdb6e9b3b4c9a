#include "reload.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/json.h"

#define OUTCOME_MAX   ((size_t)16 * 1024)
#define WAIT_MAX      (50 * MSEC_PER_SEC) /* systemd waits for 60 s */
#define LOOK_EVERY_MS 50

/* NULL: systemd made none. */
static const char *outcome_path(struct ctx *ctx)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");

	if (!directory || directory[0] != '/')
		return NULL;
	return arena_printf(ctx->arena, "%.*s/reload.json", (int)strcspn(directory, ":"),
			    directory);
}

void reload_answer(struct ctx *ctx, msec_t begun, const char *why)
{
	const char *path = outcome_path(ctx), *text;
	struct json *outcome = json_object(ctx);
	struct fs *fs = ctx->doors->fs;

	if (!path)
		return;
	json_set_int(ctx, outcome, "begunMsec", begun);
	json_set_text(ctx, outcome, "refused", why);
	text = json_print(ctx, outcome);
	if (fs->write(ctx, fs, path, text, strlen(text), 0640) != E_OK)
		log_warn(ctx, "nobody can be told how the reload went", "text", ctx->fault.text,
			 NULL);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "gatecertd: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return EXIT_FAILURE;
}

/* False: there is none yet of what began after `asked`. */
static bool find_outcome(struct ctx *ctx, const char *path, int64_t asked, const char **refused)
{
	struct fs *fs = ctx->doors->fs;
	struct json *outcome;
	char *text;
	size_t size;
	bool is_there = fs->read(ctx, fs, path, OUTCOME_MAX, &text, &size) == E_OK &&
			json_parse(ctx, text, size, &outcome) == E_OK &&
			json_int(json_get(outcome, "begunMsec"), -1) >= asked;

	fault_clear(ctx);
	if (is_there)
		*refused = json_text(json_get(outcome, "refused"));
	return is_there;
}

static int wait_for_outcome(struct ctx *ctx, pid_t pid, const char *path, int64_t asked)
{
	msec_t until = ctx_mono(ctx) + WAIT_MAX;
	const char *refused;

	while (!find_outcome(ctx, path, asked, &refused)) {
		if (kill(pid, 0) < 0)
			return fail("the daemon ended while it was to reload", NULL);
		if (ctx_mono(ctx) >= until)
			return fail("the daemon has not answered in time: see its log", NULL);
		poll(NULL, 0, LOOK_EVERY_MS);
	}
	return refused ? fail("configuration not reloaded, the old one stays", refused)
		       : EXIT_SUCCESS;
}

int reload_ask(struct ctx *ctx)
{
	const char *main_pid = getenv("MAINPID"), *path = outcome_path(ctx);
	msec_t now = ctx_mono(ctx);
	int64_t pid = 0;

	if (!main_pid || !text_to_number(main_pid, &pid) || pid <= 1 || pid > INT32_MAX)
		return fail("--reload is for ExecReload of a unit: MAINPID names no process", NULL);
	/* What began in this millisecond may have begun before. */
	while (ctx_mono(ctx) == now)
		poll(NULL, 0, 1);
	if (kill((pid_t)pid, SIGHUP) < 0)
		return fail("cannot send SIGHUP to the daemon", strerror(errno));
	return path ? wait_for_outcome(ctx, (pid_t)pid, path, now + 1) : EXIT_SUCCESS;
}
