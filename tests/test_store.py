"""The database keeps what it acknowledged: killed, filled up, newer, altered, or interrupted."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from gateway import app
from gateway.edges.store import Store, open_store, schema
from gateway.edges.store.streams import Place, place, set_place
from gateway.errors import StorageFull, StoreUnusable
from gateway.exchange import intake
from gateway.exchange.examine import examine
from gateway.model import PeerId
from tests.simulator import World, address, mail, registry, texts

PEER = PeerId("https://peer.example.org")
KILLS = 10


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    """An empty database."""
    made = open_store(tmp_path / "entente.db", create=True)
    yield made
    made.close()


@contextmanager
def every_connection(*orders: str) -> Iterator[None]:
    """Give every connection these orders before it is used."""

    def order(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        for one in orders:
            connection.execute(one).close()

    sa.event.listen(sa.pool.Pool, "checkout", order)
    try:
        yield
    finally:
        sa.event.remove(sa.pool.Pool, "checkout", order)


def test_every_connection_is_durable(store):
    with ExitStack() as open_ones:
        open_ones.enter_context(store.write())
        for _ in range(4):
            db = open_ones.enter_context(store.read())
            assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_database_that_would_lose_commits_is_refused(tmp_path):
    with (
        every_connection("PRAGMA synchronous=NORMAL"),
        pytest.raises(StoreUnusable, match="synchronous 1") as caught,
    ):
        open_store(tmp_path / "entente.db", create=True)
    assert caught.value.hint


def test_a_database_of_a_newer_revision_is_refused(tmp_path):
    path = tmp_path / "entente.db"
    open_store(path, create=True).close()
    db = sqlite3.connect(path)
    db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.commit()
    db.close()
    with pytest.raises(StoreUnusable, match=r"newer version.*9999") as caught:
        open_store(path)
    assert caught.value.hint


def test_a_missing_database_is_not_made_by_chance(tmp_path):
    with pytest.raises(StoreUnusable, match="no database") as caught:
        open_store(tmp_path / "entente.db")
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_refused(tmp_path):
    path = tmp_path / "entente.db"
    path.write_bytes(b"not a database at all, only some text" * 100)
    with pytest.raises(StoreUnusable):
        open_store(path)


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "a b", "a&b=c", "\u00e9"])
def test_a_home_may_have_any_name(tmp_path, name):
    (tmp_path / name).mkdir()
    path = tmp_path / name / "entente.db"
    open_store(path, create=True).close()
    open_store(path).close()
    assert path.is_file()
    assert [found.name for found in tmp_path.iterdir()] == [name]


def test_the_migrations_make_the_tables_of_the_schema(store, tmp_path):
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(tmp_path / "entente.db")))
    with engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), schema.metadata) == []
    engine.dispose()


def test_a_transaction_that_raises_keeps_nothing(store):
    def failing() -> None:
        with store.write() as db:
            set_place(db, PEER, "in", Place(number=7))
            raise KeyError("on purpose")

    with pytest.raises(KeyError):
        failing()
    with store.write() as db:
        assert place(db, PEER, "in") == Place()


def test_a_transaction_that_breaks_a_rule_of_the_tables_keeps_nothing(store):
    def failing() -> None:
        with store.write() as db:
            set_place(db, PEER, "in", Place(number=7))
            db.execute(schema.setting.insert(), [{"name": "one", "value": "1"}] * 2)

    with pytest.raises(StoreUnusable):
        failing()
    with store.read() as db:
        assert place(db, PEER, "in") == Place()


def test_a_reader_sees_one_moment_while_a_writer_goes_on(store):
    with store.read() as reading:
        assert place(reading, PEER, "in") == Place()
        with store.write() as writing:
            set_place(writing, PEER, "in", Place(number=7))
        assert place(reading, PEER, "in") == Place()
    with store.read() as reading:
        assert place(reading, PEER, "in") == Place(number=7)


def counts(world: World, country: str) -> list[tuple[object, ...]]:
    """How many rows stand in every table that a complaint touches."""
    names = ("report", "detail", "original", "case_file", "campaign", "journal", "sent", "received")
    query = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
    return world.rows(country, query)


def full(work: Callable[[], object]) -> None:
    """Do ``work`` while the database may not grow by one page."""
    with every_connection("PRAGMA max_page_count=1"), pytest.raises(StorageFull) as caught:
        work()
    assert caught.value.hint


GROW = "PRAGMA max_page_count=1073741823"


def test_on_a_full_disk_nothing_is_entered_and_the_same_import_succeeds_later(tmp_path):
    world = World(tmp_path, "FR")
    mails = [mail(address("US"), text, number=n) for n, text in enumerate(texts(60))]
    before = counts(world, "FR")
    full(lambda: world.take("FR", *mails))
    assert counts(world, "FR") == before
    with every_connection(GROW):
        assert world.take("FR", *mails).new == 60
    assert world.rows("FR", "SELECT count(*) FROM report") == [(60,)]
    assert examine(world.at["FR"])
    world.close()


def test_a_receiver_with_a_full_disk_says_come_again_and_keeps_nothing(tmp_path):
    world = World(tmp_path, "FR", "US")
    world.befriend("FR", "US")
    world.take("FR", *(mail(address("US"), text) for text in texts(60)))
    world.cable.cut = True
    world.drain("FR")
    sets = world.waiting("FR")
    before = counts(world, "US")
    with every_connection("PRAGMA max_page_count=1"):
        answer = world.call("FR", "US", sets)
    assert answer.status == 503
    assert counts(world, "US") == before
    world.cable.cut = False
    with every_connection(GROW):
        world.drain()
    assert world.rows("US", "SELECT count(*) FROM report") == [(60,)]
    assert world.reports_sent("FR") == [("accepted", 1, 1)] * 60
    world.close()


def command(home: Path, source: Path) -> subprocess.Popen[bytes]:
    """A real import of everything in ``source``, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "gateway.cli", "--home", str(home), "import", str(source)],
        cwd=Path(__file__).resolve().parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def killed(running: subprocess.Popen[bytes], after: float) -> bool:
    """Kill the import with all its children after so many seconds; False if it had ended."""
    try:
        running.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        return True
    return False


