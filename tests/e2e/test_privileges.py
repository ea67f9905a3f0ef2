# SPDX-License-Identifier: Apache-2.0
"""Each address mode starts with exactly what its row of docs/operations.md says, and keeps less."""

import contextlib
import os
import pwd
import re
import signal
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

import lab

UID = "65534"
FALLBACK = "53053"  # cli/user.h
CAPABILITIES = {"dac_read_search": 2, "kill": 5, "setgid": 6, "setuid": 7, "net_bind_service": 10, "net_admin": 12, "net_raw": 13,
                "ipc_lock": 14, "sys_admin": 21, "bpf": 39}
NAME = "web.default.svc.cluster.local"
SECRET = "9d3f1c0a5b7e4f6688aa0c1d2e3f4a5b"


def rows():
    """Mode: (port, capabilities, device nodes, capabilities kept) of the table."""
    text = (lab.TOP / "docs" / "operations.md").read_text(encoding="utf-8").split("<!-- table: privileges -->")[1]
    found = {}
    for line in text.strip().splitlines()[2:]:
        if not line.startswith("|"):
            break
        mode, port, _, capabilities, nodes, kept = (cell.strip().strip("`") for cell in line.strip("|").split("|"))
        found[mode] = (port.replace(":IF", ":eth0"), capabilities.split(), nodes.split(), [] if kept == "none" else kept.split())
    return found


ROWS = rows()

# A /dev with nothing but the nodes named in front of the command.
DEV = """
set -eu
new=$1; shift
mount -t tmpfs none "$new"
while [ "$1" != -- ]; do
    mkdir -p "$(dirname "$new/$1")"; touch "$new/$1"; mount --bind "/dev/$1" "$new/$1"; shift
done
shift
mount --move "$new" /dev
exec "$@"
"""


def bits(names):
    """A set of capabilities as /proc prints it."""
    return sum(1 << CAPABILITIES[name] for name in names)


class Server:
    """burst53 of one row."""

    def __init__(self, folder, mode, without=()):
        port, capabilities, nodes, _ = ROWS[mode]
        self.run_dir = folder / "run"
        self.log = folder / "log"
        folder.chmod(0o711)
        for name in ("run", "state", "dev"):
            (folder / name).mkdir(mode=0o700)
            os.chown(folder / name, int(UID), int(UID))
        (folder / "state" / "cookies").write_text(SECRET + "\n", encoding="utf-8")
        os.chmod(folder / "state" / "cookies", 0o600)
        os.chown(folder / "state" / "cookies", int(UID), int(UID))
        if not mode.startswith("own"):
            lab.inside("srv", "ip", "addr", "add", "198.18.0.53/24", "dev", "eth0", check=True)
        wanted = ",".join(["-all", *("+" + c for c in capabilities if c not in without)])
        words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", DEV, "sh", folder / "dev", *nodes, "--",
                 "setpriv", "--reuid", UID, "--regid", UID, "--clear-groups", "--inh-caps", wanted, "--ambient-caps",
                 wanted, "--bounding-set", wanted, "--no-new-privs", lab.BUILD / "cli" / "burst53", "run", "--config", "/dev/null",
                 "--conf", lab.DATA / "lab.Corefile", "--dump", lab.DATA / "lab.json", "--port", port, "--address",
                 "198.18.0.53/24", "--run-dir", self.run_dir, "--state-dir", folder / "state"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), *map(str, words)],
                                            stderr=log, stdout=log)

    def pids(self):
        """Process numbers by name."""
        text = (self.run_dir / "state").read_text(encoding="utf-8")
        found = {m[1]: int(m[2]) for m in re.finditer(r"^child (\S+) (\d+)", text, re.M)}
        return {**found, "supervisor": int(re.search(r"^supervisor (\d+)", text, re.M)[1])}

    def stop(self):
        """SIGTERM; it must end in order."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0, self.log.read_text(encoding="utf-8")


@contextlib.contextmanager
def answering(mode, without=()):
    """A server that answers."""
    # Not tmp_path: another user must get there.
    with tempfile.TemporaryDirectory(prefix="b53-", dir="/tmp") as folder:
        server = Server(Path(folder), mode, without)

        def answers():
            assert server.process.poll() is None, server.log.read_text(encoding="utf-8")
            # Where the kernel has the address too, its sockets answer before the port does.
            told = server.log.read_text(encoding="utf-8")
            return ("main started workers=" in told or mode == "kernel") and lab.dig(NAME)[2] == ["A 10.96.0.80"]
        try:
            lab.wait_for(answers)
            yield server
        finally:
            server.stop()


@pytest.fixture(name="server", params=ROWS)
def _server(request, network):
    """A server that answers, and its row's name."""
    with answering(request.param) as server:
        yield request.param, server


def threads(pid):
    """/proc/PID/task/*/status of a process, as dictionaries."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8") as file:
            yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def test_a_mode_starts_with_its_row_and_keeps_less(server):
    mode, running = server
    assert lab.dig(NAME, "A", "+tcp")[0] == "NOERROR", running.log.read_text(encoding="utf-8")
    assert lab.dig("missing.default.svc.cluster.local")[0] == "NXDOMAIN"
    mask = bits(ROWS[mode][3])
    for name, pid in running.pids().items():
        if pid == 0:
            continue
        for status in threads(pid):
            assert status["Uid"].split() == [UID] * 4, name
            assert status["NoNewPrivs"] == "1", name
            wanted = mask if name == "supervisor" else 0
            assert int(status["CapEff"], 16) == wanted, (name, status["Name"])
            assert int(status["CapPrm"], 16) == wanted, (name, status["Name"])
            assert status["Seccomp"] == "2", (name, status["Name"])
    told = running.log.read_text(encoding="utf-8")
    for pid in running.pids().values():
        told += Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8") if pid else ""
    assert SECRET not in told


def test_without_sys_admin_an_address_of_no_interface_has_udp_only(network):  # pylint: disable=unused-argument
    """As in a pod that is not given it: no namespace for the kernel's side of the address."""
    with answering("own", without=["sys_admin"]) as server:
        assert lab.dig("missing.default.svc.cluster.local")[0] == "NXDOMAIN"
        assert "no TCP on addresses of no interface" in server.log.read_text(encoding="utf-8")
        assert lab.dig(NAME, "A", "+tcp")[0] is None


