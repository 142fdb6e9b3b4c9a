"""What must hold when the noise is over, and the table that says whether it does."""

import collections
import re
import time

from harness import fetch_https, wait_for
from harness.daemon import SANITIZER

from . import ca, memory
from .client import INSTANCES, OBJECTS
from .ledger import EITHER

ENDED = ("Completed", "Failed", "Terminated")


class Judge:
    def __init__(self, attack):
        self.attack, self.ledger, self.api = attack, attack.ledger, attack.api
        self.findings = attack.findings
        self.rows, self.holds = [], True

    def row(self, what, measured, *kinds):
        """Holds when nothing of these kinds was found."""
        wrong = self.findings.of(*kinds)
        self.holds = self.holds and not wrong
        self.rows.append((what, measured, f"NO: {wrong}" if wrong else "yes" if kinds else ""))

    # --- looking ---

    def settle(self):
        """Until what is wanted is there and what was accepted has ended, or the deadline."""
        until = time.monotonic() + self.attack.args.settle
        while time.monotonic() < until and self.attack.daemon.is_running():
            if not (self.unended() or any(self.wrong_hostnames())):
                return
            time.sleep(1)

    def unended(self):
        return [one for one in self.ledger.requests if not one.purged and one.end not in ENDED and not self.look(one)]

    def look(self, one):
        """Whether the request is known and has ended."""
        reply = self.api.get(f"{INSTANCES}/{one.ident}")
        if reply.status == 200:
            one.end = reply.json()["runtimeStatus"]
        return one.end in ENDED

    def wrong_hostnames(self):
        """(wanted and not Ready, wanted and not there, not wanted and there)."""
        shown = {one["metadata"]["name"]: one for one in self.api.get(OBJECTS).json()["items"]}
        unready, missing, left = [], [], []
        for cluster in self.ledger.clusters:
            for name, wish in cluster.wishes.items():
                if wish.unknown:
                    continue
                if wish.desired and name not in shown:
                    missing.append(name)
                elif wish.desired and not is_ready(shown[name]):
                    unready.append(name)
                elif not wish.desired and name in shown:
                    left.append(name)
        return unready, missing, left

    # --- judging ---

    def requests(self):
        """A second look at all, by now that they have ended: each is there as it was."""
        lost = maybe = purged = 0
        for one in self.ledger.requests:
            reply = self.api.get(f"{INSTANCES}/{one.ident}")
            if one.purged == "yes":
                purged += 1
                if reply.status != 404:
                    self.findings.add("not purged", f"{one.names} {one.ident}: {reply.status}")
                continue
            if one.purged == "maybe":
                maybe += 1
                if reply.status == 404:
                    continue
            status = reply.json().get("runtimeStatus") if reply.status == 200 else None
            if status not in ENDED:
                lost += 1
                self.findings.add("lost 202", f"{one.names} {one.ident}, {ca.clock(one.made)}: {reply.status} "
                                              f"{reply.text[:400]}")
        self.row("accepted requests", f"{len(self.ledger.requests)}; {purged} purged, {maybe} perhaps; {lost} lost",
                 "lost 202", "not purged")

    def hostnames(self):
        unready, missing, left = self.wrong_hostnames()
        for kind, names in (("not ready", unready), ("not desired any more", missing), ("still desired", left)):
            for name in names:
                wish = self.ledger.wish(name)
                self.findings.add(kind, f"{name}, last word {ca.clock(wish.since)}: "
                                        f"{str(self.api.hostname(name))[:700]}")
        wishes = [wish for cluster in self.ledger.clusters for wish in cluster.wishes.values()]
        self.row("hostnames as asked for last", f"{sum(wish.desired for wish in wishes)} desired, "
                 f"{sum(not wish.desired for wish in wishes)} not, {sum(wish.unknown for wish in wishes)} not known",
                 "not ready", "not desired any more", "still desired")

    def written(self):
        """The labels of the last accepted write, and who is served with what."""
        served = 0
        for cluster in self.ledger.clusters:
            for name, wish in cluster.wishes.items():
                if not wish.desired or wish.unknown:
                    continue
                labels = ((self.api.hostname(name) or {}).get("metadata") or {}).get("labels") or {}
                spec = (self.api.hostname(name) or {}).get("spec") or {}
                if wish.key_type and spec.get("keyType") != wish.key_type:
                    self.findings.add("lost write", f"{name}: {spec}, not {wish.key_type}, last word "
                                                    f"{ca.clock(wish.since)}")
                if wish.label and labels.get("attack") != wish.label:
                    self.findings.add("lost write", f"{name}: {labels}, not {wish.label}, last word "
                                                    f"{ca.clock(wish.since)}")
                served += self.is_served(name, wish)
        self.row("last write stands", "labels and key types of PUT, PATCH and files", "lost write")
        self.row("served over TLS", f"{served}; the imported ones with what was brought", "not served")

    def is_served(self, name, wish):
        roots = {None: self.attack.stack.acme_roots, EITHER: self.attack.roots_of_both}.get(
            wish.serial, self.attack.roots)
        try:
            wait_for(lambda: self.is_right(fetch_https(self.attack.stack, name, roots=roots), name, wish), 20)
        except AssertionError as error:
            self.findings.add("not served", f"{name}, serial {wish.serial}: {str(error)[:300]}")
            return False
        return True

    @staticmethod
    def is_right(served, name, wish):
        if wish.serial not in (None, EITHER):
            assert served.serial.lstrip("0") == wish.serial.lstrip("0"), f"{served.serial}, not {wish.serial}"
        return served.names == [name] and served.status == 200

    def orders(self):
        by_hostname = self.attack.ca.by_hostname()
        orders = [order for some in by_hostname.values() for order in some]
        reloads = self.ledger.reloads
        interrupted = sum(ca.is_interrupted(before, order, reloads) for some in by_hostname.values()
                          for before, order in zip(some, some[1:]))
        for name, some in by_hostname.items():
            for text in ca.unneeded(some, self.ledger.needs.get(name, ()), reloads, self.attack.args.validity):
                self.findings.add("doubled order", text)
        self.row("orders at the CA", f"{len(orders)}, {sum(bool(one.finalized) for one in orders)} finalized, "
                 f"{sum(one.is_invalid for one in orders)} refused by it, {interrupted} forgotten by a SIGHUP",
                 "doubled order")

    def neighbour(self):
        one = self.attack.neighbour
        wrong = "nothing it wrote is known to stand" if not one.standing else one.is_there()
        if wrong and one.wrote:
            self.findings.add("neighbour", wrong)
        self.row("the second writer's members", f"{one.wrote} updates, {one.refused} refused, {one.cancelled} failed",
                 "neighbour")

    def health(self):
        answers = self.attack.pulse()
        for begun, seconds, status in answers:
            if status != "200" or seconds > self.attack.args.hang:
                self.findings.add("hang", f"/healthz: {status} after {seconds:.1f} s")
        if self.attack.watchdog.pause > 2 * self.attack.args.hang:  # it is fed every 10 s here
            self.findings.add("hang", f"the watchdog was not fed for {self.attack.watchdog.pause:.1f} s")
        times = sorted(seconds for _, seconds, _ in answers) or [0.0]
        self.row("/healthz answers", f"{len(times)} times, p50 {times[len(times) // 2] * 1000:.0f} ms, p99 "
                 f"{times[int(len(times) * 0.99)] * 1000:.0f} ms, most {times[-1] * 1000:.0f} ms", "hang", "no answer")
        self.row("watchdog fed", f"{self.attack.watchdog.count} times, longest pause "
                 f"{self.attack.watchdog.pause:.1f} s")

    def leftovers(self):
        """Challenge files and sealed keys of what has ended."""
        try:
            wait_for(lambda: self.attack.stack.azure.blobs() == [], 60)
        except AssertionError:
            self.findings.add("left behind", f"challenge files: {self.attack.stack.azure.blobs()}")
        self.row("challenge files left", "none" if not self.findings.of("left behind") else "some", "left behind")

    def process(self):
        shown = memory.process(self.attack.daemon.process.pid)
        self.row("memory and descriptors", f"RSS {self.attack.first_rss / 1024:.0f} -> "
                  f"{shown['rss_kb'] / 1024:.0f} MB, {shown['fds']} descriptors, {shown['threads']} threads")

    def end(self):
        """Ends the daemon; every status but 0 is a crash, and its log says what a sanitizer saw."""
        daemon = self.attack.daemon
        try:
            if daemon.is_running():
                daemon.stop()
            status = daemon.process.returncode
        except AssertionError:
            status = daemon.process.poll()
            daemon.process.kill()
        if status != 0:
            self.findings.add("crash", f"exit status {status}: {daemon.log_tail()[-3000:]}")
        self.row("ends with status 0", str(status), "crash")
        log = daemon.log()
        for found in SANITIZER.finditer(log):
            self.findings.add("sanitizer", log[found.start():][:4000])
        self.row("sanitizers' reports", str(self.findings.of("sanitizer")), "sanitizer")
        lines = collections.Counter(found for found in re.findall(
            r"^\S+Z (ERROR|WARN) (.*?)(?: [a-z]+=|$)", log, re.MULTILINE))
        self.row("worst in its log", "; ".join(f"{count} {level} {text}" for (level, text), count in sorted(
            lines.most_common(4))) or "nothing")

    def run(self):
        alive = self.attack.daemon.is_running()
        if alive:
            self.settle()
            for look in (self.requests, self.hostnames, self.written, self.leftovers, self.neighbour, self.process):
                try:
                    look()
                except (OSError, AssertionError, KeyError) as error:
                    self.findings.add("no answer", f"judging, {look.__name__}: {type(error).__name__}: {error}")
        self.orders()
        self.health()
        self.row("answers as documented", ", ".join(f"{status}: {count}" for status, count in sorted(
            self.api.statuses.items())), "not as asked", "5xx")
        self.end()
        return self.holds

    def show(self):
        width = max(len(what) for what, _, _ in self.rows)
        for what, measured, verdict in self.rows:
            print(f"{what:{width}}  {verdict:8}  {measured}")
        for kind, texts in self.findings.texts.items():
            print(f"\n{kind}: {self.findings.counts[kind]}")
            for text in texts:
                print("  " + text.replace("\n", "\n  "))


def is_ready(shown):
    return any(one["type"] == "Ready" and one["status"] == "True"
               for one in (shown.get("status") or {}).get("conditions", ()))
