# SPDX-License-Identifier: Apache-2.0
"""The files that `forward` names while the server runs: whatever becomes of one, the name servers that it last named stay in use."""

import itertools
import os
import pathlib
import shutil
import tempfile
import threading
import time

import dns.rcode
import pytest

import slow
from test_forward import ask, empty, stub_upstream, texts  # noqa: F401

NOBODY = 65534
FAULT = "error forward file of upstreams cannot be used path={path} reason=\"{reason}\""
GENERATIONS = itertools.count(1)


@pytest.fixture
def upstreams():
    """Two that a file can name: it has no ports."""
    try:
        first = stub_upstream.StubUpstream(address="127.0.53.1", port=53)
    except OSError as e:
        pytest.skip(str(e))
    second = stub_upstream.StubUpstream(address="127.0.53.2", port=53)
    yield first, second
    first.stop()
    second.stop()


@pytest.fixture
def file():
    """In a folder that everybody may read."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="burst53-"))
    folder.chmod(0o755)
    path = folder / "resolv.conf"
    path.write_text("nameserver 127.0.53.1\n")
    yield path
    shutil.rmtree(folder)


def publish(server, file, more=""):  # noqa: F811
    """A new image makes the slow path look at its files at once; otherwise it does every 5 s."""
    corefile = f".:53 {{\n hosts {{\n 192.0.2.53 inside.test\n fallthrough\n }}\n cache 3600\n forward . {file}\n {more}\n}}\n"
    server.serve_corefile(corefile, next(GENERATIONS))


def remove(file):  # noqa: F811
    file.unlink()


def empty_it(file):  # noqa: F811
    file.write_text("")


def comment(file):  # noqa: F811
    file.write_text("# nameserver 127.0.53.2\nsearch example.net\nnameserver\nnameserver example.net\n")


def folder(file):  # noqa: F811
    file.unlink()
    file.mkdir()


def pipe(file):  # noqa: F811
    file.unlink()
    os.mkfifo(file)


def dangle(file):  # noqa: F811
    file.unlink()
    file.symlink_to("/nonexistent/resolv.conf")


NO_SERVER = "no nameserver line with an address"
SPOILERS = [
    (remove, "No such file or directory"), (empty_it, NO_SERVER), (comment, NO_SERVER), (folder, "it is no regular file"),
    (pipe, "it is no regular file"), (dangle, "No such file or directory"),
]


def mend(file, text):  # noqa: F811
    if file.is_dir():
        file.rmdir()
    file.unlink(missing_ok=True)
    file.write_text(text)


@pytest.mark.parametrize("spoil,reason", SPOILERS)
def test_a_file_that_goes_bad_changes_nothing_until_it_is_good_again(empty, upstreams, file, spoil, reason):  # noqa: F811
    first, second = upstreams
    publish(empty, file)
    assert ask(empty, "www.example.net.").answer and ask(empty, "ttl600.example.net.").answer
    spoil(file)
    for _ in range(3):
        publish(empty, file)
    before = len(first.seen)
    assert ask(empty, "www.example.net.").answer and ask(empty, "ttl600.example.net.").answer
    assert len(first.seen) == before  # the cache is still there
    assert ask(empty, "ttl601.example.net.").answer and ask(empty, "ttl601.example.net.", tcp=True).answer
    assert len(first.seen) == before + 1
    line = FAULT.format(path=file, reason=reason) + f" uid={os.geteuid()} servers_kept=1 advice="
    assert empty.log_text().count(line) == 1
    publish(empty, file, "loadbalance")  # also another Corefile
    assert ask(empty, "ttl602.example.net.").answer and not second.seen
    mend(file, "nameserver 127.0.53.2\n")
    publish(empty, file)
    assert ask(empty, "ttl603.example.net.").answer and len(second.seen) == 1
    assert f"file of upstreams is fine again path={file} servers=1" in empty.log_text()


def test_a_file_is_looked_at_without_any_publish(empty, upstreams, file):  # noqa: F811
    publish(empty, file)
    assert ask(empty, "www.example.net.").answer
    empty_it(file)
    assert slow.wait_until(lambda: NO_SERVER in empty.log_text(), 60)
    assert ask(empty, "ttl600.example.net.").answer


def test_a_file_with_the_same_servers_keeps_the_cache(empty, upstreams, file):  # noqa: F811
    first, _ = upstreams
    publish(empty, file)
    assert ask(empty, "www.example.net.").answer
    file.write_text("# written anew\nnameserver 127.0.53.1\n")
    publish(empty, file)
    assert ask(empty, "www.example.net.").answer and len(first.seen) == 1


@pytest.fixture
def as_nobody(file, monkeypatch, tmp_path):  # noqa: F811
    """A slow path of the user that it has in service."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    program = file.parent / "burst53-slowpath"
    shutil.copy(slow.PROGRAM, program)
    program.chmod(0o755)
    monkeypatch.setattr(slow, "PROGRAM", program)
    running = slow.Slowpath(tmp_path, limits=lambda: (os.setgroups([]), os.setgid(NOBODY), os.setuid(NOBODY)))
    yield running
    assert running.process.poll() is None, running.log_text()
    assert running.stop() == 0, running.log_text()


