"""The web server: gunicorn with threads over TLS, bound in time, stopped in order.

It carries RFC 9112 §6.3 through gunicorn, the strictest server measured, and adds what that
lacks: a deadline for a caller's greeting and header lines, and one for body and answer. The
law: one process takes the requests, so that one writer meets the database. Verb: ``serve``.
"""

import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from gateway.config import Serve
from gateway.edges.deadline import Deadline, DeadlineContext
from gateway.edges.home import Home
from gateway.errors import ConfigInvalid, EntenteError

_BACKLOG: Final = 256
_IDLE_SECONDS: Final = 15
"""How long a connection between two calls is kept; a batch follows a batch sooner than that."""
_STOP_SECONDS: Final = 10
"""How long a call that is under way may go on when we are stopped."""
_COULD_NOT_LOAD: Final = 4

Announce = Callable[[str], None]


def serve(make: Callable[[], Flask], settings: Serve, home: Home, announce: Announce) -> None:
    """Answer calls until SIGTERM or SIGINT; then finish those under way and return.

    Args:
        make: makes the application, in the process that answers; what it opens is not shared.
        settings: address, certificate, threads and limits.
        home: where relative paths of the settings begin.
        announce: called once with our ``https://address:port`` when the first call can be
            answered; port 0 of the settings has become a real one there.

    Raises:
        ConfigInvalid: the address is taken, or the certificate or its key cannot be used.
        SystemExit: the application could not be made; why stands on standard error.
    """
    deadline = Deadline()
    context = _tls(settings, home, deadline)
    application = _Application(make, settings, deadline, context, announce)
    before = {number: signal.getsignal(number) for number in Arbiter.SIGNALS}
    try:
        Arbiter(application).run()
    except SystemExit as end:
        if end.code:
            raise
    finally:
        # gunicorn has taken the signals; after it they mean again what they meant.
        for number, meaning in before.items():
            signal.signal(number, meaning)


def _tls(settings: Serve, home: Home, deadline: Deadline) -> DeadlineContext:
    certificate, key = home.within(settings.certificate), home.within(settings.key)
    context = DeadlineContext(ssl.PROTOCOL_TLS_SERVER, deadline=deadline)
    try:
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ConfigInvalid(
            f"the certificate {certificate} with the key {key} cannot be used: {error}",
            hint="name both as PEM files in entente.toml: serve.certificate and serve.key",
        ) from error
    return context


def _listening(settings: Serve) -> socket.socket:
    """Bound here and not by gunicorn, which tries for five seconds and then says little."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigInvalid(
            f"cannot listen on {settings.bind}: {error.strerror or error}",
            hint="another program may use that port; change serve.bind in entente.toml",
        ) from error


class _Quiet(Logger):
    """gunicorn's log without the callers that were too slow: they are no error of ours."""

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:  # noqa: ANN401 - as logging has it
        if not isinstance(sys.exc_info()[1], TimeoutError):
            super().exception(msg, *args, **kwargs)


class _Worker(ThreadWorker):
    """gunicorn's threads, each with a deadline for the request that it reads."""

    def handle(self, conn: TConn) -> bool:
        if isinstance(self.app, _Application):
            self.app.start_headers()
        return super().handle(conn)


class _Application(BaseApplication):
    """Our settings in gunicorn's words; neither its files nor its variables are read."""

    def __init__(
        self,
        make: Callable[[], Flask],
        settings: Serve,
        deadline: Deadline,
        context: DeadlineContext,
        announce: Announce,
    ) -> None:
        self.settings = settings
        self.deadline = deadline
        self._make = make
        self._context = context
        with _listening(settings) as listener:
            self._port: int = listener.getsockname()[1]
            # gunicorn closes the number that it is given, so it is given away.
            self._handle = listener.detach()
        self._announce = announce
        super().__init__()

    def load_config(self) -> None:
        certificate = {"certfile": __file__, "keyfile": __file__}
        settings: dict[str, object] = {
            "bind": f"fd://{self._handle}",
            "workers": 1,
            "threads": self.settings.threads,
            "worker_class": _Worker,
            "keepalive": _IDLE_SECONDS,
            "graceful_timeout": _STOP_SECONDS,
            "limit_request_fields": 50,
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "control_socket_disable": True,
            "accesslog": None,
            "errorlog": "-",
            "loglevel": "error",
            "logger_class": _Quiet,
            # gunicorn asks for files to know that it speaks TLS; the context is already loaded.
            **certificate,
            "ssl_context": lambda _config, _default: self._context,
            "pre_request": self._headers_read,
            "post_worker_init": self._ready,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:  # noqa: ANN401 - gunicorn's name for an application
        os.umask(0o077)  # what this process writes is for its owner alone
        try:
            return self._make()
        except EntenteError as error:
            sys.stderr.write(f"error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
            sys.exit(_COULD_NOT_LOAD)

    def start_headers(self) -> None:
        """From now on this thread reads a request's greeting and header lines."""
        self.deadline.start(self.settings.header_seconds)

    def _headers_read(self, _worker: Any, _request: Any) -> None:  # noqa: ANN401 - gunicorn's
        self.deadline.start(self.settings.body_seconds)

    def _ready(self, worker: Any) -> None:  # noqa: ANN401 - gunicorn's
        if worker.age == 1:
            host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
            self._announce(f"https://{host}:{self._port}")
