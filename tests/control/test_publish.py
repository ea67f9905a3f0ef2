# SPDX-License-Identifier: Apache-2.0
"""What control publishes, to whom, in which order, and what it never does."""

import signal
import statistics
import struct
import time

from conftest import BASE, OVERLAY, PAIR_NEXT, Fault

NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
BROKEN = ".:53 {\n nosuchdirective\n}\n"
WEB = "web.ns.svc.cluster.local"
CHANGED = "changed since the snapshot was saved"


def address(reply):
    """The last four bytes: the address of the only answer."""
    return ".".join(str(b) for b in reply[-4:])


def test_before_the_first_sync_only_the_policy_is_published(world):
    world.api.fail("services", *[Fault(hang="head")] * 50)
    world.start()
    world.dataplane.wait(lambda r: BASE in r.images)
    assert world.dataplane.ask(WEB, "A")[0] == SERVFAIL
    assert world.dataplane.ask("cluster.local", "SOA")[:2] == (NOERROR, 1)
    assert world.dataplane.ask("dns-version.cluster.local", "TXT")[:2] == (NOERROR, 1)
    soa = world.dataplane.ask("cluster.local", "SOA")[2]
    assert struct.unpack(">I", soa[-20:-16])[0] == 0  # serial


def test_changes_show_and_vanish(world):
    world.service("web", "10.0.0.1")
    world.start()
    world.synced()
    rcode, answers, reply = world.dataplane.ask(WEB, "A")
    assert (rcode, answers, address(reply)) == (NOERROR, 1, "10.0.0.1")
    world.service("web", "10.0.0.2")
    world.until(lambda: address(world.dataplane.ask(WEB, "A")[2]) == "10.0.0.2")
    assert world.dataplane.ask("2.0.0.10.in-addr.arpa", "PTR")[1] == 1
    assert world.dataplane.ask("1.0.0.10.in-addr.arpa", "PTR")[0] == NXDOMAIN
    world.api.delete("services", "ns", "web")
    world.until(lambda: world.dataplane.ask(WEB, "A")[0] == NXDOMAIN)
    assert world.dataplane.ask("2.0.0.10.in-addr.arpa", "PTR")[0] == NXDOMAIN


def test_a_change_is_published_within_milliseconds(world):
    world.start()
    world.synced()
    took = []
    for i in range(20):
        time.sleep(0.02)
        seen = len(world.dataplane.messages)
        start = time.monotonic()
        world.service("web", f"10.0.1.{i + 1}")
        world.dataplane.wait(lambda r: len(r.messages) > seen)  # pylint: disable=cell-var-from-loop
        took.append(world.dataplane.messages[seen][0] - start)
    print("event to dataplane ms:", [round(t * 1000, 2) for t in sorted(took)])
    assert statistics.median(took) < 0.02


def test_the_dataplane_comes_after_supervisor_and_slowpath(world):
    world.start()
    world.synced()
    world.service("web", "10.0.0.1")
    world.until(lambda: world.dataplane.ask(WEB, "A")[0] == NOERROR)
    generation = world.dataplane.messages[-1][2]
    first = [next(m for m in r.messages if m[2] == generation)[0] for r in (world.supervisor, world.slowpath)]
    assert max(first) <= world.dataplane.messages[-1][0]


def test_a_silent_slowpath_holds_a_publish_up_for_100_ms_once(world):
    world.start()
    world.synced()
    world.slowpath.silent = True
    took = []
    for i in range(3):
        seen = len(world.dataplane.messages)
        start = time.monotonic()
        world.service("web", f"10.0.2.{i + 1}")
        world.dataplane.wait(lambda r: len(r.messages) > seen)  # pylint: disable=cell-var-from-loop
        took.append(world.dataplane.messages[seen][0] - start)
        time.sleep(0.05)
    assert 0.09 < took[0] < 0.4 and max(took[1:]) < 0.09, took


