#include "api/dnsname.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "api/suffix.h"
#include "base/text.h"
#include "base/utf8.h"

#define GIVEN_MAX  1024 /* no spelling of a valid name is longer */
#define SHOWN_MAX  80
#define LABEL_MAX  63
#define LABELS_MIN 2
#define LABELS_MAX 10

/* UTS 46 without the mappings of IDNA2003: ß and ZWJ keep their meaning. */
#define IDN_FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)

static enum err refuse(struct ctx *ctx, const char *given, const char *what)
{
	return fault_set(ctx, E_REFUSED, "InvalidHostname", "%s is not a valid hostname: %s",
			 utf8_quote(ctx->arena, given, SHOWN_MAX), what);
}

static bool is_ascii(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

static char *lower(struct ctx *ctx, const char *text)
{
	char *copy = arena_strdup(ctx->arena, text);

	for (char *c = copy; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	return copy;
}

/* What libidn2 allocated, as the arena's. */
static char *adopt(struct ctx *ctx, char *text)
{
	char *copy = arena_strdup(ctx->arena, text);

	idn2_free(text);
	return copy;
}

/* NULL when it was refused. */
static char *to_ascii(struct ctx *ctx, const char *given, const char *name)
{
	char *ascii;
	int rc;

	if (is_ascii(name))
		return lower(ctx, name);
	rc = idn2_to_ascii_8z(name, &ascii, IDN_FLAGS);
	if (rc == IDN2_OK)
		return lower(ctx, adopt(ctx, ascii));
	refuse(ctx, given, arena_printf(ctx->arena, "IDNA: %s", idn2_strerror(rc)));
	return NULL;
}

/* RFC 5891 section 5.4: what looks like an A-label is one only if its U-label leads back to it. */
static const char *check_alabel(const char *label)
{
	char *unicode, *back;
	bool is_same;

	if (idn2_to_unicode_8z8z(label, &unicode, IDN_FLAGS) != IDN2_OK)
		return "a label beginning with \"xn--\" is not valid punycode";
	if (is_ascii(unicode) || idn2_to_ascii_8z(unicode, &back, IDN_FLAGS) != IDN2_OK) {
		idn2_free(unicode);
		return "a label beginning with \"xn--\" stands for nothing that is allowed";
	}
	is_same = strcmp(label, back) == 0;
	idn2_free(unicode);
	idn2_free(back);
	return is_same ? NULL : "a label beginning with \"xn--\" is not the canonical spelling";
}

static const char *check_characters(struct ctx *ctx, const char *label, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = label[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')
			continue;
		if (c == '*' && length == 1)
			return "a wildcard has to be imported with its key and certificate, "
			       "http-01 "
			       "does not validate it";
		if (c > ' ' && c < 0x7F)
			return arena_printf(ctx->arena, "the character '%c' is not allowed", c);
		return "white space and control characters are not allowed";
	}
	return NULL;
}

/* NULL when it is fine. */
static const char *check_label(struct ctx *ctx, const char *label, size_t length)
{
	const char *wrong;

	if (length == 0)
		return "a label is empty";
	wrong = check_characters(ctx, label, length);
	if (wrong)
		return wrong;
	if (length > LABEL_MAX)
		return "a label is longer than 63 octets";
	if (label[0] == '-' || label[length - 1] == '-')
		return "a label begins or ends with a hyphen";
	if (length < 4 || label[2] != '-' || label[3] != '-')
		return NULL;
	if (label[0] != 'x' || label[1] != 'n')
		return "a label has hyphens at its third and fourth place";
	return check_alabel(arena_strndup(ctx->arena, label, length));
}

static const char *check_labels(struct ctx *ctx, const char *name)
{
	size_t count = 0, length;

	for (;; name += length + 1) {
		const char *wrong;

		length = strcspn(name, ".");
		wrong = check_label(ctx, name, length);
		if (wrong)
			return wrong;
		count++;
		if (name[length] == '\0')
			break;
	}
	if (count < LABELS_MIN)
		return "it needs at least two labels, as in example.com";
	if (count > LABELS_MAX)
		return "it has more than 10 labels";
	/* `name` is at the last label now. */
	return strspn(name, "0123456789") == length ? "the last label is all digits" : NULL;
}

static const char *check_name(struct ctx *ctx, const char *name, unsigned flags)
{
	struct in_addr v4;
	struct in6_addr v6;
	const char *wrong;

	if (inet_pton(AF_INET, name, &v4) == 1 || inet_pton(AF_INET6, name, &v6) == 1)
		return "it is an IP address";
	wrong = check_labels(ctx, name);
	if (!wrong && (flags & HOSTNAME_PUBLIC_ONLY))
		wrong = suffix_check(name);
	return wrong;
}

static enum err check_given(struct ctx *ctx, const char *given)
{
	size_t size = strlen(given);

	if (size == 0)
		return refuse(ctx, given, "it is empty");
	if (size > GIVEN_MAX)
		return refuse(ctx, given, "it is longer than 253 octets");
	if (utf8_check(given, size) != size)
		return refuse(ctx, given, "it is not UTF-8");
	return E_OK;
}

enum err hostname_normalise(struct ctx *ctx, const char *given, unsigned flags, const char **out)
{
	bool is_wildcard = (flags & HOSTNAME_ALLOW_WILDCARD) && text_starts_with(given, "*.");
	const char *prefix = is_wildcard ? "*." : "", *wrong;
	size_t length;
	char *name;

	TRY(check_given(ctx, given));
	name = to_ascii(ctx, given, given + strlen(prefix));
	if (!name)
		return E_REFUSED;
	length = strlen(name);
	if (length > 1 && name[length - 1] == '.')
		name[--length] = '\0';
	if (length + strlen(prefix) > HOSTNAME_LENGTH_MAX)
		return refuse(ctx, given, "it is longer than 253 octets");
	wrong = check_name(ctx, name, flags);
	if (wrong)
		return refuse(ctx, given, wrong);
	*out = arena_printf(ctx->arena, "%s%s", prefix, name);
	return E_OK;
}

const char *hostname_display(struct ctx *ctx, const char *normalised)
{
	bool is_wildcard = text_starts_with(normalised, "*.");
	const char *name = is_wildcard ? normalised + 2 : normalised;
	char *unicode;

	if (!strstr(name, "xn--") || idn2_to_unicode_8z8z(name, &unicode, IDN_FLAGS) != IDN2_OK)
		return normalised;
	return arena_printf(ctx->arena, "%s%s", is_wildcard ? "*." : "", adopt(ctx, unicode));
}
