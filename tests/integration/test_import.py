"""Certificates that are brought with their keys, from the request to the visitor, through kills and an absent vault; and no key anywhere."""

import base64
import os
import re
import stat
import subprocess
import time

import pytest

from harness import BUILD, wait_for
from harness.keys import (Authority, base64_of, canaries, der_of, openssl, secrets_of, serial_of)
from harness.memory import memory_of

STACK_FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1", "--azuresim", "rsaKeys=reuse"]

IMPORT = "/api/AddCertificateWithPrivateKeyFunctions_HttpStart"
SHARDS = 2
INSTANCES = "/runtime/webhooks/durabletask/instances"
VAULT = "^/(keys|certificates|secrets)/"
DAY = 86400


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def vault_is_there(stack):
    yield
    stack.sim.clear_faults()
    stack.sim.set(vaultAccess="allow")


def vault_goes_away(stack):
    return stack.sim.fault(None, VAULT, {"reset": "before"}, times=-1)


def entry(hostname, key, certificate, **more):
    return {"hostnames": [{"hostname": hostname, "privatekey": key, "certificate": certificate, **more}]}


def post(api, *args, **more):
    """Until the vault was reached for the first time, 503 is said."""
    return wait_for(lambda: unless_503(api.post(IMPORT, entry(*args, **more))), 60, "the sealing key is known")


def await_sealing_key(gatecertd):
    path = os.path.join(gatecertd.state_dir, "sealed-key.json")
    wait_for(lambda: os.path.exists(path), 60, "the sealing key is known")


def vault_comes_back(stack, api, started):
    """And nobody waits for the end of a backoff."""
    stack.sim.clear_faults()
    reply = api.post(started["sendEventPostUri"].replace("{eventName}", "Retry"), {})
    assert reply.status in (202, 410), reply.text  # or it has ended already


def unless_503(reply):
    return None if reply.status == 503 else reply


def accepted(api, *args, **more):
    reply = post(api, *args, **more)
    assert reply.status == 202, f"{reply.status} {reply.text}"
    return reply.json()


def await_end(api, started, seconds=60):
    path = f"{INSTANCES}/{started['id']}"
    return wait_for(lambda: next((one for one in [api.get(path).json()]
                                  if one["runtimeStatus"] in ("Completed", "Failed", "Terminated")), None),
                    seconds, lambda: f"it has ended: {api.get(path).text}")


def completed(api, started, seconds=60):
    shown = await_end(api, started, seconds)
    assert shown["runtimeStatus"] == "Completed", shown
    return shown


def sealed(gatecertd):
    folder = os.path.join(gatecertd.state_dir, "sealed")
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def none_sealed(gatecertd):
    wait_for(lambda: sealed(gatecertd) == [], 60, lambda: f"no sealed key is left: {sealed(gatecertd)}")


