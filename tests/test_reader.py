"""The reader: every source comes out once, in order, whatever happens to the children."""

import os
import resource
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import psutil
import pytest
import zstandard

from gateway.config import ReadingLimits
from gateway.edges import reader
from gateway.edges.mailboxes import Source, Unread
from gateway.edges.reader import Read, Reader
from gateway.edges.reader_child import Ready, framed
from gateway.edges.registry import Sources
from gateway.errors import ReaderUnusable, SourceUnreadable, TableInvalid
from gateway.model import evolve
from gateway.report import Settings, normalise

ROOT = Path(reader.__file__).parents[2]
# Without the bounds that keep every mail cheap, a large one reaches those of the process.
WIDE = ReadingLimits(
    part_chars=10**9, text_chars=10**9, links_looked_at=10**9, links=10**6, seconds=2.0
)
QUICK = Settings(limits=WIDE)
MAIL = (
    b"Received: from a.example.net (a.example.net [192.0.2.7]) by mx.example.org; "
    b"Sat, 3 Jan 2026 01:05:34 +0000\r\n"
    b"From: Somebody <somebody@example.net>\r\nSubject: mail %d\r\n\r\nThis is mail %d.\r\n"
)


@pytest.fixture(scope="module")
def kept():
    """One child for all tests that do it no harm; a start costs half a second."""
    with Reader(Settings(), processes=1) as pool:
        yield pool


def mail(number):
    return source(number, MAIL % (number, number))


def source(name, content):
    return Source(name=str(name), content=content, octets=len(content))


def slow(name):
    """HTML that takes many times the bound."""
    part = (
        b"--b\r\nContent-Type: text/html\r\n\r\n"
        + b"<p><a href='http://a.example.org/x'>x</a> y http://b.example.org/ </p>" * 12_000
        + b"\r\n"
    )
    head = b"Subject: slow\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return source(name, head + part * 50 + b"--b--\r\n")


def assert_is_mail(result, number):
    assert isinstance(result, Read)
    assert result.source == mail(number)
    assert result.report.message is not None
    assert result.report.message.subject == f"mail {number}"
    assert zstandard.decompress(result.packed) == result.source.content


def test_every_source_comes_out_once_in_order_over_several_children():
    with Reader(Settings(), processes=2) as pool:
        results = list(pool.read(mail(number) for number in range(200)))
        assert len(pool.pids) == 2
    assert len(results) == 200
    for number, result in enumerate(results):
        assert_is_mail(result, number)


def test_what_was_unread_passes_through_in_its_place(kept):
    unread = Unread(name="x", error=SourceUnreadable("x: gone"))
    results = list(kept.read([unread, mail(0), unread, mail(1), unread]))
    assert results[0] is results[2] is results[4] is unread
    assert_is_mail(results[1], 0)
    assert_is_mail(results[3], 1)
    assert list(kept.read([unread])) == [unread]
    assert list(kept.read([])) == []


def test_no_child_is_started_before_there_is_work_and_one_is_enough_for_one_mail():
    with Reader(Settings(), processes=4) as pool:
        assert pool.pids == ()
        assert_is_mail(next(pool.read([mail(0)])), 0)
        assert len(pool.pids) == 1


def test_a_reader_can_be_asked_again_and_an_abandoned_reading_leaves_nothing_behind():
    with Reader(Settings(), processes=2) as pool:
        begun = pool.read(mail(number) for number in range(500))
        assert_is_mail(next(begun), 0)
        begun.close()
        for number, result in enumerate(pool.read([mail(7), mail(8)])):
            assert_is_mail(result, number + 7)


def test_the_sources_are_drawn_as_they_are_needed():
    drawn = 0

    def endless():
        nonlocal drawn
        while True:
            drawn += 1
            yield mail(drawn)

    with Reader(Settings(), processes=2) as pool:
        assert len(list(islice(pool.read(endless()), 300))) == 300
    most_ahead = reader.MAILS * (2 * (reader.AHEAD + 1) + 1)
    assert 300 <= drawn <= 300 + most_ahead


def test_children_that_are_killed_again_and_again_lose_no_mail_and_double_none():
    with Reader(Settings(), processes=2) as pool:
        results = []
        for number, result in enumerate(pool.read(mail(number) for number in range(400))):
            results.append(result)
            if number % 150 == 70:
                for pid in pool.pids:
                    os.kill(pid, signal.SIGKILL)
    assert len(results) == 400
    for number, result in enumerate(results):
        assert_is_mail(result, number)


def a_quarter_of_the_time_for(slow_one):
    """Seconds that this machine, however fast, surely exceeds with that mail."""
    begun = time.process_time()
    normalise(slow_one.content, nowhere, QUICK)
    return round((time.process_time() - begun) / 4, 3)


def nowhere(address):
    raise AssertionError(f"the mail names no address, but {address} was looked up")


def test_a_mail_that_reaches_the_time_bound_is_unparseable_and_the_others_are_fine():
    sources = [mail(0), slow("slow"), mail(2), mail(3)]
    seconds = a_quarter_of_the_time_for(sources[1])
    with Reader(Settings(limits=evolve(WIDE, seconds=seconds)), processes=1) as pool:
        results = list(pool.read(sources))
    assert [result.source for result in results] == sources
    assert results[1].report.message is None
    assert results[1].report.problems == (
        f"reading it took more than {seconds:g} s of processor time",
    )
    assert results[1].report.source_size == len(sources[1].content)
    assert zstandard.decompress(results[1].packed) == sources[1].content
    for number in (0, 2, 3):
        assert_is_mail(results[number], number)


