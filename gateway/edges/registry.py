"""The address tables on disk, joined into one answer: where is this address?

Built in are our compact table of registrations and the geolocation that geoip2fast ships; any
MMDB or delegated-extended file can stand beside them. Verbs: ``open_registry``, ``build``.
"""

import ipaddress
import random
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import maxminddb
from geoip2fast import GeoIP2Fast

from gateway import hosting
from gateway.edges.files import keep, ours
from gateway.errors import AddressInvalid, TableInvalid
from gateway.formats import address_table, delegated
from gateway.formats.address_table import AddressTable, Facts, Range
from gateway.hosting import GEOLOCATION, REGISTRATION
from gateway.model import Country, Hosting, HostingClaim, Noun

SHIPPED = Path(__file__).parent / "tables" / "registrations.table"
OLD_DAYS = 90
"""From this age on a table of registrations warns: blocks change hands."""
CACHED = 65_536
GEOLOCATIONS = "geoip2fast-asn-ipv6.dat.gz"
_DATED = re.compile(r"-(\d{4})(\d\d)(\d\d)$")
_REGISTRATION_TYPE = re.compile(r"whois|rir|regist|delegat", re.IGNORECASE)


class Fact(Noun):
    """What one table says of one address."""

    claim: HostingClaim | None = None
    asn: int | None = None
    as_name: str | None = None


class Table(Protocol):
    """A source of facts about addresses."""

    name: str
    kind: str
    as_of: str

    def say(self, address: hosting.Address) -> Fact:
        """What this table knows of ``address``."""


class _Registrations:
    """A compact table, or delegated files read into one."""

    kind = REGISTRATION

    def __init__(self, table: AddressTable) -> None:
        self.table = table
        self.name = table.facts.source
        self.as_of = table.facts.as_of

    def say(self, address: hosting.Address) -> Fact:
        number = int(address) if address.version == 4 else int(address) >> 64
        found = self.table.find(address.version, number)
        if found is None:
            return Fact()
        code, first, end = found
        prefix = hosting.block(address.version, number, first, end)
        return Fact(
            claim=HostingClaim(
                country=hosting.country(code),
                kind=REGISTRATION,
                source=self.name,
                as_of=self.as_of,
                prefix=prefix,
            )
        )


class _Geolocations:
    """The tables that geoip2fast ships: geolocation, and the names of networks."""

    kind = GEOLOCATION
    name = "geoip2fast"

    def __init__(self) -> None:
        self._library = GeoIP2Fast(geoip2fast_data_file=GEOLOCATIONS, verbose=False)
        dated = _DATED.search(str(self._library.source_info))
        self.as_of = "-".join(dated.groups()) if dated else "unknown"

    def say(self, address: hosting.Address) -> Fact:
        found = self._library.lookup(str(address))
        country = hosting.country(found.country_code)
        name = (found.asn_name or "").strip() or None
        if country is None:
            return Fact(as_name=name)
        claim = HostingClaim(
            country=country,
            kind=GEOLOCATION,
            source=self.name,
            as_of=self.as_of,
            prefix=found.cidr or None,
        )
        return Fact(claim=claim, as_name=name)


class _Mmdb:
    """Any MMDB file: a country, or an autonomous system."""

    def __init__(self, path: Path) -> None:
        try:
            self._reader = maxminddb.open_database(str(path))
            facts = self._reader.metadata()
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            raise TableInvalid(f"{path} is no MMDB that can be read: {error}") from error
        self.name = path.name
        self.kind = (
            REGISTRATION
            if _REGISTRATION_TYPE.search(f"{facts.database_type} {path.name}")
            else GEOLOCATION
        )
        self.as_of = datetime.fromtimestamp(facts.build_epoch, UTC).date().isoformat()

    def say(self, address: hosting.Address) -> Fact:
        try:
            row, bits = self._reader.get_with_prefix_len(address)
        except (ValueError, maxminddb.InvalidDatabaseError):
            return Fact()
        if not isinstance(row, dict):
            return Fact()
        number, name = (
            row.get("autonomous_system_number"),
            row.get("autonomous_system_organization"),
        )
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
        return Fact(
            claim=claim,
            asn=number if isinstance(number, int) else None,
            as_name=name if isinstance(name, str) else None,
        )

    def ranges(self) -> Iterable[Range]:
        """Every network of the file with its country, for ``build``."""
        for network, row in self._reader:
            code = _code(row) if isinstance(row, dict) else None
            if code:
                yield from _range(network, code)


