"""However the daemon ends, a line says why. Needs no server: the daemon starts without any."""

import os
import re
import resource
import signal
import socket
import subprocess

import pytest
import yaml

from harness import BUILD, wait_for

GATECERTD = str(BUILD / "gatecertd")
IS_SANITIZED = "san-" in str(BUILD)
ENDS_SECONDS = 60

# Calls that fail with the errno that stands in a file, once it is there.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

static int fails(const char *call)
{
	FILE *file = getenv(call) ? fopen(getenv(call), "r") : NULL;
	int number = 0;

	if (file && fscanf(file, "%d", &number) != 1)
		number = 0;
	if (file)
		fclose(file);
	return number;
}

/* libsystemd waits without end, libmicrohttpd not at all. */
int epoll_wait(int fd, struct epoll_event *events, int max, int wait)
{
	int (*real)(int, struct epoll_event *, int, int) =
		(int (*)(int, struct epoll_event *, int, int))dlsym(RTLD_NEXT, "epoll_wait");

	errno = wait < 0 ? fails("EPOLL_FAILS") : 0;
	return errno ? -1 : real(fd, events, max, wait);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *handle)
{
	int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
		(int (*)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))
			dlsym(RTLD_NEXT, "pthread_create");
	int number = fails("THREADS_FAIL");

	return number ? number : real(thread, attributes, run, handle);
}
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shim")
    (directory / "shim.c").write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", directory / "shim.so", directory / "shim.c", "-ldl"], check=True)
    return directory / "shim.so"


class Daemon:
    """One that is alone: nothing it is configured for answers."""

    def __init__(self, directory):
        self.directory = directory
        self.log_path = directory / "log"
        self.process = None
        (directory / "specs").mkdir()
        (directory / "state").mkdir(mode=0o700)
        # Held bound, without listening: the port stays ours until the test ends.
        self.held = socket.socket()
        self.held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.held.bind(("127.0.0.1", 0))
        nobody = "https://127.0.0.1:9"
        self.config = {
            "AcmeEndpoint": f"{nobody}/directory", "AcmeAccountEmail": "ops@example.com",
            "TenantId": "00000000-0000-0000-0000-000000000001", "SubscriptionId": "00000000-0000-0000-0000-000000000002",
            "ApplicationGatewayResourceGroup": "web", "ApplicationGatewayName": "gateway",
            "ApplicationGatewayHttpSettingsName": "settings", "ApplicationGatewayBackendName": "pool",
            "BlobContainerUrl": f"{nobody}/account/container", "KeyVaultBaseUrl": nobody, "ArmEndpoint": nobody,
            "SpecDirectory": str(directory / "specs"), "StateDirectory": str(directory / "state"),
            "Listen": f"127.0.0.1:{self.held.getsockname()[1]}", "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000003",
            "AZURE_CLIENT_SECRET": "not-for-the-log",
        }
        self.write()

    def write(self, **changes):
        self.config.update(changes)
        path = self.directory / "gatecert.yaml"
        path.write_text(yaml.safe_dump(self.config))
        path.chmod(0o600)
        return path

    def start(self, env=None, before=None):
        self.log_path.write_bytes(b"")
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith("AZURE_") and name not in ("NOTIFY_SOCKET", "JOURNAL_STREAM", *self.config)}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([GATECERTD, "--config", self.directory / "gatecert.yaml"], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, env={**inherited, **(env or {})},
                                            preexec_fn=before, start_new_session=True)
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self):
        wait_for(lambda: " INFO ready " in self.log() or self.process.poll() is not None, ENDS_SECONDS)
        return self.process.poll() is None

    def wait(self):
        status = self.process.wait(ENDS_SECONDS)
        assert "not-for-the-log" not in self.log()
        return status


@pytest.fixture
def alone(tmp_path):
    daemon = Daemon(tmp_path)
    yield daemon
    if daemon.process and daemon.process.poll() is None:
        daemon.process.kill()
        daemon.process.wait()
    daemon.held.close()


def limit(kind, value):
    return lambda: resource.setrlimit(kind, (value, value))


# --- it cannot start ---

CANNOT_START = [
    ("no configuration", lambda alone: (alone.directory / "gatecert.yaml").unlink(), "No such file"),
    ("a configuration that is none", lambda alone: (alone.directory / "gatecert.yaml").write_text("{"), "gatecert.yaml:2:1: did not find"),
    ("a key that nobody knows", lambda alone: alone.write(Listen="x"), "Listen"),
    ("a state directory that is a file", lambda alone: alone.write(StateDirectory=str(alone.directory / "log")), "log"),
]


@pytest.mark.parametrize("sentence, spoil, says", CANNOT_START, ids=[row[0] for row in CANNOT_START])
def test_what_keeps_it_from_starting_is_said(alone, sentence, spoil, says):
    spoil(alone)
    status = alone.start().wait()
    assert status == 78 and says in alone.log(), sentence


