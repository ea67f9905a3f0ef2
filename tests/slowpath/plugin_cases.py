# SPDX-License-Identifier: Apache-2.0
"""Corefiles of rewrite, template and whoami, and what is asked of each: for burst53 and CoreDNS side by side."""

import dataclasses
import random


@dataclasses.dataclass(frozen=True)
class Case:
    """Directives in front of a forward; names that are asked with every type."""

    name: str
    directives: str
    names: tuple
    types: tuple = ("A", "AAAA", "MX", "TXT")
    also: dict = dataclasses.field(default_factory=dict)  # name: types that only it is asked with
    forward: bool = True
    edns: tuple = (None, 0)  # EDNS versions it is asked with, and "do"
    classes: tuple = ("IN",)


IP4 = r"(^|[.])ip-10-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$"
COMMON = ("www.example.net.", "alias.example.net.", "nx.example.net.", "sf.example.net.", "nodata.example.net.")

CASES = [
    Case("exact", "rewrite name old.example.org www.example.net\n rewrite stop name exact x.y alias.example.net",
         COMMON + ("old.example.org.", "OLD.example.org.", "sub.old.example.org.", "x.y.")),
    Case("prefix", "rewrite name prefix old. www.\n rewrite name prefix al. alias. answer auto",
         ("old.example.net.", "al.example.net.", "x.old.example.net.", "old.nx.", "www.example.net.")),
    Case("suffix", "rewrite name suffix .schmoogle.com. .example.net.\n"
         "rewrite name suffix .auto.org. .example.net. answer auto",
         ("www.schmoogle.com.", "alias.schmoogle.com.", "schmoogle.com.", "www.auto.org.", "alias.auto.org.",
          "a.alias.auto.org.", "auto.org.", "nx.auto.org."),
         types=("A", "MX", "NS", "SRV", "SOA", "PTR", "NAPTR", "DNAME", "TXT")),
    Case("substring", "rewrite continue name substring .mid. .\n rewrite name substring old new answer auto",
         ("www.mid.example.net.", "oldold.old.example.net.", "www.mid.old.mid.net.", "alias.old.", "mid.net.")),
    Case("regex", r"rewrite name regex (.*)-(us-west-1)\.coredns\.rocks {1}.service.{2}.consul" "\n"
         r"rewrite name regex ^(alias)\.(.+)\.auto\.$ {1}.{2}.net. answer auto" "\n"
         r"rewrite name regex (a|b)(x)? {2}{1}.only",
         ("ftp-us-west-1.coredns.rocks.", "ftp-us-west-1.coredns.rocks.more.", "alias.deep.er.auto.", "alias.auto.",
          "a.", "bx.", "www.zzz.", r"sp\032ace-us-west-1.coredns.rocks.")),
    Case("answers", "rewrite {\n name regex (.*)\\.my\\.org\\. {1}.example.net.\n"
         " answer name (.*)\\.example\\.net\\. {1}.my.org.\n answer value (.*)\\.example\\.net\\. {1}.val.org.\n}\n"
         "rewrite stop {\n name suffix .two.org .example.net\n answer auto\n answer value (.*)\\.two\\.org {1}.val.\n}",
         ("www.my.org.", "alias.my.org.", "www.two.org.", "alias.two.org.", "nx.my.org.", "my.org."),
         types=("A", "AAAA", "MX", "NS", "SRV", "SOA", "PTR", "NAPTR", "DNAME", "CNAME")),
    Case("several", "rewrite continue name suffix .one. .two.\n rewrite continue name suffix .two. .three. answer auto\n"
         "rewrite continue ttl suffix three. 30\n rewrite name exact www.three. www.example.net.\n"
         "rewrite name exact www.example.net. never.",
         ("www.one.", "alias.one.", "www.two.", "alias.three.", "www.three.", "nx.one.", "never.")),
    Case("ttl", "rewrite ttl exact www.example.net. 15\n rewrite ttl prefix alias. 100-\n rewrite ttl suffix .org. -20\n"
         "rewrite ttl substring .mid. 65-70\n rewrite ttl regex ^(nx|nodata) 5-6\n rewrite ttl plain.net. 1",
         COMMON + ("www.org.", "alias.org.", "a.mid.b.", "plain.net.", "sub.plain.net.")),
    Case("rcode", "rewrite rcode suffix .net. SERVFAIL NXDOMAIN\n rewrite rcode regex ^nx.*org NXDOMAIN NOERROR\n"
         "rewrite rcode exact sf.org. 2 REFUSED\n rewrite rcode sf.com. SERVFAIL YXDOMAIN",
         COMMON + ("nx.org.", "sf.org.", "sf.com.", "sf.other.")),
    Case("type", "rewrite continue type AAAA A\n rewrite stop type MX TXT\n rewrite name www.example.net. alias.example.net.",
         COMMON, types=("A", "AAAA", "MX", "TXT", "SRV")),
    Case("class-to-chaos", "rewrite class IN CH", COMMON, types=("A", "TXT")),
    Case("class-to-hesiod", "rewrite class IN HS\n template HS A hs.test {\n answer \"{{ .Name }} 60 {{ .Class }} A 192.0.2.1\"\n}\n"
         "template IN TXT hs.test {\n answer \"{{ .Name }} 60 IN TXT never\"\n}", ("x.hs.test.",), types=("A", "TXT"), forward=False),
    Case("class-from-chaos", "rewrite class CH IN\n template IN A in.test {\n answer \"{{ .Name }} 60 {{ .Class }} A 192.0.2.1\"\n}",
         COMMON + ("x.in.test.",), types=("A", "TXT"), classes=("IN", "CH")),
    Case("class-continue", "rewrite continue class IN CH\n rewrite name exact a.test www.example.net", ("a.test.",), types=("A",)),
    Case("cname", "rewrite cname exact t.example.net. www.example.org.",
         COMMON + ("alias.example.org.", "alias.alias.example.net.")),
    Case("cname-parts", "rewrite continue cname prefix t.example. www.example.\n"
         "rewrite cname regex (.*)\\.example\\.com\\. {1}.other.org.",
         ("alias.example.net.", "alias.example.com.", "alias.other.", "www.example.com.")),
    Case("edns0", "rewrite continue edns0 local set 0xffee 0xabcdef\n rewrite continue edns0 local append 65001 hello\n"
         "rewrite continue edns0 local set 65002 {qname}\n rewrite continue edns0 local set 65003 {qtype}\n"
         "rewrite continue edns0 local set 65004 {client_ip}\n rewrite continue edns0 local set 65005 {protocol}\n"
         "rewrite continue edns0 subnet set 24 56\n rewrite edns0 local replace 65001 bye",
         ("www.example.net.", "other.example.net.")),
    Case("edns0-some", "rewrite continue edns0 local set 65001 a\n rewrite continue edns0 local set 65006 {client_port}\n"
         "rewrite continue edns0 local set 65007 {server_ip}\n rewrite continue edns0 local append 65001 b\n"
         "rewrite continue edns0 local replace 65009 c\n rewrite continue edns0 nsid set\n"
         "rewrite edns0 local unset 65007\n",
         ("www.example.net.",)),
    Case("template", "template IN A example {\n match " + IP4 + "\n"
         " answer \"{{ .Name }} 60 IN A 10.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}\"\n fallthrough\n}\n"
         "template IN MX example {\n match " + IP4 + "\n answer \"{{ .Name }} 60 IN MX 10 {{ .Name }}\"\n"
         " additional \"{{ .Name }} 60 IN A 10.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}\"\n"
         " authority \"example. 60 IN NS ns0.example.\" \"example. 60 IN NS ns1.example.\"\n fallthrough\n}\n"
         "template IN PTR 10.in-addr.arpa {\n"
         " match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.]10[.]in-addr[.]arpa[.]$\n"
         " answer \"{{ .Name }} 60 IN PTR ip-10-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example.\"\n}",
         ("ip-10-95-12-8.example.", "x.ip-10-1-2-3.example.", "ip-10-300-2-3.example.",
          "ip-10--2-3.example.", "www.example.", "8.12.95.10.in-addr.arpa.", "x.10.in-addr.arpa."),
         types=("A", "AAAA", "MX", "PTR")),
    Case("template-aks", "template ANY ANY internal.cloudapp.net {\n"
         " match \"^(?:[^.]+\\.){4,}internal\\.cloudapp\\.net\\.$\"\n rcode NXDOMAIN\n fallthrough\n}\n"
         "template ANY ANY reddog.microsoft.com {\n rcode NXDOMAIN\n}",
         ("a.b.c.d.internal.cloudapp.net.", "a.internal.cloudapp.net.", "www.a.b.internal.cloudapp.net.",
          "x.reddog.microsoft.com.", "reddog.microsoft.com.", "www.example.net.")),
    Case("template-rcodes", "template ANY ANY invalid {\n rcode NXDOMAIN\n"
         " authority \"invalid. 60 {{ .Class }} SOA ns.invalid. hostmaster.invalid. (1 60 60 60 60)\"\n"
         " ederror 21 \"Blocked according to RFC2606\"\n}\n"
         "template IN ANY sf {\n rcode SERVFAIL\n}\n template IN A empty {\n}\n"
         "template IN A strict {\n match ^ok\n answer \"{{ .Name }} 60 IN A 192.0.2.1\"\n}",
         ("a.invalid.", "x.sf.", "x.empty.", "ok.strict.", "no.strict.", "www.example.net.")),
    Case("template-any", "template IN A one {\n answer \"{{ .Name }} 60 {{ .Class }} {{ .Type }} 192.0.2.1\"\n}\n"
         "template IN TXT two {\n match ^(?P<a>x)\\.two\\.$ ^y\n"
         " answer \"{{ .Name }} 60 IN TXT \\\"{{ .Group.a }} {{ eq .Group.a \\\"x\\\" }} {{ ne .Group.a .Group.b }}\\\"\"\n}\n",
         ("a.one.", "x.two.", "y.two.", "z.two."), types=("A", "TXT", "ANY"), forward=False),
    Case("template-alias", "template IN ANY foogle.com {\n match \"^foogle\\.com\\.$\"\n"
         " answer \"foogle.com 60 IN CNAME www.example.net\"\n fallthrough\n}\n"
         "template IN A chain {\n answer \"{{ .Name }} 60 IN CNAME alias.example.net.\" \"{{ .Name }} 9 IN A 192.0.2.1\"\n}\n"
         "template IN A loop {\n answer \"{{ .Name }} 60 IN CNAME x{{ .Name }}\"\n match ^.{1,6}$\n fallthrough\n}",
         ("foogle.com.", "FOOGLE.com.", "x.foogle.com.", "a.chain.", "a.loop.", "aaaaaaaa.loop.")),
    Case("template-language", "template IN TXT lang {\n match ^(?P<a>[a-z]*)-(?P<n>[0-9]*)(-(?P<h>[0-9a-f]+))?\\.lang\\.$\n"
         " answer \"{{ .Name }} 5 IN TXT \\\"{{ if eq .Group.a \\\"big\\\" }}B{{ else if .Group.a }}s{{ else }}-{{ end }}\\\"\"\n"
         " answer \"{{ .Name }} 5 IN TXT \\\"{{ .Group.n | printf \\\"%05s\\\" }} {{ len .Match }} {{ index .Match 1 }}\\\"\"\n"
         " answer \"{{ .Name }} 5 IN TXT \\\"{{ range $i, $m := .Match }}{{ if $i }}/{{ $m }}{{ end }}{{ end }}\\\"\"\n"
         " answer \"{{ .Name }} 5 IN TXT \\\"{{ with .Group.h }}{{ parseInt . 16 32 }}{{ else }}none{{ end }}\\\"\"\n"
         " answer \"{{ .Question.Name }} 5 IN TXT \\\"{{ .Question.Qtype }} {{ .Class }} {{ .Type }} {{ .Zone }}\\\"\"\n"
         " answer \"{{- /* the client */ -}} {{ .Name }} 5 IN TXT \\\"{{ .Remote }} {{ printf \\\"%q\\\" .Group.nope | len }}\\\"\"\n"
         " fallthrough\n}\n"
         "template IN A num {\n match ^ip(?P<v>[0-9a-z]+)\\.num\\.$\n"
         " answer \"{{ $v := parseInt .Group.v 16 8 }}{{ .Name }} 60 IN A 10.0.0.{{ $v }}\"\n}",
         ("big-12.lang.", "small-7-ff.lang.", "-.lang.", "Big-1-fffffffff.lang.", "BIG-12-A.lang.", "none.lang.",
          "ipff.num.", "ip1ff.num.", "ipzz.num.", "ip0.num.", "x.num."),
         types=("A", "TXT")),
    Case("template-records", "template IN ANY rr {\n match ^ok\\.\n"
         " answer \"{{ .Name }} 60 IN CAA 0 issue \\\"ca.example\\\"\"\n answer \"{{ .Name }} IN 60 SRV 1 2 3 t\"\n"
         " answer \"{{ .Name }} NAPTR 1 2 \\\"s\\\" \\\"x\\\" \\\"\\\" r.\"\n answer \"{{ .Name }} 1h SSHFP 1 1 abcdef\"\n"
         " answer \"{{ .Name }} 1h30m TLSA 3 1 1 abcd\"\n answer \"{{ .Name }} TYPE65280 \\# 2 abcd\"\n"
         " answer \"{{ .Name }} HTTPS 1 . alpn=h2 port=443\"\n answer \"{{ .Name }} AAAA 2001:db8::1\"\n fallthrough\n}\n"
         "template IN A rr {\n match ^bad\\.\n answer \"{{ .Name }} 60 IN A 1.2.3\"\n fallthrough\n}\n"
         "template IN AAAA rr {\n match ^bad\\.\n answer \"{{ .Nam\" \n}" .replace('"{{ .Nam"', '"{{ index .Match 3 }}"'),
         ("ok.rr.", "bad.rr.", "www.rr.")),
    Case("both", "rewrite name suffix .ext. .int. answer auto\n rewrite ttl regex int 77\n"
         "template IN A int {\n match ^ip-(?P<a>[0-9]+)\\.int\\.$\n"
         " answer \"{{ .Name }} 60 IN A 10.0.0.{{ .Group.a }}\"\n fallthrough\n}",
         ("ip-7.ext.", "ip-7.int.", "www.ext.", "ip-300.ext.", "alias.ext.")),
    Case("whoami", "rewrite name exact me.example.org. who.example.org.\n whoami", ("me.example.org.", "x.example."),
         types=("A", "TXT"), forward=False),
    Case("whoami-renamed", "rewrite name suffix .example.org. .example.net. answer auto\n whoami",
         ("me.example.org.", "ME.example.org."), types=("A", "SRV"), forward=False),
]

