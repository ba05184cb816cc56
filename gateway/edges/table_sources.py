"""The address tables on disk: each says what it knows of one address, and nothing else.

Our compact table and delegated-extended files speak of registration, an MMDB of whatever its
name or type says: registration, geolocation, or autonomous systems.
Law: a file that cannot be used is refused by name when it is opened, never passed over.
Verbs: ``open_table``, ``material``.
"""

import ipaddress
import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import maxminddb

from gateway import hosting
from gateway.edges.files import ours
from gateway.edges.geolocations import Fact
from gateway.errors import TableInvalid
from gateway.formats import address_table, delegated
from gateway.formats.address_table import AddressTable, Facts, Range
from gateway.formats.delegated import Delegated
from gateway.formats.geoip2fast import name_shown
from gateway.hosting import AS_COUNTRY, GEOLOCATION, REGISTRATION
from gateway.model import HostingClaim, Noun

_REGISTRATION_TYPE = re.compile(r"whois|rir|regist|delegat", re.IGNORECASE)
_AS_TYPE = re.compile(r"asn|autonomous", re.IGNORECASE)
_NOTHING = Fact()
_GZIP = b"\x1f\x8b"
_MOST_BYTES = 200_000_000
"""The largest of the registries' files has some 30 MB."""


class Table(Protocol):
    """A source of facts about addresses."""

    name: str
    kind: str
    as_of: str

    def say(self, address: hosting.Address) -> Fact:
        """What this table knows of ``address``.

        Raises:
            TableInvalid: the file is damaged at this place.
        """


class Registrations:
    """A compact table, or delegated files read into one."""

    kind = REGISTRATION

    def __init__(self, table: AddressTable) -> None:
        self.table = table
        self.name = table.facts.source
        self.as_of = table.facts.as_of

    def say(self, address: hosting.Address) -> Fact:
        """The country of the block around ``address``, and the prefix of that block."""
        version = address.version
        number = int(address) if version == 4 else int(address) >> 64
        found = self.table.find(version, number)
        if found is None:
            return _NOTHING
        code, first, end = found
        return Fact(
            claim=HostingClaim(
                country=hosting.country(code),
                kind=REGISTRATION,
                source=self.name,
                as_of=self.as_of,
                prefix=hosting.block(version, number, first, end),
                register=self.table.facts.register,
            )
        )


class Mmdb:
    """Any MMDB file: a country, or an autonomous system."""

    def __init__(self, path: Path) -> None:
        try:
            with ours(path), path.open("rb"):
                self._reader = maxminddb.open_database(str(path))
            facts = self._reader.metadata()
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise TableInvalid(f"{path} is no MMDB that can be read: {error}") from error
        self.name = path.name
        said = f"{facts.database_type} {path.name}"
        self.kind = GEOLOCATION
        if _REGISTRATION_TYPE.search(said):
            self.kind = REGISTRATION
        elif _AS_TYPE.search(said):
            self.kind = AS_COUNTRY
        self._versions = {4, facts.ip_version}
        self.as_of = datetime.fromtimestamp(facts.build_epoch, UTC).date().isoformat()

    def say(self, address: hosting.Address) -> Fact:
        """The country or the autonomous system that the file has for ``address``."""
        if address.version not in self._versions:
            return _NOTHING
        try:
            row, bits = self._reader.get_with_prefix_len(address)
        except (ValueError, maxminddb.InvalidDatabaseError) as error:
            raise TableInvalid(f"{self.name} is damaged: {error}") from error
        if not isinstance(row, dict):
            return _NOTHING
        country = hosting.country(_code(row))
        claim = None
        if country is not None:
            block = ipaddress.ip_network((address, bits), strict=False)
            claim = HostingClaim(
                country=country,
                kind=self.kind,
                source=self.name,
                as_of=self.as_of,
                prefix=str(block),
            )
        number, name = (
            row.get("autonomous_system_number"),
            row.get("autonomous_system_organization"),
        )
        return Fact(
            claim=claim,
            asn=number if isinstance(number, int) else None,
            as_name=(name_shown(name) or None) if isinstance(name, str) else None,
        )

    def ranges(self) -> Iterator[Range]:
        """Every network of the file with its country.

        A /64 that the file divides further counts where all its parts are of one country.

        Raises:
            TableInvalid: the file is damaged.
        """
        fine: dict[int, set[str]] = {}
        try:
            for network, row in self._reader:
                code = _code(row) if isinstance(row, dict) else None
                if not code:
                    continue
                first = int(network.network_address)
                if network.version == 4:
                    end = first + network.num_addresses
                    yield Range(version=4, first=first, end=end, country=code)
                elif network.prefixlen <= 64:
                    end = first + network.num_addresses >> 64
                    yield Range(version=6, first=first >> 64, end=end, country=code)
                else:
                    fine.setdefault(first >> 64, set()).add(code)
        except (ValueError, maxminddb.InvalidDatabaseError) as error:
            raise TableInvalid(f"{self.name} is damaged: {error}") from error
        for first, codes in fine.items():
            if len(codes) == 1:
                yield Range(version=6, first=first, end=first + 1, country=codes.pop())


