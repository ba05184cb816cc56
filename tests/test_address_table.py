"""The compact table: what is written is what is read, and what is damaged is refused."""

import hashlib
import itertools

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import TableInvalid
from gateway.formats import address_table
from gateway.formats.address_table import BITS, MAGIC, Facts, Range

FACTS = Facts(source="a test", licence="none needed", as_of="2026-06-17", made_by="by hand\nhere")
CODES = ("FR", "DE", "EU", "ZZ")


def block(version: int, first: int, end: int, country: str = "FR") -> Range:
    return Range(version=version, first=first, end=end, country=country)


@st.composite
def spread(draw):
    """Ranges that do not overlap, often touching, often at the ends of the address space."""
    found = []
    for version, bits in BITS.items():
        most = 1 << bits
        near = st.one_of(st.integers(0, 40), st.integers(most - 40, most), st.integers(0, most))
        edges = sorted(draw(st.sets(near, max_size=14)))
        for first, end in itertools.pairwise(edges):
            if draw(st.booleans()):
                found.append(block(version, first, end, draw(st.sampled_from(CODES))))
    return found


@st.composite
def any_ranges(draw):
    found = []
    for _ in range(draw(st.integers(0, 12))):
        version = draw(st.sampled_from([4, 6]))
        first, end = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=2)))
        found.append(block(version, first, end, draw(st.sampled_from(CODES))))
    return found


def linear(ranges, version, number):
    holding = [r for r in ranges if r.version == version and r.first <= number < r.end]
    return holding[0].country if holding else None


def probes(ranges, version):
    edges = [edge for r in ranges if r.version == version for edge in (r.first, r.end)]
    around = {number for edge in edges for number in (edge - 1, edge, edge + 1)}
    most = (1 << BITS[version]) - 1
    return sorted(number for number in around | {0, most} if 0 <= number <= most)


@settings(deadline=None)  # the tests share a busy machine
@given(spread())
def test_a_table_reads_back_as_it_was_written(ranges):
    table = address_table.of(FACTS, ranges)
    content = address_table.write(table)
    back = address_table.read(content)
    assert back.facts == FACTS
    assert list(back.blocks()) == list(table.blocks())
    assert address_table.write(back) == content


@settings(deadline=None)  # the tests share a busy machine
@given(spread())
def test_finding_by_halves_finds_what_a_search_from_end_to_end_finds(ranges):
    table = address_table.read(address_table.write(address_table.of(FACTS, ranges)))
    for version in BITS:
        for number in probes(ranges, version):
            found = table.find(version, number)
            assert (found[0] if found else None) == linear(ranges, version, number)
            assert found is None or found[1] <= number < found[2]


@settings(deadline=None)  # the tests share a busy machine
@given(spread())
def test_what_is_found_reaches_as_far_as_its_country_does(ranges):
    table = address_table.of(FACTS, ranges)
    for one in table.blocks():
        assert table.find(one.version, one.first) == (one.country, one.first, one.end)
        assert linear(ranges, one.version, one.first - 1) != one.country
        assert linear(ranges, one.version, one.end) != one.country
        assert (one.first, one.end) in table.ranges(one.country, one.version)


def test_ranges_of_a_country_that_the_table_does_not_have_are_none():
    assert address_table.of(FACTS, [block(4, 0, 9)]).ranges("DE") == []


@settings(deadline=None)  # as above
@given(any_ranges())
def test_where_ranges_overlap_the_narrowest_speaks_and_of_equals_the_first(ranges):
    table = address_table.of(FACTS, address_table.narrowest(ranges))
    for version in BITS:
        for number in range(62):
            holding = [r for r in ranges if r.version == version and r.first <= number < r.end]
            best = min(holding, key=lambda r: r.end - r.first, default=None)
            found = table.find(version, number)
            assert (found[0] if found else None) == (best.country if best else None)


@pytest.mark.parametrize(
    "wrong",
    [
        block(4, 5, 5),
        block(4, 6, 5),
        block(4, -1, 5),
        block(4, 0, (1 << 32) + 1),
        block(6, 0, (1 << 64) + 1),
        block(5, 0, 1),
    ],
)
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(TableInvalid):
        address_table.of(FACTS, [wrong])
    with pytest.raises(TableInvalid):
        list(address_table.narrowest([wrong]))


