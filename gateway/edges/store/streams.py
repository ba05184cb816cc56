"""What goes to each peer and what came from it: places, states, verdicts, receipts.

A place in a stream is given under the writer's lock, gap-free, never by a database sequence.
Every state moves by compare-and-set: a move that finds another state than it expects does
nothing, and says so by its count. In the caller's transaction.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.edges.store.records import chunks
from gateway.model import Noun, PeerId
from gateway.protocol import Fate

MODULUS = 2**256
ONCE_MORE: Mapping[str, object] = {"attempts": t.sent.c.attempts + 1}
"""The change of a posting that is about to be tried: the attempt is counted before it is made."""
WAITING = (Fate.QUEUED, Fate.SENT, Fate.RECALLED)
"""The fates of a SET that still has to be delivered."""


class Posting(Noun):
    """A SET of ours in the stream to a peer; times in microseconds since 1970, UTC."""

    peer: str
    jti: str
    kind: str
    digest: bytes
    token: bytes | None
    state: str
    signed_at: int
    why: str = ""
    epoch: int = 1
    place: int = 0
    report_id: str | None = None
    case_id: str | None = None
    attempts: int = 0
    delivered_at: int | None = None
    proved_at: int | None = None
    receipt: str | None = None
    delete_after: int | None = None


class Arrival(Noun):
    """A SET of a peer's, with what we decided; it is never forgotten, though its token may be."""

    issuer: str
    jti: str
    kind: str
    digest: bytes
    token: bytes | None
    verdict: str
    received_at: int
    code: str = ""
    why: str = ""
    txn: str | None = None
    follows: str | None = None
    report_id: str | None = None
    case_id: str | None = None
    delete_after: int | None = None


class Place(Noun):
    """How far a stream is: the last place given, the number delivered, the sum of digests."""

    epoch: int = 1
    place: int = 0
    number: int = 0
    digest: bytes = b"\0" * 32
    head: bytes | None = None


def place(db: Connection, peer: PeerId, direction: str) -> Place:
    """How far the stream with ``peer`` is; ``direction`` is ``out`` or ``in``."""
    s = t.stream.c
    query = sa.select(s.epoch, s.place, s.number, s.digest, s.head)
    row = db.execute(query.where(s.peer == peer, s.direction == direction)).mappings().first()
    return Place(**row) if row else Place()


def set_place(db: Connection, peer: PeerId, direction: str, now: Place) -> None:
    """Write how far the stream is."""
    s, values = t.stream.c, msgspec.structs.asdict(now)
    which = sa.and_(s.peer == peer, s.direction == direction)
    if db.execute(t.stream.update().where(which).values(**values)).rowcount == 0:
        db.execute(t.stream.insert().values(peer=peer, direction=direction, **values))


def advance(db: Connection, peer: PeerId, direction: str, digests: Collection[bytes]) -> Place:
    """Count delivered SETs into a stream, whatever their order, and say how far it is then."""
    before = place(db, peer, direction)
    total = int.from_bytes(before.digest, "big")
    total += sum(int.from_bytes(digest, "big") for digest in digests)
    after = msgspec.structs.replace(
        before,
        number=before.number + len(digests),
        digest=(total % MODULUS).to_bytes(32, "big"),
    )
    set_place(db, peer, direction, after)
    return after


def append(db: Connection, peer: PeerId, postings: Sequence[Posting]) -> None:
    """Give each posting the next place in the stream to ``peer``, in their order."""
    if not postings:
        return
    now = place(db, peer, "out")
    rows = [
        {**msgspec.structs.asdict(posting), "epoch": now.epoch, "place": now.place + number}
        for number, posting in enumerate(postings, start=1)
    ]
    db.execute(t.sent.insert(), rows)
    set_place(db, peer, "out", msgspec.structs.replace(now, place=now.place + len(rows)))


