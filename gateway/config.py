"""Every setting and limit of an installation, frozen, with its unit and its reason beside it.

The law: nothing is read from disk or environment here; an unknown key or a value out of range
stops the start, naming the key. Verbs: ``read`` (``entente.toml`` to ``Config``), ``example``
(the file that a new installation begins with), ``identifier`` (what may name an association).
"""

import json
import re
import tomllib
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from gateway.errors import ConfigInvalid
from gateway.model import Category, Country, Noun, PeerId


class ReadingLimits(Noun, frozen=True, forbid_unknown_fields=True):
    """How much of one hostile mail is looked at; a mail beyond a bound is kept, but unread.

    Where a limit is said to end the reading, the report is stored as ``unparseable`` with that
    limit as its reason. The other limits clip what is kept and leave a problem in words.
    """

    source_bytes: int = 50_000_000
    """Bytes of one complaint; providers carry at most 25 to 50 MB. Ends the reading."""
    parts: int = 1_000
    """MIME parts, containers counted; real mail has under 100. Ends the reading."""
    depth: int = 50
    """Containers inside one another; real mail has under 10. Ends the reading."""
    header_bytes: int = 1_000_000
    """Bytes of one header block; the largest honest one seen is under 100 kB. Ends the reading."""
    header_lines: int = 5_000
    """Fields of one header block; so that 100,000 Received lines cost nothing. Ends the reading."""
    recipients: int = 5_000
    """Recipient addresses; they are never clipped, for each must be hidden. Ends the reading."""
    links: int = 200
    """Links kept; all are counted."""
    links_looked_at: int = 10_000
    """Links of one mail before the search stops; far above every honest newsletter."""
    attachments: int = 100
    """Attachments kept; all are counted."""
    part_chars: int = 1_000_000
    """Characters of one text or HTML part that are parsed; keeps one part under about 100 ms."""
    body_chars: int = 5_000_000
    """Characters of all text and HTML parts of one mail that are parsed, for the same reason."""
    text_chars: int = 200_000
    """Characters of visible text looked at; a fingerprint needs far fewer."""
    subject_chars: int = 2_000
    """Characters of the decoded subject, and of each decoded name; RFC 5322 lines end at 998."""
    seconds: float = 10.0
    """Seconds of processor time for one mail in its child process. Ends the reading."""
    memory_bytes: int = 512 * 1024 * 1024
    """Bytes of address space of the child process that reads mails. Ends the reading."""


NO_COUNTRIES: Final = frozenset({"EU", "AP", "ZZ"})
"""Codes that the registries use and that are no country: nobody answers for them."""
_IDENTIFIER = re.compile(
    r"https://(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(?P<port>:[1-9][0-9]{0,4})?(?P<path>(?:/[A-Za-z0-9._~-]+)*)"
)
_MOST = 2**40
_MAILBOX = re.compile(r"[!-?A-~]{1,64}@[A-Za-z0-9.-]{1,255}")
_BIND = re.compile(r"(?P<host>[0-9.]+|\[[0-9a-fA-F:.]+\]|localhost):(?P<port>[0-9]{1,5})")
_PLACE = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")

Text = Annotated[str, Meta(min_length=1, max_length=1_000)]
Amount = Annotated[int, Meta(ge=1)]


class Serve(Noun, frozen=True, forbid_unknown_fields=True):
    """The web side. Paths are taken from the home where they are not absolute."""

    bind: Text = "127.0.0.1:8443"
    """Address and port to listen on; loopback until an administrator decides otherwise. Port 0
    takes any free one, which is then announced."""
    certificate: Text = "keys/tls-certificate.pem"
    """PEM file of the TLS certificate, followed by its chain."""
    key: Text = "keys/tls-key.pem"
    """PEM file of the private key of that certificate."""
    threads: Annotated[int, Meta(ge=1, le=256)] = 16
    """Requests in work at the same time; the database takes one writer, so more gains little."""
    status_page: bool = True
    """Whether ``/`` shows everyone who we are, counts, and the last exchanges with their fate."""
    max_call_bytes: Annotated[int, Meta(ge=1_000, le=64_000_000)] = 4_000_000
    """Bytes of one call: the announced limit, and 40 SETs of the largest size. Beyond it: 413."""
    header_seconds: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """Seconds for a caller's TLS greeting and header lines, so that a stranger cannot sit."""
    body_seconds: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """Seconds for the body and the answer; 4 MB pass in that time at 1 Mbit/s."""

    def __post_init__(self) -> None:
        """Refuse an address that nobody can listen on."""
        match = _BIND.fullmatch(self.bind)
        if match is None or int(match["port"]) > 65_535:
            raise ValueError(f"bind {self.bind!r} is not an IP address and a port")

    @property
    def host(self) -> str:
        """The address part of ``bind``, without brackets."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port part of ``bind``; 0 asks for any free one."""
        return int(self.bind.rpartition(":")[2])


