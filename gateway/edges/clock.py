"""The clock, and what must never repeat: identifiers and random bytes.

It carries UUIDv7 (RFC 9562 §5.7) for the ``jti`` of our SETs, and the short text that staff
read aloud for a case. The law: plain functions below take times and ids as arguments; this is
where they come from. Verbs: ``now``, ``uuid7``, ``case_id``, ``random_bytes``.
"""

import secrets
import time
from datetime import UTC, datetime
from typing import Final

from gateway.model import CaseId, Country

CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that a case can be read over the telephone."""
_CASE_CHARS = 8


def now() -> datetime:
    """The present moment, aware and in UTC."""
    return datetime.now(UTC)


def ticking() -> float:
    """Seconds that only ever go forward, for deadlines; their zero means nothing."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Let others have their turn for so long."""
    time.sleep(seconds)


def random_bytes(count: int) -> bytes:
    """``count`` bytes from the system's source, fit for keys and salts."""
    return secrets.token_bytes(count)


def uuid7() -> str:
    """A new UUIDv7 in lower case (RFC 9562 §5.7).

    The first 48 bits are the Unix time in milliseconds and the next 12 its fraction
    (RFC 9562 §6.2, method 3), so that ids made one after another also sort so; 62 bits are
    random.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = (rest << 12) // 1_000_000
    tail = int.from_bytes(secrets.token_bytes(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    whole = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 7 << 76 | fraction << 64 | 2 << 62 | tail
    text = f"{whole:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def case_id(country: Country) -> CaseId:
    """A new name for a case of ours: our country's code, a hyphen and eight Crockford characters.

    Forty random bits: it says nothing about the case, so that it may cross the border and stand
    in a letter; the country tells two associations' names for one matter apart.
    """
    bits = int.from_bytes(secrets.token_bytes(5), "big")
    text = "".join(CROCKFORD[bits >> shift & 31] for shift in range(5 * (_CASE_CHARS - 1), -1, -5))
    return CaseId(f"{country}-{text}")
