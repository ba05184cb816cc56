"""What the web side needs from whoever receives; declared here, by the one who asks.

The law: the web side knows HTTP and nothing of cases; the receiver knows nothing of HTTP.
"""

from collections.abc import Mapping
from typing import Protocol

from gateway.answers import PageFacts, PushAnswer
from gateway.model import PeerId


class Receiver(Protocol):
    """Whoever takes in what peers send. Every method is called from many threads at once."""

    def door(self, authorization: str | None) -> PeerId | None:
        """The live peer that an Authorization header stands for; None for everybody else.

        Args:
            authorization: the header as it came, or None; several are joined by commas.
        """

    def push(self, token: bytes, peer: PeerId) -> None:
        """Take in one SET; on return it is kept for good.

        Raises:
            Refusal: the check that it failed; its text is fit for the peer.
            StorageFull: it could not be kept; the peer sends it again.
        """

    def push_many(self, sets: Mapping[str, bytes], peer: PeerId) -> PushAnswer:
        """Take in several SETs, each by the ``jti`` that the call names it by.

        Raises:
            Refusal: the whole call is refused, such as for its rate.
            StorageFull: none could be kept; the peer sends them again.
        """

    def page(self) -> PageFacts:
        """What the public page says now."""

    def statement(self) -> bytes:
        """Our own signed entity statement, as a JWS in compact form."""
