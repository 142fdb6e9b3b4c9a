"""A CA that takes connections and says nothing, or thinks for long: who needs nothing from it does not notice."""

import pytest

from harness import self_signed, wait_for
from harness.proxy import Proxy

STACK_FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1", "--pebble-env",
               "PEBBLE_WFE_NONCEREJECT=0"]

HANGS_MS = 100000
IMPORT_SECONDS = 25
CROWD = 24
IMPORT = "/api/AddCertificateWithPrivateKeyFunctions_HttpStart"


@pytest.fixture
def ca(stack):
    one = Proxy(stack, stack.acme_directory)
    yield one
    one.close()


@pytest.fixture
def behind(stack, daemon, ca):
    """A daemon that reaches the CA through the proxy."""
    return daemon(stack, config={"AcmeEndpoint": ca.through(stack.acme_directory), "KeyType": "EC-P256"})


def crowd_of(hostname):
    return [f"n{number}-{hostname}" for number in range(CROWD)]


def assert_an_import_passes(gatecertd, hostname):
    both, _ = self_signed(gatecertd.directory, hostname)
    key, certificate = both.split("-----BEGIN CERTIFICATE", 1)
    body = {"hostnames": [{"hostname": hostname, "privatekey": key,
                           "certificate": "-----BEGIN CERTIFICATE" + certificate}]}
    started = wait_for(lambda: one if (one := gatecertd.api.post(IMPORT, body)).status != 503 else None, 30,
                       "the sealing key is known").json()
    wait_for(lambda: gatecertd.api.instance(started)["runtimeStatus"] == "Completed", IMPORT_SECONDS,
             lambda: f"the import is done: {gatecertd.api.instance(started)}")


def test_a_ca_that_never_answers_keeps_one_worker_and_costs_the_vault_nothing(stack, behind, ca, hostname):
    names = crowd_of(hostname)
    ca.fault(None, ".", {"delayMs": HANGS_MS})
    behind.start()
    stack.sim.clear_requests()
    behind.wish(*names)
    wait_for(lambda: ca.requests(), 30, "somebody asks the CA")
    assert_an_import_passes(behind, f"import-{hostname}")
    # The answer to the first one is given up after half a minute.
    wait_for(lambda: len(ca.requests()) > 1, 60, "somebody tries again")
    asked = [one["time"] for one in ca.requests()]
    assert asked[1] - asked[0] > 25 and len(asked) == 2, "one asks at a time"
    account_key = stack.sim.requests("GET", "^/keys/gatecert-acme-account")
    assert len(account_key) <= 3, "the vault is not asked for the account's key by every hostname"
    for name in names:
        assert len(stack.sim.requests("GET", f"^/certificates/{name.replace('.', '-')}")) == 1, "one look at the vault"
    ca.clear_faults()
    behind.wait_ready(*names, deadline=180)


def test_a_ca_that_falls_silent_leaves_workers_for_the_others(stack, behind, ca, hostname):
    behind.start().wish(hostname)
    behind.wait_ready(hostname)
    ca.fault("POST", "^/order-plz", {"delayMs": HANGS_MS})
    behind.wish(*crowd_of(hostname))
    wait_for(lambda: ca.requests("POST", "^/order-plz") and len(ca.requests("POST", "^/order-plz")) > 2, 30,
             "orders hang")
    assert_an_import_passes(behind, f"import-{hostname}")
    assert len(ca.requests("POST", "^/order-plz")) <= 7, "two of eight workers are never the CA's"


def test_an_order_that_is_under_way_at_a_reload_is_made_once(behind, ca, hostname):
    ca.fault("POST", "^/order-plz", {"delayMs": 2000}, times=1)
    behind.start().wish(hostname)
    wait_for(lambda: ca.requests("POST", "^/order-plz"), 30, "an order is asked for")
    behind.reload()
    # The loop serves others meanwhile, and hears of another reload.
    assert behind.api.get("/healthz").status == 200
    behind.reload()
    behind.wait_ready(hostname)
    wait_for(lambda: "configuration reloaded" in behind.log(), 30, "the reload is over")
    assert len(ca.requests("POST", "^/order-plz")) == 1


def test_an_order_that_the_ca_thinks_about_is_made_once(behind, ca, hostname):
    ca.fault("POST", "^/order-plz", {"delayMs": 30000})
    behind.start().wish(hostname)
    behind.wait_ready(hostname)
    assert len(ca.requests("POST", "^/order-plz")) == 1
