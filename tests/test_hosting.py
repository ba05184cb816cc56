"""Where an address is hosted: what is no public address, and how claims are weighed."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import hosting
from gateway.errors import AddressInvalid, DecisionInvalid
from gateway.hosting import Decision
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
    country: str,
    prefix: str,
    *,
    kind: str = hosting.REGISTRATION,
    source: str = "one",
    as_of: str = "2026-06-17",
    register: bool = False,
) -> HostingClaim:
    return HostingClaim(
        country=Country(country),
        kind=kind,
        source=source,
        as_of=as_of,
        prefix=prefix,
        register=register,
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


def register(country: str, prefix: str, as_of: str = "2026-06-17") -> HostingClaim:
    return claim(country, prefix, as_of=as_of, register=True)


WIDE, NARROW = "2.0.0.0/12", "2.1.2.0/24"
OLD, NEW = "2026-01-01", "2026-06-17"

# Two sources of registration that differ, the one that decides first, and the rule; None where
# neither does.
CONTRADICTIONS = [
    (claim("DE", NARROW), claim("FR", WIDE), "narrower"),
    (claim("DE", NARROW), register("FR", WIDE), "narrower"),
    (claim("DE", NARROW, as_of=OLD), register("FR", WIDE), "narrower"),
    (register("DE", NARROW), claim("FR", WIDE), "narrower"),
    (register("DE", NARROW, OLD), claim("FR", WIDE), "narrower"),
    (claim("DE", NARROW, as_of=OLD), claim("FR", WIDE), "narrower"),
    (claim("DE", NARROW, as_of=""), claim("FR", WIDE), "narrower"),
    (register("DE", WIDE), claim("FR", WIDE), "register"),
    (register("DE", WIDE, OLD), claim("FR", WIDE), "register"),
    (register("DE", WIDE, "2026-06-16"), register("FR", WIDE, "2026-06-15"), "newer"),
    (register("DE", WIDE, NEW), register("FR", NARROW, OLD), "newer"),
    (register("DE", NARROW, NEW), register("FR", WIDE, OLD), "newer"),
    (register("DE", NARROW), register("FR", WIDE), "narrower"),
    (register("DE", WIDE), register("FR", WIDE), None),
    (claim("DE", WIDE), claim("FR", WIDE), None),
    (claim("DE", WIDE), claim("FR", WIDE, as_of="2026-03-19"), None),
    (claim("DE", WIDE), claim("FR", WIDE, as_of="2026-03-18"), "newer"),
    (claim("DE", WIDE), claim("FR", WIDE, as_of=""), None),
]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("first", "second", "rule"), CONTRADICTIONS)
def test_contradicting_registrations_are_settled_by_rule_or_are_a_dispute(
    first, second, rule, order
):
    found = hosting.weigh("2.1.2.3", [first, second][::order])
    assert (found.disputed, found.settled) == (rule is None, rule)
    assert found.confidence is (Confidence.LOW if rule is None else Confidence.MEDIUM)
    if rule is not None:
        assert (found.country, found.prefix) == (first.country, first.prefix)


def test_the_narrowest_block_is_shown_where_there_is_a_dispute():
    claims = [claim("SE", WIDE), claim("FR", NARROW), claim("DE", NARROW)]
    found = hosting.weigh("2.1.2.3", claims)
    assert (found.disputed, found.prefix) == (True, NARROW)


def test_one_unsettled_contradiction_is_enough_for_a_dispute():
    claims = [claim("DE", NARROW), claim("FR", WIDE), claim("SE", NARROW)]
    assert hosting.weigh("2.1.2.3", claims).disputed


def test_of_several_rules_that_were_needed_the_weakest_is_told():
    claims = [register("DE", WIDE), claim("FR", "2.0.0.0/8"), claim("SE", WIDE)]
    assert hosting.weigh("2.1.2.3", claims).settled == "register"


def decided(country: str, prefix: str, because: str = "the holder's letter of May") -> Decision:
    place = Country(country)
    return Decision(prefix=prefix, country=place, because=because, decided_on="2026-07-01")


DISPUTE = [claim("DE", WIDE), claim("FR", WIDE)]


def weighed(claims, *decisions: Decision):
    before = hosting.weigh("2.1.2.3", claims)
    return hosting.reweigh(before, hosting.Decisions(decisions))


def test_a_decision_holds_where_registrations_dispute_each_other():
    found = weighed(DISPUTE, decided("SE", "2.1.0.0/16"))
    assert (found.country, found.settled, found.disputed) == ("SE", "decision", False)
    assert (found.prefix, found.confidence) == ("2.1.0.0/16", Confidence.MEDIUM)
    first = found.claims[0]
    assert (first.kind, first.as_of, first.because) == (
        "decision",
        "2026-07-01",
        "the holder's letter of May",
    )


def test_a_decision_goes_before_a_rule():
    found = weighed([claim("DE", NARROW), claim("FR", WIDE)], decided("FR", "2.1.0.0/16"))
    assert (found.country, found.settled) == ("FR", "decision")


def test_of_several_decisions_the_one_on_the_narrowest_network_holds():
    both = decided("SE", "2.1.0.0/16"), decided("FR", "2.1.2.0/25")
    for order in (both, both[::-1]):
        found = weighed(DISPUTE, *order)
        assert found.country == "FR"
        assert [c.kind for c in found.claims].count("decision") == 1


def test_a_decision_on_another_network_says_nothing():
    for prefix in ("2.1.3.0/24", "2.1.2.0/32", "2001:200::/32"):
        assert weighed(DISPUTE, decided("SE", prefix)).disputed


@pytest.mark.parametrize("claims", [[], [claim("FR", WIDE)], [claim("EU", WIDE)]])
def test_a_decision_decides_nothing_where_registrations_do_not_contradict(claims):
    before = hosting.weigh("2.1.2.3", claims)
    found = weighed(claims, decided("SE", "2.1.0.0/16"))
    assert (found.country, found.none, found.settled) == (before.country, before.none, None)
    assert found.claims[0].kind == "decision"


def test_a_decision_gives_no_special_address_a_country():
    before = hosting.weigh("192.168.1.1", ())
    decisions = hosting.Decisions([decided("SE", "192.0.0.0/8")])
    assert hosting.reweigh(before, decisions) == before


def test_a_decision_that_is_taken_back_leaves_the_dispute():
    settled = weighed(DISPUTE, decided("SE", "2.1.0.0/16"))
    assert hosting.reweigh(settled, hosting.Decisions()) == hosting.weigh("2.1.2.3", DISPUTE)


@given(st.ip_addresses(), st.integers(1, 64))
def test_a_decision_is_found_for_every_address_in_its_network_and_no_other(address, length):
    around = ipaddress.ip_network((address, min(length, 32)), strict=False)
    decisions = hosting.Decisions([decided("SE", str(around))])
    assert decisions.claim(around[0]) is not None
    assert decisions.claim(address).prefix == decisions.claim(around[-1]).prefix == str(around)
    if around.prefixlen and int(around[0]):
        assert decisions.claim(around[0] - 1) is None


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("2.1.2.0/24", "2.1.2.0/24"),
        (" 2.1.2.3 ", "2.1.2.3/32"),
        ("2A00:1:0::/48", "2a00:1::/48"),
        ("2.0.0.0/255.0.0.0", "2.0.0.0/8"),
    ],
)
def test_a_network_to_decide_about_has_one_spelling(text, network):
    assert hosting.network(text) == network


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no network"),
        ("France", "no network"),
        ("2.1.2.3/24", "host bits"),
        ("2.1.2.0/33", "no network"),
        ("2a00::/200", "no network"),
        ("0.0.0.0/0", "wider than /8"),
        ("2.0.0.0/7", "wider than /8"),
        ("2a00::/11", "wider than /12"),
        ("10.0.0.0/8", "private"),
        ("192.0.2.0/24", "documentation"),
        ("223.255.255.0/24", None),
        ("224.0.0.0/24", "multicast"),
        ("::ffff:2.1.2.0/120", "embedded"),
        ("fe80::1%eth0", "no network"),
    ],
)
def test_what_is_no_network_of_a_country_is_not_decided_about(text, why):
    if why is None:
        assert hosting.network(text)
        return
    with pytest.raises(DecisionInvalid, match=why):
        hosting.network(text)


@pytest.mark.parametrize("code", ["EU", "AP", "ZZ", "eu", "", "FRA", "F1", "Frankreich"])
def test_a_decision_names_a_country(code):
    with pytest.raises(DecisionInvalid, match="no country"):
        hosting.place(code)


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


RULED = (
    "Registrations contradict each other (DE and FR): of blocks of one size the registry's own file"
    " decides."
)


def test_an_explanation_says_how_a_contradiction_was_settled():
    claims = [register("DE", WIDE), claim("FR", WIDE)]
    assert hosting.explain(hosting.weigh("2.1.2.3", claims))[:3] == [
        "2.1.2.3 lies in 2.0.0.0/12, registered in DE (confidence medium).",
        RULED,
        "one (2026-06-17) says DE for 2.0.0.0/12: registration, of the registry itself.",
    ]


def test_an_explanation_of_a_decision_gives_its_date_and_reason():
    assert hosting.explain(weighed(DISPUTE, decided("SE", "2.1.0.0/16")))[:3] == [
        "2.1.2.3 lies in 2.1.0.0/16, decided to be in SE (confidence medium).",
        "Registrations contradict each other (DE and FR): an officer has decided.",
        "An officer decided on 2026-07-01 for 2.1.0.0/16: SE, because: the holder's letter of May.",
    ]
    idle = hosting.explain(weighed([claim("FR", WIDE)], decided("SE", "2.1.0.0/16")))
    assert idle[0] == "2.1.2.3 lies in 2.0.0.0/12, registered in FR (confidence high)."
    assert idle[1].endswith("No registrations contradict each other here, so it decides nothing.")


def test_an_explanation_of_a_dispute_says_who_decides():
    claims = [claim("FR", "2.0.0.0/12"), claim("DE", "2.0.0.0/12")]
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
