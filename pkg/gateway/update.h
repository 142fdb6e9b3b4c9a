/*
 * update - the update of the gateway: sent, followed, and put off where the last ones failed.
 */
#pragma once

#include "gateway/look.h"

/* Rung 1: no update under way, or look->wait. E_REFUSED: it failed, for no hostname's sake. */
enum err update_follow(struct ctx *ctx, struct look *look);

/* Rung 4: applied. The intent is durable first; from then on only a complete read tells what
 * happened. E_REFUSED also while failed updates put it off. */
enum err update_send(struct ctx *ctx, struct look *look, const struct appgateway_document *document,
		     const struct rendering *rendering);

/* There is nothing to send: what failed before is history. */
void update_is_needless(struct look *look);
