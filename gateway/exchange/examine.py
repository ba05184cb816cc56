"""Whether everything that we keep still holds together. Verb: ``examine``."""

from gateway import journal, seal, trust
from gateway.edges.store import ledger, peers, records, streams
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
            digests = records.digests(db, after, ORIGINALS_EACH)
        if not digests:
            return f"{number} originals are what their digests say"
        for digest in digests:
            gateway.blobs.fetch(digest)
        after, number = digests[-1], number + len(digests)


def _sets(gateway: Gateway) -> str:
    number = 0
    with gateway.store.read() as db:
        for jti, kept, token in streams.tokens(db):
            number += 1
            try:
                digest = seal.input_digest(token)
            except TokenInvalid as error:
                raise CheckFailed(f"the SET {jti} was altered") from error
            if digest != kept:
                raise CheckFailed(f"the SET {jti} is not what its digest says")
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
