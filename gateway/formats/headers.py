"""Header blocks of mail and what stands in them: fields, words, mailboxes, dates, parameters.

RFC 5322 §2.2 and §3, RFC 2047, RFC 2231 §3 and §4, RFC 3464 §2.3.1 (typed addresses).
The law: linear time on hostile input, nothing raised for content, no control character gets out.
Verbs: ``split`` a block, ``decode`` words, and one reader per kind of value.
"""

import binascii
import codecs
import email.utils
import functools
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import unquote_to_bytes

from gateway.model import Mailbox

Fields = tuple[tuple[str, str], ...]

_NAME = re.compile(r"[!-9;-~]{1,998}[ \t]*").fullmatch
_USUAL_NAME = 64
_LINE_END = re.compile(r"\n(?![ \t])")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_CONTROL_BYTES = bytes(sorted({*range(32), 127} - {9, 10, 13}))
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_WORD = re.compile(r"=\?([^?\s]{1,64})\?([BbQq])\?([^?]*)\?=")
# Charsets are looked up only by names of these shapes: a codec such as "idna" or "punycode" takes
# quadratic time, and each unknown name would make Python search its library on disk.
_CHARSET = re.compile(
    r"(?:utf[-_]?(?:7|8|16|32)(?:[-_]?[bl]e)?|(?:us[-_])?ascii|latin[-_]?\d{1,2}|koi8[-_]?[rtu]"
    r"|iso[-_]?8859[-_]\d{1,2}|iso[-_]?2022[-_](?:jp|kr)(?:[-_](?:\d|2004|ext))?"
    r"|(?:windows|cp)[-_]?\d{3,4}|gb[-_]?(?:2312|k|18030)|big5(?:[-_]?hkscs)?|euc[-_]?(?:jp|kr)"
    r"|shift[-_]?(?:jis|jisx0213)|sjis|johab|hz|tis[-_]?620|ks[-_]c[-_]5601(?:[-_]1987)?|viscii"
    r"|mac[-_]?(?:roman|cyrillic|greek|turkish|latin2)|macintosh)",
    re.ASCII | re.IGNORECASE,
).fullmatch
# Where a name is used by mailers for more than it says, the wider set of signs is read.
_WIDER = {
    "ascii": "cp1252", "us-ascii": "cp1252", "iso-8859-1": "cp1252", "latin1": "cp1252",
    "latin-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949", "euc-kr": "cp949", "shift_jis": "cp932", "shift-jis": "cp932",
    "iso-8859-9": "cp1254", "windows-874": "cp874", "iso-8859-8-i": "iso-8859-8",
}  # fmt: skip


def split(block: bytes, *, bare: bool = True) -> tuple[Fields, bool]:
    """The fields of a header block as (name, unfolded raw value), in their order.

    Unfolding removes the line break and keeps the white space after it, RFC 5322 §2.2.3. Bytes
    beyond ASCII are read as UTF-8, else as Windows-1252; control characters become U+FFFD.

    Args:
        block: the bytes up to, and without, the empty line; any kind of line break.
        bare: whether a carriage return alone may end a line of it.

    Returns:
        The fields, and whether every line was one; reading stops at the first that is none.
    """
    if bare and b"\r" in block:
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    fields: list[tuple[str, str]] = []
    whole = True
    for line in _LINE_END.split(text_of(block, None)):
        unfolded = line.replace("\r", "").replace("\n", "") if "\n" in line else line
        spelt, colon, value = unfolded.partition(":")
        name = _usual_name(spelt) if len(spelt) <= _USUAL_NAME else _name(spelt)
        if colon and name:
            fields.append((name, value.strip(" \t\r")))
        elif unfolded.strip() and not unfolded.startswith(("From ", ">From ")):
            whole = False
            break
    if len(block.translate(None, _CONTROL_BYTES)) != len(block):
        fields = [(name, _CONTROL.sub("\ufffd", value)) for name, value in fields]
    return tuple(fields), whole


def _name(spelt: str) -> str:
    """A field's name without white space before its colon; empty where it is none."""
    return spelt.rstrip(" \t") if _NAME(spelt) else ""


# All mail on the net shares some hundreds of names.
_usual_name = functools.lru_cache(maxsize=4_096)(_name)


@functools.lru_cache(maxsize=512)
def codec(charset: str) -> str | None:
    """The name of Python's codec for a MIME charset, or ``None`` where it is unknown or unsafe."""
    name = charset.strip(" \t'\"").lower()
    if not _CHARSET(name):
        return None
    try:
        return codecs.lookup(_WIDER.get(name, name)).name
    except LookupError:
        return None


