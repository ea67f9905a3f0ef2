# SPDX-License-Identifier: Apache-2.0
"""Every directive of CoreDNS 1.14 and every option of it works, has no effect and `check` says so, or is refused with a
reason: nothing is read and forgotten (k8s:2.13-2.15, 3.8)."""

import json
import os
import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BURST53 = pathlib.Path(os.environ["B53_BUILD"]) / "cli" / "burst53"
CLUSTER = "kubernetes cluster.local {\npods verified\n}"
FORWARD = "forward . 192.0.2.1"

# Directive: who executes it, "no effect", or None for refused; then lines that use it. An option in a line of its own.
WORKS = {
    "root": ("control", ["root /tmp"]),
    "timeouts": ("slow path", ["timeouts {\nread 5s\nwrite 5s\nidle 10s\nmaxtcpqueries 10\n}"]),
    "multisocket": ("control", ["multisocket", "multisocket 2"]),
    "reload": ("control", ["reload", "reload 10s", "reload 10s 5s"]),
    "nsid": ("workers", ["nsid", "nsid this server"]),
    "bufsize": ("workers", ["bufsize", "bufsize 1232"]),
    "bind": ("control", ["bind 192.0.2.1 lo", "bind lo {\nexcept 192.0.2.2\n}"]),
    "ready": ("monitor", ["ready", "ready :8182"]),
    "health": ("monitor", ["health", "health 169.254.20.10:8080 {\nlameduck 5s\n}"]),
    "prometheus": ("monitor", ["prometheus", "prometheus :9153"]),
    "errors": ("monitor", ["errors", "errors stdout", "errors {\nconsolidate 5m \".* i/o timeout$\" warning show_first\n}"]),
    "log": ("monitor", ["log", "log . {common}", "log a.b c.d \"{remote} {name}\"", "log . {\nclass success denial error all\n}"]),
    "local": ("slow path", ["local"]),
    "dns64": ("slow path", ["dns64", "dns64 64:ff9b::/96", "dns64 {\nprefix 64:ff9b::/96\ntranslate_all\nallow_ipv4\n}"]),
    "any": ("slow path", ["any"]),
    "chaos": ("slow path", ["chaos", "chaos v1 author1 author2"]),
    "loadbalance": ("workers", ["loadbalance", "loadbalance round_robin"]),
    "rewrite": ("slow path", [
        "rewrite name a.b c.d", "rewrite continue name exact a.b c.d", "rewrite stop name prefix a b", "rewrite name suffix .a. .b.",
        "rewrite name substring a b", "rewrite name regex (.*)\\.a {1}.b answer auto",
        "rewrite name regex (.*)\\.a {1}.b answer name (.*)\\.b {1}.a answer value (.*)\\.b {1}.a",
        "rewrite type ANY HINFO", "rewrite class CH IN", "rewrite ttl a.b 30", "rewrite ttl suffix .b 30-60",
        "rewrite cname exact a.b. c.d.", "rewrite rcode a.b SERVFAIL NXDOMAIN", "rewrite edns0 local set 0xffee 0xabcd",
        "rewrite edns0 nsid set", "rewrite edns0 subnet set 24 56"]),
    "autopath": ("slow path", [f"{CLUSTER}\nautopath @kubernetes", "autopath cluster.local /etc/resolv.conf"]),
    "acl": ("slow path", ["acl {\nallow net 10.0.0.0/8\nblock type A net *\nfilter type AAAA\ndrop\n}"]),
    "cache": ("slow path", [
        "cache", "cache 30", "cache 30 a.b", "cache {\nsuccess 5000 30 5\ndenial 2000 10 1\nprefetch 10 1m 10%\nserve_stale 1h verify 1s\n"
        "servfail 5s\ndisable success a.b\ndisable denial a.b\nkeepttl\n}", "cache {\nserve_stale 1h immediate\n}"]),
    "header": ("slow path", ["header {\nresponse set aa ra\nquery clear rd\n}"]),
    "minimal": ("workers", ["minimal"]),
    "template": ("slow path", [
        "template IN A a.b {\nmatch ^x\nanswer \"{{ .Name }} 60 IN A 192.0.2.1\"\nadditional \"x. 60 IN A 192.0.2.1\"\n"
        "authority \"x. 60 IN NS y.\"\nfallthrough\n}", "template ANY ANY {\nrcode NXDOMAIN\nederror 21 \"text\"\n}"]),
    "hosts": ("workers", ["hosts", "hosts /etc/hosts a.b {\n192.0.2.1 x.a.b\nttl 60\nno_reverse\nreload 15s\nfallthrough a.b\n"
                          "fallthrough_unsupported\n}"]),
    "k8s_external": ("workers", [f"{CLUSTER}\nk8s_external a.b {{\napex dns\nttl 5\nheadless\nfallthrough\n}}"]),
    "kubernetes": ("workers", [
        "kubernetes cluster.local in-addr.arpa ip6.arpa {\npods insecure\nfallthrough in-addr.arpa ip6.arpa\nttl 30\n}",
        "kubernetes cluster.local 10.96.0.0/12 {\nendpoint https://192.0.2.1:6443\ntls a b c\nnamespaces x y\nlabels a=b\n"
        "pods disabled\nendpoint_pod_names\nnoendpoints\nignore empty_service\n}", "kubernetes cluster.local {\nzonal\n}",
        "kubernetes cluster.local {\nkubeconfig /x ctx\nnamespace_labels a=b\npods verified\n}",
        "kubernetes cluster.local clusterset.local {\nmulticluster clusterset.local\n}"]),
    "file": ("slow path", ["file /x.db a.b", "file /x.db a.b {\nreload 10s\nfallthrough\n}", "file /x.db {\nreload_by_mtime\n}"]),
    "loop": ("slow path", ["loop"]),
    "forward": ("slow path", [
        FORWARD, "forward . /etc/resolv.conf {\nmax_concurrent 1000\n}", "forward a.b dns://192.0.2.1:5300 tls://192.0.2.2 {\n"
        "except x.a.b\npolicy sequential\nmax_fails 3\nmax_connect_attempts 3\nmax_idle_conns 5\nmax_age 1m\nexpire 20s\n"
        "read_timeout 1s\nhealth_check 1s no_rec domain x.\nforce_tcp\ntls_servername name\nsource_address 192.0.2.9\n"
        "failover SERVFAIL\nnext NXDOMAIN\nfailfast_all_unhealthy_upstreams\n}",
        "forward . 192.0.2.1 {\nprefer_udp\npolicy round_robin\nnext_on_nodata\n}", "forward . tls://192.0.2.1 {\ntls a b c\n}"]),
    "whoami": ("slow path", ["whoami"]),
    "dnstap": ("monitor", ["dnstap /x", "dnstap unix:///x full 2", "dnstap tcp://192.0.2.1:6000 full", "dnstap tcp://[2001:db8::1]:6000 {\n"
                           "identity a\nversion b\nextra \"{name}\"\n}"]),
}
# Directives that need not be taken out of a Corefile, and options of those that work.
NO_EFFECT = {
    "metadata": ["metadata"], "cancel": ["cancel", "cancel 5s"], "quic": ["quic {\nmax_streams 5\n}"], "shed": ["shed"],
    "grpc_server": ["grpc_server {\nmax_streams 5\n}"], "https": ["https {\nmax_connections 5\n}"],
    "https3": ["https3 {\nmax_streams 5\n}"], "debug": ["debug"], "trace": ["trace zipkin 192.0.2.1:9411"], "pprof": ["pprof"],
    "tls": ["tls a b"], "transfer": ["transfer a.b {\nto *\n}", "transfer a.b {\nto 192.0.2.1 192.0.2.2:5300\n}"],
    "skipverify": ["dnstap /x {\nskipverify\n}"], "queue": ["dnstap /x full 2 3"],
    "stacktrace": ["errors {\nstacktrace\n}"], "monitor": ["ready {\nmonitor continuously\n}"],
    "runtime_metrics": ["prometheus {\nruntime_metrics\n}"],
    "upstream": ["template IN A a.b {\nanswer \"x. 60 IN A 192.0.2.1\"\nupstream\n}", "file /x.db a.b {\nupstream\n}"],
    "apiserver_qps": ["kubernetes a.b {\napiserver_qps 5\n}"], "apiserver_burst": ["kubernetes a.b {\napiserver_burst 5\n}"],
    "apiserver_max_inflight": ["kubernetes a.b {\napiserver_max_inflight 5\n}"],
    "startup_timeout": ["kubernetes a.b {\nstartup_timeout 5s\n}"],
}
# Refused, and a word of what to do instead.
REFUSED = {
    "geoip": ("geoip /x", "remove it"), "proxyproto": ("proxyproto", "balancer"),
    "tsig": ("tsig {\nsecret a b\n}", "limit clients with acl"), "dnssec": ("dnssec", "remove dnssec"),
    "route53": ("route53 a.b:Z", "forward these zones"), "azure": ("azure a:b", "forward these zones"),
    "clouddns": ("clouddns a.b:c", "forward these zones"), "auto": ("auto", "name the zone files with file"),
    "secondary": ("secondary a.b {\ntransfer from 192.0.2.1\n}", "forward these zones"), "etcd": ("etcd a.b", "forward these zones"),
    "grpc": ("grpc . 192.0.2.1", "use forward"), "erratic": ("erratic", "remove it"), "on": ("on startup x", "hooks"),
    "sign": ("sign /x", "serve with file"), "view": ("view x {\nexpr true\n}", "bind"), "nomad": ("nomad a.b", "forward these zones"),
    "proxy": ("proxy . 192.0.2.1", "its successor is forward"), "federation": ("federation a.b {\nx y\n}", "delete it"),
    "startup": ("startup x", "delete it"), "shutdown": ("shutdown x", "delete it"),
    "upstream in kubernetes": ("kubernetes a.b {\nupstream\n}", "delete"),
    "resyncperiod": ("kubernetes a.b {\nresyncperiod 5m\n}", "delete"),
    "transfer in kubernetes": ("kubernetes a.b {\ntransfer to *\n}", "use the directive"),
    "https upstream": ("forward . https://192.0.2.1", "dns:// and tls:// only"),
    "host name upstream": ("forward . dns.example", "neither an address nor a file"),
    "dnstap over TLS": ("dnstap tls://192.0.2.1:6000", "a collector beside burst53"),
    "dnstap that listens": ("dnstap listen /x", "let the collector listen"),
    "dnstap by name": ("dnstap tcp://a.test:6000", "an address and a port"), "relative dnstap": ("dnstap x", "the whole path"),
    "tls of prometheus": ("prometheus {\ntls a b\n}", "tls"),
}


