"""What officers decided where registrations dispute each other, found by address.

The law: a decision names a country and a network of one; the narrowest one around an address
speaks. No disk, no clock here. Verbs: ``network``, ``Decisions.claim``, ``reweigh``.
"""

import ipaddress
from collections.abc import Iterable

from gateway.errors import DecisionInvalid
from gateway.hosting.addresses import NO_COUNTRIES, Address, country, parse, special
from gateway.hosting.weighing import DECISION, weigh
from gateway.model import Country, Hosting, HostingClaim, Noun

SOURCE = "an officer"
"""Who is named as the source of such a claim."""
_WIDEST = {4: 8, 6: 12}
"""The shortest prefix that can be decided about: what IANA gives to one registry at once."""


class Decision(Noun):
    """An officer's word on the country of a network whose registrations dispute each other.

    ``decided_on`` is the day (ISO 8601).
    """

    prefix: str
    country: Country
    because: str
    decided_on: str


def network(text: str) -> str:
    """The network that ``text`` names, in its one spelling; an address alone is its own network.

    Raises:
        DecisionInvalid: it is none, is wider than a registry's own block, or holds addresses
            that belong to no country.
    """
    try:
        # A zone, which Python would drop, means nothing outside of one machine.
        found = ipaddress.ip_network(text.strip().replace("%", "/%"))
    except ValueError as error:
        raise DecisionInvalid(
            f"{text[:100]!r} is no network: {error}", hint="write it like 198.51.100.0/24"
        ) from error
    if found.prefixlen < _WIDEST[found.version]:
        raise DecisionInvalid(
            f"{found} is wider than /{_WIDEST[found.version]}: no one decides about so much at once"
        )
    for edge in (found[0], found[-1]):
        word = special(edge)
        if word is not None:
            raise DecisionInvalid(f"{edge} is a {word} address, which no country hosts")
    return str(found)


def place(code: str) -> Country:
    """The country that ``code`` names.

    Raises:
        DecisionInvalid: it names none; EU, AP and ZZ do not.
    """
    found = country(code)
    if found is None or found in NO_COUNTRIES:
        raise DecisionInvalid(
            f"{code[:20]!r} is no country", hint="two letters of ISO 3166-1, such as FR"
        )
    return found


class Decisions:
    """The decisions that hold now, at most one for each network."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self._found: dict[tuple[int, int, int], Decision] = {}
        for one in decisions:
            around = ipaddress.ip_network(one.prefix)
            key = (around.version, around.prefixlen, int(around.network_address))
            self._found[key] = one
        lengths = {(version, length) for version, length, _ in self._found}
        self._lengths = sorted(lengths, reverse=True)

    def claim(self, address: Address) -> HostingClaim | None:
        """The claim of the narrowest decision around ``address``; None if there is none."""
        number = int(address)
        for version, length in self._lengths:
            if version != address.version:
                continue
            drop = address.max_prefixlen - length
            found = self._found.get((version, length, number >> drop << drop))
            if found is not None:
                return HostingClaim(
                    country=found.country,
                    kind=DECISION,
                    source=SOURCE,
                    as_of=found.decided_on,
                    prefix=found.prefix,
                    because=found.because,
                )
        return None


def reweigh(hosting: Hosting, decisions: Decisions) -> Hosting:
    """``hosting`` as it is by other decisions, on the same claims of all other sources."""
    address = parse(hosting.address)
    claims = [claim for claim in hosting.claims if claim.kind != DECISION]
    decided = decisions.claim(address)
    if decided is not None:
        claims.insert(0, decided)
    return weigh(address, claims, asn=hosting.asn, as_name=hosting.as_name)
