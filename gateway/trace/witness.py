"""What a provider's own headers say of the sender: a second witness beside the border's line.

Carries Authentication-Results (RFC 8601 §2.2, §5), Received-SPF (RFC 7208 §9.1) and what Exchange
Online writes. The law: a header counts only where its provider is the border and wrote it: above
the border's line, or (for servers that write below their line) next to it. Verb: ``hear``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.formats.received import address
from gateway.trace import kin
from gateway.trace.chain import Noted

_READ = 4000
_ADDRESS = r"\[?(?:ipv6:)?([0-9a-f.:]{2,45})"
Clues = tuple[tuple[str, re.Pattern[str]], ...]
"""Patterns for a value in lower case, each behind the words that it needs, which are found fast."""


def _clues(*rows: tuple[str, str]) -> Clues:
    return tuple((word, re.compile(pattern.replace("ADDRESS", _ADDRESS))) for word, pattern in rows)


_SPF = _clues(
    ("ip=", r'\b(?:client-ip|ip)="?ADDRESS'),
    ("designate", r"designates? ADDRESS (?:as|$)"),
    ("discourages use of ", r"discourages use of ADDRESS (?:as|$)"),
)
_RESULTS = _clues(
    ("sender ip is ", "sender ip is ADDRESS"),
    ("designate", "designates? ADDRESS as"),
    ("client-ip=", "client-ip=ADDRESS"),
    ("remote-ip=", "remote-ip=ADDRESS"),
    ("iprev=", "iprev=ADDRESS"),
)
_FOREFRONT = _clues(("cip:", r"(?:^|;)\s*cip:ADDRESS;"))
_SENDER_IP = _clues(("", r"^\s*ADDRESS\]?\s*$"))
_SPF_HOST = re.compile(r"\breceiver=([\w.-]{1,255})|\(([\w.-]{1,255}): ", re.IGNORECASE)
_SERVER = re.compile(r"\s*([\w.-]{1,255})\s*(?:\d+\s*)?;")
_INSTANCE = re.compile(r"\s*i=\d{1,3}\s*;")
_ARC_PASS = re.compile(r"\barc=pass\b")
_RESULT_HEADERS = frozenset({"authentication-results", "arc-authentication-results"})
_SHOWN = {
    "authentication-results": "Authentication-Results",
    "received-spf": "Received-SPF",
    "x-sender-ip": "X-Sender-IP",
    "x-forefront-antispam-report": "X-Forefront-Antispam-Report",
}
HEADERS = frozenset(_SHOWN)
"""The headers that are listened to, lower case."""
_MICROSOFT = ("x-sender-ip", "x-forefront-antispam-report")


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """The names of the provider's headers that agree with the border's line, and that do not."""

    agree: tuple[str, ...] = ()
    differ: tuple[str, ...] = ()


def hear(
    headers: Sequence[Noted], border: str | None, at: int, until: int, found: str
) -> Testimony:
    """What the headers of the ``border``'s organisation say about the sender's address.

    ``headers`` are those of ``HEADERS`` that the mail has.
    ``at`` is the place of the border's line among the headers, ``until`` that of the next older
    Received line, ``found`` the address in the border's line (canonical). A header between the
    two could have come with the mail, so it may agree but its disagreement weighs nothing.
    """
    house = None if border is None else kin.organisation(border)
    if house is None:
        return Testimony()
    agree: list[str] = []
    differ: list[str] = []
    alone: dict[str, list[str]] = {}
    for place, lowered, value in headers:
        if lowered in _MICROSOFT:
            if house == "microsoft":
                alone.setdefault(lowered, []).append(value[:_READ])
            continue
        if place >= until or lowered not in HEADERS:
            continue
        said = _said(lowered, value[:_READ], house)
        if found in said:
            agree.append(_SHOWN[lowered])
        elif said and place < at:
            differ.append(_SHOWN[lowered])
    for lowered, values in alone.items():
        # Exchange Online writes these once, at the foot of the header block; two are no witness.
        clues = _SENDER_IP if lowered == "x-sender-ip" else _FOREFRONT
        said = _addresses(clues, values[0]) if len(values) == 1 else set()
        if said:
            (agree if found in said else differ).append(_SHOWN[lowered])
    return Testimony(agree=tuple(dict.fromkeys(agree)), differ=tuple(dict.fromkeys(differ)))


def _said(lowered: str, value: str, house: str) -> set[str]:
    """The addresses in a header, if its author is of the ``house``; else none."""
    if lowered == "received-spf":
        author = _SPF_HOST.search(value)
        host = None if author is None else author.group(1) or author.group(2)
        clues = _SPF
    else:
        server = _SERVER.match(value)
        host = None if server is None else server.group(1)
        clues = _RESULTS
        if host is None and house == "microsoft":
            # Exchange Online leaves its own name out.
            return _addresses(clues, value)
    if host is None or kin.organisation(host.lower()) != house:
        return set()
    return _addresses(clues, value)


def sealed(value: str) -> tuple[str | None, str, set[str]]:
    """What an ARC-Authentication-Results says (RFC 8617 §4.1.1), or one without the instance.

    Returns:
        Its author's organisation, its text in lower case, and the senders' addresses in it.
    """
    results = _INSTANCE.sub("", value[:_READ], count=1)
    server = _SERVER.match(results)
    house = None if server is None else kin.organisation(server.group(1).lower())
    return house, results.lower(), _addresses(_RESULTS, results)


def passed(headers: Sequence[Noted], border: str | None, at: int) -> bool:
    """Whether the ``border``'s organisation found the mail's ARC chain whole (RFC 8617 §5.2).

    Only headers above the border's line count, whose place is ``at``.
    """
    house = None if border is None else kin.organisation(border)
    for place, lowered, value in headers:
        if place < at and lowered in _RESULT_HEADERS and house is not None:
            author, results, _ = sealed(value)
            if author == house and _ARC_PASS.search(results) is not None:
                return True
    return False


def _addresses(clues: Clues, value: str) -> set[str]:
    """Every address that the patterns find, in canonical form."""
    text = value.lower()
    found = (
        address(written.rstrip("."))
        for word, pattern in clues
        if word in text
        for written in pattern.findall(text)
    )
    return {one for one in found if one is not None}
