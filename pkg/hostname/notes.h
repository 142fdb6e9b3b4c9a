/*
 * notes - what is remembered about a hostname between passes but not worth a write: when things
 * were last looked at.
 *
 * In memory only. A restart forgets it all, and so looks at everything again.
 */
#pragma once

#include "base/ctx.h"

struct note {
	msec_t vault_seen;    /* mono; 0: never */
	bool pending_seen;    /* then, an operation stood there, maybe one that has ended */
	msec_t missed_since;  /* mono; since when the vault says "not found" of the certificate */
	msec_t lacked_since;  /* mono; since when this process knows what issuance.missing names; 0:
				 nothing */
	msec_t lacked_before; /* how long it had been missing then */
	msec_t dns_checked;   /* mono; when DNS last led to the gateway; 0: not lately */
	msec_t dns_watched;   /* mono; when it was last looked at for a healthy site */
	msec_t trouble_since; /* mono; when `trouble_step` began to fail for reasons that may pass;
				 0: none */
	int trouble_step;     /* enum step */
	int64_t polls;	      /* of the CA without news */
};

struct notes;

struct notes *notes_new(void);
void notes_free(struct notes *notes);

/* Zeroed for a name never noted. */
struct note notes_get(struct notes *notes, const char *name);
void notes_put(struct notes *notes, const char *name, const struct note *note);
void notes_drop(struct notes *notes, const char *name);
