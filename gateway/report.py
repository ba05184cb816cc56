"""Any complaint -> Report: unwrapped, read, traced, located, judged, fingerprinted.

A complaint is a bare mail, a mail that forwards one original whole (RFC 2046 §5.2.1), or a
feedback report (RFC 5965). The law: who complains is never guessed here; nothing but the
reporter's provider's own lines says who sent the mail; content never raises.
Verbs: ``unwrap`` a complaint, ``normalise`` it into a Report.
"""

import hashlib
import re

from gateway import campaign, category, trace
from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import arf, headers, html, links, mail, mime
from gateway.hosting import Locate
from gateway.model import Complaint, Link, Message, Noun, Report, evolve

BARE, ATTACHED, FEEDBACK = "bare", "attached", "arf"
"""The three forms of a complaint, as ``Complaint.form`` names them."""

# What mail programs put before the subject of a forwarded mail, in some of Europe's languages.
_FORWARDED = re.compile(
    r"\s*(?:fwd?|tr|wg|rv|enc|i|doorst|vs|vb|pd|továbbítás)\s*:|.*\(fwd\)", re.IGNORECASE
)
_REPORTS = frozenset(
    {
        "message/delivery-status",
        "message/disposition-notification",
        "message/global-delivery-status",
    }
)
LITTLE = 500
"""Characters that a person writes above a forwarded mail without making it a mail of its own."""


class Settings(Noun, frozen=True):
    """How complaints are read.

    ``borders`` name hosts and networks that receive our reporters' mail, ``forwarders`` those that
    forward mail to them; see ``trace.find``.
    ``wrapped`` says whether a mail attached whole is what the complaint is about: ``True`` and
    ``False`` where whoever hands the complaints in knows it, ``None`` to judge each one.
    """

    limits: ReadingLimits = ReadingLimits()
    borders: tuple[str, ...] = ()
    forwarders: tuple[str, ...] = ()
    wrapped: bool | None = None


def unwrap(
    source: bytes, limits: ReadingLimits, *, wrapped: bool | None = None
) -> tuple[Complaint, bytes]:
    """The mail that a complaint is about, byte for byte, and how the complaint came.

    Whatever the original holds in its turn is left as it is: nothing is unwrapped twice, so no
    chain of wrappers costs more than one. ``wrapped`` as in ``Settings``.

    A mail that carries another one is not always a complaint: spam carries mails as well, to hide
    its lure or to pose as a bounce, and then the inner mail is all forged. So one attached mail is
    taken for the original only if it is the only thing attached, the outer mail is no bounce, no
    automatic answer and no list mail, and one of these holds: the outer mail never travelled (a
    plug-in made it); or its sender is a recipient of the inner mail, which must have travelled;
    or the inner mail travelled, and the outer one says little, without a link, or is called a
    forward. In all other cases the outer mail is what was complained about.

    Raises:
        Unparseable: the source is no mail, reaches a bound, or is a feedback report without an
            original.
    """
    complaint, original, _ = _unwrapped(mime.walk(source, limits), limits, wrapped=wrapped)
    return complaint, source if original is None else original


def normalise(source: bytes, locate: Locate, settings: Settings | None = None) -> Report:
    """A complaint as a Report: what the mail is, who handed it over, and where that is.

    A source that is no mail, or that reaches a bound, gives a Report without a Message, whose
    ``problems`` say why. What a feedback report claims of the sender stays in the complaint's
    fields and is never taken for the origin.

    Args:
        source: the complete complaint, as it came.
        locate: tells the Hosting of an address in canonical form.
        settings: limits and borders; the defaults where missing.
    """
    settings = settings or Settings()
    complaint = Complaint(form=BARE)
    problems: tuple[str, ...] = ()
    try:
        walked = mime.walk(source, settings.limits)
        complaint, original, problems = _unwrapped(
            walked, settings.limits, wrapped=settings.wrapped
        )
        if original is not None:
            walked = mime.walk(original, settings.limits)
        received = mail.compose(walked, settings.limits)
    except Unparseable as refused:
        return Report(
            source_sha256=hashlib.sha256(source).hexdigest(),
            source_size=len(source),
            complaint=complaint,
            problems=(*problems, refused.detail),
        )
    bare = original is None
    return _found(
        Report(
            source_sha256=received.message.sha256 if bare else hashlib.sha256(source).hexdigest(),
            source_size=len(source),
            complaint=complaint,
            problems=(*problems, *received.problems),
        ),
        received,
        locate,
        settings,
        _opening(walked),
    )


def _opening(walked: mime.Walked) -> bytes:
    """The first bytes of the mail's first HTML part, decoded; empty where it has none."""
    for part in walked.parts:
        if part.media_type == "text/html" and part.enclosed is None:
            return walked.content(part, campaign.OPENING)
    return b""


