"""Two associations with servers of their own, over real HTTPS on loopback, for benchmarks."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from gateway import app
from gateway.config import Policy, Sections, Serve
from gateway.edges.keyring import new_door_secret
from gateway.exchange import identity
from gateway.exchange.gateway import Gateway

ABROAD = "US"
"""The second association's country."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two homes and the processes that serve them."""

    homes: tuple[Path, Path]
    servers: tuple[subprocess.Popen[str], subprocess.Popen[str]]
    ca: Path


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _home(root: Path, name: str, country: str, ca: trustme.CA) -> Gateway:
    place, port = root / name, _port()
    host = f"{name}.entente.example"
    serve = Serve(bind=f"127.0.0.1:{port}")
    # What is timed is the road, not the time for second thoughts; the mails are old.
    policy = Policy(waiting_minutes=0, oldest_days=36_500)
    sections = Sections(serve=serve, policy=policy)
    made = app.create(place, f"https://{host}:{port}", country, name, sections=sections)
    certificate = ca.issue_cert(host)
    certificate.private_key_pem.write_to_path(place / "keys" / "tls-key.pem")
    certificate.cert_chain_pems[0].write_to_path(place / "keys" / "tls-certificate.pem")
    return made


def _serve(home: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gateway.cli", "--home", str(home), "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    if "listening" not in server.stdout.readline():
        raise SystemExit("a server did not start")
    return server


@contextmanager
def befriended(root: Path) -> Iterator[tuple[Gateway, Gateway]]:
    """The two gateways, each enrolled at the other, until the block ends."""
    ca = trustme.CA()
    authority = root / "ca.pem"
    ca.cert_pem.write_to_path(authority)
    one, two = _home(root, "one", "FR", ca), _home(root, "two", ABROAD, ca)
    secrets = new_door_secret(), new_door_secret()
    for ours, theirs, give, use in ((one, two, *secrets), (two, one, *reversed(secrets))):
        terms = identity.Terms(
            addresses=("127.0.0.1",), ca=authority.read_text(), door=give, theirs=use
        )
        identity.enrol(ours, identity.introduce(theirs), terms)
    try:
        yield one, two
    finally:
        for gateway in (one, two):
            gateway.store.close()


@contextmanager
def standing(root: Path) -> Iterator[Pair]:
    """The pair, serving, until the block ends."""
    with befriended(root):
        homes = (root / "one", root / "two")
    servers = (_serve(homes[0]), _serve(homes[1]))
    try:
        yield Pair(homes=homes, servers=servers, ca=root / "ca.pem")
    finally:
        for server in servers:
            server.terminate()
            server.wait()
