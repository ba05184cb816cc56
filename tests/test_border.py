"""The one table of what crosses the border, and what a privacy reviewer is shown of one report."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given

from gateway import incident, model, redact
from gateway.cli import entente
from gateway.edges.store import records
from gateway.errors import DocumentInvalid, MustNotLeave
from gateway.formats import iodef_json
from gateway.incident import Fate
from tests.documents import KEY, a_report, crossing_of, documents
from tests.simulator import World, address, mail

PAGE = Path(incident.__file__).parents[1] / "docs" / "profile.md"
NOUNS = (
    model.Report,
    model.Complaint,
    model.Message,
    model.Mailbox,
    model.Link,
    model.Attachment,
    model.Origin,
    model.Claimed,
    model.Hosting,
    model.HostingClaim,
    model.Judgement,
    model.Fingerprint,
    model.Case,
)
FRAME = {"version", "format-id", "lang"}
"""Members around the incident, which say what kind of document it is."""
FIELDS = [f"{noun.__name__}.{name}" for noun in NOUNS for name in noun.__struct_fields__] + [
    f"Crossing.{name}" for name in incident.Crossing.__dataclass_fields__
]


def paths_in(value, path=""):
    """Every member of a document that holds a value, with its place."""
    if isinstance(value, dict) and "dtype" in value:
        yield f"{path}[{value['name']}]"
    elif isinstance(value, dict):
        if path.endswith("/System"):
            path += f"[{value['category']}]"
            value = {name: inner for name, inner in value.items() if name != "category"}
        for name, inner in value.items():
            yield from paths_in(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from paths_in(inner, path)
    else:
        yield path


def emitted(document):
    """The places of everything that a document says, as the table writes them."""
    found = paths_in(json.loads(iodef_json.write(document)))
    return {path.removeprefix("/").removeprefix("Incident/") for path in found} - FRAME


DECIDED = {path for row in incident.TABLE for path in row.paths}


@pytest.mark.parametrize("field", FIELDS)
def test_somebody_decided_whether_each_field_crosses(field):
    assert incident.rows(field), "it has no row in gateway/incident/border.py, so it stays"
    assert all(row.why for row in incident.rows(field))


def test_no_row_is_about_a_field_that_is_gone():
    named = {row.field.partition(":")[0] for row in incident.TABLE}
    assert {field for field in named if "." in field} == set(FIELDS)


def test_a_field_that_nobody_decided_about_stays():
    assert incident.rows("Message.shoe_size") == ()


@given(documents())
def test_nothing_is_composed_that_no_row_lets_cross(document):
    assert emitted(document) <= DECIDED


def test_everything_that_may_cross_does_where_it_is_there():
    report = a_report()
    every = tuple((name, f"x of {name}") for name in incident.border.HEADERS.values())
    message = model.evolve(report.message, headers=(*every, ("X-Mailer", "BulkMail")))
    origin = model.evolve(report.origin, forwarded=True)
    report = model.evolve(report, message=message, origin=origin)
    crossing = crossing_of(report, tlp=model.Tlp.AMBER_STRICT)
    assert emitted(incident.compose(report, crossing)) == DECIDED


def test_the_table_of_the_profile_is_the_one_in_the_code():
    before, _, after = PAGE.read_text().partition("\n| field |")
    assert before.count("\n## ") == 1, "the table opens the page"
    table, _, rest = f"| field |{after}".partition("\n\n")
    assert f"{table}\n" == incident.as_page()
    assert rest.startswith("## An example"), "the example comes right after it"


def test_body_text_does_not_cross():
    assert not any(row.crosses for row in incident.rows("text of the mail"))


# A field that may not cross.


def test_a_document_with_a_header_field_that_may_not_cross_is_refused_by_name():
    members = json.loads(iodef_json.write(incident.compose(a_report(), crossing_of(a_report()))))
    service = members["Incident"][0]["EventData"][0]["System"][0]["Service"][0]
    to = {"name": "To", "dtype": "string", "value": "jean.dupont@example.org"}
    service["EmailData"]["EmailHeaderField"].append(to)
    with pytest.raises(DocumentInvalid, match="header field To may not cross the border"):
        incident.read(iodef_json.take(members))


@pytest.mark.parametrize("name", ["EmailBody", "EmailTo", "EmailMessage"])
def test_a_document_with_a_member_that_may_not_cross_is_refused_by_name(name):
    members = json.loads(iodef_json.write(incident.compose(a_report(), crossing_of(a_report()))))
    service = members["Incident"][0]["EventData"][0]["System"][0]["Service"][0]
    service["EmailData"][name] = "Dear Jean"
    with pytest.raises(DocumentInvalid, match=name):
        incident.read(iodef_json.take(members))


# What becomes of one report.


def shown(report, document):
    return {one.field: one for one in incident.show(report, document)}


def test_a_reviewer_sees_what_is_left_out_what_is_changed_and_why():
    report = a_report()
    found = shown(report, incident.outgoing(report, crossing_of(report)))
    assert found["Message.recipients"].fate is Fate.LEFT_OUT
    assert "hide them" in found["Message.recipients"].why
    assert found["text of the mail"].fate is Fate.LEFT_OUT
    assert found["Judgement.why"].fate is Fate.LEFT_OUT
    assert found["Message.headers: every other field"].fate is Fate.LEFT_OUT
    for changed in ("Message.subject", "Link.url", "Origin.line", "Report.source_sha256"):
        assert found[changed].fate is Fate.CHANGED, changed
        assert found[changed].how
    for same in ("Origin.address", "Hosting.country", "Origin.stamped_at", "Judgement.value"):
        assert found[same].fate is Fate.AS_IT_IS, same


def test_a_report_that_may_not_leave_is_left_out_as_a_whole():
    report = model.evolve(a_report(), origin=None)
    with pytest.raises(MustNotLeave):
        incident.outgoing(report, crossing_of(report))
    assert {one.fate for one in incident.show(report, None)} == {Fate.LEFT_OUT}


def test_every_field_that_a_report_has_is_shown():
    report = a_report()
    found = shown(report, incident.outgoing(report, crossing_of(report)))
    members = msgspec.to_builtins(report)
    for name in members["message"]:
        rows = [field for field in found if field.partition(":")[0] == f"Message.{name}"]
        assert rows or not members["message"][name], name


# The reporter.


def letter(**changes):
    report = a_report()
    return model.evolve(report, message=model.evolve(report.message, **changes))


def test_a_reporter_whom_the_mail_names_is_hidden_like_a_recipient():
    link = "http://t.example/?e=" + b"Anna.Berg@desk.example".hex()
    report = letter(links=(model.Link(url=link, host="t.example"),))
    known = incident.knowing(report, "anna.berg@desk.example")
    assert known.message.recipients == (*report.message.recipients, "anna.berg@desk.example")
    crossing = crossing_of(known, hider=incident.hider(known, KEY))
    document = incident.outgoing(known, crossing)
    assert b"Anna.Berg@desk.example".hex().encode() not in document


def test_a_reporters_name_in_a_subject_is_hidden_too():
    report = letter(subject="Zacharias, your account")
    known = incident.knowing(report, "Zacharias Quist <zq@desk.example>")
    assert known.message.recipient_names == ("Jean Dupont", "Zacharias Quist")
    assert known.message.recipients == report.message.recipients


def test_a_reporters_name_is_hidden_where_the_mail_names_their_address_as_well():
    report = letter(subject="Your bill, Zacharias Quist", recipients=("zq@desk.example",))
    known = incident.knowing(report, "Zacharias Quist <zq@desk.example>")
    assert known.message.recipients == ("zq@desk.example",)
    document = incident.outgoing(known, crossing_of(known, hider=incident.hider(known, KEY)))
    assert b"Quist" not in document


@pytest.mark.parametrize("reporter", ["", "anna.berg@desk.example", "case-worker-7", "A B <>", "@"])
def test_a_reporter_whom_the_mail_does_not_name_leaves_no_trace(reporter):
    assert incident.knowing(a_report(), reporter) == a_report()


def test_a_recipient_that_only_the_feedback_report_states_is_hidden():
    report = letter(subject="A notice for hidden.person@reader.example")
    complaint = model.Complaint(
        form="arf", fields=(("Original-Rcpt-To", "rfc822;hidden.person@reader.example"),)
    )
    report = model.evolve(report, complaint=complaint)
    document = incident.outgoing(report, crossing_of(report, hider=incident.hider(report, KEY)))
    assert b"hidden.person" not in document


def test_our_own_mailbox_is_no_secret_and_holds_nothing_up():
    report = letter(recipients=("Desk@association.example",), recipient_names=("The Association",))
    hider = incident.hider(
        report, KEY, contact_name="The Association", contact_mailbox="desk@association.example"
    )
    document = incident.outgoing(report, crossing_of(report, hider=hider))
    assert b"desk@association.example" in document


# The command.


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A home that knows one peer, and two mails: one from there, one from nowhere."""
    place = tmp_path_factory.mktemp("desk")
    world = World(place, "FR", "US")
    world.befriend("FR", "US")
    (place / "there.eml").write_bytes(mail(address("US")))
    (place / "nowhere.eml").write_bytes(mail("10.1.2.3"))
    yield place, world
    world.close()


