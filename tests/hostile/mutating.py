"""Mutated mails: real and generated ones, damaged in the ways that parsers fear."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from gateway.edges.demo import mails as demo
from gateway.edges.registry import Registry
from gateway.model import Country
from tests.hostile import MAILS
from tests.shared import ROOT

FRAGMENTS = (
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b"\0", b"\t", b" ", b"\r\n ", b'"', b"\\", b"'",
    b"(", b")", b"<", b">", b"<>", b"[", b"]", b"@", b",", b";", b":", b"=", b"--", b"?=", b"=?",
    b"=?utf-8?q?=0D=0A?=", b"=?utf-8?b?/////w==?=", b"=?idna?q?x?=", b"=ED=A0=80", b"\xed\xa0\x80",
    b"\xff\xfe", b"\xf4\x90\x80\x80", b"\xc2\xad", b"\xe2\x80\xae", b"\xef\xb7\xba", b"\x1b[31m",
    b"Received: from a.example (a.example [192.0.2.1]) by b.example; Thu, 3 Nov 2022 1:2:3 +0000\n",
    b"Received: ", b"From: ", b"To: b@example.org\n", b"Subject: y\n",
    b"\nFrom x Thu Nov 3 1:2:3\n",
    b"Content-Type: text/html\n", b"Content-Type: message/rfc822\n\n", b"Content-Type: ",
    b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"--b--\n", b"boundary=", b"charset=",
    b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n",
    b"Content-Disposition: attachment; filename*0*=utf-8''%00; filename*1=.exe\n", b"name*9999=x;",
    b"charset=utf-7", b"charset=utf-16", b"charset=hz", b"charset=iso-2022-jp", b"charset=x-none",
    b"<a href='http://", b"</a>", b"<!--", b"-->", b"<![CDATA[", b"<p style='font-size:0'>",
    b"<td>",
    b"<div style='display:none'>", b"</div>", b"<base href='//", b"<script>", b"<textarea>",
    b"&#0;",
    b"&#xd800;", b"&amp", b"%00", b"%", b"http://", b"http://[::1]/", b"http://0x7f.1/", b"www.",
    b"http://\xd0\xb0.example/", b"[192.0.2.1]", b"[IPv6:::1]", b"[IPv6:64:ff9b::7f00:1]",
    b"1.2.3.",
    b"Feedback-Type: abuse\n", b"Version: 1\n", b"Source-IP: 300.1.1.1\n", b"+9999",
    b"99999999999",
)  # fmt: skip
LONGEST = 40_000
"""Bytes of a seed that are used; so that the mutations fall where something is read."""


def seeds(registry: Registry) -> list[bytes]:
    """Mails to mutate: generated ones, hostile ones, and real ones where there are any."""
    chance = random.Random(1)
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)
    partners = (Country("DE"), Country("NL"))
    written = demo.write(registry, chance, own=Country("FR"), partners=partners, count=480, now=now)
    found = [mail.content for mail in written]
    found += [make(2_000) for make in MAILS.values()]
    found += [path.read_bytes()[:LONGEST] for path in sorted(ROOT.glob("mail/*/*"))]
    return found


def mutants(found: Sequence[bytes], number: int, seed: int) -> Iterator[bytes]:
    """``number`` mails, each one of ``found`` with one to twelve changes; the same for a seed."""
    chance = random.Random(seed)
    for _ in range(number):
        source = bytearray(chance.choice(found))
        # Most of what decides anything stands in the header.
        reach = len(source) if chance.random() < 0.6 else min(len(source), 4_000)
        for _ in range(chance.randrange(1, 13)):
            _change(source, chance, chance.randrange(reach + 1))
        yield bytes(source)


def _change(source: bytearray, chance: random.Random, at: int) -> None:
    at = min(at, len(source))
    length = chance.choice((1, 1, 2, 8, 40, 300))
    match chance.randrange(7):
        case 0 | 1:
            source[at:at] = chance.choice(FRAGMENTS)
        case 2:
            source[at:at] = chance.choice(FRAGMENTS) * 20
        case 3:
            del source[at : at + length]
        case 4:
            source[at : at + length] = source[at : at + length] * 20
        case 5:
            other = min(chance.randrange(len(source) + 1), len(source))
            source[at:at] = source[other : other + length]
        case _:
            source[at : at + 1] = bytes((chance.randrange(256),))
