/*
 * What an order needs and is said not to be there. One such answer may come from a replica that
 * lags behind: it is believed when it has lasted. Behind a finalize it would cost a second
 * certificate, before it only another order.
 */
#include "reconcile/pass.h"

#include "base/text.h"

#define BELIEVED_BEFORE (20 * MSEC_PER_SEC)
#define BELIEVED_BEHIND (10 * MSEC_PER_MIN)

static bool has_lasted(struct ctx *ctx, struct pass *pass, const char *what)
{
	struct issuance *issuance = &pass->host.status.issuance;
	msec_t now = ctx_wall(ctx);

	if (!text_equals(issuance->missing, what) || issuance->missing_since > now) {
		issuance->missing = what;
		issuance->missing_since = now;
	}
	return now - issuance->missing_since >= (issuance->csr ? BELIEVED_BEHIND : BELIEVED_BEFORE);
}

enum err missing_is_over(struct ctx *ctx, struct pass *pass, const char *what)
{
	return has_lasted(ctx, pass, what) ? order_is_over(ctx, pass) : E_AGAIN;
}

void missing_found(struct pass *pass, const char *what)
{
	struct issuance *issuance = &pass->host.status.issuance;

	if (!text_equals(issuance->missing, what))
		return;
	issuance->missing = NULL;
	issuance->missing_since = 0;
}
