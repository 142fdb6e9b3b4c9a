"""The spec directory, over the wire: every way to save a file, files that say nothing sensible, and files that vanish.

All names lead elsewhere unless a test says otherwise: what is desired can be seen without anything being issued.
"""

import os
import re
import signal
import subprocess
import time

import pytest

from harness import wait_for

STACK_FLAGS = ["--gateway-update-seconds", "1", "--azuresim", "vaultPollSeconds=1"]

ELSEWHERE = "192.0.2.1"
SHARDS = 2
STEADY_SECONDS = 4  # more than the two looks that a removal takes
BROKEN = "hostnames:\n  - one.example.com\n bad: [\n"


@pytest.fixture(autouse=True, scope="module")
def names_lead_elsewhere(stack):
    stack.dns.set_default(ELSEWHERE)


def items(gatecertd):
    reply = gatecertd.api.get("/apis/gatecert/v1/hostnames")
    assert reply.status == 200, reply.text
    return reply.json()["items"]


def desired(gatecertd):
    """{hostname: label "round"}"""
    return {one["metadata"]["name"]: one["metadata"].get("labels", {}).get("round") for one in items(gatecertd)}


def wait_for_desired(gatecertd, wanted, deadline=60):
    wait_for(lambda: desired(gatecertd) == wanted, deadline, lambda: f"{wanted} is desired; it is {desired(gatecertd)}")


def assert_steady(gatecertd, wanted, seconds=STEADY_SECONDS):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert desired(gatecertd) == wanted
        time.sleep(0.1)  # luck: no, because it is in a window in which nothing may change


def specs(gatecertd):
    return gatecertd.api.get("/readyz").json()["specs"]


def documents(*hostnames, label="1"):
    return "".join("---\napiVersion: gatecert/v1\nkind: Hostname\n"
                   f"metadata:\n  name: {hostname}\n  labels: {{round: '{label}'}}\n" for hostname in hostnames)


# --- ways to save ---


