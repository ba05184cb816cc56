"""The true origin: found in every provider's chain, and never moved by what a sender can write."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import errors, trace
from gateway.edges.registry import open_registry
from gateway.model import Confidence, Hosting, Origin
from tests import chains
from tests.bench import origin as bench
from tests.chains import locate
from tests.shared import shared

DATE = "; Tue, 3 Mar 2026 10:20:30 +0000"
SENDER = "198.19.7.7"
VICTIM = "198.19.99.9"


def mail(*lines: str, **more: str) -> chains.Headers:
    """Received lines, newest first, and other headers below them (``x_sender_ip=...``)."""
    others = tuple((name.replace("_", "-"), value) for name, value in more.items())
    return (*(("Received", line + DATE) for line in lines), *others)


def origin_of(*lines: str, borders: tuple[str, ...] = (), **more: str) -> Origin:
    found = trace.find(mail(*lines, **more), locate, borders)
    assert isinstance(found, Origin), found
    return found


def reason_of(*lines: str) -> str:
    found = trace.find(mail(*lines), locate)
    assert isinstance(found, trace.Untraced), found
    return found.reason


# Real mail, where it is at hand.


@pytest.fixture(scope="module")
def registry():
    return open_registry().locate


@pytest.fixture(scope="module")
def real():
    return bench.samples(shared("mail"), shared("mail", "truth.tsv"))


def wrong(real, registry, change) -> dict[str, list[str]]:
    missed: dict[str, list[str]] = {"outlook": [], "unix": []}
    for sample in real:
        if not bench.right(change(sample.headers), sample.origin, registry):
            missed[sample.collection].append(sample.path)
    return missed


def test_real_mail_gives_the_origin_that_its_provider_recorded(real, registry):
    missed = wrong(real, registry, lambda headers: headers)
    assert missed["outlook"] == []
    assert len(missed["unix"]) <= 1


def test_real_mail_without_its_providers_own_headers_gives_the_same(real, registry):
    missed = wrong(real, registry, bench.silent)
    assert missed["outlook"] == []
    assert len(missed["unix"]) <= 1


def test_forged_chains_below_the_border_of_real_mail_move_nothing(real, registry):
    rng, lines = random.Random(7), bench.copied(real)
    for sample in real:
        chain = bench.as_chain(sample)
        assert chain is not None
        for name, forged in chains.forgeries(chain, rng, lines):
            assert bench.right(forged, sample.origin, registry), (sample.path, name)


# Generated chains of many providers.


@pytest.mark.parametrize("seed", range(10))
def test_every_kind_of_provider_is_traced_to_the_line_of_its_border(seed):
    for chain in chains.chains(random.Random(seed)):
        for headers in (chain.headers, bench.silent(chain.headers)):
            found = trace.find(headers, locate)
            assert isinstance(found, Origin), (chain.kind, found)
            assert (found.address, found.line_number) == (chain.origin, chain.border), chain.kind
            assert found.confidence is not Confidence.LOW, chain.kind


@pytest.mark.parametrize("seed", range(10))
def test_every_forgery_below_the_border_leaves_the_origin_where_it_is(seed):
    rng = random.Random(seed)
    every = list(chains.chains(rng))
    copied = [v for chain in every for name, v in chain.headers if name == "Received"]
    for chain in every:
        for name, forged in chains.forgeries(chain, rng, copied):
            found = trace.find(forged, locate)
            assert isinstance(found, Origin), (chain.kind, name, found)
            assert found.address == chain.origin, (chain.kind, name, found)


LINES = st.one_of(
    st.text(max_size=80),
    st.builds(
        "from {} ({} [{}]) by {} (Postfix) with {}; Tue, 3 Mar 2026 10:20:30 +0000".format,
        st.sampled_from(["mx.example.net", "x.org", "localhost", "mx.google.com"]),
        st.sampled_from(["mx.example.net", "unknown", "pop.example.net"]),
        st.sampled_from([VICTIM, "127.0.0.1", "10.0.0.1", "198.18.112.7", "2001:db8:5::1"]),
        st.sampled_from(["mx.example.net", "localhost", "x", "mx1.messagingengine.com"]),
        st.sampled_from(["SMTP", "POP3", "LMTP", "HTTPS", "ESMTPSA", "mapi"]),
    ),
)


@settings(deadline=None)
@given(st.integers(0, 1000), st.lists(LINES, max_size=4))
def test_no_older_lines_whatever_they_say_move_the_origin(seed, lines):
    for chain in chains.chains(random.Random(seed)):
        above, below = chains.split(chain.headers, chain.border)
        found = trace.find((*above, *(("Received", line) for line in lines), *below), locate)
        assert isinstance(found, Origin)
        assert (found.address, found.line_number) == (chain.origin, chain.border)


# What is no evidence.


def test_a_customer_of_the_provider_is_not_one_of_its_machines():
    found = origin_of(
        f"from dsl-7-7.example.net (dsl-7-7.example.net [{SENDER}]) by mx.example.net (Postfix)",
        f"from x ([{VICTIM}]) by dsl-7-7.example.net (Postfix) with ESMTP",
    )
    assert found.address == SENDER


def test_a_name_that_holds_its_own_address_is_a_customers():
    found = origin_of(
        f"from a (h198-19-7-7.example.net [{SENDER}]) by mx.example.net (Postfix)",
        f"from x ([{VICTIM}]) by h198-19-7-7.example.net (Postfix) with ESMTP",
    )
    assert found.address == SENDER


def test_two_customers_of_one_hoster_are_strangers():
    found = origin_of(
        f"from m1.contaboserver.net (m1.contaboserver.net [{SENDER}]) by m2.contaboserver.net (X)",
        f"from x ([{VICTIM}]) by m1.contaboserver.net (Postfix) with ESMTP",
    )
    assert found.address == SENDER


def test_a_neighbour_in_the_network_without_a_kindred_name_is_a_stranger():
    found = origin_of(
        "from evil.example.org (evil.example.org [198.18.1.9]) by mx.example.net (mx [198.18.1.8])",
        f"from x ([{VICTIM}]) by evil.example.org (Postfix) with ESMTP",
    )
    assert found.address == "198.18.1.9"


def test_a_greeting_in_the_providers_name_proves_nothing():
    found = origin_of(
        f"from mx2.example.net ([{SENDER}]) by mx.example.net (8.11.6/8.11.6) with SMTP id 1",
        f"from x ([{VICTIM}]) by mx2.example.net (8.11.6/8.11.6) with SMTP id 2",
    )
    assert found.address == SENDER


def hosted(address: str) -> Hosting:
    """A world in which everybody lets a machine at one hoster."""
    return Hosting(
        address=address,
        country=None,
        network="BIG-CLOUD",
        as_name="BIG-CLOUD",
        none=locate(address).none,
    )


def test_a_greeting_from_the_same_hoster_proves_nothing_either():
    headers = mail(
        f"from mx2.example.net ({SENDER}) by mx.example.net (198.18.5.5) with Microsoft SMTP",
        f"from x ({VICTIM}) by mx2.example.net ({SENDER}) with Microsoft SMTP Server id 2",
    )
    found = trace.find(headers, hosted)
    assert isinstance(found, Origin)
    assert found.address == SENDER


def test_a_verified_name_of_the_provider_is_followed_and_costs_certainty():
    found = origin_of(
        f"from relay.example.net (relay.example.net [{SENDER}]) by mx.example.net (Postfix)",
        f"from x (x.example.org [{VICTIM}]) by relay.example.net (Postfix) with ESMTP",
    )
    assert (found.address, found.line_number, found.border) == (VICTIM, 1, "relay.example.net")
    assert found.confidence is Confidence.MEDIUM


def test_a_client_that_authenticated_is_the_origin_even_within_one_provider():
    found = origin_of(
        "from relay.example.net (relay.example.net [198.18.1.7]) by mx.example.net (mx"
        " [198.18.1.8]) with ESMTP",
        "from web.example.net (web.example.net [198.18.1.6]) by relay.example.net (Postfix) with"
        " ESMTPSA id 1",
        f"from x ([{VICTIM}]) by web.example.net with HTTP",
    )
    assert found.address == "198.18.1.6"


def test_a_webmail_client_in_the_providers_own_network_is_the_origin():
    found = origin_of(
        f"from home.example.net (home.example.net [{SENDER}]) by web.example.net (Horde Framework)"
        " with HTTPS"
    )
    assert found.address == SENDER


def test_large_providers_machines_are_known_where_the_tables_know_nothing():
    def blank(address: str) -> Hosting:
        return Hosting(address=address, country=None, network="", none=locate(address).none)

    headers = mail(
        "from AM1.eurprd03.prod.exchangelabs.com (2603:10a6:10::7) by"
        " PA1.eurprd03.prod.outlook.com (2603:10b6:20::8) with Microsoft SMTP Server id 15",
        f"from x ({SENDER}) by AM1.mail.protection.outlook.com (10.1.1.1) with Microsoft SMTP",
    )
    found = trace.find(headers, blank)
    assert isinstance(found, Origin)
    assert (found.address, found.line_number) == (SENDER, 1)


def test_headers_that_only_claim_an_address_never_make_an_origin():
    headers = (("X-Originating-IP", f"[{SENDER}]"), ("X-Received", f"from x ([{SENDER}]) by y"))
    assert isinstance(trace.find(headers, locate), trace.Untraced)


# What cannot be known is said.


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "the mail has no Received line"),
        (("from x ([127.0.0.1]) by y with SMTP",), "no Received line names a public address"),
        (("from x ([10.0.0.1]) by y with SMTP", "nonsense"), "no Received line names a public"),
        (
            (f"from pop.example.net [{SENDER}] by localhost with POP3 (fetchmail)",),
            "every line was written inside one provider",
        ),
    ],
)
def test_a_mail_without_a_border_is_untraced_with_its_reason(lines, reason):
    assert reason_of(*lines).startswith(reason)


@pytest.mark.parametrize("address", [" ([10.0.0.5])", ""])
def test_lines_behind_a_stranger_whose_address_was_lost_are_only_claims(address):
    reason = reason_of(
        f"from evil.example.org{address} by mx.example.net with SMTP",
        f"from x (x.example.org [{VICTIM}]) by evil.example.org (Postfix) with ESMTP",
    )
    assert "older lines are claims" in reason


def test_an_unlinked_private_hop_leaves_little_certainty():
    found = origin_of(
        "from gateway ([10.0.0.5]) by mx.example.net with SMTP",
        f"from x (x.example.org [{SENDER}]) by other.example.com (Postfix) with ESMTP",
    )
    assert (found.address, found.confidence) == (SENDER, Confidence.LOW)


def test_an_address_that_may_be_the_greeting_is_of_low_confidence():
    assert origin_of(f"from {SENDER} by mx.example.net with SMTP").confidence is Confidence.LOW


def test_a_line_with_broken_brackets_is_of_low_confidence():
    found = origin_of(f"from a(b (x.example.org [{SENDER}]) by mx.example.net with SMTP")
    assert (found.address, found.confidence) == (SENDER, Confidence.LOW)


# What the Origin tells.


def test_the_origin_names_border_port_time_line_and_older_claims():
    found = origin_of(
        f"from x ([{SENDER}]:40123 helo=y) by mx.example.net with esmtp (Exim 4.96) id 1",
        f"from z ([{VICTIM}]) by x with SMTP",
        "by nobody with SMTP",
        "from w ([10.0.0.1]) by z with SMTP",
    )
    assert (found.border, found.port, found.line_number) == ("mx.example.net", 40123, 0)
    assert found.stamped_at is not None
    assert found.stamped_at.isoformat() == "2026-03-03T10:20:30+00:00"
    assert f"[{SENDER}]:40123" in found.line
    assert [claim.address for claim in found.claimed] == [VICTIM, "10.0.0.1"]
    assert found.confidence is Confidence.HIGH


def test_a_hundred_thousand_lines_are_cut_to_stated_counts():
    line = f"from z (z [{VICTIM}]) by x with SMTP"
    found = origin_of(f"from x (x [{SENDER}]) by mx.example.net with SMTP", *[line] * 100_000)
    assert found.address == SENDER
    assert len(found.claimed) == 20
    assert "inside one provider" in reason_of(
        *[f"from pop.example.net [{SENDER}] by localhost with POP3"] * 100_000
    )


# Settings.

FORWARDER = (
    f"from fwd.example.com (fwd.example.com [{SENDER}]) by mx.google.com with ESMTPS id 1",
    f"from x (x.example.org [{VICTIM}]) by fwd.example.com (Postfix) with ESMTP",
)


@pytest.mark.parametrize(
    "border", ["fwd.example.com", ".example.com", "*.Example.com", "198.19.7.0/24"]
)
def test_a_border_setting_moves_the_border_to_the_forwarder_that_it_names(border):
    assert origin_of(*FORWARDER).address == SENDER
    found = origin_of(*FORWARDER, borders=(border,))
    assert (found.address, found.border) == (VICTIM, "fwd.example.com")


def test_a_border_setting_is_not_moved_by_a_greeting():
    found = origin_of(
        f"from fwd.example.com (evil.example.org [{SENDER}]) by mx.google.com with ESMTPS id 1",
        f"from x (x.example.org [{VICTIM}]) by fwd.example.com (Postfix) with ESMTP",
        borders=("fwd.example.com",),
    )
    assert found.address == SENDER


def test_a_border_setting_stops_at_the_border_that_it_names():
    lines = (
        f"from relay.example.net (relay.example.net [{SENDER}]) by mx.example.net (Postfix)",
        f"from x (x.example.org [{VICTIM}]) by relay.example.net (Postfix) with ESMTP",
    )
    found = origin_of(*lines, borders=("mx.example.net",))
    assert (found.address, found.border) == (SENDER, "mx.example.net")


@pytest.mark.parametrize("border", ["", "mx", "not a host", "192.0.2.0/99", "[192.0.2.1]", "-"])
def test_a_border_that_is_neither_name_nor_network_is_refused(border):
    with pytest.raises(errors.ConfigInvalid):
        trace.settings((border,))
