"""The one table of what crosses the border: every field of a report, and what becomes of it.

``docs/profile.md`` opens with it, made by ``as_page``; a test demands a row for every field of
the nouns and for every member that ``compose`` emits (RFC 7970 §3). The law: what has no row
stays, and a field that nobody decided about fails the tests.
Verbs: ``rows`` of a field, ``as_page``.
"""

from typing import Final

from gateway.model import Noun

HEADERS: Final = {
    "from": "From",
    "sender": "Sender",
    "reply-to": "Reply-To",
    "date": "Date",
    "message-id": "Message-ID",
    "list-id": "List-Id",
    "list-unsubscribe": "List-Unsubscribe",
    "feedback-id": "Feedback-ID",
    "x-originating-ip": "X-Originating-IP",
}
"""The header fields that travel, recipients hidden: what the sender says of itself."""


class Row(Noun):
    """What becomes of one field.

    ``field`` is ``Noun.name``, or what it is in words where no noun holds it. ``paths`` are the
    members of the incident where it stands; empty where it stays.
    """

    field: str
    why: str
    paths: tuple[str, ...] = ()
    how: str = ""

    @property
    def crosses(self) -> bool:
        """Whether anything of the field leaves the country."""
        return bool(self.paths)


_SYSTEM: Final = "EventData/System[source]"
_DATA: Final = f"{_SYSTEM}/AdditionalData"
_MAIL: Final = f"{_SYSTEM}/Service/EmailData"
_NODE: Final = f"{_SYSTEM}/Node/Address"
_RECORD: Final = "EventData/RecordData"
_FILE: Final = f"{_RECORD}/FileData/File"


def _goes(field: str, path: str | tuple[str, ...], how: str, why: str) -> Row:
    return Row(field=field, paths=(path,) if isinstance(path, str) else path, how=how, why=why)


def _stays(field: str, why: str) -> Row:
    return Row(field=field, why=why)


_MESSAGE: Final = (
    _stays("text of the mail", "it may hold anything about anybody; by default none of it crosses. "
           "An agreement could allow excerpts in a later version of the profile; none does today"),
    _stays("content of attachments", "as the text; it leaves only as evidence, on a request "
           "that was accepted"),
    _stays("Message.recipients", "they name the reporter and others; they only serve to hide them"),
    _stays("Message.recipient_names", "as the recipients"),
    _goes("Message.subject", f"{_MAIL}/EmailSubject",
          "hidden, and whom it greets; at most 1,000 characters", "tells one mailing from another"),
    _goes("Message.envelope_sender", f"{_MAIL}/EmailFrom", "hidden; at most 1,000 characters",
          "the account that sent it"),
    _goes("Message.headers: what the sender says of itself",
          tuple(f"{_MAIL}/EmailHeaderField[{name}]" for name in HEADERS.values()),
          "decoded, hidden; of List-Unsubscribe only scheme and host; at most 16 fields",
          "names the sender's account, list and program"),
    _goes("Message.headers: X-Mailer or User-Agent", f"{_MAIL}/EmailX-Mailer",
          "hidden; at most 250 characters", "the sending program"),
    _stays("Message.headers: every other field", "To, Cc, Delivered-To, ARC and the rest tell of "
           "the receiving side"),
    _stays("Message.sender", "the From field crosses as it was written"),
    _stays("Mailbox.name", "stands in the From field"),
    _stays("Mailbox.address", "stands in the From field"),
    _stays("Message.date", "the Date field crosses as it was written"),
    _stays("Message.message_id", "the Message-ID field crosses as it was written"),
    _stays("Message.sha256", "a digest of unredacted text: a recipient can be tried out by it"),
    _stays("Message.size", "with the mailing known, it tells the length of the recipient's name"),
    _stays("Message.links", "each crosses by its own fields"),
    _goes("Link.url", f"{_RECORD}/RecordItem[link]",
          "hidden; at most 50 links of 1,000 characters", "where the mail leads"),
    _stays("Link.host", "stands in the link"),
    _stays("Link.country", "the receiver looks it up in its own tables"),
    _goes("Message.links_total", f"{_RECORD}/AdditionalData[links-total]", "",
          "says how many links were clipped"),
    _stays("Message.attachments", "each crosses by its own fields"),
    _goes("Attachment.name", f"{_FILE}/FileName", "hidden; at most 250 characters, 20 attachments",
          "tells malware"),
    _goes("Attachment.media_type", f"{_FILE}/FileType", "hidden; at most 100 characters",
          "tells malware"),
    _goes("Attachment.size", f"{_FILE}/FileSize", "", "tells malware"),
    _goes("Attachment.sha256", (f"{_FILE}/HashData/Hash/DigestValue", f"{_FILE}/HashData/scope",
          f"{_FILE}/HashData/Hash/DigestMethod", f"{_FILE}/HashData/HashTargetID"),
          "salted if it may be a text", "finds the same malware; a salted one proves itself later"),
    _goes("Message.attachments_total", f"{_RECORD}/AdditionalData[attachments-total]", "",
          "says how many attachments were clipped"),
)  # fmt: skip

