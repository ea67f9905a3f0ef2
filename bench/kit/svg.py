# SPDX-License-Identifier: Apache-2.0
"""Pictures of results: bars side by side, drawn without a library."""

from xml.sax.saxutils import escape

COLOURS = ("#2f6f9f", "#e08a1e", "#5a9e4b", "#b5495b", "#7a6fb0", "#8c8c8c")
WIDTH, BAR, GAP, LEFT, TOP = 900, 16, 14, 190, 64


def text(x, y, content, anchor="start", size=12, weight="normal"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(content)}</text>'
    )


def legend(names):
    parts, x = [], LEFT
    for i, name in enumerate(names):
        parts.append(f'<rect x="{x}" y="38" width="12" height="12" fill="{COLOURS[i % len(COLOURS)]}"/>')
        parts.append(text(x + 17, 49, name))
        x += 40 + 7 * len(name)
    return parts


def page(title, height, parts):
    body = "\n".join(parts)
    return (
        "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{text(16, 24, title, size=15, weight="bold")}\n{body}\n</svg>\n'
    )


def stacked(title, unit, layers, groups):
    """groups: {label: [value of each layer]}. One bar for each label, its layers one behind the other."""
    most = max(sum(values) for values in groups.values()) or 1
    scale = (WIDTH - LEFT - 110) / most
    parts, y = legend(layers), TOP
    for label, values in groups.items():
        parts.append(text(LEFT - 8, y + BAR - 3, label, "end"))
        x = LEFT
        for i, value in enumerate(values):
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{value * scale:.1f}" height="{BAR}" '
                f'fill="{COLOURS[i % len(COLOURS)]}"/>'
            )
            x += value * scale
        parts.append(text(x + 6, y + BAR - 3, f"{sum(values):.0f} {unit}"))
        y += BAR + GAP
    return page(title, y + 10, parts)


def bars(title, unit, series, groups):
    """groups: {label: [value of each series, None where there is none]}."""
    most = max(v for values in groups.values() for v in values if v is not None) or 1
    scale = (WIDTH - LEFT - 110) / most
    parts, y = legend(series), TOP
    for label, values in groups.items():
        parts.append(text(LEFT - 8, y + (BAR * len(values)) / 2 + 4, label, "end"))
        for i, value in enumerate(values):
            if value is None:
                continue
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{BAR - 2}" '
                f'fill="{COLOURS[i % len(COLOURS)]}"/>'
            )
            parts.append(text(LEFT + value * scale + 6, y + BAR - 4, f"{value:.0f} {unit}"))
            y += BAR
        y += GAP
    return page(title, y + 10, parts)
