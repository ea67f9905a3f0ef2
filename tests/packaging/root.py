# SPDX-License-Identifier: Apache-2.0
"""A bare Debian 12 in a folder, and the package in it, in a network of its own."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CACHE = TOP / "build" / "packaging"
NETNS = os.environ.get("B53_LAB", "b53p") + "-pkg"
MIRROR = "http://deb.debian.org/debian"
DUMP = TOP / "tests" / "e2e" / "data" / "lab.json"


def run(*words, timeout=60, check=True, **more):
    """One command; its output is text."""
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=timeout, check=False, **more)
    assert not check or done.returncode == 0, f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done


@contextlib.contextmanager
def _locked(name):
    """What is made once is made by one: suites may run side by side."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_package():
    """dpkg-buildpackage in a clone of what is committed, kept for the next suite; path of the .deb."""
    given = os.environ.get("B53_DEB")
    if given:
        return Path(given)
    made = CACHE / f"deb-{run('git', '-C', TOP, 'rev-parse', 'HEAD').stdout.strip()}"
    with _locked("deb"):
        if not made.exists():
            for old in CACHE.glob("deb-*"):
                shutil.rmtree(old)
            # Always the same folder: ccache knows it again.
            source = CACHE / "building" / "source"
            shutil.rmtree(source.parent, ignore_errors=True)
            run("git", "clone", "--quiet", TOP, source)
            run("dpkg-buildpackage", "--unsigned-source", "--unsigned-changes", "--build=binary", "--jobs=2", cwd=source, timeout=1800)
            shutil.rmtree(source)
            source.parent.rename(made)
    return next(made.glob("burst53_*.deb"))


def _kept_root(name, folder, make):
    """A root file system that is made once and kept as a tarball."""
    tarball = CACHE / f"{name}.tar"
    with _locked(name):
        if not tarball.exists():
            make()
            run("tar", "-C", folder, "-cf", f"{tarball}.new", ".", timeout=300)
            os.replace(f"{tarball}.new", tarball)
            return
    folder.mkdir()
    run("tar", "-C", folder, "-xf", tarball, timeout=300)


def bare_root(folder):
    """debootstrap's minimal system."""
    _kept_root("bookworm", folder, lambda: run("debootstrap", "--variant=minbase", "bookworm", folder, MIRROR, timeout=900))


def system_root(folder):
    """The same with a systemd that can be process 1."""
    def make():
        root = Root(folder.parent)
        assert root.folder == folder
        root.apt("update")
        root.apt("install", "--yes", "--no-install-recommends", "systemd", "systemd-sysv", "dbus")
        root.apt("clean")
    _kept_root("bookworm-systemd", folder, make)


class Root:
    """A root file system in a folder of a folder; `make` fills it."""

    def __init__(self, folder, make=bare_root):
        self.folder = folder / "root"
        make(self.folder)
        shutil.copy("/etc/resolv.conf", self.folder / "etc" / "resolv.conf")
        self.server = None
        self.log = folder / "log"

    def words(self, *words):
        """A command line in the root, with its own /proc and a small /dev."""
        script = ("set -e; r=$1; shift; mount --bind \"$r\" \"$r\"; mount -t proc proc \"$r/proc\"; "
                  "mount -t tmpfs none \"$r/dev\"; for n in null zero urandom random; do touch \"$r/dev/$n\"; "
                  "mount --bind \"/dev/$n\" \"$r/dev/$n\"; done; ln -s /proc/self/fd \"$r/dev/fd\"; exec chroot \"$r\" \"$@\"")
        env = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"]
        return [*env, "unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh",
                str(self.folder), *map(str, words)]

    def run(self, *words, **more):
        """Runs one command in it."""
        return run(*self.words(*words), **more)

    def inside(self, *words, **more):
        """One in its network, too."""
        return run("ip", "netns", "exec", NETNS, *self.words(*words), **more)

    def apt(self, *words):
        """apt-get, without daemons: nothing is PID 1 here."""
        return self.run("apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", "-o", "Acquire::Retries=3", *words, timeout=900)

    def install(self, package):
        """The package, with what it needs from the mirror."""
        shutil.copy(package, self.folder / "burst53.deb")
        self.apt("update")
        self.apt("install", "--yes", "--no-install-recommends", "/burst53.deb")

    def files(self):
        """Everything but caches, logs and what apt keeps for itself."""
        skip = ("proc", "dev", "tmp", "var/cache", "var/lib/apt", "var/log", "var/lib/dpkg", "run")
        found = set()
        for base, _, names in os.walk(self.folder):
            where = os.path.relpath(base, self.folder)
            if not where.startswith(skip):
                found |= {os.path.normpath(os.path.join(where, name)) for name in names}
        return found

    def start(self):
        """What the unit does: the user, its only capability, the folders; nothing else."""
        wanted = "-all,+net_bind_service"
        command = ("mkdir -p -m 700 /run/burst53 /var/lib/burst53; chown burst53: /run/burst53 /var/lib/burst53; "
                   "exec setpriv --reuid burst53 --regid burst53 --clear-groups "
                   f"--inh-caps={wanted} --ambient-caps={wanted} --bounding-set={wanted} --no-new-privs burst53 run")
        with open(self.log, "wb") as log:
            self.server = subprocess.Popen(["ip", "netns", "exec", NETNS, *self.words("sh", "-c", command)],
                                           stdout=log, stderr=log)

    def stop(self):
        """SIGTERM; it ends in order."""
        self.server.terminate()
        code = self.server.wait(timeout=60)
        assert code == 0, self.log.read_text(encoding="utf-8")


@contextlib.contextmanager
def network():
    """A network namespace with a loopback."""
    run("ip", "netns", "del", NETNS, check=False)
    run("ip", "netns", "add", NETNS)
    try:
        run("ip", "-n", NETNS, "link", "set", "lo", "up")
        yield
    finally:
        run("ip", "netns", "del", NETNS)


def dig(name, kind="A"):
    """Answers of the server, as dig +short prints them."""
    return run("ip", "netns", "exec", NETNS, "dig", "@127.0.0.1", "+short", "+tries=1", "+time=1", name, kind,
               check=False).stdout.split()


def wait_for(what, seconds=60):
    """Waits until it is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"waited {seconds} s for {what.__name__}"
        time.sleep(0.05)
