# SPDX-License-Identifier: Apache-2.0
"""Stands between a client and the API server: passes everything on, can be cut, and can shorten watches."""

import asyncio
import re
import socket
import ssl
import threading

from asking import in_netns

TIMEOUT = re.compile(rb"timeoutSeconds=\d+")


class Between:
    """A relay to a cluster's API server. It listens on a loopback port, of a namespace if one is named; with watch_s
    it speaks TLS itself, with the API server's certificate, so that it can change what is asked."""

    def __init__(self, cluster, netns=None, port=0, watch_s=None):
        self.cluster, self.watch_s = cluster, watch_s
        self.target = cluster.kube.config.host, cluster.kube.config.port
        self.requests = 0  # chunks that ask for a watch; counted with watch_s only
        self.is_cut = False
        self.writers = set()
        self.inside = self.outside = None
        if watch_s is not None:
            self._make_tls()
        family = socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET
        self.sock = in_netns(netns, lambda: socket.socket(family, socket.SOCK_STREAM))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((self.target[0], port))
        self.port = self.sock.getsockname()[1]
        self.loop = self.stopped = None
        self.started = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)

    def _make_tls(self):
        certs = self.cluster.folder / "certs"
        self.inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inside.load_cert_chain(certs / "apiserver.crt", certs / "apiserver.key")
        self.outside = ssl.create_default_context(cadata=self.cluster.kube.config.ca_pem)

    def __enter__(self):
        self.thread.start()
        assert self.started.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stopped.set)
        self.thread.join(10)

    async def _main(self):
        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, sock=self.sock, ssl=self.inside)
        self.started.set()
        await self.stopped.wait()
        server.close()
        self._abort()
        await asyncio.sleep(0.05)  # connections that were being accepted

    def _call(self, function):
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (function(), done.set()))
        done.wait(5)

    def _abort(self):
        for writer in list(self.writers):
            writer.transport.abort()

    def cut(self):
        """Breaks every connection and takes no new one."""
        self.is_cut = True
        self._call(self._abort)

    def mend(self):
        """As if nothing had been."""
        self.is_cut = False

    def _change(self, data):
        if self.watch_s is None:
            return data
        changed, n = TIMEOUT.subn(b"timeoutSeconds=%d" % self.watch_s, data)
        self.requests += n
        return changed

    async def _pump(self, reader, writer, change):
        try:
            while data := await reader.read(65536):
                writer.write(change(data))
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def _serve(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target, ssl=self.outside)
        except OSError:
            writer.transport.abort()
            return
        mine = {writer, far_writer}
        self.writers |= mine
        try:
            await asyncio.gather(self._pump(reader, far_writer, self._change),
                                 self._pump(far_reader, writer, lambda data: data))
        finally:
            self.writers -= mine

    def kubeconfig(self, path):
        """burst53's kubeconfig with this relay in the API server's place."""
        text = self.cluster.ours.read_text(encoding="utf-8")
        path.write_text(text.replace(f":{self.target[1]}\n", f":{self.port}\n"), encoding="utf-8")
        return path
