# SPDX-License-Identifier: Apache-2.0
"""burst53 status, query and dump say what the running server does and answers."""

import json
import subprocess

import lab
from test_answers import ROWS

BURST53 = lab.BUILD / "cli" / "burst53"


def command(*words):
    """One sub-command on the lab's instance."""
    return lab.run(BURST53, words[0], "--run-dir", lab.RUN_DIR, *words[1:])


def answers(text):
    """Sorted `TYPE rdata` of query's answer section."""
    found = []
    section = False
    for line in text.splitlines():
        if line.startswith(";;"):
            section = line == ";; answer"
        elif section:
            found.append(line.split(None, 3)[3])
    return sorted(found)


def test_status_says_that_all_is_well(mode):
    lab.wait_for(lambda: command("status").returncode == 0, 3)
    done = command("status")
    assert done.returncode == 0 and "serving      yes" in done.stdout, done.stdout
    facts = lab.status()
    assert all(p["running"] for p in facts["processes"])
    assert {a["mode"] for a in facts["addresses"]} == {mode if mode != "xdp" else "own"}
    assert facts["control"]["synced"] and facts["control"]["services"] >= 5
    if mode != "kernel":
        assert facts["dataplane"]["generation"] > 0
        # The first questions may have been the kernel's, before the address was taken from it.
        lab.wait_for(lambda: lab.dig("kubernetes.default.svc.cluster.local") and
                     sum(w["replies"] for w in lab.status()["workers"]) > 0)


def test_status_is_watched(mode):  # pylint: disable=unused-argument
    with subprocess.Popen([lab.BUILD / "cli" / "burst53", "status", "--watch=1", "--json", "--run-dir", lab.RUN_DIR],
                          stdout=subprocess.PIPE, text=True) as watching:
        starts = 0
        for line in watching.stdout:
            starts += line == "{\n"
            if starts == 3:
                break
        watching.terminate()
        watching.stdout.read()
    assert starts == 3


def test_query_gives_the_servers_answers(mode):
    wrong = []
    for name, kind, rcode, rdata in ROWS:
        done = command("query", name, kind, "--explain")
        if rcode not in done.stdout.splitlines()[0] or answers(done.stdout) != rdata:
            wrong.append(done.stdout)
        if (done.returncode == 0) != (rcode in ("NOERROR", "NXDOMAIN")):
            wrong.append((name, done.returncode))
    assert not wrong


def test_query_explains_itself(mode):
    why = json.loads(command("query", "web.default.svc.cluster.local", "--explain", "--json").stdout)["explain"]
    assert (why["zone"], why["plugin"], why["line"]) == ("cluster.local.", "kubernetes", 4)
    assert why["generation"] >= 1 and why["image"] in ("base", "overlay")


def test_query_of_a_dump_needs_no_server():
    done = lab.run(BURST53, "query", "web.default.svc.cluster.local", "AAAA", "--dump", lab.DATA / "lab.json", "--conf",
                   lab.DATA / "lab.Corefile")
    assert done.returncode == 0 and answers(done.stdout) == ["AAAA fd00:96::80"], done.stderr


def test_dump_prints_what_is_answered(mode):
    lines = [line for line in command("dump").stdout.splitlines() if not line.startswith(";")]
    records = [line.split(None, 4) for line in lines]
    assert len([r for r in records if r[0] == "many.shop.svc.cluster.local." and r[3] == "A"]) == 100
    assert lines == list(dict.fromkeys(lines)), "a record is printed twice"
    for owner, _, _, kind, rdata in records[::len(records) // 40]:
        _, flags, got = lab.dig(owner, kind, "+ignore")
        assert f"{kind} {rdata}" in got or "tc" in flags, (owner, kind, rdata, got)


def test_without_an_instance_commands_say_so():
    for name in ("status", "dump"):
        done = lab.run(BURST53, name, "--run-dir", "/nonexistent")
        assert done.returncode == 1 and "no burst53 runs" in done.stderr
