# SPDX-License-Identifier: Apache-2.0
"""Blocks of the documents that say how they can be run: `<!-- run: WHERE -->` in front of an indented block."""

import re

FILES = ("operations.md", "migration.md")


def blocks(top, where):
    """(file and line, shell text) of each block."""
    found = []
    for name in FILES:
        text = (top / "docs" / name).read_text(encoding="utf-8")
        for match in re.finditer(r"<!-- run: (\w+) -->\n\n((?:    .*\n|\n(?=    ))+)", text):
            if match[1] == where:
                line = text[:match.start(2)].count("\n") + 1
                found.append((f"{name}:{line}", re.sub(r"^    ", "", match[2], flags=re.M)))
    return found


def metrics(top):
    """Metrics that the documents name."""
    text = "".join((top / "docs" / name).read_text(encoding="utf-8") for name in FILES)
    return set(re.findall(r"`((?:burst53|coredns)_[a-z_0-9]+)`", text))
