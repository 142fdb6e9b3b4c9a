/* What is persisted of an object is all of it, comes back as it was, and of that clients see what
 * is theirs. */
#include "api/kind.h"

#include <stdlib.h>

#include "api/gateway.h"
#include "api/hostname.h"
#include "api/instance.h"
#include "unit/check.h"

#define LIST_LENGTH 2
#define MOMENT	    1790000000123

static const struct {
	enum kind kind;
	const char *name, *plural;
} kinds[] = {
	{KIND_HOSTNAME, "Hostname", "hostnames"},
	{KIND_GATEWAY, "Gateway", "gateways"},
	{KIND_INSTANCE, "Instance", "instances"},
};

/* --- an object in which nothing is zero --- */

static void fill(struct ctx *ctx, const struct field *table, char *object, const char *path);

static struct objects fill_list(struct ctx *ctx, const struct field *field, const char *path)
{
	char *items = arena_alloc(ctx->arena, LIST_LENGTH * field->element_size);

	for (size_t i = 0; i < LIST_LENGTH; i++)
		fill(ctx, field->fields, items + i * field->element_size,
		     arena_printf(ctx->arena, "%s[%zu]", path, i));
	return (struct objects){items, LIST_LENGTH};
}

static void fill_field(struct ctx *ctx, const struct field *field, void *place, const char *path)
{
	struct texts texts = {arena_new_array(ctx->arena, const char *, 1), 1};
	struct text_map map = {arena_new_array(ctx->arena, struct text_pair, 1), 1};

	texts.items[0] = path;
	map.items[0] = (struct text_pair){"key", path};
	switch (field->type) {
	case FIELD_TEXT: *(const char **)place = path; break;
	case FIELD_INT: *(int64_t *)place = (int64_t)strlen(path); break;
	case FIELD_BOOL: *(bool *)place = true; break;
	case FIELD_CHOICE: *(int *)place = 1; break;
	case FIELD_TEXTS: *(struct texts *)place = texts; break;
	case FIELD_TIME: *(msec_t *)place = MOMENT + (msec_t)strlen(path); break;
	case FIELD_TEXT_MAP: *(struct text_map *)place = map; break;
	case FIELD_OBJECT: fill(ctx, field->fields, place, path); break;
	case FIELD_OBJECTS: *(struct objects *)place = fill_list(ctx, field, path); break;
	}
}

static void fill(struct ctx *ctx, const struct field *table, char *object, const char *path)
{
	for (; table->name; table++)
		fill_field(ctx, table, object + table->offset,
			   arena_printf(ctx->arena, "%s.%s", path, table->name));
}

static void *full_object(struct ctx *ctx, enum kind kind)
{
	char *object = arena_alloc(ctx->arena, kind_info(kind)->size);

	fill(ctx, kind_info(kind)->fields, object, kind_info(kind)->name);
	return object;
}

/* --- coverage: no member of a struct is forgotten by its table --- */

static void cover(const struct field *table, char *covered)
{
	static const size_t sizes[] = {
		[FIELD_TEXT] = sizeof(char *),
		[FIELD_INT] = sizeof(int64_t),
		[FIELD_BOOL] = sizeof(bool),
		[FIELD_CHOICE] = sizeof(int),
		[FIELD_TEXTS] = sizeof(struct texts),
		[FIELD_TIME] = sizeof(msec_t),
		[FIELD_TEXT_MAP] = sizeof(struct text_map),
		[FIELD_OBJECTS] = sizeof(struct objects),
	};

	for (; table->name; table++)
		if (table->type == FIELD_OBJECT)
			cover(table->fields, covered + table->offset);
		else
			memset(covered + table->offset, 1, sizes[table->type]);
}

static size_t longest_gap(const char *covered, size_t size)
{
	size_t gap = 0, longest = 0;

	for (size_t i = 0; i < size; i++) {
		gap = covered[i] ? 0 : gap + 1;
		longest = gap > longest ? gap : longest;
	}
	return longest;
}

