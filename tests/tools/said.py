# SPDX-License-Identifier: Apache-2.0
"""A plugin of pytest: what tests that passed have printed, their counts, stands in front of the closing line."""


def pytest_terminal_summary(terminalreporter):
    """One line for each printed one, with the test's name."""
    for report in terminalreporter.getreports("passed"):
        said = dict(report.sections).get("Captured stdout call", "") if report.when == "call" else ""
        for line in said.strip().splitlines():
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {line}")
