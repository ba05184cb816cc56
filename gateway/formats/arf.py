"""Feedback reports: a complaint about a mail in machine-readable form (ARF).

RFC 5965 §2 and §3, RFC 6692 §2 (Source-Port), RFC 6591 §3 (auth-failure), RFC 6590 §1.
What a report says is the reporter's claim and nothing more; unknown types and fields are kept.
The law: ``read(write(feedback, cover)) == feedback``; a malformed report is read as far as it
goes, with its problems in words. Verbs: ``read``, ``write``.
"""

import binascii
import hashlib
import ipaddress
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime

from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import headers, mime
from gateway.model import Noun

MEDIA_TYPE = "message/feedback-report"
"""The type of the part that holds the fields (RFC 5965 §3)."""
_ORIGINALS = (*sorted(mime.WHOLE_MESSAGES), *sorted(mime.HEADERS_ONLY))
_REQUIRED = ("feedback-type", "user-agent", "version")
_AT_MOST_ONCE = (
    "arrival-date", "incidents", "original-envelope-id", "original-mail-from", "received-date",
    "reporting-mta", "source-ip", "source-port",
)  # fmt: skip
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,100}").fullmatch
_PLAIN = re.compile(r"[ -~]*").fullmatch
_COMMENT = re.compile(r"\([^()]*\)")
MOST_FIELDS = 1_000
"""Fields of one report that are kept; an honest one has under fifty."""


class Feedback(Noun, frozen=True):
    """One feedback report.

    ``fields`` are all the fields of its second part but the three that every report has, as
    (name, value) in their order, decoded; ``original`` is the third part byte for byte, only a
    header block where ``headers_only``; ``description`` is the human-readable first part.
    ``problems`` say in words where the report breaks its standard.
    """

    feedback_type: str
    user_agent: str = ""
    version: str = "1"
    fields: tuple[tuple[str, str], ...] = ()
    description: str = ""
    original: bytes = b""
    headers_only: bool = False
    problems: tuple[str, ...] = ()

    def first(self, name: str) -> str | None:
        """The first value of the field ``name``, in any case, or ``None``."""
        wanted = name.lower()
        return next((value for key, value in self.fields if key.lower() == wanted), None)

    @property
    def source_address(self) -> str | None:
        """The claimed Source-IP in canonical form, from any of its spellings (RFC 5965 §3.2)."""
        text = _without_comments(self.first("source-ip") or "").strip("[]")
        text = text[5:] if text[:5].lower() == "ipv6:" else text
        try:
            return str(ipaddress.ip_address(text.strip()))
        except ValueError:
            return None

    @property
    def arrival(self) -> datetime | None:
        """The claimed Arrival-Date, or its old name Received-Date, in UTC."""
        return headers.moment(self.first("arrival-date") or self.first("received-date") or "")


class Cover(Noun, frozen=True):
    """The outside of a report that is sent: who sends it to whom, when, and under which id."""

    sender: str
    recipient: str
    subject: str
    date: datetime
    message_id: str


def container(walked: mime.Walked) -> int | None:
    """The place of the part that holds a feedback report's three parts, or ``None``.

    A part of the right type says so, also below a mailing list's footer; else the mail's own type.
    """
    for part in walked.parts:
        if part.media_type == MEDIA_TYPE and part.enclosed is None and part.parent is not None:
            return part.parent
    top = walked.parts[0]
    named = top.parameters.get("report-type", "").strip().lower() == "feedback-report"
    return 0 if top.media_type == "multipart/report" and named else None


def read(source: bytes, limits: ReadingLimits) -> Feedback:
    """A feedback report from a complete mail.

    Raises:
        Unparseable: it is no mail, reaches a bound, is no feedback report, or has no original.
    """
    return compose(mime.walk(source, limits), limits)


def compose(walked: mime.Walked, limits: ReadingLimits) -> Feedback:
    """A feedback report from a mail whose parts a caller walked already.

    Raises:
        Unparseable: as ``read``.
    """
    holder = container(walked)
    if holder is None:
        raise Unparseable("this is no feedback report (RFC 5965)")
    inside = [part for part in walked.parts if part.parent == holder]
    report = next((part for part in inside if part.media_type == MEDIA_TYPE), None)
    original = _original(inside, report)
    if original is None:
        raise Unparseable("the feedback report holds no original mail")
    problems: list[str] = []
    fields: list[tuple[str, str]] = []
    if report is None:
        problems.append("the feedback report has no machine-readable part")
    else:
        block, clean = headers.split(walked.content(report).strip(b"\r\n"))
        fields = [(name, headers.decode(value, 10_000)) for name, value in block]
        problems += () if clean else ["a line of the feedback report is no field"]
    problems += _broken(fields)
    if len(fields) > MOST_FIELDS:
        problems.append(f"of {len(fields)} fields the first {MOST_FIELDS} are kept")
    common = {name: _stated(fields, name) for name in _REQUIRED}
    first = inside[0]
    told = first.media_type == "text/plain" and first is not original
    return Feedback(
        feedback_type=_without_comments(common["feedback-type"]).lower(),
        user_agent=common["user-agent"],
        version=_without_comments(common["version"]),
        fields=tuple(pair for pair in fields if pair[0].lower() not in _REQUIRED)[:MOST_FIELDS],
        description=_told(walked, first, limits) if told else "",
        original=walked.content(original),
        headers_only=original.media_type in mime.HEADERS_ONLY,
        problems=tuple(problems),
    )


