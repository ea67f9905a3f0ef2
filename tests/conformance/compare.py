# SPDX-License-Identifier: Apache-2.0
"""Says in which fields a reply differs from a capture row, and which quirk explains it."""

import fnmatch
import re


def without_counters(row):
    """The stub upstream counts its addresses up, so how many questions came before shows in them."""
    keys = ("answer", "authority", "additional")
    return dict(row, **{k: [re.sub(r"\b198\.51\.100\.\d+", "198.51.100.N", line) for line in row[k]] for k in keys if k in row})


def differing_fields(want, got):
    """Names of the fields in which got differs from the captured row."""
    want, got = without_counters(want), without_counters(got)
    fields = set()
    # A TXT of the captures is printed as Python shows bytes.
    want = dict(want, answer=[re.sub(r"b'\\x..(.*)'\Z", r'"\1"', line) for line in want["answer"]]) \
        if "answer" in want else want
    truncated = "tc" in want["flags"] or "tc" in got["flags"]
    if want["rcode"] != got["rcode"]:
        fields.add("rcode")
    if {f for f in want["flags"] if f != "tc"} != {f for f in got["flags"] if f != "tc"}:
        fields.add("flags")
    if ("tc" in want["flags"]) != ("tc" in got["flags"]):
        fields.add("tc")
    for key in ("answer", "authority", "additional"):
        if truncated:
            # Where records fall off differs by compression and by the limit of 1232.
            if abs(want[key + "_count"] - got[key + "_count"]) > 2:
                fields.add(key)
        elif key in want and want[key] != got[key]:
            fields.add(key)
        elif want[key + "_count"] != got[key + "_count"]:
            fields.add(key)
    want_opt = want.get("opt")
    if (want_opt is None) != (got.get("opt") is None):
        fields.add("opt")
    elif want_opt is not None and want_opt["do"] != got["opt"]["do"]:
        fields.add("opt")
    return fields


class Differences:
    """The table of intended differences (differences.txt)."""

    def __init__(self, path):
        self.rows = []
        for number, line in enumerate(open(path, encoding="ascii"), 1):
            line = line.split("#", 1)[0].strip()
            if not line:
                continue
            words = line.split()
            if len(words) != 6:
                raise SystemExit(f"{path}:{number}: six columns wanted, {len(words)} found")
            quirk, config, name, kind, fields, got = words
            self.rows.append(
                {
                    "line": number,
                    "quirk": quirk,
                    "config": config,
                    "name": re.compile(name + r"\Z"),
                    "type": kind,
                    "fields": set(fields.split(",")),
                    "got": got,
                    "hits": 0,
                }
            )

    def explain(self, want, got, fields):
        """The quirk that allows exactly these fields to differ, or None."""
        for row in self.rows:
            knobs = ",".join(f"{k}={want[k]}" for k in ("opcode", "cls", "ver", "edns", "opts") if k in want)
            if (
                fnmatch.fnmatch(want["config"], row["config"])
                and row["name"].match(want["name"])
                and fnmatch.fnmatch(want["type"], row["type"].split("/")[0])
                and ("/" not in row["type"] or row["type"].split("/")[1] in knobs)
                and fields <= row["fields"]
                and row["got"] in ("*", got["rcode"])
            ):
                row["hits"] += 1
                return row["quirk"]
        return None
