/*
 * withdraw - what was begun for a hostname that nobody wants any more: challenge file,
 * authorization, pending vault operation.
 */
#pragma once

#include "hostname/pass.h"

/* A withdrawn hostname: undoes what was begun for it, as far as no finalize was sent. */
enum err withdraw_undo(struct ctx *ctx, struct pass *pass);

/* An order that was not finalized and that nobody wants any more. The CA may be away: it forgets by
 * itself. */
enum err withdraw_order(struct ctx *ctx, struct pass *pass);
