"""What a Message is: spam, phishing, malware, an advance-fee fraud, or other; with its reason.

Open rules on signs that a person can check in the mail, tried in the order of harm. One sign is
never enough where honest mail shows it too: ``other`` is better than a guess. No mail can prove of
itself that it was asked for, so ``legitimate`` is only what its reader says. The law: pure
functions, one pass over the first part of a text that finds every sign. Verb: ``judge``.
"""

import re
from collections.abc import Iterable

from ahocorasick_rs import BytesAhoCorasick

from gateway.campaign import fold
from gateway.category import newsletter, signs
from gateway.category.signs import Brand
from gateway.model import Attachment, Category, Judgement, Link, Message, Origin

LETTERS = 20_000
"""Characters of visible text beyond these are not looked at."""
LINKS = 50
"""Links beyond these are not looked at."""
BULK_HEADERS = frozenset(
    ("list-unsubscribe", "list-unsubscribe-post", "list-id", "feedback-id", "x-csa-complaints")
)
"""Fields, in lower case, that senders of bulk mail add and hand-written mail lacks."""

Shown = set[str]
"""The signs that a text shows, by what they say; no two say the same."""

_PATH = re.compile(r"[/?#\\]")
# A sign of money beside a digit, all digits written as 0.
_MONEY = "$0|$ 0|€0|€ 0|£0|£ 0|0€|0 €|0eur |0 eur |0euro|0 euro|0usd |0 usd |0gbp |0 gbp "
_PRICES = [price.encode() for price in _MONEY.split("|")]
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
# Four hundred texts are sought at once; whoever tries them one by one pays for each.
_SAYS = [sign.says for sign in signs.EVERY for _ in sign.stems]
_SEEKER = BytesAhoCorasick([stem for sign in signs.EVERY for stem in sign.stems])
# Signs parted from words by a space; a dollar and a percent sign say something and stay.
_SPACED = bytes(
    byte if byte >= 0x80 or chr(byte).isalnum() or chr(byte) in "$%" else 0x20
    for byte in range(256)
)


def judge(
    message: Message, text: str, *, origin: Origin | None = None, feedback: str | None = None
) -> Judgement:
    """The category of a mail with its reason in words; ``other`` where the signs are few.

    Args:
        message: the mail's headers, links and attachments.
        text: its visible text, decoded.
        origin: who handed it over, where that is proved.
        feedback: the type of the feedback report that it came in, if any (RFC 5965 §3.1).
    """
    sender = message.sender
    head = f"{message.subject or ''} . {sender.name or '' if sender else ''}"
    header = _plain(head[:1_000])
    body = header + _plain(text[:LETTERS])
    shown = {_SAYS[stem] for stem, _, _ in _SEEKER.find_matches_as_indexes(body, overlapping=True)}
    return (
        _malware(message.attachments, shown)
        or _phishing(message, header, shown)
        or _advance_fee(shown)
        or _welcome(feedback)
        or _spam(message, body, shown, origin)
        or Judgement(value=Category.OTHER, why="shows too few signs of any category")
    )


def _malware(attachments: Iterable[Attachment], shown: Shown) -> Judgement | None:
    """A file that runs, a disk image, a document that wants its macros, a locked archive."""
    for name, ends in _endings(attachments):
        last = ends[-1]
        if last in signs.PROGRAMS and len(ends) > 1 and ends[-2] in signs.DOCUMENTS:
            return _found(Category.MALWARE, f"carries the program {name}, named like a document")
        if last in signs.PROGRAMS:
            return _found(Category.MALWARE, f"carries the program {name}")
        if last in signs.DISKS:
            return _found(Category.MALWARE, f"carries the disk image {name}")
        if last in signs.MACROS and signs.MACRO_ASKED.says in shown:
            return _found(Category.MALWARE, f"{signs.MACRO_ASKED.says} in the document {name}")
        if last in signs.ARCHIVES and signs.PASSWORD_TOLD.says in shown:
            return _found(Category.MALWARE, f"{signs.PASSWORD_TOLD.says} of the archive {name}")
    return None


