"""hack/run-suites and hack/guard.py: what is due runs, several at a time, and whatever ends it, nothing stays."""

import html
import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from harness import BUILD, CHECKOUT, wait_for

RUN_SUITES, RUN_TEST, SUMMARY, LIST_ROWS = (str(CHECKOUT / "hack" / name) for name in (
    "run-suites", "run-test", "summary", "list-rows"))
DEADLINE = 60

# A suite that leaves an orphan in a session of its own, files in both places, and goes on until it is ended.
LASTING = """
    import os, pathlib, subprocess, sys, time
    for place in ("TMPDIR", "GATECERT_SHM"):
        pathlib.Path(os.environ[place], "left").write_text("left")
    pids = [os.getpid()]
    for _ in range(2):
        pids.append(subprocess.Popen(["setsid", "sh", "-c", "sleep 1000 & echo $!; sleep 1000"],
                                     stdout=subprocess.PIPE, text=True).stdout.readline())
    told = pathlib.Path(sys.argv[1] + ".new")
    told.write_text(" ".join(map(str, [*pids, os.environ["TMPDIR"], os.environ["GATECERT_SHM"]])))
    told.rename(sys.argv[1])
    time.sleep(1000)  # luck: no, because it is what hangs
"""


def script(path, text):
    path.write_text(textwrap.dedent(text))
    return path


