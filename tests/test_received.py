"""One Received line in the dialects of mail servers, and in those of people who forge them."""

import ipaddress
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import received

TAIL = "; Tue, 3 Mar 2026 10:20:30 +0100"
DIALECTS = {
    "postfix": "from {helo} (mail.example.org [192.0.2.1]) by mx.example.net (Postfix) with ESMTPS",
    "postfix, unknown": "from {helo} (unknown [192.0.2.1]) by mx.example.net (Postfix) with ESMTP",
    "sendmail": "from {helo} (joe@mail.example.org [192.0.2.1] (may be forged)) by mx.example.net"
    " (8.11.6/8.11.6) with ESMTP id g7",
    "sendmail, no name": "from {helo} ([192.0.2.1]) by mx.example.net (8.9.3/8.9.3) with SMTP id U",
    "exchange": "from {helo} (192.0.2.1) by mx.example.net (10.1.2.3) with Microsoft SMTP Server",
    "smtpsvc": "from {helo} ([192.0.2.1]) by mx.example.net with Microsoft SMTPSVC(5.0.2195.2966)",
    "exim": "from mail.example.org ([192.0.2.1] helo={helo}) by mx.example.net with esmtp (Exim 4)",
    "exim, no name": "from [192.0.2.1] (helo={helo}) by mx.example.net with esmtp (Exim 4.96)",
    "qmail": "from unknown (HELO {helo}) (192.0.2.1) by mx.example.net with SMTP",
    "qmail, ident": "from unknown (HELO {helo}) (joe@192.0.2.1) by mx.example.net with SMTP",
    "gmail": "from {helo} (mail.example.org. [192.0.2.1]) by mx.google.com with ESMTPS id h36si5",
    "yahoo": "from 192.0.2.1 (EHLO {helo}) by 10.197.32.146 with SMTPs (version=TLS1_3)",
    "tls comment": "from {helo} (mail.example.org [192.0.2.1]) (using TLSv1.3 with cipher X"
    " (256/256 bits)) (No client certificate requested) by mx.example.net (Postfix) with ESMTPS",
    "imail": "from {helo} [192.0.2.1] by mx.example.net (SMTPD32-7.11 ) id ABD970108",
}


def read(line: str) -> received.Hop:
    return received.read(line + TAIL)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "helo",
    ["mail.example.org", "[198.51.100.9]", "198.51.100.9", "x", "[IPv6:2001:db8::9]", "by", "-"],
)
def test_the_address_is_what_the_receiver_saw_whatever_the_greeting_is(dialect, helo):
    hop = read(DIALECTS[dialect].format(helo=helo))
    assert hop.address == "192.0.2.1"
    assert hop.recorded
    assert hop.by in {"mx.example.net", "mx.google.com", "10.197.32.146"}


@given(
    st.sampled_from(sorted(DIALECTS)),
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="()"), min_size=1
    ),
)
def test_no_greeting_without_spaces_and_brackets_moves_the_address(dialect, helo):
    assert read(DIALECTS[dialect].format(helo=helo)).address == "192.0.2.1"


@pytest.mark.parametrize(
    ("line", "rdns"),
    [
        ("from x (mail.example.org [192.0.2.1]) by mx.example.net (Postfix)", "mail.example.org"),
        ("from x (root@Mail.Example.org. [192.0.2.1]) by mx.example.net", "mail.example.org"),
        ("from x (mail.example.org [192.0.2.1] (may be forged)) by mx.example.net", None),
        ("from x (unknown [192.0.2.1]) by mx.example.net (Postfix)", None),
        ("from x (192.0.2.1 [192.0.2.1]) by mx.example.net", None),
        ("from x (host [192.0.2.1]) by mx.example.net", None),
        ("from x.example.org ([192.0.2.1]) by mx.example.net (8.9.3/8.9.3) with SMTP", None),
        ("from x.example.org (192.0.2.1) by mx.example.net (10.0.0.1) with Microsoft SMTP", None),
        ("from m.example.org (m.example.org [192.0.2.1]) by mx with SMTP (Microsoft X)", None),
        ("from m.example.org ([192.0.2.1] helo=x) by mx with esmtp (Exim 4)", "m.example.org"),
        ("from m.example.org ([192.0.2.1]) by mx with esmtp (Exim 4)", "m.example.org"),
        ("from m.example.org (HELO x) (192.0.2.1) by mx with SMTP", None),
        ("from m.example.org (IDENT:x helo=y@[192.0.2.1]) by mx with SMTP", None),
    ],
)
def test_a_name_is_verified_only_where_the_receiver_looked_it_up(line, rdns):
    assert read(line).rdns == rdns


