/*
 * check - a pass for a unit test, and assertions that print the sentence of their row.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h needs the four first of them. */
#include <cmocka.h>

#include "base/ctx.h"
#include "base/fs.h"
#include "base/text.h"

/* The real doors, without an order to stop. */
static inline void check_begin(struct ctx *ctx)
{
	static _Thread_local struct doors doors;

	doors = (struct doors){clock_system(), rng_system(), fs_system(), NULL};
	ctx_init(ctx, &doors);
}

#define check_row(sentence, claim)                                        \
	do {                                                              \
		if (!(claim))                                             \
			fail_msg("%s: not true: %s", (sentence), #claim); \
	} while (0)

#define check_row_text(sentence, actual, expected)                                                \
	do {                                                                                      \
		const char *actual_ = (actual), *expected_ = (expected);                          \
		if (!text_equals(actual_, expected_))                                             \
			fail_msg("%s: \"%s\", expected \"%s\"", (sentence),                       \
				 actual_ ? actual_ : "(null)", expected_ ? expected_ : "(null)"); \
	} while (0)

#define check_row_int(sentence, actual, expected)                                            \
	do {                                                                                 \
		long long actual_ = (actual), expected_ = (expected);                        \
		if (actual_ != expected_)                                                    \
			fail_msg("%s: %lld, expected %lld", (sentence), actual_, expected_); \
	} while (0)
