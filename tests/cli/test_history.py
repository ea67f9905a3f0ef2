# SPDX-License-Identifier: Apache-2.0
"""burst53 history, and diff of a running instance."""

import json
import os
import re

from played import burst53


def test_a_change_is_told_with_time_generation_object_and_version(instance):
    version = instance.service("web", "10.96.0.80")
    instance.until(lambda: "10.96.0.80" in instance.answers("web.a.svc.cluster.local"))
    generation = re.search(r"generation: (\d+)", instance.command(
        "query", "web.a.svc.cluster.local", "--explain").stdout).group(1)
    done = instance.command("history", "web.a.svc.cluster.local")
    assert done.returncode == 0, done.stderr
    line, = done.stdout.splitlines()
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z  generation {generation}  added    services a/web"
                        rf"  resourceVersion {version}", line)
    # All names that the object stands behind.
    for name in ("_http._tcp.web.a.svc.cluster.local", "x.web.a.svc.cluster.local", "80.0.96.10.in-addr.arpa"):
        assert instance.command("history", name).stdout == done.stdout, name


def test_changes_come_in_order_and_only_those_of_the_name(instance):
    versions = [instance.service("web", "10.96.0.80")]
    instance.until(lambda: "10.96.0.80" in instance.answers("web.a.svc.cluster.local"))
    versions.append(instance.service("web", "10.96.0.81"))
    instance.service("other", "10.96.0.90")
    instance.until(lambda: "10.96.0.90" in instance.answers("other.a.svc.cluster.local"))
    instance.api.delete("services", "a", "web")
    instance.until(lambda: "NXDOMAIN" in instance.answers("web.a.svc.cluster.local"))
    changes = json.loads(instance.command("history", "web.a.svc.cluster.local", "--json").stdout)
    assert [c["what"] for c in changes] == ["added", "changed", "gone"]
    assert [c["resourceVersion"] for c in changes[:2]] == versions
    assert {(c["resource"], c["namespace"], c["object"]) for c in changes} == {("services", "a", "web")}
    generations = [c["generation"] for c in changes]
    assert generations == sorted(generations) and generations[0] > 0
    assert [c["what"] for c in json.loads(instance.command("history", "81.0.96.10.in-addr.arpa", "--json").stdout)] \
        == ["changed", "gone"]
    every = json.loads(instance.command("history", "--json", "--limit", "0").stdout)
    assert {c["about"] for c in every} >= {"service a/web", "service a/other", "address 10.96.0.81"}
    last, = json.loads(instance.command("history", "--json", "--limit", "1").stdout)
    assert last["what"] == "gone"


def test_slices_are_named_as_what_changed_a_service(instance):
    instance.api.put("services", {"metadata": {"name": "db", "namespace": "a"}, "spec": {
        "clusterIP": "None", "clusterIPs": ["None"], "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}]}})
    version = instance.api.put("endpointslices", {
        "metadata": {"name": "db-x7k2p", "namespace": "a", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.244.0.9"], "hostname": "db-0"}],
        "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}]})
    instance.until(lambda: "10.244.0.9" in instance.answers("db-0.db.a.svc.cluster.local"))
    for name in ("db.a.svc.cluster.local", "db-0.db.a.svc.cluster.local", "9.0.244.10.in-addr.arpa"):
        changes = json.loads(instance.command("history", name, "--json").stdout)
        assert ("endpointslices", "db-x7k2p", version) in [(c["resource"], c["object"], c["resourceVersion"])
                                                           for c in changes], name


def test_names_that_are_not_kept_are_counted(instance):
    addresses = [f"10.244.{n // 200}.{n % 200 + 1}" for n in range(150)]
    instance.api.put("services", {"metadata": {"name": "big", "namespace": "a"}, "spec": {
        "clusterIP": "None", "clusterIPs": ["None"], "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}]}})
    instance.api.put("endpointslices", {
        "metadata": {"name": "big-x7k2p", "namespace": "a", "labels": {"kubernetes.io/service-name": "big"}},
        "addressType": "IPv4", "endpoints": [{"addresses": [address]} for address in addresses],
        "ports": [{"name": "sql", "port": 5432, "protocol": "TCP"}]})
    instance.until(lambda: addresses[-1] in instance.answers("10-244-0-150.big.a.svc.cluster.local"))
    changes = json.loads(instance.command("history", "--json", "--limit", "0").stdout)
    told = [c["about"] for c in changes if c["object"] == "big-x7k2p"]
    assert told[-1] == "23 more names" and len(told) == 129
    done = instance.command("history", "150.0.244.10.in-addr.arpa")
    assert done.returncode == 1 and "23 names are not kept" in done.stderr


def test_the_history_outlives_control(instance):
    instance.service("web", "10.96.0.80")
    instance.until(lambda: "10.96.0.80" in instance.answers("web.a.svc.cluster.local"))
    before = instance.command("history", "web.a.svc.cluster.local").stdout
    status = json.loads(instance.command("status", "--json").stdout)
    pid = next(p["pid"] for p in status["processes"] if p["name"] == "control")
    os.kill(pid, 9)
    instance.service("later", "10.96.0.99")
    instance.until(lambda: "10.96.0.99" in instance.answers("later.a.svc.cluster.local"))
    assert instance.command("history", "web.a.svc.cluster.local").stdout == before


def test_names_without_changes_or_outside_are_said_so(instance):
    done = instance.command("history", "nothing.a.svc.cluster.local")
    assert (done.returncode, done.stdout) == (1, "") and "no change of it is kept" in done.stderr
    done = instance.command("history", "www.example.org")
    assert done.returncode == 1 and "in no zone of the cluster" in done.stderr
    assert instance.command("history", "a", "b").returncode == 2
    assert instance.command("history", "--limit", "x").returncode == 2


def test_no_instance_no_history(tmp_path):
    done = burst53("history", "web.a.svc.cluster.local", "--run-dir", tmp_path)
    assert done.returncode == 1 and "no burst53 runs" in done.stderr
    done = burst53("history", "--run-dir", tmp_path)
    assert done.returncode == 1 and "No such file" in done.stderr


def test_diff_sees_what_a_running_instance_has_changed(instance):
    state = instance.folder / "state"
    instance.until(lambda: (state / "base.img").exists())
    saved = instance.folder / "before"
    saved.mkdir()
    for path in state.glob("*.img"):
        (saved / path.name).write_bytes(path.read_bytes())
    assert instance.command("diff", saved, "live").returncode == 0
    instance.service("web", "10.96.0.80")
    instance.until(lambda: "10.96.0.80" in instance.answers("web.a.svc.cluster.local"))
    done = instance.command("diff", saved, "live")
    assert done.returncode == 1
    assert "+web.a.svc.cluster.local. 5 IN A 10.96.0.80" in done.stdout.splitlines()
    assert not [line for line in done.stdout.splitlines() if line.startswith("-") and not line.startswith("---")]
