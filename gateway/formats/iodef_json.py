"""The interchange document as JSON, as it travels inside a SET (RFC 8727).

``read(write(document)) == document``, and only ``DocumentInvalid`` leaves a reader. Duplicate
members are the business of the strict layer before this one (``strict_json``).
Verbs: ``write``, ``read``, ``take`` (from members already parsed), ``plain``, ``schema``.
"""

from datetime import datetime
from typing import Any

import msgspec

from gateway.errors import DocumentInvalid
from gateway.formats.iodef_document import MOST_BYTES, Document
from gateway.formats.iodef_rules import check

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Document)

SCHEMA_ID = "urn:entente:schema:report:1"
"""The ``$id`` of the JSON Schema of our profile."""


def write(document: Document) -> bytes:
    """The document as UTF-8 JSON without white space; members stand in the order of the model."""
    return _encoder.encode(document)


def read(content: bytes) -> Document:
    """The document that ``content`` holds, checked by model and rules (RFC 8727 §2).

    Raises:
        DocumentInvalid: it is no JSON, larger than ``MOST_BYTES``, or not of our profile.
    """
    if len(content) > MOST_BYTES:
        raise DocumentInvalid(f"the document has more than {MOST_BYTES} bytes")
    try:
        return check(_decoder.decode(content))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentInvalid(str(error)) from error


def take(members: object) -> Document:
    """The document that already parsed JSON ``members`` hold: the ``iodef`` of an event object.

    Where the whole event was read by its model, ``members`` are a ``Document`` already.

    Raises:
        DocumentInvalid: it is not of our profile.
    """
    try:
        whole = members if isinstance(members, Document) else msgspec.convert(members, Document)
        return check(whole)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentInvalid(str(error)) from error


def plain(document: Document) -> dict[str, object]:
    """The document as JSON members, ready to be put into an event object."""
    members: dict[str, object] = msgspec.to_builtins(document)
    return members


def schema() -> bytes:
    """The JSON Schema (draft 2020-12) of our profile, made from the model, as it is published."""
    made: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Entente report, version 1: our profile of IODEF-JSON (RFC 8727)",
    }
    made.update(msgspec.json.schema(Document))
    return msgspec.json.format(_encoder.encode(made), indent=2) + b"\n"


def moment(text: str) -> datetime:
    """The time that ``text`` names, as the JSON reader takes it: RFC 3339 with an offset.

    Raises:
        DocumentInvalid: it is none, or has no offset.
    """
    try:
        found = msgspec.convert(text, datetime)
    except msgspec.MsgspecError as error:
        raise DocumentInvalid(str(error)) from error
    if found.tzinfo is None:
        raise DocumentInvalid("a time without an offset")
    return found
