#include "instance_rig.h"

static void test_pending_then_running(void **state)
{
	struct instance_status running;
	struct rig_reply reply;
	const char *id, *created, *location;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START, ONE);
	reply = rig_call(&rig, "GET", path(&rig, id, "?showinput=TRUE"), NULL, NULL);
	assert_int_equal(reply.status, 202);
	assert_string_equal(rig_header(&rig, &reply, "Retry-After"), "5");
	location = arena_printf(rig.ctx.arena, "http://127.0.0.1:%u%s", server_port(rig.server),
				path(&rig, id, "?showinput=TRUE"));
	assert_string_equal(rig_header(&rig, &reply, "Location"), location);
	created = json_get_text(reply.json, "createdTime");
	assert_int_equal(strlen(created), strlen("2020-03-24T21:51:49Z"));
	assert_string_equal(
		reply.body,
		arena_printf(rig.ctx.arena,
			     "{\"name\":\"AddCertificateFunctions\",\"instanceId\":\"%s\","
			     "\"runtimeStatus\":\"Pending\",\"input\":\"example.com\","
			     "\"customStatus\":null,\"output\":null,\"createdTime\":\"%s\","
			     "\"lastUpdatedTime\":\"%s\"}",
			     id, created, created));
	running = status_of(&rig, RUNTIME_RUNNING, STEP_CREATE_CERTIFICATE, NULL, NULL);
	rig_set_status(&rig, id, &running);
	reply = rig_call(&rig, "GET", path(&rig, id, ""), NULL, NULL);
	assert_int_equal(reply.status, 202);
	assert_non_null(strstr(reply.body, "\"customStatus\":{\"status\":\"CreateCertificateStep\","
					   "\"message\":\"Creating certificate.\",\"error\":null},"
					   "\"output\":null"));
	rig_close(&rig);
}

/* What an ended instance answers, by its status and the parameters. */
static const struct {
	const char *sentence;
	int runtime;
	const char *parameters;
	int status;
	const char *text;
} ended[] = {
	{"completed is 200", RUNTIME_COMPLETED, "?returnInternalServerErrorOnFailure=true", 200,
	 "\"runtimeStatus\":\"Completed\""},
	{"terminated is 200", RUNTIME_TERMINATED, "?returnInternalServerErrorOnFailure=true", 200,
	 "\"output\":\"what happened\""},
	{"failed is 200", RUNTIME_FAILED, "", 200, "\"runtimeStatus\":\"Failed\""},
	{"failed is 500 when asked for", RUNTIME_FAILED, "?returnInternalServerErrorOnFailure=true",
	 500, "\"output\":\"what happened\""},
	{"the wish is read in any case", RUNTIME_FAILED, "?RETURNINTERNALSERVERERRORONFAILURE=True",
	 500, "\"error\":\"Code\""},
	{"a wish that cannot be read is none", RUNTIME_FAILED,
	 "?returnInternalServerErrorOnFailure=1", 200, NULL},
	{"no input when not wanted", RUNTIME_COMPLETED, "?showInput=False", 200, "\"input\":null"},
	{"input by default", RUNTIME_COMPLETED, "?showInput=no", 200, "\"input\":\"example.com\""},
};

static void test_ended(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(ended); i++) {
		const char *id = rig_start(&rig, RIG_START, ONE);
		struct instance_status status = status_of(&rig, ended[i].runtime, STEP_FAILED,
							  "Code", "what happened");
		struct rig_reply reply;

		rig_set_status(&rig, id, &status);
		reply = rig_call(&rig, "GET", path(&rig, id, ended[i].parameters), NULL, NULL);
		if (reply.status != ended[i].status || rig_header(&rig, &reply, "Location") ||
		    rig_header(&rig, &reply, "Retry-After") ||
		    (ended[i].text && !strstr(reply.body, ended[i].text)))
			fail_msg("%s: got %d %s", ended[i].sentence, reply.status, reply.body);
	}
	rig_close(&rig);
}

