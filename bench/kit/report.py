# SPDX-License-Identifier: Apache-2.0
"""Tables for people, JSON for bench/compare."""

import json
import statistics
import sys
import time

START = time.monotonic()


def progress(text):
    print(f"[{time.monotonic() - START:6.1f} s] {text}", file=sys.stderr, flush=True)


def attempt(title, function, *arguments):
    """What a function gives; None when it could not be done, which is said: the others go on."""
    try:
        return function(*arguments)
    except RuntimeError as problem:
        progress(f"left out: {title}: {str(problem).strip().splitlines()[-1]}")
        return None


def summary(values):
    """Median, least, greatest, and half of the distance between the quartiles as a share of the median."""
    values = sorted(values)
    median = statistics.median(values)
    quarter = len(values) // 4
    spread = (values[-1 - quarter] - values[quarter]) / 2 / median if median else 0
    return {"median": median, "min": values[0], "max": values[-1], "spread": spread, "n": len(values)}


def table(title, heads, rows):
    """A table in Markdown; the first column is left-aligned, the others right."""
    cells = [heads] + [[str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    line = [("-" * w if i == 0 else "-" * (w - 1) + ":") for i, w in enumerate(widths)]
    out = [f"### {title}", ""]
    for row in [cells[0], line] + cells[1:]:
        padded = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))]
        out.append("| " + " | ".join(padded) + " |")
    return "\n".join(out) + "\n"


def machine_text(machine):
    return "".join(f"{key.replace('_', ' ')}: {value}\n" for key, value in machine.items())


def write_json(path, machine, results):
    document = {"machine": machine, "results": results}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
