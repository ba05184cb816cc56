"""What left the country, and why, out of the streams to the peers. In the caller's transaction.

A SET counts as left from its first attempt: whether an answer came is another question.
Verbs: ``sums``, ``page``.
"""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.model import Noun
from gateway.retention import CONTROL


class Period(Noun):
    """From ``since`` to before ``until`` (microseconds since 1970, UTC), to one peer or all."""

    since: int
    until: int
    peer: str = ""


class Sum(Noun):
    """How many SETs of one kind, category and fate left for one peer."""

    peer: str
    kind: str
    category: str
    fate: str
    number: int


class Left(Noun):
    """One SET that left; times in microseconds since 1970, UTC."""

    peer: str
    jti: str
    kind: str
    digest: bytes
    token: bytes | None
    state: str
    signed_at: int
    delivered_at: int | None
    proved_at: int | None
    receipt: str | None
    report_id: str | None
    case_id: str | None
    reason: str | None
    case_peer: str | None


def sums(db: Connection, period: Period) -> list[Sum]:
    """What left in the period, counted; every kind, also what only proves."""
    s, c = t.sent.c, t.case.c
    category = sa.func.coalesce(c.category, "")
    query = (
        sa.select(s.peer, s.kind, category, s.state, sa.func.count())
        .select_from(_SENT)
        .where(_left(period))
        .group_by(s.peer, s.kind, category, s.state)
        .order_by(s.peer, s.kind, category, s.state)
    )
    names = Sum.__struct_fields__
    return [Sum(**dict(zip(names, row, strict=True))) for row in db.execute(query)]


def page(db: Connection, period: Period, *, most: int, after: str = "") -> list[Left]:
    """At most ``most`` SETs that left in the period, oldest first, behind the one of ``after``.

    What only proves (receipts, heads) is left out.
    """
    s, c = t.sent.c, t.case.c
    of_case = {"reason": c.reason, "case_peer": c.peer.label("case_peer")}
    names = [name for name in Left.__struct_fields__ if name not in of_case]
    query = sa.select(*[s[name] for name in names], *of_case.values()).select_from(_SENT)
    query = query.where(_left(period), s.kind.not_in([str(kind) for kind in CONTROL]))
    if after:
        before = sa.select(s.signed_at).where(s.jti == after).limit(1).scalar_subquery()
        query = query.where(sa.tuple_(s.signed_at, s.jti) > sa.tuple_(before, after))
    rows = db.execute(query.order_by(s.signed_at, s.jti).limit(most)).mappings()
    return [Left(**row) for row in rows]


_SENT: Final = t.sent.outerjoin(t.case, t.case.c.id == t.sent.c.case_id)


def _left(period: Period) -> sa.ColumnElement[bool]:
    s = t.sent.c
    went = sa.or_(s.attempts > 0, s.delivered_at.is_not(None), s.proved_at.is_not(None))
    within = sa.and_(s.signed_at >= period.since, s.signed_at < period.until)
    return sa.and_(within, went, s.peer == period.peer) if period.peer else sa.and_(within, went)