def check(body, key=".:53"):
    """What `check --json` says of a block."""
    done = subprocess.run([str(BURST53), "check", "--no-files", "--json", "-"], input=f"{key} {{\n{body}\n}}\n", text=True,
                          capture_output=True, check=False, timeout=60)
    return json.loads(done.stdout)


def names():
    text = (TOP / "zones" / "corefile" / "kinds.h").read_text(encoding="utf-8")
    return re.findall(r'X\(\w+, "(\w+)"\)', text)


def test_no_directive_is_left_out():
    assert len(names()) == 60 and set(names()) <= {*WORKS, *NO_EFFECT, *REFUSED}


@pytest.mark.parametrize("name", WORKS)
def test_it_works_and_nothing_of_it_is_passed_over(name):
    runs, bodies = WORKS[name]
    for body in bodies:
        said = check(body)
        assert said["ok"], (body, said["problems"])
        assert not [p for p in said["problems"] if p["severity"] != "warning" or "no effect" in p["text"]], said["problems"]
        found = [d["runs"] for server in said["servers"] for d in server["directives"] if d["name"] == name]
        assert set(found) == {runs}, (body, found)


@pytest.mark.parametrize("name", NO_EFFECT)
def test_what_has_no_effect_is_said(name):
    for body in NO_EFFECT[name]:
        said = check(body)
        assert said["ok"], (body, said["problems"])
        assert any(p["text"].startswith(f"{name} has no effect") for p in said["problems"]), (body, said["problems"])
        assert name not in names() or {"no effect"} == {
            d["runs"] for server in said["servers"] for d in server["directives"] if d["name"] == name}


