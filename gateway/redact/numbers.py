"""Numbers by which a sender knows a recipient: telephone, customer, subscriber.

They stand in a header field that says so and come back in a subject or a link. The law: a number
is looked for whole, a telephone number also with other separators and prefixes.
Verb: ``Numbers.of`` the values of such fields, then ``spans`` of a text.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.model import Noun

_LEAST_CHARS: Final = 5
_LEAST_DIGITS: Final = 3
_MOST: Final = 32
"""Numbers of one mail that are looked for."""
_CORE: Final = 8
"""Last digits of a telephone number that stay the same with any prefix."""
_NUMBER: Final = re.compile(r"[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+){0,8}")
_TELEPHONE: Final = re.compile(r"\+?\d(?:[ ./()\-]{0,2}\d){8,14}")
_SEPARATORS: Final = dict.fromkeys(map(ord, " ./()-"))
_BETWEEN: Final = r"[ ./()\-]{0,3}"
_BEFORE: Final = r"(?<!\d)(?:\+?\d[\d ./()\-]{0,8})?"


class Numbers(Noun, gc=False):
    """``words`` are looked for whole in lower case, ``cores`` as digits with separators."""

    words: tuple[str, ...] = ()
    cores: tuple[str, ...] = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> "Numbers":
        """The numbers in ``values``: five characters or more, three of them digits."""
        words: dict[str, None] = {}
        cores: dict[str, None] = {}
        for value in values:
            for found in _TELEPHONE.findall(value[:500]):
                digits = re.sub(r"\D", "", found)
                cores[digits[-_CORE:]] = None
            for word in _NUMBER.findall(value[:500]):
                digits = sum(sign.isdigit() for sign in word)
                if len(word) >= _LEAST_CHARS and digits >= _LEAST_DIGITS:
                    words[word.lower()] = None
        if not words and not cores:
            return _NONE
        return cls(words=tuple(words)[:_MOST], cores=tuple(cores)[:_MOST])

    def spans(self, low: str, instead: str) -> Iterator[tuple[int, int, str]]:
        """Where one of the numbers stands in ``low``."""
        for word in self.words:
            at = low.find(word)
            while at >= 0:
                end = at + len(word)
                if not (low[at - 1 : at].isalnum() or low[end : end + 1].isalnum()):
                    yield at, end, instead
                at = low.find(word, end)
        if self.cores:
            bare = low.translate(_SEPARATORS)
            for core in self.cores:
                if core in bare:
                    pattern = _BEFORE + _BETWEEN.join(core) + r"(?!\d)"
                    for found in re.finditer(pattern, low):
                        yield found.start(), found.end(), instead


_NONE: Final = Numbers()
