"""Hand-overs by forwarders and mailing lists, and the address before them.

Carries what forwarders write: resent fields (RFC 5322 §3.6.6), List-Id (RFC 2919 §2), ARC
(RFC 8617 §4.1), and by habit Delivered-To, X-Forwarded-To and rewritten envelope senders. The law:
a forwarder is recognised by the settings or the kept list, never by what the mail says; only then
are its own lines believed, down to the one in which it took the mail in. Verb: ``follow``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.formats.received import Hop
from gateway.model import Confidence, Noun, Passage, evolve
from gateway.trace import kin, services, witness
from gateway.trace.borders import Settings
from gateway.trace.chain import Chain
from gateway.trace.services import Kept
from gateway.trace.walk import Locate, Untraced, Walk, linked, loopback

MOST_PASSAGES = 5
"""Forwarders in a row that are followed; more is a loop or a game."""
MOST_SIGNS = 10
"""Different signs of one hand-over that are kept."""
_REWRITTEN = re.compile(r"\bsrs[01][=+-]|\+srs=|\+caf_=|\+bnc[a-z0-9]{20,}@", re.IGNORECASE)
"""Envelope senders as forwarders write them: SRS, and the forms of Gmail and Google Groups."""
_ABOVE = {
    "x-forwarded-to": "X-Forwarded-To",
    "x-forwarded-for": "X-Forwarded-For",
    "resent-from": "Resent-From",
    "resent-to": "Resent-To",
    "delivered-to": "Delivered-To",
    "x-beenthere": "X-BeenThere",
}
_OF_LISTS = {
    "list-id": "List-Id",
    "mailing-list": "Mailing-List",
    "x-mailing-list": "X-Mailing-List",
    "x-beenthere": "X-BeenThere",
}
_SPOKEN = frozenset({*_ABOVE, *_OF_LISTS} - {"list-id", "delivered-to"})
"""Headers that speak of forwarding by themselves; every newsletter has a List-Id."""
_SEAL = re.compile(r"(?=[^=]*\bi=(\d{1,3})\s*;)(?=.*?\bd=([\w.-]{1,255}))", re.DOTALL)
_LIST_ID = re.compile(r"<([^<>\s]{1,255})>\s*$")
HEADERS = frozenset({*_ABOVE, *_OF_LISTS, "arc-seal", "arc-authentication-results", "return-path"})
"""The headers that are looked at, lower case."""


class Followed(Noun):
    """What was found below a border: the hand-overs, and the number of the last entry line.

    ``service`` and ``known_by`` are of the machine that handed the mail to the border; ``entry``
    is the line in which that service took the mail in, where it only sent it; ``before`` the line
    in which the last forwarder took it in. ``sure`` says whether that line has a second witness.
    """

    service: Kept | None = None
    known_by: str = ""
    entry: int | None = None
    passages: tuple[Passage, ...] = ()
    before: int | None = None
    sure: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forwarder:
    """A machine that may be a forwarder's: its name, how it is known, and what kind it is."""

    by: str
    known_by: str
    kind: str
    houses: frozenset[str]
    service: Kept | None = None

    @property
    def always(self) -> bool:
        """Whether all that it hands over was sent by somebody else, to it."""
        return self.kind in (services.FORWARDER, services.LIST)


def follow(
    chain: Chain, locate: Locate, borders: Settings, forwarders: Settings, border: int
) -> Followed:
    """The hand-overs that are recognised from the ``border``'s line downward.

    Args:
        chain: the mail's lines and headers.
        locate: where an address is.
        borders: the setting of that name, for the walk inside a forwarder.
        forwarders: the setting of that name.
        border: the number of the line that proves the hand-over to the reporter's provider.
    """
    found = Followed()
    checked: bool | None = None
    number: int | None = border
    while number is not None and len(found.passages) < MOST_PASSAGES:
        hop = chain.hop(number)
        who = _recognised(hop, locate, forwarders)
        if number == border:
            found = Followed(
                service=who.service if who else None, known_by=who.known_by if who else ""
            )
        if who is None:
            remarks = _unproved(chain, number, hop) if number == border else found.remarks
            return evolve(found, remarks=remarks)
        entry = _entry(chain, locate, borders, who, number)
        signs, listed = _signs(chain, who, number, entry)
        taken_in = entry is not None and not chain.hop(entry).submitted
        if not who.always and not (signs and taken_in):
            return evolve(found, entry=entry) if number == border else found
        assert hop.address is not None
        passage = Passage(
            by=who.by,
            address=hop.address,
            evidence=(f"{hop.address} is {who.by}, by {who.known_by}", *signs),
            listed=listed,
        )
        if checked is None:
            checked = witness.passed(chain.noted, chain.hop(border).by, chain.lines[border].place)
        sure = _sure(chain, who, number, entry, checked=checked)
        found = _passed(found, passage, entry, sure=sure)
        number = entry if taken_in else None
    return found


def _passed(found: Followed, passage: Passage, entry: int | None, *, sure: bool) -> Followed:
    """What was found, with one more hand-over."""
    remarks = found.remarks
    if entry is None:
        remarks = (f"{passage.by} wrote no line that says from whom it had the mail",)
    return evolve(
        found,
        passages=(*found.passages, passage),
        before=found.before if entry is None else entry,
        sure=sure,
        remarks=remarks,
    )


