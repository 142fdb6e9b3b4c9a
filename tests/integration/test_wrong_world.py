"""The wrong world: one row per thing that goes wrong around the daemon.

Each row breaks something, wants a hostname, and then: the right condition says so with a reason and with what to do;
the attempts keep the pace of the design; hostnames that are none of its business stay or become Ready; once mended, the
hostname gets there without a hand (after minutes of trouble the next attempt is minutes away: such rows ask with a
POST), with one certificate, served. Rows run at the same time where they can, as much of this is waiting.
"""

import concurrent.futures
import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field

import pytest

from harness import Api, Gatecertd, LocalStack, fetch_https, gateway_without, self_signed, wait_for
from harness.proxy import DnsProxy, Proxy

ELSEWHERE = "198.51.100.7"
STEADY = "steady.example.com"
HICCUP_SECONDS = 150  # a minute of grace, after attempts that themselves wait for an answer
WATCHED_SECONDS = 8
RECOVERY_SECONDS = 180  # many daemons share one gateway here, and whoever meets five others in a row waits half a minute
FOREIGN = "neighbour"
MAIN = "main"

FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1", "--pebble-env",
         "PEBBLE_WFE_NONCEREJECT=0"]
CONFIG = {"KeyType": "EC-P256", "LogLevel": "debug", "Workers": 4}

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
        self.daemon = None
        self.ca = self.blobs = self.arm = self.authority = self.dns = None
        self._undo = []
        self._ends = []

    def undo_with(self, action):
        self._undo.append(action)

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

    def at(self, proxy, method, path, do, times=-1, after=0, payload=None, behind=None):
        ident = proxy.fault(method, path, do, times, after, payload, behind)
        self.undo_with(lambda: proxy.clear_faults(ident))

    def order(self, do, times=-1):
        """newOrder of this hostname and of no other."""
        self.at(self.ca, "POST", "/order-plz$", do, times, payload=re.escape(self.hostname))

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

    def conditions(self, hostname=None):
        status = (self.daemon.api.hostname(hostname or self.hostname) or {}).get("status") or {}
        return {one["type"]: one for one in status.get("conditions", [])}

    def passes_in_trouble(self, since=0.0, name=None):
        """Log lines of the passes over this hostname, or another object, that ended in an error."""
        return [line for line in self.daemon.log().splitlines()
                if "pass ended" in line and f"object={name or self.hostname} " in line and stamp_of(line) >= since]

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
    """`where`: hostname (one daemon for all such rows: the fault is one hostname's), own (a daemon of its own behind
    proxies), gateway or service (one row after the other, on a stack of their own)."""

    sentence: str
    where: str
    break_it: object
    expect: list = field(default_factory=list)  # (condition, status, reason, pattern of the message)
    within: float = 40
    mend: object = None
    post: bool = False
    check: object = None  # at the end, for what this row alone must have seen
    still: object = None  # while it is broken
    fetched: bool = True
    outage: str = None  # reason for which nobody is Ready meanwhile


# --- hostname rows: how to break -------------------------------------------------------------------------------


def points_elsewhere(at):
    at.stack.dns.set_a(at.hostname, ELSEWHERE)
    at.undo_with(lambda: at.stack.dns.clear_a(at.hostname))


def points_elsewhere_in_ipv6(at):
    at.stack.dns.set_aaaa(at.hostname, "2001:db8::7")
    at.undo_with(lambda: at.stack.dns.clear_aaaa(at.hostname))


def is_servfail(at):
    at.stack.dns.set_servfail(at.hostname)
    at.undo_with(lambda: at.stack.dns.clear_servfail(at.hostname))


def dns_says(what):
    def break_it(at):
        at.dns.say(at.hostname, what)
        at.undo_with(lambda: at.dns.say(at.hostname, None))
    return break_it


def forbids_by_caa(at):
    directory = at.ca.forward("GET", "/dir", {"Host": at.ca.url[8:]}, b"")[2].decode()
    body = json.loads(directory)
    body.setdefault("meta", {})["caaIdentities"] = ["ca.example.net"]
    at.ca.fault("GET", "^/dir$", {"body": body})
    at.daemon.restart()  # the directory is kept for a day
    at.stack.dns.set_caa(at.hostname, ("issue", "other.example.org"))
    at.undo_with(lambda: at.stack.dns.clear_caa(at.hostname))


def vault(method, rest, do, times=-1):
    """A fault of the certificate of this hostname."""
    return lambda at: at.sim(method, f"^/certificates/{at.name}{rest}", do, times)


