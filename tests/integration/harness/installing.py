"""make install of the build under test into a directory."""

import os
import subprocess

from .paths import BUILD, CHECKOUT


def sanitizers():
    """SAN of the build under test, or ""."""
    name = BUILD.name
    return name.removeprefix("san-") if name.startswith("san-") else ""


def install(tree, **variables):
    """Returns `tree`, a pathlib.Path. `variables` are make's."""
    build = {"SAN": sanitizers()} if sanitizers() else {"B": os.path.relpath(BUILD, CHECKOUT)}
    # What a make above us said is not for this one.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    # What is under test is there: it is installed as it is (-o), never built anew.
    done = subprocess.run(["make", "-s", "-C", str(CHECKOUT), "-o", os.path.relpath(BUILD / "gatecertd", CHECKOUT),
                           "install", f"DESTDIR={tree}",
                           *(f"{name}={value}" for name, value in {**build, **variables}.items())],
                          capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return tree
