"""One association's gateway: its edges, joined once, handed to every verb of ``exchange``."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.config import Config
from gateway.edges.blobs import Blobs
from gateway.edges.keyring import Keyring
from gateway.edges.store import Store
from gateway.edges.wire import Wire
from gateway.model import Hosting, PeerId
from gateway.retention import Terms


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

    @property
    def terms(self) -> Terms:
        """How long what is written now may stay."""
        return Terms(days=self.config.retention)
