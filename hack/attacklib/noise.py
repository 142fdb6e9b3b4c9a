"""Those who disturb: readers, watchers that do not read, half-said requests and handshakes, SIGHUP, and another tool at
the gateway."""

import copy
import http.client
import json
import threading
import time
import traceback

from .client import INSTANCES, OBJECTS

# The head of a TLS record that says more than it brings: the first half of a ClientHello.
HALF_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(32) + b"\x20" + bytes(20)
HALF_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half: "
LISTS = (OBJECTS, OBJECTS.replace("hostnames", "instances") + "?limit=50", OBJECTS.replace("hostnames", "gateways"),
         INSTANCES + "?top=100", "/readyz")
WATCHED = (OBJECTS, OBJECTS.replace("hostnames", "instances"))


class Noise(threading.Thread):
    """One who does `act` again and again until it is over."""

    pause = 0.1

    def __init__(self, attack, rng):
        super().__init__(name=type(self).__name__, daemon=True)
        self.attack, self.rng, self.api = attack, rng, attack.api

    def run(self):
        while not self.attack.over.is_set():
            try:
                self.act()
            except AssertionError as error:
                self.attack.findings.add("not as asked", f"{self.name}: {str(error)[:600]}")
            except (OSError, http.client.HTTPException) as error:
                self.attack.findings.add("no answer", f"{self.name}: {type(error).__name__}: {error}")
            except Exception:  # pylint: disable=broad-except
                self.attack.findings.add("not as asked", f"{self.name}: {traceback.format_exc()[-1500:]}")
            self.attack.over.wait(self.pause * self.rng.uniform(0.5, 1.5))


class Lister(Noise):
    def act(self):
        reply = self.api.get(self.rng.choice(LISTS))
        assert reply.status in (200, 503), f"{reply.status} {reply.text[:300]}"
        reply.json()


class Follower(Noise):
    """Asks about accepted requests, raises Retry and purges what has ended."""

    def act(self):
        one = self.attack.ledger.some_request(self.rng)
        if not one:
            return
        with one.lock:
            self.rng.choice((self.ask, self.ask, self.retry, self.purge))(one)
        if self.rng.random() < 0.02:
            self.purge_many()

    @staticmethod
    def may_be_missing(one):
        return (404,) if one.purged else ()

    def ask(self, one):
        """By the code in the link, which is all that the link's holder has."""
        link = one.links["statusQueryGetUri"].replace("OnFailure=true", "OnFailure=false")
        reply = self.api.get(link, headers={"x-functions-key": ""})
        assert reply.status in (200, 202, *self.may_be_missing(one)), (
            f"{one.names}: {reply.status} {reply.text[:300]}")
        end = reply.json().get("runtimeStatus") if reply.status == 200 else None
        assert not one.end or not end or one.end == end, f"{one.names}: ended as {one.end}, and then as {end}"
        one.end = end or one.end

    def retry(self, one):
        reply = self.api.post(one.links["sendEventPostUri"].replace("{eventName}", "Retry"), {})
        assert reply.status in (202, 410, *self.may_be_missing(one)), f"Retry: {reply.status} {reply.text[:300]}"

    def purge(self, one):
        if self.rng.random() < 0.7:
            return
        reply = self.api.delete(one.links["purgeHistoryDeleteUri"])
        assert reply.status in (200, *self.may_be_missing(one)), f"purge: {reply.status} {reply.text[:300]}"
        if reply.status == 200 and reply.json()["instancesDeleted"] == 1:
            one.purged = "yes"

    def purge_many(self):
        """Two seconds of some time ago."""
        begin = int(time.time() - self.rng.uniform(30, 120))
        for one in self.attack.ledger.window(begin, begin + 2):
            one.purged = one.purged or "maybe"
        window = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when)) for when in (begin, begin + 2)]
        reply = self.api.delete(f"{INSTANCES}?createdTimeFrom={window[0]}&createdTimeTo={window[1]}")
        assert reply.status in (200, 404), f"purge of many: {reply.status} {reply.text[:300]}"


