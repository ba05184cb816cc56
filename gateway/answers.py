"""What the web side is told to answer: to a peer's call, and to a visitor's browser.

Frozen nouns like those of ``model``; RFC 8935 §2.3 for the refusal of one SET.
"""

from datetime import datetime
from enum import StrEnum

from gateway.model import Country, Noun, PeerId


class SetError(Noun):
    """Why one SET of a call was refused: the code and the sentence of RFC 8935 §2.3."""

    err: str
    description: str


class PushAnswer(Noun):
    """What a call of many SETs is answered: who is delivered and who is refused, by ``jti``.

    A SET that is in neither is to come again later, unchanged.
    """

    ack: tuple[str, ...] = ()
    set_errs: tuple[tuple[str, SetError], ...] = ()


# What a visitor's page shows.


class Tone(StrEnum):
    """How a fate is coloured: done, still open, or failed."""

    GOOD = "good"
    OPEN = "open"
    BAD = "bad"


class LastExchange(Noun):
    """One line of the last exchanges: what went which way, and what became of it, in words."""

    at: datetime
    outgoing: bool
    peer: str
    country: Country | None
    what: str
    fate: str
    tone: Tone


class PageFacts(Noun):
    """What our public page says: who we are, counts in words and numbers, the last exchanges.

    ``fingerprint`` is the thumbprint of the federation key (RFC 7638 §3); nothing here names a
    reporter, a recipient or a sender.
    """

    id: PeerId
    name: str
    country: Country
    fingerprint: str
    mailbox: str
    as_of: datetime
    counts: tuple[tuple[str, int], ...] = ()
    last: tuple[LastExchange, ...] = ()
