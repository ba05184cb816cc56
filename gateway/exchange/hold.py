"""Legal hold: nothing of a case or report is deleted until it is released, whatever its date.

Verbs: ``hold``, ``release``.
"""

from sqlalchemy.engine import Connection

from gateway.edges.store import cases, holds, ledger, records
from gateway.edges.store.holds import Hold
from gateway.edges.store.records import micros
from gateway.errors import NotFound, StepIllegal
from gateway.exchange.gateway import Gateway

SALT_BYTES = 32
_MOST = 1000


def hold(gateway: Gateway, name: str, because: str) -> Hold:
    """Keep everything about the case or report ``name``, what still comes for it included.

    Raises:
        NotFound: there is no such case or report.
        StepIllegal: it is held already.
    """
    at = micros(gateway.now())
    with gateway.store.write() as db:
        kept = Hold(subject=_subject(db, name), because=because[:_MOST], since=at)
        if not holds.hold(db, kept):
            raise StepIllegal(f"{kept.subject} is held already", hint="entente holds")
        said = {"subject": kept.subject, "because": kept.because}
        ledger.append(db, at, "held", said, gateway.draw(SALT_BYTES))
    return kept


def release(gateway: Gateway, name: str, because: str) -> str:
    """End a hold; what is past its date goes with the next purge. The case's or report's id.

    Raises:
        NotFound: nothing of that name is held.
    """
    at = micros(gateway.now())
    with gateway.store.write() as db:
        subject = _subject(db, name)
        if not holds.release(db, subject):
            raise NotFound(f"{name} is not held", hint="entente holds")
        said = {"subject": subject, "because": because[:_MOST]}
        ledger.append(db, at, "released", said, gateway.draw(SALT_BYTES))
    return subject


def _subject(db: Connection, name: str) -> str:
    """The id of the case or report that ``name`` is."""
    case = cases.get(db, name)
    if case is not None:
        return case.id
    if records.reports(db, ids=[name]):
        return name
    raise NotFound(f"there is no case or report {name}", hint="entente case list")
