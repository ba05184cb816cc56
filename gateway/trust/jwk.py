"""Public keys as JWK: the two kinds that we believe, and every reason to refuse one.

It carries RFC 7517 §4, RFC 7518 §6.2, RFC 7638 §3, RFC 8032 §5.1 and RFC 8037 §2.
The law here: a key that could verify what its owner never signed, or that two readers would
read as two keys, is refused when it is enrolled, not when it is used. The verb is ``read``.
"""

import base64
import binascii
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from joserfc.jwk import thumbprint as joserfc_thumbprint

from gateway import errors
from gateway.model import Noun

ALGORITHM_OF = {("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "Ed25519"}
"""The one algorithm of each kind of key that we take (RFC 7518 §3.4, RFC 9864 §2.2)."""

_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv")
_FIELD = 2**255 - 19
_D = -121665 * pow(121666, -1, _FIELD) % _FIELD
_ORDER = 2**252 + 27742317777372353535851937790883648493
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

_Point = tuple[int, int, int, int]


class PublicJwk(Noun):
    """A public key and nothing else: curve and coordinates, base64url as in the JWK."""

    kty: str
    crv: str
    x: str
    y: str | None = None

    @property
    def alg(self) -> str:
        """The one algorithm that this key signs with."""
        return ALGORITHM_OF[self.kty, self.crv]

    @property
    def thumbprint(self) -> str:
        """The key's SHA-256 thumbprint, base64url (RFC 7638 §3)."""
        return joserfc_thumbprint(self.members())

    def members(self) -> dict[str, str]:
        """The members that make the key, and only those (RFC 7638 §3.2)."""
        found = {"kty": self.kty, "crv": self.crv, "x": self.x}
        return found if self.y is None else found | {"y": self.y}


def read(members: Mapping[str, object]) -> PublicJwk:
    """The public key that the JWK ``members`` holds.

    Raises:
        errors.StatementInvalid: a private member, a kind or curve that we do not take (RSA,
            oct, X25519 ...), ``use`` or ``key_ops`` other than for verifying, an ``alg`` that
            is not the key's own, a coordinate in a second spelling, a point that is not on
            the curve or, for Ed25519, not of the prime order (RFC 8032 §5.1.7).
    """
    if any(name in members for name in _PRIVATE):
        refuse("private-member", "the JWK holds a private member")
    kty, crv = members.get("kty"), members.get("crv")
    if not isinstance(kty, str) or not isinstance(crv, str) or (kty, crv) not in ALGORITHM_OF:
        refuse("key-kind", f"kty {kty!r} with crv {crv!r} is not taken")
    alg = ALGORITHM_OF[kty, crv]
    if members.get("use", "sig") != "sig" or members.get("key_ops", ["verify"]) != ["verify"]:
        refuse("key-use", "the key is not for verifying signatures")
    if members.get("alg", alg) not in ({alg, "EdDSA"} if kty == "OKP" else {alg}):
        refuse("key-algorithm", f"alg {members.get('alg')!r} is not the algorithm of the key")
    x = _coordinate(members.get("x"))
    if kty == "EC":
        y = _coordinate(members.get("y"))
        _check_p256(int.from_bytes(x, "big"), int.from_bytes(y, "big"))
        key = PublicJwk(kty=kty, crv=crv, x=str(members["x"]), y=str(members["y"]))
    else:
        _check_ed25519(x)
        key = PublicJwk(kty=kty, crv=crv, x=str(members["x"]))
    imported(key)
    return key


@lru_cache(maxsize=4096)
def imported(key: PublicJwk) -> ECKey | OKPKey:
    """``key`` as joserfc wants it.

    Raises:
        errors.StatementInvalid: joserfc does not take it.
    """
    try:
        if key.kty == "EC":
            return ECKey.import_key({**key.members()})
        return OKPKey.import_key({**key.members()})
    except (JoseError, ValueError) as error:
        raise errors.StatementInvalid(f"key-point: {error}") from error


def fingerprint(key: PublicJwk) -> str:
    """What two people compare over the telephone: 160 bits of the thumbprint in hex.

    Ten groups of four digits, parted by spaces, from the front of the RFC 7638 thumbprint.
    """
    raw = base64.urlsafe_b64decode(key.thumbprint + "=")[:20].hex()
    return " ".join(raw[place : place + 4] for place in range(0, len(raw), 4))


def refuse(reason: str, words: str) -> NoReturn:
    """Refuse a statement or key; ``reason`` is a stable slug in front of the words.

    Raises:
        errors.StatementInvalid: always.
    """
    raise errors.StatementInvalid(f"{reason}: {words}")


def _coordinate(text: object) -> bytes:
    """The 32 bytes of one coordinate (RFC 7518 §6.2.1.2); one spelling only."""
    if not isinstance(text, str) or len(text) != 43:
        refuse("key-coordinate", "a coordinate is not 43 characters")
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise errors.StatementInvalid(f"key-coordinate: {error}") from error
    if base64.urlsafe_b64encode(raw)[:43] != text.encode():
        refuse("key-coordinate", "a coordinate is not canonical base64url")
    return raw


def _check_p256(x: int, y: int) -> None:
    """Refuse a point that is not on P-256; its group has no small subgroup."""
    if x >= _P256 or y >= _P256 or (y * y - (x * x * x - 3 * x + _P256_B)) % _P256:
        refuse("key-point", "the point is not on P-256")


def _check_ed25519(encoded: bytes) -> None:
    """Refuse all but the canonical encoding of a point of prime order (RFC 8032 §5.1.3).

    With a point of small order one signature fits many messages, so its owner could deny
    every one; a mixed point lets two verifiers differ. Multiplying by the order finds both.
    """
    number = int.from_bytes(encoded, "little")
    y = number & (2**255 - 1)
    if y >= _FIELD:
        refuse("key-point", "the point is not in canonical form")
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _FIELD) % _FIELD
    x = pow(square, (_FIELD + 3) // 8, _FIELD)
    if (x * x - square) % _FIELD:
        x = x * pow(2, (_FIELD - 1) // 4, _FIELD) % _FIELD
    if (x * x - square) % _FIELD:
        refuse("key-point", "the point is not on Ed25519")
    # Which of the two roots it is does not matter: a point and its negative have one order.
    if x == 0:
        refuse("key-point", "the point is of small order")
    if not _is_identity(_times(_ORDER, (x, y, 1, x * y % _FIELD))):
        refuse("key-point", "the point is not of prime order")


def _times(factor: int, point: _Point) -> _Point:
    """``factor`` times ``point``; only public points come here, so time may vary."""
    total: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = _add(total, point)
        point = _add(point, point)
        factor >>= 1
    return total


def _add(one: _Point, two: _Point) -> _Point:
    """The sum of two points in extended coordinates (RFC 8032 §5.1.4)."""
    a = (one[1] - one[0]) * (two[1] - two[0]) % _FIELD
    b = (one[1] + one[0]) * (two[1] + two[0]) % _FIELD
    c = 2 * one[3] * two[3] * _D % _FIELD
    d = 2 * one[2] * two[2] % _FIELD
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _FIELD, g * h % _FIELD, f * g % _FIELD, e * h % _FIELD)


def _is_identity(point: _Point) -> bool:
    """Whether ``point`` is the neutral one: x is 0 and y equals z."""
    return point[0] == 0 and (point[1] - point[2]) % _FIELD == 0
