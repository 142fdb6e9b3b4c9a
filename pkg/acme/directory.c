#include "acme/directory.h"

#include <string.h>

#include "acme/acme_internal.h"
#include "acme/client.h"
#include "acme/nonce.h"
#include "base/text.h"
#include "codec/json.h"

#define KEPT_FOR	    MSEC_PER_DAY
#define RETRY_AFTER_FAILURE MSEC_PER_MIN
#define FIRST_LOOK	    (MSEC_PER_SEC / 4)
#define CAA_IDENTITIES_MAX  16

static void copy(struct arena *arena, const struct acme_directory *from, struct acme_directory *to)
{
	*to = (struct acme_directory){
		.new_nonce = arena_strdup(arena, from->new_nonce),
		.new_account = arena_strdup(arena, from->new_account),
		.new_order = arena_strdup(arena, from->new_order),
		.caa_identities = arena_new_array(arena, const char *, from->caa_count + 1),
		.caa_count = from->caa_count,
	};
	for (size_t i = 0; i < from->caa_count; i++)
		to->caa_identities[i] = arena_strdup(arena, from->caa_identities[i]);
}

static enum err read_url(struct ctx *ctx, const struct acme *acme, const struct json *json,
			 const char *member, const char **out)
{
	*out = json_get_text(json, member);
	if (!*out)
		return acme_garbled(ctx, acme, HTTP_READ, "its directory",
				    arena_printf(ctx->arena, "has no %s", member));
	return acme_check_url(ctx, acme, *out);
}

static void read_caa_identities(struct ctx *ctx, const struct json *json,
				struct acme_directory *out)
{
	out->caa_identities = arena_new_array(ctx->arena, const char *, CAA_IDENTITIES_MAX);
	json_for_each (entry, json_path(json, "meta.caaIdentities")) {
		if (out->caa_count == CAA_IDENTITIES_MAX)
			return;
		if (json_text(entry))
			out->caa_identities[out->caa_count++] = json_text(entry);
	}
}

static enum err fetch(struct ctx *ctx, struct acme_session *session, struct acme_directory *out)
{
	struct acme *acme = session->acme;
	struct http_reply reply;
	struct json *json;
	enum err err = acme_get(ctx, session, "GET", acme->directory_url, &reply);

	/* "Not found" is an answer about orders and accounts only. */
	if (err == E_NOTFOUND)
		return fault_set(
			ctx, E_REFUSED, "CADirectoryNotFound",
			"%s has no ACME directory at %s: check the configured directory URL",
			acme_who(ctx, acme), acme->directory_url);
	TRY(err);
	acme_nonce_keep(ctx, acme, acme_nonce_of(&reply));
	TRY(acme_reply_object(ctx, acme, HTTP_READ, "its directory", &reply, &json));
	*out = (struct acme_directory){0};
	TRY(read_url(ctx, acme, json, "newNonce", &out->new_nonce));
	TRY(read_url(ctx, acme, json, "newAccount", &out->new_account));
	TRY(read_url(ctx, acme, json, "newOrder", &out->new_order));
	read_caa_identities(ctx, json, out);
	return E_OK;
}

/* Whether the answer stands without a question to the CA. If not, the question is the caller's to
 * ask; until it has put the answer down, the others are served what there is, or turned away. */
static bool is_answered(struct ctx *ctx, struct acme *acme, struct acme_directory *out,
			enum err *err)
{
	msec_t now = ctx_mono(ctx), waited = now - acme->directory_asked;
	bool has_one = acme->directory_memory != NULL;

	*err = E_OK;
	if (has_one && (now < acme->directory_due || acme->directory_is_coming)) {
		copy(ctx->arena, &acme->directory, out);
		return true;
	}
	if (acme->directory_is_coming) {
		*err = fault_set(ctx, E_AGAIN, "Timeout", "%s has not sent its directory yet",
				 acme_who(ctx, acme));
		ctx->fault.is_untried = true;
		ctx->fault.retry_after_ms = waited > FIRST_LOOK ? waited : FIRST_LOOK;
		return true;
	}
	acme->directory_is_coming = true;
	acme->directory_asked = now;
	return false;
}

static void remember(struct ctx *ctx, struct acme *acme, const struct acme_directory *directory)
{
	struct arena *memory = arena_new();

	arena_free(acme->directory_memory);
	acme->directory_memory = memory;
	copy(memory, directory, &acme->directory);
	acme->directory_due = msec_add(ctx_mono(ctx), KEPT_FOR);
}

/* One that is due is better than none; then nobody asks again for a while. */
static bool take_stale(struct ctx *ctx, struct acme *acme, struct acme_directory *out)
{
	acme->directory_due = msec_add(ctx_mono(ctx), RETRY_AFTER_FAILURE);
	if (acme->directory_memory)
		copy(ctx->arena, &acme->directory, out);
	return acme->directory_memory != NULL;
}

static enum err put_down(struct ctx *ctx, struct acme *acme, enum err err,
			 struct acme_directory *out)
{
	bool is_there = false;

	pthread_mutex_lock(&acme->lock);
	acme->directory_is_coming = false;
	if (err != E_CANCELLED)
		acme->directory_failed = err != E_OK;
	if (err == E_OK)
		remember(ctx, acme, out);
	else if (err != E_CANCELLED)
		is_there = take_stale(ctx, acme, out);
	pthread_mutex_unlock(&acme->lock);
	if (!is_there)
		return err;
	fault_clear(ctx);
	return E_OK;
}

enum err acme_directory_get(struct ctx *ctx, struct acme_session *session,
			    struct acme_directory *out)
{
	struct acme *acme = session->acme;
	bool has_answer;
	enum err err;

	pthread_mutex_lock(&acme->lock);
	has_answer = is_answered(ctx, acme, out, &err);
	pthread_mutex_unlock(&acme->lock);
	if (has_answer)
		return err;
	return put_down(ctx, acme, fetch(ctx, session, out), out);
}

void acme_directory_expire(struct acme *acme)
{
	pthread_mutex_lock(&acme->lock);
	acme->directory_due = 0;
	pthread_mutex_unlock(&acme->lock);
}

static bool is_known_to_fail(struct acme *acme)
{
	bool is_known;

	pthread_mutex_lock(&acme->lock);
	is_known = acme->directory_failed && !acme->directory_memory;
	pthread_mutex_unlock(&acme->lock);
	return is_known;
}

enum err acme_caa_identities(struct ctx *ctx, struct acme_session *session,
			     const char *const **identities, size_t *count)
{
	struct acme_directory directory;
	enum err err = is_known_to_fail(session->acme)
			       ? E_NOTFOUND
			       : acme_directory_get(ctx, session, &directory);

	if (err != E_OK)
		return err == E_AGAIN && ctx->fault.is_untried ? E_AGAIN : E_NOTFOUND;
	*identities = directory.caa_identities;
	*count = directory.caa_count;
	return E_OK;
}
