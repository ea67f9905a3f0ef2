# SPDX-License-Identifier: Apache-2.0
"""The failure modes of an API server, row by row: what is served never becomes empty, torn or silently old."""

import json
import time

from fakeapi import Fault, status
from probing import Probe, service


def test_a_streamed_list_fills_live_at_its_bookmark(api, probe):
    p = probe()
    assert p.wait("synced") == "synced services 1003 3"
    query = api.queries("services")[0]
    assert query["sendInitialEvents"] == "true"
    assert query["resourceVersionMatch"] == "NotOlderThan"
    assert query["allowWatchBookmarks"] == "true"
    assert 300 <= int(query["timeoutSeconds"]) <= 600
    assert "resourceVersion" not in query
    headers = api.requests[0][2]
    assert "Accept-Encoding" not in headers
    assert headers["User-Agent"].startswith("burst53-control/")
    api.put("services", service("d"))
    assert p.wait("put live") == "put live services ns/d 1004"
    api.delete("services", "ns", "a")
    assert p.wait("del live") == "del live services ns/a"
    assert p.names() == ["ns/b", "ns/c", "ns/d"]
    assert p.stats()["requests"] == 1


def test_f25_a_refused_streaming_list_falls_back_to_pages_and_is_remembered(api, probe):
    api.streaming = False
    p = probe(timing={"page": 2})
    assert p.wait("synced") == "synced services 1003 3"
    p.until(lambda s: s["phase"] == "watching")
    api.put("services", service("d"))
    p.wait("put live services ns/d")
    queries = api.queries("services")
    assert [q.get("limit") for q in queries] == [None, "2", "2", None]
    assert "resourceVersion" not in queries[2] and queries[2]["continue"] == "1003:2"
    assert queries[3]["resourceVersion"] == "1003"
    p.say("relist services")
    p.until(lambda s: s["relist_audit"] == 1)
    p.wait("abandoned")
    assert sum("sendInitialEvents" in q for q in api.queries("services")) == 1
    assert p.stats()["refused"] == 1


def test_f25_a_storage_without_the_feature_says_so_inside_the_stream(api, probe):
    api.fail("services", Fault(events=[{"type": "ERROR", "object": status(
        500, "InternalError", "etcd event received with RequestWatchProgress is not supported")}]))
    p = probe()
    assert p.wait("synced") == "synced services 1003 3"
    assert "limit" in api.queries("services")[1]


def test_f25_a_server_that_ignores_the_wish_is_found_out_by_its_bookmark(api, probe):
    api.fail("services", Fault(events=[
        {"type": "ADDED", "object": {"kind": "Service", **service("a", resourceVersion="7")}},
        {"type": "BOOKMARK", "object": {"kind": "Service", "metadata": {"resourceVersion": "9"}}}], hang="body"))
    p = probe()
    assert p.wait("synced") == "synced services 1003 3"


def test_f1_nothing_is_synced_by_a_stream_that_breaks_before_its_bookmark(api, probe):
    api.fail("services", Fault(events=[
        {"type": "ADDED", "object": {"kind": "Service", **service("a", resourceVersion="7")}}]))
    p = probe()
    assert p.wait("abandoned") == "abandoned services"
    assert p.wait("synced") == "synced services 1003 3"
    assert p.stats()["list_cut"] == 1


def test_f2_an_api_that_is_down_is_tried_until_it_is_there(api, probe):
    api.fail("services", *[Fault(raw=b"")] * 3)
    p = probe()
    p.wait("synced services")
    stats = p.stats()
    assert stats["list_cut"] + stats["list_connect"] == 3
    assert stats["failing"] == 0
    assert "cannot read from the API yet" in p.logged("cannot read")
    p.logged("can be followed again")


def test_f3_an_api_that_goes_away_leaves_the_data(api, probe):
    p = probe()
    p.wait("synced services")
    api.fail("services", *[Fault(status=500, body=status(500, "InternalError"))] * 3)
    api.end_watches()
    p.until(lambda s: s["watch_server_error"] == 3 and s["failing"] == 0)
    assert "begin services" not in p.seen[p.seen.index("synced services 1003 3"):]
    assert p.names() == ["ns/a", "ns/b", "ns/c"]
    p.logged("the last data stays")


