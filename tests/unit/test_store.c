#include "store_rig.h"

#include <pthread.h>

#include "api/gateway.h"
#include "api/instance.h"

/* What each change does to the counters, and whether it costs a write. */

static void change_nothing(struct hostname *hostname)
{
	(void)hostname;
}

static void change_key_type(struct hostname *hostname)
{
	hostname->spec.key_type = 1;
}

static void change_source(struct hostname *hostname)
{
	hostname->source.line = 9;
}

static void change_requested(struct hostname *hostname)
{
	hostname->requested = 1234567;
}

static void change_labels(struct hostname *hostname)
{
	static struct text_pair pair = {"team", "web"};

	hostname->meta.labels = (struct text_map){&pair, 1};
}

static void change_status(struct hostname *hostname)
{
	hostname->status.step = "not written by put_spec";
}

static void change_identity(struct hostname *hostname)
{
	hostname->meta.uid = "another";
	hostname->meta.generation = 77;
	hostname->meta.created = 1;
}

static const struct {
	const char *sentence;
	void (*change)(struct hostname *hostname);
	int generation;
	bool is_written;
} changes[] = {
	{"the same again is not written", change_nothing, 1, false},
	{"another spec is a new generation", change_key_type, 2, true},
	{"another source is no new generation", change_source, 1, true},
	{"a request is no new generation", change_requested, 1, true},
	{"labels are no new generation", change_labels, 1, true},
	{"put_spec does not take the status", change_status, 1, false},
	{"identity belongs to the store", change_identity, 1, false},
};

static void test_put_spec(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct hostname hostname = make(NAME);
		const struct hostname *before, *after;
		struct rig rig;
		unsigned written;

		set_up(&rig);
		assert_int_equal(put(&rig, &hostname), E_OK);
		before = get(&rig, NAME);
		written = writes;
		changes[i].change(&hostname);
		check_row(changes[i].sentence, put(&rig, &hostname) == E_OK);
		after = get(&rig, NAME);
		check_row_int(changes[i].sentence, after->meta.generation, changes[i].generation);
		check_row(changes[i].sentence, (writes > written) == changes[i].is_written);
		check_row(changes[i].sentence,
			  (after->meta.resource_version > before->meta.resource_version) ==
				  changes[i].is_written);
		check_row_text(changes[i].sentence, after->meta.uid, before->meta.uid);
		check_row(changes[i].sentence, after->status.step == NULL);
		check_row(changes[i].sentence, after->meta.created == before->meta.created);
		tear_down(&rig);
	}
}