def _postings(
    db: Connection, query: sa.Select[tuple[object, ...]], *, whole: bool = True
) -> list[Posting]:
    names = Posting.__struct_fields__
    # Most of a row is its token, and whoever only moves postings does without.
    nothing = sa.null().label("token")
    columns = [t.sent.c[name] if whole or name != "token" else nothing for name in names]
    rows = db.execute(query.with_only_columns(*columns))
    return [Posting(**dict(zip(names, row, strict=True))) for row in rows]


def queued(db: Connection, peer: PeerId, most: int) -> list[Posting]:
    """At most ``most`` postings that wait for delivery, in the order of their places."""
    s = t.sent.c
    query = sa.select(t.sent).where(s.peer == peer, s.state.in_(WAITING)).order_by(s.place)
    return _postings(db, query.limit(most))


def postings(
    db: Connection, peer: PeerId, jtis: Collection[str], *, whole: bool = False
) -> dict[str, Posting]:
    """Those postings to ``peer`` that ``jtis`` name; with their tokens only if ``whole``."""
    found: dict[str, Posting] = {}
    for some in chunks(jtis):
        query = sa.select(t.sent).where(t.sent.c.peer == peer, t.sent.c.jti.in_(some))
        found.update({p.jti: p for p in _postings(db, query, whole=whole)})
    return found


def postings_of_report(db: Connection, report_id: str) -> list[Posting]:
    """Everything sent about one report, oldest first."""
    query = sa.select(t.sent).where(t.sent.c.report_id == report_id).order_by(t.sent.c.signed_at)
    return _postings(db, query)


def last_reported(db: Connection, peer: PeerId, reports: Collection[str]) -> dict[str, str]:
    """The ``jti`` of the last SET that may have reached ``peer`` about each of those reports."""
    found: dict[str, str] = {}
    s = t.sent.c
    for some in chunks(reports):
        query = (
            sa.select(s.report_id, s.jti)
            .where(s.report_id.in_(some), s.peer == peer, s.kind == "report")
            .where(s.state != str(Fate.CANCELLED))
            .order_by(s.place)
        )
        found.update(db.execute(query).all())
    return found


def move(
    db: Connection, peer: PeerId, changes: Sequence[tuple[str, str, Mapping[str, object]]]
) -> int:
    """Change postings by compare-and-set.

    Those that change alike are changed by one statement.

    Args:
        db: the transaction.
        peer: to whom they go.
        changes: for each posting its jti, the state it must have now, and its new columns.

    Returns:
        how many were changed.
    """
    alike: dict[tuple[str, tuple[tuple[str, object], ...]], list[str]] = defaultdict(list)
    for jti, was, new in changes:
        alike[was, tuple(new.items())].append(jti)
    s, changed = t.sent.c, 0
    for (was, columns), jtis in alike.items():
        for some in chunks(jtis):
            which = sa.and_(s.peer == peer, s.state == was, s.jti.in_(some))
            changed += db.execute(t.sent.update().where(which).values(dict(columns))).rowcount
    return changed


def arrivals(db: Connection, issuer: PeerId, jtis: Collection[str]) -> dict[str, Arrival]:
    """Those SETs of ``issuer`` that have arrived before."""
    names = Arrival.__struct_fields__
    columns = [t.received.c[name] for name in names if name != "token"]
    found: dict[str, Arrival] = {}
    for some in chunks(jtis):
        query = sa.select(*columns).where(t.received.c.issuer == issuer, t.received.c.jti.in_(some))
        for row in db.execute(query).mappings():
            found[row["jti"]] = Arrival(**row, token=None)
    return found


def arrive(db: Connection, rows: Sequence[Arrival]) -> None:
    """Enter SETs that have arrived, with their verdicts."""
    if rows:
        db.execute(t.received.insert(), [msgspec.structs.asdict(row) for row in rows])