static void test_a_list_fails_with_one_output_each(void **state)
{
	struct instance_progress progress[] = {
		{"a.example.com", RUNTIME_COMPLETED, "Completed",
		 "Certbot function successfully completed.", NULL, NULL},
		{"b.example.com", RUNTIME_FAILED, "Failed", "An error has occured. Check error.",
		 "Timeout", "waits for DNS"},
	};
	struct instance_status status;
	struct rig_reply reply;
	const char *id;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START_SEVERAL, SEVERAL);
	status = status_of(&rig, RUNTIME_FAILED, STEP_FAILED, "Timeout", NULL);
	status.progress = (struct objects){progress, 2};
	rig_set_status(&rig, id, &status);
	reply = rig_call(&rig, "GET", path(&rig, id, ""), NULL, NULL);
	assert_non_null(strstr(reply.body, "\"input\":[\"a.example.com\",\"b.example.com\"]"));
	assert_non_null(strstr(
		reply.body,
		"\"output\":[{\"hostname\":\"a.example.com\",\"runtimeStatus\":\"Completed\","
		"\"customStatus\":{\"status\":\"Completed\",\"message\":\"Certbot function "
		"successfully completed.\",\"error\":null},\"output\":null},"
		"{\"hostname\":\"b.example.com\",\"runtimeStatus\":\"Failed\",\"customStatus\":"
		"{\"status\":\"Failed\",\"message\":\"An error has occured. Check "
		"error.\",\"error\":"
		"\"Timeout\"},\"output\":\"waits for DNS\"}]"));
	rig_close(&rig);
}

static void test_history_holds_steps_and_events(void **state)
{
	struct instance_event steps[] = {
		{1585086709000, "TaskCompleted", "CheckDnsResolutionStep", "example.com", "ok"},
	};
	struct instance_status status;
	struct rig_reply reply;
	const char *id;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START, ONE);
	status = status_of(&rig, RUNTIME_RUNNING, STEP_GET_ORDER, NULL, NULL);
	status.history = (struct objects){steps, 1};
	rig_set_status(&rig, id, &status);
	assert_int_equal(
		rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/Hello%20you"), JSON, "{}")
			.status,
		202);
	reply = rig_call(&rig, "GET", path(&rig, id, "?showHistory=true"), NULL, NULL);
	assert_non_null(strstr(reply.body,
			       "\"historyEvents\":[{\"EventType\":\"TaskCompleted\","
			       "\"FunctionName\":\"CheckDnsResolutionStep\","
			       "\"Timestamp\":\"2020-03-24T21:51:49Z\"},"
			       "{\"EventType\":\"EventRaised\",\"Name\":\"Hello you\","));
	assert_null(strstr(reply.body, "\"Result\""));
	reply = rig_call(&rig, "GET", path(&rig, id, "?showHistory=true&showHistoryOutput=true"),
			 NULL, NULL);
	assert_non_null(
		strstr(reply.body, "\"Timestamp\":\"2020-03-24T21:51:49Z\",\"Result\":\"ok\"}"));
	reply = rig_call(&rig, "GET", path(&rig, id, ""), NULL, NULL);
	assert_null(strstr(reply.body, "historyEvents"));
	assert_null(json_get(reply.json, "historyEvents"));
	rig_close(&rig);
}

static void test_history_of_a_list_names_the_hostname(void **state)
{
	struct instance_event steps[] = {
		{1585086708000, "ExecutionStarted", "AddMultipleCertificatesFunctions", NULL, NULL},
		{1585086709000, "TaskScheduled", "CheckDnsResolutionStep", "a.example.com", NULL},
	};
	struct instance_status status;
	struct rig_reply reply;
	const char *id;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START_SEVERAL, SEVERAL);
	status = status_of(&rig, RUNTIME_RUNNING, STEP_CHECK_DNS, NULL, NULL);
	status.history = (struct objects){steps, 2};
	rig_set_status(&rig, id, &status);
	reply = rig_call(&rig, "GET", path(&rig, id, "?showHistory=true"), NULL, NULL);
	assert_non_null(strstr(
		reply.body,
		"\"historyEvents\":[{\"EventType\":\"ExecutionStarted\",\"FunctionName\":"
		"\"AddMultipleCertificatesFunctions\",\"Timestamp\":\"2020-03-24T21:51:48Z\"},"
		"{\"EventType\":\"TaskScheduled\",\"FunctionName\":\"CheckDnsResolutionStep\","
		"\"Timestamp\":\"2020-03-24T21:51:49Z\",\"Input\":\"a.example.com\"}]"));
	rig_close(&rig);
}

