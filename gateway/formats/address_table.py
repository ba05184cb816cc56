"""Our compact table of which country each block of addresses is registered in.

One file: a magic line, a line of JSON (source, licence, date, counts, digest), then a body packed
with Zstandard (RFC 8878): for IPv4, and for the upper half of IPv6, the starts of blocks and one
byte of country for each, so that reading takes milliseconds: every process does it. IPv6 is
counted in /64 networks: no host is told apart below that.
Law: a table is read whole or not at all, and ``read(write(table))`` is that table.
Verbs: ``of``, ``read``, ``write``, ``narrowest``.
"""

import hashlib
import heapq
import operator
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import msgspec
import zstandard

from gateway.errors import TableInvalid
from gateway.model import Noun, evolve

MAGIC = b"ENTENTE-ADDRESSES-3\n"
FAMILY = b"ENTENTE-ADDRESSES-"
"""What a table of any version begins with."""
UNKNOWN = ""
"""The country of a block that no source knows."""
BITS = {4: 32, 6: 64}
"""How many bits of an address are counted, by IP version."""
_CODES = {4: "I", 6: "Q"}
"""The array type of the starts, by IP version."""
_WIDTHS = {4: 4, 6: 8}
_MOST_BODY = 64_000_000
_LEVEL = 19


class Facts(Noun):
    """Where a table comes from, and its date (ISO 8601).

    ``register`` says that it was made of registries' own files and of nothing else.
    """

    source: str
    licence: str
    as_of: str
    made_by: str = ""
    register: bool = False


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
    blocks: tuple[int, int]
    sha256: str = ""


class AddressTable:
    """A table in memory. Made by ``read`` or ``of``; ``find`` looks an address up."""

    def __init__(
        self,
        facts: Facts,
        blocks: "dict[int, tuple[array[int], bytes]]",
        countries: Sequence[str],
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
        end = starts[at + 1] if at + 1 < len(starts) else 1 << BITS[version]
        return country, starts[at], end

    def ranges(self, country: str, version: int = 4) -> list[tuple[int, int]]:
        """First and end of every block of ``country``."""
        if country not in self.countries:
            return []
        starts, which = self._blocks[version]
        wanted = self.countries.index(country)
        found = []
        at = which.find(wanted)
        while at >= 0:
            end = starts[at + 1] if at + 1 < len(starts) else 1 << BITS[version]
            found.append((starts[at], end))
            at = which.find(wanted, at + 1)
        return found

    def blocks(self) -> Iterator[Range]:
        """Every block that has a country, IPv4 before IPv6, in the order of addresses."""
        for version, (starts, which) in sorted(self._blocks.items()):
            ends = [*starts[1:], 1 << BITS[version]]
            for first, end, at in zip(starts, ends, which, strict=True):
                if self.countries[at]:
                    yield Range(version=version, first=first, end=end, country=self.countries[at])

    @property
    def records(self) -> int:
        """How many blocks have a country; the others are the gaps between them."""
        return sum(len(which) - which.count(self._nobody) for _, which in self._blocks.values())

    def covered(self) -> dict[int, int]:
        """How many addresses (of IPv6: /64 networks) have a country, by IP version."""
        totals = {}
        for version, (starts, which) in self._blocks.items():
            ends = chain(memoryview(starts)[1:], (1 << BITS[version],))
            sizes = zip(starts, ends, which, strict=True)
            totals[version] = sum(end - first for first, end, at in sizes if at != self._nobody)
        return totals

    @property
    def _nobody(self) -> int:
        """The number of no country; one that no block has where there are no gaps."""
        return self.countries.index(UNKNOWN) if UNKNOWN in self.countries else 255

    def parts(self) -> "dict[int, tuple[array[int], bytes]]":
        """Starts and country numbers by IP version, for ``write``."""
        return self._blocks

    def __len__(self) -> int:
        return sum(len(which) for _, which in self._blocks.values())


def of(facts: Facts, ranges: Iterable[Range], *, apart: bool = False) -> AddressTable:
    """The table of ``ranges``, which may touch but not overlap.

    Neighbours of one country become one block, unless they are kept ``apart``: how large a
    block is says something where each is one registration.

    Raises:
        TableInvalid: two ranges overlap, or one is empty, out of bounds or names no country.
    """
    found: dict[int, list[Range]] = {4: [], 6: []}
    for one in ranges:
        if not _sound(one):
            raise TableInvalid(f"{one} is no range of addresses")
        found[one.version].append(one)
    countries = sorted({one.country for some in found.values() for one in some} | {UNKNOWN})
    if len(countries) > 256:
        raise TableInvalid(f"{len(countries)} countries are more than there are")
    number = {country: at for at, country in enumerate(countries)}
    blocks = {
        version: _cells(some, version, number, apart=apart) for version, some in found.items()
    }
    return AddressTable(facts, blocks, countries)


def _sound(one: Range) -> bool:
    return one.version in BITS and 0 <= one.first < one.end <= 1 << BITS[one.version]


def _cells(
    ranges: list[Range], version: int, number: dict[str, int], *, apart: bool
) -> "tuple[array[int], bytes]":
    """Starts of blocks without gaps: what no range covers becomes a block of no country."""
    starts: list[int] = []
    which: list[int] = []
    reached = 0

    def begin(at: int, country: str) -> None:
        if apart or not which or which[-1] != number[country]:
            starts.append(at)
            which.append(number[country])

    for one in sorted(ranges, key=lambda one: one.first):
        if one.first < reached:
            raise TableInvalid(f"{one} overlaps the range before it")
        if one.first > reached:
            begin(reached, UNKNOWN)
        begin(one.first, one.country)
        reached = one.end
    if reached < 1 << BITS[version]:
        begin(reached, UNKNOWN)
    return array(_CODES[version], starts), bytes(which)


def narrowest(ranges: Iterable[Range]) -> Iterator[Range]:
    """``ranges`` made free of overlaps: where several cover an address, the smallest speaks.

    Of two that are equally large the one named first speaks, so the order of sources counts.

    Raises:
        TableInvalid: a range is empty or out of bounds.
    """
    by_version: dict[int, list[tuple[int, int, Range]]] = {4: [], 6: []}
    for order, one in enumerate(ranges):
        if not _sound(one):
            raise TableInvalid(f"{one} is no range of addresses")
        by_version[one.version].append((one.first, order, one))
    for some in by_version.values():
        some.sort()
        yield from _swept(some)


def _swept(ranges: list[tuple[int, int, Range]]) -> Iterator[Range]:
    """One sweep over sorted ranges; the heap holds those open at this point, smallest first."""
    opened: list[tuple[int, int, Range]] = []
    reached = 0
    for at, (first, order, one) in enumerate(ranges):
        reached = max(reached, first)
        heapq.heappush(opened, (one.end - one.first, order, one))
        following = ranges[at + 1][0] if at + 1 < len(ranges) else 1 << BITS[one.version]
        while opened and reached < following:
            smallest = opened[0][2]
            if smallest.end <= reached:
                heapq.heappop(opened)
                continue
            upto = min(smallest.end, following)
            yield evolve(smallest, first=reached, end=upto)
            reached = upto


def write(table: AddressTable) -> bytes:
    """The table as the bytes of its file; the same table always makes the same bytes."""
    body = b""
    counts = []
    for version, (starts, which) in sorted(table.parts().items()):
        width = _WIDTHS[version]
        packed = _little(starts).tobytes()
        # Bytes of one weight stand together, which is what makes the file small.
        body += b"".join(packed[plane::width] for plane in range(width)) + which
        counts.append(len(starts))
    header = _Header(facts=table.facts, countries=table.countries, blocks=(counts[0], counts[1]))
    packed = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False).compress(body)
    head = msgspec.json.encode(evolve(header, sha256=_digest(header, packed)))
    return MAGIC + head + b"\n" + packed


