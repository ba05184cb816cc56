import base64
import email
import gzip
from email.generator import BytesGenerator
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ReadingLimits
from gateway.errors import Unparseable
from gateway.formats import mime
from tests.shared import shared

LIMITS = ReadingLimits()
TOP = b"From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n"


def bodies(source: bytes) -> list[tuple[str, bytes]]:
    walked = mime.walk(source, LIMITS)
    return [(p.media_type, walked.content(p)) for p in walked.parts if not p.container]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_parts_are_found_whatever_ends_the_lines(end):
    source = (
        TOP + b"preamble\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\nepilogue\n"
    ).replace(b"\n", end)
    assert bodies(source) == [("text/plain", b"one"), ("text/html", b"two" + end)]


def test_a_carriage_return_alone_does_not_turn_a_line_end_into_an_empty_line():
    source = b"From: a@example.org\r\nSubject: x\r\n\r\none\rtwo\r\n"
    walked = mime.walk(source, LIMITS)
    assert [name for name, _ in walked.parts[0].fields] == ["From", "Subject"]
    assert bodies(source) == [("text/plain", b"one\rtwo\r\n")]


def test_a_missing_last_delimiter_ends_a_part_with_the_mail():
    assert bodies(TOP + b"--b\n\none\n--b\n\ntwo") == [
        ("text/plain", b"one"),
        ("text/plain", b"two"),
    ]


def test_a_boundary_that_begins_like_another_is_another():
    source = (
        TOP + b"--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nin\n--bb--\n"
        b"--b \t\n\nout\n--bc\n--b--\n"
    )
    assert bodies(source) == [("text/plain", b"in"), ("text/plain", b"out\n--bc")]


def test_a_boundary_used_again_inside_belongs_to_the_outer_container():
    source = TOP + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n"
    walked = mime.walk(source, LIMITS)
    assert [(p.media_type, p.depth) for p in walked.parts] == [
        ("multipart/mixed", 0),
        ("multipart/mixed", 1),
        ("text/plain", 1),
    ]


def test_an_inner_container_without_its_end_ends_with_the_outer_part():
    source = TOP + (
        b"--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nin\n--b\n\nout\n--c\n--b--\n"
    )
    assert bodies(source) == [("text/plain", b"in"), ("text/plain", b"out\n--c")]


def test_a_header_ends_at_a_delimiter_and_at_a_line_that_is_none():
    assert bodies(TOP + b"--b\nX: 1\n--b\n\ntwo\n--b--") == [
        ("text/plain", b""),
        ("text/plain", b"two"),
    ]
    assert bodies(b"From: a@example.org\nbody starts here\n\nX: 1\n") == [
        ("text/plain", b"body starts here\n\nX: 1\n")
    ]


def test_parts_are_found_where_no_empty_line_ends_the_header():
    source = TOP.removesuffix(b"\n") + b"--b\n\none\n--b\nX: 1\n\ntwo\n--b--\n"
    assert bodies(source) == [("text/plain", b"one"), ("text/plain", b"two")]


def test_a_long_boundary_is_understood():
    name = b"b" * 300
    source = b"From: a\nContent-Type: multipart/mixed; boundary=%s\n\n--%s\n\nx\n--%s--\n"
    assert bodies(source % (name, name, name)) == [("text/plain", b"x")]


def test_a_mail_attached_whole_keeps_its_bytes_and_shows_its_parts():
    inner = b"From: b@example.org\nContent-Type: multipart/x; boundary=c\n\n--c\n\nin\n--c--\n"
    inner = inner.replace(b"\n", b"\r\n")
    source = TOP + b"--b\nContent-Type: message/rfc822\n\n" + inner + b"\n--b\n\nafter\n--b--\n"
    walked = mime.walk(source, LIMITS)
    assert [p.media_type for p in walked.parts] == [
        "multipart/mixed", "message/rfc822", "multipart/x", "text/plain", "text/plain",
    ]  # fmt: skip
    assert walked.content(walked.parts[1]) == inner
    assert [p.enclosed for p in walked.parts] == [None, None, 1, 1, None]


def test_an_attached_mail_in_base64_is_decoded_and_not_entered():
    coded = base64.encodebytes(b"From: b@example.org\n\nx")
    source = TOP + b"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
    walked = mime.walk(source + coded + b"--b--", LIMITS)
    assert len(walked.parts) == 2
    assert walked.content(walked.parts[1]) == b"From: b@example.org\n\nx"


