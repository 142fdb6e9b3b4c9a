/*
 * listing - what lists say of each object of a kind at one moment, and pages of that.
 *
 * What is said of an object is made when the first page that has it is sent, and kept for all who
 * list within a second while the object stays as it is: a thousand lists cost one rendering, and a
 * page that is read slowly holds what all the others hold. When answers hold too much, it is made
 * again for each. Belongs to the loop thread.
 */
#pragma once

#include "service/changes.h"

enum listing_form {
	LISTING_HOSTNAMES,
	LISTING_GATEWAYS,
	LISTING_INSTANCES,
	LISTING_STATUSES, /* instances, as the documented API shows them */
	LISTING_STATUSES_WITHOUT_INPUT,
	LISTING_FORMS
};

struct listing;

/* The listings in use, and what makes them; borrowed for its whole life. */
struct listings {
	const struct doors *doors;
	struct changes *const *changes; /* by enum kind */
	size_t *bytes;			/* of all answers */
	size_t bytes_max;
	struct listing *current[LISTING_FORMS];
};

/* As of now. The caller's reference. */
struct listing *listings_get(struct listings *listings, enum listing_form form);

/* Drops those that nobody shares any more. How long until there may be one; -1: there is none. */
msec_t listings_sweep(struct listings *listings, msec_t now);
void listings_drop_all(struct listings *listings);

/* In name order, complete. */
const struct changes_list *listing_objects(const struct listing *listing);
int64_t listing_version(const struct listing *listing);

struct page;

/* Some objects of a listing, whose reference it takes over. */
struct page *page_new(struct listing *listing);
void page_free(struct page *page);

/* The next object that it has, by its place among listing_objects. */
void page_add(struct page *page, size_t index);

/* What stands before the first object and behind the last; copied. The commas in between come by
 * themselves. */
void page_enclose(struct page *page, const char *head, size_t head_size, const char *tail);

/* Whether all that it will give is known and has at most `limit` bytes, and how many. Nothing was
 * taken yet. */
bool page_is_within(struct page *page, size_t limit, size_t *size);

/* How much was put into `out`; 0: that was all. */
size_t page_take(struct page *page, char *out, size_t room);
