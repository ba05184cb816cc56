"""``entente demo``: three associations on this machine, from raw mail to verified receipts."""

import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import msgspec

from gateway import app, trust
from gateway.cli import screen as cli_screen
from gateway.config import Policy, Sections, Serve
from gateway.edges import clock, mailboxes
from gateway.edges.demo import figures, mails, processes
from gateway.edges.demo.authority import Authority
from gateway.edges.demo.figures import Altered
from gateway.edges.demo.screen import Screen, Who
from gateway.edges.keyring import new_door_secret
from gateway.edges.mailboxes import Unread
from gateway.edges.reader import Read, Reader
from gateway.edges.registry import Registry, open_registry
from gateway.edges.store import peers
from gateway.errors import CheckFailed
from gateway.exchange import identity, intake
from gateway.exchange.gateway import Gateway
from gateway.exchange.identity import Terms
from gateway.exchange.intake import Arrived
from gateway.exchange.push import ONE_TYPE, target
from gateway.exchange.sync import sync
from gateway.model import Country, PeerId
from gateway.report import Settings

COUNTRIES: Final = {
    Country("FR"): "Demo association of France",
    Country("NL"): "Demo association of the Netherlands",
    Country("DE"): "Demo association of Germany",
}
MAILS_EACH: Final = 120
BATCH: Final = 200
ROUNDS: Final = 5
"""At most so many rounds of exchange; reports, receipts and heads need three."""
_AT_ONCE: Final = Policy(waiting_minutes=0, oldest_days=36_500)
"""Nobody at the screen waits for second thoughts, and a reader's own mail may be old."""
_KEPT: Final = "who complained, the body text, and of the header "


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """One association of the demo: its gateway, its home and how it is introduced."""

    who: Who
    home: Path
    gateway: Gateway


class _Refusal(msgspec.Struct):
    """The answer to a SET that was refused (RFC 8935 §2.3)."""

    err: str
    description: str


@click.command()
@click.option(
    "--mail",
    "own",
    type=click.Path(exists=True, path_type=Path),
    help="Your own mail (a file, directory, mbox or Maildir) for the first association.",
)
@click.option("--exit", "ends", is_flag=True, help="End when all is shown, and remove everything.")
@cli_screen.command
def demo(own: Path | None, ends: bool) -> None:
    """Run three associations on this machine that exchange signed reports, and show it.

    Nothing leaves this machine, and nothing stays on it: homes and keys are thrown away.
    """
    stays = not ends and sys.stdin is not None and sys.stdin.isatty()
    screen = Screen()
    screen.opening(
        "from a citizen's report to a signed receipt from abroad",
        "Mails are written now, their senders' addresses drawn at random from the address tables.",
    )
    with processes.folder() as folder, processes.Servers() as servers:
        with screen.busy("making three homes, keys and certificates"):
            registry = open_registry()
            associations = _found(folder, registry)
            for one in associations:
                servers.start(one.home)
            paths = _written(folder, registry, associations, own)
            servers.wait()
        screen.who([one.who for one in associations])
        _road(screen, associations, paths)
        _next(screen, associations, own, stays=stays)
        if stays:
            processes.stay()
            screen.say("\nEnding; everything of the demo is removed.")


def _found(folder: Path, registry: Registry) -> list[Association]:
    """Three installations that know each other."""
    authority = Authority()
    ports = processes.free_ports(len(COUNTRIES))
    found = []
    for (country, name), port in zip(COUNTRIES.items(), ports, strict=True):
        host = f"{country.lower()}.entente.example"
        home = folder / country.lower()
        bind = f"{processes.LOOPBACK}:{port}"
        gateway = app.create(
            home,
            f"https://{host}:{port}",
            country,
            name,
            sections=Sections(serve=Serve(bind=bind, threads=4), policy=_AT_ONCE),
            registry=registry,
        )
        authority.issue(host, processes.LOOPBACK, home / "keys")
        who = Who(
            id=gateway.me,
            name=name,
            country=country,
            fingerprint=trust.fingerprint(gateway.keys.federation.jwk),
            page=f"https://{bind}/",
        )
        found.append(Association(who=who, home=home, gateway=gateway))
    doors = {(a.who.id, b.who.id): new_door_secret() for a in found for b in found}
    for one in found:
        for other in found:
            if one is not other:
                terms = Terms(
                    addresses=(processes.LOOPBACK,),
                    ca=authority.pem,
                    door=doors[one.who.id, other.who.id],
                    theirs=doors[other.who.id, one.who.id],
                )
                identity.enrol(one.gateway, identity.introduce(other.gateway), terms)
    return found


def _written(
    folder: Path, registry: Registry, associations: Sequence[Association], own: Path | None
) -> dict[PeerId, Path]:
    """Where each association's mails lie; the first one's are the reader's own, if given."""
    chance = random.SystemRandom()
    found: dict[PeerId, Path] = {}
    for number, one in enumerate(associations):
        if number == 0 and own is not None:
            found[one.who.id] = own
            continue
        partners = [country for country in COUNTRIES if country != one.who.country]
        written = mails.write(
            registry,
            chance,
            own=one.who.country,
            partners=partners,
            count=MAILS_EACH,
            now=clock.now(),
        )
        place = folder / f"mail-{one.who.country.lower()}"
        mails.lay(place, written)
        found[one.who.id] = place
    return found


