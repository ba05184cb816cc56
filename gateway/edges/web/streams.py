"""The endpoints that take SETs, one or many at a time, and the one that says who we are.

It carries RFC 8935 §2.1 to §2.4 and the IETF draft on multi-push. The law: the caller is known
before a byte of the body is read, a body counts only if it is as long as was said, and 202 is
answered only for what is kept. Verb: ``install``.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from flask import Flask, Response, request

from gateway import strict_json
from gateway.edges.web.receiver import Receiver
from gateway.errors import JsonInvalid
from gateway.gate.checks import refusal
from gateway.gate.door import Call, check_call
from gateway.model import PeerId

PUSH: Final = "/ssf/push"
PUSH_MANY: Final = "/ssf/push-many"
STATEMENT: Final = "/.well-known/openid-federation"
SET_TYPE: Final = "application/secevent+jwt"
SETS_TYPE: Final = "application/secevents+json"
STATEMENT_TYPE: Final = "application/entity-statement+jwt"
MOST_SET_CHARS: Final = 100_000
"""Characters of one SET, as announced."""
MOST_SETS: Final = 500
"""SETs of one call, as announced."""
_PIECE_BYTES = 65_536
_MOST_LENGTH_DIGITS = 18


class _Many(msgspec.Struct):
    """The body of a call of many SETs; members that we do not know are let be."""

    sets: dict[str, str]


def install(app: Flask, receiver: Receiver, max_call_bytes: int) -> None:
    """Add the endpoints to ``app``.

    Args:
        app: where to.
        receiver: who takes in what comes.
        max_call_bytes: the longest body, in bytes.
    """

    def push() -> Response:
        peer = _let_in(receiver)
        most = min(MOST_SET_CHARS, max_call_bytes)
        receiver.push(_body(SET_TYPE, most), peer)
        return Response(status=202, content_type="application/json")

    def push_many() -> Response:
        peer = _let_in(receiver)
        answer = receiver.push_many(_sets(_body(SETS_TYPE, max_call_bytes), max_call_bytes), peer)
        members = {"ack": answer.ack, "setErrs": dict(answer.set_errs)}
        return Response(strict_json.write(members), 202, content_type="application/json")

    def statement() -> Response:
        return Response(receiver.statement(), content_type=STATEMENT_TYPE)

    for path, view in ((PUSH, push), (PUSH_MANY, push_many)):
        app.add_url_rule(path, view_func=view, methods=["POST"], provide_automatic_options=False)
    app.add_url_rule(STATEMENT, view_func=statement, methods=["GET"])


def _let_in(receiver: Receiver) -> PeerId:
    """The peer that calls, known by its headers alone; every stranger gets the same answer.

    Raises:
        Refusal: check 6.
    """
    peer = receiver.door(request.headers.get("Authorization"))
    if peer is None:
        raise refusal("live-peer")
    return peer


def _body(media_type: str, most: int) -> bytes:
    """The whole body, read only if its form is one that we take, believed only if complete.

    The server hands on bodies that were cut short, so the bytes are counted here.

    Raises:
        Refusal: checks 2 to 5.
    """
    declared = _declared()
    call = Call(
        media_type=request.headers.get("Content-Type"),
        content_coding=request.headers.get("Content-Encoding"),
        declared=declared,
        read=declared or 0,
    )
    check_call(call, media_type, most)
    body = _read(declared or 0)
    check_call(msgspec.structs.replace(call, read=len(body)), media_type, most)
    return body


def _declared() -> int | None:
    """Content-Length, where the body is framed by it and by nothing else."""
    text = request.environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in request.environ or len(text) > _MOST_LENGTH_DIGITS:
        return None
    return int(text) if text.isascii() and text.isdigit() else None


def _read(length: int) -> bytes:
    """At most ``length`` bytes, straight from the server.

    Raises:
        Refusal: check 5; the connection broke or its time is over.
    """
    stream = request.environ["wsgi.input"]
    body = bytearray()
    try:
        while len(body) < length:
            piece = stream.read(min(_PIECE_BYTES, length - len(body)))
            if not piece:
                break
            body += piece
    except Exception as error:
        raise refusal("framing", repr(error)) from error
    return bytes(body)


def _sets(body: bytes, most: int) -> Mapping[str, bytes]:
    """The SETs of a call of many, by the names that it gives them.

    Raises:
        JsonInvalid: the call as a whole is not of the form.
        Refusal: check 2; too many SETs.
    """
    try:
        many = msgspec.convert(strict_json.read_object(body, max_bytes=most), _Many)
    except msgspec.ValidationError as error:
        raise JsonInvalid(str(error)) from error
    if len(many.sets) > MOST_SETS:
        raise refusal("size", f"{len(many.sets)} SETs")
    return {name: token.encode() for name, token in many.sets.items()}