def pending_of_another(at):
    azure = at.stack.azure
    url = f"{at.stack.vault_url}/certificates/{at.name}"
    azure._send("POST", f"{url}/create?api-version=7.4", "https://vault.azure.net", {
        "policy": {"issuer": {"name": "Unknown"}, "key_props": {"kty": "EC", "crv": "P-256"},
                   "x509_props": {"subject": f"CN={at.hostname}", "sans": {"dns_names": [at.hostname]}}}})
    at.undo_with(lambda: azure._send("DELETE", f"{url}/pending?api-version=7.4", "https://vault.azure.net"))


def pending_still_stands(at):
    assert at.stack.azure.certificate(at.name)["pending"]["status"] == "inProgress"
    assert not at.vault_requests("DELETE", "/pending")


def soft_deleted_of_ours(at):
    pem, _ = self_signed(at.directory, at.hostname)
    at.stack.azure.import_certificate(at.name, pem, {"Hostname": at.hostname})
    at.stack.azure._send("DELETE", f"{at.stack.vault_url}/certificates/{at.name}?api-version=7.4",
                         "https://vault.azure.net")


def soft_deleted_of_another(at):
    pem, _ = self_signed(at.directory, at.hostname)
    at.stack.azure.import_certificate(at.name, pem, {"Hostname": "somebody.example.org"})
    at.stack.azure._send("DELETE", f"{at.stack.vault_url}/certificates/{at.name}?api-version=7.4",
                         "https://vault.azure.net")
    at.before = at.stack.azure.certificate(at.name)


def was_recovered(at):
    assert len(at.stack.sim.requests("POST", f"^/deletedcertificates/{at.name}/recover")) == 1


def taken_by_another(at):
    pem, _ = self_signed(at.directory, "somebody.example.org")
    at.stack.azure.import_certificate(at.name, pem, {"Hostname": "somebody.example.org"})
    at.before = at.stack.azure.certificate(at.name)


def other_is_untouched(at):
    assert at.vault_name() != at.name
    assert at.stack.azure.certificate(at.name) == at.before


def created_once(at):
    assert len(at.vault_requests("POST", "/create")) == 1


def merged_once(at):
    assert len(at.vault_requests("POST", "/pending/merge")) == 1


