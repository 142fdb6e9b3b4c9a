"""Every way to sign in to Azure: each gets a certificate onto the gateway, or says what is wrong with it."""

import os
import stat
import time

import pytest

from harness.waiting import wait_for

STACK_FLAGS = ["--gateway-update-seconds", "1"]

ARC_TOKENS = "/var/opt/azcmagent/tokens"
IDENTITY = "/metadata/identity/oauth2/token"

# Set by the platform for its own daemons: the environment alone has them.
ENVIRONMENT = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT")

# What gatecert.yaml begins with, taken away: each row then adds its own.
NO_SECRET = {"AZURE_CLIENT_SECRET": None}
NO_PRINCIPAL = {**NO_SECRET, "AZURE_TENANT_ID": None, "AZURE_CLIENT_ID": None}


def client_secret(stack):
    return {}


def client_certificate(stack):
    return {**NO_SECRET, "AZURE_CLIENT_CERTIFICATE_PATH": stack.client_certificate_file}


def client_certificate_with_chain(stack):
    return {**client_certificate(stack), "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN": "true"}


def federated_token(stack):
    return {**NO_SECRET, "AZURE_FEDERATED_TOKEN_FILE": stack.federated_token_file}


def metadata_service(stack):
    return {**NO_PRINCIPAL, "AZURE_POD_IDENTITY_AUTHORITY_HOST": stack.imds_endpoint}


def metadata_service_with_client(stack):
    return {**metadata_service(stack), "AZURE_CLIENT_ID": stack.client_id}


def app_service(stack):
    return {**NO_PRINCIPAL, "IDENTITY_ENDPOINT": f"{stack.imds_endpoint}/msi/token",
            "IDENTITY_HEADER": stack.sim.state()["identityHeader"]}


def arc(stack):
    return {**NO_PRINCIPAL, "IDENTITY_ENDPOINT": stack.imds_endpoint + IDENTITY, "IMDS_ENDPOINT": stack.imds_endpoint}


def narrowed_to_managed_identity(stack):
    """The secret is there and right, and still not used."""
    return {"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": stack.imds_endpoint}


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

TOKEN_REQUEST = r"oauth2/(v2\.0/)?token|/msi/token"


def ids(rows):
    return [getattr(row[0], "__name__", row[0]) for row in rows]


def split(settings):
    """The daemon's options: what goes into the file, and what into the environment."""
    return {"config": {key: value for key, value in settings.items() if key not in ENVIRONMENT},
            "env": {key: value for key, value in settings.items() if key in ENVIRONMENT}}


@pytest.fixture
def arc_directory():
    """Where Arc's agent puts its keys; only a test that made the directory removes it."""
    if os.path.isdir(ARC_TOKENS):
        yield
        return
    try:
        os.makedirs(ARC_TOKENS)
    except PermissionError:
        pytest.skip(f"cannot make {ARC_TOKENS}, where Azure Arc's agent puts its keys: not root")
    yield
    for name in os.listdir(ARC_TOKENS):
        os.unlink(os.path.join(ARC_TOKENS, name))
    os.removedirs(ARC_TOKENS)


@pytest.fixture
def sim(stack):
    stack.sim.clear_requests()
    stack.sim.clear_faults()
    yield stack.sim
    stack.sim.clear_faults()
    stack.sim.set(tokenSeconds="3599")


@pytest.mark.parametrize(("way", "method", "path"), WAYS, ids=ids(WAYS))
def test_signs_in_and_gets_a_certificate_onto_the_gateway(way, method, path, request, stack, sim, daemon, hostname):
    if way is arc:
        request.getfixturevalue("arc_directory")
    one = daemon(stack, **split(way(stack))).start()
    one.wish(hostname)
    one.wait_ready(hostname)
    asked = sim.requests(path=TOKEN_REQUEST)
    assert asked and all(each["method"] == method for each in asked)
    assert sim.requests(method, path)


