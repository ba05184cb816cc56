"""A real web server in a process of its own, for the tests that speak to it over a socket.

Run as ``python -m tests.web_standing HOME``: it serves a receiver that keeps what comes in memory.
"""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import trustme

from gateway import config
from gateway.answers import LastExchange, PageFacts, PushAnswer, SetError, Tone
from gateway.config import Sections, Serve
from gateway.edges import home
from gateway.edges.serve import serve
from gateway.edges.web.app import create_app
from gateway.errors import HomeMissing, StorageFull
from gateway.gate.checks import refusal
from gateway.model import Country, PeerId

PEER = PeerId("https://peer.example.org")
SECRET = "a-secret-of-the-peer"
NAME = "entente.example.org"


def line(minute: int, *, outgoing: bool, what: str, fate: str, tone: Tone, **changes):
    facts = {"peer": "Stichting Spamklacht", "country": Country("NL")} | changes
    at = datetime(2026, 11, 23, 9, minute, 5, tzinfo=UTC)
    return LastExchange(at=at, outgoing=outgoing, what=what, fate=fate, tone=tone, **facts)


def facts(**changes) -> PageFacts:
    base = {
        "id": PeerId("https://entente.example.org"),
        "name": "Association nationale contre le pourriel",
        "country": Country("FR"),
        "fingerprint": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "mailbox": "desk@entente.example.org",
        "as_of": datetime(2026, 11, 23, 9, 58, tzinfo=UTC),
        "counts": (
            ("reports taken in", 412_806),
            ("cases", 9_317),
            ("sent abroad", 388_214),
            ("received", 201_442),
            ("receipts verified", 388_190),
        ),
        "last": (
            line(57, outgoing=True, what="report", fate="receipt verified", tone=Tone.GOOD),
            line(
                55,
                outgoing=False,
                what="request: contact the source site",
                fate="accepted",
                tone=Tone.GOOD,
                peer="Bundesverband gegen unverlangte Werbung",
                country=Country("DE"),
            ),
            line(54, outgoing=True, what="report", fate="waiting for receipt", tone=Tone.OPEN),
            line(
                51,
                outgoing=False,
                what="report",
                fate="refused: 16 signature",
                tone=Tone.BAD,
                peer="Asociación contra el correo basura",
                country=Country("ES"),
            ),
            line(48, outgoing=True, what="withdrawal", fate="complied", tone=Tone.GOOD),
        ),
    }
    return PageFacts(**(base | changes))


class Memory:
    """A receiver that keeps what comes in memory, and can be told to fail."""

    def __init__(self, shown: PageFacts | None = None) -> None:
        self.kept: list[tuple[str, bytes]] = []
        self.shown = shown or facts()
        self._lock = threading.Lock()

    def door(self, authorization: str | None) -> PeerId | None:
        return PEER if authorization == f"Bearer {SECRET}" else None

    def push(self, token: bytes, peer: PeerId) -> None:
        if token == b"full":
            raise StorageFull("the disk of host db7 is full")
        if token == b"broken":
            raise RuntimeError("secret inner detail")
        if token.startswith(b"refuse "):
            raise refusal(token.removeprefix(b"refuse ").decode(), "inner detail")
        with self._lock:
            self.kept.append((peer, token))

    def push_many(self, sets: Mapping[str, bytes], peer: PeerId) -> PushAnswer:
        errors = {}
        for name, token in sets.items():
            if token == b"bad":
                errors[name] = SetError(err="invalid_key", description="14 key: no")
            else:
                self.push(token, peer)
        return PushAnswer(
            ack=tuple(name for name in sets if name not in errors), set_errs=tuple(errors.items())
        )

    def page(self) -> PageFacts:
        return self.shown

    def statement(self) -> bytes:
        # The number of kept SETs and the file mask ride along, for the tests to see.
        mask = os.umask(0o077)
        os.umask(mask)
        return f"head.{len(self.kept)}.{mask:o}".encode()


class Standing:
    """A running server: where it is, and a socket to it."""

    def __init__(self, process: subprocess.Popen, url: str, authority: Path) -> None:
        self.process = process
        self.url = url
        self.authority = authority
        self.port = int(url.rpartition(":")[2])

    def connect(self) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.authority))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        return context.wrap_socket(plain, server_hostname=NAME)

    def say(self, request: bytes, *, end: bool = False) -> bytes:
        """Everything that comes back until the server closes; ``end`` closes our side first."""
        with self.connect() as connection:
            connection.sendall(request)
            if end:
                # The plain socket is half closed beneath TLS: the body breaks off.
                socket.socket.shutdown(connection, socket.SHUT_WR)
            answer = b""
            with suppress(ssl.SSLError):  # the server's word that our side broke off
                while piece := connection.recv(65_536):
                    answer += piece
        return answer


@contextmanager
def standing(path: Path, **settings) -> Iterator[Standing]:
    """The server of ``python -m tests.web_standing`` with a certificate made for this once."""
    authority = trustme.CA()
    serve_settings = Serve(**({"bind": "127.0.0.1:0", "threads": 4} | settings))
    text = config.example(
        "https://entente.example.org", "FR", "Signal", sections=Sections(serve=serve_settings)
    )
    made = home.create(path / "home", text)
    leaf = authority.issue_cert(NAME)
    leaf.private_key_pem.write_to_path(str(made.keys / "tls-key.pem"))
    for number, pem in enumerate(leaf.cert_chain_pems):
        pem.write_to_path(str(made.keys / "tls-certificate.pem"), append=number > 0)
    authority.cert_pem.write_to_path(str(path / "authority.pem"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.web_standing", str(made.path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    try:
        first = process.stdout.readline()
        assert first.startswith("listening on https://"), first
        yield Standing(process, first.split()[-1], path / "authority.pem")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def main() -> None:
    read, opened = home.open_home(Path(sys.argv[1]))

    def make():
        if read.name == "nobody":
            raise HomeMissing("no database", hint="run entente init")
        return create_app(Memory(), read.serve)

    serve(make, read.serve, opened, lambda url: print(f"listening on {url}", flush=True))


if __name__ == "__main__":
    main()
