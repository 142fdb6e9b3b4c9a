"""Visiting a site through the simulated gateway's data plane, as a browser would."""

import http.client
import socket
import ssl
from dataclasses import dataclass

from .clients import Reply

TIMEOUT_SECONDS = 60


@dataclass
class Served:
    """What came over a TLS connection whose certificate was verified against the CA's roots."""

    certificate: dict  # as ssl.SSLSocket.getpeercert() gives it
    leaf: bytes  # DER
    status: int
    body: bytes

    @property
    def serial(self):
        return self.certificate["serialNumber"].lower()

    @property
    def names(self):
        return [value for kind, value in self.certificate.get("subjectAltName", ()) if kind == "DNS"]

    @property
    def not_after(self):
        """Seconds since the epoch."""
        return ssl.cert_time_to_seconds(self.certificate["notAfter"])


def fetch_https(stack, hostname, path="/", roots=None):
    """TLS to the gateway with `hostname` as SNI; raises ssl.SSLError where the certificate does not verify."""
    context = ssl.create_default_context(cafile=str(roots or stack.acme_roots))
    address = (stack.gateway_ip, stack.gateway_https_port)
    with socket.create_connection(address, TIMEOUT_SECONDS) as plain:
        with context.wrap_socket(plain, server_hostname=hostname) as tls:
            certificate, leaf = tls.getpeercert(), tls.getpeercert(binary_form=True)
            tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {hostname}\r\nConnection: close\r\n\r\n".encode("ascii"))
            reply = http.client.HTTPResponse(tls)
            reply.begin()
            return Served(certificate, leaf, reply.status, reply.read())


def fetch_http(stack, hostname, path="/"):
    """Port 80 of the gateway."""
    connection = http.client.HTTPConnection(stack.gateway_ip, stack.gateway_http_port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": hostname})
        reply = connection.getresponse()
        return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()
