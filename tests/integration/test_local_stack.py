"""hack/stack keeps what it promises: complete, several at once, honest about failure, gone afterwards."""

import os
import re
import shutil
import socket
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from harness import CHECKOUT, LocalStack
from harness.clients import request as http_request

STACK = str(CHECKOUT / "hack" / "stack")

DOCUMENTED = """GATECERT_CONFIG API_URL API_KEY SPEC_DIR STATE_DIR ACME_DIRECTORY ACME_MANAGEMENT ACME_CA_FILE
    ACME_ROOTS DNS_SERVER DNS_ADMIN BLOB_CONTAINER_URL VAULT_URL ARM_ENDPOINT GATEWAY_ID GATEWAY_IP GATEWAY_HTTP_PORT
    GATEWAY_HTTPS_PORT SIM_ADMIN""".split()

TEN_KEYS = """AcmeEndpoint AcmeAccountEmail TenantId SubscriptionId ApplicationGatewayResourceGroup
    ApplicationGatewayName ApplicationGatewayHttpSettingsName ApplicationGatewayBackendName BlobContainerUrl
    KeyVaultBaseUrl""".split()


def command(*args, **env):
    return subprocess.run([STACK, *map(str, args)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, **env}, timeout=180)


def pids(directory):
    """Of every process of the machine that mentions the directory or runs in it."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().decode("utf-8", "replace")
            if str(directory) in words or os.readlink(f"/proc/{name}/cwd").startswith(str(directory)):
                found.append(int(name))
        except OSError:
            continue
    return found


@pytest.fixture
def place(tmp_path):
    """A directory for a stack that a test brings up by hand: a failed test leaves none behind."""
    yield tmp_path / "stack"
    command("down", tmp_path / "stack")


def port_of(url):
    return int(re.search(r":(\d+)(/|\Z)", url)[1])


def connects(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


def test_every_documented_variable_is_there(stack):
    missing = [name for name in DOCUMENTED if not stack.env.get(name)]
    assert missing == []
    assert stack.api_url.startswith("http://127.0.0.1:") and not stack.api_url.endswith("/")


def test_a_shell_reads_stack_env_as_it_stands(stack):
    path = os.path.join(stack.directory, "stack.env")
    shown = subprocess.run(["sh", "-c", '. "$1"; printf %s "$GATEWAY_ID"', "sh", path], capture_output=True, text=True)
    assert shown.stdout == stack.gateway_id


def test_the_configuration_is_complete_and_for_its_owner_alone(stack):
    with open(stack.gatecert_config, encoding="utf-8") as file:
        settings = yaml.safe_load(file)
    assert [key for key in TEN_KEYS if not settings.get(key)] == []
    assert settings["ApiKeys"] == [{"name": "admin", "key": stack.api_key}]
    assert stat.S_IMODE(os.stat(stack.gatecert_config).st_mode) == 0o600


def test_nothing_listens_where_gatecertd_will_and_a_server_can_bind_there(stack):
    port = port_of(stack.api_url)
    assert not connects(port)
    with socket.create_server(("127.0.0.1", port)):
        assert connects(port)


def test_no_other_search_is_given_the_port_of_gatecertd(stack):
    with socket.socket() as sock, pytest.raises(OSError):
        sock.bind(("127.0.0.1", port_of(stack.api_url)))


def test_ports_lie_outside_the_range_of_outgoing_connections(stack):
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first = int(file.read().split()[0])
    assert port_of(stack.api_url) < first
    assert stack.gateway_https_port < first


def test_a_name_resolves_to_the_gateway_unless_a_record_says_otherwise(stack):
    stack.dns.set_a("elsewhere.example.com", "192.0.2.7")
    answers = [stack.dns.query_a(name) for name in ("anything.example.com", "elsewhere.example.com")]
    assert answers == [[stack.gateway_ip], ["192.0.2.7"]]


def test_a_blob_that_is_not_there_is_a_404_without_a_key(stack):
    reply = http_request("GET", stack.blob_container_url + "/.well-known/acme-challenge/none",
                         ca_file=stack.acme_ca_file)
    assert reply.status == 404 and "BlobNotFound" in reply.text


def test_pebble_comes_back_at_its_address_and_its_new_root_is_trusted_first(stack):
    with open(stack.acme_roots, encoding="ascii") as file:
        before = file.read()
    stack.restart("pebble")
    with open(stack.acme_roots, encoding="ascii") as file:
        after = file.read()
    root = http_request("GET", stack.acme_management + "/roots/0", ca_file=stack.acme_ca_file).text.strip()
    assert after.startswith(root) and after.endswith(before) and root not in before
    assert http_request("GET", stack.acme_directory, ca_file=stack.acme_ca_file).status == 200


def test_a_stopped_server_is_gone_and_its_port_stays_ours(stack):
    stack.stop("azurite")
    port = port_of(stack.blob_container_url)
    assert not connects(port)
    with socket.socket() as sock, pytest.raises(OSError):
        sock.bind(("127.0.0.1", port))
    stack.start("azurite")
    test_a_blob_that_is_not_there_is_a_404_without_a_key(stack)


def test_flags_reach_pebble(new_stack):
    keys = '{"kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"}'
    one = new_stack("--pebble-config", "externalAccountBindingRequired=true",
                    "--pebble-config", f"externalAccountMACKeys={keys}")
    directory = http_request("GET", one.acme_directory, ca_file=one.acme_ca_file).json()
    assert directory["meta"]["externalAccountRequired"] is True


def test_several_come_up_at_once_and_go_without_a_trace(tmp_path, request):
    stacks = [LocalStack(tmp_path / f"of-several-{number}") for number in range(3)]
    for one in stacks:
        request.addfinalizer(lambda directory=one.directory: command("down", directory))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: one.up(), stacks))
    ports = [port_of(one.env[name]) for one in stacks for name in ("API_URL", "ACME_DIRECTORY", "SIM_ADMIN")]
    assert len(set(ports)) == len(ports)
    assert len(pids(tmp_path)) >= 12
    for one in stacks:
        one.down()
    assert pids(tmp_path) == []
    assert os.listdir(tmp_path) == []
    assert not any(connects(port) for port in ports)


def test_down_ends_a_stack_whose_servers_were_killed_or_stopped(place):
    one = LocalStack(place).up()
    one.signal("azuresim", "KILL")
    one.signal("pebble", "STOP")
    one.down()
    assert pids(place) == []


def test_down_ends_a_stack_whose_files_were_removed(place):
    one = LocalStack(place).up()
    running = [int(line.split()[1]) for line in command("status", place).stdout.splitlines()]
    shutil.rmtree(place)
    one.down()
    assert len(running) == 5 and not any(os.path.exists(f"/proc/{pid}") for pid in running)


def test_down_leaves_files_that_are_not_its_own(place):
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    one = LocalStack(place).up()
    one.down()
    assert os.listdir(place) == ["notes.txt"]


def test_up_refuses_a_directory_whose_stack_is_running(stack):
    done = command("up", stack.directory)
    assert done.returncode == 1
    assert "is running" in done.stderr and f"hack/stack down {stack.directory}" in done.stderr


def test_a_server_that_does_not_come_up_is_named_with_its_own_words_and_takes_all_down(place, tmp_path):
    build = tmp_path / "build"
    build.mkdir()
    (build / "azuresim").write_text("#!/bin/sh\necho 'the moon is in the wrong phase' >&2\nexit 3\n")
    (build / "azuresim").chmod(0o755)
    done = command("up", place, GATECERT_BUILD=str(build))
    assert done.returncode == 1
    assert "azuresim ended with status 3" in done.stderr and "the moon is in the wrong phase" in done.stderr
    assert pids(place) == []


def test_an_unknown_setting_of_azuresim_is_refused(place):
    done = command("up", place, "--azuresim", "moonPhase=full")
    assert done.returncode == 1
    assert "azuresim" in done.stderr and "moonPhase" in done.stderr


@pytest.mark.parametrize("args, said", [
    (["down", "nowhere"], "holds no stack"),
    (["up", "x", "--pebble-env", "novalue"], "is not K=V"),
])
def test_a_wrong_command_says_what_is_wrong(args, said, tmp_path):
    done = subprocess.run([STACK, *args], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and said in done.stderr
    assert os.listdir(tmp_path) == []
