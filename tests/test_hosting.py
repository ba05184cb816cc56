"""Where an address is hosted: what is no public address, and how claims are weighed."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import hosting
from gateway.errors import AddressInvalid
from gateway.model import Confidence, Country, HostingClaim

SPECIAL = [
    ("0.0.0.0", "reserved"),
    ("0.255.255.255", "reserved"),
    ("10.0.0.0", "private"),
    ("10.255.255.255", "private"),
    ("100.63.255.255", None),
    ("100.64.0.0", "shared"),
    ("100.127.255.255", "shared"),
    ("100.128.0.0", None),
    ("127.0.0.1", "loopback"),
    ("127.255.255.255", "loopback"),
    ("128.0.0.0", None),
    ("169.253.255.255", None),
    ("169.254.0.0", "reserved"),
    ("169.254.169.254", "reserved"),
    ("169.255.0.0", None),
    ("172.15.255.255", None),
    ("172.16.0.0", "private"),
    ("172.31.255.255", "private"),
    ("172.32.0.0", None),
    ("192.0.0.0", "reserved"),
    ("192.0.0.8", "reserved"),
    ("192.0.0.170", "reserved"),
    ("192.0.1.0", None),
    ("192.0.2.0", "documentation"),
    ("192.0.2.255", "documentation"),
    ("192.31.196.1", "reserved"),
    ("192.52.193.1", "reserved"),
    ("192.88.99.1", "reserved"),
    ("192.167.255.255", None),
    ("192.168.0.1", "private"),
    ("192.169.0.0", None),
    ("192.175.48.6", "reserved"),
    ("198.17.255.255", None),
    ("198.18.0.1", "reserved"),
    ("198.19.255.255", "reserved"),
    ("198.20.0.0", None),
    ("198.51.100.7", "documentation"),
    ("203.0.113.7", "documentation"),
    ("203.0.114.0", None),
    ("223.255.255.255", None),
    ("224.0.0.1", "multicast"),
    ("233.252.0.7", "documentation"),
    ("239.255.255.255", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("::", "reserved"),
    ("::1", "loopback"),
    ("::2", "embedded"),
    ("::127.0.0.1", "embedded"),
    ("::ffff:127.0.0.1", "embedded"),
    ("::ffff:8.8.8.8", "embedded"),
    ("::ffff:0:8.8.8.8", "embedded"),
    ("64:ff9a:ffff::1", "reserved"),
    ("64:ff9b::7f00:1", "embedded"),
    ("64:ff9b::808:808", "embedded"),
    ("64:ff9b:1::1", "embedded"),
    ("64:ff9b:2::1", "reserved"),
    ("100::1", "reserved"),
    ("1fff:ffff::1", "reserved"),
    ("2000::1", None),
    ("2001::1", "embedded"),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "embedded"),
    ("2001:1::1", "reserved"),
    ("2001:2::1", "reserved"),
    ("2001:4:112::1", "reserved"),
    ("2001:10::1", "reserved"),
    ("2001:20::1", "reserved"),
    ("2001:30::1", "reserved"),
    ("2001:1ff:ffff::1", "reserved"),
    ("2001:200::1", None),
    ("2001:db7:ffff::1", None),
    ("2001:db8::1", "documentation"),
    ("2001:db8:ffff:ffff::1", "documentation"),
    ("2001:db9::1", None),
    ("2002:7f00:1::", "embedded"),
    ("2002:808:808::1", "embedded"),
    ("2003::1", None),
    ("2a00::5efe:c000:201", "embedded"),
    ("2a00::200:5efe:808:808", "embedded"),
    ("2a00::5eff:808:808", None),
    ("2620:4f:8000::1", "reserved"),
    ("3ffe:ffff::1", None),
    ("3fff::1", "documentation"),
    ("3fff:fff:ffff::1", "documentation"),
    ("3fff:1000::1", None),
    ("4000::1", "reserved"),
    ("5f00::1", "reserved"),
    ("fbff::1", "reserved"),
    ("fc00::1", "private"),
    ("fdff:ffff::1", "private"),
    ("fe80::1", "reserved"),
    ("fec0::1", "private"),
    ("feff::1", "private"),
    ("ff02::1", "multicast"),
    ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
]
NO_ADDRESS = [
    "",
    " ",
    "example.org",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "017700000001",
    "127.0.0.01",
    "1.2.3.4.5",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4/32",
    "1.2.3.4:25",
    "①.2.3.4",
    "1。2。3。4",
    "1.2.3.4\x00",
    "[1.2.3.4",
    "1.2.3.4]",
    "fe80::1%eth0",
    "2001:db8::1%1",
    ":::",
    "2001:db8::1::2",
    "1:2:3:4:5:6:7",
    "12345::",
    "::ffff:1.2.3",
    "a" * 100_000,
]


def claim(
    country: str, prefix: str, *, kind: str = hosting.REGISTRATION, source: str = "one"
) -> HostingClaim:
    return HostingClaim(
        country=Country(country), kind=kind, source=source, as_of="2026-06-17", prefix=prefix
    )


@pytest.mark.parametrize(("address", "word"), SPECIAL)
def test_an_address_that_is_no_public_hosts_is_told_by_its_word(address, word):
    assert hosting.special(address) == word


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_in_the_usual_spelling_is_refused(text):
    with pytest.raises(AddressInvalid):
        hosting.canonical(text)
    with pytest.raises(AddressInvalid):
        hosting.special(text)
    with pytest.raises(AddressInvalid):
        hosting.weigh(text, ())


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused_with_our_error(text):
    try:
        name = hosting.canonical(text)
    except AddressInvalid:
        return
    assert hosting.canonical(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" 192.0.2.1 ", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:DB8:0:0:0:0:0:1]", "2001:db8::1"),
        ("IPv6:2001:db8::1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"),
        ("::ffff:c000:201", "::ffff:192.0.2.1"),
        ("::FFFF:192.0.2.1", "::ffff:192.0.2.1"),
    ],
)
def test_an_address_has_one_spelling(text, name):
    assert hosting.canonical(text) == name


@given(st.integers(0, 2**32 - 1))
def test_an_ipv4_address_inside_another_never_counts_as_public(number):
    inner = ipaddress.IPv4Address(number)
    high, low = number >> 16, number & 0xFFFF
    for text in (
        f"::ffff:{inner}",
        f"::ffff:0:{inner}",
        f"64:ff9b::{inner}",
        f"2002:{high:x}:{low:x}::1",
        f"2001:0:{high:x}:{low:x}::1",
        f"2a00:1:2:3:0:5efe:{high:x}:{low:x}",
        f"2a00:1:2:3:200:5efe:{high:x}:{low:x}",
    ):
        assert hosting.special(text) == "embedded"


@given(st.ip_addresses())
def test_whatever_the_standard_library_calls_private_is_special_here_too(address):
    if not address.is_global or address.is_multicast or address.is_loopback:
        assert hosting.special(str(address)) is not None


@pytest.mark.parametrize(("address", "word"), [row for row in SPECIAL if row[1]])
def test_no_claim_gives_a_special_address_a_country(address, word):
    found = hosting.weigh(address, [claim("FR", "0.0.0.0/0")], asn=64500)
    assert (found.country, found.none, found.claims) == (None, word, ())
    assert found.network == hosting.neighbourhood(address)


def test_registration_decides_and_geolocation_stands_beside_it():
    claims = [claim("FR", "2.0.0.0/12"), claim("US", "2.1.0.0/16", kind=hosting.GEOLOCATION)]
    found = hosting.weigh("2.1.2.3", claims, asn=64500, as_name="EXAMPLE")
    assert (found.country, found.prefix, found.none) == ("FR", "2.0.0.0/12", None)
    assert not found.disputed
    assert found.confidence is Confidence.MEDIUM
    assert found.claims == tuple(claims)
    assert (found.network, found.asn, found.as_name) == ("AS64500", 64500, "EXAMPLE")


@pytest.mark.parametrize("beside", [[], [("FR", "2.0.0.0/8")], [("EU", "2.0.0.0/8")]])
def test_where_nothing_says_otherwise_the_confidence_is_high(beside):
    claims = [claim(*row, kind=hosting.GEOLOCATION) for row in beside]
    found = hosting.weigh("2.1.2.3", [claim("FR", "2.0.0.0/12"), *claims])
    assert (found.country, found.confidence) == ("FR", Confidence.HIGH)


def test_geolocation_alone_gives_no_country():
    found = hosting.weigh("2.1.2.3", [claim("FR", "2.0.0.0/12", kind=hosting.GEOLOCATION)])
    assert (found.country, found.none, found.confidence) == (None, "unknown", Confidence.LOW)


@pytest.mark.parametrize("order", [1, -1])
def test_two_sources_of_registration_that_differ_make_a_dispute(order):
    claims = [claim("FR", "2.0.0.0/12"), claim("DE", "2.1.2.0/24", source="two")][::order]
    found = hosting.weigh("2.1.2.3", claims)
    assert found.disputed
    assert (found.country, found.prefix) == ("DE", "2.1.2.0/24"), "the narrowest block is shown"
    assert found.confidence is Confidence.LOW


def test_two_sources_that_agree_make_none():
    found = hosting.weigh("2.1.2.3", [claim("FR", "2.0.0.0/8"), claim("FR", "2.1.0.0/16")])
    assert (found.disputed, found.country, found.prefix) == (False, "FR", "2.1.0.0/16")


@pytest.mark.parametrize("code", ["EU", "AP", "ZZ"])
def test_a_code_that_is_no_country_decides_nothing_and_disputes_nothing(code):
    alone = hosting.weigh("2.1.2.3", [claim(code, "2.1.2.0/24")])
    assert (alone.country, alone.none, alone.disputed) == (None, "no_country", False)
    beside = hosting.weigh("2.1.2.3", [claim(code, "2.1.2.0/24"), claim("FR", "2.0.0.0/8")])
    assert (beside.country, beside.none, beside.disputed) == ("FR", None, False)


def test_an_address_that_nobody_knows_is_unknown():
    found = hosting.weigh("2001:200::1", ())
    assert (found.country, found.none, found.network) == (None, "unknown", "2001:200::/48")


@pytest.mark.parametrize(
    ("asn", "name", "network"),
    [(64500, "X", "AS64500"), (None, "X", "X"), (None, "", "2.1.2.0/24"), (0, None, "2.1.2.0/24")],
)
def test_a_network_is_named_by_number_else_name_else_neighbourhood(asn, name, network):
    assert hosting.weigh("2.1.2.3", (), asn=asn, as_name=name).network == network


@settings(deadline=None)  # the tests share a busy machine
@given(
    st.sampled_from([4, 6]),
    st.lists(st.integers(0, 2**32), min_size=2, max_size=2, unique=True),
    st.data(),
)
def test_a_block_is_the_largest_that_holds_the_address_and_stays_in_the_range(version, edges, data):
    first, end = sorted(edges)
    number = data.draw(st.integers(first, end - 1))
    found = ipaddress.ip_network(hosting.block(version, number, first, end))
    shift = 0 if version == 4 else 64
    start = int(found.network_address) >> shift
    size = found.num_addresses >> shift
    assert first <= start <= number < start + size <= end
    if found.prefixlen:
        wider = found.supernet()
        start, size = int(wider.network_address) >> shift, wider.num_addresses >> shift
        assert start < first or start + size > end


def test_the_whole_space_is_one_block():
    assert hosting.block(4, 7, 0, 1 << 32) == "0.0.0.0/0"
    assert hosting.block(6, 7, 0, 1 << 64) == "::/0"


@pytest.mark.parametrize(
    ("text", "code"),
    [("fr", "FR"), (" DE ", "DE"), ("", None), ("--", None), (None, None), ("A1", None)],
)
def test_a_code_of_two_letters_is_a_country(text, code):
    assert hosting.country(text) == code


def test_an_explanation_names_the_finding_and_every_source_with_its_date():
    claims = [claim("FR", "2.0.0.0/12"), claim("US", "2.1.0.0/16", kind=hosting.GEOLOCATION)]
    lines = hosting.explain(hosting.weigh("2.1.2.3", claims, asn=64500, as_name="EXAMPLE"))
    assert lines == [
        "2.1.2.3 lies in 2.0.0.0/12, registered in FR (confidence medium).",
        "one (2026-06-17) says FR for 2.0.0.0/12: registration.",
        "one (2026-06-17) says US for 2.1.0.0/16: geolocation, shown beside it, decides nothing.",
        "Network: AS64500 (EXAMPLE).",
    ]


def test_an_explanation_of_a_dispute_says_who_decides():
    claims = [claim("FR", "2.0.0.0/12"), claim("DE", "2.1.2.0/24")]
    first = hosting.explain(hosting.weigh("2.1.2.3", claims))[0]
    assert first == (
        "Sources of registration dispute the country of 2.1.2.3 (DE, FR): a person decides."
    )


@pytest.mark.parametrize(("address", "word"), [row for row in SPECIAL if row[1]])
def test_every_special_address_is_explained_in_one_sentence(address, word):
    [line] = hosting.explain(hosting.weigh(address, ()))
    assert "no country hosts it" in line
    assert "None" not in line


@pytest.mark.parametrize(("claims", "words"), [((), "knows"), ((claim("EU", "2.0.0.0/8"),), "EU")])
def test_what_has_no_country_is_said_to_go_nowhere(claims, words):
    first = hosting.explain(hosting.weigh("2.1.2.3", claims))[0]
    assert words in first
    assert "goes nowhere by itself" in first
