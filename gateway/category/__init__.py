"""What a Message is: spam, phishing, malware, an advance-fee fraud, or other; with its reason.

Open rules on signs that a person can check in the mail, tried in the order of harm. One sign is
never enough where honest mail shows it too: ``other`` is better than a guess. The law: pure
functions, substring tests only, and only the first part of a text is looked at. Verb: ``judge``.
"""

import re
from collections.abc import Iterable

from gateway.campaign import fold
from gateway.category import signs
from gateway.category.signs import Brand, Sign
from gateway.model import Attachment, Category, Judgement, Link, Message

LETTERS = 20_000
"""Characters of visible text beyond these are not looked at."""
LINKS = 50
"""Links beyond these are not looked at."""
BULK_HEADERS = frozenset(
    ("list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "x-csa-complaints")
)
"""Fields, in lower case, that senders of bulk mail add and hand-written mail lacks."""

_PATH = re.compile(r"[/?#\\]")
_PRICE = re.compile(
    "(?:[$]|\xe2\x82\xac|\xc2\xa3) ?[0-9]|[0-9] ?(?:\xe2\x82\xac|eur |euro|usd |gbp )"
)
# Signs parted from words by a space; a dollar and a percent sign say something and stay.
_SPACED = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() or chr(byte) in "$%" else 0x20
    for byte in range(256)
)


def judge(message: Message, text: str) -> Judgement:
    """The category of a mail with its reason in words; ``other`` where the signs are few.

    Args:
        message: the mail's headers, links and attachments.
        text: its visible text, decoded.
    """
    sender = message.sender
    head = f"{message.subject or ''} . {sender.name or '' if sender else ''}"
    header = _plain(head[:1_000])
    body = header + _plain(text[:LETTERS])
    return (
        _malware(message.attachments, body)
        or _phishing(message, header, body)
        or _advance_fee(body)
        or _spam(message, body)
        or Judgement(value=Category.OTHER, why="shows too few signs of any category")
    )


def _malware(attachments: Iterable[Attachment], body: str) -> Judgement | None:
    """A file that runs, a disk image, a document that wants its macros, a locked archive."""
    for name, ends in _endings(attachments):
        last = ends[-1]
        if last in signs.PROGRAMS and len(ends) > 1 and ends[-2] in signs.DOCUMENTS:
            return _found(Category.MALWARE, f"carries the program {name}, named like a document")
        if last in signs.PROGRAMS:
            return _found(Category.MALWARE, f"carries the program {name}")
        if last in signs.DISKS:
            return _found(Category.MALWARE, f"carries the disk image {name}")
        if last in signs.MACROS and _shows(body, signs.MACRO_ASKED):
            return _found(Category.MALWARE, f"{signs.MACRO_ASKED.says} in the document {name}")
        if last in signs.ARCHIVES and _shows(body, signs.PASSWORD_TOLD):
            return _found(Category.MALWARE, f"{signs.PASSWORD_TOLD.says} of the archive {name}")
    return None


def _phishing(message: Message, header: str, body: str) -> Judgement | None:
    """An appeal to an account, and a trap; or two appeals and a link that leads elsewhere."""
    asked = [sign.says for sign in signs.ASKS if _shows(body, sign)]
    if not asked:
        return None
    trap = _trap(message, header)
    if trap is None and len(asked) > 1:
        trap = _elsewhere(message)
    if trap is None:
        return None
    return _found(Category.PHISHING, f"{', '.join(asked[:2])} and {trap}")


def _trap(message: Message, header: str) -> str | None:
    """What gives a false address away: a borrowed name, a bare address, a page in the mail."""
    links = message.links[:LINKS]
    for brand in signs.BRANDS:
        if brand.name not in header:
            continue
        strange = [link.host for link in links if not _owns(brand, link.host)]
        # A mail that is from the brand and leads there may lead elsewhere too.
        honest = _owns(brand, _domain(message)) and len(strange) < len(links)
        if strange and not honest:
            return f"links to {strange[0]}, which is not of {brand.name.strip()}"
    for link in links:
        if _bare(link):
            return f"links to the bare address {link.host}"
        if link.host.startswith("xn--") or ".xn--" in link.host:
            return f"links to {link.host}, written in another alphabet"
        if "@" in _PATH.split(link.url.partition("://")[2], maxsplit=1)[0]:
            return f"hides the host {link.host} behind another name"
    for name, ends in _endings(message.attachments):
        if ends[-1] in signs.PAGES:
            return f"carries the page {name}"
    return None


