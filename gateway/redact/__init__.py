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
from typing import Final
from urllib.parse import unquote

from gateway.errors import KeyUnusable, MustNotLeave
from gateway.redact.disguises import (
    Disguises,
    dotted,
    in_host,
    lowered,
    names,
    of,
    places,
    plain,
    run,
    telling,
    whole,
)

TOKEN_CHARS: Final = 20
"""Characters of a token: 120 of the 256 bits, and legal in a local part."""
DOMAIN: Final = "redacted.invalid"
"""What stands for a hidden recipient's domain; no mail ever goes there (RFC 2606 §2)."""
WORD: Final = "redacted"
"""What stands for a hidden name or queue id."""
SALT_BYTES: Final = 32

Span = tuple[int, int, str]

# A percent-encoded letter, digit, at sign or percent sign: only then can decoding show anything.
_CODED: Final = re.compile(
    r"%(?:25|2[bBdDeE]|3[0-9]|4[0-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])"
)
_PIECE: Final = re.compile(r"[^\s\x00?&=#;/<>\"]+")
_FOR: Final = re.compile(r"(\s[fF][oO][rR]\s+)(<[^<>]*>|[^\s;()<>]+)")
_QUEUE_ID: Final = re.compile(r"(\s[iI][dD]\s+)([^\s;()]+)")


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

    Raises:
        KeyUnusable: the key is too short to hide anybody.
    """

    __slots__ = ("_found", "_key", "_names", "_tokens")

    def __init__(
        self, key: bytes, recipients: Iterable[str], display_names: Iterable[str] = ()
    ) -> None:
        if len(key) < SALT_BYTES:
            raise KeyUnusable(f"a redaction key has at least {SALT_BYTES} bytes")
        self._key = key
        self._found: list[Disguises] = [of(address) for address in dict.fromkeys(recipients)]
        self._tokens: dict[str, str] = {}
        self._names = names(display_names)

    def hide(self, text: str) -> str:
        """``text`` without any recipient, in whatever disguise: nothing else is changed.

        Several texts can be hidden in one call when joined by NUL, which no disguise crosses.
        """
        low = lowered(text)
        spans: list[Span] = []
        for known in self._found:
            spans += self._strong(known, text, low)
            spans += self._alone(known, low)
        spans += _named(self._names, low)
        if "%" in text and _CODED.search(text):
            spans += self._coded(text)
        return _replaced(text, spans) if spans else text

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
            spans += self._strong(known, line, low)
            alone += self._alone(known, low)
        alone += _named(self._names, low)
        spans += (
            span
            for span in alone
            if telling(low[span[0] : span[1]]) or not dotted(low, span[0], span[1])
        )
        return _replaced(line, spans) if spans else line

    def leaks(self, document: bytes) -> tuple[str, ...]:
        """The disguises in which a recipient's address still stands in outgoing bytes.

        Names and local parts alone are not looked for here: they may rightly stand in what we
        say of ourselves. Nothing in the answer repeats the address itself.
        """
        text = document.decode("utf-8", "replace")
        if text.startswith("<"):
            text = html.unescape(text)
        views = [text]
        if _CODED.search(text):
            views.append(unquote(text))
        found: list[str] = []
        for view in views:
            low = lowered(view)
            for number, known in enumerate(self._found):
                if next(plain(known, low), None) is not None:
                    found.append(f"recipient {number}: address")
                found += (
                    f"recipient {number}: {kind}" for needle, kind in known.folded if needle in low
                )
                found += (
                    f"recipient {number}: {kind}" for needle, kind in known.exact if needle in view
                )
        return tuple(dict.fromkeys(found))

    def _token(self, address: str) -> str:
        made = self._tokens.get(address)
        if made is None:
            made = self._tokens[address] = token(address, self._key)
        return made

    def _strong(self, known: Disguises, text: str, low: str) -> Iterator[Span]:
        """Where the whole address stands, plain or encoded."""
        for start, end, separator in plain(known, low):
            tail = f"@{DOMAIN}" if separator == "@" else ""
            yield start, end, self._token(known.address) + tail
        for needle, _ in known.folded:
            if needle in low:
                for start in places(low, needle):
                    yield (*run(text, start, start + len(needle)), self._token(known.address))
        for needle, _ in known.exact:
            if needle in text:
                for start in places(text, needle):
                    yield (*run(text, start, start + len(needle)), self._token(known.address))

    def _alone(self, known: Disguises, low: str) -> Iterator[Span]:
        """Where the local part stands without the domain."""
        for start, end, _ in _named(known.words, low):
            yield start, end, self._token(known.address)

    def _coded(self, text: str) -> Iterator[Span]:
        """Pieces of a link whose percent-decoded form holds a recipient."""
        for piece in _PIECE.finditer(text):
            if "%" not in piece[0]:
                continue
            once = unquote(piece[0])
            decoded = unquote(once) if "%" in once else once
            if decoded == piece[0]:
                continue
            low = lowered(decoded)
            for known in self._found:
                if (
                    next(self._strong(known, decoded, low), None) is not None
                    or next(self._alone(known, low), None) is not None
                ):
                    yield piece.start(), piece.end(), self._token(known.address)
                    break

    def _hidden_for(self, clause: re.Match[str]) -> str:
        address = clause[2].strip("<>")
        if "@" not in address:
            return clause[0] if clause[2].lower() == "multiple" else f"{clause[1]}{WORD}"
        return f"{clause[1]}<{self._token(address)}@{DOMAIN}>"


def guard(document: bytes, hider: Hider, most_bytes: int) -> bytes:
    """The same bytes, after a last look: they are no longer than allowed and name no recipient.

    Raises:
        MustNotLeave: with the disguises found; the document is not sent.
    """
    if len(document) > most_bytes:
        raise MustNotLeave(f"the document has {len(document)} bytes, more than {most_bytes}")
    found = hider.leaks(document)
    if found:
        raise MustNotLeave("; ".join(found))
    return document


def _named(words: Iterable[str], low: str) -> Iterator[Span]:
    """Where a word that names a person stands by itself; in host names only a telling one."""
    for word in words:
        if word in low:
            sure = telling(word)
            for start, end in whole(low, word):
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
