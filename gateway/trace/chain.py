"""The Received lines of one mail, and the other headers that matter, each with its place.

Carries no RFC of its own. The law: a line is read when it is first asked for, and once. Verbs:
``Chain.hop``, ``Chain.older``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.formats import received
from gateway.formats.received import Hop

MOST_HOPS = 100
"""Received lines that are read; real chains have under 30 (RFC 5321 §6.3 allows 100)."""

Noted = tuple[int, str, str]
"""A header that matters: its place in the mail, its name in lower case, its value."""


@dataclass(frozen=True, slots=True)
class Line:
    """A Received line with its place among the headers."""

    place: int
    text: str


class Chain:
    """The Received lines of one mail, each read when first asked for, and what else matters.

    ``wanted`` are the names of the headers that matter, in lower case, with ``received``.
    """

    def __init__(self, headers: Sequence[tuple[str, str]], wanted: frozenset[str]) -> None:
        self.noted: list[Noted] = []
        self.lines: list[Line] = []
        for place, (name, value) in enumerate(headers):
            lowered = name.lower()
            if lowered not in wanted:
                continue
            if lowered != "received":
                self.noted.append((place, lowered, value))
            elif len(self.lines) < MOST_HOPS:
                self.lines.append(Line(place, value.strip()))
        self.end = len(headers)
        self._hops: dict[int, Hop] = {}

    def hop(self, number: int) -> Hop:
        """The line with this number (0 is the newest), read."""
        if number not in self._hops:
            self._hops[number] = received.read(self.lines[number].text)
        return self._hops[number]

    def older(self, number: int) -> Hop | None:
        """The next older line that names the machine which wrote it."""
        for later in range(number + 1, len(self.lines)):
            if self.hop(later).by is not None:
                return self.hop(later)
        return None
