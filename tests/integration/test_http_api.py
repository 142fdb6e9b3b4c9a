"""The documented HTTP API over the wire, row by row, against the real daemon and the local stack."""

import http.client
import json
import re
import socket
import time
from types import SimpleNamespace
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from harness import Gatecertd, Reply
from harness.openapi import Description, JudgedApi
from harness.paths import CHECKOUT
from harness.waiting import wait_for

STACK_FLAGS = ["--gateway-update-seconds", "1", "--azuresim", "vaultPollSeconds=1"]

START = "/api/AddCertificateFunctions_HttpStart"
SEVERAL = "/api/AddMultipleCertificatesFunctions_HttpStart"
INSTANCES = "/runtime/webhooks/durabletask/instances"
NOBODY = "f" * 32
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
JSON = {"Content-Type": "application/json"}
DESCRIPTION = Description()

MESSAGES = {
    "GetApplicationGatewayPublicIpStep": "Getting Application Gateway public IP address.",
    "CheckDnsResolutionStep": "Checking whether the hostname is resolving to the Application Gateway.",
    "GetAcmeOrderStep": "Starting certificate request process with the Certificate Authority.",
    "GetAcmeHttp01ChallengeStep":
        "Getting hostname ownership verification challenge from the Certificate Authority.",
    "UploadValidationFileToBlobStorageStep":
        "Uploading hostname ownership verification file to Azure Blob Storage.",
    "AnswerAcmeHttp01ChallengeStep": "Verifying hostname ownership.",
    "CheckAcmeOrderStep": "Waiting for hostname ownership verification.",
    "DeleteValidationFileFromBlobStorageStep": "Deleting verification files from Azure Blob Storage.",
    "CreateCertificateStep": "Creating certificate.",
    "ConfigureApplicationGatewayStep": "Configuring Application Gateway to use the new certificate.",
    "Completed": "Certbot function successfully completed.",
}


@pytest.fixture(scope="module")
def daemon_of_all(stack, tmp_path_factory):
    one = Gatecertd(stack, tmp_path_factory.mktemp("daemon")).start()
    yield one
    one.close()


@pytest.fixture(scope="module")
def api(daemon_of_all, stack):
    """Every answer of this suite is held to openapi.yaml."""
    del daemon_of_all
    return JudgedApi(stack.api_url, stack.api_key, DESCRIPTION)


@pytest.fixture(scope="module")
def nobody(stack, daemon_of_all):
    del daemon_of_all
    return JudgedApi(stack.api_url, None, DESCRIPTION)


def start(api, *hostnames):
    return SimpleNamespace(**api.add_certificates(*hostnames))


def status(api, one, query=""):
    return api.get(f"{INSTANCES}/{one.id}{query}")


def wait_for_end(api, one, wanted, deadline=60):
    wait_for(lambda: status(api, one).json()["runtimeStatus"] == wanted, deadline,
             lambda: f"{one.id} is {wanted}: {status(api, one).text}")
    return one


@pytest.fixture(scope="module")
def cases(stack, api):
    """One instance for each way that a request can stand."""
    for name in ("lost", "ended", "mixed-bad"):
        stack.dns.set_a(f"{name}.example.com", "192.0.2.7")
    for name in ("waiting", "stopped"):
        stack.dns.set_servfail(f"{name}.example.com")
    made = SimpleNamespace(completed=start(api, "done.example.com"), failed=start(api, "lost.example.com"),
                           running=start(api, "waiting.example.com"), terminated=start(api, "stopped.example.com"),
                           several=start(api, "one.example.com", "two.example.com"),
                           mixed=start(api, "mixed-good.example.com", "mixed-bad.example.com"))
    assert api.post(f"{INSTANCES}/{made.terminated.id}/terminate?reason=changed%20my%20mind").status == 202
    wait_for(lambda: status(api, made.running).json()["runtimeStatus"] == "Running")
    for name, wanted in (("completed", "Completed"), ("failed", "Failed"), ("terminated", "Terminated"),
                         ("several", "Completed"), ("mixed", "Failed")):
        wait_for_end(api, getattr(made, name), wanted)
    made.unknown = SimpleNamespace(id=NOBODY)
    return made


# --- start endpoints ---

def one(name):
    return {"hostnames": [{"hostname": name}]}


