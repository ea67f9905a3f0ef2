# SPDX-License-Identifier: Apache-2.0
"""A new Corefile, draining, and what systemd is told: nothing is lost meanwhile (walkthrough 12, k8s:2.13)."""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

import lab
import scrape

BURST53 = lab.BUILD / "cli" / "burst53"
COREFILE = (lab.DATA / "monitor.Corefile").read_text(encoding="utf-8")
HOST = "198.18.9.9 static.example"
QUESTIONS = lab.DATA / "checked.txt"


def command(*words, timeout=30):
    """One sub-command on the lab's instance."""
    return lab.run(BURST53, words[0], "--run-dir", lab.RUN_DIR, *words[1:], timeout=timeout)


def static_address():
    """What static.example is now."""
    reply = scrape.ask("static.example")[2]
    return reply.answer[0][0].address if reply.answer else None


def volume(path, text):
    """A ConfigMap as the kubelet mounts it: a change is one swap of the symbolic link ..data."""
    new = path / f"..{time.monotonic_ns()}"
    new.mkdir()
    (new / "Corefile").write_text(text, encoding="utf-8")
    (path / "..next").symlink_to(new.name)
    (path / "..next").rename(path / "..data")
    if not (path / "Corefile").is_symlink():
        (path / "Corefile").symlink_to("..data/Corefile")
    return path / "Corefile"


@pytest.fixture(params=["own", "kernel"], name="mounted")
def _mounted(request, tmp_path):
    """A lab whose Corefile is in such a volume."""
    lab.up(request.param, "--", "--conf", volume(tmp_path, COREFILE))
    lab.wait_for(lambda: scrape.get("/ready")[0] == 200)
    yield tmp_path
    lab.down()


def changed(folder, text):
    """Swaps the volume; how long until the answer follows."""
    start = time.monotonic()
    volume(folder, text)
    lab.wait_for(lambda: static_address() == "198.18.9.10", 8)
    return time.monotonic() - start


def test_a_volumes_swap_takes_effect_and_nothing_is_lost(mounted):
    before = lab.pids()
    load = lab.checker("--server", lab.SERVICE[4], "--seconds", 7, QUESTIONS, background=True)
    time.sleep(1)
    took = changed(mounted, COREFILE.replace(HOST, "198.18.9.10 static.example"))
    result = lab.checker_result(load)
    assert (result["lost"], result["wrong"]) == (0, 0), result
    assert result["sent"] > 0
    assert took < lab.at_most(5)  # reload 2s, with its jitter
    assert lab.pids() == before, "no process was replaced: the listeners stay"
    found = scrape.metrics()
    assert found.total("burst53_reloads_total") == 1
    assert found.total("coredns_reload_failed_total") == 0


def test_a_bad_file_keeps_the_old_one_and_is_named(mounted):
    before = scrape.metrics()
    volume(mounted, COREFILE.replace("ready", "reddy"))
    done = command("reload")
    assert done.returncode == 1
    assert "the old one stays" in done.stderr and "Corefile:8" in done.stderr and "reddy" in done.stderr
    assert json.loads(command("reload", "--json").stdout)["outcome"] == "refused"
    after = scrape.metrics()
    assert after.total("coredns_reload_failed_total") >= 2
    assert after.find("coredns_reload_version_info") == before.find("coredns_reload_version_info")
    assert static_address() == "198.18.9.9"
    assert "Corefile:8" in lab.log()
    volume(mounted, COREFILE.replace(HOST, "198.18.9.10 static.example"))
    lab.wait_for(lambda: static_address() == "198.18.9.10", 8)


@pytest.mark.parametrize("old,new,place", [
    ("53 {", "1053 {", "port 1053"),
    ("ready", "ready\n    bind 300.1.1.1", "300.1.1.1"),
    ("ready", "ready\n    bind 127.0.53.6", "127.0.53.6 port 53"),
])
def test_a_file_that_listens_elsewhere_needs_a_restart(mounted, old, new, place):
    assert old in COREFILE
    volume(mounted, COREFILE.replace(old, new, 1).replace(HOST, "198.18.9.10 static.example"))
    done = command("reload")
    assert done.returncode == 1 and place in done.stderr and "Corefile:" in done.stderr, done.stdout + done.stderr
    assert static_address() == "198.18.9.9"


def test_reload_waits_until_the_file_is_in_force(mounted):
    hashes = [scrape.metrics().find("coredns_reload_version_info")]
    volume(mounted, COREFILE.replace(HOST, "198.18.9.10 static.example").replace("reload 2s", "reload 1h"))
    done = command("reload")
    assert done.returncode == 0 and done.stdout.startswith("in force, generation "), done.stdout + done.stderr
    assert static_address() == "198.18.9.10"
    hashes.append(scrape.metrics().find("coredns_reload_version_info"))
    assert hashes[0] != hashes[1] and len(hashes[1]) == 1
    os.kill(lab.pids()["supervisor"], signal.SIGUSR1)
    lab.wait_for(lambda: scrape.metrics().total("burst53_reloads_total") >= 2, 3)
    os.kill(lab.pids()["supervisor"], signal.SIGUSR2)
    lab.wait_for(lambda: "SIGUSR2 does nothing" in lab.log(), 60)
    assert static_address() == "198.18.9.10" and command("status").returncode == 0


