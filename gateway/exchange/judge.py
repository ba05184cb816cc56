"""A judgement by hand about a case or a report, with its reason. Verb: ``judge``.

The law: it holds over every sign and every later report, until the next judgement by hand; what
is called ``legitimate`` stays at home, and is taken back where it already went abroad. The
officer's reason stays at home too.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

from sqlalchemy.engine import Connection

from gateway.edges.store import cases, corrections, ledger, peers, records
from gateway.edges.store.records import Filed, micros
from gateway.errors import NotFound, StepIllegal
from gateway.exchange import deciding
from gateway.exchange.gateway import Gateway
from gateway.exchange.withdraw import take_back
from gateway.model import Case, Category, Correction, Noun, Route

SALT_BYTES = 32
MOST_WORDS = 1_000
"""Characters of a reason that are kept."""
_BACK = "taken back: judged legitimate"


class Judged(Noun):
    """What a judgement by hand did.

    ``reports`` are called so now; ``cancelled`` of their SETs never left, ``withdrawals`` ask
    others back; ``abroad`` are known abroad by the older name. ``route`` is the case's now.
    """

    about: str
    category: Category
    was: Category
    reports: int
    cancelled: int
    withdrawals: int
    abroad: int
    route: Route | None


def judge(gateway: Gateway, name: str, category: Category, because: str) -> Judged:
    """Call the case or report ``name`` a ``category`` by hand, and decide again where it goes.

    Args:
        gateway: our own.
        name: a case by our id or the partner's, or a report.
        category: what it is.
        because: why, for our own people; it never crosses the border.

    Raises:
        NotFound: there is no such case or report.
        StepIllegal: no reason is given, or the report does not stand.
    """
    if not because.strip():
        raise StepIllegal("a judgement by hand needs its reason", hint="--because TEXT")
    now = gateway.now()
    with gateway.store.write() as db:
        case = cases.get(db, name)
        if case is not None:
            was, about = case.category, str(case.id)
            before = _standing(records.reports(db, case_id=case.id))
        else:
            report = _report(db, name)
            was, about = Category(report.category), report.id
            before = [report]
        made = Correction(
            about=about, category=category, was=was, because=because[:MOST_WORDS], at=now
        )
        corrections.add(db, made)
        said = {"about": about, "category": category, "was": was, "because": made.because}
        ledger.append(db, micros(now), "judged", said, gateway.draw(SALT_BYTES))
        if case is not None:
            corrections.call_reports(db, case.id, category)
            cases.called(db, {case.id: category})
            after = _standing(records.reports(db, case_id=case.id))
        else:
            corrections.call_report(db, about, category)
            after = records.reports(db, ids=[about])
            case = cases.several(db, [str(before[0].case_id)]).get(str(before[0].case_id))
            if case is not None:
                _call_by_its_reports(db, case)
        changed = [report for report in after if report.category == category]
        cancelled = withdrawals = abroad = 0
        if category is Category.LEGITIMATE:
            cancelled, withdrawals = _home(gateway, db, changed, now)
        else:
            was_so = {report.id for report in before if report.category == category}
            abroad = sum(r.fate == "referred" and r.id not in was_so for r in changed)
        route = _decide(gateway, db, case, now) if case is not None else None
    return Judged(
        about=about,
        category=category,
        was=was,
        reports=len(changed),
        cancelled=cancelled,
        withdrawals=withdrawals,
        abroad=abroad,
        route=route,
    )


def _standing(filed: Sequence[Filed]) -> list[Filed]:
    return [report for report in filed if report.state == "filed"]


def _report(db: Connection, name: str) -> Filed:
    found = records.reports(db, ids=[name]) if name else []
    if not found:
        raise NotFound(f"there is no case or report {name}", hint="entente case list")
    if found[0].state != "filed":
        raise StepIllegal(f"the report {name} is {found[0].state}: there is nothing to judge")
    return found[0]


def _call_by_its_reports(db: Connection, case: Case) -> None:
    """Call a case as its reports are, where no judgement by hand holds for the case itself."""
    if corrections.holding(db, [case.id]):
        return
    called = [Category(r.category) for r in _standing(records.reports(db, case_id=case.id))]
    if called:
        first = case.category if case.category in called else called[0]
        cases.called(db, {case.id: reduce(deciding.heavier, called, first)})


def _home(
    gateway: Gateway, db: Connection, reports: Sequence[Filed], now: datetime
) -> tuple[int, int]:
    """Keep reports at home, and take back what went; how many never left, and how many did."""
    cancelled = withdrawals = 0
    for report in reports:
        one, other = take_back(gateway, db, report, "judged legitimate", now)
        cancelled, withdrawals = cancelled + one, withdrawals + other
    corrections.take_home(db, [report.id for report in reports], _BACK)
    return cancelled, withdrawals


def _decide(gateway: Gateway, db: Connection, case: Case, now: datetime) -> Route:
    """Route a case again after a judgement; a partner's case stays. The route that holds then."""
    case = cases.several(db, [case.id])[case.id]
    settled = deciding.settle(gateway, db, [case], peers.register(db), now)
    case = cases.several(db, [case.id])[case.id]
    if not settled and case.route.peer is not None:
        # It goes where it went; what of it was kept at home until now may follow.
        cases.routed(db, {case.id: case.route}, deciding.oldest(gateway, now))
    return case.route
