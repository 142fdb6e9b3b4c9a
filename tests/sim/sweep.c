#include "sim/sweep.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/effects.h"
#include "sim/files.h"
#include "sim/scene.h"

static struct {
	struct rig *rig;
	struct sweep_steps steps;
	unsigned count, next, last; /* effects; the next to go wrong, and the last (0: none is) */
	unsigned effect;	    /* of this copy */
	bool failed;
} sweep;

/* Nobody catches the failed assertion of a copy: the runner is the original's. */
static void become_copy(void)
{
	sweep.effect = sweep.count;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || setenv("CMOCKA_TEST_ABORT", "1", 1) != 0)
		abort();
	if (sweep.steps.happens)
		sweep.steps.happens(sweep.steps.handle);
}

static void await_copy(pid_t copy)
{
	int status;

	if (waitpid(copy, &status, 0) != copy)
		abort();
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "it failed at effect %u of the sweep\n", sweep.count);
		sweep.failed = true;
	}
}

/* True in the copy. */
static bool copy_process(void)
{
	const char *directory = rig_directory(sweep.rig);
	char kept[80];
	pid_t copy;

	(void)snprintf(kept, sizeof(kept), "%s.kept", directory);
	/* The copy's are the new ones: the lock is on the old. */
	if (rename(directory, kept) != 0)
		abort();
	files_copy(kept, directory);
	(void)fflush(NULL);
	copy = fork();
	if (copy == -1)
		abort();
	if (copy == 0) {
		become_copy();
		return true;
	}
	await_copy(copy);
	files_remove(directory);
	if (rename(kept, directory) != 0)
		abort();
	return false;
}

static bool goes_wrong(void *handle)
{
	(void)handle;
	sweep.count++;
	if (sweep.failed || sweep.count != sweep.next || (sweep.last && sweep.count > sweep.last))
		return false;
	sweep.next += sweep.steps.stride;
	return copy_process();
}

static void begin(struct rig *rig, enum trouble trouble, const struct sweep_steps *steps)
{
	struct effects *effects = rig_troubles(rig);

	memset(&sweep, 0, sizeof(sweep));
	sweep.rig = rig;
	sweep.steps = *steps;
	sweep.next = steps->first;
	effects->trouble = trouble;
	effects->happened = false;
	effects->goes_wrong = trouble == TROUBLE_NONE && !steps->happens ? NULL : goes_wrong;
}

void sweep_start(struct rig *rig, enum trouble trouble)
{
	begin(rig, trouble, &(struct sweep_steps){.first = 1, .stride = 1});
}

void sweep_start_steps(struct rig *rig, const struct sweep_steps *steps)
{
	begin(rig, TROUBLE_NONE, steps);
}

void sweep_once_more(void)
{
	sweep.last = sweep.next;
}

unsigned sweep_effect(void)
{
	return sweep.effect;
}

unsigned sweep_end(void)
{
	if (sweep.effect)
		_exit(0);
	if (sweep.failed)
		fail();
	return sweep.count;
}
