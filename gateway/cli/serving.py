"""``entente serve``: an installation answering."""

import click

from gateway import app
from gateway.cli import screen
from gateway.edges import serve as server
from gateway.edges.home import open_home
from gateway.edges.web.app import create_app
from gateway.exchange.answer import Desk


@click.command()
@screen.command
def serve() -> None:
    """Answer peers over HTTPS until stopped."""
    settings, place = open_home(screen.home())
    server.serve(
        lambda: create_app(Desk(app.open_gateway(place.path)), settings.serve),
        settings.serve,
        place,
        lambda address: screen.say(f"listening on {address}"),
    )
