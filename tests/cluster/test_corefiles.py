# SPDX-License-Identifier: Apache-2.0
"""The real CoreDNS loads every Corefile of tests/data/corefiles that burst53 accepts, unchanged; and both agree on what
else is a valid Corefile. In a network namespace of its own, so that nothing is asked of anybody."""

import concurrent.futures
import functools
import os
import pathlib
import select
import shutil
import subprocess
import time

import corefile_cases as cases
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
COREFILES = TOP / "tests" / "data" / "corefiles"
COREDNS = TOP / "build" / "cluster" / "bin" / "coredns"
BURST53 = pathlib.Path(os.environ.get("B53_BUILD", TOP / "build" / "release")) / "cli" / "burst53"
# Addresses that Corefiles bind to.
LOCAL = ["169.254.20.10/32", "169.254.25.10/32", "10.96.0.10/32"]
ENV = {
    **os.environ,
    "MY_HOST_IP": "127.0.0.1",
    "KUBERNETES_SERVICE_HOST": "127.0.0.1",
    "KUBERNETES_SERVICE_PORT": "9",
}
# What a pod's service account looks like, in a mount namespace that goes away with the process.
PRELUDE = (
    "mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && "
    "echo token >/run/secrets/kubernetes.io/serviceaccount/token && "
    "ip link set lo up && " + " && ".join(f"ip addr add {a} dev lo" for a in LOCAL) + ' && exec "$0" -conf "$1"'
)


def shipped():
    names = list(COREFILES.glob("*.Corefile")) + list(COREFILES.glob("*/Corefile"))
    return sorted(str(n.relative_to(COREFILES)) for n in names)


def coredns(path):
    """Whether CoreDNS serves a Corefile, and what it said."""
    child = subprocess.Popen(
        ["unshare", "--net", "--mount", "--kill-child", "--fork", "sh", "-c", PRELUDE, str(COREDNS), str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENV, cwd="/",
    )
    said = b""
    end = time.monotonic() + 30
    try:
        while time.monotonic() < end and b"CoreDNS-1." not in said:
            if select.select([child.stdout], [], [], 0.2)[0]:
                more = os.read(child.stdout.fileno(), 65536)
                if not more:
                    break
                said += more
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    return b"CoreDNS-1." in said, said.decode(errors="replace")


@functools.lru_cache(maxsize=None)
def coredns_on_shipped():
    """What CoreDNS makes of all shipped Corefiles, side by side: each waits 5 s for its API server."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return dict(zip(shipped(), pool.map(lambda name: coredns(COREFILES / name), shipped())))


def check(*arguments, text=None):
    """Exit code, standard output and standard error of burst53 check."""
    done = subprocess.run([str(BURST53), "check", *arguments], input=text, capture_output=True, text=True, env=ENV, check=False)
    return done.returncode, done.stdout, done.stderr


def both(text, folder):
    path = folder / "Corefile"
    path.write_text(text)
    served, said = coredns(path)
    code, _, told = check("--quiet", str(path))
    return served, code == 0, f"CoreDNS: {said[-400:]}\nburst53: {told}\n{text}"


@pytest.mark.parametrize("name", shipped())
def test_shipped_corefiles_are_valid_for_both(name):
    code, out, told = check("--no-files", str(COREFILES / name))
    assert code == 0, told
    assert "port" in out
    served, said = coredns_on_shipped()[name]
    assert served, said


@pytest.mark.parametrize("name", ["proxy", "transfer", "federation"])
def test_old_corefiles_pass_after_fix(name, tmp_path):
    path = COREFILES / "old" / f"{name}.Corefile"
    assert check(str(path))[0] == 1
    code, fixed, told = check("--fix", str(path))
    assert code == 0, told
    fixed_path = tmp_path / "Corefile"
    fixed_path.write_text(fixed)
    assert check(str(fixed_path))[0] == 0
    served, said = coredns(fixed_path)
    assert served, said


def test_the_walkthroughs_old_corefile_names_every_line():
    _, _, told = check(str(COREFILES / "old" / "proxy.Corefile"))
    for place in (":6:9: error: upstream", ":10:5: error: proxy", ":10:13: error: /etc/resolv/conf"):
        assert place in told


def test_the_configmap_of_kube_dns_becomes_a_corefile(tmp_path):
    path = tmp_path / "Corefile"
    code, corefile, told = check("--fix", str(COREFILES / "kube-dns" / "gke.json"))
    assert code == 0, told
    path.write_text(corefile)
    served, said = coredns(path)
    assert served, said


@pytest.mark.parametrize("text", cases.ACCEPTED)
def test_both_accept(text, tmp_path):
    served, accepted, said = both(text, tmp_path)
    assert served and accepted, said


@pytest.mark.parametrize("text", cases.REFUSED)
def test_both_refuse(text, tmp_path):
    served, accepted, said = both(text, tmp_path)
    assert not served and not accepted, said


@pytest.mark.parametrize("text, why", cases.STRICTER)
def test_burst53_refuses_more(text, why, tmp_path):
    served, accepted, said = both(text, tmp_path)
    assert served and not accepted, f"{why}\n{said}"


@pytest.mark.parametrize("text, why", cases.LATER)
def test_burst53_leaves_some_for_later(text, why, tmp_path):
    served, accepted, said = both(text, tmp_path)
    assert not served and accepted, f"{why}\n{said}"


@pytest.fixture(autouse=True, scope="module")
def programs():
    assert shutil.which("unshare")
    for program in (COREDNS, BURST53):
        assert program.exists(), f"{program} is missing: build it first"
