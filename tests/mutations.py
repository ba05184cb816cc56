"""Changes that a copy of a mailing bears, made to any mail: ``MUTATIONS`` by name.

Each takes a mail and dice, and gives the mail changed. What cannot be changed so (a mail without
a text part, for one) comes back as None.
"""

import base64
import email
import email.message
import quopri
import random
import re
from collections.abc import Callable

Change = Callable[[bytes, random.Random], bytes | None]
_LINK = re.compile(r"https?://[^\s\"'<>]+")
_WORD = re.compile(r"(?<![\w&#=/.:;@%-])[^\W\d_]{3,}(?![\w=/:;@%-])")
_NUMBER = re.compile(r"(?<![&#\w])[0-9]+(?![;\w])")
_MARKUP = re.compile(r"(<(?:style|script|head|title)\b.*?</(?:style|script|head|title)>|<[^>]*>)",
                     re.DOTALL | re.IGNORECASE)  # fmt: skip
_LETTERS = "abcdefghijklmnoprstuvwz"


def letters(dice: random.Random, least: int, most: int) -> str:
    """A word of no language."""
    return "".join(dice.choices(_LETTERS, k=dice.randint(least, most)))


def _texts(source: bytes) -> tuple[email.message.Message, list[email.message.Message]]:
    mail = email.message_from_bytes(source)
    parts = [
        part
        for part in mail.walk()
        if part.get_content_type() in {"text/plain", "text/html"} and not part.get_filename()
    ]
    return mail, parts


def _decoded(part: email.message.Message) -> str | None:
    content = part.get_payload(decode=True)
    try:
        return bytes(content).decode(part.get_content_charset() or "latin-1")  # type: ignore[arg-type]
    except (LookupError, UnicodeDecodeError, TypeError):
        return None


def _seen(
    pattern: re.Pattern[str], other: Callable[[re.Match[str]], str], text: str, *, rich: bool
) -> str:
    """The text with each match changed that a reader sees; markup stays as it is."""
    if not rich:
        return pattern.sub(other, text)
    pieces = _MARKUP.split(text)
    return "".join(p if at % 2 else pattern.sub(other, p) for at, p in enumerate(pieces))


def _with(
    source: bytes, change: Callable[[str, bool], str], encoding: str = "base64"
) -> bytes | None:
    """The mail with the text of each part changed; ``change`` is told whether it is HTML."""
    mail, parts = _texts(source)
    done = False
    for part in parts:
        text = _decoded(part)
        if text is None:
            return None
        changed = change(text, part.get_content_type() == "text/html")
        del part["Content-Transfer-Encoding"]
        part.set_payload(None)
        part.set_charset(None)
        part.set_param("charset", "utf-8")
        raw = changed.encode("utf-8", "replace")
        if encoding == "base64":
            part["Content-Transfer-Encoding"] = "base64"
            part.set_payload(base64.encodebytes(raw).decode())
        else:
            part["Content-Transfer-Encoding"] = "quoted-printable"
            part.set_payload(quopri.encodestring(raw).decode())
        done = True
    return mail.as_bytes() if done else None


def links(source: bytes, dice: random.Random) -> bytes | None:
    """Every link leads elsewhere."""

    def other(_: re.Match[str]) -> str:
        host = f"{letters(dice, 5, 12)}.example.net"
        return (
            f"https://{host}/{letters(dice, 4, 9)}?{letters(dice, 2, 5)}={dice.randint(1, 10**9)}"
        )

    return _with(source, lambda text, _: _LINK.sub(other, text))


def numbers(source: bytes, dice: random.Random) -> bytes | None:
    """Every number in the text is another."""

    def other(found: re.Match[str]) -> str:
        return "".join(dice.choices("123456789", k=len(found[0])))

    def change(text: str, rich: bool) -> str:
        pieces = _MARKUP.split(text) if rich else [text]
        digits = re.compile(r"(?<![&#\w])[0-9]+(?![;\w])")
        return "".join(
            p if rich and at % 2 else digits.sub(other, p) for at, p in enumerate(pieces)
        )

    return _with(source, change)


def encoding(source: bytes, dice: random.Random) -> bytes | None:
    """The parts are encoded in another way."""
    return _with(source, lambda text, _: text, dice.choice(("base64", "quoted-printable")))


def sender(source: bytes, dice: random.Random) -> bytes | None:
    """Another name and address in From, another sender of the envelope."""
    mail = email.message_from_bytes(source)
    name = f"{letters(dice, 4, 8).capitalize()} {letters(dice, 4, 9).capitalize()}"
    for field in ("From", "Return-Path", "Message-ID", "Reply-To", "Sender"):
        if field in mail:
            address = f"{letters(dice, 5, 9)}@{letters(dice, 5, 9)}.example.net"
            del mail[field]
            mail[field] = f"{name} <{address}>" if field == "From" else f"<{address}>"
    return mail.as_bytes()


def filler(source: bytes, dice: random.Random) -> bytes | None:
    """Hidden random words in HTML, unseen characters in both."""
    words = " ".join(letters(dice, 3, 9) for _ in range(60))

    def change(text: str, rich: bool) -> str:
        if not rich:
            return re.sub(r"(?<=[a-z]{2})(?=[a-z]{3})", lambda _: dice.choice(("", "\u200b")), text)
        hidden = dice.choice(
            (
                f'<div style="display:none">{words}</div>',
                f'<span style="font-size:0px">{words}</span>',
                f'<p style="visibility:hidden">{words}</p>',
            )
        )
        head, body, rest = re.split(r"(<body[^>]*>|\Z)", text, maxsplit=1, flags=re.IGNORECASE)
        return f"{head}{body}{hidden}{rest}" if body else f"{hidden}{text}"

    return _with(source, change)


def replaced(share: float) -> Change:
    """A change of so many of the words that are seen."""

    def change(source: bytes, dice: random.Random) -> bytes | None:
        def other(found: re.Match[str]) -> str:
            return letters(dice, 3, 9) if dice.random() < share else found[0]

        def within(text: str, rich: bool) -> str:
            pieces = _MARKUP.split(text) if rich else [text]
            return "".join(
                p if rich and at % 2 else _WORD.sub(other, p) for at, p in enumerate(pieces)
            )

        return _with(source, within)

    return change


MUTATIONS: dict[str, Change] = {
    "links": links,
    "numbers": numbers,
    "encoding": encoding,
    "sender": sender,
    "hidden filler": filler,
    "5 % of the words": replaced(0.05),
    "10 % of the words": replaced(0.10),
}
