/*
 * selfcheck - before the CA is asked to look, we look ourselves, the way it will.
 */
#pragma once

#include "hostname/pass.h"

/* GETs the challenge file as the CA will, through the gateway's own address. E_REFUSED reasons:
 * ChallengeFileNotFound, ChallengeFileNotValid, SelfCheckUnreachable: then the gateway is looked at
 * too. */
enum err selfcheck_get(struct ctx *ctx, struct pass *pass, const char *key_authorization);
