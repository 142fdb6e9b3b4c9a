/*
 * instance - one request of the documented HTTP API and its view of the hostnames it follows.
 *
 * The spec is written once by the API (and by raiseEvent and terminate), the status by the instance
 * reconciler alone. Once ended it never changes again. meta.name is the instance id: 32 lower-case
 * hex digits.
 */
#pragma once

#include "api/condition.h"

enum runtime_status {
	RUNTIME_PENDING,
	RUNTIME_RUNNING,
	RUNTIME_COMPLETED,
	RUNTIME_FAILED,
	RUNTIME_TERMINATED,
};

extern const char *const runtime_status_names[];

struct instance_spec {
	const char *function; /* "AddCertificateFunctions", ... */
	bool is_list;	      /* `input` is shown as an array */
	struct texts hostnames;
	struct texts introduced; /* those that this request made desired; none once it is terminated
				    and settled */
	const char *leaf_sha256; /* of the certificate that an import brings; NULL for other
				    functions */
	msec_t accepted;	 /* to the millisecond */
	int64_t request;	 /* its number, for comparing with passes and with other writes
				    (struct hostname); 0: before there were numbers */
	msec_t retry_requested;	 /* raiseEvent Retry */
	int64_t retry;		 /* its number */
	bool is_terminated;
	const char *terminate_reason;
	struct objects events; /* struct instance_event: raised by clients, oldest first; no effect,
				  only shown */
};

#define INSTANCE_EVENTS_MAX 100

struct instance_event {
	msec_t time;
	const char *type; /* "TaskCompleted", "EventRaised", ... */
	const char *name; /* step or event name */
	const char *hostname;
	const char *result;
};

/* How one followed hostname stands, as of the last look. */
struct instance_progress {
	const char *hostname;
	int runtime_status;
	const char *step, *message, *error;
	const char *output;
};

struct instance_status {
	int64_t observed_generation;
	int runtime_status;
	const char *step, *message, *error; /* customStatus; all NULL while Pending */
	const char *output;		    /* text, or NULL */
	msec_t updated;
	struct objects progress; /* struct instance_progress */
	struct objects history;	 /* struct instance_event */
};

struct instance {
	struct meta meta;
	struct instance_spec spec;
	struct instance_status status;
};

extern const struct field instance_fields[];

static inline bool runtime_has_ended(int status)
{
	return status == RUNTIME_COMPLETED || status == RUNTIME_FAILED ||
	       status == RUNTIME_TERMINATED;
}
