"""Texts of a mail on their way into a document: fit for XML, recipients hidden, clipped.

The law: hidden before clipped, so that no recipient is left halved.
Verbs: ``hidden``, ``fit``, ``clipped``, ``within`` a budget, ``whole_end``.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.redact import Hider

RAW_CHARS: Final = 4_000
"""Characters of one text of a mail that are looked at here."""
LONG_CHARS: Final = 2_000
"""From this length on a text may have been cut, here or when the mail was read."""
TAIL_CHARS: Final = 1_000
"""The end of such a text that is dropped: longer than an address in any disguise."""
NAME_CHARS: Final = 250
"""Characters of a name that travel."""

# What XML cannot hold, and every control character.
_WHITE: Final = dict.fromkeys(map(ord, "\t\n\v\f\r"), " ")
_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def hidden(texts: Sequence[str], hider: Hider) -> list[str]:
    """The texts without what XML cannot hold and without recipients."""
    short = [text[:RAW_CHARS] for text in texts]
    if not "".join(short).isprintable():
        short = [fit(text) for text in short]
    done = hider.hide("\0".join(short)).split("\0")
    return [whole_end(text, before) for text, before in zip(done, short, strict=True)]


def whole_end(done: str, before: str) -> str:
    """``done`` without its end where ``before``, the text it was made of, may have been cut.

    A cut may have left half of a recipient at the end, where nobody can recognise it; hiding
    others before it can then bring it forward into what travels.
    """
    return done if len(before) < LONG_CHARS else done[:-TAIL_CHARS] + "\u2026"


def fit(text: str) -> str:
    """``text`` with U+FFFD for control characters and for what XML 1.0 cannot hold."""
    if text.isprintable():
        return text
    # A folded line keeps its tab; white space is no damage.
    return _UNFIT.sub("\ufffd", text.translate(_WHITE))


def clipped(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters; an ellipsis says that it was longer."""
    return text if len(text) <= most else text[: most - 1] + "\u2026"


def within(texts: Sequence[str], most_chars: int, most_bytes: int) -> list[str]:
    """As many of the texts as fit into ``most_bytes`` of JSON, each clipped."""
    kept: list[str] = []
    for text in texts:
        short = clipped(text, most_chars)
        most_bytes -= len(msgspec.json.encode(short))
        if most_bytes < 0:
            break
        kept.append(short)
    return kept
