"""What an admitted SET does here: files a report, takes one back, proves what we sent.

Everything happens in the caller's transaction. Verbs: ``Effects.of`` and ``Effects.settle``.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy.engine import Connection

from gateway.edges import clock
from gateway.edges.store import cases, ledger, records, streams
from gateway.edges.store.records import Filed, micros
from gateway.exchange import receipts
from gateway.exchange.gateway import Gateway
from gateway.exchange.outbound import step
from gateway.gate import Admitted
from gateway.incident import Reported
from gateway.model import Hosting, Kind, Nowhere, Route, SetId, Verdict
from gateway.protocol import Fate, Step
from gateway.retention import Class
from gateway.seal import (
    HeadBody,
    ReceiptBody,
    ReceiptLine,
    ReceiptWantedBody,
    ReportBody,
    WithdrawalBody,
)
from gateway.trust import Peer

SALT_BYTES = 32
Named = tuple[str | None, str | None]
"""The report and the case that a SET is about here, where there are any."""


class Effects:
    """The effects of one sitting; new reports are gathered and written by ``settle``."""

    def __init__(self, gateway: Gateway, db: Connection, peer: Peer, now: datetime) -> None:
        self._gateway = gateway
        self._db = db
        self._peer = peer
        self._now = now
        self._at = micros(now)
        self._filed: list[Filed] = []
        self._cases: dict[str, str] = {}
        self._looked_up: set[str] = set()
        self._opened: list[dict[str, object]] = []
        self._by_jti: dict[str, Filed] = {}

    def of(self, admitted: Admitted) -> Named:
        """Do what ``admitted`` asks; the report and case it is about come back."""
        body = admitted.body
        if admitted.reported is not None and admitted.hosting is not None:
            meant = body.supersedes if isinstance(body, ReportBody) else None
            if meant is not None:
                standing = self._supersede(meant, admitted.reported, admitted.hosting)
                if standing is not None:
                    return standing
            return self._file(admitted.opened.jti, admitted.reported, admitted.hosting)
        if isinstance(body, WithdrawalBody) and admitted.meant is not None:
            return self._withdraw(admitted.meant, body.reason or "")
        if isinstance(body, ReceiptBody):
            self._prove(admitted.opened.jti, body)
        elif isinstance(body, HeadBody):
            self._compare(body)
        elif isinstance(body, ReceiptWantedBody):
            self._receipt_again(body)
        return None, None

    def expect(self, cases_named: Collection[str]) -> None:
        """Look up at once our cases for those of the peer's that are about to be spoken of."""
        self._cases |= cases.find_foreign(self._db, self._peer.id, cases_named)
        self._looked_up.update(cases_named)

    def settle(self) -> None:
        """Write the reports gathered so far and count them into their cases."""
        cases.open_cases(self._db, self._opened)
        records.file_reports(self._db, self._filed, {})
        seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for filed in self._filed:
            seen[str(filed.case_id)].append((filed.id, filed.seen_at))
        cases.count(self._db, seen)
        self._filed, self._opened = [], []

    def _file(self, jti: str, reported: Reported, hosting: Hosting) -> Named:
        stamped = reported.stamped_at or reported.generated_at
        case_id = self._case(reported, hosting, min(micros(stamped), self._at))
        filed = Filed(
            id=self._gateway.name(),
            issuer=self._peer.id,
            source_sha256=reported.report_id,
            reporter="",
            recorded_at=self._at,
            seen_at=min(micros(stamped), self._at),
            state="filed",
            fate="kept",
            why="",
            origin=reported.address,
            country=hosting.country,
            network=hosting.network,
            category=str(reported.category),
            campaign=None,
            case_id=case_id,
            delete_after=self._until(Class.REPORT),
        )
        self._filed.append(filed)
        self._by_jti[jti] = filed
        return filed.id, case_id

    def _supersede(self, meant: SetId, reported: Reported, hosting: Hosting) -> Named | None:
        """Put a report in the place of what ``meant`` said; None where it is another report."""
        self.settle()
        before = streams.arrivals(self._db, self._peer.id, [meant.jti]).get(meant.jti)
        if before is None or before.report_id is None:
            return None
        gone = msgspec.structs.replace(before, verdict=str(Fate.SUPERSEDED))
        streams.decide(self._db, before.verdict, gone)
        (filed,) = records.reports(self._db, ids=[before.report_id])
        if filed.source_sha256 != reported.report_id:
            until = self._until(Class.REPORT)
            records.withdraw(self._db, filed.id, f"superseded by {reported.report_id}", until)
            return None
        records.amend(
            self._db,
            msgspec.structs.replace(
                filed,
                origin=reported.address,
                country=hosting.country,
                network=hosting.network,
                category=str(reported.category),
            ),
        )
        records.reinstate(self._db, filed.id)
        return filed.id, filed.case_id

    def _case(self, reported: Reported, hosting: Hosting, at: int) -> str:
        """Our case for the sender's: one of its cases is one of ours, whatever we would think."""
        foreign = str(reported.case_id)
        if foreign not in self._looked_up:
            self.expect([foreign])
        if foreign not in self._cases:
            self._cases[foreign] = clock.case_id(self._gateway.config.home_country)
            self._opened.append(
                {
                    "id": self._cases[foreign],
                    "campaign": "",
                    "country": hosting.country or "",
                    "network": hosting.network,
                    "category": str(reported.category),
                    "peer": None,
                    "shelf": str(Nowhere.OWN_COUNTRY),
                    "reason": f"{self._peer.name} referred it to us",
                    "reports": 0,
                    "reporters": 0,
                    "first_seen": at,
                    "last_seen": at,
                    "opened_at": self._at,
                    "foreign_issuer": self._peer.id,
                    "foreign_id": foreign,
                }
            )
        return self._cases[foreign]

    def _withdraw(self, meant: SetId, because: str) -> Named:
        self.settle()
        filed = self._by_jti.get(meant.jti)
        before = streams.arrivals(self._db, self._peer.id, [meant.jti]).get(meant.jti)
        if before is not None:
            gone = msgspec.structs.replace(
                before,
                verdict=str(Fate.WITHDRAWN),
                why=because[:1000],
                delete_after=before.delete_after or self._until(Class.MESSAGE),
            )
            streams.decide(self._db, before.verdict, gone)
        report_id = filed.id if filed else (before.report_id if before else None)
        case_id = filed.case_id if filed else (before.case_id if before else None)
        if report_id is not None:
            records.withdraw(self._db, report_id, because, self._until(Class.REPORT))
        return report_id, case_id

    def _until(self, kind: Class) -> int | None:
        """When what is written now has to go."""
        return self._gateway.terms.until(kind, self._at)

    def _prove(self, receipt: str, body: ReceiptBody) -> None:
        """Write what a receipt proves; a line with another digest proves nothing."""
        lines = {line.jti: line for line in body.lines}
        found = streams.postings(self._db, self._peer.id, list(lines))
        wrong: list[str] = []
        for verdict in Verdict:
            some = [p for p in found.values() if lines[p.jti].verdict is verdict]
            right = [p for p in some if lines[p.jti].digest == p.digest]
            wrong += [p.jti for p in some if lines[p.jti].digest != p.digest]
            if not right:
                continue
            # Whoever receipts a SET has it, though the answer that would have said so was lost.
            unsaid = [p for p in right if p.delivered_at is None and p.kind != Kind.HEAD]
            if unsaid:
                streams.advance(self._db, self._peer.id, "out", [p.digest for p in unsaid])
                delivered = [(p.jti, p.state, {"delivered_at": self._at}) for p in unsaid]
                streams.move(self._db, self._peer.id, delivered)
            if verdict in {Verdict.ACCEPTED, Verdict.DUPLICATE}:
                new: dict[str, object] = {"proved_at": self._at, "receipt": receipt}
                step(self._db, right, Step(verdict), new)
                continue
            for posting in right:
                why = _in_words(lines[posting.jti])
                new = {"proved_at": self._at, "receipt": receipt, "why": why}
                moved = step(self._db, [posting], Step(verdict), new)
                if verdict is Verdict.MISROUTED and posting.case_id and moved:
                    reason = f"{self._peer.name} places it elsewhere: {why}"
                    route = Route(none=Nowhere.MISROUTED, reason=reason)
                    cases.routed(self._db, {posting.case_id: route}, 0)
        unknown = [jti for jti in lines if jti not in found]
        if wrong or unknown:
            said = {"peer": self._peer.id, "receipt": receipt, "wrong": wrong, "unknown": unknown}
            salt = self._gateway.draw(SALT_BYTES)
            ledger.append(self._db, self._at, "receipt-disputed", said, salt)
            for jti in wrong:
                why = "a receipt came that names another digest"
                streams.move(self._db, self._peer.id, [(jti, found[jti].state, {"why": why})])

    def _compare(self, body: HeadBody) -> None:
        """Compare what the peer says it delivered with what we have."""
        here = streams.place(self._db, self._peer.id, "in")
        found = {
            "epoch": body.epoch,
            "delivered": body.place,
            "here": here.number,
            "same": here.number == body.place and here.digest == body.digest,
            "at": self._at,
        }
        streams.set_head(self._db, self._peer.id, msgspec.json.encode(found))

    def _receipt_again(self, body: ReceiptWantedBody) -> None:
        """Receipt again what the peer asks about, as far as it ever came."""
        came = streams.arrivals(self._db, self._peer.id, body.jtis)
        last = ledger.last(self._db)
        if not came or last is None:
            return
        lines = [
            ReceiptLine(
                jti=arrival.jti,
                digest=arrival.digest,
                received_at=records.moment(arrival.received_at),
                verdict=_verdict(arrival.verdict),
                code=arrival.code or None,
            )
            for arrival in came.values()
        ]
        receipts.owe(self._gateway, self._db, self._peer.id, lines, last)


def _verdict(stored: str) -> Verdict:
    """The verdict of what is stored; what was withdrawn later had been accepted."""
    return Verdict(stored) if stored in set(Verdict) else Verdict.ACCEPTED


def _in_words(line: ReceiptLine) -> str:
    claims = ", ".join(f"{c.source} ({c.as_of}): {c.country}" for c in line.claims if c.country)
    return f"{line.check or ''} {line.code or ''}".strip() + (f" ({claims})" if claims else "")