LABELS = ("www", "alias", "nx", "old", "new", "mid", "a", "b", "ip-7", "example", "net", "org")


ODD = (r"sp\032ace", r"d\.e", "UPPER", r"q\"uote", "_tcp", "*", r"\000\255", r"a\@b\;", "{1}", "x" * 63, r"back\\slash")


def some_name(rnd, labels=LABELS):
    return ".".join(rnd.choices(labels, k=rnd.randint(1, 4))) + "."


def name_rule(rnd):
    """A name rule of any kind that CoreDNS takes."""
    how = rnd.choice(("exact", "prefix", "suffix", "substring", "regex"))
    from_, to = rnd.choice(LABELS[:8]) + ".", rnd.choice(LABELS[:8]) + "."
    if how == "exact":
        from_, to = some_name(rnd), some_name(rnd)
    elif how == "suffix":
        from_, to = f".{rnd.choice(LABELS[-3:])}.", f".{rnd.choice(LABELS[-3:])}."
    elif how == "regex":
        from_, to = rnd.choice((
            (r"^([a-z]+)\.(.*)$", "{2}{1}"), (r"(.*)\.net\.$", "{1}.org"), (r"^(a|b)\.(.+)", "x{1}.{2}"),
            (r"(old|new)\.(.*)", "{2}"), (r"([0-9]+)", "n{1}.example"), (r"^.{5,9}\.$", "short.example")))
    answers = rnd.choice(("", "", "answer auto", r"answer name (.*)\.org\.$ {1}.val.",
                          r"answer value ^([a-z]+)\.(.*)$ {1}.{1}.net", r"answer auto value (.*)\.net\. {1}.val"))
    return f"name {how} {from_} {to} {answers}"


