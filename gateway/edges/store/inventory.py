"""What every transaction wrote, row by row, so that an edit made behind our back is found.

Triggers that live in our connections alone tell which rows were written; at the end of the
transaction the digest of each goes into one list, and the list's digest into the journal as an
entry of the kind ``rows``. Whoever edits the file by other means leaves rows that differ from
the last digest the journal has of them. The law: every table is watched unless ``UNWATCHED``
says why not. Verbs: ``watch``, ``take``, ``state_all``, ``read``.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges import clock
from gateway.edges.store import schema as t
from gateway.errors import CheckFailed
from gateway.model import Noun

UNWATCHED: Final[Mapping[str, str]] = {
    "journal": "it is its own chain, and its head is signed",
    "inventory": "the digest of each of its lists stands in the journal",
    "journal_head": "it is signed",
}
"""The tables that have no digests in the journal, each with the reason."""
TOKENS: Final[Mapping[str, str]] = {"sent": "token", "received": "token"}
"""Columns that hold a SET: of these only the signature at the end is digested with the row.

What was signed is held by the column ``digest`` already, with which an audit compares it; to
digest every SET once more would cost as much as all the rest.
"""
TAIL: Final = 90
"""How many bytes at the end of a token are digested: a signature, its dot, and some before it."""

_PACK = msgspec.msgpack.Encoder()
SALT_BYTES: Final = 32
DIGEST_BYTES: Final = 16
"""How much of a row's digest is kept: nobody can look beforehand for two rows with one digest,
because the salt is drawn for each transaction."""

Key = tuple[object, ...]


class Part(Noun):
    """Columns of a table that share one digest a row; the key's columns come first.

    Of the last column only the end is digested where ``tail`` says so.
    """

    name: str
    table: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    tail: bool = False


class Line(Noun, array_like=True):
    """One row that was written: its part and key, packed; its digest, None where it is gone."""

    key: bytes
    digest: bytes | None


class Written(Noun, array_like=True):
    """The rows of one transaction. ``salt`` is the digest of the salt of every row's digest."""

    salt: bytes
    lines: tuple[Line, ...]


class Changed:
    """The rows that one transaction has written, each by the digest of what stands there now.

    Digests are made at once: to keep the rows until the end costs more than to digest one twice.
    """

    def __init__(self) -> None:
        self.salt = clock.random_bytes(SALT_BYTES)
        self.lines: dict[bytes, bytes | None] = {}

    def begin(self) -> None:
        """Begin anew, with a salt of its own."""
        self.salt = clock.random_bytes(SALT_BYTES)
        self.lines.clear()

    def written(self, part: int, *values: object) -> None:
        """Note a row as it stands now."""
        name = _NAMES[part]
        said = _PACK.encode((name, values))
        key = _PACK.encode((name, values[: _WIDTHS[part]]))
        self.lines[key] = hashlib.sha256(self.salt + said).digest()[:DIGEST_BYTES]

    def deleted(self, part: int, *key: object) -> None:
        """Note that a row is gone."""
        self.lines[_PACK.encode((_NAMES[part], key))] = None

    def erased(self, seq: int) -> None:
        """Note that an entry of the journal has lost its content."""
        self.deleted(len(PARTS), seq)


def _parts() -> Iterator[Part]:
    for table in t.metadata.sorted_tables:
        if table.name in UNWATCHED:
            continue
        keys = tuple(str(column.name) for column in table.primary_key.columns)
        token = TOKENS.get(table.name)
        names = [str(c.name) for c in table.columns if c.name not in {*keys, token}]
        columns = (*keys, *names, *([token] if token else []))
        name, tail = str(table.name), token is not None
        yield Part(name=name, table=name, keys=keys, columns=columns, tail=tail)


PARTS: Final = tuple(_parts())
ERASED: Final = "journal.content"
"""In place of a part: an entry of the journal, by its number, whose content was deleted."""
SHAPE: Final = hashlib.sha256(repr(PARTS).encode()).hexdigest()[:16]
"""Which columns are digested; another one means that every row has to be stated anew."""

_WRITTEN = msgspec.msgpack.Decoder(Written)
_NAME = msgspec.msgpack.Decoder(tuple[str, tuple[object, ...]])
_NAMES = (*(part.name for part in PARTS), ERASED)
_WIDTHS = tuple(len(part.keys) for part in PARTS)
_EACH = 20_000  # rows in one list, when all are stated


