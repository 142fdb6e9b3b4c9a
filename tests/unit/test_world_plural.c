/* Several gateways, vaults, containers and CAs: each has what is its own, and nobody else's. */
#include "world_rig.h"

#include "world/dns_model.h"

#define CREATE                                                                                  \
	"{\"policy\":{\"issuer\":{\"name\":\"Unknown\"},\"x509_props\":{\"subject\":\"CN=shop." \
	"example.com\"}}}"

static int set_up(void **state)
{
	struct world_rig *rig;

	world_rig_set_up(state);
	rig = *state;
	assert_int_equal(world_add(rig->world, &(struct place_options){.kind = PLACE_VAULT,
								       .where = WORLD_VAULT_2}),
			 2);
	assert_int_equal(
		world_add(rig->world, &(struct place_options){.kind = PLACE_CONTAINER,
							      .where = SIM_BLOB "/acme-2"}),
		2);
	assert_int_equal(
		world_add(rig->world, &(struct place_options){.kind = PLACE_CA,
							      .where = "https://acme-2.test"}),
		2);
	assert_int_equal(world_add(rig->world,
				   &(struct place_options){
					   .kind = PLACE_GATEWAY,
					   .where = world_id(rig, "gateway-2"),
					   .ip = "203.0.113.8",
					   .blob_container_url = SIM_BLOB "/acme-2",
				   }),
			 2);
	return 0;
}

/* Names in a list of the state. */
static size_t count_in_state(struct world_rig *rig, const char *owner, const char *path)
{
	return json_size(json_path(world_state_of(&rig->ctx, rig->world, owner), path));
}

static void a_certificate_is_in_its_vault_alone(void **state)
{
	struct world_rig *rig = *state;

	assert_int_equal(world_ask_vault(rig, AS_DAEMON, "POST", WORLD_VAULT_2,
					 "/certificates/shop/create", CREATE),
			 202);
	check_row_text("the id is of that vault",
		       arena_strndup(rig->ctx.arena, json_get_text(rig->json, "id"), 20),
		       WORLD_VAULT_2);
	assert_int_equal(count_in_state(rig, "vault-2", "vault.certificates"), 1);
	assert_int_equal(count_in_state(rig, "vault", "vault.certificates"), 0);
	assert_int_equal(world_ask_vault(rig, AS_DAEMON, "GET", SIM_VAULT,
					 "/certificates/shop/pending", NULL),
			 404);
}

static void a_change_of_one_gateway_is_not_one_of_another(void **state)
{
	struct world_rig *rig = *state;
	const char *first = world_id(rig, "gateway"), *second = world_id(rig, "gateway-2");

	assert_int_equal(world_ask_arm(rig, AS_OTHER, "PATCH", second, "{\"tags\":{\"a\":\"b\"}}"),
			 200);
	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "GET", first, NULL), 200);
	assert_null(json_path(rig->json, "tags.a"));
	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "GET", second, NULL), 200);
	check_row_text("the other has it", json_text(json_path(rig->json, "tags.a")), "b");
	assert_int_equal(world_ask_arm(rig, AS_OTHER, "PUT", second, rig->reply.body), 200);
	check_row_text("an operation is of its gateway",
		       json_text(json_path(rig->json, "properties.provisioningState")), "Updating");
	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "GET", first, NULL), 200);
	check_row_text("and nobody else waits",
		       json_text(json_path(rig->json, "properties.provisioningState")),
		       "Succeeded");
	assert_int_equal(count_in_state(rig, "gateway", "operations"), 0);
	assert_int_equal(count_in_state(rig, "gateway-2", "operations"), 1);
	world_elapsed += 2000;
	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "GET", second, NULL), 200);
	check_row_text("it ends", json_text(json_path(rig->json, "properties.provisioningState")),
		       "Succeeded");
}

static void each_gateway_has_a_state_of_its_own(void **state)
{
	struct world_rig *rig = *state;

	assert_int_equal(
		world_set_of(&rig->ctx, rig->world, "gateway-2", "gatewayState", "Stopped"), E_OK);
	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "GET", world_id(rig, "gateway-2"), NULL),
			 200);
	check_row_text("stopped", json_text(json_path(rig->json, "properties.operationalState")),
		       "Stopped");
	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "GET", world_id(rig, "gateway"), NULL), 200);
	check_row_text("running", json_text(json_path(rig->json, "properties.operationalState")),
		       "Running");
	assert_int_equal(world_set_of(&rig->ctx, rig->world, "gateway-3", "gatewayState", "Failed"),
			 E_REFUSED);
}

static void a_fault_strikes_its_owner_alone(void **state)
{
	struct world_rig *rig = *state;

	assert_int_equal(world_add_fault(&rig->ctx, rig->world,
					 "{\"owner\":\"vault-2\",\"times\":-1,\"do\":{\"status\":"
					 "503}}",
					 NULL),
			 E_OK);
	assert_int_equal(
		world_ask_vault(rig, AS_DAEMON, "GET", WORLD_VAULT_2, "/certificates", NULL), 503);
	assert_int_equal(world_ask_vault(rig, AS_DAEMON, "GET", SIM_VAULT, "/certificates", NULL),
			 200);
	assert_int_equal(world_add_fault(&rig->ctx, rig->world,
					 "{\"owner\":\"vault-9\",\"do\":{\"status\":503}}", NULL),
			 E_REFUSED);
	assert_int_equal(world_count_requests_of(rig->world, "vault-2", "^GET /certificates"), 1);
	assert_int_equal(world_count_requests_of(rig->world, "vault", "^GET /certificates"), 1);
	assert_int_equal(world_count_requests(rig->world, DOOR_VAULT, "^GET /certificates"), 2);
}

