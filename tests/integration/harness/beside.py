"""Daemons beside each other on one stack, each with an address of its own."""

import socket

from .clients import Api
from .daemon import Gatecertd
from .proxy import DnsProxy, Proxy


def origin(url):
    return "/".join(url.split("/")[:3])


def free_address():
    """A loopback address that stays ours: bound without listening, as the stack holds its ports."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return sock, f"127.0.0.1:{sock.getsockname()[1]}"


def daemon_beside(stack, directory, config=None, env=None):
    """A daemon that is not started."""
    sock, address = free_address()
    one = Gatecertd(stack, directory, config={"Listen": address, **(config or {})}, env=env)
    one.api = Api(f"http://{address}", stack.api_key)
    one.held = sock
    return one


class Outfit:
    """A daemon, not started, with proxies of its own in front of everything but the vault."""

    def __init__(self, stack, directory, config):
        self.ca = Proxy(stack, origin(stack.acme_directory))
        self.blobs = Proxy(stack, origin(stack.blob_container_url), knows=self.ca.trail)
        self.arm, self.authority = Proxy(stack, stack.arm_endpoint), Proxy(stack, stack.authority_host)
        self.dns = DnsProxy(stack)
        self.daemon = daemon_beside(stack, directory, {
            **config, "AcmeEndpoint": self.ca.through(stack.acme_directory),
            "BlobContainerUrl": self.blobs.through(stack.blob_container_url), "ArmEndpoint": self.arm.url,
            "AZURE_AUTHORITY_HOST": self.authority.url, "DnsServers": [self.dns.address]})

    def close(self):
        try:
            self.daemon.close()
        finally:
            for one in (self.ca, self.blobs, self.arm, self.authority, self.dns):
                one.close()
