"""The receiving side of a report, as far as the report shows it: what the Hider is told to hide.

Addresses and names from the fields that name receivers, the recipient that a feedback report
states (RFC 5965 §3.2), and the numbers by which a sender knows a recipient. The law: what our
association says of itself in every document is nobody's secret and is not hidden.
Verbs: ``hider`` of a report, ``knowing`` a reporter.
"""

import re
from email.utils import parseaddr
from functools import lru_cache
from typing import Final

from gateway.model import Message, Report, evolve
from gateway.redact import SALT_BYTES, Hider

_NUMBERED: Final = re.compile(
    r"customer|client-?(?:id|n)|subscri|member|user-?(?:id|n)|account-?(?:id|n)|contact|phone"
    r"|mobile|msisdn|kunde|abonn|person|unsubscribe|consumer"
)
_SERVERS: Final = ("x-ms-", "x-microsoft", "x-forefront", "x-google", "arc-", "authentication-")
"""Fields of large providers about the mail itself, never about a customer of the sender."""
"""Fields in which a sender numbers its recipients."""
_ADDRESSED: Final = re.compile(r"(?i)(?:<|^)[ \t]*(?:https?://[^/?#>\s]*|mailto:)")
_QUEUE_ID: Final = re.compile(r"\s[iI][dD]\s+(?![\d.]+[\s;(])([^\s;()]{6,64})")
_FEEDBACK: Final = frozenset(("original-rcpt-to", "removal-recipient"))
_OTHER, _NUMBER, _TRACE = range(3)
_NOBODY: Final = b"\0" * SALT_BYTES


def hider(
    report: Report, key: bytes, *, contact_name: str = "", contact_mailbox: str = ""
) -> Hider:
    """The Hider of everybody on the receiving side of ``report``.

    Args:
        report: whose Message shows them.
        key: the peer's redaction key.
        contact_name: what our association calls itself in the document, which is not hidden.
        contact_mailbox: as ``contact_name``.

    Raises:
        KeyUnusable: the key is too short.
    """
    message = report.message
    if message is None:
        return Hider(key, ())
    addresses = [
        *message.recipients,
        *(
            value.strip().strip("<>").rpartition(";")[2].strip()
            for name, value in report.complaint.fields
            if name.lower() in _FEEDBACK
        ),
    ]
    ours, called = contact_mailbox.casefold(), contact_name.casefold()
    line = report.origin.line_number if report.origin else -1
    return Hider(
        key,
        [address for address in addresses if address.casefold() != ours],
        [name for name in message.recipient_names if name.casefold() != called],
        _numbers(message, line),
    )


def knowing(report: Report, reporter: str) -> Report:
    """``report`` with its reporter among the recipients, if the mail itself names them.

    Who reports is known while importing and is kept as a pseudonym only. So a reporter whom the
    mail does not name leaves no trace here, and one whom it names stands among the others.

    Args:
        report: as read.
        reporter: as given: an address, a name with an address, or any other identifier.
    """
    message = report.message
    name, address = parseaddr(reporter) if "@" in reporter else ("", reporter.strip())
    if message is None or not address:
        return report
    known = {one.casefold() for one in message.recipients}
    texts = "\0".join(
        (
            message.subject or "",
            message.envelope_sender or "",
            *(value for _, value in message.headers),
            *(link.url for link in message.links),
            *(attachment.name or "" for attachment in message.attachments),
        )
    )
    shown = texts.encode("utf-8", "replace").decode("utf-8")
    if address.casefold() not in known and Hider(_NOBODY, (address,)).hide(shown) != shown:
        message = evolve(message, recipients=(*message.recipients, address))
    if name and Hider(_NOBODY, (), (name,)).hide(shown) != shown:
        message = evolve(message, recipient_names=(*message.recipient_names, name))
    return evolve(report, message=message)


def _numbers(message: Message, line: int) -> list[str]:
    """Values that hold numbers of recipients, and the queue ids of the receiving servers."""
    found = []
    received = 0
    for name, value in message.headers:
        kind = _kind(name)
        if kind == _NUMBER:
            found.append(_ADDRESSED.sub("", value[:4_000]))
        elif kind == _TRACE:
            if received <= line:
                found += _QUEUE_ID.findall(value[:2_000])
            received += 1
    found += (one for one in message.recipient_names if any(sign.isdigit() for sign in one))
    return found


@lru_cache(maxsize=4_096)
def _kind(name: str) -> int:
    low = name.lower()
    if low == "received":
        return _TRACE
    if low.startswith(_SERVERS) or _NUMBERED.search(low) is None:
        return _OTHER
    return _NUMBER
