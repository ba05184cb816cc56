"""Our calls to peers: one POST over HTTPS, to the enrolled host at a checked address, in time.

It carries the client side of RFC 9110 §9.3.3 and of TLS with name checks (RFC 9110 §4.3.4).
The law: nothing is sent outside of what was enrolled for a peer; no redirect, proxy, netrc or
compressed answer is followed; size and total time of every answer are bounded. Verb: ``post``.
"""

import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from gateway import hosting
from gateway.config import Exchange
from gateway.edges.deadline import Deadline, DeadlineContext
from gateway.errors import AnswerInvalid, EntenteError, Unreachable, UrlNotAllowed
from gateway.model import Noun, PeerId

_URL = re.compile(
    r"https://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?(?P<path>/[!-\[\]-~]*)?"
)
MOST_CALLS = 8
"""Calls that are made at the same time, each to a peer of its own."""
_HTTPS_PORT = 443
_PIECE_BYTES = 65_536
_MOST_ADDRESSES = 16
_REDIRECTS = range(300, 400)

Special = Callable[[str], str | None]
"""Why an address is no public one (private, loopback ...), or None: ``hosting.special``."""


class Target(Noun, frozen=True):
    """How a peer is reached, all of it enrolled: its https base, its authority, its addresses.

    ``ca`` is a PEM bundle that alone is believed for this peer; without it the public
    authorities are. ``addresses`` are the only ones that are called, loopback included; without
    any, the name is looked up and every address that it has must be a public one.
    """

    peer: PeerId
    base: str
    ca: str | None = None
    addresses: tuple[str, ...] = ()


