# SPDX-License-Identifier: Apache-2.0
"""Changes at a steady rate, from an API server that costs nothing: a process of its own that speaks the API's protocol.
Each change gives the addresses of one headless service, all of them, another number.

usage: changes.py PORT-FILE SERVICES-FILE           commands on stdin: a rate in changes a second
"""

import json
import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPACE, NAME, WIDTH = "ns0", "swap", 4
LABELS = {"kubernetes.io/service-name": NAME}
KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- name: bench
  cluster:
    server: {url}
users:
- name: bench
  user:
    token: bench
contexts:
- name: bench
  context:
    cluster: bench
    user: bench
current-context: bench
"""


def addresses(number):
    """The service's addresses after so many changes."""
    return [f"10.{64 + host}.{number >> 8 & 255}.{number & 255}" for host in range(WIDTH)]


def slice_of(number):
    ends = [{"addresses": [a], "conditions": {"ready": True}} for a in addresses(number)]
    meta = {"name": NAME, "namespace": SPACE, "labels": LABELS, "uid": "swap"}
    ports = [{"name": "p", "port": 80, "protocol": "TCP"}]
    return {"metadata": meta, "addressType": "IPv4", "endpoints": ends, "ports": ports}


class Changes:
    """The process, seen from a case."""

    def __init__(self, lab, dump):
        self.lab = lab
        (lab.folder / "objects.json").write_text(json.dumps(dump), encoding="utf-8")
        port_file = lab.folder / "api-port"
        port_file.unlink(missing_ok=True)
        words = [sys.executable, __file__, str(port_file), str(lab.folder / "objects.json")]
        self.process = lab.start(words, ns=None, cpu=labs_client_cpu(), stdin=subprocess.PIPE)
        end = time.monotonic() + 60
        while not port_file.exists() or not port_file.read_text(encoding="ascii").endswith("\n"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"changes.py: {lab.text(self.process)[-1000:]}")
            time.sleep(0.05)
        self.kubeconfig = lab.folder / "changes.kubeconfig"
        url = f"http://127.0.0.1:{port_file.read_text(encoding='ascii').strip()}"
        self.kubeconfig.write_text(KUBECONFIG.format(url=url), encoding="ascii")

    def rate(self, changes_a_second):
        """From now on."""
        self.process.stdin.write(f"{changes_a_second}\n".encode())
        self.process.stdin.flush()

    def stop(self):
        self.lab.stop(self.process)


def labs_client_cpu():
    """The load's CPU: the server's is the server's."""
    from kit import lab  # pylint: disable=import-outside-toplevel

    return lab.CLIENT_CPU


def fill(api, path):
    """The objects of a dump, and the service that changes."""
    plural = {"Namespace": "namespaces", "Service": "services"}
    for item in json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["items"]:
        api.put(plural[item["kind"]], item)
    spec = {"clusterIP": "None", "clusterIPs": ["None"], "type": "ClusterIP", "ports": [{"name": "p", "port": 80}]}
    api.put("services", {"metadata": {"name": NAME, "namespace": SPACE, "uid": "swap"}, "spec": spec})
    api.put("endpointslices", slice_of(0))
    api.history.clear()  # watches begin with everything


def main():
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ROOT / "tests" / "fakeapi"))
    import fakeapi  # pylint: disable=import-outside-toplevel,import-error

    api = fakeapi.FakeApi()
    fill(api, sys.argv[2])
    pathlib.Path(sys.argv[1]).write_text(f"{api.port}\n", encoding="ascii")
    wanted = {"rate": 0.0, "is_over": False}

    def listen():
        for line in sys.stdin:
            wanted["rate"] = float(line)
        wanted["is_over"] = True

    threading.Thread(target=listen, daemon=True).start()
    number, due = 0, time.monotonic()
    while not wanted["is_over"]:
        if wanted["rate"] <= 0:
            time.sleep(0.01)
            due = time.monotonic()
            continue
        number = (number + 1) & 0xFFFF
        api.put("endpointslices", slice_of(number))
        if len(api.history) > 1000:
            with api.lock:
                del api.history[:500]
        due += 1 / wanted["rate"]
        time.sleep(max(0, due - time.monotonic()))
    api.stop()


if __name__ == "__main__":
    main()