REASON = re.compile(r" ERROR |error while loading shared libraries|Too many open files|[Oo]ut of memory")


def judge_end(alone, what):
    """Starts, or ends with a line; tells which."""
    if alone.wait_ready():
        alone.process.terminate()
        assert alone.wait() == 0, alone.log()
        return True
    status = alone.wait()
    said = alone.log().replace("gatecertd: ended by SIGABRT\n", "").rstrip("\n").rpartition("\n")[2]
    assert status != 0 and REASON.search(said), f"{what}: ended with {status}, and last said {said!r}"
    return False


def test_too_few_descriptors_are_said(alone):
    starts = {count: judge_end(alone.start(before=limit(resource.RLIMIT_NOFILE, count)), f"{count} descriptors")
              for count in range(4, 64, 3)}
    assert not starts[4] and starts[61], starts


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer's shadow takes all addresses")
def test_too_little_memory_is_said(alone):
    starts = {size: judge_end(alone.start(before=limit(resource.RLIMIT_AS, size * 1024 * 1024)), f"{size} MiB")
              for size in (*range(8, 40, 8), *range(40, 56), *range(56, 120, 8), 2048)}
    assert not starts[8] and starts[2048], starts


def test_files_that_may_not_grow_are_errors(alone):
    """SIGXFSZ would end it without a word, in the middle of what it does."""
    process = subprocess.run([GATECERTD, "--config", alone.directory / "gatecert.yaml"], capture_output=True, text=True,
                             preexec_fn=limit(resource.RLIMIT_FSIZE, 0), timeout=ENDS_SECONDS, check=False)
    assert process.returncode == 1 and "File too large" in process.stderr, process.stderr


# --- it ran ---

STOPS = [signal.SIGTERM, signal.SIGINT]
KILLS = [signal.SIGABRT, signal.SIGALRM, signal.SIGBUS, signal.SIGFPE, signal.SIGQUIT, signal.SIGSEGV, signal.SIGSYS,
         signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU]


@pytest.mark.parametrize("number", STOPS, ids=lambda number: number.name)
def test_who_asked_it_to_stop_is_said(alone, number):
    assert alone.start().wait_ready()
    alone.process.send_signal(number)
    assert alone.wait() == 0
    assert re.search(rf" INFO asked to stop pass=[0-9a-f]+ signal={number.name} by_pid={os.getpid()} by_uid={os.getuid()}$", alone.log(),
                     re.MULTILINE)


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer tells of its own signals")
@pytest.mark.parametrize("number", KILLS, ids=lambda number: number.name)
def test_the_signal_that_ended_it_is_said(alone, number):
    assert alone.start().wait_ready()
    alone.process.send_signal(number)
    assert alone.wait() == -number
    assert alone.log().endswith(f"gatecertd: ended by {number.name}\n")


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer wants to be loaded first")
def test_a_loop_that_fails_is_said(alone, shim, tmp_path):
    assert alone.start(env={"LD_PRELOAD": str(shim), "EPOLL_FAILS": str(tmp_path / "epoll")}).wait_ready()
    (tmp_path / "epoll").write_text("22")
    alone.process.send_signal(signal.SIGHUP)  # it waits already
    assert alone.wait() == 1
    assert re.search(r'ERROR the event loop cannot go on pass=\S+ why="Invalid argument"$', alone.log(), re.MULTILINE)


@pytest.mark.skipif(IS_SANITIZED, reason="a sanitizer wants to be loaded first")
def test_threads_that_cannot_start_are_said(alone, shim, tmp_path):
    (tmp_path / "threads").write_text("11")
    alone.start(env={"LD_PRELOAD": str(shim), "THREADS_FAIL": str(tmp_path / "threads")})
    assert alone.wait() == -signal.SIGABRT
    assert alone.log().endswith('ERROR a worker cannot be started why="Resource temporarily unavailable"\n')


# --- it was to print something ---

PRINTS = [["--help"], ["--version"], ["--print-schema", "config"], ["--print-schema", "spec"], ["--print-config"]]


@pytest.mark.parametrize("args", PRINTS, ids=lambda args: " ".join(args))
def test_what_cannot_be_printed_is_said(alone, args):
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = subprocess.run([GATECERTD, "--config", alone.directory / "gatecert.yaml", *args], stdout=full,
                                 stderr=subprocess.PIPE, text=True, timeout=ENDS_SECONDS, check=False)
    assert process.returncode == 1
    assert process.stderr == "gatecertd: cannot write to standard output: No space left on device\n"


USAGE = [["--nope"], ["--config"], ["--help=x"], ["x"], ["--print-schema", "x"]]


@pytest.mark.parametrize("args", USAGE, ids=lambda args: " ".join(args))
def test_a_command_line_that_is_wrong_is_said(args):
    process = subprocess.run([GATECERTD, *args], capture_output=True, text=True, timeout=ENDS_SECONDS, check=False)
    assert process.returncode == 2 and process.stderr.startswith("gatecertd: ")
