"""The disguises in which an address is carried through a mail, and where they stand in a text.

Trackers write a recipient as VERP, percent-encoded, in base64, in hex, or as a digest; each of
those is a fixed text once the address is known, and is looked for as such (RFC 6590 §2).
The law: what is found depends on the address and the text alone, and costs one substring test
where there is nothing to find.
Verbs: ``of`` an address, ``plain`` and ``whole`` places of it in a text, ``run`` around one.
"""

import codecs
import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from gateway.model import Noun

ROLES: Final = frozenset((
    "abuse", "account", "accounts", "admin", "billing", "client", "clients", "contact",
    "contacts", "customer", "desk", "feedback", "finance", "hello", "help", "home", "hostmaster",
    "info", "jobs", "legal", "list", "mail", "mailbox", "mailer", "mailing", "marketing",
    "member", "members", "news", "newsletter", "noreply", "office", "order", "orders", "post",
    "postmaster", "press", "privacy", "receiver", "recipient", "recipients", "redacted", "reply",
    "report", "reports", "root", "sales", "security", "server", "service", "services", "shop",
    "spam", "staff", "support", "team", "test", "user", "users", "webmaster",
))  # fmt: skip
"""Words that name no person: alone they are hidden nowhere."""
_DIGESTS: Final = (("md5", hashlib.md5), ("sha1", hashlib.sha1), ("sha256", hashlib.sha256))
_SHORT: Final = 4
"""A local part shorter than this is looked for through its domain, which is rarer in a text."""
_LEAST_WORD: Final = 3
_LEAST_CORE: Final = 8
_RUN_MOST: Final = 400
_HOST_MOST: Final = 255
_TELLING: Final = 6
_OPENERS: Final = frozenset("@%=#([ _-&.+")
_AT: Final = (
    "@", "=", "%40", "%2540", "=40", "%3d", "#", "(at)", "[at]", " at ", "_at_", "-at-",
    "&#64;", "&#x40;", "&commat;", ".", "/",
)  # fmt: skip
# Longest first, so that "=40" is not read as "=".
_JOIN: Final = re.compile(
    r"(?:(?:\+|%2b)[^@=%#\s]{0,64})?("
    + "|".join(re.escape(text) for text in sorted(_AT, key=len, reverse=True))
    + ")"
)
_SEPARATORS: Final = re.compile(r"[._+-]+")
_NAME_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_RUN_CHARS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_-")
_HOST_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-:[]")
_PADDING: Final = re.compile(r"(?:=|%3[dD]){1,2}")


class Disguises(Noun, gc=False):
    """One address with everything it may be written as.

    ``folded`` are (text, kind) to look for in a lower-case text, ``exact`` in the text itself;
    ``words`` are what names the person without the domain.
    """

    address: str
    local: str
    domain: str
    folded: tuple[tuple[str, str], ...]
    exact: tuple[tuple[str, str], ...]
    words: tuple[str, ...]


