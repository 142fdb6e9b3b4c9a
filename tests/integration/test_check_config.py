"""gatecertd --check-config: what cannot work, and what hardly can be meant. Needs no server."""

import os
import re

import pytest

from harness.alone import Alone

ZERO = "00000000-0000-0000-0000-000000000000"
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/"
NOBODY = 65534


@pytest.fixture
def alone(tmp_path):
    one = Alone(tmp_path)
    one.specs.mkdir()
    return one


def check(alone, says, is_warning=False):
    """It is said, once, and as what it is."""
    done = alone.run("--check-config")
    found = [line for line in done.stderr.splitlines() if re.search(says, line)]
    assert len(found) == 1, done.stderr
    assert found[0].startswith("warning: ") == is_warning, found[0]
    assert done.returncode == (0 if is_warning else 1), done.stderr


def test_a_configuration_that_is_fine_says_nothing(alone):
    done = alone.run("--check-config")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# (sentence, what is changed, what is said)
ERRORS = [
    ("a tenant that is cut", {"TenantId": "11111111-2222-3333-4444-55555555555"}, "TenantId: is no GUID"),
    ("a tenant in letters", {"TenantId": "common"}, "TenantId: is no GUID"),
    ("another tenant to sign in to", {"AZURE_TENANT_ID": "contoso"}, "AZURE_TENANT_ID: is no GUID"),
    ("a subscription without hyphens", {"SubscriptionId": "1" * 31 + "a"}, "SubscriptionId: .*GUID"),
    ("a GUID in braces", {"SubscriptionId": "{11111111-2222-3333-4444-555555555555}"}, "SubscriptionId: .*GUID"),
    ("an application by its name", {"AZURE_CLIENT_ID": "gatecert"}, "AZURE_CLIENT_ID: is no GUID"),
    ("a path in the container", {"BlobContainerUrl": "https://a1.blob.core.windows.net/acme/.well-known"},
     "BlobContainerUrl: must end with the container"),
    ("a container in upper case", {"BlobContainerUrl": "https://a1.blob.core.windows.net/Acme"},
     "BlobContainerUrl: must be in lower case"),
    ("an account in upper case", {"BlobContainerUrl": "https://A1.blob.core.windows.net/acme"},
     "BlobContainerUrl: must be in lower case"),
    ("a container of two letters", {"BlobContainerUrl": "https://a1.blob.core.windows.net/ac"},
     "BlobContainerUrl: must name a container"),
    ("a static website", {"BlobContainerUrl": "https://a1.z6.web.core.windows.net/acme"},
     "BlobContainerUrl: is the host of a static website"),
    ("a file that is missing", {"CaFile": "/nowhere/ca.pem"}, "CaFile: /nowhere/ca.pem cannot be read"),
    ("a state directory that is missing, and its parent too", {"StateDirectory": "/nowhere/state"},
     "StateDirectory: /nowhere cannot be used"),
]

WARNINGS = [
    ("a vault of another cloud", {"KeyVaultBaseUrl": "https://v.vault.azure.cn"},
     "KeyVaultBaseUrl: belongs to AzureChinaCloud, and Cloud is AzureCloud"),
    ("a vault of this cloud, the cloud being another", {"KeyVaultBaseUrl": "https://v.vault.azure.net",
                                                        "Cloud": "AzureUSGovernment"},
     "KeyVaultBaseUrl: belongs to AzureCloud, and Cloud is AzureUSGovernment"),
    ("an account of another cloud", {"BlobContainerUrl": "https://a1.blob.core.usgovcloudapi.net/acme"},
     "BlobContainerUrl: belongs to AzureUSGovernment"),
    ("a manager of another cloud", {"ArmEndpoint": "https://management.chinacloudapi.cn"},
     "ArmEndpoint: belongs to AzureChinaCloud"),
    ("a tenant of zeros", {"TenantId": ZERO}, "TenantId: is the sample's"),
    ("a subscription of zeros", {"SubscriptionId": ZERO}, "SubscriptionId: is the sample's"),
    ("an application of zeros", {"AZURE_CLIENT_ID": ZERO}, "AZURE_CLIENT_ID: is the sample's"),
    ("example.com with a public CA", {"AcmeEndpoint": LETS_ENCRYPT, "AcmeAccountEmail": "ops@example.com"},
     "AcmeAccountEmail: is the sample's"),
    ("below example.net with another", {"AcmeEndpoint": "https://acme.zerossl.com/v2/DV90",
                                        "AcmeAccountEmail": "ops@mail.Example.NET"}, "AcmeAccountEmail: is the sample's"),
    ("the sample's key", {"ApiKeys": [{"name": "portal", "key": "replace-this-with-a-key-of-the-portal"}]},
     "ApiKeys: has the sample's key"),
    ("the sample's vault", {"KeyVaultBaseUrl": "https://example.vault.azure.net"}, "KeyVaultBaseUrl: looks like the sample"),
    ("the sample's container", {"BlobContainerUrl": "https://example.blob.core.windows.net/acme"},
     "BlobContainerUrl: looks like the sample"),
    ("the sample's address", {"PublicBaseUrl": "https://gatecert.example.com"}, "PublicBaseUrl: looks like the sample"),
    ("keys that others send in the clear", {"Listen": "0.0.0.0:8400", "ApiKeys": "k" * 40}, "Listen: .*without TLS"),
    ("the same on IPv6", {"Listen": "[::]:8400", "ApiKeys": "k" * 40}, "Listen: .*without TLS"),
    ("a certificate file to sign in with that is missing", {"AZURE_CLIENT_SECRET": None,
     "AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere/client.pem"}, "AZURE_CLIENT_CERTIFICATE_PATH: /nowhere/client.pem"),
    ("a key that can be guessed", {"ApiKeys": "k"}, "ApiKeys: .*guessed"),
    ("a directory of spec files that is missing", {"SpecDirectory": "/nowhere"}, "SpecDirectory: /nowhere"),
]


