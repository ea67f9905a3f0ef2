# SPDX-License-Identifier: Apache-2.0
"""A control group that counts the memory of everything started in it: pages of memfd included, hugepages not."""

import os
import pathlib
import threading
import time

V1 = pathlib.Path("/sys/fs/cgroup/memory")
V2 = pathlib.Path("/sys/fs/cgroup")
SAMPLE_S = 0.02


class Group:
    """`with Group(name) as group:`; processes enter by `lab.start(..., cgroup=group)`."""

    def __init__(self, name):
        self.is_v1 = (V1 / "memory.usage_in_bytes").exists()
        self.path = (V1 if self.is_v1 else V2) / f"b53-bench-{os.getpid()}-{name}"
        self.most = 0
        self.is_over = threading.Event()
        self.sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self):
        if not self.is_v1:
            (V2 / "cgroup.subtree_control").write_text("+memory", encoding="ascii")
        self.path.mkdir()
        self.sampler.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.sampler.join(5)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                self.path.rmdir()
                return
            except OSError:  # what was in it has just been ended
                time.sleep(0.1)

    def enter(self):
        """Words before a command."""
        return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(self.path)]

    def _stat(self):
        lines = (self.path / "memory.stat").read_text(encoding="ascii").splitlines()
        return {key: int(value) for key, value in (line.split() for line in lines)}

    def used(self):
        """Bytes of processes and of memfd: no page cache, which the kernel takes back."""
        stat = self._stat()
        if self.is_v1:
            return stat["total_rss"] + stat.get("total_shmem", 0)
        return stat["anon"] + stat["shmem"]

    def _sample(self):
        while not self.is_over.wait(SAMPLE_S):
            self.most = max(self.most, self.used())

    def reset(self):
        """The peaks begin anew."""
        self.most = 0
        name = "memory.max_usage_in_bytes" if self.is_v1 else "memory.peak"
        try:
            (self.path / name).write_text("0", encoding="ascii")
        except OSError:  # an older kernel: the peak is since the start
            pass

    def peak(self):
        """The kernel's own peak, page cache included."""
        name = "memory.max_usage_in_bytes" if self.is_v1 else "memory.peak"
        return int((self.path / name).read_text(encoding="ascii"))