_HOST: Final = (
    _goes("Origin.address", (f"{_NODE}/value", f"{_NODE}/category"), "",
          "the host that is reported"),
    _goes("Origin.port", f"{_SYSTEM}/Service/Port", "", "finds one client behind a shared address"),
    _goes("Origin.border", f"{_DATA}[origin-border]", "hidden", "who vouches for the address"),
    _goes("Origin.line", f"{_RECORD}/RecordItem[received]",
          "hidden; `for` clause and queue id always gone; at most 2,000 characters",
          "it is the proof"),
    _stays("Origin.line_number", "means nothing without the other lines"),
    _goes("Origin.confidence", ("Assessment/Confidence/rating", "Assessment/Confidence/value"),
          "low, medium or high; `value` is always 0", "how far to believe it"),
    _goes("Origin.stamped_at", "EventData/DetectTime", "UTC", "finds the sender's own log line"),
    _goes("Origin.forwarded", f"{_DATA}[origin-forwarded]", "only where true",
          "the host may be a forwarder"),
    _goes("Origin.corroborated_by", f"{_DATA}[origin-corroborated-by]",
          "names of header fields, at most 8", "how far to believe it"),
    _stays("Origin.claimed", "each crosses by its own fields"),
    _stays("Origin.submitted", "the address is the client's already"),
    _stays("Origin.service", "the peer knows the services of its country by the address"),
    _stays("Origin.passages", "a list or a forwarder may name the reporter"),
    _stays("Origin.likelier", "rests on the reporter's forwarder; crosses as a claimed address"),
    _stays("Origin.remarks", "words for our own staff"),
    _goes("Claimed.address", (
          "EventData/System[intermediate]/Node/Address/value",
          "EventData/System[intermediate]/Node/Address/category",
          "EventData/System[intermediate]/spoofed"), "marked as not believed; at most 10",
          "may be the host behind the host"),
    _stays("Claimed.line", "older lines name people and prove nothing"),
    _stays("Hosting.address", "it is the origin's"),
    _goes("Hosting.country", f"{_DATA}[hosting-country]", "ISO 3166-1 alpha-2",
          "why the report goes to this peer"),
    _goes("Hosting.network", f"{_DATA}[hosting-network]", "", "what cases are made by"),
    _goes("Hosting.prefix", f"{_NODE}/value", "the registered block", "finds the provider"),
    _goes("Hosting.asn", f"{_NODE}/value", "", "finds the provider"),
    _goes("Hosting.as_name", f"{_DATA}[hosting-as-name]", "", "finds the provider"),
    _stays("Hosting.claims", "each crosses by its own fields"),
    _goes("HostingClaim.kind", f"{_DATA}[hosting-claim]", "first column of CSV; at most 16 claims",
          "lets the peer weigh the country"),
    _goes("HostingClaim.country", f"{_DATA}[hosting-claim]", "second column", "as its kind"),
    _goes("HostingClaim.prefix", f"{_DATA}[hosting-claim]", "third column", "as its kind"),
    _goes("HostingClaim.source", f"{_DATA}[hosting-claim]", "fourth column", "as its kind"),
    _goes("HostingClaim.as_of", f"{_DATA}[hosting-claim]", "fifth column", "as its kind"),
    _stays("HostingClaim.register", "the source names it"),
    _stays("HostingClaim.because", "an officer's own words"),
    _stays("Hosting.settled", "a rule of ours; the peer weighs the claims itself"),
    _stays("Hosting.disputed", "a disputed case goes nowhere"),
    _goes("Hosting.confidence", f"{_DATA}[hosting-confidence]", "low, medium or high",
          "how far to believe it"),
    _stays("Hosting.none", "what has no country goes nowhere"),
)  # fmt: skip

_REPORT: Final = (
    _stays("Report.message", "crosses by its own fields"),
    _stays("Report.origin", "crosses by its own fields"),
    _stays("Report.hosting", "crosses by its own fields"),
    _stays("Report.judgement", "crosses by its own fields"),
    _goes("Judgement.value", "Assessment/IncidentCategory",
          "spam, phishing, malware, advance-fee, other; never `legitimate`; an unknown word is "
          "read as other",
          "what is asked of the peer depends on it"),
    _stays("Judgement.why", "may quote the text"),
    _stays("Report.fingerprint", "no part of it crosses"),
    _stays("Fingerprint.exact", "a digest of unredacted text"),
    _stays("Fingerprint.marks", "digests of unredacted text"),
    _stays("Fingerprint.words", "of use only with the others"),
    _stays("Fingerprint.lead", "codes of words of the text"),
    _stays("Fingerprint.topic", "codes of words of the subject, a name among them perhaps"),
    _stays("Fingerprint.brand", "codes of words of the text"),
    _stays("Fingerprint.kit", "our own finding, told by no sign of the mail that crosses"),
    _stays("Report.complaint", "no part of it crosses"),
    _stays("Complaint.form", "tells how the reporter works"),
    _stays("Complaint.feedback_type", "the category says what it is"),
    _stays("Complaint.fields", "the reporter's own claims; they name recipients"),
    _goes("Report.source_sha256", (f"{_MAIL}/HashData/Hash/DigestValue", f"{_MAIL}/HashData/scope",
          f"{_MAIL}/HashData/Hash/DigestMethod", f"{_MAIL}/HashData/HashTargetID"),
          "never as it is: SHA-256 over 32 random bytes and the source",
          "proves later that the evidence is the same"),
    _stays("Report.source_size", "as the size of the mail"),
    _stays("Report.problems", "may quote the mail"),
    _stays("who reports, and the pseudonym", "stands in our store only"),
)  # fmt: skip

