"""A mail's fingerprint: a digest of its words, a sketch of them, how it opens, whom it names.

The sketch is the bottom of the hashed pairs of neighbouring words, so that two mails can be
compared by 48 numbers each. Single words are kept as 16-bit codes only: enough to compare two
mails, too little to read a name out of a code. Verb: ``fingerprint``.
"""

import hashlib
import re
from itertools import pairwise
from zlib import crc32

from gateway.campaign import kit, words
from gateway.model import Fingerprint, Message

MARKS = 48
"""How many of a mail's hashes are kept: the smallest ones, a sketch of all."""
SHORT = 40
"""A body of fewer words says too little alone; subject and display name are then added."""
LEAST = 4
"""With fewer words in all, nothing can be said, and the mail is like no other."""
WORDS = 1_000
"""Words beyond these are not looked at."""
LEAD = 32
"""How many long words make up the opening of a body."""

_LONG = 4
_LETTERS = 0x80
# What a display name says of a role and not of a brand.
_ROLES = frozenset(
    b"team support service services customer customers care info information online account"
    b" accounts security alert alerts noreply reply notification notifications mail email news"
    b" newsletter admin help helpdesk desk office sales billing kundenservice kundendienst konto"
    b" sicherheit client clients assistance equipe cliente clientes servicio atencion cuenta"
    b" compte bank your ihre votre from the und and".split()
)
# Greetings are translated from copy to copy; symbols say nothing.
_GREETINGS = frozenset(
    b"dear hello good morning evening hallo guten morgen liebe lieber sehr geehrte geehrter"
    b" bonjour cher chere salut bonsoir hola estimado estimada buenos buenas dias querido"
    b" gentile caro cara buongiorno ciao beste geachte 0name".split()
)
# Local parts that name no person, and must not hide the words of a text.
_POSTS = frozenset(
    b"info contact sales office admin support mail service team post hello kontakt email user"
    b" account webmaster postmaster abuse accounts the and you your for".split()
)
_PART = re.compile(rb"[^.\s_+=-]{3,40}")


def fingerprint(text: str, message: Message, opening: bytes = b"") -> Fingerprint:
    """What makes this mail recognisable as one of its mailing, and of its kit.

    A body of fewer than ``SHORT`` words is joined by subject and display name. A mail that says
    nothing (no body, and not both of subject and display name; or under ``LEAST`` words in all)
    gets an empty ``exact`` and no marks: it is compared with nothing, see ``comparable``.

    Args:
        text: the visible text, decoded; hidden parts are already left out.
        message: its subject, sender, recipients, headers and links.
        opening: the first bytes of the HTML, decoded, where there is any; see ``kit.name``.
    """
    made_with = kit.name(message, opening)
    sender = message.sender.name if message.sender else None
    mine = _names(message)
    body, footed = words.substance(text)
    body = words.mask(body, mine)
    topic = words.mask(_header(message.subject), mine)
    named = words.mask(_header(sender), mine)
    said = body[:WORDS]
    if len(body) < SHORT:
        if not body and not (named and topic):
            return Fingerprint(exact="", marks=(), words=0, kit=made_with)
        said = [*body, words.SUBJECT, *topic, words.SENDER, *named]
        if len(said) - 2 < LEAST:
            return Fingerprint(exact="", marks=(), words=0, kit=made_with)
    return Fingerprint(
        exact=hashlib.sha256(b" ".join(said)).hexdigest()[:32],
        marks=_marks(said),
        words=len(said),
        # What little is left beside a foot may be foot as well, and opens nothing.
        lead=() if footed and len(body) < SHORT else _codes(body[: 2 * LEAD]),
        topic=_codes(topic),
        brand=_brand(named, body, topic, message),
        kit=made_with,
    )


def _header(text: str | None) -> list[bytes]:
    """The folded words of a header's text; a subject of a hundred words is cut."""
    return words.split(words.fold(text[:1_000]))[:100] if text else []


def _names(message: Message) -> frozenset[bytes]:
    """The words that name the recipient: of display names and of local parts."""
    parts = [address.partition("@")[0][:80] for address in message.recipients[:20]]
    said = words.fold(" ".join([*parts, *message.recipient_names[:20]])[:1_000])
    found = _PART.findall(said.encode("utf-8", "replace"))
    return frozenset([part for part in found if part.isalpha() or part[0] >= _LETTERS]) - _POSTS


def _codes(said: list[bytes]) -> tuple[int, ...]:
    """Codes of the first long words, in their order; a sign of an unspaced script is long."""
    found = [
        word
        for word in said
        if (len(word) >= _LONG or word[0] >= _LETTERS) and word not in _GREETINGS
    ]
    return tuple(dict.fromkeys([crc32(word) & 0xFFFF for word in found[:LEAD]]))


def _brand(
    named: list[bytes], body: list[bytes], topic: list[bytes], message: Message
) -> tuple[int, ...]:
    """Codes of the words that the sender calls himself by and says again and again.

    A name that is said once may be that of a person who signs, another one in every copy. Being
    part of the sender's domain, or of a link's host, counts as being said.
    """
    found = []
    for word in set(named[:10]):
        if len(word) < _LONG or word in _ROLES or word.startswith(words.NUMBER):
            continue
        said = body.count(word) + (word in topic)
        if said == 1:
            plain = word.decode()
            domain = message.sender.address.rpartition("@")[2] if message.sender else ""
            said += plain in domain or any(plain in link.host for link in message.links[:10])
        if said > 1:
            found.append(crc32(word) & 0xFFFF)
    return tuple(sorted(found))


def _marks(said: list[bytes]) -> tuple[int, ...]:
    """The smallest ``MARKS`` hashes of neighbouring words, sorted; each fits in 32 bits.

    A CRC-32 puts the pairs in an arbitrary order, and that two pairs have one mark is rare enough.
    It is not meant to resist somebody who seeks a collision: to enter a campaign it is enough to
    copy its text.
    """
    pairs = set(map(crc32, map(b" ".join, pairwise(said))))
    if len(pairs) > 2 * MARKS:
        # Sorting costs most, and of many only the lowest count; this bound is nearly always right.
        bound = (1 << 32) // len(pairs) * MARKS * 3 // 2
        low = sorted([one for one in pairs if one < bound])
        if len(low) >= MARKS:
            return tuple(low[:MARKS])
    return tuple(sorted(pairs)[:MARKS])
