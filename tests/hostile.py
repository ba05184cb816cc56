"""Hostile mails with a size knob, for the tests of every reader: each is a function of a length.

What they have in common: an honest reader's obvious loop takes quadratic time, recurses, or
raises something that nobody catches.
"""

from collections.abc import Callable

HEAD = b"From: a@example.org\r\nSubject: x\r\n"


def _header(name: bytes, value: bytes, times: int = 1) -> Callable[[int], bytes]:
    return lambda size: (
        HEAD + name + b": " + value * (size // len(value)) * times + b"\r\n\r\nbody\r\n"
    )


def _nested(kind: str) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        levels = size // 60
        return HEAD + b"".join(
            b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind.encode(), n, n)
            for n in range(levels)
        )

    return make


def _siblings(part: bytes) -> Callable[[int], bytes]:
    top = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    return lambda size: top + (b"--b\r\n" + part) * (size // (len(part) + 5))


def _chain(size: int) -> bytes:
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * (size // 32)


def _prefixes(size: int) -> bytes:
    top = HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
    inner = b"Content-Type: multipart/mixed; boundary=aa\r\n\r\n--aa\r\n\r\nx\r\n--aa--\r\n--a\r\n"
    return top + inner * (size // len(inner))


def _page(fragment: bytes) -> Callable[[int], bytes]:
    top = HEAD + b"Content-Type: text/html\r\n\r\n"
    return lambda size: top + fragment * (size // len(fragment))


MAILS: dict[str, Callable[[int], bytes]] = {
    "semicolons in a type": _header(b"Content-Type", b";"),
    "unended parameters": _header(b"Content-Type", b'text/plain; a="\\'),
    "numbered parameters": lambda size: (
        HEAD + b"Content-Type: text/plain"
        + b"".join(b"; name*%d*=x" % (n * 7919 % 100_000) for n in range(size // 14))
        + b"\r\n\r\nbody"
    ),
    "quotes in From": _header(b"From", b'"'),
    "escaped quotes in From": _header(b"From", b'"\\'),
    "brackets in From": _header(b"From", b"("),
    "angles in From": _header(b"From", b"<"),
    "commas in To": _header(b"To", b","),
    "at signs in To": _header(b"To", b"@"),
    "colons in To": _header(b"To", b"a:"),
    "recipients": _header(b"To", b"<a@example.org>, "),
    "one long word in To": _header(b"To", b"a"),
    "angles in Message-ID": _header(b"Message-ID", b"<"),
    "encoded words": _header(b"Subject", b"=?utf-8?q?=0D=0AX:?= "),
    "unended encoded words": _header(b"Subject", b"=?utf-8?q?a "),
    "encoded words of an unknown charset": _header(b"Subject", b"=?idna?b?eHh4?= "),
    "spaces in Received": _header(b"Received", b"for  "),
    "one header line": _header(b"X-Long", b"a"),
    "folded lines": _header(b"X-Folded", b"a\r\n "),
    "Received lines": lambda size: b"Received: from a by b\r\n" * (size // 23) + HEAD + b"\r\n",
    "empty names": lambda size: HEAD + b":\r\n" * (size // 3),
    "date of digits": _header(b"Date", b"1"),
    "nested parts": _nested("mixed"),
    "nested alternatives": _nested("alternative"),
    "attached mails in a chain": _chain,
    "sibling parts": _siblings(b"\r\nx\r\n"),
    "sibling parts without a header's end": _siblings(b"a: b\r\n"),
    "boundaries that begin alike": _prefixes,
    "hyphens": lambda size: (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\n--" * (size // 3)
    ),
    "bare carriage returns": lambda size: (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r--" * (size // 3)
    ),
    "base64 of junk": lambda size: (
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"=A\xff" * (size // 3)
    ),
    "quoted-printable of equals signs": lambda size: (
        HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * size
    ),
    "links without an end": lambda size: HEAD + b"\r\n" + b"http://" * (size // 7),
    "links of numbers": lambda size: HEAD + b"\r\n" + b"http://1.0x2.3/ " * (size // 16),
    "tags": _page(b"<a "),
    "unended attributes": _page(b'<a b="'),
    "comments": _page(b"<!--"),
    "sections": _page(b"<![CDATA["),
    "nested blocks": _page(b"<div>"),
    "nested tables": _page(b"<table><tr><td>"),
    "nested fonts": _page(b"<font>"),
    "links of a page": _page(b"<a href=http://a.example/x>x</a>"),
    "attributes of one element": lambda size: (
        HEAD + b"Content-Type: text/html\r\n\r\n<p "
        + b" ".join(b"a%d=1" % n for n in range(size // 8)) + b">end"
    ),
    "styles": _page(b'<p style="font-size:0;opacity:0000000000;font:font:font:">'),
    "data links": _page(b'<img src="data:image/png;base64,AAAA">'),
}  # fmt: skip
"""By a name in words: a function that makes a mail of about so many bytes."""