def test_a_saved_cluster_has_no_history_and_says_so(mounted):  # pylint: disable=unused-argument
    done = command("history")
    assert done.returncode == 1 and "a saved cluster does not change" in done.stderr


def test_drain_takes_the_instance_out_of_service(mounted):
    supervisor = lab.pids()["supervisor"]
    assert command("drain", "--wait", "0").stdout == "draining\n"
    lab.wait_for(lambda: scrape.get("/ready")[0] == 503, 0.5)
    start = time.monotonic()
    second = subprocess.Popen([BURST53, "drain", "--json", "--run-dir", lab.RUN_DIR], stdout=subprocess.PIPE, text=True)
    while time.monotonic() - start < 1.2:
        assert scrape.get("/health")[0] == 200
        assert scrape.ask("web.default.svc.cluster.local")[2].answer
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0 and json.loads(out)["ended"]
    assert lab.run("ps", "-o", "stat=", "-p", supervisor).stdout.strip()[:1] in ("", "Z")  # nobody may reap it here
    assert command("drain").returncode == 1 and command("reload").returncode == 1


@pytest.fixture(params=["own", "kernel", "shared"], name="lame")
def _lame(request):
    """A lab of each mode with a lame duck of 2 s."""
    lab.up(request.param, "--corefile", lab.DATA / "monitor.Corefile")
    lab.wait_for(lambda: scrape.get("/ready")[0] == 200)
    yield request.param
    lab.down()


def test_answers_go_on_until_nobody_is_there(lame):
    seconds = 8 if lame == "own" else 60  # elsewhere a refusal ends it, however long a slow machine takes to stop
    words = ["ip", "netns", "exec", lab.netns_name("cli"), sys.executable, lab.TOP / "tests" / "e2e" / "last_answers.py",
             lab.SERVICE[4], seconds]
    with subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, text=True) as asker:
        time.sleep(1)
        told = time.monotonic()
        lab.kill("supervisor", signal.SIGTERM)
        found = json.loads(asker.communicate(timeout=120)[0])
    early = sum(when < told + 2 for when in found["silent"])
    late = sum(when < found["refused"] for when in found["silent"]) - early
    print(f"{lame}: {found['answered']} of {found['sent']} answered, the last {found['last_answer'] - told:.3f} s after SIGTERM,"
          f" unanswered before the lame duck's end: {early}, after it: {late}")
    assert found["last_answer"] - told >= 2 and early == 0, (early, late)
    # A kernel with the address says at once that nobody is there; elsewhere a MAC has to be missed first. In front of the sockets
    # of the shared mode a rule has to go; without it, one may fall between the last look into the socket and its end.
    assert found["refused"] > 0 or lame == "own"
    assert lame != "kernel" or late <= 5, (early, late)


@pytest.mark.parametrize("words", [["reload", "--wait", "x"], ["drain", "more"], ["drain", "--wait", "99999999"],
                                   ["reload", "--nonsense"]])
def test_a_wrong_command_line_is_code_2(words):
    assert lab.run(BURST53, *words).returncode == 2


@pytest.fixture(params=["own", "kernel"], name="plain")
def _plain(request):
    """A lab of either mode; it is broken afterwards."""
    lab.up(request.param, "--corefile", lab.DATA / "monitor.Corefile")
    lab.wait_for(lambda: scrape.get("/ready")[0] == 200)
    yield request.param
    lab.down()


@pytest.mark.parametrize("who", ["control", "monitor", "slowpath", "dataplane"])
def test_a_new_process_takes_over_from_the_old_one(plain, who):
    """As after an upgrade of the programs. On kernel sockets, questions wait in them for the new slow path."""
    if plain == "kernel" and who == "dataplane":
        pytest.skip("there is none")
    before = lab.pids()
    patience_ms = 1000 if who == "dataplane" else 20000
    load = lab.checker("--server", lab.SERVICE[4], "--seconds", 4, "--timeout-ms", patience_ms, QUESTIONS, background=True)
    time.sleep(1)
    lab.kill(who, signal.SIGTERM)
    lab.wait_for(lambda: lab.pids()[who] not in (0, before[who]))
    lab.wait_for(lambda: is_reachable() and scrape.get("/ready")[0] == 200)
    result = lab.checker_result(load)
    print(f"a new {who} in {plain} mode: {result['lost']} of {result['sent']} lost, longest gap {result['longest_gap_ms']:.0f} ms,"
          f" longest wait {result['longest_rtt_ms']:.0f} ms")
    assert result["wrong"] == 0 and result["sent"] > 0, result
    assert result["lost"] == 0 if who != "dataplane" else result["longest_gap_ms"] < 1000 * lab.at_most(1), result
    after = lab.pids()
    assert {name for name in before if before[name] != after[name]} == {who}


