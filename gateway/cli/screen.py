"""How every command speaks: to people in words, to programs as JSON; errors say what to do."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import click
import msgspec
from rich.console import Console
from rich.table import Table

from gateway import app
from gateway.errors import EntenteError
from gateway.exchange.gateway import Gateway

P = ParamSpec("P")
_JSON = msgspec.json.Encoder(order="deterministic")


def out() -> Console:
    """The screen; made anew each time, so that redirected output is noticed."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def say(text: str) -> None:
    """One line for people; control characters of hostile text are shown, not obeyed."""
    click.echo("".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text))


def say_json(value: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """One line of JSON for programs."""
    click.echo(_JSON.encode(value).decode())


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """A table for people."""
    drawn = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*("".join(c if c.isprintable() else repr(c)[1:-1] for c in x) for x in row))
    Console(highlight=False, markup=False).print(drawn)


def home() -> Path:
    """The installation that this command works on: ``--home``, else ``ENTENTE_HOME``."""
    found: object = click.get_current_context().find_root().params.get("home")
    if not found:
        raise click.UsageError(
            "which installation? Give --home DIR before the command, or set ENTENTE_HOME"
        )
    return Path(str(found))


def gateway() -> Gateway:
    """That installation, opened."""
    return app.open_gateway(home())


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Give a command its exit code: 0 only when it did what it says."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except EntenteError as error:
            fail(error)

    return run


def fail(error: EntenteError) -> None:
    """Say what went wrong and what to do next, and end with exit code 1."""
    if click.get_current_context().params.get("json"):
        said = {"error": error.code, "detail": str(error), "hint": error.hint}
        click.echo(_JSON.encode(said).decode(), err=True)
    else:
        click.echo(f"entente: {error.sentence} {error.detail}".rstrip(), err=True)
        if error.hint:
            click.echo(f"  what to do: {error.hint}", err=True)
    sys.exit(1)


json_option = click.option("--json", is_flag=True, help="Print JSON instead of words.")
