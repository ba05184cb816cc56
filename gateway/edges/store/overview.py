"""Counts and the last exchanges, for whoever looks at the whole. In the caller's transaction."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.model import Kind, Noun, PeerId
from gateway.protocol import Fate


class Counts(Noun):
    """How many reports are ours, came from abroad, went there and were accepted there; cases."""

    at_home: int
    from_abroad: int
    cases: int
    sent: int
    accepted: int


class Passed(Noun):
    """One SET that passed: when (microseconds since 1970), which way, whose, and its fate."""

    at: int
    outgoing: bool
    peer: str
    kind: str
    fate: str


def counts(db: Connection, me: PeerId) -> Counts:
    """How much there is of everything."""

    def number(query: sa.Select[int]) -> int:
        return int(db.scalar(query) or 0)

    one, r, s = sa.func.count(), t.report.c, t.sent.c
    reports = sa.select(one).select_from(t.report)
    sent = sa.select(one).select_from(t.sent).where(s.kind == str(Kind.REPORT))
    return Counts(
        at_home=number(reports.where(r.issuer == me)),
        from_abroad=number(reports.where(r.issuer != me)),
        cases=number(sa.select(one).select_from(t.case)),
        sent=number(sent),
        accepted=number(sent.where(s.state == str(Fate.ACCEPTED))),
    )


def last(db: Connection, kinds: Sequence[str], most: int) -> list[Passed]:
    """The last ``most`` SETs of these kinds, both ways, newest first."""
    s, a = t.sent.c, t.received.c
    out = sa.select(s.signed_at, s.peer, s.kind, s.state).where(s.kind.in_(kinds))
    into = sa.select(a.received_at, a.issuer, a.kind, a.verdict).where(a.kind.in_(kinds))
    found = [
        Passed(at=at, outgoing=outgoing, peer=peer, kind=kind, fate=fate)
        for outgoing, query in (
            (True, out.order_by(s.signed_at.desc())),
            (False, into.order_by(a.received_at.desc())),
        )
        for at, peer, kind, fate in db.execute(query.limit(most))
    ]
    return sorted(found, key=lambda passed: passed.at, reverse=True)[:most]
