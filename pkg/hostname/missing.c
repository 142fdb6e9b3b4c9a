/*
 * What an order needs and is said not to be there. One such answer may come from a replica that
 * lags behind: it is believed when it has lasted. Behind a finalize it would cost a second
 * certificate, before it only another order.
 */
#include "hostname/pass.h"

#include "base/text.h"

#define BELIEVED_BEFORE (20 * MSEC_PER_SEC)
#define BELIEVED_BEHIND (10 * MSEC_PER_MIN)

/* What a process before this one saw counts, but for the last tenth: the clock that tells how long
 * ago it was may have been set. */
static msec_t lacked_before(msec_t since, msec_t now, msec_t enough)
{
	msec_t most = enough - enough / 10;

	if (since > now)
		return 0;
	return now - since < most ? now - since : most;
}

static bool has_lasted(struct ctx *ctx, struct pass *pass, const char *what)
{
	struct issuance *issuance = &pass->host.status.issuance;
	msec_t enough = issuance->csr ? BELIEVED_BEHIND : BELIEVED_BEFORE;
	msec_t mono = ctx_mono(ctx), now = ctx_wall(ctx);
	struct note *note = &pass->note;

	if (!text_equals(issuance->missing, what)) {
		issuance->missing = what;
		issuance->missing_since = now;
		note->lacked_since = 0;
	}
	if (!note->lacked_since) {
		note->lacked_since = mono ? mono : 1;
		note->lacked_before = lacked_before(issuance->missing_since, now, enough);
	}
	return note->lacked_before + (mono - note->lacked_since) >= enough;
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
	pass->note.lacked_since = 0;
}
