"""The wrong world: what is wrong with a gateway, a vault or a CA for all. See harness/wrong.py."""

import json
import re
import threading
import time

import pytest

from harness import self_signed
from harness.wrong import (CONFIGURED, FOREIGN, ISSUED, OWNERSHIP, RECOVERY_SECONDS, Row,
                           assert_nothing_was_done_that_must_never_be, foreign_sites, named, run_wanted, vault_error)
from harness.waiting import wait_for


def is_full(at):
    """Rules that are active: a gateway has a hundred of them."""
    active = sum("backendAddressPool" in one["properties"] or "urlPathMap" in one["properties"]
                 for one in at.stack.azure.gateway()["properties"]["requestRoutingRules"])
    foreign_sites(at, [f"full-{number}.example.org" for number in range(100 - active)], "Http")


def state(value):
    def break_it(at):
        at.stack.sim.set(gatewayState=value)
        at.undo_with(lambda: at.stack.sim.set(gatewayState="Running"))
    return break_it


def issued_before(value):
    """The certificate is there when it happens; only the gateway's update is missing."""
    def break_it(at):
        hold = at.stack.sim.fault("PUT", "/applicationGateways/gateway[?]", {
            "status": 429, "headers": {"Retry-After": "1"}, "body": {"error": {
                "code": "RetryableErrorDueToAnotherOperation", "message": "Busy."}}}, -1)
        at.daemon.wish(at.hostname)
        wait_for(lambda: at.conditions()[ISSUED]["status"] == "True", 120)
        state(value)(at)
        at.stack.sim.clear_requests()  # an update that is still on its way was begun before
        wait_for(lambda: at.stack.sim.requests("GET", "/applicationGateways/gateway[?]"), 60)
        at.stack.sim.clear_faults(hold)
    return break_it


def failed_before(at):
    at.stack.sim.set(gatewayState="Failed")


def puts(at):
    return at.stack.sim.requests("PUT", "/applicationGateways/gateway[?]")


def arm_says(method, status, code, message, times=-1, headers=None):
    return lambda at: at.sim(method, "/applicationGateways/gateway[?]", {
        "status": status, "headers": headers or {}, "body": {"error": {"code": code, "message": message}}}, times)


def read_before_each_update(at):
    """An update is never sent again as it was: between two of them the gateway was read."""
    asked = at.stack.sim.requests(None, "/applicationGateways/gateway[?]")
    ours = [one["method"] for one in asked]
    assert "PUTPUT" not in "".join(ours), ours
    assert len(puts(at)) >= 3


def others_update_wins(at):
    """Somebody replaces the gateway while our update runs, from what he read before it."""
    at.setting(gatewayUpdateSeconds=60, ifMatch="ignore", secondPut="cancel")
    azure, name = at.stack.azure, f"{FOREIGN}-pool"
    at.stack.sim.clear_requests()
    before = azure._send("GET", azure._gateway_url(), "https://management.azure.com").text
    pool = json.dumps({"name": name, "properties": {"backendAddresses": []}})
    after = re.sub(r'("backendAddressPools":\s*\[)', lambda found: found[1] + pool + ",", before)
    assert after != before

    def interfere():
        wait_for(lambda: puts(at), 120, "the daemon updates the gateway")
        at.stack.sim.set(gatewayUpdateSeconds=0.3)  # from here on; ours is to be under way when the other's comes
        azure._send("PUT", azure._gateway_url(), "https://management.azure.com", after, {"If-Match": "*"})

    thread = threading.Thread(target=interfere)
    thread.start()
    at.end_with(thread.join)


def others_update_stands(at):
    assert named(at.stack.azure.gateway()["properties"], "backendAddressPools", f"{FOREIGN}-pool")
    assert "Canceled" in [one["status"] for one in at.stack.sim.state()["operations"]]


def enable(at, name, is_enabled):
    version = at.stack.azure.certificate(name)["versions"][0]["id"]
    at.stack.azure._send("PATCH", f"{version}?api-version=7.4", "https://vault.azure.net",
                         {"attributes": {"enabled": is_enabled}})


def foreign_certificate_is_disabled(at):
    """Every update fails, and none of ours is to blame."""
    name = f"{FOREIGN}-{at.name}"[:80]
    pem, _ = self_signed(at.directory, "legacy.example.org")
    made = at.stack.azure.import_certificate(name, pem, {})
    foreign_sites(at, [f"legacy-{at.label}.example.org"], secret=made["sid"].rsplit("/", 1)[0])
    enable(at, name, False)
    at.undo_with(lambda: enable(at, name, True))
    at.stack.sim.clear_requests()


def updates_are_put_off(at):
    """Each failed update costs a gateway minutes: 5 s, then twice as long each time."""
    times = [one["time"] for one in puts(at)]
    for number, (one, other) in enumerate(zip(times, times[1:])):
        assert other - one > 3.5 * 2 ** number, times


def own_certificate_is_disabled(at):
    """One of two hostnames that go into the same update cannot be served."""
    other = f"other-{at.hostname}"
    hold = at.stack.sim.fault("PUT", "/applicationGateways/gateway[?]", {
        "status": 429, "headers": {"Retry-After": "1"}, "body": {"error": {
            "code": "RetryableErrorDueToAnotherOperation", "message": "Busy."}}}, -1)
    at.daemon.wish(at.hostname, other)
    for one in (at.hostname, other):
        wait_for(lambda: at.conditions(one)[ISSUED]["status"] == "True", 120)
    enable(at, at.name, False)
    at.undo_with(lambda: enable(at, at.name, True))
    at.stack.sim.clear_faults(hold)
    at.daemon.wait_ready(other)


