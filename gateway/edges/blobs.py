"""Original mail, kept byte for byte under its SHA-256, compressed, one file each.

The law: what ``keep`` returned from survives a power cut; a file is there whole or not at all,
and what is read back is checked against its name. Verbs: ``keep``, ``fetch``, ``remove``.
"""

import hashlib
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard

from gateway.edges.files import (
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    ours,
    settle,
    sync_file,
    sync_system,
)
from gateway.errors import CheckFailed, NotFound

FEW = 4
"""Up to this many files are made durable one by one; beyond, the whole file system at once."""

UNFINISHED_SECONDS = 86_400.0
"""After so long a file that is still half written belongs to nobody."""


LEVEL = 1
"""Zstandard's level: real mail takes 1.8 % more room than at its default 3, and 0.6 of the time."""


class _Packing(threading.local):
    """A thread's own compressor: making one costs as much as packing a small mail."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=LEVEL).compress


_packing = _Packing()


def pack(source: bytes) -> bytes:
    """``source`` as it is kept: compressed with Zstandard (RFC 8878)."""
    return _packing.compress(source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blobs:
    """The directory of originals; sixteen folders, by the first character of the digest."""

    directory: Path

    def keep(self, packed: Mapping[str, bytes]) -> None:
        """Keep packed sources under their digests; those already kept are left alone.

        A batch is written beside its places, made durable by one call to the file system, then
        renamed and made durable again: two waits for the disk, however many files.

        Raises:
            StorageFull: no space is left; what was kept of the batch is found again when it is
                repeated.
            HomeUnusable: the system refuses.
        """
        waiting: list[tuple[str, str]] = []
        made: set[str] = set()
        place = ""
        try:
            # Paths go as text: a Path for each costs as much as writing the file.
            for digest, content in packed.items():
                folder = f"{self.directory}/{digest[0]}"
                place = f"{folder}/{digest}.zst"
                if os.path.exists(place):  # noqa: PTH110
                    continue
                if folder not in made:
                    Path(folder).mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
                    made.add(folder)
                beside = f"{folder}/.{digest}.zst.{os.getpid()}.new"
                waiting.append((beside, place))
                _write(beside, content)
            place = str(self.directory)
            if waiting:
                self._settle(waiting)
        except OSError:
            with ours(Path(place)):
                raise
        finally:
            for beside, _ in waiting:
                with suppress(OSError):
                    os.unlink(beside)  # noqa: PTH108

    def _settle(self, waiting: list[tuple[str, str]]) -> None:
        """Make the files durable under their names; the list is emptied as they get there."""
        few = len(waiting) < FEW
        if few:
            for beside, _ in waiting:
                sync_file(Path(beside))
        else:
            sync_system(self.directory)
        folders = {os.path.dirname(path) for _, path in waiting}  # noqa: PTH120
        while waiting:
            beside, path = waiting[-1]
            os.replace(beside, path)  # noqa: PTH105
            waiting.pop()
        if few:
            for folder in (*map(Path, folders), self.directory):
                settle(folder)
        else:
            sync_system(self.directory)

    def fetch(self, digest: str) -> bytes:
        """The original of that SHA-256 (hex).

        Raises:
            NotFound: it is not kept here, or no longer.
            CheckFailed: the file was damaged or altered.
        """
        path = self._path(digest)
        with ours(path):
            if not path.exists():
                raise NotFound(f"the original {digest} is not kept here")
            packed = path.read_bytes()
        try:
            source = zstandard.ZstdDecompressor().decompress(packed)
        except zstandard.ZstdError as error:
            raise CheckFailed(f"{path} is damaged") from error
        if hashlib.sha256(source).hexdigest() != digest:
            raise CheckFailed(f"{path} does not hold what its name says")
        return source

    def remove(self, digest: str) -> int:
        """Remove an original; how many bytes of disk it had, 0 where it is not kept.

        Whoever removes holds the database's write lock, so that nobody enters it meanwhile.
        """
        return _removed(self._path(digest))

    def digests(self) -> Iterator[list[str]]:
        """The digests of everything on disk, one folder of the sixteen after another."""
        with ours(self.directory):
            for folder in sorted(self.directory.iterdir()):
                yield sorted(path.stem for path in folder.glob("*.zst"))

    def remove_unfinished(self) -> int:
        """Remove what writers that were killed left half written; how many files.

        What is younger than a day, by the clock that stamps files, may still be at work.
        """
        gone, before = 0, time.time() - UNFINISHED_SECONDS
        with ours(self.directory):
            for path in self.directory.glob("?/.*.new"):
                # A writer at work may rename it between our two looks.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        gone += _removed(path) > 0
        return gone

    def _path(self, digest: str) -> Path:
        return self.directory / digest[0] / f"{digest}.zst"


def _removed(path: Path) -> int:
    """Remove a file; how many bytes it had, 0 where there is none."""
    with ours(path):
        try:
            octets = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
    return octets


def _write(path: str, content: bytes) -> None:
    """Write a file, not yet durable."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)
