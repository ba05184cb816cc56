"""Legal holds: what may not be deleted, whatever its date. In the caller's transaction.

A hold names a case or a report; what it keeps is worked out whenever it is asked, so that a
report that joins a held case is held, and two holds on one thing are released one by one.
Verbs: ``hold``, ``release``, ``standing``.
"""

from collections.abc import Collection
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.model import Noun

_NEVER: Final = 2**62


class Hold(Noun):
    """Why a case or a report may not be deleted, since when (microseconds since 1970, UTC)."""

    subject: str
    because: str
    since: int


def hold(db: Connection, kept: Hold) -> bool:
    """Let nothing of a case or report be deleted; False where it is held already."""
    insert = sa.insert(t.hold).prefix_with("OR IGNORE", dialect="sqlite")
    return db.execute(insert.values(**msgspec.structs.asdict(kept))).rowcount == 1


def release(db: Connection, subject: str) -> bool:
    """End the hold on a case or report; False where there is none."""
    return db.execute(t.hold.delete().where(t.hold.c.subject == subject)).rowcount == 1


def standing(db: Connection) -> list[Hold]:
    """Every hold that stands, oldest first."""
    query = sa.select(t.hold).order_by(t.hold.c.since, t.hold.c.subject)
    return [Hold(**row) for row in db.execute(query).mappings()]


_SUBJECTS = sa.select(t.hold.c.subject)
_R = t.report.alias()


def _of_reports(column: sa.ColumnElement[object]) -> sa.CompoundSelect[tuple[object]]:
    """A column of every held report: held itself, or with its case. Both ways by an index."""
    return sa.union(
        sa.select(column).where(_R.c.id.in_(_SUBJECTS)),
        sa.select(column).where(_R.c.case_id.in_(_SUBJECTS)),
    )


SOURCES: Final = _of_reports(_R.c.source_sha256)
"""The sources of held reports."""
REPORTS: Final = _of_reports(_R.c.id)
"""Held reports, with those of held cases."""


def free(table: sa.Table, report: str = "report_id") -> sa.ColumnElement[bool]:
    """What is not about a held report or case, by the table's columns that name them.

    A report may have moved to a held case after something was said of it under another one.
    """
    report_id = sa.func.coalesce(table.c[report], "")
    case_id = sa.func.coalesce(table.c.case_id, "")
    return sa.and_(report_id.not_in(REPORTS), case_id.not_in(_SUBJECTS))


def follow(db: Connection, case_id: str, reports: Collection[str]) -> None:
    """Hold each of ``reports``, which leave the case, by the hold of the case if there is one."""
    for kept in standing(db):
        if kept.subject == case_id:
            for report_id in reports:
                hold(db, msgspec.structs.replace(kept, subject=report_id))


CASES: Final = sa.union(
    _SUBJECTS, sa.select(sa.func.coalesce(_R.c.case_id, "")).where(_R.c.id.in_(_SUBJECTS))
)
"""Held cases, and those of held reports."""
CAMPAIGNS: Final = sa.select(t.case.c.campaign).where(t.case.c.id.in_(CASES))
"""The campaigns of held cases."""
REPORT_FREE: Final = free(t.report, "id")
"""A report that nothing holds."""
CONFLICT_FREE: Final = sa.not_(
    sa.exists().where(
        t.received.c.issuer == t.conflict.c.issuer,
        t.received.c.jti == t.conflict.c.jti,
        sa.not_(free(t.received)),
    )
)
"""A contested SET whose first version is not held."""
_moments = _of_reports(_R.c.recorded_at).subquery()
FIRST: Final = sa.func.coalesce(sa.select(sa.func.min(_moments.c[0])).scalar_subquery(), _NEVER)
"""When the oldest held report was recorded; far ahead where nothing is held."""
