"""Whom we believe: the peers, their keys and windows, their countries and agreements.

It carries OpenID Federation 1.0 §3 and §5, RFC 7515, RFC 7517 and RFC 7638.
The law here: nothing is believed because it is signed, only because it is signed by a key that
a person confirmed. The verbs are ``read_statement``, ``write_statement``, ``enrol``, ``renew``.
"""

from gateway.trust.jwk import PublicJwk, fingerprint
from gateway.trust.jws import KeySigner, Signer
from gateway.trust.register import (
    RETIRED_FOR,
    Agreement,
    Peer,
    PeerState,
    Register,
    check_window,
    enrol,
    renew,
)
from gateway.trust.statement import (
    MAX_STATEMENT,
    Contact,
    Endpoints,
    Facts,
    Key,
    Limits,
    ReachedBy,
    Statement,
    by_kid,
    country,
    peer_id,
    read_statement,
    write_statement,
)

__all__ = [
    "MAX_STATEMENT",
    "RETIRED_FOR",
    "Agreement",
    "Contact",
    "Endpoints",
    "Facts",
    "Key",
    "KeySigner",
    "Limits",
    "Peer",
    "PeerState",
    "PublicJwk",
    "ReachedBy",
    "Register",
    "Signer",
    "Statement",
    "by_kid",
    "check_window",
    "country",
    "enrol",
    "fingerprint",
    "peer_id",
    "read_statement",
    "renew",
    "write_statement",
]
