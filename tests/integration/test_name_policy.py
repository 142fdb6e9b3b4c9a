"""NamePolicy, from the configuration to files and API alike."""

import subprocess

import pytest

from harness import BUILD, wait_for

START = "/api/AddCertificateFunctions_HttpStart"
WHY = "it does not end in a public suffix, so no public CA certifies it (NamePolicy is public)"
UNREACHED = {"DnsServers": ["127.0.0.1:9"]}


def spec_of(name):
    return f"apiVersion: gatecert/v1\nkind: Hostname\nmetadata:\n  name: {name}\n"


def report(one):
    return one.api.get("/readyz").json()["specs"]


def test_public_refuses_in_files_and_over_the_api_with_the_same_words(daemon):
    one = daemon(config={**UNREACHED, "NamePolicy": "public"})
    one.drop_spec("corp.yaml", spec_of("shop.corp.internal"))
    one.drop_spec("shop.yaml", spec_of("shop.example.com"))
    one.start()
    problems = wait_for(lambda: report(one)["problems"])
    assert [problem["message"] for problem in problems] == [f"is not a valid hostname: {WHY}"]
    assert problems[0]["file"].endswith("/corp.yaml") and problems[0]["line"] == 4
    wait_for(lambda: one.api.hostname("shop.example.com"))
    assert one.api.hostname("shop.corp.internal") is None
    for reply in (one.api.post(START, {"hostnames": ["shop.corp.internal"]}),
                  one.api.request("PUT", "/apis/gatecert/v1/hostnames/shop.corp.internal", {})):
        assert (reply.status, reply.json()["error"]["code"]) == (400, "InvalidHostname")
        assert WHY in reply.json()["error"]["message"]
    assert one.api.post(START, {"hostnames": ["blog.example.com"]}).status == 202


def test_a_reload_changes_the_policy_and_takes_nothing_away(daemon):
    one = daemon(config=UNREACHED)
    one.drop_spec("corp.yaml", spec_of("shop.corp.internal"))
    one.start()
    wait_for(lambda: one.api.hostname("shop.corp.internal"))
    assert one.api.post(START, {"hostnames": ["blog.corp.internal"]}).status == 202
    one.configure(NamePolicy="public")
    one.reload()
    wait_for(lambda: len(report(one)["problems"]) == 2, describe=lambda: str(report(one)))
    assert one.api.post(START, {"hostnames": ["wiki.corp.internal"]}).status == 400
    assert one.api.hostname("shop.corp.internal") and one.api.hostname("blog.corp.internal")
    wait_for(lambda: (one.api.condition("shop.corp.internal", "SpecValid") or {}).get("status") == "False")
    assert one.api.delete("/apis/gatecert/v1/hostnames/blog.corp.internal").status == 200
    one.configure(NamePolicy="syntax")
    one.reload()
    wait_for(lambda: report(one)["problems"] == [], describe=lambda: str(report(one)))
    assert one.api.post(START, {"hostnames": ["wiki.corp.internal"]}).status == 202
    assert one.api.hostname("blog.corp.internal") is None


@pytest.mark.parametrize("endpoint, policy", [("https://acme-v02.api.letsencrypt.org/", "public"),
                                              ("https://acme-staging-v02.api.letsencrypt.org/directory", "public"),
                                              ("https://ca.example/directory", "syntax")])
def test_the_default_follows_the_ca(daemon, endpoint, policy):
    one = daemon(config={"AcmeEndpoint": endpoint})
    printed = subprocess.run([BUILD / "gatecertd", "--config", one.config_path, "--print-config"], check=True,
                             capture_output=True, text=True, env={})
    assert f'NamePolicy: "{policy}"' in printed.stdout.splitlines()
