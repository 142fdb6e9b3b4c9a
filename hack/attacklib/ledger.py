"""What was asked for and accepted: so that at the end it can be said what must be there.

Hostnames stand in clusters of a few. A cluster has one writing thread at a time, and so each of its hostnames one last
wish; what several clients do to a hostname at once ends with something that decides.
"""

import random
import threading
import time
from dataclasses import dataclass, field

from .ca import Need

CLUSTER = 3
EITHER = "?"  # one of several certificates that were brought, or the CA's


@dataclass
class Wish:
    """What the last accepted word about a hostname was."""

    desired: bool = False
    label: str = None  # of the last PUT or PATCH
    serial: str = None  # of the certificate that was brought, while that is what is wanted; or EITHER
    was_imported: bool = False  # once
    key_type: str = None
    unknown: bool = False  # somebody's word was not answered
    since: float = 0.0  # when the last word was given


@dataclass
class Request:
    """An accepted start request."""

    ident: str
    names: list
    links: dict
    made: float
    end: str = None  # once seen
    purged: str = ""  # "" no, "maybe", "yes"
    lock: threading.Lock = field(default_factory=threading.Lock)


class Cluster:
    def __init__(self, number):
        self.number = number
        self.names = [f"attacked-{number}-{letter}.example.com" for letter in "abc"[:CLUSTER]]
        self.wishes = {name: Wish() for name in self.names}
        self.in_file = []  # those that our spec file names
        self.lock = threading.Lock()

    @property
    def file(self):
        return f"cluster-{self.number}.yaml"


class Ledger:
    def __init__(self, clusters, findings):
        self.clusters = [Cluster(number) for number in range(clusters)]
        self.findings = findings
        self.needs = {name: [] for cluster in self.clusters for name in cluster.names}
        self.requests = []
        self.reloads = []  # when SIGHUP was sent
        self.lock = threading.Lock()  # guards requests and needs
        self.done = {}  # how often each scenario ran

    def names(self):
        return [name for cluster in self.clusters for name in cluster.names]

    def wish(self, name):
        return next(cluster.wishes[name] for cluster in self.clusters if name in cluster.wishes)

    def need(self, what, begun, *names):
        """Said when the answer is there, so the whole time of asking is known."""
        with self.lock:
            for name in names:
                self.needs[name].append(Need(begun, time.time(), what))

    def accepted(self, names, started):
        request = Request(started["id"], list(names), started, time.time())
        with self.lock:
            self.requests.append(request)
        return request

    def some_request(self, rng, latest=200):
        with self.lock:
            return rng.choice(self.requests[-latest:]) if self.requests else None

    def window(self, begin, end):
        """Those made in it; whoever purges by time cannot say more."""
        with self.lock:
            return [one for one in self.requests if begin - 1.5 <= one.made <= end + 1.5]

    def take(self, rng):
        """A cluster that nobody writes, locked; None: all are taken."""
        for cluster in random.Random(rng.random()).sample(self.clusters, len(self.clusters)):
            if cluster.lock.acquire(blocking=False):
                return cluster
        return None

    def count(self, scenario):
        with self.lock:
            self.done[scenario] = self.done.get(scenario, 0) + 1
