/*
 * turns - who works next, where more want to than one run of the loop has time for.
 *
 * A run serves requests for TURNS_RUN_MSEC; one that comes later waits, its connection resting at
 * libmicrohttpd, and goes on in a later run. Requests go by rank: the second that waits for a
 * client stands behind the first of every other, so that a thousand with one key cost another key's
 * request no more than one turn. Belongs to the loop thread.
 */
#pragma once

#include <microhttpd.h>

#include <stdbool.h>
#include <stddef.h>

#include "httpd/conns.h"

#define TURNS_RUN_MSEC	((msec_t)5)
#define TURNS_WAIT_MSEC (30 * MSEC_PER_SEC)

struct turn {
	struct turn *next;
	struct MHD_Connection *connection;
	struct conn *conn; /* of the connection; borrowed */
	uint64_t who;	   /* the client: its key, or else its address */
	uint64_t rank;	   /* among those that wait */
	msec_t since;	   /* mono, when it began to wait */
	bool is_waiting;
	bool is_called; /* it has waited, and has not gone yet */
};

struct turns {
	struct turn *first; /* by rank, and in the order in which they came */
	size_t called;	    /* how many were, and have not gone yet */
	uint64_t rank;	    /* of the one that was called last */
	msec_t until;	    /* mono, when the time of this run is up */
	uint64_t *activity; /* of life: a connection that is woken is one */
};

void turns_init(struct turns *turns, uint64_t *activity);

/* A run begins. */
void turns_begin(struct turns *turns, msec_t now);
bool turns_have_time(const struct turns *turns, msec_t now);

/* Whether it may work now. Else its connection rests until it is called, and asks again. */
bool turns_take(struct turns *turns, struct turn *turn, msec_t now);

/* Its connection rests until it is called. */
void turns_wait(struct turns *turns, struct turn *turn, msec_t now);

/* It waited so long that it is told to come again. */
bool turns_is_late(const struct turn *turn, msec_t now);

/* It is of no interest any more. */
void turns_leave(struct turns *turns, struct turn *turn);

/* Calls the first of those that wait, and all that wait in vain. One at a time: libmicrohttpd runs
 * those that were woken in an order of its own. */
void turns_call(struct turns *turns, msec_t now);

/* The end: nobody waits any more. */
void turns_call_all(struct turns *turns);
