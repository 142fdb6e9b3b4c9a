#include "api/validity.h"

#define SHORT_LIFE (10 * MSEC_PER_DAY)
#define TOLERANCE  MSEC_PER_HOUR

msec_t validity_renewal_time(msec_t not_before, msec_t not_after)
{
	msec_t life = not_after - not_before;

	return not_after - (life < SHORT_LIFE ? life / 2 : life / 3);
}

/* A fresh certificate is neither due nor to come. */
static bool can_be_fresh(const struct certificate_status *certificate, msec_t at, msec_t tolerance)
{
	return at >= certificate->not_before - TOLERANCE &&
	       at < validity_renewal_time(certificate->not_before, certificate->not_after) +
			       tolerance;
}

msec_t validity_time(const struct certificate_status *certificate, msec_t now)
{
	msec_t merged = certificate->merged;

	/* Where it is not so any more the clock was set right. */
	if (!merged || now < merged || can_be_fresh(certificate, merged, TOLERANCE) ||
	    can_be_fresh(certificate, now, 0))
		return now;
	return certificate->not_before + (now - merged);
}
