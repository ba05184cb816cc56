"""Doubt about a country, worked on: officers decide, and the cases that waited for it go on.

The law: a decision, its place in the journal and what it moves are kept together or not at all;
what was sent already is not moved. Verbs: ``decide``, ``reconsider``, ``settle``.
"""

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

from sqlalchemy.engine import Connection

from gateway import hosting as station
from gateway import route
from gateway.edges import clock
from gateway.edges.store import cases, corrections, decisions, ledger, peers, records
from gateway.edges.store.cases import CaseKey
from gateway.edges.store.decisions import Placed, Remembered
from gateway.edges.store.records import micros
from gateway.errors import DecisionInvalid, NotFound
from gateway.exchange import deciding
from gateway.exchange.gateway import Gateway
from gateway.exchange.intake import SALT_BYTES
from gateway.hosting import Decision, Decisions
from gateway.model import Case, Category, Hosting, Noun, Report, Route, evolve
from gateway.route import Standing

_MOST_REASON = 1_000
Anew = Callable[[Hosting], Hosting]


class Settled(Noun):
    """What a decision changed: how many reports lie in another case now, and in which cases."""

    prefix: str = ""
    country: str = ""
    reports: int = 0
    cases: tuple[str, ...] = ()
    replaced: bool = False


def decide(gateway: Gateway, prefix: str, country: str, because: str) -> Settled:
    """Remember that ``prefix`` counts as hosted in ``country`` where registrations dispute it.

    A decision on the same network that held until now is ended by this one.

    Raises:
        DecisionInvalid: no network, no country, or no reason.
    """
    network, place = station.network(prefix), station.place(country)
    why = _reason(because)
    at = micros(gateway.now())
    with gateway.store.write() as db:
        before = decisions.holding(db)
        replaced = decisions.end(db, network, at, f"decided again: {why}")
        one = Remembered(
            id=gateway.name(), prefix=network, country=place, because=why, decided_at=at
        )
        decisions.remember(db, one)
        moved = _again(gateway, db, network, before)
        said = {"prefix": network, "country": place, "because": why, "moved": moved}
        ledger.append(db, at, "decided", said, gateway.draw(SALT_BYTES))
    done = _settled(moved)
    return evolve(done, prefix=network, country=place, replaced=replaced)


def reconsider(gateway: Gateway, prefix: str, because: str) -> Settled:
    """Take the decision on ``prefix`` back; what it moved and was not sent is in doubt again.

    Raises:
        DecisionInvalid: no network, or no reason.
        NotFound: no decision holds on just this network.
    """
    network, why = station.network(prefix), _reason(because)
    at = micros(gateway.now())
    with gateway.store.write() as db:
        before = decisions.holding(db)
        if not decisions.end(db, network, at, why):
            raise NotFound(
                f"no decision holds on {network}", hint="entente hosting decisions lists them"
            )
        moved = _again(gateway, db, network, before)
        said = {"prefix": network, "because": why, "moved": moved}
        ledger.append(db, at, "reconsidered", said, gateway.draw(SALT_BYTES))
    (old,) = (one for one in before if one.prefix == network)
    return evolve(_settled(moved), prefix=network, country=old.country)


def settle(gateway: Gateway, locate: Callable[[str], Hosting]) -> Settled:
    """Locate the hosts of every case in doubt again, after the tables have changed.

    Args:
        gateway: our own.
        locate: by the tables as they are now.
    """
    at = micros(gateway.now())
    with gateway.store.write() as db:
        found = decisions.placed(db, ())
        moved = _move(gateway, db, found, lambda old: locate(old.address))
        if moved:
            ledger.append(db, at, "located-again", {"moved": moved}, gateway.draw(SALT_BYTES))
    return _settled(moved)


def _reason(text: str) -> str:
    """The reason as it is kept.

    Raises:
        DecisionInvalid: there is none, or it is no text for one line.
    """
    why = " ".join(text.split())
    if not why or not why.isprintable() or len(why) > _MOST_REASON:
        raise DecisionInvalid(
            f"a reason has 1 to {_MOST_REASON} printable characters",
            hint="say in a sentence what you found out and where, for whoever asks in a year",
        )
    return why


Moved = list[list[str]]
"""Report, the case where it lay, the case where it lies: one list for each report that moved."""


