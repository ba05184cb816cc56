"""A peer's entity statement: who it is, its keys, and how it is reached, signed by itself.

It carries OpenID Federation 1.0 §3 and §5 and RFC 7517 §5 for the key sets inside.
The law here: a statement is taken whole or not at all, and it proves only that one federation
key said this; whether that key is the association's own is for people (``register``).
The verbs are ``read_statement`` and ``write_statement``.
"""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

from gateway import errors, strict_json
from gateway.config import NO_COUNTRIES, identifier
from gateway.model import Country, Noun, PeerId
from gateway.trust import jwk, jws
from gateway.trust.jwk import PublicJwk, refuse

TYP = "entity-statement+jwt"
ENTITY_TYPE = "spam_exchange_gateway"
"""Our own entity type in ``metadata`` (OpenID Federation 1.0 §5)."""
MAX_STATEMENT = 64_000
"""The longest statement in characters."""
MAX_KEYS = 24
"""How many keys one set may hold; rotation needs two or three."""
MAX_LIFETIME = timedelta(days=400)
"""How far ``exp`` may lie behind ``iat``: a peer must renew, or it is frozen out."""
MAX_SKEW = timedelta(seconds=60)

_URL = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?/[!-~]*"
)
_COUNTRY = re.compile(r"[A-Z]{2}")


class ReachedBy(StrEnum):
    """How an association is reached."""

    STREAM_RECEIPTS = "stream-receipts"
    STREAM = "stream"
    FEED = "feed"
    MAIL = "mail"


class Key(Noun):
    """A public key of a peer, with the time in which it signs.

    ``not_before`` and ``not_after`` bound the ``iat`` of what it signed; ``retired_at`` is when
    it left the statement, ``revoked_at`` from when it was no longer the peer's alone.
    """

    peer: PeerId
    kid: str
    jwk: PublicJwk
    not_before: datetime | None = None
    not_after: datetime | None = None
    retired_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def alg(self) -> str:
        """The one algorithm of this key."""
        return self.jwk.alg


class Endpoints(Noun):
    """Where a peer is called: HTTPS URLs, and a mail address for those reached by mail."""

    push: str | None = None
    push_many: str | None = None
    poll: str | None = None
    stream: str | None = None
    token: str | None = None
    evidence: str | None = None
    feed: str | None = None
    mail: str | None = None


class Limits(Noun):
    """What a peer takes: characters in a SET, SETs in a call, bytes in a call."""

    set_chars: int = 100_000
    call_sets: int = 500
    call_bytes: int = 4_000_000


class Contact(Noun):
    """Whom to ask at the association, and for what."""

    role: str
    name: str
    email: str | None = None
    phone: str | None = None


class Facts(Noun):
    """What a statement says of an association; countries are what it proposes to serve.

    ``log_keys`` sign the heads of its journal; an association without a journal names none.
    """

    id: PeerId
    name: str
    countries: tuple[Country, ...]
    federation_keys: tuple[Key, ...]
    message_keys: tuple[Key, ...]
    reached_by: ReachedBy
    expires_at: datetime
    endpoints: Endpoints = Endpoints()
    limits: Limits = Limits()
    formats: tuple[str, ...] = ("iodef-json",)
    contacts: tuple[Contact, ...] = ()
    log_keys: tuple[Key, ...] = ()


class Statement(Noun):
    """An entity statement that was read: what it says, when, and under which key and digest.

    ``sha256`` is the hex digest of the whole token, under which its bytes are kept for ever.
    """

    facts: Facts
    issued_at: datetime
    kid: str
    sha256: str


class _Set(msgspec.Struct):
    keys: list[dict[str, object]]


class _Gateway(msgspec.Struct):
    """Our entity type as it stands in ``metadata``; unknown members are left alone."""

    organization_name: str
    countries: list[str]
    jwks: _Set
    reached_by: ReachedBy
    endpoints: Endpoints = Endpoints()
    limits: Limits = Limits()
    formats: list[str] = msgspec.field(default_factory=lambda: ["iodef-json"])
    contacts: list[Contact] = msgspec.field(default_factory=list)
    log_jwks: _Set | None = None


class _Claims(msgspec.Struct):
    iss: str
    sub: str
    iat: int
    exp: int
    jwks: _Set
    metadata: dict[str, object]


