"""The file that geoip2fast ships, on disk: geolocation, and the names of networks.

Law: it is data, and stays data; nothing in it can run, and it decides no country by itself.
Verb: ``open_geolocations``.
"""

import hashlib
import ipaddress
import mmap
import os
import re
import stat
import threading
import zlib
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from gateway import hosting
from gateway.edges.files import PRIVATE_DIRECTORY, keep, ours
from gateway.errors import HomeUnusable, StorageFull, TableInvalid
from gateway.formats import geoip2fast
from gateway.formats.geoip2fast import Located
from gateway.hosting import GEOLOCATION
from gateway.model import HostingClaim, Noun

FILE = "geoip2fast-asn-ipv6.dat.gz"
CACHED = "geolocations.flat"
"""The name of the file's flat form in the directory for what is made once."""
_BEGIN = 4096
"""How many bytes at the begin of the file tell its date."""
_DATED = re.compile(rb"-(\d{4})(\d\d)(\d\d)\W")


class Fact(Noun):
    """What one table says of one address."""

    claim: HostingClaim | None = None
    asn: int | None = None
    as_name: str | None = None


class Geolocations:
    """The file that geoip2fast ships: geolocation, and the names of networks.

    Its data are read without its code: importing that package changes the environment of the
    process, and its loader starts programs, prefers a file of the working directory and holds
    twice the memory. Loaded when first asked; safe to share between threads.

    Args:
        path: the file.
        cache: a directory of ours in which its flat form is kept, so that the next process
            maps it instead of decoding the file; without one each process decodes it.
    """

    kind = GEOLOCATION
    name = "geoip2fast"

    def __init__(self, path: Path, cache: Path | None = None) -> None:
        self._path = path
        self._cache = cache
        self._lock = threading.Lock()
        self._located: Located | None = None
        with ours(path), path.open("rb") as file:
            begin = file.read(_BEGIN)
        try:
            dated = _DATED.search(zlib.decompressobj(wbits=31).decompress(begin, _BEGIN))
        except zlib.error as error:
            raise TableInvalid(f"{path} is no table of geoip2fast: {error}") from error
        self.as_of = b"-".join(dated.groups()).decode() if dated else ""

    def say(self, address: hosting.Address) -> Fact:
        """Where ``address`` is used by geolocation, and who announces its network."""
        located = self._located or self.load()
        version = address.version
        number = int(address) if version == 4 else int(address) >> 64
        network = located.networks[version].find(number)
        as_name = located.names[network[0]] if network else ""
        found = located.countries[version].find(number)
        country = hosting.country(located.codes[found[0]]) if found else None
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

    @property
    def loaded(self) -> bool:
        """Whether the data are at hand."""
        return self._located is not None

    def load(self) -> Located:
        """Have the whole file at hand, once; a process that forks does it before.

        Raises:
            TableInvalid: it is not laid out as we know it.
            HomeUnusable: it cannot be read.
        """
        with self._lock:
            if self._located is None:
                with ours(self._path):
                    content = self._path.read_bytes()
                made_of = hashlib.sha256(content).hexdigest()
                self._located = self._mapped(made_of) or self._decoded(content, made_of)
            return self._located

    def _mapped(self, made_of: str) -> Located | None:
        """The flat form of just this file, if we made one and it is sound."""
        if self._cache is None:
            return None
        with suppress(OSError, ValueError, TableInvalid):
            handle = os.open(self._cache / CACHED, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                # What another user could have written is not believed.
                said = os.fstat(handle)
                if said.st_uid == os.geteuid() and not said.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                    mapped = mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
                    return geoip2fast.view(memoryview(mapped), made_of)
            finally:
                os.close(handle)
        return None

    def _decoded(self, content: bytes, made_of: str) -> Located:
        """The file decoded, and its flat form kept for the next process where that is possible."""
        try:
            located = geoip2fast.read(content)
        except TableInvalid as error:
            raise TableInvalid(f"{self._path}: {error.detail}") from error
        if self._cache is not None:
            # Without room for it we are slower, and no less right.
            with suppress(OSError, StorageFull, HomeUnusable):
                self._cache.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
                keep(self._cache / CACHED, geoip2fast.flat(located, made_of))
        return located


def _prefix(version: int, first: int, length: int) -> str:
    if version == 4:
        return f"{ipaddress.IPv4Address(first)}/{length}"
    return f"{ipaddress.IPv6Address(first << 64)}/{length}"


def open_geolocations(cache: Path | None = None) -> Geolocations:
    """The table that the installed geoip2fast ships; ``cache`` as for ``Geolocations``.

    Raises:
        TableInvalid: the package is not there, or its file is none.
    """
    found = find_spec("geoip2fast")
    if found is None or found.origin is None:
        raise TableInvalid("geoip2fast is not installed", hint="install entente again")
    return Geolocations(Path(found.origin).with_name(FILE), cache)
