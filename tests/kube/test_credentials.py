# SPDX-License-Identifier: Apache-2.0
"""How the client shows who it is, checks who the server is, and follows rotation of both."""

import base64
import json
import os
import subprocess
import time

import pytest

from fakeapi import FakeApi
from probing import Probe, service

# Subjects, names and signers of the certificates: file -> (names, signed by).
CERTS = {"server": ("IP:127.0.0.1", "ca"), "named": ("DNS:kube.test", "ca"), "other": ("IP:127.0.0.1", "ca2"),
         "client": ("DNS:client", "ca"), "client2": ("DNS:client2", "ca")}


def openssl(folder, *args):
    """Runs openssl."""
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """Two authorities and what they signed: NAME.crt, NAME.key."""
    folder = tmp_path_factory.mktemp("pki")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in ("ca", "ca2"):
        openssl(folder, "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-subj", f"/CN={name}",
                "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE")
    for name, (alt, signer) in CERTS.items():
        openssl(folder, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={alt}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{signer}.crt", "-CAkey", f"{signer}.key",
                "-CAcreateserial", "-out", f"{name}.crt", "-days", "2", "-copy_extensions", "copy")
    return folder


@pytest.fixture(name="serve")
def serve_fixture():
    """Starts API servers that speak TLS; ends them."""
    running = []

    def start(pki, name, client_ca=None):
        server = FakeApi(tls=(pki / f"{name}.crt", pki / f"{name}.key", client_ca and pki / f"{client_ca}.crt"))
        server.put("services", service("a"))
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture(name="run")
def run_fixture():
    """Starts probes with any options; ends them."""
    running = []

    def start(*args, **more):
        one = Probe(*args, "--kind", "services", **more)
        running.append(one)
        return one

    yield start
    for one in running:
        one.quit()


def kubeconfig(folder, cluster, user=None, name="config"):
    """Writes a kubeconfig; JSON is YAML."""
    path = folder / name
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user or {}}]}))
    return str(path)


def data(path):
    """A file as a *-data member."""
    return base64.b64encode(path.read_bytes()).decode()


def test_the_server_is_checked_against_the_clusters_own_authority(pki, serve, run, tmp_path):
    good = serve(pki, "server")
    config = kubeconfig(tmp_path, {"server": good.url, "certificate-authority-data": data(pki / "ca.crt")})
    run("--kubeconfig", config).wait("synced services")
    bad = serve(pki, "other")
    config = kubeconfig(tmp_path, {"server": bad.url, "certificate-authority": str(pki / "ca.crt")})
    p = run("--kubeconfig", config)
    p.until(lambda s: s["list_connect"] >= 2)
    assert not bad.requests and p.stats()["synced"] == 0
    assert "certificate" in p.logged("cannot read")


def test_checking_can_be_turned_off_and_contradictions_are_refused(pki, serve, run, tmp_path):
    bad = serve(pki, "other")
    config = kubeconfig(tmp_path, {"server": bad.url, "insecure-skip-tls-verify": True})
    run("--kubeconfig", config).wait("synced services")
    config = kubeconfig(tmp_path, {"server": bad.url, "insecure-skip-tls-verify": True,
                                   "certificate-authority": str(pki / "ca.crt")})
    p = Probe("--kubeconfig", config, "--kind", "services")
    assert "contradicts" in p.wait("error")


def test_tls_server_name_is_what_the_certificate_must_carry(pki, serve, run, tmp_path):
    api = serve(pki, "named")
    cluster = {"server": api.url, "certificate-authority": str(pki / "ca.crt")}
    p = run("--kubeconfig", kubeconfig(tmp_path, cluster))
    p.until(lambda s: s["list_connect"] >= 1)
    p = run("--kubeconfig", kubeconfig(tmp_path, {**cluster, "tls-server-name": "kube.test"}))
    p.wait("synced services")
    assert api.requests[0][2]["Host"].startswith("127.0.0.1")


def test_a_client_certificate_is_shown_from_data_and_from_relative_files(pki, serve, run, tmp_path):
    api = serve(pki, "server", client_ca="ca")
    cluster = {"server": api.url, "certificate-authority-data": data(pki / "ca.crt")}
    user = {"client-certificate-data": data(pki / "client.crt"), "client-key-data": data(pki / "client.key")}
    run("--kubeconfig", kubeconfig(tmp_path, cluster, user)).wait("synced services")
    user = {"client-certificate": "client.crt", "client-key": "client.key"}
    run("--kubeconfig", kubeconfig(pki, cluster, user, name="relative")).wait("synced services")
    p = run("--kubeconfig", kubeconfig(tmp_path, cluster))
    p.until(lambda s: s["list_connect"] + s["list_cut"] >= 1)
    assert p.stats()["synced"] == 0


