/* The ACME client against a real CA: what pkg/acme believes of RFC 8555, checked where it counts.
 *
 * ACME_DIRECTORY and ACME_CA_FILE name the CA. It validates every challenge without looking, and
 * may reject good nonces at random. Tests share one account and make names of their own, so that no
 * authorization is reused by chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "acme/account.h"
#include "acme/acme.h"
#include "acme/challenge.h"
#include "acme/order.h"
#include "base/fs.h"
#include "base/text.h"
#include "http/curl.h"
#include "pki/cert.h"

#define POLL_MSEC    50
#define PATIENCE     (60 * MSEC_PER_SEC)
#define HICCUPS_MAX  20
#define UNKNOWN_PATH "/no-such-thing"

/* Counts what goes out. */
struct counter {
	struct http http;
	struct http *inner;
	unsigned posts, others;
};

struct counting_signer {
	struct signer signer;
	struct signer *inner;
	unsigned signatures;
};

struct rig {
	struct doors doors;
	struct ctx ctx;
	struct counter counter;
	struct counting_signer signer;
	struct acme_session session;
};

struct names_pair {
	const char *items[2];
};

static enum err count_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			   struct http_reply *reply)
{
	struct counter *counter = (struct counter *)(void *)http;

	if (text_equals(request->method, "POST"))
		counter->posts++;
	else
		counter->others++;
	return http_send(ctx, counter->inner, request, reply);
}

static enum err count_public_key(struct ctx *ctx, struct signer *signer, struct jwk *out)
{
	struct counting_signer *counting = (struct counting_signer *)(void *)signer;

	return counting->inner->public_key(ctx, counting->inner, out);
}

static enum err count_sign(struct ctx *ctx, struct signer *signer,
			   const unsigned char digest[static 32],
			   unsigned char signature[static 64])
{
	struct counting_signer *counting = (struct counting_signer *)(void *)signer;

	counting->signatures++;
	return counting->inner->sign(ctx, counting->inner, digest, signature);
}

static struct signer *new_signer(struct ctx *ctx)
{
	struct signer *signer;
	struct key *key;
	char *pem;

	assert_int_equal(key_generate_p256(ctx, &key), E_OK);
	assert_int_equal(key_to_pem(ctx, key, &pem), E_OK);
	assert_int_equal(key_signer(ctx, ctx->arena, pem, strlen(pem), &signer), E_OK);
	return signer;
}

static int set_up(void **state)
{
	struct rig *rig;
	const char *directory = getenv("ACME_DIRECTORY");
	struct curl_options options = {.ca_file = getenv("ACME_CA_FILE"),
				       .user_agent = "gatecert-contract",
				       .no_proxy = true};

	if (!directory)
		fail_msg("ACME_DIRECTORY names no CA");
	rig = calloc(1, sizeof(*rig));
	assert_non_null(rig);
	curl_library_init();
	rig->doors =
		(struct doors){.clock = clock_system(), .rng = rng_system(), .fs = fs_system()};
	ctx_init(&rig->ctx, &rig->doors);
	rig->counter = (struct counter){.http = {count_send}, .inner = curl_new(&options)};
	rig->signer = (struct counting_signer){.signer = {count_public_key, count_sign},
					       .inner = new_signer(&rig->ctx)};
	rig->session = (struct acme_session){.acme = acme_new(directory),
					     .http = &rig->counter.http,
					     .signer = &rig->signer.signer};
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	acme_free(rig->session.acme);
	curl_close(rig->counter.inner);
	ctx_fini(&rig->ctx);
	free(rig);
	return 0;
}

static void nap(void)
{
	struct timespec span = {.tv_nsec = POLL_MSEC * 1000000L};

	nanosleep(&span, NULL); /* luck: no, because PATIENCE is asked in between */
}

/* Repeats a call that met a hiccup: a CA that rejects half of all nonces rejects six in a row now
 * and then. */
#define MUST(rig, call, expected)                                                                  \
	do {                                                                                       \
		enum err must_err_ = E_AGAIN;                                                      \
		for (int hiccups_ = 0; must_err_ == E_AGAIN && hiccups_ < HICCUPS_MAX; hiccups_++) \
			must_err_ = (call);                                                        \
		if (must_err_ != (expected))                                                       \
			fail_msg("%s: %s, not %s: %s", #call, err_name(must_err_),                 \
				 err_name(expected), (rig)->ctx.fault.text);                       \
	} while (0)

static struct names_pair new_names(struct rig *rig)
{
	char hex[17];
	struct names_pair names;

	rng_hex(rig->doors.rng, hex, 8);
	names.items[0] = arena_printf(rig->ctx.arena, "a%s.example.com", hex);
	names.items[1] = arena_printf(rig->ctx.arena, "b%s.example.com", hex);
	return names;
}

