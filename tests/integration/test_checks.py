"""hack/check-layers and hack/check-style find what they forbid, and say nothing about the rest."""

import re
import subprocess

import pytest

from harness import CHECKOUT

# A small tree without a fault.
TREE = {
    "cmd/gatecertd/wire.c": '#include "wire.h"\n\n#include "http/curl.h"\n\nvoid *wire(void)\n{\n\treturn curl_new(0);\n}\n',
    "cmd/gatecertd/wire.h": "#pragma once\n\nvoid *wire(void);\n",
    "pkg/http/curl.h": "#pragma once\n\nvoid *curl_new(void *options);\n",
    "pkg/http/curl.c": '#include "http/curl.h"\n\n#include <curl/curl.h>\n\n#include "codec/json.h"\n',
    "pkg/codec/json.h": "#pragma once\n",
    "pkg/codec/json.c": '#include "codec/json.h"\n\n#include <cjson/cJSON.h>\n',
    "pkg/acme/acme.h": "#pragma once\n",
    "pkg/azure/azure.h": "#pragma once\n",
    "pkg/store/store.h": "#pragma once\n",
    "pkg/store/internal.h": "#pragma once\n",
    "pkg/server/server.h": "#pragma once\n",
    "pkg/hostname/hostname.h": '#pragma once\n\n#include "store/store.h"\n',
    "pkg/gwdoc/render.h": "#pragma once\n",
    "pkg/pki/key.h": "#pragma once\n",
    "pkg/pki/key_internal.h": '#pragma once\n\n#include "pki/key.h"\n',
    "pkg/pki/key.c": '#include "pki/key.h"\n\n#include "pki/key_internal.h"\n\nvoid *key_new(void)\n{\n\treturn 0;\n}\n',
    "pkg/pki/names.h": '#pragma once\n\n#include "pki/key.h"\n',
    "pkg/pki/cert.h": '#pragma once\n\n#include "pki/names.h"\n',
    "tests/world/model.h": '#pragma once\n\n#include "codec/json.h"\n',
}

# (sentence, path, text that is put at its end, what is said)
LAYERS = [
    ("an include that points up", "pkg/codec/json.c", '#include "pki/key.h"', "points up"),
    ("an include of a peer", "pkg/acme/acme.h", '#include "azure/azure.h"', "peers"),
    ("an include of the server by a reconciler", "pkg/hostname/hostname.h", '#include "server/server.h"', "points up"),
    ("a server that knows a reconciler of hostnames", "pkg/server/server.h", '#include "hostname/hostname.h"',
     "reconciling is others' work"),
    ("a document drawn with the help of a network", "pkg/gwdoc/render.h", '#include "http/curl.h"', "gwdoc is pure"),
    ("a source without a header", "pkg/pki/seal.c", "int x;", "no header of its own"),
    ("a header that speaks for another file", "pkg/http/curl.h", "void *key_new(void);", "defined in pkg/pki/key.c"),
    ("a protocol that knows objects", "pkg/acme/acme.h", '#include "store/store.h"', "not our objects"),
    ("an include without its package", "pkg/hostname/hostname.h", '#include "store.h"', "package/file.h"),
    ("a header that is not there", "pkg/hostname/hostname.h", '#include "store/none.h"', "no such header"),
    ("another package's internal header", "pkg/hostname/hostname.h", '#include "store/internal.h"', "internal to store"),
    ("cJSON outside its door", "pkg/http/curl.c", "#include <cjson/cJSON.h>", "only pkg/codec/json.c"),
    ("OpenSSL outside pki", "pkg/http/curl.c", "#include <openssl/evp.h>", "only pkg/pki/"),
    ("a world that shares the code it judges", "tests/world/model.h", '#include "pki/key.h"', "must not share"),
    ("a concrete implementation outside wire.c", "pkg/hostname/hostname.h", "void *x = curl_new(0);", "only cmd/"),
    ("a package without a place", "pkg/other/other.h", "#pragma once", "no place"),
]