class OriginSettings(Noun, frozen=True, forbid_unknown_fields=True):
    """What the administrator knows of the providers that complaints come from."""

    borders: tuple[Text, ...] = ()
    """Host names, domains (``.example.org``), addresses or networks that receive mail for our
    reporters; their Received lines are believed. Nothing is needed here: it makes more certain."""
    forwarders: tuple[Text, ...] = ()
    """Hosts, domains, addresses or networks, written alike, that forward mail to our reporters or
    run their mailing lists; the address before them is then said to be the likelier sender."""


class HostingSettings(Noun, frozen=True, forbid_unknown_fields=True):
    """Address tables beside those that are built in."""

    tables: tuple[Text, ...] = ()
    """Files (MMDB, or the registries' delegated-extended form), from the home if not absolute."""


class Policy(Noun, frozen=True, forbid_unknown_fields=True):
    """When a case goes abroad by itself. What is held says why, and nothing of it is lost.

    These settings are ours alone: what a peer sends us is judged by the agreement with it.
    """

    categories: tuple[Category, ...] = tuple(one for one in Category if one != Category.LEGITIMATE)
    """What goes abroad. ``other`` is among them: that our signs name no category for a mail is no
    reason to doubt the citizen who complains about it. ``legitimate`` never goes."""
    reporters: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    """Distinct reporters that a case needs; whoever is not named counts as one more each time."""
    oldest_days: Annotated[int, Meta(ge=1, le=36_500)] = 14
    """Days since the border's stamp, when a case is decided, after which a report is counted and
    never sent: a host abroad has no logs left, or another customer. A mail without a stamp, or
    with one of the future, is as old as its report."""
    waiting_minutes: Annotated[int, Meta(ge=0, le=43_200)] = 15
    """Minutes from a case's first report until it may go, for second thoughts: a slip of the hand
    is noticed at once, and what has left can only be asked back. 0 sends without waiting."""

    def __post_init__(self) -> None:
        """Refuse to send what accuses nobody."""
        if Category.LEGITIMATE in self.categories:
            raise ValueError("categories: legitimate never goes abroad")


class Exchange(Noun, frozen=True, forbid_unknown_fields=True):
    """Our calls to peers."""

    batch: Annotated[int, Meta(ge=1, le=500)] = 200
    """SETs in one call: few enough for any peer, enough that the call itself costs nothing."""
    seconds: Annotated[float, Meta(gt=0, le=3_600)] = 60.0
    """Seconds for one whole call, from the name look-up to the last byte of the answer."""
    answer_bytes: Annotated[int, Meta(ge=1_000, le=1_000_000_000)] = 10_000_000
    """Bytes of one answer that are read; a peer can not fill our memory."""


Days = Annotated[int, Meta(ge=1, le=36_500)]


class Retention(Noun, frozen=True, forbid_unknown_fields=True):
    """How many days each kind of data stays; what it is stands in ``gateway/docs/retention.md``.

    A row gets its date when it is written; a changed setting counts for what stands already
    after ``entente purge --reconsider``.
    """

    originals: Days = 180
    """Days for a mail as it came; peers may ask for it, and a case is seldom older."""
    reports: Days = 365
    """Days for what was read of a mail and the sender's address: a year shows a sender's habits."""
    reporters: Days = 365
    """Days in which two reports can be told to be one reporter's; for counting, nothing else."""
    cases: Days = 730
    """Days after its last report for the reason in words why a case went where it did."""
    fingerprints: Days = 730
    """Days after its last report in which a mailing is recognised when it comes again."""
    messages: Days = 1_095
    """Days for signed messages sent and received, reports inside: peers and courts ask late."""
    journal: Days = 3_650
    """Days for what the journal says in words; its digests and heads stay for ever."""
    contacts: Days = 365
    """Days for the names and addresses of a peer's staff after the exchange with it has ended."""

    def __post_init__(self) -> None:
        """The journal must still say what became of everything else."""
        others = (name for name in self.__struct_fields__ if name != "journal")
        longest = max(others, key=lambda name: int(getattr(self, name)))
        if self.journal < getattr(self, longest):
            raise ValueError(f"retention.journal must not be shorter than retention.{longest}")


class Config(Noun, frozen=True, forbid_unknown_fields=True):
    """An installation's settings. Made by ``read``, or directly by tests."""

    id: Text
    """Who we are to every peer: our HTTPS URL, without query, fragment or slash at the end."""
    country: Text
    """ISO 3166-1 alpha-2 code of the country that we serve, upper case."""
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    """Our name, as peers and visitors read it; at most 200 characters, so that a page holds it."""
    mailbox: Annotated[str, Meta(max_length=320)] = ""
    """The address where a peer's staff reaches ours; empty if there is none yet."""
    serve: Serve = Serve()
    reading: ReadingLimits = ReadingLimits()
    origin: OriginSettings = OriginSettings()
    hosting: HostingSettings = HostingSettings()
    policy: Policy = Policy()
    exchange: Exchange = Exchange()
    retention: Retention = Retention()

    def __post_init__(self) -> None:
        """Check what no single type can say."""
        identifier(self.id)
        if not re.fullmatch("[A-Z]{2}", self.country) or self.country in NO_COUNTRIES:
            raise ValueError(f"country {self.country!r} is not a country's code of two capitals")
        if not self.name.isprintable():
            raise ValueError("name holds characters that cannot be shown")
        if self.mailbox and not _MAILBOX.fullmatch(self.mailbox):
            raise ValueError(f"mailbox {self.mailbox!r} is not a mail address")
        for limit in msgspec.structs.fields(self.reading):
            if not 0 < getattr(self.reading, limit.name) <= _MOST:
                raise ValueError(f"reading.{limit.name} must be above 0 and at most {_MOST}")

    @property
    def peer_id(self) -> PeerId:
        """Our own identifier, as the noun that peers are named by."""
        return PeerId(self.id)

    @property
    def home_country(self) -> Country:
        """Our own country, as the noun that cases are routed by."""
        return Country(self.country)


