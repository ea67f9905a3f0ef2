# SPDX-License-Identifier: Apache-2.0
"""A zone file with every shape of `file`, plain and with signatures, and the names that are asked of it."""

ORIGIN = "zone.test."
LONG = ".".join(c * 63 for c in "abc")

SHAPES = f"""$ORIGIN {ORIGIN}
$TTL 300
@ IN SOA ns admin 7 7200 3600 1209600 600
@ IN NS ns
@ IN NS ns2
@ A 192.0.2.200
@ MX 10 mail
@ TXT "apex"
ns A 192.0.2.53
ns AAAA 2001:db8::53
ns2 A 192.0.2.54
mail A 192.0.2.25
mail AAAA 2001:db8::25
www A 192.0.2.1
www A 192.0.2.2
al1 CNAME www
{"".join(f"al{n} CNAME al{n - 1}" + chr(10) for n in range(2, 12))}
ext CNAME www.example.net.
extal CNAME alias.example.net.
extnd CNAME nodata.example.net.
extsf CNAME sf.example.net.
gone CNAME nx.example.net.
toext CNAME ext
toapex CNAME @
tomx CNAME mx
tosv CNAME sv
togone CNAME gone
dang CNAME nothere
todang CNAME dang
self CNAME self
loop1 CNAME loop2
loop2 CNAME loop1
mx MX 10 www
mx MX 15 www
mx MX 20 mail.other.
mx MX 30 al1
mx MX 40 ns.del
mx MX 50 q.wc
_s._tcp SRV 0 0 80 www
_s._tcp SRV 0 0 81 @
_s._tcp SRV 0 0 82 x.wild
sv HTTPS 1 www alpn=h2 port=443
sv2 SVCB 1 al1 port=53
sv2 SVCB 2 WWW port=53
UPPER A 192.0.2.99
upcn CNAME WWW
*.wild A 192.0.2.9
*.wild TXT "w"
*.wild MX 5 www
sub.wild A 192.0.2.19
*.sub.wild AAAA 2001:db8::19
a.b.ent.wild A 192.0.2.29
*.wc CNAME www
*.wce CNAME www.example.net.
*.wcd CNAME nothere
*.wcw CNAME a.wild
*.wns NS ns.elsewhere.
*.wdn DNAME target
x.*.empty A 192.0.2.50
towild CNAME q.wild
towc CNAME q.wc
a.b.ent A 192.0.2.10
toent CNAME ent
todel CNAME del
del NS ns.del
del NS ns.elsewhere.
del NS ns2
del DS 1 8 2 0011223344556677889900112233445566778899001122334455667788990011
ns.del A 192.0.2.77
below.del A 192.0.2.78
del2 NS ns.del
del2 A 192.0.2.222
del3 NS @
dn DNAME target
dn A 192.0.2.111
dnext DNAME example.net.
dn1 DNAME dn2
dn2 DNAME dn1
dnself DNAME dnself
dnlong DNAME {LONG}.{ORIGIN}
dnwild DNAME wild
dndel DNAME del
dnal DNAME tgtal
x.tgtal CNAME www
x.target A 192.0.2.88
x.target AAAA 2001:db8::88
deep CNAME x.del
deep2 CNAME below.del
viadn CNAME x.dn
viadn2 CNAME y.dn
multi A 192.0.2.30
multi AAAA 2001:db8::30
multi TXT "m"
ttl 5 A 192.0.2.40
ttl 7 A 192.0.2.41
"""

MORE = (
    "", "*.wild", "y.x.wild", "wild", "q.sub.wild", "r.q.sub.wild", "ent.wild", "b.ent.wild", "z.ent.wild", "p.q.wc", "p.q.wns",
    "p.q.wdn", "b.ent", "ent", "z.ent", "x.del", "z.del", "a.z.del", "x.del2", "x.del3", "x.dn", "y.dn", "z.x.dn", "x.dnext",
    "alias.dnext", "nx.dnext", "nodata.dnext", "x.dn1", "x.dnself", "x.dnlong", "q.dnwild", "q.dndel", "x.dnal", "target", "nope",
    "a.nope", "x.www", "x.al1", "*.wc", "*", "q.empty", "x.q.empty", "empty", "WwW", "_tcp")

TYPES = ("A", "AAAA", "NS", "MX", "TXT", "SRV", "SOA", "CNAME", "DNAME", "DS", "HTTPS", "SVCB", "NSEC", "RRSIG", "ANY")


def owners():
    """The owners of the file, in front of the origin, with a name for what a wildcard stands for."""
    found = {line.split()[0].replace("*", "q") for line in SHAPES.splitlines()[2:] if line}
    return sorted(found - {"@"})


NAMES = tuple(dict.fromkeys(f"{name}.{ORIGIN}" if name else ORIGIN for name in (*owners(), *MORE)))

SIGNATURE = "8 2 300 20300101000000 20200101000000 4711 zone.test. " + "A" * 40


def order(name):
    return list(reversed(name.lower().split(".")))


def signed():
    """The same with NSEC and something of the shape of signatures."""
    types = {}
    for line in SHAPES.splitlines()[2:]:
        words = line.split()
        if words:
            kind = words[2] if words[1] in ("IN", "5", "7") else words[1]
            types.setdefault(words[0], set()).add(kind)
    chain = sorted((n for n in types if not n.endswith(".del")), key=lambda n: order("" if n == "@" else n))
    lines = [SHAPES]
    for n, owner in enumerate(chain):
        kinds = sorted(types[owner])
        for kind in kinds:
            if kind != "NS" or owner == "@":
                lines.append(f"{owner} RRSIG {kind} {SIGNATURE}\n")
        lines.append(f"{owner} NSEC {chain[(n + 1) % len(chain)]} A\n{owner} RRSIG NSEC {SIGNATURE}\n")
    return "".join(lines)


# Aliases of wildcards: burst53 signs them under the name that is asked for, as RFC 4035 3.1.3.3 wants it.
SIGNED_NAMES = tuple(n for n in NAMES if not any(f".{w}." in n for w in ("wc", "wce", "wcd", "wcw")) and n != "towc.zone.test.")
