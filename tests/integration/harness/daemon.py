"""The daemon under test: started with a stack's configuration or a changed one, ended in every way."""

import os
import re
import signal
import subprocess

import yaml

from .clients import Api
from .paths import BUILD
from .waiting import wait_for

READY_SECONDS = 60
STOP_SECONDS = 60
LOG_TAIL_BYTES = 8000

# What sanitizers print, whichever is built in.
SANITIZER = re.compile(r"ERROR: (Address|Leak|Memory|Thread)Sanitizer|WARNING: ThreadSanitizer"
                       r"|^\S+:\d+:\d+: runtime error: ", re.MULTILINE)


class Gatecertd:
    """One daemon with spec and state directories of its own under `directory`, so that tests do not meet."""

    def __init__(self, stack, directory, config=None, env=None, args=()):
        """`config` changes keys of gatecert.yaml (None removes one), `env` adds variables."""
        self.stack = stack
        self.directory = os.fspath(directory)
        self.spec_dir = os.path.join(self.directory, "specs")
        self.state_dir = os.path.join(self.directory, "state")
        self.config_path = os.path.join(self.directory, "gatecert.yaml")
        self.log_path = os.path.join(self.directory, "gatecertd.log")
        self.args = list(args)
        self.env = dict(env or {})
        self.process = None
        os.makedirs(self.spec_dir, exist_ok=True)
        os.makedirs(self.state_dir, mode=0o700, exist_ok=True)
        self.config = {**stack.configuration(), "SpecDirectory": self.spec_dir, "StateDirectory": self.state_dir}
        self.configure(**(config or {}))
        self.api = Api(stack.api_url, stack.api_key)

    def configure(self, **changes):
        """Writes the configuration anew; a running daemon reads it at SIGHUP."""
        for key, value in changes.items():
            if value is None:
                self.config.pop(key, None)
            else:
                self.config[key] = value
        temporary = self.config_path + ".new"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            yaml.safe_dump(self.config, file, sort_keys=False)
        os.rename(temporary, self.config_path)

    # --- life and death ---

    def spawn(self):
        """Starts it without waiting."""
        assert not self.is_running(), "it is running already"
        env = {name: value for name, value in os.environ.items() if name not in self.config
               and not name.startswith("AZURE_") and name not in ("NOTIFY_SOCKET", "JOURNAL_STREAM",
                                                                              "RUNTIME_DIRECTORY")}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(BUILD / "gatecertd"), "--config", self.config_path, *self.args], env={**env, **self.env},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, start_new_session=True)
        return self

    def start(self):
        """Starts it and waits for /readyz."""
        self.spawn()
        wait_for(self._is_ready_or_dead, READY_SECONDS, lambda: "gatecertd is ready; its log ends:\n" + self.log_tail())
        assert self.is_running(), (f"gatecertd ended with status {self.process.returncode} while starting; "
                                   f"its log ends:\n{self.log_tail()}")
        return self

    def _is_ready_or_dead(self):
        return not self.is_running() or self.api.get("/readyz").status == 200

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def wait(self, seconds=STOP_SECONDS):
        """Its exit status, once it has ended by itself."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"gatecertd did not end within {seconds:g} s; its log ends:\n"
                                 + self.log_tail()) from None

    def stop(self):
        """SIGTERM, and the status must be 0."""
        self.signal(signal.SIGTERM)
        status = self.wait()
        assert status == 0, f"gatecertd ended with status {status} after SIGTERM; its log ends:\n{self.log_tail()}"

    def kill(self):
        """SIGKILL: what a power cut would leave."""
        self.signal(signal.SIGKILL)
        self.wait()

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.signal(signal.SIGHUP)

    def signal(self, number):
        assert self.is_running(), f"gatecertd is not running; its log ends:\n{self.log_tail()}"
        self.process.send_signal(number)

    def close(self):
        """The end of a test: a running daemon must end well, its log without a sanitizer's report or a secret."""
        try:
            if self.is_running():
                self.stop()
        finally:
            if self.is_running():
                self.process.kill()
                self.process.wait()
        self.assert_clean_log()

    # --- its log ---

    def log(self):
        try:
            with open(self.log_path, "rb") as file:
                return file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def log_tail(self):
        return self.log()[-LOG_TAIL_BYTES:]

    def assert_clean_log(self):
        log = self.log()
        found = SANITIZER.search(log)
        assert not found, f"a sanitizer reported:\n{log[found.start():][:LOG_TAIL_BYTES]}"
        for name in ("api_key", "client_secret"):
            assert getattr(self.stack, name) not in log, f"the log holds the secret {name}"

    # --- its specs ---

    def drop_spec(self, name, text):
        """Puts a spec file in place as an editor should: written beside, then renamed. `text` may be an object."""
        if not isinstance(text, str):
            text = yaml.safe_dump(text, sort_keys=False)
        path, temporary = (os.path.join(self.spec_dir, one) for one in (name, f".{name}.tmp"))
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(temporary, path)
        return path

    def remove_spec(self, name):
        os.unlink(os.path.join(self.spec_dir, name))

    def wish(self, *hostnames, **spec):
        """One native spec file per hostname."""
        for hostname in hostnames:
            document = {"apiVersion": "gatecert/v1", "kind": "Hostname", "metadata": {"name": hostname}}
            if spec:
                document["spec"] = spec
            self.drop_spec(f"{hostname}.yaml", document)

    def wait_ready(self, *hostnames, deadline=90):
        """Waits until the hostnames' Ready condition is True."""
        for hostname in hostnames:
            wait_for(lambda one=hostname: self.api.is_ready(one), deadline, lambda one=hostname: (
                f"{one} is Ready: {self.api.hostname(one)}"))
