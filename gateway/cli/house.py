"""``entente init`` and ``check``: an installation made, and examined."""

import click

from gateway import app, trust
from gateway.cli import screen
from gateway.config import Sections, Serve
from gateway.edges import clock, table_making
from gateway.edges.files import keep
from gateway.edges.home import open_home
from gateway.edges.registry import open_registry
from gateway.exchange import identity
from gateway.exchange.examine import examine


@click.command()
@click.option("--id", "me", required=True, help="Our identifier: our HTTPS URL.")
@click.option("--country", required=True, help="The country that we serve, such as FR.")
@click.option("--name", required=True, help="Our name, as peers read it.")
@click.option("--mailbox", default="", help="The address where a peer's staff reaches ours.")
@click.option("--bind", default=Serve().bind, show_default=True, help="Address and port to serve.")
@screen.json_option
@screen.command
def init(me: str, country: str, name: str, mailbox: str, bind: str, json: bool) -> None:
    """Make a new installation: keys, settings, database, statement."""
    place = screen.home()
    sections = Sections(serve=Serve(bind=bind))
    made = app.create(place, me, country, name, mailbox=mailbox, sections=sections)
    token = identity.introduce(made)
    path = place / "statements" / "own.jwt"
    keep(path, token, mode=0o644)
    fingerprint = trust.fingerprint(made.keys.federation.jwk)
    if json:
        screen.say_json({"home": str(place), "statement": str(path), "fingerprint": fingerprint})
        return
    screen.say(f"A new installation stands in {place}.")
    screen.say(f"Give your peers {path}, and read them this fingerprint over the telephone:")
    screen.say(f"  {fingerprint}")
    screen.say("Next: entente import PATH, entente peers add FILE, entente serve")


@click.command()
@screen.json_option
@screen.command
def check(json: bool) -> None:
    """Examine the installation: database, originals, journal, keys, address tables."""
    place = screen.home()
    gateway = app.open_gateway(place)
    registry = open_registry(app.sources(place, gateway.store))
    # No other command reads the table to its end.
    table_making.in_use(open_home(place)[1].table)
    found = examine(gateway)
    warnings = registry.warnings(clock.now().date())
    if json:
        screen.say_json({"examined": found, "warnings": warnings})
    else:
        for line in found:
            screen.say(f"ok: {line}")
        for line in warnings:
            screen.say(f"warning: {line}")
