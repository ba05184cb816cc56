"""Reports and cases in the database. Each function works in the caller's transaction.

A batch is written with one statement a table; whatever can be asked for a whole batch at once
is, because the cost of a report is the cost of the road.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection, RowMapping

from gateway.edges.store import schema as t
from gateway.model import (
    Case,
    CaseId,
    Category,
    Country,
    Noun,
    Nowhere,
    PeerId,
    Report,
    Route,
)
from gateway.retention import GONE

_PACK = msgspec.msgpack.Encoder()
_REPORT = msgspec.msgpack.Decoder(Report)
CHUNK = 900
"""How many values one statement may name; SQLite's classic bound is 999."""


class Filed(Noun):
    """A report as it stands in the database; times in microseconds since 1970, UTC."""

    id: str
    issuer: str
    source_sha256: str
    reporter: str
    recorded_at: int
    seen_at: int
    state: str
    fate: str
    why: str
    origin: str | None
    country: str | None
    network: str
    category: str
    campaign: str | None
    case_id: str | None
    delete_after: int | None = None
    forget_after: int | None = None


def micros(moment: datetime) -> int:
    """``moment`` in microseconds since 1970, UTC."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def moment(value: int) -> datetime:
    """The aware UTC time of ``value`` microseconds since 1970."""
    seconds, rest = divmod(value, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def chunks(values: Collection[str] | Collection[int]) -> Iterable[Sequence[object]]:
    """``values`` in lists that one statement may name."""
    listed: list[object] = list(values)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def known_sources(
    db: Connection, issuer: str, reporter: str, digests: Collection[str], forgotten: int = 0
) -> set[str]:
    """Those of ``digests`` that ``reporter`` has already reported.

    A named reporter's mail that somebody reported of whom nothing is known any more counts as
    reported by the same person, for a source names its recipient; ``forgotten`` is the time up
    to which the pseudonyms mean nothing, in microseconds since 1970.
    """
    found: set[str] = set()
    r = t.report.c
    same = r.reporter == reporter
    if reporter:
        nobody = sa.and_(r.reporter >= GONE, r.reporter < f"{GONE}~")
        same = sa.or_(same, nobody)
        if forgotten:
            same = sa.or_(same, sa.and_(r.reporter != "", r.recorded_at <= forgotten))
    for some in chunks(digests):
        query = sa.select(r.source_sha256).where(
            r.issuer == issuer, same, r.source_sha256.in_(some)
        )
        found.update(str(row) for row in db.execute(query).scalars())
    return found


def file_reports(db: Connection, filed: Sequence[Filed], contents: Mapping[str, Report]) -> None:
    """Write new reports, and what was read of them under their ids in ``contents``."""
    if filed:
        db.execute(t.report.insert(), [msgspec.structs.asdict(row) for row in filed])
    if contents:
        rows = [{"report_id": id_, "content": _PACK.encode(r)} for id_, r in contents.items()]
        db.execute(t.detail.insert(), rows)


class Kept(Noun):
    """An original on its way into the database; times in microseconds since 1970, UTC."""

    sha256: str
    size: int
    salt: bytes
    salted: bytes
    stored_at: int
    delete_after: int | None


def keep_originals(db: Connection, rows: Sequence[Kept]) -> None:
    """Enter originals; one already entered stays as long as its last report, one deleted returns.

    What comes back has a new salt: the one that its old digest crossed with is gone for good.
    """
    if not rows:
        return
    insert = sqlite.insert(t.original)
    new, old = insert.excluded, t.original.c
    statement = insert.on_conflict_do_update(
        index_elements=[old.sha256],
        set_={
            "salted": sa.case((old.salt.is_(None), new.salted), else_=old.salted),
            "salt": sa.func.coalesce(old.salt, new.salt),
            "delete_after": sa.case(
                (old.delete_after > new.delete_after, old.delete_after), else_=new.delete_after
            ),
        },
    )
    db.execute(statement, [msgspec.structs.asdict(row) for row in rows])


def contents(db: Connection, ids: Collection[str]) -> dict[str, Report]:
    """What was read of the reports ``ids``, as far as it is still kept."""
    found: dict[str, Report] = {}
    for some in chunks(ids):
        query = sa.select(t.detail).where(t.detail.c.report_id.in_(some))
        for row in db.execute(query):
            found[row.report_id] = _REPORT.decode(row.content)
    return found


def salts(db: Connection, digests: Collection[str]) -> dict[str, tuple[bytes, bytes]]:
    """The salt and the salted digest of each original named by its digest and still kept."""
    found: dict[str, tuple[bytes, bytes]] = {}
    o = t.original.c
    for some in chunks(digests):
        query = sa.select(o.sha256, o.salt, o.salted)
        query = query.where(o.sha256.in_(some), o.salt.is_not(None))
        found.update({name: (salt, salted) for name, salt, salted in db.execute(query)})
    return found


def digests(db: Connection, after: str, most: int) -> list[str]:
    """The digests of at most ``most`` originals that are kept, in order, behind ``after``."""
    o = t.original.c
    query = sa.select(o.sha256).where(o.sha256 > after, o.salt.is_not(None))
    return list(db.execute(query.order_by(o.sha256).limit(most)).scalars())


def to_refer(db: Connection, peer: str, most: int) -> list[Filed]:
    """At most ``most`` reports that are to be referred to ``peer``, oldest first."""
    names = Filed.__struct_fields__
    r = t.report.c
    query = (
        sa.select(*[r[name] for name in names])
        .join(t.case, t.case.c.id == r.case_id)
        .where(r.fate == "to_refer", r.state == "filed", t.case.c.peer == peer)
        .order_by(r.id)
        .limit(most)
    )
    return [Filed(**row) for row in db.execute(query).mappings()]


def refer(db: Connection, ids: Sequence[str], why: str = "") -> int:
    """Mark reports as referred by compare-and-set; how many were still to be."""
    r, done = t.report.c, 0
    for some in chunks(ids):
        done += db.execute(
            t.report.update()
            .where(r.id.in_(some), r.fate == "to_refer")
            .values(fate="kept" if why else "referred", why=why)
        ).rowcount
    return done


def amend(db: Connection, filed: Filed) -> None:
    """Write again where a report places its sender and what it calls the Message."""
    r = t.report.c
    changed = {name: getattr(filed, name) for name in ("origin", "country", "network", "category")}
    db.execute(t.report.update().where(r.id == filed.id).values(**changed))


def withdraw(db: Connection, report_id: str, because: str, until: int | None) -> None:
    """Take a report out of its case's counts; the report itself stays, with the reason.

    Its reporter counts no more either, unless another standing report of the case is theirs.
    ``until`` is when the reason goes, where the report has no date of its own any more.
    """
    r, c = t.report.c, t.case.c
    changed = db.execute(
        t.report.update()
        .where(r.id == report_id, r.state == "filed")
        .values(
            state="withdrawn",
            fate="kept",
            why=because[:1000],
            delete_after=sa.func.coalesce(r.delete_after, until),
        )
    )
    if changed.rowcount == 0:
        return
    case_id, reporter = db.execute(sa.select(r.case_id, r.reporter).where(r.id == report_id)).one()
    who = t.case_reporter.c
    others = sa.exists().where(
        r.case_id == case_id, r.reporter == reporter, r.state == "filed", r.reporter != ""
    )
    db.execute(
        t.case_reporter.delete().where(
            who.case_id == case_id, who.reporter == (reporter or report_id), ~others
        )
    )
    left = sa.select(sa.func.count()).where(who.case_id == case_id).scalar_subquery()
    db.execute(t.case.update().where(c.id == case_id).values(reports=c.reports - 1, reporters=left))


def reinstate(db: Connection, report_id: str) -> None:
    """Count a report that was withdrawn into its case again: its author says it anew."""
    r, c = t.report.c, t.case.c
    changed = db.execute(
        t.report.update()
        .where(r.id == report_id, r.state == "withdrawn")
        .values(state="filed", why="")
    )
    if changed.rowcount == 0:
        return
    case_id, reporter = db.execute(sa.select(r.case_id, r.reporter).where(r.id == report_id)).one()
    who = t.case_reporter.c
    row = {"case_id": case_id, "reporter": reporter or report_id}
    db.execute(sa.insert(t.case_reporter).prefix_with("OR IGNORE", dialect="sqlite"), [row])
    left = sa.select(sa.func.count()).where(who.case_id == case_id).scalar_subquery()
    db.execute(t.case.update().where(c.id == case_id).values(reports=c.reports + 1, reporters=left))


def reports(db: Connection, *, ids: Sequence[str] = (), case_id: str = "") -> list[Filed]:
    """The reports of those ids, or of one case, by id."""
    names = Filed.__struct_fields__
    r = t.report.c
    query = sa.select(*[r[name] for name in names]).order_by(r.id)
    query = query.where(r.case_id == case_id) if case_id else query.where(r.id.in_(ids))
    return [Filed(**row) for row in db.execute(query).mappings()]


def as_case(row: RowMapping) -> Case:
    """The case that stands in ``row``."""
    issuer, foreign = row["foreign_issuer"], row["foreign_id"]
    peer, country = row["peer"], row["country"]
    shelf = row["shelf"]
    return Case(
        id=CaseId(row["id"]),
        campaign=row["campaign"],
        country=Country(country) if country else None,
        network=row["network"],
        category=Category(row["category"]),
        route=Route(
            reason=row["reason"],
            peer=PeerId(peer) if peer else None,
            countries=(Country(country),) if peer and country else (),
            none=Nowhere(shelf) if shelf else None,
        ),
        reports=row["reports"],
        reporters=row["reporters"],
        first_seen=moment(row["first_seen"]),
        last_seen=moment(row["last_seen"]),
        opened_at=moment(row["opened_at"]),
        foreign=((PeerId(issuer), CaseId(foreign)),) if issuer else (),
    )
