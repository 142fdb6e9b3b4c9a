"""What keeps the daemon from starting, or from reloading, as systemd sees it. Needs no server."""

import os
import re
import signal
import socket
import subprocess
import time

import pytest

from harness import BUILD, wait_for
from harness.alone import SECONDS, Alone

CONFIGURATION = 78  # EX_CONFIG: RestartPreventExitStatus= of the unit


@pytest.fixture
def alone(tmp_path):
    one = Alone(tmp_path)
    one.specs.mkdir()
    yield one
    one.close()


def port(alone):
    return int(alone.config["Listen"].rpartition(":")[2])


def occupy(alone):
    return socket.create_server(("127.0.0.1", port(alone)))


# (sentence, what is done to it, the status, what it says)
STARTS = [
    ("no configuration", lambda alone: alone.config_path.unlink(), CONFIGURATION, "No such file"),
    ("no YAML", lambda alone: alone.config_path.write_text("{"), CONFIGURATION, r"gatecert\.yaml:2:1"),
    ("a key that nobody knows", lambda alone: alone.configure(Lisen="x"), CONFIGURATION, "did you mean Listen"),
    ("a key that is missing", lambda alone: alone.configure(TenantId=None), CONFIGURATION, "TenantId: required"),
    ("a file that is missing", lambda alone: alone.configure(CaFile="/nowhere"), CONFIGURATION, "CaFile: /nowhere"),
    ("a newer state", lambda alone: (alone.state / "version.json").write_text(
        '{"apiVersion": "gatecert/v9", "kind": "Versions"}'), CONFIGURATION, "version.json"),
    ("a state directory that cannot be written", lambda alone: (alone.state / "lock").mkdir(), 1, "lock"),
]


@pytest.mark.parametrize("spoil, status, says", [row[1:] for row in STARTS], ids=[row[0] for row in STARTS])
def test_the_status_says_whether_another_start_could_help(alone, spoil, status, says):
    spoil(alone)
    done = alone.run()
    assert done.returncode == status and re.search(says, done.stderr), done.stderr


def test_a_port_that_stays_taken_is_tried_ten_times_and_one_that_becomes_free_is_taken(alone):
    taken = occupy(alone)
    began = time.monotonic()
    assert alone.spawn().process.wait(SECONDS) == CONFIGURATION
    assert time.monotonic() - began >= 9
    assert re.search("WARN cannot start yet.*Address already in use", alone.log())
    assert re.search("ERROR cannot start .*tried 10 times.*Address already in use", alone.log())
    alone.spawn()
    wait_for(lambda: alone.log().count("cannot start yet") == 2, SECONDS)
    taken.close()
    wait_for(lambda: alone.api.get("/readyz").status == 200, SECONDS, alone.log)


def test_while_a_port_is_taken_it_can_be_stopped(alone):
    with occupy(alone):
        alone.spawn()
        wait_for(lambda: "cannot start yet" in alone.log(), SECONDS)
        alone.process.send_signal(signal.SIGTERM)
        assert alone.process.wait(SECONDS) == 0
    assert "asked to stop" in alone.log()


# --- reload ---


@pytest.fixture
def runtime(alone):
    """What systemd gives to the daemon and to ExecReload alike."""
    (alone.directory / "run").mkdir()
    return {"RUNTIME_DIRECTORY": str(alone.directory / "run"), "UnixSocket": "none"}


def ask(alone, runtime, **env):
    """As ExecReload of the unit."""
    return subprocess.run([str(BUILD / "gatecertd"), "--reload"], capture_output=True, text=True, timeout=SECONDS,
                          env=alone.environment(**{"MAINPID": str(alone.process.pid), **runtime, **env}), check=False)


def status_text(notify):
    """The last STATUS that systemd was told."""
    texts = []
    notify.setblocking(False)
    try:
        while True:
            texts += re.findall("^STATUS=(.*)$", notify.recv(4096).decode(), re.MULTILINE)
    except BlockingIOError:
        return texts[-1] if texts else None


def test_a_reload_fails_when_it_is_refused_and_says_why(alone, runtime):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(alone.directory / "notify"))
        alone.start(**runtime, NOTIFY_SOCKET=str(alone.directory / "notify"))
        assert (ask(alone, runtime).returncode, ask(alone, runtime).stderr) == (0, "")
        rows = [({"Workers": "many"}, r"gatecert\.yaml:\d+:\d+: Workers: expected a whole number"),
                ({"Workers": None, "Listen": "127.0.0.1:1"}, "Listen cannot change while running: restart gatecertd")]
        listen = alone.config["Listen"]
        for changes, says in rows:
            alone.configure(**changes)
            said = ask(alone, runtime)
            assert said.returncode == 1 and re.search(f"configuration not reloaded.*{says}", said.stderr), said.stderr
            assert re.search(f"configuration not reloaded \\(.*{says}.*\\); 0 hostnames", status_text(notify))
        alone.configure(Listen=listen)
        assert ask(alone, runtime).returncode == 0
        assert status_text(notify) == "0 hostnames: 0 ready, 0 not ready"


def test_reloads_that_meet_get_the_answer_to_what_stood_there_when_they_asked(alone, runtime):
    alone.start(**runtime)
    for workers, status in ((3, 0), ("many", 1), (4, 0)):
        alone.configure(Workers=workers)
        asking = [subprocess.Popen([str(BUILD / "gatecertd"), "--reload"], stderr=subprocess.DEVNULL,
                                   env=alone.environment(MAINPID=str(alone.process.pid), **runtime)) for _ in range(4)]
        assert [one.wait(SECONDS) for one in asking] == [status] * 4


def test_a_reload_of_nobody_fails(alone, runtime):
    alone.start(**runtime)
    for pid in ("", "x", "0", "1", "-1", "4294967297"):
        said = ask(alone, runtime, MAINPID=pid)
        assert said.returncode == 1 and "MAINPID names no process" in said.stderr
    alone.close()
    said = ask(alone, runtime)
    assert said.returncode == 1 and "cannot send SIGHUP" in said.stderr
    assert os.listdir(alone.directory / "run") == []
