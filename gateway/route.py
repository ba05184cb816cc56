"""Where a case goes, with every reason, or why it goes nowhere. No disk, no network here.

The law: only the undisputed country of registration decides where a case goes, only a peer to
which that country was granted is chosen, and our own policy says when; whatever is held says why
and what would change it. Verbs: ``choose`` and ``for_country`` (where), ``hold`` (when).
"""

from datetime import datetime, timedelta
from typing import Final

from gateway.config import Policy
from gateway.model import Category, Country, Hosting, Noun, Nowhere, Origin, Route
from gateway.trust import Peer, Register

HELD: Final = frozenset(
    {
        Nowhere.LEGITIMATE,
        Nowhere.CATEGORY,
        Nowhere.TOO_OLD,
        Nowhere.TOO_FEW_REPORTERS,
        Nowhere.WAITING,
    }
)
"""The shelves of our own policy: a case leaves them by time, by a reporter or by judgement."""


STALE: Final = "its stamp was older than policy.oldest_days allows: counted, not sent"
"""Why one report of a case that goes abroad stays at home as too old."""


class Standing(Noun):
    """How a case stands when it is decided whether it goes now.

    ``newest`` is the newest stamp of its mails' borders; ``flows`` says that it was let go
    before, so that only what it is called can hold it.
    """

    category: Category
    reporters: int
    newest: datetime
    opened_at: datetime
    flows: bool = False


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


def hold(going: Route, case: Standing, policy: Policy, now: datetime) -> Route:
    """``going``, or the shelf on which our policy holds the case, with what would change it.

    A case that goes nowhere anyway keeps its shelf, except that a case called ``legitimate`` waits
    for no peer.

    Args:
        going: where the case goes, from ``choose`` or ``for_country``.
        case: how it stands.
        policy: our settings.
        now: the present, aware and in UTC.
    """
    if going.none not in {None, Nowhere.NO_PEER, Nowhere.NOT_AGREED}:
        return going
    if case.category is Category.LEGITIMATE:
        return _nowhere(
            Nowhere.LEGITIMATE,
            "judged legitimate, so it accuses nobody; only another judgement by hand lets it go",
        )
    if going.peer is None:
        return going
    if case.category not in policy.categories:
        return _nowhere(
            Nowhere.CATEGORY,
            f"policy.categories leaves out {case.category}; called otherwise, it goes:"
            f" {going.reason}",
        )
    if case.flows:
        return going
    return _not_yet(going, case, policy, now) or going


def oldest(policy: Policy, now: datetime) -> datetime:
    """The oldest stamp of which a report may still go abroad."""
    return now - timedelta(days=policy.oldest_days)


def _not_yet(going: Route, case: Standing, policy: Policy, now: datetime) -> Route | None:
    """Why a case that was never let go is not let go now."""
    if case.newest < oldest(policy, now):
        return _nowhere(
            Nowhere.TOO_OLD,
            f"its newest mail came on {case.newest:%Y-%m-%d %H:%M} UTC, more than"
            f" {policy.oldest_days} days (policy.oldest_days) ago: counted, not sent; a younger"
            f" one lets it go: {going.reason}",
        )
    if case.reporters < policy.reporters:
        return _nowhere(
            Nowhere.TOO_FEW_REPORTERS,
            f"{case.reporters} of {policy.reporters} reporters (policy.reporters) so far; with the"
            f" last of them it goes: {going.reason}",
        )
    due = case.opened_at + timedelta(minutes=policy.waiting_minutes)
    if now < due:
        return _nowhere(
            Nowhere.WAITING,
            f"held until {due:%Y-%m-%d %H:%M:%S} UTC for second thoughts"
            f" (policy.waiting_minutes), then it goes: {going.reason}",
        )
    return None


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
