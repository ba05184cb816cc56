"""What stands inside an event, as a noun and as JSON: read and written here only.

It carries the event payload of RFC 8417 §2.2, and SSF 1.0 for the framework's own events.
The law here: what a later version adds is ignored and kept in the bytes, what this version needs
must be there and well formed. The verbs are ``read_body``, ``write_body`` and ``batches``.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated

import msgspec

from gateway import strict_json
from gateway.errors import DocumentInvalid
from gateway.formats.iodef_document import Document
from gateway.model import CaseId, HostingClaim, Kind, PeerId, SetId, Tlp, Verdict
from gateway.seal.nouns import (
    CaseName,
    CorrectionBody,
    HeadBody,
    NarrowingBody,
    ReceiptBody,
    ReceiptLine,
    ReceiptWantedBody,
    ReportBody,
    StreamUpdatedBody,
    VerificationBody,
    WithdrawalBody,
)

MAX_LINES = 500
"""How many SETs one receipt speaks of; as many as one call carries."""

_LINE_BYTES = 65_000  # of all lines of one receipt, so that its SET stays under 100,000 characters

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
_Words = Annotated[str, msgspec.Meta(max_length=1000)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}$")]
_Seconds = Annotated[int, msgspec.Meta(ge=0, lt=2**33)]
_Place = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


Body = (
    ReportBody
    | CorrectionBody
    | WithdrawalBody
    | NarrowingBody
    | ReceiptBody
    | ReceiptWantedBody
    | HeadBody
    | VerificationBody
    | StreamUpdatedBody
)


class _SetName(msgspec.Struct):
    iss: _Name
    jti: _Name


class _Case(msgspec.Struct):
    iss: _Name
    id: _Name


class _Report(msgspec.Struct):
    case: _Case
    iodef: object  # members, or a Document that was read with the whole event
    tlp: object = None
    follows: _SetName | None = None
    supersedes: _SetName | None = None


class _FollowUp(msgspec.Struct):
    tlp: object = None
    case: _Case | None = None
    follows: _SetName | None = None
    reason: _Words | None = None


class _Claim(msgspec.Struct, omit_defaults=True):
    kind: _Words
    source: _Words
    as_of: _Words
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] | None = None
    prefix: _Words | None = None


class _Line(msgspec.Struct, omit_defaults=True):
    digest: _Digest
    received_at: _Seconds
    verdict: Verdict
    check: Annotated[int, msgspec.Meta(ge=1, le=999)] | None = None
    code: _Name | None = None
    claims: Annotated[list[_Claim], msgspec.Meta(max_length=16)] = []


class _Journal(msgspec.Struct):
    size: _Place
    head: _Digest


class _Receipt(msgspec.Struct):
    receipts: Annotated[dict[_Name, _Line], msgspec.Meta(min_length=1, max_length=MAX_LINES)]
    journal: _Journal


class _ReceiptWanted(msgspec.Struct):
    jtis: Annotated[list[_Name], msgspec.Meta(min_length=1, max_length=MAX_LINES)]


class _Head(msgspec.Struct):
    epoch: _Place
    place: _Place
    digest: _Digest


class _Verification(msgspec.Struct):
    state: _Words | None = None


class _StreamUpdated(msgspec.Struct):
    status: _Words
    reason: _Words | None = None


_Shape = _Report | _FollowUp | _Receipt | _ReceiptWanted | _Head | _StreamUpdated | _Verification


def read_body(kind: Kind, event: Mapping[str, object]) -> Body:
    """What the event object of a SET of ``kind`` says.

    Raises:
        errors.DocumentInvalid: a member is missing or malformed, or this version has no
            definition of the kind.
    """
    shape = _SHAPES.get(kind)
    if shape is None:
        raise DocumentInvalid(f"events of kind {kind} are not defined here")
    try:
        found: _Shape = msgspec.convert(event, shape)
    except (msgspec.ValidationError, TypeError) as error:
        raise DocumentInvalid(str(error)) from error
    match found:
        case _Report():
            return _report(kind, found)
        case _FollowUp():
            return _follow_up(kind, found)
        case _Receipt():
            return ReceiptBody(
                lines=tuple(_line(jti, line) for jti, line in found.receipts.items()),
                journal_size=found.journal.size,
                journal_head=_digest(found.journal.head),
            )
        case _ReceiptWanted():
            return ReceiptWantedBody(jtis=tuple(found.jtis))
        case _Head():
            return HeadBody(epoch=found.epoch, place=found.place, digest=_digest(found.digest))
        case _StreamUpdated():
            return StreamUpdatedBody(status=found.status, reason=found.reason)
        case _Verification():
            return VerificationBody(state=found.state)


def write_body(body: Body) -> dict[str, object]:
    """``body`` as an event object; ``read_body`` gives it back."""
    match body:
        case ReportBody():
            members: dict[str, object] = {"case": body.case, "iodef": body.iodef}
            return _labelled(members, body.label) | _named(
                follows=body.follows, supersedes=body.supersedes
            )
        case WithdrawalBody() | NarrowingBody():
            members = {} if body.case is None else {"case": body.case}
            if isinstance(body, WithdrawalBody) and body.reason is not None:
                members["reason"] = body.reason
            return _labelled(members, body.label) | _named(follows=body.follows)
        case ReceiptBody():
            return {
                "receipts": {line.jti: _written(line) for line in body.lines},
                "journal": {"size": body.journal_size, "head": _text(body.journal_head)},
            }
        case ReceiptWantedBody():
            return {"jtis": list(body.jtis)}
        case HeadBody():
            return {"epoch": body.epoch, "place": body.place, "digest": _text(body.digest)}
        case VerificationBody():
            return {} if body.state is None else {"state": body.state}
        case StreamUpdatedBody():
            updated: dict[str, object] = {"status": body.status}
            return updated if body.reason is None else updated | {"reason": body.reason}


def batches(lines: Iterable[ReceiptLine]) -> Iterator[tuple[ReceiptLine, ...]]:
    """``lines`` in the fewest receipts, in their order: each fits into one SET.

    A line with the claims of a misrouted report is several times as long as one without.
    """
    batch: list[ReceiptLine] = []
    size = 0
    for line in lines:
        length = len(line.jti) + len(strict_json.write(_written(line))) + 4
        if batch and (size + length > _LINE_BYTES or len(batch) == MAX_LINES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield tuple(batch)


_SHAPES: Mapping[Kind, type[_Shape]] = MappingProxyType(
    {
        Kind.REPORT: _Report,
        Kind.CORRECTION: _Report,
        Kind.WITHDRAWAL: _FollowUp,
        Kind.NARROWING: _FollowUp,
        Kind.RECEIPT: _Receipt,
        Kind.RECEIPT_WANTED: _ReceiptWanted,
        Kind.HEAD: _Head,
        Kind.VERIFICATION: _Verification,
        Kind.STREAM_UPDATED: _StreamUpdated,
    }
)


def _report(kind: Kind, found: _Report) -> Body:
    """A report or the correction of one."""
    if not isinstance(found.iodef, dict | Document):
        raise DocumentInvalid("iodef is not an object")
    noun = CorrectionBody if kind is Kind.CORRECTION else ReportBody
    return noun(
        case=_case(found.case),
        iodef=found.iodef,
        label=_label(found.tlp),
        follows=_meant(found.follows),
        supersedes=_meant(found.supersedes),
    )


def _follow_up(kind: Kind, found: _FollowUp) -> Body:
    """A withdrawal or a narrowing."""
    case = None if found.case is None else _case(found.case)
    label, follows = _label(found.tlp), _meant(found.follows)
    if kind is Kind.WITHDRAWAL:
        return WithdrawalBody(label=label, case=case, follows=follows, reason=found.reason)
    if label is None:
        raise DocumentInvalid("a narrowing without a known label")
    return NarrowingBody(label=label, case=case, follows=follows)


def _label(said: object) -> Tlp | None:
    """The label that ``said`` is, or None for what TLP 2.0 does not know."""
    return _LABELS.get(said) if isinstance(said, str) else None


_LABELS = {str(label): label for label in Tlp}


def _case(name: _Case) -> CaseName:
    return CaseName(iss=PeerId(name.iss), id=CaseId(name.id))


def _meant(name: _SetName | None) -> SetId | None:
    return None if name is None else SetId(issuer=PeerId(name.iss), jti=name.jti)


def _line(jti: str, line: _Line) -> ReceiptLine:
    """One line of a receipt that came."""
    return ReceiptLine(
        jti=jti,
        digest=_digest(line.digest),
        received_at=datetime.fromtimestamp(line.received_at, UTC),
        verdict=line.verdict,
        check=line.check,
        code=line.code,
        claims=tuple(
            msgspec.convert(claim, HostingClaim, from_attributes=True) for claim in line.claims
        ),
    )


def _written(line: ReceiptLine) -> _Line:
    """One line of a receipt that goes out; the mirror of ``_line``."""
    return _Line(
        digest=_text(line.digest),
        received_at=int(line.received_at.timestamp()),
        verdict=line.verdict,
        check=line.check,
        code=line.code,
        claims=[msgspec.convert(claim, _Claim, from_attributes=True) for claim in line.claims],
    )


def _labelled(members: dict[str, object], label: Tlp | None) -> dict[str, object]:
    """``members`` with the label in front, if there is one."""
    return members if label is None else {"tlp": label} | members


def _named(**meant: SetId | None) -> dict[str, object]:
    """The members that name other SETs."""
    return {
        name: {"iss": named.issuer, "jti": named.jti}
        for name, named in meant.items()
        if named is not None
    }


def _digest(text: str) -> bytes:
    """The 32 bytes of a digest in base64url.

    Raises:
        errors.DocumentInvalid: a second spelling of some digest.
    """
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise DocumentInvalid(str(error)) from error
    if _text(raw) != text:
        raise DocumentInvalid("a digest that is not canonical base64url")
    return raw


def _text(digest: bytes) -> str:
    """A digest as it is written: base64url without padding."""
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
