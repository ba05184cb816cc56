"""A report as it may cross the border, in the words of IODEF (RFC 7970 §3).

The law: every text that comes from the mail passes the Hider before it is clipped, and the
document stays within its size whatever the mail holds.
Verb: ``compose``.
"""

import re
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal

from msgspec import UNSET, UnsetType

from gateway.errors import MustNotLeave
from gateway.formats import headers
from gateway.formats.iodef_document import (
    FORMAT_ID,
    SALTED,
    SHA256_JSON,
    Assessment,
    Confidence,
    Document,
    EmailData,
    EventData,
    Extension,
    File,
    FileData,
    Hash,
    HashData,
    Impact,
    Incident,
    IncidentID,
    RecordData,
    RelatedActivity,
    SystemImpact,
)
from gateway.incident.border import HEADERS
from gateway.incident.hosts import claimed, contact, source
from gateway.incident.labels import restriction
from gateway.incident.texts import NAME_CHARS, RAW_CHARS, clipped, fit, hidden, whole_end, within
from gateway.model import (
    Attachment,
    CaseId,
    Category,
    Message,
    Origin,
    Report,
    ReportId,
    Tlp,
)
from gateway.redact import WORD, Hider

LINKS_MOST: Final = 50
"""Links that travel; their full number stands beside them."""
ATTACHMENTS_MOST: Final = 20
"""Attachments that travel; their full number stands beside them."""
HEADERS_MOST: Final = 16
LINK_CHARS: Final = 1_000
TEXT_CHARS: Final = 1_000
LINE_CHARS: Final = 2_000
TYPE_CHARS: Final = 100
_LINK_BYTES: Final = 16_000
_HEADER_BYTES: Final = 6_000
_NAME_BYTES: Final = 5_000

_MAILERS: Final = ("x-mailer", "user-agent")
_MAILER: Final = "mailer"
_LEAVING: Final = re.compile(
    r"<[ \t]*(https?)://([^/?#>\s]{1,255})[^>]*>|<[ \t]*mailto:[^>]*?@([^>?]*)[^>]*>", re.IGNORECASE
)

# Only the digest of something that is no text may travel as it is: who knows the text of a mailing
# could try recipients one by one until a digest fits.
_PLAIN_TYPE: Final = re.compile(
    r"(?:image/(?!svg)|audio/|video/|font/|application/(?:octet-stream|zip|gzip|java-archive|vnd\.rar"
    r"|x-(?:7z-compressed|bzip2?|compress|compressed|dosexec|executable|gzip|iso9660-image"
    r"|msdos-program|msdownload|rar|rar-compressed|tar|xz|zip-compressed)"
    r"|vnd\.(?:microsoft\.portable-executable|android\.package-archive))(?:$|;))"
)
_TEXT_NAME: Final = re.compile(
    r"\.(?:asc|csv|docm?|docx|eml|html?|ics|js|json|log|md|mht|mhtml|msg|odp|ods|odt|pdf|php|pps"
    r"|pptm?|pptx|ps|rtf|shtml?|svg|txt|vbs|vcf|vcs|xhtml?|xlsm?|xlsx|xml|ya?ml)\W*$"
)