static const struct {
	const char *sentence, *rest, *headers, *body;
	int running, over, unknown; /* the answer for an instance that is so */
} calls[] = {
	{"an event", "/raiseEvent/Any", JSON, "{\"a\":1}", 202, 410, 404},
	{"Retry", "/raiseEvent/Retry", JSON, "null", 202, 202, 404},
	{"Retry in any case of letters", "/raiseEvent/rETRY", JSON, NULL, 202, 202, 404},
	{"Retry that is not JSON", "/raiseEvent/Retry", JSON, "nope", 400, 400, 404},
	{"Retry of another type", "/raiseEvent/Retry", NULL, "{}", 400, 400, 404},
	{"an event without content", "/raiseEvent/Any", JSON, NULL, 202, 410, 404},
	{"an event that is not JSON", "/raiseEvent/Any", JSON, "nope", 400, 410, 404},
	{"an event of another type", "/raiseEvent/Any", NULL, "{}", 400, 410, 404},
	{"an event with a control character in its name", "/raiseEvent/a%0ab", JSON, "{}", 400, 410,
	 404},
	{"an event whose name is no UTF-8", "/raiseEvent/a%ff", JSON, "{}", 400, 410, 404},
	{"an event whose name is UTF-8", "/raiseEvent/%c3%bc", JSON, "{}", 202, 410, 404},
	{"terminate", "/terminate?reason=enough", NULL, NULL, 202, 410, 404},
	{"terminate with a control character", "/terminate?reason=a%0d%0ab", NULL, NULL, 400, 410,
	 404},
	{"terminate with a reason that is no UTF-8", "/terminate?reason=b%ffad", NULL, NULL, 400,
	 410, 404},
	{"terminate with half a character", "/terminate?reason=b%c3", NULL, NULL, 400, 410, 404},
	{"terminate with a reason that is UTF-8", "/terminate?reason=%c3%bc", NULL, NULL, 202, 410,
	 404},
};

static void test_calls_on_running_and_ended_ones(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const char *id = rig_start(&rig, RIG_START, ONE);
		struct instance_status status = status_of(&rig, RUNTIME_COMPLETED, STEP_COMPLETED,
							  NULL, NULL);
		const int expected[] = {calls[i].running, calls[i].over, calls[i].unknown};

		for (size_t k = 0; k < 3; k++) {
			const char *target = path(&rig, k == 2 ? NOBODY : id, calls[i].rest);
			struct rig_reply reply;

			if (k == 1)
				rig_set_status(&rig, id, &status);
			reply = rig_call(&rig, "POST", target, calls[i].headers, calls[i].body);
			if (reply.status != expected[k])
				fail_msg("%s (%zu): got %d %s", calls[i].sentence, k, reply.status,
					 reply.body);
		}
	}
	rig_close(&rig);
}

