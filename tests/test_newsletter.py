"""A newsletter that its reader's provider vouches for: said, and never taken for wanted."""

import pytest

from gateway.category import judge, newsletter
from gateway.model import Category, Confidence, Mailbox, Message, Origin
from gateway.report import normalise
from tests.chains import locate
from tests.simulator import address, mail

RESULTS = "mx1.provider.example; spf=pass; dkim=pass header.d=news.example; dmarc=pass (p=none)"
PASSED = f"{RESULTS} header.from=news.example"
WAY = "<https://lists.news.example/leave?u=1>, <mailto:leave@news.example>"
CLICK = "List-Unsubscribe=One-Click"
BODY = "The news of this month. Unsubscribe here."


def letter(
    results: str | None = PASSED,
    *,
    way: str | None = WAY,
    click: str | None = CLICK,
    sender: str = "editor@news.example",
    below: bool = False,
) -> tuple[Message, Origin]:
    """A newsletter with its trace: one internal line, the border's line, one claimed line."""
    head = [("Received", "from mx1.provider.example by store.provider.example; x")]
    trust = [("Authentication-Results", results)] if results else []
    lines = ("from news.example by mx1.provider.example; x", "from a by news.example; x")
    border, claimed = (("Received", line) for line in lines)
    head += [border, claimed, *trust] if below else [*trust, border, claimed]
    head += [("List-Unsubscribe", way)] if way else []
    head += [("List-Unsubscribe-Post", click)] if click else []
    message = Message(
        sha256="0" * 64,
        size=1,
        subject="News",
        sender=Mailbox(name=None, address=sender),
        envelope_sender=None,
        date=None,
        message_id=None,
        headers=tuple(head),
    )
    origin = Origin(
        address="192.0.2.1",
        port=None,
        border="mx1.provider.example",
        line="",
        line_number=1,
        confidence=Confidence.HIGH,
        stamped_at=None,
    )
    return message, origin


def test_a_vouched_newsletter_is_no_spam_and_not_taken_for_wanted_either():
    message, origin = letter()
    assert newsletter.vouched(message, origin) == "news.example"
    judged = judge(message, BODY, origin=origin)
    assert judged.value is Category.OTHER
    assert judged.why.startswith("probably a newsletter of news.example, which one click leaves")


@pytest.mark.parametrize(
    "changes",
    [
        {"results": None},
        {"results": PASSED.replace("dmarc=pass", "dmarc=fail")},
        {"results": PASSED.replace("header.from=news.example", "header.from=other.example")},
        {"results": PASSED.replace("mx1.provider.example", "mx.news.example")},
        {"results": PASSED.partition("; ")[2]},
        {"below": True},
        {"way": None},
        {"way": "<https://lists.other.example/leave>"},
        {"way": "<http://lists.news.example/leave>"},
        {"way": "<mailto:leave@news.example>"},
        {"click": None},
        {"click": "List-Unsubscribe=Two-Clicks"},
        {"sender": "editor@other.example"},
    ],
)
def test_what_lacks_one_of_its_marks_is_judged_as_before(changes):
    message, origin = letter(**changes)
    assert newsletter.vouched(message, origin) is None
    assert judge(message, BODY, origin=origin).value is not Category.LEGITIMATE


def test_what_the_mail_brought_along_vouches_for_nothing():
    message, origin = letter(below=True)
    assert judge(message, BODY, origin=origin).value is Category.SPAM
    assert judge(message, BODY).value is Category.SPAM
    assert newsletter.vouched(message, None) is None


def test_trade_and_fraud_weigh_more_than_any_seal():
    message, origin = letter()
    assert judge(message, f"Casino! {BODY}", origin=origin).value is Category.SPAM
    text = "I am the lawyer of a deceased client. The sum of 9 million waits. It is confidential."
    assert judge(message, text, origin=origin).value is Category.ADVANCE_FEE


def test_the_readers_own_word_makes_it_legitimate_unless_it_harms():
    message, _ = letter(results=None)
    judged = judge(message, BODY, feedback="not-spam")
    assert judged.value is Category.LEGITIMATE
    assert judged.why == "its reader says so (feedback type not-spam)"
    fraud = "I am the lawyer of a deceased client. The sum of 9 million waits. It is confidential."
    assert judge(message, fraud, feedback="not-spam").value is Category.ADVANCE_FEE
    assert judge(message, BODY, feedback="abuse").value is Category.SPAM


def test_a_feedback_report_of_a_wanted_mail_is_a_legitimate_one():
    source = (
        b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nwanted\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: not-spam\r\n"
        b"User-Agent: x\r\nVersion: 1\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + mail(address("US"))
        + b"\r\n--b--\r\n"
    )
    judgement = normalise(source, locate).judgement
    assert judgement is not None
    assert judgement.value is Category.LEGITIMATE
