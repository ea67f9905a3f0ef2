# SPDX-License-Identifier: Apache-2.0
"""The Debian package from a clone to its removal, in a bare Debian 12, with what docs/operations.md says."""

import re
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

import root as roots
from root import DUMP, NETNS, TOP, dig, run, wait_for

COREFILE = """.:53 {
    errors
    health 127.0.0.1:8080
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa ip6.arpa
    prometheus 127.0.0.1:9153
    cache 30
    reload 2s
}
"""
NAME = "web.default.svc.cluster.local"


@pytest.fixture(scope="module", name="folder")
def _folder():
    path = Path(tempfile.mkdtemp(prefix="b53-package-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module", name="root")
def _root(folder):
    with roots.network():
        made = roots.Root(folder)
        yield made
        if made.server is not None and made.server.poll() is None:
            made.server.kill()
            made.server.wait()


def get(place):
    """Body of an HTTP answer."""
    return run("ip", "netns", "exec", NETNS, "curl", "--silent", "--max-time", "2", f"http://127.0.0.1:{place}", check=False).stdout


def test_lintian_finds_nothing(package):
    changes = next(package.parent.glob("burst53_*.changes"))
    done = run("lintian", "--fail-on", "error,warning", "--allow-root", changes, timeout=600, check=False)
    assert done.returncode == 0, done.stdout


def test_the_unit_gives_as_few_rights_as_the_docs_say(folder, package):
    run("dpkg-deb", "--extract", package, folder / "files")
    unit = folder / "files" / "lib" / "systemd" / "system" / "burst53.service"
    told = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit).stdout
    score = float(re.search(r"exposure level for burst53.service: ([\d.]+)", told)[1])
    text = (TOP / "docs" / "operations.md").read_text(encoding="utf-8")
    assert score == float(re.search(r"systemd-analyze security[^|]*score is \*\*([\d.]+)\*\*", text)[1])


def test_from_installation_to_removal(root, package):
    before = root.files()
    root.install(package)
    installed = root.run("dpkg-query", "--listfiles", "burst53").stdout
    assert "/lib/systemd/system/burst53.service" in installed
    assert root.run("id", "-un", "burst53").stdout == "burst53\n"
    assert root.run("burst53", "--version").stdout.startswith("burst53 ")

    etc = root.folder / "etc" / "burst53"
    (etc / "Corefile").write_text(COREFILE, encoding="utf-8")
    (etc / "burst53.conf").write_text("conf /etc/burst53/Corefile\nport none\naddress 127.0.0.1\ndump /etc/burst53/cluster.json\n",
                                      encoding="utf-8")
    shutil.copy(DUMP, etc / "cluster.json")
    assert root.run("burst53", "check", "/etc/burst53/Corefile").returncode == 0
    root.start()

    def answers():
        assert root.server.poll() is None, root.log.read_text(encoding="utf-8")
        return dig(NAME) == ["10.96.0.80"]
    wait_for(answers, 60)
    wait_for(lambda: get("8080/health") == "OK" and get("8181/ready") == "OK", 60)
    metrics = get("9153/metrics")
    assert 'coredns_dns_requests_total{' in metrics and "burst53_" in metrics
    assert root.inside("burst53", "status", check=False).returncode == 0

    (etc / "Corefile").write_text(COREFILE.replace("cluster.local", "cluster.test"), encoding="utf-8")
    root.server.send_signal(signal.SIGUSR1)

    def reloaded():
        return dig(NAME.replace("cluster.local", "cluster.test")) == ["10.96.0.80"]
    wait_for(reloaded, 60)
    assert dig(NAME) == []
    root.stop()

    root.apt("purge", "--yes", "burst53")
    root.apt("autoremove", "--purge", "--yes")
    left = {path for path in root.files() - before if "burst53" in path}
    assert left <= {"burst53.deb", "etc/burst53/cluster.json"}, left
