"""A report composed for a peer and read by it: what crosses, what stays, what is refused."""

import hashlib
import json
from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import incident, model, redact
from gateway.errors import DocumentInvalid, MustNotLeave
from gateway.formats import iodef, iodef_json
from gateway.formats.iodef_document import MOST_BYTES
from gateway.incident import composing
from gateway.model import Attachment, Category, Confidence, Link, Tlp
from tests.documents import (
    KEY,
    NOON,
    SALT,
    a_report,
    crossing_of,
    documents,
    hider_of,
    plain,
    reports,
    texts,
)


def sent(report, **changes):
    return incident.compose(report, crossing_of(report, **changes))


def with_message(**changes):
    report = a_report()
    return model.evolve(report, message=model.evolve(report.message, **changes))


def with_origin(**changes):
    report = a_report()
    return model.evolve(report, origin=model.evolve(report.origin, **changes))


@given(reports(plain))
def test_what_may_travel_is_read_as_it_was_composed(report):
    message, origin, hosting = report.message, report.origin, report.hosting
    reported = incident.read(iodef_json.read(iodef_json.write(sent(report))))
    assert reported == incident.Reported(
        issuer="desk.association.example",
        report_id=crossing_of(report).report_id,
        case_id=crossing_of(report).case_id,
        tlp=Tlp.AMBER,
        contact_name="The Association",
        contact_mailbox="desk@association.example",
        generated_at=NOON,
        reported_at=NOON - timedelta(seconds=30),
        stamped_at=origin.stamped_at,
        address=origin.address,
        port=origin.port,
        border=origin.border and hider_of(report).hide_line(origin.border),
        line=hider_of(report).hide_line(origin.line),
        confidence=origin.confidence,
        forwarded=origin.forwarded,
        corroborated_by=origin.corroborated_by,
        claimed=tuple(claimed.address for claimed in origin.claimed),
        country=hosting.country,
        network=hosting.network,
        prefix=hosting.prefix,
        asn=hosting.asn,
        as_name=hosting.as_name,
        hosting_confidence=hosting.confidence,
        claims=hosting.claims,
        category=report.judgement.value,
        subject=message.subject,
        envelope_sender=message.envelope_sender,
        mailer=next((v.strip() for n, v in message.headers if n == "X-Mailer"), None),
        headers=tuple(
            (n, v.strip()) for n, v in message.headers if n in ("From", "Reply-To", "Date")
        ),
        links=tuple(link.url for link in message.links),
        links_total=message.links_total,
        attachments=reported.attachments,
        attachments_total=message.attachments_total,
        source_digest=redact.salted(SALT, b"the source").hex(),
        messages=1,
    )
    assert [(a.name, a.media_type, a.size) for a in reported.attachments] == [
        (a.name, a.media_type, a.size) for a in message.attachments
    ]


@given(documents())
def test_every_document_can_be_read_from_both_forms(document):
    reported = incident.read(document)
    assert incident.read(iodef_json.read(iodef_json.write(document))) == reported
    assert incident.read(iodef.read(iodef.write(document))) == reported


@given(reports(texts))
def test_whatever_a_mail_says_becomes_a_valid_document(report):
    crossing = crossing_of(report)
    content = iodef_json.write(incident.compose(report, crossing))
    incident.guard(content, crossing.hider)
    iodef_json.read(content)


