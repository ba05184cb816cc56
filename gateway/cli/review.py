"""``entente crossed`` and ``entente person``: a privacy reviewer's questions."""

from datetime import UTC, date, datetime, time, timedelta

import click

from gateway.cli import screen
from gateway.edges.store import peers
from gateway.errors import NotFound
from gateway.exchange import person as looking
from gateway.exchange.crossed import Crossed
from gateway.exchange.crossed import crossed as what_crossed
from gateway.exchange.person import Kept, Trace
from gateway.model import PeerId


def _day(_context: click.Context, _option: click.Parameter, text: str | None) -> date | None:
    """A day or a month, as its first day."""
    if text is None:
        return None
    try:
        return date.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    except ValueError as error:
        raise click.BadParameter("not a day like 2026-01-31 or a month like 2026-01") from error


@click.command()
@click.argument("peer", required=False, default="")
@click.option("--since", callback=_day, help="From this day on (UTC), or from this month.")
@click.option("--until", callback=_day, help="To before this day or month; else to now.")
@click.option(
    "--most",
    default=50,
    show_default=True,
    type=click.IntRange(0, 100_000),
    help="List at most so many messages; the sums count all.",
)
@click.option("--after", default="", metavar="SET", help="List on behind this message.")
@screen.json_option
@screen.command
def crossed(
    peer: str, since: date | None, until: date | None, most: int, after: str, json: bool
) -> None:
    """Say what left the country in a period, to whom and why; the last 31 days by default.

    Each message with the reason of its route, its label, the fields that stood in it, and its
    receipt. It counts from the day it was signed, once it was handed to the wire.
    """
    gateway = screen.gateway()
    if peer:
        with gateway.store.read() as db:
            if peers.register(db).peer(PeerId(peer)) is None:
                raise NotFound(f"{peer} is not on record", hint="entente peers list")
    end = _moment(until) if until else gateway.now() + timedelta(seconds=1)
    begin = _moment(since) if since else end - timedelta(days=31)
    if begin >= end:
        raise click.BadParameter("it does not lie before --until", param_hint="--since")
    found = what_crossed(gateway, begin, end, peer=peer, most=most, after=after)
    if json:
        screen.say_json(found)
        return
    _say_crossed(found, most)


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _say_crossed(found: Crossed, most: int) -> None:
    screen.say(f"From {found.since:%Y-%m-%d %H:%M} to {found.until:%Y-%m-%d %H:%M} UTC:")
    rows = [[s.peer, s.kind, s.category or "-", s.fate, f"{s.number:,}"] for s in found.sums]
    screen.table("", ["to", "kind", "category", "fate", "how many"], rows)
    for one in found.sets:
        screen.say(f"{one.at:%Y-%m-%d %H:%M} {one.kind} {one.jti} to {one.peer}: {one.fate}")
        screen.say(f"  about report {one.report or '-'} of case {one.case or '-'}")
        screen.say(f"  because {one.why}")
        screen.say(f"  label {one.label or '-'}; fields: {', '.join(one.fields) or '-'}")
        receipt = f"receipt {one.receipt}" if one.receipt else "no receipt yet"
        screen.say(f"  digest {one.digest}, {receipt}")
    if most and len(found.sets) == most:
        screen.say(f"more: the same with --after {found.sets[-1].jti}")


@click.command()
@click.argument("who", required=False, default="", metavar="ADDRESS")
@click.option("--reporter", default="", help="Who complained, as given at the import.")
@click.option("--without-originals", is_flag=True, help="Do not read the mails themselves.")
@screen.json_option
@screen.command
def person(who: str, reporter: str, *, without_originals: bool, json: bool) -> None:
    """Say what is still kept of a person, until when, and whether it went abroad.

    ADDRESS is a mail address, looked for in every disguise known to us, or a name as it is
    written. Each search stands in the journal, which does not name the person.
    """
    if bool(who) == bool(reporter):
        raise click.UsageError("give an address, or --reporter ID")
    gateway = screen.gateway()
    if reporter:
        found = looking.of_reporter(gateway, reporter)
    else:
        found = looking.of_person(gateway, who, originals=not without_originals)
    if json:
        screen.say_json(found)
        return
    _say_kept(found)


def _say_kept(found: Kept) -> None:
    for trace in found.traces:
        screen.say(f"{trace.place} {trace.id} (class {trace.kind}), {_stays(trace)}")
        screen.say(f"  found as {', '.join(trace.found)}")
        if trace.report or trace.case:
            screen.say(f"  belongs to report {trace.report or '-'} of case {trace.case or '-'}")
        for one in trace.abroad:
            screen.say(f"  went abroad: {one.kind} {one.jti} to {one.peer}, {one.fate}")
    if not found.traces:
        screen.say("Nothing is kept of this person.")
    looked = ", ".join(f"{number:,} x {place}" for place, number in found.looked_at.items())
    screen.say(f"Looked at: {looked or 'nothing'}")
    for left_out in found.left_out:
        screen.say(f"Not looked at: {left_out}")


def _stays(trace: Trace) -> str:
    if trace.held:
        return "held: entente holds"
    return f"until {trace.until:%Y-%m-%d}" if trace.until else "without a date"
