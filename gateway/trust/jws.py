"""JWS in compact form, in the one spelling that we take and write.

It carries RFC 7515 §3.1, §5 and §7.1, RFC 7518 §3.4, RFC 8037 §3.1 and RFC 9864 §2.2.
The law here: shape and header are judged before joserfc sees a byte, and the algorithm comes
from the key, never from the token. The verbs are ``split``, ``header``, ``verify``, ``write``.
"""

import base64
from functools import lru_cache
from typing import NoReturn, Protocol

from joserfc import jws as joserfc_jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from gateway import errors, strict_json
from gateway.model import Noun
from gateway.trust.jwk import ALGORITHM_OF, PublicJwk, imported

MAX_HEADER = 512
"""The longest protected header in characters, encoded."""
MAX_KID = 128
SIGNATURE_BYTES = 64
"""How long a signature is, for ES256 (RFC 7518 §3.4) as for Ed25519 (RFC 8032 §5.1.6)."""

DIGEST_CHARS = 43
"""How long 32 bytes are in base64url without padding."""

_URL_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_KID = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~:")
# The last character of a segment may hold 2 or 4 bits that nobody reads; they must be zero,
# or one signature would have several spellings (RFC 4648 §3.5).
_LAST = {0: frozenset(_URL_SAFE), 2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}
_HEADER_MEMBERS = frozenset({"alg", "kid", "typ"})
_MODELS = {
    name: joserfc_jws.JWSRegistry(algorithms=[name]).get_alg(name) for name in ALGORITHM_OF.values()
}


class Signer(Protocol):
    """Whatever holds a private key and signs with it; a file now, hardware some day."""

    @property
    def kid(self) -> str:
        """The key's id, as the peer register of others knows it."""

    @property
    def alg(self) -> str:
        """``ES256`` or ``Ed25519``."""

    def sign(self, signing_input: bytes) -> bytes:
        """The 64 bytes of the signature over ``signing_input`` (RFC 7515 §5.1)."""


class KeySigner:
    """A Signer over a joserfc private key that somebody else has read."""

    def __init__(self, key: ECKey | OKPKey, kid: str | None = None) -> None:
        """``kid`` is the RFC 7638 thumbprint of ``key`` unless given.

        Raises:
            errors.KeyUnusable: the key is of a kind that we do not use, or is no private key.
        """
        alg = ALGORITHM_OF.get((key.key_type, str(key.curve_name)))
        if alg is None or not key.is_private:
            raise errors.KeyUnusable(f"{key.key_type} {key.curve_name} is no private signing key")
        self._key = key
        self.kid = kid or key.thumbprint()
        self.alg = alg

    def sign(self, signing_input: bytes) -> bytes:
        """The signature over ``signing_input``.

        Raises:
            errors.KeyUnusable: the key refuses to sign.
        """
        try:
            return _MODELS[self.alg].sign(signing_input, self._key)
        except (JoseError, ValueError) as error:
            raise errors.KeyUnusable(str(error)) from error


class Header(Noun):
    """A protected header: exactly these three members (RFC 7515 §4.1)."""

    alg: str
    kid: str
    typ: str


class Parts(Noun):
    """A token cut in three; nothing of it is believed yet.

    ``signing_input`` is header.payload as it came, the bytes that are signed; ``payload`` and
    ``signature`` are decoded, ``header`` is not.
    """

    header: bytes
    payload: bytes
    signature: bytes
    signing_input: bytes


def split(token: bytes, max_chars: int) -> Parts:
    """The three parts of ``token``, which is at most ``max_chars`` long.

    Raises:
        errors.TokenInvalid: too long, not three parts, or a part that is no canonical
            base64url without padding (RFC 7515 §2, RFC 4648 §3.5).
    """
    if len(token) > max_chars:
        _refuse(f"longer than {max_chars} characters")
    segments = token.split(b".")
    if len(segments) != 3:
        _refuse(f"{len(segments)} parts instead of three")
    head, body, tail = segments
    if len(head) > MAX_HEADER:
        _refuse(f"a header longer than {MAX_HEADER} characters")
    signature = _decode(tail)
    if len(signature) != SIGNATURE_BYTES:
        _refuse(f"a signature of {len(signature)} bytes")
    _check_spelling(head)
    return Parts(
        header=head,
        payload=_decode(body),
        signature=signature,
        signing_input=token[: -len(tail) - 1],
    )


