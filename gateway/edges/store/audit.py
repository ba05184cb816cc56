"""The database held against its journal: every edit that was not made by us is found and named.

It opens the file for reading only, past the rest of the program and without bringing it up to
date, so that an auditor may use it on a copy, and a damaged value stops nothing. Every row is
compared with the last digest that the journal has of it, whatever the row means. Verb: ``audit``.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from gateway import journal
from gateway.edges.store import inventory
from gateway.edges.store.inventory import PARTS, Part
from gateway.edges.store.notary import OUTSIDE, unpack
from gateway.errors import CheckFailed, StoreUnusable
from gateway.journal import Entry, Fault, Head
from gateway.model import Noun
from gateway.trust import PublicJwk

MOST_FAULTS: Final = 1_000
"""How many faults are named; beyond that the whole is another database."""
_TEMPORARY = (
    "PRAGMA synchronous=OFF",
    "CREATE TABLE last (name BLOB PRIMARY KEY, digest BLOB, seq INTEGER) WITHOUT ROWID",
    "CREATE TABLE salt (seq INTEGER PRIMARY KEY, salt BLOB)",
)


class Audited(Noun):
    """What an audit found: faults, and how much was looked at.

    ``outside`` says whether there was a head beside the database to compare with.
    """

    faults: tuple[Fault, ...]
    entries: int
    rows: int
    head: Head | None
    outside: bool


def audit(path: Path, keys: Mapping[str, PublicJwk]) -> Audited:
    """Hold the database at ``path`` against its journal, and the journal against its heads.

    Args:
        path: the database file; ``journal.head`` beside it is looked at where it exists.
        keys: the log keys that are believed, by ``kid``.

    Raises:
        StoreUnusable: it cannot be read as a database with a journal.
    """
    try:
        with closing(_reading(path)) as db, closing(sqlite3.connect("")) as work:
            for statement in _TEMPORARY:
                work.execute(statement).close()
            db.execute("BEGIN")
            found = _Audit(db, work, dict(keys), path.with_name(OUTSIDE))
            return found.run()
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} cannot be examined: {error}") from error


def tokens_of(path: Path, issuer: str) -> list[bytes]:
    """Every entity statement of ``issuer`` that the database at ``path`` holds.

    Raises:
        StoreUnusable: it cannot be read.
    """
    query = "SELECT token FROM statement WHERE peer = ? ORDER BY issued_at"
    try:
        with closing(_reading(path)) as db:
            return [bytes(token) for (token,) in db.execute(query, [issuer])]
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise StoreUnusable(f"{path} cannot be examined: {error}") from error


def head_of(path: Path) -> str:
    """Whose journal the database at ``path`` says that it holds; nothing is verified.

    Raises:
        StoreUnusable: it cannot be read, or says nothing.
    """
    try:
        with closing(_reading(path)) as db:
            found = db.execute("SELECT token FROM journal_head").fetchall()
    except sqlite3.Error as error:
        raise StoreUnusable(f"{path} cannot be examined: {error}") from error
    issuer = journal.issuer_of(_bytes(found[0][0])) if found else ""
    if not issuer:
        raise StoreUnusable(f"{path} holds no signed head of a journal")
    return issuer


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing and takes every text, even one that is none."""
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    db.isolation_level = None
    db.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return db


