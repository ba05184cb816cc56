"""Where an address is hosted: the country of registration decides, every claim is kept.

The most specific registered block decides; geolocation stands beside it and holds nothing up;
only sources of registration can dispute each other, and there an officer's decision holds.
No disk, no network, no clock. Verbs: ``canonical``, ``special``, ``weigh``, ``explain``.
"""

from gateway.hosting.addresses import (
    NO_COUNTRIES,
    Address,
    block,
    canonical,
    country,
    neighbourhood,
    parse,
    special,
)
from gateway.hosting.decisions import Decision, Decisions, network, place, reweigh
from gateway.hosting.weighing import (
    AS_COUNTRY,
    DECISION,
    GEOLOCATION,
    REGISTRATION,
    STALE_DAYS,
    Locate,
    contradicting,
    weigh,
)
from gateway.hosting.words import explain

__all__ = [
    "AS_COUNTRY",
    "DECISION",
    "GEOLOCATION",
    "NO_COUNTRIES",
    "REGISTRATION",
    "STALE_DAYS",
    "Address",
    "Decision",
    "Decisions",
    "Locate",
    "block",
    "canonical",
    "contradicting",
    "country",
    "explain",
    "neighbourhood",
    "network",
    "parse",
    "place",
    "reweigh",
    "special",
    "weigh",
]
