/*
 * members - finds duplicate member names without comparing each with each.
 *
 * A stack that a parser pushes names on as it meets them. Names of one map lie together; when the
 * map ends they are sorted and leave the stack. What is hostile costs n log n, whatever its names.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct member {
	const char *name;
	uint64_t place; /* grows with the position in the text */
};

struct members {
	struct member *items;
	size_t count, capacity;
};

void members_fini(struct members *members);

void members_push(struct members *members, const char *name, uint64_t place);

/* Ends the map whose names begin at `base`. True when one is there twice: the first repetition, and
 * what it repeats. */
bool members_pop(struct members *members, size_t base, struct member *repeated,
		 struct member *original);

#define cleanup_members __attribute__((cleanup(members_fini)))
