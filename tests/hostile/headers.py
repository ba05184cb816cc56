"""Hostile headers: floods of the signs that parsers stumble over, and of fields."""

from tests.hostile.making import HEAD, Maker, header, lines, nested


def _numbered(step: int, span: int) -> Maker:
    return lambda size: (
        HEAD
        + b"Content-Type: text/plain"
        + b"".join(b"; name*%d*=x" % (n * step % span) for n in range(size // 14))
        + b"\r\n\r\nbody"
    )


_HOP = b"Received: from %s by mx.example.org; Thu, 3 Nov 2022 15:16:15 +0000\r\n"

HEADERS: dict[str, Maker] = {
    "semicolons in a type": header(b"Content-Type", b";"),
    "commas in a type": header(b"Content-Type", b","),
    "unended parameters": header(b"Content-Type", b'text/plain; a="\\'),
    "white space in parameters": header(b"Content-Type", b"; \t"),
    "numbered parameters": _numbered(7919, 100_000),
    "numbered parameters, each twice": _numbered(1, 500),
    "huge numbers of parameters": lambda size: (
        HEAD + b"Content-Type: a/b; x*" + b"9" * size + b"*=x; y*999=z\r\n\r\nbody"
    ),
    "percent signs in a file name": header(b"Content-Disposition", b"; filename*=utf-8''%"),
    "quotes in From": header(b"From", b'"'),
    "escaped quotes in From": header(b"From", b'"\\'),
    "brackets in From": header(b"From", b"("),
    "nested comments in From": nested(b"(", b")"),
    "nested comments in Received": nested(b"(a", b")", b"Received"),
    "nested angles in To": nested(b"<", b">", b"To"),
    "nested square brackets in Received": nested(b"[", b"]", b"Received"),
    "angles in From": header(b"From", b"<"),
    "groups in To": header(b"To", b"g:a@example.org;"),
    "routes in To": header(b"To", b"<@a,@b:c@example.org>"),
    "commas in To": header(b"To", b","),
    "semicolons in To": header(b"To", b";"),
    "at signs in To": header(b"To", b"@"),
    "colons in To": header(b"To", b"a:"),
    "recipients": header(b"To", b"<a@example.org>, "),
    "fields of recipients": lines(b"Cc: a@example.org, b@example.org\r\n"),
    "one long word in To": header(b"To", b"a"),
    "dots in To": header(b"To", b"a."),
    "angles in Message-ID": header(b"Message-ID", b"<"),
    "encoded words": header(b"Subject", b"=?utf-8?q?=0D=0AX:?= "),
    "encoded words of one sign": header(b"Subject", b"=?utf-8?b?YQ==?="),
    "encoded words in turns of charset": header(b"From", b"=?utf-8?q?a?= =?koi8-r?q?b?= "),
    "unended encoded words": header(b"Subject", b"=?utf-8?q?a "),
    "question marks in Subject": header(b"Subject", b"=?"),
    "encoded words of an unknown charset": header(b"Subject", b"=?idna?b?eHh4?= "),
    "encoded words in UTF-7": header(b"Subject", b"=?utf-7?q?+AGE-?= "),
    "encoded words with a charset of NUL": header(b"Subject", b"=?\0?q?a?= "),
    "a file name in encoded words": header(
        b"Content-Disposition", b'attachment; filename="=?utf-8?q?a=2Fb?= =?utf-8?q?=0D?='
    ),
    "spaces in Received": header(b"Received", b"for  "),
    "words of Received": header(b"Received", b"from by with id for via "),
    "names of Received": header(b"Received", b"from a.example (b.example [192.0.2.1]) by c "),
    "digits and dots in Received": header(b"Received", b"1.2.3."),
    "colons in Received": header(b"Received", b"from [IPv6:" + b"a:" * 20),
    "semicolons in Received": header(b"Received", b"; "),
    "results of authentication": header(
        b"Authentication-Results", b" spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a;"
    ),
    "fields of authentication": lines(
        b"Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a.example\r\n"
    ),
    "fields of SPF": lines(b"Received-SPF: pass client-ip=192.0.2.1; helo=a.example\r\n"),
    "one header line": header(b"X-Long", b"a"),
    "one header line of Received": header(b"Received", b"a"),
    "folded lines": header(b"X-Folded", b"a\r\n "),
    "folds of nothing": header(b"X-Folded", b"\r\n\t"),
    "Received lines": lines(_HOP % b"a.example ([192.0.2.1])"),
    "Received lines without an address": lines(_HOP % b"a"),
    "Received lines of one network": lines(_HOP % b"mx.example.org (mx.example.org [10.0.0.1])"),
    "From, Subject and type again": lines(
        b"From: b@example.org\r\nSubject: y\r\nContent-Type: text/html\r\n"
    ),
    "empty names": lambda size: HEAD + b":\r\n" * (size // 3),
    "names without a value": lambda size: HEAD + b"a:\r\n" * (size // 4),
    "long names": lambda size: HEAD + (b"a" * 990 + b": b\r\n") * (size // 995),
    "different names": lambda size: (
        HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(size // 10)) + b"\r\nbody"
    ),
    "postmarks in a header": lines(b"From a@example.org Thu Nov  3 15:16:15 2022\r\n"),
    "date of digits": header(b"Date", b"1"),
    "date of spaces": header(b"Date", b" 1"),
    "controls in a header": header(b"X-Control", b"\0\x1b\x7f"),
    "bytes beyond ASCII in a header": header(b"Subject", b"\xff\xfe"),
    "marks of direction in Subject": header(b"Subject", "\u202e\u200f".encode()),
    "signs that grow in Subject": header(b"Subject", "\ufdfa".encode()),
    "a header after the body": lambda size: (
        HEAD + b"\r\nbody\r\n\r\n" + b"From: b@example.org\r\n\r\n" * (size // 23)
    ),
    "a header of UTF-16": lambda size: HEAD + ("Subject: " + "a" * (size // 2)).encode("utf-16"),
}
"""By a name in words: a function that makes a mail of about so many bytes."""
