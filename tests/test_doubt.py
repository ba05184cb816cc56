"""Doubt about a country: what is disputed waits, an officer decides, and the cases go on."""

import base64
import dataclasses
import ipaddress
import json
from pathlib import Path

import pytest

from gateway.edges.registry import Sources, open_registry
from gateway.edges.store import cases, decisions, records
from gateway.errors import DecisionInvalid, NotFound
from gateway.exchange import doubt
from gateway.exchange.deciding import route_again
from gateway.exchange.examine import examine
from gateway.exchange.hold import hold
from gateway.exchange.judge import judge
from gateway.exchange.purge import purge
from gateway.exchange.sync import sync
from gateway.exchange.withdraw import withdraw
from gateway.model import Category, Country, Nowhere
from gateway.retention import NO_LONGER
from tests.simulator import World, address, mail, registry
from tests.tables import mmdb

WHY = "The holder's letter of 4 May names Brussels as the seat of the network."


class Disputed(World):
    """FR, BE and DE; an added table contradicts the built-in one about one block in FR and BE."""

    def __init__(self, place: Path, cache: Path) -> None:
        super().__init__(place, "FR", "BE", "DE")
        self.befriend("FR", "BE")
        self.befriend("FR", "DE")
        self.origin = self._narrow()
        self.block = ipaddress.ip_network(registry().locate(self.origin).prefix)
        self.added = place / "whois.mmdb"
        rows = {str(self.block): {"country_code": "BE"}}
        self.added.write_bytes(mmdb(rows, database_type="whois-country"))
        self.cache = str(cache)
        self.open()
        self.open(country="BE")

    @staticmethod
    def _narrow() -> str:
        """An address of DE in a block that has room for two halves."""
        for seed in range(1, 1000):
            found = registry().locate(address("DE", seed))
            if 12 <= ipaddress.ip_network(found.prefix).prefixlen <= 24:
                return found.address
        raise AssertionError("the table has no such block")

    def open(self, *, added: bool = True, country: str = "FR") -> None:
        """Let a gateway see its tables and decisions as they are now."""
        gateway = self.at[country]
        with gateway.store.read() as db:
            holding = decisions.holding(db)
        tables = (str(self.added),) if added else ()
        found = open_registry(Sources(tables=tables, cache=self.cache, decisions=holding))
        self.replace(country, dataclasses.replace(gateway, locate=found.locate))

    def half(self, which: int) -> ipaddress.IPv4Network:
        return list(self.block.subnets())[which]

    def inside(self, which: int) -> str:
        """An address in one half of the disputed block."""
        return str(self.half(which)[7])

    def decide(self, prefix: object, country: str, because: str = WHY) -> doubt.Settled:
        done = doubt.decide(self.at["FR"], str(prefix), country, because)
        self.open()
        return done

    def shelf(self) -> list[tuple[object, ...]]:
        """Each case of FR: its country, where it lies, and how many reports and reporters."""
        return self.rows(
            "FR",
            "SELECT country, coalesce(shelf, peer), reports, reporters FROM case_file"
            " WHERE reports > 0 ORDER BY country, id",
        )

    def journal(self, kind: str) -> list[dict[str, object]]:
        query = f"SELECT content FROM journal WHERE kind = '{kind}' ORDER BY seq"
        return [json.loads(bytes(row[0])) for row in self.rows("FR", query)]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "cache"


@pytest.fixture
def world(tmp_path, cache):
    made = Disputed(tmp_path, cache)
    yield made
    made.close()


BE, DE = "https://be.example.org", "https://de.example.org"


def test_what_is_disputed_has_no_country_and_goes_nowhere(world):
    world.take("FR", mail(world.origin))
    assert world.shelf() == [("", "disputed", 1, 1)]
    assert sync(world.at["FR"])[0].pushed.delivered == 0
    assert route_again(world.at["FR"]) == 0


