"""Our compact table of which country each block of addresses is registered in.

One file: a magic line, a JSON header (source, licence, date, counts, digest), then the body
compressed with xz: for IPv4 and for the upper half of IPv6 the distances between the starts of
blocks, and one byte of country for each. IPv6 blocks finer than /64 are left out, because no
host is told apart below it. Law: a table is read whole or not at all. Verbs: ``read``, ``write``.
"""

import hashlib
import lzma
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

import msgspec

from gateway.errors import TableInvalid
from gateway.model import Noun

MAGIC = b"ENTENTE-ADDRESSES-1\n"
UNKNOWN = ""
_MOST_BODY = 64_000_000
_WIDTHS = {4: 4, 6: 8}
_BITS = {4: 32, 6: 64}


class Facts(Noun):
    """Where a table comes from, and its date (ISO 8601)."""

    source: str
    licence: str
    as_of: str
    made_by: str = ""


class Range(Noun):
    """Addresses from ``first`` up to but not including ``end``, of one IP version.

    IPv6 is counted in /64 networks: the upper 64 bits of the address.
    """

    version: int
    first: int
    end: int
    country: str


class _Header(Noun):
    facts: Facts
    countries: tuple[str, ...]
    blocks: dict[str, int]
    sha256: str


class AddressTable:
    """A table in memory. Made by ``read`` or ``of``; ``find`` looks an address up."""

    def __init__(
        self, facts: Facts, blocks: "dict[int, tuple[array[int], bytes]]", countries: Sequence[str]
    ) -> None:
        self.facts = facts
        self.countries = tuple(countries)
        self._blocks = blocks

    def find(self, version: int, number: int) -> tuple[str, int, int] | None:
        """The country, first and end of the block that holds ``number``; None if none does."""
        starts, which = self._blocks[version]
        at = bisect_right(starts, number) - 1
        if at < 0 or not (country := self.countries[which[at]]):
            return None
        end = starts[at + 1] if at + 1 < len(starts) else 1 << _BITS[version]
        return country, starts[at], end

    def ranges(self, country: str, version: int = 4) -> list[tuple[int, int]]:
        """First and end of every block of ``country``."""
        if country not in self.countries:
            return []
        starts, which = self._blocks[version]
        wanted = self.countries.index(country)
        last = 1 << _BITS[version]
        return [
            (first, starts[at + 1] if at + 1 < len(starts) else last)
            for at, first in enumerate(starts)
            if which[at] == wanted
        ]

    def parts(self) -> "dict[int, tuple[array[int], bytes]]":
        """Starts and country numbers by IP version, for ``write``."""
        return self._blocks


def of(facts: Facts, ranges: Iterable[Range]) -> AddressTable:
    """The table of ``ranges``, which may touch but not overlap.

    Raises:
        TableInvalid: two ranges overlap, or one is empty or out of bounds.
    """
    found: dict[int, list[Range]] = {4: [], 6: []}
    for one in ranges:
        if one.version not in found or not 0 <= one.first < one.end <= 1 << _BITS[one.version]:
            raise TableInvalid(f"{one} is no range of addresses")
        found[one.version].append(one)
    countries = sorted({one.country for some in found.values() for one in some} | {UNKNOWN})
    if len(countries) > 256:
        raise TableInvalid(f"{len(countries)} countries are more than there are")
    number = {country: at for at, country in enumerate(countries)}
    blocks = {version: _cells(some, version, number) for version, some in found.items()}
    return AddressTable(facts, blocks, countries)


def _cells(ranges: list[Range], version: int, number: dict[str, int]) -> "tuple[array[int], bytes]":
    """Starts of blocks without gaps: what no range covers becomes a block of no country."""
    starts: list[int] = []
    which: list[int] = []
    reached = 0

    def begin(at: int, country: str) -> None:
        if not which or which[-1] != number[country]:
            starts.append(at)
            which.append(number[country])

    for one in sorted(ranges, key=lambda one: one.first):
        if one.first < reached:
            raise TableInvalid(f"{one} overlaps the range before it")
        if one.first > reached:
            begin(reached, UNKNOWN)
        begin(one.first, one.country)
        reached = one.end
    if reached < 1 << _BITS[version]:
        begin(reached, UNKNOWN)
    return array("Q", starts), bytes(which)


def write(table: AddressTable) -> bytes:
    """The table as the bytes of its file."""
    body = b""
    counts = {}
    for version, (starts, which) in sorted(table.parts().items()):
        width = _WIDTHS[version]
        steps = [now - before for before, now in zip([0, *starts[:-1]], starts, strict=True)]
        packed = b"".join(step.to_bytes(width, "little") for step in steps)
        # Bytes of one weight stand together, which is what makes the file small.
        body += b"".join(packed[plane::width] for plane in range(width)) + which
        counts[str(version)] = len(starts)
    header = _Header(
        facts=table.facts,
        countries=table.countries,
        blocks=counts,
        sha256=hashlib.sha256(body).hexdigest(),
    )
    head = msgspec.json.encode(header) + b"\n"
    return MAGIC + head + lzma.compress(body, preset=9 | lzma.PRESET_EXTREME)


def read(content: bytes) -> AddressTable:
    """The table that ``content`` holds.

    Raises:
        TableInvalid: it is no table, of another version, cut short or altered.
    """
    if not content.startswith(MAGIC):
        raise TableInvalid("this is no address table of this version")
    head, newline, packed = content[len(MAGIC) :].partition(b"\n")
    try:
        header = msgspec.json.decode(head, type=_Header)
        body = lzma.LZMADecompressor(memlimit=2 * _MOST_BODY).decompress(packed, _MOST_BODY)
    except (msgspec.DecodeError, lzma.LZMAError, EOFError) as error:
        raise TableInvalid(f"the address table is damaged: {error}") from error
    expected = sum((_WIDTHS[v] + 1) * header.blocks.get(str(v), -1) for v in _WIDTHS)
    if not newline or len(body) != expected:
        raise TableInvalid("the address table is cut short")
    if hashlib.sha256(body).hexdigest() != header.sha256:
        raise TableInvalid("the address table was altered")
    blocks = {}
    at = 0
    for version, width in _WIDTHS.items():
        count = header.blocks[str(version)]
        blocks[version] = _unpacked(body[at : at + (width + 1) * count], width, count)
        at += (width + 1) * count
        if blocks[version][1] and max(blocks[version][1]) >= len(header.countries):
            raise TableInvalid("the address table names a country that it does not list")
    return AddressTable(header.facts, blocks, header.countries)


def _unpacked(body: bytes, width: int, count: int) -> "tuple[array[int], bytes]":
    packed = bytearray(width * count)
    for plane in range(width):
        packed[plane::width] = body[plane * count : (plane + 1) * count]
    steps = array("Q" if width == 8 else "I")
    steps.frombytes(bytes(packed))
    if sys.byteorder == "big":
        steps.byteswap()
    return array("Q", accumulate(steps)), body[width * count :]
