#include "objects/fieldselector.h"

#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

#define TERMS_MAX 32
#define SHOWN_MAX 60

struct term {
	bool is_not;
	const char *name;
};

struct fieldselector {
	struct term terms[TERMS_MAX];
	size_t count;
};

/* helpers */

/* How far a term goes: up to a comma that no backslash takes into the value. */
static size_t term_length(const char *text)
{
	size_t length = 0;

	while (text[length] && text[length] != ',')
		length += text[length] == '\\' && text[length + 1] ? 2 : 1;
	return length;
}

/* NULL: a backslash before what needs none, or an equals sign without one. */
static const char *unescape(struct ctx *ctx, const char *value)
{
	char *out = arena_alloc(ctx->arena, strlen(value) + 1);
	size_t size = 0;

	for (; *value; value++) {
		if (*value == '=')
			return NULL;
		if (*value == '\\' && (!*++value || !strchr("\\,=", *value)))
			return NULL;
		out[size++] = *value;
	}
	return out;
}

static enum err refuse_term(struct ctx *ctx, const char *term)
{
	return fault_set(ctx, E_REFUSED, "InvalidSelector",
			 "fieldSelector cannot be read at %s: write it as metadata.name=NAME or "
			 "metadata.name!=NAME, joined by commas",
			 utf8_quote(ctx->arena, term, SHOWN_MAX));
}

static enum err parse_term(struct ctx *ctx, const char *text, struct term *term)
{
	size_t length = strcspn(text, "=!");
	const char *field = arena_strndup(ctx->arena, text, length), *value = text + length;

	term->is_not = text_starts_with(value, "!=");
	if (term->is_not || text_starts_with(value, "=="))
		value += 2;
	else if (*value == '=')
		value++;
	else
		return refuse_term(ctx, text);
	if (!text_equals(field, "metadata.name"))
		return fault_set(ctx, E_REFUSED, "InvalidSelector", "field label not supported: %s",
				 length ? utf8_quote(ctx->arena, field, SHOWN_MAX) : "none given");
	term->name = unescape(ctx, value);
	return term->name ? E_OK : refuse_term(ctx, text);
}

/* An empty term says nothing, as to Kubernetes. */
static enum err parse(struct ctx *ctx, const char *text, struct fieldselector *selector)
{
	while (*text) {
		size_t length = term_length(text);
		const char *term = arena_strndup(ctx->arena, text, length);

		text += length;
		text += *text == ',';
		if (!term[strspn(term, " ")])
			continue;
		if (selector->count == TERMS_MAX)
			return fault_set(ctx, E_REFUSED, "InvalidSelector",
					 "fieldSelector has more than %d terms", TERMS_MAX);
		TRY(parse_term(ctx, term, &selector->terms[selector->count++]));
	}
	return E_OK;
}

/* public */

enum err fieldselector_parse(struct ctx *ctx, const struct request *request,
			     struct fieldselector **out)
{
	struct fieldselector *selector = arena_new_one(ctx->arena, struct fieldselector);

	*out = selector;
	for (size_t i = 0; i < request->param_count; i++)
		if (text_equals_nocase(request->params[i].name, "fieldSelector"))
			TRY(parse(ctx, request->params[i].value, selector));
	return E_OK;
}

bool fieldselector_matches(const struct fieldselector *selector, const struct meta *meta)
{
	for (size_t i = 0; i < selector->count; i++) {
		const struct term *term = &selector->terms[i];

		if (text_equals(term->name, meta->name) == term->is_not)
			return false;
	}
	return true;
}
