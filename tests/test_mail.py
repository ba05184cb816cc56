import base64
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import mail
from gateway.model import Mailbox
from tests.hostile import MAILS
from tests.shared import shared

LIMITS = ReadingLimits()

WHOLE = """\
Return-Path: <bounce@sender.example>
Delivered-To: jo@example.org
Received: from a.example (a.example [192.0.2.1])
\tby mx.example.org with ESMTP id 1
\tfor <jo+spam@example.org>; Thu, 3 Nov 2022 15:16:15 +0000
Received: from b by c (envelope-to list@example.org) ; Thu, 3 Nov 2022 15:16:14 +0000
Date: Thu, 03 Nov 2022 17:16:12 +0200
From: =?utf-8?q?Your_B=C3=A4nk?= <bank@sender.example>
Reply-To: other@sender.example
To: "Doe, Jo" <jo@example.org>, undisclosed-recipients:;
Cc: =?utf-8?b?SsOzIChraW0p?= <KIM@example.org> (for pat@example.org)
X-Original-To: original@example.org
Resent-To: again@example.org
X-HmXmrOriginalRecipient: <feedback@example.org>
Subject: =?utf-8?q?Your_account=0D=0AX-Injected:_yes?=
Message-ID: <1@sender.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=utf-8

The plain words, see http://plain.example/a.
--inner
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<p>The rich w=F6rds<span style=3D"display:none">secret</span>
<a href=3D"http://Rich.example/?a=3D1&amp;b=3D2">here</a>
--inner--
--outer
Content-Type: application/pdf; name*=utf-8''caf%C3%A9.pdf
Content-Disposition: attachment
Content-Transfer-Encoding: base64

cGRm
--outer
Content-Type: text/html
Content-Disposition: attachment; filename="page.html"

<a href=http://attached.example/>not text</a>
--outer--
""".replace("\n", "\r\n").encode()


def simple(body: bytes, **fields: str) -> mail.Mail:
    block = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return mail.read(b"From: a@sender.example\n" + block.encode() + b"\n" + body, LIMITS)


def read_or_reason(source: bytes) -> mail.Mail | str:
    try:
        return mail.read(source, LIMITS)
    except Unparseable as refused:
        return refused.detail


def test_a_whole_mail_is_read():
    read = mail.read(WHOLE, LIMITS)
    message = read.message
    assert message.sha256 == hashlib.sha256(WHOLE).hexdigest()
    assert message.size == len(WHOLE)
    assert message.subject == "Your account X-Injected: yes"
    assert message.sender == Mailbox(name="Your Bänk", address="bank@sender.example")
    assert message.envelope_sender == "bounce@sender.example"
    assert message.date == datetime(2022, 11, 3, 15, 16, 12, tzinfo=UTC)
    assert message.message_id == "<1@sender.example>"
    name, line = message.headers[2]
    assert name == "Received"
    assert line == (
        "from a.example (a.example [192.0.2.1])\tby mx.example.org with ESMTP id 1"
        "\tfor <jo+spam@example.org>; Thu, 3 Nov 2022 15:16:15 +0000"
    )
    assert read.text == "The rich wörds here"
    assert [link.url for link in message.links] == [
        "http://plain.example/a",
        "http://rich.example/?a=1&b=2",
        "http://attached.example/",
    ]
    assert message.links_total == 3
    assert [(a.name, a.media_type, a.size) for a in message.attachments] == [
        ("café.pdf", "application/pdf", 3),
        ("page.html", "text/html", 45),
    ]
    assert message.attachments[0].sha256 == hashlib.sha256(b"pdf").hexdigest()
    assert read.problems == ()


def test_every_recipient_is_found_and_no_sender_is_taken_for_one():
    message = mail.read(WHOLE, LIMITS).message
    assert {address.lower() for address in message.recipients} == {
        f"{name}@example.org"
        for name in ("jo", "jo+spam", "list", "kim", "pat", "original", "again", "feedback")
    }
    assert set(message.recipient_names) == {"Doe, Jo", "Jó (kim)"}


def test_a_recipient_hidden_in_an_encoded_word_is_found():
    word = "=?utf-8?b?" + base64.b64encode(b"jo@example.org").decode() + "?="
    message = simple(b"", To=f"{word} <x@example.org>").message
    assert set(message.recipients) == {"x@example.org", "jo@example.org"}


def test_too_many_recipients_are_never_clipped_but_end_the_reading():
    crowd = ", ".join(f"r{n}@example.org" for n in range(5_001))
    with pytest.raises(Unparseable, match="recipients"):
        simple(b"", To=crowd)


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        ("a@sender.example", Mailbox(name=None, address="a@sender.example")),
        ("Bank,(<a@sender.example>)", Mailbox(name="Bank", address="a@sender.example")),
        ("Bank <>", Mailbox(name="Bank", address="")),
        ("Doe, Jo <a@sender.example>", Mailbox(name="Jo", address="a@sender.example")),
        ("", None),
    ],
)
def test_the_sender_is_the_first_mailbox_with_an_address(value, sender):
    source = f"From: {value}\nTo: x@example.org\n\n".encode()
    assert mail.read(source, LIMITS).message.sender == sender


