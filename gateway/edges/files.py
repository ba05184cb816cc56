"""Small files of ours, written whole or not at all.

The law: after a crash or a power cut a file holds its old content or its new one, never half;
what the system says of disks and permissions leaves here as an error of ours. Verbs: ``keep``,
``content``.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import HomeUnusable, StorageFull

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
_SYNCFS = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def ours(path: Path) -> Iterator[None]:
    """Turn what the system says about ``path`` into errors of ours.

    Raises:
        StorageFull: there is no space left.
        HomeUnusable: anything else, naming the file.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"no space left to write {path}",
                hint="free some space and run the same command again; nothing was lost",
            ) from error
        raise HomeUnusable(
            f"{path}: {error.strerror or error}",
            hint="the user that runs Entente must own the installation and everything in it",
        ) from error


def keep(path: Path, content: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Write ``content`` to ``path`` so that a reader sees all of it or what stood there before.

    Raises:
        StorageFull: there is no space left; ``path`` is as before.
        HomeUnusable: the system refuses.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with ours(path):
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise
        settle(path.parent)


def content(path: Path) -> bytes:
    """The whole content of a small file that the user names.

    Raises:
        HomeUnusable: it cannot be read.
    """
    with ours(path):
        return path.read_bytes()


def settle(directory: Path) -> None:
    """Make the names in ``directory`` survive a power cut.

    Raises:
        OSError: the system refuses; callers stand inside ``ours``.
    """
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make the content of a file survive a power cut.

    Raises:
        OSError: the system refuses; callers stand inside ``ours``.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_system(directory: Path) -> None:
    """Make everything written on the file system of ``directory`` survive a power cut.

    One wait for any number of files: Linux' ``syncfs``; elsewhere ``sync`` does it for all disks.

    Raises:
        OSError: the system refuses; callers stand inside ``ours``.
    """
    if _SYNCFS is None:
        os.sync()
        return
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _SYNCFS(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(directory))
    finally:
        os.close(handle)
