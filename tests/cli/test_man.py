# SPDX-License-Identifier: Apache-2.0
"""Manual pages and completion know every command and option that the help lists, and the documents every difference."""

import re
import subprocess
from pathlib import Path

import pytest

from played import burst53

TOP = Path(__file__).resolve().parents[2]
MAN = TOP / "docs" / "man"
COMPLETION = TOP / "deploy" / "completion" / "burst53"


def commands():
    """The commands of the help."""
    return re.findall(r"^  ([a-z]+) +\S", burst53("--help").stdout, re.M)


def options_in(lines):
    """The long options at the begin of these lines, before what is said of them; those of nodelocal have one dash."""
    listed = [re.split(r"(?<=\S)  +", line.strip())[0] for line in lines if re.match(r" +-", line)]
    return {word for each in listed for word in re.findall(r"(?<!\S)--?[a-z0-9.-]+[a-z0-9]", each)}


def options_of(command):
    """Those that a command's help lists."""
    return options_in(burst53(command, "--help").stdout.splitlines())


def manual(name):
    """A manual page as text."""
    page = (MAN / f"{name}.1").read_text(encoding="utf-8")
    done = subprocess.run(["groff", "-ww", "-man", "-Tascii", "-P-bcu"], input=page, capture_output=True, text=True,
                          check=True)
    assert done.stderr == "", done.stderr
    return done.stdout


def complete(*words):
    """What bash offers behind these words."""
    script = (f'. {COMPLETION}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _burst53; printf "%s\\n" "${{COMPREPLY[@]}}"')
    done = subprocess.run(["bash", "-c", script, "bash", "burst53", *words], capture_output=True, text=True, check=True,
                          cwd=TOP)
    return set(done.stdout.split())


def test_every_command_has_a_page_and_is_completed():
    assert len(commands()) >= 8
    text = manual("burst53")
    for command in commands():
        assert f"burst53-{command}(1)" in text, command
        assert (MAN / f"burst53-{command}.1").exists(), command
    assert set(commands()) <= complete("")
    assert complete("h") == {"history"}


@pytest.mark.parametrize("command", commands())
def test_page_completion_and_help_have_the_same_options(command):
    options = options_of(command)
    assert ("-help" if command == "nodelocal" else "--help") in options
    page = manual(f"burst53-{command}").split("\nOPTIONS\n")[1].split("\nEXIT STATUS\n")[0]
    assert options_in(page.splitlines()) == options
    assert complete(command, "-") == options


def test_values_are_completed():
    assert complete("run", "--idle", "p") == {"poll", "pause"}
    assert complete("diff", "--conf", "READ") == {"README.md"}
    assert complete("query", "--run-dir", "doc") == {"docs"}
    assert complete("diff", "l") >= {"live"}
    assert complete("nonsense", "--") == set()


def test_every_difference_from_coredns_that_is_counted_is_in_the_list():
    text = (TOP / "docs" / "configuration.md").read_text(encoding="utf-8")
    table = text.split("## Differences from CoreDNS")[1].split("\n## ")[0]
    numbers = re.findall(r"^\| (.+?) \|", table, re.M)  # `template`, or several of them with commas
    listed = {number.strip(" `") for cell in numbers for number in cell.split(",")}
    rows = (TOP / "tests" / "differential" / "quirks.txt").read_text(encoding="utf-8").splitlines()
    counted = {row.split()[0] for row in rows if row and not row.startswith("#")}
    counted |= set(re.findall(r'\] = \{"(\w+)",', (TOP / "cli" / "compare_quirks.c").read_text(encoding="utf-8")))
    assert len(counted) > 25 and counted <= listed, counted - listed
