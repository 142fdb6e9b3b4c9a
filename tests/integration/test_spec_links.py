"""Spec directories and files behind symbolic links, as git-sync and kubelet publish them. Needs no server."""

import os
import shutil
import time

import pytest

from harness import wait_for
from harness.alone import Alone

SECONDS = 60
OLD = (1_600_000_000, 1_600_000_000)
SECRET = "hunter2hunter2"


@pytest.fixture
def alone(tmp_path):
    one = Alone(tmp_path)
    yield one
    one.close()


def write_tree(path, *hostnames):
    path.mkdir(parents=True)
    for hostname in hostnames:
        file = path / f"{hostname.split('.')[0]}.yaml"
        file.write_text(f"hostnames: [{hostname}]\n")
        os.utime(file, OLD)


def swap(link, target):
    temporary = link.with_name("..swap")
    temporary.symlink_to(target)
    temporary.rename(link)


def wait_for_desired(alone, wanted, never_without):
    """Until it is so; until then those that stay are desired all the time."""
    until = time.monotonic() + SECONDS
    while (now := alone.desired()) != sorted(wanted):
        assert never_without <= set(now) and time.monotonic() < until, (now, alone.log())
        time.sleep(0.02)  # luck: no, because it is a poll


def test_a_work_tree_is_swapped_as_git_sync_does(alone):
    root = alone.directory / "git"
    write_tree(root / "one" / "sites", "stays.example.com", "goes.example.com")
    (root / "link").symlink_to("one")
    alone.specs.symlink_to(root / "link" / "sites")
    alone.start()
    assert alone.desired() == ["goes.example.com", "stays.example.com"]
    stays = alone.api.hostname("stays.example.com")["metadata"]["uid"]
    for number, name in enumerate(("two", "three")):
        write_tree(root / name / "sites", "stays.example.com", f"comes-{number}.example.com")
        swap(root / "link", name)
        shutil.rmtree(root / ("one", "two")[number])
        wait_for_desired(alone, ["stays.example.com", f"comes-{number}.example.com"], {"stays.example.com"})
    assert alone.api.hostname("stays.example.com")["metadata"]["uid"] == stays
    assert alone.report()["heldBack"] is None and alone.report()["problems"] == []
    assert "not as expected" not in alone.log()


def test_a_volume_is_swapped_as_kubelet_does_with_the_directory_behind_a_link_too(alone):
    volume = alone.directory / "volume"
    write_tree(volume / "..1", "stays.example.com", "goes.example.com")
    (volume / "..data").symlink_to("..1")
    for name in ("stays.yaml", "goes.yaml"):
        (volume / name).symlink_to(f"..data/{name}")
    alone.specs.symlink_to(volume)
    alone.start()
    assert alone.desired() == ["goes.example.com", "stays.example.com"]
    write_tree(volume / "..2", "stays.example.com", "comes.example.com")
    swap(volume / "..data", "..2")
    (volume / "comes.yaml").symlink_to("..data/comes.yaml")
    (volume / "goes.yaml").unlink()
    shutil.rmtree(volume / "..1")
    wait_for_desired(alone, ["stays.example.com", "comes.example.com"], {"stays.example.com"})
    assert alone.report()["problems"] == []


def test_what_is_not_read_and_what_may_not_be_is_said_once_and_not_quoted(alone):
    alone.specs.mkdir()
    (alone.directory / "secret").write_text(f"AZURE_CLIENT_SECRET: {SECRET}\n{SECRET}: x\nhostnames: [{SECRET}]\n")
    (alone.specs / "link.yaml").symlink_to("../secret")
    (alone.specs / "null.yaml").symlink_to("/dev/null")
    (alone.specs / "loop.yaml").symlink_to("loop.yaml")
    (alone.specs / "directory.yaml").mkdir()
    (alone.specs / "sub").mkdir()
    for name in ("site.YAML", "site.conf", "site"):
        (alone.specs / name).write_text("hostnames: [lost.example.com]\n")
    alone.start()
    odd = ["link.yaml", "null.yaml", "loop.yaml", "directory.yaml", "sub", "site.YAML", "site.conf", "site"]

    def told():
        return sorted(os.path.basename(one["file"]) for one in alone.report()["problems"])

    wait_for(lambda: set(told()) == set(odd), SECONDS, lambda: f"all are said: {told()}")
    (alone.specs / "good.yaml").write_text("hostnames: [good.example.com]\n")
    wait_for(lambda: alone.desired() == ["good.example.com"], SECONDS)
    for name in odd:
        assert alone.log().count(f"{alone.specs}/{name}:") == 1, alone.log()
    assert {one["isWarning"] for one in alone.report()["problems"]
            if os.path.basename(one["file"]) in ("sub", "site.YAML", "site.conf", "site")} == {True}
    assert SECRET not in alone.log() and SECRET not in alone.api.get("/readyz").text


# (sentence, the text of the file and the body, what both say of it)
COMMAS = [
    ("behind a member", '{"apiVersion": "gatecert/v1", "kind": "Hostname", "metadata": {"name": "a.example.com"},}',
     (1, 88), "a comma too many: '}' follows it"),
    ("behind an element", '{"apiVersion": "gatecert/v1",\n"kind": ["Hostname",]}', (2, 20),
     "a comma too many: ']' follows it"),
]


@pytest.mark.parametrize("text, place, says", [row[1:] for row in COMMAS], ids=[row[0] for row in COMMAS])
def test_a_comma_too_many_is_told_alike_in_a_file_and_over_the_api(alone, text, place, says):
    alone.specs.mkdir()
    (alone.specs / "a.json").write_text(text)
    os.utime(alone.specs / "a.json", OLD)
    alone.start()
    problem, = alone.report()["problems"]
    assert ((problem["line"], problem["column"]), problem["message"]) == (place, says)
    reply = alone.api.request("PUT", "/apis/gatecert/v1/hostnames/a.example.com", body=text.encode())
    assert reply.status == 400 and f"line {place[0]}, column {place[1]}: {says}" in reply.text, reply.text
