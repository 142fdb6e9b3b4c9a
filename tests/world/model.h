/*
 * model - what the world remembers. Private to tests/world; guarded by world->lock.
 *
 * Objects live as long as the world (in `keep`), except gateway documents, of which a new one is
 * made by every PUT.
 */
#pragma once

#include <pthread.h>
#include <regex.h>

#include "world/call.h"
#include "world/crypto.h"

#define WORLD_ID_BYTES 16

/* A JSON tree with its own memory. */
struct document {
	struct ctx ctx;
	struct json *root;
};

struct document *document_new(const struct doors *doors, const struct json *root);
void document_free(struct document *document);

enum gateway_state { GATEWAY_RUNNING, GATEWAY_STOPPED, GATEWAY_FAILED, GATEWAY_MISSING };

struct settings {
	msec_t gateway_update;	    /* how long an operation runs */
	bool second_put_is_refused; /* 429 instead of cancelling the first */
	bool if_match_is_ignored;
	msec_t vault_poll;	  /* how often the gateway looks for new versions */
	bool reuses_rsa_keys;	  /* of a small pool: making one takes a tenth of a second */
	int64_t key_create_limit; /* per 10 s; 0: none */
	bool vault_is_forbidden;  /* to everybody */
	bool vault_is_forbidden_to_gateway;
	bool looks_at_change;		/* of anything; else of the secret id alone */
	bool secret_versions_are_shown; /* in GET, whatever was sent */
	msec_t delete_time;		/* how long a delete or recover of a vault object takes */
	int64_t list_page;		/* items per page of vault lists */
	msec_t token_lifetime;
	bool purge_is_protected;
	int64_t bad_nonce_every; /* CA: every Nth JWS is told badNonce; 0: none */
	msec_t order_time;	 /* CA: how long `processing` takes */
	msec_t retry_after;	 /* CA: sent with unfinished orders and authorizations; 0: none */
	bool hides_time;	 /* CA: its answers have no Date */
	bool reuse_authz; /* CA: a valid authorization of the account serves the next order */
	msec_t cert_lifetime;
};

struct request_record {
	enum door door;
	const char *owner;	   /* NULL: nobody in particular */
	const char *identity;	   /* who asked; NULL: nobody who proved it */
	const char *method, *line; /* line: method and target */
	int status;
	msec_t at;
};

struct request_log {
	struct request_record *items;
	size_t count, capacity;
	struct arena *arena; /* emptied with the log */
};

struct fault_rule {
	struct fault_rule *next;
	unsigned id;
	const char *method; /* NULL: any */
	const char *pattern;
	const char *owner; /* NULL: whoever it is about */
	regex_t path;
	int64_t after, times;
	int64_t hits;
	/* do */
	int status;
	const char *body; /* NULL: none given */
	struct http_header headers[8];
	size_t header_count;
	msec_t delay;
	bool resets_before, resets_after, garbles, applies;
	size_t truncate_at; /* with is_truncated */
	bool is_truncated;
	int64_t cut_at; /* -1: not */
	size_t oversize;
};

enum operation_kind { OPERATION_PUT, OPERATION_START, OPERATION_STOP, OPERATION_HEALTH };

struct operation {
	struct operation *next;
	enum operation_kind kind;
	bool is_change;			   /* a PUT of something else than what was stored */
	const char *target;		   /* path and query of the monitor, byte for byte */
	const char *result;		   /* of Location: where the result will be */
	const struct principal *principal; /* who began it, and may see it */
	enum operation_state {
		OPERATION_RUNNING,
		OPERATION_APPLYING,
		OPERATION_SUCCEEDED,
		OPERATION_FAILED,
		OPERATION_CANCELED
	} state;
	msec_t due;
	const char *error; /* JSON text of `error`; NULL: none */
};

/* A certificate uploaded with the gateway: what PUT's `data` held. */
struct upload {
	struct upload *next;
	const char *name;
	struct crypto_bag bag;
};

/* Which version of a vault secret the gateway serves for one certificate entry. */
struct binding {
	struct binding *next;
	const char *entry;	 /* name in sslCertificates */
	const char *secret_id;	 /* as the gateway has it */
	struct version *version; /* NULL: never read */
	const char *trouble;	 /* why it is disabled; NULL: it serves */
	bool is_current;	 /* still named by the served document */
};

/* What all that there can be several of begin with. */
struct place {
	struct place *next;
	enum place_kind kind;
	unsigned number; /* from 1 */
	const char *owner;
	const char *where; /* its URL; of a gateway its id */
	const char *id;	   /* as ARM knows it */
};

struct gateway {
	struct place place;
	const char *blob_container_url;
	bool has_data_plane;	     /* an operation ends when that serves it, not by itself */
	struct principal *principal; /* its identity's */
	const char *id, *name, *public_ip_id, *identity_id, *subnet_id, *location, *ip;
	struct document *stored, *served; /* canonical: neither etags nor read-only members */
	struct document *foreign;	  /* {collection: [names]} that is not ours to change */
	char etag[48];
	enum gateway_state state;
	bool is_updating;
	struct operation *operations, *current;
	struct upload *uploads;
	struct binding *bindings;
	msec_t next_poll;
	unsigned generation; /* grows whenever what is served changes */
};

