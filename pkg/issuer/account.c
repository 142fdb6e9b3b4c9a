#include "issuer/account.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "acme/account.h"
#include "azure/keyvault_key.h"
#include "base/fs.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"

#define KEY_FILE_MAX ((size_t)16 * 1024)
#define FIRST_LOOK   (MSEC_PER_SEC / 4) /* of those who come while another one searches */
#define FIRST_WAIT   MSEC_PER_SEC	/* after a search that failed */
#define LAST_WAIT    (30 * MSEC_PER_SEC)

struct account {
	pthread_mutex_t lock;
	/* the searcher's until it is found, then immutable; long-lived copies in `arena` */
	struct arena *arena;
	struct vault_key key;  /* when the key is in the vault */
	struct signer *signer; /* when it is in a file */
	/* guarded by lock */
	bool is_found, is_searched;
	msec_t began;	  /* mono: the search under way */
	enum err trouble; /* of the last search, and its fault; E_OK: none to speak of */
	struct fault fault;
	unsigned failures;
	msec_t due; /* mono: no search before */
};

struct account *account_new(void)
{
	struct account *account = heap_calloc(1, sizeof(*account));

	account->arena = arena_new();
	pthread_mutex_init(&account->lock, NULL);
	return account;
}

void account_free(struct account *account)
{
	if (!account)
		return;
	arena_free(account->arena);
	pthread_mutex_destroy(&account->lock);
	free(account);
}

static struct vault_key keep_key(struct arena *arena, const struct vault_key *key)
{
	struct vault_key kept = {
		.id = arena_strdup(arena, key->id),
		.version = arena_strdup(arena, key->version),
		.kty = arena_strdup(arena, key->kty),
		.crv = arena_strdup(arena, key->crv),
		.x = arena_strdup(arena, key->x),
		.y = arena_strdup(arena, key->y),
	};

	return kept;
}

/* Older versions matter only while the CA does not know the newest: after somebody rotated the key
 * in the vault. */
static enum err find_known_version(struct ctx *ctx, struct acme_session *session,
				   struct keyvault *vault, struct vault_key *key)
{
	const struct vault_key newest = *key;
	struct texts versions;
	const char *url;
	enum err err;

	TRY(keyvault_key_versions(ctx, vault, ACCOUNT_KEY_NAME, &versions));
	for (size_t i = 0; i < versions.count; i++) {
		if (text_equals(versions.items[i], newest.version))
			continue;
		TRY(keyvault_key_get(ctx, vault, ACCOUNT_KEY_NAME, versions.items[i], key));
		session->signer = keyvault_signer(ctx, vault, key);
		err = acme_account_find(ctx, session, &url);
		if (err != E_NOTFOUND)
			return err;
	}
	*key = newest;
	return E_NOTFOUND;
}

static enum err find_vault_key(struct ctx *ctx, const struct settings *settings,
			       struct acme_session *session, struct keyvault *vault,
			       struct vault_key *key)
{
	const char *url;
	enum err err;

	TRY(keyvault_key_ensure(ctx, vault, ACCOUNT_KEY_NAME, VAULT_KEY_SIGN, key));
	session->signer = keyvault_signer(ctx, vault, key);
	err = acme_account_find(ctx, session, &url);
	if (err == E_NOTFOUND)
		err = find_known_version(ctx, session, vault, key);
	if (err != E_NOTFOUND)
		return err;
	fault_clear(ctx);
	session->signer = keyvault_signer(ctx, vault, key);
	TRY(acme_account_ensure(ctx, session, settings->acme_email, &url));
	log_info(ctx, "made an account at the CA", "account", url, NULL);
	return E_OK;
}

static enum err read_key_file(struct ctx *ctx, const char *path, char **pem, size_t *size)
{
	struct key *key;
	enum err err = ctx->doors->fs->read(ctx, ctx->doors->fs, path, KEY_FILE_MAX, pem, size);

	if (err == E_OK)
		arena_wipe_at_end(ctx->arena, *pem, *size);
	if (err != E_NOTFOUND)
		return err;
	fault_clear(ctx);
	TRY(key_generate_p256(ctx, &key));
	TRY(key_to_pem(ctx, key, pem));
	*size = strlen(*pem);
	return ctx->doors->fs->write(ctx, ctx->doors->fs, path, *pem, *size, 0600);
}

