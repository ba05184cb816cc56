"""What a mail says, folded until only its wording is left: words as bytes, in one writing.

Personalised copies of one mailing differ in numbers, links, addresses, case, unseen characters,
look-alike letters and the recipient's name; all that is folded away, with the sentences that
stand at the foot of every mailing and the lines that a mail program writes over a forwarded one.
The law: linear time, no randomness. Verbs: ``fold`` a text, ``split`` it, ``substance`` of a body.
"""

import re
import unicodedata
from functools import lru_cache

LETTERS = 20_000
"""Characters beyond these are not looked at; a thousand words of any language fit in."""
SAID = 3_000
"""Characters of a text that count here: more than nineteen mails of twenty have."""
FOOT = 450
"""Characters: what follows a sentence of the foot belongs to it, up to so many."""
ABOVE = 60
"""Words that somebody who forwards a mail in his own may write above it."""

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
# The same for the nearer alphabets, sought in UTF-8 because that is five times as fast: the signs
# of U+0080 to U+00BF, of U+2000 to U+2BFF and of pictures, what is undecodable.
_SIGN = re.compile(rb"\xc2.|\xe2[\x80-\xaf].|\xf0\x9f..|\xef..", re.DOTALL)
# Bytes of ASCII, and those with which characters of the nearer alphabets and signs begin or go on;
# any other byte begins one of a further script (Hebrew, Arabic, Indian, Thai, Chinese ...).
_NEAR = bytes([*range(0xD6), 0xE2, *range(0xEF, 0x100)])
# Each begins with a fixed text, which the engine finds at the speed of C.
_LINK = re.compile(rb"://\S+")
_BARE_LINK = re.compile(rb"www\.\S+")
# Of ASCII, letters stay, digits become one digit, controls vanish and the rest parts words.
_ASCII = bytes(
    byte if byte >= 0x80 or chr(byte).isalpha() else 0x30 if chr(byte).isdigit() else 0x20
    for byte in range(256)
)
_CONTROLS = bytes(byte for byte in (*range(0x20), 0x7F) if not chr(byte).isspace())
# Where a sentence ends, and what is written there so that it can be split.
_SENTENCE_ENDS = (
    ("\n", "\n"),
    (". ", ".\n"),
    ("! ", "!\n"),
    ("? ", "?\n"),
    ("|", "\n"),
    ("\u2022", "\n"),
    ("\u00b7", "\n"),
)
# What stands at the foot of every mailing, whoever sent it. Sentences with these words say nothing
# of the campaign, and would join all mails whose lure is a picture.
_FOOT = (
    "unsubscri",
    "opt out",
    "opt-out",
    "preferences",
    "privacy policy",
    "rights reserved",
    "received this",
    "receiving this",
    "was sent to",
    "stop receiving",
    "d\u00e9sabonn",
    "d\u00e9sinscri",
    "ne plus recevoir",
    "vous recevez ce",
    "abmelden",
    "abbestellen",
    "sie erhalten diese",
    "darse de baja",
    "cancelar su suscrip",
    "dejar de recibir",
)
# What stands over a mail for those who do not see it well; the lure follows.
_TOP = ("browser", "version en ligne", "votre navigateur", "su navegador")
# What mail programs write over a mail that is forwarded or answered, in Europe's large languages.
_FORWARDED = (
    "forwarded message",
    "original message",
    "weitergeleitete nachricht",
    "rspr\u00fcngliche nachricht",
    "message transf\u00e9r\u00e9",
    "message d'origine",
    "mensaje reenviado",
    "mensaje original",
    "messaggio inoltrato",
)
_WRAPPING = ("d message", "al message", "nachricht", "message ", "mensaje", "messaggio")
# A line of the header that follows: a word or two and a colon.
_HEADER_LINE = re.compile(
    r"[\s>*]*(?:from|sent|date|to|cc|subject|reply-to|von|gesendet|datum|an|betreff|de|envoy\u00e9"
    r"|\u00e0|objet|enviado|el|fecha|para|asunto|da|inviato|data|a|oggetto)\s{0,2}\*?\s?:"
)