def test_a_decision_sends_the_cases_that_waited_for_it_on_their_way(world):
    world.take("FR", mail(world.origin), mail(world.origin, number=2))
    ((before,),) = world.rows("FR", "SELECT id FROM case_file")
    done = world.decide(world.block, "BE")
    assert (done.reports, done.cases, done.replaced) == (2, (before,), False)
    assert world.shelf() == [("BE", BE, 2, 2)]
    world.drain()
    assert world.reports_sent("FR") == [("accepted", 1, 1)] * 2


def test_the_reason_stays_at_home_and_in_the_journal(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "BE")
    world.drain()
    sent = b"".join(call[2] for call in world.cable.calls)
    assert sent
    words = WHY.split()
    for token in world.rows("FR", "SELECT token FROM sent"):
        sent += bytes(token[0])
    decoded = b"".join(_decoded(bytes(t[0])) for t in world.rows("FR", "SELECT token FROM sent"))
    assert b"hosting-claim" in decoded
    assert b"decision" in decoded
    assert not [word for word in (WHY, *words[:3], "Brussels") if word.encode() in decoded + sent]
    (entry,) = world.journal("decided")
    assert (entry["prefix"], entry["country"], entry["because"]) == (str(world.block), "BE", WHY)
    assert len(entry["moved"]) == 1
    assert any("journal" in line for line in examine(world.at["FR"]))


def _decoded(token: bytes) -> bytes:
    return base64.urlsafe_b64decode(token.split(b".")[1] + b"==")


def test_reports_that_come_after_the_decision_join_the_case(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "BE")
    world.take("FR", mail(world.origin, number=2))
    assert world.shelf() == [("BE", BE, 2, 2)]


def test_a_report_read_before_a_decision_and_filed_after_it_follows_it(world):
    read_before = world.at["FR"].locate
    doubt.decide(world.at["FR"], str(world.block), "BE", WHY)
    assert world.at["FR"].locate is read_before
    assert read_before(world.origin).disputed
    world.take("FR", mail(world.origin))
    assert world.shelf() == [("BE", BE, 1, 1)]
    doubt.reconsider(world.at["FR"], str(world.block), WHY)
    world.take("FR", mail(world.origin, number=2))
    assert world.shelf() == [("", "disputed", 2, 2)]


def test_a_decision_on_a_part_of_a_block_moves_only_what_lies_in_it(world):
    world.take("FR", mail(world.inside(0)), mail(world.inside(1), number=2))
    world.take("FR", mail(world.inside(0), number=3), reporter="somebody")
    total = sum(row[2] for row in world.shelf())
    done = world.decide(world.half(0), "BE")
    assert done.reports == 2
    found = world.shelf()
    assert sum(row[2] for row in found) == total == 3
    assert [row[:2] for row in found] == [("", "disputed"), ("BE", BE)]
    assert [row[2:] for row in found] == [(1, 1), (2, 2)]
    world.drain("FR", "BE")
    assert len(world.reports_sent("FR")) == 2
    world.decide(world.half(1), "DE")
    assert [row[:3] for row in world.shelf()] == [("BE", BE, 2), ("DE", DE, 1)]


def test_one_case_is_divided_where_only_a_part_of_it_is_decided(world):
    one, other = str(world.half(0)[7]), str(world.half(0)[8])
    world.take("FR", mail(one), mail(other, number=2))
    world.take("FR", mail(one, number=3), reporter="somebody")
    ((case, reports),) = world.rows("FR", "SELECT id, reports FROM case_file")
    assert reports == 3
    done = world.decide(f"{one}/32", "BE")
    assert (done.reports, len(done.cases), case in done.cases) == (2, 1, False)
    assert world.shelf() == [("", "disputed", 1, 1), ("BE", BE, 2, 2)]
    world.drain()
    assert world.reports_sent("FR") == [("accepted", 1, 1)] * 2
    # What is decided alike later joins the case that there is.
    again = world.decide(f"{other}/32", "BE")
    assert again.cases == done.cases
    assert world.shelf() == [("BE", BE, 3, 3)]
    world.drain()
    assert world.reports_sent("FR") == [("accepted", 1, 1)] * 3
    # And what stays in doubt of that network has its old case again.
    world.take("FR", mail(str(world.half(0)[9]), number=4))
    assert [row[:3] for row in world.shelf()] == [("", "disputed", 1), ("BE", BE, 3)]


