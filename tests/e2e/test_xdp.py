# SPDX-License-Identifier: Apache-2.0
"""AF_XDP takes what is asked of burst53 and nothing else of the interface, and leaves nothing on it, however it ends."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

import lab

WEB = "web.default.svc.cluster.local"
OWN = "198.18.0.1"  # the interface's own address


@contextlib.contextmanager
def running(*words, corefile=lab.DATA / "lab.Corefile"):
    """An instance on AF_XDP that answers; its supervisor. What is left of it in the end is stopped."""
    command = ["ip", "netns", "exec", lab.netns_name("srv"), str(lab.BUILD / "cli" / "burst53"), "run", "--config", "/dev/null",
               "--conf", str(corefile), "--dump", str(lab.DATA / "lab.json"), "--port", "af_xdp:eth0", "--run-dir",
               str(lab.RUN_DIR), "--state-dir", f"/tmp/{lab.PREFIX}-state", "--address", "198.18.0.53/24", "--address",
               "fd00:53::53/64", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            lab.wait_for(lambda: lab.dig("cluster.local", "SOA")[0] == "NOERROR", 10)
            yield process
        finally:
            process.terminate()
            process.wait(15)


def traces():
    """What an instance puts on the interface and beside it."""
    link = lab.inside("srv", "ip", "-d", "link", "show", "eth0").stdout
    return "xdp" in link, lab.nft_tables(), lab.RUN_DIR.exists()


def echo(sock, seen):
    """A server on the interface's own address, for one client."""
    conn, _ = sock.accept()
    with conn:
        while data := conn.recv(100):
            conn.sendall(data)
            seen.append(data)


def test_a_session_to_the_interface_lives_on(network):
    with lab.netns("srv"):
        listening = socket.create_server((OWN, 2222))
    seen = []
    threading.Thread(target=echo, args=(listening, seen), daemon=True).start()
    with lab.netns("cli"):
        session = socket.create_connection((OWN, 2222), timeout=60)

    def say(number):
        session.sendall(str(number).encode())
        assert session.recv(100) == str(number).encode()

    say(1)
    with running():
        for n in range(2, 20):
            say(n)
            assert lab.dig(WEB)[2] == ["A 10.96.0.80"]
        assert " 0% packet loss" in lab.inside("cli", "ping", "-c", "2", "-i", "0.2", OWN).stdout
    for n in range(20, 25):
        say(n)
    session.close()
    listening.close()


@pytest.mark.parametrize("family", [4, 6])
def test_it_answers_like_the_others(network, family):
    with running():
        for role in ("cli", "far"):
            assert lab.dig(WEB, family=family, role=role)[0] == "NOERROR"
            assert len(lab.dig("many.shop.svc.cluster.local", "A", "+tcp", family=family, role=role)[2]) == 100
            address = lab.SERVICE[family]
            assert " 0% packet loss" in lab.inside(role, "ping", "-c", "2", "-i", "0.2", "-W", "1", address).stdout


def test_the_ports_of_the_corefile_are_taken(network, tmp_path):
    conf = tmp_path / "Corefile"
    conf.write_text(".:53 cluster.local:5353 {\n kubernetes cluster.local\n}\n", encoding="utf-8")
    with running(corefile=conf):
        for words in ((), ("+tcp",)):
            assert lab.dig(WEB, "A", "-p", "5353", *words)[2] == ["A 10.96.0.80"]


def test_stopping_leaves_nothing(network):
    with running():
        assert traces()[0]
    assert traces() == (False, [], False)


@pytest.mark.parametrize("who", ["supervisor", "dataplane", "everybody"])
def test_nothing_is_left_after_kill_9_and_a_new_start(network, who):
    with running() as first:
        if who == "dataplane":
            before = lab.pids()["dataplane"]
            lab.kill("dataplane")
            lab.wait_for(lambda: lab.pids()["dataplane"] not in (0, before), 5)
        else:
            pids = lab.pids()
            for pid in pids.values() if who == "everybody" else [pids["supervisor"]]:
                os.kill(pid, signal.SIGKILL)
            first.wait()
            time.sleep(0.2)
            if who == "supervisor":
                assert lab.dig(WEB)[2] == ["A 10.96.0.80"], "the children go on"
            with running():
                assert lab.dig(WEB, "A", "+tcp")[2] == ["A 10.96.0.80"]
        lab.wait_for(lambda: who != "dataplane" or lab.dig(WEB)[2] == ["A 10.96.0.80"], 5)
    assert traces() == (False, [], False)
