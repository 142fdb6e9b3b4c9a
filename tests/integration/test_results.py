"""hack/run-test and hack/summary: whatever a suite does, it is counted, and never as passed when it was not."""

import shlex
import subprocess

import pytest

from harness import CHECKOUT

RUN, SUMMARY = (str(CHECKOUT / "hack" / name) for name in ("run-test", "summary"))

XML = '<testsuite name="s">{}</testsuite>'
GOOD, BAD = '<testcase name="good"/>', '<testcase name="bad"><failure message="no">why</failure></testcase>'
SKIP = '<testcase name="left out"><skipped message="no moon"/></testcase>'


def run(results, *args):
    return subprocess.run([RUN, *args[:1], "--results", str(results), *args[1:]], capture_output=True, text=True)


def summary(results, *names):
    done = subprocess.run([SUMMARY, str(results), *names], capture_output=True, text=True)
    return done.returncode, [line for line in done.stdout.splitlines() if not line.startswith("slowest: ")]


def cmocka_that(says, then="exit 0"):
    """A shell script in cmocka's place: writes `says` where cmocka would."""
    return ["sh", "-c", f"printf %s {shlex.quote(says)} >\"$CMOCKA_XML_FILE\"; {then}"]


@pytest.mark.parametrize("what, files, names, status, last", [
    ("all passed", {"a": XML.format(GOOD + GOOD)}, [], 0, "2 passed, 0 failed"),
    ("one failed", {"a": XML.format(GOOD), "b": XML.format(BAD)}, [], 1, "1 passed, 1 failed"),
    ("skipped ones count as neither", {"a": XML.format(GOOD + SKIP)}, [], 0, "1 passed, 0 failed"),
    ("nothing but skipped ones is no success", {"a": XML.format(SKIP)}, [], 1, "0 passed, 0 failed"),
    ("no result at all is no success", {}, [], 1, "0 passed, 0 failed"),
    ("an empty file is a failure", {"a": XML.format(GOOD), "b": ""}, [], 1, "1 passed, 1 failed"),
    ("a suite without tests is a failure", {"a": XML.format(GOOD), "b": XML.format("")}, [], 1, "1 passed, 1 failed"),
    ("broken XML is a failure", {"a": XML.format(GOOD), "b": XML.format(GOOD)[:-5]}, [], 1, "1 passed, 1 failed"),
    ("a named suite without result is a failure", {"a": XML.format(GOOD)}, ["a", "b"], 1, "1 passed, 1 failed"),
    ("a suite that is not named is not counted", {"a": XML.format(GOOD), "old": XML.format(BAD)}, ["a"], 0,
     "1 passed, 0 failed"),
    ("nested suites are counted once", {"a": f"<testsuites>{XML.format(GOOD + XML.format(GOOD))}</testsuites>"}, [], 0,
     "2 passed, 0 failed"),
])
def test_summary(what, files, names, status, last, tmp_path):
    for name, text in files.items():
        (tmp_path / f"{name}.xml").write_text(text)
    assert (*summary(tmp_path, *names),)[0] == status, what
    assert summary(tmp_path, *names)[1][-1] == last, what


def test_summary_tells_why_tests_were_skipped_and_which_failed(tmp_path):
    (tmp_path / "a.xml").write_text(XML.format(GOOD + BAD + SKIP))
    lines = summary(tmp_path)[1]
    assert lines[:-1] == ["skipped: a: left out: no moon", "failed: a: bad: no"]


def test_summary_names_the_ten_slowest_suites_first(tmp_path):
    for number in range(12):
        (tmp_path / f"s{number:02}.xml").write_text(XML.format(GOOD).replace(">", f' time="{number}">', 1))
    lines = subprocess.run([SUMMARY, str(tmp_path)], capture_output=True, text=True).stdout.splitlines()
    assert lines == [*(f"slowest: s{number:02}: {number}.0 s" for number in range(11, 1, -1)), "12 passed, 0 failed"]


@pytest.mark.parametrize("what, arguments, counted", [
    ("a good cmocka suite", ["--cmocka", "s", *cmocka_that(XML.format(GOOD))], "1 passed, 0 failed"),
    ("a name that cmocka does not escape", ["--cmocka", "s", *cmocka_that(
        '<testsuites>\n<testsuite name="a & b" time="0" >\n<testcase name="says "x" < 3" time="0.1" >\n</testcase>\n'
        "</testsuite>\n</testsuites>")], "1 passed, 0 failed"),
    ("a group whose name is no file name", ["--cmocka", "s", "sh", "-c", "echo '<?xml version=\"1.0\"?><testsuites>"
                                            f"{XML.format(GOOD)}</testsuites>' >&2"], "1 passed, 0 failed"),
    ("a crash after a good result", ["--cmocka", "s", *cmocka_that(XML.format(GOOD), "kill -SEGV $$")],
     "1 passed, 1 failed"),
    ("a failed status beside a good result", ["--cmocka", "s", *cmocka_that(XML.format(GOOD), "exit 23")],
     "1 passed, 1 failed"),
    ("a failed status that repeats the result", ["--cmocka", "s", *cmocka_that(XML.format(GOOD + BAD), "exit 1")],
     "1 passed, 1 failed"),
    ("a suite that reports nothing", ["--cmocka", "s", "true"], "0 passed, 1 failed"),
    ("a suite that does not exist", ["--cmocka", "s", "/nowhere/at/all"], "0 passed, 1 failed"),
    ("a suite that hangs", ["--cmocka", "--timeout", "0.3", "s", "sleep", "60"], "0 passed, 1 failed"),
    ("a good command", ["--plain", "s", "true"], "1 passed, 0 failed"),
    ("a bad command", ["--plain", "s", "false"], "0 passed, 1 failed"),
    ("an empty selection of pytest", ["--pytest", "s", "--collect-only", "-q", "/dev/null"], "0 passed, 1 failed"),
])
def test_run(what, arguments, counted, tmp_path):
    done = run(tmp_path, *arguments)
    status, lines = summary(tmp_path, "s")
    assert lines[-1] == counted, f"{what}: {done.stdout}{done.stderr}"
    assert done.returncode == status, what


def test_a_suite_that_dies_leaves_no_older_result_behind(tmp_path):
    run(tmp_path, "--plain", "s", "true")
    run(tmp_path, "--cmocka", "s", "sh", "-c", "kill -KILL $$")
    assert summary(tmp_path, "s")[1][-1] == "0 passed, 1 failed"


def test_the_output_of_a_failed_suite_is_shown_and_kept(tmp_path):
    done = run(tmp_path, "--plain", "s", "sh", "-c", "echo the very reason; exit 1")
    assert "the very reason" in done.stdout
    assert (tmp_path / "s.log").read_text() == "the very reason\n"


def test_nothing_but_the_result_and_the_log_stays(tmp_path):
    run(tmp_path, "--cmocka", "s", *cmocka_that(XML.format(GOOD)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.log", "s.xml"]


def test_node_tests_are_counted(tmp_path):
    script = tmp_path / "x.test.mjs"
    script.write_text("import test from 'node:test';\n"
                      "test('a \"good\" one', () => {});\n"
                      "test('left out', {skip: 'no moon'}, () => {});\n"
                      "test('bad', () => { throw new Error('the very reason'); });\n")
    done = run(tmp_path, "--node", "s", str(script))
    assert "the very reason" in done.stdout
    assert summary(tmp_path, "s")[1] == ["skipped: s: left out: no moon", "failed: s: bad: the very reason",
                                         "1 passed, 1 failed"]
