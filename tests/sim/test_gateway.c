/*
 * The gateway reconciler when its world is not as it should be: updates that fail, operations that
 * cannot be followed, another gateway in the configuration. In simulated time.
 */
#include "sim/scene.h"

#include <string.h>

#include "api/gateway.h"
#include "base/text.h"
#include "codec/json.h"

#define TWELVE_DAYS "1036800" /* renewed after eight */
#define SHOP	    "shop.example.com"
#define WWW	    "www.shop.example.com"
#define PUT_GATEWAY "^PUT .*/applicationGateways/"
#define ELSEWHERE                                                                \
	"/subscriptions/0/resourceGroups/elsewhere/providers/Microsoft.Network/" \
	"applicationGateways/"

static const struct budget ample = {400, MSEC_PER_HOUR};

/* The message of the failed update names a listener whose end is the other's name. */
static void test_a_failed_update_sets_aside_whom_it_names(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(
		&scene,
		"{\"method\":\"GET\",\"path\":\"/operations/\",\"do\":{\"status\":200,\"body\":{"
		"\"status\":\"Failed\",\"error\":{\"code\":\"ListenerFailed\",\"message\":\"No "
		"way to serve '/httpListeners/www-shop-example-com-listener'.\"}}}}");
	rig_desire(scene.rig, SHOP);
	rig_desire(scene.rig, WWW);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	scene_assert_condition(&scene, WWW, CONDITION_READY, "False ListenerRejected");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2);
	scene_run(&scene, ample);
	scene_close(&scene);
}

#define REFUSED_FOR(times, words)                                                            \
	"{\"method\":\"PUT\",\"path\":\"/applicationGateways/\",\"times\":" times            \
	",\"do\":{\"status\":400,\"body\":{\"error\":{\"code\":\"ListenerHostNameInvalid\"," \
	"\"message\":\"" words " is not valid.\"}}}}"

/* Some are refused at once: no operation tells of them. */
static void test_a_refused_update_sets_aside_whom_it_names(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(&scene, REFUSED_FOR("1", "/httpListeners/www-shop-example-com-listener"));
	rig_desire(scene.rig, SHOP);
	rig_desire(scene.rig, WWW);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	scene_assert_condition(&scene, WWW, CONDITION_READY, "False ListenerRejected");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2);
	scene_run(&scene, ample);
	scene_close(&scene);
}

/* Whatever wakes the gateway meanwhile: the update would be refused again. */
static void test_updates_that_are_refused_for_nobodys_sake_are_put_off(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(&scene, REFUSED_FOR("-1", "The probe of another"));
	rig_desire(scene.rig, SHOP);
	while (!scene_count(&scene, DOOR_ARM, PUT_GATEWAY))
		rig_pass_time(scene.rig, 20);
	rig_look_at_gateway(scene.rig);
	rig_pass_time(scene.rig, 2 * MSEC_PER_SEC);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False ListenerHostNameInvalid");
	assert_in_range(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2, 8);
	world_clear_faults(scene.world);
	rig_pass_time(scene.rig, 15 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	scene_close(&scene);
}

static void test_another_gateway_is_the_only_one(void **state)
{
	struct scene scene;
	const char *before = strrchr(sim_options().gateway_id, '/') + 1;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_use_gateway(scene.rig, ELSEWHERE "another");
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	assert_null(rig_gateway(&scene.ctx, scene.rig, before));
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False GatewayNotFound");
	rig_use_gateway(scene.rig, sim_options().gateway_id);
	scene_run(&scene, ample);
	assert_null(rig_gateway(&scene.ctx, scene.rig, "another"));
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	scene_close(&scene);
}

static void test_what_is_known_of_one_resource_is_not_believed_of_another(void **state)
{
	struct scene scene;
	const char *name = strrchr(sim_options().gateway_id, '/') + 1;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_use_gateway(scene.rig, arena_printf(scene.ctx.arena, ELSEWHERE "%s", name));
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_REACHABLE,
				       "False GatewayNotFound");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False GatewayNotFound");
	rig_use_gateway(scene.rig, sim_options().gateway_id);
	scene_run(&scene, (struct budget){100, MSEC_PER_MIN});
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	scene_close(&scene);
}

