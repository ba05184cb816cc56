"""The nouns of the road, frozen (DESIGN: words). No disk, no network, no clock here.

Every noun is a frozen msgspec struct made by keyword; ``evolve`` gives a changed copy. Times
are aware and in UTC. Because msgspec encodes these structs directly, one definition serves the
child process that reads a mail, the store, and ``entente inspect --json``.
"""

from datetime import datetime
from enum import StrEnum
from typing import NewType

from gateway.handover import Claimed, Likelier, Origin, Passage, Provider, Said
from gateway.noun import Confidence, Noun, evolve, utc

__all__ = [
    "Claimed",
    "Confidence",
    "Likelier",
    "Noun",
    "Origin",
    "Passage",
    "Provider",
    "Said",
    "evolve",
    "utc",
]
Country = NewType("Country", str)
"""ISO 3166-1 alpha-2, upper case; never EU, AP or ZZ, which are no countries."""
PeerId = NewType("PeerId", str)
"""An association's identifier: its HTTPS URL, without fragment, query or trailing slash."""
CaseId = NewType("CaseId", str)
ReportId = NewType("ReportId", str)


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0, from the widest audience to the narrowest."""

    CLEAR = "TLP:CLEAR"
    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    RED = "TLP:RED"


class Category(StrEnum):
    """What a Message is; ``other`` rather than a guess.

    ``legitimate`` is what its reader asked for, private mail or a mistake: it accuses nobody and
    never crosses the border.
    """

    SPAM = "spam"
    PHISHING = "phishing"
    MALWARE = "malware"
    ADVANCE_FEE = "advance-fee"
    OTHER = "other"
    LEGITIMATE = "legitimate"


# What was read of a mail.


class Mailbox(Noun):
    """One mailbox of an address header (RFC 5322 §3.4), decoded."""

    name: str | None
    address: str


class Link(Noun):
    """A link found in a mail; never fetched, never resolved.

    ``host`` is ASCII and lower case (punycode), or an IP address in canonical form; ``country``
    is known only where the host is an address.
    """

    url: str
    host: str
    country: Country | None = None


class Attachment(Noun):
    """An attachment by name, type, size in bytes and the SHA-256 of its decoded bytes (hex)."""

    name: str | None
    media_type: str
    size: int
    sha256: str


class Message(Noun):
    """The mail that is complained about, as far as it is kept beside its source.

    ``headers`` are (name, unfolded raw value) in the order of the mail, newest trace first.
    ``recipients`` are every address, and ``recipient_names`` every display name, that the mail
    shows to be on the receiving side: they serve redaction and never leave the country.
    ``links`` and ``attachments`` are clipped; the totals count them all.
    """

    sha256: str
    size: int
    subject: str | None
    sender: Mailbox | None
    envelope_sender: str | None
    date: datetime | None
    message_id: str | None
    headers: tuple[tuple[str, str], ...]
    recipients: tuple[str, ...] = ()
    recipient_names: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    links_total: int = 0
    attachments: tuple[Attachment, ...] = ()
    attachments_total: int = 0


# Where it was handed over from; who did stands in ``gateway.handover``.


class HostingClaim(Noun):
    """What one source says of an address.

    ``kind`` is ``registration`` (whois, delegated files), ``geolocation``, ``as``, or
    ``decision`` (an officer's, where registrations dispute each other). Only claims of
    registration can dispute each other. ``as_of`` is the source's date. ``register`` says that
    the source is a registry's own file; ``because`` is the officer's reason, which stays here.
    """

    country: Country | None
    kind: str
    source: str
    as_of: str
    prefix: str | None = None
    register: bool = False
    because: str = ""


class Hosting(Noun):
    """Where an address is hosted: the country of registration, with every claim beside it.

    ``network`` names the sender's network for a case: the AS number or name where known, else
    the /24 or /48 around the address. ``none`` says why there is no country: ``private``,
    ``shared``, ``reserved``, ``documentation``, ``multicast``, ``embedded``, ``loopback``,
    ``unknown`` (no source knows it) or ``no_country`` (EU, AP, ZZ). ``settled`` says by which
    rule the country was found where registrations contradict each other: ``narrower``,
    ``register``, ``newer`` or ``decision``; where none settles it, it is ``disputed``.
    """

    address: str
    country: Country | None
    network: str
    prefix: str | None = None
    asn: int | None = None
    as_name: str | None = None
    claims: tuple[HostingClaim, ...] = ()
    disputed: bool = False
    settled: str | None = None
    confidence: Confidence = Confidence.LOW
    none: str | None = None


# What it is and what it belongs to.


class Judgement(Noun):
    """A category with its reason in words."""

    value: Category
    why: str


class Correction(Noun):
    """A judgement by hand about the case or report ``about``; ``was`` is what stood before."""

    about: str
    category: Category
    was: Category
    because: str
    at: datetime


class Fingerprint(Noun):
    """What makes two Messages one mailing.

    ``exact`` is the hex digest of the folded visible text; ``marks`` the bottom of the hashes of
    its neighbouring words (a sketch), sorted; ``words`` how many words there were. ``lead``,
    ``topic`` and ``brand`` are 16-bit codes of single words: of the long words with which the
    body opens and of the subject's, in their order, and of what the sender calls himself and
    keeps saying.
    ``kit`` names what the mail was made with; empty where nothing shows it.
    """

    exact: str
    marks: tuple[int, ...]
    words: int
    lead: tuple[int, ...] = ()
    topic: tuple[int, ...] = ()
    brand: tuple[int, ...] = ()
    kit: str = ""


class Complaint(Noun):
    """How the complaint came: as a bare mail, wrapped in one, or as a feedback report.

    ``fields`` are the reporter's own claims (ARF: RFC 5965 §3), kept as (name, value).
    """

    form: str
    feedback_type: str | None = None
    fields: tuple[tuple[str, str], ...] = ()


class Report(Noun):
    """One complaint about one received mail, read and traced.

    A report that hit a bound has no ``message``; ``problems`` says which. Nothing here names
    the reporter: the pseudonym stands in the store only.
    """

    source_sha256: str
    source_size: int
    complaint: Complaint
    message: Message | None = None
    origin: Origin | None = None
    hosting: Hosting | None = None
    judgement: Judgement | None = None
    fingerprint: Fingerprint | None = None
    problems: tuple[str, ...] = ()

    @property
    def parseable(self) -> bool:
        """Whether a mail could be read out of the source."""
        return self.message is not None


# Where it goes.


class Nowhere(StrEnum):
    """Why a case goes nowhere by itself; each is a shelf, the last five are held by policy."""

    OWN_COUNTRY = "own_country"
    NO_PEER = "no_peer"
    DISPUTED = "disputed"
    UNKNOWN_COUNTRY = "unknown_country"
    PRIVATE_ADDRESS = "private_address"
    NO_ORIGIN = "no_origin"
    NOT_AGREED = "not_agreed"
    MISROUTED = "misrouted"
    LEGITIMATE = "legitimate"
    CATEGORY = "category"
    TOO_OLD = "too_old"
    TOO_FEW_REPORTERS = "too_few_reporters"
    WAITING = "waiting"


class Route(Noun):
    """The decision where a case goes: to ``peer``, or to the shelf ``none``; always a reason."""

    reason: str
    peer: PeerId | None = None
    countries: tuple[Country, ...] = ()
    none: Nowhere | None = None


class Case(Noun):
    """The matter about one sender network in one campaign.

    ``first_seen`` and ``last_seen`` are stamps of its mails' borders, ``opened_at`` is when the
    first report came here.
    """

    id: CaseId
    campaign: str
    country: Country | None
    network: str
    category: Category
    route: Route
    reports: int
    reporters: int
    first_seen: datetime
    last_seen: datetime
    opened_at: datetime
    foreign: tuple[tuple[PeerId, CaseId], ...] = ()


# What is exchanged.


class Kind(StrEnum):
    """What one exchange message says (DESIGN section 4)."""

    REPORT = "report"
    WITHDRAWAL = "withdrawal"
    CORRECTION = "correction"
    NARROWING = "narrowing"
    REQUEST = "request"
    ANSWER = "answer"
    ADVISORY = "advisory"
    EVIDENCE = "evidence"
    RECEIPT = "receipt"
    RECEIPT_WANTED = "receipt-wanted"
    HEAD = "head"
    RESYNC = "resync"
    KEYS = "keys"
    VERIFICATION = "verification"
    STREAM_UPDATED = "stream-updated"


class Verdict(StrEnum):
    """What the receiver decided about a SET; stated in its receipt."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    HELD = "held"
    MISROUTED = "misrouted"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"


class Envelope(Noun):
    """Bytes off the wire, believed by nobody, and the peer that the door let in with them."""

    token: bytes
    door: PeerId
    received_at: datetime


class Opened(Noun):
    """An Envelope whose signature is good and whose claims are well formed; gate's validation."""

    token: bytes
    issuer: PeerId
    jti: str
    kid: str
    issued_at: datetime
    received_at: datetime
    digest: bytes
    txn: str | None
    subject: dict[str, object]
    event_uri: str
    kind: Kind | None
    event: dict[str, object]


class SetId(Noun):
    """Which SET is meant (SSF 1.0, subject format jwt_id)."""

    issuer: PeerId
    jti: str