def served(stack, hostname):
    """PEM of every certificate that a visitor is shown."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"{stack.gateway_ip}:{stack.gateway_https_port}",
                            "-servername", hostname, "-showcerts"], input=b"", capture_output=True, timeout=60,
                           check=False).stdout.decode()
    return re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", shown, re.DOTALL)


def await_served(stack, hostname, pem):
    wait_for(lambda: serial_of(served(stack, hostname)[0]) == serial_of(pem), 60, f"{hostname} is served with it")


def imports(stack, hostname):
    name = hostname.replace("*", "wildcard").replace(".", "-")
    return [one for one in stack.sim.requests("POST", f"^/certificates/{name}[^/]*/import")]


# --- what is brought is what visitors get ---

def test_the_chain_is_kept_and_served(stack, gatecertd, authority, hostname):
    key = authority.rsa()
    leaf = authority.leaf(key, hostname)
    completed(gatecertd.api, accepted(gatecertd.api, hostname, key.read_text(), leaf + authority.chain))
    await_served(stack, hostname, leaf)
    assert [serial_of(one) for one in served(stack, hostname)] == [serial_of(leaf), serial_of(authority.chain)]
    none_sealed(gatecertd)


FORMS = [
    ("base64 of PKCS#1", "rsa", ["rsa", "-traditional", "-outform", "DER"], None),
    ("base64 of encrypted PKCS#8", "ec", ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:geheim", "-outform",
                                          "DER"], "geheim"),
    ("encrypted PKCS#8, RSA", "rsa", ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:geheim"], "geheim"),
    ("base64 of PKCS#8, EC", "ec", ["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], None),
]


@pytest.mark.parametrize("kind, command, password", [row[1:] for row in FORMS], ids=[row[0] for row in FORMS])
def test_further_forms_of_keys(stack, gatecertd, authority, hostname, kind, command, password):
    key = authority.ec() if kind == "ec" else authority.rsa()
    leaf = authority.leaf(key, hostname)
    text = openssl(*command, "-in", key)
    text = base64_of(text) if "DER" in command else text.decode()
    more = {"password": password} if password else {}
    completed(gatecertd.api, accepted(gatecertd.api, hostname, text, base64_of(der_of(leaf)), **more))
    await_served(stack, hostname, leaf)


def test_a_wildcard_is_served_and_outlives_a_restart(stack, gatecertd, authority):
    key = authority.ec()
    leaf = authority.leaf(key, "*.wide.example.com")
    completed(gatecertd.api, accepted(gatecertd.api, "*.wide.example.com", key.read_text(), leaf))
    await_served(stack, "any.wide.example.com", leaf)
    gatecertd.restart()
    gatecertd.wait_ready("*.wide.example.com")
    assert len(imports(stack, "*.wide.example.com")) == 1


# --- what is refused ---

def refused(authority, hostname):
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    weak = authority.rsa("weak", 1024)
    other = authority.leaf(authority.ec("other"), "else.example.com")
    good = key.read_text()
    return [
        ("a password that is none", good, leaf, {"password": 7}, "password", "InvalidRequest"),
        ("a key that is no text", {"a": 1}, leaf, {}, "privatekey", "InvalidRequest"),
        ("a certificate that is no text", good, [leaf], {}, "certificate", "InvalidRequest"),
        ("base64 of rubbish for a key", base64_of(b"rubbish" * 20), leaf, {}, "privatekey", "InvalidKey"),
        ("base64 of rubbish for a certificate", good, base64_of(b"rubbish" * 20), {}, "certificate", "InvalidCertificate"),
        ("a public key", openssl("pkey", "-in", key, "-pubout").decode(), leaf, {}, "privatekey", "InvalidKey"),
        ("RSA of 1024 bits", weak.read_text(), authority.leaf(weak, hostname), {}, "privatekey", "InvalidKey"),
        ("Ed25519", openssl("genpkey", "-algorithm", "ED25519").decode(), leaf, {}, "privatekey", "InvalidKey"),
        ("a chain that does not fit", good, leaf + other, {}, "certificate", "CertificateRejected"),
        ("a certificate that ended a minute ago", good, authority.leaf(key, hostname, seconds=-60), {}, "certificate",
         "CertificateExpired"),
        ("a wildcard that does not reach so far down", good, authority.leaf(key, "*.com", "*.b.example.com"), {},
         "certificate", "HostnameMismatch"),
    ]


def test_what_cannot_be_imported_names_its_field_and_leaves_nothing(gatecertd, authority):
    hostname = "refused.b-c.example.com"
    for sentence, key, certificate, more, field, code in refused(authority, hostname):
        reply = post(gatecertd.api, hostname, key, certificate, **more)
        assert reply.status == 400, f"{sentence}: {reply.status} {reply.text}"
        error = reply.json()["error"]
        assert error["details"][0]["target"] == f"hostnames[0].{field}", f"{sentence}: {reply.text}"
        assert error["code"] == code, f"{sentence}: {reply.text}"
    assert gatecertd.api.hostname(hostname) is None
    assert sealed(gatecertd) == []


# --- requests that follow one another ---

def test_an_import_replaces_what_was_born_by_acme_and_the_same_again_changes_nothing(stack, gatecertd, authority, hostname):
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    completed(gatecertd.api, accepted(gatecertd.api, hostname, key.read_text(), leaf))
    await_served(stack, hostname, leaf)
    versions = len(stack.azure.certificate(hostname.replace(".", "-"))["versions"])
    assert versions == 2
    completed(gatecertd.api, accepted(gatecertd.api, hostname, key.read_text(), leaf))
    assert len(stack.azure.certificate(hostname.replace(".", "-"))["versions"]) == versions
    none_sealed(gatecertd)


def test_a_later_import_supersedes_one_that_waits(stack, gatecertd, authority, hostname):
    first, second = authority.ec("first"), authority.ec("second")
    await_sealing_key(gatecertd)
    vault_goes_away(stack)
    one = accepted(gatecertd.api, hostname, first.read_text(), authority.leaf(first, hostname))
    assert sealed(gatecertd) == [f"{one['id']}.json"]
    leaf = authority.leaf(second, hostname)
    other = accepted(gatecertd.api, hostname, second.read_text(), leaf)
    assert sealed(gatecertd) == [f"{other['id']}.json"]
    shown = await_end(gatecertd.api, one)
    assert (shown["runtimeStatus"], shown["customStatus"]["error"]) == ("Failed", "Superseded")
    vault_comes_back(stack, gatecertd.api, other)
    completed(gatecertd.api, other, 90)
    await_served(stack, hostname, leaf)
    assert len(imports(stack, hostname)) == 1


def test_the_same_import_sent_twice_is_one_that_both_follow(stack, gatecertd, authority, hostname):
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    await_sealing_key(gatecertd)
    vault_goes_away(stack)
    both = [accepted(gatecertd.api, hostname, key.read_text(), leaf) for _ in range(2)]
    vault_comes_back(stack, gatecertd.api, both[0])
    for one in both:
        completed(gatecertd.api, one, 90)
    assert len(imports(stack, hostname)) == 1
    none_sealed(gatecertd)


def test_terminate_gives_up_an_import_that_waits(stack, gatecertd, authority, hostname):
    key = authority.ec()
    await_sealing_key(gatecertd)
    vault_goes_away(stack)
    started = accepted(gatecertd.api, hostname, key.read_text(), authority.leaf(key, hostname))
    assert sealed(gatecertd) == [f"{started['id']}.json"]
    assert gatecertd.api.post(started["terminatePostUri"].replace("{text}", "enough")).status == 202
    assert sealed(gatecertd) == []
    assert await_end(gatecertd.api, started)["runtimeStatus"] == "Terminated"
    stack.sim.clear_faults()
    wait_for(lambda: gatecertd.api.hostname(hostname) is None, 60, "the hostname is no longer desired")
    assert imports(stack, hostname) == []


# --- DNS ---

def test_a_hostname_that_leads_elsewhere_fails_with_the_documented_code(stack, gatecertd, authority, hostname):
    stack.dns.set_a(hostname, "192.0.2.1")
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    shown = await_end(gatecertd.api, accepted(gatecertd.api, hostname, key.read_text(), leaf))
    assert (shown["runtimeStatus"], shown["customStatus"]["error"], shown["customStatus"]["message"]) == (
        "Failed", "HostnameNotResolvingToApplicationGateway", "Hostname is not resolving to the Application Gateway.")
    assert "192.0.2.1" in shown["output"] and imports(stack, hostname) == []


def test_without_the_dns_check_it_is_imported_before_a_cut_over(stack, gatecertd, authority, hostname):
    stack.dns.set_a(hostname, "192.0.2.1")
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    started = accepted(gatecertd.api, hostname, key.read_text(), leaf, spec={"requireDns": False})
    completed(gatecertd.api, started)
    await_served(stack, hostname, leaf)


# --- kills, and a vault that is away ---

@pytest.mark.parametrize("milliseconds", [0, 1, 5, 25, 100, 300])
def test_what_was_accepted_survives_a_kill(stack, gatecertd, authority, hostname, milliseconds):
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    started = accepted(gatecertd.api, hostname, key.read_text(), leaf)
    time.sleep(milliseconds / 1000)  # luck: no, because any moment is right
    gatecertd.kill()
    gatecertd.start()
    completed(gatecertd.api, started)
    await_served(stack, hostname, leaf)
    none_sealed(gatecertd)
    assert len([one for one in imports(stack, hostname) if one["status"] == 200]) == 1
    assert len(stack.azure.certificate(hostname.replace(".", "-"))["versions"]) == 1


def test_without_ever_having_reached_the_vault_it_says_503(stack, daemon, authority, hostname):
    vault_goes_away(stack)
    gatecertd = daemon().start()
    key = authority.ec()
    reply = gatecertd.api.post(IMPORT, entry(hostname, key.read_text(), authority.leaf(key, hostname)))
    assert (reply.status, reply.json()["error"]["code"]) == (503, "NoSealKey"), reply.text
    assert gatecertd.api.hostname(hostname) is None and sealed(gatecertd) == []


def test_with_a_remembered_key_it_is_taken_while_the_vault_is_away(stack, gatecertd, authority, hostname):
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    await_sealing_key(gatecertd)
    gatecertd.stop()
    vault_goes_away(stack)
    gatecertd.start()
    reply = gatecertd.api.post(IMPORT, entry(hostname, key.read_text(), leaf))
    assert reply.status == 202, reply.text
    path = os.path.join(gatecertd.state_dir, "sealed", f"{reply.json()['id']}.json")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    gatecertd.kill()
    gatecertd.start()
    assert os.path.exists(path)
    vault_comes_back(stack, gatecertd.api, reply.json())
    completed(gatecertd.api, reply.json(), 120)
    await_served(stack, hostname, leaf)
    none_sealed(gatecertd)


DAMAGES = [
    ("no JSON", lambda text: text[:40]),
    ("of another kind", lambda text: text.replace("SealingKey", "Hostname")),
    ("rubbish under the right id", lambda text: re.sub(r'("n":\s*")[^"]{20}', r"\1" + "!" * 20, text)),
]


@pytest.mark.parametrize("damage", [row[1] for row in DAMAGES], ids=[row[0] for row in DAMAGES])
def test_a_damaged_sealing_key_is_fetched_again(stack, gatecertd, authority, hostname, damage):
    key = authority.ec()
    leaf = authority.leaf(key, hostname)
    await_sealing_key(gatecertd)
    gatecertd.stop()
    path = os.path.join(gatecertd.state_dir, "sealed-key.json")
    with open(path, encoding="ascii") as file:
        text = file.read()
    with open(path, "w", encoding="ascii") as file:
        file.write(damage(text))
    gatecertd.start()
    completed(gatecertd.api, accepted(gatecertd.api, hostname, key.read_text(), leaf))
    with open(path, encoding="ascii") as file:
        assert file.read() == text


def test_a_sealed_key_that_was_damaged_is_told(stack, gatecertd, authority, hostname):
    key = authority.ec()
    await_sealing_key(gatecertd)
    vault_goes_away(stack)
    started = accepted(gatecertd.api, hostname, key.read_text(), authority.leaf(key, hostname))
    path = os.path.join(gatecertd.state_dir, "sealed", f"{started['id']}.json")
    with open(path, encoding="ascii") as file:
        text = file.read()
    with open(path, "w", encoding="ascii") as file:
        file.write(re.sub(r'("ciphertext":\s*")....', r"\1AAAA", text))
    vault_comes_back(stack, gatecertd.api, started)
    shown = await_end(gatecertd.api, started, 90)
    assert (shown["runtimeStatus"], shown["customStatus"]["error"]) == ("Failed", "SealBroken"), shown
    assert imports(stack, hostname) == []


# --- its end ---

def test_an_imported_certificate_that_ends_soon_is_warned_of(gatecertd, authority, hostname):
    key = authority.ec()
    started = accepted(gatecertd.api, hostname, key.read_text(), authority.leaf(key, hostname, seconds=29 * DAY))
    completed(gatecertd.api, started)
    expiring = gatecertd.api.condition(hostname, "Expiring")
    assert (expiring["status"], expiring["reason"]) == ("True", "ImportedCertificateExpires")
    assert gatecertd.api.is_ready(hostname)


def test_an_imported_hostname_costs_nothing_at_rest(gatecertd, authority, hostname):
    key = authority.ec()
    completed(gatecertd.api, accepted(gatecertd.api, hostname, key.read_text(), authority.leaf(key, hostname)))
    none_sealed(gatecertd)
    before = cpu_seconds(gatecertd)
    time.sleep(2)  # luck: no, because this is the window in which nothing may happen
    assert cpu_seconds(gatecertd) - before < 0.5


def cpu_seconds(gatecertd):
    with open(f"/proc/{gatecertd.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- no key anywhere ---

PASSWORD = "Kanarienvogel-7Q2xT9"


class Canary:
    """One key, encrypted for the request, and everything by which it would be found."""

    def __init__(self, authority, kind, hostname):
        key = authority.rsa(f"canary-{kind}") if kind == "rsa" else authority.ec(f"canary-{kind}")
        self.leaf = authority.leaf(key, hostname)
        self.plain = key.read_text()
        public = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")  # as it stands in the certificate too
        self.encrypted = openssl("pkcs8", "-topk8", "-in", key, "-v2", "aes-256-cbc", "-passout",
                                 f"pass:{PASSWORD}").decode()
        self.patterns = {}
        for form, text in (("plain", self.plain), ("encrypted", self.encrypted)):
            lines = [line for line in text.splitlines() if "-----" not in line and len(line) == 64]
            self.patterns.update({f"{form} PEM, line {i}": line.encode() for i, line in enumerate(lines)
                                  if base64.b64decode(line) not in public})
        for name, secret in secrets_of(key).items():
            self.patterns.update(canaries(name, secret))
        self.patterns.update(canaries("password", PASSWORD.encode()))

    def found_in(self, content):
        return [what for what, pattern in self.patterns.items() if pattern in content]


def written_by(gatecertd):
    """Every file below the daemon's own directory: state, specs, log."""
    for folder, _, names in os.walk(gatecertd.directory):
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    yield os.path.join(folder, name), file.read()
            except FileNotFoundError:
                continue  # a temporary one, renamed meanwhile


