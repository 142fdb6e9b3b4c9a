/*
 * err - the six things that can be done next, and the text that says why.
 *
 * An error is filed once, at the edge, by what the caller has to do about it. The value decides,
 * the text explains. Texts are stable: no request ids, times or counters, since they end up in
 * conditions, and a condition that changes on every pass looks like news.
 */
#pragma once

#include <stdint.h>

enum err {
	E_OK = 0,
	E_AGAIN,     /* the world hiccuped: back off and repeat */
	E_THROTTLED, /* the world said when: fault.retry_after_ms */
	E_CONFLICT,  /* stale, busy or ambiguous: observe afresh before anything else */
	E_NOTFOUND,  /* often an answer; the caller handles it */
	E_REFUSED,   /* no repeat helps until something outside changes */
	E_CANCELLED, /* shutting down */
};

/* What went wrong, for a condition and for a person. Lives in ctx; never allocated. */
struct fault {
	char reason[48];	/* CamelCase: condition reason or documented error code */
	char text[640];		/* for a person: what, where, what to do */
	int http_status;	/* of the answer behind it, 0 when there was none */
	int64_t retry_after_ms; /* E_THROTTLED: at least this long; 0 when not said */
	int64_t backoff_max_ms; /* E_AGAIN: how rare tries may get; 0: as usual */
	int by_ca;	/* the CA said so. E_REFUSED: it counted it (issuance backoff applies);
			   E_THROTTLED: kept over restarts */
	int for_all;	/* E_THROTTLED: everybody is to wait, not who asked alone */
	int is_untried; /* E_AGAIN: nothing was sent, others are before us; retry_after_ms says
			   when to come back */
};

const char *err_name(enum err kind);

#define TRY(call)                           \
	do {                                \
		enum err try_err_ = (call); \
		if (try_err_ != E_OK)       \
			return try_err_;    \
	} while (0)
