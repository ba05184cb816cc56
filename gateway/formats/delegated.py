"""The five registries' delegated-extended files: who was given which addresses, and where.

Lines of fields between bars: ``registry|cc|type|start|value|date|status|opaque-id``; for IPv4
the value is a number of addresses, for IPv6 a prefix length. Law: a file that contradicts its
own summary is refused whole. Verb: ``read``.
"""

import ipaddress

from gateway.errors import TableInvalid
from gateway.formats.address_table import Range
from gateway.model import Noun

_GIVEN = frozenset({"allocated", "assigned"})
_TYPES = frozenset({"asn", "ipv4", "ipv6"})
_VERSION_FIELDS = 7


class Delegated(Noun):
    """One file: its registry, its date (ISO 8601), and the ranges that have been given out."""

    registry: str
    as_of: str
    ranges: tuple[Range, ...]


def read(content: bytes) -> Delegated:
    """The delegated-extended file in ``content``.

    Raises:
        TableInvalid: no version line, a record that cannot be read, or counts that differ from
            the file's own summary; the detail names the line.
    """
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError as error:
        raise TableInvalid("this is no delegated-extended file: it is not ASCII") from error
    head: list[str] | None = None
    summary: dict[str, int] = {}
    counted = dict.fromkeys(_TYPES, 0)
    ranges: list[Range] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.strip().split("|")
        if not line.strip() or line.startswith("#"):
            continue
        try:
            if head is None:
                head = _head(fields)
            elif fields[-1] == "summary":
                summary[fields[2]] = int(fields[4])
            else:
                counted[fields[2]] += 1
                ranges += _ranges(fields)
        except (ValueError, IndexError, KeyError) as error:
            raise TableInvalid(f"line {number} of the delegated file cannot be read") from error
    if head is None:
        raise TableInvalid("this is no delegated-extended file: it has no version line")
    for kind, count in summary.items():
        if counted.get(kind) != count:
            raise TableInvalid(
                f"the file says {count} records of {kind} and holds {counted.get(kind, 0)}"
            )
    day = head[5] if len(head[5]) == 8 else head[2]
    return Delegated(
        registry=head[1], as_of=f"{day[:4]}-{day[4:6]}-{day[6:8]}", ranges=tuple(ranges)
    )


def _head(fields: list[str]) -> list[str]:
    if len(fields) < _VERSION_FIELDS or not fields[0].startswith("2"):
        raise ValueError("no version line")
    return fields


def _ranges(fields: list[str]) -> list[Range]:
    _, code, kind, start, value, _, status, *_ = fields
    if kind not in _TYPES:
        raise ValueError(kind)
    if kind == "asn" or status not in _GIVEN or not code:
        return []
    if kind == "ipv4":
        first = int(ipaddress.IPv4Address(start))
        return [Range(version=4, first=first, end=first + int(value), country=code)]
    network = ipaddress.IPv6Network(f"{start}/{value}")
    if network.prefixlen > 64:
        return []
    first = int(network.network_address) >> 64
    return [Range(version=6, first=first, end=first + (1 << 64 - network.prefixlen), country=code)]
