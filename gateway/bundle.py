"""A bundle: everything that proves what became of a report, in one file that needs nothing else.

It holds SETs and receipts as they were signed, the entity statements that introduced their keys,
the entries of the maker's journal with their proofs (RFC 9162 §2.1.3), and a manifest in words
that names the digest of every part, signed by the maker's log key. The law: the file has one
spelling, compact JSON in ASCII without escapes, so that no byte of it can change unseen; whatever
is not there is named. Verbs: ``write``, ``read``; what it proves is for ``exchange.proof``.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from gateway import journal, strict_json
from gateway.errors import CheckFailed, JsonInvalid
from gateway.journal import Entry
from gateway.model import Noun
from gateway.trust import Signer, jws

FORMAT = "entente-bundle-1"
TYP = "entente-bundle+jwt"
MAX_BYTES = 64_000_000
"""The largest bundle in bytes."""
MAX_MANIFEST = 4_000_000
"""The longest manifest in characters."""
_DEPTH = 4


class Gone(Noun):
    """A SET that is no longer kept: its digest still stands in receipts and in the journal."""

    iss: str
    aud: str
    jti: str
    digest: str


class Proven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the maker's journal with the digests that lead to the signed root.

    Digests and bytes in base64url; ``content`` and ``salt`` are null where they were purged.
    """

    seq: int
    at: int
    kind: str
    before: str
    digest: str
    salt: str | None
    content: str | None
    proof: tuple[str, ...]


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as JSON; every token in its compact form."""

    format: str
    manifest: str
    statements: tuple[str, ...]
    sets: tuple[str, ...]
    entries: tuple[Proven, ...]
    head: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the maker says of the bundle; ``about`` is the case or report, digests are of parts."""

    iss: str
    iat: int
    about: str
    words: tuple[str, ...]
    gone: tuple[Gone, ...]
    statements: tuple[str, ...]
    sets: tuple[str, ...]
    entries: tuple[str, ...]
    head: str


class Contents(Noun):
    """What goes into a bundle, before it is signed."""

    maker: str
    at: int
    about: str
    words: tuple[str, ...]
    gone: tuple[Gone, ...]
    statements: tuple[bytes, ...]
    sets: tuple[bytes, ...]
    entries: tuple[Proven, ...]
    head: bytes


def proven(entry: Entry, before: bytes, proof: Sequence[bytes]) -> Proven:
    """``entry`` as it stands in a bundle."""
    return Proven(
        seq=entry.seq,
        at=entry.at,
        kind=entry.kind,
        before=_text(before),
        digest=_text(entry.digest),
        salt=None if entry.salt is None else _text(entry.salt),
        content=None if entry.content is None else _text(entry.content),
        proof=tuple(map(_text, proof)),
    )


def write(made: Contents, signer: Signer) -> bytes:
    """The file, its manifest signed by the log key.

    Raises:
        KeyUnusable: the key cannot sign.
    """
    manifest = Manifest(
        iss=made.maker,
        iat=made.at,
        about=made.about,
        words=made.words,
        gone=made.gone,
        statements=tuple(digest_of(token) for token in made.statements),
        sets=tuple(digest_of(token) for token in made.sets),
        entries=tuple(digest_of(strict_json.write(entry)) for entry in made.entries),
        head=digest_of(made.head),
    )
    bundle = Bundle(
        format=FORMAT,
        manifest=jws.write(TYP, strict_json.write(manifest), signer).decode(),
        statements=tuple(token.decode() for token in made.statements),
        sets=tuple(token.decode() for token in made.sets),
        entries=made.entries,
        head=made.head.decode(),
    )
    return strict_json.write(bundle) + b"\n"


def read(data: bytes) -> Bundle:
    """The bundle in ``data``, by shape only; nothing of it is believed.

    Raises:
        CheckFailed: it is not a bundle in its one spelling.
    """
    if not data.isascii() or b"\\" in data or not data.endswith(b"}\n"):
        raise CheckFailed("step 1, the file: it is not compact JSON in ASCII with one line end")
    try:
        value = strict_json.read_object(data[:-1], max_depth=_DEPTH, max_bytes=MAX_BYTES)
        found = msgspec.convert(value, Bundle)
    except (JsonInvalid, msgspec.ValidationError) as error:
        raise CheckFailed(f"step 1, the file: {error}") from error
    if strict_json.write(found) != data[:-1] or found.format != FORMAT:
        raise CheckFailed(f"step 1, the file: it is not {FORMAT} in its one spelling")
    return found


def entry_of(said: Proven) -> tuple[Entry, bytes]:
    """The entry of the journal, its head computed, and the head before it.

    Raises:
        CheckFailed: it is none.
    """
    before, digest = jws.decode_digest(said.before), jws.decode_digest(said.digest)
    head = journal.head_after(before, said.seq, said.at, said.kind, digest)
    entry = Entry(
        seq=said.seq,
        at=said.at,
        kind=said.kind,
        content=None if said.content is None else jws.decode_bytes(said.content),
        salt=None if said.salt is None else jws.decode_bytes(said.salt),
        digest=digest,
        head=head,
    )
    return entry, before


def digest_of(part: bytes) -> str:
    """The digest of a part as the manifest names it."""
    return _text(hashlib.sha256(part).digest())


def _text(data: bytes) -> str:
    return jws.encode(data).decode()