@lru_cache(maxsize=8_192)
def of(address: str) -> Disguises:
    """Every disguise of ``address``; what is no address has only words."""
    given = address.strip().strip("<>")
    local, at, domain = lowered(given).rpartition("@")
    if not at:
        local, domain = domain, ""
    local = local.partition("+")[0] or local
    if not domain or not local:
        return Disguises(
            address=given, local="", domain="", folded=(), exact=(), words=_words(local)
        )
    whole = f"{local}@{domain}"
    spellings = dict.fromkeys((whole, lowered(given), given))
    folded = {
        codecs.encode(whole, "rot13"): "rot13",
        whole[::-1]: "reversed",
        "".join(f"&#{ord(sign)};" for sign in whole): "entities",
    }
    if len(local) >= _LEAST_WORD:
        folded["".join(f"%{byte:02x}" for byte in _bytes(local))] = "percent-encoding"
    exact: dict[str, str] = {}
    for spelling in spellings:
        content = _bytes(spelling)
        folded[content.hex()] = "hex"
        for name, make in _DIGESTS:
            digest = make(content, usedforsecurity=False).digest()
            folded[digest.hex()] = name
            _add_base64(exact, _base64(digest)[: len(digest) * 8 // 6], f"base64 of {name}")
        for core in _cores(content):
            _add_base64(exact, core, "base64")
    for core in _cores(_bytes(local)):
        if len(core) >= _LEAST_CORE:
            _add_base64(exact, core, "base64")
    return Disguises(
        address=whole,
        local=local,
        domain=domain,
        folded=tuple(folded.items()),
        exact=tuple(exact.items()),
        words=_words(local),
    )


def names(given: Iterable[str]) -> tuple[str, ...]:
    """What is hidden of display names: each name, and each word of it that may name a person."""
    found: dict[str, None] = {}
    for name in given:
        folded = lowered(name).strip(" \"'")
        if len(folded) >= _LEAST_WORD and folded not in ROLES and "@" not in folded:
            found[folded] = None
        for word in _NAME_WORD.findall(folded):
            if word not in ROLES:
                found[word] = None
    # The longest first, so that a whole name goes as one.
    return tuple(sorted(found, key=len, reverse=True))


def lowered(text: str) -> str:
    """``text`` in lower case, character by character, so that places in both are the same."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(sign.lower() if len(sign.lower()) == 1 else sign for sign in text)


def plain(known: Disguises, low: str) -> Iterator[tuple[int, int, str]]:
    """Where the whole address stands in ``low`` as itself, VERP or with another at sign.

    Gives start, end and what stood for the at sign; a plus-tag before it is inside.
    """
    local, domain = known.local, known.domain
    if not domain:
        return
    if len(local) < _SHORT:
        for place in places(low, domain):
            for at in _AT:
                if low.endswith(local + at, 0, place):
                    yield place - len(at) - len(local), place + len(domain), at
        return
    for start in places(low, local):
        end = start + len(local)
        if low[end : end + 1] not in _OPENERS:
            continue
        joined = _JOIN.match(low, end)
        if joined is not None and low.startswith(domain, joined.end()):
            yield start, joined.end() + len(domain), joined[1]


def whole(low: str, word: str) -> Iterator[tuple[int, int]]:
    """Where ``word`` stands in ``low`` by itself; in scripts without spaces, anywhere."""
    unspaced = word[0] > "\u2e7f"
    for start in places(low, word):
        end = start + len(word)
        if unspaced or not (low[start - 1 : start].isalnum() or low[end : end + 1].isalnum()):
            yield start, end


def places(text: str, needle: str) -> Iterator[int]:
    """Each place where ``needle`` begins in ``text``, none inside another."""
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + len(needle))


def run(text: str, start: int, end: int) -> tuple[int, int]:
    """``start`` and ``end``, widened to the encoded text around them, its padding included.

    Base64 is found by its middle, so the characters beside it carry the rest of the address.
    """
    first = max(0, start - _RUN_MOST)
    while start > first and text[start - 1] in _RUN_CHARS:
        start -= 1
    last = min(len(text), end + _RUN_MOST)
    while end < last and text[end] in _RUN_CHARS:
        end += 1
    padding = _PADDING.match(text, end)
    return start, padding.end() if padding else end


def telling(word: str) -> bool:
    """Whether ``word`` names a person wherever it stands, because nobody else is called so.

    A host name is evidence, and "dupont" in one may be anybody; "jean-dupont" is the recipient.
    """
    return any(sign in "._-" for sign in word) or (len(word) >= _TELLING and not word.isalpha())


def in_host(low: str, start: int) -> bool:
    """Whether the word at ``start`` belongs to a host: after an at sign or a link's slashes."""
    first = max(0, start - _HOST_MOST)
    while start > first and low[start - 1] in _HOST_CHARS:
        start -= 1
    return low[start - 1 : start] == "@" or low[max(0, start - 2) : start] == "//"


def dotted(low: str, start: int, end: int) -> bool:
    """Whether the word from ``start`` to ``end`` is a label of a dotted or hyphenated name."""
    before, after = low[max(0, start - 2) : start], low[end : end + 2]
    return (before[-1:] in (".", "-") and before[:1].isalnum()) or (
        after[:1] in (".", "-") and after[1:].isalnum()
    )


def _words(local: str) -> tuple[str, ...]:
    """The spellings of a local part that name its owner without the domain."""
    found = {local: None}
    parts = [part for part in _SEPARATORS.split(local) if part]
    if all(part in ROLES for part in parts):
        return ()
    if len(parts) > 1:
        for between in ("", " ", ".", "-", "_"):
            found[between.join(parts)] = None
        found.update((part, None) for part in parts if len(part) >= _SHORT and part.isalpha())
    return tuple(
        word
        for word in sorted(found, key=len, reverse=True)
        if len(word) >= _LEAST_WORD and word not in ROLES and not word.isdigit()
    )


def _cores(content: bytes) -> Iterator[str]:
    """What base64 makes of ``content`` wherever it begins in the encoded bytes."""
    for shift, skipped in ((0, 0), (1, 2), (2, 3)):
        encoded = _base64(b"\0" * shift + content)
        yield encoded[skipped : (shift + len(content)) * 8 // 6]


def _add_base64(exact: dict[str, str], core: str, kind: str) -> None:
    exact[core] = kind
    if "+" in core or "/" in core:
        exact[core.replace("+", "-").replace("/", "_")] = kind
        for plus, slash in (("%2B", "%2F"), ("%2b", "%2f")):
            exact[core.replace("+", plus).replace("/", slash)] = kind


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape" if text.isascii() else "replace")