/* What is less than a pointer may be padding. */
static void check_covered(struct ctx *ctx, const char *name, const struct field *table, size_t size)
{
	char *covered = arena_alloc(ctx->arena, size);

	cover(table, covered);
	check_row(name, longest_gap(covered, size) < sizeof(void *));
	for (; table->name; table++)
		if (table->type == FIELD_OBJECTS)
			check_covered(ctx, table->name, table->fields, table->element_size);
}

static void test_nothing_is_forgotten(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct kind_info *info = kind_info(kinds[i].kind);
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		check_row_text(kinds[i].name, info->name, kinds[i].name);
		check_row_text(kinds[i].name, info->plural, kinds[i].plural);
		check_row(kinds[i].name, info->status_offset + info->status_size <= info->size);
		check_covered(&ctx, kinds[i].name, info->fields, info->size);
	}
}

/* --- there and back --- */

static void test_there_and_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		enum kind kind = kinds[i].kind;
		struct ctx ctx cleanup_ctx;
		struct json *json, *parsed = NULL;
		const char *text;
		void *again;

		check_begin(&ctx);
		json = object_to_json(&ctx, kind, full_object(&ctx, kind), 0);
		text = json_print(&ctx, json);
		again = arena_alloc(ctx.arena, kind_info(kind)->size);
		assert_int_equal(json_parse(&ctx, text, strlen(text), &parsed), E_OK);
		if (object_from_json(&ctx, kind, parsed, again) != E_OK)
			fail_msg("%s: %s", kinds[i].name, ctx.fault.text);
		check_row_text(kinds[i].name,
			       json_print(&ctx, object_to_json(&ctx, kind, again, 0)), text);
		check_row_text(kinds[i].name, json_get_text(json, "apiVersion"), API_VERSION);
		check_row_text(kinds[i].name, json_get_text(json, "kind"), kinds[i].name);
	}
}

static void test_values_come_back(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct hostname before, after;

	(void)state;
	check_begin(&ctx);
	before = *(struct hostname *)full_object(&ctx, KIND_HOSTNAME);
	assert_int_equal(object_from_json(&ctx, KIND_HOSTNAME,
					  object_to_json(&ctx, KIND_HOSTNAME, &before, 0), &after),
			 E_OK);
	assert_int_equal(after.status.certificate.not_after, before.status.certificate.not_after);
	assert_int_equal(after.status.step_since, before.status.step_since);
	assert_int_equal(after.spec.key_type, KEY_TYPE_RSA_2048);
	assert_string_equal(after.status.issuance.csr, "Hostname.status.issuance.csr");
	assert_true(after.status.issuance.merge_intended);
	assert_int_equal(after.status.climbed.count, LIST_LENGTH);
	assert_string_equal(after.meta.labels.items[0].value, "Hostname.metadata.labels");
}

static void test_an_empty_object_stays_empty(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct hostname before = {.meta = {.name = "shop.example.com"}}, after;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(object_from_json(&ctx, KIND_HOSTNAME,
					  object_to_json(&ctx, KIND_HOSTNAME, &before, 0), &after),
			 E_OK);
	assert_null(after.status.step);
	assert_null(after.status.issuance.csr);
	assert_int_equal(after.status.certificate.not_after, 0);
	assert_int_equal(after.status.conditions.count, 0);
	assert_int_equal(after.meta.withdrawn, 0);
}

/* A time as milliseconds is what state files of before hold. */
static void test_a_request_of_before_is_read(void **state)
{
	static const char text[] = "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"accepted\":"
				   "1790000000123,\"retryRequested\":0}}";
	struct ctx ctx cleanup_ctx;
	struct instance instance;
	struct json *json;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(json_parse(&ctx, text, strlen(text), &json), E_OK);
	assert_int_equal(object_from_json(&ctx, KIND_INSTANCE, json, &instance), E_OK);
	assert_int_equal(instance.spec.accepted, MOMENT);
	assert_int_equal(instance.spec.retry_requested, 0);
	json = object_to_json(&ctx, KIND_INSTANCE, &instance, 0);
	assert_string_equal(json_text(json_path(json, "spec.accepted")),
			    "2026-09-21T14:13:20.123Z");
	assert_null(json_path(json, "spec.retryRequested"));
}

