"""What the web side asks of us: who is at the door, what came, what the public page says.

Verb: ``Desk``, which the web side knows as its ``Receiver``.
"""

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from gateway import trust
from gateway.answers import LastExchange, PageFacts, PushAnswer, SetError, Tone
from gateway.edges.store import overview, peers
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
    found = overview.counts(db, me)
    return (
        ("Reports from our citizens", found.at_home),
        ("Reports from abroad", found.from_abroad),
        ("Cases", found.cases),
        ("Reports sent abroad", found.sent),
        ("of these accepted there", found.accepted),
    )


def _last(db: Connection, enrolled: dict[PeerId, trust.Peer]) -> tuple[LastExchange, ...]:
    found = []
    for one in overview.last(db, [str(kind) for kind in _SHOWN], LAST):
        peer = enrolled.get(PeerId(one.peer))
        found.append(
            LastExchange(
                at=moment(one.at),
                outgoing=one.outgoing,
                peer=peer.name if peer else one.peer,
                country=peer.countries[0] if peer and peer.countries else None,
                what=one.kind,
                fate=one.fate,
                tone=_tone(one.fate),
            )
        )
    return tuple(found)


def _tone(fate: str) -> Tone:
    if fate in _GOOD:
        return Tone.GOOD
    return Tone.BAD if fate in _BAD else Tone.OPEN
