#include "acme/order.h"

#include <string.h>

#include "acme/account.h"
#include "acme/acme_internal.h"
#include "acme/client.h"
#include "acme/directory.h"
#include "acme/post.h"
#include "acme/problem.h"
#include "base/text.h"
#include "codec/json.h"

#define AUTHORIZATIONS_MAX 100
#define CHAIN_BYTES_MAX	   ((size_t)64 * 1024)
#define PEM_BEGIN	   "-----BEGIN CERTIFICATE-----"
#define PEM_END		   "-----END CERTIFICATE-----"

static const char *const what = "the order";

/* An optional URL of the order; NULL when absent. */
static enum err read_url(struct ctx *ctx, const struct acme *acme, const struct json *json,
			 const char *member, const char **out)
{
	*out = json_get_text(json, member);
	return *out ? acme_check_url(ctx, acme, *out) : E_OK;
}

static enum err read_authorizations(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
				    const struct json *json, struct acme_order *out)
{
	const struct json *list = json_get(json, "authorizations");

	if (list && !json_is_array(list))
		return acme_garbled(ctx, acme, kind, what, "has authorizations that are no list");
	if (json_size(list) > AUTHORIZATIONS_MAX)
		return acme_garbled(ctx, acme, kind, what, "has more than 100 authorizations");
	out->authorizations = arena_new_array(ctx->arena, const char *, json_size(list) + 1);
	json_for_each (entry, list) {
		if (!json_text(entry))
			return acme_garbled(ctx, acme, kind, what,
					    "has an authorization that is no URL");
		TRY(acme_check_url(ctx, acme, json_text(entry)));
		out->authorizations[out->authorization_count++] = json_text(entry);
	}
	return E_OK;
}

/* What the next step in this status cannot do without. */
static const char *find_gap(const struct acme_order *order, const struct json *json)
{
	if (!json_get_text(json, "status"))
		return "has no status";
	if ((order->status == ACME_PENDING || order->status == ACME_READY) && !order->finalize)
		return "has no finalize URL";
	if (order->status == ACME_VALID && !order->certificate)
		return "is valid and has no certificate URL";
	return NULL;
}

static enum err read_order(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
			   const struct http_reply *reply, const char *url, struct acme_order *out)
{
	struct json *json;
	const char *gap;

	TRY(acme_reply_object(ctx, acme, kind, what, reply, &json));
	*out = (struct acme_order){
		.url = url,
		.status = acme_status_parse(json_get_text(json, "status")),
		.expires = acme_time(json, "expires"),
		.retry_after = http_retry_after(ctx, reply),
	};
	acme_problem_from_json(ctx, json_get(json, "error"), &out->error);
	TRY(read_url(ctx, acme, json, "finalize", &out->finalize));
	TRY(read_url(ctx, acme, json, "certificate", &out->certificate));
	TRY(read_authorizations(ctx, acme, kind, json, out));
	gap = find_gap(out, json);
	return gap ? acme_garbled(ctx, acme, kind, what, gap) : E_OK;
}

static char *new_order_payload(struct ctx *ctx, const char *const *hostnames, size_t count)
{
	struct json *payload = json_object(ctx);
	struct json *identifiers = json_array(ctx);

	for (size_t i = 0; i < count; i++) {
		struct json *identifier = json_object(ctx);

		json_set_text(ctx, identifier, "type", "dns");
		json_set_text(ctx, identifier, "value", hostnames[i]);
		json_append(ctx, identifiers, identifier);
	}
	json_set(ctx, payload, "identifiers", identifiers);
	return json_print(ctx, payload);
}

static enum err read_new_order(struct ctx *ctx, const struct acme *acme,
			       const struct http_reply *reply, struct acme_order *out)
{
	const char *location = http_header(reply, "Location");

	if (!location)
		return acme_garbled(ctx, acme, HTTP_ONE_SHOT, "the new order", "has no Location");
	TRY(acme_check_url(ctx, acme, location));
	return read_order(ctx, acme, HTTP_ONE_SHOT, reply, arena_strdup(ctx->arena, location), out);
}

