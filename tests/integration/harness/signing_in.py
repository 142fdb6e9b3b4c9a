"""A daemon that signs in to Azure through proxies of its own, and the ways to do it."""

import contextlib
import os

import pytest

from .beside import daemon_beside
from .proxy import Proxy

ARC_TOKENS = "/var/opt/azcmagent/tokens"
IDENTITY = "/metadata/identity/oauth2/token"
TOKEN_REQUEST = r"oauth2/(v2\.0/)?token|/msi/token"

# Set by the platform for its own daemons: the environment alone has them.
ENVIRONMENT = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT")

# What gatecert.yaml begins with, taken away: each row then adds its own.
NO_SECRET = {"AZURE_CLIENT_SECRET": None}
NO_PRINCIPAL = {**NO_SECRET, "AZURE_TENANT_ID": None, "AZURE_CLIENT_ID": None}


class Bench:
    """One test's: a hostname, proxies in front of the authority and of the identity endpoints, a daemon behind them."""

    def __init__(self, stack, directory, label):
        self.stack = stack
        self.directory = directory
        self.hostname = f"{label}.example.com"
        self.authority = Proxy(stack, stack.authority_host)
        self.identity = Proxy(stack, stack.imds_endpoint)
        self.imds_endpoint = self.identity.url
        self._ends = contextlib.ExitStack()
        self._ends.callback(self.authority.close)
        self._ends.callback(self.identity.close)
        self._daemon = None

    def proxy(self, upstream):
        one = Proxy(self.stack, upstream)
        self._ends.callback(one.close)
        return one

    def daemon(self, **settings):
        """Not started."""
        self._daemon = daemon_beside(
            self.stack, self.directory,
            {"KeyType": "EC-P256", "AZURE_AUTHORITY_HOST": self.authority.url,
             **{key: value for key, value in settings.items() if key not in ENVIRONMENT}},
            {key: value for key, value in settings.items() if key in ENVIRONMENT})
        self._ends.callback(self._daemon.close)
        return self._daemon

    def tokens_asked(self):
        """Requests for tokens of the daemon, oldest first."""
        return sorted(self.authority.requests(path=TOKEN_REQUEST) + self.identity.requests(path=TOKEN_REQUEST),
                      key=lambda one: one["time"])

    def log_tail(self):
        return self._daemon.log_tail() if self._daemon else ""

    def close(self):
        self._ends.close()


def client_secret(bench):
    return {}


def client_certificate(bench):
    """What is signed names the authority's own address."""
    return {**NO_SECRET, "AZURE_CLIENT_CERTIFICATE_PATH": bench.stack.client_certificate_file,
            "AZURE_AUTHORITY_HOST": bench.stack.authority_host}


def client_certificate_with_chain(bench):
    return {**client_certificate(bench), "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN": "true"}


def federated_token(bench):
    return {**NO_SECRET, "AZURE_FEDERATED_TOKEN_FILE": bench.stack.federated_token_file}


def metadata_service(bench):
    return {**NO_PRINCIPAL, "AZURE_POD_IDENTITY_AUTHORITY_HOST": bench.imds_endpoint}


def metadata_service_with_client(bench):
    return {**metadata_service(bench), "AZURE_CLIENT_ID": bench.stack.client_id}


def app_service(bench):
    return {**NO_PRINCIPAL, "IDENTITY_ENDPOINT": f"{bench.imds_endpoint}/msi/token",
            "IDENTITY_HEADER": bench.stack.sim.state()["identityHeader"]}


def arc(bench):
    return {**NO_PRINCIPAL, "IDENTITY_ENDPOINT": bench.imds_endpoint + IDENTITY, "IMDS_ENDPOINT": bench.imds_endpoint}


def narrowed_to_managed_identity(bench):
    """The secret is there and right, and still not used."""
    return {"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "AZURE_POD_IDENTITY_AUTHORITY_HOST": bench.imds_endpoint}


@contextlib.contextmanager
def arc_directory():
    """Where Arc's agent puts its keys; only a test that made the directory removes it."""
    if os.path.isdir(ARC_TOKENS):
        yield
        return
    try:
        os.makedirs(ARC_TOKENS)
    except PermissionError:
        pytest.skip(f"cannot make {ARC_TOKENS}, where Azure Arc's agent puts its keys: not root")
    yield
    for name in os.listdir(ARC_TOKENS):
        os.unlink(os.path.join(ARC_TOKENS, name))
    os.removedirs(ARC_TOKENS)
