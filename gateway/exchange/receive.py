"""What a peer sends is judged by the gate, takes its effect and is receipted, all together.

The law: acceptance, effect, receipt, journal entry and the receipt's place in our stream are
kept in one transaction, or none of them; an answer leaves only afterwards. Verb: ``receive``.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.engine import Connection

from gateway import gate, protocol
from gateway.edges.store import ledger, peers, streams
from gateway.edges.store.records import micros
from gateway.edges.store.streams import Arrival, Conflict
from gateway.exchange import receipts
from gateway.exchange.effects import Effects
from gateway.exchange.gateway import Gateway
from gateway.formats.iodef_document import Document
from gateway.gate import Admitted, Again, Context, Decision, Known, Refusal
from gateway.model import Envelope, Kind, Opened, PeerId, SetId, Verdict, evolve
from gateway.retention import Class
from gateway.seal import ReceiptLine
from gateway.trust import Peer, Register

SALT_BYTES = 32

Outcome = Refusal | None
"""Why a SET was refused, or None where it is delivered."""


def receive(
    gateway: Gateway, door: PeerId, tokens: Mapping[str, bytes], *, named: bool
) -> dict[str, Outcome]:
    """Take in the SETs that ``door`` pushed.

    Args:
        gateway: our own.
        door: the peer that the door let in.
        tokens: the SETs, each under the name that the call gives it.
        named: whether that name must be the SET's ``jti``.

    Returns:
        for each name the refusal, or None where the SET is delivered.

    Raises:
        StorageFull: nothing was kept; the peer sends them again.
    """
    now = gateway.now()
    with gateway.store.read() as db:
        register = peers.register(db)
    outcome: dict[str, Outcome] = {}
    opened: dict[str, Opened] = {}
    for name, token in tokens.items():
        envelope = Envelope(token=token, door=door, received_at=now)
        try:
            found = gate.validate(envelope, register, gateway.me, now)
            if named:
                gate.name(found, name)
        except Refusal as refused:
            outcome[name] = refused
        else:
            opened[name] = found
    if opened:
        with gateway.store.write() as db:
            outcome |= _Sitting(gateway, db, register, door, now).take(opened)
    return {name: outcome[name] for name in tokens}


class _Sitting:
    """One transaction in which SETs of one peer are decided."""

    def __init__(
        self, gateway: Gateway, db: Connection, register: Register, door: PeerId, now: datetime
    ) -> None:
        self._gateway = gateway
        self._db = db
        self._register = register
        self._door = door
        self._now = now
        self._peer: Peer = register.peers[door]
        self._known: dict[str, Arrival] = {}
        self._reports: dict[str, str] = {}
        self._lines: list[ReceiptLine] = []

    def take(self, opened: Mapping[str, Opened]) -> dict[str, Outcome]:
        """Decide every SET, in the order of the call, and say what became of each."""
        jtis = {found.jti for found in opened.values()}
        self._known = streams.arrivals(self._db, self._door, jtis)
        ids = {name for found in opened.values() if (name := _incident_id(found)) is not None}
        self._reports = streams.accepted_reports(self._db, self._door, ids)
        outcome: dict[str, Outcome] = {}
        new: list[Opened] = []
        for name, found in opened.items():
            before = self._known.get(found.jti)
            try:
                again = gate.repeat(found, before.digest if before else None, self._register)
            except Refusal as refused:
                outcome[name] = refused
                self._keep(found, refused)
                continue
            outcome[name] = None
            if not again:
                new.append(found)
        self._decide(new)
        return outcome

    def _keep(self, found: Opened, refused: Refusal) -> None:
        """Keep another content under a known ``jti`` as evidence."""
        if refused.check.name == "conflict":
            at = micros(found.received_at)
            kept = Conflict(
                issuer=found.issuer,
                jti=found.jti,
                digest=found.digest,
                token=found.token,
                received_at=at,
                delete_after=self._gateway.terms.until(Class.MESSAGE, at),
            )
            streams.keep_conflict(self._db, kept)

    def _decide(self, new: Sequence[Opened]) -> None:
        effects = Effects(self._gateway, self._db, self._peer, self._now)
        effects.expect({name for found in new if (name := _case_id(found)) is not None})
        context = self._context()
        rows: list[Arrival] = []
        entered = 0
        for found in new:
            if found.kind is Kind.WITHDRAWAL or "supersedes" in found.event:
                # What it takes back may have come just before it, and has to stand by then.
                streams.arrive(self._db, rows[entered:])
                entered = len(rows)
            row, line = self._one(found, context, effects)
            rows.append(row)
            self._known[found.jti] = row
            if line is not None:
                self._lines.append(line)
        effects.settle()
        streams.arrive(self._db, rows[entered:])
        counted = [found.digest for found in new if found.kind is not Kind.HEAD]
        if counted:
            streams.advance(self._db, self._door, "in", counted)
        self._decide_held([found.jti for found in new], context)
        self._receipt([(row.jti, row.verdict) for row in rows])

    def _one(
        self, found: Opened, context: Context, effects: Effects
    ) -> tuple[Arrival, ReceiptLine | None]:
        decided = gate.decide(found, context)
        if isinstance(decided, Admitted):
            report_id, case_id = effects.of(decided)
            name = _incident_id(found)
            if decided.kind is Kind.REPORT and name is not None:
                self._reports[name] = found.jti
            row = _arrival(found, Verdict.ACCEPTED, report_id=report_id, case_id=case_id)
            return self._dated(row), self._line(found, None)
        return self._dated(_refused(found, decided)), self._line(found, decided)

    def _dated(self, row: Arrival) -> Arrival:
        """The row with the date on which its token goes."""
        until = self._gateway.terms.message_until(row.kind, row.received_at)
        return evolve(row, delete_after=until)

    def _line(self, found: Opened, decided: Decision | None) -> ReceiptLine | None:
        """The line of a receipt, where this kind is receipted at all."""
        if found.kind is not None and not protocol.RULES[found.kind].receipted:
            return None
        if decided is None:
            return ReceiptLine(
                jti=found.jti,
                digest=found.digest,
                received_at=found.received_at,
                verdict=Verdict.ACCEPTED,
            )
        return ReceiptLine(
            jti=found.jti,
            digest=found.digest,
            received_at=found.received_at,
            verdict=decided.verdict,
            check=decided.check.number,
            code=decided.check.code,
            claims=decided.claims if decided.verdict is Verdict.MISROUTED else (),
        )

    def _decide_held(self, arrived: Sequence[str], context: Context) -> None:
        """Decide those SETs again that waited for one of ``arrived``."""
        for waiting in streams.held(self._db, self._door, arrived):
            envelope = Envelope(token=waiting.token or b"", door=self._door, received_at=self._now)
            try:
                found = gate.validate(envelope, self._register, self._gateway.me, self._now)
            except Refusal:
                continue
            effects = Effects(self._gateway, self._db, self._peer, self._now)
            row, line = self._one(found, context, effects)
            effects.settle()
            if row.verdict != Verdict.HELD and line is not None:
                streams.decide(self._db, str(Verdict.HELD), row)
                self._lines.append(line)

    def _context(self) -> Context:
        return Context(
            me=self._gateway.me,
            peer=self._peer,
            now=self._now,
            countries=frozenset({self._gateway.config.home_country}),
            locate=self._gateway.locate,
            find=self._find,
            report=self._report,
        )

    def _find(self, meant: SetId) -> Known | None:
        """A SET that passed between this peer and us."""
        if meant.issuer == self._gateway.me:
            sent = streams.postings(self._db, self._door, [meant.jti]).get(meant.jti)
            return Known(kind=Kind(sent.kind), issuer=meant.issuer) if sent else None
        if meant.issuer != self._door:
            return None
        before = self._known.get(meant.jti) or streams.arrivals(
            self._db, self._door, [meant.jti]
        ).get(meant.jti)
        if before is None:
            return None
        # A kind that this version does not know can be followed by nothing that it does.
        kind = Kind(before.kind) if before.kind in set(Kind) else Kind.HEAD
        return Known(kind=kind, issuer=meant.issuer)

    def _report(self, incident_id: str) -> SetId | None:
        jti = self._reports.get(incident_id)
        return SetId(issuer=self._door, jti=jti) if jti else None

    def _receipt(self, decided: Sequence[tuple[str, str]]) -> None:
        """Enter what was decided in the journal, and receipt it with the journal's new head."""
        if not decided:
            return
        at = micros(self._now)
        said = {"peer": self._door, "sets": decided}
        entry = ledger.append(self._db, at, "received", said, self._gateway.draw(SALT_BYTES))
        receipts.owe(self._gateway, self._db, self._door, self._lines, entry)