def _original(inside: list[mime.Part], report: mime.Part | None) -> mime.Part | None:
    """The part that holds the mail complained about; at worst whatever follows the fields."""
    for part in inside:
        if part.media_type in _ORIGINALS:
            return part
    if report is None:
        return None
    behind = inside[inside.index(report) + 1 :]
    return next((part for part in behind if part.media_type == "text/plain"), None)


def _stated(fields: list[tuple[str, str]], wanted: str) -> str:
    return next((value for name, value in fields if name.lower() == wanted), "")


def _told(walked: mime.Walked, part: mime.Part, limits: ReadingLimits) -> str:
    text = headers.text_of(walked.content(part), part.parameters.get("charset"))
    return text.replace("\r\n", "\n")[: limits.text_chars]


def _broken(fields: list[tuple[str, str]]) -> Iterator[str]:
    """Where the fields break RFC 5965 §3.1 to §3.3."""
    names = [name.lower() for name, _ in fields]
    for name in _REQUIRED:
        if names.count(name) != 1:
            yield f"the feedback report has {names.count(name)} times {name}, not once"
    for name in _AT_MOST_ONCE:
        if names.count(name) > 1:
            yield f"the feedback report has {name} more than once; the first one is read"
    if "arrival-date" in names and "received-date" in names:
        yield "the feedback report has both arrival-date and its old name received-date"
    version = _without_comments(_stated(fields, "version"))
    if version not in {"1", "0.1", ""}:
        yield f"the feedback report is of version {version[:20]}, which is not known"


def _without_comments(value: str) -> str:
    """``value`` without comments in brackets (RFC 5322 §3.2.2); two levels of them are honest."""
    for _ in range(3):
        if "(" not in value:
            break
        value = _COMMENT.sub(" ", value[:1_000])
    return value.strip()


def write(feedback: Feedback, cover: Cover) -> bytes:
    """A feedback report as a complete mail, with CRLF line ends.

    The original is written byte for byte, so its part is declared ``binary`` where it has lines
    that SMTP would not carry. Fields beyond ASCII go as encoded words. The boundary comes from
    the content, so the same report is always the same bytes.
    """
    second = [
        ("Feedback-Type", feedback.feedback_type),
        ("User-Agent", feedback.user_agent),
        ("Version", feedback.version),
        *feedback.fields,
    ]
    kind = "text/rfc822-headers" if feedback.headers_only else "message/rfc822"
    said = feedback.description.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    human = binascii.b2a_qp(said).replace(b"\n", b"\r\n")
    parts = (
        _block(
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "quoted-printable"),
        )
        + human,
        _block(("Content-Type", MEDIA_TYPE)) + b"".join(map(_line, second)),
        _block(("Content-Type", kind), ("Content-Transfer-Encoding", _carried(feedback.original)))
        + feedback.original,
    )
    boundary = _boundary(parts)
    report = f'multipart/report; report-type=feedback-report; boundary="{boundary}"'
    top = _block(
        ("From", cover.sender),
        ("To", cover.recipient),
        ("Subject", cover.subject),
        ("Date", format_datetime(cover.date)),
        ("Message-ID", cover.message_id),
        ("MIME-Version", "1.0"),
        ("Content-Type", report),
    )
    line = b"--" + boundary.encode("ascii")
    body = b"".join(line + b"\r\n" + part + b"\r\n" for part in parts)
    return top + body + line + b"--\r\n"


def _boundary(parts: tuple[bytes, ...]) -> str:
    """A boundary that stands nowhere in ``parts``: none of them can foresee its own digest."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _carried(original: bytes) -> str:
    """What ``original`` needs of its carrier (RFC 2045 §2.7 to §2.9)."""
    lines = original.split(b"\r\n")
    if any(len(line) > 998 or set(b"\0\r\n").intersection(line) for line in lines):
        return "binary"
    return "7bit" if original.isascii() else "8bit"


def _block(*fields: tuple[str, str]) -> bytes:
    return b"".join(map(_line, fields)) + b"\r\n"


def _line(field: tuple[str, str]) -> bytes:
    """One header field; white space is folded to single spaces, controls never get in."""
    name = field[0] if _FIELD_NAME(field[0]) else "X-Unnamed"
    value = " ".join(_CONTROLS.sub(" ", field[1]).split())
    if not _PLAIN(value) or "=?" in value:
        # An encoded word holds at most 75 characters (RFC 2047 §2).
        value = "\r\n ".join(
            f"=?utf-8?b?{binascii.b2a_base64(piece, newline=False).decode('ascii')}?="
            for piece in _pieces(value)
        )
    elif len(value) > 900:
        value = _folded(value)
    return f"{name}: {value}\r\n".encode("ascii")


def _pieces(value: str) -> Iterator[bytes]:
    """``value`` in UTF-8, in pieces of at most 42 bytes that each end between characters."""
    piece = b""
    for sign in value:
        encoded = sign.encode("utf-8", "replace")
        if len(piece) + len(encoded) > 42:
            yield piece
            piece = b""
        piece += encoded
    yield piece


def _folded(value: str) -> str:
    """A long value folded at its own spaces; a word longer than a line stays whole."""
    lines = [""]
    for word in value.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > 900:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\r\n ".join(lines)