static void test_creation(void **state)
{
	struct hostname hostname = make(NAME);
	const struct hostname *first, *second;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_null(get(&rig, NAME));
	assert_string_equal(rig.ctx.fault.reason, "NotFound");
	assert_int_equal(put(&rig, &hostname), E_OK);
	first = get(&rig, NAME);
	assert_int_equal(strlen(first->meta.uid), 32);
	assert_int_equal(first->meta.generation, 1);
	assert_true(first->meta.created > 0);
	assert_int_equal(store_count(rig.store, KIND_HOSTNAME), 1);
	assert_int_equal(store_delete(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_null(get(&rig, NAME));
	assert_int_equal(store_delete(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_int_equal(removes, 1);
	assert_false(tempdir_exists(file_of(&rig, NAME ".json")));
	assert_int_equal(put(&rig, &hostname), E_OK);
	second = get(&rig, NAME);
	assert_string_not_equal(first->meta.uid, second->meta.uid);
	assert_true(second->meta.resource_version > first->meta.resource_version + 1);
	tear_down(&rig);
}

static void test_versions(void **state)
{
	struct hostname hostname = make(NAME);
	const struct hostname *current;
	struct rig rig;

	(void)state;
	set_up(&rig);
	hostname.meta.resource_version = 5;
	assert_int_equal(put(&rig, &hostname), E_CONFLICT);
	assert_null(get(&rig, NAME));
	hostname.meta.resource_version = 0;
	assert_int_equal(put(&rig, &hostname), E_OK);
	current = get(&rig, NAME);
	hostname.spec.key_type = 1;
	hostname.meta.resource_version = current->meta.resource_version + 1;
	assert_int_equal(put(&rig, &hostname), E_CONFLICT);
	hostname.meta.resource_version = current->meta.resource_version;
	assert_int_equal(put(&rig, &hostname), E_OK);
	assert_int_equal(put(&rig, &hostname), E_CONFLICT);
	tear_down(&rig);
}

static void test_status(void **state)
{
	struct hostname hostname = make(NAME);
	struct condition condition = {.type = CONDITION_READY,
				      .status = CONDITION_TRUE,
				      .reason = "Issued",
				      .message = "fine",
				      .last_transition = 5000};
	struct rig rig;
	unsigned written;

	(void)state;
	set_up(&rig);
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname),
			 E_NOTFOUND);
	assert_int_equal(put(&rig, &hostname), E_OK);
	hostname = *get(&rig, NAME);
	hostname.spec.key_type = 1;
	hostname.status.step = "CheckAcmeOrderStep";
	hostname.status.conditions = (struct objects){&condition, 1};
	hostname.status.issuance.order_url = "https://ca.example/order/1";
	hostname.status.refusal.count = 3;
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	written = writes;
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	assert_int_equal(writes, written);
	reopen(&rig);
	assert_int_equal(get(&rig, NAME)->spec.key_type, 0);
	assert_int_equal(get(&rig, NAME)->meta.generation, 1);
	assert_string_equal(get(&rig, NAME)->status.step, "CheckAcmeOrderStep");
	assert_string_equal(get(&rig, NAME)->status.issuance.order_url,
			    "https://ca.example/order/1");
	assert_int_equal(get(&rig, NAME)->status.refusal.count, 3);
	assert_true(condition_is_true(&get(&rig, NAME)->status.conditions, CONDITION_READY));
	hostname.meta.uid = "0123456789abcdef0123456789abcdef";
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname),
			 E_NOTFOUND);
	tear_down(&rig);
}