def held(db: Connection, issuer: PeerId, jtis: Collection[str]) -> list[Arrival]:
    """The held SETs of ``issuer`` that wait for one of ``jtis``, with their tokens."""
    names = Arrival.__struct_fields__
    r = t.received.c
    found: list[Arrival] = []
    for some in chunks(jtis):
        query = sa.select(*[r[name] for name in names]).where(
            r.issuer == issuer, r.verdict == "held", r.follows.in_(some)
        )
        found += [Arrival(**row) for row in db.execute(query).mappings()]
    return found


def held_since(db: Connection, issuer: PeerId, before: int) -> list[Arrival]:
    """The held SETs of ``issuer`` that arrived before that time, without their tokens."""
    r = t.received.c
    columns = [r[name] for name in Arrival.__struct_fields__ if name != "token"]
    query = sa.select(*columns).where(
        r.issuer == issuer, r.verdict == "held", r.received_at < before
    )
    return [Arrival(**row, token=None) for row in db.execute(query).mappings()]


def decide(db: Connection, was: str, now: Arrival) -> int:
    """Change the verdict of an arrival by compare-and-set; how many were changed (0 or 1)."""
    r = t.received.c
    return db.execute(
        t.received.update()
        .where(r.issuer == now.issuer, r.jti == now.jti, r.verdict == was)
        .values(
            verdict=now.verdict,
            code=now.code,
            why=now.why,
            report_id=now.report_id,
            case_id=now.case_id,
            delete_after=now.delete_after,
        )
    ).rowcount


class Conflict(Noun):
    """A SET that came under an identifier already used by another."""

    issuer: str
    jti: str
    digest: bytes
    token: bytes
    received_at: int
    delete_after: int | None


def keep_conflict(db: Connection, conflict: Conflict) -> None:
    """Keep ``conflict`` as evidence."""
    row = msgspec.structs.asdict(conflict)
    db.execute(sa.insert(t.conflict).prefix_with("OR IGNORE", dialect="sqlite"), [row])


def fates(db: Connection, peer: PeerId) -> dict[tuple[str, str], int]:
    """How many SETs to ``peer`` there are of each kind and state."""
    s = t.sent.c
    query = sa.select(s.kind, s.state, sa.func.count()).where(s.peer == peer)
    return {(k, state): n for k, state, n in db.execute(query.group_by(s.kind, s.state))}


def verdicts(db: Connection, issuer: PeerId) -> dict[tuple[str, str], int]:
    """How many SETs of ``issuer`` there are of each kind and verdict."""
    r = t.received.c
    query = sa.select(r.kind, r.verdict, sa.func.count()).where(r.issuer == issuer)
    return {(k, v): n for k, v, n in db.execute(query.group_by(r.kind, r.verdict))}


def accepted_reports(db: Connection, issuer: PeerId, ids: Collection[str]) -> dict[str, str]:
    """For each incident id of ``issuer`` that stands in a report here: the ``jti`` it came in."""
    found: dict[str, str] = {}
    r, a = t.report.c, t.received.c
    for some in chunks(ids):
        query = (
            sa.select(r.source_sha256, a.jti)
            .join(t.received, a.report_id == r.id)
            .where(r.issuer == issuer, r.source_sha256.in_(some), r.reporter == "")
            .where(a.issuer == issuer, a.kind == "report", a.verdict != "superseded")
        )
        found.update(db.execute(query).all())
    return found


def set_head(db: Connection, peer: PeerId, head: bytes) -> None:
    """Keep the last head that ``peer`` announced, with what we found (JSON)."""
    now = place(db, peer, "in")
    set_place(db, peer, "in", msgspec.structs.replace(now, head=head))


def tokens(db: Connection) -> Iterator[tuple[str, bytes, bytes]]:
    """The ``jti``, digest and token of every SET, ours and theirs, whose token is still kept."""
    for table in (t.sent, t.received):
        query = sa.select(table.c.jti, table.c.digest, table.c.token)
        query = query.where(table.c.token.is_not(None))
        yield from db.execute(query, execution_options={"yield_per": 1000})
