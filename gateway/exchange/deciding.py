"""Whether cases go abroad now: decided when they open, and again when something has changed.

What can change is time (a waiting case falls due), a reporter, a judgement, the peers and our
policy. The law: only what may have changed is looked at, and only what did change is written.
Verbs: ``opening`` (a new case), ``settle`` (some cases again), ``route_again`` (all that is due).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy.engine import Connection

from gateway import route
from gateway.edges.store import cases, ledger, peers
from gateway.edges.store.records import micros
from gateway.exchange.gateway import Gateway
from gateway.model import Case, Category, Nowhere, Route
from gateway.route import Standing
from gateway.trust import Register

SALT_BYTES = 32
_AGAIN: Final = route.HELD | {None, Nowhere.NO_PEER, Nowhere.NOT_AGREED}
"""What is decided again; every other shelf needs a person, or stands for good."""
_BASIS = msgspec.json.Encoder(order="deterministic")


def opening(gateway: Gateway, going: Route, standing: Standing, now: datetime) -> Route:
    """The first route of a case: ``going``, unless our policy holds it."""
    return route.hold(going, standing, gateway.config.policy, now)


def oldest(gateway: Gateway, now: datetime) -> int:
    """The oldest stamp that may still go abroad, in microseconds since 1970."""
    return micros(route.oldest(gateway.config.policy, now))


def heavier(one: Category, other: Category) -> Category:
    """What a case is called when one mail of it is called ``one`` and a later one ``other``.

    What says nothing gives way to what says something, and ``legitimate`` to every complaint: a
    sender must not shield a mailing by one harmless copy.
    """
    return other if _weight(other) > _weight(one) else one


def _weight(category: Category) -> int:
    return {Category.LEGITIMATE: 0, Category.OTHER: 1}.get(category, 2)


def settle(
    gateway: Gateway, db: Connection, found: Iterable[Case], register: Register, now: datetime
) -> int:
    """Decide some of our own cases again and write what changed; how many go elsewhere now."""
    changed = {
        str(case.id): decided
        for case in found
        if (decided := _again(gateway, case, register, now)) is not None
    }
    if not changed:
        return 0
    cases.routed(db, changed, oldest(gateway, now))
    said = {"cases": [[name, r.peer, r.none] for name, r in changed.items()]}
    ledger.append(db, micros(now), "routed", said, gateway.draw(SALT_BYTES))
    return len(changed)


def _again(gateway: Gateway, case: Case, register: Register, now: datetime) -> Route | None:
    """The new route of a case whose country stands, where it differs from the old one."""
    before = case.route
    if before.none not in _AGAIN or case.country is None:
        return None
    going = route.for_country(
        case.country,
        case.category,
        own=gateway.config.home_country,
        register=register,
        about="the sender's network",
    )
    standing = Standing(
        category=case.category,
        reporters=case.reporters,
        newest=case.last_seen,
        opened_at=case.opened_at,
        flows=before.peer is not None,
    )
    decided = route.hold(going, standing, gateway.config.policy, now)
    same = (decided.peer, decided.none) == (before.peer, before.none)
    # Why a case is held changes while it is held: another reporter came, or a setting.
    if same and (decided.none not in route.HELD or decided.reason == before.reason):
        return None
    return decided


def route_again(gateway: Gateway) -> int:
    """Let go what has waited long enough; after a change of peers or policy decide every case.

    Returns:
        how many cases were decided otherwise than before.
    """
    now = gateway.now()
    due = micros(now - timedelta(minutes=gateway.config.policy.waiting_minutes))
    with gateway.store.read() as db:
        basis = _basis(gateway, peers.register(db))
        same = cases.basis(db) == basis
        if same and not cases.waiting(db, due, most=1):
            return 0
    if same:
        return _each(gateway, now, lambda db, last: cases.waiting(db, due, last))
    moved = _each(gateway, now, lambda db, last: cases.local(db, last[1]))
    with gateway.store.write() as db:
        cases.set_basis(db, basis)
    return moved


def _each(
    gateway: Gateway, now: datetime, page: Callable[[Connection, tuple[int, str]], list[Case]]
) -> int:
    """Decide every case that ``page`` gives again, page by page; how many were decided otherwise.

    Each page is a transaction of its own, so that nobody waits for long, and an interrupted round
    is simply gone through again.
    """
    moved = 0
    last = (-1, "")
    while True:
        with gateway.store.write() as db:
            found = page(db, last)
            if not found:
                return moved
            moved += settle(gateway, db, found, peers.register(db), now)
            last = (micros(found[-1].opened_at), found[-1].id)


def _basis(gateway: Gateway, register: Register) -> str:
    """The digest of everything that cases are decided by, besides themselves and the time."""
    peers_: Sequence[object] = [register.peers[name] for name in sorted(register.peers)]
    said = (gateway.config.policy, gateway.config.country, peers_)
    return hashlib.sha256(_BASIS.encode(said)).hexdigest()