def _code(row: dict[str, object]) -> str | None:
    """The country code of a row, in the spellings of the usual vendors."""
    plain = row.get("country_code")
    if isinstance(plain, str):
        return plain
    for member in ("registered_country", "country"):
        inner = row.get(member)
        if isinstance(inner, dict) and isinstance(inner.get("iso_code"), str):
            return str(inner["iso_code"])
    return None


def _range(network: ipaddress.IPv4Network | ipaddress.IPv6Network, code: str) -> Iterable[Range]:
    first, count = int(network.network_address), network.num_addresses
    if network.version == 4:
        yield Range(version=4, first=first, end=first + count, country=code)
    elif network.prefixlen <= 64:
        yield Range(version=6, first=first >> 64, end=(first + count) >> 64, country=code)


class Registry:
    """Every table, joined. Made by ``open_registry``; safe to share between threads."""

    def __init__(self, tables: Sequence[Table], shipped: AddressTable) -> None:
        self.tables = tuple(tables)
        self._shipped = shipped
        self.locate = lru_cache(maxsize=CACHED)(self._locate)

    def _locate(self, address: str) -> Hosting:
        """Where ``address`` is hosted.

        Raises:
            AddressInvalid: it is no IP address.
        """
        found = hosting.parse(address)
        name = str(found)
        if hosting.special(name) is not None:
            return hosting.weigh(name, ())
        facts = [table.say(found) for table in self.tables]
        asn = next((fact.asn for fact in facts if fact.asn), None)
        as_name = next((fact.as_name for fact in facts if fact.as_name), None)
        claims = [fact.claim for fact in facts if fact.claim is not None]
        return hosting.weigh(name, claims, asn=asn, as_name=as_name)

    def warnings(self, today: date) -> list[str]:
        """What an administrator should know of the tables' age."""
        said = []
        for table in self.tables:
            if table.kind != REGISTRATION:
                continue
            try:
                age = (today - date.fromisoformat(table.as_of)).days
            except ValueError:
                said.append(f"the address table {table.name} has no date")
                continue
            if age > OLD_DAYS:
                said.append(
                    f"the address table {table.name} is {age} days old (from {table.as_of});"
                    " add a newer one under [hosting] tables"
                )
        return said

    def countries(self) -> list[Country]:
        """The countries that have addresses in the built-in table."""
        codes = (hosting.country(code) for code in self._shipped.countries)
        return [code for code in codes if code and code not in hosting.NO_COUNTRIES]

    def draw(self, country: Country, chance: random.Random) -> str:
        """A public IPv4 address registered in ``country``, drawn by chance.

        Raises:
            AddressInvalid: the built-in table has no such address.
        """
        ranges = self._shipped.ranges(country)
        for _ in range(200):
            if not ranges:
                break
            first, end = chance.choice(ranges)
            name = str(ipaddress.IPv4Address(chance.randrange(first, end)))
            found = self.locate(name)
            if found.country == country and not found.disputed:
                return name
        raise AddressInvalid(f"the address table has no public address registered in {country}")


def open_registry(extra: Sequence[Path] = ()) -> Registry:
    """The built-in tables and the files ``extra`` (MMDB or delegated-extended).

    Raises:
        TableInvalid: a file is no table that can be used; the detail names it.
        HomeUnusable: a file cannot be read.
    """
    shipped = _read(SHIPPED)
    tables: list[Table] = [_open(path) for path in extra]
    return Registry((*tables, _Registrations(shipped), _Geolocations()), shipped)


def _read(path: Path) -> AddressTable:
    with ours(path):
        content = path.read_bytes()
    return address_table.read(content)


def _open(path: Path) -> Table:
    with ours(path), path.open("rb") as file:
        begin = file.read(len(address_table.MAGIC))
    if begin == address_table.MAGIC:
        return _Registrations(_read(path))
    if path.suffix == ".mmdb":
        return _Mmdb(path)
    with ours(path):
        content = path.read_bytes()
    found = delegated.read(content)
    facts = Facts(source=path.name, licence="", as_of=found.as_of)
    return _Registrations(address_table.of(facts, found.ranges))


def build(out: Path, sources: Sequence[Path], facts: Facts) -> AddressTable:
    """Make a compact table from MMDB or delegated-extended files and write it to ``out``.

    Raises:
        TableInvalid: a source cannot be used, or two of them overlap; nothing is written.
    """
    ranges: list[Range] = []
    for path in sources:
        if path.suffix == ".mmdb":
            ranges.extend(_Mmdb(path).ranges())
        else:
            with ours(path):
                ranges.extend(delegated.read(path.read_bytes()).ranges)
    if not ranges:
        raise TableInvalid("the sources hold no addresses")
    table = address_table.of(facts, ranges)
    keep(out, address_table.write(table), mode=0o644)
    return table
