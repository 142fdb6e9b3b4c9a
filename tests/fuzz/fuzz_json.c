/* What is accepted is printed as something that reads as the same; what is not is told, and to
 * peers without content. */
#include "codec/json.h"
#include "codec/node.h"
#include "fuzz/fuzz.h"

static void check_round_trip(struct ctx *ctx, const struct json *json, char *printed)
{
	struct json *again = NULL;

	assert(json_parse(ctx, printed, strlen(printed), &again) == E_OK);
	assert(json_equal(json, again) && json_equal(again, json));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx ctx cleanup_ctx;
	struct json *json = NULL, *same = NULL;
	char *printed;

	fuzz_begin(&ctx);
	if (json_parse(&ctx, (const char *)data, size, &json) != E_OK) {
		assert(strncmp(ctx.fault.text, "line ", 5) == 0);
		assert(json_parse_reply(&ctx, (const char *)data, size, &json) == E_AGAIN);
		assert(strncmp(ctx.fault.text, "the answer of ", 14) == 0);
		return 0;
	}
	printed = json_print(&ctx, json);
	check_round_trip(&ctx, json, printed);
	check_round_trip(&ctx, json, json_print_pretty(&ctx, json));
	same = node_to_json(&ctx, node_from_json(&ctx, json));
	assert(json_equal(json, same));
	assert(strcmp(json_print(&ctx, json_dup(&ctx, json)), printed) == 0);
	return 0;
}
