"""Servers of the stack as a bad day shows them: proxies that spoil what passes, for the daemon that is pointed at them.

`Proxy` stands in front of one server and takes the same faults as azuresim's admin API, also those of one hostname; it
can also be away.
`DnsProxy` stands in front of the DNS server.
"""

import base64
import http.client
import json
import os
import re
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

UPSTREAM_SECONDS = 60
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def shutdown_request(self, request):
        """Closed without a word: what is to be a reset must not begin with a polite end."""
        self.close_request(request)

    def handle_error(self, request, client_address):
        """A peer that goes away is what these tests are about."""


class Trail:
    """Which hostname a request is about: a CA names it in an order, and from there on only by URLs and tokens."""

    def __init__(self):
        self._known = {}

    def hostname(self, path, body=b""):
        named = re.search(r'"value": *"([^"]+)"', jws_payload(body))
        path = path.split("?")[0]
        return named[1] if named else self._known.get(path) or self._known.get(path.rsplit("/", 1)[-1])

    def follow(self, hostname, headers, answer):
        """What the answer to a request about a hostname names is about it too."""
        if not hostname:
            return
        found = [value for name, value in headers if name.lower() == "location"]
        found += re.findall(r'"(https://[^"]+)"', answer.decode("utf-8", "replace"))
        for url in found:
            self._known[urlsplit(url).path] = hostname
        for token in re.findall(r'"token": *"([^"]+)"', answer.decode("utf-8", "replace")):
            self._known[token] = hostname


class Proxy:
    """On a loopback port of its own, with the stack's certificate where the upstream has TLS; `url` is the origin to
    configure. `knows`: the trail of a CA's proxy."""

    def __init__(self, stack, upstream, knows=None):
        parts = urlsplit(upstream)
        self.scheme = parts.scheme
        self.trail = knows or Trail()
        self.upstream = (parts.hostname, parts.port)
        self.upstream_origin = f"{parts.scheme}://{parts.netloc}"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = os.path.join(stack.directory, "ca")
        self._context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server-key.pem"))
        self.upstream_context = ssl.create_default_context(cafile=stack.acme_ca_file)
        self._lock = threading.Lock()
        self._faults = []
        self._hits = {}
        self._log = []
        self._last = 0
        # Held bound, without listening: the port stays ours while nobody answers there.
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port = self._held.getsockname()[1]
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        self._server = None
        self.open()

    def through(self, url):
        """The address of something at the upstream, led through here."""
        return url.replace(self.upstream_origin, self.url, 1)

    def open(self):
        self._server = _Server(("127.0.0.1", self.port), _handler_of(self))
        if self.scheme == "https":
            self._server.socket = self._context.wrap_socket(self._server.socket, server_side=True,
                                                            do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def away(self):
        """Nobody listens any more; `open` ends that."""
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def close(self):
        if self._server:
            self.away()
        self._held.close()

    def fault(self, method, path, do, times=-1, after=0, payload=None, behind=None, about=None):
        """As in azuresim, `do` also with `until`: an event that the request waits for; and `payload`: a regular
        expression that a JWS's payload must match, `behind`: one for the path of a request that must have been answered
        before, and `about`: the hostname whose requests are meant."""
        with self._lock:
            self._last += 1
            self._faults.append({"id": self._last, "method": method, "path": re.compile(path), "do": do,
                                 "times": times, "after": after, "hits": 0,
                                 "payload": re.compile(payload) if payload else None,
                                 "behind": re.compile(behind) if behind else None, "about": about})
            return self._last

    def clear_faults(self, ident=None):
        with self._lock:
            self._faults = [one for one in self._faults if ident is not None and one["id"] != ident]

    def hits(self, ident):
        """How many requests a fault was for, also when it was cleared since."""
        with self._lock:
            return self._hits.get(ident, 0)

    def requests(self, method=None, path=None, about=None):
        with self._lock:
            return [one for one in self._log if (method is None or one["method"] == method)
                    and (path is None or re.search(path, one["path"])) and about in (None, one["about"])]

    # --- for the handlers ---

    def note(self, method, path, body, status):
        with self._lock:
            self._log.append({"method": method, "path": path, "payload": jws_payload(body), "status": status,
                              "about": self.trail.hostname(path, body), "time": time.time()})

    def find_fault(self, method, path, body):
        with self._lock:
            for one in self._faults:
                if one["times"] >= 0 and one["hits"] >= one["after"] + one["times"]:
                    continue
                if one["method"] and one["method"] != method or not one["path"].search(path):
                    continue
                if one["payload"] and not one["payload"].search(jws_payload(body)):
                    continue
                if one["about"] and one["about"] != self.trail.hostname(path, body):
                    continue
                if one["behind"] and not any(one["behind"].search(seen["path"]) and one["about"] in (
                        None, seen["about"]) for seen in self._log):
                    continue
                one["hits"] += 1
                self._hits[one["id"]] = one["hits"]
                return one["do"] if one["hits"] > one["after"] else {}
        return {}

    def forward(self, method, path, headers, body):
        if self.scheme == "https":
            connection = http.client.HTTPSConnection(*self.upstream, timeout=UPSTREAM_SECONDS,
                                                     context=self.upstream_context)
        else:
            connection = http.client.HTTPConnection(*self.upstream, timeout=UPSTREAM_SECONDS)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                if name.lower() not in HOP_BY_HOP:
                    connection.putheader(name, value)
            if body or method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            reply = connection.getresponse()
            kept = [(name, value.replace(self.upstream_origin, self.url)) for name, value in reply.getheaders()
                    if name.lower() not in HOP_BY_HOP]
            answer = reply.read()
            self.trail.follow(self.trail.hostname(path, body), kept, answer)
            return reply.status, kept, answer
        finally:
            connection.close()


def jws_payload(body):
    """The payload of a JWS in JSON, or nothing."""
    try:
        payload = json.loads(body)["payload"]
        return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        return ""


def _handler_of(proxy):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def _reset(self):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True

        def _answer(self, status, headers, body, sent):
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status not in (204, 304) and self.command != "HEAD":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[:sent])
            self.wfile.flush()
            if sent < len(body):
                self._reset()

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            do = proxy.find_fault(self.command, self.path, body)
            if "until" in do:
                do["until"].wait(UPSTREAM_SECONDS)
            if do.get("reset") == "before":
                proxy.note(self.command, self.path, body, 0)
                time.sleep(do.get("delayMs", 0) / 1000)
                return self._reset()
            status, headers, answer = 0, [], b""
            if do.get("apply") or not ("status" in do or "body" in do):
                sent = do["requestBody"].encode() if "requestBody" in do else body
                status, headers, answer = proxy.forward(self.command, self.path, self.headers, sent)
            status, headers, answer = spoil(do, status, headers, answer)
            proxy.note(self.command, self.path, body, 0 if do.get("reset") else status)
            time.sleep(do.get("delayMs", 0) / 1000)
            if do.get("reset") == "after":
                return self._reset()
            self._answer(status, headers, answer, min(do.get("truncate", len(answer)), len(answer)))

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    return Handler


