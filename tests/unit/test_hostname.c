#include "check.h"

#define WILDCARD \
	"a wildcard has to be imported with its key and certificate, http-01 does not validate it"

#include <stdlib.h>

#include "api/dnsname.h"
#include "mutate.h"
#include "pki/names.h"

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"
#define NAME_253                               \
	LABEL_63 "." LABEL_63 "." LABEL_63 "." \
		 "a234567890123456789012345678901234567890123456789012345678901"

static void gives_each_name_one_spelling(void **state)
{
	static const struct {
		const char *sentence, *given, *name, *shown;
	} rows[] = {
		{"a plain name", "shop.example.com", "shop.example.com", "shop.example.com"},
		{"capitals", "Shop.EXAMPLE.Com", "shop.example.com", "shop.example.com"},
		{"a trailing dot", "example.com.", "example.com", "example.com"},
		{"two labels", "a.b", "a.b", "a.b"},
		{"ten labels", "a.b.c.d.e.f.g.h.i.j", "a.b.c.d.e.f.g.h.i.j", "a.b.c.d.e.f.g.h.i.j"},
		{"digits and hyphens", "1-a.2--b.c3", "1-a.2--b.c3", "1-a.2--b.c3"},
		{"a label of 63 octets", LABEL_63 ".com", LABEL_63 ".com", LABEL_63 ".com"},
		{"253 octets", NAME_253, NAME_253, NAME_253},
		{"253 octets and a trailing dot", NAME_253 ".", NAME_253, NAME_253},
		{"four numbers and a letter", "1.2.3.4a", "1.2.3.4a", "1.2.3.4a"},
		{"a wildcard", "*.Example.com", "*.example.com", "*.example.com"},
		{"an umlaut", "b\u00fccher.example", "xn--bcher-kva.example",
		 "b\u00fccher.example"},
		{"a capital umlaut", "B\u00dcCHER.example", "xn--bcher-kva.example",
		 "b\u00fccher.example"},
		{"an umlaut of two code points", "bu\u0308cher.example", "xn--bcher-kva.example",
		 "b\u00fccher.example"},
		{"its A-label", "xn--bcher-kva.example", "xn--bcher-kva.example",
		 "b\u00fccher.example"},
		{"its A-label in capitals", "XN--BCHER-KVA.example", "xn--bcher-kva.example",
		 "b\u00fccher.example"},
		{"a sharp s stays one", "fa\u00df.de", "xn--fa-hia.de", "fa\u00df.de"},
		{"ideographic full stops", "\u4f8b\u3048\u3002\u30c6\u30b9\u30c8\u3002",
		 "xn--r8jz45g.xn--zckzah", "\u4f8b\u3048.\u30c6\u30b9\u30c8"},
		{"full-width letters", "\uff25\uff38.com", "ex.com", "ex.com"},
		{"a wildcard over an umlaut", "*.b\u00fccher.example", "*.xn--bcher-kva.example",
		 "*.b\u00fccher.example"},
		{"a label in Arabic", "\u0645\u062b\u0627\u0644.com", "xn--mgbh0fb.com",
		 "\u0645\u062b\u0627\u0644.com"},
		{"xn-- elsewhere in a label", "1xn--a.com", "1xn--a.com", "1xn--a.com"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = NULL, *again = NULL;
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		if (hostname_normalise(&ctx, rows[i].given, HOSTNAME_ALLOW_WILDCARD, &name) != E_OK)
			fail_msg("%s: %s", rows[i].sentence, ctx.fault.text);
		check_row_text(rows[i].sentence, name, rows[i].name);
		check_row_text(rows[i].sentence, hostname_display(&ctx, name), rows[i].shown);
		check_row_int(rows[i].sentence,
			      hostname_normalise(&ctx, name, HOSTNAME_ALLOW_WILDCARD, &again),
			      E_OK);
		check_row_text(rows[i].sentence, again, name);
	}
}

static void says_why_a_name_is_none(void **state)
{
	static const char label[] = "a label begins or ends with a hyphen";
	static const char control[] = "white space and control characters are not allowed";
	static const struct {
		const char *sentence, *given, *shown, *what;
	} rows[] = {
		{"nothing", "", "", "it is empty"},
		{"a dot", ".", ".", "a label is empty"},
		{"two trailing dots", "a.com..", "a.com..", "a label is empty"},
		{"a leading dot", ".a.com", ".a.com", "a label is empty"},
		{"two dots inside", "a..com", "a..com", "a label is empty"},
		{"one label", "localhost", "localhost",
		 "it needs at least two labels, as in example.com"},
		{"one label and a dot", "com.", "com.",
		 "it needs at least two labels, as in example.com"},
		{"eleven labels", "a.b.c.d.e.f.g.h.i.j.k", "a.b.c.d.e.f.g.h.i.j.k",
		 "it has more than 10 labels"},
		{"a label of 64 octets", LABEL_63 "4.com", LABEL_63 "4.com",
		 "a label is longer than 63 octets"},
		{"254 octets", NAME_253 "2", LABEL_63 ".a234567890123456...",
		 "it is longer than 253 octets"},
		{"a hyphen first", "-a.com", "-a.com", label},
		{"a hyphen last", "a-.com", "a-.com", label},
		{"a hyphen alone", "-.com", "-.com", label},
		{"hyphens at three and four", "ab--c.com", "ab--c.com",
		 "a label has hyphens at its third and fourth place"},
		{"an underscore", "_dmarc.a.com", "_dmarc.a.com",
		 "the character '_' is not allowed"},
		{"a URL", "https://a.com/", "https://a.com/", "the character ':' is not allowed"},
		{"a port", "a.com:443", "a.com:443", "the character ':' is not allowed"},
		{"a slash", "a.com/..", "a.com/..", "the character '/' is not allowed"},
		{"a space", "a .com", "a .com", control},
		{"a leading space", " a.com", " a.com", control},
		{"a line end", "a.com\n", "a.com\\x0A", control},
		{"an escape sequence", "\x1B[31m.com", "\\x1B[31m.com", control},
		{"IPv4", "192.0.2.1", "192.0.2.1", "it is an IP address"},
		{"IPv6", "2001:db8::1", "2001:db8::1", "it is an IP address"},
		{"short IPv4", "127.1", "127.1", "the last label is all digits"},
		{"a last label of digits", "a.123", "a.123", "the last label is all digits"},
		{"two stars", "*.*.com", "*.*.com", WILDCARD},
		{"a star inside", "a.*.com", "a.*.com", WILDCARD},
		{"a star in a label", "a*.com", "a*.com", "the character '*' is not allowed"},
		{"a star alone", "*", "*", WILDCARD},
		{"a star over nothing", "*.", "*.", "a label is empty"},
		{"a star over a top-level name", "*.com", "*.com",
		 "it needs at least two labels, as in example.com"},
		{"a star over an address", "*.192.0.2.1", "*.192.0.2.1", "it is an IP address"},
		{"an A-label of nothing", "xn--.com", "xn--.com", label},
		{"an A-label that is ASCII", "xn--abc-.com", "xn--abc-.com", label},
		{"an A-label that is no punycode", "xn--0000h.com", "xn--0000h.com",
		 "a label beginning with \"xn--\" is not valid punycode"},
		{"an A-label for an emoji", "xn--i-7iq.ws", "xn--i-7iq.ws",
		 "a label beginning with \"xn--\" stands for nothing that is allowed"},
		{"an A-label for a capital", "xn--bcher-5na.com", "xn--bcher-5na.com", NULL},
		{"an emoji", "\U0001F4A9.la", "\U0001F4A9.la",
		 "IDNA: string contains a disallowed character"},
		{"a zero-width joiner", "a\u200Db.com", "a\u200Db.com", NULL},
		{"a right-to-left override", "a\u202Ebc.com", "a\u202Ebc.com", NULL},
		{"a soft hyphen and nothing else", "\u00AD.com", "\\xC2\\xAD.com", NULL},
		{"a label too long once it is ASCII",
		 "\u00fc2345678901234567890123456789012345678901234567890123456789.com", NULL,
		 NULL},
		{"a bad byte", "a\xFF.com", "a\\xFF.com", "it is not UTF-8"},
		{"half a character", "a.co\xC3", "a.co\\xC3", "it is not UTF-8"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = NULL;
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		check_row_int(
			rows[i].sentence,
			hostname_normalise(&ctx, rows[i].given, HOSTNAME_ALLOW_WILDCARD, &name),
			E_REFUSED);
		check_row_text(rows[i].sentence, ctx.fault.reason, "InvalidHostname");
		check_row(rows[i].sentence, name == NULL);
		if (rows[i].what)
			check_row_text(rows[i].sentence, ctx.fault.text,
				       arena_printf(ctx.arena, "\"%s\" is not a valid hostname: %s",
						    rows[i].shown, rows[i].what));
	}
}

static void wildcards_need_permission(void **state)
{
	struct ctx ctx cleanup_ctx;
	const char *name;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(hostname_normalise(&ctx, "*.example.com", 0, &name), E_REFUSED);
	assert_string_equal(ctx.fault.text, "\"*.example.com\" is not a valid hostname: " WILDCARD);
}

#define NOT_BELOW \
	"it does not end in a public suffix, so no public CA certifies it (NamePolicy is public)"
#define ITSELF                                                                      \
	"it is a public suffix itself, only names below it can have a certificate " \
	"(NamePolicy is public)"

/* Every row is fine by syntax. */
static void public_policy_demands_a_public_suffix(void **state)
{
	static const struct {
		const char *sentence, *given, *what; /* NULL: accepted */
	} rows[] = {
		{"below com", "example.com", NULL},
		{"far below com", "a.b.c.example.com", NULL},
		{"below a suffix of two labels", "example.co.uk", NULL},
		{"a suffix of two labels", "co.uk", ITSELF},
		{"a suffix in capitals with a dot", "CO.UK.", ITSELF},
		{"a wildcard over a name", "*.example.com", NULL},
		{"a wildcard over a suffix of two labels", "*.co.uk", ITSELF},
		{"a suffix of the private part is a name like others", "github.io", NULL},
		{"below one of the private part", "shop.github.io", NULL},
		{"a suffix by a wildcard rule", "shop.ck", ITSELF},
		{"below a suffix by a wildcard rule", "www.shop.ck", NULL},
		{"the exception of a wildcard rule", "www.ck", NULL},
		{"below the exception", "shop.city.kawasaki.jp", NULL},
		{"a suffix outside ASCII, as A-label", "shop.xn--p1ai", NULL},
		{"a suffix outside ASCII",
		 "\u043c\u0430\u0433\u0430\u0437\u0438\u043d.\u0440\u0444", NULL},
		{"a suffix of two labels outside ASCII", "\u516c\u53f8.cn", ITSELF},
		{"a name of the local network", "shop.internal", NOT_BELOW},
		{"a name of multicast DNS", "printer.local", NOT_BELOW},
		{"a name for tests", "shop.test", NOT_BELOW},
		{"a name for documentation", "shop.example", NOT_BELOW},
		{"an ending that nobody has", "example.com.nosuchsuffix", NOT_BELOW},
		{"a public suffix that is not at the end", "co.uk.corp", NOT_BELOW},
		{"a wildcard over a local name", "*.shop.internal", NOT_BELOW},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *name = NULL, *given = rows[i].given;
		struct ctx ctx cleanup_ctx;
		enum err err;

		check_begin(&ctx);
		check_row_int(rows[i].sentence,
			      hostname_normalise(&ctx, given, HOSTNAME_ALLOW_WILDCARD, &name),
			      E_OK);
		err = hostname_normalise(&ctx, given,
					 HOSTNAME_ALLOW_WILDCARD | HOSTNAME_PUBLIC_ONLY, &name);
		check_row_int(rows[i].sentence, err, rows[i].what ? E_REFUSED : E_OK);
		if (!rows[i].what)
			continue;
		check_row_text(rows[i].sentence, ctx.fault.reason, "InvalidHostname");
		check_row_text(rows[i].sentence, ctx.fault.text,
			       arena_printf(ctx.arena, "\"%s\" is not a valid hostname: %s", given,
					    rows[i].what));
	}
}

static void covers(void **state)
{
	static const struct {
		const char *sentence, *pattern, *hostname;
		bool is_covered;
	} rows[] = {
		{"the same name", "a.com", "a.com", true},
		{"the same name in capitals", "A.com", "a.COM", true},
		{"another name", "a.com", "b.com", false},
		{"a name below is another name", "a.com", "x.a.com", false},
		{"a wildcard and one label more", "*.a.com", "x.a.com", true},
		{"a wildcard in capitals", "*.A.COM", "x.a.com", true},
		{"a wildcard and two labels more", "*.a.com", "x.y.a.com", false},
		{"a wildcard and its base", "*.a.com", "a.com", false},
		{"a wildcard and an empty label", "*.a.com", ".a.com", false},
		{"a wildcard and itself", "*.a.com", "*.a.com", true},
		{"a wildcard and a longer ending", "*.a.com", "x.ba.com", false},
		{"a star that is no whole label", "x*.a.com", "xy.a.com", false},
		{"a name and a wildcard", "x.a.com", "*.a.com", false},
		{"a wildcard and one label", "*.com", "com", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row_int(rows[i].sentence, names_cover(rows[i].pattern, rows[i].hostname),
			      rows[i].is_covered);
}

/*
 * A million generated names against an oracle that shares nothing with the code under test: a table
 * of states by class of character for a label, and a list of the A-labels that the generator uses.
 */

enum class { LETTER, DIGIT, HYPHEN, DOT, OTHER, CLASSES };
enum label_state { BEGIN, ALL_DIGITS, WITH_LETTER, AFTER_HYPHEN, END, DOOMED };

static const enum label_state next_state[][CLASSES] = {
	/*                 LETTER       DIGIT        HYPHEN        DOT     OTHER */
	[BEGIN] = {WITH_LETTER, ALL_DIGITS, DOOMED, DOOMED, DOOMED},
	[ALL_DIGITS] = {WITH_LETTER, ALL_DIGITS, AFTER_HYPHEN, END, DOOMED},
	[WITH_LETTER] = {WITH_LETTER, WITH_LETTER, AFTER_HYPHEN, END, DOOMED},
	[AFTER_HYPHEN] = {WITH_LETTER, WITH_LETTER, AFTER_HYPHEN, DOOMED, DOOMED},
};

static const char *const alabels[] = {"xn--bcher-kva", "xn--fa-hia", "xn--zckzah", "xn--r8jz45g",
				      "xn--p1ai"};

/* Endings whose place in the public suffix list is settled. */
static const struct ending {
	const char *text;
	bool is_public; /* a name below it is */
	bool is_a_name; /* it is a public name itself */
} endings[] = {
	{"com", true, false},	{"Co.UK", true, false},	    {"b.ck", true, false},
	{"www.ck", true, true}, {"github.io", true, true},  {"xn--p1ai", true, false},
	{"test", false, false}, {"Internal", false, false}, {"com.local", false, false},
};

static const char *const pieces[] = {
	"a",   "b",    "q",	 "z",
	"0",   "1",    "9",	 "-",
	"a-b", "--",   "A",	 "Z",
	"q0",  "ab--", LABEL_63, "a234567890123456789012345678901234567890123456789012345678901",
	"_",   " ",    "*",	 "/",
	"\x7F"};

static uint64_t random_state = 0x9E3779B97F4A7C15;

static unsigned random_below(unsigned end)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 11) % end;
}

static void generate_label(char *out)
{
	unsigned kind = random_below(32), count = 1 + random_below(4);

	*out = '\0';
	if (kind == 0) {
		strcpy(out, alabels[random_below(ARRAY_SIZE(alabels))]);
		return;
	}
	if (kind == 1) {
		strcpy(out, random_below(2) ? "xn--0000h" : "xn--i-7iq");
		return;
	}
	if (kind == 2 && random_below(4) == 0)
		return;
	while (count-- > 0) {
		unsigned piece = random_below(ARRAY_SIZE(pieces));

		/* Mostly of what is allowed, or hardly a name would be. */
		if (piece >= 10 && random_below(8))
			piece = random_below(7);
		strcat(out, pieces[piece]);
	}
}

/* What is NULL when it has none of the endings. */
static const struct ending *generate_ending(char *out)
{
	const struct ending *ending;

	if (random_below(2))
		return NULL;
	ending = &endings[random_below(ARRAY_SIZE(endings))];
	if (*out && strcmp(out, "*.") != 0)
		strcat(out, ".");
	strcat(out, ending->text);
	return ending;
}

static const struct ending *generate_name(char *out)
{
	unsigned labels = random_below(16) ? 1 + random_below(5) : 1 + random_below(13);
	const struct ending *ending;
	char label[512];

	strcpy(out, random_below(32) ? "" : "*.");
	if (random_below(32) == 0)
		labels = 0;
	for (unsigned i = 0; i < labels; i++) {
		generate_label(label);
		strcat(out, i ? "." : "");
		strcat(out, label);
	}
	ending = generate_ending(out);
	if (random_below(16) == 0)
		strcat(out, random_below(4) ? "." : "..");
	return ending;
}

static enum class class_of(char c) {
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return LETTER;
	if (c >= '0' && c <= '9') return DIGIT;
	return c == '-'	  ? HYPHEN
	       : c == '.' ? DOT
			  : OTHER;
}

static bool is_label_with_prefix_fine(const char *label, size_t length)
{
	if (length < 4 || strncmp(label + 2, "--", 2) != 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(alabels); i++) {
		if (strlen(alabels[i]) == length && strncmp(alabels[i], label, length) == 0)
			return true;
	}
	return false;
}

/* The generator makes no name of exactly four numbers that the rule for the last label does not
 * catch. */
static bool oracle(const char *name)
{
	size_t size = strlen(name), labels = 0, start;
	enum label_state last = BEGIN;
	char copy[8192];

	snprintf(copy, sizeof(copy), "%s", name);
	if (size > 1 && copy[size - 1] == '.')
		copy[--size] = '\0';
	if (size == 0 || size > 253)
		return false;
	start = strncmp(copy, "*.", 2) == 0 ? 2 : 0;
	copy[size++] = '.';
	for (size_t i = start; i < size;) {
		enum label_state s = BEGIN;
		size_t from = i;

		while (s != END && s != DOOMED) {
			last = s;
			s = next_state[s][i < size ? class_of(copy[i]) : (enum class)OTHER];
			i++;
		}
		if (s == DOOMED || i - from - 1 > 63 || ++labels > 10)
			return false;
		if (!is_label_with_prefix_fine(copy + from, i - from - 1))
			return false;
	}
	return labels >= 2 && last != ALL_DIGITS;
}

/* By the endings alone; the name is fine by syntax. */
static bool public_oracle(const char *name, const struct ending *ending)
{
	size_t start = strncmp(name, "*.", 2) == 0 ? 2 : 0, length = strlen(name) - start;

	length -= name[start + length - 1] == '.';
	return ending->is_public && (ending->is_a_name || length > strlen(ending->text));
}

static void agrees_with_the_oracle_on_a_million_names(void **state)
{
	size_t accepted = 0, public = 0, private = 0;

	(void)state;
	for (int batch = 0; batch < 1000; batch++) {
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		for (int i = 0; i < 1000; i++) {
			char given[8192];
			const char *name;
			const struct ending *ending = generate_name(given);
			bool is_accepted, is_public;

			is_accepted = hostname_normalise(&ctx, given, HOSTNAME_ALLOW_WILDCARD,
							 &name) == E_OK;
			if (is_accepted != oracle(given))
				fail_msg("%s: %s", given,
					 is_accepted ? "accepted" : ctx.fault.text);
			accepted += is_accepted;
			is_public = hostname_normalise(&ctx, given,
						       HOSTNAME_ALLOW_WILDCARD |
							       HOSTNAME_PUBLIC_ONLY,
						       &name) == E_OK;
			if (is_public && !is_accepted)
				fail_msg("%s: public, and no hostname", given);
			if (!is_accepted || !ending)
				continue;
			if (is_public != public_oracle(given, ending))
				fail_msg("%s: %s", given, is_public ? "public" : ctx.fault.text);
			public += is_public;
			private += !is_public;
		}
	}
	/* Both answers must come often, or the oracle was hardly asked. */
	assert_in_range(accepted, 200000, 800000);
	assert_in_range(public, 100000, 400000);
	assert_in_range(private, 50000, 400000);
}

/* An accepted name is made of what a URL, a file name and a resource name may hold, and is its own
 * normal form. */
static void check_variant(const char *text, size_t size, void *data)
{
	const char *name, *again, *back;
	struct ctx ctx cleanup_ctx;

	(void)size;
	(void)data;
	check_begin(&ctx);
	if (hostname_normalise(&ctx, text, HOSTNAME_ALLOW_WILDCARD, &name) != E_OK) {
		assert_true(text_starts_with(ctx.fault.text, "\""));
		return;
	}
	assert_true(strlen(name) <= HOSTNAME_LENGTH_MAX);
	assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.*"), strlen(name));
	assert_int_equal(hostname_normalise(&ctx, name, HOSTNAME_ALLOW_WILDCARD, &again), E_OK);
	assert_string_equal(name, again);
	assert_int_equal(hostname_normalise(&ctx, hostname_display(&ctx, name),
					    HOSTNAME_ALLOW_WILDCARD, &back),
			 E_OK);
	assert_string_equal(name, back);
}

static void no_damage_to_a_seed_breaks_it(void **state)
{
	static const char *const seeds[] = {"*.Shop.example.com.", "b\u00fccher.xn--zckzah.example",
					    "\u4f8b\u3048\u3002\u30c6\u30b9\u30c8",
					    "xn--mgbh0fb.xn--fa-hia.com", "a\u0308\u200d\u00df.de"};
	struct mutate mutate = {.is_terminated = true, .visit = check_variant};

	(void)state;
	mutate_seeds(&mutate, seeds, ARRAY_SIZE(seeds));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_name_one_spelling),
		cmocka_unit_test(says_why_a_name_is_none),
		cmocka_unit_test(wildcards_need_permission),
		cmocka_unit_test(public_policy_demands_a_public_suffix),
		cmocka_unit_test(covers),
		cmocka_unit_test(agrees_with_the_oracle_on_a_million_names),
		cmocka_unit_test(no_damage_to_a_seed_breaks_it),
	};

	return cmocka_run_group_tests_name("hostname", tests, NULL, NULL);
}