HOSTNAME_ROWS = [
    Row("the hostname points elsewhere", "hostname", points_elsewhere,
        [(DNS, "False", "WrongTarget", rf"{ELSEWHERE}.*Point all its A and AAAA records at the gateway")]),
    Row("the hostname has an address elsewhere in IPv6", "hostname", points_elsewhere_in_ipv6,
        [(DNS, "False", "WrongTarget", r"2001:db8::7.*Point all its A and AAAA records at the gateway")]),
    Row("the name server says SERVFAIL", "hostname", is_servfail,
        [(DNS, "Unknown", "LookupFailed", "SERVFAIL.*" + LASTING)], within=HICCUP_SECONDS),
    Row("the vault fails for a while", "hostname", vault(None, "[/?]", {"status": 500, "body": ""}, 3)),
    Row("the vault forbids creating by role", "hostname",
        vault("POST", "/create", {"status": 403, "body": vault_error("Forbidden", "Caller is not authorized to perform "
              "action on resource.", "ForbiddenByRbac")}),
        [(ISSUED, "False", "ForbiddenByRbac", "grant the role Key Vault Certificates Officer")]),
    Row("the vault forbids reading by access policy", "hostname",
        vault("GET", "[?]", {"status": 403, "body": vault_error("Forbidden", "The user does not have certificates get "
              "permission on key vault.", "AccessDenied")}),
        [(ISSUED, "False", "AccessDenied", "permit it in the vault's access policies")]),
    Row("the vault fails when asked to create", "hostname",
        vault("POST", "/create", {"status": 500, "body": vault_error("InternalServerError", "Something went wrong.")}),
        [(ISSUED, "Unknown", "InternalServerError", "500.*" + LASTING)], within=HICCUP_SECONDS),
    Row("the vault creates and says that it failed", "hostname",
        vault("POST", "/create", {"status": 503, "apply": True, "body": vault_error("Unavailable", "Busy.")}, 1),
        check=created_once),
    Row("the vault creates and breaks the connection", "hostname", vault("POST", "/create", {"reset": "after"}, 1),
        check=created_once),
    Row("the vault breaks the connection before it creates", "hostname",
        vault("POST", "/create", {"reset": "before"}, 2)),
    Row("the vault merges and breaks the connection", "hostname",
        vault("POST", "/pending/merge", {"reset": "after"}, 1), check=merged_once),
    Row("the vault merges and garbles its answer", "hostname",
        vault("POST", "/pending/merge", {"garble": True}, 1), check=merged_once),
    Row("the vault fails when asked to merge", "hostname",
        vault("POST", "/pending/merge", {"status": 500, "body": vault_error("InternalServerError", "Something.")}, 3)),
    Row("the vault's answer is garbled", "hostname", vault(None, "/(create|pending)", {"garble": True}),
        [(ISSUED, "Unknown", "InvalidJson", LASTING)], within=HICCUP_SECONDS, check=created_once),
    Row("the vault's answer is truncated", "hostname", vault("GET", "[?]", {"truncate": 10}),
        [(ISSUED, "Unknown", "ConnectionLost", LASTING)], within=HICCUP_SECONDS),
    Row("the vault's answer is too large", "hostname", vault("GET", "[?]", {"oversize": 400000}),
        [(ISSUED, "Unknown", "ReplyTooLarge", LASTING)], within=HICCUP_SECONDS),
    Row("the vault is too slow", "hostname", vault("GET", "[?]", {"delayMs": 12000}),
        [(ISSUED, "Unknown", "Timeout", LASTING)], within=HICCUP_SECONDS),
    Row("somebody else's operation is pending in the vault", "hostname", pending_of_another,
        [(ISSUED, "False", "PendingConflict", "Complete or delete it")], still=pending_still_stands),
    Row("the certificate of that name was deleted", "hostname", soft_deleted_of_ours, check=was_recovered,
        fetched=False),
    Row("a deleted certificate of that name is another hostname's", "hostname", soft_deleted_of_another,
        check=other_is_untouched),
    Row("the name in the vault is another hostname's", "hostname", taken_by_another, check=other_is_untouched),
    Row("a foreign listener serves the hostname", "hostname",
        lambda at: foreign_sites(at, [at.hostname]),
        [(CONFIGURED, "False", "ListenerConflict", "Remove it, or withdraw the hostname here")]),
]


# --- rows with a daemon of their own ---------------------------------------------------------------------------


def no_orders_meanwhile(at):
    """What the CA counts is not repeated at Azure's pace."""
    before = len(at.ca.requests("POST", "/order-plz$"))
    time.sleep(12)
    assert len(at.ca.requests("POST", "/order-plz$")) == before


def the_ca_sees_another_world(at):
    at.dns.say(at.hostname, at.stack.gateway_ip)
    at.stack.dns.set_a(at.hostname, "127.0.0.3")
    at.undo_with(lambda: at.stack.dns.clear_a(at.hostname))


def was_left_in_peace(seconds, path="."):
    """Between the 429 and its Retry-After nothing was sent to the CA."""
    def check(at):
        told = next(one["time"] for one in at.ca.requests("POST", "/order-plz$") if one["status"] == 429)
        early = [one for one in at.ca.requests(None, path)
                 if told < one["time"] < told + seconds and one["status"] != 429]
        assert not early, early
    return check


def start_over(at):
    """A failed sign-in is remembered for all, longer each time; SIGHUP forgets it."""
    at.daemon.reload()


def finalized_once(at):
    for path in ("/order-plz$", "/finalize-order/"):
        assert len(at.ca.requests("POST", path)) == 1, at.ca.requests("POST", path)


def misses(path, status=404, kind="malformed"):
    """The CA says once, behind the finalize, that it does not know what it has."""
    return lambda at: at.at(at.ca, "POST", path, {"status": status, "body": problem(kind, "not found")}, 1,
                            behind="/finalize-order/")


def old_order(at):
    url = at.ca.url
    at.order({"status": 201, "headers": {"Location": f"{url}/my-order/old"}, "body": {
        "status": "valid", "finalize": f"{url}/finalize-order/old", "certificate": f"{url}/certZ/old"}})


SIGN_IN_FAILS = [(ISSUED, "Unknown", "AzureAuthUnavailable", "sign-in with client secret.*" + LASTING)]

