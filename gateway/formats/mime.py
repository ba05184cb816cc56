"""The MIME parts of a mail: where each begins and ends, and its decoded bytes.

RFC 2045 §6, RFC 2046 §5. The source is walked once, from delimiter to delimiter, with a table of
the boundaries that are open; so neither depth nor the number of parts costs more than its bytes.
The law: linear time, no recursion, ``Unparseable`` where a bound is reached.
Verbs: ``walk`` a source, ``content`` of a part.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import headers

WHOLE_MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})
"""Types whose body is a mail of its own (RFC 2046 §5.2.1, RFC 6532 §3.7)."""
HEADERS_ONLY = frozenset({"text/rfc822-headers", "message/rfc822-headers"})
"""Types whose body is the header of a mail (RFC 6522 §4)."""

_BARE_CR = re.compile(rb"\r[^\n]")
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_EMPTY_LINE_ANY = re.compile(rb"(?>\r\n|\r|\n)(?:\r\n|\r|\n)")
_DELIMITER = re.compile(rb"\n--")
_DELIMITER_ANY = re.compile(rb"[\r\n]--")
_LINE = re.compile(rb"[^\r\n]*+(?>\r\n|\r|\n|$)")
_LINE_END = re.compile(rb"[\r\n]")
_MBOX_LINE = re.compile(rb"\A(?:\xef\xbb\xbf)?[ \t\r\n]*(?:>?From [^\r\n]*(?:\r\n|\r|\n))?")
_HEADER_LINE = re.compile(rb"[!-9;-~]{1,998}[ \t]*:")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}").fullmatch
_LONGEST_BOUNDARY = 1_000  # RFC 2046 §5.1.1 allows 70; longer ones are seen and understood.


@dataclass(slots=True, kw_only=True)
class Part:
    """One MIME part of ``source``: its fields, and its body as a range of bytes.

    ``media_type`` is what the part is read as, in lower case; ``depth`` is 0 for the mail itself;
    ``parent`` is the container's place in the list of parts, ``alternative`` the place of the
    nearest multipart/alternative around it. A part of a mail that was attached whole has
    ``enclosed`` set to the place of that attachment.
    """

    fields: headers.Fields
    media_type: str
    parameters: dict[str, str]
    start: int
    end: int = 0
    depth: int = 0
    parent: int | None = None
    alternative: int | None = None
    enclosed: int | None = None
    clean: bool = True
    named: dict[str, str] = field(default_factory=dict)

    def first(self, name: str) -> str | None:
        """The first value of the field ``name`` (in lower case), or ``None``."""
        return self.named.get(name)

    @property
    def container(self) -> bool:
        """Whether the body is made of other parts."""
        return self.media_type.startswith("multipart/") or self.media_type in WHOLE_MESSAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """A source and its parts in the order of the mail; the first one is the mail itself."""

    source: bytes
    parts: tuple[Part, ...]

    def content(self, part: Part, most: int | None = None) -> bytes:
        """The decoded bytes of ``part``'s body (RFC 2045 §6); junk in it is skipped.

        Of no more than the first ``most`` encoded bytes, where that is given.
        """
        end = part.end if most is None else min(part.end, part.start + most)
        raw = self.source[part.start : end]
        encoding = (part.first("content-transfer-encoding") or "").partition(";")[0].strip().lower()
        if encoding == "base64":
            return headers.from_base64(raw)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(raw)
        return raw


def walk(source: bytes, limits: ReadingLimits) -> Walked:
    """The parts of a mail, those of mails attached whole among them.

    A first line as in mbox files, a byte order mark and empty lines before the header are
    skipped. A part without its closing delimiter ends where its container ends.

    Raises:
        Unparseable: there is no header line, or a bound of ``limits`` is reached.
    """
    if len(source) > limits.source_bytes:
        raise Unparseable(
            f"the mail has {len(source)} bytes; at most {limits.source_bytes} are read"
        )
    if not source or source.isspace():
        raise Unparseable("the file is empty")
    begin = _MBOX_LINE.match(source)
    start = begin.end() if begin else 0
    if not _HEADER_LINE.match(source, start):
        kind = "binary data" if b"\0" in source[:4096] else "no header line at its beginning"
        raise Unparseable(f"this is no mail: {kind}")
    return Walked(source=source, parts=tuple(_Walk(source, limits).run(start)))


def _first_other(block: bytes) -> int:
    """Where the first line of ``block`` that is no header line begins; there the body begins."""
    for found in _LINE.finditer(block):
        line = found[0]
        known = line.startswith((b" ", b"\t", b"From ", b">From ")) or _HEADER_LINE.match(line)
        if line.strip() and not known:
            return found.start()
    return len(block)


_Delimiter = tuple[int, int, bytes]
"""Where a line with two hyphens begins, where the next line does, and what follows the hyphens."""


class _Walk:
    """One pass over one source; everything in it moves forward only."""

    def __init__(self, source: bytes, limits: ReadingLimits) -> None:
        self.source = source
        self.limits = limits
        self.bare = b"\r" in source and (
            source.endswith(b"\r") or _BARE_CR.search(source) is not None
        )
        self.parts: list[Part] = []
        self.open: list[tuple[int, bytes | None]] = []  # (place of the container, its boundary)
        self.known: dict[bytes, int] = {}  # boundary -> its place in ``open``; the outermost wins
        self.empty_from, self.empty_to = -1, -1
        self.delimiters: Iterator[_Delimiter] = iter(())
        self.next: _Delimiter | None = None

    def _delimiters(self, start: int) -> Iterator[_Delimiter]:
        """Every line from ``start`` on that begins with two hyphens."""
        pattern = _DELIMITER_ANY if self.bare else _DELIMITER
        for found in pattern.finditer(self.source, max(start - 1, 0)):
            yield found.end() - 2, *self._line(found.end())

    def _line(self, start: int) -> tuple[int, bytes]:
        """Where the next line begins, and the rest of this one, without white space at its end."""
        source = self.source
        # A longer line is no delimiter, so its end need not be looked for.
        furthest = start + _LONGEST_BOUNDARY + 4
        if self.bare:
            found = _LINE_END.search(source, start, furthest)
            end = found.start() if found else -1
            after = end + 2 if source[end : end + 2] == b"\r\n" else end + 1
        else:
            end = source.find(b"\n", start, furthest)
            after = end + 1
        if end < 0:
            if furthest < len(source):
                return furthest, b""
            end = after = len(source)
        return after, source[start:end].rstrip(b" \t\r")

    def run(self, start: int) -> list[Part]:
        """Walks from the mail's header at ``start`` to the end of the source."""
        place: int | None = start
        while place is not None:
            self._enter(place)
            place = self._leave()
        return self.parts

    def _enter(self, start: int) -> None:
        """Reads the part whose header begins at ``start``, and goes into attached mails."""
        entered: int | None = start
        while entered is not None:
            part = self._header(entered)
            self.parts.append(part)
            if len(self.parts) > self.limits.parts:
                raise Unparseable(f"the mail has more than {self.limits.parts} parts")
            entered = None
            if part.media_type in WHOLE_MESSAGES and not self._encoded(part):
                self._opened(None)
                entered = None if self._ended(part.start) else part.start
            elif part.media_type.startswith("multipart/"):
                self._opened(self._boundary(part))

    @staticmethod
    def _encoded(part: Part) -> bool:
        encoding = (part.first("content-transfer-encoding") or "").lower()
        return "base64" in encoding or "quoted" in encoding

    @staticmethod
    def _boundary(part: Part) -> bytes | None:
        boundary = part.parameters.get("boundary", "").rstrip()
        if not boundary or len(boundary) > _LONGEST_BOUNDARY:
            return None
        return boundary.encode("utf-8", "replace")

    def _opened(self, boundary: bytes | None) -> None:
        if len(self.open) >= self.limits.depth:
            raise Unparseable(f"the mail's parts are nested deeper than {self.limits.depth}")
        self.open.append((len(self.parts) - 1, boundary))
        if boundary is not None:
            if not self.known:
                # Nothing was looked for until now, and after the last one's end nothing will be.
                self.delimiters = self._delimiters(self.parts[-1].start)
                self.next = next(self.delimiters, None)
            self.known.setdefault(boundary, len(self.open) - 1)

    def _owner(self, rest: bytes) -> tuple[int, bool] | None:
        """Which open container a delimiter line belongs to, and whether the line closes it."""
        if rest in self.known:
            return self.known[rest], False
        if rest.endswith(b"--") and rest[:-2] in self.known:
            return self.known[rest[:-2]], True
        return None

    def _ended(self, start: int) -> bool:
        """Whether a body that begins at ``start`` is empty."""
        at = self.next
        if at is not None and at[0] <= start and self._owner(at[2]) is not None:
            return True
        return start >= len(self.source)

    def _bound(self) -> int:
        """Where the next delimiter of an open container begins, or the end of the source."""
        if not self.known:
            return len(self.source)
        while self.next is not None and self._owner(self.next[2]) is None:
            self.next = next(self.delimiters, None)
        return self.next[0] if self.next else len(self.source)

    def _leave(self) -> int | None:
        """Goes to the next part; closes what ends before it. ``None`` at the end of the source."""
        while True:
            bound = self._bound()
            owner = self._owner(self.next[2]) if self.next else None
            if self.next is None or owner is None:
                self._close(0, len(self.source))
                return None
            place, closes = owner
            after = self.next[1]
            self.next = next(self.delimiters, None)
            end = self._before(bound)
            self._close(place + 1, end)
            if closes:
                self._close(place, min(after, len(self.source)))
            elif after < len(self.source):
                return after

    def _before(self, bound: int) -> int:
        """Where a body ends: the line break before its delimiter is not part of it."""
        source = self.source
        if source[bound - 2 : bound] == b"\r\n":
            return bound - 2
        return bound - 1 if bound else 0

    def _close(self, keep: int, end: int) -> None:
        """Ends the last part and every container but the first ``keep`` at ``end``."""
        last = self.parts[-1]
        if not last.end:
            last.end = max(end, last.start)
        while len(self.open) > keep:
            place, boundary = self.open.pop()
            part = self.parts[place]
            part.end = max(end, part.start)
            if boundary is not None and self.known.get(boundary) == len(self.open):
                del self.known[boundary]

    def _header(self, start: int) -> Part:
        """The part whose header begins at ``start``; its body begins behind the empty line."""
        source, limit = self.source, self.limits.header_bytes
        head_end, body = self._empty_line(start)
        while self.next is not None and self.next[0] < head_end:
            if self._owner(self.next[2]) is not None:
                head_end = body = max(self._before(self.next[0]), start)
                break
            self.next = next(self.delimiters, None)
        if head_end - start > limit:
            raise Unparseable(f"a header has more than {limit} bytes")
        block = source[start:head_end]
        fields, clean = headers.split(block, bare=self.bare)
        if len(fields) > self.limits.header_lines:
            raise Unparseable(f"a header has more than {self.limits.header_lines} fields")
        if not clean:
            body = start + _first_other(block)
        return self._part(fields, body, clean=clean)

    def _part(self, fields: headers.Fields, body: int, *, clean: bool) -> Part:
        named = {name.lower(): value for name, value in reversed(fields)}  # the first one wins
        up = self.open[-1][0] if self.open else None
        parent = self.parts[up] if up is not None else None
        digest = parent is not None and parent.media_type == "multipart/digest"
        default = "message/rfc822" if digest else "text/plain"  # RFC 2046 §5.1.5
        media_type, parameters = headers.parameters(named.get("content-type", ""))
        alternative = enclosed = None
        if parent is not None and up is not None:
            alternative = up if parent.media_type == "multipart/alternative" else parent.alternative
            enclosed = up if parent.media_type in WHOLE_MESSAGES else parent.enclosed
        return Part(
            fields=fields,
            media_type=media_type if _TYPE(media_type) else default,
            parameters=parameters,
            start=body,
            depth=len(self.open),
            parent=up,
            alternative=alternative,
            enclosed=enclosed,
            clean=clean,
            named=named,
        )

    def _empty_line(self, start: int) -> tuple[int, int]:
        """The end of the header that begins at ``start``, and the beginning of its body."""
        source = self.source
        if self._at_line_end(start):
            return start, start + (2 if source[start : start + 2] == b"\r\n" else 1)
        if self.empty_from < start:
            found = (_EMPTY_LINE_ANY if self.bare else _EMPTY_LINE).search(source, start)
            self.empty_from, self.empty_to = found.span() if found else (len(source), len(source))
        return self.empty_from, self.empty_to

    def _at_line_end(self, start: int) -> bool:
        return self.source[start : start + 1] == b"\n" or self.source[start : start + 2] == b"\r\n"
