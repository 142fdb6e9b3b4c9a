#include "notify.h"

#include <inttypes.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "api/hostname.h"
#include "base/utf8.h"

void notify_ready(void)
{
	sd_notify(0, "READY=1");
}

/* systemd compares with its own CLOCK_MONOTONIC (sd_notify(3), Type=notify-reload). */
void notify_reloading(uint64_t monotonic_usec)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, monotonic_usec);
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

/* As much as a line of systemctl status shows. */
static char refused[200];

void notify_refused(const char *why)
{
	size_t size = why ? utf8_cut(why, strlen(why), sizeof(refused) - 1) : 0;

	memcpy(refused, why ? why : "", size);
	refused[size] = '\0';
}

void notify_status(struct ctx *ctx, struct store *store)
{
	const void **hostnames;
	size_t count, ready = 0;

	if (store_list(ctx, store, KIND_HOSTNAME, &hostnames, &count) != E_OK)
		return;
	for (size_t i = 0; i < count; i++)
		ready += condition_is_true(
			&((const struct hostname *)hostnames[i])->status.conditions,
			CONDITION_READY);
	sd_notifyf(0, "STATUS=%s%s%s%zu hostnames: %zu ready, %zu not ready",
		   refused[0] ? "configuration not reloaded (" : "", refused,
		   refused[0] ? "); " : "", count, ready, count - ready);
}

void notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

msec_t notify_watchdog_interval(void)
{
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return (msec_t)(usec / 1000 / 3);
}
