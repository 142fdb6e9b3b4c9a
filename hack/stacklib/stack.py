"""One stack in one directory: what it consists of, where everything is, and its files."""

import glob
import json
import os
import secrets
import shlex
import shutil

from . import StackError, authority, ports, process, servers

CHECKOUT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECORD = "stack.json"
RECORD_VERSION = 2
UP_TRIES = 3

# What `up` can be told to make several of.
COUNTS = ("gateways", "vaults", "containers", "cas", "subscriptions", "identities")
COUNT_MAX = 16

TCP_PORTS = ("api", "acme", "acme-management", "dns-admin", "blob", "arm", "vault", "authority", "imds", "sim-admin")
GATEWAY_PORTS = ("gateway-http", "gateway-https")
MADE = ("ca", "logs", "specs", "state", "azuresim", "pebble.json", "acme-roots.pem", "client-secret",
        "operator-secret", "federated-token", "gatecert.yaml", "stack.env", RECORD)
MADE_OF_SEVERAL = ("pebble-*.json", "acme-roots-*.pem", "client-secret-*")
PATHS_OF_NGINX = ("/usr/sbin/nginx",)

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
CLIENT = "04b07795-0000-4000-8000-02f9e1bf7b46"
OPERATOR = "0be7a708-0000-4000-8000-02f9e1bf7b46"
RESOURCE_GROUP = "gatecert"
# Names of the gateway that azuresim begins with.
GATEWAY = "gateway"
HTTP_SETTINGS = "appgw-http-settings"
BACKEND_POOL = "appgw-backend"
ACCOUNT_EMAIL = "hostmaster@example.com"


def find_azuresim():
    """Built beside the daemon under test; a plain one serves as well. None: not built."""
    for build in (os.environ.get("GATECERT_BUILD", "build"), "build"):
        path = os.path.join(CHECKOUT, build, "azuresim")
        if os.path.exists(path):
            return path
    return None


