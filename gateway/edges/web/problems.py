"""Errors as HTTP answers; the only place where detail is stripped.

It carries RFC 9457 §3 for everything but the endpoints of SETs, which answer as RFC 8935 §2.3
has it. The law: what leaves says what the caller may know; what happened stands in our log,
under an incident number that both have. Verbs: ``install``, ``set_error``.
"""

import logging
from http import HTTPStatus

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from gateway import strict_json
from gateway.answers import SetError
from gateway.edges.clock import uuid7
from gateway.errors import EntenteError, JsonInvalid, StorageFull, Unreachable
from gateway.gate.checks import Again, Refusal, describe

RETRY_SECONDS = 30
"""What Retry-After says: soon enough after a full disk, late enough not to be a storm."""
_CHALLENGE = 'Bearer realm="entente"'
_log = logging.getLogger("entente.web")


def problem(status: int, *, code: str = "", sentence: str = "", incident: str = "") -> Response:
    """A problem document (RFC 9457 §3.1) with our own members ``code`` and ``incident``."""
    members = {"title": sentence or HTTPStatus(status).phrase, "status": status}
    if code:
        members["code"] = code
    if incident:
        members["incident"] = incident
    body = strict_json.write(members)
    return Response(body, status, content_type="application/problem+json")


def set_error(status: int, error: SetError, *, later: bool = False) -> Response:
    """The answer to a SET that is not taken (RFC 8935 §2.3)."""
    answer = Response(strict_json.write(error), status, content_type="application/json")
    answer.headers["Content-Language"] = "en"
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = _CHALLENGE
    if later and status != HTTPStatus.BAD_REQUEST:
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def refused(refusal: Refusal) -> Response:
    """The answer that the check's own line in the table demands."""
    check = refusal.check
    error = SetError(err=check.code, description=describe(check))
    return set_error(check.status, error, later=check.again is Again.LATER)


def install(app: Flask) -> None:
    """Give ``app`` an answer to every error, so that nothing internal is ever shown."""
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(JsonInvalid, _not_a_call)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(EntenteError, _ours)
    app.register_error_handler(Exception, _unknown)


def _not_a_call(error: JsonInvalid) -> Response:
    return set_error(400, SetError(err="invalid_request", description=error.sentence))


def _http(error: HTTPException) -> Response:
    answer = problem(error.code or 500)
    if error.code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
    return answer


def _ours(error: EntenteError) -> Response:
    incident = uuid7()
    _log.error("incident %s: %s: %s", incident, error.code, error.detail)
    later = isinstance(error, StorageFull | Unreachable)
    # A full disk is answered 503 and not 507, for every peer's software knows to try 503 again.
    status = HTTPStatus.SERVICE_UNAVAILABLE if later else error.status
    answer = problem(status, code=error.code, sentence=error.sentence, incident=incident)
    if later:
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _unknown(error: Exception) -> Response:
    incident = uuid7()
    _log.error("incident %s", incident, exc_info=error)
    return problem(500, code="error", sentence=EntenteError.sentence, incident=incident)
