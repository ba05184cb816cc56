"""The five registries' delegated-extended files: who was given which addresses, and where.

Lines of fields between bars: ``registry|cc|type|start|value|date|status|opaque-id``; for IPv4
the value is a number of addresses (not always a power of two), for IPv6 a prefix length, for
AS numbers a count. Law: a file that contradicts its own counts is refused whole, and
``read(write(file)) == file``. Verbs: ``read``, ``write``.
"""

import ipaddress
import re
from collections import Counter
from datetime import date

from gateway.errors import TableInvalid
from gateway.formats.address_table import Range
from gateway.model import Noun

TYPES = ("asn", "ipv4", "ipv6")
FIVE = ("afrinic", "apnic", "arin", "lacnic", "ripencc")
"""The regional registries, as they name themselves in their files."""
JOINT = "nro"
"""Who signs a file in which the records of all five stand together."""
GIVEN = frozenset({"allocated", "assigned"})
"""The states of addresses that somebody holds; the others are nobody's."""
NOBODY = "ZZ"
"""What stands in our ranges where a registry names no country for addresses that it gave."""
_STATES = GIVEN | {"available", "reserved"}
_VERSION = re.compile(r"2(\.\d)?")
_COUNTRY = re.compile(r"[A-Z]{2}|")
_NUMBER = re.compile(r"[0-9]{1,12}")
_DATE = re.compile(r"[0-9]{8}|")
_WORD = re.compile(r"[!-{}~]*")
_HEAD_FIELDS = 7
_SUMMARY_FIELDS = 6
_LEAST_FIELDS = 7
_SERIAL = re.compile(r"[0-9]{1,20}")


class Record(Noun):
    """One line: addresses or AS numbers, who holds them, since when (YYYYMMDD, or empty).

    ``country`` is as the file says: empty, or two capitals that need not name a country.
    ``rest`` is the opaque id of the holder, and what extensions follow it.
    """

    registry: str
    country: str
    type: str
    start: str
    value: int
    date: str
    status: str
    rest: tuple[str, ...] = ()

    @property
    def range(self) -> Range | None:
        """The addresses of the record; None for AS numbers and for networks finer than /64."""
        if self.type == "ipv4":
            # The spelling was checked when the record was read; this is asked for every one.
            one, two, three, four = map(int, self.start.split("."))
            first = one << 24 | two << 16 | three << 8 | four
            end = first + self.value
            return Range(version=4, first=first, end=end, country=self.country or NOBODY)
        if self.type == "ipv6" and self.value <= 64:
            first = int(ipaddress.IPv6Address(self.start)) >> 64
            end = first + (1 << 64 - self.value)
            return Range(version=6, first=first, end=end, country=self.country or NOBODY)
        return None


class Delegated(Noun):
    """One file: its version line and its records; comments are not kept."""

    version: str
    registry: str
    serial: str
    start_date: str
    end_date: str
    offset: str
    records: tuple[Record, ...]

    @property
    def as_of(self) -> str:
        """The date of the file (ISO 8601); empty where it states none."""
        for text in (self.end_date, self.serial):
            if len(text) == 8 and text.isdigit():
                try:
                    return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
                except ValueError:
                    continue
        return ""

    @property
    def ranges(self) -> tuple[Range, ...]:
        """The addresses that have been given to somebody, with the country on record."""
        given = (record.range for record in self.records if record.status in GIVEN)
        return tuple(one for one in given if one is not None)


def read(content: bytes) -> Delegated:
    """The delegated-extended file in ``content``.

    Raises:
        TableInvalid: no version line, a record that cannot be read, or counts that differ from
            the version line or the summary; the detail names the line.
    """
    try:
        lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise TableInvalid("this is no delegated-extended file: it is not ASCII") from error
    head: list[str] | None = None
    summary: dict[str, int] = {}
    records: list[Record] = []
    places: list[int] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        fields = text.split("|")
        try:
            if head is None:
                head = _head(fields)
            elif fields[-1] == "summary":
                _summarise(fields, summary)
            else:
                records.append(_record(fields, head[1]))
                places.append(number)
        except ValueError as error:
            raise TableInvalid(f"line {number} of the delegated file: {error}") from error
    if head is None:
        raise TableInvalid("this is no delegated-extended file: it is empty")
    _count(records, summary, int(head[3]))
    _overlap(records, places)
    return Delegated(
        version=head[0],
        registry=head[1],
        serial=head[2],
        start_date=head[4],
        end_date=head[5],
        offset=head[6],
        records=tuple(records),
    )


