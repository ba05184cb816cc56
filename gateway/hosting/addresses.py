"""Addresses: which spelling they have, which are nobody's, which block lies around one.

It carries the special-purpose registries (RFC 6890 §2.2). No disk, no network here.
Verbs: ``parse``, ``canonical``, ``special``, ``neighbourhood``, ``block``.
"""

import ipaddress
from bisect import bisect_right

from gateway.errors import AddressInvalid
from gateway.model import Country

NO_COUNTRIES = frozenset({"EU", "AP", "ZZ"})
"""Codes of the registries that are no countries."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Python's own is_global is true for several of these, so the table is ours. The empty word is
# that of public addresses; of IPv6 only 2000::/3 has been opened for them (RFC 4291 §2.4).
_SPECIAL: dict[str, tuple[str, ...]] = {
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    "shared": ("100.64.0.0/10",),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "documentation": (
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "233.252.0.0/24",
        "2001:db8::/32",
        "3fff::/20",
    ),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    "embedded": (
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "::/96",
    ),
    "reserved": (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "240.0.0.0/4",
        "::/0",
        "::/128",
        "2001::/23",
        "2620:4f:8000::/48",
    ),
    "": ("0.0.0.0/0", "2000::/3"),
}


def _cut(version: int) -> tuple[list[int], list[str]]:
    """The special blocks of one IP version as starts in order, each with its word.

    Where blocks lie inside each other the narrowest speaks.
    """
    blocks = [
        (int(network.network_address), network.num_addresses, word)
        for word, texts in _SPECIAL.items()
        for network in map(ipaddress.ip_network, texts)
        if network.version == version
    ]
    starts = sorted({edge for first, size, _ in blocks for edge in (first, first + size)})
    words = []
    for start in starts:
        around = [(size, word) for first, size, word in blocks if first <= start < first + size]
        words.append(min(around, default=(0, ""))[1])
    return starts, words


_CUTS = {4: _cut(4), 6: _cut(6)}
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
_MAPPED = 0xFFFF


def parse(address: str) -> Address:
    """The address that ``address`` spells; brackets and ``IPv6:`` are allowed, zones are not.

    Raises:
        AddressInvalid: it is no IP address in the usual spelling.
    """
    text = address.strip()
    if text[:1] == "[" and text[-1:] == "]":
        text = text[1:-1]
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        found = ipaddress.ip_address(text)
    except ValueError as error:
        raise AddressInvalid(f"{address[:100]!r} is not an IP address") from error
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id is not None:
        raise AddressInvalid(f"{address[:100]!r} names an interface, which means nothing abroad")
    return found


def canonical(address: str) -> str:
    """``address`` in its one canonical spelling (RFC 5952 §4 and §5).

    Raises:
        AddressInvalid: it is no IP address.
    """
    return text_of(parse(address))


def text_of(address: Address) -> str:
    """``address`` in its one canonical spelling."""
    # Versions of Python differ in how they spell an IPv4 address that is mapped into IPv6.
    number = int(address)
    if address.version == 6 and number >> 32 == _MAPPED:
        return f"::ffff:{ipaddress.IPv4Address(number & 0xFFFF_FFFF)}"
    return str(address)


def special(address: str | Address) -> str | None:
    """Why ``address`` is no public host's: the word of ``model.Hosting.none``; None if it is.

    Addresses that carry an IPv4 address inside never count as public, whatever they carry.

    Raises:
        AddressInvalid: it is no IP address.
    """
    found = parse(address) if isinstance(address, str) else address
    starts, words = _CUTS[found.version]
    number = int(found)
    word = words[bisect_right(starts, number) - 1]
    if not word and found.version == 6 and number >> 32 & 0xFFFF_FFFF in _ISATAP:
        # ISATAP carries an IPv4 address in its lower half (RFC 5214 §6.1).
        return "embedded"
    return word or None


def neighbourhood(address: str | Address) -> str:
    """The /24 or /48 around an address, which stands for its network where nothing else does.

    Raises:
        AddressInvalid: it is no IP address.
    """
    found = parse(address) if isinstance(address, str) else address
    if found.version == 4:
        return f"{ipaddress.IPv4Address(int(found) >> 8 << 8)}/24"
    return f"{ipaddress.IPv6Address(int(found) >> 80 << 80)}/48"


def country(text: str | None) -> Country | None:
    """A source's country code as a country, None where it says none."""
    code = (text or "").strip().upper()
    return Country(code) if len(code) == 2 and code.isalpha() and code.isascii() else None


def block(version: int, number: int, first: int, end: int) -> str:
    """The largest prefix around ``number`` that lies in the range from ``first`` up to ``end``.

    IPv6 is counted in /64 networks, as the address table does.
    """
    # A block of 2^n around a number leaves out each neighbour from which the number differs in
    # bit n or above; the neighbours here are the last number before the range, the first after.
    bits = 32 if version == 4 else 64
    size = bits
    if first > 0:
        size = (number ^ first - 1).bit_length() - 1
    if end < 1 << bits:
        size = min(size, (number ^ end).bit_length() - 1)
    start = number >> size << size
    if version == 4:
        return f"{ipaddress.IPv4Address(start)}/{32 - size}"
    return f"{ipaddress.IPv6Address(start << 64)}/{64 - size}"
