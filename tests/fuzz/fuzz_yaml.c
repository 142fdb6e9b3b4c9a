/* A refusal has exactly one problem, with its place; JSON that fits the limits reads as JSON reads
 * it. */
#include "codec/yaml.h"
#include "fuzz/fuzz.h"

static unsigned depth_of(const struct node *node)
{
	unsigned deepest = 0;

	for (const struct node *child = node->first; child; child = child->next) {
		unsigned depth = depth_of(child);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + (node->kind == NODE_MAP || node->kind == NODE_LIST);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx ctx cleanup_ctx;
	struct problems problems;
	struct node **documents = NULL;
	struct json *json = NULL;
	size_t count = 0;

	fuzz_begin(&ctx);
	problems_init(&problems);
	if (yaml_parse(&ctx, "f", (const char *)data, size, &problems, &documents, &count) !=
	    E_OK) {
		assert(problems.errors == 1);
		assert(problems.first->line > 0 || size > YAML_SIZE_MAX);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		assert(depth_of(documents[i]) <= 16);
	if (json_parse(&ctx, (const char *)data, size, &json) == E_OK && json_first(json)) {
		assert(count == 1);
		assert(json_equal(node_to_json(&ctx, documents[0]), json));
	}
	return 0;
}
