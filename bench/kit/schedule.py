# SPDX-License-Identifier: Apache-2.0
"""How long a run takes: what is expected of each case, corrected by what those before it took."""

import time


class Schedule:
    """The cases of one run in their order, with the seconds that each is expected to take."""

    def __init__(self, expected, now=time.monotonic):
        self.expected, self.now = dict(expected), now
        self.current, self.begun = None, now()
        self.took = {}

    def begin(self, case):
        self.current, self.begun = case, self.now()

    def end(self):
        """Returns the seconds that the case took."""
        self.took[self.current] = self.now() - self.begun
        self.current = None
        return self.took[next(reversed(self.took))]

    def pace(self):
        """How much slower than expected this machine is, by the cases that are over."""
        expected = sum(self.expected[case] for case in self.took)
        return sum(self.took.values()) / expected if expected else 1.0

    def left(self):
        """Seconds until all is over."""
        waiting = sum(s for case, s in self.expected.items() if case not in self.took)
        spent = self.now() - self.begun if self.current else 0
        of_current = self.expected.get(self.current, 0) * self.pace()
        return waiting * self.pace() - min(spent, of_current)
