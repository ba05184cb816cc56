"""What may stay and for how long: every table and file of an installation has its class here.

The law: what names a person stands apart from what proves, so that the first can go while the
second still verifies; whatever is not named below has no place in a home. No disk, no database.
Verbs: ``Terms`` (how long, from the settings), ``as_page`` (the table for people).
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.config import Retention
from gateway.model import Kind, Noun

DAY: Final = 86_400_000_000
"""Microseconds of a day."""
GONE: Final = "gone:"
"""What a reporter's pseudonym begins with once nobody can tell any more whose it was."""
NO_LONGER: Final = "no longer kept"
"""What stands for a case's reason after its time."""
CONTROL: Final = frozenset(
    {
        Kind.RECEIPT,
        Kind.RECEIPT_WANTED,
        Kind.HEAD,
        Kind.RESYNC,
        Kind.KEYS,
        Kind.VERIFICATION,
        Kind.STREAM_UPDATED,
    }
)
"""Kinds of SETs that hold ids, digests and verdicts only: they prove, and stay for ever."""


class Class(StrEnum):
    """The classes of data. All but the last three end by date."""

    ORIGINAL = "original"
    REPORT = "report"
    REPORTER = "reporter"
    CASE = "case"
    FINGERPRINT = "fingerprint"
    MESSAGE = "message"
    JOURNAL = "journal"
    CONTACT = "contact"
    HOLD = "hold"
    PROOF = "proof"
    SETTING = "setting"


class Holding(Noun):
    """One class of data: what it is, who may be named in it, and what becomes of it.

    ``setting`` names the days in ``[retention]``, None where no date ends it; ``since`` is what
    the days count from.
    """

    what: str
    names: str
    since: str
    why: str
    remains: str
    setting: str | None = None


HOLDINGS: Final[Mapping[Class, Holding]] = MappingProxyType(
    {
        Class.ORIGINAL: Holding(
            what="the mail as it came, byte for byte, and the salt that hides its digest",
            names="recipient, reporter, sender, whoever is written about",
            since="the last report of it",
            why="evidence that a peer may ask for, and a second look at a mistake",
            remains="its digest, its salted digest as it crossed, its size",
            setting="originals",
        ),
        Class.REPORT: Holding(
            what="what was read of a mail; the sender's address; remarks on the report",
            names="recipient, sender, whoever the header or a link names",
            since="the day it was recorded",
            why="the case is worked on with it",
            remains="id, digest of the source, time, country, network, category, case, fate",
            setting="reports",
        ),
        Class.REPORTER: Holding(
            what="the pseudonym by which two reports are told to be one reporter's",
            names="the reporter, to whoever has the key and tries the name",
            since="the day of the report",
            why="a case needs several reporters, and nobody's word counts twice",
            remains="an opaque mark, so that the number of reporters stays",
            setting="reporters",
        ),
        Class.CASE: Holding(
            what="the reason in words why a case goes where it goes, or was judged by hand, or why"
            " a network was placed by hand",
            names="the sender, by address; whoever staff wrote of",
            since="the last report of the case, the day of the judgement, the end of the decision",
            why="the decision must be explained while anybody may complain about it",
            remains="country, network, category, peer or shelf, counts, times",
            setting="cases",
        ),
        Class.FINGERPRINT: Holding(
            what="digests of a mailing's words, by which it is recognised",
            names="nobody; a text that is guessed can be confirmed",
            since="the last report of the mailing",
            why="a mailing that comes back is the same sender's doing",
            remains="the campaign's id in its reports and cases",
            setting="fingerprints",
        ),
        Class.MESSAGE: Holding(
            what="signed messages to and from peers, reports inside, with remarks on them",
            names="sender; recipients only as tokens; staff where they wrote",
            since="the day it was signed or received",
            why="a peer, a sender or a court may question what was said",
            remains="ids, digest, verdict, times, and the receipt that names the digest",
            setting="messages",
        ),
        Class.JOURNAL: Holding(
            what="what happened, in words, and the salt of its digest",
            names="staff or others, where a reason that was given names them",
            since="the day it happened",
            why="everything that was done can be accounted for",
            remains="number, time, kind, digest and head of the entry: the chain verifies",
            setting="journal",
        ),
        Class.CONTACT: Holding(
            what="the peer's people in its record",
            names="the staff that the peer named",
            since="the end of the exchange with the peer",
            why="questions come after the end, too",
            remains="the peer's name, countries and keys",
            setting="contacts",
        ),
        Class.HOLD: Holding(
            what="why something may not be deleted now",
            names="whoever the reason names",
            since="-",
            why="it stays until the hold is released",
            remains="nothing but the journal's entry",
        ),
        Class.PROOF: Holding(
            what="ids, digests, verdicts, receipts, heads, times, counts; keys and the signed"
            " statements that introduced them",
            names="nobody, except the offices that a peer's statement names as its contacts",
            since="-",
            why="what was proved must stay provable, and figures must stay true",
            remains="everything, for ever",
        ),
        Class.SETTING: Holding(
            what="settings, keys and secrets of ours",
            names="our own desk",
            since="-",
            why="the installation runs on them",
            remains="everything, until it is replaced",
        ),
    }
)