static void test_an_operation_of_one_resource_is_not_followed_for_another(void **state)
{
	struct scene scene;
	const char *name = strrchr(sim_options().gateway_id, '/') + 1;
	size_t asked;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "gatewayUpdateSeconds", "600");
	rig_desire(scene.rig, SHOP);
	while (!scene_count(&scene, DOOR_ARM, "/operations/"))
		rig_pass_time(scene.rig, MSEC_PER_SEC);
	asked = scene_count(&scene, DOOR_ARM, "/operations/");
	rig_use_gateway(scene.rig, arena_printf(scene.ctx.arena, ELSEWHERE "%s", name));
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	assert_int_equal(scene_count(&scene, DOOR_ARM, "/operations/"), asked);
	rig_use_gateway(scene.rig, sim_options().gateway_id);
	scene_run(&scene, ample);
	scene_close(&scene);
}

#define OPERATION_SAYS(status, body)                                                            \
	"{\"method\":\"GET\",\"path\":\"/operations/\",\"times\":-1,\"do\":{\"status\":" status \
	",\"body\":{" body "}}}"
#define GATEWAY_SAYS(method, times, status, code)                                        \
	"{\"method\":\"" method "\",\"path\":\"/applicationGateways/\",\"times\":" times \
	",\"do\":{\"status\":" status ",\"body\":{\"error\":{\"code\":\"" code           \
	"\",\"message\":\"As the test says.\"}}}}"
#define ERROR_OF(code) "\"error\":{\"code\":\"" code "\",\"message\":\"As the test says.\"}"
#define FAILED	       "\"status\":\"Failed\"," ERROR_OF("InternalServerError")

static const char *const lost_operations[] = {
	OPERATION_SAYS("403", ERROR_OF("AuthorizationFailed")),
	OPERATION_SAYS("400", ERROR_OF("InvalidRequest")),
	OPERATION_SAYS("410", ERROR_OF("Gone")),
	OPERATION_SAYS("404", ERROR_OF("OperationNotFound")),
};

static void test_what_cannot_be_followed_is_looked_at(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lost_operations); i++) {
		struct scene scene;

		scene_open(&scene);
		scene_fault(&scene, lost_operations[i]);
		rig_desire(scene.rig, SHOP);
		scene_run(&scene, (struct budget){100, MSEC_PER_MIN});
		assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
		scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_WRITABLE, "True UpToDate");
		scene_close(&scene);
	}
}

static void test_an_operation_without_end_is_followed_for_an_hour(void **state)
{
	static const char *const faults[] = {
		OPERATION_SAYS("200", "\"status\":\"Running\""),
		OPERATION_SAYS("500", ERROR_OF("InternalServerError")),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct scene scene;

		scene_open(&scene);
		scene_fault(&scene, faults[i]);
		rig_desire(scene.rig, SHOP);
		rig_pass_time(scene.rig, 50 * MSEC_PER_MIN);
		scene_assert_condition(&scene, SHOP, CONDITION_READY, "False");
		rig_pass_time(scene.rig, 20 * MSEC_PER_MIN);
		scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
		assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
		scene_close(&scene);
	}
}

/* Every update fails, and nobody may know why: that is no reason to hurry. */
static void test_updates_that_fail_unseen_are_put_off(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(&scene, lost_operations[0]);
	scene_set(&scene, "gatewayVaultAccess", "forbid");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 10 * MSEC_PER_MIN);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_WRITABLE,
				       "False AuthorizationFailed: the outcome of the gateway's "
				       "update is not known");
	scene_assert_condition(&scene, SHOP, CONDITION_GATEWAY_CONFIGURED,
			       "False AuthorizationFailed");
	assert_in_range(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2, 8);
	scene_set(&scene, "gatewayVaultAccess", "allow");
	rig_pass_time(scene.rig, 15 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	scene_close(&scene);
}

