"""The file that geoip2fast ships, and the same as flat rows that are used where they lie.

Theirs is a pickle of lists and takes a third of a second to read; ours is arrays one behind the
other, which a process maps into memory and searches without reading them first.
Law: what is read is data and stays data, nothing in it can run; ``view(flat(x)) == x``.
Verbs: ``read`` (theirs), ``flat`` and ``view`` (ours).
"""

import gzip
import pickle
import sys
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import accumulate, chain, compress
from typing import NoReturn

import msgspec

from gateway.errors import TableInvalid
from gateway.model import Noun, evolve

_VERSIONS = {120, 121}
_DAMAGE = (
    pickle.UnpicklingError,
    zlib.error,
    EOFError,
    OSError,
    LookupError,
    TypeError,
    ValueError,
)
_NAME_LENGTH = 100
_MAGIC = b"ENTENTE-FLAT-1\n"
_ALIGNED = 64
"""Every array begins at a multiple of so many bytes, so that it can be used where it lies."""
BITS = {4: 32, 6: 64}
"""How many bits of an address are counted, by IP version: IPv6 by its upper half."""
_STARTS = {4: "I", 6: "Q"}


@dataclass(frozen=True, slots=True)
class Blocks:
    """Networks of one IP version in order, each with the number of a word.

    ``starts`` are their first addresses, ``lengths`` the lengths of their prefixes.
    """

    bits: int
    starts: Sequence[int]
    lengths: Sequence[int]
    words: Sequence[int]

    def find(self, number: int) -> tuple[int, int, int] | None:
        """Word, first number and prefix length of the network around ``number``."""
        at = bisect_right(self.starts, number) - 1
        if at < 0:
            return None
        first, length = self.starts[at], self.lengths[at]
        if (number ^ first) >> (self.bits - length):
            return None
        return self.words[at], first, length


@dataclass(frozen=True, slots=True)
class Names:
    """Many short texts in one long one: a tenth of the memory, and none of it in fragments."""

    ends: Sequence[int]
    text: "bytes | memoryview[int]"

    def __getitem__(self, at: int) -> str:
        return bytes(self.text[self.ends[at] : self.ends[at + 1]]).decode()


@dataclass(frozen=True, slots=True)
class Located:
    """What the file knows: by IP version the networks with their country and with their name."""

    countries: dict[int, Blocks]
    networks: dict[int, Blocks]
    codes: tuple[str, ...]
    names: Names


_FAMILY = tuple(kind for version in sorted(BITS) for kind in (_STARTS[version], "B", "I"))
_LAID = (*_FAMILY, *_FAMILY, "I", "B")
"""The types of the arrays in their order: countries, networks, then ends and text of the names."""


class _Harmless(pickle.Unpickler):
    """Reads pickled numbers, texts and lists, and nothing that could run."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        """Refuse every class and function.

        Raises:
            UnpicklingError: always.
        """
        raise pickle.UnpicklingError(f"{module_name}.{global_name} has no place in a table")


def read(content: bytes) -> Located:
    """What geoip2fast's file ``content`` knows; networks finer than /64 are left out.

    Raises:
        TableInvalid: it is not laid out as we know it.
    """
    try:
        version, _, _, rows = _Harmless(BytesIO(gzip.decompress(content))).load()
        if version not in _VERSIONS:
            raise TableInvalid(f"it is of version {version}, which is not known")
        _, _, codes, names, starts, starts_as, which, which_as, lengths, lengths_as = rows
        shown = ["" if text == "<unknown>" else name_shown(str(text)) for text in names]
        return Located(
            countries=_families(starts, lengths, which),
            networks=_families(starts_as, lengths_as, which_as),
            codes=tuple(str(text).partition(":")[0] for text in codes),
            names=_joined(shown),
        )
    except _DAMAGE as error:
        raise TableInvalid(f"it is no table of geoip2fast: {error}") from error


def _families(
    starts: list[list[int]], lengths: list[list[int]], words: list[list[int]]
) -> dict[int, Blocks]:
    """geoip2fast's chunks, which hold IPv4 and then IPv6, as blocks by IP version."""
    first = list(chain.from_iterable(starts))
    length = bytes(chain.from_iterable(lengths))
    word = array("I", chain.from_iterable(words))
    cut = bisect_right(first, (1 << 32) - 1)
    coarse = [bits <= 64 for bits in length[cut:]]
    return {
        4: Blocks(BITS[4], array("I", first[:cut]), length[:cut], word[:cut]),
        6: Blocks(
            BITS[6],
            array("Q", [number >> 64 for number in compress(first[cut:], coarse)]),
            bytes(compress(length[cut:], coarse)),
            array("I", compress(word[cut:], coarse)),
        ),
    }


