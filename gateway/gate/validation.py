"""Validation: whether the bytes are a SET of the peer at the door, meant for us.

It carries RFC 8417 §2, RFC 7515 §5.2, RFC 7519 §4.1, RFC 8725 §3 and RFC 9493 §3.
The law here: nothing of the payload is read before the signature is good, and every failure
names its check. The verbs are ``validate``, ``name`` and ``repeat``.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from gateway import protocol, seal, strict_json
from gateway.errors import JsonInvalid, SignatureInvalid, TokenInvalid
from gateway.gate.checks import refusal
from gateway.model import Envelope, Opened, PeerId
from gateway.trust import Key, Register, check_window, jws

MAX_AHEAD = timedelta(seconds=60)
"""How far ``iat`` may lie ahead of our clock."""
MAX_AGE = timedelta(days=400)
"""How far ``iat`` may lie back."""
MAX_NAME = 255

_VISIBLE = frozenset(map(chr, range(0x21, 0x7F)))
_FORBIDDEN = ("exp", "sub", "nbf")


def validate(envelope: Envelope, register: Register, me: PeerId, now: datetime) -> Opened:
    """What ``envelope`` holds, once it is sure that the peer at the door signed it for us.

    ``repeat`` comes next: whether it came before, and whether its key still counts.

    Args:
        envelope: the token and the peer that the door let in.
        register: the peers and their keys.
        me: our own identifier.
        now: our clock.

    Raises:
        Refusal: checks 11 to 25, the first that fails.
    """
    parts, key = _signed(envelope, register)
    try:
        claims = seal.read_own(parts.payload) or strict_json.read_object(parts.payload)
    except JsonInvalid as error:
        raise refusal("claims", str(error)) from error
    if claims.get("iss") != envelope.door or envelope.door == me:
        raise refusal("issuer", f"iss is {claims.get('iss')!r:.300}")
    if claims.get("aud") != me:
        raise refusal("audience", f"aud is {claims.get('aud')!r:.300}")
    issued_at = _issued_at(claims.get("iat"), now)
    for forbidden in _FORBIDDEN:
        if forbidden in claims:
            raise refusal("forbidden-claim", forbidden)
    jti, txn = claims.get("jti"), claims.get("txn")
    if not _is_name(jti):
        raise refusal("identifier", "jti")
    if "txn" in claims and not _is_name(txn):
        raise refusal("identifier", "txn")
    event_uri, event = _event(claims.get("events"))
    subject = claims.get("sub_id")
    if not isinstance(subject, dict) or not isinstance(subject.get("format"), str):
        raise refusal("subject")
    return Opened(
        token=envelope.token,
        issuer=envelope.door,
        jti=str(jti),
        kid=key.kid,
        issued_at=issued_at,
        received_at=envelope.received_at,
        digest=hashlib.sha256(parts.signing_input).digest(),
        txn=None if txn is None else str(txn),
        subject=subject,
        event_uri=event_uri,
        kind=protocol.kind(event_uri),
        event=event,
    )


def name(opened: Opened, item: str) -> None:
    """Return only if ``item``, the name of the SET in its call, is its ``jti``.

    Raises:
        Refusal: check 26.
    """
    if opened.jti != item:
        raise refusal("item-name", f"{item!r:.300} holds {opened.jti!r}")


def repeat(opened: Opened, known: bytes | None, register: Register) -> bool:
    """Whether ``opened`` came before; if not, its key is judged, as of its arrival.

    A repeat keeps its stored answer whatever has become of the key since.

    Args:
        opened: from ``validate``.
        known: the digest under which the store has this (iss, jti), if it has one.
        register: the peers and their keys.

    Raises:
        Refusal: check 27 for another content under the same ``jti``; check 28 for a key that
            does not count for a SET first received now.
    """
    if known is not None:
        if known != opened.digest:
            raise refusal("conflict", f"{opened.digest.hex()} after {known.hex()}")
        return True
    key = register.key(opened.issuer, opened.kid)
    if key is None:
        raise refusal("key-window", "the key left the register")
    try:
        check_window(key, opened.issued_at, opened.received_at)
    except SignatureInvalid as error:
        raise refusal("key-window", str(error)) from error
    return False


def _signed(envelope: Envelope, register: Register) -> tuple[jws.Parts, Key]:
    """The parts of a token with a good signature of the peer at the door (checks 11 to 16)."""
    try:
        parts = seal.open_token(envelope.token)
    except TokenInvalid as error:
        raise refusal("shape", str(error)) from error
    try:
        header = jws.header(parts.header)
    except TokenInvalid as error:
        raise refusal("header", str(error)) from error
    if header.typ != seal.TYP:
        raise refusal("type", f"typ is {header.typ!r}")
    key = register.key(envelope.door, header.kid)
    if key is None:
        raise refusal("key", f"kid is {header.kid!r}")
    if header.alg != key.alg and not _old_name(header.alg, key, register):
        raise refusal("algorithm", f"alg is {header.alg!r} instead of {key.alg!r}")
    try:
        jws.verify(parts, key.jwk)
    except SignatureInvalid as error:
        raise refusal("signature", str(error)) from error
    return parts, key


def _old_name(alg: str, key: Key, register: Register) -> bool:
    """Whether ``alg`` is the name before RFC 9864 §2.2, from a peer recorded as using it."""
    peer = register.peer(key.peer)
    return alg == "EdDSA" and key.alg == "Ed25519" and peer is not None and peer.eddsa_name


def _issued_at(iat: object, now: datetime) -> datetime:
    """``iat`` as a moment (checks 20 and 21)."""
    if type(iat) is not int or not 0 <= iat < 2**33:
        raise refusal("age", f"iat is {iat!r:.100}")
    issued_at = datetime.fromtimestamp(iat, UTC)
    if issued_at > now + MAX_AHEAD:
        raise refusal("not-yet", f"iat is {issued_at.isoformat()}")
    if issued_at < now - MAX_AGE:
        raise refusal("age", f"iat is {issued_at.isoformat()}")
    return issued_at


def _event(events: object) -> tuple[str, dict[str, object]]:
    """The one event: its type and its object (check 24)."""
    if not isinstance(events, dict) or len(events) != 1:
        raise refusal("event", "not exactly one event")
    ((event_uri, event),) = events.items()
    if not _is_name(event_uri) or not isinstance(event, dict):
        raise refusal("event", "no type or no object")
    return event_uri, event


def _is_name(text: object) -> bool:
    """Whether ``text`` is 1 to 255 visible ASCII characters."""
    return isinstance(text, str) and 0 < len(text) <= MAX_NAME and _VISIBLE.issuperset(text)
