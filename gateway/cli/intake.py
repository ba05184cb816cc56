"""``entente import`` and ``entente inspect``: complaints come in, or are only looked at."""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway import app, hosting, incident
from gateway.cli import screen
from gateway.edges import clock, mailboxes
from gateway.edges.mailboxes import Source, Unread
from gateway.edges.reader import Read, Reader
from gateway.edges.registry import Registry, Sources, open_registry
from gateway.exchange import intake
from gateway.exchange.gateway import Gateway
from gateway.exchange.inspect import Finding, look
from gateway.exchange.intake import Arrived
from gateway.model import Origin
from gateway.report import Settings

BATCH = 200
"""Reports in one transaction: its commit costs as much as the work of five reports."""
BATCH_BYTES = 32_000_000
"""Bytes of sources held for one transaction, so that memory stays flat whatever their size."""

_paths = click.argument("paths", nargs=-1, required=True, metavar="PATH...")
_format = click.option(
    "--format", "form", default="auto", show_default=True, type=click.Choice(mailboxes.FORMATS)
)


class Tally:
    """What an import did, for people and programs."""

    def __init__(self) -> None:
        self.new = self.repeated = self.unparseable = 0
        self.unread: list[str] = []


@click.command("import")
@_paths
@_format
@click.option("--reporter", default="", help="Who complains; kept as a pseudonym only.")
@screen.json_option
@screen.command
def import_(paths: tuple[str, ...], form: str, reporter: str, json: bool) -> None:
    """Take in the complaints under PATH: mails, directories, mbox, Maildir, or - for input.

    What was taken in before adds nothing, so an interrupted import is simply run again.
    """
    gateway = app.open_gateway(screen.home())
    pseudonym = gateway.keys.pseudonym(reporter) if reporter else ""
    tally = Tally()
    extent = mailboxes.count(paths, form)
    with _bar(json=json) as bar:
        task = bar.add_task("importing", total=extent.octets or None)
        found = _fresh(gateway, mailboxes.sources(paths, form), pseudonym, tally, bar, task)
        with _reader(gateway, app.sources(screen.home(), gateway.store)) as reader:
            batch: list[Arrived] = []
            size = 0
            for read in reader.read(found):
                if isinstance(read, Unread):
                    continue
                arrived = Arrived(
                    report=incident.knowing(read.report, reporter),
                    content=read.source.content,
                    packed=read.packed,
                )
                batch.append(arrived)
                size += len(read.source.content)
                if len(batch) >= BATCH or size >= BATCH_BYTES:
                    _accept(gateway, batch, pseudonym, tally)
                    batch, size = [], 0
            _accept(gateway, batch, pseudonym, tally)
    _report(tally, json=json)


def _reader(gateway: Gateway, sources: Sources) -> Reader:
    return Reader(_settings(gateway), sources)


def _settings(gateway: Gateway | None) -> Settings:
    """How complaints are read here; by the defaults where there is no installation."""
    if gateway is None:
        return Settings()
    known = gateway.config.origin
    return Settings(
        limits=gateway.config.reading, borders=known.borders, forwarders=known.forwarders
    )


def _bar(*, json: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=json or not sys.stderr.isatty(),
    )


def _fresh(
    gateway: Gateway,
    sources: Iterable[Source | Unread],
    reporter: str,
    tally: Tally,
    bar: Progress,
    task: object,
) -> Iterator[Source | Unread]:
    """The sources that this reporter has not reported yet; repeats cost one digest each."""
    held: dict[str, Source] = {}
    size = 0
    for source in sources:
        bar.advance(task, source.octets)  # type: ignore[arg-type]
        if isinstance(source, Unread):
            tally.unread.append(f"{source.name}: {source.error.detail}")
            continue
        digest = hashlib.sha256(source.content).hexdigest()
        if digest in held:
            tally.repeated += 1
            continue
        held[digest] = source
        size += len(source.content)
        if len(held) >= BATCH or size >= BATCH_BYTES:
            yield from _unknown(gateway, held, reporter, tally)
            held, size = {}, 0
    yield from _unknown(gateway, held, reporter, tally)


def _unknown(
    gateway: Gateway, held: dict[str, Source], reporter: str, tally: Tally
) -> Iterator[Source]:
    fresh = intake.fresh(gateway, held, reporter) if held else set()
    tally.repeated += len(held) - len(fresh)
    return (source for digest, source in held.items() if digest in fresh)


def _accept(gateway: Gateway, batch: list[Arrived], reporter: str, tally: Tally) -> None:
    if not batch:
        return
    done = intake.accept(gateway, batch, reporter)
    tally.new += done.new
    tally.repeated += done.repeated
    tally.unparseable += done.unparseable


