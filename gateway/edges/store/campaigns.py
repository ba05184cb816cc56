"""Campaigns in the database: found by their texts and marks, founded. In the caller's transaction.

A batch is looked up and written with one statement a table. The transaction must be a writing
one from its beginning: then no two imports found two campaigns of one mailing.
"""

from collections.abc import Collection, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.campaign import Gathered, Shelf, sought
from gateway.edges.store import schema as t
from gateway.edges.store.records import chunks
from gateway.model import Fingerprint, Noun

_PACK = msgspec.msgpack.Encoder()
_LEADER = msgspec.msgpack.Decoder(Fingerprint)


class Made(Noun):
    """What a campaign was made with: its kit, and how many other campaigns were made with it."""

    kit: str
    others: int


def known(db: Connection, exacts: Collection[str]) -> dict[str, str]:
    """The campaign of each folded text already met."""
    found: dict[str, str] = {}
    for some in chunks(exacts):
        query = sa.select(t.campaign_exact).where(t.campaign_exact.c.exact.in_(some))
        found.update(db.execute(query).all())
    return found


def near(db: Connection, marks: Sequence[Fingerprint]) -> tuple[Shelf, dict[str, Fingerprint]]:
    """The campaigns that share marks with ``marks``, and the leaders of the nearest ones."""
    m = t.campaign_mark.c
    postings: dict[int, list[tuple[int, str]]] = {}
    for some in chunks({one for mark in marks for one in sought(mark)}):
        query = sa.select(m.mark, m.entered_at, m.campaign).where(m.mark.in_(some))
        for mark, at, name in db.execute(query):
            postings.setdefault(mark, []).append((at, name))
    shelf = Shelf({mark: [name for _, name in sorted(found)] for mark, found in postings.items()})
    leaders: dict[str, Fingerprint] = {}
    c = t.campaign.c
    for some in chunks({name for mark in marks for name in shelf.near(mark)}):
        for name, leader in db.execute(sa.select(c.id, c.leader).where(c.id.in_(some))):
            leaders[name] = _LEADER.decode(leader)
    return shelf, leaders


def keep(db: Connection, gathered: Gathered, at: int) -> None:
    """Enter what became of a batch, at ``at`` microseconds since 1970."""
    m = t.campaign_mark.c
    if gathered.forgotten:
        db.execute(
            t.campaign_mark.delete().where(
                m.mark == sa.bindparam("of"), m.campaign == sa.bindparam("name")
            ),
            [{"of": mark, "name": name} for mark, name in gathered.forgotten],
        )
    founded = gathered.founded.items()
    if founded:
        leaders = [(name, new.leader) for name, new in founded]
        rows = [
            {"id": name, "leader": _PACK.encode(one), "kit": one.kit, "first_seen": at}
            for name, one in leaders
        ]
        db.execute(t.campaign.insert(), rows)
        entered = [
            {"mark": mark, "campaign": name, "entered_at": at}
            for name, new in founded
            for mark in new.marks
        ]
        db.execute(t.campaign_mark.insert(), entered)
    if gathered.campaigns:
        rows = [{"exact": exact, "campaign": name} for exact, name in gathered.campaigns.items()]
        db.execute(t.campaign_exact.insert(), rows)


def made(db: Connection, campaign: str) -> Made | None:
    """What ``campaign`` was made with; None where it is not known here, or nothing shows it."""
    c = t.campaign.c
    kit = db.execute(sa.select(c.kit).where(c.id == campaign)).scalar()
    if not kit:
        return None
    others = sa.select(sa.func.count()).where(c.kit == kit, c.id != campaign)
    return Made(kit=str(kit), others=db.execute(others).scalar_one())
