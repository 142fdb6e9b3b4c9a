"""The wrong world: what goes wrong around the daemon with one hostname, or for a while. See harness/wrong.py."""

import json
import time

import pytest

from harness import self_signed
from harness.wrong import (CONFIGURED, DNS, ISSUED, MAIN, OWNERSHIP, RECOVERY_SECONDS, Row,
                           assert_nothing_was_done_that_must_never_be, created_once, foreign_sites, problem,
                           run_wanted, vault, vault_error)

ELSEWHERE = "198.51.100.7"


# --- hostname rows: how to break -------------------------------------------------------------------------------


def points_elsewhere(at):
    at.stack.dns.set_a(at.hostname, ELSEWHERE)
    at.undo_with(lambda: at.stack.dns.clear_a(at.hostname))


def points_elsewhere_in_ipv6(at):
    at.stack.dns.set_aaaa(at.hostname, "2001:db8::7")
    at.undo_with(lambda: at.stack.dns.clear_aaaa(at.hostname))


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


def merged_once(at):
    assert len(at.vault_requests("POST", "/pending/merge")) == 1


# --- rows with a daemon of their own ---------------------------------------------------------------------------


def no_orders_meanwhile(at):
    """What the CA counts is not repeated at Azure's pace: half a minute at the least."""
    time.sleep(12)  # luck: no, because this is the window in which little may happen
    times = [one["time"] for one in at.asked_of_the_ca("/order-plz$")]
    assert times and all(late - early > 25 for early, late in zip(times, times[1:])), times


def the_ca_sees_another_world(at):
    at.dns.say(at.hostname, at.stack.gateway_ip)
    at.stack.dns.set_a(at.hostname, "127.0.0.3")
    at.undo_with(lambda: at.stack.dns.clear_a(at.hostname))


def was_left_in_peace(at):
    """Between the 429 and its Retry-After nothing was sent to the CA."""
    told = next(one["time"] for one in at.ca.requests("POST", "/order-plz$") if one["status"] == 429)
    early = [one for one in at.ca.requests() if told < one["time"] < told + 25 and one["status"] != 429]
    assert not early, early


def finalized_once(at):
    for path in ("/order-plz$", "/finalize-order/"):
        assert len(at.asked_of_the_ca(path)) == 1, at.asked_of_the_ca(path)


def misses(path, status=404, kind="malformed"):
    """The CA says once, behind the finalize, that it does not know what it has."""
    return lambda at: at.at(at.ca, "POST", path, {"status": status, "body": problem(kind, "not found")}, 1,
                            behind="/finalize-order/")


def old_order(at):
    url = at.ca.url
    at.order({"status": 201, "headers": {"Location": f"{url}/my-order/old"}, "body": {
        "status": "valid", "finalize": f"{url}/finalize-order/old", "certificate": f"{url}/certZ/old"}})


