# SPDX-License-Identifier: Apache-2.0
"""Changes in a real API server show in DNS; its absence and the death of control do not."""

import os
import signal
import time

import fixtures
import lab
from conftest import cluster

LONG = os.environ.get("B53_LONG") == "1"
SPACE = "default"
ZONE = f"{SPACE}.svc.cluster.local."


def deployment(name, replicas):
    """Pods that the controllers and kwok make up."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": SPACE},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"terminationGracePeriodSeconds": 0,
                                           "containers": [{"name": "main", "image": "none"}]}}}}


def count(name, *words):
    """Addresses that DNS says, over TCP-sized UDP where needed."""
    return len(lab.dig(name + "." + ZONE, "A", *words)[2])


def slice_addresses(api, name):
    """Ready addresses in the API."""
    found = set()
    for obj in api.list("EndpointSlice", SPACE, f"kubernetes.io/service-name={name}"):
        found |= {e["addresses"][0] for e in obj["endpoints"] or [] if e["conditions"].get("ready", True)}
    return found


def dumped(name):
    """Addresses of a name in the running snapshot, however many."""
    out = lab.run(lab.BUILD / "cli" / "burst53", "query", name + "." + ZONE, "A", "--tcp", "--run-dir", lab.RUN_DIR)
    return {line.split()[-1] for line in out.stdout.splitlines() if " IN A " in line or "\tA\t" in line}


def test_create_scale_delete_show_in_dns(api):
    api.create(fixtures.service(SPACE, "shop", [fixtures.port("http", 80)], clusterIP="None", selector={"app": "shop"}))
    api.create(deployment("shop", 3))
    lab.wait_for(lambda: count("shop") == 3, 20)
    api.scale("Deployment", SPACE, "shop", 100)
    lab.wait_for(lambda: len(slice_addresses(api, "shop")) == 100, 60)
    lab.wait_for(lambda: dumped("shop") == slice_addresses(api, "shop"), 5)
    assert "tc" in lab.dig("shop." + ZONE, "A", "+ignore")[1]
    api.scale("Deployment", SPACE, "shop", 0)
    lab.wait_for(lambda: lab.dig("shop." + ZONE)[::2] == ("NOERROR", []), 60)
    api.delete("Deployment", SPACE, "shop")
    api.delete("Service", SPACE, "shop")
    lab.wait_for(lambda: lab.dig("shop." + ZONE)[0] == "NXDOMAIN", 10)


def test_a_cluster_address_shows_and_goes(api):
    made = api.create(fixtures.service(SPACE, "one", [fixtures.port("http", 80)]))
    address = made["spec"]["clusterIP"]
    lab.wait_for(lambda: lab.dig("one." + ZONE)[2] == ["A " + address], 5)
    reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa."
    assert lab.dig(reverse, "PTR")[2] == ["PTR one." + ZONE]
    assert lab.dig("_http._tcp.one." + ZONE, "SRV")[2] == ["SRV 0 100 80 one." + ZONE]
    api.delete("Service", SPACE, "one")
    lab.wait_for(lambda: lab.dig("one." + ZONE)[0] == "NXDOMAIN" and lab.dig(reverse, "PTR")[0] == "NXDOMAIN", 5)


def checked_file(api, tmp_path):
    """Services whose answers the checker knows."""
    lines = ["nothing." + ZONE + " A NXDOMAIN"]
    for i in range(10):
        made = api.apply(fixtures.service(SPACE, f"known-{i}", [fixtures.port("http", 80)]))
        lines.append(f"known-{i}.{ZONE} A NOERROR {made['spec']['clusterIP']}")
        lines.append(f"known-{i}.{ZONE} AAAA NOERROR")
    lab.wait_for(lambda: lab.dig("known-9." + ZONE)[0] == "NOERROR", 5)
    path = tmp_path / "checked.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_control_killed_under_load_loses_nothing(api, tmp_path):
    load = lab.checker("--seconds", 8, checked_file(api, tmp_path), background=True)
    time.sleep(2)
    before = lab.pids()["control"]
    lab.kill("control")
    made = api.create(fixtures.service(SPACE, "after", [fixtures.port("http", 80)]))
    lab.wait_for(lambda: lab.dig("after." + ZONE)[2] == ["A " + made["spec"]["clusterIP"]], 6)
    assert lab.pids()["control"] != before
    result = lab.checker_result(load)
    api.delete("Service", SPACE, "after")
    assert (result["lost"], result["wrong"], result["stray"]) == (0, 0, 0), result
    assert result["sent"] >= 15900, result


def test_the_api_gone_changes_no_answer_and_other_data_converge(api, tmp_path):
    """30 s, or 10 in the short run; then another cluster's data on the same address."""
    questions = checked_file(api, tmp_path)
    cluster("stop-api", "--kill")
    result = lab.checker("--seconds", 30 if LONG else 10, questions)
    assert (result["lost"], result["wrong"]) == (0, 0), result
    lab.kill("dataplane")
    lab.wait_for(lambda: lab.dig("known-3." + ZONE)[0] == "NOERROR", 3)
    lab.kill("control")
    time.sleep(1)
    result = lab.checker("--seconds", 2, questions)
    assert (result["lost"], result["wrong"]) == (0, 0), result
    cluster("start-api", "--wipe")
    made = lab.wait_for(lambda: create_when_up(api), 60)
    lab.wait_for(lambda: lab.dig("reborn." + ZONE)[2] == ["A " + made["spec"]["clusterIP"]], 40)
    lab.wait_for(lambda: lab.dig("known-3." + ZONE)[0] == "NXDOMAIN", 20)


def create_when_up(api):
    """The first object of the new data; None until the server takes it."""
    try:
        return api.create(fixtures.service(SPACE, "reborn", [fixtures.port("http", 80)]))
    except Exception:  # pylint: disable=broad-except  # refused, not ready, no namespace yet
        return None


def test_a_stopped_control_is_seen_in_status(api):
    lab.wait_for(lambda: lab.status()["control"]["heartbeat_age_ms"] < 2000, 5)
    lab.kill("control", signal.SIGSTOP)
    time.sleep(1.5)
    age = lab.status()["control"]["heartbeat_age_ms"]
    lab.kill("control", signal.SIGCONT)
    assert age >= 1000
