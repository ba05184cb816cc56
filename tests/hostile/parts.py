"""Hostile structure and encoding: parts in parts, delimiters, carriers, charsets."""

import binascii

from tests.hostile.making import HEAD, MIXED, Maker, body, siblings


def _nested(kind: bytes) -> Maker:
    return lambda size: (
        HEAD
        + b"".join(
            b"Content-Type: multipart/%s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind, n, n)
            for n in range(size // 60)
        )
    )


def _kept_below(levels: int, leaf: bytes) -> Maker:
    """Parts nested as deep as is read, with all the size in the innermost one."""
    top = HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(levels)
    )
    return lambda size: top + b"\r\n" + leaf * (size // len(leaf))


def _chain(size: int) -> bytes:
    return HEAD + b"Content-Type: message/rfc822\r\n\r\n" * (size // 32)


def _prefixes(size: int) -> bytes:
    top = HEAD + b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n"
    inner = b"Content-Type: multipart/mixed; boundary=aa\r\n\r\n--aa\r\n\r\nx\r\n--aa--\r\n--a\r\n"
    return top + inner * (size // len(inner))


def _long_boundary(size: int) -> bytes:
    name = b"b" * 900
    top = HEAD + b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n" % name
    return top + (b"--%s\r\n\r\nx\r\n" % name) * (size // 910)


def _many_boundaries(size: int) -> bytes:
    """Parts that each name a boundary of their own and never use it."""
    part = b"--b\r\nContent-Type: multipart/mixed; boundary=c%06d\r\n\r\n"
    return MIXED + b"".join(part % n for n in range(size // len(part)))


def _feedback(inner: bytes, boundary: bytes) -> bytes:
    line = b"--" + boundary + b"\r\n"
    return (
        b"From: desk@example.org\r\nSubject: complaint\r\nContent-Type: multipart/report;"
        b" report-type=feedback-report; boundary=" + boundary + b"\r\n\r\n"
        + line + b"\r\nsee below\r\n"
        + line + b"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
        b"User-Agent: a/1\r\nVersion: 1\r\n\r\n"
        + line + b"Content-Type: message/rfc822\r\n\r\n" + inner
        + b"\r\n--" + boundary + b"--\r\n"
    )  # fmt: skip


def _feedback_in_feedback(levels: int) -> Maker:
    def make(size: int) -> bytes:
        inner = HEAD + b"\r\n" + b"word " * (size // 5)
        for n in range(levels):
            inner = _feedback(inner, b"f%d" % n)
        return inner

    return make


def _feedback_fields(size: int) -> bytes:
    whole = _feedback(HEAD + b"\r\nbody\r\n", b"f")
    field = b"Reported-Domain: a.example\r\nSource-IP: ((192.0.2.1\r\n"
    return whole.replace(b"Version: 1\r\n", b"Version: 1\r\n" + field * (size // len(field)))


def _feedback_about_itself(size: int) -> bytes:
    """A feedback report whose third part is no mail."""
    return _feedback(b"\0" * size, b"f")


def _wrapped(outer: bytes, inner: bytes) -> Maker:
    """A mail with one attached whole, which is all the size."""
    return lambda size: (
        b"From: jo@example.org\r\nSubject: Fwd: x\r\n" + outer
        + b"Content-Type: multipart/mixed; boundary=w\r\n\r\n--w\r\n\r\nsee\r\n"
        b"--w\r\nContent-Type: message/rfc822\r\n\r\nReceived: from a by b; x\r\n" + HEAD + b"\r\n"
        + inner * (size // len(inner)) + b"\r\n--w--\r\n"
    )  # fmt: skip


def _uuencoded(size: int) -> bytes:
    line = binascii.b2a_uu(bytes(45))
    return HEAD + b"\r\nbegin 644 a.exe\r\n" + line * (size // len(line)) + b"`\r\nend\r\n"


def _in_charset(charset: bytes, content: bytes) -> Maker:
    return body(content, b"Content-Type: text/plain; charset=" + charset + b"\r\n")


_BASE64 = b"Content-Transfer-Encoding: base64\r\n"
_QUOTED = b"Content-Transfer-Encoding: quoted-printable\r\n"
_XARF = b'{"reported":1,"category":["' + b"[" * 64

PARTS: dict[str, Maker] = {
    "nothing but a header": lambda size: HEAD,
    "nested parts": _nested(b"mixed"),
    "nested alternatives": _nested(b"alternative"),
    "nested digests": _nested(b"digest"),
    "text below as many parts as are read": _kept_below(49, b"word http://a.example/x "),
    "attached mails in a chain": _chain,
    "sibling parts": siblings(b"\r\nx\r\n"),
    "sibling parts with a link": siblings(b"\r\nhttp://a.example/x\r\n"),
    "sibling pages": siblings(b"Content-Type: text/html\r\n\r\n<a href=http://a.example/>x\r\n"),
    "sibling attached mails": siblings(b"Content-Type: message/rfc822\r\n\r\nFrom: a\r\n\r\nx\r\n"),
    "sibling files": siblings(
        b"Content-Disposition: attachment; filename*0=a; filename*1=.exe\r\n\r\nx\r\n"
    ),
    "sibling parts without a header's end": siblings(b"a: b\r\n"),
    "sibling parts of one folded line": siblings(b" a\r\n"),
    "boundaries that begin alike": _prefixes,
    "a long boundary": _long_boundary,
    "boundaries never used": _many_boundaries,
    "delimiters without parts": lambda size: MIXED + b"--b\r\n" * (size // 5),
    "last delimiters": lambda size: MIXED + b"--b--\r\n" * (size // 7),
    "almost delimiters": lambda size: MIXED + b"--bb\r\n--b-\r\n-b\r\n" * (size // 16),
    "a delimiter in white space": lambda size: MIXED + b"--b" + b" " * size + b"\r\n\r\nx",
    "hyphens": lambda size: MIXED + b"\n--" * (size // 3),
    "hyphens in one line": lambda size: MIXED + b"-" * size,
    "bare carriage returns": lambda size: MIXED + b"\r--" * (size // 3),
    "carriage returns and line feeds in turns": body(b"\r\n\n\r", b"X: a\rb\r\n"),
    "NULs": body(b"\0"),
    "line feeds": body(b"\n"),
    "one line": body(b"word "),
    "one word": body(b"a"),
    "base64 of junk": body(b"=A\xff", _BASE64),
    "base64 of NULs between letters": body(b"Y\0", _BASE64),
    "base64 of padding": body(b"=", _BASE64),
    "base64 of pages": body(b"PGEgaHJlZj1o", b"Content-Type: text/html\r\n" + _BASE64),
    "quoted-printable of equals signs": body(b"=", _QUOTED),
    "quoted-printable of soft ends": body(b"=\r\n", _QUOTED),
    "quoted-printable of spaces": body(b" \t", _QUOTED),
    "a file in uuencode": _uuencoded,
    "a file in yEnc": body(
        bytes(range(42, 170)) + b"\r\n", before=b"=ybegin line=128 size=9 name=a.exe\r\n"
    ),
    "a file in TNEF": body(
        b"\x01\x90\x00\x06\0\xff\xff\xff\x7f", b"Content-Type: application/ms-tnef\r\n",
        b"\x78\x9f\x3e\x22\0\0",
    ),
    "UTF-16": _in_charset(b"utf-16", b"\xd8\x00a"),
    "UTF-7": _in_charset(b"utf-7", b"+2AD-"),
    "UTF-7 without an end": _in_charset(b"utf-7", b"+AGE"),
    "UTF-32": _in_charset(b"utf-32", b"\xff\xff\xff\xff"),
    "HZ": _in_charset(b"hz", b"~{VPND"),
    "ISO-2022": _in_charset(b"iso-2022-jp", b"\x1b$B\x1b(B"),
    "a charset unknown": _in_charset(b"x-unknown", b"\xe9 "),
    "a charset of NUL": _in_charset(b'"\0"', b"\xe9 "),
    "a charset of a codec": _in_charset(b"punycode", b"a-"),
    "a charset of a page": body(
        b"\xe9<p>", b"Content-Type: text/html\r\n", b"<meta charset=" + b"x" * 500 + b">"
    ),
    "bytes of half a sign": _in_charset(b"utf-8", b"\xf0\x9f "),
    "signs without width": body("a\u200b\u00ad".encode()),
    "signs that grow": body("\ufdfa ".encode()),
    "marks upon marks": body("\u0301".encode()),
    "signs for words": body("\u4e2d\u6587".encode()),
    "numbers and signs": body(b"1a2b3c4d 55 "),
    "addresses in text": body(b"a@example.org "),
    "mbox lines": body(b"\r\nFrom a@example.org Thu Nov  3 15:16:15 2022\r\n\r\n>From b"),
    "lines beyond 998": body(b"a" * 1_500 + b"\r\n"),
    "S/MIME": body(
        b"MIAGCSqGSIb3DQEHA6CAMIACAQAxgg==\r\n",
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n" + _BASE64,
    ),
    "PGP": body(b"hQEMA1+AAAAAAAAA\r\n", before=b"-----BEGIN PGP MESSAGE-----\r\n\r\n"),
    "feedback in feedback": _feedback_in_feedback(20),
    "feedback too deep in feedback": _feedback_in_feedback(50),
    "fields of feedback": _feedback_fields,
    "feedback about no mail": _feedback_about_itself,
    "X-ARF of a wrong schema": body(
        _XARF, b"X-XARF: PLAIN\r\nContent-Type: application/json\r\n"
    ),
    "a forward": _wrapped(b"", b"word "),
    "a forward that travelled": _wrapped(b"Received: from c by d; x\r\n", b"<p>word "),
    "a forward of links": _wrapped(b"", b"http://a.example/x\r\n"),
}  # fmt: skip
"""By a name in words: a function that makes a mail of about so many bytes."""
