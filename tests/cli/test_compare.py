# SPDX-License-Identifier: Apache-2.0
"""burst53 compare against servers that differ in known ways."""

import json
import time

import pytest
from scapy.all import IP, UDP, Ether, IPv6, wrpcap  # pylint: disable=no-name-in-module

from played import burst53, make_image, respond

WEB = "web.a.svc.cluster.local."


def constant(records=(), **how):
    """A server that always says the same."""
    return lambda query, is_tcp: respond(query, records=records, **how)


def echo_a(query, _):
    """One address for every A, NODATA for all else."""
    question = query.question[0]
    return respond(query, records=[(question.name.to_text(), 30, "A", "10.0.0.1")] if question.rdtype == 1 else ())


def compare(a, b, *words, **more):
    """Runs it with questions for WEB unless words name others."""
    if not any(str(w) in ("--names", "--log", "--pcap") or str(w).endswith(".img") for w in words):
        words += ("--names", "-")
        more.setdefault("input", f"{WEB} A\n")
    if "--wait" not in words:
        words += ("--wait", "150")
    return burst53("compare", "--a", a.address, "--b", b.address, *words, **more)


def test_equal_servers_are_go(servers):
    a, b = servers(echo_a), servers(echo_a)
    done = compare(a, b)
    assert done.returncode == 0, done
    assert done.stdout.splitlines()[-1] == "go"
    assert "1 questions: 1 same" in done.stdout


def test_a_comparison_that_was_cut_is_no_go(servers):
    a, b = servers(echo_a), servers(echo_a)
    names = "".join(f"n{i}.ns.svc.cluster.local A\n" for i in range(5))
    done = compare(a, b, "--limit", "3", "--names", "-", input=names)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == ["up to 2 more questions were not asked",
                                             "no verdict: --limit left questions out"]
    doc = json.loads(compare(a, b, "--limit", "3", "--json", "--names", "-", input=names).stdout)
    assert (doc["go"], doc["asked"], doc["not_asked"]) == (False, 3, 2)
    done = compare(a, servers(constant()), "--limit", "3", "--names", "-", input=names)
    assert done.stdout.splitlines()[-1] == "no go"
    assert compare(a, b, "--limit", "5", "--names", "-", input=names).stdout.splitlines()[-1] == "go"


def test_a_difference_is_shown_in_full_and_is_no_go(servers):
    a = servers(constant([(WEB, 30, "A", "10.0.0.1")]))
    b = servers(constant([(WEB, 30, "A", "10.0.0.2")]))
    done = compare(a, b)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "no go"
    assert f";; {WEB} A" in done.stdout and "answer: A 1, B 1" in done.stdout
    assert f"{WEB} 30 IN A 10.0.0.1" in done.stdout and f"{WEB} 30 IN A 10.0.0.2" in done.stdout
    doc = json.loads(compare(a, b, "--json").stdout)
    assert (doc["go"], doc["asked"], doc["unexplained"]) == (False, 1, 1)
    assert doc["details"][0]["differences"] == [{"field": "answer", "a": "1", "b": "1"}]


def test_intended_differences_are_counted_by_quirk_and_go(servers):
    a, b = servers(constant(rcode="NXDOMAIN")), servers(constant())
    done = compare(a, b, "--names", "-", input="svc.cluster.local TXT\na.svc.cluster.local TXT\n")
    assert done.returncode == 0, done.stdout
    row, = [line.split() for line in done.stdout.splitlines() if line.startswith("1 ")]
    assert row[:2] == ["1", "2"]
    doc = json.loads(compare(a, b, "--json", "--names", "-", input="svc.cluster.local TXT\n").stdout)
    assert doc["go"] and doc["quirks"][0]["quirk"] == "1" and doc["quirks"][0]["example"] == "svc.cluster.local. TXT"
    # The same outside the cluster's zones is nothing that is intended.
    done = compare(a, b, "--zone", "other.example", "--names", "-", input="svc.cluster.local TXT\n")
    assert done.returncode == 1