ROWS = [
    Row("the hostname points elsewhere", "hostname", points_elsewhere,
        [(DNS, "False", "WrongTarget", rf"{ELSEWHERE}.*Point all its A and AAAA records at the gateway")]),
    Row("the hostname has an address elsewhere in IPv6", "hostname", points_elsewhere_in_ipv6,
        [(DNS, "False", "WrongTarget", r"2001:db8::7.*Point all its A and AAAA records at the gateway")]),
    Row("the vault fails for a while", "hostname", vault(None, "[/?]", {"status": 500, "body": ""}, 3)),
    Row("the vault forbids creating by role", "hostname",
        vault("POST", "/create", {"status": 403, "body": vault_error("Forbidden", "Caller is not authorized to perform "
              "action on resource.", "ForbiddenByRbac")}),
        [(ISSUED, "False", "ForbiddenByRbac", "grant the role Key Vault Certificates Officer")]),
    Row("the vault forbids reading by access policy", "hostname",
        vault("GET", "[?]", {"status": 403, "body": vault_error("Forbidden", "The user does not have certificates get "
              "permission on key vault.", "AccessDenied")}),
        [(ISSUED, "False", "AccessDenied", "permit it in the vault's access policies")]),
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
    Row("the name server does not know the hostname", "hostname", dns_says("nxdomain"),
        [(DNS, "False", "NXDomain", "Point an A record at the Application Gateway")]),
    Row("CAA records forbid the CA", "own", forbids_by_caa,
        [(DNS, "False", "CAAForbids", r"Add: .*CAA 0 issue \"ca\.example\.net\"")]),
    Row("the CA fails for a while", "own",
        lambda at: at.at(at.ca, None, ".", {"status": 502, "body": "<html>Bad Gateway</html>"}, 3)),
    Row("the CA asks to wait", "own",
        lambda at: at.order({"status": 429, "headers": {"Retry-After": "25"},
                             "body": problem("rateLimited", "too many new orders recently")}, 1),
        [(OWNERSHIP, "Unknown", "Throttled", "CA")], check=was_left_in_peace),
    Row("the CA rejects the name", "hostname",
        lambda at: at.order({"status": 400, "body": problem("rejectedIdentifier", "Policy forbids this name")}),
        [(OWNERSHIP, "False", "IdentifierRejected", "Policy forbids this name")], post=True,
        still=no_orders_meanwhile),
    Row("the CA cannot validate the hostname", "hostname", the_ca_sees_another_world,
        [(OWNERSHIP, "False", "ValidationFailed", "Make sure that .* reaches the gateway's challenge rule")],
        post=True, still=no_orders_meanwhile),
    Row("the CA takes the CSR and breaks the connection", "hostname",
        lambda at: at.at(at.ca, "POST", "/finalize-order/", {"reset": "after"}, 1), check=finalized_once),
    Row("the CA garbles the certificate", "hostname",
        lambda at: at.at(at.ca, "POST", "/certZ/", {"garble": True}, 2), check=finalized_once),
    Row("the CA cuts the certificate in the middle", "hostname",
        lambda at: at.at(at.ca, "POST", "/certZ/", {"cut": 300}, 2), check=finalized_once),
    Row("the CA cuts its certificate from the chain", "hostname",
        lambda at: at.at(at.ca, "POST", "/certZ/", {"cut": 1500}, 1), check=finalized_once),
    Row("the CA misses the finalized order once", "hostname", misses("/my-order/"), check=finalized_once),
    Row("the CA denies the finalized order once", "hostname", misses("/my-order/", 403, "unauthorized"),
        check=finalized_once),
    Row("the CA misses the certificate once", "hostname", misses("/certZ/"), check=finalized_once),
    Row("the CA gives an order that is valid already", "hostname", old_order,
        [(ISSUED, "False", "OrderUnusable", "for a CSR that is not ours")], post=True, still=no_orders_meanwhile),
    Row("the challenge file is not found", "hostname",
        lambda at: at.at(at.blobs, "PUT", ".", {"status": 201}),
        [(OWNERSHIP, "False", "ChallengeFileNotFound", "Check the path rule .* public read access")]),
    Row("the challenge file has other content", "hostname",
        lambda at: at.at(at.blobs, "PUT", ".", {"requestBody": "something else"}),
        [(OWNERSHIP, "False", "ChallengeFileNotValid", "Check which backend the path rule")]),
    Row("the container refuses", "hostname",
        lambda at: at.at(at.blobs, "PUT", ".", {"status": 403, "headers": {
            "x-ms-error-code": "AuthorizationPermissionMismatch"}, "body": ""}),
        [(OWNERSHIP, "False", "AuthorizationPermissionMismatch", "grant this identity Storage Blob Data Contributor")]),
    Row("the container fails for a while", "hostname", lambda at: at.at(at.blobs, "PUT", ".", {"status": 503}, 3)),
    Row("the sign-in secret is wrong", "own", lambda at: at.restart_with(AZURE_CLIENT_SECRET="not the secret"),
        [(ISSUED, "False", "AzureAuthFailed", "AZURE_CLIENT_SECRET")]),
    Row("the sign-in service fails for a while", "own",
        lambda at: (at.at(at.authority, "POST", "/token", {"status": 503, "body": "{}"}, 3), at.daemon.restart())),
    Row("Azure Resource Manager fails for a while", "own",
        lambda at: at.at(at.arm, None, ".", {"status": 503, "body": "{}"}, 3)),
    Row("Azure Resource Manager forbids the update", "own",
        lambda at: at.at(at.arm, "PUT", "/applicationGateways/", {"status": 403, "body": {
            "error": {"code": "AuthorizationFailed", "message": "The client does not have authorization."}}}),
        [(CONFIGURED, "False", "AuthorizationFailed", "grant this identity the gatecert role")]),
    Row("the backend pool of the configuration does not exist", "own",
        lambda at: at.reload_with(ApplicationGatewayBackendName="nowhere"),
        [(CONFIGURED, "False", "BackendNotFound", "correct ApplicationGatewayBackendName")]),
]


@pytest.fixture(scope="module")
def running(request, tmp_path_factory):
    yield from run_wanted(ROWS, request, tmp_path_factory)


def test_hostnames_beside_the_broken_ones_become_ready(running):
    if MAIN not in running.chains:
        pytest.skip("no row of one hostname was chosen")
    beside = [f"beside-{number}.example.com" for number in range(3)]
    running.chains[MAIN].outfit.daemon.wish(*beside)
    running.chains[MAIN].outfit.daemon.wait_ready(*beside, deadline=RECOVERY_SECONDS)


@pytest.mark.parametrize("row", ROWS, ids=[row.sentence for row in ROWS])
def test_it_is_told_and_survived_when(running, row):
    seconds = running.results[row.sentence].result()
    print(f"{row.sentence}: {seconds:.0f} s")


def test_nothing_was_done_that_must_never_be(running):
    assert_nothing_was_done_that_must_never_be(running)
