"""The hosts of a report as IODEF systems: who handed the Message over, and who is only claimed.

Carries RFC 7970 §3.17 and §3.18. The law: one System is the source, and every older address is an
intermediate one of which nothing is known. Verbs: ``source``, ``claimed``, ``contact``.
"""

import csv
import io
import ipaddress
from functools import lru_cache
from typing import Final

from msgspec import UNSET

from gateway.errors import MustNotLeave
from gateway.formats.iodef_document import (
    Address,
    Contact,
    Counter,
    Email,
    EmailData,
    Extension,
    Node,
    Service,
    System,
)
from gateway.incident.texts import NAME_CHARS, clipped, fit
from gateway.model import Hosting, HostingClaim, Origin
from gateway.redact import Hider

CLAIMED_MOST: Final = 10
"""Older addresses that travel, newest first."""
CLAIMS_MOST: Final = 16
"""Claims about the host's country that travel."""
_ONE_MESSAGE: Final = (Counter(value=1, type="ext-value", ext_type="count", unit="message"),)


def source(origin: Origin, hosting: Hosting, email_data: EmailData, hider: Hider) -> System:
    """The host that handed the Message over, with where it is registered and by which sources.

    Raises:
        MustNotLeave: its address is none.
    """
    address = _address(origin.address)
    if address is None:
        raise MustNotLeave("the origin is no IP address")
    addresses = [address]
    if hosting.prefix is not None and (network := _network(hosting.prefix)) is not None:
        addresses.append(network)
    if hosting.asn is not None:
        addresses.append(Address(value=str(hosting.asn), category="asn"))
    return System(
        category="source",
        spoofed="no",
        node=Node(addresses=tuple(addresses)),
        services=(
            Service(
                ip_protocol=6,
                port=UNSET if origin.port is None else origin.port,
                email_data=email_data,
            ),
        ),
        counters=_ONE_MESSAGE,
        additional=(*_border(origin, hider), *_hosting(hosting)),
    )


def _border(origin: Origin, hider: Hider) -> list[Extension]:
    said = []
    if origin.border is not None:
        said.append(_string("origin-border", hider.hide_line(fit(origin.border))))
    if origin.forwarded:
        said.append(Extension(value="true", dtype="boolean", name="origin-forwarded"))
    said += (_string("origin-corroborated-by", name) for name in origin.corroborated_by[:8])
    return said


def _hosting(hosting: Hosting) -> list[Extension]:
    said = [
        _string("hosting-network", hosting.network),
        _string("hosting-confidence", hosting.confidence.value),
    ]
    if hosting.country is not None:
        said.append(_string("hosting-country", hosting.country))
    if hosting.as_name is not None:
        said.append(_string("hosting-as-name", hosting.as_name))
    said += (_claim(claim) for claim in hosting.claims[:CLAIMS_MOST])
    return said


def claimed(origin: Origin) -> list[System]:
    """The addresses that older lines claim, as systems that nobody believes in."""
    found: list[System] = []
    for older in origin.claimed[:CLAIMED_MOST]:
        address = _address(older.address)
        if address is not None:
            node = Node(addresses=(address,))
            found.append(System(category="intermediate", spoofed="unknown", node=node))
    return found


def _string(name: str, value: str) -> Extension:
    return Extension(value=clipped(fit(value), NAME_CHARS), dtype="string", name=name)


@lru_cache(maxsize=4_096)
def _claim(claim: HostingClaim) -> Extension:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(
        clipped(fit(value or ""), NAME_CHARS)
        for value in (claim.kind, claim.country, claim.prefix, claim.source, claim.as_of)
    )
    return Extension(value=out.getvalue(), dtype="csv", name="hosting-claim")


@lru_cache(maxsize=4_096)
def _address(text: str) -> Address | None:
    try:
        version = ipaddress.ip_address(text).version
    except ValueError:
        return None
    return Address(value=text, category="ipv4-addr" if version == 4 else "ipv6-addr")


@lru_cache(maxsize=4_096)
def _network(text: str) -> Address | None:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    return Address(value=str(network), category="ipv4-net" if network.version == 4 else "ipv6-net")


@lru_cache(maxsize=16)
def contact(name: str, mailbox: str) -> Contact:
    """The association that reports."""
    return Contact(
        role="creator",
        type="organization",
        contact_names=(clipped(fit(name), NAME_CHARS),),
        emails=(Email(email_to=clipped(fit(mailbox), NAME_CHARS)),),
    )
