#include "gateway/wanted.h"

#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "base/text.h"
#include "api/validity.h"

#define QUIET	       (5 * MSEC_PER_SEC)
#define EVICTION_LASTS (10 * MSEC_PER_MIN)
#define UNDRAWABLE_LASTS \
	(3 * MSEC_PER_SEC) /* a look costs one read; the hostname's own backoff sets the pace */

/* An update failed because of it. */
static bool is_evicted(const struct rejected_hostname *rejected)
{
	return rejected && text_equals(rejected->reason, REJECTED_BY_UPDATE);
}

/* Somebody who asks for the hostname ends it early. */
static bool is_rejected(const struct rejected_hostname *rejected, const struct hostname *hostname,
			msec_t now)
{
	if (!rejected || hostname->requested > rejected->since)
		return false;
	return now - rejected->since < (is_evicted(rejected) ? EVICTION_LASTS : UNDRAWABLE_LASTS);
}

static bool has_valid_certificate(const struct hostname *hostname, msec_t now)
{
	const struct certificate_status *certificate = &hostname->status.certificate;

	return certificate->secret_id && certificate->not_after > validity_time(certificate, now);
}

/* On its way up and not long ago one rung higher: worth waiting for. One nobody has looked at yet
 * will be soon. */
static bool is_advancing(const struct hostname *hostname, msec_t now)
{
	const struct hostname_status *status = &hostname->status;

	if (status->next_attempt > now)
		return false;
	if (!status->step)
		return now - hostname->meta.created < QUIET;
	return !text_equals(status->step, step_info(STEP_CONFIGURE_GATEWAY)->name) &&
	       !text_equals(status->step, step_info(STEP_COMPLETED)->name) &&
	       now - status->step_since < QUIET;
}

static bool is_shown(const struct gateway *gateway, const struct hostname *hostname)
{
	const struct programmed_hostname *programmed = gateway_find_programmed(gateway,
									       hostname->meta.name);

	return programmed &&
	       secret_id_equals(programmed->secret_id, hostname->status.certificate.secret_id);
}

static bool is_unreached(const struct gateway *gateway, const struct hostname *hostname)
{
	const struct refusal *refusal = &hostname->status.refusal;

	return text_equals(refusal->error, "SelfCheckUnreachable") &&
	       refusal->pass > gateway->status.observed;
}

/* The version of this very certificate was tried to be got rid of before. */
static bool keeps_version(const struct gateway *gateway, const struct hostname *hostname)
{
	const struct sent_hostname *sent = gateway_find_sent(gateway, hostname->meta.name);

	return sent && text_equals(sent->version,
				   secret_id_version(hostname->status.certificate.secret_id));
}

static int by_age(const void *a, const void *b)
{
	const struct hostname *x = *(const struct hostname *const *)a;
	const struct hostname *y = *(const struct hostname *const *)b;

	if (x->meta.created != y->meta.created)
		return x->meta.created < y->meta.created ? -1 : 1;
	return strcmp(x->meta.name, y->meta.name);
}

static void count_hostname(struct wanted *wanted, const struct hostname *hostname,
			   bool is_undrawable)
{
	if (is_undrawable) {
		wanted->retrying++;
		return;
	}
	wanted->missing++;
	if (hostname->requested > wanted->requested)
		wanted->requested = hostname->requested;
}

static bool is_listed(const struct wanted *wanted, const char *hostname)
{
	for (size_t i = 0; i < wanted->count; i++)
		if (text_equals(wanted->items[i].hostname, hostname))
			return true;
	return false;
}

/* They made an update fail, and their listeners may stand in the gateway's document, where they
 * would make every other fail. */
static void add_evicted(struct wanted *wanted, const struct gateway *gateway)
{
	const struct brought_hostname *items = gateway->status.brought.items;

	for (size_t i = 0; i < gateway->status.brought.count; i++) {
		const char *hostname = items[i].hostname;

		if (!is_evicted(gateway_find_rejected(gateway, hostname)) ||
		    gateway_find_programmed(gateway, hostname) || is_listed(wanted, hostname))
			continue;
		wanted->items[wanted->count++] = (struct wanted_hostname){
			.hostname = hostname,
			.base = items[i].base,
			.secret_id = items[i].secret_id,
			.is_evicted = true,
		};
	}
}

struct wanted wanted_list(struct ctx *ctx, const struct gateway *gateway,
			  const struct hostname *const *hostnames, size_t count)
{
	msec_t now = ctx_wall(ctx);
	struct wanted wanted = {
		.items = arena_new_array(ctx->arena, struct wanted_hostname,
					 count + gateway->status.brought.count + 1),
	};
	const struct hostname **sorted = arena_copy(ctx->arena, hostnames,
						    count * sizeof(*hostnames));

	qsort(sorted, count, sizeof(*sorted), by_age);
	for (size_t i = 0; i < count; i++) {
		const struct hostname *hostname = sorted[i];
		const struct certificate_status *certificate = &hostname->status.certificate;
		const struct rejected_hostname *rejected =
			gateway_find_rejected(gateway, hostname->meta.name);
		bool is_out = is_rejected(rejected, hostname, now);

		wanted.unreached += is_unreached(gateway, hostname);
		if (is_out && !is_evicted(rejected))
			continue;
		if (!has_valid_certificate(hostname, now)) {
			wanted.advancing += is_advancing(hostname, now);
			continue;
		}
		if (!is_out && !is_shown(gateway, hostname))
			count_hostname(&wanted, hostname, rejected && !is_evicted(rejected));
		wanted.items[wanted.count++] = (struct wanted_hostname){
			.hostname = hostname->meta.name,
			.base = certificate->vault_name,
			.secret_id = secret_id_base(ctx, certificate->secret_id),
			.version = secret_id_version(certificate->secret_id),
			.keeps_version = keeps_version(gateway, hostname),
			.is_evicted = is_out,
		};
	}
	add_evicted(&wanted, gateway);
	return wanted;
}
