"""What a bundle takes out of the tables: SETs with their tokens, and the journal around them."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.journal import Entry
from gateway.model import Noun

_LOOK = 400  # entries that are searched for a SET; its own is among the first


class Exhibit(Noun):
    """One SET: from whom to whom, what it is, its digest, and its token if that is still kept.

    ``at`` (microseconds since 1970, UTC) is when we signed or received it; ``receipt`` the
    ``jti`` of the receipt that we have for it.
    """

    issuer: str
    audience: str
    jti: str
    kind: str
    digest: bytes
    token: bytes | None
    at: int
    receipt: str | None = None


def of_report(db: Connection, me: str, report_id: str) -> list[Exhibit]:
    """Every SET about one report that we sent or received, oldest first."""
    s, r = t.sent.c, t.received.c
    ours = sa.select(s.peer, s.jti, s.kind, s.digest, s.token, s.signed_at, s.receipt).where(
        s.report_id == report_id
    )
    theirs = sa.select(r.issuer, r.jti, r.kind, r.digest, r.token, r.received_at).where(
        r.report_id == report_id
    )
    found = [
        Exhibit(
            issuer=me,
            audience=row.peer,
            jti=row.jti,
            kind=row.kind,
            digest=row.digest,
            token=row.token,
            at=row.signed_at,
            receipt=row.receipt,
        )
        for row in db.execute(ours)
    ]
    found += [
        Exhibit(
            issuer=row.issuer,
            audience=me,
            jti=row.jti,
            kind=row.kind,
            digest=row.digest,
            token=row.token,
            at=row.received_at,
        )
        for row in db.execute(theirs)
    ]
    return sorted(found, key=lambda exhibit: (exhibit.at, exhibit.issuer, exhibit.jti))


def received_token(db: Connection, issuer: str, jti: str) -> bytes | None:
    """The token of one SET that ``issuer`` sent us, if it is still kept."""
    r = t.received.c
    query = sa.select(r.token).where(r.issuer == issuer, r.jti == jti)
    found: bytes | None = db.execute(query).scalar()
    return found


def our_receipts(db: Connection, peer: str, at: int) -> list[bytes]:
    """The receipts that we signed for ``peer`` in the moment in which its SETs came."""
    s = t.sent.c
    query = sa.select(s.token).where(s.peer == peer, s.kind == "receipt", s.signed_at == at)
    return [token for token in db.execute(query).scalars() if token is not None]


def entry_about(db: Connection, kind: str, jti: str, at: int) -> Entry | None:
    """The first journal entry of ``kind`` since ``at`` whose content names ``jti``."""
    j = t.journal.c
    query = sa.select(t.journal).where(j.kind == kind, j.at >= at).order_by(j.seq).limit(_LOOK)
    name = f'"{jti}"'.encode()
    for row in db.execute(query).mappings():
        if row["content"] is not None and name in row["content"]:
            return Entry(**row)
    return None


def head_before(db: Connection, seq: int) -> bytes | None:
    """The head of the chain before entry ``seq``; None before the first."""
    found: bytes | None = db.scalar(sa.select(t.journal.c.head).where(t.journal.c.seq == seq - 1))
    return found


def signed_head(db: Connection) -> tuple[bytes, Sequence[bytes]] | None:
    """The signed head, and the head after every entry that it covers."""
    h, j = t.journal_head.c, t.journal.c
    held = db.execute(sa.select(h.size, h.token).order_by(h.size.desc()).limit(1)).first()
    if held is None:
        return None
    query = sa.select(j.head).where(j.seq <= held.size).order_by(j.seq)
    return held.token, list(db.execute(query).scalars())