def test_what_differs_only_for_a_moment_is_no_difference(servers):
    begin = time.monotonic()

    def late(query, _):
        return respond(query, records=[(WEB, 30, "A", "10.0.0.1" if time.monotonic() < begin + 1 else "10.0.0.2")])

    done = compare(servers(late), servers(constant([(WEB, 30, "A", "10.0.0.2")])), "--wait", "1000")
    assert done.returncode == 0, done.stdout


def test_lost_packets_are_asked_again(servers):
    seen = []

    def lossy(query, is_tcp):
        seen.append(query.id)
        return None if len(seen) % 3 else echo_a(query, is_tcp)

    done = compare(servers(lossy), servers(echo_a), "--names", "-", input="".join(f"n{i}.x.org A\n" for i in range(5)))
    assert done.returncode == 0, done.stdout


def test_a_server_that_does_not_answer_is_named(servers):
    names = "".join(f"n{i}.x.org A\n" for i in range(300))
    done = compare(servers(echo_a), servers(lambda *_: None), "--names", "-", "--qps", "100000", input=names, timeout=60)
    assert done.returncode == 1 and "server B has not answered" in done.stderr


def test_nobody_answering_is_no_go(servers):
    done = compare(servers(lambda *_: None), servers(lambda *_: b"rubbish"))
    assert done.returncode == 1 and "1 answered by neither" in done.stdout and done.stdout.endswith("no go\n")


def test_cut_replies_are_compared_over_tcp(servers):
    records = [(WEB, 30, "A", f"10.0.0.{i}") for i in range(1, 60)]

    def cut_at(n, last):
        def answer(query, is_tcp):
            return respond(query, records=records[:last] if is_tcp else records[:n], truncated=not is_tcp)
        return answer

    a, b = servers(cut_at(10, 59)), servers(cut_at(20, 59))
    assert compare(a, b).returncode == 0
    assert a.n_tcp == b.n_tcp == 1
    done = compare(a, servers(cut_at(10, 58)))
    assert done.returncode == 1 and "answer: A 59, B 58" in done.stdout


def test_a_silent_cut_is_found(servers):
    records = [(WEB, 30, "A", f"10.0.0.{i}") for i in range(1, 40)]
    a = servers(lambda query, is_tcp: respond(query, records=records if is_tcp else records[:9], truncated=not is_tcp))
    b = servers(lambda query, is_tcp: respond(query, records=records if is_tcp else records[:9]))
    done = compare(a, b)
    assert done.returncode == 1 and "silentcut: A b, B b" in done.stdout


def test_tcp_asks_over_tcp_only(servers):
    a, b = servers(echo_a), servers(echo_a)
    names = "".join(f"n{i}.x.org A\n" for i in range(20))
    done = compare(a, b, "--tcp", "--names", "-", input=names)
    assert done.returncode == 0 and (a.n_tcp, b.n_tcp, a.times, b.times) == (20, 20, [], [])


def test_edns_is_sent_with_the_size_that_was_asked_for(servers):
    sizes = []

    def note(query, is_tcp):
        sizes.append((query.edns, query.payload))
        return echo_a(query, is_tcp)

    assert compare(servers(note), servers(note), "--edns", "1400").returncode == 0
    assert compare(servers(note), servers(note)).returncode == 0
    assert sizes == [(0, 1400)] * 2 + [(-1, 0)] * 2


def test_the_rate_is_held(servers):
    a, b = servers(echo_a), servers(echo_a)
    names = "".join(f"n{i}.x.org A\n" for i in range(60))
    assert compare(a, b, "--qps", "100", "--names", "-", input=names).returncode == 0
    assert len(a.times) >= 60 and a.times[-1] - a.times[0] > 0.5  # 59 gaps of 10 ms


