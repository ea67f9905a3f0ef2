# SPDX-License-Identifier: Apache-2.0
"""Just enough DNS to ask and to compare: queries out, replies in, names of record types; fast and without dependencies."""

import struct
from typing import NamedTuple

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33,
         "NAPTR": 35, "OPT": 41, "DS": 43, "DNSKEY": 48, "SVCB": 64, "HTTPS": 65, "IXFR": 251, "AXFR": 252,
         "ANY": 255, "CAA": 257}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 16: "BADVERS"}
IN, CH, HS, ANY_CLASS = 1, 3, 4, 255

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010


class Bad(Exception):
    """The reply is not a DNS message."""


class Question(NamedTuple):
    """A query with every knob; name is wire form in the case that is sent."""

    name: bytes
    qtype: int
    qclass: int = IN
    opcode: int = 0
    flags: int = RD
    edns: int = -1  # payload size; -1: no OPT
    version: int = 0
    do: bool = False
    options: bytes = b""
    tcp: bool = False


class Record(NamedTuple):
    """A resource record; rdata is canonical: names expanded and lower-case, an SOA's serial cut out."""

    owner: bytes
    rtype: int
    rclass: int
    ttl: int
    rdata: bytes
    serial: int = -1


class Opt(NamedTuple):
    """The OPT record."""

    size: int
    extended: int
    version: int
    flags: int
    options: bytes


class Reply(NamedTuple):
    """A parsed reply."""

    ident: int
    flags: int
    rcode: int
    question: tuple
    answer: list
    authority: list
    additional: list
    opt: Opt
    size: int


def type_name(number):
    """A, AAAA, ... or TYPEn."""
    return TYPE_NAMES.get(number, f"TYPE{number}")


def to_wire(text):
    """A dotted name (no escapes; a final dot is optional) in wire form; labels are not checked for length."""
    labels = [label for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("latin-1") for label in labels) + b"\0"


def to_text(wire):
    """A wire name as a dotted one."""
    out, at = [], 0
    while wire[at]:
        out.append(wire[at + 1:at + 1 + wire[at]].decode("latin-1"))
        at += 1 + wire[at]
    return ".".join(out) + "."


def labels_of(wire):
    """The lower-case labels of a wire name, left to right."""
    return to_text(wire.lower()).rstrip(".").split(".") if len(wire) > 1 else []


def is_askable(text):
    """Whether a dotted name has a wire form."""
    labels = [label for label in text.split(".") if label]
    return all(len(label) <= 63 for label in labels) and sum(len(label) + 1 for label in labels) < 255


def build(question, ident):
    """The bytes of a query."""
    additional = 1 if question.edns >= 0 else 0
    out = struct.pack("!HHHHHH", ident, question.opcode << 11 | question.flags, 1, 0, 0, additional)
    out += question.name + struct.pack("!HH", question.qtype, question.qclass)
    if additional:
        out += b"\0" + struct.pack("!HHBBHH", 41, question.edns, 0, question.version,
                                   0x8000 if question.do else 0, len(question.options)) + question.options
    return out


def read_name(data, at):
    """An expanded name and the offset behind it; every step goes backwards or ahead, so it ends."""
    out, end, lowest = b"", -1, at
    while True:
        if at >= len(data):
            raise Bad("name behind the end")
        length = data[at]
        if length == 0:
            return out + b"\0", at + 1 if end < 0 else end
        if length < 64:
            out += data[at:at + 1 + length]
            at += 1 + length
            if len(out) > 254:
                raise Bad("name too long")
            continue
        if length < 192 or at + 2 > len(data):
            raise Bad("bad label")
        target = (length & 63) << 8 | data[at + 1]
        end = at + 2 if end < 0 else end
        if target >= lowest:
            raise Bad("pointer does not go back")
        at = lowest = target