def peak_of_an_idle_child(pool):
    list(pool.read([mail(0)]))
    (pid,) = pool.pids
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmPeak")]
    return int(line.split()[1]) * 1024


def test_a_mail_that_reaches_the_memory_bound_is_unparseable_and_the_others_are_fine():
    with Reader(Settings(), processes=1) as fresh:
        limit = peak_of_an_idle_child(fresh) + 16 * 1024 * 1024
    tight = Settings(limits=evolve(WIDE, memory_bytes=limit, seconds=60.0))
    large = source("large", b"Subject: large\r\n\r\n" + b"word " * 8_000_000)
    with Reader(tight, processes=1) as pool:
        results = list(pool.read([mail(0), large, mail(2)]))
    assert results[1].report.message is None
    assert "MiB of memory" in results[1].report.problems[0]
    assert zstandard.decompress(results[1].packed) == large.content
    assert_is_mail(results[0], 0)
    assert_is_mail(results[2], 2)


def test_a_child_that_is_stopped_is_replaced(monkeypatch):
    monkeypatch.setattr(reader, "PATIENCE_SECONDS", 0.2)
    with Reader(Settings(limits=ReadingLimits(seconds=0.4)), processes=1) as pool:
        list(pool.read([mail(0)]))
        (pid,) = pool.pids
        os.kill(pid, signal.SIGSTOP)
        (result,) = pool.read([mail(1)])
        assert pool.pids != (pid,)
    assert_is_mail(result, 1)


def test_no_child_is_blamed_for_the_time_that_the_caller_takes(monkeypatch):
    monkeypatch.setattr(reader, "PATIENCE_SECONDS", 5.0)
    clock = [0.0]
    monkeypatch.setattr(reader, "ticking", lambda: time.monotonic() + clock[0])
    with Reader(QUICK, processes=1) as pool:
        seen = set()
        for number, result in enumerate(pool.read(mail(number) for number in range(80))):
            assert_is_mail(result, number)
            clock[0] += 100.0
            seen.update(pool.pids)
    assert len(seen) == 1


def test_an_empty_source_and_noise_get_a_report_with_a_reason(kept):
    results = list(kept.read([source("empty", b""), source("noise", b"\x00\xff" * 500)]))
    for result in results:
        assert isinstance(result, Read)
        assert result.report.problems


def test_a_mail_beyond_the_size_bound_is_kept_whole_with_its_reason(kept):
    large = source("large", b"Subject: x\r\n\r\n" + b"x" * 60_000_000)
    (result,) = kept.read([large])
    assert result.report.message is None
    assert result.report.problems
    assert zstandard.decompress(result.packed) == large.content


def test_a_table_that_cannot_be_used_is_said_and_not_tried_for_ever(tmp_path):
    table = tmp_path / "broken.mmdb"
    table.write_bytes(b"no table")
    with (
        Reader(Settings(), Sources(tables=(str(table),)), processes=2) as pool,
        pytest.raises(TableInvalid, match="broken"),
    ):
        list(pool.read([mail(0)]))


def test_children_that_cannot_begin_are_not_started_for_ever():
    tight = Settings(limits=ReadingLimits(memory_bytes=1_000_000))
    with (
        Reader(tight, processes=1) as pool,
        pytest.raises(ReaderUnusable) as raised,
    ):
        list(pool.read([mail(0)]))
    assert "memory_bytes" in raised.value.hint


def test_a_child_gets_no_secret_of_the_environment_and_few_rights(monkeypatch):
    monkeypatch.setenv("ENTENTE_SECRET", "canary")
    with Reader(Settings(), processes=1) as pool:
        list(pool.read([mail(0)]))
        (pid,) = pool.pids
        assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()
        child = psutil.Process(pid)
        assert child.rlimit(resource.RLIMIT_FSIZE) == (0, 0)
        assert child.rlimit(resource.RLIMIT_AS) == (512 * 1024 * 1024,) * 2
        for descriptor in (0, 1, 2):
            assert Path(f"/proc/{pid}/fd/{descriptor}").readlink() == Path(os.devnull)


def test_children_end_when_the_reader_is_closed():
    with Reader(Settings(), processes=2) as pool:
        list(pool.read(mail(number) for number in range(100)))
        pids = pool.pids
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_children_end_when_their_parent_is_killed():
    program = (
        "import sys\n"
        "from gateway.edges.mailboxes import Source\n"
        "from gateway.edges.reader import Reader\n"
        "from gateway.report import Settings\n"
        "mail = Source(name='x', content=b'Subject: x\\r\\n\\r\\nx', octets=1)\n"
        "with Reader(Settings(), processes=1) as pool:\n"
        "    list(pool.read([mail]))\n"
        "    print(*pool.pids, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as parent:
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert children
        parent.kill()
        parent.wait()
        gone, alive = psutil.wait_procs(children, timeout=30)
        assert len(gone) == 1
        assert not alive


def test_an_interrupt_in_the_middle_leaves_no_child():
    with Reader(Settings(), processes=1) as pool:
        results = pool.read(mail(number) for number in range(500))
        next(results)
        pids = pool.pids
        with pytest.raises(KeyboardInterrupt):
            results.throw(KeyboardInterrupt)
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_frame_is_its_length_and_its_content():
    frame = framed(Ready(code="x"))
    assert int.from_bytes(frame[:4], "little") == len(frame) - 4