@pytest.mark.parametrize(
    ("line", "address", "port"),
    [
        ("from x ([192.0.2.1]:40123 helo=y) by mx with esmtp (Exim 4)", "192.0.2.1", 40123),
        ("from [192.0.2.1] (port=40123 helo=y) by mx with esmtp (Exim 4)", "192.0.2.1", 40123),
        ("from x (unknown [192.0.2.1]:40123) by mx (Postfix)", "192.0.2.1", 40123),
        ("from x (192.0.2.1:40123) by mx with SMTP", "192.0.2.1", 40123),
        ("from x ([192.0.2.1]:99999) by mx with SMTP", "192.0.2.1", None),
        ("from x (x [IPv6:2001:DB8:0:0::1]) by mx (Postfix)", "2001:db8::1", None),
        ("from x ([IPv6:2001:db8::1]:25 helo=y) by mx with esmtp (Exim 4)", "2001:db8::1", 25),
        ("from x (2001:db8::1) by mx (10.0.0.1) with Microsoft SMTP", "2001:db8::1", None),
        ("from x ([fe80::1]) by x ([fe80::1%4]) with mapi id 15", "fe80::1", None),
        ("from x (x [::ffff:192.0.2.1]) by mx (Postfix)", "192.0.2.1", None),
        ("from x([192.0.2.1]) by mx.example.net(JetMail 2.5.3.0) with SMTP", "192.0.2.1", None),
        ("from x ([192.0.2.1] verified) by mx (CommuniGate Pro) with ESMTP", "192.0.2.1", None),
        ("from [192.0.2.1] (account joe@example.org) by mx (CommuniGate)", "192.0.2.1", None),
        ("from x (unknown [999.0.2.1]) by mx (Postfix)", None, None),
        ("from x (unknown [unknown]) by mx (Postfix)", None, None),
        ("from mail pickup service by mx with Microsoft SMTPSVC", None, None),
        ("by mx.google.com with SMTP id x", None, None),
        ("(qmail 13816 invoked from network)", None, None),
        ("(from joe@localhost) by mx (8.9.3/8.9.3) id W", None, None),
    ],
)
def test_address_and_port_are_read_in_every_form(line, address, port):
    hop = read(line)
    assert (hop.address, hop.port) == (address, port)


@pytest.mark.parametrize(
    "sender",
    [
        "x (joe[198.51.100.9]@mail.example.org [192.0.2.1])",
        "x ([198.51.100.9] [192.0.2.1])",
        "x (198.51.100.9) (192.0.2.1)",
        "127.0.0.1 (EHLO [198.51.100.9]) (192.0.2.1)",
        "[198.51.100.9] ([192.0.2.1])",
        "x [198.51.100.9] [192.0.2.1]",
    ],
)
def test_of_several_addresses_the_one_next_to_the_writer_counts(sender):
    assert read(f"from {sender} by mx.example.net with SMTP").address == "192.0.2.1"


def test_a_bare_address_that_may_be_the_greeting_is_not_recorded():
    hop = read("from 192.0.2.1 by mx.example.net with SMTP")
    assert (hop.address, hop.recorded) == ("192.0.2.1", False)


