"""What the demo shows, read back from the stores: no figure is carried past them.

The law: read only; a number that the screen shows was counted in a database after the fact.
Verbs: ``by_country``, ``nowhere``, ``followed``, ``reports``, ``taken``, ``altered``.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway.edges.store import Store, cases, records, streams
from gateway.edges.store import schema as t
from gateway.edges.store.streams import Posting
from gateway.errors import JsonInvalid
from gateway.model import Case, Category, HostingClaim, Kind, Noun, PeerId, Report
from gateway.protocol import Fate
from gateway.strict_json import read_object
from gateway.trust import jws

_ACCEPTED = frozenset({Fate.ACCEPTED, Fate.DUPLICATE})
_REFUSED = frozenset(
    {Fate.REJECTED, Fate.REFUSED, Fate.MISROUTED, Fate.UNSUPPORTED, Fate.UNPROVED, Fate.EXPIRED}
)
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

Stores = Mapping[PeerId, Store]
"""The stores of the demo, by whose they are."""


class CountryLine(Noun):
    """One country's line: ``home`` are the reports that were sent nowhere."""

    country: str
    reports: int = 0
    cases: int = 0
    accepted: int = 0
    refused: int = 0
    waiting: int = 0
    home: int = 0


class Shelf(Noun):
    """A reason to send nothing: its code, the reason of one of its cases, how many there are."""

    code: str
    reason: str
    cases: int
    reports: int


class Followed(Noun):
    """One report on its whole way; ``fields`` are the header fields that stayed at home.

    ``receipt_digest`` is the SHA-256 of the receipt as it came, ``digest`` of the SET as it went.
    """

    report: Report
    case: Case
    decided: HostingClaim
    fields: tuple[str, ...]
    link: tuple[str, str] | None
    peer: PeerId
    jti: str
    digest: str
    receipt: str
    receipt_digest: str


class Altered(Noun):
    """A SET of ours with one byte changed, ``place`` bytes from its beginning."""

    peer: PeerId
    jti: str
    place: int
    was: str
    now: str
    token: bytes


def reports(me: PeerId, store: Store) -> int:
    """How many reports an association's own citizens have made."""
    r = t.report.c
    with store.read() as db:
        return int(db.scalar(sa.select(sa.func.count()).where(r.issuer == me)) or 0)


def taken(store: Store) -> int:
    """How many SETs an association has taken in from abroad."""
    with store.read() as db:
        return int(db.scalar(sa.select(sa.func.count()).select_from(t.received)) or 0)


def proved(store: Store) -> int:
    """How many of an association's reports a receipt from abroad proves accepted."""
    s = t.sent.c
    query = sa.select(sa.func.count()).where(
        s.kind == str(Kind.REPORT), s.state.in_(_ACCEPTED), s.proved_at.is_not(None)
    )
    with store.read() as db:
        return int(db.scalar(query) or 0)


def by_country(stores: Stores) -> list[CountryLine]:
    """The reports of all associations by the country of the sender, the most reports first."""
    found: dict[str, CountryLine] = defaultdict(lambda: CountryLine(country=""))
    r, s, c = t.report.c, t.sent.c, t.case.c
    one = sa.func.count()
    sent = sa.and_(s.report_id == r.id, s.kind == str(Kind.REPORT))
    for me, store in stores.items():
        mine = sa.select(r.country, s.state, one).join_from(t.report, t.sent, sent, isouter=True)
        with store.read() as db:
            rows = db.execute(mine.where(r.issuer == me).group_by(r.country, s.state))
            for country, state, number in rows:
                _count(found, country or "", state, number)
            opened = sa.select(c.country, one).where(c.foreign_issuer == "").group_by(c.country)
            for country, number in db.execute(opened):
                line = found[country]
                found[country] = msgspec.structs.replace(line, cases=line.cases + number)
    lines = [msgspec.structs.replace(line, country=name) for name, line in found.items()]
    return sorted(lines, key=lambda line: (not line.country, -line.reports, line.country))


def _count(found: dict[str, CountryLine], country: str, state: str | None, number: int) -> None:
    name = (
        "home"
        if state is None
        else "accepted"
        if state in _ACCEPTED
        else "refused"
        if state in _REFUSED
        else "waiting"
    )
    line = found[country]
    changes = {"reports": line.reports + number, name: getattr(line, name) + number}
    found[country] = msgspec.structs.replace(line, **changes)


