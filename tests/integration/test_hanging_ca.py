"""A CA that thinks for long."""

import pytest

from harness.proxy import Proxy

STACK_FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1", "--pebble-env",
               "PEBBLE_WFE_NONCEREJECT=0"]


@pytest.fixture
def ca(stack):
    one = Proxy(stack, stack.acme_directory)
    yield one
    one.close()


@pytest.fixture
def behind(stack, daemon, ca):
    """A daemon that reaches the CA through the proxy."""
    return daemon(stack, config={"AcmeEndpoint": ca.through(stack.acme_directory), "KeyType": "EC-P256"})


def test_an_order_that_the_ca_thinks_about_is_made_once(behind, ca, hostname):
    ca.fault("POST", "^/order-plz", {"delayMs": 30000})
    behind.start().wish(hostname)
    behind.wait_ready(hostname)
    assert len(ca.requests("POST", "^/order-plz")) == 1
