"""The rule of evidence: what the claims about an address come to.

Only registrations decide. Of those that contradict each other the most specific block decides;
of blocks of one size the registry's own file, then the newer source where the other is out of
date; what is left is a dispute, which a person decides. Geolocation holds nothing up.
Verb: ``weigh``.
"""

from collections.abc import Callable, Sequence
from datetime import date

from gateway.hosting.addresses import (
    NO_COUNTRIES,
    Address,
    neighbourhood,
    parse,
    special,
    text_of,
)
from gateway.model import Confidence, Hosting, HostingClaim

Locate = Callable[[str], Hosting]
"""How anything asks where an address is."""
REGISTRATION = "registration"
GEOLOCATION = "geolocation"
AS_COUNTRY = "as"
DECISION = "decision"
"""The four kinds of claims: the first decides, the last where the first ones contradict."""
NARROWER, REGISTER, NEWER = "narrower", "register", "newer"
"""How contradicting registrations were settled, as ``Hosting.settled`` says it; or DECISION."""
STALE_DAYS = 90
"""From this age on a table of registrations is out of date: blocks change hands."""


def weigh(
    address: str | Address,
    claims: Sequence[HostingClaim],
    *,
    asn: int | None = None,
    as_name: str | None = None,
) -> Hosting:
    """What the claims of all sources about an address come to.

    The confidence is high where registrations agree and nothing says otherwise, medium where
    they contradict each other but a rule or an officer settles it or where geolocation points
    elsewhere, low where nothing is decided or it is disputed.

    Args:
        address: which one.
        claims: what each source says. One may name EU, AP or ZZ: it is kept and decides nothing.
            At most one is of an officer's decision.
        asn: the number of the autonomous system, where a source knows it.
        as_name: its name.

    Raises:
        AddressInvalid: it is no IP address.
    """
    found = parse(address) if isinstance(address, str) else address
    kind = special(found)
    if kind is not None:
        return Hosting(
            address=text_of(found), country=None, network=neighbourhood(found), none=kind
        )
    naming = [c for c in claims if c.kind == REGISTRATION and c.country not in _NOTHING]
    decisive, settled, disputed = _settle(naming)
    decided = next((c for c in claims if c.kind == DECISION), None)
    if decided is not None and (settled is not None or disputed):
        decisive, settled, disputed = decided, DECISION, False
    countries = {claim.country for claim in naming}
    elsewhere = any(
        claim.country not in countries and claim.country not in _NOTHING
        for claim in claims
        if claim.kind == GEOLOCATION
    )
    if decisive is None or disputed:
        confidence = Confidence.LOW
    else:
        doubtful = elsewhere or settled is not None
        confidence = Confidence.MEDIUM if doubtful else Confidence.HIGH
    registered = any(claim.kind == REGISTRATION and claim.country for claim in claims)
    return Hosting(
        address=text_of(found),
        country=decisive.country if decisive else None,
        network=f"AS{asn}" if asn else (as_name or neighbourhood(found)),
        prefix=decisive.prefix if decisive else None,
        asn=asn,
        as_name=as_name or None,
        claims=tuple(claims),
        disputed=disputed,
        settled=settled,
        confidence=confidence,
        none=None if decisive else "no_country" if registered else "unknown",
    )


_NOTHING = NO_COUNTRIES | {None}


def contradicting(claims: Sequence[HostingClaim]) -> list[str]:
    """The countries that registrations name, in the order of the alphabet."""
    named = {c.country for c in claims if c.kind == REGISTRATION and c.country not in _NOTHING}
    return sorted(str(country) for country in named)


def _settle(naming: Sequence[HostingClaim]) -> tuple[HostingClaim | None, str | None, bool]:
    """The claim that decides, by which rule where others contradict it, and whether in dispute.

    The prefix of the deciding claim is shown also where it is disputed.
    """
    if not naming:
        return None, None, False
    # Of the registries' own files only the newest speaks: each is complete for its day, so
    # what an older one says otherwise has changed since, as a block does that is transferred.
    newest = max((c.as_of for c in naming if c.register), default="")
    standing = [c for c in naming if not c.register or c.as_of == newest]
    decisive = max(standing, key=lambda c: (_bits(c), c.register, c.as_of))
    against = [c for c in standing if c.country != decisive.country]
    rules = [_over(decisive, other) for other in against]
    if None in rules:
        return decisive, None, True
    if rules:
        # The weakest rule that was needed is the one to tell.
        return decisive, max((rule for rule in rules if rule), key=_STRENGTH.index), False
    superseded = any(c.country != decisive.country for c in naming)
    return decisive, NEWER if superseded else None, False


_STRENGTH = (NARROWER, REGISTER, NEWER)
"""The rules from the strongest to the weakest."""


def _over(decisive: HostingClaim, other: HostingClaim) -> str | None:
    """By which rule ``decisive`` goes before ``other``; None where it is a dispute."""
    if _bits(decisive) > _bits(other):
        # One source follows whois into what a holder passed on, another stops at the holder:
        # that the wider block is all that a later source has, proves nothing.
        return NARROWER
    if decisive.register and not other.register:
        return REGISTER
    return NEWER if _stale(other, decisive) else None


def _stale(old: HostingClaim, new: HostingClaim) -> bool:
    """Whether ``old`` is out of date beside ``new``; one without a date proves nothing."""
    try:
        age = date.fromisoformat(new.as_of) - date.fromisoformat(old.as_of)
    except ValueError:
        return False
    return age.days > STALE_DAYS


def _bits(claim: HostingClaim) -> int:
    """How specific a claim's block is: the length of its prefix in bits."""
    return int(claim.prefix.rpartition("/")[2]) if claim.prefix and "/" in claim.prefix else 0