def test_root_keeps_root_for_the_supervisor_only(own):  # pylint: disable=unused-argument
    """The lab is started by root, by hand."""
    try:
        user = str(pwd.getpwnam("burst53").pw_uid)
    except KeyError:
        user = FALLBACK
    kept = {"control": bits(["dac_read_search"]),  # credentials of other users
            "supervisor": bits([*ROWS["own"][3], "setuid", "setgid", "kill", "dac_read_search", "sys_admin"])}  # --api-netns
    users = {"supervisor": "0", "dataplane": UID}
    lab.wait_for(lambda: lab.dig(NAME)[0] == "NOERROR", 60)
    for name, pid in lab.pids().items():
        for status in threads(pid):
            assert status["Uid"].split() == [users.get(name, user)] * 4, name
            assert int(status["CapEff"], 16) == kept.get(name, 0), (name, status["Name"])
            assert int(status["CapPrm"], 16) == kept.get(name, 0), (name, status["Name"])
            assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", name
            assert int(status["CapBnd"], 16) & ~kept["supervisor"] == 0, (name, status["Name"])
            assert name == "supervisor" or status["Groups"].split() in ([], [users.get(name, user)]), name
    modes = {p.name: (p.lstat().st_uid, stat.S_IMODE(p.lstat().st_mode)) for p in lab.RUN_DIR.iterdir() if p.is_socket()}
    assert modes and set(modes.values()) == {(int(user), 0o600)}, modes
    assert stat.S_IMODE(lab.RUN_DIR.stat().st_mode) == 0o710 and lab.RUN_DIR.stat().st_uid == 0


def test_another_user_is_a_choice(network, tmp_path):  # pylint: disable=unused-argument
    words = ["run", "--config", "/dev/null", "--conf", lab.DATA / "lab.Corefile", "--dump", lab.DATA / "lab.json", "--port",
             "none", "--run-dir", tmp_path / "run", "--state-dir", tmp_path / "state"]
    lab.inside("srv", "ip", "addr", "add", "198.18.0.53/24", "dev", "eth0", check=True)
    burst53 = lab.BUILD / "cli" / "burst53"
    done = lab.inside("srv", burst53, *words, "--user", "nobody-knows-me")
    assert done.returncode == 1 and "there is no user" in done.stderr
    done = lab.inside("srv", "setpriv", "--reuid", "1234", "--clear-groups", "--no-new-privs", burst53, *words, "--user", UID)
    assert done.returncode == 1 and "only root" in done.stderr
    with subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), *map(str, [burst53, *words, "--user", UID])],
                          stderr=subprocess.DEVNULL) as running:
        try:
            lab.wait_for(lambda: lab.dig(NAME)[0] == "NOERROR", 60)
            text = (tmp_path / "run" / "state").read_text(encoding="utf-8")
            pid = int(re.search(r"^child control (\d+)", text, re.M)[1])
            assert {status["Uid"].split()[0] for status in threads(pid)} == {UID}
        finally:
            running.terminate()
            assert running.wait(60) == 0


@pytest.mark.parametrize("mode", ["kernel", "shared"])
def test_root_of_a_container_drops_all_without_changing_its_number(network, mode, tmp_path):  # pylint: disable=unused-argument
    """As the chart's DaemonSet starts it: uid 0 with the row's capabilities, none of which changes users."""
    port, capabilities, *_ = ROWS[mode]
    wanted = ",".join(["-all", *("+" + c for c in capabilities)])
    lab.inside("srv", "ip", "addr", "add", "198.18.0.53/24", "dev", "eth0", check=True)
    words = ["setpriv", "--inh-caps", wanted, "--bounding-set", wanted, "--no-new-privs", lab.BUILD / "cli" / "burst53", "run",
             "--config", "/dev/null", "--conf", lab.DATA / "lab.Corefile", "--dump", lab.DATA / "lab.json", "--port", port, "--address",
             "198.18.0.53/24", "--run-dir", tmp_path / "run", "--state-dir", tmp_path / "state"]
    log = tmp_path / "log"
    with open(log, "wb") as out, subprocess.Popen(["ip", "netns", "exec", lab.netns_name("srv"), *map(str, words)], stderr=out,
                                                  stdout=out) as running:
        try:
            def answers():
                assert running.poll() is None, log.read_text(encoding="utf-8")
                return (mode == "kernel" or "main started workers=" in log.read_text(encoding="utf-8")) and lab.dig(NAME)[0] == "NOERROR"
            lab.wait_for(answers, 60)
            text = (tmp_path / "run" / "state").read_text(encoding="utf-8")
            for name, pid in re.findall(r"^child (\S+) ([1-9]\d*)", text, re.M):
                for status in threads(pid):
                    assert status["Uid"].split() == ["0"] * 4, name
                    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0, (name, status["Name"])
        finally:
            running.terminate()
            assert running.wait(60) == 0
