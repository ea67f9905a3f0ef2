# SPDX-License-Identifier: Apache-2.0
"""burst53 diff of snapshots in files."""

import json

import pytest

from played import burst53, make_image


@pytest.fixture(name="images")
def _images(tmp_path):
    """Two images, and the first with an overlay in a folder as control saves them."""
    pair = tmp_path / "pair"
    pair.mkdir()
    make_image(tmp_path / "a.img", 12, 3, 1)
    make_image(tmp_path / "b.img", 13, 3, 1)
    make_image(pair / "base.img", 12, 3, 1, (2, pair / "overlay.img"))
    return tmp_path


def test_the_same_is_0_and_nothing_printed(images):
    done = burst53("diff", images / "a.img", images / "a.img")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_new_has_a_plus_and_the_exit_code_is_1(images):
    done = burst53("diff", images / "a.img", images / "b.img")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0] == f"--- {images / 'a.img'} generation 1" and lines[1] == f"+++ {images / 'b.img'} generation 1"
    assert "+svc12.ns.svc.cluster.local. 30 IN A 10.97.0.12" in lines
    assert all(line.startswith("+") for line in lines[1:-1])
    assert lines[-1] == "; 0 sets gone, 5 added, 0 changed"
    back = burst53("diff", images / "b.img", images / "a.img").stdout.splitlines()
    assert sorted(line[1:] for line in back[2:-1]) == sorted(line[1:] for line in lines[2:-1])


def test_a_saved_pair_counts_with_its_overlay(images):
    done = burst53("diff", images / "a.img", images / "pair")
    assert done.returncode == 1
    assert "-svc5.ns.svc.cluster.local. 30 IN A 10.97.0.5" in done.stdout
    assert "+svc2.ns.svc.cluster.local. 30 IN A 10.98.0.2" in done.stdout


def test_an_overlay_of_another_base_is_left_out(images):
    (images / "pair" / "base.img").write_bytes((images / "b.img").read_bytes())
    assert burst53("diff", images / "b.img", images / "pair").returncode == 0


def test_json_has_every_change(images):
    doc = json.loads(burst53("diff", images / "a.img", images / "pair", "--json").stdout)
    assert (doc["a"]["generation"], doc["b"]["generation"]) == (1, 2)
    assert (doc["gone"], doc["added"], doc["changed"], doc["policy"]) == (6, 4, 8, 0)
    assert len(doc["changes"]) == 18
    assert {"what": "changed", "name": "svc2.ns.svc.cluster.local.", "type": "A",
            "removed": ["svc2.ns.svc.cluster.local. 30 IN A 10.97.0.2"],
            "added": ["svc2.ns.svc.cluster.local. 30 IN A 10.98.0.2"]} in doc["changes"]


def dump_of(path, services):
    """A saved cluster and a Corefile for it."""
    items = [{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "a"}}]
    items += [{"kind": "Service", "apiVersion": "v1", "metadata": {"name": name, "namespace": "a"},
               "spec": {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"port": 80, "protocol": "TCP"}]}}
              for name, ip in services.items()]
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": items}), encoding="utf-8")
    return path


def test_dumps_are_built_with_their_corefile(tmp_path):
    conf, other = tmp_path / "Corefile", tmp_path / "other"
    conf.write_text(".:53 {\n kubernetes cluster.local\n}\n", encoding="utf-8")
    other.write_text(".:53 {\n kubernetes cluster.local {\n  ttl 60\n }\n}\n", encoding="utf-8")
    old = dump_of(tmp_path / "old.json", {"web": "10.96.0.1"})
    new = dump_of(tmp_path / "new.json", {"web": "10.96.0.1", "api": "10.96.0.2"})
    done = burst53("diff", old, new, "--conf", conf)
    assert done.returncode == 1, done.stderr
    assert "+api.a.svc.cluster.local. 5 IN A 10.96.0.2" in done.stdout and "web" not in done.stdout
    done = burst53("diff", old, old, "--conf", conf, "--conf", other)
    assert "-web.a.svc.cluster.local. 5 IN A 10.96.0.1" in done.stdout
    assert "+web.a.svc.cluster.local. 60 IN A 10.96.0.1" in done.stdout


def test_a_changed_corefile_shows_as_changed_rules(tmp_path):
    conf, other = tmp_path / "Corefile", tmp_path / "other"
    conf.write_text(".:53 {\n kubernetes cluster.local\n}\n", encoding="utf-8")
    other.write_text(".:53 {\n kubernetes cluster.local\n forward . 192.0.2.1\n}\n", encoding="utf-8")
    dump = dump_of(tmp_path / "dump.json", {})
    done = burst53("diff", dump, dump, "--conf", conf, "--conf", other)
    assert done.returncode == 1 and "and the rules of the Corefile" in done.stdout
    assert any(line.startswith("+; listen *#53 zone .") and "line 3 forward: slow path" in line
               for line in done.stdout.splitlines()), done.stdout


@pytest.mark.parametrize("words, reason", [
    ([], "give two snapshots"),
    (["a.img"], "give two snapshots"),
    (["a.img", "b.img", "c.img"], "give two snapshots"),
    (["--nonsense", "a.img", "b.img"], "unrecognized option"),
    (["a.img", "missing"], "No such file"),
    (["a.img", "pair/overlay.img"], "an overlay; give the folder with its base"),
    (["a.img", "text"], "a dump needs --conf"),
    (["a.img", "broken.img"], "hash differs"),
    (["a.img", "short.img"], "a dump needs --conf"),
    (["a.img", "live", "--run-dir", "nowhere"], "no burst53 runs"),
])
def test_what_cannot_be_compared_is_2_with_a_reason(images, words, reason):
    data = bytearray((images / "a.img").read_bytes())
    (images / "short.img").write_bytes(data[:len(data) // 2])
    data[-9] ^= 1
    (images / "broken.img").write_bytes(data)
    (images / "text").write_text("hello", encoding="utf-8")
    done = burst53("diff", *words, cwd=images)
    assert done.returncode == 2 and reason in done.stderr, done
    assert done.stdout == ""
