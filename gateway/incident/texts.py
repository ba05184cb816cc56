"""Texts of a mail on their way into a document: fit for XML, recipients hidden, clipped.

The law: hidden before clipped, and cut only far behind where they are clipped, so that no
recipient is left halved. Verbs: ``hidden``, ``fit``, ``clipped``, ``within``.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from gateway.redact import Hider

RAW_CHARS: Final = 4_000
"""Characters of one text of a mail that are looked at here."""
NAME_CHARS: Final = 250
"""Characters of a name that travel."""

# What XML cannot hold, and every control character.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def hidden(texts: Sequence[str], hider: Hider) -> list[str]:
    """The texts without what XML cannot hold and without recipients.

    They are cut only far behind where they will be clipped, so that no recipient is left halved.
    """
    short = [text[:RAW_CHARS] for text in texts]
    if not "".join(short).isprintable():
        short = [fit(text) for text in short]
    return hider.hide("\0".join(short)).split("\0")


def fit(text: str) -> str:
    """``text`` with U+FFFD for control characters and for what XML 1.0 cannot hold."""
    return text if text.isprintable() else _UNFIT.sub("\ufffd", text)


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
