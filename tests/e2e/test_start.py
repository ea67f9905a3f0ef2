# SPDX-License-Identifier: Apache-2.0
"""What cannot start says why within two seconds and leaves nothing behind, not even after kill -9."""

import mmap
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

import lab

BASE = ["--config", "/dev/null", "--conf", lab.DATA / "lab.Corefile", "--dump", lab.DATA / "lab.json", "--run-dir", lab.RUN_DIR,
        "--state-dir", f"/tmp/{lab.PREFIX}-state"]
OWN = ["--port", "af_packet:eth0", "--address", "198.18.0.53/24"]
BURST53 = lab.BUILD / "cli" / "burst53"
FREE_PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
MAP_HUGETLB = 0x40000
BEGUN = time.time()
started = set()  # processes of the dataplane


def left_pages():
    """DPDK's files of the instances that ran here. What others on the machine make and leave does not count."""
    return sorted(str(p) for folder in ("/dev/hugepages", "/run/dpdk") for pid in started
                  for p in Path(folder).glob(f"burst53-{pid}*") if re.match(rf"burst53-{pid}(\D|$)", p.name) and
                  p.lstat().st_ctime > BEGUN)


def traces():
    """Everything an instance may leave: files, rules, links, hugepages, processes."""
    links = lab.inside("srv", "ip", "-br", "link").stdout.split("\n")
    processes = lab.run("ip", "netns", "pids", lab.netns_name("srv")).stdout.split()
    return (lab.RUN_DIR.exists(), lab.nft_tables(), len(links), left_pages(), processes,
            sorted(p.name for p in Path("/run/netns").iterdir() if p.name.startswith(lab.PREFIX)))


def start(*words, prefix=()):
    """Runs it until it ends; (exit code, stderr, seconds)."""
    t0 = time.monotonic()
    done = lab.inside("srv", *prefix, BURST53, "run", *words, timeout=120)
    return done.returncode, done.stderr, time.monotonic() - t0


def sh(command):
    """A line of shell in the server's namespace."""
    lab.inside("srv", "sh", "-c", command, check=True)


