# SPDX-License-Identifier: Apache-2.0
"""What people type in published tutorials, on a real API server, with the programs that people use; on a dual-stack
cluster over IPv4, and on one that has only IPv6."""

import concurrent.futures
import contextlib
import re
import subprocess
from dataclasses import dataclass

import fixtures
import pytest
from between import Between
from handle import TOP, Cluster
from pod import BUILD, Pod

ZONE = "cluster.local"
SVC = f"default.svc.{ZONE}"
DEFAULT = [SVC, f"svc.{ZONE}", ZONE]
COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    loadbalance
}
"""
TTL_30 = COREFILE.replace("pods", "ttl 30\n        pods")
KIND = {4: "A", 6: "AAAA"}
HAS = {4: "has address", 6: "has IPv6 address"}
PODS = {4: ["10.244.9.1", "10.244.9.2"], 6: ["fd00:244:0:9::1", "fd00:244:0:9::2"]}
DASHED = {4: ["10-244-9-1", "10-244-9-2"], 6: ["fd00-244-0-9--1", "fd00-244-0-9--2"]}
SERVERS = {4: ("198.18.7.53", "198.18.7.54", "198.18.7.55"), 6: ("fd00:53::7:53", "fd00:53::7:54", "fd00:53::7:55")}


def objects(family):
    """Everything the walkthroughs name."""
    http = fixtures.port("http-port", 8080)
    yield fixtures.namespace("dev")
    yield fixtures.service("default", "myweb-svc", [fixtures.port("", 80)])
    yield fixtures.service("default", "sample-clusterip", [http])
    yield fixtures.service("default", "sample-multi", [http, fixtures.port("https-port", 8443)])
    yield fixtures.service("default", "outside", type="ExternalName", externalName=f"myweb-svc.{SVC}")
    named = fixtures.port("web", 80, target="http")
    yield fixtures.service("default", "named", [named])
    yield fixtures.service("default", "named-headless", [named], clusterIP="None")
    for owner in ("named", "named-headless"):
        for i, number in enumerate((80, 81)):
            yield fixtures.endpoint_slice("default", f"{owner}-{i}", owner, [fixtures.endpoint(PODS[family][i])],
                                          [("web", number, "TCP")], family)


@dataclass
class World:
    """A cluster, and burst53 beside CoreDNS on it, each in a pod."""

    family: int
    cluster: Cluster
    pod: Pod  # burst53 with ttl 30
    pod5: Pod  # burst53 with CoreDNS' own ttl
    coredns: Pod

    @property
    def kind(self):
        """The type of an address."""
        return KIND[self.family]

    def cluster_ip(self, name, space="default"):
        """A service's address."""
        return self.cluster.kube.get("Service", space, name)["spec"]["clusterIP"]


@pytest.fixture(name="lone", scope="session")
def _lone(tmp_path_factory):
    """An IPv6-only cluster."""
    cluster = Cluster(tmp_path_factory.mktemp("ipv6") / "run").up("--ipv6")
    yield cluster
    cluster.down()


@pytest.fixture(name="world", scope="module", params=[4, 6], ids=["dual", "ipv6"])
def _world(request, tmp_path_factory):
    family = request.param
    cluster = request.getfixturevalue("cluster" if family == 4 else "lone")
    for obj in objects(family):
        cluster.kube.create(obj)
    cluster.kubectl("create", "deployment", "my-nginx", "--image=nginx", "--replicas=2")
    cluster.kubectl("expose", "deployment", "my-nginx", "--port=80")
    folder = tmp_path_factory.mktemp("pods")
    with contextlib.ExitStack() as stack:
        pods = [stack.enter_context(Pod(f"walk{i}", SERVERS[family][i], folder / str(i))) for i in range(3)]
        pods[0].start_burst53(TTL_30, cluster.ours)
        pods[1].start_burst53(COREFILE, cluster.ours)
        # The API server's own address and port, for CoreDNS, which has no way out of its namespace.
        stack.enter_context(Between(cluster, pods[2].name, cluster.kube.config.port))
        pods[2].start_coredns(TTL_30, cluster.ours)
        for pod in pods:
            pod.resolv_conf(DEFAULT)
            pod.wait_ready()
        yield World(family, cluster, *pods)