def test_a_decision_for_our_own_country_keeps_the_case_at_home(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "FR")
    assert world.shelf() == [("FR", "own_country", 1, 1)]


def test_a_decision_for_a_country_without_a_peer_waits_for_one(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "SE")
    assert world.shelf() == [("SE", "no_peer", 1, 1)]


def test_a_decision_that_is_taken_back_puts_what_was_not_sent_in_doubt_again(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "BE")
    done = doubt.reconsider(world.at["FR"], str(world.block), "The letter was forged.")
    world.open()
    assert (done.reports, done.country) == (1, "BE")
    assert world.shelf() == [("", "disputed", 1, 1)]
    assert world.at["FR"].locate(world.origin).disputed
    world.drain()
    assert world.reports_sent("FR") == []
    with world.at["FR"].store.read() as db:
        (one,) = decisions.every(db)
        assert decisions.holding(db) == ()
    assert (one.because, one.ended_because) == (WHY, "The letter was forged.")
    assert world.journal("reconsidered")[0]["because"] == "The letter was forged."


def test_what_was_sent_stays_sent_when_the_decision_is_taken_back(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "BE")
    world.drain()
    done = doubt.reconsider(world.at["FR"], str(world.block), "The letter was forged.")
    world.open()
    assert done.reports == 0
    assert world.shelf() == [("BE", BE, 1, 1)]
    world.take("FR", mail(world.origin, number=2))
    assert [row[1] for row in world.shelf()] == ["disputed", BE]
    case = str(world.rows("FR", "SELECT id FROM case_file WHERE country = 'BE'")[0][0])
    assert withdraw(world.at["FR"], case, "The letter was forged.").withdrawals == 1


def test_deciding_again_takes_the_place_of_the_decision_before(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "BE")
    done = world.decide(world.block, "DE", "A better letter.")
    assert (done.replaced, done.reports) == (True, 1)
    assert world.shelf() == [("DE", DE, 1, 1)]
    with world.at["FR"].store.read() as db:
        found = decisions.every(db)
        (holding,) = decisions.holding(db)
    assert [one.ended_at is None for one in found].count(True) == 1
    assert (holding.country, holding.because) == ("DE", "A better letter.")


def test_the_narrower_decision_holds_and_the_wider_one_takes_over_after_it(world):
    world.take("FR", mail(world.inside(0)))
    world.decide(world.block, "DE")
    world.decide(world.half(0), "BE")
    assert world.shelf() == [("BE", BE, 1, 1)]
    doubt.reconsider(world.at["FR"], str(world.half(0)), "No need.")
    assert world.shelf() == [("DE", DE, 1, 1)]


def test_a_report_that_was_withdrawn_is_not_moved(world):
    world.take("FR", mail(world.origin), mail(world.origin, number=2))
    ((one,), _) = world.rows("FR", "SELECT id FROM report ORDER BY id")
    withdraw(world.at["FR"], str(one), "a mistake")
    assert world.decide(world.block, "BE").reports == 1
    world.drain()
    assert len(world.reports_sent("FR")) == 1


def test_a_decision_about_what_nobody_disputes_moves_nothing(world):
    elsewhere = address("DE", 77)
    world.take("FR", mail(elsewhere))
    before = world.shelf()
    assert world.decide(ipaddress.ip_network(elsewhere), "BE").reports == 0
    assert world.shelf() == before
    assert world.at["FR"].locate(elsewhere).country == "DE"


