"""The interchange document: the part of IODEF v2 that our profile speaks, as one model.

Names on the wire are those of RFC 8727 §2 and RFC 7970 §3; ``iodef_json`` and ``iodef`` write and
read this model, ``iodef_rules`` holds what no schema can say. The law: what the model cannot hold,
the profile forbids, and every text in it can stand in XML as well as in JSON.
"""

from datetime import datetime
from typing import Annotated, Final, Literal, dataclass_transform

import msgspec
from msgspec import UNSET, UnsetType

FORMAT_ID: Final = "entente-report-1"
"""What ``format-id`` says: the document follows version 1 of our profile of a report."""
NAMESPACE: Final = "urn:ietf:params:xml:ns:iodef-2.0"
"""The XML namespace of IODEF v2 (RFC 7970 §4.2)."""
SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
"""The digest method in XML; ``SHA256_JSON`` is the same in JSON."""
SHA256_JSON: Final = "aHR0cDovL3d3dy53My5vcmcvMjAwMS8wNC94bWxlbmMjc2hhMjU2"
"""RFC 8727 §2 makes DigestMethod base64, so JSON carries the method's URI as base64."""
SALTED: Final = "salted"
"""``HashTargetID`` of a digest over 32 secret random bytes followed by the mail, or by the SHA-256
of an attachment. The JSON Schema of RFC 8727 knows no ``ext-scope``, so it stands here."""
MOST_BYTES: Final = 60_000
"""A JSON document is no larger, so that a SET stays within its 100,000 characters."""

_NAMES = {
    "format_id": "format-id",
    "incidents": "Incident",
    "ext_restriction": "ext-restriction",
    "incident_id": "IncidentID",
    "incident_ids": "IncidentID",
    "related": "RelatedActivity",
    "report_time": "ReportTime",
    "generation_time": "GenerationTime",
    "assessments": "Assessment",
    "contacts": "Contact",
    "events": "EventData",
    "additional": "AdditionalData",
    "contact_names": "ContactName",
    "emails": "Email",
    "email_to": "EmailTo",
    "categories": "IncidentCategory",
    "impacts": "Impact",
    "system_impact": "SystemImpact",
    "confidence": "Confidence",
    "detect_time": "DetectTime",
    "systems": "System",
    "records": "RecordData",
    "node": "Node",
    "services": "Service",
    "counters": "Counter",
    "addresses": "Address",
    "ext_type": "ext-type",
    "ip_protocol": "ip-protocol",
    "port": "Port",
    "email_data": "EmailData",
    "email_from": "EmailFrom",
    "email_subject": "EmailSubject",
    "x_mailer": "EmailX-Mailer",
    "header_fields": "EmailHeaderField",
    "hash_data": "HashData",
    "hash_target": "HashTargetID",
    "hashes": "Hash",
    "digest_method": "DigestMethod",
    "digest_value": "DigestValue",
    "record_items": "RecordItem",
    "file_data": "FileData",
    "files": "File",
    "file_name": "FileName",
    "file_size": "FileSize",
    "file_type": "FileType",
}

# A text without controls, and without what XML 1.0 cannot hold. The negative look-ahead stands
# for "end", because "$" would let a line feed pass at the end.
_TEXT = r"^[^\x00-\x1f\x7f\ufffe\uffff]*(?![\s\S])"
_ID = r"^[!-~]+(?![\s\S])"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_FQDN = rf"^(?:{_LABEL}\.)*{_LABEL}(?![\s\S])"
_LANGUAGE = r"^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*(?![\s\S])"
_BASE64_SHA256 = r"^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=(?![\s\S])"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})(?![\s\S])"

Line = Annotated[str, msgspec.Meta(max_length=2_000, pattern=_TEXT)]
"""A text of one line."""
Short = Annotated[str, msgspec.Meta(max_length=256, pattern=_TEXT)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=_ID)]
"""An id: visible ASCII only, so that no white space can be lost on the way."""
Fqdn = Annotated[str, msgspec.Meta(max_length=253, pattern=_FQDN)]
LanguageTag = Annotated[str, msgspec.Meta(max_length=35, pattern=_LANGUAGE)]
Digest = Annotated[str, msgspec.Meta(pattern=_BASE64_SHA256)]
"""SHA-256, 32 bytes, as base64 with its padding."""
Moment = Annotated[datetime, msgspec.Meta(tz=True, extra_json_schema={"pattern": _MOMENT})]
"""A time with an offset; one without is legal in XML Schema and refused by us."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
_ONE = msgspec.Meta(min_length=1, max_length=1)
Restriction = Literal[
    "public", "partner", "need-to-know", "private", "default",
    "white", "green", "amber", "red", "ext-value",
]  # fmt: skip
"""RFC 7970 §3.3.1; how TLP maps to it stands in ``incident``."""


# As with ``Noun``: msgspec hands "frozen" down, and the type checker is told so here.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Part(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    gc=False,
    rename=_NAMES.get,
):
    """What every part of the document is: frozen and closed; a member is absent, never null."""


class Text(Part):
    """A text in a named language (RFC 7970 §2.4); a plain string is in the document's."""

    value: Line
    lang: LanguageTag


class IncidentID(Part):
    """An id and the FQDN of who gave it (RFC 7970 §3.4)."""

    id: Identifier
    name: Fqdn


class RelatedActivity(Part):
    """The sender's case that the report belongs to (RFC 7970 §3.6)."""

    incident_ids: Annotated[tuple[IncidentID, ...], _ONE]


class Email(Part):
    """A mailbox of a Contact (RFC 7970 §3.9.3)."""

    email_to: Short


