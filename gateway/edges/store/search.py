"""Every text in the database that may name a person, for whoever asks what is kept of somebody.

One statement a place; a place that is missing here fails the test that compares it with
``gateway.retention.COLUMNS``. In the caller's transaction. Verbs: ``texts``, ``of_reporter``.
"""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import holds
from gateway.edges.store import schema as t
from gateway.model import Noun
from gateway.retention import Class

_EACH: Final = 200


class Text(Noun):
    """One text that is kept: where, of which class, under which id, and about what.

    ``until`` is its date of deletion where it has one of its own, else ``since`` is what its
    class counts from; both in microseconds since 1970, UTC.
    """

    place: str
    kind: Class
    id: str
    content: bytes
    until: int | None = None
    since: int | None = None
    report_id: str | None = None
    case_id: str | None = None
    peer: str = ""


_D, _R, _S, _I, _C = t.detail.c, t.report.c, t.sent.c, t.received.c, t.conflict.c
_CASE, _J = t.case.c, t.journal.c
_NONE = sa.null()

# Each: place, class, columns, and (id, until, since, report, case, peer).
_PLACES: Final = (
    (
        "report",
        Class.REPORT,
        (_D.content,),
        (_D.report_id, _R.delete_after, _NONE, _R.id, _R.case_id, _NONE),
    ),
    (
        "remark on a report",
        Class.REPORT,
        (_R.why, _R.origin),
        (_R.id, _R.delete_after, _NONE, _R.id, _R.case_id, _NONE),
    ),
    (
        "message sent",
        Class.MESSAGE,
        (_S.token, _S.why),
        (_S.jti, _S.delete_after, _NONE, _S.report_id, _S.case_id, _S.peer),
    ),
    (
        "message received",
        Class.MESSAGE,
        (_I.token, _I.why),
        (_I.jti, _I.delete_after, _NONE, _I.report_id, _I.case_id, _I.issuer),
    ),
    (
        "contested message",
        Class.MESSAGE,
        (_C.token,),
        (_C.jti, _C.delete_after, _NONE, _NONE, _NONE, _C.issuer),
    ),
    (
        "reason of a case",
        Class.CASE,
        (_CASE.reason,),
        (_CASE.id, _NONE, _CASE.last_seen, _NONE, _CASE.id, _NONE),
    ),
    (
        "judgement by hand",
        Class.CASE,
        (t.correction.c.because,),
        (t.correction.c.about, _NONE, t.correction.c.at, _NONE, t.correction.c.about, _NONE),
    ),
    (
        "decision about hosting",
        Class.CASE,
        (t.decision.c.because, t.decision.c.ended_because),
        (t.decision.c.id, _NONE, t.decision.c.ended_at, _NONE, _NONE, _NONE),
    ),
    (
        "journal",
        Class.JOURNAL,
        (_J.content,),
        (sa.cast(_J.seq, sa.Text), _NONE, _J.at, _NONE, _NONE, _NONE),
    ),
    (
        "reason of a hold",
        Class.HOLD,
        (t.hold.c.because,),
        (t.hold.c.subject, _NONE, _NONE, _NONE, _NONE, _NONE),
    ),
    (
        "record of a peer",
        Class.CONTACT,
        (t.peer.c.record,),
        (t.peer.c.id, t.peer.c.delete_after, _NONE, _NONE, _NONE, t.peer.c.id),
    ),
    (
        "statement of a peer",
        Class.PROOF,
        (t.statement.c.token,),
        (t.statement.c.sha256, _NONE, _NONE, _NONE, _NONE, t.statement.c.peer),
    ),
)


def texts(db: Connection) -> Iterator[Text]:
    """Every text that may name somebody, one after another, without holding them all."""
    for place, kind, contents, about in _PLACES:
        query = sa.select(*contents, *about)
        if place == "report":
            query = query.select_from(t.detail.join(t.report, _R.id == _D.report_id))
        query = query.where(sa.or_(*(column.is_not(None) for column in contents)))
        for row in db.execute(query, execution_options={"yield_per": _EACH}):
            id_, until, since, report_id, case_id, peer = row[len(contents) :]
            for content in row[: len(contents)]:
                if content:
                    yield Text(
                        place=place,
                        kind=kind,
                        id=id_,
                        content=content if isinstance(content, bytes) else content.encode(),
                        until=until,
                        since=since,
                        report_id=report_id,
                        case_id=case_id,
                        peer=peer or "",
                    )


class Mine(Noun):
    """One report of a reporter; ``forget_after`` in microseconds since 1970, UTC."""

    id: str
    source_sha256: str
    case_id: str | None
    forget_after: int | None


def of_reporter(db: Connection, pseudonym: str) -> list[Mine]:
    """Every report that stands under ``pseudonym``, oldest first."""
    names = Mine.__struct_fields__
    query = sa.select(*[_R[name] for name in names]).where(_R.reporter == pseudonym)
    rows = db.execute(query.order_by(_R.id))
    return [Mine(**dict(zip(names, row, strict=True))) for row in rows]


class Source(Noun):
    """One original that is kept, with the reports of it."""

    sha256: str
    delete_after: int | None
    reports: tuple[tuple[str, str | None], ...]


def sources(db: Connection, issuer: str, after: str, most: int) -> list[Source]:
    """At most ``most`` originals that are kept, in order, behind ``after``; reports: (id, case)."""
    o = t.original.c
    query = sa.select(o.sha256, o.delete_after).where(o.sha256 > after, o.salt.is_not(None))
    found = db.execute(query.order_by(o.sha256).limit(most)).all()
    digests = [row.sha256 for row in found]
    of: dict[str, list[tuple[str, str | None]]] = {digest: [] for digest in digests}
    reports = sa.select(_R.source_sha256, _R.id, _R.case_id)
    reports = reports.where(_R.issuer == issuer, _R.source_sha256.in_(digests))
    for digest, id_, case_id in db.execute(reports):
        of[digest].append((id_, case_id))
    return [
        Source(sha256=digest, delete_after=until, reports=tuple(of[digest]))
        for digest, until in found
    ]


def subjects(db: Connection) -> frozenset[str]:
    """The ids of everything that is held."""
    return frozenset(kept.subject for kept in holds.standing(db))


def columns() -> frozenset[tuple[str, str]]:
    """Every column that ``texts`` reads, as (table, column)."""
    return frozenset(
        (column.table.name, column.name) for _, _, contents, _ in _PLACES for column in contents
    )
