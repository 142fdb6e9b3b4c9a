"""gatecertd under systemd: the notify protocol, the unit's text, and a real systemd as PID 1."""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time

import pytest
import yaml

from harness import CHECKOUT, Api, wait_for
from harness.boot import Boot, why_not
from harness.installing import install, sanitizers

STACK_FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1"]

UNIT = "gatecertd.service"
STOP_SECONDS = 30  # on a machine that is busy with other tests, and yet far less than what hangs
EXPOSURE = 11  # tenths; systemd-analyze security says 1.1


# --- a notify socket in the test ---


class Notify:
    """What systemd would be told, oldest first: (monotonic seconds, {field: value})."""

    def __init__(self, path):
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.told = []

    def read(self):
        while select.select([self.socket], [], [], 0)[0]:
            text = self.socket.recv(4096).decode("utf-8")
            self.told.append((time.monotonic(), dict(line.split("=", 1) for line in text.splitlines())))
        return self.told

    def fields(self, name):
        """Every value of one field so far."""
        return [told[name] for _, told in self.read() if name in told]

    def forget(self):
        self.read()
        self.told.clear()

    def wait(self, name, value=None, deadline=30):
        """Waits until a field was told, with a value that the expression matches."""
        def found():
            return [one for one in self.fields(name) if value is None or re.fullmatch(value, one)]
        return wait_for(found, deadline, lambda: f"{name}={value or ''} is told; so far {self.told}")[-1]


@pytest.fixture
def notify():
    with tempfile.TemporaryDirectory(prefix="gatecert-") as directory:
        one = Notify(os.path.join(directory, "notify"))
        yield one
        one.socket.close()


@pytest.fixture
def supervised(daemon, notify):
    """A daemon whose NOTIFY_SOCKET is ours; not started."""
    def make(**options):
        env = {"NOTIFY_SOCKET": notify.path, **options.pop("env", {})}
        return daemon(env=env, **options)
    return make


def test_ready_is_told_once_specs_are_loaded_and_the_api_listens(supervised, notify, hostname):
    one = supervised()
    one.wish(hostname)
    # A file so young that it may still be written is looked at twice.
    os.utime(os.path.join(one.spec_dir, f"{hostname}.yaml"), (1, 1))
    one.spawn()
    notify.wait("READY", "1")
    body = one.api.get("/readyz")
    assert body.status == 200
    assert body.json()["specs"]["hostnames"] == 1
    assert one.api.hostname(hostname) is not None


def test_nothing_is_told_before_a_configuration_that_cannot_be_used(supervised, notify):
    one = supervised(config={"Workers": "many"})
    one.spawn()
    assert one.wait() == 78
    assert notify.read() == []


def test_status_counts_the_hostnames_by_readiness(supervised, notify, hostname, stack):
    stack.dns.set_a(f"not-{hostname}", "192.0.2.1")
    one = supervised().start()
    one.wish(hostname, f"not-{hostname}")
    notify.wait("STATUS", "2 hostnames: 1 ready, 1 not ready", deadline=60)


def test_the_watchdog_is_fed_three_times_per_interval(supervised, notify):
    supervised(env={"WATCHDOG_USEC": "4500000"}).start()
    notify.forget()
    wait_for(lambda: len(notify.fields("WATCHDOG")) >= 4, 60, lambda: f"it is fed; so far {notify.told}")
    at = [when for when, told in notify.told if "WATCHDOG" in told]
    assert at[3] - at[0] < 6.5  # twice per interval would be 6.75