static void test_a_lasting_403_is_told(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "gatewayUpdateSeconds", "60");
	rig_desire(scene.rig, SHOP);
	while (!scene_count(&scene, DOOR_ARM, "/operations/"))
		rig_pass_time(scene.rig, MSEC_PER_SEC);
	scene_fault(&scene, lost_operations[0]);
	scene_fault(&scene, GATEWAY_SAYS("GET", "-1", "403", "AuthorizationFailed"));
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_REACHABLE,
				       "False AuthorizationFailed");
	scene_assert_condition(&scene, SHOP, CONDITION_GATEWAY_CONFIGURED,
			       "False AuthorizationFailed");
	world_clear_faults(scene.world);
	rig_pass_time(scene.rig, 15 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	scene_close(&scene);
}

static bool update_has_failed(void *handle)
{
	struct scene *scene = handle;

	return text_starts_with(
		rig_gateway_condition(&scene->ctx, scene->rig, CONDITION_GATEWAY_WRITABLE),
		"False UpdateFailed");
}

static bool is_ready_and_was_never_put_off(void *handle)
{
	struct scene *scene = handle;
	const char *configured = rig_condition(&scene->ctx, scene->rig, WWW,
					       CONDITION_GATEWAY_CONFIGURED);

	assert_false(text_starts_with(configured, "False"));
	return text_starts_with(configured, "True");
}

/* An update failed for a hostname that is gone: nobody else has to wait for that. */
static void test_a_gateway_that_is_up_to_date_puts_nothing_off(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "gatewayVaultAccess", "forbid");
	scene_fault(&scene, OPERATION_SAYS("200", FAILED));
	rig_desire(scene.rig, SHOP);
	assert_true(rig_run_until(scene.rig, update_has_failed, &scene, ample));
	world_clear_faults(scene.world);
	scene_set(&scene, "gatewayVaultAccess", "allow");
	rig_withdraw(scene.rig, SHOP);
	rig_look_at_gateway(scene.rig);
	rig_pass_time(scene.rig, 200);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_WRITABLE, "True UpToDate");
	rig_desire(scene.rig, WWW);
	assert_true(rig_run_until(scene.rig, is_ready_and_was_never_put_off, &scene,
				  (struct budget){100, MSEC_PER_MIN}));
	scene_close(&scene);
}

/* An answer was lost and now the gateway cannot even be read: that is not about writing. */
static void test_what_cannot_be_read_is_not_reachable(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(&scene, "{\"method\":\"PUT\",\"path\":\"/applicationGateways/\",\"do\":{"
			    "\"reset\":\"after\"}}");
	rig_desire(scene.rig, SHOP);
	while (!scene_count(&scene, DOOR_ARM, PUT_GATEWAY))
		rig_pass_time(scene.rig, 20);
	scene_fault(&scene, GATEWAY_SAYS("GET", "-1", "403", "AuthorizationFailed"));
	rig_pass_time(scene.rig, 2 * MSEC_PER_MIN);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_REACHABLE,
				       "False AuthorizationFailed");
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_WRITABLE, "");
	world_clear_faults(scene.world);
	scene_run(&scene, ample);
	scene_close(&scene);
}

static msec_t reachable_since(struct scene *scene)
{
	const char *name = strrchr(sim_options().gateway_id, '/') + 1;
	const struct gateway *gateway = rig_gateway(&scene->ctx, scene->rig, name);

	return condition_find(&gateway->status.conditions, CONDITION_GATEWAY_REACHABLE)
		->last_transition;
}

static const struct {
	const char *sentence, *fault, *writable;
} unwritable[] = {
	{"the update is forbidden", GATEWAY_SAYS("PUT", "-1", "403", "AuthorizationFailed"),
	 "False AuthorizationFailed"},
	{"the update fails", GATEWAY_SAYS("PUT", "-1", "500", "InternalServerError"),
	 "Unknown InternalServerError"},
	{"another update holds the gateway",
	 GATEWAY_SAYS("PUT", "-1", "429", "RetryableErrorDueToAnotherOperation"),
	 "Unknown RetryableErrorDueToAnotherOperation"},
};

