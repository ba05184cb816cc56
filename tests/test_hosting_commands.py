"""``entente hosting`` and its like, as staff call them: decide, update, explain, inspect."""

import ipaddress
import json
import shutil
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import app, hosting
from gateway.cli import entente
from gateway.edges.registry import SHIPPED
from gateway.edges.table_sources import open_compact
from gateway.formats import address_table, delegated
from tests.simulator import address, mail, registry
from tests.tables import delegated as file_of
from tests.tables import mmdb
from tests.test_address_table import ROW6, TWICE, forged

WHY = "The holder's letter of 4 May names Brussels."


class House:
    """An installation and its command line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *words: object, fails: bool = False):
        """Call a command; its result, which must be as expected."""
        done = CliRunner().invoke(entente, ["--home", str(self.path), *map(str, words)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert (done.exit_code != 0) is fails, done.output
        return done

    def json(self, *words: object):
        return json.loads(self.run(*words, "--json").stdout)

    def dispute(self) -> str:
        """Add a table that disputes a block of DE; an address in it."""
        origin = address("DE", 3)
        block = registry().locate(origin).prefix
        rows = {block: {"country_code": "BE"}}
        (self.path / "whois.mmdb").write_bytes(mmdb(rows, database_type="whois-country"))
        settings = self.path / "entente.toml"
        settings.write_text(
            settings.read_text().replace("# [hosting]", '[hosting]\ntables = ["whois.mmdb"]\n')
        )
        return origin


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "home"
    app.create(path, "https://fr.example.org", "FR", "Association FR").store.close()
    return path


@pytest.fixture
def house(made, tmp_path):
    return House(Path(shutil.copytree(made, tmp_path / "home")))


def test_a_decision_is_made_listed_explained_and_taken_back(house):
    origin = house.dispute()
    assert "a person decides" in house.run("hosting", "explain", origin).stdout
    said = house.run("hosting", "decide", f"{origin}/32", "be", "--because", WHY).stdout
    assert f"{origin}/32 counts as hosted in BE" in said
    (one,) = house.json("hosting", "decisions")
    assert (one["prefix"], one["country"], one["because"]) == (f"{origin}/32", "BE", WHY)
    assert one["ended_at"] is None
    explained = house.run("hosting", "explain", origin).stdout
    assert f"{origin} lies in {origin}/32, decided to be in BE" in explained
    assert f"BE, because: {WHY}" in explained
    first = house.json("hosting", "explain", origin)["claims"][0]
    assert (first["kind"], first["because"], len(first["as_of"])) == ("decision", WHY, 10)
    house.run("hosting", "reconsider", origin, "--because", "It was forged.")
    assert house.json("hosting", "decisions") == []
    assert "no decision holds" in house.run("hosting", "decisions").stdout
    (ended,) = house.json("hosting", "decisions", "--all")
    assert (ended["because"], ended["ended_because"]) == (WHY, "It was forged.")
    assert "forged." in house.run("hosting", "decisions", "--all").stdout
    assert house.json("hosting", "explain", origin)["disputed"] is True


def test_a_decision_reaches_the_processes_that_read_mail(house, tmp_path):
    origin = house.dispute()
    letter = tmp_path / "a.eml"
    letter.write_bytes(mail(origin))
    assert house.json("inspect", letter)["route"]["none"] == "disputed"
    house.run("hosting", "decide", origin, "BE", "--because", WHY)
    found = house.json("inspect", letter)
    assert (found["hosting"]["country"], found["hosting"]["settled"]) == ("BE", "decision")
    assert found["route"]["none"] == "no_peer"
    assert found["hosting"]["claims"][0]["because"] == WHY
    assert f"because: {WHY}" in house.run("inspect", letter).stdout
    house.run("import", letter)
    (case,) = house.json("case", "list")
    assert (case["country"], case["route"]["none"]) == ("BE", "no_peer")


def test_a_case_in_doubt_is_moved_by_the_command(house, tmp_path):
    origin = house.dispute()
    letter = tmp_path / "a.eml"
    letter.write_bytes(mail(origin))
    house.run("import", letter)
    done = house.json("hosting", "decide", origin, "BE", "--because", WHY)
    (case,) = house.json("case", "list")
    assert (done["reports"], done["cases"]) == (1, [case["id"]])
    assert case["country"] == "BE"


def test_an_update_that_settles_a_dispute_moves_the_cases_that_waited_for_it(house, tmp_path):
    origin = house.dispute()
    letter = tmp_path / "a.eml"
    letter.write_bytes(mail(origin))
    house.run("import", letter)
    assert house.json("case", "list")[0]["route"]["none"] == "disputed"
    block = ipaddress.ip_network(registry().locate(origin).prefix)
    row = f"ripencc|SE|ipv4|{block[0]}|{block.num_addresses}|20200101|allocated|x"
    path = tmp_path / "ripencc"
    path.write_bytes(file_of(row, end="20261101"))
    done = house.json("hosting", "update", path, "--accept-shrunken", "for a test")
    (case,) = house.json("case", "list")
    assert (done["settled"]["reports"], done["settled"]["cases"]) == (1, [case["id"]])
    assert (case["country"], case["route"]["none"]) == ("SE", "no_peer")


def test_check_reads_the_table_to_its_end(house, tmp_path):
    whole = small_table(tmp_path / "whole.table")
    house.run("hosting", "update", whole, "--accept-shrunken", "for a test")
    house.run("check")
    own = house.path / "tables" / "registrations.table"
    own.write_bytes(forged(TWICE + ROW6, (2, 1), ("",)))
    house.run("case", "list")
    assert "not in order" in house.run("check", fails=True).stderr


@pytest.mark.parametrize(
    ("prefix", "country"), [("2.1.2.0/24", "EU"), ("2.1.2.3/24", "BE"), ("192.0.2.0/24", "BE")]
)
def test_what_cannot_be_decided_is_said_with_what_to_do(house, prefix, country):
    done = house.run("hosting", "decide", prefix, country, "--because", WHY, fails=True)
    assert "This cannot be decided so." in done.stderr
    assert house.json("hosting", "decisions", "--all") == []


def files(place: Path, *, end: str = "20261101", leave_out: float = 0.0) -> list[Path]:
    """The five registries' files with what the built-in table knows, as far as they are wanted."""
    rows: dict[str, list[str]] = {name: [] for name in delegated.FIVE}
    table = open_compact(SHIPPED)
    for number, one in enumerate(table.blocks()):
        if number % 100 < leave_out * 100 or one.country in hosting.NO_COUNTRIES:
            continue
        name = delegated.FIVE[number % 5]
        if one.version == 4:
            start, size = ipaddress.IPv4Address(one.first), one.end - one.first
            rows[name].append(f"{name}|{one.country}|ipv4|{start}|{size}|20200101|allocated|x")
    found = []
    for name, records in rows.items():
        path = place / f"delegated-{name}-extended-latest"
        path.write_bytes(file_of(*records, registry=name, end=end))
        found.append(path)
    return found


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    return files(tmp_path_factory.mktemp("fresh"), leave_out=0.95)


