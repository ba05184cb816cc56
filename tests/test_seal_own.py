"""What is read in one go says the same as what is read the long way, or is not read so at all."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import protocol, seal, strict_json
from gateway.formats import iodef_json
from gateway.model import CaseId, Kind, PeerId, SetId, Tlp
from tests.documents import documents
from tests.test_seal import LABELS, NAMES, SET_IDS, STAMP

URI = protocol.uri(Kind.REPORT)


def payload(document, label=Tlp.AMBER, follows=None, supersedes=None, case="FR-1") -> bytes:
    body = seal.ReportBody(
        case=seal.CaseName(iss=PeerId("https://a.example"), id=CaseId(case)),
        iodef=msgspec.Raw(iodef_json.write(document)),
        label=label,
        follows=follows,
        supersedes=supersedes,
    )
    subject = seal.case_subject(body.case.id)
    said = seal.claims(STAMP, Kind.REPORT, subject, seal.write_body(body))
    return strict_json.write(said)


@given(documents(), LABELS, SET_IDS, SET_IDS, NAMES)
def test_both_ways_of_reading_say_the_same(document, label, follows, supersedes, case):
    written = payload(document, label, follows, supersedes, case)
    plain = strict_json.read_object(written)
    found = seal.read_own(written)
    assert (found is None) == (label is None or strict_json.has_large_numbers(written))
    if found is not None:
        event = found["events"][URI]
        assert event["iodef"] == iodef_json.take(plain["events"][URI]["iodef"]) == document
        assert seal.read_body(Kind.REPORT, event).iodef is event["iodef"]
        event["iodef"] = plain["events"][URI]["iodef"]
        assert found == plain


@pytest.fixture(scope="module")
def written() -> bytes:
    """A SET's claims as we spell them, with a SET that it follows."""
    found = []

    @given(documents())
    def draw(document):
        if not found:
            found.append(payload(document, follows=SetId(issuer=PeerId("https://a"), jti="1")))

    draw()
    assert seal.read_own(found[0]) is not None
    return found[0]


def test_another_spelling_is_left_to_the_long_way(written):
    said = json.loads(written)
    assert seal.read_own(json.dumps(said).encode()) is None
    assert seal.read_own(written.replace(b'"tlp"', b'"tl\\u0070"')) is None


def test_a_member_that_stands_twice_is_never_read_here(written):
    for found in re.finditer(rb'"[A-Za-z_-]+":(?:"[^"]*"|\d+)(?=[,}])', written):
        doubled = written[: found.end()] + b"," + found[0] + written[found.end() :]
        assert seal.read_own(doubled) is None, found[0]


def test_a_member_that_the_model_does_not_know_is_never_lost(written):
    for found in re.finditer(rb"\{", written):
        more = written[: found.end()] + b'"more":1,' + written[found.end() :]
        assert seal.read_own(more) is None


@given(st.data())
def test_one_changed_byte_never_gives_another_reading(written, data):
    place = data.draw(st.integers(0, len(written) - 1))
    changed = written[:place] + bytes([data.draw(st.integers(32, 126))]) + written[place + 1 :]
    found = seal.read_own(changed)
    if found is not None:
        plain = strict_json.read_object(changed)
        document = found["events"][URI].pop("iodef")
        members = plain["events"][URI].pop("iodef")
        assert found == plain
        assert msgspec.convert(members, type(document)) == document