/* It can be read all the time, and says so all the time. */
static void test_what_cannot_be_written_is_reachable(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unwritable); i++) {
		struct scene scene;
		msec_t since;

		scene_open(&scene);
		rig_desire(scene.rig, SHOP);
		scene_run(&scene, ample);
		since = reachable_since(&scene);
		scene_fault(&scene, unwritable[i].fault);
		rig_desire(scene.rig, WWW);
		rig_pass_time(scene.rig, 10 * MSEC_PER_MIN);
		scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_WRITABLE,
					       unwritable[i].writable);
		scene_assert_condition(&scene, WWW, CONDITION_GATEWAY_CONFIGURED,
				       unwritable[i].writable);
		scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_REACHABLE, "True");
		assert_int_equal(reachable_since(&scene), since);
		world_clear_faults(scene.world);
		rig_pass_time(scene.rig, 15 * MSEC_PER_MIN);
		scene_assert_condition(&scene, WWW, CONDITION_READY, "True");
		scene_close(&scene);
	}
}

/* Nothing is stopped, and it cannot be reached all the same. */
static void test_an_unreachable_gateway_is_read_at_its_own_pace(void **state)
{
	struct scene scene;
	size_t read;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	scene_fault(&scene, "{\"method\":\"GET\",\"path\":\"/.well-known/\",\"times\":-1,\"do\":{"
			    "\"reset\":\"before\"}}");
	read = scene_count(&scene, DOOR_ARM, "^GET .*/applicationGateways/");
	for (int i = 0; i < 40; i++)
		rig_desire(scene.rig, arena_printf(scene.ctx.arena, "site%d.example.com", i));
	rig_pass_time(scene.rig, 10 * MSEC_PER_MIN);
	scene_assert_condition(&scene, "site0.example.com", CONDITION_READY,
			       "False SelfCheckUnreachable");
	assert_in_range(scene_count(&scene, DOOR_ARM, "^GET .*/applicationGateways/") - read, 1,
			61);
	scene_close(&scene);
}

static void sign(struct scene *scene, struct http_request *request)
{
	request->url = arena_printf(scene->ctx.arena, SIM_ARM "%s?api-version=2025-05-01",
				    sim_options().gateway_id);
	http_set_header(request, "Content-Type", "application/json");
	http_set_header(request, "Authorization", world_bearer(&scene->ctx, scene->world, SIM_ARM));
}

static struct json *get_gateway(struct scene *scene, struct http *http)
{
	struct http_request request = {.kind = HTTP_READ, .method = "GET"};
	struct http_reply reply;
	struct json *body = NULL;

	sign(scene, &request);
	assert_int_equal(http_send(&scene->ctx, http, &request, &reply), E_OK);
	assert_int_equal(json_parse(&scene->ctx, reply.body, reply.body_size, &body), E_OK);
	return body;
}

static void put_gateway(struct scene *scene, struct http *http, const struct json *body)
{
	struct http_request request = {.kind = HTTP_ONE_SHOT, .method = "PUT"};
	struct http_reply reply;

	request.body = json_print(&scene->ctx, body);
	request.body_size = strlen(request.body);
	sign(scene, &request);
	http_set_header(&request, "If-Match", json_get_text(body, "etag"));
	assert_int_equal(http_send(&scene->ctx, http, &request, &reply), E_OK);
	assert_int_equal(reply.status, 200);
	rig_pass_time(scene->rig, MSEC_PER_MIN);
}

/* Somebody pins a certificate entry to the version in use. As ourselves: what another changes is
 * foreign to the judge. */