# (sentence, endpoint, body, headers, status, what the body says)
STARTS = [
    ("an object with a hostname", START, one("waiting.example.com"), {}, 202, "id"),
    ("a bare string", START, {"hostnames": ["waiting.example.com"]}, {}, 202, "id"),
    ("member names in any case", START, {"HOSTNAMES": [{"HostName": "waiting.example.com"}]}, {}, 202, "id"),
    ("an upper-case hostname with a trailing dot", START, one("WAITING.example.com."), {}, 202, "id"),
    ("no Content-Type", START, json.dumps(one("waiting.example.com")), {}, 202, "id"),
    ("text/plain", START, json.dumps(one("waiting.example.com")), {"Content-Type": "text/plain"}, 202, "id"),
    ("form-urlencoded, as curl -d sends it", START, json.dumps(one("waiting.example.com")),
     {"Content-Type": "application/x-www-form-urlencoded"}, 202, "id"),
    ("several for the endpoint of several", SEVERAL, {"hostnames": ["waiting.example.com", "lost.example.com"]},
     {}, 202, "id"),
    ("not JSON, with line and column", START, '{\n  "hostnames": [}', JSON, 400, "line 2, column 17"),
    ("nothing at all", START, "", JSON, 400, "InvalidJson"),
    ("no hostnames", START, {}, {}, 400, "HostnamesMissing"),
    ("an empty list", START, {"hostnames": []}, {}, 400, "HostnamesEmpty"),
    ("two for the endpoint of one names the other endpoint", START, {"hostnames": ["a.example.com", "b.example.com"]},
     {}, 400, "AddMultipleCertificatesFunctions_HttpStart"),
    ("an invalid hostname is named", START, one("bad_name.example.com"), {}, 400, "bad_name.example.com"),
    ("an IP address", START, one("192.0.2.1"), {}, 400, "InvalidHostname"),
    ("a bare top-level domain", START, one("localhost"), {}, 400, "InvalidHostname"),
    ("a wildcard", START, one("*.example.com"), {}, 400, "InvalidHostname"),
    ("a hyphen at the end of a label", START, one("a-.example.com"), {}, 400, "InvalidHostname"),
    ("a name of 254 octets", START, one(".".join(["a" * 61] * 4) + ".example"), {}, 400, "InvalidHostname"),
    ("an entry that is a number", SEVERAL, {"hostnames": ["ok.example.com", 7]}, {}, 400, "hostnames[1]"),
    ("101 hostnames", SEVERAL, {"hostnames": [f"h{n}.example.com" for n in range(101)]}, {}, 400, "TooManyHostnames"),
    ("deep JSON", START, '{"a":' + "[" * 16 + "]" * 16 + "}", JSON, 400, "InvalidJson"),
    ("more than 64 KiB", START, " " * 65537, JSON, 413, "BodyTooLarge"),
    ("multipart", START, "x", {"Content-Type": "multipart/form-data; boundary=x"}, 415, "UnsupportedMediaType"),
    ("an image", START, "x", {"Content-Type": "image/png"}, 415, "UnsupportedMediaType"),
    ("a compressed body", START, "x", {"Content-Encoding": "gzip"}, 415, "UnsupportedMediaType"),
]


@pytest.mark.parametrize("sentence, endpoint, body, headers, wanted, said", STARTS, ids=[row[0] for row in STARTS])
def test_start(api, cases, sentence, endpoint, body, headers, wanted, said):
    reply = api.post(endpoint, body, headers=headers)
    assert (reply.status, said in reply.text) == (wanted, True), f"{sentence}: {reply.status} {reply.text}"
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    if wanted >= 400:
        error = reply.json()["error"]
        assert list(error) == ["code", "message", "details"] and error["message"]


