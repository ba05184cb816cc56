"""Where complaints lie on disk: single mails, directories, mbox files, Maildirs, standard input.

Each mail leaves here as the bytes that it is stored as: nothing is unquoted or mended, so its
SHA-256 proves something. An mbox (RFC 4155) is streamed, whatever its size. The law: what cannot
be read becomes an ``Unread`` with its reason, and the rest is read all the same. Verbs:
``sources``, ``count``.
"""

import errno
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Literal

from gateway.errors import SourceUnreadable

FORMATS = ("auto", "eml", "mbox", "maildir")
"""How a path may be read; ``auto`` looks at each. ARF and X-ARF reports are single mails."""
STDIN: Literal["-"] = "-"
"""The path that means standard input."""
HARD_CAP = 256 * 1024 * 1024
"""Bytes of one mail that are ever held in memory; the reading limit (50 MB) is far below, so that
a mail beyond that limit is still kept whole, with the limit as its reason."""
_CHUNK = 1 << 20
_BUFFER = 1 << 16  # most mails fit in
_POSTMARK = re.compile(rb"From [^\n]*\d\d?:\d\d[^\n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One complaint as it lies there.

    ``name`` is the path, ``path#12`` for the twelfth mail of an mbox, or ``-`` for standard
    input; ``octets`` how many bytes of its file it took, for a progress bar.
    """

    name: str
    content: bytes
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What could not be read, and why; ``octets`` as in ``Source``."""

    name: str
    error: SourceUnreadable
    octets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much there is to read: ``octets`` is what all ``octets`` of the sources add up to.

    It is exact unless files change meanwhile or cannot be read; standard input counts as nothing.
    """

    files: int
    octets: int


def sources(paths: Iterable[Path | str], format: str = "auto") -> Iterator[Source | Unread]:  # noqa: A002 - named as on the command line
    """Every complaint under ``paths``, in the order of the paths, inside a directory by name.

    A directory is read with all that is below it; a Maildir in it is read as one. Files whose
    name begins with a dot are left out there, and no directory is entered twice.

    Args:
        paths: files, directories, or ``-`` for standard input.
        format: one of ``FORMATS``.

    Raises:
        SourceUnreadable: the format is not known.
    """
    if format not in FORMATS:
        raise SourceUnreadable(
            f"format {format!r} is not known", hint=f"use one of: {', '.join(FORMATS)}"
        )
    for path in paths:
        if str(path) == STDIN:
            yield from _stream(sys.stdin.buffer, STDIN, format, _CHUNK)
            continue
        for found in _files(Path(path), format):
            yield from _file(found, format) if isinstance(found, str) else [found]


def count(paths: Iterable[Path | str], format: str = "auto") -> Extent:  # noqa: A002 - as above
    """How much ``sources`` will have to read, from the sizes of the files; nothing is opened."""
    files = octets = 0
    for path in paths:
        if str(path) == STDIN:
            files += 1
            continue
        for found in _files(Path(path), format):
            files += 1
            if isinstance(found, str):
                try:
                    octets += os.stat(found).st_size  # noqa: PTH116 - see _directory
                except OSError:
                    continue
    return Extent(files=files, octets=octets)


def _files(path: Path, kind: str) -> Iterator[str | Unread]:
    """The files to read under ``path``."""
    try:
        directory = stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError) as error:
        yield _unread(path, error)
        return
    if not directory:
        yield str(path)
    elif kind == "maildir" or (kind == "auto" and _is_maildir(path)):
        yield from _maildir(path, set())
    else:
        yield from _directory(path, kind, set())


def _directory(path: Path, kind: str, entered: set[tuple[int, int]]) -> Iterator[str | Unread]:
    """The files of a directory and of those below it, by name.

    The depth of the recursion is the depth of the path, which the system bounds. Files go by
    their path's text, because a Path for each costs as much as reading it.
    """
    entries = _entries(path, entered)
    if isinstance(entries, Unread):
        yield entries
        return
    for entry in entries:
        if not _leads_to_directory(entry):
            if not entry.name.startswith("."):
                yield entry.path
        elif kind == "auto" and _is_maildir(Path(entry.path)):
            yield from _maildir(Path(entry.path), entered)
        elif not entry.name.startswith("."):
            yield from _directory(Path(entry.path), kind, entered)


def _maildir(path: Path, entered: set[tuple[int, int]]) -> Iterator[str | Unread]:
    """The mails of a Maildir: ``new`` and ``cur``, never ``tmp``; then its folders (Maildir++)."""
    for part in ("new", "cur"):
        entries = _entries(path / part, entered)
        if isinstance(entries, Unread):
            yield entries
            continue
        for entry in entries:
            if not entry.name.startswith(".") and not _leads_to_directory(entry):
                yield entry.path
    entries = _entries(path, entered)
    for entry in [] if isinstance(entries, Unread) else entries:
        folder = path / entry.name
        if entry.name not in ("new", "cur", "tmp") and _is_maildir(folder):
            yield from _maildir(folder, entered)


def _entries(path: Path, entered: set[tuple[int, int]]) -> list[os.DirEntry[str]] | Unread:
    """What lies in a directory, sorted by name; nothing if it was entered before (links)."""
    try:
        found = path.stat()
        if (found.st_dev, found.st_ino) in entered:
            return []
        entered.add((found.st_dev, found.st_ino))
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        return _unread(path, error)


def _leads_to_directory(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a directory or a link to one; what cannot be asked is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_maildir(path: Path) -> bool:
    """Whether a directory is a Maildir: it has ``cur`` and ``new``."""
    try:
        return (path / "cur").is_dir() and (path / "new").is_dir()
    except OSError:
        return False


def _file(path: str, kind: str) -> Iterator[Source | Unread]:
    """The mails of one file; a device or pipe is refused without being waited for."""
    try:
        # Asked before it is opened, because opening a device can already do something; and again
        # afterwards, because it may have been exchanged.
        _refuse_strange(os.stat(path).st_mode)  # noqa: PTH116 - see _directory
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(handle, "rb", buffering=_BUFFER) as stream:
            status = os.fstat(handle)
            _refuse_strange(status.st_mode)
            yield from _stream(stream, path, kind, min(status.st_size + 1, _CHUNK))
    except (OSError, ValueError) as error:
        yield _unread(path, error)


def _refuse_strange(mode: int) -> None:
    """Refuse what is no regular file.

    Raises:
        OSError: it is a device, a pipe or a socket.
    """
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, not a file")


def _stream(stream: BinaryIO, name: str, kind: str, first: int) -> Iterator[Source | Unread]:
    """The mails of an open file: one, or those of an mbox if it begins with a postmark.

    ``first`` is how many bytes are asked for at once; at best one more than there are.
    """
    shown = _shown(name)
    try:
        head = stream.read(first)
        if kind == "mbox" or (kind == "auto" and head.startswith(b"From ")):
            yield from _named(_mbox(stream, head, shown), shown)
            return
        if len(head) == first:
            head += stream.read(HARD_CAP + 1 - len(head))
    except (OSError, ValueError) as error:
        yield _unread(name, error)
        return
    if len(head) > HARD_CAP:
        yield Unread(name=shown, error=_too_large(shown), octets=len(head))
    else:
        yield Source(name=shown, content=head, octets=len(head))


def _named(found: Iterator[Source | Unread], name: str) -> Iterator[Source | Unread]:
    """The mails of an mbox; one that is alone in its file is called by the file's own name."""
    first = next(found, None)
    if first is None:
        return
    try:
        second = next(found, None)
    except (OSError, ValueError):
        yield first
        raise
    if second is None:
        yield replace(first, name=name)
        return
    yield first
    yield second
    yield from found


def _mbox(stream: BinaryIO, head: bytes, name: str) -> Iterator[Source | Unread]:
    """The mails of an mbox (RFC 4155 §A), each exactly as it stands between two postmarks.

    A postmark is a line that begins with ``From``, after an empty line or at the very beginning;
    the empty line before it is not part of the mail either. Where the first one of a file names a
    time, as it should, a line without one is text. Lines with ``>From`` stay as they are: who
    quoted them, and whether anybody did, cannot be known.
    """
    if not head:
        return
    if not head.startswith(b"From "):
        error = SourceUnreadable(f"{name} is no mbox: it does not begin with a From line")
        yield Unread(name=name, error=error, octets=len(head))
        return
    window = _Window(stream, bytearray(head))
    number, dated = 0, False
    while window.buffer:
        number += 1
        postmark = window.take_line()
        if number == 1:
            dated = _POSTMARK.match(postmark, 0, _LONGEST_POSTMARK) is not None
        length, end, whole = window.seek_postmark(dated=dated)
        label = f"{name}#{number}"
        octets = len(postmark) + window.dropped + end
        if whole:
            yield Source(name=label, content=bytes(window.buffer[:length]), octets=octets)
        else:
            yield Unread(name=label, error=_too_large(label), octets=octets)
        window.forget(end)


class _Window:
    """The part of an mbox that is in memory: from the mail being looked at to what was read."""

    def __init__(self, stream: BinaryIO, buffer: bytearray) -> None:
        self.stream = stream
        self.buffer = buffer
        self.dropped = 0
        self.ended = False

    def more(self) -> bool:
        """Read on; false at the end of the file."""
        if not self.ended:
            chunk = self.stream.read(_CHUNK)
            self.buffer += chunk
            self.ended = not chunk
        return not self.ended

    def take_line(self) -> bytes:
        """Take the first line away."""
        looked = 0
        while (end := self.buffer.find(b"\n", looked)) < 0:
            looked = len(self.buffer)
            if not self.more():
                end = len(self.buffer) - 1
                break
        line = bytes(self.buffer[: end + 1])
        del self.buffer[: end + 1]
        return line

    def seek_postmark(self, *, dated: bool) -> tuple[int, int, bool]:
        """Where the mail ends and where the next postmark begins, and whether it is whole here.

        Of a mail beyond the hard cap the beginning is dropped, so that memory stays bounded.
        """
        whole, looked, self.dropped = True, 0, 0
        while True:
            found = self._found(looked, dated=dated)
            if found is not None:
                length, end = found
                return length, end, whole and length <= HARD_CAP
            looked = max(0, len(self.buffer) - _LOOK_BACK)
            if not self.more():
                return _without_last_line(self.buffer), len(self.buffer), whole
            if len(self.buffer) > HARD_CAP + 2 * _CHUNK:
                self.dropped += looked
                del self.buffer[:looked]
                whole, looked = False, 0

    def forget(self, length: int) -> None:
        """Drop the first bytes."""
        del self.buffer[:length]

    def _found(self, start: int, *, dated: bool) -> tuple[int, int] | None:
        """The end of the mail and the beginning of the first postmark after ``start``."""
        place = start - 1
        while True:
            place = self.buffer.find(b"\nFrom ", place + 1)
            if place < 0:
                return None
            length = self._length_before(place)
            if length is None:
                continue
            line_end = self.buffer.find(b"\n", place + 1, place + _LONGEST_POSTMARK)
            if line_end < 0 and not self.ended and place + _LONGEST_POSTMARK > len(self.buffer):
                return None
            if dated and not _POSTMARK.match(self.buffer, place + 1, place + _LONGEST_POSTMARK):
                continue
            return length, place + 1

    def _length_before(self, place: int) -> int | None:
        """The length of the mail if the line that ends at ``place`` is empty."""
        if place == 0:
            return None if self.dropped else 0
        if self.buffer[place - 1] == _LF:
            return place
        if self.buffer[place - 1] == _CR and (place == 1 or self.buffer[place - 2] == _LF):
            return place - 1
        return None


_CR, _LF = 13, 10
_LONGEST_POSTMARK = 1_000
# What must be looked at again when more was read: an empty line and a postmark.
_LOOK_BACK = _LONGEST_POSTMARK + 10


def _without_last_line(mail: bytearray) -> int:
    """The length of a mail without the empty line that ends it in an mbox."""
    if mail.endswith(b"\r\n\r\n"):
        return len(mail) - 2
    if mail.endswith(b"\n\n") or mail == b"\n":
        return len(mail) - 1
    return len(mail)


def _too_large(name: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{name} has more than {HARD_CAP // 1_048_576} MiB; it stays where it is",
        hint="no mail is that large; split the file if it holds several",
    )


def _unread(path: Path | str, error: OSError | ValueError) -> Unread:
    """What the system said about a path, as an error of ours."""
    name = _shown(str(path))
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    hint = ""
    if isinstance(error, PermissionError):
        hint = "let the user that runs entente read it, and run the same command again"
    return Unread(name=name, error=SourceUnreadable(f"{name}: {said}", hint=hint))


def _shown(name: str) -> str:
    """A file's name as text that can be printed and stored: foreign bytes are written out."""
    return name.encode("utf-8", "backslashreplace").decode()