class Contact(Part):
    """The association that reports, never a person (RFC 7970 §3.9)."""

    role: Literal["creator"]
    type: Literal["organization"]
    contact_names: Annotated[tuple[Line | Text, ...], msgspec.Meta(min_length=1, max_length=4)]
    emails: Annotated[tuple[Email, ...], _ONE]


class SystemImpact(Part):
    """RFC 7970 §3.12.1 demands an impact; a report claims to know none."""

    type: Literal["unknown"]


class Impact(Part):
    """The wrapper that RFC 8727 puts around an impact."""

    system_impact: SystemImpact


class Confidence(Part):
    """How sure the sender is of the Origin (RFC 7970 §3.12.5).

    RFC 8727 demands a ``value``, RFC 7970 leaves it empty for a word: it is always 0.
    """

    rating: Literal["low", "medium", "high"]
    value: Literal[0]


class Assessment(Part):
    """What the Message is (RFC 7970 §3.12)."""

    occurrence: Literal["actual"]
    categories: Annotated[tuple[Line | Text, ...], _ONE]
    impacts: Annotated[tuple[Impact, ...], _ONE]
    confidence: Confidence | UnsetType = UNSET


class Address(Part):
    """An address of a Node (RFC 7970 §3.18.1)."""

    value: Short
    category: Literal["ipv4-addr", "ipv6-addr", "ipv4-net", "ipv6-net", "asn"]


class Node(Part):
    """A host: its address first, then its network and AS number (RFC 7970 §3.18)."""

    addresses: Annotated[tuple[Address, ...], msgspec.Meta(min_length=1, max_length=3)]


class Extension(Part):
    """A named value of ours (RFC 7970 §2.16)."""

    value: Line
    dtype: Literal["string", "integer", "boolean", "csv", "url"]
    name: Identifier


class Hash(Part):
    """One SHA-256 (RFC 7970 §3.26.1)."""

    digest_method: Literal["aHR0cDovL3d3dy53My5vcmcvMjAwMS8wNC94bWxlbmMjc2hhMjU2"]
    digest_value: Digest


class HashData(Part):
    """A digest and what it was taken of (RFC 7970 §3.26)."""

    scope: Literal["email-hash", "file-contents"]
    hashes: Annotated[tuple[Hash, ...], _ONE]
    hash_target: Literal["salted"] | UnsetType = UNSET


class EmailData(Part):
    """What the Message said of itself, recipients hidden (RFC 7970 §3.21)."""

    hash_data: Annotated[tuple[HashData, ...], _ONE]
    email_from: Line | UnsetType = UNSET
    email_subject: Line | UnsetType = UNSET
    x_mailer: Line | UnsetType = UNSET
    header_fields: Annotated[tuple[Extension, ...], msgspec.Meta(min_length=1, max_length=16)] = ()


class Service(Part):
    """The SMTP client's end of the hand-over (RFC 7970 §3.20); its port where known."""

    ip_protocol: Literal[6]
    email_data: EmailData
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] | UnsetType = UNSET


class Counter(Part):
    """How many Messages; written as DIGEST says because schema and prose differ.

    RFC 7970 §3.18.3 names the type ``count`` in prose and ``counter`` in its schema.
    """

    value: Count
    type: Literal["ext-value"]
    ext_type: Literal["count"]
    unit: Literal["message"]


class System(Part):
    """The host that handed the Message over, or one that an older line claims (RFC 7970 §3.17)."""

    category: Literal["source", "intermediate"]
    node: Node
    spoofed: Literal["no", "unknown"]
    services: Annotated[tuple[Service, ...], _ONE] = ()
    counters: Annotated[tuple[Counter, ...], _ONE] = ()
    additional: Annotated[tuple[Extension, ...], msgspec.Meta(min_length=1, max_length=32)] = ()


class File(Part):
    """An attachment, never its content (RFC 7970 §3.25.1)."""

    file_size: Count
    file_type: Short
    hash_data: HashData
    file_name: Line | UnsetType = UNSET


class FileData(Part):
    """The attachments (RFC 7970 §3.25)."""

    files: Annotated[tuple[File, ...], msgspec.Meta(min_length=1, max_length=20)]


class RecordData(Part):
    """The line that proves the Origin, links and attachments (RFC 7970 §3.22)."""

    record_items: Annotated[tuple[Extension, ...], msgspec.Meta(min_length=1, max_length=64)]
    file_data: Annotated[tuple[FileData, ...], _ONE] = ()
    additional: Annotated[tuple[Extension, ...], msgspec.Meta(min_length=1, max_length=8)] = ()


class EventData(Part):
    """The hand-over of one Message (RFC 7970 §3.14)."""

    systems: Annotated[tuple[System, ...], msgspec.Meta(min_length=1, max_length=16)]
    records: Annotated[tuple[RecordData, ...], _ONE]
    detect_time: Moment | UnsetType = UNSET


class Incident(Part):
    """One report (RFC 7970 §3.2)."""

    purpose: Literal["reporting"]
    incident_id: IncidentID
    related: Annotated[tuple[RelatedActivity, ...], _ONE]
    generation_time: Moment
    assessments: Annotated[tuple[Assessment, ...], _ONE]
    contacts: Annotated[tuple[Contact, ...], _ONE]
    events: Annotated[tuple[EventData, ...], _ONE]
    restriction: Restriction | UnsetType = UNSET
    ext_restriction: Identifier | UnsetType = UNSET
    report_time: Moment | UnsetType = UNSET
    additional: Annotated[tuple[Extension, ...], msgspec.Meta(min_length=1, max_length=8)] = ()


class Document(Part):
    """The whole document with exactly one incident (RFC 7970 §3.1)."""

    version: Literal["2.0"]
    format_id: Literal["entente-report-1"]
    incidents: Annotated[tuple[Incident, ...], _ONE]
    lang: LanguageTag | UnsetType = UNSET
