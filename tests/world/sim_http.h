/*
 * sim_http - the world behind a struct http: door 1, for simulations without sockets.
 *
 * The URL's origin chooses the door; a request with connect_to, or for the gateway's own address,
 * goes to its data plane. A cut, a time-out or too large an answer is told as curl.h tells it, with
 * its reasons: E_CONFLICT for a ONE_SHOT, else E_AGAIN, and the world may have acted all the same.
 * A host that is nobody's, or whose door is away, is E_AGAIN: nothing was sent.
 */
#pragma once

#include "world/world.h"

#define SIM_ARM	      "https://arm.test"
#define SIM_VAULT     "https://vault.test"
#define SIM_AUTHORITY "https://login.test"
#define SIM_ACME      "https://acme.test"
#define SIM_BLOB      "https://blob.test"
#define SIM_IMDS      "http://169.254.169.254"

/* What lies between gatecert and the world. */
struct sim_wire {
	bool is_away[DOOR_COUNT]; /* nobody listens there */
	/* Whoever waits for an answer lets time pass; no lock is held. NULL: nobody waits. */
	void (*takes_time)(void *handle, msec_t time);
	void *handle;
};

/* Options whose URLs are the ones above, with a gateway, a tenant and a client. */
struct world_options sim_options(void);

/* `by_other`: requests of somebody else, who is not judged. In the arena given; it may end before
 * the world. */
struct http *world_http(struct arena *arena, struct world *world, bool by_other);

/* An Authorization header's value for a resource (SIM_ARM, "https://vault.azure.net", ...), for
 * requests of tests: the daemon's. What goes through a `by_other` http may do everything all the
 * same. */
char *world_bearer(struct ctx *ctx, struct world *world, const char *resource);
