"""Security Event Tokens: closed once when they leave, opened when they come.

It carries RFC 8417 §2, RFC 7515 §7.1, RFC 9493 §3 and the SET profile of SSF 1.0.
The law here: a SET is signed once and resent byte for byte, and its digest is that of the bytes
that were signed. The verbs are ``close``, ``open_token`` and ``input_digest``, and inside an
event ``read_body`` and ``write_body``.
"""

from gateway.seal.bodies import Body, batches, read_body, write_body
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
from gateway.seal.own import read as read_own
from gateway.seal.token import (
    MAX_SET,
    TYP,
    Sealed,
    Stamp,
    case_subject,
    claims,
    close,
    input_digest,
    open_token,
    set_subject,
    stream_subject,
)

__all__ = [
    "MAX_SET",
    "TYP",
    "Body",
    "CaseName",
    "CorrectionBody",
    "HeadBody",
    "NarrowingBody",
    "ReceiptBody",
    "ReceiptLine",
    "ReceiptWantedBody",
    "ReportBody",
    "Sealed",
    "Stamp",
    "StreamUpdatedBody",
    "VerificationBody",
    "WithdrawalBody",
    "batches",
    "case_subject",
    "claims",
    "close",
    "input_digest",
    "open_token",
    "read_body",
    "read_own",
    "set_subject",
    "stream_subject",
    "write_body",
]
