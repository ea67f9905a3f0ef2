# SPDX-License-Identifier: Apache-2.0
"""Adds up the findings of run.py: rows of the master table, differences by quirk, and those that nothing explains."""

import argparse
import json
import sys
from collections import Counter

from rows import ROWS


def main():
    """Exit code 0: nothing unexplained."""
    rows, quirks, asked, unexplained, refused = Counter(), Counter(), 0, 0, 0
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--least", type=int, default=0, help="each row must have been hit so often")
    parse.add_argument("file", nargs="+")
    args = parse.parse_args()
    for path in args.file:
        with open(path, encoding="utf-8") as file:
            doc = json.load(file)
        rows.update({int(row): count for row, count in doc["rows"].items()})
        quirks.update(doc["quirks"])
        asked += doc["questions"]
        unexplained += len(doc["unexplained"])
        refused += len(doc["refused_objects"])
    print("\nrow of k8s:2.12                                    questions")
    for row, text in ROWS.items():
        print(f"{row:3} {text:<47} {rows[row]:8}")
    print("\ndifferences by quirk: " + (", ".join(f"{quirk}: {count}" for quirk, count in sorted(quirks.items())) or "none"))
    print(f"{len(args.file)} runs, {asked} questions, {refused} objects refused by the API, "
          f"unexplained differences: {unexplained}")
    rare = [row for row in ROWS if rows[row] < args.least]
    if rare:
        print(f"rows hit less than {args.least} times: {', '.join(map(str, rare))}")
    return 1 if unexplained or rare else 0


if __name__ == "__main__":
    sys.exit(main())
