#include "watcher.h"

#include "objects/watch.h"

static void test_tells_what_happens(void **state)
{
	struct watcher watcher;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	begin_watching(&rig, &watcher, "");
	expect(&watcher, "HTTP/1.1 200");
	expect(&watcher, "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"gatecert/v1\",\"kind\":"
			 "\"Hostname\",\"metadata\":{\"name\":\"a.example.com\"");
	put(&rig, "b.example.com", "{}");
	expect(&watcher,
	       "\"ADDED\",\"object\":{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\","
	       "\"metadata\":{\"name\":\"b.example.com\"");
	put(&rig, "a.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}");
	expect(&watcher, "{\"type\":\"MODIFIED\"");
	assert_int_equal(rig_call(&rig, "DELETE", HOSTNAMES "/b.example.com", NULL, NULL).status,
			 200);
	expect(&watcher, "{\"type\":\"DELETED\"");
	assert_int_equal(count_events(&watcher), 4);
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_begins_from_a_list_and_misses_nothing(void **state)
{
	struct watcher watcher;
	const char *version;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	put(&rig, "gone.example.com", "{}");
	version = list_version(&rig);
	put(&rig, "b.example.com", "{}");
	assert_int_equal(rig_call(&rig, "DELETE", HOSTNAMES "/gone.example.com", NULL, NULL).status,
			 200);
	begin_watching(&rig, &watcher, arena_printf(rig.ctx.arena, "&resourceVersion=%s", version));
	expect(&watcher, "\"name\":\"b.example.com\"");
	expect(&watcher, "{\"type\":\"DELETED\"");
	assert_int_equal(count_events(&watcher), 2);
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_a_list_serves_any_number_of_watches(void **state)
{
	struct watcher watcher;
	const char *version;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	version = list_version(&rig);
	put(&rig, "b.example.com", "{}");
	for (int i = 0; i < 10; i++) {
		rig_call(&rig, "GET", HOSTNAMES, NULL, NULL);
		rig_call(&rig, "GET", "/apis/gatecert/v1/instances", NULL, NULL);
		begin_watching(&rig, &watcher, from(&rig, version));
		expect(&watcher, "\"name\":\"b.example.com\"");
		assert_int_equal(count_events(&watcher), 1);
		stop_watching(&watcher);
	}
	rig_close(&rig);
}

static void test_goes_on_from_what_an_event_or_an_object_said(void **state)
{
	struct watcher watcher, again;
	struct rig_reply reply;
	const char *version;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "z.example.com", "{}");
	begin_watching(&rig, &watcher, "");
	expect(&watcher, "z.example.com");
	put(&rig, "m.example.com", "{}");
	expect(&watcher, "m.example.com");
	version = last_version(&rig, &watcher);
	reply = rig_call(&rig, "GET", HOSTNAMES "/m.example.com", NULL, NULL);
	assert_string_equal(json_text(json_path(reply.json, "metadata.resourceVersion")), version);
	put(&rig, "a.example.com", "{}");
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_INSTANCE,
					&(struct instance){.meta = {.name = "i"}}),
			 E_OK);
	begin_watching(&rig, &again, from(&rig, version));
	expect(&again, "a.example.com");
	assert_int_equal(count_events(&again), 1);
	stop_watching(&again);
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_goes_on_from_a_removal(void **state)
{
	struct watcher watcher, again;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	begin_watching(&rig, &watcher, "");
	expect(&watcher, "a.example.com");
	rig_call(&rig, "DELETE", HOSTNAMES "/a.example.com", NULL, NULL);
	expect(&watcher, "DELETED");
	put(&rig, "b.example.com", "{}");
	begin_watching(&rig, &again, from(&rig, last_version(&rig, &watcher)));
	expect(&again, "b.example.com");
	assert_null(strstr(again.received.data, "\"ADDED\",\"object\":{\"apiVersion\":\"gatecert/"
						"v1\",\"kind\":\"Hostname\",\"metadata\":"
						"{\"name\":\"a.example.com\""));
	stop_watching(&again);
	stop_watching(&watcher);
	rig_close(&rig);
}

#define LARGE_COUNT 40

/* Together more than any backlog. */
static void put_large_ones(struct rig *rig, char filling)
{
	size_t size = (size_t)512 * 1024;
	char *value = arena_alloc(rig->ctx.arena, size + 1);
	struct text_pair pair = {"note", value};
	struct hostname hostname = {.meta = {.annotations = {&pair, 1}}};

	memset(value, filling, size);
	for (int i = 0; i < LARGE_COUNT; i++) {
		hostname.meta.name = arena_printf(rig->ctx.arena, "n%02d.example.com", i);
		assert_int_equal(store_put_spec(&rig->ctx, rig->store, KIND_HOSTNAME, &hostname),
				 E_OK);
	}
}

