/* What a CA says when it says no: a line "STATUS RETRY-AFTER", then the body. As the answer to a
 * request, and as the error of an order and of a challenge. What becomes of it is told in printable
 * text, and the same both times; nothing is waited for that was not asked for. */
#include <ctype.h>
#include <stdio.h>

#include "acme/challenge.h"
#include "acme/order.h"
#include "base/utf8.h"
#include "fuzz/peer_ca.h"

#define RETRY_AFTER_MAX 64

struct input {
	int status;
	char retry_after[RETRY_AFTER_MAX + 1];
	char *body;
	struct http_header headers[3];
};

static void read_input(const uint8_t *data, size_t size, struct input *out)
{
	char *text = fuzz_text(data, size), *line = text;
	size_t digits = strspn(text, "0123456789"), length;

	*out = (struct input){.status = digits ? (int)strtol(text, NULL, 10) % 600 : 400};
	if (out->status < 300) /* no refusal */
		out->status += 300;
	line += digits;
	line += *line == ' ';
	length = strcspn(line, "\n");
	snprintf(out->retry_after, sizeof(out->retry_after), "%.*s", (int)length, line);
	line += length;
	line += *line == '\n';
	out->body = strdup(line);
	assert(out->body);
	free(text);
}

/* One line: no C0, DEL or C1. */
static void check_line(const char *text)
{
	assert(utf8_check(text, strlen(text)) == strlen(text));
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		assert(*at >= ' ' && *at != 127 && !(*at == 0xc2 && at[1] < 0xa0));
}

static void check_problem(const struct acme_problem *problem)
{
	check_line(problem->detail);
	if (problem->type)
		assert(*problem->type && strlen(problem->type) <= 64);
	for (const char *at = problem->type; at && *at; at++)
		assert(isalnum((unsigned char)*at) || *at == '-' || *at == '_');
}

static void check_fault(const struct fault *fault, enum err err, const struct input *input)
{
	assert(err != E_OK && err != E_CANCELLED);
	assert(fault->reason[0] && text_starts_with(fault->text, "The CA (ca.example) "));
	check_line(fault->text);
	for (const char *at = fault->reason; *at; at++)
		assert(isalnum((unsigned char)*at));
	assert(err == E_THROTTLED || fault->retry_after_ms == 0);
	assert(input->retry_after[0] || fault->retry_after_ms == 0);
	assert(!fault->for_all || err == E_THROTTLED);
	assert(!fault->by_ca || err == E_REFUSED || err == E_THROTTLED);
	assert(fault->http_status == input->status && fault->backoff_max_ms > 0);
}

static enum err ask(struct ctx *ctx, struct peer_ca *ca, bool is_new, struct acme_order *order)
{
	static const char *const names[] = {"example.com"};

	return is_new ? acme_order_new(ctx, &ca->session, names, 1, order)
		      : acme_order_get(ctx, &ca->session, PEER_ORDER, order);
}

/* E_NOTFOUND, and what order.c makes of it, is said with the texts of others. */
static void check_answer(struct ctx *ctx, struct peer_ca *ca, struct input *input, bool is_new)
{
	struct acme_order order;
	struct fault first;
	enum err err;

	ca->answer = (struct http_reply){input->status, input->headers,
					 input->retry_after[0] ? 2 : 1, input->body,
					 strlen(input->body)};
	err = ask(ctx, ca, is_new, &order);
	if (err == E_NOTFOUND || (is_new && err == E_AGAIN && input->status == 404))
		return;
	check_fault(&ctx->fault, err, input);
	first = ctx->fault;
	assert(ask(ctx, ca, is_new, &order) == err);
	if (err != E_THROTTLED) /* a date comes nearer */
		assert(strcmp(first.text, ctx->fault.text) == 0);
	assert(strcmp(first.reason, ctx->fault.reason) == 0);
}

static void check_member(struct ctx *ctx, struct peer_ca *ca, const struct input *input)
{
	struct acme_authorization authorization;
	struct acme_order order;

	ca->answer = (struct http_reply){.status = 200};
	ca->answer.body = arena_printf(ctx->arena, "{\"status\":\"invalid\",\"error\":%s}",
				       input->body);
	ca->answer.body_size = strlen(ca->answer.body);
	if (acme_order_get(ctx, &ca->session, PEER_ORDER, &order) == E_OK)
		check_problem(&order.error);
	ca->answer.body =
		arena_printf(ctx->arena,
			     "{\"status\":\"invalid\",\"identifier\":{\"type\":\"dns\","
			     "\"value\":\"example.com\"},\"challenges\":[{\"type\":"
			     "\"http-01\",\"url\":\"" PEER_CA "/challenge/1\",\"token\":"
			     "\"0123456789abcdef\",\"status\":\"invalid\",\"error\":%s}]}",
			     input->body);
	ca->answer.body_size = strlen(ca->answer.body);
	if (acme_authorization_get(ctx, &ca->session, PEER_CA "/authz/1", &authorization) == E_OK)
		check_problem(&authorization.error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peer_ca ca;
	struct ctx ctx cleanup_ctx;
	struct input input;

	fuzz_begin(&ctx);
	if (!ca.session.acme)
		peer_ca_init(&ca);
	read_input(data, size, &input);
	input.headers[0] = (struct http_header){"Replay-Nonce", "nonce"};
	input.headers[1] = (struct http_header){"Retry-After", input.retry_after};
	check_answer(&ctx, &ca, &input, false);
	check_answer(&ctx, &ca, &input, true);
	check_member(&ctx, &ca, &input);
	free(input.body);
	return 0;
}
