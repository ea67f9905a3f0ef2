# SPDX-License-Identifier: Apache-2.0
"""A saved cluster in every form that people have one in, and what is said about broken ones."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from probing import PROBE, service

DATA = Path(__file__).resolve().parents[1] / "data"
SLICE = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
         "metadata": {"name": "s-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": "s"}, "annotations": {
             "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-02T03:04:05.25+01:00"}},
         "ports": [{"name": "http", "port": 80, "protocol": "TCP"}, {"port": None}],
         "endpoints": [{"addresses": ["10.0.0.1", "10.0.0.2"], "hostname": "h", "nodeName": "n1", "zone": "z1",
                        "targetRef": {"kind": "Pod", "name": "p1"}},
                       {"addresses": ["10.0.0.3"], "conditions": {"ready": False}},
                       {"addresses": ["::ffff:10.0.0.4", "bad"], "conditions": {"ready": True}}]}


def load(path, *more, kinds=("namespaces", "services", "endpointslices", "pods"), code=0):
    """What the probe prints about a dump: object lines, or its error."""
    words = [PROBE, "--quiet", "1"]
    for kind in kinds:
        words += ["--kind", kind]
    result = subprocess.run([*words, *more, "--dump", str(path)], capture_output=True, text=True, timeout=60,
                            env={**os.environ}, check=False)
    assert result.returncode == code, (result.stdout, result.stderr)
    lines = result.stdout.splitlines()
    if code:
        assert any(line.startswith("abandoned") for line in lines)
        assert not any(line.startswith("synced") for line in lines)
    return [line for line in lines if line.startswith(("object", "error"))]


def write(folder, name, content):
    """A file; objects become JSON."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def full(name, **more):
    """A Service as a manifest has it."""
    return {"apiVersion": "v1", "kind": "Service", **service(name, **more)}


def test_what_kubectl_prints_for_several_resources(tmp_path):
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns"}}, full("s"), SLICE,
               {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "none of ours"}}]
    path = write(tmp_path, "dump", json.dumps({"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {
        "resourceVersion": ""}}, indent=4))
    assert load(path) == [
        "object namespaces /ns",
        "object services ns/s type=0 headless=0 external= ips 10.0.0.1 external_ips port=http:80/TCP",
        "object endpointslices ns/s-1 service=s cluster= trigger=1767319445250 port=http:80/TCP port=:-1/TCP"
        " endpoint=h,p1,n1,z1 10.0.0.1 10.0.0.2 endpoint=,,, 10.0.0.4"]


def test_lists_that_name_their_kind_only_once_and_objects_one_after_another(tmp_path):
    path = write(tmp_path, "x.json", json.dumps({"kind": "ServiceList", "apiVersion": "v1", "metadata": {}, "items": [
        service("a"), service("b")]}) + "\n" + json.dumps(full("c")) + json.dumps(SLICE))
    assert [line.split()[2] for line in load(path)] == ["ns/a", "ns/b", "ns/c", "ns/s-1"]


@pytest.mark.parametrize("kind", ["Service", "Namespace", "EndpointSlice", "Pod", "ServiceImport", "Secret"])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_elements_of_a_typed_list_are_of_its_kind_wherever_it_stands(tmp_path, kind, is_first, suffix):
    bare = {"metadata": {"name": "x", "namespace": "ns", "labels": {"kubernetes.io/service-name": "s"}},
            "spec": {"clusterIP": "10.0.0.1"}, "status": {"podIP": "10.1.1.1", "phase": "Running"}}
    around = [("kind", f"{kind}List"), ("items", [bare, bare | {"kind": "Service"}])]
    other = [("items", [{"metadata": {"name": "y"}}]), ("kind", "ConfigMapList"), ("metadata", {"kind": "ServiceList"})]
    documents = [dict(each if is_first else reversed(each)) for each in (around, other)]
    dump = "".join(map(json.dumps, documents))
    if suffix == "yaml":
        dump = yaml.dump_all(documents, sort_keys=False)
    lines = load(write(tmp_path, f"x.{suffix}", dump), kinds=["namespaces", "services", "endpointslices", "pods", "serviceimports"])
    wanted = {"Namespace": {"namespaces /x"}, "Secret": set()}.get(kind, {f"{kind.lower()}s ns/x"}) | {"services ns/x"}
    assert {" ".join(line.split()[1:3]) for line in lines} == wanted


