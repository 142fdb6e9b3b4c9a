/*
 * sweep - one scene, gone wrong at every single effect.
 *
 * What lies before an effect is the same in every run. Hence it is played once: at each effect the
 * process is copied, the copy meets the trouble and plays the scene to its end, and the original
 * waits for it and goes on without. The copy has files of its own under the same path.
 *
 * A scene calls sweep_start where trouble may begin, and sweep_end when its rig is freed: there a
 * copy ends. One sweep at a time.
 */
#pragma once

#include "sim/rig.h"

/* From the next effect on, at each. */
void sweep_start(struct rig *rig, enum trouble trouble);

/* The same with something else than a trouble, which happens between two effects: at the first-th
 * effect from now and at every stride-th behind it. */
struct sweep_steps {
	unsigned first, stride;
	void (*happens)(void *handle);
	void *handle;
};
void sweep_start_steps(struct rig *rig, const struct sweep_steps *steps);

/* One more, and no other behind it. */
void sweep_once_more(void);

/* The effect at which this copy met it, counted from the start of the sweep; in the original 0. */
unsigned sweep_effect(void);

/* A copy ends here, and well. For the original: how many effects there were. Fails when a copy
 * failed. */
unsigned sweep_end(void);
