"""Borders: where mail enters a provider, kept for the large ones and set by an administrator.

The kept facts are how each provider names the machines that take mail from outside; whoever
hands over to one of them stands outside. The law: a setting is matched by the machine that wrote
a line, by an address, or by a name that was looked up, never by a HELO. Verbs: ``settings``
reads what was configured, ``kept`` knows the large providers.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from gateway import errors
from gateway.trace import kin

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_EDGES = re.compile(
    r"""
    # Exchange Online: only its filtering front hosts take mail from the internet.
    .+\.mail\.(?:protection|eo)\.outlook\.(?:com|cn) | .+\.mail\.protection\.office365\.us
  | .+\.mail\.protection\.partner\.outlook\.cn
    # Hotmail before 2013: "mc" hosts with Microsoft SMTPSVC.
  | [a-z0-9]+-mc\d+-f\d+\.[a-z0-9]+\.hotmail\.com | mc\d+-f\d+\.[a-z0-9.]*hotmail\.com
  | mx\.google\.com
    # Yahoo and AOL: "mta" and "mtain" hosts; newer Yahoo prints a private address instead.
  | mta\d+\.(?:mail\.)?[a-z0-9.]*yahoo\.com | mtain-[a-z0-9-]+\.[a-z0-9.]*(?:aol|yahoo)\.com
  | mx(?:-ha)?\.(?:gmx|web)\.(?:net|de) | mx\.kundenserver\.de | mx[a-z0-9-]*\.perfora\.net
  | mwinf[a-z0-9]+\.(?:me-wanadoo\.net|orange\.fr|wanadoo\.fr)
  | mx\d+-g\d+\.(?:free\.fr|priv\.proxad\.net)
  | mlpnf\d+\.laposte\.net
  | mailin\d+\.protonmail\.ch | mailin\d+[a-z0-9.-]*\.proton(?:mail)?\.(?:ch|me)
  | mx\d+\.messagingengine\.com
  | mx\d*\.zoho(?:mail)?\.(?:com|eu|in)
  | mxfront[a-z0-9-]*\.[a-z0-9.-]*yandex\.(?:net|ru) | mail-nwsmtp-mxfront[a-z0-9.-]+yandex\.net
  | newxm?mx[a-z0-9-]+\.qq\.com | mx\d*\.qq\.com
  | resimta-[a-z0-9-]+\.(?:sys|email)\.comcast\.net
    """,
    re.VERBOSE,
)
# Networks of a large provider's mail machines alone, which the tables know partly or share with
# its customers. Exchange Online numbers its machines in every second group "10?6" of one block.
_OWN: dict[str, tuple[Network, ...]] = {
    "microsoft": (
        *(ipaddress.ip_network(f"2603:10{digit:x}6::/32") for digit in range(16)),
        ipaddress.ip_network("2a01:111:e400::/48"),
        ipaddress.ip_network("2a01:111:f400::/46"),
    ),
}
_NAME = re.compile(r"(?:\*?\.)?([a-z0-9_][a-z0-9_.-]{0,252})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Settings:
    """An administrator's borders: host names or domains in lower case, and networks."""

    names: tuple[str, ...]
    networks: tuple[Network, ...]

    def named(self, host: str | None) -> bool:
        """Whether a host name is one of the settings, or stands below one."""
        if host is None or not self.names:
            return False
        return any(host == name or host.endswith("." + name) for name in self.names)

    def holds(self, address: str | None) -> bool:
        """Whether an address (canonical text) lies in one of the networks."""
        if address is None or not self.networks:
            return False
        found = ipaddress.ip_address(address)
        return any(found.version == net.version and found in net for net in self.networks)


@lru_cache(maxsize=64)
def _settings(borders: tuple[str, ...]) -> Settings:
    names: list[str] = []
    networks: list[Network] = []
    for border in borders:
        text = border.strip()
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
            continue
        except ValueError:
            named = _NAME.fullmatch(text)
        if named is None or kin.registered(named.group(1)) is None:
            raise errors.ConfigInvalid(
                f"{border!r} is no border",
                hint="A border is a host name, a domain, an IP address or a network.",
            )
        names.append(named.group(1).lower().rstrip("."))
    return Settings(tuple(names), tuple(networks))


def settings(borders: Sequence[str]) -> Settings:
    """The borders of a configuration: ``mx.example.org``, ``.example.org``, ``192.0.2.0/24``.

    Raises:
        ConfigInvalid: a border is neither a host name, a domain, an address nor a network.
    """
    return _settings(tuple(borders))


@lru_cache(maxsize=8192)
def kept(host: str) -> bool:
    """Whether a host (lower case) takes in mail from the internet for a large provider."""
    return _EDGES.fullmatch(host) is not None


@lru_cache(maxsize=8192)
def owned(house: str | None, address: str) -> bool:
    """Whether an address (canonical) is kept as one of the large provider's own machines."""
    networks = _OWN.get(house or "", ())
    if not networks:
        return False
    found = ipaddress.ip_address(address)
    return any(found.version == net.version and found in net for net in networks)
