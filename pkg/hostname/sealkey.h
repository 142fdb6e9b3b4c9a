/*
 * sealkey - the public half of the vault key that imported keys are sealed with, fetched at start
 * and looked at once a day.
 *
 * Made when missing. Also sweeps away sealed keys that no hostname waits for any more: a crash
 * between two writes can leave one.
 */
#pragma once

#include "azure/keyvault.h"
#include "store/sealed.h"
#include "store/store.h"

#define SEAL_KEY_NAME "gatecert-seal"

struct sealkey_world {
	struct keyvault vault;
	struct sealed_box *sealed;
	struct store *store;
};

/* A reconcile_fn; `worker` is a struct sealkey_world. */
enum err sealkey_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again);
