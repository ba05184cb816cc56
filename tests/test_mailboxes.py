"""Mailboxes: every mail byte for byte, and a clear word about what cannot be read."""

import io
import os
import socket
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.edges import mailboxes
from gateway.edges.mailboxes import Source, Unread, count, sources
from gateway.errors import SourceUnreadable

POSTMARK = b"From sender@example.org Sat Jan  3 01:05:34 2026\n"
MAIL = b"Subject: one\r\n\r\nbody\r\n"


def read(*paths, kind="auto"):
    return list(sources(paths, kind))


def contents(*paths, kind="auto"):
    return [found.content for found in read(*paths, kind=kind)]


def names(root, *paths):
    return [found.name.removeprefix(f"{root}/") for found in read(*paths)]


def test_a_single_mail_is_one_source_byte_for_byte(tmp_path):
    path = tmp_path / "a.eml"
    path.write_bytes(MAIL)
    assert read(path) == [Source(name=str(path), content=MAIL, octets=len(MAIL))]


def test_an_empty_file_is_handed_on_so_that_the_reading_says_what_it_is(tmp_path):
    path = tmp_path / "empty"
    path.touch()
    assert contents(path) == [b""]


def test_a_directory_is_read_with_all_below_it_by_name_without_dot_files(tmp_path):
    for name in ("b/2.eml", "b/1.eml", "a.eml", "c/d/e.eml", ".hidden", "b/.DS_Store", ".git/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(MAIL)
    assert names(tmp_path, tmp_path) == ["a.eml", "b/1.eml", "b/2.eml", "c/d/e.eml"]


def test_a_loop_of_links_is_entered_once(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.eml").write_bytes(MAIL)
    (tmp_path / "in" / "up").symlink_to(tmp_path)
    (tmp_path / "in" / "self").symlink_to(tmp_path / "in")
    assert names(tmp_path, tmp_path) == ["in/a.eml"]


def test_a_maildir_gives_new_and_cur_and_its_folders_but_never_tmp(tmp_path):
    for folder in ("box", "box/.Junk"):
        for part in ("cur", "new", "tmp"):
            (tmp_path / folder / part).mkdir(parents=True)
            (tmp_path / folder / part / f"{part}:2,S").write_bytes(MAIL)
    (tmp_path / "box" / "dovecot.index").write_bytes(b"index")
    (tmp_path / "box" / "cur" / "folder").mkdir()
    expected = [
        "box/new/new:2,S",
        "box/cur/cur:2,S",
        "box/.Junk/new/new:2,S",
        "box/.Junk/cur/cur:2,S",
    ]
    assert names(tmp_path, tmp_path) == expected
    assert names(tmp_path, tmp_path / "box") == expected
    assert [found.name for found in read(tmp_path / "box", kind="maildir")] == [
        f"{tmp_path}/{name}" for name in expected
    ]


def test_an_mbox_is_split_and_its_mails_are_numbered(tmp_path):
    path = tmp_path / "inbox"
    path.write_bytes(POSTMARK + b"A: 1\n\nx\n\n" + POSTMARK + b"A: 2\n\ny\n>From z\n\n")
    found = read(path)
    assert [each.name for each in found] == [f"{path}#1", f"{path}#2"]
    assert [each.content for each in found] == [b"A: 1\n\nx\n", b"A: 2\n\ny\n>From z\n"]
    assert sum(each.octets for each in found) == path.stat().st_size == count([path]).octets


@pytest.mark.parametrize(
    ("box", "mails"),
    [
        (POSTMARK, [b""]),
        (POSTMARK.rstrip(b"\n"), [b""]),
        (POSTMARK + b"\n", [b""]),
        (POSTMARK + b"\n" + POSTMARK + b"A: 2\n", [b"", b"A: 2\n"]),
        (POSTMARK + b"A: 1\n\nno end of line", [b"A: 1\n\nno end of line"]),
        (POSTMARK + b"A: 1\n\nFrom now on, text.\n\n", [b"A: 1\n\nFrom now on, text.\n"]),
        (POSTMARK + b"A: 1\n\nx\n" + POSTMARK + b"y\n\n", [b"A: 1\n\nx\n" + POSTMARK + b"y\n"]),
        (
            (POSTMARK + b"A: 1\n\nx\n\n" + POSTMARK + b"A: 2\n\n").replace(b"\n", b"\r\n"),
            [b"A: 1\r\n\r\nx\r\n", b"A: 2\r\n"],
        ),
        (b"From -\nA: 1\n\nx\n\nFrom -\nA: 2\n\ny\n\n", [b"A: 1\n\nx\n", b"A: 2\n\ny\n"]),
        (
            b"From a Mon Jan 01 00:00:00 2018\nA: 1\n\nFrom ? Sat Jan 02 10:09:20 2001\nA: 2\n",
            [b"A: 1\n", b"A: 2\n"],
        ),
    ],
)
def test_an_mbox_is_split_only_at_postmarks(tmp_path, monkeypatch, box, mails):
    path = tmp_path / "box"
    path.write_bytes(box)
    for chunk in (1 << 20, 64, 6):
        monkeypatch.setattr(mailboxes, "_CHUNK", chunk)
        assert contents(path) == mails
        assert sum(found.octets for found in read(path)) == len(box)


LINES = st.sampled_from(
    [
        b"A: b",
        b"",
        b"From now on",
        b"text",
        b">From x",
        b"\x00\xff",
        b"Fro",
        b"From",
        b"\r",
        b"x" * 99,
    ]
)


@given(
    st.lists(st.lists(LINES, min_size=1, max_size=12), min_size=1, max_size=6),
    st.integers(6, 300),
    st.sampled_from([b"\n", b"\r\n"]),
)
def test_what_is_written_as_an_mbox_is_read_back_whatever_the_chunks(letters, chunk, end):
    mails = [b"".join(line + end for line in letter) for letter in letters]
    box = b"".join(POSTMARK + mail + end for mail in mails)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mailboxes, "_CHUNK", chunk)
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(box)))
        found = read("-")
    assert [each.content for each in found] == mails
    names = [f"-#{number + 1}" for number in range(len(mails))] if len(mails) > 1 else ["-"]
    assert [each.name for each in found] == names
    assert sum(each.octets for each in found) == len(box)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_after_a_postmark_are_accounted_for(noise, chunk):
    box = POSTMARK + noise
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mailboxes, "_CHUNK", max(chunk, len(b"From ")))
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(box)))
        assert sum(each.octets for each in read("-")) == len(box)