def read_statement(token: bytes, now: datetime) -> Statement:
    """The statement in ``token``, signed by one of the federation keys that it names itself.

    Args:
        token: the JWS, as it was fetched or stands in a file.
        now: the time of reading, aware.

    Raises:
        errors.StatementInvalid: it is refused as a whole; the detail begins with a slug such as
            ``expired``, ``duplicate-kid`` or ``private-member``.
    """
    try:
        parts = jws.split(token.strip(), MAX_STATEMENT)
        header = jws.header(parts.header)
        members = strict_json.read_object(parts.payload)
        claims = msgspec.convert(members, _Claims)
        gateway = msgspec.convert(claims.metadata.get(ENTITY_TYPE), _Gateway)
    except (errors.TokenInvalid, errors.JsonInvalid, msgspec.ValidationError) as error:
        raise errors.StatementInvalid(f"shape: {error}") from error
    if header.typ != TYP:
        refuse("typ", f"typ is {header.typ!r} instead of {TYP!r}")
    if "crit" in members:
        refuse("crit", "the statement asks for an extension that we do not know")
    if claims.iss != claims.sub:
        refuse("subject", "iss and sub differ: this is no statement about oneself")
    peer = peer_id(claims.iss)
    issued_at, expires_at = _lifetime(claims, now)
    federation = _keys(peer, claims.jwks, "federation")
    signing = by_kid(federation, header.kid)
    if signing is None:
        refuse("key-unknown", "the signing key is not among the federation keys")
    if header.alg != signing.alg:
        refuse("key-algorithm", f"alg {header.alg!r} is not that of the key")
    try:
        jws.verify(parts, signing.jwk)
    except errors.SignatureInvalid as error:
        raise errors.StatementInvalid(f"signature: {error}") from error
    return Statement(
        facts=_facts(peer, gateway, federation, expires_at),
        issued_at=issued_at,
        kid=header.kid,
        sha256=hashlib.sha256(token.strip()).hexdigest(),
    )


def write_statement(facts: Facts, federation: jws.Signer, now: datetime) -> bytes:
    """The entity statement that says ``facts``, signed by the federation key.

    Args:
        facts: what to say; ``expires_at`` becomes ``exp``.
        federation: a Signer whose ``kid`` is among ``facts.federation_keys``.
        now: becomes ``iat``, in whole seconds.

    Raises:
        errors.StatementInvalid: the facts make no statement that we would take ourselves.
        errors.KeyUnusable: the key cannot sign.
    """
    gateway: dict[str, object] = {
        "organization_name": facts.name,
        "countries": facts.countries,
        "jwks": {"keys": [_member(key) for key in facts.message_keys]},
        "reached_by": facts.reached_by,
        "endpoints": _stated(facts.endpoints),
        "limits": facts.limits,
        "formats": facts.formats,
        "contacts": [_stated(contact) for contact in facts.contacts],
    }
    if facts.log_keys:
        gateway["log_jwks"] = {"keys": [_member(key) for key in facts.log_keys]}
    claims = {
        "iss": facts.id,
        "sub": facts.id,
        "iat": int(now.timestamp()),
        "exp": int(facts.expires_at.timestamp()),
        "jwks": {"keys": [_member(key) for key in facts.federation_keys]},
        "metadata": {ENTITY_TYPE: gateway},
    }
    token = jws.write(TYP, strict_json.write(claims), federation)
    read_statement(token, now)
    return token


def peer_id(text: str) -> PeerId:
    """``text`` as an association's identifier: an HTTPS URL in the one spelling that we take.

    Raises:
        errors.StatementInvalid: another scheme, capital letters in the host, userinfo, query,
            fragment, a trailing slash, or more than 255 characters.
    """
    try:
        return identifier(text)
    except ValueError as error:
        raise errors.StatementInvalid(f"id: {error}") from error


def country(text: str) -> Country:
    """``text`` as a country.

    Raises:
        errors.StatementInvalid: it is no two capital letters, or EU, AP or ZZ.
    """
    if not _COUNTRY.fullmatch(text) or text in NO_COUNTRIES:
        refuse("country", f"{text[:8]!r} is no country")
    return Country(text)


def _lifetime(claims: _Claims, now: datetime) -> tuple[datetime, datetime]:
    """``iat`` and ``exp`` as moments; refuses a statement that does not hold now."""
    issued_at, expires_at = _moment(claims.iat), _moment(claims.exp)
    if issued_at > now + MAX_SKEW:
        refuse("not-yet", "iat lies in the future")
    if expires_at <= now:
        refuse("expired", f"the statement ended {expires_at:%Y-%m-%d %H:%M}")
    if not issued_at < expires_at <= issued_at + MAX_LIFETIME:
        refuse("lifetime", f"exp is not within {MAX_LIFETIME.days} days after iat")
    return issued_at, expires_at


