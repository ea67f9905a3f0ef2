# SPDX-License-Identifier: Apache-2.0
"""`burst53 top`: who asks most and for what, from workers and from the slow path."""

import json
import subprocess
import time
from pathlib import Path

import pytest

import lab

BURST53 = lab.BUILD / "cli" / "burst53"
COREFILE = """.:53 {
    %s
    kubernetes cluster.local in-addr.arpa ip6.arpa
}
"""


def top(folder, mode, log="log"):
    """Asks while top watches; its exit code, and what it printed."""
    (folder / "Corefile").write_text(COREFILE % log, encoding="utf-8")
    lab.up(mode, "--corefile", folder / "Corefile")
    with subprocess.Popen([BURST53, "top", "--seconds", "6", "--json", "--run-dir", lab.RUN_DIR], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as watching:
        if log == "log":
            lab.wait_for(lambda: watching.poll() is not None or "memfd" in Path(f"/proc/{watching.pid}/maps").read_text(encoding="utf-8"))
        time.sleep(0.5)
        for _ in range(3):
            lab.dig("web.default.svc.cluster.local")
        lab.dig("WEB.default.svc.cluster.local", "A", "+tcp")
        lab.dig("www.example.com.cluster.local", "AAAA")
        out, err = watching.communicate(timeout=120)
    return watching.returncode, out, err


@pytest.mark.parametrize("mode", ["own", "kernel"])
def test_the_heaviest_come_first(mode, tmp_path):
    code, out, err = top(tmp_path, mode)
    assert code == 0, err
    told = json.loads(out)
    assert told["queries"] == 5 and told["not_seen"] == 0
    assert told["clients"] == [{"what": "198.18.0.10", "queries": 5}]
    assert told["names"][0] == {"what": "web.default.svc.cluster.local. A", "queries": 4}
    assert told["missing"] == [{"what": "www.example.com.cluster.local.", "queries": 1}]


def test_without_log_it_says_what_to_do(tmp_path):
    code, _, err = top(tmp_path, "own", log="errors")
    assert code == 1 and "`log`" in err
