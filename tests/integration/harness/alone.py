"""A daemon that is alone: nothing that it is configured for answers. It starts in a moment, and needs no server."""

import os
import signal
import socket
import subprocess

import yaml

from .clients import Api
from .paths import BUILD
from .waiting import wait_for

SECONDS = 60
NOBODY = "https://127.0.0.1:9"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Alone:
    def __init__(self, directory, **config):
        self.directory = directory
        self.specs = directory / "specs"
        self.state = directory / "state"
        self.config_path = directory / "gatecert.yaml"
        self.log_path = directory / "log"
        self.process = None
        self.state.mkdir(mode=0o700)
        port = free_port()
        self.config = {
            "AcmeEndpoint": f"{NOBODY}/directory", "AcmeAccountEmail": "ops@example.org",
            "TenantId": "00000000-0000-0000-0000-000000000001", "SubscriptionId": "00000000-0000-0000-0000-000000000002",
            "ApplicationGatewayResourceGroup": "web", "ApplicationGatewayName": "gateway",
            "ApplicationGatewayHttpSettingsName": "settings", "ApplicationGatewayBackendName": "pool",
            "BlobContainerUrl": f"{NOBODY}/account/container", "KeyVaultBaseUrl": NOBODY, "ArmEndpoint": NOBODY,
            "SpecDirectory": str(self.specs), "StateDirectory": str(self.state), "Listen": f"127.0.0.1:{port}",
            "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000003", "AZURE_CLIENT_SECRET": "not-for-the-log",
        }
        self.api = Api(f"http://127.0.0.1:{port}", "")
        self.configure(**config)

    def configure(self, **changes):
        for key, value in changes.items():
            if value is None:
                self.config.pop(key, None)
            else:
                self.config[key] = value
        self.config_path.write_text(yaml.safe_dump(self.config))
        self.config_path.chmod(0o600)

    def environment(self, **more):
        left_out = {"NOTIFY_SOCKET", "JOURNAL_STREAM", "RUNTIME_DIRECTORY", *self.config}
        return {**{name: value for name, value in os.environ.items()
                   if not name.startswith("AZURE_") and name not in left_out}, **more}

    def run(self, *args, **options):
        """To its end: for --check-config and what cannot start."""
        return subprocess.run([str(BUILD / "gatecertd"), "--config", str(self.config_path), *args],
                              env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS, check=False, **options)

    def spawn(self, **env):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(BUILD / "gatecertd"), "--config", str(self.config_path)],
                                            env=self.environment(**env), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        return self

    def start(self, **env):
        self.spawn(**env)
        wait_for(lambda: self.process.poll() is not None or self.api.get("/readyz").status == 200, SECONDS,
                 lambda: f"it is ready: {self.log()}")
        assert self.process.poll() is None, self.log()
        return self

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(SECONDS) == 0, self.log()

    # --- what it has read ---

    def desired(self):
        return sorted(one["metadata"]["name"] for one in self.api.get("/apis/gatecert/v1/hostnames").json()["items"])

    def report(self):
        return self.api.get("/readyz").json()["specs"]
