"""One local stack: hack/stack in a directory, its variables as attributes, a client for each of its servers."""

import http.client
import os
import re
import shlex
import subprocess

import yaml

from .azure import Azure
from .clients import Dns, Sim, request
from .gateway import fetch_http, fetch_https
from .paths import CHECKOUT

COMMAND = CHECKOUT / "hack" / "stack"
TIMEOUT_SECONDS = 180
LOG_TAIL_BYTES = 6000
NEVER_SECONDS = 5


def _run(*args):
    done = subprocess.run([str(COMMAND), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=TIMEOUT_SECONDS)
    assert done.returncode == 0, f"hack/stack {args[0]}: status {done.returncode}\n{done.stderr}{done.stdout}"


class LocalStack:
    """Attributes are the names of stack.env in lower case: stack.api_url, stack.gateway_ip, stack.acme_roots ..."""

    def __init__(self, directory):
        self.directory = os.fspath(directory)
        self.env = {}
        self.sim = None
        self.dns = None
        self.azure = Azure(self)

    def up(self, *flags):
        _run("up", self.directory, *flags)
        with open(os.path.join(self.directory, "stack.env"), encoding="utf-8") as file:
            self.env = dict(word.split("=", 1) for line in file for word in shlex.split(line))
        self.sim = Sim(self.sim_admin)
        self.dns = Dns(self.dns_admin, self.dns_server)
        return self

    def down(self):
        """Nothing that must never happen may have happened: what the daemon did beyond manifests/azure among it."""
        try:
            self.check_never()
        finally:
            _run("down", self.directory)

    def check_never(self):
        """What azuresim counted since it was started; one that does not answer is not asked."""
        try:
            never = request("GET", f"{self.sim_admin}/state", timeout=NEVER_SECONDS).json()["never"]
        except (OSError, AttributeError, http.client.HTTPException):
            return
        assert not any(never.values()), f"what must never happen: {never}"

    def start(self, server):
        _run("start", self.directory, server)

    def stop(self, server):
        if server == "azuresim":
            self.check_never()
        _run("stop", self.directory, server)

    def restart(self, server):
        if server == "azuresim":
            self.check_never()
        _run("restart", self.directory, server)

    def signal(self, server, name):
        _run("signal", self.directory, server, name)

    def __getattr__(self, name):
        try:
            value = self.__dict__["env"][name.upper()]
        except KeyError:
            raise AttributeError(f"stack.env has no {name.upper()}") from None
        return int(value) if re.search(r"_port(_\d+)?$", name) else value

    def configuration(self):
        """gatecert.yaml as a dictionary, to be changed freely."""
        with open(self.gatecert_config, encoding="utf-8") as file:
            return yaml.safe_load(file)

    def fetch_https(self, hostname, path="/"):
        return fetch_https(self, hostname, path)

    def fetch_http(self, hostname, path="/"):
        return fetch_http(self, hostname, path)

    def logs(self):
        """(name, end of the log) of every server."""
        folder = os.path.join(self.directory, "logs")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), "rb") as file:
                yield name, file.read()[-LOG_TAIL_BYTES:].decode("utf-8", "replace")
