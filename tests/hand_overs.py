"""Mails that forwarders, lists and shared services handed over, with known answers.

``hand_overs(rng)`` yields one of each kind, in the world of ``tests.chains``: what is recognised
has a name that the border verified, or an address in a service's published network. ``forged``
are what strangers and account holders can write to look forwarded.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.chains import DATE, Headers, outside, outside6

VICTIM = "198.19.99.9"
"""The address that forgeries accuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """A mail and what must be found: who handed it over, for whom, from whom, by which account."""

    kind: str
    headers: Headers
    origin: str
    passages: tuple[str, ...] = ()
    likelier: str | None = None
    service: str | None = None
    said: tuple[tuple[str, str], ...] = ()
    submitted: bool = False
    forwarders: tuple[str, ...] = ()
    entry: int | None = None
    """The number of the line that ends what is believed; older lines are the sender's."""


def r(line: str) -> tuple[str, str]:
    """A Received line."""
    return "Received", f"{line}; {DATE}"


def _sender(rng: random.Random) -> tuple[str, str]:
    """A stranger's address, and the line's opening that a Postfix or Gmail writes of it."""
    address = outside(rng)
    return address, f"from m.hop.example.org (m.hop.example.org [{address}])"


def _inside_postfix(host: str, address: str) -> tuple[str, str]:
    return r(f"from {host} ({host} [{address}]) by mx.example.net (Postfix) with ESMTPS id 1")


def _gmail_forward(rng: random.Random) -> HandOver:
    before, opening = _sender(rng)
    headers = (
        ("ARC-Authentication-Results", "i=3; mx.microsoft.com 1; spf=pass; arc=pass (0 oda=1)"),
        r(
            "from mail-ua1-f47.google.com (209.85.222.47) by D1.mail.protection.outlook.com"
            " (10.13.1.2) with Microsoft SMTP Server id 15 via Frontend Transport"
        ),
        r("by mail-ua1-f47.google.com with SMTP id a1 for <reader@example.net>"),
        ("X-Forwarded-To", "reader@example.net"),
        ("Delivered-To", "reader@example.com"),
        r("by 2002:a59:b96f:0:b0:3f7:5ee5:1e91 with SMTP id w15"),
        ("ARC-Seal", "i=2; a=rsa-sha256; t=1; cv=pass; d=google.com; s=arc; b=x"),
        (
            "ARC-Authentication-Results",
            f"i=2; mx.google.com; spf=pass (google.com: a designates {before} as permitted sender)",
        ),
        r(f"{opening} by mx.google.com with ESMTPS id h3"),
    )
    return HandOver(
        kind="gmail forwarding",
        headers=headers,
        origin="209.85.222.47",
        passages=("Google",),
        likelier=before,
        service="Google",
        entry=3,
    )


def _google_group(rng: random.Random) -> HandOver:
    before, opening = _sender(rng)
    address = outside(rng)
    headers = (
        (
            "Return-Path",
            "<list+bncBDDNFU7K24IRBN6NTWRQMGQEDPDXKGQ@example.com>",
        ),
        _inside_postfix("mail-oo1-f78.google.com", address),
        r("by mail-oo1-f78.google.com with SMTP id a1 for <reader@example.net>"),
        ("X-BeenThere", "list@example.com"),
        r("by 2002:a05:6870:5aa8:b0:19a:5e84:8f48 with SMTP id d1"),
        r(f"{opening} by mx.google.com with ESMTPS id h3"),
        ("List-ID", "<list.example.com>"),
    )
    return HandOver(
        kind="google group",
        headers=headers,
        origin=address,
        passages=("Google",),
        likelier=before,
        service="Google",
        entry=3,
    )


