"""Whether everything that we keep still holds together. Verb: ``examine``."""

import sqlalchemy as sa

from gateway import journal, seal, trust
from gateway.edges.store import ledger, peers
from gateway.edges.store import schema as t
from gateway.errors import CheckFailed, EntenteError, TokenInvalid
from gateway.exchange.gateway import Gateway
from gateway.exchange.identity import introduce

ORIGINALS_EACH = 500
"""How many originals are read at a time."""


def examine(gateway: Gateway) -> list[str]:
    """What was examined and holds, in words.

    Raises:
        CheckFailed: what does not hold; the message names the first of it and counts the rest.
    """
    found: list[str] = []
    wrong: list[str] = []
    for look in (_database, _journal, _originals, _sets, _peers):
        try:
            found.append(look(gateway))
        except EntenteError as error:
            wrong.append(str(error))
    if wrong:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise CheckFailed(
            wrong[0] + more, hint="stop serving, keep this home as it is, and restore a backup"
        )
    return found


def _database(gateway: Gateway) -> str:
    wrong = gateway.store.sound()
    if wrong:
        raise CheckFailed(f"the database is damaged: {wrong[0]}")
    return "the database is sound"


def _journal(gateway: Gateway) -> str:
    with gateway.store.read() as db:
        last = journal.verify(ledger.entries(db))
    return f"the journal's {last.seq if last else 0} entries follow from one another"


def _originals(gateway: Gateway) -> str:
    after, number = "", 0
    while True:
        with gateway.store.read() as db:
            query = sa.select(t.original.c.sha256).where(t.original.c.sha256 > after)
            some = db.execute(query.order_by(t.original.c.sha256).limit(ORIGINALS_EACH)).scalars()
            digests = list(some)
        if not digests:
            return f"{number} originals are what their digests say"
        for digest in digests:
            gateway.blobs.fetch(digest)
        after, number = digests[-1], number + len(digests)


def _sets(gateway: Gateway) -> str:
    number = 0
    with gateway.store.read() as db:
        for table in (t.sent, t.received):
            query = sa.select(table.c.jti, table.c.digest, table.c.token)
            for row in db.execute(query, execution_options={"yield_per": 1000}):
                number += 1
                if row.token is None:
                    continue
                try:
                    digest = seal.input_digest(row.token)
                except TokenInvalid as error:
                    raise CheckFailed(f"the SET {row.jti} was altered") from error
                if digest != row.digest:
                    raise CheckFailed(f"the SET {row.jti} is not what its digest says")
    return f"{number} SETs are what their digests say"


def _peers(gateway: Gateway) -> str:
    ours = introduce(gateway)
    trust.read_statement(ours, gateway.now())
    with gateway.store.read() as db:
        register = peers.register(db)
    ends = [p for p in register.peers.values() if p.statement_expires_at <= gateway.now()]
    if ends:
        raise CheckFailed(f"the statement of {ends[0].id} has expired")
    return f"our statement and those of {len(register.peers)} peers hold"
