"""A mail as it was received: who, when, what it says, where it leads, what it carries.

RFC 5322 §3.6 (fields), RFC 2045 and RFC 2046 (parts), RFC 2183 §2 (disposition), RFC 2231.
The law: nothing is raised for content but ``Unparseable``; time is linear; nothing is believed:
who handed the mail over is found by ``trace``, not here. Verb: ``read``.
"""

import functools
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import headers, html, links, mime
from gateway.model import Attachment, Mailbox, Message, Noun

# A file is taken for a mail only if one of these is there; every mail on the net has several.
_SIGNS = frozenset(
    {"from", "sender", "date", "to", "cc", "subject", "received", "return-path", "message-id",
     "reply-to", "delivered-to", "mime-version", "content-type"}
)  # fmt: skip
# Fields that name who received the mail, beside those that end in "-to" or name recipients.
_RECEIVING = frozenset({"to", "cc", "bcc", "resent-cc", "resent-bcc", "x-forwarded-for"})
# Fields that end in "-to" and yet name the sending side, or a mail.
_ANSWERING = re.compile(
    r"reply|errors|receipt|notification|followup|bounce|complain|abuse|unsubscribe|belong|related"
)
_RECEIVED_FOR = re.compile(r"\b(?:for|envelope-to|rcpt(?:-to)?)[ \t:=]+<?([^\s<>;()]{1,320})")
_LOOKS_LIKE_HTML = re.compile(r"\s{0,100}(?:<!doctype html|<html[\s>])", re.IGNORECASE)
_NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
_ONCE = ("From", "Subject", "Date", "Message-ID", "Content-Type")


class Mail(Noun, frozen=True):
    """What was read of one mail.

    ``text`` is what a reader would see of it, of the better of two alternatives only, and of no
    mail that is attached; ``problems`` say in words what was clipped or is malformed.
    """

    message: Message
    text: str
    problems: tuple[str, ...] = ()


def read(source: bytes, limits: ReadingLimits) -> Mail:
    """A mail from its complete source.

    Raises:
        Unparseable: it is no mail (empty, binary, without any field that mails have), or it
            reaches one of the bounds that ``limits`` says end the reading.
    """
    return compose(mime.walk(source, limits), limits)


def compose(walked: mime.Walked, limits: ReadingLimits) -> Mail:
    """A mail from its parts, where a caller walked the source already.

    Raises:
        Unparseable: as ``read``.
    """
    top = walked.parts[0]
    if not _SIGNS.intersection(top.named):
        raise Unparseable("this is no mail: it has none of the fields that every mail has")
    body = _Body(walked, limits)
    body.read()
    problems = [*_malformed(top, walked), *body.problems]
    kept, total = links.gather(body.references, limits.links)
    recipients, names = _recipients(top.fields, limits)
    subject = top.first("subject")
    returned = top.first("return-path")
    message = Message(
        sha256=hashlib.sha256(walked.source).hexdigest(),
        size=len(walked.source),
        subject=None if subject is None else headers.decode(subject, limits.subject_chars),
        sender=_sender(top.first("from") or "", limits),
        envelope_sender=None if returned is None else headers.angle(returned),
        date=headers.moment(top.first("date") or ""),
        message_id=headers.decode(top.first("message-id") or "") or None,
        headers=top.fields,
        recipients=recipients,
        recipient_names=names,
        links=kept,
        links_total=total,
        attachments=tuple(body.attachments[: limits.attachments]),
        attachments_total=len(body.attachments),
    )
    return Mail(message=message, text=body.text(), problems=tuple(dict.fromkeys(problems)))


def _sender(value: str, limits: ReadingLimits) -> Mailbox | None:
    """The first mailbox of From that has an address; else the name, with an address found near."""
    boxes = headers.mailboxes(value, limits.subject_chars)
    whole = next((box for box in boxes if box.address), None)
    if whole or not boxes:
        return whole
    near = headers.addresses(value)
    return Mailbox(name=boxes[0].name, address=near[0] if near else "")


def _malformed(top: mime.Part, walked: mime.Walked) -> Iterator[str]:
    if not top.clean:
        yield "the header ends with a line that is no header line"
    names = [name.lower() for name, _ in top.fields]
    for name in _ONCE:
        if names.count(name.lower()) > 1:
            yield f"the header has {name} more than once; the first one is read"
    if top.media_type.startswith("multipart/") and len(walked.parts) == 1:
        yield "the mail says it has parts, but none was found"


