import pytest

from gateway import errors, protocol
from gateway.model import Kind, Verdict
from gateway.protocol import RECEIVED, SENT, By, Fate, Step, Subject, after

VERDICTS = {"accepted", "duplicate", "held", "misrouted", "unsupported", "refused"}
DECIDED_AGAINST = {"misrouted", "unsupported", "refused"}
LATE = {"attempt", "acknowledge"}

# state: {step: next state}; whatever is not named is illegal. "same" steps change nothing.
SENT_ROWS = {
    "queued": {
        "attempt": "sent",
        "offer": "offered",
        "withdraw": "cancelled",
        "supersede": "cancelled",
        "expire": "expired",
        **{verdict: verdict for verdict in VERDICTS},
    },
    "sent": {
        "attempt": "sent",
        "acknowledge": "delivered",
        "reject": "rejected",
        "withdraw": "recalled",
        "expire": "expired",
        **{verdict: verdict for verdict in VERDICTS},
    },
    "recalled": {
        "attempt": "recalled",
        "acknowledge": "withdrawn",
        "reject": "withdrawn",
        "expire": "withdrawn",
        **dict.fromkeys(VERDICTS, "withdrawn"),
    },
    "expired": {
        "attempt": "expired",
        "acknowledge": "delivered",
        "reject": "rejected",
        "withdraw": "withdrawn",
        "expire": "expired",
        **{verdict: verdict for verdict in VERDICTS},
    },
    "offered": {"offer": "offered", "withdraw": "withdrawn", "supersede": "superseded"},
    "accepted": {"accepted": "accepted", "duplicate": "accepted"},
    "duplicate": {"accepted": "duplicate", "duplicate": "duplicate"},
    "delivered": {"overdue": "unproved"},
    "unproved": {"overdue": "unproved"},
    "rejected": {"reject": "rejected"},
    "withdrawn": {"withdraw": "withdrawn", **dict.fromkeys(VERDICTS | LATE, "withdrawn")},
    "superseded": {"supersede": "superseded", **dict.fromkeys(VERDICTS | LATE, "superseded")},
    "cancelled": {"withdraw": "cancelled", "supersede": "cancelled"},
    **{state: {} for state in ("held", *DECIDED_AGAINST)},
}
for state in ("delivered", "rejected", "unproved", "held", *DECIDED_AGAINST):
    SENT_ROWS[state] |= {verdict: verdict for verdict in VERDICTS}
for state in ("delivered", "rejected", "unproved", *VERDICTS):
    SENT_ROWS[state] |= {"withdraw": "withdrawn", "supersede": "superseded"}
    SENT_ROWS[state] |= dict.fromkeys(LATE, state)

TAKEN_BACK = {"withdraw": "withdrawn", "supersede": "superseded"}
ANY_VERDICT = {verdict: verdict for verdict in VERDICTS}
RECEIVED_ROWS = {
    "received": ANY_VERDICT,
    "held": ANY_VERDICT | TAKEN_BACK | {"expire": "expired"},
    "expired": ANY_VERDICT | TAKEN_BACK,
    **dict.fromkeys(DECIDED_AGAINST, ANY_VERDICT | TAKEN_BACK),
    "accepted": TAKEN_BACK | {"accepted": "accepted", "duplicate": "accepted"},
    "duplicate": TAKEN_BACK | {"duplicate": "duplicate"},
    "withdrawn": {"withdraw": "withdrawn", "supersede": "withdrawn"},
    "superseded": {"supersede": "superseded", "withdraw": "withdrawn"},
}


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("state", Fate)
@pytest.mark.parametrize(("moves", "rows"), [(SENT, SENT_ROWS), (RECEIVED, RECEIVED_ROWS)])
def test_every_cell_of_both_tables_is_as_agreed(moves, rows, state, step):
    expected = rows.get(state, {}).get(step)
    if expected is None:
        with pytest.raises(errors.StepIllegal):
            after(moves, state, step)
    else:
        assert after(moves, state, step) == expected


def test_a_receipt_and_an_acknowledgement_may_come_in_either_order():
    for verdict in Verdict:
        one = after(SENT, after(SENT, Fate.SENT, Step.ACKNOWLEDGE), Step(verdict))
        two = after(SENT, after(SENT, Fate.SENT, Step(verdict)), Step.ACKNOWLEDGE)
        assert one == two == Fate(verdict)


def test_what_was_never_sent_is_cancelled_and_never_goes():
    cancelled = after(SENT, Fate.QUEUED, Step.WITHDRAW)
    assert cancelled == Fate.CANCELLED
    with pytest.raises(errors.StepIllegal):
        after(SENT, cancelled, Step.ATTEMPT)


def test_what_was_withdrawn_stays_withdrawn_at_both_ends():
    for moves, end in ((SENT, Fate.WITHDRAWN), (RECEIVED, Fate.WITHDRAWN)):
        for step in Step:
            if (end, step) in moves:
                assert moves[end, step] == end


def test_every_kind_has_a_rule_and_one_uri():
    assert set(protocol.RULES) == set(Kind)
    assert len({rule.uri for rule in protocol.RULES.values()}) == len(Kind)
    for kind in Kind:
        assert protocol.kind(protocol.uri(kind)) is kind
    assert protocol.kind("https://schemas.entente.example/event/report/2") is None
    assert protocol.uri(Kind.REPORT) == "https://schemas.entente.example/event/report/1"
    assert protocol.uri(Kind.VERIFICATION) == (
        "https://schemas.openid.net/secevent/ssf/event-type/verification"
    )


def test_control_events_are_about_a_stream_and_never_receipted():
    control = {kind for kind, rule in protocol.RULES.items() if not rule.receipted}
    assert control == {
        Kind.RECEIPT,
        Kind.RECEIPT_WANTED,
        Kind.HEAD,
        Kind.RESYNC,
        Kind.KEYS,
        Kind.VERIFICATION,
        Kind.STREAM_UPDATED,
    }
    for kind, rule in protocol.RULES.items():
        assert (rule.subject is Subject.STREAM) == (kind in control)
        assert rule.txn == (kind not in control)


def test_what_must_follow_says_what_and_only_its_author_takes_back():
    for rule in protocol.RULES.values():
        assert not rule.must_follow or rule.follows
    for kind in (Kind.WITHDRAWAL, Kind.CORRECTION, Kind.NARROWING):
        assert protocol.RULES[kind].by is By.AUTHOR
        assert protocol.RULES[kind].subject is Subject.SET


def test_of_two_crossing_steps_one_wins_whatever_came_first():
    kinds = [kind for kind in Kind if protocol.RULES[kind].follows]
    for one in kinds:
        for two in kinds:
            assert protocol.winner(one, two) == protocol.winner(two, one)
            assert protocol.winner(one, two) in (one, two)
    assert protocol.winner(Kind.ANSWER, Kind.WITHDRAWAL) is Kind.WITHDRAWAL
    with pytest.raises(errors.StepIllegal):
        protocol.winner(Kind.REPORT, Kind.HEAD)
