# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md from a bare node to the first answer, word by word, on a machine where nothing is prepared; and
what is said where the machine has no IOMMU."""

import re

import pytest

from machine import LINK, TOP, Machine, Network, e1000e
from server import inside, wait_for

OUTPUT = "/tmp/run.log"
CHAPTER = "## From a bare node to the first answer"


def blocks():
    """(kind, lines) of the chapter's blocks in their order."""
    text = (TOP / "docs" / "operations.md").read_text(encoding="utf-8").split(CHAPTER)[1].split("\n## ")[0]
    found = re.findall(r"^<!-- (.+?) -->\n```\n(.*?)\n```$", text, re.M | re.S)
    assert len(found) == text.count("```") // 2, "a block without a mark"
    return [(kind, block.splitlines()) for kind, block in found]


@pytest.fixture(name="boot")
def _boot(folder):
    """A machine with one card. These tests come first: the namespaces are the other machine's later."""
    network = Network([e1000e(1)])
    made = []

    def boot(**more):
        network.make()
        made.append(Machine(network.nics, folder=folder / "bare", cpus=2, memory_mb=1024, hugepages=0, **more))
        made[0].start()
        return made[0]
    yield boot
    for machine in made:
        machine.stop()
    network.remove()


def do(machine, kind, line):
    """One line of the chapter, where its block says."""
    if kind == "elsewhere":
        return
    if kind == "client":
        out = inside(LINK, *line.split()).stdout
        assert "status: NOERROR" in out or " 3 received" in out, f"{line}\n{out}"
    elif kind == "node: stays":
        machine.sh(f"{line} >{OUTPUT} 2>&1 & echo $! >/run/run.pid")
        wait_for(lambda: "supervisor answering" in machine.sh(f"cat {OUTPUT}"))
        assert "port opened" in machine.sh(f"cat {OUTPUT}")
    elif kind == "node: to do":
        code, out = machine.try_sh(line)
        assert code == 1 and "to do" in out, f"{line}\n{out}"
        print(out)
    else:
        if kind == "node: ends":
            machine.sh("kill $(cat /run/run.pid); while [ -e /run/burst53/state ]; do sleep 0.1; done")
        assert kind in ("node", "node: ends"), kind
        print(machine.sh(line))


def test_the_chapter_leads_from_a_bare_node_to_answers(boot):
    """Every line of every block, in order; at the end the card is the kernel's again."""
    machine = boot()
    kinds = [kind for kind, _ in blocks()]
    assert kinds.count("node: stays") == 1 and kinds.count("client") == 1 and kinds[-1] == "node: ends"
    for kind, lines in blocks():
        for line in lines:
            do(machine, kind, line)
    assert "e1000e" in machine.sh("burst53 nic list")


def test_without_iommu_nothing_is_handed_over(boot):
    """The tool says why before the kernel would, the card stays where it is, and `run` has the same words."""
    machine = boot(iommu=False)
    code, out = machine.try_sh("burst53 nic explain eth0")
    assert code == 1 and "no group" in out and "boot with intel_iommu=on" in out, out
    code, out = machine.try_sh("burst53 nic bind eth0")
    assert code == 1 and "0000:00:01.0 has no IOMMU group" in out, out
    assert machine.sh("basename $(readlink /sys/bus/pci/devices/0000:00:01.0/driver)").strip() == "e1000e"
    machine.sh("modprobe -a vfio-pci vfio_iommu_type1; sysctl -w vm.nr_hugepages=128")
    # What a person would try next, by hand: vfio-pci does not take it.
    machine.sh("cd /sys/bus/pci/devices/0000:00:01.0; echo 0000:00:01.0 >driver/unbind; echo vfio-pci >driver_override; "
               "echo 0000:00:01.0 >/sys/bus/pci/drivers_probe; true")
    code, out = machine.try_sh("timeout 120 burst53 run --port 0000:00:01.0 --address 198.18.1.53/24 "
                               "--conf /etc/burst53/Corefile --dump /etc/burst53/cluster.json 2>&1")
    assert code == 1 and 'reason="port: 0000:00:01.0 is bound to no driver' in out, out
