"""The hash chain of everything that happened (DESIGN section 5). No disk, no clock here.

An entry is kept as a salted digest of its content, and the head after it is the digest of the
head before and of the entry. The salt lets the content be deleted later without letting anyone
guess it from the digest, while the chain still verifies. Verbs: ``enter``, ``verify``.
"""

import hashlib
from collections.abc import Iterable

from gateway.errors import CheckFailed
from gateway.model import Noun

BEGINNING = b"\0" * 32
"""The head before the first entry."""


class Entry(Noun):
    """One line of the journal. ``content`` and ``salt`` may be gone; the digests stay.

    ``at`` is in microseconds since 1970, UTC.
    """

    seq: int
    at: int
    kind: str
    content: bytes | None
    salt: bytes | None
    digest: bytes
    head: bytes


def enter(last: Entry | None, at: int, kind: str, content: bytes, salt: bytes) -> Entry:
    """The entry that follows ``last``.

    Args:
        last: the newest entry, or None at the beginning.
        at: microseconds since 1970, UTC.
        kind: what happened, in one word.
        content: what exactly, as JSON.
        salt: 32 random bytes of its own.
    """
    seq = 1 if last is None else last.seq + 1
    digest = _digest(salt, content)
    before = BEGINNING if last is None else last.head
    return Entry(
        seq=seq,
        at=at,
        kind=kind,
        content=content,
        salt=salt,
        digest=digest,
        head=_head(before, seq, at, kind, digest),
    )


def verify(entries: Iterable[Entry]) -> Entry | None:
    """Follow the chain from its beginning; the last entry comes back, None if there is none.

    Raises:
        CheckFailed: an entry was altered, removed, added or moved; the message names it.
    """
    last: Entry | None = None
    for entry in entries:
        expected = 1 if last is None else last.seq + 1
        if entry.seq != expected:
            raise CheckFailed(f"journal entry {expected} is missing (found {entry.seq})")
        if entry.content is not None and (
            entry.salt is None or _digest(entry.salt, entry.content) != entry.digest
        ):
            raise CheckFailed(f"the content of journal entry {entry.seq} was altered")
        before = BEGINNING if last is None else last.head
        if _head(before, entry.seq, entry.at, entry.kind, entry.digest) != entry.head:
            raise CheckFailed(f"journal entry {entry.seq} does not follow from the one before")
        last = entry
    return last


def _digest(salt: bytes, content: bytes) -> bytes:
    return hashlib.sha256(salt + content).digest()


def _head(before: bytes, seq: int, at: int, kind: str, digest: bytes) -> bytes:
    line = f"{seq}|{at}|{kind}|".encode()
    return hashlib.sha256(before + line + digest).digest()
