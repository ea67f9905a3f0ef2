# SPDX-License-Identifier: Apache-2.0
"""Blocks of the documents that say how they can be run: `<!-- run: WHERE -->` in front of an indented block, and
`<!-- session: NAME -->` in front of a fenced one that shows commands behind prompts, with what they print."""

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


def session(top, name):
    """(prompt, command, lines that are shown) of each command of a session, in order."""
    steps = []
    for file in FILES:
        text = (top / "docs" / file).read_text(encoding="utf-8")
        for block in re.findall(rf"<!-- session: {name} -->\n```console\n(.*?)\n```\n", text, re.S):
            for line in block.split("\n"):
                if line[:2] in ("# ", "$ "):
                    steps.append((line[0], line[2:], []))
                else:
                    steps[-1][2].append(line)
    return steps


def is_shown(shown, printed):
    """Whether lines are printed as a document shows them: `...` is any text, as a line of its own any lines; blanks are
    blanks, however many."""
    pattern = ""
    for line in shown:
        any_text = re.escape(line.rstrip()).replace(r"\.\.\.", ".*")
        pattern += "(?:.*\n)*" if line == "..." else re.sub(r"(\\ )+", "[ \t]+", any_text) + "[ \t]*\n"
    return re.fullmatch(pattern, printed if printed.endswith("\n") else printed + "\n") is not None


def metrics(top):
    """Metrics that the documents name."""
    text = "".join((top / "docs" / name).read_text(encoding="utf-8") for name in FILES)
    return set(re.findall(r"`((?:burst53|coredns)_[a-z_0-9]+)`", text))