/* What says that nothing was said is read, as files of before have it, and not written. */
static void test_a_key_type_that_was_not_given(void **state)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"a.example.com\"},\"spec\":{\"keyType\":\"Default\"}}";
	struct ctx ctx cleanup_ctx;
	struct hostname hostname;
	struct json *json;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(json_parse(&ctx, text, strlen(text), &json), E_OK);
	assert_int_equal(object_from_json(&ctx, KIND_HOSTNAME, json, &hostname), E_OK);
	assert_int_equal(hostname.spec.key_type, KEY_TYPE_DEFAULT);
	assert_null(json_path(object_to_json(&ctx, KIND_HOSTNAME, &hostname, 0), "spec.keyType"));
}

/* --- what clients see --- */

static const struct {
	const char *sentence;
	enum kind kind;
	const char *path;
	bool is_shown;
} views[] = {
	{"the name", KIND_HOSTNAME, "metadata.name", true},
	{"the conditions", KIND_HOSTNAME, "status.conditions", true},
	{"the serial number", KIND_HOSTNAME, "status.certificate.serial", true},
	{"where the spec came from is a path of ours", KIND_HOSTNAME, "source", false},
	{"the facts of an issuance", KIND_HOSTNAME, "status.issuance", false},
	{"the CA's schedule", KIND_HOSTNAME, "status.ca", false},
	{"where a key waits", KIND_HOSTNAME, "wish", false},
	{"what the gateway shows", KIND_GATEWAY, "status.programmed", true},
	{"what was sent to it", KIND_GATEWAY, "status.sent", false},
	{"what a request asked for", KIND_INSTANCE, "spec.hostnames", true},
};

static void test_views(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(views); i++) {
		struct ctx ctx cleanup_ctx;
		const void *object;

		check_begin(&ctx);
		object = full_object(&ctx, views[i].kind);
		check_row(views[i].sentence,
			  json_path(object_to_json(&ctx, views[i].kind, object, 0), views[i].path));
		check_row(views[i].sentence,
			  !json_path(object_to_json(&ctx, views[i].kind, object, FIELD_INTERNAL),
				     views[i].path) == !views[i].is_shown);
	}
}

/* --- what cannot be read --- */

static const struct {
	const char *sentence;
	const char *text, *words;
} refusals[] = {
	{"no object", "[]", "Hostname: "},
	{"without a name", "{\"metadata\":{}}", "name"},
	{"a member that nobody knows", "{\"metadata\":{\"name\":\"a\"},\"specs\":{}}",
	 "did you mean spec?"},
	{"a text where a number belongs", "{\"metadata\":{\"name\":\"a\",\"generation\":\"x\"}}",
	 "generation"},
	{"a key type that is none",
	 "{\"metadata\":{\"name\":\"a\"},\"spec\":{\"keyType\":\"DSA\"}}", "keyType"},
	{"two things wrong are two things told",
	 "{\"metadata\":{\"name\":1},\"spec\":{\"keyType\":\"DSA\"}}", "; "},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct ctx ctx cleanup_ctx;
		struct json *json = NULL;
		struct hostname out;

		check_begin(&ctx);
		assert_int_equal(
			json_parse(&ctx, refusals[i].text, strlen(refusals[i].text), &json), E_OK);
		check_row_int(refusals[i].sentence,
			      object_from_json(&ctx, KIND_HOSTNAME, json, &out), E_REFUSED);
		check_row_text(refusals[i].sentence, ctx.fault.reason, "InvalidObject");
		if (!strstr(ctx.fault.text, refusals[i].words))
			fail_msg("%s: %s", refusals[i].sentence, ctx.fault.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_forgotten),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_values_come_back),
		cmocka_unit_test(test_an_empty_object_stays_empty),
		cmocka_unit_test(test_a_request_of_before_is_read),
		cmocka_unit_test(test_a_key_type_that_was_not_given),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests_name("kind", tests, NULL, NULL);
}