OWN_ROWS = [
    Row("the name server does not know the hostname", "own", dns_says("nxdomain"),
        [(DNS, "False", "NXDomain", "Point an A record at the Application Gateway")]),
    Row("the name server garbles its answer", "own", dns_says("garbled"),
        [(DNS, "Unknown", "LookupFailed", "garbled.*" + LASTING)], within=HICCUP_SECONDS),
    Row("the name server is away", "own", lambda at: at.away(at.dns),
        [(DNS, "Unknown", "LookupFailed", "no answer.*" + LASTING)], within=HICCUP_SECONDS),
    Row("CAA records forbid the CA", "own", forbids_by_caa,
        [(DNS, "False", "CAAForbids", r"Add: .*CAA 0 issue \"ca\.example\.net\"")]),
    Row("the CA cannot be reached", "own", lambda at: at.away(at.ca),
        [(OWNERSHIP, "Unknown", "ConnectFailed", LASTING)], within=HICCUP_SECONDS),
    Row("the CA fails for a while", "own",
        lambda at: at.at(at.ca, None, ".", {"status": 502, "body": "<html>Bad Gateway</html>"}, 3)),
    Row("the CA asks to wait", "own",
        lambda at: at.order({"status": 429, "headers": {"Retry-After": "15"},
                             "body": problem("rateLimited", "too many new orders recently")}, 1),
        [(OWNERSHIP, "Unknown", "Throttled", "CA")], check=was_left_in_peace(15)),
    Row("the CA asks to wait and the daemon restarts", "own",
        lambda at: at.order({"status": 429, "headers": {"Retry-After": "30"},
                             "body": problem("rateLimited", "too many certificates already issued")}, 1),
        [(OWNERSHIP, "Unknown", "Throttled", "CA")], still=lambda at: at.daemon.restart(),
        check=was_left_in_peace(30, "/order-plz$")),
    Row("the CA fails", "own",
        lambda at: at.order({"status": 500, "body": problem("serverInternal", "Internal error")}),
        [(OWNERSHIP, "Unknown", "CAUnavailable", LASTING)], within=HICCUP_SECONDS),
    Row("the CA garbles its directory", "own",
        lambda at: (at.at(at.ca, "GET", "^/dir$", {"garble": True}), at.daemon.restart()),
        [(OWNERSHIP, "Unknown", "CAAnswerUnclear", LASTING)], within=HICCUP_SECONDS),
    Row("the CA's answer is truncated", "own",
        lambda at: at.at(at.ca, "POST", "/(sign-me-up|order-plz)", {"truncate": 20}),
        [(OWNERSHIP, "Unknown", "ConnectionLost", LASTING)], within=HICCUP_SECONDS),
    Row("the CA's answer is too large", "own",
        lambda at: at.at(at.ca, "POST", "/(sign-me-up|order-plz)", {"oversize": 400000}),
        [(OWNERSHIP, "Unknown", "ReplyTooLarge", LASTING)], within=HICCUP_SECONDS),
    Row("the CA is too slow", "own",
        lambda at: (at.at(at.ca, "GET", "^/dir$", {"delayMs": 32000}), at.daemon.restart()),
        [(OWNERSHIP, "Unknown", "Timeout", LASTING)], within=200),
    Row("the CA rejects the name", "own",
        lambda at: at.order({"status": 400, "body": problem("rejectedIdentifier", "Policy forbids this name")}),
        [(OWNERSHIP, "False", "IdentifierRejected", "Policy forbids this name")], post=True,
        still=no_orders_meanwhile),
    Row("the CA cannot validate the hostname", "own", the_ca_sees_another_world,
        [(OWNERSHIP, "False", "ValidationFailed", "Make sure that .* reaches the gateway's challenge rule")],
        post=True, still=no_orders_meanwhile),
    Row("the CA takes the CSR and breaks the connection", "own",
        lambda at: at.at(at.ca, "POST", "/finalize-order/", {"reset": "after"}, 1), check=finalized_once),
    Row("the CA garbles the certificate", "own",
        lambda at: at.at(at.ca, "POST", "/certZ/", {"garble": True}, 2), check=finalized_once),
    Row("the CA cuts the certificate in the middle", "own",
        lambda at: at.at(at.ca, "POST", "/certZ/", {"cut": 300}, 2), check=finalized_once),
    Row("the CA cuts its certificate from the chain", "own",
        lambda at: at.at(at.ca, "POST", "/certZ/", {"cut": 1500}, 1), check=finalized_once),
    Row("the CA misses the finalized order once", "own", misses("/my-order/"), check=finalized_once),
    Row("the CA denies the finalized order once", "own", misses("/my-order/", 403, "unauthorized"),
        check=finalized_once),
    Row("the CA misses the certificate once", "own", misses("/certZ/"), check=finalized_once),
    Row("the CA gives an order that is valid already", "own", old_order,
        [(ISSUED, "False", "OrderUnusable", "for a CSR that is not ours")], post=True, still=no_orders_meanwhile),
    Row("the challenge file is not found", "own",
        lambda at: at.at(at.blobs, "PUT", ".", {"status": 201}),
        [(OWNERSHIP, "False", "ChallengeFileNotFound", "Check the path rule .* public read access")]),
    Row("the challenge file has other content", "own",
        lambda at: at.at(at.blobs, "PUT", ".", {"requestBody": "something else"}),
        [(OWNERSHIP, "False", "ChallengeFileNotValid", "Check which backend the path rule")]),
    Row("the container refuses", "own",
        lambda at: at.at(at.blobs, "PUT", ".", {"status": 403, "headers": {
            "x-ms-error-code": "AuthorizationPermissionMismatch"}, "body": ""}),
        [(OWNERSHIP, "False", "AuthorizationPermissionMismatch", "grant this identity Storage Blob Data Contributor")]),
    Row("the container fails for a while", "own", lambda at: at.at(at.blobs, "PUT", ".", {"status": 503}, 3)),
    Row("the container is away", "own", lambda at: at.away(at.blobs),
        [(OWNERSHIP, "Unknown", "ConnectFailed", LASTING)], within=HICCUP_SECONDS),
    Row("the container answers too much", "own", lambda at: at.at(at.blobs, "PUT", ".", {"oversize": 400000}),
        [(OWNERSHIP, "Unknown", "ReplyTooLarge", LASTING)], within=HICCUP_SECONDS),
    Row("the sign-in secret is wrong", "own", lambda at: at.restart_with(AZURE_CLIENT_SECRET="not the secret"),
        [(ISSUED, "False", "AzureAuthFailed", "AZURE_CLIENT_SECRET")]),
    Row("the sign-in service fails for a while", "own",
        lambda at: (at.at(at.authority, "POST", "/token", {"status": 503, "body": "{}"}, 3), at.daemon.restart())),
    Row("the sign-in service fails", "own",
        lambda at: (at.at(at.authority, "POST", "/token", {"status": 500, "body": "{}"}), at.daemon.restart()),
        SIGN_IN_FAILS, within=HICCUP_SECONDS, mend=start_over),
    Row("the sign-in service garbles its answer", "own",
        lambda at: (at.at(at.authority, "POST", "/token", {"garble": True}), at.daemon.restart()),
        SIGN_IN_FAILS, within=HICCUP_SECONDS, mend=start_over),
    Row("the sign-in service is away", "own", lambda at: (at.away(at.authority), at.daemon.restart()),
        SIGN_IN_FAILS, within=HICCUP_SECONDS, mend=start_over),
    Row("Azure Resource Manager fails for a while", "own",
        lambda at: at.at(at.arm, None, ".", {"status": 503, "body": "{}"}, 3)),
    Row("Azure Resource Manager fails", "own",
        lambda at: at.at(at.arm, None, "/applicationGateways/", {"status": 500, "body": {
            "error": {"code": "InternalServerError", "message": "An error occurred."}}}),
        [(CONFIGURED, "Unknown", "InternalServerError", LASTING)], within=HICCUP_SECONDS),
    Row("Azure Resource Manager garbles its answer", "own",
        lambda at: at.at(at.arm, "GET", "/applicationGateways/", {"garble": True}),
        [(CONFIGURED, "Unknown", "InvalidJson", LASTING)], within=HICCUP_SECONDS),
    Row("Azure Resource Manager's answer is truncated", "own",
        lambda at: at.at(at.arm, "GET", "/applicationGateways/", {"truncate": 100}),
        [(CONFIGURED, "Unknown", "ConnectionLost", LASTING)], within=HICCUP_SECONDS),
    Row("Azure Resource Manager's answer is too large", "own",
        lambda at: at.at(at.arm, "GET", "/applicationGateways/", {"oversize": 9 * 1024 * 1024}),
        [(CONFIGURED, "Unknown", "ReplyTooLarge", LASTING)], within=HICCUP_SECONDS),
    Row("Azure Resource Manager is too slow", "own",
        lambda at: at.at(at.arm, "GET", "/applicationGateways/", {"delayMs": 12000}),
        [(CONFIGURED, "Unknown", "Timeout", LASTING)], within=HICCUP_SECONDS),
    Row("Azure Resource Manager forbids the update", "own",
        lambda at: at.at(at.arm, "PUT", "/applicationGateways/", {"status": 403, "body": {
            "error": {"code": "AuthorizationFailed", "message": "The client does not have authorization."}}}),
        [(CONFIGURED, "False", "AuthorizationFailed", "grant this identity the gatecert role")]),
    Row("the backend pool of the configuration does not exist", "own",
        lambda at: at.reload_with(ApplicationGatewayBackendName="nowhere"),
        [(CONFIGURED, "False", "BackendNotFound", "correct ApplicationGatewayBackendName")]),
]


