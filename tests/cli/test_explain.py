# SPDX-License-Identifier: Apache-2.0
"""query --explain names zone, rule, object and generation of each shape (k8s:2.12), and says why a name is not there."""

import json

import pytest

from played import burst53

COREFILE = """cluster.local {
    kubernetes cluster.local 10.0.0.0/8 {
        pods verified
        ignore empty_service
        fallthrough in-addr.arpa
    }
    forward . 192.0.2.1
}
"""


def named(kind, name, spec=None, **more):
    """An object of the namespace."""
    return {"kind": kind, "metadata": {"name": name, "namespace": "ns", **more.pop("meta", {})}, "spec": spec or {}, **more}


def slice_of(service, *addresses):
    """Ready endpoints of a service."""
    return {**named("EndpointSlice", service, meta={"labels": {"kubernetes.io/service-name": service}}), "addressType": "IPv4",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}], "endpoints": [{"addresses": [each]} for each in addresses]}


PORTS = [{"name": "http", "port": 80, "protocol": "TCP"}]
OBJECTS = [
    {"kind": "Namespace", "metadata": {"name": "ns"}},
    named("Service", "web", {"clusterIP": "10.0.0.1", "ports": PORTS}), slice_of("web", "10.1.0.1"),
    named("Service", "none", {"clusterIP": "10.0.0.2", "ports": PORTS}),
    named("Service", "hl", {"clusterIP": "None", "ports": PORTS}), slice_of("hl", "10.1.0.2"),
    named("Service", "idle", {"clusterIP": "None", "ports": PORTS}),
    named("Service", "out", {"type": "ExternalName", "externalName": "www.example.org"}),
    named("Service", "four", {"type": "ExternalName", "externalName": "192.0.2.7"}),
    named("Service", "six", {"type": "ExternalName", "externalName": "2001:db8::7"}),
    named("Pod", "p", status={"podIP": "10.2.0.1", "phase": "Running"}),
]
ADDRESS = "an ExternalName whose target is an address"
UNREADY = "none of its endpoints is ready"
CASES = [
    ("cluster.local", "SOA", "NOERROR", "the zone itself"), ("ns.dns.cluster.local", "A", None, "addresses of this DNS service"),
    ("dns-version.cluster.local", "TXT", "NOERROR", "version of the DNS specification"), ("ns.svc.cluster.local", "A", "NOERROR", "namespace ns"),
    ("web.ns.svc.cluster.local", "A", "NOERROR", "service ns/web"), ("_http._tcp.web.ns.svc.cluster.local", "SRV", "NOERROR", "port http over tcp of service ns/web"),
    ("hl.ns.svc.cluster.local", "A", "NOERROR", "service ns/hl (headless)"), ("10-1-0-2.hl.ns.svc.cluster.local", "A", "NOERROR", "endpoint 10-1-0-2 of service ns/hl"),
    ("out.ns.svc.cluster.local", "CNAME", "NOERROR", "service ns/out (ExternalName)"), ("four.ns.svc.cluster.local", "A", "NXDOMAIN", f"service ns/four: {ADDRESS}"),
    ("six.ns.svc.cluster.local", "AAAA", "NXDOMAIN", f"service ns/six: {ADDRESS}"), ("idle.ns.svc.cluster.local", "A", "NXDOMAIN", f"service ns/idle: {UNREADY}"),
    ("none.ns.svc.cluster.local", "A", "NXDOMAIN", f"service ns/none: {UNREADY}"), ("gone.ns.svc.cluster.local", "A", "NXDOMAIN", "none; it would be service ns/gone"),
    ("x.four.ns.svc.cluster.local", "A", "NXDOMAIN", "none; it would be endpoint x of service ns/four"),
    ("10-2-0-1.ns.pod.cluster.local", "A", "NOERROR", "pod with address 10-2-0-1"), ("10-2-0-2.ns.pod.cluster.local", "A", "NXDOMAIN", "none; it would be pod"),
]


@pytest.fixture(name="files", scope="module")
def made_files(tmp_path_factory):
    """A Corefile and a dump."""
    folder = tmp_path_factory.mktemp("explain")
    (folder / "Corefile").write_text(COREFILE, encoding="utf-8")
    (folder / "dump.json").write_text(json.dumps({"kind": "List", "items": OBJECTS}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name, kind, rcode, what", CASES)
def test_each_shape_is_explained(files, name, kind, rcode, what):
    done = burst53("query", name, kind, "--explain", "--json", "--dump", files / "dump.json", "--conf", files / "Corefile")
    doc = json.loads(done.stdout)
    why = doc.get("why") or doc.get("explain")
    assert why["object"].startswith(what), done.stdout
    assert rcode is None or rcode in done.stdout
    assert why["zone"] == "cluster.local." and why["rule"] == "kubernetes at line 2" and why["generation"] > 0


def test_what_is_not_there_is_not_dumped(files):
    done = burst53("dump", "--dump", files / "dump.json", "--conf", files / "Corefile")
    assert "web.ns.svc.cluster.local." in done.stdout
    assert not any(name in done.stdout for name in ("four.ns", "six.ns", "idle.ns", "none.ns"))
