"""Every way to wish for a hostname leads to a served site, and what else stands on the gateway stays as it was."""

import json
import os

import pytest

from harness import Gatecertd, gateway_without, wait_for

STACK_FLAGS = ["--gateway-update-seconds", "1", "--azuresim", "vaultPollSeconds=1"]

READY_SECONDS = 90


def native(name, **spec):
    return {"apiVersion": "gatecert/v1", "kind": "Hostname", "metadata": {"name": name}, "spec": spec}


# (sentence, file, content, the hostnames that it makes desired)
FORMS = [
    ("a native document in YAML", "native.yaml",
     "apiVersion: gatecert/v1\nkind: Hostname\nmetadata:\n  name: native.example.com\n", ["native.example.com"]),
    ("a native document in JSON", "native.json", json.dumps(native("native-json.example.com")),
     ["native-json.example.com"]),
    ("a file that ends in .yml", "short.yml", "hostnames: [yml.example.com]\n", ["yml.example.com"]),
    ("several documents in one file", "several.yaml",
     "---\n" + json.dumps(native("first.example.com")) + "\n---\n" + json.dumps(native("second.example.com")) + "\n",
     ["first.example.com", "second.example.com"]),
    ("the short form with bare strings", "strings.yaml", "hostnames:\n  - bare.example.com\n  - other.example.com\n",
     ["bare.example.com", "other.example.com"]),
    ("the short form with objects", "objects.yaml", "hostnames:\n  - hostname: object.example.com\n",
     ["object.example.com"]),
    ("the short form in JSON, as the documented body", "body.json", '{"hostnames": [{"hostname": "body.example.com"}]}',
     ["body.example.com"]),
    ("capitals and a trailing dot", "loud.yaml", "hostnames: [LOUD.Example.COM.]\n", ["loud.example.com"]),
    ("a name in letters beyond ASCII", "idn.yaml", "hostnames: [b\u00fccher.example.com]\n",
     ["xn--bcher-kva.example.com"]),
    ("names that are one name in the vault", "collision.yaml", "hostnames: [a-b.example.com, a.b.example.com]\n",
     ["a-b.example.com", "a.b.example.com"]),
    ("a name too long for the gateway's own", "long.yaml", f"hostnames: [{'long-' * 12}x.{'name-' * 8}y.example.com]\n",
     [f"{'long-' * 12}x.{'name-' * 8}y.example.com"]),
    ("an alias of another name", "alias.yaml", "hostnames: [alias.example.com]\n", ["alias.example.com"]),
]

# What the daemon of `forms` is to serve.
WISHED = [hostname for row in FORMS for hostname in row[3]] + ["posted.example.com", "both-ways.example.com",
                                                              "fine.example.com"]

REFUSED = [
    ("a wildcard, which http-01 cannot prove", "wildcard.yaml",
     'hostnames:\n  - fine.example.com\n  - "*.example.com"\n', "wildcard.yaml:3:"),
    ("a private key, which belongs in no file", "key.yaml",
     "hostnames:\n  - hostname: key.example.com\n    privatekey: x\n", "key.yaml:3:"),
    ("an address", "address.yaml", "hostnames: [192.0.2.1]\n", "address.yaml:1:"),
    ("a member that is unknown", "unknown.yaml", json.dumps(native("unknown.example.com", keySize=4096)),
     "unknown.yaml:1:"),
]


