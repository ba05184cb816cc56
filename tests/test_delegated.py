"""Delegated-extended files of the registries: read, written, and refused when cut short."""

import ipaddress
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import TableInvalid
from gateway.formats import delegated
from gateway.formats.address_table import Range
from gateway.formats.delegated import Delegated, Record
from tests.tables import delegated as file_of

ROWS = (
    "ripencc|FR|asn|64500|2|20100101|allocated|holder-1",
    "ripencc|FR|ipv4|192.0.2.0|256|20100101|allocated|holder-1",
    "ripencc|DE|ipv4|198.51.100.0|384|20110101|assigned|holder-2|e-stats",
    "ripencc|EU|ipv4|203.0.113.0|128|00000000|allocated|holder-3",
    "ripencc||ipv4|203.0.113.128|64||allocated|holder-3",
    "ripencc|ZZ|ipv4|203.0.113.192|32||reserved|ripencc",
    "ripencc||ipv4|203.0.113.224|32||available|",
    "ripencc|NL|ipv6|2001:db8::|32|20120101|allocated|holder-4",
    "ripencc|NL|ipv6|2001:db9::|127|20120101|assigned|holder-4",
)


def v4(first: str, count: int, country: str) -> Range:
    number = int(ipaddress.IPv4Address(first))
    return Range(version=4, first=number, end=number + count, country=country)


@st.composite
def record(draw):
    kind = draw(st.sampled_from(delegated.TYPES))
    if kind == "asn":
        start = str(draw(st.integers(0, 2**32 - 1)))
        value = draw(st.integers(1, 2**32 - int(start)))
    elif kind == "ipv4":
        number = draw(st.integers(0, 2**32 - 1))
        start, value = str(ipaddress.IPv4Address(number)), draw(st.integers(1, 2**32 - number))
    else:
        value = draw(st.integers(0, 128))
        number = draw(st.integers(0, 2**128 - 1))
        start = str(ipaddress.IPv6Network((number, value), strict=False).network_address)
    word = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="|"))
    return Record(
        registry=draw(st.sampled_from(["afrinic", "arin"])),
        country=draw(st.sampled_from(["FR", "EU", "ZZ", ""])),
        type=kind,
        start=start,
        value=value,
        date=draw(st.sampled_from(["20260617", "00000000", ""])),
        status=draw(st.sampled_from(["allocated", "assigned", "available", "reserved"])),
        rest=tuple(draw(st.lists(word.filter(lambda text: text != "summary"), max_size=3))),
    )


@settings(deadline=None)  # the tests share a busy machine
@given(st.lists(record(), max_size=12).map(tuple), st.sampled_from(["2", "2.3"]))
def test_a_file_reads_back_as_it_was_written(records, version):
    one = Delegated(
        version=version,
        registry="nro",
        serial="1786107620675",
        start_date="19700101",
        end_date="20260617",
        offset="-0400",
        records=records,
    )
    content = delegated.write(one)
    if overlapping(one.ranges):
        with pytest.raises(TableInvalid, match=r"lines \d+ and \d+ .* the same addresses"):
            delegated.read(content)
        return
    assert delegated.read(content) == one
    for found in one.ranges:
        assert found.first < found.end


def overlapping(ranges) -> bool:
    """Whether two of them overlap and neither is more specific, looked at pair by pair."""
    for one, other in itertools.combinations(ranges, 2):
        if one.version != other.version:
            continue
        if one.end <= other.first or other.end <= one.first:
            continue
        same = (one.first, one.end) == (other.first, other.end)
        inside = one.first <= other.first and other.end <= one.end
        around = other.first <= one.first and one.end <= other.end
        if (same and one.country != other.country) or not (inside or around):
            return True
    return False


OVERLAPS = (
    ("FR 192.0.2.0 256", "FR 192.0.2.0 256", False),
    ("FR 192.0.2.0 256", "DE 192.0.2.0 256", True),
    ("FR 192.0.2.0 256", "DE 192.0.2.0 128", False),
    ("FR 192.0.2.0 256", "DE 192.0.2.128 128", False),
    ("FR 192.0.2.0 256", "DE 192.0.2.128 129", True),
    ("FR 192.0.2.0 256", "FR 192.0.2.128 129", True),
    ("FR 192.0.2.0 256", "DE 192.0.3.0 256", False),
    ("FR 2001:db8:: 32", "DE 2001:db8:: 32", True),
    ("FR 2001:db8:: 32", "DE 2001:db8:: 48", False),
)


@pytest.mark.parametrize(("one", "other", "refused"), OVERLAPS)
@pytest.mark.parametrize("order", [1, -1])
def test_a_file_that_gives_the_same_addresses_to_two_countries_is_refused(
    one, other, refused, order
):
    rows = []
    for row in (one, other)[::order]:
        country, start, size = row.split()
        kind = "ipv6" if ":" in start else "ipv4"
        rows.append(f"ripencc|{country}|{kind}|{start}|{size}|20100101|allocated|x")
    content = file_of("ripencc|SE|ipv4|198.51.100.0|1|20100101|allocated|x", *rows)
    if not refused:
        delegated.read(content)
        return
    with pytest.raises(TableInvalid, match=r"lines (6 and 7|7 and 6)"):
        delegated.read(content)


def test_addresses_that_nobody_holds_may_overlap_what_is_given():
    rows = ("ripencc|FR|ipv4|192.0.2.0|256|20100101|allocated|x",)
    delegated.read(file_of(*rows, "ripencc||ipv4|192.0.2.0|256||available|"))


