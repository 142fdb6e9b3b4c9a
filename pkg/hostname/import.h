/*
 * import - the rung that imports a certificate with its key.
 *
 * The key is unsealed for the moment of the import, by the vault that it goes to. Whatever happens,
 * nothing of it stays behind in this process or on the disk once the vault has it.
 */
#pragma once

#include "hostname/pass.h"

enum err import_climb(struct ctx *ctx, struct pass *pass);

/* Removes the sealed key of an import that is done or can no longer come, and whatever nobody
 * wants; costs nothing when there is none. */
enum err import_tidy(struct ctx *ctx, struct pass *pass);
