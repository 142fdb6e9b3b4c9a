"""A real systemd as PID 1, in namespaces of its own on an overlay of this machine; see boot.sh for what it is made of."""

import os
import shutil
import signal
import subprocess
import tempfile

from .waiting import wait_for

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boot.sh")
NAMESPACES = ("--pid", "--mount", "--uts", "--ipc", "--cgroup")
UP_SECONDS = 60


def why_not():
    """Why it cannot be had here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("unshare", "nsenter", "systemd-sysusers", "/lib/systemd/systemd"):
        if not shutil.which(program):
            return f"needs {program}"
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "a"))
        probe = ("mount --make-rprivate / && mount -t tmpfs t {0}/a && mkdir {0}/a/u {0}/a/w {0}/a/r && "
                 "mount -t overlay -o lowerdir=/etc,upperdir={0}/a/u,workdir={0}/a/w t {0}/a/r && "
                 "mkdir {0}/a/c && mount -t cgroup2 c {0}/a/c").format(folder)
        tried = subprocess.run(["unshare", "--fork", "--kill-child", *NAMESPACES, "sh", "-c", probe],
                               capture_output=True, text=True)
    return None if tried.returncode == 0 else f"namespaces or overlays cannot be had: {tried.stderr.strip()}"


class Cgroup:
    """A control group for the whole boot, so that what systemd makes can be removed afterwards."""

    def __init__(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            rows = [line.split() for line in file]
        top = next(row[4] for row in rows if row[row.index("-") + 1] == "cgroup2")
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = next(line.strip()[3:] for line in file if line.startswith("0::"))
        owner = os.environ.get("GATECERT_GUARD", "nobody")  # hack/guard.py removes what was left to itself
        self.path = tempfile.mkdtemp(prefix=f"gatecert-boot.{owner}.", dir=os.path.join(top, own.lstrip("/")))

    def enter(self):
        with open(os.path.join(self.path, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write("0")

    def remove(self):
        """True once all is gone: killed processes take their time."""
        for folder, _, _ in os.walk(self.path, topdown=False):
            os.rmdir(folder)
        return True


class Boot:
    """boot = Boot(directory); files into boot.tree; boot.start(); boot.systemctl("is-active", "x.service")."""

    def __init__(self, directory):
        self.directory = os.fspath(directory)
        self.tree = os.path.join(self.directory, "tree")
        self.console = os.path.join(self.directory, "console")
        os.makedirs(self.tree)
        os.makedirs(os.path.join(self.directory, "work"))
        self.cgroup = self.process = self.pid = None

    def write(self, path, text, mode=0o644):
        """A file of the tree."""
        place = os.path.join(self.tree, path.lstrip("/"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(place, mode)

    def start(self, target):
        self.cgroup = Cgroup()
        os.chmod(self.tree, 0o755)  # it becomes the root directory
        with open(self.console, "ab") as console:
            self.process = subprocess.Popen(
                ["unshare", "--fork", "--kill-child", *NAMESPACES, SCRIPT, os.path.join(self.directory, "work"),
                 self.tree, target], stdin=subprocess.DEVNULL, stdout=console, stderr=console,
                preexec_fn=self.cgroup.enter, start_new_session=True)
        wait_for(self._is_up, UP_SECONDS, lambda: "systemd is up; its console:\n" + self.read_console())
        return self

    def _is_up(self):
        assert self.process.poll() is None, "it ended"
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            self.pid = int(file.read().split()[0])
        with open(f"/proc/{self.pid}/comm", encoding="ascii") as file:
            assert file.read().strip() == "systemd"
        return self.systemctl("show", "--property=Version").returncode == 0

    def read_console(self):
        with open(self.console, encoding="utf-8", errors="replace") as file:
            return file.read()[-8000:]

    def run(self, *command, timeout=60):
        """A command inside."""
        return subprocess.run(["nsenter", "-t", str(self.pid), "-p", "-m", "-u", "-i", "-C", "--", *command],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def systemctl(self, *args):
        return self.run("systemctl", "--no-pager", *args)

    def show(self, unit, *properties):
        """Properties of a unit as a dictionary."""
        said = self.systemctl("show", unit, *(f"--property={one}" for one in properties))
        assert said.returncode == 0, said.stderr
        return dict(line.split("=", 1) for line in said.stdout.splitlines())

    def stop(self):
        """Ends unshare, with which its PID 1 and everything below ends."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        wait_for(self.cgroup.remove, UP_SECONDS, "every process inside has ended")
