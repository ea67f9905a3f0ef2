# SPDX-License-Identifier: Apache-2.0
"""acl, any, autopath, dns64, file, header, loadbalance, local and whoami beside the real CoreDNS."""

import dataclasses

import pytest

import zone_cases
from plugin_cases import COMMON, Case
from test_plugins_coredns import compare, pytestmark, server, stub  # noqa: F401  # pylint: disable=unused-import

# Errors that CoreDNS' plugins return and do not write.
FAILING = """template IN ANY fails.test {
 rcode SERVFAIL
}
template IN A strict.test {
 match ^ok
 answer "{{ .Name }} 60 IN A 192.0.2.1"
}
template IN A whole.test {
 answer "{{ .Name }} 60 IN A 192.0.2.2"
}
"""
FAILING_NAMES = ("x.fails.test.", "no.strict.test.", "ok.strict.test.", "x.whole.test.", "x.nobody.test.")

HOSTS_FILE = """# a comment
127.0.0.2 f.h.test  g.h.test # its end
\t192.0.2.5\ttab.h.test
192.0.2.6 CAP.h.test cap.h.test
fe80::1%lo zone.h.test
192.0.2.7 dot.h.test.
127.0.0.1 localhost
bad line
192.0.2.8,9 comma.h.test
"""
LINES = " 192.0.2.1 a.h.test b.h.test\n 192.0.2.2 a.h.test\n 2001:db8::1 a.h.test\n ::ffff:192.0.2.77 mapped.h.test\n fe80::2%lo c.h.test\n"
HOSTS = (*(f"{name}.h.test." for name in ("a", "b", "c", "A", "mapped", "f", "g", "tab", "cap", "zone", "dot", "comma", "x.a", "none")),
         "h.test.", "localhost.", "www.example.net.", *(f"{n}.2.0.192.in-addr.arpa." for n in (1, 2, 5, 77, 99)),
         "2.0.0.127.in-addr.arpa.", "0.192.in-addr.arpa.", "1" + 23 * ".0" + ".8.b.d.0.1.0.0.2.ip6.arpa.",
         "1" + 29 * ".0" + ".8.e.f.ip6.arpa.")

CASES = [
    Case("file", "file {folder}/zone.db zone.test", zone_cases.NAMES + COMMON, types=zone_cases.TYPES, edns=(None,)),
    Case("file-edns", "file {folder}/zone.db zone.test", zone_cases.NAMES[::7], edns=(0,)),
    Case("file-signed", "file {folder}/signed.db zone.test", zone_cases.SIGNED_NAMES, types=zone_cases.TYPES, edns=("do",)),
    Case("file-alone", "file {folder}/zone.db zone.test", ("www.zone.test.", "nope.zone.test.", "other.test.", "del.zone.test."),
         types=("A", "NS", "DS"), forward=False),
    Case("file-falls", "file {folder}/zone.db zone.test {\n fallthrough\n }\n template ANY ANY zone.test {\n rcode REFUSED\n }",
         ("nope.zone.test.", "www.zone.test.", "ent.zone.test.", "z.ent.zone.test.", "dang.zone.test.", "q.wild.zone.test.")),
    Case("acl", "acl blk.test {\n block type A net *\n filter type AAAA\n allow net 127.0.0.0/8\n }\n"
         "acl sub.blk.test {\n block net *\n }\n acl own.test {\n block net 127.0.0.1/32\n }\n"
         "acl far.test {\n block net 10.0.0.0/8 ::/0\n }",
         ("blk.test.", "x.blk.test.", "sub.blk.test.", "own.test.", "far.test.") + COMMON),
    Case("header", "header {\n response set aa\n response clear ra\n }", COMMON),
    Case("header-errors", "header {\n response set aa rd\n query clear rd\n }\n" + FAILING, FAILING_NAMES),
    Case("header-nobody", "header {\n response set aa\n query clear rd\n }\n" + FAILING, FAILING_NAMES, forward=False),
    Case("header-rd", "header {\n response clear rd\n }", COMMON),
    Case("header-written", "rewrite rcode suffix .test. SERVFAIL REFUSED\n header {\n response set aa\n }\n" + FAILING,
         FAILING_NAMES, forward=False),
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
    Case("dns64-errors", "dns64 {\n allow_ipv4\n }\n" + FAILING, FAILING_NAMES + COMMON, types=("AAAA", "A")),
    Case("dns64-nobody", "dns64 {\n allow_ipv4\n }\n" + FAILING, FAILING_NAMES, types=("AAAA", "A"), forward=False),
    Case("dns64-written", "dns64 {\n allow_ipv4\n }\n rewrite name suffix .alias.test. .test. answer auto\n" + FAILING,
         FAILING_NAMES + ("x.fails.alias.test.",), types=("AAAA", "A"), forward=False),
    Case("dns64-denials", "dns64 {\n allow_ipv4\n }\n template IN AAAA denied.test {\n rcode NXDOMAIN\n"
         " authority \"elsewhere. 30 IN SOA a. b. 1 2 3 4 5\"\n }", ("x.denied.test.",), types=("AAAA",)),
    Case("autopath-errors", "autopath {folder}/search.conf\n template ANY ANY first.test second.test {\n rcode NXDOMAIN\n }\n" + FAILING,
         tuple(f"{name}first.test." for name in FAILING_NAMES), forward=False),
    *(Case(f"hosts-{name}", f"hosts {{folder}}/hosts h.test in-addr.arpa {{\n{LINES}{options}}}", HOSTS, types=("A", "AAAA", "PTR", "MX"))
      for name, options in (("plain", ""), ("ttl", " ttl 7\n"), ("no-reverse", " no_reverse\n"), ("falls", " fallthrough\n"),
                            ("falls-some", " fallthrough in-addr.arpa\n"), ("by-type", " fallthrough\n fallthrough_unsupported\n"))),
    Case("hosts-everywhere", "hosts {folder}/hosts", HOSTS, types=("A", "AAAA", "PTR", "MX", "ANY")),
    Case("hosts-zone", "hosts {folder}/hosts h.test", HOSTS, types=("A", "PTR")),
    Case("hosts-alone", "hosts {folder}/hosts h.test", HOSTS, types=("A", "PTR"), forward=False),
    Case("hosts-renamed", "rewrite name suffix .k.test .h.test answer auto\n hosts {folder}/hosts h.test", ("a.k.test.", "f.k.test.", "x.k.test.")),
    Case("autopath", "autopath {folder}/search.conf\n template ANY ANY first.test second.test {\n rcode NXDOMAIN\n }",
         ("www.example.net.first.test.", "alias.example.net.first.test.", "nx.example.net.first.test.", "www.first.test.",
          "www.other.test.", "WWW.Example.net.First.test.")),
]


@pytest.mark.parametrize("case", CASES, ids=[c.name for c in CASES])
def test_answers_are_those_of_coredns(case, server, stub, tmp_path):  # noqa: F811  # pylint: disable=redefined-outer-name
    (tmp_path / "zone.db").write_text(zone_cases.SHAPES)
    (tmp_path / "signed.db").write_text(zone_cases.signed())
    (tmp_path / "hosts").write_text(HOSTS_FILE)
    (tmp_path / "search.conf").write_text("search first.test second.test\nnameserver 127.0.0.1\n")
    directives = case.directives.replace("{folder}", str(tmp_path))
    compare(dataclasses.replace(case, directives=directives), server, stub, tmp_path)