def _recipients(
    fields: headers.Fields, limits: ReadingLimits
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every address and every display name that the fields show on the receiving side."""
    found: dict[str, str] = {}
    names: dict[str, None] = {}
    for kind, value in [(kind, value) for name, value in fields if (kind := _receiving(name))]:
        if kind == _TRACE:
            if "@" not in value:
                continue
            seen = [run for run in _RECEIVED_FOR.findall(value) if "@" in run]
        else:
            plain = headers.decode(value, len(value)) if "=?" in value else value
            boxes = headers.mailboxes(value, limits.subject_chars)
            seen = [box.address for box in boxes if "@" in box.address]
            seen += [
                *headers.addresses(value),
                *(headers.addresses(plain) if plain != value else ()),
            ]
            names.update((box.name, None) for box in boxes if box.name)
        for address in seen:
            found.setdefault(address.lower(), address)
        if len(found) > limits.recipients:
            raise Unparseable(f"the mail names more than {limits.recipients} recipients")
    return tuple(found.values()), tuple(names)


_OTHER, _TRACE, _NAMES = range(3)


@functools.lru_cache(maxsize=4_096)
def _receiving(name: str) -> int:
    """Whether a field is a trace of the receiving side, or names it, or neither."""
    name = name.lower()
    if name == "received":
        return _TRACE
    named = name in _RECEIVING or "recipient" in name or "rcpt" in name
    named = named or name.endswith(("-receiver", "-for-address"))
    return _NAMES if named or (name.endswith("-to") and not _ANSWERING.search(name)) else _OTHER


@dataclass(slots=True)
class _Body:
    """Collects text, links and attachments over the parts of one mail."""

    walked: mime.Walked
    limits: ReadingLimits
    references: list[str] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    said: list[tuple[int | None, bool, str]] = field(default_factory=list)
    left: int = 0

    def read(self) -> None:
        """Looks at every part once."""
        self.left = self.limits.body_chars
        parents = {part.parent for part in self.walked.parts}
        for place, part in enumerate(self.walked.parts):
            if part.container and place in parents and part.media_type not in mime.WHOLE_MESSAGES:
                continue
            self._part(part)

    def _part(self, part: mime.Part) -> None:
        content = self.walked.content(part)
        disposition = part.first("content-disposition")
        kind, disposed = headers.parameters(disposition) if disposition else ("", _NO_PARAMETERS)
        name = disposed.get("filename") or part.parameters.get("name")
        textual = part.media_type in {"text/plain", "text/html"} or (
            part.media_type.startswith("multipart/")
        )
        attached = kind == "attachment" or not textual
        if attached or name:
            self.attachments.append(
                Attachment(
                    name=headers.file_name(name, self.limits.subject_chars) if name else None,
                    media_type=part.media_type,
                    size=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                )
            )
        if textual and not (attached and part.media_type == "text/plain"):
            self._text(part, content, attached=attached or part.enclosed is not None)

    def _text(self, part: mime.Part, content: bytes, *, attached: bool) -> None:
        """Reads text or HTML; of what is attached only the links count."""
        charset = part.parameters.get("charset")
        cut = False
        if part.media_type == "text/html":
            source: bytes | str = content
        else:
            source = headers.text_of(content[: self.limits.part_chars * 4], charset)
            cut = len(source) > self.limits.part_chars
            source = source[: self.limits.part_chars]
        rich = isinstance(source, bytes) or bool(_LOOKS_LIKE_HTML.match(source))
        if self.left <= 0 or len(self.references) >= self.limits.links_looked_at:
            self.problems.append(
                "a text part was not looked at: the mail has too much text or links"
            )
            return
        self.left -= min(len(source), self.limits.part_chars)
        if rich:
            page = html.read(source, charset, self.limits)
            text, cut = page.text, cut or page.cut
            self.references += page.references
        else:
            assert isinstance(source, str)
            text = html.visible(source)
            cut = cut or len(text) > self.limits.text_chars
            self.references += links.find(source, self.limits.links_looked_at)
        if not attached:
            self.said.append((part.alternative, rich, text[: self.limits.text_chars]))
        if cut:
            self.problems.append("a text part is longer than what is looked at")

    def text(self) -> str:
        """What the mail says: where HTML and plain text stand for each other, the HTML only."""
        better = {where for where, rich, text in self.said if rich and text and where is not None}
        kept = [text for where, rich, text in self.said if text and (rich or where not in better)]
        return "\n".join(kept)[: self.limits.text_chars]
