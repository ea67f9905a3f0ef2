# SPDX-License-Identifier: Apache-2.0
"""What is written into etcd is what the API server would have stored."""

import fixtures
from kit import fill

PLAN = fixtures.Plan(services=10, endpoints=100, namespaces=2, pods=True)


def written():
    shapes = {fill.shape_of(obj): [{"manager": str(fill.shape_of(obj))}] for obj in fixtures.everything(PLAN)}
    return list(fill.stored(fixtures.everything(PLAN), shapes))


def of_kind(objects, kind):
    return [obj for obj in objects if obj["kind"] == kind]


def test_every_object_has_an_identity_of_its_own():
    objects = written()
    assert len({obj["metadata"]["uid"] for obj in objects}) == len(objects)
    assert len({fill.key_of(obj) for obj in objects}) == len(objects)


def test_every_service_with_an_address_holds_it_alone():
    services = [s for s in of_kind(written(), "Service") if s["spec"]["clusterIP"] != "None"]
    held = {a["metadata"]["name"]: a["spec"]["parentRef"]["name"] for a in of_kind(written(), "IPAddress")}
    assert held == {s["spec"]["clusterIP"]: s["metadata"]["name"] for s in services}
    assert len(held) == 8  # every fifth is headless


def test_headless_services_keep_none():
    headless = [s for s in of_kind(written(), "Service") if s["metadata"]["name"] == "svc-4"][0]
    assert headless["spec"]["clusterIPs"] == ["None"]


def test_the_record_of_writers_is_that_of_the_same_shape():
    service, headless = (s for s in of_kind(written(), "Service") if s["metadata"]["name"] in ("svc-0", "svc-4"))
    assert service["metadata"]["managedFields"] != headless["metadata"]["managedFields"]


def test_keys_are_those_of_the_api_server():
    keys = {fill.key_of(obj) for obj in written()}
    assert {"/registry/namespaces/load-0", "/registry/services/specs/load-0/svc-0", "/registry/pods/load-0/svc-0-pod-0",
            "/registry/endpointslices/load-0/svc-0-0", "/registry/ipaddresses/10.96.1.0"} <= keys


def test_batches_hold_everything_once():
    assert list(fill.batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
