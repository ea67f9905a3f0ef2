# SPDX-License-Identifier: Apache-2.0
"""Goals are met, missed, or not measured, by what the rows of a run say."""

import json

import pytest
from kit import goals, inproc, report


def value(number):
    return report.summary([number])


def cycles(case, number, names=10000, workers=1, mqps=10):
    row = {"kind": "cycles", "case": case, "names": names, "workers": workers}
    return {**row, "cycles": value(number), "mqps": mqps}


def verdicts(case, rows):
    return {g.text: goals.verdict(g) for g in goals.judge({case: rows})}


def test_nothing_measured_is_no_goal_met():
    found = goals.judge({})
    assert {g.case for g in found} == set(goals.CASES)
    assert {goals.verdict(g) for g in found} == {goals.UNMEASURED}


@pytest.mark.parametrize(("hits", "verdict"), [(1.1, goals.MET), (1.101, goals.MISSED), (None, goals.UNMEASURED)])
def test_kinds_of_answers_are_judged_beside_the_hits_of_their_turns(hits, verdict):
    row = {**cycles("nodata", 190), "hits": hits and value(hits)}
    assert verdicts("inproc", [cycles("a_hit", 150), row])["NODATA, times a hit"] == verdict


def runs(worker, port):
    return {loop: [{"cycles": c, "mqps": 1, "frames": 0, "text": ""} | dict.fromkeys(inproc.STAGES, 0) for c in values]
            for loop, values in (("worker", worker), ("port", port), ("swap", port), ("stages", worker))}


def test_an_answer_is_compared_with_the_hit_of_its_own_turn():
    found = {("a_hit", 1): runs([110, 210, 310], [10, 10, 10]), ("nodata", 1): runs([220, 420, 620], [20, 20, 20])}
    assert inproc.entry("nodata", 1, 1, found)["hits"]["median"] == 2
    assert inproc.entry("nodata", 1, 1, {("nodata", 1): found["nodata", 1]})["hits"] is None


def test_small_tables_are_measured_in_several_processes():
    assert inproc.processes(10000, 11) == [3, 3, 3, 3]
    assert inproc.processes(100000, 11) == [11]


def test_a_hit_has_two_limits():
    found = [goals.verdict(g) for g in goals.judge({"inproc": [cycles("a_hit", 180)]}) if g.text == "A hit, 10,000 names, cycles"]
    assert found == [goals.MET, goals.MISSED]


@pytest.mark.parametrize(("both", "met"), [(19, "met"), (18.9, "missed")])
def test_two_workers_are_judged_by_their_rate(both, met):
    rows = [cycles("a_hit", 180), cycles("a_hit", 180, workers=2, mqps=both)]
    assert verdicts("inproc", rows)["two workers, times the rate of one"] == met


def answered(server, number):
    return {"kind": "veth", "server": server, "rate_kqps": 500, "answered": value(1000 * number)}


def test_a_port_is_judged_beside_its_echo_and_the_best_peer():
    rows = [answered("echo af_packet (testpmd)", 100), answered("burst53 af_packet", 96), answered("Knot", 50), answered("NSD", 97)]
    found = verdicts("veth", rows)
    assert found["af_packet, share of the echo"] == goals.MET
    assert found["af_packet, thousand answers a second"] == goals.MISSED
    assert found["af_xdp, share of the echo"] == goals.UNMEASURED


def test_one_wrong_answer_is_too_many():
    row = {"rate": 10, "share": value(0.995), "checked": 1000, "wrong": 0, "failed": 0, "mixed": 1, "older": 0}
    found = verdicts("swap", [row])
    assert found["wrong or mixed answers while swapping"] == goals.MISSED
    assert found["10 swaps a second, share of the throughput"] == goals.MET


def changed(server, p99):
    return {"services": 100, "server": server, "p50_ms": 0.3, "p99_ms": p99}


@pytest.mark.parametrize(("ours", "met"), [(0.9, "met"), (1.0, "missed")])
def test_propagation_has_to_be_below_coredns(ours, met):
    rows = [changed("burst53 af_packet", ours), changed("CoreDNS beside burst53 af_packet", 1.0)]
    assert verdicts("propagation", rows)["propagation, 100 services, burst53 af_packet, p99 ms"] == met


def test_memory_of_a_relist_is_judged_beside_the_steady_peer():
    def row(server, steady, relist):
        one = {"services": 10000, "pods": False, "server": server, "empty_s": value(1)}
        return {**one, "steady_mb": value(steady), "relist_mb": value(relist)}

    found = verdicts("scale", [row("CoreDNS", 100, 200), row("burst53 af_packet", 50, 99)])
    assert found["10,000 services, 100,000 endpoints, burst53 af_packet, MB in a relist"] == goals.MET


def test_the_table_is_written_for_people_and_programs(tmp_path):
    found = goals.judge({"inproc": [cycles("a_hit", 180)]})
    goals.write(tmp_path, {"cpu": "c"}, found, ["Knot: not installed"], ["veth"])
    text = (tmp_path / "goals.md").read_text(encoding="utf-8")
    assert "at most 200" in text and "left out: Knot" in text and "failed: veth" in text
    rows = json.loads((tmp_path / "goals.json").read_text(encoding="utf-8"))["results"]
    assert [r["verdict"] for r in rows][:2] == [goals.MET, goals.MISSED]