def later(refused: Refusal) -> bool:
    """Whether a refused SET may come again as it is."""
    return refused.check.again is Again.LATER


def _incident_id(found: Opened) -> str | None:
    """The id of the report inside, as far as it can be seen without judging the document."""
    document = found.event.get("iodef")
    if isinstance(document, Document):
        return document.incidents[0].incident_id.id
    try:
        name = found.event["iodef"]["Incident"][0]["IncidentID"]["id"]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return None
    return name if isinstance(name, str) else None


def _case_id(found: Opened) -> str | None:
    """The case that the SET names, as far as it can be seen without judging the event."""
    case = found.event.get("case")
    name = case.get("id") if isinstance(case, dict) else None
    return name if isinstance(name, str) else None


def _arrival(
    found: Opened,
    verdict: Verdict,
    *,
    report_id: str | None = None,
    case_id: str | None = None,
) -> Arrival:
    return Arrival(
        issuer=found.issuer,
        jti=found.jti,
        kind=str(found.kind or "unknown"),
        digest=found.digest,
        token=found.token,
        verdict=str(verdict),
        received_at=micros(found.received_at),
        txn=found.txn,
        report_id=report_id,
        case_id=case_id,
    )


def _refused(found: Opened, decided: Decision) -> Arrival:
    return Arrival(
        issuer=found.issuer,
        jti=found.jti,
        kind=str(found.kind or "unknown"),
        digest=found.digest,
        token=found.token,
        verdict=str(decided.verdict),
        received_at=micros(found.received_at),
        code=decided.check.code,
        why=f"{decided.check.number} {decided.check.name}: {decided.why}"[:1000],
        txn=found.txn,
        follows=decided.waits_for.jti if decided.waits_for else None,
    )
