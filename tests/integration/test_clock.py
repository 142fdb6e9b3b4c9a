"""A wall clock that was wrong: what it wrote down, and the moment in which it is set."""

import glob
import json
import os
import re
import subprocess

import pytest

from harness import BUILD, wait_for

STACK_FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1"]
LOOKS_SECONDS = 90

# A wall clock that is ahead by as many seconds as a file has bytes; and a loop whose minutes pass in two seconds.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *out)
{
	int (*real)(clockid_t, struct timespec *) =
		(int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(id, out);
	struct stat status;

	if (id == CLOCK_REALTIME && stat(getenv("SECONDS_AHEAD"), &status) == 0)
		out->tv_sec += status.st_size;
	return result;
}

int sd_event_source_set_time_relative(void *source, uint64_t usec)
{
	int (*real)(void *, uint64_t) =
		(int (*)(void *, uint64_t))dlsym(RTLD_NEXT, "sd_event_source_set_time_relative");

	return real(source, usec >= 60 * 1000000 ? usec / 30 : usec);
}
"""


def test_what_was_put_off_by_years_is_tried_after_a_start(stack, gatecertd, hostname):
    stack.dns.set_a(hostname, "192.0.2.99")
    gatecertd.wish(hostname)
    wait_for(lambda: gatecertd.api.condition(hostname, "DnsResolved")["status"] == "False")
    gatecertd.stop()
    path, = glob.glob(os.path.join(glob.escape(gatecertd.state_dir), "hostnames", f"*{hostname.split('.')[0]}*"))
    with open(path, encoding="utf-8") as file:
        state = json.load(file)
    state["status"]["nextAttemptTime"] = "2060-01-01T00:00:00.000Z"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(state, file)
    stack.dns.clear_a(hostname)
    gatecertd.start().wait_ready(hostname)


@pytest.mark.skipif("san-" in str(BUILD), reason="a sanitizer wants to be loaded first")
def test_a_clock_that_is_set_is_noticed(stack, daemon, tmp_path):
    library, ahead = tmp_path / "clock.so", tmp_path / "ahead"
    (tmp_path / "clock.c").write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c", "-ldl"], check=True)
    ahead.touch()
    gatecertd = daemon(stack, env={"LD_PRELOAD": str(library), "SECONDS_AHEAD": str(ahead)}).start()
    os.truncate(ahead, 2 * 3600)
    wait_for(lambda: re.search(r"the clock was set, looking at everything .*by_seconds=(7199|7200)$", gatecertd.log(),
                               re.MULTILINE), LOOKS_SECONDS)
