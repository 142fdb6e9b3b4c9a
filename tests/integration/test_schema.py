"""The JSON Schemas for editors are the daemon's own tables: as printed, and of one opinion with the daemon itself."""

import copy
import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness import BUILD, CHECKOUT, Gatecertd

MANIFESTS = CHECKOUT / "manifests"
SCHEMAS = MANIFESTS / "schema"
EXAMPLES = sorted((MANIFESTS / "examples").iterdir())
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
MODELINE = re.compile(r"^# yaml-language-server: \$schema=(\S+)$", re.MULTILINE)

NATIVE = {"apiVersion": "gatecert/v1", "kind": "Hostname", "metadata": {"name": "shop.example.com"}}
TEN = {
    "AcmeEndpoint": "https://ca.example/", "AcmeAccountEmail": "operations@example.com",
    "TenantId": "00000000-0000-0000-0000-000000000000", "SubscriptionId": "00000000-0000-0000-0000-000000000000",
    "ApplicationGatewayResourceGroup": "web", "ApplicationGatewayName": "web-gateway",
    "ApplicationGatewayHttpSettingsName": "default-settings", "ApplicationGatewayBackendName": "default-pool",
    "BlobContainerUrl": "https://example.blob.core.windows.net/acme",
    "KeyVaultBaseUrl": "https://example.vault.azure.net",
}


