/*
 * reach - the rungs about the gateway: its public addresses, whether the hostname leads there, and
 * whether it shows the hostname.
 */
#pragma once

#include "hostname/pass.h"

enum err reach_public_ip_climb(struct ctx *ctx, struct pass *pass);
enum err reach_dns_climb(struct ctx *ctx, struct pass *pass);
enum err reach_configure_climb(struct ctx *ctx, struct pass *pass);