# The same few headers come again with every token of a peer. What is refused is not remembered.
@lru_cache(maxsize=1024)
def header(segment: bytes) -> Header:
    """What the protected header ``segment`` says.

    Raises:
        errors.TokenInvalid: it is no strict JSON, or has any member besides ``alg``, ``kid``
            and ``typ`` (so no ``crit``, ``b64``, ``jwk``, ``jku``, ``x5u`` or ``x5c``), or a
            ``kid`` that is not 1 to 128 of the characters A-Z a-z 0-9 - _ . ~ and colon.
    """
    try:
        members = strict_json.read_object(_decode(segment), max_depth=4, max_bytes=MAX_HEADER)
    except errors.JsonInvalid as error:
        raise errors.TokenInvalid(f"header: {error}") from error
    if members.keys() != _HEADER_MEMBERS:
        _refuse(f"the header has the members {', '.join(sorted(members)) or 'none'}")
    alg, kid, typ = members["alg"], members["kid"], members["typ"]
    if not (isinstance(alg, str) and isinstance(kid, str) and isinstance(typ, str)):
        _refuse("a header member that is no text")
    if not is_kid(kid):
        _refuse("the kid has a forbidden form")
    return Header(alg=alg, kid=kid, typ=typ)


def is_kid(kid: str) -> bool:
    """Whether ``kid`` has the one form that may name a key."""
    return 0 < len(kid) <= MAX_KID and _KID.issuperset(kid)


def verify(parts: Parts, jwk: PublicJwk) -> None:
    """Return only if ``parts`` is signed by ``jwk``, with the algorithm of that key.

    Raises:
        errors.SignatureInvalid: it is not.
    """
    model = _MODELS[ALGORITHM_OF[jwk.kty, jwk.crv]]
    try:
        good = model.verify(parts.signing_input, parts.signature, imported(jwk))
    except (JoseError, ValueError) as error:
        raise errors.SignatureInvalid(str(error)) from error
    if not good:
        raise errors.SignatureInvalid("the signature does not fit")


def write(typ: str, payload: bytes, signer: Signer) -> bytes:
    """A token of type ``typ`` over ``payload``; its header has exactly alg, kid and typ.

    Raises:
        errors.KeyUnusable: the signer cannot sign.
    """
    signing_input = _head(typ, signer.alg, signer.kid) + b"." + encode(payload)
    return signing_input + b"." + encode(signer.sign(signing_input))


@lru_cache(maxsize=64)
def _head(typ: str, alg: str, kid: str) -> bytes:
    """The encoded header for one signer; it never changes, so it is made once."""
    return encode(strict_json.write({"alg": alg, "kid": kid, "typ": typ}))


def encode(data: bytes) -> bytes:
    """``data`` in base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decode_digest(text: str) -> bytes:
    """The 32 bytes of a digest in base64url, in its one spelling.

    Raises:
        errors.TokenInvalid: it is none.
    """
    if not text.isascii() or len(text) != DIGEST_CHARS:
        _refuse("no digest in base64url")
    return _decode(text.encode())


def decode_bytes(text: str) -> bytes:
    """The bytes, at least one, that ``text`` spells in base64url in its one spelling.

    Raises:
        errors.TokenInvalid: it spells none.
    """
    if not text.isascii():
        _refuse("no base64url")
    return _decode(text.encode())


def _check_spelling(segment: bytes) -> None:
    """Refuse all but the one base64url spelling of some bytes, at least one."""
    if not segment:
        _refuse("an empty part")
    last = _LAST.get(len(segment) % 4)
    if last is None or segment[-1] not in last or segment.translate(None, _URL_SAFE):
        _refuse("a part that is not canonical base64url")


def _decode(segment: bytes) -> bytes:
    """The bytes that ``segment`` spells."""
    _check_spelling(segment)
    return base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))


def _refuse(why: str) -> NoReturn:
    raise errors.TokenInvalid(why)
