"""The journal of everything that happened, and how to prove a part of it (DESIGN section 5).

An entry is kept as a salted digest of its content, and the head after it is the digest of the
head before and of the entry: one chain, which no one can edit without changing every later head.
Over the heads stands a Merkle tree (RFC 9162 §2.1), so that one entry among millions is proved by
some twenty digests; its root is signed together with the newest head, by the log key. The salt
lets a content be deleted later without letting anyone guess it, while everything still verifies.
No disk, no clock here. Verbs: ``enter``, ``follow``, ``grow``, ``path``, ``sign``, ``read_head``.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from gateway import strict_json
from gateway.errors import CheckFailed, EntenteError
from gateway.model import Noun, PeerId
from gateway.trust import PublicJwk, Signer, jws

BEGINNING = b"\0" * 32
"""The head before the first entry."""
ROWS = "rows"
"""The kind of an entry that stands for the rows which a transaction wrote; it has no content."""
HEAD_TYP = "entente-journal-head+jwt"
MAX_HEAD = 4_000
"""The longest signed head in characters."""


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


class Fault(Noun):
    """Something that does not hold: where, of which kind, and in words."""

    where: str
    kind: str
    words: str


class Head(Noun):
    """What a signed head says: the journal of ``issuer`` had ``size`` entries at ``at`` (seconds).

    ``head`` is the chain's after the last of them, ``root`` that of the tree over all heads.
    """

    issuer: PeerId
    at: int
    size: int
    head: bytes
    root: bytes


class _Claims(msgspec.Struct, forbid_unknown_fields=True):
    iss: str
    iat: int
    size: int
    head: str
    root: str


def enter(last: Entry | None, at: int, kind: str, content: bytes, salt: bytes) -> Entry:
    """The entry that follows ``last``.

    Args:
        last: the newest entry, or None at the beginning.
        at: microseconds since 1970, UTC.
        kind: what happened, in one word.
        content: what exactly, as JSON.
        salt: 32 random bytes of its own.
    """
    said = {"content": content, "salt": salt}
    return _entry(last, at, kind, _digest(salt, content), **said)


def stand_for(last: Entry | None, at: int, digest: bytes) -> Entry:
    """The entry that follows ``last`` and stands for rows whose list has this ``digest``."""
    return _entry(last, at, ROWS, digest, content=None, salt=None)


def _entry(
    last: Entry | None,
    at: int,
    kind: str,
    digest: bytes,
    *,
    content: bytes | None,
    salt: bytes | None,
) -> Entry:
    seq = 1 if last is None else last.seq + 1
    before = BEGINNING if last is None else last.head
    head = head_after(before, seq, at, kind, digest)
    return Entry(seq=seq, at=at, kind=kind, content=content, salt=salt, digest=digest, head=head)


def head_after(before: bytes, seq: int, at: int, kind: str, digest: bytes) -> bytes:
    """The head of the chain after an entry, from the head before it."""
    line = f"{seq}|{at}|{kind}|".encode("utf-8", "surrogateescape")
    return hashlib.sha256(before + line + digest).digest()


def _digest(salt: bytes, content: bytes) -> bytes:
    return hashlib.sha256(salt + content).digest()


# The chain, followed.


def whole(entry: Entry) -> bool:
    """Whether the content of ``entry`` is what its digest says, or was deleted."""
    if entry.content is None:
        return entry.salt is None
    return entry.salt is not None and _digest(entry.salt, entry.content) == entry.digest


def follow(entries: Iterable[Entry]) -> Iterator[Fault]:
    """Follow the chain from its beginning and name every fault in it; none if it holds."""
    expected, before = 1, BEGINNING
    altered: list[tuple[Entry, bytes]] = []
    for entry in entries:
        if entry.seq > expected:
            yield _missing(expected, entry.seq - 1)
        fits = head_after(before, entry.seq, entry.at, entry.kind, entry.digest) == entry.head
        if not whole(entry):
            yield _fault(entry, "altered", "its content is not what its digest says")
        if not fits and entry.seq == expected:
            altered.append((entry, before))
        expected, before = entry.seq + 1, entry.head
    yield from _moved(altered)


def _missing(first: int, last: int) -> Fault:
    where = f"journal entry {first}" if first == last else f"journal entries {first} to {last}"
    return Fault(where=where, kind="removed", words=f"{where} is missing")


def _fault(entry: Entry, kind: str, words: str) -> Fault:
    where = f"journal entry {entry.seq}"
    return Fault(where=where, kind=kind, words=f"{where} ({entry.kind}): {words}")


def _moved(altered: Sequence[tuple[Entry, bytes]]) -> Iterator[Fault]:
    """Entries that do not follow from those before: swapped with one another, or altered."""
    swapped: set[int] = set()
    few = altered[:64]
    for place, (one, before) in enumerate(few):
        for other, behind in few[place + 1 :]:
            if _stands(one, other, before) or _stands(other, one, behind):
                swapped |= {one.seq, other.seq}
                yield _fault(one, "swapped", f"it was swapped with journal entry {other.seq}")
    for entry, _ in altered:
        if entry.seq not in swapped:
            yield _fault(entry, "altered", "it does not follow from the one before")


def _stands(here: Entry, other: Entry, before: bytes) -> bool:
    """Whether ``here`` would follow from the entry before it with what stands in ``other``."""
    heads = {here.head, other.head}
    return head_after(before, here.seq, other.at, other.kind, other.digest) in heads


# The tree over the heads (RFC 9162 §2.1.1).


def leaf(head: bytes) -> bytes:
    """The leaf of the tree that stands for the entry after which the chain's head is ``head``."""
    return hashlib.sha256(b"\0" + head).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def grow(frontier: Sequence[bytes], size: int, heads: Iterable[bytes]) -> tuple[bytes, ...]:
    """The frontier of a tree after ``heads`` were added to its ``size`` leaves.

    A frontier is the roots of the full subtrees, the largest first: one for each bit that is set
    in the number of leaves. It is all that is needed to add to the tree and to name its root.
    """
    peaks = list(frontier)
    for head in heads:
        peaks.append(leaf(head))
        size += 1
        for _ in range((size & -size).bit_length() - 1):
            right = peaks.pop()
            peaks[-1] = _node(peaks[-1], right)
    return tuple(peaks)