# Symbols of what was folded away. Every word with a digit is folded to NUMBER, so nothing that a
# mail says can equal another symbol.
NUMBER = b"0"
NAME = b"0name"
SUBJECT = b"0subject"
SENDER = b"0sender"
_SITE = b" \xfe "
_ADDRESS = b"\xfd"
# A number is sought in bytes ten times as fast as a byte string.
_ZERO = ord("0")
_AT = ord("@")


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


def split(folded: str) -> list[bytes]:
    """The words of a folded text; links, addresses and whatever holds a digit become symbols."""
    raw = folded.encode("utf-8", "replace")
    if not folded.isascii():
        if raw.translate(None, _NEAR):
            folded = _OTHER_DIGIT.sub("0", _OTHER_SIGN.sub(" ", folded))
            raw = _UNSPACED.sub(r" \1 ", folded).encode("utf-8", "replace")
        else:
            raw = _SIGN.sub(b" ", raw)
    if b"://" in raw:
        raw = _LINK.sub(_SITE, raw.replace(b"https://", b"://").replace(b"http://", b"://"))
    if b"www." in raw:
        raw = _BARE_LINK.sub(_SITE, raw)
    if b"@" in raw:
        raw = b" ".join([_ADDRESS if _AT in part else part for part in raw.split()])
    raw = raw.translate(_ASCII, _CONTROLS)
    words = raw.split()
    if b"0" in raw:
        words = [NUMBER if _ZERO in word else word for word in words]
    return words


def substance(text: str) -> tuple[list[bytes], bool]:
    """The words of a body that say something of the campaign, and whether a foot was taken off.

    A mail that somebody forwards within his own is read from where it begins.
    """
    folded = fold(text[:LETTERS])[:SAID]
    if any(stem in folded for stem in _WRAPPING) and any(m in folded for m in _FORWARDED):
        folded = _within(folded)
    ends = [stem for stem in _FOOT if stem in folded]
    if ends:
        folded = _without_foot(folded, ends)
    tops = [stem for stem in _TOP if stem in folded]
    if tops:
        folded = _without(folded, tops)
    return split(folded), bool(ends)


def _without_foot(folded: str, stems: list[str]) -> str:
    """A text without the sentences that hold a stem; where one is near the end, it ends there."""
    tail = max(len(folded) - FOOT, 0)
    begins = [place for stem in stems if (place := folded.find(stem, tail)) >= 0]
    if begins:
        first = min(begins)
        folded = folded[: max([folded.rfind(end, 0, first) for end, _ in _SENTENCE_ENDS]) + 1]
    return _without(folded, [stem for stem in stems if stem in folded])


def _without(folded: str, stems: list[str]) -> str:
    """A text without the sentences that hold one of the stems."""
    if not stems:
        return folded
    for end, line in _SENTENCE_ENDS:
        folded = folded.replace(end, line)
    return "\n".join([p for p in folded.split("\n") if not any(stem in p for stem in stems)])


def _within(folded: str) -> str:
    """What follows the header of a mail forwarded in this text, if little stands above it."""
    lines = folded.split("\n")
    above = 0
    for place, line in enumerate(lines):
        if any(mark in line for mark in _FORWARDED):
            rest = place + 1
            while rest < len(lines) and (
                not lines[rest].strip(" >\r") or _HEADER_LINE.match(lines[rest])
            ):
                rest += 1
            below = "\n".join(lines[rest:])
            # Where a mail only poses as an answer, the lure stands above.
            return below if above <= ABOVE and len(below.split(None, 8)) > 8 else folded
        above += len(line.split())
    return folded


def mask(words: list[bytes], names: frozenset[bytes]) -> list[bytes]:
    """``words`` with the recipient's own names folded away."""
    said = names.intersection(words)
    return [NAME if word in said else word for word in words] if said else words
