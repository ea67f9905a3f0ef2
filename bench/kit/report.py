# SPDX-License-Identifier: Apache-2.0
"""Tables for people, JSON for bench/compare."""

import json
import statistics
import sys
import time

START = time.monotonic()
schedule = None  # a kit.schedule.Schedule, while bench/run runs cases
left_out = []  # what could not be measured, and why


def progress(text):
    left = f", {max(1, schedule.left() / 60):.0f} min left" if schedule else ""
    print(f"[{time.monotonic() - START:6.1f} s{left}] {text}", file=sys.stderr, flush=True)


def leave_out(title, reason):
    """Said at once and once more at the end."""
    lines = str(reason).strip().splitlines() or [type(reason).__name__]
    left_out.append(f"{title}: {lines[-1]}")
    progress(f"left out: {left_out[-1]}")


def attempt(title, function, *arguments):
    """What a function gives; None when it could not be done, which is said: the others go on."""
    try:
        return function(*arguments)
    except Exception as problem:  # pylint: disable=broad-exception-caught  # whatever it is, it is this one's alone
        leave_out(title, problem)
        return None


def turns_of(options, full=5):
    """How often every contender has its turn."""
    return options.turns or (2 if options.quick else full)


def by_turns(case, turns, jobs):
    """Does all jobs, {title: function}, so many times: the next turn in the other order, and without those that failed."""
    broken = set()
    for turn in range(turns):
        order = list(jobs) if turn % 2 == 0 else list(reversed(jobs))
        for title in order:
            if title in broken:
                continue
            progress(f"{case}: turn {turn + 1} of {turns}: {title}")
            if attempt(f"{case}: {title}", lambda job: job() or True, jobs[title]) is None:
                broken.add(title)


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


def write_json(path, machine, results, without=()):
    """Whole or not at all: an interrupted run keeps what it has."""
    document = {"machine": machine, "left_out": list(without), "results": results}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    part.rename(path)