ERRORS = {
    "interface missing": ("", ["--port", "af_packet:nix0", "--address", "198.18.0.53"], "no interface nix0"),
    "interface down": ("ip link add d0 type veth peer name d1", ["--port", "af_packet:d0", "--address", "198.18.0.53"], "is down"),
    "on another interface": ("ip link add d0 type veth peer name d1; ip link set d0 up; ip addr add 198.18.7.1/24 dev d0",
                             ["--port", "af_packet:eth0", "--address", "198.18.7.1/24"], "in use on interface d0"),
    "answered by a neighbour": ("", ["--port", "af_packet:eth0", "--address", "198.18.0.10/24"], "already answered"),
    "answered by a neighbour, IPv6": ("", ["--port", "af_packet:eth0", "--address", "fd00:53::10/64"],
                                      "already answered"),
    "MTU": ("ip link set eth0 mtu 9500", OWN, "MTU 9500"),
    "no such address": ("", ["--port", "none", "--address", "198.18.0.53"], "is on no interface"),
    "port taken": ("", ["--port", "none", "--address", "198.18.0.1"], "another program serves it"),
    "state directory": ("", [*OWN, "--state-dir", "/proc/nope"], "state directory"),
    "Corefile": ("", [*OWN, "--conf", "/proc/self/status"], "/proc/self/status:1"),
    "no Corefile": ("", [*OWN, "--conf", "/nonexistent/Corefile"], "/nonexistent/Corefile"),
    "kubeconfig": ("", ["--kubeconfig", "/nonexistent/config", *OWN], "/nonexistent/config"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_at_start_is_clear_quick_and_clean(network, case):
    before_cmd, words, message = ERRORS[case]
    if before_cmd:
        sh(before_cmd)
    base = [w for w in BASE if "kubeconfig" not in case or w not in ("--dump", lab.DATA / "lab.json")]
    holder = None
    if case == "port taken":
        with lab.netns("srv"):
            holder = lab_socket()
    before = traces()
    code, text, seconds = start(*base, *words)
    assert code == 1, text
    assert message in text
    assert seconds < lab.at_most(2)
    assert traces() == before
    if holder:
        holder.close()


def lab_socket():
    """A stranger on the DNS port, one who shares ports."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("198.18.0.1", 53))
    return sock


def test_without_permission_it_says_so(network):
    before = traces()
    code, text, seconds = start(*BASE, *OWN, prefix=["setpriv", "--bounding-set=-net_admin,-net_raw"])
    assert code == 1 and "CAP_NET_ADMIN" in text and seconds < lab.at_most(2)
    assert traces() == before


def test_a_second_one_on_the_run_directory_is_refused(network):
    first = background()
    code, text, seconds = start(*BASE, *OWN)
    assert code == 1 and "another burst53" in text and seconds < lab.at_most(2)
    stop(first)


def test_a_second_one_is_refused_for_what_both_would_have(network, tmp_path):
    """With a run directory of its own: the address, where both would answer, and the state directory."""
    first = background()
    before = traces()
    other = [*BASE, "--port", "af_packet:eth0", "--run-dir", tmp_path / "run"]
    try:
        code, text, _ = start(*other, "--address", "198.18.0.53/24", "--state-dir", tmp_path / "state")
        pid = lab.pids()["supervisor"]
        assert code == 1 and f"another burst53 (process {pid}) serves 198.18.0.53 on eth0 already" in text
        code, text, _ = start(*other, "--address", "198.18.0.54/24")
        assert code == 1 and f"has the state directory /tmp/{lab.PREFIX}-state: give this one its own --state-dir" in text
        assert traces() == before and not (tmp_path / "run").exists()
    finally:
        stop(first)


def test_a_place_of_the_monitor_that_is_taken_is_explained(network, tmp_path):
    """As with a second instance and the Corefile of the first."""
    (tmp_path / "Corefile").write_text(".:53 {\n    ready 127.0.0.1:8181\n    kubernetes cluster.local\n}\n", encoding="ascii")
    log = tmp_path / "log"
    with lab.netns("srv"):
        holder = socket.create_server(("127.0.0.1", 8181))
    with holder, log.open("w", encoding="utf-8") as err:
        process = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), str(BURST53), "run", *map(str, BASE), "--conf",
                                    str(tmp_path / "Corefile"), "--port", "none", "--address", "198.18.0.1"], stdout=err, stderr=err)
        try:
            lab.wait_for(lambda: "127.0.0.1 port 8181 is taken: a second instance needs other addresses in health, ready "
                         "and prometheus" in log.read_text(encoding="utf-8"))
        finally:
            process.terminate()
            process.wait(60)


def background():
    """An instance that serves; the process of its supervisor."""
    process = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), str(BURST53), "run",
                                *map(str, BASE), *OWN], stderr=subprocess.DEVNULL)
    lab.wait_for(lambda: lab.dig("cluster.local", "SOA")[0] == "NOERROR", 10)
    started.add(lab.pids()["dataplane"])
    return process


def take_hugepages():
    """All that are free, as somebody else might; closing gives them back."""
    taken, count = [], int(FREE_PAGES.read_text(encoding="ascii"))
    while count > 0:
        try:
            taken.append(mmap.mmap(-1, count << 21, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB))
            taken[-1][::1 << 21] = bytes(count)
        except OSError:
            count //= 2
    return taken


@pytest.mark.skipif(not FREE_PAGES.exists(), reason="the kernel has no hugepages of 2 MiB")
def test_without_the_hugepages_that_were_free_a_moment_ago_it_goes_on(network, tmp_path):
    """Several start at once, or something else takes them: what sysfs says is no promise."""
    (tmp_path / "free").write_text("256\n", encoding="ascii")
    log = tmp_path / "log"
    command = f'mount --bind {tmp_path}/free {FREE_PAGES} && exec "$@"'
    taken = take_hugepages()
    with log.open("w", encoding="utf-8") as err:
        process = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), "sh", "-c", command, "sh", str(BURST53), "run",
                                    *map(str, BASE), *OWN], stderr=err)
    try:
        lab.wait_for(lambda: lab.dig("cluster.local", "SOA")[0] == "NOERROR" or process.poll() is not None)
    finally:
        for pages in taken:
            pages.close()
    text = log.read_text(encoding="utf-8")
    assert process.poll() is None, text
    stop(process)
    # Another lab may have given some back meanwhile.
    assert ("going on without" in text and "others have taken them" in text) or "hugepages=yes" in text, text


def stop(process):
    """SIGTERM; it must end with 0."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0


def test_sigterm_leaves_nothing(network):
    before = traces()
    stop(background())
    assert traces() == before


def test_a_new_start_after_kill_9_of_everything(network):
    before = traces()
    first = background()
    for pid in lab.pids().values():
        os.kill(pid, signal.SIGKILL)
    first.wait()
    stop(background())
    assert traces() == before


def test_a_new_start_after_kill_9_of_the_supervisor(network):
    before = traces()
    first = background()
    first.kill()
    first.wait()
    time.sleep(0.3)
    assert lab.dig("cluster.local", "SOA")[0] == "NOERROR", "the children go on"
    second = background()  # answered by those children at first
    lab.wait_for(lambda: (lab.RUN_DIR / "state").exists() and lab.pids()["supervisor"] == second.pid, 60)
    stop(second)
    assert traces() == before


@pytest.mark.parametrize("words", [["--nonsense"], ["--port", "nonsense"], ["--address", "1.2.3.4/40"], []])
def test_a_wrong_command_line_is_code_2(words):
    assert lab.run(BURST53, "run", *words).returncode == 2


@pytest.mark.parametrize("command", ["run", "check", "status", "query", "dump"])
def test_help_is_code_0(command):
    done = lab.run(BURST53, command, "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: ")