def test_ranges_that_overlap_are_refused_where_no_one_has_chosen():
    with pytest.raises(TableInvalid, match="overlaps"):
        address_table.of(FACTS, [block(4, 0, 10), block(4, 9, 20, "DE")])


def test_more_countries_than_there_are_is_refused():
    with pytest.raises(TableInvalid):
        address_table.of(FACTS, [block(4, n, n + 1, f"{n:03}") for n in range(256)])


SAMPLE = address_table.write(
    address_table.of(FACTS, [block(4, 10, 20), block(4, 20, 30, "DE"), block(6, 7, 9, "DE")])
)


def test_every_change_of_one_byte_is_refused():
    for at in range(len(SAMPLE)):
        for bit in (1, 0x20, 0x80):
            altered = bytearray(SAMPLE)
            altered[at] ^= bit
            with pytest.raises(TableInvalid):
                address_table.read(bytes(altered))


def test_every_shorter_and_longer_file_is_refused():
    for length in range(len(SAMPLE)):
        with pytest.raises(TableInvalid):
            address_table.read(SAMPLE[:length])
    with pytest.raises(TableInvalid):
        address_table.read(SAMPLE + b"\0")
    with pytest.raises(TableInvalid):
        address_table.read(SAMPLE + SAMPLE)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_our_error(noise):
    for content in (noise, MAGIC + noise, MAGIC + b"{}\n" + noise):
        with pytest.raises(TableInvalid):
            address_table.read(content)


def test_a_table_of_a_newer_version_is_told_apart_from_what_is_none():
    newer = SAMPLE.replace(MAGIC, b"ENTENTE-ADDRESSES-9\n")
    with pytest.raises(TableInvalid, match="another version"):
        address_table.read(newer)
    with pytest.raises(TableInvalid, match="no address table"):
        address_table.read(b"\x89PNG" + SAMPLE)


def forged(
    body: bytes, blocks: tuple[int, int], countries: tuple[str, ...], tail: bytes = b""
) -> bytes:
    """A file whose digest is right and whose content is wrong."""
    header = {"facts": FACTS, "countries": countries, "blocks": blocks, "sha256": ""}
    told = msgspec.json.encode(header)
    packed = zstandard.compress(body, 1) + tail
    header["sha256"] = hashlib.sha256(told + b"\n" + packed).hexdigest()
    return MAGIC + msgspec.json.encode(header) + b"\n" + packed


ROW4, ROW6 = b"\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0"
TWICE = b"\x05\x00" + b"\0\0" * 3 + b"\0\0"
BEYOND = b"\xff\xff" * 4 + b"\0\0"


@pytest.mark.parametrize(
    ("body", "blocks", "countries"),
    [
        (ROW4, (1, 0), ("",)),
        (ROW4 + ROW6, (1, 2), ("",)),
        (ROW4 + ROW6, (-1, 2), ("",)),
        (ROW4 + ROW6 + b"\0", (1, 1), ("",)),
        (ROW4[:4] + b"\1" + ROW6, (1, 1), ("",)),
        (TWICE + ROW6, (2, 1), ("",)),
        (BEYOND + ROW6, (2, 1), ("",)),
        (b"", (0, 0), ()),
    ],
)
def test_a_file_with_the_right_digest_and_wrong_blocks_is_refused(body, blocks, countries):
    with pytest.raises(TableInvalid):
        address_table.read(forged(body, blocks, countries))


def test_the_forgery_of_the_tests_above_is_otherwise_sound():
    assert len(address_table.read(forged(ROW4 + ROW6, (1, 1), ("",)))) == 2


def test_a_file_that_unpacks_to_more_than_a_table_may_hold_is_refused():
    with pytest.raises(TableInvalid, match="as many blocks"):
        address_table.read(forged(bytes(80_000_000), (1, 1), ("",)))


def test_a_file_that_goes_on_after_its_body_is_refused():
    with pytest.raises(TableInvalid, match="packed otherwise"):
        address_table.read(forged(ROW4 + ROW6, (1, 1), ("",), tail=b"more"))
