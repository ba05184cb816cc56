"""One association's gateway: its edges, joined once, handed to every verb of ``exchange``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.config import Config
from gateway.edges.blobs import Blobs
from gateway.edges.keyring import Keyring
from gateway.edges.store import Store
from gateway.model import Hosting, PeerId


class Answer(Protocol):
    """What a peer's server answered."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def body(self) -> bytes:
        """The whole body, bounded."""


class Wire(Protocol):
    """How a peer is called: real HTTPS, or the simulator's cable."""

    def post(self, target: "Target", url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """POST ``body`` and wait for the answer.

        Raises:
            errors.Unreachable: the peer could not be reached in time; try again later.
            errors.AnswerInvalid: the answer cannot be used.
        """


class Target(Protocol):
    """Whom a call is meant for, and how its server is recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """Everything that the road needs of the world. Made by ``app.open_gateway``, or by a test.

    ``now`` gives the aware UTC time, ``draw`` random bytes, ``name`` a new UUIDv7.
    """

    config: Config
    store: Store
    blobs: Blobs
    keys: Keyring
    wire: Wire
    locate: Callable[[str], Hosting]
    now: Callable[[], datetime]
    draw: Callable[[int], bytes]
    name: Callable[[], str]

    @property
    def me(self) -> PeerId:
        """Our own identifier."""
        return self.config.peer_id