@pytest.mark.parametrize(
    ("encoding", "raw", "decoded"),
    [
        ("base64", b"YWJj", b"abc"),
        ("BASE64 ", b"YW\r\nJj\r\n", b"abc"),
        ("base64", b"YWJ", b"ab"),
        ("base64", b"YWJjZ", b"abc"),
        ("base64", b"YW!J\xffj", b"abc"),
        ("base64", b"", b""),
        ("quoted-printable", b"a=3D=\r\nb=ZZ=", b"a=b=ZZ"),
        ("7bit", b"a=3D", b"a=3D"),
        ("x-unknown", b"YWJj", b"YWJj"),
    ],
)
def test_a_body_is_decoded(encoding, raw, decoded):
    source = b"From: a\r\nContent-Transfer-Encoding: %s\r\n\r\n" % encoding.encode() + raw
    assert bodies(source) == [("text/plain", decoded)]


@pytest.mark.parametrize("type_", ["", "text", "text/plain/x", ";;;", "(x)", "/"])
def test_a_type_that_is_none_is_plain_text(type_):
    assert bodies(b"From: a\nContent-Type: %s\n\nx" % type_.encode()) == [("text/plain", b"x")]


def test_parts_of_a_digest_are_mails():
    source = b"From: a\nContent-Type: multipart/digest; boundary=b\n\n--b\n\nFrom: c\n\nx\n--b--"
    walked = mime.walk(source, LIMITS)
    assert [p.media_type for p in walked.parts] == [
        "multipart/digest",
        "message/rfc822",
        "text/plain",
    ]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "binary"),
        (b"no header\n\nline", "no header line"),
        ("From: a\n\nb".encode("utf-16"), "binary"),
        (b"a" * 50_000_001, "bytes"),
        (b"a: " + b"b" * 1_000_001, "header"),
        (b"a: b\n" * 5_001, "fields"),
        (TOP + b"--b\n\nx\n" * 1_001, "more than 1000 parts"),
        (b"From: a\n" + b"".join(
            b"Content-Type: multipart/x; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(10_000)
         ), "nested deeper than 50"),
        (b"From: a\n" + b"Content-Type: message/rfc822\n\n" * 10_000, "nested deeper than 50"),
        (gzip.compress(b"From: a\n\nb"), "this is no mail"),
    ],
    ids=lambda value: value if isinstance(value, str) else "source",
)  # fmt: skip
def test_what_is_no_mail_or_beyond_a_bound_is_refused_with_its_reason(source, reason):
    with pytest.raises(Unparseable, match=reason):
        mime.walk(source, LIMITS)


@pytest.mark.parametrize(
    "before",
    [b"From a@example.org Mon Aug 26 15:48:31 2002\n", b">From x\r\n", b"\xef\xbb\xbf", b"\n\n"],
)
def test_what_mailbox_files_put_before_a_mail_is_skipped(before):
    walked = mime.walk(before + b"From: a@example.org\n\nx", LIMITS)
    assert walked.parts[0].fields == (("From", "a@example.org"),)


@given(
    st.recursive(
        st.text("ab-\n =.", max_size=20),
        lambda inner: st.lists(inner, min_size=1, max_size=4),
        max_leaves=12,
    )
)
def test_any_tree_of_parts_is_read_as_it_was_written(tree):
    def build(node):
        if isinstance(node, str):
            return MIMEText(node)
        holder = MIMEMultipart()
        for child in node:
            holder.attach(build(child))
        return holder

    message = build(tree)
    message["From"] = "a@example.org"
    out = BytesIO()
    BytesGenerator(out).flatten(message)
    assert bodies(out.getvalue()) == [
        (p.get_content_type(), p.get_payload(decode=True))
        for p in message.walk()
        if not p.is_multipart()
    ]


PIECES = [
    b"\n", b"\r\n", b"\r", b"--b", b"--b--", b"--c", b"X: y", b" folded", b"text", b"\0", b"--",
    b"Content-Type: multipart/mixed; boundary=c", b"Content-Type: message/rfc822", b"",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
def test_no_arrangement_of_lines_breaks_the_walk(body):
    walked = mime.walk(TOP + body, LIMITS)
    for part in walked.parts:
        assert 0 <= part.start <= part.end <= len(walked.source)
        walked.content(part)


def test_real_mails_have_the_same_parts_and_bytes_as_the_standard_library_finds():
    for path in sorted(shared("mail").glob("*/*")):
        source = path.read_bytes()
        walked = mime.walk(source, LIMITS)
        expected = list(email.message_from_bytes(source).walk())
        assert [p.media_type for p in walked.parts] == [p.get_content_type() for p in expected]
        for part, other in zip(walked.parts, expected, strict=True):
            assert [name for name, _ in part.fields] == other.keys()
            if not other.is_multipart():
                assert walked.content(part) == other.get_payload(decode=True)
