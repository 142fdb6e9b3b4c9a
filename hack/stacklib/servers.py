"""The servers of the stack: how each is started, and how it shows that it answers."""

import base64
import functools
import json
import os
import secrets
import socket
import ssl
import struct
import subprocess
import time
import urllib.error
import urllib.request

from . import StackError, process

# The first gateway's, and what DNS says of a name without records; the second has 127.0.0.2 and so on: at the ports
# of the first, as a CA knows one port 80.
GATEWAY_IP = "127.0.0.1"
BLOB_ACCOUNT = "devstoreaccount1"
BLOB_CONTAINER = "acme"
BLOB_API_VERSION = "2021-12-02"

# 90 days, as public CAs give; Pebble's own default is five years.
CERTIFICATE_SECONDS = 7776000

READY_SECONDS = 120
POLL_SECONDS = 0.03
REQUEST_SECONDS = 30


def gateway_ip(number):
    return f"127.0.0.{number}"


def nth(name, number):
    """What the one of that number is called: "pebble", "pebble-2"."""
    return name if number == 1 else f"{name}-{number}"


def _https(stack, url, method="GET", headers=None):
    """(status, body) of one request to a server of the stack."""
    context = ssl.create_default_context(cafile=stack.path("ca", "ca.pem"))
    request = urllib.request.Request(url, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=REQUEST_SECONDS) as reply:
            return reply.status, reply.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


# --- DNS -------------------------------------------------------------------------------------------------------


def dns_command(stack, _options):
    tool = stack.tool("pebble-challtestsrv")
    argv = [tool, "-dns01", stack.address("dns"), "-management", stack.address("dns-admin"), "-http01", "",
            "-https01", "", "-tlsalpn01", "", "-defaultIPv4", GATEWAY_IP, "-defaultIPv6", ""]
    if "-doh" in subprocess.run([tool, "-h"], capture_output=True, text=True).stderr:
        argv += ["-doh", ""]
    return argv, {}


def dns_answers(stack, _server):
    """One question for an A record over UDP, and the management port."""
    ident = secrets.token_bytes(2)
    question = b"\x05ready\x07invalid\x00" + struct.pack(">HH", 1, 1)
    query = ident + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + question
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.5)  # luck: no, because it is asked again
        sock.connect(("127.0.0.1", stack.port("dns")))
        sock.send(query)
        if sock.recv(512)[:2] != ident:
            return False
    socket.create_connection(("127.0.0.1", stack.port("dns-admin")), 1).close()
    return True


# --- Pebble ----------------------------------------------------------------------------------------------------


def pebble_command(stack, options, number=1):
    config = {
        "listenAddress": stack.address(nth("acme", number)),
        "managementListenAddress": stack.address(nth("acme-management", number)),
        "certificate": stack.path("ca", "server.pem"),
        "privateKey": stack.path("ca", "server-key.pem"),
        "httpPort": stack.port("gateway-http"),
        "tlsPort": stack.port("gateway-https"),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
        "certificateValidityPeriod": CERTIFICATE_SECONDS,
    }
    config.update(options["pebble_config"])
    path = stack.path(nth("pebble", number) + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"pebble": config}, file, indent=2)
    env = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", **options["pebble_env"]}
    return [stack.tool("pebble"), "-config", path, "-dnsserver", stack.address("dns")], env


def pebble_answers(stack, _server, number=1):
    return _https(stack, stack.url(nth("acme", number), "/dir"))[0] == 200


def pebble_started(stack, number=1):
    """Pebble makes new roots at every start: the newest first, older ones kept for what they issued."""
    path, old, new = stack.path(nth("acme-roots", number) + ".pem"), "", ""
    for root in range(16):
        status, pem = _https(stack, stack.url(nth("acme-management", number), f"/roots/{root}"))
        if status != 200:
            break
        new += pem.strip() + "\n"
    if not new:
        raise StackError("pebble names no root at its management address")
    if os.path.exists(path):
        with open(path, encoding="ascii") as file:
            old = file.read()
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(new + old)
    os.rename(path + ".new", path)


# --- Azurite ---------------------------------------------------------------------------------------------------


def azurite_command(stack, _options):
    script = stack.checkout("node_modules", "azurite", "dist", "src", "blob", "main.js")
    if not os.path.exists(script):
        raise StackError("azurite is not installed: node_modules is incomplete, run hack/setup")
    return ["node", script, "--blobHost", "127.0.0.1", "--blobPort", str(stack.port("blob")), "--oauth", "basic",
            "--cert", stack.path("ca", "server.pem"), "--key", stack.path("ca", "server-key.pem"),
            "--disableTelemetry", "--inMemoryPersistence"], {}