def test_a_null_return_path_is_kept_apart_from_a_missing_one():
    assert simple(b"", Return_Path="<>").message.envelope_sender == ""
    assert simple(b"").message.envelope_sender is None


def test_text_without_alternatives_is_joined():
    source = (
        b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n"
        b"--b\nContent-Type: text/html\n\n<p>two\n--b\n\nthree\n--b--"
    )
    assert mail.read(source, LIMITS).text == "one\ntwo\nthree"


def test_the_plain_alternative_is_read_where_the_page_shows_nothing():
    source = (
        b"From: a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nplain\n"
        b"--b\nContent-Type: text/html\n\n<img src=http://a.example/>\n--b--"
    )
    assert mail.read(source, LIMITS).text == "plain"


def test_html_that_is_called_plain_text_is_read_as_html():
    assert simple(b"<!DOCTYPE html><p>shown<p hidden>not").text == "shown"


def test_text_of_an_attached_mail_is_not_the_text_of_the_mail_but_its_links_and_files_count():
    inner = b"From: b\nContent-Type: text/html\n\n<a href=http://inner.example/>inner</a>"
    source = (
        b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nouter\n"
        b"--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b--"
    )
    read = mail.read(source, LIMITS)
    assert read.text == "outer"
    assert [link.url for link in read.message.links] == ["http://inner.example/"]
    assert [(a.media_type, a.sha256) for a in read.message.attachments] == [
        ("message/rfc822", hashlib.sha256(inner).hexdigest())
    ]


def test_links_and_attachments_are_clipped_with_their_full_count():
    limits = ReadingLimits(links=2, attachments=1)
    source = (
        b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"
        b"http://a.example/ http://b.example/ http://c.example/\n"
        b"--b\nContent-Type: image/png\n\n1\n--b\nContent-Type: image/png\n\n2\n--b--"
    )
    message = mail.read(source, limits).message
    assert (len(message.links), message.links_total) == (2, 3)
    assert (len(message.attachments), message.attachments_total) == (1, 2)


def test_what_was_not_looked_at_is_said():
    limits = ReadingLimits(part_chars=100, body_chars=150)
    source = (
        (b"From: a\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" + b"x " * 90)
        + b"\n--b\n\n"
        + b"y " * 90
        + b"\n--b\n\nz\n--b--"
    )
    read = mail.read(source, limits)
    assert read.problems == (
        "a text part is longer than what is looked at",
        "a text part was not looked at: the mail has too much text or links",
    )


def test_a_malformed_header_is_named():
    source = b"From: a\nFrom: b\nSubject: 1\nSubject: 2\nno field\n\n"
    assert mail.read(source, LIMITS).problems == (
        "the header ends with a line that is no header line",
        "the header has From more than once; the first one is read",
        "the header has Subject more than once; the first one is read",
    )
    lost = mail.read(b"From: a\nContent-Type: multipart/mixed; boundary=b\n\nx", LIMITS)
    assert lost.problems == ("the mail says it has parts, but none was found",)
    assert lost.text == "x"


def test_a_header_without_a_body_is_a_mail():
    assert mail.read(b"From: a@sender.example\nSubject: x", LIMITS).text == ""


@pytest.mark.parametrize(
    "source",
    [b"", b"\n\n", b"GIF89a\0\0\0", b"just words\n", b"key: value\nother: thing\n", b"{}", b":\n"],
)
def test_a_file_that_is_no_mail_is_refused(source):
    with pytest.raises(Unparseable) as refused:
        mail.read(source, LIMITS)
    assert refused.value.detail


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", MAILS)
@pytest.mark.parametrize("size", [0, 1_000, 60_000])
def test_a_hostile_mail_is_read_or_refused_and_nothing_else(name, size):
    read = read_or_reason(MAILS[name](size))
    assert isinstance(read, str) or read.message.size > 0


@given(st.binary(max_size=500))
def test_no_bytes_at_all_raise_anything_but_unparseable(source):
    assert read_or_reason(source)


@given(st.data())
def test_no_mutation_of_a_mail_raises_anything_but_unparseable(data):
    source = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(source)))
        length = data.draw(st.sampled_from([0, 1, 2, 40]))
        piece = data.draw(
            st.sampled_from([b"", b"\r", b"\n", b"\0", b'"', b"--outer", b"=?", b"(", b"\r\n\r\n"])
            | st.binary(max_size=6)
        )
        source[start : start + length] = piece * data.draw(st.sampled_from([1, 20]))
    read = read_or_reason(bytes(source))
    if isinstance(read, str):
        return
    for text in (read.text, read.message.subject or "", *(v for _, v in read.message.headers)):
        text.encode()
    assert not {"\r", "\n"}.intersection(read.message.subject or "")


def test_every_real_mail_is_read():
    paths = sorted(shared("mail").glob("*/*"))
    assert len(paths) == 360
    for path in paths:
        source = path.read_bytes()
        read = mail.read(source, LIMITS)
        assert read.message.headers
        assert read.message.sha256 == hashlib.sha256(source).hexdigest()
        assert mail.read(source, LIMITS) == read
