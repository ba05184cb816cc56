"""``entente case``: the cases, what they are called, and taking a mistake back."""

from collections.abc import Mapping, Sequence

import click

from gateway.cli import screen
from gateway.edges.store import campaigns, cases, corrections, records, streams
from gateway.errors import NotFound
from gateway.exchange.judge import judge as call
from gateway.exchange.withdraw import withdraw as take_back
from gateway.model import Case, Category, Correction, Judgement, Nowhere, PeerId


@click.group()
def case() -> None:
    """Cases: what is one sender's doing, and where it goes."""


@case.command("list")
@click.option("--country", default="", help="Only cases of this country.")
@click.option("--peer", default="", help="Only cases that go to this peer.")
@click.option(
    "--shelf",
    default="",
    type=click.Choice(["", *(str(one) for one in Nowhere)]),
    help="Only cases that go nowhere for this reason.",
)
@click.option("--after", default="", help="Begin after this case.")
@click.option("--most", default=50, show_default=True, type=click.IntRange(1, 1000))
@screen.json_option
@screen.command
def list_(country: str, peer: str, shelf: str, after: str, most: int, json: bool) -> None:
    """List cases by id."""
    with screen.gateway().store.read() as db:
        found = cases.page(
            db,
            most=most,
            after=after,
            country=country,
            peer=PeerId(peer) if peer else None,
            shelf=Nowhere(shelf) if shelf else None,
        )
        by_hand = corrections.holding(db, [one.id for one in found])
    if json:
        screen.say_json(found)
        return
    columns = ["case", "country", "network", "category", "reports", "by", "goes to, or why not"]
    screen.table("", columns, [_row(one, by_hand) for one in found])
    if len(found) == most:
        screen.say(f"more: entente case list --after {found[-1].id}")


def _row(one: Case, by_hand: Mapping[str, Category]) -> list[str]:
    goes = one.route.peer or f"{one.route.none}: {one.route.reason}"
    counts = [str(one.reports), str(one.reporters)]
    called = f"{one.category} (by hand)" if one.id in by_hand else str(one.category)
    return [one.id, one.country or "-", one.network, called, *counts, goes]


@case.command()
@click.argument("case_id", metavar="CASE")
@screen.json_option
@screen.command
def show(case_id: str, json: bool) -> None:
    """Show a case by our id or the partner's: what it is called, its reports, what was sent."""
    with screen.gateway().store.read() as db:
        found = cases.get(db, case_id)
        if found is None:
            raise NotFound(f"there is no case {case_id}", hint="entente case list")
        kit = campaigns.made(db, found.campaign)
        filed = records.reports(db, case_id=found.id)
        sent = [p for report in filed for p in streams.postings_of_report(db, report.id)]
        read = records.contents(db, [report.id for report in filed])
        made = corrections.about(db, [found.id, *(report.id for report in filed)])
    machine = {name: report.judgement for name, report in read.items() if report.judgement}
    if json:
        fates = [{"jti": p.jti, "kind": p.kind, "peer": p.peer, "fate": p.state} for p in sent]
        screen.say_json(
            {
                "case": found,
                "made_with": kit,
                "reports": filed,
                "judged": {"by_hand": made, "by_machine": machine},
                "sent": fates,
            }
        )
        return
    screen.say(f"{found.id}: {found.category}, {found.network}, {found.country or 'no country'}")
    for issuer, foreign in found.foreign:
        screen.say(f"known to {issuer} as {foreign}")
    screen.say(f"{found.reports} reports by {found.reporters} reporters")
    screen.say(f"from {found.first_seen:%Y-%m-%d %H:%M} to {found.last_seen:%Y-%m-%d %H:%M} UTC")
    held = f" ({found.route.none})" if found.route.none else ""
    screen.say(f"goes to {found.route.peer or 'nobody'}{held}: {found.route.reason}")
    for line in _judged(machine, made):
        screen.say(line)
    if kit:
        screen.say(f"made with kit {kit.kit}, as are {kit.others} other campaigns")
    rows = [[r.id, r.origin or "-", r.category, r.state, r.fate, r.why] for r in filed]
    screen.table("Reports", ["report", "origin", "category", "state", "fate", "why"], rows)
    rows = [[p.jti, p.kind, p.peer, p.state, p.why] for p in sent]
    screen.table("Sent", ["SET", "kind", "to", "fate", "why"], rows)


def _judged(machine: Mapping[str, Judgement], made: Sequence[Correction]) -> list[str]:
    """What the machine said of each mail, in words, and beside it what people said and when."""
    said: dict[str, int] = {}
    for judgement in machine.values():
        line = f"judged {judgement.value} by its signs: {judgement.why}"
        said[line] = said.get(line, 0) + 1
    lines = [f"{line} ({number} reports)" if number > 1 else line for line, number in said.items()]
    return lines + [
        f"judged {one.category} by hand on {one.at:%Y-%m-%d %H:%M} UTC: {one.because}"
        f" ({one.about}; {one.was} before)"
        for one in made
    ]


@case.command()
@click.argument("name", metavar="CASE|REPORT")
@click.argument("category", type=click.Choice([str(one) for one in Category]))
@click.option("--because", required=True, help="Why; it is kept beside the machine's reason.")
@screen.json_option
@screen.command
def judge(name: str, category: str, because: str, json: bool) -> None:
    """Say by hand what a case or a report is; `legitimate` keeps it home and takes it back."""
    done = call(screen.gateway(), name, Category(category), because)
    if json:
        screen.say_json(done)
        return
    screen.say(f"{done.about} is called {done.category} now; it was {done.was}.")
    if done.cancelled or done.withdrawals:
        screen.say(f"{done.cancelled} reports were not sent yet and stay here,")
        screen.say(f"{done.withdrawals} withdrawals wait for their peers: entente sync")
    if done.abroad:
        screen.say(f"{done.abroad} reports abroad keep the name that they were sent with.")
    if done.route:
        held = f" ({done.route.none})" if done.route.none else ""
        screen.say(f"The case goes to {done.route.peer or 'nobody'}{held}: {done.route.reason}")


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
