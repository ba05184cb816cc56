"""What left the country in a period, and why: every SET with its reason, label and fields.

Verb: ``crossed``.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from gateway import seal, strict_json
from gateway.edges.store import crossings
from gateway.edges.store.crossings import Left, Period, Sum
from gateway.edges.store.records import micros, moment
from gateway.errors import EntenteError
from gateway.exchange.gateway import Gateway
from gateway.model import Noun
from gateway.retention import NO_LONGER


class Crossing(Noun):
    """One SET that left: what, when, to whom, why, under which label, and what stood in it.

    ``delivered_at`` and ``proved_at`` are None where no answer or receipt came; ``digest`` is
    what the receipt names. ``label`` and ``fields`` are read from the SET as it was signed, and
    None and empty once it is no longer kept.
    """

    at: datetime
    peer: str
    jti: str
    kind: str
    fate: str
    report: str | None
    case: str | None
    why: str
    label: str | None
    fields: tuple[str, ...]
    digest: str
    delivered_at: datetime | None
    proved_at: datetime | None
    receipt: str | None


class Crossed(Noun):
    """A period's sums, and a page of the SETs they count, what only proves left out."""

    since: datetime
    until: datetime
    sums: tuple[Sum, ...]
    sets: tuple[Crossing, ...]


def crossed(
    gateway: Gateway,
    since: datetime,
    until: datetime,
    *,
    peer: str = "",
    most: int = 100,
    after: str = "",
) -> Crossed:
    """What was signed from ``since`` to before ``until`` and handed to the wire.

    Args:
        gateway: our own.
        since: the beginning, aware.
        until: the end, aware; it is not in the period itself.
        peer: only what went there; everybody if empty.
        most: how many SETs are listed; the sums count all.
        after: list the SETs behind the one of this ``jti``.
    """
    period = Period(since=micros(since), until=micros(until), peer=peer)
    with gateway.store.read() as db:
        sums = crossings.sums(db, period)
        left = crossings.page(db, period, most=most, after=after)
    return Crossed(since=since, until=until, sums=tuple(sums), sets=tuple(map(_crossing, left)))


def _crossing(left: Left) -> Crossing:
    said = _read(left.token) if left.token is not None else _Said()
    return Crossing(
        at=moment(left.signed_at),
        peer=left.peer,
        jti=left.jti,
        kind=left.kind,
        fate=left.state,
        report=left.report_id,
        case=left.case_id,
        why=said.reason or _why(left),
        label=said.label,
        fields=said.fields,
        digest=left.digest.hex(),
        delivered_at=moment(left.delivered_at) if left.delivered_at is not None else None,
        proved_at=moment(left.proved_at) if left.proved_at is not None else None,
        receipt=left.receipt,
    )


def _why(left: Left) -> str:
    """The reason of the route, or that it was another one by then."""
    if left.reason is None:
        return NO_LONGER
    if left.case_peer == left.peer:
        return left.reason
    return f"its case went to this peer then; it is said now: {left.reason}"


class _Said(Noun):
    """What is read from a SET: its label, a reason of its own, and the fields that stand in it."""

    label: str | None = None
    reason: str | None = None
    fields: tuple[str, ...] = ()


def _read(token: bytes) -> _Said:
    """A SET of ours as it was signed."""
    try:
        claims = strict_json.read_object(seal.open_token(token).payload)
    except EntenteError:
        return _Said()
    events = claims.get("events")
    event = next(iter(events.values()), None) if isinstance(events, Mapping) else None
    if not isinstance(event, Mapping):
        return _Said()
    label, reason = event.get("tlp"), event.get("reason")
    members = {name: value for name, value in event.items() if name != "tlp"}
    fields = tuple(sorted(set(_fields(members, ""))))
    return _Said(
        label=label if isinstance(label, str) else None,
        reason=reason if isinstance(reason, str) else None,
        fields=fields,
    )


def _fields(value: object, at: str) -> Iterator[str]:
    """The path of every value in a document; what has a name and a value bears that name."""
    if isinstance(value, Mapping):
        named = value.get("name") if "value" in value else None
        if isinstance(named, str):
            yield f"{at}[{named}]"
            return
        for name, inner in value.items():
            yield from _fields(inner, f"{at}.{name}" if at else str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _fields(inner, at)
    else:
        yield at
