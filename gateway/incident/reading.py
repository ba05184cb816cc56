"""The interchange document of a foreign association, read as what it reports.

Everything here is the sender's claim: the receiver looks the address up in its own tables. The
law: a document that passed the rules is read completely or refused, never guessed at.
Verb: ``read``.
"""

import csv
import re
from base64 import b64decode
from datetime import datetime
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType

from gateway.errors import DocumentInvalid
from gateway.formats.iodef_document import (
    Address,
    Document,
    Extension,
    File,
    RecordData,
    System,
    Text,
)
from gateway.incident.border import HEADERS
from gateway.incident.labels import label
from gateway.model import CaseId, Category, Confidence, Country, HostingClaim, Noun, ReportId, Tlp

T = TypeVar("T")

_HEADERS: Final = frozenset(HEADERS.values())
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


class Attached(Noun):
    """An attachment as reported; ``digest`` is SHA-256 in hex, of a salted text where so said."""

    name: str | None
    media_type: str
    size: int
    digest: str
    salted: bool


class Reported(Noun):
    """What a foreign association reports of one Message.

    ``issuer`` is the FQDN that gave ``report_id`` and ``case_id``. ``line`` is the Received line
    that proves ``address``; ``claimed`` are addresses of older lines. ``country`` and ``claims``
    are what the sender's tables say. ``source_digest`` is salted: it can be checked only with
    the evidence. Totals count what was clipped.
    """

    issuer: str
    report_id: ReportId
    case_id: CaseId
    tlp: Tlp
    contact_name: str
    contact_mailbox: str
    generated_at: datetime
    reported_at: datetime | None
    stamped_at: datetime | None
    address: str
    port: int | None
    border: str | None
    line: str
    confidence: Confidence | None
    forwarded: bool
    corroborated_by: tuple[str, ...]
    claimed: tuple[str, ...]
    country: Country | None
    network: str | None
    prefix: str | None
    asn: int | None
    as_name: str | None
    hosting_confidence: Confidence | None
    claims: tuple[HostingClaim, ...]
    category: Category
    subject: str | None
    envelope_sender: str | None
    mailer: str | None
    headers: tuple[tuple[str, str], ...]
    links: tuple[str, ...]
    links_total: int
    attachments: tuple[Attached, ...]
    attachments_total: int
    source_digest: str
    messages: int


def read(document: Document) -> Reported:
    """What the one incident of a checked ``document`` reports.

    Raises:
        DocumentInvalid: a value of ours inside it is not what its name says.
    """
    incident = document.incidents[0]
    event = incident.events[0]
    source = next(system for system in event.systems if system.category == "source")
    said = _Said(source.additional)
    email = source.services[0].email_data
    record = event.records[0]
    case = incident.related[0].incident_ids[0]
    if case.name != incident.incident_id.name:
        raise DocumentInvalid("the case belongs to another association than the report")
    assessment, contact = incident.assessments[0], incident.contacts[0]
    rating = assessment.confidence
    claimed = [system for system in event.systems if system.category == "intermediate"]
    counted = source.counters[0].value if source.counters else 1
    return Reported(
        issuer=incident.incident_id.name,
        report_id=ReportId(incident.incident_id.id),
        case_id=CaseId(case.id),
        tlp=label(incident),
        contact_name=_text(contact.contact_names[0]),
        contact_mailbox=contact.emails[0].email_to,
        generated_at=incident.generation_time,
        reported_at=_given(incident.report_time),
        stamped_at=_given(event.detect_time),
        address=source.node.addresses[0].value,
        port=_given(source.services[0].port),
        border=said.one("origin-border"),
        line=_line(record),
        confidence=None if rating is UNSET else Confidence(rating.rating),
        forwarded=said.one("origin-forwarded") == "true",
        corroborated_by=said.all("origin-corroborated-by"),
        claimed=tuple(system.node.addresses[0].value for system in claimed),
        country=_country(said.one("hosting-country")),
        network=said.one("hosting-network"),
        prefix=_address(source, "ipv4-net", "ipv6-net"),
        asn=None if (asn := _address(source, "asn")) is None else int(asn),
        as_name=said.one("hosting-as-name"),
        hosting_confidence=_confidence(said.one("hosting-confidence")),
        claims=tuple(_claim(text) for text in said.all("hosting-claim")),
        category=_category(_text(assessment.categories[0])),
        subject=_given(email.email_subject),
        envelope_sender=_given(email.email_from),
        mailer=_given(email.x_mailer),
        headers=tuple((_crossing(header.name), header.value) for header in email.header_fields),
        links=tuple(item.value for item in record.record_items if item.name == "link"),
        attachments=tuple(_attached(file) for listed in record.file_data for file in listed.files),
        links_total=_total(record, "links-total"),
        attachments_total=_total(record, "attachments-total"),
        source_digest=b64decode(email.hash_data[0].hashes[0].digest_value).hex(),
        messages=counted,
    )


