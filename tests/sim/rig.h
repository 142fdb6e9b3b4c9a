/*
 * rig - the real reconcilers with nobody at work: no threads, a clock that the test owns, the model
 * world behind every door.
 *
 * Every outbound call and every durable write is an effect, counted from 1. One of them can be made
 * to go wrong: the process dies right after it, it fails before or after it was done, or its answer
 * is spoilt. A death is followed by a restart from what is on the disk. `rig_run` steps until
 * everything that is desired is Ready, or a budget is used up.
 */
#pragma once

#include "api/hostname.h"
#include "base/ctx.h"
#include "store/sealed.h"
#include "store/store.h"
#include "world/sim_http.h"
#include "world/world.h"

enum trouble {
	TROUBLE_NONE,
	TROUBLE_CRASH,	      /* dies after the effect */
	TROUBLE_LOST_BEFORE,  /* the effect never happened; E_AGAIN, or E_CONFLICT for a ONE_SHOT */
	TROUBLE_LOST_AFTER,   /* it happened, and nobody was told; errors as above */
	TROUBLE_THROTTLED,    /* refused for now, with a wait of a minute */
	TROUBLE_REFUSED,      /* refused */
	TROUBLE_GARBLED,      /* happened; the answer's body is rubbish */
	TROUBLE_EMPTY,	      /* happened; the answer's body is empty */
	TROUBLE_SERVER_ERROR, /* happened; 500 */
};

struct rig;
struct gateway;
struct http_request;

struct rig *rig_new(void);
void rig_free(struct rig *rig);

/* Which effect goes wrong and how. Once: what comes after it is well. */
void rig_trouble(struct rig *rig, enum trouble trouble, unsigned effect);
bool rig_trouble_happened(struct rig *rig);

/* Before every call to the outside: what others do in the midst of a pass. NULL: nothing. */
void rig_meanwhile(struct rig *rig,
		   void (*meanwhile)(void *handle, const struct http_request *request),
		   void *handle);

/* What the rows above and below set. */
struct effects;
struct effects *rig_troubles(struct rig *rig);

/* Nobody listens at that door; and again. */
void rig_set_away(struct rig *rig, enum door door, bool is_away);

/* After so many effects from now on nothing can be written any more; 0: there is room again. */
void rig_fill_disk(struct rig *rig, unsigned effects);

/* When the answer of that number comes in, counted from the start, in the middle of a pass. */
void rig_after_answer(struct rig *rig, unsigned answer, void (*happens)(void *rig));
unsigned rig_answers(struct rig *rig);

void rig_desire(struct rig *rig, const char *hostname);
void rig_desire_key(struct rig *rig, const char *hostname, enum key_type key_type);
void rig_withdraw(struct rig *rig, const char *hostname);
/* Somebody asks for a try now. */
void rig_request(struct rig *rig, const char *hostname);

struct budget {
	unsigned passes;
	msec_t time;
};

/* True when rig_is_settled within the budget. */
bool rig_run(struct rig *rig, struct budget budget);

/* As rig_run, until `is_done` says so; it is asked before every pass, and so sees all that can be
 * seen. */
bool rig_run_until(struct rig *rig, bool (*is_done)(void *handle), void *handle,
		   struct budget budget);

/* Every desired hostname is Ready and at rest, and no withdrawn one is left. */
bool rig_is_settled(struct rig *rig);

/* The gateway is due for a look, as after news of a hostname. */
void rig_look_at_gateway(struct rig *rig);

/* Lets time pass, with whatever becomes due in it. */
void rig_pass_time(struct rig *rig, msec_t time);

/* The wall clock of the daemon's machine is this far from the world's. */
void rig_shift_clock(struct rig *rig, msec_t shift);

/* So it is from that effect on, counted as for rig_trouble. */
void rig_shift_clock_at(struct rig *rig, msec_t shift, unsigned effect);

/* What the daemon does when its clock was set. */
void rig_look_at_all(struct rig *rig);

/* When the daemon was built. */
void rig_built(struct rig *rig, msec_t wall);

/* Throws everything in memory away and starts from the disk. */
void rig_restart(struct rig *rig);

/* As rig_restart, configured for another gateway: the world has none of that id. */
void rig_use_gateway(struct rig *rig, const char *id);

/* As rig_restart, on an empty state directory. */
void rig_forget_state(struct rig *rig);

/* From now on the sealing key is fetched, at every start too. */
void rig_take_imports(struct rig *rig);

/* A crash came to pass outside of a pass: the caller restarts. */
bool rig_is_dead(const struct rig *rig);

/* Those of the present process: a restart makes others. */
struct store *rig_store(struct rig *rig);
struct sealed_box *rig_sealed(struct rig *rig);

struct world *rig_world(struct rig *rig);
const struct doors *rig_doors(struct rig *rig);
/* Where its state is. */
const char *rig_directory(const struct rig *rig);
unsigned rig_effects(const struct rig *rig);
unsigned rig_writes(const struct rig *rig);
unsigned rig_passes(const struct rig *rig);
msec_t rig_time(const struct rig *rig); /* since the start */

/* In ctx's arena; NULL when it is not there. */
const struct hostname *rig_hostname(struct ctx *ctx, struct rig *rig, const char *hostname);
const char *rig_gateway_name(const struct rig *rig);
const struct gateway *rig_gateway(struct ctx *ctx, struct rig *rig, const char *name);
/* "status reason: message" of a condition, "" when it is not there. */
const char *rig_condition(struct ctx *ctx, struct rig *rig, const char *hostname, const char *type);
/* The same of the gateway in use. */
const char *rig_gateway_condition(struct ctx *ctx, struct rig *rig, const char *type);

/* What stands now, in words: for the message of a failing test. In ctx's arena. */
const char *rig_describe(struct ctx *ctx, struct rig *rig);