def test_an_object_keyed_by_resource(tmp_path):
    path = write(tmp_path, "x", {"services": [service("a")], "namespaces": {"items": [{"metadata": {"name": "ns"}}]},
                                 "pods": [{"metadata": {"name": "p", "namespace": "ns"}, "status": {
                                     "podIP": "10.1.1.1", "phase": "Running"}},
                                          {"metadata": {"name": "done", "namespace": "ns"}, "status": {
                                              "podIP": "10.1.1.2", "phase": "Succeeded"}}]})
    assert [line.split()[2:4] for line in load(path)] == [
        ["/ns"], ["ns/a", "type=0"], ["ns/p", "10.1.1.1"]]


def test_a_folder_of_json_and_yaml_manifests(tmp_path):
    write(tmp_path, "1.json", {"kind": "List", "items": [full("a")]})
    write(tmp_path, "2.yaml", """# a comment
apiVersion: v1
kind: Service
metadata: &m {name: b, labels: {app: "1"}}
spec:
  clusterIP: None
  ports:
  - port: 80
    protocol: UDP
---
---
kind: Namespace
apiVersion: v1
metadata: {name: "123"}
""")
    write(tmp_path, "3.yml", "kind: List\nitems:\n- kind: Service\n  metadata: {name: c, namespace: other}\n  spec:"
          " {type: ExternalName, externalName: x.example}\n")
    write(tmp_path, "notes.txt", "not read")
    write(tmp_path, ".hidden.yaml", "[")
    assert load(tmp_path) == [
        "object namespaces /123",
        "object services default/b type=0 headless=1 external= ips external_ips port=:80/UDP",
        "object services ns/a type=0 headless=0 external= ips 10.0.0.1 external_ips port=http:80/TCP",
        "object services other/c type=3 headless=0 external=x.example ips external_ips"]


def test_a_label_selector_is_applied(tmp_path):
    path = write(tmp_path, "x.json", {"services": [service("a", labels={"app": "x", "tier": "1"}), service("b", labels={
        "app": "y"}), service("c")]})

    def names(selector):
        return [line.split()[2][3:] for line in load(path, "--labels", selector, kinds=["services"])]

    assert names("app=x") == ["a"]
    assert names("app==y") == ["b"]
    assert names("app!=x") == ["b", "c"]
    assert names("app in (x, y)") == ["a", "b"]
    assert names("app notin (x)") == ["b", "c"]
    assert names("app") == ["a", "b"]
    assert names("!app") == ["c"]
    assert names("app, tier = 1") == ["a"]
    assert names("") == ["a", "b", "c"]
    for bad in ("=x", "a in x", "a b", "a in (x", ",", "a=b=c", "!a=b"):
        words = [PROBE, "--kind", "services", "--labels", bad, "--dump", str(path)]
        result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode == 1 and "not a label selector" in result.stdout, bad


def test_slices_of_the_clusterset_are_objects_of_their_own(tmp_path):
    labels = {"multicluster.kubernetes.io/service-name": "imp", "multicluster.kubernetes.io/source-cluster": "c1"}
    path = write(tmp_path, "x.json", {"endpointslices": [
        {**SLICE, "metadata": {"name": "m", "namespace": "ns", "labels": labels}}, SLICE],
        "serviceimports": [{"metadata": {"name": "imp", "namespace": "ns"}, "spec": {
            "type": "ClusterSetIP", "ips": ["10.5.0.1", "fd00::1"], "ports": [{"port": 1}]}}]})
    lines = load(path, kinds=("endpointslices", "multicluster-endpointslices", "serviceimports"))
    assert [line.split()[1:5] for line in lines] == [
        ["endpointslices", "ns/s-1", "service=s", "cluster="],
        ["multicluster-endpointslices", "ns/m", "service=imp", "cluster=c1"],
        ["serviceimports", "ns/imp", "headless=0", "ips"]]


