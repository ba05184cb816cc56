"""Several gateways in one process: real homes, real Flask apps, a wire and a clock held by hand.

Nothing of ours is replaced but the world: ``Cable`` carries calls instead of HTTPS, and can be
cut, stutter, lose or alter what it carries; ``Clock`` stands still until a test turns it.
"""

import dataclasses
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import NoReturn

import sqlalchemy as sa
from flask.testing import FlaskClient

from gateway import app, report
from gateway.config import Policy, Sections
from gateway.edges import blobs
from gateway.edges.registry import Registry, open_registry
from gateway.edges.web.app import create_app
from gateway.edges.wire import Answer, Target
from gateway.errors import EntenteError, Unreachable
from gateway.exchange import identity, intake
from gateway.exchange.answer import Desk
from gateway.exchange.gateway import Gateway
from gateway.exchange.intake import Accepted, Arrived
from gateway.exchange.outbound import Saying, sealed
from gateway.exchange.push import MANY_TYPE, ONE_TYPE
from gateway.exchange.sync import sync
from gateway.model import PeerId

AT_ONCE = Policy(waiting_minutes=0, oldest_days=36_500)
"""Everything goes at once, however old it is; the tests of policy set their own."""
JSON = (("content-type", "application/json"),)
_HOMES = tempfile.TemporaryDirectory(prefix="entente-simulator-", ignore_cleanup_errors=True)


@cache
def registry() -> Registry:
    """The address tables, opened once for all tests."""
    return open_registry()


class Clock:
    """Time that stands still until it is turned; it begins now, when the homes are made."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time

    def turn(self, **by: float) -> None:
        """Let time pass."""
        self.time += timedelta(**by)


class Cable:
    """A wire in memory; what it does wrong is set from outside, call by call."""

    def __init__(self) -> None:
        self.apps: dict[PeerId, FlaskClient] = {}
        self.cut = False
        self.lose_answers = 0
        self.times = 1
        self.meanwhile: Callable[[], object] | None = None
        self.answers: list[Answer | Exception] = []
        self.alter: Callable[[bytes], bytes] = bytes
        self.calls: list[tuple[PeerId, str, bytes, dict[str, str]]] = []

    def post(self, target: Target, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """As ``gateway.edges.wire.Wire.post`` says."""
        if self.cut:
            raise Unreachable("the cable is cut")
        self.calls.append((target.peer, url, body, dict(headers)))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        for _ in range(self.times):
            answer = self.again(target.peer, url, self.alter(body), headers)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        if self.lose_answers:
            self.lose_answers -= 1
            raise Unreachable("no whole answer in time")
        return answer

    def begin(
        self, target: Target, url: str, body: bytes, headers: Mapping[str, str]
    ) -> Callable[[], Answer]:
        """As ``gateway.edges.wire.Wire.begin`` says; here the call is over before anything else."""
        try:
            answer = self.post(target, url, body, headers)
        except EntenteError as error:
            failed = error
            return lambda: _raise(failed)
        return lambda: answer

    def again(self, peer: PeerId, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Carry a call to ``peer``, also one recorded earlier."""
        came = self.apps[peer].post(url[len(peer) :], data=body, headers=dict(headers))
        names = tuple((name.lower(), value) for name, value in came.headers)
        return Answer(status=came.status_code, headers=names, body=came.data)