def test_who_comes_back_is_given_everything(world):
    world.service("web", "10.0.0.1")
    world.start()
    world.synced()
    world.service("late", "10.0.0.9")
    world.until(lambda: world.dataplane.ask("late.ns.svc.cluster.local", "A")[0] == NOERROR)
    world.dataplane.hang_up()
    world.until(lambda: BASE in world.dataplane.images and OVERLAY in world.dataplane.images)
    assert world.dataplane.ask("late.ns.svc.cluster.local", "A")[0] == NOERROR
    assert world.dataplane.messages[-2][1] == PAIR_NEXT and world.dataplane.messages[-1][1] == OVERLAY


def test_a_refusal_is_repaired(world):
    world.start()
    world.synced()
    world.dataplane.status = -22
    world.service("web", "10.0.0.1")
    time.sleep(0.3)
    world.dataplane.status = 0
    world.until(lambda: world.dataplane.ask(WEB, "A")[0] == NOERROR)


def test_folding_keeps_every_answer(world):
    for i in range(50):
        world.service(f"s{i}", f"10.1.0.{i + 1}")
    world.start()
    world.synced()
    deadline = time.monotonic() + 20
    seen = len(world.dataplane.messages)
    n = 0
    while not any(m[1] == PAIR_NEXT for m in world.dataplane.messages[seen:]):
        assert time.monotonic() < deadline, "no fold"
        n += 1
        world.service("web", f"10.2.{n >> 8}.{n & 255}")
        time.sleep(0.002)
    last = f"10.2.{n >> 8}.{n & 255}"
    world.until(lambda: address(world.dataplane.ask(WEB, "A")[2]) == last)
    assert world.dataplane.ask("s49.ns.svc.cluster.local", "A")[0] == NOERROR
    generations = [m[2] for m in world.dataplane.messages if m[1] == OVERLAY]
    assert generations == sorted(generations)


def test_an_api_that_goes_away_changes_nothing(world):
    world.service("web", "10.0.0.1")
    world.start()
    world.synced()
    seen = len(world.dataplane.messages)
    world.api.stop()
    time.sleep(1.5)
    assert len(world.dataplane.messages) == seen
    assert world.dataplane.ask(WEB, "A")[0] == NOERROR


def test_the_saved_pair_is_served_without_an_api(world):
    world.service("web", "10.0.0.1")
    control = world.start()
    world.synced()
    world.until(lambda: (world.folder / "state" / "base.img").exists())
    control.stop(signal.SIGKILL)
    world.api.stop()
    world.dataplane.hang_up()
    world.start()
    world.dataplane.wait(lambda r: BASE in r.images)
    assert address(world.dataplane.ask(WEB, "A")[2]) == "10.0.0.1"
    assert CHANGED not in (world.folder / "control.log").read_text(encoding="utf-8")


def test_a_corefile_that_changed_since_is_said_with_the_saved_pair(world):
    world.service("web", "10.0.0.1")
    control = world.start()
    world.synced()
    world.until(lambda: (world.folder / "state" / "base.img").exists())
    control.stop(signal.SIGKILL)
    world.api.stop()
    world.dataplane.hang_up()
    world.start(world.kubernetes("ttl 77"))
    world.dataplane.wait(lambda r: BASE in r.images)
    assert address(world.dataplane.ask(WEB, "A")[2]) == "10.0.0.1"
    world.until(lambda: CHANGED in (world.folder / "control.log").read_text(encoding="utf-8"))


def test_a_new_life_publishes_nothing_before_it_has_synced(world):
    world.service("web", "10.0.0.1")
    counters = world.counters()
    control = world.start(counters=counters)
    world.synced()
    control.stop(signal.SIGKILL)
    seen = len(world.dataplane.messages)
    newest = world.dataplane.messages[-1][2]
    faults = [Fault(hang="head")] * 3
    world.api.fail("services", *faults)
    control = world.start(counters=counters)
    time.sleep(0.7)
    assert len(world.dataplane.messages) == seen, "what is served stays"
    control.stop(signal.SIGKILL)
    world.service("web", "10.0.0.2")
    world.api.faults["services"] = []
    world.start(counters=counters)
    world.until(lambda: address(world.dataplane.ask(WEB, "A")[2]) == "10.0.0.2")
    assert min(m[2] for m in world.dataplane.messages[seen:]) > newest, "generations go on"


