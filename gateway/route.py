"""Where a case goes, with every reason, or why it goes nowhere. No disk, no network here.

The law: only the undisputed country of registration decides, and only a peer to which that
country was granted is chosen. Verbs: ``choose``.
"""

from gateway.model import Category, Country, Hosting, Nowhere, Origin, Route
from gateway.trust import Peer, Register


def choose(
    origin: Origin | None,
    hosting: Hosting | None,
    category: Category,
    *,
    own: Country,
    register: Register,
) -> Route:
    """The route of a case about ``origin``.

    Args:
        origin: who handed the Message over; None where nothing proves it.
        hosting: where that address is registered.
        category: what the Message is, for the peer's agreement.
        own: our own country, whose cases stay at home.
        register: the peers and the countries granted to them.
    """
    if origin is None or hosting is None:
        return _nowhere(Nowhere.NO_ORIGIN, "nothing in the mail proves who handed it over")
    address = hosting.address
    if hosting.disputed:
        said = sorted({c.country for c in hosting.claims if c.kind == "registration" and c.country})
        return _nowhere(
            Nowhere.DISPUTED,
            f"the registries' data place {address} in {' and in '.join(said)}; a person decides",
        )
    if hosting.country is None:
        return _without_country(hosting)
    return for_country(hosting.country, category, own=own, register=register, about=address)


def for_country(
    country: Country, category: Category, *, own: Country, register: Register, about: str
) -> Route:
    """The route of a case whose country is settled; ``about`` is what is registered there."""
    if country == own:
        return _nowhere(Nowhere.OWN_COUNTRY, f"{about} is registered in {country}, which is ours")
    peers = [peer for peer in register.for_country(country) if peer.flows]
    if not peers:
        return _nowhere(Nowhere.NO_PEER, f"no association abroad serves {country} with us yet")
    for peer in peers:
        if category in peer.agreement.categories and peer.streams:
            return Route(
                peer=peer.id,
                countries=(country,),
                reason=f"{about} is registered in {country}, which {peer.name} serves",
            )
    return _nowhere(Nowhere.NOT_AGREED, _why_not(peers, category))


def _why_not(peers: list[Peer], category: Category) -> str:
    reasons = [
        f"the agreement with {peer.name} leaves out {category}"
        if peer.streams
        else f"{peer.name} is reached by {peer.reached_by} only"
        for peer in peers
    ]
    return "; ".join(reasons)


def _without_country(hosting: Hosting) -> Route:
    if hosting.none in {"unknown", "no_country", None}:
        return _nowhere(
            Nowhere.UNKNOWN_COUNTRY, f"no registry's data name a country for {hosting.address}"
        )
    return _nowhere(
        Nowhere.PRIVATE_ADDRESS, f"{hosting.address} is a {hosting.none} address, nobody's abroad"
    )


def _nowhere(shelf: Nowhere, reason: str) -> Route:
    return Route(none=shelf, reason=reason)