@pytest.mark.parametrize(
    ("line", "protocol", "mailbox", "submitted"),
    [
        ("from x ([192.0.2.1]) by mx with POP3 (fetchmail-5.9.0)", "POP3", True, False),
        ("from x ([192.0.2.1]) by mx with IMAP (fetchmail-5.9.0)", "IMAP", True, False),
        ("from x ([192.0.2.1]) by mx (Dovecot) with LMTP id 1", "LMTP", True, False),
        ("from x ([192.0.2.1]) by mx ([192.0.2.2]) with mapi id 15", "MAPI", True, False),
        ("from x ([192.0.2.1]) by mx (Postfix) with ESMTPSA id 1", "ESMTPSA", False, True),
        ("from [192.0.2.1] by web1.example.net via HTTP", "HTTP", False, True),
        ("from x ([192.0.2.1]) (Authenticated sender: joe) by mx with ESMTP", "ESMTP", False, True),
        ("from x ([192.0.2.1]) (authenticated bits=0) by mx with ESMTP id 1", "ESMTP", False, True),
        ("from [192.0.2.1] ([192.0.2.1]) by mx (a [10.0.0.1]) (via HTTP)", "", False, True),
        ("from x ([192.0.2.1]) (not authenticated) by mx with ESMTP id 1", "ESMTP", False, False),
        ("from x ([192.0.2.1]) by mx id 5 with ESMTP", "ESMTP", False, False),
        ("from x ([192.0.2.1]) by mx with Microsoft SMTP Server id 1", "MICROSOFT", False, False),
    ],
)
def test_the_protocol_tells_deliveries_and_submissions(line, protocol, mailbox, submitted):
    hop = read(line)
    assert (hop.protocol, hop.mailbox, hop.submitted) == (protocol, mailbox, submitted)


@pytest.mark.parametrize(
    ("line", "by", "by_address"),
    [
        (
            "from x ([192.0.2.1]) by MX.example.net (198.51.100.2) with X",
            "mx.example.net",
            "198.51.100.2",
        ),
        ("from x ([192.0.2.1]) by mx (mxgmx016 [198.51.100.2]) with X", "mx", "198.51.100.2"),
        ("from x ([192.0.2.1]) by [198.51.100.2] with X", "198.51.100.2", "198.51.100.2"),
        ("from x ([192.0.2.1]) by mx (8.11.6/8.11.6) with X", "mx", None),
        ("from x ([192.0.2.1]) by <nt1> (MailGate 3.4.164) with SMTP", "nt1", None),
        ("by 2001:db8:0::5 with SMTP id x", "2001:db8::5", "2001:db8::5"),
        ("from x ([192.0.2.1]) ", None, None),
    ],
)
def test_the_writer_of_the_line_is_read_with_its_address(line, by, by_address):
    hop = read(line)
    assert (hop.by, hop.by_address) == (by, by_address)


@pytest.mark.parametrize("helo", ["a(b", "a)b", "x) by evil.example.org (", "(((", "x by y (("])
def test_a_greeting_that_breaks_the_brackets_is_told_and_hides_nothing(helo):
    hop = read(f"from {helo} (mail.example.org [192.0.2.1]) by mx.example.net (Postfix) with ESMTP")
    assert not hop.regular
    assert (hop.address, hop.by) == ("192.0.2.1", "mx.example.net")


def test_the_time_is_read_in_utc_and_nonsense_is_none():
    assert received.stamp("x; Tue, 3 Mar 2026 10:20:30 +0100 (CET)") == datetime(
        2026, 3, 3, 9, 20, 30, tzinfo=UTC
    )
    for line in ("x", "x; yesterday", "x; Tue, 99 Mar 2026 10:20:30 +0100", "x;" + "9" * 9999):
        assert received.stamp(line) is None


@given(st.ip_addresses())
def test_an_address_has_one_canonical_form(found):
    mapped = getattr(found, "ipv4_mapped", None)
    assert received.address(str(found)) == str(mapped or found)
    assert received.address(found.exploded) == str(mapped or found)