static void test_snapshots_outlive_writes(void **state)
{
	struct hostname hostname = make(NAME);
	const struct hostname *held;
	const void **items;
	size_t count;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(put(&rig, &hostname), E_OK);
	held = get(&rig, NAME);
	assert_int_equal(store_list(&rig.ctx, rig.store, KIND_HOSTNAME, &items, &count), E_OK);
	assert_int_equal(count, 1);
	assert_ptr_equal(items[0], held);
	hostname.source.file = "/specs/b.yaml";
	assert_int_equal(put(&rig, &hostname), E_OK);
	assert_int_equal(store_delete(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	dirstore_close(rig.store);
	assert_string_equal(held->source.file, "/specs/a.yaml");
	rig.store = open_store(&rig);
	tear_down(&rig);
}

static void test_list_is_ordered(void **state)
{
	static const char *const given[] = {"m.example.com", "a.example.com", "*.example.com",
					    "z.example.com", "b.example.com"};
	static const char *const expected[] = {"*.example.com", "a.example.com", "b.example.com",
					       "m.example.com", "z.example.com"};
	const void **items;
	size_t count;
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		struct hostname hostname = make(given[i]);

		assert_int_equal(put(&rig, &hostname), E_OK);
	}
	for (int again = 0; again < 2; again++) {
		assert_int_equal(store_list(&rig.ctx, rig.store, KIND_HOSTNAME, &items, &count),
				 E_OK);
		assert_int_equal(count, ARRAY_SIZE(expected));
		for (size_t i = 0; i < count; i++)
			assert_string_equal(((const struct hostname *)items[i])->meta.name,
					    expected[i]);
		reopen(&rig);
	}
	tear_down(&rig);
}

static void test_full_disk(void **state)
{
	struct hostname hostname = make(NAME);
	struct hostname other = make("other.example.com");
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(put(&rig, &hostname), E_OK);
	is_full = true;
	hostname.spec.key_type = 1;
	assert_int_equal(put(&rig, &hostname), E_AGAIN);
	assert_string_equal(rig.ctx.fault.reason, "StateNotDurable");
	assert_int_equal(put(&rig, &other), E_AGAIN);
	assert_int_equal(store_delete(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_AGAIN);
	assert_int_equal(get(&rig, NAME)->spec.key_type, 0);
	assert_null(get(&rig, "other.example.com"));
	is_full = false;
	assert_int_equal(put(&rig, &hostname), E_OK);
	assert_int_equal(get(&rig, NAME)->meta.generation, 2);
	tear_down(&rig);
}

struct heard {
	unsigned calls;
	enum kind kind;
	char name[64];
	enum store_side side;
	struct store *store;
};

/* No locks are held: the listener may read. */
static void hear(void *handle, enum kind kind, const char *name, enum store_side side)
{
	struct heard *heard = handle;

	heard->calls++;
	heard->kind = kind;
	heard->side = side;
	snprintf(heard->name, sizeof(heard->name), "%s", name);
	store_count(heard->store, kind);
}

static void test_changes_are_told(void **state)
{
	struct hostname hostname = make(NAME);
	struct heard heard = {.calls = 0};
	struct rig rig;

	(void)state;
	set_up(&rig);
	heard.store = rig.store;
	store_on_change(rig.store, hear, &heard);
	put(&rig, &hostname);
	assert_int_equal(heard.calls, 1);
	assert_int_equal(heard.side, STORE_SPEC);
	assert_string_equal(heard.name, NAME);
	put(&rig, &hostname);
	assert_int_equal(heard.calls, 1);
	hostname = *get(&rig, NAME);
	hostname.status.step = "Completed";
	store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname);
	assert_int_equal(heard.calls, 2);
	assert_int_equal(heard.side, STORE_STATUS);
	is_full = true;
	hostname.status.step = "Other";
	store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname);
	assert_int_equal(heard.calls, 2);
	is_full = false;
	store_delete(&rig.ctx, rig.store, KIND_HOSTNAME, NAME);
	assert_int_equal(heard.calls, 3);
	assert_int_equal(heard.side, STORE_SPEC);
	tear_down(&rig);
}

/* Every kind survives the way to the disk and back. */
static void test_other_kinds(void **state)
{
	const char *hostnames[] = {"a.example.com", "b.example.com"};
	struct instance instance = {.meta = {.name = "0123456789abcdef0123456789abcdef"},
				    .spec = {.function = "AddMultipleCertificatesFunctions",
					     .is_list = true,
					     .hostnames = {hostnames, 2}}};
	struct gateway gateway = {.meta = {.name = "My_Gateway"},
				  .spec = {.resource_id = "/subscriptions/x"}};
	struct instance_event event = {
		.time = 123456, .type = "TaskCompleted", .name = "GetAcmeOrderStep"};
	const void *found;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_INSTANCE, &instance), E_OK);
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_GATEWAY, &gateway), E_OK);
	assert_int_equal(store_get(&rig.ctx, rig.store, KIND_INSTANCE, instance.meta.name, &found),
			 E_OK);
	instance = *(const struct instance *)found;
	instance.status.runtime_status = RUNTIME_RUNNING;
	instance.status.history = (struct objects){&event, 1};
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_INSTANCE, &instance), E_OK);
	reopen(&rig);
	assert_int_equal(store_get(&rig.ctx, rig.store, KIND_INSTANCE, instance.meta.name, &found),
			 E_OK);
	instance = *(const struct instance *)found;
	assert_int_equal(instance.spec.hostnames.count, 2);
	assert_string_equal(instance.spec.hostnames.items[1], "b.example.com");
	assert_int_equal(instance.status.history.count, 1);
	assert_string_equal(((struct instance_event *)instance.status.history.items)->name,
			    "GetAcmeOrderStep");
	assert_int_equal(store_get(&rig.ctx, rig.store, KIND_GATEWAY, "My_Gateway", &found), E_OK);
	assert_string_equal(((const struct gateway *)found)->spec.resource_id, "/subscriptions/x");
	tear_down(&rig);
}