class _Audit:
    """One audit of one database."""

    def __init__(
        self,
        db: sqlite3.Connection,
        work: sqlite3.Connection,
        keys: dict[str, PublicJwk],
        outside: Path,
    ) -> None:
        self._db, self._work, self._keys, self._outside = db, work, keys, outside
        self._faults: list[Fault] = []
        self._heads: dict[int, tuple[bytes, bytes]] = {}
        self._frontier: tuple[bytes, ...] = ()
        self._number = 0
        self._last: Entry | None = None
        self._wanted: set[int] = set()
        self._erased: set[int] = set()

    def run(self) -> Audited:
        """Examine the journal, then its heads, then every row."""
        signed, packed = self._signed()
        outside = self._kept_outside()
        self._wanted = {head.size for head in (signed, outside) if head is not None}
        for fault in journal.follow(self._entries()):
            self._fault(fault.where, fault.kind, fault.words)
        self._stray()
        last = self._last.seq if self._last else 0
        self._compare(signed, last, "the signed head in the database")
        self._compare(outside, last, f"the signed head in {OUTSIDE}")
        if signed is not None and signed.size < last:
            where = f"journal entries {signed.size + 1} to {last}"
            self._fault(where, "added", f"{where} were added behind the last signed head")
        if signed is not None and signed.size == last and unpack(packed) != self._frontier:
            self._fault("journal_head", "altered", "the tree kept for the next head was altered")
        rows = 0
        if self._faults:
            # What the journal says of the rows is worth something only if the journal holds.
            words = "the rows were not compared, because the journal does not hold"
            self._fault("rows", "unknown", words)
        else:
            rows = sum(self._rows(part) for part in PARTS)
            self._gone()
            for part in PARTS:
                if part.tail:
                    self._tokens(part)
        return Audited(
            faults=tuple(self._faults[:MOST_FAULTS]),
            entries=last,
            rows=rows,
            head=signed,
            outside=outside is not None,
        )

    def _fault(self, where: str, kind: str, words: str) -> None:
        if len(self._faults) < MOST_FAULTS:
            self._faults.append(Fault(where=where, kind=kind, words=words))

    # The journal and its heads.

    def _signed(self) -> tuple[Head | None, bytes]:
        found = self._db.execute("SELECT size, frontier, token FROM journal_head").fetchall()
        if len(found) != 1:
            words = f"there are {len(found)} signed heads of the journal instead of one"
            self._fault("journal_head", "removed" if not found else "added", words)
            return None, b""
        size, packed, token = found[0]
        try:
            head = journal.read_head(_bytes(token), self._keys)
        except CheckFailed as error:
            self._fault("journal_head", "altered", str(error))
            return None, b""
        if head.size != size:
            words = f"it says {size!r}, and the signed head in it {head.size}"
            self._fault("journal_head", "altered", words)
        return head, _bytes(packed)

    def _kept_outside(self) -> Head | None:
        if not self._outside.exists():
            return None
        try:
            return journal.read_head(self._outside.read_bytes(), self._keys)
        except (CheckFailed, OSError) as error:
            self._fault(OUTSIDE, "altered", f"{OUTSIDE}: {error}")
            return None

    def _entries(self) -> Iterator[Entry]:
        """The journal's entries; on their way their lists are read and the tree is grown."""
        query = (
            "SELECT j.seq, j.at, j.kind, j.content, j.salt, j.digest, j.head,"
            " i.seq, i.shape, i.salt, i.lines"
            " FROM journal j LEFT JOIN inventory i ON i.seq = j.seq ORDER BY j.seq"
        )
        for row in self._db.execute(query):
            try:
                entry = msgspec.convert(
                    dict(zip(Entry.__struct_fields__, row[:7], strict=True)), Entry
                )
            except msgspec.ValidationError:
                where = f"journal entry {row[0]}"
                self._fault(where, "altered", f"{where} holds what no entry holds")
                continue
            if entry.kind == journal.ROWS:
                self._list(entry, row[7:])
            elif entry.content is None:
                self._erased.add(entry.seq)
            self._frontier = journal.grow(self._frontier, self._number, [entry.head])
            self._number += 1
            if entry.seq in self._wanted:
                self._heads[entry.seq] = entry.head, journal.root(self._frontier)
            self._last = entry
            yield entry

    def _list(self, entry: Entry, row: tuple[object, ...]) -> None:
        """Take over what the list of an entry says of rows: the last that is said holds."""
        where = f"inventory {entry.seq}"
        seq, shape, salt, lines = row
        if seq is None:
            self._fault(where, "removed", f"{where}: the list of the rows written is missing")
            return
        listed = isinstance(shape, str) and isinstance(lines, bytes)
        if not listed or inventory.list_digest(str(shape), _bytes(lines)) != entry.digest:
            self._fault(where, "altered", f"{where}: the list is not what its digest says")
            return
        written = inventory.read(_bytes(lines))
        if salt is not None and inventory.salt_digest(_bytes(salt)) != written.salt:
            self._fault(where, "altered", f"{where}: the salt is not what its digest says")
            return
        self._work.execute("INSERT INTO salt VALUES (?, ?)", [entry.seq, salt]).close()
        said = [(line.key, line.digest, entry.seq) for line in written.lines]
        self._work.executemany("INSERT OR REPLACE INTO last VALUES (?, ?, ?)", said).close()

    def _stray(self) -> None:
        """Lists that no entry of the journal stands for."""
        query = (
            "SELECT seq FROM inventory WHERE seq NOT IN (SELECT seq FROM journal WHERE kind = ?)"
        )
        for (seq,) in self._db.execute(query, [journal.ROWS]):
            words = f"inventory {seq}: there is no journal entry for this list"
            self._fault(f"inventory {seq}", "added", words)

    def _compare(self, head: Head | None, last: int, name: str) -> None:
        if head is None:
            return
        if head.size > last:
            where = f"journal entries {last + 1} to {head.size}"
            words = f"the journal was cut short: {name} stands behind entry {head.size}, and"
            self._fault(where, "cut", f"{words} the journal ends at {last}")
        elif self._heads.get(head.size) != (head.head, head.root):
            words = f"{name} is not that of entry {head.size}: the journal was written anew"
            self._fault(f"journal entry {head.size}", "fork", words)

    # The rows.

    def _rows(self, part: Part) -> int:
        """Compare every row of a part; how many there are."""
        number, width = 0, len(part.keys)
        take = "DELETE FROM last WHERE name = ? RETURNING digest, seq"
        for row in self._db.execute(inventory.select(part)):
            number += 1
            try:
                name = inventory.packed(part.name, row[:width])
            except CheckFailed:
                name = b""
            said = self._work.execute(take, [name]).fetchone()
            if said is None or said[0] is None:
                self._name(part.name, row[:width], "added", "is not known to the journal")
                continue
            salt = self._salt(said[1])
            if salt is None or inventory.digest(salt, part.name, row) != said[0]:
                words = f"is not what was written last (journal entry {said[1]})"
                self._name(part.name, row[:width], "altered", words)
        return number

    def _name(self, part: str, key: tuple[object, ...], kind: str, words: str) -> None:
        where = " ".join([part, *(_shown(value) for value in key)])
        self._fault(where, kind, f"{where} {words}")

    def _salt(self, seq: int) -> bytes | None:
        return _salt_of(self._work, seq)

    def _gone(self) -> None:
        """What the journal knows and the tables do not have: rows, and contents of entries."""
        erased = set()
        for name, digest, seq in self._work.execute("SELECT name, digest, seq FROM last"):
            part, key = inventory.unpacked(name)
            if part == inventory.ERASED:
                erased.add(key[0])
            elif digest is not None:
                self._name(part, key, "removed", f"is missing (written in journal entry {seq})")
        for seq in sorted(self._erased - erased):
            where = f"journal entry {seq}"
            self._fault(where, "removed", f"{where}: its content was removed, not purged")

    def _tokens(self, part: Part) -> None:
        """Compare what was signed with the digest beside it; its signature was compared before."""
        keys = ", ".join(f'"{key}"' for key in part.keys)
        column = part.columns[-1]
        query = f'SELECT {keys}, digest, "{column}" FROM main."{part.table}"'  # noqa: S608 - ours
        for *key, digest, token in self._db.execute(f'{query} WHERE "{column}" IS NOT NULL'):
            signed, dot, _ = _bytes(token).rpartition(b".")
            if not dot or hashlib.sha256(signed).digest() != digest:
                self._name(part.name, tuple(key), "altered", "is not what its digest says")


@lru_cache(maxsize=4096)
def _salt_of(work: sqlite3.Connection, seq: int) -> bytes | None:
    found = work.execute("SELECT salt FROM salt WHERE seq = ?", [seq]).fetchone()
    return found[0] if found else None


def _bytes(value: object) -> bytes:
    """A value as bytes; nothing where it is something else, which fits no digest."""
    return value if isinstance(value, bytes) else b""


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else ascii(value).strip("'")
