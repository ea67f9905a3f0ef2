# SPDX-License-Identifier: Apache-2.0
"""A port on one 802.1Q VLAN: everything that an untagged port gives, with the tag, and nothing to other frames (proto:I2)."""

import subprocess

import pytest

import frames
import lab
import tagged

WEB = "web.default.svc.cluster.local"
TAG = 53


@pytest.fixture(name="server", params=["af_packet:eth0", "af_xdp:eth0"])
def _server(request, network, tmp_path):
    """burst53 with --vlan, and a client behind the tag."""
    (tmp_path / "state").mkdir()
    command = ["ip", "netns", "exec", lab.netns_name("srv"), str(lab.BUILD / "cli" / "burst53"), "run", "--config", "/dev/null",
               "--conf", str(lab.DATA / "lab.Corefile"), "--dump", str(lab.DATA / "lab.json"), "--port", request.param,
               "--address", "198.18.0.53/24", "--address", "fd00:53::53/64", "--vlan", str(TAG),
               "--run-dir", str(lab.RUN_DIR), "--state-dir", str(tmp_path / "state")]
    with open(tmp_path / "log", "w+", encoding="utf-8") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            with tagged.client(TAG):
                lab.wait_for(lambda: lab.dig("cluster.local", "SOA")[0] == "NOERROR" or process.poll() is not None)
                assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
                yield process
        finally:
            process.terminate()
            process.wait(60)


def test_a_client_behind_the_tag_has_all_of_it(server):
    for family in (4, 6):
        assert lab.dig(WEB, family=family)[2] == ["A 10.96.0.80"]
        assert lab.dig(WEB, "A", "+tcp", family=family)[2] == ["A 10.96.0.80"]
        _, flags, _ = lab.dig("many.shop.svc.cluster.local", "A", "+ignore", "+bufsize=512", family=family)
        assert "tc" in flags.split()
        assert len(lab.dig("many.shop.svc.cluster.local", "A", "+bufsize=512", family=family)[2]) == 100  # over TCP by itself
        done = lab.inside("cli", "ping", "-n", "-c", "2", "-W", "5", lab.SERVICE[family])
        assert done.returncode == 0, done.stdout
    assert server.poll() is None


def test_other_frames_are_nobodys(server):
    query = bytes(frames.datagram(frames.question(ident=0x4242), sport=41000))
    right, others = tagged.put(query, TAG), [query, tagged.put(query, TAG + 1)]
    with frames.raw_socket() as raw:
        for frame in others:
            raw.send(frame)
        raw.send(right)
        raw.settimeout(60)
        got = []
        while True:
            frame = frames.receive(raw)
            if frame[6:12] == query[6:12]:
                continue
            if frame[-len(query) + 42:].find(b"\x42\x42") >= 0 or b"\x42\x42\x85" in frame:
                got.append(frame[12:16])
                break
    assert got == [b"\x81\x00" + TAG.to_bytes(2, "big")]
    assert server.poll() is None
