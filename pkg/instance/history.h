/*
 * history - what a request keeps of the steps that its hostnames took.
 *
 * A step is TaskScheduled while it is under way, TaskCompleted when its hostname has left it, and
 * TaskFailed when the request ended badly there; its time is when it began. Grows with the number
 * of hostnames up to a bound; the end always has room.
 */
#pragma once

#include "api/hostname.h"
#include "api/instance.h"

struct history {
	const struct instance_spec *spec;
	struct instance_event *items;
	size_t count, capacity;
};

/* A copy of the instance's to work on. */
void history_begin(struct ctx *ctx, struct history *history, const struct instance *instance);

/* What is there already is not added again. */
void history_add(struct history *history, struct instance_event event);

/* Every step the hostname was at since the request came, and the one it was at then. */
void history_follow(struct history *history, const struct hostname *hostname);

/* The step that the hostname is at ends so. */
void history_settle(struct history *history, const char *hostname, const char *type);

/* The last entry of all. */
void history_end(struct history *history, struct instance_event event);