def azurite_answers(stack, _server):
    return _https(stack, stack.url("blob", "/"))[0] > 0


def _blob_token(stack):
    """A bearer token that Azurite takes: it looks at the claims and at no signature."""
    now = int(time.time())
    claims = {"aud": "https://storage.azure.com", "iss": f"https://sts.windows.net/{stack.tenant}/",
              "iat": now - 60, "nbf": now - 60, "exp": now + 600}
    parts = [json.dumps({"typ": "JWT", "alg": "RS256"}), json.dumps(claims), "unsigned"]
    return ".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in parts)


def azurite_started(stack):
    """The containers forget themselves with their server; public access can be given at creation alone."""
    headers = {"Authorization": "Bearer " + _blob_token(stack), "x-ms-version": BLOB_API_VERSION,
               "x-ms-blob-public-access": "blob", "Content-Length": "0"}
    for number in stack.numbers("containers"):
        status, body = _https(stack, stack.container_url(number) + "?restype=container", "PUT", headers)
        if status != 201:
            raise StackError(f"azurite did not create the container: {status} {body[:300]}")


# --- azuresim --------------------------------------------------------------------------------------------------


def azuresim_command(stack, options):
    argv = [stack.azuresim, "--dir", stack.path("azuresim"),
            "--tls-cert", stack.path("ca", "server.pem"), "--tls-key", stack.path("ca", "server-key.pem"),
            "--arm", stack.address("arm"), "--authority", stack.address("authority"), "--imds", stack.address("imds"),
            "--admin", stack.address("sim-admin"), "--ca-file", stack.path("ca", "ca.pem"),
            "--tenant", stack.tenant, "--client-cert", stack.path("ca", "client.pem"),
            "--federated-token-file", stack.path("federated-token"), "--operator-id", stack.operator_id,
            "--operator-secret-file", stack.path("operator-secret"), "--nginx", stack.nginx()]
    for number in stack.numbers("vaults"):
        argv += ["--vault", stack.address(nth("vault", number))]
    for number in stack.numbers("containers"):
        argv += ["--blob-container-url", stack.container_url(number)]
    for number in stack.numbers("gateways"):
        argv += ["--gateway-id", stack.nth_gateway_id(number), "--gateway-ip", gateway_ip(number),
                 "--gateway-http-port", str(stack.port("gateway-http")),
                 "--gateway-https-port", str(stack.port("gateway-https"))]
    for number in stack.numbers("identities"):
        argv += ["--client-id", stack.nth_client_id(number),
                 "--client-secret-file", stack.path(nth("client-secret", number))]
    for key, value in options["azuresim"].items():
        argv += ["--set", f"{key}={value}"]
    os.makedirs(stack.path("azuresim"), mode=0o700, exist_ok=True)
    return argv, {}


def azuresim_answers(_stack, server):
    return "ready" in process.log_since_start(server).splitlines()


def _pebble(number):
    return (functools.partial(pebble_command, number=number), functools.partial(pebble_answers, number=number),
            functools.partial(pebble_started, number=number))


def of(stack):
    """In the order of starting: name, command line, does it answer, what is due after every start."""
    return {
        "dns": (dns_command, dns_answers, None),
        **{nth("pebble", number): _pebble(number) for number in stack.numbers("cas")},
        "azurite": (azurite_command, azurite_answers, azurite_started),
        "azuresim": (azuresim_command, azuresim_answers, None),
    }


def wait_answers(stack, server):
    """Returns when the server answers; says which did not, and why."""
    name = server["name"]
    answers = of(stack)[name][1]
    deadline = time.monotonic() + READY_SECONDS
    why = "it does not answer as it should"
    while time.monotonic() < deadline:
        if not process.is_alive(server):
            status = process.exit_status(server)
            raise StackError(f"{name} ended with status {status} instead of answering; its log {server['log']} ends:\n"
                             + process.log_tail(server))
        try:
            if answers(stack, server):
                return
        except (OSError, ssl.SSLError) as error:
            why = str(error)
        time.sleep(POLL_SECONDS)
    raise StackError(f"{name} did not answer within {READY_SECONDS} s ({why}); its log {server['log']} ends:\n"
                     + process.log_tail(server))