static void test_events_and_ends_are_written_to_the_spec(void **state)
{
	const struct instance *instance;
	struct rig rig;
	const char *id;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START, ONE);
	assert_int_equal(rig_instance(&rig, id)->spec.introduced.count, 1);
	assert_true(rig_instance(&rig, id)->spec.accepted > 0);
	assert_int_equal(rig_instance(&rig, rig_start(&rig, RIG_START, ONE))->spec.introduced.count,
			 0);
	rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/Other"), JSON, "{}");
	assert_int_equal(rig_instance(&rig, id)->spec.retry_requested, 0);
	rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/retry"), JSON, "{}");
	assert_true(rig_instance(&rig, id)->spec.retry_requested > 0);
	rig_call(&rig, "POST", path(&rig, id, "/terminate?reason=first+one"), NULL, NULL);
	rig_call(&rig, "POST", path(&rig, id, "/terminate?reason=second"), NULL, NULL);
	instance = rig_instance(&rig, id);
	assert_true(instance->spec.is_terminated);
	assert_int_equal(instance->spec.introduced.count, 0);
	assert_string_equal(instance->spec.terminate_reason, "first one");
	assert_int_equal(instance->spec.events.count, 2);
	rig_close(&rig);
}

static void test_events_are_bounded(void **state)
{
	struct rig rig;
	const char *id;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START, ONE);
	for (int i = 0; i < INSTANCE_EVENTS_MAX; i++)
		assert_int_equal(
			rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/X"), JSON, "{}").status,
			202);
	assert_int_equal(rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/X"), JSON, "{}").status,
			 429);
	assert_int_equal(
		rig_call(&rig, "POST", path(&rig, id, "/raiseEvent/Retry"), JSON, "{}").status,
		202);
	rig_close(&rig);
}

static void test_purge_takes_only_what_has_ended(void **state)
{
	struct instance_status status;
	struct rig_reply reply;
	struct rig rig;
	const char *id;

	(void)state;
	rig_open(&rig, NULL, true, false);
	id = rig_start(&rig, RIG_START, ONE);
	reply = rig_call(&rig, "DELETE", path(&rig, id, ""), NULL, NULL);
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.body, "{\"instancesDeleted\":0}");
	status = status_of(&rig, RUNTIME_FAILED, STEP_FAILED, "Timeout", "x");
	rig_set_status(&rig, id, &status);
	reply = rig_call(&rig, "DELETE", path(&rig, id, ""), NULL, NULL);
	assert_string_equal(reply.body, "{\"instancesDeleted\":1}");
	assert_int_equal(rig_call(&rig, "DELETE", path(&rig, id, ""), NULL, NULL).status, 404);
	assert_int_equal(rig_call(&rig, "GET", path(&rig, id, ""), NULL, NULL).status, 404);
	rig_close(&rig);
}

static void test_a_code_opens_its_own_instance_only(void **state)
{
	struct rig_reply reply;
	const char *mine, *others, *code;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	reply = rig_call(&rig, "POST", RIG_START, NULL, ONE);
	mine = json_get_text(reply.json, "id");
	code = strstr(json_get_text(reply.json, "purgeHistoryDeleteUri"), "code=");
	others = rig_start(&rig, RIG_START, ONE);
	code = arena_printf(rig.ctx.arena, "?%s", code);
	assert_int_equal(rig_call(&rig, "GET", path(&rig, mine, code), "", NULL).status, 202);
	assert_int_equal(rig_call(&rig, "GET", path(&rig, others, code), "", NULL).status, 401);
	assert_int_equal(rig_call(&rig, "DELETE", path(&rig, others, code), "", NULL).status, 401);
	reply = rig_call(&rig, "GET", arena_printf(rig.ctx.arena, RIG_INSTANCES "%s", code), "",
			 NULL);
	assert_int_equal(reply.status, 401);
	reply = rig_call(&rig, "POST", arena_printf(rig.ctx.arena, RIG_START "%s", code), "", ONE);
	assert_int_equal(reply.status, 401);
	assert_int_equal(
		rig_call(&rig, "POST",
			 path(&rig, mine, arena_printf(rig.ctx.arena, "/terminate%s", code)), "",
			 NULL)
			.status,
		202);
	rig_close(&rig);
}

static struct rig_reply list(struct rig *rig, const char *method, const char *parameters,
			     const char *headers)
{
	return rig_call(rig, method, arena_printf(rig->ctx.arena, RIG_INSTANCES "?%s", parameters),
			headers, NULL);
}

