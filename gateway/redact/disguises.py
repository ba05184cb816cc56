"""The disguises in which an address is written, and where they stand in a text.

A recipient stands in a mail as VERP, with a tag, spelled backwards, by the local part alone or as
a digest; what is encoded is decoded first, by ``unfolding`` (RFC 6590 §2). The law: what is found
depends on the address and the text alone, and costs one substring test where there is nothing
to find.
Verbs: ``of`` an address, ``digests`` of it, ``plain`` and ``whole`` places of it in a text.
"""

import codecs
import hashlib
import re
import unicodedata
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
_DIGESTS: Final = (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha384, hashlib.sha512)
_SHORT: Final = 4
"""A local part shorter than this is looked for through its domain, which is rarer in a text."""
_LEAST_WORD: Final = 3
_CORE_CHARS: Final = range(8, 13)
"""Base64 of a local part alone that is too short to be unfolded and too long for chance."""
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
_NAME_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_HOST_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-:[]")


class Disguises(Noun, gc=False):
    """One spelling of one address, with everything it may be written as.

    ``address`` is who is meant, whatever the spelling. One of ``gates`` is in every text that
    holds ``local`` or one of ``words``, which name the person without the domain. ``folded`` is
    looked for in a lower-case text as it is, ``exact`` in the text itself.
    """

    address: str
    local: str
    domain: str
    gates: tuple[str, ...]
    folded: tuple[str, ...]
    exact: tuple[str, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=8_192)
def of(address: str) -> tuple[Disguises, ...]:
    """Every disguise of ``address``, one noun a spelling; what is no address has only words."""
    given = address.strip().strip("<>")
    local, at, domain = lowered(given).rpartition("@")
    if not at:
        local, domain = domain, ""
    local = local.partition("+")[0] or local
    if not local:
        return ()
    whole = f"{local}@{domain}" if domain else local
    if whole.isascii() and "xn--" not in domain:
        return (_spelled(whole, given, local, domain),)
    return tuple(
        _spelled(whole, given, one, other)
        for one in _scripts(local)
        for other in dict.fromkeys((*_scripts(domain), *_internationalised(domain)))
    )


def _spelled(whole: str, given: str, local: str, domain: str) -> Disguises:
    words = _words(local)
    if not domain:
        return Disguises(
            address=given, local="", domain="", gates=words, folded=(), exact=(), words=words
        )
    spelled = f"{local}@{domain}"
    parts = [part for part in _SEPARATORS.split(local) if len(part) >= _SHORT]
    exact: dict[str, None] = {}
    shown = given.rpartition("@")[0].partition("+")[0]
    for spelling in {local, shown} if 5 < len(local) < 10 else ():
        for core in _cores(spelling.encode("utf-8", "surrogatepass")):
            if len(core) in _CORE_CHARS:
                exact[core] = None
    return Disguises(
        address=whole,
        local=local,
        domain=domain,
        gates=tuple(parts) or tuple(dict.fromkeys((domain, local, *words))),
        folded=(codecs.encode(spelled, "rot13"), spelled[::-1]),
        exact=tuple(exact),
        words=words,
    )


@lru_cache(maxsize=8_192)
def digests(address: str) -> frozenset[bytes]:
    """Every digest by which trackers know ``address``: as it is, and as it is often written.

    In lower and upper case, as given, with and without its tag, with the line feed that a shell
    adds, and of the local part alone.
    """
    given = address.strip().strip("<>")
    low = lowered(given)
    local, at, domain = low.rpartition("@")
    if not at:
        return frozenset()
    whole = f"{local.partition('+')[0] or local}@{domain}"
    spellings = {given, low, given.upper(), whole, whole.upper(), local, f"mailto:{low}"}
    spellings |= {f"{spelling}\n" for spelling in (given, low)}
    contents = [spelling.encode("utf-8", "surrogatepass") for spelling in spellings]
    return frozenset(
        make(content, usedforsecurity=False).digest() for make in _DIGESTS for content in contents
    )


def _scripts(text: str) -> tuple[str, ...]:
    """``text`` as it may stand there: composed, decomposed, or as octets read one by one."""
    if text.isascii():
        return (text,)
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    octets = [form.encode("utf-8", "replace").decode("latin-1") for form in (text, *forms)]
    return tuple(dict.fromkeys((text, *forms, *octets)))


def _internationalised(domain: str) -> tuple[str, ...]:
    """The other form of a domain with letters beyond ASCII (RFC 5890 §2.3.2.1)."""
    try:
        if domain.isascii():
            return _scripts(lowered(domain.encode("ascii").decode("idna")))
        return (domain.encode("idna").decode("ascii"),)
    except UnicodeError:
        return ()


def names(given: Iterable[str]) -> tuple[str, ...]:
    """What is hidden of display names: each name, and each word of it that may name a person.

    With and without accents; a word of two letters only where its script has no spaces.
    """
    found: dict[str, None] = {}
    for name in given:
        folded = lowered(name).strip(" \"'")
        if len(folded) >= _least(folded) and folded not in ROLES and "@" not in folded:
            _add_name(found, folded)
        for word in _NAME_WORD.findall(unicodedata.normalize("NFC", folded)):
            if word not in ROLES and len(word) >= _least(word):
                _add_name(found, word)
    # The longest first, so that a whole name goes as one.
    return tuple(sorted(found, key=len, reverse=True))


def _add_name(found: dict[str, None], name: str) -> None:
    found[name] = None
    if not name.isascii():
        found.update((form, None) for form in _scripts(name))
        apart = unicodedata.normalize("NFD", name)
        bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
        if len(bare) >= _least(bare):
            found[bare] = None


def _least(word: str) -> int:
    return 2 if word[:1] > "\u2e7f" else _LEAST_WORD


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


def whole(low: str, word: str, *, octets: bool = False) -> Iterator[tuple[int, int]]:
    """Where ``word`` stands in ``low`` by itself; in scripts without spaces, anywhere.

    Beside it stands no letter or digit; of ``octets``, decoded at a guess, none of ASCII.
    """
    unspaced = word[0] > "\u2e7f"
    for start in places(low, word):
        end = start + len(word)
        if unspaced or not (
            _joins(low[start - 1 : start], octets=octets)
            or _joins(low[end : end + 1], octets=octets)
        ):
            yield start, end


def _joins(sign: str, *, octets: bool) -> bool:
    return sign.isalnum() and not (octets and sign > "\x7f")


def places(text: str, needle: str) -> Iterator[int]:
    """Each place where ``needle`` begins in ``text``, none inside another."""
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + len(needle))


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
        encoded = b64encode(b"\0" * shift + content).decode()
        core = encoded[skipped : (shift + len(content)) * 8 // 6]
        yield core
        if "+" in core or "/" in core:
            yield core.replace("+", "-").replace("/", "_")
