# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes a loaded burst53: every query of the dashboard and of the alerts returns data, and so does
every metric of CoreDNS that applies (k8s:2.13)."""

import http.client
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse
import xml.etree.ElementTree
from pathlib import Path

import lab
import picture
import pytest
import scrape
from kube import wait

DEPLOY = lab.TOP / "deploy"
RULES = DEPLOY / "prometheus" / "burst53.rules.yaml"
DASHBOARD = DEPLOY / "grafana" / "burst53.json"
LOAD_S = 12
PORT = 19090
CONFIG = """global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [RULES]
scrape_configs:
  - job_name: burst53
    static_configs: [{targets: ["127.0.0.1:9153"]}]
"""

# Metrics of k8s:2.13, and the older names that dashboards still ask for. Histograms by their count.
METRICS = """build_info panics_total plugin_enabled dns_requests_total dns_request_duration_seconds_count
dns_request_size_bytes_count dns_response_size_bytes_count dns_do_requests_total dns_responses_total cache_entries
cache_requests_total cache_misses_total cache_prefetch_total cache_drops_total cache_served_stale_total cache_hits_total
cache_evictions_total forward_healthcheck_broken_total forward_max_concurrent_rejects_total
proxy_request_duration_seconds_count proxy_healthcheck_failures_total proxy_conn_cache_hits_total
proxy_conn_cache_misses_total health_request_duration_seconds_count health_request_failures_total reload_failed_total
reload_version_info kubernetes_dns_programming_duration_seconds_count
kubernetes_rest_client_request_duration_seconds_count kubernetes_rest_client_requests_total hosts_entries
hosts_reload_timestamp_seconds forward_requests_total forward_responses_total forward_request_duration_seconds_count
forward_healthcheck_failures_total""".split()

# Those of 2.13 that are not there, and why.
ABSENT = {
    "kubernetes_rest_client_rate_limiter_duration_seconds": "requests to the API are not rate limited here",
    "dns_https_responses_total": "DNS over HTTPS is refused in a Corefile",
    "dns_https3_responses_total": "the same",
    "dns_quic_responses_total": "the same",
    "dns_request_count_total": "renamed by CoreDNS 1.7",
    "dns_response_rcode_count_total": "the same",
    "dns_request_type_count_total": "the same",
    "dns_request_do_count_total": "the same",
    "cache_size": "the same",
}


class Prometheus:
    """A server in burst53's namespace."""

    def __init__(self, folder):
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.replace("RULES", str(RULES)), encoding="utf-8")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.netns_name("srv"), "prometheus", f"--config.file={config}",
             f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{PORT}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def get(self, path, **parameters):
        """One call of its API."""
        with lab.netns("srv"):
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.connect()
        connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.load(connection.getresponse())
        connection.close()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression):
        """The series of an expression, now."""
        return self.get("query", query=expression)["result"]

    def is_up(self):
        """Whether it has scraped."""
        try:
            return [s for s in self.query("up") if s["value"][1] == "1"]
        except (OSError, ValueError):  # not listening, or still starting
            return []

    def close(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(20)


def headless(name):
    """A headless service over pods that the controllers make up."""
    return [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
             "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}},
                      "template": {"metadata": {"labels": {"app": name}},
                                   "spec": {"containers": [{"name": "main", "image": "none"}]}}}},
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
             "spec": {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80}]}}]


def load(end):
    """Some of everything until a time."""
    i = 0
    while time.monotonic() < end:
        i += 1
        for name in ("kubernetes.default.svc.cluster.local", "missing.default.svc.cluster.local", "static.example",
                     f"name{i % 20}.example", "often.example", f"nx{i % 5}.example", f"sf{i}.example"):
            scrape.ask(name)
        scrape.ask("kubernetes.default.svc.cluster.local", tcp=True)
        scrape.ask(f"tcp{i}.example", tcp=True)
        scrape.ask("kubernetes.default.svc.cluster.local", kind="AAAA", family=6, want_dnssec=True)


@pytest.fixture(scope="module", name="prometheus")
def _prometheus(cluster, tmp_path_factory):
    """A loaded lab on the shared cluster, scraped for a while."""
    folder = tmp_path_factory.mktemp("prometheus")
    lab.up("own", "--corefile", lab.DATA / "monitor.Corefile", "--kubeconfig", cluster.ours)
    upstream = scrape.Upstream(5300)
    server = Prometheus(folder)
    try:
        lab.wait_for(server.is_up, 30)
        stop = time.monotonic() + LOAD_S
        loads = threading.Thread(target=load, args=(stop,))
        loads.start()
        for obj in headless("scraped"):
            cluster.kube.create(obj)
        wait("the pods' names", lambda: scrape.ask("scraped.default.svc.cluster.local")[2].answer, 30)
        loads.join()
        time.sleep(2)
        yield server
    finally:
        server.close()
        upstream.close()
        for obj in reversed(headless("scraped")):
            cluster.kubectl("delete", obj["kind"].lower(), obj["metadata"]["name"], "-n", "default",
                            "--ignore-not-found")
        lab.down()