class _Said:
    """The named values of a System."""

    def __init__(self, extensions: tuple[Extension, ...]) -> None:
        self._values: dict[str, list[str]] = {}
        for extension in extensions:
            self._values.setdefault(extension.name, []).append(extension.value)

    def one(self, name: str) -> str | None:
        """The only value of ``name``, or None; two values are refused."""
        values = self._values.get(name, ())
        if len(values) > 1:
            raise DocumentInvalid(f"{name} stands there twice")
        return values[0] if values else None

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of ``name``, in order."""
        return tuple(self._values.get(name, ()))


def _crossing(name: str) -> str:
    """The name of a header field, if it is one that may cross: we want no other from anybody."""
    if name not in _HEADERS:
        raise DocumentInvalid(f"the header field {name} may not cross the border")
    return name


def _given(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _text(value: str | Text) -> str:
    return value.value if isinstance(value, Text) else value


def _line(record: RecordData) -> str:
    lines = [item.value for item in record.record_items if item.name == "received"]
    if len(lines) != 1:
        raise DocumentInvalid("there must be exactly one RecordItem named received")
    return lines[0]


def _total(record: RecordData, name: str) -> int:
    return next((int(more.value) for more in record.additional if more.name == name), 0)


def _address(source: System, *categories: str) -> str | None:
    found: list[Address] = [
        address for address in source.node.addresses if address.category in categories
    ]
    return found[0].value if found else None


def _country(text: str | None) -> Country | None:
    if text is None:
        return None
    if _COUNTRY.fullmatch(text) is None:
        raise DocumentInvalid("a country is two capital letters (ISO 3166-1)")
    return Country(text)


def _confidence(text: str | None) -> Confidence | None:
    if text is None:
        return None
    try:
        return Confidence(text)
    except ValueError as error:
        raise DocumentInvalid("a confidence is low, medium or high") from error


def _category(text: str) -> Category:
    """A category that a newer association knows and we do not is ``other`` here."""
    try:
        return Category(text)
    except ValueError:
        return Category.OTHER


def _claim(text: str) -> HostingClaim:
    try:
        row = next(csv.reader([text], strict=True))
    except (csv.Error, StopIteration) as error:
        raise DocumentInvalid("a hosting-claim is no line of CSV") from error
    if len(row) != 5:
        raise DocumentInvalid("a hosting-claim has five columns")
    kind, country, prefix, source, as_of = row
    return HostingClaim(
        kind=kind,
        country=_country(country or None),
        prefix=prefix or None,
        source=source,
        as_of=as_of,
    )


def _attached(file: File) -> Attached:
    return Attached(
        name=_given(file.file_name),
        media_type=file.file_type,
        size=file.file_size,
        digest=b64decode(file.hash_data.hashes[0].digest_value).hex(),
        salted=file.hash_data.hash_target is not UNSET,
    )