def text_of(content: bytes, charset: str | None) -> str:
    """``content`` as text: by its charset where that is known and fits, else as best it can be.

    Never raises and never gives a lone surrogate. What fits no charset at all is read as
    Windows-1252, as mail programs do.
    """
    known = codec(charset[:40]) if charset else None
    if known is not None and known != "utf-8":
        text = content.decode(known, "replace")
        if known.startswith("utf"):
            text = text.encode("utf-8", "replace").decode("utf-8")
        return text
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        if known is not None:
            return content.decode("utf-8", "replace")
        return content.decode("cp1252", "replace")


def _unquote_word(encoding: str, encoded: str) -> bytes:
    raw = encoded.encode("ascii", "replace")
    return from_base64(raw) if encoding in "bB" else binascii.a2b_qp(raw, header=True)


def from_base64(content: bytes) -> bytes:
    """The bytes that base64 ``content`` stands for; junk is skipped, a cut end is forgiven."""
    try:
        return binascii.a2b_base64(content)
    except binascii.Error:
        letters = content.translate(None, delete=_NO_BASE64).partition(b"=")[0]
        whole = letters[: len(letters) - 1] if len(letters) % 4 == 1 else letters
        return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


_NO_BASE64 = bytes(
    sorted(
        set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
    )
)


def decode(value: str, limit: int = 2_000) -> str:
    """``value`` with its encoded words decoded (RFC 2047 §6), at most ``limit`` characters.

    Neighbours of one charset are joined before they are decoded, because many mailers cut inside
    a character. Line breaks and controls, also those hidden in encoded words, become a space.
    """
    value = value[: limit * 8]
    if "=?" in value:
        value = "".join(_decoded(value))
    return _UNSEEN.sub(" ", value).strip()[:limit]


def _decoded(value: str) -> Iterator[str]:
    charset, pending, place = None, b"", 0
    for found in _WORD.finditer(value):
        between = value[place : found.start()]
        named = found[1].partition("*")[0].lower()
        if charset is not None and (between.strip() or named != charset):
            yield text_of(pending, charset)
            charset, pending = None, b""
        if between.strip() or not place:
            yield between
        charset = named
        pending += _unquote_word(found[2], found[3])
        place = found.end()
    if charset is not None:
        yield text_of(pending, charset)
    yield value[place:]


# Quoted strings are matched possessively and may lack their end: no input makes it look twice.
_TOKEN = re.compile(r'"((?:[^"\\]++|\\.?)*+)"?|([(),:;<>])|([^"(),:;<>]++)', re.DOTALL)
_SIMPLE = re.compile(r'(?:"?([^"(),:;<>@\\]{1,200}?)"?[ \t]*)?<([^\s"(),:;<>@]+@[^\s"(),:;<>@]+)>')
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


def mailboxes(value: str, limit: int = 2_000) -> tuple[Mailbox, ...]:
    """The mailboxes of an address header (RFC 5322 §3.4), names decoded, in their order.

    Groups are opened, comments and old routes left out. A bare word without ``@`` counts as a
    name with an empty address, so that a recipient named only by name is found as well.
    """
    simple = _SIMPLE.fullmatch(value)
    if simple:
        return (Mailbox(name=decode(simple[1] or "", limit) or None, address=simple[2]),)
    found: list[Mailbox] = []
    words: list[str] = []
    bare: list[str] = []
    angle: list[str] | None = None
    address: str | None = None
    depth = 0

    def close() -> None:
        nonlocal angle, address
        if not bare and angle is None and address is None:
            return
        if angle is not None:
            address = "".join(angle)
        name = " ".join(words)
        if address is None and "@" in (joined := "".join(bare)):
            name, address = "", joined  # "Jo Doe jo@example.org" is no mailbox; all of it is hidden
        box = Mailbox(name=decode(name, limit) or None, address=decode(address or "", limit))
        if box.name or box.address:
            found.append(box)
        words.clear()
        bare.clear()
        angle = address = None

    for quoted, mark, plain in _TOKEN.findall(value):
        word = plain.strip()
        if depth:
            depth += (mark == "(") - (mark == ")")
        elif mark == "(":
            depth = 1
        elif mark == "<":
            angle = []
        elif mark == ">" and angle is not None:
            address, angle = "".join(angle), None
        elif mark == ":":
            (words if angle is None else angle).clear()
            bare.clear()
        elif mark in {",", ";"}:
            if not (angle and angle[0].startswith("@")):
                close()
        elif word or quoted:
            bare.append(word or f'"{quoted}"')
            if angle is None:
                words.append(word or _QUOTED_PAIR.sub(r"\1", quoted))
            else:
                angle.append(bare[-1])
    close()
    return tuple(found)


_SEPARATORS = re.compile(r'[\s<>()\[\],;:"\\\']+')


