"""The CA behind a proxy that remembers the orders: who, when, finalized when, and refused by the CA.

It lets in one request at a time, and an answered challenge keeps the others out until Pebble has looked: on a busy
machine Pebble 2.6 locks itself for good where an authorization becomes valid while somebody else's order is made.
"""

import json
import os
import re
import threading
import time
from dataclasses import dataclass, field

from harness.proxy import Proxy, jws_payload

NEW_ORDER = "/order-plz"
CHALLENGE = "/chalZ/"
VALIDATION_SECONDS = 10


@dataclass
class Order:
    hostname: str
    asked: float  # when the request came
    made: float
    is_known: bool = False  # somebody has asked for it since
    finalized: list = field(default_factory=list)  # when each was accepted
    is_invalid: bool = False


class RecordingCa(Proxy):
    def __init__(self, stack):
        self.orders = {}  # by the last part of the URL
        self._authorized = {}  # the same by those of its authorizations
        self._orders_lock, self._one_at_a_time = threading.Lock(), threading.Lock()
        self._log_path = os.path.join(stack.directory, "logs", "pebble.log")
        super().__init__(stack, stack.acme_directory)

    def note(self, method, path, body, status):
        """What is remembered is in orders."""

    def forward(self, method, path, headers, body):
        asked = time.time()
        with self._one_at_a_time:
            begun = os.path.getsize(self._log_path)
            status, kept, reply = super().forward(method, path, headers, body)
            if path.startswith(CHALLENGE) and status == 200 and jws_payload(body):
                self._await_validation(path[len(CHALLENGE):], begun)
        with self._orders_lock:
            self._remember(asked, path, body, status, dict(kept), reply)
        return status, kept, reply

    def _await_validation(self, challenge, begun):
        said = re.compile(rf"set (?:IN)?VALID by completed challenge {re.escape(challenge)}".encode())
        until = time.monotonic() + VALIDATION_SECONDS
        with open(self._log_path, "rb") as file:
            while time.monotonic() < until:
                file.seek(begun)
                if said.search(file.read()):
                    return
                time.sleep(0.01)

    def _remember(self, asked, path, body, status, headers, reply):
        if path == NEW_ORDER and status == 201:
            names = [one["value"] for one in json.loads(jws_payload(body))["identifiers"]]
            ident = headers["Location"].rsplit("/", 1)[1]
            order = self.orders[ident] = Order(names[0], asked, time.time())
            for url in json.loads(reply)["authorizations"]:
                self._authorized[url.rsplit("/", 1)[1]] = order
            return
        what, _, ident = path[1:].partition("/")
        order = self.orders.get(ident) or self._authorized.get(ident)
        if not order:
            return
        order.is_known = True
        if what == "finalize-order" and status == 200:
            order.finalized.append(time.time())
        if what == "my-order" and status == 200 and json.loads(reply).get("status") == "invalid":
            order.is_invalid = True

    def issued(self):
        with self._orders_lock:
            return sum(bool(order.finalized) for order in self.orders.values())

    def by_hostname(self):
        found = {}
        with self._orders_lock:
            for order in self.orders.values():
                found.setdefault(order.hostname, []).append(order)
        return {name: sorted(orders, key=lambda one: one.made) for name, orders in found.items()}


@dataclass
class Need:
    """What a client did to a hostname that may make it want another certificate, and while it was asked."""

    begun: float
    ended: float
    what: str


def is_interrupted(before, order, reloads):
    """A reload ends what is under way, and with it the answer to a newOrder: nobody knows that order any more."""
    return not before.is_known and any(before.asked - 1 <= when <= order.made for when in reloads)


def unneeded(orders, needs, reloads, validity, slack=5.0):
    """Texts about the orders of one hostname, oldest first, that nothing explains: neither a renewal, nor something
    that was asked for since the order before, nor that the CA refused that one, nor a reload."""
    found = []
    for order in orders:
        if len(order.finalized) > 1:
            found.append(f"{order.hostname}: one order was finalized {len(order.finalized)} times")
    for before, order in zip(orders, orders[1:]):
        since = order.made - (before.finalized[0] if before.finalized else before.made)
        is_renewal = since >= validity / 2 - slack
        is_asked = any(need.begun <= order.made and need.ended >= before.made - slack for need in needs)
        if not (is_renewal or is_asked or before.is_invalid or is_interrupted(before, order, reloads)):
            what = "finalized" if before.finalized else "open" if before.is_known else "open and unknown"
            found.append(f"{order.hostname}: ordered again {since:.1f} s after an order that is {what}, "
                         f"made {clock(before.made)}, {clock(order.made)}; asked: "
                         + (", ".join(f"{need.what} {clock(need.begun)}" for need in needs[-6:]) or "nothing"))
    return found


def clock(seconds):
    return time.strftime("%H:%M:%S", time.gmtime(seconds)) + f"{seconds % 1:.3f}"[1:]