_IMPACTS: Final = (Impact(system_impact=SystemImpact(type="unknown")),)
_CONFIDENCES: Final = {
    rating: Confidence(rating=rating, value=0) for rating in ("low", "medium", "high")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """What a report needs, beside itself, to cross to one peer.

    ``fqdn`` names our association as the issuer of ids. ``salt`` are the 32 random bytes kept
    with the mail; ``source_digest`` is ``redact.salted(salt, source)``. ``hider`` holds the
    peer's key and the mail's recipients. Times are aware.
    """

    fqdn: str
    report_id: ReportId
    case_id: CaseId
    tlp: Tlp
    generated_at: datetime
    reported_at: datetime
    contact_name: str
    contact_mailbox: str
    salt: bytes = field(repr=False)
    source_digest: bytes = field(repr=False)
    hider: Hider = field(repr=False)


def compose(report: Report, crossing: Crossing, hider: Hider | None = None) -> Document:
    """The interchange document that one peer gets of one report (RFC 7970 §3.2).

    ``hider`` is used instead of the crossing's, where a first try may do.

    Raises:
        MustNotLeave: the report names no host, or its label forbids exchange by machine.
    """
    message, origin, hosting = report.message, report.origin, report.hosting
    if message is None or origin is None or hosting is None:
        raise MustNotLeave("a report without an origin accuses nobody")
    if crossing.tlp is Tlp.RED:
        raise MustNotLeave("TLP:RED does not go by machine")
    hider = hider or crossing.hider
    email_data, record = _evidence(message, origin, crossing, hider)
    word, ext_word = restriction(crossing.tlp)
    category = report.judgement.value if report.judgement is not None else Category.OTHER
    incident = Incident(
        purpose="reporting",
        restriction=word,
        ext_restriction=ext_word,
        incident_id=IncidentID(id=crossing.report_id, name=crossing.fqdn),
        related=(
            RelatedActivity(incident_ids=(IncidentID(id=crossing.case_id, name=crossing.fqdn),)),
        ),
        report_time=crossing.reported_at,
        generation_time=crossing.generated_at,
        assessments=(
            Assessment(
                occurrence="actual",
                categories=(category.value,),
                impacts=_IMPACTS,
                confidence=_CONFIDENCES[origin.confidence.value],
            ),
        ),
        contacts=(contact(crossing.contact_name, crossing.contact_mailbox),),
        events=(
            EventData(
                detect_time=UNSET if origin.stamped_at is None else origin.stamped_at,
                systems=(source(origin, hosting, email_data, hider), *claimed(origin)),
                records=(record,),
            ),
        ),
    )
    return Document(version="2.0", format_id=FORMAT_ID, lang="en", incidents=(incident,))


# What the mail says, recipients hidden.


def _evidence(
    message: Message, origin: Origin, crossing: Crossing, hider: Hider
) -> tuple[EmailData, RecordData]:
    """Header, links and attachments: one pass of the Hider over all their texts."""
    fields, mailer = travelling(message)
    links = message.links[:LINKS_MOST]
    attachments = message.attachments[:ATTACHMENTS_MOST]
    subject, sender, program, *rest = hidden(
        [
            message.subject or "",
            message.envelope_sender or "",
            mailer or "",
            *(value for _, value in fields),
            *(link.url for link in links),
            *(attachment.name or "" for attachment in attachments),
            *(attachment.media_type for attachment in attachments),
        ],
        hider,
    )
    subject = hider.hide_greeting(subject)
    values, rest = rest[: len(fields)], rest[len(fields) :]
    urls, rest = rest[: len(links)], rest[len(links) :]
    names, types = rest[: len(attachments)], rest[len(attachments) :]
    email_data = EmailData(
        email_from=_optional(message.envelope_sender, sender, TEXT_CHARS),
        email_subject=_optional(message.subject, subject, TEXT_CHARS),
        x_mailer=_optional(mailer, program, NAME_CHARS),
        header_fields=tuple(
            Extension(value=value, dtype="string", name=name)
            for (name, _), value in zip(
                fields, within(values, TEXT_CHARS, _HEADER_BYTES), strict=False
            )
        ),
        hash_data=(_hash_data("email-hash", crossing.source_digest, salted=True),),
    )
    files = tuple(
        _file(attachment, name, media_type, crossing.salt)
        for attachment, name, media_type in zip(
            attachments, within(names, NAME_CHARS, _NAME_BYTES), types, strict=False
        )
    )
    return email_data, _record(message, _line(origin, hider), urls, files)


def _line(origin: Origin, hider: Hider) -> str:
    raw = fit(origin.line[:RAW_CHARS])
    return clipped(whole_end(hider.hide_line(raw), raw), LINE_CHARS)


def _record(message: Message, line: str, urls: list[str], files: tuple[File, ...]) -> RecordData:
    return RecordData(
        record_items=(
            Extension(value=line, dtype="string", name="received"),
            *(
                Extension(value=url, dtype="url", name="link")
                for url in within(urls, LINK_CHARS, _LINK_BYTES)
            ),
        ),
        file_data=(FileData(files=files),) if files else (),
        additional=(
            Extension(value=str(message.links_total), dtype="integer", name="links-total"),
            Extension(
                value=str(message.attachments_total), dtype="integer", name="attachments-total"
            ),
        ),
    )


def travelling(message: Message) -> tuple[list[tuple[str, str]], str | None]:
    """The header fields that travel, decoded, and the sender's mail program."""
    found: list[tuple[str, str]] = []
    mailer: str | None = None
    for name, raw in message.headers:
        known = _travels(name)
        if known is None:
            continue
        if known == _MAILER:
            mailer = _decoded(raw) if mailer is None else mailer
        elif len(found) < HEADERS_MOST:
            value = _decoded(raw)
            found.append((known, _leaving(value) if known == "List-Unsubscribe" else value))
    return found, mailer


@lru_cache(maxsize=4_096)
def _travels(name: str) -> str | None:
    """As what a header field travels; None where it stays."""
    low = name.lower()
    return _MAILER if low in _MAILERS else HEADERS.get(low)


def _leaving(value: str) -> str:
    """Where one can unsubscribe, without the handle by which the sender knows who does it.

    Everything after the host is that handle (RFC 2369 §3.2).
    """
    return ", ".join(
        f"<{found[1].lower()}://{found[2]}/{WORD}>" if found[1] else f"<mailto:{WORD}@{found[3]}>"
        for found in _LEAVING.finditer(value)
    )


def _decoded(raw: str) -> str:
    value = raw[:RAW_CHARS].strip()
    return headers.decode(value, RAW_CHARS) if "=?" in value else value


def _optional(given: str | None, shown: str, most: int) -> str | UnsetType:
    return UNSET if given is None else clipped(shown, most)


def _file(attachment: Attachment, name: str, media_type: str, salt: bytes) -> File:
    """An attachment; the digest of a text, or of what may be one, is salted."""
    digest = bytes.fromhex(attachment.sha256)
    salted = (
        _PLAIN_TYPE.match(attachment.media_type.lower()) is None
        or _TEXT_NAME.search((attachment.name or "").lower()) is not None
    )
    if salted:
        digest = sha256(salt + digest).digest()
    return File(
        file_name=UNSET if attachment.name is None else name,
        file_size=attachment.size,
        file_type=clipped(media_type, TYPE_CHARS),
        hash_data=_hash_data("file-contents", digest, salted=salted),
    )


def _hash_data(
    scope: Literal["email-hash", "file-contents"], digest: bytes, *, salted: bool
) -> HashData:
    return HashData(
        scope=scope,
        hash_target=SALTED if salted else UNSET,
        hashes=(Hash(digest_method=SHA256_JSON, digest_value=b64encode(digest).decode()),),
    )
