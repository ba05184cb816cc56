"""``entente purge``, ``hold``, ``release``, ``holds``, ``retention``, ``keys``: what may stay."""

import click

from gateway import retention as station
from gateway.cli import screen
from gateway.edges.store import holds as store_holds
from gateway.edges.store.records import moment
from gateway.exchange import hold as holding
from gateway.exchange import pseudonyms
from gateway.exchange import purge as purging
from gateway.exchange.purge import Purged


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go; nothing is changed.")
@click.option(
    "--reconsider", is_flag=True, help="First give everything the date that the settings now say."
)
@click.option(
    "--rebuild",
    is_flag=True,
    help="Write the database anew, also a large one; writers wait meanwhile.",
)
@screen.json_option
@screen.command
def purge(*, dry_run: bool, reconsider: bool, rebuild: bool, json: bool) -> None:
    """Delete what is past its date and not held; what proves stays and still verifies.

    It can be run at any time, also while importing and serving, and again after it was stopped.
    """
    gateway = screen.gateway()
    if dry_run and (reconsider or rebuild):
        raise click.UsageError("--dry-run changes nothing, so it goes with nothing else")
    dated = purging.reconsider(gateway) if reconsider else 0
    done = purging.foresee(gateway) if dry_run else purging.purge(gateway, rebuild=rebuild)
    if json:
        screen.say_json({"dated_again": dated, "rows": done.rows, "purge": done})
        return
    if reconsider:
        screen.say(f"{dated} dates changed")
    _say(done)


def _say(done: Purged) -> None:
    rows = [
        [line.what, line.kind, f"{line.rows:,}", f"{line.octets:,}", f"{line.held:,}"]
        for line in done.lines
    ]
    gone = "gone" if done.done else "would go"
    screen.table("", ["what", "class", gone, "bytes", "held"], rows)
    if not done.done:
        screen.say("Nothing was changed: entente purge does it.")
        return
    screen.say("Ids, digests, verdicts, receipts and counts remain: entente check")
    if not done.log_empty:
        screen.say(
            "A long reader kept the database's log, where copies may stand; run it again later."
        )
    if not done.rebuilt and done.rows:
        screen.say(
            "The database is large and was not written anew; freed pages may hold traces until"
            " entente purge --rebuild is run in a quiet hour."
        )


@click.command()
@click.argument("name", metavar="CASE|REPORT")
@click.option("--because", required=True, help="Why; it is kept in the journal.")
@screen.json_option
@screen.command
def hold(name: str, because: str, json: bool) -> None:
    """Let nothing of a case or report be deleted, whatever its date, until it is released."""
    kept = holding.hold(screen.gateway(), name, because)
    if json:
        screen.say_json(kept)
        return
    screen.say(f"{kept.subject} is held with everything about it: entente release {kept.subject}")


@click.command()
@click.argument("name", metavar="CASE|REPORT")
@click.option("--because", required=True, help="Why; it is kept in the journal.")
@screen.json_option
@screen.command
def release(name: str, because: str, json: bool) -> None:
    """End the hold on a case or report; what is past its date goes with the next purge."""
    subject = holding.release(screen.gateway(), name, because)
    if json:
        screen.say_json({"released": subject})
        return
    screen.say(f"{subject} is held no longer.")


@click.command()
@screen.json_option
@screen.command
def holds(json: bool) -> None:
    """List what is held, since when and why."""
    with screen.gateway().store.read() as db:
        found = store_holds.standing(db)
    if json:
        screen.say_json(found)
        return
    rows = [[one.subject, f"{moment(one.since):%Y-%m-%d %H:%M}", one.because] for one in found]
    screen.table("", ["case or report", "since (UTC)", "because"], rows)


@click.command()
@screen.json_option
@screen.command
def retention(json: bool) -> None:
    """Say what stays for how long and why, by class of data, with the days in force."""
    days = screen.gateway().config.retention
    table = [
        {"class": kind, "days": getattr(days, one.setting) if one.setting else None, "about": one}
        for kind, one in station.HOLDINGS.items()
    ]
    if json:
        screen.say_json(table)
        return
    rows = []
    for kind, one in station.HOLDINGS.items():
        term = f"{getattr(days, one.setting):,}" if one.setting else "no date"
        rows.append([kind, one.what, term, one.since, one.why, one.remains])
    columns = ["class", "what", "days", "counted from", "why", "what remains"]
    screen.table("", columns, rows)


@click.group()
def keys() -> None:
    """The installation's own keys."""


@keys.command("destroy-pseudonyms")
@click.option("--because", required=True, help="Why; it is kept in the journal.")
@click.option("--yes", is_flag=True, help="Do not ask again.")
@screen.json_option
@screen.command
def destroy_pseudonyms(*, because: str, yes: bool, json: bool) -> None:
    """Destroy the key that leads from a reporter to the pseudonym; it cannot be undone.

    Pseudonyms until now count reporters and lead to nobody; a new key begins.
    """
    gateway = screen.gateway()
    if not yes:
        click.confirm("Nobody will recognise a reporter of before. Destroy the key?", abort=True)
        click.confirm("It cannot be undone. Do you mean it?", abort=True)
    done = pseudonyms.destroy(gateway, because)
    if json:
        screen.say_json({"since": moment(done.since)})
        return
    screen.say(f"The key of before {moment(done.since):%Y-%m-%d %H:%M} UTC is overwritten.")
    screen.say("Copies in backups are out of reach here: destroy those, too.")
