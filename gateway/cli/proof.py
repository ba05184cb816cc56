"""``entente bundle`` and ``entente verify``: what happened, proved to whoever trusts nobody."""

from pathlib import Path

import click
import msgspec

from gateway import journal, trust
from gateway.cli import screen
from gateway.edges import clock, files
from gateway.edges.home import open_home
from gateway.edges.store.audit import audit, head_of, tokens_of
from gateway.errors import CheckFailed
from gateway.exchange.exhibit import exhibit
from gateway.exchange.proof import prove, statement_in_time
from gateway.exchange.weigh import in_words, weigh

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
JOURNAL = "journal"
"""The word in place of a file that asks for the journal."""
_REST = "Compare each fingerprint with one that you trust: that is all it rests on."


@click.command()
@click.argument("what")
@click.argument("database", type=_file, required=False)
@click.option("--statement", type=_file, help="The issuer's entity statement, for a single SET.")
@screen.json_option
@screen.command
def verify(what: str, database: Path | None, statement: Path | None, json: bool) -> None:
    """Prove a bundle, a single SET (with --statement), or the journal; needs no network.

    WHAT is the file with the bundle or SET. `entente verify journal` examines the journal of the
    installation, `entente verify journal DATABASE` that of a copy of its database.
    """
    if what == JOURNAL:
        _journal(database, json=json)
        return
    data = files.content(Path(what))
    if statement is not None:
        _set(data, files.content(statement), json=json)
    elif data.lstrip().startswith(b"{"):
        _bundle(data, json=json)
    else:
        raise click.UsageError("a single SET is verified with --statement FILE")


def _set(token: bytes, statement: bytes, *, json: bool) -> None:
    proof = prove(token, statement, clock.now())
    if json:
        screen.say_json(proof)
        return
    for step in proof.steps:
        screen.say(step)
    screen.say(_REST)


def _bundle(data: bytes, *, json: bool) -> None:
    weighed = weigh(data, clock.now())
    if json:
        screen.say_json({"holds": True, **msgspec.structs.asdict(weighed)})
        return
    for step in weighed.steps:
        screen.say(step)
    screen.say("What it proves:")
    for proved in weighed.sets:
        screen.say(f"  {in_words(proved)}")
    screen.say("What its maker says, which nothing but its signature proves:")
    for words in weighed.words:
        screen.say(f"  {words}")
    screen.say(_REST)


def _journal(database: Path | None, *, json: bool) -> None:
    path = database or open_home(screen.home())[1].database
    issuer = head_of(path)
    keys: dict[str, trust.PublicJwk] = {}
    prints: list[str] = []
    for token in tokens_of(path, issuer):
        facts = statement_in_time(token, clock.now()).facts
        keys |= {key.kid: key.jwk for key in facts.log_keys}
        prints = [trust.fingerprint(key.jwk) for key in facts.federation_keys]
    found = audit(path, keys)
    if json:
        screen.say_json(found)
    elif not found.faults:
        when = journal.when(found.head) if found.head else ""
        screen.say(f"{found.entries} entries follow from one another to the head signed {when}.")
        screen.say(f"{found.rows} rows are as the journal last saw them.")
        if not found.outside:
            screen.say(
                "There was no journal.head beside it: whether it was cut short is not shown."
            )
        screen.say(f"It is the journal of {issuer}, federation key {', '.join(prints)}.")
        screen.say(_REST)
    if found.faults:
        raise CheckFailed("\n".join(fault.words for fault in found.faults))


@click.command()
@click.argument("name", metavar="CASE|REPORT")
@click.option(
    "-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write."
)
@screen.json_option
@screen.command
def bundle(name: str, out: Path | None, json: bool) -> None:
    """Write one file that proves what became of a case or report, without originals or names."""
    made = exhibit(screen.gateway(), name)
    path = out or Path(f"{name}.bundle.json")
    files.keep(path, made.data, mode=0o644)
    if json:
        screen.say_json({"file": str(path), "bytes": len(made.data), "words": made.words})
        return
    for words in made.words:
        screen.say(words)
    screen.say(f"{path} holds it. Whoever gets it checks it with: entente verify {path}")
    screen.say("or, without trusting this program, with schemas/verify_bundle.py")
