#include "httpd/tls.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/regular.h"

#define FILE_MAX_BYTES ((size_t)256 * 1024)
#define CHAIN_MAX      16u

enum { CERTIFICATE, KEY, CLIENT_CA, FILE_COUNT };

/* What one reading gave. */
struct identity {
	gnutls_datum_t certificate, key;  /* PEM */
	gnutls_x509_trust_list_t clients; /* NULL: anybody may connect */
};

struct tls {
	char *paths[FILE_COUNT];
	struct stat seen[FILE_COUNT]; /* all zero: not there */
	struct identity identity;
};

/* The library's callbacks have no handle of ours, and one process serves one API. */
static struct tls *in_use;

/* helpers: the files */

static enum err refuse(struct ctx *ctx, const struct tls *tls, int which, const char *why)
{
	return fault_set(ctx, E_REFUSED, "TlsUnusable", "%.200s cannot be used for TLS: %s",
			 tls->paths[which], why);
}

static enum err read_file(struct ctx *ctx, struct tls *tls, int which, gnutls_datum_t *out)
{
	struct stat status;
	size_t size;
	char *data;
	enum err err = regular_read(ctx, AT_FDCWD, tls->paths[which], FILE_MAX_BYTES, &data, &size,
				    &status);

	if (err != E_OK)
		return fault_wrap(ctx, err, "%.200s", tls->paths[which]);
	arena_wipe_at_end(ctx->arena, data, size);
	if (which == KEY && (status.st_mode & S_IROTH))
		log_warn(ctx,
			 "the key of the API's certificate can be read by everybody: chmod o-r",
			 "file", tls->paths[which], NULL);
	out->data = (unsigned char *)data;
	out->size = (unsigned)size;
	return E_OK;
}

static gnutls_datum_t keep(gnutls_datum_t from)
{
	gnutls_datum_t to = {heap_malloc(from.size + 1), from.size};

	memcpy(to.data, from.data, from.size);
	return to;
}

static void drop(gnutls_datum_t *data)
{
	if (data->data)
		explicit_bzero(data->data, data->size);
	free(data->data);
}

static void identity_fini(struct identity *identity)
{
	drop(&identity->certificate);
	drop(&identity->key);
	if (identity->clients)
		gnutls_x509_trust_list_deinit(identity->clients, 1);
}

/* helpers: what is in them */

/* Ownership passes to the caller, as the library frees them: an error code, or the chain's size. */
static int import(const struct identity *identity, gnutls_pcert_st **chain, gnutls_privkey_t *key)
{
	unsigned size = CHAIN_MAX;
	int result;

	*chain = heap_have(gnutls_calloc(CHAIN_MAX, sizeof(**chain)));
	result = gnutls_pcert_list_import_x509_raw(*chain, &size, &identity->certificate,
						   GNUTLS_X509_FMT_PEM, 0);
	if (result < 0) {
		gnutls_free(*chain);
		return result;
	}
	result = gnutls_privkey_init(key);
	assert(result == 0);
	result = gnutls_privkey_import_x509_raw(*key, &identity->key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (result == 0)
		return (int)size;
	for (unsigned i = 0; i < size; i++)
		gnutls_pcert_deinit(&(*chain)[i]);
	gnutls_free(*chain);
	gnutls_privkey_deinit(*key);
	return result;
}

/* Whether they belong together, which is nobody's question until a handshake fails. */
static int try_pair(const struct identity *identity)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_pcert_st *chain;
	gnutls_privkey_t key;
	int size = import(identity, &chain, &key), result;

	if (size < 0)
		return size;
	result = gnutls_certificate_allocate_credentials(&credentials);
	assert(result == 0);
	/* On success both are the credentials'. */
	result = gnutls_certificate_set_key(credentials, NULL, 0, chain, size, key);
	if (result < 0) {
		for (int i = 0; i < size; i++)
			gnutls_pcert_deinit(&chain[i]);
		gnutls_privkey_deinit(key);
	}
	gnutls_free(chain);
	gnutls_certificate_free_credentials(credentials);
	return result < 0 ? result : 0;
}

static enum err read_client_ca(struct ctx *ctx, struct tls *tls, struct identity *identity)
{
	gnutls_datum_t data;
	int result;

	if (!tls->paths[CLIENT_CA])
		return E_OK;
	TRY(read_file(ctx, tls, CLIENT_CA, &data));
	result = gnutls_x509_trust_list_init(&identity->clients, 0);
	assert(result == 0);
	result = gnutls_x509_trust_list_add_trust_mem(identity->clients, &data, NULL,
						      GNUTLS_X509_FMT_PEM, 0, 0);
	if (result > 0)
		return E_OK;
	return refuse(ctx, tls, CLIENT_CA,
		      result < 0 ? gnutls_strerror(result) : "it holds no certificate in PEM");
}

static enum err read_identity(struct ctx *ctx, struct tls *tls, struct identity *identity)
{
	gnutls_datum_t certificate, key;
	int result;

	TRY(read_file(ctx, tls, CERTIFICATE, &certificate));
	TRY(read_file(ctx, tls, KEY, &key));
	identity->certificate = keep(certificate);
	identity->key = keep(key);
	result = try_pair(identity);
	if (result < 0)
		return refuse(ctx, tls, CERTIFICATE,
			      arena_printf(ctx->arena, "with the key of %.200s: %s",
					   tls->paths[KEY], gnutls_strerror(result)));
	return read_client_ca(ctx, tls, identity);
}

/* Nothing of `tls` changes when it fails, but what was seen of the files. */
static enum err load(struct ctx *ctx, struct tls *tls)
{
	struct identity fresh = {.clients = NULL};
	enum err err = read_identity(ctx, tls, &fresh);

