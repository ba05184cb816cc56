"""Mailings with known answers: personalised copies, kits with several lures, and unrelated mail.

Everything is drawn from a seed. ``mailings`` makes campaigns of personalised copies, several of
each kit in one network; ``unrelated`` makes newsletters, private mails, notices, mails that are
one picture and forwarded mails, with the same greetings, feet and legal text. ``Sent`` names the
mailing and the kit that the truth is.
"""

import base64
import quopri
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.wordings import TONGUES, Tongue, invented, person, sentence

ALIKE = str.maketrans("aeopcxyi", "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456")
HEX = "0123456789abcdef"
KINDS = ("html", "html", "plain", "picture", "short")
LURES_OF_A_KIT = 4


@dataclass(frozen=True)
class Sent:
    """A mail as bytes; ``mailing`` is empty where it belongs to none."""

    source: bytes
    mailing: str = ""
    kit: str = ""


@dataclass(frozen=True)
class Kit:
    """What mails are made with: program, header, template, network, and text under every lure."""

    name: str
    tongue: Tongue
    network: str
    fields: tuple[str, ...]
    identifier: Callable[[random.Random], str]
    path: Callable[[random.Random], str]
    menu: str
    legal: str
    style: str
    boxes: int
    foot: tuple[str, ...]


@dataclass(frozen=True)
class Lure:
    """What is said: to whom it pretends, with which subjects, in which sentences, how varied."""

    name: str
    kit: Kit
    kind: str
    brand: str
    subjects: tuple[str, ...]
    body: tuple[str, ...]
    ways: frozenset[str] = field(default=frozenset())


def token(dice: random.Random, least: int = 12, most: int = 24) -> str:
    """What stands in a link to know who clicked."""
    return "".join(dice.choices(HEX, k=dice.randint(least, most)))


def kit(dice: random.Random, name: str) -> Kit:
    """A kit."""
    tongue = TONGUES[dice.choice(sorted(TONGUES))]
    extra = ["X-Mailer", "Reply-To", "List-Unsubscribe", "X-Priority"]
    dice.shuffle(extra)
    fields = ["From", "To", "Subject", "Date", "Message-ID", *extra[: dice.randint(0, 3)]]
    dice.shuffle(fields)
    identifiers: list[Callable[[random.Random], str]] = [
        lambda d: f"{token(d)}",
        lambda d: f"{d.randint(10**9, 10**10)}.{d.randint(1, 999)}.{token(d)}",
        lambda d: f"{token(d, 8, 8)}-{token(d, 4, 4)}-{token(d, 4, 4)}-{token(d, 12, 12)}",
        lambda d: f"{token(d)}.{d.randint(100, 999)}$mail",
    ]
    paths: list[Callable[[random.Random], str]] = [
        lambda d: f"/c/{token(d)}",
        lambda d: f"/track.php?u={token(d)}&m={d.randint(1, 999)}",
        lambda d: f"/{token(d)}/{token(d)}/index.html",
        lambda d: f"/go?id={token(d)}",
    ]
    return Kit(
        name=name,
        tongue=tongue,
        network=f"{dice.choice((45, 77, 91, 103, 185, 193))}.{dice.randint(1, 250)}"
        f".{dice.randint(1, 250)}",
        fields=tuple(fields),
        identifier=dice.choice(identifiers),
        path=dice.choice(paths),
        menu=" | ".join(dice.sample(tongue.nouns, 4)),
        legal=tongue.legal.format(number=dice.randint(10_000, 99_999)),
        style=dice.choice(("font-family:Arial", "color:#333", "width:600px", "margin:0 auto")),
        boxes=dice.randint(1, 4),
        foot=tuple(dice.sample(tongue.foot, min(2, len(tongue.foot)))),
    )


WAYS = ("padding", "filler", "homoglyphs", "cover", "subjects", "forwarded", "encodings", "named")