STYLE = [
    ("a function past 70 lines", "pkg/http/curl.c", "void f(void)\n{\n" + "\tg();\n" * 70 + "}", "f has 73 lines"),
    ("a file past 600 lines", "pkg/http/curl.c", "\nint x;" * 600, "600 at most"),
    ("a header past 150 lines", "pkg/http/curl.h", "\nint x;" * 150, "150 at most"),
    ("a call of sleep", "pkg/http/curl.c", "void f(void)\n{\n\tsleep(1);\n}", "sleep: "),
    ("a call of usleep", "pkg/http/curl.c", "void f(void)\n{\n\tusleep(1);\n}", "usleep: "),
    ("a call of strcpy", "pkg/http/curl.c", "void f(void)\n{\n\tstrcpy(a, b);\n}", "strcpy: "),
    ("a call of sprintf", "pkg/http/curl.c", "void f(void)\n{\n\tsprintf(a, b);\n}", "sprintf: "),
    ("a call of atoi", "pkg/http/curl.c", "void f(void)\n{\n\tx = atoi(a);\n}", "atoi: "),
    ("a call of strtok_r", "pkg/http/curl.c", "void f(void)\n{\n\tstrtok_r(a, b, c);\n}", "strtok_r: "),
    ("a call of time", "pkg/http/curl.c", "void f(void)\n{\n\tx = time(NULL);\n}", "time: "),
    ("a call of clock_gettime", "pkg/http/curl.c", "void f(void)\n{\n\tclock_gettime(x, y);\n}", "clock_gettime: "),
    ("a call of system", "pkg/http/curl.c", 'void f(void)\n{\n\tsystem("x");\n}', "system: "),
    ("a call of abort", "pkg/http/curl.c", "void f(void)\n{\n\tabort();\n}", "abort: "),
    ("a call of exit", "pkg/http/curl.c", "void f(void)\n{\n\texit(1);\n}", "exit: "),
    ("a goto", "pkg/http/curl.c", "void f(void)\n{\n\tgoto end;\n}", "goto: "),
    ("a typedef of a struct", "pkg/http/curl.c", "typedef struct x x;", "typedef struct: "),
    ("white space at the end", "pkg/http/curl.c", "int x; ", "white space"),
    ("a line past 120 columns", "pkg/http/curl.c", "\t\t" + "x" * 105, "121 columns"),
    ("a header without #pragma once", "pkg/pki/other.h", "int x;", "#pragma once"),
    ("another header before the own one", "pkg/pki/names.c", '#include "codec/json.h"\n#include "pki/names.h"', "comes first"),
]

FINE = [
    ("a forbidden word in a comment", "/* never sleep(1), goto or strcpy(a, b) */"),
    ("a forbidden word in a text", 'const char *x = "system(reboot); goto end;";'),
    ("a member of a forbidden name", "void f(void)\n{\n\tx->time(1);\n\ty.system(1);\n}"),
    ("a name that ends in a forbidden one", "void f(void)\n{\n\tmake_time(1);\n\tis_asleep(1);\n\tfile_system(1);\n}"),
    ("a type of functions", "typedef enum err (*call)(struct ctx *ctx);"),
    ("a long table inside a function", "void f(void)\n{\n\tint rows[] = {\n" + "\t\t1,\n" * 100 + "\t};\n}"),
    ("a function of 70 lines", "void f(void)\n{\n" + "\tg();\n" * 67 + "}"),
]


@pytest.fixture
def tree(tmp_path):
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def run(command, tree, *args):
    said = subprocess.run([CHECKOUT / "hack" / command, *args, tree], capture_output=True, text=True)
    assert said.stderr == ""
    return said.returncode, said.stdout


def put(tree, name, text):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text + "\n")


@pytest.mark.parametrize("command", ["check-layers", "check-style"])
def test_a_tree_without_a_fault_is_passed_in_silence(tree, command):
    assert run(command, tree) == (0, "")


@pytest.mark.parametrize("name, text, expected", [row[1:] for row in LAYERS], ids=[row[0] for row in LAYERS])
def test_check_layers_finds(tree, name, text, expected):
    put(tree, name, text)
    status, said = run("check-layers", tree)
    assert status == 1 and said.count("\n") == 1
    assert said.startswith(f"{name}:") and expected in said


@pytest.mark.parametrize("name, include, size", [
    ("pkg/pki/key.h", "pki/names.h", "a circle of 2: pki/key pki/names"),
    ("pkg/pki/key.c", "pki/cert.h", "a circle of 3: pki/cert pki/key pki/names"),
    ("pkg/pki/key_internal.h", "pki/names.h", "a circle of 2: pki/key pki/names"),
], ids=["two headers", "a source, and a header beyond another", "an internal header, which is one with its source"])
def test_check_layers_finds_a_circle(tree, name, include, size):
    put(tree, name, f'#include "{include}"')
    status, said = run("check-layers", tree)
    assert status == 1 and said.count("\n") == 1 and size in said


@pytest.mark.parametrize("name, text, expected", [row[1:] for row in STYLE], ids=[row[0] for row in STYLE])
def test_check_style_finds(tree, name, text, expected):
    put(tree, name, text)
    status, said = run("check-style", tree)
    assert status == 1 and said.count("\n") == 1
    assert said.startswith(f"{name}:") and expected in said


@pytest.mark.parametrize("text", [row[1] for row in FINE], ids=[row[0] for row in FINE])
def test_check_style_lets_pass(tree, text):
    put(tree, "pkg/http/curl.c", text)
    assert run("check-style", tree) == (0, "")


def test_the_report_counts_functions_and_files(tree):
    put(tree, "pkg/http/curl.c", "void f(void)\n{\n\tg();\n}")
    status, said = run("check-style", tree, "--report")
    assert status == 0
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "functions of pkg, cmd 3 median 4 p90 4 longest 4 total 12" in lines
    assert any(line.startswith(".h of pkg, cmd 14 ") for line in lines)


def test_the_map_names_files_that_are_there():
    text = (CHECKOUT / "pkg/README.md").read_text()
    named = [path for new, path in re.findall(r"(new )?`([./\w]+\.[ch])`", text)
             if not new and "KIND" not in path and "RUNG" not in path]
    rooms = [CHECKOUT, CHECKOUT / "pkg", CHECKOUT / "cmd/gatecertd", *(CHECKOUT / "pkg").iterdir()]
    assert len(named) > 100
    assert [path for path in named if not any((room / path).is_file() for room in rooms)] == []