@pytest.fixture(scope="module")
def daemon_of_all(stack, tmp_path_factory):
    one = Gatecertd(stack, tmp_path_factory.mktemp("forms"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def forms(stack, daemon_of_all):
    """A daemon that was given every form at once, and two hostnames by POST."""
    stack.dns.set_cname("alias.example.com", "target.example.net")
    daemon_of_all.before = stack.azure.gateway()
    daemon_of_all.start()
    for _, file, content, _ in FORMS + REFUSED:
        daemon_of_all.drop_spec(file, content)
    daemon_of_all.posted = daemon_of_all.api.add_certificates("posted.example.com")
    daemon_of_all.both = daemon_of_all.api.add_certificates("both-ways.example.com")
    daemon_of_all.drop_spec("both.yaml", "hostnames: [both-ways.example.com]\n")
    return daemon_of_all


# --- ways to wish ---

@pytest.mark.parametrize("sentence, file, content, hostnames", FORMS, ids=[row[0] for row in FORMS])
def test_every_form_is_served(stack, forms, sentence, file, content, hostnames):
    forms.wait_ready(*hostnames, deadline=READY_SECONDS)
    for hostname in hostnames:
        served = stack.fetch_https(hostname)
        assert (served.status, served.names) == (200, [hostname]), sentence
        assert forms.api.hostname(hostname)["status"]["step"] == "Completed"


def test_a_posted_hostname_is_served_and_its_instance_completes(stack, forms):
    forms.wait_ready("posted.example.com")
    wait_for(lambda: forms.api.instance(forms.posted)["runtimeStatus"] == "Completed")
    assert stack.fetch_https("posted.example.com").names == ["posted.example.com"]


def test_a_hostname_wished_both_ways_is_one_hostname_and_the_file_owns_it(forms):
    forms.wait_ready("both-ways.example.com")
    wait_for(lambda: forms.api.instance(forms.both)["runtimeStatus"] == "Completed")
    wait_for(lambda: forms.api.hostname("both-ways.example.com")["status"]["source"]["file"].endswith("/both.yaml"))
    assert not os.path.exists(os.path.join(forms.spec_dir, "api.d", "both-ways.example.com.json"))
    names = [one["metadata"]["name"] for one in forms.api.get("/apis/gatecert/v1/hostnames").json()["items"]]
    assert names.count("both-ways.example.com") == 1


@pytest.mark.parametrize("sentence, file, content, place", REFUSED, ids=[row[0] for row in REFUSED])
def test_what_a_file_may_not_say_is_reported_with_its_place(forms, sentence, file, content, place):
    wait_for(lambda: place in forms.log(), describe=f"{sentence}: the log names {place}")
    problems = forms.api.get("/readyz").json()["specs"]["problems"]
    assert [one for one in problems if one["file"].endswith(file) and one["line"] and not one["isWarning"]], problems


def test_a_refused_entry_makes_no_hostname_and_the_one_beside_it_goes_on(stack, forms):
    names = [one["metadata"]["name"] for one in forms.api.get("/apis/gatecert/v1/hostnames").json()["items"]]
    assert not {"*.example.com", "key.example.com", "192.0.2.1", "unknown.example.com"} & set(names)
    forms.wait_ready("fine.example.com")
    assert stack.fetch_https("fine.example.com").status == 200


def test_colliding_names_have_certificates_of_their_own(stack, forms):
    pair = ["a-b.example.com", "a.b.example.com"]
    forms.wait_ready(*pair)
    kept = [forms.api.hostname(name)["status"]["certificate"]["vaultName"] for name in pair]
    assert len(set(kept)) == 2 and "a-b-example-com" in kept
    for hostname, name in zip(pair, kept):
        assert stack.azure.certificate(name)["versions"][0]["tags"]["Hostname"] == hostname


def test_each_certificate_was_made_once(stack, forms):
    forms.wait_ready(*WISHED)
    for hostname in WISHED:
        name = forms.api.hostname(hostname)["status"]["certificate"]["vaultName"]
        assert len(stack.azure.certificate(name)["versions"]) == 1, hostname


def names_by_collection(document):
    return {collection: [one["name"] for one in elements] for collection, elements in document["properties"].items()
            if isinstance(elements, list)}


def test_foreign_parts_of_the_gateway_are_as_they_were(stack, forms):
    forms.wait_ready(*WISHED)
    after = stack.azure.gateway()
    before_names, after_names = names_by_collection(forms.before), names_by_collection(after)
    added = {collection: set(names) - set(before_names.get(collection, ()))
             for collection, names in after_names.items()}
    assert {collection: len(names) for collection, names in added.items() if names} == {
        "sslCertificates": len(WISHED), "httpListeners": len(WISHED), "requestRoutingRules": len(WISHED)}
    ours = set().union(*added.values())
    assert gateway_without(after, ours) == gateway_without(forms.before, ())
    never = stack.sim.state()["never"]
    assert (never["foreignChanged"], never["putWithoutIfMatch"]) == (0, 0), never["last"]


def test_the_blobs_of_all_challenges_are_gone(stack, forms):
    wait_for(lambda: stack.azure.blobs() == [], describe="the container is empty")
