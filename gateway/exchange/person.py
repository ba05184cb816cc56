"""What is still kept of a person: where, of which class, until when, and whether it went abroad.

The law: each search stands in the journal, and the journal does not name who was looked for.
Verbs: ``of_person`` (an address, or a name as it is written), ``of_reporter``.
"""

import base64
import binascii
import html
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import unquote

import msgspec

from gateway import redact
from gateway.edges.store import ledger, records, search, streams
from gateway.edges.store.records import micros, moment
from gateway.edges.store.search import Text
from gateway.errors import NotFound
from gateway.exchange.gateway import Gateway
from gateway.model import Noun, PeerId, Report
from gateway.redact import Hider, disguises
from gateway.redact.disguises import lowered
from gateway.retention import Class

EACH = 200
SALT_BYTES = 32
_NO_KEY = bytes(32)
_JSON = msgspec.json.Encoder()
_REPORT = msgspec.msgpack.Decoder(Report)


class Abroad(Noun):
    """One SET about it that left: to whom, when, and what became of it."""

    peer: str
    jti: str
    kind: str
    fate: str
    at: datetime


class Trace(Noun):
    """One place where the person is found.

    ``found`` says in which field or disguise; ``until`` is None where no date ends it or a hold
    keeps it.
    """

    place: str
    kind: Class
    id: str
    found: tuple[str, ...]
    until: datetime | None
    held: bool
    report: str | None = None
    case: str | None = None
    abroad: tuple[Abroad, ...] = ()


class Kept(Noun):
    """Everything found, how much was looked through, and what was not looked at."""

    traces: tuple[Trace, ...]
    looked_at: dict[str, int]
    left_out: tuple[str, ...]


def of_person(gateway: Gateway, who: str, *, originals: bool = True) -> Kept:
    """Search everything that is kept for ``who``, also in the disguises of RFC 6590 §2.

    Args:
        gateway: our own.
        who: a mail address, or a name as it is written.
        originals: whether the mails themselves are read too, which takes longest.
    """
    look = _Looking(gateway, who)
    traces: list[Trace] = []
    looked_at: dict[str, int] = {}
    with gateway.store.read() as db:
        held = search.subjects(db)
        for text in search.texts(db):
            looked_at[text.place] = looked_at.get(text.place, 0) + 1
            found = look.into(text)
            if found:
                traces.append(_trace(gateway, text, found, held))
    if originals:
        traces += _originals(gateway, look, held, looked_at)
    traces = [_with_abroad(gateway, trace) for trace in traces]
    _note(gateway, "person", who, len(traces))
    left_out = ["what is inside archives, images and encrypted attachments"]
    if not originals:
        left_out.append("originals")
    return Kept(traces=tuple(traces), looked_at=looked_at, left_out=tuple(left_out))


def of_reporter(gateway: Gateway, account: str) -> Kept:
    """Every report that ``account`` made, as long as its pseudonym can be made again."""
    traces = []
    with gateway.store.read() as db:
        held = search.subjects(db)
        mine = search.of_reporter(db, gateway.keys.pseudonym(account))
        kept = records.contents(db, [one.id for one in mine])
        sources = records.salts(db, [one.source_sha256 for one in mine])
    for one in mine:
        found = ["pseudonym"]
        found += ["what was read of the mail"] if one.id in kept else []
        found += ["the mail itself"] if one.source_sha256 in sources else []
        on_hold = bool(held & {one.id, one.case_id})
        trace = Trace(
            place="reporter",
            kind=Class.REPORTER,
            id=one.id,
            found=tuple(found),
            until=None if on_hold or one.forget_after is None else moment(one.forget_after),
            held=on_hold,
            report=one.id,
            case=one.case_id,
        )
        traces.append(_with_abroad(gateway, trace))
    _note(gateway, "reporter", account, len(traces))
    return Kept(traces=tuple(traces), looked_at={"reporter": len(mine)}, left_out=())


