"""SIGHUP, SIGTERM and restarts: what is asked for takes effect, and what is under way is not lost."""

import os
import re
import shutil
import socket
import time
from datetime import datetime, timezone

import pytest

from harness import wait_for
from harness.proxy import Proxy

STACK_FLAGS = ["--gateway-update-seconds", "1", "--azuresim", "vaultPollSeconds=1"]

STOP_SECONDS = 30  # on a machine that is busy with other tests, and yet far less than what hangs
HANG_MS = 60000
SHARDS = 2
RELOADED = "configuration reloaded"
NOT_RELOADED = "configuration not reloaded"


def reload(gatecertd, wanted=RELOADED):
    """SIGHUP, and what the log says about it."""
    before = len(re.findall(f"{RELOADED}|{NOT_RELOADED}", gatecertd.log()))
    gatecertd.reload()
    wait_for(lambda: len(re.findall(f"{RELOADED}|{NOT_RELOADED}", gatecertd.log())) > before, 60, "SIGHUP was answered")
    last = [line for line in gatecertd.log().splitlines() if RELOADED in line or NOT_RELOADED in line][-1]
    assert wanted in last, gatecertd.log_tail()
    return last


def in_log(stack, pattern):
    with open(os.path.join(stack.directory, "logs", "pebble.log"), encoding="utf-8", errors="replace") as file:
        return len(re.findall(pattern, file.read()))


# --- SIGHUP ---


def test_new_api_keys_are_in_force_after_sighup(stack, gatecertd):
    gatecertd.configure(ApiKeys=[{"name": "new", "key": "k" * 40}])
    assert gatecertd.api.get("/apis/gatecert/v1/hostnames").status == 200
    reload(gatecertd)
    assert gatecertd.api.get("/apis/gatecert/v1/hostnames").status == 401
    gatecertd.api.key = "k" * 40
    assert gatecertd.api.get("/apis/gatecert/v1/hostnames").status == 200


def test_a_new_log_level_is_in_force_after_sighup(gatecertd):
    for level, is_told in (("debug", True), ("info", False)):
        gatecertd.configure(LogLevel=level)
        reload(gatecertd)
        before = len(gatecertd.log())
        assert gatecertd.api.get("/apis/gatecert/v1/hostnames").status == 200
        assert gatecertd.api.get("/readyz").status == 200
        assert ("DEBUG request answered" in gatecertd.log()[before:]) == is_told, level


def test_a_new_default_is_for_new_hostnames_and_replaces_no_certificate(stack, gatecertd, hostname):
    gatecertd.wish("old-" + hostname)
    gatecertd.wait_ready("old-" + hostname)
    gatecertd.configure(KeyType="EC-P256")
    reload(gatecertd)
    gatecertd.wish("new-" + hostname)
    gatecertd.wait_ready("new-" + hostname)
    old, new = (gatecertd.api.hostname(kind + hostname)["status"]["certificate"] for kind in ("old-", "new-"))
    assert (old["keyType"], new["keyType"]) == ("RSA-2048", "EC-P256")
    assert len(stack.azure.certificate(old["vaultName"])["versions"]) == 1


