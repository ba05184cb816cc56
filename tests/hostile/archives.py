"""Hostile files as attachments: bombs, lies and traversals that no reader of ours ever unpacks.

Each is made to the size of the mail: small ones, which would unpack to a thousand times as much,
stand beside one another until they fill it.
"""

import bz2
import gzip
import lzma
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO

import zstandard

from tests.hostile.making import Maker, attached

_ZEROS = 4_000_000


@cache
def _bomb(pack: Callable[[bytes], bytes]) -> bytes:
    return pack(bytes(_ZEROS))


def _filled(pack: Callable[[bytes], bytes]) -> Maker:
    """Packed zeros, member behind member."""
    return lambda size: (_bomb(pack) * (size // len(_bomb(pack)) + 1))[:size]


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def _stacked(size: int) -> bytes:
    """Six codings, one in another, around incompressible bytes."""
    content = _noise(size)
    for pack in (gzip.compress, zlib.compress, bz2.compress, lzma.compress, zlib.compress):
        content = pack(content)
    return gzip.compress(content)


def _zip(entries: Callable[[zipfile.ZipFile, int], None]) -> Maker:
    def make(size: int) -> bytes:
        out = BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            entries(archive, size)
        return out.getvalue()

    return make


def _empty_entries(archive: zipfile.ZipFile, size: int) -> None:
    for n in range(min(65_536, size // 110)):
        archive.writestr(zipfile.ZipInfo(f"{n:05}"), b"")


def _traversals(archive: zipfile.ZipFile, size: int) -> None:
    for n in range(size // 150):
        archive.writestr(zipfile.ZipInfo(f"../../../../{n:05}\\..\\x.exe"), b"x")


def _in_itself(archive: zipfile.ZipFile, size: int) -> None:
    content = _noise(size)
    for _ in range(10):
        out = BytesIO()
        with zipfile.ZipFile(out, "w") as inner:
            inner.writestr("a.zip", content)
        content = out.getvalue()
    archive.writestr("a.zip", content)


def _overlapping(size: int) -> bytes:
    """Many entries of the directory that all point to one file."""
    body = zlib.compress(bytes(100_000))[2:-4]
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, 0, len(body), 100_000, 1, 0)
    start = local + b"a" + body
    entry = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, 0, len(body), 100_000,
        1, 0, 0, 0, 0, 0, 0,
    )  # fmt: skip
    number = min(65_535, size // 47)
    directory = (entry + b"a") * number
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, number, number, len(directory), len(start), 0)
    return start + directory + end


def _lies(size: int) -> bytes:
    """ZIP64 records that promise more than there is."""
    lie = struct.pack("<IQHHIIQQQQ", 0x06064B50, 2**63, 45, 45, 0, 0, *(2**64 - 1,) * 4)
    return b"PK\x03\x04" + lie * (size // len(lie))


def _devices(size: int) -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for n in range(size // 1_024):
            entry = tarfile.TarInfo(f"/dev/{n}")
            entry.type = tarfile.CHRTYPE if n % 2 else tarfile.SYMTYPE
            entry.linkname = "../../../etc/hostname"
            archive.addfile(entry)
    return out.getvalue()


def _picture(size: int) -> bytes:
    """A PNG of 50,000 by 50,000 dots in little space."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", _filled(zlib.compress)(size))


def _zst(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=19).compress(content)


ARCHIVES: dict[str, Maker] = {
    "a bomb in gzip": attached(b"a.gz", b"application/gzip", _filled(gzip.compress)),
    "a bomb in zlib": attached(b"a.z", b"application/zlib", _filled(zlib.compress)),
    "a bomb in Zstandard": attached(b"a.zst", b"application/zstd", _filled(_zst)),
    "a bomb in xz": attached(b"a.xz", b"application/x-xz", _filled(lzma.compress)),
    "six codings in one another": attached(b"a.gz", b"application/gzip", _stacked),
    "an archive of empty entries": attached(b"a.zip", b"application/zip", _zip(_empty_entries)),
    "an archive of overlapping entries": attached(b"a.zip", b"application/zip", _overlapping),
    "an archive of traversals": attached(b"a.zip", b"application/zip", _zip(_traversals)),
    "an archive that lies": attached(b"a.zip", b"application/zip", _lies),
    "an archive in archives": attached(b"a.zip", b"application/zip", _zip(_in_itself)),
    "an archive of devices": attached(b"a.tar", b"application/x-tar", _devices),
    "a picture of 50,000 by 50,000": attached(b"a.png", b"image/png", _picture),
}
"""By a name in words: a function that makes a mail of about so many bytes."""