static void sign_in(struct rig *rig)
{
	const char *url;

	MUST(rig, acme_account_ensure(&rig->ctx, &rig->session, "ops@example.com", &url), E_OK);
}

static void make_order(struct rig *rig, const struct names_pair *names, struct acme_order *order)
{
	sign_in(rig);
	MUST(rig, acme_order_new(&rig->ctx, &rig->session, names->items, 2, order), E_OK);
	assert_int_equal(order->status, ACME_PENDING);
	assert_int_equal(order->authorization_count, 2);
	assert_true(order->expires > ctx_wall(&rig->ctx));
}

static void await_order(struct rig *rig, struct acme_order *order, enum acme_status status)
{
	msec_t end = msec_add(ctx_mono(&rig->ctx), PATIENCE);

	while (order->status != status) {
		if (ctx_mono(&rig->ctx) > end)
			fail_msg("the order is %s, not %s: %s", acme_status_name(order->status),
				 acme_status_name(status), order->error.detail);
		nap();
		MUST(rig, acme_order_get(&rig->ctx, &rig->session, order->url, order), E_OK);
	}
}

static void validate(struct rig *rig, const char *url)
{
	struct acme_authorization authorization;
	char *key_authorization;
	unsigned before;

	MUST(rig, acme_authorization_get(&rig->ctx, &rig->session, url, &authorization), E_OK);
	assert_int_equal(authorization.status, ACME_PENDING);
	assert_int_equal(authorization.challenge_status, ACME_PENDING);
	before = rig->signer.signatures;
	MUST(rig,
	     acme_key_authorization(&rig->ctx, &rig->session, authorization.token,
				    &key_authorization),
	     E_OK);
	assert_int_equal(rig->signer.signatures, before);
	assert_true(text_starts_with(key_authorization, authorization.token));
	MUST(rig, acme_challenge_answer(&rig->ctx, &rig->session, authorization.challenge_url),
	     E_OK);
}

static void make_ready(struct rig *rig, const struct names_pair *names, struct acme_order *order)
{
	make_order(rig, names, order);
	for (size_t i = 0; i < order->authorization_count; i++)
		validate(rig, order->authorizations[i]);
	await_order(rig, order, ACME_READY);
}

static void free_der(void *handle)
{
	OPENSSL_free(handle);
}

/* A CSR as Key Vault makes them: the names in the SAN extension. */
static struct bytes make_csr(struct rig *rig, const struct names_pair *names)
{
	X509_REQ *request = X509_REQ_new();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	const char *san = arena_printf(rig->ctx.arena, "DNS:%s,DNS:%s", names->items[0],
				       names->items[1]);
	unsigned char *der = NULL;
	int size;

	sk_X509_EXTENSION_push(extensions,
			       X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
	assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
	assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
	assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
	size = i2d_X509_REQ(request, &der);
	assert_true(size > 0);
	arena_defer(rig->ctx.arena, free_der, der);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	EVP_PKEY_free(key);
	X509_REQ_free(request);
	return (struct bytes){.data = der, .size = (size_t)size};
}

static void test_an_account_is_made_once_for_its_key(void **state)
{
	struct rig *rig = *state;
	const char *made, *found;
	unsigned before;

	MUST(rig, acme_account_find(&rig->ctx, &rig->session, &found), E_NOTFOUND);
	MUST(rig, acme_account_ensure(&rig->ctx, &rig->session, "ops@example.com", &made), E_OK);
	before = rig->counter.posts + rig->counter.others;
	MUST(rig, acme_account_ensure(&rig->ctx, &rig->session, "ops@example.com", &found), E_OK);
	assert_int_equal(rig->counter.posts + rig->counter.others, before);
	acme_account_forget(rig->session.acme);
	MUST(rig, acme_account_find(&rig->ctx, &rig->session, &found), E_OK);
	assert_string_equal(found, made);
}

static void test_an_order_becomes_a_certificate(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig);
	struct bytes der = make_csr(rig, &names);
	struct acme_order order;
	struct chain chain;
	struct csr csr;
	const char *pem;
	size_t size;

	make_ready(rig, &names, &order);
	MUST(rig,
	     acme_order_finalize(&rig->ctx, &rig->session, order.url, order.finalize, der.data,
				 der.size, &order),
	     E_OK);
	await_order(rig, &order, ACME_VALID);
	MUST(rig, acme_certificate_get(&rig->ctx, &rig->session, order.certificate, &pem, &size),
	     E_OK);
	MUST(rig, csr_from_der(&rig->ctx, der.data, der.size, &csr), E_OK);
	MUST(rig, chain_from_pem(&rig->ctx, pem, size, &chain), E_OK);
	MUST(rig, chain_check(&rig->ctx, &chain, &csr), E_OK);
}

