"""``entente hosting``: where an address is, why we think so, and what is done about doubt."""

from datetime import date
from pathlib import Path

import click

from gateway import app
from gateway import hosting as station
from gateway.cli import screen
from gateway.edges import clock
from gateway.edges.home import open_home
from gateway.edges.registry import open_registry
from gateway.edges.store import decisions as store_decisions
from gateway.edges.store.decisions import Remembered
from gateway.edges.store.records import moment
from gateway.edges.table_making import build as build_table
from gateway.exchange import doubt, renewal
from gateway.exchange.doubt import Settled
from gateway.formats.address_table import Facts

_because = click.option("--because", required=True, help="Why; it is kept and shown with it.")


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
    tables = ", ".join(f"{table.name} ({table.as_of or 'no date'})" for table in registry.tables)
    screen.say(f"Asked: {tables}.")
    for line in registry.warnings(clock.now().date()):
        screen.say(f"warning: {line}")


@hosting.command()
@click.argument("prefix")
@click.argument("country", metavar="CC")
@_because
@screen.json_option
@screen.command
def decide(prefix: str, country: str, because: str, json: bool) -> None:
    """Remember that PREFIX counts as hosted in CC where registrations contradict each other.

    It decides for no address about which they agree, and for none that is private or reserved.
    """
    done = doubt.decide(screen.gateway(), prefix, country, because)
    if json:
        screen.say_json(done)
        return
    again = ", in place of the decision before" if done.replaced else ""
    screen.say(
        f"{done.prefix} counts as hosted in {done.country} where registrations contradict"
        f" each other{again}."
    )
    _moved(done)


@hosting.command()
@click.argument("prefix")
@_because
@screen.json_option
@screen.command
def reconsider(prefix: str, because: str, json: bool) -> None:
    """Take the decision on PREFIX back; what was sent because of it stays sent."""
    done = doubt.reconsider(screen.gateway(), prefix, because)
    if json:
        screen.say_json(done)
        return
    screen.say(f"The decision that {done.prefix} is hosted in {done.country} holds no longer.")
    _moved(done)


def _moved(done: Settled) -> None:
    if done.reports:
        screen.say(f"{done.reports} reports were routed again: entente case show CASE, for")
        for case_id in done.cases:
            screen.say(f"  {case_id}")


@hosting.command()
@click.option("--all", "every", is_flag=True, help="Those too that hold no longer.")
@screen.json_option
@screen.command
def decisions(every: bool, json: bool) -> None:
    """List the decisions that hold, newest first."""
    with screen.gateway().store.read() as db:
        found = [one for one in store_decisions.every(db) if every or one.ended_at is None]
    if json:
        screen.say_json(found)
        return
    if not found:
        screen.say("no decision holds")
        return
    screen.table("", ["network", "country", "since", "because", "until"], list(map(_row, found)))


def _row(one: Remembered) -> list[str]:
    until = "holds"
    if one.ended_at is not None:
        until = f"{moment(one.ended_at):%Y-%m-%d}: {one.ended_because}"
    since = f"{moment(one.decided_at):%Y-%m-%d}"
    return [one.prefix, one.country, since, one.because, until]


@hosting.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--accept-shrunken",
    "accepted",
    default="",
    metavar="REASON",
    help="Take a table from which much is missing all the same, and why.",
)
@screen.json_option
@screen.command
def update(files: tuple[Path, ...], accepted: str, json: bool) -> None:
    """Make a fresh table of registrations of FILE... and use it from now on.

    FILE... are the five registries' delegated-extended files, an MMDB of registrations, or a
    compact table. Nothing is fetched. A server that runs takes the new table up by itself.
    """
    gateway = screen.gateway()
    _, place = open_home(screen.home())
    done = renewal.renew(gateway, place.table, files, accepted)
    registry = open_registry(app.sources(screen.home(), gateway.store))
    settled = doubt.settle(gateway, registry.locate)
    if json:
        screen.say_json({"table": done, "settled": settled})
        return
    for line in done.remarks:
        screen.say(line)
    screen.say(
        f"{done.blocks} blocks of {done.as_of} are in use now, in place of"
        f" {done.blocks_before} of {done.as_of_before}."
    )
    if done.as_of < done.as_of_before:
        screen.say("warning: this table is older than the one whose place it takes")
    if done.previous:
        screen.say(f"The table before is kept: {done.previous}")
    _moved(settled)


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
