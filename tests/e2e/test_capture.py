# SPDX-License-Identifier: Apache-2.0
"""`burst53 capture`: what the workers receive and send, chosen by name and client, as lines and as a file for tcpdump."""

import json
import os
import signal
import subprocess

import pytest

import lab

BURST53 = lab.BUILD / "cli" / "burst53"
NAME = "web.default.svc.cluster.local"


class Capture:
    """A capture under way."""

    def __init__(self, *words):
        self.process = subprocess.Popen([str(w) for w in (BURST53, "capture", "--seconds", "60", "--run-dir", lab.RUN_DIR, *words)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self.process.pid
        # It looks once the supervisor said yes: two connections, of which the first is closed again.
        lab.wait_for(self.is_watching, 60)

    def is_watching(self):
        """The handler of SIGINT is there."""
        assert self.process.poll() is None, self.process.communicate()
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            caught = next(line.split()[1] for line in file if line.startswith("SigCgt"))
        return int(caught, 16) >> (signal.SIGINT - 1) & 1

    def end(self, number=None):
        """Its exit code, and what it printed."""
        if number:
            os.kill(self.pid, number)
        out, err = self.process.communicate(timeout=90)
        return self.process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("wanted", ["own", "shared"])
def test_queries_and_replies_of_one_name_are_shown(wanted):
    lab.up(wanted)
    capture = Capture("--json", "--name", "svc.cluster.local", "--count", "4")
    lab.dig("www.example.test")
    assert lab.dig(NAME)[0] == "NOERROR"
    assert lab.dig("Missing.default.svc.cluster.local", "AAAA", family=6)[0] == "NXDOMAIN"
    code, out, err = capture.end()
    assert code == 0 and "4 frames shown" in err, err
    told = [json.loads(line) for line in out.splitlines()]
    assert [(f["way"], f["name"], f["type"], f.get("rcode")) for f in told] == [
        ("in", NAME + ".", "A", None), ("out", NAME + ".", "A", "NOERROR"),
        ("in", "Missing.default.svc.cluster.local.", "AAAA", None),
        ("out", "Missing.default.svc.cluster.local.", "AAAA", "NXDOMAIN")]
    assert told[0]["source"] == told[1]["destination"] and told[0]["id"] == told[1]["id"]


def test_tcpdump_reads_the_file(tmp_path, own):  # pylint: disable=unused-argument
    file = tmp_path / "frames.pcapng"
    capture = Capture("--write", file, "--client", "198.18.0.10")
    assert lab.dig(NAME)[0] == "NOERROR"
    assert lab.dig(NAME, role="far")[0] == "NOERROR"
    lab.wait_for(lambda: file.exists() and file.stat().st_size > 300, 60)
    code, _, err = capture.end(signal.SIGINT)
    assert code == 0, err
    read = lab.run("tcpdump", "-n", "-r", file)
    assert read.returncode == 0, read.stderr
    lines = read.stdout.splitlines()
    assert len(lines) == 2, read.stdout
    assert f"A? {NAME}." in lines[0] and "198.18.0.10." in lines[0]
    assert "10.96.0.80" in lines[1]


def test_one_looks_at_a_time_and_none_is_left_behind(own):  # pylint: disable=unused-argument
    first = Capture()
    second = lab.run(BURST53, "capture", "--run-dir", lab.RUN_DIR)
    assert second.returncode == 1 and "somebody else" in second.stderr
    first.end(signal.SIGKILL)  # the supervisor sees it go

    def is_free():
        done = lab.run(BURST53, "capture", "--seconds", "1", "--name", "nobody.asks", "--run-dir", lab.RUN_DIR)
        assert done.returncode == 1
        return "0 frames shown" in done.stderr
    lab.wait_for(is_free, 60)


def test_without_a_port_it_says_what_to_do():
    lab.up("kernel")
    done = lab.run(BURST53, "capture", "--run-dir", lab.RUN_DIR)
    assert done.returncode == 1 and "tcpdump" in done.stderr


@pytest.mark.parametrize("words, told", [
    (["--seconds", "0"], "seconds"), (["--client", "1.2.3"], "address"), (["--name", "a..b"], "name"), (["--sample", "x"], "queries"),
    (["more"], "unexpected")])
def test_a_wrong_command_line_is_code_2(words, told):
    done = lab.run(BURST53, "capture", *words)
    assert done.returncode == 2 and told in done.stderr