class Stack:
    """The files and addresses of one stack directory."""

    tenant = TENANT
    client_id = CLIENT
    operator_id = OPERATOR

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        self.record = None

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    @staticmethod
    def checkout(*parts):
        return os.path.join(CHECKOUT, *parts)

    def tool(self, name):
        """A program that hack/setup unpacked."""
        for folder in ("bin", "sbin"):
            path = self.checkout("build", "tools", "usr", folder, name)
            if os.path.exists(path):
                return path
        raise StackError(f"{name} is not in build/tools: run hack/setup")

    def nginx(self):
        for path in PATHS_OF_NGINX:
            if os.path.exists(path):
                return path
        return self.tool("nginx")

    @property
    def azuresim(self):
        path = find_azuresim()
        if path is None:
            raise StackError("build/azuresim is not built: run make build/azuresim")
        return path

    def port(self, name):
        return self.record["ports"][name]

    def address(self, name):
        return f"127.0.0.1:{self.port(name)}"

    def url(self, name, path="", scheme="https"):
        return f"{scheme}://{self.address(name)}{path}"

    # --- where there can be several; the numbers begin with 1 ---

    def numbers(self, name):
        return range(1, self.record["counts"][name] + 1)

    def nth_gateway_id(self, number):
        """The gateways take turns with the subscriptions."""
        subscription = _nth_guid(SUBSCRIPTION, (number - 1) % self.record["counts"]["subscriptions"] + 1)
        return (f"/subscriptions/{subscription}/resourceGroups/{RESOURCE_GROUP}"
                f"/providers/Microsoft.Network/applicationGateways/{servers.nth(GATEWAY, number)}")

    def container_url(self, number):
        return self.url("blob", f"/{servers.BLOB_ACCOUNT}/{servers.nth(servers.BLOB_CONTAINER, number)}")

    def nth_client_id(self, number):
        return _nth_guid(CLIENT, number)

    @property
    def gateway_id(self):
        return self.nth_gateway_id(1)

    @property
    def blob_container_url(self):
        return self.container_url(1)

    # --- the record ---

    def load(self):
        """Reads what `up` left. A record of an earlier boot has no processes any more."""
        try:
            with open(self.path(RECORD), encoding="utf-8") as file:
                self.record = json.load(file)
        except FileNotFoundError:
            raise StackError(f"{self.directory} holds no stack") from None
        except ValueError as error:
            raise StackError(f"{self.path(RECORD)} cannot be read: {error}") from error
        if self.record["boot"] != process.boot_id():
            for server in self.record["servers"].values():
                server["pid"] = None

    def save(self):
        temporary = self.path(RECORD + ".new")
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(self.record, file, indent=2)
        os.rename(temporary, self.path(RECORD))

    def server(self, name):
        try:
            return self.record["servers"][name]
        except KeyError:
            raise StackError(f"no server {name}; there are: " + ", ".join(servers.of(self))) from None

    # --- its files ---

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def configuration(self):
        """What gatecert.yaml says, in order."""
        return {
            "AcmeEndpoint": self.url("acme", "/dir"),
            "AcmeAccountEmail": ACCOUNT_EMAIL,
            "TenantId": TENANT,
            "SubscriptionId": SUBSCRIPTION,
            "ApplicationGatewayResourceGroup": RESOURCE_GROUP,
            "ApplicationGatewayName": GATEWAY,
            "ApplicationGatewayHttpSettingsName": HTTP_SETTINGS,
            "ApplicationGatewayBackendName": BACKEND_POOL,
            "BlobContainerUrl": self.blob_container_url,
            "KeyVaultBaseUrl": self.url("vault"),
            "SpecDirectory": self.path("specs"),
            "StateDirectory": self.path("state"),
            "Listen": self.address("api"),
            "DnsServers": [self.address("dns")],
            "CaFile": self.path("ca", "ca.pem"),
            "ArmEndpoint": self.url("arm"),
            "GatewayHttpPort": self.port("gateway-http"),
            "GatewayHttpsPort": self.port("gateway-https"),
            "VaultChallengeResourceCheck": False,
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": self.record["client_secrets"][0],
            "AZURE_AUTHORITY_HOST": self.url("authority"),
            "ApiKeys": [{"name": "admin", "key": self.record["api_key"]}],
        }

    def variables(self):
        """What stack.env says: the documented names, then what tests of single parts need."""
        return {
            "GATECERT_CONFIG": self.path("gatecert.yaml"),
            "API_URL": self.url("api", scheme="http"),
            "API_KEY": self.record["api_key"],
            "SPEC_DIR": self.path("specs"),
            "STATE_DIR": self.path("state"),
            "ACME_DIRECTORY": self.url("acme", "/dir"),
            "ACME_MANAGEMENT": self.url("acme-management"),
            "ACME_CA_FILE": self.path("ca", "ca.pem"),
            "ACME_ROOTS": self.path("acme-roots.pem"),
            "DNS_SERVER": self.address("dns"),
            "DNS_ADMIN": self.url("dns-admin", scheme="http"),
            "BLOB_CONTAINER_URL": self.blob_container_url,
            "VAULT_URL": self.url("vault"),
            "ARM_ENDPOINT": self.url("arm"),
            "GATEWAY_ID": self.gateway_id,
            "GATEWAY_IP": servers.GATEWAY_IP,
            "GATEWAY_HTTP_PORT": self.port("gateway-http"),
            "GATEWAY_HTTPS_PORT": self.port("gateway-https"),
            "SIM_ADMIN": self.url("sim-admin", scheme="http"),
            "STACK_DIR": self.directory,
            "TENANT_ID": TENANT,
            "CLIENT_ID": CLIENT,
            "CLIENT_SECRET": self.record["client_secrets"][0],
            "OPERATOR_CLIENT_ID": OPERATOR,
            "OPERATOR_CLIENT_SECRET": self.record["operator_secret"],
            "CLIENT_CERTIFICATE_FILE": self.path("ca", "client-with-key.pem"),
            "FEDERATED_TOKEN_FILE": self.path("federated-token"),
            "AUTHORITY_HOST": self.url("authority"),
            "IMDS_ENDPOINT": self.url("imds", scheme="http"),
        }

    def more_variables(self):
        """The others, where there are several of something: GATEWAY_ID_2 ..."""
        found = {}

        def add(number, **values):
            found.update({f"{name}_{number}": value for name, value in values.items()})

        for number in list(self.numbers("gateways"))[1:]:
            add(number, GATEWAY_ID=self.nth_gateway_id(number), GATEWAY_IP=servers.gateway_ip(number),
                GATEWAY_HTTP_PORT=self.port("gateway-http"), GATEWAY_HTTPS_PORT=self.port("gateway-https"))
        for number in list(self.numbers("vaults"))[1:]:
            add(number, VAULT_URL=self.url(servers.nth("vault", number)))
        for number in list(self.numbers("containers"))[1:]:
            add(number, BLOB_CONTAINER_URL=self.container_url(number))
        for number in list(self.numbers("cas"))[1:]:
            add(number, ACME_DIRECTORY=self.url(servers.nth("acme", number), "/dir"),
                ACME_MANAGEMENT=self.url(servers.nth("acme-management", number)),
                ACME_ROOTS=self.path(servers.nth("acme-roots", number) + ".pem"))
        for number in list(self.numbers("identities"))[1:]:
            add(number, CLIENT_ID=self.nth_client_id(number), CLIENT_SECRET=self.record["client_secrets"][number - 1])
        return found

    def write_files(self):
        for name in ("logs", "specs", "state"):
            os.makedirs(self.path(name), mode=0o700, exist_ok=True)
        for number in self.numbers("identities"):
            self.write(servers.nth("client-secret", number), self.record["client_secrets"][number - 1])
        self.write("operator-secret", self.record["operator_secret"])
        self.write("federated-token", self.record["federated_token"])
        self.write("gatecert.yaml", to_yaml(self.configuration()))
        self.write("stack.env", "".join(f"{name}={shlex.quote(str(value))}\n"
                                        for name, value in {**self.variables(), **self.more_variables()}.items()))


