# SPDX-License-Identifier: Apache-2.0
"""`burst53 status` says for each rule of the Corefile who executes it."""

import pytest

import lab

COREFILE = """.:53 {
    kubernetes cluster.local in-addr.arpa {
        fallthrough in-addr.arpa
    }
    forward . 198.18.0.10
}
"""


@pytest.mark.parametrize("mode", ["own", "kernel"])
def test_status_says_who_executes_a_rule(mode, tmp_path):
    (tmp_path / "Corefile").write_text(COREFILE, encoding="utf-8")
    lab.up(mode, "--corefile", tmp_path / "Corefile")
    found = {rule["zone"]: rule["executed_by"] for rule in lab.status()["rules"]}
    if mode == "kernel":
        assert set(found.values()) == {"slow path"}
    else:
        assert found == {"cluster.local.": "workers", "in-addr.arpa.": "workers, then slow path", ".": "slow path"}
    assert {rule["listen"] for rule in lab.status()["rules"]} == {":53"}
