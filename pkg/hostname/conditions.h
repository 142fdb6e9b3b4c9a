/*
 * conditions - what a pass found, told as conditions of the hostname.
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

/* Ready, Renewing and SpecValid, and one log line per change. */
void conditions_conclude(struct ctx *ctx, struct pass *pass, enum err err);
