"""Chains of Received lines whose true origin is known, and forgeries to put below their border.

``chains(rng)`` yields one chain of each kind of provider. Their addresses come from the blocks
that are set aside for benchmarks and documentation (RFC 2544, RFC 5737, RFC 3849); ``locate``
plays a world in which they are public: each /20 and each /48 is one network. ``forgeries`` are
what a sender can do: write older lines, and choose the HELO in the border's own line.
"""

import ipaddress
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.hosting import special
from gateway.model import Hosting

Headers = tuple[tuple[str, str], ...]

_PLAYED = ("reserved", "documentation")
"""Words of ``Hosting.none`` for the blocks that are public in this world."""
DATE = "Tue, 3 Mar 2026 10:20:30 +0000"


def locate(address: str) -> Hosting:
    """The played world: where an address of the benchmark and documentation blocks is."""
    none = special(address)
    found = ipaddress.ip_address(address)
    bits = 20 if found.version == 4 else 48
    prefix = str(ipaddress.ip_network((found, bits), strict=False))
    played = none in _PLAYED and not found.is_link_local and not found.is_unspecified
    return Hosting(
        address=address,
        country=None,
        network=prefix,
        prefix=prefix,
        as_name=f"NET {prefix}",
        none=None if played else none,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A mail's headers as its provider wrote them; ``origin`` is what must be found.

    ``border`` is the number of the border's line and ``inside`` an address of the provider.
    """

    kind: str
    headers: Headers
    origin: str
    border: int
    inside: str
    inner: str


def outside(rng: random.Random) -> str:
    """A sender's address, in no provider's network."""
    return f"198.19.{rng.randrange(256)}.{rng.randrange(1, 255)}"


def outside6(rng: random.Random) -> str:
    return str(ipaddress.ip_address(f"2001:db8:{rng.randrange(0x8000, 0xFFFF):x}::{1:x}"))


def _r(*lines: str) -> Headers:
    return tuple(("Received", f"{line}; {DATE}") for line in lines)


def _host(rng: random.Random) -> str:
    return f"{rng.choice(['mail', 'out3', 'srv', 'mta-7'])}.{rng.choice('abcdef')}hop.example.org"


def _exchange_online(rng: random.Random) -> Chain:
    net = rng.randrange(0x1000)
    a, b, c = (f"2001:db8:{net:x}:{n}::{n}" for n in (1, 2, 3))
    n = rng.randrange(1000, 9999)
    origin = outside(rng) if rng.random() < 0.7 else outside6(rng)
    front = f"DB1PEPF0000{n}.eurprd03.prod.outlook.com"
    tls = "(version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384)"
    headers = (
        *_r(
            f"from AM{n}.eurprd03.prod.outlook.com ({rng.choice(['::1', a])})"
            f" by PA{n}.eurprd03.prod.outlook.com with HTTPS",
            f"from DU{n}.eurprd04.prod.exchangelabs.com ({b}) by"
            f" AM{n}.eurprd03.prod.outlook.com ({a}) with Microsoft SMTP Server {tls} id 15.20.1.2",
            f"from {front} ({c}) by DU{n}.outlook.office365.com ({b}) with Microsoft SMTP Server"
            f" {tls} id 15.20.1.2 via Frontend Transport",
        ),
        ("Authentication-Results", f"spf=none (sender IP is {origin}) smtp.mailfrom=example.org"),
        ("Received-SPF", f"Pass (protection.outlook.com: x) client-ip={origin}; helo=x"),
        *_r(
            f"from {_host(rng)} ({origin}) by DB1PEPF0000{n}.mail.protection.outlook.com"
            " (10.167.8.1) with Microsoft SMTP Server id 15.20.1.2 via Frontend Transport"
        ),
        ("X-Sender-IP", origin),
    )
    return _chain("exchange online", headers, origin, 3, (c, front))


def _chain(kind: str, headers: Headers, origin: str, border: int, inside: tuple[str, str]) -> Chain:
    address, inner = inside
    return Chain(
        kind=kind, headers=headers, origin=origin, border=border, inside=address, inner=inner
    )


def _gmail(rng: random.Random) -> Chain:
    origin, host = outside(rng), _host(rng)
    headers = (
        ("Delivered-To", "reader@example.org"),
        *_r("by 2002:a05:6a20:7488:b0:14b:b42c:34a6 with SMTP id p8csp1"),
        ("X-Received", f"by 2002:a05:6a20:1:b0:1:2:3 with SMTP id p8mr9; {DATE}"),
        *_r(f"from {host} ({host}. [{origin}]) by mx.google.com with ESMTPS id h36si5.2026"),
        ("Received-SPF", f"pass (google.com: x designates {origin} as permitted sender)"),
    )
    return _chain("gmail", headers, origin, 1, ("198.18.0.9", "mail-x.google.com"))


def _yahoo(rng: random.Random) -> Chain:
    origin = outside(rng)
    headers = _r(
        "from 127.0.0.1 by atlas-production.mail-prod1-gq1.omega.yahoo.com pod-id NONE with HTTP",
        f"from {origin} (EHLO {_host(rng)}) by 10.197.32.146 with SMTPs (version=TLS1_3"
        " cipher=TLS_AES_128_GCM_SHA256)",
    )
    return _chain("yahoo", headers, origin, 1, ("198.18.0.9", "mta1.mail.bf1.yahoo.com"))


def _gmx(rng: random.Random) -> Chain:
    origin = outside(rng)
    headers = _r(
        f"from {_host(rng)} ([{origin}]) by mx.gmx.net (mxgmx016 [198.18.16.9]) with ESMTPS"
        " (Nemesis) id 1MtwMc-1t9LL13HuG-013sc0 for <reader@example.org>"
    )
    return _chain("gmx", headers, origin, 0, ("198.18.16.9", "mout.gmx.net"))


def _laposte(rng: random.Random) -> Chain:
    origin, host = outside(rng), _host(rng)
    headers = _r(
        "from mlpnf0120.laposte.net (mlpnf0120.sys.meshcore.net [10.94.128.99]) by mlpnb0108 with"
        " LMTPA",
        f"from {host} ({host} [{origin}]) by mlpnf0120.laposte.net (SMTP Server) with ESMTPS id 4X",
    )
    return _chain("laposte", headers, origin, 1, ("198.18.32.9", "mlpnf0120.laposte.net"))


def _free(rng: random.Random) -> Chain:
    origin = outside(rng)
    headers = _r(
        "from mx28-g26.priv.proxad.net (172.20.243.95) by zimbra12.priv.proxad.net with LMTP",
        f"from {_host(rng)} ([{origin}]) by mx1-g20.free.fr (MXproxy) for reader@example.org",
    )
    return _chain("free", headers, origin, 1, ("198.18.48.9", "mx28-g26.priv.proxad.net"))


def _fastmail(rng: random.Random) -> Chain:
    origin, host = outside6(rng), _host(rng)
    headers = _r(
        "from compute1.internal (compute1.nyi.internal [10.202.2.41]) by sloti7d1t02 (Cyrus) with"
        " LMTPA",
        "from mx1 ([10.202.2.200]) by compute1.internal (LMTPProxy)",
        "from mx1.messagingengine.com (localhost [127.0.0.1]) by mailmx.nyi.internal (Postfix) with"
        " ESMTP id 1",
        f"from {host} ({host} [IPv6:{origin}]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384"
        " (256/256 bits)) (No client certificate requested) by mx1.messagingengine.com (Postfix)"
        " with ESMTPS id 2",
    )
    return _chain("fastmail", headers, origin, 3, ("198.18.64.9", "mx1.messagingengine.com"))


def _proton(rng: random.Random) -> Chain:
    origin, host = outside(rng), _host(rng)
    headers = _r(
        f"from {host} ({host} [{origin}]) (using TLSv1.3 with cipher X (256/256 bits)) by"
        " mailin045.protonmail.ch (Postfix) with ESMTPS id 4T"
    )
    return _chain("proton", headers, origin, 0, ("198.18.80.9", "mailin002.protonmail.ch"))


def _fetched(rng: random.Random) -> Chain:
    origin = outside(rng)
    how = rng.choice(["POP3", "IMAP"])
    headers = _r(
        "from localhost (localhost [127.0.0.1]) by desk.lab.example.net (Postfix) with ESMTP id 6",
        f"from pop.example.net [198.18.96.7] by localhost with {how} (fetchmail-5.9.0) for"
        " reader@localhost (single-drop)",
        f"from {_host(rng)} ([{origin}]) by example.net (8.9.3/8.9.3) with ESMTP id UAA27530",
    )
    return _chain("fetchmail", headers, origin, 2, ("198.18.96.7", "pop.example.net"))


def _filtered(rng: random.Random) -> Chain:
    origin = outside(rng)
    headers = _r(
        "from mail.example.net ([172.18.0.3]) by a1b2c3d4e5 with LMTP id x",
        "from localhost (localhost [127.0.0.1]) by mail.example.net (Postfix) with ESMTP id 2",
        "from mail.example.net ([127.0.0.1]) by localhost (mail.example.net [127.0.0.1])"
        " (amavisd-new, port 10024) with ESMTP id 3",
        f"from {_host(rng)} (unknown [{origin}]) by mail.example.net (Postfix) with ESMTPS id 4",
    )
    return _chain("postfix and amavis", headers, origin, 3, ("198.18.112.7", "mail.example.net"))


def _exim(rng: random.Random) -> Chain:
    origin, host = outside(rng), _host(rng)
    form = rng.choice(
        [
            f"from {host} ([{origin}]:40123 helo=x.example.org)",
            f"from [{origin}] (port=40123 helo=x.example.org)",
            f"from {host} ([{origin}])",
            f"from [{origin}] (helo=[10.1.1.1])",
        ]
    )
    headers = _r(
        f"{form} by mx.example.net with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96)"
        " (envelope-from <a@example.org>) id 1r2s3t-000000-00 for reader@example.net"
    )
    return _chain("exim", headers, origin, 0, ("198.18.112.7", "mx.example.net"))


def _qmail(rng: random.Random) -> Chain:
    origin = outside(rng)
    form = rng.choice(
        [f"from unknown (HELO {_host(rng)}) ({origin})", f"from unknown (HELO x) (joe@{origin})"]
    )
    headers = (
        ("Received", f"(qmail 13816 invoked from network); {DATE}"),
        *_r(f"{form} by mx.example.net with SMTP"),
    )
    return _chain("qmail", headers, origin, 1, ("198.18.112.7", "mx.example.net"))


def _two_tiers(rng: random.Random) -> Chain:
    origin, host = outside(rng), _host(rng)
    headers = _r(
        "from mx2.uni.example.edu (mx2.uni.example.edu [198.18.129.4]) by store.uni.example.edu"
        " (Postfix) with ESMTP id 1",
        f"from {host} ({host} [{origin}]) by mx2.uni.example.edu (Postfix) with ESMTP id 2",
    )
    return _chain("two tiers", headers, origin, 1, ("198.18.129.4", "mx2.uni.example.edu"))


def _exchange_tiers(rng: random.Random) -> Chain:
    origin = outside(rng)
    headers = _r(
        "from ex1.uni.example.edu (198.18.144.4) by ex2.uni.example.edu (198.18.150.9) with"
        " Microsoft SMTP Server (TLS) id 15.1.1",
        "from edge.uni.example.edu (198.18.151.9) by ex1.uni.example.edu (198.18.144.4) with"
        " Microsoft SMTP Server id 15.1.1",
        f"from {_host(rng)} ({origin}) by edge.uni.example.edu (198.18.151.9) with Microsoft SMTP"
        " Server id 15.1.1",
    )
    return _chain("exchange tiers", headers, origin, 2, ("198.18.151.9", "edge.uni.example.edu"))


_KINDS = (
    _exchange_online,
    _gmail,
    _yahoo,
    _gmx,
    _laposte,
    _free,
    _fastmail,
    _proton,
    _fetched,
    _filtered,
    _exim,
    _qmail,
    _two_tiers,
    _exchange_tiers,
)


def chains(rng: random.Random) -> Iterator[Chain]:
    """One chain of each kind, with fresh addresses."""
    for make in _KINDS:
        yield make(rng)


# What a sender can do below the border.

_GREETED = re.compile(r"from (?!\[)(\S+) (?=\()")
_SHOWS_RDNS_FIRST = re.compile(r"helo=|HELO |EHLO |\(Exim", re.IGNORECASE)


def split(headers: Headers, border: int) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The headers down to and with the border's line, and those below it."""
    seen = -1
    for place, (name, _) in enumerate(headers):
        seen += name.lower() == "received"
        if seen == border:
            return list(headers[: place + 1]), list(headers[place + 1 :])
    raise AssertionError("there is no such line")


def _greet(headers: Sequence[tuple[str, str]], helo: str) -> list[tuple[str, str]]:
    """The headers with another HELO in the last line, where that dialect shows the HELO first."""
    *above, (name, line) = headers
    if _SHOWS_RDNS_FIRST.search(line) is None:
        line = _GREETED.sub(lambda _: f"from {helo} ", line, count=1)
    return [*above, (name, line)]


def forgeries(
    chain: Chain, rng: random.Random, copied: Sequence[str]
) -> Iterator[tuple[str, Headers]]:
    """Every forgery of this chain, with its name; the origin must stay what it was.

    ``copied`` are real Received lines of other mails, for a copied chain.
    """
    above, below = split(chain.headers, chain.border)
    line = above[-1][1]
    writer = re.search(r" by (\S+)", line)
    border = writer.group(1) if writer else "mx.example.net"
    victim = outside(rng)
    innocent = f"from mail.innocent.example ({'mail.innocent.example'} [{victim}]) by"
    greeting = _GREETED.match(line)
    helo = greeting.group(1) if greeting else "x.example.org"
    own = [(name, value) for name, value in above if name.lower() == "received"]
    swapped = [
        (name, value.replace(chain.origin, victim)) for name, value in own if len(value) < 900
    ]
    tail = f"with ESMTP id 5; {DATE}"

    def done(name: str, top: Sequence[tuple[str, str]], *lines: str) -> tuple[str, Headers]:
        return name, (*top, *(("Received", older) for older in lines), *below)

    picked = [rng.choice(copied) for _ in range(3)] if copied else []
    yield done("copied chain", above, *picked)
    yield done("linked by greeting", above, f"{innocent} {helo} (Postfix) {tail}")
    yield done(
        "linked by address",
        above,
        f"{innocent} {helo} ({chain.origin}) with Microsoft SMTP; {DATE}",
    )
    for name, faked in (("border", border), ("inner machine", chain.inner)):
        top = _greet(above, faked)
        yield done(f"greeting of the {name}", top, f"{innocent} {faked} (Postfix) {tail}")
        yield done(
            f"greeting of the {name}, address too",
            top,
            f"{innocent} {faked} ({chain.inside}) {tail}",
        )
        yield done(
            f"greeting of the {name}, copied chain", top, f"{innocent} {faked} {tail}", *picked
        )
    for literal in (f"[{chain.inside}]", chain.inside, "localhost", "[127.0.0.1]", "[10.0.0.1]"):
        yield done(f"greeting {literal}", _greet(above, literal), f"{innocent} {literal} {tail}")
    yield "own chain again", (*above, *swapped, *below)
    yield (
        "own chain again, linked",
        (*_greet(above, chain.inner), *swapped, *below),
    )
    yield (
        "forged provider headers",
        (
            *above,
            (
                "Authentication-Results",
                f"{border}; spf=pass (sender IP is {victim}) client-ip={victim}",
            ),
            ("Received-SPF", f"Pass ({border}: x) receiver={border}; client-ip={victim}"),
            ("X-Originating-IP", f"[{victim}]"),
            ("Received", f"{innocent} {border} {tail}"),
            *below,
        ),
    )
