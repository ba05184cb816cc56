"""What was judged by hand about cases and reports; nothing of it is overwritten.

In the caller's transaction.
"""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.edges.store.records import chunks, micros, moment
from gateway.model import Category, Correction, evolve


def add(db: Connection, made: Correction) -> None:
    """Enter a judgement by hand; it holds until the next one about the same."""
    c = t.correction.c
    before = db.scalar(sa.select(sa.func.max(c.number)).where(c.about == made.about)) or 0
    db.execute(
        t.correction.insert().values(
            about=made.about,
            number=before + 1,
            category=made.category,
            was=made.was,
            because=made.because,
            at=micros(made.at),
        )
    )


def about(db: Connection, names: Collection[str]) -> list[Correction]:
    """Every judgement by hand about those cases and reports, each in its order."""
    found: list[Correction] = []
    c = t.correction.c
    for some in chunks(names):
        query = sa.select(t.correction).where(c.about.in_(some)).order_by(c.about, c.number)
        found += [
            Correction(
                about=row.about,
                category=Category(row.category),
                was=Category(row.was),
                because=row.because,
                at=moment(row.at),
            )
            for row in db.execute(query)
        ]
    return found


def holding(db: Connection, names: Collection[str]) -> dict[str, Category]:
    """What each of those cases and reports was last called by hand, where it was."""
    return {made.about: made.category for made in about(db, names)}


def follow(db: Connection, before: str, after: str) -> None:
    """Let the judgement that holds for a case hold for the one that its reports go to as well."""
    for made in about(db, [before])[-1:]:
        add(db, evolve(made, about=after))


def call_reports(db: Connection, case_id: str, now: Category) -> None:
    """Call every standing report of a case so, except those that were judged by themselves."""
    r, c = t.report.c, t.correction.c
    by_itself = sa.exists().where(c.about == r.id)
    standing = sa.and_(r.case_id == case_id, r.state == "filed", ~by_itself)
    db.execute(t.report.update().where(standing).values(category=now))


def call_report(db: Connection, report_id: str, now: Category) -> None:
    """Call one report so."""
    db.execute(t.report.update().where(t.report.c.id == report_id).values(category=now))


def take_home(db: Connection, ids: Sequence[str], why: str) -> None:
    """Say of reports that went abroad, or were to go, that they stay at home, and why."""
    r = t.report.c
    for some in chunks(ids):
        db.execute(
            t.report.update()
            .where(r.id.in_(some), r.fate.in_(("referred", "to_refer")))
            .values(fate="kept", why=why)
        )
