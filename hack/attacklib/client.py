"""The daemon's API as a crowd of clients uses it: every answer counted, and what nobody should get noted."""

import collections
import json
import socket
import ssl
import threading
from urllib.parse import urlsplit

from harness import Api
from harness.clients import request

TIMEOUT_SECONDS = 60  # a daemon that takes longer hangs
OBJECTS = "/apis/gatecert/v1/hostnames"
INSTANCES = "/runtime/webhooks/durabletask/instances"
START = "/api/{}Functions_HttpStart"


class Findings:
    """What went wrong, by kind: how often, and the first few in words."""

    KEPT = 8

    def __init__(self):
        self._lock = threading.Lock()
        self.counts = collections.Counter()
        self.texts = collections.defaultdict(list)

    def add(self, kind, text):
        with self._lock:
            self.counts[kind] += 1
            if len(self.texts[kind]) < self.KEPT:
                self.texts[kind].append(text)

    def of(self, *kinds):
        return sum(self.counts[kind] for kind in kinds)


class Client(Api):
    """An Api over HTTP or HTTPS whose answers are counted by status."""

    def __init__(self, base, key, ca_file, findings):
        super().__init__(base, key)
        self.ca_file, self.findings = ca_file, findings
        self.statuses = collections.Counter()
        self._lock = threading.Lock()

    def request(self, method, path, body=None, headers=None):
        url = path if "://" in path else self.base + path
        headers = {name: value for name, value in {"x-functions-key": self.key, **(headers or {})}.items() if value}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        reply = request(method, url, body, headers, self.ca_file, TIMEOUT_SECONDS)
        with self._lock:
            self.statuses[reply.status] += 1
        # Who is asked to come back was not served, and not lost.
        if reply.status >= 500 and not (reply.status == 503 and "retry-after" in reply.headers):
            self.findings.add("5xx", f"{method} {path}: {reply.status} {reply.text[:200]}")
        return reply

    def connect(self, buffer=None):
        """A bare connection, with TLS where the API has it."""
        plain = self.connect_plain(buffer)
        if not self.base.startswith("https:"):
            return plain
        try:
            return ssl.create_default_context(cafile=self.ca_file).wrap_socket(plain, server_hostname="127.0.0.1")
        except OSError:
            plain.close()
            raise

    def connect_plain(self, buffer=None):
        parts = urlsplit(self.base)
        plain = socket.socket()
        try:
            if buffer:
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            plain.settimeout(TIMEOUT_SECONDS)
            plain.connect((parts.hostname, parts.port))
        except OSError:
            plain.close()
            raise
        return plain

    def head(self, target):
        return (f"GET {target} HTTP/1.1\r\nHost: {urlsplit(self.base).netloc}\r\n"
                f"x-functions-key: {self.key}\r\nConnection: close\r\n\r\n").encode()