def _exchange_forward(rng: random.Random) -> HandOver:
    before, address = outside(rng), outside(rng)
    name = "mail-x.outbound.protection.outlook.com"
    headers = (
        ("Return-Path", "<joe+SRS=Gv0Cu=XY=example.org=a@example.com>"),
        r(f"from {name} ({name}. [{address}]) by mx.google.com with ESMTPS id 1"),
        r(
            "from A1.eurprd03.prod.outlook.com (2603:10a6:10::7) by B2.eurprd03.prod.outlook.com"
            " (2603:10a6:20::8) with Microsoft SMTP Server (version=TLS1_2) id 15"
        ),
        r(
            "from C3.eurprd03.prod.outlook.com (2603:10a6:30::9) by A1.outlook.office365.com"
            " (2603:10a6:10::7) with Microsoft SMTP Server id 15 via Frontend Transport"
        ),
        r(
            f"from m.hop.example.org ({before}) by C3.mail.protection.outlook.com (10.1.1.1) with"
            " Microsoft SMTP Server id 15 via Frontend Transport"
        ),
    )
    return HandOver(
        kind="exchange online forwarding",
        headers=headers,
        origin=address,
        passages=("Microsoft",),
        likelier=before,
        service="Microsoft",
        entry=3,
    )


def _pobox_fetched(rng: random.Random) -> HandOver:
    before, opening = _sender(rng)
    address = outside(rng)
    headers = (
        r("from pop.example.net [198.18.96.7] by localhost with POP3 (fetchmail-6.3)"),
        r(f"from a.pobox.com (a.pobox.com [{address}]) by pop.example.net (Postfix) with ESMTP"),
        r("from a.pobox.com (localhost [127.0.0.1]) by a.pobox.com (Postfix) with ESMTP id 2"),
        ("Delivered-To", "reader@pobox.com"),
        r(f"{opening} by a.pobox.com (Postfix) with ESMTPS id 3"),
    )
    return HandOver(
        kind="kept forwarder, fetched",
        headers=headers,
        origin=address,
        passages=("Pobox",),
        likelier=before,
        service="Pobox",
        entry=3,
    )


def _kept_list(rng: random.Random) -> HandOver:
    before, opening = _sender(rng)
    address = outside(rng)
    headers = (
        _inside_postfix("turing.freelists.org", address),
        r("from turing (localhost [127.0.0.1]) by turing.freelists.org (Avenir) with ESMTP id 1"),
        r(f"{opening} by turing.freelists.org (Avenir) with ESMTP id 2"),
        ("List-Id", "A list <talk.freelists.org>"),
    )
    return HandOver(
        kind="kept list",
        headers=headers,
        origin=address,
        passages=("FreeLists",),
        likelier=before,
        service="FreeLists",
        entry=2,
    )


def _list_in_settings(rng: random.Random) -> HandOver:
    before, address = outside(rng), outside(rng)
    headers = (
        r(
            f"from lists.example.org (root@lists.example.org [{address}]) by mx.example.net"
            " (8.11.6/8.11.6) with ESMTP id g7"
        ),
        r(
            "from lists (root@localhost [127.0.0.1]) by lists.example.org (8.9.3/8.9.3) with ESMTP"
            " id TAA1"
        ),
        r(
            f"from m.hop.example.com (m.hop.example.com [{before}]) by lists.example.org"
            " (8.9.3/8.9.3) with ESMTP id TAA0 for <talk@lists.example.org>"
        ),
        ("X-BeenThere", "talk@lists.example.org"),
        ("List-Id", "<talk.lists.example.org>"),
    )
    return HandOver(
        kind="sendmail list in the settings",
        headers=headers,
        origin=address,
        passages=("lists.example.org",),
        likelier=before,
        forwarders=("lists.example.org",),
        entry=2,
    )


def _university(rng: random.Random) -> HandOver:
    before = outside(rng)
    address = outside6(rng)
    headers = (
        r(
            f"from alumni.example.edu ([{address}]:40123 helo=alumni.example.edu) by mx.example.net"
            " with esmtps (TLS1.3) (Exim 4.96) id 1"
        ),
        ("Delivered-To", "class-of-1999@alumni.example.edu"),
        r(
            f"from m.hop.example.org ([{before}] helo=x) by alumni.example.edu with esmtp (Exim"
            " 4.96) id 2"
        ),
    )
    return HandOver(
        kind="university alias over IPv6, by network",
        headers=headers,
        origin=address,
        passages=("alumni.example.edu",),
        likelier=before,
        forwarders=("2001:db8:8000::/33",),
        entry=1,
    )


