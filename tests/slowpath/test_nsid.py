# SPDX-License-Identifier: Apache-2.0
"""`nsid` (RFC 5001) beside the real CoreDNS: the same option to who asks for it, none to others."""

import dns.edns
import dns.message
import dns.query
import pytest

from test_plugins_coredns import CoreDns, pytestmark, server, stub  # noqa: F401  # pylint: disable=unused-import

NSID = int(dns.edns.OptionType.NSID)
NAMES = ("www.example.net.", "www.example.net.", "nx.example.net.", "made.test.", "gone.test.")


def options(port, name, has_option, tcp=False):
    asked = [dns.edns.GenericOption(NSID, b"")] if has_option else []
    query = dns.message.make_query(name, "A", use_edns=0, options=asked)
    ask = dns.query.tcp if tcp else dns.query.udp
    reply = ask(query, "127.0.0.1", port=port, timeout=20)
    return [o.to_wire() for o in reply.options if int(o.otype) == NSID]


@pytest.mark.parametrize("text", ["", "cluster 53", "q"])
def test_who_asks_is_told_what_coredns_tells(text, server, stub, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    corefile = (f".:53 {{\n nsid {text}\n cache 30\n template IN A test {{\n match ^made\n"
                f' answer "{{{{ .Name }}}} 60 IN A 192.0.2.1"\n fallthrough\n }}\n'
                f" template IN A test {{\n rcode NXDOMAIN\n }}\n forward . {stub.address}:{stub.port}\n}}\n")
    coredns = CoreDns(tmp_path, corefile)
    try:
        server.generation += 1
        server.serve_corefile(corefile, generation=server.generation)
        for name in NAMES:
            for tcp in (False, True):
                want = options(coredns.port, name, True, tcp)
                assert len(want) == 1 and options(server.port, name, True, tcp) == want
                assert options(server.port, name, False, tcp) == options(coredns.port, name, False, tcp) == []
    finally:
        coredns.stop()


def test_without_the_directive_nobody_is_told(server, stub):  # noqa: F811  # pylint: disable=redefined-outer-name
    server.generation += 1
    server.serve_corefile(f".:53 {{\n forward . {stub.address}:{stub.port}\n}}\n", generation=server.generation)
    assert options(server.port, "www.example.net.", True) == []
