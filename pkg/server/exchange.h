/*
 * exchange - one request on its way through libmicrohttpd: its head is judged, its body gathered,
 * its answer queued.
 *
 * The library's callbacks live here and nothing else knows them. A request that is refused still
 * has its body read (up to a limit), because closing with unread bytes would reset the connection
 * and take the answer with it.
 */
#pragma once

#include <microhttpd.h>

#include "httpd/conns.h"
#include "server/answers.h"
#include "server/stream.h"
#include "service/service.h"

/* What the callbacks need; the handle given to libmicrohttpd. */
struct exchange_host {
	struct service *service;
	struct conns *conns;
	struct streams streams;
	struct answers answers;
	struct turns turns;
	bool is_settled; /* all that was accepted is written */
	uint64_t
		activity; /* of life: grows with each callback, and each connection that is woken */
	struct exchange *sleepers; /* answered later, to slow down who tries keys */
};

/* MHD_OPTION_URI_LOG_CALLBACK: makes the exchange. In these three `handle` is the struct
 * exchange_host, and `*context` the exchange. */
void *exchange_begin(void *handle, const char *uri, struct MHD_Connection *connection);

/* MHD_AccessHandlerCallback. */
enum MHD_Result exchange_handle(void *handle, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *data,
				size_t *size, void **context);

/* Lets those whose time has come be answered; MSEC_NEVER: all. How long until the next; -1: there
 * is none. */
msec_t exchange_wake(struct exchange_host *host, msec_t now);

/* MHD_OPTION_NOTIFY_COMPLETED: ends the exchange. */
void exchange_end(void *handle, struct MHD_Connection *connection, void **context,
		  enum MHD_RequestTerminationCode code);