# --- rows about the gateway's own state, one after the other ---------------------------------------------------


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
        wait_for(lambda: at.conditions()[ISSUED]["status"] == "True", 30)
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
    at.setting(gatewayUpdateSeconds=3, ifMatch="ignore", secondPut="cancel")
    azure, name = at.stack.azure, f"{FOREIGN}-pool"
    at.stack.sim.clear_requests()
    before = azure._send("GET", azure._gateway_url(), "https://management.azure.com").text
    pool = json.dumps({"name": name, "properties": {"backendAddresses": []}})
    after = re.sub(r'("backendAddressPools":\s*\[)', lambda found: found[1] + pool + ",", before)
    assert after != before

    def interfere():
        wait_for(lambda: puts(at), 40, "the daemon updates the gateway")
        azure._send("PUT", azure._gateway_url(), "https://management.azure.com", after, {"If-Match": "*"})

    thread = threading.Thread(target=interfere)
    thread.start()
    at._ends.append(thread.join)


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
    assert len(puts(at)) <= 4, puts(at)


def own_certificate_is_disabled(at):
    """One of two hostnames that go into the same update cannot be served."""
    other = f"other-{at.hostname}"
    hold = at.stack.sim.fault("PUT", "/applicationGateways/gateway[?]", {
        "status": 429, "headers": {"Retry-After": "1"}, "body": {"error": {
            "code": "RetryableErrorDueToAnotherOperation", "message": "Busy."}}}, -1)
    at.daemon.wish(at.hostname, other)
    for one in (at.hostname, other):
        wait_for(lambda: at.conditions(one)[ISSUED]["status"] == "True", 30)
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
    time.sleep(20)
    asked = at.stack.sim.requests(None, "^/(certificates|keys)/")
    assert len(asked) <= 6, f"{len(asked)} requests in 20 s: {asked}"


