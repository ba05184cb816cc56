"""Reports that are spelt as we spell them, read in one go.

It carries what ``strict_json`` demands of JSON (RFC 7493 §2) and our profile of RFC 8417 §2.2.
The law: a text is taken here only if what was read of it gives the very same bytes again. So
nothing stood in it twice, nothing that the model does not know, and nothing deeper than the
model is; everything else is read the long way. Verb: ``read``.
"""

import msgspec
from msgspec import UNSET, UnsetType

from gateway import protocol, strict_json
from gateway.formats.iodef_document import Document
from gateway.model import Kind


class _Name(msgspec.Struct, gc=False):
    iss: str
    jti: str


class _Case(msgspec.Struct, gc=False):
    iss: str
    id: str


class _Event(msgspec.Struct, omit_defaults=True):
    tlp: str
    case: _Case
    iodef: Document
    follows: _Name | UnsetType = UNSET
    supersedes: _Name | UnsetType = UNSET


class _Subject(msgspec.Struct, gc=False):
    format: str
    id: str


class _Events(msgspec.Struct, rename={"report": protocol.uri(Kind.REPORT)}):
    report: _Event


class _Claims(msgspec.Struct):
    iss: str
    iat: int
    jti: str
    aud: str
    txn: str
    sub_id: _Subject
    events: _Events


_decode = msgspec.json.Decoder(_Claims).decode
_encode = msgspec.json.Encoder().encode


def read(payload: bytes) -> dict[str, object] | None:
    """The claims of a report as ``strict_json.read_object`` gives them, or None where it must.

    One thing differs: the interchange document stands in its event as a ``Document`` already.

    Args:
        payload: the JWS payload of a SET whose signature is good.
    """
    try:
        found = _decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    if strict_json.has_large_numbers(payload) or _encode(found) != payload:
        return None
    event = found.events.report
    members: dict[str, object] = {
        "tlp": event.tlp,
        "case": {"iss": event.case.iss, "id": event.case.id},
        "iodef": event.iodef,
    }
    for name in ("follows", "supersedes"):
        meant: _Name | UnsetType = getattr(event, name)
        if meant is not UNSET:
            members[name] = {"iss": meant.iss, "jti": meant.jti}
    return {
        "iss": found.iss,
        "iat": found.iat,
        "jti": found.jti,
        "aud": found.aud,
        "txn": found.txn,
        "sub_id": {"format": found.sub_id.format, "id": found.sub_id.id},
        "events": {protocol.uri(Kind.REPORT): members},
    }
