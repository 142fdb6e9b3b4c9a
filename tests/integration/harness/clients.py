"""Clients of the daemon's API and of the stack's servers. No proxies, no retries, no hidden headers."""

import http.client
import json
import re
import secrets
import socket
import ssl
import struct
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 60
OBJECTS = "/apis/gatecert/v1"


@dataclass
class Reply:
    """One answer. Header names are lower case."""

    status: int
    headers: dict = field(default_factory=dict)
    body: bytes = b""

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


def request(method, url, body=None, headers=None, ca_file=None, timeout=TIMEOUT_SECONDS):
    """One request on a connection of its own."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body=body, headers=headers or {})
        reply = connection.getresponse()
        return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()


class Api:
    """The daemon's HTTP API, with a key or (key=None) without one."""

    def __init__(self, base, key=None):
        self.base = base
        self.key = key

    def request(self, method, path, body=None, headers=None):
        """`path` may be a whole URL, as the API gives them. A body that is not bytes or text goes as JSON."""
        url = path if "://" in path else self.base + path
        headers = dict(headers or {})
        if self.key is not None:
            headers.setdefault("x-functions-key", self.key)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        return request(method, url, body, headers)

    def get(self, path, **kwargs):
        return self.request("GET", path, **kwargs)

    def post(self, path, body=None, **kwargs):
        return self.request("POST", path, body, **kwargs)

    def delete(self, path, **kwargs):
        return self.request("DELETE", path, **kwargs)

    def add_certificates(self, *hostnames):
        """POSTs to the start endpoint that fits the count; returns the 202's body."""
        endpoint = "AddCertificate" if len(hostnames) == 1 else "AddMultipleCertificates"
        reply = self.post(f"/api/{endpoint}Functions_HttpStart",
                          {"hostnames": [{"hostname": hostname} for hostname in hostnames]})
        assert reply.status == 202, f"{reply.status} {reply.text}"
        return reply.json()

    def instance(self, started):
        """The status object behind add_certificates' answer."""
        return self.get(started["statusQueryGetUri"]).json()

    def hostname(self, name):
        """The Hostname object, or None."""
        reply = self.get(f"{OBJECTS}/hostnames/{name}")
        if reply.status == 404:
            return None
        assert reply.status == 200, f"{reply.status} {reply.text}"
        return reply.json()

    def condition(self, name, kind):
        """One condition of a hostname, or None."""
        status = (self.hostname(name) or {}).get("status") or {}
        return next((one for one in status.get("conditions", []) if one["type"] == kind), None)

    def is_ready(self, name):
        return (self.condition(name, "Ready") or {}).get("status") == "True"


class Sim:
    """azuresim's admin API."""

    def __init__(self, base):
        self.base = base

    def _call(self, method, path, body=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        reply = request(method, self.base + path, None if body is None else json.dumps(body), headers)
        assert reply.status < 300, f"azuresim: {method} {path}: {reply.status} {reply.text}"
        return json.loads(reply.body) if reply.body.strip() else None

    def requests(self, method=None, path=None):
        """The requests so far, oldest first; `path` is a regular expression that must be found in the path."""
        return [one for one in self._call("GET", "/requests")
                if (method is None or one["method"] == method) and (path is None or re.search(path, one["path"]))]

    def clear_requests(self):
        self._call("DELETE", "/requests")

    def state(self, owner=None):
        """With `owner` ("gateway-2", "vault-2") in the place of the first of its kind."""
        return self._call("GET", "/state" if owner is None else f"/state?owner={owner}")

    def fault(self, method, path, do, times=1, after=0, owner=None):
        """Installs a fault; returns its id. `do`: status, headers, body, delayMs, reset, truncate, garble, oversize."""
        return self._call("POST", "/faults", {"method": method, "path": path, "times": times, "after": after,
                                              "do": do, **({"owner": owner} if owner else {})})["id"]

    def take_right(self, action, scope=None, identity=None):
        self._right("take", action, scope, identity)

    def give_right(self, action, scope=None, identity=None):
        self._right("give", action, scope, identity)

    def _right(self, effect, action, scope, identity):
        body = {"effect": effect, "action": action, "scope": scope, "identity": identity}
        self._call("POST", "/rights", {name: value for name, value in body.items() if value is not None})

    def restore_rights(self):
        self._call("DELETE", "/rights")

    def clear_faults(self, ident=None):
        self._call("DELETE", "/faults" if ident is None else f"/faults/{ident}")

    def set(self, **settings):
        self._call("POST", "/settings", settings)


class Dns:
    """The stack's DNS server and its management address. Without a record, a name leads to the gateway."""

    def __init__(self, base, server):
        self.base = base
        self.server = server

    def query_a(self, name):
        """The addresses that the server answers with, as a client would see them."""
        ident = secrets.token_bytes(2)
        labels = b"".join(bytes([len(label)]) + label for label in name.encode("ascii").split(b"."))
        host, port = self.server.rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(TIMEOUT_SECONDS)
            sock.connect((host, int(port)))
            sock.send(ident + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1))
            answer = sock.recv(4096)
        assert answer[:2] == ident, "the answer belongs to another question"
        # Type A, class IN, time to live, length 4, address: enough to find records without reading names.
        found = re.findall(rb"\x00\x01\x00\x01.{4}\x00\x04(.{4})", answer, re.DOTALL)
        return [socket.inet_ntoa(address) for address in found]

    def _post(self, verb, **body):
        reply = request("POST", f"{self.base}/{verb}", json.dumps(body))
        assert reply.status == 200, f"{verb}: {reply.status} {reply.text}"
        return reply

    def set_a(self, host, *addresses):
        self._post("clear-a", host=host)
        self._post("add-a", host=host, addresses=list(addresses))

    def clear_a(self, host):
        self._post("clear-a", host=host)

    def set_aaaa(self, host, *addresses):
        self._post("clear-aaaa", host=host)
        self._post("add-aaaa", host=host, addresses=list(addresses))

    def clear_aaaa(self, host):
        self._post("clear-aaaa", host=host)

    def set_cname(self, host, target):
        self._post("set-cname", host=host, target=target)

    def clear_cname(self, host):
        self._post("clear-cname", host=host)

    def set_caa(self, host, *policies):
        """Policies as (tag, value)."""
        self._post("clear-caa", host=host)
        self._post("add-caa", host=host, policies=[{"tag": tag, "value": value} for tag, value in policies])

    def clear_caa(self, host):
        self._post("clear-caa", host=host)

    def set_servfail(self, host):
        self._post("set-servfail", host=host)

    def clear_servfail(self, host):
        self._post("clear-servfail", host=host)

    def set_default(self, address):
        self._post("set-default-ipv4", ip=address)

    def history(self, host):
        return self._post("dns-request-history", host=host).json()
