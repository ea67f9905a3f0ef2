# SPDX-License-Identifier: Apache-2.0
"""The Grafana dashboard drawn from what Prometheus has, as small pictures side by side: for the documents, without Grafana."""

import math
import re
from xml.sax.saxutils import escape

COLOURS = ("#2f6f9f", "#e08a1e", "#5a9e4b", "#b5495b", "#7a6fb0", "#8c8c8c")
COLUMNS, WIDTH, HEIGHT, MARGIN = 3, 390, 150, 10
LEFT, TOP, BOTTOM = 54, 40, 18  # of the plot in its panel
SHOWN = 6  # lines of a panel
UNITS = {"reqps": "/s", "pps": "/s", "s": " s", "bytes": " B", "percentunit": "", "short": "", "none": "", None: ""}


def words(x, y, text, size=11, anchor="start"):
    """One line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(text)}</text>'


def number(value, unit):
    """1536, B: 1.5k B."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}{UNITS.get(unit, '')}"
    if unit == "s" and 0 < abs(value) < 0.1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.3g}{UNITS.get(unit, '')}"


def name_of(series, i):
    """What tells a line from the others of its panel: the dashboard's own legend, else the labels."""
    if series.get("legend"):
        return re.sub(r"{{ *(\w+) *}}", lambda found: series["metric"].get(found[1], ""), series["legend"])
    labels = {k: v for k, v in series["metric"].items() if k not in ("__name__", "instance", "job")}
    return " ".join(labels.values()) or series["metric"].get("__name__", f"line {i + 1}")


def points_of(series):
    """[(time, value)] without what is no number."""
    return [(float(t), float(v)) for t, v in series["values"] if not math.isnan(float(v)) and not math.isinf(float(v))]


def panel(x, y, title, unit, lines, window):
    """One small picture."""
    parts = [f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#d0d0d0"/>', words(x + 8, y + 15, title, 12)]
    lines = [(name_of(s, i), points_of(s)) for i, s in enumerate(lines)]
    lines = sorted((line for line in lines if line[1]), key=lambda line: -max(v for _, v in line[1]))[:SHOWN]
    most = max((v for _, points in lines for _, v in points), default=0) or 1
    wide, high = WIDTH - LEFT - 10, HEIGHT - TOP - BOTTOM
    base = y + TOP + high
    parts += [f'<line x1="{x + LEFT}" y1="{base}" x2="{x + LEFT + wide}" y2="{base}" stroke="#d0d0d0"/>',
              words(x + LEFT - 4, y + TOP + 8, number(most, unit), 9, "end"), words(x + LEFT - 4, base, "0", 9, "end"),
              words(x + LEFT + wide, base + 12, f"{window[1] - window[0]:.0f} s", 9, "end")]
    at = x + 8
    for i, (name, points) in enumerate(lines):
        place = [(x + LEFT + wide * (t - window[0]) / (window[1] - window[0]), base - high * max(v, 0) / most) for t, v in points]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in place)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[i]}" stroke-width="1.5"/>')
        if at + 16 + 5 * len(name[:28]) < x + WIDTH:
            parts += [f'<rect x="{at}" y="{y + 23}" width="8" height="8" fill="{COLOURS[i]}"/>', words(at + 11, y + 31, name[:28], 9)]
            at += 26 + 5 * len(name[:28])
    return parts


def dashboard(title, rows, window):
    """rows: [(heading, [(title, unit, series of a query_range)])]; window: first and last second."""
    parts, y = [words(MARGIN, 22, title, 15)], 34
    for heading, panels in rows:
        parts.append(words(MARGIN, y + 16, heading, 13))
        y += 24
        for i, (name, unit, lines) in enumerate(panels):
            parts += panel(MARGIN + i % COLUMNS * (WIDTH + MARGIN), y + i // COLUMNS * (HEIGHT + MARGIN), name, unit, lines, window)
        y += math.ceil(len(panels) / COLUMNS) * (HEIGHT + MARGIN)
    width = COLUMNS * (WIDTH + MARGIN) + MARGIN
    body = "\n".join(parts)
    return ("<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + MARGIN}" viewBox="0 0 {width} {y + MARGIN}" '
            f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')
