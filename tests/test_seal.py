import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors, protocol, seal, strict_json
from gateway.model import CaseId, Country, HostingClaim, Kind, PeerId, SetId, Tlp, Verdict
from gateway.seal import bodies
from gateway.trust import jws
from tests import keys

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B = PeerId("https://a.example"), PeerId("https://b.example")
STAMP = seal.Stamp(issuer=A, audience=B, jti="0195-1", issued_at=NOW, txn="0195-0")

NAMES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=40)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
DIGESTS = st.binary(min_size=32, max_size=32)
PLACES = st.integers(0, 2**53 - 1)
MOMENTS = st.integers(0, 2**33 - 1).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
SET_IDS = st.none() | st.builds(SetId, issuer=NAMES, jti=NAMES)
CASES = st.builds(seal.CaseName, iss=NAMES, id=NAMES)
LABELS = st.none() | st.sampled_from(Tlp)
CLAIMS = st.builds(
    HostingClaim,
    country=st.none() | st.just(Country("FR")),
    kind=WORDS,
    source=WORDS,
    as_of=WORDS,
    prefix=st.none() | WORDS,
)
LINES = st.builds(
    seal.ReceiptLine,
    jti=NAMES,
    digest=DIGESTS,
    received_at=MOMENTS,
    verdict=st.sampled_from(Verdict),
    check=st.none() | st.integers(1, 999),
    code=st.none() | NAMES,
    claims=st.lists(CLAIMS, max_size=2).map(tuple),
)
BODIES = st.one_of(
    st.tuples(
        st.just(Kind.REPORT),
        st.builds(
            seal.ReportBody,
            case=CASES,
            iodef=st.dictionaries(WORDS, WORDS),
            label=LABELS,
            follows=SET_IDS,
            supersedes=SET_IDS,
        ),
    ),
    st.tuples(
        st.just(Kind.CORRECTION),
        st.builds(
            seal.CorrectionBody,
            case=CASES,
            iodef=st.dictionaries(WORDS, WORDS),
            label=LABELS,
            follows=SET_IDS,
            supersedes=SET_IDS,
        ),
    ),
    st.tuples(
        st.just(Kind.WITHDRAWAL),
        st.builds(
            seal.WithdrawalBody,
            label=LABELS,
            case=st.none() | CASES,
            follows=SET_IDS,
            reason=st.none() | WORDS,
        ),
    ),
    st.tuples(
        st.just(Kind.NARROWING),
        st.builds(
            seal.NarrowingBody,
            label=st.sampled_from(Tlp),
            case=st.none() | CASES,
            follows=SET_IDS,
        ),
    ),
    st.tuples(
        st.just(Kind.RECEIPT),
        st.builds(
            seal.ReceiptBody,
            lines=st.lists(LINES, min_size=1, max_size=4, unique_by=lambda line: line.jti).map(
                tuple
            ),
            journal_size=PLACES,
            journal_head=DIGESTS,
        ),
    ),
    st.tuples(
        st.just(Kind.RECEIPT_WANTED),
        st.builds(seal.ReceiptWantedBody, jtis=st.lists(NAMES, min_size=1, max_size=4).map(tuple)),
    ),
    st.tuples(
        st.just(Kind.HEAD), st.builds(seal.HeadBody, epoch=PLACES, place=PLACES, digest=DIGESTS)
    ),
    st.tuples(
        st.just(Kind.VERIFICATION), st.builds(seal.VerificationBody, state=st.none() | WORDS)
    ),
    st.tuples(
        st.just(Kind.STREAM_UPDATED),
        st.builds(seal.StreamUpdatedBody, status=WORDS, reason=st.none() | WORDS),
    ),
)