def root(frontier: Sequence[bytes]) -> bytes:
    """The root of the tree with this frontier; of the empty tree the digest of nothing."""
    if not frontier:
        return hashlib.sha256().digest()
    found = frontier[-1]
    for peak in reversed(frontier[:-1]):
        found = _node(peak, found)
    return found


def path(heads: Sequence[bytes], wanted: Iterable[int]) -> dict[int, tuple[bytes, ...]]:
    """For each of the leaves ``wanted`` (from 0) the digests that prove it (RFC 9162 §2.1.3.1).

    Args:
        heads: the head after every entry, in order.
        wanted: places in ``heads``.
    """
    found: dict[int, list[bytes]] = {place: [] for place in wanted}
    at = {place: place for place in found}
    level = [leaf(head) for head in heads]
    while len(level) > 1:
        for place, index in at.items():
            if index ^ 1 < len(level):
                found[place].append(level[index ^ 1])
            at[place] = index >> 1
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [_node(left, right) for left, right in pairs]
        level = above + level[len(level) - len(level) % 2 :]
    return {place: tuple(digests) for place, digests in found.items()}


def root_by_path(head: bytes, place: int, size: int, digests: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to; None if the path has no possible length.

    RFC 9162 §2.1.3.2 with a place below ``size``.
    """
    node, last, found = place, size - 1, leaf(head)
    rest = list(reversed(digests))
    while last > 0:
        if node & 1 or node < last:
            if not rest:
                return None
            other = rest.pop()
            found = _node(other, found) if node & 1 else _node(found, other)
        node, last = node >> 1, last >> 1
    return None if rest else found


# The signed head.


def sign(said: Head, signer: Signer) -> bytes:
    """``said`` as a token, signed by the log key.

    Raises:
        KeyUnusable: the key cannot sign.
    """
    claims = {
        "iss": said.issuer,
        "iat": said.at,
        "size": said.size,
        "head": jws.encode(said.head).decode(),
        "root": jws.encode(said.root).decode(),
    }
    return jws.write(HEAD_TYP, strict_json.write(claims), signer)


def when(head: Head) -> str:
    """When a head was signed, in words."""
    return f"{datetime.fromtimestamp(head.at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def carries(token: bytes, size: int, frontier: Sequence[bytes]) -> bool:
    """Whether the head in ``token`` is that of a tree of ``size`` leaves with this frontier.

    The signature is not looked at: this is for the tree that we go on with ourselves.
    """
    try:
        claims = msgspec.json.decode(jws.split(token, MAX_HEAD).payload, type=_Claims)
    except (EntenteError, msgspec.MsgspecError, UnicodeError):
        return False
    fits = len(frontier) == size.bit_count() and size == claims.size
    return fits and claims.root == jws.encode(root(frontier)).decode()


def issuer_of(token: bytes) -> str:
    """Whose journal a head says that it is of; empty if it says nothing. Nothing is verified."""
    try:
        return msgspec.json.decode(jws.split(token, MAX_HEAD).payload, type=_Claims).iss
    except (EntenteError, msgspec.MsgspecError, UnicodeError):
        return ""


def read_head(token: bytes, keys: dict[str, PublicJwk]) -> Head:
    """The signed head in ``token``.

    Args:
        token: the JWS.
        keys: log keys that are believed, by ``kid``.

    Raises:
        CheckFailed: it is no signed head, or none that one of the keys signed.
    """
    try:
        parts = jws.split(token, MAX_HEAD)
        header = jws.header(parts.header)
        claims = msgspec.convert(strict_json.read_object(parts.payload), _Claims)
        key = keys.get(header.kid)
        if header.typ != HEAD_TYP or key is None or key.alg != header.alg:
            raise CheckFailed(f"the head names a key {header.kid} that is not known for it")
        jws.verify(parts, key)
        return Head(
            issuer=PeerId(claims.iss),
            at=claims.iat,
            size=claims.size,
            head=jws.decode_digest(claims.head),
            root=jws.decode_digest(claims.root),
        )
    except (EntenteError, msgspec.ValidationError) as error:
        raise CheckFailed(f"the signed head of the journal: {error}") from error
