"""A CA that takes connections and says nothing, or thinks for long: who needs nothing from it does not notice."""

import contextlib

from harness import self_signed, wait_for
from harness.beside import daemon_beside
from harness.proxy import Proxy
from harness.together import beside, running_beside

STACK_FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1", "--pebble-env",
               "PEBBLE_WFE_NONCEREJECT=0"]

HANGS_MS = 100000
THINKS_MS = 17000  # longer than an answer that has begun may stand still, and than most requests may take
PATIENCE_SECONDS = 10
CROWD = 24
WORKERS = 8
READY_SECONDS = 300
IMPORT = "/api/AddCertificateWithPrivateKeyFunctions_HttpStart"
ORDER = "^/order-plz"


class Bench:
    """A hostname, and a daemon that reaches the CA through a proxy."""

    def __init__(self, stack, directory, label):
        self.stack = stack
        self.directory = directory
        self.hostname = f"{label}.example.com"
        self.ca = Proxy(stack, stack.acme_directory)
        self._ends = contextlib.ExitStack()
        self._ends.callback(self.ca.close)
        self._daemon = None

    def daemon(self, **config):
        """Not started."""
        self._daemon = daemon_beside(self.stack, self.directory, {
            "AcmeEndpoint": self.ca.through(self.stack.acme_directory), "KeyType": "EC-P256", "Workers": WORKERS,
            **config})
        self._ends.callback(self._daemon.close)
        return self._daemon

    def log_tail(self):
        return self._daemon.log_tail() if self._daemon else ""

    def close(self):
        self._ends.close()


running = running_beside(at_once=3, new_bench=Bench)


def crowd_of(hostname):
    return [f"n{number}-{hostname}" for number in range(CROWD)]


def assert_an_import_passes(gatecertd, hostname):
    """It would stand behind the whole crowd if that had taken the workers; how often the CA was asked until then, the
    caller judges."""
    both, _ = self_signed(gatecertd.directory, hostname)
    key, certificate = both.split("-----BEGIN CERTIFICATE", 1)
    body = {"hostnames": [{"hostname": hostname, "privatekey": key,
                           "certificate": "-----BEGIN CERTIFICATE" + certificate}]}
    started = wait_for(lambda: one if (one := gatecertd.api.post(IMPORT, body)).status != 503 else None, 60,
                       "the sealing key is known").json()
    wait_for(lambda: gatecertd.api.instance(started)["runtimeStatus"] == "Completed", READY_SECONDS,
             lambda: f"the import is done: {gatecertd.api.instance(started)}")


@beside(alone=lambda: True)
def test_a_ca_that_never_answers_keeps_one_worker_and_costs_the_vault_nothing(bench):
    """What the vault is asked is counted for the whole stack."""
    stack, ca, names = bench.stack, bench.ca, crowd_of(bench.hostname)
    ca.fault(None, ".", {"delayMs": HANGS_MS})
    one = bench.daemon(RequestTimeoutSeconds=PATIENCE_SECONDS).start()
    stack.sim.clear_requests()
    one.wish(*names)
    wait_for(ca.requests, 60, "somebody asks the CA")
    assert_an_import_passes(one, f"import-{bench.hostname}")
    assert len(ca.requests()) < WORKERS, "the import stood behind those who wait for the CA"
    wait_for(lambda: len(ca.requests()) > 1, 120, "somebody tries again")
    asked = [one["time"] for one in ca.requests()]
    assert all(late - early > PATIENCE_SECONDS - 1 for early, late in zip(asked, asked[1:])), "one asks at a time"
    account_key = stack.sim.requests("GET", "^/keys/gatecert-acme-account")
    assert len(account_key) <= 3, "the vault is not asked for the account's key by every hostname"
    for name in names:
        assert len(stack.sim.requests("GET", f"^/certificates/{name.replace('.', '-')}")) == 1, "one look at the vault"
    ca.clear_faults()
    one.wait_ready(*names, deadline=READY_SECONDS)


@beside()
def test_a_ca_that_falls_silent_leaves_workers_for_the_others(bench):
    one, ca = bench.daemon().start(), bench.ca
    one.wish(bench.hostname)
    one.wait_ready(bench.hostname, deadline=READY_SECONDS)
    ca.fault("POST", ORDER, {"delayMs": HANGS_MS})
    one.wish(*crowd_of(bench.hostname))
    wait_for(lambda: len(ca.requests("POST", ORDER)) > 2, 120, "orders hang")
    assert_an_import_passes(one, f"import-{bench.hostname}")
    assert len(ca.requests("POST", ORDER)) < WORKERS, "two of eight workers are never the CA's"


@beside()
def test_an_order_that_is_under_way_at_a_reload_is_made_once(bench):
    ca = bench.ca
    ca.fault("POST", ORDER, {"delayMs": 2000}, times=1)
    one = bench.daemon().start()
    one.wish(bench.hostname)
    wait_for(lambda: ca.requests("POST", ORDER), 60, "an order is asked for")
    one.reload()
    # The loop serves others meanwhile, and hears of another reload.
    assert one.api.get("/healthz").status == 200
    one.reload()
    one.wait_ready(bench.hostname, deadline=READY_SECONDS)
    wait_for(lambda: "configuration reloaded" in one.log(), 60, "the reload is over")
    assert len(ca.requests("POST", ORDER)) == 1


@beside()
def test_an_order_that_the_ca_thinks_about_is_made_once(bench):
    bench.ca.fault("POST", ORDER, {"delayMs": THINKS_MS})
    one = bench.daemon().start()
    one.wish(bench.hostname)
    one.wait_ready(bench.hostname, deadline=READY_SECONDS)
    assert len(bench.ca.requests("POST", ORDER)) == 1
