/* A body is either refused with a reason for each complaint, or names hostnames in normal form,
 * none twice; the same for one that brings a key, and then it can be sealed. */
#include "api/dnsname.h"
#include "base/text.h"
#include "durable/importbody.h"
#include "fuzz/fuzz.h"

static void check_hostnames(struct ctx *ctx, const struct texts *hostnames)
{
	assert(hostnames->count >= 1 && hostnames->count <= STARTBODY_HOSTNAMES_MAX);
	for (size_t i = 0; i < hostnames->count; i++) {
		const char *again = NULL;

		assert(hostname_normalise(ctx, hostnames->items[i], 0, &again) == E_OK);
		assert(text_equals(again, hostnames->items[i]));
		for (size_t j = 0; j < i; j++)
			assert(!text_equals(hostnames->items[i], hostnames->items[j]));
	}
}

static void check_problems(const struct startbody *body)
{
	assert((body->problems.errors > 0) == (body->code != NULL));
	for (const struct problem *problem = body->problems.first; problem; problem = problem->next)
		assert(problem->text[0]);
}

static void check_import(struct ctx *ctx, const struct request *request)
{
	const struct startbody_rules rules = {.endpoint = "Import", .instead = "send several"};
	struct importbody import;
	struct startbody body;

	startbody_parse(ctx, request, &rules, &body);
	importbody_parse(ctx, &body, &import);
	check_problems(&body);
	if (body.problems.errors == 0)
		assert(body.hostnames.count == 1 && import.leaf_sha256 && import.not_after > 0 &&
		       importbody_text(ctx, &import)[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct startbody_rules rules = {.endpoint = "Several", .takes_list = true};
	struct request request = {.body_size = size};
	struct startbody body;
	struct ctx ctx cleanup_ctx;

	fuzz_begin(&ctx);
	request.body = arena_copy(ctx.arena, size ? (const char *)data : "", size);
	startbody_parse(&ctx, &request, &rules, &body);
	check_problems(&body);
	if (body.problems.errors == 0)
		check_hostnames(&ctx, &body.hostnames);
	check_import(&ctx, &request);
	return 0;
}
