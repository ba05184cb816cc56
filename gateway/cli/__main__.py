"""``python -m gateway.cli`` is ``entente``."""

from gateway.cli import main

main()
