import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack, contextmanager

import pytest
import trustme

from gateway.config import Exchange
from gateway.edges.wire import Answer, HttpsWire, Target
from gateway.errors import AnswerInvalid, EntenteError, Unreachable, UrlNotAllowed
from gateway.model import PeerId

AUTHORITY = trustme.CA()
CA_PEM = AUTHORITY.cert_pem.bytes().decode()
QUICK = Exchange(seconds=5.0, answer_bytes=10_000)
SHORT = Exchange(seconds=0.5, answer_bytes=10_000)


def request_of(connection: ssl.SSLSocket) -> bytes:
    """One whole request with its body, or nothing where the caller went away."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(row[15:]) for row in head.lower().split(b"\r\n") if row.startswith(b"content-length")),
        0,
    )
    while len(body) < length:
        body += connection.recv(4096)
    return head + b"\r\n\r\n" + body


def saying(answer: bytes) -> Callable:
    def serve(connection: ssl.SSLSocket, seen: list[bytes]) -> None:
        while request := request_of(connection):
            seen.append(request)
            connection.sendall(answer)

    return serve


CHUNK = b"1000\r\n%b\r\n" % (b"x" * 4096)
OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class Peer:
    """A real TLS server on loopback; ``connections`` counts who came, ``seen`` what they said."""

    def __init__(self, serve: Callable, leaf: trustme.LeafCert) -> None:
        self.seen: list[bytes] = []
        self.connections = 0
        self.ended = threading.Event()
        self._serve = serve
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(self._context)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(plain,), daemon=True).start()

    def _one(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self._serve(connection, self.seen)
        except OSError:
            plain.close()
        finally:
            self.ended.set()

    def close(self) -> None:
        # shutdown wakes the thread that waits in accept; close alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextmanager
def peer(serve: Callable, name: str = "peer.example.org", authority: trustme.CA = AUTHORITY):
    standing = Peer(serve, authority.issue_cert(name))
    try:
        yield standing
    finally:
        standing.close()


def target(port: int, **changes) -> Target:
    facts = {
        "peer": PeerId("https://peer.example.org"),
        "base": f"https://peer.example.org:{port}",
        "ca": CA_PEM,
        "addresses": ("127.0.0.1",),
    }
    return Target(**(facts | changes))


@pytest.fixture
def wires():
    with ExitStack() as stack:

        def made(limits: Exchange = QUICK) -> HttpsWire:
            wire = HttpsWire(limits)
            stack.callback(wire.close)
            return wire

        yield made


def call(wire: HttpsWire, to: Target, body: bytes = b"a.b.c") -> Answer:
    return wire.post(to, f"{to.base}/ssf/push", body, {"Content-Type": "application/secevent+jwt"})


def refused(wire: HttpsWire, to: Target, error: type[EntenteError]) -> str:
    with pytest.raises(error) as caught:
        call(wire, to)
    return caught.value.detail


def test_a_call_reaches_the_enrolled_address_under_the_peers_own_name(wires) -> None:
    with peer(saying(OK)) as standing:
        answer = call(wires(), target(standing.port))
    assert (answer.status, answer.body) == (202, b"")
    request = standing.seen[0]
    assert request.startswith(b"POST /ssf/push HTTP/1.1\r\n")
    assert b"Host: peer.example.org:%d\r\n" % standing.port in request
    assert b"Accept-Encoding: identity\r\n" in request
    assert request.endswith(b"\r\n\r\na.b.c")


def test_calls_to_one_peer_share_a_connection(wires) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    with peer(saying(answer)) as standing:
        wire = wires()
        for _ in range(5):
            assert call(wire, target(standing.port)).body_as("application/json") == b"{}"
    assert (standing.connections, len(standing.seen)) == (1, 5)


def test_an_answer_of_another_type_is_refused_when_it_is_read() -> None:
    answer = Answer(status=200, headers=(("content-type", "Text/HTML; charset=x"),), body=b"<p>")
    assert answer.media_type == "text/html"
    with pytest.raises(AnswerInvalid):
        answer.body_as("application/json")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 Again\r\nLocation: /ssf/push\r\nContent-Length: 0\r\n\r\n",
        b"220 mail.example.org ESMTP\r\n250 HELP\r\n\r\n",
        b"\x00\xff\x00\xff" * 20 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNK * 9,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
    ids=[
        "redirect abroad", "redirect at home", "another protocol", "binary", "compressed",
        "too large", "too large in chunks", "two lengths", "1000 headers", "a header of 100 kB",
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_is_said_to_be_invalid(wires, answer) -> None:
    with peer(saying(answer)) as standing:
        refused(wires(), target(standing.port), AnswerInvalid)
    assert len(standing.seen) == 1


def dripping(before: bytes, drop: bytes) -> Callable:
    def serve(connection: ssl.SSLSocket, seen: list[bytes]) -> None:
        seen.append(request_of(connection))
        connection.sendall(before)
        pause = threading.Event()
        while not pause.wait(0.1):
            connection.sendall(drop)

    return serve


@pytest.mark.parametrize(
    ("before", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status line", "headers", "body", "chunks", "100 and again"],
)
def test_a_peer_that_drips_is_left_when_the_time_for_the_whole_call_is_over(
    wires, before, drop
) -> None:
    with peer(dripping(before, drop)) as standing:
        assert "in time" in refused(wires(SHORT), target(standing.port), Unreachable)
        # The peer sees its connection closed: nothing of ours goes on waiting.
        assert standing.ended.wait(60)


def test_a_peer_that_is_silent_before_the_handshake_is_left_in_time(wires) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "in time" in refused(wires(SHORT), target(silent.getsockname()[1]), Unreachable)


def test_a_peer_that_takes_the_request_and_closes_is_unreachable(wires) -> None:
    def serve(connection: ssl.SSLSocket, seen: list[bytes]) -> None:
        seen.append(request_of(connection))

    with peer(serve) as standing:
        refused(wires(), target(standing.port), Unreachable)


def test_an_answer_cut_short_is_unreachable_and_never_a_whole_one(wires) -> None:
    def serve(connection: ssl.SSLSocket, seen: list[bytes]) -> None:
        seen.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc")

    with peer(serve) as standing:
        refused(wires(), target(standing.port), Unreachable)


def test_a_peer_that_is_down_is_unreachable(wires) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    refused(wires(), target(port), Unreachable)


def test_the_second_enrolled_address_is_called_where_the_first_is_down(wires) -> None:
    with peer(saying(OK)) as standing:
        both = target(standing.port, addresses=("127.0.0.2", "127.0.0.1"))
        assert call(wires(), both).status == 202


def test_a_certificate_for_another_name_is_refused_and_nothing_is_said(wires) -> None:
    with peer(saying(OK), name="other.example.org") as standing:
        assert "certificate" in refused(wires(), target(standing.port), Unreachable)
    assert standing.seen == []


def test_a_certificate_for_the_address_does_not_stand_for_the_name(wires) -> None:
    with peer(saying(OK), name="127.0.0.1") as standing:
        assert "certificate" in refused(wires(), target(standing.port), Unreachable)
    assert standing.seen == []


def test_a_certificate_of_an_authority_that_was_not_enrolled_is_refused(wires) -> None:
    with peer(saying(OK), authority=trustme.CA()) as standing:
        assert "certificate" in refused(wires(), target(standing.port), Unreachable)
        assert "certificate" in refused(wires(), target(standing.port, ca=None), Unreachable)
    assert standing.seen == []


def test_only_the_enrolled_authority_is_believed_for_a_peer_that_has_one(wires) -> None:
    # requests adds the public authorities to a context unless it is kept from it.
    wire = wires()
    with peer(saying(OK)) as standing:
        call(wire, target(standing.port))
    _, session = wire._ways[PeerId("https://peer.example.org")]
    context = session.get_adapter("https://peer.example.org")._context
    assert context.cert_store_stats()["x509_ca"] == 1


def test_a_new_record_of_a_peer_is_not_served_by_the_old_connection(wires) -> None:
    wire = wires()
    with peer(saying(OK)) as standing:
        call(wire, target(standing.port))
        other = trustme.CA().cert_pem.bytes().decode()
        assert "certificate" in refused(wire, target(standing.port, ca=other), Unreachable)


def test_loopback_is_not_called_unless_the_record_enrols_it(wires) -> None:
    with peer(saying(OK), name="localhost") as standing:
        base = f"https://localhost:{standing.port}"
        detail = refused(wires(), target(0, base=base, addresses=()), UrlNotAllowed)
        assert "loopback" in detail
        assert standing.connections == 0
        assert call(wires(), target(0, base=base)).status == 202


def test_one_address_that_is_not_public_among_many_refuses_them_all(wires, monkeypatch) -> None:
    public, private = "1.1.1.1", "10.0.0.1"
    rows = [(2, 1, 6, "", (address, 0)) for address in (public, private)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    called: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **__: called.append(a))
    refused(wires(), target(443, addresses=()), UrlNotAllowed)
    assert called == []


def test_a_name_that_does_not_exist_is_unreachable(wires) -> None:
    refused(wires(), target(443, base="https://nowhere.invalid", addresses=()), Unreachable)


@pytest.mark.parametrize(
    "url",
    [
        "http://peer.example.org/push",
        "https://other.example.org/push",
        "https://peer.example.org:8443/push",
        "https://peer.example.org@other.example.org/push",
        "https://user@peer.example.org/push",
        "https://peer.example.org\\@other.example.org/push",
        "https://PEER.example.org/push",
        "https://peer.example.org./push",
        "https://peer.exa\tmple.org/push",
        "https://peer.example.org%00/push",
        "https://peer.example.org:0443/push",
        "https://0x7f.1/push",
        "https://peer.example.org",
        "file:///etc/hosts",
        "",
    ],
)
def test_a_url_outside_of_the_enrolled_host_is_never_called(wires, url, monkeypatch) -> None:
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("called"))
    base = "https://peer.example.org:444" if url == "https://peer.example.org" else None
    to = target(443, base=base or "https://peer.example.org")
    with pytest.raises(UrlNotAllowed):
        wires().post(to, url, b"", {})


def test_proxies_and_netrc_of_the_environment_are_not_used(wires, monkeypatch, tmp_path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine peer.example.org login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(netrc))
    with peer(saying(OK)) as standing:
        assert call(wires(), target(standing.port)).status == 202
    assert b"authorization" not in standing.seen[0].lower()