def gatecertd(*args):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    return subprocess.run([str(BUILD / "gatecertd"), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env=clean, timeout=60)


def judge_of(kind):
    schema = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


SPEC, CONFIG = judge_of("spec"), judge_of("config")


def complaints(judge, value):
    return [f"{error.json_path}: {error.message}" for error in judge.iter_errors(value)]


def changed(base, path, value):
    """A copy with the member at a dotted path set, or taken out by ... (Ellipsis)."""
    whole = node = copy.deepcopy(base)
    *above, last = path.split(".")
    for name in above:
        node = node.setdefault(name, {})
    if value is ...:
        del node[last]
    else:
        node[last] = value
    return whole


# --- the files ---


@pytest.mark.parametrize("kind", ["spec", "config"])
def test_a_schema_is_what_the_daemon_prints(kind):
    printed = gatecertd("--print-schema", kind)
    assert (printed.returncode, printed.stderr) == (0, "")
    committed = (SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert committed == printed.stdout, "the tables have changed: run make schema"


@pytest.mark.parametrize("argument, says", [("both", "takes spec or config"), ("", "needs a value")])
def test_there_are_no_other_schemas(argument, says):
    printed = gatecertd("--print-schema", argument)
    assert (printed.returncode, printed.stdout) == (2, "") and says in printed.stderr


def test_every_member_is_described():
    def members(schema, path):
        for name, member in schema.get("properties", {}).items():
            yield f"{path}.{name}", member
            yield from members(member, f"{path}.{name}")
            yield from members(member.get("items", {}), f"{path}.{name}[]")
    found = {**dict(members(CONFIG.schema, "config")),
             **dict(members(SPEC.schema["$defs"]["native"], "native")),
             **dict(members(SPEC.schema["$defs"]["short"], "short"))}
    assert len(found) > 50
    assert [path for path, member in found.items() if not member.get("description")] == []


# --- what is right ---


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_passes_and_names_its_schema(path):
    text = path.read_text(encoding="utf-8")
    documents = list(yaml.safe_load_all(text))
    assert documents and [complaints(SPEC, document) for document in documents] == [[]] * len(documents)
    if path.suffix != ".json":
        assert (path.parent / MODELINE.search(text)[1]).resolve() == SCHEMAS / "spec.schema.json"


def test_readme_s_files_pass_and_its_modelines_name_the_schemas():
    blocks = re.findall(r"^```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    judged = [complaints(SPEC if "kind: Hostname" in block or "hostnames:" in block else CONFIG, document)
              for block in blocks for document in yaml.safe_load_all(block)]
    assert len(judged) >= 3 and judged == [[]] * len(judged)
    named = MODELINE.findall(README)
    assert named and {name.rpartition("/")[2] for name in named} <= {path.name for path in SCHEMAS.iterdir()}


def test_the_installed_configuration_passes_line_by_line_and_names_its_schema():
    text = (MANIFESTS / "gatecert.yaml").read_text(encoding="utf-8")
    assert MODELINE.search(text)[1].endswith("/config.schema.json")
    whole = yaml.safe_load(re.sub(r"^#([A-Za-z_]+: )", r"\1", text, flags=re.MULTILINE))
    assert set(whole) == set(CONFIG.schema["properties"])
    assert complaints(CONFIG, whole) == []


def test_the_local_stack_s_configuration_passes(stack):
    configuration = yaml.safe_load((Path(stack.directory) / "gatecert.yaml").read_text(encoding="utf-8"))
    assert len(configuration) > 10 and complaints(CONFIG, configuration) == []


# --- what the daemon and the schema both take, and both refuse ---

# (sentence, what is changed of the ten keys, to what)
RIGHT_CONFIGS = [
    ("nothing", "AcmeEndpoint", "https://ca.example/"),
    ("an endpoint with port and path", "AcmeEndpoint", "https://ca.example:14000/acme/dir"),
    ("a tenant by its domain", "TenantId", "example.onmicrosoft.com"),
    ("a resource group with brackets", "ApplicationGatewayResourceGroup", "rg-web_1(eu)"),
    ("a vault with a slash", "KeyVaultBaseUrl", "https://example.vault.azure.net/"),
    ("a container with a slash", "BlobContainerUrl", "https://example.blob.core.windows.net/acme/"),
    ("a public base of http", "PublicBaseUrl", "http://gatecert.corp:8080/base"),
    ("an IPv6 address to listen on", "Listen", "[::1]:8400"),
    ("localhost to listen on", "Listen", "localhost:8400"),
    ("one DNS server as a text", "DnsServers", "10.0.0.1"),
    ("several DNS servers", "DnsServers", ["10.0.0.1:53", "[2001:db8::1]:53", "2001:db8::2"]),
    ("a key alone", "ApiKeys", "0123456789abcdef0123456789abcdef"),
    ("a list of keys", "ApiKeys", ["0123456789abcdef", "portal=0123456789abcdefg"]),
    ("a list of maps", "ApiKeys", [{"name": "portal", "key": "0123456789abcdef", "readOnly": True,
                                    "hostnames": "example.com"}]),
    ("a map of keys", "ApiKeys", {"portal": "0123456789abcdef", "other": "0123456789abcdefg"}),
    ("the key of the account in a file", "AcmeAccountKey", "file:/var/lib/account.pem"),
    ("a choice", "SelfCheck", "advisory"),
    ("a policy", "NamePolicy", "public"),
    ("a number at its end", "Workers", 64),
    ("a boolean that is a choice", "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", True),
    ("the same as text", "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "true"),
    ("another cloud", "Cloud", "AzureChinaCloud"),
    ("a socket", "UnixSocket", "/run/gatecert/api.sock"),
    ("no socket", "UnixSocket", "none"),
]

WRONG_CONFIGS = [
    ("a key that there is none of", "AcmeEndpoin", "https://ca.example/"),
    ("a key in lower case", "workers", 8),
    ("an endpoint without TLS", "AcmeEndpoint", "http://ca.example/"),
    ("an endpoint that is no URL", "AcmeEndpoint", "ca.example"),
    ("an endpoint with a query", "AcmeEndpoint", "https://ca.example/?a=b"),
    ("an endpoint with a user", "AcmeEndpoint", "https://me@ca.example/"),
    ("two addresses", "AcmeAccountEmail", "a@example.com,b@example.com"),
    ("an address with mailto", "AcmeAccountEmail", "mailto:a@example.com"),
    ("no address", "AcmeAccountEmail", "operations"),
    ("a subscription by its name", "SubscriptionId", "production"),
    ("a gateway by its id", "ApplicationGatewayName", "/subscriptions/0/resourceGroups/web"),
    ("a resource group with a dot at the end", "ApplicationGatewayResourceGroup", "web."),
    ("a container that is none", "BlobContainerUrl", "https://example.blob.core.windows.net/"),
    ("a container with a SAS", "BlobContainerUrl", "https://example.blob.core.windows.net/acme?sig=x"),
    ("a vault with a path", "KeyVaultBaseUrl", "https://example.vault.azure.net/certificates"),
    ("a path that is not absolute", "SpecDirectory", "hostnames.d"),
    ("a port alone", "Listen", ":8400"),
    ("a socket that is not absolute", "UnixSocket", "nonesuch"),
    ("a socket whose path is too long", "UnixSocket", "/" + 107 * "x"),
    ("an address alone", "Listen", "127.0.0.1"),
    ("a DNS server by its name", "DnsServers", ["dns.example.com"]),
    ("text for a number", "Workers", "eight"),
    ("a number in quotes", "Workers", "8"),
    ("a number too low", "Workers", 0),
    ("a number too high", "Workers", 65),
    ("a fraction", "Workers", 1.5),
    ("a number for text", "TaskHub", 7),
    ("a task hub with a space", "TaskHub", "my hub"),
    ("text for a boolean", "AllowAnonymousStart", "perhaps"),
    ("a boolean in quotes", "AllowAnonymousStart", "true"),
    ("a choice that there is none of", "SelfCheck", "sometimes"),
    ("a key type that there is none of", "KeyType", "RSA-1024"),
    ("the default that a spec alone has", "KeyType", "Default"),
    ("a policy that there is none of", "NamePolicy", "strict"),
    ("a cloud that there is none of", "Cloud", "AzureGermanCloud"),
    ("an account key nowhere", "AcmeAccountKey", "disk"),
    ("an account key at a relative path", "AcmeAccountKey", "file:account.pem"),
    ("a list for text", "CaFile", ["/etc/ssl/a.pem", "/etc/ssl/b.pem"]),
    ("a key with another member", "ApiKeys", [{"name": "portal", "key": "0123456789abcdef", "rights": "all"}]),
    ("a key without its name", "ApiKeys", [{"key": "0123456789abcdef"}]),
    ("a key with a space in its name", "ApiKeys", [{"name": "the portal", "key": "0123456789abcdef"}]),
    ("a key with a space", "ApiKeys", [{"name": "portal", "key": "0123 456789abcdef"}]),
    ("a map as a hostname of a key", "ApiKeys", [{"name": "portal", "key": "0123456789abcdef", "hostnames": {}}]),
]


def check_config(tmp_path, configuration):
    path = tmp_path / "gatecert.yaml"
    path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    path.chmod(0o600)
    return gatecertd("--config", path, "--check-config")


@pytest.mark.parametrize("sentence, path, value", RIGHT_CONFIGS, ids=[row[0] for row in RIGHT_CONFIGS])
def test_a_right_configuration_passes(tmp_path, sentence, path, value):
    configuration = changed(TEN, path, value)
    said = check_config(tmp_path, configuration)
    assert said.returncode == 0, f"{sentence}: {said.stderr}"
    assert complaints(CONFIG, configuration) == [], sentence


@pytest.mark.parametrize("sentence, path, value", WRONG_CONFIGS, ids=[row[0] for row in WRONG_CONFIGS])
def test_a_wrong_configuration_does_not(tmp_path, sentence, path, value):
    configuration = changed(TEN, path, value)
    assert check_config(tmp_path, configuration).returncode == 1, sentence
    assert complaints(CONFIG, configuration), sentence


RIGHT_SPECS = [
    ("the least", NATIVE),
    ("labels, annotations and a key type", changed(changed(NATIVE, "metadata.labels", {"team": "web"}),
                                                   "spec.keyType", "EC-P256")),
    ("a status, which is ignored", changed(NATIVE, "status", {"step": "Completed"})),
    ("capitals and a dot", changed(NATIVE, "metadata.name", "SHOP2.Example.COM.")),
    ("an umlaut", changed(NATIVE, "metadata.name", "b\u00fccher.example.com")),
    ("ideographic full stops", changed(NATIVE, "metadata.name", "\u4f8b\u3048\u3002\u30c6\u30b9\u30c8")),
    ("the short form", {"hostnames": ["a.example.com", {"hostname": "b.example.com"}]}),
    ("the short form of nothing", {"hostnames": []}),
]

WRONG_SPECS = [
    ("a list", [NATIVE]),
    ("a text", "shop.example.com"),
    ("nothing but a kind", {"kind": "Hostname"}),
    ("another version", changed(NATIVE, "apiVersion", "gatecert/v2")),
    ("another kind", changed(NATIVE, "kind", "Ingress")),
    ("no metadata", changed(NATIVE, "metadata", ...)),
    ("no name", changed(NATIVE, "metadata", {"labels": {"team": "web"}})),
    ("metadata misspelt", changed(changed(NATIVE, "metadata", ...), "metdata", {"name": "shop.example.com"})),
    ("a member of the spec misspelt", changed(NATIVE, "spec.keytype", "EC-P256")),
    ("a key type that there is none of", changed(NATIVE, "spec.keyType", "RSA-1024")),
    ("a label that is a number", changed(NATIVE, "metadata.labels", {"tier": 1})),
    ("labels as a list", changed(NATIVE, "metadata.labels", ["web"])),
    ("a name that is a number", changed(NATIVE, "metadata.name", 7)),
    ("a name without a dot", changed(NATIVE, "metadata.name", "localhost")),
    ("a name with a space", changed(NATIVE, "metadata.name", "shop .example.com")),
    ("a URL", changed(NATIVE, "metadata.name", "https://shop.example.com/")),
    ("a wildcard", changed(NATIVE, "metadata.name", "*.example.com")),
    ("two dots", changed(NATIVE, "metadata.name", "shop..example.com")),
    ("a private key", changed(NATIVE, "privatekey", "x")),
    ("the short form beside another member", {"hostnames": ["a.example.com"], "spec": {}}),
    ("the short form as a text", {"hostnames": "a.example.com"}),
    ("an entry with a key", {"hostnames": [{"hostname": "a.example.com", "privatekey": "x"}]}),
    ("an entry of another member", {"hostnames": [{"name": "a.example.com"}]}),
    ("an entry that is no hostname", {"hostnames": ["a_b.example.com"]}),
]


@pytest.fixture(scope="module")
def problems(stack, tmp_path_factory):
    """The names of all files above that the daemon complains of; each is read on its own."""
    one = Gatecertd(stack, tmp_path_factory.mktemp("daemon"), config={"DnsServers": ["127.0.0.1:9"]})
    for group, table in (("right", RIGHT_SPECS), ("wrong", WRONG_SPECS)):
        for number, (_, document) in enumerate(table):
            # Each right one under a name of its own, or they would be in each other's way.
            text = yaml.safe_dump(document, allow_unicode=True)
            path = one.drop_spec(f"{group}-{number}.yaml", text.replace("shop.example", f"{group}-{number}.example"))
            # A young file may be half-written, and would be read at the second look alone.
            os.utime(path, (1000000000, 1000000000))
    one.start()
    try:
        specs = one.api.get("/readyz").json()["specs"]
        assert specs["files"] == len(RIGHT_SPECS) + len(WRONG_SPECS)
        yield {problem["file"].rpartition("/")[2] for problem in specs["problems"] if not problem["isWarning"]}
    finally:
        one.close()


@pytest.mark.parametrize("number", range(len(RIGHT_SPECS)), ids=[row[0] for row in RIGHT_SPECS])
def test_a_right_spec_passes(problems, number):
    assert complaints(SPEC, RIGHT_SPECS[number][1]) == []
    assert f"right-{number}.yaml" not in problems


@pytest.mark.parametrize("number", range(len(WRONG_SPECS)), ids=[row[0] for row in WRONG_SPECS])
def test_a_wrong_spec_does_not(problems, number):
    assert complaints(SPEC, WRONG_SPECS[number][1])
    assert f"wrong-{number}.yaml" in problems