@pytest.mark.parametrize("changes, says", [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_what_cannot_work_is_an_error(alone, changes, says):
    alone.configure(**changes)
    check(alone, f"gatecert\\.yaml:\\d+:\\d+: {says}")


@pytest.mark.parametrize("changes, says", [row[1:] for row in WARNINGS], ids=[row[0] for row in WARNINGS])
def test_what_hardly_can_be_meant_is_a_warning(alone, changes, says):
    alone.configure(**changes)
    check(alone, f"gatecert\\.yaml:\\d+:\\d+: {says}", is_warning=True)


FINE = [
    {"TenantId": "contoso.onmicrosoft.com"},
    {"AcmeEndpoint": "https://ca.corp.example/", "AcmeAccountEmail": "ops@example.com"},
    {"AcmeEndpoint": LETS_ENCRYPT, "AcmeAccountEmail": "ops@notexample.com"},
    {"BlobContainerUrl": "https://a1.blob.core.windows.net/$web"},
    {"BlobContainerUrl": "https://a1.blob.core.windows.net/acme/"},
    {"BlobContainerUrl": "http://127.0.0.1:10000/devstoreaccount1/acme".replace("http:", "https:")},
    {"KeyVaultBaseUrl": "https://v.vault.azure.cn", "Cloud": "AzureChinaCloud"},
    {"Listen": "0.0.0.0:8400", "ApiKeys": "k" * 40, "TrustedProxies": ["10.0.0.7"]},
]


@pytest.mark.parametrize("changes", FINE, ids=lambda changes: " ".join(map(str, changes.values()))[:60])
def test_what_is_fine_is_left_alone(alone, changes):
    alone.configure(**changes)
    done = alone.run("--check-config")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_linked_spec_directory_wants_another_place_for_what_is_posted(alone):
    alone.specs.rmdir()
    (alone.directory / "tree").mkdir()
    alone.specs.symlink_to("tree")
    check(alone, "SpecDirectory: is a link: set ApiSpecDirectory", is_warning=True)
    alone.configure(ApiSpecDirectory=str(alone.directory / "api"))
    assert alone.run("--check-config").stderr == ""


@pytest.fixture
def foreign(alone):
    """As another user than root, who is told by the state directory when root asks."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    for path in (alone.directory, *alone.directory.parents):
        if path.stat().st_uid == 0 and path.stat().st_mode & 0o005 != 0o005:
            path.chmod(path.stat().st_mode | 0o055)
    os.chown(alone.state, NOBODY, NOBODY)
    os.chown(alone.config_path, NOBODY, NOBODY)
    return alone


def test_root_checks_as_the_daemon_s_user(foreign):
    (foreign.specs / "api.d").mkdir()
    os.chown(foreign.specs / "api.d", NOBODY, NOBODY)
    assert foreign.run("--check-config").stderr == ""
    os.chown(foreign.specs / "api.d", 0, 0)
    check(foreign, "SpecDirectory: .*/api.d cannot be written by the daemon: Permission denied.*set ApiSpecDirectory", True)
    os.chown(foreign.specs / "api.d", NOBODY, NOBODY)
    foreign.specs.chmod(0o700)
    check(foreign, "SpecDirectory: .* cannot be read by the daemon", True)
    foreign.specs.chmod(0o755)
    foreign.state.chmod(0o500)
    check(foreign, "StateDirectory: .*/state cannot be written by the daemon: Permission denied")
    foreign.state.chmod(0o700)
    (foreign.directory / "ca.pem").write_text("x")
    (foreign.directory / "ca.pem").chmod(0o600)
    foreign.configure(CaFile=str(foreign.directory / "ca.pem"))
    check(foreign, "CaFile: .*ca.pem cannot be read: Permission denied")
    os.chown(foreign.config_path, 0, 0)
    check(foreign, r"gatecert\.yaml: cannot be read: Permission denied")
