"""Receipts of ours: what we decided about a peer's SETs, signed over the journal's head.

The law: a receipt is posted in the transaction that decided, or not at all; a SET that waited
for another one in vain is refused after ``HELD_DAYS`` (DESIGN section 4). Verbs: ``owe`` a peer
the receipt of some SETs, ``expire`` those that were held too long.
"""

from collections.abc import Iterable
from datetime import timedelta

import msgspec
from sqlalchemy.engine import Connection

from gateway import protocol, seal
from gateway.edges.store import ledger, streams
from gateway.edges.store.records import micros, moment
from gateway.exchange.gateway import Gateway
from gateway.exchange.outbound import Saying, post
from gateway.gate import check
from gateway.journal import Entry
from gateway.model import Kind, PeerId, Verdict
from gateway.protocol import Fate, Step
from gateway.seal import ReceiptBody, ReceiptLine

HELD_DAYS = 30
"""Days that a SET waits for the one that it follows; streams that far apart do not meet again."""
SALT_BYTES = 32


def owe(
    gateway: Gateway, db: Connection, peer: PeerId, lines: Iterable[ReceiptLine], head: Entry
) -> None:
    """Post the receipts of ``lines`` to ``peer``, in the transaction.

    Args:
        gateway: our own.
        db: the transaction.
        peer: whose SETs they are.
        lines: what was decided of each.
        head: our journal's last entry, which every receipt names.
    """
    sayings = [
        Saying(
            kind=Kind.RECEIPT,
            subject=seal.stream_subject(f"{peer} {gateway.me}"),
            body=ReceiptBody(lines=some, journal_size=head.seq, journal_head=head.head),
        )
        for some in seal.batches(lines)
    ]
    post(gateway, db, peer, sayings, gateway.now())


def expire(gateway: Gateway, peer: PeerId) -> int:
    """Refuse and receipt what ``peer`` sent and we held for too long; how many they were."""
    now = gateway.now()
    too_long = check("held-too-long")
    with gateway.store.write() as db:
        waited = streams.held_since(db, peer, micros(now - timedelta(days=HELD_DAYS)))
        if not waited:
            return 0
        for arrival in waited:
            fate = protocol.after(protocol.RECEIVED, Fate(arrival.verdict), Step.EXPIRE)
            why = f"{too_long.number} {too_long.name}: {arrival.follows or 'nothing'} did not come"
            changed = {"verdict": str(fate), "code": too_long.code, "why": why}
            streams.decide(db, arrival.verdict, msgspec.structs.replace(arrival, **changed))
        said = {"peer": peer, "sets": [arrival.jti for arrival in waited]}
        entry = ledger.append(db, micros(now), "expired", said, gateway.draw(SALT_BYTES))
        lines = [
            ReceiptLine(
                jti=arrival.jti,
                digest=arrival.digest,
                received_at=moment(arrival.received_at),
                verdict=Verdict.REFUSED,
                check=too_long.number,
                code=too_long.code,
            )
            for arrival in waited
        ]
        owe(gateway, db, peer, lines, entry)
    return len(waited)
