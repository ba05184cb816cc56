"""Compact tables made from the registries' files, an MMDB or another compact table.

The law: a source that cannot be used is named and refused, nothing is written unless all of it
is, and a table that lost a tenth of what the old one had is refused unless a person says why.
Verbs: ``build``, ``made``, ``put``.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from gateway.edges.files import PRIVATE_DIRECTORY, keep, ours
from gateway.edges.registry import Sources, main_table
from gateway.edges.table_sources import Material, material, open_compact
from gateway.errors import TableInvalid
from gateway.formats import address_table, delegated
from gateway.formats.address_table import AddressTable, Facts, Range
from gateway.model import Noun, evolve

LEAST_KEPT = 0.9
"""A new table with less than this part of what the old one has is refused: something is missing
from its sources."""
PREVIOUS = "previous.table"
"""The name under which the table that was in use before is kept."""
_MD5 = re.compile(r"\b[0-9a-fA-F]{32}\b")
_MOST_MD5 = 10_000


class Made(Noun):
    """A new table: how many records it was made of, and what a person should know of it."""

    facts: Facts
    records: int
    registries: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def build(
    out: Path, sources: Sequence[Path], facts: Facts, *, may_shrink: bool = False
) -> AddressTable:
    """Make a compact table and write it to ``out``, whole or not at all.

    Args:
        out: where it is written.
        sources: the files, the most trusted first.
        facts: what the table says of itself, as for ``made``.
        may_shrink: whether it may replace a table that is more than a tenth larger.

    Raises:
        TableInvalid: a source cannot be used, or too much is missing; nothing is written.
        HomeUnusable: a file cannot be read or written.
        StorageFull: there is no space left.
    """
    table, _ = made(sources, facts)
    if not may_shrink and out.exists():
        refuse_shrunken(table, open_compact(out))
    keep(out, address_table.write(table), mode=0o644)
    return table


def made(sources: Sequence[Path], facts: Facts | None = None) -> tuple[AddressTable, Made]:
    """A table of what ``sources`` hold.

    Where they overlap the narrowest block speaks; of equal ones that of the newer source, of
    equally new ones that of the source named first.

    Args:
        sources: the files, the most trusted first.
        facts: what the table says of itself; without it that is taken from the sources. The
            names and digests of the sources are added to ``made_by``.

    Raises:
        TableInvalid: a source cannot be used, or does not agree with the MD5 beside it.
        HomeUnusable: a file cannot be read.
    """
    if facts is not None and _day(facts.as_of) is None:
        raise TableInvalid(f"{facts.as_of!r} is no date, and a table without one cannot grow old")
    for path in sources:
        _agree(path)
    opened = [material(path) for path in sources]
    facts = facts or _facts(opened)
    register = all(one.registries for one in opened)
    made_by = f"{facts.made_by or 'entente hosting'} from {', '.join(map(_named, sources))}"
    facts = evolve(facts, made_by=made_by, register=register)
    newest_first = sorted(opened, key=lambda one: one.as_of, reverse=True)
    seen: Counter[str] = Counter()
    found = list(address_table.narrowest(_counted(newest_first, seen)))
    if not found:
        raise TableInvalid("the sources hold no addresses")
    table = address_table.of(facts, found, apart=register)
    said = tuple(f"{o.name} ({o.as_of or 'no date'}): {seen[o.name]} records" for o in opened)
    registries = {registry for one in opened for registry in one.registries}
    return table, Made(
        facts=facts,
        records=sum(seen.values()),
        registries=tuple(sorted(registries)),
        remarks=said,
    )


def _counted(opened: Sequence[Material], seen: "Counter[str]") -> Iterator[Range]:
    for one in opened:
        for found in one.ranges:
            seen[one.name] += 1
            yield found


def _facts(opened: Sequence[Material]) -> Facts:
    """What a table says of itself where nobody says it for it: its date is the oldest one."""
    undated = [one.name for one in opened if _day(one.as_of) is None]
    if undated:
        raise TableInvalid(
            f"{', '.join(undated)} has no date, and a table without one cannot grow old"
        )
    named = ", ".join(" ".join(one.registries) or one.name for one in opened)
    return Facts(source=named, licence="", as_of=min(one.as_of for one in opened))


def refuse_missing(new: Made) -> None:
    """Refuse a table of the registries' own files that leaves one of the five out.

    Raises:
        TableInvalid: one is missing; the smallest one's addresses would not be missed by number.
    """
    missing = sorted(set(delegated.FIVE) - set(new.registries))
    if new.facts.register and missing:
        raise TableInvalid(
            f"there is no file of {', '.join(missing)}: addresses given there would be unknown",
            hint="name the files of all five registries",
        )


def refuse_shrunken(new: AddressTable, old: AddressTable) -> None:
    """Refuse a table with more than a tenth fewer records or addresses than the old one.

    Records are compared only between tables of one making: what is one block to a registry can
    be many to a table that follows whois into it.

    Raises:
        TableInvalid: it is so.
    """
    hint = "look for a source that is missing or cut short; the old table is untouched"
    alike = new.facts.register == old.facts.register
    if alike and new.records < old.records * LEAST_KEPT:
        raise TableInvalid(
            f"the new table has {new.records} blocks and the one it replaces {old.records}",
            hint=hint,
        )
    before, after = old.covered(), new.covered()
    for version, most in before.items():
        if after[version] < most * LEAST_KEPT:
            raise TableInvalid(
                f"the new table knows {after[version] / most:.0%} of the IPv{version} addresses"
                " that the one it replaces knows",
                hint=hint,
            )


def _agree(path: Path) -> None:
    """Compare a source with the MD5 that stands in a file beside it, as registries publish one.

    Raises:
        TableInvalid: they differ, or the file beside it holds none.
    """
    beside = path.with_name(f"{path.name}.md5")
    if not beside.exists():
        return
    with ours(beside), beside.open("rb") as file:
        text = file.read(_MOST_MD5).decode("ascii", "replace")
    wanted = _MD5.search(text)
    if wanted is None:
        raise TableInvalid(f"{beside} holds no MD5")
    if digest(path, "md5") != wanted[0].lower():
        raise TableInvalid(
            f"{path} is not the file that {beside.name} speaks of: their MD5 differ",
            hint="fetch both again",
        )


def _named(path: Path) -> str:
    """A source by name and digest, so that anyone can tell whether they have the same."""
    return f"{path.name} (SHA-256 {digest(path)})"


def digest(path: Path, kind: str = "sha256") -> str:
    """The digest of a file, in hex.

    Raises:
        HomeUnusable: it cannot be read.
    """
    with ours(path), path.open("rb") as file:
        # MD5 is what registries publish; it tells a damaged file, not a forged one.
        return hashlib.file_digest(
            file, lambda: hashlib.new(kind, usedforsecurity=False)
        ).hexdigest()


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def in_use(own: Path) -> AddressTable:
    """The table that an installation uses now: its own, or the built-in one.

    Raises:
        TableInvalid: it is damaged.
        HomeUnusable: it cannot be read.
    """
    return open_compact(main_table(Sources(own=str(own))))


def put(own: Path, content: bytes) -> Path | None:
    """Put a table, as bytes, in the place of an installation's own one, in one step.

    The one before is kept beside it; where that is comes out, None if there was none.

    Raises:
        StorageFull, HomeUnusable: the table in use is as before.
    """
    with ours(own):
        own.parent.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        before = own.read_bytes() if own.exists() else None
    previous = own.with_name(PREVIOUS)
    if before is not None:
        keep(previous, before)
    keep(own, content)
    return previous if before is not None else None
