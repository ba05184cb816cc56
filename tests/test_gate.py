import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors, gate, protocol, seal, strict_json
from gateway.model import Envelope, Kind, PeerId, SetId, evolve
from gateway.trust import Agreement, KeySigner, Peer, PeerState, ReachedBy, Register, jws
from tests import forgeries, keys
from tests.test_strict_json import VALUES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
A = PeerId("https://a.example")
B = PeerId("https://b.example")
ME = PeerId("https://me.example")
CLAIMS = ["iss", "aud", "iat", "jti", "txn", "sub_id", "events", "exp", "x"]
PAGE = Path(__file__).parents[1] / "gateway" / "docs" / "gate.md"


def peer(who=A, *more, alg="ES256", **changes):
    """A live peer with one message key called "message", and ``more`` keys."""
    made = Peer(
        id=who,
        name=f"Association {who}",
        countries=(),
        reached_by=ReachedBy.STREAM_RECEIPTS,
        state=PeerState.LIVE,
        federation_keys=(),
        keys=(keys.key(who, f"message of {who}", alg), *more),
        statement_sha256="0" * 64,
        statement_issued_at=NOW - DAY,
        statement_expires_at=NOW + 100 * DAY,
        agreement=Agreement(),
    )
    return evolve(made, **changes)


def message_key(who=A, alg="ES256"):
    return keys.signer(f"message of {who}", alg)


REGISTER = Register.of([peer(A), peer(B)])


def said(kind=Kind.WITHDRAWAL, event=None, subject=None, **changes):
    """The claims of a SET from A to us, with ``changes`` made; small, to be altered bytewise."""
    stamp = seal.Stamp(issuer=A, audience=ME, jti="j-1", issued_at=NOW, txn="t-1")
    if subject is None:
        subject = seal.set_subject(SetId(issuer=A, jti="j-0"))
    claims = seal.claims(stamp, kind, subject, {} if event is None else event)
    return claims | changes


def token(alg="ES256", **changes):
    return seal.close(said(**changes), message_key(A, alg)).token


def validate(sent, register=REGISTER, door=A, me=ME, now=NOW):
    return gate.validate(Envelope(token=sent, door=door, received_at=now), register, me, now)


def refused(check, act, *args, **named):
    """That ``act`` is refused by ``check``, with number and name in front of the text."""
    with pytest.raises(gate.Refusal) as caught:
        act(*args, **named)
    assert caught.value.check.name == check, str(caught.value)
    assert str(caught.value).startswith(f"{gate.check(check).number} {check}: ")
    return caught.value


# The table.


def test_numbers_and_names_are_unique_and_in_order():
    numbers = [check.number for check in gate.CHECKS]
    assert numbers == sorted(set(numbers))
    assert len({check.name for check in gate.CHECKS}) == len(gate.CHECKS)
    with pytest.raises(errors.NotFound):
        gate.check("no such check")


def test_codes_and_statuses_are_those_of_the_standards():
    registered = {
        "invalid_request",
        "invalid_key",
        "invalid_issuer",
        "invalid_audience",
        "authentication_failed",
        "access_denied",
    }
    for check in gate.CHECKS:
        if check.stage is gate.Stage.DECISION:
            assert check.verdict is not None
            assert check.status == 202
        else:
            assert check.verdict is None
            assert check.code in registered
        if check.stage is gate.Stage.VALIDATION:
            assert check.status == (503 if check.again is gate.Again.LATER else 400)
        assert check.sentence.endswith((".", "depth."))


def test_the_peer_facing_page_is_what_the_table_says():
    assert PAGE.read_text() == gate.as_page()


def test_a_refusal_tells_the_peer_nothing_of_ours():
    refusal = refused("audience", validate, token(aud="https://x.example"))
    assert gate.describe(refusal.check) == (
        "19 audience: aud must be this association's identifier, as one string."
    )
    assert "x.example" in refusal.why
    assert "x.example" not in gate.describe(refusal.check)


# The door.

CALL = gate.Call(media_type="application/secevent+jwt", content_coding=None, declared=10, read=10)


def check_call(**changes):
    gate.check_call(evolve(CALL, **changes), "application/secevent+jwt", 100)


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("size", {"declared": 101, "read": 0}),
        ("size", {"declared": None, "read": 101}),
        ("media-type", {"media_type": None}),
        ("media-type", {"media_type": ""}),
        ("media-type", {"media_type": "application/json"}),
        ("media-type", {"media_type": "application/secevents+json"}),
        ("content-coding", {"content_coding": "gzip"}),
        ("content-coding", {"content_coding": "identity, gzip"}),
        ("framing", {"declared": None}),
        ("framing", {"declared": 11}),
        ("framing", {"declared": 9}),
    ],
)
def test_a_call_of_the_wrong_form_is_refused_at_the_door(check, changes):
    refused(check, check_call, **changes)


