# SPDX-License-Identifier: Apache-2.0
"""Snapshots as they come from control: base, overlay, pair, and what must be refused (DESIGN 3, rel:S3)."""

import os
import socket

import dns.message
import dns.rcode
import pytest

import slow


def address(reply):
    return dns.message.from_wire(reply).answer[0][0].address


def rcode(reply):
    return dns.rcode.to_text(dns.message.from_wire(reply).rcode())


@pytest.fixture
def empty(tmp_path):
    running = slow.Slowpath(tmp_path)
    yield running
    assert running.stop() == 0, running.log_text()


def test_without_a_snapshot_the_answer_is_not_ready(empty):
    wire = slow.service(1, use_edns=0)
    assert slow.wait_until(lambda: empty.ask_udp(wire, timeout=0.2) is not None, 5)
    for reply in (empty.ask_udp(wire), empty.ask_tcp(wire)):
        message = dns.message.from_wire(reply)
        assert message.rcode() == dns.rcode.SERVFAIL
        assert message.options[0].code == 14


def test_each_publish_is_served_at_once(empty):
    for generation in (1, 2, 3):
        empty.serve(generation=generation)
        assert address(empty.ask_udp(slow.service(7))) == f"10.{96 + generation}.0.7"
        assert address(empty.ask_tcp(slow.service(7))) == f"10.{96 + generation}.0.7"


def test_an_overlay_hides_names_of_its_base(empty):
    empty.serve(generation=1, overlay=5)
    assert address(empty.ask_tcp(slow.service(2))) == "10.101.0.2"
    assert address(empty.ask_tcp(slow.service(3))) == "10.97.0.3"
    assert rcode(empty.ask_tcp(slow.service(5))) == "NXDOMAIN"


def test_an_overlay_on_another_base_is_refused(empty):
    empty.serve(generation=1)
    _, overlay = slow.images(empty.folder, empty.port, generation=2, overlay=3)
    status, reason = empty.publish(slow.OVERLAY, overlay)
    assert status < 0 and "another base" in reason
    assert address(empty.ask_udp(slow.service(2))) == "10.97.0.2"


def test_a_pair_takes_effect_with_its_overlay(empty):
    empty.serve(generation=1)
    base, overlay = slow.images(empty.folder, empty.port, generation=2, overlay=3)
    assert empty.publish(slow.PAIR_NEXT, base)[0] == 0
    assert address(empty.ask_udp(slow.service(3))) == "10.97.0.3"
    assert empty.publish(slow.OVERLAY, overlay)[0] == 0
    assert address(empty.ask_udp(slow.service(3))) == "10.98.0.3"
    assert address(empty.ask_udp(slow.service(2))) == "10.99.0.2"


def test_overlays_on_the_old_base_go_on_while_a_pair_waits(empty):
    base, first = slow.images(empty.folder, empty.port, generation=1, overlay=5)
    assert empty.publish(slow.BASE, base)[0] == 0
    newer, second = slow.images(empty.folder, empty.port, generation=2, overlay=6)
    assert empty.publish(slow.PAIR_NEXT, newer)[0] == 0
    assert empty.publish(slow.OVERLAY, first)[0] == 0
    assert address(empty.ask_udp(slow.service(2))) == "10.101.0.2"
    assert empty.publish(slow.OVERLAY, second)[0] == 0
    assert address(empty.ask_udp(slow.service(3))) == "10.98.0.3"


def test_what_is_not_a_sealed_whole_image_is_refused(empty):
    empty.serve(generation=1)
    base, _ = slow.images(empty.folder, empty.port, generation=2)
    broken = bytearray(base)
    broken[len(base) // 2] ^= 1
    cases = [
        dict(data=base, seals=slow.ALL_SEALS & ~8),
        dict(data=base, seals=slow.ALL_SEALS & ~1),
        dict(data=base, size=len(base) - 64),
        dict(data=bytes(broken)),
        dict(data=base[: len(base) // 2]),
        dict(data=b"no image"),
    ]
    for case in cases:
        status, reason = empty.publish(slow.BASE, **case)
        assert status < 0 and reason, case.keys()
        assert address(empty.ask_udp(slow.service(3))) == "10.97.0.3"
    assert empty.publish(slow.OVERLAY, base)[0] < 0
    assert empty.publish(77, base)[0] < 0


def test_descriptors_do_not_leak_whatever_is_sent(empty):
    empty.serve(generation=1)
    before = empty.n_fds()
    message = slow.PUBLISH.pack(slow.PUBLISH_MAGIC, slow.BASE, 64, 0, 0, 0, 0, 0, b"")
    for n in (0, 2, 250):
        for _ in range(20):
            with empty.connect() as sock:
                fds = [os.dup(1) for _ in range(n)]
                try:
                    socket.send_fds(sock, [message], fds)
                except OSError:
                    pass
                for fd in fds:
                    os.close(fd)
    for _ in range(20):
        with empty.connect() as sock:
            sock.send(b"short")
    assert slow.wait_until(lambda: empty.n_fds() <= before, 5), empty.n_fds()
    assert address(empty.ask_udp(slow.service(3))) == "10.97.0.3"


def test_inherited_images_are_served_at_start(tmp_path):
    port = slow.free_port()
    base, overlay = slow.images(tmp_path, port, generation=1, overlay=5)
    fds = [slow.memfd(base), slow.memfd(overlay)]
    running = slow.Slowpath(tmp_path, port=port, inherit=[("--base-fd", fds[0]), ("--overlay-fd", fds[1])])
    for fd in fds:
        os.close(fd)
    try:
        assert address(running.ask_udp(slow.service(2), timeout=5)) == "10.101.0.2"
    finally:
        assert running.stop() == 0


def test_old_snapshots_are_freed(empty):
    for generation in range(1, 60):
        empty.serve(generation=generation, services=400)
    maps = open(f"/proc/{empty.process.pid}/maps", encoding="ascii").read()
    assert slow.wait_until(
        lambda: open(f"/proc/{empty.process.pid}/maps", encoding="ascii").read().count("test-image") == 1, 5
    ), maps