def lure(dice: random.Random, made_with: Kit, name: str, kind: str) -> Lure:
    """A lure with a topic of its own."""
    tongue = made_with.tongue
    nouns = tuple(dice.sample(tongue.nouns, 12))
    brand = invented(dice)
    length = {"html": (4, 14), "plain": (5, 18), "picture": (0, 0), "short": (1, 2)}[kind]
    body = [sentence(dice, tongue, nouns) for _ in range(dice.randint(*length))]
    if kind in {"html", "plain"}:
        body.insert(dice.randint(0, len(body)), dice.choice(tongue.phrases))
        body.insert(len(body) // 2, f"{brand}: {sentence(dice, tongue, nouns)}")
        body.append(f"{dice.choice(tongue.closings)} {brand}")
    subject = _subject(dice, tongue, nouns)
    ways = dice.sample(WAYS, dice.randint(1, 4))
    other = _subject(dice, tongue, nouns)
    # A picture says nothing but its subject; where that changes as well, nobody could know it.
    varied = "subjects" in ways and kind in {"html", "plain"}
    return Lure(
        name=name,
        kit=made_with,
        kind=kind,
        brand=brand,
        subjects=(subject, other) if varied else (subject,),
        body=tuple(body),
        ways=frozenset(ways),
    )


def _subject(dice: random.Random, tongue: Tongue, nouns: tuple[str, ...]) -> str:
    """A subject: a few words, or a sentence."""
    if dice.random() < 0.4:
        return sentence(dice, tongue, nouns).rstrip(".")
    words = [dice.choice(tongue.adjectives), *dice.sample(nouns, 2), dice.choice(tongue.verbs)]
    dice.shuffle(words)
    return " ".join(words).capitalize()


def rebranded(one: Lure, dice: random.Random, name: str) -> Lure:
    """The same wording for another brand, which is another lure."""
    brand = invented(dice, 2)
    body = tuple(line.replace(one.brand, brand) for line in one.body)
    return Lure(name, one.kit, one.kind, brand, one.subjects, body, one.ways)


def lures(seed: int, number: int) -> list[Lure]:
    """So many lures, several of each kit; of every kit one stands for two brands."""
    dice = random.Random(f"lures {seed}")
    found: list[Lure] = []
    while len(found) < number:
        made_with = kit(dice, f"kit-{len(found)}")
        kinds = dice.sample(KINDS, LURES_OF_A_KIT - 1)
        if not {"html", "plain"}.intersection(kinds):
            kinds[0] = "html"
        for kind in kinds:
            found.append(lure(dice, made_with, f"lure-{len(found)}", kind))
        long = next(one for one in found[::-1] if one.kind in {"html", "plain"})
        found.append(rebranded(long, dice, f"lure-{len(found)}"))
    return found[:number]


def copy(one: Lure, dice: random.Random) -> Sent:
    """One personalised copy."""
    first, last = person(dice)
    address = f"{first}.{last}{dice.randint(1, 99)}@example.net".lower()
    tongue = one.kit.tongue
    greeted = tongue
    if dice.random() < 0.2:
        greeted = TONGUES[dice.choice(sorted(TONGUES))]
    name = dice.choice((first, f"{first} {last}", address.partition("@")[0]))
    lines = [dice.choice(greeted.greetings).format(name=name)] if one.kind != "picture" else []
    lines += [line if dice.random() < 0.97 else f"{line} {first}!" for line in one.body]
    lines.append(f"{dice.choice(('Ref', 'No', 'ID'))} {dice.randint(1000, 999_999)}")
    link = f"https://{token(dice, 6, 9)}.example.com{one.kit.path(dice)}"
    if one.kind != "picture":
        lines.append(link if one.kind != "html" else tongue.phrases[-1])
    if "padding" in one.ways and len(" ".join(lines).split()) > 40:
        lines.append(" ".join(token(dice, 3, 7).translate(_LETTERS) for _ in range(8)))
    if "cover" in one.ways and one.kind in {"html", "plain"}:
        lines += [sentence(dice, tongue) for _ in range(3)]
    if "homoglyphs" in one.ways:
        lines = [line if "://" in line else _disguised(line, dice) for line in lines]
    subject = dice.choice(one.subjects)
    if "named" in one.ways:
        subject = f"{first}, {subject}"
    display = one.brand if dice.random() < 0.7 else f"{one.brand} {dice.choice(('Team', 'Info'))}"
    if "forwarded" in one.ways and dice.random() < 0.2 and one.kind == "plain":
        lines = _wrapped(lines, subject, display, address)
        subject = f"Fwd: {subject}"
    source = _mail(one, dice, lines, subject=subject, display=display, to=address, link=link)
    # What a kit writes as HTML and what it writes as plain text have no skeleton in common.
    rich = one.kind in {"html", "picture"}
    return Sent(source=source, mailing=one.name, kit=f"{one.kit.name} {rich}")


_LETTERS = str.maketrans(HEX, "abcdefghklmnoprs")


def _disguised(line: str, dice: random.Random) -> str:
    return " ".join(w.translate(ALIKE) if dice.random() < 0.2 else w for w in line.split(" "))


def _wrapped(lines: list[str], subject: str, display: str, to: str) -> list[str]:
    return [
        "What is this?",
        "",
        "---------- Forwarded message ---------",
        f"From: {display} <news@example.com>",
        "Date: Mon, 3 Mar 2025 at 08:00",
        f"Subject: {subject}",
        f"To: <{to}>",
        "",
        *lines,
    ]


def _page(one: Lure, dice: random.Random, lines: list[str], link: str) -> str:
    """The HTML that the kit makes of the lines."""
    made_with = one.kit
    boxes = f'<table width="600" cellpadding="{made_with.boxes}"><tr><td>' * made_with.boxes
    if one.kind == "picture":
        inner = f'<a href="{link}"><img src="cid:{token(dice)}" width="600"></a>'
    else:
        inner = "".join(f"<p>{line}</p>" for line in lines) + f'<a href="{link}">&gt;&gt;</a>'
    if "filler" in one.ways:
        words = " ".join(token(dice, 4, 9).translate(_LETTERS) for _ in range(40))
        inner += f'<div style="display:none">{words}</div>'
    menu = f"<div>{made_with.menu}</div>" if one.kind != "picture" else ""
    legal = f"<p>{made_with.legal}</p>" if one.kind != "picture" else ""
    return (
        f'<html><head><style>td{{{made_with.style}}}</style></head><body style="{made_with.style}">'
        f"{boxes}{menu}{inner}{legal}<p>{'<br>'.join(made_with.foot)}</p>"
        f"{'</td></tr></table>' * made_with.boxes}</body></html>"
    )


def _mail(
    one: Lure, dice: random.Random, lines: list[str], *, subject: str, display: str, to: str,
    link: str,
) -> bytes:  # fmt: skip
    rich = one.kind in {"html", "picture"}
    if rich:
        text = _page(one, dice, lines, link)
    elif one.kind == "plain":
        text = "\r\n".join([*lines, "", one.kit.legal, *one.kit.foot])
    else:
        text = "\r\n".join(lines)
    encoding = "8bit"
    if "encodings" in one.ways:
        encoding = dice.choice(("8bit", "base64", "quoted-printable"))
    values = {
        "From": f"{_word(display)} <{token(dice)}@{token(dice, 6, 9)}.example.com>",
        "To": to,
        "Subject": _word(subject),
        "Date": "Mon, 03 Mar 2025 08:00:00 +0000",
        "Message-ID": f"<{one.kit.identifier(dice)}@mail.example.com>",
        "X-Mailer": "Mass Sender 4.1",
        "Reply-To": "nobody@example.com",
        "List-Unsubscribe": f"<{link}>",
        "X-Priority": "3",
    }
    fields = [(name, values[name]) for name in one.kit.fields]
    origin = f"{one.kit.network}.{dice.randint(1, 254)}"
    return assembled(origin, fields, text, "html" if rich else "plain", encoding)


def _word(text: str) -> str:
    """A header's text, encoded where it is not ASCII (RFC 2047)."""
    if text.isascii():
        return text
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def assembled(
    origin: str, fields: list[tuple[str, str]], text: str, kind: str, encoding: str
) -> bytes:
    """A mail of one part as ``origin`` handed it over."""
    body = text.encode()
    if encoding == "base64":
        body = base64.encodebytes(body)
    elif encoding == "quoted-printable":
        body = quopri.encodestring(body)
    head = [
        f"Received: from relay.example.com (relay.example.com [{origin}])",
        "\tby mx.example.org (Postfix) with ESMTP id 0123456789AB",
        "\tfor <reader@example.org>; Mon, 03 Mar 2025 08:00:01 +0000",
        *(f"{name}: {value}" for name, value in fields),
        "MIME-Version: 1.0",
        f"Content-Type: text/{kind}; charset=utf-8",
        f"Content-Transfer-Encoding: {encoding}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body + b"\r\n"


def mailings(seed: int, number: int, copies: int) -> Iterator[Sent]:
    """So many mailings of so many copies each."""
    for one in lures(seed, number):
        dice = random.Random(f"copies {seed} {one.name}")
        for _ in range(copies):
            yield copy(one, dice)


def unrelated(seed: int, number: int) -> Iterator[Sent]:
    """Mails of which no two are one mailing, though they share feet, greetings and phrases."""
    dice = random.Random(f"unrelated {seed}")
    papers = [lure(dice, kit(dice, f"paper-{n}"), f"paper-{n}", "html") for n in range(20)]
    for count in range(number):
        yield Sent(source=_UNRELATED[count % len(_UNRELATED)](dice, papers))


def _newsletter(dice: random.Random, papers: list[Lure]) -> bytes:
    """An issue of a newsletter: menu, legal text and foot as always, everything else new."""
    paper = dice.choice(papers)
    new = lure(dice, paper.kit, "", "html")
    issue = Lure("", paper.kit, "html", paper.brand, new.subjects[:1], new.body)
    return copy(issue, dice).source


def _picture(dice: random.Random, papers: list[Lure]) -> bytes:
    """Another picture of the same sender, over the same foot."""
    paper = dice.choice(papers)
    new = lure(dice, paper.kit, "", "picture")
    return copy(Lure("", paper.kit, "picture", paper.brand, new.subjects[:1], ()), dice).source


def _private(dice: random.Random, papers: list[Lure]) -> bytes:
    """A few lines from one person to another, some with a firm's legal text below."""
    tongue = TONGUES[dice.choice(sorted(TONGUES))]
    (first, last), (to, other) = person(dice), person(dice)
    lines = [
        dice.choice(tongue.greetings).format(name=to),
        *(sentence(dice, tongue) for _ in range(dice.randint(1, 6))),
        dice.choice(tongue.closings),
        f"{first} {last}",
    ]
    subject = _subject(dice, tongue, tongue.nouns)
    if dice.random() < 0.3:
        lines.append(tongue.legal.format(number=12_345))
    if dice.random() < 0.2:
        lines = _wrapped(lines, subject, f"{first} {last}", f"{to}@example.net".lower())
        subject = f"Fwd: {subject}"
    fields = [
        ("Subject", _word(subject)),
        ("From", f"{first} {last} <{first}.{last}@example.com>"),
        ("To", f"{to} {other} <{to}.{other}@example.net>"),
        ("Message-ID", f"<{token(dice)}@example.com>"),
    ]
    return assembled("192.0.2.25", fields, "\r\n".join(lines), "plain", "8bit")


def _notice(dice: random.Random, papers: list[Lure]) -> bytes:
    """One or two sentences, as sent to a telephone."""
    tongue = TONGUES[dice.choice(sorted(TONGUES))]
    text = " ".join(sentence(dice, tongue) for _ in range(dice.randint(1, 2)))
    fields = [
        ("From", f"{invented(dice)} <sms@example.com>"),
        ("To", "reader@example.org"),
        ("Subject", ""),
        ("Message-ID", f"<{token(dice)}@example.com>"),
    ]
    return assembled(
        "192.0.2.26", fields, f"{text} https://example.com/{token(dice)}", "plain", "8bit"
    )


_UNRELATED = (_newsletter, _private, _picture, _private, _notice, _newsletter)
