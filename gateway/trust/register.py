"""The peer register: which associations we believe, with which keys, and about what.

It carries OpenID Federation 1.0 §3 as far as one statement follows another, and RFC 7517 §4.
The law here: a key enters only through a statement that a confirmed federation key signed, a
kid never changes its key, and history is never dropped. The verbs are ``enrol`` and ``renew``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from gateway import errors
from gateway.model import Category, Country, Noun, PeerId, Tlp, evolve
from gateway.trust.jwk import PublicJwk, refuse
from gateway.trust.statement import Contact, Endpoints, Key, Limits, ReachedBy, Statement, by_kid

RETIRED_FOR = timedelta(days=90)
"""How long after its retirement a SET under that key may still come in for the first time."""


class PeerState(StrEnum):
    """How far the trust in a peer has come."""

    KNOCKED = "knocked"
    SEEN = "seen"
    VERIFIED = "verified"
    TRIAL = "trial"
    LIVE = "live"
    SUSPENDED = "suspended"
    ENDED = "ended"


class Agreement(Noun):
    """What one side may say to the other, as the two agreed; it binds both directions.

    ``max_tlp`` is the strictest label that may be exchanged, ``daily_quota`` the most new SETs
    a day, ``evidence`` whether originals may be asked for and sent.
    """

    max_tlp: Tlp = Tlp.AMBER_STRICT
    categories: frozenset[Category] = frozenset(Category)
    daily_quota: int = 1_000_000
    evidence: bool = False


class Peer(Noun):
    """A foreign association as we have it on record.

    ``countries`` are those granted, not those proposed; a lower ``priority`` is asked first.
    ``keys`` are its message keys, ``federation_keys`` its identity, both with their history.
    ``addresses`` are the exact addresses at which it may be called where its name is not
    enough; ``eddsa_name`` allows the old header value (RFC 9864 §2.2).
    """

    id: PeerId
    name: str
    countries: tuple[Country, ...]
    reached_by: ReachedBy
    state: PeerState
    federation_keys: tuple[Key, ...]
    keys: tuple[Key, ...]
    statement_sha256: str
    statement_issued_at: datetime
    statement_expires_at: datetime
    priority: int = 100
    agreement: Agreement = Agreement()
    endpoints: Endpoints = Endpoints()
    limits: Limits = Limits()
    formats: tuple[str, ...] = ()
    contacts: tuple[Contact, ...] = ()
    addresses: tuple[str, ...] = ()
    eddsa_name: bool = False

    @property
    def receipts(self) -> bool:
        """Whether this peer owes us receipts: only if it announced them."""
        return self.reached_by is ReachedBy.STREAM_RECEIPTS

    @property
    def streams(self) -> bool:
        """Whether SETs are exchanged with this peer at all."""
        return self.reached_by in {ReachedBy.STREAM_RECEIPTS, ReachedBy.STREAM}

    @property
    def flows(self) -> bool:
        """Whether reports pass between us now."""
        return self.state in {PeerState.TRIAL, PeerState.LIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """All peers at one moment. Made by ``Register.of`` only, which checks them together."""

    peers: Mapping[PeerId, Peer]
    keys: Mapping[tuple[PeerId, str], Key]
    served: Mapping[Country, tuple[Peer, ...]]

    @classmethod
    def of(cls, peers: Iterable[Peer]) -> "Register":
        """The register of ``peers``.

        Raises:
            errors.StatementInvalid: two peers have one id, or one key.
        """
        known: dict[PeerId, Peer] = {}
        keys: dict[tuple[PeerId, str], Key] = {}
        owner: dict[PublicJwk, PeerId] = {}
        for peer in peers:
            if peer.id in known:
                refuse("peer-twice", f"{peer.id} stands twice in the register")
            known[peer.id] = peer
            for key in peer.keys:
                keys[peer.id, key.kid] = key
            for key in (*peer.keys, *peer.federation_keys):
                if owner.setdefault(key.jwk, peer.id) != peer.id:
                    refuse("key-of-another", "two peers have one key")
        served: dict[Country, list[Peer]] = {}
        for peer in sorted(known.values(), key=lambda peer: (peer.priority, peer.id)):
            for country in peer.countries:
                served.setdefault(country, []).append(peer)
        return cls(
            peers=MappingProxyType(known),
            keys=MappingProxyType(keys),
            served=MappingProxyType({code: tuple(those) for code, those in served.items()}),
        )

    def peer(self, peer: PeerId) -> Peer | None:
        """The peer of that identifier, if we have it on record."""
        return self.peers.get(peer)

    def key(self, peer: PeerId, kid: str) -> Key | None:
        """The message key that ``peer`` calls ``kid``, retired and revoked ones included."""
        return self.keys.get((peer, kid))

    def for_country(self, country: Country) -> tuple[Peer, ...]:
        """The peers to which ``country`` was granted, the first to ask first."""
        return self.served.get(country, ())

    def with_peer(self, peer: Peer) -> "Register":
        """This register with ``peer`` added or replaced.

        Raises:
            errors.StatementInvalid: a key of it belongs to another peer.
        """
        others = (other for other in self.peers.values() if other.id != peer.id)
        return Register.of((*others, peer))


def enrol(
    register: Register,
    statement: Statement,
    *,
    me: PeerId,
    countries: tuple[Country, ...],
    state: PeerState = PeerState.LIVE,
) -> Peer:
    """A new peer from its first statement; a person has compared the fingerprint.

    Args:
        register: who is there already.
        statement: as ``read_statement`` gave it.
        me: our own identifier, which no peer may have.
        countries: those granted, of those that the statement proposes.
        state: how far the trust goes from the start.

    Raises:
        errors.StatementInvalid: it is ourselves, is on record already, uses a key of another
            peer, or is granted a country that it does not propose.
    """
    facts = statement.facts
    if facts.id == me:
        refuse("ourselves", "the statement is our own")
    if register.peer(facts.id) is not None:
        refuse("peer-twice", f"{facts.id} is on record already")
    foreign = set(countries) - set(facts.countries)
    if foreign:
        refuse("country", f"{', '.join(sorted(foreign))} is not proposed by {facts.id}")
    peer = Peer(
        id=facts.id,
        name=facts.name,
        countries=countries,
        reached_by=facts.reached_by,
        state=state,
        federation_keys=facts.federation_keys,
        keys=facts.message_keys,
        statement_sha256=statement.sha256,
        statement_issued_at=statement.issued_at,
        statement_expires_at=facts.expires_at,
        endpoints=facts.endpoints,
        limits=facts.limits,
        formats=facts.formats,
        contacts=facts.contacts,
    )
    register.with_peer(peer)
    return peer


def renew(
    register: Register, statement: Statement, now: datetime, *, confirmed: bool = False
) -> Peer:
    """The peer on record as its newer statement changes it; what we granted stays.

    Args:
        register: who is there already, the peer among them.
        statement: as ``read_statement`` gave it.
        now: when the keys that it no longer names retire.
        confirmed: two people have approved a statement under an unknown federation key.

    Raises:
        errors.NotFound: the peer is not on record.
        errors.StatementInvalid: it is not newer than the one held, not signed by a federation
            key held, gives a known kid another key, brings a retired key back, widens or
            takes back a revocation, or uses a key of another peer. What was known stays.
    """
    facts = statement.facts
    held = register.peer(facts.id)
    if held is None:
        raise errors.NotFound(f"{facts.id} is not on record")
    if statement.issued_at <= held.statement_issued_at:
        refuse("older", "the statement is not newer than the one held")
    signing = by_kid(facts.federation_keys, statement.kid)
    known = by_kid(held.federation_keys, statement.kid)
    confirms = known is not None and signing is not None and known.jwk == signing.jwk
    if not confirmed and (not confirms or (known is not None and _left(known))):
        refuse("federation-key", "not signed by a federation key that was confirmed")
    peer = evolve(
        held,
        name=facts.name,
        reached_by=facts.reached_by,
        federation_keys=_follow(held.federation_keys, facts.federation_keys, now),
        keys=_follow(held.keys, facts.message_keys, now),
        statement_sha256=statement.sha256,
        statement_issued_at=statement.issued_at,
        statement_expires_at=facts.expires_at,
        countries=tuple(code for code in held.countries if code in facts.countries),
        endpoints=facts.endpoints,
        limits=facts.limits,
        formats=facts.formats,
        contacts=facts.contacts,
    )
    once = {key.jwk for key in peer.keys} & {key.jwk for key in peer.federation_keys}
    if once:
        refuse("key-shared", "a federation key was or is also a message key")
    register.with_peer(peer)
    return peer


def check_window(key: Key, issued_at: datetime, received_at: datetime) -> None:
    """Return only if ``key`` may speak for a SET first received now (DESIGN: keys).

    Args:
        key: as the register has it.
        issued_at: the SET's ``iat``.
        received_at: when the SET came in for the first time.

    Raises:
        errors.SignatureInvalid: ``iat`` is outside the key's window, the key was retired more
            than 90 days ago, or it was revoked before the SET came in.
    """
    if key.revoked_at is not None and received_at >= key.revoked_at:
        raise errors.SignatureInvalid("the key was revoked before this came in")
    if key.not_before is not None and issued_at < key.not_before:
        raise errors.SignatureInvalid("iat lies before the key's time")
    ends = [moment for moment in (key.not_after, key.retired_at) if moment is not None]
    if ends:
        end = min(ends)
        if issued_at > end:
            raise errors.SignatureInvalid("iat lies after the key's time")
        if received_at > end + RETIRED_FOR:
            raise errors.SignatureInvalid(f"the key retired over {RETIRED_FOR.days} days ago")


def _left(key: Key) -> bool:
    """Whether a key is no longer in use."""
    return key.retired_at is not None or key.revoked_at is not None


def _follow(held: tuple[Key, ...], stated: tuple[Key, ...], now: datetime) -> tuple[Key, ...]:
    """The keys after a newer statement: every old one, retired where no longer named."""
    after: list[Key] = []
    for old in held:
        new = by_kid(stated, old.kid)
        if new is None:
            after.append(old if _left(old) else evolve(old, retired_at=now))
            continue
        if new.jwk != old.jwk:
            refuse("kid-reused", f"the kid {old.kid} now names another key")
        if old.retired_at is not None:
            refuse("key-returned", f"the key {old.kid} had left and is named again")
        if old.revoked_at is not None and (
            new.revoked_at is None or new.revoked_at > old.revoked_at
        ):
            refuse("key-returned", f"the revocation of {old.kid} is taken back")
        after.append(new)
    known = {key.kid for key in held}
    owned = {key.jwk for key in held}
    for new in stated:
        if new.kid in known:
            continue
        if new.jwk in owned:
            refuse("duplicate-key", "a known key comes under a second kid")
        after.append(new)
    return tuple(after)
