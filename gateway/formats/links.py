"""Links in text, and one spelling for each of the many disguises of a link.

RFC 3986 §3 and §6, read as browsers read it (the WHATWG URL rules for http, https and ftp), for a
link leads where the victim's browser goes; hosts by RFC 5891 §4 (IDNA).
The law: nothing is fetched or resolved; linear time; what no browser would open is no link.
Verbs: ``find`` links in text, ``normalise`` one.
"""

import functools
import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote, urljoin

import idna

from gateway.model import Link

LONGEST = 4_096
"""Characters of one link that are kept; browsers and proxies carry little more."""

# It begins with one set of characters, which the engine seeks seven times as fast as alternatives.
_IN_TEXT = re.compile(
    r"[hHfFwW](?:"
    r"(?:(?<=[hH])[tT][tT][pP][sS]?|(?<=[fF])[tT][pP]):[/\\]{1,9}[^\s<>\"\x00-\x1f]{1,8192}"
    r"|(?<=[wW])(?<![\w@./-][wW])[wW]{2}\.[^\s<>\"\x00-\x1f]{1,8192})"
)
_OPENED_BY = {")": "(", "]": "[", "}": "{"}
_AFTER = ".,;:!?'*_~|\u2019\u201d\u00bb\u3002\uff0c"
# An ordinary link needs no second look; everything else takes the long way.
_ORDINARY = re.compile(
    r"(https?|ftp)://((?:[a-z0-9_][a-z0-9_-]{0,62}\.)+[a-z][a-z0-9-]{0,61}[a-z0-9])"
    r"((?:[/?][!#-;=?-\[\]_a-z~]*)?)",
    re.ASCII,
)
_SCHEME = re.compile(r"(https?|ftp):[/\\]*", re.IGNORECASE | re.ASCII)
_OTHER_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}:")
_AUTHORITY_END = re.compile(r"[/\\?#]")
_ENTITY = re.compile(r"&(?:amp|#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_BREAK = re.compile(r"[\t\n\r]")
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|\d+", re.ASCII)
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63}){0,126}", re.ASCII)
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
# What Unicode lets a host carry unseen (UTS 46 "ignored", and the joiners).
_UNSEEN_IN_HOST = re.compile(
    "[\u00ad\u034f\u180b-\u180f\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_DEFAULT_PORT = {"http": 80, "https": 443, "ftp": 21}
_UNSAFE = re.compile(r"[^!#-;=?-\[\]_a-z~]")
_KEPT_IN_PATH = "!#$%&'()*+,/:;=?@[]~"


def find(text: str, most: int = 20_000) -> Iterator[str]:
    """The links that a mail program would make of ``text``, as they are spelt there.

    Signs that end a sentence, and brackets that were opened before the link, are left out.

    Args:
        text: visible text, decoded.
        most: after so many the search stops.
    """
    if ":/" not in text and ":\\" not in text and "www." not in text.lower():
        return
    for count, found in enumerate(_IN_TEXT.finditer(text)):
        if count >= most:
            return
        yield _trimmed(found[0])


def _trimmed(link: str) -> str:
    end = len(link)
    furthest = max(0, end - 64)  # more than that at the end is no sentence
    while end > furthest:
        sign = link[end - 1]
        opened = _OPENED_BY.get(sign)
        if sign in _AFTER or (opened and link.count(opened, 0, end) < link.count(sign, 0, end)):
            end -= 1
        else:
            break
    return link[:end]


def gather(found: Iterable[str], keep: int) -> tuple[tuple[Link, ...], int]:
    """The links of ``found`` without repeats, in their order, and how many they are in all.

    Args:
        found: links as they are spelt.
        keep: so many are kept; the others are counted only.
    """
    links: dict[str, Link] = {}
    for spelling in dict.fromkeys(found):
        link = normalise(spelling)
        if link is not None:
            links.setdefault(link.url, link)
    return tuple(links.values())[:keep], len(links)


def absolute(reference: str, base: str | None) -> str:
    """``reference`` as seen from ``base`` (RFC 3986 §5); unchanged where it stands by itself."""
    if base is None and reference.isprintable():
        return reference.strip(" ")
    reference = _BREAK.sub("", reference).strip("\x00\x0b\x0c\x1c\x1d\x1e\x1f \xa0")
    if base is None or not reference or _OTHER_SCHEME.match(reference):
        return reference
    try:
        return urljoin(base, reference.replace("\\", "/"))
    except ValueError:
        return reference


def normalise(spelling: str) -> Link | None:
    """The link that ``spelling`` stands for, or ``None`` where no browser would open it.

    Undone are: character references, TAB and line breaks inside, backslashes, missing or too many
    slashes, userinfo before the host (dropped: it deceives, and may name the recipient), percent
    signs in the host, numbers in any base for an IPv4 address, full-width and unseen signs,
    international names (punycode), the dot at the end, the port that is the scheme's own. Other
    schemes than http, https and ftp are no links here.
    """
    ordinary = _ORDINARY.fullmatch(spelling)
    known = ordinary is not None and len(ordinary[2]) <= 253 and len(spelling) < LONGEST
    if ordinary and known and not _ENTITY.search(spelling):
        rest = ordinary[3]
        url = spelling if rest.startswith("/") else f"{ordinary[1]}://{ordinary[2]}/{rest}"
        return Link(url=url, host=ordinary[2])
    spelling = _BREAK.sub("", spelling[: LONGEST * 2]).strip("\x00\x0b\x0c\x1c\x1d\x1e\x1f \xa0")
    for _ in range(4):  # mailers that wrap mails escape what was escaped before
        if not _ENTITY.search(spelling):
            break
        spelling = _ENTITY.sub(_character, spelling)
    start = _SCHEME.match(spelling)
    if start:
        scheme, rest = start[1].lower(), spelling[start.end() :]
    elif spelling.startswith(("//", "\\\\", "/\\", "\\/")):
        scheme, rest = "http", spelling.lstrip("/\\")
    elif spelling[:4].lower() == "www.":
        scheme, rest = "http", spelling
    else:
        return None
    end = _AUTHORITY_END.search(rest)
    authority, path = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    parted = _host_and_port(authority.rpartition("@")[2], _DEFAULT_PORT[scheme])
    if parted is None:
        return None
    host, port = parted
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}{f':{port}' if port else ''}{_path(path)}"
    return Link(url=url[:LONGEST], host=host)