@given(st.sampled_from(['"', "\\", "\U0001f600", "\x00", "<", "é"]), st.integers(1, 40))
def test_no_mail_makes_a_document_too_large(sign, words):
    text = (sign * words + " ") * (4_096 // (words + 1))
    report = with_message(
        subject=text,
        envelope_sender=text,
        headers=(("X-Mailer", text), *(("From", text),) * 40),
        links=(Link(url=text, host="x.example"),) * 200,
        attachments=(Attachment(name=text, media_type=text, size=2**50, sha256="ab" * 32),) * 100,
    )
    claimed = report.origin.claimed * 100
    report = model.evolve(report, origin=model.evolve(report.origin, line=text, claimed=claimed))
    crossing = crossing_of(report)
    content = iodef_json.write(incident.compose(report, crossing))
    assert len(incident.guard(content, crossing.hider)) <= MOST_BYTES
    iodef_json.read(content)
    written = iodef.write(iodef_json.read(content))
    assert iodef.read(incident.guard(written, crossing.hider)) == iodef_json.read(content)


def test_the_recipient_crosses_nowhere_and_the_rest_does():
    reported = incident.read(sent(a_report()))
    token = redact.token("jean.dupont@example.org", KEY)
    assert reported.subject == f"{token}, your parcel is waiting"
    assert reported.envelope_sender == f"bounce+{token}@bulk.example"
    assert reported.links[0] == f"http://login.bulk.example/?u={token}"
    assert f"for <{token}@redacted.invalid>" in reported.line
    assert reported.attachments[1].name == f"{token}.html"
    for form in (iodef_json.write, iodef.write):
        content = form(sent(a_report())).decode().lower()
        assert "dupont" not in content
        assert "4f9zkq2" not in content


def test_only_header_fields_on_the_list_cross():
    headers = tuple((name, f"value of {name}") for name in ("Subject", "X-Secret", "Delivered-To"))
    report = with_message(headers=(*headers, ("LIST-ID", "<news.bulk.example>")))
    assert incident.read(sent(report)).headers == (("List-Id", "<news.bulk.example>"),)


def test_of_an_unsubscribe_field_only_the_hosts_cross():
    value = "<https://l.example/u/opaqueHandle?x=1>, <mailto:leave-opaque@l.example?subject=z>"
    reported = incident.read(sent(with_message(headers=(("List-Unsubscribe", value),))))
    said = "<https://l.example/redacted>, <mailto:redacted@l.example>"
    assert reported.headers == (("List-Unsubscribe", said),)


def test_nothing_that_is_not_on_the_table_crosses():
    report = a_report()
    content = iodef_json.write(sent(report)).decode()
    for stays in (
        report.source_sha256,
        report.message.sha256,
        report.fingerprint.exact,
        report.judgement.why,
        report.origin.claimed[0].line,
        str(report.message.size),
    ):
        assert stays not in content


def digest_of(name, media_type):
    attachment = Attachment(name=name, media_type=media_type, size=1, sha256="cd" * 32)
    return incident.read(sent(with_message(attachments=(attachment,)))).attachments[0]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("setup.exe", "application/x-msdownload"),
        ("a.zip", "application/zip"),
        (None, "application/octet-stream"),
        ("x.bin", "Application/Octet-Stream"),
        ("logo.png", "image/png"),
    ],
)
def test_the_digest_of_what_is_no_text_travels_as_it_is(name, media_type):
    attached = digest_of(name, media_type)
    assert (attached.salted, attached.digest) == (False, "cd" * 32)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        (None, "text/plain"),
        ("a.html", "text/html"),
        ("mail.eml", "message/rfc822"),
        ("letter.pdf", "application/pdf"),
        ("letter.HTM", "application/octet-stream"),
        ("letter.doc ", "application/octet-stream"),
        ("letter", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("x.svg", "image/svg+xml"),
        (None, "application/zipped-text"),
        (None, ""),
    ],
)
def test_the_digest_of_a_text_is_salted(name, media_type):
    attached = digest_of(name, media_type)
    salted = hashlib.sha256(SALT + bytes.fromhex("cd" * 32)).hexdigest()
    assert (attached.salted, attached.digest) == (True, salted)


def test_lists_are_clipped_and_counted():
    links = tuple(Link(url=f"http://x.example/{n}", host="x.example") for n in range(90))
    reported = incident.read(sent(with_message(links=links, links_total=4_711)))
    assert len(reported.links) == composing.LINKS_MOST
    assert reported.links_total == 4_711


def test_a_clipped_text_says_so():
    subject = incident.read(sent(with_message(subject="x" * 1_500))).subject
    assert subject == "x" * 999 + "…"


