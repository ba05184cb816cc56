"""The file that geoip2fast ships: geolocation, and the names of networks.

Law: it is data, and stays data; nothing in it can run, and it decides no country by itself.
Verb: ``open_geolocations``.
"""

import gzip
import ipaddress
import pickle
import re
import threading
import zlib
from array import array
from bisect import bisect_right
from importlib.util import find_spec
from io import BytesIO
from itertools import accumulate, chain, compress
from pathlib import Path
from typing import NoReturn

from gateway import hosting
from gateway.edges.files import ours
from gateway.errors import TableInvalid
from gateway.hosting import GEOLOCATION
from gateway.model import HostingClaim, Noun

FILE = "geoip2fast-asn-ipv6.dat.gz"
_VERSIONS = {120, 121}
_BEGIN = 4096
"""How many bytes at the begin of the file tell its date."""
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
_DATED = re.compile(rb"-(\d{4})(\d\d)(\d\d)\W")


class Fact(Noun):
    """What one table says of one address."""

    claim: HostingClaim | None = None
    asn: int | None = None
    as_name: str | None = None


class _Blocks:
    """Networks of one IP version in order, each with the number of a word; IPv6 up to /64."""

    def __init__(
        self, starts: "array[int]", lengths: bytes, words: "array[int]", bits: int
    ) -> None:
        self._bits = bits
        self._starts = starts
        self._lengths = lengths
        self._words = words

    def find(self, number: int) -> tuple[int, int, int] | None:
        """Word, first number and prefix length of the network around ``number``."""
        at = bisect_right(self._starts, number) - 1
        if at < 0:
            return None
        first, length = self._starts[at], self._lengths[at]
        if (number ^ first) >> (self._bits - length):
            return None
        return self._words[at], first, length


class _Harmless(pickle.Unpickler):
    """Reads pickled numbers, texts and lists, and nothing that could run."""

    def find_class(self, module_name: str, global_name: str) -> NoReturn:
        """Refuse every class and function.

        Raises:
            UnpicklingError: always.
        """
        raise pickle.UnpicklingError(f"{module_name}.{global_name} has no place in a table")


class Geolocations:
    """The file that geoip2fast ships: geolocation, and the names of networks.

    Its data are read without its code: importing that package changes the environment of the
    process, and its loader starts programs, prefers a file of the working directory and holds
    twice the memory. Loaded when first asked; safe to share between threads.
    """

    kind = GEOLOCATION
    name = "geoip2fast"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._loaded = False
        self._countries: dict[int, _Blocks] = {}
        self._networks: dict[int, _Blocks] = {}
        self._codes: list[str] = []
        self._names = _Names([])
        with ours(path), path.open("rb") as file:
            begin = file.read(_BEGIN)
        try:
            dated = _DATED.search(zlib.decompressobj(wbits=31).decompress(begin, _BEGIN))
        except zlib.error as error:
            raise TableInvalid(f"{path} is no table of geoip2fast: {error}") from error
        self.as_of = b"-".join(dated.groups()).decode() if dated else ""

    def say(self, address: hosting.Address) -> Fact:
        """Where ``address`` is used by geolocation, and who announces its network."""
        if not self._loaded:
            self.load()
        version = address.version
        number = int(address) if version == 4 else int(address) >> 64
        network = self._networks[version].find(number)
        as_name = self._names[network[0]] if network else ""
        found = self._countries[version].find(number)
        country = hosting.country(self._codes[found[0]]) if found else None
        if found is None or country is None:
            return Fact(as_name=as_name or None)
        claim = HostingClaim(
            country=country,
            kind=GEOLOCATION,
            source=self.name,
            as_of=self.as_of,
            prefix=_prefix(version, found[1], found[2]),
        )
        return Fact(claim=claim, as_name=as_name or None)

    def load(self) -> None:
        """Read the whole file into memory, once; a process that forks does it before.

        Raises:
            TableInvalid: it is not laid out as we know it.
        """
        with self._lock:
            if self._loaded:
                return
            with ours(self._path):
                content = self._path.read_bytes()
            try:
                version, _, _, rows = _Harmless(BytesIO(gzip.decompress(content))).load()
                if version not in _VERSIONS:
                    raise TableInvalid(f"{self._path} is of version {version}, which is not known")
                _, _, codes, names, starts, starts_as, which, which_as, lengths, lengths_as = rows
                self._countries = _families(starts, lengths, which)
                self._networks = _families(starts_as, lengths_as, which_as)
            except _DAMAGE as error:
                raise TableInvalid(f"{self._path} is no table of geoip2fast: {error}") from error
            self._codes = [str(text).partition(":")[0] for text in codes]
            self._names = _Names(
                ["" if text == "<unknown>" else name_shown(str(text)) for text in names]
            )
            self._loaded = True


def _families(
    starts: list[list[int]], lengths: list[list[int]], words: list[list[int]]
) -> dict[int, _Blocks]:
    """geoip2fast's chunks, which hold IPv4 and then IPv6, as blocks by IP version."""
    first = list(chain.from_iterable(starts))
    length = bytes(chain.from_iterable(lengths))
    word = array("I", chain.from_iterable(words))
    cut = bisect_right(first, (1 << 32) - 1)
    coarse = [bits <= 64 for bits in length[cut:]]
    return {
        4: _Blocks(array("Q", first[:cut]), length[:cut], word[:cut], 32),
        6: _Blocks(
            array("Q", [number >> 64 for number in compress(first[cut:], coarse)]),
            bytes(compress(length[cut:], coarse)),
            array("I", compress(word[cut:], coarse)),
            64,
        ),
    }


class _Names:
    """Many short texts in one long one: a tenth of the memory, and none of it in fragments."""

    def __init__(self, names: list[str]) -> None:
        self._all = "".join(names)
        self._ends = array("I", accumulate(map(len, names), initial=0))

    def __getitem__(self, at: int) -> str:
        return self._all[self._ends[at] : self._ends[at + 1]]


def _prefix(version: int, first: int, length: int) -> str:
    if version == 4:
        return f"{ipaddress.IPv4Address(first)}/{length}"
    return f"{ipaddress.IPv6Address(first << 64)}/{length}"


def name_shown(text: str) -> str:
    """The name of a network as it may be shown: no control characters, not too long."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:_NAME_LENGTH]


def open_geolocations() -> Geolocations:
    """The table that the installed geoip2fast ships.

    Raises:
        TableInvalid: the package is not there, or its file is none.
    """
    found = find_spec("geoip2fast")
    if found is None or found.origin is None:
        raise TableInvalid("geoip2fast is not installed", hint="install entente again")
    return Geolocations(Path(found.origin).with_name(FILE))
