# SPDX-License-Identifier: Apache-2.0
"""Asks a server 1,000 times a second over its end; prints when what became of the questions, as JSON.

    last_answers.py ADDRESS SECONDS
"""

import json
import socket
import struct
import sys
import time

INTERVAL_S = 0.001
SETTLE_S = 1
QUESTION = b"\x03web\x07default\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"


class Asker:
    """One socket; when each question was sent, until it is answered."""

    def __init__(self, address):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.connect((address, 53))
        self.sock.setblocking(False)
        self.open = {}
        self.answered, self.last_answer, self.refused = 0, 0.0, 0.0

    def ask(self, number):
        """Sends one question; an earlier refusal may show here, or that nobody has the address any more."""
        try:
            self.open[number] = time.monotonic()
            self.sock.send(struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + QUESTION)
        except OSError:
            self.refuse()

    def refuse(self):
        """Whoever asks from now on knows that nobody is there."""
        self.refused = self.refused or time.monotonic()

    def listen(self):
        """Everything that has come back."""
        while True:
            try:
                reply = self.sock.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                self.refuse()
                continue
            if self.open.pop(struct.unpack(">H", reply[:2])[0], None) is not None:
                self.answered += 1
                self.last_answer = time.monotonic()


def main(address, seconds):
    """Steady questions until the time is over, or the first refusal."""
    asker = Asker(address)
    start = time.monotonic()
    sent = 0
    while time.monotonic() - start < seconds and not asker.refused:
        while sent < (time.monotonic() - start) / INTERVAL_S:
            asker.ask(sent & 0xffff)
            sent += 1
        asker.listen()
        time.sleep(INTERVAL_S / 4)
    time.sleep(0 if asker.refused else SETTLE_S)
    asker.listen()
    print(json.dumps({"sent": sent, "answered": asker.answered, "last_answer": asker.last_answer, "refused": asker.refused,
                      "silent": sorted(asker.open.values())}))


main(sys.argv[1], float(sys.argv[2]))
