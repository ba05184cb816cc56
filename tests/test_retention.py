"""Every column and file has a class, the page says so, and the dates follow the settings."""

import fnmatch
from pathlib import Path

import pytest

from gateway import config, retention
from gateway.config import Retention
from gateway.edges.store import retention as statements
from gateway.edges.store import schema, search
from gateway.errors import ConfigInvalid
from gateway.exchange import identity
from gateway.exchange.hold import hold
from gateway.model import Kind
from gateway.retention import COLUMNS, DAY, FILES, HOLDINGS, Class, Terms
from tests.simulator import World, address, mail

ROOT = Path(__file__).resolve().parents[1]
LEAST = 'id = "https://a.example.org"\ncountry = "BE"\nname = "A"\n'


def classed(table: str) -> dict[str, Class]:
    return {name: kind for kind, names in COLUMNS[table].items() for name in names.split()}


@pytest.mark.parametrize("table", list(schema.metadata.tables))
def test_every_column_has_exactly_one_class(table):
    listed = [name for names in COLUMNS[table].values() for name in names.split()]
    assert sorted(listed) == sorted(column.name for column in schema.metadata.tables[table].c)


def test_no_class_stands_for_a_table_that_is_not_there():
    assert set(COLUMNS) == set(schema.metadata.tables)


def test_every_class_with_a_setting_has_a_task_that_ends_it():
    ended = {task.kind for task in statements.TASKS.values()}
    assert ended == {kind for kind, holding in HOLDINGS.items() if holding.setting}


def test_every_setting_of_retention_belongs_to_a_class():
    named = {holding.setting for holding in HOLDINGS.values() if holding.setting}
    assert named == set(Retention.__struct_fields__)


def test_a_search_for_a_person_reads_every_text_that_may_name_one():
    silent = {Class.PROOF, Class.SETTING, Class.FINGERPRINT, Class.REPORTER, Class.ORIGINAL}
    wanted = {
        (table, name)
        for table in COLUMNS
        for name, kind in classed(table).items()
        if kind not in silent and name != "salt"
    }
    # A statement stays for ever, and names the offices of its peer.
    assert search.columns() == wanted | {("statement", "token")}


def test_every_file_of_a_home_has_a_class(tmp_path):
    world = World(tmp_path, "FR", "US")
    world.befriend("FR", "US")
    world.take("FR", mail(address("US")), reporter="r")
    world.drain()
    ((case_id,),) = world.rows("FR", "SELECT id FROM case_file")
    hold(world.at["FR"], str(case_id), "a court asks")
    identity.dismiss(world.at["FR"], world.at["US"].me, "over")
    for home in (tmp_path / "FR", tmp_path / "US"):
        files = [path.relative_to(home) for path in home.rglob("*") if path.is_file()]
        assert files
        for path in files:
            fitting = [pattern for pattern in FILES if fnmatch.fnmatch(str(path), pattern)]
            assert fitting, f"{path} has no class"
    world.close()


def test_the_page_is_made_from_the_table():
    assert (ROOT / "gateway" / "docs" / "retention.md").read_text() == retention.as_page()


@pytest.mark.parametrize("kind", [kind for kind in Class if HOLDINGS[kind].setting])
def test_a_date_is_so_many_days_after_the_beginning(kind):
    terms = Terms(days=Retention())
    days = getattr(terms.days, HOLDINGS[kind].setting)
    assert terms.until(kind, 5) == 5 + days * DAY
    assert terms.before(kind, 5 + days * DAY) == 5


@pytest.mark.parametrize("kind", [kind for kind in Class if not HOLDINGS[kind].setting])
def test_what_proves_has_no_date(kind):
    assert Terms(days=Retention()).until(kind, 5) is None
    assert Terms(days=Retention()).before(kind, 5) < 0


@pytest.mark.parametrize("kind", list(Kind))
def test_messages_that_carry_a_report_or_words_have_a_date_and_receipts_have_none(kind):
    stays = kind in {
        Kind.RECEIPT,
        Kind.RECEIPT_WANTED,
        Kind.HEAD,
        Kind.RESYNC,
        Kind.KEYS,
        Kind.VERIFICATION,
        Kind.STREAM_UPDATED,
    }
    assert (Terms(days=Retention()).message_until(kind, 0) is None) == stays


def test_a_message_of_an_unknown_kind_has_a_date():
    assert Terms(days=Retention()).message_until("unknown", 0)


@pytest.mark.parametrize("name", Retention.__struct_fields__)
@pytest.mark.parametrize("days", ["0", "-1", "36501", "1.5", '"90"'])
def test_days_out_of_range_stop_the_start_and_are_named(name, days):
    with pytest.raises(ConfigInvalid, match=f"retention.{name}"):
        config.read(f"{LEAST}[retention]\n{name} = {days}\n".encode())


def test_a_journal_that_ends_before_what_it_explains_is_refused():
    with pytest.raises(ConfigInvalid, match=r"retention.journal .* retention.messages"):
        config.read(f"{LEAST}[retention]\njournal = 1000\n".encode())
    assert config.read(f"{LEAST}[retention]\njournal = 1095\n".encode()).retention.journal == 1095
