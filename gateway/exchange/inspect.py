"""What would be recorded of a mail and where it would go, without storing anything.

Verb: ``look``; its ``Finding`` is the JSON line of ``entente inspect --json``.
"""

from datetime import datetime

from gateway import redact, route
from gateway.config import Policy
from gateway.edges import clock
from gateway.edges.store import peers
from gateway.edges.store.records import Filed, micros
from gateway.errors import MustNotLeave, NotFound
from gateway.exchange.gateway import Gateway
from gateway.exchange.intake import NO_HOSTING, SALT_BYTES, category
from gateway.exchange.refer import as_sent as crossing
from gateway.incident import Shown, show
from gateway.model import (
    Attachment,
    Country,
    Hosting,
    Judgement,
    Link,
    Mailbox,
    Noun,
    Nowhere,
    Origin,
    PeerId,
    Report,
    Route,
    evolve,
)
from gateway.route import Standing
from gateway.trust import Register


class Letter(Noun, rename={"sender": "from"}):
    """The Message as it is shown."""

    subject: str | None
    sender: Mailbox | None
    date: datetime | None
    message_id: str | None
    envelope_sender: str | None
    size: int


class Going(Noun, omit_defaults=True):
    """The route as it is shown: a peer, or the code of the shelf."""

    reason: str
    peer: PeerId | None = None
    countries: tuple[Country, ...] = ()
    none: Nowhere | None = None


class Finding(Noun):
    """Everything that is found in one mail."""

    source: str
    sha256: str
    message: Letter | None
    origin: Origin | None
    hosting: Hosting | None
    links: tuple[Link, ...]
    attachments: tuple[Attachment, ...]
    category: Judgement | None
    campaign: str | None
    kit: str | None
    route: Going | None
    problems: tuple[str, ...]
    as_sent: str | None = None
    not_sent: str | None = None
    fields: tuple[Shown, ...] = ()


def look(
    gateway: Gateway | None, name: str, report: Report, *, as_sent: str = "", content: bytes = b""
) -> Finding:
    """What is found in ``report``.

    Args:
        gateway: our own, for its peers; None where there is no installation.
        name: where the mail came from.
        report: as read.
        as_sent: the peer whose view is wanted too, or empty.
        content: the complete source, for that view.

    Raises:
        NotFound: there is no such peer.
    """
    register = Register.of(())
    if gateway is not None:
        with gateway.store.read() as db:
            register = peers.register(db)
    goes = _goes(gateway, report, register) if report.parseable else None
    message = report.message
    document, not_sent = (
        _as_sent(gateway, register, as_sent, report, content) if as_sent else (None, None)
    )
    return Finding(
        source=name,
        sha256=report.source_sha256,
        message=Letter(
            subject=message.subject,
            sender=message.sender,
            date=message.date,
            message_id=message.message_id,
            envelope_sender=message.envelope_sender,
            size=message.size,
        )
        if message
        else None,
        origin=report.origin,
        hosting=report.hosting,
        links=message.links if message else (),
        attachments=message.attachments if message else (),
        category=report.judgement,
        campaign=(report.fingerprint.exact or None) if report.fingerprint else None,
        kit=(report.fingerprint.kit or None) if report.fingerprint else None,
        route=goes,
        problems=report.problems,
        as_sent=None if document is None else document.decode(),
        not_sent=not_sent,
        fields=show(report, document) if as_sent else (),
    )


def _goes(gateway: Gateway | None, report: Report, register: Register) -> Going:
    """Where the report alone would go: what others have reported of the campaign is left out.

    A mail that only has to wait for second thoughts is shown with its peer, and how long.
    """
    policy = gateway.config.policy if gateway else Policy()
    now = gateway.now() if gateway else clock.now()
    going = route.choose(
        report.origin,
        report.hosting,
        category(report),
        own=gateway.config.home_country if gateway else Country(""),
        register=register,
    )
    stamped = report.origin.stamped_at if report.origin else None
    standing = Standing(
        category=category(report),
        reporters=1,
        newest=min(stamped, now) if stamped else now,
        opened_at=now,
    )
    decided = route.hold(going, standing, policy, now)
    if decided.none is Nowhere.WAITING:
        wait = f"{policy.waiting_minutes} minutes after the report, for second thoughts"
        decided = evolve(going, reason=f"{going.reason}; {wait}")
    return Going(
        reason=decided.reason,
        peer=decided.peer,
        countries=_countries(decided, report.hosting),
        none=decided.none,
    )


def _countries(decided: Route, hosting: Hosting | None) -> tuple[Country, ...]:
    if decided.countries or hosting is None or hosting.country is None:
        return decided.countries
    return (hosting.country,)


def _as_sent(
    gateway: Gateway | None, register: Register, name: str, report: Report, content: bytes
) -> tuple[bytes | None, str | None]:
    """The document that the peer would get, or why it would get none.

    Ids, the time and the salt of its digests are made for this view only.
    """
    peer = register.peer(PeerId(name))
    if gateway is None or peer is None:
        raise NotFound(f"{name} is not on record", hint="entente peers list")
    now = micros(gateway.now())
    salt = gateway.draw(SALT_BYTES)
    filed = Filed(
        id=gateway.name(),
        issuer=gateway.me,
        source_sha256=report.source_sha256,
        reporter="",
        recorded_at=now,
        seen_at=now,
        state="filed",
        fate="kept",
        why="",
        origin=None,
        country=None,
        network=NO_HOSTING,
        category=str(category(report)),
        campaign=None,
        case_id="not-yet-a-case",
    )
    try:
        sent = crossing(gateway, peer, filed, report, (salt, redact.salted(salt, content)))
    except MustNotLeave as refused:
        return None, refused.detail
    return sent, None
