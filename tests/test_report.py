import csv
import functools
import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import report
from gateway.config import ReadingLimits
from gateway.edges.registry import open_registry
from gateway.formats import arf
from gateway.model import Category, Complaint
from tests.hostile import MAILS
from tests.shared import shared

LIMITS = ReadingLimits()
# Well-known resolvers, of which the built-in table surely knows the country.
SENDER, OTHER = "8.8.8.8", "9.9.9.9"

SPAM = f"""\
Received: from mail.sender.example (mail.sender.example [{SENDER}])
\tby mx.example.org (Postfix) with ESMTP id 1
\tfor <jo@example.org>; Thu, 3 Nov 2022 15:16:15 +0000
Received: from older.example ([{OTHER}]) by mail.sender.example; Thu, 3 Nov 2022 15:16:14 +0000
From: "Your Bank" <bank@sender.example>
To: jo@example.org
Subject: Confirm your account
Date: Thu, 3 Nov 2022 15:16:10 +0000
Message-ID: <1@sender.example>

Your account is locked. Confirm it at http://{OTHER}/login or https://login.sender.example/ now.
""".replace("\n", "\r\n").encode()
INNER = SPAM.replace(b"\r\n", b"\n")

TRAVELLED = f"Received: from home ([{OTHER}]) by mx.desk.example; Fri, 4 Nov 2022 1:00:00 +0000\n"
FROM_JO = "From: Jo <jo@example.org>\nTo: desk@desk.example\n"
FROM_ANYONE = "From: A <a@else.example>\nTo: desk@desk.example\n"


@functools.cache
def registry():
    return open_registry()


def locate(address: str):
    return registry().locate(address)


def wrapped(header: str, text: str = "", *, inner: bytes = INNER, more: str = "") -> bytes:
    before = f"--w\n\n{text}\n" if text else ""
    head = f"{header}Content-Type: multipart/mixed; boundary=w\n\n{before}{more}--w\n"
    return head.encode() + b"Content-Type: message/rfc822\n\n" + inner + b"\n--w--\n"


def normalise(source: bytes, **settings) -> report.Report:
    return report.normalise(source, locate, report.Settings(**settings))


def test_a_bare_mail_becomes_a_report_with_origin_and_country():
    found = normalise(SPAM)
    assert found.complaint == Complaint(form=report.BARE)
    assert found.source_sha256 == hashlib.sha256(SPAM).hexdigest()
    assert found.source_size == len(SPAM)
    assert found.message.subject == "Confirm your account"
    assert found.origin.address == SENDER
    assert found.hosting == locate(SENDER)
    assert [(link.host, link.country) for link in found.message.links] == [
        (OTHER, locate(OTHER).country),
        ("login.sender.example", None),
    ]
    assert locate(OTHER).country is not None
    assert isinstance(found.judgement.value, Category)
    assert found.fingerprint.words > 0
    assert found.problems == ()
    assert found.parseable


def test_a_mail_without_a_trace_says_so_and_has_no_hosting():
    found = normalise(b"From: a@sender.example\nSubject: x\n\nhello")
    assert found.origin is None
    assert found.hosting is None
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    "source",
    [b"", b"no mail at all\n", b"\0\1\2", SPAM + b"x" * 50_000_000, MAILS["nested parts"](10**6)],
)
def test_what_cannot_be_read_becomes_a_report_with_its_reason(source):
    found = normalise(source)
    assert not found.parseable
    assert len(found.problems) == 1
    assert found.source_sha256 == hashlib.sha256(source).hexdigest()