	if (err != E_OK) {
		identity_fini(&fresh);
		return err;
	}
	identity_fini(&tls->identity);
	tls->identity = fresh;
	return E_OK;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
	       memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

/* Looked at before they are read: what changes meanwhile is seen the next time. */
static bool have_changed(struct tls *tls)
{
	bool have = false;

	for (int i = 0; i < FILE_COUNT; i++) {
		struct stat status = {0};

		if (!tls->paths[i])
			continue;
		if (stat(tls->paths[i], &status) < 0)
			status = (struct stat){0};
		have |= !is_same(&status, &tls->seen[i]);
		tls->seen[i] = status;
	}
	return have;
}

/* helpers: the handshake */

/* The library ends a handshake without a word, and libmicrohttpd too. */
static int refuse_client(gnutls_session_t session, gnutls_alert_description_t why)
{
	gnutls_alert_send(session, GNUTLS_AL_FATAL, why);
	return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

static gnutls_alert_description_t alert_of(unsigned status)
{
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
		return GNUTLS_A_UNKNOWN_CA;
	if (status & GNUTLS_CERT_EXPIRED)
		return GNUTLS_A_CERTIFICATE_EXPIRED;
	if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
		return GNUTLS_A_UNSUPPORTED_CERTIFICATE;
	return GNUTLS_A_BAD_CERTIFICATE;
}

/* What is wrong with it; 0: nothing. */
static unsigned judge_chain(const gnutls_datum_t *der, unsigned count)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned status = GNUTLS_CERT_INVALID, size = 0;
	int result = 0;

	for (; size < count && result == 0; size++) {
		result = gnutls_x509_crt_init(&chain[size]);
		assert(result == 0);
		result = gnutls_x509_crt_import(chain[size], &der[size], GNUTLS_X509_FMT_DER);
	}
	if (result == 0)
		result = gnutls_x509_trust_list_verify_crt2(in_use->identity.clients, chain, size,
							    &purpose, 1, 0, &status, NULL);
	while (size > 0)
		gnutls_x509_crt_deinit(chain[--size]);
	return result == 0 ? status : GNUTLS_CERT_INVALID;
}

static int judge_client(gnutls_session_t session)
{
	unsigned count = 0, wrong;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);

	/* Those who came when nobody was asked may stay; a reload has no word in their handshake.
	 */
	if (!in_use->identity.clients)
		return 0;
	if (!chain || count == 0 || count > CHAIN_MAX)
		return refuse_client(session, GNUTLS_A_BAD_CERTIFICATE);
	wrong = judge_chain(chain, count);
	return wrong ? refuse_client(session, alert_of(wrong)) : 0;
}

/* GNUTLS_CERT_REQUIRE ends the handshake of a client that sends an empty list, as those do that
 * have no certificate; this says why (RFC 8446 4.4.2.4, RFC 5246 7.4.6). */
static int tell_who_has_none(gnutls_session_t session, unsigned type, unsigned when,
			     unsigned is_incoming, const gnutls_datum_t *message)
{
	bool is_tls13 = gnutls_protocol_get_version(session) == GNUTLS_TLS1_3;

	(void)type, (void)when;
	if (is_incoming && message->size <= (is_tls13 ? 4 : 3))
		refuse_client(session, is_tls13 ? GNUTLS_A_CERTIFICATE_REQUIRED
						: GNUTLS_A_HANDSHAKE_FAILURE);
	return 0;
}

/* public */

enum err tls_open(struct ctx *ctx, const struct tls_files *files, struct tls **out)
{
	const char *const paths[FILE_COUNT] = {files->certificate, files->key, files->client_ca};
	struct tls *tls = heap_calloc(1, sizeof(*tls));
	enum err err;

	assert(!in_use);
	for (int i = 0; i < FILE_COUNT; i++)
		tls->paths[i] = heap_strdup(paths[i]);
	in_use = tls;
	have_changed(tls);
	err = load(ctx, tls);
	if (err != E_OK) {
		tls_close(tls);
		return err;
	}
	*out = tls;
	return E_OK;
}

void tls_close(struct tls *tls)
{
	if (!tls)
		return;
	assert(in_use == tls);
	in_use = NULL;
	identity_fini(&tls->identity);
	for (int i = 0; i < FILE_COUNT; i++)
		free(tls->paths[i]);
	free(tls);
}

void tls_reload(struct ctx *ctx, struct tls *tls, bool is_forced)
{
	bool have = have_changed(tls);

	if (!have && !is_forced)
		return;
	if (load(ctx, tls) == E_OK) {
		if (have)
			log_info(ctx, "the API's certificate was read again", "file",
				 tls->paths[CERTIFICATE], NULL);
		return;
	}
	log_error(ctx, "the API's certificate was not read again, the old one stays", "text",
		  ctx->fault.text, NULL);
	fault_clear(ctx);
}

int tls_present(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
		gnutls_pcert_st **chain, unsigned *chain_size, gnutls_ocsp_data_st **ocsp,
		unsigned *ocsp_size, gnutls_privkey_t *key, unsigned *flags)
{
	int size = import(&in_use->identity, chain, key);

	(void)info;
	if (size < 0)
		return -1;
	*chain_size = (unsigned)size;
	*ocsp = NULL;
	*ocsp_size = 0;
	*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	if (in_use->identity.clients) {
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_function(session, judge_client);
		gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CERTIFICATE_PKT,
						   GNUTLS_HOOK_PRE, tell_who_has_none);
	}
	return 0;
}
