"""Officers' decisions about hosting in the database, and the cases whose country they settle.

The law: a decision is never changed; one that holds no longer is ended with its reason and stays.
Each function works in the caller's transaction.
"""

from collections.abc import Collection, Mapping

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import holds
from gateway.edges.store import schema as t
from gateway.edges.store.records import chunks, moment
from gateway.hosting import Decision
from gateway.model import Country, Noun, Nowhere, Report
from gateway.retention import GONE

DOUBTFUL = (str(Nowhere.DISPUTED), str(Nowhere.UNKNOWN_COUNTRY))
"""The shelves of cases whose country may become known."""


class Remembered(Noun):
    """A decision as it stands in the database; times in microseconds since 1970, UTC."""

    id: str
    prefix: str
    country: str
    because: str
    decided_at: int
    ended_at: int | None = None
    ended_because: str = ""


_COLUMNS = [t.decision.c[name] for name in Remembered.__struct_fields__]


def remember(db: Connection, one: Remembered) -> None:
    """Enter a decision; the one on the same network must have been ended before."""
    row = {name: getattr(one, name) for name in Remembered.__struct_fields__}
    db.execute(t.decision.insert(), [row])


def end(db: Connection, prefix: str, at: int, because: str) -> bool:
    """End the decision that holds on the network ``prefix``; whether there was one."""
    d = t.decision.c
    changed = db.execute(
        t.decision.update()
        .where(d.prefix == prefix, d.ended_at.is_(None))
        .values(ended_at=at, ended_because=because)
    )
    return changed.rowcount > 0


def every(db: Connection) -> list[Remembered]:
    """Every decision that was ever made, newest first."""
    query = sa.select(*_COLUMNS).order_by(t.decision.c.decided_at.desc(), t.decision.c.id)
    return [Remembered(**row) for row in db.execute(query).mappings()]


def holding(db: Connection) -> tuple[Decision, ...]:
    """The decisions that hold now, by network."""
    d = t.decision.c
    query = sa.select(*_COLUMNS).where(d.ended_at.is_(None)).order_by(d.prefix)
    return tuple(
        Decision(
            prefix=row["prefix"],
            country=Country(row["country"]),
            because=row["because"],
            decided_on=moment(row["decided_at"]).date().isoformat(),
        )
        for row in db.execute(query).mappings()
    )


class Placed(Noun):
    """A report that was not sent yet, where it lies, and whose country may be decided anew."""

    id: str
    origin: str
    case_id: str


def placed(db: Connection, countries: Collection[str]) -> list[Placed]:
    """Our own reports that were not referred, of cases in doubt or of one of ``countries``."""
    r, c = t.report.c, t.case.c
    query = (
        sa.select(r.id, r.origin, r.case_id)
        .join(t.case, c.id == r.case_id)
        .where(
            c.foreign_issuer == "",
            r.state == "filed",
            r.fate != "referred",
            r.origin.is_not(None),
            sa.or_(c.shelf.in_(DOUBTFUL), c.country.in_(list(countries))),
        )
        .order_by(r.id)
    )
    return [Placed(**row) for row in db.execute(query).mappings()]


def locate(db: Connection, found: Mapping[str, Report]) -> None:
    """Write again what was read of reports, after their hosts were located anew."""
    for report_id, report in found.items():
        place = report.hosting.country if report.hosting else None
        db.execute(t.report.update().where(t.report.c.id == report_id).values(country=place))
        db.execute(
            t.detail.update()
            .where(t.detail.c.report_id == report_id)
            .values(content=msgspec.msgpack.encode(report))
        )


def name(db: Connection, case_id: str, country: str) -> None:
    """Give a case in doubt the country that all its reports have now."""
    db.execute(t.case.update().where(t.case.c.id == case_id).values(country=country))


def move(db: Connection, reports: Collection[str], before: str, after: str) -> None:
    """Take reports out of one case and put them into another, kept, and count both again.

    A legal hold on the case that they leave goes with them.
    """
    holds.follow(db, before, reports)
    for some in chunks(reports):
        db.execute(
            t.report.update().where(t.report.c.id.in_(some)).values(case_id=after, fate="kept")
        )
    for case_id in (before, after):
        _count(db, case_id)


def _count(db: Connection, case_id: str) -> None:
    """Count the reports and reporters of a case from its reports."""
    r, who = t.report.c, t.case_reporter
    db.execute(who.delete().where(who.c.case_id == case_id))
    # A report that nobody is named for counts as one complainant of its own. Whose the forgotten
    # ones were cannot be told any more, so all of them count once, never one for each report.
    complainant = sa.case(
        (r.reporter == "", r.id),
        (r.reporter.startswith(GONE, autoescape=True), sa.literal(GONE + case_id)),
        else_=r.reporter,
    )
    filed = sa.and_(r.case_id == case_id, r.state == "filed")
    each = sa.select(r.case_id, complainant, sa.func.min(r.forget_after))
    each = each.where(filed).group_by(r.case_id, complainant)
    db.execute(who.insert().from_select(["case_id", "reporter", "delete_after"], each))
    counted = sa.select(sa.func.count(), sa.func.min(r.seen_at), sa.func.max(r.seen_at))
    number, first, last = db.execute(counted.where(filed)).one()
    of_case = who.c.case_id == case_id
    people = db.execute(sa.select(sa.func.count()).select_from(who).where(of_case)).scalar_one()
    changes = {"reports": number, "reporters": people}
    if number:
        changes |= {"first_seen": first, "last_seen": last}
    db.execute(t.case.update().where(t.case.c.id == case_id).values(**changes))
