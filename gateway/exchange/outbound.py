"""What every SET of ours passes: signed once, given its place, and its fate written down.

Verbs: ``post`` (sign and append to the stream), ``step`` (move postings by the table).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from gateway import protocol, seal
from gateway.edges.store import streams
from gateway.edges.store.records import micros
from gateway.edges.store.streams import Posting
from gateway.errors import StepIllegal
from gateway.exchange.gateway import Gateway
from gateway.model import Kind, Noun, PeerId
from gateway.protocol import Fate, Step
from gateway.seal.bodies import Body


class Saying(Noun):
    """One event on its way to a peer: what it is, what it names, what it says."""

    kind: Kind
    subject: dict[str, object]
    body: Body
    txn: str | None = None
    jti: str | None = None
    report_id: str | None = None
    case_id: str | None = None


def post(
    gateway: Gateway, db: Connection, peer: PeerId, sayings: Sequence[Saying], now: datetime
) -> list[Posting]:
    """Sign each of ``sayings`` and append it to the stream to ``peer``, in the transaction.

    Raises:
        MustNotLeave: a SET would be longer than any receiver takes.
    """
    postings = [sealed(gateway, peer, saying, now) for saying in sayings]
    streams.append(db, peer, postings)
    return postings


def sealed(gateway: Gateway, peer: PeerId, saying: Saying, now: datetime) -> Posting:
    """``saying`` as a signed posting that has no place yet."""
    jti = saying.jti or gateway.name()
    stamp = seal.Stamp(issuer=gateway.me, audience=peer, jti=jti, issued_at=now, txn=saying.txn)
    event = seal.write_body(saying.body)
    sealed = seal.close(
        seal.claims(stamp, saying.kind, saying.subject, event), gateway.keys.message
    )
    return Posting(
        peer=peer,
        jti=jti,
        kind=str(saying.kind),
        digest=sealed.digest,
        token=sealed.token,
        state=str(Fate.QUEUED),
        signed_at=micros(now),
        report_id=saying.report_id,
        case_id=saying.case_id,
        delete_after=gateway.terms.message_until(saying.kind, micros(now)),
    )


def step(
    db: Connection, postings: Sequence[Posting], taken: Step, new: Mapping[str, object]
) -> list[Posting]:
    """Move postings (all to one peer) one step by the table; those that it changed come back.

    A step that the table does not know for a posting's fate leaves that posting as it is: what
    comes late or twice is no error here, and the table says which is which.
    """
    changes = []
    moved = []
    for posting in postings:
        try:
            fate = protocol.after(protocol.SENT, Fate(posting.state), taken)
        except StepIllegal:
            continue
        changes.append((posting.jti, posting.state, {"state": str(fate), **new}))
        if fate != posting.state:
            moved.append(posting)
    if changes:
        streams.move(db, PeerId(postings[0].peer), changes)
    return moved
