# SPDX-License-Identifier: Apache-2.0
"""An API server that fails on demand: lists, pages, streaming lists and watches of a few resources, and faults that a
real server cannot be asked for."""

import json
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PATHS = {
    "namespaces": ("/api/v1/namespaces", "Namespace", "v1"),
    "services": ("/api/v1/services", "Service", "v1"),
    "pods": ("/api/v1/pods", "Pod", "v1"),
    "endpointslices": ("/apis/discovery.k8s.io/v1/endpointslices", "EndpointSlice", "discovery.k8s.io/v1"),
}


class Fault:
    """One reply that goes wrong. Fields that are None do not apply."""

    def __init__(self, status=None, headers=None, body=b"", raw=None, cut_after=None, hang=None, events=None):
        self.status = status
        self.headers = headers or {}
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.raw = raw  # bytes instead of a whole reply, then the connection closes
        self.cut_after = cut_after  # so many bytes of the true body, then the connection closes
        self.hang = hang  # "head": silence before the reply; "body": after its head
        self.events = events  # a watch of just these lines and pauses (in seconds), which then ends


def status(code, reason, message="", details=None):
    """A Status as the API server sends it."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message or reason,
            "reason": reason, "code": code, "details": details or {}}


class FakeApi:
    """The server and its objects. All methods may be called from any thread."""

    def __init__(self, tls=None):
        self.lock = threading.Condition()
        self.objects = {name: {} for name in PATHS}
        self.history = []  # (rv, resource, type, object)
        self.rv = 1000
        self.oldest = 0  # watches from before get 410
        self.streaming = True  # sendInitialEvents
        self.initial_pause_s = 0  # from the reading of what exists to its sending
        self.faults = {name: [] for name in PATHS}
        self.requests = []  # (resource, query, headers)
        self.checks = 0  # lists of one object
        self.tokens = None  # None: anybody
        self.watch_life_s = None  # ends watches sooner than asked
        self.silent = False  # watches send nothing any more, not even their end
        self.hidden = set()  # resource versions that watches leave out
        self.cut = 0  # changes: all running watches end
        self.stopping = False
        server = self

        class Handler(_Handler):
            """Bound to this server."""
            api = server

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.port = self.http.server_address[1]
        scheme = "http"
        if tls:
            self.wrap(tls)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def wrap(self, tls):
        """Speaks TLS with (certificate, key, client CA or None)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls[0], tls[1])
        if tls[2]:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(tls[2])
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)

    def stop(self):
        """Ends all."""
        with self.lock:
            self.stopping = True
            self.lock.notify_all()
        self.http.shutdown()
        self.http.server_close()

    def put(self, resource, obj):
        """Adds or replaces; returns the resource version."""
        with self.lock:
            self.rv += 1
            meta = dict(obj["metadata"], resourceVersion=str(self.rv))
            _, kind, version = PATHS[resource]
            new = {"kind": kind, "apiVersion": version, **obj, "metadata": meta}
            key = (meta.get("namespace", ""), meta["name"])
            event = "MODIFIED" if key in self.objects[resource] else "ADDED"
            self.objects[resource][key] = new
            self.history.append((self.rv, resource, event, new))
            self.lock.notify_all()
            return self.rv

    def delete(self, resource, namespace, name):
        """Removes it."""
        with self.lock:
            self.rv += 1
            old = self.objects[resource].pop((namespace, name))
            gone = dict(old, metadata=dict(old["metadata"], resourceVersion=str(self.rv)))
            self.history.append((self.rv, resource, "DELETED", gone))
            self.lock.notify_all()

    def send(self, resource, event, obj):
        """Puts an event into the watches, whatever it is, without touching the objects."""
        with self.lock:
            self.rv += 1
            self.history.append((self.rv, resource, event, obj))
            self.lock.notify_all()

    def bookmark(self, resource, rv=None):
        """Sends a bookmark."""
        _, kind, version = PATHS[resource]
        self.send(resource, "BOOKMARK", {"kind": kind, "apiVersion": version,
                                         "metadata": {"resourceVersion": str(rv or self.rv)}})

    def fail(self, resource, *faults):
        """The next requests go wrong, in this order."""
        with self.lock:
            self.faults[resource].extend(faults)

    def compact(self):
        """Forgets the history: watches that begin before now get 410."""
        with self.lock:
            self.oldest = self.rv

    def end_watches(self):
        """All running watches end as they do after their time."""
        with self.lock:
            self.cut += 1
            self.lock.notify_all()

    def queries(self, resource):
        """The queries so far."""
        with self.lock:
            return [query for name, query, _ in self.requests if name == resource]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api = None

    def setup(self):
        self.request.settimeout(30)
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def reply(self, code, body, headers=None):
        """A whole reply."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for key, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):  # pylint: disable=invalid-name
        """One request."""
        api = self.api
        url = urlsplit(self.path)
        query = {key: value[0] for key, value in parse_qs(url.query, keep_blank_values=True).items()}
        resource = next((name for name, path in PATHS.items() if path[0] == url.path), None)
        if resource is None:
            self.reply(404, status(404, "NotFound"))
            return
        if query == {"limit": "1"}:
            api.checks += 1  # of the version: no part of any script
            self.list(resource, query)
            return
        with api.lock:
            api.requests.append((resource, query, self.headers))
            fault = api.faults[resource].pop(0) if api.faults[resource] else None
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if api.tokens is not None and bearer not in api.tokens:
            self.reply(401, status(401, "Unauthorized"))
        elif fault:
            self.fault(fault, resource, query)
        elif query.get("watch") == "true":
            self.watch(resource, query)
        else:
            self.list(resource, query)

    def fault(self, fault, resource, query):
        """A reply that goes wrong."""
        if fault.hang == "head":
            self.hang()
        elif fault.raw is not None:
            self.wfile.write(fault.raw)
            self.close_connection = True
        elif fault.status is not None:
            self.reply(fault.status, fault.body, fault.headers)
        elif fault.events is not None:
            self.start_stream()
            for line in fault.events:
                if isinstance(line, float):
                    time.sleep(line)
                    continue
                self.chunk(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
            if fault.hang == "body":
                self.hang()
            self.end_stream()
        elif fault.cut_after is not None:
            data = json.dumps(self.page(resource, query)).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                             % len(data) + data[:fault.cut_after])
            self.close_connection = True

    def hang(self):
        """Nothing happens any more, the connection stays."""
        with self.api.lock:
            self.api.lock.wait_for(lambda: self.api.stopping, 30)
        self.close_connection = True

    def page(self, resource, query):
        """A list or a part of it."""
        api = self.api
        _, kind, version = PATHS[resource]
        with api.lock:
            items = [obj for _, obj in sorted(api.objects[resource].items())]
            rv = api.rv
        start = 0
        if "continue" in query:
            rv, start = (int(part) for part in query["continue"].split(":"))
        limit = int(query.get("limit", "0")) or len(items)
        meta = {"resourceVersion": str(rv)}
        if start + limit < len(items):
            meta["continue"] = f"{rv}:{start + limit}"
        bare = [{k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} for obj in items[start:start + limit]]
        return {"kind": kind + "List", "apiVersion": version, "metadata": meta, "items": bare}

    def list(self, resource, query):
        """A list."""
        if "continue" in query and int(query["continue"].split(":")[0]) < self.api.oldest:
            self.reply(410, status(410, "Expired", "the continue token is too old"))
        else:
            self.reply(200, self.page(resource, query))

    def start_stream(self):
        """The head of a watch."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def chunk(self, data):
        """A part of a watch."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def end_stream(self):
        """The end of a watch as the server means it."""
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def event(self, kind, obj):
        """One event of a watch."""
        self.chunk(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def initial_events(self, resource):
        """All that exists, then the bookmark that ends it; returns the version it is of."""
        api = self.api
        _, kind, version = PATHS[resource]
        with api.lock:
            items = [obj for _, obj in sorted(api.objects[resource].items())]
            rv = api.rv
        time.sleep(api.initial_pause_s)
        for obj in items:
            self.event("ADDED", obj)
        self.event("BOOKMARK", {"kind": kind, "apiVersion": version, "metadata": {
            "resourceVersion": str(rv), "annotations": {"k8s.io/initial-events-end": "true"}}})
        return rv

    def watch(self, resource, query):
        """A watch, from a version or with initial events."""
        api = self.api
        initial = query.get("sendInitialEvents") == "true"
        since = int(query.get("resourceVersion", "0") or "0")
        if initial and not api.streaming:
            self.reply(422, status(422, "Invalid", "sendInitialEvents: Forbidden"))
            return
        if not initial and since < api.oldest:
            self.start_stream()
            self.event("ERROR", status(410, "Expired", f"too old resource version: {since} ({api.oldest})"))
            self.end_stream()
            return
        with api.lock:
            cut = api.cut
        self.start_stream()
        if initial:
            since = self.initial_events(resource)
        life = api.watch_life_s or float(query.get("timeoutSeconds", "1800"))
        self.follow(resource, since, time.monotonic() + life, cut)

    def follow(self, resource, since, until, cut):
        """Live events until the end of the watch."""
        api = self.api
        while True:
            with api.lock:
                fresh = [entry for entry in api.history if entry[0] > since and entry[1] == resource]
                if not fresh and cut == api.cut and not api.stopping:
                    left = until - time.monotonic()
                    if left > 0:
                        api.lock.wait(min(left, 0.5))
                over = cut != api.cut or api.stopping or time.monotonic() >= until
                silent = api.silent
            if silent:
                self.hang()
                return
            for rv, _, kind, obj in fresh:
                since = rv
                if rv not in api.hidden:
                    self.event(kind, obj)
            if over and not fresh:
                self.end_stream()
                return
