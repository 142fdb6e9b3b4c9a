#include "hostname/reach.h"

#include <string.h>
#include <strings.h>

#include "acme/directory.h"
#include "base/text.h"

#define NAT64_PREFIX "64:ff9b::"

/* What the gateway reconciler found wrong is wrong for all its hostnames. */
static enum err gateway_trouble(struct ctx *ctx, struct pass *pass, const char *type)
{
	const struct condition *condition =
		pass->gateway ? condition_find(&pass->gateway->status.conditions, type) : NULL;

	if (!condition || condition->status == CONDITION_TRUE)
		return E_OK;
	if (condition->status == CONDITION_UNKNOWN) { /* it has lasted there already */
		pass->note.trouble_since = 1;
		pass->note.trouble_step = step_find(pass->host.status.step);
	}
	return fault_set(ctx, condition->status == CONDITION_FALSE ? E_REFUSED : E_AGAIN,
			 condition->reason, "%s", condition->message);
}

/* The gateway reconciler is the one reader: it is woken, and wakes us when it knows. */
enum err reach_public_ip_climb(struct ctx *ctx, struct pass *pass)
{
	if (hostname_is_asked_again(&pass->host))
		pass->world->wake_gateway(pass->world->handle);
	TRY(gateway_trouble(ctx, pass, CONDITION_GATEWAY_REACHABLE));
	pass->world->wake_gateway(pass->world->handle);
	pass->wait = MSEC_PER_MIN;
	return E_OK;
}

static bool is_gateways(const struct pass *pass, const char *address)
{
	const struct texts *ips = &pass->gateway->status.public_ips;

	for (size_t i = 0; i < ips->count; i++)
		if (text_equals(ips->items[i], address))
			return true;
	return false;
}

static const char *join(struct ctx *ctx, const char *const *items, size_t count)
{
	const char *joined = "";

	for (size_t i = 0; i < count; i++)
		joined = arena_printf(ctx->arena, "%s%s%s", joined, i ? ", " : "", items[i]);
	return joined;
}

static enum err check_addresses(struct ctx *ctx, struct pass *pass, const struct dns_answer *answer)
{
	const struct texts *ips = &pass->gateway->status.public_ips;
	const char *via = text_equals(answer->canonical, pass->name)
				  ? ""
				  : arena_printf(ctx->arena, " (through %s)", answer->canonical);
	size_t considered = 0;

	for (size_t i = 0; i < answer->count; i++) {
		if (text_starts_with(answer->addresses[i], NAT64_PREFIX))
			continue;
		considered++;
		if (!is_gateways(pass, answer->addresses[i]))
			return fault_set(
				ctx, E_REFUSED, "WrongTarget",
				"%s resolves to %s%s, which is not the Application Gateway "
				"(%s), says %s. Point all its A and AAAA records at the gateway",
				pass->name, answer->addresses[i], via,
				join(ctx, ips->items, ips->count), answer->server);
	}
	if (considered)
		return E_OK;
	return fault_set(
		ctx, E_REFUSED, "NoAddress",
		"%s%s has no address, says %s. Point an A record at the Application Gateway (%s)",
		pass->name, via, answer->server, join(ctx, ips->items, ips->count));
}

/* RFC 8659 4.2: with any issue record, one must name the CA; ";" names nobody. */
static bool caa_allows(const struct dns_caa_set *set, const char *const *identities, size_t count)
{
	bool is_limited = false;

	for (size_t i = 0; i < set->count; i++) {
		const char *value = set->items[i].value;

		if (strcasecmp(set->items[i].tag, "issue") != 0)
			continue;
		is_limited = true;
		value += strspn(value, " \t");
		for (size_t k = 0; k < count; k++) {
			size_t length = strlen(identities[k]);

			if (strncasecmp(value, identities[k], length) == 0 &&
			    strchr("; \t", value[length]))
				return true;
		}
	}
	return !is_limited;
}

/* Skipped where the CA does not tell its identities, and while its directory cannot be had: the
 * order will say so. An order waits for a directory that is on its way. */
static enum err check_caa(struct ctx *ctx, struct pass *pass)
{
	struct acme_session session = {.acme = pass->world->acme, .http = pass->world->acme_http};
	const char *const *identities;
	struct dns_caa_set set;
	size_t count;
	enum err err = acme_caa_identities(ctx, &session, &identities, &count);

	if (err == E_AGAIN && pass_wants_certificate(pass))
		return err;
	if (err != E_OK || !count) {
		fault_clear(ctx);
		return E_OK;
	}
	TRY(pass->world->dns->caa(ctx, pass->world->dns, pass->name, &set));
	if (caa_allows(&set, identities, count))
		return E_OK;
	return fault_set(
		ctx, E_REFUSED, "CAAForbids",
		"the CAA records of %s do not allow %s to issue, says %s. Add: %s CAA 0 issue "
		"\"%s\"",
		set.owner, identities[0], set.server, set.owner, identities[0]);
}

enum err reach_dns_climb(struct ctx *ctx, struct pass *pass)
{
	struct dns_answer answer;
	enum err err = pass->world->dns->resolve(ctx, pass->world->dns, pass->name, &answer);

	pass->note.dns_checked = 0;
	if (err == E_NOTFOUND)
		return fault_set(ctx, E_REFUSED, ctx->fault.reason,
				 "%s. Point an A record at the Application Gateway (%s)",
				 arena_strdup(ctx->arena, ctx->fault.text),
				 join(ctx, pass->gateway->status.public_ips.items,
				      pass->gateway->status.public_ips.count));
	TRY(err);
	TRY(check_addresses(ctx, pass, &answer));
	if (!hostname_wants_import(&pass->host, ctx_wall(ctx)))
		TRY(check_caa(ctx, pass));
	pass->note.dns_checked = ctx_mono(ctx) ? ctx_mono(ctx) : 1;
	return E_OK;
}

enum err reach_configure_climb(struct ctx *ctx, struct pass *pass)
{
	const struct rejected_hostname *rejected =
		pass->gateway ? gateway_find_rejected(pass->gateway, pass->name) : NULL;

	if (rejected || hostname_is_asked_again(&pass->host))
		pass->world->wake_gateway(pass->world->handle);
	if (rejected)
		return fault_set(ctx, E_REFUSED, rejected->reason, "%s", rejected->message);
	TRY(gateway_trouble(ctx, pass, CONDITION_GATEWAY_REACHABLE));
	TRY(gateway_trouble(ctx, pass, CONDITION_GATEWAY_WRITABLE));
	pass->world->wake_gateway(pass->world->handle);
	pass->wait = MSEC_PER_MIN;
	return E_OK;
}