def other_rule(rnd):
    how, what = rnd.choice((("suffix", ".net."), ("prefix", "a."), ("regex", "^(www|alias)"), ("substring", "mid"),
                            ("exact", some_name(rnd))))
    return rnd.choice((
        f"ttl {how} {what} {rnd.choice(('30', '10-65', '-50', '70-'))}",
        f"rcode {how} {what} {rnd.choice(('NXDOMAIN', 'NOERROR'))} {rnd.choice(('REFUSED', 'SERVFAIL', 'NOERROR'))}",
        f"type {rnd.choice(('AAAA', 'MX'))} {rnd.choice(('A', 'TXT', 'PTR'))}",
        f"edns0 local {rnd.choice(('set', 'append', 'replace'))} {rnd.choice((65001, 65002))} {rnd.choice(('x', '0xff', '{qtype}'))}",
    ))


def a_template(rnd):
    match = rnd.choice(("", r"match ^([a-z]+)\.(?P<rest>.*)$", r"match \.(?P<rest>net)\.$ ^(ip)-(?P<rest>7)", "match ^x"))
    answer = rnd.choice((
        "{{ .Name }} 60 IN A 10.0.0.{{ len .Match }}", "{{ .Name }} {{ .Class }} 5 TXT \\\"{{ .Group.rest }}\\\"",
        "{{ index .Match 1 }}. 7 IN MX 10 {{ .Zone }}", "{{ .Name }} CNAME www.example.org",
        "{{ if eq .Type \\\"A\\\" }}{{ .Name }} A 192.0.2.1{{ else }}{{ .Name }} TXT b{{ end }}"))
    more = rnd.choice(("", "rcode NXDOMAIN", "rcode REFUSED", "additional \"x. 1 IN A 192.0.2.2\"", "authority \"{{ .Zone }} NS ns\""))
    return (f"template IN {rnd.choice(('A', 'ANY', 'MX', 'TXT'))} {rnd.choice(('', 'net', 'org', 'example.net'))} {{\n {match}\n"
            f" answer \"{answer}\"\n {more}\n {rnd.choice(('', 'fallthrough', 'fallthrough', 'fallthrough a.net org'))}\n}}")


def random_case(seed):
    """Rules and names by chance, the same for the same seed."""
    rnd = random.Random(seed)
    rules = [f"rewrite {rnd.choice(('', 'stop', 'continue', 'continue'))} {rnd.choice((name_rule, name_rule, other_rule))(rnd)}"
             for _ in range(rnd.randint(1, 5))]
    stanzas = [a_template(rnd) for _ in range(rnd.randint(0, 2))]
    names = tuple(sorted({some_name(rnd) for _ in range(10)} | {some_name(rnd, LABELS + ODD) for _ in range(4)}))
    return Case(f"seed{seed}", "\n".join(rules + stanzas), names)
