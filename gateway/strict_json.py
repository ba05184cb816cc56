"""JSON from outside, read so that every reader understands the same.

It carries RFC 8259 §4, §6 and §8 with the limits of RFC 7493 §2 (I-JSON).
The law here: a document with two readings is refused, never guessed at.
The verbs are ``read`` and ``write``; what ``write`` makes is the quickest to ``read``.
"""

import json
from typing import Any, NoReturn

import msgspec

from gateway import errors

MAX_DEPTH = 32
"""How deep arrays and objects may nest; the outermost one counts as 1."""
MAX_BYTES = 4_000_000
"""The largest document in bytes; a caller that knows better gives less."""
MAX_INTEGER = 2**53 - 1
"""The largest integer, either sign, that every JSON reader holds exactly (RFC 7493 §2.2)."""

_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_NESTING = frozenset({dict, list})
_SIXTEEN = b"0" * 16  # 2^53 has sixteen digits


def read(data: bytes, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_BYTES) -> object:
    """The value that ``data`` says, made of dict, list, str, int, float, bool and None.

    Args:
        data: the document in UTF-8, without byte order mark.
        max_depth: how deep it may nest.
        max_bytes: how long it may be, in bytes.

    Raises:
        errors.JsonInvalid: it is no JSON, is too long or too deep, says one member name twice
            (RFC 7493 §2.3), or holds NaN, an infinity, a lone surrogate, or an integer beyond
            2^53 - 1.
    """
    if len(data) > max_bytes:
        _refuse(f"longer than {max_bytes} bytes")
    try:
        value: object = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise errors.JsonInvalid(str(error)) from error
    _measure(value, max_depth)
    if has_large_numbers(data):
        _weigh(value)
    # A text that comes out again byte for byte cannot have lost a second member on its way in.
    # That is how our own gateways write, and it costs a tenth of reading it a second time.
    if msgspec.json.encode(value) != data:
        json.loads(data.decode(), object_pairs_hook=_once)
    return value


def read_object(
    data: bytes, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_BYTES
) -> dict[str, object]:
    """As ``read``, where the outermost value must be an object.

    Raises:
        errors.JsonInvalid: as for ``read``, or it is no object.
    """
    value = read(data, max_depth, max_bytes)
    if not isinstance(value, dict):
        _refuse("not an object")
    return value


def write(value: object) -> bytes:
    """``value`` as compact JSON in UTF-8, members in the order they have.

    Args:
        value: dict, list, str, int, float, bool, None, or a noun of ``model``.

    Raises:
        errors.JsonInvalid: the value holds something that JSON cannot say.
    """
    try:
        return msgspec.json.encode(value)
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError) as error:
        raise errors.JsonInvalid(str(error)) from error


def has_large_numbers(data: bytes) -> bool:
    """Whether ``data`` may hold an integer beyond 2^53 - 1; false is sure, true is not."""
    return _SIXTEEN in data.translate(_DIGITS)


def _measure(value: object, room: int) -> None:
    """Refuse what nests deeper than ``room``: one level after the other, without recursion."""
    level: list[Any] = [value] if type(value) in _NESTING else []
    while level:
        if room < 1:
            _refuse("nested too deeply")
        room -= 1
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _NESTING
        ]


def _weigh(value: object) -> None:
    """Refuse an integer that other readers would round; depth is already bounded."""
    if type(value) is dict:
        for inner in value.values():
            _weigh(inner)
    elif type(value) is list:
        for inner in value:
            _weigh(inner)
    elif type(value) is int and not -MAX_INTEGER <= value <= MAX_INTEGER:
        _refuse("an integer beyond 2^53 - 1")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The members of one object; refuses a name that stands there twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        _refuse("a member name stands twice in one object")
    return members


def _refuse(why: str) -> NoReturn:
    raise errors.JsonInvalid(why)