def test_an_import_killed_again_and_again_loses_and_doubles_nothing(tmp_path):
    chance = random.Random(2026)
    source = tmp_path / "mails"
    source.mkdir()
    mails = [mail(address("US", n % 5), text, number=n) for n, text in enumerate(texts(50 * KILLS))]
    World(tmp_path / "homes", "FR").close()
    World(tmp_path / "measured", "FR").close()

    def put(some: list[bytes]) -> None:
        for content in some:
            (source / f"{len(list(source.iterdir())):05}.eml").write_bytes(content)

    put(mails[:50])
    began = time.monotonic()
    running = command(tmp_path / "measured" / "FR", source)
    _, said = running.communicate()
    assert running.returncode == 0, said.decode()
    whole = time.monotonic() - began
    home = tmp_path / "homes" / "FR"
    kills = 0
    for start in range(0, len(mails), 50):
        if start:
            put(mails[start : start + 50])
        kills += killed(command(home, source), chance.uniform(0.2, 1.0) * whole)
    running = command(home, source)
    _, said = running.communicate()
    assert running.returncode == 0, said.decode()
    assert kills > 0
    gateway = app.open_gateway(home, registry=registry())
    with gateway.store.read() as db:
        found = db.exec_driver_sql("SELECT source_sha256 FROM report").scalars().all()
        assert len(found) == len(set(found)) == len(mails)
        for table in ("detail", "original"):
            assert db.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == len(mails)
        assert db.exec_driver_sql("SELECT sum(reports) FROM case_file").scalar() == len(mails)
    assert intake.fresh(gateway, found, "") == set()
    assert examine(gateway)
    gateway.store.close()
