import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors, strict_json

LARGEST = 2**53 - 1
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=30,
)


def refused(data: bytes, **limits: int) -> None:
    with pytest.raises(errors.JsonInvalid):
        strict_json.read(data, **limits)


@given(VALUES)
def test_what_is_written_is_read_again(value):
    assert strict_json.read(strict_json.write(value)) == value


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_a_clean_document_is_read_as_the_standard_library_reads_it(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert strict_json.read(text.encode()) == json.loads(text)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES, min_size=1), st.data())
def test_a_member_that_stands_twice_is_refused_at_any_depth(value, data):
    name = data.draw(st.sampled_from(sorted(value)))
    twice = data.draw(VALUES)
    members = [*value.items(), (name, twice)]
    text = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(said)}" for key, said in members) + "}"
    refused(text.encode())
    refused(b'{"outer":[1,' + text.encode() + b"]}")


@given(st.binary())
def test_whatever_the_bytes_only_our_error_leaves(data):
    try:
        strict_json.read(data)
    except errors.JsonInvalid:
        return


@given(VALUES, st.data())
def test_a_mutated_document_is_refused_or_read_as_the_standard_library_reads_it(value, data):
    text = bytearray(json.dumps(value, ensure_ascii=False).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255))
    try:
        found = strict_json.read(bytes(text))
    except errors.JsonInvalid:
        return
    assert found == json.loads(text.decode())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e400",
        b"[-1e400]",
        b"\xef\xbb\xbf{}",
        b"{}\x00",
        b"{} {}",
        b'"\\ud800"',
        b'["\\udfff x"]',
        b'{"\\ud800":1}',
        b'"\xed\xa0\x80"',
        b'"\xc0\xaf"',
        b'"\xff"',
        b'"a\x01b"',
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b'{"x":{"a":1,"b":2,"a":3}}',
        b'{"":1,"":1}',
        b"9007199254740992",
        b"[-9007199254740992]",
        b'{"a":{"b":18446744073709551616}}',
        b"1" * 5000,
        b"[1,]",
        b"{'a':1}",
        b"01",
        b"+1",
        b".5",
        b"// x\n1",
        "{}".encode("utf-16"),
        "{}".encode("utf-32-le"),
    ],
)
def test_what_has_two_readings_or_none_is_refused(text):
    refused(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"9007199254740991", LARGEST),
        (b"[-9007199254740991]", [-LARGEST]),
        (b'"9007199254740992"', "9007199254740992"),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b' {"a" : [ 1 , 2.5e1 ] } ', {"a": [1, 25.0]}),
        (b'"\\u0000"', "\x00"),
        (b'{"a":{"a":{"a":1}}}', {"a": {"a": {"a": 1}}}),
    ],
)
def test_what_has_one_reading_is_read(text, value):
    assert strict_json.read(text) == value


def test_nesting_ends_at_the_stated_depth_for_arrays_and_objects():
    assert strict_json.read(b"[" * 32 + b"]" * 32) is not None
    refused(b"[" * 33 + b"]" * 33)
    refused(b'{"a":' * 33 + b"1" + b"}" * 33)
    refused(b"[" * 4 + b"]" * 4, max_depth=3)
    refused(b"[" * 1_000_000)


def test_brackets_in_texts_do_not_count_as_nesting():
    assert strict_json.read(json.dumps(["[" * 100]).encode()) == ["[" * 100]


def test_size_ends_at_the_stated_bytes():
    assert strict_json.read(b'"ab"', max_bytes=4) == "ab"
    refused(b'"abc"', max_bytes=4)


def test_an_object_is_asked_for_and_nothing_else_is_taken():
    assert strict_json.read_object(b'{"a":1}') == {"a": 1}
    for text in (b"[]", b"1", b"null", b'"x"'):
        with pytest.raises(errors.JsonInvalid):
            strict_json.read_object(text)


def test_what_json_cannot_say_is_not_written():
    for value in (object(), {"a": "\ud800"}, {1j: 2}):
        with pytest.raises(errors.JsonInvalid):
            strict_json.write(value)