enum err acme_order_new(struct ctx *ctx, struct acme_session *session, const char *const *hostnames,
			size_t count, struct acme_order *out)
{
	struct acme_post post = {
		.kind = HTTP_ONE_SHOT,
		.payload = new_order_payload(ctx, hostnames, count),
	};
	struct acme_directory directory;
	struct acme_answer answer;
	enum err err;

	TRY(acme_directory_get(ctx, session, &directory));
	post.url = directory.new_order;
	err = acme_account_post(ctx, session, &post, &answer);
	if (err == E_NOTFOUND) {
		acme_directory_expire(session->acme);
		return fault_wrap(ctx, E_AGAIN, "the CA's newOrder");
	}
	TRY(err);
	err = read_new_order(ctx, session->acme, &answer.reply, out);
	/* The order stands and counts, and the next one would look the same. */
	if (err == E_REFUSED)
		ctx->fault.by_ca = 1;
	return err;
}

/* What the CA will not show to this account (another key's, or one of a closed account) is as lost
 * as what it never saw; CAs say so with 401, 403 or 404. */
static enum err judge_lost(enum err err, const struct acme_problem *problem)
{
	return err == E_REFUSED && text_equals(problem->type, "unauthorized") ? E_NOTFOUND : err;
}

enum err acme_order_get(struct ctx *ctx, struct acme_session *session, const char *url,
			struct acme_order *out)
{
	struct acme_post post = {.kind = HTTP_READ, .url = url, .payload = ""};
	struct acme_answer answer;
	enum err err;

	/* Recorded while another CA was configured. */
	if (acme_check_url(ctx, session->acme, url) != E_OK)
		return E_NOTFOUND;
	err = acme_account_post(ctx, session, &post, &answer);
	if (err)
		return judge_lost(err, &answer.problem);
	return read_order(ctx, session->acme, HTTP_READ, &answer.reply, url, out);
}

enum err acme_order_finalize(struct ctx *ctx, struct acme_session *session, const char *order_url,
			     const char *finalize_url, const void *csr_der, size_t csr_size,
			     struct acme_order *out)
{
	struct json *payload = json_object(ctx);
	struct acme_post post = {.kind = HTTP_ONE_SHOT, .url = finalize_url};
	struct acme_answer answer;
	enum err err;

	json_set_text(ctx, payload, "csr", base64url_encode(ctx, csr_der, csr_size));
	post.payload = json_print(ctx, payload);
	err = acme_account_post(ctx, session, &post, &answer);
	if (err == E_NOTFOUND)
		return E_CONFLICT;
	TRY(err);
	err = read_order(ctx, session->acme, HTTP_ONE_SHOT, &answer.reply, order_url, out);
	/* Whatever is wrong with the answer, the CSR was taken: only the order itself can tell
	 * what became of it. */
	return err == E_REFUSED ? E_CONFLICT : err;
}

/* Every certificate that begins has its end, and nothing begins behind the last. */
static bool is_whole(const char *pem)
{
	const char *end = NULL, *begin = strstr(pem, PEM_BEGIN);

	while (begin) {
		end = strstr(begin, PEM_END);
		if (!end)
			return false;
		end += strlen(PEM_END);
		begin = strstr(end, PEM_BEGIN);
	}
	return end && end[strspn(end, " \t\r\n")] != '-';
}

enum err acme_certificate_get(struct ctx *ctx, struct acme_session *session, const char *url,
			      const char **pem, size_t *size)
{
	struct acme_post post = {
		.kind = HTTP_READ,
		.url = url,
		.payload = "",
		.accept = "application/pem-certificate-chain",
		.reply_bytes_max = CHAIN_BYTES_MAX,
	};
	struct acme_answer answer;
	enum err err;

	err = acme_account_post(ctx, session, &post, &answer);
	if (err)
		return judge_lost(err, &answer.problem);
	if (!is_whole(answer.reply.body))
		return acme_garbled(ctx, session->acme, HTTP_READ, "the certificate",
				    "is no whole PEM chain");
	*pem = answer.reply.body;
	*size = answer.reply.body_size;
	return E_OK;
}