def canonical(data, rtype, at, end):
    """Canonical rdata and, for an SOA, the serial."""
    raw = data[at:end]
    if rtype in (2, 5, 12):
        name, after = read_name(data, at)
        raw = name.lower()
    elif rtype == 33:
        name, after = read_name(data, at + 6)
        raw = data[at:at + 6] + name.lower()
    elif rtype == 15:
        name, after = read_name(data, at + 2)
        raw = data[at:at + 2] + name.lower()
    elif rtype == 6:
        mname, middle = read_name(data, at)
        rname, after = read_name(data, middle)
        if after + 20 != end:
            raise Bad("bad SOA")
        return mname.lower() + rname.lower() + data[after + 4:end], struct.unpack_from("!I", data, after)[0]
    else:
        after = end
    if after != end:
        raise Bad("bad rdata length")
    return raw, -1


def read_section(data, at, count):
    """The records of a section, OPT apart; returns (records, opt, offset)."""
    out, opt = [], None
    for _ in range(count):
        owner, at = read_name(data, at)
        if at + 10 > len(data):
            raise Bad("record behind the end")
        rtype, rclass, ttl, length = struct.unpack_from("!HHIH", data, at)
        at += 10
        if at + length > len(data):
            raise Bad("rdata behind the end")
        if rtype == 41:
            if opt:
                raise Bad("two OPT")
            opt = Opt(rclass, ttl >> 24, ttl >> 16 & 255, ttl & 0xffff, data[at:at + length])
        else:
            rdata, serial = canonical(data, rtype, at, at + length)
            out.append(Record(owner, rtype, rclass, ttl, rdata, serial))
        at += length
    return out, opt, at


def parse(data):
    """A reply; Bad when it is not a well-formed message."""
    if len(data) < 12:
        raise Bad("short")
    ident, flags, questions, answers, authorities, extras = struct.unpack_from("!HHHHHH", data)
    at, question = 12, None
    if questions > 1:
        raise Bad("several questions")
    if questions:
        name, at = read_name(data, at)
        if at + 4 > len(data):
            raise Bad("question behind the end")
        question = (name, *struct.unpack_from("!HH", data, at))
        at += 4
    answer, opt1, at = read_section(data, at, answers)
    authority, opt2, at = read_section(data, at, authorities)
    additional, opt, at = read_section(data, at, extras)
    if opt1 or opt2:
        raise Bad("OPT outside the additional section")
    if at != len(data):
        raise Bad("bytes behind the end")
    rcode = flags & 15 | (opt.extended << 4 if opt else 0)
    return Reply(ident, flags, rcode, question, answer, authority, additional, opt, len(data))


def show_record(record):
    """A record for people."""
    rdata = record.rdata
    if record.rtype == 1 and len(rdata) == 4:
        text = ".".join(str(byte) for byte in rdata)
    elif record.rtype in (2, 5, 12):
        text = to_text(rdata)
    elif record.rtype == 33:
        text = "%d %d %d " % struct.unpack_from("!HHH", rdata) + to_text(rdata[6:])
    elif record.rtype == 6:
        text = f"{to_text(rdata)} ... serial {record.serial} minimum {struct.unpack('!I', rdata[-4:])[0]}"
    elif record.rtype == 28 and len(rdata) == 16:
        text = ":".join(rdata[i:i + 2].hex() for i in range(0, 16, 2))
    else:
        text = rdata.hex()
    return f"{to_text(record.owner)} {record.ttl} {type_name(record.rtype)} {text}"


def show_question(question):
    """A query for people, as arguments of dig where dig has them."""
    out = [to_text(question.name), type_name(question.qtype)]
    if question.qclass != IN:
        out.append(f"CLASS{question.qclass}")
    if question.opcode:
        out.append(f"+opcode={question.opcode}")
    for bit, text in ((AD, "+ad"), (CD, "+cd")):
        if question.flags & bit:
            out.append(text)
    if not question.flags & RD:
        out.append("+nord")
    out.append(f"+bufsize={question.edns}" if question.edns >= 0 else "+noedns")
    if question.version:
        out.append(f"+edns={question.version}")
    if question.do:
        out.append("+do")
    if question.options:
        out.append(f"options {question.options.hex()}")
    if question.tcp:
        out.append("+tcp")
    return " ".join(out)
