"""One Received line, in the dialects that mail servers write it.

Carries the trace lines of RFC 5321 §4.4 and RFC 5322 §3.6.7, and what sendmail, Postfix, Exim,
qmail, Exchange, Gmail, CommuniGate and their kin write instead. The law: a value that the sending
machine could choose (HELO, ident) is never taken for one that the receiver recorded; time is
linear in the line, and a line is read up to ``BOUND`` characters. Verb: ``read(line)``.
"""

import ipaddress
import re
from datetime import datetime
from functools import lru_cache

from gateway.formats import headers
from gateway.model import Noun

BOUND = 4000
"""How many characters of one line are read; servers stay below 1,000 (RFC 5322 §2.1.1)."""

_MARKS = re.compile(r"[()]|(?<![^\s)\]>])(?:by|with|via|id|for)(?=[\s(\[])", re.IGNORECASE)
_LITERAL = re.compile(
    r"\[(?:IPv6:)?([0-9a-f.:]{2,45})(?:%\w{1,20})?\](?::(\d{1,5})(?!\d))?", re.IGNORECASE
)
_BARE = re.compile(r"(?:IPv6:)?([0-9a-f.:]{2,45})(?:%\w{1,20})?", re.IGNORECASE)
_PLAIN = re.compile(
    r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}(?<!\.)"
    r"|(?:[1-9a-f][0-9a-f]{0,3}:){7}[1-9a-f][0-9a-f]{0,3}"
    r"|(?:[1-9a-f][0-9a-f]{0,3}:){1,5}(?::[1-9a-f][0-9a-f]{0,3}){1,5}",
    re.ASCII,
)
"""Addresses that are canonical as they stand (RFC 5952 §4), which spares their parsing."""
_PORTED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})")
_PORT = re.compile(r"\bport[= ](\d{1,5})(?!\d)", re.IGNORECASE)
_GREETING = re.compile(r"\b(?:helo|ehlo)[= ]\s*(\S{1,255})", re.IGNORECASE)
_EXIM = re.compile(
    r"\s*from \S{1,255} \(\[[^\])]{2,60}\](?::\d{1,5})?( helo=| ident=|\))", re.IGNORECASE
)
_CHOSEN = re.compile(r"(?<![\w.-])(?:ident|helo|ehlo)[= ]", re.IGNORECASE)
_AUTHENTICATED = re.compile(
    r"(?<![a-z])(?<!not )authenticated|\(account |\(via HTTP\)", re.IGNORECASE
)
_SUBMISSION = frozenset({"ESMTPA", "ESMTPSA", "ASMTP", "SMTPA", "UTF8SMTPA", "UTF8SMTPSA", "HTTP"})
_MAILBOX = ("POP", "IMAP", "LMTP", "MAPI", "LOCAL", "FETCHMAIL", "GETMAIL", "MULTIPOP", "DOMPOP")
_ASIDE = re.compile(
    r"authenticated(?=[ :)]|$)|account |envelope(?=[ -])|client |using |version=|no client",
    re.IGNORECASE,
)
"""Comments about something else than the address; no verified host name can look like one."""
_PLAIN_LINE = re.compile(
    r"""
    (?: from\ (?P<name>[A-Za-z0-9][A-Za-z0-9_.-]{0,254}|\[[0-9A-Fa-f.:]{2,45}\])
        \ \( (?: (?P<bare>[0-9A-Fa-f.:]{2,45})
             | (?: (?P<rdns>[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){1,12}\.?)\ | unknown\ )?
               \[ (?:IPv6:)? (?P<literal>[0-9A-Fa-f.:]{2,45}) \] ) \)
        (?: \s+ \(using\ TLS [^()]{0,120} (?: \([^()]{0,80}\) [^()]{0,120} ){0,4} \) )?
        (?: \s+ \(No\ client\ certificate\ requested\) )?
        \s+ )?
    by\ {1,9} (?! (?:by|with|via|id|for)\s ) (?P<by>[A-Za-z0-9][A-Za-z0-9_.:-]{0,254})
    (?: \s+ \( (?: (?P<own>[0-9A-Fa-f.:]{2,45}) | \[(?P<scoped>[0-9A-Fa-f.:]{2,45})(?:%\w{1,20})?\]
      | [A-Za-z0-9-]{1,40} | [0-9.]{1,20}/[0-9.]{1,20} ) \) )?
    \s+ with \s{1,9} (?P<with>[A-Za-z0-9]{1,20}) (?= [\s;] | $ )
    """,
    re.VERBOSE | re.ASCII,
)
"""The forms that most lines have, up to the protocol; a line in another form is read at length."""
_LONGEST = 255
"""The longest host name that DNS knows (RFC 1035 §2.3.4)."""
_NOBODY = frozenset({"", "unknown", "unverified", "verified", "no-reverse-dns", "[unknown]"})


