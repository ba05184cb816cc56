"""A SET as bytes: claims in, signed token out, and the parts of one that came.

It carries RFC 8417 §2.2, RFC 7519 §4.1, RFC 9493 §3.2 and RFC 7515 §5.
The law here: nothing is judged but shape; whether a SET may be believed is for ``gate``.
The verbs are ``claims``, ``close``, ``open_token`` and ``input_digest``.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from gateway import protocol, strict_json
from gateway.errors import MustNotLeave, TokenInvalid
from gateway.model import CaseId, Kind, Noun, PeerId, SetId
from gateway.trust import Signer, jws

TYP = "secevent+jwt"
"""The type that every SET names in its header (RFC 8417 §2.3)."""
MAX_SET = 100_000
"""The longest SET in characters, ours and theirs."""


class Sealed(Noun):
    """A signed SET and the SHA-256 of what was signed."""

    token: bytes
    digest: bytes


class Stamp(Noun):
    """What every SET says of itself: from whom, to whom, its id, its time, its cause.

    ``txn`` is the id of the report or request from which everything else follows; None only on
    control events.
    """

    issuer: PeerId
    audience: PeerId
    jti: str
    issued_at: datetime
    txn: str | None = None


def claims(
    stamp: Stamp, kind: Kind, subject: Mapping[str, object], event: Mapping[str, object]
) -> dict[str, object]:
    """The claims of one SET (RFC 8417 §2.2): one event, no ``exp``, no ``sub``.

    Args:
        stamp: from whom, to whom, when.
        kind: what the event is.
        subject: from ``case_subject``, ``set_subject`` or ``stream_subject``.
        event: the event object, from ``bodies.write_body``.
    """
    made: dict[str, object] = {
        "iss": stamp.issuer,
        "iat": int(stamp.issued_at.timestamp()),
        "jti": stamp.jti,
        "aud": stamp.audience,
    }
    if stamp.txn is not None:
        made["txn"] = stamp.txn
    made["sub_id"] = subject
    made["events"] = {protocol.uri(kind): event}
    return made


def case_subject(case: CaseId) -> dict[str, object]:
    """A case as ``sub_id``, opaque to the receiver (RFC 9493 §3.2.4)."""
    return {"format": "opaque", "id": case}


def set_subject(meant: SetId) -> dict[str, object]:
    """The SET that is meant, as ``sub_id`` (SSF 1.0, format ``jwt_id``)."""
    return {"format": "jwt_id", "iss": meant.issuer, "jti": meant.jti}


def stream_subject(stream: str) -> dict[str, object]:
    """A stream as ``sub_id``, opaque (RFC 9493 §3.2.4)."""
    return {"format": "opaque", "id": stream}


def close(said: Mapping[str, object], signer: Signer) -> Sealed:
    """A SET over the claims ``said``, signed.

    Args:
        said: the claims, from ``claims``.
        signer: the message key.

    Raises:
        errors.MustNotLeave: the SET would be longer than any receiver takes.
        errors.JsonInvalid: the claims hold something that JSON cannot say.
        errors.KeyUnusable: the key cannot sign.
    """
    token = jws.write(TYP, strict_json.write(said), signer)
    if len(token) > MAX_SET:
        raise MustNotLeave(f"the SET has {len(token)} characters")
    return Sealed(token=token, digest=input_digest(token))


def open_token(token: bytes) -> jws.Parts:
    """The parts of a SET that came, by shape only; nothing of it is believed.

    Raises:
        errors.TokenInvalid: it is longer than ``MAX_SET`` or no JWS in our one spelling.
    """
    return jws.split(token, MAX_SET)


def input_digest(token: bytes) -> bytes:
    """The SHA-256 of header.payload of ``token``, the bytes that are signed.

    It does not cover the signature, because ECDSA allows several over the same bytes.

    Raises:
        errors.TokenInvalid: ``token`` has no signature part.
    """
    signed, dot, _signature = token.rpartition(b".")
    if not dot:
        raise TokenInvalid("no signature part")
    return hashlib.sha256(signed).digest()
