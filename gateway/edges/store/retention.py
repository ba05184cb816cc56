"""What is due for deletion, what is held, and how each kind of row is emptied.

A task below is one kind of row: when it is due, what hold keeps it, and what clearing it leaves.
The law: clearing takes what names somebody and leaves what proves; a hold is looked up in the
transaction that would delete, so that it counts from the moment it stands. Verbs: ``due``,
``candidates``, ``clear``.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import holds
from gateway.edges.store import schema as t
from gateway.edges.store.streams import WAITING
from gateway.model import Fingerprint, Noun, evolve
from gateway.protocol import Fate
from gateway.retention import GONE, NO_LONGER, Class, Terms
from gateway.trust import Peer

_JSON = msgspec.json.Encoder(order="deterministic")
_PEER = msgspec.json.Decoder(Peer)
_LEADER = msgspec.msgpack.Decoder(Fingerprint)
Keys = Sequence[tuple[object, ...]]


class Due(Noun):
    """What is past its date: rows and bytes that go, and rows that a hold keeps."""

    rows: int
    octets: int
    held: int


class Task(Noun):
    """One kind of row that ends by date.

    ``due`` gives the condition for a row whose time is over at a moment, ``free`` the one that
    no hold keeps it; ``octets`` how much of it goes; ``empty`` takes that away.
    """

    kind: Class
    keys: tuple[sa.Column[object], ...]
    due: Callable[[Terms, int], sa.ColumnElement[bool]]
    free: sa.ColumnElement[bool]
    octets: sa.ColumnElement[int]
    empty: Callable[[Connection, Keys], None]
    walked: bool = False
    """Whether no index finds what is due, so that rows are gone through by their keys."""

    def which(self, keys: Keys) -> sa.ColumnElement[bool]:
        """The condition for the rows of those keys."""
        if len(self.keys) == 1:
            return self.keys[0].in_([key for (key,) in keys])
        return sa.tuple_(*self.keys).in_(list(keys))


def due(db: Connection, task: Task, terms: Terms, now: int) -> Due:
    """How much of one kind is past its date at ``now``, in microseconds since 1970, UTC."""
    over = task.due(terms, now)
    counted = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(task.octets), 0))
    rows, octets = db.execute(counted.where(over, task.free)).one()
    held = db.scalar(sa.select(sa.func.count()).where(over, sa.not_(task.free)))
    return Due(rows=rows, octets=octets, held=held or 0)


class Pass(Noun):
    """One purge under way: by which terms, at what moment, and how many rows at a time.

    ``now`` is in microseconds since 1970, UTC.
    """

    terms: Terms
    now: int
    most: int


def candidates(db: Connection, task: Task, ours: Pass, after: tuple[object, ...] | None) -> Keys:
    """The next keys of a walked task that are due and not held, behind ``after``.

    They are looked for in a snapshot, because going through a table would keep writers waiting.
    """
    query = sa.select(*task.keys).where(task.due(ours.terms, ours.now), task.free)
    if after is not None:
        query = query.where(sa.tuple_(*task.keys) > sa.tuple_(*after))
    return [tuple(row) for row in db.execute(query.order_by(*task.keys).limit(ours.most))]


def clear(db: Connection, task: Task, ours: Pass, among: Keys | None = None) -> tuple[Keys, int]:
    """Empty rows that are due and not held; their keys, and the bytes gone.

    ``among`` are the candidates of a walked task; any rows, at most ``ours.most``, if None.
    """
    query = sa.select(*task.keys, task.octets)
    query = query.where(task.due(ours.terms, ours.now), task.free).limit(ours.most)
    if among is not None:
        query = query.where(task.which(among))
    found = [tuple(row) for row in db.execute(query)]
    keys = [row[:-1] for row in found]
    if keys:
        task.empty(db, keys)
    return keys, sum(int(row[-1]) for row in found)


# How each kind is emptied.


def _length(*columns: sa.ColumnElement[object]) -> sa.ColumnElement[int]:
    parts = [sa.func.coalesce(sa.func.length(column), 0) for column in columns]
    total: sa.ColumnElement[int] = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _overdue(column: sa.Column[object]) -> Callable[[Terms, int], sa.ColumnElement[bool]]:
    return lambda _terms, now: column <= now


def _empty_reports(db: Connection, keys: Keys) -> None:
    ids = [key for (key,) in keys]
    db.execute(t.detail.delete().where(t.detail.c.report_id.in_(ids)))
    gone = {"origin": None, "why": "", "delete_after": None}
    db.execute(t.report.update().where(t.report.c.id.in_(ids)).values(**gone))


def _forget_reporters(db: Connection, keys: Keys) -> None:
    r = t.report.c
    mark = sa.literal(GONE).concat(r.id)
    change = t.report.update().where(r.id.in_([key for (key,) in keys]))
    db.execute(change.values(reporter=mark, forget_after=None))


def _forget_complainants(db: Connection, keys: Keys) -> None:
    """Each pair becomes a mark of its own, which counts and leads to nobody."""
    c = t.case_reporter.c
    mark = sa.literal(GONE).concat(sa.cast(c.number, sa.Text))
    change = t.case_reporter.update().where(c.number.in_([key for (key,) in keys]))
    db.execute(change.values(reporter=mark, delete_after=None))


def _empty_originals(db: Connection, keys: Keys) -> None:
    which = t.original.c.sha256.in_([key for (key,) in keys])
    db.execute(t.original.update().where(which).values(salt=None, delete_after=None))


def _empty_sets(task: str) -> Callable[[Connection, Keys], None]:
    def empty(db: Connection, keys: Keys) -> None:
        which = TASKS[task].which(keys)
        table = t.received if task == "received" else t.sent
        db.execute(table.update().where(which).values(token=None, why="", delete_after=None))

    return empty


def _expire_sent(db: Connection, keys: Keys) -> None:
    """What still waits will never be delivered now; its place in the stream stays."""
    which, s = TASKS["sent"].which(keys), t.sent.c
    # As protocol.SENT has it for Step.EXPIRE.
    state = sa.case((s.state == str(Fate.RECALLED), str(Fate.WITHDRAWN)), else_=str(Fate.EXPIRED))
    db.execute(t.sent.update().where(which, s.state.in_(WAITING)).values(state=state))
    _empty_sets("sent")(db, keys)


def _empty_conflicts(db: Connection, keys: Keys) -> None:
    which = t.conflict.c.digest.in_([key for (key,) in keys])
    db.execute(t.conflict.update().where(which).values(token=None, delete_after=None))


def _empty_cases(db: Connection, keys: Keys) -> None:
    which = t.case.c.id.in_([key for (key,) in keys])
    db.execute(t.case.update().where(which).values(reason=NO_LONGER))


def _empty_judgements(db: Connection, keys: Keys) -> None:
    which = TASKS["judgements"].which(keys)
    db.execute(t.correction.update().where(which).values(because=NO_LONGER))


def _empty_decisions(db: Connection, keys: Keys) -> None:
    which = TASKS["decisions"].which(keys)
    gone = {"because": NO_LONGER, "ended_because": NO_LONGER}
    db.execute(t.decision.update().where(which).values(**gone))


def _empty_campaigns(db: Connection, keys: Keys) -> None:
    """The marks go by their keys: there is no other way to them that costs nothing on the road.

    The row goes with them, so that the same mailing can be founded again under its name.
    """
    c, m = t.campaign.c, t.campaign_mark.c
    which = c.id.in_([key for (key,) in keys])
    pairs = [
        {"the_mark": mark, "name": name}
        for name, leader in db.execute(sa.select(c.id, c.leader).where(which)).all()
        for mark in _LEADER.decode(leader).marks
    ]
    if pairs:
        gone = (m.mark == sa.bindparam("the_mark")) & (m.campaign == sa.bindparam("name"))
        db.execute(t.campaign_mark.delete().where(gone), pairs)
    db.execute(t.campaign.delete().where(which))


def _empty_texts(db: Connection, keys: Keys) -> None:
    which = t.campaign_exact.c.exact.in_([key for (key,) in keys])
    db.execute(t.campaign_exact.delete().where(which))


def _empty_journal(db: Connection, keys: Keys) -> None:
    which = t.journal.c.seq.in_([key for (key,) in keys])
    db.execute(t.journal.update().where(which).values(content=None, salt=None))


def _empty_contacts(db: Connection, keys: Keys) -> None:
    p = t.peer.c
    query = sa.select(p.id, p.record).where(p.id.in_([key for (key,) in keys]))
    for name, record in db.execute(query).all():
        stays = _JSON.encode(evolve(_PEER.decode(record), contacts=()))
        db.execute(t.peer.update().where(p.id == name).values(record=stays, delete_after=None))


def _over(terms: Terms, now: int) -> sa.ColumnElement[bool]:
    """A campaign whose last report came too long ago."""
    before = terms.before(Class.FINGERPRINT, now)
    met = sa.exists().where(t.case.c.campaign == t.campaign.c.id, t.case.c.last_seen > before)
    return sa.and_(t.campaign.c.first_seen <= before, sa.not_(met))


_CONTENT = (
    sa.select(sa.func.length(t.detail.c.content))
    .where(t.detail.c.report_id == t.report.c.id)
    .scalar_subquery()
)
TASKS: Final[Mapping[str, Task]] = MappingProxyType(
    {
        "reports": Task(
            kind=Class.REPORT,
            keys=(t.report.c.id,),
            due=_overdue(t.report.c.delete_after),
            free=holds.REPORT_FREE,
            octets=_length(t.report.c.origin, t.report.c.why) + sa.func.coalesce(_CONTENT, 0),
            empty=_empty_reports,
        ),
        "reporters": Task(
            kind=Class.REPORTER,
            keys=(t.report.c.id,),
            due=_overdue(t.report.c.forget_after),
            free=holds.REPORT_FREE,
            octets=_length(t.report.c.reporter),
            empty=_forget_reporters,
        ),
        "complainants": Task(
            kind=Class.REPORTER,
            keys=(t.case_reporter.c.number,),
            due=_overdue(t.case_reporter.c.delete_after),
            free=t.case_reporter.c.case_id.not_in(holds.CASES),
            octets=_length(t.case_reporter.c.reporter),
            empty=_forget_complainants,
        ),
        "originals": Task(
            kind=Class.ORIGINAL,
            keys=(t.original.c.sha256,),
            due=_overdue(t.original.c.delete_after),
            free=t.original.c.sha256.not_in(holds.SOURCES),
            octets=t.original.c.size,
            empty=_empty_originals,
        ),
        "sent": Task(
            kind=Class.MESSAGE,
            keys=(t.sent.c.peer, t.sent.c.jti),
            due=_overdue(t.sent.c.delete_after),
            free=holds.free(t.sent),
            octets=_length(t.sent.c.token, t.sent.c.why),
            empty=_expire_sent,
        ),
        "received": Task(
            kind=Class.MESSAGE,
            keys=(t.received.c.issuer, t.received.c.jti),
            due=_overdue(t.received.c.delete_after),
            free=holds.free(t.received),
            octets=_length(t.received.c.token, t.received.c.why),
            empty=_empty_sets("received"),
        ),
        "conflicts": Task(
            kind=Class.MESSAGE,
            keys=(t.conflict.c.digest,),
            due=_overdue(t.conflict.c.delete_after),
            free=holds.CONFLICT_FREE,
            octets=_length(t.conflict.c.token),
            empty=_empty_conflicts,
        ),
        "cases": Task(
            kind=Class.CASE,
            keys=(t.case.c.id,),
            due=lambda terms, now: sa.and_(
                t.case.c.last_seen <= terms.before(Class.CASE, now), t.case.c.reason != NO_LONGER
            ),
            free=t.case.c.id.not_in(holds.CASES),
            octets=_length(t.case.c.reason),
            empty=_empty_cases,
            walked=True,
        ),
        "judgements": Task(
            kind=Class.CASE,
            keys=(t.correction.c.about, t.correction.c.number),
            due=lambda terms, now: sa.and_(
                t.correction.c.at <= terms.before(Class.CASE, now),
                t.correction.c.because != NO_LONGER,
            ),
            free=sa.and_(
                t.correction.c.about.not_in(holds.CASES),
                t.correction.c.about.not_in(holds.REPORTS),
            ),
            octets=_length(t.correction.c.because),
            empty=_empty_judgements,
            walked=True,
        ),
        "decisions": Task(
            kind=Class.CASE,
            keys=(t.decision.c.id,),
            # A decision that holds needs its reason for as long as it does.
            due=lambda terms, now: sa.and_(
                t.decision.c.ended_at <= terms.before(Class.CASE, now),
                t.decision.c.because != NO_LONGER,
            ),
            free=sa.true(),
            octets=_length(t.decision.c.because, t.decision.c.ended_because),
            empty=_empty_decisions,
            walked=True,
        ),
        "fingerprints": Task(
            kind=Class.FINGERPRINT,
            keys=(t.campaign.c.id,),
            due=_over,
            free=t.campaign.c.id.not_in(holds.CAMPAIGNS),
            octets=_length(t.campaign.c.leader, t.campaign.c.kit),
            empty=_empty_campaigns,
            walked=True,
        ),
        "texts": Task(
            kind=Class.FINGERPRINT,
            keys=(t.campaign_exact.c.exact,),
            due=lambda terms, now: t.campaign_exact.c.campaign.not_in(
                sa.select(t.campaign.c.id).where(sa.not_(_over(terms, now)))
            ),
            free=t.campaign_exact.c.campaign.not_in(holds.CAMPAIGNS),
            octets=_length(t.campaign_exact.c.exact),
            empty=_empty_texts,
            walked=True,
        ),
        "journal": Task(
            kind=Class.JOURNAL,
            keys=(t.journal.c.seq,),
            due=lambda terms, now: sa.and_(
                t.journal.c.at <= terms.before(Class.JOURNAL, now),
                t.journal.c.content.is_not(None),
            ),
            # What happened since the oldest held report came may be about it.
            free=t.journal.c.at < holds.FIRST,
            octets=_length(t.journal.c.content, t.journal.c.salt),
            empty=_empty_journal,
            walked=True,
        ),
        "contacts": Task(
            kind=Class.CONTACT,
            keys=(t.peer.c.id,),
            due=_overdue(t.peer.c.delete_after),
            free=sa.true(),
            octets=sa.literal(0),
            empty=_empty_contacts,
        ),
    }
)
"""Everything that ends by date, in the order in which it is done."""


def kept_blobs(db: Connection, digests: Sequence[str]) -> set[str]:
    """Those of ``digests`` whose originals may stand on disk."""
    o = t.original.c
    query = sa.select(o.sha256).where(o.sha256.in_(digests), o.salt.is_not(None))
    return set(db.execute(query).scalars())
