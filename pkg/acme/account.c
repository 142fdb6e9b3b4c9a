#include "acme/account.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "acme/acme_internal.h"
#include "acme/client.h"
#include "acme/directory.h"
#include "acme/post.h"
#include "base/heap.h"
#include "base/text.h"
#include "codec/json.h"

/* Costs no signature. */
static enum err thumbprint(struct ctx *ctx, struct acme_session *session, char **out)
{
	struct jwk jwk;
	enum err err = session->signer->public_key(ctx, session->signer, &jwk);

	if (err == E_OK)
		err = jwk_thumbprint(ctx, &jwk, out);
	if (err == E_OK)
		return E_OK;
	/* "No such key" is no answer about accounts. */
	return fault_wrap(ctx, err == E_NOTFOUND ? E_REFUSED : err,
			  "reading the ACME account's key");
}

static const char *remembered(struct ctx *ctx, struct acme *acme, const char *key)
{
	const char *url = NULL;

	pthread_mutex_lock(&acme->lock);
	if (acme->account_url && text_equals(acme->account_thumbprint, key))
		url = arena_strdup(ctx->arena, acme->account_url);
	pthread_mutex_unlock(&acme->lock);
	return url;
}

static void remember(struct acme *acme, const char *key, const char *url)
{
	char *kept = heap_strdup(url);

	assert(strlen(key) < sizeof(acme->account_thumbprint));
	pthread_mutex_lock(&acme->lock);
	free(acme->account_url);
	acme->account_url = kept;
	memcpy(acme->account_thumbprint, key, strlen(key) + 1);
	pthread_mutex_unlock(&acme->lock);
}

/* RFC 8555 7.3: the account's URL is in Location, for a new one and for one that stands. */
static enum err read_account(struct ctx *ctx, struct acme *acme, const struct http_reply *reply,
			     const char **url)
{
	const char *location = http_header(reply, "Location");
	struct json *json;
	enum acme_status status;

	TRY(acme_reply_object(ctx, acme, HTTP_READ, "the account", reply, &json));
	status = acme_status_parse(json_get_text(json, "status"));
	if (status == ACME_DEACTIVATED || status == ACME_REVOKED)
		return fault_set(
			ctx, E_REFUSED, "AccountProblem",
			"%s says that the account of this key is %s: give gatecert another key",
			acme_who(ctx, acme), acme_status_name(status));
	if (!location)
		return acme_garbled(ctx, acme, HTTP_READ, "the account", "has no Location");
	TRY(acme_check_url(ctx, acme, location));
	*url = arena_strdup(ctx->arena, location);
	return E_OK;
}

/* E_NOTFOUND is accountDoesNotExist alone. Both questions are safe to repeat: an account belongs
 * to its key, and a second newAccount finds the first's. */
static enum err ask(struct ctx *ctx, struct acme_session *session, enum http_kind kind,
		    struct json *payload, const char **url)
{
	struct acme_directory directory;
	struct acme_post post = {.kind = kind};
	struct acme_answer answer;
	enum err err;

	TRY(acme_directory_get(ctx, session, &directory));
	post.url = directory.new_account;
	post.payload = json_print(ctx, payload);
	err = acme_post(ctx, session, &post, NULL, &answer);
	if (text_equals(answer.problem.type, "accountDoesNotExist"))
		return E_NOTFOUND;
	if (err == E_NOTFOUND) {
		acme_directory_expire(session->acme);
		return fault_wrap(ctx, E_AGAIN, "the CA's newAccount");
	}
	TRY(err);
	return read_account(ctx, session->acme, &answer.reply, url);
}

enum err acme_account_find(struct ctx *ctx, struct acme_session *session, const char **url)
{
	struct json *payload = json_object(ctx);
	char *key;
	enum err err;

	TRY(thumbprint(ctx, session, &key));
	*url = remembered(ctx, session->acme, key);
	if (*url)
		return E_OK;
	json_set_bool(ctx, payload, "onlyReturnExisting", true);
	err = ask(ctx, session, HTTP_READ, payload, url);
	if (err == E_OK)
		remember(session->acme, key, *url);
	return err;
}

enum err acme_account_ensure(struct ctx *ctx, struct acme_session *session, const char *email,
			     const char **url)
{
	struct json *payload = json_object(ctx);
	struct json *contacts = json_array(ctx);
	char *key;
	enum err err = acme_account_find(ctx, session, url);

	if (err != E_NOTFOUND)
		return err;
	fault_clear(ctx);
	TRY(thumbprint(ctx, session, &key));
	json_set_bool(ctx, payload, "termsOfServiceAgreed", true);
	if (email && *email) {
		json_append(ctx, contacts,
			    json_string(ctx, arena_printf(ctx->arena, "mailto:%s", email)));
		json_set(ctx, payload, "contact", contacts);
	}
	err = ask(ctx, session, HTTP_IDEMPOTENT, payload, url);
	if (err)
		return err == E_NOTFOUND ? E_AGAIN : err;
	remember(session->acme, key, *url);
	return E_OK;
}

static enum err find_url(struct ctx *ctx, struct acme_session *session, const char **url)
{
	enum err err = acme_account_find(ctx, session, url);

	return err == E_NOTFOUND ? E_AGAIN : err;
}

enum err acme_account_post(struct ctx *ctx, struct acme_session *session,
			   const struct acme_post *post, struct acme_answer *answer)
{
	const char *kid;

	*answer = (struct acme_answer){0};
	TRY(acme_check_url(ctx, session->acme, post->url));
	TRY(find_url(ctx, session, &kid));
	return acme_post(ctx, session, post, kid, answer);
}