def nowhere(stores: Stores) -> list[Shelf]:
    """What was sent nowhere, by reason, the most reports first."""
    found: dict[str, Shelf] = {}
    c, r = t.case.c, t.report.c
    shelves = (
        sa.select(c.shelf, sa.func.min(c.reason), sa.func.count(), sa.func.sum(c.reports))
        .where(c.foreign_issuer == "", c.shelf.is_not(None))
        .group_by(c.shelf)
    )
    unread = sa.select(sa.func.count(), sa.func.min(r.why)).where(r.state == "unparseable")
    for me, store in stores.items():
        with store.read() as db:
            rows = [
                Shelf(code=a, reason=b, cases=n, reports=m) for a, b, n, m in db.execute(shelves)
            ]
            number, why = db.execute(unread.where(r.issuer == me)).one()
        if number:
            rows.append(Shelf(code="unparseable", reason=why, cases=0, reports=number))
        for row in rows:
            before = found.get(row.code)
            if before is not None:
                total = {"cases": before.cases + row.cases, "reports": before.reports + row.reports}
                row = msgspec.structs.replace(before, **total)  # noqa: PLW2901 - the sum so far
            found[row.code] = row
    return sorted(found.values(), key=lambda shelf: -shelf.reports)


def followed(store: Store) -> Followed | None:
    """A report that a receipt proves accepted, the most telling one; None where there is none."""
    found = [one for one in _followable(store) if one is not None]
    return max(found, key=_telling, default=None)


def _telling(one: Followed) -> tuple[bool, bool, int, int]:
    origin = one.report.origin
    judged = one.case.category is not Category.OTHER
    return (judged, one.link is not None, len(origin.claimed) if origin else 0, one.case.reports)


def _followable(store: Store) -> Iterable[Followed | None]:
    s = t.sent.c
    query = (
        sa.select(s.peer, s.jti)
        .where(s.kind == str(Kind.REPORT), s.state.in_(_ACCEPTED), s.receipt.is_not(None))
        .order_by(s.place)
        .limit(60)
    )
    with store.read() as db:
        for peer, jti in db.execute(query).all():
            posting = streams.postings(db, peer, [jti], whole=True)[jti]
            yield _follow(db, PeerId(peer), posting)


def _follow(db: Connection, peer: PeerId, posting: Posting) -> Followed | None:
    report = records.contents(db, [str(posting.report_id)]).get(str(posting.report_id))
    case = cases.get(db, str(posting.case_id))
    proof = streams.arrivals(db, peer, [str(posting.receipt)]).get(str(posting.receipt))
    if report is None or case is None or proof is None or posting.token is None:
        return None
    message, hosting = report.message, report.hosting
    if message is None or hosting is None:
        return None
    sent = jws.split(posting.token, len(posting.token)).payload.decode()
    names = dict.fromkeys(name for name, _ in message.headers if f'"{name}"' not in sent)
    crossed = {"Subject", "Received", "Return-Path"}
    decided = next(
        (c for c in hosting.claims if c.kind == "registration" and c.country == hosting.country),
        None,
    )
    if decided is None:
        return None
    return Followed(
        report=report,
        case=case,
        decided=decided,
        fields=tuple(name for name in names if name.title() not in crossed),
        link=_link(message.recipients, [link.url for link in message.links], sent),
        peer=peer,
        jti=posting.jti,
        digest=posting.digest.hex(),
        receipt=proof.jti,
        receipt_digest=proof.digest.hex(),
    )


def _link(recipients: Sequence[str], urls: Sequence[str], sent: str) -> tuple[str, str] | None:
    """A link that names the recipient, and as it stands in what was sent."""
    url = next((url for url in urls if any(name in url for name in recipients)), None)
    if url is None:
        return None
    before = url[: min(url.index(name) for name in recipients if name in url)]
    crossed = [text for text in _texts(msgspec.json.decode(sent)) if text.startswith(before)]
    return (url, crossed[0]) if crossed else None


def _texts(tree: object) -> Iterable[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _texts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _texts(value)


def altered(store: Store) -> Altered | None:
    """A SET that went out, with one byte changed so that what it says is still well formed."""
    s = t.sent.c
    query = sa.select(s.peer, s.jti, s.token).where(s.kind == str(Kind.REPORT)).order_by(s.place)
    with store.read() as db:
        row = db.execute(query.where(s.state.in_(_ACCEPTED)).limit(1)).first()
    if row is None:
        return None
    first = row.token.index(b".") + 1
    middle = (first + row.token.rindex(b".")) // 2
    for place in range(middle, row.token.rindex(b".")):
        for other in _ALPHABET:
            changed = row.token[:place] + bytes([other]) + row.token[place + 1 :]
            if other != row.token[place] and _well_formed(changed):
                was, now = chr(row.token[place]), chr(other)
                return Altered(
                    peer=PeerId(row.peer), jti=row.jti, place=place, was=was, now=now, token=changed
                )
    return None


def _well_formed(token: bytes) -> bool:
    try:
        read_object(jws.split(token, len(token)).payload)
    except JsonInvalid:
        return False
    return True
