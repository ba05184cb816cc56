"""One deadline for a whole exchange over TLS, however slowly the other side drips.

A socket's timeout bounds each read and starts anew with every byte; here each read and write
gets what is left of the call. The law: no thread of ours waits on a peer for longer than was
said, from the first byte of the handshake to the last of the answer. Verbs: ``start``, ``left``.
"""

import ssl
import threading
import time
from typing import Any, Final, Self

_UNTIMED_SECONDS: Final = 0.2
"""Seconds for one read where no call is under way: only a closing connection is drained then."""


class Deadline(threading.local):
    """When the call that this thread is making must be over; each thread has its own."""

    _until: float | None = None

    def start(self, seconds: float) -> None:
        """From now on this thread has so many seconds."""
        self._until = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left.

        Raises:
            TimeoutError: none are.
        """
        if self._until is None:
            return _UNTIMED_SECONDS
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time for this call is over")
        return seconds


class DeadlineContext(ssl.SSLContext):
    """A TLS context whose connections keep the deadline of the thread that uses them."""

    deadline: Deadline

    def __new__(cls, protocol: int, *, deadline: Deadline) -> Self:
        """A context with the standard library's own settings for ``protocol``."""
        context = super().__new__(cls, protocol)
        context.deadline = deadline
        context.sslsocket_class = DeadlineSocket
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class DeadlineSocket(ssl.SSLSocket):
    """A TLS connection that gives each step what is left of the call.

    OpenSSL bounds one step as a whole, so a handshake dripped byte by byte ends in time as well.
    """

    def _hurry(self) -> None:
        if isinstance(self.context, DeadlineContext):
            self.settimeout(self.context.deadline.left())

    def do_handshake(self, block: bool = False) -> None:
        """The TLS handshake, within what is left."""
        self._hurry()
        super().do_handshake(block=block)

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        """As the socket's own, within what is left."""
        self._hurry()
        return super().recv(buflen, flags)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:  # noqa: ANN401 - the socket's own signature
        """As the socket's own, within what is left."""
        self._hurry()
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:  # noqa: ANN401 - the socket's own signature
        """As the socket's own, within what is left; ``sendall`` is made of this."""
        self._hurry()
        return super().send(data, flags)