# (sentence, what is done to the file's text, what the log must say of it)
BAD = [
    ("an unknown key, with its line and the nearest known name", lambda text: "KeyVaultBaseUlr: x\n" + text,
     r"gatecert\.yaml:1:1.*KeyVaultBaseUlr.*KeyVaultBaseUrl"),
    ("a wrong type", lambda text: text + "Workers: several\n", r"gatecert\.yaml:\d+:\d+.*Workers"),
    ("a key that is missing", lambda text: re.sub("(?m)^KeyVaultBaseUrl:.*\n", "", text), "KeyVaultBaseUrl"),
    ("no YAML", lambda text: text + "\n\t}{\n", r"gatecert\.yaml:\d+:\d+"),
    ("another address to listen on, which needs a restart", lambda text: re.sub(
        "(?m)^Listen:.*$", "Listen: 127.0.0.1:1", text), "Listen cannot change while running"),
    ("another socket, certificate and CA of clients, which need one too", lambda text: text + "".join(
        f"{key}: {path}\n" for path in re.findall("(?m)^CaFile: (.*)$", text)
        for key in ("TlsCertificateFile", "TlsKeyFile", "TlsClientCaFile")) + "UnixSocket: /tmp/gatecert.sock\n",
     "TlsCertificateFile, TlsKeyFile, TlsClientCaFile, UnixSocket cannot change while running: restart gatecertd"),
    ("a file of CAs that is not there", lambda text: re.sub("(?m)^CaFile:.*$", "CaFile: /nowhere/ca.pem", text),
     r"gatecert\.yaml:\d+:\d+: CaFile: /nowhere/ca\.pem cannot be read"),
    ("a key twice beside another mistake", lambda text: "Workers: 3\nWorkers: 4\nKeyType: DSA\n" + text,
     r"(?s)duplicate key .*Workers.*KeyType: expected"),
    ("an empty file", lambda text: "", "AcmeEndpoint"),
]


@pytest.mark.parametrize("sentence, spoil, said", BAD, ids=[row[0] for row in BAD])
def test_a_bad_configuration_is_reported_and_the_old_one_stays(gatecertd, sentence, spoil, said):
    with open(gatecertd.config_path, encoding="utf-8") as file:
        good = file.read()
    with open(gatecertd.config_path, "w", encoding="utf-8") as file:
        file.write(spoil(good))
    before = len(gatecertd.log())
    reload(gatecertd, NOT_RELOADED)
    assert re.search(said, gatecertd.log()[before:]), f"{sentence}:\n{gatecertd.log()[before:]}"
    assert gatecertd.api.get("/apis/gatecert/v1/hostnames").status == 200
    with open(gatecertd.config_path, "w", encoding="utf-8") as file:
        file.write(good)
    reload(gatecertd)


def test_all_that_is_wrong_is_told_at_once(gatecertd):
    gatecertd.configure(Workers="several", KeyType="DSA", NoSuchThing=1)
    before = len(gatecertd.log())
    reload(gatecertd, NOT_RELOADED)
    said = gatecertd.log()[before:]
    assert all(name in said for name in ("Workers", "KeyType", "NoSuchThing")), said


def test_a_configuration_that_vanished_is_reported_and_the_old_one_stays(gatecertd, hostname):
    os.rename(gatecertd.config_path, gatecertd.config_path + ".away")
    assert gatecertd.config_path in reload(gatecertd, NOT_RELOADED)
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    os.rename(gatecertd.config_path + ".away", gatecertd.config_path)


def test_a_configuration_that_cannot_be_written_down_is_reported_and_the_old_one_goes_on(gatecertd, hostname):
    """Another gateway is an object that the state directory has no room for."""
    gateways = os.path.join(gatecertd.state_dir, "gateways")
    before = dict(gatecertd.config)
    os.rename(gateways, gateways + ".away")
    gatecertd.configure(ApplicationGatewayName="another", ApiKeys=[{"name": "new", "key": "k" * 40}])
    assert "gateways/another.json" in reload(gatecertd, NOT_RELOADED)
    assert gatecertd.api.get("/apis/gatecert/v1/hostnames").status == 200
    os.rename(gateways + ".away", gateways)
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    gatecertd.configure(**before)
    reload(gatecertd)


