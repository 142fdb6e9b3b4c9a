/*
 * account - the ACME account's key, wherever it lives, and the session made with it.
 *
 * The key is a Key Vault key (gatecert-acme-account) that signs there; of several versions the
 * newest for which the CA knows an account is used. Or a file of mode 0600, made when missing.
 * Found once per process by one worker, then shared; until then the others are turned away, and
 * after a search that failed everybody is for a while (fault.is_untried).
 */
#pragma once

#include "acme/acme.h"
#include "api/settings.h"
#include "azure/keyvault.h"

#define ACCOUNT_KEY_NAME "gatecert-acme-account"

struct account;

struct account *account_new(void);
void account_free(struct account *account);

/* A session with the account known to the CA. Lives in ctx's arena; `vault` must outlive it. */
enum err account_session(struct ctx *ctx, struct account *account, const struct settings *settings,
			 struct acme *acme, struct http *http, struct keyvault *vault,
			 struct acme_session *out);