class _Looking:
    """One person, ready to be looked for in any text."""

    def __init__(self, gateway: Gateway, who: str) -> None:
        self._gateway = gateway
        self._who = who.strip()
        self._name = lowered(self._who)
        self._hider = Hider(_NO_KEY, [self._who]) if "@" in self._who else None

    def into(self, text: Text) -> tuple[str, ...]:
        """In which fields or disguises the person stands in one text of the database."""
        if text.place == "report" and text.kind is Class.REPORT:
            fields = self._fields(text.content)
            if fields is not None:
                return fields
        content = _opened(text.content)
        found = self.seen(content)
        if text.place == "message sent" and self._hider is not None:
            hidden = redact.token(self._who, self._gateway.keys.redaction(PeerId(text.peer)))
            if hidden.encode() in content:
                found = (*found, "token")
        return found

    def seen(self, content: bytes) -> tuple[str, ...]:
        """As what the person stands in ``content``."""
        if self._hider is not None:
            said = dict.fromkeys(one.partition(": ")[2] for one in self._hider.leaks(content))
            if "address" in said and not self._apart(content):
                said.pop("address")
            return tuple(said)
        low = lowered(content.decode("utf-8", "replace"))
        return ("name",) if self._name and self._name in low else ()

    def _apart(self, content: bytes) -> bool:
        """Whether the address stands by itself: "x@a.example" is no part of "mx.a.example"."""
        text = content.decode("utf-8", "replace")
        spellings = disguises.of(self._who)
        return any(
            not low[start - 1 : start].isalnum()
            for low in dict.fromkeys(
                (lowered(text), lowered(unquote(text)), lowered(html.unescape(text)))
            )
            for known in spellings
            for start, _, _ in disguises.plain(known, low)
        )

    def mail(self, content: bytes) -> tuple[str, ...]:
        """As what the person stands in a mail, its folding, soft breaks and entities undone."""
        joined = content.replace(b"=\r\n", b"").replace(b"=\n", b"")
        joined = joined.replace(b"\r\n", b"").replace(b"\n", b"")
        text = html.unescape(joined.decode("utf-8", "replace")).encode()
        decoded = binascii.a2b_qp(content)
        views = dict.fromkeys((content, joined, text, decoded))
        return tuple(dict.fromkeys(found for view in views for found in self.seen(view)))

    def _fields(self, content: bytes) -> tuple[str, ...] | None:
        """In which fields of a Report; None where ``content`` is none."""
        try:
            report = _REPORT.decode(content)
        except msgspec.DecodeError:
            return None
        found = []
        for name, value in _parts(report):
            if self.seen(value if isinstance(value, bytes) else _JSON.encode(value)):
                found.append(name)
        return tuple(dict.fromkeys(found))


def _parts(report: Report) -> Iterator[tuple[str, object]]:
    """Every part of a Report that may name somebody, with its name."""
    yield "complaint", [f"{name}: {value}" for name, value in report.complaint.fields]
    yield "problems", report.problems
    yield "category", report.judgement
    yield "origin", report.origin
    message = report.message
    if message is None:
        return
    for name, value in message.headers:
        yield f"header {name}", value.encode("utf-8", "replace")
    for field in message.__struct_fields__:
        if field != "headers":
            yield field.replace("_", " "), getattr(message, field)


def _opened(content: bytes) -> bytes:
    """A signed token as what it says; anything else as it is."""
    parts = content.split(b".")
    if len(parts) != 3:
        return content
    try:
        return base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))
    except (binascii.Error, ValueError):
        return content


def _trace(gateway: Gateway, text: Text, found: tuple[str, ...], held: frozenset[str]) -> Trace:
    until = text.until
    if until is None and text.since is not None:
        until = gateway.terms.until(text.kind, text.since)
    on_hold = bool(held & {text.report_id, text.case_id, text.id})
    return Trace(
        place=text.place,
        kind=text.kind,
        id=text.id,
        found=found,
        until=None if on_hold or until is None else moment(until),
        held=on_hold,
        report=text.report_id,
        case=text.case_id,
    )


def _originals(
    gateway: Gateway, look: _Looking, held: frozenset[str], looked_at: dict[str, int]
) -> Iterator[Trace]:
    """The mails in which the person stands, read one at a time."""
    after = ""
    while True:
        with gateway.store.read() as db:
            some = search.sources(db, gateway.me, after, EACH)
        if not some:
            return
        for source in some:
            try:
                found = look.mail(gateway.blobs.fetch(source.sha256))
            except NotFound:
                continue  # A purge was faster.
            looked_at["original"] = looked_at.get("original", 0) + 1
            for report_id, case_id in source.reports if found else ():
                on_hold = bool(held & {report_id, case_id})
                until = source.delete_after
                yield Trace(
                    place="original",
                    kind=Class.ORIGINAL,
                    id=source.sha256,
                    found=found,
                    until=None if on_hold or until is None else moment(until),
                    held=on_hold,
                    report=report_id,
                    case=case_id,
                )
        after = some[-1].sha256


def _with_abroad(gateway: Gateway, trace: Trace) -> Trace:
    """The trace with every SET about its report that left."""
    if trace.report is None:
        return trace
    with gateway.store.read() as db:
        postings = streams.postings_of_report(db, trace.report)
    went = tuple(
        Abroad(
            peer=posting.peer,
            jti=posting.jti,
            kind=posting.kind,
            fate=posting.state,
            at=moment(posting.delivered_at or posting.signed_at),
        )
        for posting in postings
        if posting.attempts or posting.delivered_at is not None
    )
    return msgspec.structs.replace(trace, abroad=went)


def _note(gateway: Gateway, what: str, who: str, found: int) -> None:
    said = {"what": what, "who": gateway.keys.sought(who), "found": found}
    with gateway.store.write() as db:
        at = micros(gateway.now())
        ledger.append(db, at, "searched", said, gateway.draw(SALT_BYTES))