def test_an_issuance_goes_on_through_sighup_after_sighup(stack, gatecertd, hostname):
    names = [f"n{number}-{hostname}" for number in range(6)]
    issued = in_log(stack, "Issued certificate serial")
    gatecertd.wish(*names, keyType="EC-P256")

    def progress():
        items = gatecertd.api.get("/apis/gatecert/v1/hostnames").json()["items"]
        return [(one["metadata"]["name"], one["metadata"]["resourceVersion"]) for one in items], items

    while True:
        before = progress()[0]
        reload(gatecertd)
        wait_for(lambda: progress()[0] != before or is_settled(progress()[1], names), 60, "something moves")
        if is_settled(progress()[1], names):
            break
    assert in_log(stack, "Issued certificate serial") - issued == len(names)
    for name in names:
        assert stack.fetch_https(name).names == [name]


def is_settled(items, names):
    ready = [one["metadata"]["name"] for one in items for condition in one.get("status", {}).get("conditions", [])
             if (condition["type"], condition["status"]) == ("Ready", "True")]
    return sorted(ready) == sorted(names)


def seconds_until(text):
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - datetime.now(timezone.utc)).total_seconds()


def test_sighup_makes_a_refused_hostname_due(stack, gatecertd, hostname):
    stack.dns.set_a(hostname, "192.0.2.7")
    gatecertd.wish(hostname)
    wait_for(lambda: seconds_until(gatecertd.api.hostname(hostname)["status"]["nextAttemptTime"]) > 8, 60,
             "the next try is far away")
    stack.dns.clear_a(hostname)
    late = gatecertd.api.hostname(hostname)["status"]["nextAttemptTime"]
    reload(gatecertd)
    wait_for(lambda: gatecertd.api.condition(hostname, "DnsResolved")["status"] == "True")
    assert seconds_until(late) > 0, "it would have been tried by then anyway"
    gatecertd.wait_ready(hostname)


# --- SIGTERM ---


def hang_azure(method, path):
    def hang(stack, gatecertd):
        ident = stack.sim.fault(method, path, {"delayMs": HANG_MS}, times=-1)
        stack.sim.clear_requests()
        return lambda: stack.sim.requests(method, path), lambda: stack.sim.clear_faults(ident)
    return hang


def hang_dns(stack, gatecertd):
    stack.signal("dns", "STOP")
    return (lambda: (gatecertd.api.hostname(gatecertd.hung)["status"].get("step") == "CheckDnsResolutionStep"),
            lambda: stack.signal("dns", "CONT"))


def hang_peer(key, url, method, path):
    def hang(stack, gatecertd):
        proxy = Proxy(stack, getattr(stack, url))
        gatecertd.configure(**{key: proxy.through(getattr(stack, url))})
        proxy.fault(method, path, {"delayMs": HANG_MS})
        return lambda: proxy.requests(method, path), proxy.close
    return hang


# (sentence, what hangs)
HANGING = [
    ("the vault", hang_azure("GET", "^/certificates/")),
    ("a signature", hang_azure("POST", "/sign[?]")),
    ("the gateway", hang_azure("GET", "/applicationGateways/")),
    ("the sign-in", hang_azure("POST", "/oauth2/v2.0/token")),
    ("DNS", hang_dns),
    ("the CA", hang_peer("AcmeEndpoint", "acme_directory", "POST", "^/order-plz")),
    ("the container", hang_peer("BlobContainerUrl", "blob_container_url", "PUT", "/acme-challenge/")),
]


@pytest.mark.parametrize("sentence, hang", HANGING, ids=[row[0] for row in HANGING])
def test_sigterm_ends_it_at_once_whatever_hangs(stack, daemon, hostname, sentence, hang):
    gatecertd = daemon(stack)
    gatecertd.hung = hostname
    is_hanging, mend = hang(stack, gatecertd)
    try:
        gatecertd.start()
        gatecertd.wish(hostname)
        wait_for(is_hanging, 60, f"{sentence} hangs")
        began = time.monotonic()
        gatecertd.stop()
        assert time.monotonic() - began < STOP_SECONDS, sentence
    finally:
        mend()