class Watched(sqlite3.Connection):
    """A connection that knows which rows its transaction has written."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)  # type: ignore[arg-type]
        self.changed = Changed()
        self.watching = False


def watch(connection: Watched) -> None:
    """Let ``connection`` note what it writes; its tables must be up to date."""
    # They hold on to the rows alone: a connection that its own functions hold would never end,
    # and leave its write-ahead log behind.
    connection.create_function("entente_written", -1, connection.changed.written)
    connection.create_function("entente_deleted", -1, connection.changed.deleted)
    connection.create_function("entente_erased", 1, connection.changed.erased)
    for statement in _TRIGGERS:
        connection.execute(statement).close()
    connection.watching = True


def _triggers() -> Iterator[str]:
    """Triggers that are no part of the file: one that somebody left out could not be missed."""
    yield (
        "CREATE TEMP TRIGGER entente_erased AFTER UPDATE OF content, salt ON main.journal"
        " BEGIN SELECT entente_erased(OLD.seq); END"
    )
    for table in dict.fromkeys(part.table for part in PARTS):
        parts = [(number, part) for number, part in enumerate(PARTS) if part.table == table]
        rows = "; ".join(f"SELECT {_call('written', 'NEW', n, p)}" for n, p in parts)
        gone = "; ".join(f"SELECT {_call('deleted', 'OLD', n, p)}" for n, p in parts)
        keys = parts[0][1].keys
        moved = " OR ".join(f'OLD."{key}" IS NOT NEW."{key}"' for key in keys)
        named = f'TEMP TRIGGER "entente_{table}'
        yield f'CREATE {named}_new" AFTER INSERT ON main."{table}" BEGIN {rows}; END'
        yield f'CREATE {named}_gone" AFTER DELETE ON main."{table}" BEGIN {gone}; END'
        yield (
            f'CREATE {named}_moved" AFTER UPDATE OF {_names(keys)} ON main."{table}"'
            f" WHEN {moved} BEGIN {gone}; {rows}; END"
        )
        for number, part in parts:
            columns = part.columns[len(part.keys) :]
            if columns:
                yield (
                    f'CREATE {named}_{number}" AFTER UPDATE OF {_names(columns)} ON main."{table}"'
                    f" BEGIN SELECT {_call('written', 'NEW', number, part)}; END"
                )


def _call(verb: str, row: str, number: int, part: Part) -> str:
    given = [f'{row}."{key}"' for key in part.keys] if verb == "deleted" else _values(part, row)
    return f"entente_{verb}({number}, {', '.join(given)})"


def _values(part: Part, row: str) -> list[str]:
    """What of a row is digested, as SQL."""
    given = [f'{row}."{column}"' for column in part.columns]
    if part.tail:
        given[-1] = f"substr({given[-1]}, -{TAIL})"
    return given


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


_TRIGGERS: Final = tuple(_triggers())


def digest(salt: bytes, part: str, values: Sequence[object]) -> bytes | None:
    """The digest of a row's columns; None where a value is of a kind that we never write."""
    try:
        return hashlib.sha256(salt + _PACK.encode((part, values))).digest()[:DIGEST_BYTES]
    except (TypeError, ValueError, OverflowError):
        return None


def take(changed: Changed) -> bytes:
    """The list of rows that a transaction has written, packed."""
    return _PACK.encode((salt_digest(changed.salt), list(changed.lines.items())))


def packed(part: str, key: Sequence[object]) -> bytes:
    """The name of a row as a list has it.

    Raises:
        CheckFailed: the key holds what no key of ours holds.
    """
    try:
        return _PACK.encode((part, key))
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckFailed(f"{part}: {error}") from error


def unpacked(name: bytes) -> tuple[str, Key]:
    """Part and key of a row; the mirror of ``packed``."""
    found: tuple[str, Key] = _NAME.decode(name)
    return found


def salt_digest(salt: bytes) -> bytes:
    """The digest under which the salt of a list stands in it."""
    return hashlib.sha256(salt).digest()


def list_digest(shape: str, lines: bytes) -> bytes:
    """The digest under which a list and the shape of its rows stand in the journal."""
    return hashlib.sha256(shape.encode("utf-8", "surrogateescape") + b"|" + lines).digest()


def read(lines: bytes) -> Written:
    """What stands in a list; the mirror of ``take``.

    Raises:
        CheckFailed: it is no such list.
    """
    try:
        return _WRITTEN.decode(lines)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise CheckFailed(f"the list of written rows cannot be read: {error}") from error


def select(part: Part) -> str:
    """The query for every row of a part, its key first."""
    values = ", ".join(_values(part, f'"{part.table}"'))
    return f'SELECT {values} FROM main."{part.table}"'  # noqa: S608 - names of ours


def stated(db: Connection) -> bool:
    """Whether the journal has a digest of every row in the present shape, or there are no rows."""
    i = t.inventory.c
    last = db.scalar(sa.select(i.shape).order_by(i.seq.desc()).limit(1))
    if last is not None:
        return bool(last == SHAPE)
    return not any(
        db.exec_driver_sql(f'SELECT EXISTS (SELECT 1 FROM "{part.table}")').scalar()  # noqa: S608
        for part in PARTS
    )


def state_all(db: Connection) -> Iterable[Changed]:
    """Every row there is, in lists of a bearable length."""
    for number, part in enumerate(PARTS):
        found = Changed()
        for row in db.exec_driver_sql(select(part)):
            found.written(number, *row)
            if len(found.lines) == _EACH:
                yield found
                found = Changed()
        if found.lines:
            yield found