@given(BODIES)
def test_what_is_written_into_an_event_is_read_again(said):
    kind, body = said
    event = strict_json.read_object(strict_json.write(seal.write_body(body)))
    assert None not in event.values()
    assert seal.read_body(kind, event) == body
    assert seal.read_body(kind, event | {"a member of a later version": 1}) == body


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
def test_a_closed_set_opens_to_the_same_claims(alg):
    signer = keys.signer("message", alg)
    said = seal.claims(STAMP, Kind.HEAD, seal.stream_subject("s"), {"epoch": 1})
    sealed = seal.close(said, signer)
    parts = seal.open_token(sealed.token)
    assert strict_json.read(parts.payload) == said
    assert json.loads(parts.payload) == {
        "iss": A,
        "iat": int(NOW.timestamp()),
        "jti": "0195-1",
        "aud": B,
        "txn": "0195-0",
        "sub_id": {"format": "opaque", "id": "s"},
        "events": {"https://schemas.entente.example/event/head/1": {"epoch": 1}},
    }
    header = jws.header(parts.header)
    assert (header.alg, header.kid, header.typ) == (alg, signer.kid, "secevent+jwt")
    jws.verify(parts, keys.public("message", alg))
    with pytest.raises(errors.SignatureInvalid):
        jws.verify(parts, keys.public("another", alg))


def test_the_digest_is_that_of_what_was_signed_and_not_of_the_signature():
    said = seal.claims(STAMP, Kind.HEAD, seal.stream_subject("s"), {})
    one, two = (seal.close(said, keys.signer("message")) for _ in range(2))
    assert one.token != two.token
    assert one.digest == two.digest == seal.input_digest(one.token)
    assert one.digest == hashlib.sha256(one.token.rsplit(b".", 1)[0]).digest()
    with pytest.raises(errors.TokenInvalid):
        seal.input_digest(b"no dots")


def test_a_control_set_needs_no_cause_and_subjects_have_their_formats():
    stamp = seal.Stamp(issuer=A, audience=B, jti="1", issued_at=NOW)
    assert "txn" not in seal.claims(stamp, Kind.HEAD, {}, {})
    assert seal.case_subject(CaseId("c")) == {"format": "opaque", "id": "c"}
    meant = seal.set_subject(SetId(issuer=A, jti="1"))
    assert meant == {"format": "jwt_id", "iss": A, "jti": "1"}


def test_a_set_that_nobody_would_take_is_not_sent():
    said = seal.claims(STAMP, Kind.REPORT, {}, {"iodef": {"x": "y" * 80_000}})
    with pytest.raises(errors.MustNotLeave):
        seal.close(said, keys.signer("message"))


def test_a_label_that_does_not_exist_is_no_label():
    event = {"case": {"iss": A, "id": "1"}, "iodef": {}}
    for said in ("TLP:PURPLE", "AMBER", "tlp:amber", 7, None, []):
        assert seal.read_body(Kind.REPORT, event | {"tlp": said}).label is None
    assert seal.read_body(Kind.REPORT, event | {"tlp": "TLP:RED"}).label is Tlp.RED