class Watcher(Noise):
    """Watches and reads every line; or reads a hundred bytes at a time; or leaves without a word."""

    pause = 0.5

    def act(self):
        path = f"{self.rng.choice(WATCHED)}?watch=true&timeoutSeconds={self.rng.randint(2, 40)}"
        how = self.rng.choice((self.read, self.drip, self.leave))
        watch = self.api.connect(buffer=4096 if how == self.drip else None)
        try:
            watch.sendall(self.api.head(path))
            how(watch)
        finally:
            watch.close()

    def read(self, watch):
        reply = http.client.HTTPResponse(watch)
        reply.begin()
        assert reply.status in (200, 429, 503), f"a watch was answered {reply.status}"
        while (line := reply.readline()) and not self.attack.over.is_set():
            json.loads(line)

    def drip(self, watch):
        until = time.monotonic() + self.rng.uniform(1, 20)
        while time.monotonic() < until and not self.attack.over.wait(0.2):
            if not watch.recv(100):
                return

    def leave(self, watch):
        self.attack.over.wait(self.rng.uniform(0, 2))


class Rude(Noise):
    """A dozen connections that say half of something; some go, some wait to be shut out."""

    pause = 1

    def __init__(self, attack, rng):
        super().__init__(attack, rng)
        self.crowd = []

    def act(self):
        while len(self.crowd) < 12:
            one = self.api.connect_plain()
            one.sendall(HALF_HELLO if self.api.base.startswith("https:") else HALF_REQUEST)
            self.crowd.append(one)
        for one in self.rng.sample(self.crowd, 4):
            self.crowd.remove(one)
            one.close()


class Hup(Noise):
    """A reload with something changed, or nothing, or everything wrong."""

    pause = 4

    def act(self):
        daemon = self.attack.daemon
        what = self.rng.random()
        if what < 0.4:
            daemon.configure(GatewayGatherSeconds=self.rng.choice((1, 2, 3)), Workers=self.rng.choice((4, 8, 12)))
        elif what < 0.6:
            daemon.configure(KeyType=self.rng.choice(("RSA-2048", "EC-P256")))
        elif what < 0.7:
            daemon.configure(NoSuchKey="x")
        if daemon.is_running():
            self.attack.ledger.reloads.append(time.time())
            daemon.reload()
        if "NoSuchKey" in daemon.config:
            self.attack.over.wait(1)
            daemon.configure(NoSuchKey=None)


class Neighbour(Noise):
    """Another tool with members of its own on the gateway: GET, change, PUT with If-Match, as everybody should."""

    pause = 2
    SETTLED = (200, 201, 202)

    def __init__(self, attack, rng):
        super().__init__(attack, rng)
        self.azure = attack.stack.azure
        self.number = self.wrote = self.refused = self.cancelled = 0
        self.standing = None  # what must be there; None: not known, as an update of ours failed

    def members(self):
        return {"tag": f"neighbour-{self.number}",
                "backendAddressPools": {"name": "neighbour-pool", "properties": {
                    "backendAddresses": [{"ipAddress": f"10.9.{self.number // 250 % 250}.{self.number % 250 + 1}"}]}},
                "probes": {"name": "neighbour-probe", "properties": {
                    "protocol": "Http", "host": f"neighbour-{self.number}.example.org", "path": "/health",
                    "interval": 30 + self.number % 60, "timeout": 30, "unhealthyThreshold": 3}}}

    @staticmethod
    def write(document, members):
        document.setdefault("tags", {})["neighbour"] = members["tag"]
        for collection in ("backendAddressPools", "probes"):
            wanted, elements = members[collection], document["properties"].setdefault(collection, [])
            elements[:] = [one for one in elements if one["name"] != wanted["name"]] + [copy.deepcopy(wanted)]

    def act(self):
        self.number += 1
        members = self.members()
        try:
            self.azure.change_gateway(lambda document: self.write(document, members))
        except AssertionError as error:
            if str(error).startswith("PUT "):
                self.refused += 1  # somebody was faster: nothing was written
            else:
                self.cancelled += 1
                self.standing = None
            return
        self.wrote, self.standing = self.wrote + 1, members

    def is_there(self):
        """Compared as the gateway shows it: what it adds does not count."""
        document = self.azure.gateway()
        wanted = self.standing
        if document.get("tags", {}).get("neighbour") != wanted["tag"]:
            return f"the tag is {document.get('tags')}, not {wanted['tag']}"
        for collection in ("backendAddressPools", "probes"):
            shown = next((one for one in document["properties"].get(collection, ())
                          if one["name"] == wanted[collection]["name"]), None)
            if not shown or not contains(shown, wanted[collection]):
                return f"{wanted[collection]['name']} is {shown}, not {wanted[collection]}"
        return ""


def contains(shown, wanted):
    if isinstance(wanted, dict):
        return isinstance(shown, dict) and all(contains(shown.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(shown, list) and len(shown) == len(wanted) and all(map(contains, shown, wanted))
    return str(shown) == str(wanted)
