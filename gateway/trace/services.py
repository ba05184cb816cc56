"""The mail services that many share, and the forwarders and lists that are known as such.

No RFC defines this. A machine is of a service by a name that the border verified, by the
service's own sending networks (those that it publishes for SPF), or by an autonomous system that
it has to itself. The law: a greeting makes no service, and a name under which customers let
machines is no mail machine's. Verbs: ``recognise``, ``at``.
"""

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from gateway.formats.received import Hop
from gateway.model import Hosting
from gateway.trace import kin

WEBMAIL, BULK, HOSTING, RELAY, FORWARDER, LIST = (
    "webmail",
    "bulk",
    "hosting",
    "relay",
    "forwarder",
    "list",
)
# A service a line: kind, name; then its machines (a domain, or a pattern with "*"), its networks,
# and after "as:" the name of an autonomous system of its own.
_KEPT = """
webmail, Google: google.com; 64.233.160.0/19 66.102.0.0/20 66.249.80.0/20 72.14.192.0/18 \
    74.125.0.0/16 108.177.8.0/21 172.217.0.0/19 173.194.0.0/16 209.85.128.0/17 216.58.192.0/19 \
    216.239.32.0/19 2001:4860:4000::/36 2404:6800:4000::/36 2607:f8b0:4000::/36 \
    2800:3f0:4000::/36 2a00:1450:4000::/36 2c0f:fb50:4000::/36
webmail, Microsoft: outbound.protection.outlook.com mail.protection.outlook.com hotmail.com; \
    40.92.0.0/15 40.107.0.0/16 52.100.0.0/15 52.102.0.0/16 52.103.0.0/17 104.47.0.0/17 \
    2a01:111:f400::/48 2a01:111:f403::/48
webmail, Yahoo and AOL: *.mail.*.yahoo.com *.mx.aol.com
webmail, Apple iCloud: icloud.com me.com mac.com
webmail, IONOS, GMX, WEB.DE and mail.com: mout*.gmx.net mout*.gmx.com mout*.web.de mout*.mail.com \
    mout*.kundenserver.de mout*.perfora.net mout*.ionos.com; 74.208.4.192/26 82.165.159.0/26 \
    212.227.15.0/24 212.227.17.0/27 212.227.126.128/25 217.72.192.64/26 217.72.207.0/27
webmail, Proton: protonmail.ch proton.me proton.ch
webmail, Fastmail: messagingengine.com
webmail, Zoho: zoho.com zoho.eu zoho.in zohomail.com
webmail, Yandex: yandex.net yandex.ru
webmail, Mail.ru: mail.ru smailru.net
webmail, Tencent QQ: qq.com
webmail, NetEase: 163.com 126.com netease.com
webmail, La Poste: *.laposte.net smtp*.laposte.net
webmail, Orange: smtpout.orange.fr smtpout.wanadoo.fr
webmail, Free: smtp*.free.fr
webmail, SFR: msfrf*.sfr.fr smtp*.sfr.fr
webmail, Telekom: mailout*.t-online.de fwd*.t-online.de
webmail, Comcast: sys.comcast.net
webmail, Seznam: *.seznam.cz
bulk, Amazon SES: *.smtp-out.amazonses.com *.smtp-out.*.amazonses.com; 23.249.208.0/20 \
    23.251.224.0/19 54.240.0.0/18 54.240.64.0/19 54.240.96.0/19 69.169.224.0/20 76.223.128.0/19 \
    76.223.176.0/20 199.127.232.0/22 199.255.192.0/22 206.55.144.0/20 216.221.160.0/19
bulk, SendGrid: sendgrid.net; 50.31.32.0/19 167.89.0.0/17 168.245.0.0/17 192.254.112.0/20 \
    198.21.0.0/21 198.37.144.0/20 208.117.48.0/20; as:SENDGRID
bulk, Mailgun: mailgun.net mailgun.org mailgun.info; 69.72.32.0/20 143.55.224.0/20 \
    146.20.113.0/24 146.20.191.0/24 159.112.240.0/20 159.135.224.0/20 161.38.192.0/20 \
    166.78.68.0/22
bulk, Mailchimp: mcsv.net mcdlv.net rsgsv.net mailchimpapp.net mandrillapp.com; 148.105.0.0/16 \
    198.2.128.0/18 205.201.128.0/20; as:THEROCKETSCIENCEGROUP as:ROCKETSCIENCE
bulk, Brevo: sendinblue.com brevo.com mailin.fr sender-sib.com; as:SENDINBLUE
bulk, Mailjet: mailjet.com; as:MAILJET
bulk, SparkPost: sparkpostmail.com
bulk, Postmark: mtasv.net
bulk, Salesforce: exacttarget.com salesforce.com; as:EXACTTARGET
bulk, HubSpot: hubspotemail.net hubspot.com
bulk, Constant Contact: constantcontact.com; as:CONSTANTCONTACT
bulk, Campaign Monitor: createsend.com
bulk, Zendesk: zendesk.com
bulk, Elastic Email: elasticemail.com
bulk, Oracle: oracleemaildelivery.com eloqua.com responsys.net
bulk, Klaviyo: klaviyomail.com
bulk, GovDelivery: govdelivery.com
bulk, Salsa: salsalabs.org
bulk, SMTP2GO: smtp2go.com
bulk, GetResponse: getresponse.com
bulk, Emarsys: emarsys.net
hosting, OVH: mail-out.ovh.net
hosting, Gandi: mail.gandi.net
hosting, Infomaniak: smtp*.infomaniak.ch
hosting, Strato: smtp.rzone.de
hosting, GoDaddy: *.prod.*.secureserver.net
hosting, Newfold: *.mail.unifiedlayer.com gateway*.websitewelcome.com
hosting, Hostinger: *smtpout*.hostinger.io
hosting, Aruba: smtp*.aruba.it
hosting, Rackspace: emailsrvr.com
hosting, Namecheap: privateemail.com
hosting, Titan: titan.email
hosting, DreamHost: *.mail.dreamhost.com
hosting, SiteGround: mailspamprotection.com
relay, MailChannels: relay.mailchannels.net; 23.83.208.0/20; as:MAILCHANNELS
relay, Mimecast: mimecast.com mimecast-offshore.com
relay, Proofpoint: pphosted.com ppe-hosted.com
relay, Cisco: iphmx.com
relay, Barracuda: ess.barracudanetworks.com
relay, Symantec: messagelabs.com
forwarder, Pobox: pobox.com
forwarder, Forward Email: forwardemail.net
forwarder, ImprovMX: improvmx.com
forwarder, SimpleLogin: simplelogin.co simplelogin.io
forwarder, DuckDuckGo: duck.com duckduckgo.com
forwarder, addy.io: anonaddy.com addy.io
forwarder, Cloudflare: cloudflare-email.net cloudflare-email.com
forwarder, Namecheap forwarding: eforward*.registrar-servers.com
forwarder, Polytechnique.org: polytechnique.org m4x.org
list, Groups.io: groups.io
list, FreeLists: freelists.org
list, SourceForge: lists.sourceforge.net *list*.sourceforge.net
list, Debian: lists.debian.org bendel.debian.org
list, Linux kernel: vger.kernel.org
list, Python: mail.python.org
list, GNU: lists.gnu.org
list, IETF: mail.ietf.org
list, Apache: mxout*.apache.org
list, Ubuntu: lists.ubuntu.com
list, RENATER: listes*.renater.fr
list, Framalistes: framalistes.org
list, JISCMail: jiscmail.ac.uk
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A service as it is kept: its kind, its name, and who runs its machines by their names."""

    kind: str
    name: str
    houses: frozenset[str]


