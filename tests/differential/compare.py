# SPDX-License-Identifier: Apache-2.0
"""Compares two servers' replies to one question and looks each difference up in the table of intended ones."""

from pathlib import Path
from typing import NamedTuple

from dnswire import AA, AD, CD, IN, QR, RA, RCODES, RD, TC, Z, labels_of, to_text, to_wire, type_name
from shape import shape_of

FLAGS = {"aa": AA, "rd": RD, "ra": RA, "ad": AD, "cd": CD, "z": Z}
SEARCHED = ["default", "svc", "cluster", "local"]  # what the client's search list begins with
OUR_LIMIT = 1232  # no UDP reply of burst53 is larger


class Difference(NamedTuple):
    """One field that differs, with both values as words."""

    field: str
    a: str
    b: str


class Pair(NamedTuple):
    """What the conditions of the table look at."""

    question: object
    a: object
    b: object
    shape: str
    setting: object
    whole: tuple = ()  # both replies over TCP, when one over UDP was cut


class Setting(NamedTuple):
    """What is known of the servers' common set-up."""

    zones: object
    features: frozenset = frozenset()
    live_spaces: frozenset = frozenset()  # namespaces whose Namespace object exists and is exposed
    split: frozenset = frozenset()  # addresses that are in several topology zones
    unowned: frozenset = frozenset()  # reverse names of endpoints in slices that name no service


def result_of(reply):
    """The outcome in one word."""
    if reply is None:
        return "SILENCE"
    if reply.rcode == 0:
        return "ANSWER" if reply.answer or reply.flags & TC else "NODATA"
    return RCODES.get(reply.rcode, f"RCODE{reply.rcode}")


def limit_of(question):
    """The largest UDP reply the client takes."""
    return max(512, question.edns) if question.edns >= 0 else 512


def section_key(records):
    """A section as a sorted list, TTL and case left out."""
    return sorted((r.owner.lower(), r.rtype, r.rclass, r.rdata) for r in records)


def ttl_key(records):
    """The TTLs in the order of section_key, twins once."""
    return [ttl for *_, ttl in sorted({(r.owner.lower(), r.rtype, r.rclass, r.rdata, r.ttl) for r in records})]


def is_same_set(mine, yours):
    """Whether two sections hold the same records. CoreDNS may repeat one (RFC 2181 5), b may not where a does not."""
    a, b = section_key(mine), section_key(yours)
    return b in (a, sorted(set(a)))


def option_codes(opt):
    """The codes of an OPT's options, malformed ones as -1."""
    out, at, data = [], 0, opt.options if opt else b""
    while at + 4 <= len(data):
        out.append(int.from_bytes(data[at:at + 2], "big"))
        at += 4 + int.from_bytes(data[at + 2:at + 4], "big")
    return sorted(out) if at == len(data) else [-1]


def keeps_case(question, reply):
    """Whether the question and the first owner that is the question's name are spelled as asked."""
    for record in reply.answer:
        if record.owner.lower() == question.name.lower():
            return record.owner == question.name
    return True


def compare_opt(a, b):
    """Differences of the OPT records."""
    if bool(a.opt) != bool(b.opt):
        return [Difference("opt", "yes" if a.opt else "-", "yes" if b.opt else "-")]
    if not a.opt:
        return []
    out = []
    if a.opt.size != b.opt.size:
        out.append(Difference("size", str(a.opt.size), str(b.opt.size)))
    if (a.opt.version, a.opt.flags) != (b.opt.version, b.opt.flags):
        out.append(Difference("edns", f"{a.opt.version}/{a.opt.flags:x}", f"{b.opt.version}/{b.opt.flags:x}"))
    codes = [",".join(map(str, option_codes(reply.opt))) for reply in (a, b)]
    if codes[0] != codes[1]:
        out.append(Difference("options", *codes))
    return out


def compare_sections(a, b):
    """Differences of the three sections as sets, then of the TTLs where the sets agree."""
    out = []
    for name in ("answer", "authority", "additional"):
        mine, yours = getattr(a, name), getattr(b, name)
        if not is_same_set(mine, yours):
            out.append(Difference(name, str(len(mine)), str(len(yours))))
        elif ttl_key(mine) != ttl_key(yours):
            out.append(Difference("ttl", *(",".join(map(str, sorted(set(ttl_key(x))))) for x in (mine, yours))))
    return out


