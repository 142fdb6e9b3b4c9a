/*
 * unprivileged - root as anybody else would be: the modes of files count for it.
 *
 * Only the rights that pass over modes are put down, so that the test's own places stay reachable.
 */
#pragma once

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define UNPRIVILEGED_BY (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH)

/* Of this thread. */
static inline void unprivileged_set(bool is_unprivileged)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	assert_return_code(syscall(SYS_capget, &header, data), 0);
	data[0].effective &= ~UNPRIVILEGED_BY;
	if (!is_unprivileged)
		data[0].effective |= data[0].permitted & UNPRIVILEGED_BY;
	assert_return_code(syscall(SYS_capset, &header, data), 0);
}