def crowd_gets_ready(at):
    at.daemon.api.add_certificates(*at.crowd)
    at.daemon.wait_ready(*at.crowd, deadline=90)


def vault_is_throttled(at):
    at.sim("POST", f"^/certificates/{at.name}/create", {"status": 429, "headers": {"Retry-After": "15"},
                                                       "body": vault_error("Throttled", "Request was throttled.")}, 1)


def vault_was_left_in_peace(at):
    asked = at.stack.sim.requests(None, "^/(certificates|keys|deleted)")
    told = next(one["time"] for one in asked if one["status"] == 429)
    early = [one for one in asked if told < one["time"] < told + 15]
    assert not early, early


def ca_is_a_new_one(at):
    """Pebble keeps nothing: after a restart neither our account nor the order that is under way is known."""
    at.stack.stop("azurite")
    at.daemon.wish(at.hostname)
    wait_for(lambda: at.daemon.api.hostname(at.hostname)["status"]["step"].startswith("UploadValidationFile"), 30)
    at.stack.restart("pebble")
    at.stack.start("azurite")


def ca_is_away_for_a_while(at):
    at.stack.stop("pebble")
    at.daemon.wish(at.hostname)
    wait_for(lambda: at.passes_in_trouble(), 30, "it was tried")
    at.stack.start("pebble")


