#include "sim/importer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "durable/functions.h"
#include "durable/instances.h"
#include "specdir/desired.h"
#include "world/crypto.h"

#define TRIES_MAX 100
#define TRY_AGAIN (5 * MSEC_PER_SEC)

/* The model of specdir: the handle is the rig. */

enum err specdir_desire(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
			const char *hostname, const struct json *spec,
			const struct certificate_wish *wish, bool *introduced)
{
	struct hostname fresh = {.meta = {.name = hostname}};
	const void *found;

	(void)spec;
	(void)specdir;
	*introduced = batch_get(ctx, batch, KIND_HOSTNAME, hostname, &found) == E_NOTFOUND;
	if (*introduced)
		batch_put(ctx, batch, KIND_HOSTNAME, &fresh);
	fault_clear(ctx);
	return desired_request(ctx, batch, hostname, DESIRED_BY_POST, wish);
}

const char *specdir_owner(struct ctx *ctx, struct specdir *specdir, const char *hostname)
{
	(void)ctx, (void)specdir, (void)hostname;
	return NULL;
}

enum err specdir_leave(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
		       const char *hostname)
{
	(void)specdir;
	batch_withdraw(ctx, batch, KIND_HOSTNAME, hostname);
	return E_OK;
}

/* Certificates */

static X509 *issue(struct ctx *ctx, EVP_PKEY *key, const char *hostname, msec_t lifetime)
{
	struct crypto_issue issue = {
		.issuer_key = key,
		.key = key,
		.common_name = hostname,
		.dns_names = &hostname,
		.dns_name_count = 1,
		.not_before = ctx_wall(ctx) / 1000,
		.not_after = (ctx_wall(ctx) + lifetime) / 1000,
		.rng = ctx->doors->rng,
	};

	return crypto_issue(&issue);
}

struct leaf importer_leaf(struct ctx *ctx, const char *hostname, msec_t lifetime)
{
	EVP_PKEY *key = crypto_ec_new("P-256");
	X509 *certificate = issue(ctx, key, hostname, lifetime);
	struct leaf leaf = {
		.private_key = crypto_key_pem(ctx, key),
		.certificate = crypto_cert_pem(ctx, certificate),
		.serial = crypto_serial(ctx, certificate),
	};

	X509_free(certificate);
	EVP_PKEY_free(key);
	return leaf;
}

/* The client */

static const char *body_of(struct ctx *ctx, const char *hostname, const struct leaf *leaf)
{
	struct json *body = json_object(ctx), *list = json_array(ctx), *entry = json_object(ctx);

	json_set_text(ctx, entry, "hostname", hostname);
	if (leaf) {
		json_set_text(ctx, entry, "privatekey", leaf->private_key);
		json_set_text(ctx, entry, "certificate", leaf->certificate);
	}
	json_append(ctx, list, entry);
	json_set(ctx, body, "hostnames", list);
	return json_print(ctx, body);
}

static struct service service_of(struct rig *rig)
{
	return (struct service){
		.doors = rig_doors(rig),
		.store = rig_store(rig),
		.specdir = (struct specdir *)(void *)rig,
		.sealed = rig_sealed(rig),
		.task_hub = "sim",
		.is_ready = true,
	};
}

/* One try: whether it was answered with 202. The dead answer nobody. */
static bool post(struct rig *rig, const char *hostname, const struct leaf *leaf,
		 char id[static IMPORTER_ID_SIZE])
{
	struct service service = service_of(rig);
	struct response response = {0};
	struct request request = {.method = "POST"};
	cleanup_ctx struct ctx ctx;
	struct json *answer;
	handler_fn *handler = leaf ? functions_import : functions_add_one;

	ctx_init(&ctx, rig_doors(rig));
	if (leaf && !sealed_box_has_key(rig_sealed(rig)))
		return false; /* it would be told to try again later */
	request.body = body_of(&ctx, hostname, leaf);
	request.body_size = strlen(request.body);
	assert(handler(&ctx, &service, &request, &response) == E_OK);
	if (rig_is_dead(rig) || response.status != 202)
		return false;
	assert(json_parse(&ctx, response.body, response.body_size, &answer) == E_OK);
	snprintf(id, IMPORTER_ID_SIZE, "%s", json_get_text(answer, "id"));
	return true;
}

static int call(struct rig *rig, handler_fn *handler, const char *id, const char *event)
{
	struct service service = service_of(rig);
	struct request request = {.method = "POST", .args = {id, event}};
	struct response response = {0};
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, rig_doors(rig));
	request_add_header(&ctx, &request, "Content-Type", "application/json");
	assert(handler(&ctx, &service, &request, &response) == E_OK);
	return response.status;
}

int importer_retry(struct rig *rig, const char *id)
{
	return call(rig, instances_raise_event, id, "Retry");
}

int importer_terminate(struct rig *rig, const char *id)
{
	return call(rig, instances_terminate, id, NULL);
}

static bool insist(struct rig *rig, const char *hostname, const struct leaf *leaf,
		   char id[static IMPORTER_ID_SIZE])
{
	for (int i = 0; i < TRIES_MAX; i++) {
		if (post(rig, hostname, leaf, id))
			return true;
		if (rig_is_dead(rig))
			rig_restart(rig);
		else
			rig_pass_time(rig, TRY_AGAIN);
	}
	return false;
}

bool importer_import(struct rig *rig, const char *hostname, const struct leaf *leaf,
		     char id[static IMPORTER_ID_SIZE])
{
	return insist(rig, hostname, leaf, id);
}

bool importer_add(struct rig *rig, const char *hostname, char id[static IMPORTER_ID_SIZE])
{
	return insist(rig, hostname, NULL, id);
}

/* What came of it */

const struct instance *importer_instance(struct ctx *ctx, struct rig *rig, const char *id)
{
	const void *found;

	return store_get(ctx, rig_store(rig), KIND_INSTANCE, id, &found) == E_OK ? found : NULL;
}

size_t importer_count_sealed(struct rig *rig)
{
	cleanup_ctx struct ctx ctx;
	struct texts ids = {0};
	enum err err;

	ctx_init(&ctx, rig_doors(rig));
	err = sealed_list(&ctx, rig_sealed(rig), &ids);
	assert(err == E_OK);
	(void)err;
	return ids.count;
}