static const struct {
	const char *sentence, *parameters;
	size_t count;
} lists[] = {
	{"all", "", 6},
	{"from long ago", "createdTimeFrom=2020-01-01T00:00:00Z", 6},
	{"from the future", "createdTimeFrom=2999-01-01T00:00:00Z", 0},
	{"up to long ago", "createdTimeTo=2020-01-01T00:00:00Z", 0},
	{"a time that cannot be read counts as absent", "createdTimeFrom=yesterday", 6},
	{"one status", "runtimeStatus=Completed", 2},
	{"several in any case", "runtimeStatus=completed,%20FAILED", 3},
	{"a status that does not exist counts as absent", "runtimeStatus=Odd", 6},
	{"no such prefix", "instanceIdPrefix=zz", 0},
	{"the first two", "top=2", 2},
	{"none is no page size", "top=0", 6},
};

static void test_lists(void **state)
{
	static const int runtimes[] = {RUNTIME_PENDING,	  RUNTIME_RUNNING, RUNTIME_COMPLETED,
				       RUNTIME_COMPLETED, RUNTIME_FAILED,  RUNTIME_TERMINATED};
	struct rig_reply reply;
	const char *token;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		const char *id = rig_start(&rig, RIG_START, ONE);
		struct instance_status status = status_of(&rig, runtimes[i], STEP_COMPLETED, NULL,
							  NULL);

		rig_set_status(&rig, id, &status);
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		reply = list(&rig, "GET", lists[i].parameters, NULL);
		if (reply.status != 200 || json_size(reply.json) != lists[i].count)
			fail_msg("%s: %d %s", lists[i].sentence, reply.status, reply.body);
	}
	reply = list(&rig, "GET", "top=4&showInput=false", NULL);
	assert_true(json_is_null(json_get(json_at(reply.json, 0), "input")));
	token = rig_header(&rig, &reply, "x-ms-continuation-token");
	assert_non_null(token);
	reply = list(&rig, "GET", "top=4",
		     arena_printf(rig.ctx.arena,
				  "x-functions-key: " RIG_KEY "\r\nx-ms-continuation-token: %s\r\n",
				  token));
	assert_int_equal(json_size(reply.json), 2);
	assert_null(rig_header(&rig, &reply, "x-ms-continuation-token"));
	rig_close(&rig);
}

static const struct {
	const char *sentence, *parameters;
	int status;
	const char *text;
} purges[] = {
	{"without a beginning", "runtimeStatus=Completed", 400, "createdTimeFrom"},
	{"with a beginning that cannot be read", "createdTimeFrom=x", 400, "createdTimeFrom"},
	{"with an end that cannot be read", "createdTimeFrom=2020-01-01T00:00:00Z&createdTimeTo=x",
	 400, "createdTimeTo"},
	{"with a status that does not exist",
	 "createdTimeFrom=2020-01-01T00:00:00Z&runtimeStatus=X", 400, "runtimeStatus"},
	{"none matches", "createdTimeFrom=2999-01-01T00:00:00Z", 404, "InstanceNotFound"},
	{"one status", "createdTimeFrom=2020-01-01T00:00:00Z&runtimeStatus=Failed", 200,
	 "{\"instancesDeleted\":1}"},
	{"running ones stay", "createdTimeFrom=2020-01-01T00:00:00Z&runtimeStatus=Running", 404,
	 "InstanceNotFound"},
	{"all that ended", "createdTimeFrom=2020-01-01T00:00:00%2B00:00", 200,
	 "{\"instancesDeleted\":2}"},
};

static void test_purges_by_filter(void **state)
{
	static const int runtimes[] = {RUNTIME_RUNNING, RUNTIME_COMPLETED, RUNTIME_FAILED,
				       RUNTIME_TERMINATED};
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(runtimes); i++) {
		const char *id = rig_start(&rig, RIG_START, ONE);
		struct instance_status status = status_of(&rig, runtimes[i], STEP_COMPLETED, NULL,
							  NULL);

		rig_set_status(&rig, id, &status);
	}
	for (size_t i = 0; i < ARRAY_SIZE(purges); i++) {
		struct rig_reply reply = list(&rig, "DELETE", purges[i].parameters, NULL);

		if (reply.status != purges[i].status || !strstr(reply.body, purges[i].text))
			fail_msg("%s: %d %s", purges[i].sentence, reply.status, reply.body);
	}
	assert_int_equal(store_count(rig.store, KIND_INSTANCE), 1);
	rig_close(&rig);
}