def test_f4_a_page_that_is_cut_discards_the_whole_list(api, probe):
    api.streaming = False
    for cut in (30, 200, 500):
        api.fail("services", Fault(status=422, body=status(422, "Invalid")), Fault(cut_after=cut))
        p = probe(timing={"page": 2})
        p.wait("abandoned")
        p.wait("abandoned")
        assert p.wait("synced") == "synced services 1003 3"
        assert p.stats()["list_cut"] == 1
        p.quit()  # its next request would take the next fault


def test_f4_pages_of_different_versions_are_no_list(api, probe):
    api.streaming = False
    page = {"kind": "ServiceList", "apiVersion": "v1", "metadata": {"resourceVersion": "9", "continue": "1003:2"},
            "items": []}
    api.fail("services", Fault(status=422, body=status(422, "Invalid")), Fault(status=200, body=page))
    p = probe(timing={"page": 2})
    p.wait("abandoned")
    p.wait("abandoned")
    assert p.wait("synced") == "synced services 1003 3"
    assert p.stats()["list_content"] >= 0


def test_f5_a_list_that_lacks_most_objects_must_be_confirmed(api, probe):
    for i in range(40):
        api.put("services", service(f"s{i}"))
    p = probe(timing={"shrink_objects": 10})
    p.wait("synced services")
    api.compact()
    api.fail("services", Fault(events=[{"type": "ERROR", "object": status(410, "Expired")}]), Fault(events=[
        {"type": "BOOKMARK", "object": {"kind": "Service", "metadata": {
            "resourceVersion": "2000", "annotations": {"k8s.io/initial-events-end": "true"}}}}], hang="body"))
    api.end_watches()
    p.wait("abandoned services")
    p.logged("a second one must confirm it")
    assert p.wait("synced").endswith(" 43")
    stats = p.stats()
    assert stats["held"] == 1 and stats["relist_shrink"] == 1
    # When it is true, the second list says so too.
    for i in range(40):
        with api.lock:
            api.objects["services"].pop(("ns", f"s{i}"))
    api.compact()
    api.put("services", service("late"))
    api.compact()
    api.end_watches()
    p.wait("abandoned services")
    assert p.wait("synced").endswith(" 4")
    assert p.stats()["held"] == 2


def test_f5_deletes_that_come_as_events_pass(api, probe):
    for i in range(40):
        api.put("services", service(f"s{i}"))
    p = probe(timing={"shrink_objects": 10})
    p.wait("synced services")
    for i in range(40):
        api.delete("services", "ns", f"s{i}")
    p.wait("del live services ns/s39")
    assert p.names() == ["ns/a", "ns/b", "ns/c"]
    assert p.stats()["held"] == 0


def test_f6_a_401_reads_the_token_again_at_once(api, tmp_path):
    token = tmp_path / "token"
    token.write_text("old\n")
    api.tokens = {"old"}
    p = Probe("--endpoint", api.url, "--token-file", str(token), "--kind", "services", timing={"backoff": 5000})
    p.wait("synced services")
    token.write_text("new\n")
    api.tokens = {"new"}
    api.end_watches()
    stats = p.until(lambda s: s["watch_unauthorized"] == 1 and s["failing"] == 0)
    assert stats["requests"] == 3
    api.put("services", service("d"))
    p.wait("put live services ns/d", timeout_s=3)
    # With a token that stays wrong it goes on as with any failure, and the data stays.
    api.tokens = {"other"}
    api.end_watches()
    p.until(lambda s: s["watch_unauthorized"] == 3)
    assert p.names() == ["ns/a", "ns/b", "ns/c", "ns/d"]
    p.quit()


def test_f7_a_403_names_the_rule_that_is_missing(api, probe):
    api.fail("services", *[Fault(status=403, body=status(403, "Forbidden", "cannot list"))] * 2)
    p = probe()
    p.wait("synced services")
    line = p.logged("lacks a rule")
    assert 'resources: [\\"services\\"]' in line and 'verbs: [\\"list\\", \\"watch\\"]' in line
    assert p.stats()["list_forbidden"] == 2