def write_in_place(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def write_slowly(path, text):
    """A few bytes at a time, as over a slow line; for a second most of it is not there."""
    with open(path, "w", encoding="utf-8") as file:
        step = len(text) // 25 + 1
        for at in range(0, len(text), step):
            file.write(text[at:at + step])
            file.flush()
            time.sleep(0.04)  # luck: no, because slow writing is the case


def rename_into_place(path, text):
    folder, name = os.path.split(path)
    write_in_place(os.path.join(folder, f"{name}.tmp"), text)
    os.rename(os.path.join(folder, f"{name}.tmp"), path)


def vim(path, text):
    """Swap file, probe, the old file made a backup, a new one written, the backup removed."""
    folder, name = os.path.split(path)
    swap, probe, backup = (os.path.join(folder, one) for one in (f".{name}.swp", "4913", f"{name}~"))
    write_in_place(swap, text)
    write_in_place(probe, "")
    os.unlink(probe)
    if os.path.exists(path):
        os.rename(path, backup)
    write_in_place(path, text)
    if os.path.exists(backup):
        os.unlink(backup)
    os.unlink(swap)


def rsync(path, text):
    """A hidden file with a random end, given the old time of its source, then renamed."""
    folder, name = os.path.split(path)
    hidden = os.path.join(folder, f".{name}.Xq3vTa")
    write_in_place(hidden, text)
    os.utime(hidden, (1_600_000_000, 1_600_000_000))
    os.rename(hidden, path)


def move_from_elsewhere(path, text):
    """mv across file systems is a copy."""
    memory = os.environ.get("GATECERT_SHM", "/dev/shm")
    source = os.path.join(memory, f"gatecert-{os.getpid()}-{os.path.basename(path)}")
    write_in_place(source, text)
    subprocess.run(["mv", source, path], check=True)


def move_from_beside(path, text):
    source = os.path.join(os.path.dirname(os.path.dirname(path)), os.path.basename(path))
    write_in_place(source, text)
    subprocess.run(["mv", source, path], check=True)


def copy_with_times(path, text):
    source = os.path.join(os.path.dirname(os.path.dirname(path)), "source-" + os.path.basename(path))
    write_in_place(source, text)
    os.utime(source, (1_500_000_000, 1_500_000_000))
    subprocess.run(["cp", "-p", source, path], check=True)


def swap_data(path, text):
    """As the volumes of Kubernetes: the file is a link through ..data, and ..data is swapped."""
    folder, name = os.path.split(path)
    version = f"..{time.time_ns()}"
    os.mkdir(os.path.join(folder, version))
    write_in_place(os.path.join(folder, version, name), text)
    os.symlink(version, os.path.join(folder, "..data_tmp"))
    os.rename(os.path.join(folder, "..data_tmp"), os.path.join(folder, "..data"))
    if not os.path.islink(path):
        os.symlink(os.path.join("..data", name), path)


def replace_link(path, text):
    folder, name = os.path.split(path)
    target = os.path.join(os.path.dirname(folder), f"{time.time_ns()}-{name}")
    write_in_place(target, text)
    subprocess.run(["ln", "-sfn", target, path], check=True)


WAYS = [write_in_place, write_slowly, rename_into_place, vim, rsync, move_from_elsewhere, move_from_beside,
        copy_with_times, swap_data, replace_link]


@pytest.mark.parametrize("save", WAYS, ids=[one.__name__ for one in WAYS])
def test_every_way_to_save_arrives_whole_and_nothing_else_does(gatecertd, hostname, save):
    first, second, third = (f"{number}-{hostname}" for number in (1, 2, 3))
    path = os.path.join(gatecertd.spec_dir, "sites.yaml")
    allowed = {first, second, third}
    for label, names in (("a", [first, second]), ("b", [first, second, third]), ("c", [first, second, third])):
        save(path, documents(*names, label=label))
        wanted = {name: label for name in names}
        until = time.monotonic() + 60
        while (now := desired(gatecertd)) != wanted:
            assert set(now) <= allowed and time.monotonic() < until, now
            time.sleep(0.02)  # luck: no, because it is a poll
    assert specs(gatecertd)["problems"] == []
    assert "problem in a spec file" not in gatecertd.log()


def test_an_entry_that_is_dropped_is_a_removal(gatecertd, hostname):
    names = [f"{number}-{hostname}" for number in (1, 2, 3)]
    gatecertd.drop_spec("sites.yaml", documents(*names))
    wait_for_desired(gatecertd, dict.fromkeys(names, "1"))
    gatecertd.drop_spec("sites.yaml", documents(names[0], names[2], label="2"))
    wait_for_desired(gatecertd, {names[0]: "2", names[2]: "2"})


def test_a_slow_writer_never_loses_or_truncates_a_hostname(gatecertd, hostname):
    names = [f"{number}-{hostname}" for number in range(6)]
    path = gatecertd.drop_spec("list.yaml", "hostnames:\n" + "".join(f"- {name}\n" for name in names))
    wait_for_desired(gatecertd, dict.fromkeys(names))
    for _ in range(2):
        write_slowly(path, "hostnames:\n" + "".join(f"- {name}\n" for name in names))
        assert set(desired(gatecertd)) == set(names)
    assert_steady(gatecertd, dict.fromkeys(names), 3)
    assert "not desired any more" not in gatecertd.log()


def test_saving_the_same_again_changes_nothing(gatecertd, hostname):
    path = gatecertd.drop_spec("sites.yaml", documents(hostname))
    wait_for_desired(gatecertd, {hostname: "1"})
    before = gatecertd.api.hostname(hostname)["metadata"]
    rename_into_place(path, documents(hostname))
    gatecertd.drop_spec("after.yaml", documents("after-" + hostname))
    wait_for_desired(gatecertd, {hostname: "1", "after-" + hostname: "1"})
    assert gatecertd.api.hostname(hostname)["metadata"]["generation"] == before["generation"]
    assert gatecertd.api.hostname(hostname)["metadata"]["uid"] == before["uid"]


def test_what_is_lost_in_an_overflow_of_events_is_found(gatecertd, hostname):
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        events = int(file.read()) + 100
    noise = [os.path.join(gatecertd.spec_dir, name) for name in (".a", ".b")]
    for path in noise:
        write_in_place(path, "")
    gatecertd.signal(signal.SIGSTOP)
    try:
        for number in range(events):  # the same event twice in a row would be one
            os.utime(noise[number % 2])
        gatecertd.wish(hostname)
    finally:
        gatecertd.signal(signal.SIGCONT)
    wait_for_desired(gatecertd, {hostname: None})


# --- files that say nothing sensible ---


def test_a_file_that_breaks_keeps_its_last_good_content_and_is_reported(stack, gatecertd, hostname):
    stack.dns.set_a(hostname, stack.gateway_ip)
    path = gatecertd.drop_spec("sites.yaml", documents(hostname))
    gatecertd.wait_ready(hostname)
    write_in_place(path, BROKEN)
    wait_for(lambda: gatecertd.api.condition(hostname, "SpecValid")["status"] == "False")
    condition = gatecertd.api.condition(hostname, "SpecValid")
    place = re.escape(path) + r":\d+:\d+: "
    assert condition["reason"] == "SpecInvalid" and re.search(place, condition["message"])
    assert re.search(place, gatecertd.log())
    problem = specs(gatecertd)["problems"][0]
    assert problem["file"] == path and problem["line"] > 0 and problem["column"] > 0
    assert gatecertd.api.is_ready(hostname) and desired(gatecertd) == {hostname: "1"}
    assert stack.fetch_https(hostname).names == [hostname]
    # A restart reads the same broken file.
    gatecertd.restart()
    wait_for(lambda: specs(gatecertd)["problems"])
    assert gatecertd.api.is_ready(hostname) and desired(gatecertd) == {hostname: "1"}
    assert gatecertd.api.condition(hostname, "SpecValid")["status"] == "False"
    write_in_place(path, documents(hostname, label="2"))
    wait_for(lambda: gatecertd.api.condition(hostname, "SpecValid")["status"] == "True")
    assert desired(gatecertd) == {hostname: "2"} and specs(gatecertd)["problems"] == []


def test_a_broken_file_holds_up_no_other(gatecertd, hostname):
    gatecertd.drop_spec("broken.yaml", BROKEN)
    gatecertd.drop_spec("good.yaml", documents(hostname))
    wait_for_desired(gatecertd, {hostname: "1"})
    assert [os.path.basename(one["file"]) for one in specs(gatecertd)["problems"]] == ["broken.yaml"]


def make_fifo(path):
    os.mkfifo(path)


def make_link_to_zeros(path):
    os.symlink("/dev/zero", path)


def make_link_to_nothing(path):
    os.symlink("nowhere.yaml", path)


def make_huge(path):
    with open(path, "wb") as file:
        file.truncate(1 << 30)


def make_alias_bomb(path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]" for n in range(9)]
    write_in_place(path, "\n".join(lines) + "\n")


def make_deep(path):
    write_in_place(path, "hostnames: " + "[" * 60000)


def make_binary(path):
    with open(path, "wb") as file:
        file.write(bytes(range(256)) * 8)


ODD = [make_fifo, make_link_to_zeros, make_link_to_nothing, make_huge, make_alias_bomb, make_deep, make_binary]


@pytest.mark.parametrize("make", ODD, ids=[one.__name__ for one in ODD])
def test_an_odd_file_is_reported_and_holds_up_nobody(gatecertd, hostname, make):
    path = os.path.join(gatecertd.spec_dir, "odd.yaml")
    make(path)
    gatecertd.drop_spec("good.yaml", documents(hostname))
    wait_for_desired(gatecertd, {hostname: "1"})
    wait_for(lambda: [one["file"] for one in specs(gatecertd)["problems"]] == [path],
             describe=lambda: f"{path} is reported: {specs(gatecertd)}")
    assert path in gatecertd.log()


def test_a_hostname_in_two_files_is_a_conflict_told_at_both_and_what_was_in_force_stays(gatecertd, hostname):
    first = gatecertd.drop_spec("first.yaml", documents(hostname, label="first"))
    wait_for_desired(gatecertd, {hostname: "first"})
    second = gatecertd.drop_spec("second.yaml", documents(hostname, label="second"))
    wait_for(lambda: gatecertd.api.condition(hostname, "SpecValid")["status"] == "False")
    assert desired(gatecertd) == {hostname: "first"}
    assert {one["file"] for one in specs(gatecertd)["problems"]} == {first, second}
    condition = gatecertd.api.condition(hostname, "SpecValid")
    assert first in condition["message"] and second in condition["message"]
    os.unlink(first)
    wait_for_desired(gatecertd, {hostname: "second"})
    wait_for(lambda: gatecertd.api.condition(hostname, "SpecValid")["status"] == "True")
    assert specs(gatecertd)["problems"] == []


def test_a_new_hostname_in_two_files_is_served_from_neither_until_one_goes(gatecertd, hostname):
    gatecertd.signal(signal.SIGSTOP)
    try:
        gatecertd.drop_spec("first.yaml", documents(hostname, label="first"))
        gatecertd.drop_spec("second.yaml", documents(hostname, label="second"))
    finally:
        gatecertd.signal(signal.SIGCONT)
    wait_for(lambda: len(specs(gatecertd)["problems"]) == 2)
    assert desired(gatecertd) == {}
    gatecertd.remove_spec("first.yaml")
    wait_for_desired(gatecertd, {hostname: "second"})


# --- what vanishes ---


@pytest.fixture
def three(gatecertd, hostname):
    """Three files with a hostname each; returns what is desired then."""
    names = [f"{number}-{hostname}" for number in (1, 2, 3)]
    for name in names:
        gatecertd.drop_spec(f"{name}.yaml", documents(name))
    wanted = dict.fromkeys(names, "1")
    wait_for_desired(gatecertd, wanted)
    return wanted


def wait_until_held(gatecertd, said):
    wait_for(lambda: said in (specs(gatecertd).get("heldBack") or ""), 60, lambda: f"held back: {specs(gatecertd)}")
    assert gatecertd.api.get("/readyz").status == 200
    assert "spec directory not as expected, nothing is removed" in gatecertd.log()


def empty(gatecertd):
    for name in os.listdir(gatecertd.spec_dir):
        if name.endswith(".yaml"):
            gatecertd.remove_spec(name)


def test_an_emptied_directory_holds_everything_until_sighup_confirms_it(gatecertd, three):
    empty(gatecertd)
    wait_until_held(gatecertd, "is empty")
    assert_steady(gatecertd, three)
    gatecertd.reload()
    wait_for_desired(gatecertd, {})


def test_a_directory_emptied_while_nobody_ran_holds_everything(gatecertd, three):
    gatecertd.stop()
    empty(gatecertd)
    gatecertd.start()
    wait_until_held(gatecertd, "is empty")
    assert_steady(gatecertd, three)


def test_a_directory_moved_away_holds_everything_even_through_sighup(gatecertd, three, hostname):
    away = gatecertd.spec_dir + ".away"
    os.rename(gatecertd.spec_dir, away)
    wait_until_held(gatecertd, gatecertd.spec_dir)
    gatecertd.reload()
    assert_steady(gatecertd, three)
    os.rename(away, gatecertd.spec_dir)
    wait_for(lambda: not specs(gatecertd).get("heldBack"), 60)
    gatecertd.drop_spec("new.yaml", documents("new-" + hostname))
    wait_for_desired(gatecertd, {**three, "new-" + hostname: "1"})


def test_a_directory_replaced_by_another_is_watched_from_then_on(gatecertd, three, hostname):
    os.rename(gatecertd.spec_dir, gatecertd.spec_dir + ".old")
    os.mkdir(gatecertd.spec_dir)
    gatecertd.drop_spec("new.yaml", documents("new-" + hostname, *list(three)[:2]))
    wait_for_desired(gatecertd, {"new-" + hostname: "1", **dict.fromkeys(list(three)[:2], "1")})
    gatecertd.drop_spec("later.yaml", documents("later-" + hostname))
    wait_for(lambda: "later-" + hostname in desired(gatecertd))


def test_one_file_of_several_removed_is_a_removal(gatecertd, three):
    gone = next(iter(three))
    gatecertd.remove_spec(f"{gone}.yaml")
    wait_for_desired(gatecertd, {name: label for name, label in three.items() if name != gone})
    assert specs(gatecertd).get("heldBack") is None


def test_a_file_that_comes_back_at_once_was_never_gone(gatecertd, three):
    gone = next(iter(three))
    uid = gatecertd.api.hostname(gone)["metadata"]["uid"]
    os.rename(os.path.join(gatecertd.spec_dir, f"{gone}.yaml"), os.path.join(gatecertd.spec_dir, "hidden"))
    gatecertd.drop_spec("marker.yaml", documents("marker-" + gone))
    wait_for(lambda: "marker-" + gone in desired(gatecertd))
    os.rename(os.path.join(gatecertd.spec_dir, "hidden"), os.path.join(gatecertd.spec_dir, f"{gone}.yaml"))
    assert_steady(gatecertd, {**three, "marker-" + gone: "1"})
    assert gatecertd.api.hostname(gone)["metadata"]["uid"] == uid


def test_a_file_removed_while_nobody_ran_is_a_removal(gatecertd, three):
    gone = next(iter(three))
    gatecertd.stop()
    gatecertd.remove_spec(f"{gone}.yaml")
    gatecertd.start()
    wait_for_desired(gatecertd, {name: label for name, label in three.items() if name != gone})


def test_a_removed_hostname_is_left_as_it_stands_and_taken_up_again(stack, gatecertd, hostname):
    stays = "stays-" + hostname
    for name in (hostname, stays):
        stack.dns.set_a(name, stack.gateway_ip)
    gatecertd.wish(hostname, stays)
    gatecertd.wait_ready(hostname, stays)
    gateway, serial = stack.azure.gateway(), stack.fetch_https(hostname).serial
    certificate = stack.azure.certificate(hostname.replace(".", "-"))
    gatecertd.remove_spec(f"{hostname}.yaml")
    wait_for_desired(gatecertd, {stays: None})
    assert gatecertd.api.hostname(hostname) is None
    stack.sim.clear_requests()
    assert_steady(gatecertd, {stays: None})
    assert stack.sim.requests() == []
    assert stack.azure.gateway() == gateway
    assert stack.azure.certificate(hostname.replace(".", "-")) == certificate
    assert stack.fetch_https(hostname).serial == serial
    gatecertd.wish(hostname)
    gatecertd.wait_ready(hostname)
    assert stack.fetch_https(hostname).serial == serial
    assert [one for one in stack.sim.requests() if one["method"] != "GET" and "/oauth2/" not in one["path"]] == []
