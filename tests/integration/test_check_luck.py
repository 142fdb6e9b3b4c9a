"""hack/check-luck finds what makes a test depend on the machine's speed, and says nothing about the rest."""

import subprocess

import pytest

from harness import CHECKOUT

C = "tests/unit/test_x.c"
PY = "tests/integration/test_x.py"

# (sentence, file, text, what is said)
FOUND = [
    ("a fixed wait", C, "\tnanosleep(&moment, NULL);", "waits a fixed time"),
    ("a wait by poll", C, "\tpoll(NULL, 0, 100);", "waits a fixed time"),
    ("a server that gets so many turns", C, "\tfor (int i = 0; i < 20; i++)\n\t\trig_turn(&rig, fd, 5);", "counts turns"),
    ("so many turns, in braces", C, "\tfor (int i = 0; i < 60 && !is_done; i++) {\n\t\tserver_run(server);\n\t}", "counts turns"),
    ("so many naps", C, "\tfor (i = 0; i < 2000; i++)\n\t\tnap();", "counts turns"),
    ("chance", C, "\tx = rand() % 7;", "chance"),
    ("a fixed wait in Python", PY, "    time.sleep(1)", "waits a fixed time"),
    ("a short deadline", PY, "    wait_for(lambda: f(1, 2), 20)", "under 30 s"),
    ("a short deadline that says what for", PY, "    wait_for(lambda: f(), 5, lambda: g())", "under 30 s"),
    ("a short time for a request", PY, "    request(url, timeout=10)", "under 30 s"),
    ("a short time for an end", PY, "    process.wait(20)", "under 30 s"),
    ("a short time with a name", PY, "STOP_SECONDS = 5", "under 30 s"),
    ("something that has to be quick", PY, "    assert time.monotonic() - begun < 2", "quick"),
    ("chance in Python", PY, "    random.shuffle(names)", "chance"),
    ("a fixed wait in JavaScript", "tests/conformance/x.test.mjs", "setTimeout(done, 20);", "waits a fixed time"),
    ("a short deadline of a stack", "hack/stacklib/x.py", "READY_SECONDS = 10", "under 30 s"),
]

FINE = [
    ("a wait for a claim", C, "\twait_for(is_done(&rig));\n\trig_until(&rig, fd, status_of(fd));"),
    ("a loop over rows", C, "\tfor (size_t i = 0; i < ARRAY_SIZE(rows); i++)\n\t\tcheck(&rows[i]);"),
    ("a look without a wait", C, "\tpoll(&look, 1, 0);"),
    ("a deadline of half a minute", PY, "    wait_for(lambda: f(1, 2), 30)"),
    ("a call with a small number in it", PY, "    wait_for(lambda: f(2))"),
    ("a wait that has its reason", PY, "    time.sleep(1)  # luck: no, because nothing may come in it"),
    ("the wait of all others", "tests/integration/harness/waiting.py", "    time.sleep(POLL_SECONDS)"),
    ("a server that is slow on purpose", "tests/world/x.c", "\tnanosleep(&delay, NULL);"),
]


def check(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")
    said = subprocess.run([CHECKOUT / "hack" / "check-luck", tmp_path], capture_output=True, text=True)
    assert said.stderr == ""
    return said.returncode, said.stdout


@pytest.mark.parametrize("name, text, expected", [row[1:] for row in FOUND], ids=[row[0] for row in FOUND])
def test_check_luck_finds(tmp_path, name, text, expected):
    status, said = check(tmp_path, name, text)
    assert status == 1 and said.count("\n") == 1
    assert said.startswith(f"{name}:1:") and expected in said


@pytest.mark.parametrize("name, text", [row[1:] for row in FINE], ids=[row[0] for row in FINE])
def test_check_luck_lets_pass(tmp_path, name, text):
    assert check(tmp_path, name, text) == (0, "")
