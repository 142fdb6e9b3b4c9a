/*
 * specdir_rig - a spec directory and a store of their own, and a daemon's loop in small.
 */
#pragma once

#include "tempdir.h"

#include "api/hostname.h"
#include "base/fs.h"
#include "specdir/specdir.h"
#include "store/dirstore.h"

/* Monotonic time is the test's, wall time the system's: files carry that one. */
static msec_t mono, mono_step;

static inline msec_t test_mono(struct clock *clock)
{
	(void)clock;
	mono += mono_step;
	return mono;
}

static bool is_full, is_api_full;

static inline enum err full_write(struct ctx *ctx, struct fs *fs, const char *path,
				  const void *data, size_t size, mode_t mode)
{
	(void)fs;
	if ((is_full && strstr(path, "/state/")) || (is_api_full && strstr(path, "/api.d/")))
		return fault_set(ctx, E_AGAIN, "StateNotDurable", "cannot write: full");
	return fs_system()->write(ctx, fs_system(), path, data, size, mode);
}

/* Without waiting for the disk: for tests of many. */
static inline enum err quick_write(struct ctx *ctx, struct fs *fs, const char *path,
				   const void *data, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	(void)ctx, (void)fs;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
	return E_OK;
}

struct rig {
	struct clock clock;
	struct fs fs;
	struct doors doors;
	struct ctx ctx;
	const char *root, *specs, *api;
	struct store *store;
	struct specdir *specdir;
	enum err err; /* of the last scan */
};

static inline void start(struct rig *rig)
{
	struct specdir_options options = {.directory = rig->specs};

	assert_int_equal(
		dirstore_open(&rig->ctx, fs_join(&rig->ctx, rig->root, "state"), &rig->store),
		E_OK);
	options.store = rig->store;
	rig->specdir = specdir_new(&options);
}

static inline void stop(struct rig *rig)
{
	specdir_free(rig->specdir);
	dirstore_close(rig->store);
}

static inline void restart(struct rig *rig)
{
	stop(rig);
	start(rig);
}

static inline void set_up(struct rig *rig)
{
	mono = 1000;
	mono_step = 0;
	is_full = is_api_full = false;
	rig->clock = *clock_system();
	rig->clock.mono = test_mono;
	rig->fs = *fs_system();
	rig->fs.write = full_write;
	rig->doors = (struct doors){&rig->clock, rng_system(), &rig->fs, NULL};
	ctx_init(&rig->ctx, &rig->doors);
	rig->root = tempdir_make(&rig->ctx);
	rig->specs = fs_join(&rig->ctx, rig->root, "specs");
	rig->api = fs_join(&rig->ctx, rig->specs, "api.d");
	assert_int_equal(mkdir(rig->specs, 0755), 0);
	start(rig);
}

static inline void tear_down(struct rig *rig)
{
	stop(rig);
	tempdir_remove(rig->root);
	ctx_fini(&rig->ctx);
}

static inline const char *path(struct rig *rig, const char *file)
{
	return fs_join(&rig->ctx, rig->specs, file);
}

static inline void write_spec(struct rig *rig, const char *file, const char *text)
{
	tempdir_write(path(rig, file), text, 5);
}

static inline msec_t scan(struct rig *rig)
{
	msec_t next = -1;
	struct ctx ctx;

	ctx_init(&ctx, &rig->doors);
	rig->err = specdir_scan(&ctx, rig->specdir, &next);
	ctx_fini(&ctx);
	assert_true(next >= 0);
	return next;
}

/* As the loop does: again when it is told to, until a removal would have had its second look. */
static inline void settle(struct rig *rig)
{
	for (int i = 0; i < 4; i++) {
		msec_t next = scan(rig);

		mono += next < 3000 ? next : 3000;
	}
}

static inline const struct hostname *get(struct rig *rig, const char *name)
{
	const void *out;

	return store_get(&rig->ctx, rig->store, KIND_HOSTNAME, name, &out) == E_OK ? out : NULL;
}

/* "a.example.com b.example.com!": with a mark where the newest content is not in force. */
static inline const char *in_force(struct rig *rig)
{
	const char *text = "";
	const void **items;
	size_t count;

	store_list(&rig->ctx, rig->store, KIND_HOSTNAME, &items, &count);
	for (size_t i = 0; i < count; i++) {
		const struct hostname *hostname = items[i];

		text = arena_printf(rig->ctx.arena, "%s%s%s%s%s", text, i ? " " : "",
				    hostname->meta.name,
				    hostname->spec.key_type == KEY_TYPE_EC_P256 ? "(EC)" : "",
				    hostname->source.problem ? "!" : "");
	}
	return text;
}

static inline const char *problems(struct rig *rig)
{
	return problems_print(&rig->ctx, &specdir_report(rig->specdir)->problems, "\n");
}

static inline enum err desire(struct rig *rig, const char *hostname, bool *introduced)
{
	struct batch *batch = batch_new(&rig->ctx, rig->store);
	enum err err = specdir_desire(&rig->ctx, rig->specdir, batch, hostname, NULL, NULL,
				      introduced);

	if (err == E_OK)
		err = batch_commit(&rig->ctx, batch);
	*introduced = *introduced && err == E_OK;
	return err;
}

#define HEAD	     "apiVersion: gatecert/v1\nkind: Hostname\n"
#define NATIVE(name) HEAD "metadata:\n  name: " name "\n"
#define BROKEN	     "hostnames: [a.example.com\n"