struct attributes {
	bool is_enabled;
	int64_t nbf, exp, created, updated; /* seconds; 0: absent */
};

/* One version of a certificate (with its key and secret), of a key or of a secret. */
struct version {
	struct version *older;
	char id[2 * WORLD_ID_BYTES + 1];
	struct attributes attributes;
	struct json *tags; /* NULL: none */
	EVP_PKEY *key;
	bool is_exportable;
	struct json *key_ops;
	X509 *certs[CRYPTO_CHAIN_MAX];
	size_t cert_count; /* 0 in a certificate: pending, or given up */
	int bytes;	   /* of key and certificates; 0: not measured yet */
	struct json *policy;
	const char *value, *content_type;
};

enum pending_state { PENDING_IN_PROGRESS, PENDING_COMPLETED, PENDING_CANCELED, PENDING_FAILED };

struct pending {
	char request_id[2 * WORLD_ID_BYTES + 1];
	struct version *version; /* becomes the current one at merge */
	struct bytes csr;
	enum pending_state state;
	bool is_cancellation_requested, preserves_order;
	bool is_finalized; /* the model CA has seen this CSR in a finalize */
	bool by_other;	   /* begun by a foreign actor of a simulation */
};

enum object_kind { OBJECT_CERTIFICATE, OBJECT_KEY, OBJECT_SECRET };

struct object {
	struct object *next, *next_purged;
	enum object_kind kind;
	const char *name;
	struct version *newest;
	struct json *policy;
	struct pending *pending;
	bool is_deleted;
	int64_t deleted_at; /* seconds */
	msec_t settles_at;  /* mono: a delete or recover is in progress until then */
};

struct vault {
	struct place place;
	struct object *objects, **end;
	struct object *graveyard; /* purged; its keys are freed with the world */
	msec_t key_creations[64]; /* ring of mono times */
	unsigned key_creation_count;
};

struct acme;
struct blobs;
struct right_change;
struct dns_record;

struct world {
	struct world_options options;
	const struct doors *doors;
	struct ctx keep;
	pthread_mutex_t lock;
	struct settings settings;
	struct fault_rule *faults, **faults_end;
	unsigned last_fault_id;
	struct request_log log;
	struct place *places[PLACE_COUNT];
	/* Those that the present request is about: see owners.h. */
	struct gateway *gateway;
	struct vault *vault;
	struct acme *acme;
	struct blobs *blobs;
	struct principal *principals;
	struct right_change *right_changes; /* in the order that they were made in */
	struct dns_record *dns_records;
	unsigned dns_lookups;
	struct world_never never;
	char arc_key[65];
};

/* Random ids: 32 hex digits, or a GUID. */
void world_hex_id(struct world *world, char out[2 * WORLD_ID_BYTES + 1]);
char *world_guid(struct ctx *ctx, struct world *world);
msec_t world_mono(const struct world *world);
int64_t world_seconds(const struct world *world); /* wall clock */

/* The handlers behind the doors. */
void arm_handle(struct world *world, struct call *call);
void vault_handle(struct world *world, struct call *call);
void entra_handle(struct world *world, struct call *call);
void imds_handle(struct world *world, struct call *call);
void admin_handle(struct world *world, struct call *call);
void acme_handle(struct world *world, struct call *call);
void blob_handle(struct world *world, struct call *call);
void front_handle(struct world *world, struct call *call);

/* settings.c */
void settings_init(struct settings *all);
enum err settings_set(struct ctx *ctx, struct world *world, const char *name, const char *value);
struct json *settings_show(struct ctx *ctx, const struct world *world);

/* faults.c: the rule that strikes this call, counted, or NULL; and its two halves. */
enum err faults_add(struct ctx *ctx, struct world *world, const struct json *json, unsigned *id);
bool faults_remove(struct world *world, unsigned id); /* 0: all */
struct json *faults_show(struct ctx *ctx, const struct world *world);
struct fault_rule *faults_find(struct world *world, const struct call *call);
/* False when the model must not see the call. */
bool faults_before(const struct fault_rule *rule, struct call *call);
void faults_after(const struct fault_rule *rule, struct call *call);

/* requests.c */
void requests_add(struct world *world, const struct call *call);
void requests_clear(struct world *world);
struct json *requests_show(struct ctx *ctx, const struct world *world);

/* entra.c: whether the call carries a token of ours for this audience that is not expired; then it
 * has its principal, and the operator's is a foreign actor's. */
bool entra_is_authorized(struct world *world, struct call *call, const char *const *audiences);
char *entra_token(struct ctx *ctx, struct world *world, const struct principal *principal,
		  const char *audience);
/* entra_assertion.c: NULL, or an error that was answered: whether the assertion proves that the
 * principal is it. */
bool entra_check_assertion(struct world *world, struct call *call,
			   const struct principal *principal, const char *assertion);
