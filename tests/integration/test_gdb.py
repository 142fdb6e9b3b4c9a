"""hack/gdb.py tells of a running daemon what CONTRIBUTING.md sends its readers for."""

import re
import shutil
import subprocess

import pytest

from harness import CHECKOUT, wait_for
from harness.proxy import Proxy

GDB_SECONDS = 400
HANG_MS = 30000


def gdb(gatecertd, *commands):
    """What gdb prints for the commands, attached to the daemon as it stands."""
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    done = subprocess.run(
        ["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-p", str(gatecertd.process.pid), "-x",
         CHECKOUT / "hack" / "gdb.py", *(word for command in commands for word in ("-ex", command))],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=GDB_SECONDS,
        check=False)
    if "ptrace: Operation not permitted" in done.stdout:
        pytest.skip("this user may not attach to processes")
    return done.stdout


def test_gdb_shows_queue_object_fault_and_arena_of_a_hostname_that_hangs(stack, daemon, hostname):
    ca = Proxy(stack, stack.acme_directory)
    try:
        gatecertd = daemon(stack, config={"AcmeEndpoint": ca.through(stack.acme_directory)}).start()
        ca.fault("POST", ".", {"delayMs": HANG_MS})
        gatecertd.wish(hostname)
        wait_for(lambda: ca.requests("POST"), 30, "the CA was asked for an order")
        told = gdb(gatecertd, "gatecert fault", "gatecert queue", "gatecert object hostname",
                   f"gatecert object hostname {hostname}", "gatecert arena $ctx->arena")
        ca.clear_faults()
    finally:
        ca.close()
    assert re.search(rf"hostname {re.escape(hostname)} pass=[0-9a-f]{{16}}", told), told
    assert re.search(rf"^    (RUNNING|RUNNING_WANTED) +{re.escape(hostname)}", told, re.MULTILINE), told
    assert "gateway: " in told and "instance: " in told and "sealkey: " in told, told
    assert re.search(rf"^{re.escape(hostname)}$", told, re.MULTILINE), told
    assert re.search(rf"^ +name: {re.escape(hostname)}$", told, re.MULTILINE), told
    assert re.search(r"\d+ bytes in use of \d+, \d+ chunks", told), told
    assert "Error" not in told and "Exception" not in told, told
