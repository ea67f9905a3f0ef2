# SPDX-License-Identifier: Apache-2.0
"""deploy/burst53.conf and burst53.conf(5): every setting is in them, and what they show is accepted."""

import re
import subprocess
from pathlib import Path

import pytest

from played import burst53

TOP = Path(__file__).resolve().parents[2]
EXAMPLE = TOP / "deploy" / "burst53.conf"
MAN = TOP / "docs" / "man" / "burst53.conf.5"
ALONE = {"config", "help"}  # of the command line only
ALIASES = {"dns.port": "dns-port"}


def settings():
    """What the help lists."""
    lines = [line for line in burst53("run", "--help").stdout.splitlines() if re.match(r"^  --", line)]
    names = {line.split()[0][2:] for line in lines}
    return {ALIASES.get(name, name) for name in names} - ALONE


def shown():
    """The example's settings, those behind a `#` too."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return [line.lstrip("#") for line in lines if re.match(r"#?[a-z]", line)]


def run_with(tmp_path, lines):
    """Exit code and complaint: 2 is for settings, 1 for what cannot be started with them."""
    conf = tmp_path / "burst53.conf"
    conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = burst53("run", "--config", str(conf), "--conf", "/nonexistent/Corefile")
    return done.returncode, done.stderr


def test_the_example_as_it_stands_is_accepted():
    done = burst53("run", "--config", str(EXAMPLE), "--conf", "/nonexistent/Corefile")
    assert done.returncode == 1 and "/nonexistent/Corefile" in done.stderr


@pytest.mark.parametrize("line", shown())
def test_every_line_of_the_example_is_accepted(tmp_path, line):
    needs = {"context": "kubeconfig K\nport none", "outside": "network 10.0.0.0/8\nport af_packet:eth0\naddress 10.0.0.1",
             "network": "port af_packet:eth0\naddress 10.0.0.1"}
    own = line.startswith("port ")
    rest = [needs.get(line.split()[0], "port none" if not own else "address 10.96.0.10")]
    code, text = run_with(tmp_path, [line, *rest])
    assert code == 1 and "/nonexistent/Corefile" in text, text


def test_the_example_and_the_page_know_every_setting():
    page = subprocess.run(["groff", "-ww", "-man", "-Tascii", "-P-bcu"], input=MAN.read_text(encoding="utf-8"),
                          capture_output=True, text=True, check=True)
    assert page.stderr == "", page.stderr
    headings = set(re.findall(r"^ {7}([a-z][a-z0-9.-]*)", page.stdout, re.M))
    assert {line.split()[0] for line in shown()} == settings()
    assert settings() <= headings, settings() - headings


def test_a_wrong_line_is_named_with_its_place(tmp_path):
    code, text = run_with(tmp_path, ["port none", "  workers many"])
    assert code == 2 and "burst53.conf:2:11: workers: 'many' is no number from 1 to 32" in text
    code, text = run_with(tmp_path, ["prot none"])
    assert code == 2 and "burst53.conf:1:1: there is no setting 'prot': see burst53.conf(5)" in text