def test_no_half_recipient_survives_a_cut():
    # Hiding makes the text before shorter, which brings its cut end forward into what travels.
    address = "jean.dupont." + "x" * 50 + "@example.org"
    coded = address.encode().hex()
    text = f"{coded} " * 40
    assert len(text) > 4_000
    report = with_message(subject=text, recipients=(address,), recipient_names=())
    assert coded[:8] not in incident.read(sent(report)).subject


@pytest.mark.parametrize("part", ["message", "origin", "hosting"])
def test_a_report_that_accuses_nobody_does_not_leave(part):
    report = a_report()
    crossing = crossing_of(report)
    with pytest.raises(MustNotLeave):
        incident.compose(model.evolve(report, **{part: None}), crossing)


def test_an_origin_that_is_no_address_does_not_leave():
    with pytest.raises(MustNotLeave):
        sent(with_origin(address="mail.bulk.example"))


def test_red_does_not_go_by_machine():
    with pytest.raises(MustNotLeave):
        sent(a_report(), tlp=Tlp.RED)


def test_a_document_that_names_a_recipient_is_stopped():
    report = a_report()
    document = iodef_json.write(sent(report, contact_name="jean.dupont@example.org"))
    with pytest.raises(MustNotLeave):
        incident.guard(document, hider_of(report))


@pytest.mark.parametrize("tlp", [tlp for tlp in Tlp if tlp is not Tlp.RED])
def test_a_label_comes_back_as_it_went(tlp):
    document = sent(a_report(), tlp=tlp)
    for received in (
        iodef_json.read(iodef_json.write(document)),
        iodef.read(iodef.write(document)),
    ):
        assert incident.read(received).tlp is tlp


@pytest.mark.parametrize(
    ("restriction", "tlp"),
    [
        ("public", Tlp.CLEAR),
        ("white", Tlp.CLEAR),
        ("partner", Tlp.AMBER),
        ("need-to-know", Tlp.AMBER),
        ("private", Tlp.AMBER_STRICT),
        ("default", Tlp.AMBER_STRICT),
        ("red", Tlp.RED),
        (None, Tlp.AMBER_STRICT),
    ],
)
def test_a_foreign_label_is_never_read_looser(restriction, tlp):
    members = json.loads(iodef_json.write(sent(a_report())))
    del members["Incident"][0]["restriction"]
    if restriction is not None:
        members["Incident"][0]["restriction"] = restriction
    assert incident.label(iodef_json.take(members).incidents[0]) is tlp


def test_an_unknown_label_is_amber_strict():
    members = json.loads(iodef_json.write(sent(a_report())))
    members["Incident"][0] |= {"restriction": "ext-value", "ext-restriction": "purple"}
    assert incident.label(iodef_json.take(members).incidents[0]) is Tlp.AMBER_STRICT


@given(st.sampled_from(Tlp), st.sampled_from(Tlp))
def test_the_stricter_label_holds(one, other):
    both = incident.stricter(one, other)
    assert both is incident.stricter(other, one)
    assert list(Tlp).index(both) == max(list(Tlp).index(one), list(Tlp).index(other))


SOURCE = ("Incident", 0, "EventData", 0, "System", 0, "AdditionalData")


def changed(where, change):
    members = json.loads(iodef_json.write(sent(a_report())))
    at = members
    for step in where:
        at = at[step]
    change(at)
    return iodef_json.take(deepcopy(members))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hosting-country", "France"),
        ("hosting-country", "fr"),
        ("hosting-confidence", "certain"),
        ("hosting-claim", "registration,FR"),
        ("hosting-claim", 'registration,FR,,"x,2026'),
        ("hosting-claim", ""),
        ("hosting-claim", "registration,france,,x,2026-01-01"),
    ],
)
def test_a_value_that_is_not_what_its_name_says_is_refused(name, value):
    def change(extensions):
        kept = [extension for extension in extensions if extension["name"] != name]
        extensions[:] = [*kept, {"name": name, "dtype": "string", "value": value}]

    document = changed(SOURCE, change)
    with pytest.raises(DocumentInvalid):
        incident.read(document)