def _pattern(machine: str) -> str:
    """A machine's name, or a domain with everything below it, as a regular expression."""
    written = re.escape(machine).replace(r"\*", r"[a-z0-9.-]*")
    return written if "*" in machine else rf"(?:[a-z0-9_.-]+\.)?{written}"


def _rows() -> Iterator[tuple[Kept, list[str], list[str]]]:
    """Each row: the service, its machines, its networks and systems."""
    for row in _KEPT.strip().splitlines():
        said, _, known = row.partition(": ")
        kind, _, name = said.partition(", ")
        machines, *others = (part.split() for part in known.split(";"))
        # What follows the last label with a star names who runs the machine.
        plain = (re.sub(r".*\*[^.]*\.", "", machine) for machine in machines)
        houses = frozenset(house for house in map(kin.organisation, plain) if house is not None)
        yield Kept(kind, name, houses), machines, [word for part in others for word in part]


_ROWS = tuple(_rows())
_MACHINES = re.compile(
    "|".join(f"({'|'.join(map(_pattern, machines))})" for _, machines, _ in _ROWS)
)
_SYSTEMS = {
    word.removeprefix("as:"): kept for kept, _, others in _ROWS for word in others if "as:" in word
}


def _spans(version: int) -> tuple[list[int], list[tuple[int, Kept]]]:
    """The networks of one IP version: where each begins, and its last number with its service."""
    spans = sorted(
        (int(network.network_address), int(network.broadcast_address), kept)
        for kept, _, others in _ROWS
        for network in map(ipaddress.ip_network, (word for word in others if "as:" not in word))
        if network.version == version
    )
    return [first for first, _, _ in spans], [(last, kept) for _, last, kept in spans]


_NETWORKS = {4: _spans(4), 6: _spans(6)}


@lru_cache(maxsize=8192)
def at(host: str) -> Kept | None:
    """The service whose machine bears a name (lower case) that can be believed; None for none."""
    match = _MACHINES.fullmatch(host)
    return None if match is None or match.lastindex is None else _ROWS[match.lastindex - 1][0]


@lru_cache(maxsize=8192)
def of_house(host: str) -> Kept | None:
    """The service whose provider wrote a line as ``host``; only for a line that is believed."""
    house = kin.organisation(host)
    return at(host) or next((kept for kept, _, _ in _ROWS if house in kept.houses), None)


@lru_cache(maxsize=8192)
def _within(address: str) -> Kept | None:
    found = ipaddress.ip_address(address)
    starts, spans = _NETWORKS[found.version]
    number = int(found)
    place = bisect_right(starts, number) - 1
    if place < 0 or spans[place][0] < number:
        return None
    return spans[place][1]


def recognise(hop: Hop, hosting: Hosting) -> tuple[Kept, str] | None:
    """The service whose machine handed a mail over, and in words how that is known.

    Args:
        hop: the line that is believed; its address is recorded.
        hosting: where that address is.
    """
    if hop.rdns is not None and (found := at(hop.rdns)) is not None:
        return found, f"the name {hop.rdns}, which {hop.by} verified"
    if (found := _within(hosting.address)) is not None:
        return found, f"the networks from which {found.name} sends"
    if hosting.as_name and (found := _SYSTEMS.get(hosting.as_name)) is not None:
        return found, f"the autonomous system {hosting.as_name}"
    return None
