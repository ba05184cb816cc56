"""What may not stay any longer is deleted, and the journal says so.

The law: each batch is deleted together with its journal entry, so a purge that is killed is run
again and does the rest; an original leaves the disk only under the write lock and only where no
row keeps it, so nothing that is being taken in is lost. Verbs: ``purge``, ``foresee``,
``reconsider``.
"""

import hashlib
from collections.abc import Sequence

from gateway.edges import clock
from gateway.edges.store import ledger, redating, retention
from gateway.edges.store.records import chunks, micros
from gateway.edges.store.retention import TASKS, Keys, Pass
from gateway.exchange.gateway import Gateway
from gateway.model import Noun
from gateway.retention import Class

BATCH = 400
"""Rows in one transaction: writers wait for some hundredths of a second."""
PAUSE_SECONDS = 0.03
"""Between two batches: a writer that waits asks only now and then, and would never be first."""
DATED_EACH = 400
SALT_BYTES = 32
SMALL = 500_000_000
"""Bytes of a database that is written anew after each purge: writers wait for some seconds."""


class Line(Noun):
    """What became of one kind of data: rows and bytes that went or would go, and rows on hold."""

    what: str
    kind: Class
    rows: int
    octets: int
    held: int = 0


class Purged(Noun):
    """What a purge did, or would do.

    ``log_empty`` says whether the database's log holds no copies any more, ``rebuilt`` whether
    its pages were written anew.
    """

    done: bool
    lines: tuple[Line, ...]
    log_empty: bool = False
    rebuilt: bool = False

    @property
    def rows(self) -> int:
        """How much went or would go, of all kinds."""
        return sum(line.rows for line in self.lines)


def foresee(gateway: Gateway) -> Purged:
    """What a purge would delete now; nothing is changed."""
    now = micros(gateway.now())
    lines = []
    with gateway.store.read() as db:
        for name, task in TASKS.items():
            due = retention.due(db, task, gateway.terms, now)
            lines.append(_line(name, due.rows, due.octets, due.held))
    return Purged(done=False, lines=tuple(lines))


def purge(gateway: Gateway, *, rebuild: bool = False) -> Purged:
    """Delete everything that is past its date and not held; safe at any time, and again.

    Args:
        gateway: our own.
        rebuild: whether to write the database anew, however large it is.

    Raises:
        StorageFull: there is no space for that; what was deleted stays deleted.
        StoreUnusable: somebody else is writing for too long; run it again.
    """
    lines = []
    for name in TASKS:
        rows, octets = _clear(gateway, name)
        with gateway.store.read() as db:
            held = retention.due(db, TASKS[name], gateway.terms, micros(gateway.now())).held
        lines.append(_line(name, rows, octets, held))
    lines.append(_sweep(gateway))
    rebuilt = rebuild or (any(line.rows for line in lines) and gateway.store.octets() <= SMALL)
    if rebuilt:
        gateway.store.rebuild()
    log_empty = gateway.store.empty_log()
    return Purged(done=True, lines=tuple(lines), log_empty=log_empty, rebuilt=rebuilt)


def reconsider(gateway: Gateway) -> int:
    """Give everything that still has a date the one that the settings now say; how many changed."""
    place: redating.Place | None = redating.BEGINNING
    changed = 0
    while place is not None:
        with gateway.store.write() as db:
            some, place = redating.date_again(db, gateway.me, gateway.terms, place, DATED_EACH)
        changed += some
        clock.pause(PAUSE_SECONDS if some else 0)
    if changed:
        with gateway.store.write() as db:
            said = {"changed": changed, "days": gateway.config.retention}
            at = micros(gateway.now())
            ledger.append(db, at, "dated-again", said, gateway.draw(SALT_BYTES))
    return changed


def _line(name: str, rows: int, octets: int, held: int) -> Line:
    return Line(what=name, kind=TASKS[name].kind, rows=rows, octets=octets, held=held)


def _clear(gateway: Gateway, name: str) -> tuple[int, int]:
    """Delete one kind, batch by batch; how many rows and bytes."""
    task = TASKS[name]
    rows = octets = 0
    among: Keys | None = None
    while True:
        at = micros(gateway.now())
        ours = Pass(terms=gateway.terms, now=at, most=BATCH)
        if task.walked:
            with gateway.store.read() as db:
                among = retention.candidates(db, task, ours, among[-1] if among else None)
            if not among:
                return rows, octets
        with gateway.store.write() as db:
            keys, gone = retention.clear(db, task, ours, among)
            if not keys and not task.walked:
                return rows, octets
            if not keys:
                continue
            ledger.append(db, at, "purged", _said(name, keys, gone), gateway.draw(SALT_BYTES))
        rows, octets = rows + len(keys), octets + gone
        if name == "originals":
            _remove(gateway, [str(digest) for (digest,) in keys])
        clock.pause(PAUSE_SECONDS)


def _said(name: str, keys: Keys, octets: int) -> dict[str, object]:
    """What the journal says of a batch: enough to tell that it was this batch, and no person."""
    joined = "\n".join("|".join(_text(part) for part in key) for key in keys)
    digest = hashlib.sha256(joined.encode()).hexdigest()
    said = {"what": name, "class": TASKS[name].kind, "rows": len(keys), "bytes": octets}
    return {**said, "sha256_of_ids": digest, "first": _text(keys[0][0])}


def _text(part: object) -> str:
    return part.hex() if isinstance(part, bytes) else str(part)


def _remove(gateway: Gateway, digests: Sequence[str]) -> tuple[int, int]:
    """Remove originals from disk, except those that came in again; how many files and bytes."""
    with gateway.store.write() as db:
        kept = retention.kept_blobs(db, digests)
        removed = [gateway.blobs.remove(name) for name in digests if name not in kept]
    return sum(octets > 0 for octets in removed), sum(removed)


def _sweep(gateway: Gateway) -> Line:
    """Remove what a killed import or purge left on disk: files that no row keeps."""
    files, octets = gateway.blobs.remove_unfinished(), 0
    for digests in gateway.blobs.digests():
        for some in chunks(digests):
            names = [str(name) for name in some]
            with gateway.store.read() as db:
                loose = set(names) - retention.kept_blobs(db, names)
            if loose:
                removed = _remove(gateway, sorted(loose))
                files += removed[0]
                octets += removed[1]
    return Line(what="leftovers", kind=Class.ORIGINAL, rows=files, octets=octets)
