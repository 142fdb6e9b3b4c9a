"""hack/check-routes finds what description, routes and codes do not agree in, and the judge of answers does too."""

import re
import shutil
import subprocess

import jsonschema
import pytest

from harness import CHECKOUT, Reply
from harness.openapi import Description

ROUTES = "pkg/server/routes.c"
DOCUMENT = "manifests/openapi.yaml"


@pytest.fixture
def tree(tmp_path):
    """What the check reads of this checkout, to be spoilt."""
    shutil.copytree(CHECKOUT / "pkg", tmp_path / "pkg")
    (tmp_path / "manifests").mkdir()
    shutil.copy(CHECKOUT / DOCUMENT, tmp_path / DOCUMENT)
    return tmp_path


def run(tree):
    said = subprocess.run([CHECKOUT / "hack/check-routes", tree], capture_output=True, text=True)
    assert said.stderr == ""
    return said.returncode, said.stdout


def replace(tree, name, pattern, text):
    path = tree / name
    changed, count = re.subn(pattern, text, path.read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
    assert count == 1
    path.write_text(changed, encoding="utf-8")


def test_this_checkout_is_passed_in_silence(tree):
    assert run(tree) == (0, "")


# (sentence, file, what is replaced, by what, what is said)
FAULTS = [
    ("a route without description", ROUTES, r"\{NULL, NULL,",
     '{"POST", API "New", AUTH_KEY, ROUTE_BODY, functions_import, "new"},\n\t{NULL, NULL,',
     "POST /api/New is served, and manifests/openapi.yaml does not describe it"),
    ("another method of a path", ROUTES, r"\{NULL, NULL,",
     '{"PUT", INSTANCES "/{}", AUTH_KEY,\n\t  ROUTE_BODY, instances_purge, "new"},\n\t{NULL, NULL,',
     "PUT /runtime/webhooks/durabletask/instances/{} is served"),
    ("an operation without route", DOCUMENT, r"  /healthz:\n    get:",
     "  /healthz:\n    put: {operationId: x}\n    get:",
     "PUT /healthz is described, and pkg/server/routes.c does not serve it"),
    ("an operation of another name", DOCUMENT, "operationId: healthz", "operationId: alive",
     "GET /healthz is healthz in pkg/server/routes.c, and the operationId is alive"),
    ("an answer with a new code", ROUTES, '405, "MethodNotAllowed"', '405, "NotLikeThis"',
     "pkg/server/routes.c: NotLikeThis is not listed in the schema Error"),
    ("an answer with a code that goes over two lines", "pkg/objects/objectwrites.c",
     r'errors_answer\(ctx, response, 409, "Conflict"',
     'errors_answer(ctx, response, 409,\n\t\t"Clash"', "Clash is not listed in the schema Error"),
    ("a body refused with a new code", "pkg/durable/startbody.c", '"HostnamesEmpty", "hostnames"',
     '"NoHostnames", "hostnames"',
     "NoHostnames is not listed in the schema Error"),
    ("a listed code that nobody answers with", DOCUMENT, "                - BodyTooLarge\n",
     "                - BodyTooLarge\n                - BodyTooSmall\n",
     "Error lists BodyTooSmall, which nothing gives"),
    ("a refusal with a new reason", "pkg/hostname/issue.c", 'E_REFUSED, "KeyLost"', 'E_REFUSED, "KeyGone"',
     "pkg/hostname/issue.c: KeyGone is not listed in the schema FailureCode"),
    ("a new ruling on a problem of the CA", "pkg/acme/problem.c", '"CSRRejected"', '"CSRUnloved"',
     "CSRUnloved is not listed in the schema FailureCode"),
    ("a new reason for not drawing a hostname", "pkg/gwdoc/render.c", '"CapacityExceeded"', '"Full"',
     "Full is not listed in the schema FailureCode"),
    ("a new end of a request", "pkg/instance/instance.c", 'STEP_FAILED, "Timeout"', 'STEP_FAILED, "TooLate"',
     "TooLate is not listed in the schema FailureCode"),
    ("a new documented code", "pkg/hostname/schedule.c", r'\{"NXDomain", "\w+"\}', '{"NXDomain", "HostnameUnknown"}',
     "HostnameUnknown is not listed in the schema FailureCode"),
    ("a listed end that there is none of", DOCUMENT, "            - Timeout\n",
     "            - Timeout\n            - Tired\n",
     "FailureCode lists Tired, which nothing gives"),
    ("a code listed twice", DOCUMENT, "            - Timeout\n", "            - Timeout\n            - Timeout\n",
     "FailureCode lists Timeout twice"),
]


@pytest.mark.parametrize("name, pattern, text, expected", [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_check_routes_finds(tree, name, pattern, text, expected):
    replace(tree, name, pattern, text.replace("\\", "\\\\"))
    status, said = run(tree)
    assert status == 1 and expected in said, said


def test_a_table_that_cannot_be_read_is_no_table_without_routes(tree):
    replace(tree, ROUTES, r'\{"GET", "/healthz", ', '{"GET", HEALTH("z"), ')
    said = subprocess.run([CHECKOUT / "hack/check-routes", tree], capture_output=True, text=True)
    assert said.returncode == 1 and "cannot read" in said.stderr


# --- the judge of answers ---

FINE = {"content-type": "application/json; charset=utf-8", "content-length": "33"}
ALIVE = b'{"status":"ok","version":"1.0.0"}'

# (sentence, method, target, answer)
ANSWERS = [
    ("a status that is not described", "GET", "/healthz", Reply(201, FINE, ALIVE)),
    ("a path that is not described, and served", "GET", "/metrics", Reply(200, FINE, ALIVE)),
    ("another media type", "GET", "/healthz", Reply(200, {**FINE, "content-type": "text/plain; charset=utf-8"}, ALIVE)),
    ("no charset", "GET", "/healthz", Reply(200, {**FINE, "content-type": "application/json"}, ALIVE)),
    ("no media type", "GET", "/healthz", Reply(200, {"content-length": "33"}, ALIVE)),
    ("another length", "GET", "/healthz", Reply(200, {**FINE, "content-length": "34"}, ALIVE)),
    ("a member that is not described", "GET", "/healthz",
     Reply(200, {**FINE, "content-length": "28"}, b'{"status":"ok","release":""}')),
    ("an error without its form", "GET", "/nothing", Reply(404, {**FINE, "content-length": "2"}, b"{}")),
    ("a 202 without its headers", "GET", "/runtime/webhooks/durabletask/instances/0", Reply(202, FINE, ALIVE)),
]


def test_the_judge_lets_a_described_answer_pass():
    description = Description()
    description.judge("GET", "/HEALTHZ?verbose=1", Reply(200, FINE, ALIVE))
    assert description.seen == {("GET", "/healthz", 200)}


@pytest.mark.parametrize("sentence, method, target, reply", ANSWERS, ids=[row[0] for row in ANSWERS])
def test_the_judge_finds(sentence, method, target, reply):
    with pytest.raises((AssertionError, jsonschema.ValidationError)):
        Description().judge(method, target, reply)
