# SPDX-License-Identifier: Apache-2.0
"""bench/load as a client in the lab: rates, response codes, wrong answers, percentiles."""

import json

from kit import lab as labs
from kit import servers


def program(options):
    return str(options.build / "bench" / "burst53-load")


def checked_questions():
    """Every service's address, to be compared with the answer."""
    order = [(i * 619) % servers.SERVICES for i in range(servers.SERVICES)]
    return "".join(f"{servers.name(n)} A {servers.address(n)}\n" for n in order)


def command(options, path, seconds, rate=None, window=None, clients=8, server=labs.ADDRESS, port=53):
    """The words of one run."""
    how = ["--rate", str(rate)] if rate else ["--window", str(window)]
    words = ["--server", server, "--port", str(port), "--file", str(path), "--seconds", str(seconds)]
    return [program(options), *words, *how, "--clients", str(clients)]


def shoot(lab, options, path, seconds, **more):
    """One run from the client's side; what it found."""
    text = lab.client(command(options, path, seconds, **more), seconds + 30)
    line = next((line for line in text.splitlines() if line.startswith("{")), None)
    if line is None:
        raise RuntimeError(f"burst53-load: {text.strip()[-500:]}")
    return json.loads(line)