def asked(servers, *words, **more):
    """The questions that a source gives."""
    seen = []

    def note(query, is_tcp):
        seen.append(query.question[0].to_text().replace(" IN ", " "))
        return echo_a(query, is_tcp)

    done = compare(servers(note), servers(echo_a), *words, **more)
    assert done.returncode == ("--limit" in words), done  # what was left out leaves no verdict
    return sorted(seen)


def test_questions_come_from_a_log(servers, tmp_path):
    log = tmp_path / "coredns.log"
    log.write_text('[INFO] 10.244.0.7:53123 - 4711 "AAAA IN web.a.svc.cluster.local. udp 41 false 512" NOERROR qr,aa,rd '
                   '134 0.000061s\n[INFO] plugin/reload: Running configuration SHA512 = 00\n', encoding="utf-8")
    assert asked(servers, "--log", log) == [f"{WEB} AAAA"]
    assert asked(servers, "--log", log, "--types", "A,TXT") == [f"{WEB} A", f"{WEB} TXT"]
    done = compare(servers(echo_a), servers(echo_a), "--log", "/etc/passwd")
    assert done.returncode == 1 and "no line of CoreDNS' log plugin" in done.stderr


def test_questions_come_from_a_capture(servers, tmp_path):
    def packet(family, name, kind, dport=53):
        import dns.message  # pylint: disable=import-outside-toplevel
        return family / UDP(sport=4000, dport=dport) / dns.message.make_query(name, kind).to_wire()

    path = tmp_path / "dns.pcap"
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    wrpcap(str(path), [packet(ether / IP(dst="198.18.0.1"), WEB, "A"),
                       packet(ether / IP(dst="198.18.0.1"), WEB, "A"),
                       packet(ether / IPv6(dst="fd00::1"), "x.org", "MX"),
                       packet(ether / IP(dst="198.18.0.1"), "y.org", "A", 5353)])
    assert asked(servers, "--pcap", path) == [f"{WEB} A", "x.org. MX"]
    wrpcap(str(path), [packet(IP(dst="198.18.0.1"), WEB, "SRV")], linktype=101)
    assert asked(servers, "--pcap", path) == [f"{WEB} SRV"]


def test_questions_come_from_a_snapshot(servers, tmp_path):
    image = make_image(tmp_path / "a.img", 2, 0, 1)
    seen = asked(servers, image)
    assert "svc1.ns.svc.cluster.local. SRV" in seen and "svc1.ns.svc.cluster.local. AAAA" in seen
    assert "1.0.97.10.in-addr.arpa. PTR" in seen and "cluster.local. SOA" in seen
    assert len(seen) == len(set(seen))
    assert len(asked(servers, image, "--limit", "7")) == 7


@pytest.mark.parametrize("words, code, reason", [
    ([], 2, "give --a and --b"),
    (["--a", "127.0.0.1"], 2, "give --a and --b"),
    (["--a", "localhost", "--b", "::1"], 2, "'localhost' is no address"),
    (["--a", "::1", "--b", "::1", "--qps", "0"], 2, "not a number in range"),
    (["--a", "::1", "--b", "::1", "--edns", "65536"], 2, "not a number in range"),
    (["--a", "::1", "--b", "::1", "--types", "A,"], 1, "no burst53 runs"),
    (["--a", "::1", "--b", "::1", "--types", "A,NOPE"], 2, "not a list of types"),
    (["--a", "::1", "--b", "::1", "--zone", "a..b"], 2, "not a zone"),
    (["--a", "::1", "--b", "::1", "--names", "x", "--log", "y"], 2, "questions come from one place"),
    (["--a", "::1", "--b", "::1", "--names", "missing"], 1, "No such file"),
    (["--a", "::1", "--b", "::1", "--names", "/dev/null"], 1, "there are no questions"),
    (["--a", "::1", "--b", "::1", "--pcap", "/dev/null"], 1, "not a capture"),
])
def test_wrong_use_is_explained(words, code, reason, tmp_path):
    done = burst53("compare", *words, "--run-dir", tmp_path)
    assert done.returncode == code and reason in done.stderr, done
