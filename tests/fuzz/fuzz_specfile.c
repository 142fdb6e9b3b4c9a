/* A file names hostnames in normal form; each claim has a content or a problem with its place, and
 * whoever wrote something that counts for nothing is told. */
#include "api/dnsname.h"
#include "base/text.h"
#include "codec/json.h"
#include "fuzz/fuzz.h"
#include "specdir/specfile.h"

static void check_claim(struct ctx *ctx, const struct specfile *file, const struct claim *claim)
{
	const char *again = NULL;
	struct json *content;

	assert(claim->file == file && claim->line > 0);
	assert(hostname_normalise(ctx, claim->hostname, 0, &again) == E_OK);
	assert(text_equals(again, claim->hostname));
	if (!claim->content) {
		assert(claim->problem && text_starts_with(claim->problem, file->path));
		return;
	}
	assert(json_parse(ctx, claim->content, strlen(claim->content), &content) == E_OK);
	assert(text_equals(json_print(ctx, content), claim->content));
}

static void check_copy(struct ctx *ctx, const struct specfile *file)
{
	const struct specfile *copy = specfile_copy(ctx, file);

	assert(copy->count == file->count && copy->problems.errors == file->problems.errors);
	for (size_t i = 0; i < copy->count; i++) {
		assert(copy->claims[i].file == copy);
		assert(text_equals(copy->claims[i].hostname, file->claims[i].hostname));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct specfile file = {.path = "sites.yaml"};
	size_t usable = 0;
	struct ctx ctx cleanup_ctx;

	fuzz_begin(&ctx);
	specfile_parse(&ctx, &file, size ? (const char *)data : "", size);
	for (size_t i = 0; i < file.count; i++) {
		check_claim(&ctx, &file, &file.claims[i]);
		usable += file.claims[i].content != NULL;
	}
	assert(usable == file.count || file.problems.errors > 0);
	assert(!file.may_hide || file.problems.first);
	for (const struct problem *problem = file.problems.first; problem; problem = problem->next)
		assert(problem->text[0]);
	check_copy(&ctx, &file);
	return 0;
}