def test_a_file_of_all_five_registries_holds_records_of_each():
    rows = [f"{name}|FR|asn|{at + 1}|1||allocated|x" for at, name in enumerate(delegated.FIVE)]
    content = file_of(*rows, registry="nro")
    assert [r.registry for r in delegated.read(content).records] == list(delegated.FIVE)
    for name in delegated.FIVE:
        with pytest.raises(TableInvalid, match=f"in a file of {name}"):
            delegated.read(content.replace(b"|nro|", f"|{name}|".encode()))


def test_what_was_given_out_becomes_ranges_with_the_country_on_record():
    found = delegated.read(file_of(*ROWS))
    assert (found.registry, found.as_of, len(found.records)) == ("ripencc", "2026-06-17", 9)
    assert found.ranges == (
        v4("192.0.2.0", 256, "FR"),
        v4("198.51.100.0", 384, "DE"),
        v4("203.0.113.0", 128, "EU"),
        v4("203.0.113.128", 64, "ZZ"),
        Range(version=6, first=0x20010DB8 << 32, end=0x20010DB9 << 32, country="NL"),
    )


def test_comments_empty_lines_and_the_line_ends_of_others_do_no_harm():
    content = b"# a comment\n\n" + file_of(*ROWS).replace(b"\n", b"\r\n") + b"\n# the end"
    assert delegated.read(content) == delegated.read(file_of(*ROWS))


@pytest.mark.parametrize(
    ("head", "day"),
    [
        ("2|arin|1786107620675|0|19700101|20260807|-0400", "2026-08-07"),
        ("2|apnic|20260617|0|19830613||+1000", "2026-06-17"),
        ("2|apnic|20260617|0|19830613|00000000|+1000", "2026-06-17"),
        ("2|apnic|1|0|19830613||+1000", ""),
        ("2|apnic|20261317|0|19830613|99999999|+1000", ""),
    ],
)
def test_the_date_is_the_last_day_of_the_file_or_else_its_serial(head, day):
    assert delegated.read(head.encode()).as_of == day


def test_a_file_cut_short_anywhere_is_refused():
    content = file_of(*ROWS)
    # The last line may lose what follows its status: that is a shorter file of the same records.
    whole = content.rstrip(b"\n").rindex(b"|")
    for length in range(whole):
        with pytest.raises(TableInvalid):
            delegated.read(content[:length])


def test_a_file_that_lost_or_gained_a_line_is_refused():
    lines = file_of(*ROWS).splitlines(keepends=True)
    for at in range(len(lines)):
        with pytest.raises(TableInvalid):
            delegated.read(b"".join(lines[:at] + lines[at + 1 :]))
    for line in lines[1:]:
        with pytest.raises(TableInvalid):
            delegated.read(b"".join([*lines, line]))


@pytest.mark.parametrize(
    "row",
    [
        "arin|FR|ipv4|192.0.2.0|256|20100101|allocated|x",
        "nobody|FR|ipv4|192.0.2.0|256|20100101|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|256|20100101",
        "ripencc|FR|ipv5|192.0.2.0|256|20100101|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|256|20100101|stolen|x",
        "ripencc|FR|ipv4|192.0.2|256|20100101|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|0|20100101|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|-1|20100101|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|+1|20100101|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|1_0|20100101|allocated|x",
        "ripencc|FR|ipv4|255.255.255.0|257|20100101|allocated|x",
        "ripencc|FR|ipv6|192.0.2.0|24|20100101|allocated|x",
        "ripencc|FR|ipv6|2001:db8::|129|20100101|allocated|x",
        "ripencc|FR|ipv6|2001:db8::1|32|20100101|allocated|x",
        "ripencc|FR|ipv6|2001:db8::%1|32|20100101|allocated|x",
        "ripencc|FR|asn|AS64500|1|20100101|allocated|x",
        "ripencc|FR|asn|4294967295|2|20100101|allocated|x",
        "ripencc|fr|ipv4|192.0.2.0|256|20100101|allocated|x",
        "ripencc|FRA|ipv4|192.0.2.0|256|20100101|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|256|2010|allocated|x",
        "ripencc|FR|ipv4|192.0.2.0|256|20100101|allocated|a b",
    ],
)
def test_a_record_that_cannot_be_read_is_refused_and_its_line_named(row):
    with pytest.raises(TableInvalid, match="line 5 "):
        delegated.read(file_of(row))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"# only a comment\n",
        b"\xff\xfe2|arin",
        "2|arin|1|0|1|1|é".encode(),
        b"1|arin|1|0|1|1|0\n",
        b"2|arin|1|0|1|1\n",
        b"2|arin|1|x|1|1|0\n",
        b"2|arin|1|0|1|1|0\narin|*|ipv4|*|0|summary\narin|*|ipv4|*|0|summary\n",
        b"2|arin|1|0|1|1|0\narin|*|ipv4|*|many|summary\n",
        b"2|arin|1|0|1|1|0\narin|*|ipv9|*|0|summary\n",
        b"<html>an error page</html>\n",
        b"2|somebody|1|0|19830101|20260617|0\n",
        b"2|arin|today|0|19830101|20260617|0\n",
        b"2|arin||0|19830101|20260617|0\n",
        b"2|arin|1|0|19830101|yesterday|0\n",
        b"2|arin|1|0|1983|20260617|0\n",
    ],
)
def test_what_is_no_delegated_file_is_refused(content):
    with pytest.raises(TableInvalid):
        delegated.read(content)


@given(st.text(alphabet="2|ripencc*asvum0.1:\n#FRédlo", max_size=200))
def test_any_text_is_a_file_or_refused_with_our_error(text):
    try:
        delegated.read(text.encode())
    except TableInvalid:
        return
