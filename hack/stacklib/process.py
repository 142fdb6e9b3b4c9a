"""Servers as processes: each in a session of its own, known by process id and start time.

A process id alone may belong to somebody else by now; with its start time, and within one boot, it may not.
Ending a server ends its whole session, so that children of a crashed server go too.
"""

import os
import signal
import subprocess
import time

from . import StackError

MARK = "GATECERT_STACK"
POLL_SECONDS = 0.02
STOP_SECONDS = 30
KILL_SECONDS = 30
REAP_SECONDS = 30
LOG_TAIL_BYTES = 3000

_children = {}


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def _stat(pid):
    """(state, session, start time) of a process, or None."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
    except (OSError, IndexError):
        return None
    return fields[0], int(fields[3]), int(fields[19])


def _reap():
    for child in _children.values():
        child.poll()


def is_alive(server):
    """The server's own process stands."""
    _reap()
    stat = _stat(server["pid"]) if server.get("pid") else None
    return stat is not None and stat[0] != "Z" and stat[2] == server["started"]


def members(server):
    """Process ids of the server's session."""
    pid = server.get("pid")
    if not pid:
        return []
    _reap()
    leader = _stat(pid)
    if leader is not None and leader[2] != server["started"]:
        return []
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        stat = _stat(name)
        if stat and stat[0] != "Z" and stat[1] == pid and stat[2] >= server["started"]:
            found.append(int(name))
    return found


def started_for(directory):
    """Servers of a stack whose record is gone, found by the mark that each carries in its environment."""
    mark = f"{MARK}={directory}".encode()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        stat = _stat(name)
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                is_ours = mark in file.read().split(b"\0")
        except OSError:
            continue
        if is_ours and stat and stat[0] != "Z" and stat[1] == int(name):
            found.append({"name": name, "pid": int(name), "started": stat[2]})
    return found


def start(server, pass_fds=()):
    """Starts server["argv"] with its log appended to; fills in pid and started."""
    env = {**os.environ, **server.get("env", {}), MARK: server["stack"]}
    with open(server["log"], "ab") as log:
        server["log_from"] = log.tell()
        try:
            child = subprocess.Popen(server["argv"], env=env, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=subprocess.STDOUT, cwd=server["cwd"], pass_fds=pass_fds,
                                     start_new_session=True)
        except OSError as error:
            raise StackError(f"{server['name']} did not start: {server['argv'][0]}: {error.strerror}") from error
    _children[child.pid] = child
    stat = _stat(child.pid)
    server["pid"] = child.pid
    server["started"] = stat[2] if stat else 0


def _signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _wait_gone(servers, seconds):
    deadline = time.monotonic() + seconds
    while True:
        left = [server for server in servers if members(server)]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(POLL_SECONDS)


def stop(servers):
    """Ends the sessions of all servers: asked first, then killed."""
    for server in servers:
        if is_alive(server):
            _signal([server["pid"]], signal.SIGTERM)
            _signal([server["pid"]], signal.SIGCONT)
    left = _wait_gone([server for server in servers if server.get("pid")], STOP_SECONDS)
    for server in left:
        _signal(members(server), signal.SIGKILL)
    stuck = _wait_gone(left, KILL_SECONDS)
    if stuck:
        raise StackError("still running after SIGKILL: " + ", ".join(
            f"{server['name']} {members(server)}" for server in stuck))
    for server in servers:
        server["pid"] = None


def _is_listed(server):
    stat = _stat(server["pid"]) if server.get("pid") else None
    return stat is not None and stat[2] == server["started"]


def stop_for_good(servers):
    """As stop, and waits until no list of processes shows them: until init has asked for their status."""
    ended = [dict(server) for server in servers]
    stop(servers)
    deadline = time.monotonic() + REAP_SECONDS
    for server in ended:
        while time.monotonic() < deadline and _is_listed(server):
            _reap()
            time.sleep(POLL_SECONDS)


def log_since_start(server):
    try:
        with open(server["log"], "rb") as log:
            log.seek(server.get("log_from", 0))
            return log.read().decode("utf-8", "replace")
    except OSError:
        return ""


def log_tail(server):
    text = log_since_start(server)[-LOG_TAIL_BYTES:].strip()
    return "\n".join("    " + line for line in text.splitlines()[-25:]) or "    (it wrote nothing)"


def exit_status(server):
    child = _children.get(server["pid"])
    return None if child is None else child.poll()