def test_f8_an_expired_version_reads_all_again_without_a_gap(api, probe):
    p = probe()
    p.wait("synced services")
    with api.lock:
        api.objects["services"].pop(("ns", "a"))
        api.rv += 50
    api.compact()
    api.end_watches()
    assert p.wait("synced").endswith(" 2")
    assert p.names() == ["ns/b", "ns/c"]
    stats = p.stats()
    assert stats["relist_gone"] == 1 and stats["watch_gone"] == 1


def test_f8_a_410_as_the_status_of_the_reply_does_the_same(api, probe):
    p = probe()
    p.wait("synced services")
    api.fail("services", Fault(status=410, body=status(410, "Gone")))
    api.end_watches()
    p.wait("synced services")
    assert p.stats()["relist_gone"] == 1


def test_f8_a_version_that_the_server_has_not_reached_reads_all_again(api, probe):
    p = probe()
    p.wait("synced services")
    api.fail("services", Fault(status=504, body=status(504, "Timeout", "Too large resource version: 99, current: 2", {
        "causes": [{"reason": "ResourceVersionTooLarge"}], "retryAfterSeconds": 0})))
    api.end_watches()
    p.wait("synced services")
    assert p.stats()["relist_too_large"] == 1


def test_a_page_token_that_expires_is_followed_by_one_list_without_pages(api, probe):
    api.streaming = False
    api.fail("services", Fault(status=422, body=status(422, "Invalid")), Fault(status=200, body={
        "kind": "ServiceList", "metadata": {"resourceVersion": "9", "continue": "9:2"}, "items": []}))
    api.oldest = 500
    p = probe(timing={"page": 2})
    assert p.wait("synced") == "synced services 1003 3"
    limits = [q.get("limit") for q in api.queries("services")]
    assert limits == [None, "2", "2", None, None][:len(limits)]
    assert p.stats()["list_gone"] == 1


def test_f9_versions_that_go_back_read_all_again(api, probe):
    p = probe()
    p.wait("synced services")
    with api.lock:
        api.rv = 600
        api.history = [(1004, "services", "BOOKMARK", {"kind": "Service", "metadata": {"resourceVersion": "500"}})]
        api.lock.notify_all()
    p.wait("begin services")
    with api.lock:
        api.history.clear()
    assert p.wait("synced services").endswith(" 3")
    stats = p.stats()
    assert stats["relist_backwards"] >= 1


def test_f9_a_server_that_is_behind_is_noticed_though_its_watch_says_nothing(api, probe):
    p = probe()
    p.wait("synced services")
    with api.lock:
        api.objects["services"].pop(("ns", "a"))
        api.history.clear()
        api.rv = 700
    api.end_watches()
    p.wait("synced services 700 2")
    assert p.stats()["relist_backwards"] == 1 and api.checks == 1
    p.logged("the server is behind")
    api.end_watches()
    p.until(lambda s: s["phase"] == "watching" and api.checks == 2)
    assert p.names() == ["ns/b", "ns/c"]


def test_f10_an_audit_finds_and_repairs_what_the_watch_missed(api, probe):
    p = probe(timing={"audit": 300})
    p.wait("synced services")
    with api.lock:
        api.hidden.update({api.rv + 1, api.rv + 2})
    api.put("services", service("lost"))
    api.delete("services", "ns", "a")
    p.wait("synced services", timeout_s=10)
    assert p.names() == ["ns/b", "ns/c", "ns/lost"]
    assert p.stats()["drift"] == 2
    p.logged("an audit found objects")


def test_f10_an_audit_that_finds_nothing_changes_nothing(api, probe):
    p = probe()
    p.wait("synced services")
    p.say("relist services")
    p.wait("begin services")
    api.put("services", service("d"))
    p.wait("abandoned services")
    p.quiet_for("synced", 0.2)
    stats = p.stats()
    assert stats["drift"] == 0 and stats["relist_audit"] == 1
    assert p.names() == ["ns/a", "ns/b", "ns/c", "ns/d"]
    api.put("services", service("e"))
    p.wait("put live services ns/e")