def test_1_nslookup_kubernetes(world):
    out = world.pod.run("nslookup", "kubernetes")
    assert re.search(rf"^Name:\s+kubernetes\.{re.escape(SVC)}$", out, re.M)
    assert re.search(rf"^Address: {world.cluster_ip('kubernetes')}$", out, re.M)
    assert "Non-authoritative" not in out


def test_2_nslookup_an_exposed_deployment(world):
    address = world.cluster_ip("my-nginx")
    world.pod.asker.wait_data(f"my-nginx.{SVC}.", world.kind, [address], 5)
    assert re.search(rf"^Address: {address}$", world.pod.run("nslookup", "my-nginx"), re.M)


def test_4_host_asks_three_questions_and_the_default_ttl_is_5(world):
    out = world.pod5.run("host", "-v", "myweb-svc")
    assert len(re.findall(r"^;; flags: qr aa rd;", out, re.M)) == 3
    full = re.escape(f"myweb-svc.{SVC}.")
    assert re.search(rf"^{full}\s+5\s+IN\s+{world.kind}\s+{world.cluster_ip('myweb-svc')}$", out, re.M)
    soa = r"cluster\.local\.\s+5\s+IN\s+SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. \d+ 7200 1800 86400 5$"
    assert len(re.findall(soa, out, re.M)) == 2


@pytest.mark.parametrize("name", ["myweb-svc", "myweb-svc.default", "myweb-svc.default.svc", f"myweb-svc.{SVC}"])
def test_5_every_shorter_form_finds_it(world, name):
    out = world.pod5.run("host", name)
    assert f"myweb-svc.{SVC} {HAS[world.family]} {world.cluster_ip('myweb-svc')}" in out


def test_6_another_namespace_and_its_search_list(world):
    pod, found = world.pod5, HAS[world.family]
    pod.resolv_conf([f"dev.svc.{ZONE}", f"svc.{ZONE}", ZONE, SVC])
    try:
        assert f"myweb-svc.{SVC} {found}" in pod.run("host", "myweb-svc")
        for name in ("myweb-svc.dev.svc", "myweb-svc.svc", "myweb-svc"):
            assert "status: NXDOMAIN" in pod.run("dig", f"{name}.{ZONE}")
        world.cluster.kube.create(fixtures.service("dev", "myweb-svc", [fixtures.port("", 80)]))
        address = world.cluster_ip("myweb-svc", "dev")
        pod.asker.wait_data(f"myweb-svc.dev.svc.{ZONE}.", world.kind, [address], 5)
        assert f"myweb-svc.dev.svc.{ZONE} {found} {address}" in pod.run("host", "myweb-svc")
    finally:
        pod.resolv_conf(DEFAULT)


def test_8_dig_and_dig_x(world):
    address = world.cluster_ip("sample-clusterip")
    full = re.escape(f"sample-clusterip.{SVC}.")
    out = world.pod.run("dig", f"sample-clusterip.{SVC}", world.kind)
    assert re.search(rf"^{full}\s+30\s+IN\s+{world.kind}\s+{address}$", out, re.M)
    assert re.search(rf"\s30\s+IN\s+PTR\s+{full}$", world.pod.run("dig", "-x", address), re.M)


def test_9_srv_without_the_second_underscore(world):
    out = world.pod.run("dig", f"_http-port.tcp.sample-clusterip.{SVC}", "SRV")
    assert re.search(rf"IN\s+SRV\s+0 100 8080 {re.escape(f'sample-clusterip.{SVC}.')}$", out, re.M)
    assert world.cluster_ip("sample-clusterip") in out.split(";; ADDITIONAL SECTION:")[1]


def test_10_srv_of_each_port_and_of_the_service(world):
    def srv(name):
        return world.pod.run("dig", "+short", f"{name}.{SVC}", "SRV").splitlines()

    target = f"sample-multi.{SVC}."
    assert srv("_http-port._tcp.sample-multi") == [f"0 100 8080 {target}"]
    assert srv("_https-port._tcp.sample-multi") == [f"0 100 8443 {target}"]
    assert sorted(srv("sample-multi")) == [f"0 50 8080 {target}", f"0 50 8443 {target}"]


