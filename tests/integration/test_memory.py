"""What the daemon keeps of the memory that it once needed."""

import os
import re

import pytest

from harness import BUILD

STACK_FLAGS = ["--gateway-update-seconds", "1", "--azuresim", "rsaKeys=reuse"]

HEAP_BYTES = 64 * 1024 * 1024  # what glibc reserves for each heap of a thread, at a multiple of it


def thread_heaps(gatecertd):
    """How many heaps beside the main one its threads have."""
    with open(f"/proc/{gatecertd.process.pid}/maps", encoding="ascii") as file:
        found = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ 0\s*$", file.read(), re.MULTILINE)
    spans = [(int(begin, 16), int(end, 16), rights) for begin, end, rights in found]
    reserved = {end for _, end, rights in spans if rights == "---p"}
    return [begin for begin, _, rights in spans
            if rights == "rw-p" and begin % HEAP_BYTES == 0 and begin + HEAP_BYTES in reserved]


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone sees the memory of a process that may not be dumped")
@pytest.mark.skipif("san" in str(BUILD), reason="a sanitizer has an allocator of its own")
def test_workers_do_not_keep_a_heap_each(gatecertd, hostname):
    """Each would grow to what a pass needed at its most, and keep it."""
    names = [f"{number}-{hostname}" for number in range(16)]
    gatecertd.wish(*names)
    gatecertd.wait_ready(*names)
    assert len(thread_heaps(gatecertd)) <= 1
