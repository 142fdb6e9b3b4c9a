"""pkg/acme and a real CA agree on RFC 8555: the client alone, built as build/contract/acme_contract."""

import os
import subprocess

from harness import BUILD

# The CA believes every challenge and rejects half of all good nonces.
STACK_FLAGS = ["--pebble-env", "PEBBLE_VA_ALWAYS_VALID=1", "--pebble-env", "PEBBLE_WFE_NONCEREJECT=50"]
ROUNDS = 3


def test_the_client_and_pebble_agree(stack):
    binary = BUILD / "contract" / "acme_contract"
    env = {**os.environ, "ACME_DIRECTORY": stack.env["ACME_DIRECTORY"], "ACME_CA_FILE": stack.env["ACME_CA_FILE"]}
    for _ in range(ROUNDS):
        run = subprocess.run([binary], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        assert run.returncode == 0, run.stdout