def _phishing(message: Message, header: bytes, shown: Shown) -> Judgement | None:
    """An appeal to an account, and a trap; or two appeals and a link that leads elsewhere."""
    asked = [sign.says for sign in signs.ASKS if sign.says in shown]
    if not asked:
        return None
    trap = _trap(message, header)
    if trap is None and len(asked) > 1:
        trap = _elsewhere(message)
    if trap is None:
        return None
    return _found(Category.PHISHING, f"{', '.join(asked[:2])} and {trap}")


def _trap(message: Message, header: bytes) -> str | None:
    """What gives a false address away: a borrowed name, a bare address, a page in the mail."""
    links = message.links[:LINKS]
    for brand in signs.BRANDS:
        if brand.name not in header:
            continue
        strange = [link.host for link in links if not _owns(brand, link.host)]
        # A mail that is from the brand and leads there may lead elsewhere too.
        honest = _owns(brand, _domain(message)) and len(strange) < len(links)
        if strange and not honest:
            return f"links to {strange[0]}, which is not of {brand.name.decode().strip()}"
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


def _advance_fee(shown: Shown) -> Judgement | None:
    """A story of money that waits, a great sum, and the wish for a private answer."""
    told = [sign.says for sign in signs.WINDFALL if sign.says in shown]
    if not told or (len(told) == 1 and told[0] in signs.COMMON):
        return None
    sum_named = signs.FORTUNE.says in shown
    asked = signs.SECRECY.says in shown
    if sum_named + asked + min(len(told), 2) < 3:
        return None
    says = f"speaks of {' and '.join(told[:2])}"
    if sum_named:
        says += f" and of {signs.FORTUNE.says}"
    return _found(Category.ADVANCE_FEE, f"{says} and {signs.SECRECY.says}" if asked else says)


def _welcome(feedback: str | None) -> Judgement | None:
    """What the reader's own feedback report calls wanted (RFC 6430 §2)."""
    if feedback == "not-spam":
        return _found(Category.LEGITIMATE, "its reader says so (feedback type not-spam)")
    return None


def _spam(message: Message, body: bytes, shown: Shown, origin: Origin | None) -> Judgement | None:
    """Trade, together with a sign of bulk or a price; or trade of two kinds."""
    trade = [sign.says for sign in signs.TRADE if sign.says in shown]
    way_out = signs.WAY_OUT.says in shown
    if not trade and not way_out:
        return None
    field = next((name for name, _ in message.headers if name.lower() in BULK_HEADERS), None)
    if trade:
        offers = f"offers {' and '.join(trade[:2])}"
        if field is not None:
            return _found(Category.SPAM, f"{offers} and was sent in bulk ({field})")
        if way_out:
            return _found(Category.SPAM, f"{offers} and {signs.WAY_OUT.says}")
        if _priced(body):
            return _found(Category.SPAM, f"{offers} and names a price")
        if len(trade) > 1:
            return _found(Category.SPAM, offers)
    elif field is not None:
        site = newsletter.vouched(message, origin)
        if site is not None:
            why = f"probably a newsletter of {site}, which one click leaves; its reader knows best"
            return Judgement(value=Category.OTHER, why=why)
        return _found(Category.SPAM, f"was sent in bulk ({field}) and {signs.WAY_OUT.says}")
    return None


def _priced(body: bytes) -> bool:
    """Whether a sum of money is named."""
    digits = body.translate(_DIGITS)
    return any(price in digits for price in _PRICES)


def _found(value: Category, signs: str) -> Judgement:
    """A judgement whose reason names the signs."""
    return Judgement(value=value, why=signs)


def _plain(text: str) -> bytes:
    """A text folded to words with one space around each, in UTF-8, as the signs are written."""
    folded = fold(text).replace("\u2019", " ").encode("utf-8", "replace")
    return b" %b " % b" ".join(folded.translate(_SPACED).split())


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
