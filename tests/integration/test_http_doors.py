"""The doors of the HTTP API besides plain TCP, with curl as the client."""

import hashlib
import http.client
import json
import os
import re
import secrets
import select
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
from urllib.parse import urlsplit

import pytest

from harness import wait_for
from harness.memory import memory_of

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
    with tempfile.TemporaryDirectory(prefix="gatecert-") as directory:
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
    wait_for(lambda: "another process serves it" in other.log(), 30)
    assert curl("http://localhost/healthz", "--unix-socket", socket_path)[0] == 200


# --- TLS ---


class Authority:
    """A CA of its own, and certificates of it."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.certificate, self.key = directory / f"{name}.crt", directory / f"{name}.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def _openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, cwd=self.directory, timeout=60)

    def issue(self, name, usage="serverAuth"):
        """Paths of a certificate for 127.0.0.1 and of its key."""
        paths = [self.directory / f"{name}.{suffix}" for suffix in ("crt", "key", "csr", "ext")]
        certificate, key, csr, extensions = paths
        extensions.write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", key, "-out", csr)
        self._openssl("x509", "-req", "-in", csr, "-CA", self.certificate, "-CAkey", self.key, "-days", "1",
                      "-extfile", extensions, "-out", certificate)
        key.chmod(0o600)
        return certificate, key


class Served:
    """A daemon whose API is HTTPS."""

    def __init__(self, daemon, directory, **config):
        self.ca = Authority(directory, "ca")
        self.files = [directory / "api.crt", directory / "api.key"]
        self.put(*self.ca.issue("first"))
        self.daemon = daemon(config={"TlsCertificateFile": str(self.files[0]), "TlsKeyFile": str(self.files[1]), **config})
        self.url = self.daemon.api.base.replace("http://", "https://")
        self.key = ("-H", f"x-functions-key: {self.daemon.api.key}")

    def put(self, certificate, key):
        """As a renewal does: beside, then renamed; the key last."""
        for path, source in zip(self.files, (certificate, key)):
            temporary = path.with_suffix(".new")
            shutil.copy(source, temporary)
            os.rename(temporary, path)

    def start(self):
        self.daemon.spawn()
        wait_for(lambda: "INFO ready" in self.daemon.log(), 60, self.daemon.log_tail)
        return self

    def curl(self, path, *args):
        return curl(self.url + path, "--cacert", self.ca.certificate, *args)

    def subject(self):
        """Whose certificate a new connection is shown."""
        parts = urlsplit(self.url)
        context = ssl.create_default_context(cafile=self.ca.certificate)
        with socket.create_connection((parts.hostname, parts.port), 20) as plain, \
                context.wrap_socket(plain, server_hostname=parts.hostname) as secure:
            return dict(pair[0] for pair in secure.getpeercert()["subject"])["commonName"]


@pytest.fixture
def served(daemon, tmp_path):
    return lambda **config: Served(daemon, tmp_path, **config).start()


def test_over_tls_the_api_is_the_same_and_its_links_are_https(served, hostname):
    one = served()
    status, body = one.curl(START, *one.key, "-d", json.dumps({"hostnames": [hostname]}))
    assert status == 202, body
    follow = json.loads(body)["statusQueryGetUri"]
    assert follow.startswith("https://127.0.0.1:")
    assert one.curl(follow.removeprefix(one.url))[0] in (200, 202)
    assert one.curl(OBJECTS)[0] == 401


def test_a_watch_over_either_door_shows_what_happens(served, socket_path):
    one = served(UnixSocket=socket_path)
    target = f"{OBJECTS}?watch=true"
    doors = [["--cacert", str(one.ca.certificate), *one.key, one.url + target],
             ["--unix-socket", socket_path, f"http://localhost{target}"]]
    watches = [subprocess.Popen(["curl", "-sSN", "--max-time", "30", *args], stdout=subprocess.PIPE, text=True)
               for args in doors]
    try:
        one.daemon.wish("watched.example.com")
        for watch in watches:
            assert json.loads(watch.stdout.readline())["object"]["metadata"]["name"] == "watched.example.com"
    finally:
        for watch in watches:
            watch.kill()
            watch.communicate()


def test_a_client_that_never_shakes_hands_is_shut_and_delays_nobody(served):
    one = served()
    parts = urlsplit(one.url)
    silent = [socket.create_connection((parts.hostname, parts.port), 30) for _ in range(100)]
    assert one.curl("/healthz")[0] == 200
    assert select.select(silent, [], [], 0)[0] == [], "it was answered when they were shut"
    for sock in silent:
        with sock:
            sock.settimeout(60)
            assert sock.recv(1) == b""


@pytest.mark.parametrize("args, said", [
    (("--tls-max", "1.1"), "35: "),
    (("--cacert", "/etc/ssl/certs/ca-certificates.crt"), "60: "),
], ids=["TLS 1.1", "a client that trusts others"])
def test_there_is_no_answer_for(served, args, said):
    one = served()
    status, body = one.curl("/healthz", *args)
    assert status == 0 and body.startswith(said)
    assert one.curl("/healthz", "--tlsv1.2", "--tls-max", "1.2")[0] == 200
    assert one.curl("/healthz", "--tlsv1.3")[0] == 200


def test_plain_http_is_not_served_beside_tls(served):
    one = served()
    assert curl(one.daemon.api.base + "/healthz")[0] == 0
    assert one.curl("/healthz")[0] == 200


def test_a_changed_certificate_is_taken_up_by_itself_and_open_connections_stay(served):
    one = served()
    parts = urlsplit(one.url)
    held = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=60,
                                       context=ssl.create_default_context(cafile=one.ca.certificate))
    held.request("GET", "/healthz")
    assert held.getresponse().read()
    assert one.subject() == "first"
    one.put(*one.ca.issue("second"))
    wait_for(lambda: one.subject() == "second", 60, one.daemon.log_tail)
    held.request("GET", "/healthz")
    assert held.getresponse().status == 200
    held.close()


def test_a_reload_takes_up_a_certificate_at_once_and_a_pair_that_does_not_match_changes_nothing(served):
    one = served()
    second, third = one.ca.issue("second"), one.ca.issue("third")
    one.put(second[0], third[1])
    one.daemon.reload()
    wait_for(lambda: "the old one stays" in one.daemon.log(), 60, one.daemon.log_tail)
    assert one.subject() == "first"
    one.put(*second)
    one.daemon.reload()
    wait_for(lambda: one.subject() == "second", 60, one.daemon.log_tail)
    one.files[1].unlink()
    one.daemon.reload()
    wait_for(lambda: one.daemon.log().count("the old one stays") >= 2, 60, one.daemon.log_tail)
    assert one.subject() == "second"


def test_clients_need_a_certificate_of_the_named_ca_and_a_key(served, tmp_path):
    ours, others = Authority(tmp_path, "clients"), Authority(tmp_path, "others")
    client, server, stranger = ours.issue("client", "clientAuth"), ours.issue("server"), others.issue("stranger", "clientAuth")
    one = served(TlsClientCaFile=str(ours.certificate))

    def status(pair, *args):
        return one.curl(OBJECTS, *(("--cert", pair[0], "--key", pair[1]) if pair else ()), *args)[0]

    for version in ("1.2", "1.3"):
        only = ("--tls-max", version)
        assert status(client, *only, *one.key) == 200
        assert status(client, *only) == 401
        assert status(None, *only, *one.key) == 0
        assert status(stranger, *only, *one.key) == 0
        assert status(server, *only, *one.key) == 0, "a certificate for servers is none for clients"
    shutil.copy(others.certificate, ours.certificate)
    one.daemon.reload()
    wait_for(lambda: status(stranger, *one.key) == 200, 60, one.daemon.log_tail)
    assert status(client, *one.key) == 0


@pytest.mark.parametrize("spoil, said", [
    (lambda one: one.files[1].unlink(), "api.key"),
    (lambda one: one.files[0].write_text("no certificate"), "cannot be used for TLS"),
    (lambda one: shutil.copy(one.ca.key, one.files[1]), "cannot be used for TLS"),
    (lambda one: (one.files[0].parent / "clients.crt").write_text(""), "clients.crt cannot be used for TLS"),
], ids=["no key", "no certificate", "another's key", "no client CA"])
def test_the_daemon_does_not_start_with(daemon, tmp_path, spoil, said):
    (tmp_path / "clients.crt").touch()
    one = Served(daemon, tmp_path, **({"TlsClientCaFile": str(tmp_path / "clients.crt")} if "clients" in said else {}))
    spoil(one)
    one.daemon.spawn()
    assert one.daemon.wait() == 78
    assert re.search("cannot (start|be read)", one.daemon.log()) and said in one.daemon.log()


def test_a_key_that_everybody_can_read_is_warned_about(daemon, tmp_path):
    one = Served(daemon, tmp_path)
    one.files[1].chmod(0o644)
    one.start()
    assert re.search(r"WARN .*read by everybody.*api\.key", one.daemon.log())


# --- keys ---


def test_of_a_key_only_its_hash_is_kept_and_the_hash_alone_is_no_key(daemon):
    """Its own request, which brings the key, comes last."""
    one = daemon()
    admin, other = {"name": "admin", "key": one.api.key}, "Kanarienvogel-" + secrets.token_hex(16)
    digest = hashlib.sha256(other.encode()).hexdigest()
    reloads = 0

    def reload():
        nonlocal reloads
        reloads += 1
        one.reload()
        wait_for(lambda: one.log().count("configuration reloaded") == reloads, 60, one.log_tail)

    def mappings_with(text):
        return [mapping for mapping, content in memory_of(one) if text.encode() in content]

    def status(key):
        return curl(one.api.base + OBJECTS, "-H", f"x-functions-key: {key}")[0]

    one.configure(ApiKeys=[admin, {"name": "other", "key": other}])
    one.start()
    reload()
    assert mappings_with(digest) and not mappings_with(other)
    assert status(other) == 200
    one.configure(ApiKeys=[admin, {"name": "other", "key": f"sha256:{digest}"}])
    reload()
    assert status(other) == 200
    assert status(f"sha256:{digest}") == 401


def test_wrong_keys_are_counted_and_do_not_fill_the_log(daemon):
    """Each from an address of its own, as a crowd would."""
    one = daemon().start()
    parts = urlsplit(one.api.base)
    for number in range(30):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60, source_address=(f"127.1.0.{number + 1}", 0))
        connection.request("GET", OBJECTS, headers={"x-functions-key": "wrong"})
        assert connection.getresponse().status == 401
        connection.close()
    assert one.api.get("/readyz").json()["refusedKeys"] == 30
    lines = re.findall(r"WARN request with a wrong key or code.* refused=(\d+)", one.log())
    assert lines[:10] == [str(number + 1) for number in range(10)] and len(lines) < 15


# --- how often ---


def test_a_key_that_asks_more_often_than_the_configuration_says_is_told_to_wait(daemon):
    one = daemon(config={"RequestsPerSecond": 1}).start()
    replies = [one.api.get(OBJECTS) for _ in range(4)]
    assert [reply.status for reply in replies][:2] == [200, 200]
    late = [reply for reply in replies if reply.status == 429]
    assert late and int(late[0].headers["retry-after"]) >= 1
    assert one.api.get("/healthz").status == 200