@given(
    st.lists(
        st.sampled_from(["0", "1", "00a", "db8", "2001", "", ":", "ffff", "1.2.3.4", "%4", "."]),
        max_size=12,
    ).map(":".join)
)
def test_what_python_does_not_take_for_an_address_is_none(text):
    try:
        expected = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        assert received.address(text) is None
    else:
        assert received.address(text) == str(getattr(expected, "ipv4_mapped", None) or expected)


WORDS = [
    "from",
    "by",
    "with",
    "id",
    "for",
    "(",
    ")",
    "[",
    "]",
    "192.0.2.1",
    "[192.0.2.1]",
    "x",
    ";",
]


@given(st.lists(st.sampled_from([*WORDS, "helo=", "HELO", "IPv6:", "@", " ", "via"])).map(" ".join))
def test_any_order_of_the_words_is_read_without_an_error(line):
    hop = received.read(line)
    assert hop.address in {None, "192.0.2.1"}


PIECES = (
    ["from ", "from  ", "From ", ""],
    ["a.example.org", "x", "by", "with", "[192.0.2.9]", "192.0.2.9", "-", "a_b", "x\n"],
    [
        " (192.0.2.1)",
        " (a.example.org [192.0.2.1])",
        " (a.example.org. [IPv6:2001:DB8::1])",
        " (unknown [192.0.2.1])",
        " ([192.0.2.1])",
        " ([192.0.2.999])",
        " (authenticated.example.org [192.0.2.1])",
        " (helo=a.example.org [192.0.2.1])",
        " (192.0.2.7 [192.0.2.1])",
        "",
        " (a.example.org 192.0.2.1)",
    ],
    ["", " (using TLSv1.3 with X (256/256 bits) by (y) z) (No client certificate requested)"],
    [" by ", "\tby  ", " BY "],
    ["MX.example.net", "mx.", "2001:DB8:0::5", "192.0.2.5", "with", "for", "id"],
    [
        "",
        " (192.0.2.6)",
        " (Postfix)",
        " (8.11.6/8.11.6)",
        " (1.2)",
        " (cafe)",
        "\t(Postfix)",
        " ([fe80::1%4])",
    ],
    [" with ESMTPS", " with Microsoft SMTP Server", "\n with smtp", " via HTTP", " with X(1)", ""],
    ["", " (Exim 4)", " id 1 (authenticated)", " for <a@b>", "; by x", " (", " )", "()"],
)


def variants() -> Iterator[str]:
    """The usual line of ``PIECES`` with every two of its pieces exchanged for every others."""
    for one, other in itertools.combinations(range(len(PIECES)), 2):
        for first, second in itertools.product(PIECES[one], PIECES[other]):
            line = [pieces[0] for pieces in PIECES]
            line[one], line[other] = first, second
            yield "".join(line)


def test_the_short_way_of_reading_a_usual_line_and_the_long_way_say_the_same():
    # A space at the front makes the line an unusual one.
    for line in variants():
        assert received.read(line) == received.read(" " + line), line


@pytest.mark.parametrize("host", ["authenticated", "envelope", "account", "client", "using"])
def test_no_name_of_the_sender_makes_its_address_an_aside(host):
    hop = read(
        f"from [198.51.100.9] ({host}.example.org [192.0.2.1]) by mx.example.net (Postfix) with X"
    )
    assert (hop.address, hop.rdns) == ("192.0.2.1", f"{host}.example.org")


@given(st.text())
def test_any_text_is_read_without_an_error(line):
    received.read(line)
    received.stamp(line)


@pytest.mark.parametrize(
    "line",
    [
        "from " + "(" * 100_000,
        "from x " + "()" * 100_000,
        "from x (" + "a" * 1_000_000 + " [192.0.2.1]) by mx",
        "from x ([" + "1" * 1_000_000 + "]) by mx",
        "from " + "by " * 100_000,
        "from x (HELO " + "helo=" * 100_000 + ") by mx",
        "from x " + "[192.0.2.1]" * 100_000 + " by mx",
    ],
)
def test_huge_lines_are_read_up_to_the_bound(line):
    assert received.read(line) == received.read(line[: received.BOUND])
