"""The walk from the newest Received line down to the border.

Carries no RFC of its own; RFC 5321 §4.4 says that servers only add lines at the top, so a sender
can forge lines below the border and nowhere else. The law: a line is stepped over only on
evidence that its sender is a machine of the same provider (linked to the next line, akin by name,
and proved by network or verified name); the first line without such evidence is the border.
Verb: ``find``.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.formats import received
from gateway.formats.received import Hop
from gateway.model import Claimed, Confidence, Hosting, Noun, Origin
from gateway.trace import kin, witness
from gateway.trace.borders import Settings, kept, owned, settings

Locate = Callable[[str], Hosting]
"""How the walk asks where an address (canonical text) is; expected to remember its answers."""

MOST_HOPS = 100
"""Received lines that are read; real chains have under 30 (RFC 5321 §6.3 allows 100)."""
MOST_CLAIMS = 20
"""Older addresses that are kept as claims."""
CLAIM_CHARS = 1000
"""Characters of the line that is kept with a claim."""

_PUBLIC = (None, "unknown", "no_country")
_CROWDED = re.compile(
    r"akamai|alibaba|aliyun|amazon|aws|choopa|cloud|colo|contabo|data ?cent|digital ?ocean|fastly|"
    r"google|hetzner|host|huawei|ionos|leaseweb|limestone|linode|m247|microsoft|nforce|online s|"
    r"oracle|ovh|psychz|quadranet|scaleway|server|softlayer|tencent|vps|vultr|worldstream",
    re.IGNORECASE,
)
"""Names of AS holders that let machines to anyone: to be neighbours there proves nothing."""


_FORWARDING = frozenset(
    {"x-forwarded-to", "x-forwarded-for", "resent-from", "resent-to", "x-beenthere"}
)
_NOTED = frozenset({"received", "return-path"}) | _FORWARDING | witness.HEADERS


class Untraced(Noun):
    """No address can be named as the origin; ``reason`` says why, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A Received line with its place among the headers."""

    place: int
    text: str


class _Chain:
    """The Received lines of one mail, each read when first asked for, and what else matters."""

    def __init__(self, headers: Sequence[tuple[str, str]]) -> None:
        self.noted: list[witness.Noted] = []
        self.lines: list[_Line] = []
        for place, (name, value) in enumerate(headers):
            lowered = name.lower()
            if lowered not in _NOTED:
                continue
            if lowered != "received":
                self.noted.append((place, lowered, value))
            elif len(self.lines) < MOST_HOPS:
                self.lines.append(_Line(place, value.strip()))
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


def find(
    headers: Sequence[tuple[str, str]], locate: Locate, borders: Sequence[str] = ()
) -> Origin | Untraced:
    """The address that handed the mail to the reporter's provider, with the line that proves it.

    Args:
        headers: (name, unfolded raw value) in the order of the mail, newest trace first.
        locate: where an address is; ``Hosting.none`` tells the special addresses.
        borders: the setting of that name: hosts, domains, networks that receive for reporters.

    Returns:
        The Origin, or Untraced with its reason. Confidence is *high* where the border is known
        (kept list, settings) or no step over a line had to be inferred, or the provider's own
        headers agree; *medium* where the border was inferred from names and networks or the
        sender seems to be of the border's own organisation; *low* where the line repeats a
        greeting, cannot be read surely, comes after an unlinked private hop, or is contradicted
        by the provider's own headers.

    Raises:
        ConfigInvalid: a border setting is neither a name nor a network.
    """
    chain = _Chain(headers)
    if not chain.lines:
        return Untraced(reason="the mail has no Received line")
    walk = _Walk(chain, locate, settings(borders))
    stop = walk.run()
    if isinstance(stop, Untraced):
        return stop
    return _origin(walk, stop)


class _Walk:
    """One walk: what was learned on the way down, and how sure it is."""

    def __init__(self, chain: _Chain, locate: Locate, settings: Settings) -> None:
        self.chain = chain
        self.locate = locate
        self.settings = settings
        self.confidence = Confidence.HIGH
        # The provider's own machine from which the last line took the mail, by address and names.
        self.inside: tuple[str, tuple[str, ...]] | None = None
        self.seen_public = False

    def run(self) -> int | Untraced:
        """The number of the border's line, or why there is none."""
        for number in range(len(self.chain.lines)):
            hop = self.chain.hop(number)
            if hop.address is None or not self._public(hop.address):
                if (reason := self._broken(number, hop)) is not None:
                    return Untraced(reason=reason)
                continue
            self.seen_public = True
            if not (self._collected(hop) or self._internal(number, hop)):
                return number
            self.inside = (hop.address, hop.names)
        if self.seen_public:
            return Untraced(reason="every line was written inside one provider")
        return Untraced(reason="no Received line names a public address")

    def _public(self, address: str) -> bool:
        return self.locate(address).none in _PUBLIC

    def _broken(self, number: int, hop: Hop) -> str | None:
        """Why nothing older can be believed after a line without a public address; else None.

        Such a line is a step inside the provider unless it speaks of a stranger whose address
        was lost (behind a balancer, or never written down): then all older lines are claims.
        """
        if hop.by is None or hop.name is None or hop.mailbox or _loopback(hop.address):
            return None
        older = self.chain.older(number)
        if older is None or kin.akin(hop.by, older.by) or self.settings.named(older.by):
            return None
        stranger = next((name for name in hop.names if not kin.local(name)), None)
        if stranger is None:
            # A name such as "mx" or "gateway.lan" speaks neither for nor against.
            if hop.address is None or not _linked(hop, older):
                self._doubt(Confidence.MEDIUM if _same_site(hop.by, older.by) else Confidence.LOW)
            return None
        if kin.akin(stranger, hop.by) or (kin.local(hop.by) and _linked(hop, older)):
            return None
        lost = "no address" if hop.address is None else "only a private address"
        return f"the line written by {hop.by} names {lost} for {stranger}; older lines are claims"

    def _collected(self, hop: Hop) -> bool:
        """Whether the line tells of a mailbox: a collection by POP or IMAP, or a delivery."""
        if hop.mailbox:
            return True
        # Exchange, which verifies no names, delivers into a mailbox by HTTPS; webmail of others
        # takes mail in by it.
        if hop.protocol != "HTTPS" or hop.rdns is not None:
            return False
        return any(kin.akin(name, hop.by) for name in hop.names)

    def _internal(self, number: int, hop: Hop) -> bool:
        """Whether the line tells of a step between two machines of the reporter's provider."""
        older = self.chain.older(number)
        if older is None or hop.by is None or hop.submitted or not _linked(hop, older):
            return False
        if self._set_inside(hop, older):
            return True
        if self.settings.named(hop.by) or kept(hop.by):
            return False
        assert hop.address is not None
        if hop.rdns is not None and kin.customer(hop.rdns, hop.address):
            return False
        return self._akin(hop) and self._proved(hop, hop.address)

    def _set_inside(self, hop: Hop, older: Hop) -> bool:
        """Whether the settings say that sender and older line are the provider's own."""
        if self.settings.holds(hop.address):
            return True
        return self.settings.named(older.by) and self.settings.named(hop.rdns)

    def _akin(self, hop: Hop) -> bool:
        """Whether the sender's name is of the organisation that wrote the line.

        A verified name decides; only where there is none may the greeting speak, and then the
        network must prove it. Names without a domain are left to the network alone.
        """
        if hop.rdns is not None:
            return kin.akin(hop.rdns, hop.by) or kin.local(hop.by)
        return any(kin.akin(name, hop.by) or kin.local(name) for name in hop.names)

    def _proved(self, hop: Hop, address: str) -> bool:
        """Whether network or verified name prove that the sender is of the provider."""
        named = [name for name in hop.names if kin.akin(name, hop.by)]
        if named and hop.by is not None and owned(kin.organisation(hop.by), address):
            return True
        receiver = hop.by_address
        if receiver is None or not self._public(receiver):
            receiver = self._learned(hop)
        if receiver is not None and _near(address, receiver):
            return True
        if receiver is not None and named and self._same_network(hop, address, receiver):
            self._doubt(Confidence.MEDIUM)
            return True
        if hop.rdns is not None and kin.akin(hop.rdns, hop.by):
            self._doubt(Confidence.MEDIUM)
            return True
        return False

    def _learned(self, hop: Hop) -> str | None:
        """The writer's own address, where the line above took the mail from it."""
        if self.inside is None or hop.by is None:
            return None
        address, names = self.inside
        if any(_same_machine(name, hop.by) or kin.akin(name, hop.by) for name in names):
            return address
        return None

    def _same_network(self, hop: Hop, one: str, other: str) -> bool:
        """Whether two addresses are of one network by the tables: range or AS number."""
        first, second = self.locate(one), self.locate(other)
        same_holder = _same_holder(first, second)
        if same_holder is not None:
            # Among a hoster's customers only a verified name will do.
            crowded = _CROWDED.search(first.as_name or "") is not None
            return same_holder and not (crowded and hop.rdns is None)
        if first.prefix is not None and first.prefix == second.prefix:
            return True
        return _within(one, other, 3, 2)

    def _doubt(self, level: Confidence) -> None:
        if self.confidence is not Confidence.LOW:
            self.confidence = level


