/*
 * issue - the rung that makes the certificate: finalize with the CSR of the vault's pending
 * operation, download, judge, merge.
 *
 * A ladder of its own, on the order's status. Every ONE_SHOT has its intent recorded before, and is
 * never sent again before the world was looked at.
 */
#pragma once

#include "hostname/pass.h"

enum err issue_climb(struct ctx *ctx, struct pass *pass);
