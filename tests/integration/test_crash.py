"""kill -9 at every moment of an issuance: a restart goes on from what is true, with one certificate per hostname.

One daemon is killed again and again, each time at another moment and with a new hostname; what earlier kills
interrupted goes on meanwhile, and is interrupted again. At the end everything is counted.
"""

import ctypes
import itertools
import os
import re
import select
import struct
import time

import pytest

from harness import Gatecertd, gateway_without, wait_for
from harness.proxy import Proxy

STACK_FLAGS = ["--gateway-update-seconds", "1", "--azuresim", "vaultPollSeconds=1", "--azuresim", "rsaKeys=reuse"]

REACH_SECONDS = 60
END_SECONDS = 150
DELAY_MS = 6000  # far longer than it takes to notice a held call, and to kill
MOVED_TO = 0x80  # of inotify

ACCOUNT_KEY = "/keys/gatecert-acme-account"
GATEWAY = r"/applicationGateways/gateway\?"
ISSUED = r"Issued certificate serial (\w+) for order"


class World:
    """The daemon that is killed, what lies between it and the servers, and all that was wished for."""

    def __init__(self, stack, directory):
        self.stack = stack
        ca, blob = Proxy(stack, stack.acme_directory), Proxy(stack, stack.blob_container_url)
        self.servers = {"azure": stack.sim, "ca": ca, "blob": blob}
        self.daemon = Gatecertd(stack, directory, config={
            "AcmeEndpoint": ca.through(stack.acme_directory),
            "BlobContainerUrl": blob.through(stack.blob_container_url)})
        self.before = stack.azure.gateway()
        self.numbers = itertools.count(1)
        self.wished = []
        self.kills = 0

    def wish(self):
        hostname = f"m{next(self.numbers)}.example.com"
        self.daemon.wish(hostname, keyType="EC-P256")
        self.wished.append(hostname)
        return hostname

    def post(self):
        hostname = f"p{next(self.numbers)}.example.com"
        started = self.daemon.api.add_certificates(hostname)
        self.wished.append(hostname)
        return hostname, started

    def kill(self):
        self.daemon.kill()
        self.kills += 1

    def close(self):
        try:
            self.daemon.close()
        finally:
            for name in ("ca", "blob"):
                self.servers[name].close()


@pytest.fixture(scope="module")
def world(stack, tmp_path_factory):
    one = World(stack, tmp_path_factory.mktemp("daemon"))
    yield one
    one.close()


def call_to(server, method, path, when, skip):
    """Kill while a call is under way that its server has not seen ("before"), or has carried out ("after")."""
    def run(world):
        at = world.servers[server]
        do = {"delayMs": DELAY_MS} if when == "after" else {"delayMs": DELAY_MS, "reset": "before"}
        before = len(at.requests(method, path))
        fault = at.fault(method, path, do, times=1, after=skip)
        try:
            world.daemon.start()
            world.wish()
            wait_for(lambda: len(at.requests(method, path)) > before + skip, REACH_SECONDS, f"{method} {path} was sent")
            world.kill()
        finally:
            at.clear_faults(fault)
    return run


def renames_into(folder):
    """A file of what the kernel tells: each name that is renamed into a folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    told = libc.inotify_init1(os.O_CLOEXEC)
    watched = libc.inotify_add_watch(told, os.fsencode(folder), MOVED_TO)
    assert told >= 0 and watched >= 0, os.strerror(ctypes.get_errno())
    return open(told, "rb", buffering=0)


def await_renames(told, name, count):
    """Until a name was told so often."""
    until, seen = time.monotonic() + REACH_SECONDS, 0
    with told:
        while seen < count:
            left = max(0, until - time.monotonic())
            assert select.select([told], [], [], left)[0], f"{name} was not written {count} times"
            events, at = told.read(65536), 0
            while at < len(events):
                size = struct.unpack_from("iIII", events, at)[3]
                seen += events[at + 16:at + 16 + size].rstrip(b"\0") == os.fsencode(name)
                at += 16 + size


def write(count):
    """Kill right after the count-th time that the hostname's file in the state directory was replaced."""
    def run(world):
        world.daemon.start()
        writes = renames_into(os.path.join(world.daemon.state_dir, "hostnames"))
        hostname = world.wish()
        await_renames(writes, f"{hostname}.json", count)
        world.kill()
    return run


def offset(milliseconds):
    """Kill so long after a file was dropped."""
    def run(world):
        world.daemon.start()
        world.wish()
        time.sleep(milliseconds / 1000)  # luck: no, because any moment is right
        world.kill()
    return run


def starting(milliseconds):
    """Kill so long after the start, with a file dropped before it."""
    def run(world):
        world.wish()
        world.daemon.spawn()
        time.sleep(milliseconds / 1000)  # luck: no, because any moment is right
        world.kill()
    return run


