"""The address tables, joined into one answer: where is this address?

Built in are our compact table of registrations and the geolocation that geoip2fast ships. A
table that the installation made for itself takes the place of the first; any MMDB,
delegated-extended file or compact table can stand beside them, and officers' decisions do.
Law: an address is located the same way by everyone, and nothing is asked of the network.
Verbs: ``open_registry``, ``Living.locate``.
"""

import ipaddress
import random
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

from gateway import hosting
from gateway.edges.clock import ticking
from gateway.edges.geolocations import Geolocations, open_geolocations
from gateway.edges.table_sources import (
    Registrations,
    Table,
    open_compact,
    open_table,
)
from gateway.errors import AddressInvalid, EntenteError
from gateway.formats.address_table import AddressTable
from gateway.hosting import REGISTRATION, STALE_DAYS, Decision, Decisions
from gateway.model import Country, Hosting, Noun

SHIPPED = Path(__file__).parent / "tables" / "registrations.table"
CACHED = 8_192
"""How many addresses are remembered; about 1 kB each, and finding one anew costs some 15 us."""
LOOK_SECONDS = 1.0
"""How often a process that goes on looks whether its tables or decisions have changed."""
_DRAWS = 200


class Sources(Noun, frozen=True):
    """What a registry is opened from, beside what is built in. Goes to child processes as it is.

    ``tables`` are the paths of further tables, the most trusted first. ``own`` is the path of the
    compact table that takes the place of the built-in one where it exists. ``cache`` is a
    directory of ours for what is decoded once and mapped by every process after. ``decisions``
    are those that hold now.
    """

    tables: tuple[str, ...] = ()
    own: str = ""
    cache: str = ""
    decisions: tuple[Decision, ...] = ()


class Registry:
    """Every table, joined. Made by ``open_registry``; safe to share between threads."""

    def __init__(
        self, tables: Sequence[Table], main: AddressTable, decisions: Sequence[Decision] = ()
    ) -> None:
        self.tables = tuple(tables)
        self.locate = lru_cache(maxsize=CACHED)(self._locate)
        self.main = main
        self._decisions = Decisions(decisions)
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
        decided = self._decisions.claim(found)
        if decided is not None:
            claims.insert(0, decided)
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
            if age > STALE_DAYS:
                said.append(
                    f"the address table {table.name} is {age} days old (from {table.as_of});"
                    " make a newer one: entente hosting update"
                )
        return said

    def countries(self) -> list[Country]:
        """The countries that have addresses in the main table."""
        codes = (hosting.country(code) for code in self.main.countries)
        return [code for code in codes if code and code not in hosting.NO_COUNTRIES]

    def draw(self, country: Country, chance: random.Random, *, version: int = 4) -> str:
        """A public address registered in ``country`` and not disputed, drawn by chance.

        Args:
            country: which one.
            chance: the caller's source of randomness.
            version: of IP, 4 or 6.

        Raises:
            AddressInvalid: the main table has no such address.
        """
        blocks = self._drawn.get((country, version))
        if blocks is None:
            blocks = self.main.ranges(country, version)
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
        sources: further files, which speak before the main table, and the rest of it.
        lazily: leave the largest table unread until an address is asked for. Not for a process
            that gives up its right to open files, nor for one that is about to fork.

    Raises:
        TableInvalid: a file is no table that can be used; the detail names it.
        HomeUnusable: a file cannot be read.
    """
    sources = sources or Sources()
    main = open_compact(main_table(sources), trusted=True)
    tables = [open_table(Path(name)) for name in sources.tables]
    geolocations = open_geolocations(Path(sources.cache) if sources.cache else None)
    registry = Registry((*tables, Registrations(main), geolocations), main, sources.decisions)
    if not lazily:
        registry.load()
    return registry


def main_table(sources: Sources) -> Path:
    """The compact table that ``sources`` are headed by: our own where there is one."""
    own = Path(sources.own)
    return own if sources.own and own.exists() else SHIPPED


Mark = tuple[int, int, int]


class Living:
    """A registry that follows its files and decisions while the process goes on.

    Tables are put in place whole (``files.keep``), and one that cannot be used leaves the one
    before in use, so nobody ever reads half of one. Safe to share between threads.

    Args:
        sources: says what to open, each time anew: the decisions may have changed.
    """

    def __init__(self, sources: Callable[[], Sources]) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._now = sources()
        self._marks = _marks(self._now)
        self.registry = open_registry(self._now)
        self._looked = ticking()

    def locate(self, address: str) -> Hosting:
        """Where ``address`` is hosted, by what stands there since a second ago at most.

        Raises:
            AddressInvalid: it is no IP address.
            TableInvalid: a table turned out to be damaged.
        """
        if ticking() - self._looked >= LOOK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._look()
                self._looked = ticking()
            finally:
                self._lock.release()
        return self.registry.locate(address)

    def _look(self) -> None:
        """Open everything again if something of it has changed."""
        try:
            sources = self._sources()
            marks = _marks(sources)
            if (sources, marks) == (self._now, self._marks):
                return
            self._now, self._marks = sources, marks
            self.registry = open_registry(sources)
        except EntenteError as error:
            sys.stderr.write(f"entente: the tables in use stay in use: {error}\n")


def _marks(sources: Sources) -> tuple[Mark | None, ...]:
    """What tells each file from the one that may take its place."""
    marks: list[Mark | None] = []
    for name in (*sources.tables, str(main_table(sources))):
        try:
            said = Path(name).stat()
        except OSError:
            marks.append(None)
            continue
        marks.append((said.st_ino, said.st_size, said.st_mtime_ns))
    return tuple(marks)