def test_sigterm_ends_it_at_once_while_a_client_is_slow(stack, gatecertd):
    host, port = stack.api_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as idle, socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /api/AddCertificateFunctions_HttpStart HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        wait_for(lambda: gatecertd.api.get("/healthz").status == 200)
        began = time.monotonic()
        gatecertd.stop()
        assert time.monotonic() - began < STOP_SECONDS
        assert idle.fileno() >= 0


def test_what_sigterm_interrupted_goes_on_after_a_start(stack, gatecertd, hostname):
    names = [f"n{number}-{hostname}" for number in range(4)]
    issued = in_log(stack, "Issued certificate serial")
    gatecertd.wish(*names, keyType="EC-P256")
    for _ in range(8):
        gatecertd.restart()
    gatecertd.wait_ready(*names)
    assert in_log(stack, "Issued certificate serial") - issued == len(names)


# --- one at a time ---


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_a_second_daemon_on_one_state_directory_is_refused(stack, daemon, hostname):
    first = daemon(stack).start()
    second = daemon(stack, config={"StateDirectory": first.state_dir, "Listen": f"127.0.0.1:{free_port()}"}).spawn()
    assert second.wait() != 0
    assert first.state_dir in second.log()
    first.wish(hostname)
    first.wait_ready(hostname)


def test_the_state_directory_is_free_again_after_a_kill(stack, daemon):
    first = daemon(stack).start()
    first.kill()
    daemon(stack, config={"StateDirectory": first.state_dir}).start()


def test_an_address_in_use_is_told(stack, daemon):
    daemon(stack).start()
    second = daemon(stack).spawn()
    assert second.wait() != 0
    assert stack.api_url.removeprefix("http://") in second.log()


# --- restarts ---


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_restart_is_no_event(stack, gatecertd, hostname, end):
    gatecertd.wish(hostname)
    started = gatecertd.api.add_certificates("posted-" + hostname)
    gatecertd.wait_ready(hostname, "posted-" + hostname)
    wait_for(lambda: gatecertd.api.instance(started)["runtimeStatus"] == "Completed")
    before = gatecertd.api.hostname(hostname)
    getattr(gatecertd, end)()
    stack.sim.clear_requests()
    gatecertd.start()
    after = gatecertd.api.hostname(hostname)
    for shown in (before, after):
        shown["status"]["certificate"].pop("secondsLeft")
    assert gatecertd.api.is_ready(hostname) and after["status"]["certificate"] == before["status"]["certificate"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert gatecertd.api.instance(started)["runtimeStatus"] == "Completed"
    # It looks at the world once, and changes nothing.
    wait_for(lambda: stack.sim.requests("GET", "^/certificates/posted-"))
    changes = [one for one in stack.sim.requests() if one["method"] != "GET" and "/oauth2/" not in one["path"]]
    assert changes == []


def test_a_start_does_not_wait_for_azure_or_the_ca(stack, gatecertd, hostname):
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    gatecertd.stop()
    for server in ("azuresim", "pebble"):
        stack.signal(server, "STOP")
    try:
        gatecertd.start()
        assert gatecertd.api.is_ready(hostname)
        gatecertd.stop()
    finally:
        for server in ("azuresim", "pebble"):
            stack.signal(server, "CONT")


def test_a_lost_state_directory_costs_no_certificate(stack, gatecertd, hostname):
    """What was made is found again in the vault and on the gateway."""
    gatecertd.wish(hostname, "second-" + hostname)
    gatecertd.wait_ready(hostname, "second-" + hostname)
    before = stack.azure.gateway()
    gatecertd.stop()
    shutil.rmtree(gatecertd.state_dir)
    os.mkdir(gatecertd.state_dir, 0o700)
    stack.sim.clear_requests()
    gatecertd.start()
    gatecertd.wait_ready(hostname, "second-" + hostname)
    assert [one for one in stack.sim.requests() if one["method"] != "GET" and "/oauth2/" not in one["path"]] == []
    assert stack.azure.gateway() == before