def shown_by(gatecertd, hostname, ids):
    api = gatecertd.api
    for path in [f"{INSTANCES}/{one}?showHistory=true&showHistoryOutput=true" for one in ids] + [
            f"{INSTANCES}?showInput=true", f"/apis/gatecert/v1/hostnames/{hostname}", "/apis/gatecert/v1/instances",
            "/readyz"]:
        yield path, api.get(path).body


def told_by_the_system(gatecertd):
    for name in ("cmdline", "environ"):
        with open(f"/proc/{gatecertd.process.pid}/{name}", "rb") as file:
            yield name, file.read()


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("form", ["plain", "encrypted"])
def test_nothing_that_the_daemon_leaves_holds_the_key(stack, daemon, authority, hostname, kind, form):
    """While it waits, sealed; and after it was imported. With every line of the log, and requests that were refused."""
    gatecertd = daemon(args=["--log-level", "debug"] if has_log_level() else []).start()
    canary = Canary(authority, kind, hostname)
    key = canary.plain if form == "plain" else canary.encrypted
    more = {} if form == "plain" else {"password": PASSWORD}
    await_sealing_key(gatecertd)
    vault_goes_away(stack)
    started = accepted(gatecertd.api, hostname, key, canary.leaf, **more)
    for wrong in (entry("else.example.com", key, canary.leaf, **more), entry(hostname, key[:-60], canary.leaf, **more),
                  {"hostnames": [hostname], "privatekey": key, **more}):
        reply = gatecertd.api.post(IMPORT, wrong)
        assert reply.status == 400 and canary.found_in(reply.body) == []
    check_outside(gatecertd, canary, hostname, started)
    vault_comes_back(stack, gatecertd.api, started)
    completed(gatecertd.api, started, 90)
    none_sealed(gatecertd)
    check_outside(gatecertd, canary, hostname, started)
    check_memory(gatecertd, canary)


