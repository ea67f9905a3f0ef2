# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with a card: each is recovered from, or refused with a sentence that says what to do. Every
stop() asserts that all packet buffers came back."""

import time

import pytest

from conftest import VF_MAC, bind
from machine import LINK, run
from server import Server, answers, dig, inside, is_silent, wait_for


MANY = "many.shop.svc.cluster.local"


@pytest.fixture(name="e1000e")
def _e1000e(machine, ports):
    """burst53 on the e1000e, anew for each test."""
    bind(machine, ports["e1000e"].device)
    server = Server(machine, ports["e1000e"]).start()
    wait_for(server.is_ready)
    yield server
    server.stop()


def physical(machine, words):
    """Something done to the physical function's interface."""
    machine.sh(f"/usr/sbin/ip link set $(readlink /run/pf) {words}")


@pytest.fixture(name="vf")
def _vf(machine, ports):
    """burst53 on the virtual function."""
    if "vf" not in ports:
        pytest.skip("NO SR-IOV: there is no QEMU of bookworm-backports, the virtual function is not tested")
    bind(machine, ports["vf"].device)
    server = Server(machine, ports["vf"]).start()
    yield server
    server.stop()
    physical(machine, f"vf 0 mac {VF_MAC}")
    physical(machine, "mtu 1500")


def test_a_link_goes_and_comes(e1000e):
    """/ready says no without a cable, and nothing is restarted."""
    nic, machine = e1000e.port.nic, e1000e.machine
    for _ in range(2):
        machine.link(nic, False)
        wait_for(lambda: not e1000e.is_ready())
        assert is_silent(nic)
        machine.link(nic, True)
        wait_for(e1000e.is_ready)
        wait_for(lambda: answers(nic) and answers(nic, 6))
    assert e1000e.opened()[1] == 1


def test_a_killed_dataplane_answers_again(e1000e):
    """The device is free at once, and the next process takes it."""
    nic = e1000e.port.nic
    e1000e.machine.sh(f"kill -9 {e1000e.pid('dataplane')}")
    start = time.monotonic()
    wait_for(lambda: answers(nic))
    print(f"answers {time.monotonic() - start:.1f} s after kill -9")
    assert e1000e.opened()[1] == 2


def test_a_card_that_is_taken_away_is_let_go_and_taken_again(e1000e):
    """Unbinding does not hang, the log says what happened, and binding it again is enough."""
    machine, device = e1000e.machine, e1000e.port.device
    machine.sh(f"timeout 60 sh -c 'echo {device} >/sys/bus/pci/drivers/vfio-pci/unbind'")
    wait_for(lambda: not e1000e.is_ready())
    wait_for(lambda: "is bound to no driver" in e1000e.log())
    assert 'reason="the device is taken away"' in e1000e.log()
    bind(machine, device)
    wait_for(lambda: answers(e1000e.port.nic))
    wait_for(e1000e.is_ready)


def test_frames_larger_than_the_mtu_do_no_harm(e1000e):
    """Jumbo frames come in from a link of MTU 9000: none is answered, everything else is."""
    nic = e1000e.port.nic
    run("ip", "-n", LINK, "link", "set", nic.tap, "mtu", "9000", check=True)
    try:
        for size in (1600, 4000, 8900):
            done = inside(LINK, "ping", "-M", "do", "-s", size, "-c", "40", "-i", "0.01", "-w", "1", nic.served[4])
            assert " 0 received" in done.stdout, done.stdout
        assert answers(nic) and answers(nic, 6)
        assert len(set(dig(nic, MANY, "A", "+tcp"))) == 100  # several segments of the kernel side
    finally:
        run("ip", "-n", LINK, "link", "set", nic.tap, "mtu", "1500", check=True)


def test_an_mtu_of_9000_takes_jumbo_frames(machine, ports):
    """What the network has, the card gets too: whole frames in and out, and TCP with large segments."""
    port = ports["e1000e"]
    nic = port.nic
    bind(machine, port.device)
    server = Server(machine, port).start("--mtu", "9000")
    run("ip", "-n", LINK, "link", "set", nic.tap, "mtu", "9000", check=True)
    try:
        assert server.opened()[0]["mtu"] == "9000"
        for size in (1600, 4000, 8900):
            done = inside(LINK, "ping", "-M", "do", "-s", size, "-c", "3", "-i", "0.2", "-w", "60", nic.served[4])
            assert " 3 received" in done.stdout, done.stdout
        assert answers(nic) and answers(nic, 6)
        assert len(set(dig(nic, MANY, "A", "+tcp"))) == 100
    finally:
        run("ip", "-n", LINK, "link", "set", nic.tap, "mtu", "1500", check=True)
    server.stop()


def test_a_mac_that_the_host_changes_is_taken_over(vf):
    """Nothing tells a virtual function: its physical one is asked, and a new dataplane has the new MAC and announces it."""
    machine, nic = vf.machine, vf.port.nic
    assert answers(nic)
    assert vf.opened()[0]["mac"] == VF_MAC
    physical(machine, "vf 0 mac 52:54:00:53:01:77")
    wait_for(lambda: 'reason="the host has given the virtual function another MAC"' in vf.log())
    wait_for(lambda: vf.opened()[1] == 2)
    assert vf.opened()[0]["mac"] == "52:54:00:53:01:77"
    wait_for(lambda: answers(nic) and answers(nic, 6))  # the client's neighbour entry is the old one until then
    wait_for(vf.is_ready)


