from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import arf, mime
from gateway.model import evolve

LIMITS = ReadingLimits()
COVER = arf.Cover(
    sender="desk@ours.example",
    recipient="abuse@theirs.example",
    subject="A report",
    date=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    message_id="<r1@ours.example>",
)
ORIGINAL = b"Received: from x by y\r\nFrom: a@sender.example\r\nSubject: buy\r\n\r\nnow\r\n"


def report(fields: str, *, third: str = "message/rfc822", original: bytes = ORIGINAL) -> bytes:
    head = (
        "From: <fbl@provider.example>\nTo: abuse@example.org\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report;\n boundary="bb"\n\n'
        "--bb\nContent-Type: text/plain\n\nA person complained.\n"
        f"--bb\nContent-Type: message/feedback-report\n\n{fields}\n"
        f"--bb\nContent-Type: {third}\n\n"
    )
    return head.encode() + original + b"\n--bb--\n"


EMPTY = b"From: a@example.org\nContent-Type: multipart/report; report-type=feedback-report"

FULL = """\
Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <somespammer@sender.example>
Original-Rcpt-To: <user@example.org>
Arrival-Date: Thu, 8 Mar 2026 14:00:00 -0500
Reporting-MTA: dns; mail.example.org
Source-IP: 192.0.2.1
Source-Port: 4711
Authentication-Results: mail.example.org;
 spf=fail smtp.mail=somespammer@sender.example
Reported-Domain: sender.example
Reported-Uri: http://sender.example/earn_money
Reported-Uri: mailto:user@example.org
Incidents: 1
X-Unknown: kept
"""


def test_a_complete_report_is_read():
    feedback = arf.read(report(FULL), LIMITS)
    assert feedback.feedback_type == "abuse"
    assert feedback.user_agent == "SomeGenerator/1.0"
    assert feedback.version == "1"
    assert feedback.description == "A person complained."
    assert feedback.original == ORIGINAL
    assert feedback.source_address == "192.0.2.1"
    assert feedback.arrival == datetime(2026, 3, 8, 19, tzinfo=UTC)
    assert feedback.first("authentication-results") == (
        "mail.example.org; spf=fail smtp.mail=somespammer@sender.example"
    )
    assert [name for name, _ in feedback.fields].count("Reported-Uri") == 2
    assert feedback.first("X-UNKNOWN") == "kept"
    assert feedback.problems == ()


@pytest.mark.parametrize(
    "kind", ["abuse", "fraud", "virus", "other", "not-spam", "auth-failure", "opt-out", "made-up"]
)
def test_every_type_is_read_known_or_not(kind):
    fields = f"FEEDBACK-TYPE: {kind.upper()} (said)\nuser-agent: x\nVERSION: 1 (one)\n"
    feedback = arf.read(report(fields), LIMITS)
    assert feedback.feedback_type == kind
    assert feedback.version == "1"
    assert feedback.source_address is None
    assert feedback.problems == ()


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("192.0.2.1 (sender.example)", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("IPv6:2001:db8:0::1", "2001:db8::1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("unknown", None),
    ],
)
def test_a_source_address_is_read_in_all_its_spellings(spelling, address):
    fields = f"Feedback-Type: abuse\nUser-Agent: x\nVersion: 1\nSource-IP: {spelling}\n"
    assert arf.read(report(fields), LIMITS).source_address == address


def test_a_report_that_breaks_its_standard_is_read_with_its_problems():
    fields = "Feedback-Type: abuse\nFeedback-Type: fraud\nUser-Agent: x\nVersion: 7\nno field\n"
    assert len(arf.read(report(fields), LIMITS).problems) == 3
    both = (
        "Feedback-Type: abuse\nUser-Agent: x\nVersion: 1\nSource-IP: 192.0.2.1\n"
        "Source-IP: 192.0.2.2\nArrival-Date: Thu, 8 Mar 2026 14:00:00 -0500\n"
        "Received-Date: Thu, 8 Mar 2026 15:00:00 -0500\n"
    )
    feedback = arf.read(report(both), LIMITS)
    assert len(feedback.problems) == 2
    assert feedback.source_address == "192.0.2.1"
    assert feedback.arrival == datetime(2026, 3, 8, 19, tzinfo=UTC)
    assert arf.read(report(""), LIMITS).feedback_type == ""


def test_the_old_name_of_the_date_is_understood():
    fields = (
        "Feedback-Type: abuse\nUser-Agent: x\nVersion: 0.1\nReceived-Date: 8 Mar 2026 14:00 GMT\n"
    )
    feedback = arf.read(report(fields), LIMITS)
    assert feedback.arrival == datetime(2026, 3, 8, 14, tzinfo=UTC)
    assert feedback.problems == ()


