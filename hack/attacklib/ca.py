"""The CA behind a proxy that remembers the orders: who, when, finalized when, and refused by the CA.

It lets in one newOrder at a time: of two at once, one may hold Pebble's store while it waits for an authorization, and
the other the authorization while it waits for the store, and from then on Pebble answers nobody.
"""

import contextlib
import json
import re
import threading
import time
from dataclasses import dataclass, field

from harness.proxy import Proxy, jws_payload

NEW_ORDER = "/order-plz"


@dataclass
class Order:
    hostname: str
    made: float
    finalized: list = field(default_factory=list)  # when each was accepted
    is_invalid: bool = False


class RecordingCa(Proxy):
    def __init__(self, stack):
        self.orders = {}  # by the last part of the URL
        self._orders_lock, self._one_at_a_time = threading.Lock(), threading.Lock()
        super().__init__(stack, stack.acme_directory)

    def note(self, method, path, body, status):
        """What is remembered is in orders."""

    def forward(self, method, path, headers, body):
        with self._one_at_a_time if path == NEW_ORDER else contextlib.nullcontext():
            status, kept, reply = super().forward(method, path, headers, body)
        with self._orders_lock:
            self._remember(path, body, status, dict(kept), reply)
        return status, kept, reply

    def _remember(self, path, body, status, headers, reply):
        if path == NEW_ORDER and status == 201:
            names = [one["value"] for one in json.loads(jws_payload(body))["identifiers"]]
            ident = headers["Location"].rsplit("/", 1)[1]
            self.orders[ident] = Order(names[0], time.time())
        found = re.match(r"/(finalize|my)-order/([^/?]+)", path)
        order = self.orders.get(found[2]) if found else None
        if order and found[1] == "finalize" and status == 200:
            order.finalized.append(time.time())
        if order and status == 200 and json.loads(reply).get("status") == "invalid":
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


def unneeded(orders, needs, validity, slack=5.0):
    """Texts about the orders of one hostname, oldest first, that nothing explains: neither a renewal, nor something
    that was asked for since the order before, nor that the CA refused that one."""
    found = []
    for order in orders:
        if len(order.finalized) > 1:
            found.append(f"{order.hostname}: one order was finalized {len(order.finalized)} times")
    for before, order in zip(orders, orders[1:]):
        since = order.made - (before.finalized[0] if before.finalized else before.made)
        is_renewal = since >= validity / 2 - slack
        is_asked = any(need.begun <= order.made and need.ended >= before.made - slack for need in needs)
        if not (is_renewal or is_asked or before.is_invalid):
            what = "finalized" if before.finalized else "open"
            found.append(f"{order.hostname}: ordered again {since:.1f} s after an order that is {what}, "
                         f"made {clock(before.made)}, {clock(order.made)}; asked: "
                         + (", ".join(f"{need.what} {clock(need.begun)}" for need in needs[-6:]) or "nothing"))
    return found


def clock(seconds):
    return time.strftime("%H:%M:%S", time.gmtime(seconds)) + f"{seconds % 1:.3f}"[1:]
