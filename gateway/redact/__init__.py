"""Hide and recognise: nobody on the receiving side of a mail is named abroad (RFC 6590).

A recipient becomes a token, HMAC-SHA-256 with a key per peer: the same person has the same token
for the same peer, and two peers cannot join their lists. Whatever ``hide`` leaves in a text,
``leaks`` would not find there. Substring tests come before everything else, because most texts
hold nothing to hide.
Verbs: ``Hider.hide``, ``Hider.hide_line``, ``Hider.leaks``, ``recognise``, ``salted``.
"""

import hashlib
import hmac
import html
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from copy import copy
from typing import Final

from gateway.errors import KeyUnusable, MustNotLeave
from gateway.redact.disguises import (
    Disguises,
    digests,
    dotted,
    in_host,
    lowered,
    names,
    of,
    places,
    plain,
    telling,
    whole,
)
from gateway.redact.numbers import Numbers
from gateway.redact.salutations import hide_greeted
from gateway.redact.unfolding import Unfolded, unfold
from gateway.redact.unfolding import runs_of as runs_of

TOKEN_CHARS: Final = 20
"""Characters of a token: 120 of the 256 bits, and legal in a local part."""
DOMAIN: Final = "redacted.invalid"
"""What stands for a hidden recipient's domain; no mail ever goes there (RFC 2606 §2)."""
WORD: Final = "redacted"
"""What stands for a hidden name, number or queue id."""
SALT_BYTES: Final = 32

Span = tuple[int, int, str]

_RUN_SIGNS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_=-")

_FOR: Final = re.compile(r"(\s[fF][oO][rR]\s+)(<[^<>]*>|[^\s;()<>]+)")
_QUEUE_ID: Final = re.compile(r"(\s[iI][dD]\s+)([^\s;()]+)")
# What is looked at by itself where something encoded names a recipient, the smallest first.
_PIECES: Final = (
    re.compile(r"[A-Za-z0-9_-]{8,}(?:=|%3[dD]){0,2}"),
    re.compile(r"(?:[A-Za-z0-9+/_-]|%2[bBfF]){8,}(?:=|%3[dD]){0,2}"),
    re.compile(r"[^\s\x00?&=#;/<>\"]+"),
    re.compile(r"[^\s\x00?&/<>\"]+"),
    re.compile(r"[^\s\x00<>\"]+"),
    re.compile(r"[^\x00]+"),
)


def token(address: str, key: bytes) -> str:
    """The token that stands for ``address`` towards the peer that ``key`` belongs to.

    Letter case and a plus-tag do not make another person (RFC 6590 §3).
    """
    local, _, domain = address.strip().casefold().rpartition("@")
    person = f"{local.partition('+')[0] or local}@{domain}"
    digest = hmac.digest(key, person.encode("utf-8", "surrogateescape"), "sha256")
    return urlsafe_b64encode(digest)[:TOKEN_CHARS].decode()


def recognise(hidden: str, recipients: Iterable[str], key: bytes) -> str | None:
    """Which of ``recipients`` the token ``hidden`` stands for; None where it is none of them.

    Only the holder of ``key`` can tell. A token with ``DOMAIN`` behind it is taken too.
    """
    wanted = hidden.removesuffix(f"@{DOMAIN}").encode()
    for recipient in recipients:
        if hmac.compare_digest(token(recipient, key).encode(), wanted):
            return recipient
    return None


def salted(salt: bytes, source: bytes) -> bytes:
    """SHA-256 of 32 random bytes followed by the source: the only digest of a mail that travels.

    Raises:
        KeyUnusable: the salt is not 32 bytes, so the source could be guessed.
    """
    if len(salt) != SALT_BYTES:
        raise KeyUnusable(f"a salt has {SALT_BYTES} bytes")
    return hashlib.sha256(salt + source).digest()