static enum err find_file_key(struct ctx *ctx, const struct settings *settings,
			      struct account *account, struct acme_session *session)
{
	const char *url;
	char *pem;
	size_t size;

	if (!account->signer) {
		TRY(read_key_file(ctx, settings->account_key_file, &pem, &size));
		TRY(key_signer(ctx, account->arena, pem, size, &account->signer));
	}
	session->signer = account->signer;
	return acme_account_ensure(ctx, session, settings->acme_email, &url);
}

static enum err find(struct ctx *ctx, struct account *account, const struct settings *settings,
		     struct keyvault *vault, struct acme_session *session)
{
	struct vault_key key;

	if (settings->account_key_file)
		return find_file_key(ctx, settings, account, session);
	TRY(find_vault_key(ctx, settings, session, vault, &key));
	account->key = keep_key(account->arena, &key);
	return E_OK;
}

/* In the words of the last search that failed, so that a condition says the same all along. */
static enum err turn_away(struct ctx *ctx, const struct account *account, msec_t wait)
{
	if (account->trouble == E_OK)
		fault_set(ctx, E_AGAIN, "AccountUnknown",
			  "the account at the CA is just being looked up");
	else
		ctx->fault = account->fault;
	ctx->fault.is_untried = true;
	ctx->fault.retry_after_ms = wait;
	return account->trouble == E_THROTTLED ? E_THROTTLED : E_AGAIN;
}

/* E_OK: it is found, or the search is the caller's. One searches for all: a CA that says nothing
 * keeps no second worker, and the vault is not asked by every hostname. */
static enum err claim(struct ctx *ctx, struct account *account, bool *is_ours)
{
	msec_t now = ctx_mono(ctx), waited = now - account->began;

	*is_ours = false;
	if (account->is_found)
		return E_OK;
	if (waited < FIRST_LOOK)
		waited = FIRST_LOOK;
	if (account->is_searched)
		return turn_away(ctx, account, waited < LAST_WAIT ? waited : LAST_WAIT);
	if (now < account->due)
		return turn_away(ctx, account, account->due - now);
	account->began = now;
	account->is_searched = *is_ours = true;
	return E_OK;
}

/* A refusal waits for somebody to change something: who asks after that is not put off. */
static void conclude(struct ctx *ctx, struct account *account, enum err err)
{
	bool is_passing = err == E_AGAIN || err == E_CONFLICT || err == E_THROTTLED;
	msec_t wait = msec_double(FIRST_WAIT, account->failures, LAST_WAIT);

	account->is_searched = false;
	account->is_found = err == E_OK;
	account->trouble = is_passing ? err : E_OK;
	account->failures = is_passing ? account->failures + 1 : 0;
	if (!is_passing)
		return;
	account->fault = ctx->fault;
	if (ctx->fault.is_untried || ctx->fault.retry_after_ms > wait)
		wait = ctx->fault.retry_after_ms;
	account->due = msec_add(ctx_mono(ctx), wait);
}

static enum err ensure_found(struct ctx *ctx, struct account *account,
			     const struct settings *settings, struct keyvault *vault,
			     struct acme_session *session)
{
	bool is_ours;
	enum err err;

	pthread_mutex_lock(&account->lock);
	err = claim(ctx, account, &is_ours);
	pthread_mutex_unlock(&account->lock);
	if (!is_ours)
		return err;
	err = find(ctx, account, settings, vault, session);
	if (err != E_OK)
		fault_wrap(ctx, err, "account");
	pthread_mutex_lock(&account->lock);
	conclude(ctx, account, err);
	pthread_mutex_unlock(&account->lock);
	return err;
}

enum err account_session(struct ctx *ctx, struct account *account, const struct settings *settings,
			 struct acme *acme, struct http *http, struct keyvault *vault,
			 struct acme_session *out)
{
	const char *url;

	*out = (struct acme_session){.acme = acme, .http = http};
	TRY(ensure_found(ctx, account, settings, vault, out));
	out->signer = account->signer ? account->signer
				      : keyvault_signer(ctx, vault, &account->key);
	return acme_account_ensure(ctx, out, settings->acme_email, &url);
}
