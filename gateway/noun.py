"""What every noun of the road is made of. No disk, no network, no clock here.

A noun is a frozen msgspec struct made by keyword; ``evolve`` gives a changed copy. Times are
aware and in UTC. ``gateway.model`` hands all of this on.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar, dataclass_transform

import msgspec

N = TypeVar("N", bound="Noun")


# msgspec hands "frozen" down to every noun; the type checker is told so here.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Noun(msgspec.Struct, frozen=True, kw_only=True):
    """What every noun of this module is: frozen, made by keyword."""


def evolve(noun: N, **changes: object) -> N:
    """A copy of ``noun`` with ``changes`` made; the noun itself never changes."""
    return msgspec.structs.replace(noun, **changes)


def utc(moment: datetime) -> datetime:
    """``moment`` in UTC.

    Raises:
        ValueError: the moment has no offset, so nobody can say when it was.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without an offset is no time")
    return moment.astimezone(UTC)


class Confidence(StrEnum):
    """How sure a finding is (IODEF's three words, RFC 7970 §3.12.5)."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
