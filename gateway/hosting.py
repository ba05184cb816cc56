"""Where an address is hosted: the country of registration decides, every claim is kept.

It carries the special-purpose registries (RFC 6890 §2.2) and our rule of evidence: the most
specific registered block decides; geolocation stands beside it and holds nothing up; only two
sources of registration can dispute each other. No disk, no network here.
Verbs: ``canonical``, ``special``, ``weigh``, ``explain``.
"""

import ipaddress
from collections.abc import Callable, Sequence

from gateway.errors import AddressInvalid
from gateway.model import Confidence, Country, Hosting, HostingClaim

Locate = Callable[[str], Hosting]
"""How anything asks where an address is."""
REGISTRATION = "registration"
GEOLOCATION = "geolocation"
AS_COUNTRY = "as"
NO_COUNTRIES = frozenset({"EU", "AP", "ZZ"})
"""Codes of the registries that are no countries."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Python's own is_global is true for several of these, so the table is ours.
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
        "::/128",
        "100::/64",
        "2001:2::/48",
        "2001:10::/28",
        "2001:20::/28",
        "2001:30::/28",
        "2001:4:112::/48",
        "2620:4f:8000::/48",
        "5f00::/16",
        "fe80::/10",
    ),
}
_TABLE: tuple[tuple[_Network, str], ...] = tuple(
    sorted(
        ((ipaddress.ip_network(block), word) for word, some in _SPECIAL.items() for block in some),
        key=lambda row: -row[0].prefixlen,
    )
)
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")


def parse(address: str) -> Address:
    """The address that ``address`` spells; brackets and ``IPv6:`` are allowed, zones are not.

    Raises:
        AddressInvalid: it is no IP address in the usual spelling.
    """
    text = address.strip().strip("[]")
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
    """``address`` in its one canonical spelling (RFC 5952 §4).

    Raises:
        AddressInvalid: it is no IP address.
    """
    return str(parse(address))


def special(address: str) -> str | None:
    """Why ``address`` is no public host's: the word of ``model.Hosting.none``; None if it is.

    Raises:
        AddressInvalid: it is no IP address.
    """
    return _special(parse(address))


def _special(address: Address) -> str | None:
    for network, word in _TABLE:
        if address.version == network.version and address in network:
            return word
    if address.version == 6 and address not in _GLOBAL_V6:
        return "reserved"
    if address.version == 6 and (int(address) >> 32 & 0xFFFF_FFFF) in {0x5EFE, 0x0200_5EFE}:
        # ISATAP carries an IPv4 address in its lower half (RFC 5214 §6.1).
        return "embedded"
    return None


def neighbourhood(address: str) -> str:
    """The /24 or /48 around an address, which stands for its network where nothing else does."""
    found = parse(address)
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network((found, bits), strict=False))


def weigh(
    address: str,
    claims: Sequence[HostingClaim],
    *,
    asn: int | None = None,
    as_name: str | None = None,
) -> Hosting:
    """What the claims of all sources about a canonical ``address`` come to.

    Args:
        address: in canonical spelling.
        claims: what each source says; those of registration decide.
        asn: the number of the autonomous system, where a source knows it.
        as_name: its name.

    Raises:
        AddressInvalid: it is no IP address.
    """
    kind = special(address)
    network = f"AS{asn}" if asn else (as_name or neighbourhood(address))
    if kind is not None:
        return Hosting(address=address, country=None, network=neighbourhood(address), none=kind)
    registered = sorted(
        (claim for claim in claims if claim.kind == REGISTRATION and claim.country),
        key=_specific,
        reverse=True,
    )
    countries = {claim.country for claim in registered if claim.country not in NO_COUNTRIES}
    disputed = len(countries) > 1
    decisive = next((c for c in registered if c.country not in NO_COUNTRIES), None)
    none = None if decisive else ("no_country" if registered else "unknown")
    elsewhere = {
        claim.country for claim in claims if claim.kind == GEOLOCATION and claim.country
    } - countries
    if decisive is None or disputed:
        confidence = Confidence.LOW
    else:
        confidence = Confidence.MEDIUM if elsewhere else Confidence.HIGH
    return Hosting(
        address=address,
        country=decisive.country if decisive else None,
        network=network,
        prefix=decisive.prefix if decisive else None,
        asn=asn,
        as_name=as_name or None,
        claims=tuple(claims),
        disputed=disputed,
        confidence=confidence,
        none=none,
    )


def _specific(claim: HostingClaim) -> int:
    """How specific a claim's block is: the length of its prefix in bits."""
    return int(claim.prefix.rpartition("/")[2]) if claim.prefix and "/" in claim.prefix else 0


def country(text: str | None) -> Country | None:
    """A source's country code as a country, None where it says none."""
    code = (text or "").strip().upper()
    return Country(code) if len(code) == 2 and code.isalpha() and code.isascii() else None


def block(version: int, number: int, first: int, end: int) -> str:
    """The largest prefix around ``number`` that lies in the range from ``first`` up to ``end``.

    IPv6 is counted in /64 networks, as the address table does.
    """
    bits = 32 if version == 4 else 64
    size = 0
    while size < bits:
        wider = size + 1
        start = number >> wider << wider
        if start < first or start + (1 << wider) > end:
            break
        size = wider
    start = number >> size << size
    if version == 4:
        return f"{ipaddress.IPv4Address(start)}/{32 - size}"
    return f"{ipaddress.IPv6Address(start << 64)}/{64 - size}"


def explain(hosting: Hosting) -> list[str]:
    """Why an address counts as hosted where it does, in sentences."""
    lines = []
    if hosting.none in {"unknown", "no_country"}:
        lines.append(f"No source of registration names a country for {hosting.address}.")
    elif hosting.none is not None:
        lines.append(f"{hosting.address} is a {hosting.none} address: no country hosts it.")
    elif hosting.disputed:
        lines.append(
            f"Sources of registration dispute the country of {hosting.address}: a person decides."
        )
    else:
        lines.append(
            f"{hosting.address} lies in {hosting.prefix}, registered in {hosting.country}"
            f" (confidence {hosting.confidence})."
        )
    for claim in hosting.claims:
        where = f" for {claim.prefix}" if claim.prefix else ""
        beside = "" if claim.kind == REGISTRATION else ", shown beside it, decides nothing"
        lines.append(
            f"{claim.source} ({claim.as_of}) says {claim.country or 'nothing'}{where}:"
            f" {claim.kind}{beside}."
        )
    if hosting.none is None:
        lines.append(f"Network: {hosting.network}.")
    return lines