def test_a_file_that_its_user_may_not_read_is_named_and_touches_no_other_name(as_nobody, upstreams, file):  # noqa: F811
    file.chmod(0o600)
    publish(as_nobody, file)
    line = FAULT.format(path=file, reason="Permission denied") + f" uid={NOBODY} servers_kept=0 advice=\"make the file"
    assert as_nobody.log_text().count(line) == 1
    for tcp in (False, True):
        reply = ask(as_nobody, "www.example.net.", tcp=tcp, use_edns=0)
        assert reply.rcode() == dns.rcode.SERVFAIL and [o.code for o in reply.options] == [22]
        assert texts(ask(as_nobody, "inside.test.", tcp=tcp)) == ["inside.test. 3600 IN A 192.0.2.53"]
    file.chmod(0o644)
    publish(as_nobody, file)
    assert ask(as_nobody, "www.example.net.").answer
    file.chmod(0o600)
    publish(as_nobody, file)
    assert ask(as_nobody, "www.example.net.").answer and ask(as_nobody, "ttl600.example.net.").answer
    assert line.replace("servers_kept=0", "servers_kept=1") in as_nobody.log_text()


def test_a_file_without_a_server_at_the_start_is_used_as_soon_as_it_has_one(empty, upstreams, file):  # noqa: F811
    empty_it(file)
    publish(empty, file)
    reply = ask(empty, "www.example.net.", use_edns=0)
    assert reply.rcode() == dns.rcode.SERVFAIL and [o.code for o in reply.options] == [22]
    assert ask(empty, "inside.test.").answer
    file.write_text("nameserver 127.0.53.1\n")
    publish(empty, file)
    assert ask(empty, "www.example.net.").answer


def test_addresses_beside_a_bad_file_are_used(empty, upstreams, file):  # noqa: F811
    empty_it(file)
    publish(empty, f"{file} 127.0.53.2")
    assert ask(empty, "www.example.net.").answer and upstreams[1].names() == ["www.example.net."]


def test_a_file_that_is_replaced_all_the_time_stops_nothing(empty, upstreams, file):  # noqa: F811
    contents = ["nameserver 127.0.53.1\n", "", "nameserver 127.0.53.2\n", "nameserver x\n", "nameserver 127.0.53.2\nnameserver 127.0.53.1\n"]
    is_over = threading.Event()

    def replace():
        for n in itertools.count():
            if is_over.is_set():
                return
            other = file.with_suffix(".new")
            other.write_text(contents[n % len(contents)])
            other.rename(file)
            time.sleep(0.01)

    publish(empty, file)
    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for n in range(60):
            publish(empty, file)
            assert ask(empty, f"ttl{n}.example.net.").answer
            assert ask(empty, "inside.test.").answer
    finally:
        is_over.set()
        writer.join()
    assert empty.n_fds() < 40
