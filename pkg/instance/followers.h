/*
 * followers - which instances follow which hostnames, so that news of a hostname reaches them
 * without a search.
 */
#pragma once

#include "base/ctx.h"

struct followers;

struct followers *followers_new(void);
void followers_free(struct followers *followers);

/* Doing it twice is the same as once. */
void followers_add(struct followers *followers, const char *hostname, const char *instance);
void followers_drop(struct followers *followers, const char *hostname, const char *instance);

/* Calls `wake` for each instance that follows the hostname; without the lock held. */
void followers_wake(struct ctx *ctx, struct followers *followers, const char *hostname,
		    void (*wake)(void *handle, const char *instance), void *handle);
