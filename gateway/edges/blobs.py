"""Original mail, kept byte for byte under its SHA-256, compressed, one file each.

The law: what ``keep`` returned from survives a power cut; a file is there whole or not at all,
and what is read back is checked against its name. Verbs: ``keep``, ``fetch``, ``remove``.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard

from gateway.edges.files import PRIVATE_DIRECTORY, PRIVATE_FILE, ours, settle
from gateway.errors import CheckFailed, NotFound


def pack(source: bytes) -> bytes:
    """``source`` as it is kept: compressed with Zstandard (RFC 8878)."""
    return zstandard.ZstdCompressor(level=3).compress(source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blobs:
    """The directory of originals; sixteen folders, by the first character of the digest."""

    directory: Path

    def keep(self, packed: Mapping[str, bytes]) -> None:
        """Keep packed sources under their digests; those already kept are left alone.

        All files of a batch are written first and made durable afterwards, so that the disk
        can join its work; the folders' names come last.

        Raises:
            StorageFull: no space is left; files of the batch that were kept stay and are found
                again when the batch is repeated.
            HomeUnusable: the system refuses.
        """
        touched: set[Path] = set()
        waiting: list[tuple[int, Path, Path]] = []
        try:
            for digest, content in packed.items():
                path = self._path(digest)
                with ours(path):
                    if path.exists():
                        continue
                    if path.parent not in touched:
                        path.parent.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
                        touched.add(path.parent)
                    waiting.append(_begin(path, content))
            with ours(self.directory):
                while waiting:
                    handle, beside, path = waiting[-1]
                    os.fsync(handle)
                    os.close(handle)
                    waiting.pop()
                    beside.replace(path)
                for folder in touched:
                    settle(folder)
                if touched:
                    settle(self.directory)
        finally:
            for handle, beside, _ in waiting:
                with suppress(OSError):
                    os.close(handle)
                with suppress(OSError):
                    beside.unlink()

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

    def remove(self, digest: str) -> None:
        """Remove an original; nothing happens where it is not kept."""
        path = self._path(digest)
        with ours(path):
            path.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self.directory / digest[0] / f"{digest}.zst"


def _begin(path: Path, content: bytes) -> tuple[int, Path, Path]:
    """Write a file beside its place, not yet durable; its handle is open."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(handle, view) :]
    except OSError:
        os.close(handle)
        with suppress(OSError):
            beside.unlink()
        raise
    return handle, beside, path