class Answer(Noun, frozen=True):
    """What came back: the status, the headers with names in lower case, the whole body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in lower case."""
        return next((value for header, value in self.headers if header == name), None)

    @property
    def media_type(self) -> str:
        """The media type in lower case without parameters; empty where none was said."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    def body_as(self, *media_types: str) -> bytes:
        """The body, which must be of one of these types.

        Raises:
            AnswerInvalid: it is of another type, or of none.
        """
        if self.media_type not in media_types:
            raise AnswerInvalid(f"the answer is {self.media_type or 'of no type'!r}")
        return self.body


class Wire(Protocol):
    """What carries a call to a peer; HTTPS in earnest, memory in the simulator."""

    def post(self, target: Target, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send ``body`` to the peer's ``url`` and wait for its answer, whatever its status.

        Raises:
            Unreachable: the peer is down, too slow, or its certificate is not believed.
            AnswerInvalid: a redirect, garbage, too large or compressed.
            UrlNotAllowed: the URL or the address lies outside what was enrolled.
        """

    def begin(
        self, target: Target, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Callable[[], Answer]:
        """Make the call of ``post`` without waiting: what comes back waits, and raises as it does.

        Whoever calls may do something else meanwhile. One call at a time goes to one peer.
        """


class HttpsWire:
    """Real HTTPS. Safe to share between threads; connections are kept for each peer."""

    def __init__(self, limits: Exchange, special: Special = hosting.special) -> None:
        """``limits`` bound each call; ``special`` tells which addresses are not public."""
        self._limits = limits
        self._special = special
        self._deadline = Deadline()
        self._lock = threading.Lock()
        self._hands = ThreadPoolExecutor(MOST_CALLS, thread_name_prefix="wire")
        self._ways: dict[PeerId, tuple[Target, requests.Session]] = {}

    def post(self, target: Target, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """As ``Wire.post`` says."""
        _check_url(target, url)
        self._deadline.start(self._limits.seconds)
        try:
            session = self._session(target)
            with session.post(
                url,
                data=body,
                headers={**headers, "Accept-Encoding": "identity"},
                allow_redirects=False,
                stream=True,
                timeout=self._limits.seconds,
            ) as response:
                return self._read(response)
        except EntenteError:
            raise
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
            ValueError,
        ) as error:
            raise _ours(error, target) from error

    def begin(
        self, target: Target, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Callable[[], Answer]:
        """As ``Wire.begin`` says; the call is made by another thread."""
        return self._hands.submit(self.post, target, url, body, headers).result

    def close(self) -> None:
        """Let go of every connection."""
        self._hands.shutdown()
        with self._lock:
            for _, session in self._ways.values():
                session.close()
            self._ways.clear()

    def _session(self, target: Target) -> requests.Session:
        with self._lock:
            known = self._ways.get(target.peer)
            if known is not None and known[0] == target:
                return known[1]
            session = requests.Session()
            session.trust_env = False
            session.headers.clear()
            session.headers["User-Agent"] = "entente"
            session.mount("https://", _Passage(target, self._deadline, self._special))
            self._ways[target.peer] = (target, session)
        if known is not None:
            known[1].close()
        return session

    def _read(self, response: requests.Response) -> Answer:
        """The answer, read no further than its cap; whoever leaves early closes the connection."""
        raw: urllib3.BaseHTTPResponse = response.raw
        if response.status_code in _REDIRECTS:
            raise AnswerInvalid(f"a redirect ({response.status_code}); none is followed")
        if raw.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise AnswerInvalid("the answer is compressed, which was not asked for")
        body, most = bytearray(), self._limits.answer_bytes
        while piece := raw.read(min(_PIECE_BYTES, most + 1 - len(body)), decode_content=False):
            body += piece
            if len(body) > most:
                raise AnswerInvalid(f"the answer is over {most} bytes")
        headers = tuple((name.lower(), value) for name, value in raw.headers.iteritems())
        return Answer(status=response.status_code, headers=headers, body=bytes(body))


class _Connection(HTTPSConnection):
    """A connection to the enrolled host, at an address that was checked."""

    def _new_conn(self) -> socket.socket:
        context = self.ssl_context
        if not isinstance(context, _PeerContext):
            raise TypeError("a connection without its peer's context")
        last: OSError | None = None
        for address in context.checked(self.host):
            try:
                return self._connected(address, context.deadline.left())
            except OSError as error:
                last = error
        raise last or OSError("the name has no address")

    def _connected(self, address: str, seconds: float) -> socket.socket:
        made = socket.create_connection((address, self.port), timeout=seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _PeerContext(DeadlineContext):
    """A TLS context that believes one peer's authority and knows where the peer may be."""

    target: Target
    special: Special

    def checked(self, host: str) -> tuple[str, ...]:
        """The addresses to call, all of them allowed.

        Raises:
            UrlNotAllowed: the name leads to an address that is not public; not one is called.
            OSError: the name has no address.
        """
        if self.target.addresses:
            return self.target.addresses
        found = _looked_up(host.strip("[]"), self.deadline.left())
        for address in found:
            why = self.special(address)
            if why is not None:
                raise UrlNotAllowed(
                    f"{host} is at {address}, which is {why}",
                    hint="enrol the exact address in the peer's record if that is meant",
                )
        return found


class _Passage(HTTPAdapter):
    """requests' way out, for one peer."""

    def __init__(self, target: Target, deadline: Deadline, special: Special) -> None:
        self._context = _PeerContext(ssl.PROTOCOL_TLS_CLIENT, deadline=deadline)
        self._context.target = target
        self._context.special = special
        if target.ca is None:
            self._context.load_verify_locations(cafile=certifi.where())
        else:
            self._context.load_verify_locations(cadata=target.ca)
        super().__init__(pool_connections=1, pool_maxsize=2)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as requests has it
        """The pool with our connections in it."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401 - as requests has it
        """Nothing: the context verifies. requests would add the public authorities to it."""


def _check_url(target: Target, url: str) -> None:
    """Refuse a URL that is not on the peer's enrolled host and port.

    Raises:
        UrlNotAllowed: another scheme, host or port, or a spelling that readers differ on.
    """
    asked, enrolled = _URL.fullmatch(url), _URL.fullmatch(target.base)
    if asked is None or enrolled is None:
        raise UrlNotAllowed(f"{url!r} is no plain https URL, or {target.base!r} is none")
    if _place(asked) != _place(enrolled):
        raise UrlNotAllowed(f"{url!r} is not on {target.base!r}, which is enrolled")


def _place(match: re.Match[str]) -> tuple[str, int]:
    return match["host"], int(match["port"] or _HTTPS_PORT)


def _looked_up(host: str, seconds: float) -> tuple[str, ...]:
    """Every address of ``host``, asked once, within ``seconds``.

    The system's look-up knows no time limit, so it is asked in a thread that may be left behind.

    Raises:
        OSError: there is no such name, or no answer in time.
    """
    found: list[tuple[str, ...] | OSError] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            found.append(tuple(dict.fromkeys(str(row[4][0]) for row in rows)))
        except (OSError, UnicodeError) as error:
            found.append(OSError(str(error)))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if not found:
        raise TimeoutError(f"no answer to the look-up of {host}")
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0][:_MOST_ADDRESSES]


def _ours(error: Exception, target: Target) -> EntenteError:
    """What went wrong on the way, as one of our errors."""
    causes = _causes(error)
    peer = target.peer
    for cause in causes:
        if isinstance(cause, EntenteError):
            return cause
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Unreachable(
                f"{peer}: its certificate is not believed: {cause.verify_message}",
                hint="check the peer's certificate, or the authority enrolled for the peer",
            )
        if isinstance(cause, TimeoutError):
            return Unreachable(f"{peer}: no whole answer in time")
    for cause in causes:
        # Garbage is told from a broken connection, though the library calls both the same.
        if isinstance(cause, http.client.HTTPException) and not isinstance(
            cause, ConnectionError | http.client.IncompleteRead
        ):
            return AnswerInvalid(f"{peer}: the answer is not HTTP: {cause!r:.200}")
    if any(isinstance(cause, OSError | http.client.IncompleteRead) for cause in causes[1:]):
        return Unreachable(f"{peer}: the connection failed: {causes[-1]!s:.300}")
    return AnswerInvalid(f"{peer}: the answer cannot be read: {error!r:.200}")


def _causes(error: BaseException) -> list[BaseException]:
    """The error and everything that it was made from; the libraries keep that in three places."""
    found: list[BaseException] = [error]
    for cause in found:
        kept = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        found += [one for one in kept if isinstance(one, BaseException) and one not in found]
    return found
