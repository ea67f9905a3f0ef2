# SPDX-License-Identifier: Apache-2.0
"""One emulated machine for all tests, with every NIC in it."""

import shutil
import tempfile
from pathlib import Path

import pytest

from machine import Machine, Network, e1000e, has_igb, igb, virtio
from server import Port, Server

NICS = [e1000e(1), virtio(2)] + ([igb(3)] if has_igb() else [])
VF_MAC = "52:54:00:53:01:03"


@pytest.fixture(scope="session", name="folder")
def _folder():
    """For QEMU's sockets and what clients read."""
    path = Path(tempfile.mkdtemp(prefix="b53-passthrough-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session", name="network")
def _network():
    """What is around the machine."""
    network = Network(NICS)
    network.make()
    yield network
    network.remove()


@pytest.fixture(scope="session", name="machine")
def _machine(network, folder):
    """Booted, the VF made, nothing given to DPDK yet."""
    machine = Machine(network.nics, folder=folder / "vm")
    try:
        machine.start()
        if len(network.nics) > 2:
            make_vf(machine)
        yield machine
    finally:
        machine.stop()


def pci_address(machine, nic):
    """Where the guest has the NIC with this MAC: drivers of the kernel are still bound."""
    out = machine.sh("for n in /sys/class/net/eth*; do echo $(cat $n/address) $(readlink -f $n/device | "
                     "grep -oE '[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7]' | tail -n 1); done")
    return next(line.split()[1] for line in out.splitlines() if line.startswith(nic.mac))


def make_vf(machine):
    """One virtual function, with a MAC that the physical one gives it."""
    pf = pci_address(machine, NICS[2])
    machine.sh(f"e=$(ls /sys/bus/pci/devices/{pf}/net); /usr/sbin/ip link set $e up; cd /sys/bus/pci/devices/{pf}; "
               f"echo 0 >sriov_drivers_autoprobe; echo 1 >sriov_numvfs; /usr/sbin/ip link set $e vf 0 mac {VF_MAC}; "
               "ln -s $e /run/pf")


def bind(machine, device):
    """Gives a device to vfio-pci, as far as it is not there already."""
    assert machine.sh(f"burst53 nic bind {device}") == f"{device} is with vfio-pci\n"


FOUND = {}  # PCI addresses, as they were before the first binding


@pytest.fixture(scope="session", name="ports")
def _ports(machine):
    """The devices that are tested, by name."""
    if not FOUND:
        FOUND.update({nic.name: pci_address(machine, nic) for nic in NICS})
    ports = {"e1000e": Port(NICS[0], FOUND["e1000e"], "net_e1000_em"),
             "virtio": Port(NICS[1], FOUND["virtio"], "net_virtio", workers=2)}
    if len(NICS) > 2:
        vf = machine.sh(f"basename $(readlink /sys/bus/pci/devices/{FOUND['igb']}/virtfn0)").strip()
        ports["vf"] = Port(NICS[2], vf, "net_e1000_igb_vf")
    return ports


@pytest.fixture(scope="module", name="server", params=["e1000e", "virtio", "vf"])
def _server(machine, ports, request):
    """burst53 on each device in turn."""
    if request.param not in ports:
        pytest.skip("NO SR-IOV: there is no QEMU of bookworm-backports, the virtual function is not tested")
    port = ports[request.param]
    bind(machine, port.device)
    server = Server(machine, port).start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _guard():
    """A test that fails between start() and stop() does not make the next ones fail: what it started is ended."""
    before = list(Server.running)  # the module's
    yield
    for server in [s for s in Server.running if s not in before]:
        server.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The machine's own words belong to a failure."""
    outcome = yield
    report = outcome.get_result()
    machine = item.funcargs.get("machine") or getattr(item.funcargs.get("server"), "machine", None)
    if report.failed and machine is not None and machine.process.poll() is None:
        try:
            report.sections.append(("log of burst53", machine.try_sh("tail -n 40 /tmp/burst53.log; dmesg | tail -n 15")[1]))
        except (AssertionError, OSError) as error:
            report.sections.append(("log of burst53", str(error)))
