/* What terminate and Retry make of the hostnames of a request, and what stands in their way. */
#include "instance_rig.h"

#include "api/gateway.h"

/* What stands in the way of withdrawing a hostname that a terminated request brought in. */
enum since { NOTHING_SINCE, PUT_SINCE, PATCH_SINCE, POST_SINCE, PUT_BEFORE };

static const struct {
	const char *sentence;
	bool is_owned, is_ready, is_shown, is_followed, is_gone;
	enum since since;
	int others_end; /* of the POST since: enum runtime_status; 0: it runs */
} terminations[] = {
	{.sentence = "nothing", .is_gone = true},
	{.sentence = "a user's file names it", .is_owned = true},
	{.sentence = "it is Ready", .is_ready = true},
	{.sentence = "a gateway that is out shows it", .is_shown = true},
	{.sentence = "another request follows it", .is_followed = true},
	{.sentence = "a PUT confirmed it and changed nothing", .since = PUT_SINCE},
	{.sentence = "a PATCH confirmed it", .since = PATCH_SINCE},
	{.sentence = "a PUT that came first does not", .since = PUT_BEFORE, .is_gone = true},
	{.sentence = "another request confirmed it and failed",
	 .since = POST_SINCE,
	 .others_end = RUNTIME_FAILED},
	{.sentence = "another request that was terminated itself does not",
	 .since = POST_SINCE,
	 .others_end = RUNTIME_TERMINATED,
	 .is_gone = true},
};

static void set_hostname_status(struct rig *rig, const char *name, bool is_ready)
{
	struct condition ready = {CONDITION_READY, CONDITION_TRUE, "Serving", "Serves.", 1, 1};
	struct hostname hostname;
	const void *found;

	assert_int_equal(store_get(&rig->ctx, rig->store, KIND_HOSTNAME, name, &found), E_OK);
	hostname = *(const struct hostname *)found;
	if (is_ready)
		hostname.status.conditions = (struct objects){&ready, 1};
	assert_int_equal(store_put_status(&rig->ctx, rig->store, KIND_HOSTNAME, &hostname), E_OK);
}

static void set_shown(struct rig *rig, const char *name)
{
	struct programmed_hostname shown = {.hostname = name};
	struct gateway gateway = {.meta = {.name = "gateway"}, .spec = {.resource_id = "/gateway"}};
	const void *found;

	assert_int_equal(store_put_spec(&rig->ctx, rig->store, KIND_GATEWAY, &gateway), E_OK);
	assert_int_equal(store_get(&rig->ctx, rig->store, KIND_GATEWAY, "gateway", &found), E_OK);
	gateway = *(const struct gateway *)found;
	gateway.status.programmed = (struct objects){&shown, 1};
	assert_int_equal(store_put_status(&rig->ctx, rig->store, KIND_GATEWAY, &gateway), E_OK);
}

static bool is_desired(struct rig *rig, const char *name)
{
	const void *found;

	return store_get(&rig->ctx, rig->store, KIND_HOSTNAME, name, &found) == E_OK;
}

/* The last of those who follow a hostname takes it along, whoever brought it in. */
static void test_a_follower_inherits_what_was_brought_in(void **state)
{
	const char *first, *second, *third;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	first = rig_start(&rig, RIG_START, ONE);
	second = rig_start(&rig, RIG_START, ONE);
	third = rig_start(&rig, RIG_START, ONE);
	rig_call(&rig, "POST", path(&rig, first, "/terminate"), NULL, NULL);
	rig_call(&rig, "POST", path(&rig, third, "/terminate"), NULL, NULL);
	assert_true(is_desired(&rig, "example.com"));
	rig_call(&rig, "POST", path(&rig, second, "/terminate"), NULL, NULL);
	assert_false(is_desired(&rig, "example.com"));
	rig_close(&rig);
}

static void write_object(struct rig *rig, const char *method)
{
	const char *type = text_equals(method, "PUT") ? "json" : "merge-patch+json";
	const char *headers = arena_printf(
		rig->ctx.arena, "x-functions-key: " RIG_KEY "\r\nContent-Type: application/%s\r\n",
		type);

	assert_int_equal(
		rig_call(rig, method, "/apis/gatecert/v1/hostnames/example.com", headers, "{}")
			.status,
		200);
}

static void post_since(struct rig *rig, int others_end)
{
	const char *id = rig_start(rig, RIG_START, ONE);
	struct instance_status status = status_of(rig, others_end, STEP_FAILED, NULL, NULL);

	if (others_end == RUNTIME_TERMINATED)
		rig_call(rig, "POST", path(rig, id, "/terminate"), NULL, NULL);
	rig_set_status(rig, id, &status);
	rig_call(rig, "DELETE", path(rig, id, ""), NULL, NULL); /* nor is it remembered for this */
}

static void write_since(struct rig *rig, enum since since, int others_end)
{
	switch (since) {
	case PUT_SINCE: write_object(rig, "PUT"); break;
	case PATCH_SINCE: write_object(rig, "PATCH"); break;
	case POST_SINCE: post_since(rig, others_end); break;
	case NOTHING_SINCE:
	case PUT_BEFORE: break;
	}
}

/* Brought in by the request that is going to be terminated. */
static const char *bring_in(struct rig *rig, bool with_put)
{
	const char *id, *heir;

	id = rig_start(rig, RIG_START, ONE);
	if (!with_put)
		return id;
	write_object(rig, "PUT");
	rig_call(rig, "POST", path(rig, id, "/terminate"), NULL, NULL);
	assert_int_equal(
		rig_call(rig, "DELETE", "/apis/gatecert/v1/hostnames/example.com", NULL, NULL)
			.status,
		200);
	rig_desired_count = 0;
	heir = rig_start(rig, RIG_START, ONE);
	return heir;
}