def is_part(reply, whole):
    """Whether each record of a reply is in the whole one (TTLs aside: they may count down)."""
    return all(set(section_key(getattr(reply, name))) <= set(section_key(getattr(whole, name)))
               for name in ("answer", "authority", "additional"))


def faults_of(question, reply, limit):
    """What is wrong with a reply all by itself."""
    out = []
    if not reply.flags & QR:
        out.append("QR=0")
    if reply.question and reply.question != (question.name, question.qtype, question.qclass):
        out.append("question changed")
    if not question.tcp and reply.size > limit:
        out.append(f"{reply.size} bytes, limit {limit}")
    return out


def compare_truncated(question, a, b, ask_tcp):
    """UDP replies of which one is cut: both must be parts of TCP replies that agree."""
    whole_a, whole_b = ask_tcp(question._replace(tcp=True))
    if whole_a is None or whole_b is None:
        return [Difference("tcp", result_of(whole_a), result_of(whole_b))]
    out = compare_sections(whole_a, whole_b)
    for reply, whole, who in ((a, whole_a, "a"), (b, whole_b, "b")):
        if not is_part(reply, whole):
            out.append(Difference("part", who, who))
        if section_key(reply.answer) != section_key(whole.answer) and not reply.flags & TC:
            out.append(Difference("silentcut", who, who))
    if bool(a.flags & TC) != bool(b.flags & TC):
        out.append(Difference("tc", str(int(bool(a.flags & TC))), str(int(bool(b.flags & TC)))))
    return out


def differences(question, a, b, ask_tcp, our_limit=65535):
    """All fields that differ; an empty list means that the replies say the same."""
    results = result_of(a), result_of(b)
    if a is None or b is None:
        return [Difference("result", *results)] if results[0] != results[1] else []
    faults = faults_of(question, b, min(limit_of(question), our_limit))
    out = [Difference("fault", "-", fault) for fault in faults]
    if results[0] != results[1]:
        return out + [Difference("result", *results)] + check_negative(b, results[1])
    if (a.flags >> 11 & 15) != (b.flags >> 11 & 15):
        out.append(Difference("opcode", str(a.flags >> 11 & 15), str(b.flags >> 11 & 15)))
    if bool(a.question) != bool(b.question):
        out.append(Difference("question", "yes" if a.question else "-", "yes" if b.question else "-"))
    for name, bit in FLAGS.items():
        if (a.flags ^ b.flags) & bit:
            out.append(Difference(name, str(int(bool(a.flags & bit))), str(int(bool(b.flags & bit)))))
    if keeps_case(question, a) != keeps_case(question, b):
        out.append(Difference("case", str(keeps_case(question, a)), str(keeps_case(question, b))))
    out += compare_opt(a, b)
    sections = compare_sections(a, b)
    cut = (a.flags | b.flags) & TC or any(each.field == "additional" for each in sections)
    if cut and not question.tcp:
        return out + compare_truncated(question, a, b, ask_tcp)
    return out + sections


def check_negative(reply, result):
    """A negative answer that differs on purpose still needs its SOA (outside names and refusals apart)."""
    if result in ("NODATA", "NXDOMAIN") and reply.flags & AA and not any(r.rtype == 6 for r in reply.authority):
        return [Difference("soa", "*", "missing")]
    return []


# -- conditions of the table

def is_mixed_case(pair):
    """The zone part or prefix has capitals."""
    return pair.question.name != pair.question.name.lower()


def is_cached_case(pair):
    """A cache answers with what was asked in capitals before."""
    return "cache" in pair.setting.features and any(r.rtype == 6 and r.owner != r.owner.lower()
                                                    for r in pair.a.authority)


def is_alias_of_ns(pair):
    """The name is an alias of `ns.dns`."""
    return any(r.rtype == 5 and labels_of(r.rdata)[:2] == ["ns", "dns"] for r in pair.b.answer)


def is_no_address(pair):
    """A reverse name with labels in front of an address, or the name of a service under a reverse zone."""
    labels = labels_of(pair.question.name)
    front, _ = pair.setting.zones.split(labels)
    return front[-1] in ("svc", "pod") or (labels[-2:] == ["ip6", "arpa"] and len(labels) > 34)


def is_split_zone(pair):
    """A name by topology zone, where only addresses differ that are in several zones."""
    def addresses(reply):
        return {r.rdata for r in reply.answer + reply.additional if r.rtype in (1, 28)}
    a, b = pair.whole or (pair.a, pair.b)
    return "_zone" in labels_of(pair.question.name) and addresses(a) ^ addresses(b) <= pair.setting.split