def _little(starts: "array[int]") -> "array[int]":
    """``starts`` as they stand in a file, lowest byte first; and back again."""
    if sys.byteorder == "little":
        return starts
    turned = array(starts.typecode, starts)
    turned.byteswap()
    return turned


def _digest(header: _Header, packed: bytes) -> str:
    """SHA-256 over all of a file: the header with its digest left empty, then the packed body."""
    told = msgspec.json.encode(evolve(header, sha256=""))
    return hashlib.sha256(told + b"\n" + packed).hexdigest()


def read(content: bytes, *, trusted: bool = False) -> AddressTable:
    """The table that ``content`` holds.

    Args:
        content: a whole file.
        trusted: leave out the look at the order of the blocks, which takes longer than all the
            rest: for a file that was read in full when it was put in its place. Whatever the
            order, ``find`` only ever answers with a block of the file that holds the number.

    Raises:
        TableInvalid: it is no table, of another version, cut short or altered.
    """
    if not content.startswith(MAGIC):
        raise TableInvalid(
            "this address table is of another version than this Entente reads"
            if content.startswith(FAMILY)
            else "this is no address table"
        )
    head, _, packed = content[len(MAGIC) :].partition(b"\n")
    try:
        header = msgspec.json.decode(head, type=_Header)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise TableInvalid(f"the address table is damaged: {error}") from error
    if msgspec.json.encode(header) != head or _digest(header, packed) != header.sha256:
        raise TableInvalid("the address table was altered, or is cut short")
    body = _body(packed, header)
    blocks = {}
    at = 0
    for (version, width), count in zip(_WIDTHS.items(), header.blocks, strict=True):
        blocks[version] = _unpacked(body[at : at + (width + 1) * count], version, count)
        at += (width + 1) * count
        starts, which = blocks[version]
        if which.translate(None, bytes(range(min(len(header.countries), 256)))):
            raise TableInvalid("the address table names a country that it does not list")
        if not trusted and not all(map(operator.lt, starts, memoryview(starts)[1:])):
            raise TableInvalid("the blocks of the address table are not in order")
    return AddressTable(header.facts, blocks, header.countries)


def _body(packed: bytes, header: _Header) -> bytes:
    """What is packed, which must be exactly as long as the header promises.

    Raises:
        TableInvalid: it is not, or is not packed as it should be.
    """
    widths = zip(_WIDTHS.values(), header.blocks, strict=True)
    length = sum((width + 1) * count for width, count in widths)
    if min(header.blocks) < 1 or length > _MOST_BODY:
        raise TableInvalid("the address table does not hold as many blocks as it says")
    try:
        # The frame's own word for its length is what would be allocated, so it is asked first.
        if zstandard.frame_content_size(packed) != length:
            raise TableInvalid("the address table does not hold as many blocks as it says")
        return zstandard.ZstdDecompressor().decompress(packed, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise TableInvalid(
            f"the address table is packed otherwise than it should be: {error}"
        ) from error


def _unpacked(body: bytes, version: int, count: int) -> "tuple[array[int], bytes]":
    """Starts and countries of one IP version, from its part of the body."""
    width = _WIDTHS[version]
    packed = bytearray(width * count)
    for plane in range(width):
        packed[plane::width] = body[plane * count : (plane + 1) * count]
    starts = array(_CODES[version])
    starts.frombytes(packed)
    return _little(starts), body[width * count :]