def _report(tally: Tally, *, json: bool) -> None:
    if json:
        screen.say_json(
            {
                "new": tally.new,
                "repeated": tally.repeated,
                "unparseable": tally.unparseable,
                "unread": tally.unread,
            }
        )
    else:
        screen.say(
            f"{tally.new} new reports ({tally.unparseable} of them unparseable, kept with their"
            f" reason), {tally.repeated} known already, {len(tally.unread)} not read"
        )
        for line in tally.unread[:20]:
            click.echo(f"  not read: {line}", err=True)
    if tally.unread or tally.unparseable:
        sys.exit(1)


@click.command()
@_paths
@_format
@click.option("--as-sent", "peer", default="", metavar="PEER", help="Print what PEER would get.")
@screen.json_option
@screen.command
def inspect(paths: tuple[str, ...], form: str, peer: str, json: bool) -> None:
    """Say what would be recorded of each mail, where it would go and why; stores nothing."""
    chosen = click.get_current_context().find_root().params.get("home")
    place = Path(str(chosen)) if chosen else None
    gateway = app.open_gateway(place) if place else None
    sources = app.sources(place, gateway.store) if place and gateway else Sources()
    registry = open_registry(sources, lazily=True)
    failed = False
    with Reader(_settings(gateway), sources, processes=1) as reader:
        for read in reader.read(mailboxes.sources(paths, form)):
            failed |= not _show(read, gateway, registry, peer, json=json)
    if failed:
        sys.exit(1)


def _show(
    read: Read | Unread, gateway: Gateway | None, registry: Registry, peer: str, *, json: bool
) -> bool:
    """Print one finding; whether a mail could be read."""
    if isinstance(read, Unread):
        click.echo(f"not read: {read.name}: {read.error.detail}", err=True)
        return False
    finding = look(
        gateway, read.source.name, read.report, as_sent=peer, content=read.source.content
    )
    if json:
        screen.say_json(finding)
    else:
        _words(finding)
    for warning in registry.warnings(clock.now().date()) if not json else ():
        click.echo(f"warning: {warning}", err=True)
    return read.report.parseable


def _behind(origin: Origin) -> Iterator[str]:
    """What is known of who stands behind the address: forwarders, a service, an account."""
    if origin.submitted:
        yield "it is a client that proved to that server who it is"
    for passage in origin.passages:
        listed = f", for the list {passage.listed}" if passage.listed else ""
        yield f"forwarded by {passage.by}{listed}: {'; '.join(passage.evidence)}"
    if origin.likelier is not None:
        before = origin.likelier
        named = f" ({before.service.name})" if before.service else ""
        yield f"likelier sender: {before.address}{named}, confidence {before.confidence}"
        yield f"by that forwarder's line: {before.line}"
    if origin.service is not None and not origin.passages:
        service = origin.service
        yield f"an account at {service.name} ({service.kind}), known by {service.known_by}"
        for said in service.said:
            yield f"{service.name} says, in {said.where}: {said.about} {said.value}"
    for remark in origin.remarks:
        yield f"remark: {remark}"


def _words(finding: Finding) -> None:
    screen.say(f"{finding.source}")
    if finding.message:
        screen.say(f"  subject: {finding.message.subject or '-'}")
    if finding.origin:
        screen.say(
            f"  handed over by {finding.origin.address}, confidence {finding.origin.confidence}"
        )
        screen.say(f"  proved by: {finding.origin.line}")
        for line in _behind(finding.origin):
            screen.say(f"  {line}")
        for claimed in finding.origin.claimed:
            screen.say(f"  claimed, not believed: {claimed.address}")
    if finding.hosting:
        for line in hosting.explain(finding.hosting):
            screen.say(f"  {line}")
    if finding.category:
        screen.say(f"  {finding.category.value}: {finding.category.why}")
    if finding.route:
        held = f" ({finding.route.none})" if finding.route.none else ""
        screen.say(f"  goes to {finding.route.peer or 'nobody'}{held}: {finding.route.reason}")
    for problem in finding.problems:
        screen.say(f"  problem: {problem}")
    _crossing(finding)
    screen.say("")


def _crossing(finding: Finding) -> None:
    """What the peer asked for would get, byte for byte, and what became of each field."""
    if finding.not_sent is not None:
        screen.say(f"  it would get nothing: {finding.not_sent}")
    elif finding.as_sent is not None:
        if finding.route is None or finding.route.peer is None:
            screen.say("  it goes to nobody by itself; if it went there, this would be sent:")
        screen.say(finding.as_sent)
    for shown in finding.fields:
        how = f"; {shown.how}" if shown.how else ""
        screen.say(f"  {shown.fate}: {shown.field} ({shown.why}{how})")
