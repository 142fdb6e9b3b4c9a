#include "codec/fields_encode.h"

#include "codec/date.h"

#define MASK "***"

/* Each returns NULL for what is absent. */

static struct json *encode_text(struct ctx *ctx, const struct field *field, const void *in,
				unsigned without)
{
	const char *text = *(const char *const *)in;

	(void)field;
	(void)without;
	return text ? json_string(ctx, text) : NULL;
}

/* JSON's numbers end at 2^53 for most readers, ours at 2^63: the text is exact either way. */
static struct json *encode_int(struct ctx *ctx, const struct field *field, const void *in,
			       unsigned without)
{
	(void)field;
	(void)without;
	return json_number(ctx, *(const int64_t *)in);
}

static struct json *encode_bool(struct ctx *ctx, const struct field *field, const void *in,
				unsigned without)
{
	(void)field;
	(void)without;
	return json_bool(ctx, *(const bool *)in);
}

static struct json *encode_choice(struct ctx *ctx, const struct field *field, const void *in,
				  unsigned without)
{
	int choice = *(const int *)in;

	(void)without;
	return choice == 0 && (field->flags & FIELD_UNSAID)
		       ? NULL
		       : json_string(ctx, field->choices[choice]);
}

static struct json *encode_time(struct ctx *ctx, const struct field *field, const void *in,
				unsigned without)
{
	msec_t wall = *(const msec_t *)in;
	char text[25];

	(void)field;
	(void)without;
	if (wall % MSEC_PER_SEC == 0)
		return wall ? json_string(ctx, date_rfc3339(ctx, wall)) : NULL;
	date_rfc3339_msec(wall, text);
	return json_string(ctx, text);
}

static struct json *encode_texts(struct ctx *ctx, const struct field *field, const void *in,
				 unsigned without)
{
	const struct texts *texts = in;
	struct json *list = texts->count ? json_array(ctx) : NULL;

	(void)field;
	(void)without;
	for (size_t i = 0; i < texts->count; i++)
		json_append(ctx, list, json_string(ctx, texts->items[i]));
	return list;
}

static struct json *encode_text_map(struct ctx *ctx, const struct field *field, const void *in,
				    unsigned without)
{
	const struct text_map *map = in;
	struct json *object = map->count ? json_object(ctx) : NULL;

	(void)field;
	(void)without;
	for (size_t i = 0; i < map->count; i++)
		json_set_text(ctx, object, map->items[i].key, map->items[i].value);
	return object;
}

static struct json *encode_object(struct ctx *ctx, const struct field *field, const void *in,
				  unsigned without)
{
	struct json *object = fields_encode(ctx, field->fields, in, without);

	return json_first(object) ? object : NULL;
}

static struct json *encode_objects(struct ctx *ctx, const struct field *field, const void *in,
				   unsigned without)
{
	const struct objects *objects = in;
	struct json *list = objects->count ? json_array(ctx) : NULL;

	for (size_t i = 0; i < objects->count; i++)
		json_append(ctx, list,
			    fields_encode(ctx, field->fields,
					  (const char *)objects->items + i * field->element_size,
					  without));
	return list;
}

static struct json *(*const encoders[])(struct ctx *ctx, const struct field *field, const void *in,
					unsigned without) = {
	[FIELD_TEXT] = encode_text,	    [FIELD_INT] = encode_int,
	[FIELD_BOOL] = encode_bool,	    [FIELD_CHOICE] = encode_choice,
	[FIELD_TEXTS] = encode_texts,	    [FIELD_TIME] = encode_time,
	[FIELD_TEXT_MAP] = encode_text_map, [FIELD_OBJECT] = encode_object,
	[FIELD_OBJECTS] = encode_objects,
};

static struct json *masked(struct ctx *ctx, const struct field *field)
{
	struct json *mask = json_string(ctx, MASK), *list;

	if (field->type != FIELD_TEXTS)
		return mask;
	list = json_array(ctx);
	json_append(ctx, list, mask);
	return list;
}

struct json *fields_encode(struct ctx *ctx, const struct field *table, const void *in,
			   unsigned without)
{
	struct json *object = json_object(ctx), *value;

	for (const struct field *field = table; field->name; field++) {
		/* What was not decoded is not there to be encoded. */
		if (field->flags & (FIELD_IGNORED | (without & ~(unsigned)FIELD_SECRET)))
			continue;
		value = encoders[field->type](ctx, field, (const char *)in + field->offset,
					      without);
		if (value && (field->flags & without & FIELD_SECRET))
			value = masked(ctx, field);
		if (value)
			json_set(ctx, object, field->name, value);
	}
	return object;
}