def dashboard_queries():
    """Expressions of the dashboard with its variables filled in."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    found = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", [])]
    found += [(note["name"], note["expr"].removesuffix(" > 0")) for note in board["annotations"]["list"]]
    return [(title, expr.replace("$instance", ".*").replace("$__rate_interval", "10s")) for title, expr in found]


def filled(expr):
    """An expression of the dashboard with its variables filled in."""
    return expr.replace("$instance", ".*").replace("$__rate_interval", "5s")


def drawn(prometheus):
    """The rows of the dashboard, each panel with its lines over the last seconds; and those seconds."""
    last = time.time()
    first = last - LOAD_S - 4
    rows = []
    for one in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        if one["type"] == "row":
            rows.append((one["title"], []))
        if one["type"] == "timeseries":
            lines = [{**series, "legend": target.get("legendFormat")} for target in one["targets"]
                     for series in prometheus.get("query_range", query=filled(target["expr"]), start=first, end=last, step=1)["result"]]
            rows[-1][1].append((one["title"], one["fieldConfig"]["defaults"].get("unit"), lines))
    return rows, (first, last)


def test_the_dashboard_is_drawn_from_these_numbers(prometheus, tmp_path):
    """B53_PICTURE says where the documents want it."""
    rows, window = drawn(prometheus)
    path = Path(os.environ.get("B53_PICTURE", tmp_path / "dashboard.svg"))
    path.write_text(picture.dashboard("burst53: the dashboard in a run of tests/cluster/test_prometheus.py", rows, window), encoding="utf-8")
    root = xml.etree.ElementTree.parse(path).getroot()
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    panels = sum(len(panels) for _, panels in rows)
    assert panels > 25 and len(lines) >= panels - 2, "a change may be too long ago to be seen"


def alerts():
    """Expressions of the alerts without the limit that they compare with: there must be something to compare."""
    text = RULES.read_text(encoding="utf-8")
    found = re.findall(r"- alert: (\w+)\n +expr: (.*)", text)
    return [(name, re.sub(r"^absent\((.*) == 1\)$", r"\1", re.sub(r" (==|>|<) [\d.]+$", "", expr)).replace("[5m]", "[10s]"))
            for name, expr in found]


def test_every_query_of_the_dashboard_returns_data(prometheus):
    queries = dashboard_queries()
    assert len(queries) > 50
    empty = [(title, expr) for title, expr in queries if not prometheus.query(expr)]
    assert not empty
    numbers = [title for title, expr in queries if any(s["value"][1] != "NaN" for s in prometheus.query(expr))]
    missing = {title for title, _ in queries} - set(numbers)
    assert missing <= {"Endpoints to answer (p99)", "Change to answer"}, "the change may be more than 10 s ago"


def test_every_alert_has_something_to_compare_and_none_fires_but_for_failures(prometheus):
    empty = [(name, expr) for name, expr in alerts() if not prometheus.query(expr)]
    assert not empty and len(alerts()) >= 24
    groups = prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == len(alerts()) and {rule["health"] for rule in rules} == {"ok"}
    active = {rule["name"] for rule in rules if rule["state"] != "inactive"}
    # The upstream was asked for failures, and before it was there.
    assert active <= {"CoreDNSErrorsHigh", "CoreDNSForwardErrorsHigh", "CoreDNSForwardHealthcheckFailureCount",
                      "CoreDNSForwardHealthcheckBrokenCount"}, active


def test_every_metric_of_coredns_that_applies_returns_data(prometheus):
    missing = [name for name in METRICS if not prometheus.query(f"coredns_{name}")]
    assert not missing
    there = [name for name in ABSENT if prometheus.query(f"coredns_{name}")]
    assert not there, "listed as absent"
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_max_fds",
                 "process_start_time_seconds", "process_virtual_memory_bytes", "go_goroutines"):
        assert prometheus.query(name), name
    kind = prometheus.query('coredns_kubernetes_dns_programming_duration_seconds_count{service_kind="headless_with_selector"}')
    assert float(kind[0]["value"][1]) > 0


def test_what_prometheus_adds_up_is_what_was_asked(prometheus):
    asked = float(prometheus.query("sum(coredns_dns_requests_total)")[0]["value"][1])
    answered = float(prometheus.query("sum(coredns_dns_responses_total)")[0]["value"][1])
    timed = float(prometheus.query("sum(coredns_dns_request_duration_seconds_count)")[0]["value"][1])
    assert asked == answered == timed and asked > 300


def test_the_rules_are_well_formed():
    done = lab.run("promtool", "check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr
