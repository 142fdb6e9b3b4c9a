"""Fixtures of the integration tests; what they are made of is in harness/.

stack      a local stack per test module; a module changes its flags with STACK_FLAGS = ["--pebble-env", "K=V"]
new_stack  a function that brings up another one, for a test that needs its own
daemon     a function that makes a Gatecertd, not started: daemon(config={...}, env={...}, args=[...]), before
           them a stack of new_stack
gatecertd  a started one with the stack's configuration
hostname   a name that no other test uses
"""

import contextlib
import itertools
import os
import re
import signal
import sys
import tempfile

import pytest

from harness import BUILD, CHECKOUT, Gatecertd, LocalStack

sys.path.append(str(CHECKOUT / "hack"))

import guard  # noqa: E402

_numbers = itertools.count(1)


def pytest_configure(config):
    """SIGTERM ends a run as Ctrl-C does, with the end of every fixture. What hack/run-test does for a suite is done
    here for a run by hand: its files are removed, its folders lie under the build, and the next run ends what a
    killed one left.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if guard.MARK in os.environ:
        return
    guard.sweep()
    owner = os.environ[guard.MARK] = guard.identity()
    os.environ["TMPDIR"], os.environ["GATECERT_SHM"] = guard.make_directories(owner)
    tempfile.tempdir = os.environ["TMPDIR"]
    config.add_cleanup(lambda: guard.remove_directories(lambda one: one == owner))
    os.makedirs(BUILD / "pytest", exist_ok=True)
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(BUILD / "pytest"))


@pytest.fixture(scope="module")
def stack(request, tmp_path_factory):
    one = LocalStack(tmp_path_factory.mktemp("stack") / "dir").up(*getattr(request.module, "STACK_FLAGS", ()))
    yield one
    one.down()


@pytest.fixture
def new_stack(request, tmp_path):
    made = request.node.stacks = []
    with contextlib.ExitStack() as ends:

        def make(*flags):
            one = LocalStack(tmp_path / f"stack-{len(made)}").up(*flags)
            ends.callback(one.down)
            made.append(one)
            return one

        yield make


@pytest.fixture
def daemon(request, tmp_path, new_stack):
    del new_stack  # named so that daemons end before their stacks
    made = request.node.daemons = []
    with contextlib.ExitStack() as ends:

        def make(stack=None, **options):
            one = Gatecertd(stack or request.getfixturevalue("stack"), tmp_path / f"daemon-{len(made)}", **options)
            ends.callback(one.close)
            made.append(one)
            return one

        yield make


@pytest.fixture
def gatecertd(stack, daemon):
    return daemon(stack).start()


@pytest.fixture
def hostname(request):
    """Of the test's own name and a number, as the stack's state outlives a test."""
    label = re.sub(r"[^a-z0-9]+", "-", request.node.originalname.lower().removeprefix("test_")).strip("-")[:40]
    return f"{label.strip('-')}-{next(_numbers)}.example.com"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What a failed test leaves for its reader: the end of every log."""
    report = (yield).get_result()
    if not report.failed:
        return
    for number, one in enumerate(getattr(item, "daemons", ())):
        report.sections.append((f"gatecertd {number}", one.log_tail()))
    stacks = list(getattr(item, "stacks", ()))
    if "stack" in getattr(item, "funcargs", {}):
        stacks.append(item.funcargs["stack"])
    for one in stacks:
        for name, text in one.logs():
            if not text:
                continue
            report.sections.append((f"stack {name}", text))
