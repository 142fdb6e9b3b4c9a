"""The documentation is true: every example is applied, every table is compared with the source of what it says."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from harness import BUILD, CHECKOUT, self_signed, wait_for

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
MANIFESTS = CHECKOUT / "manifests"
EXAMPLES = sorted((MANIFESTS / "examples").iterdir())

TEN_KEYS = """AcmeEndpoint AcmeAccountEmail TenantId SubscriptionId ApplicationGatewayResourceGroup
    ApplicationGatewayName ApplicationGatewayHttpSettingsName ApplicationGatewayBackendName BlobContainerUrl
    KeyVaultBaseUrl""".split()


# --- helpers ---


def section(title, text=README):
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"README.md has no section {title}"
    return found[1]


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def rows(text):
    """The cells of the first table, without its head and without back quotes."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def is_spec(text):
    return "kind: Hostname" in text or "hostnames:" in text


def hostnames_of(path_or_text):
    """The hostnames that a spec names, as IDNA has them."""
    names = []
    for document in yaml.safe_load_all(path_or_text):
        if "hostnames" in document:
            names += [one if isinstance(one, str) else one["hostname"] for one in document["hostnames"]]
        else:
            names.append(document["metadata"]["name"])
    return sorted(name.encode("idna").decode("ascii") for name in names)