def test_11_named_target_ports_differ_per_pod(world):
    asker = world.pod.asker
    asker.wait_data(f"named-headless.{SVC}.", world.kind, PODS[world.family], 5)
    assert asker.ask(f"_web._tcp.named.{SVC}.", "SRV").data("SRV") == {f"0 100 80 named.{SVC}."}
    out = world.pod.run("dig", "+short", f"_web._tcp.named-headless.{SVC}", "SRV").splitlines()
    hosts = [f"{dashed}.named-headless.{SVC}." for dashed in DASHED[world.family]]
    assert sorted(out) == [f"0 50 80 {hosts[0]}", f"0 50 81 {hosts[1]}"]


def test_13_an_old_corefile_is_explained_and_fixed(tmp_path):
    old = TOP / "tests" / "data" / "corefiles" / "old" / "proxy.Corefile"
    check = [BUILD / "cli" / "burst53", "check"]
    run = subprocess.run([*check, old], capture_output=True, text=True, check=False, timeout=20)
    assert run.returncode != 0
    said = run.stdout + run.stderr
    for line, word in ((6, "upstream"), (10, "proxy"), (10, "/etc/resolv/conf")):
        assert re.search(rf"Corefile:{line}:\d+.*{word}", said), said
    conf = tmp_path / "Corefile"
    conf.write_text(subprocess.run([*check, "--fix", old], capture_output=True, text=True, check=False, timeout=20).stdout,
                    encoding="ascii")
    again = subprocess.run([*check, conf], capture_output=True, text=True, check=False, timeout=20)
    assert again.returncode == 0, conf.read_text(encoding="ascii") + again.stdout + again.stderr


@pytest.mark.parametrize("family, spelt, address", [
    (4, "10-244-1-2", "10.244.1.2"), (6, "fd00-244-0-1--2", "fd00:244:0:1::2"), (6, "fd00-244-0-0-0-0-0-3", "fd00:244::3")])
def test_15_pod_names_spell_addresses(world, family, spelt, address):
    assert world.pod.run("dig", "+short", f"{spelt}.default.pod.{ZONE}", KIND[family]).strip() == address


CLIENTS = {
    "glibc": ["gcc", "lookup_libc.c"],
    "musl": ["musl-gcc", "-static", "lookup_libc.c"],
    "c-ares": ["gcc", "lookup_cares.c", "-lcares"],
}
NAMES = ["myweb-svc", "myweb-svc.default", "myweb-svc.default.svc", f"myweb-svc.{SVC}", f"myweb-svc.{SVC}.",
         "named-headless", f"named-headless.{SVC}", "my-nginx", "kubernetes", f"kubernetes.{SVC}.", "outside", "MyWeb-SVC",
         "nosuch", "nosuch.default", "nosuch.default.svc", f"nosuch.{SVC}.", "kubernetes.nosuch", "default.svc",
         "10-244-1-2.default.pod", "_http-port._tcp.sample-clusterip"]


def compile_client(resolver, program):
    """A program on one of the resolvers that containers have."""
    words = [str(TOP / "tests" / "clients" / w) if w.endswith(".c") else w for w in CLIENTS[resolver]]
    subprocess.run([words[0], "-Wall", "-Wextra", "-Werror", "-O1", "-o", program, *words[1:]], check=True, timeout=60)
    return program


@pytest.mark.parametrize("resolver", CLIENTS)
def test_resolvers_find_the_same_on_burst53_and_on_coredns(world, resolver, tmp_path):
    client = compile_client(resolver, tmp_path / "lookup")
    world.coredns.asker.wait_data(f"my-nginx.{SVC}.", world.kind, [world.cluster_ip("my-nginx")], 5)
    pods = [world.pod, world.coredns]
    for pod in pods:
        pod.resolv_conf(DEFAULT, "timeout:1", "attempts:1")  # musl asks again and again after SERVFAIL
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ours, theirs = [out.splitlines() for out in pool.map(lambda pod: pod.run(client, *NAMES), pods)]
    assert len(ours) == len(NAMES) and ours == theirs
    found = dict(line.split(" ", 1) for line in ours)
    address = world.cluster_ip("myweb-svc")
    assert {found[name] for name in NAMES[:5]} == {address}
    assert found["outside"] == address and found["nosuch"] == "none"