class Hider:
    """Hides the receiving side of one mail towards one peer.

    Args:
        key: the peer's redaction key, at least 32 bytes, kept by us alone.
        recipients: every address known to be on the receiving side.
        display_names: every display name known to be there.
        numbers: every number by which the sender knows somebody there.

    Raises:
        KeyUnusable: the key is too short to hide anybody.
    """

    __slots__ = (
        "_addresses",
        "_clean",
        "_digests",
        "_found",
        "_key",
        "_names",
        "_numbers",
        "_tokens",
        "deep",
    )  # fmt: skip

    def __init__(
        self,
        key: bytes,
        recipients: Iterable[str],
        display_names: Iterable[str] = (),
        numbers: Iterable[str] = (),
    ) -> None:
        if len(key) < SALT_BYTES:
            raise KeyUnusable(f"a redaction key has at least {SALT_BYTES} bytes")
        self._key = key
        self._addresses = tuple(dict.fromkeys(recipients))
        self._found: list[Disguises] = [
            known for address in self._addresses for known in of(address)
        ]
        self._tokens: dict[str, str] = {}
        self._names = names(display_names)
        self._numbers = Numbers.of(numbers)
        self._digests: dict[bytes, str] | None = None
        self._clean: AbstractSet[bytes] = frozenset()
        self.deep = True

    def quick(self) -> "Hider":
        """The same one for a first try: it hides what is written plainly and undoes no encoding.

        ``leaks`` looks as deep as ever; where it finds something, the whole Hider has to do it.
        """
        first = copy(self)
        first.deep = False
        return first

    def hide(self, text: str) -> str:
        """``text`` without any recipient, in whatever disguise: nothing else is changed.

        Several texts can be hidden in one call when joined by NUL, which no disguise crosses.
        """
        low = lowered(text)
        spans: list[Span] = []
        for known in self._found:
            if _gated(known, low):
                spans += self._strong(known, low)
                spans += self._alone(known, low)
            spans += self._fixed(known, text, low)
        spans += _named(self._names, low)
        spans += self._numbers.spans(low, WORD)
        return self._unfolded(_replaced(text, spans) if spans else text)

    def hide_greeting(self, text: str) -> str:
        """``text``, a subject that is hidden already, without the name that it greets."""
        return hide_greeted(text, WORD, self._tokens.values())

    def hide_line(self, line: str) -> str:
        """A Received line without recipient and queue id; the rest is evidence and stays.

        The ``for`` clause goes even where its address is not known to us (RFC 5321 §4.4). A word
        that is part of a host's name stays, unless it tells who the recipient is.
        """
        line = _QUEUE_ID.sub(rf"\g<1>{WORD}", _FOR.sub(self._hidden_for, line))
        low = lowered(line)
        spans: list[Span] = []
        alone: list[Span] = []
        for known in self._found:
            if _gated(known, low):
                spans += self._strong(known, low)
                alone += self._alone(known, low)
            spans += self._fixed(known, line, low)
        alone += _named(self._names, low)
        spans += (
            span
            for span in alone
            if telling(low[span[0] : span[1]]) or not dotted(low, span[0], span[1])
        )
        return self._unfolded(_replaced(line, spans) if spans else line)

    def leaks(
        self, document: bytes, structure: AbstractSet[bytes] = frozenset()
    ) -> tuple[str, ...]:
        """In which disguises a recipient still stands in outgoing bytes; decoded three deep.

        Common names are not looked for here: they may rightly stand in what we say of ourselves.
        Nothing in the answer repeats the address itself. ``structure`` are runs that every
        document holds (``runs_of``).
        """
        text = document.decode("utf-8", "replace")
        if text.startswith("<"):
            text = html.unescape(text)
        found: list[str] = []
        low = lowered(text)
        for number, known in enumerate(self._found):
            if (_gated(known, low) and next(self._strong(known, low), None) is not None) or next(
                self._fixed(known, text, low), None
            ) is not None:
                found.append(f"recipient {number}: address")
        unfolded = unfold(text, clean=self._clean | structure)
        if self._told(unfolded) is not None:
            found.append("more encodings than are undone" if unfolded.cut else "encoded recipient")
        return tuple(dict.fromkeys(found))

    # What is encoded.

    def _unfolded(self, text: str) -> str:
        """``text`` without the encoded pieces that name a recipient, as few as will do."""
        if not self.deep:
            return text
        found = unfold(text, clean=self._clean)
        if self._told(found) is None:
            self._clean |= found.runs
            return text
        for piece in _PIECES:
            text = piece.sub(self._without, text)
            if self._told(unfold(text, clean=self._clean)) is None:
                break
        return text

    def _without(self, piece: re.Match[str]) -> str:
        found = unfold(piece[0], clean=self._clean)
        return piece[0] if not found.views else self._told(found) or piece[0]

    def _told(self, unfolded: Unfolded) -> str | None:
        """What stands for the recipient that decoded views name; None where they name nobody."""
        if unfolded.cut:
            return WORD
        if unfolded.digests:
            for digest in unfolded.digests & self._known_digests().keys():
                return self._token(self._known_digests()[digest])
        for view in unfolded.views:
            for known in self._found:
                if _gated(known, view) and (
                    next(self._strong(known, view), None)
                    or next(_named(known.words, view, octets=True), None)
                ):
                    return self._token(known.address)
                if any(needle in view for needle in known.folded):
                    return self._token(known.address)
            if next(_named(self._names, view, octets=True), None) or next(
                self._numbers.spans(view, ""), None
            ):
                return WORD
        return None

    def _known_digests(self) -> dict[bytes, str]:
        if self._digests is None:
            self._digests = {
                digest: address for address in self._addresses for digest in digests(address)
            }
        return self._digests

    # What is written as it is.

    def _token(self, address: str) -> str:
        made = self._tokens.get(address)
        if made is None:
            made = self._tokens[address] = token(address, self._key)
        return made

    def _strong(self, known: Disguises, low: str) -> Iterator[Span]:
        """Where the whole address stands."""
        for start, end, separator in plain(known, low):
            tail = f"@{DOMAIN}" if separator == "@" else ""
            yield start, end, self._token(known.address) + tail

    def _fixed(self, known: Disguises, text: str, low: str) -> Iterator[Span]:
        """Where it stands backwards or turned by 13 letters, or the short local part in base64."""
        for needle in known.folded:
            if needle in low:
                for start in places(low, needle):
                    yield start, start + len(needle), self._token(known.address)
        for needle in known.exact:
            if needle in text:
                for start in places(text, needle):
                    yield (*_run(text, start, start + len(needle)), self._token(known.address))

    def _alone(self, known: Disguises, low: str) -> Iterator[Span]:
        """Where the local part stands without the domain."""
        for start, end, _ in _named(known.words, low):
            yield start, end, self._token(known.address)

    def _hidden_for(self, clause: re.Match[str]) -> str:
        address = clause[2].strip("<>")
        if "@" not in address:
            return clause[0] if clause[2].lower() == "multiple" else f"{clause[1]}{WORD}"
        return f"{clause[1]}<{self._token(address)}@{DOMAIN}>"


