/*
 * render - the wanted hostnames laid into the gateway's document. Pure: no clock, no network, the
 * same answer every time.
 *
 * Adds what is missing. Of listeners that are ours by name and hostname it repairs the certificate
 * reference, and takes the version out of the secret id of a certificate entry that nobody else
 * refers to: the gateway would never serve another one. Everything else goes back as it came, but
 * for read-only members, which the service ignores and which may name what is gone. Removes nothing
 * but what a failed update of ours brought in (is_evicted).
 */
#pragma once

#include "gwdoc/rendering.h"

/* `wanted` oldest first: when the gateway is full the newest are rejected. E_REFUSED when the
 * gateway cannot take any: reasons BackendNotFound, HttpSettingsNotFound, NoPublicFrontend,
 * InvalidGatewayDocument. */
enum err render(struct ctx *ctx, const struct json *current, const struct render_target *target,
		const struct wanted_hostname *wanted, size_t count, struct rendering *out);
