"""What the generators of hostile mails are made with."""

import base64
from collections.abc import Callable

Maker = Callable[[int], bytes]
"""Makes a mail of about so many bytes."""
HEAD = b"From: a@example.org\r\nSubject: x\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def header(name: bytes, value: bytes) -> Maker:
    """One field whose value is ``value`` over and over."""
    return lambda size: HEAD + name + b": " + value * (size // len(value)) + b"\r\n\r\nbody\r\n"


def lines(line: bytes) -> Maker:
    """One header line over and over, then an ordinary mail."""
    return lambda size: line * (size // len(line)) + HEAD + b"\r\nbody\r\n"


def nested(start: bytes, end: bytes, name: bytes = b"From") -> Maker:
    """A field whose value opens ``start`` many times and closes each again."""
    return lambda size: (
        HEAD
        + name
        + b": "
        + start * (size // (len(start) + len(end)))
        + end * (size // (len(start) + len(end)))
        + b"\r\n\r\nbody\r\n"
    )


def body(fragment: bytes, fields: bytes = b"", before: bytes = b"") -> Maker:
    """A body of ``before`` and then ``fragment`` over and over, under further ``fields``."""
    return lambda size: HEAD + fields + b"\r\n" + before + fragment * (size // len(fragment))


def page(fragment: bytes, before: bytes = b"") -> Maker:
    """A page of ``before`` and then ``fragment`` over and over."""
    return body(fragment, b"Content-Type: text/html; charset=utf-8\r\n", before)


def siblings(part: bytes) -> Maker:
    """A multipart whose parts are all ``part``, with no last delimiter."""
    return lambda size: MIXED + (b"--b\r\n" + part) * (size // (len(part) + 5))


def attached(name: bytes, media_type: bytes, content: Maker) -> Maker:
    """A mail that carries one file in base64, of about ``size`` bytes when encoded."""

    def make(size: int) -> bytes:
        encoded = base64.encodebytes(content(size * 3 // 4)).replace(b"\n", b"\r\n")
        return (
            MIXED
            + b"--b\r\n\r\nsee the file\r\n--b\r\nContent-Type: %s; name=%s\r\n"
            % (media_type, name)
            + b"Content-Disposition: attachment; filename=%s\r\n" % name
            + b"Content-Transfer-Encoding: base64\r\n\r\n"
            + encoded
            + b"--b--\r\n"
        )

    return make
