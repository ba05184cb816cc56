"""A text with everything that is encoded in it decoded, and what comes out decoded again.

Base64, base32, hex, percent-encoding, quoted-printable, character references and gzip carry an
address as well as plain letters do (RFC 4648, RFC 3986 §2.1, RFC 2045 §6.7, RFC 1952). The law:
all runs of one kind are decoded in one call, wherever in a run the text may begin; three
decodings deep, and never more than a stated multiple of the text, so that a hostile one costs no
more than its size. Verb: ``unfold``.
"""

import binascii
import html
import re
import zlib
from base64 import b32decode
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final
from urllib.parse import unquote

from gateway.model import Noun

DEPTH: Final = 3
"""Decodings on top of each other that are undone."""
RUN_CHARS: Final = 12
"""Encoded runs shorter than this carry fewer than nine bytes and are left."""
_TIMES: Final = 4
_SPARE: Final = 65_536
_GZIP_MOST: Final = 65_536
_GZIPS_MOST: Final = 8
_LONG_CHARS: Final = 16
"""Hex needs this many signs to say as much as base64 does in ``RUN_CHARS``."""
_BASE32_CHARS: Final = 18
_WINDOWS_MOST: Final = 512
_DIGEST_BYTES: Final = (16, 20, 32, 48, 64)
_DIGEST_BASE64: Final = frozenset((22, 27, 43, 64, 86))
"""Characters of base64, without padding, that a digest has."""

# Only what can hide a sign of an address: letters, digits, punctuation, and the percent sign.
_PERCENT: Final = re.compile(r"%(?:[2-7][0-9a-fA-F]|[c-fC-F][0-9a-fA-F]%)")
_QUOTED: Final = re.compile(r"=([2-7C-Fc-f][0-9A-Fa-f])")
_REFERENCE: Final = re.compile(
    r"&(?:#[xX]?[0-9a-fA-F]{2,7}|commat|period|lowbar|plus|hyphen|dash|num|equals|percnt|amp|[lg]t"
    r"|quot|apos)"
)
_ESCAPE: Final = re.compile(r"[\\%]u00([2-7][0-9a-fA-F])|\\x([2-7][0-9a-fA-F])")
_HEX: Final = re.compile(rb"[0-9a-fA-F]{%d,}" % _LONG_CHARS)
_BASE32: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# Every octet as standard base64 has it; what is no base64 at all becomes a space.
_STANDARD: Final = bytes(
    octet if octet in _ALPHABET else {ord("-"): ord("+"), ord("_"): ord("/")}.get(octet, 32)
    for octet in range(256)
)
_APART: Final = b"////"


def _as_one(kinds: dict[int, bytes]) -> bytes:
    """A table that turns every octet of a kind into one sign, so that "in" finds long runs."""
    return bytes(
        next((sign for sign, octets in kinds.items() if octet in octets), 32)
        for octet in range(256)
    )


_SIGNS: Final = _as_one({ord("s"): bytes(range(33, 127))})
_RUN_OF_SIGNS: Final = b"s" * 8
_HEX_SIGNS: Final = _as_one({ord("h"): b"0123456789abcdefABCDEF"})
_RUN_OF_HEX: Final = b"h" * _LONG_CHARS
_BASE32_SIGNS: Final = _as_one({ord("b"): _BASE32.lower()})
_BASE32_LARGE: Final = _as_one({ord("b"): _BASE32})
_RUN_OF_BASE32: Final = b"b" * _BASE32_CHARS
_ZIPPED: Final = (b"H4sI", b"eJ", b"eN", b"eA", b"eF")
"""How gzip and zlib begin in base64."""
_ZIPPED_HEX: Final = (b"1f8b08", b"1F8B08", b"789c", b"789C", b"78da", b"78DA")
_ZIP_CHARS: Final = 24


class Unfolded(Noun, gc=False):
    """What came out of a text: ``views`` in lower case, and ``digests`` that stood in it.

    ``runs`` are the runs that were decoded. ``cut`` says that more came out than is
    looked at: such a text is trusted by nobody.
    """

    views: tuple[str, ...] = ()
    digests: frozenset[bytes] = frozenset()
    runs: AbstractSet[bytes] = frozenset()
    cut: bool = False


def unfold(text: str, depth: int = DEPTH, clean: AbstractSet[bytes] = frozenset()) -> Unfolded:
    """Every decoding of ``text``, up to ``depth`` of them on top of each other.

    Args:
        text: what may hold encoded runs.
        depth: how many decodings are undone.
        clean: runs that were unfolded before, and hold nothing.
    """
    views: list[str] = []
    digests: set[bytes] = set()
    most = _TIMES * len(text) + _SPARE
    seen: set[bytes] = set()
    octets = b""
    for _ in range(depth):
        texts = _escaped(text)
        words = text.encode("ascii", "replace").translate(_STANDARD).split()
        # Octets that hold no long run of letters were no text.
        if _RUN_OF_SIGNS in octets.translate(_SIGNS):
            texts += _escaped(octets.decode("latin-1"))
            words += octets.translate(_STANDARD).split()
        runs = [run for run in words if len(run) >= RUN_CHARS and run not in clean]
        octets = _decoded(list(dict.fromkeys(runs)), digests) if runs else b""
        if not texts and not octets:
            break
        seen.update(runs)
        text = "\0".join(texts)
        if text:
            views.append(text.lower())
        if octets:
            # Octets are lowered before they become characters: that is ten times cheaper.
            views.append(octets.lower().decode("latin-1"))
        if len(text) + len(octets) > most:
            return Unfolded(views=tuple(views), digests=frozenset(digests), runs=seen, cut=True)
    return Unfolded(views=tuple(views), digests=frozenset(digests), runs=seen)


