"""A report and the interchange document, one made of the other (RFC 7970 §3, RFC 8727).

What crosses the border is decided here and nowhere else; ``docs/profile.md`` has the table. The
law: ``read(compose(report))`` keeps all that may travel, and no body text, no recipient and no
digest of unredacted text is in the document.
Verbs: ``compose``, ``read``, ``guard`` outgoing bytes, ``label`` and ``restriction`` (TLP).
"""

from gateway.formats.iodef_document import MOST_BYTES
from gateway.incident.composing import Crossing, compose
from gateway.incident.labels import label, restriction, stricter
from gateway.incident.reading import Attached, Reported, read
from gateway.redact import Hider
from gateway.redact import guard as _guard

__all__ = [
    "Attached",
    "Crossing",
    "Reported",
    "compose",
    "guard",
    "label",
    "read",
    "restriction",
    "stricter",
]


def guard(document: bytes, hider: Hider) -> bytes:
    """The same outgoing bytes, after a last look at their size and for any known recipient.

    Args:
        document: the interchange document as JSON or XML.
        hider: the one that the document was composed with.

    Raises:
        MustNotLeave: with the disguises found, or because it is too large.
    """
    most = MOST_BYTES if document.startswith(b"{") else 4 * MOST_BYTES
    return _guard(document, hider, most)
