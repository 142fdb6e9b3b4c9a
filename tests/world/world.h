/*
 * world - a small model of what gatecert talks to: Entra, ARM, Key Vault, and for simulations a CA,
 * blobs and DNS.
 *
 * One model, many doors: `world_handle` answers one request at one door. server.h puts HTTPS in
 * front of it, sim_http.h a struct http. The model keeps its own memory, takes its time from the
 * clock it was given, and shares no code with what it tests beyond base and codec. Safe to call
 * from several threads: one lock guards the model.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/ctx.h"
#include "http/http.h"

struct json;
struct principal;
struct sim_wire;
struct world;

enum door {
	DOOR_ARM,
	DOOR_VAULT,
	DOOR_AUTHORITY,
	DOOR_IMDS,
	DOOR_ADMIN,
	DOOR_ACME,
	DOOR_BLOB,
	DOOR_GATEWAY,
	DOOR_COUNT,
};

/* What there can be several of. */
enum place_kind { PLACE_GATEWAY, PLACE_VAULT, PLACE_CONTAINER, PLACE_CA, PLACE_COUNT };

/* How an answer leaves. */
enum call_end { CALL_WHOLE, CALL_RESET, CALL_TRUNCATED };

#define CALL_SEGMENTS_MAX 24
#define CALL_HEADERS_MAX  24

/* One request and its answer. The first group is the door's to fill; everything lives in
 * ctx->arena. */
struct call {
	struct ctx *ctx;
	enum door door;
	unsigned number; /* which vault, CA, container or gateway the door leads to; 0: the first */
	const char *method;
	const char *target; /* path and query, as received */
	const struct http_header *headers;
	size_t header_count;
	const char *body; /* NUL-terminated behind body_size */
	size_t body_size;
	bool by_other; /* a foreign actor: not judged, and may do everything */

	const char *path;			 /* as received, without the query */
	const char *query;			 /* NULL when there is none */
	const char *segments[CALL_SEGMENTS_MAX]; /* decoded, "" never */
	size_t segment_count;

	const struct principal *principal; /* whose token came with it; NULL: none that holds */
	const char *owner; /* whom it is about: "gateway-2", "vault"; NULL: nobody in particular */

	int status;
	struct http_header reply_headers[CALL_HEADERS_MAX];
	size_t reply_header_count;
	const char *reply;
	size_t reply_size;

	msec_t delay;
	enum call_end end;
	size_t truncate_at;
};

/* Where things are. All are required but those marked; strings are copied. */
struct world_options {
	const char *arm_url, *vault_url, *authority_url; /* "https://host[:port]" */
	const char *gateway_id, *gateway_ip;
	const char *blob_container_url; /* what the challenge rule leads to */
	const char *tenant, *client_id;
	const char *client_secret;		   /* may be NULL */
	const char *operator_id, *operator_secret; /* who may do everything; may be NULL */
	const char *client_cert_pem; /* may be NULL: the certificate that signs client assertions */
	const char *federated_token_file; /* may be NULL: read at every sign-in */
	const char *arc_token_dir;	  /* may be NULL */
	const char *acme_url;		  /* may be NULL: no CA */
	const struct sim_wire *wire; /* of sim_http.h; may be NULL, else it outlives the world */
	bool reuse_keys; /* RSA keys come from a small pool: for simulations that make thousands */
};

/* Things that must never happen, counted for the simulations' verdict. */
struct world_never {
	unsigned finalized_twice;    /* a second finalize for one order, or one CSR in two orders */
	unsigned issued_while_valid; /* another certificate although a fresh one for the name was
					unused */
	unsigned foreign_changed;    /* a PUT in which a foreign part of the gateway differs */
	unsigned put_without_if_match;
	unsigned put_missing_gateway;	/* PUT would have created one */
	unsigned put_stopped_gateway;	/* PUT would have started one */
	unsigned vault_foreign_deleted; /* an object without the tag, or still referenced, was
					   deleted */
	unsigned pending_lost; /* a pending operation was deleted after its CSR was finalized */
	unsigned pending_foreign_deleted; /* a pending operation of a foreign actor was deleted */
	unsigned beyond_rights; /* a call that manifests/azure do not allow; among them: */
	unsigned secrets_read, deleted, purged;
	char last[160]; /* the last of them in words */
};

struct world *world_new(const struct world_options *options, const struct doors *doors);
void world_free(struct world *world);

/*
 * One more gateway, vault, container or CA. The first of each is what world_new made, and what the
 * functions below mean where they name none. Its number counts from 1; "gateway-2", "vault-2",
 * "container-2", "ca-2" is its name as an owner of faults, requests and states ("vault" is the
 * first).
 */
struct place_options {
	enum place_kind kind;
	const char *where;		/* "https://host[:port][/container]"; of a gateway its id */
	const char *ip;			/* of a gateway */
	const char *blob_container_url; /* what a gateway's challenge rule leads to; NULL: the
					   first */
};
unsigned world_add(struct world *world, const struct place_options *options);

/* One more identity of the daemon, with the rights of the first; strings are copied. */
void world_add_client(struct world *world, const char *client_id, const char *client_secret);

/* Gives or takes a right, as the admin API takes it. E_REFUSED. */
enum err world_change_right(struct ctx *ctx, struct world *world, const char *text);
void world_restore_rights(struct world *world);

void world_handle(struct world *world, struct call *call);

/* Lets time do its work: operations end, the gateway polls the vault. world_handle does it too. */
void world_tick(struct world *world);

/* One of the settings of the admin API. E_REFUSED with the known names. */
enum err world_set(struct ctx *ctx, struct world *world, const char *name, const char *value);
/* `gatewayState` is each gateway's own; E_REFUSED also when nobody is called that. */
enum err world_set_of(struct ctx *ctx, struct world *world, const char *owner, const char *name,
		      const char *value);

/* A fault as the admin API takes it. E_REFUSED. The id may be NULL. */
enum err world_add_fault(struct ctx *ctx, struct world *world, const char *text, unsigned *id);
void world_clear_faults(struct world *world);

struct world_never world_never_events(struct world *world);

/* Requests seen so far at one door (DOOR_COUNT: at all but admin) whose "METHOD target" matches the
 * extended regex. */
size_t world_count_requests(struct world *world, enum door door, const char *pattern);

/* The same, of one owner, at all doors. */
size_t world_count_requests_of(struct world *world, const char *owner, const char *pattern);

/* The serial (lower-case hex) of the certificate that the gateway serves for a host over TLS now,
 * or NULL. */
char *world_served_certificate(struct ctx *ctx, struct world *world, const char *host);
char *world_served_certificate_of(struct ctx *ctx, struct world *world, const char *owner,
				  const char *host);

/* PEM of the model CA's root. */
char *world_acme_root(struct ctx *ctx);

/* The state as the admin API shows it, in ctx's arena. */
struct json *world_state(struct ctx *ctx, struct world *world);
/* With that owner in the place of the first of its kind; NULL when nobody is called that. */
struct json *world_state_of(struct ctx *ctx, struct world *world, const char *owner);
