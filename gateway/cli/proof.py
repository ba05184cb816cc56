"""``entente verify``: prove a SET offline, with the statement that introduced its key."""

from pathlib import Path

import click

from gateway.cli import screen
from gateway.edges import clock, files
from gateway.exchange.proof import prove

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=_file)
@click.option("--statement", required=True, type=_file, help="The issuer's entity statement.")
@screen.json_option
@screen.command
def verify(file: Path, statement: Path, json: bool) -> None:
    """Prove that the SET in FILE was signed by whose statement is given; needs no network."""
    proof = prove(files.content(file), files.content(statement), clock.now())
    if json:
        screen.say_json(proof)
        return
    for step in proof.steps:
        screen.say(step)
    screen.say(
        "Compare the fingerprint in step 1 with one that you trust: that is all it rests on."
    )