def _elsewhere(message: Message) -> str | None:
    """The first link that leads away from the domain that the mail says it is from."""
    home = _site(_domain(message))
    for link in message.links[:LINKS]:
        if _site(link.host) != home:
            return f"links to {link.host}, while it is from {home or 'nobody'}"
    return None


def _advance_fee(body: str) -> Judgement | None:
    """A story of money that waits, a great sum, and the wish for a private answer."""
    told = [sign.says for sign in signs.WINDFALL if _shows(body, sign)]
    if not told or (len(told) == 1 and told[0] in signs.COMMON):
        return None
    sum_named = _shows(body, signs.FORTUNE)
    asked = _shows(body, signs.SECRECY)
    if sum_named + asked + min(len(told), 2) < 3:
        return None
    says = f"speaks of {' and '.join(told[:2])}"
    if sum_named:
        says += f" and of {signs.FORTUNE.says}"
    return _found(Category.ADVANCE_FEE, f"{says} and {signs.SECRECY.says}" if asked else says)


def _spam(message: Message, body: str) -> Judgement | None:
    """Trade, together with a sign of bulk or a price; or trade of two kinds."""
    trade = [sign.says for sign in signs.TRADE if _shows(body, sign)]
    field = next((name for name, _ in message.headers if name.lower() in BULK_HEADERS), None)
    if trade:
        offers = f"offers {' and '.join(trade[:2])}"
        if field is not None:
            return _found(Category.SPAM, f"{offers} and was sent in bulk ({field})")
        if _shows(body, signs.WAY_OUT):
            return _found(Category.SPAM, f"{offers} and {signs.WAY_OUT.says}")
        if _PRICE.search(body):
            return _found(Category.SPAM, f"{offers} and names a price")
        if len(trade) > 1:
            return _found(Category.SPAM, offers)
    if field is not None and _shows(body, signs.WAY_OUT):
        return _found(Category.SPAM, f"was sent in bulk ({field}) and {signs.WAY_OUT.says}")
    return None


def _found(value: Category, signs: str) -> Judgement:
    """A judgement whose reason names the signs."""
    return Judgement(value=value, why=signs)


def _plain(text: str) -> str:
    """A text folded to words with one space around each, as the signs are written.

    It is UTF-8 with one character for each byte, in which Python seeks three times as fast.
    """
    folded = fold(text).replace("\u2019", " ").encode("utf-8", "replace")
    return f" {b' '.join(folded.translate(_SPACED).split()).decode('latin-1')} "


def _shows(body: str, sign: Sign) -> bool:
    """Whether one of the sign's texts stands in the body."""
    for stem in sign.stems:  # noqa: SIM110 - any() with a generator costs half as much again
        if stem in body:
            return True
    return False


def _endings(attachments: Iterable[Attachment]) -> Iterable[tuple[str, list[str]]]:
    """The name of each attachment that has one, fit to be shown, and its endings in lower case.

    Trailing dots and spaces are dropped first, as the systems do that such a file is meant for.
    """
    for attachment in attachments:
        name = (attachment.name or "")[-200:].rstrip(". \t\r\n\0")
        ends = name.lower().rsplit(".", 3)[1:]
        if ends:
            shown = "".join([sign if sign.isprintable() else "?" for sign in name[-80:]])
            yield shown, [end.strip() for end in ends]


def _owns(brand: Brand, host: str) -> bool:
    """Whether a host may be the brand's own: its registered domain begins with one of its labels.

    Whoever registers such a name under another country's top is not found out; a wrong
    accusation would be worse.
    """
    return _site(host).partition(".")[0] in brand.labels


def _domain(message: Message) -> str:
    """The domain that a mail says it is from; empty where it says none."""
    return message.sender.address.rpartition("@")[2].lower() if message.sender else ""


def _site(host: str) -> str:
    """The registered domain of a host, nearly: three labels where the second is as in co.uk."""
    labels = host.rsplit(".", 3)
    if len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])


def _bare(link: Link) -> bool:
    """Whether a link's host is an address and no name."""
    host = link.host
    return ":" in host or (host[-1:].isdigit() and host.replace(".", "").isdigit())
