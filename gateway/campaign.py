"""Which Messages are one mailing: a fingerprint of the visible text, and how alike two are.

Personalised copies of one mailing differ in names, numbers, links and hidden filler; so the text
is folded until only its wording is left, and compared by the bottom of its hashed three-word
shingles. The law: pure functions, no randomness, the same result in every process and release.
Verbs: ``fingerprint`` a mail, ``choose`` its campaign, ``fold`` a text.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from zlib import adler32, crc32

from gateway.model import Fingerprint

MARKS = 48
"""How many of a mail's shingle hashes are kept: the smallest ones, a sketch of all."""
JOIN = 0.5
"""From this estimated Jaccard similarity on, a mail belongs to a campaign's leader."""
SHORT = 40
"""A body of fewer words says too little alone; subject and display name are then added."""
LEAST = 4
"""With fewer words in all, nothing can be said, and the mail is like no other."""
WORDS = 1_000
"""Words beyond these are not looked at."""
LETTERS = 20_000
"""Characters beyond these are not looked at; a thousand words of any language fit in."""

# Characters that nobody sees, outside ASCII: soft hyphen, joiners, direction marks, fillers,
# variation selectors, tags, controls.
_UNSEEN = re.compile(
    "[\x80-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]+"
)
# Letters of other alphabets that look like Latin ones and are swapped in to deceive filters. They
# are mapped in every text alike, so a text that is honestly Russian is still equal to its copies.
_LOOK_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d\u044a"
    "\u03bf\u03b1\u03bd\u03c1\u03b9\u03ba\u03c4\u03c5\u0131\u0261\u0578\u057d",
    "aeopcyxijshdqwboavpiktuignu",
)
_OTHER_ALPHABET = re.compile("[\u0131\u0261\u0370-\u058f]")
# Scripts without spaces: each sign stands for a word.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff])"
)
_OTHER_DIGIT = re.compile(r"[^\x00-\x7f\D]")
_OTHER_SIGN = re.compile(r"[^\x00-\x7f\w]+")
# Each begins with a fixed text, which the engine finds at the speed of C.
_LINK = re.compile(rb"://\S+")
_BARE_LINK = re.compile(rb"www\.\S+")
# Of ASCII, letters stay, digits become one digit, controls vanish and the rest parts words.
_ASCII = bytes(
    byte if byte >= 0x80 or chr(byte).isalpha() else 0x30 if chr(byte).isdigit() else 0x20
    for byte in range(256)
)
_CONTROLS = bytes(byte for byte in (*range(0x20), 0x7F) if not chr(byte).isspace())
_SENTENCE_END = re.compile(r"[\n\r|\u2022\u00b7]|(?<=[.!?])\s")
# What stands at the foot of every mailing, whoever sent it. Sentences with these words say nothing
# of the campaign, and would join all mails whose lure is a picture.
_FOOT = (
    "unsubscri",
    "opt out",
    "opt-out",
    "mail preferences",
    "your preferences",
    "in browser",
    "your browser",
    "a browser",
    "web browser",
    "privacy policy",
    "rights reserved",
    "received this",
    "receiving this",
    "stop receiving",
    "d\u00e9sabonn",
    "d\u00e9sinscri",
    "ne plus recevoir",
    "version en ligne",
    "vous recevez ce",
    "votre navigateur",
    "abmelden",
    "abbestellen",
    "im browser",
    "sie erhalten diese",
    "darse de baja",
    "cancelar su",
    "dejar de recibir",
    "su navegador",
)


def fingerprint(text: str, subject: str | None, display_name: str | None) -> Fingerprint:
    """What makes this mail recognisable as one of its mailing.

    A body of fewer than ``SHORT`` words is joined by subject and display name. A mail that says
    nothing (no body, and not both of subject and display name; or under ``LEAST`` words in all)
    gets an empty ``exact`` and no marks: it is compared with nothing, see ``comparable``.

    Args:
        text: the visible text, decoded; hidden parts are already left out.
        subject: the decoded subject line.
        display_name: the decoded display name of the sender.
    """
    words = _substance(text[:LETTERS])
    if len(words) < SHORT:
        named = _words(display_name or "")
        topic = _words(subject or "")
        if not words and not (named and topic):
            return _NOTHING
        words += [_SUBJECT, *topic, _SENDER, *named]
        if len(words) - 2 < LEAST:
            return _NOTHING
    del words[WORDS:]
    return Fingerprint(exact=_digest(words), marks=_marks(words), words=len(words))


def comparable(mark: Fingerprint) -> bool:
    """Whether this fingerprint says anything; one that does not is like no other, not even itself.

    Whoever looks a campaign up by ``exact`` must ask this first: all empty mails are not one
    mailing.
    """
    return bool(mark.exact)


