"""The web side put together: the endpoints of peers, the public page, one answer to every error.

The law: nothing is shown that was not meant to be, no page runs a script or loads anything from
elsewhere, and no answer is kept by a cache. Verb: ``create_app``.
"""

from typing import Final

from flask import Flask, Response

from gateway.config import Serve
from gateway.edges.web import pages, problems, streams
from gateway.edges.web.receiver import Receiver

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_app(receiver: Receiver, serve: Serve) -> Flask:
    """The WSGI application of an installation.

    Args:
        receiver: who takes in what comes, and knows what the page says.
        serve: the settings of the web side.
    """
    app = Flask(__name__, static_folder="static" if serve.status_page else None)
    app.after_request(_guarded)
    problems.install(app)
    streams.install(app, receiver, serve.max_call_bytes)
    if serve.status_page:
        pages.install(app, receiver)
    return app


def _guarded(answer: Response) -> Response:
    for name, value in _HEADERS.items():
        answer.headers[name] = value
    answer.headers["Cache-Control"] = "no-store"
    return answer
