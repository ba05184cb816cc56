"""The journal's rows: appended under the writer's lock, read back in order."""

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.journal import Entry, enter


def last(db: Connection) -> Entry | None:
    """The newest entry."""
    row = (
        db.execute(sa.select(t.journal).order_by(t.journal.c.seq.desc()).limit(1))
        .mappings()
        .first()
    )
    return Entry(**row) if row else None


def append(db: Connection, at: int, kind: str, content: object, salt: bytes) -> Entry:
    """Enter ``content`` (anything that JSON can say) as what happened at ``at`` microseconds."""
    entry = enter(last(db), at, kind, msgspec.json.encode(content, order="sorted"), salt)
    keep(db, entry)
    return entry


def keep(db: Connection, entry: Entry) -> None:
    """Write ``entry``, which follows the newest one."""
    db.execute(t.journal.insert(), [msgspec.structs.asdict(entry)])


def entries(db: Connection) -> Iterator[Entry]:
    """Every entry, oldest first."""
    query = sa.select(t.journal).order_by(t.journal.c.seq)
    for row in db.execute(query, execution_options={"yield_per": 1000}).mappings():
        yield Entry(**row)