def _found(
    report: Report, received: mail.Mail, locate: Locate, settings: Settings, opening: bytes
) -> Report:
    """``report`` with its Message and all that is found out about it."""
    message = received.message
    if any(_is_address(link.host) for link in message.links):
        message = evolve(message, links=tuple(_located(link, locate) for link in message.links))
    found = trace.find(message.headers, locate, settings.borders, settings.forwarders)
    traced = None if isinstance(found, trace.Untraced) else found
    return evolve(
        report,
        message=message,
        origin=traced,
        hosting=locate(traced.address) if traced else None,
        judgement=category.judge(
            message, received.text, origin=traced, feedback=report.complaint.feedback_type
        ),
        fingerprint=campaign.fingerprint(received.text, message, opening),
        problems=(
            (*report.problems, found.reason)
            if isinstance(found, trace.Untraced)
            else report.problems
        ),
    )


def _is_address(host: str) -> bool:
    """Whether a link's host, which is in canonical form, is an IP address."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def _located(link: Link, locate: Locate) -> Link:
    if not _is_address(link.host):
        return link
    found = locate(link.host)
    return evolve(link, country=None if found.disputed else found.country)


def _unwrapped(
    walked: mime.Walked, limits: ReadingLimits, *, wrapped: bool | None
) -> tuple[Complaint, bytes | None, tuple[str, ...]]:
    """The complaint's form, the original where it is not the source itself, and problems."""
    if len(walked.parts) == 1 and not walked.parts[0].container:
        return Complaint(form=BARE), None, ()
    if arf.container(walked) is not None and wrapped is not False:
        feedback = arf.compose(walked, limits)
        complaint = Complaint(
            form=FEEDBACK,
            feedback_type=feedback.feedback_type,
            fields=(
                ("User-Agent", feedback.user_agent),
                ("Version", feedback.version),
                *feedback.fields,
            ),
        )
        problems = feedback.problems
        if feedback.headers_only:
            problems = (*problems, "only the header of the mail was reported")
        return complaint, feedback.original, problems
    inner = None if wrapped is False else _attached(walked)
    if inner is not None:
        original = walked.content(inner)
        if wrapped or _forwards(walked, original, limits):
            return Complaint(form=ATTACHED), original, ()
    return Complaint(form=BARE), None, ()


def _attached(walked: mime.Walked) -> mime.Part | None:
    """The one mail attached whole to the outer mail, or ``None`` where there are none or more."""
    outer = [part for part in walked.parts if part.enclosed is None]
    found = [part for part in outer if part.media_type in mime.WHOLE_MESSAGES]
    return found[0] if len(found) == 1 and found[0].parent in {0, None} else None


def _forwards(walked: mime.Walked, original: bytes, limits: ReadingLimits) -> bool:
    """Whether the outer mail only hands on ``original``; the rule stands with ``unwrap``."""
    top = walked.parts[0]
    if _automatic(top) or not _nothing_else(walked):
        return False
    try:
        inner = mail.read(original, limits).message
    except Unparseable:
        return False
    if "received" not in top.named:
        return True
    travelled = any(name.lower() == "received" for name, _ in inner.headers)
    if not travelled:
        return False
    sender = {box.address.lower() for box in headers.mailboxes(top.first("from") or "")}
    if sender.intersection(address.lower() for address in inner.recipients):
        return True
    return _called_forward(top, inner) or _says_little(walked, limits)


def _automatic(top: mime.Part) -> bool:
    """Whether a machine made the outer mail: a bounce, an automatic answer, a list's mail."""
    if top.media_type == "multipart/report" or "list-id" in top.named:
        return True
    if (top.first("auto-submitted") or "no").strip().lower() != "no":  # RFC 3834 §5
        return True
    return "return-path" in top.named and not headers.angle(top.named["return-path"])


def _nothing_else(walked: mime.Walked) -> bool:
    """Whether the outer mail carries nothing beside text and the attached mail.

    Pictures that stand in the text (a signature's logo) are no attachments.
    """
    for part in walked.parts:
        if part.enclosed is not None or part.container:
            continue
        disposed = (part.first("content-disposition") or "").strip().lower()
        text = part.media_type in {"text/plain", "text/html"}
        picture = part.media_type.startswith("image/") and "content-id" in part.named
        if (
            part.media_type in _REPORTS
            or disposed.startswith("attachment")
            or not (text or picture)
        ):
            return False
    return True


def _called_forward(top: mime.Part, inner: Message) -> bool:
    subject = headers.decode(top.first("subject") or "")
    within = inner.subject is not None and len(inner.subject) > 4 and inner.subject in subject
    return within or _FORWARDED.match(subject) is not None


def _says_little(walked: mime.Walked, limits: ReadingLimits) -> bool:
    """Whether the outer mail's own text is short and without a link."""
    length = 0
    for part in walked.parts:
        if part.enclosed is not None or part.media_type not in {"text/plain", "text/html"}:
            continue
        content, charset = walked.content(part), part.parameters.get("charset")
        if part.media_type == "text/html":
            page = html.read(content, charset, limits)
            length += len(page.text)
            if page.references:
                return False
        else:
            text = headers.text_of(content[: limits.part_chars], charset)
            length += len(html.visible(text))
            if next(links.find(text), None):
                return False
    return length <= LITTLE
