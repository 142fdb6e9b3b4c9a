#include "objects/selector.h"

#include <string.h>

#include "base/text.h"

#define TERMS_MAX 32

enum operation { HAS, HAS_NOT, IN, NOT_IN };

struct term {
	enum operation operation;
	const char *key;
	const char **values;
	size_t value_count;
};

struct selector {
	struct term terms[TERMS_MAX];
	size_t count;
};

/* helpers: reading */

static void skip_blanks(const char **text)
{
	*text += strspn(*text, " \t");
}

static bool take(const char **text, const char *token)
{
	skip_blanks(text);
	if (!text_starts_with(*text, token))
		return false;
	*text += strlen(token);
	return true;
}

/* "" when there is none. */
static const char *take_word(struct ctx *ctx, const char **text)
{
	size_t length;
	const char *word;

	skip_blanks(text);
	length = strcspn(*text, " \t,=!()");
	word = arena_strndup(ctx->arena, *text, length);
	*text += length;
	return word;
}

static enum err refuse(struct ctx *ctx)
{
	return fault_set(
		ctx, E_REFUSED, "InvalidSelector",
		"labelSelector cannot be read: write it as key=value, key!=value, key, !key, "
		"key in (a,b) or key notin (a,b), joined by commas");
}

static enum err parse_set(struct ctx *ctx, const char **text, struct term *term)
{
	if (!take(text, "("))
		return refuse(ctx);
	term->values = arena_new_array(ctx->arena, const char *, strlen(*text) + 1);
	do
		term->values[term->value_count++] = take_word(ctx, text);
	while (take(text, ","));
	return take(text, ")") ? E_OK : refuse(ctx);
}

static void set_value(struct ctx *ctx, const char **text, enum operation operation,
		      struct term *term)
{
	term->operation = operation;
	term->values = arena_new_array(ctx->arena, const char *, 1);
	term->values[0] = take_word(ctx, text);
	term->value_count = 1;
}

static enum err parse_term(struct ctx *ctx, const char **text, struct term *term)
{
	const char *rest;

	if (take(text, "!"))
		term->operation = HAS_NOT;
	term->key = take_word(ctx, text);
	if (!term->key[0])
		return refuse(ctx);
	if (term->operation == HAS_NOT)
		return E_OK;
	if (take(text, "!=")) {
		set_value(ctx, text, NOT_IN, term);
		return E_OK;
	}
	if (take(text, "==") || take(text, "=")) {
		set_value(ctx, text, IN, term);
		return E_OK;
	}
	rest = *text;
	term->operation = take(&rest, "notin") ? NOT_IN : take(&rest, "in") ? IN : HAS;
	if (term->operation == HAS)
		return E_OK;
	*text = rest;
	return parse_set(ctx, text, term);
}

/* helpers: matching */

static const char *find_label(const struct text_map *labels, const char *key)
{
	for (size_t i = 0; i < labels->count; i++)
		if (text_equals(labels->items[i].key, key))
			return labels->items[i].value;
	return NULL;
}

static bool is_among(const struct term *term, const char *value)
{
	for (size_t i = 0; value && i < term->value_count; i++)
		if (text_equals(term->values[i], value))
			return true;
	return false;
}

static bool holds(const struct term *term, const struct text_map *labels)
{
	const char *value = find_label(labels, term->key);

	switch (term->operation) {
	case HAS: return value != NULL;
	case HAS_NOT: return value == NULL;
	case IN: return is_among(term, value);
	case NOT_IN: return !is_among(term, value);
	}
	return false;
}

/* public */

enum err selector_parse(struct ctx *ctx, const char *text, struct selector **out)
{
	struct selector *selector = arena_new_one(ctx->arena, struct selector);

	*out = selector;
	if (!text || !text[strspn(text, " \t")])
		return E_OK;
	do {
		if (selector->count == TERMS_MAX)
			return refuse(ctx);
		TRY(parse_term(ctx, &text, &selector->terms[selector->count++]));
	} while (take(&text, ","));
	skip_blanks(&text);
	return *text ? refuse(ctx) : E_OK;
}

bool selector_matches(const struct selector *selector, const struct text_map *labels)
{
	for (size_t i = 0; i < selector->count; i++)
		if (!holds(&selector->terms[i], labels))
			return false;
	return true;
}
