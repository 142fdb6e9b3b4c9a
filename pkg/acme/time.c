#include "acme/time.h"

#include "acme/acme_internal.h"
#include "codec/date.h"

void acme_time_note(struct ctx *ctx, struct acme *acme, const struct http_reply *reply)
{
	const char *said = http_header(reply, "Date");
	msec_t wall;

	if (!said || !date_parse_http(said, &wall))
		return;
	pthread_mutex_lock(&acme->lock);
	acme->ca_wall = wall;
	acme->ca_mono = ctx_mono(ctx);
	pthread_mutex_unlock(&acme->lock);
}

msec_t acme_wall(struct ctx *ctx, struct acme *acme)
{
	msec_t wall;

	pthread_mutex_lock(&acme->lock);
	wall = acme->ca_wall ? acme->ca_wall + (ctx_mono(ctx) - acme->ca_mono) : ctx_wall(ctx);
	pthread_mutex_unlock(&acme->lock);
	return wall;
}

bool acme_tells_time(struct acme *acme)
{
	bool is_told;

	pthread_mutex_lock(&acme->lock);
	is_told = acme->ca_wall != 0;
	pthread_mutex_unlock(&acme->lock);
	return is_told;
}

bool acme_clock_differs(struct ctx *ctx, struct acme *acme, msec_t tolerance)
{
	msec_t difference = ctx_wall(ctx) - acme_wall(ctx, acme);

	return difference > tolerance || difference < -tolerance;
}
