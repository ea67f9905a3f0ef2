# SPDX-License-Identifier: Apache-2.0
"""`nsid` and `loop` in the whole server: workers and slow path name the server to who asks (RFC 5001), and an upstream that is
ourselves is found, shown and answered with SERVFAIL while cluster names go on."""

import dns.edns
import dns.rcode
import pytest

import lab
import scrape

NSID = dns.edns.GenericOption(int(dns.edns.OptionType.NSID), b"")
CLUSTER = "kubernetes cluster.local {\n pods insecure\n }"


@pytest.fixture(name="served", scope="module", params=["own", "kernel"])
def _served(request, tmp_path_factory):
    corefile = tmp_path_factory.mktemp("nsid") / "Corefile"
    corefile.write_text(f".:53 {{\n nsid node seven\n prometheus :9153\n {CLUSTER}\n cache 30\n forward . 198.18.0.10:5300\n}}\n",
                        encoding="utf-8")
    lab.up(request.param, "--corefile", corefile)
    upstream = scrape.Upstream(5300)
    yield
    upstream.close()
    lab.down()


@pytest.mark.parametrize("name", ["kubernetes.default.svc.cluster.local", "missing.default.svc.cluster.local", "www.example"])
def test_who_asks_is_told_the_name_of_the_server(served, name):
    for _ in range(4):  # fetched, from the slow path's cache, from the workers'
        for tcp in (False, True):
            _, _, reply = scrape.ask(name, tcp=tcp, timeout=20, use_edns=0, options=[NSID])
            assert [(int(o.otype), o.to_wire()) for o in reply.options] == [(3, b"node seven")]
            _, _, reply = scrape.ask(name, tcp=tcp, timeout=20, use_edns=0)
            assert not reply.options


def test_a_loop_is_found_and_shown_and_ends_nothing(tmp_path):
    (tmp_path / "Corefile").write_text(f".:53 {{\n prometheus :9153\n {CLUSTER}\n cache 30\n loop\n forward . 198.18.0.53\n}}\n",
                                       encoding="utf-8")
    lab.up("kernel", "--corefile", tmp_path / "Corefile")
    try:
        before = lab.pids()
        lab.wait_for(lambda: scrape.metrics().total("burst53_looping_forwards") == 1, 60)
        assert scrape.metrics().total("burst53_loops_found_total") == 1
        _, _, reply = scrape.ask("www.example", timeout=20, use_edns=0)
        assert reply.rcode() == dns.rcode.SERVFAIL and [(int(o.otype), o.code) for o in reply.options] == [(15, 22)]
        assert scrape.ask("kubernetes.default.svc.cluster.local", timeout=20)[2].answer
        assert [w["about"] for w in lab.status()["warnings"]] == ["loop"]
        assert "come back: they get SERVFAIL zone=. upstream=198.18.0.53:53" in lab.log() and lab.pids() == before
    finally:
        lab.down()