@pytest.mark.parametrize(
    "source",
    [
        wrapped("From: jo@example.org\nSubject: anything\n", "see http://a.example/ " * 80),
        wrapped(TRAVELLED + FROM_JO + "Subject: look\n", "see http://a.example/ " * 80),
        wrapped(TRAVELLED + FROM_ANYONE + "Subject: look\n", "This came in today."),
        wrapped(TRAVELLED + FROM_ANYONE + "Subject: look\n"),
        wrapped(TRAVELLED + FROM_ANYONE + "Subject: Fwd: x\n", "see http://a.example/ " * 80),
        wrapped(TRAVELLED + FROM_ANYONE + "Subject: TR : x\n", "word " * 500),
        wrapped(TRAVELLED + FROM_ANYONE + "Subject: [Confirm your account]\n", "word " * 500),
        wrapped(
            TRAVELLED + FROM_JO + "Subject: x\n",
            more="--w\nContent-Type: image/png\nContent-ID: <logo>\n\nx\n",
        ),
        (TRAVELLED + FROM_JO + "Content-Type: message/rfc822\n\n").encode() + INNER,
    ],
)
def test_a_mail_that_only_hands_on_another_is_unwrapped(source):
    complaint, original = report.unwrap(source, LIMITS)
    assert complaint == Complaint(form=report.ATTACHED)
    assert original.rstrip(b"\n") == INNER.rstrip(b"\n")
    found = normalise(source)
    assert found.origin.address == SENDER
    assert found.source_sha256 == hashlib.sha256(source).hexdigest()
    assert found.message.sha256 == hashlib.sha256(original).hexdigest()


@pytest.mark.parametrize(
    "source",
    [
        # Says something of its own, with a link, to someone who is not the inner recipient.
        wrapped(TRAVELLED + FROM_ANYONE + "Subject: Invoice\n", "pay at http://evil.example/"),
        wrapped(TRAVELLED + FROM_ANYONE + "Subject: Invoice\n", "word " * 500),
        wrapped(
            TRAVELLED + FROM_ANYONE,
            more="--w\nContent-Type: text/html\n\n<a href=http://evil.example/>pay</a>\n",
        ),
        # The inner mail never travelled: it is a prop.
        wrapped(TRAVELLED + FROM_JO + "Subject: Fwd: x\n", "x", inner=b"From: a@b.example\n\nx"),
        # A bounce, an automatic answer, a list.
        wrapped("Return-Path: <>\n" + TRAVELLED + FROM_JO + "Subject: Fwd: x\n", "x"),
        wrapped("Auto-Submitted: auto-replied\n" + TRAVELLED + FROM_JO, "x"),
        wrapped("List-Id: <l.example>\n" + TRAVELLED + FROM_JO, "x"),
        wrapped(
            TRAVELLED + FROM_JO, "x", more="--w\nContent-Type: message/delivery-status\n\nx: y\n"
        ),
        # Something else is attached, or two mails are.
        wrapped(TRAVELLED + FROM_JO, "x", more="--w\nContent-Type: application/pdf\n\nx\n"),
        wrapped(
            TRAVELLED + FROM_JO,
            "x",
            more="--w\nContent-Type: text/html\nContent-Disposition: attachment\n\nx\n",
        ),
        wrapped(
            TRAVELLED + FROM_JO,
            "x",
            more=f"--w\nContent-Type: message/rfc822\n\n{INNER.decode()}\n",
        ),
        wrapped(TRAVELLED + FROM_JO, "x", inner=b"no mail"),
    ],
)
def test_spam_that_carries_a_mail_is_not_unwrapped(source):
    complaint, original = report.unwrap(source, LIMITS)
    assert complaint == Complaint(form=report.BARE)
    assert original == source
    assert normalise(source).message.sha256 == hashlib.sha256(source).hexdigest()


def test_whoever_hands_complaints_in_may_say_whether_they_are_wrapped():
    forward = wrapped(TRAVELLED + FROM_JO + "Subject: x\n", "x")
    lure = wrapped(TRAVELLED + FROM_ANYONE + "Subject: x\n", "http://evil.example/")
    assert report.unwrap(forward, LIMITS, wrapped=False)[0].form == report.BARE
    assert report.unwrap(lure, LIMITS, wrapped=True)[0].form == report.ATTACHED
    assert normalise(forward, wrapped=False).complaint.form == report.BARE
    assert report.unwrap(feedback(), LIMITS, wrapped=False)[0].form == report.BARE


