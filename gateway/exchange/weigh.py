"""A bundle weighed offline, step by step in words: what it proves, and what it does not.

``schemas/verify_bundle.py`` does the same with no line of ours, for whoever does not trust us:
the two must come to one verdict on every file. The law: one step that does not hold, and nothing
of the bundle counts. Verb: ``weigh``.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

import msgspec

from gateway import bundle, journal, protocol, seal, strict_json, trust
from gateway.bundle import Bundle, Gone, Manifest, Proven
from gateway.errors import CheckFailed, EntenteError
from gateway.exchange.proof import statement_in_time
from gateway.model import Kind, Noun
from gateway.trust import Key, Statement, jws

RECEIPT = protocol.uri(Kind.RECEIPT)
Named = tuple[str, str]
_Signed = tuple[dict[str, object], Key, bytes]


class Receipted(Noun):
    """What a receipt says of a SET: which receipt, the verdict, and when it came (seconds)."""

    receipt: str
    verdict: str
    received_at: int


class Proved(Noun):
    """One SET whose signature holds (or that is gone): its digest, receipts and journal entry."""

    iss: str
    aud: str
    jti: str
    event: str
    digest: str
    receipts: tuple[Receipted, ...] = ()
    entry: int | None = None


class Weighed(Noun):
    """A bundle that holds: its maker, what it is about, the steps in words, and every SET."""

    maker: str
    about: str
    steps: tuple[str, ...]
    words: tuple[str, ...]
    sets: tuple[Proved, ...]


class _Set(Noun):
    iss: str
    aud: str
    jti: str
    iat: int
    event: str
    said: Mapping[str, object]
    digest: bytes


class _Claims(msgspec.Struct):
    iss: str
    aud: str
    jti: str
    iat: int
    events: dict[str, dict[str, object]]


class _Line(msgspec.Struct):
    digest: str
    received_at: int
    verdict: str


class _Receipt(msgspec.Struct):
    receipts: dict[str, _Line]


class _Entry(msgspec.Struct):
    peer: str
    sets: list[tuple[str, str]]


def weigh(data: bytes, now: datetime) -> Weighed:
    """What the bundle ``data`` proves.

    Raises:
        CheckFailed: it does not hold; the message names the step.
    """
    return _Scales(bundle.read(data), now).weigh()


class _Scales:
    """One bundle, as far as it has been weighed."""

    def __init__(self, found: Bundle, now: datetime) -> None:
        self._bundle, self._now = found, now
        self._steps = ["1. The file is a bundle in its one spelling."]
        self._keys: dict[tuple[str, str, str], Key] = {}
        self._sets: dict[Named, _Set] = {}
        self._gone: dict[Named, Gone] = {}
        self._receipts: dict[Named, list[Receipted]] = {}
        self._entries: dict[Named, int] = {}

    def weigh(self) -> Weighed:
        self._statements()
        manifest = self._manifest()
        for token in self._bundle.sets:
            self._set(token.encode(), manifest.iss)
        self._step(4, f"{len(self._sets)} SETs are signed by keys that the statements introduce.")
        lines = sum(self._receipt(found) for found in self._sets.values())
        self._step(5, f"{lines} lines of receipts name these SETs with the right digest.")
        self._journal(manifest.iss)
        return Weighed(
            maker=manifest.iss,
            about=manifest.about,
            steps=tuple(self._steps),
            words=manifest.words,
            sets=tuple(self._proved()),
        )

    def _step(self, number: int, words: str) -> None:
        self._steps.append(f"{number}. {words}")

    def _statements(self) -> None:
        held: dict[str, list[Statement]] = {}
        for token in self._bundle.statements:
            try:
                found = statement_in_time(token.encode(), self._now)
            except EntenteError as error:
                raise CheckFailed(f"step 2, the statements: {error}") from error
            facts, before = found.facts, held.setdefault(found.facts.id, [])
            signing = trust.by_kid(facts.federation_keys, found.kid)
            if before:
                known = {key.jwk for one in before for key in one.facts.federation_keys}
                if found.issued_at <= before[-1].issued_at or signing is None:
                    _fail(2, f"the statements of {facts.id} are not in the order of their time")
                if signing.jwk not in known:
                    _fail(2, f"a statement of {facts.id} is not signed by a federation key of its")
            before.append(found)
            for use, keys in (("message", facts.message_keys), ("log", facts.log_keys)):
                for key in keys:
                    old = self._keys.get((use, facts.id, key.kid))
                    if old is not None and old.jwk != key.jwk:
                        _fail(2, f"two keys of {facts.id} have the name {key.kid}")
                    self._keys[use, facts.id, key.kid] = key
        for issuer, statements in held.items():
            first = trust.by_kid(statements[0].facts.federation_keys, statements[0].kid)
            print_ = trust.fingerprint(first.jwk) if first else ""
            self._step(2, f"{len(statements)} statements of {issuer} follow from the key {print_}.")

    def _signed(self, step: int, token: bytes, typ: str, use: str, most: int) -> _Signed:
        """The claims of a token that a key of this use signed; by the issuer that it names."""
        try:
            parts = jws.split(token, most)
            header = jws.header(parts.header)
            claims = strict_json.read_object(parts.payload)
            key = self._keys.get((use, str(claims.get("iss")), header.kid))
            if header.typ != typ or key is None or key.alg != header.alg:
                _fail(step, f"no statement introduces the {use} key {header.kid}")
            jws.verify(parts, key.jwk)
        except CheckFailed:
            raise
        except EntenteError as error:
            raise CheckFailed(f"step {step}: {error}") from error
        return claims, key, hashlib.sha256(parts.signing_input).digest()

    def _manifest(self) -> Manifest:
        token = self._bundle.manifest.encode()
        claims, _, _ = self._signed(3, token, bundle.TYP, "log", bundle.MAX_MANIFEST)
        try:
            found = msgspec.convert(claims, Manifest)
        except msgspec.ValidationError as error:
            raise CheckFailed(f"step 3, the manifest: {error}") from error
        there = self._bundle
        parts = (
            tuple(bundle.digest_of(token.encode()) for token in there.statements),
            tuple(bundle.digest_of(token.encode()) for token in there.sets),
            tuple(bundle.digest_of(strict_json.write(entry)) for entry in there.entries),
            bundle.digest_of(there.head.encode()),
        )
        if parts != (found.statements, found.sets, found.entries, found.head):
            _fail(3, "a part is not the one that the manifest names")
        for gone in found.gone:
            if (gone.iss, gone.jti) in self._gone:
                _fail(3, "a SET is named twice")
            self._gone[gone.iss, gone.jti] = gone
        self._step(3, f"{found.iss} signed the manifest, and it names every part there is.")
        return found

    def _set(self, token: bytes, maker: str) -> None:
        said, key, digest = self._signed(4, token, seal.TYP, "message", seal.MAX_SET)
        try:
            claims = msgspec.convert(said, _Claims)
        except msgspec.ValidationError as error:
            raise CheckFailed(f"step 4, a SET: {error}") from error
        if len(claims.events) != 1 or maker not in {claims.iss, claims.aud}:
            _fail(4, f"the SET {claims.jti} has no single event between {maker} and another")
        at = claims.iat
        starts, ends = _seconds(key.not_before), _seconds(key.not_after)
        revoked = _seconds(key.revoked_at)
        early = starts is not None and at < starts
        late = (ends is not None and at > ends) or (revoked is not None and at >= revoked)
        if early or late or not 0 <= at < 2**33:
            _fail(4, f"the SET {claims.jti} was not issued in the time of its key")
        name = (claims.iss, claims.jti)
        if name in self._sets or name in self._gone:
            _fail(4, f"the SET {claims.jti} stands twice")
        ((event, body),) = claims.events.items()
        self._sets[name] = _Set(
            iss=claims.iss,
            aud=claims.aud,
            jti=claims.jti,
            iat=at,
            event=event,
            said=body,
            digest=digest,
        )

    def _receipt(self, found: _Set) -> int:
        """Take over what a receipt says of the SETs in the bundle; how many lines that were."""
        if found.event != RECEIPT:
            return 0
        try:
            lines = msgspec.convert(found.said, _Receipt).receipts
        except msgspec.ValidationError as error:
            raise CheckFailed(f"step 5, the receipt {found.jti}: {error}") from error
        number = 0
        for jti, line in lines.items():
            meant = self._meant((found.aud, jti), found.iss)
            if meant is None:
                continue
            if meant != line.digest or not 0 <= line.received_at < 2**33:
                _fail(5, f"the receipt {found.jti} is for another SET than {jti}")
            said = Receipted(receipt=found.jti, verdict=line.verdict, received_at=line.received_at)
            self._receipts.setdefault((found.aud, jti), []).append(said)
            number += 1
        if not number:
            _fail(5, f"the receipt {found.jti} is for none of these SETs")
        return number

    def _meant(self, name: Named, audience: str) -> str | None:
        """The digest of the SET of that name to ``audience``, in base64url; None if absent."""
        here, gone = self._sets.get(name), self._gone.get(name)
        if here is not None and here.aud == audience:
            return jws.encode(here.digest).decode()
        return gone.digest if gone is not None and gone.aud == audience else None

    def _journal(self, maker: str) -> None:
        token = self._bundle.head.encode()
        keys = {k[2]: v.jwk for k, v in self._keys.items() if k[:2] == ("log", maker)}
        try:
            head = journal.read_head(token, keys)
        except CheckFailed as error:
            raise CheckFailed(f"step 6, the journal: {error}") from error
        if head.issuer != maker:
            _fail(6, "the signed head is of another journal")
        seen: set[int] = set()
        for said in self._bundle.entries:
            if said.seq in seen or not 1 <= said.seq <= head.size:
                _fail(6, f"entry {said.seq} cannot stand in a journal of {head.size} entries")
            seen.add(said.seq)
            self._entry(said, head, maker)
        when = datetime.fromtimestamp(head.at, UTC)
        self._step(
            6,
            f"{len(seen)} entries stand in the journal of {maker}, whose {head.size} entries were"
            f" signed {when:%Y-%m-%d %H:%M} UTC.",
        )

    def _entry(self, said: Proven, head: journal.Head, maker: str) -> None:
        try:
            entry, _ = bundle.entry_of(said)
            proof = [jws.decode_digest(text) for text in said.proof]
        except EntenteError as error:
            raise CheckFailed(f"step 6, entry {said.seq}: {error}") from error
        if not journal.whole(entry):
            _fail(6, f"the content of entry {said.seq} is not what its digest says")
        if journal.root_by_path(entry.head, said.seq - 1, head.size, proof) != head.root:
            _fail(6, f"entry {said.seq} is not in the journal whose head was signed")
        if entry.content is None:
            return
        try:
            listed = msgspec.convert(strict_json.read_object(entry.content), _Entry)
        except (EntenteError, msgspec.ValidationError) as error:
            raise CheckFailed(f"step 6, entry {said.seq}: {error}") from error
        sent = entry.kind == "referred"
        issuer, audience = (maker, listed.peer) if sent else (listed.peer, maker)
        for jti, words in listed.sets:
            meant = self._meant((issuer, jti), audience)
            if meant is None:
                continue
            if sent and jws.decode_digest(meant).hex() != words:
                _fail(6, f"entry {said.seq} is about another SET than {jti}")
            self._entries[issuer, jti] = said.seq

    def _proved(self) -> list[Proved]:
        made = [
            Proved(
                iss=found.iss,
                aud=found.aud,
                jti=found.jti,
                event=found.event,
                digest=jws.encode(found.digest).decode(),
                receipts=tuple(self._receipts.get(name, ())),
                entry=self._entries.get(name),
            )
            for name, found in self._sets.items()
        ]
        made += [
            Proved(
                iss=gone.iss,
                aud=gone.aud,
                jti=gone.jti,
                event="",
                digest=gone.digest,
                receipts=tuple(self._receipts.get(name, ())),
                entry=self._entries.get(name),
            )
            for name, gone in self._gone.items()
        ]
        return made


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _fail(step: int, words: str) -> NoReturn:
    raise CheckFailed(f"step {step}: {words}")


def in_words(proved: Proved) -> str:
    """What is proved of one SET, and what is not."""
    name = f"{proved.event.rpartition('/event/')[2] or 'SET'} {proved.jti}"
    head = f"{name}, from {proved.iss} to {proved.aud}"
    if proved.event == RECEIPT:
        return f"{head}: signed by its issuer."
    if not proved.event:
        head += ", which is no longer kept"
    said = [
        f"received abroad {datetime.fromtimestamp(line.received_at, UTC):%Y-%m-%d %H:%M:%S} UTC and"
        f" {line.verdict}, says {proved.aud} in its signed receipt {line.receipt}"
        for line in proved.receipts
    ]
    if not said:
        said = ["nothing here proves that it arrived"]
    if proved.entry is not None:
        said.append(f"entry {proved.entry} of the journal names it")
    return f"{head}: {'; '.join(said)}."