def test_f14_a_new_authority_in_place_of_the_old_one_is_taken_up(pki, serve, run, tmp_path):
    api = serve(pki, "other")
    ca = tmp_path / "ca.crt"
    ca.write_bytes((pki / "ca.crt").read_bytes())
    config = kubeconfig(tmp_path, {"server": api.url, "certificate-authority": "ca.crt"})
    p = run("--kubeconfig", config, timing={"credentials": 100})
    p.until(lambda s: s["list_connect"] >= 1)
    ca.write_text("")  # half-way through a rotation: the old one stays
    time.sleep(0.2)
    ca.write_bytes((pki / "ca2.crt").read_bytes())
    p.wait("synced services")
    p.logged("credential file cannot be used")


def test_f14_a_new_client_certificate_makes_new_connections(pki, serve, run, tmp_path):
    api = serve(pki, "server", client_ca="ca")
    for name in ("crt", "key"):
        (tmp_path / f"c.{name}").write_bytes((pki / f"client.{name}").read_bytes())
    config = kubeconfig(tmp_path, {"server": api.url, "certificate-authority": str(pki / "ca.crt")},
                        {"client-certificate": "c.crt", "client-key": "c.key"})
    p = run("--kubeconfig", config, timing={"credentials": 100})
    p.wait("synced services")
    for name in ("key", "crt"):
        (tmp_path / f"new.{name}").write_bytes((pki / f"client2.{name}").read_bytes())
        os.replace(tmp_path / f"new.{name}", tmp_path / f"c.{name}")
    p.logged("certificates have changed")
    p.until(lambda s: s["requests"] >= 2 and s["phase"] == "watching")
    api.put("services", service("late"))
    p.wait("put live services ns/late")
    assert p.stats()["relist_first"] == 1


def test_f14_a_token_that_is_swapped_by_its_link_is_used_next(api, run, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(f"{name}\n")
    link = tmp_path / "token"
    link.symlink_to("one/token")
    api.tokens = {"one", "two"}
    p = run("--endpoint", api.url, "--token-file", str(link), timing={"credentials": 50})
    p.wait("synced services")
    (tmp_path / "new").symlink_to("two/token")
    os.replace(tmp_path / "new", link)
    time.sleep(0.15)
    link.unlink()  # gone: the last one stays
    time.sleep(0.15)
    api.end_watches()
    p.until(lambda s: s["requests"] == 2)
    assert [headers["Authorization"] for _, _, headers in api.requests] == ["Bearer one", "Bearer two"]
    assert not any("two" in line or "one" in line for line in p.log if "Bearer" in line)


def plugin(folder, text, name="plugin"):
    """A credential plugin."""
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def exec_user(**more):
    """A user whose credentials a plugin gives."""
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./plugin",
                     "interactiveMode": "Never", **more}}


CREDENTIAL = """printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{%s}}' """


def test_a_plugin_is_run_with_its_arguments_and_asked_again_after_a_401(api, run, tmp_path):
    plugin(tmp_path, 'echo "$1 $EXTRA $KUBERNETES_EXEC_INFO" >> "$(dirname "$0")/calls"\n'
           'n=$(wc -l < "$(dirname "$0")/calls")\n' + CREDENTIAL + '"\\"token\\":\\"t$n\\""\n')
    api.tokens = {"t1"}
    config = kubeconfig(tmp_path, {"server": api.url}, exec_user(
        args=["get token"], env=[{"name": "EXTRA", "value": "more"}], provideClusterInfo=True))
    p = run("--kubeconfig", config, timing={"credentials": 50}, env={"EXTRA": "less"})
    p.wait("synced services")
    api.tokens = {"t2"}
    api.end_watches()
    p.until(lambda s: s["watch_unauthorized"] >= 1 and s["phase"] == "watching")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls[0].startswith("get token more {")
    info = json.loads(calls[0].removeprefix("get token more "))
    assert info["spec"]["cluster"]["server"] == api.url and info["spec"]["interactive"] is False
    api.put("services", service("late"))
    p.wait("put live services ns/late")


