"""Edits made directly in the database, one at a time: each is found, and named by its row."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import app, trust
from gateway.edges.store import inventory, ledger, schema
from gateway.edges.store.audit import Audited, audit
from gateway.errors import CheckFailed
from gateway.exchange import identity, withdraw
from gateway.exchange.examine import examine
from gateway.exchange.gateway import Gateway
from gateway.model import evolve
from tests.simulator import World, address, mail, registry, texts

EDITS = 200
TABLES = schema.metadata.sorted_tables
"""Every table there is; those that are empty in the world below are left out."""


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    """Two associations that have exchanged reports, receipts, a withdrawal and a conflict."""
    made = World(tmp_path_factory.mktemp("tamper"), "FR", "US")
    made.befriend("FR", "US")
    mails = [mail(address("US", n), text, number=n) for n, text in enumerate(texts(6))]
    made.take("FR", *mails, reporter="a-pseudonym")
    made.take("FR", mail(address("BR")), mail(address("FR")), b"no mail")
    made.take("US", mail(address("FR"), number=3))
    made.drain()
    ((name,),) = made.rows("FR", "SELECT id FROM report WHERE fate = 'referred' LIMIT 1")
    withdraw.withdraw(made.at["FR"], str(name), "a mistake")
    made.drain()
    for gateway in made.at.values():
        with gateway.store.write() as db:
            row = {"digest": b"d" * 32, "issuer": "x", "jti": "y", "token": b"t"}
            db.execute(schema.conflict.insert(), [{**row, "received_at": 1}])
        gateway.store.close()
    yield made
    made.close()


def examined(gateway: Gateway, path: Path) -> Audited:
    """The audit of a database with the log key of its owner."""
    return audit(path, {gateway.keys.log.kid: gateway.keys.log.jwk})


def copied(gateway: Gateway, directory: Path) -> Path:
    """A copy of an installation's database and of the head beside it, to be edited."""
    directory.mkdir(exist_ok=True)
    place = directory / "entente.db"
    for name in ("entente.db-wal", "entente.db-shm"):
        (directory / name).unlink(missing_ok=True)
    source = sqlite3.connect(gateway.store.path)
    target = sqlite3.connect(place)
    source.backup(target)
    target.execute("PRAGMA journal_mode=DELETE").close()
    target.close()
    source.close()
    shutil.copy(gateway.store.path.with_name("journal.head"), directory)
    return place


def other(value: object, chance: random.Random) -> object:
    """The value with one byte of it changed; a missing one is made."""
    if value is None:
        return chance.choice([b"x", "x", 1])
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(max(value.bit_length(), 1)))
    raw = bytearray(value.encode() if isinstance(value, str) else value)
    if not raw:
        return "x" if isinstance(value, str) else b"x"
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(7)
    return raw.decode("latin-1") if isinstance(value, str) else bytes(raw)


class Edit:
    """One random edit of one table: what it does, and the rows whose names must be said."""

    def __init__(self, db: sqlite3.Connection, seed: int) -> None:
        chance = random.Random(seed)
        full = [t for t in TABLES if db.execute(f'SELECT 1 FROM "{t.name}" LIMIT 1').fetchone()]
        # Every table has its turn, whatever the dice say.
        self.table = full[seed % len(full)]
        self.name = f'"{self.table.name}"'
        self.keys = [c.name for c in self.table.primary_key.columns]
        self.columns = [c.name for c in self.table.columns]
        self.which = " AND ".join(f'"{key}" IS ?' for key in self.keys)
        names = ", ".join(f'"{key}"' for key in self.keys)
        rows = list(db.execute(f"SELECT {names} FROM {self.name} ORDER BY {names}"))
        self.what = chance.choice(["change", "change", "remove", "swap", "swap-all"])
        while True:
            self.rows = chance.sample(rows, min(2, len(rows)))
            self.column = chance.choice(self.columns)
            if self.what in {"remove", "change"} or len(self.rows) < 2:
                self.rows = self.rows[:1]
            if len(self.rows) < 2 and self.what.startswith("swap"):
                self.what = "change"
            values = [self._value(db, row) for row in self.rows]
            if self.what != "swap" or values[0] != values[1]:
                break
        self.named = [
            " ".join(v.hex() if isinstance(v, bytes) else str(v) for v in row) for row in self.rows
        ]
        self.chance = chance

    def _value(self, db: sqlite3.Connection, row: tuple[object, ...]) -> object:
        query = f'SELECT "{self.column}" FROM {self.name} WHERE {self.which}'
        return db.execute(query, row).fetchone()[0]

    def _set(
        self, db: sqlite3.Connection, row: tuple[object, ...], values: dict[str, object]
    ) -> None:
        names = ", ".join(f'"{name}" = ?' for name in values)
        db.execute(f"UPDATE {self.name} SET {names} WHERE {self.which}", [*values.values(), *row])

    def make(self, db: sqlite3.Connection) -> None:
        """Make it; a constraint that forbids it is raised."""
        if self.what == "remove":
            db.execute(f"DELETE FROM {self.name} WHERE {self.which}", self.rows[0])
        elif self.what == "change":
            value = self._value(db, self.rows[0])
            self._set(db, self.rows[0], {self.column: other(value, self.chance)})
        else:
            columns = [self.column] if self.what == "swap" else self.columns
            if self.what == "swap-all":
                columns = [name for name in columns if name not in self.keys] or columns
            both = []
            for row in self.rows:
                names = ", ".join(f'"{name}"' for name in columns)
                query = f"SELECT {names} FROM {self.name} WHERE {self.which}"
                both.append(dict(zip(columns, db.execute(query, row).fetchone(), strict=True)))
            if both[0] == both[1]:
                raise sqlite3.IntegrityError("the two rows are alike")
            if columns == self.keys and self.columns == self.keys:
                raise sqlite3.IntegrityError("exchanged keys are the same rows")
            for row, values in zip(self.rows, reversed(both), strict=True):
                self._set(db, row, values)

    def found_by(self, audited: Audited) -> bool:
        """Whether a fault names the table and the row."""
        said = [f"{fault.where} {fault.words}" for fault in audited.faults]
        table = self.table.name
        if table in {"journal", "inventory"}:
            at = self.named
            words = ("journal entr", "inventory")
        elif table == "journal_head":
            return any("head" in line for line in said)
        else:
            at, words = self.named, (table,)
        return any(line.startswith(words) and any(_in(a, line) for a in at) for line in said)


