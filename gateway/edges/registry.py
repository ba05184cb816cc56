"""The address tables, joined into one answer: where is this address?

Built in are our compact table of registrations and the geolocation that geoip2fast ships; any
MMDB, delegated-extended file or compact table can stand beside them.
Law: an address is located the same way by everyone, and nothing is asked of the network.
Verbs: ``open_registry``, ``build``.
"""

import hashlib
import ipaddress
import random
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from pathlib import Path

from gateway import hosting
from gateway.edges.files import keep, ours
from gateway.edges.geolocations import Geolocations, open_geolocations
from gateway.edges.table_sources import (
    Registrations,
    Table,
    open_compact,
    open_table,
    ranges,
)
from gateway.errors import AddressInvalid, TableInvalid
from gateway.formats import address_table
from gateway.formats.address_table import AddressTable, Facts
from gateway.hosting import REGISTRATION
from gateway.model import Country, Hosting, Noun, evolve

SHIPPED = Path(__file__).parent / "tables" / "registrations.table"
OLD_DAYS = 90
"""From this age on a table of registrations warns: blocks change hands."""
CACHED = 8_192
"""How many addresses are remembered; about 1 kB each, and finding one anew costs some 15 us."""
LEAST_KEPT = 0.9
"""A new table with fewer blocks than this part of the old one's is refused: something is missing
from its sources."""
_DRAWS = 200


class Sources(Noun, frozen=True):
    """What a registry is opened from, beside what is built in. Goes to child processes as it is.

    ``tables`` are the paths of further tables, the most trusted first. ``cache`` is a directory
    of ours for what is decoded once and mapped by every process after; empty where there is none.
    """

    tables: tuple[str, ...] = ()
    cache: str = ""


class Registry:
    """Every table, joined. Made by ``open_registry``; safe to share between threads."""

    def __init__(self, tables: Sequence[Table], shipped: AddressTable) -> None:
        self.tables = tuple(tables)
        self.locate = lru_cache(maxsize=CACHED)(self._locate)
        self._shipped = shipped
        self._drawn: dict[tuple[str, int], list[tuple[int, int]]] = {}

    def _locate(self, address: str) -> Hosting:
        """Where ``address`` is hosted.

        Raises:
            AddressInvalid: it is no IP address.
            TableInvalid: a table turned out to be damaged.
        """
        found = hosting.parse(address)
        if hosting.special(found) is not None:
            return hosting.weigh(found, ())
        facts = [table.say(found) for table in self.tables]
        asn = next((fact.asn for fact in facts if fact.asn), None)
        # The number and the name of a network belong together: they come from one table.
        as_name = next((fact.as_name for fact in facts if fact.as_name), None)
        if asn is not None:
            as_name = next((fact.as_name for fact in facts if fact.asn == asn), None) or as_name
        claims = [fact.claim for fact in facts if fact.claim is not None]
        return hosting.weigh(found, claims, asn=asn, as_name=as_name)

    def load(self) -> None:
        """Read what is otherwise read when first needed.

        Raises:
            TableInvalid: a table turned out to be damaged.
        """
        for table in self.tables:
            if isinstance(table, Geolocations):
                table.load()

    def warnings(self, today: date) -> list[str]:
        """What an administrator should know of the age of the tables that decide."""
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

    def draw(self, country: Country, chance: random.Random, *, version: int = 4) -> str:
        """A public address registered in ``country`` and not disputed, drawn by chance.

        Args:
            country: which one.
            chance: the caller's source of randomness.
            version: of IP, 4 or 6.

        Raises:
            AddressInvalid: the built-in table has no such address.
        """
        blocks = self._drawn.get((country, version))
        if blocks is None:
            blocks = self._shipped.ranges(country, version)
            self._drawn[country, version] = blocks
        for _ in range(_DRAWS if blocks else 0):
            first, end = chance.choice(blocks)
            number = chance.randrange(first, end)
            if version == 4:
                name = str(ipaddress.IPv4Address(number))
            else:
                name = str(ipaddress.IPv6Address(number << 64 | chance.randrange(1 << 16)))
            found = self.locate(name)
            if found.country == country and not found.disputed:
                return name
        raise AddressInvalid(f"the address table has no public address registered in {country}")


def open_registry(sources: Sources | None = None, *, lazily: bool = False) -> Registry:
    """The built-in tables and those of ``sources`` (MMDB, delegated-extended or compact).

    Args:
        sources: further files, which speak before the built-in ones, and where to keep a cache.
        lazily: leave the largest table unread until an address is asked for. Not for a process
            that gives up its right to open files, nor for one that is about to fork.

    Raises:
        TableInvalid: a file is no table that can be used; the detail names it.
        HomeUnusable: a file cannot be read.
    """
    sources = sources or Sources()
    shipped = open_compact(SHIPPED, trusted=True)
    tables = [open_table(Path(name)) for name in sources.tables]
    geolocations = open_geolocations(Path(sources.cache) if sources.cache else None)
    registry = Registry((*tables, Registrations(shipped), geolocations), shipped)
    if not lazily:
        registry.load()
    return registry


def build(
    out: Path, sources: Sequence[Path], facts: Facts, *, may_shrink: bool = False
) -> AddressTable:
    """Make a compact table from MMDB or delegated-extended files and write it to ``out``.

    Where sources overlap the narrowest block speaks; of equal ones that of the file named first.

    Args:
        out: where it is written, whole or not at all.
        sources: the files, the most trusted first.
        facts: what the table says of itself; ``as_of`` is the date of the oldest source. The
            names and digests of the sources are added to ``made_by``.
        may_shrink: whether it may replace a table that is more than a tenth larger.

    Raises:
        TableInvalid: a source cannot be used, or too much is missing; nothing is written.
        HomeUnusable: a file cannot be read or written.
        StorageFull: there is no space left.
    """
    if _day(facts.as_of) is None:
        raise TableInvalid(f"{facts.as_of!r} is no date, and a table without one cannot grow old")
    found = list(address_table.narrowest(chain.from_iterable(ranges(path) for path in sources)))
    if not found:
        raise TableInvalid("the sources hold no addresses")
    made_by = f"{facts.made_by} from {', '.join(map(_named, sources))}"
    table = address_table.of(evolve(facts, made_by=made_by), found)
    if not may_shrink and out.exists():
        before = len(open_compact(out))
        if len(table) < before * LEAST_KEPT:
            raise TableInvalid(
                f"the new table has {len(table)} blocks and the one it replaces {before}",
                hint="look for a source that is missing or cut short; the old table is untouched",
            )
    keep(out, address_table.write(table), mode=0o644)
    return table


def _named(path: Path) -> str:
    """A source by name and digest, so that anyone can tell whether they have the same."""
    with ours(path), path.open("rb") as file:
        return f"{path.name} (SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()})"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
