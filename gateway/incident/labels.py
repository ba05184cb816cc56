"""TLP 2.0 in IODEF's ``restriction`` and back (RFC 7970 §3.3.1).

IODEF's list is older than TLP 2.0 and lacks two of its labels. The law: a label comes back as it
went, and what is missing or unknown is read as strictly as TLP:AMBER+STRICT.
Verbs: ``restriction`` of a label, ``label`` of an incident, ``stricter`` of two labels.
"""

from typing import Final

from msgspec import UNSET, UnsetType

from gateway.formats.iodef_document import Incident, Restriction
from gateway.model import Tlp

STRICT: Final = "amber+strict"
"""``ext-restriction`` where IODEF has no word for TLP:AMBER+STRICT."""

_OUT: Final[dict[Tlp, Restriction]] = {
    Tlp.CLEAR: "white",
    Tlp.GREEN: "green",
    Tlp.AMBER: "amber",
    Tlp.AMBER_STRICT: "ext-value",
    Tlp.RED: "red",
}
# "partner" would be GREEN only where an agreement says so; nobody has agreed to that here.
_IN: Final[dict[str, Tlp]] = {
    "public": Tlp.CLEAR,
    "white": Tlp.CLEAR,
    "green": Tlp.GREEN,
    "amber": Tlp.AMBER,
    "partner": Tlp.AMBER,
    "need-to-know": Tlp.AMBER,
    "red": Tlp.RED,
}
_ORDER: Final = tuple(Tlp)


def restriction(tlp: Tlp) -> tuple[Restriction, str | UnsetType]:
    """What stands in ``restriction`` and ``ext-restriction`` for ``tlp``."""
    return _OUT[tlp], STRICT if tlp is Tlp.AMBER_STRICT else UNSET


def label(incident: Incident) -> Tlp:
    """The label that an incident carries; private, unknown or none is TLP:AMBER+STRICT."""
    said = incident.restriction
    return Tlp.AMBER_STRICT if said is UNSET else _IN.get(said, Tlp.AMBER_STRICT)


def stricter(one: Tlp, other: Tlp) -> Tlp:
    """The label with the narrower audience."""
    return max(one, other, key=_ORDER.index)