def write(delegated: Delegated) -> bytes:
    """The file as bytes, with the counts that its records come to."""
    one = delegated
    counted = Counter(record.type for record in one.records)
    head = [one.version, one.registry, one.serial, str(len(one.records))]
    rows = [[*head, one.start_date, one.end_date, one.offset]]
    rows += [[one.registry, "*", kind, "*", str(counted[kind]), "summary"] for kind in TYPES]
    for r in one.records:
        fields = [r.registry, r.country, r.type, r.start, str(r.value), r.date, r.status]
        rows.append([*fields, *r.rest])
    return "".join("|".join(row) + "\n" for row in rows).encode("ascii")


def _head(fields: list[str]) -> list[str]:
    if len(fields) != _HEAD_FIELDS or not _VERSION.fullmatch(fields[0]):
        raise ValueError("no version line of a delegated file")
    if not _NUMBER.fullmatch(fields[3]):
        raise ValueError("the version line does not say how many records there are")
    if not all(_WORD.fullmatch(field) for field in fields):
        raise ValueError("a character that such a file does not use")
    if fields[1] not in {*FIVE, JOINT}:
        raise ValueError(f"{fields[1][:20]!r} is no registry")
    if not _SERIAL.fullmatch(fields[2]):
        raise ValueError(f"the serial {fields[2][:20]!r} is no number")
    if not (_DATE.fullmatch(fields[4]) and _DATE.fullmatch(fields[5])):
        raise ValueError("the version line's dates cannot be read")
    return fields


def _summarise(fields: list[str], summary: dict[str, int]) -> None:
    if len(fields) != _SUMMARY_FIELDS or fields[2] not in TYPES or fields[2] in summary:
        raise ValueError("a summary that is of no known type, or stands there twice")
    if not _NUMBER.fullmatch(fields[4]):
        raise ValueError("a summary without a count")
    summary[fields[2]] = int(fields[4])


def _record(fields: list[str], holder: str) -> Record:
    if len(fields) < _LEAST_FIELDS:
        raise ValueError("too few fields")
    registry, country, kind, start, value, day, status, *rest = fields
    if registry not in FIVE or holder not in {registry, JOINT}:
        raise ValueError(f"a record of {registry[:20]!r} in a file of {holder}")
    if kind not in TYPES or status not in _STATES:
        raise ValueError(f"type {kind[:20]!r} or status {status[:20]!r} is not known")
    if not (_COUNTRY.fullmatch(country) and _NUMBER.fullmatch(value) and _DATE.fullmatch(day)):
        raise ValueError("a country, value or date that cannot be read")
    if not all(_WORD.fullmatch(field) for field in (registry, start, *rest)):
        raise ValueError("a character that such a file does not use")
    size = int(value)
    if kind == "ipv4":
        if not 1 <= size <= (1 << 32) - int(ipaddress.IPv4Address(start)):
            raise ValueError(f"{size} addresses from {start} on do not exist")
    elif kind == "ipv6":
        if "%" in start:
            raise ValueError("a zone has no place in a registry")
        ipaddress.IPv6Network((start, size))
    elif not _NUMBER.fullmatch(start) or not 1 <= size <= (1 << 32) - int(start):
        raise ValueError("no range of AS numbers")
    return Record(
        registry=registry,
        country=country,
        type=kind,
        start=start,
        value=size,
        date=day,
        status=status,
        rest=tuple(rest),
    )


def _count(records: list[Record], summary: dict[str, int], promised: int) -> None:
    """Refuse a file that holds more or fewer records than it says, as one cut short does.

    Raises:
        TableInvalid: a count differs, or a type that has records has no summary.
    """
    counted = Counter(record.type for record in records)
    for kind in TYPES:
        if counted[kind] != summary.get(kind, 0):
            raise TableInvalid(
                f"the file says {summary.get(kind, 0)} records of {kind} and holds {counted[kind]}"
            )
    if promised != len(records):
        raise TableInvalid(f"the file says {promised} records and holds {len(records)}")


def _overlap(records: list[Record], places: list[int]) -> None:
    """Refuse a file that gives the same addresses twice and to different countries.

    A block may lie inside another one of its file: the narrower speaks. But of two that are the
    same, or that overlap at their edges, neither is more specific than the other.

    Raises:
        TableInvalid: it does; the detail names both lines.
    """
    found = []
    for record, place in zip(records, places, strict=True):
        given = record.range if record.status in GIVEN else None
        if given is not None:
            found.append((given.version, given.first, -given.end, place, given))
    around: list[tuple[int, Range]] = []
    for *_, place, given in sorted(found, key=lambda row: row[:4]):
        while around and (
            around[-1][1].version != given.version or around[-1][1].end <= given.first
        ):
            around.pop()
        if around:
            before, wider = around[-1]
            same = (wider.first, wider.end) == (given.first, given.end)
            if given.end > wider.end or (same and given.country != wider.country):
                raise TableInvalid(
                    f"lines {before} and {place} of the delegated file give the same addresses"
                )
        around.append((place, given))