def feedback(original: bytes = SPAM, **changes) -> bytes:
    fields = {
        "feedback_type": "abuse",
        "user_agent": "x/1",
        "fields": (("Source-IP", OTHER), ("X-Extra", "kept")),
        "original": original,
    } | changes
    cover = arf.Cover(
        sender="fbl@provider.example",
        recipient="desk@desk.example",
        subject="complaint",
        date=datetime(2026, 1, 2, tzinfo=UTC),
        message_id="<1@provider.example>",
    )
    return arf.write(arf.Feedback(**fields), cover)


def test_a_feedback_report_is_unwrapped_and_its_claims_are_kept_but_not_believed():
    found = normalise(feedback())
    assert found.complaint == Complaint(
        form=report.FEEDBACK,
        feedback_type="abuse",
        fields=(
            ("User-Agent", "x/1"), ("Version", "1"), ("Source-IP", OTHER), ("X-Extra", "kept"),
        ),
    )  # fmt: skip
    assert found.message.sha256 == hashlib.sha256(SPAM).hexdigest()
    assert found.origin.address == SENDER


def test_a_feedback_report_never_gives_the_origin_where_its_original_has_none():
    found = normalise(feedback(b"From: a@sender.example\r\n\r\nx"))
    assert found.origin is None
    assert ("Source-IP", OTHER) in found.complaint.fields


def test_a_feedback_report_with_only_a_header_says_so():
    header = SPAM.partition(b"\r\n\r\n")[0]
    found = normalise(feedback(header, headers_only=True))
    assert found.origin.address == SENDER
    assert "only the header of the mail was reported" in found.problems


def test_a_feedback_report_that_holds_no_mail_is_unparseable_with_its_claims_kept():
    found = normalise(feedback(b"nothing\r\n"))
    assert not found.parseable
    assert found.complaint.form == report.FEEDBACK
    assert found.problems


@pytest.mark.parametrize("times", [2, 10, 20])
def test_a_chain_of_feedback_reports_is_unwrapped_once(times):
    source = inside = SPAM
    for _ in range(times):
        source, inside = inside, feedback(inside)
    assert report.unwrap(inside, LIMITS)[1] == source
    assert normalise(inside).message.sha256 == hashlib.sha256(source).hexdigest()


def test_a_chain_of_feedback_reports_deeper_than_the_bound_is_unparseable():
    inside = SPAM
    for _ in range(50):
        inside = feedback(inside)
    found = normalise(inside)
    assert not found.parseable
    assert "deeper" in found.problems[0]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", MAILS)
def test_a_hostile_mail_becomes_a_report_bare_and_wrapped(name):
    source = MAILS[name](60_000)
    normalise(source)
    normalise(wrapped(TRAVELLED + FROM_JO, "x", inner=source))
    normalise(feedback(source))


@given(st.binary(max_size=300))
def test_no_bytes_at_all_raise(source):
    found = normalise(source)
    assert found.parseable or found.problems
    normalise(wrapped(TRAVELLED + FROM_JO, "x", inner=source))
    normalise(feedback(source))


@given(st.data())
def test_no_mutation_of_a_complaint_raises(data):
    source = bytearray(data.draw(st.sampled_from([SPAM, feedback(), wrapped(TRAVELLED, "x")])))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(source)))
        length = data.draw(st.sampled_from([0, 1, 5, 60]))
        source[start : start + length] = data.draw(st.binary(max_size=5))
    found = normalise(bytes(source))
    assert found.parseable or found.problems


def test_every_real_mail_becomes_a_report_about_itself():
    with shared("mail", "truth.tsv").open(encoding="utf-8") as file:
        truth = {row["path"]: row["origin"] for row in csv.DictReader(file, delimiter="\t")}
    right = 0
    for path, origin in truth.items():
        source = shared("mail", *path.split("/")).read_bytes()
        found = normalise(source)
        assert found.complaint.form == report.BARE, path
        assert found.message.sha256 == found.source_sha256
        right += found.origin is not None and found.origin.address == origin
    assert right >= 359
