/*
 * door - a socket that is listened on, libmicrohttpd behind it, and when that is to run again.
 *
 * libmicrohttpd 0.9.75 says "at once" also where nothing comes of it: of a connection that stopped
 * within its handshake (GNUTLS_E_AGAIN leaves it in the list of those that are ready), of a body
 * that nobody takes up, of records that wait in a TLS session, and of a connection that there is no
 * descriptor for. A run that had neither an event nor a callback of ours was for nothing, and the
 * next one waits 1, 2, 4 .. 50 ms; an event or a callback ends that. Events that a run for nothing
 * leaves standing are not looked at meanwhile.
 */
#pragma once

#include <microhttpd.h>

#include "base/ctx.h"

#define DOOR_PAUSE_MAX ((msec_t)50)

struct door {
	struct MHD_Daemon *daemon; /* NULL: it is shut */
	int events;		   /* libmicrohttpd's epoll; borrowed */
	int watcher;		   /* epoll of the loop, which watches `events`; borrowed */
	const uint64_t *activity;  /* of life: grows with every callback, and what is woken */
	uint64_t seen;		   /* of them */
	msec_t pause;		   /* before the next run; 0: none */
	msec_t due;		   /* mono, when it is over */
	bool is_muted;		   /* events are not looked at before that */
};

/* Takes over the daemon, which `watcher` watches from now on. */
void door_open(struct door *door, struct MHD_Daemon *daemon, int watcher, const uint64_t *activity);
void door_close(struct door *door);

/* Events that are to be looked at. */
bool door_has_news(const struct door *door);

/* Serves what is ready, unless a pause holds. How long until it wants to run again whatever the
 * events say (0: at once), or -1. */
msec_t door_run(struct ctx *ctx, struct door *door);
