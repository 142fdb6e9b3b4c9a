"""The doors of the HTTP API besides plain TCP, with curl as the client."""

import json
import os
import stat
import subprocess
import tempfile

import pytest

OBJECTS = "/apis/gatecert/v1/hostnames"
START = "/api/AddCertificateFunctions_HttpStart"


def curl(url, *args):
    """Status and body of one request; status 0 with what curl says when there was no answer."""
    done = subprocess.run(["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code}", *map(str, args), url],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body if done.returncode == 0 else f"{done.returncode}: {done.stderr}"


# --- the Unix socket ---


@pytest.fixture
def socket_path():
    """Short, as paths of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="gatecert-", dir="/tmp") as directory:
        yield os.path.join(directory, "api.sock")


def test_the_daemon_s_own_user_asks_over_the_socket_without_a_key(daemon, socket_path, hostname):
    one = daemon(config={"UnixSocket": socket_path}).start()
    assert stat.S_IMODE(os.stat(socket_path).st_mode) == 0o660
    local = ("--unix-socket", socket_path)
    status, body = curl(f"http://localhost{START}", *local, "-d", json.dumps({"hostnames": [hostname]}))
    assert status == 202, body
    follow = json.loads(body)["statusQueryGetUri"]
    assert follow.startswith("http://localhost/")
    status, body = curl(follow, *local)
    assert status in (200, 202) and json.loads(body)["input"] == hostname
    assert curl(f"http://localhost{OBJECTS}", *local)[0] == 200
    assert curl(f"{one.api.base}{OBJECTS}")[0] == 401
    one.stop()
    assert not os.path.exists(socket_path)


def test_a_killed_daemon_s_socket_is_taken_over_and_a_living_one_s_is_not(daemon, socket_path):
    one = daemon(config={"UnixSocket": socket_path}).start()
    one.kill()
    assert os.path.exists(socket_path)
    one.start()
    port = one.config["Listen"].rpartition(":")[2]
    other = daemon(config={"UnixSocket": socket_path, "Listen": f"127.0.0.2:{port}"})
    other.spawn()
    assert other.wait() == 1
    assert "another process serves it" in other.log()
    assert curl("http://localhost/healthz", "--unix-socket", socket_path)[0] == 200


# --- how often ---


def test_a_key_that_asks_more_often_than_the_configuration_says_is_told_to_wait(daemon):
    one = daemon(config={"RequestsPerSecond": 1}).start()
    replies = [one.api.get(OBJECTS) for _ in range(4)]
    assert [reply.status for reply in replies][:2] == [200, 200]
    late = [reply for reply in replies if reply.status == 429]
    assert late and int(late[0].headers["retry-after"]) >= 1
    assert one.api.get("/healthz").status == 200
