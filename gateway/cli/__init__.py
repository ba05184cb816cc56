"""The command line: one file a subject, thin over ``exchange``. Verb: ``main``."""

import gc
import importlib
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from gateway import __version__

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "demo": "gateway.cli.demo:demo",
        "init": "gateway.cli.house:init",
        "inspect": "gateway.cli.intake:inspect",
        "import": "gateway.cli.intake:import_",
        "serve": "gateway.cli.serving:serve",
        "sync": "gateway.cli.partners:sync",
        "peers": "gateway.cli.partners:peers",
        "case": "gateway.cli.cases:case",
        "hosting": "gateway.cli.hosting:hosting",
        "bundle": "gateway.cli.proof:bundle",
        "verify": "gateway.cli.proof:verify",
        "check": "gateway.cli.house:check",
        "crossed": "gateway.cli.review:crossed",
        "person": "gateway.cli.review:person",
        "retention": "gateway.cli.retention:retention",
        "purge": "gateway.cli.retention:purge",
        "hold": "gateway.cli.retention:hold",
        "holds": "gateway.cli.retention:holds",
        "release": "gateway.cli.retention:release",
        "keys": "gateway.cli.retention:keys",
    }
)
"""Every command and where it stands."""


_YOUNG_OBJECTS: Final = 50_000
"""Objects between two looks of the garbage collector: a batch of reports makes some ten thousand,
all of them needed, and to look through them every 700 took a tenth of an import."""


class _Shelf(click.Group):
    """Commands that are loaded when they are called for.

    A sync by timer lasts a fraction of a second, and loading the web server, the demo and the
    reader for it would be most of that.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in the order of the journey."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, loaded now, or None where there is none."""
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        found: object = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=_Shelf, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="entente")
@click.option(
    "--home",
    envvar="ENTENTE_HOME",
    type=click.Path(file_okay=False),
    help="Where the installation lives; else ENTENTE_HOME says.",
)
def entente(home: str | None) -> None:
    """Anti-spam associations working together across borders."""


def main() -> None:
    """Run the command line; Ctrl-C ends it with exit code 130."""
    gc.set_threshold(_YOUNG_OBJECTS)
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
