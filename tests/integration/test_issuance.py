"""An issuance: the key asked for, names that lead elsewhere, what is adopted, and what all of it costs."""

import os
import re
import time

import pytest

from harness import fetch_https, self_signed, wait_for

# No rejected nonces, as requests are counted here.
STACK_FLAGS = ["--pebble-env", "PEBBLE_WFE_NONCEREJECT=0", "--gateway-update-seconds", "1",
               "--azuresim", "vaultPollSeconds=1", "--azuresim", "rsaKeys=reuse"]

SIGN = r"^/keys/gatecert-acme-account/[0-9a-f]+/sign\?"
GATEWAY = r"/applicationGateways/gateway\?"
SETTLED_SECONDS = 6


# --- keys ---

def test_a_key_on_request_is_ec_p256(stack, gatecertd, hostname):
    gatecertd.wish(hostname, keyType="EC-P256")
    gatecertd.wait_ready(hostname)
    certificate = gatecertd.api.hostname(hostname)["status"]["certificate"]
    policy = stack.azure.certificate(certificate["vaultName"])["versions"][0]["policy"]["key_props"]
    assert (certificate["keyType"], policy["kty"], policy["crv"]) == ("EC-P256", "EC", "P-256")
    assert stack.fetch_https(hostname).names == [hostname]


# --- names ---

def test_an_address_elsewhere_costs_the_ca_nothing_and_mends_itself(stack, gatecertd, hostname):
    stack.dns.set_aaaa(hostname, "2001:db8::7")
    stack.sim.clear_requests()
    gatecertd.wish(hostname)
    wait_for(lambda: gatecertd.api.condition(hostname, "DnsResolved")["status"] == "False")
    condition = gatecertd.api.condition(hostname, "DnsResolved")
    assert condition["reason"] == "WrongTarget"
    assert "2001:db8::7" in condition["message"] and stack.dns_server in condition["message"]
    assert stack.sim.requests("POST", SIGN) == []
    stack.dns.clear_aaaa(hostname)
    gatecertd.wait_ready(hostname)


# --- a gateway that sends everybody to https ---

def redirect_to_https(stack, hostname):
    """On port 80, for this hostname; on port 443 whoever has no listener meets a certificate of somebody else."""
    ours = stack.gateway_id

    def listener(name, port, **more):
        return {"name": name, "properties": {
            "frontendIPConfiguration": {"id": f"{ours}/frontendIPConfigurations/appgw-public-ip"},
            "frontendPort": {"id": f"{ours}/frontendPorts/{port}"}, **more}}

    def rule(name, priority, to, **more):
        return {"name": name, "properties": {
            "priority": priority, "httpListener": {"id": f"{ours}/httpListeners/{to}"}, **more}}

    def add(document):
        properties = document["properties"]
        properties["httpListeners"] += [
            listener("to-https", "port-80", protocol="Http", hostName=hostname),
            listener("any-https", "port-443", protocol="Https",
                     sslCertificate={"id": f"{ours}/sslCertificates/foreign-uploaded-cert"})]
        properties["redirectConfigurations"].append({"name": "to-https", "properties": {
            "redirectType": "Permanent", "targetUrl": f"https://{hostname}:{stack.gateway_https_port}",
            "includePath": True, "includeQueryString": True}})
        properties["requestRoutingRules"] += [
            rule("to-https", 19000, "to-https", ruleType="Basic",
                 redirectConfiguration={"id": f"{ours}/redirectConfigurations/to-https"}),
            rule("any-https", 19001, "any-https", ruleType="PathBasedRouting",
                 urlPathMap={"id": f"{ours}/urlPathMaps/acme-challenge"})]

    stack.azure.change_gateway(add)


def test_the_challenge_is_found_behind_a_redirect_to_https(stack, gatecertd, hostname):
    """As the CA finds it: whatever certificate is there."""
    redirect_to_https(stack, hostname)
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    assert stack.fetch_https(hostname).names == [hostname]


# --- what the documented function made ---

@pytest.fixture
def inherited(stack, tmp_path):
    """A certificate, listener and rule under the documented names; returns the hostname and its certificate's file."""
    hostname = f"shop-{time.time_ns()}.example.com"
    plain = hostname.replace(".", "-")
    pem, file = self_signed(tmp_path, hostname)
    stack.azure.import_certificate(plain, pem, {"Hostname": hostname, "Issuer": "https://acme.example/dir"})
    ours = stack.gateway_id

    def add(document):
        properties = document["properties"]
        properties["sslCertificates"].append({"name": plain, "properties": {
            "keyVaultSecretId": f"{stack.vault_url}/secrets/{plain}/"}})
        properties["httpListeners"].append({"name": f"{plain}-listener", "properties": {
            "frontendIPConfiguration": {"id": f"{ours}/frontendIPConfigurations/appgw-public-ip"},
            "frontendPort": {"id": f"{ours}/frontendPorts/port-443"}, "protocol": "Https", "hostName": hostname,
            "requireServerNameIndication": True, "sslCertificate": {"id": f"{ours}/sslCertificates/{plain}"}}})
        taken = {one["properties"]["priority"] for one in properties["requestRoutingRules"]}
        properties["requestRoutingRules"].append({"name": f"{plain}-rule", "properties": {
            "ruleType": "Basic", "priority": next(n for n in range(100, 20000) if n not in taken),
            "httpListener": {"id": f"{ours}/httpListeners/{plain}-listener"},
            "backendAddressPool": {"id": f"{ours}/backendAddressPools/appgw-backend"},
            "backendHttpSettings": {"id": f"{ours}/backendHttpSettingsCollection/appgw-http-settings"}}})

    stack.azure.change_gateway(add)
    return hostname, file


