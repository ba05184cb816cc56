"""Recipient canaries in generated mails: none may be in any byte that goes abroad.

The search shares no code with ``redact``: it decodes the outgoing bytes in every way it knows, over
and over, and looks for the person in what comes out. ``--campaign`` takes 2,000 mails, not 500.
"""

import base64
import binascii
import codecs
import gzip
import hashlib
import html
import json
import quopri
import random
import re
import zlib
from email.header import Header
from urllib.parse import quote, unquote

import pytest

from gateway import incident, redact, report
from gateway.formats import iodef, iodef_json
from tests.chains import locate
from tests.documents import crossing_of
from tests.simulator import World, address

MAILS, CAMPAIGN = 500, 2_000
SYLLABLES = ("ba", "zu", "ki", "ro", "vex", "mul", "tan", "qui", "sor", "wyn", "jop", "fle")
DOMAINS = ("reader.example", "post.example.org", "familie.example.net")


class Person:
    """A recipient whose name and address occur nowhere else in the world."""

    def __init__(self, rng):
        self.first = "".join(rng.choices(SYLLABLES, k=3)).capitalize()
        self.last = "".join(rng.choices(SYLLABLES, k=4)).capitalize()
        self.number = str(rng.randrange(100, 999))
        self.customer = f"K-{rng.randrange(10**7, 10**8)}"
        self.telephone = str(rng.randrange(10**8, 10**9))
        self.queue_id = "".join(rng.choices("0123456789ABCDEF", k=11))
        separator = rng.choice((".", "_", "-", ""))
        self.local = f"{self.first}{separator}{self.last}{rng.choice(('', self.number))}".lower()
        self.domain = rng.choice(DOMAINS)
        self.name = f"{self.first} {self.last}"
        self.address = f"{self.local}@{self.domain}"
        if rng.random() < 0.3:
            self.address = f"{self.local.title()}@{self.domain}"

    @property
    def low(self):
        return self.address.lower()

    @property
    def digests(self):
        for spelling in {self.address, self.low, self.address.upper(), self.low + "\n"}:
            for name in ("md5", "sha1", "sha256", "sha512"):
                yield digest_of(name, spelling).digest()


def b64(text):
    return base64.b64encode(text.encode()).decode()


