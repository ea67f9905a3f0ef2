# SPDX-License-Identifier: Apache-2.0
"""A saved snapshot while nobody reaches the API: served when it is of this boot or young, refused when it is old
(SERVFAIL with extended error 14) or broken."""

import contextlib
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

import lab

WEB = "web.default.svc.cluster.local"
TRAILER = struct.Struct("<8sQqq40s")  # zones/link/saved.c
NOWHERE = ("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c}}]\n"
           "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]\n")


@contextlib.contextmanager
def running(state, *source):
    """burst53 in own mode on a state directory of its own."""
    command = ["ip", "netns", "exec", lab.netns_name("srv"), str(lab.BUILD / "cli" / "burst53"), "run", "--config", "/dev/null",
               "--conf", str(lab.DATA / "lab.Corefile"), "--port", "af_packet:eth0", "--run-dir", str(lab.RUN_DIR),
               "--state-dir", str(state), "--address", "198.18.0.53/24", "--address", "fd00:53::53/64", *map(str, source)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def answer(*words):
    """(rcode, extended error number) of a known name; None without a reply."""
    out = lab.inside("cli", "dig", f"@{lab.SERVICE[4]}", WEB, "+tries=1", "+time=1", *words).stdout
    head, ede = re.search(r"status: (\w+)", out), re.search(r"EDE: (\d+)", out)
    return (head.group(1), int(ede.group(1)) if ede else None) if head else None


@pytest.fixture(name="saved", scope="module")
def _saved(tmp_path_factory):
    """What an instance left behind that had the cluster."""
    folder = tmp_path_factory.mktemp("state")
    lab.down()
    assert lab.lab("up", "--no-start").returncode == 0
    with running(folder, "--dump", lab.DATA / "lab.json"):
        lab.wait_for((folder / "base.img").exists, 15)
        lab.wait_for(lambda: answer() == ("NOERROR", None), 5)
    yield folder
    lab.down()


def change(path, age_s=0, boot=True, broken=False):
    """Makes a saved image older, of another boot, or wrong."""
    data = bytearray(Path(path).read_bytes())
    magic, size, _, _, own = TRAILER.unpack(data[-TRAILER.size:])
    if not boot:
        own = b"00000000-0000-0000-0000-000000000000"
        data[-TRAILER.size:] = TRAILER.pack(magic, size, int(time.time()) - age_s, 1, own)
    if broken:
        data[len(data) // 2] ^= 0xff
    Path(path).write_bytes(data)


@pytest.mark.parametrize("changes,expected", [
    ({}, ("NOERROR", None)),
    ({"boot": False, "age_s": 60}, ("NOERROR", None)),
    ({"boot": False, "age_s": 3600}, ("SERVFAIL", 14)),
    ({"boot": False, "age_s": -3600}, ("SERVFAIL", 14)),
    ({"broken": True}, ("SERVFAIL", 14)),
], ids=["this boot", "young", "old", "of the future", "broken"])
def test_a_start_without_the_api(saved, tmp_path, changes, expected):
    state, config = tmp_path / "state", tmp_path / "kubeconfig"
    shutil.copytree(saved, state)
    config.write_text(NOWHERE, encoding="ascii")
    for image in state.glob("*.img"):
        change(image, **changes)
    with running(state, "--kubeconfig", config):
        lab.wait_for(lambda: answer() == expected, 5)
        time.sleep(1)  # it stays so
        for words in ((), ("+tcp",)):
            assert answer(*words) == expected
