"""The nouns inside an event, one per kind; ``bodies`` reads and writes them.

It carries the event payload of RFC 8417 §2.2, and SSF 1.0 for the framework's own events.
The law here: no behaviour, only what a kind says, in our own types.
"""

from datetime import datetime

from gateway.model import CaseId, HostingClaim, Noun, PeerId, SetId, Tlp, Verdict


class CaseName(Noun):
    """A case and the association whose id it is."""

    iss: PeerId
    id: CaseId


class ReportBody(Noun):
    """A report, with the interchange document in ``iodef`` as parsed JSON.

    A body that is only going to be written may carry the document as ``msgspec.Raw``.
    ``label`` is None where the sender gave none, or one that does not exist.
    """

    case: CaseName
    iodef: object
    label: Tlp | None = None
    follows: SetId | None = None
    supersedes: SetId | None = None


class CorrectionBody(ReportBody):
    """A report that stands in place of the SET that its subject names."""


class WithdrawalBody(Noun):
    """The SET that the subject names is taken back."""

    label: Tlp | None = None
    case: CaseName | None = None
    follows: SetId | None = None
    reason: str | None = None


class NarrowingBody(Noun):
    """Fewer may see the SET that the subject names; ``label`` is the new, stricter one."""

    label: Tlp
    case: CaseName | None = None
    follows: SetId | None = None


class ReceiptLine(Noun):
    """What became of one SET: the digest of its input, when it came, and the verdict.

    ``check`` and ``code`` name the check that refused; ``claims`` say where we place the host,
    if that is why.
    """

    jti: str
    digest: bytes
    received_at: datetime
    verdict: Verdict
    check: int | None = None
    code: str | None = None
    claims: tuple[HostingClaim, ...] = ()


class ReceiptBody(Noun):
    """A receipt over many SETs, and the head of the receiver's journal after them."""

    lines: tuple[ReceiptLine, ...]
    journal_size: int
    journal_head: bytes


class ReceiptWantedBody(Noun):
    """The SETs, by ``jti``, whose receipt is overdue."""

    jtis: tuple[str, ...]


class HeadBody(Noun):
    """How far a stream has come: its epoch, the last place, the running digest up to it."""

    epoch: int
    place: int
    digest: bytes


class VerificationBody(Noun):
    """The live check of a stream (SSF 1.0, event type verification)."""

    state: str | None = None


class StreamUpdatedBody(Noun):
    """A stream's new status, with the reason given (SSF 1.0, event type stream-updated)."""

    status: str
    reason: str | None = None