def _settled(moved: Moved) -> Settled:
    return Settled(reports=len(moved), cases=tuple(sorted({after for *_, after in moved})))


def _again(gateway: Gateway, db: Connection, network: str, before: Sequence[Decision]) -> Moved:
    """Weigh again what is known of the addresses in ``network``, by the decisions as they are.

    ``before`` are those that held until now: what they moved may have to move again.
    """
    countries = {old.country for old in before}
    around = ipaddress.ip_network(network)
    inside = [
        one for one in decisions.placed(db, countries) if ipaddress.ip_address(one.origin) in around
    ]
    holding = Decisions(decisions.holding(db))
    return _move(gateway, db, inside, lambda old: station.reweigh(old, holding))


def _move(gateway: Gateway, db: Connection, found: Sequence[Placed], anew: Anew) -> Moved:
    """Locate reports again, and put each into the case where it belongs now."""
    groups: dict[tuple[str, str], dict[str, Report]] = defaultdict(dict)
    read = records.contents(db, [one.id for one in found])
    for one in found:
        report = read.get(one.id)
        if report is None or report.hosting is None:
            continue
        now = anew(report.hosting)
        if now != report.hosting:
            place = "" if now.disputed else now.country or ""
            groups[one.case_id, place][one.id] = evolve(report, hosting=now)
    moved: Moved = []
    for (case_id, place), some in groups.items():
        decisions.locate(db, some)
        case = cases.get(db, case_id)
        if case is not None and (case.country or "") != place:
            after = _place(gateway, db, case, place, some)
            moved += [[report_id, case_id, after] for report_id in some]
    return moved


def _place(
    gateway: Gateway, db: Connection, case: Case, place: str, some: Mapping[str, Report]
) -> str:
    """The case to which reports of ``case`` belong that count as hosted in ``place`` now."""
    register, now = peers.register(db), gateway.now()
    key = CaseKey(campaign=case.campaign, country=place, network=case.network)
    found = cases.find(db, [key]).get(key)
    report = next(iter(some.values()))
    going = route.choose(
        report.origin,
        report.hosting,
        case.category,
        own=gateway.config.home_country,
        register=register,
    )
    if found is None and len(some) == case.reports:
        decisions.name(db, case.id, place)
        target = str(case.id)
    elif found is None:
        target = clock.case_id(gateway.config.home_country)
        cases.open_cases(db, [_row(target, key, case, going)])
        decisions.move(db, list(some), case.id, target)
        corrections.follow(db, str(case.id), target)
    else:
        decisions.move(db, list(some), case.id, found)
        _call(db, found, list(some))
        deciding.settle(gateway, db, cases.several(db, [found]).values(), register, now)
        target = found
    standing = cases.several(db, [target])[target]
    decided = standing.route if found else deciding.opening(gateway, going, _how(standing), now)
    cases.routed(db, {target: decided}, deciding.oldest(gateway, now))
    return target


def _call(db: Connection, case_id: str, moved: Sequence[str]) -> None:
    """Call a case, and the reports that joined it, by what holds now."""
    by_hand = corrections.holding(db, [case_id]).get(case_id)
    if by_hand is not None:
        corrections.call_reports(db, case_id, by_hand)
        return
    called = [Category(filed.category) for filed in records.reports(db, ids=moved)]
    before = cases.several(db, [case_id])[case_id].category
    cases.called(db, {case_id: reduce(deciding.heavier, called, before)})


def _how(case: Case) -> Standing:
    return Standing(
        category=case.category,
        reporters=case.reporters,
        newest=case.last_seen,
        opened_at=case.opened_at,
    )


def _row(case_id: str, key: CaseKey, like: Case, going: Route) -> dict[str, object]:
    """A new case for reports that leave ``like``; its counts are made when they have moved."""
    return {
        "id": case_id,
        "campaign": key.campaign,
        "country": key.country,
        "network": key.network,
        "category": str(like.category),
        "peer": going.peer,
        "shelf": str(going.none) if going.none else None,
        "reason": going.reason,
        "reports": 0,
        "reporters": 0,
        "first_seen": micros(like.first_seen),
        "last_seen": micros(like.last_seen),
        "opened_at": micros(like.opened_at),
        "foreign_issuer": "",
        "foreign_id": "",
    }