class Hop(Noun):
    """What one Received line says.

    ``name`` is the word after ``from`` and ``greeting`` a HELO that stands apart from it; both
    are the sender's word. ``rdns`` is a name that the receiver looked up and found to lead back
    to the address. ``recorded`` says whether the address stands where the receiver writes what
    it saw, and not where it repeats the greeting. ``by`` and ``by_address`` are the machine that
    wrote the line; ``protocol`` is upper case. ``regular`` is false where the brackets do not
    balance, so that the parts may be misread. ``names`` are all names of the sender, lower case
    and without a dot at the end, the verified one first.
    """

    name: str | None
    greeting: str | None
    rdns: str | None
    address: str | None
    port: int | None
    recorded: bool
    by: str | None
    by_address: str | None
    protocol: str
    authenticated: bool
    regular: bool
    names: tuple[str, ...] = ()

    @property
    def mailbox(self) -> bool:
        """Whether the line tells of a delivery to, or a collection from, a mailbox."""
        return self.protocol.startswith(_MAILBOX)

    @property
    def submitted(self) -> bool:
        """Whether an authenticated client handed the mail in (ESMTPA, ESMTPSA: RFC 3848 §1)."""
        return self.authenticated or self.protocol in _SUBMISSION


@lru_cache(maxsize=8192)
def address(text: str) -> str | None:
    """The canonical form of an address literal, or None where ``text`` is none.

    An IPv4 address mapped into IPv6 is that IPv4 address; a zone index is dropped.
    """
    if _PLAIN.fullmatch(text) is not None and ("::" not in text or text.count(":") <= 6):
        return text
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(found)


def stamp(line: str) -> datetime | None:
    """The time after the last semicolon, in UTC; None where it cannot be read (RFC 5322 §3.3)."""
    _, semicolon, tail = line[:BOUND].rpartition(";")
    return headers.moment(tail) if semicolon else None


def read(line: str) -> Hop:
    """The parts of one unfolded Received line; never raises, what is not there is None."""
    text = line[:BOUND]
    cut = text.rfind(";")
    if cut > 0:
        text = text[:cut]
    return _plain(text) or _at_length(text)


def _plain(text: str) -> Hop | None:
    """The parts of a line in one of the usual forms, as ``_at_length`` would find them; or None."""
    match = _PLAIN_LINE.match(text)
    if match is None:
        return None
    name, bare, rdns, literal, by, own, scoped, protocol = match.groups()
    own = own or scoped
    found = None
    if name is not None:
        found = address(bare or literal)
        if found is None or (literal is not None and rdns is None and "(Exim" in text):
            return None
    writer = by.rstrip(".,").lower()
    by_address = _literal(writer)
    verified = None if rdns is None or "Microsoft" in text else _host(rdns)
    return Hop(
        name=name,
        greeting=None,
        rdns=verified,
        address=found,
        port=None,
        recorded=found is not None,
        by=by_address or writer,
        by_address=by_address or (None if own is None else address(own)),
        protocol=protocol.upper(),
        authenticated=_authenticated(text),
        regular=True,
        names=_names(verified, name, None),
    )


