"""Tables made of the registries' files and of others: what is taken, settled, and refused."""

import gzip
import hashlib
import ipaddress
from pathlib import Path

import pytest

from gateway.edges.table_making import build, made, refuse_missing, refuse_shrunken
from gateway.edges.table_sources import open_compact, open_table
from gateway.errors import TableInvalid
from gateway.formats import address_table
from gateway.formats.address_table import Facts, Range
from tests.tables import delegated, mmdb

FACTS = Facts(source="ours", licence="none needed", as_of="2026-06-17", made_by="a test")


def added(tmp_path, name: str, content: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def country_mmdb(tmp_path, rows, name="more.mmdb", database_type="whois-country"):
    content = mmdb(
        {block: {"country_code": code} for block, code in rows}, database_type=database_type
    )
    return added(tmp_path, name, content)


def given(*rows: str) -> tuple[str, ...]:
    """Records of RIPE NCC from ``country start count``."""
    found = []
    for row in rows:
        country, start, count = row.split()
        kind = "ipv6" if ":" in start else "ipv4"
        found.append(f"ripencc|{country}|{kind}|{start}|{count}|20100101|allocated|x")
    return tuple(found)


def country_at(table, address: str) -> str | None:
    found = ipaddress.ip_address(address)
    number = int(found) if found.version == 4 else int(found) >> 64
    row = table.find(found.version, number)
    return row[0] if row else None


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


def five(tmp_path, **rows: tuple[str, ...]) -> list[Path]:
    """Files of all five registries, of which some hold ``rows``."""
    names = ("afrinic", "apnic", "arin", "lacnic", "ripencc")
    return [
        added(
            tmp_path,
            f"delegated-{name}-extended-latest",
            delegated(*(r.replace("ripencc", name) for r in rows.get(name, ())), registry=name),
        )
        for name in names
    ]


def test_a_table_of_the_five_registries_files_says_what_it_is(tmp_path):
    paths = five(tmp_path, arin=given("US 3.0.0.0 256"), ripencc=given("FR 2.0.0.0 512"))
    table, about = made(paths)
    assert (about.records, about.facts.as_of, about.facts.register) == (2, "2026-06-17", True)
    assert about.facts.source == "afrinic, apnic, arin, lacnic, ripencc"
    assert about.remarks[2] == "delegated-arin-extended-latest (2026-06-17): 1 records"
    refuse_missing(about)
    assert address_table.read(address_table.write(table)).facts.register


@pytest.mark.parametrize("missing", range(5))
def test_a_table_without_one_of_the_five_registries_is_refused(tmp_path, missing):
    paths = five(tmp_path, arin=given("US 3.0.0.0 256"), ripencc=given("FR 2.0.0.0 512"))
    gone = paths.pop(missing)
    with pytest.raises(TableInvalid, match=gone.name.split("-")[1]):
        refuse_missing(made(paths)[1])


def test_neighbouring_records_of_one_country_stay_two_blocks(tmp_path):
    rows = given("FR 2.0.0.0 256", "FR 2.0.1.0 256")
    path = added(tmp_path, "delegated", delegated(*rows))
    for table in (made([path])[0], open_table(path).table):
        assert table.find(4, 2 << 24) == ("FR", 2 << 24, (2 << 24) + 256)
    merged = address_table.of(FACTS, made([path])[0].blocks())
    assert merged.find(4, 2 << 24) == ("FR", 2 << 24, (2 << 24) + 512)


def test_a_transfer_that_a_newer_file_has_seen_is_settled_by_its_date(tmp_path):
    old = delegated(*given("FR 2.0.0.0 256"), end="20260101")
    row = given("US 2.0.0.0 256")[0].replace("ripencc", "arin")
    new = delegated(row, registry="arin", end="20260301")
    paths = [added(tmp_path, "old", old), added(tmp_path, "new", new)]
    for order in (paths, paths[::-1]):
        assert country_at(made(order)[0], "2.0.0.1") == "US"


def test_a_block_without_a_country_or_of_none_stays_one(tmp_path):
    rows = ("ripencc||ipv4|2.0.0.0|256||allocated|x", *given("EU 2.0.1.0 256", "AP 2.0.2.0 256"))
    table, _ = made([added(tmp_path, "delegated", delegated(*rows))])
    assert [country_at(table, f"2.0.{n}.1") for n in range(4)] == ["ZZ", "EU", "AP", None]


def test_a_compact_table_is_material_too(tmp_path):
    first = tmp_path / "first.table"
    build(first, five(tmp_path, ripencc=given("FR 2.0.0.0 256", "FR 2.0.1.0 256")), FACTS)
    table, about = made([first])
    assert table.parts() == open_compact(first).parts()
    assert about.facts.register
    refuse_missing(about)


def test_a_file_packed_with_gzip_is_read_like_any_other(tmp_path):
    plain = added(tmp_path, "a", delegated(*given("FR 2.0.0.0 256")))
    packed = added(tmp_path, "a.gz", gzip.compress(plain.read_bytes()))
    assert made([packed])[0].parts() == made([plain])[0].parts()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed + b"more",
        lambda packed: packed[:30] + bytes([packed[30] ^ 255]) + packed[31:],
    ],
)
def test_a_gzip_file_that_is_cut_short_or_damaged_is_refused_by_name(tmp_path, spoil):
    packed = gzip.compress(delegated(*given("FR 2.0.0.0 256", "DE 2.0.1.0 256")))
    path = added(tmp_path, "delegated.gz", spoil(packed))
    with pytest.raises(TableInvalid, match=r"delegated\.gz.*gzip"):
        made([path])


