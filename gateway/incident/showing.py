"""What becomes of each field of one report on its way to one peer: for a privacy reviewer.

The law: every field that the report has is said once, as it is, changed or left out, with the
reason of the one table (``border``). Verb: ``show``.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.incident.border import HEADERS, TABLE, Row
from gateway.incident.composing import travelling
from gateway.model import Noun, Report


class Fate(StrEnum):
    """What became of a field."""

    LEFT_OUT = "left out"
    CHANGED = "changed"
    AS_IT_IS = "as it is"


class Shown(Noun, omit_defaults=True):
    """One field that the report has; ``how`` it was changed, and ``why`` it goes or stays."""

    field: str
    fate: Fate
    why: str
    how: str = ""


_WORDS = frozenset({"text of the mail", "content of attachments", "who reports, and the pseudonym"})
"""Rows without a noun that concern every mail."""
_MAILERS = "Message.headers: X-Mailer or User-Agent"
_OTHERS = "Message.headers: every other field"


def show(report: Report, document: bytes | None) -> tuple[Shown, ...]:
    """What becomes of every field that ``report`` has.

    Args:
        report: the one that was composed.
        document: its document in JSON as it would be sent; None where it may not be sent at all.
    """
    said = frozenset() if document is None else frozenset(_texts(msgspec.json.decode(document)))
    return tuple(
        _shown(row, given, said, sent=document is not None)
        for row in TABLE
        if (given := _given(row, report)) is not None
    )


def _shown(row: Row, given: list[str], said: frozenset[str], *, sent: bool) -> Shown:
    if not row.crosses:
        return Shown(field=row.field, fate=Fate.LEFT_OUT, why=row.why)
    if not sent:
        return Shown(field=row.field, fate=Fate.LEFT_OUT, why="the report does not leave")
    if all(text in said for text in given):
        return Shown(field=row.field, fate=Fate.AS_IT_IS, why=row.why)
    return Shown(field=row.field, fate=Fate.CHANGED, why=row.why, how=row.how)


def _given(row: Row, report: Report) -> list[str] | None:
    """The values that the report has for a row; None where it has none, or it is not about it."""
    if row.field in _WORDS:
        return [] if report.message else None
    noun, _, name = row.field.partition(".")
    if name.startswith("headers"):
        return _header_values(row, report)
    holders: dict[str, tuple[Noun | None, ...]] = {
        "Report": (report,),
        "Complaint": (report.complaint,),
        "Message": (report.message,),
        "Mailbox": (report.message.sender if report.message else None,),
        "Link": report.message.links if report.message else (),
        "Attachment": report.message.attachments if report.message else (),
        "Origin": (report.origin,),
        "Claimed": report.origin.claimed if report.origin else (),
        "Hosting": (report.hosting,),
        "HostingClaim": report.hosting.claims if report.hosting else (),
        "Judgement": (report.judgement,),
        "Fingerprint": (report.fingerprint,),
    }
    found = [getattr(holder, name) for holder in holders.get(noun, ()) if holder is not None]
    found = [value for value in found if value not in (None, (), "", False)]
    if name.endswith("sha256"):
        return [b64encode(bytes.fromhex(str(value))).decode() for value in found] or None
    return [_text(value) for value in found] if found else None


def _header_values(row: Row, report: Report) -> list[str] | None:
    if report.message is None:
        return None
    found, mailer = travelling(report.message)
    if row.field == _MAILERS:
        return None if mailer is None else [mailer]
    if row.field == _OTHERS:
        known = {*HEADERS, "x-mailer", "user-agent"}
        return [] if any(name.lower() not in known for name, _ in report.message.headers) else None
    return [value for _, value in found] or None


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return str(msgspec.to_builtins(value))
    return "true" if value is True else str(value)


def _texts(value: object) -> Iterator[str]:
    """Every value of a document as text; a line of CSV also by its columns."""
    if isinstance(value, dict):
        if value.get("dtype") == "csv":
            yield from str(value["value"]).replace('"', "").split(",")
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    else:
        yield str(value)
