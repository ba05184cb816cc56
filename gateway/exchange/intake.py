"""Reports come in: kept, gathered into campaigns and cases, routed. Joins stations to edges.

The law: an original is on disk before anything points to it, and a batch's reports, cases,
routes and journal entry are kept together or not at all; so a killed import is run again and
loses or doubles nothing. Verbs: ``accept``, ``fresh``.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import reduce

from sqlalchemy.engine import Connection

from gateway import campaign, redact, route
from gateway.edges import clock
from gateway.edges.store import (
    campaigns,
    cases,
    corrections,
    decisions,
    ledger,
    peers,
    records,
    settings,
)
from gateway.edges.store.cases import CaseKey
from gateway.edges.store.records import Filed, Kept, micros, moment
from gateway.errors import KeyUnusable
from gateway.exchange import deciding
from gateway.exchange.gateway import Gateway
from gateway.hosting import Decisions, reweigh
from gateway.model import (
    Case,
    Category,
    Fingerprint,
    Noun,
    PeerId,
    Report,
    ReportId,
    Route,
    evolve,
)
from gateway.retention import Class
from gateway.route import Standing
from gateway.trust import Register

SALT_BYTES = 32
NO_HOSTING = "nowhere"


class Accepted(Noun):
    """What became of a batch: how many new, repeated and unparseable; the new reports' ids."""

    new: int
    repeated: int
    unparseable: int
    reports: tuple[ReportId, ...] = ()


class Arrived(Noun):
    """A complaint that came in: what was read of it, its complete source, and that packed."""

    report: Report
    content: bytes
    packed: bytes


class _Intake(Noun):
    """One report on its way into the store."""

    id: str
    report: Report
    seen_at: int
    campaign: str | None
    category: Category
    route: Route
    case_id: str | None


class _Placed(Noun):
    """The reports of a batch with their cases; of those, the ones that were there before."""

    intakes: tuple[_Intake, ...]
    routes: dict[str, Route]
    before: dict[str, Case]


def fresh(gateway: Gateway, digests: Collection[str], reporter: str) -> set[str]:
    """Those sources (by SHA-256) that this reporter has not reported yet.

    ``reporter`` is the pseudonym, empty where nobody is named.
    """
    with gateway.store.read() as db:
        return set(digests) - _known(gateway, db, reporter, digests)


def accept(gateway: Gateway, batch: Sequence[Arrived], reporter: str) -> Accepted:
    """Keep a batch of reports that ``reporter`` (a pseudonym, or empty) makes.

    Args:
        gateway: our own.
        batch: each report as read, with its source.
        reporter: the pseudonym.

    Raises:
        StorageFull: nothing of the batch is entered; run it again.
    """
    first = {arrived.report.source_sha256: arrived for arrived in reversed(batch)}
    gateway.blobs.keep({digest: arrived.packed for digest, arrived in first.items()})
    now = gateway.now()
    with gateway.store.write() as db:
        known = _known(gateway, db, reporter, first)
        new = [arrived for digest, arrived in first.items() if digest not in known]
        # A purge removes originals only while it holds this lock: what went since is kept again.
        gateway.blobs.keep({a.report.source_sha256: a.packed for a in new})
        ids = _enter(gateway, db, new, reporter, now) if new else []
    unparseable = sum(not arrived.report.parseable for arrived in new)
    return Accepted(
        new=len(new),
        repeated=len(batch) - len(new),
        unparseable=unparseable,
        reports=tuple(ReportId(id_) for id_ in ids),
    )


def _known(gateway: Gateway, db: Connection, reporter: str, digests: Collection[str]) -> set[str]:
    """Those of ``digests`` that count as reported by ``reporter`` already.

    Raises:
        KeyUnusable: the key that made this pseudonym was destroyed meanwhile.
    """
    key = settings.pseudonyms(db) if reporter else None
    if key is None:
        return records.known_sources(db, gateway.me, reporter, digests)
    if key.check != gateway.keys.reporters_check:
        raise KeyUnusable(
            "the key of the reporters' pseudonyms was destroyed while this ran",
            hint="run it again; if it says the same: entente keys destroy-pseudonyms once more",
        )
    return records.known_sources(db, gateway.me, reporter, digests, key.since)


