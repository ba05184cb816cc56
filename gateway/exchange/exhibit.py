"""A bundle made: all that proves what became of a report or case. Verb: ``exhibit``.

Originals stay at home, and so does everything that names a reporter or a recipient: a bundle
holds what has crossed the border already, and digests. The law: what is no longer kept, or never
came, is said in the manifest.
"""

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from gateway import bundle, journal, strict_json
from gateway.bundle import Contents, Gone, Proven
from gateway.edges.store import cases, exhibits, peers, records
from gateway.edges.store.exhibits import Exhibit
from gateway.errors import JsonInvalid, NotFound, TokenInvalid
from gateway.exchange.gateway import Gateway
from gateway.exchange.identity import introduce
from gateway.model import PeerId
from gateway.trust import jws

_ENTRIES = {True: "referred", False: "received"}
"""The kind of the journal entry that names a SET which we sent, or received."""


class Exhibited(Contents):
    """The contents of a bundle, with its bytes."""

    data: bytes


def exhibit(gateway: Gateway, name: str) -> Exhibited:
    """The bundle about the case or report ``name``.

    Raises:
        NotFound: there is no such case or report, or no SET was ever exchanged about it.
    """
    introduce(gateway)
    with gateway.store.read() as db:
        case = cases.get(db, name)
        filed = records.reports(db, case_id=case.id) if case else records.reports(db, ids=[name])
        if not filed:
            raise NotFound(f"there is no case or report {name}", hint="entente case list")
        made = _Gathering(gateway, db)
        for report in filed:
            for found in exhibits.of_report(db, gateway.me, report.id):
                made.add(found)
        contents = made.contents(name, f"case {case.id}" if case else f"report {name}")
    data = bundle.write(contents, gateway.keys.log)
    return Exhibited(**{n: getattr(contents, n) for n in contents.__struct_fields__}, data=data)


class _Gathering:
    """What has been gathered so far."""

    def __init__(self, gateway: Gateway, db: Connection) -> None:
        self._gateway, self._db = gateway, db
        self._tokens: dict[tuple[str, str], bytes] = {}
        self._gone: list[Gone] = []
        self._entries: dict[int, journal.Entry] = {}
        self._peers: set[str] = set()
        self._missing: list[str] = []

    def add(self, found: Exhibit) -> None:
        """Take in one SET, its receipt and the journal entry that names it."""
        ours = found.issuer == self._gateway.me
        self._peers.add(found.audience if ours else found.issuer)
        if found.token is None:
            self._gone.append(
                Gone(
                    iss=found.issuer,
                    aud=found.audience,
                    jti=found.jti,
                    digest=jws.encode(found.digest).decode(),
                )
            )
            self._missing.append(f"the {found.kind} {found.jti} itself was deleted by date")
        else:
            self._tokens[found.issuer, found.jti] = found.token
        self._receipt(found, ours=ours)
        entry = exhibits.entry_about(self._db, _ENTRIES[ours], found.jti, found.at)
        if entry is not None:
            self._entries[entry.seq] = entry
        elif found.kind == "report":
            self._missing.append(f"no journal entry that still names the report {found.jti}")

    def _receipt(self, found: Exhibit, *, ours: bool) -> None:
        if ours:
            if found.receipt is None:
                self._missing.append(f"no receipt came for the {found.kind} {found.jti}")
                return
            token = exhibits.received_token(self._db, found.audience, found.receipt)
            if token is None:
                self._missing.append(f"the receipt {found.receipt} was deleted by date")
                return
            self._tokens[found.audience, found.receipt] = token
            return
        for token in exhibits.our_receipts(self._db, found.issuer, found.at):
            jti, named = _receipted(token)
            if found.jti in named:
                self._tokens[self._gateway.me, jti] = token

    def contents(self, about: str, title: str) -> Contents:
        """Everything gathered, with the statements and the signed head."""
        signed = exhibits.signed_head(self._db)
        if not self._peers or signed is None:
            raise NotFound(f"nothing was ever exchanged about the {title}")
        me, now = self._gateway.me, self._gateway.now()
        statements = [
            token
            for one in (me, *sorted(self._peers))
            for token in peers.statements(self._db, PeerId(one))
        ]
        name, count = self._gateway.config.name, len(self._tokens)
        made = f"{name} ({me}) made this on {now:%Y-%m-%d %H:%M} UTC about the {title}."
        holds = f"{count} signed messages, {len(statements)} entity statements"
        words = (
            made,
            f"It holds {holds} and {len(self._entries)} entries of our journal.",
            "Originals, reporters and recipients are not in it.",
            *(f"Missing: {words}." for words in self._missing),
        )
        head, heads = signed
        return Contents(
            maker=me,
            at=int(now.timestamp()),
            about=about,
            words=words,
            gone=tuple(self._gone),
            statements=tuple(statements),
            sets=tuple(self._tokens.values()),
            entries=tuple(self._proven(heads)),
            head=head,
        )

    def _proven(self, heads: Sequence[bytes]) -> list[Proven]:
        places = [seq - 1 for seq in self._entries]
        paths = journal.path(heads, places)
        return [
            bundle.proven(
                entry,
                exhibits.head_before(self._db, seq) or journal.BEGINNING,
                paths[seq - 1],
            )
            for seq, entry in sorted(self._entries.items())
        ]


def _receipted(token: bytes) -> tuple[str, frozenset[str]]:
    """The ``jti`` of a receipt of ours and of the SETs that it is for."""
    try:
        claims = strict_json.read_object(jws.split(token, bundle.MAX_BYTES).payload)
    except (TokenInvalid, JsonInvalid):
        return "", frozenset()
    events = claims.get("events")
    bodies = list(events.values()) if isinstance(events, dict) else []
    lines = bodies[0].get("receipts", {}) if bodies and isinstance(bodies[0], dict) else {}
    return str(claims.get("jti")), frozenset(lines)