static void test_begins_with_more_than_fits_at_once(void **state)
{
	struct watcher watcher;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put_large_ones(&rig, 'x');
	begin_watching(&rig, &watcher, "");
	for (int i = 0; i < LARGE_COUNT; i++)
		expect(&watcher, arena_printf(rig.ctx.arena, "\"name\":\"n%02d.example.com\"", i));
	assert_int_equal(count_events(&watcher), LARGE_COUNT);
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_what_is_not_kept_any_more_is_gone(void **state)
{
	const char *first, *last;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	first = list_version(&rig);
	put_large_ones(&rig, 'x');
	last = list_version(&rig);
	assert_int_equal(
		rig_call(&rig, "GET",
			 arena_printf(rig.ctx.arena, HOSTNAMES "?watch=true%s", from(&rig, first)),
			 NULL, NULL)
			.status,
		410);
	assert_int_equal(
		rig_call(&rig, "GET",
			 arena_printf(rig.ctx.arena, HOSTNAMES "?watch=true&timeoutSeconds=0%s",
				      from(&rig, last)),
			 NULL, NULL)
			.status,
		200);
	rig_close(&rig);
}

static int watch_status(struct rig *rig, const char *version)
{
	const char *target = arena_printf(
		rig->ctx.arena, HOSTNAMES "?watch=true&timeoutSeconds=0%s", from(rig, version));

	return rig_call(rig, "GET", target, NULL, NULL).status;
}

static void test_changes_are_kept_for_a_while(void **state)
{
	const char *first, *second;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig_take_clock(&rig);
	put(&rig, "a.example.com", "{}");
	first = list_version(&rig);
	put(&rig, "b.example.com", "{}");
	second = list_version(&rig);
	rig_time += 5 * MSEC_PER_MIN;
	put(&rig, "c.example.com", "{}");
	assert_int_equal(watch_status(&rig, first), 200);
	rig_time += 6 * MSEC_PER_MIN;
	assert_int_equal(watch_status(&rig, first), 410);
	assert_int_equal(watch_status(&rig, second), 200);
	rig_close(&rig);
}

static void test_a_version_that_nobody_was_told_is_gone(void **state)
{
	struct watcher watcher;
	const char *version;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	put(&rig, "b.example.com", "{}");
	assert_int_equal(
		rig_call(&rig, "GET", HOSTNAMES "?watch=true&resourceVersion=1", NULL, NULL).status,
		410);
	assert_int_equal(
		rig_call(&rig, "GET", HOSTNAMES "?watch=true&resourceVersion=x", NULL, NULL).status,
		400);
	assert_int_equal(
		rig_call(&rig, "GET", HOSTNAMES "?watch=true&labelSelector=%3D", NULL, NULL).status,
		400);
	version = arena_printf(rig.ctx.arena, "&resourceVersion=%lld",
			       (long long)store_version(rig.store));
	begin_watching(&rig, &watcher, version);
	put(&rig, "c.example.com", "{}");
	expect(&watcher, "c.example.com");
	assert_int_equal(count_events(&watcher), 1);
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_a_selector_makes_objects_come_and_go(void **state)
{
	struct watcher watcher;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	begin_watching(&rig, &watcher, "&labelSelector=team%3Dweb");
	put(&rig, "a.example.com", "{}");
	put(&rig, "a.example.com", "{\"metadata\":{\"labels\":{\"team\":\"web\"}}}");
	expect(&watcher, "{\"type\":\"ADDED\"");
	put(&rig, "a.example.com", "{\"metadata\":{\"labels\":{\"team\":\"ops\"}}}");
	expect(&watcher, "{\"type\":\"DELETED\"");
	assert_int_equal(count_events(&watcher), 2);
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_ends_when_its_time_is_over(void **state)
{
	struct watcher watcher;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	begin_watching(&rig, &watcher, "&timeoutSeconds=1");
	expect_end(&watcher);
	assert_non_null(strstr(watcher.received.data, "\r\n0\r\n"));
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_ends_with_a_reload(void **state)
{
	struct watcher watcher;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	begin_watching(&rig, &watcher, "");
	expect(&watcher, "HTTP/1.1 200");
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	expect_end(&watcher);
	stop_watching(&watcher);
	rig_close(&rig);
}

/* Or there is no place. */
static bool watch_is_open(struct rig *rig, struct watcher *watcher)
{
	begin_watching(rig, watcher, "");
	expect(watcher, "HTTP/1.1 ");
	if (text_starts_with(watcher->received.data, "HTTP/1.1 200"))
		return true;
	stop_watching(watcher);
	return false;
}

static void test_places_are_few_and_come_back(void **state)
{
	struct watcher watchers[WATCHES_MAX];
	struct rig_reply reply;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	for (size_t i = 0; i < WATCHES_MAX; i++) {
		begin_watching(&rig, &watchers[i], "");
		expect(&watchers[i], "a.example.com");
	}
	reply = rig_call(&rig, "GET", HOSTNAMES "?watch=true", NULL, NULL);
	assert_int_equal(reply.status, 429);
	for (size_t i = 0; i < WATCHES_MAX; i++)
		stop_watching(&watchers[i]);
	wait_for(watch_is_open(&rig, &watchers[0]));
	expect(&watchers[0], "a.example.com");
	stop_watching(&watchers[0]);
	rig_close(&rig);
}

static void test_stops_under_a_watch(void **state)
{
	struct watcher watcher;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	begin_watching(&rig, &watcher, "");
	expect(&watcher, "HTTP/1.1 200");
	rig_close(&rig);
	stop_watching(&watcher);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_what_happens),
		cmocka_unit_test(test_begins_from_a_list_and_misses_nothing),
		cmocka_unit_test(test_a_list_serves_any_number_of_watches),
		cmocka_unit_test(test_goes_on_from_what_an_event_or_an_object_said),
		cmocka_unit_test(test_goes_on_from_a_removal),
		cmocka_unit_test(test_begins_with_more_than_fits_at_once),
		cmocka_unit_test(test_what_is_not_kept_any_more_is_gone),
		cmocka_unit_test(test_changes_are_kept_for_a_while),
		cmocka_unit_test(test_a_version_that_nobody_was_told_is_gone),
		cmocka_unit_test(test_a_selector_makes_objects_come_and_go),
		cmocka_unit_test(test_ends_when_its_time_is_over),
		cmocka_unit_test(test_ends_with_a_reload),
		cmocka_unit_test(test_places_are_few_and_come_back),
		cmocka_unit_test(test_stops_under_a_watch),
	};

	return cmocka_run_group_tests_name("server watch", tests, NULL, NULL);
}