def test_the_202_has_its_members_in_order_and_its_headers(api, stack, cases):
    reply = api.post(START, one("waiting.example.com"))
    body = json.loads(reply.body, object_pairs_hook=list)
    assert [name for name, _ in body] == ["id", "statusQueryGetUri", "sendEventPostUri", "terminatePostUri",
                                          "purgeHistoryDeleteUri"]
    links = dict(body)
    assert re.fullmatch("[0-9a-f]{32}", links["id"])
    assert reply.headers["location"] == links["statusQueryGetUri"]
    assert reply.headers["retry-after"] == "10"
    base = f"{stack.api_url}{INSTANCES}/{links['id']}"
    code = parse_qs(urlsplit(links["purgeHistoryDeleteUri"]).query)["code"][0]
    hub = parse_qs(urlsplit(links["purgeHistoryDeleteUri"]).query)["taskHub"][0]
    tail = f"taskHub={quote(hub)}&connection=Storage&code={code}"
    assert links["statusQueryGetUri"] == f"{base}?{tail}&returnInternalServerErrorOnFailure=true"
    assert links["sendEventPostUri"] == f"{base}/raiseEvent/{{eventName}}?{tail}"
    assert links["terminatePostUri"] == f"{base}/terminate?reason={{text}}&{tail}"
    assert links["purgeHistoryDeleteUri"] == f"{base}?{tail}"
    assert code != stack.api_key