GATEWAY_ROWS = [
    Row("the gateway is stopped", "gateway", issued_before("Stopped"),
        [(CONFIGURED, "False", "GatewayStopped", "Start it, and the waiting hostnames are configured")],
        outage="GatewayStopped"),
    Row("the gateway is stopped before the hostname is proven", "gateway", state("Stopped"),
        [(REACHABLE, "False", "GatewayStopped", "Start it, and the waiting hostnames are configured")],
        outage="GatewayStopped"),
    Row("the gateway is missing", "gateway", issued_before("Missing"),
        [(CONFIGURED, "False", "GatewayNotFound", "check the application gateway's id")],
        outage="GatewayNotFound"),
    Row("the gateway has failed", "gateway", failed_before),
    Row("another update holds the gateway", "gateway",
        lambda at: (at.stack.sim.clear_requests(), arm_says(
            "PUT", 429, "RetryableErrorDueToAnotherOperation", "Another operation is in progress.", 2,
            {"Retry-After": "1"})(at)), check=read_before_each_update),
    Row("the gateway changed after it was read", "gateway",
        lambda at: (at.stack.sim.clear_requests(), arm_says(
            "PUT", 412, "PreconditionFailedEtagMismatch", "Etag provided in if-match header does not match.", 2)(at)),
        check=read_before_each_update),
    Row("the answer to the update is lost", "gateway",
        lambda at: at.sim("PUT", "/applicationGateways/gateway[?]", {"reset": "after"}, 1)),
    Row("the answer to the update is garbled", "gateway",
        lambda at: at.sim("PUT", "/applicationGateways/gateway[?]", {"garble": True}, 1)),
    Row("another's update replaces ours", "gateway", others_update_wins, check=others_update_stands),
    Row("the update fails for a foreign certificate", "gateway", foreign_certificate_is_disabled,
        [(CONFIGURED, "False", "UpdateFailed", "neighbour-.*enable the certificate in Key Vault")],
        still=updates_are_put_off, post=True),
    Row("the update fails for one of our certificates", "gateway", own_certificate_is_disabled,
        [(CONFIGURED, "False", "ListenerRejected", "enable the certificate in Key Vault")],
        post=True),
    Row("the gateway is full", "gateway", is_full,
        [(CONFIGURED, "False", "CapacityExceeded", "Remove some, or use another gateway")]),
    Row("the vault's firewall shuts us out", "service", vault_forbids_all("ForbiddenByFirewall"),
        [(ISSUED, "False", "ForbiddenByFirewall", "let this machine's address through the vault's firewall")],
        still=one_asks_for_all, mend=crowd_gets_ready, post=True),
    Row("the vault asks to wait", "service", vault_is_throttled,
        [(ISSUED, "Unknown", "Throttled", "Key Vault")], check=vault_was_left_in_peace),
    Row("the CA is away for a while", "service", ca_is_away_for_a_while),
    Row("the CA has forgotten account and order", "service", ca_is_a_new_one,
        [(OWNERSHIP, "False", "OrderGone", "does not know the order any more")], within=HICCUP_SECONDS),
]

ROWS = HOSTNAME_ROWS + OWN_ROWS + GATEWAY_ROWS


# --- running -----------------------------------------------------------------------------------------------------


def free_address():
    """A loopback address that stays ours: bound without listening, as the stack holds its ports."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock, f"127.0.0.1:{sock.getsockname()[1]}"


def daemon_of(stack, directory, **config):
    sock, address = free_address()
    one = Gatecertd(stack, directory, config={**CONFIG, "Listen": address, **config})
    one.api = Api(f"http://{address}", stack.api_key)
    one.held = sock
    return one


def equip(at):
    """A daemon of the row's own, with a proxy in front of everything but the vault."""
    stack = at.stack
    at.ca, at.blobs = Proxy(stack, origin(stack.acme_directory)), Proxy(stack, origin(stack.blob_container_url))
    at.arm, at.authority = Proxy(stack, stack.arm_endpoint), Proxy(stack, stack.authority_host)
    at.dns = DnsProxy(stack)
    at.daemon = daemon_of(
        stack, at.directory, AcmeEndpoint=at.ca.through(stack.acme_directory),
        BlobContainerUrl=at.blobs.through(stack.blob_container_url), ArmEndpoint=at.arm.url,
        AZURE_AUTHORITY_HOST=at.authority.url, DnsServers=[at.dns.address])
    for one in (at.ca, at.blobs, at.arm, at.authority, at.dns):
        at._ends.append(one.close)
    at._ends.append(at.daemon.close)
    at.daemon.start()
    at.daemon.wish(STEADY)
    at.daemon.wait_ready(STEADY)


def origin(url):
    return "/".join(url.split("/")[:3])


def says(at, expected):
    kind, status, reason, pattern = expected
    found = at.conditions().get(kind)
    if not found or found["status"] != status or (reason and found["reason"] != reason):
        time.sleep(0.3)  # many rows wait for a minute at the same time: no need to ask more often
        return None
    assert re.search(pattern, found["message"]), f"the message does not say {pattern!r}: {found}"
    return found