def test_a_call_of_the_right_form_passes_the_door():
    for changes in (
        {},
        {"media_type": "Application/SecEvent+JWT; charset=utf-8"},
        {"content_coding": "identity"},
        {"declared": 100, "read": 100},
    ):
        check_call(**changes)


def test_a_peer_is_recognised_by_its_secret_alone():
    digests = {A: gate.secret_digest("one"), B: gate.secret_digest("two")}
    assert gate.recognise("one", digests) == A
    assert gate.recognise("two", digests) == B
    for wrong in ("", "three", "ONE", "one ", "on"):
        refused("live-peer", gate.recognise, wrong, digests)
    refused("live-peer", gate.recognise, "one", {})


@pytest.mark.parametrize("state", PeerState)
def test_only_a_peer_that_is_live_or_in_trial_passes(state):
    if state in {PeerState.LIVE, PeerState.TRIAL}:
        assert gate.check_peer(peer(state=state), NOW).id == A
    else:
        refused("live-peer", gate.check_peer, peer(state=state), NOW)


def test_a_stranger_and_a_peer_whose_statement_ended_do_not_pass():
    refused("live-peer", gate.check_peer, None, NOW)
    ends = NOW + DAY
    gate.check_peer(peer(statement_expires_at=ends), ends - timedelta(seconds=1))
    late = refused("current-statement", gate.check_peer, peer(statement_expires_at=ends), ends)
    assert late.check.again is gate.Again.LATER


# Validation.


@given(st.binary(max_size=300) | st.text("eyJ.AZaz09-_", max_size=300).map(str.encode))
def test_whatever_comes_is_refused_and_nothing_else_happens(sent):
    with pytest.raises(gate.Refusal):
        validate(sent)


@given(st.dictionaries(st.sampled_from(CLAIMS), VALUES))
def test_whatever_a_good_key_signs_is_opened_or_refused(claims):
    try:
        found = validate(seal.close(said() | claims, message_key()).token)
    except gate.Refusal:
        return
    assert found.issuer == A


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
def test_a_good_set_is_opened(alg):
    register = Register.of([peer(A, alg=alg)])
    sent = token(alg)
    opened = validate(sent, register)
    assert (opened.issuer, opened.jti, opened.txn) == (A, "j-1", "t-1")
    assert (opened.kind, opened.event_uri) == (Kind.WITHDRAWAL, protocol.uri(Kind.WITHDRAWAL))
    assert (opened.issued_at, opened.received_at) == (NOW, NOW)
    assert opened.subject == {"format": "jwt_id", "iss": A, "jti": "j-0"}
    assert opened.digest == seal.input_digest(sent)
    assert opened.token == sent
    assert gate.repeat(opened, None, register) is False
    assert gate.repeat(opened, opened.digest, register) is True


def test_unknown_claims_and_event_members_are_ignored_and_kept():
    opened = validate(token(event={"new": 1}, colour="blue", toe=1, cnf={}))
    assert opened.event == {"new": 1}


def test_an_event_of_an_unknown_type_is_opened_and_left_to_the_decision():
    opened = validate(token(events={"https://x.example/event": {}}))
    assert opened.kind is None
    assert opened.event_uri == "https://x.example/event"