def _in(key: str, line: str) -> bool:
    """Whether the line names the key, as text is shown there."""
    return ascii(key).strip("'") in line


def test_an_untouched_database_holds(world, tmp_path):
    for gateway in world.at.values():
        audited = examined(gateway, copied(gateway, tmp_path))
        assert audited.faults == ()
        assert audited.rows > 50
        assert audited.outside
        assert audited.head is not None
        assert audited.head.size == audited.entries


def edited(gateway: Gateway, directory: Path, *statements: str) -> Audited:
    """The audit of a copy on which ``statements`` were run by hand."""
    place = copied(gateway, directory)
    db = sqlite3.connect(place)
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()
    return examined(gateway, place)


def kinds(audited: Audited) -> set[tuple[str, str]]:
    return {(fault.where, fault.kind) for fault in audited.faults}


def test_a_journal_that_was_cut_short_is_found_by_the_head_in_the_database(world, tmp_path):
    gateway = world.at["FR"]
    audited = edited(
        gateway,
        tmp_path,
        "DELETE FROM inventory WHERE seq > 9",
        "DELETE FROM journal WHERE seq > 9",
    )
    last = examined(gateway, copied(gateway, tmp_path)).entries
    assert (f"journal entries 10 to {last}", "cut") in kinds(audited)


def test_an_older_copy_put_back_is_found_by_the_head_beside_it(tmp_path):
    world = World(tmp_path / "w", "FR", "US")
    gateway = world.at["FR"]
    world.befriend("FR", "US")
    gateway.store.close()
    (tmp_path / "old").mkdir()
    older = copied(gateway, tmp_path / "old")
    before = examined(gateway, older)
    assert before.faults == ()
    world.take("FR", mail(address("US")))
    gateway.store.close()
    shutil.copy(gateway.store.path.with_name("journal.head"), older.parent)
    audited = examined(gateway, older)
    assert {kind for _, kind in kinds(audited)} == {"cut", "unknown"}
    # The gateway goes on with the older copy: the head beside it stays as the evidence.
    for name in ("entente.db-wal", "entente.db-shm"):
        gateway.store.path.with_name(name).unlink(missing_ok=True)
    shutil.copy(older, gateway.store.path)
    again = app.open_gateway(gateway.store.path.parent, registry=registry())
    for number in range(6):
        with again.store.write() as db:
            ledger.append(db, number, "noted", {}, b"s" * 32)
    again.store.close()
    with pytest.raises(CheckFailed, match=r"journal\.head"):
        examine(again)
    again.store.close()
    world.close()


def test_a_head_beside_the_database_that_is_gone_or_forged_is_said(world, tmp_path):
    gateway = world.at["US"]
    place = copied(gateway, tmp_path)
    outside = place.with_name("journal.head")
    outside.write_bytes(outside.read_bytes()[:-4] + b"AAAA")
    assert ("journal.head", "altered") in kinds(examined(gateway, place))
    outside.unlink()
    assert not examined(gateway, place).outside


