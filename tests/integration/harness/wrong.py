"""Rows of things that go wrong around the daemon, and how one is run.

Each row breaks something, wants a hostname, and then: the right condition says so with a reason and with what to do;
the attempts keep the pace of the design; hostnames that are none of its business stay or become Ready; once mended, the
hostname gets there without a hand (after minutes of trouble the next attempt is minutes away: such rows ask with a
POST), with one certificate, served. Rows run at the same time where they can, as much of this is waiting.
"""

import concurrent.futures
import json
import re
import threading
import time
from dataclasses import dataclass, field

from .azure import gateway_without
from .beside import Outfit
from .gateway import fetch_https
from .local_stack import LocalStack
from .waiting import over, wait_for

STEADY = "steady.example.com"
GRACE_SECONDS = 61
ASK_SECONDS = 10
WATCHED_SECONDS = 8
TOLD_SECONDS = 300  # what lasts has a minute of grace, after attempts that themselves wait for an answer
RECOVERY_SECONDS = 300  # daemons share one gateway here, and whoever meets five others in a row waits half a minute
FOREIGN = "neighbour"
MAIN = "main"

FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1", "--pebble-env",
         "PEBBLE_WFE_NONCEREJECT=0"]
CONFIG = {"KeyType": "EC-P256", "LogLevel": "debug", "GatewayGatherSeconds": 5}

DNS, OWNERSHIP, ISSUED = "DnsResolved", "OwnershipValidated", "CertificateIssued"
REACHABLE, CONFIGURED, READY = "GatewayReachable", "GatewayConfigured", "Ready"
LASTING = r"over a minute.*check"


def vault_error(code, message, inner=None):
    error = {"code": code, "message": message}
    if inner:
        error["innererror"] = {"code": inner}
    return {"error": error}


