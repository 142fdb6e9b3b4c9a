"""Renewals of a daemon that is killed again and again."""

import os
import random
import re
import threading
import time

from harness import wait_for
from harness.watch import Watch

LIFETIME_SECONDS = 40  # so each is due after 20, and has as long for its renewal on a machine with other work
STACK_FLAGS = ["--pebble-config", f"certificateValidityPeriod={LIFETIME_SECONDS}", "--gateway-update-seconds", "1",
               "--azuresim", "vaultPollSeconds=0.5"]

HOSTNAMES = ["one.example.com", "two.example.com", "three.example.com"]
END_SECONDS = 180
GATEWAY = r"/applicationGateways/gateway\?"


def issued(stack):
    with open(os.path.join(stack.directory, "logs", "pebble.log"), encoding="utf-8", errors="replace") as file:
        return len(re.findall("Issued certificate serial", file.read()))


def stored(stack):
    return sum(len(stack.azure.certificate(hostname.replace(".", "-"))["versions"]) for hostname in HOSTNAMES)


def test_renewals_go_on_through_kill_after_kill(stack, gatecertd):
    """Whenever the daemon dies: every certificate that was issued is stored, and nobody is turned away."""
    over, moments = threading.Event(), random.Random(12)  # luck: no, because 12 is the seed
    watches = [Watch(stack, hostname, over) for hostname in HOSTNAMES]
    gatecertd.wish(*HOSTNAMES, keyType="EC-P256")
    gatecertd.wait_ready(*HOSTNAMES)
    before, until, updates = issued(stack), time.monotonic() + END_SECONDS, len(stack.sim.requests("PUT", GATEWAY))
    for watch in watches:
        watch.start()
    try:
        # From the one that serves now to the one after the next.
        while not all(len(watch.serials) > 2 or watch.wrong for watch in watches):
            assert time.monotonic() < until, [watch.serials for watch in watches]
            time.sleep(moments.uniform(0.1, 1.5))  # luck: no, because any moment is right
            gatecertd.kill()
            gatecertd.start()
    finally:
        over.set()
        for watch in watches:
            watch.join()
    assert [watch.wrong for watch in watches] == [[], [], []]
    assert issued(stack) > before
    wait_for(lambda: stored(stack) == issued(stack), 60, "every certificate that was issued is in the vault")
    assert len(stack.sim.requests("PUT", GATEWAY)) == updates