def url64(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def b32(text):
    return base64.b32encode(text.encode()).decode().rstrip("=")


def zipped(text):
    return base64.urlsafe_b64encode(gzip.compress(text.encode(), mtime=0)).decode().rstrip("=")


def digest_of(name, text):
    return hashlib.new(name, text.encode())


def mixed(text):
    return "".join(sign.upper() if at % 3 else sign for at, sign in enumerate(text))


def quoted(text):
    return "".join(f"={byte:02X}" for byte in text.encode())


def url64_of(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def link(value, name="e"):
    return f"<a href='http://click.bulk.example/r/17?c=4711&{name}={value}&z=1'>offer</a>"


def entities(text):
    return "".join(f"&#{ord(sign)};" for sign in text)


HEADERS = {
    "Cc": lambda p: f"Cc: {p.name} <{p.address}>",
    "Bcc": lambda p: f"Bcc: {p.address}",
    "Delivered-To": lambda p: f"Delivered-To: {p.address}",
    "X-Original-To": lambda p: f"X-Original-To: {p.address}",
    "VERP with equals sign": lambda p: f"Return-Path: <b-1-{p.local}={p.domain}@bulk.example>",
    "VERP with hash sign": lambda p: f"Return-Path: <b+{p.local}#{p.domain}@bulk.example>",
    "List-Unsubscribe": lambda p: f"List-Unsubscribe: <http://l.example/u?{quote(p.low)}>",
    "List-Unsubscribe mailto": lambda p: (
        f"List-Unsubscribe: <mailto:leave-{p.local}={p.domain}@bulk.example>"
    ),
    "List-Id": lambda p: f"List-Id: {p.name} <{b64(p.low).rstrip('=')}.bulk.example>",
    "Message-ID": lambda p: f"Message-ID: <77.{p.local}.at.{p.local}={p.domain}@bulk.example>",
    "Message-ID in base64": lambda p: f"Message-ID: <{url64('7|' + p.low)}@bulk.example>",
    "Feedback-ID": lambda p: f"Feedback-ID: 1:{p.low.encode().hex()}:bulk",
    "Reply-To": lambda p: f"Reply-To: {p.name} <r-{p.local}@bulk.example>",
    "Sender": lambda p: f"Sender: {p.address}",
    "X-Mailer": lambda p: f"X-Mailer: Bulk for {p.address}",
    "encoded word in base64": lambda p: (
        f"Reply-To: {Header('Für ' + p.address, 'utf-8').encode()} <a@bulk.example>"
    ),
    "encoded word in quoted-printable": lambda p: (
        f"Reply-To: =?utf-8?q?{p.local}=40{p.domain}_=C3=A9?= <a@bulk.example>"
    ),
    "Message-ID with the queue id": lambda p: f"Message-ID: <20260314.{p.queue_id}@mx.{p.domain}>",
    "ARC": lambda p: f"ARC-Authentication-Results: i=1; mx.{p.domain}; smtp.rcptto={p.address}",
    "List-Unsubscribe id": lambda p: (
        f"List-Unsubscribe: <https://l.example/u/{p.customer}>, <mailto:u-{b32(p.low)}@l.example>"
    ),
    "Feedback-ID with the customer": lambda p: f"Feedback-ID: 17:{p.customer}:bulk:l.example",
    "Message-ID in base32": lambda p: f"Message-ID: <{b32(p.low).lower()}@bulk.example>",
    "older Received line": lambda p: (
        f"Received: from pc ([198.19.9.9]) by mail.bulk.example for <{p.address}>; "
        "Sat, 14 Mar 2026 11:58:00 +0000"
    ),
}
SUBJECTS = {
    "subject": lambda p: f"{p.address}: last warning",
    "salutation": lambda p: f"Dear {p.first}, your parcel waits",
    "display name": lambda p: f"{p.name.upper()} has won",
    "local part": lambda p: f"Hello {p.local}!",
    "subject with the customer": lambda p: f"Contract {p.customer} ends today",
    "subject with the telephone": lambda p: f"Call for 0{p.telephone[:2]}-{p.telephone[2:]}",
    "local part backwards in base64": lambda p: f"Code {b64(p.low[::-1])}",
    "Monsieur": lambda p: f"Bonjour M. {p.last}, votre colis",
    "subject as encoded word": lambda p: Header(f"Für {p.name}", "utf-8").encode(),
}
LINKS = {
    "query clear": lambda p: link(p.address),
    "query percent-encoded": lambda p: link(quote(p.address, safe="")),
    "query percent-encoded twice": lambda p: link(quote(quote(p.address, safe=""), safe="")),
    "query percent-encoded wholly": lambda p: link("".join(f"%{b:02x}" for b in p.low.encode())),
    "query base64": lambda p: link(quote(b64(p.address))),
    "query base64url": lambda p: link(url64(p.low)),
    "query base64 in JSON": lambda p: link(url64('{"i":9,"to":"' + p.low + '"}')),
    "query hex": lambda p: link(p.low.encode().hex()),
    "query rot13": lambda p: link(codecs.encode(p.low, "rot13")),
    "query MD5": lambda p: link(hashlib.md5(p.low.encode()).hexdigest()),
    "query SHA-1": lambda p: link(hashlib.sha1(p.address.encode()).hexdigest()),
    "query SHA-256": lambda p: link(hashlib.sha256(p.low.encode()).hexdigest().upper()),
    "query plus-tag": lambda p: link(f"{p.local}%2Bshop%40{p.domain}"),
    "query local part": lambda p: link(p.local, "user"),
    "query entities": lambda p: link(entities(p.low)),
    "query base64 of base64": lambda p: link(url64(b64(p.low))),
    "query base64 of base64 of base64": lambda p: link(url64(b64(b64(p.low)))),
    "query base64 in quoted-printable": lambda p: link(quoted(b64(p.low))),
    "query base64url percent-encoded": lambda p: link(
        "".join(f"%{b:02x}" for b in url64("7:" + p.low).encode())
    ),
    "query hex of base64": lambda p: link(b64(p.low).encode().hex()),
    "query base64 of hex": lambda p: link(url64(p.low.encode().hex())),
    "query base64 of a link": lambda p: link(url64(f"http://x.example/?e={quote(p.low)}")),
    "query gzip": lambda p: link(zipped(f"to={p.low}")),
    "query zlib": lambda p: link(url64_of(zlib.compress(p.low.encode()))),
    "query base32": lambda p: link(b32(p.low)),
    "query base64 of mixed case": lambda p: link(url64(mixed(p.low))),
    "query upper case": lambda p: link(p.address.upper()),
    "query base64 of upper case": lambda p: link(url64(p.address.upper())),
    "query quoted-printable": lambda p: link(quoted(p.low)),
    "query MD5 of upper case": lambda p: link(digest_of("md5", p.address.upper()).hexdigest()),
    "query SHA-1 with line feed": lambda p: link(digest_of("sha1", p.low + "\n").hexdigest()),
    "query SHA-512": lambda p: link(digest_of("sha512", p.low).hexdigest()),
    "query MD5 in base64": lambda p: link(url64_of(digest_of("md5", p.low).digest())),
    "query SHA-256 in base64 in JSON": lambda p: link(
        url64('{"h":"' + digest_of("sha256", p.low).hexdigest() + '"}')
    ),
    "query customer": lambda p: link(p.customer, "c"),
    "query telephone": lambda p: link("%2B49" + p.telephone, "t"),
    "query local part in base64": lambda p: link(url64(p.local)),
    "query backwards": lambda p: link(p.low[::-1]),
    "path": lambda p: f"<a href='https://click.bulk.example/u/{b64(p.low)}/x'>x</a>",
    "fragment": lambda p: f"<a href='https://click.bulk.example/#{p.low}'>x</a>",
    "host": lambda p: f"<a href='http://{p.local.replace('_', '-')}.{p.domain}.b.example/'>x</a>",
    "mailto": lambda p: f"<a href='mailto:{p.address}'>x</a>",
}
BODIES = {
    "salutation in the text": lambda p: f"<p>Dear {p.name},</p>",
    "quoted earlier mail": lambda p: f"<pre>&gt; {p.name} &lt;{p.address}&gt; wrote:</pre>",
    "split over lines": lambda p: f"<p>{p.local[:4]}=\n{p.local[4:]}@{p.domain}</p>",
    "entities in the text": lambda p: f"<p>{entities(p.address)}</p>",
    "phone and address": lambda p: f"<p>{p.name}, 12 {p.last} Street, +44 20 7946 0{p.number}</p>",
}
FILES = {
    "attachment name": lambda p: (f"invoice_{p.local}.zip", "application/zip", b"PK"),
    "attachment named in full": lambda p: (f"{p.address}.zip", "application/zip", b"PK"),
    "attachment named by hand": lambda p: (f"{p.name}.doc", "application/msword", b"\xd0"),
    "attachment named in base64": lambda p: (f"{url64(p.low)}.zip", "application/zip", b"PK"),
    "text of an attachment": lambda p: ("a.txt", "text/plain", p.address.encode()),
    "PDF text": lambda p: ("a.pdf", "application/pdf", b"%PDF (" + p.address.encode() + b") Tj"),
    "media type": lambda p: ("a.bin", f"application/{p.local}", b"x"),
}
KINDS = [(family, kind) for family in (HEADERS, SUBJECTS, LINKS, BODIES, FILES) for kind in family]


def mail_with(person, rng, chosen, host="198.19.7.{}", when="Sat, 14 Mar 2026 11:59:00 +0000"):
    """A mail in which the recipient's provider shows the recipient, and the sender hid canaries."""
    by_family = {id(family): [] for family in (HEADERS, SUBJECTS, LINKS, BODIES, FILES)}
    for family, kind in chosen:
        by_family[id(family)].append(family[kind](person))
    host = host.format(rng.randrange(1, 250))
    subject = (by_family[id(SUBJECTS)] or ["Your parcel is waiting"])[0]
    boundary = f"b-{person.low.encode().hex()[:60]}"
    lines = [
        f"Received: from mail.bulk.example (mail.bulk.example [{host}])",
        f"\tby mx.{person.domain} (Postfix) with ESMTPS id {person.queue_id}",
        f"\tfor <{person.address}>; {when}",
        f"Date: {when}",
        "From: Parcel desk <desk@bulk.example>",
        f"To: {person.name} <{person.address}>",
        f"X-Customer-Number: {person.customer}",
        f"X-Phone: +49 {person.telephone[:2]} {person.telephone[2:5]} {person.telephone[5:]}",
        f"Subject: {subject}",
        *by_family[id(HEADERS)],
        "MIME-Version: 1.0",
        f"Content-Type: multipart/mixed; boundary={boundary}",
        "",
        f"--{boundary}",
        "Content-Type: text/html; charset=utf-8",
        "",
        "<html><body><p>Congratulations, your address was drawn in our great lottery and the first",
        "prize waits. To claim it send us your name and the number of your account.</p>",
        *by_family[id(LINKS)],
        *by_family[id(BODIES)],
        "</body></html>",
    ]
    for name, media_type, content in by_family[id(FILES)]:
        lines += [
            f"--{boundary}",
            f'Content-Type: {media_type}; name="{name}"',
            f'Content-Disposition: attachment; filename="{name}"',
            "Content-Transfer-Encoding: base64",
            "",
            base64.b64encode(content).decode(),
        ]
    return "\r\n".join([*lines, f"--{boundary}--", ""]).encode()


def outgoing(source):
    """The bytes that would go abroad of this mail, in both forms, and the report they are of."""
    normalised = report.normalise(source, locate)
    assert normalised.origin is not None, normalised.problems
    hider = incident.hider(normalised, b"k" * 32)
    crossing = crossing_of(
        normalised, hider=hider, source_digest=redact.salted(bytes(range(32)), source)
    )
    content = incident.outgoing(normalised, crossing)
    forms = [content, iodef.write(iodef_json.read(content))]
    for form in forms:
        incident.guard(form, hider)
    return forms, normalised


# Looking for the person, without any help of the code under test.


def decodings(text):
    """``text`` and whatever comes out when all or parts of it are decoded."""
    yield unquote(text)
    yield html.unescape(text)
    yield quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    yield codecs.encode(text, "rot13")
    yield text[::-1]
    for run in re.findall(r"[A-Za-z0-9+/_-]{6,}", text):
        standard = run.replace("-", "+").replace("_", "/")
        for shift in range(4):
            piece = standard[shift:]
            piece = piece[: len(piece) // 4 * 4]
            yield base64.b64decode(piece).decode("latin-1")
        if re.fullmatch(r"[A-Za-z2-7]{16,}", run):
            yield (
                base64.b32decode(run.upper() + "=" * (-len(run) % 8)).decode("latin-1")
                if (len(run) % 8 not in {1, 3, 6})
                else ""
            )
        for octets in inflated(standard):
            yield octets.decode("latin-1")
        if re.fullmatch(r"[0-9a-fA-F]+", run):
            for shift in range(2):
                piece = run[shift:]
                yield binascii.unhexlify(piece[: len(piece) // 2 * 2]).decode("latin-1")


def inflated(run):
    """What a run of base64 that starts like gzip or zlib holds."""
    if run.startswith(("H4sI", "eJ", "eN")):
        packed = base64.b64decode(run + "A" * (-len(run) % 4))
        try:
            yield zlib.decompressobj(47).decompress(packed)
        except zlib.error:
            return


def everything_in(content, depth=2):
    """All that decoding makes of ``content``, in lower case; longest runs three times."""
    seen = {content.decode()}
    fresh = set(seen)
    for _ in range(depth):
        fresh = {found for text in fresh for found in decodings(text)} - seen
        seen |= fresh
    return "\n".join(seen).lower()


def traces_of(person, content, depth=2):
    seen = everything_in(content, depth)
    bare = re.sub(r"[ ./()-]", "", seen)
    looked_for = {
        person.customer.lower(),
        person.low,
        person.local,
        f"{person.local}={person.domain}",
        person.first.lower() + " " + person.last.lower(),
        person.queue_id.lower(),
        *(digest.hex() for digest in person.digests),
    }
    if person.local != f"{person.first}{person.last}".lower():
        looked_for |= {person.last.lower()}
    found = {text for text in looked_for if text in seen}
    if person.telephone in bare:
        found.add("telephone")
    for digest in person.digests:
        coded = base64.b64encode(digest).decode()[:20].lower()
        if coded in seen or coded.replace("+", "-").replace("/", "_") in seen:
            found.add("digest in base64")
    return found


def test_there_are_enough_kinds():
    assert len(KINDS) >= 50


@pytest.mark.parametrize(("family", "kind"), KINDS, ids=[kind for _, kind in KINDS])
def test_the_search_would_find_each_kind(family, kind):
    rng = random.Random(kind)
    person = Person(rng)
    planted = family[kind](person)
    text = " ".join(str(part) for part in planted) if isinstance(planted, tuple) else planted
    if kind.startswith("salutation") and kind != "salutation in the text":
        assert person.first.lower() in everything_in(text.encode())
    elif "encoded word" in kind:
        decoded = base64.b64decode(text.split("?")[3] + "==") if "?b?" in text else text.encode()
        assert traces_of(person, decoded)
    else:
        assert traces_of(person, text.encode(), 3)


@pytest.mark.parametrize(("family", "kind"), KINDS, ids=[kind for _, kind in KINDS])
def test_no_canary_of_this_kind_crosses_the_border(family, kind):
    rng = random.Random(f"alone {kind}")
    for _ in range(3):
        person = Person(rng)
        source = mail_with(person, rng, [(family, kind)])
        for content in outgoing(source)[0]:
            assert not traces_of(person, content, 3), content
            if family is SUBJECTS:
                assert person.first.lower() not in everything_in(content)


@pytest.mark.parametrize("greeting", ["Dear {}", "Bonjour M. {},", "RE: Hallo {}!", "¡Hola {}!"])
def test_a_greeted_name_that_no_header_states_is_hidden_too(greeting):
    person = Person(random.Random(greeting))
    source = mail_with(person, random.Random(1), [])
    source = source.replace(b"Your parcel", greeting.format("Quillon").encode() + b" your parcel")
    for content in outgoing(source)[0]:
        assert b"parcel is waiting" in content
        assert b"quillon" not in content.lower()


def test_no_canary_crosses_the_border_in_many_mails(tmp_path, long_campaign):
    """The whole road: imported, referred, signed, pushed, receipted; every byte on the cable."""
    world = World(tmp_path, "FR", "US")
    world.befriend("FR", "US")
    there = address("US")
    today = world.clock().strftime("%a, %d %b %Y %H:%M:00 +0000")
    mails = CAMPAIGN if long_campaign else MAILS
    people, sources = [], []
    for seed in range(mails):
        rng = random.Random(seed)
        people.append(Person(rng))
        chosen = rng.sample(KINDS, rng.randrange(1, 9))
        sources.append(mail_with(people[-1], rng, chosen, host=there, when=today))
    world.take("FR", *sources)
    world.drain()
    world.close()
    documents = list(_documents(world))
    # Every mail crossed, so that nothing was found only because nothing was sent.
    assert len(documents) == mails
    everybody = {
        text.lower()
        for person in people
        for text in (person.local, person.customer, person.telephone, person.queue_id)
    }
    digests = {digest.hex() for person in people for digest in person.digests}
    page = b"".join(world.cable.apps[world.at[name].me].get("/").data for name in ("FR", "US"))
    whole = page + b"".join(body for _, _, body, _ in world.cable.calls)
    assert not _found(whole.decode(), everybody, digests)
    for content in documents:
        assert not _found(everything_in(content, 1), everybody, digests), content
        assert not _found(iodef.write(iodef_json.read(content)).decode(), everybody, digests)


def _found(text, everybody, digests):
    low = text.lower()
    return [one for one in everybody if one in low] + sorted(
        digests.intersection(re.findall(r"[0-9a-f]{32,}", low))
    )


def _documents(world):
    """The documents in every SET that was put on the cable by FR."""
    for peer, _, body, _ in world.cable.calls:
        if peer == world.at["US"].me:
            for token in json.loads(body)["sets"].values():
                payload = token.split(".")[1]
                claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
                event = next(iter(claims["events"].values()))
                if "iodef" in event:
                    yield json.dumps(event["iodef"], ensure_ascii=False).encode()


def test_what_accuses_the_sender_still_crosses():
    rng = random.Random("evidence")
    person = Person(rng)
    source = mail_with(person, rng, [(LINKS, "query clear"), (SUBJECTS, "salutation")])
    (content, _), normalised = outgoing(source)
    reported = incident.read(iodef_json.read(content))
    assert reported.address == normalised.origin.address
    assert reported.line.startswith("from mail.bulk.example (mail.bulk.example [198.19.7.")
    assert reported.links[0].startswith("http://click.bulk.example/r/17?c=4711&e=")
    assert reported.links[0].endswith("&z=1")
    assert reported.subject.endswith("your parcel waits")
    token = redact.token(person.address, b"k" * 32)
    assert redact.recognise(token, [person.address], b"k" * 32) == person.address
    assert token in reported.line