def assert_paced(at):
    """Not more than an attempt per second, and nothing in the conditions that changes with each."""
    began, before = time.time(), at.conditions()
    time.sleep(WATCHED_SECONDS)
    for name in (at.hostname, "gateway"):
        attempts = at.passes_in_trouble(began, name)
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
    if row.expect:
        for expected in row.expect:
            wait_for(lambda one=expected: says(at, one), row.within, lambda one=expected: (
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
    if row.post or row.within >= HICCUP_SECONDS:
        at.daemon.api.add_certificates(at.hostname)
    at.daemon.wait_ready(at.hostname, deadline=RECOVERY_SECONDS)
    wait_for(lambda: all(one["status"] == "True" for kind, one in at.conditions().items() if kind != "Renewing"), 20,
             lambda: f"all is well: {json.dumps(at.conditions(), indent=1)}")
    if row.outage:
        at.daemon.wait_ready(STEADY)
    else:
        assert transition(at, STEADY) == steady_since, "a hostname that was Ready has suffered"
    assert len(at.versions()) == 1, "one certificate, made once"
    if row.fetched:
        wait_for(lambda: fetch_https(at.stack, at.hostname).names == [at.hostname], 20, "served")
    if row.check:
        row.check(at)


class Chain:
    """A stack with a daemon to which a hostname was Ready before anything went wrong."""

    def __init__(self, directory):
        self.stack = LocalStack(directory / "stack").up(*FLAGS)
        self.daemon = daemon_of(self.stack, directory / "daemon").start()
        self.daemon.wish(STEADY)
        self.daemon.wait_ready(STEADY)
        self.foreign = foreign_parts(self.stack)

    def close(self):
        try:
            self.daemon.close()
        finally:
            self.stack.down()


class Running:
    """Rows that wait at the same time; each test then looks at its own."""

    def __init__(self, rows, directory):
        self.directory = directory
        self.chains = {name: Chain(directory / name) for name in sorted({chain_of(row) for row in rows})}
        self.pool = concurrent.futures.ThreadPoolExecutor(len(rows) + 1)
        self.starting = threading.Semaphore(3)
        self.results = {row.sentence: concurrent.futures.Future() for row in rows}
        assert len({Case(row, None, None).label for row in rows}) == len(rows), "two rows would share a hostname"
        # What is wrong with a gateway or a service is so for all who share the stack: one at a time.
        lines = [[row] for row in rows if chain_of(row) == MAIN] + [
            [row for row in rows if chain_of(row) == name] for name in self.chains if name != MAIN]
        self.lines = [self.pool.submit(self.work_off, line) for line in lines]

    def work_off(self, rows):
        for row in rows:
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
                    equip(at)
            else:
                at.daemon = chain.daemon
            run(at)
        except Exception as error:
            log = at.daemon.log().splitlines() if at.daemon else []
            told = [line for line in log if at.hostname in line or "controller=gateway" in line]
            raise AssertionError(f"{error}\n--- the log of its daemon:\n" + "\n".join(told[-60:])) from error
        finally:
            at.close()
        return time.monotonic() - began

    def close(self):
        self.pool.shutdown(wait=True)
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


@pytest.fixture(scope="module")
def running(request, tmp_path_factory):
    wanted = {item.callspec.params["row"].sentence for item in request.session.items
              if item.module is request.module and hasattr(item, "callspec")}
    one = Running([row for row in ROWS if row.sentence in wanted], tmp_path_factory.mktemp("wrong"))
    yield one
    one.close()


def test_hostnames_beside_the_broken_ones_become_ready(running):
    if MAIN not in running.chains:
        pytest.skip("no row of one hostname was chosen")
    beside = [f"beside-{number}.example.com" for number in range(3)]
    running.chains[MAIN].daemon.wish(*beside)
    running.chains[MAIN].daemon.wait_ready(*beside, deadline=60)


@pytest.mark.parametrize("row", ROWS, ids=[row.sentence for row in ROWS])
def test_it_is_told_and_survived_when(running, row):
    seconds = running.results[row.sentence].result()
    print(f"{row.sentence}: {seconds:.0f} s")


def test_nothing_was_done_that_must_never_be(running):
    concurrent.futures.wait(running.lines)
    for chain in running.chains.values():
        never = chain.stack.sim.state()["never"]
        last = never.pop("last")
        assert not any(never.values()), f"{never} {last}"
        assert foreign_parts(chain.stack) == chain.foreign