def is_below(pair):
    """The name is below a zone's apex."""
    return pair.shape not in ("apex", "rapex", "outside")


def is_rewritten(pair):
    """A rewrite made a cluster name of it."""
    return "rewrite" in pair.setting.features and any(r.rtype == 6 and labels_of(r.owner)[-2:] == ["cluster", "local"]
                                                      for r in pair.b.authority)


def is_gone_space(pair):
    """All that only CoreDNS answers points into namespaces that do not exist or are not exposed."""
    a, b = pair.whole or (pair.a, pair.b)
    here = set() if b is None else {r.rdata for r in b.answer}
    extra = [r for r in a.answer if r.rdata not in here]
    spaces = [labels_of(r.rdata) for r in extra]
    return all("svc" in labels and labels[len(labels) - 1 - labels[::-1].index("svc") - 1]
               not in pair.setting.live_spaces for labels in spaces)


def is_unowned(pair):
    """The address is in a slice without the label that names its service."""
    return to_text(pair.question.name.lower()).rstrip(".") in pair.setting.unowned


def other_options(pair):
    """The codes of EDNS options that only one of the replies has."""
    return set(option_codes(pair.a.opt)) ^ set(option_codes(pair.b.opt))


def is_nsid(pair):
    """Only CoreDNS sends the client's empty NSID back."""
    return option_codes(pair.a.opt).count(3) > option_codes(pair.b.opt).count(3) \
        and not other_options(pair) - {3, 10, 11, 12, 15}


def is_forwarded_only(question):
    """A name that no object of the cluster leads to: both servers fetched it when it was asked for."""
    return labels_of(question.name)[-3:] == ["own", "up", "test"]


def is_kept_alike(pair):
    """A cache is in front. CoreDNS has the lowest TTL for all records of a message: ours of a forwarded one is within 2 s of it."""
    if not is_forwarded_only(pair.question):
        return "cache" in pair.setting.features
    a, b = (min((r.ttl for r in reply.answer + reply.authority), default=0) for reply in pair.whole or (pair.a, pair.b))
    return "cache" in pair.setting.features and abs(a - b) <= 2


def is_respelled(pair):
    """CoreDNS' cache has the name in capitals of somebody else, so that no rule of an answer fits it."""
    def kinds(reply):
        return sorted((r.rtype, r.rclass) for r in reply.answer + reply.additional)
    a, b = pair.whole or (pair.a, pair.b)
    owners = [r.owner for r in pair.a.answer + a.answer if labels_of(r.owner)[-2:] in (["cluster", "local"], ["up", "test"])]
    return {"rewrite", "cache"} <= pair.setting.features and kinds(a) == kinds(b) and any(o != o.lower() for o in owners)


def is_searched(pair):
    """The client's search list is walked for the name."""
    return "autopath" in pair.setting.features and labels_of(pair.question.name)[-4:] == SEARCHED


def is_search_itself(pair):
    """The name is the first of the client's search list, or a rewrite makes it so."""
    return "autopath" in pair.setting.features and labels_of(pair.question.name) in (SEARCHED, ["default", "old", "test"])


def external_labels(pair):
    """A name of `k8s_external` that was asked for, or that the search list leads to; empty for others."""
    labels = labels_of(pair.question.name)
    labels = labels[:-4] if is_searched(pair) else labels
    return labels if "k8s_external" in pair.setting.features and labels[-2:] == ["ext", "test"] else []


def is_unnamed_port(pair):
    """An empty name of a port or protocol of a service that has a load balancer's host name."""
    return "_" in external_labels(pair)[:2] and all(r.rdata.endswith(to_wire("www.up.test")) for r in pair.a.answer[:1])


def is_also_alias(pair):
    """CoreDNS has an alias beside addresses: of a service that has both outside."""
    return bool(external_labels(pair)) and any(r.rtype in (5, 33) and r.rdata.endswith(to_wire("www.up.test")) for r in pair.a.answer) \
        and not any(r.rdata.endswith(to_wire("www.up.test")) for r in pair.b.answer)


