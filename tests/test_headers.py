from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats import headers
from gateway.model import Mailbox


def test_fields_are_unfolded_whatever_ends_their_lines():
    expected = (("A", "one two"), ("B", "x"), ("A", "again"))
    for end in (b"\r\n", b"\n", b"\r"):
        block = end.join([b"A: one", b" two", b"B:x ", b"A : again"])
        assert headers.split(block) == (expected, True)


def test_a_line_that_is_no_field_ends_the_header():
    assert headers.split(b"A: 1\nno field\nB: 2") == ((("A", "1"),), False)
    assert headers.split(b"A: 1\n>From x Mon\nB: 2") == ((("A", "1"), ("B", "2")), True)


def test_controls_in_a_header_are_made_harmless():
    fields, _ = headers.split(b"A: a\0b\x1b[31mc\td\x7f")
    assert fields == (("A", "a\ufffdb\ufffd[31mc\td\ufffd"),)


def test_bytes_beyond_ascii_are_read_as_utf8_or_else_as_windows_1252():
    assert headers.split("A: é".encode())[0] == (("A", "é"),)
    assert headers.split("A: é€".encode("cp1252"))[0] == (("A", "é€"),)


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("plain", "plain"),
        ("=?utf-8?Q?caf=C3=A9_x?=", "café x"),
        ("=?UTF-8?B?Y2Fmw6k=?=", "café"),
        ("=?utf-8?b?Y2Fmw6k?=", "café"),
        ("=?utf-8*en?q?a?= =?utf-8?q?b?=", "ab"),
        ("a =?utf-8?q?b?= c", "a b c"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?b?ww==?= =?utf-8?b?qTE?=", "é1"),
        ("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?=", "café"),
        ("=?iso-8859-1?q?a?= =?utf-8?q?=C3=A9?=", "aé"),
        ("=?koi8-r?b?8NLJ18XU?=", "Привет"),
        ("=?gb2312?b?yKu5+g==?=", "全国"),
        ("=?no-such?q?caf=C3=A9?=", "café"),
        ("=?idna?q?xn--bcher-kva?=", "xn--bcher-kva"),
        ("=?utf-8?q?=0D=0AX-Forged:_1?=", "X-Forged: 1"),
        ("=?utf-8?q?a=00=1Bb?=", "a b"),
        ("=?utf-8?q?unended", "=?utf-8?q?unended"),
        ("=?utf-8?x?odd?=", "=?utf-8?x?odd?="),
        ("=?utf-8?q??=", ""),
    ],
)
def test_encoded_words_are_decoded(value, decoded):
    assert headers.decode(value) == decoded


def test_a_decoded_value_is_clipped():
    assert headers.decode("a" * 100, 10) == "a" * 10


@pytest.mark.parametrize(
    ("value", "boxes"),
    [
        ("a@example.org", [(None, "a@example.org")]),
        ("<a@example.org>", [(None, "a@example.org")]),
        ("Jo Doe <a@example.org>", [("Jo Doe", "a@example.org")]),
        ('"Doe, Jo" <a@example.org>, b@example.org',
         [("Doe, Jo", "a@example.org"), (None, "b@example.org")]),
        ('"say \\"hi\\"" <a@example.org>', [('say "hi"', "a@example.org")]),
        ("=?utf-8?q?J=C3=B3?= <a@example.org>", [("Jó", "a@example.org")]),
        ('"=?utf-8?q?J=C3=B3?=" <a@example.org>', [("Jó", "a@example.org")]),
        ("a@example.org (Jo (the) Doe)", [(None, "a@example.org")]),
        ("group: a@example.org, B <b@example.org>;",
         [(None, "a@example.org"), ("B", "b@example.org")]),
        ("undisclosed-recipients:;", []),
        ("<@relay.example,@two.example:a@example.org>", [(None, "a@example.org")]),
        ('"jo doe"@example.org', [(None, '"jo doe"@example.org')]),
        ("Just A Name", [("Just A Name", "")]),
        ("Bank <>", [("Bank", "")]),
        ("a@example.org b@example.org", [(None, "a@example.org b@example.org")]),
        ("<a@example.org, <b@example.org>", [(None, "a@example.org"), (None, "b@example.org")]),
        ("", []),
        (", ,;", []),
        ("((((", []),
        ('"unended', [("unended", "")]),
    ],
)  # fmt: skip
def test_mailboxes_are_read_from_an_address_header(value, boxes):
    assert headers.mailboxes(value) == tuple(Mailbox(name=n, address=a) for n, a in boxes)