def test_the_watchdog_of_another_process_is_not_fed(supervised, notify):
    one = supervised(env={"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}).start()
    one.reload()
    notify.wait("RELOADING")
    assert notify.fields("WATCHDOG") == []


def test_a_reload_is_told_from_its_beginning_to_its_end(supervised, notify):
    one = supervised().start()
    notify.wait("READY")
    notify.forget()
    before = time.monotonic_ns() // 1000
    one.reload()
    notify.wait("READY", "1")
    fields = [name for _, told in notify.told for name in told if name in ("RELOADING", "READY")]
    assert fields == ["RELOADING", "READY"]
    assert before <= int(notify.fields("MONOTONIC_USEC")[0]) <= time.monotonic_ns() // 1000


def test_a_reload_of_a_bad_configuration_ends_as_ready_and_says_so_in_the_log(supervised, notify):
    one = supervised().start()
    notify.wait("READY")
    notify.forget()
    one.configure(Workers="many")
    one.reload()
    notify.wait("READY", "1")
    wait_for(lambda: "configuration not reloaded" in one.log(), 60)
    assert one.api.get("/readyz").status == 200
    one.configure(Workers=None)


# (what is in flight, its method, its path)
IN_FLIGHT = [
    ("a sign-in", "POST", r"/oauth2/v2\.0/token"),
    ("a read of the gateway", "GET", r"/applicationGateways/"),
    ("an update of the gateway", "PUT", r"/applicationGateways/"),
    ("a read of the vault", "GET", r"^/certificates/"),
    ("a certificate that is made in the vault", "POST", r"^/certificates/[^/]*/create"),
    ("a signature by the vault", "POST", r"^/keys/.*/sign"),
]


@pytest.mark.parametrize("method, path", [row[1:] for row in IN_FLIGHT], ids=[row[0] for row in IN_FLIGHT])
def test_sigterm_ends_it_with_status_0_in_time_while_azure_does_not_answer(supervised, notify, stack, hostname, method,
                                                                           path):
    one = supervised()
    one.wish(hostname)
    fault = stack.sim.fault(method, path, {"delayMs": 60000}, times=-1)
    try:
        one.start()
        wait_for(lambda: is_hit(stack, fault), 30, lambda: f"{method} {path} is asked; the log ends:\n" + one.log_tail())
        begun = time.monotonic()
        one.stop()
        assert time.monotonic() - begun < STOP_SECONDS
        assert notify.fields("STOPPING") == ["1"]
    finally:
        stack.sim.clear_faults()


def is_hit(stack, fault):
    """Whether a request has met the fault, and waits in it."""
    faults = Api(stack.sim_admin).get("/faults").json()
    return next(one for one in faults if one["id"] == fault)["hits"] > 0


def test_sigterm_ends_it_in_time_while_the_ca_does_not_answer(supervised, notify, stack, hostname):
    one = supervised().start()
    stack.signal("pebble", "STOP")
    try:
        one.wish(hostname)
        wait_for(lambda: (one.api.hostname(hostname) or {}).get("status", {}).get("step") == "GetAcmeOrderStep", 30)
        begun = time.monotonic()
        one.stop()
        assert time.monotonic() - begun < STOP_SECONDS
    finally:
        stack.signal("pebble", "CONT")


def test_sigterm_ends_it_in_time_with_a_client_that_never_finishes_its_request(supervised, stack):
    one = supervised().start()
    port = int(stack.api_url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as slow:
        slow.sendall(b"POST /api/AddCertificateFunctions_HttpStart HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        begun = time.monotonic()
        one.stop()
        assert time.monotonic() - begun < STOP_SECONDS


# --- the socket that systemd gives a place ---


@pytest.fixture
def runtime():
    """Short, as paths of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="gatecert-") as directory:
        yield directory


def ask(path, *args, target="/apis/gatecert/v1/hostnames"):
    """Status over a socket, without a key; 0 when nobody answers."""
    said = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20", "--unix-socket",
                           path, *args, f"http://localhost{target}"], capture_output=True, text=True, timeout=60)
    return int(said.stdout)


def test_where_systemd_makes_a_directory_the_api_has_a_socket_that_needs_no_key(supervised, notify, runtime):
    path = os.path.join(runtime, "api.sock")
    one = supervised(env={"RUNTIME_DIRECTORY": runtime}).start()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    assert ask(path) == 200
    inode = os.stat(path).st_ino
    notify.forget()
    one.reload()
    notify.wait("READY", "1")
    wait_for(lambda: "configuration reloaded" in one.log(), 60, one.log_tail)
    assert (ask(path), os.stat(path).st_ino) == (200, inode)
    one.kill()
    assert (os.path.exists(path), ask(path)) == (True, 0)
    one.start()
    assert ask(path) == 200
    one.stop()
    assert not os.path.exists(path)


def test_without_such_a_directory_there_is_none_and_the_configuration_has_the_last_word(supervised, runtime, stack):
    path = os.path.join(runtime, "elsewhere.sock")
    supervised().start().stop()
    assert os.listdir(runtime) == []
    supervised(env={"RUNTIME_DIRECTORY": runtime}, config={"UnixSocket": "none"}).start().stop()
    one = supervised(env={"RUNTIME_DIRECTORY": runtime}, config={"UnixSocket": path}).start()
    assert os.listdir(runtime) == ["elsewhere.sock"]
    assert ask(path) == 200
    one.stop()


def test_a_second_daemon_in_one_directory_goes_without_and_says_so(supervised, runtime, stack):
    path = os.path.join(runtime, "api.sock")
    first = supervised(env={"RUNTIME_DIRECTORY": runtime}).start()
    port = first.config["Listen"].rpartition(":")[2]
    second = supervised(env={"RUNTIME_DIRECTORY": runtime}, config={"Listen": f"127.0.0.2:{port}"})
    second.api = Api(f"http://127.0.0.2:{port}", stack.api_key)
    second.start()
    assert re.search(r"WARN the API is served without a socket.*another process serves it", second.log())
    second.stop()
    assert ask(path) == 200
    first.stop()
    assert not os.path.exists(path)


def test_a_directory_that_cannot_hold_one_keeps_no_daemon_from_starting(supervised, runtime):
    for place in (os.path.join(runtime, "missing"), os.path.join(runtime, "x" * 120)):
        one = supervised(env={"RUNTIME_DIRECTORY": place}).start()
        assert "the API is served without a socket" in one.log()
        one.stop()


# --- the unit's text ---


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """make install into a directory."""
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture
def unit_file(installed, tmp_path):
    """The installed unit with a program that is there."""
    text = (installed / "usr/lib/systemd/system" / UNIT).read_text()
    path = tmp_path / UNIT
    path.write_text(text.replace("/usr/sbin/gatecertd", f"{installed}/usr/sbin/gatecertd"))
    return path


def verify(unit):
    """What systemd-analyze says. Whether there is a man page for it to see is another test's question."""
    return subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)


def test_systemd_finds_nothing_to_say_about_the_unit(unit_file):
    said = verify(unit_file)
    assert (said.returncode, said.stderr, said.stdout) == (0, "", "")


def test_systemd_finds_nothing_to_say_about_the_drop_in_of_the_readme(unit_file):
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```ini\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    unit_file.write_text(unit_file.read_text() + "\n" + blocks[0])
    said = verify(unit_file)
    assert (said.returncode, said.stderr, said.stdout) == (0, "", "")


def test_systemd_would_have_said_something_about_a_wrong_key(unit_file):
    unit_file.write_text(unit_file.read_text() + "\n[Service]\nProtectEverything=yes\n")
    assert "ProtectEverything" in verify(unit_file).stderr


def test_the_sandbox_stays_as_tight_as_it_is(unit_file):
    said = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}",
                           str(unit_file)], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout.splitlines()[-1]


# --- a real systemd ---


class Machine:
    """A booted systemd with gatecertd installed, and the stack's configuration in /etc."""

    def __init__(self, directory, installed, stack, dropin):
        self.boot = Boot(directory)
        shutil.copytree(installed, self.boot.tree, symlinks=True, dirs_exist_ok=True)
        shutil.copy(stack.acme_ca_file, os.path.join(self.boot.tree, "etc/gatecert/ca.pem"))
        os.chmod(os.path.join(self.boot.tree, "etc/gatecert/ca.pem"), 0o644)
        config = stack.configuration()
        for key in ("SpecDirectory", "StateDirectory"):
            del config[key]
        config["CaFile"] = "/etc/gatecert/ca.pem"
        self.boot.write("/etc/gatecert/gatecert.yaml", yaml.safe_dump(config), 0o640)
        # A bare target: no sysinit.target to wait for, and no journal.
        self.boot.write(f"/etc/systemd/system/{UNIT}.d/test.conf",
                        "[Unit]\nDefaultDependencies=no\nWants=\nAfter=\n[Service]\n"
                        "StandardOutput=append:/run/gatecertd.log\nStandardError=append:/run/gatecertd.log\n" + dropin)
        self.boot.write("/etc/systemd/system/gatecert-test.target",
                        f"[Unit]\nDefaultDependencies=no\nWants={UNIT}\n")
        self.api = Api(stack.api_url, stack.api_key)

    def start(self):
        self.boot.start("gatecert-test.target")
        wait_for(lambda: self.state() == ("active", "running"), 60, lambda: (
            f"{UNIT} is running; {self.boot.systemctl('status', UNIT).stdout}\n{self.log()}\n"
            + self.boot.read_console()))
        return self

    def state(self):
        said = self.boot.show(UNIT, "ActiveState", "SubState")
        return said["ActiveState"], said["SubState"]

    def main_pid(self):
        return self.boot.show(UNIT, "MainPID")["MainPID"]

    def kill(self, signal_name):
        done = self.boot.run("sh", "-c", f"kill -{signal_name} {self.main_pid()}")  # not every machine has /bin/kill
        assert done.returncode == 0, done.stderr

    def log(self):
        return self.boot.run("cat", "/run/gatecertd.log").stdout[-8000:]

    def drop(self, name, text):
        """As a member of the group would."""
        done = self.boot.run("sh", "-c", 'printf %s "$2" >"/etc/gatecert/hostnames.d/.$1" && '
                             'mv "/etc/gatecert/hostnames.d/.$1" "/etc/gatecert/hostnames.d/$1"', "sh", name, text)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def machine(stack, installed, tmp_path):
    why = "a sanitizer does not live in the unit's sandbox" if sanitizers() else why_not()
    if why:
        pytest.skip(f"no systemd of our own as PID 1: {why}")
    with contextlib.ExitStack() as ends:

        def make(dropin=""):
            one = Machine(tmp_path / "boot", installed, stack, dropin)
            ends.callback(one.boot.stop)
            return one.start()

        yield make


def test_under_systemd_a_dropped_and_a_posted_hostname_are_served(machine, stack, hostname):
    one = machine()
    one.drop("site.yaml", f"hostnames: [{hostname}]\n")
    one.api.add_certificates(f"posted-{hostname}")
    for name in (hostname, f"posted-{hostname}"):
        wait_for(lambda name=name: one.api.is_ready(name), 60, lambda: one.log())
        assert stack.fetch_https(name).names == [name]
    status = one.boot.show(UNIT, "StatusText", "User", "Result")
    wait_for(lambda: one.boot.show(UNIT, "StatusText")["StatusText"] == "2 hostnames: 2 ready, 0 not ready", 60)
    assert (status["User"], status["Result"]) == ("gatecert", "success")
    owner = one.boot.run("stat", "-c", "%U %a", "/var/lib/gatecert", "/var/lib/private",
                         f"/etc/gatecert/hostnames.d/api.d/posted-{hostname}.json").stdout.split("\n")
    assert owner[0] == "gatecert 700"
    assert any(line.startswith("gatecert ") for line in owner[1:])


def test_under_systemd_the_process_has_no_rights_to_lose(machine):
    one = machine()
    status = dict(line.split(":\t", 1) for line in one.boot.run("cat", f"/proc/{one.main_pid()}/status").stdout.splitlines()
                  if ":\t" in line)
    assert {name: status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")} == {
        "CapPrm": "0" * 16, "CapEff": "0" * 16, "CapBnd": "0" * 16, "CapAmb": "0" * 16, "NoNewPrivs": "1",
        "Seccomp": "2"}
    limits = one.boot.run("cat", f"/proc/{one.main_pid()}/limits").stdout
    assert re.search(r"Max core file size +0 +0 ", limits)


def test_under_systemd_a_reload_keeps_the_process_and_takes_the_new_configuration(machine, stack):
    one = machine()
    pid = one.main_pid()
    changed = one.boot.run("sed", "-i", "$ a LogLevel: debug", "/etc/gatecert/gatecert.yaml")
    assert changed.returncode == 0, changed.stderr
    done = one.boot.systemctl("reload", UNIT)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: "configuration reloaded" in one.log(), 60, one.log)
    wait_for(lambda: one.state() == ("active", "running"), 60)
    assert one.main_pid() == pid


def test_under_systemd_a_configuration_that_cannot_be_used_fails_the_reload_and_then_the_unit(machine):
    one = machine("RestartSec=100ms\n")
    pid = one.main_pid()
    assert one.boot.run("sed", "-i", "$ a Workers: many", "/etc/gatecert/gatecert.yaml").returncode == 0
    assert one.boot.systemctl("reload", UNIT).returncode != 0
    assert re.search(r"^gatecertd: configuration not reloaded.*gatecert\.yaml:\d+:\d+: Workers", one.log(), re.MULTILINE)
    assert (one.state(), one.main_pid()) == (("active", "running"), pid)
    assert "Workers" in one.boot.show(UNIT, "StatusText")["StatusText"]
    assert one.boot.systemctl("restart", UNIT).returncode != 0
    wait_for(lambda: one.state() == ("failed", "failed"), 30, lambda: one.boot.systemctl("status", UNIT).stdout)
    said = one.boot.show(UNIT, "Result", "ExecMainStatus", "NRestarts")
    assert said == {"Result": "exit-code", "ExecMainStatus": "78", "NRestarts": "0"}


def test_under_systemd_a_daemon_that_hangs_is_killed_by_the_watchdog_and_started_again(machine):
    one = machine("WatchdogSec=5s\nRestartSec=200ms\n"
                  "ExecStopPost=+/bin/sh -c 'echo $SERVICE_RESULT >>/run/results'\n")
    pid = one.main_pid()
    one.kill("STOP")
    wait_for(lambda: one.boot.show(UNIT, "NRestarts")["NRestarts"] == "1" and one.state() == ("active", "running"), 60,
             lambda: one.boot.systemctl("status", UNIT).stdout + one.boot.read_console())
    assert one.main_pid() != pid
    assert one.boot.run("cat", "/run/results").stdout == "watchdog\n"


def test_under_systemd_a_killed_daemon_is_started_again_without_being_given_up(machine):
    one = machine("RestartSec=50ms\n")
    for times in range(1, 8):
        one.kill("KILL")
        wait_for(lambda: one.boot.show(UNIT, "NRestarts")["NRestarts"] == str(times)
                 and one.state() == ("active", "running"), 60, lambda: one.boot.systemctl("status", UNIT).stdout)


README_SOCKET = re.search(r"^curl .*--unix-socket (\S+) .*$", (CHECKOUT / "README.md").read_text(encoding="utf-8"),
                          re.MULTILINE)

# (who, as setpriv says it, the status of a request without a key; 0: cannot even connect)
LOCAL = [
    ("root", [], 200),
    ("the daemon's user", ["--reuid=gatecert", "--regid=gatecert", "--clear-groups"], 200),
    ("whose own group it is", ["--reuid=games", "--regid=gatecert", "--clear-groups"], 200),
    ("a member of the group", ["--reuid=games", "--regid=games", "--init-groups"], 200),
    ("anybody else", ["--reuid=nobody", "--regid=nogroup", "--clear-groups"], 0),
]


def test_under_systemd_the_api_has_a_socket_for_root_and_the_group(machine):
    one = machine()
    command, path = README_SOCKET[0], README_SOCKET[1]
    assert path == "/run/gatecert/api.sock"
    said = one.boot.run("sh", "-c", command)
    assert (said.returncode, yaml.safe_load(said.stdout)["kind"]) == (0, "HostnameList"), said.stderr
    assert one.boot.run("stat", "-c", "%U %G %a %F", path, "/run/gatecert").stdout.splitlines() == [
        "gatecert gatecert 660 socket", "gatecert gatecert 750 directory"]
    assert one.boot.run("usermod", "-aG", "gatecert", "games").returncode == 0
    got = {}
    for who, privileges, _ in LOCAL:
        said = one.boot.run("setpriv", *privileges, "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}",
                            "--unix-socket", path, "http://localhost/apis/gatecert/v1/hostnames")
        got[who] = int(said.stdout or -1), said.stderr
    assert {who: status for who, (status, _) in got.items()} == {who: status for who, _, status in LOCAL}, got
    assert one.boot.systemctl("reload", UNIT).returncode == 0
    wait_for(lambda: "configuration reloaded" in one.log(), 60, one.log)
    assert one.boot.run("sh", "-c", command).returncode == 0
    one.kill("KILL")
    wait_for(lambda: one.boot.run("sh", "-c", command).returncode == 0, 60, one.log)
    assert one.boot.systemctl("stop", UNIT).returncode == 0
    assert one.boot.run("test", "-e", path).returncode == 1


def test_under_systemd_there_is_no_socket_when_the_configuration_says_none(machine):
    one = machine("Environment=UnixSocket=none\n")
    assert one.boot.run("ls", "-A", "/run/gatecert").stdout == ""
    assert one.api.get("/readyz").status == 200


def test_under_systemd_a_stop_is_clean_and_quick(machine, hostname):
    one = machine()
    one.drop("site.yaml", f"hostnames: [{hostname}]\n")
    wait_for(lambda: one.api.hostname(hostname), 60)
    begun = time.monotonic()
    assert one.boot.systemctl("stop", UNIT).returncode == 0
    assert time.monotonic() - begun < STOP_SECONDS
    said = one.boot.show(UNIT, "Result", "ExecMainStatus", "ActiveState")
    assert said == {"Result": "success", "ExecMainStatus": "0", "ActiveState": "inactive"}
    assert one.boot.run("test", "-e", "/var/lib/gatecert").returncode == 0


def test_under_systemd_the_daemon_can_write_nothing_but_its_own(machine):
    """Seen from its mount namespace, as root."""
    one = machine()
    def mounted(path):
        line = one.boot.run("findmnt", "--task", one.main_pid(), "-no", "VFS-OPTIONS", "-T", path)
        return line.stdout.split(",")[0].strip()
    assert {path: mounted(path) for path in ("/etc", "/usr", "/var/lib", "/var/lib/gatecert",
                                             "/etc/gatecert/hostnames.d")} == {
        "/etc": "ro", "/usr": "ro", "/var/lib": "ro", "/var/lib/gatecert": "rw", "/etc/gatecert/hostnames.d": "rw"}
