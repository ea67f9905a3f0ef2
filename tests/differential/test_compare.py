# SPDX-License-Identifier: Apache-2.0
"""The comparer must see every kind of difference, and take only the intended ones as explained."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from compare import Quirks, Setting, judge  # noqa: E402
from dnswire import AA, CH, QR, RD, TC, TYPES, Bad, Opt, Question, Record, Reply, build, parse, to_wire  # noqa: E402
from shape import Zones, shape_of  # noqa: E402
from world import World  # noqa: E402

ZONES = Zones(["cluster.local", "in-addr.arpa", "ip6.arpa"])
QUIRKS = Quirks()
NAME = to_wire("web.default.svc.cluster.local")
SOA = Record(to_wire("cluster.local"), 6, 1, 30, b"soa", 7)


def address(last, ttl=30, owner=NAME):
    """An A record."""
    return Record(owner, 1, 1, ttl, bytes([10, 96, 0, last]))


def reply(asked, rcode=0, answer=(), authority=(), additional=(), **more):
    """A reply as a server would give it."""
    fields = {"ident": 1, "flags": QR | AA | RD | rcode, "rcode": rcode,
              "question": (asked.name, asked.qtype, asked.qclass), "answer": list(answer),
              "authority": list(authority), "additional": list(additional), "opt": None, "size": 100}
    return Reply(**{**fields, **more})


def verdict(question, a, b, features=(), live=("default",), whole=None):
    """judge() with a plain setting."""
    setting = Setting(ZONES, frozenset(features), frozenset(live))
    return judge(question, a, b, setting, QUIRKS, lambda _: whole or (a, b), 1232)


A_QUESTION = Question(NAME, TYPES["A"])
GOOD = reply(A_QUESTION, answer=[address(1), address(2)])


def test_the_same_in_another_order_is_no_difference():
    found = verdict(A_QUESTION, GOOD, reply(A_QUESTION, answer=[address(2), address(1)]))
    assert not found.quirks and not found.unexplained


@pytest.mark.parametrize("field, bad", [
    ("result", reply(A_QUESTION, 3, authority=[SOA])),
    ("result", reply(A_QUESTION, authority=[SOA])),
    ("result", None),
    ("answer", reply(A_QUESTION, answer=[address(1)])),
    ("answer", reply(A_QUESTION, answer=[address(1), address(3)])),
    ("answer", reply(A_QUESTION, answer=[address(1), address(2), address(2)])),
    ("ttl", reply(A_QUESTION, answer=[address(1), address(2, 29)])),
    ("authority", reply(A_QUESTION, answer=[address(1), address(2)], authority=[SOA])),
    ("additional", reply(A_QUESTION, answer=[address(1), address(2)], additional=[address(9)])),
    ("aa", reply(A_QUESTION, answer=[address(1), address(2)], flags=QR | RD)),
    ("rd", reply(A_QUESTION, answer=[address(1), address(2)], flags=QR | AA)),
    ("opcode", reply(A_QUESTION, answer=[address(1), address(2)], flags=QR | AA | RD | 0x2000)),
    ("opt", reply(A_QUESTION, answer=[address(1), address(2)], opt=Opt(1232, 0, 0, 0, b""))),
    ("fault", reply(A_QUESTION, answer=[address(1), address(2)], size=513)),
    ("fault", reply(A_QUESTION, answer=[address(1), address(2)], flags=AA | RD)),
    ("fault", reply(A_QUESTION, answer=[address(1), address(2)], question=(NAME.upper(), 1, 1))),
    ("case", reply(A_QUESTION, answer=[address(1, owner=NAME.upper()), address(2, owner=NAME.upper())])),
])
def test_a_difference_is_seen_and_not_explained(field, bad):
    assert field in [each.field for each in verdict(A_QUESTION, GOOD, bad).unexplained]


def test_a_record_that_coredns_repeats_counts_once():
    twice = reply(A_QUESTION, answer=[address(1), address(2), address(2)])
    found = verdict(A_QUESTION, twice, GOOD)
    assert not found.quirks and not found.unexplained


def test_a_cut_answer_must_be_part_of_the_whole_one():
    whole = (GOOD, GOOD)
    cut = reply(A_QUESTION, answer=[address(1)], flags=QR | AA | RD | TC)
    assert not verdict(A_QUESTION, cut, cut, whole=whole).unexplained
    foreign = reply(A_QUESTION, answer=[address(9)], flags=QR | AA | RD | TC)
    assert verdict(A_QUESTION, cut, foreign, whole=whole).unexplained
    silent = reply(A_QUESTION, answer=[address(1)])
    assert "silentcut" in [each.field for each in verdict(A_QUESTION, cut, silent, whole=whole).unexplained]


def test_tc_is_left_out_when_only_additional_records_are_missing():
    more = reply(A_QUESTION, answer=[address(1)], additional=[address(5)])
    cut = reply(A_QUESTION, answer=[address(1)], flags=QR | AA | RD | TC)
    found = verdict(A_QUESTION, cut, reply(A_QUESTION, answer=[address(1)]), whole=(more, more))
    assert found.quirks == ["25"] and not found.unexplained


def wide(rcode, question, **more):
    """A negative reply with its SOA."""
    return reply(question, rcode, authority=[SOA], **more)


TXT_APEX = Question(to_wire("cluster.local"), TYPES["TXT"])
SOA_MISSING = Question(to_wire("missing.default.svc.cluster.local"), TYPES["SOA"])
POD = Question(to_wire("x.10-0-0-1.default.pod.cluster.local"), TYPES["A"])
CHAOS = A_QUESTION._replace(qclass=CH)
NOTIFY = A_QUESTION._replace(opcode=4)
PTR = Question(to_wire("1.0.96.10.in-addr.arpa"), TYPES["PTR"])
REVERSE6 = Question(to_wire("1." + "0." * 31 + "ip6.arpa"), TYPES["PTR"])
LONG6 = Question(to_wire("x.1." + "0." * 31 + "ip6.arpa"), TYPES["PTR"])
BELOW = Question(to_wire("web.svc.in-addr.arpa"), TYPES["A"])
AXFR = Question(to_wire("www.example.org"), TYPES["AXFR"])
ALIAS = Question(to_wire("web.default.svc.Cluster.local"), TYPES["A"])
GONE = Record(PTR.name, 12, 1, 30, to_wire("web.gone.svc.cluster.local"))
HERE = Record(PTR.name, 12, 1, 30, to_wire("web.default.svc.cluster.local"))


@pytest.mark.parametrize("quirk, question, a, b", [
    ("1", TXT_APEX, wide(3, TXT_APEX), wide(0, TXT_APEX)),
    ("2", SOA_MISSING, wide(0, SOA_MISSING), wide(3, SOA_MISSING)),
    ("6", PTR, reply(PTR, answer=[GONE]), wide(3, PTR)),
    ("6", PTR, reply(PTR, answer=[GONE, HERE]), reply(PTR, answer=[HERE])),
    ("7", POD, reply(POD, answer=[address(1)]), wide(3, POD)),
    ("14", CHAOS, reply(CHAOS, answer=[address(1)]), reply(CHAOS, 5, flags=QR | RD | 5)),
    ("15", NOTIFY, reply(NOTIFY, answer=[address(1)], flags=QR | AA | 0x2000),
     reply(NOTIFY, 4, flags=QR | 0x2004, question=None)),
    ("EDE", PTR, reply(PTR, 2, opt=Opt(1232, 0, 0, 0, b"")), reply(PTR, 2, opt=Opt(1232, 0, 0, 0, b"\0\x0f\0\2\0\x0e"))),
    ("proto:E15", PTR, wide(3, PTR, opt=Opt(1232, 0, 0, 0, b"\0\3\0\0")), wide(3, PTR, opt=Opt(1232, 0, 0, 0, b""))),
    ("proto:T3", AXFR, reply(AXFR, 2), reply(AXFR, 5)),
    ("k8s:2.7", LONG6, reply(LONG6, answer=[HERE._replace(owner=LONG6.name)]), wide(3, LONG6)),
    ("k8s:2.7", BELOW, wide(0, BELOW), wide(3, BELOW)),
    ("3", ALIAS, wide(0, ALIAS), reply(ALIAS, answer=[Record(ALIAS.name, 5, 1, 30, to_wire("ns.dns.cluster.local"))])),
    ("26", PTR, wide(3, PTR, opt=Opt(1232, 0, 0, 0, b"\0\x0c\0\0")), wide(3, PTR, opt=Opt(1232, 0, 0, 0, b""))),
])
def test_an_intended_difference_is_explained_by_its_number(quirk, question, a, b):
    found = verdict(question, a, b)
    assert quirk in found.quirks and not found.unexplained


@pytest.mark.parametrize("name, theirs, ours, explained", [
    ("www.own.up.test", [17, 17], [290, 17], True),  # each record has its own
    ("www.own.up.test", [17, 17], [290, 15], True),
    ("www.own.up.test", [17, 17], [290, 20], False),
    ("www.own.up.test", [17, 17], [14, 14], False),
    ("web.default.svc.cluster.local", [17, 17], [30, 30], True),  # never kept here
])
def test_ttls_of_forwarded_answers_are_within_2_s_of_the_lowest_one(name, theirs, ours, explained):
    question = Question(to_wire(name), TYPES["A"])
    pair = [reply(question, answer=[address(i, ttl, question.name) for i, ttl in enumerate(ttls)]) for ttls in (theirs, ours)]
    found = verdict(question, *pair, features=["cache"])
    assert (found.quirks, bool(found.unexplained)) == (["22"] if explained else [], not explained)
    assert verdict(question, *pair).unexplained  # without a cache


def test_what_the_search_list_leads_to_is_not_authoritative():
    question = Question(to_wire("www.example.org.default.svc.cluster.local"), TYPES["A"])
    pair = reply(question, answer=[address(1)]), reply(question, answer=[address(1)], flags=QR | RD)
    assert verdict(question, *pair, features=["autopath"]).quirks == ["17"]
    assert verdict(question, *pair).unexplained


def test_names_below_external_services_are_missing():
    question = Question(to_wire("x.web.default.ext.test"), TYPES["A"])
    pair = reply(question, answer=[address(1)]), wide(3, question)
    assert verdict(question, *pair, features=["k8s_external"]).quirks == ["k8s_external"]
    assert verdict(question._replace(name=to_wire("web.default.ext.test")), *pair, features=["k8s_external"]).unexplained


def test_a_transfer_of_a_name_that_hosts_has_is_refused():
    question = AXFR._replace(name=NAME)
    pair = reply(question), reply(question, 5)
    assert "proto:T3" in verdict(question, *pair, features=["rewrite"]).quirks
    assert verdict(question, *pair).unexplained


@pytest.mark.parametrize("question, a, b", [
    (TXT_APEX, wide(3, TXT_APEX), reply(TXT_APEX)),  # no SOA
    (PTR, reply(PTR, answer=[HERE]), wide(3, PTR)),  # the namespace is there
    (PTR, reply(PTR, answer=[GONE, HERE]), wide(3, PTR)),
    (A_QUESTION, wide(3, A_QUESTION), wide(0, A_QUESTION)),
    (PTR, wide(3, PTR, opt=Opt(1232, 0, 0, 0, b"")), wide(3, PTR, opt=Opt(1232, 0, 0, 0, b"\0\3\0\0"))),
    (PTR, wide(3, PTR, opt=Opt(1232, 0, 0, 0, b"\0\x09\0\0")), wide(3, PTR, opt=Opt(1232, 0, 0, 0, b""))),
    (REVERSE6, reply(REVERSE6, answer=[HERE._replace(owner=REVERSE6.name)]), wide(3, REVERSE6)),
    (AXFR._replace(name=NAME), reply(AXFR._replace(name=NAME), answer=[HERE]), reply(AXFR._replace(name=NAME), 5)),
    (POD, wide(3, POD), reply(POD, answer=[address(1)])),  # the wrong way round
])
def test_a_quirk_does_not_cover_more_than_it_says(question, a, b):
    assert verdict(question, a, b).unexplained


@pytest.mark.parametrize("name, shape", [
    ("cluster.local", "apex"), ("in-addr.arpa", "rapex"), ("svc.cluster.local", "svc"),
    ("ns1.pod.cluster.local", "ns.pod"), ("ns.dns.cluster.local", "ns.dns"), ("web.default.svc.cluster.local", "service"),
    ("_a._b.web.default.svc.cluster.local", "port"), ("x.web.default.svc.cluster.local", "endpoint"),
    ("a.b.c.web.default.svc.cluster.local", "deep"), ("1-2-3-4.default.pod.cluster.local", "podname"),
    ("x.1-2-3-4.default.pod.cluster.local", "podextra"), ("w.x.y.1-2-3-4.default.pod.cluster.local", "poddeep"),
    ("xcluster.local", "outside"), ("1.0.0.10.in-addr.arpa", "reverse"), ("foo.cluster.local", "other"),
])
def test_names_have_shapes(name, shape):
    assert shape_of(to_wire(name), ZONES) == shape


def test_zones_of_a_corefile_include_networks():
    zones = Zones.of_corefile("x {\n kubernetes cluster.local 10.96.0.0/12 fd00:96::/64 {\n }\n}\n")
    assert len(zones.names) == 18
    assert ("96", "10", "in-addr", "arpa") in zones.names and ("111", "10", "in-addr", "arpa") in zones.names


def test_a_seed_makes_the_same_world_again():
    worlds = []
    for _ in range(2):
        world = World(5)
        world.populate(imports=3)
        worlds.append((world.churn(), world.objects))
    assert worlds[0] == worlds[1]


def test_a_reply_with_anything_wrong_in_its_bytes_is_refused():
    data = bytearray(build(A_QUESTION, 9))
    data[2] |= 0x80
    assert parse(bytes(data)).question[0] == NAME
    with pytest.raises(Bad):
        parse(bytes(data) + b"\0")
    with pytest.raises(Bad):
        parse(bytes(data[:-1]))
    data[12] = 0xc0  # a pointer to itself
    with pytest.raises(Bad):
        parse(bytes(data))