def _qmail_forwarder(rng: random.Random) -> HandOver:
    before, address = outside(rng), outside(rng)
    headers = (
        r(f"from fwd.example.org (fwd.example.org [{address}]) by mx.example.net (Postfix)"),
        ("Received", f"(qmail 1 invoked by alias); {DATE}"),
        ("Delivered-To", "reader@fwd.example.org"),
        ("Received", f"(qmail 2 invoked from network); {DATE}"),
        r(f"from unknown (HELO x) ({before}) by fwd.example.org with SMTP"),
    )
    return HandOver(
        kind="qmail forwarder in the settings",
        headers=headers,
        origin=address,
        passages=("fwd.example.org",),
        likelier=before,
        forwarders=(".example.org",),
        entry=3,
    )


def _silent_gateway(rng: random.Random) -> HandOver:
    address = outside(rng)
    headers = (
        r(f"from fwd.example.org (fwd.example.org [{address}]) by mx.example.net (Postfix)"),
        r(f"from x (x.example.com [{VICTIM}]) by y.example.com (Postfix) with ESMTP id 1"),
    )
    return HandOver(
        kind="forwarder that adds nothing",
        headers=headers,
        origin=address,
        passages=("fwd.example.org",),
        forwarders=("fwd.example.org",),
        entry=0,
    )


def _two_forwarders(rng: random.Random) -> HandOver:
    before, opening = _sender(rng)
    first, second = outside(rng), outside(rng)
    headers = (
        ("Return-Path", "<reader+caf_=ann=example.net@example.com>"),
        _inside_postfix("mail-ua1-f47.google.com", first),
        r("by mail-ua1-f47.google.com with SMTP id a1"),
        ("X-Forwarded-To", "ann@example.net"),
        r("by 2002:a59:b96f:0:b0:3f7:5ee5:1e91 with SMTP id w15"),
        r(f"from b.pobox.com (b.pobox.com. [{second}]) by mx.google.com with ESMTPS id 1"),
        ("Delivered-To", "reader@pobox.com"),
        r(f"{opening} by b.pobox.com (Postfix) with ESMTPS id 3"),
    )
    return HandOver(
        kind="two forwarders in a row",
        headers=headers,
        origin=first,
        passages=("Google", "Pobox"),
        likelier=before,
        service="Google",
        entry=4,
    )


def _hoster_forward(rng: random.Random) -> HandOver:
    before, opening = _sender(rng)
    address = outside(rng)
    headers = (
        _inside_postfix("relay5.mail.gandi.net", address),
        ("Delivered-To", "reader@example.fr"),
        r(f"{opening} by spool.mail.gandi.net (Postfix) with ESMTPS id 3"),
    )
    return HandOver(
        kind="hoster's redirection",
        headers=headers,
        origin=address,
        passages=("Gandi",),
        likelier=before,
        service="Gandi",
        entry=1,
    )


def _ses(rng: random.Random) -> HandOver:
    account = "8AsHYvgsqAfrloqkhMimh3S7xehBYGj/rnga8jO4rws="
    headers = (
        r(
            "from a1.smtp-out.us-west-2.amazonses.com (54.240.27.55) by"
            " D1.mail.protection.outlook.com (10.13.1.2) with Microsoft SMTP Server id 15"
        ),
        ("Feedback-ID", f"::1.us-west-2.{account}:AmazonSES"),
    )
    return HandOver(
        kind="bulk service",
        headers=headers,
        origin="54.240.27.55",
        service="Amazon SES",
        said=(("account", account),),
    )