def _same_machine(one: str, other: str) -> bool:
    """Whether two names are of one machine: equal, one below the other, or by first label."""
    if one == other or one.endswith("." + other) or other.endswith("." + one):
        return True
    same_label = one.partition(".")[0] == other.partition(".")[0]
    return same_label and (kin.akin(one, other) or kin.local(one) or kin.local(other))


def _same_site(one: str | None, other: str | None) -> bool:
    """Whether two names are of one private domain: ``a.nyi.internal`` and ``b.internal``."""
    if one is None or other is None or "." not in one or not (kin.local(one) and kin.local(other)):
        return False
    return one.rpartition(".")[2] == other.rpartition(".")[2]


def _linked(hop: Hop, older: Hop) -> bool:
    """Whether the machine that a line names as its sender wrote the next older line."""
    if hop.address is not None and hop.address == older.by_address:
        return True
    return older.by is not None and any(_same_machine(name, older.by) for name in hop.names)


def _loopback(address: str | None) -> bool:
    return address is not None and (address.startswith("127.") or address == "::1")


def _within(one: str, other: str, octets: int, groups: int) -> bool:
    """Whether two canonical addresses of one family share their first octets or groups."""
    if (":" in one) != (":" in other):
        return False
    if ":" not in one:
        return one.split(".")[:octets] == other.split(".")[:octets]
    return _opening(one, groups) == _opening(other, groups)


