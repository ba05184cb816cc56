"""The decision: checks 31 to 43, and what is admitted."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import gate, incident, protocol, seal
from gateway.formats import iodef_json
from gateway.model import (
    CaseId,
    Category,
    Country,
    Hosting,
    HostingClaim,
    Judgement,
    Kind,
    Opened,
    ReportId,
    SetId,
    Tlp,
    Verdict,
    evolve,
)
from gateway.trust import Agreement
from tests import documents
from tests.test_gate import DAY, ME, NOW, A, B, message_key, peer, said, validate
from tests.test_strict_json import VALUES

CASE = CaseId("case-1")
REPORT = ReportId("report-1")
FR, DE = Country("FR"), Country("DE")
CLAIM = HostingClaim(country=DE, kind="registration", source="a table", as_of="2026-02-01")
AT_HOME = Hosting(address="x", country=FR, network="n", claims=(CLAIM,))


def document(report=None, **changes):
    """The document of one report from A, with ``changes`` made to the crossing."""
    report = report or documents.a_report()
    members = {
        "fqdn": "a.example",
        "report_id": REPORT,
        "case_id": CASE,
        "generated_at": NOW,
    }
    crossing = documents.crossing_of(report, **(members | changes))
    return json.loads(iodef_json.write(incident.compose(report, crossing)))


def report_body(iodef=None, **changes):
    made = seal.ReportBody(
        case=seal.CaseName(iss=A, id=CASE), iodef=iodef or document(), label=Tlp.AMBER
    )
    return evolve(made, **changes)


def opened(kind=Kind.REPORT, body=None, subject=None, event=None, **claims) -> Opened:
    """A SET from A that passed validation."""
    if event is None:
        event = seal.write_body(report_body() if body is None else body)
    if subject is None:
        subject = seal.case_subject(CASE)
    return validate(seal.close(said(kind, event, subject, **claims), message_key()).token)


def context(known=None, before=None, hosting=AT_HOME, **changes) -> gate.Context:
    members = {
        "me": ME,
        "peer": peer(),
        "now": NOW,
        "countries": frozenset({FR}),
        "locate": lambda address: evolve(hosting, address=address),
        "find": (known or {}).get,
        "report": {REPORT: before}.get,
        "spoken": frozenset(Kind),
    }
    return gate.Context(**(members | changes))


def decided(check, sent, where=None):
    """That ``sent`` ends in a Decision by ``check``."""
    decision = gate.decide(sent, where or context())
    assert isinstance(decision, gate.Decision), "it was admitted"
    assert decision.check.name == check, f"{decision.check.name}: {decision.why}"
    assert decision.verdict == gate.check(check).verdict
    return decision


def admitted(sent, where=None) -> gate.Admitted:
    found = gate.decide(sent, where or context())
    assert isinstance(found, gate.Admitted), f"{found.check.name}: {found.why}"
    return found


def test_a_good_report_is_admitted_with_what_it_reports():
    sent = opened()
    found = admitted(sent)
    assert found.opened is sent
    assert (found.kind, found.label, found.meant) == (Kind.REPORT, Tlp.AMBER, None)
    assert found.reported == incident.read(iodef_json.take(document()))
    assert found.hosting.address == found.reported.address
    assert found.body == evolve(report_body(), iodef=iodef_json.take(document()))


def test_this_version_says_what_it_does_not_speak():
    spoken = context(spoken=protocol.SPOKEN)
    admitted(opened(), spoken)
    for kind in set(Kind) - protocol.SPOKEN:
        sent = opened(kind, event={})
        assert decided("event-unknown", sent, spoken).verdict is Verdict.UNSUPPORTED
    unknown = {"https://schemas.entente.example/event/report/2": {}}
    decided("event-unknown", opened(events=unknown))


@pytest.mark.parametrize("member", ["enclosed", "hops"])
def test_what_is_passed_on_for_others_is_not_taken_for_the_senders_own(member):
    event = seal.write_body(report_body()) | {member: []}
    assert decided("passing-on", opened(event=event)).verdict is Verdict.UNSUPPORTED


def test_a_body_or_cause_that_is_missing_is_refused():
    decided("body-invalid", opened(event={}))
    decided("body-invalid", opened(Kind.HEAD, event={"epoch": "x"}))
    claims = said(Kind.REPORT, seal.write_body(report_body()), seal.case_subject(CASE))
    del claims["txn"]
    decided("body-invalid", validate(seal.close(claims, message_key()).token))


MEANT = SetId(issuer=A, jti="j-0")
OURS = SetId(issuer=ME, jti="j-0")
HEAD = {"epoch": 1, "place": 1, "digest": "A" * 43}


@pytest.mark.parametrize(
    ("kind", "subject", "event"),
    [
        (Kind.REPORT, {"format": "opaque", "id": "another case"}, None),
        (Kind.REPORT, {"format": "opaque"}, None),
        (Kind.REPORT, {"format": "opaque", "id": 7}, None),
        (Kind.REPORT, {"format": "email", "id": CASE}, None),
        (Kind.REPORT, seal.set_subject(MEANT), None),
        (Kind.WITHDRAWAL, seal.case_subject(CASE), {}),
        (Kind.WITHDRAWAL, {"format": "opaque", "iss": A, "jti": "j-0"}, {}),
        (Kind.WITHDRAWAL, {"format": "jwt_id", "iss": A}, {}),
        (Kind.WITHDRAWAL, {"format": "jwt_id", "jti": "j-0"}, {}),
        (Kind.WITHDRAWAL, {"format": "jwt_id", "iss": A, "jti": 7}, {}),
        (Kind.WITHDRAWAL, seal.set_subject(MEANT), {"follows": {"iss": A, "jti": "j-9"}}),
        (Kind.HEAD, seal.set_subject(MEANT), HEAD),
        (Kind.HEAD, {"format": "iss_sub", "id": "x"}, HEAD),
        (Kind.HEAD, {"format": "opaque", "id": 7}, HEAD),
    ],
)
def test_a_subject_that_does_not_fit_its_event_is_refused(kind, subject, event):
    decided("subject-wrong", opened(kind, subject=subject, event=event))


def test_a_document_that_breaks_the_profile_is_refused():
    good = document()
    for spoil in (
        {"version": "1.0"},
        {"unknown": 1},
        {"Incident": []},
        {"Incident": good["Incident"] * 2},
        {"format-id": "entente-report-9"},
    ):
        body = report_body(good | spoil)
        decided("document-invalid", opened(body=body))
    decided("document-invalid", opened(body=report_body(document(generated_at=NOW + DAY))))


def test_the_set_and_its_document_name_one_case_and_one_issuer():
    for body, subject in (
        (report_body(case=seal.CaseName(iss=B, id=CASE)), CASE),
        (report_body(case=seal.CaseName(iss=ME, id=CASE)), CASE),
        (report_body(case=seal.CaseName(iss=A, id=CaseId("other"))), "other"),
        (report_body(document(case_id=CaseId("other"))), CASE),
        (report_body(document(fqdn="b.example")), CASE),
        (report_body(document(fqdn="me.example")), CASE),
        (report_body(document(fqdn="sub.a.example")), CASE),
    ):
        decided("inconsistent", opened(body=body, subject=seal.case_subject(subject)))


LABELS = [
    (Tlp.AMBER, Tlp.AMBER, Tlp.AMBER),
    (Tlp.CLEAR, Tlp.AMBER, Tlp.AMBER),
    (Tlp.AMBER, Tlp.CLEAR, Tlp.AMBER),
    (Tlp.GREEN, Tlp.CLEAR, Tlp.GREEN),
    (None, Tlp.CLEAR, Tlp.AMBER_STRICT),
    (Tlp.CLEAR, Tlp.AMBER_STRICT, Tlp.AMBER_STRICT),
]


@pytest.mark.parametrize(("outside", "inside", "holds"), LABELS)
def test_the_stricter_label_holds_and_none_is_amber_strict(outside, inside, holds):
    body = report_body(document(tlp=inside), label=outside)
    assert admitted(opened(body=body)).label is holds


def test_a_label_inside_that_nobody_knows_is_amber_strict():
    unlabelled = document()
    del unlabelled["Incident"][0]["restriction"]
    assert admitted(opened(body=report_body(unlabelled))).label is Tlp.AMBER_STRICT


def test_red_never_goes_by_machine():
    decided("label-not-allowed", opened(body=report_body(label=Tlp.RED)))
    inside = document()
    inside["Incident"][0]["restriction"] = "red"
    agreed = context(peer=peer(agreement=Agreement(max_tlp=Tlp.RED)))
    decided("label-not-allowed", opened(body=report_body(inside)), agreed)


def test_what_the_agreement_does_not_cover_is_refused():
    green = context(peer=peer(agreement=Agreement(max_tlp=Tlp.GREEN)))
    decided("not-agreed", opened(), green)
    admitted(opened(body=report_body(document(tlp=Tlp.GREEN), label=Tlp.GREEN)), green)
    amber = context(peer=peer(agreement=Agreement(max_tlp=Tlp.AMBER)))
    admitted(opened(), amber)
    decided("not-agreed", opened(body=report_body(label=None)), amber)
    only_spam = context(peer=peer(agreement=Agreement(categories=frozenset({Category.SPAM}))))
    decided("not-agreed", opened(), only_spam)
    spam = documents.a_report(judgement=Judgement(value=Category.SPAM, why="x"))
    admitted(opened(body=report_body(document(spam))), only_spam)


# Steps.


def withdrawal(meant=MEANT, **changes):
    return opened(Kind.WITHDRAWAL, seal.WithdrawalBody(**changes), seal.set_subject(meant))


def test_a_withdrawal_of_a_known_report_is_admitted_whatever_the_agreement():
    strict = peer(agreement=Agreement(max_tlp=Tlp.CLEAR, categories=frozenset()))
    known = {MEANT: gate.Known(kind=Kind.REPORT, issuer=A)}
    found = admitted(withdrawal(follows=MEANT), context(known, peer=strict))
    assert found.meant == MEANT
    assert found.reported is None


def test_a_step_about_what_has_not_come_yet_is_held_and_says_what_it_waits_for():
    held = decided("follows-unknown", withdrawal())
    assert held.verdict is Verdict.HELD
    assert held.waits_for == MEANT
    assert held.check.again is gate.Again.LATER


def test_only_the_author_takes_back_and_nothing_is_looked_up_for_others():
    def find(meant):
        raise AssertionError(f"{meant} was looked up")

    for other in (OURS, SetId(issuer=B, jti="j-0")):
        decided("step-illegal", withdrawal(other), context(find=find))
        correction = opened(
            Kind.CORRECTION,
            seal.CorrectionBody(case=seal.CaseName(iss=A, id=CASE), iodef=document()),
            seal.set_subject(other),
        )
        decided("step-illegal", correction, context(find=find))


@pytest.mark.parametrize("first", Kind)
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.WITHDRAWAL, seal.WithdrawalBody()),
        (Kind.NARROWING, seal.NarrowingBody(label=Tlp.AMBER_STRICT)),
        (
            Kind.CORRECTION,
            seal.CorrectionBody(case=seal.CaseName(iss=A, id=CASE), iodef=document()),
        ),
    ],
)
def test_a_step_follows_only_what_the_table_says(kind, body, first):
    sent = opened(kind, body, seal.set_subject(MEANT))
    where = context({MEANT: gate.Known(kind=first, issuer=A)})
    if first in protocol.RULES[kind].follows:
        assert admitted(sent, where).meant == MEANT
    else:
        decided("step-illegal", sent, where)


def test_a_report_follows_nothing_and_supersedes_only_its_senders_own():
    decided("step-illegal", opened(body=report_body(follows=MEANT)))
    decided("step-illegal", opened(body=report_body(supersedes=OURS)))
    admitted(opened(body=report_body(supersedes=MEANT)))


def test_a_report_that_came_before_is_a_duplicate_unless_it_supersedes_that():
    before = SetId(issuer=A, jti="j-0")
    duplicate = decided("known-already", opened(), context(before=before))
    assert duplicate.verdict is Verdict.DUPLICATE
    admitted(opened(body=report_body(supersedes=before)), context(before=before))
    other = SetId(issuer=A, jti="j-8")
    decided("known-already", opened(body=report_body(supersedes=other)), context(before=before))


def test_a_correction_of_what_came_before_is_no_duplicate():
    correction = seal.CorrectionBody(
        case=seal.CaseName(iss=A, id=CASE), iodef=document(), label=Tlp.AMBER
    )
    known = {MEANT: gate.Known(kind=Kind.REPORT, issuer=A)}
    sent = opened(Kind.CORRECTION, correction, seal.set_subject(MEANT))
    assert admitted(sent, context(known, before=MEANT)).reported.report_id == REPORT


# Hosting.


def test_a_report_about_a_host_elsewhere_is_misrouted_with_our_claims():
    decision = decided("hosted-elsewhere", opened(), context(hosting=evolve(AT_HOME, country=DE)))
    assert decision.verdict is Verdict.MISROUTED
    assert decision.claims == (CLAIM,)


def test_doubt_about_the_country_lets_a_report_pass():
    for doubt in (
        evolve(AT_HOME, country=DE, disputed=True),
        evolve(AT_HOME, country=None, none="unknown"),
        evolve(AT_HOME, country=None, none="no_country"),
    ):
        assert admitted(opened(), context(hosting=doubt)).hosting.none == doubt.none


@pytest.mark.parametrize(
    "why", ["private", "shared", "reserved", "documentation", "multicast", "embedded", "loopback"]
)
def test_an_address_that_belongs_to_nobody_is_refused(why):
    nowhere = context(hosting=evolve(AT_HOME, country=None, none=why))
    assert decided("origin-not-public", opened(), nowhere).verdict is Verdict.REFUSED


# Control.


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (Kind.HEAD, HEAD),
        (Kind.RECEIPT_WANTED, {"jtis": ["j-0"]}),
        (Kind.VERIFICATION, {"state": "x"}),
        (Kind.STREAM_UPDATED, {"status": "paused"}),
        (
            Kind.RECEIPT,
            {
                "receipts": {"j-0": {"digest": "A" * 43, "received_at": 1, "verdict": "held"}},
                "journal": {"size": 1, "head": "A" * 43},
            },
        ),
    ],
)
def test_control_events_are_admitted_without_a_cause(kind, event):
    claims = said(kind, event, seal.stream_subject("s"))
    del claims["txn"]
    found = admitted(validate(seal.close(claims, message_key()).token))
    assert found.body == seal.read_body(kind, event)


@settings(max_examples=300)
@given(
    st.sampled_from(Kind),
    st.dictionaries(
        st.sampled_from(["tlp", "case", "iodef", "follows", "supersedes", "jtis", "receipts"]),
        VALUES,
    ),
    st.dictionaries(st.sampled_from(["id", "iss", "jti"]), VALUES),
)
def test_whatever_an_event_holds_ends_in_a_verdict(kind, event, subject):
    sent = evolve(opened(), kind=kind, event=event, subject={"format": "opaque"} | subject)
    found = gate.decide(sent, context())
    assert isinstance(found, gate.Decision | gate.Admitted)


def test_every_check_of_the_decision_is_tested_here():
    text = Path(__file__).read_text() + Path(__file__).with_name("test_journey.py").read_text()
    for check in gate.CHECKS:
        if check.stage is gate.Stage.DECISION:
            assert f'"{check.name}"' in text


def test_only_the_gate_makes_what_is_admitted():
    package = Path(gate.__file__).parents[1]
    makers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"\b(Admitted|Opened)\(", path.read_text())
    }
    assert makers <= {"gate/decision.py", "gate/validation.py", "model.py"}