def to_yaml(settings):
    """Flat settings, lists of scalars and lists of maps, every scalar as JSON: that is YAML too."""
    lines = []
    for key, value in settings.items():
        if not isinstance(value, list):
            lines.append(f"{key}: {json.dumps(value)}")
            continue
        lines.append(f"{key}:")
        for item in value:
            members = [f"{name}: {json.dumps(text)}" for name, text in item.items()] if isinstance(item, dict) \
                else [json.dumps(item)]
            lines += [("  - " if number == 0 else "    ") + member for number, member in enumerate(members)]
    return "\n".join(lines) + "\n"


def _nth_guid(guid, number):
    """Another one for each number; the first is it itself."""
    return guid if number == 1 else f"{guid[:-2]}{number:02d}"


def _new_record(made_directory, taken, counts):
    return {
        "version": RECORD_VERSION,
        "boot": process.boot_id(),
        "made_directory": made_directory,
        "ports": taken.number,
        "api_key": secrets.token_hex(32),
        "counts": counts,
        "client_secrets": [secrets.token_urlsafe(30) for _ in range(counts["identities"])],
        "operator_secret": secrets.token_urlsafe(30),
        "federated_token": secrets.token_urlsafe(60),
        "servers": {},
    }


def _start_all(stack, options, taken):
    """Starts the holder of the ports and every server, then waits for each."""
    holder = {"name": "ports", "stack": stack.directory, "argv": ["sleep", "infinity"], "cwd": stack.directory,
              "log": stack.path("logs", "ports.log")}
    stack.record["servers"]["ports"] = holder
    process.start(holder, taken.fds())
    for name, (command, _, _) in servers.of(stack).items():
        argv, env = command(stack, options)
        server = {"name": name, "stack": stack.directory, "argv": argv, "env": env, "cwd": stack.path("logs"),
                  "log": stack.path("logs", name + ".log")}
        stack.record["servers"][name] = server
        process.start(server)
        stack.save()
    for name in servers.of(stack):
        _await(stack, name)


