#include "gateway/times.h"

void times_mend_gateway(struct ctx *ctx, struct gateway *gateway)
{
	struct gateway_status *status = &gateway->status;
	struct rejected_hostname *rejected = status->rejected.items;
	msec_t now = ctx_wall(ctx);

	if (status->observed > now)
		status->observed = 0;
	msec_not_ahead(&status->operation_since, now);
	msec_not_ahead(&status->gathering_since, now);
	for (size_t i = 0; i < status->rejected.count; i++)
		msec_not_ahead(&rejected[i].since, now);
}
