/*
 * conditions - what a pass found, told as conditions of the hostname. Internal to reconcile.
 *
 * While a certificate serves, trouble with its renewal is told by the condition Renewing and the
 * others stay as they are.
 */
#pragma once

#include "hostname/pass.h"

/* A rung is being climbed. */
void conditions_climbing(struct ctx *ctx, struct pass *pass, enum step step);

/* A rung holds. */
void conditions_hold(struct ctx *ctx, struct pass *pass, enum step step);

/* A rung could not be climbed; ctx->fault says why. Hiccups count after a minute only. */
void conditions_failed(struct ctx *ctx, struct pass *pass, enum step step, enum err err);

/* Hiccups are nobody's business until they last: true while this trouble is younger than a minute.
 * `since` is when it began (mono), 0 before. */
bool conditions_is_hiccup(struct ctx *ctx, msec_t *since, enum err err);

/* The fault's text; for what has lasted although it could have passed, with what to do. */
const char *conditions_message(struct ctx *ctx, enum err err);

/* Ready, Renewing and SpecValid, and one log line per change. */
void conditions_conclude(struct ctx *ctx, struct pass *pass, enum err err);

/* The documented error code for a reason, or the reason itself. */
const char *conditions_error_code(const char *reason);
