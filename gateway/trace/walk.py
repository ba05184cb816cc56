"""The walk from the newest Received line down to the border.

Carries no RFC of its own; RFC 5321 §4.4 says that servers only add lines at the top, so a sender
can forge lines below the border and nowhere else. The law: a line is stepped over only on
evidence that its sender is a machine of the same provider (linked to the next line, akin by name,
and proved by network or verified name); the first line without such evidence is the border.
Verbs: ``Walk.run``, ``Walk.submission``.
"""

import ipaddress
import re
from collections.abc import Callable

from gateway.formats.received import Hop
from gateway.model import Confidence, Hosting, Noun
from gateway.trace import kin
from gateway.trace.borders import Settings, kept, owned
from gateway.trace.chain import Chain

Locate = Callable[[str], Hosting]
"""How the walk asks where an address (canonical text) is; expected to remember its answers."""

_PUBLIC = (None, "unknown", "no_country")
_CROWDED = re.compile(
    r"akamai|alibaba|aliyun|amazon|aws|choopa|cloud|colo|contabo|data ?cent|digital ?ocean|fastly|"
    r"google|hetzner|host|huawei|ionos|leaseweb|limestone|linode|m247|microsoft|nforce|online s|"
    r"oracle|ovh|psychz|quadranet|scaleway|server|softlayer|tencent|vps|vultr|worldstream",
    re.IGNORECASE,
)
"""Names of AS holders that let machines to anyone: to be neighbours there proves nothing."""


class Untraced(Noun):
    """No address can be named as the origin; ``reason`` says why, in words."""

    reason: str


class Walk:
    """One walk: what was learned on the way down, and how sure it is."""

    def __init__(self, chain: Chain, locate: Locate, settings: Settings) -> None:
        self.chain = chain
        self.locate = locate
        self.settings = settings
        self.confidence = Confidence.HIGH
        # The provider's own machine from which the last line took the mail, by address and names.
        self.inside: tuple[str, tuple[str, ...]] | None = None
        self.seen_public = False

    def run(self, start: int = 0) -> int | Untraced:
        """The number of the border's line, looked for from ``start`` on, or why there is none."""
        for number in range(start, len(self.chain.lines)):
            hop = self.chain.hop(number)
            if hop.address is None or not self.public(hop.address):
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

    def submission(self, border: int) -> int | None:
        """The line in which a border's provider took the mail from a client of its own.

        It is looked for where a kept border took the mail from a machine of its own provider:
        every line down to it must be that provider's, and its client authenticated. None where
        the mail came from elsewhere, or the provider hides its client.
        """
        hop = self.chain.hop(border)
        if hop.by is None or hop.submitted or not kept(hop.by) or not self._own(hop):
            return None
        for number in range(border + 1, len(self.chain.lines)):
            line = self.chain.hop(number)
            if not kin.akin(line.by, hop.by):
                return None
            foreign = line.address is not None and self.public(line.address)
            if line.submitted:
                return number if foreign and line.recorded and not self._own(line) else None
            if line.protocol.startswith("HTTP") or (foreign and not self._own(line)):
                return None
        return None

    def _own(self, hop: Hop) -> bool:
        """Whether the sender is proved to be a machine of the organisation that wrote the line."""
        if hop.address is None or hop.by is None:
            return False
        if owned(kin.organisation(hop.by), hop.address):
            return True
        if hop.rdns is not None and kin.customer(hop.rdns, hop.address):
            return False
        return any(kin.akin(name, hop.by) for name in hop.names) and self._proved(hop, hop.address)

    def public(self, address: str) -> bool:
        """Whether an address is one of the internet, not a special one."""
        return self.locate(address).none in _PUBLIC

    def _broken(self, number: int, hop: Hop) -> str | None:
        """Why nothing older can be believed after a line without a public address; else None.

        Such a line is a step inside the provider unless it speaks of a stranger whose address
        was lost (behind a balancer, or never written down): then all older lines are claims.
        """
        if hop.by is None or hop.name is None or hop.mailbox or loopback(hop.address):
            return None
        older = self.chain.older(number)
        if older is None or kin.akin(hop.by, older.by) or self.settings.named(older.by):
            return None
        stranger = next((name for name in hop.names if not kin.local(name)), None)
        if stranger is None:
            # A name such as "mx" or "gateway.lan" speaks neither for nor against.
            if hop.address is None or not linked(hop, older):
                self._doubt(Confidence.MEDIUM if _same_site(hop.by, older.by) else Confidence.LOW)
            return None
        if kin.akin(stranger, hop.by) or (kin.local(hop.by) and linked(hop, older)):
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
        if older is None or hop.by is None or hop.submitted or not linked(hop, older):
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
        if receiver is None or not self.public(receiver):
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


def linked(hop: Hop, older: Hop) -> bool:
    """Whether the machine that a line names as its sender wrote the next older line."""
    if hop.address is not None and hop.address == older.by_address:
        return True
    return older.by is not None and any(_same_machine(name, older.by) for name in hop.names)


def loopback(address: str | None) -> bool:
    """Whether an address is a machine's own."""
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
