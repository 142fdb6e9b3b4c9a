"""The wrong world for longer than a minute, at real speed: one row for each kind of trouble. All others of their kind
are rows of tests/sim/test_lasting.c. See harness/wrong.py."""

import pytest

from harness.wrong import (CONFIGURED, DNS, ISSUED, LASTING, OWNERSHIP, Row,
                           assert_nothing_was_done_that_must_never_be, created_once, run_wanted, vault, vault_error)


def is_servfail(at):
    at.stack.dns.set_servfail(at.hostname)
    at.undo_with(lambda: at.stack.dns.clear_servfail(at.hostname))


def start_over(at):
    """A failed sign-in is remembered for all, longer each time; SIGHUP forgets it."""
    at.daemon.reload()


SIGN_IN_FAILS = [(ISSUED, "Unknown", "AzureAuthUnavailable", "sign-in with client secret.*" + LASTING)]

ROWS = [
    Row("the name server says SERVFAIL", "hostname", is_servfail,
        [(DNS, "Unknown", "LookupFailed", "SERVFAIL.*" + LASTING)], lasts=True),
    Row("the vault fails when asked to create", "hostname",
        vault("POST", "/create", {"status": 500, "body": vault_error("InternalServerError", "Something went wrong.")}),
        [(ISSUED, "Unknown", "InternalServerError", "500.*" + LASTING)], lasts=True),
    Row("the vault's answer is garbled", "hostname", vault(None, "/(create|pending)", {"garble": True}),
        [(ISSUED, "Unknown", "InvalidJson", LASTING)], lasts=True, check=created_once),
    Row("the vault's answer is truncated", "hostname", vault("GET", "[?]", {"truncate": 10}),
        [(ISSUED, "Unknown", "ConnectionLost", LASTING)], lasts=True),
    Row("the vault's answer is too large", "hostname", vault("GET", "[?]", {"oversize": 400000}),
        [(ISSUED, "Unknown", "ReplyTooLarge", LASTING)], lasts=True),
    Row("the vault is too slow", "hostname", vault("GET", "[?]", {"delayMs": 12000}),
        [(ISSUED, "Unknown", "Timeout", LASTING)], lasts=True),
    Row("the name server is away", "own", lambda at: at.away(at.dns),
        [(DNS, "Unknown", "LookupFailed", "no answer.*" + LASTING)], lasts=True),
    Row("the CA cannot be reached", "own", lambda at: at.away(at.ca),
        [(OWNERSHIP, "Unknown", "ConnectFailed", LASTING)], lasts=True),
    Row("the sign-in service fails", "own",
        lambda at: (at.at(at.authority, "POST", "/token", {"status": 500, "body": "{}"}), at.daemon.restart()),
        SIGN_IN_FAILS, lasts=True, mend=start_over),
    Row("Azure Resource Manager fails", "own",
        lambda at: at.at(at.arm, None, "/applicationGateways/", {"status": 500, "body": {
            "error": {"code": "InternalServerError", "message": "An error occurred."}}}),
        [(CONFIGURED, "Unknown", "InternalServerError", LASTING)], lasts=True),
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