def test_an_address_is_found_wherever_it_stands():
    value = 'x (a@example.org) "b@example.org", <c@example.org>;d@example.org @ @x y@'
    assert headers.addresses(value) == [f"{name}@example.org" for name in "abcd"]


def test_a_return_path_is_read_without_its_brackets():
    assert headers.angle("<a@example.org>") == "a@example.org"
    assert headers.angle("a@example.org") == "a@example.org"
    assert headers.angle("<>") == ""
    assert headers.angle(" <a@example.org> (x)") == "a@example.org"


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Thu, 3 Nov 2022 15:16:16 +0200", datetime(2022, 11, 3, 13, 16, 16, tzinfo=UTC)),
        ("3 Nov 2022 15:16:16 GMT (x)", datetime(2022, 11, 3, 15, 16, 16, tzinfo=UTC)),
        ("Thu, 3 Nov 2022 15:16 -0000", datetime(2022, 11, 3, 15, 16, tzinfo=UTC)),
        ("Sat, 31 Dec 2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Fri, 23 Aug 2002 14:51:02 2000", None),
        ("Thu, 3 Nov 2022 15:16:16", None),
        ("3 Nov 2022 15:16:16 +9999", None),
        ("31 Feb 2022 15:16:16 +0000", None),
        ("3 Nov 2022 15:16:16 +1530", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_date_is_read_in_utc_or_not_at_all(value, moment):
    assert headers.moment(value) == moment


@pytest.mark.parametrize(
    ("value", "main", "parameters"),
    [
        ("text/plain", "text/plain", {}),
        ("Text/HTML; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('a/b; x="c;d\\"e" ; y = f', "a/b", {"x": 'c;d"e', "y": "f"}),
        ("a/b; x=1; x=2", "a/b", {"x": "1"}),
        ("a/b; name*=utf-8''caf%C3%A9.pdf", "a/b", {"name": "café.pdf"}),
        ("a/b; name*1*=%A9; name*0*=utf-8'en'caf%C3", "a/b", {"name": "café"}),
        ("a/b; name*0=a; name*1=b; name*3=d", "a/b", {"name": "ab"}),
        ("a/b; name*999=x", "a/b", {"name": ""}),
        ("a/b; name*0*=idna''x", "a/b", {"name": "x"}),
        ('a/b; x="unended', "a/b", {"x": "unended"}),
        ("a/b;;;=;x", "a/b", {}),
        ("", "", {}),
    ],
)
def test_parameters_of_a_mime_field_are_read(value, main, parameters):
    assert headers.parameters(value) == (main, parameters)


def test_a_file_name_has_no_path_and_no_controls():
    assert headers.file_name("=?utf-8?q?..=2F..=2Fa=0Ab.exe?=") == "a b.exe"
    assert headers.file_name("C:\\x\\y.doc") == "y.doc"
    assert headers.file_name("/") is None


@pytest.mark.parametrize(
    "charset", ["idna", "punycode", "zip", "rot13", "unicode_escape", "x" * 99]
)
def test_a_charset_that_could_harm_is_not_known(charset):
    assert headers.codec(charset) is None
    assert headers.text_of("é".encode(), charset) == "é"


@given(st.text(max_size=200))
def test_no_value_at_all_breaks_a_reader(value):
    headers.decode(value).encode("utf-8", "surrogatepass")
    headers.addresses(value)
    headers.angle(value)
    headers.moment(value)
    headers.parameters(value)
    headers.file_name(value)
    for box in headers.mailboxes(value):
        assert box.name or box.address


@given(st.binary(max_size=300))
def test_no_block_at_all_breaks_the_splitting(block):
    for name, value in headers.split(block)[0]:
        assert name.isascii()
        assert not {"\r", "\n", "\0"}.intersection(name + value)