class World:
    """The gateways of a test, by country, with their clock and their cable."""

    def __init__(self, place: Path, *countries: str) -> None:
        self.clock = Clock()
        self.cable = Cable()
        self.at: dict[str, Gateway] = {}
        for country in countries:
            self._found(place / country, country)

    def _found(self, home: Path, country: str) -> None:
        shutil.copytree(_new_home(country), home)
        made = app.open_gateway(home, registry=registry())
        self.replace(country, dataclasses.replace(made, wire=self.cable, now=self.clock))

    def replace(self, country: str, gateway: Gateway) -> None:
        """Let ``gateway`` stand for ``country`` from now on."""
        self.at[country] = gateway
        web = create_app(Desk(gateway), gateway.config.serve)
        self.cable.apps[gateway.me] = web.test_client()

    def befriend(self, one: str, two: str) -> None:
        """Enrol two gateways with each other."""
        for here, there in ((one, two), (two, one)):
            terms = identity.Terms(door=_secret(there, here), theirs=_secret(here, there))
            identity.enrol(self.at[here], identity.introduce(self.at[there]), terms)

    def take(self, country: str, *mails: bytes, reporter: str = "") -> Accepted:
        """Import mails at ``country``."""
        gateway = self.at[country]
        batch = [
            Arrived(
                report=report.normalise(mail, gateway.locate, report.Settings()),
                content=mail,
                packed=blobs.pack(mail),
            )
            for mail in mails
        ]
        return intake.accept(gateway, batch, reporter)

    def drain(self, *countries: str) -> None:
        """Sync everybody until nothing is left to say."""
        for _ in range(3):
            for country in countries or tuple(self.at):
                sync(self.at[country])

    def rows(self, country: str, query: str) -> list[tuple[object, ...]]:
        """What the database of ``country`` answers."""
        with self.at[country].store.read() as db:
            return [tuple(row) for row in db.execute(sa.text(query))]

    def token(self, sender: str, receiver: str, saying: Saying) -> bytes:
        """``saying`` signed by ``sender`` for ``receiver``, in no stream."""
        gateway, to = self.at[sender], self.at[receiver].me
        token = sealed(gateway, to, saying, self.clock()).token
        assert token is not None
        return token

    def call(self, sender: str, receiver: str, tokens: Mapping[str, bytes]) -> Answer:
        """One call of many SETs with ``sender``'s secret, past its stream."""
        sets = {name: token.decode("latin-1") for name, token in tokens.items()}
        headers = self.headers(sender, receiver) | {"Content-Type": MANY_TYPE}
        to = self.at[receiver].me
        return self.cable.again(
            to, f"{to}/ssf/push-many", json.dumps({"sets": sets}).encode(), headers
        )

    def call_one(self, sender: str, receiver: str, token: bytes) -> Answer:
        """One call of one SET with ``sender``'s secret, past its stream."""
        headers = self.headers(sender, receiver) | {"Content-Type": ONE_TYPE}
        to = self.at[receiver].me
        return self.cable.again(to, f"{to}/ssf/push", token, headers)

    def headers(self, sender: str, receiver: str) -> dict[str, str]:
        """What opens ``receiver``'s door for ``sender``."""
        secret = self.at[sender].keys.door(self.at[receiver].me)
        return {"Authorization": f"Bearer {secret}"}

    def waiting(self, country: str) -> dict[str, bytes]:
        """The SETs that ``country`` still has to deliver, by jti, in the order of their places."""
        query = "SELECT jti, token FROM sent WHERE state IN ('queued', 'sent', 'recalled')"
        rows = self.rows(country, query + " ORDER BY place")
        return {str(jti): bytes(token) for jti, token in rows if isinstance(token, bytes)}

    def reports_sent(self, country: str) -> list[tuple[object, ...]]:
        """State, proof and receipt of every report that ``country`` sent, by place."""
        return self.rows(
            country,
            "SELECT state, proved_at IS NOT NULL, receipt IS NOT NULL FROM sent"
            " WHERE kind = 'report' ORDER BY place",
        )

    def close(self) -> None:
        """Let go of every database."""
        for gateway in self.at.values():
            gateway.store.close()


@cache
def _new_home(country: str) -> Path:
    """An installation for ``country``, made once a run and copied for every test."""
    home = Path(_HOMES.name) / country
    host = f"{country.lower()}.example.org"
    made = app.create(
        home,
        f"https://{host}",
        country,
        f"Association {country}",
        mailbox=f"abuse@{host}",
        sections=Sections(policy=AT_ONCE),
    )
    made.store.close()
    return home


def _raise(error: EntenteError) -> NoReturn:
    raise error


def _secret(caller: str, owner: str) -> str:
    """The bearer secret with which ``caller`` opens ``owner``'s door."""
    return f"{caller}-at-{owner}-0123456789abcdef0123456789abcdef"


def address(country: str, seed: int = 1) -> str:
    """A public address registered in ``country``, drawn from the built-in tables."""
    return registry().draw(country, random.Random(seed))


def mail(origin: str, text: str = "", *, number: int = 1, at: datetime | None = None) -> bytes:
    """An unwanted mail that ``origin`` handed over; each ``text`` is a campaign of its own.

    ``at`` is the stamp of its border.
    """
    words = text or " ".join(_WORDS)
    stamp = at or datetime(2025, 3, 3, 8, number % 60, tzinfo=UTC)
    return (
        f"Received: from relay.example.com (relay.example.com [{origin}])\r\n"
        f"\tby mx.example.org (Postfix) with ESMTP id {number:012X}\r\n"
        f"\tfor <reader@example.org>; {format_datetime(stamp)}\r\n"
        "From: Lucky Prize <prize@example.com>\r\n"
        "To: reader@example.org\r\n"
        "Subject: You have been chosen\r\n"
        "Date: Mon, 03 Mar 2025 08:00:00 +0000\r\n"
        f"Message-ID: <{number}.prize@example.com>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "\r\n"
        f"{words}\r\n"
    ).encode()


def texts(number: int) -> list[str]:
    """So many texts that nobody would take for one campaign."""
    chance = random.Random(7)
    return [
        " ".join("".join(chance.choices("abcdefghilmnoprstu", k=6)) for _ in range(60))
        for _ in range(number)
    ]


_WORDS = (
    "congratulations your address was drawn in our great spring lottery and the first prize waits",
    "to claim it answer this message with your name and the number of your account before friday",
    "our agent will call you back and explain every step of the transfer in perfect confidence",
)
