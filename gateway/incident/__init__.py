"""A report and the interchange document, one made of the other (RFC 7970 §3, RFC 8727).

What crosses the border is decided here and nowhere else; ``docs/profile.md`` has the table. The
law: ``read(compose(report))`` keeps all that may travel, and no body text, no recipient and no
digest of unredacted text is in the document.
Verbs: ``compose``, ``read``, ``guard`` outgoing bytes, ``label`` and ``restriction`` (TLP).
"""

from typing import Final

from gateway.formats import iodef_json
from gateway.formats.iodef_document import MOST_BYTES
from gateway.incident.border import NAMES, TABLE, Row, as_page, rows
from gateway.incident.composing import Crossing, compose
from gateway.incident.labels import label, restriction, stricter
from gateway.incident.reading import Attached, Reported, read
from gateway.incident.receiving import hider, knowing
from gateway.incident.showing import Fate, Shown, show
from gateway.model import Report
from gateway.redact import Hider, runs_of
from gateway.redact import guard as _guard

__all__ = [
    "TABLE",
    "Attached",
    "Crossing",
    "Fate",
    "Reported",
    "Row",
    "Shown",
    "as_page",
    "compose",
    "guard",
    "hider",
    "knowing",
    "label",
    "outgoing",
    "read",
    "restriction",
    "rows",
    "show",
    "stricter",
]


_STRUCTURE: Final = runs_of(iodef_json.schema().decode() + " ".join(NAMES))
"""The names and fixed values that every document holds; nothing is encoded in them."""


def outgoing(report: Report, crossing: Crossing) -> bytes:
    """The interchange document of ``report`` in JSON, byte for byte as the peer gets it.

    What is written plainly is hidden first, and the bytes looked through once, whatever is
    encoded in them; only where a recipient comes out are the mail's texts unfolded one by one.

    Raises:
        MustNotLeave: the report names no host, its label forbids exchange by machine, or it
            holds something that may not cross.
    """
    document = iodef_json.write(compose(report, crossing, crossing.hider.quick()))
    if len(document) <= MOST_BYTES and not crossing.hider.leaks(document, _STRUCTURE):
        return document
    return guard(iodef_json.write(compose(report, crossing)), crossing.hider)


def guard(document: bytes, hider_: Hider) -> bytes:
    """The same outgoing bytes, after a last look at their size and for any known recipient.

    Args:
        document: the interchange document as JSON or XML.
        hider_: the one that the document was composed with.

    Raises:
        MustNotLeave: with the disguises found, or because it is too large.
    """
    most = MOST_BYTES if document.startswith(b"{") else 4 * MOST_BYTES
    return _guard(document, hider_, most, _STRUCTURE)
