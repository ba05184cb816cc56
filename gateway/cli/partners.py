"""``entente peers`` and ``entente sync``: whom we exchange with, and doing it now."""

import sys
from pathlib import Path

import click

from gateway import errors, route, trust
from gateway.cli import screen
from gateway.edges import files
from gateway.edges.keyring import new_door_secret
from gateway.edges.store import cases as store_cases
from gateway.edges.store import peers as store_peers
from gateway.edges.store import streams
from gateway.exchange import identity
from gateway.exchange.deciding import route_again
from gateway.exchange.gateway import Gateway
from gateway.exchange.sync import Synced
from gateway.exchange.sync import sync as do_sync
from gateway.model import Category, PeerId, Tlp
from gateway.trust import Agreement, Peer


@click.group()
def peers() -> None:
    """The associations abroad that we exchange with."""


def _text(path: Path) -> str:
    return files.content(path).decode("utf-8", "replace").strip()


@peers.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--country", "countries", multiple=True, help="Grant only this proposed country.")
@click.option("--priority", type=int, help="Lower is asked first where two serve one country.")
@click.option("--max-tlp", type=click.Choice([str(tlp) for tlp in Tlp if tlp is not Tlp.RED]))
@click.option(
    "--category",
    "categories",
    multiple=True,
    type=click.Choice([str(one) for one in Category if one is not Category.LEGITIMATE]),
)
@click.option("--address", "addresses", multiple=True, help="Call it only at this IP address.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of the authority that alone vouches for its server.",
)
@click.option(
    "--give",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Make a new secret that opens our door, and write it here for the peer.",
)
@click.option(
    "--secret",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file with the secret that the peer gave us for its door.",
)
@screen.json_option
@screen.command
def add(
    file: Path,
    countries: tuple[str, ...],
    priority: int | None,
    max_tlp: str | None,
    categories: tuple[str, ...],
    addresses: tuple[str, ...],
    ca: Path | None,
    give: Path | None,
    secret: Path | None,
    json: bool,
) -> None:
    """Add the peer whose signed statement is FILE, or change what is agreed with it.

    Compare the fingerprint that is printed with the peer's people over the telephone.
    """
    given = new_door_secret() if give else None
    agreement = None
    if max_tlp or categories:
        chosen = frozenset(Category(one) for one in categories) or frozenset(Category)
        agreement = Agreement(
            max_tlp=Tlp(max_tlp) if max_tlp else Tlp.AMBER_STRICT, categories=chosen
        )
    terms = identity.Terms(
        countries=tuple(trust.country(code) for code in countries),
        priority=priority,
        agreement=agreement,
        addresses=addresses or None,
        ca=_text(ca) if ca else None,
        door=given,
        theirs=_text(secret) if secret else None,
    )
    gateway = screen.gateway()
    token = files.content(file)
    peer = identity.enrol(gateway, token, terms)
    if give and given:
        files.keep(give, f"{given}\n".encode())
    moved = route_again(gateway)
    if json:
        screen.say_json({"peer": peer, "fingerprint": _fingerprint(peer), "cases_moved": moved})
        return
    screen.say(f"{peer.name} ({peer.id}) serves {', '.join(peer.countries)}.")
    screen.say(f"Its fingerprint: {_fingerprint(peer)}")
    screen.say("Compare it over the telephone; if it differs: entente peers remove")
    if moved:
        screen.say(f"{moved} cases were routed again: entente case list, entente sync")


def _fingerprint(peer: Peer) -> str:
    return trust.fingerprint(peer.federation_keys[-1].jwk)


@peers.command("list")
@screen.json_option
@screen.command
def list_(json: bool) -> None:
    """List every peer on record."""
    with screen.gateway().store.read() as db:
        found = [enrolment.peer for enrolment in store_peers.enrolments(db)]
    if json:
        screen.say_json(found)
        return
    rows = [[p.id, p.name, ", ".join(p.countries), str(p.state), str(p.reached_by)] for p in found]
    screen.table("", ["peer", "name", "countries", "state", "reached by"], rows)


