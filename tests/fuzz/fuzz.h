/*
 * fuzz - what a target of this directory looks like.
 *
 * A target is one file with LLVMFuzzerTestOneInput. Linked with clang's -fsanitize=fuzzer it
 * searches; linked with replay.c it reads the seeds of seeds/NAME/ and every small damage to them.
 * It asserts what must hold for any input.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/ctx.h"
#include "base/fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_begin(struct ctx *ctx)
{
	static struct doors doors;

	doors = (struct doors){clock_system(), rng_system(), fs_system(), NULL};
	ctx_init(ctx, &doors);
}

/* The input up to its first NUL, as a C string of exactly that size. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	size_t length = size ? strnlen((const char *)data, size) : 0;
	char *text = malloc(length + 1);

	assert(text);
	if (length > 0)
		memcpy(text, data, length);
	text[length] = '\0';
	return text;
}
