"""The door: what is judged of a call before any token in it is read.

It carries RFC 8935 §2.1, RFC 9110 §8.3, §8.4 and §15.5.14, and RFC 9112 §6.3.
The law here: before the caller is known every failure looks the same, and a secret is compared
in constant time. The verbs are ``recognise``, ``check_call`` and ``check_peer``.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from gateway.gate.checks import refusal
from gateway.model import Noun, PeerId
from gateway.trust import Peer


class Call(Noun):
    """An HTTP request that carries SETs, as far as the door looks at it.

    ``declared`` is Content-Length and ``read`` the bytes that really came; both in bytes.
    """

    media_type: str | None
    content_coding: str | None
    declared: int | None
    read: int


def secret_digest(secret: str) -> bytes:
    """What is kept of a bearer secret: its SHA-256. Secrets are random, so no salt is needed."""
    return hashlib.sha256(secret.encode()).digest()


def recognise(secret: str, digests: Mapping[PeerId, bytes]) -> PeerId:
    """The peer that showed ``secret``.

    Args:
        secret: from the Authorization header, without ``Bearer``.
        digests: what ``secret_digest`` gave for each peer's secret of this direction.

    Raises:
        Refusal: check 6; nobody has this secret.
    """
    shown = secret_digest(secret)
    found: PeerId | None = None
    # Every peer is compared, so that the time does not tell which one came close.
    for peer, digest in digests.items():
        if hmac.compare_digest(shown, digest):
            found = peer
    if found is None:
        raise refusal("live-peer", "unknown secret")
    return found


def check_call(call: Call, media_type: str, max_bytes: int) -> None:
    """Return only if ``call`` has a form in which its body may be read and used.

    Args:
        call: the request.
        media_type: the one that this endpoint takes, lower case.
        max_bytes: the most that it takes.

    Raises:
        Refusal: checks 2 to 5.
    """
    if max(call.declared or 0, call.read) > max_bytes:
        raise refusal("size", f"{call.declared} declared, {call.read} read")
    said = (call.media_type or "").partition(";")[0].strip().lower()
    if said != media_type:
        raise refusal("media-type", said)
    if (call.content_coding or "identity").strip().lower() != "identity":
        raise refusal("content-coding", call.content_coding or "")
    if call.declared is None or call.declared != call.read:
        raise refusal("framing", f"{call.declared} declared, {call.read} read")


def check_peer(peer: Peer | None, now: datetime) -> Peer:
    """The peer itself, if reports flow between us now.

    Args:
        peer: as the register knows it, if it does.
        now: the time of the call.

    Raises:
        Refusal: check 6, or 7 where its statement has expired.
    """
    if peer is None or not peer.flows:
        raise refusal("live-peer", "unknown" if peer is None else peer.state)
    if peer.statement_expires_at <= now:
        raise refusal("current-statement", f"expired {peer.statement_expires_at:%Y-%m-%d %H:%M}")
    return peer