def test_a_file_called_an_mbox_that_is_none_is_said_so(tmp_path):
    path = tmp_path / "a.eml"
    path.write_bytes(MAIL)
    (found,) = read(path, kind="mbox")
    assert isinstance(found, Unread)
    assert "is no mbox" in found.error.detail
    assert contents(path, kind="eml") == [MAIL]


def test_an_mbox_called_a_mail_stays_in_one_piece(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(POSTMARK + MAIL)
    assert contents(path, kind="eml") == [POSTMARK + MAIL]


def test_an_unknown_format_is_refused():
    with pytest.raises(SourceUnreadable, match="pst"):
        read("-", kind="pst")


def test_standard_input_is_one_mail_or_an_mbox():
    for given_, expected in ((MAIL, [MAIL]), (POSTMARK + MAIL, [MAIL]), (b"", [b""])):
        said = subprocess.run(
            [
                sys.executable,
                "-c",
                "import gateway.edges.mailboxes as m; print([x.content for x in m.sources('-')])",
            ],
            input=given_,
            capture_output=True,
            check=True,
            cwd=Path(mailboxes.__file__).parents[2],
        ).stdout
        assert eval(said) == expected


def test_what_cannot_be_read_is_said_and_the_rest_is_read(tmp_path):
    os.mkfifo(tmp_path / "b-fifo")
    (tmp_path / "c-broken").symlink_to(tmp_path / "nowhere")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "d-socket"))
        (tmp_path / "e-null").symlink_to("/dev/null")
        (tmp_path / "a.eml").write_bytes(MAIL)
        (tmp_path / "z.eml").write_bytes(MAIL)
        found = read(tmp_path, tmp_path / "missing", "a\0b")
    assert [isinstance(each, Unread) for each in found] == [
        False, True, True, True, True, False, True, True
    ]  # fmt: skip
    for each in found:
        if isinstance(each, Unread):
            assert each.error.code == "source_unreadable"
            assert each.name in each.error.detail
    assert "not a file" in found[1].error.detail
    assert "No such file" in found[2].error.detail