def test_a_token_is_asked_for_once_per_service(stack, sim, daemon):
    """ARM and the vault here; the storage account's own token is the third."""
    one = daemon(stack).start()
    names = [f"once-{number}.example.com" for number in range(8)]
    one.wish(*names)
    one.wait_ready(*names)
    assert len(sim.requests("POST", TOKEN_REQUEST)) == 3


def bad(settings):
    return lambda stack: settings


def certificate_without_key(stack):
    return {**NO_SECRET, "AZURE_CLIENT_CERTIFICATE_PATH": os.path.join(stack.directory, "ca", "client.pem")}


def app_service_with_a_wrong_header(stack):
    return {**app_service(stack), "IDENTITY_HEADER": "0" * 64}


def identity_that_is_not_assigned(stack):
    return {**metadata_service(stack), "AZURE_CLIENT_ID": "00000000-1111-2222-3333-444444444444"}


# What is wrong, and what the condition says about it.
MISTAKES = [
    ("a_wrong_secret", bad({"AZURE_CLIENT_SECRET": "wr0ng-canary"}),
     ["sign-in with client secret", "AADSTS7000215", "AZURE_CLIENT_SECRET"]),
    ("another_tenant", bad({"AZURE_TENANT_ID": "00000000-aaaa-bbbb-cccc-000000000000"}),
     ["AADSTS90002", "AZURE_TENANT_ID"]),
    ("a_certificate_file_that_is_missing", bad({**NO_SECRET, "AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere/client.pem"}),
     ["AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere/client.pem does not exist"]),
    ("a_certificate_without_its_key", certificate_without_key, ["AZURE_CLIENT_CERTIFICATE_PATH", "private key"]),
    ("a_token_file_that_is_missing", bad({**NO_SECRET, "AZURE_FEDERATED_TOKEN_FILE": "/nowhere/token"}),
     ["AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token does not exist"]),
    ("an_identity_that_is_not_assigned", identity_that_is_not_assigned,
     ["metadata service", "Identity not found", "assign a managed identity"]),
    ("app_service_with_a_wrong_header", app_service_with_a_wrong_header, ["App Service", "X-IDENTITY-HEADER"]),
]


@pytest.mark.parametrize(("name", "settings", "words"), MISTAKES, ids=ids(MISTAKES))
def test_a_mistake_is_told_in_the_condition_and_does_not_hammer(name, settings, words, stack, sim, daemon, hostname):
    one = daemon(stack, **split(settings(stack))).start()
    more = [f"{number}.{hostname}" for number in range(5)]
    one.wish(hostname, *more)

    def told():
        condition = one.api.condition(hostname, "Ready")
        return condition if condition["reason"] == "AzureAuthFailed" else None

    condition = wait_for(told, 30, lambda: f"AzureAuthFailed; the hostname is {one.api.hostname(hostname)}")
    assert condition["status"] == "False"
    for word in words:
        assert word in condition["message"]
    # Six hostnames and a gateway want a token for ARM or the vault: a probe for each of these, then pauses of 5 and 10 seconds.
    began = time.monotonic()
    seen = {condition["message"]}
    while time.monotonic() < began + 6:
        seen.add(told()["message"])
        time.sleep(0.2)
    assert len(seen) == 1, "the text of a condition must not change by itself"
    assert len(sim.requests(path=TOKEN_REQUEST)) <= 6
    assert "canary" not in one.log()
    assert not sim.requests(path="/applicationGateways/"), "nothing goes to ARM without a token"


