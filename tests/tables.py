"""Address tables made for tests: a small writer of MMDB files, and delegated files as text."""

import ipaddress
from collections.abc import Mapping

_MARK = b"\xab\xcd\xefMaxMind.com"
_TEXT, _UINT32, _MAP, _UINT64, _UINT16, _ARRAY = 2, 6, 7, 9, 5, 11


def _field(kind: int, payload: bytes, size: int | None = None) -> bytes:
    length = len(payload) if size is None else size
    assert length < 285
    short, longer = (length, b"") if length < 29 else (29, bytes([length - 29]))
    if kind <= 7:
        return bytes([kind << 5 | short]) + longer + payload
    return bytes([short, kind - 7]) + longer + payload


def _packed(value: object) -> bytes:
    if isinstance(value, str):
        return _field(_TEXT, value.encode())
    if isinstance(value, tuple):
        kind, number = value
        return _field(kind, number.to_bytes((number.bit_length() + 7) // 8, "big"))
    if isinstance(value, int):
        return _field(_UINT32, value.to_bytes((value.bit_length() + 7) // 8, "big"))
    if isinstance(value, list):
        return _field(_ARRAY, b"".join(map(_packed, value)), len(value))
    assert isinstance(value, dict)
    pairs = b"".join(_packed(key) + _packed(inner) for key, inner in value.items())
    return _field(_MAP, pairs, len(value))


def mmdb(
    rows: Mapping[str, Mapping[str, object]],
    *,
    database_type: str,
    epoch: int = 1_780_000_000,
    version: int = 6,
) -> bytes:
    """An MMDB file with one record for each network of ``rows``."""
    nodes: list[list[int | tuple[int] | None]] = [[None, None]]
    records = b""
    for text, row in rows.items():
        network = ipaddress.ip_network(text)
        number, bits = int(network.network_address), network.prefixlen
        width = 32 if version == 4 else 128
        if version == 6 and network.version == 4:
            bits += 96
        at = 0
        for depth in range(bits):
            side = number >> (width - 1 - depth) & 1
            if depth == bits - 1:
                nodes[at][side] = (len(records),)
                break
            if nodes[at][side] is None:
                nodes.append([None, None])
                nodes[at][side] = len(nodes) - 1
            following = nodes[at][side]
            assert isinstance(following, int)
            at = following
        records += _packed(dict(row))
    tree = b""
    for node in nodes:
        for side in node:
            if side is None:
                value = len(nodes)
            else:
                value = side if isinstance(side, int) else len(nodes) + 16 + side[0]
            tree += value.to_bytes(3, "big")
    facts: dict[str, object] = {
        "binary_format_major_version": (_UINT16, 2),
        "binary_format_minor_version": (_UINT16, 0),
        "build_epoch": (_UINT64, epoch),
        "database_type": database_type,
        "description": {"en": "made for a test"},
        "ip_version": (_UINT16, version),
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": (_UINT16, 24),
    }
    return tree + bytes(16) + records + _MARK + _packed(facts)


def delegated(*rows: str, registry: str = "ripencc", end: str = "20260617") -> bytes:
    """A delegated-extended file with the counts that its ``rows`` come to."""
    kinds = [row.split("|")[2] for row in rows]
    lines = [f"2|{registry}|{end}|{len(rows)}|19830705|{end}|+0200"]
    lines += [f"{registry}|*|{k}|*|{kinds.count(k)}|summary" for k in ("asn", "ipv4", "ipv6")]
    return "".join(f"{line}\n" for line in [*lines, *rows]).encode()
