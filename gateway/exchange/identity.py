"""Who we are to others, and whom we have let in: our statement, and the enrolment of peers.

Verbs: ``introduce`` (our signed entity statement), ``enrol``, ``dismiss``.
"""

from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy.engine import Connection

from gateway import trust
from gateway.edges.keyring import FileSigner
from gateway.edges.store import ledger, peers
from gateway.edges.store.peers import Enrolment
from gateway.edges.store.records import micros
from gateway.errors import NotFound
from gateway.exchange.gateway import Gateway
from gateway.gate.door import secret_digest
from gateway.model import Country, Noun, PeerId
from gateway.retention import Class
from gateway.trust import Agreement, Facts, Key, Limits, Peer, PeerState, jws

LIFETIME = timedelta(days=365)
"""How long a statement of ours holds."""
RENEW_BEFORE = timedelta(days=90)
"""How long before its end a new one is made, so that peers have time to fetch it."""
SALT_BYTES = 32


class Terms(Noun):
    """What we grant a peer beside its own statement.

    ``countries`` empty grants what it proposes; ``door`` is the secret with which the peer opens
    our door, ``theirs`` the one with which we open its; None leaves each as it is.
    """

    countries: tuple[Country, ...] = ()
    priority: int | None = None
    agreement: Agreement | None = None
    addresses: tuple[str, ...] | None = None
    ca: str | None = None
    door: str | None = None
    theirs: str | None = None


def introduce(gateway: Gateway) -> bytes:
    """Our newest entity statement, made anew where the last one ends soon or lacks a key of ours.

    Raises:
        KeyUnusable: the federation key cannot sign.
    """
    now = gateway.now()
    with gateway.store.read() as db:
        kept = peers.statements(db, gateway.me)
    if kept:
        held = trust.read_statement(kept[-1], _in_time(kept[-1], gateway))
        named = {key.jwk for key in held.facts.log_keys}
        if held.facts.expires_at - now > RENEW_BEFORE and gateway.keys.log.jwk in named:
            return kept[-1]
    token = trust.write_statement(_facts(gateway), gateway.keys.federation, now)
    statement = trust.read_statement(token, now)
    times = (micros(statement.issued_at), micros(now))
    with gateway.store.write() as db:
        peers.keep_statement(db, gateway.me, statement.sha256, token, times)
        _note(gateway, db, "introduced", {"statement": statement.sha256})
    return token


def _in_time(token: bytes, gateway: Gateway) -> datetime:
    """A time at which a statement of ours was valid, so that an ended one can still be read."""
    payload = jws.split(token, trust.MAX_STATEMENT).payload
    ends = msgspec.json.decode(payload, type=_Ends)
    return min(gateway.now(), datetime.fromtimestamp(ends.exp - 1, UTC))


class _Ends(msgspec.Struct):
    exp: int


def _facts(gateway: Gateway) -> Facts:
    config = gateway.config
    me = gateway.me
    limits = Limits(call_bytes=config.serve.max_call_bytes)
    return Facts(
        id=me,
        name=config.name,
        countries=(config.home_country,),
        federation_keys=(_key(me, gateway.keys.federation),),
        message_keys=(_key(me, gateway.keys.message),),
        log_keys=(_key(me, gateway.keys.log),),
        reached_by=trust.ReachedBy.STREAM_RECEIPTS,
        endpoints=trust.Endpoints(push=f"{me}/ssf/push", push_many=f"{me}/ssf/push-many"),
        limits=limits,
        contacts=(
            (trust.Contact(role="irt", name=config.name, email=config.mailbox),)
            if config.mailbox
            else ()
        ),
        expires_at=(gateway.now() + LIFETIME).replace(microsecond=0),
    )


def _key(me: PeerId, signer: FileSigner) -> Key:
    return Key(peer=me, kid=signer.kid, jwk=signer.jwk)


def enrol(gateway: Gateway, token: bytes, terms: Terms) -> Peer:
    """Add a peer by its signed statement, or change what is agreed with one on record.

    Whoever calls has compared the fingerprint of its federation key with the peer's own people.

    Raises:
        StatementInvalid: the statement is refused as a whole; what was known stays.
        KeyUnusable: a secret has no usable form.
    """
    now = gateway.now()
    statement = trust.read_statement(token, now)
    with gateway.store.write() as db:
        held = {e.peer.id: e for e in peers.enrolments(db)}
        before = held.get(statement.facts.id)
        register = trust.Register.of(e.peer for e in held.values())
        if before is None:
            peer = trust.enrol(
                register,
                statement,
                me=gateway.me,
                countries=terms.countries or statement.facts.countries,
            )
            now_on = Enrolment(peer=peer)
        elif before.peer.statement_sha256 == statement.sha256:
            now_on = before
        else:
            now_on = msgspec.structs.replace(before, peer=trust.renew(register, statement, now))
        now_on = _agreed(now_on, terms)
        peers.put(db, now_on, micros(now))
        times = (micros(statement.issued_at), micros(now))
        peers.keep_statement(db, now_on.peer.id, statement.sha256, token.strip(), times)
        said = {"peer": now_on.peer.id, "statement": statement.sha256}
        _note(gateway, db, "enrolled", {**said, "countries": list(now_on.peer.countries)})
        if terms.theirs is not None:
            gateway.keys.keep_door(now_on.peer.id, terms.theirs)
    return now_on.peer


def _agreed(enrolment: Enrolment, terms: Terms) -> Enrolment:
    """The enrolment with the terms in force; what a term leaves open stays."""
    peer = enrolment.peer
    changes: dict[str, object] = {"state": PeerState.LIVE}
    if terms.countries:
        changes["countries"] = terms.countries
    if terms.priority is not None:
        changes["priority"] = terms.priority
    if terms.agreement is not None:
        changes["agreement"] = terms.agreement
    if terms.addresses is not None:
        changes["addresses"] = terms.addresses
    changed = msgspec.structs.replace(enrolment, peer=msgspec.structs.replace(peer, **changes))
    if terms.ca is not None:
        changed = msgspec.structs.replace(changed, ca=terms.ca)
    if terms.door is not None:
        changed = msgspec.structs.replace(changed, door=secret_digest(terms.door))
    return changed


def dismiss(gateway: Gateway, peer: PeerId, because: str) -> None:
    """End the exchange with a peer; its keys, statements and receipts are kept for ever.

    Raises:
        NotFound: there is no such peer.
    """
    with gateway.store.write() as db:
        found = next((e for e in peers.enrolments(db) if e.peer.id == peer), None)
        if found is None:
            raise NotFound(f"{peer} is not on record", hint="entente peers list")
        ended = msgspec.structs.replace(found.peer, state=PeerState.ENDED)
        at = micros(gateway.now())
        until = gateway.terms.until(Class.CONTACT, at)
        peers.put(db, msgspec.structs.replace(found, peer=ended, door=None), at, until)
        _note(gateway, db, "dismissed", {"peer": peer, "because": because})
    gateway.keys.forget_door(peer)


def _note(gateway: Gateway, db: Connection, kind: str, content: object) -> None:
    ledger.append(db, micros(gateway.now()), kind, content, gateway.draw(SALT_BYTES))
