"""Which machines belong together, by name: registered domains, organisations, customers' names.

No RFC defines this; the public suffixes below are the common second levels under country codes,
enough to keep two companies apart. The law: where a name says nothing, nothing is concluded.
Verbs: ``registered``, ``organisation``, ``akin``, ``customer``.
"""

import re
from functools import lru_cache

from gateway.formats.received import address

_SECOND_LEVEL = """
ac ad ne co com edu gob gouv gov gub go gr id in info ltd me mil net nhs nic nom or org plc sch tm
web asn firm gen ind k12 lg re pe muni adm art blog eng tur inf
"""
_LOCAL_TOP = """
local localdomain internal intern lan corp home intranet private invalid test localhost
"""
# Domains under which a hoster's customers have their names: they say nothing of kinship.
_CUSTOMERS = """
amazonaws.com googleusercontent.com cloudapp.net azure.com linodeusercontent.com linode.com
vultrusercontent.com vultr.com contaboserver.net your-server.de secureserver.net ovh.net ovh.ca
kimsufi.com hwclouds-dns.com poneytelecom.eu scaleway.com dedibox.fr hostwindsdns.com
colocrossing.com dreamhost.com stratoserver.net hostinger.com websitewelcome.com bluehost.com
unifiedlayer.com clouvider.net digitalocean.com onlinehome-server.info ip-ptr.tech dyndns.org
no-ip.org ddns.net
"""
# One large provider a line: its short name, then the domains of its machines.
_PROVIDERS = """
microsoft outlook.com outlook.cn office365.com office365.us office.com exchangelabs.com \
    microsoft.com microsoftonline.com hotmail.com live.com msn.com
google google.com gmail.com googlemail.com 1e100.net
yahoo yahoo.com yahoo.net yahoodns.net ymail.com yahoo.co.uk yahoo.fr aol.com aol.net rocketmail.com
ionos gmx.net gmx.com gmx.de web.de mail.com kundenserver.de perfora.net 1and1.com ionos.com \
    ionos.de ui-portal.com schlund.de
orange orange.fr wanadoo.fr me-wanadoo.net orange.net francetelecom.net
free free.fr proxad.net
laposte laposte.net meshcore.net
sfr sfr.fr sfr.net neuf.fr cegetel.net
bouygues bbox.fr bouyguestelecom.fr
ovh mail.ovh.net mail-out.ovh.net ha.ovh.net
gandi gandi.net
infomaniak infomaniak.ch infomaniak.com
proton protonmail.ch protonmail.com proton.me proton.ch
apple apple.com icloud.com me.com mac.com
fastmail messagingengine.com fastmail.com fastmail.fm
zoho zoho.com zoho.eu zoho.in zohomail.com zohomail.eu zohomail.in
mailru mail.ru smailru.net
yandex yandex.net yandex.ru yandex.com
tencent qq.com foxmail.com tencent.com
netease 163.com 126.com yeah.net netease.com
comcast comcast.net
telekom t-online.de telekom.de t-ipnet.de
seznam seznam.cz
libero libero.it iol.it italiaonline.it
mailbox.org mailbox.org heinlein-hosting.de
posteo posteo.de posteo.net
"""
_SECOND_LEVELS = frozenset(_SECOND_LEVEL.split())
_LOCAL_TOPS = frozenset(_LOCAL_TOP.split())
_CUSTOMER_DOMAINS = frozenset(_CUSTOMERS.split())
_DOMAINS = {
    domain: row.split()[0] for row in _PROVIDERS.strip().splitlines() for domain in row.split()[1:]
}
_CUSTOMER_WORD = re.compile(
    r"(?:^|[.-])(?:[avsx]?dsl|dyn|dynamic|dynip|dhcp|pool|ppp|pppoe|dial(?:up|in)?|cable|cust|"
    r"customer|client|user|host|broadband|static|res|residential|mobile|nat|ip|vps|pc)\d*(?=[.-])"
)


@lru_cache(maxsize=8192)
def registered(host: str) -> str | None:
    """The registered domain of a host name in lower case; None for an address or a local name."""
    labels = host.rstrip(".").lower().split(".")
    if len(labels) < 2 or not all(labels) or labels[-1] in _LOCAL_TOPS or address(host) is not None:
        return None
    deep = len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS and len(labels) > 2
    return ".".join(labels[-3:] if deep else labels[-2:])


@lru_cache(maxsize=8192)
def organisation(host: str) -> str | None:
    """Who runs the host, as far as its name says; None for a local name.

    A large provider has a short name, a hoster's customer the whole host name, and everybody
    else the registered domain.
    """
    domain = registered(host)
    if domain is None:
        return None
    name = host.rstrip(".").lower()
    labels = name.split(".")
    for length in (3, 2):
        tail = ".".join(labels[-length:])
        if tail in _DOMAINS:
            return _DOMAINS[tail]
    return name if domain in _CUSTOMER_DOMAINS else domain


def akin(one: str | None, other: str | None) -> bool:
    """Whether two host names are of one organisation; a local name is akin to none."""
    if one is None or other is None:
        return False
    first = organisation(one)
    return first is not None and first == organisation(other)


def local(host: str | None) -> bool:
    """Whether a name says nothing of its owner: ``mail``, ``mx.lan``, an address, no name."""
    return host is None or registered(host) is None


@lru_cache(maxsize=8192)
def customer(host: str, at: str) -> bool:
    """Whether a host name is one that an access or hosting provider gives to a customer.

    Such a machine carries its provider's domain and is no part of its mail system. ``at`` is its
    address: two of its numbers in the name, or the whole in hexadecimal, betray it too.
    """
    if _CUSTOMER_WORD.search(host) is not None:
        return True
    octets = at.split(".")
    if len(octets) != 4:
        return False
    digits = re.findall(r"\d+", host)
    if sum(octet in {found.lstrip("0") or "0" for found in digits} for octet in octets) >= 3:
        return True
    packed = "".join(f"{int(octet):02x}" for octet in octets)
    return packed in host or "".join(octet.zfill(3) for octet in octets) in host
