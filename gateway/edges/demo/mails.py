"""Mails for the demo, written by chance: who sent them is drawn from the address tables.

The law: no name, address or company of anyone real; hosts and mailboxes lie in the domains of
RFC 2606 §2, and only the senders' addresses are public ones, drawn at random by their country.
What a sender can forge is forged: older Received lines and the name it greets with.
Verbs: ``write``, ``lay``.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final, NamedTuple

from gateway.edges.files import ours
from gateway.edges.registry import Registry
from gateway.model import Category, Country

READERS: Final = 12
"""How many citizens complain to each association."""
NAMES: Final = ("alex", "kim", "robin", "sascha", "noa", "maxime", "jo", "charlie", "lou", "sam")
ELSEWHERE: Final = tuple(map(Country, ("BR", "JP", "PL", "US", "ZA")))
"""Countries without an association in the demo."""
PRIVATE: Final = "a private address"
NOTHING: Final = "no Received line"


class Text(NamedTuple):
    """One mailing: braces name what differs from mail to mail, ``meant`` what it is."""

    meant: Category
    sender: str
    subject: str
    body: str
    file: str = ""


TEXTS: Final = (
    Text(
        Category.PHISHING,
        "Account Desk <desk@account-check.example>",
        "Your account will be suspended, case {number}",
        "Dear customer,\n\nwe noticed unusual activity. Your account will be blocked within 24"
        " hours\nunless you verify your details here:\n\n"
        "https://login.secure-page.example/confirm?u={recipient}&n={number}\n\n"
        "You have to confirm your account today. The Account Desk\n",
    ),
    Text(
        Category.PHISHING,
        "Parcel Service <notice@parcel-desk.example>",
        "Votre colis {number} est en attente",
        "Bonjour,\n\nvotre colis est en attente. Les frais de livraison de 1,99 EUR n'ont pas"
        " été payés.\nConfirmez votre adresse et payez ici, sinon votre compte sera fermé :\n\n"
        "https://frais.secure-page.example/suivi/{number}?a={recipient}\n\nLe service des colis\n",
    ),
    Text(
        Category.PHISHING,
        "Postfach <hinweis@mail-quota.example>",
        "Ihr Postfach ist voll ({number} MB)",
        "Guten Tag,\n\nIhr Postfach ist voll. Bestätigen Sie Ihr Konto, sonst wird es gesperrt.\n"
        "Hier geht es zur Anmeldung:\n\nhttps://postfach.secure-page.example/login?id={recipient}"
        "\n\nIhr Team\n",
    ),
    Text(
        Category.ADVANCE_FEE,
        "Barrister Q <chambers@estate-office.example>",
        "Inheritance of a deceased client",
        "Dear friend,\n\nI am the barrister of a deceased client who left the sum of 9.5 million"
        " dollars\nwithout next of kin. You can be the beneficiary. Contact me in confidential"
        " with\nyour full name and your telephone number, file {number}.\n",
    ),
    Text(
        Category.MALWARE,
        "Accounts <billing@orders.example>",
        "Overdue invoice {number}",
        "Good day,\n\nthe invoice {number} is overdue. Please open the attached file and pay at"
        " once.\n\nAccounts department\n",
        "invoice-{number}.pdf.exe",
    ),
    Text(
        Category.SPAM,
        "Lucky Wheel <play@lucky-wheel.example>",
        "{number} free spins wait for you",
        "Play now at our casino: {number} free spins and a bonus of 500 percent on your first"
        " stake.\nBest betting odds, no limit, instant payout. Click here and play:\n\n"
        "https://lucky-wheel.example/go?c={number}&m={recipient}\n\nUnsubscribe:"
        " https://lucky-wheel.example/out?m={recipient}\n",
    ),
    Text(
        Category.SPAM,
        "Slim Shop <offer@slim-shop.example>",
        "Lose weight in {number} days",
        "The keto supplement that everybody speaks about: lose weight without effort. Buy now,"
        " 70 percent off\nonly today, free shipping.\n\nhttps://slim-shop.example/buy/{number}\n",
    ),
    Text(
        Category.OTHER,
        "Garden club <news@garden-club.example>",
        "Minutes of our meeting no. {number}",
        "Hello all,\n\nthe minutes of the meeting are on our page. Next time we look at the"
        " apple trees,\nbring gloves and good mood. See you on Thursday.\n\nThe garden club\n",
    ),
)


class Wave(NamedTuple):
    """One sender at work: its address, what it sends, and two addresses that it pretends."""

    address: str
    text: Text
    claimed: tuple[str, str]


class Mail(NamedTuple):
    """A written mail, and which reader received it."""

    reader: str
    content: bytes


def write(
    registry: Registry,
    chance: random.Random,
    *,
    own: Country,
    partners: Sequence[Country],
    count: int,
    now: datetime,
) -> Iterator[Mail]:
    """``count`` mails that readers in ``own`` complain about.

    Args:
        registry: where the senders' addresses are drawn from.
        chance: the source of randomness.
        own: the country of the readers.
        partners: the countries that other associations of the demo serve.
        count: how many.
        now: the present moment; the mails came in the two days before it.

    Raises:
        AddressInvalid: the address table has no address in one of the countries.
    """
    written = 0
    places: list[str] = []
    texts: list[Text] = []
    while written < count:
        places = places or _dealt(chance, own, partners)
        texts = texts or chance.sample(TEXTS, len(TEXTS))
        wave = _wave(registry, chance, places.pop(), texts.pop())
        for _ in range(min(chance.randrange(2, 7), count - written)):
            reader = chance.randrange(READERS)
            at = now - timedelta(seconds=chance.randrange(60, 172_800))
            yield _mail(chance, own, wave, reader, at)
            written += 1


def _dealt(chance: random.Random, own: Country, partners: Sequence[Country]) -> list[str]:
    """Where twenty senders are, in no order; dealt like cards, so that no kind is ever missing."""
    dealt: list[str] = [own, own, PRIVATE, NOTHING]
    dealt += [partners[number % len(partners)] for number in range(12)]
    dealt += chance.sample(ELSEWHERE, 4)
    chance.shuffle(dealt)
    return dealt


def _wave(registry: Registry, chance: random.Random, place: str, text: Text) -> Wave:
    claimed = [registry.draw(chance.choice(ELSEWHERE), chance) for _ in range(2)]
    address = ""
    if place == PRIVATE:
        address = f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
    elif place != NOTHING:
        address = registry.draw(Country(place), chance)
    return Wave(address, text, (claimed[0], claimed[1]))


def _mail(chance: random.Random, own: Country, wave: Wave, reader: int, at: datetime) -> Mail:
    provider = f"{own.lower()}-provider.example"
    name = f"{NAMES[reader % len(NAMES)]}.{reader}"
    recipient = f"{name}@{provider}"
    number = str(chance.randrange(10_000, 100_000))
    text, sent = wave.text, at - timedelta(seconds=chance.randrange(3, 40))
    lines = []
    if wave.address:
        lines = _received(chance, provider, recipient, wave, at)
    sender = text.sender.rpartition("<")[2].strip(">")
    lines += [
        f"Return-Path: <bounce-{recipient.replace('@', '=')}@{sender.rpartition('@')[2]}>",
        f"Delivered-To: {recipient}",
        f"From: {text.sender}",
        f"To: {name.title()} <{recipient}>",
        f"Subject: {text.subject.format(number=number)}",
        f"Date: {format_datetime(sent)}",
        f"Message-ID: <{chance.getrandbits(80):020x}@{sender.rpartition('@')[2]}>",
        "MIME-Version: 1.0",
    ]
    body = text.body.format(number=number, recipient=recipient)
    if not text.file:
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
        return Mail(name, "\r\n".join([*lines, "", *body.split("\n")]).encode())
    parting = f"part-{chance.getrandbits(64):016x}"
    lines += [
        f'Content-Type: multipart/mixed; boundary="{parting}"',
        "",
        f"--{parting}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        *body.split("\n"),
        f"--{parting}",
        f'Content-Type: application/octet-stream; name="{text.file.format(number=number)}"',
        f'Content-Disposition: attachment; filename="{text.file.format(number=number)}"',
        "",
        f"Harmless bytes of the demo, number {number}.",
        f"--{parting}--",
        "",
    ]
    return Mail(name, "\r\n".join(lines).encode())


def _received(
    chance: random.Random, provider: str, recipient: str, wave: Wave, at: datetime
) -> list[str]:
    """The trace: two lines of the reader's provider, and two that the sender made up."""

    def stamp(seconds: int) -> str:
        return format_datetime(at - timedelta(seconds=seconds))

    border, greeting = f"mx{chance.randrange(1, 4)}.{provider}", "mail.sender.example"
    one, two = wave.claimed
    identity = f"{chance.getrandbits(40):010X}"
    inside = f"10.20.0.{chance.randrange(1, 255)}"
    steps = (
        (
            f"from {border} ({inside}) by store.{provider} (10.20.1.7)",
            f"with LMTP id {identity}",
            0,
        ),
        (
            f"from {greeting} (unknown [{wave.address}])",
            f"by {border} (Postfix) with ESMTPS id {identity}\r\n for <{recipient}>",
            2,
        ),
        (
            f"from smtp.bank.example (smtp.bank.example [{one}])",
            f"by {greeting} (Postfix) with ESMTPSA id {identity[::-1]}",
            9,
        ),
        (f"from [{two}]", "by smtp.bank.example with HTTP", 15),
    )
    return [f"Received: {said}\r\n {rest}; {stamp(age)}" for said, rest, age in steps]


def lay(place: Path, mails: Iterable[Mail]) -> None:
    """Lay mails out as files, in one folder for each reader.

    Raises:
        StorageFull, HomeUnusable: the system refuses.
    """
    for number, mail in enumerate(mails):
        path = place / mail.reader / f"{number:04}.eml"
        with ours(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(mail.content)