def inspected(desk, *words):
    place, world = desk
    peer = str(world.at["US"].me)
    call = ["--home", str(place / "FR"), "inspect", "--as-sent", peer, *words]
    return CliRunner().invoke(entente, call)


def test_the_command_prints_the_bytes_that_the_peer_would_get_and_every_field(desk):
    place, world = desk
    done = inspected(desk, str(place / "there.eml"), "--json")
    assert done.exit_code == 0, done.output
    finding = json.loads(done.stdout)
    document = finding["as_sent"].encode()
    assert iodef_json.write(iodef_json.read(document)) == document
    assert b"reader@example.org" not in document
    key = world.at["FR"].keys.redaction(world.at["US"].me)
    assert redact.token("reader@example.org", key).encode() in document
    fates = {one["field"]: one["fate"] for one in finding["fields"]}
    assert fates["Message.recipients"] == "left out"
    assert fates["Origin.line"] == "changed"
    assert fates["Origin.address"] == "as it is"
    assert all(one["why"] for one in finding["fields"])
    assert not world.rows("FR", "SELECT id FROM report"), "nothing is stored"


def test_the_command_says_it_in_words_too(desk):
    place, _ = desk
    said = inspected(desk, str(place / "there.eml")).output
    assert "left out: text of the mail" in said
    assert "changed: Origin.line" in said
    assert '{"version":"2.0"' in said


def test_a_mail_that_goes_nowhere_says_so_and_what_would_be_left_out(desk):
    place, _ = desk
    done = inspected(desk, str(place / "nowhere.eml"))
    assert done.exit_code == 0, done.output
    assert "goes to nobody" in done.output
    assert "it would get nothing" in done.output or "if it went there" in done.output
    assert "left out: Message.recipients" in done.output


def test_an_import_with_a_reporter_keeps_the_address_only_where_the_mail_names_it(desk):
    place, world = desk
    named = mail(address("US"), "a text of its own", number=2).replace(
        b"You have been chosen", b"You have been chosen, anna.berg@desk.example"
    )
    (place / "named.eml").write_bytes(named)
    for path in ("named.eml", "there.eml"):
        call = ["--home", str(place / "FR"), "import", "--reporter", "anna.berg@desk.example"]
        assert CliRunner().invoke(entente, [*call, str(place / path)]).exit_code == 0
    ids = [str(id_) for (id_,) in world.rows("FR", "SELECT id FROM report")]
    with world.at["FR"].store.read() as db:
        kept = records.contents(db, ids).values()
    named = {report.message.recipients for report in kept}
    assert named == {
        ("reader@example.org",),
        ("reader@example.org", "anna.berg@desk.example"),
    }