/* Withdrawn objects are seen by their reconciler alone. */
static void test_withdrawal(void **state)
{
	struct hostname hostname = make(NAME);
	const struct hostname *withdrawn;
	const void **items, *found;
	size_t count;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(store_withdraw(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_int_equal(put(&rig, &hostname), E_OK);
	assert_int_equal(store_withdraw(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	for (int again = 0; again < 2; again++) {
		assert_null(get(&rig, NAME));
		assert_int_equal(store_count(rig.store, KIND_HOSTNAME), 0);
		assert_int_equal(store_list(&rig.ctx, rig.store, KIND_HOSTNAME, &items, &count),
				 E_OK);
		assert_int_equal(count, 0);
		assert_int_equal(
			store_list_withdrawn(&rig.ctx, rig.store, KIND_HOSTNAME, &items, &count),
			E_OK);
		assert_int_equal(count, 1);
		assert_int_equal(store_get_any(&rig.ctx, rig.store, KIND_HOSTNAME, NAME, &found),
				 E_OK);
		reopen(&rig);
	}
	withdrawn = found;
	hostname = *withdrawn;
	hostname.status.issuance.order_url = "https://ca.example/order/1";
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	assert_null(get(&rig, NAME));
	/* Desired again before its reconciler is done: another one with its facts, and not to be
	 * forgotten. */
	hostname = make(NAME);
	assert_int_equal(put(&rig, &hostname), E_OK);
	assert_string_equal(get(&rig, NAME)->status.issuance.order_url,
			    "https://ca.example/order/1");
	assert_int_equal(store_forget(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_CONFLICT);
	assert_non_null(get(&rig, NAME));
	assert_int_equal(store_withdraw(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_int_equal(store_forget(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_int_equal(store_forget(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_int_equal(store_get_any(&rig.ctx, rig.store, KIND_HOSTNAME, NAME, &found),
			 E_NOTFOUND);
	tear_down(&rig);
}

/* What is made again is another object for everybody but those who work on its facts. */
static void test_made_again(void **state)
{
	struct hostname hostname = make(NAME), pass;
	const struct hostname *first, *second;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(put(&rig, &hostname), E_OK);
	first = get(&rig, NAME);
	pass = *first;
	for (int again = 0; again < 3; again++) {
		assert_int_equal(store_withdraw(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
		assert_int_equal(put(&rig, &hostname), E_OK);
		second = get(&rig, NAME);
		assert_string_not_equal(second->meta.uid, first->meta.uid);
		assert_true(second->meta.created >= first->meta.created);
		assert_true(second->meta.generation > first->meta.generation);
		assert_int_equal(second->meta.withdrawn, 0);
		/* A pass that began with the first one ends behind its return. */
		pass.status.step = again % 2 ? "GetAcmeOrderStep" : "CreateCertificateStep";
		assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &pass), E_OK);
		assert_string_equal(get(&rig, NAME)->status.step, pass.status.step);
		assert_string_equal(get(&rig, NAME)->meta.uid, second->meta.uid);
		reopen(&rig);
		assert_string_equal(get(&rig, NAME)->meta.uid, second->meta.uid);
		first = second;
	}
	/* Forgotten in between, it has nothing of it. */
	assert_int_equal(store_withdraw(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_int_equal(store_forget(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
	assert_int_equal(put(&rig, &hostname), E_OK);
	assert_int_equal(get(&rig, NAME)->meta.generation, 1);
	assert_null(get(&rig, NAME)->status.step);
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &pass), E_NOTFOUND);
	tear_down(&rig);
}

/* Two writers of one object, and readers, all at once. */

#define ROUNDS 60

struct writer {
	struct rig *rig;
	enum err worst;
};

static void *write_specs(void *handle)
{
	struct writer *writer = handle;

	for (int i = 1; i <= ROUNDS; i++) {
		struct hostname hostname = make(NAME);
		struct ctx ctx;
		enum err err;

		ctx_init(&ctx, &writer->rig->doors);
		hostname.spec.key_type = i % 2;
		hostname.requested = i;
		err = store_put_spec(&ctx, writer->rig->store, KIND_HOSTNAME, &hostname);
		if (err != E_OK)
			writer->worst = err;
		ctx_fini(&ctx);
	}
	return NULL;
}

static void *write_statuses(void *handle)
{
	struct writer *writer = handle;

	for (int i = 1; i <= ROUNDS; i++) {
		struct hostname hostname;
		const void *found;
		struct ctx ctx;
		enum err err;

		ctx_init(&ctx, &writer->rig->doors);
		err = store_get(&ctx, writer->rig->store, KIND_HOSTNAME, NAME, &found);
		if (err == E_OK) {
			hostname = *(const struct hostname *)found;
			hostname.status.refusal.count = i;
			err = store_put_status(&ctx, writer->rig->store, KIND_HOSTNAME, &hostname);
		}
		if (err != E_OK)
			writer->worst = err;
		ctx_fini(&ctx);
	}
	return NULL;
}

static void *write_others(void *handle)
{
	struct writer *writer = handle;

	for (int i = 0; i < ROUNDS; i++) {
		struct ctx ctx;
		struct hostname hostname;

		ctx_init(&ctx, &writer->rig->doors);
		hostname = make(arena_printf(ctx.arena, "host-%d.example.com", i / 2));
		if (i % 2)
			store_delete(&ctx, writer->rig->store, KIND_HOSTNAME, hostname.meta.name);
		else
			store_put_spec(&ctx, writer->rig->store, KIND_HOSTNAME, &hostname);
		ctx_fini(&ctx);
	}
	return NULL;
}

static void *read_all(void *handle)
{
	struct writer *writer = handle;

	for (int i = 0; i < 20 * ROUNDS; i++) {
		const void **items;
		struct ctx ctx;
		size_t count;

		ctx_init(&ctx, &writer->rig->doors);
		store_list(&ctx, writer->rig->store, KIND_HOSTNAME, &items, &count);
		for (size_t j = 1; j < count; j++) {
			const struct hostname *a = items[j - 1], *b = items[j];

			if (strcmp(a->meta.name, b->meta.name) >= 0)
				writer->worst = E_CONFLICT;
		}
		ctx_fini(&ctx);
	}
	return NULL;
}

static void test_two_writers(void **state)
{
	static void *(*const threads[])(void *handle) = {write_specs, write_statuses, write_others,
							 read_all};
	struct writer writers[ARRAY_SIZE(threads)];
	pthread_t ids[ARRAY_SIZE(threads)];
	struct hostname hostname = make(NAME);
	struct rig rig;

	(void)state;
	set_up(&rig);
	put(&rig, &hostname);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		writers[i] = (struct writer){.rig = &rig};
		assert_int_equal(pthread_create(&ids[i], NULL, threads[i], &writers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(ids[i], NULL);
		assert_int_equal(writers[i].worst, E_OK);
	}
	for (int again = 0; again < 2; again++) {
		assert_int_equal(get(&rig, NAME)->requested, ROUNDS);
		assert_int_equal(get(&rig, NAME)->status.refusal.count, ROUNDS);
		assert_int_equal(get(&rig, NAME)->meta.generation, ROUNDS + 1);
		assert_int_equal(store_count(rig.store, KIND_HOSTNAME), 1);
		reopen(&rig);
	}
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_spec),
		cmocka_unit_test(test_creation),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_snapshots_outlive_writes),
		cmocka_unit_test(test_list_is_ordered),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_changes_are_told),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_withdrawal),
		cmocka_unit_test(test_made_again),
		cmocka_unit_test(test_two_writers),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
