# SPDX-License-Identifier: Apache-2.0
"""deploy/image/Containerfile is built by buildah, on debootstrap's Debian instead of the registry's, and the image serves as its
user, on port 53, with its own command."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import root as roots
from root import NETNS, TOP, dig, run, wait_for

CONTAINERFILE = TOP / "deploy" / "image" / "Containerfile"
TAG = "burst53:test"
COREFILE = """.:53 {
    bind 127.0.0.1
    errors
    health 127.0.0.1:8080
    ready 127.0.0.1:8181
    hosts {
        192.0.2.80 www.example
    }
}
"""


class Store:
    """buildah with a store of its own: no daemon, no registry, no overlay file system."""

    def __init__(self, folder):
        self.words = ["buildah", "--root", folder / "root", "--runroot", folder / "run", "--storage-driver", "vfs"]

    def do(self, *words, timeout=600):
        """One command; what it prints."""
        return run(*self.words, *words, timeout=timeout).stdout.strip()

    def import_base(self, name, tarball):
        """What FROM names, out of a tarball."""
        container = self.do("from", "scratch")
        self.do("add", "--quiet", container, tarball, "/")
        self.do("commit", "--quiet", container, name)
        self.do("rm", container)


@pytest.fixture(scope="module", name="store")
def _store(package):
    if shutil.which("buildah") is None:
        pytest.skip("there is no buildah: the image is not built")
    folder = Path(tempfile.mkdtemp(prefix="b53-image-", dir="/var/tmp"))
    try:
        roots.bare_root(folder / "base")
        shutil.rmtree(folder / "base")
        store = Store(folder)
        base = next(line.split()[1] for line in CONTAINERFILE.read_text(encoding="utf-8").splitlines() if line.startswith("FROM "))
        store.import_base(base, roots.CACHE / "bookworm.tar")
        (folder / "context").mkdir()
        shutil.copy(package, folder / "context")
        store.do("build-using-dockerfile", "--isolation", "chroot", "--pull-never", "--network", "host", "--file", CONTAINERFILE, "--tag", TAG,
                 folder / "context")
        yield store
    finally:
        shutil.rmtree(folder)


def test_the_image_says_what_it_runs_and_as_whom(store):
    config = json.loads(store.do("inspect", "--type", "image", TAG))["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/burst53"] and config["Cmd"] == ["-conf", "/etc/coredns/Corefile"]
    assert set(config["ExposedPorts"]) == {"53/udp", "53/tcp", "9153/tcp"}


def test_the_image_serves_on_port_53_as_its_user(store, tmp_path):
    conf = Path(tempfile.mkdtemp(prefix="b53-conf-", dir="/var/tmp"))
    conf.chmod(0o755)
    (conf / "Corefile").write_text(COREFILE, encoding="utf-8")
    container = store.do("from", "--pull-never", TAG)
    mounted = Path(store.do("mount", container))
    assert (mounted / "usr" / "bin" / "coredns").is_symlink() and (mounted / "usr" / "bin" / "node-cache").is_symlink()
    words = ["ip", "netns", "exec", NETNS, *store.words, "run", "--isolation", "chroot", "--volume", f"{conf}:/etc/coredns:ro", container,
             "--", "/usr/bin/burst53", "-conf", "/etc/coredns/Corefile"]
    log = tmp_path / "log"
    with roots.network(), open(log, "wb") as out, subprocess.Popen([str(w) for w in words], stdout=out, stderr=out) as server:
        try:
            def answers():
                assert server.poll() is None, log.read_text(encoding="utf-8")
                return dig("www.example") == ["192.0.2.80"]
            wait_for(answers, 60)
            pids = run("pgrep", "--ns", server.pid, "--nslist", "net", "burst53").stdout.split()
            assert pids
            for pid in pids:
                status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
                assert "\nUid:\t65532\t65532\t65532\t65532\n" in status, status
        finally:
            for pid in run("pgrep", "--ns", server.pid, "--nslist", "net", "burst53", check=False).stdout.split():
                subprocess.run(["kill", pid], check=False)
            server.terminate()
            server.wait(60)
            shutil.rmtree(conf)
