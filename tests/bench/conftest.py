# SPDX-License-Identifier: Apache-2.0
"""The bench's own modules are importable."""

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests" / "cluster")]
