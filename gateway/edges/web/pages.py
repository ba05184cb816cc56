"""The public page: who we are, how much passed, and what became of the last exchanges.

The law: one page made here, without scripts; every text from outside is escaped by the template
and isolated, so that no name can turn the line around it. Verb: ``install``.
"""

from datetime import UTC, datetime

from flask import Flask, render_template

from gateway.edges.web.receiver import Receiver

_GROUP = 4
_THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"
_CLIPPED_CHARS = 120


def install(app: Flask, receiver: Receiver) -> None:
    """Add the page at ``/`` to ``app``, with what ``receiver`` says of us."""

    def page() -> str:
        return render_template("status.html", facts=receiver.page())

    app.jinja_env.filters.update(moment=moment, stamp=stamp, amount=amount, grouped=grouped)
    app.jinja_env.filters.update(shown=shown)
    app.add_url_rule("/", view_func=page, methods=["GET"])


def moment(at: datetime) -> str:
    """A time as people read it: ``23 Nov 2026, 11:35``, in UTC."""
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M}"


def stamp(at: datetime) -> str:
    """A time as machines read it: RFC 3339 §5.6, in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def amount(number: int) -> str:
    """A count with its thousands set apart by narrow spaces."""
    return f"{number:,}".replace(",", _THIN_SPACE)


def grouped(fingerprint: str) -> tuple[str, ...]:
    """A fingerprint in groups of four, to be compared over the telephone."""
    return tuple(fingerprint[i : i + _GROUP] for i in range(0, len(fingerprint), _GROUP))


def shown(text: str) -> str:
    """A text from outside, clipped, with characters that cannot be seen shown as escapes."""
    clipped = text if len(text) <= _CLIPPED_CHARS else text[:_CLIPPED_CHARS] + "…"
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in clipped
    )