def gatecertd(*args, env=None):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    return subprocess.run([str(BUILD / "gatecertd"), *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env={**clean, **(env or {})}, timeout=60)


def config_table():
    """(key, default, help) of the table that the daemon itself reads."""
    source = (CHECKOUT / "cmd/gatecertd/config_fields.c").read_text(encoding="utf-8")
    table = source[source.index("const struct field config_fields[]"):source.index("config_environment_fields[]")]
    found = []
    for name, body in re.findall(r'\{\.name = "(\w+)",(.*?)\},\n', table, re.DOTALL):
        fallback = re.search(r'\.fallback = "([^"]*)"', body)
        default = "required" if "REQUIRED" in body else fallback[1] if fallback else ""
        found.append([name, default, "".join(re.findall(r'"([^"]*)"', body[body.index(".help ="):]))])
    assert len(found) > 40
    return found


def config_lines():
    """The keys of manifests/gatecert.yaml in order, each with the text behind it."""
    text = (MANIFESTS / "gatecert.yaml").read_text(encoding="utf-8")
    return re.findall(r"^#([A-Za-z_]+): (.*)$", text, re.MULTILINE)


def machine(tmp_path):
    """For the keys that name files: some that are there."""
    _, certificate = self_signed(tmp_path, "ca.test")
    files = ("CaFile", "TlsCertificateFile", "TlsKeyFile", "TlsClientCaFile", "AZURE_CLIENT_CERTIFICATE_PATH",
             "AZURE_FEDERATED_TOKEN_FILE")
    return {"SpecDirectory": str(tmp_path), "ApiSpecDirectory": str(tmp_path / "api.d"), **dict.fromkeys(files, certificate)}


def check(tmp_path, text, *args, env=None):
    path = tmp_path / "gatecert.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return gatecertd("--config", path, *args, env=env)


# What nobody can mean, and what is put there instead.
SAMPLES = [("00000000-0000-0000-0000-000000000000", "11111111-2222-3333-4444-555555555555"),
           ("operations@example.com", "operations@contoso.com"), ("//example.", "//contoso."),
           ("gatecert.example.com", "gatecert.contoso.com"), ("replace-this-with", "one-that-i-made")]


def filled_in(text):
    for sample, own in SAMPLES:
        text = text.replace(sample, own)
    return text


# --- the configuration ---


def test_readme_s_configuration_table_is_the_daemon_s():
    assert rows(section("Configuration")) == config_table()


def test_openapi_s_server_is_where_the_daemon_listens_by_default():
    described = yaml.safe_load((MANIFESTS / "openapi.yaml").read_text(encoding="utf-8"))
    listen = next(default for key, default, _ in config_table() if key == "Listen")
    assert described["servers"] == [{"url": f"http://{listen}"}]


def test_readme_s_configuration_is_accepted(tmp_path):
    configurations = [block for block in blocks("yaml") if not is_spec(block)]
    assert len(configurations) == 1
    for text in configurations:
        said = check(tmp_path, filled_in(text), "--check-config", env={"SpecDirectory": str(tmp_path)})
        assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
        said = check(tmp_path, text, "--check-config", env={"SpecDirectory": str(tmp_path)})
        assert re.findall(r"^warning: .*: (\w+): .* the sample's", said.stderr, re.MULTILINE) == [
            "TenantId", "SubscriptionId", "AcmeAccountEmail", "BlobContainerUrl", "KeyVaultBaseUrl"]


def test_the_installed_configuration_has_every_key_and_its_default():
    shown = {key: yaml.safe_load(value) for key, value in config_lines()}
    assert sorted(shown) == sorted(key for key, _, _ in config_table())
    assert [key for key, _ in config_lines()][:10] == TEN_KEYS
    for key, default, _ in config_table():
        if default and default != "required":
            assert shown[key] == yaml.safe_load(default), key


def test_the_installed_configuration_is_accepted_once_the_ten_keys_are_filled(tmp_path):
    text = (MANIFESTS / "gatecert.yaml").read_text(encoding="utf-8")
    filled = re.sub(rf"^#({'|'.join(TEN_KEYS)}): ", r"\1: ", text, flags=re.MULTILINE)
    said = check(tmp_path, filled_in(filled), "--check-config", env={"SpecDirectory": str(tmp_path)})
    assert (said.returncode, said.stderr) == (0, "")


def test_the_installed_configuration_as_it_is_names_the_ten_keys(tmp_path):
    said = check(tmp_path, (MANIFESTS / "gatecert.yaml").read_text(encoding="utf-8"), "--check-config")
    assert said.returncode == 1
    assert re.findall(r": (\w+): required", said.stderr) == TEN_KEYS


def test_every_line_of_the_installed_configuration_is_valid(tmp_path):
    text = (MANIFESTS / "gatecert.yaml").read_text(encoding="utf-8")
    said = check(tmp_path, filled_in(re.sub(r"^#([A-Za-z_]+: )", r"\1", text, flags=re.MULTILINE)), "--check-config",
                 env=machine(tmp_path))
    assert (said.returncode, said.stderr) == (0, "")


def in_environment(key, value):
    value = yaml.safe_load(value)
    if key == "ApiKeys":
        return "portal=a-key-of-the-portal-s-own"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def test_every_key_may_come_from_the_environment(tmp_path):
    said = check(tmp_path, "{}", "--check-config",
                 env={key: filled_in(in_environment(key, value)) for key, value in config_lines()} | machine(tmp_path))
    assert (said.returncode, said.stderr) == (0, "")


# --- spec files ---


@pytest.fixture
def reader(daemon):
    """A daemon that reads specs and reaches nobody, so that examples are judged by reading alone."""
    return daemon(config={"DnsServers": ["127.0.0.1:9"]})


def assert_in_force(reader, hostnames):
    def report():
        specs = reader.api.get("/readyz").json()["specs"]
        return specs if specs["hostnames"] == len(hostnames) else None
    specs = wait_for(report, describe=lambda: reader.api.get("/readyz").text)
    assert specs["problems"] == []
    items = reader.api.get("/apis/gatecert/v1/hostnames").json()["items"]
    assert sorted(one["metadata"]["name"] for one in items) == hostnames
    return {one["metadata"]["name"]: one for one in items}


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_an_example_is_a_spec_without_a_problem(reader, path):
    reader.drop_spec(path.name, path.read_text(encoding="utf-8"))
    reader.start()
    found = assert_in_force(reader, hostnames_of(path.read_text(encoding="utf-8")))
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        if "metadata" in document:
            one = found[document["metadata"]["name"].encode("idna").decode("ascii")]
            assert one["metadata"].get("labels", {}) == document["metadata"].get("labels", {})
            assert one["spec"] == (document.get("spec") or {})


def test_all_examples_may_stand_in_one_directory(reader):
    texts = {path.name: path.read_text(encoding="utf-8") for path in EXAMPLES}
    for name, text in texts.items():
        reader.drop_spec(name, text)
    reader.start()
    assert_in_force(reader, sorted(sum((hostnames_of(text) for text in texts.values()), [])))


def test_readme_s_specs_are_specs_without_a_problem(reader):
    specs = [block for block in blocks("yaml") if is_spec(block)]
    assert len(specs) == 3
    for number, text in enumerate(specs):
        reader.drop_spec(f"{number}.yaml", text)
    reader.start()
    assert_in_force(reader, sorted(sum((hostnames_of(text) for text in specs), [])))


def test_an_example_with_a_mistake_would_be_found(reader):
    reader.drop_spec("wrong.yaml", EXAMPLES[0].read_text(encoding="utf-8").replace("metadata:", "metdata:"))
    reader.start()
    assert wait_for(lambda: reader.api.get("/readyz").json()["specs"]["problems"])


# --- the HTTP API ---


def test_readme_s_curl_commands_do_what_it_says(gatecertd, stack):
    script = "set -eu\n" + "\n".join(blocks("sh", section("HTTP API")))
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={"PATH": os.environ["PATH"], "API_URL": stack.api_url, "API_KEY": stack.api_key})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    decoder, said, at = json.JSONDecoder(), [], 0
    while at < len(done.stdout.rstrip()):
        value, at = decoder.raw_decode(done.stdout, at)
        said.append(value)
        at += len(done.stdout[at:]) - len(done.stdout[at:].lstrip())
    started = said[0]
    documented = json.loads(blocks("json", section("HTTP API"))[0])
    assert list(started) == list(documented)
    assert started["input"] == "shop.example.com" and started["name"] == documented["name"]
    kinds = [one.get("kind") for one in said]
    assert kinds[1:4] == ["HostnameList", "HostnameList", "Hostname"]
    assert "GatewayList" in kinds
    assert said[-1]["status"] == "ready" and said[-2]["status"] == "ok"
    assert gatecertd.api.hostname("blog.example.com") is None


