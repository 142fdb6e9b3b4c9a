/*
 * effects - counts what a run does to the outside and to the disk, and spoils one of it.
 */
#pragma once

#include "base/fs.h"
#include "http/http.h"
#include "sim/rig.h"

struct effects {
	unsigned count, writes; /* http calls and writes; of these, writes */
	enum trouble trouble;
	unsigned at;
	bool happened;
	bool (*goes_wrong)(void *handle); /* asked at every effect, instead of `at` */
	unsigned disk_lasts;		  /* so many effects, then it is full; 0: for ever */
	bool is_dead;			  /* after a crash: nothing has an effect any more */
	void (*took_time)(void *handle, msec_t time); /* every effect */
	void *handle;
	/* Before every http call, with no lock held: what others do meanwhile. */
	void (*meanwhile)(void *handle, const struct http_request *request);
	void *meanwhile_handle;
	struct sim_wire wire; /* between the calls and the world */
	unsigned answers;     /* of the outside */
	unsigned after_at;
	void (*after)(void *handle); /* once, when the answer of that number has come in */
};

/* Views that count; in the arena given. */
struct http *effects_http(struct arena *arena, struct effects *effects, struct http *inner);
struct fs *effects_fs(struct arena *arena, struct effects *effects, struct fs *inner);
