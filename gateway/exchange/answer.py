"""What the web side asks of us: who is at the door, what came, what the public page says.

Verb: ``Desk``, which the web side knows as its ``Receiver``.
"""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway import trust
from gateway.answers import LastExchange, PageFacts, PushAnswer, SetError, Tone
from gateway.edges.store import peers
from gateway.edges.store import schema as t
from gateway.edges.store.records import moment
from gateway.exchange.gateway import Gateway
from gateway.exchange.identity import introduce
from gateway.exchange.receive import later, receive
from gateway.gate import Refusal, check_peer, describe, recognise
from gateway.model import Kind, PeerId
from gateway.protocol import Fate

LAST = 12
"""How many of the last exchanges the page shows."""
_GOOD = frozenset({Fate.ACCEPTED, Fate.DUPLICATE})
_BAD = frozenset(
    {Fate.REJECTED, Fate.REFUSED, Fate.MISROUTED, Fate.UNSUPPORTED, Fate.UNPROVED, Fate.EXPIRED}
)
_SHOWN = (Kind.REPORT, Kind.WITHDRAWAL, Kind.CORRECTION, Kind.REQUEST, Kind.ANSWER)


class Desk:
    """One installation's answers to its peers. Safe to share between threads."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def door(self, authorization: str | None) -> PeerId | None:
        """The live peer whose bearer secret was shown; None for everybody else."""
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            return None
        with self._gateway.store.read() as db:
            enrolled = {e.peer.id: e for e in peers.enrolments(db)}
        digests = {name: e.door for name, e in enrolled.items() if e.door is not None}
        try:
            found = recognise(secret, digests)
            check_peer(enrolled[found].peer, self._gateway.now())
        except Refusal:
            return None
        return found

    def push(self, token: bytes, peer: PeerId) -> None:
        """Take in one SET; on return it is kept for good.

        Raises:
            Refusal: the check that it failed.
            StorageFull: it could not be kept.
        """
        refused = receive(self._gateway, peer, {"": token}, named=False)[""]
        if refused is not None:
            raise refused

    def push_many(self, sets: Mapping[str, bytes], peer: PeerId) -> PushAnswer:
        """Take in several SETs, each by the name that the call gives it.

        Raises:
            StorageFull: none could be kept.
        """
        outcome = receive(self._gateway, peer, sets, named=True)
        return PushAnswer(
            ack=tuple(name for name, refused in outcome.items() if refused is None),
            set_errs=tuple(
                (name, SetError(err=refused.check.code, description=describe(refused.check)))
                for name, refused in outcome.items()
                if refused is not None and not later(refused)
            ),
        )

    def statement(self) -> bytes:
        """Our own signed entity statement."""
        return introduce(self._gateway)

    def page(self) -> PageFacts:
        """What the public page says now."""
        gateway = self._gateway
        with gateway.store.read() as db:
            enrolled = {e.peer.id: e.peer for e in peers.enrolments(db)}
            counts = _counts(db, gateway.me)
            last = _last(db, enrolled)
        return PageFacts(
            id=gateway.me,
            name=gateway.config.name,
            country=gateway.config.home_country,
            fingerprint=trust.fingerprint(gateway.keys.federation.jwk),
            mailbox=gateway.config.mailbox,
            as_of=gateway.now(),
            counts=(*counts, ("Partner associations", len(enrolled))),
            last=last,
        )


def _counts(db: Connection, me: PeerId) -> tuple[tuple[str, int], ...]:
    def number(query: sa.Select[int]) -> int:
        return int(db.scalar(query) or 0)

    one, r, s = sa.func.count(), t.report.c, t.sent.c
    reports = sa.select(one).select_from(t.report)
    sent = sa.select(one).select_from(t.sent).where(s.kind == str(Kind.REPORT))
    return (
        ("Reports from our citizens", number(reports.where(r.issuer == me))),
        ("Reports from abroad", number(reports.where(r.issuer != me))),
        ("Cases", number(sa.select(one).select_from(t.case))),
        ("Reports sent abroad", number(sent)),
        ("of these accepted there", number(sent.where(s.state == str(Fate.ACCEPTED)))),
    )


def _last(db: Connection, enrolled: dict[PeerId, trust.Peer]) -> tuple[LastExchange, ...]:
    s, a = t.sent.c, t.received.c
    shown = [str(kind) for kind in _SHOWN]
    out = sa.select(s.signed_at, sa.true(), s.peer, s.kind, s.state).where(s.kind.in_(shown))
    into = sa.select(a.received_at, sa.false(), a.issuer, a.kind, a.verdict)
    rows = [
        *db.execute(out.order_by(s.signed_at.desc()).limit(LAST)),
        *db.execute(into.where(a.kind.in_(shown)).order_by(a.received_at.desc()).limit(LAST)),
    ]
    rows.sort(key=lambda row: row[0], reverse=True)
    found = []
    for at, outgoing, name, kind, fate in rows[:LAST]:
        peer = enrolled.get(PeerId(name))
        found.append(
            LastExchange(
                at=moment(at),
                outgoing=bool(outgoing),
                peer=peer.name if peer else name,
                country=peer.countries[0] if peer and peer.countries else None,
                what=kind,
                fate=fate,
                tone=_tone(fate),
            )
        )
    return tuple(found)


def _tone(fate: str) -> Tone:
    if fate in _GOOD:
        return Tone.GOOD
    return Tone.BAD if fate in _BAD else Tone.OPEN