def _at_length(text: str) -> Hop:
    """The parts of a line in any form."""
    # A space at either end lets every word stand between two spaces.
    text = f" {text} "
    places, comments, regular = _outline(text)
    by = _place(places, "by")
    if by is None or not regular:
        by, comments = _recovered(text)
        regular = regular and by is None
    start = len(text) if by is None else by
    end = min((at for at, word in places if at > start and word != "by"), default=len(text))
    opening = text.lstrip()
    sender = _NO_SENDER
    if opening[:5].lower() == "from ":
        sender = _sender(text, (len(text) - len(opening) + 5, start), comments)
    by_name, by_address = _receiver(text, start, end, comments) if by is not None else (None, None)
    name, greeting, rdns, found, port, recorded = sender
    if rdns is None and name is not None and _exim(text, start):
        # Exim writes the name that it verified first, and the HELO only where that differs.
        rdns = _host(name)
    if rdns is not None and "Microsoft" in text:
        # The old Exchange and SMTPSVC print a name that they never looked up both ways.
        rdns = None
    return Hop(
        name=name,
        greeting=greeting,
        rdns=rdns,
        address=found,
        port=port,
        recorded=recorded,
        by=by_name,
        by_address=by_address,
        protocol=_protocol(text, places, start),
        authenticated=_authenticated(text),
        regular=regular,
        names=_names(rdns, name, greeting),
    )


def _names(rdns: str | None, name: str | None, greeting: str | None) -> tuple[str, ...]:
    """Every name that a line has for its sender."""
    spoken = name.rstrip(".").lower() if name else ""
    if spoken and greeting is None and (rdns is None or rdns == spoken):
        return (spoken,)
    names = (rdns, spoken, greeting and greeting.rstrip(".").lower())
    return tuple(dict.fromkeys(found for found in names if found))


_Sender = tuple[str | None, str | None, str | None, str | None, int | None, bool]
_NO_SENDER: _Sender = (None, None, None, None, None, False)


def _outline(text: str) -> tuple[list[tuple[int, str]], list[tuple[int, int]], bool]:
    """The clause words outside of comments, the outermost comments, and whether they balance.

    It goes as far as the protocol, which is the last thing that is asked of a line.
    """
    places: list[tuple[int, str]] = []
    comments: list[tuple[int, int]] = []
    depth = opened = 0
    regular, written = True, False
    for mark in _MARKS.finditer(text):
        word = mark.group()
        if word == "(":
            if not depth:
                opened = mark.start()
            depth += 1
        elif word == ")":
            if depth == 1:
                comments.append((opened, mark.end()))
            regular = regular and depth > 0
            depth = max(0, depth - 1)
        elif not depth:
            clause = word.lower()
            places.append((mark.start(), clause))
            if written and clause in ("with", "via"):
                break
            written = written or clause == "by"
    return places, comments, regular and not depth


def _recovered(text: str) -> tuple[int | None, list[tuple[int, int]]]:
    """Clause and comment of a line whose brackets do not balance: the last of each, if any.

    A greeting that breaks the brackets stands before what the receiver writes of the sender.
    """
    close = max(text.rfind(") by "), text.rfind("] by "))
    if close < 0:
        return None, []
    opened = text.rfind("(", 0, close)
    return close + 2, [(opened, close + 1)] if text[close] == ")" and opened > 0 else []


def _place(places: list[tuple[int, str]], wanted: str) -> int | None:
    """Where the wanted clause begins: its first word, or a later one with no other between.

    A HELO may hold the word; the one that the receiver wrote comes last.
    """
    found = None
    for at, word in places:
        if word == wanted:
            found = at
        elif found is not None:
            break
    return found


def _sender(text: str, part: tuple[int, int], comments: list[tuple[int, int]]) -> _Sender:
    """What stands between ``from`` and ``by``; the last address there is the receiver's."""
    begin, end = part
    inside = [(a, b) for a, b in comments if begin <= a and b <= end]
    first = inside[0][0] if inside else end
    words = text[begin:first].split()
    name = words[0][:_LONGEST] if words else None
    greeting = rdns = found = None
    port: int | None = None
    for a, b in reversed(inside):
        comment = text[a + 1 : b - 1].strip()
        if _ASIDE.match(comment) is not None:
            continue
        spoken = None if greeting is not None else _GREETING.search(comment)
        if spoken is not None:
            greeting = spoken.group(1).rstrip(")")
        if port is None and "port" in comment and (written := _PORT.search(comment)) is not None:
            port = _number(written.group(1))
        if found is None:
            found, rdns, at_port = _observed(comment)
            port = at_port if at_port is not None else port
    recorded = found is not None
    if found is None:
        outside = text[inside[-1][1] if inside else begin : end]
        literals = _LITERAL.findall(outside) or _LITERAL.findall(text[begin:first])
        if literals:
            found, recorded = address(literals[-1][0]), True
            port = _number(literals[-1][1]) or port
        elif name is not None and (bare := _BARE.fullmatch(name)) is not None:
            # A bare address is the receiver's only where the HELO stands beside it.
            found, recorded = address(bare.group(1)), greeting is not None
    return name, greeting, rdns, found, port, recorded and found is not None


