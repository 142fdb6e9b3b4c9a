"""The private-key endpoint over the wire: every form of key and certificate, everything that is wrong with them."""

import base64
import os
import re
import stat
import subprocess
from types import SimpleNamespace

import pytest

from harness import Gatecertd
from harness.openapi import Description, JudgedApi
from harness.waiting import wait_for

STACK_FLAGS = ["--gateway-update-seconds", "0.3", "--azuresim", "vaultPollSeconds=1"]

IMPORT = "/api/AddCertificateWithPrivateKeyFunctions_HttpStart"
ALIAS = "/api/ImportCertificateFunctions_HttpStart"
START = "/api/AddCertificateFunctions_HttpStart"
INSTANCES = "/runtime/webhooks/durabletask/instances"
DESCRIPTION = Description()


def openssl(*args, stdin=None):
    return subprocess.run(["openssl", *map(str, args)], input=stdin, capture_output=True, check=True).stdout


def base64_of(der):
    return base64.b64encode(der).decode()


class Maker:
    """Keys and certificates, by openssl."""

    def __init__(self, directory):
        self.directory = directory
        self.rsa = self.key("rsa", "RSA", "rsa_keygen_bits:2048")
        self.ec = self.key("ec", "EC", "ec_paramgen_curve:P-256")
        self.other = self.key("other", "EC", "ec_paramgen_curve:P-256")
        self.ca_key = self.key("ca", "EC", "ec_paramgen_curve:P-256")
        self.ca = self.file("ca.crt", openssl("req", "-x509", "-new", "-key", self.ca_key, "-subj", "/CN=Test CA",
                                              "-days", 30, "-addext", "keyUsage=critical,keyCertSign"))

    def file(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return path

    def key(self, name, algorithm, option):
        return self.file(f"{name}.key", openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option))

    def certificate(self, key, *names, days=90):
        """PEM of a leaf of the test CA."""
        san = ",".join(f"DNS:{name}" for name in names)
        request = self.file("leaf.csr", openssl("req", "-new", "-key", key, "-subj", "/", "-addext",
                                                f"subjectAltName={san}"))
        extensions = self.file("leaf.ext", f"subjectAltName={san}\n".encode())
        return openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                       "-days", days, "-extfile", extensions).decode()

    def expired(self, key, name):
        """`openssl x509 -days` knows no past; `ca` does."""
        (self.directory / "index.txt").write_text("")
        (self.directory / "serial").write_text("01\n")
        config = self.file("ca.cnf", f"""[ca]\ndefault_ca=d\n[d]\nnew_certs_dir={self.directory}\nserial={self.directory}/serial
database={self.directory}/index.txt\ndefault_md=sha256\npolicy=p\nx509_extensions=e\n[p]\ncommonName=optional\n[e]
subjectAltName=DNS:{name}\n""".encode())
        request = self.file("old.csr", openssl("req", "-new", "-key", key, "-subj", f"/CN={name}"))
        return openssl("ca", "-batch", "-notext", "-config", config, "-cert", self.ca, "-keyfile", self.ca_key, "-in",
                       request, "-startdate", "20240101000000Z", "-enddate", "20240301000000Z").decode()


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    return Maker(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def importing(stack, tmp_path_factory):
    one = Gatecertd(stack, tmp_path_factory.mktemp("daemon")).start()
    # Until the vault was reached once nothing can be sealed, and the answer is 503.
    wait_for(lambda: any(name.startswith("gatecert-seal") for name in vault_keys(stack)), 60)
    yield one
    one.close()


@pytest.fixture(scope="module")
def api(stack, importing):
    del importing
    return JudgedApi(stack.api_url, stack.api_key, DESCRIPTION)


def vault_keys(stack):
    return re.findall(r'"(gatecert-[a-z-]+)"', str(stack.sim.state()).replace("'", '"'))


def body(hostname, key, certificate, **more):
    return {"hostnames": [{"hostname": hostname, "privatekey": key, "certificate": certificate, **more}]}


def post(api, *args, endpoint=IMPORT, **more):
    reply = wait_for(lambda: settled(api.post(endpoint, body(*args, **more))), 60)
    return reply


def settled(reply):
    """503 is said until the seal key is known."""
    return reply if reply.status != 503 else None


def follow(api, started, wanted, deadline=60):
    path = f"{INSTANCES}/{started['id']}"
    wait_for(lambda: api.get(path).json()["runtimeStatus"] == wanted, deadline, lambda: api.get(path).text)
    return SimpleNamespace(**api.get(f"{path}?showHistory=true").json())


@pytest.fixture(scope="module")
def forms(maker):
    """(sentence, key, certificate, more) of every form that is taken, for form-NUMBER.example.com."""
    names = [f"form-{number}.example.com" for number in range(7)]
    rsa = maker.certificate(maker.rsa, *names)
    ec = maker.certificate(maker.ec, *names)
    encrypted = openssl("pkcs8", "-topk8", "-in", maker.ec, "-passout", "pass:secret words", "-v2", "aes-256-cbc")
    return [
        ("PKCS#8 PEM", maker.rsa.read_text(), rsa, {}),
        ("PKCS#8, base64 of DER", base64_of(openssl("pkcs8", "-topk8", "-nocrypt", "-in", maker.rsa, "-outform", "DER")),
         base64_of(openssl("x509", "-outform", "DER", stdin=rsa.encode())), {}),
        ("PKCS#1 PEM", openssl("rsa", "-in", maker.rsa, "-traditional").decode(), rsa, {}),
        ("SEC1 PEM", openssl("ec", "-in", maker.ec).decode(), ec, {}),
        ("SEC1, base64 of DER", base64_of(openssl("ec", "-in", maker.ec, "-outform", "DER")), ec, {}),
        ("encrypted PKCS#8 with its password", encrypted.decode(), ec, {"password": "secret words"}),
        ("a chain behind the leaf", maker.ec.read_text(), ec + maker.ca.read_text(), {}),
    ]


@pytest.mark.parametrize("number", range(7))
def test_every_form_is_taken(api, forms, importing, number):
    name = f"form-{number}.example.com"
    sentence, key, certificate, more = forms[number]
    reply = post(api, name, key, certificate, **more)
    assert reply.status == 202, f"{sentence}: {reply.text}"
    assert reply.headers["location"] == reply.json()["statusQueryGetUri"]
    done = follow(api, reply.json(), "Completed")
    assert done.name == "AddCertificateWithPrivateKeyFunctions" and done.input == name
    assert "ImportCertificateStep" in [event.get("FunctionName") for event in done.historyEvents]


def test_it_is_served_and_no_certificate_is_ordered(stack, api, maker, hostname):
    certificate = maker.certificate(maker.ec, hostname)
    orders = len(stack.sim.requests("POST", "/create"))
    follow(api, post(api, hostname, maker.ec.read_text(), certificate, endpoint=ALIAS).json(), "Completed")
    assert len(stack.sim.requests("POST", "/create")) == orders
    shown = api.hostname(hostname)["status"]["certificate"]
    assert shown["isImported"] is True and shown["issuer"] == "Test CA"


def test_a_wildcard_is_allowed_here(stack, api, maker):
    reply = post(api, "*.wild.example.com", maker.ec.read_text(), maker.certificate(maker.ec, "*.wild.example.com"),
                 requireDns=False)
    assert reply.status == 202, reply.text
    follow(api, reply.json(), "Completed")


def test_the_same_again_completes_without_a_second_import(stack, api, maker, hostname):
    certificate = maker.certificate(maker.ec, hostname)
    follow(api, post(api, hostname, maker.ec.read_text(), certificate).json(), "Completed")
    imports = len(stack.sim.requests("POST", "/import"))
    follow(api, post(api, hostname, maker.ec.read_text(), certificate).json(), "Completed")
    assert len(stack.sim.requests("POST", "/import")) == imports


@pytest.fixture(scope="module")
def bad_ones(maker):
    """(sentence, key, certificate, more, field, code)."""
    name = "bad.example.com"
    good = maker.certificate(maker.ec, name)
    key = maker.ec.read_text()
    encrypted = openssl("pkcs8", "-topk8", "-in", maker.ec, "-passout", "pass:right", "-v2", "aes-256-cbc").decode()
    return [
        ("no key", None, good, {}, "privatekey", "InvalidRequest"),
        ("an empty key", "", good, {}, "privatekey", "InvalidRequest"),
        ("no certificate", key, None, {}, "certificate", "InvalidRequest"),
        ("a key that is none", "not a key", good, {}, "privatekey", "InvalidKey"),
        ("a certificate that is none", key, "not a certificate", {}, "certificate", "InvalidCertificate"),
        ("an encrypted key without password", encrypted, good, {}, "privatekey", "InvalidKey"),
        ("an encrypted key with another password", encrypted, good, {"password": "wrong"}, "privatekey", "InvalidKey"),
        ("the key of somebody else", maker.other.read_text(), good, {}, "privatekey", "KeyMismatch"),
        ("a certificate for another name", key, maker.certificate(maker.ec, "else.example.com"), {}, "certificate",
         "HostnameMismatch"),
        ("a certificate that has expired", key, maker.expired(maker.ec, name), {}, "certificate", "CertificateExpired"),
    ]


@pytest.mark.parametrize("number", range(10))
def test_what_is_wrong_names_its_field_and_no_secret(api, bad_ones, number):
    sentence, key, certificate, more, field, code = bad_ones[number]
    reply = post(api, "bad.example.com", key, certificate, **more)
    error = reply.json().get("error", {})
    assert reply.status == 400, f"{sentence}: {reply.status} {reply.text}"
    assert (error["code"], error["details"][0]["target"]) == (code, f"hostnames[0].{field}"), f"{sentence}: {reply.text}"
    assert "PRIVATE" not in reply.text and "wrong" not in reply.text.replace("went wrong", "")
    assert api.hostname("bad.example.com") is None


def test_two_hostnames_are_one_too_many(api, maker):
    entry = body("a.example.com", maker.ec.read_text(), "x")["hostnames"][0]
    reply = api.post(IMPORT, {"hostnames": [entry, entry]})
    assert (reply.status, reply.json()["error"]["code"]) == (400, "WrongHostnameCount")


def test_add_certificate_switches_an_imported_hostname_to_the_ca(api, maker, hostname):
    follow(api, post(api, hostname, maker.ec.read_text(), maker.certificate(maker.ec, hostname)).json(), "Completed")
    reply = api.post(START, {"hostnames": [hostname]})
    follow(api, reply.json(), "Completed", 90)
    wait_for(lambda: api.hostname(hostname)["status"]["certificate"]["isImported"] is False, 60)


def test_nothing_that_the_daemon_wrote_holds_the_key(importing, api, maker, stack, hostname):
    """Also while the import waits: the vault refuses, so the sealed key is on the disk."""
    key = maker.ec.read_text()
    stack.dns.set_servfail(hostname)
    started = post(api, hostname, key, maker.certificate(maker.ec, hostname)).json()
    canaries = [line for line in key.splitlines() if len(line) > 40 and "PRIVATE" not in line]
    assert canaries
    files = [os.path.join(folder, name) for folder, _, names in os.walk(importing.directory) for name in names]
    assert any("sealed" in path for path in files)
    for path in files:
        try:
            with open(path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            continue  # a temporary one, renamed meanwhile
        assert not any(canary.encode() in content for canary in canaries), path
        if "sealed" in path:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    shown = api.get(f"{INSTANCES}/{started['id']}?showHistory=true&showHistoryOutput=true").text
    assert not any(canary in shown for canary in canaries)
    api.post(f"{INSTANCES}/{started['id']}/terminate")
    wait_for(lambda: not any("sealed" in folder and started["id"] in " ".join(names)
                             for folder, _, names in os.walk(importing.state_dir)), 60)
