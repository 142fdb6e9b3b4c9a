"""Renewal is the same ladder climbed again: unasked, unnoticed by visitors, and without touching the gateway."""

import threading
import time

import pytest

from harness import Gatecertd, wait_for
from harness.watch import Watch

LIFETIME_SECONDS = 40  # so each is due after 20, and has as long for its renewal on a machine with other work
STACK_FLAGS = ["--pebble-config", f"certificateValidityPeriod={LIFETIME_SECONDS}", "--gateway-update-seconds", "1",
               "--azuresim", "vaultPollSeconds=0.5"]

HOSTNAMES = ["one.example.com", "two.example.com", "three.example.com"]
RENEWALS = 2
END_SECONDS = 180
GATEWAY = r"/applicationGateways/gateway\?"


@pytest.fixture(scope="module")
def daemon_alone(stack, tmp_path_factory):
    one = Gatecertd(stack, tmp_path_factory.mktemp("daemon")).start()
    yield one
    one.close()


@pytest.fixture(scope="module")
def watched(stack, daemon_alone):
    """Three hostnames watched until each was seen with a third certificate. Nobody touches anything meanwhile."""
    over = threading.Event()
    watches = {hostname: Watch(stack, hostname, over, daemon_alone.api) for hostname in HOSTNAMES}
    daemon_alone.wish(*HOSTNAMES, keyType="EC-P256")
    daemon_alone.wait_ready(*HOSTNAMES)
    daemon_alone.updates = len(stack.sim.requests("PUT", GATEWAY))
    for watch in watches.values():
        watch.start()
    try:
        wait_for(lambda: all(len(watch.serials) > RENEWALS or watch.wrong for watch in watches.values()), END_SECONDS,
                 lambda: f"each was renewed {RENEWALS} times: {[watch.serials for watch in watches.values()]}")
    finally:
        over.set()
        for watch in watches.values():
            watch.join()
    return daemon_alone, watches


@pytest.mark.parametrize("hostname", HOSTNAMES)
def test_nobody_was_turned_away_and_ready_stayed_true(watched, hostname):
    watch = watched[1][hostname]
    assert watch.wrong == []
    assert watch.visits > LIFETIME_SECONDS


@pytest.mark.parametrize("hostname", HOSTNAMES)
def test_each_was_renewed_and_the_new_certificates_were_served(stack, watched, hostname):
    assert len(watched[1][hostname].serials) > RENEWALS
    versions = stack.azure.certificate(hostname.replace(".", "-"))["versions"]
    assert len(versions) >= 1 + RENEWALS
    assert len({one["x5t"] for one in versions}) == len(versions)


@pytest.mark.parametrize("hostname", HOSTNAMES)
def test_a_renewal_is_told_by_its_condition(watched, hostname):
    assert set(watched[1][hostname].renewing) == {("False", "NotDue"), ("True", "RenewalDue")}


def test_renewals_do_not_update_the_gateway(stack, watched):
    assert len(stack.sim.requests("PUT", GATEWAY)) == watched[0].updates
    assert 1 <= watched[0].updates <= 2


def test_each_renewal_made_one_certificate(stack, watched):
    versions = sum(len(stack.azure.certificate(hostname.replace(".", "-"))["versions"]) for hostname in HOSTNAMES)
    created = [one for one in stack.sim.requests("POST", "^/certificates/[^/]+/create") if one["status"] == 202]
    merged = [one for one in stack.sim.requests("POST", "/pending/merge") if one["status"] == 201]
    assert versions == len(merged) and 0 <= len(created) - len(merged) <= len(HOSTNAMES)


def test_every_renewal_comes_at_half_of_so_short_a_life(watched):
    for hostname in HOSTNAMES:
        status = watched[0].api.hostname(hostname)["status"]
        begin, end, due = (seconds(text) for text in (status["certificate"]["notBefore"],
                                                      status["certificate"]["notAfter"], status["renewalTime"]))
        assert abs(due - (begin + end) / 2) <= 1


def seconds(text):
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))


def test_no_challenge_file_stays_behind(stack, watched):
    wait_for(lambda: stack.azure.blobs() == [], 30, "the container is empty")