def test_what_the_documented_function_made_is_adopted_as_it_stands(stack, gatecertd, inherited):
    hostname, file = inherited
    before = stack.azure.gateway()
    stack.sim.clear_requests()
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    certificate = gatecertd.api.hostname(hostname)["status"]["certificate"]
    assert certificate["vaultName"] == hostname.replace(".", "-")
    assert [one for one in stack.sim.requests() if one["method"] != "GET" and "/oauth2/" not in one["path"]] == []
    assert stack.azure.gateway() == before
    assert len(stack.azure.certificate(certificate["vaultName"])["versions"]) == 1
    assert fetch_https(stack, hostname, roots=file).serial == certificate["serial"]


# --- what it costs ---

def wait_until_quiet(stack, seconds=1.0):
    """Until azuresim was asked nothing for a while."""
    seen = {"count": -1, "since": 0.0}

    def quiet():
        count = len(stack.sim.requests())
        if count != seen["count"]:
            seen.update(count=count, since=time.monotonic())
        return time.monotonic() - seen["since"] >= seconds

    wait_for(quiet, 60)


def in_log(stack, name, pattern):
    with open(os.path.join(stack.directory, "logs", name), encoding="utf-8", errors="replace") as file:
        return re.findall(pattern, file.read())


def vault_calls(stack):
    """What was asked about certificates, without their names."""
    return [f"{one['method']} {'/'.join(one['path'].split('?')[0].split('/')[3:])}".strip()
            for one in stack.sim.requests(None, "^/certificates/")]


def test_one_issuance_stays_in_its_budget_of_requests(stack, gatecertd, hostname):
    """The account is known and the gateway was read: what is left is what a hostname costs."""
    gatecertd.wish("warm-" + hostname)
    gatecertd.wait_ready("warm-" + hostname)
    wait_until_quiet(stack)
    stack.sim.clear_requests()
    acme = len(in_log(stack, "pebble.log", "POST /"))
    blobs = len(in_log(stack, "azurite.log", '"(?:PUT|DELETE) '))
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    wait_until_quiet(stack)
    sim = stack.sim
    # A slow CA is asked more often whether it is done; each question is signed.
    asked = in_log(stack, "pebble.log", r"POST (/[\w-]+)")[acme:]
    polls = len([one for one in asked if one == "/my-order"])
    assert (len(asked) - polls, polls >= 2) == (5, True), asked
    assert len(sim.requests("POST", SIGN)) == len(asked)
    assert vault_calls(stack) == ["GET", "POST create", "POST pending/merge"]
    assert len(sim.requests("PUT", GATEWAY)) == 1
    assert len(sim.requests("GET", GATEWAY)) <= 2
    assert len(sim.requests(None, "/publicIPAddresses/")) == 0
    assert len(in_log(stack, "azurite.log", '"(?:PUT|DELETE) ')) - blobs == 2


def snapshot(directory):
    """Every file with what a write would change."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            status = os.stat(os.path.join(folder, name))
            found[os.path.join(folder, name)] = (status.st_ino, status.st_mtime_ns, status.st_size)
    return found


def test_a_settled_hostname_costs_no_request_and_no_write(stack, gatecertd, hostname):
    gatecertd.wish(hostname, "second-" + hostname)
    gatecertd.wait_ready(hostname, "second-" + hostname)
    wait_until_quiet(stack)
    stack.sim.clear_requests()
    acme, before = in_log(stack, "pebble.log", "POST /"), snapshot(gatecertd.state_dir)
    assert before
    until = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < until:
        assert stack.sim.requests() == []
        assert snapshot(gatecertd.state_dir) == before
        time.sleep(0.1)  # luck: no, because this is the window in which nothing may happen
    assert in_log(stack, "pebble.log", "POST /") == acme


def test_forty_five_at_once_are_two_updates_of_the_gateway(stack, gatecertd, hostname):
    names = [f"n{number}-{hostname}" for number in range(45)]
    wait_until_quiet(stack)
    stack.sim.clear_requests()
    gatecertd.wish(*names, keyType="EC-P256")
    gatecertd.wait_ready(*names, deadline=150)
    assert 1 <= len(stack.sim.requests("PUT", GATEWAY)) <= 2
    assert len(stack.sim.requests("POST", r"^/certificates/[^/]+/create\?")) == 45
    for name in names:
        assert stack.fetch_https(name).names == [name]