static void each_gateway_answers_at_its_address_from_its_container(void **state)
{
	struct world_rig *rig = *state;
	struct http_request put = {.method = "PUT",
				   .url = SIM_BLOB "/acme-2/.well-known/acme-challenge/token",
				   .body = "token.thumbprint",
				   .body_size = 16};
	struct http *http = world_http(rig->ctx.arena, rig->world, false);

	http_set_header(&put, "Authorization",
			world_bearer(&rig->ctx, rig->world, "https://storage.azure.com"));
	http_set_header(&put, "x-ms-version", "2021-12-02");
	http_set_header(&put, "x-ms-blob-type", "BlockBlob");
	assert_int_equal(http->send(&rig->ctx, http, &put, &rig->reply), E_OK);
	assert_int_equal(rig->reply.status, 201);
	for (unsigned i = 0; i < 2; i++) {
		struct http_request get = {
			.url = "http://new.example.com/.well-known/acme-challenge/token",
			.connect_to = i == 0 ? "203.0.113.7:80" : "203.0.113.8:80",
			.allow_plain = true};

		assert_int_equal(http->send(&rig->ctx, http, &get, &rig->reply), E_OK);
		assert_int_equal(rig->reply.status, i == 0 ? 404 : 200);
	}
	assert_int_equal(world_count_requests_of(rig->world, "container-2", "^PUT "), 1);
	assert_int_equal(world_count_requests_of(rig->world, "gateway-2", "^GET "), 1);
}

static void a_certificate_of_any_vault_can_be_in_any_gateway(void **state)
{
	struct world_rig *rig = *state;
	const char *self = "{\"policy\":{\"issuer\":{\"name\":\"Self\"},\"x509_props\":{"
			   "\"subject\":\"CN=shop.example.com\",\"sans\":{\"dns_names\":["
			   "\"shop.example.com\"]}}}}";
	struct json *certificates;

	assert_int_equal(world_ask_vault(rig, AS_OTHER, "POST", WORLD_VAULT_2,
					 "/certificates/shop/create", self),
			 202);
	assert_int_equal(
		world_ask_vault(rig, AS_OTHER, "GET", WORLD_VAULT_2, "/certificates/shop", NULL),
		200);
	assert_int_equal(world_ask_arm(rig, AS_OTHER, "GET", world_id(rig, "gateway-2"), NULL),
			 200);
	certificates = json_path(rig->json, "properties.sslCertificates");
	json_for_each (one, certificates) {
		struct json *properties = json_object(&rig->ctx);

		json_set_text(&rig->ctx, properties, "keyVaultSecretId",
			      WORLD_VAULT_2 "/secrets/shop");
		json_set(&rig->ctx, one, "properties", properties);
	}
	assert_int_equal(world_ask_arm(rig, AS_OTHER, "PUT", world_id(rig, "gateway-2"),
				       json_print(&rig->ctx, rig->json)),
			 200);
	world_elapsed += 2000;
	world_tick(rig->world);
	assert_int_equal(count_in_state(rig, "gateway-2", "dataPlane.certificates"), 1);
	assert_non_null(world_served_certificate_of(&rig->ctx, rig->world, "gateway-2",
						    "www.foreign.example"));
	assert_int_equal(count_in_state(rig, "gateway", "dataPlane.certificates"), 0);
}

static void each_ca_has_orders_of_its_own(void **state)
{
	struct world_rig *rig = *state;

	assert_int_equal(
		world_ask(rig, AS_DAEMON, "GET", NULL, "https://acme-2.test/directory", NULL), 200);
	check_row_text("its URLs", json_get_text(rig->json, "newOrder"),
		       "https://acme-2.test/new-order");
	assert_int_equal(world_ask(rig, AS_DAEMON, "GET", NULL, SIM_ACME "/directory", NULL), 200);
	check_row_text("the first's", json_get_text(rig->json, "newOrder"), SIM_ACME "/new-order");
	assert_int_equal(world_count_requests_of(rig->world, "ca-2", "directory"), 1);
	assert_int_equal(world_count_requests_of(rig->world, "ca", "directory"), 1);
}

/* ARM gives 25 at a time. */
static void a_long_list_comes_in_pages(void **state)
{
	struct world_rig *rig = *state;
	const char *next;
	size_t pages = 0, found = 0;

	for (unsigned i = 3; i <= 27; i++)
		world_add(rig->world,
			  &(struct place_options){
				  .kind = PLACE_GATEWAY,
				  .where = world_id(rig, arena_printf(rig->ctx.arena, "g-%u", i)),
				  .ip = arena_printf(rig->ctx.arena, "203.0.113.%u", 100 + i),
			  });
	next = arena_printf(rig->ctx.arena, SIM_ARM "%.*s?api-version=2025-05-01",
			    (int)strlen(world_id(rig, "")) - 1, world_id(rig, ""));
	for (; next; pages++) {
		assert_int_equal(world_ask(rig, AS_OTHER, "GET", SIM_ARM, next, NULL), 200);
		found += json_size(json_get(rig->json, "value"));
		next = json_get_text(rig->json, "nextLink");
	}
	assert_int_equal(pages, 2);
	assert_int_equal(found, 27);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, world_rig_tear_down)
	const struct CMUnitTest tests[] = {
		ROW(a_certificate_is_in_its_vault_alone),
		ROW(a_change_of_one_gateway_is_not_one_of_another),
		ROW(each_gateway_has_a_state_of_its_own),
		ROW(a_fault_strikes_its_owner_alone),
		ROW(each_gateway_answers_at_its_address_from_its_container),
		ROW(a_certificate_of_any_vault_can_be_in_any_gateway),
		ROW(each_ca_has_orders_of_its_own),
		ROW(a_long_list_comes_in_pages),
	};

	return cmocka_run_group_tests_name("world_plural", tests, NULL, NULL);
}