def vault_forbids_all(code):
    def break_it(at):
        at.daemon.restart()  # what was read lately is not read again
        at.sim(None, "^/(certificates|keys)/", {"status": 403, "body": vault_error(
            "Forbidden", "Client address is not authorized and caller is not a trusted service.", code)})
        at.crowd = [f"crowd-{number}-{at.hostname}" for number in range(8)]
        at.daemon.wish(*at.crowd)
    return break_it


def one_asks_for_all(at):
    """A vault that refuses everybody is asked by one of them at a time."""
    at.stack.sim.clear_requests()
    time.sleep(20)  # luck: no, because this is the window in which little may happen
    asked = [one["time"] for one in at.stack.sim.requests(None, "^/(certificates|keys)/")]
    early = [one for one in asked if one < asked[0] + 20]
    assert len(early) <= 6, f"{len(early)} requests in 20 s: {early}"


def crowd_gets_ready(at):
    at.daemon.api.add_certificates(*at.crowd)
    at.daemon.wait_ready(*at.crowd, deadline=RECOVERY_SECONDS)


def vault_is_throttled(at):
    at.sim("POST", f"^/certificates/{at.name}/create", {"status": 429, "headers": {"Retry-After": "25"},
                                                       "body": vault_error("Throttled", "Request was throttled.")}, 1)


def vault_was_left_in_peace(at):
    asked = at.stack.sim.requests(None, "^/(certificates|keys|deleted)")
    told = next(one["time"] for one in asked if one["status"] == 429)
    early = [one for one in asked if told < one["time"] < told + 25]
    assert not early, early


def ca_is_a_new_one(at):
    """Pebble keeps nothing: after a restart neither our account nor the order that is under way is known."""
    is_new = threading.Event()
    held = at.blobs.fault("PUT", ".", {"until": is_new}, about=at.hostname)
    at.daemon.wish(at.hostname)
    wait_for(lambda: at.daemon.api.hostname(at.hostname)["status"]["step"].startswith("UploadValidationFile"), 60)
    at.stack.restart("pebble")
    at.blobs.clear_faults(held)
    is_new.set()


def ca_is_away_for_a_while(at):
    at.stack.stop("pebble")
    at.daemon.wish(at.hostname)
    wait_for(lambda: at.passes_in_trouble(), 60, "it was tried")
    at.stack.start("pebble")


ROWS = [
    Row("the gateway is stopped", "states", issued_before("Stopped"),
        [(CONFIGURED, "False", "GatewayStopped", "Start it, and the waiting hostnames are configured")],
        outage="GatewayStopped"),
    Row("the gateway has failed", "states", failed_before),
    Row("another update holds the gateway", "updates",
        lambda at: (at.stack.sim.clear_requests(), arm_says(
            "PUT", 429, "RetryableErrorDueToAnotherOperation", "Another operation is in progress.", 2,
            {"Retry-After": "1"})(at)), check=read_before_each_update),
    Row("the gateway changed after it was read", "updates",
        lambda at: (at.stack.sim.clear_requests(), arm_says(
            "PUT", 412, "PreconditionFailedEtagMismatch", "Etag provided in if-match header does not match.", 2)(at)),
        check=read_before_each_update),
    Row("the answer to the update is lost", "updates",
        lambda at: at.sim("PUT", "/applicationGateways/gateway[?]", {"reset": "after"}, 1)),
    Row("the answer to the update is garbled", "updates",
        lambda at: at.sim("PUT", "/applicationGateways/gateway[?]", {"garble": True}, 1)),
    Row("another's update replaces ours", "updates", others_update_wins, check=others_update_stands),
    Row("the update fails for a foreign certificate", "updates", foreign_certificate_is_disabled,
        [(CONFIGURED, "False", "UpdateFailed", "neighbour-.*enable the certificate in Key Vault")],
        still=updates_are_put_off, post=True),
    Row("the update fails for one of our certificates", "updates", own_certificate_is_disabled,
        [(CONFIGURED, "False", "ListenerRejected", "enable the certificate in Key Vault")],
        post=True),
    Row("the gateway is full", "states", is_full,
        [(CONFIGURED, "False", "CapacityExceeded", "Remove some, or use another gateway")]),
    Row("the vault's firewall shuts us out", "vault", vault_forbids_all("ForbiddenByFirewall"),
        [(ISSUED, "False", "ForbiddenByFirewall", "let this machine's address through the vault's firewall")],
        still=one_asks_for_all, mend=crowd_gets_ready, post=True),
    Row("the vault asks to wait", "vault", vault_is_throttled,
        [(ISSUED, "Unknown", "Throttled", "Key Vault")], check=vault_was_left_in_peace),
    Row("the CA is away for a while", "updates", ca_is_away_for_a_while),
    Row("the CA has forgotten account and order", "states", ca_is_a_new_one,
        [(OWNERSHIP, "False", "OrderGone", "does not know the order any more")], post=True),
]


@pytest.fixture(scope="module")
def running(request, tmp_path_factory):
    yield from run_wanted(ROWS, request, tmp_path_factory)


@pytest.mark.parametrize("row", ROWS, ids=[row.sentence for row in ROWS])
def test_it_is_told_and_survived_when(running, row):
    seconds = running.results[row.sentence].result()
    print(f"{row.sentence}: {seconds:.0f} s")


def test_nothing_was_done_that_must_never_be(running):
    assert_nothing_was_done_that_must_never_be(running)
