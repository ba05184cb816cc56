"""``entente hosting``: where an address is, why we think so, and tables of our own making."""

from datetime import date
from pathlib import Path

import click

from gateway import app
from gateway import hosting as station
from gateway.cli import screen
from gateway.edges import clock
from gateway.edges.registry import build as build_table
from gateway.edges.registry import open_registry
from gateway.formats.address_table import Facts


@click.group()
def hosting() -> None:
    """Where an address is hosted, and the tables that say so."""


@hosting.command()
@click.argument("address")
@screen.json_option
@screen.command
def explain(address: str, json: bool) -> None:
    """Say where ADDRESS is registered, with every source and its date."""
    chosen = click.get_current_context().find_root().params.get("home")
    registry = open_registry(app.sources(Path(str(chosen))) if chosen else None, lazily=True)
    found = registry.locate(address)
    if json:
        screen.say_json(found)
        return
    for line in station.explain(found):
        screen.say(line)
    for line in registry.warnings(clock.now().date()):
        screen.say(f"warning: {line}")


@hosting.command()
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An MMDB or delegated-extended file; may be given several times.",
)
@click.option("--source", required=True, help="What the table is to be called.")
@click.option("--licence", required=True, help="The licence of the data.")
@click.option("--as-of", required=True, help="The date of the data, YYYY-MM-DD.")
@screen.command
def build(out: Path, sources: tuple[Path, ...], source: str, licence: str, as_of: str) -> None:
    """Make a compact table of registrations and write it to OUT."""
    try:
        date.fromisoformat(as_of)
    except ValueError as error:
        raise click.BadParameter("not a date like 2026-01-31", param_hint="--as-of") from error
    facts = Facts(source=source, licence=licence, as_of=as_of, made_by="entente hosting build")
    build_table(out, sources, facts)
    screen.say(f"wrote {out}")
