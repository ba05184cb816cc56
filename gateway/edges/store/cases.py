"""Cases in the database: found or opened, counted, decided. In the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import schema as t
from gateway.edges.store.records import as_case, chunks
from gateway.model import Case, Category, Noun, Nowhere, PeerId, Route
from gateway.route import STALE

_BASIS = "cases.decided_by"
"""The setting that holds ``basis``."""


class CaseKey(Noun):
    """What makes two reports one case: campaign, country and network, or a foreign case's id."""

    campaign: str
    country: str
    network: str
    foreign_issuer: str = ""
    foreign_id: str = ""


def find(db: Connection, keys: Sequence[CaseKey]) -> dict[CaseKey, str]:
    """The ids of those cases of ``keys`` that exist."""
    found: dict[CaseKey, str] = {}
    c = t.case.c
    wanted = set(keys)
    for some in chunks({key.campaign for key in keys}):
        rows = db.execute(
            sa.select(c.id, c.campaign, c.country, c.network, c.foreign_issuer, c.foreign_id).where(
                c.campaign.in_(some)
            )
        )
        for id_, *parts in rows:
            key = CaseKey(**dict(zip(CaseKey.__struct_fields__, parts, strict=True)))
            if key in wanted:
                found[key] = id_
    return found


def open_cases(db: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Enter new cases, one mapping of columns each."""
    if rows:
        db.execute(t.case.insert(), list(rows))


def count(
    db: Connection, seen: Mapping[str, Sequence[tuple[str, int]]], until: int | None = None
) -> None:
    """Count new reports into their cases.

    Args:
        db: the transaction.
        seen: for each case id the (reporter's pseudonym, seen at) of each new report.
        until: when the pseudonyms must be forgotten; None where nobody stands behind them.
    """
    pairs = [
        {"case_id": case, "reporter": who, "delete_after": until}
        for case, reports in seen.items()
        for who in {reporter for reporter, _ in reports}
    ]
    if not pairs:
        return
    db.execute(sa.insert(t.case_reporter).prefix_with("OR IGNORE", dialect="sqlite"), pairs)
    c, bind = t.case.c, sa.bindparam
    reporters = (
        sa.select(sa.func.count())
        .select_from(t.case_reporter)
        .where(t.case_reporter.c.case_id == bind("case"))
        .scalar_subquery()
    )
    db.execute(
        t.case.update()
        .where(c.id == bind("case"))
        .values(
            reports=c.reports + bind("new"),
            reporters=reporters,
            first_seen=sa.case((c.first_seen < bind("first"), c.first_seen), else_=bind("first")),
            last_seen=sa.case((c.last_seen > bind("last"), c.last_seen), else_=bind("last")),
        ),
        [
            {
                "case": case,
                "new": len(reports),
                "first": min(at for _, at in reports),
                "last": max(at for _, at in reports),
            }
            for case, reports in seen.items()
        ],
    )


def routed(db: Connection, routes: Mapping[str, Route], oldest: int) -> None:
    """Write where cases go now; mark their kept reports for reference, or keep them home.

    Args:
        db: the transaction.
        routes: the route of each case, by its id.
        oldest: the oldest stamp that still goes, in microseconds since 1970; a report with an
            older one is called too old, and stays so.
    """
    if not routes:
        return
    bind, r = sa.bindparam, t.report.c
    db.execute(
        t.case.update()
        .where(t.case.c.id == bind("case"))
        .values(peer=bind("to"), shelf=bind("on"), reason=bind("because")),
        [
            {"case": name, "to": route.peer, "on": route.none, "because": route.reason}
            for name, route in routes.items()
        ],
    )
    for some in chunks([name for name, route in routes.items() if route.peer]):
        kept = sa.and_(
            r.case_id.in_(some),
            r.state == "filed",
            r.fate == "kept",
            r.category != str(Category.LEGITIMATE),
        )
        why = sa.case((r.why == "", STALE), else_=r.why)
        stale = t.report.update().where(kept, r.seen_at < oldest)
        db.execute(stale.values(fate="too_old", why=why))
        db.execute(t.report.update().where(kept).values(fate="to_refer"))
    for some in chunks([name for name, route in routes.items() if not route.peer]):
        marked = sa.and_(r.case_id.in_(some), r.state == "filed", r.fate == "to_refer")
        db.execute(t.report.update().where(marked).values(fate="kept"))


def called(db: Connection, changed: Mapping[str, Category]) -> None:
    """Write what cases are called now."""
    if changed:
        bind = sa.bindparam
        statement = t.case.update().where(t.case.c.id == bind("case")).values(category=bind("now"))
        db.execute(statement, [{"case": name, "now": now} for name, now in changed.items()])


def get(db: Connection, case_id: str) -> Case | None:
    """The case of that id, ours or a partner's, if there is one; ours before a partner's."""
    c = t.case.c
    abroad = sa.and_(c.foreign_id == case_id, c.foreign_issuer != "")
    row = (
        db.execute(
            sa.select(t.case)
            .where(sa.or_(c.id == case_id, abroad))
            .order_by((c.id == case_id).desc(), c.id)
            .limit(1)
        )
        .mappings()
        .first()
    )
    return as_case(row) if row else None


def several(db: Connection, ids: Collection[str]) -> dict[str, Case]:
    """Those cases of ``ids`` that there are, by id."""
    found: dict[str, Case] = {}
    for some in chunks(ids):
        query = sa.select(t.case).where(t.case.c.id.in_(some))
        found.update({row["id"]: as_case(row) for row in db.execute(query).mappings()})
    return found


def waiting(
    db: Connection, opened: int, after: tuple[int, str] = (-1, ""), most: int = 500
) -> list[Case]:
    """Cases that wait for second thoughts and were opened at ``opened`` or before.

    They come oldest first, those behind ``after`` (when it was opened, its id).
    """
    c = t.case.c
    behind = sa.tuple_(c.opened_at, c.id) > sa.tuple_(*map(sa.literal, after))
    query = (
        sa.select(t.case)
        .where(c.shelf == sa.literal_column("'waiting'"), c.opened_at <= opened, behind)
        .order_by(c.opened_at, c.id)
        .limit(most)
    )
    return [as_case(row) for row in db.execute(query).mappings()]


def page(
    db: Connection,
    *,
    most: int,
    after: str = "",
    country: str = "",
    peer: PeerId | None = None,
    shelf: Nowhere | None = None,
) -> list[Case]:
    """At most ``most`` cases by id after ``after``, of one country, peer or shelf where asked."""
    query = sa.select(t.case).where(t.case.c.id > after).order_by(t.case.c.id).limit(most)
    if country:
        query = query.where(t.case.c.country == country)
    if peer:
        query = query.where(t.case.c.peer == peer)
    if shelf:
        query = query.where(t.case.c.shelf == shelf)
    return [as_case(row) for row in db.execute(query).mappings()]


def local(db: Connection, after: str = "", most: int = 500) -> list[Case]:
    """Cases of our own reports, by id, for routing them again."""
    c = t.case.c
    query = sa.select(t.case).where(c.id > after, c.foreign_issuer == "").order_by(c.id).limit(most)
    return [as_case(row) for row in db.execute(query).mappings()]


def shelved(db: Connection) -> dict[str, int]:
    """How many cases of our own reports stand on each shelf."""
    c = t.case.c
    query = sa.select(c.shelf, sa.func.count()).where(c.shelf.is_not(None), c.foreign_issuer == "")
    return dict(db.execute(query.group_by(c.shelf)).all())


def basis(db: Connection) -> str:
    """The digest of what every case was last decided by; empty where none was."""
    query = sa.select(t.setting.c.value).where(t.setting.c.name == _BASIS)
    return str(db.scalar(query) or "")


def set_basis(db: Connection, digest: str) -> None:
    """Write down what every case is decided by from now on."""
    s = t.setting
    if db.execute(s.update().where(s.c.name == _BASIS).values(value=digest)).rowcount == 0:
        db.execute(s.insert().values(name=_BASIS, value=digest))


def find_foreign(db: Connection, issuer: PeerId, names: Collection[str]) -> dict[str, str]:
    """Our ids of those of ``issuer``'s cases that we have, by its own ids."""
    found: dict[str, str] = {}
    c = t.case.c
    for some in chunks(names):
        query = sa.select(c.foreign_id, c.id).where(
            c.foreign_issuer == issuer, c.foreign_id.in_(some)
        )
        found.update(db.execute(query).all())
    return found