class Sections(Noun, frozen=True, forbid_unknown_fields=True):
    """The sections that a new file begins with.

    ``policy`` is written where it is given; else its defaults stand there as comments.
    """

    serve: Serve = Serve()
    """The web side."""
    policy: Policy | None = None
    """When a case goes abroad by itself."""


def identifier(text: str) -> PeerId:
    """The text as an association's identifier: an HTTPS URL in the one form that we write.

    Raises:
        ValueError: it is another scheme, or carries user, query, fragment, capitals in the host
            or a slash at the end, so that two spellings could name one association.
    """
    match = _IDENTIFIER.fullmatch(text)
    if match is None or len(text) > 255 or ".." in match["host"]:
        raise ValueError(
            f"{text!r} is not an https:// URL in lower case without user, query, fragment "
            "and slash at the end"
        )
    if match["port"] and (int(match["port"][1:]) > 65_535 or match["port"] == ":443"):
        raise ValueError(f"the port of {text!r} is not one, or is the one that goes without saying")
    if any(part in {".", ".."} for part in match["path"].split("/")):
        raise ValueError(f"the path of {text!r} does not stand still")
    return PeerId(text)


def read(toml: bytes) -> Config:
    """Read the bytes of ``entente.toml``.

    Raises:
        ConfigInvalid: not TOML, an unknown key, a missing key or a value out of range; the
            detail names the key as it stands in the file (``serve.bind``).
    """
    try:
        tree = tomllib.loads(toml.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigInvalid(
            f"entente.toml is not TOML in UTF-8: {error}", hint="mend that line"
        ) from error
    try:
        return msgspec.convert(tree, Config)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise ConfigInvalid(
            f"entente.toml: {_in_words(str(error))}",
            hint="mend or remove that setting; gateway/config.py says what each one means",
        ) from error


def _in_words(complaint: str) -> str:
    """The decoder's complaint with the key in front, spelled as in the file."""
    match = _PLACE.search(complaint)
    place, said = (match["place"], complaint[: match.start()]) if match else ("", complaint)
    unknown = _UNKNOWN.search(said)
    if unknown:
        return f"unknown key {'.'.join(filter(None, (place, unknown['key'])))}"
    return f"{place}: {said}" if place else said


def example(
    id: str,  # noqa: A002 - named as in the file
    country: str,
    name: str,
    *,
    mailbox: str = "",
    sections: Sections | None = None,
) -> str:
    """The text of a new ``entente.toml``: what must be said, and the rest as comments.

    Raises:
        ConfigInvalid: one of the values cannot be used.
    """
    sections = sections or Sections()
    web, policy = sections.serve, sections.policy
    lines = [
        "# The settings of this Entente installation. A key that is not known stops the start.",
        f"id = {_quoted(id)}",
        f"country = {_quoted(country)}",
        f"name = {_quoted(name)}",
        "# Where a peer's staff reaches ours.",
        f"mailbox = {_quoted(mailbox)}",
        "",
        "[serve]",
    ]
    lines += [f"{key} = {_quoted(value)}" for key, value in msgspec.structs.asdict(web).items()]
    lines += [
        "",
        "# [origin]",
        '# borders = [".mx.example.org"]   # servers that receive mail for our reporters',
        '# forwarders = ["lists.example.org"]   # servers that forward mail to our reporters',
        "",
        "# [hosting]",
        '# tables = ["tables/country.mmdb"]   # more address tables',
        "",
        "# When a case goes abroad by itself.",
        "[policy]" if policy else "# [policy]",
    ]
    mark = "" if policy else "# "
    when = msgspec.structs.asdict(policy or Policy())
    lines += [f"{mark}{key} = {_quoted(value)}" for key, value in when.items()]
    lines += ["", "# [exchange]"]
    wire = msgspec.structs.asdict(Exchange())
    lines += [f"# {key} = {_quoted(value)}" for key, value in wire.items()]
    lines += ["", "# [retention]   # days"]
    kept = msgspec.structs.asdict(Retention())
    lines += [f"# {key} = {value}" for key, value in kept.items()]
    text = "\n".join(lines) + "\n"
    read(text.encode())
    return text


def _quoted(value: object) -> str:
    """A value as TOML writes it; JSON's strings, numbers and booleans are TOML's too."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
