# SPDX-License-Identifier: Apache-2.0
"""The checkers themselves: each finds what it is there for, and is quiet about good code."""
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
HEAD = "// SPDX-License-Identifier: Apache-2.0\n// An example.\n"
BAD_WORD = "TO" "DO"


def run(script, *args, cwd):
    done = subprocess.run([TOP / "scripts" / script, *args], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def function(lines=3, params="void", body=""):
    return f"static int f({params})\n{{\n{body}" + "\tg();\n" * (lines - 3 - body.count("\n")) + "}\n"


def nested(*heads):
    text = "".join("\t" * (i + 1) + head + "\n" for i, head in enumerate(heads)) + "\t" * (len(heads) + 1) + "g();\n"
    closing = [("\t" * (i + 1) + "}\n") for i, head in enumerate(heads) if head.endswith("{")]
    return text + "".join(reversed(closing))


SIZES = [
    ("function of 80 lines", function(80), None),
    ("function of 81 lines", function(81), "81 lines"),
    ("long table with a reason", "// size: one case for each type\n" + function(200), None),
    ("long function with a reason elsewhere", "// size: no\n\n" + function(200), "200 lines"),
    ("six parameters", function(params="int a, int b, int c, int d, int e, int f"), None),
    ("seven parameters", function(params="int a, int b, int c,\n\tint d, int e, int f, int g"), "7 parameters"),
    ("a callback counts once", function(params="int a, int (*cb)(int, int, int, int), int b, int c, int d, int e"), None),
    ("three levels", function(9, body=nested("if (a)", "for (;;)", "while (b)")), None),
    ("four levels", function(9, body=nested("if (a)", "for (;;)", "while (b)", "if (c)")), "4 nested control"),
    ("two braces", function(9, body=nested("if (a) {", "for (;;) {", "if (c)")), None),
    ("three braces", function(12, body=nested("if (a) {", "for (;;) {", "if (c) {")), "4 nested pairs"),
    ("else if is one level", function(12, body="\tif (a)\n\t\tg();\n\telse if (b)\n\t\tg();\n\telse if (c)\n\t\tg();\n"
                                               "\telse if (d)\n\t\tg();\n"), None),
    ("initialisers do not nest", function(6, body="\tx = (struct y){{{{{1}}}}};\n\treturn (struct y){.a = {{{2}}}};\n"), None),
    ("braces in strings and comments", function(7, body='\tg("{{{{{"); // {{{{\n\tc = \'{\';\n\t/* {{{ */\n'), None),
    ("loop macro nests", function(12, body=nested("EACH(a) {", "EACH(b) {", "EACH(c) {")), "4 nested pairs"),
    ("condition in a function", function(6, body="#ifdef X\n\tg();\n#endif\n"), "preprocessor condition"),
    ("macro that returns", "#define CHECK(x) \\\n\tif (x) \\\n\t\treturn -1\n", "must not return"),
    ("file of 501 lines", "\n" * 499, "501 lines, limit 500"),
]


@pytest.mark.parametrize("text,want", [c[1:] for c in SIZES], ids=[c[0] for c in SIZES])
def test_sizes(tmp_path, text, want):
    (tmp_path / "a.c").write_text(HEAD + text)
    code, out = run("check_sizes", "a.c", cwd=tmp_path)
    assert (code, want is None or want in out) == (0 if want is None else 1, True), out


def test_header_of_201_lines(tmp_path):
    (tmp_path / "a.h").write_text(HEAD + "\n" * 199)
    assert "201 lines, limit 200" in run("check_sizes", "a.h", cwd=tmp_path)[1]


LAYERS = [
    ("down", "top", "#include \"low/a.h\"\n", None),
    ("itself and libc", "low", "#include \"low/a.h\"\n\n#include <errno.h>\n#include <netinet/in.h>\n", None),
    ("a library that is listed", "top", "#include <uv.h>\n", None),
    ("up", "low", "#include \"top/a.h\"\n", "low may not include top"),
    ("a library that is not listed", "low", "#include <rte_mbuf.h>\n", "low may not include <rte_mbuf.h> (dpdk)"),
    ("unknown header", "low", "#include <glib.h>\n", "belongs to no library"),
    ("not from the top", "low", "#include \"a.h\"\n", "from the top of the tree"),
    ("missing", "low", "#include \"low/gone.h\"\n", "does not exist"),
    ("tests", "low", "#include \"tests/a.h\"\n", "nothing includes tests"),
    ("unlisted folder", "other", "#include <errno.h>\n", "folder other is not in"),
    ("in a comment", "low", "/*\n#include \"top/a.h\"\n*/\n", None),
    ("tests may", "tests", "#include \"top/a.h\"\n#include <glib.h>\n", None),
]


@pytest.fixture
def tree(tmp_path):
    for folder in ("low", "top", "other", "tests", "scripts"):
        (tmp_path / folder).mkdir()
    for folder in ("low", "top", "tests"):
        (tmp_path / folder / "a.h").write_text(HEAD + "#pragma once\n")
    (tmp_path / "scripts" / "layers.txt").write_text("low :\ntop : low uv\n")
    (tmp_path / "scripts" / "lib.sh").write_text((TOP / "scripts" / "lib.sh").read_text())
    return tmp_path


@pytest.mark.parametrize("folder,text,want", [c[1:] for c in LAYERS], ids=[c[0] for c in LAYERS])
def test_layers(tree, folder, text, want):
    (tree / folder / "b.c").write_text(HEAD + text)
    code, out = run("check_layers", "--root", tree, cwd=tree)
    assert (code, want is None or want in out) == (0 if want is None else 1, True), out


def test_cycle_of_folders(tree):
    (tree / "scripts" / "layers.txt").write_text("low : top\ntop : low\n")
    assert "cycle: low -> top -> low" in run("check_layers", "--root", tree, cwd=tree)[1]


def test_cycle_of_headers(tree):
    (tree / "low" / "b.h").write_text(HEAD + '#pragma once\n#include "low/c.h"\n')
    (tree / "low" / "c.h").write_text(HEAD + '#pragma once\n#include "low/b.h"\n')
    assert "low/b.h -> low/c.h -> low/b.h" in run("check_layers", "--root", tree, cwd=tree)[1]


def test_own_header_first(tree):
    (tree / "top" / "a.c").write_text(HEAD + '#include "low/a.h"\n#include "top/a.h"\n')
    assert '"top/a.h" must be the first include' in run("check_layers", "--root", tree, cwd=tree)[1]


TEXT = [
    ("good", "a.c", HEAD + "int a;\n", None),
    ("no licence", "a.c", "// An example.\nint a;\n", "no SPDX line"),
    ("no purpose", "a.c", HEAD.split("\n", maxsplit=1)[0] + "\n\nint a;\n", "no purpose comment"),
    ("no pragma", "a.h", HEAD + "int a;\n", "no #pragma once"),
    ("unfinished", "a.c", HEAD + f"// {BAD_WORD}: more\n", "unfinished work"),
    ("mktemp", "a.sh", "# SPDX-License-Identifier: Apache-2.0\nmktemp a.XXXXXX\n", None),
    ("machine", "a.c", HEAD + "// see /ho" "me/x\n", "path of one machine"),
    ("blanks", "a.c", HEAD + "int a; \n", "trailing blanks"),
    ("no newline", "a.c", HEAD + "int a;", "no newline"),
    ("mode", "a", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n", "not executable"),
    ("python", "a.py", "# SPDX-License-Identifier: Apache-2.0\nif\n", "invalid syntax"),
]


@pytest.mark.parametrize("name,text,want", [c[1:] for c in TEXT], ids=[c[0] for c in TEXT])
def test_text(tmp_path, name, text, want):
    (tmp_path / name).write_text(text)
    code, out = run("check_text", name, cwd=tmp_path)
    assert (code, want is None or want in out) == (0 if want is None else 1, True), out