@peers.command()
@click.argument("peer")
@screen.json_option
@screen.command
def show(peer: str, json: bool) -> None:
    """Show one peer: keys, agreement, and the fate of everything exchanged with it."""
    name = PeerId(peer)
    with screen.gateway().store.read() as db:
        found = store_peers.register(db).peer(name)
        if found is None:
            raise errors.NotFound(f"{peer} is not on record", hint="entente peers list")
        sent, received = streams.fates(db, name), streams.verdicts(db, name)
        head = streams.place(db, name, "in").head
    if json:
        fates = {
            "sent": [[*k, n] for k, n in sent.items()],
            "received": [[*k, n] for k, n in received.items()],
        }
        screen.say_json({"peer": found, **fates, "head": head.decode() if head else None})
        return
    screen.say(f"{found.name} ({found.id}), {found.state}, serves {', '.join(found.countries)}")
    screen.say(f"Fingerprint: {_fingerprint(found)}")
    screen.say(f"Strictest label: {found.agreement.max_tlp}")
    screen.say(f"Categories: {', '.join(sorted(found.agreement.categories))}")
    rows = [["sent", kind, state, str(n)] for (kind, state), n in sorted(sent.items())]
    rows += [["received", kind, state, str(n)] for (kind, state), n in sorted(received.items())]
    screen.table("", ["way", "kind", "fate", "how many"], rows)
    screen.say(f"Its last head: {head.decode() if head else 'none yet'}")


@peers.command()
@click.argument("peer")
@click.option("--because", required=True, help="Why; it is kept in the journal.")
@screen.command
def remove(peer: str, because: str) -> None:
    """End the exchange with a peer; what was proved stays proved."""
    gateway = screen.gateway()
    identity.dismiss(gateway, PeerId(peer), because)
    route_again(gateway)
    screen.say(f"Nothing is exchanged with {peer} any more.")


@click.command()
@click.argument("peer", required=False)
@click.option("--explain", is_flag=True, help="Say why where nothing was sent.")
@screen.json_option
@screen.command
def sync(peer: str | None, explain: bool, json: bool) -> None:
    """Refer and push everything that is due, to every peer or to one."""
    gateway = screen.gateway()
    done = do_sync(gateway, PeerId(peer) if peer else None)
    if json:
        screen.say_json([_as_json(one) for one in done])
    else:
        for one in done:
            _say(one, explain=explain)
        if not done:
            screen.say("there is no peer to exchange with: entente peers add FILE")
        _say_held(gateway)
    if any(one.pushed.error for one in done):
        sys.exit(1)


def _say_held(gateway: Gateway) -> None:
    """Say how many cases our own policy holds, for nobody else says it after a sync."""
    with gateway.store.read() as db:
        shelves = store_cases.shelved(db)
    held = [f"{shelves[code]} {code}" for code in sorted(route.HELD) if shelves.get(code)]
    if held:
        screen.say(f"held here by policy: {', '.join(held)}; entente case list says why")


def _as_json(one: Synced) -> dict[str, object]:
    error = one.pushed.error
    return {
        "peer": one.peer,
        "referred": one.referred.reports,
        "kept": one.referred.kept,
        "delivered": one.pushed.delivered,
        "rejected": one.pushed.rejected,
        "waiting": one.pushed.waiting,
        "error": {"code": error.code, "detail": str(error)} if error else None,
    }


def _say(one: Synced, *, explain: bool) -> None:
    screen.say(
        f"{one.peer}: {one.referred.reports} reports referred, {one.pushed.delivered} messages"
        f" delivered, {one.pushed.rejected} rejected, {one.pushed.waiting} waiting"
    )
    if one.pushed.error:
        screen.say(f"  stopped: {one.pushed.error.sentence} {one.pushed.error.detail}")
        if one.pushed.error.hint:
            screen.say(f"  what to do: {one.pushed.error.hint}")
    elif explain and not one.pushed.delivered:
        screen.say("  nothing was due: no report of a case that goes there waits, and no receipt")