COLUMNS: Final[Mapping[str, Mapping[Class, str]]] = MappingProxyType(
    {
        "report": {
            Class.REPORT: "origin why",
            Class.REPORTER: "reporter",
            Class.PROOF: "id issuer source_sha256 recorded_at seen_at state fate country network"
            " category campaign case_id delete_after forget_after",
        },
        "detail": {Class.REPORT: "content", Class.PROOF: "report_id"},
        "original": {
            Class.ORIGINAL: "salt",
            Class.PROOF: "sha256 size salted stored_at delete_after",
        },
        "campaign": {
            Class.FINGERPRINT: "leader kit",
            Class.PROOF: "id first_seen",
        },
        "campaign_exact": {Class.FINGERPRINT: "exact campaign"},
        "campaign_mark": {Class.FINGERPRINT: "mark campaign entered_at"},
        "case_file": {
            Class.CASE: "reason",
            Class.PROOF: "id campaign country network category peer shelf reports reporters"
            " first_seen last_seen opened_at foreign_issuer foreign_id",
        },
        "correction": {Class.CASE: "because", Class.PROOF: "about number category was at"},
        "hosting_decision": {
            Class.CASE: "because ended_because",
            Class.PROOF: "id prefix country decided_at ended_at",
        },
        "case_reporter": {
            Class.REPORTER: "reporter",
            Class.PROOF: "number case_id delete_after",
        },
        "peer": {
            Class.CONTACT: "record",
            Class.PROOF: "id state added_at delete_after",
            Class.SETTING: "ca door",
        },
        "statement": {Class.PROOF: "sha256 peer token issued_at accepted_at"},
        "key": {Class.PROOF: "peer kid record statement"},
        "stream": {Class.PROOF: "peer direction epoch place number digest head"},
        "sent": {
            Class.MESSAGE: "token why",
            Class.PROOF: "peer jti epoch place kind digest state report_id case_id signed_at"
            " attempts delivered_at proved_at receipt delete_after",
        },
        "received": {
            Class.MESSAGE: "token why",
            Class.PROOF: "issuer jti kind digest verdict code txn follows report_id case_id"
            " received_at delete_after",
        },
        "conflict": {
            Class.MESSAGE: "token",
            Class.PROOF: "digest issuer jti received_at delete_after",
        },
        "journal": {Class.JOURNAL: "content salt", Class.PROOF: "seq at kind digest head"},
        "inventory": {Class.PROOF: "seq shape salt lines"},
        "journal_head": {Class.PROOF: "size frontier token"},
        "hold": {Class.HOLD: "because", Class.PROOF: "subject since"},
        "setting": {Class.SETTING: "name value"},
    }
)
"""Every column of every table, under its class. A column that is missing here fails a test."""

FILES: Final[Mapping[str, Class]] = MappingProxyType(
    {
        "originals/?/*.zst": Class.ORIGINAL,
        "originals/?/.*.new": Class.ORIGINAL,
        "entente.db": Class.PROOF,
        "entente.db-*": Class.PROOF,
        "entente.toml": Class.SETTING,
        ".entente.toml.*.new": Class.SETTING,
        "journal.head": Class.PROOF,
        ".journal.head.*.new": Class.PROOF,
        "keys/*": Class.SETTING,
        "tables/*": Class.SETTING,
        "cache/*": Class.SETTING,
        "statements/*": Class.PROOF,
    }
)
"""Every kind of file in a home, as a pattern of paths, under its class; the database holds all
classes, by column. Nothing else is written there: progress and errors go to the terminal."""


class Terms(Noun):
    """How long things stay, as dates in microseconds since 1970, UTC."""

    days: Retention

    def until(self, kind: Class, since: int) -> int | None:
        """The moment after which what is of ``since`` goes; None where no date ends it."""
        setting = HOLDINGS[kind].setting
        return since + int(getattr(self.days, setting)) * DAY if setting else None

    def before(self, kind: Class, now: int) -> int:
        """What is older than this moment goes at ``now``; below zero where nothing does."""
        setting = HOLDINGS[kind].setting
        return now - int(getattr(self.days, setting)) * DAY if setting else -1

    def message_until(self, kind: str, since: int) -> int | None:
        """The same for a SET of ``kind``: what only proves stays for ever."""
        return None if kind in CONTROL else self.until(Class.MESSAGE, since)


def as_page() -> str:
    """The page ``gateway/docs/retention.md``, which a test compares with this module."""
    defaults = Retention()
    lines = [_OPENING, "| class | what | who may be named | days | counted from | why | remains |"]
    lines.append("|---|---|---|---|---|---|---|")
    for kind, holding in HOLDINGS.items():
        days = (
            f"`{holding.setting}` = {getattr(defaults, holding.setting):,}"
            if holding.setting
            else "no date"
        )
        cells = (
            kind,
            holding.what,
            holding.names,
            days,
            holding.since,
            holding.why,
            holding.remains,
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Where it stands", "", "| place | class | columns |", "|---|---|---|"]
    for table, classes in COLUMNS.items():
        lines += [f"| `{table}` | {kind} | {names} |" for kind, names in classes.items()]
    lines += [f"| `{pattern}` | {kind} | - |" for pattern, kind in FILES.items()]
    return "\n".join(lines) + "\n"


_OPENING: Final = """# What stays, and for how long

This page is made from `gateway/retention.py`; a test keeps it true, and another one demands that
every column and every file of a home stands in it.

What names a person stands apart from what proves. `entente purge` deletes the first when its time
is over; ids, digests, verdicts, receipts and counts remain, and still verify. A legal hold
(`entente hold`) keeps a report or a case with everything about it until it is released.

## Classes
"""