static void pin(struct scene *scene, const char *entry)
{
	struct http *http = world_http(scene->ctx.arena, scene->world, false);
	struct json *body;

	scene_set(scene, "secretVersions", "show");
	body = get_gateway(scene, http);
	scene_set(scene, "secretVersions", "hide");
	put_gateway(scene, http, body);
	assert_non_null(strchr(strstr(scene_secret_id(scene, entry), "/secrets/") + 9, '/'));
}

static void assert_serves_newest(struct scene *scene, const char *hostname)
{
	assert_string_equal(
		world_served_certificate(&scene->ctx, scene->world, hostname),
		rig_hostname(&scene->ctx, scene->rig, hostname)->status.certificate.serial);
}

static void renew(struct scene *scene, const char *hostname)
{
	msec_t due = rig_hostname(&scene->ctx, scene->rig, hostname)->status.renewal_time;

	rig_pass_time(scene->rig, due - ctx_wall(&scene->ctx) + 2 * MSEC_PER_HOUR);
}

static void test_a_version_in_our_secret_id_is_taken_out(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "certificateSeconds", TWELVE_DAYS);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	pin(&scene, "shop-example-com");
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	assert_string_equal(scene_secret_id(&scene, "shop-example-com"),
			    SIM_VAULT "/secrets/shop-example-com");
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 3);
	renew(&scene, SHOP);
	assert_serves_newest(&scene, SHOP);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 3);
	pin(&scene, "shop-example-com");
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 5);
	scene_close(&scene);
}

static bool was_never_unready(void *handle)
{
	struct scene *scene = handle;

	scene_assert_condition(scene, SHOP, CONDITION_READY, "True");
	return scene_count(scene, DOOR_ARM, PUT_GATEWAY) == 3;
}

static void test_taking_it_out_is_no_trouble_for_the_hostname(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	pin(&scene, "shop-example-com");
	assert_true(rig_run_until(scene.rig, was_never_unready, &scene,
				  (struct budget){100, 2 * MSEC_PER_HOUR}));
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	scene_close(&scene);
}

/* The gateway shows versions whatever is sent: one update for each version of the vault. */
static void test_a_gateway_that_shows_versions_is_not_updated_for_ever(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "certificateSeconds", TWELVE_DAYS);
	scene_set(&scene, "secretVersions", "show");
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	rig_restart(scene.rig);
	rig_pass_time(scene.rig, MSEC_PER_DAY);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	scene_assert_gateway_condition(
		&scene, CONDITION_GATEWAY_WRITABLE,
		"True UpToDate: The Application Gateway shows every hostname that is ready for it. "
		"It shows a version in the secret id of " SHOP);
	rig_desire(scene.rig, WWW);
	scene_run(&scene, ample);
	scene_set(&scene, "secretVersions", "hide");
	assert_string_equal(scene_secret_id(&scene, "shop-example-com"),
			    SIM_VAULT "/secrets/shop-example-com");
	scene_set(&scene, "secretVersions", "show");
	renew(&scene, SHOP);
	rig_pass_time(scene.rig, MSEC_PER_DAY);
	assert_serves_newest(&scene, SHOP);
	assert_in_range(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 3, 4);
	scene_set(&scene, "secretVersions", "hide");
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_WRITABLE,
				       "True UpToDate: The Application Gateway shows every "
				       "hostname that is ready for it.");
	scene_close(&scene);
}

/* What another's update replaced did not arrive: it is sent once more, and then accepted. */
static void test_what_was_replaced_does_not_count_as_sent(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "secretVersions", "show");
	scene_fault(&scene, "{\"method\":\"GET\",\"path\":\"/operations/\",\"do\":{\"status\":200,"
			    "\"body\":{\"status\":\"Canceled\"}}}");
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2);
	scene_close(&scene);
}

static struct json *parse(struct scene *scene, const char *format)
{
	char *text = arena_strdup(scene->ctx.arena, "");
	struct json *json = NULL;

