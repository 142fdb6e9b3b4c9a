#include "patience.h"

#include <signal.h>
#include <time.h>

#include "base/log.h"
#include "base/text.h"
#include "httpd/listen.h"
#include "store/dirstore.h"

#define START_TRIES 10 /* a second apart */

/* For a second; true: somebody asks to stop. */
static bool is_asked_to_stop(struct ctx *ctx)
{
	const struct timespec second = {.tv_sec = 1};
	siginfo_t info;
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGTERM);
	sigaddset(&stops, SIGINT);
	if (sigtimedwait(&stops, &info, &second) < 0)
		return false;
	log_info(ctx, "asked to stop", "signal", info.si_signo == SIGTERM ? "SIGTERM" : "SIGINT",
		 NULL);
	return true;
}

enum err patience_take(struct ctx *ctx, enum err (*step)(struct ctx *ctx, void *handle),
		       void *handle)
{
	for (int tries = 1;; tries++) {
		enum err err = step(ctx, handle);

		if (err == E_OK || (!text_equals(ctx->fault.reason, LISTEN_NOT_FREE) &&
				    !text_equals(ctx->fault.reason, STORE_LOCKED)))
			return err;
		if (tries == START_TRIES)
			return fault_wrap(ctx, err, "tried %d times", START_TRIES);
		if (tries == 1)
			log_warn(ctx, "cannot start yet, trying again for some seconds", "text",
				 ctx->fault.text, NULL);
		if (is_asked_to_stop(ctx))
			return fault_set(ctx, E_CANCELLED, "Stopping", "asked to stop");
	}
}