def _joined(names: list[str]) -> Names:
    encoded = [name.encode("utf-8", "replace") for name in names]
    return Names(array("I", accumulate(map(len, encoded), initial=0)), b"".join(encoded))


def name_shown(text: str) -> str:
    """The name of a network as it may be shown: no control characters, not too long."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:_NAME_LENGTH]


class _Header(Noun):
    """What stands before the arrays: what they were made of, and how to find them.

    ``lengths`` are the bytes of each array in their order, ``crc`` the CRC-32 of this header
    without it and of all that follows.
    """

    made_of: str
    order: str
    codes: tuple[str, ...]
    lengths: tuple[int, ...]
    crc: int = 0


def flat(located: Located, made_of: str) -> bytes:
    """``located`` as arrays one behind the other, for this kind of processor.

    ``made_of`` says what it was made from, so that ``view`` can refuse what is out of date.
    """
    arrays = [bytes(one) for one in _arrays(located)]
    body = b"".join(one + bytes(-len(one) % _ALIGNED) for one in arrays)
    header = _Header(
        made_of=made_of,
        order=sys.byteorder,
        codes=located.codes,
        lengths=tuple(map(len, arrays)),
    )
    return _head(evolve(header, crc=_crc(header, body))) + body


def _head(header: _Header) -> bytes:
    head = _MAGIC + msgspec.json.encode(header)
    return head + b" " * (-(len(head) + 1) % _ALIGNED) + b"\n"


def _crc(header: _Header, body: "bytes | memoryview[int]") -> int:
    return zlib.crc32(body, zlib.crc32(msgspec.json.encode(evolve(header, crc=0))))


def _arrays(located: Located) -> "list[memoryview[int]]":
    found: list[Sequence[int] | bytes] = []
    for family in (located.countries, located.networks):
        for version in sorted(BITS):
            found += [family[version].starts, family[version].lengths, family[version].words]
    found += [located.names.ends, located.names.text]
    return [memoryview(one).cast("B") for one in found]  # type: ignore[arg-type]


def view(content: "memoryview[int]", made_of: str) -> Located:
    """What ``flat`` wrote, used where it lies.

    Raises:
        TableInvalid: it was made from something else or on another kind of processor, or it is
            damaged: it has to be made again.
    """
    end = bytes(content[: 1 << 16]).find(b"\n", len(_MAGIC)) + 1
    if bytes(content[: len(_MAGIC)]) != _MAGIC or not end:
        raise TableInvalid("this is no flat table")
    try:
        header = msgspec.json.decode(content[len(_MAGIC) : end], type=_Header)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise TableInvalid(f"the flat table is damaged: {error}") from error
    body = content[end:]
    if header.made_of != made_of or header.order != sys.byteorder:
        raise TableInvalid("the flat table was made from something else")
    if _head(header) != content[:end] or _crc(header, body) != header.crc:
        raise TableInvalid("the flat table is damaged")
    parts: list[memoryview[int]] = []
    at = 0
    for length, kind in zip(header.lengths, _LAID, strict=True):
        parts.append(body[at : at + length].cast(kind))  # type: ignore[call-overload]
        at += length + -length % _ALIGNED
    return Located(
        countries=_family(parts[:6]),
        networks=_family(parts[6:12]),
        codes=header.codes,
        names=Names(parts[12], parts[13]),
    )


def _family(parts: "list[memoryview[int]]") -> dict[int, Blocks]:
    return {
        4: Blocks(BITS[4], parts[0], parts[1], parts[2]),
        6: Blocks(BITS[6], parts[3], parts[4], parts[5]),
    }
