"""A SET proved offline: by the statement that introduced its key, and nothing else.

Verb: ``prove``.
"""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec

from gateway import seal, strict_json, trust
from gateway.errors import CheckFailed, EntenteError, SignatureInvalid
from gateway.model import Noun
from gateway.trust import Statement, jws


class Proof(Noun):
    """What was shown, step by step, and the digest that a receipt would name."""

    steps: tuple[str, ...]
    issuer: str
    jti: str
    digest: str


class _When(msgspec.Struct):
    iat: int
    exp: int


def prove(token: bytes, statement: bytes, now: datetime) -> Proof:
    """Show that the SET ``token`` was signed by the association of ``statement``.

    Raises:
        CheckFailed: a step does not hold; the message names the step.
    """
    steps: list[str] = []
    introduced = _statement(statement, steps, now)
    facts = introduced.facts
    try:
        parts = seal.open_token(token.strip())
        header = jws.header(parts.header)
    except EntenteError as error:
        raise CheckFailed(f"step 2, the shape of the SET: {error}") from error
    steps.append(f"2. The SET has the one allowed shape and names the key {header.kid}.")
    key = next((key for key in facts.message_keys if key.kid == header.kid), None)
    if key is None or header.alg != key.alg or header.typ != seal.TYP:
        raise CheckFailed("step 3, the key: the statement does not introduce the key of this SET")
    steps.append(f"3. The statement introduces that key for {key.alg}.")
    try:
        jws.verify(parts, key.jwk)
        claims = strict_json.read_object(parts.payload)
    except EntenteError as error:
        raise CheckFailed(f"step 4, the signature: {error}") from error
    steps.append("4. The signature holds over every byte of header and payload.")
    if claims.get("iss") != facts.id:
        raise CheckFailed(f"step 5, the issuer: the SET says {claims.get('iss')!r:.300}")
    steps.append(f"5. The SET says that it comes from {facts.id}, whose statement this is.")
    issued = claims.get("iat")
    if type(issued) is not int:
        raise CheckFailed("step 6, the time: iat is no whole number")
    moment = datetime.fromtimestamp(issued, UTC)
    try:
        trust.check_window(key, moment, moment)
    except SignatureInvalid as error:
        raise CheckFailed(f"step 6, the time: {error}") from error
    steps.append(f"6. It was issued {moment:%Y-%m-%d %H:%M} UTC, in the time of that key.")
    digest = hashlib.sha256(parts.signing_input).hexdigest()
    steps.append(f"7. Its digest, which a receipt names, is {digest}.")
    return Proof(steps=tuple(steps), issuer=facts.id, jti=str(claims.get("jti")), digest=digest)


def _statement(token: bytes, steps: list[str], now: datetime) -> Statement:
    try:
        found = statement_in_time(token, now)
    except CheckFailed as error:
        raise CheckFailed(f"step 1, the statement: {error}") from error
    steps.append(
        f"1. The statement of {found.facts.name} is signed by its federation key"
        f" {trust.fingerprint(found.facts.federation_keys[0].jwk)}."
    )
    return found


def statement_in_time(token: bytes, now: datetime) -> Statement:
    """The statement, read as of a time at which it was valid: what it introduced stays proved.

    Raises:
        CheckFailed: it is no statement that ever held.
    """
    try:
        when = msgspec.json.decode(
            jws.split(token.strip(), trust.MAX_STATEMENT).payload, type=_When
        )
        then = min(now, datetime.fromtimestamp(when.exp, UTC) - timedelta(seconds=1))
        return trust.read_statement(token, then)
    except (EntenteError, msgspec.DecodeError, OverflowError, ValueError) as error:
        raise CheckFailed(str(error)) from error