def test_readme_knows_every_condition_and_no_other():
    text = (CHECKOUT / "pkg/api/condition.h").read_text(encoding="utf-8")
    declared = set(re.findall(r'#define CONDITION_\w+\s+"(\w+)"', text))
    table = {row[0] for row in rows(section("Reading a status"))}
    assert table == declared - {"GatewayWritable"}
    assert "`GatewayWritable`" in section("Reading a status")


def test_every_reason_that_readme_names_is_one():
    source = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "pkg").rglob("*.[ch]"))
    # Azure's own codes become reasons as they are.
    known = {"ForbiddenByRbac", "AuthorizationFailed"} | set(re.findall(r'"([A-Z][A-Za-z]+)"', source))
    named = {word for row in rows(section("Reading a status")) for cell in row[1:]
             for word in re.findall(r"\b[A-Z][a-z]*[A-Z]\w+\b", cell)}
    named |= set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", section("What to do when ...") + section("Limits")))
    named -= {"DNS", "SpecDirectory", "CA"}
    assert named - known == set()
    assert len(named) > 20


# --- help and man page ---


def man_options():
    text = (MANIFESTS / "man/gatecertd.8").read_text(encoding="utf-8")
    part = text[text.index(".SH OPTIONS"):text.index(".SH SIGNALS")]
    plain = part.replace(r"\fI", "").replace(r"\fR", "").replace(r"\-", "-")
    return re.findall(r"^\.TP\n\.B (.*)\n(.*)$", plain, re.MULTILINE)


def test_the_man_page_s_options_are_those_of_help():
    said = gatecertd("--help")
    assert said.returncode == 0
    assert man_options() == re.findall(r"^  (--\S+(?: [A-Z]+)?) {2,}(.*)$", said.stdout, re.MULTILINE)
    assert len(man_options()) >= 5


@pytest.mark.skipif(not shutil.which("man"), reason="no man on this machine")
def test_man_renders_the_page_without_a_warning():
    said = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(MANIFESTS / "man/gatecertd.8")],
                          capture_output=True, text=True, env={**os.environ, "MANWIDTH": "80"})
    assert (said.returncode, said.stderr) == (0, "")


def test_the_version_is_the_same_everywhere():
    version = gatecertd("--version").stdout.split()[1]
    assert f'"gatecert {version}"' in (MANIFESTS / "man/gatecertd.8").read_text(encoding="utf-8")
    assert version in (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")


# --- links, roles ---


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "pkg/README.md", "tests/README.md", "manifests/azure/README.md"]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_link_leads_somewhere(path):
    text = (CHECKOUT / path).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
                       for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (CHECKOUT / path).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("path", [*DOCUMENTS, "Makefile", ".clang-format", ".clang-tidy", "hack/packages", "hack/setup",
                                  "tests/world/README.md"])
def test_what_is_told_to_be_run_is_there(path):
    """Targets of make, and scripts and tables of hack."""
    text = (CHECKOUT / path).read_text(encoding="utf-8")
    rules = "\n".join(one.read_text(encoding="utf-8") for one in (CHECKOUT / "Makefile", *CHECKOUT.glob("hack/*.mk")))
    targets = {word.split("%")[0] for line in re.findall(r"^([a-z][a-z %-]*):(?!=)", rules, re.MULTILINE)
               for word in line.split()}
    told = re.findall(r"(?:[`\"]|^|&& |^#   )make ((?:[A-Z]+=(?:'[^']*'|[^\s']+) )*)([a-z][a-z-]*)", text, re.MULTILINE)
    missing = {name for _, name in told if name not in targets and not name.startswith("fuzz-")}
    assert not missing, f"{path} tells of make {', '.join(sorted(missing))}"
    for script in re.findall(r"\bhack/([a-z][a-z0-9_.-]*[a-z0-9_])", text):
        assert (CHECKOUT / "hack" / script).exists(), f"{path} tells of hack/{script}"


@pytest.mark.parametrize("path", sorted((MANIFESTS / "azure").glob("role-*.json")), ids=lambda path: path.stem)
def test_a_role_asks_for_no_wildcard_no_secret_and_no_more_kinds_than_one(path):
    role = json.loads(path.read_text(encoding="utf-8"))
    asked = role["Actions"] + role["DataActions"]
    assert asked and len(asked) == len(set(asked))
    assert not [one for one in asked if "*" in one or "secrets" in one.lower() or one.lower().startswith("microsoft.auth")]
    assert bool(role["Actions"]) != bool(role["DataActions"])
    assert role["IsCustom"] is True and role["Name"] and role["Description"] and role["AssignableScopes"]


def test_the_bicep_file_takes_its_roles_from_the_json_files():
    bicep = (MANIFESTS / "azure/roles.bicep").read_text(encoding="utf-8")
    loaded = re.findall(r"loadJsonContent\('([^']+)'\)", bicep)
    assert sorted(loaded) == sorted(path.name for path in (MANIFESTS / "azure").glob("role-*.json"))
    for name in loaded:
        assert f"`{name}`" in (MANIFESTS / "azure/README.md").read_text(encoding="utf-8")
