#include <stdlib.h>

#include "api/hostname.h"
#include "service/listing.h"
#include "store/dirstore.h"
#include "unit/check.h"
#include "unit/scratch.h"

#define COUNT 40

static msec_t now;

static msec_t tell(struct clock *clock)
{
	(void)clock;
	return now;
}

struct rig {
	struct clock clock;
	struct doors doors;
	struct ctx ctx;
	char directory[SCRATCH_SIZE];
	struct store *store;
	struct changes *changes[KIND_COUNT];
	struct listings listings;
	size_t bytes;
};

static void put(struct rig *rig, int number, const char *label)
{
	struct text_pair pair = {"tier", label};
	struct hostname hostname = {.meta = {.labels = {&pair, 1}}};

	hostname.meta.name = arena_printf(rig->ctx.arena, "n%02d.example.com", number);
	assert_int_equal(store_put_spec(&rig->ctx, rig->store, KIND_HOSTNAME, &hostname), E_OK);
}

static void open_rig(struct rig *rig)
{
	*rig = (struct rig){.clock = {tell, tell, NULL}};
	now = 1000000000;
	rig->doors = (struct doors){&rig->clock, rng_system(), fs_system(), NULL};
	ctx_init(&rig->ctx, &rig->doors);
	assert_non_null(mkdtemp(scratch_template(rig->directory, scratch_disk(), "listing")));
	assert_int_equal(dirstore_open(&rig->ctx, rig->directory, &rig->store), E_OK);
	for (size_t kind = 0; kind < KIND_COUNT; kind++)
		rig->changes[kind] = changes_new(&rig->doors, rig->store, (enum kind)kind);
	rig->listings = (struct listings){.doors = &rig->doors,
					  .changes = rig->changes,
					  .bytes = &rig->bytes,
					  .bytes_max = SIZE_MAX};
	for (int i = 0; i < COUNT; i++)
		put(rig, i, "gold");
}

static void close_rig(struct rig *rig)
{
	char command[256];

	listings_drop_all(&rig->listings);
	assert_int_equal(rig->bytes, 0);
	for (size_t kind = 0; kind < KIND_COUNT; kind++)
		changes_free(rig->changes[kind]);
	dirstore_close(rig->store);
	ctx_fini(&rig->ctx);
	snprintf(command, sizeof(command), "rm -rf %s", rig->directory);
	assert_int_equal(system(command), 0);
}

/* Every `step`th object. */
static struct page *begin_page(struct rig *rig, size_t step)
{
	struct listing *listing = listings_get(&rig->listings, LISTING_HOSTNAMES);
	size_t count = listing_objects(listing)->count;
	struct page *page = page_new(listing);

	for (size_t i = 0; i < count; i += step)
		page_add(page, i);
	page_enclose(page, "[##", 1, "]");
	return page;
}

/* What it gives, block by block. */
static const char *read_page(struct rig *rig, struct page *page, size_t block)
{
	char *text = arena_alloc(rig->ctx.arena, (size_t)1 << 20);
	size_t size = 0, taken;

	while ((taken = page_take(page, text + size, block)) > 0)
		size += taken;
	return text;
}

static const char *whole_page(struct rig *rig, size_t step, size_t block)
{
	struct page *page = begin_page(rig, step);
	const char *text = read_page(rig, page, block);

	page_free(page);
	return text;
}

static size_t count_items(struct rig *rig, const char *text)
{
	struct json *json;

	assert_int_equal(json_parse(&rig->ctx, text, strlen(text), &json), E_OK);
	return json_size(json);
}

static void test_pages(void **state)
{
	static const struct {
		const char *sentence;
		size_t step, block, items;
	} table[] = {
		{"all at once", 1, (size_t)1 << 19, COUNT},
		{"all byte by byte", 1, 1, COUNT},
		{"every third in small blocks", 3, 100, 14},
		{"the first alone", COUNT, 7, 1},
	};
	struct rig rig;

	(void)state;
	open_rig(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *text = whole_page(&rig, table[i].step, table[i].block);

		check_row(table[i].sentence, count_items(&rig, text) == table[i].items);
	}
	close_rig(&rig);
}

static void test_a_page_of_nothing_is_an_empty_list(void **state)
{
	struct page *page;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	page = page_new(listings_get(&rig.listings, LISTING_INSTANCES));
	page_enclose(page, "[", 1, "]");
	assert_string_equal(read_page(&rig, page, 1), "[]");
	page_free(page);
	close_rig(&rig);
}

static void test_what_is_within_a_limit_is_told_to_the_byte(void **state)
{
	struct page *page;
	size_t size, told;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	size = strlen(whole_page(&rig, 2, 4096));
	page = begin_page(&rig, 2);
	assert_false(page_is_within(page, size - 1, &told));
	assert_true(page_is_within(page, size, &told));
	assert_int_equal(told, size);
	assert_int_equal(strlen(read_page(&rig, page, 4096)), size);
	page_free(page);
	close_rig(&rig);
}

#define READERS 200

static void test_many_hold_what_one_holds(void **state)
{
	struct page *pages[READERS];
	size_t one;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	whole_page(&rig, 1, 4096);
	one = rig.bytes;
	assert_true(one > COUNT * 100);
	for (size_t i = 0; i < READERS; i++) {
		pages[i] = begin_page(&rig, 1);
		read_page(&rig, pages[i], 4096);
	}
	assert_int_equal(rig.bytes, one);
	for (size_t i = 0; i < READERS; i++)
		page_free(pages[i]);
	now += MSEC_PER_MIN;
	assert_int_equal(listings_sweep(&rig.listings, now), -1);
	assert_int_equal(rig.bytes, 0);
	close_rig(&rig);
}

static void test_a_change_costs_what_changed(void **state)
{
	struct page *slow;
	size_t one, index = COUNT * sizeof(void *);
	const char *text;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	slow = begin_page(&rig, 1);
	read_page(&rig, slow, 4096);
	one = rig.bytes - index;
	put(&rig, 7, "silver");
	text = whole_page(&rig, 1, 4096);
	assert_non_null(strstr(text, "silver"));
	assert_true(rig.bytes - 2 * index < one + 2 * one / COUNT);
	page_free(slow);
	close_rig(&rig);
}

static void test_after_a_second_it_is_made_again(void **state)
{
	struct page *slow;
	size_t one;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	slow = begin_page(&rig, 1);
	read_page(&rig, slow, 4096);
	one = rig.bytes;
	now += MSEC_PER_SEC;
	put(&rig, 7, "silver");
	whole_page(&rig, 1, 4096);
	assert_true(rig.bytes > 2 * one - one / COUNT);
	page_free(slow);
	close_rig(&rig);
}

static void test_without_room_nothing_is_kept(void **state)
{
	struct page *page;
	const char *text;
	size_t told;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	text = whole_page(&rig, 1, 4096);
	now += MSEC_PER_SEC;
	rig.listings.bytes_max = 1;
	page = begin_page(&rig, 1);
	assert_false(page_is_within(page, (size_t)1 << 20, &told));
	assert_string_equal(read_page(&rig, page, 10), text);
	assert_int_equal(rig.bytes, COUNT * sizeof(void *));
	page_free(page);
	close_rig(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_a_page_of_nothing_is_an_empty_list),
		cmocka_unit_test(test_what_is_within_a_limit_is_told_to_the_byte),
		cmocka_unit_test(test_many_hold_what_one_holds),
		cmocka_unit_test(test_a_change_costs_what_changed),
		cmocka_unit_test(test_after_a_second_it_is_made_again),
		cmocka_unit_test(test_without_room_nothing_is_kept),
	};

	return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
