"""New dates of deletion after the settings have changed. In the caller's transaction.

Only rows that still have a date get another one: what is empty stays empty. Verb: ``date_again``.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.model import PeerId
from gateway.retention import Class, Terms

Place = tuple[int, tuple[object, ...] | None]
"""Which kind of date is gone through, and the last key done of it."""
BEGINNING: Final[Place] = (0, None)

_R = t.report.alias()
_EARLIEST = (
    sa.select(sa.func.min(_R.c.recorded_at))
    .where(_R.c.case_id == t.case_reporter.c.case_id, _R.c.reporter == t.case_reporter.c.reporter)
    .scalar_subquery()
)
_LATEST = (
    sa.select(sa.func.max(_R.c.recorded_at))
    .where(_R.c.issuer == sa.bindparam("me"), _R.c.source_sha256 == t.original.c.sha256)
    .scalar_subquery()
)
_SINCE: Final = (
    (t.report.c.delete_after, Class.REPORT, t.report.c.recorded_at),
    (t.report.c.forget_after, Class.REPORTER, t.report.c.recorded_at),
    (t.case_reporter.c.delete_after, Class.REPORTER, _EARLIEST),
    (t.original.c.delete_after, Class.ORIGINAL, sa.func.coalesce(_LATEST, t.original.c.stored_at)),
    (t.sent.c.delete_after, Class.MESSAGE, t.sent.c.signed_at),
    (t.received.c.delete_after, Class.MESSAGE, t.received.c.received_at),
    (t.conflict.c.delete_after, Class.MESSAGE, t.conflict.c.received_at),
)
"""Each date, its class, and what it is counted from."""


def date_again(
    db: Connection, me: PeerId, terms: Terms, place: Place, most: int
) -> tuple[int, Place | None]:
    """Give the next ``most`` rows that have a date the one that the settings now say.

    Returns:
        how many changed, and the place to go on from; None at the end.
    """
    number, after = place
    column, kind, since = _SINCE[number]
    table = column.table
    keys = list(table.primary_key.columns)
    query = sa.select(*keys).where(column.is_not(None)).order_by(*keys).limit(most)
    if after is not None:
        query = query.where(sa.tuple_(*keys) > sa.tuple_(*after))
    found = [tuple(row) for row in db.execute(query)]
    if not found:
        return 0, (number + 1, None) if number + 1 < len(_SINCE) else None
    until = sa.func.coalesce(since + (terms.until(kind, 0) or 0), column)
    change = (
        sa.update(table)
        .where(sa.tuple_(*keys).in_(found), column.is_not(None), column != until)
        .values({column.name: until})
    )
    given = {"me": me} if column is t.original.c.delete_after else {}
    return db.execute(change, given).rowcount, (number, found[-1])
