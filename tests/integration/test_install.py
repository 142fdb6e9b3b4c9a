"""make install: which files, with which modes, and what it leaves alone."""

import os
import re
import stat
import subprocess

import pytest

from harness import CHECKOUT
from harness.installing import install

FILES = {
    "etc/gatecert/gatecert.yaml": 0o640,
    "usr/sbin/gatecertd": 0o755,
    "usr/lib/systemd/system/gatecertd.service": 0o644,
    "usr/lib/sysusers.d/gatecert.conf": 0o644,
    "usr/lib/tmpfiles.d/gatecert.conf": 0o644,
    "usr/share/man/man8/gatecertd.8": 0o644,
    "usr/share/doc/gatecert/README.md": 0o644,
    "usr/share/doc/gatecert/LICENSE": 0o644,
    "usr/share/doc/gatecert/CHANGELOG.md": 0o644,
    "usr/share/doc/gatecert/openapi.yaml": 0o644,
}
DIRECTORIES = {"etc/gatecert": 0o750, "etc/gatecert/hostnames.d": 0o2775}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def tree_of(root):
    return {str(path.relative_to(root)): mode(path) for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return install(tmp_path_factory.mktemp("usr"))


def test_the_files_and_their_modes(installed):
    found = tree_of(installed)
    assert {path: found.get(path) for path in FILES} == FILES
    assert {path: mode(installed / path) for path in DIRECTORIES} == DIRECTORIES
    others = {path for path in found if path not in FILES}
    documents = {f"usr/share/doc/gatecert/{path.relative_to(CHECKOUT / 'manifests')}"
                 for folder in ("examples", "azure", "schema") for path in (CHECKOUT / "manifests" / folder).iterdir()}
    assert others == documents


def test_the_program_runs_from_where_it_was_put(installed):
    said = subprocess.run([installed / "usr/sbin/gatecertd", "--version"], capture_output=True, text=True)
    assert re.fullmatch(r"gatecertd \d+\.\d+\.\d+\n", said.stdout)


def test_an_existing_configuration_is_never_replaced(tmp_path):
    install(tmp_path)
    config = tmp_path / "etc/gatecert/gatecert.yaml"
    config.write_text("mine\n")
    config.chmod(0o600)
    install(tmp_path)
    assert (config.read_text(), mode(config)) == ("mine\n", 0o600)
    assert (tmp_path / "etc/gatecert/gatecert.yaml.dist").read_text() == (CHECKOUT / "manifests/gatecert.yaml").read_text()


def test_the_modes_of_existing_directories_are_left_alone(tmp_path):
    install(tmp_path)
    (tmp_path / "etc/gatecert/hostnames.d").chmod(0o750)
    (tmp_path / "etc/gatecert/hostnames.d/site.yaml").write_text("hostnames: [a.example.com]\n")
    install(tmp_path)
    assert mode(tmp_path / "etc/gatecert/hostnames.d") == 0o750
    assert (tmp_path / "etc/gatecert/hostnames.d/site.yaml").read_text() == "hostnames: [a.example.com]\n"


def test_another_prefix_reaches_into_the_files(tmp_path):
    install(tmp_path, PREFIX="/opt/gatecert", SYSCONFDIR="/opt/gatecert/etc")
    unit = (tmp_path / "opt/gatecert/lib/systemd/system/gatecertd.service").read_text()
    assert "ExecStart=/opt/gatecert/sbin/gatecertd --config /opt/gatecert/etc/gatecert/gatecert.yaml" in unit
    assert "ReadWritePaths=-/opt/gatecert/etc/gatecert/hostnames.d" in unit
    assert mode(tmp_path / "opt/gatecert/sbin/gatecertd") == 0o755
    for path in tree_of(tmp_path):
        assert path.startswith("opt/gatecert/")
    for name in ("lib/tmpfiles.d/gatecert.conf", "share/man/man8/gatecertd.8", "etc/gatecert/gatecert.yaml"):
        assert not re.search(r"(?<!/opt/gatecert)/etc/gatecert", (tmp_path / "opt/gatecert" / name).read_text()), name


def test_a_directory_with_a_space_takes_it_all(tmp_path):
    tree = tmp_path / "with space"
    install(tree)
    assert set(FILES) <= set(tree_of(tree))


def test_what_sysusers_and_tmpfiles_make_of_it(installed, tmp_path):
    """In a root directory of their own."""
    if os.geteuid() != 0:
        pytest.skip("giving files to another user needs root")
    for name in ("sysusers", "tmpfiles"):
        (tmp_path / f"usr/lib/{name}.d").mkdir(parents=True)
        (tmp_path / f"usr/lib/{name}.d/gatecert.conf").write_bytes(
            (installed / f"usr/lib/{name}.d/gatecert.conf").read_bytes())
    (tmp_path / "etc/gatecert").mkdir(parents=True)
    (tmp_path / "etc/gatecert/gatecert.yaml").write_text("")
    made = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", "gatecert.conf"], capture_output=True, text=True)
    assert (made.returncode, "rror" in made.stderr) == (0, False), made.stderr
    user = (tmp_path / "etc/passwd").read_text().split(":")
    assert (user[0], user[5], user[6]) == ("gatecert", "/var/lib/gatecert", "/usr/sbin/nologin\n")
    done = subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create", "gatecert.conf"], capture_output=True,
                          text=True)
    assert (done.returncode, done.stderr) == (0, "")
    etc, gid = tmp_path / "etc/gatecert", int(user[3])
    assert {path: (mode(etc / path), (etc / path).stat().st_gid) for path in
            ("", "gatecert.yaml", "hostnames.d", "hostnames.d/api.d")} == {
        "": (0o750, gid), "gatecert.yaml": (0o640, gid), "hostnames.d": (0o2775, gid),
        "hostnames.d/api.d": (0o750, gid)}
    assert (etc / "hostnames.d/api.d").stat().st_uid == int(user[2])