def test_f9_a_list_older_than_a_live_event_that_overtook_it_is_no_step_back(api, probe):
    p = probe()
    p.wait("synced services")
    api.initial_pause_s = 0.5
    p.say("relist services")
    p.until(lambda s: len(api.queries("services")) >= 2)
    time.sleep(0.1)
    api.put("services", service("d"))
    p.wait("put live services ns/d")
    p.wait("abandoned services")
    stats = p.stats()
    assert (stats["relist_backwards"], stats["drift"], stats["relist_audit"]) == (0, 0, 1)
    assert p.names() == ["ns/a", "ns/b", "ns/c", "ns/d"]


def test_f11_a_connection_that_is_silent_for_too_long_is_given_up(api, probe):
    p = probe(timing={"silence": 400})
    p.wait("synced services")
    api.silent = True
    api.put("services", service("d"))
    p.until(lambda s: s["watch_timeout"] == 1)
    api.silent = False
    p.wait("put live services ns/d")


def test_f11_a_server_that_never_replies_is_given_up(api, probe):
    api.fail("services", Fault(hang="head"))
    p = probe(timing={"silence": 400})
    p.wait("synced services")
    assert p.stats()["list_timeout"] == 1


def test_f13_an_object_that_cannot_be_read_is_skipped_and_what_was_known_stays(api, probe):
    p = probe()
    p.wait("synced services")
    api.fail("services", Fault(events=[
        b'{"type":"MODIFIED","object":{"kind":"Service","metadata":{"name":"b","namespace":"ns",'
        b'"resourceVersion":"1100"},"spec":{"clusterIP":"\xff\xfe"}}}\n',
        {"type": "MODIFIED", "object": {"kind": "Service", **service("c", resourceVersion="1101", ips=("10.9.9.9",))}},
        {"type": "MODIFIED", "object": {"kind": "Pod", **service("x", resourceVersion="1102")}},
        {"type": "STRANGE", "object": {"kind": "Service", **service("y", resourceVersion="1103")}},
        {"type": "ADDED", "object": {"kind": "Service", "metadata": {"resourceVersion": "1104"}}},
    ], hang="body"))
    api.end_watches()
    assert p.wait("put live") == "put live services ns/c 1101"
    stats = p.until(lambda s: s["skipped"] == 4)
    assert stats["failing"] == 0
    assert p.names() == ["ns/a", "ns/b", "ns/c"]
    assert "name=b" in p.logged("object skipped")


def test_f13_a_list_with_an_unreadable_object_keeps_the_one_known_before(api, probe):
    api.streaming = False
    p = probe()
    p.wait("synced services")
    api.fail("services", Fault(events=[{"type": "ERROR", "object": status(410, "Expired")}]), Fault(
        status=200, body=b'{"kind":"ServiceList","metadata":{"resourceVersion":"1200"},"items":['
        b'{"metadata":{"name":"a","namespace":"ns","resourceVersion":"3"},"spec":{}},'
        b'{"metadata":{"name":"b","namespace":"ns","resourceVersion":"4"},"spec":{"type":"\xff"}}]}'))
    api.end_watches()
    p.wait("synced services 1200 2")
    assert p.names() == ["ns/a", "ns/b"]


def test_f13_a_nul_in_an_annotation_poisons_nothing(api, probe):
    api.put("services", service("nul", annotations={"tenant": "a\0b"}))
    api.put("services", {"metadata": {"name": "n\0m", "namespace": "ns"}, "spec": {}})
    p = probe()
    assert p.wait("synced").endswith(" 4")
    assert p.names() == ["ns/a", "ns/b", "ns/c", "ns/nul"]


def test_an_object_without_a_version_breaks_the_stream(api, probe):
    p = probe()
    p.wait("synced services")
    api.fail("services", Fault(events=[{"type": "ADDED", "object": {"kind": "Service", **service("z")}}], hang="body"))
    api.end_watches()
    p.wait("synced services 1003 3")
    assert p.stats()["relist_broken"] == 1


def test_429_is_asked_again_when_the_server_says(api, probe):
    p = probe()
    p.wait("synced services")
    api.fail("services", Fault(status=429, headers={"Retry-After": "1"}, body=status(429, "TooManyRequests")))
    api.end_watches()
    p.until(lambda s: s["watch_too_many_requests"] == 1)
    p.say("stats services")
    api.put("services", service("d"))
    p.quiet_for("put", 0.8)
    p.wait("put live services ns/d")
    assert p.stats()["relist_first"] == 1 and "begin services" not in p.seen[3:]