def test_a_file_without_read_permission_is_said_with_what_to_do(tmp_path):
    (tmp_path / "a.eml").write_bytes(MAIL)
    (tmp_path / "b").mkdir()
    (tmp_path / "a.eml").chmod(0)
    (tmp_path / "b").chmod(0)
    program = (
        "import os, sys\n"
        "from gateway.edges.mailboxes import sources\n"
        "os.getuid() or os.setuid(65534)\n"
        "for found in sources(sys.argv[1:]): print(found.error.detail, found.error.hint)"
    )
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and "pytest" in parent.name:
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    said = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.eml"), str(tmp_path / "b")],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(mailboxes.__file__).parents[2],
    ).stdout.splitlines()
    (tmp_path / "b").chmod(0o755)
    assert len(said) == 2
    assert all("Permission denied" in line and "let the user" in line for line in said)


def test_a_file_that_vanishes_between_looking_and_reading_is_said(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(MAIL)
    walk = sources([tmp_path])
    next(walk)
    (tmp_path / "b").unlink()
    assert [type(found) for found in walk] == [Unread, Source]


def test_a_name_of_foreign_bytes_can_be_printed_and_is_read(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.eml")).write_bytes(MAIL)
    (found,) = read(tmp_path)
    assert found.content == MAIL
    assert found.name.encode().endswith(b"caf\\udce9.eml")


def test_a_mail_beyond_the_hard_cap_is_left_and_the_next_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(mailboxes, "HARD_CAP", 20_000)
    monkeypatch.setattr(mailboxes, "_CHUNK", 3_000)
    large = b"A: 1\n\n" + b"x\n" * 20_000
    box = tmp_path / "box"
    box.write_bytes(POSTMARK + large + b"\n" + POSTMARK + MAIL + b"\n" + POSTMARK + large)
    found = read(box)
    assert [type(each) for each in found] == [Unread, Source, Unread]
    assert found[1].content == MAIL + b"\n" or found[1].content == MAIL
    assert "more than" in found[0].error.detail
    assert found[0].name == f"{box}#1"
    assert sum(each.octets for each in found) == box.stat().st_size
    single = tmp_path / "single"
    single.write_bytes(large)
    (one,) = read(single)
    assert isinstance(one, Unread)


def test_a_mail_beyond_the_reading_limit_is_still_whole(tmp_path):
    path = tmp_path / "large.eml"
    path.write_bytes(b"A: 1\n\n" + b"x" * 60_000_000)
    (found,) = read(path)
    assert len(found.content) == 60_000_006


def test_memory_stays_bounded_while_a_large_mbox_streams(tmp_path):
    path = tmp_path / "box"
    with path.open("wb") as box:
        for _ in range(600):
            box.write(POSTMARK + b"A: 1\n\n" + b"x" * 99_999 + b"\n\n")
    tracemalloc.start()
    seen = sum(1 for _ in sources([path]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen == 600
    assert peak < 8_000_000


def test_the_count_is_what_the_sources_add_up_to(tmp_path):
    (tmp_path / "a.eml").write_bytes(MAIL)
    (tmp_path / "box").write_bytes((POSTMARK + MAIL + b"\n") * 5)
    extent = count([tmp_path, "-", tmp_path / "missing"])
    assert extent.files == 4
    assert extent.octets == sum(found.octets for found in read(tmp_path))