def addresses(value: str) -> list[str]:
    """Every run of characters in ``value`` that reads as an address, wherever it stands."""
    if "@" not in value:
        return []
    return [run for run in _SEPARATORS.split(value) if "@" in run.strip("@")]


def angle(value: str) -> str:
    """The path of a ``Return-Path`` (RFC 5321 §4.4) without its brackets; empty for ``<>``."""
    start = value.find("<")
    end = value.find(">", start + 1)
    inner = value[start + 1 : end] if start >= 0 and end > start else value
    return _UNSEEN.sub("", inner).strip()[:1_000]


_ZONE = re.compile(r":\d\d\s+(?:[+-]\d{4}|[A-Za-z]{1,5})\b", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}
# A date as nearly every mail spells it; the others are left to the standard library.
_USUAL_DATE = re.compile(
    rf"(?:[A-Z][a-z]{{2}}, )?(\d\d?) ({'|'.join(_MONTHS)}) ([12]\d{{3}}) (\d\d):(\d\d):(\d\d)"
    r" ([+-])(\d\d)(\d\d)",
    re.ASCII,
).fullmatch
_FURTHEST_ZONE = 15 * 3600  # seconds; clocks on earth are set at most 14 hours off


def moment(value: str) -> datetime | None:
    """The time that a date header names, in UTC (RFC 5322 §3.3), or ``None`` where it names none.

    A date without a zone is none: nobody can say when it was. ``-0000`` is read as UTC.
    """
    text = value[:100].partition("(")[0].strip()
    usual = _USUAL_DATE(text)
    if not (usual or _ZONE.search(text)):
        return None
    try:
        if usual:
            return _usual_moment(usual)
        parsed = email.utils.parsedate_tz(text)
        if parsed is None or abs(parsed[9] or 0) > _FURTHEST_ZONE:
            return None
        zone = timezone(timedelta(seconds=parsed[9] or 0))
        second = min(parsed[5], 59)  # a leap second has no place in a datetime
        return datetime(*parsed[:5], second, tzinfo=zone).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _usual_moment(date: re.Match[str]) -> datetime | None:
    day, month, year, hour, minute, second, sign, hours, minutes = date.groups()
    offset = int(hours) * 3600 + int(minutes) * 60
    if offset > _FURTHEST_ZONE:
        return None
    at = (int(year), _MONTH[month], int(day), int(hour), int(minute), min(int(second), 59))
    return datetime(*at, tzinfo=UTC) - timedelta(seconds=offset if sign == "+" else -offset)


_PARAMETER = re.compile(
    r';\s*([^\s=;"]{1,100})\s*=\s*(?:"((?:[^"\\]++|\\.?)*+)"?|([^;\s"]*))', re.DOTALL
)
_SECTION = re.compile(r"(.+?)\*(\d{1,3})(\*?)", re.ASCII).fullmatch
MOST_PARAMETERS = 200
"""Parameters of one field that are looked at; an honest one has under ten."""


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """A MIME field's main value in lower case, and its parameters, decoded (RFC 2231 §3, §4).

    Names are in lower case, the first of equals wins. Sections may come in any order; a missing
    one ends the value. A value in encoded words, which RFC 2047 §5 forbids, is decoded as well.
    """
    main, semicolon, _ = value.partition(";")
    plain: dict[str, str] = {}
    if not semicolon:
        return main.strip().lower(), plain
    cut: dict[str, dict[int, tuple[str, bool]]] = {}
    for count, found in enumerate(_PARAMETER.finditer(value, len(main))):
        if count >= MOST_PARAMETERS:
            break
        name = found[1].lower()
        content = _QUOTED_PAIR.sub(r"\1", found[2]) if found[2] is not None else found[3]
        section = _SECTION(name)
        if section:
            sections = cut.setdefault(section[1], {})
            sections.setdefault(int(section[2]), (content, bool(section[3])))
        elif name.endswith("*"):
            cut.setdefault(name[:-1], {}).setdefault(0, (content, True))
        else:
            plain.setdefault(name, content)
    for name, sections in cut.items():
        plain[name] = _joined(sections)
    return main.strip().lower(), plain


def _joined(sections: dict[int, tuple[str, bool]]) -> str:
    charset = None
    content = b""
    for number in range(len(sections)):
        if number not in sections:
            break
        text, percent = sections[number]
        if percent and number == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        content += unquote_to_bytes(text) if percent else text.encode("utf-8", "replace")
    return text_of(content, charset)


def file_name(value: str, limit: int = 2_000) -> str | None:
    """A parameter's value as a file name: words decoded, path and controls taken out."""
    name = decode(value, limit).replace("\\", "/").rpartition("/")[2]
    return unicodedata.normalize("NFC", name).strip() or None
