/* One CA and many workers at it. */
#include <pthread.h>
#include <stdlib.h>

#include "acme/acme_internal.h"
#include "acme/directory.h"
#include "acme/nonce.h"
#include "acme/post.h"
#include "check.h"

#define CA "https://ca.example"
#define DIRECTORY                                                                             \
	"{\"newNonce\":\"" CA "/nonce\",\"newAccount\":\"" CA "/account\",\"newOrder\":\"" CA \
	"/order\",\"meta\":{\"caaIdentities\":[\"ca.example\",7,\"ca2.example\"]}}"

#define THREADS 4
#define ROUNDS	2000

struct spinner {
	struct http http;
	struct doors doors;
	struct acme *acme;
	unsigned seen[(THREADS + 1) * ROUNDS * 2]; /* how often each nonce was handed out */
	unsigned made;
	pthread_mutex_t lock;
};

static enum err spinner_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			     struct http_reply *reply)
{
	struct spinner *spinner = (struct spinner *)(void *)http;
	struct http_header *header = arena_new_one(ctx->arena, struct http_header);
	bool is_directory = text_equals(request->method, "GET");

	pthread_mutex_lock(&spinner->lock);
	*header = (struct http_header){"Replay-Nonce",
				       arena_printf(ctx->arena, "%u", spinner->made++)};
	pthread_mutex_unlock(&spinner->lock);
	*reply = (struct http_reply){.status = 200, .headers = header, .header_count = 1};
	reply->body = is_directory ? DIRECTORY : "";
	reply->body_size = strlen(reply->body);
	return E_OK;
}

static void *spin(void *handle)
{
	struct spinner *spinner = handle;
	struct acme_session session = {.acme = spinner->acme, .http = &spinner->http};
	struct ctx ctx;

	ctx_init(&ctx, &spinner->doors);
	for (int i = 0; i < ROUNDS; i++) {
		struct http_request request = {.method = "POST"};
		struct http_reply reply;
		const char *nonce = "";

		assert_int_equal(acme_post_nonce(&ctx, &session, &nonce), E_OK);
		pthread_mutex_lock(&spinner->lock);
		spinner->seen[strtoul(nonce, NULL, 10)]++;
		pthread_mutex_unlock(&spinner->lock);
		assert_int_equal(spinner_send(&ctx, &spinner->http, &request, &reply), E_OK);
		acme_nonce_keep(&ctx, spinner->acme, acme_nonce_of(&reply));
		if (i % 100 == 0)
			acme_directory_expire(spinner->acme);
	}
	ctx_fini(&ctx);
	return NULL;
}

static void test_threads_share_nonces_and_none_is_given_twice(void **state)
{
	static struct spinner spinner;
	pthread_t threads[THREADS];

	(void)state;
	spinner.http.send = spinner_send;
	spinner.doors = (struct doors){.clock = clock_system(), .rng = rng_system()};
	spinner.acme = acme_new(CA "/dir");
	pthread_mutex_init(&spinner.lock, NULL);
	spin(&spinner); /* who comes while the directory is fetched for the first time is turned
			   away */
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, spin, &spinner), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(spinner.seen); i++)
		assert_true(spinner.seen[i] <= 1);
	/* The pool did serve: without it each round would have asked the CA. */
	assert_true(spinner.made < (THREADS + 1) * ROUNDS * 3 / 2);
	acme_free(spinner.acme);
	pthread_mutex_destroy(&spinner.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_share_nonces_and_none_is_given_twice),
	};

	return cmocka_run_group_tests_name("acme_threads", tests, NULL, NULL);
}
