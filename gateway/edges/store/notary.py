"""The end of a write transaction: what it wrote is entered in the journal, and the head signed.

A signature costs some 50 microseconds, once a transaction, so there is never an entry that no
signed head covers. The newest signed head is also kept in a small file beside the database
(``journal.head``), some seconds late at most, so that a journal that was cut short is found.
The law: the file never goes back to a smaller journal. Verbs: ``Notary.close``,
``Notary.keep_outside``.
"""

import contextlib
import threading
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from gateway import journal
from gateway.edges import clock
from gateway.edges.files import content, keep
from gateway.edges.store import inventory, ledger
from gateway.edges.store import schema as t
from gateway.edges.store.inventory import Changed
from gateway.edges.store.records import micros
from gateway.errors import CheckFailed, EntenteError
from gateway.model import PeerId
from gateway.trust import PublicJwk, Signer

OUTSIDE: Final = "journal.head"
"""The file beside the database that holds the newest signed head."""
EVERY_SECONDS: Final = 10.0
"""How old the file may become while the journal grows; each writing of it waits for the disk."""
_DIGEST_BYTES = 32

Signed = tuple[int, bytes]
"""The number of entries and the signed head over them."""


class Notary:
    """Enters what was written, and signs with the log key. Safe to share between threads.

    Without a signer the journal is kept all the same and its head stays unsigned.
    """

    def __init__(
        self,
        issuer: PeerId | None = None,
        signer: Signer | None = None,
        jwk: PublicJwk | None = None,
        directory: Path | None = None,
    ) -> None:
        """``issuer`` is who keeps the journal, ``jwk`` the public half of ``signer``."""
        self._issuer = issuer
        self._signer = signer
        self._keys = {signer.kid: jwk} if signer is not None and jwk is not None else {}
        self._file = directory / OUTSIDE if directory is not None else None
        self._lock = threading.Lock()
        self._suits: bool | None = None
        self._newest: Signed = (0, b"")
        self._kept = (0, 0.0)

    def close(self, db: Connection, changed: Changed) -> Signed | None:
        """Enter the rows that the transaction has ``changed`` and sign the head, still inside it.

        Returns:
            the signed head, where there is a new one; for ``keep_outside`` after the commit.

        Raises:
            KeyUnusable: the log key cannot sign; nothing of the transaction may be kept.
        """
        last = ledger.last(db)
        if changed.lines:
            lines = inventory.take(changed)
            now = micros(clock.now())
            at = now if last is None else max(last.at, now)
            last = journal.stand_for(last, at, inventory.list_digest(inventory.SHAPE, lines))
            ledger.keep(db, last)
            row = {"seq": last.seq, "shape": inventory.SHAPE, "salt": changed.salt, "lines": lines}
            db.execute(t.inventory.insert(), [row])
        if last is not None and self._signer is not None and self._issuer is not None:
            return self._sign(db, last, self._issuer, self._signer)
        return None

    def _sign(
        self, db: Connection, last: journal.Entry, issuer: PeerId, signer: Signer
    ) -> Signed | None:
        h, j = t.journal_head.c, t.journal.c
        query = sa.select(h.size, h.frontier, h.token).order_by(h.size.desc()).limit(1)
        held = db.execute(query).first()
        size, frontier = (held.size, unpack(held.frontier)) if held else (0, ())
        if size == last.seq:
            return None
        if held is None or not journal.carries(held.token, size, frontier):
            # Nothing is signed that was not made of the journal itself.
            size, frontier = 0, ()
        if self._suits is None:
            self._suits = self._compare(db)
        heads = db.execute(sa.select(j.head).where(j.seq > size).order_by(j.seq)).scalars()
        frontier = journal.grow(frontier, size, heads)
        said = journal.Head(
            issuer=issuer,
            at=last.at // 1_000_000,
            size=last.seq,
            head=last.head,
            root=journal.root(frontier),
        )
        token = journal.sign(said, signer)
        db.execute(t.journal_head.delete())
        row = {"size": last.seq, "frontier": b"".join(frontier), "token": token}
        db.execute(t.journal_head.insert(), [row])
        return last.seq, token

    def keep_outside(self, signed: Signed | None = None, *, at_once: bool = False) -> None:
        """Keep the newest head of a finished transaction in the file, if it is time.

        A disk that is full stops the next transaction, with its own error; this waits.
        """
        with self._lock:
            self._newest = max(self._newest, signed or (0, b""))
            size, token = self._newest
            if self._file is None or not self._suits or size <= self._kept[0]:
                return
            now = clock.ticking()
            if not at_once and self._kept[0] and now < self._kept[1] + EVERY_SECONDS:
                return
            with contextlib.suppress(EntenteError):
                outside = self._outside()
                if outside is None or outside.size < size:
                    keep(self._file, token)
                self._kept = (size, now)

    def _compare(self, db: Connection) -> bool:
        """Whether what the file tells of is the beginning of this journal.

        If it is not, the journal was cut short or exchanged, and the file is the evidence of it.
        """
        try:
            outside = self._outside()
        except CheckFailed:
            return False
        if outside is None:
            return True
        head = db.scalar(sa.select(t.journal.c.head).where(t.journal.c.seq == outside.size))
        return bool(head == outside.head)

    def _outside(self) -> journal.Head | None:
        """The head in the file; None where there is no file.

        Raises:
            CheckFailed: it holds something else.
        """
        if self._file is None or not self._file.exists():
            return None
        return journal.read_head(content(self._file), self._keys)


def unpack(frontier: bytes) -> tuple[bytes, ...]:
    """The digests of a frontier as the database keeps it."""
    return tuple(
        frontier[start : start + _DIGEST_BYTES] for start in range(0, len(frontier), _DIGEST_BYTES)
    )