def has_log_level():
    shown = subprocess.run([str(BUILD / "gatecertd"), "--help"], capture_output=True, text=True, check=False).stdout
    return "--log-level" in shown


def check_outside(gatecertd, canary, hostname, started):
    for where, content in (*written_by(gatecertd), *shown_by(gatecertd, hostname, [started["id"]]),
                           *told_by_the_system(gatecertd)):
        assert canary.found_in(content) == [], where


def check_memory(gatecertd, canary):
    """As root, whatever the process forbids. A sanitizer's allocator has copies of its own."""
    if os.geteuid() != 0 or "san" in str(BUILD):
        return
    limits = open(f"/proc/{gatecertd.process.pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size\s+0\s+0\s", limits)

    def found():
        return {where: what for where, content in memory_of(gatecertd) if (what := canary.found_in(content))}

    wait_for(lambda: not found(), 60, lambda: f"the key has left the memory: {found()}")


def test_the_search_finds_what_is_there(stack, gatecertd, authority, hostname):
    """The canary test can fail: the certificate itself, which is public, is found."""
    canary = Canary(authority, "ec", hostname)
    completed(gatecertd.api, accepted(gatecertd.api, hostname, canary.plain, canary.leaf))
    serial = serial_of(canary.leaf).encode()
    assert any(serial in content for _, content in written_by(gatecertd))
    assert any(serial in content for _, content in memory_of(gatecertd))