def _recognised(hop: Hop, locate: Locate, forwarders: Settings) -> _Forwarder | None:
    """The forwarder or service at the address that handed over, where it is known as one."""
    assert hop.address is not None
    if forwarders.named(hop.rdns) or forwarders.holds(hop.address):
        names = {kin.organisation(name) for name in hop.names}
        return _Forwarder(
            by=hop.rdns or next(iter(hop.names), hop.address),
            known_by="the settings (origin.forwarders)",
            kind=services.FORWARDER,
            houses=frozenset(name for name in names if name is not None),
        )
    known = services.recognise(hop, locate(hop.address))
    if known is None:
        return None
    kept, known_by = known
    return _Forwarder(
        by=kept.name, known_by=known_by, kind=kept.kind, houses=kept.houses, service=kept
    )


def _entry(
    chain: Chain, locate: Locate, borders: Settings, who: _Forwarder, number: int
) -> int | None:
    """The line in which the forwarder took the mail in; None where it wrote none.

    Every line down to it must be the forwarder's own. At a hoster a line without a sender, or
    with the machine itself as the sender, may be the hand-over by an account, which could write
    all that is older.
    """
    stop = Walk(chain, locate, borders).run(number + 1)
    if isinstance(stop, Untraced) or chain.hop(stop).by is None:
        return None
    for between in range(number + 1, stop):
        line = chain.hop(between)
        if line.submitted or line.protocol.startswith("HTTP"):
            return None
        if not (_of(who, line) or kin.local(line.by)):
            return None
        if who.kind == services.HOSTING and (line.name is None or loopback(line.address)):
            return None
    last = chain.hop(stop)
    if not _of(who, last) and not (kin.local(last.by) and _led_to(chain, number, stop)):
        return None
    return stop if last.recorded and last.regular else None


def _of(who: _Forwarder, line: Hop) -> bool:
    """Whether a machine of the forwarder wrote the line, by its name."""
    return line.by is not None and kin.organisation(line.by) in who.houses


def _led_to(chain: Chain, number: int, stop: int) -> bool:
    """Whether the lines from one number to the other name each other's writers in turn."""
    return all(linked(chain.hop(at), chain.hop(at + 1)) for at in range(number, stop))


def _signs(
    chain: Chain, who: _Forwarder, number: int, entry: int | None
) -> tuple[tuple[str, ...], str | None]:
    """By what a hand-over of this mail is known as forwarding, in words, and the list's name.

    A header counts where the forwarder wrote it: above the line in which it took the mail in.
    """
    found: list[str] = []
    listed = None
    top = chain.lines[number].place
    foot = top if entry is None else chain.lines[entry].place
    for place, lowered, value in chain.noted:
        if lowered == "return-path":
            if _REWRITTEN.search(value[:500]) is not None:
                found.append("the envelope sender is one that a forwarder rewrote")
        elif lowered == "arc-seal":
            if top < place < foot and (seal := _seal(value, who)) is not None:
                found.append(seal)
        elif lowered in _ABOVE and top < place < foot:
            found.append(f"{_ABOVE[lowered]} stands above the line by which it took the mail in")
        elif lowered in _OF_LISTS and place > top:
            name = _LIST_ID.search(value) if lowered == "list-id" else None
            listed = name.group(1) if name is not None else listed
            if lowered != "list-id" or who.kind == services.LIST:
                found.append(f"{_OF_LISTS[lowered]}: {value.strip()[:200]}")
    return tuple(dict.fromkeys(found))[:MOST_SIGNS], listed


def _seal(value: str, who: _Forwarder) -> str | None:
    """What an ARC seal of the forwarder says of forwarding: it was not the first to seal."""
    seal = _SEAL.match(value[:500])
    if seal is None or int(seal.group(1)) < 2:
        return None
    if kin.organisation(seal.group(2).lower()) not in who.houses:
        return None
    return f"its ARC seal i={seal.group(1)} stands over the seal of another"


def _sure(chain: Chain, who: _Forwarder, number: int, entry: int | None, *, checked: bool) -> bool:
    """Whether the address before the forwarder has a second witness beside the forwarder's line.

    The settings vouch for a forwarder; else its sealed results must name the same address, and
    the reporter's provider must have found the seals whole.
    """
    if entry is None or who.service is None:
        return entry is not None
    if not checked:
        return False
    top, foot = chain.lines[number].place, chain.lines[entry].place
    for place, lowered, value in chain.noted:
        if lowered == "arc-authentication-results" and top < place < foot:
            house, _, addresses = witness.sealed(value)
            if house in who.houses and chain.hop(entry).address in addresses:
                return True
    return False


def _unproved(chain: Chain, number: int, hop: Hop) -> tuple[str, ...]:
    """In words, that the mail speaks of forwarding and nobody recognised has forwarded it."""
    spoken = tuple(dict.fromkeys(_spoken(chain, number)))
    if not spoken:
        return ()
    what = f"forwarding is spoken of ({', '.join(spoken)})"
    return (f"{what}, but {hop.address} is no recognised forwarder: nothing is concluded",)


def _spoken(chain: Chain, number: int) -> Iterator[str]:
    """The headers that speak of forwarding, wherever they come from."""
    for place, lowered, value in chain.noted:
        if lowered == "return-path":
            if _REWRITTEN.search(value[:500]) is not None:
                yield "Return-Path"
        elif place > chain.lines[number].place and lowered in _SPOKEN:
            yield _ABOVE.get(lowered) or _OF_LISTS[lowered]


def confidence(followed: Followed) -> Confidence:
    """How sure the address before the last forwarder is."""
    return Confidence.MEDIUM if followed.sure else Confidence.LOW