/* Of the one instance, which was created now: both bounds in the same form. */
static const struct {
	const char *sentence, *before, *after; /* long ago, and far away */
	bool is_readable;
} times[] = {
	{"RFC 3339", "2020-11-27T23:38:30Z", "2120-11-27T23:38:30Z", true},
	{"an offset", "2020-11-27T23:38:30%2b02:00", "2120-11-27T23:38:30-02:00", true},
	{"a plus that is not escaped", "2020-11-27T23:38:30+00:00", "2120-11-27T23:38:30+00:00",
	 true},
	{"no offset", "2020-11-27T23:38:30", "2120-11-27T23:38:30", true},
	{"seven digits, as .NET writes them", "2020-11-27T23:38:30.1234567Z",
	 "2120-11-27T23:38:30.1234567", true},
	{"seven digits and an offset", "2020-11-27T23:38:30.1234567+00:00",
	 "2120-11-27T23:38:30.1234567%2B00:00", true},
	{"no seconds", "2020-11-27T23:38Z", "2120-11-27T23:38", true},
	{"no seconds but an offset", "2020-11-27T23:38+01:00", "2120-11-27T23:38-01:00", true},
	{"a day", "2020-11-27", "2120-11-27", true},
	{"a blank for the T", "2020-11-27+23:38:30", "2120-11-27+23:38:30Z", true},
	{"a day with an offset", "2020-11-27Z", "2120-11-27Z", false},
	{"no day", "2020-11", "2120-11", false},
	{"no such day", "2020-13-27", "2120-02-30T10:00", false},
	{"an hour", "2020-11-27T23", "2120-11-27T23Z", false},
	{"something behind it", "2020-11-27T23:38:30x", "2120-11-27T23:38:30Zx", false},
	{"something long", "2020-11-27T23:38:30.00000000000000000000000000000000000000",
	 "2120-11-27T00:00000000000000000000000000000000000000000000000000000000000", false},
};

static size_t listed(struct rig *rig, const char *parameter, const char *value)
{
	const char *target = arena_printf(rig->ctx.arena, RIG_INSTANCES "?%s=%s", parameter, value);

	return json_size(rig_call(rig, "GET", target, NULL, NULL).json);
}

/* What cannot be read counts as absent, and shows all. */
static void test_times_are_read_in_the_forms_that_clients_write(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig_start(&rig, RIG_START, ONE);
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		size_t hidden = times[i].is_readable ? 0 : 1;

		if (listed(&rig, "createdTimeFrom", times[i].before) != 1 ||
		    listed(&rig, "createdTimeTo", times[i].before) != hidden ||
		    listed(&rig, "createdTimeFrom", times[i].after) != hidden ||
		    listed(&rig, "createdTimeTo", times[i].after) != 1)
			fail_msg("%s", times[i].sentence);
	}
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pending_then_running),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_a_list_fails_with_one_output_each),
		cmocka_unit_test(test_history_holds_steps_and_events),
		cmocka_unit_test(test_history_of_a_list_names_the_hostname),
		cmocka_unit_test(test_calls_on_running_and_ended_ones),
		cmocka_unit_test(test_events_and_ends_are_written_to_the_spec),
		cmocka_unit_test(test_events_are_bounded),
		cmocka_unit_test(test_purge_takes_only_what_has_ended),
		cmocka_unit_test(test_a_code_opens_its_own_instance_only),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_purges_by_filter),
		cmocka_unit_test(test_times_are_read_in_the_forms_that_clients_write),
	};

	return cmocka_run_group_tests_name("server instances", tests, NULL, NULL);
}
