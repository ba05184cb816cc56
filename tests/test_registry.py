"""The address tables joined: what is built in, what can be added, what is refused."""

import ipaddress
import random
import threading
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway import hosting
from gateway.edges import files
from gateway.edges.registry import SHIPPED, Living, Sources, open_registry
from gateway.edges.table_sources import open_compact, open_table
from gateway.errors import AddressInvalid, HomeUnusable, TableInvalid
from gateway.formats import address_table
from gateway.formats.address_table import Facts, Range
from gateway.hosting import Decision
from gateway.model import Country, evolve
from tests.tables import delegated, mmdb

FACTS = Facts(source="ours", licence="none needed", as_of="2026-06-17", made_by="a test")
TODAY = date(2026, 7, 1)


@pytest.fixture(scope="module")
def built_in():
    return open_registry()


@pytest.fixture
def chance():
    return random.Random(20260617)


def opened(*paths: Path):
    return open_registry(Sources(tables=tuple(map(str, paths))), lazily=True)


def block_of(address: str) -> str:
    return hosting.neighbourhood(address)


def drawn(built_in, chance, country="FR"):
    return built_in.draw(Country(country), chance)


def added(tmp_path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def country_mmdb(tmp_path, rows, name="more.mmdb", database_type="whois-country"):
    content = mmdb(
        {block: {"country_code": code} for block, code in rows}, database_type=database_type
    )
    return added(tmp_path, name, content)


def test_the_shipped_table_is_small_and_says_its_date_source_and_licence():
    table = open_compact(SHIPPED)
    assert SHIPPED.stat().st_size <= 2_000_000
    assert date.fromisoformat(table.facts.as_of) <= TODAY
    assert "CC0" in table.facts.licence
    assert "SHA-256" in table.facts.made_by
    assert len(table) > 500_000


def test_the_shipped_table_is_the_same_when_it_is_taken_apart_and_put_together():
    table = open_compact(SHIPPED)
    assert address_table.of(table.facts, table.blocks()).parts() == table.parts()


def test_every_country_has_addresses_that_are_registered_there(built_in, chance):
    countries = built_in.countries()
    assert len(countries) > 200
    assert not hosting.NO_COUNTRIES.intersection(countries)
    for country in countries:
        for version in (4, 6):
            if not built_in.main.ranges(country, version):
                continue
            address = built_in.draw(country, chance, version=version)
            found = built_in.locate(address)
            assert (found.country, found.none, found.disputed) == (country, None, False)
            assert ipaddress.ip_address(address) in ipaddress.ip_network(found.prefix)
            assert found.claims[0].source == "geo-whois-asn-country"
            assert found.claims[0].as_of == "2026-06-17"


def test_the_same_chance_draws_the_same_address(built_in):
    one, other = (built_in.draw(Country("DE"), random.Random(7)) for _ in range(2))
    assert one == other


def test_a_country_without_addresses_cannot_be_drawn_from(built_in, chance):
    with pytest.raises(AddressInvalid):
        built_in.draw(Country("QQ"), chance)


def test_two_spellings_of_an_address_are_located_alike(built_in, chance):
    address = built_in.draw(Country("FR"), chance, version=6)
    spelt = ipaddress.ip_address(address).exploded.upper()
    assert built_in.locate(f"[IPv6:{spelt}]") == built_in.locate(address)


@pytest.mark.parametrize("text", ["", "example.org", "1.2.3", "0x7f.1"])
def test_a_text_that_is_no_address_is_refused(built_in, text):
    with pytest.raises(AddressInvalid):
        built_in.locate(text)


def test_a_special_address_is_asked_of_no_table(built_in):
    found = built_in.locate("192.0.2.1")
    assert (found.none, found.claims, found.network) == ("documentation", (), "192.0.2.0/24")


def test_geolocation_is_shown_with_its_date_and_decides_nothing(built_in, chance):
    seen = {"same": 0, "other": 0}
    for _ in range(400):
        found = built_in.locate(drawn(built_in, chance, chance.choice(["FR", "US", "GB", "SE"])))
        decisive, *beside = found.claims
        assert (decisive.kind, decisive.country) == (hosting.REGISTRATION, found.country)
        for claim in beside:
            assert (claim.kind, claim.source) == (hosting.GEOLOCATION, "geoip2fast")
            assert date.fromisoformat(claim.as_of) < TODAY
            seen["same" if claim.country == found.country else "other"] += 1
    assert seen["same"] > seen["other"] > 0


def test_the_geolocations_can_be_left_unread_until_they_are_needed():
    found = open_registry(lazily=True)
    assert not found.tables[-1].loaded
    assert found.tables[-1].as_of
    assert found.locate("198.41.0.4").as_name is not None
    assert found.tables[-1].loaded


def test_an_added_table_that_differs_about_the_same_block_makes_a_dispute(
    tmp_path, built_in, chance
):
    address, other = drawn(built_in, chance), drawn(built_in, chance, "DE")
    same = built_in.locate(address).prefix
    path = country_mmdb(tmp_path, [(same, "BE"), (block_of(other), "DE")])
    found = opened(path)
    assert found.locate(address).disputed
    assert hosting.contradicting(found.locate(address).claims) == ["BE", "FR"]
    assert not found.locate(other).disputed


def test_an_added_table_that_knows_a_narrower_block_decides(tmp_path, built_in, chance):
    address = drawn(built_in, chance)
    while int(built_in.locate(address).prefix.partition("/")[2]) >= 24:
        address = drawn(built_in, chance)
    found = opened(country_mmdb(tmp_path, [(block_of(address), "BE")])).locate(address)
    assert (found.country, found.settled, found.disputed) == ("BE", "narrower", False)


def test_a_registrys_own_file_goes_before_a_table_derived_from_whois(tmp_path, built_in, chance):
    address = drawn(built_in, chance)
    around = ipaddress.ip_network(built_in.locate(address).prefix)
    row = f"ripencc|BE|ipv4|{around[0]}|{around.num_addresses}|20100101|allocated|x"
    found = opened(added(tmp_path, "delegated", delegated(row))).locate(address)
    assert (found.country, found.settled, found.disputed) == ("BE", "register", False)
    assert [c.register for c in found.claims[:2]] == [True, False]


def test_an_added_geolocation_or_network_table_disputes_nothing(tmp_path, built_in, chance):
    address = drawn(built_in, chance)
    block = block_of(address)
    geo = country_mmdb(tmp_path, [(block, "BE")], "city.mmdb", "GeoIP2-City")
    number = {
        "country_code": "NL",
        "autonomous_system_number": 64500,
        "autonomous_system_organization": "A\nB\x1b[31m",
    }
    asn = added(tmp_path, "asn.mmdb", mmdb({block: number}, database_type="GeoLite2-ASN"))
    found = opened(geo, asn).locate(address)
    assert (found.country, found.disputed, found.confidence) == ("FR", False, "medium")
    assert (found.asn, found.network, found.as_name) == (64500, "AS64500", "A B [31m")
    assert [c.kind for c in found.claims][:3] == ["geolocation", "as", "registration"]


@pytest.mark.parametrize(
    ("row", "country"),
    [
        ({"country_code": "be"}, "BE"),
        ({"country": {"iso_code": "BE"}, "registered_country": {"iso_code": "NL"}}, "BE"),
        ({"registered_country": {"iso_code": "NL"}}, "NL"),
        ({"country": "BE"}, "BE"),
        ({"country": "Belgium"}, None),
        ({"country": {"iso_code": 7}}, None),
        ({"continent": "EU"}, None),
        ({}, None),
    ],
)
def test_the_spellings_of_the_usual_vendors_are_read(tmp_path, row, country):
    path = added(tmp_path, "a.mmdb", mmdb({"2.0.0.0/12": row}, database_type="X"))
    claim = open_table(path).say(hosting.parse("2.1.2.3")).claim
    assert (claim.country if claim else None) == country
    assert claim is None or claim.prefix == "2.0.0.0/12"


def test_a_table_of_ipv4_alone_says_nothing_of_ipv6(tmp_path):
    content = mmdb({"2.0.0.0/12": {"country_code": "FR"}}, database_type="whois", version=4)
    table = open_table(added(tmp_path, "a.mmdb", content))
    assert table.say(hosting.parse("2.1.2.3")).claim.country == "FR"
    assert table.say(hosting.parse("2a00::1")).claim is None


def test_delegated_and_compact_files_can_be_added(tmp_path):
    rows = ("ripencc|SM|ipv4|2.0.0.0|384|20100101|allocated|x",)
    text = added(tmp_path, "delegated-ripencc-extended", delegated(*rows))
    number = int(ipaddress.IPv4Address("2.0.0.0"))
    ranges = [Range(version=4, first=number, end=number + 384, country="SM")]
    ours = address_table.write(address_table.of(FACTS, ranges))
    compact = added(tmp_path, "ours.table", ours)
    found = opened(text, compact)
    claims = found.locate("2.0.1.100").claims
    assert [(c.source, c.country, c.prefix, c.as_of) for c in claims[:2]] == [
        ("delegated-ripencc-extended", "SM", "2.0.1.0/25", "2026-06-17"),
        ("ours", "SM", "2.0.1.0/25", "2026-06-17"),
    ]


@pytest.mark.parametrize("name", ["a.mmdb", "a.txt", "a.table"])
@pytest.mark.parametrize("content", [b"", b"\0" * 300, b"hello\n", SHIPPED.read_bytes()[:-1]])
def test_a_file_that_is_no_table_is_refused_when_it_is_opened(tmp_path, name, content):
    with pytest.raises(TableInvalid):
        opened(added(tmp_path, name, content))


def test_a_file_that_is_not_there_is_named(tmp_path):
    for name in ("none.mmdb", "none.txt"):
        with pytest.raises((TableInvalid, HomeUnusable), match="none"):
            opened(tmp_path / name)


def test_a_damaged_place_in_a_table_is_an_error_and_not_silence(tmp_path):
    content = mmdb({"2.0.0.0/12": {"country_code": "FR"}}, database_type="whois")
    mark = content.index(b"country_code")
    damaged = content[: mark - 2] + b"\x3f\xff\xff" + content[mark + 1 :]
    table = open_table(added(tmp_path, "a.mmdb", damaged))
    with pytest.raises(TableInvalid):
        table.say(hosting.parse("2.1.2.3"))


@pytest.mark.parametrize(("age", "warned"), [(0, False), (90, False), (91, True), (900, True)])
def test_a_table_of_registrations_older_than_ninety_days_warns(built_in, age, warned):
    made = date.fromisoformat(open_compact(SHIPPED).facts.as_of)
    said = built_in.warnings(made + timedelta(days=age))
    assert bool(said) is warned
    assert not warned or f"{age} days old" in said[0]


def test_a_table_without_a_date_warns(tmp_path):
    rows = ("ripencc|SM|ipv4|2.0.0.0|256|20100101|allocated|x",)
    path = added(tmp_path, "undated", delegated(*rows, end="00000000"))
    assert opened(path).warnings(TODAY) == ["the address table undated has no date"]


def own_table(path: Path, country: str, as_of: str = "2026-06-17") -> None:
    """A table of one block, put in its place as ``entente hosting update`` does."""
    number = int(ipaddress.IPv4Address("2.0.0.0"))
    ranges = [Range(version=4, first=number, end=number + 2**20, country=country)]
    facts = Facts(source="own", licence="", as_of=as_of, register=True)
    files.keep(path, address_table.write(address_table.of(facts, ranges)))


def test_a_table_that_the_installation_made_takes_the_place_of_the_built_in_one(tmp_path):
    own = tmp_path / "own.table"
    sources = Sources(own=str(own))
    assert open_registry(sources, lazily=True).locate("2.1.2.3").claims[0].source != "own"
    own_table(own, "SM")
    claims = open_registry(sources, lazily=True).locate("2.1.2.3").claims
    registered = [(c.source, c.country, c.register) for c in claims if c.kind == "registration"]
    assert registered == [("own", "SM", True)]


def test_a_damaged_table_of_our_own_is_refused_and_not_passed_over(tmp_path):
    own = tmp_path / "own.table"
    own_table(own, "SM")
    own.write_bytes(own.read_bytes()[:-1])
    with pytest.raises(TableInvalid):
        open_registry(Sources(own=str(own)), lazily=True)


class Hand:
    """What a living registry asks for, held by hand, and the seconds it sees pass."""

    def __init__(self, monkeypatch, sources: Sources) -> None:
        self.sources = sources
        self.seconds = 0.0
        self.asked = 0
        monkeypatch.setattr("gateway.edges.registry.ticking", lambda: self.seconds)

    def __call__(self) -> Sources:
        self.asked += 1
        return self.sources


@pytest.fixture
def hand(tmp_path, monkeypatch):
    own = tmp_path / "own.table"
    own_table(own, "SM")
    return Hand(monkeypatch, Sources(own=str(own), cache=str(tmp_path / "cache")))


def test_a_process_that_goes_on_takes_up_a_new_table_within_a_second(hand):
    living = Living(hand)
    assert living.locate("2.1.2.3").country == "SM"
    own_table(Path(hand.sources.own), "MC")
    assert living.locate("2.1.2.3").country == "SM"
    hand.seconds += 1
    assert living.locate("2.1.2.3").country == "MC"


def test_it_looks_once_a_second_at_most_and_opens_only_what_changed(hand):
    living = Living(hand)
    before = living.registry
    for _ in range(1000):
        hand.seconds += 0.01
        living.locate("2.1.2.3")
    assert 8 <= hand.asked <= 11
    assert living.registry is before


def test_it_takes_up_a_new_decision(hand):
    living = Living(hand)
    decided = Decision(
        prefix="2.0.0.0/12", country=Country("MC"), because="a letter", decided_on="2026-07-01"
    )
    hand.sources = evolve(hand.sources, decisions=(decided,))
    hand.seconds += 1
    assert living.locate("2.1.2.3").claims[0].kind == hosting.DECISION


def test_a_table_that_is_broken_leaves_the_one_before_in_use(hand, capsys):
    living = Living(hand)
    own = Path(hand.sources.own)
    whole = own.read_bytes()
    own.write_bytes(whole[: len(whole) // 2])
    for _ in range(3):
        hand.seconds += 1
        assert living.locate("2.1.2.3").country == "SM"
    assert capsys.readouterr().err.count("stay in use") == 1
    own_table(own, "MC")
    hand.seconds += 1
    assert living.locate("2.1.2.3").country == "MC"


def test_an_answer_is_never_taken_from_half_a_table(hand):
    """Tables change as fast as they can while others ask: each answer is one of a whole table."""
    living = Living(hand)
    own, over = Path(hand.sources.own), threading.Event()

    def change() -> None:
        for at in range(40):
            own_table(own, ("SM", "MC")[at % 2])
            hand.seconds += 1
        over.set()

    worker = threading.Thread(target=change)
    worker.start()
    seen = set()
    while not over.is_set():
        seen.add(living.locate("2.1.2.3").country)
    worker.join()
    assert seen <= {"SM", "MC"}


def test_a_decision_is_shown_first_and_decides_where_registrations_contradict(tmp_path):
    wide = ("ripencc|FR|ipv4|2.0.0.0|1048576|20100101|allocated|x",)
    path = added(tmp_path, "one", delegated(*wide))
    own = tmp_path / "own.table"
    own_table(own, "SM")
    decided = Decision(
        prefix="2.1.0.0/16", country=Country("MC"), because="a letter", decided_on="2026-07-01"
    )
    found = open_registry(
        Sources(tables=(str(path),), own=str(own), decisions=(decided,)), lazily=True
    )
    inside, outside = found.locate("2.1.2.3"), found.locate("2.2.2.3")
    assert (inside.country, inside.settled, inside.disputed) == ("MC", "decision", False)
    assert (inside.claims[0].kind, inside.claims[0].because) == ("decision", "a letter")
    assert (outside.disputed, outside.settled) == (True, None)
