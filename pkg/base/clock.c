#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#define NAP_MAX MSEC_PER_MIN

static msec_t now(clockid_t id)
{
	struct timespec time;
	int rc = clock_gettime(id, &time);

	assert(rc == 0);
	return (msec_t)time.tv_sec * MSEC_PER_SEC + time.tv_nsec / 1000000;
}

static msec_t system_wall(struct clock *clock)
{
	(void)clock;
	return now(CLOCK_REALTIME);
}

static msec_t system_mono(struct clock *clock)
{
	(void)clock;
	return now(CLOCK_BOOTTIME);
}

/* No condition variable waits by CLOCK_BOOTTIME. CLOCK_MONOTONIC stops while the machine is
 * suspended, and after that a wait would last too long: so none is longer than a nap. */
static void system_wait(struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *lock,
			msec_t until)
{
	msec_t wait = until - clock->mono(clock);
	struct timespec end;
	int rc;

	if (wait <= 0)
		return;
	wait = wait < NAP_MAX ? wait : NAP_MAX;
	rc = clock_gettime(CLOCK_MONOTONIC, &end);
	assert(rc == 0);
	end.tv_sec += wait / MSEC_PER_SEC;
	end.tv_nsec += (wait % MSEC_PER_SEC) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	rc = pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &end);
	assert(rc == 0 || rc == ETIMEDOUT);
}

struct clock *clock_system(void)
{
	static struct clock clock = {system_wall, system_mono, system_wait};

	return &clock;
}

void clock_wait(struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *lock, msec_t until)
{
	if (until == MSEC_NEVER) {
		pthread_cond_wait(cond, lock);
		return;
	}
	assert(clock->wait);
	clock->wait(clock, cond, lock, until);
}

bool clock_has_jumped(struct clock_memory *memory, struct clock *clock)
{
	msec_t mono = clock->mono(clock), offset = clock->wall(clock) - mono;
	msec_t by = offset - memory->offset;

	if (!memory->is_begun)
		*memory = (struct clock_memory){.offset = offset, .is_begun = true};
	else if (by <= MSEC_PER_HOUR && by >= -MSEC_PER_HOUR)
		memory->noticed = 0;
	else if (!memory->noticed)
		memory->noticed = mono ? mono : 1;
	else if (mono - memory->noticed >= MSEC_PER_DAY)
		*memory = (struct clock_memory){.offset = offset, .is_begun = true};
	return memory->noticed != 0;
}

msec_t clock_steady(const struct clock_memory *memory, struct clock *clock)
{
	return memory->noticed ? clock->mono(clock) + memory->offset : clock->wall(clock);
}

msec_t msec_add(msec_t a, msec_t b)
{
	a = a > 0 ? a : 0;
	b = b > 0 ? b : 0;
	return a > MSEC_NEVER - b ? MSEC_NEVER : a + b;
}

msec_t msec_grow_by_half(msec_t first, unsigned attempt, msec_t ceiling)
{
	msec_t wait = first;

	/* A wait under 2 ms has no half and would never reach the ceiling. */
	if (wait < 2)
		return wait < ceiling ? wait : ceiling;
	for (; attempt > 0 && wait < ceiling; attempt--)
		wait = msec_add(wait, wait / 2);
	return wait < ceiling ? wait : ceiling;
}

msec_t msec_double(msec_t first, unsigned attempt, msec_t ceiling)
{
	msec_t wait = first;

	for (; attempt > 0 && wait > 0 && wait < ceiling; attempt--)
		wait = msec_add(wait, wait);
	return wait < ceiling ? wait : ceiling;
}
