"""guard - whatever ends a suite, nothing of it stays: no process, no directory, no control group.

Two processes watch each suite, and both are subreapers: an orphan of the suite comes to them instead of to init, so
that they find all of it by going down the tree, whatever session it is in. The outer one is hack/run-test, the inner
one its child. Each ends everything when the other was killed. Where both were killed at once, the next run finds what
is left (sweep): directories carry the process id and start time of their owner in their name, processes its mark.
"""

import ctypes
import os
import re
import shutil
import signal
import tempfile
import time

MARK = "GATECERT_GUARD"
SHM = "/dev/shm"
DISK = tempfile.gettempdir()  # before a suite has its own
OWNED = re.compile(r"gatecert-(?:suite|boot)\.(\d+\.\d+\.\d+)\.")
ENDING_SECONDS = 10
POLL_SECONDS = 0.01

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper():
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with(parent, number=signal.SIGTERM):
    """This process gets the signal when its parent ends; for the child, which may come too late."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def end_once(*_):
    """Handles SIGINT and SIGTERM: the first one ends, those after it do not disturb what is done at the end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _stat(pid):
    """(state, parent, start time), or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return (fields[0], int(fields[1]), int(fields[19])) if fields else None


def _processes():
    return {int(name): stat for name in os.listdir("/proc") if name.isdigit() and (stat := _stat(name))}


def descendants(top):
    """Process ids below `top`; those that only wait to be reaped are not counted."""
    children = {}
    stats = _processes()
    for pid, (_, parent, _) in stats.items():
        children.setdefault(parent, []).append(pid)
    found, front = [], [top]
    while front:
        front = [child for pid in front for child in children.get(pid, ())]
        found += front
    return [pid for pid in found if stats[pid][0] != "Z"]


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def reap():
    """Asks for the status of every child that has ended: {pid: status}."""
    ended = {}
    try:
        while (got := os.waitpid(-1, os.WNOHANG))[0]:
            ended[got[0]] = got[1]
    except ChildProcessError:
        pass
    return ended


def end_all(spare=()):
    """Kills everything below this process, until nothing is left but what is below a process in `spare`."""
    ended = {}
    deadline = time.monotonic() + ENDING_SECONDS
    while time.monotonic() < deadline:
        kept = set(spare).union(*map(descendants, spare))
        left = [pid for pid in descendants(os.getpid()) if pid not in kept]
        for pid in left:
            kill(pid, signal.SIGKILL)
        ended.update(reap())
        if not left:
            break
        time.sleep(POLL_SECONDS)
    return ended


def identity():
    """Of this process: where process ids are counted, its id, its start time."""
    return f"{_namespace()}.{os.getpid()}.{_stat(os.getpid())[2]}"


def _namespace():
    return os.stat("/proc/self/ns/pid").st_ino


def _is_gone(owner):
    """Certainly: an owner of another namespace may well be there."""
    namespace, pid, started = map(int, owner.split("."))
    stat = _stat(pid)
    return namespace == _namespace() and (stat is None or stat[2] != started or stat[0] == "Z")


def make_directories(owner):
    """Where a suite keeps its files: (on the disk, in memory); short, as paths of sockets must be."""
    made = []
    for folder in (DISK, SHM if os.access(SHM, os.W_OK) else DISK):
        made.append(tempfile.mkdtemp(prefix=f"gatecert-suite.{owner}.", dir=folder))
        os.chmod(made[-1], 0o711)  # as open to other users as what stands above it
    return made


def _control_group():
    """The control group of this process, or None."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            rows = [line.split() for line in file]
        top = next(row[4] for row in rows if row[row.index("-") + 1] == "cgroup2")
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = next(line.strip()[3:] for line in file if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    return os.path.join(top, own.lstrip("/"))


def _remove(path):
    """A directory with all that is in it, or a control group with all that runs in it."""
    if not os.path.exists(os.path.join(path, "cgroup.kill")):
        shutil.rmtree(path, ignore_errors=True)
        return
    with open(os.path.join(path, "cgroup.kill"), "w", encoding="ascii") as file:
        file.write("1")
    deadline = time.monotonic() + ENDING_SECONDS
    while os.path.exists(path) and time.monotonic() < deadline:
        try:
            for folder, _, _ in os.walk(path, topdown=False):
                os.rmdir(folder)
        except OSError:
            time.sleep(POLL_SECONDS)


def remove_directories(is_due):
    """Removes the directories and control groups whose owner is_due()."""
    for folder in filter(None, {DISK, SHM, _control_group()}):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            owned = OWNED.match(name)
            if owned and is_due(owned[1]):
                _remove(os.path.join(folder, name))


def sweep():
    """Ends and removes what belongs to guards that are no more."""
    for pid in _processes():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                mark = re.search(rb"(?:^|\0)" + MARK.encode() + rb"=(\d+\.\d+\.\d+)\0", file.read())
        except OSError:
            continue
        if mark and _is_gone(mark[1].decode()):
            kill(pid, signal.SIGKILL)
    remove_directories(_is_gone)