static void test_each_POST_is_one_signature(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig);
	struct acme_order order;

	make_order(rig, &names, &order);
	assert_true(rig->counter.posts >= 3);
	assert_int_equal(rig->signer.signatures, rig->counter.posts);
	/* The directory and newNonce at most: after that every answer brings the next nonce. */
	assert_true(rig->counter.others <= 2);
}

static void test_an_order_that_is_not_ready_is_a_conflict(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig);
	struct bytes der = make_csr(rig, &names);
	struct acme_order order;

	make_order(rig, &names, &order);
	MUST(rig,
	     acme_order_finalize(&rig->ctx, &rig->session, order.url, order.finalize, der.data,
				 der.size, &order),
	     E_CONFLICT);
	assert_string_equal(rig->ctx.fault.reason, "OrderNotReady");
	MUST(rig, acme_order_get(&rig->ctx, &rig->session, order.url, &order), E_OK);
	assert_int_equal(order.status, ACME_PENDING);
}

static void test_a_CSR_of_other_names_is_refused(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig), others = new_names(rig);
	struct bytes der = make_csr(rig, &others);
	struct acme_order order;

	make_ready(rig, &names, &order);
	MUST(rig,
	     acme_order_finalize(&rig->ctx, &rig->session, order.url, order.finalize, der.data,
				 der.size, &order),
	     E_REFUSED);
	assert_int_equal(rig->ctx.fault.by_ca, 1);
	assert_non_null(strstr(rig->ctx.fault.text, " says "));
}

static void test_a_challenge_may_be_answered_again(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig);
	struct acme_authorization authorization;
	struct acme_order order;

	make_order(rig, &names, &order);
	MUST(rig,
	     acme_authorization_get(&rig->ctx, &rig->session, order.authorizations[0],
				    &authorization),
	     E_OK);
	for (int i = 0; i < 3; i++) {
		MUST(rig,
		     acme_challenge_answer(&rig->ctx, &rig->session, authorization.challenge_url),
		     E_OK);
		nap();
	}
}

static void test_an_authorization_is_given_up(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig);
	struct acme_authorization authorization;
	struct acme_order order;
	const char *url;

	make_order(rig, &names, &order);
	url = order.authorizations[0];
	MUST(rig, acme_authorization_deactivate(&rig->ctx, &rig->session, url), E_OK);
	MUST(rig, acme_authorization_get(&rig->ctx, &rig->session, url, &authorization), E_OK);
	assert_int_equal(authorization.status, ACME_DEACTIVATED);
	MUST(rig, acme_authorization_deactivate(&rig->ctx, &rig->session, url), E_OK);
}

static void test_what_is_not_there_is_not_found(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig);
	struct acme_authorization authorization;
	struct acme_order order;
	const char *pem, *gone;
	size_t size;

	make_order(rig, &names, &order);
	gone = arena_printf(rig->ctx.arena, "%s" UNKNOWN_PATH, order.url);
	MUST(rig, acme_order_get(&rig->ctx, &rig->session, gone, &order), E_NOTFOUND);
	gone = arena_printf(rig->ctx.arena, "%s" UNKNOWN_PATH, order.authorizations[0]);
	MUST(rig, acme_authorization_get(&rig->ctx, &rig->session, gone, &authorization),
	     E_NOTFOUND);
	MUST(rig, acme_certificate_get(&rig->ctx, &rig->session, gone, &pem, &size), E_NOTFOUND);
}

static void test_an_order_of_another_account_is_not_found(void **state)
{
	struct rig *rig = *state;
	struct names_pair names = new_names(rig);
	struct acme_order order;

	make_order(rig, &names, &order);
	rig->signer.inner = new_signer(&rig->ctx);
	sign_in(rig);
	MUST(rig, acme_order_get(&rig->ctx, &rig->session, order.url, &order), E_NOTFOUND);
}

static void test_a_name_that_is_none_is_refused(void **state)
{
	static const char *const names[] = {"under_score.example.com"};
	struct rig *rig = *state;
	struct acme_order order;

	sign_in(rig);
	MUST(rig, acme_order_new(&rig->ctx, &rig->session, names, 1, &order), E_REFUSED);
	assert_true(text_starts_with(rig->ctx.fault.text, "The CA ("));
}

#define CONTRACT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTRACT(test_an_account_is_made_once_for_its_key),
		CONTRACT(test_an_order_becomes_a_certificate),
		CONTRACT(test_each_POST_is_one_signature),
		CONTRACT(test_an_order_that_is_not_ready_is_a_conflict),
		CONTRACT(test_a_CSR_of_other_names_is_refused),
		CONTRACT(test_a_challenge_may_be_answered_again),
		CONTRACT(test_an_authorization_is_given_up),
		CONTRACT(test_what_is_not_there_is_not_found),
		CONTRACT(test_an_order_of_another_account_is_not_found),
		CONTRACT(test_a_name_that_is_none_is_refused),
	};

	return cmocka_run_group_tests_name("acme_contract", tests, NULL, NULL);
}