def _ionos_client(rng: random.Random) -> HandOver:
    client = outside(rng)
    headers = (
        _inside_postfix("mout.kundenserver.de", "198.18.16.9"),
        r(
            f"from [127.0.0.1] ([{client}]) by mrelayeu.kundenserver.de (mreue107 [198.18.16.8])"
            " with ESMTPSA (Nemesis) id 1"
        ),
    )
    return HandOver(
        kind="webmail that names its client",
        headers=headers,
        origin="198.18.16.9",
        service="IONOS, GMX, WEB.DE and mail.com",
        said=(("client", client),),
    )


def _mailchannels(rng: random.Random) -> HandOver:
    address = outside(rng)
    headers = (
        _inside_postfix("ivory.relay.mailchannels.net", address),
        r("from a (localhost [127.0.0.1]) by relay.mailchannels.net (Postfix) with ESMTP id 3"),
        r(
            "from x (100-125-198-189.local [100.125.198.189]) (Authenticated sender: acme) by"
            " relay.mailchannels.net (Postfix) with ESMTPA id 2"
        ),
    )
    return HandOver(
        kind="hosters' relay",
        headers=headers,
        origin=address,
        service="MailChannels",
        said=(("account", "acme"),),
    )


def _gmail_program(rng: random.Random) -> HandOver:
    address = outside(rng)
    headers = (
        _inside_postfix("mail-x.google.com", address),
        r("from 77463558223 named unknown by gmailapi.google.com with HTTPREST"),
        r(f"from x ([{VICTIM}]) (Authenticated sender: victim) by smtp.google.com with ESMTPSA"),
    )
    return HandOver(
        kind="program at a webmail",
        headers=headers,
        origin=address,
        service="Google",
        said=(("account", "77463558223"),),
    )


def _own_client(rng: random.Random) -> HandOver:
    client, address = outside(rng), outside(rng)
    headers = (
        r("by 2002:a05:6a20:7488:b0:14b:b42c:34a6 with SMTP id p8csp1"),
        r(
            f"from mail-sor-f41.google.com (mail-sor-f41.google.com. [{address}]) by mx.google.com"
            " with SMTPS id 1"
        ),
        r("by mail-sor-f41.google.com with SMTP id 2"),
        r(f"from [{client}] by smtp.google.com with ESMTPSA id 3"),
    )
    return HandOver(
        kind="webmail to itself, client named",
        headers=headers,
        origin=client,
        service="Google",
        submitted=True,
        entry=3,
    )


def _own_hidden(rng: random.Random) -> HandOver:
    address = outside(rng)
    headers = (
        r(
            f"from mail-sor-f41.google.com (mail-sor-f41.google.com. [{address}]) by mx.google.com"
            " with SMTPS id 1"
        ),
    )
    return HandOver(
        kind="webmail to itself, client hidden", headers=headers, origin=address, service="Google"
    )


def _gmx_web(rng: random.Random) -> HandOver:
    client = outside(rng)
    headers = (
        r(
            "from mout.gmx.net ([198.18.16.8]) by mx.gmx.net (mxgmx016 [198.18.16.9]) with ESMTPS"
            " (Nemesis) id 1"
        ),
        r(
            f"from [{client}] ([{client}]) by web-mail.gmx.net (3c-app-gmx.server.lan"
            " [172.19.172.71]) (via HTTP)"
        ),
    )
    return HandOver(
        kind="webmail to itself, by browser",
        headers=headers,
        origin=client,
        service="IONOS, GMX, WEB.DE and mail.com",
        submitted=True,
        entry=1,
    )


def _smarthost(rng: random.Random) -> HandOver:
    client = outside(rng)
    headers = (
        r(
            "from smtp.isp.example.net (smtp.isp.example.net [198.18.1.7]) by mx.isp.example.net"
            " (mx [198.18.1.8]) with ESMTP id 1"
        ),
        r(
            f"from laptop (dsl-7.isp.example.net [{client}]) (Authenticated sender: joe) by"
            " smtp.isp.example.net (Postfix) with ESMTPSA id 2"
        ),
    )
    return HandOver(
        kind="customer of the reporter's ISP",
        headers=headers,
        origin=client,
        submitted=True,
        entry=1,
    )


