"""A mistake is taken back: at home, and abroad where it already went.

Verbs: ``withdraw`` (reports), ``take_back`` (only what went abroad of one).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy.engine import Connection

from gateway import seal
from gateway.edges.store import cases, ledger, records, streams
from gateway.edges.store.records import Filed, micros
from gateway.errors import NotFound, StepIllegal
from gateway.exchange.gateway import Gateway
from gateway.exchange.outbound import Saying, post, step
from gateway.model import CaseId, Kind, Noun, PeerId, SetId, Tlp
from gateway.protocol import Fate, Step
from gateway.redact import Hider
from gateway.retention import Class

SALT_BYTES = 32


class Withdrawn(Noun):
    """How many reports were taken back, SETs cancelled before sending, withdrawals queued."""

    reports: int
    cancelled: int
    withdrawals: int


def withdraw(gateway: Gateway, name: str, because: str) -> Withdrawn:
    """Take back the report ``name``, or every report of our own in the case ``name``.

    What no peer was ever sent is cancelled; what may have arrived is followed by a withdrawal.

    Raises:
        NotFound: there is no such case or report.
        StepIllegal: a peer reported it; only that peer can take it back.
    """
    now = gateway.now()
    cancelled = withdrawals = 0
    with gateway.store.write() as db:
        case = cases.get(db, name)
        filed = records.reports(db, case_id=case.id) if case else records.reports(db, ids=[name])
        if not filed:
            raise NotFound(f"there is no case or report {name}", hint="entente case list")
        ours = [report for report in filed if report.issuer == gateway.me]
        if not ours:
            raise StepIllegal(f"{name} was reported by {filed[0].issuer}; only it can withdraw it")
        standing = [report for report in ours if report.state != "withdrawn"]
        told = _told(gateway, db, [report.id for report in ours], because)
        for report in standing:
            one, other = take_back(gateway, db, report, because, now, told)
            cancelled, withdrawals = cancelled + one, withdrawals + other
            until = gateway.terms.until(Class.REPORT, micros(now))
            records.withdraw(db, report.id, because, until)
        said = {"reports": [report.id for report in standing], "because": because}
        ledger.append(db, micros(now), "withdrawn", said, gateway.draw(SALT_BYTES))
    return Withdrawn(reports=len(standing), cancelled=cancelled, withdrawals=withdrawals)


def _told(
    gateway: Gateway, db: Connection, reports: Sequence[str], because: str
) -> Callable[[PeerId], str]:
    """What each peer is told: the reason without anybody whom the mails name as recipient."""
    found = records.contents(db, reports).values()
    messages = [report.message for report in found if report.message is not None]
    addresses = dict.fromkeys(one for message in messages for one in message.recipients)
    names = dict.fromkeys(one for message in messages for one in message.recipient_names)

    @lru_cache
    def told(peer: PeerId) -> str:
        hider = Hider(gateway.keys.redaction(peer), tuple(addresses), tuple(names))
        return hider.hide(because)

    return told


def take_back(
    gateway: Gateway,
    db: Connection,
    report: Filed,
    because: str,
    now: datetime,
    told: Callable[[PeerId], str] | None = None,
) -> tuple[int, int]:
    """Take back every SET that reports ``report``; the report here stays as it is.

    Args:
        gateway: our own.
        db: the transaction.
        report: the one whose SETs are meant.
        because: the reason; it crosses as it is, unless ``told`` says what a peer is told.
        now: the time.
        told: see above.

    Returns:
        how many SETs never left, and how many withdrawals were queued.
    """
    cancelled = withdrawals = 0
    for posting in streams.postings_of_report(db, report.id):
        if posting.kind != Kind.REPORT:
            continue
        until = posting.delete_after or gateway.terms.until(Class.MESSAGE, micros(now))
        if not step(db, [posting], Step.WITHDRAW, {"why": because, "delete_after": until}):
            continue
        never_left = posting.state == Fate.EXPIRED and not posting.attempts
        if posting.state == Fate.QUEUED or never_left:
            cancelled += 1
            continue
        meant = SetId(issuer=gateway.me, jti=posting.jti)
        body = seal.WithdrawalBody(
            label=Tlp.AMBER,
            case=seal.CaseName(iss=gateway.me, id=CaseId(str(report.case_id))),
            follows=meant,
            reason=(told(PeerId(posting.peer)) if told else because)[:1000],
        )
        saying = Saying(
            kind=Kind.WITHDRAWAL,
            subject=seal.set_subject(meant),
            body=body,
            txn=report.id,
            report_id=report.id,
            case_id=report.case_id,
        )
        post(gateway, db, PeerId(posting.peer), [saying], now)
        withdrawals += 1
    return cancelled, withdrawals