@pytest.mark.parametrize("name, text, place, reason", [
    ("x.json", '{"items": [\n  {"kind": "Service", "metadata": {"name": "a"} "x"}]}', "x.json:2:", "'}' expected"),
    ("x.json", '{"items": [{"kind": "Service", "metadata":', "x.json:1:", "ends in the middle"),
    ("x.json", '{"items": [{"metadata": {"name": "x"}}]}', "", "no objects that DNS is made from"),
    ("x.json", '{"kind": "List"} trailing', "x.json:1:18", "not a sequence"),
    ("x.json", '{"kind": "List", "items": []}', "", "no objects that DNS is made from"),
    ("x.yaml", "kind: Service\nmetadata: [", "x.yaml:3:1", "did not find"),
    ("x.yaml", "- 1\n- 2\n", "x.yaml:", "not an object"),
    ("x.yaml", "a: b: c\n", "x.yaml:1:5", "mapping values"),
    ("x.json", "", "", "no objects"),
    ("x.json", "\xff\xfe", "x.json:", ""),
])
def test_a_broken_dump_is_refused_with_its_place(tmp_path, name, text, place, reason):
    path = write(tmp_path, name, text)
    line = next(line for line in load(path, code=1) if line.startswith("error"))
    assert place in line and reason in line, line


def said(path):
    """The object names that the probe prints about a dump that has bad objects, and its log."""
    words = [PROBE, "--quiet", "1", "--kind", "services", "--dump", str(path)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, (result.stdout, result.stderr)
    names = [line.split()[2] for line in result.stdout.splitlines() if line.startswith("object ")]
    return names, result.stderr.splitlines()


def test_an_object_without_a_name_is_left_out_and_its_place_is_named(tmp_path):
    path = write(tmp_path, "x.json", '{"kind": "List", "items": [\n {"kind": "Service", "metadata": {}},\n'
                 '  {"kind": "Service", "metadata": {"name": "a\\u0000b"}},\n' + json.dumps(full("good")) + "]}")
    names, lines = said(path)
    assert names == ["ns/good"]
    skipped = [line for line in lines if "object without a name skipped" in line]
    assert [line.split("line=")[1] for line in skipped] == ["2 column=2", "3 column=3"]
    assert all("x.json" in line for line in skipped)
    assert any("dump loaded" in line and "objects_skipped=2" in line for line in lines)


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_an_element_without_a_kind_is_left_out_where_nothing_says_it(tmp_path, suffix):
    items = [full("a"), service("b"), full("c")]
    text = json.dumps({"items": items}, indent=1)
    if suffix == "yaml":
        text = yaml.dump({"kind": "List", "items": items}, sort_keys=False)
    names, lines = said(write(tmp_path, f"x.{suffix}", text))
    assert names == ["ns/a", "ns/c"]
    skipped = [line for line in lines if "object without a kind skipped" in line]
    assert len(skipped) == 1 and f"namespace=ns name=b file={tmp_path}/x.{suffix} line=" in skipped[0]


def test_each_object_with_a_bad_value_is_named_up_to_a_bound(tmp_path):
    bad = [full(f"bad{i}") for i in range(40)]
    for i, each in enumerate(bad):
        each["spec"]["ports"] = ["notalist", [{"port": 70000}], [{"port": -5}], [{"port": "80"}]][i % 4]
    names, lines = said(write(tmp_path, "x.json", {"kind": "List", "items": [*bad, full("good")]}))
    named = [line.split("name=")[1].split()[0] for line in lines if "values of an object skipped" in line
             if "field=ports" in line]
    assert len(names) == 41 and named == [f"bad{i}" for i in range(32)]
    assert any("more objects with something left out" in line and "objects=8" in line for line in lines)
    assert any("values_skipped=40" in line for line in lines)


def test_a_dump_that_is_not_there_is_named(tmp_path):
    assert "absent" in load(tmp_path / "absent", code=1)[0]


def test_the_conformance_fixture_loads_whole():
    fixture = next(DATA.rglob("fixture.json"), None)
    if fixture is None:
        pytest.skip("tests/data has no fixture")
    count = {key: len(value) for key, value in json.loads(fixture.read_text()).items()}
    assert len(load(fixture, kinds=["services"])) == count["services"]
    assert len(load(fixture, kinds=["namespaces"])) == count["namespaces"]
