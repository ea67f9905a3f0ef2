# SPDX-License-Identifier: Apache-2.0
"""Queries from capture rows, and replies back into the rows' text form (owner ttl IN type rdata)."""

import struct

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype


def name_wire(text):
    """Wire form with the case as written."""
    return dns.name.from_text(text).to_wire()


def query_bytes(row, ident):
    """The query that a row's capture sent."""
    flags = (row.get("opcode", 0) & 15) << 11
    flags |= 0x0100 if row.get("rd", 1) else 0
    flags |= 0x0020 if row.get("ad") else 0
    flags |= 0x0010 if row.get("cd") else 0
    edns = row.get("edns")
    head = struct.pack(">6H", ident, flags, 1, 0, 0, 1 if edns is not None else 0)
    qtype = dns.rdatatype.from_text(row["type"])
    out = head + name_wire(row["name"]) + struct.pack(">HH", qtype, row.get("cls", 1))
    if edns is not None:
        opts = bytes.fromhex(row.get("opts", ""))
        ttl = (row.get("ver", 0) << 16) | (0x8000 if row.get("do") else 0)
        out += b"\0" + struct.pack(">HHIH", 41, edns, ttl, len(opts)) + opts
    return out


def options(wire):
    """The EDNS options of a reply as text."""
    return [option.to_text() for option in dns.message.from_wire(wire).options]


def section_rows(section):
    """Sorted lines of a section, SOA serials as the word SERIAL; the stub upstream's is always 7."""
    lines = []
    for rrset in section:
        for rdata in rrset:
            kind = dns.rdatatype.to_text(rrset.rdtype)
            words = rdata.to_text().split(" ")
            if kind == "SOA" and words[2] != "7":
                words[2] = "SERIAL"
            lines.append(f"{rrset.name} {rrset.ttl} IN {kind} {' '.join(words)}")
    return sorted(lines)


def reply_row(wire):
    """A reply as a row of the captures."""
    msg = dns.message.from_wire(wire, one_rr_per_rrset=True)
    names = dns.flags.to_text(msg.flags).lower().split()
    row = {
        "rcode": dns.rcode.to_text(msg.rcode()),
        "flags": [f for f in names if f != "qr"],
        "len": len(wire),
        "question": len(msg.question),
    }
    for key in ("answer", "authority", "additional"):
        row[key] = section_rows(getattr(msg, key))
        row[key + "_count"] = len(row[key])
    if msg.edns >= 0:
        row["opt"] = {"ver": msg.edns, "do": 1 if msg.ednsflags & 0x8000 else 0}
    return row