def test_a_federated_token_is_read_again_for_each_sign_in(stack, sim, daemon, hostname, tmp_path):
    """Projected tokens are links to a directory that is swapped; the old one is wrong here, the new one right."""
    (tmp_path / "old").write_text("old.token.canary\n")
    (tmp_path / "new").write_text(open(stack.federated_token_file, encoding="utf-8").read())
    (tmp_path / "token").symlink_to(tmp_path / "old")
    one = daemon(stack, config={**NO_SECRET, "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}).start()
    one.wish(hostname)
    wait_for(lambda: sim.requests("POST", TOKEN_REQUEST), 30, "a first sign-in")
    (tmp_path / "next").symlink_to(tmp_path / "new")
    os.rename(tmp_path / "next", tmp_path / "token")
    one.reload()
    one.wait_ready(hostname)
    assert "canary" not in one.log()


def test_a_certificate_may_be_replaced_while_it_runs(stack, sim, daemon, hostname, tmp_path):
    path = tmp_path / "client.pem"
    path.touch(mode=stat.S_IRUSR | stat.S_IWUSR)
    one = daemon(stack, config={**NO_SECRET, "AZURE_CLIENT_CERTIFICATE_PATH": str(path)}).start()
    one.wish(hostname)
    wait_for(lambda: one.api.condition(hostname, "Ready")["reason"] == "AzureAuthFailed", 30, "it is refused")
    path.write_text(open(stack.client_certificate_file, encoding="utf-8").read())
    one.reload()
    one.wait_ready(hostname)


def test_short_lived_tokens_are_renewed_before_they_end(stack, sim, daemon):
    sim.set(tokenSeconds="4")
    one = daemon(stack).start()
    first, second = "short-1.example.com", "short-2.example.com"
    one.wish(first)
    one.wait_ready(first)
    before = len(sim.requests("POST", TOKEN_REQUEST))
    time.sleep(4)
    one.wish(second)
    one.wait_ready(second)
    assert len(sim.requests("POST", TOKEN_REQUEST)) > before
    assert not [each for each in sim.requests() if each["status"] == 401 and "/vault" not in each["path"]]


def test_a_token_that_arm_refuses_is_replaced_once(stack, sim, daemon, hostname):
    sim.fault("GET", "/applicationGateways/", {"status": 401, "headers": {
        "WWW-Authenticate": 'Bearer authorization_uri="https://login.example/", error="invalid_token"'}})
    one = daemon(stack).start()
    one.wish(hostname)
    one.wait_ready(hostname)
    arm = [each for each in sim.requests("GET", "/applicationGateways/gateway")]
    assert [each["status"] for each in arm[:2]] == [401, 200]


@pytest.mark.parametrize("status", [503, 429])
def test_an_authority_in_trouble_delays_and_no_more(status, stack, sim, daemon, hostname):
    sim.fault("POST", TOKEN_REQUEST, {"status": status, "headers": {"Retry-After": "1"} if status == 429 else {}},
              times=2)
    one = daemon(stack).start()
    one.wish(hostname)
    one.wait_ready(hostname)


@pytest.mark.parametrize("status", [404, 410, 429, 500])
def test_a_metadata_service_in_trouble_delays_and_no_more(status, stack, sim, daemon, hostname):
    sim.fault("GET", IDENTITY, {"status": status, "headers": {}}, times=1)
    one = daemon(stack, config=metadata_service(stack)).start()
    one.wish(hostname)
    one.wait_ready(hostname)


@pytest.mark.parametrize("body", ['{"access_token":', '{"access_token":"a b"}'], ids=["truncated", "spaced"])
def test_a_garbled_token_answer_is_asked_for_again(body, stack, sim, daemon, hostname):
    sim.fault("POST", TOKEN_REQUEST, {"status": 200, "headers": {"Content-Type": "application/json"}, "body": body})
    one = daemon(stack).start()
    one.wish(hostname)
    one.wait_ready(hostname)


@pytest.mark.parametrize(("settings", "word"), [
    ({"AZURE_TOKEN_CREDENTIALS": "AzureCliCredential"}, "AZURE_TOKEN_CREDENTIALS"),
    ({"AZURE_CLIENT_ID": None}, "AZURE_CLIENT_ID"),
    ({"AZURE_AUTHORITY_HOST": "http://127.0.0.1:1"}, "AZURE_AUTHORITY_HOST"),
], ids=["narrowed_to_nothing", "half_a_set", "authority_in_the_clear"])
def test_settings_that_cannot_work_stop_it_at_once(settings, word, stack, daemon):
    one = daemon(stack, config=settings).spawn()
    assert one.wait(20) != 0
    assert word in one.log()
