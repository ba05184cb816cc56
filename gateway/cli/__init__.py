"""The command line: one file a subject, thin over ``exchange``. Verb: ``main``."""

import sys

import click

from gateway import __version__
from gateway.cli.cases import case
from gateway.cli.demo import demo
from gateway.cli.hosting import hosting
from gateway.cli.house import check, init, serve
from gateway.cli.intake import import_, inspect
from gateway.cli.partners import peers, sync
from gateway.cli.proof import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="entente")
@click.option(
    "--home",
    envvar="ENTENTE_HOME",
    type=click.Path(file_okay=False),
    help="Where the installation lives; else ENTENTE_HOME says.",
)
def entente(home: str | None) -> None:
    """Anti-spam associations working together across borders."""


for _command in (demo, init, inspect, import_, serve, sync, peers, case, hosting, verify, check):
    entente.add_command(_command)


def main() -> None:
    """Run the command line; Ctrl-C ends it with exit code 130."""
    try:
        entente.main(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted; run the same command again to go on", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
