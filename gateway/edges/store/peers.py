"""The peer register in the database, and every statement that was ever accepted."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.model import Noun, PeerId
from gateway.trust import Key, Peer, Register

_JSON = msgspec.json.Encoder(order="deterministic")
_PEER = msgspec.json.Decoder(Peer)


class Enrolment(Noun):
    """A peer with what only we know of it: its authority's certificate and our door's digest.

    ``ca`` is PEM, empty for the public authorities; ``door`` the SHA-256 of the secret with
    which the peer opens our door, None where it may not call us.
    """

    peer: Peer
    ca: str = ""
    door: bytes | None = None


def enrolments(db: Connection) -> list[Enrolment]:
    """Every peer on record, by identifier."""
    query = sa.select(t.peer).order_by(t.peer.c.id)
    return [
        Enrolment(peer=_PEER.decode(row.record), ca=row.ca, door=row.door)
        for row in db.execute(query)
    ]


def register(db: Connection) -> Register:
    """The register of every peer on record."""
    return Register.of(enrolment.peer for enrolment in enrolments(db))


def put(db: Connection, enrolment: Enrolment, at: int, until: int | None = None) -> None:
    """Add a peer, or replace what is on record of it; its keys' history only grows.

    ``until`` is when the names of its people go; None as long as the exchange goes on.
    """
    peer = enrolment.peer
    row = {
        "record": _JSON.encode(peer),
        "ca": enrolment.ca,
        "door": enrolment.door,
        "state": str(peer.state),
        "delete_after": until,
    }
    changed = db.execute(t.peer.update().where(t.peer.c.id == peer.id).values(**row))
    if changed.rowcount == 0:
        db.execute(t.peer.insert().values(id=peer.id, added_at=at, **row))
    for key in (*peer.federation_keys, *peer.keys):
        _put_key(db, key, peer.statement_sha256)


def _put_key(db: Connection, key: Key, statement: str) -> None:
    k, record = t.key.c, _JSON.encode(key)
    which = sa.and_(k.peer == key.peer, k.kid == key.kid)
    if db.execute(t.key.update().where(which).values(record=record)).rowcount == 0:
        row = {"peer": key.peer, "kid": key.kid, "record": record, "statement": statement}
        db.execute(t.key.insert().values(**row))


def keep_statement(
    db: Connection, peer: PeerId, sha256: str, token: bytes, times: tuple[int, int]
) -> None:
    """Keep an accepted statement for ever; ``times`` are when it was issued and accepted."""
    row = {"sha256": sha256, "peer": peer, "token": token}
    db.execute(
        sa.insert(t.statement).prefix_with("OR IGNORE", dialect="sqlite"),
        [{**row, "issued_at": times[0], "accepted_at": times[1]}],
    )


def statements(db: Connection, peer: PeerId) -> list[bytes]:
    """Every statement of ``peer`` that was accepted, oldest first."""
    s = t.statement.c
    query = sa.select(s.token).where(s.peer == peer).order_by(s.issued_at)
    return list(db.execute(query).scalars())