def test_a_head_that_another_key_signed_is_no_head(world, tmp_path):
    place = copied(world.at["FR"], tmp_path)
    us = world.at["US"].keys.log
    assert ("journal_head", "altered") in kinds(audit(place, {us.kid: us.jwk}))


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (
            "UPDATE journal SET content = NULL, salt = NULL WHERE kind = 'referred'",
            "journal entry ",
        ),
        ("UPDATE report SET country = NULL WHERE rowid = 1", "report "),
        ("UPDATE report SET reporter = CAST(reporter AS BLOB) WHERE rowid = 1", "report "),
        ("UPDATE sent SET token = NULL WHERE rowid = 1", "sent "),
        ("UPDATE sent SET token = substr(token, 1, length(token) - 1) || x'41'", "sent "),
        ("UPDATE received SET token = NULL WHERE rowid = 1", "received "),
        ("UPDATE peer SET door = NULL", "peer "),
        ("UPDATE report SET delete_after = 1 WHERE rowid = 1", "report "),
        ("INSERT INTO inventory VALUES (99999, 'a', NULL, x'00')", "inventory 99999"),
        ("INSERT INTO setting VALUES ('a', 'b')", "setting "),
        ("INSERT INTO campaign_exact VALUES ('a', 'b')", "campaign_exact "),
    ],
)
def test_an_edit_of_this_kind_is_found(world, tmp_path, edit, where):
    audited = edited(world.at["FR"], tmp_path, edit)
    assert [f for f in audited.faults if f.where.startswith(where)]


def test_what_is_purged_through_our_own_store_holds(tmp_path):
    """A content, a token or a row that we delete ourselves is deleted, and not missing."""
    world = World(tmp_path, "FR", "US")
    world.befriend("FR", "US")
    world.take("FR", mail(address("US")))
    world.drain()
    gateway = world.at["FR"]
    with gateway.store.write() as db:
        for table in (schema.sent, schema.received):
            db.execute(table.update().values(token=None))
        db.execute(schema.detail.delete())
        j = schema.journal
        db.execute(j.update().where(j.c.kind != "rows").values(content=None, salt=None))
        ledger.append(db, 1, "purged", {"detail": 1}, b"s" * 32)
    gateway.store.close()
    log = gateway.keys.log
    assert audit(gateway.store.path, {log.kid: log.jwk}).faults == ()
    world.close()


@pytest.mark.parametrize("first", ["the gateway", "the tables"])
def test_a_home_of_the_previous_version_is_entered_when_it_is_opened(tmp_path, first):
    """Its rows have no digests yet, its journal no signed head, its statement no log key."""
    world = World(tmp_path, "FR", "US")
    gateway = world.at["FR"]
    world.befriend("FR", "US")
    world.take("FR", mail(address("US")))
    gateway.store.close()
    earlier = world.clock() - timedelta(days=1)
    ours = trust.read_statement(identity.introduce(gateway), world.clock()).facts
    gateway.store.close()
    old = trust.write_statement(evolve(ours, log_keys=()), gateway.keys.federation, earlier)
    db = sqlite3.connect(gateway.store.path)
    db.execute("UPDATE statement SET token = ? WHERE peer = ?", [old, gateway.me])
    db.execute("DELETE FROM inventory")
    db.execute("DELETE FROM journal_head")
    db.execute("DELETE FROM journal WHERE kind = 'rows' AND seq = (SELECT max(seq) FROM journal)")
    db.commit()
    db.close()
    outside = gateway.store.path.with_name("journal.head")
    outside.unlink()
    if first == "the tables":
        app.sources(outside.parent)
    again = app.open_gateway(outside.parent, registry=registry())
    assert outside.exists(), "the first check after an upgrade would ask for a backup"
    with again.store.read() as connection:
        assert inventory.stated(connection)
        held = connection.exec_driver_sql("SELECT count(*) FROM inventory").scalar()
    assert held
    token = identity.introduce(again)
    facts = trust.read_statement(token, world.clock()).facts
    assert [key.jwk for key in facts.log_keys] == [again.keys.log.jwk]
    again.store.close()
    world.close()


def test_every_table_is_watched_or_says_why_not():
    watched = {part.table for part in inventory.PARTS}
    assert watched | set(inventory.UNWATCHED) == set(schema.metadata.tables)
    assert not watched & set(inventory.UNWATCHED)
    for part in inventory.PARTS:
        assert part.columns[: len(part.keys)] == part.keys
    for table in schema.metadata.sorted_tables:
        named = {c for part in inventory.PARTS if part.table == table.name for c in part.columns}
        assert table.name in inventory.UNWATCHED or named == {c.name for c in table.columns}


def test_200_random_edits_are_all_found_and_named(world, tmp_path):
    """On copies of both databases, one at a time, over every table that there is."""
    missed, made, seed = [], 0, 0
    while made < EDITS:
        seed += 1
        gateway = world.at["FR" if seed % 2 else "US"]
        place = copied(gateway, tmp_path)
        db = sqlite3.connect(place)
        db.execute("PRAGMA foreign_keys=OFF").close()
        edit = Edit(db, seed)
        try:
            edit.make(db)
            db.commit()
        except sqlite3.IntegrityError:
            continue  # The database itself forbids it.
        finally:
            db.close()
        made += 1
        audited = examined(gateway, place)
        if not edit.found_by(audited):
            shown = [fault.where for fault in audited.faults][:4]
            missed.append((seed, edit.what, edit.table.name, edit.column, edit.named, shown))
    assert missed == []
