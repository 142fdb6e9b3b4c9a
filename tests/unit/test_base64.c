#include "check.h"

#include "codec/base64.h"
#include "mutate.h"

static void encodes_the_vectors_of_the_rfc(void **state)
{
	static const struct {
		const char *sentence, *data, *standard, *url;
	} rows[] = {
		{"nothing", "", "", ""},
		{"one byte", "f", "Zg==", "Zg"},
		{"two bytes", "fo", "Zm8=", "Zm8"},
		{"three bytes", "foo", "Zm9v", "Zm9v"},
		{"four bytes", "foob", "Zm9vYg==", "Zm9vYg"},
		{"five bytes", "fooba", "Zm9vYmE=", "Zm9vYmE"},
		{"six bytes", "foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"the digits that differ", "\xFB\xFF\xFE", "+//+", "-__-"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t size = strlen(rows[i].data);
		struct ctx ctx cleanup_ctx;
		struct bytes bytes;

		check_begin(&ctx);
		check_row_text(rows[i].sentence, base64_encode(&ctx, rows[i].data, size),
			       rows[i].standard);
		check_row_text(rows[i].sentence, base64url_encode(&ctx, rows[i].data, size),
			       rows[i].url);
		check_row_int(rows[i].sentence, base64_decode(&ctx, rows[i].standard, &bytes),
			      E_OK);
		check_row(rows[i].sentence,
			  bytes.size == size && !memcmp(bytes.data, rows[i].data, size));
		check_row_int(rows[i].sentence, base64url_decode(&ctx, rows[i].url, &bytes), E_OK);
		check_row(rows[i].sentence,
			  bytes.size == size && !memcmp(bytes.data, rows[i].data, size));
	}
}

static void refuses_what_is_not_canonical(void **state)
{
	static const struct {
		const char *sentence, *text;
		bool is_standard, is_url; /* refused by */
	} rows[] = {
		{"one digit", "Z", true, true},
		{"five digits", "Zm9vY", true, true},
		{"padding left out", "Zg", true, false},
		{"padding of one left out", "Zm8", true, false},
		{"half of the padding", "Zg=", true, true},
		{"padding for URLs", "Zg==", false, true},
		{"too much padding", "Zg===", true, true},
		{"padding behind a full group", "Zm9v=", true, true},
		{"four of padding", "====", true, true},
		{"padding inside", "Zg==Zg==", true, true},
		{"white space in front", " Zm9v", true, true},
		{"white space behind", "Zm9v\n", true, true},
		{"a line end inside", "Zm9v\nZm9v", true, true},
		{"digits of the standard alphabet", "+//+", false, true},
		{"digits of the URL alphabet", "-__-", true, false},
		{"bits behind the end of one byte", "Zh==", true, true},
		{"bits behind the end of one byte, for URLs", "Zh", true, true},
		{"bits behind the end of two bytes", "Zm9=", true, true},
		{"bits behind the end of two bytes, for URLs", "Zm9", true, true},
		{"a foreign character", "Zm9!", true, true},
		{"a byte over 127", "Zm9\xC3", true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct bytes bytes;

		check_begin(&ctx);
		check_row_int(rows[i].sentence, base64_decode(&ctx, rows[i].text, &bytes),
			      rows[i].is_standard ? E_REFUSED : E_OK);
		if (rows[i].is_standard)
			check_row_text(rows[i].sentence, ctx.fault.reason, "InvalidBase64");
		check_row_int(rows[i].sentence, base64url_decode(&ctx, rows[i].text, &bytes),
			      rows[i].is_url ? E_REFUSED : E_OK);
	}
}

static void every_size_and_byte_survives(void **state)
{
	unsigned char data[256 + 3];
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 167);
	for (size_t size = 0; size <= sizeof(data); size++) {
		struct bytes bytes;

		assert_int_equal(base64_decode(&ctx, base64_encode(&ctx, data, size), &bytes),
				 E_OK);
		assert_int_equal(bytes.size, size);
		assert_memory_equal(bytes.data, data, size);
		assert_int_equal(base64url_decode(&ctx, base64url_encode(&ctx, data, size), &bytes),
				 E_OK);
		assert_int_equal(bytes.size, size);
		assert_memory_equal(bytes.data, data, size);
	}
}

/* What decodes at all is the one spelling of its bytes. */
static void check_variant(const char *text, size_t size, void *data)
{
	struct ctx ctx cleanup_ctx;
	struct bytes bytes;

	(void)size;
	(void)data;
	check_begin(&ctx);
	if (base64_decode(&ctx, text, &bytes) == E_OK)
		assert_string_equal(base64_encode(&ctx, bytes.data, bytes.size), text);
	if (base64url_decode(&ctx, text, &bytes) == E_OK)
		assert_string_equal(base64url_encode(&ctx, bytes.data, bytes.size), text);
}

static void no_damage_to_a_seed_has_two_spellings(void **state)
{
	static const char *const seeds[] = {"Zm9vYmFyAA==", "eyJhbGciOiJFUzI1NiJ9", "-__-Zg",
					    "Zm8="};
	struct mutate mutate = {.is_terminated = true, .visit = check_variant};

	(void)state;
	mutate_seeds(&mutate, seeds, ARRAY_SIZE(seeds));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_the_vectors_of_the_rfc),
		cmocka_unit_test(refuses_what_is_not_canonical),
		cmocka_unit_test(every_size_and_byte_survives),
		cmocka_unit_test(no_damage_to_a_seed_has_two_spellings),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