def some_address(paths: list[Path]) -> str:
    """An address of the first record."""
    return paths[0].read_text().splitlines()[4].split("|")[3]


def test_an_update_from_the_five_files_takes_the_place_of_the_built_in_table(house, fresh):
    # Most is left out of the files to keep the test short, which must be noticed.
    refused = house.run("hosting", "update", *fresh, fails=True)
    assert "% of the IPv4 addresses" in refused.stderr
    assert not (house.path / "tables").exists()
    done = house.json("hosting", "update", *fresh, "--accept-shrunken", "a part, for a test")
    assert done["table"]["as_of"] == "2026-11-01"
    assert done["table"]["source"] == "afrinic, apnic, arin, lacnic, ripencc"
    assert done["table"]["records"] > 10_000
    assert done["table"]["previous"] is None
    origin = some_address(fresh)
    explained = house.run("hosting", "explain", origin).stdout
    assert "2026-11-01" in explained
    assert "of the registry itself" in explained
    assert "geo-whois-asn-country" not in explained
    gateway = app.open_gateway(house.path)
    with gateway.store.read() as db:
        kinds = db.exec_driver_sql(
            "SELECT content FROM journal WHERE kind = 'tables-renewed'"
        ).fetchall()
    gateway.store.close()
    (entry,) = [json.loads(row[0]) for row in kinds]
    assert entry["accepted"] == "a part, for a test"
    assert entry["made_by"].count("SHA-256") == 5
    # The way back is the same command.
    before = house.path / "tables" / "registrations.table"
    kept = before.read_bytes()
    again = house.json("hosting", "update", SHIPPED)
    assert again["table"]["previous"].endswith("previous.table")
    assert Path(again["table"]["previous"]).read_bytes() == kept
    assert again["table"]["as_of_before"] == "2026-11-01"


