"""The address tables joined: what is built in, what can be added, what is refused."""

import ipaddress
import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway import hosting
from gateway.edges.registry import SHIPPED, Sources, build, open_registry
from gateway.edges.table_sources import open_compact, open_table
from gateway.errors import AddressInvalid, HomeUnusable, TableInvalid
from gateway.formats import address_table
from gateway.formats.address_table import Facts, Range
from gateway.model import Country
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
            if not built_in._shipped.ranges(country, version):
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


def test_an_added_table_of_registrations_that_differs_makes_a_dispute(tmp_path, built_in, chance):
    address, other = drawn(built_in, chance), drawn(built_in, chance, "DE")
    path = country_mmdb(tmp_path, [(block_of(address), "BE"), (block_of(other), "DE")])
    found = opened(path)
    assert found.locate(address).disputed
    assert {c.country for c in found.locate(address).claims if c.kind == "registration"} == {
        "BE",
        "FR",
    }
    assert not found.locate(other).disputed


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


def test_a_table_is_built_from_several_files_and_the_narrowest_block_speaks(tmp_path):
    rows = {
        "2.0.0.0/12": {"country_code": "FR"},
        "2001:200::/32": {"country_code": "JP"},
        "2001:201:0:1:2::/80": {"country_code": "JP"},
        "2001:202:0:1:2::/80": {"country_code": "JP"},
        "2001:202:0:1:3::/80": {"country_code": "KR"},
    }
    wide = added(tmp_path, "rir.mmdb", mmdb(rows, database_type="X"))
    fine = added(
        tmp_path,
        "delegated",
        delegated("ripencc|MC|ipv4|2.1.0.0|256|20100101|allocated|x"),
    )
    out = tmp_path / "out.table"
    build(out, [wide, fine], FACTS)
    table = open_compact(out)
    found = {
        address: table.find(version, int(ipaddress.ip_address(address)) >> (version - 4) * 32)
        for version, address in [
            (4, "2.0.255.255"),
            (4, "2.1.0.255"),
            (4, "2.1.1.0"),
            (4, "2.16.0.0"),
            (6, "2001:200:ffff::1"),
            (6, "2001:201:0:1::1"),
            (6, "2001:202:0:1::1"),
        ]
    }
    assert [row[0] if row else None for row in found.values()] == [
        "FR",
        "MC",
        "FR",
        None,
        "JP",
        "JP",
        None,
    ]
    assert table.facts.made_by.startswith("a test from rir.mmdb (SHA-256 ")
    again = tmp_path / "again.table"
    build(again, [wide, fine], FACTS)
    assert again.read_bytes() == out.read_bytes()


def test_a_table_of_geolocation_does_not_become_one_of_registrations(tmp_path):
    path = country_mmdb(tmp_path, [("2.0.0.0/12", "FR")], "city.mmdb", "GeoIP2-City")
    with pytest.raises(TableInvalid, match="registration"):
        build(tmp_path / "out", [path], FACTS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"hello", delegated()[:-3], delegated()])
def test_nothing_is_written_where_a_source_is_broken_or_empty(tmp_path, content):
    with pytest.raises(TableInvalid):
        build(tmp_path / "out", [added(tmp_path, "in", content)], FACTS)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_without_a_date(tmp_path):
    path = country_mmdb(tmp_path, [("2.0.0.0/12", "FR")])
    facts = Facts(source="x", licence="x", as_of="last week")
    with pytest.raises(TableInvalid, match="no date"):
        build(tmp_path / "out", [path], facts)


def test_a_table_that_lost_a_tenth_of_its_blocks_does_not_replace_the_old_one(tmp_path):
    rows = [(f"2.{n}.0.0/24", "FR") for n in range(20)]
    out = tmp_path / "out"
    build(out, [country_mmdb(tmp_path, rows)], FACTS)
    before = out.read_bytes()
    with pytest.raises(TableInvalid, match="blocks"):
        build(out, [country_mmdb(tmp_path, rows[:10])], FACTS)
    assert out.read_bytes() == before
    build(out, [country_mmdb(tmp_path, rows[:19])], FACTS)
    build(out, [country_mmdb(tmp_path, rows[:5])], FACTS, may_shrink=True)
    assert len(list(open_compact(out).blocks())) == 5


def test_a_file_that_is_no_table_is_never_overwritten(tmp_path):
    out = added(tmp_path, "letter.txt", b"dear all")
    with pytest.raises(TableInvalid):
        build(out, [country_mmdb(tmp_path, [("2.0.0.0/12", "FR")])], FACTS)
    assert out.read_bytes() == b"dear all"
