"""Throw-away keys for tests, made anew in every run; none of them is ever used outside one."""

from functools import cache

from joserfc.jwk import ECKey, OKPKey

from gateway.model import PeerId
from gateway.trust import Key, KeySigner, PublicJwk


@cache
def private(name: str, alg: str = "ES256") -> ECKey | OKPKey:
    """The private key called ``name``; the same one for the whole run."""
    if alg == "ES256":
        return ECKey.generate_key("P-256")
    return OKPKey.generate_key("Ed25519")


def signer(name: str, alg: str = "ES256", kid: str | None = None) -> KeySigner:
    """A signer over the key called ``name``."""
    return KeySigner(private(name, alg), kid)


def public(name: str, alg: str = "ES256") -> PublicJwk:
    """The public half of the key called ``name``."""
    members = private(name, alg).as_dict(private=False)
    return PublicJwk(
        kty=str(members["kty"]),
        crv=str(members["crv"]),
        x=str(members["x"]),
        y=str(members["y"]) if "y" in members else None,
    )


def key(peer: str, name: str, alg: str = "ES256", kid: str | None = None, **window) -> Key:
    """The key called ``name`` as ``peer`` publishes it."""
    jwk = public(name, alg)
    return Key(peer=PeerId(peer), kid=kid or jwk.thumbprint, jwk=jwk, **window)