def test_a_reload_changes_the_policy_and_a_bad_file_does_not(world):
    world.service("web", "10.0.0.1")
    control = world.start()
    world.synced()
    control.corefile.write_text(world.kubernetes("ttl 77"))
    control.child.send_signal(signal.SIGUSR1)
    world.until(lambda: b"\x00\x00\x00\x4d" in world.dataplane.ask(WEB, "A")[2])
    assert len(world.api.queries("services")) == 1, "the watch that stands is used on"
    seen = -1
    while seen != len(world.dataplane.messages):  # the fold that follows a reload
        seen = len(world.dataplane.messages)
        time.sleep(0.5)
    control.corefile.write_text(BROKEN)
    control.child.send_signal(signal.SIGUSR1)
    time.sleep(0.3)
    assert len(world.dataplane.messages) == seen and control.child.poll() is None
    assert world.dataplane.ask(WEB, "A")[0] == NOERROR


def test_a_dump_is_served_as_it_is(world):
    dump = world.folder / "dump.json"
    dump.write_text('{"kind":"List","apiVersion":"v1","items":[{"kind":"Namespace","apiVersion":"v1","metadata":{"name":'
                    '"ns"}},{"kind":"Service","apiVersion":"v1","metadata":{"name":"web","namespace":"ns"},"spec":'
                    '{"clusterIP":"10.0.0.7","clusterIPs":["10.0.0.7"],"ports":[{"port":80}]}}]}')
    world.start(".:53 {\n kubernetes cluster.local\n}\n", "--dump", str(dump))
    world.dataplane.wait(lambda r: BASE in r.images)
    assert address(world.dataplane.ask(WEB, "A")[2]) == "10.0.0.7"


def test_it_ends_on_sigterm_and_says_why_it_cannot_start(world):
    control = world.start()
    world.synced()
    assert control.stop() == 0
    assert world.start(BROKEN).child.wait(10) == 1
    assert world.start(None, "--no-such-option").child.wait(10) == 2


def test_a_corefile_without_kubernetes_is_served(world):
    world.start("example.test:53 {\n hosts /nonexistent {\n 10.5.0.1 a.example.test\n }\n}\n")
    world.dataplane.wait(lambda r: BASE in r.images)
    assert address(world.dataplane.ask("a.example.test", "A")[2]) == "10.5.0.1"
    assert world.dataplane.ask("b.test", "A")[0] == REFUSED


def test_names_of_a_hosts_file_follow_it(world):
    hosts = world.folder / "hosts"
    hosts.write_text("10.5.0.1 node1.test node1 # a comment\nfd00::5 node1.test\n")
    world.service("web", "10.0.0.1")
    world.start(world.kubernetes(more=f"hosts {hosts} {{\n reload 100ms\n ttl 60\n fallthrough\n }}"))
    world.synced()
    assert address(world.dataplane.ask("node1.test", "A")[2]) == "10.5.0.1"
    assert world.dataplane.ask("node1.test", "AAAA")[1] == 1
    assert world.dataplane.ask("node1.test", "SRV")[:2] == (NOERROR, 0)
    assert world.dataplane.ask("1.0.5.10.in-addr.arpa", "PTR")[1] == 2
    assert world.dataplane.ask(WEB, "A")[1] == 1
    assert world.dataplane.ask("node2.test", "A")[0] == SERVFAIL  # nothing behind hosts knows it
    hosts.write_text("10.5.0.2 node2.test\n")
    world.until(lambda: world.dataplane.ask("node2.test", "A")[0] == NOERROR)
    assert world.dataplane.ask("node1.test", "A")[0] == SERVFAIL
    assert world.dataplane.ask(WEB, "A")[1] == 1