def test_two_countries_are_refused():
    again = {"name": "hosting-country", "dtype": "string", "value": "DE"}
    document = changed(SOURCE, lambda extensions: extensions.append(again))
    with pytest.raises(DocumentInvalid, match="twice"):
        incident.read(document)


def test_a_name_that_is_not_ours_is_ignored():
    extra = {"name": "shoe-size", "dtype": "integer", "value": "43"}
    document = changed(SOURCE, lambda extensions: extensions.append(extra))
    assert incident.read(document) == incident.read(sent(a_report()))


def test_a_document_without_the_proving_line_is_refused():
    where = ("Incident", 0, "EventData", 0, "RecordData", 0, "RecordItem")
    document = changed(where, lambda items: items.pop(0))
    with pytest.raises(DocumentInvalid, match="received"):
        incident.read(document)


def test_a_case_of_another_association_is_refused():
    where = ("Incident", 0, "RelatedActivity", 0, "IncidentID", 0)
    document = changed(where, lambda case: case.update(name="other.example"))
    with pytest.raises(DocumentInvalid, match="another association"):
        incident.read(document)


def test_a_category_that_we_do_not_know_is_other():
    where = ("Incident", 0, "Assessment", 0, "IncidentCategory")
    document = changed(where, lambda categories: categories.__setitem__(0, "astroturfing"))
    assert incident.read(document).category is Category.OTHER


def test_a_report_without_judgement_or_country_still_travels():
    report = a_report(judgement=None)
    hosting = model.evolve(report.hosting, country=None, asn=None, prefix=None, claims=())
    reported = incident.read(sent(model.evolve(report, hosting=hosting)))
    assert reported.category is Category.OTHER
    assert (reported.country, reported.asn, reported.prefix) == (None, None, None)
    assert reported.confidence is Confidence.HIGH


# The page that describes all this.

PAGE = Path(incident.__file__).parents[1] / "docs" / "profile.md"


def shown(value, depth=0):
    """JSON for a reader: what fits on a line stands on one."""
    short = json.dumps(value, ensure_ascii=False)
    if len(short) + depth <= 98 or not isinstance(value, dict | list):
        return short
    inner = " " * (depth + 1)
    if isinstance(value, list):
        rows = [shown(item, depth + 1) for item in value]
    else:
        rows = [f'"{name}": {shown(item, depth + len(name) + 5)}' for name, item in value.items()]
        rows = [
            row if "\n" not in row else f'"{name}": {shown(item, depth + 1)}'
            for row, (name, item) in zip(rows, value.items(), strict=True)
        ]
    start, end = "[]" if isinstance(value, list) else "{}"
    return f"{start}\n{inner}" + f",\n{inner}".join(rows) + f"\n{' ' * depth}{end}"


def test_the_example_of_the_profile_is_what_the_code_makes():
    example = PAGE.read_text().partition("```json\n")[2].partition("\n```")[0]
    assert example == shown(json.loads(iodef_json.write(sent(a_report()))))
    incident.read(iodef_json.read(example.encode()))


def test_the_table_of_the_profile_states_the_limits_of_the_code():
    table = incident.as_page()
    for number, of in (
        (composing.LINKS_MOST, "links"),
        (composing.ATTACHMENTS_MOST, "attachments"),
        (composing.HEADERS_MOST, "fields"),
    ):
        assert f"{number} {of}" in table


def test_a_line_that_was_folded_with_a_tab_crosses_with_a_space():
    report = a_report()
    line = "from mail.sender.example (unknown [192.0.2.25])\tby mx.example.org with ESMTP"
    folded = model.evolve(report, origin=model.evolve(report.origin, line=line))
    document = incident.compose(folded, crossing_of(folded))
    item = document.incidents[0].events[0].records[0].record_items[0]
    assert "\ufffd" not in item.value
    assert "[192.0.2.25]) by mx.example.org" in item.value