CALLS = [
    # At the first start alone, in this order: nobody else gets on while the gateway is unknown.
    ("azure", "GET", "/publicIPAddresses/", 0),
    ("azure", "POST", "/oauth2/v2.0/token", 0),
    ("azure", "POST", f"^{ACCOUNT_KEY}/create", 0),
    ("ca", "HEAD", "^/nonce", 0),
    ("ca", "POST", "^/sign-me-up", 0),
    # Of every hostname.
    ("azure", "GET", "^/certificates/[^/]+[?]", 0),
    ("azure", "POST", "/sign[?]", 0),
    ("azure", "POST", "/sign[?]", 2),
    ("ca", "POST", "^/order-plz", 0),
    ("ca", "POST", "^/authZ/", 0),
    ("blob", "PUT", "/acme-challenge/", 0),
    ("ca", "POST", "^/chalZ/", 0),
    ("ca", "POST", "^/my-order/", 0),
    ("blob", "DELETE", "/acme-challenge/", 0),
    ("azure", "POST", "^/certificates/[^/]+/create", 0),
    ("azure", "GET", "^/certificates/[^/]+/pending", 0),  # recovering from the one before
    ("ca", "POST", "^/finalize-order/", 0),
    ("ca", "POST", "^/my-order/", 1),
    ("ca", "POST", "^/certZ/", 0),
    ("azure", "POST", "/pending/merge", 0),
    ("azure", "GET", GATEWAY, 0),
    ("azure", "PUT", GATEWAY, 0),
    ("azure", "GET", "/operations/", 0),
    ("azure", "GET", GATEWAY, 1),
]

MOMENTS = [(f"{when} {server}: {method} {path}" + (f" number {skip + 1}" if skip else ""),
            call_to(server, method, path, when, skip))
           for server, method, path, skip in CALLS for when in ("before", "after")]
MOMENTS += [(f"after write {count}", write(count)) for count in (1, 2, 3, 4, 5, 6, 8, 10, 12, 14)]
MOMENTS += [(f"{late} ms after the file", offset(late)) for late in (0, 70, 150, 400, 900, 2000)]
MOMENTS += [(f"{late} ms after the start", starting(late)) for late in (2, 10, 25, 50, 90, 150)]


@pytest.mark.parametrize("moment, run", MOMENTS, ids=[row[0] for row in MOMENTS])
def test_killed(world, moment, run):
    before = world.kills
    try:
        run(world)
    finally:
        if world.daemon.is_running():  # the moment did not come; the next is to have its own
            world.daemon.kill()
    assert world.kills == before + 1, moment


@pytest.mark.parametrize("milliseconds", [0, 1, 5, 20])
def test_what_was_accepted_by_202_survives_a_kill(world, milliseconds):
    world.daemon.start()
    hostname, started = world.post()
    time.sleep(milliseconds / 1000)  # luck: no, because any moment is right
    world.kill()
    world.daemon.start()
    assert world.daemon.api.hostname(hostname) is not None
    assert world.daemon.api.instance(started)["instanceId"] == started["id"]
    assert world.daemon.api.instance(started)["runtimeStatus"] in ("Pending", "Running", "Completed")
    world.kill()


@pytest.fixture(scope="module")
def ended(world):
    """Everything has converged."""
    if not world.daemon.is_running():
        world.daemon.start()
    world.daemon.wait_ready(*world.wished, deadline=END_SECONDS)
    return world


def in_log(stack, pattern):
    with open(os.path.join(stack.directory, "logs", "pebble.log"), encoding="utf-8", errors="replace") as file:
        return re.findall(pattern, file.read())


def test_no_hostname_is_lost_and_all_are_served(stack, ended):
    names = {one["metadata"]["name"] for one in listed(ended.daemon.api)}
    assert names == set(ended.wished)
    for hostname in ended.wished:
        assert stack.fetch_https(hostname).names == [hostname]


def listed(api):
    items, more = [], ""
    while True:
        page = api.get("/apis/gatecert/v1/hostnames?limit=500" + (f"&continue={more}" if more else "")).json()
        items += page["items"]
        more = page["metadata"].get("continue")
        if not more:
            return items


def test_the_ca_finalized_and_issued_once_for_each(stack, ended):
    assert len(in_log(stack, "is fully authorized. Processing finalization")) == len(ended.wished)
    assert len(set(in_log(stack, ISSUED))) == len(ended.wished)


def test_the_vault_made_each_certificate_once(stack, ended):
    made, merged = ({}, {})
    for counts, path, status in ((made, "/create", 202), (merged, "/pending/merge", 201)):
        for one in stack.sim.requests("POST", f"^/certificates/[^/]+{path}[?]"):
            name = one["path"].split("/")[2]
            counts[name] = counts.get(name, 0) + (one["status"] == status)
    wanted = {hostname.replace(".", "-"): 1 for hostname in ended.wished}
    assert (made, merged) == (wanted, wanted)
    for one in stack.sim.state()["vault"]["certificates"]:
        assert len(one["versions"]) == 1, one["name"]


def test_what_the_ca_issued_is_what_serves(stack, ended):
    issued = {serial.lstrip("0") for serial in in_log(stack, ISSUED)}
    assert {stack.fetch_https(hostname).serial.lstrip("0") for hostname in ended.wished} == issued


def test_no_challenge_file_stays_behind(stack, ended):
    wait_for(lambda: stack.azure.blobs() == [], 60, lambda: f"the container is empty: {stack.azure.blobs()}")


def test_nothing_foreign_changed_on_the_gateway(stack, ended):
    ours = {hostname.replace(".", "-") + kind for hostname in ended.wished for kind in ("", "-listener", "-rule")}
    assert gateway_without(stack.azure.gateway(), ours) == gateway_without(ended.before, ())


def test_what_must_never_happen_did_not(stack, ended):
    never = stack.sim.state()["never"]
    assert {name: count for name, count in never.items() if count} == {}
    assert ended.kills >= 40


def test_the_state_directory_holds_no_leftovers(ended):
    found = [name for _, _, names in os.walk(ended.daemon.state_dir) for name in names]
    assert [name for name in found if "tmp" in name or name.startswith(".") or name.endswith("~")] == []