def problem(kind, detail):
    return {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": 400}


class Case:
    """What a row works on: its stack, a daemon, a hostname of its own, and what is to be undone."""

    def __init__(self, row, stack, directory):
        self.row = row
        self.stack = stack
        self.directory = directory
        # Short, so that its names in vault and gateway are the plain ones.
        self.label = re.sub(r"[^a-z0-9]+", "-", row.sentence.lower()).strip("-")[:40].strip("-")
        self.hostname = f"{self.label}.example.com"
        self.name = self.hostname.replace(".", "-")
        self.outfit = self.daemon = None
        self.ca = self.blobs = self.arm = self.authority = self.dns = None
        self.asks_at = float("inf")
        self._undo = []
        self._ends = []
        self._faults = []

    def undo_with(self, action):
        self._undo.append(action)

    def end_with(self, action):
        self._ends.append(action)

    def undo(self):
        while self._undo:
            self._undo.pop()()

    def close(self):
        self.undo()
        while self._ends:
            self._ends.pop()()

    # --- ways to break ---

    def sim(self, method, path, do, times=-1, after=0):
        ident = self.stack.sim.fault(method, path, do, times, after)
        self.undo_with(lambda: self.stack.sim.clear_faults(ident))

    def at(self, proxy, method, path, do, times=-1, **which):
        """Of its own daemon all requests, else those about its hostname."""
        about = None if self.row.where == "own" else self.hostname
        ident = proxy.fault(method, path, do, times, about=about, **which)
        self._faults.append((proxy, ident))
        self.undo_with(lambda: proxy.clear_faults(ident))

    def order(self, do, times=-1):
        """newOrder of this hostname and of no other."""
        self.at(self.ca, "POST", "/order-plz$", do, times, payload=re.escape(self.hostname))

    def use(self, outfit):
        self.outfit = outfit
        self.daemon, self.ca, self.blobs = outfit.daemon, outfit.ca, outfit.blobs
        self.arm, self.authority, self.dns = outfit.arm, outfit.authority, outfit.dns

    def away(self, server):
        server.away()
        self.undo_with(server.open)

    def setting(self, **settings):
        before = {key: self.stack.sim.state()["settings"][key] for key in settings}
        self.stack.sim.set(**settings)
        self.undo_with(lambda: self.stack.sim.set(**before))

    def restart_with(self, **config):
        """Another configuration, now; the old one again to mend, without a restart."""
        before = {key: self.daemon.config.get(key) for key in config}
        self.daemon.stop()
        self.daemon.configure(**config)
        self.daemon.start()

        def back():
            self.daemon.configure(**before)
            self.daemon.reload()

        self.undo_with(back)

    def reload_with(self, **config):
        before = {key: self.daemon.config.get(key) for key in config}

        def apply(settings):
            self.daemon.configure(**settings)
            self.daemon.reload()

        apply(config)
        self.undo_with(lambda: apply(before))

    # --- what is seen ---

    def were_met(self):
        """Every fault that a proxy was given struck."""
        return all(proxy.hits(ident) for proxy, ident in self._faults)

    def conditions(self, hostname=None):
        status = (self.daemon.api.hostname(hostname or self.hostname) or {}).get("status") or {}
        return {one["type"]: one for one in status.get("conditions", [])}

    def passes_in_trouble(self, since=0.0, until=float("inf"), name=None):
        """Log lines of the passes over this hostname, or another object, that ended in an error."""
        return [line for line in self.daemon.log().splitlines()
                if "pass ended" in line and f"object={name or self.hostname} " in line
                and since <= stamp_of(line) < until]

    def asked_of_the_ca(self, path):
        return self.ca.requests("POST", path, None if self.row.where == "own" else self.hostname)

    def versions(self):
        """Of its certificate; a key that waits for one is none."""
        found = self.stack.azure.certificate(self.vault_name())
        return [one for one in found["versions"] if "cer" in one] if found else []

    def vault_name(self):
        return self.daemon.api.hostname(self.hostname)["status"]["certificate"]["vaultName"]

    def vault_requests(self, method, rest):
        return self.stack.sim.requests(method, f"^/certificates/{self.name}{rest}")


def stamp_of(line):
    """Seconds since the epoch of a log line."""
    stamp = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z", line)
    if not stamp:
        return 0.0
    return time.mktime(time.strptime(stamp[1] + " UTC", "%Y-%m-%dT%H:%M:%S %Z")) - time.timezone + int(stamp[2]) / 1000


@dataclass
class Row:
    """`where`: hostname (one daemon for all such rows: the fault is one hostname's), own (a daemon of its own), else
    the name of a stack, on which it is one row after the other: the fault is everybody's."""

    sentence: str
    where: str
    break_it: object
    expect: list = field(default_factory=list)  # (condition, status, reason, pattern of the message)
    lasts: bool = False  # so long that the next attempt is minutes away
    mend: object = None
    post: bool = False
    check: object = None  # at the end, for what this row alone must have seen
    still: object = None  # while it is broken
    fetched: bool = True
    outage: str = None  # the reason for which nobody is Ready meanwhile


def change(at, how):
    """A change of the gateway by somebody who, as the daemons, starts over when another was quicker."""
    def attempt():
        if at.stack.azure.gateway()["properties"]["provisioningState"] == "Updating":
            return False
        at.stack.azure.change_gateway(lambda document: how(document["properties"]))
        return True

    wait_for(attempt, 60, "the gateway could be changed")


def without(value, names):
    """A part of a document less all that is of these names, or refers to it."""
    if isinstance(value, dict):
        return {key: without(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [without(one, names) for one in value if not isinstance(one, dict) or (
            one.get("name") not in names and str(one.get("id")).rsplit("/", 1)[-1] not in names)]
    return value


def named(properties, collection, name):
    return next((one for one in properties[collection] if one["name"] == name), None)


def foreign_sites(at, hostnames, protocol="Https", secret=None):
    """Listeners and rules of somebody else, taken away again to mend."""
    gateway = at.stack.gateway_id
    names = [f"{FOREIGN}-{hostname.replace('.', '-')}" for hostname in hostnames]

    def add(properties):
        public = next(one for one in properties["frontendIPConfigurations"]
                      if one["properties"].get("publicIPAddress"))["name"]
        port = next(one for one in properties["frontendPorts"]
                    if one["properties"]["port"] == (443 if protocol == "Https" else 80))["name"]
        rule = next(one for one in properties["requestRoutingRules"]
                    if one["properties"].get("backendAddressPool"))["properties"]
        used = {one["properties"].get("priority") for one in properties["requestRoutingRules"]}
        free = iter(number for number in range(500, 5000) if number not in used)
        certificate = properties["sslCertificates"][0]["name"] if properties["sslCertificates"] else None
        if secret:
            certificate = names[0]
            properties["sslCertificates"].append({"name": certificate, "properties": {"keyVaultSecretId": secret}})
        for name, hostname in zip(names, hostnames):
            listener = {"frontendIPConfiguration": {"id": f"{gateway}/frontendIPConfigurations/{public}"},
                        "frontendPort": {"id": f"{gateway}/frontendPorts/{port}"}, "protocol": protocol,
                        "hostName": hostname}
            if protocol == "Https":
                listener["requireServerNameIndication"] = True
                listener["sslCertificate"] = {"id": f"{gateway}/sslCertificates/{certificate}"}
            properties["httpListeners"].append({"name": name, "properties": listener})
            properties["requestRoutingRules"].append({"name": name, "properties": {
                "ruleType": "Basic", "priority": next(free),
                "httpListener": {"id": f"{gateway}/httpListeners/{name}"},
                "backendAddressPool": rule["backendAddressPool"],
                "backendHttpSettings": rule["backendHttpSettings"]}})

    def remove(properties):
        properties.update(without(properties, names))

    change(at, add)
    at.undo_with(lambda: change(at, remove))


def vault(method, rest, do, times=-1):
    """A fault of the certificate of this hostname."""
    return lambda at: at.sim(method, f"^/certificates/{at.name}{rest}", do, times)


def created_once(at):
    assert len(at.vault_requests("POST", "/create")) == 1


def says(at, expected):
    if at.asks_at < time.monotonic():
        at.daemon.api.add_certificates(at.hostname)
        at.asks_at += ASK_SECONDS
    kind, status, reason, pattern = expected
    found = at.conditions().get(kind)
    if not found or found["status"] != status or (reason and found["reason"] != reason):
        time.sleep(0.3)  # luck: no, because it only paces the polls
        return None
    assert re.search(pattern, found["message"]), f"the message does not say {pattern!r}: {found}"
    return found


def assert_paced(at):
    """Not more than an attempt per second, and nothing in the conditions that changes with each."""
    began, before = time.time(), at.conditions()
    time.sleep(WATCHED_SECONDS)  # luck: no, because this is the window in which little may happen
    for name in (at.hostname, "gateway"):
        attempts = at.passes_in_trouble(began, began + WATCHED_SECONDS, name)
        assert len(attempts) <= WATCHED_SECONDS, (
            f"{len(attempts)} attempts in {WATCHED_SECONDS} s:\n" + "\n".join(attempts))
    after = at.conditions()
    for kind in before:
        assert after[kind] == before[kind], "the condition changes although nothing does"


def transition(at, hostname):
    condition = at.conditions(hostname)[READY]
    assert condition["status"] == "True", f"{hostname} is not Ready: {condition}"
    return condition["lastTransitionTime"]


def run(at):
    """One row from start to end."""
    row = at.row
    steady_since = transition(at, STEADY)
    row.break_it(at)
    at.daemon.wish(at.hostname)
    if row.lasts:  # the first try behind the grace tells: by itself, it may be a minute later
        at.asks_at = time.monotonic() + GRACE_SECONDS
    if row.expect:
        for expected in row.expect:
            wait_for(lambda one=expected: says(at, one), TOLD_SECONDS, lambda one=expected: (
                f"{at.hostname} shows {one}; it shows {json.dumps(at.conditions(), indent=1)}"))
        condition = at.conditions()[READY]
        assert condition["status"] == "False", condition
        assert_paced(at)
        if row.still:
            row.still(at)
        if row.outage:
            condition = at.conditions(STEADY)[READY]
            assert (condition["status"], condition["reason"]) == ("False", row.outage), condition
        else:
            assert transition(at, STEADY) == steady_since, "a hostname that was Ready has suffered"
        at.undo()
    if row.mend:
        row.mend(at)
    if row.post or row.lasts:
        at.daemon.api.add_certificates(at.hostname)
    at.daemon.wait_ready(at.hostname, deadline=RECOVERY_SECONDS)
    wait_for(lambda: all(one["status"] == "True" for kind, one in at.conditions().items() if kind != "Renewing"), 60,
             lambda: f"all is well: {json.dumps(at.conditions(), indent=1)}")
    if row.outage:
        at.daemon.wait_ready(STEADY)
    else:
        assert transition(at, STEADY) == steady_since, "a hostname that was Ready has suffered"
    assert len(at.versions()) == 1, "one certificate, made once"
    assert at.were_met(), "nothing went wrong at all"
    if row.fetched:
        wait_for(lambda: fetch_https(at.stack, at.hostname).names == [at.hostname], 60, "served")
    if row.check:
        row.check(at)


class Chain:
    """A stack with a daemon to which a hostname was Ready before anything went wrong."""

    def __init__(self, directory):
        self.stack = LocalStack(directory / "stack").up(*FLAGS)
        self.outfit = None
        try:
            self.outfit = equip(self.stack, directory / "daemon")
            self.foreign = foreign_parts(self.stack)
        except BaseException:
            self.close()
            raise

    def close(self):
        try:
            if self.outfit:
                self.outfit.close()
        finally:
            self.stack.down()


def equip(stack, directory):
    outfit = Outfit(stack, directory, CONFIG)
    try:
        outfit.daemon.start()
        outfit.daemon.wish(STEADY)
        outfit.daemon.wait_ready(STEADY, deadline=RECOVERY_SECONDS)
    except BaseException:
        outfit.close()
        raise
    return outfit


class Running:
    """Rows that wait at the same time; each test then looks at its own."""

    def __init__(self, rows, directory):
        self.directory = directory
        self.is_over = False
        self.pool = concurrent.futures.ThreadPoolExecutor(len(rows) + 1)
        self.chains = self.start_chains({chain_of(row) for row in rows})
        self.starting = threading.Semaphore(3)
        self.results = {row.sentence: concurrent.futures.Future() for row in rows}
        assert len({Case(row, None, None).label for row in rows}) == len(rows), "two rows would share a hostname"
        # What is wrong with a gateway or a service is so for all who share the stack: one at a time.
        lines = [[row] for row in rows if chain_of(row) == MAIN] + [
            [row for row in rows if chain_of(row) == name] for name in self.chains if name != MAIN]
        self.lines = [self.pool.submit(self.work_off, line) for line in lines]

    def start_chains(self, names):
        """All or none."""
        started = {name: self.pool.submit(Chain, self.directory / name) for name in names}
        try:
            return {name: one.result() for name, one in started.items()}
        except BaseException:
            with over():
                concurrent.futures.wait(started.values())
            for one in started.values():
                if not one.exception():
                    one.result().close()
            raise

    def work_off(self, rows):
        for row in rows:
            if self.is_over:
                return
            try:
                self.results[row.sentence].set_result(self.run(row))
            except BaseException as error:
                self.results[row.sentence].set_exception(error)

    def run(self, row):
        chain = self.chains[chain_of(row)]
        directory = self.directory / re.sub("[^a-z]+", "-", row.sentence.lower())
        directory.mkdir()
        at = Case(row, chain.stack, directory)
        began = time.monotonic()
        try:
            if row.where == "own":
                with self.starting:
                    at.use(equip(chain.stack, directory))
                at.end_with(at.outfit.close)
            else:
                at.use(chain.outfit)
            run(at)
        except Exception as error:
            log = at.daemon.log().splitlines() if at.daemon else []
            told = [line for line in log if at.hostname in line or "controller=gateway" in line]
            raise AssertionError(f"{error}\n--- the log of its daemon:\n" + "\n".join(told[-60:])) from error
        finally:
            at.close()
        return time.monotonic() - began

    def close(self):
        with over():
            self.is_over = True
            self.pool.shutdown(wait=True, cancel_futures=True)
        for one in self.chains.values():
            one.close()


def chain_of(row):
    return MAIN if row.where in ("hostname", "own") else row.where


def foreign_parts(stack):
    """The gateway without what the rows made of it."""
    document = stack.azure.gateway()
    names = {one["name"] for elements in document["properties"].values() if isinstance(elements, list)
             for one in elements if "example-com" in one["name"] or one["name"].startswith(FOREIGN)}
    return gateway_without(document, names)


def run_wanted(rows, request, tmp_path_factory):
    """A fixture's generator: those of the rows that were chosen run, while tests wait for their results."""
    wanted = {item.callspec.params["row"].sentence for item in request.session.items
              if item.module is request.module and hasattr(item, "callspec")}
    one = Running([row for row in rows if row.sentence in wanted], tmp_path_factory.mktemp("wrong"))
    yield one
    one.close()


def assert_nothing_was_done_that_must_never_be(running):
    concurrent.futures.wait(running.lines)
    for chain in running.chains.values():
        never = chain.stack.sim.state()["never"]
        last = never.pop("last")
        assert not any(never.values()), f"{never} {last}"
        assert foreign_parts(chain.stack) == chain.foreign