CONDITIONS = {
    "-": lambda pair: True,
    "mixedcase": is_mixed_case,
    "cachedcase": is_cached_case,
    "cachemixed": lambda pair: "cache" in pair.setting.features and is_mixed_case(pair),
    "nsaliascase": lambda pair: is_alias_of_ns(pair) and (is_mixed_case(pair) or is_cached_case(pair)),
    "nsaliasbind": lambda pair: is_alias_of_ns(pair) and "bind" in pair.setting.features,
    "noaddress": is_no_address,
    "keptalike": is_kept_alike,
    "respelled": is_respelled,
    "searched": is_searched,
    "searchitself": is_search_itself,
    "labelinfront": lambda pair: len(external_labels(pair)) == 5,
    "unnamedport": is_unnamed_port,
    "alsoalias": is_also_alias,
    "hostname": lambda pair: bool(external_labels(pair)) and not pair.b.additional,
    "nsid": is_nsid,
    "splitzone": is_split_zone,
    "refused": lambda pair: result_of(pair.b) == "REFUSED",
    "below": is_below,
    "rewritten": is_rewritten,
    "hosts": lambda pair: "rewrite" in pair.setting.features,
    "clusterset": lambda pair: "multicluster" in pair.setting.features
                  and labels_of(pair.question.name)[-2:] == ["clusterset", "local"],
    "gonespace": is_gone_space,
    "plainbind": lambda pair: "bind" in pair.setting.features,
    "unowned": is_unowned,
    "cache": lambda pair: "cache" in pair.setting.features,
    "unsynced": lambda pair: "unsynced" in pair.setting.features,
    "unsyncedbelow": lambda pair: "unsynced" in pair.setting.features and is_below(pair),
    "unsyncedcase": lambda pair: "unsynced" in pair.setting.features and is_mixed_case(pair),
    "notin": lambda pair: pair.question.qclass != IN,
    "notify": lambda pair: pair.question.opcode == 4,
    "notimp": lambda pair: result_of(pair.b) == "NOTIMP",
    "large": lambda pair: limit_of(pair.question) > OUR_LIMIT,
    "onlymore": lambda pair: len(pair.b.answer) >= len(pair.a.answer),
    "cookieroom": lambda pair: pair.a.size + max(0, len(pair.b.opt.options) - len(pair.a.opt.options)) > limit_of(pair.question)
                  if pair.a.opt and pair.b.opt else False,
    "cookies": lambda pair: not other_options(pair) - {10, 11, 12},
    "reasons": lambda pair: not other_options(pair) - {10, 11, 12, 15},
    "badquery": lambda pair: result_of(pair.b) in ("FORMERR", "BADVERS"),
}


class Row(NamedTuple):
    """A row of quirks.txt."""

    quirk: str
    field: str
    a: frozenset
    b: frozenset
    shapes: frozenset
    types: frozenset
    condition: str


def fits(value, allowed):
    """Whether a word is among the alternatives."""
    return "*" in allowed or value in allowed


class Quirks:
    """The table of intended differences."""

    def __init__(self, path=Path(__file__).resolve().parent / "quirks.txt"):
        self.rows = []
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.partition("#")[0].split()
            if words:
                quirk, field, *lists, condition = words
                self.rows.append(Row(quirk, field, *(frozenset(each.split(",")) for each in lists), condition))
                if condition not in CONDITIONS or len(lists) != 4:
                    raise ValueError(f"{path}: bad row: {line}")

    def explain(self, difference, pair):
        """The quirk number of a difference, or None."""
        qtype = type_name(pair.question.qtype)
        for row in self.rows:
            if row.field == difference.field and fits(difference.a, row.a) and fits(difference.b, row.b) \
                    and fits(pair.shape, row.shapes) and fits(qtype, row.types) and CONDITIONS[row.condition](pair):
                return row.quirk
        return None


class Verdict(NamedTuple):
    """The outcome of one question: quirk numbers that explain differences, and differences that nothing explains."""

    quirks: list
    unexplained: list
    shape: str


def judge(question, a, b, setting, quirks, ask_tcp, our_limit=65535):
    """Compares and explains."""
    shape = shape_of(question.name, setting.zones)
    whole = []

    def ask_whole(asked):
        whole.append(ask_tcp(asked))
        return whole[0]

    found, left = [], []
    all_of_them = differences(question, a, b, ask_whole, our_limit)
    pair = Pair(question, a, b, shape, setting, whole[0] if whole and None not in whole[0] else ())
    for difference in all_of_them:
        quirk = quirks.explain(difference, pair)
        if quirk is None:
            left.append(difference)
        else:
            found.append(quirk)
    return Verdict(sorted(set(found)), left, shape)