def _opening(address: str, groups: int) -> list[str]:
    """The first groups of an IPv6 address."""
    parts = address.split(":")[:groups]
    if "" in parts:
        # Zeros are left out near the front, which is rare enough to be spelt out the slow way.
        parts = ipaddress.IPv6Address(address).exploded.split(":")[:groups]
        parts = [part.lstrip("0") or "0" for part in parts]
    return parts


def _same_holder(one: Hosting, other: Hosting) -> bool | None:
    """Whether two addresses are in one AS, by number or else by name; None if it is not known."""
    if one.asn is not None and other.asn is not None:
        return one.asn == other.asn
    if one.as_name and other.as_name:
        return one.as_name == other.as_name
    return None


def _near(one: str, other: str) -> bool:
    """Whether two addresses are neighbours: one /24, or one /48 of IPv6."""
    return _within(one, other, 3, 3)


def _origin(walk: _Walk, number: int) -> Origin:
    """The Origin that the line with this number proves."""
    chain, hop = walk.chain, walk.chain.hop(number)
    line = chain.lines[number]
    assert hop.address is not None
    last = number + 1 >= len(chain.lines)
    until = chain.end if last else chain.lines[number + 1].place
    testimony = witness.hear(chain.noted, hop.by, line.place, until, hop.address)
    forwarded = _forwarded(chain.noted, line.place)
    return Origin(
        address=hop.address,
        port=hop.port,
        border=hop.by,
        line=line.text[: received.BOUND],
        line_number=number,
        confidence=_confidence(walk, hop, testimony),
        stamped_at=received.stamp(line.text),
        forwarded=forwarded,
        corroborated_by=testimony.agree,
        claimed=_claims(chain, number),
    )


def _confidence(walk: _Walk, hop: Hop, testimony: witness.Testimony) -> Confidence:
    """How sure the border and the address in its line are; the words stand at ``find``."""
    if testimony.differ or not hop.recorded or not hop.regular or hop.by is None:
        return Confidence.LOW
    if walk.confidence is Confidence.LOW:
        return Confidence.LOW
    if testimony.agree or kept(hop.by) or walk.settings.named(hop.by):
        return Confidence.HIGH
    if any(kin.akin(name, hop.by) for name in hop.names):
        return Confidence.MEDIUM
    return walk.confidence


def _claims(chain: _Chain, border: int) -> tuple[Claimed, ...]:
    """The addresses in the lines below the border, newest first, clipped."""
    claims: list[Claimed] = []
    for number in range(border + 1, len(chain.lines)):
        if len(claims) == MOST_CLAIMS:
            break
        address = chain.hop(number).address
        if address is not None:
            claims.append(Claimed(address=address, line=chain.lines[number].text[:CLAIM_CHARS]))
    return tuple(claims)


def _forwarded(noted: Sequence[witness.Noted], border: int) -> bool:
    """Whether the mail says that a forwarder or list handed it over (RFC 5322 §3.6.6; SRS).

    Only headers below the border's line are the forwarder's; the envelope sender stands above.
    """
    for place, lowered, value in noted:
        if lowered == "return-path":
            path = value[:300].lower()
            if "srs0=" in path or "srs1=" in path or "+caf_=" in path:
                return True
        elif place > border and lowered in _FORWARDING:
            return True
    return False