def small_table(path: Path, *, leave_out: int = 0) -> Path:
    """A table of the first blocks of the built-in one, of which one in so many is left out."""
    table = open_compact(SHIPPED)
    first = enumerate(islice(table.blocks(), 5_000))
    some = [one for at, one in first if not leave_out or at % leave_out]
    path.write_bytes(address_table.write(address_table.of(table.facts, some)))
    return path


def test_a_shrunken_table_is_refused_and_the_one_in_use_stays(house, tmp_path):
    own = house.path / "tables" / "registrations.table"
    whole = small_table(tmp_path / "whole.table")
    house.run("hosting", "update", whole, "--accept-shrunken", "a part is enough here")
    kept = own.read_bytes()
    house.run("hosting", "update", whole)
    assert own.read_bytes() == kept
    small = small_table(tmp_path / "small.table", leave_out=8)
    refused = house.run("hosting", "update", small, fails=True)
    assert "the new table has 4375 blocks and the one it replaces 5000" in refused.stderr
    assert "the old table is untouched" in refused.stderr
    assert own.read_bytes() == kept
    house.run("hosting", "update", small, "--accept-shrunken", "a part is enough")
    assert own.read_bytes() != kept


def test_a_gateway_that_is_open_takes_up_an_update_and_a_decision(house, tmp_path, monkeypatch):
    seconds = [0.0]
    monkeypatch.setattr("gateway.edges.registry.ticking", lambda: seconds[0])
    gateway = app.open_gateway(house.path)
    origin = address("DE", 3)
    assert gateway.locate(origin).claims[0].source == "geo-whois-asn-country"
    row = f"ripencc|BE|ipv4|{hosting.neighbourhood(origin)[:-3]}|256|20200101|allocated|x"
    path = tmp_path / "ripencc"
    path.write_bytes(file_of(row, end="20261101"))
    house.run("hosting", "update", path, "--accept-shrunken", "for a test")
    house.run("hosting", "decide", origin, "SE", "--because", WHY)
    assert gateway.locate(origin).country == "DE"
    seconds[0] += 1
    found = gateway.locate(origin)
    assert (found.country, found.claims[0].kind) == ("BE", "decision")
    assert found.claims[1].register
    gateway.store.close()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("letter.txt", b"dear all\n", "letter.txt"),
        ("city.mmdb", mmdb({"2.0.0.0/12": {}}, database_type="GeoIP2-City"), "registration"),
        ("no.mmdb", b"no mmdb", "no.mmdb"),
        ("late", file_of("ripencc|FR|ipv4|2.0.0.0|256||allocated|x", end="20991231"), "to come"),
        ("short", file_of("ripencc|FR|ipv4|2.0.0.0|256||allocated|x")[:-9], "line"),
        ("alone", file_of("ripencc|FR|ipv4|2.0.0.0|256||allocated|x"), "afrinic"),
    ],
)
def test_what_is_no_table_changes_nothing(house, tmp_path, name, content, why):
    path = tmp_path / name
    path.write_bytes(content)
    refused = house.run("hosting", "update", path, fails=True)
    assert "The address table cannot be used." in refused.stderr
    assert why in refused.stderr
    assert not (house.path / "tables").exists()
    with app.open_gateway(house.path).store.read() as db:
        rows = db.exec_driver_sql("SELECT * FROM journal WHERE kind = 'tables-renewed'")
        assert rows.fetchall() == []


def test_explain_names_every_table_with_its_date_and_warns_of_an_old_one(house):
    said = house.run("hosting", "explain", address("FR")).stdout
    assert "Asked: geo-whois-asn-country (2026-06-17), geoip2fast (2024-06-18)." in said
    assert "days old" in said
    assert "entente hosting update" in said
