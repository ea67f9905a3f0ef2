# SPDX-License-Identifier: Apache-2.0
"""Changes in a real API server show in DNS, over a DPDK port; the death of control does not."""

import ipaddress
import os
import signal
import threading
import time

import fixtures
import lab
import pytest
from asking import Asker
from kube import wait

LONG = os.environ.get("B53_LONG") == "1"
SPACE = "default"
ZONE = f"{SPACE}.svc.cluster.local."


@pytest.fixture(name="asker")
def _asker(live):
    del live
    return Asker(lab.SERVICE[4], lab.netns_name("cli"))


def deployment(name, replicas):
    """Pods that the controllers and kwok make up."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": SPACE},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"terminationGracePeriodSeconds": 0,
                                           "containers": [{"name": "main", "image": "none"}]}}}}


def reverse(address):
    """The name of an address."""
    return ipaddress.ip_address(address).reverse_pointer + "."


def ready_addresses(kube, name):
    """Ready addresses in the API."""
    return {e["addresses"][0] for obj in kube.list("EndpointSlice", SPACE, f"kubernetes.io/service-name={name}")
            for e in obj["endpoints"] or [] if e["conditions"].get("ready", True)}


def snapshot(name, kind):
    """What the running snapshot says over TCP, however much it is."""
    out = lab.run(lab.BUILD / "cli" / "burst53", "query", name, kind, "--tcp", "--run-dir", lab.RUN_DIR)
    return {line.split()[-1] for line in out.stdout.splitlines() if f" {kind} " in line.replace("\t", " ")
            and not line.startswith(";")}


def expect_pods(kube, asker, count):
    """Exactly the pods of the API in A, SRV and PTR; returns their addresses."""
    wait(f"{count} pods", lambda: len(ready_addresses(kube, "shop")) == count, 60)
    pods = ready_addresses(kube, "shop")
    wait("the snapshot to have them", lambda: snapshot("shop." + ZONE, "A") == pods, 5)
    targets = snapshot("_http._tcp.shop." + ZONE, "SRV")
    assert len(targets) == count
    for address in pods:
        host, = asker.ask(reverse(address), "PTR").data("PTR") & targets  # and a name below shop-vip
        assert asker.ask(host).data("A") == {address}
    return pods


def test_create_scale_and_delete_show_in_a_srv_and_ptr(live, asker):
    kube = live.kube
    kube.create(fixtures.service(SPACE, "shop", [fixtures.port("http", 80)], clusterIP="None", selector={"app": "shop"}))
    kube.create(fixtures.service(SPACE, "shop-vip", [fixtures.port("http", 80)], selector={"app": "shop"}))
    asker.wait_rcode("shop-vip." + ZONE, "A", "NOERROR")
    assert asker.ask("shop." + ZONE).rcode == "NXDOMAIN"  # k8s:2.12 row 14: headless, none ready
    kube.create(deployment("shop", 3))
    three = expect_pods(kube, asker, 3)
    assert asker.ask("shop." + ZONE).data("A") == three
    live.kubectl("scale", "deployment", "shop", "--replicas=100")
    hundred = expect_pods(kube, asker, 100)
    assert three < hundred and "tc" in asker.ask("shop." + ZONE).flags
    live.kubectl("scale", "deployment", "shop", "--replicas=0")
    asker.wait_rcode("shop." + ZONE, "A", "NXDOMAIN", 60)
    assert asker.ask("_http._tcp.shop." + ZONE, "SRV").rcode == "NXDOMAIN"
    for address in hundred:  # shop-vip has a slice of its own
        asker.wait_rcode(reverse(address), "PTR", "NXDOMAIN", 10)
    assert asker.ask("shop-vip." + ZONE).rcode == "NOERROR"
    kube.delete("Deployment", SPACE, "shop")
    kube.delete("Service", SPACE, "shop")
    kube.delete("Service", SPACE, "shop-vip")
    asker.wait_rcode("shop-vip." + ZONE, "A", "NXDOMAIN", 5)


def test_a_cluster_address_shows_and_goes(live, asker):
    address = live.kube.create(fixtures.service(SPACE, "one", [fixtures.port("http", 80)]))["spec"]["clusterIP"]
    asker.wait_data("one." + ZONE, "A", [address], 5)
    assert asker.ask(reverse(address), "PTR").data("PTR") == {"one." + ZONE}
    assert asker.ask("_http._tcp.one." + ZONE, "SRV").data("SRV") == {"0 100 80 one." + ZONE}
    live.kube.delete("Service", SPACE, "one")
    asker.wait_rcode("one." + ZONE, "A", "NXDOMAIN", 5)
    assert asker.ask(reverse(address), "PTR").rcode == "NXDOMAIN"


def test_a_namespace_goes_with_all_that_is_in_it(live, asker):
    live.kube.create(fixtures.namespace("brief"))
    address = live.kube.create(fixtures.service("brief", "web", [fixtures.port("http", 80)]))["spec"]["clusterIP"]
    asker.wait_data("web.brief.svc.cluster.local.", "A", [address], 5)
    assert asker.ask("brief.svc.cluster.local.").rcode == "NOERROR"
    live.kube.delete("Namespace", None, "brief")
    asker.wait_rcode("brief.svc.cluster.local.", "A", "NXDOMAIN", 20)
    assert asker.ask("web.brief.svc.cluster.local.").rcode == "NXDOMAIN"
    assert asker.ask(reverse(address), "PTR").rcode == "NXDOMAIN"


def known(kube, asker, folder):
    """Services whose answers the checker knows; the file that says so."""
    lines = ["nothing." + ZONE + " A NXDOMAIN"]
    for i in range(10):
        made = kube.apply(fixtures.service(SPACE, f"known-{i}", [fixtures.port("http", 80)]))
        lines.append(f"known-{i}.{ZONE} A NOERROR {made['spec']['clusterIP']}")
        lines.append(f"known-{i}.{ZONE} AAAA NOERROR")
        asker.wait_data(f"known-{i}.{ZONE}", "A", [made["spec"]["clusterIP"]], 5)
    path = folder / "checked.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def churn(kube, stop):
    """Changes that keep control publishing."""
    number = 0
    while not stop.wait(0.05):
        number += 1
        kube.apply(fixtures.endpoint_slice(SPACE, "churn-1", "churn", [fixtures.endpoint(f"10.200.0.{number % 250 + 1}")],
                                           [("http", 80, "TCP")]))


def test_control_killed_under_load_loses_and_falsifies_nothing(live, asker, tmp_path):
    seconds, kills = (30, 8) if LONG else (8, 2)
    kube = live.kube
    kube.create(fixtures.service(SPACE, "churn", [fixtures.port("http", 80)], clusterIP="None"))
    questions = known(kube, asker, tmp_path)
    stop = threading.Event()
    worker = threading.Thread(target=churn, args=(kube, stop))
    worker.start()
    load = lab.checker("--seconds", seconds, questions, background=True)
    try:
        for i in range(kills):
            time.sleep(1.5)
            before = lab.pids()["control"]
            lab.kill("control")
            address = kube.create(fixtures.service(SPACE, f"after-{i}", [fixtures.port("http", 80)]))["spec"]["clusterIP"]
            took = asker.wait_data(f"after-{i}.{ZONE}", "A", [address], 6)
            print(f"a change made while control was dead shows after {took:.2f} s")
            assert lab.pids()["control"] != before
    finally:
        stop.set()
        worker.join()
        result = lab.checker_result(load)
    print(f"control killed {kills} times: {result['sent']} questions, {result['lost']} lost, {result['wrong']} wrong, "
          f"longest {result['longest_rtt_ms']} ms")
    assert (result["lost"], result["wrong"], result["stray"]) == (0, 0, 0), result
    assert result["sent"] >= 1990 * seconds, result
    for i in range(kills):
        kube.delete("Service", SPACE, f"after-{i}")
    for kind, name in (("EndpointSlice", "churn-1"), ("Service", "churn")):
        kube.delete(kind, SPACE, name)


def test_a_stopped_control_is_seen_in_status(live):
    del live
    wait("a heartbeat", lambda: lab.status()["control"]["heartbeat_age_ms"] < 1000, 5)
    lab.kill("control", signal.SIGSTOP)
    time.sleep(1.5)
    age = lab.status()["control"]["heartbeat_age_ms"]
    lab.kill("control", signal.SIGCONT)
    assert age >= 1000
