/*
 * thing - a struct with a field of every type and every flag, for the tests of fields.
 */
#pragma once

#include "check.h"

#include "codec/fields.h"
#include "codec/yaml.h"

enum size { SIZE_SMALL, SIZE_LARGE };

struct part {
	const char *name;
	int64_t weight;
	bool is_heavy;
};

struct inner {
	const char *city;
	int64_t code;
};

struct thing {
	const char *name;
	const char *kind;
	const char *key;
	const char *note;
	int64_t workers;
	int64_t any;
	int64_t pin;
	bool is_on;
	int size;
	struct texts tags;
	struct texts keys;
	msec_t since;
	struct text_map labels;
	struct inner inner;
	struct objects parts;
};

static inline const char *check_name(struct ctx *ctx, const void *value)
{
	const char *name = *(const char *const *)value;

	return strchr(name, ' ') ? arena_printf(ctx->arena, "\"%s\" has a space", name) : NULL;
}

static inline const char *check_tags(struct ctx *ctx, const void *value)
{
	const struct texts *tags = value;

	(void)ctx;
	return tags->count > 3 ? "more than 3" : NULL;
}

static const char *const sizes[] = {"small", "Large", NULL};

static const struct field part_fields[] = {
	{.name = "name",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct part, name)},
	{.name = "weight",
	 .type = FIELD_INT,
	 .offset = offsetof(struct part, weight),
	 .fallback = "7"},
	{.name = "isHeavy", .type = FIELD_BOOL, .offset = offsetof(struct part, is_heavy)},
	{.name = NULL},
};

static const struct field inner_fields[] = {
	{.name = "city",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct inner, city)},
	{.name = "code",
	 .type = FIELD_INT,
	 .offset = offsetof(struct inner, code),
	 .fallback = "-3"},
	{.name = NULL},
};

static const struct field thing_fields[] = {
	{.name = "name",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct thing, name),
	 .check = check_name},
	{.name = "Kind",
	 .type = FIELD_TEXT,
	 .flags = FIELD_NOCASE,
	 .offset = offsetof(struct thing, kind),
	 .fallback = "Thing"},
	{.name = "apiKey",
	 .type = FIELD_TEXT,
	 .flags = FIELD_SECRET,
	 .offset = offsetof(struct thing, key)},
	{.name = "note",
	 .type = FIELD_TEXT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct thing, note)},
	{.name = "workers",
	 .type = FIELD_INT,
	 .offset = offsetof(struct thing, workers),
	 .low = 1,
	 .high = 64,
	 .fallback = "4"},
	{.name = "pin",
	 .type = FIELD_INT,
	 .flags = FIELD_SECRET,
	 .offset = offsetof(struct thing, pin)},
	{.name = "any", .type = FIELD_INT, .offset = offsetof(struct thing, any)},
	{.name = "on",
	 .type = FIELD_BOOL,
	 .offset = offsetof(struct thing, is_on),
	 .fallback = "true"},
	{.name = "size",
	 .type = FIELD_CHOICE,
	 .offset = offsetof(struct thing, size),
	 .choices = sizes,
	 .fallback = "Large"},
	{.name = "tags",
	 .type = FIELD_TEXTS,
	 .offset = offsetof(struct thing, tags),
	 .check = check_tags},
	{.name = "keys",
	 .type = FIELD_TEXTS,
	 .flags = FIELD_SECRET,
	 .offset = offsetof(struct thing, keys)},
	{.name = "since", .type = FIELD_TIME, .offset = offsetof(struct thing, since)},
	{.name = "labels", .type = FIELD_TEXT_MAP, .offset = offsetof(struct thing, labels)},
	{.name = "inner",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct thing, inner),
	 .fields = inner_fields},
	{.name = "parts",
	 .type = FIELD_OBJECTS,
	 .offset = offsetof(struct thing, parts),
	 .fields = part_fields,
	 .element_size = sizeof(struct part)},
	{.name = "status", .type = FIELD_TEXT, .flags = FIELD_IGNORED},
	{.name = "echo", .type = FIELD_TEXT, .flags = FIELD_IGNORED | FIELD_QUIET},
	{.name = "space", .type = FIELD_TEXT, .flags = FIELD_IGNORED | FIELD_EMPTY},
	{.name = "owners", .type = FIELD_TEXTS, .flags = FIELD_IGNORED | FIELD_EMPTY},
	{.name = NULL},
};

/* Decodes the first document of `text`; a text that does not parse fails the test. */
static inline enum err decode_thing(struct ctx *ctx, const char *text, struct problems *problems,
				    struct thing *thing)
{
	struct node **documents;
	size_t count;

	problems_init(problems);
	if (yaml_parse(ctx, "f", text, strlen(text), problems, &documents, &count) != E_OK)
		fail_msg("%s: %s", text, ctx->fault.text);
	memset(thing, 0x55, sizeof(*thing));
	return fields_decode(ctx, thing_fields, "f", "", count ? documents[0] : NULL, problems,
			     thing);
}
