"""Reports of routed cases become signed SETs in the stream to the peer that serves the country.

The law: a report is referred once. Composing and signing are done outside the transaction; the
transaction takes the result only if no report of the batch was referred meanwhile.
Verbs: ``refer``, and ``Referring`` batch by batch.
"""

from urllib.parse import urlsplit

import msgspec

from gateway import incident, seal
from gateway.edges.store import ledger, records, streams
from gateway.edges.store.records import Filed, micros, moment
from gateway.edges.store.streams import Posting
from gateway.errors import MustNotLeave
from gateway.exchange.gateway import Gateway
from gateway.exchange.outbound import Saying, sealed
from gateway.model import (
    CaseId,
    Category,
    Judgement,
    Kind,
    Noun,
    PeerId,
    Report,
    ReportId,
    SetId,
    Tlp,
    evolve,
)
from gateway.trust import Peer

BATCH = 200
SALT_BYTES = 32


class Referred(Noun):
    """How many reports were referred, and how many could not leave (each says why)."""

    reports: int = 0
    kept: int = 0


def refer(gateway: Gateway, peer: Peer) -> Referred:
    """Refer every report that waits for ``peer``; safe to run again, or twice at once."""
    referring = Referring(gateway, peer)
    while referring.step():
        pass
    return referring.done


class Referring:
    """Referring to one peer, batch by batch; ``done`` says how far it came."""

    def __init__(self, gateway: Gateway, peer: Peer) -> None:
        self._gateway = gateway
        self._peer = peer
        self.done = Referred()

    def step(self) -> bool:
        """Refer the next batch of reports; false if none waits."""
        gateway, peer = self._gateway, self._peer
        with gateway.store.read() as db:
            waiting = records.to_refer(db, peer.id, BATCH)
            contents = records.contents(db, [filed.id for filed in waiting])
            salts = records.salts(db, [filed.source_sha256 for filed in waiting])
            said = streams.last_reported(db, peer.id, [filed.id for filed in waiting])
        if not waiting:
            return False
        now = gateway.now()
        postings: list[Posting] = []
        stuck: dict[str, str] = {}
        for filed in waiting:
            try:
                report, salt = contents[filed.id], salts[filed.source_sha256]
                saying = _saying(gateway, peer, filed, report, salt, said.get(filed.id))
                postings.append(sealed(gateway, peer.id, saying, now))
            except MustNotLeave as error:
                stuck[filed.id] = error.detail
            except KeyError:
                stuck[filed.id] = "what was read of it is no longer kept"
        self.done = _append(gateway, peer.id, postings, stuck, self.done)
        return True


def _append(
    gateway: Gateway,
    peer: PeerId,
    postings: list[Posting],
    stuck: dict[str, str],
    done: Referred,
) -> Referred:
    ids = [str(posting.report_id) for posting in postings]
    with gateway.store.write() as db:
        if records.refer(db, ids) != len(ids):
            # Another worker referred some of them first; what it did stands.
            db.rollback()
            return done
        for report_id, why in stuck.items():
            records.refer(db, [report_id], why=f"stays here: {why}")
        streams.append(db, peer, postings)
        said = {"peer": peer, "sets": [[p.jti, p.digest.hex()] for p in postings]}
        ledger.append(db, micros(gateway.now()), "referred", said, gateway.draw(SALT_BYTES))
    return Referred(reports=done.reports + len(ids), kept=done.kept + len(stuck))


def _saying(
    gateway: Gateway,
    peer: Peer,
    filed: Filed,
    report: Report,
    salt: tuple[bytes, bytes],
    before: str | None,
) -> Saying:
    """The event of a report; it stands in the place of ``before``, a SET that was taken back."""
    document = as_sent(gateway, peer, filed, report, salt)
    case = seal.CaseName(iss=gateway.me, id=CaseId(str(filed.case_id)))
    return Saying(
        kind=Kind.REPORT,
        subject=seal.case_subject(case.id),
        body=seal.ReportBody(
            case=case,
            iodef=msgspec.Raw(document),
            label=Tlp.AMBER,
            supersedes=SetId(issuer=gateway.me, jti=before) if before else None,
        ),
        txn=filed.id,
        report_id=filed.id,
        case_id=filed.case_id,
    )


def as_sent(
    gateway: Gateway, peer: Peer, filed: Filed, report: Report, salt: tuple[bytes, bytes]
) -> bytes:
    """The interchange document of a report exactly as ``peer`` gets it, in JSON.

    Raises:
        MustNotLeave: it names no host, was judged legitimate, or holds something that may not
            cross the border.
    """
    host = str(urlsplit(gateway.me).hostname)
    mailbox = gateway.config.mailbox or f"abuse@{host}"
    crossing = incident.Crossing(
        fqdn=host,
        report_id=ReportId(filed.id),
        case_id=CaseId(str(filed.case_id)),
        tlp=Tlp.AMBER,
        generated_at=gateway.now(),
        reported_at=moment(filed.recorded_at),
        contact_name=gateway.config.name,
        contact_mailbox=mailbox,
        salt=salt[0],
        source_digest=salt[1],
        hider=incident.hider(
            report,
            gateway.keys.redaction(peer.id),
            contact_name=gateway.config.name,
            contact_mailbox=mailbox,
        ),
    )
    now_called = Category(filed.category)
    if now_called is Category.LEGITIMATE:
        raise MustNotLeave("it was judged legitimate, so it accuses nobody")
    report = evolve(report, judgement=_called(report.judgement, now_called))
    return incident.outgoing(report, crossing)


def _called(machine: Judgement | None, now: Category) -> Judgement:
    """What the peer reads the Message is called; why a person judged otherwise stays here."""
    if machine is not None and machine.value is now:
        return machine
    return Judgement(value=now, why="judged so by a person")
