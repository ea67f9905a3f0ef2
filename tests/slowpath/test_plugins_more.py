# SPDX-License-Identifier: Apache-2.0
"""acl, any, autopath, dns64, file, header, loadbalance, local and whoami beside the real CoreDNS."""

import pytest

from plugin_cases import COMMON, Case
from test_plugins_coredns import compare, pytestmark, server, stub  # noqa: F401  # pylint: disable=unused-import

ZONE = """$ORIGIN zone.test.
$TTL 300
@ IN SOA ns admin 7 7200 3600 1209600 600
@ IN NS ns
@ IN NS ns2
ns A 192.0.2.53
ns AAAA 2001:db8::53
ns2 A 192.0.2.54
www A 192.0.2.1
www A 192.0.2.2
al CNAME www
al2 CNAME al
ext CNAME www.example.net.
gone CNAME nx.example.net.
dang CNAME nothere
loop1 CNAME loop2
loop2 CNAME loop1
mx MX 10 www
mx MX 20 mail.other.
_s._tcp SRV 0 0 80 www
txt TXT "hello" "world"
*.wild A 192.0.2.9
*.wild TXT "w"
*.wc CNAME www
a.b.ent A 192.0.2.10
del NS ns.del
del NS ns.elsewhere.
ns.del A 192.0.2.77
dn DNAME target
x.target A 192.0.2.88
deep CNAME x.del
"""
IN_ZONE = tuple(
    f"{name}zone.test." for name in (
        "", "www.", "al.", "al2.", "ext.", "gone.", "dang.", "loop1.", "mx.", "_s._tcp.", "txt.", "x.wild.", "y.x.wild.", "wild.",
        "q.wc.", "b.ent.", "a.b.ent.", "ent.", "z.ent.", "del.", "x.del.", "ns.del.", "x.dn.", "y.dn.", "dn.", "nope.", "deep."))

CASES = [
    Case("file", "file {folder}/zone.db zone.test", IN_ZONE + COMMON,
         types=("A", "AAAA", "MX", "TXT", "SRV", "SOA", "CNAME", "DNAME", "DS")),
    Case("file-ns", "file {folder}/zone.db zone.test", tuple(
        f"{name}zone.test." for name in ("", "www.", "x.wild.", "wild.", "ent.", "del.", "x.del.", "ns.", "nope.")), types=("NS",)),
    Case("file-falls", "file {folder}/zone.db zone.test {\n fallthrough\n }\n template ANY ANY zone.test {\n rcode REFUSED\n }",
         ("nope.zone.test.", "www.zone.test.", "z.ent.zone.test.")),
    Case("acl", "acl blk.test {\n block type A net *\n filter type AAAA\n allow net 127.0.0.0/8\n }\n"
         "acl sub.blk.test {\n block net *\n }\n acl own.test {\n block net 127.0.0.1/32\n }\n"
         "acl far.test {\n block net 10.0.0.0/8 ::/0\n }",
         ("blk.test.", "x.blk.test.", "sub.blk.test.", "own.test.", "far.test.") + COMMON),
    Case("header", "header {\n response set aa\n response clear ra\n }", COMMON),
    Case("header-clear", "header {\n response clear aa\n }\n whoami", COMMON, forward=False),
    Case("local", "local", ("localhost.", "x.localhost.", "localhost.foo.bar.", "1.0.0.127.in-addr.arpa.", "5.127.in-addr.arpa.",
                            "127.in-addr.arpa.", "0.in-addr.arpa.", "x.0.in-addr.arpa.", "localhosts.test.") + COMMON,
         types=("A", "AAAA", "MX", "PTR", "SOA", "NS")),
    Case("minimal", "minimal\n template IN A made.test {\n answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n"
         " additional \"x. 60 IN A 192.0.2.2\"\n authority \"test. 60 IN NS x.\"\n }\n"
         " template IN MX made.test {\n authority \"test. 60 IN SOA a. b. 1 2 3 4 5\"\n additional \"x. 60 IN A 192.0.2.2\"\n }",
         ("a.made.test.",) + COMMON, types=("A", "MX")),
    Case("any", "any", COMMON, types=("ANY", "A")),
    Case("whoami", "whoami", COMMON, forward=False),
    Case("dns64", "dns64 {\n allow_ipv4\n translate_all\n }", COMMON, types=("AAAA", "A")),
    Case("dns64-prefix", "dns64 {\n prefix 2001:db8:64::/56\n allow_ipv4\n }\n"
         "template IN AAAA four.test {\n authority \"four.test. 30 IN SOA a. b. 1 2 3 4 5\"\n }",
         ("www.four.test.", "alias.four.test.", "nx.example.net."), types=("AAAA", "A", "MX")),
    Case("autopath", "autopath {folder}/search.conf\n template ANY ANY first.test second.test {\n rcode NXDOMAIN\n }",
         ("www.example.net.first.test.", "alias.example.net.first.test.", "nx.example.net.first.test.", "www.first.test.",
          "www.other.test.", "WWW.Example.net.First.test.")),
]


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_answers_are_those_of_coredns(case, server, stub, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    (tmp_path / "zone.db").write_text(ZONE)
    (tmp_path / "search.conf").write_text("search first.test second.test\nnameserver 127.0.0.1\n")
    directives = case.directives.replace("{folder}", str(tmp_path))
    compare(Case(case.name, directives, case.names, case.types, case.also, case.forward), server, stub, tmp_path)