def _gated(known: Disguises, low: str) -> bool:
    """Whether ``low`` can hold this address, or a word of it, at all."""
    return any(gate in low for gate in known.gates)


def _run(text: str, start: int, end: int) -> tuple[int, int]:
    """The encoded run around a place: its ends carry what the middle leaves out."""
    while start and text[start - 1] in _RUN_SIGNS:
        start -= 1
    while end < len(text) and text[end] in _RUN_SIGNS:
        end += 1
    return start, end


def guard(
    document: bytes,
    hider: Hider,
    most_bytes: int,
    structure: AbstractSet[bytes] = frozenset(),
) -> bytes:
    """The same bytes, after a last look: they are no longer than allowed and name no recipient.

    Raises:
        MustNotLeave: with the disguises found; the document is not sent.
    """
    if len(document) > most_bytes:
        raise MustNotLeave(f"the document has {len(document)} bytes, more than {most_bytes}")
    found = hider.leaks(document, structure)
    if found:
        raise MustNotLeave("; ".join(found))
    return document


def _named(words: Iterable[str], low: str, *, octets: bool = False) -> Iterator[Span]:
    """Where a word that names a person stands by itself; in host names only a telling one."""
    for word in words:
        if word in low:
            sure = telling(word)
            for start, end in whole(low, word, octets=octets):
                if sure or not in_host(low, start):
                    yield start, end, WORD


def _replaced(text: str, spans: list[Span]) -> str:
    """``text`` with every span replaced; of spans that touch each other the first one speaks."""
    spans.sort(key=lambda span: (span[0], -span[1]))
    out: list[str] = []
    at = 0
    for start, end, instead in spans:
        if start >= at:
            out.append(text[at:start])
            out.append(instead)
        at = max(at, end)
    out.append(text[at:])
    return "".join(out)