def test_a_hung_monitor_is_found_and_replaced(plain):  # pylint: disable=unused-argument
    """What is scraped comes back by itself; nobody else notices."""
    before = lab.pids()
    load = lab.checker("--server", lab.SERVICE[4], "--seconds", 8, QUESTIONS, background=True)
    lab.kill("monitor", signal.SIGSTOP)
    lab.wait_for(lambda: lab.pids()["monitor"] not in (0, before["monitor"]), 60)
    lab.wait_for(lambda: is_reachable() and scrape.get("/ready")[0] == 200)
    result = lab.checker_result(load)
    assert (result["lost"], result["wrong"]) == (0, 0) and result["sent"] > 0, result
    assert {name for name, pid in lab.pids().items() if pid != before[name]} == {"monitor"}
    assert "the monitor hangs" in lab.log()


def is_reachable():
    """Whether the monitor listens again."""
    try:
        scrape.get("/health")
        return True
    except OSError:
        return False


PUBLISH = struct.Struct("<IIQQQQiI160s")  # zones/link/publish.h
MAGIC, BASE, ACK, WANT = 0x42353350, 1, 3, 5


def seqpacket(name):
    """A connection to one of the instance's sockets."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(3)
    sock.connect(str(lab.RUN_DIR / name))
    return sock


def served_image():
    """The bytes of the base that the supervisor keeps."""
    data = None
    with seqpacket("supervisor.sock") as sock:
        sock.send(PUBLISH.pack(MAGIC, WANT, 0, 0, 0, 0, 0, 0, b""))
        kind = 0
        while kind != ACK:
            message, fds, _, _ = socket.recv_fds(sock, PUBLISH.size, 1)
            kind, size = PUBLISH.unpack(message)[1:3]
            if kind == BASE:
                data = os.pread(fds[0], size, 0)
            for fd in fds:
                os.close(fd)
    return data


def publish(name, data):
    """Hands an image over as control does; (status, reason)."""
    fd = os.memfd_create("image", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    with seqpacket(name) as sock:
        socket.send_fds(sock, [PUBLISH.pack(MAGIC, BASE, len(data), 99, 0, 0, 0, 0, b"")], [fd])
        answer = PUBLISH.unpack(sock.recv(PUBLISH.size))
    os.close(fd)
    return answer[6], answer[8].rstrip(b"\0").decode()


@pytest.mark.parametrize("by", [1, -1])
def test_an_image_of_another_format_is_refused_and_the_old_one_serves(plain, by):
    data = served_image()
    (version,) = struct.unpack_from("<I", data, 8)
    other = data[:8] + struct.pack("<I", version + by) + data[12:]
    takers = ["slowpath"] + (["dataplane"] if plain == "own" else [])
    before = scrape.metrics()
    for who in takers:
        status, reason = publish(f"{who}.sock", other)
        assert status < 0 and "version" in reason, (who, status, reason)
        after = scrape.metrics()
        refused = "burst53_snapshot_refused_total"
        assert after.total(refused, process=who) - before.total(refused, process=who) == 1
        assert scrape.ask("web.default.svc.cluster.local")[2].answer
    assert scrape.get("/ready")[0] == 200


def test_systemd_is_told(network, tmp_path):
    place = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(place))
        sock.settimeout(60)
        (tmp_path / "state").mkdir()
        process = subprocess.Popen(
            ["ip", "netns", "exec", lab.netns_name("srv"), str(BURST53), "run", "--conf", str(lab.DATA / "monitor.Corefile"),
             "--dump", str(lab.DATA / "lab.json"), "--run-dir", str(lab.RUN_DIR), "--state-dir", str(tmp_path / "state"),
             "--port", "none"],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            env={**os.environ, "NOTIFY_SOCKET": str(place), "WATCHDOG_USEC": "1500000"})
        try:
            said = []
            start = time.monotonic()
            while time.monotonic() - start < 2.5 or len(said) < 4:
                said.append((sock.recv(200).decode(), time.monotonic()))
        finally:
            process.terminate()
        while said[-1][0] != "STOPPING=1":
            said.append((sock.recv(200).decode(), time.monotonic()))
        process.wait(60)
    words = [word for word, _ in said]
    assert words.count("READY=1") == 1
    beats = [when for word, when in said if word == "WATCHDOG=1"]
    assert len(beats) >= 3
    assert max(b - a for a, b in zip(beats, beats[1:])) < lab.at_most(1)