def reset_seen(server, openings):
    """Whether the port was opened again after the physical function worked again, and what was said before."""
    return 'reason="the physical function was down or reset"' in server.log() and server.opened()[1] > openings


def test_a_physical_function_that_goes_down_takes_the_virtual_one_along(vf):
    """It sends and receives nothing then, whatever its own link says: not ready. A start meanwhile gets a MAC that the
    driver makes up. When the physical one is up again, a new dataplane has the right MAC and answers."""
    machine, nic = vf.machine, vf.port.nic
    wait_for(vf.is_ready)
    physical(machine, "down")
    wait_for(lambda: not vf.is_ready())
    assert is_silent(nic)
    openings = vf.opened()[1]
    machine.sh(f"kill -9 {vf.pid('dataplane')}")
    wait_for(lambda: vf.opened()[1] > openings)
    openings = vf.opened()[1]
    physical(machine, "up")
    wait_for(lambda: reset_seen(vf, openings))
    assert vf.opened()[0]["mac"] == VF_MAC
    wait_for(lambda: answers(nic) and answers(nic, 6))
    wait_for(vf.is_ready)


def test_a_reset_of_the_physical_function_is_recovered_from(vf):
    """Down and up in a moment, as the driver does for another MTU: the function would be deaf from then on."""
    machine, nic = vf.machine, vf.port.nic
    wait_for(vf.is_ready)
    for mtu in (1400, 1500):
        openings = vf.opened()[1]
        physical(machine, f"mtu {mtu}")
        wait_for(lambda: reset_seen(vf, openings))  # pylint: disable=cell-var-from-loop
        wait_for(lambda: answers(nic) and answers(nic, 6))
        wait_for(vf.is_ready)


def test_a_wrong_driver_is_named(machine, ports):
    """And the command that mends it."""
    port = ports["e1000e"]
    machine.try_sh(f"burst53 nic unbind {port.device}")
    assert f"is bound to e1000e, not to vfio-pci: burst53 nic bind {port.device}" in Server(machine, port).refusal()


def test_a_missing_card_is_named(machine, ports):
    """A typing error in the address."""
    port = ports["e1000e"]
    server = Server(machine, type(port)(port.nic, "0000:0f:00.0", port.driver))
    assert "there is no device 0000:0f:00.0: burst53 nic list" in server.refusal()


def test_missing_hugepages_are_named_and_can_be_done_without(machine, ports):
    """With --no-huge it serves all the same, for a first try."""
    port = ports["e1000e"]
    bind(machine, port.device)
    machine.sh("sysctl -w vm.nr_hugepages=0")
    try:
        assert "0 MB of free hugepages, 256 MB are needed: sysctl vm.nr_hugepages=128" in Server(machine, port).refusal()
        server = Server(machine, port).start("--no-huge")
        wait_for(lambda: answers(port.nic))
        server.stop()
    finally:
        machine.sh("sysctl -w vm.nr_hugepages=256")


def test_a_missing_module_is_named(machine, ports):
    """Without it DPDK only says that it supports no IOMMU."""
    port = ports["e1000e"]
    bind(machine, port.device)
    machine.sh("rmmod vfio_iommu_type1")
    try:
        assert "modprobe vfio_iommu_type1" in Server(machine, port).refusal()
    finally:
        machine.sh("modprobe vfio_iommu_type1")


def plain_corefile(machine):
    """One without addresses of a monitor, of which a machine has one."""
    machine.sh("grep -vE 'health|ready|prometheus' /etc/burst53/Corefile >/tmp/plain.Corefile")
    return "/tmp/plain.Corefile"


def test_two_instances_serve_two_cards(machine, ports):
    """One node, two cards (a port per NUMA node, say): two instances beside each other; one with two ports is refused."""
    plain = plain_corefile(machine)
    servers = []
    for name in ("e1000e", "virtio"):
        bind(machine, ports[name].device)
        server = Server(machine, ports[name], instance=name)
        servers.append(server.start("--conf", plain, "--memory", "128"))
    for server in servers:
        assert answers(server.port.nic) and answers(server.port.nic, 6)
        assert dig(server.port.nic, MANY, "A", "+tcp") is not None
    for server in servers:
        server.stop()
    both = Server(machine, ports["e1000e"]).command("--port", ports["virtio"].device)
    code, out = machine.try_sh(f"{both} 2>&1")
    assert code == 2 and "one instance has one port" in out, out


def test_one_group_is_not_served_twice(machine, ports):
    """A second burst53 on the same card is refused; the first goes on."""
    first = Server(machine, ports["e1000e"]).start()
    second = Server(machine, ports["e1000e"], instance="second")
    try:
        code, out = machine.try_sh(f"timeout 120 env {second.command('--conf', plain_corefile(machine))} 2>&1")
        assert code == 1 and "DPDK cannot use" in out, out
        assert answers(ports["e1000e"].nic)
    finally:
        first.stop()
