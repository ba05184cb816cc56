"""The interchange document as XML: round trip, official schemas, and hostile input."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway import incident
from gateway.edges import shipped
from gateway.errors import DocumentInvalid, NotFound
from gateway.formats import iodef, iodef_json
from gateway.formats.iodef_table import DSIG
from tests.documents import a_report, crossing_of, documents
from tests.shared import shared


def a_document():
    report = a_report()
    return incident.compose(report, crossing_of(report))


def own():
    return iodef.schema(shipped.schema(shipped.REPORT_XSD))


WHOLE = iodef.write(a_document())


@given(documents())
def test_what_may_travel_survives_xml_and_json_both_ways(document):
    written = iodef.write(document)
    read = iodef.read(written)
    assert read == document
    again = iodef_json.read(iodef_json.write(read))
    assert again == document
    assert iodef.write(again) == written
    assert iodef_json.write(read) == iodef_json.write(document)


OWN = own()


@given(documents())
def test_every_document_is_valid_by_our_own_schema(document):
    OWN.check(iodef.write(document))


def test_documents_are_valid_by_the_schema_of_rfc_7970():
    path = shared("standards", "xsd", "runnable", "driver-v2.xsd")
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    official = etree.XMLSchema(etree.parse(path, parser))

    @given(documents())
    def holds(document):
        root = etree.fromstring(iodef.write(document), parser)
        assert official.validate(root), official.error_log

    holds()


def test_what_our_schema_takes_the_official_one_takes_too():
    path = shared("standards", "xsd", "runnable", "driver-v2.xsd")
    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    official = etree.XMLSchema(etree.parse(path, parser))
    for changed in mutants():
        try:
            OWN.check(changed)
        except DocumentInvalid:
            continue
        assert official.validate(etree.fromstring(changed, parser)), changed


def mutants():
    """The whole document with each element removed, doubled or emptied, each attribute dropped."""
    for number in range(len(list(etree.fromstring(WHOLE).iter()))):
        for what in ("remove", "double", "empty", "bare"):
            root = etree.fromstring(WHOLE)
            element = list(root.iter())[number]
            parent = element.getparent()
            if parent is None or DSIG in element.tag:
                continue  # A schema of one file cannot look into XML Signature's elements.
            if what == "remove":
                parent.remove(element)
            elif what == "double":
                parent.insert(parent.index(element), etree.fromstring(etree.tostring(element)))
            elif what == "empty":
                for child in list(element):
                    element.remove(child)
                element.text = None
            else:
                element.attrib.clear()
            yield etree.tostring(root)


def test_what_the_reader_takes_our_schema_takes_too():
    taken = 0
    for changed in mutants():
        try:
            iodef.read(changed)
        except DocumentInvalid:
            continue
        taken += 1
        OWN.check(changed)
    assert taken > 20


def test_the_version_is_that_of_each_form():
    assert b' version="2.00"' in WHOLE
    assert b'"version":"2.0"' in iodef_json.write(a_document())


def replaced(old, new):
    assert old in WHOLE
    return WHOLE.replace(old, new, 1)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # RFC 7970 says "count" in prose and "counter" in its schema (§3.18.3).
        (b'type="ext-value" ext-type="count"', b'type="count"'),
        # xs:float is the schema's type of a Counter.
        (b">1</Counter>", b"> 1.0 </Counter>"),
        # Prose gives a Confidence a number, the schema none (§3.12.5, erratum 5543).
        (b'rating="high"></Confidence>', b'rating="high">0.9</Confidence>'),
        (b'rating="high"></Confidence>', b'rating="high"/>'),
        # White space that xs:dateTime collapses.
        (b"<GenerationTime>", b"<GenerationTime>\n   "),
        (b"</IncidentID>", b"\n  </IncidentID>"),
        (b"</Node>", b"\n  </Node>\n"),
        # A comment inside a value, or between elements.
        (b">192.0.2.25<", b">192.0.<!-- x -->2.25<"),
        (b"<Contact", b"<!-- who --><Contact"),
        # The schema location is allowed to be absent, and to be another.
        (
            b' xsi:schemaLocation="%b %b"' % (iodef.NAMESPACE.encode(), iodef.LOCATION.encode()),
            b"",
        ),
        (b"urn:ietf:params:xml:schema:iodef-2.0", b"http://127.0.0.1/x.xsd"),
        (b'<?xml version="1.0" encoding="UTF-8"?>', b""),
        (b'<?xml version="1.0" encoding="UTF-8"?>', b"\xef\xbb\xbf"),
        (b"<EmailSubject>", b"<EmailSubject><![CDATA[]]>"),
    ],
)
def test_what_differs_only_in_spelling_is_read_the_same(old, new):
    assert iodef.read(replaced(old, new)) == a_document()


def test_a_text_with_a_language_keeps_it():
    document = iodef.read(replaced(b"<ContactName>", b'<ContactName xml:lang="fr">'))
    assert b'"ContactName":[{"value":"The Association","lang":"fr"}]' in iodef_json.write(document)
    assert b'<ContactName xml:lang="fr">' in iodef.write(document)
    assert iodef.read(iodef.write(document)) == document


DTD = b'<!DOCTYPE x [<!ENTITY a "b">]>'
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (HEAD, HEAD + b"<!DOCTYPE IODEF-Document>"),
        (HEAD, HEAD + DTD),
        (HEAD, HEAD + b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">'),
        (HEAD, HEAD + b'<?xml-stylesheet href="http://127.0.0.1/"?>'),
        (b"<Contact", b'<?php echo "x" ?><Contact'),
        (HEAD, b'<?xml version="1.0" encoding="UTF-7"?>'),
        (HEAD, b'<?xml version="1.0" encoding="UTF-16"?>'),
        (HEAD, b'<?xml version="1.0" encoding="EBCDIC-CP-US"?>'),
        (HEAD, b'<?xml version="1.1" encoding="ISO-8859-1"?>'),
        (b"<EmailSubject>", b"<EmailSubject>&xxe;"),
        (b"<EmailSubject>", b"<EmailSubject>\x00"),
        (b"<EmailSubject>", b"<EmailSubject>&#9;"),
        (b"<EmailSubject>", b"<EmailSubject>\n"),
        (b"<EmailSubject>", b"<EmailSubject><b/>"),
        (b'iodef-2.0"', b'iodef-1.0"'),
        (b'version="2.00"', b'version="2.0"'),
        (b'version="2.00"', b'version="1.00"'),
        (b'xml:lang="en"', b'xml:lang="en" lang="en"'),
        (b'xml:lang="en"', b'xml:base="http://127.0.0.1/"'),
        (b'format-id="entente-report-1"', b'format-id="other"'),
        (b'format-id="entente-report-1"', b""),
        (b"<Contact", b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="/"/><Contact'),
        (b"<Contact", b"<Expectation/><Contact"),
        (b"<Contact", b"text<Contact"),
        (b"<Flow>", b"<Flow>text"),
        (b"<Flow>", b'<Flow restriction="amber">'),
        (b"<Flow>", b"<Flow><Node/>"),
        (b"</Flow>", b"</Flow><Record/>"),
        (b'type="ext-value" ext-type="count"', b'type="ext-value"'),
        (b'type="ext-value" ext-type="count"', b'type="count" ext-type="peak"'),
        (b">1</Counter>", b">1.5</Counter>"),
        (b">1</Counter>", b">INF</Counter>"),
        (b">1</Counter>", b">99999999999999999</Counter>"),
        (b">40123</Port>", b">70000</Port>"),
        (b'rating="high"', b'rating="numeric"'),
        (b"xmlenc#sha256", b"xmlenc#sha512"),
        (b"<GenerationTime>2026-03-14T12:00:00Z", b"<GenerationTime>2026-03-14T12:00:00"),
        (b"<GenerationTime>2026-03-14T12:00:00Z", b"<GenerationTime>2026-02-30T12:00:00Z"),
        (b"<Node>", b"<Node><Address/>"),
        (b"</IncidentID>", b"</IncidentID><AlternativeID/>"),
        (b'purpose="reporting"', b'purpose="ext-value"'),
        (b'restriction="amber"', b'restriction="amber" ext-restriction="x"'),
        (b'restriction="amber"', b'restriction="secret"'),
        (b"</IODEF-Document>", b"</IODEF-Document><x/>"),
        (b"</IODEF-Document>", b""),
    ],
)
def test_what_is_dangerous_or_not_of_the_profile_is_refused(old, new):
    with pytest.raises(DocumentInvalid):
        iodef.read(replaced(old, new))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "cp500"])
def test_another_encoding_is_refused(encoding):
    body = WHOLE.decode().partition("?>")[2]
    with pytest.raises(DocumentInvalid):
        iodef.read(body.encode(encoding))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<",
        b"{}",
        b"<a>" * 20_000,
        b"<a>" * 300 + b"</a>" * 300,
        b"<IODEF-Document/>",
        b"<a " + b" ".join(b'a%d=""' % n for n in range(20_000)) + b"/>",
        b"<a " + b" ".join(b'xmlns:a%d="u%d"' % (n, n) for n in range(9_000)) + b"/>",
        b"<a>" + b"<b/>" * 60_000 + b"</a>",
        b"<a>" + b"x" * iodef.MOST_BYTES + b"</a>",
    ],
)
def test_bombs_are_refused(content):
    with pytest.raises(DocumentInvalid):
        iodef.read(content)


def test_nesting_inside_the_document_is_refused():
    deep = b"<EventData>" * 10_000 + b"</EventData>" * 10_000
    with pytest.raises(DocumentInvalid):
        iodef.read(replaced(b"<EventData>", deep + b"<EventData>"))


@given(st.integers(0, len(WHOLE) - 1), st.sampled_from(b"<>&\"'/ =?!-;]x\x00\xff\n"))
def test_only_our_own_error_leaves_the_reader(place, byte):
    changed = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    for reading in (iodef.read, OWN.check):
        with contextlib.suppress(DocumentInvalid):
            reading(changed)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_document_are_refused(content):
    with pytest.raises(DocumentInvalid):
        iodef.read(content)


def test_the_official_minimal_sample_is_no_report_of_ours():
    sample = shared("standards", "samples", "rfc7970-7.1-minimal.xml").read_bytes()
    with pytest.raises(DocumentInvalid):
        iodef.read(sample)


def test_our_schema_needs_no_other_file():
    assert not re.search(rb"<xs:(import|include|redefine)", shipped.schema(shipped.REPORT_XSD))


def test_a_schema_that_is_none_is_refused():
    with pytest.raises(DocumentInvalid):
        iodef.schema(b"<a/>")


@pytest.mark.parametrize("name", ["", "x.xsd", "../pyproject.toml", "README.md"])
def test_only_our_schemas_are_shipped(name):
    with pytest.raises(NotFound):
        shipped.schema(name)