_KINDS = (
    _gmail_forward,
    _google_group,
    _exchange_forward,
    _pobox_fetched,
    _kept_list,
    _list_in_settings,
    _university,
    _qmail_forwarder,
    _silent_gateway,
    _two_forwarders,
    _hoster_forward,
    _ses,
    _ionos_client,
    _mailchannels,
    _gmail_program,
    _own_client,
    _own_hidden,
    _gmx_web,
    _smarthost,
)
NAMES = tuple(make.__name__.removeprefix("_").replace("_", " ") for make in _KINDS)


def hand_overs(rng: random.Random) -> Iterator[HandOver]:
    """One mail of each kind, with fresh addresses."""
    for make in _KINDS:
        yield make(rng)


# What strangers and account holders can write to look forwarded.

_SIGNS: Headers = (
    ("X-Forwarded-To", "reader@example.net"),
    ("Delivered-To", "reader@example.com"),
    ("Resent-From", "reader@example.com"),
    ("X-BeenThere", "talk@freelists.org"),
    ("List-Id", "<talk.freelists.org>"),
    ("ARC-Seal", "i=2; a=rsa-sha256; cv=pass; d=google.com; s=arc; b=x"),
    ("ARC-Authentication-Results", f"i=2; mx.google.com; spf=pass (designates {VICTIM} as x)"),
    ("Authentication-Results", "mx.example.net; arc=pass"),
)
_ENTRIES = (
    f"from v.example.com (v.example.com. [{VICTIM}]) by mx.google.com with ESMTPS id 1",
    f"from v.example.com (v.example.com [{VICTIM}]) by a.pobox.com (Postfix) with ESMTPS id 1",
    f"from v ([{VICTIM}]) (Authenticated sender: v) by smtp.google.com with ESMTPSA id 1",
)


def by_strangers(rng: random.Random) -> Iterator[tuple[str, str, Headers]]:
    """Mails of unrecognised senders that look forwarded: how, the sender, the headers."""
    for helo in ("mail-ua1-f47.google.com", "a.pobox.com", "mx.example.net"):
        for entry in _ENTRIES:
            sender = outside(rng)
            top = r(f"from {helo} (evil.example.org [{sender}]) by mx.example.net (Postfix) with X")
            link = r(f"by {helo} with SMTP id 2")
            path = ("Return-Path", "<reader+caf_=ann=example.net@example.com>")
            yield f"{helo}, {entry[:30]}", sender, (path, top, link, *_SIGNS, r(entry), *_SIGNS)


def by_accounts(rng: random.Random) -> Iterator[tuple[str, str, Headers]]:
    """Mails of account holders at recognised services that look forwarded to them."""
    google = outside(rng)
    top = _inside_postfix("mail-ua1-f47.google.com", google)
    own = {
        "login": f"from [{outside(rng)}] by smtp.google.com with ESMTPSA id 1",
        "program": "from 77463558223 named unknown by gmailapi.google.com with HTTPREST",
    }
    for how, line in own.items():
        for entry in _ENTRIES:
            lines = (top, r("by mail-ua1-f47.google.com with SMTP id 2"), r(line))
            yield f"google {how}", google, (*lines, *_SIGNS, r(entry), *_SIGNS)
    gandi = outside(rng)
    shell = r("from web1.mail.gandi.net (localhost [127.0.0.1]) by web1.mail.gandi.net (Postfix)")
    script = r("by web1.mail.gandi.net (Postfix, from userid 1001) id 5")
    entry = r(f"from v ([{VICTIM}]) by spool.mail.gandi.net (Postfix) with ESMTPS id 1")
    for how, local in (("shell", shell), ("script", script)):
        lines = (_inside_postfix("relay5.mail.gandi.net", gandi), local)
        yield f"hoster {how}", gandi, (*lines, *_SIGNS, entry)
