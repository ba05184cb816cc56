"""What a mail was made with: its kit, known by the skeleton that different lures share.

A kit is a sending program with its template. What it writes before and around any lure stays the
same from one lure to the next: the order and spelling of the header's fields, the form of message
identifiers, boundaries and links, and the elements with which the HTML opens. Mails of one large
sending service therefore share a kit as well; a kit joins no cases, it is only shown.
The law: linear in what is looked at, which is bounded. Verb: ``name``.
"""

import re
from collections.abc import Iterable
from hashlib import sha256

from gateway.model import Message

OPENING = 1_500
"""Encoded bytes of HTML that are looked at."""
ELEMENTS = 16
"""Elements of the HTML, and attributes, that are looked at."""
LINKS = 10
"""Links whose form is looked at."""

# Fields that the sending side writes. All others depend on the way that the mail took.
_FIELDS = (
    "From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "MIME-Version",
    "Content-Type", "Content-Transfer-Encoding", "Content-Language", "In-Reply-To", "References",
    "X-Mailer", "User-Agent", "X-Priority", "Priority", "X-MSMail-Priority", "Importance",
    "Precedence", "Organization", "Thread-Index", "Thread-Topic", "X-MimeOLE",
    "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID", "List-Help", "List-Owner",
    "Feedback-ID", "Auto-Submitted", "X-Campaign", "X-CampaignID", "X-PHP-Originating-Script",
    "Errors-To", "Disposition-Notification-To", "Return-Receipt-To",
)  # fmt: skip


def _spelt(names: Iterable[str]) -> frozenset[str]:
    """Names of fields in the spellings of programs, which differ from program to program."""
    return frozenset(
        spelt for name in names for spelt in (name, name.title(), name.lower(), name.upper())
    )


_SPELT = _spelt(_FIELDS)
_TYPES = _spelt(["Content-Type"])
_PROGRAMS = _spelt(["X-Mailer", "User-Agent", "X-MimeOLE"])
# With one of these begins what the lure says; the template around it stands before.
_CONTENT = re.compile(
    rb"<(?:p|a|img|h[1-6]|br|hr|span|font|b|strong|i|em|li|pre)[\s>/]", re.IGNORECASE
)
_ELEMENT = re.compile(rb"<[A-Za-z][A-Za-z0-9]{0,15}")
_ATTRIBUTE = re.compile(rb" [A-Za-z-]{2,20}=[\"']")
_LETTERS = bytes(byte for byte in range(256) if chr(byte).isalnum())
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".css")


def name(message: Message, opening: bytes) -> str:
    """The kit that ``message`` was made with, as 16 hexadecimal digits.

    Empty where nothing but the header could show it: a plain text without a link is written with
    some mail program, and that is no kit.

    Args:
        message: its headers and links.
        opening: the first bytes of its HTML, decoded; empty where there is none.
    """
    if not opening and not message.links:
        return ""
    pairs = [pair for pair in message.headers if pair[0] in _SPELT]
    forms = [field for field, _ in pairs]
    for field, value in pairs:
        if field in _TYPES:
            media_type, _, rest = value.partition(";")
            forms += (media_type.lower(), _form(rest.partition("oundary=")[2]))
        elif field in _PROGRAMS:
            forms.append(value[:200].rstrip("0123456789. ()[]"))
    forms += (_form((message.message_id or "").partition("@")[0]), _link(message))
    begins = _CONTENT.search(opening)
    before = opening[: begins.start()] if begins else opening
    elements = _ELEMENT.findall(before)[:ELEMENTS]
    skeleton = b"".join([*elements, *_ATTRIBUTE.findall(before)[:ELEMENTS]]).lower()
    told = "\n".join(forms)
    return sha256(told.encode("utf-8", "replace") + skeleton).hexdigest()[:16]


def _form(text: str) -> str:
    """The signs of an identifier, without its letters and digits."""
    return (
        text[:200].encode("utf-8", "replace").translate(None, _LETTERS).decode("ascii", "replace")
    )


def _link(message: Message) -> str:
    """The form of the first link to no picture: how many steps, which ending, which questions."""
    for link in message.links[:LINKS]:
        path, _, question = link.url[:500].partition("?")
        if path.endswith(_PICTURES):
            continue
        ending = path[-6:].rpartition(".")[2] if "." in path[-6:] else ""
        asked = [part.partition("=")[0] for part in question.split("&", 5)[:5]] if question else []
        return f"{path.count('/')} {ending} {asked}"
    return ""
