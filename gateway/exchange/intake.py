"""Reports come in: kept, gathered into campaigns and cases, routed. Joins stations to edges.

The law: an original is on disk before anything points to it, and a batch's reports, cases,
routes and journal entry are kept together or not at all; so a killed import is run again and
loses or doubles nothing. Verbs: ``accept``, ``fresh``.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from gateway import campaign, redact, route
from gateway.edges import clock
from gateway.edges.store import cases, ledger, peers, records
from gateway.edges.store.cases import CaseKey
from gateway.edges.store.records import Filed, micros
from gateway.exchange.gateway import Gateway
from gateway.model import (
    Category,
    Country,
    Fingerprint,
    Noun,
    PeerId,
    Report,
    ReportId,
    Route,
    evolve,
)
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
    route: Route
    case_id: str | None


def fresh(gateway: Gateway, digests: Collection[str], reporter: str) -> set[str]:
    """Those sources (by SHA-256) that this reporter has not reported yet.

    ``reporter`` is the pseudonym, empty where nobody is named.
    """
    with gateway.store.read() as db:
        return set(digests) - records.known_sources(db, gateway.me, reporter, digests)


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
        known = records.known_sources(db, gateway.me, reporter, first)
        new = [arrived for digest, arrived in first.items() if digest not in known]
        ids = _enter(gateway, db, new, reporter, now) if new else []
    unparseable = sum(not arrived.report.parseable for arrived in new)
    return Accepted(
        new=len(new),
        repeated=len(batch) - len(new),
        unparseable=unparseable,
        reports=tuple(ReportId(id_) for id_ in ids),
    )


def _enter(
    gateway: Gateway, db: Connection, new: Sequence[Arrived], reporter: str, now: datetime
) -> list[str]:
    at = micros(now)
    register = peers.register(db)
    marks = [a.report.fingerprint for a in new if a.report.fingerprint is not None]
    names = _campaigns(db, marks, at)
    intakes = [_route(gateway, arrived.report, names, register, at) for arrived in new]
    intakes = _cases(gateway, db, intakes)
    records.keep_originals(db, [_original(gateway, arrived, at) for arrived in new])
    filed = [_filed(gateway.me, intake, reporter, at) for intake in intakes]
    parseable = {i.id: i.report for i in intakes if i.report.parseable}
    records.file_reports(db, filed, parseable)
    seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for intake in intakes:
        if intake.case_id:
            # A report that nobody is named for counts as one complainant of its own.
            seen[intake.case_id].append((reporter or intake.id, intake.seen_at))
    cases.count(db, seen)
    digests = [[i.id, i.report.source_sha256, i.case_id] for i in intakes]
    ledger.append(db, at, "reported", {"reports": digests}, gateway.draw(SALT_BYTES))
    return [intake.id for intake in intakes]


def _original(gateway: Gateway, arrived: Arrived, at: int) -> tuple[str, int, bytes, bytes, int]:
    salt = gateway.draw(SALT_BYTES)
    report = arrived.report
    salted = redact.salted(salt, arrived.content)
    return report.source_sha256, report.source_size, salt, salted, at


def _campaigns(db: Connection, marks: Sequence[Fingerprint], at: int) -> dict[str, str]:
    """The campaign of each folded text of a batch; new ones are entered."""
    comparable = {mark.exact: mark for mark in marks if campaign.comparable(mark)}
    known = records.campaigns_by_exact(db, comparable)
    met: dict[str, str] = {}
    for exact, mark in comparable.items():
        if exact in known:
            continue
        name = campaign.choose(mark, records.campaigns_near(db, mark.marks))
        if name is None:
            name = exact
            records.new_campaign(db, name, mark, at)
        met[exact] = name
    records.meet_exact(db, met)
    return known | met


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


def _cases(gateway: Gateway, db: Connection, intakes: Sequence[_Intake]) -> list[_Intake]:
    """Find or open the case of each report; one that nothing ties to others has its own."""
    keys = {i.id: _key(i) for i in intakes if i.report.parseable}
    found = cases.find(db, list(set(keys.values())))
    opened: list[Mapping[str, object]] = []
    placed = []
    for intake in intakes:
        key = keys.get(intake.id)
        if key is None:
            placed.append(intake)
            continue
        if key not in found:
            found[key] = clock.case_id(gateway.config.home_country)
            opened.append(_row(found[key], key, intake))
        placed.append(evolve(intake, case_id=found[key]))
    cases.open_cases(db, opened)
    return placed


def _key(intake: _Intake) -> CaseKey:
    hosting = intake.report.hosting
    return CaseKey(
        campaign=intake.campaign or f"alone-{intake.id}",
        country=(hosting.country or "") if hosting else "",
        network=hosting.network if hosting else NO_HOSTING,
    )


def _row(case_id: str, key: CaseKey, intake: _Intake) -> dict[str, object]:
    return {
        "id": case_id,
        "campaign": key.campaign,
        "country": key.country,
        "network": key.network,
        "category": str(category(intake.report)),
        "peer": intake.route.peer,
        "shelf": str(intake.route.none) if intake.route.none else None,
        "reason": intake.route.reason,
        "reports": 0,
        "reporters": 0,
        "first_seen": intake.seen_at,
        "last_seen": intake.seen_at,
        "foreign_issuer": key.foreign_issuer,
        "foreign_id": key.foreign_id,
    }


def _filed(me: PeerId, intake: _Intake, reporter: str, at: int) -> Filed:
    report, hosting = intake.report, intake.report.hosting
    return Filed(
        id=intake.id,
        issuer=me,
        source_sha256=report.source_sha256,
        reporter=reporter,
        recorded_at=at,
        seen_at=intake.seen_at,
        state="filed" if report.parseable else "unparseable",
        fate="to_refer" if intake.route.peer and intake.case_id else "kept",
        why="; ".join(report.problems),
        origin=report.origin.address if report.origin else None,
        country=hosting.country if hosting else None,
        network=hosting.network if hosting else NO_HOSTING,
        category=str(category(report)),
        campaign=intake.campaign,
        case_id=intake.case_id,
    )


def route_again(gateway: Gateway) -> int:
    """Decide again where our own cases go, after peers have changed; how many have moved."""
    moved = 0
    with gateway.store.write() as db:
        register = peers.register(db)
        after = ""
        while found := cases.local(db, after):
            for case in found:
                decided = _again(gateway, case.category, case.country, case.route, register)
                if decided is not None:
                    cases.routed(db, case.id, decided)
                    moved += 1
            after = found[-1].id
        if moved:
            at = micros(gateway.now())
            ledger.append(db, at, "routed", {"cases": moved}, gateway.draw(SALT_BYTES))
    return moved


def _again(
    gateway: Gateway, what: Category, country: Country | None, before: Route, register: Register
) -> Route | None:
    """The new route of a case whose country stands, where it differs from the old one."""
    settled = before.none in {None, "no_peer", "not_agreed"}
    if not settled or country is None:
        return None
    now = route.for_country(
        country,
        what,
        own=gateway.config.home_country,
        register=register,
        about="the sender's network",
    )
    return now if (now.peer, now.none) != (before.peer, before.none) else None
