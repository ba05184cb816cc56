"""Why an address counts as hosted where it does, in sentences for staff and for a court.

Verb: ``explain``.
"""

from gateway.hosting.weighing import (
    DECISION,
    NARROWER,
    NEWER,
    REGISTER,
    REGISTRATION,
    contradicting,
)
from gateway.model import Hosting, HostingClaim

_SPECIAL = {
    "private": "a private address, used inside one network",
    "shared": "an address that an access provider shares among customers",
    "loopback": "a machine's address for itself",
    "documentation": "an address reserved for examples",
    "multicast": "an address of a group, not of a host",
    "embedded": "an IPv6 address that only carries an IPv4 address",
    "reserved": "an address reserved for special uses",
}
_SETTLED = {
    NARROWER: "the narrower block decides",
    REGISTER: "of blocks of one size the registry's own file decides",
    NEWER: "the newer one decides",
    DECISION: "an officer has decided",
}


def explain(hosting: Hosting) -> list[str]:
    """Why an address counts as hosted where it does, in sentences; the first is the finding."""
    lines = [_finding(hosting)]
    if hosting.settled is not None:
        said = " and ".join(contradicting(hosting.claims))
        lines.append(f"Registrations contradict each other ({said}): {_SETTLED[hosting.settled]}.")
    lines += (_said(claim, hosting) for claim in hosting.claims)
    if hosting.none in {None, "unknown", "no_country"}:
        name = f" ({hosting.as_name})" if hosting.asn and hosting.as_name else ""
        lines.append(f"Network: {hosting.network}{name}.")
    return lines


def _said(claim: HostingClaim, hosting: Hosting) -> str:
    """One claim as a sentence."""
    where = f" for {claim.prefix}" if claim.prefix else ""
    if claim.kind == DECISION:
        said = (
            f"An officer decided on {claim.as_of}{where}: {claim.country},"
            f" because: {claim.because.rstrip('.')}."
        )
        if hosting.settled == DECISION:
            return said
        return f"{said} No registrations contradict each other here, so it decides nothing."
    what = "registration, of the registry itself" if claim.register else claim.kind
    beside = "" if claim.kind == REGISTRATION else ", shown beside it, decides nothing"
    return (
        f"{claim.source} ({claim.as_of or 'no date'}) says {claim.country or 'nothing'}{where}:"
        f" {what}{beside}."
    )


def _finding(hosting: Hosting) -> str:
    if hosting.none == "unknown":
        return f"No source of registration knows {hosting.address}: it goes nowhere by itself."
    if hosting.none == "no_country":
        return (
            f"{hosting.address} is registered, but for no country (EU, AP and ZZ are none):"
            " it goes nowhere by itself."
        )
    if hosting.none is not None:
        return f"{hosting.address}: {_SPECIAL[hosting.none]}; no country hosts it."
    if hosting.disputed:
        return (
            f"Sources of registration dispute the country of {hosting.address}"
            f" ({', '.join(contradicting(hosting.claims))}): a person decides."
        )
    how = "decided to be in" if hosting.settled == DECISION else "registered in"
    return (
        f"{hosting.address} lies in {hosting.prefix}, {how} {hosting.country}"
        f" (confidence {hosting.confidence})."
    )
