#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the time from a change in the API (its request has returned) to the changed answer: a lab's client asks
in a row over UDP while an EndpointSlice is replaced. Prints one line, or JSON."""

import argparse
import json
import socket
import statistics
import struct
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cluster")]

# pylint: disable=wrong-import-position
import fixtures  # noqa: E402
import lab  # noqa: E402
from kube import Kube, KubeError  # noqa: E402

SPACE, NAME = "default", "latency"
TIMEOUT_S = 5.0


def objects(number):
    """The slice whose one address tells the number of the change."""
    address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return fixtures.endpoint_slice(SPACE, NAME, NAME, [fixtures.endpoint(address)], [("p", 80, "TCP")]), address


def asker(server):
    """A function that asks once and returns the addresses of the answer."""
    with lab.netns("cli"):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect((server, 53))
    sock.settimeout(0.2)
    labels = b"".join(bytes([len(p)]) + p.encode() for p in f"{NAME}.{SPACE}.svc.cluster.local".split("."))
    state = {"id": 0}

    def ask():
        state["id"] = (state["id"] + 1) & 0xFFFF
        sock.send(struct.pack(">6H", state["id"], 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1")
        try:
            reply = sock.recv(4096)
        except TimeoutError:
            return []
        count = struct.unpack(">H", reply[6:8])[0]
        start = 12 + len(labels) + 5
        return [socket.inet_ntoa(reply[start + 16 * i + 12:start + 16 * i + 16]) for i in range(count)]
    return ask


def measure(kube, ask, number):
    """Seconds until the change of one slice shows, from the return of its request."""
    new, address = objects(number)
    kube.replace(new)
    start = time.monotonic()
    while ask() != [address]:
        if time.monotonic() - start > TIMEOUT_S:
            raise SystemExit(f"latency: the change did not show within {TIMEOUT_S} s")
    return time.monotonic() - start


def prepare(kube, ask):
    """The service and its first slice."""
    for obj in (fixtures.service(SPACE, NAME, [fixtures.port("p", 80)], clusterIP="None"), objects(1)[0]):
        try:
            kube.create(obj)
        except KubeError as err:
            if err.status != 409:
                raise
    lab.wait_for(ask, 10)


def main():
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", help="admin kubeconfig of the cluster that the lab serves")
    parser.add_argument("--changes", type=int, default=50)
    parser.add_argument("--server", default=lab.SERVICE[4])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    kube, ask = Kube(args.kubeconfig), asker(args.server)
    prepare(kube, ask)
    times = []
    for number in range(2, args.changes + 2):
        times.append(measure(kube, ask, number) * 1000)
        time.sleep(0.02)
    facts = {"changes": len(times), "median_ms": round(statistics.median(times), 2), "worst_ms": round(max(times), 2)}
    print(json.dumps(facts) if args.json else
          f"from API event to changed answer, {facts['changes']} changes: median {facts['median_ms']} ms, "
          f"worst {facts['worst_ms']} ms")
    kube.delete("Service", SPACE, NAME)
    kube.delete("EndpointSlice", SPACE, NAME)


if __name__ == "__main__":
    main()