static void test_terminate_withdraws_what_it_brought_in(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(terminations); i++) {
		struct rig rig;
		const char *id;

		rig_open(&rig, NULL, true, false);
		id = bring_in(&rig, terminations[i].since == PUT_BEFORE);
		if (terminations[i].is_followed)
			rig_start(&rig, RIG_START, ONE);
		if (terminations[i].is_owned)
			rig_owned = "example.com";
		set_hostname_status(&rig, "example.com", terminations[i].is_ready);
		if (terminations[i].is_shown)
			set_shown(&rig, "example.com");
		write_since(&rig, terminations[i].since, terminations[i].others_end);
		assert_int_equal(
			rig_call(&rig, "POST", path(&rig, id, "/terminate"), NULL, NULL).status,
			202);
		if (is_desired(&rig, "example.com") == terminations[i].is_gone)
			fail_msg("%s", terminations[i].sentence);
		rig_close(&rig);
	}
}

/* Whoever comes first: the last of them takes it along. */
static void test_requests_that_are_terminated_confirm_nothing(void **state)
{
	static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					{1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		const char *ids[3];
		struct rig rig;

		rig_open(&rig, NULL, true, false);
		for (size_t k = 0; k < 3; k++)
			ids[k] = rig_start(&rig, RIG_START, ONE);
		for (size_t k = 0; k < 3; k++) {
			assert_true(is_desired(&rig, "example.com"));
			rig_call(&rig, "POST", path(&rig, ids[orders[i][k]], "/terminate"), NULL,
				 NULL);
		}
		if (is_desired(&rig, "example.com"))
			fail_msg("in order %d %d %d it stayed", orders[i][0], orders[i][1],
				 orders[i][2]);
		rig_close(&rig);
	}
}

static const struct hostname *find_desired(struct rig *rig, const char *name)
{
	const void *found;

	return store_get(&rig->ctx, rig->store, KIND_HOSTNAME, name, &found) == E_OK ? found : NULL;
}

static void test_retry_of_an_ended_one_acts_on_its_hostnames_alone(void **state)
{
	static const int ends[] = {RUNTIME_COMPLETED, RUNTIME_FAILED, RUNTIME_TERMINATED};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct rig rig;
		const char *id;
		struct instance_status over;
		int64_t asked, written, version;

		rig_open(&rig, NULL, true, false);
		id = rig_start(&rig, RIG_START_SEVERAL,
			       "{\"hostnames\":[\"a.example.com\",\"b.example.com\"]}");
		over = status_of(&rig, ends[i], STEP_FAILED, NULL, NULL);
		rig_set_status(&rig, id, &over);
		rig_call(&rig, "DELETE", "/apis/gatecert/v1/hostnames/b.example.com", NULL, NULL);
		asked = find_desired(&rig, "a.example.com")->asked;
		written = find_desired(&rig, "a.example.com")->written;
		version = rig_instance(&rig, id)->meta.resource_version;
		assert_int_equal(
			rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/Retry"), JSON, "{}")
				.status,
			202);
		assert_true(find_desired(&rig, "a.example.com")->asked > asked);
		assert_int_equal(find_desired(&rig, "a.example.com")->written, written);
		assert_null(find_desired(&rig, "b.example.com"));
		assert_int_equal(rig_instance(&rig, id)->meta.resource_version, version);
		rig_close(&rig);
	}
}

/* The instance then waits for a pass that worked on the event. */
static void test_retry_of_a_running_one(void **state)
{
	struct rig rig;
	const char *id;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START, ONE);
	assert_int_equal(find_desired(&rig, "example.com")->asked,
			 rig_instance(&rig, id)->spec.request);
	rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/Retry"), JSON, "{}");
	assert_true(rig_instance(&rig, id)->spec.retry > rig_instance(&rig, id)->spec.request);
	assert_int_equal(find_desired(&rig, "example.com")->asked,
			 rig_instance(&rig, id)->spec.retry);
	rig_close(&rig);
}

static void test_a_start_finishes_what_a_crash_left(void **state)
{
	struct instance instance;
	struct rig rig;
	const char *id;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START, ONE);
	instance = *rig_instance(&rig, id);
	instance.spec.is_terminated = true;
	instance.meta.resource_version = 0;
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_INSTANCE, &instance), E_OK);
	assert_true(is_desired(&rig, "example.com"));
	server_set_ready(rig.server, false);
	server_set_ready(rig.server, true);
	assert_false(is_desired(&rig, "example.com"));
	rig_desired_count = 0;
	rig_start(&rig, RIG_START, ONE);
	server_set_ready(rig.server, false);
	server_set_ready(rig.server, true);
	assert_true(is_desired(&rig, "example.com"));
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_follower_inherits_what_was_brought_in),
		cmocka_unit_test(test_terminate_withdraws_what_it_brought_in),
		cmocka_unit_test(test_requests_that_are_terminated_confirm_nothing),
		cmocka_unit_test(test_retry_of_an_ended_one_acts_on_its_hostnames_alone),
		cmocka_unit_test(test_retry_of_a_running_one),
		cmocka_unit_test(test_a_start_finishes_what_a_crash_left),
	};

	return cmocka_run_group_tests_name("server termination", tests, NULL, NULL);
}