@pytest.mark.parametrize(
    ("prefix", "country", "because"),
    [
        ("everything", "BE", WHY),
        ("0.0.0.0/0", "BE", WHY),
        ("10.0.0.0/8", "BE", WHY),
        ("2.1.2.0/24", "EU", WHY),
        ("2.1.2.0/24", "ZZ", WHY),
        ("2.1.2.0/24", "BE", ""),
        ("2.1.2.0/24", "BE", "  \n "),
        ("2.1.2.0/24", "BE", "x" * 1001),
        ("2.1.2.0/24", "BE", "\x1b[31mred"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_nothing_is_kept(world, prefix, country, because):
    with pytest.raises(DecisionInvalid) as raised:
        doubt.decide(world.at["FR"], prefix, country, because)
    assert raised.value.detail
    assert world.rows("FR", "SELECT * FROM hosting_decision") == []
    assert world.journal("decided") == []


def test_only_a_decision_that_holds_can_be_taken_back(world):
    with pytest.raises(NotFound, match=r"2\.1\.2\.0/24"):
        doubt.reconsider(world.at["FR"], "2.1.2.0/24", WHY)
    world.decide("2.1.2.0/23", "BE")
    with pytest.raises(NotFound):
        doubt.reconsider(world.at["FR"], "2.1.2.0/24", WHY)
    doubt.reconsider(world.at["FR"], "2.1.2.0/23", WHY)
    with pytest.raises(NotFound):
        doubt.reconsider(world.at["FR"], "2.1.2.0/23", WHY)


def test_a_decision_and_what_it_moves_are_kept_together_or_not_at_all(world, monkeypatch):
    world.take("FR", mail(world.origin))
    before = world.shelf()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gateway.edges.store.ledger.append", full)
    with pytest.raises(OSError, match="space"):
        doubt.decide(world.at["FR"], str(world.block), "BE", WHY)
    monkeypatch.undo()
    assert world.shelf() == before
    assert world.rows("FR", "SELECT * FROM hosting_decision") == []
    assert world.rows("FR", "SELECT fate FROM report") == [("kept",)]


def test_cases_in_doubt_go_on_when_new_tables_settle_them(world):
    world.take("FR", mail(world.origin))
    world.open(added=False)
    done = doubt.settle(world.at["FR"], world.at["FR"].locate)
    assert done.reports == 1
    assert world.shelf() == [("DE", DE, 1, 1)]
    assert doubt.settle(world.at["FR"], world.at["FR"].locate).reports == 0
    assert len(world.journal("located-again")) == 1


def test_what_was_read_of_a_moved_report_says_where_it_is_now(world):
    world.take("FR", mail(world.origin))
    world.decide(world.block, "BE")
    ((name, country),) = world.rows("FR", "SELECT id, country FROM report")
    with world.at["FR"].store.read() as db:
        found = records.contents(db, [str(name)])[str(name)].hosting
        case = cases.get(db, str(world.rows("FR", "SELECT id FROM case_file")[0][0]))
    assert (country, found.country, found.settled) == ("BE", Country("BE"), "decision")
    assert (case.country, case.route.none) == ("BE", None)
    assert Nowhere.DISPUTED not in str(case.route.reason)


def test_the_reason_of_a_decision_goes_when_it_has_ended_for_long_enough(world):
    gateway = world.at["FR"]
    world.decide(world.half(0), "BE", "Ms Brightwater said so")
    doubt.reconsider(gateway, str(world.half(0)), "Ms Brightwater was wrong")
    world.decide(world.half(1), "BE", "this one holds")
    world.clock.turn(days=gateway.config.retention.cases + 1)
    purge(gateway)
    query = "SELECT because, ended_because FROM hosting_decision ORDER BY ended_at IS NULL"
    assert world.rows("FR", query) == [(NO_LONGER, NO_LONGER), ("this one holds", "")]


def test_a_hold_goes_with_the_reports_that_a_decision_moves(world):
    gateway, (one, other) = world.at["FR"], (str(world.half(0)[7]), str(world.half(0)[8]))
    world.take("FR", mail(one), mail(other, number=2))
    ((case,),) = world.rows("FR", "SELECT id FROM case_file")
    hold(gateway, str(case), "a court asks")
    world.decide(f"{one}/32", "BE")
    world.drain()
    world.clock.turn(days=5_000)
    purge(gateway)
    assert world.rows("FR", "SELECT count(*) FROM detail") == [(2,)]
    kept = "SELECT count(*) FROM sent WHERE kind = 'report' AND token IS NOT NULL"
    assert world.rows("FR", kept) == [(1,)]


def test_a_moved_reporter_is_forgotten_in_time(world):
    one, other = str(world.half(0)[7]), str(world.half(0)[8])
    for number in range(3):
        world.take("FR", mail(one, number=number), reporter="somebody")
    world.take("FR", mail(other, number=9), reporter="else")
    world.decide(f"{one}/32", "BE")
    assert world.shelf() == [("", "disputed", 1, 1), ("BE", BE, 3, 1)]
    world.clock.turn(days=5_000)
    purge(world.at["FR"])
    named = "SELECT count(*) FROM case_reporter WHERE reporter NOT LIKE 'gone:%'"
    assert world.rows("FR", named) == [(0,)]


def test_reports_of_forgotten_reporters_count_as_one_complainant_where_they_are_moved(world):
    one, other = str(world.half(0)[7]), str(world.half(0)[8])
    for number in range(3):
        world.take("FR", mail(one, number=number), reporter="somebody")
    world.take("FR", mail(other, number=9), reporter="else")
    with world.at["FR"].store.write() as db:
        db.exec_driver_sql("UPDATE report SET reporter = 'gone:' || id WHERE reporter = 'somebody'")
    world.decide(f"{one}/32", "BE")
    assert world.shelf() == [("", "disputed", 1, 1), ("BE", BE, 3, 1)]


def test_a_withdrawn_report_names_no_complainant_after_a_decision(world):
    gateway, (one, other) = world.at["FR"], (str(world.half(0)[7]), str(world.half(0)[8]))
    (gone,) = world.take("FR", mail(one), reporter="somebody").reports
    world.take("FR", mail(one, number=2), reporter="else")
    world.take("FR", mail(other, number=3), reporter="third")
    withdraw(gateway, gone, "a mistake")
    world.decide(f"{other}/32", "BE")
    assert [row[2:] for row in world.shelf()] == [(1, 1), (1, 1)]


def test_what_was_judged_legitimate_stays_so_where_a_decision_divides_its_case(world):
    gateway, (one, other) = world.at["FR"], (str(world.half(0)[7]), str(world.half(0)[8]))
    world.take("FR", mail(one), mail(other, number=2))
    ((case,),) = world.rows("FR", "SELECT id FROM case_file")
    judge(gateway, str(case), Category.LEGITIMATE, "the readers asked for it")
    world.decide(f"{one}/32", "BE")
    world.take("FR", mail(one, number=3))
    world.drain()
    query = "SELECT country, category, shelf FROM case_file WHERE country = 'BE'"
    assert world.rows("FR", query) == [("BE", "legitimate", "legitimate")]
    assert world.reports_sent("FR") == []


def test_a_case_is_called_by_the_heaviest_report_that_joins_it(world):
    gateway, (one, other) = world.at["FR"], (str(world.half(0)[7]), str(world.half(0)[8]))
    world.take("FR", mail(one))
    (worse,) = world.take("FR", mail(other, number=2)).reports
    world.decide(f"{one}/32", "BE")
    judge(gateway, worse, Category.MALWARE, "the file was looked at")
    world.decide(f"{other}/32", "BE")
    query = "SELECT category FROM case_file WHERE country = 'BE'"
    assert world.rows("FR", query) == [("malware",)]