def _await(stack, name):
    servers.wait_answers(stack, stack.server(name))
    started = servers.of(stack)[name][2]
    if started:
        started(stack)


def _take_ports(taken, counts):
    taken.take("dns", udp=True)
    for name in TCP_PORTS:
        taken.take(name)
    for name in GATEWAY_PORTS:
        taken.take(name, more=[servers.gateway_ip(number) for number in range(2, counts["gateways"] + 1)])
    for number in range(2, counts["vaults"] + 1):
        taken.take(servers.nth("vault", number))
    for number in range(2, counts["cas"] + 1):
        for name in ("acme", "acme-management"):
            taken.take(servers.nth(name, number))


def _up_once(stack, options, made_directory):
    taken = ports.Ports()
    try:
        _take_ports(taken, options["counts"])
        stack.record = _new_record(made_directory, taken, options["counts"])
        stack.write_files()
        authority.make(stack.path("ca"))
        try:
            _start_all(stack, options, taken)
        except BaseException:
            process.stop(list(stack.record["servers"].values()))
            stack.save()
            raise
        stack.save()
    finally:
        taken.close()


def up(directory, options):
    """Starts a stack in `directory`; when anything fails, nothing stays but the logs."""
    stack = Stack(directory)
    os.umask(0o077)
    made_directory = not os.path.exists(stack.directory)
    if not made_directory:
        made_directory = _clear_remains(stack)
    os.makedirs(stack.directory, exist_ok=True)
    for attempt in range(1, UP_TRIES + 1):
        try:
            return _up_once(stack, options, made_directory)
        except StackError as error:
            if attempt == UP_TRIES or "address already in use" not in str(error).lower():
                raise
            remove_files(stack)
    return None


def _clear_remains(stack):
    """Files of a stack that did not come up or was not taken down. True when the directory was ours."""
    try:
        stack.load()
    except StackError:
        if os.path.exists(stack.path(RECORD)):
            raise
        return False
    running = [name for name, server in stack.record["servers"].items() if process.members(server)]
    if running:
        raise StackError(f"{stack.directory} holds a stack that is running ({', '.join(running)}); "
                         f"end it with: hack/stack down {stack.directory}")
    remove_files(stack)
    return stack.record["made_directory"]


def remove_files(stack):
    """Removes what `up` made, and what servers left in it; nothing else."""
    for path in [stack.path(name) for name in MADE] + [
            path for pattern in MADE_OF_SEVERAL for path in glob.glob(stack.path(pattern))]:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)


def down(directory, keep=False):
    """Ends the stack's processes, also when its files are gone, and removes what it made."""
    stack = Stack(directory)
    try:
        stack.load()
    except StackError:
        left = process.started_for(stack.directory)
        if not left:
            raise
        process.stop_for_good(left)
        return
    process.stop_for_good(list(stack.record["servers"].values()))
    if keep:
        stack.save()
        return
    remove_files(stack)
    if stack.record["made_directory"]:
        try:
            os.rmdir(stack.directory)
        except OSError:
            pass


def start(directory, name):
    stack = Stack(directory)
    stack.load()
    server = stack.server(name)
    if process.members(server):
        raise StackError(f"{name} is running")
    process.start(server)
    stack.save()
    _await(stack, name)


def stop(directory, name):
    stack = Stack(directory)
    stack.load()
    process.stop([stack.server(name)])
    stack.save()


def send_signal(directory, name, number):
    stack = Stack(directory)
    stack.load()
    server = stack.server(name)
    if not process.is_alive(server):
        raise StackError(f"{name} is not running")
    os.kill(server["pid"], number)


def status(directory):
    """(name, pid or None) of every server."""
    stack = Stack(directory)
    stack.load()
    return [(name, server["pid"] if process.is_alive(server) else None)
            for name, server in stack.record["servers"].items()]
