"""``entente case``: the cases, and taking a mistake back."""

import click

from gateway.cli import screen
from gateway.edges.store import cases, records, streams
from gateway.errors import NotFound
from gateway.exchange.withdraw import withdraw as take_back
from gateway.model import Case, PeerId


@click.group()
def case() -> None:
    """Cases: what is one sender's doing, and where it goes."""


@case.command("list")
@click.option("--country", default="", help="Only cases of this country.")
@click.option("--peer", default="", help="Only cases that go to this peer.")
@click.option("--after", default="", help="Begin after this case.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1000))
@screen.json_option
@screen.command
def list_(country: str, peer: str, after: str, most: int, json: bool) -> None:
    """List cases by id."""
    with screen.gateway().store.read() as db:
        found = cases.page(
            db, most=most, after=after, country=country, peer=PeerId(peer) if peer else None
        )
    if json:
        screen.say_json(found)
        return
    columns = ["case", "country", "network", "category", "reports", "by", "goes to, or why not"]
    screen.table("", columns, [_row(one) for one in found])
    if len(found) == most:
        screen.say(f"more: entente case list --after {found[-1].id}")


def _row(one: Case) -> list[str]:
    goes = one.route.peer or f"{one.route.none}: {one.route.reason}"
    counts = [str(one.reports), str(one.reporters)]
    return [one.id, one.country or "-", one.network, str(one.category), *counts, goes]


@case.command()
@click.argument("case_id", metavar="CASE")
@screen.json_option
@screen.command
def show(case_id: str, json: bool) -> None:
    """Show a case by our id or the partner's: its reports, and the fate of what was sent."""
    with screen.gateway().store.read() as db:
        found = cases.get(db, case_id)
        if found is None:
            raise NotFound(f"there is no case {case_id}", hint="entente case list")
        filed = records.reports(db, case_id=found.id)
        sent = [p for report in filed for p in streams.postings_of_report(db, report.id)]
    if json:
        fates = [{"jti": p.jti, "kind": p.kind, "peer": p.peer, "fate": p.state} for p in sent]
        screen.say_json({"case": found, "reports": filed, "sent": fates})
        return
    screen.say(f"{found.id}: {found.category}, {found.network}, {found.country or 'no country'}")
    for issuer, foreign in found.foreign:
        screen.say(f"known to {issuer} as {foreign}")
    screen.say(f"{found.reports} reports by {found.reporters} reporters")
    screen.say(f"from {found.first_seen:%Y-%m-%d %H:%M} to {found.last_seen:%Y-%m-%d %H:%M} UTC")
    screen.say(f"goes to {found.route.peer or 'nobody'}: {found.route.reason}")
    rows = [[r.id, r.origin or "-", r.category, r.state, r.fate, r.why] for r in filed]
    screen.table("Reports", ["report", "origin", "category", "state", "fate", "why"], rows)
    rows = [[p.jti, p.kind, p.peer, p.state, p.why] for p in sent]
    screen.table("Sent", ["SET", "kind", "to", "fate", "why"], rows)


@case.command()
@click.argument("name", metavar="CASE|REPORT")
@click.option("--because", required=True, help="Why it is a mistake; the peer reads this.")
@screen.json_option
@screen.command
def withdraw(name: str, because: str, json: bool) -> None:
    """Take a report, or every report of a case, back: at home and abroad."""
    done = take_back(screen.gateway(), name, because)
    if json:
        screen.say_json(done)
        return
    screen.say(f"{done.reports} reports taken back; {done.cancelled} were not sent yet,")
    screen.say(f"{done.withdrawals} withdrawals wait for their peers: entente sync")