def similarity(marks_a: Sequence[int], marks_b: Sequence[int]) -> float:
    """The estimated Jaccard similarity of two mails by their marks, 0 to 1; 0 if one has none.

    The bottom of the union is a fair sample of the union, and a mark of it that both have is in
    the intersection.
    """
    if not marks_a or not marks_b:
        return 0.0
    one, other = set(marks_a), set(marks_b)
    both = one & other
    if not both:
        return 0.0
    if len(one) < MARKS and len(other) < MARKS:
        return len(both) / len(one | other)
    sample = sorted(one | other)[:MARKS]
    return len(both.intersection(sample)) / len(sample)


def same(marks_a: Sequence[int], marks_b: Sequence[int]) -> bool:
    """Whether two mails are one mailing by their marks: alike from ``JOIN`` on."""
    return similarity(marks_a, marks_b) >= JOIN


def choose(mark: Fingerprint, candidates: Mapping[str, Sequence[int]]) -> str | None:
    """The campaign that this mail belongs to, or None where it is the first of its own.

    Only the marks are weighed here: whoever keeps campaigns looks an equal ``exact`` up before.
    Of several alike the most similar wins, and of equals the smallest id, so that the choice does
    not depend on the order in which they were found.

    Args:
        mark: the mail's fingerprint.
        candidates: the marks of each campaign's leader, by campaign id.
    """
    best: str | None = None
    best_score = JOIN
    for campaign, marks in candidates.items():
        score = similarity(mark.marks, marks)
        if score > best_score or (score == best_score and (best is None or campaign < best)):
            best, best_score = campaign, score
    return best


@lru_cache(maxsize=4)
def fold(text: str) -> str:
    """The text in one writing: lower case, compatible forms, nothing unseen, Latin look-alikes.

    What deceives a filter without being seen by a reader is gone; ASCII controls stay. At most
    ``LETTERS`` characters come out of a text that is not ASCII. The last answers are kept, because
    one text is asked for by several stations of the road.
    """
    if text.isascii():
        return text.lower()
    # One sign can become eighteen (U+FDFA), hence the second cut.
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))[:LETTERS].lower()
    if _OTHER_ALPHABET.search(text):
        text = text.translate(_LOOK_ALIKE)
    return text


_NOTHING = Fingerprint(exact="", marks=(), words=0)
# Symbols of what was folded away. Every word with a digit is folded to _NUMBER, so nothing that a
# mail says can equal another symbol.
_NUMBER = b"0"
_SITE = b" \xfe "
_ADDRESS = b"\xfd"
# A number is sought in bytes ten times as fast as a byte string.
_ZERO = ord("0")
_AT = ord("@")
_SUBJECT = b"0subject"
_SENDER = b"0sender"


def _substance(text: str) -> list[bytes]:
    """The words of the body without the sentences that stand at the foot of every mailing."""
    folded = fold(text)
    found = [stem for stem in _FOOT if stem in folded]
    if not found:
        return _split(folded)
    parts = _SENTENCE_END.split(folded)
    return _split(" ".join([p for p in parts if not any(stem in p for stem in found)]))


def _words(text: str) -> list[bytes]:
    """The folded words of a header's text; a subject of a hundred words is cut."""
    return _split(fold(text[:1_000]))[:100]


def _split(text: str) -> list[bytes]:
    """The words of a folded text; links, addresses and whatever holds a digit become symbols."""
    if not text.isascii():
        text = _OTHER_DIGIT.sub("0", _OTHER_SIGN.sub(" ", text))
        text = _UNSPACED.sub(r" \1 ", text)
    raw = text.encode("utf-8", "replace").replace(b"https://", b"://").replace(b"http://", b"://")
    raw = _BARE_LINK.sub(_SITE, _LINK.sub(_SITE, raw))
    if b"@" in raw:
        raw = b" ".join([_ADDRESS if _AT in part else part for part in raw.split()])
    raw = raw.translate(_ASCII, _CONTROLS)
    words = raw.split()
    if b"0" in raw:
        words = [_NUMBER if _ZERO in word else word for word in words]
    return words


def _digest(words: list[bytes]) -> str:
    """The first half of the SHA-256 of the folded words, in hex."""
    return hashlib.sha256(b" ".join(words)).hexdigest()[:32]


def _marks(words: list[bytes]) -> tuple[int, ...]:
    """The smallest ``MARKS`` hashes of the three-word shingles, sorted; each fits in 63 bits.

    A CRC-32 puts the shingles in an arbitrary order; the lowest get an Adler-32 below it, so that
    two shingles with one mark are rare among millions. Neither is meant to resist somebody who
    seeks a collision: to enter a campaign it is enough to copy its text.
    """
    threes = zip(words, words[1:], words[2:], strict=False)
    shingles = list(map(b" ".join, threes)) or [b" ".join(words)]
    ordered = dict(zip(map(crc32, shingles), shingles, strict=True))
    return tuple([order << 31 | adler32(ordered[order]) >> 1 for order in sorted(ordered)[:MARKS]])
