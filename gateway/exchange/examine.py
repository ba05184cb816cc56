"""Whether everything that we keep still holds together. Verb: ``examine``."""

from collections.abc import Callable, Iterator

import msgspec

from gateway import seal, trust
from gateway.edges.store import peers, records, streams
from gateway.edges.store.audit import audit
from gateway.errors import CheckFailed, EntenteError, TokenInvalid
from gateway.exchange.gateway import Gateway
from gateway.exchange.identity import introduce
from gateway.journal import Fault

ORIGINALS_EACH = 500
"""How many originals are read at a time."""
_SHOWN = 20


def examine(gateway: Gateway) -> list[str]:
    """What was examined and holds, in words.

    Raises:
        CheckFailed: what does not hold; the message names each fault, up to a number.
    """
    found: list[str] = []
    faults: list[Fault] = []
    for look in (_database, _journal, _originals, _sets, _peers):
        said = _looked(look, gateway)
        found += [words for words in said if isinstance(words, str)]
        faults += [fault for fault in said if isinstance(fault, Fault)]
    if faults:
        words = [fault.words for fault in faults[:_SHOWN]]
        more = len(faults) - len(words)
        raise CheckFailed(
            "\n".join(words) + (f"\nand {more} more" if more else ""),
            hint=_HINT if any(fault.kind != EXPIRED for fault in faults) else _NEW_STATEMENT,
        )
    return found


EXPIRED = "expired"
"""The kind of the one fault that is nobody's edit: a peer's statement whose time is over."""
_HINT = "stop serving, keep this home as it is, and restore a backup"
_NEW_STATEMENT = "ask the peer for a new statement, and give it to entente peers add"
_Look = Callable[[Gateway], Iterator[str | Fault]]


def _looked(look: _Look, gateway: Gateway) -> list[str | Fault]:
    said: list[str | Fault] = []
    try:
        said.extend(look(gateway))
    except (EntenteError, msgspec.MsgspecError, UnicodeError, TypeError, ValueError) as error:
        # A value that was edited may be anything; the audit has named it.
        words = f"the {look.__name__.strip('_')} cannot be examined: {error}"
        said.append(Fault(where=look.__name__.strip("_"), kind="unreadable", words=words))
    return said


def _database(gateway: Gateway) -> Iterator[str | Fault]:
    wrong = gateway.store.sound()
    for words in wrong:
        yield Fault(where="database", kind="damaged", words=f"the database is damaged: {words}")
    if not wrong:
        yield "the database is sound"


def _journal(gateway: Gateway) -> Iterator[str | Fault]:
    log = gateway.keys.log
    audited = audit(gateway.store.path, {log.kid: log.jwk})
    yield from audited.faults
    if not audited.outside:
        words = "the signed head beside the database (journal.head) is missing"
        yield Fault(where="journal.head", kind="removed", words=words)
    if not audited.faults:
        yield f"the journal's {audited.entries} entries follow from one another to a signed head"
        yield f"{audited.rows} rows are as the journal last saw them"


def _originals(gateway: Gateway) -> Iterator[str | Fault]:
    after, number = "", 0
    while True:
        with gateway.store.read() as db:
            digests = records.digests(db, after, ORIGINALS_EACH)
        if not digests:
            yield f"{number} originals are what their digests say"
            return
        for digest in digests:
            try:
                gateway.blobs.fetch(digest)
            except EntenteError as error:
                yield Fault(where=f"original {digest}", kind="altered", words=str(error))
        after, number = digests[-1], number + len(digests)


def _sets(gateway: Gateway) -> Iterator[str | Fault]:
    number = 0
    with gateway.store.read() as db:
        for jti, kept, token in streams.tokens(db):
            number += 1
            try:
                same = seal.input_digest(token) == kept
            except TokenInvalid:
                same = False
            if not same:
                words = f"the SET {jti} is not what its digest says"
                yield Fault(where=f"SET {jti}", kind="altered", words=words)
    yield f"{number} SETs were compared with their digests"


def _peers(gateway: Gateway) -> Iterator[str | Fault]:
    ours = introduce(gateway)
    trust.read_statement(ours, gateway.now())
    with gateway.store.read() as db:
        register = peers.register(db)
    live = [p for p in register.peers.values() if p.flows]
    ends = [p for p in live if p.statement_expires_at <= gateway.now()]
    for peer in ends:
        words = f"the statement of {peer.id} has expired"
        yield Fault(where=f"peer {peer.id}", kind=EXPIRED, words=words)
    if not ends:
        yield f"our statement and those of {len(live)} peers hold"
