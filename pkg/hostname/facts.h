/*
 * facts - what holds of a hostname: the predicates of all rungs, in the order of the ladder.
 *
 * Pure: they look at the pass and at nothing else. What makes them hold are the climbs of the files
 * that bear the rung's name.
 */
#pragma once

#include "hostname/pass.h"

bool public_ip_is_known(const struct pass *pass);
bool dns_is_checked(const struct pass *pass);

bool order_is_recorded(const struct pass *pass);
bool challenge_is_known(const struct pass *pass);
bool file_is_uploaded(const struct pass *pass);
bool challenge_is_answered(const struct pass *pass);
bool order_is_ready(const struct pass *pass);
bool file_is_deleted(const struct pass *pass);
bool certificate_is_current(const struct pass *pass);
bool import_is_done(const struct pass *pass);

/* Nobody is served, whatever it was made to show. */
bool gateway_serves_nobody(const struct pass *pass);
bool gateway_is_configured(const struct pass *pass);
