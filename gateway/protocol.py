"""What two associations may say to each other, what follows what, and what becomes of it.

It carries the event types of RFC 8417 §2.2 and the subjects of RFC 9493 §3.
The law here: one table says what exists (``RULES``), two say how a state changes (``SENT`` and
``RECEIVED``), and nothing else does; the tables do not know which side we are.
The verbs are ``uri``, ``kind``, ``after`` and ``winner``.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from gateway import errors
from gateway.model import Kind, Noun, Verdict

EVENT_BASE = "https://schemas.entente.example/event/"
"""Where our event types are named. RFC 2606 §3 reserves the name, so nobody can own it."""
SSF_BASE = "https://schemas.openid.net/secevent/ssf/event-type/"
"""Where the Shared Signals Framework 1.0 names its own event types."""


class Subject(StrEnum):
    """What ``sub_id`` names: a case (opaque), the SET meant (jwt_id), a stream (opaque)."""

    CASE = "case"
    SET = "set"
    STREAM = "stream"


class By(StrEnum):
    """Who may send a follow-up: whoever sent what it follows, whoever got it, or both."""

    ANYONE = "anyone"
    AUTHOR = "author"
    RECEIVER = "receiver"


class Rule(Noun):
    """One kind of event: what it names, what it may follow, whether a receipt is owed.

    ``follows`` are the kinds it may follow, ``must_follow`` whether it has to name one;
    ``document`` whether it carries an interchange document.
    """

    uri: str
    subject: Subject
    follows: frozenset[Kind] = frozenset()
    must_follow: bool = False
    by: By = By.ANYONE
    document: bool = False
    receipted: bool = True
    txn: bool = True


_REPORTS = frozenset({Kind.REPORT, Kind.CORRECTION})
_SAYINGS = frozenset(
    {Kind.REPORT, Kind.CORRECTION, Kind.REQUEST, Kind.ANSWER, Kind.ADVISORY, Kind.EVIDENCE}
)


def _ours(kind: Kind) -> str:
    """The URI of an event type of ours, in its first version."""
    return f"{EVENT_BASE}{kind}/1"


def _control(kind: Kind) -> Rule:
    """A control event of ours: about the stream, delivered and never receipted."""
    return Rule(uri=_ours(kind), subject=Subject.STREAM, receipted=False, txn=False)


def _framework(kind: Kind) -> Rule:
    """An event of the Shared Signals Framework itself."""
    return Rule(uri=f"{SSF_BASE}{kind}", subject=Subject.STREAM, receipted=False, txn=False)


RULES: Mapping[Kind, Rule] = MappingProxyType(
    {
        Kind.REPORT: Rule(uri=_ours(Kind.REPORT), subject=Subject.CASE, document=True),
        Kind.WITHDRAWAL: Rule(
            uri=_ours(Kind.WITHDRAWAL),
            subject=Subject.SET,
            follows=_SAYINGS,
            must_follow=True,
            by=By.AUTHOR,
        ),
        Kind.CORRECTION: Rule(
            uri=_ours(Kind.CORRECTION),
            subject=Subject.SET,
            follows=_REPORTS,
            must_follow=True,
            by=By.AUTHOR,
            document=True,
        ),
        Kind.NARROWING: Rule(
            uri=_ours(Kind.NARROWING),
            subject=Subject.SET,
            follows=_SAYINGS,
            must_follow=True,
            by=By.AUTHOR,
        ),
        Kind.REQUEST: Rule(
            uri=_ours(Kind.REQUEST),
            subject=Subject.CASE,
            follows=_REPORTS | {Kind.REQUEST, Kind.ANSWER},
            document=True,
        ),
        Kind.ANSWER: Rule(
            uri=_ours(Kind.ANSWER),
            subject=Subject.CASE,
            follows=_REPORTS | {Kind.REQUEST},
            must_follow=True,
            by=By.RECEIVER,
            document=True,
        ),
        Kind.ADVISORY: Rule(uri=_ours(Kind.ADVISORY), subject=Subject.CASE, document=True),
        Kind.EVIDENCE: Rule(
            uri=_ours(Kind.EVIDENCE),
            subject=Subject.SET,
            follows=frozenset({Kind.REQUEST}),
            must_follow=True,
            by=By.RECEIVER,
        ),
        Kind.RECEIPT: _control(Kind.RECEIPT),
        Kind.RECEIPT_WANTED: _control(Kind.RECEIPT_WANTED),
        Kind.HEAD: _control(Kind.HEAD),
        Kind.RESYNC: _control(Kind.RESYNC),
        Kind.KEYS: _control(Kind.KEYS),
        Kind.VERIFICATION: _framework(Kind.VERIFICATION),
        Kind.STREAM_UPDATED: _framework(Kind.STREAM_UPDATED),
    }
)
"""Every kind of event there is."""

SPOKEN = frozenset(
    {
        Kind.REPORT,
        Kind.WITHDRAWAL,
        Kind.RECEIPT,
        Kind.RECEIPT_WANTED,
        Kind.HEAD,
        Kind.VERIFICATION,
        Kind.STREAM_UPDATED,
    }
)
"""The kinds that this version acts on; any other is receipted ``unsupported``."""

_KINDS = {rule.uri: kind for kind, rule in RULES.items()}

# When two steps about one SET cross on the way, the one further left holds at both ends,
# whichever came in first: who spoke may always take back, and never be held to more.
_PRECEDENCE = (
    Kind.WITHDRAWAL,
    Kind.NARROWING,
    Kind.CORRECTION,
    Kind.ANSWER,
    Kind.EVIDENCE,
    Kind.REQUEST,
)


def uri(kind: Kind) -> str:
    """The event type that names ``kind`` in a SET (RFC 8417 §2.2)."""
    return RULES[kind].uri


def kind(event_uri: str) -> Kind | None:
    """The kind that ``event_uri`` names, if it is one of ours or of the framework."""
    return _KINDS.get(event_uri)


def winner(one: Kind, two: Kind) -> Kind:
    """Which of two crossing steps about the same SET holds; the same at both ends.

    Raises:
        errors.StepIllegal: steps of these kinds cannot cross.
    """
    if one not in _PRECEDENCE or two not in _PRECEDENCE:
        raise errors.StepIllegal(f"{one} and {two} do not cross")
    return min(one, two, key=_PRECEDENCE.index)


class Fate(StrEnum):
    """What has become of a SET, at its sender and at its receiver.

    ``rejected`` is what 400 or ``setErrs`` said: unsigned, so no proof, but it does not go
    again. ``recalled`` is withdrawn while it was under way: it still has to arrive, because the
    withdrawal that follows it names it. ``expired`` was held for 30 days and then refused, or
    waited to be delivered until its content had to be deleted.
    """

    QUEUED = "queued"
    CANCELLED = "cancelled"
    SENT = "sent"
    RECALLED = "recalled"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    OFFERED = "offered"
    UNPROVED = "unproved"
    HELD = "held"
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    MISROUTED = "misrouted"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    RECEIVED = "received"


class Step(StrEnum):
    """What happens to a SET; the verdicts are those of a verified receipt, or our own."""

    ATTEMPT = "attempt"
    ACKNOWLEDGE = "acknowledge"
    REJECT = "reject"
    OFFER = "offer"
    OVERDUE = "overdue"
    WITHDRAW = "withdraw"
    SUPERSEDE = "supersede"
    EXPIRE = "expire"
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    HELD = "held"
    MISROUTED = "misrouted"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"


Moves = Mapping[tuple[Fate, Step], Fate]

_VERDICTS = {Step(verdict): Fate(verdict) for verdict in Verdict}


def _verdicts(*states: Fate) -> dict[tuple[Fate, Step], Fate]:
    """From each of ``states`` every verdict leads to the fate of its name."""
    return {(state, step): fate for state in states for step, fate in _VERDICTS.items()}


def _stays(state: Fate, *steps: Step) -> dict[tuple[Fate, Step], Fate]:
    """In ``state`` none of ``steps`` changes anything; they came late or twice."""
    return {(state, step): state for step in steps}


# A receipt counts from wherever the SET stands, even from "queued": after the restore of an
# older backup the receiver knows more of our past than we do. Late acknowledgements change
# nothing. "accepted" can only be taken back by us; a later, contrary receipt is an error.
SENT: Moves = MappingProxyType(
    _verdicts(
        Fate.QUEUED,
        Fate.SENT,
        Fate.DELIVERED,
        Fate.REJECTED,
        Fate.UNPROVED,
        Fate.HELD,
        Fate.MISROUTED,
        Fate.UNSUPPORTED,
        Fate.REFUSED,
        Fate.EXPIRED,
    )
    | {
        (Fate.QUEUED, Step.EXPIRE): Fate.EXPIRED,
        (Fate.SENT, Step.EXPIRE): Fate.EXPIRED,
        (Fate.RECALLED, Step.EXPIRE): Fate.WITHDRAWN,
        (Fate.EXPIRED, Step.ACKNOWLEDGE): Fate.DELIVERED,
        (Fate.EXPIRED, Step.REJECT): Fate.REJECTED,
        (Fate.EXPIRED, Step.WITHDRAW): Fate.WITHDRAWN,
        (Fate.QUEUED, Step.ATTEMPT): Fate.SENT,
        (Fate.QUEUED, Step.OFFER): Fate.OFFERED,
        (Fate.QUEUED, Step.WITHDRAW): Fate.CANCELLED,
        (Fate.QUEUED, Step.SUPERSEDE): Fate.CANCELLED,
        (Fate.SENT, Step.ATTEMPT): Fate.SENT,
        (Fate.SENT, Step.ACKNOWLEDGE): Fate.DELIVERED,
        (Fate.SENT, Step.REJECT): Fate.REJECTED,
        (Fate.SENT, Step.WITHDRAW): Fate.RECALLED,
        (Fate.RECALLED, Step.ATTEMPT): Fate.RECALLED,
        (Fate.RECALLED, Step.ACKNOWLEDGE): Fate.WITHDRAWN,
        (Fate.RECALLED, Step.REJECT): Fate.WITHDRAWN,
        (Fate.DELIVERED, Step.OVERDUE): Fate.UNPROVED,
        (Fate.OFFERED, Step.WITHDRAW): Fate.WITHDRAWN,
        (Fate.OFFERED, Step.SUPERSEDE): Fate.SUPERSEDED,
    }
    | {(Fate.RECALLED, step): Fate.WITHDRAWN for step in _VERDICTS}
    | {
        (state, step): fate
        for state in (
            Fate.DELIVERED,
            Fate.REJECTED,
            Fate.UNPROVED,
            Fate.HELD,
            Fate.ACCEPTED,
            Fate.DUPLICATE,
            Fate.MISROUTED,
            Fate.UNSUPPORTED,
            Fate.REFUSED,
        )
        for step, fate in (
            (Step.WITHDRAW, Fate.WITHDRAWN),
            (Step.SUPERSEDE, Fate.SUPERSEDED),
            (Step.ATTEMPT, state),
            (Step.ACKNOWLEDGE, state),
        )
    }
    | _stays(Fate.EXPIRED, Step.ATTEMPT, Step.EXPIRE)
    | _stays(Fate.OFFERED, Step.OFFER)
    | _stays(Fate.REJECTED, Step.REJECT)
    | _stays(Fate.UNPROVED, Step.OVERDUE)
    | _stays(Fate.ACCEPTED, Step.ACCEPTED, Step.DUPLICATE)
    | _stays(Fate.DUPLICATE, Step.DUPLICATE, Step.ACCEPTED)
    | _stays(Fate.WITHDRAWN, Step.WITHDRAW, Step.ATTEMPT, Step.ACKNOWLEDGE, *_VERDICTS)
    | _stays(Fate.SUPERSEDED, Step.SUPERSEDE, Step.ATTEMPT, Step.ACKNOWLEDGE, *_VERDICTS)
    | _stays(Fate.CANCELLED, Step.WITHDRAW, Step.SUPERSEDE)
)
"""What becomes of a SET of ours: (state, step) -> state."""

# What was decided may be decided again after a change of policy, except that what was accepted
# has had its effect: only its sender takes it back.
RECEIVED: Moves = MappingProxyType(
    _verdicts(
        Fate.RECEIVED,
        Fate.HELD,
        Fate.EXPIRED,
        Fate.MISROUTED,
        Fate.UNSUPPORTED,
        Fate.REFUSED,
    )
    | {
        (Fate.HELD, Step.EXPIRE): Fate.EXPIRED,
    }
    | {
        (state, step): fate
        for state in (
            Fate.HELD,
            Fate.EXPIRED,
            Fate.ACCEPTED,
            Fate.DUPLICATE,
            Fate.MISROUTED,
            Fate.UNSUPPORTED,
            Fate.REFUSED,
        )
        for step, fate in (
            (Step.WITHDRAW, Fate.WITHDRAWN),
            (Step.SUPERSEDE, Fate.SUPERSEDED),
        )
    }
    | _stays(Fate.ACCEPTED, Step.ACCEPTED, Step.DUPLICATE)
    | _stays(Fate.DUPLICATE, Step.DUPLICATE)
    | _stays(Fate.WITHDRAWN, Step.WITHDRAW, Step.SUPERSEDE)
    | _stays(Fate.SUPERSEDED, Step.SUPERSEDE)
    | {(Fate.SUPERSEDED, Step.WITHDRAW): Fate.WITHDRAWN}
)
"""What becomes of a SET of a peer's: (state, step) -> state."""


def after(moves: Moves, state: Fate, step: Step) -> Fate:
    """The state after ``step`` in ``state``, by ``SENT`` or ``RECEIVED``.

    Raises:
        errors.StepIllegal: the table does not know this move; nothing changes.
    """
    try:
        return moves[state, step]
    except KeyError:
        raise errors.StepIllegal(f"{step} is not possible for what is {state}") from None