	for (const char *hole; (hole = strstr(format, "$G")); format = hole + 2)
		text = arena_printf(scene->ctx.arena, "%s%.*s%s", text, (int)(hole - format),
				    format, sim_options().gateway_id);
	text = arena_printf(scene->ctx.arena, "%s%s", text, format);
	assert_int_equal(json_parse(&scene->ctx, text, strlen(text), &json), E_OK);
	return json;
}

static const char wildcard_listener[] =
	"{\"name\":\"all\",\"properties\":{\"frontendIPConfiguration\":{\"id\":"
	"\"$G/frontendIPConfigurations/appgw-public-ip\"},\"frontendPort\":{\"id\":"
	"\"$G/frontendPorts/port-443\"},\"protocol\":\"Https\",\"sslCertificate\":{\"id\":"
	"\"$G/sslCertificates/foreign-uploaded-cert\"},\"hostNames\":[\"*.example.com\"],"
	"\"requireServerNameIndication\":true}}";
static const char wildcard_rule[] =
	"{\"name\":\"all\",\"properties\":{\"ruleType\":\"Basic\",\"priority\":1,"
	"\"httpListener\":{\"id\":\"$G/httpListeners/all\"},\"backendAddressPool\":{\"id\":"
	"\"$G/backendAddressPools/foreign-pool\"},\"backendHttpSettings\":{\"id\":"
	"\"$G/backendHttpSettingsCollection/foreign-settings\"}}}";

/* Somebody's wildcard takes all requests, for what was served and for what is wanted. */
static void test_a_wildcard_in_front_is_told(void **state)
{
	struct scene scene;
	struct http *http;
	struct json *before, *after;

	(void)state;
	scene_open(&scene);
	http = world_http(scene.ctx.arena, scene.world, true);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	before = get_gateway(&scene, http);
	after = json_dup(&scene.ctx, before);
	json_append(&scene.ctx, json_path(after, "properties.httpListeners"),
		    parse(&scene, wildcard_listener));
	json_append(&scene.ctx, json_path(after, "properties.requestRoutingRules"),
		    parse(&scene, wildcard_rule));
	put_gateway(&scene, http, after);
	rig_desire(scene.rig, WWW);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False ListenerShadowed");
	scene_assert_condition(&scene, WWW, CONDITION_READY, "False ListenerShadowed");
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2);
	json_set_text(&scene.ctx, before, "etag", "*");
	put_gateway(&scene, http, before);
	scene_run(&scene, ample);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 4);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_failed_update_sets_aside_whom_it_names),
		cmocka_unit_test(test_a_refused_update_sets_aside_whom_it_names),
		cmocka_unit_test(test_updates_that_are_refused_for_nobodys_sake_are_put_off),
		cmocka_unit_test(test_another_gateway_is_the_only_one),
		cmocka_unit_test(test_what_is_known_of_one_resource_is_not_believed_of_another),
		cmocka_unit_test(test_an_operation_of_one_resource_is_not_followed_for_another),
		cmocka_unit_test(test_what_cannot_be_followed_is_looked_at),
		cmocka_unit_test(test_an_operation_without_end_is_followed_for_an_hour),
		cmocka_unit_test(test_updates_that_fail_unseen_are_put_off),
		cmocka_unit_test(test_a_lasting_403_is_told),
		cmocka_unit_test(test_a_gateway_that_is_up_to_date_puts_nothing_off),
		cmocka_unit_test(test_what_cannot_be_read_is_not_reachable),
		cmocka_unit_test(test_what_cannot_be_written_is_reachable),
		cmocka_unit_test(test_an_unreachable_gateway_is_read_at_its_own_pace),
		cmocka_unit_test(test_a_version_in_our_secret_id_is_taken_out),
		cmocka_unit_test(test_taking_it_out_is_no_trouble_for_the_hostname),
		cmocka_unit_test(test_a_gateway_that_shows_versions_is_not_updated_for_ever),
		cmocka_unit_test(test_what_was_replaced_does_not_count_as_sent),
		cmocka_unit_test(test_a_wildcard_in_front_is_told),
	};

	return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
