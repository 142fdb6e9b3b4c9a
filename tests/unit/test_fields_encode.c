#include "codec/fields_encode.h"
#include "thing.h"

static void encodes_in_table_order(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct problems problems;
	struct thing t;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(
		decode_thing(&ctx,
			     "parts: [{name: p}]\nkeys: [a, b]\napiKey: k\nnote: n\nname: x\n",
			     &problems, &t),
		E_OK);
	assert_string_equal(
		json_print(&ctx, fields_encode(&ctx, thing_fields, &t, 0)),
		"{\"name\":\"x\",\"Kind\":\"Thing\",\"apiKey\":\"k\",\"note\":\"n\",\"workers\":4,"
		"\"pin\":0,\"any\":0,"
		"\"on\":true,\"size\":\"Large\",\"keys\":[\"a\",\"b\"],\"inner\":{\"code\":-3},"
		"\"parts\":[{\"name\":\"p\",\"weight\":7,\"isHeavy\":false}]}");
	assert_string_equal(
		json_print(&ctx, fields_encode(&ctx, thing_fields, &t,
					       FIELD_SECRET | FIELD_INTERNAL | FIELD_NOCASE)),
		"{\"name\":\"x\",\"apiKey\":\"***\",\"workers\":4,\"pin\":\"***\",\"any\":0,"
		"\"on\":true,\"size\":\"Large\",\"keys\":[\"***\"],\"inner\":{\"code\":-3},"
		"\"parts\":[{\"name\":\"p\",\"weight\":7,\"isHeavy\":false}]}");
}

/* decode(encode(x)) == x */

static uint64_t random_state = 88172645463325252;

static unsigned random_below(unsigned end)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % end);
}

static const char *random_text(struct ctx *ctx)
{
	static const char *const texts[] = {"",
					    "1",
					    "true",
					    "null",
					    "~",
					    "a b",
					    "\xC3\xBC",
					    "\"",
					    "\\",
					    "\n",
					    "\t",
					    "- x",
					    "a: b",
					    "#",
					    "{}",
					    "\x01\x7F",
					    "\xF0\x9F\x98\x80",
					    "0x1",
					    "2020-01-01"};

	return arena_printf(ctx->arena, "%s%s", texts[random_below(ARRAY_SIZE(texts))],
			    texts[random_below(ARRAY_SIZE(texts))]);
}

static struct texts random_texts(struct ctx *ctx)
{
	struct texts texts = {.count = random_below(4)};

	texts.items = arena_new_array(ctx->arena, const char *, texts.count + 1);
	for (size_t i = 0; i < texts.count; i++)
		texts.items[i] = random_text(ctx);
	return texts;
}

static struct text_map random_map(struct ctx *ctx)
{
	struct text_map map = {.count = random_below(4)};

	map.items = arena_new_array(ctx->arena, struct text_pair, map.count + 1);
	for (size_t i = 0; i < map.count; i++)
		map.items[i] = (struct text_pair){
			arena_printf(ctx->arena, "%zu%s", i, random_text(ctx)), random_text(ctx)};
	return map;
}

static struct thing random_thing(struct ctx *ctx)
{
	struct thing t = {
		.name = random_below(2) ? "x" : "\xC3\xBC\n",
		.kind = random_text(ctx),
		.key = random_below(2) ? random_text(ctx) : NULL,
		.workers = 1 + random_below(64),
		.any = (int64_t)random_state,
		.is_on = random_below(2),
		.size = (int)random_below(2),
		.tags = random_texts(ctx),
		.keys = random_texts(ctx),
		.since = random_below(2) ? random_below(1U << 31) * (msec_t)1000
					 : random_below(99999),
		.labels = random_map(ctx),
		.inner = {.city = random_text(ctx), .code = (int64_t)random_state},
		.parts = {.count = random_below(3)},
	};
	struct part *parts = arena_new_array(ctx->arena, struct part, t.parts.count + 1);

	for (size_t i = 0; i < t.parts.count; i++)
		parts[i] = (struct part){random_text(ctx), random_below(9), random_below(2)};
	t.parts.items = parts;
	return t;
}

static void check_equal(const struct thing *a, const struct thing *b)
{
	const struct part *p = a->parts.items, *q = b->parts.items;

	assert_true(text_equals(a->name, b->name) && text_equals(a->kind, b->kind));
	assert_true(text_equals(a->key, b->key) && text_equals(a->inner.city, b->inner.city));
	assert_true(a->workers == b->workers && a->any == b->any && a->is_on == b->is_on);
	assert_true(a->size == b->size && a->since == b->since && a->inner.code == b->inner.code);
	assert_true(a->tags.count == b->tags.count && a->keys.count == b->keys.count);
	assert_true(a->labels.count == b->labels.count && a->parts.count == b->parts.count);
	for (size_t i = 0; i < a->tags.count; i++)
		assert_string_equal(a->tags.items[i], b->tags.items[i]);
	for (size_t i = 0; i < a->labels.count; i++) {
		assert_string_equal(a->labels.items[i].key, b->labels.items[i].key);
		assert_string_equal(a->labels.items[i].value, b->labels.items[i].value);
	}
	for (size_t i = 0; i < a->parts.count; i++) {
		assert_true(text_equals(p[i].name, q[i].name) && p[i].weight == q[i].weight);
		assert_int_equal(p[i].is_heavy, q[i].is_heavy);
	}
}

static void what_was_encoded_decodes_to_the_same(void **state)
{
	(void)state;
	for (int i = 0; i < 5000; i++) {
		struct ctx ctx cleanup_ctx;
		struct thing thing, from_text, from_tree;
		struct problems problems;
		struct json *json;
		char *text;

		check_begin(&ctx);
		thing = random_thing(&ctx);
		json = fields_encode(&ctx, thing_fields, &thing, 0);
		text = json_print(&ctx, json);
		if (decode_thing(&ctx, text, &problems, &from_text) != E_OK)
			fail_msg("%s: %s", text, ctx.fault.text);
		check_equal(&thing, &from_text);
		assert_int_equal(fields_decode(&ctx, thing_fields, NULL, "",
					       node_from_json(&ctx, json), &problems, &from_tree),
				 E_OK);
		check_equal(&thing, &from_tree);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_in_table_order),
		cmocka_unit_test(what_was_encoded_decodes_to_the_same),
	};

	return cmocka_run_group_tests_name("fields_encode", tests, NULL, NULL);
}
