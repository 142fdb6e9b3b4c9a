"""Those who want something: scenarios on a cluster of hostnames, each of which leaves no doubt what is wanted now."""

import http.client
import json
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import yaml

from harness import wait_for
from harness.keys import serial_of

from .client import INSTANCES, OBJECTS, START
from .ledger import EITHER

GONE_SECONDS = 120
READY_SECONDS = 300
KEY_TYPES = ("RSA-2048", "EC-P256")


class Keys:
    """Keys and leaves of somebody's own CA; openssl is called by one at a time."""

    def __init__(self, authority):
        self.authority, self.lock = authority, threading.Lock()
        self.key = authority.ec("attack")
        self.pem = self.key.read_text()

    def leaf(self, name):
        with self.lock:
            leaf = self.authority.leaf(self.key, name)
        return leaf + self.authority.chain, serial_of(leaf)


class Writer(threading.Thread):
    def __init__(self, number, attack, rng):
        super().__init__(name=f"writer-{number}", daemon=True)
        self.attack, self.rng = attack, rng
        self.api, self.ledger, self.daemon_ = attack.api, attack.ledger, attack.daemon
        self.labels = 0

    def run(self):
        while not self.attack.over.is_set():
            cluster = self.ledger.take(self.rng)
            if cluster:
                try:
                    self.step(cluster)
                except Exception:  # pylint: disable=broad-except
                    self.attack.findings.add("not as asked", f"{self.name}: {traceback.format_exc()[-1500:]}")
                finally:
                    cluster.lock.release()
            self.attack.over.wait(self.rng.uniform(0, 2 * self.attack.args.pause))

    def step(self, cluster):
        scenarios = FILE_SCENARIOS if cluster.in_file else SCENARIOS
        scenario = self.rng.choices(list(scenarios), list(scenarios.values()))[0]
        self.ledger.count(scenario.__name__)
        try:
            scenario(self, cluster)
        except AssertionError as error:
            self.attack.findings.add("not as asked", f"{scenario.__name__} {cluster.names[0]}: {str(error)[:600]}")
        except (OSError, http.client.HTTPException) as error:
            self.attack.findings.add("no answer", f"{scenario.__name__}: {type(error).__name__}: {error}")
            for name in cluster.names:
                cluster.wishes[name].unknown = True

    # --- words ---

    def expect(self, reply, *statuses):
        assert reply.status in statuses, f"{reply.status} instead of {statuses}: {reply.text[:300]}"
        return reply

    def post(self, endpoint, entries):
        """POSTs; the accepted request, or None."""
        reply = self.api.post(START.format(endpoint), {"hostnames": entries})
        if reply.status == 503 and "retry-after" in reply.headers:
            return None
        self.expect(reply, 202)
        return self.ledger.accepted([one["hostname"] for one in entries], reply.json())

    def desire(self, cluster, name, **changes):
        wish = cluster.wishes[name]
        if not wish.desired:
            wish.label = wish.key_type = None
        wish.desired, wish.unknown, wish.since = True, False, time.time()
        for key, value in changes.items():
            setattr(wish, key, value)

    def forget(self, cluster, *names):
        for name in names:
            wish = cluster.wishes[name]
            wish.desired, wish.unknown, wish.since = False, False, time.time()
            wish.serial = EITHER if wish.was_imported else None  # it may be the vault's newest still
            wish.label = wish.key_type = None

    def switch(self, cluster, name):
        """An import that stands is given up for the CA's; what a vault still holds of a new hostname is good enough."""
        wish = cluster.wishes[name]
        self.desire(cluster, name, serial=None if wish.desired and not wish.unknown else wish.serial)

    def may_want(self, what, begun, fresh, *names):
        """Only what is new, or changes where the certificate comes from or its key, may make for another order."""
        self.ledger.need(what, begun, *[name for name in names if fresh[name]])

    def fresh(self, cluster, key_type=None):
        return {name: bool(not wish.desired or wish.unknown or wish.serial or key_type)
                for name, wish in cluster.wishes.items()}

    def add(self, cluster, name):
        begun, fresh = time.time(), self.fresh(cluster)
        made = self.post("AddCertificate", [{"hostname": name}])
        self.may_want("add", begun, fresh, name)
        if made:
            self.switch(cluster, name)
        return made

    def bring(self, cluster, name):
        leaf, serial = self.attack.keys.leaf(name)
        begun, cluster.wishes[name].was_imported = time.time(), True
        made = self.post("AddCertificateWithPrivateKey", [{"hostname": name, "certificate": leaf,
                                                            "privatekey": self.attack.keys.pem}])
        self.ledger.need("import", begun, name)
        if made:
            self.desire(cluster, name, serial=serial)
        return made

    def document(self, name, **spec):
        self.labels += 1
        label = f"{self.name}-{self.labels}"
        return label, {"apiVersion": "gatecert/v1", "kind": "Hostname",
                       "metadata": {"name": name, "labels": {"attack": label}}, "spec": spec}

    def spec(self):
        kind = self.rng.choice((None, *KEY_TYPES))
        return {"keyType": kind} if kind else {}

    def remove(self, cluster, name):
        begun = time.time()
        reply = self.expect(self.api.delete(f"{OBJECTS}/{name}"), 200, 404)
        self.ledger.need("delete", begun, name)
        # What a file named is not wanted a moment later.
        assert (reply.status == 200) == cluster.wishes[name].desired or cluster.wishes[name].unknown, (
            f"DELETE of {name}: {reply.status}, and it was {'' if cluster.wishes[name].desired else 'not '}desired")
        self.forget(cluster, name)

    def await_ready(self, name, since):
        def is_ready():
            return self.api.is_ready(name) or (self.attack.over.is_set() and time.time() - since < READY_SECONDS)
        wait_for(is_ready, READY_SECONDS, lambda: f"{name} is Ready: {self.api.hostname(name)}")

    def ended(self, made):
        shown = self.api.get(f"{INSTANCES}/{made.ident}")
        if shown.status == 404 and made.purged:
            return "purged"
        status = self.expect(shown, 200, 202).json()
        return status if status["runtimeStatus"] not in ("Pending", "Running") else None

    def await_end(self, made):
        return wait_for(lambda: self.ended(made) or self.attack.over.is_set(), READY_SECONDS,
                        lambda: f"{made.names} has ended: {self.api.get(f'{INSTANCES}/{made.ident}').text}")

    def at_once(self, calls):
        with ThreadPoolExecutor(len(calls)) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    # --- scenarios: the API's hostnames ---

    def one_is_added(self, cluster):
        self.add(cluster, self.rng.choice(cluster.names))

    def several_are_added(self, cluster):
        names = self.rng.sample(cluster.names, self.rng.randint(1, len(cluster.names)))
        begun, fresh = time.time(), self.fresh(cluster)
        made = self.post("AddMultipleCertificates", [{"hostname": name} for name in names])
        self.may_want("add", begun, fresh, *names)
        for name in names if made else ():
            self.switch(cluster, name)

    def one_is_brought(self, cluster):
        self.bring(cluster, self.rng.choice(cluster.names))

    def one_is_put(self, cluster):
        name, spec = self.rng.choice(cluster.names), self.spec()
        label, document = self.document(name, **spec)
        begun, fresh = time.time(), self.fresh(cluster, spec)
        reply = self.expect(self.api.request("PUT", f"{OBJECTS}/{name}", document), 200, 201)
        self.may_want("put", begun, fresh, name)
        was = cluster.wishes[name].desired
        assert (reply.status == 200) == was or cluster.wishes[name].unknown, f"PUT of {name}: {reply.status}"
        self.desire(cluster, name, label=label, key_type=spec.get("keyType"))

    def one_is_patched(self, cluster):
        name, spec = self.rng.choice(cluster.names), self.spec()
        label, document = self.document(name, **spec)
        wish = cluster.wishes[name]
        begun, fresh = time.time(), self.fresh(cluster, spec)
        reply = self.api.request("PATCH", f"{OBJECTS}/{name}", json.dumps(document),
                                 {"Content-Type": "application/merge-patch+json"})
        self.expect(reply, *((200, 404) if wish.unknown else (200,) if wish.desired else (404,)))
        self.may_want("patch", begun, fresh, name)
        if reply.status == 200:
            self.desire(cluster, name, label=label, key_type=spec.get("keyType") or wish.key_type)

    def one_is_tried(self, cluster):
        name = self.rng.choice(cluster.names)
        _, document = self.document(name)
        self.expect(self.api.request("PUT", f"{OBJECTS}/{name}?dryRun=All", document), 200, 201)

    def one_is_deleted(self, cluster):
        self.remove(cluster, self.rng.choice(cluster.names))

    def one_is_made_again(self, cluster):
        name = self.rng.choice(cluster.names)
        self.remove(cluster, name)
        self.add(cluster, name)

    def one_is_terminated(self, cluster):
        name = self.rng.choice(cluster.names)
        made = (self.bring if self.rng.random() < 0.3 else self.add)(cluster, name)
        if not made:
            return
        self.attack.over.wait(self.rng.choice((0, 0, 0.2, 1)))
        begun = time.time()
        link = made.links["terminatePostUri"].replace("{text}", "attack")
        reply = self.expect(self.api.post(link), 202, 404, 410) if not made.purged else None
        self.ledger.need("terminate", begun, name)
        if reply is not None and reply.status == 202:
            cluster.wishes[name].serial = cluster.wishes[name].serial and EITHER
            # Decided with the answer: what is served or wanted by somebody else stays.
            if self.expect(self.api.get(f"{OBJECTS}/{name}"), 200, 404).status == 404:
                self.forget(cluster, name)

    def one_is_awaited(self, cluster):
        name = self.rng.choice(cluster.names)
        wish = cluster.wishes[name]
        if wish.desired and not wish.unknown:
            self.await_ready(name, time.time())

    def three_ask_at_once(self, cluster):
        """Nobody's hostname is wanted otherwise meanwhile, so all must complete."""
        name = self.rng.choice(cluster.names)
        all_made = [made for made in self.at_once([lambda: self.add(cluster, name)] * 3) if made]
        for made in all_made:
            status = self.await_end(made)
            assert status in (True, "purged") or status["runtimeStatus"] == "Completed", f"three at once: {status}"

    def two_bring_at_once(self, cluster):
        name = self.rng.choice(cluster.names)
        all_made = [made for made in self.at_once([lambda: self.bring(cluster, name)] * 2) if made]
        cluster.wishes[name].serial = EITHER
        ends = [self.await_end(made) for made in all_made]
        ends = [end for end in ends if end not in (True, "purged")]
        bad = [end for end in ends if end["runtimeStatus"] != "Completed"
               and ((end.get("customStatus") or {}).get("error")) != "Superseded"]
        assert not bad and (len(ends) < 2 or any(end["runtimeStatus"] == "Completed" for end in ends)), (
            f"two imports at once: {bad or ends}")

    def all_write_at_once(self, cluster):
        """Whoever comes last of these is not known; so somebody decides behind them."""
        name = self.rng.choice(cluster.names)
        _, document = self.document(name, **self.spec())
        patch = {"headers": {"Content-Type": "application/merge-patch+json"}}
        begun = time.time()
        calls = [lambda: self.api.request("PUT", f"{OBJECTS}/{name}", document),
                 lambda: self.api.request("PATCH", f"{OBJECTS}/{name}", json.dumps(document), **patch),
                 lambda: self.api.delete(f"{OBJECTS}/{name}"),
                 lambda: self.post("AddCertificate", [{"hostname": name}]),
                 lambda: self.post("AddCertificate", [{"hostname": name}])]
        if self.rng.random() < 0.3:
            calls.append(lambda: self.bring(cluster, name))
        self.rng.shuffle(calls)
        try:
            self.at_once(calls)
        finally:
            self.ledger.need("all at once", begun, name)
            cluster.wishes[name].unknown = True
            cluster.wishes[name].serial = EITHER
        if self.rng.random() < 0.5:
            self.remove(cluster, name)
            return
        label, document = self.document(name)
        begun = time.time()
        self.expect(self.api.request("PUT", f"{OBJECTS}/{name}", document), 200, 201)
        self.ledger.need("put", begun, name)
        self.desire(cluster, name, label=label, key_type=None)

    # --- scenarios: files ---

    def source(self, name):
        return ((self.api.hostname(name) or {}).get("status", {}).get("source") or {}).get("file", "")

    def file_is_written(self, cluster):
        """In one of its forms; returns when it is in force."""
        names = self.rng.sample(cluster.names, self.rng.randint(1, len(cluster.names)))
        begun, label, fresh = time.time(), None, self.fresh(cluster)
        if self.rng.random() < 0.5:
            self.daemon_.drop_spec(cluster.file, {"hostnames": names})
        else:
            documents = [self.document(name) for name in names]
            label = {name: one[0] for name, one in zip(names, documents)}
            self.daemon_.drop_spec(cluster.file, "".join("---\n" + yaml.safe_dump(one) for _, one in documents))
        left = [name for name in cluster.in_file if name not in names]
        cluster.in_file = names
        self.await_file(cluster, names, label, left)
        self.may_want("file", begun, {**fresh, **dict.fromkeys(left, True)}, *names, *left)

    def await_file(self, cluster, names, label, left):
        for name in names:
            self.desire(cluster, name, label=label and label[name], key_type=None)
        self.forget(cluster, *left)
        for name in names:
            wait_for(lambda one=name: self.source(one).endswith("/" + cluster.file) and (
                not label or self.label(one) == label[one]), GONE_SECONDS,
                lambda one=name: f"{one} comes from {cluster.file}: {self.api.hostname(one)}")
        self.await_gone(left)

    def label(self, name):
        return ((self.api.hostname(name) or {}).get("metadata", {}).get("labels") or {}).get("attack")

    def await_gone(self, names):
        for name in names:
            wait_for(lambda one=name: self.api.hostname(one) is None, GONE_SECONDS,
                     lambda one=name: f"{one} is gone: {self.api.hostname(one)}")

    def file_is_removed(self, cluster):
        begun, names = time.time(), cluster.in_file
        self.daemon_.remove_spec(cluster.file)
        cluster.in_file = []
        self.forget(cluster, *names)
        self.await_gone(names)
        self.ledger.need("file removed", begun, *names)

    def file_is_defended(self, cluster):
        """What a file says is changed there; asking for it is no error."""
        name = self.rng.choice(cluster.in_file)
        self.expect(self.api.delete(f"{OBJECTS}/{name}"), 409)
        self.expect(self.api.request("PUT", f"{OBJECTS}/{name}", self.document(name)[1]), 409)
        self.add(cluster, name)


SCENARIOS = {Writer.one_is_added: 10, Writer.several_are_added: 6, Writer.one_is_brought: 3, Writer.one_is_put: 8,
             Writer.one_is_patched: 6, Writer.one_is_tried: 2, Writer.one_is_deleted: 8, Writer.one_is_made_again: 4,
             Writer.one_is_terminated: 4, Writer.one_is_awaited: 4, Writer.three_ask_at_once: 2,
             Writer.two_bring_at_once: 1, Writer.all_write_at_once: 3, Writer.file_is_written: 2}
FILE_SCENARIOS = {Writer.file_is_written: 3, Writer.file_is_removed: 3, Writer.file_is_defended: 2,
                  Writer.one_is_awaited: 2}