def spoil(do, status, headers, body):
    """What the fault makes of an answer."""
    if "status" in do or "body" in do:
        status, body = do.get("status", 200), do.get("body", "")
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = [("Content-Type", "application/json")]
    given = {name.lower() for name in do.get("headers", {})}
    headers = [one for one in headers if one[0].lower() not in given] + [
        (name, str(value)) for name, value in do.get("headers", {}).items()]
    body = body[:do.get("cut", len(body))]
    if do.get("garble"):
        body = bytes(byte ^ (0x15 + at % 7) for at, byte in enumerate(body))
    if do.get("oversize", 0) > len(body):
        body += b" " * (do["oversize"] - len(body))
    return status, headers, body


class DnsProxy:
    """UDP in front of the stack's DNS server. `say(name, what)`: nxdomain, garbled, silent or an IPv4 address; None
    ends it. `away` and `open` as in Proxy."""

    def __init__(self, stack):
        host, port = stack.dns_server.rsplit(":", 1)
        self._upstream = (host, int(port))
        self._rules = {}
        self._held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._held.getsockname()[1]}"
        self._away = threading.Event()
        self.asked = []
        threading.Thread(target=self._serve, daemon=True).start()

    def say(self, name, what):
        self._rules[name.lower()] = what

    def away(self):
        self._away.set()

    def open(self):
        self._away.clear()

    def close(self):
        self._held.close()

    def _serve(self):
        while True:
            try:
                question, peer = self._held.recvfrom(4096)
            except OSError:
                return
            threading.Thread(target=self._answer, args=(question, peer), daemon=True).start()

    def _answer(self, question, peer):
        name, kind, end = _question_of(question)
        what = None if not name else self._rules.get(name)
        self.asked.append((time.time(), name))
        if self._away.is_set() or what == "silent":
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(UPSTREAM_SECONDS)
            sock.sendto(question, self._upstream)
            try:
                answer = sock.recv(4096)
            except OSError:
                return
        bare = question[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + question[12:end]
        if what == "garbled":
            answer = bare[:6] + b"\0\7" + bare[8:] + bytes(byte ^ 0x2a for byte in answer[end:])
        elif what == "nxdomain":
            answer = bare[:3] + b"\x83" + bare[4:]
        elif what and kind != 1:
            answer = bare
        elif what:
            answer = bare[:6] + b"\0\1" + bare[8:] + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(what)
        try:
            self._held.sendto(answer, peer)
        except OSError:
            pass


def _question_of(message):
    """(name in lower case, type, where the question ends)."""
    labels, at = [], 12
    while at < len(message) and message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("ascii", "replace"))
        at += 1 + message[at]
    return ".".join(labels).lower(), struct.unpack(">H", message[at + 1:at + 3])[0], at + 5
