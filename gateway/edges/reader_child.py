"""The process in which hostile mail is read: under limits, with nothing to lose.

Its parent (``reader``) speaks to it over two pipes in frames: four bytes of length, then
MessagePack. The first frame holds ``Orders`` and is answered by ``Ready``; each further one is a
batch of sources and is answered by one ``Answer`` for each. The law: it keeps no state between
mails; whatever goes wrong ends this process and no other. Verb: ``main``.
"""

import gc
import os
import resource
import signal
import struct
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from gateway import report
from gateway.edges.blobs import pack
from gateway.edges.registry import Sources, open_registry
from gateway.errors import EntenteError
from gateway.hosting import Locate
from gateway.model import Noun, Report

LENGTH = struct.Struct("<I")
"""The head of a frame: how many bytes follow."""
OUT_OF_MEMORY = 71
"""The exit status that means: a mail needed more memory than there is."""
DESCRIPTORS = 64
"""Files open at once; only tables and the modules of rare character sets are ever opened."""


class Orders(Noun, frozen=True):
    """How mails are to be read: the first frame to the child."""

    settings: report.Settings
    sources: Sources = Sources()


class Ready(Noun, frozen=True):
    """The child's answer to its orders; ``code`` and what follows only if it cannot begin."""

    code: str = ""
    detail: str = ""
    hint: str = ""


class Answer(Noun, frozen=True):
    """What was read out of one source, and the source as it is kept.

    Without a ``report`` the reading itself failed, and ``failed`` says how.
    """

    packed: bytes
    report: Report | None = None
    failed: str = ""


def main() -> int:
    """Read orders, then batches, until the parent closes the pipe; the exit status comes out."""
    # Ctrl-C is the parent's to hear. The timer's signal must end us, whatever was inherited.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    inward = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
    outward = os.fdopen(os.dup(1), "wb", buffering=0)
    _silence(0, 1)
    try:
        return _serve(inward, outward)
    except MemoryError:
        return OUT_OF_MEMORY
    except (BrokenPipeError, EOFError):
        return 0


def _serve(inward: BinaryIO, outward: BinaryIO) -> int:
    """Answer every frame in its turn."""
    first = _receive(inward)
    if first is None:
        return 0
    orders = msgspec.msgpack.decode(first, type=Orders)
    limits = orders.settings.limits
    _bound(resource.RLIMIT_AS, limits.memory_bytes)
    try:
        locate = open_registry(orders.sources).locate
    except EntenteError as error:
        _send(outward, Ready(code=error.code, detail=error.detail, hint=error.hint))
        return 1
    _confine()
    # What was loaded stays for ever; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    _send(outward, Ready())
    _silence(2)
    decode = msgspec.msgpack.Decoder(list[bytes]).decode
    while (frame := _receive(inward)) is not None:
        sources = decode(frame)
        del frame
        _send(outward, [_answer(source, locate, orders.settings) for source in sources])
    return 0


def _answer(source: bytes, locate: Locate, settings: report.Settings) -> Answer:
    """Read one source; beyond its processor time the system ends this process.

    The timer counts processor time, so that a machine under load condemns no mail; it ends code
    in C as well, which no handler of ours could.
    """
    signal.setitimer(signal.ITIMER_PROF, settings.limits.seconds)
    try:
        found = report.normalise(source, locate, settings)
        return Answer(packed=pack(source), report=found)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a hostile mail provokes is its result
        return Answer(packed=pack(source), failed=f"reading it failed: {type(error).__name__}")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _confine() -> None:
    """Give up what reading a mail never needs: writing files, core dumps, many open files."""
    _bound(resource.RLIMIT_FSIZE, 0)
    _bound(resource.RLIMIT_CORE, 0)
    _bound(resource.RLIMIT_NOFILE, DESCRIPTORS)


def _bound(what: int, most: int) -> None:
    """Lower one limit for good; one that is lower already stays."""
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))


def _silence(*descriptors: int) -> None:
    """Let these lead nowhere, so that what a library prints disturbs neither pipe nor terminal."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _receive(inward: BinaryIO) -> bytes | None:
    """The next frame, or None at the end of the pipe.

    Raises:
        EOFError: the pipe ended within a frame.
    """
    head = inward.read(LENGTH.size)
    if not head:
        return None
    if len(head) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(head)
    frame = inward.read(length)
    if len(frame) < length:
        raise EOFError
    return frame


def _send(outward: BinaryIO, said: object) -> None:
    """Write one frame."""
    view = memoryview(framed(said))
    while view:
        view = view[outward.write(view) :]


_encode: Callable[..., None] = msgspec.msgpack.Encoder().encode_into


def framed(said: object) -> bytearray:
    """A frame: length and MessagePack."""
    frame = bytearray(LENGTH.size)
    _encode(said, frame, LENGTH.size)
    LENGTH.pack_into(frame, 0, len(frame) - LENGTH.size)
    return frame


if __name__ == "__main__":
    # Without the farewell of the interpreter, so that the status follows the pipe's end at once.
    os._exit(main())
