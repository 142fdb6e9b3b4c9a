"""What a running daemon holds, from outside: memory, descriptors, threads, files in its state."""

import os
import re
import subprocess

PRELOAD_SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mallinfo.c")
ALLOCATOR = ("used", "free", "taken", "mapped", "top")
COLUMNS = ("seconds", "rss_kb", "anonymous_kb", "private_kb", *(f"malloc_{name}_kb" for name in ALLOCATOR),
           "threads", "fds", "hostnames", "instances", "state_files", "issued")


def build_preload(directory):
    """Compiles mallinfo.c; its path, or None where there is no compiler."""
    path = os.path.join(directory, "mallinfo.so")
    made = subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-o", path, PRELOAD_SOURCE, "-lpthread"],
                          capture_output=True, text=True)
    return path if made.returncode == 0 else None


def _read(path):
    """Its text, or nothing: root alone may look into a process that may not be dumped."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def _kilobytes(text, *names):
    found = [re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE) for name in names]
    return sum(int(one[1]) for one in found) if all(found) else None


def rss_kb(pid):
    return _kilobytes(_read(f"/proc/{pid}/status"), "VmRSS")


def process(pid):
    status, rollup = _read(f"/proc/{pid}/status"), _read(f"/proc/{pid}/smaps_rollup")
    try:
        fds = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        fds = None
    return {"rss_kb": _kilobytes(status, "VmRSS"), "anonymous_kb": _kilobytes(status, "RssAnon"),
            "private_kb": _kilobytes(rollup, "Private_Clean", "Private_Dirty"),
            "threads": _kilobytes(status, "Threads"), "fds": fds}


def allocator(path):
    """What mallinfo.c wrote last."""
    words = _read(path).split()[:len(ALLOCATOR)]
    return {f"malloc_{name}_kb": int(word) // 1024 for name, word in zip(ALLOCATOR, words)}


def state(directory):
    """How many files of each kind the state directory has."""
    counts = {name: len(files) for name, _, files in os.walk(directory)}
    by_folder = {os.path.basename(name): count for name, count in counts.items()}
    return {"hostnames": by_folder.get("hostnames"), "instances": by_folder.get("instances"),
            "state_files": sum(counts.values())}


def slope(points):
    """Kilobytes per minute of (seconds, kilobytes): the median of the slopes between all pairs that lie at least a
    third of the time apart. One spike does not bend it."""
    points = [one for one in points if one[1] is not None]
    if len(points) < 6:
        return None
    points = points[::max(1, len(points) // 300)]
    apart = (points[-1][0] - points[0][0]) / 3
    slopes = sorted((y2 - y1) / (x2 - x1) * 60 for at, (x1, y1) in enumerate(points)
                    for x2, y2 in points[at + 1:] if x2 - x1 >= apart)
    return slopes[len(slopes) // 2] if slopes else None
