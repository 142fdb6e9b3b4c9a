"""What can be wrong with a sign-in to Azure: each mistake is told, where it is seen."""

import os
import time

import pytest

from harness.signing_in import NO_SECRET, Bench, app_service, metadata_service
from harness.together import beside, running_beside
from harness.waiting import wait_for

STACK_FLAGS = ["--gateway-update-seconds", "0.1"]
WATCHED_SECONDS = 6

running = running_beside(at_once=7, new_bench=Bench)


def bad(**settings):
    return lambda bench: settings


def certificate_without_key(bench):
    return {**NO_SECRET, "AZURE_CLIENT_CERTIFICATE_PATH": os.path.join(bench.stack.directory, "ca", "client.pem")}


def app_service_with_a_wrong_header(bench):
    return {**app_service(bench), "IDENTITY_HEADER": "0" * 64}


def identity_that_is_not_assigned(bench):
    return {**metadata_service(bench), "AZURE_CLIENT_ID": "00000000-1111-2222-3333-444444444444"}


# What is wrong, and what the condition says about it.
MISTAKES = [
    ("a_wrong_secret", bad(AZURE_CLIENT_SECRET="wr0ng-canary"),
     ["sign-in with client secret", "AADSTS7000215", "AZURE_CLIENT_SECRET"]),
    ("another_tenant", bad(AZURE_TENANT_ID="00000000-aaaa-bbbb-cccc-000000000000"),
     ["AADSTS90002", "AZURE_TENANT_ID"]),
    ("a_certificate_file_that_is_missing", bad(**NO_SECRET, AZURE_CLIENT_CERTIFICATE_PATH="/nowhere/client.pem"),
     ["AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere/client.pem does not exist"]),
    ("a_certificate_without_its_key", certificate_without_key, ["AZURE_CLIENT_CERTIFICATE_PATH", "private key"]),
    ("a_token_file_that_is_missing", bad(**NO_SECRET, AZURE_FEDERATED_TOKEN_FILE="/nowhere/token"),
     ["AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token does not exist"]),
    ("an_identity_that_is_not_assigned", identity_that_is_not_assigned,
     ["metadata service", "Identity not found", "assign a managed identity"]),
    ("app_service_with_a_wrong_header", app_service_with_a_wrong_header, ["App Service", "X-IDENTITY-HEADER"]),
]


@beside()
@pytest.mark.parametrize(("name", "settings", "words"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_a_mistake_is_told_in_the_condition_and_does_not_hammer(bench, name, settings, words):
    hostname = bench.hostname
    one = bench.daemon(**settings(bench)).start()
    one.wish(hostname, *[f"{number}.{hostname}" for number in range(5)])

    def told():
        condition = one.api.condition(hostname, "Ready")
        return condition if condition["reason"] == "AzureAuthFailed" else None

    condition = wait_for(told, 120, lambda: f"AzureAuthFailed; the hostname is {one.api.hostname(hostname)}")
    assert condition["status"] == "False"
    for word in words:
        assert word in condition["message"]
    began = time.monotonic()
    seen = {condition["message"]}
    while time.monotonic() < began + WATCHED_SECONDS:
        seen.add(told()["message"])
        time.sleep(0.2)  # luck: no, because it is in a window in which nothing may change
    assert len(seen) == 1, "the text of a condition must not change by itself"
    assert_rare(bench.tokens_asked())
    assert "canary" not in one.log()
    # None of the daemons on this stack has a token.
    assert not bench.stack.sim.requests(path="/applicationGateways/"), "nothing goes to ARM without a token"


def assert_rare(asked):
    """Six hostnames and a gateway want a token for ARM or the vault: a probe for each of these, then pauses of 5 and 10
    seconds."""
    early = [one["time"] for one in asked if one["time"] < asked[0]["time"] + 14]
    assert len(early) <= 6, early


@pytest.mark.parametrize(("settings", "word"), [
    ({"AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}, "AZURE_TOKEN_CREDENTIALS"),
    ({"AZURE_CLIENT_ID": None}, "AZURE_CLIENT_ID"),
    ({"AZURE_AUTHORITY_HOST": "http://127.0.0.1:1"}, "AZURE_AUTHORITY_HOST"),
], ids=["narrowed_to_nothing", "half_a_set", "authority_in_the_clear"])
def test_settings_that_cannot_work_stop_it_at_once(settings, word, stack, daemon):
    one = daemon(stack, config=settings).spawn()
    assert one.wait(60) != 0
    assert word in one.log()