def test_an_error_event_with_429_goes_on_from_the_same_version(api, probe):
    p = probe()
    p.wait("synced services")
    api.fail("services", Fault(events=[{"type": "ERROR", "object": status(429, "TooManyRequests")}]))
    api.end_watches()
    api.put("services", service("d"))
    p.wait("put live services ns/d")
    assert [q.get("resourceVersion") for q in api.queries("services")][1:] == ["1003", "1003"]


def test_f21_watches_that_end_at_once_slow_down_and_then_read_all_again(api, probe):
    p = probe(timing={"short_watch": 500})
    p.wait("synced services")
    api.fail("services", *[Fault(events=[])] * 3)
    api.end_watches()
    p.wait("synced services", timeout_s=10)
    assert p.stats()["relist_short_watches"] == 1
    assert p.names() == ["ns/a", "ns/b", "ns/c"]


def test_a_watch_that_ends_in_time_goes_on_at_once_from_its_bookmark(api, probe):
    p = probe(timing={"backoff": 5000})
    p.wait("synced services")
    api.bookmark("services", 1004)
    p.until(lambda s: s["bookmarks"] == 2)
    api.end_watches()
    p.until(lambda s: s["requests"] == 2 and s["phase"] == "watching")
    api.put("services", service("d"))
    p.wait("put live services ns/d", timeout_s=2)
    assert api.queries("services")[1]["resourceVersion"] == "1004"


def test_f23_a_login_page_is_no_list(api, probe):
    page = Fault(status=200, headers={"Content-Type": "text/html"}, body=b"<html>log in</html>")
    api.fail("services", page)
    p = probe()
    p.wait("synced services")
    stats = p.stats()
    assert stats["list_content"] == 1
    api.fail("services", page)
    api.end_watches()
    p.until(lambda s: s["watch_content"] == 1)
    p.wait("synced services")
    assert p.names() == ["ns/a", "ns/b", "ns/c"]


def test_f23_json_that_is_no_list_is_none(api, probe):
    api.streaming = False
    for body in ({"kind": "PodList", "metadata": {"resourceVersion": "5"}, "items": []}, {"hello": 1},
                 {"kind": "ServiceList", "metadata": {}, "items": []}, [1, 2], "text"):
        api.fail("services", Fault(status=422, body=status(422, "Invalid")), Fault(status=200, body=json.dumps(
            body).encode()))
        p = probe()
        p.wait("synced services 1003 3")
        assert p.stats()["list_content"] == 1, body


def test_f23_a_redirect_is_not_followed(api, probe):
    api.fail("services", Fault(status=302, headers={"Location": "http://127.0.0.1:9/"}))
    p = probe()
    p.wait("synced services")
    assert p.stats()["list_content"] == 1


def test_a_resource_that_the_server_does_not_know_is_tried_again(api, probe):
    p = probe("--kind", "serviceimports")
    p.until(lambda s: s["list_not_found"] >= 2, kind="serviceimports")
    assert p.stats("serviceimports")["synced"] == 0


def test_one_resource_that_fails_does_not_stop_the_others(api, probe):
    api.put("namespaces", {"metadata": {"name": "ns"}})
    api.fail("services", *[Fault(status=500)] * 4)
    p = probe("--kind", "services", "--kind", "namespaces")
    p.wait("synced namespaces")
    p.wait("synced services")


def test_everything_is_given_back_whenever_it_ends(api, probe):
    api.streaming = False
    for _ in range(3):
        p = probe("--kind", "services", "--kind", "namespaces", "--kind", "endpointslices", "--kind", "pods")
        p.wait("begin")
        p.quit()


def test_a_list_that_is_asked_for_while_one_is_read_is_read_after_it(api, probe):
    api.fail("services", Fault(events=[
        {"type": "ADDED", "object": {"kind": "Service", **service("a", resourceVersion="7")}}, 0.4,
        {"type": "BOOKMARK", "object": {"kind": "Service", "metadata": {
            "resourceVersion": "1003", "annotations": {"k8s.io/initial-events-end": "true"}}}}], hang="body"))
    p = probe()
    p.wait("put next")
    p.say("relist services")
    p.wait("abandoned services")
    assert p.wait("synced services") == "synced services 1003 3"