def test_a_chunked_body_is_accepted(stack, api, cases):
    connection = http.client.HTTPConnection(urlsplit(stack.api_url).netloc, timeout=60)
    connection.request("POST", START, body=iter([b'{"hostnames":', b'["waiting.example.com"]}']),
                       headers={"x-functions-key": stack.api_key}, encode_chunked=True)
    got = connection.getresponse()
    reply = Reply(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
    connection.close()
    assert reply.status == 202
    DESCRIPTION.judge("POST", START, reply)


def test_all_bad_entries_are_told_together_and_nothing_is_stored(api):
    before = len(api.get(f"{INSTANCES}?top=1000").json())
    reply = api.post(SEVERAL, {"hostnames": ["fine-but-refused.example.com", "bad_one.example.com", "nodot", {}]})
    assert reply.status == 400
    assert [detail["target"] for detail in reply.json()["error"]["details"]] == [f"hostnames[{n}]" for n in (1, 2, 3)]
    assert "bad_one.example.com" in reply.json()["error"]["message"] and "nodot" in reply.json()["error"]["message"]
    assert api.hostname("fine-but-refused.example.com") is None
    assert len(api.get(f"{INSTANCES}?top=1000").json()) == before


# --- who may ---

# (sentence, method, path, headers, status); {id} and {code} are those of a running instance
DOORS = [
    ("an unknown path comes before the key", "GET", "/api/Nothing", {}, 404),
    ("a wrong method comes before the key", "GET", START, {}, 405),
    ("no key", "POST", START, {}, 401),
    ("a wrong key", "POST", START, {"x-functions-key": "wrong"}, 401),
    ("a wrong bearer", "POST", START, {"Authorization": "Bearer wrong"}, 401),
    ("the key comes before the content type", "POST", START, {"Content-Type": "image/png"}, 401),
    ("the key as bearer", "GET", INSTANCES, {"Authorization": "Bearer {key}"}, 200),
    ("the key as header", "GET", INSTANCES, {"x-functions-key": "{key}"}, 200),
    ("the key as code", "GET", INSTANCES + "?code={key}", {}, 200),
    ("an instance without code", "GET", INSTANCES + "/{id}", {}, 401),
    ("an instance with its code", "GET", INSTANCES + "/{id}?code={code}", {}, 202),
    ("an instance with the key", "GET", INSTANCES + "/{id}?code={key}", {}, 202),
    ("the code of another instance", "GET", INSTANCES + "/" + NOBODY + "?code={code}", {}, 401),
    ("the code cannot list", "GET", INSTANCES + "?code={code}", {}, 401),
    ("the code cannot purge by filter", "DELETE", INSTANCES + "?createdTimeFrom=2020-01-01T00:00:00Z&code={code}", {},
     401),
    ("the code cannot start", "POST", START + "?code={code}", {}, 401),
    ("the code cannot read hostnames", "GET", "/apis/gatecert/v1/hostnames?code={code}", {}, 401),
    ("paths in any case", "GET", INSTANCES.upper() + "/{id}?code={code}", {}, 202),
    ("health for everybody", "GET", "/healthz", {}, 200),
    ("readiness for everybody", "GET", "/readyz", {}, 200),
]


@pytest.mark.parametrize("sentence, method, path, headers, wanted", DOORS, ids=[row[0] for row in DOORS])
def test_doors(nobody, stack, cases, sentence, method, path, headers, wanted):
    code = parse_qs(urlsplit(cases.running.purgeHistoryDeleteUri).query)["code"][0]
    words = {"id": cases.running.id, "code": code, "key": stack.api_key}
    reply = nobody.request(method, path.format(**words), headers={name: text.format(**words)
                                                                  for name, text in headers.items()})
    assert reply.status == wanted, f"{sentence}: {reply.text}"
    if wanted == 401:
        assert reply.headers["www-authenticate"].startswith("Bearer")
    if wanted == 405:
        assert reply.headers["allow"] == "POST"


def test_keys_are_added_limited_and_taken_away_by_a_reload(daemon_of_all, stack, cases):
    admin = {"name": "admin", "key": stack.api_key}
    keys = {"look": "only-looks-0123456789", "web": "reaches-example-org-0123456789"}
    callers = {name: JudgedApi(stack.api_url, key, DESCRIPTION) for name, key in keys.items()}
    assert all(caller.get(INSTANCES).status == 401 for caller in callers.values())
    daemon_of_all.configure(ApiKeys=[admin, {"name": "look", "key": keys["look"], "readOnly": True},
                                     {"name": "web", "key": keys["web"], "hostnames": ["example.org"]}])
    daemon_of_all.reload()
    wait_for(lambda: all(caller.get(INSTANCES).status == 200 for caller in callers.values()))
    assert cases.running.id in callers["look"].get(f"{INSTANCES}?top=1000").text
    assert callers["look"].post(START, one("waiting.example.com")).status == 403
    assert callers["web"].get(f"{INSTANCES}?top=1000").json() == []
    assert callers["web"].post(START, one("waiting.example.com")).status == 403
    assert callers["web"].get("/apis/gatecert/v1/hostnames/done.example.com").status == 403
    daemon_of_all.configure(ApiKeys=[admin])
    daemon_of_all.reload()
    wait_for(lambda: all(caller.get(INSTANCES).status == 401 for caller in callers.values()))


# --- status ---

# (sentence, case, query, status, runtimeStatus)
STATUSES = [
    ("running", "running", "", 202, "Running"),
    ("completed", "completed", "", 200, "Completed"),
    ("terminated", "terminated", "", 200, "Terminated"),
    ("failed", "failed", "", 200, "Failed"),
    ("failed, as an error", "failed", "?returnInternalServerErrorOnFailure=true", 500, "Failed"),
    ("failed, as an error, in any case", "failed", "?returnInternalServerErrorOnFailure=TRUE", 500, "Failed"),
    ("failed, with a wish that cannot be read", "failed", "?returnInternalServerErrorOnFailure=yes", 200, "Failed"),
    ("completed is no failure", "completed", "?returnInternalServerErrorOnFailure=true", 200, "Completed"),
    ("several", "several", "", 200, "Completed"),
    ("several of which one failed", "mixed", "", 200, "Failed"),
]


@pytest.mark.parametrize("sentence, case, query, wanted, runtime", STATUSES, ids=[row[0] for row in STATUSES])
def test_status(api, cases, sentence, case, query, wanted, runtime):
    reply = status(api, getattr(cases, case), query)
    body = json.loads(reply.body, object_pairs_hook=list)
    assert (reply.status, dict(body)["runtimeStatus"]) == (wanted, runtime), f"{sentence}: {reply.text}"
    assert [name for name, _ in body] == ["name", "instanceId", "runtimeStatus", "input", "customStatus", "output",
                                          "createdTime", "lastUpdatedTime"]
    assert TIME.match(dict(body)["createdTime"]) and TIME.match(dict(body)["lastUpdatedTime"])
    if wanted == 202:
        assert reply.headers["retry-after"] == "5"
        assert urlsplit(reply.headers["location"]).path == f"{INSTANCES}/{cases.running.id}"
    else:
        assert "location" not in reply.headers and "retry-after" not in reply.headers


def test_status_of_one_that_completed(api, cases):
    body = status(api, cases.completed).json()
    assert body["name"] == "AddCertificateFunctions" and body["input"] == "done.example.com"
    assert body["instanceId"] == cases.completed.id
    assert body["customStatus"] == {"status": "Completed", "message": MESSAGES["Completed"], "error": None}
    assert body["output"] is None


def test_status_of_one_that_is_running(api, cases):
    custom = status(api, cases.running).json()["customStatus"]
    assert list(custom) == ["status", "message", "error"]
    assert custom["message"] == MESSAGES[custom["status"]] and custom["error"] is None


def test_status_of_one_that_failed(api, cases):
    body = status(api, cases.failed).json()
    assert body["customStatus"] == {"status": "Failed", "error": "HostnameNotResolvingToApplicationGateway",
                                    "message": "Hostname is not resolving to the Application Gateway."}
    assert "192.0.2.7" in body["output"]


def test_status_of_one_that_was_terminated(api, cases):
    assert status(api, cases.terminated).json()["output"] == "changed my mind"
    wait_for(lambda: api.hostname("stopped.example.com") is None, 60)


def test_status_of_several(api, cases):
    body = status(api, cases.several).json()
    assert body["name"] == "AddMultipleCertificatesFunctions"
    assert body["input"] == ["one.example.com", "two.example.com"]
    assert body["customStatus"]["status"] == "Completed" and body["output"] is None


def test_output_of_several_of_which_one_failed(api, cases):
    output = {entry["hostname"]: entry for entry in status(api, cases.mixed).json()["output"]}
    assert [list(entry) for entry in output.values()] == [["hostname", "runtimeStatus", "customStatus", "output"]] * 2
    assert output["mixed-good.example.com"]["runtimeStatus"] == "Completed"
    assert output["mixed-bad.example.com"]["runtimeStatus"] == "Failed"
    assert output["mixed-bad.example.com"]["customStatus"]["error"] == "HostnameNotResolvingToApplicationGateway"


def test_input_is_left_out_on_request(api, cases):
    assert status(api, cases.completed, "?showInput=False").json()["input"] is None
    assert status(api, cases.completed, "?showInput=maybe").json()["input"] == "done.example.com"


def test_history_is_shown_on_request(api, cases):
    assert "historyEvents" not in status(api, cases.completed).json()
    events = status(api, cases.completed, "?showHistory=true").json()["historyEvents"]
    steps = [event["FunctionName"] for event in events if event["EventType"] == "TaskCompleted"]
    assert all(TIME.match(event["Timestamp"]) and "Result" not in event for event in events)
    assert "CheckDnsResolutionStep" in steps and "ConfigureApplicationGatewayStep" in steps
    events = status(api, cases.completed, "?showHistory=true&showHistoryOutput=true").json()["historyEvents"]
    assert all("Result" in event for event in events)


def test_an_unknown_instance_is_404(api, cases):
    reply = status(api, cases.unknown)
    assert (reply.status, reply.json()["error"]["code"]) == (404, "InstanceNotFound")


def test_a_poller_that_only_follows_location_arrives(stack, api, nobody, hostname):
    """As a Logic App does: Location and Retry-After, no key, nothing built by itself."""
    reply = api.post(START, one(hostname))
    seen, until = [], time.monotonic() + 60
    while reply.status == 202 and time.monotonic() < until:
        assert int(reply.headers["retry-after"]) > 0
        time.sleep(0.1)  # luck: no, because it only paces the polls
        reply = nobody.get(reply.headers["location"])
        seen.append(reply.json()["runtimeStatus"])
    assert reply.status == 200 and seen[-1] == "Completed", seen
    assert set(seen) <= {"Pending", "Running", "Completed"}


def test_the_same_hostname_again_completes_without_a_second_certificate(stack, api, cases):
    before = len(stack.sim.requests("POST", "/certificates/done-example-com/create"))
    again = wait_for_end(api, start(api, "done.example.com"), "Completed", 60)
    assert again.id != cases.completed.id
    assert len(stack.sim.requests("POST", "/certificates/done-example-com/create")) == before


# --- the other management calls ---

# (sentence, case, path, body, headers, status)
CALLS = [
    ("an event", "running", "/raiseEvent/Hello", {"a": 1}, {}, 202),
    ("Retry", "running", "/raiseEvent/Retry", {}, {}, 202),
    ("an event of an ended one", "completed", "/raiseEvent/Hello", {}, {}, 410),
    ("an event of nobody", "unknown", "/raiseEvent/Hello", {}, {}, 404),
    ("an event that is not JSON", "running", "/raiseEvent/Hello", "nope", JSON, 400),
    ("an event of another type", "running", "/raiseEvent/Hello", "{}", {"Content-Type": "text/plain"}, 400),
    ("an event without type", "running", "/raiseEvent/Hello", "{}", {}, 400),
    ("terminate of an ended one", "failed", "/terminate?reason=x", None, {}, 410),
    ("terminate of nobody", "unknown", "/terminate?reason=x", None, {}, 404),
]


@pytest.mark.parametrize("sentence, case, path, body, headers, wanted", CALLS, ids=[row[0] for row in CALLS])
def test_calls(api, cases, sentence, case, path, body, headers, wanted):
    reply = api.post(f"{INSTANCES}/{getattr(cases, case).id}{path}", body, headers=headers)
    assert reply.status == wanted, f"{sentence}: {reply.text}"


def test_an_event_is_recorded(api, cases):
    api.post(f"{INSTANCES}/{cases.running.id}/raiseEvent/Something%20else", {})
    events = status(api, cases.running, "?showHistory=true").json()["historyEvents"]
    assert "Something else" in [event.get("Name") for event in events if event["EventType"] == "EventRaised"]


def test_a_mended_hostname_goes_on_at_once_when_posted_again(stack, api, hostname):
    stack.dns.set_a(hostname, "192.0.2.7")
    wait_for_end(api, start(api, hostname), "Failed")
    stack.dns.clear_a(hostname)
    wait_for_end(api, start(api, hostname), "Completed")


def test_purge_takes_what_has_ended_and_leaves_what_runs(api, cases, hostname, stack):
    stack.dns.set_a(hostname, "192.0.2.7")
    ended = wait_for_end(api, start(api, hostname), "Failed")
    assert api.delete(f"{INSTANCES}/{ended.id}").json() == {"instancesDeleted": 1}
    assert api.delete(f"{INSTANCES}/{ended.id}").status == 404
    reply = api.delete(f"{INSTANCES}/{cases.running.id}")
    assert (reply.status, reply.json()) == (200, {"instancesDeleted": 0})


def test_links_work_as_they_were_given(api, nobody, stack, hostname):
    stack.dns.set_servfail(hostname)
    one_of_ours = start(api, hostname)
    assert nobody.post(one_of_ours.sendEventPostUri.replace("{eventName}", "Retry"), {}).status == 202
    assert nobody.post(one_of_ours.terminatePostUri.replace("{text}", "enough")).status == 202
    wait_for(lambda: nobody.get(one_of_ours.statusQueryGetUri).json()["runtimeStatus"] == "Terminated")
    assert nobody.get(one_of_ours.statusQueryGetUri).json()["output"] == "enough"
    assert nobody.delete(one_of_ours.purgeHistoryDeleteUri).json() == {"instancesDeleted": 1}
    assert nobody.get(one_of_ours.statusQueryGetUri).status == 404


# (sentence, query, cases that are in the answer, cases that are not)
LISTS = [
    ("all", "", ["completed", "failed", "running", "terminated"], []),
    ("by status", "runtimeStatus=Failed,Terminated", ["failed", "terminated"], ["completed", "running"]),
    ("by status in any case", "runtimeStatus=completed", ["completed"], ["failed"]),
    ("from a time on", "createdTimeFrom=2999-01-01T00:00:00Z", [], ["completed"]),
    ("up to a time", "createdTimeTo=2999-01-01T00:00:00Z", ["completed"], []),
    ("a time that cannot be read", "createdTimeFrom=soon", ["completed"], []),
]


@pytest.mark.parametrize("sentence, query, there, missing", LISTS, ids=[row[0] for row in LISTS])
def test_list(api, cases, sentence, query, there, missing):
    reply = api.get(f"{INSTANCES}?top=1000&{query}")
    ids = {entry["instanceId"] for entry in reply.json()}
    assert reply.status == 200, sentence
    assert {getattr(cases, case).id for case in there} <= ids
    assert not {getattr(cases, case).id for case in missing} & ids


def test_list_by_prefix_and_in_pages(api, cases):
    prefix = cases.completed.id[:12]
    assert [entry["instanceId"] for entry in api.get(f"{INSTANCES}?instanceIdPrefix={prefix}").json()] == [
        cases.completed.id]
    reply, seen = api.get(f"{INSTANCES}?top=3&showInput=false"), []
    while True:
        assert len(reply.json()) <= 3 and all(entry["input"] is None for entry in reply.json())
        seen += [entry["instanceId"] for entry in reply.json()]
        token = reply.headers.get("x-ms-continuation-token")
        if not token:
            break
        reply = api.get(f"{INSTANCES}?top=3&showInput=false", headers={"x-ms-continuation-token": token})
    assert len(seen) == len(set(seen)) and cases.running.id in seen


def test_purge_by_filter(api, cases, stack, hostname):
    assert api.delete(INSTANCES).status == 400
    assert api.delete(f"{INSTANCES}?createdTimeFrom=2999-01-01T00:00:00Z").status == 404
    stack.dns.set_servfail(hostname)
    gone = start(api, hostname)
    api.post(f"{INSTANCES}/{gone.id}/terminate?reason=x")
    wait_for_end(api, gone, "Terminated")
    created = status(api, gone).json()["createdTime"]
    reply = api.delete(f"{INSTANCES}?createdTimeFrom={created}&runtimeStatus=Terminated,Running")
    assert reply.status == 200 and reply.json()["instancesDeleted"] >= 1
    assert status(api, gone).status == 404
    assert status(api, cases.running).status == 202


# --- across a kill ---

def test_requests_and_links_outlive_a_kill(daemon_of_all, nobody, api, cases, stack, hostname):
    stack.dns.set_servfail(hostname)
    last = start(api, hostname)
    daemon_of_all.kill()
    daemon_of_all.start()
    assert nobody.get(last.statusQueryGetUri).status == 202
    assert api.hostname(hostname) is not None
    for case, wanted in (("completed", "Completed"), ("failed", "Failed"), ("terminated", "Terminated")):
        assert status(api, getattr(cases, case)).json()["runtimeStatus"] == wanted
    assert nobody.get(cases.mixed.statusQueryGetUri).status == 500


# --- hostnames ---

def test_hostnames_are_shown_as_native_objects(api, cases):
    body = api.get("/apis/gatecert/v1/hostnames/DONE.example.com.").json()
    assert (body["apiVersion"], body["kind"], body["metadata"]["name"]) == ("gatecert/v1", "Hostname",
                                                                            "done.example.com")
    assert isinstance(body["metadata"]["resourceVersion"], str)
    assert body["status"]["step"] == "Completed"
    assert body["status"]["source"]["file"].endswith("/api.d/done.example.com.json")
    assert "issuance" not in body["status"]
    ready = next(one for one in body["status"]["conditions"] if one["type"] == "Ready")
    assert set(ready) == {"type", "status", "reason", "message", "lastTransitionTime", "observedGeneration"}
    listed = api.get("/apis/gatecert/v1/hostnames").json()
    assert listed["kind"] == "HostnameList" and set(listed["metadata"]) == {"resourceVersion", "continue"}
    assert "done.example.com" in [item["metadata"]["name"] for item in listed["items"]]


def test_a_hostname_of_a_users_file_is_read_only(api, daemon_of_all, hostname):
    daemon_of_all.wish(hostname)
    wait_for(lambda: api.hostname(hostname))
    for method, headers, body in (("PUT", JSON, "{}"), ("DELETE", {}, None),
                                  ("PATCH", {"Content-Type": "application/merge-patch+json"}, "{}")):
        reply = api.request(method, f"/apis/gatecert/v1/hostnames/{hostname}", body, headers)
        assert reply.status == 409 and f"{hostname}.yaml" in reply.text, method


def test_a_hostname_can_be_put_patched_and_deleted(api, stack, hostname):
    stack.dns.set_servfail(hostname)
    path = f"/apis/gatecert/v1/hostnames/{hostname}"
    assert api.request("PUT", path, {"metadata": {"labels": {"team": "web"}}}).status == 201
    reply = api.request("PATCH", path, json.dumps({"metadata": {"labels": {"tier": "front"}}}),
                        {"Content-Type": "application/merge-patch+json"})
    assert reply.json()["metadata"]["labels"] == {"team": "web", "tier": "front"}
    listed = api.get("/apis/gatecert/v1/hostnames?labelSelector=" + quote("team=web,tier in (front)")).json()
    assert [item["metadata"]["name"] for item in listed["items"]] == [hostname]
    assert api.delete(path).status == 200
    assert api.get(path).status == 404


def test_a_watch_tells_of_an_issuance_as_it_goes_on(stack, api, hostname):
    version = api.get("/apis/gatecert/v1/hostnames").json()["metadata"]["resourceVersion"]
    connection = http.client.HTTPConnection(urlsplit(stack.api_url).netloc, timeout=60)
    connection.request("GET", f"/apis/gatecert/v1/hostnames?watch=true&resourceVersion={version}",
                       headers={"x-functions-key": stack.api_key})
    lines = connection.getresponse()
    assert lines.status == 200
    start(api, hostname)
    seen = []
    for line in lines:
        event = json.loads(line)
        DESCRIPTION.check_schema(event, {"$ref": "#/components/schemas/WatchEvent"})
        DESCRIPTION.check_schema(event["object"], {"$ref": "#/components/schemas/Hostname"})
        if event["object"]["metadata"]["name"] != hostname:
            continue
        seen.append((event["type"], event["object"]["status"].get("step")))
        if seen[-1][1] == "Completed":
            break
    connection.close()
    assert seen[0][0] == "ADDED" and {kind for kind, _ in seen[1:]} == {"MODIFIED"}, seen
    assert len({step for _, step in seen}) > 3, seen


def test_readyz_tells_of_problems_in_spec_files(daemon_of_all, nobody):
    daemon_of_all.drop_spec("broken.yaml", "kind: [\n")
    problem = wait_for(lambda: nobody.get("/readyz").json()["specs"]["problems"])
    assert problem[0]["file"].endswith("broken.yaml") and problem[0]["line"] >= 1
    assert nobody.get("/readyz").status == 200
    daemon_of_all.remove_spec("broken.yaml")


# --- rude clients ---

RUDE = [
    ("no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400),
    ("two Hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    ("Content-Length twice",
     "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400),
    ("Content-Length with Transfer-Encoding",
     "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("Content-Length with a Transfer-Encoding that has a blank before its colon",
     "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("Content-Length twice, with a blank before a colon",
     "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length : 2\r\n\r\nxy", 400),
    ("two Hosts, with a blank before a colon", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n", 400),
    ("a request inside of a body whose length has a blank before its colon",
     "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length : 35\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("chunked twice",
     "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("identity", "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nxy", 400),
    ("gzip below chunked",
     "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400),
    ("a request line over 4 KiB", "GET /healthz?" + "a" * 4096 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    ("headers over 16 KiB", "GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + "a" * 17000 + "\r\n\r\n", 431),
]


@pytest.mark.parametrize("sentence, text, wanted", RUDE, ids=[row[0] for row in RUDE])
def test_rude_requests_are_answered_and_closed(stack, api, sentence, text, wanted):
    parts = urlsplit(stack.api_url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as sock:
        sock.sendall(text.encode())
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    assert answer.startswith(f"HTTP/1.1 {wanted} ".encode()), sentence
    assert answer.count(b"HTTP/1.1 ") == 1, "what stands behind is no request"
    DESCRIPTION.check_schema(json.loads(answer.split(b"\r\n\r\n", 1)[1]), {"$ref": "#/components/schemas/Error"})


# --- the description ---

def test_every_operation_was_answered_well_by_this_suite(api, cases):
    """Runs last: what was never seen was never checked."""
    api.get("/apis/gatecert/v1/gateways")
    name = api.get("/apis/gatecert/v1/gateways").json()["items"][0]["metadata"]["name"]
    api.get(f"/apis/gatecert/v1/gateways/{name}")
    api.get("/apis/gatecert/v1/instances")
    api.get(f"/apis/gatecert/v1/instances/{cases.running.id}")
    seen = {(method, path) for method, path, status_code in DESCRIPTION.seen if status_code < 400}
    # Those two have a suite of their own.
    imports = {("POST", f"/api/{name}Functions_HttpStart") for name in ("AddCertificateWithPrivateKey",
                                                                        "ImportCertificate")}
    assert DESCRIPTION.operations() - seen == imports
