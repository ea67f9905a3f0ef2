# SPDX-License-Identifier: Apache-2.0
"""A container of a manifest without a runtime: its user, capabilities, arguments and mounts on a root of its own."""

import os
import re
import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("cli/burst53", "control/burst53-control", "slowpath/burst53-slowpath", "control/monitor/burst53-monitor")
FOLDERS = ("etc/coredns", "var/lib/burst53", "var/run/secrets/kubernetes.io/serviceaccount", "proc", "dev", "run", "tmp", "runtime")
SECRETS = "var/run/secrets/kubernetes.io/serviceaccount"

SCRIPT = """
set -eu
root=$1 mounts=$2; shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 none "$root/dev"
mkdir -m 1777 "$root/dev/shm"
for n in null zero urandom random; do touch "$root/dev/$n"; mount --bind "/dev/$n" "$root/dev/$n"; done
while read -r kind name path; do
    case $kind in
    configMap) mount --bind "$name" "$root$path"; mount -o remount,bind,ro "$root$path" ;;
    emptyDir) mount -t tmpfs -o mode=1777 none "$root$path" ;;
    esac
done <"$mounts"
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""


def make_root(folder, build):
    """The programs with their libraries: an image."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "usr/bin").mkdir(parents=True)
    programs = [build / p for p in PROGRAMS] + [Path(shutil.which("setpriv"))]
    libraries = set()
    for path in programs:
        target = folder / ("runtime" if path.name == "setpriv" else "usr/bin") / path.name
        shutil.copy(path, target)
        told = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        libraries |= set(re.findall(r"(/\S+) \(0x", told))
    for path in libraries:
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), target)
    (folder / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="utf-8")


def capabilities(context):
    """What a runtime leaves: everything is dropped, then some are added."""
    assert context["capabilities"]["drop"] == ["ALL"]
    return ",".join(["-all", *("+" + c.lower() for c in context["capabilities"]["add"])])


def command(folder, pod, sources):
    """The command line that starts the first container of a pod; `sources` are the folders of ConfigMap volumes by name."""
    spec = pod["containers"][0]
    context = spec["securityContext"]
    assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
    volumes = {v["name"]: v for v in pod["volumes"]}
    lines = []
    for mount in spec["volumeMounts"]:
        volume = volumes[mount["name"]]
        kind = "configMap" if "configMap" in volume else "emptyDir"
        lines.append(f"{kind} {sources.get(mount['name'], '-')} {mount['mountPath']}")
    mounts = folder.parent / "mounts"
    mounts.write_text("\n".join(lines) + "\n", encoding="utf-8")
    wanted = capabilities(context)
    user = str(context["runAsUser"])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", SCRIPT, "sh", str(folder), str(mounts),
            "/runtime/setpriv", "--reuid", user, "--regid", str(context.get("runAsGroup", user)), "--clear-groups",
            "--inh-caps", wanted, "--ambient-caps", wanted, "--bounding-set", wanted, "--no-new-privs",
            *spec.get("command", ["/usr/bin/burst53"]), *spec["args"]]