@pytest.mark.parametrize(
    ("third", "headers_only"),
    [
        ("message/rfc822", False),
        ("message/rfc822; Content-Disposition=inline", False),
        ("text/rfc822-headers", True),
        ("message/global", False),
        ("text/plain", False),
    ],
)
def test_the_original_is_kept_byte_for_byte_in_any_form(third, headers_only):
    original = ORIGINAL + b"caf\xe9 \xff\r\n"
    feedback = arf.read(report(FULL, third=third, original=original), LIMITS)
    assert feedback.original == original
    assert feedback.headers_only is headers_only


def test_a_report_below_the_footer_of_a_list_is_found():
    inner = report(FULL).partition(b"MIME-Version: 1.0\n")[2]
    source = (
        b"From: list@example.org\nContent-Type: multipart/mixed; boundary=ll\n\n--ll\n"
        + inner
        + b"--ll\n\nfooter\n--ll--"
    )
    assert arf.read(source, LIMITS).original == ORIGINAL


def test_a_report_inside_an_attached_mail_is_not_the_report():
    source = b"From: a\nContent-Type: message/rfc822\n\n" + report(FULL)
    assert arf.container(mime.walk(source, LIMITS)) is None


@pytest.mark.parametrize(
    "source",
    [
        b"From: a@example.org\n\nbare",
        EMPTY + b"; boundary=b\n\n--b\n\ntext only\n--b--",
        EMPTY + b"\n\n",
        b"",
    ],
)
def test_what_is_no_report_or_has_no_original_is_refused(source):
    with pytest.raises(Unparseable):
        arf.read(source, LIMITS)


def test_what_is_written_is_a_mail_that_smtp_carries():
    feedback = arf.Feedback(
        feedback_type="fraud",
        user_agent="Entente/1",
        fields=(("Original-Mail-From", "<" + "x" * 40 + "@sender.example>"), ("X", "é " * 600)),
        description="Première ligne.\n" + "long " * 400,
        original=ORIGINAL,
    )
    written = arf.write(feedback, COVER)
    assert all(len(line) <= 998 for line in written.split(b"\r\n"))
    assert b"\n" not in written.replace(b"\r\n", b"")
    assert written.isascii()
    assert b"Content-Transfer-Encoding: 7bit" in written
    assert arf.write(feedback, COVER) == written


def test_no_field_can_smuggle_in_a_line():
    feedback = arf.Feedback(
        feedback_type="abuse\r\nX-Evil: 1",
        user_agent="x",
        fields=(("Bad Name\r\nX: y", "v\r\n\r\n--boundary\r\n"), ("Subject", "=?utf-8?q?=0D=0A?=")),
        original=ORIGINAL,
    )
    again = arf.read(arf.write(feedback, COVER), LIMITS)
    assert [name for name, _ in again.fields] == ["X-Unnamed", "Subject"]
    assert again.first("Subject") == "=?utf-8?q?=0D=0A?="
    assert again.feedback_type == "abuse x-evil: 1"
    assert again.original == ORIGINAL


WORD = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="()"), min_size=1, max_size=12
)
VALUE = st.lists(WORD, max_size=200).map(" ".join)
NAME = st.sampled_from(
    ["Source-IP", "X-Other", "Reported-URI", "Original-Rcpt-To"]
) | st.from_regex(r"\AX-[A-Za-z0-9!#$%&'*+.^_`|~-]{1,30}\Z")


DESCRIPTION = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=300
)
PIECES = [
    b"\r\n", b"\r", b"\n", b"--x", b"From: a", b"Content-Type: multipart/mixed; boundary=x"
]  # fmt: skip
ORIGINALS = st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join)


@given(
    st.builds(
        arf.Feedback,
        feedback_type=st.from_regex(r"\A[a-z0-9-]{1,20}\Z"),
        user_agent=VALUE,
        version=st.just("1"),
        fields=st.lists(st.tuples(NAME, VALUE), max_size=8).map(tuple),
        description=DESCRIPTION,
        original=ORIGINALS,
        headers_only=st.booleans(),
    )
)
def test_a_report_is_read_as_it_was_written(feedback):
    again = arf.read(arf.write(feedback, COVER), LIMITS)
    repeated = (
        {"source-ip"} if [n.lower() for n, _ in feedback.fields].count("source-ip") > 1 else ()
    )
    assert len(again.problems) == len(repeated)
    assert evolve(again, problems=()) == feedback


LINES = [
    "Feedback-Type: abuse", "Version: 1", "Source-IP:", " folded", "", "User-Agent", ":", "(((((",
    "Arrival-Date: x", "\0", "--bb", "--bb--",
]  # fmt: skip


@given(st.lists(st.sampled_from(LINES), max_size=30))
def test_no_fields_at_all_break_the_reading(lines):
    try:
        feedback = arf.read(report("\n".join(lines)), LIMITS)
    except Unparseable:
        return
    assert isinstance(feedback.arrival, datetime | None)
    assert isinstance(feedback.source_address, str | None)