def _facts(
    peer: PeerId, gateway: _Gateway, federation: tuple[Key, ...], expires_at: datetime
) -> Facts:
    """The facts of a statement whose signature is good; refuses contradictions inside."""
    messages = _keys(peer, gateway.jwks, "message")
    logs = () if gateway.log_jwks is None else _keys(peer, gateway.log_jwks, "log")
    of_one_use = [{key.jwk for key in keys} for keys in (federation, messages, logs)]
    if len(set.union(*of_one_use)) != sum(map(len, of_one_use)):
        refuse("key-shared", "one key has two of the uses federation, message and log")
    countries = tuple(country(text) for text in gateway.countries)
    if len(set(countries)) != len(countries):
        refuse("country", "a country stands twice")
    if not 0 < len(gateway.organization_name) <= 200:
        refuse("name", "the name of the association has no usable length")
    for name, url in msgspec.structs.asdict(gateway.endpoints).items():
        if url is not None and name != "mail" and not _is_url(url):
            refuse("endpoint", f"{name} is no HTTPS URL without user and fragment")
    if min(msgspec.structs.astuple(gateway.limits)) < 1:
        refuse("limits", "a limit below 1 takes nothing")
    return Facts(
        id=peer,
        name=gateway.organization_name,
        countries=countries,
        federation_keys=federation,
        message_keys=messages,
        reached_by=gateway.reached_by,
        endpoints=gateway.endpoints,
        limits=gateway.limits,
        formats=tuple(gateway.formats),
        contacts=tuple(gateway.contacts),
        log_keys=logs,
        expires_at=expires_at,
    )


def _is_url(text: str) -> bool:
    """Whether ``text`` is an HTTPS URL that can only mean one place."""
    return len(text) <= 500 and bool(_URL.fullmatch(text)) and not set(text) & set("#@\\")


def _keys(peer: PeerId, published: _Set, what: str) -> tuple[Key, ...]:
    """The keys of one set; refuses an empty, long or ambiguous one (RFC 7517 §5)."""
    if not 0 < len(published.keys) <= MAX_KEYS:
        refuse("key-count", f"{len(published.keys)} {what} keys")
    keys = tuple(_key(peer, members) for members in published.keys)
    if len({key.kid for key in keys}) != len(keys):
        refuse("duplicate-kid", f"two {what} keys have one kid")
    if len({key.jwk for key in keys}) != len(keys):
        refuse("duplicate-key", f"one {what} key has two kids")
    return keys


def _key(peer: PeerId, members: dict[str, object]) -> Key:
    """One published key with its window (OpenID Federation 1.0 §8.7 names the members)."""
    kid = members.get("kid")
    if not isinstance(kid, str) or not jws.is_kid(kid):
        refuse("kid", "a key has no usable kid")
    revoked = members.get("revoked")
    if revoked is not None and not isinstance(revoked, dict):
        refuse("key-window", "revoked is no object")
    not_before, not_after = _stamp(members.get("iat")), _stamp(members.get("exp"))
    if not_before is not None and not_after is not None and not_before >= not_after:
        refuse("key-window", "a key ends before it begins")
    return Key(
        peer=peer,
        kid=kid,
        jwk=jwk.read(members),
        not_before=not_before,
        not_after=not_after,
        revoked_at=None if revoked is None else _required(_stamp(revoked.get("revoked_at"))),
    )


def _member(key: Key) -> dict[str, object]:
    """``key`` as a JWK in a published set; the mirror of ``_key``."""
    members: dict[str, object] = {"kid": key.kid, "use": "sig", "alg": key.alg}
    members |= key.jwk.members()
    if key.not_before is not None:
        members["iat"] = int(key.not_before.timestamp())
    if key.not_after is not None:
        members["exp"] = int(key.not_after.timestamp())
    if key.revoked_at is not None:
        members["revoked"] = {"revoked_at": int(key.revoked_at.timestamp())}
    return members


def _stated(noun: Noun) -> dict[str, object]:
    """The members of ``noun`` that say something."""
    return {name: said for name, said in msgspec.structs.asdict(noun).items() if said is not None}


def _stamp(number: object) -> datetime | None:
    """A time of a JWK in seconds, if there is one."""
    if number is None:
        return None
    if type(number) is not int:
        refuse("key-window", "a time is no whole number")
    return _moment(number)


def _required(moment: datetime | None) -> datetime:
    """A time that must stand there."""
    if moment is None:
        refuse("key-window", "a time is missing")
    return moment


def _moment(seconds: int) -> datetime:
    """``seconds`` since 1970 as a moment; refuses what no calendar of ours holds."""
    if not 0 <= seconds < 2**33:
        refuse("time", f"{seconds} is no time of this age")
    return datetime.fromtimestamp(seconds, UTC)


def by_kid(keys: Sequence[Key], kid: str) -> Key | None:
    """The key called ``kid``, if it is among ``keys``."""
    return next((key for key in keys if key.kid == kid), None)