def _road(
    screen: Screen, associations: Sequence[Association], paths: Mapping[PeerId, Path]
) -> None:
    """Import, exchange, and show what the three stores say of it."""
    stores = {one.who.id: one.gateway.store for one in associations}
    known = {one.who.id: one.who for one in associations}
    started = clock.ticking()
    with Reader(Settings()) as reader, screen.busy("reading the mails"):
        for one in associations:
            _import(one, reader, paths[one.who.id])
        imported = clock.ticking()
        with screen.busy("exchanging signed reports and receipts over HTTPS"):
            _exchange(associations)
        exchanged = clock.ticking()
        before = sum(figures.reports(me, store) for me, store in stores.items())
        came = sum(_import(one, reader, paths[one.who.id]) for one in associations)
        added = sum(figures.reports(me, store) for me, store in stores.items()) - before
    for one in associations:
        followed = figures.followed(one.gateway.store)
        if followed is not None:
            screen.followed(followed, one.who, known[followed.peer], kept=_KEPT)
            break
    else:
        screen.none_followed()
    lines = figures.by_country(stores)
    screen.by_country(lines, {one.who.country: one.who.country for one in associations})
    screen.nowhere(figures.nowhere(stores))
    _tamper(screen, associations, known)
    screen.again(came=came, added=added)
    proved = sum(map(figures.proved, stores.values()))
    reading, sending = imported - started, exchanged - imported
    filed = f"{before:,} reports read, traced, located and filed in {reading:.1f} s"
    crossed = f"{proved:,} of them signed, sent, checked abroad and proved by a receipt"
    screen.times(
        [
            f"{filed} ({before / reading:,.0f} a second).",
            f"{crossed} in {sending:.1f} s ({proved / sending:,.0f} a second).",
            "Nothing left this machine: every call went to 127.0.0.1.",
        ]
    )


def _import(one: Association, reader: Reader, path: Path) -> int:
    """Take in what lies at ``path``; how many mails came."""
    held: dict[str, list[Arrived]] = defaultdict(list)
    came = 0
    for read in reader.read(mailboxes.sources([path])):
        if isinstance(read, Unread):
            continue
        came += 1
        held[_reporter(read, path)].append(
            Arrived(report=read.report, content=read.source.content, packed=read.packed)
        )
        if came % BATCH == 0:
            _keep(one.gateway, held)
    _keep(one.gateway, held)
    return came


def _reporter(read: Read, path: Path) -> str:
    """Generated mails lie in a folder for each reader; who brings the reader's own is not named."""
    rest = Path(read.source.name).parts[len(path.parts) :]
    return rest[0] if len(rest) == 2 and path.name.startswith("mail-") else ""


def _keep(gateway: Gateway, held: dict[str, list[Arrived]]) -> None:
    for reporter, batch in held.items():
        intake.accept(gateway, batch, gateway.keys.pseudonym(reporter) if reporter else "")
    held.clear()


def _exchange(associations: Sequence[Association]) -> None:
    """Everybody's ``sync`` in turn, until nothing is left to deliver.

    Raises:
        CheckFailed: a peer could not be reached.
    """
    for _ in range(ROUNDS):
        delivered = 0
        for one in associations:
            for synced in sync(one.gateway):
                if synced.pushed.error is not None:
                    raise CheckFailed(f"{synced.peer} does not answer: {synced.pushed.error}")
                delivered += synced.pushed.delivered
        if not delivered:
            return


def _tamper(
    screen: Screen, associations: Sequence[Association], known: Mapping[PeerId, Who]
) -> None:
    """Post a SET of which one byte was changed, and show what the receiver says."""
    for one in associations:
        changed = figures.altered(one.gateway.store)
        if changed is None:
            continue
        receiver = next(other for other in associations if other.who.id == changed.peer)
        before = figures.taken(receiver.gateway.store)
        said = _posted(one.gateway, changed)
        taken = figures.taken(receiver.gateway.store) - before
        screen.refused(changed, known[changed.peer], said, taken=taken)
        return


def _posted(gateway: Gateway, changed: Altered) -> str:
    with gateway.store.read() as db:
        enrolment = next(e for e in peers.enrolments(db) if e.peer.id == changed.peer)
    url = enrolment.peer.endpoints.push or ""
    headers = {
        "Authorization": f"Bearer {gateway.keys.door(changed.peer)}",
        "Content-Type": ONE_TYPE,
        "Accept": "application/json",
    }
    answer = gateway.wire.post(target(enrolment), url, changed.token, headers)
    if answer.status != 400:
        raise CheckFailed(f"an altered SET was answered {answer.status}")
    return msgspec.json.decode(answer.body, type=_Refusal).description


def _next(
    screen: Screen, associations: Sequence[Association], own: Path | None, *, stays: bool
) -> None:
    first = associations[0]
    address = "192.0.2.1"
    followed = figures.followed(first.gateway.store)
    if followed and followed.report.origin:
        address = followed.report.origin.address
    explain = (f"entente hosting explain {address}", "why that address counts as hosted there")
    if not stays:
        mail = ("entente demo --mail PATH", "the same with your own mail; it stays here too")
        init = "entente --home mine init --id https://HOST --country CC --name NAME"
        made = (init, "an installation of your own")
        screen.next([explain, made] if own else [mail, explain, made], "")
        return
    home = f"entente --home {first.home}"
    commands = [
        (f"{home} case list", "the cases of the first association, and where each one goes"),
        (f"{home} check", "its database, originals, journal and receipts, examined"),
        explain,
    ]
    note = (
        "The pages above answer your browser while this runs; it warns, because their certificates"
        " come from an authority made for this demo. Press Ctrl-C to end and remove everything."
    )
    screen.next(commands, note)