def _character(found: re.Match[str]) -> str:
    number = int(found[1]) if found[1] else int(found[2], 16) if found[2] else ord("&")
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF or number == 0:
        return "\ufffd"
    return chr(number)


def _host_and_port(authority: str, default: int) -> tuple[str, int | None] | None:
    if authority.startswith("["):
        name, bracket, behind = authority.partition("]")
        if not bracket:
            return None
        name += bracket
    else:
        name, colon, behind = authority.partition(":")
        behind = colon + behind
    digits = behind[1:]
    if behind and (behind[0] != ":" or (digits and not (digits.isascii() and digits.isdigit()))):
        return None
    port = (
        int(digits[-9:]) if digits and len(digits.lstrip("0")) < 9 else (0 if digits else default)
    )
    if not 0 < port < 65_536:
        return None
    host = _usual_host(name) if len(name) <= _USUAL else canonical_host(name)
    return (host, None if port == default else port) if host else None


def canonical_host(name: str) -> str | None:
    """A host's one spelling: ASCII, lower case, or an IP address in canonical form.

    ``None`` where it is no host (RFC 5890 §2.3.2; browsers' reading of numbers as addresses).
    """
    if name.startswith("["):
        return _ipv6(name[1:-1])
    if "%" in name:
        name = unquote(name, errors="replace")
    name = name[:1_024]
    if not name.isascii():
        name = unicodedata.normalize("NFKC", _UNSEEN_IN_HOST.sub("", name)).translate(_DOTS)
    name = name.lower()
    name = name.removesuffix(".")
    if not name.isascii():
        name = _punycode(name)
    last = name.rpartition(".")[2]
    if _NUMBER.fullmatch(last):
        return _ipv4(name.split("."))
    return name if len(name) <= 253 and _HOST.fullmatch(name) else None


# A mail's links share few hosts, and the hosts of trackers and pictures are in many mails.
_usual_host = functools.lru_cache(maxsize=4_096)(canonical_host)
_USUAL = 128


def _punycode(name: str) -> str:
    """The ASCII form of an international host; one that IDNA forbids is encoded as browsers do."""
    if len(name) > 253:
        return ""
    try:
        return idna.encode(name, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        pass
    try:
        return ".".join(
            label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
            for label in name.split(".")
        )
    except UnicodeError:
        return ""


def _ipv4(labels: list[str]) -> str | None:
    """An IPv4 address from one to four numbers in decimal, octal or hexadecimal, or ``None``."""
    if len(labels) > 4:
        return None
    numbers: list[int] = []
    for label in labels:
        if not _NUMBER.fullmatch(label) or len(label) > 40:
            return None
        try:
            if label[:2] == "0x":
                numbers.append(int(label[2:] or "0", 16))
            else:
                numbers.append(int(label, 8 if label[0] == "0" and len(label) > 1 else 10))
        except ValueError:
            return None
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(numbers)):
        return None
    value = numbers[-1]
    for place, number in enumerate(numbers[:-1]):
        value += number << (8 * (3 - place))
    return str(ipaddress.IPv4Address(value))


def _ipv6(text: str) -> str | None:
    """An IPv6 address in canonical form (RFC 5952 §4); one that carries IPv4 is that address."""
    try:
        address = ipaddress.IPv6Address(unquote(text[:64], errors="replace"))
    except ValueError:
        return None
    if address.scope_id:
        return None
    return str(address.ipv4_mapped or address)


def _path(path: str) -> str:
    """What follows the host: backslashes turned, unsafe signs in percent form (RFC 3986 §2.1)."""
    if not path.startswith(("/", "\\")):
        path = "/" + path
    if not _UNSAFE.search(path):
        return path
    place, question, query = path.partition("?")
    place, hash_sign, fragment = (place, "", "") if question else place.partition("#")
    path = place.replace("\\", "/") + question + query + hash_sign + fragment
    return quote(path, safe=_KEPT_IN_PATH, errors="replace")
