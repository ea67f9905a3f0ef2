# SPDX-License-Identifier: Apache-2.0
"""docs/operations.md from the package to an answer, line by line, as somebody who knows CoreDNS would follow it: the Debian
package on a bare Debian 12 under systemd, a real API server, a client on another machine; up to its removal."""

import contextlib
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import booted
import documents
import root as roots
import tools
from administrator import Administrator
from asking import in_netns
from between import Between
from stub_upstream import StubUpstream

CLIENT = f"{roots.NETNS}-cli"
ADDRESSES = {roots.NETNS: "198.18.0.53", CLIENT: "198.18.0.10"}
# What only looks is repeated until it is as shown: a change takes its moment.
LOOKS = ("dig ", "curl ", "journalctl ", "burst53 status", "burst53 query", "burst53 history", "systemctl show")
PATIENCE_S = 60
INSTALL_S = 900
HOST_RESOLVER = Path("/etc/resolv.conf")
# kubeadm's, with a lame duck that is long enough for a slow machine to look at.
COREFILE = (tools.TOP / "deploy" / "systemd" / "Corefile").read_text(encoding="utf-8")
COREFILE = COREFILE[COREFILE.index(".:53"):].replace("lameduck 5s", "lameduck 20s")
SCP = """#!/bin/sh
while [ $# -gt 1 ]; do cp "$1" "%s" || exit; shift; done
"""


@contextlib.contextmanager
def client_network():
    """A cable from the machine's network to a client's."""
    roots.run("ip", "netns", "add", CLIENT)
    try:
        roots.run("ip", "-n", roots.NETNS, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", CLIENT)
        for netns, address in ADDRESSES.items():
            roots.run("ip", "-n", netns, "address", "add", f"{address}/24", "dev", "eth0")
            roots.run("ip", "-n", netns, "link", "set", "eth0", "up")
        yield
    finally:
        roots.run("ip", "netns", "del", CLIENT)


class Reader:
    """Types what the chapter says, where it says."""

    def __init__(self, machine, administrator):
        self.machine, self.administrator = machine, administrator
        self.resolver = machine.root.folder / "etc" / "resolv.conf"
        self.pool = ThreadPoolExecutor(1)
        self.background = None

    def on_machine(self, command):
        """As root of the machine; (exit code, what is printed)."""
        needs_mirror = command.startswith("apt-get ")
        resolver = HOST_RESOLVER.read_text(encoding="utf-8") if needs_mirror else f"nameserver {ADDRESSES[CLIENT]}\n"
        self.resolver.write_text(resolver, encoding="utf-8")
        done = self.machine.do("env", "--ignore-environment", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive",
                               "bash", "-c", f"exec 2>&1; cd /root; {command}", check=False, timeout=INSTALL_S,
                               namespaces=booted.WITH_OUR_NETWORK if needs_mirror else booted.WHOLE)
        return done.returncode, done.stdout

    def elsewhere(self, command):
        """As the administrator, in the client's network when it is about answers."""
        is_client = command.startswith(("dig ", "curl "))
        words = ["ip", "netns", "exec", CLIENT] if is_client else []
        done = self.administrator.do(*words, "bash", "-o", "pipefail", "-c", f"exec 2>&1; {command}")
        return done.returncode, done.stdout

    def type(self, prompt, command):
        """One line behind its prompt; a shell's jobs, too."""
        if command.endswith(" &"):
            self.background = self.pool.submit(self.on_machine, command.removesuffix(" &"))
            return 0, ""
        if command == "wait":
            return self.background.result(PATIENCE_S)
        return self.on_machine(command) if prompt == "#" else self.elsewhere(command)

    def follow(self, prompt, command, shown):
        """One line, until what it prints is what is shown."""
        end = time.monotonic() + PATIENCE_S
        while True:
            code, printed = self.type(prompt, command)
            if code == 0 and (not shown or documents.is_shown(shown, printed)):
                return
            assert command.startswith(LOOKS) and time.monotonic() < end, \
                f"{prompt} {command}: exit code {code}\n{printed[-4000:]}\nthe document shows\n" + "\n".join(shown)
            time.sleep(0.1)


@pytest.fixture(name="reader")
def _reader(cluster, tmp_path):
    package = roots.build_package()
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "deploy").symlink_to(tools.TOP / "deploy")
    shutil.copy(package, tmp_path)
    administrator = Administrator(cluster, tmp_path / "bin", clone)
    cluster.kubectl("create", "configmap", "coredns", "-n", "kube-system", f"--from-literal=Corefile={COREFILE}")
    try:
        with booted.machine() as machine, client_network(), Between(cluster, roots.NETNS, cluster.kube.config.port):
            administrator.add_program("scp", SCP % (machine.root.folder / "root"))
            upstream = in_netns(CLIENT, lambda: StubUpstream(address=ADDRESSES[CLIENT], port=53))
            machine.boot()
            yield Reader(machine, administrator)
            upstream.stop()
    finally:
        cluster.kubectl("delete", "configmap", "coredns", "-n", "kube-system")
        cluster.kubectl("delete", "secret", "burst53", "-n", "kube-system", "--ignore-not-found")
        cluster.kubectl("delete", "service", "hello", "-n", "default", "--ignore-not-found")


def owned_by(folder, uid):
    """Files of a user."""
    return subprocess.run(["find", str(folder), "-xdev", "-uid", str(uid)], capture_output=True, text=True, check=True).stdout.split()


def test_the_chapter_leads_from_the_package_to_answers_and_back(reader):
    steps = documents.session(tools.TOP, "package")
    assert len(steps) > 35 and {prompt for prompt, _, _ in steps} == {"#", "$"}
    root = reader.machine.root
    before = root.files()
    for step in steps:
        reader.follow(*step)
    uid = int(reader.machine.do("id", "-u", "burst53").stdout)
    left = {path for path in root.files() - before if "burst53" in path}
    assert left == {f"root/{path.name}" for path in (root.folder / "root").glob("burst53_*.deb")}
    assert not owned_by(root.folder, uid)
    assert "burst53" not in reader.machine.do("systemctl", "list-unit-files", check=False).stdout