SAMPLES = {
    "a withdrawal": ("ES256", {}),
    "a withdrawal under Ed25519": ("Ed25519", {}),
    "a receipt": (
        "ES256",
        {
            "kind": Kind.RECEIPT,
            "subject": seal.stream_subject("s"),
            "event": {
                "receipts": {"j-0": {"digest": "A" * 43, "received_at": 1, "verdict": "accepted"}},
                "journal": {"size": 1, "head": "A" * 43},
            },
        },
    ),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_single_byte_change_is_refused_by_the_right_check(sample):
    alg, changes = SAMPLES[sample]
    register = Register.of([peer(A, alg=alg)])
    good = token(alg, **changes)
    validate(good, register)
    count = 0
    for what, changed in forgeries.single_byte_changes(good):
        assert changed != good
        with pytest.raises(gate.Refusal) as caught:
            validate(changed, register)
        assert caught.value.check.name == forgeries.expected(good, changed), what
        count += 1
    assert count == 10 * len(good)


TRICKS = {
    "header": forgeries.header_tricks,
    "algorithm": forgeries.algorithm_tricks,
    "shape": lambda good, signer: forgeries.shape_tricks(good),
    "claim": lambda good, signer: forgeries.claim_tricks(good, signer, int(NOW.timestamp())),
    "crossed type": forgeries.crossed,
}


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
@pytest.mark.parametrize("tricks", TRICKS)
def test_every_forgery_is_refused_by_the_check_that_names_it(tricks, alg):
    register = Register.of([peer(A, alg=alg)])
    good = token(alg)
    seen = 0
    for what, forged, check in TRICKS[tricks](good, message_key(A, alg)):
        with pytest.raises(gate.Refusal) as caught:
            validate(forged, register)
        assert caught.value.check.name == check, f"{what}: {caught.value}"
        seen += 1
    assert seen > 3


def test_the_key_of_another_peer_opens_nothing():
    by_b = seal.close(said(), message_key(B)).token
    refused("key", validate, by_b)
    renamed = KeySigner(keys.private(f"message of {B}"), message_key(A).kid)
    refused("signature", validate, seal.close(said(), renamed).token)


def test_a_set_of_one_peer_does_not_pass_the_door_of_another():
    refused("key", validate, token(), door=B)
    shared = Register.of([peer(A)])
    refused("issuer", validate, token(iss=B), shared)


def test_our_own_set_sent_back_to_us_is_refused():
    ours = seal.close(said(iss=ME, aud=A), keys.signer("our own message key")).token
    refused("key", validate, ours)
    # Even where somebody enrolled us with ourselves.
    mirrored = Register.of([peer(ME)])
    reflected = seal.close(said(iss=ME, aud=ME), message_key(ME)).token
    refused("issuer", validate, reflected, mirrored, ME)


def test_the_old_name_of_ed25519_passes_only_from_a_peer_recorded_so():
    head = {"alg": "EdDSA", "kid": message_key(A, "Ed25519").kid, "typ": "secevent+jwt"}
    payload = json.dumps(said()).encode()
    old = forgeries.signed(json.dumps(head).encode(), payload, message_key(A, "Ed25519"))
    refused("algorithm", validate, old, Register.of([peer(A, alg="Ed25519")]))
    recorded = Register.of([peer(A, alg="Ed25519", eddsa_name=True)])
    assert validate(old, recorded).jti == "j-1"
    validate(token("Ed25519"), recorded)
    for alg in ("none", "ES256", "eddsa", "Ed448"):
        other = json.dumps(head | {"alg": alg}).encode()
        wrong = forgeries.signed(other, payload, message_key(A, "Ed25519"))
        refused("algorithm", validate, wrong, recorded)
    ec = forgeries.signed(
        json.dumps(head | {"kid": message_key().kid}).encode(), payload, message_key()
    )
    refused("algorithm", validate, ec, Register.of([peer(A, eddsa_name=True)]))


@pytest.mark.parametrize(
    ("seconds", "check"),
    [(60, None), (61, "not-yet"), (0, None), (-400 * 86400, None), (-400 * 86400 - 1, "age")],
)
def test_the_time_limits_are_exact(seconds, check):
    sent = token(iat=int(NOW.timestamp()) + seconds)
    if check is None:
        validate(sent)
    else:
        refused(check, validate, sent)


def test_what_comes_too_early_may_come_again_later():
    sent = token(iat=int(NOW.timestamp()) + 61)
    refusal = refused("not-yet", validate, sent)
    assert refusal.check.again is gate.Again.LATER
    validate(sent, now=NOW + timedelta(seconds=1))


def test_the_limits_of_names_are_inclusive():
    validate(token(jti="!" * 255, txn="~" * 255))
    claims = said()
    del claims["txn"]
    assert validate(seal.close(claims, message_key()).token).txn is None


def test_the_longest_set_passes_and_one_more_does_not():
    with pytest.raises(gate.Refusal, match="longer than 100000"):
        validate(token() + b"A" * (100_001 - len(token())))
    for fill in range(74_300, 74_900):
        event, stated = {"x": "y" * fill}, said(event={"x": "y" * fill})
        sent = jws.write(seal.TYP, strict_json.write(stated), message_key())
        if len(sent) >= 100_000:
            break
    assert len(sent) == 100_000
    assert validate(sent).event == event


def test_an_item_of_a_call_has_the_name_of_its_set():
    opened = validate(token())
    gate.name(opened, "j-1")
    for other in ("j-2", "", "J-1", "j-1 "):
        refused("item-name", gate.name, opened, other)


def test_the_same_set_under_another_valid_signature_is_a_repeat():
    first, second = validate(token()), validate(forgeries.malleated(token()))
    assert first.token != second.token
    assert gate.repeat(second, first.digest, REGISTER) is True


def test_another_content_under_the_same_jti_is_a_conflict():
    first, second = validate(token()), validate(token(event={"x": 1}))
    refused("conflict", gate.repeat, second, first.digest, REGISTER)


def test_a_key_out_of_its_window_is_refused_unless_the_set_is_a_repeat():
    gone = Register.of([peer(A, keys=(keys.key(A, f"message of {A}", revoked_at=NOW),))])
    opened = validate(token(), gone)
    refused("key-window", gate.repeat, opened, None, gone)
    assert gate.repeat(opened, opened.digest, gone) is True
    refused("key-window", gate.repeat, opened, None, Register.of([]))
    early = Register.of([peer(A, keys=(keys.key(A, f"message of {A}", not_before=NOW + DAY),))])
    refused("key-window", gate.repeat, validate(token(), early), None, early)