def test_a_plugins_credentials_are_renewed_before_they_expire(api, run, tmp_path):
    plugin(tmp_path, 'echo x >> "$(dirname "$0")/calls"\nt=$(date -u -d "+11 seconds" +%Y-%m-%dT%H:%M:%SZ)\n'
           + CREDENTIAL + '"\\"token\\":\\"t\\",\\"expirationTimestamp\\":\\"$t\\""\n')
    config = kubeconfig(tmp_path, {"server": api.url}, exec_user())
    p = run("--kubeconfig", config, timing={"credentials": 100})
    p.wait("synced services")
    end = time.monotonic() + 5
    while len((tmp_path / "calls").read_text().splitlines()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert len((tmp_path / "calls").read_text().splitlines()) >= 2


@pytest.mark.parametrize("text, reason", [
    ("exit 3", "code 3"),
    ("kill -9 $$", "signal 9"),
    ("echo nothing", "no ExecCredential"),
    ("head -c 3000000 /dev/zero", "too much"),
    (CREDENTIAL + "''", "neither a token"),
    (CREDENTIAL + "'\"token\":\"a\\nb\"'", "line break"),
])
def test_a_plugin_that_fails_is_named_with_its_reason_and_asked_again(api, run, tmp_path, text, reason):
    mark = tmp_path / "fixed"
    plugin(tmp_path, f'if [ -e {mark} ]; then {CREDENTIAL} \'"token":"good"\'; else\n{text}\nfi\n')
    api.tokens = {"good"}
    p = run("--kubeconfig", kubeconfig(tmp_path, {"server": api.url}, exec_user()), timing={"credentials": 100})
    assert reason in p.logged("the credential plugin failed")
    assert not api.requests
    mark.touch()
    p.wait("synced services")


def test_a_plugin_that_is_missing_gives_its_hint(api, run, tmp_path):
    p = run("--kubeconfig", kubeconfig(tmp_path, {"server": api.url}, exec_user(
        command="./absent", installHint="install it like so")))
    assert "install it like so" in p.logged("cannot be started")


def test_a_plugin_that_never_ends_is_no_obstacle_to_ending(api, run, tmp_path):
    plugin(tmp_path, "exec sleep 100\n")
    p = run("--kubeconfig", kubeconfig(tmp_path, {"server": api.url}, exec_user()))
    time.sleep(0.2)
    p.quit()


def test_a_pod_finds_its_server_and_its_token(pki, serve, run, tmp_path):
    api = serve(pki, "server")
    api.tokens = {"pod"}
    (tmp_path / "token").write_text("pod")
    (tmp_path / "ca.crt").write_bytes((pki / "ca.crt").read_bytes())
    p = run("--in-cluster", str(tmp_path), env={"KUBERNETES_SERVICE_HOST": "127.0.0.1",
                                                "KUBERNETES_SERVICE_PORT": str(api.port)})
    p.wait("synced services")


def test_kubeconfigs_are_merged_and_the_first_value_wins(api, run, tmp_path):
    api.tokens = {"right"}
    second = kubeconfig(tmp_path, {"server": api.url}, {"token": "wrong"}, name="second")
    first = tmp_path / "first"
    first.write_text("# comment\nusers:\n- name: u\n  user: {token: right}\n- name: v\n  user: {}\n")
    p = run("--kubeconfig", f"{first}:{tmp_path}/absent:{second}")
    p.wait("synced services")


def test_a_request_says_for_whom_it_is_made(api, run, tmp_path):
    user = {"as": "system:x", "as-uid": "7", "as-groups": ["g1", "g2"], "as-user-extra": {"why": ["test"]},
            "username": "name", "password": "secret"}
    run("--kubeconfig", kubeconfig(tmp_path, {"server": api.url}, user)).wait("synced services")
    headers = api.requests[0][2]
    assert headers["Impersonate-User"] == "system:x" and headers["Impersonate-Uid"] == "7"
    assert headers["Impersonate-Extra-why"] == "test" and headers.get_all("Impersonate-Group") == ["g1", "g2"]
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"name:secret"


def test_a_proxy_is_asked_for_the_server(api, run, tmp_path):
    config = kubeconfig(tmp_path, {"server": "http://kube.invalid", "proxy-url": api.url})
    p = run("--kubeconfig", config)
    p.wait("synced services")
    assert api.requests[0][2]["Host"] == "kube.invalid"


def test_a_password_in_a_url_stays_out_of_the_log(run, tmp_path):
    p = run("--kubeconfig", kubeconfig(tmp_path, {"server": "http://somebody:hidden@127.0.0.1:1/path"}, {}))
    assert "server=http://127.0.0.1:1/path" in p.logged("cannot read from the API")
    assert "hidden" not in "".join(p.log)


def test_of_several_servers_the_next_is_asked_when_one_is_gone(api, run):
    p = run("--endpoint", f"http://127.0.0.1:1,{api.url}", timing={"backoff": 20})
    p.wait("synced services")
    assert p.stats()["list_connect"] == 1


@pytest.mark.parametrize("text, reason", [
    ("a: [1, 2", "did not find expected"),
    ("- x\n", "is no kubeconfig"),
    ("current-context: x\n", "no context"),
    ("{}", "no current-context"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n", "no cluster"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]\n",
     "server is missing"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
     "clusters: [{name: c, cluster: {server: http://h}}]\nusers: [{name: u, user: {token: 12}}]\n", "in quotes"),
    ("current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
     "clusters: [{name: c, cluster: {server: http://h}}]\nusers: [{name: u, user: {auth-provider: {}}}]\n",
     "use exec"),
    ("a: &a [x, *a]\n", "alias"),
    ("? {a: b}\n: c\n", "a key must be a string"),
    ("[" * 100, "nested too deeply"),
])
def test_a_kubeconfig_that_is_wrong_is_refused_with_a_reason(tmp_path, text, reason):
    path = tmp_path / "config"
    path.write_text(text)
    p = Probe("--kubeconfig", str(path), "--kind", "services")
    assert reason in p.wait("error")


def test_a_bomb_of_aliases_stays_small(tmp_path):
    path = tmp_path / "config"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 60)]
    path.write_text("\n".join(lines))
    start = time.monotonic()
    p = Probe("--kubeconfig", str(path), "--kind", "services")
    assert "no current-context" in p.wait("error")
    assert time.monotonic() - start < 2