def test_a_file_that_unpacks_to_more_than_a_table_can_be_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.edges.table_sources._MOST_BYTES", 1_000)
    path = added(tmp_path, "bomb.gz", gzip.compress(bytes(1_000_000)))
    with pytest.raises(TableInvalid, match="larger"):
        made([path])


@pytest.mark.parametrize("form", ["MD5 ({name}) = {md5}\n", "{md5}  {name}\n", "{md5}"])
def test_a_file_must_agree_with_the_md5_beside_it(tmp_path, form):
    path = added(tmp_path, "delegated", delegated(*given("FR 2.0.0.0 256")))
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    beside = added(tmp_path, "delegated.md5", form.format(name="x", md5=md5.upper()).encode())
    made([path])
    path.write_bytes(delegated(*given("DE 2.0.0.0 256")))
    with pytest.raises(TableInvalid, match="MD5 differ"):
        made([path])
    beside.write_bytes(b"<html>not found</html>")
    with pytest.raises(TableInvalid, match="holds no MD5"):
        made([path])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"dear all\n",
        b"\x89PNG\r\n",
        delegated(*given("FR 2.0.0.0 256"))[:-20],
        delegated(*given("FR 2.0.0.0 256")).replace(b"|1|", b"|2|", 1),
        delegated(*given("fr 2.0.0.0 256")),
        delegated(*given("FR 2.0.0.0 256", "DE 2.0.0.0 256")),
        delegated(*given("FR 2.0.0.0 512", "DE 2.0.1.0 512")),
        delegated(*given("FR 2001:200:: 32"), registry="arin"),
    ],
)
def test_material_that_is_broken_is_refused_by_name(tmp_path, content):
    good = added(tmp_path, "good", delegated(*given("FR 3.0.0.0 256")))
    with pytest.raises(TableInvalid, match="broken-file"):
        made([good, added(tmp_path, "broken-file", content)])


def test_an_mmdb_of_something_else_is_no_material(tmp_path):
    rows = [("2.0.0.0/12", "FR")]
    for kind in ("GeoIP2-City", "GeoLite2-ASN", "DBIP-Country"):
        path = country_mmdb(tmp_path, rows, "x.mmdb", kind)
        with pytest.raises(TableInvalid, match=r"x\.mmdb.*registration"):
            made([path])


def test_material_without_a_date_is_refused(tmp_path):
    path = added(tmp_path, "undated", delegated(*given("FR 2.0.0.0 256"), end="00000000"))
    with pytest.raises(TableInvalid, match="undated has no date"):
        made([path])


def table_of(*sizes: int, register: bool = True, version: int = 4):
    """A table of blocks of these sizes."""
    ranges, at = [], 0
    for size in sizes:
        ranges.append(Range(version=version, first=at, end=at + size, country="FR"))
        at += size
    facts = Facts(source="x", licence="", as_of="2026-06-17", register=register)
    return address_table.of(facts, ranges, apart=True)


@pytest.mark.parametrize("version", [4, 6])
def test_a_table_that_knows_a_tenth_fewer_addresses_is_refused(version):
    old = table_of(*[10] * 100, version=version)
    refuse_shrunken(table_of(*[9] * 100, version=version), old)
    with pytest.raises(TableInvalid, match=f"89% of the IPv{version} addresses"):
        refuse_shrunken(table_of(*[9] * 99, 2, version=version), old)


def test_records_are_compared_between_tables_of_one_making_only():
    old, fewer = table_of(*[10] * 100), table_of(1000)
    with pytest.raises(TableInvalid, match="blocks"):
        refuse_shrunken(fewer, old)
    refuse_shrunken(fewer, table_of(*[10] * 100, register=False))
