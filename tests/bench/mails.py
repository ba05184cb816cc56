"""Mails for benchmarks: as many different ones as wanted, made of those in a directory."""

import re
from pathlib import Path

from gateway.edges.registry import open_registry
from gateway.report import normalise
from tests.bench.pair import ABROAD


def vary(source: bytes, number: int) -> bytes:
    """A mail that differs from every other: in its headers, its text and so in its digest."""
    head, gap, body = re.split(rb"(\r?\n\r?\n)", source, maxsplit=1)
    line = gap[: len(gap) // 2]
    return b"X-Copy: %d" % number + line + head + gap + b"%d " % number + body


def material(directory: Path, number: int, out: Path) -> int:
    """Write ``number`` different mails made from those in ``directory``; bytes in all.

    Only mails from the peer's country serve, so that every one of them has to cross.
    """
    locate = open_registry().locate
    mails = []
    for path in sorted(directory.rglob("*")):
        source = path.read_bytes() if path.is_file() else b""
        found = normalise(source, locate).hosting if re.search(rb"\r?\n\r?\n", source) else None
        if found is not None and found.country == ABROAD:
            mails.append(source)
    total = 0
    for at in range(number):
        content = vary(mails[at % len(mails)], at)
        (out / f"{at:06}.eml").write_bytes(content)
        total += len(content)
    return total
