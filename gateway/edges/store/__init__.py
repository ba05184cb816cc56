"""The database: opened, asserted, migrated; one transaction at a time (DESIGN section 5).

``open_store`` refuses a database that is newer than this program, or one that would lose what
it acknowledged: SQLite runs in WAL mode with ``synchronous=FULL``, and that is read back.
``Store.write`` gives a connection in a write transaction, ``Store.read`` in a snapshot; what
the tables mean stands in the modules beside this one. What a transaction wrote is entered in the
journal before it ends, and the journal's head is signed. Only ``errors`` leave.
"""

import importlib
import sqlite3
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.edges.store import inventory
from gateway.edges.store.inventory import Watched
from gateway.edges.store.notary import Notary
from gateway.errors import OurError, StorageFull, StoreUnusable

FULL = 2
"""SQLite's number for ``synchronous=FULL``: NORMAL loses acknowledged commits on a power cut."""
BUSY_SECONDS = 30
"""How long a writer waits for another one before it gives up."""


class Store:
    """An open database. Made by ``open_store``; safe to share between threads."""

    def __init__(self, engine: Engine, path: Path, notary: Notary) -> None:
        self._engine = engine
        self._notary = notary
        self.path = path
        # A command ends without closing anything; this still writes down how far it came.
        weakref.finalize(self, notary.keep_outside, at_once=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in one write transaction: all of it is kept, or nothing.

        Raises:
            StorageFull: there is no space left; nothing of the transaction was kept.
            StoreUnusable: the database failed in another way; nothing was kept.
        """
        with _ours(), self._engine.connect() as connection:
            watched, signed = _watched(connection), None
            with connection.begin():
                yield connection
                if connection.in_transaction():
                    signed = self._notary.close(connection, watched.changed)
        self._notary.keep_outside(signed)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in one snapshot, for reading only.

        Raises:
            StoreUnusable: the database failed.
        """
        with _ours(), self._engine.connect() as connection:
            reading = connection.execution_options(reading=True)
            with reading.begin():
                yield reading

    def sound(self) -> list[str]:
        """What the database's own integrity check finds wrong, in its words; empty if nothing."""
        with self.read() as connection:
            rows = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        return [str(row) for row in rows if row != "ok"]

    def octets(self) -> int:
        """Bytes of the database file."""
        with self.read() as db:
            pages = db.exec_driver_sql("PRAGMA page_count").scalar()
            size = db.exec_driver_sql("PRAGMA page_size").scalar()
        return int(str(pages)) * int(str(size))

    def empty_log(self) -> bool:
        """Move everything from the write-ahead log into the database, and cut the log to nothing.

        Returns:
            whether it is empty now; a long reader may keep it, then the next call does it.
        """
        self._outside("PRAGMA wal_checkpoint(PASSIVE)")  # Most of it, while others write.
        busy = self._outside("PRAGMA wal_checkpoint(TRUNCATE)")
        return busy == 0

    def rebuild(self) -> None:
        """Write the whole database anew, so that no page holds a trace of what was deleted.

        Writers wait meanwhile, and as much space again is needed for that time.

        Raises:
            StorageFull: there is not enough space; the database is as before.
            StoreUnusable: somebody else is writing for too long.
        """
        self._outside("VACUUM")

    def _outside(self, order: str) -> object:
        """Carry out what can stand in no transaction; the first value of its answer."""
        connection = self._engine.raw_connection()
        try:
            with _ours(), _spoken():
                row = connection.cursor().execute(order).fetchone()
        finally:
            connection.close()
        return row[0] if row else None

    def close(self) -> None:
        """Let go of every connection, and keep the newest signed head outside."""
        self._notary.keep_outside(at_once=True)
        self._engine.dispose()

    def state(self) -> None:
        """Enter every row in the journal, where it has digests of other columns or none yet.

        That is so once after an upgrade; what was edited before that is not found.
        """
        with self.read() as connection:
            if inventory.stated(connection):
                return
        signed = None
        with self.write() as connection:
            if not inventory.stated(connection):
                for changed in inventory.state_all(connection):
                    signed = self._notary.close(connection, changed) or signed
        self._notary.keep_outside(signed, at_once=True)


def _watched(connection: Connection) -> Watched:
    """The connection beneath, which from now on notes what it writes; outside a transaction."""
    beneath = cast("Watched", connection.connection.dbapi_connection)
    if not beneath.watching:
        inventory.watch(beneath)
    beneath.changed.begin()
    return beneath


@contextmanager
def _ours() -> Iterator[None]:
    """Turn what the database raises into errors of ours."""
    try:
        yield
    except DBAPIError as error:
        if "full" in str(error.orig).lower():
            raise StorageFull(
                "the database could not grow: the disk is full",
                hint="free some space and run the same command again; nothing was lost",
            ) from error
        raise StoreUnusable(f"the database refused: {error.orig}") from error
    except SQLAlchemyError as error:
        raise StoreUnusable(f"the database refused: {error}") from error


@contextmanager
def _spoken() -> Iterator[None]:
    """What the driver says outside of SQLAlchemy's care, said as SQLAlchemy would."""
    try:
        yield
    except sqlite3.Error as error:
        raise DBAPIError(None, None, error) from error


def open_store(path: Path, *, create: bool = False, notary: Notary | None = None) -> Store:
    """Open the SQLite database at ``path``, bringing an older one up to date.

    Args:
        path: the database file.
        create: whether a missing database may be made.
        notary: who signs the journal's head; without one it stays unsigned.

    Raises:
        StoreUnusable: no database, a newer one, or one that does not keep what it commits.
        StorageFull: there is no space to bring it up to date.
    """
    if not create and not path.exists():
        raise StoreUnusable(
            f"there is no database at {path}", hint="restore it from a backup, or run entente init"
        )
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        connect_args={
            "timeout": BUSY_SECONDS,
            "check_same_thread": False,
            "factory": Watched,
        },
        pool_size=8,
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    try:
        with _ours():
            _migrate(engine, path)
            _assert_full(engine)
        store = Store(engine, path, notary or Notary())
        store.state()
    except OurError:
        engine.dispose()
        raise
    return store


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Make a new connection durable, and leave the opening of transactions to us."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute("PRAGMA cache_size=-16384")
    # A row that another one replaces is deleted: without this its trigger would not say so.
    cursor.execute("PRAGMA recursive_triggers=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A writer takes its lock at once, so that it never fails half-way for want of it."""
    reading = connection.get_execution_options().get("reading")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _assert_full(engine: Engine) -> None:
    with engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    if mode != "wal" or level is None or int(str(level)) < FULL:
        raise StoreUnusable(
            f"the database would lose acknowledged data (journal {mode}, synchronous {level})",
            hint="the file system must support SQLite's write-ahead log; network shares do not",
        )


def _migrate(engine: Engine, path: Path) -> None:
    """Bring the database up to date; where it is, Alembic is not even loaded.

    Loading it takes longer than most commands need for their work.
    """
    with engine.connect() as connection:
        revision = None
        if sa.inspect(connection).has_table("alembic_version"):
            query = "SELECT version_num FROM alembic_version"
            revision = connection.exec_driver_sql(query).scalar()
    if revision != newest():
        importlib.import_module("gateway.edges.store.migrate").upgrade(engine, path)


def newest() -> str:
    """The revision that this program brings a database to: the number of its last migration."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return max(file.name[:4] for file in versions.glob("[0-9]*.py"))