def test_each_rule_of_header_is_explained():
    body = "header {\nresponse set aa ra\nquery clear rd\n}\nwhoami"
    said = [d["text"] for d in check(body)["servers"][0]["directives"] if d["name"] == "header"]
    assert said == ["sets AA RA of replies that somebody made, clears RD of queries on their way"]


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_what_to_do(name):
    body, reason = REFUSED[name]
    said = check(body)
    errors = [p for p in said["problems"] if p["severity"] == "error"]
    assert not said["ok"] and any(reason in p["text"] for p in errors), (body, said["problems"])
    assert all(p["at"]["line"] > 1 and p["at"]["column"] > 0 for p in errors)


@pytest.mark.parametrize("key", ["tls://.", "https://.", "https3://.", "grpc://.", "quic://."])
def test_keys_of_other_transports_are_refused(key):
    said = check(FORWARD, key)
    assert not said["ok"] and said["problems"][0]["at"]["line"] == 1


def test_unknown_names_are_refused_with_the_nearest():
    for body, near in (("forwrd . 192.0.2.1", "forward"), ("cache {\nprefech 1\n}", "prefetch"), ("nonsense", "unknown directive")):
        said = check(body)
        assert not said["ok"] and near in said["problems"][0]["text"], said["problems"]


@pytest.mark.parametrize("kind,option,who", [
    ("A", "", "NOERROR"), ("MX", "", "NOERROR"), ("A", "fallthrough_unsupported", "NOERROR"),
    ("AAAA", "fallthrough_unsupported", "NOERROR"), ("MX", "fallthrough_unsupported", "for the slow path")])
def test_hosts_leave_types_they_cannot_hold_to_others_when_told(kind, option, who, tmp_path):
    """As CoreDNS 1.14.7: such types of a name that is there go on to forward."""
    (tmp_path / "Corefile").write_text(f".:53 {{\nhosts /dev/null {{\n192.0.2.1 one.test\nfallthrough\n{option}\n}}\n{FORWARD}\n}}\n")
    done = subprocess.run([str(BURST53), "query", "one.test", kind, "--dump", str(TOP / "tests" / "e2e" / "data" / "lab.json"),
                           "--conf", str(tmp_path / "Corefile")], text=True, capture_output=True, check=False, timeout=60)
    assert f"one.test. {kind}: {who}" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("line", ["$INCLUDE more.db", "$GENERATE 1-2 g$ A 192.0.2.$"])
def test_a_zone_file_that_cannot_be_read_is_refused(line, tmp_path):
    (tmp_path / "zone.db").write_text(f"@ 60 IN SOA a. b. 1 2 3 4 5\n{line}\n")
    (tmp_path / "Corefile").write_text(f"a.test:53 {{\nfile {tmp_path}/zone.db\n}}\n")
    done = subprocess.run([str(BURST53), "check", str(tmp_path / "Corefile")], text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1 and "zone.db:2: burst53 reads neither $INCLUDE nor $GENERATE" in done.stderr