def _observed(comment: str) -> tuple[str | None, str | None, int | None]:
    """Address, verified name and port of a comment such as ``rdns [192.0.2.1] (may be forged)``.

    Whatever follows a HELO or an ident is the sender's word and is cut off first.
    """
    if _BARE.fullmatch(comment) is not None and (plain := address(comment)) is not None:
        return plain, None, None
    if (chosen := _CHOSEN.search(comment)) is not None:
        comment = comment[: chosen.start()].strip()
    literals = list(_LITERAL.finditer(comment))
    if literals:
        last = literals[-1]
        found = address(last.group(1))
        before = comment[: last.start()].strip()
        forged = "may be forged" in comment
        return found, None if forged else _host(before), _number(last.group(2))
    words = comment.split()
    if not words or len(words) > 2:
        return None, None, None
    word = words[-1].rpartition("@")[2]
    ported = _PORTED.fullmatch(word)
    if ported is not None:
        return address(ported.group(1)), None, _number(ported.group(2))
    bare = _BARE.fullmatch(word)
    return (address(bare.group(1)) if bare is not None else None), None, None


def _host(text: str) -> str | None:
    """The host name in ``user@host`` or ``host.``, lower case; None for none, or an address."""
    name = text.rpartition("@")[2].rstrip(".").lower()
    if len(name) > _LONGEST or name in _NOBODY or " " in name or "." not in name:
        return None
    return None if _literal(name) is not None else name


def _literal(name: str) -> str | None:
    """The address that stands where a name is expected, if one does (RFC 5321 §4.1.3)."""
    # No top-level domain ends in a digit, which spares the parsing of nearly every name.
    if not name[-1:].isdigit() and name[-1:] != "]" and ":" not in name:
        return None
    return address(name.strip("[]").removeprefix("ipv6:"))


def _authenticated(text: str) -> bool:
    """Whether the receiver says that the client proved who it is."""
    if "uthenticated" not in text and "(account " not in text and "(via HTTP)" not in text:
        return False
    return _AUTHENTICATED.search(text) is not None


def _exim(text: str, start: int) -> bool:
    """Whether Exim wrote the line: it alone puts ``helo=`` behind the address, or it signs."""
    opening = _EXIM.match(text)
    return opening is not None and (opening.group(1) != ")" or text.find("(Exim", start) > 0)


def _receiver(
    text: str, start: int, end: int, comments: list[tuple[int, int]]
) -> tuple[str | None, str | None]:
    """The machine after ``by`` and the address that it prints of itself, if any."""
    clause_end = next((a for a, _ in comments if a > start), end)
    words = text[start + 3 : min(clause_end, end)].split()
    name = words[0][:300].rstrip(".,").strip("[]<>").lower() if words else ""
    if (own := _literal(name)) is not None:
        return own, own
    known = name if 0 < len(name) <= _LONGEST else None
    for a, b in comments:
        if start < a and b <= end + 1:
            found, _, _ = _observed(text[a + 1 : b - 1].strip())
            if found is not None:
                return known, found
    return known, None


def _protocol(text: str, places: list[tuple[int, str]], start: int) -> str:
    """The first word after ``with`` or ``via`` that follows ``by``, upper case."""
    for at, word in places:
        if at > start and word in ("with", "via"):
            words = text[at + len(word) : at + 60].split(maxsplit=1)
            return words[0].partition("(")[0].rstrip(",;").upper() if words else ""
    return ""


def _number(digits: str | None) -> int | None:
    """A TCP port, or None where the digits are none."""
    if not digits:
        return None
    port = int(digits)
    return port if 0 < port < 65536 else None