def _enter(
    gateway: Gateway, db: Connection, new: Sequence[Arrived], reporter: str, now: datetime
) -> list[str]:
    at = micros(now)
    register = peers.register(db)
    new = _decided(db, new)
    marks = [a.report.fingerprint for a in new if a.report.fingerprint is not None]
    names = _campaigns(db, marks, at)
    arrivals = [_route(gateway, arrived.report, names, register, at) for arrived in new]
    placed = _cases(gateway, db, arrivals, reporter, now)
    intakes = placed.intakes
    records.keep_originals(db, [_original(gateway, arrived, at) for arrived in new])
    oldest = deciding.oldest(gateway, now)
    dates = gateway.terms.until(Class.REPORT, at), gateway.terms.until(Class.REPORTER, at)
    filed = [_filed(gateway.me, i, placed.routes, reporter, at, oldest) for i in intakes]
    filed = [_dated(one, dates) for one in filed]
    parseable = {i.id: i.report for i in intakes if i.report.parseable}
    records.file_reports(db, filed, parseable)
    seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for intake in intakes:
        if intake.case_id:
            # A report that nobody is named for counts as one complainant of its own.
            seen[intake.case_id].append((reporter or intake.id, intake.seen_at))
    cases.count(db, seen, gateway.terms.until(Class.REPORTER, at) if reporter else None)
    _lift(gateway, db, placed, register, now)
    digests = [[i.id, i.report.source_sha256, i.case_id] for i in intakes]
    ledger.append(db, at, "reported", {"reports": digests}, gateway.draw(SALT_BYTES))
    return [intake.id for intake in intakes]


def _decided(db: Connection, new: Sequence[Arrived]) -> Sequence[Arrived]:
    """Reports by the decisions that hold now: their readers know those from when they began."""
    holding = Decisions(decisions.holding(db))
    found = []
    for arrived in new:
        hosting = arrived.report.hosting
        if hosting is not None and (hosting.disputed or hosting.settled):
            report = evolve(arrived.report, hosting=reweigh(hosting, holding))
            found.append(evolve(arrived, report=report))
        else:
            found.append(arrived)
    return found


def _original(gateway: Gateway, arrived: Arrived, at: int) -> Kept:
    salt = gateway.draw(SALT_BYTES)
    return Kept(
        sha256=arrived.report.source_sha256,
        size=arrived.report.source_size,
        salt=salt,
        salted=redact.salted(salt, arrived.content),
        stored_at=at,
        delete_after=gateway.terms.until(Class.ORIGINAL, at),
    )


def _campaigns(db: Connection, marks: Sequence[Fingerprint], at: int) -> dict[str, str]:
    """The campaign of each folded text of a batch; new ones are entered."""
    comparable = {mark.exact: mark for mark in marks if campaign.comparable(mark)}
    known = campaigns.known(db, comparable)
    new = [mark for exact, mark in comparable.items() if exact not in known]
    gathered = campaign.gather(new, *campaigns.near(db, new))
    campaigns.keep(db, gathered, at)
    return known | gathered.campaigns


def _route(
    gateway: Gateway, report: Report, names: Mapping[str, str], register: Register, at: int
) -> _Intake:
    origin = report.origin
    stamped = origin.stamped_at if origin else None
    mark = report.fingerprint
    return _Intake(
        id=gateway.name(),
        report=report,
        # A stamp from the future proves nothing about when the mail came.
        seen_at=min(micros(stamped), at) if stamped else at,
        campaign=names.get(mark.exact) if mark else None,
        category=category(report),
        route=route.choose(
            origin,
            report.hosting,
            category(report),
            own=gateway.config.home_country,
            register=register,
        ),
        case_id=None,
    )


def category(report: Report) -> Category:
    """What the report's Message was judged to be."""
    return report.judgement.value if report.judgement else Category.OTHER


def _cases(
    gateway: Gateway, db: Connection, intakes: Sequence[_Intake], reporter: str, now: datetime
) -> _Placed:
    """Find or open the case of each report; one that nothing ties to others has its own."""
    keys = {i.id: _key(i) for i in intakes if i.report.parseable}
    found = cases.find(db, list(set(keys.values())))
    before = cases.several(db, list(found.values()))
    # What was judged by hand about a case holds for every report that comes to it.
    by_hand = corrections.holding(db, list(before))
    placed: list[_Intake] = []
    new: dict[str, list[_Intake]] = defaultdict(list)
    for intake in intakes:
        key = keys.get(intake.id)
        if key is None:
            placed.append(intake)
            continue
        case_id = found.get(key) or clock.case_id(gateway.config.home_country)
        found[key] = case_id
        called = by_hand.get(case_id, intake.category)
        placed.append(evolve(intake, case_id=case_id, category=called))
        if case_id not in before:
            new[case_id].append(intake)
    opened = [_opened(gateway, keys[of[0].id], of, reporter, now) for of in new.values()]
    rows = {name: _row(name, case) for name, case in zip(new, opened, strict=True)}
    cases.open_cases(db, list(rows.values()))
    routes = {name: case.route for name, case in before.items()}
    routes |= {name: case.route for name, case in zip(new, opened, strict=True)}
    return _Placed(intakes=tuple(placed), routes=routes, before=before)