def runs_of(text: str) -> frozenset[bytes]:
    """Every run of ``text``, for a text that is known to hold nothing."""
    return frozenset(text.encode("ascii", "replace").translate(_STANDARD).split())


def _escaped(text: str) -> list[str]:
    """What stands behind percent-encoding, quoted-printable, references and escapes."""
    texts: list[str] = []
    percent = "%" in text and _PERCENT.search(text)
    reference = "&" in text and _REFERENCE.search(text)
    quoted = "=" in text and _QUOTED.search(text)
    if percent or reference or quoted:
        words = text.replace('"', " ").replace("\0", " ").split()
        if percent:
            texts.append(unquote(" ".join(word for word in words if "%" in word)))
        if reference:
            texts.append(html.unescape(" ".join(word for word in words if "&" in word)))
        if quoted:
            texts.append(_unquoted(" ".join(word for word in words if _QUOTED.search(word))))
    if ("\\" in text and ("\\u00" in text or "\\x" in text)) or (percent and "%u00" in text):
        texts.append(_ESCAPE.sub(lambda code: chr(int(code[1] or code[2], 16)), text))
    return texts


def _decoded(runs: list[bytes], digests: set[bytes]) -> bytes:
    """What all runs are when read as base64 from each of its four places, as hex and base32."""
    joined = _APART.join(runs) + _APART
    end = len(joined)
    found = [binascii.a2b_base64(joined[shift : end - (end - shift) % 4]) for shift in range(4)]
    if _RUN_OF_HEX in joined.translate(_HEX_SIGNS):
        found += _from_hex(joined, digests)
    signs = joined.translate(_BASE32_SIGNS)
    if _RUN_OF_BASE32 in signs or _RUN_OF_BASE32 in joined.translate(_BASE32_LARGE):
        found += _thirty_two(runs)
    for run in [run for run in runs if len(run) in _DIGEST_BASE64 or b"/" in run]:
        _add_base64(digests, run)
    if any(mark in joined for mark in _ZIPPED):
        for run in runs:
            for part in (run, *run.split(b"/")[:_GZIPS_MOST]):
                if len(part) >= _ZIP_CHARS and part.startswith(_ZIPPED):
                    found.append(_inflated(_sixty_four(part)))
    return b"\xff".join(found)


def _from_hex(joined: bytes, digests: set[bytes]) -> Iterator[bytes]:
    """The octets of every run of hex, from both places where an octet may begin."""
    for run in _HEX.findall(joined):
        for start in range(1 + len(run) % 2):
            octets = binascii.unhexlify(run[start : start + (len(run) - start) // 2 * 2])
            yield octets
            if run.startswith(_ZIPPED_HEX):
                yield _inflated(octets)
        if len(run) >= 2 * _DIGEST_BYTES[0]:
            _add_hex(digests, run)


def _thirty_two(runs: list[bytes]) -> Iterator[bytes]:
    """The octets of base32 without its padding; a last sign too many is left."""
    for run in runs:
        last = run[max(run.rfind(b"+"), run.rfind(b"/")) + 1 :].upper()
        if len(last) >= _BASE32_CHARS and not last.translate(None, _BASE32):
            fits = len(last) - {1: 1, 3: 1, 6: 1}.get(len(last) % 8, 0)
            yield b32decode(last[:fits] + b"=" * (-fits % 8))


def _add_hex(digests: set[bytes], run: bytes) -> None:
    """A digest in hex, also where letters stand before or after it that might be hex."""
    for size in _DIGEST_BYTES:
        for start in range(min(len(run) - 2 * size + 1, _WINDOWS_MOST)):
            digests.add(binascii.unhexlify(run[start : start + 2 * size]))


def _add_base64(digests: set[bytes], run: bytes) -> None:
    """A digest in base64: a whole run, or what stands between two slashes of a path."""
    for part in (run, *run.split(b"/")):
        if len(part) in _DIGEST_BASE64:
            digests.add(_sixty_four(part))


def _sixty_four(run: bytes) -> bytes:
    """The octets of one run of base64 without its padding."""
    return binascii.a2b_base64(run + b"A" * (-len(run) % 4))[: len(run) * 6 // 8]


def _inflated(octets: bytes) -> bytes:
    try:
        return zlib.decompressobj(47).decompress(octets, _GZIP_MOST)
    except zlib.error:
        return b""


def _unquoted(text: str) -> str:
    octets = _QUOTED.sub(lambda code: chr(int(code[1], 16)), text)
    try:
        return octets.encode("latin-1").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return octets