_CASE: Final = (
    _goes("Crossing.report_id", "IncidentID/id", "", "what a receipt, a withdrawal is about"),
    _goes("Case.id", "RelatedActivity/IncidentID/id", "as Crossing.case_id",
          "holds the reports of one matter together"),
    _goes("Crossing.case_id", "RelatedActivity/IncidentID/id", "", "as Case.id"),
    _goes("Crossing.fqdn", ("IncidentID/name", "RelatedActivity/IncidentID/name"), "",
          "whose ids these are"),
    _goes("Crossing.tlp", ("restriction", "ext-restriction"), "see Labels",
          "who may see it over there"),
    _goes("Crossing.generated_at", "GenerationTime",
          "UTC; not more than 60 s ahead of the reader's clock", "RFC 7970 demands it"),
    _goes("Crossing.reported_at", "ReportTime", "UTC", "when the complaint came"),
    _goes("Crossing.contact_name", "Contact/ContactName", "the association's, never a person's",
          "whom to ask"),
    _goes("Crossing.contact_mailbox", "Contact/Email/EmailTo",
          "the association's, never a person's", "whom to ask"),
    _stays("Crossing.salt", "leaves only with the mail, as evidence"),
    _goes("Crossing.source_digest", f"{_MAIL}/HashData/Hash/DigestValue",
          "the salted digest", "as Report.source_sha256"),
    _stays("Crossing.hider", "holds the peer's key and the recipients"),
    _stays("Case.campaign", "made of the fingerprint"),
    _stays("Case.country", "each report says its own"),
    _stays("Case.network", "each report says its own"),
    _stays("Case.category", "each report says its own"),
    _stays("Case.route", "our own decision"),
    _stays("Case.reports", "each report crosses by itself"),
    _stays("Case.reporters", "tells how many people complained to us"),
    _stays("Case.first_seen", "each report says its own"),
    _stays("Case.last_seen", "each report says its own"),
    _stays("Case.opened_at", "tells how we work"),
    _stays("Case.foreign", "names what another association said to us"),
    _goes("fixed words", (
          "purpose", "Assessment/occurrence", "Assessment/Impact/SystemImpact/type",
          "Contact/role", "Contact/type", f"{_SYSTEM}/spoofed", f"{_SYSTEM}/Service/ip-protocol",
          f"{_SYSTEM}/Counter/value", f"{_SYSTEM}/Counter/type", f"{_SYSTEM}/Counter/ext-type",
          f"{_SYSTEM}/Counter/unit"), "the same in every report: an impact `unknown`, one message",
          "RFC 7970 demands them"),
)  # fmt: skip

TABLE: Final = (*_MESSAGE, *_HOST, *_REPORT, *_CASE)
"""Every field, in the order in which the page shows it."""

NAMES: Final = tuple(
    path.rpartition("[")[2][:-1] for row in TABLE for path in row.paths if path.endswith("]")
)
"""The names that our extensions of a document have."""


def rows(field: str) -> tuple[Row, ...]:
    """What the table says of ``field``, which may have several rows; empty where nothing."""
    return tuple(row for row in TABLE if row.field.partition(":")[0] == field)


def as_page() -> str:
    """The table in Markdown, as ``docs/profile.md`` opens with it."""
    lines = [
        "| field | crosses | how it is changed | why | where in the incident |",
        "|---|---|---|---|---|",
    ]
    for row in TABLE:
        paths = ", ".join(f"`{path}`" for path in _short(row.paths))
        crosses = "yes" if row.crosses else "**no**"
        lines.append(f"| {row.field} | {crosses} | {row.how} | {row.why} | {paths} |")
    return "\n".join(lines) + "\n"


def _short(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The paths of one row, with names in brackets joined where they differ in nothing else."""
    before = [path.partition("[")[0] for path in paths]
    named = [path for path in paths if path.endswith("]")]
    if len(named) < 2 or len(set(before)) > 1:
        return paths
    first = named[0].rpartition("[")[0]
    return (f"{first}[{', '.join(path.rpartition('[')[2][:-1] for path in named)}]",)
