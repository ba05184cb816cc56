"""A fresh table of registrations takes the place of the one in use, and the journal says so.

The law: a table that is broken, or that lost much of what the one in use has, changes nothing.
Verb: ``renew``.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from gateway.edges import table_making
from gateway.edges.store import ledger
from gateway.edges.store.records import micros
from gateway.errors import TableInvalid
from gateway.exchange.gateway import Gateway
from gateway.exchange.intake import SALT_BYTES
from gateway.formats import address_table
from gateway.model import Noun

MOST_AHEAD_DAYS = 2
"""A file is dated by the day of its registry, which begins up to a day before ours."""


class Renewed(Noun):
    """The new table: its date, what it was made of, and what it takes the place of."""

    source: str
    as_of: str
    records: int
    blocks: int
    blocks_before: int
    as_of_before: str
    remarks: tuple[str, ...]
    previous: str | None


def renew(gateway: Gateway, own: Path, files: Sequence[Path], accepted: str = "") -> Renewed:
    """Make a table of ``files`` and put it in the place of the one in use.

    Args:
        gateway: our own.
        own: where the installation's own table stands, or shall stand.
        files: the five registries' delegated-extended files, an MMDB of registrations, or a
            compact table.
        accepted: why a table is taken although much is missing from it; empty where it is not.

    Raises:
        TableInvalid: a file is broken or from the future, or too much is missing.
        HomeUnusable, StorageFull: the system refuses. The table in use stays in use in any case.
    """
    before = table_making.in_use(own)
    table, made = table_making.made(files)
    ahead = (date.fromisoformat(made.facts.as_of) - gateway.now().date()).days
    if ahead > MOST_AHEAD_DAYS:
        raise TableInvalid(f"{made.facts.as_of}, the date of these files, is still to come")
    if not accepted:
        table_making.refuse_missing(made)
        table_making.refuse_shrunken(table, before)
    content = address_table.write(table)
    said = {
        "source": made.facts.source,
        "as_of": made.facts.as_of,
        "made_by": made.facts.made_by,
        "records": made.records,
        "accepted": accepted,
        "before": {"source": before.facts.source, "as_of": before.facts.as_of},
    }
    with gateway.store.write() as db:
        ledger.append(db, micros(gateway.now()), "tables-renewed", said, gateway.draw(SALT_BYTES))
        # What the journal says is kept only if the table stands, which needs one rename.
        previous = table_making.put(own, content)
    return Renewed(
        source=made.facts.source,
        as_of=made.facts.as_of,
        records=made.records,
        blocks=table.records,
        blocks_before=before.records,
        as_of_before=before.facts.as_of,
        remarks=made.remarks,
        previous=str(previous) if previous else None,
    )
