"""Every way to sign in to Azure: each gets a certificate onto the gateway."""

import contextlib
import os
import re
import stat

import pytest

from harness.signing_in import (
    IDENTITY, NO_SECRET, TOKEN_REQUEST, Bench, app_service, arc, arc_directory, client_certificate,
    client_certificate_with_chain, client_secret, federated_token, metadata_service, metadata_service_with_client,
    narrowed_to_managed_identity)
from harness.together import beside, running_beside
from harness.waiting import wait_for

STACK_FLAGS = ["--gateway-update-seconds", "0.1"]
READY_SECONDS = 180

running = running_beside(at_once=5, new_bench=Bench)

# A way to sign in, and the request that shows it was this one.
WAYS = [
    (client_secret, "POST", r"/oauth2/v2\.0/token"),
    (client_certificate, "POST", r"/oauth2/v2\.0/token"),
    (client_certificate_with_chain, "POST", r"/oauth2/v2\.0/token"),
    (federated_token, "POST", r"/oauth2/v2\.0/token"),
    (metadata_service, "GET", IDENTITY + r"\?api-version=2018-02-01&"),
    (metadata_service_with_client, "GET", IDENTITY + r"\?.*client_id="),
    (app_service, "GET", r"/msi/token\?api-version=2019-08-01&"),
    (arc, "GET", IDENTITY + r"\?api-version=2020-06-01&"),
    (narrowed_to_managed_identity, "GET", IDENTITY),
]


def asks_azuresim_itself(way, **_):
    """No proxy of its own tells whose request it was."""
    return way in (client_certificate, client_certificate_with_chain)


def is_ready(bench, one, *hostnames):
    names = hostnames or [bench.hostname]
    one.wish(*names)
    one.wait_ready(*names, deadline=READY_SECONDS)


@beside(alone=asks_azuresim_itself)
@pytest.mark.parametrize(("way", "method", "path"), WAYS, ids=[row[0].__name__ for row in WAYS])
def test_signs_in_and_gets_a_certificate_onto_the_gateway(bench, way, method, path):
    with arc_directory() if way is arc else contextlib.nullcontext():
        if asks_azuresim_itself(way):
            bench.stack.sim.clear_requests()
        is_ready(bench, bench.daemon(**way(bench)).start())
    requests = bench.stack.sim.requests(path=TOKEN_REQUEST) if asks_azuresim_itself(way) else bench.tokens_asked()
    assert requests and all(each["method"] == method for each in requests)
    assert [each for each in requests if each["method"] == method and re.search(path, each["path"])]


@beside()
def test_a_token_is_asked_for_once_per_service(bench):
    """ARM and the vault here; the storage account's own token is the third."""
    is_ready(bench, bench.daemon().start(), *[f"once-{number}.example.com" for number in range(8)])
    assert len(bench.tokens_asked()) == 3


@beside()
def test_a_federated_token_is_read_again_for_each_sign_in(bench):
    """Projected tokens are links to a directory that is swapped; the old one is wrong here, the new one right."""
    folder = bench.directory
    os.makedirs(folder)
    (folder / "old").write_text("old.token.canary\n")
    with open(bench.stack.federated_token_file, encoding="utf-8") as file:
        (folder / "new").write_text(file.read())
    (folder / "token").symlink_to(folder / "old")
    one = bench.daemon(**NO_SECRET, AZURE_FEDERATED_TOKEN_FILE=str(folder / "token")).start()
    one.wish(bench.hostname)
    wait_for(bench.tokens_asked, 60, "a first sign-in")
    (folder / "next").symlink_to(folder / "new")
    os.rename(folder / "next", folder / "token")
    one.reload()
    one.wait_ready(bench.hostname, deadline=READY_SECONDS)
    assert "canary" not in one.log()


@beside()
def test_a_certificate_may_be_replaced_while_it_runs(bench):
    os.makedirs(bench.directory)
    path = bench.directory / "client.pem"
    path.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    one = bench.daemon(**{**client_certificate(bench), "AZURE_CLIENT_CERTIFICATE_PATH": str(path)}).start()
    one.wish(bench.hostname)
    wait_for(lambda: one.api.condition(bench.hostname, "Ready")["reason"] == "AzureAuthFailed", 60, "it is refused")
    with open(bench.stack.client_certificate_file, encoding="utf-8") as file:
        path.write_text(file.read())
    one.reload()
    one.wait_ready(bench.hostname, deadline=READY_SECONDS)


@beside()
def test_a_token_that_arm_refuses_is_replaced_once(bench):
    arm = bench.proxy(bench.stack.arm_endpoint)
    arm.fault("GET", "/applicationGateways/", {"status": 401, "headers": {
        "WWW-Authenticate": 'Bearer authorization_uri="https://login.example/", error="invalid_token"'}}, times=1)
    is_ready(bench, bench.daemon(ArmEndpoint=arm.url).start())
    assert [each["status"] for each in arm.requests("GET", "/applicationGateways/gateway")[:2]] == [401, 200]


@beside()
@pytest.mark.parametrize("status", [503, 429])
def test_an_authority_in_trouble_delays_and_no_more(bench, status):
    bench.authority.fault("POST", TOKEN_REQUEST, {
        "status": status, "headers": {"Retry-After": "1"} if status == 429 else {}}, times=2)
    is_ready(bench, bench.daemon().start())


@beside()
@pytest.mark.parametrize("status", [404, 410, 429, 500])
def test_a_metadata_service_in_trouble_delays_and_no_more(bench, status):
    bench.identity.fault("GET", IDENTITY, {"status": status, "headers": {}}, times=1)
    is_ready(bench, bench.daemon(**metadata_service(bench)).start())


@beside()
@pytest.mark.parametrize("body", ['{"access_token":', '{"access_token":"a b"}'], ids=["truncated", "spaced"])
def test_a_garbled_token_answer_is_asked_for_again(bench, body):
    bench.authority.fault("POST", TOKEN_REQUEST, {
        "status": 200, "headers": {"Content-Type": "application/json"}, "body": body}, times=1)
    is_ready(bench, bench.daemon().start())