def run(results, *lines):
    """run-suites on a list of suites; its output and what summary says of the results: (text, status, lines)."""
    results.mkdir(exist_ok=True)
    due = script(results / ".due", "\n".join(lines) + "\n")
    done = subprocess.run([RUN_SUITES, str(results), str(due)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, *summary(results)


def summary(results, *names):
    added = subprocess.run([SUMMARY, str(results), *names], capture_output=True, text=True)
    return added.returncode, [line for line in added.stdout.splitlines() if not line.startswith("slowest: ")]


def again(results):
    return subprocess.run([SUMMARY, "--again", str(results)], capture_output=True, text=True).stdout.split()


def rows_of(results, name):
    return re.findall(r'<testcase classname="[^"]*" name="([^"]*)"', (results / f"{name}.xml").read_text())


# --- what runs, and what is told ---


def test_what_each_suite_says_is_told_whole_and_every_result_counts(tmp_path):
    for name in ("a", "b"):
        script(tmp_path / name, f"for i in 1 2 3; do echo {name} $i; sleep 0.1; done; exit 1")
    text, status, lines = run(tmp_path / "results", f"a plain sh {tmp_path}/a", f"b plain sh {tmp_path}/b",
                              "c plain true")
    for name in ("a", "b"):
        assert f"    {name} 1\n    {name} 2\n    {name} 3\n" in text
    assert (status, lines[-1]) == (1, "1 passed, 2 failed")
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == [
        ".due", "a.log", "a.xml", "b.log", "b.xml", "c.log", "c.xml"]


def test_suites_that_wait_run_beside_each_other_and_the_longest_goes_first(tmp_path):
    """Four that each wait until all four are there: one after another would take for ever."""
    source = """
        import os, pathlib, time
        def test_all_are_there():
            here = pathlib.Path({folder!r})
            (here / {name!r}).write_text("")
            until = time.monotonic() + 60
            while sum(1 for _ in here.glob("here-*")) < 4:
                assert time.monotonic() < until
                time.sleep(0.02)  # luck: no, because it is a poll
    """
    for number in range(4):
        script(tmp_path / f"test_s{number}.py", source.format(folder=str(tmp_path), name=f"here-{number}"))
    _, status, lines = run(tmp_path / "results", *(f"s{number} pytest {tmp_path}/test_s{number}.py"
                                                   for number in range(4)))
    assert (status, lines) == (0, ["4 passed, 0 failed"])


def test_the_longest_of_the_last_time_goes_first(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    for name, seconds in (("a", 1), ("b", 30), ("c", 20)):
        (results / f"{name}.xml").write_text(
            f'<testsuite name="{name}" time="{seconds}"><testcase name="x"/></testsuite>')
    command = ["taskset", "-c", str(min(os.sched_getaffinity(0))), RUN_SUITES, str(results)]
    due = script(tmp_path / "due", "a plain true\nb plain true\nc plain true\n")
    done = subprocess.run([*command, str(due)], capture_output=True, text=True, timeout=300)
    assert re.findall(r"ok    (\w)", done.stdout) == ["b", "c", "a"]


@pytest.mark.parametrize("what, command, why", [
    ("crashes", "kill -SEGV $$", "it was ended by SIGSEGV"),
    ("ends its guard", "kill -KILL $PPID; sleep 1000", "its guard was killed"),
    ("ends run-test itself", "kill -KILL $(ps -o ppid= -p $PPID); sleep 1000", "there is no result .*"),
])
def test_a_suite_that(what, command, why, tmp_path):
    path = script(tmp_path / "suite", command)
    run(tmp_path / "results", f"bad plain sh {path}", "good plain true", "better plain true")
    status, lines = summary(tmp_path / "results", "bad", "good", "better")
    assert (status, lines[-1]) == (1, "2 passed, 1 failed")
    assert re.fullmatch(f"failed: bad: .*: {why}", lines[0])


# --- parts ---


PARTS = """
    import os, pytest
    SHARDS = 3
    @pytest.mark.parametrize("row", ["one", "two :: with colons", "three", "four"])
    def test_row(row):
        print("in part", os.environ["GATECERT_PART"])
    def test_alone():
        pass
    def test_bad():
        assert os.environ["GATECERT_PART"] == "no part"
"""


def test_parts_of_a_suite_are_one_result_with_the_names_of_the_whole(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "results"
    path = script(tmp_path / "test_parts.py", PARTS)
    subprocess.run([RUN_TEST, "--pytest", "--results", str(whole), "s", str(path)], capture_output=True)
    text, status, lines = run(parts, f"s pytest {path}")
    assert sorted(rows_of(parts, "s")) == sorted(rows_of(whole, "s"))
    assert len(rows_of(parts, "s")) == 6
    assert len(re.findall(r"test session starts", (parts / "s.log").read_text())) == 3 + 1
    assert len(re.findall(r"(?:ok|FAIL) +s:", text)) == 2, "one line for all parts, and one for the second look"
    assert (status, lines) == (1, ["failed: s: test_parts > test_bad: AssertionError: assert '" + lines[0].rpartition(
        "assert '")[2], "5 passed, 1 failed"])
    assert list((parts / "parts").glob("*.xml")) == []


def test_a_part_that_dies_is_a_failure_of_the_whole(tmp_path):
    path = script(tmp_path / "test_parts.py", """
        import os
        SHARDS = 2
        def test_a():
            pass
        def test_b():
            os.kill(os.getpid(), 9)
    """)
    _, status, lines = run(tmp_path / "results", f"s pytest {path}")
    assert (status, lines) == (1, ["failed: s: the suite runs to its end: it was ended by SIGKILL",
                                   "1 passed, 1 failed"])


# --- the second look ---


FLAKY = """
    import pathlib, pytest
    @pytest.mark.parametrize("row", {rows})
    def test_row(row):
        mark = pathlib.Path({folder!r}, row)
        there = mark.exists()
        mark.write_text("")
        print("the second time" if there else "the first time", row)
        assert there
    def test_good():
        pass
"""


def flaky(tmp_path, *rows):
    return script(tmp_path / "test_luck.py", FLAKY.format(rows=repr(rows), folder=str(tmp_path)))


def test_what_passes_alone_stands_and_is_named_with_both_outputs(tmp_path):
    results = tmp_path / "results"
    _, status, lines = run(results, f"s pytest {flaky(tmp_path, 'a [row]')}")
    assert (status, lines) == (0, ["flaky: s: test_luck > test_row[a [row]]", "2 passed, 0 failed"])
    for text in ((results / "s.xml").read_text(), (results / "s.log").read_text()):
        assert "the first time a [row]" in text and "the second time a [row]" in text or "passed" in text
    assert "the first time a [row]" in (results / "s.log").read_text()
    assert "--- a second look, alone ---" in (results / "s.log").read_text()
    assert again(results) == []


def test_what_fails_alone_too_has_failed_and_runs_again(tmp_path):
    path = script(tmp_path / "test_bad.py", "def test_bad():\n    assert False, 'the very reason'\n")
    text, status, lines = run(tmp_path / "results", f"s pytest {path}")
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")
    assert text.count("test session starts") == 1 and "again, alone" in text
    assert again(tmp_path / "results") == [str(tmp_path / "results" / "s.xml")]


@pytest.mark.parametrize("count, status", [(3, 0), (4, 1)])
def test_more_than_three_flaky_ones_are_no_success(count, status, tmp_path):
    results = tmp_path / "results"
    got, lines = run(results, f"s pytest {flaky(tmp_path, *map(str, range(count)))}")[1:]
    assert got == status and lines[-1] == f"{count + 1} passed, 0 failed"
    assert sum(line.startswith("flaky: ") for line in lines) == count
    assert again(results) == ([str(results / "s.xml")] if status else [])


def test_a_file_of_node_gets_its_second_look_as_a_whole(tmp_path):
    path = script(tmp_path / "luck.test.mjs", f"""
        import test from 'node:test';
        import {{ existsSync, writeFileSync }} from 'node:fs';
        const mark = '{tmp_path}/mark';
        const there = existsSync(mark);
        writeFileSync(mark, '');
        test('good', () => {{}});
        test('luck', () => {{ if (!there) throw new Error('the very reason'); }});
    """)
    _, status, lines = run(tmp_path / "results", f"s node {path}")
    assert (status, lines) == (0, ["flaky: s: luck", "2 passed, 0 failed"])


def test_a_unit_gets_no_second_look(tmp_path):
    path = script(tmp_path / "luck", f"test -e {tmp_path}/mark && exit 0; touch {tmp_path}/mark; exit 1")
    _, status, lines = run(tmp_path / "results", f"s plain sh {path}")
    assert (status, lines[-1]) == (1, "0 passed, 1 failed")


# --- whatever ends it, nothing stays ---


def is_there(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def lasting(tmp_path):
    """A function that starts a command around LASTING: (process, process ids of the suite, its directories)."""
    started = []

    def start(*command):
        told = tmp_path / "told"
        process = subprocess.Popen([*command], stdout=subprocess.DEVNULL, start_new_session=True)
        started.append(process)
        wait_for(told.exists, DEADLINE, "the suite runs")
        words = told.read_text().split()
        return process, list(map(int, words[:3])), words[3:]

    yield start
    for process in started:
        process.kill()
        process.wait()


def suite_of(tmp_path):
    return f"{sys.executable} {script(tmp_path / 'lasting.py', LASTING)} {tmp_path / 'told'}"


def nothing_stays(pids, places):
    wait_for(lambda: not [pid for pid in pids if is_there(pid)], DEADLINE, "every process has ended")
    wait_for(lambda: not [place for place in places if os.path.exists(place)], DEADLINE, "every directory is gone")


def parents(pid):
    """Process ids above, the nearest first."""
    while pid > 1:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            pid = int(file.read().rpartition(")")[2].split()[1])
        yield pid


@pytest.mark.parametrize("who, number", [
    ("run-suites", signal.SIGINT), ("run-suites", signal.SIGTERM), ("run-suites", signal.SIGKILL),
    ("run-test", signal.SIGTERM), ("run-test", signal.SIGKILL), ("the guard", signal.SIGTERM),
    ("the guard", signal.SIGKILL), ("the suite", signal.SIGKILL)])
def test_nothing_stays_when(who, number, lasting, tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    due = script(tmp_path / "due", f"s plain {suite_of(tmp_path)}\n")
    process, pids, places = lasting(RUN_SUITES, str(results), str(due))
    guard, run_test, run_suites, *_ = parents(pids[0])
    assert run_suites == process.pid and all(map(os.path.exists, places))
    os.kill({"run-suites": run_suites, "run-test": run_test, "the guard": guard, "the suite": pids[0]}[who], number)
    nothing_stays([*pids, guard, run_test], places)
    assert process.wait(DEADLINE) == {("run-suites", signal.SIGKILL): -9, ("run-suites", signal.SIGINT): 130,
                                      ("run-suites", signal.SIGTERM): 130}.get((who, number), 0)


def test_a_second_signal_does_not_disturb_the_end(lasting, tmp_path):
    results = tmp_path / "results"
    process, pids, places = lasting(RUN_TEST, "--plain", "--results", str(results), "s", *suite_of(tmp_path).split())
    while process.poll() is None:
        process.send_signal(signal.SIGTERM)
    assert process.returncode == 130
    nothing_stays(pids, places)


def test_nothing_stays_when_a_suite_is_late(tmp_path):
    told = tmp_path / "told"
    done = subprocess.run([RUN_TEST, "--plain", "--results", str(tmp_path / "results"), "--timeout", "5", "s",
                           *suite_of(tmp_path).split()], capture_output=True, text=True)
    assert done.returncode == 1 and "it had not ended after 5 s" in done.stdout
    words = told.read_text().split()
    assert not [pid for pid in words[:3] if is_there(pid)]
    assert not [place for place in words[3:] if os.path.exists(place)]


def test_a_late_suite_of_pytest_tells_what_it_had_done_and_where_it_was(tmp_path):
    path = script(tmp_path / "test_late.py", """
        import time
        def test_done():
            pass
        def test_where_it_was():
            time.sleep(1000)  # luck: no, because it is what hangs
    """)
    subprocess.run([RUN_TEST, "--pytest", "--results", str(tmp_path), "--timeout", "10", "s", str(path)])
    assert summary(tmp_path) == (1, ["failed: s: the suite runs to its end: it had not ended after 10 s",
                                     "1 passed, 1 failed"])
    assert "test_late.py:6: KeyboardInterrupt" in (tmp_path / "s.log").read_text()


def test_the_next_run_removes_what_was_left_when_all_guards_were_killed_at_once(lasting, tmp_path):
    results = tmp_path / "results"
    process, pids, places = lasting(RUN_TEST, "--plain", "--results", str(results), "s", *suite_of(tmp_path).split())
    guard, run_test, *_ = parents(pids[0])
    assert run_test == process.pid
    os.kill(guard, signal.SIGSTOP)
    os.kill(run_test, signal.SIGKILL)
    os.kill(guard, signal.SIGKILL)
    process.wait()
    assert all(map(is_there, pids[1:])) and all(map(os.path.exists, places))
    run(results, "good plain true")
    nothing_stays(pids, places)


def test_a_timely_suite_leaves_no_orphan_either(tmp_path):
    path = script(tmp_path / "suite", f"setsid sleep 1000 & echo $! >{tmp_path}/told")
    run(tmp_path / "results", f"s plain sh {path}")
    assert not is_there((tmp_path / "told").read_text().strip())


def test_pytest_keeps_its_folders_beside_the_results_while_something_is_wrong(tmp_path):
    path = script(tmp_path / "test_folder.py", """
        import pathlib
        def test_folder(tmp_path):
            (tmp_path / "mine").write_text("kept")
            assert pathlib.Path(__file__).with_name("good").exists()
    """)
    results = tmp_path / "results"
    run_test = [RUN_TEST, "--pytest", "--results", str(results), "s", str(path)]
    subprocess.run(run_test, capture_output=True)
    assert (results / "s.files" / "test_folder0" / "mine").read_text() == "kept"
    (tmp_path / "good").write_text("")
    subprocess.run(run_test, capture_output=True)
    assert not (results / "s.files").exists()


# --- rows ---


def test_rows_are_listed_as_results_name_them(tmp_path):
    suites = {"unit-text": ["--cmocka", str(BUILD / "unit" / "test_text")],
              "integration-schema": ["--pytest", "--setup-plan", str(CHECKOUT / "tests/integration/test_schema.py")]}
    if not (BUILD / "unit" / "test_text").exists():
        pytest.skip("units are not built")
    listed = subprocess.run([LIST_ROWS, str(BUILD), *suites], capture_output=True, text=True).stdout.splitlines()
    for name, (kind, *command) in suites.items():
        subprocess.run([RUN_TEST, kind, "--results", str(tmp_path), name, *command])
    assert listed == sorted(f"{name}: {html.unescape(row)}" for name in suites for row in rows_of(tmp_path, name))


def test_a_run_by_hand_keeps_its_files_under_the_build_and_the_next_one_ends_what_a_killed_one_left(tmp_path):
    """With the fixtures of this directory: a test that says where its files are, and one that is killed."""
    told = tmp_path / "told"
    path = script(tmp_path / "test_hand.py", f"""
        import os, pathlib, subprocess, tempfile
        def test_hand(tmp_path):
            orphan = subprocess.Popen(["setsid", "-f", "sh", "-c", "echo $$; exec sleep 1000"], stdout=subprocess.PIPE)
            pid = orphan.stdout.readline().decode().strip()
            where = [tmp_path, tempfile.mkdtemp(), os.environ["GATECERT_SHM"]]
            pathlib.Path({str(told)!r}).write_text(" ".join(map(str, [pid, *where])))
            os.kill(os.getpid(), 9)
    """)
    env = {name: value for name, value in os.environ.items() if name not in (
        "GATECERT_GUARD", "GATECERT_SHM", "PYTEST_DEBUG_TEMPROOT")}
    by_hand = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest"]
    env["PYTHONPATH"] = str(CHECKOUT / "tests" / "integration")
    killed = subprocess.run([*by_hand, str(path)], env=env, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stdout + killed.stderr
    pid, folder, *places = told.read_text().split()
    assert folder.startswith(str(BUILD / "pytest")) and is_there(pid) and all(map(os.path.exists, places))
    path.write_text("def test_nothing():\n    pass\n")
    assert subprocess.run([*by_hand, str(path)], env=env, capture_output=True).returncode == 0
    nothing_stays([pid], places)