def _code(row: "dict[str, object]") -> str | None:
    """The country code of a row, in the spellings of the usual vendors."""
    plain = row.get("country_code")
    if isinstance(plain, str):
        return plain
    for member in ("country", "registered_country"):
        inner = row.get(member)
        if isinstance(inner, str) and len(inner) == 2:
            return inner
        if isinstance(inner, dict) and isinstance(inner.get("iso_code"), str):
            return str(inner["iso_code"])
    return None


def open_compact(path: Path, *, trusted: bool = False) -> AddressTable:
    """The compact table at ``path``; ``trusted`` as for ``address_table.read``.

    Raises:
        TableInvalid: it is none.
        HomeUnusable: it cannot be read.
    """
    return address_table.read(content(path), trusted=trusted)


def open_table(path: Path) -> Table:
    """The table at ``path``: a compact table, an MMDB, or a delegated-extended file.

    Raises:
        TableInvalid: it is none of them; the detail says why.
        HomeUnusable: it cannot be read.
    """
    if path.suffix == ".mmdb":
        return Mmdb(path)
    found = _read(path)
    if isinstance(found, AddressTable):
        return Registrations(found)
    facts = Facts(source=path.name, licence="", as_of=found.as_of, register=True)
    ranges = address_table.narrowest(found.ranges)
    return Registrations(address_table.of(facts, ranges, apart=True))


class Material(Noun):
    """What a new table can be made of: every registered range of a file, and its date.

    ``registries`` are those whose own records they are; empty for all other material.
    """

    name: str
    as_of: str
    ranges: Iterable[Range]
    registries: tuple[str, ...] = ()


def material(path: Path) -> Material:
    """The registered ranges of the MMDB, delegated-extended file or compact table at ``path``.

    Raises:
        TableInvalid: it is none of them, or speaks of something else than registration; the
            detail names the file.
        HomeUnusable: it cannot be read.
    """
    if path.suffix == ".mmdb":
        table = Mmdb(path)
        if table.kind != REGISTRATION:
            raise TableInvalid(
                f"neither the name nor the type of {path.name} says that it is about registration",
                hint="a table of registrations is not made from geolocation",
            )
        return Material(name=path.name, as_of=table.as_of, ranges=table.ranges())
    found = _read(path)
    if isinstance(found, AddressTable):
        return Material(
            name=path.name,
            as_of=found.facts.as_of,
            ranges=found.blocks(),
            registries=delegated.FIVE if found.facts.register else (),
        )
    whose = {record.registry for record in found.records}
    registries = tuple(sorted(whose)) if found.registry == delegated.JOINT else (found.registry,)
    return Material(name=path.name, as_of=found.as_of, ranges=found.ranges, registries=registries)


def _read(path: Path) -> AddressTable | Delegated:
    """The compact table or delegated-extended file at ``path``.

    Raises:
        TableInvalid: it is neither; the detail names it.
    """
    try:
        found = content(path)
        if found.startswith(address_table.FAMILY):
            return address_table.read(found)
        return delegated.read(found)
    except TableInvalid as error:
        raise TableInvalid(f"{path}: {error.detail}", hint=error.hint) from error


def content(path: Path) -> bytes:
    """The bytes of a table; those that are packed with gzip, unpacked.

    Raises:
        TableInvalid: it is cut short, damaged, or larger than a table can be.
        HomeUnusable: it cannot be read.
    """
    with ours(path), path.open("rb") as file:
        found = file.read(_MOST_BYTES + 1)
    if found.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            found = unpacker.decompress(found, _MOST_BYTES + 1)
        except zlib.error as error:
            raise TableInvalid(f"it is packed with gzip and damaged: {error}") from error
        if len(found) <= _MOST_BYTES and (not unpacker.eof or unpacker.unused_data):
            raise TableInvalid("it is packed with gzip and cut short, or goes on after its end")
    if len(found) > _MOST_BYTES:
        raise TableInvalid(f"it is larger than {_MOST_BYTES // 1_000_000} MB")
    return found
