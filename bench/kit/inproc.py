# SPDX-License-Identifier: Apache-2.0
"""What a query costs a worker, without hardware: cycles by thread CPU time, instructions by callgrind."""

import collections
import json
import os
import re
import subprocess
import tempfile

from kit import machine, report, svg

STAGES = ("frames", "parse", "find", "answers", "send")
INSTRUCTION_NAMES = 1000
INSTRUCTION_QUERIES = 16384
MEMORY_MB = 1024
# What pages a process gets decides what its caches hold: a few processes have a few chances each. Larger tables fill
# the caches whatever they get, and take long to make.
PROCESSES, PROCESSES_SIZE = 4, 10000


def program(build):
    return str(build / "bench" / "burst53-bench")


def run_lines(command, limit_s):
    """The lines of JSON that the program prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def memory_arguments():
    if machine.hugepages() * 2 >= 256:
        return []
    return ["--no-huge", "--memory", str(MEMORY_MB)]


def processes(size, repeats):
    """Repeats of each process, at least as many together as are asked for."""
    if size > PROCESSES_SIZE:
        return [repeats]
    return [-(-repeats // PROCESSES)] * PROCESSES


def timed(build, options, workers):
    """{(case, names): {loop: [run]}} with at least as many runs as repeats, cases and loops by turns."""
    sizes = [10000] if workers > 1 else options.sizes
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for size in sizes:
        cases = options.cases if size == 10000 else options.size_cases
        report.progress(f"inproc: {size} names, {workers} worker{'s' if workers > 1 else ''}")
        command = [program(build), "--names", str(size), "--workers", str(workers), "--queries", str(options.queries)]
        command += (["--cases", ",".join(cases)] if cases else []) + memory_arguments()
        for repeats in processes(size, options.repeats):
            for line in run_lines([*command, "--repeats", str(repeats)], 600):
                found[(line["case"], size)][line["loop"]].append(line)
    return found


def port_cycles(loops):
    """Of the loop that only receives and sends."""
    return report.summary([r["cycles"] for r in loops["port"]])["median"]


def net(loops, loop="worker"):
    """Cycles of a loop, run by run, less those of the port."""
    port = port_cycles(loops)
    return [r["cycles"] - port for r in loops[loop]]


def entry(case, size, workers, found):
    """One row of results. `hits` is what a query costs in A hits of the same turn and process."""
    loops, hits = found[(case, size)], found.get(("a_hit", size))
    turns = net(loops)
    whole = [r for r in loops["stages"] if r["frames"] > 0] or loops["stages"]
    stages = {s: report.summary([r[s] for r in whole])["median"] for s in STAGES}
    return {
        "kind": "cycles",
        "case": case,
        "text": loops["worker"][0]["text"],
        "names": size,
        "workers": workers,
        "port": port_cycles(loops),
        "swap": report.summary(net(loops, "swap"))["median"],
        "cycles": report.summary(turns),
        "hits": report.summary([a / b for a, b in zip(turns, net(hits))]) if hits else None,
        "mqps": report.summary([r["mqps"] for r in loops["worker"]])["median"],
        "stages": stages,
    }


def dump_totals(folder):
    """Instructions of each dump in the order they were made."""
    totals = []
    for path in sorted(os.listdir(folder), key=lambda name: int(name.rsplit(".", 1)[-1]) if name[-1].isdigit() else 0):
        with open(os.path.join(folder, path), encoding="utf-8", errors="replace") as f:
            text = f.read()
        loop = re.search(r"^desc: Trigger: Client Request: (\w+)", text, re.M)
        total = re.search(r"^totals: (\d+)", text, re.M)
        if loop and total:
            totals.append((loop.group(1), int(total.group(1))))
    return totals


def instructions(build, cases=None):
    """Instructions for each query and case; the same from run to run."""
    command = ["--no-huge", "--memory", "256", "--names", str(INSTRUCTION_NAMES), "--repeats", "1"]
    command += ["--queries", str(INSTRUCTION_QUERIES)] + (["--cases", ",".join(cases)] if cases else [])
    with tempfile.TemporaryDirectory() as folder:
        tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        lines = run_lines(tool + [program(build)] + command, 900)
        totals = dump_totals(folder)
    if [line["loop"] for line in lines] != [loop for loop, _ in totals]:
        raise RuntimeError("callgrind's dumps are not those of the runs")
    per_query = {(r["case"], r["loop"]): total / r["queries"] for r, (_, total) in zip(lines, totals)}
    texts = {r["case"]: r["text"] for r in lines}
    return [
        {
            "kind": "instructions",
            "case": case,
            "text": text,
            "names": INSTRUCTION_NAMES,
            "instructions": round(per_query[(case, "worker")] - per_query[(case, "port")], 1),
            "swap": round(per_query[(case, "swap")] - per_query[(case, "port")], 1),
            "port": round(per_query[(case, "port")], 1),
        }
        for case, text in texts.items()
    ]


def instruction_table(rows):
    lines = [[r["text"], f"{r['instructions']:.0f}", f"{r['swap']:.0f}"] for r in rows]
    return report.table(
        f"inproc: instructions per query ({INSTRUCTION_NAMES} names, callgrind, port and generator taken off)",
        ["case", "worker", "swap"],
        lines,
    )


def cycle_table(rows):
    lines = []
    for r in rows:
        c = r["cycles"]
        lines.append(
            [f"{r['text']}, {r['names']}" + (f", {r['workers']} workers" if r["workers"] > 1 else "")]
            + [f"{c['median']:.0f}", f"{c['min']:.0f}", f"{100 * c['spread']:.0f} %", f"{r['swap']:.0f}", f"{r['port']:.0f}"]
            + [f"{r['hits']['median']:.2f}" if r["hits"] else ""]
            + [f"{r['stages'][s]:.0f}" for s in STAGES]
            + [f"{r['mqps']:.2f}"]
        )
    return report.table(
        "inproc: TSC cycles per query, CPU time of the worker (port and generator taken off)",
        ["case, names", "worker", "least", "spread", "swap", "port", "hits", *STAGES, "M/s"],
        lines,
    )


def run(options, out):
    rows = []
    for workers in options.workers:
        found = timed(options.build, options, workers)
        rows += [entry(case, size, workers, found) for case, size in found]
    report.progress("inproc: instructions")
    counted = instructions(options.build)
    print(cycle_table(rows))
    print(instruction_table(counted))
    single = {f"{r['text']}, {r['names']}": [r["stages"][s] for s in STAGES] for r in rows if r["workers"] == 1}
    (out / "inproc-stages.svg").write_text(
        svg.stacked("TSC cycles of the stages per query", "cycles", STAGES, single), encoding="utf-8"
    )
    (out / "inproc-instructions.svg").write_text(
        svg.bars(
            "Instructions per query",
            "",
            ("burst53", "swap of addresses"),
            {r["text"]: [r["instructions"], r["swap"]] for r in counted},
        ),
        encoding="utf-8",
    )
    return rows + counted
