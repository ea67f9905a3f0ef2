# SPDX-License-Identifier: Apache-2.0
"""A small client of the Kubernetes API for tests: the standard library only, keep-alive connections, one per thread."""

import base64
import concurrent.futures
import http.client
import json
import re
import ssl
import threading
import time
import urllib.parse

USER_AGENT = "burst53-tests"  # not curl, Wget or Mozilla: those get pretty-printed JSON

# kind -> (path of the group and version, plural, lives in a namespace)
KINDS = {
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "CustomResourceDefinition": ("/apis/apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "Deployment": ("/apis/apps/v1", "deployments", True),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices", True),
    "Namespace": ("/api/v1", "namespaces", False),
    "Node": ("/api/v1", "nodes", False),
    "Pod": ("/api/v1", "pods", True),
    "Service": ("/api/v1", "services", True),
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "ServiceImport": ("/apis/multicluster.x-k8s.io/v1alpha1", "serviceimports", True),
    "StatefulSet": ("/apis/apps/v1", "statefulsets", True),
}


class KubeError(Exception):
    """The API server answered with an error status."""

    def __init__(self, status, reason, message):
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason


def path_of(kind, namespace=None, name=None, sub=None):
    """The URL path of a collection, an object or a subresource."""
    prefix, plural, namespaced = KINDS[kind]
    parts = [prefix]
    if namespaced and namespace:
        parts += ["namespaces", namespace]
    parts.append(plural)
    parts += [part for part in (name, sub) if part]
    return "/".join(parts)


def object_path(obj, sub=None):
    """The URL path of an object that is at hand."""
    meta = obj["metadata"]
    return path_of(obj["kind"], meta.get("namespace", "default"), meta["name"], sub)


class Kubeconfig:
    """The few fields of a kubeconfig with one cluster and one token, as scripts/cluster writes it."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.server = self._field(text, "server")
        self.token = self._field(text, "token")
        self.ca_pem = base64.b64decode(self._field(text, "certificate-authority-data")).decode()
        url = urllib.parse.urlsplit(self.server)
        self.host, self.port = url.hostname, url.port

    @staticmethod
    def _field(text, key):
        match = re.search(rf"^[\s-]*{key}:\s*(\S+)\s*$", text, re.M)
        if not match:
            raise ValueError(f"the kubeconfig has no field {key}")
        return match.group(1).strip("\"'")


class Kube:
    """One API server. Safe to use from many threads: each has its own connection."""

    def __init__(self, kubeconfig, timeout_s=30):
        self.config = Kubeconfig(kubeconfig)
        self.timeout_s = timeout_s
        self.tls = ssl.create_default_context(cadata=self.config.ca_pem)
        self.local = threading.local()

    def _connect(self, timeout_s):
        return http.client.HTTPSConnection(
            self.config.host, self.config.port, timeout=timeout_s, context=self.tls)

    def _headers(self, content_type):
        return {"Authorization": f"Bearer {self.config.token}", "Accept": "application/json",
                "Content-Type": content_type, "User-Agent": USER_AGENT}

    def raw(self, method, path, body=None, content_type="application/json"):
        """One request; returns (status, bytes). A connection that the server closed meanwhile is opened again once."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        for attempt in (0, 1):
            conn = getattr(self.local, "conn", None)
            if conn is None:
                conn = self.local.conn = self._connect(self.timeout_s)
            try:
                conn.request(method, path, data, self._headers(content_type))
                reply = conn.getresponse()
                return reply.status, reply.read()
            except (http.client.HTTPException, OSError):
                conn.close()
                self.local.conn = None
                if attempt:
                    raise
        raise AssertionError("not reached")

    def request(self, method, path, body=None, content_type="application/json"):
        """One request; returns the decoded JSON or raises KubeError."""
        for _ in range(20):
            status, data = self.raw(method, path, body, content_type)
            if status != 429:
                break
            time.sleep(0.2)
        try:
            doc = json.loads(data) if data else {}
        except ValueError:
            doc = {"message": data.decode(errors="replace")}
        if status >= 400:
            raise KubeError(status, doc.get("reason", ""), doc.get("message", ""))
        return doc

    def get(self, kind, namespace=None, name=None):
        """One object."""
        return self.request("GET", path_of(kind, namespace, name))

    def list(self, kind, namespace=None, selector=None):
        """All objects of a kind, page by page, each with its kind filled in."""
        items, token = [], ""
        while True:
            query = {"limit": "500", "continue": token}
            if selector:
                query["labelSelector"] = selector
            doc = self.request("GET", f"{path_of(kind, namespace)}?{urllib.parse.urlencode(query)}")
            version = doc["apiVersion"]
            items += [{"apiVersion": version, "kind": kind, **item} for item in doc["items"]]
            token = doc["metadata"].get("continue", "")
            if not token:
                return items

    def create(self, obj):
        """Creates an object; the answer is what the server stored."""
        return self.request("POST", path_of(obj["kind"], obj["metadata"].get("namespace", "default")), obj)

    def try_out(self, obj):
        """What the server would store, had it been asked to create the object."""
        path = path_of(obj["kind"], obj["metadata"].get("namespace", "default"))
        return self.request("POST", path + "?dryRun=All", obj)

    def replace(self, obj):
        """Replaces a whole object (without resourceVersion: whatever is there)."""
        return self.request("PUT", object_path(obj), obj)

    def apply(self, obj):
        """Creates an object, or merges it into the one that is there."""
        try:
            return self.create(obj)
        except KubeError as err:
            if err.status != 409:
                raise
        return self.patch(obj["kind"], obj["metadata"].get("namespace", "default"), obj["metadata"]["name"], obj)

    def patch(self, kind, namespace, name, change, sub=None):
        """Merges a change into an object or its subresource (a None deletes the field)."""
        return self.request("PATCH", path_of(kind, namespace, name, sub), change,
                            "application/merge-patch+json")

    def scale(self, kind, namespace, name, replicas):
        """Sets the number of replicas, as `kubectl scale` does."""
        return self.patch(kind, namespace, name, {"spec": {"replicas": replicas}}, "scale")

    def delete(self, kind, namespace, name, missing_ok=False):
        """Deletes an object at once (no grace period)."""
        try:
            return self.request("DELETE", path_of(kind, namespace, name), {"gracePeriodSeconds": 0})
        except KubeError as err:
            if err.status != 404 or not missing_ok:
                raise
        return None

    def bulk(self, function, items, connections=16):
        """Calls function(item) for each item over many connections; returns the results in order."""
        with concurrent.futures.ThreadPoolExecutor(connections) as pool:
            return list(pool.map(function, items))

    def create_all(self, objs, connections=16):
        """Creates many objects; the order among them is not kept."""
        return self.bulk(self.create, objs, connections)

    def watch(self, kind, version="", timeout_s=10):
        """Yields (type, object) of a watch until the time is over."""
        query = urllib.parse.urlencode({"watch": "true", "resourceVersion": version,
                                        "timeoutSeconds": str(int(timeout_s))})
        conn = self._connect(timeout_s + 10)
        try:
            conn.request("GET", f"{path_of(kind)}?{query}", None, self._headers("application/json"))
            reply = conn.getresponse()
            for line in reply:
                event = json.loads(line)
                yield event["type"], event["object"]
        finally:
            conn.close()

    def ready(self):
        """Whether /readyz says ok; never raises."""
        try:
            return self.raw("GET", "/readyz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False


def wait(what, condition, timeout_s=30, step_s=0.05):
    """Polls condition() until it is true and returns its value; TimeoutError names what was waited for."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(step_s)