LINE = {"digest": "A" * 43, "received_at": 1, "verdict": "accepted"}
JOURNAL = {"size": 1, "head": "A" * 43}


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (Kind.REPORT, {}),
        (Kind.REPORT, {"case": {"iss": "a", "id": "1"}}),
        (Kind.REPORT, {"case": {"iss": "a", "id": ""}, "iodef": {}}),
        (Kind.REPORT, {"case": {"iss": "a", "id": "1"}, "iodef": []}),
        (Kind.REPORT, {"case": "1", "iodef": {}}),
        (Kind.REPORT, {"case": {"iss": "a", "id": "1"}, "iodef": {}, "follows": "1"}),
        (Kind.REPORT, {"case": {"iss": "a", "id": "1"}, "iodef": {}, "follows": {"iss": "a"}}),
        (Kind.NARROWING, {}),
        (Kind.NARROWING, {"tlp": "TLP:PURPLE"}),
        (Kind.WITHDRAWAL, {"reason": 7}),
        (Kind.WITHDRAWAL, {"reason": "x" * 1001}),
        (Kind.RECEIPT, {}),
        (Kind.RECEIPT, {"receipts": {}, "journal": JOURNAL}),
        (Kind.RECEIPT, {"receipts": {"1": LINE}}),
        (Kind.RECEIPT, {"receipts": {"": LINE}, "journal": JOURNAL}),
        (Kind.RECEIPT, {"receipts": {"1": LINE | {"digest": "A" * 42 + "B"}}, "journal": JOURNAL}),
        (Kind.RECEIPT, {"receipts": {"1": LINE | {"digest": "A" * 44}}, "journal": JOURNAL}),
        (Kind.RECEIPT, {"receipts": {"1": LINE | {"verdict": "maybe"}}, "journal": JOURNAL}),
        (Kind.RECEIPT, {"receipts": {"1": LINE | {"received_at": -1}}, "journal": JOURNAL}),
        (Kind.RECEIPT, {"receipts": {"1": LINE | {"received_at": 2**40}}, "journal": JOURNAL}),
        (Kind.RECEIPT, {"receipts": {str(n): LINE for n in range(501)}, "journal": JOURNAL}),
        (Kind.RECEIPT_WANTED, {"jtis": []}),
        (Kind.RECEIPT_WANTED, {"jtis": ["a b"]}),
        (Kind.HEAD, {"epoch": 1, "place": -1, "digest": "A" * 43}),
        (Kind.HEAD, {"epoch": 1, "place": True, "digest": "A" * 43}),
        (Kind.VERIFICATION, {"state": 7}),
        (Kind.STREAM_UPDATED, {}),
        (Kind.KEYS, {}),
    ],
)
def test_an_event_that_lacks_what_it_needs_is_refused(kind, event):
    with pytest.raises(errors.DocumentInvalid):
        seal.read_body(kind, event)


def test_a_receipt_speaks_of_as_many_sets_as_a_call_may_carry():
    lines = {f"jti-{n}": LINE for n in range(bodies.MAX_LINES)}
    body = seal.read_body(Kind.RECEIPT, {"receipts": lines, "journal": JOURNAL})
    assert len(body.lines) == 500


CLAIM = HostingClaim(
    country=Country("FR"),
    kind="registration",
    source="a source with a long name",
    as_of="2026-03-01",
    prefix="2001:db8::/32",
)


@pytest.mark.parametrize(("claims", "receipts"), [(0, 2), (16, 30)])
def test_receipts_of_any_length_fit_into_sets_and_lose_no_line(claims, receipts):
    lines = [
        seal.ReceiptLine(
            jti=f"01957b9e-0000-7000-8000-{number:012}",
            digest=bytes([number % 256]) * 32,
            received_at=NOW,
            verdict=Verdict.MISROUTED,
            check=43,
            code="hosted_elsewhere",
            claims=(CLAIM,) * claims,
        )
        for number in range(600)
    ]
    batches = list(seal.batches(lines))
    assert [line for batch in batches for line in batch] == lines
    assert len(batches) <= receipts
    for batch in batches:
        body = seal.ReceiptBody(lines=batch, journal_size=2**53 - 1, journal_head=b"x" * 32)
        said = seal.claims(STAMP, Kind.RECEIPT, {}, seal.write_body(body))
        event = strict_json.read_object(
            seal.open_token(seal.close(said, keys.signer("message")).token).payload
        )["events"][protocol.uri(Kind.RECEIPT)]
        assert seal.read_body(Kind.RECEIPT, event) == body


def test_a_receipt_never_speaks_of_more_sets_than_a_call_may_carry():
    lines = [
        seal.ReceiptLine(jti=str(number), digest=b"x" * 32, received_at=NOW, verdict=Verdict.HELD)
        for number in range(1001)
    ]
    assert [len(batch) for batch in seal.batches(lines)] == [500, 500, 1]


def test_no_lines_make_no_receipt():
    assert list(seal.batches([])) == []