def _key(intake: _Intake) -> CaseKey:
    hosting = intake.report.hosting
    return CaseKey(
        campaign=intake.campaign or f"alone-{intake.id}",
        # What is disputed has no country yet: it must not meet what is settled in one case.
        country=(hosting.country or "") if hosting and not hosting.disputed else "",
        network=hosting.network if hosting else NO_HOSTING,
    )


class _Opened(Noun):
    """A case that a batch opens, before it is counted."""

    key: CaseKey
    category: Category
    route: Route
    first_seen: int
    opened_at: int


def _opened(
    gateway: Gateway, key: CaseKey, of: Sequence[_Intake], reporter: str, now: datetime
) -> _Opened:
    called = reduce(deciding.heavier, [intake.category for intake in of])
    standing = Standing(
        category=called,
        reporters=1 if reporter else len(of),
        newest=moment(max(intake.seen_at for intake in of)),
        opened_at=now,
    )
    going = next(intake.route for intake in of if intake.category is called)
    return _Opened(
        key=key,
        category=called,
        route=deciding.opening(gateway, going, standing, now),
        first_seen=of[0].seen_at,
        opened_at=micros(now),
    )


def _row(case_id: str, case: _Opened) -> dict[str, object]:
    return {
        "id": case_id,
        "campaign": case.key.campaign,
        "country": case.key.country,
        "network": case.key.network,
        "category": str(case.category),
        "peer": case.route.peer,
        "shelf": str(case.route.none) if case.route.none else None,
        "reason": case.route.reason,
        "reports": 0,
        "reporters": 0,
        "first_seen": case.first_seen,
        "last_seen": case.first_seen,
        "opened_at": case.opened_at,
        "foreign_issuer": case.key.foreign_issuer,
        "foreign_id": case.key.foreign_id,
    }


def _lift(
    gateway: Gateway, db: Connection, placed: _Placed, register: Register, now: datetime
) -> None:
    """Decide those older cases again that the batch may have let go, or called otherwise."""
    now_called: dict[str, Category] = {}
    for intake in placed.intakes:
        case = placed.before.get(intake.case_id or "")
        if case is not None:
            was = now_called.get(case.id, case.category)
            if (called := deciding.heavier(was, intake.category)) is not was:
                now_called[case.id] = called
    cases.called(db, now_called)
    touched = [
        name
        for name, case in placed.before.items()
        if name in now_called or case.route.none in route.HELD
    ]
    deciding.settle(gateway, db, cases.several(db, touched).values(), register, now)


def _dated(filed: Filed, dates: tuple[int | None, int | None]) -> Filed:
    """The report with the dates on which its content goes, and its reporter is forgotten."""
    return evolve(filed, delete_after=dates[0], forget_after=dates[1] if filed.reporter else None)


def _filed(
    me: PeerId,
    intake: _Intake,
    routes: Mapping[str, Route],
    reporter: str,
    at: int,
    oldest: int,
) -> Filed:
    report, hosting = intake.report, intake.report.hosting
    going = routes[intake.case_id].peer if intake.case_id else None
    fate = "kept"
    if going and intake.category is not Category.LEGITIMATE:
        fate = "to_refer" if intake.seen_at >= oldest else "too_old"
    return Filed(
        id=intake.id,
        issuer=me,
        source_sha256=report.source_sha256,
        reporter=reporter,
        recorded_at=at,
        seen_at=intake.seen_at,
        state="filed" if report.parseable else "unparseable",
        fate=fate,
        why="; ".join(report.problems) or (route.STALE if fate == "too_old" else ""),
        origin=report.origin.address if report.origin else None,
        country=hosting.country if hosting else None,
        network=hosting.network if hosting else NO_HOSTING,
        category=str(intake.category),
        campaign=intake.campaign,
        case_id=intake.case_id,
    )
