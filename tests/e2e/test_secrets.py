# SPDX-License-Identifier: Apache-2.0
"""What nobody may get: secrets from logs, command lines, the environment, files and core files, and images in from strangers."""

import base64
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import lab

STRANGER = 12345
KEY = "-----BEGIN PRIVATE KEY-----\nMHcCAQEEIKfQVerySecretKeyOfNobody0123456789\n-----END PRIVATE KEY-----\n"
SECRET = "b7Qx-very-secret-4Zk1"
SERVER = "http://127.0.0.1:6443"
# What each kubeconfig holds, and what must not be seen of it.
CONFIGS = {
    "token": ({"server": SERVER}, {"token": SECRET}, [SECRET]),
    "password": ({"server": SERVER}, {"username": "somebody", "password": SECRET},
                 [SECRET, base64.b64encode(f"somebody:{SECRET}".encode()).decode()]),
    "key": ({"server": "https://127.0.0.1:6443"}, {"client-certificate-data": "eA==", "client-key-data": base64.b64encode(KEY.encode()).decode()},
            ["VerySecretKey", base64.b64encode(KEY.encode()).decode()[40:80]]),
    "url": ({"server": f"http://somebody:{SECRET}@127.0.0.1:6443"}, {}, [SECRET]),
    "proxy": ({"server": SERVER, "proxy-url": f"http://somebody:{SECRET}@127.0.0.1:6443"}, {}, [SECRET]),
}
# An API server that lets nobody in.
REFUSING = """
import http.server
class Refuse(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401); self.end_headers(); self.wfile.write(b'{"kind":"Status","code":401,"message":"Unauthorized"}')
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 6443), Refuse).serve_forever()
"""


def state_pids(run_dir):
    """Process numbers by name, of those that run."""
    text = (run_dir / "state").read_text(encoding="utf-8")
    found = {name: int(pid) for name, pid in re.findall(r"^child (\S+) (\d+)", text, re.M)}
    found["supervisor"] = int(re.search(r"^supervisor (\d+)", text, re.M)[1])
    return {name: pid for name, pid in found.items() if pid}


def everything_told(run_dir, folder):
    """Log, command lines, environments, files of the run directory, and what status prints."""
    told = {path: path.read_bytes() for path in (folder / "log", *run_dir.iterdir()) if path.is_file()}
    for name, pid in state_pids(run_dir).items():
        for kind in ("cmdline", "environ"):
            told[name, kind] = Path(f"/proc/{pid}/{kind}").read_bytes()
    for words in (["status"], ["status", "--json"]):
        done = subprocess.run([lab.BUILD / "cli" / "burst53", *words, "--run-dir", run_dir], capture_output=True, check=False)
        told[tuple(words)] = done.stdout + done.stderr
    return told


@pytest.mark.parametrize("case", CONFIGS)
def test_no_secret_is_told_while_the_api_refuses_it(network, tmp_path, case):  # pylint: disable=unused-argument
    cluster, user, secrets = CONFIGS[case]
    config, run_dir = tmp_path / "kubeconfig", tmp_path / "run"
    config.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c", "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}]}), encoding="utf-8")
    words = [lab.BUILD / "cli" / "burst53", "run", "--config", "/dev/null", "--conf", lab.DATA / "lab.Corefile", "--kubeconfig", config,
             "--port", "none", "--run-dir", run_dir, "--state-dir", tmp_path / "state"]
    inside = ["ip", "netns", "exec", lab.netns_name("srv")]
    with open(tmp_path / "log", "wb") as log, subprocess.Popen([*inside, sys.executable, "-c", REFUSING]) as api, \
            subprocess.Popen([*inside, *map(str, words)], stdout=log, stderr=log) as server:
        try:
            def has_failed():
                told = (tmp_path / "log").read_text(encoding="utf-8")
                return server.poll() is not None or re.search(r"^(warn|error) ", told, re.M)
            lab.wait_for(has_failed)
            if server.poll() is None:
                told = everything_told(run_dir, tmp_path)
            else:  # a key that is none is an error at the start
                told = {"log": (tmp_path / "log").read_bytes()}
        finally:
            for process in (server, api):
                process.terminate()
            assert server.wait(60) in (0, 1)
    told["to the end"] = (tmp_path / "log").read_bytes()
    for where, text in told.items():
        assert not [s for s in secrets if s.encode() in text], (where, text)


def test_no_core_file_holds_what_a_process_knows(own):  # pylint: disable=unused-argument
    for name, pid in lab.pids().items():
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M), name
        if name == "supervisor":  # commands look for it: nothing of its memory is written
            assert int(Path(f"/proc/{pid}/coredump_filter").read_text(encoding="utf-8"), 16) == 0
        else:  # the memory of what cannot be dumped is root's
            uid = int(re.search(r"^Uid:\t(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.M)[1])
            assert uid != 0 and os.stat(f"/proc/{pid}/environ").st_uid == 0, name


KNOCK = """
import os, socket, sys
os.setgroups([]); os.setresgid(*[int(sys.argv[1])] * 3); os.setresuid(*[int(sys.argv[1])] * 3)
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
    sock.settimeout(30)
    try:
        sock.connect(sys.argv[2])
        sock.send(b"x" * 208)
        print("answered" if sock.recv(1000) else "closed")
    except OSError as error:
        print(type(error).__name__)
"""


def knock(name):
    """What happens to another user at a socket."""
    done = subprocess.run([sys.executable, "-c", KNOCK, str(STRANGER), str(lab.RUN_DIR / name)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_stranger_is_let_in_at_no_socket(own):  # pylint: disable=unused-argument
    names = ["supervisor.sock", "dataplane.sock", "slowpath.sock"]
    assert {knock(name) for name in names} == {"PermissionError"}
    # Where somebody opened the folder, who asks is still looked at.
    parents = [p for p in lab.RUN_DIR.parents if not p.stat().st_mode & 0o001]
    before = {p: p.stat().st_mode & 0o7777 for p in [lab.RUN_DIR, *parents, *(lab.RUN_DIR / name for name in names)]}
    try:
        for path in before:
            path.chmod(0o666 if path.is_socket() else 0o711)
        for name in names:
            assert knock(name) in ("closed", "ConnectionResetError", "BrokenPipeError"), name
        assert "connection of a stranger refused" in lab.log()
    finally:
        for path, mode in before.items():
            path.chmod(mode)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(str(lab.RUN_DIR / "supervisor.sock"))
    assert lab.dig("web.default.svc.cluster.local")[0] == "NOERROR"
