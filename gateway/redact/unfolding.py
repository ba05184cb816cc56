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
"""Hex, base32 and gzip need this many signs to say as much as base64 does in ``RUN_CHARS``."""
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
# The first of four signs of base64 is one of these wherever the text begins with ASCII.
_BASE64: Final = re.compile(rb"(?:[I-Za-f][A-Za-z0-9+/]{3}){3,}[A-Za-z0-9+/]{0,3}")
_HEX: Final = re.compile(rb"[0-9a-fA-F]{%d,}" % _LONG_CHARS)
_BASE32: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567"
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
# Every octet as standard base64 has it; what is no base64 at all becomes a space.
_STANDARD: Final = bytes(
    octet if octet in _ALPHABET else {ord("-"): ord("+"), ord("_"): ord("/")}.get(octet, 32)
    for octet in range(256)
)
_ZIPPED: Final = (b"H4sI", b"eJ", b"eN", b"eA", b"eF")
"""How gzip and zlib begin in base64."""
_ZIPPED_HEX: Final = (b"1f8b08", b"1F8B08", b"789c", b"789C", b"78da", b"78DA")
_ZIP_CHARS: Final = 24


class Unfolded(Noun, gc=False):
    """What came out of a text: ``views`` in lower case, and ``digests`` that stood in it.

    ``runs`` are the encoded runs of the text itself. ``cut`` says that more came out than is
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
    first: AbstractSet[bytes] = frozenset()
    for level in range(depth):
        texts = _escaped(text)
        octets = text.encode("ascii", "replace").translate(_STANDARD)
        runs = {run for run in octets.split() if len(run) >= RUN_CHARS}
        if level == 0:
            runs -= clean
            first = runs
        if runs:
            texts += _decoded(runs, digests)
        if not texts:
            break
        text = "\0".join(texts)
        views.append(text.lower())
        if len(text) > most:
            return Unfolded(
                views=tuple(views), digests=frozenset(digests), runs=first, cut=True
            )
    return Unfolded(views=tuple(views), digests=frozenset(digests), runs=first)


def runs_of(text: str) -> frozenset[bytes]:
    """The runs of ``text`` that may be encoded, for a text that is known to hold nothing."""
    octets = text.encode("ascii", "replace").translate(_STANDARD)
    return frozenset(run for run in octets.split() if len(run) >= RUN_CHARS)


def _escaped(text: str) -> list[str]:
    """What stands behind percent-encoding, quoted-printable, references and escapes."""
    texts: list[str] = []
    if "%" in text and _PERCENT.search(text):
        texts.append(unquote(" ".join(word for word in _words(text) if "%" in word)))
    if "&" in text and _REFERENCE.search(text):
        texts.append(html.unescape(" ".join(word for word in _words(text) if "&" in word)))
    if "=" in text and _QUOTED.search(text):
        texts.append(_unquoted(" ".join(word for word in _words(text) if "=" in word)))
    if ("\\" in text or "%u" in text) and _ESCAPE.search(text):
        texts.append(_ESCAPE.sub(lambda code: chr(int(code[1] or code[2], 16)), text))
    return texts


def _words(text: str) -> list[str]:
    return text.replace('"', " ").replace("\0", " ").split()


def _decoded(runs: AbstractSet[bytes], digests: set[bytes]) -> list[str]:
    """What all runs are when read as base64 from each of its four places, as hex and base32."""
    joined = b" ".join(runs)
    found: list[bytes] = []
    if ascii_ := _BASE64.findall(joined):
        text = b"////".join(ascii_) + b"////"
        end = len(text)
        found += [
            binascii.a2b_base64(text[shift : end - (end - shift) % 4]) for shift in range(4)
        ]
    long = []
    for run in runs:
        size = len(run)
        if size in _DIGEST_BASE64 or (size > 22 and (b"/" in run or b"+" in run)):
            _add_base64(digests, run)
        if size >= _LONG_CHARS:
            long.append(run)
    if long:
        found += _long(long, joined, digests)
    return [octets.decode("latin-1") for octets in found]


def _long(long: list[bytes], joined: bytes, digests: set[bytes]) -> Iterator[bytes]:
    """Hex, base32 and gzip, which need longer runs."""
    for run in _HEX.findall(b" ".join(long)):
        for start in range(1 + len(run) % 2):
            octets = binascii.unhexlify(run[start : start + (len(run) - start) // 2 * 2])
            yield octets
            if run.startswith(_ZIPPED_HEX):
                yield _inflated(octets)
        if len(run) >= 32:
            _add_hex(digests, run)
    for run in long:
        last = run[max(run.rfind(b"+"), run.rfind(b"/")) + 1 :]
        if len(last) >= _LONG_CHARS and (last.islower() or last.isupper()):
            if not last.translate(None, _BASE32):
                yield _from_base32(last.upper())
    if b"H4sI" in joined or b"eJ" in joined or b"eN" in joined:
        for run in long:
            for part in (run, *run.split(b"/"))[:_GZIPS_MOST]:
                if len(part) >= _ZIP_CHARS and part.startswith(_ZIPPED):
                    yield _inflated(binascii.a2b_base64(part + b"A" * (-len(part) % 4)))


def _add_hex(digests: set[bytes], run: bytes) -> None:
    """A digest in hex, also where letters stand before or after it that might be hex."""
    for size in _DIGEST_BYTES:
        for start in range(min(len(run) - 2 * size + 1, _WINDOWS_MOST)):
            digests.add(binascii.unhexlify(run[start : start + 2 * size]))


def _add_base64(digests: set[bytes], run: bytes) -> None:
    """A digest in base64: a whole run, or what stands between two slashes of a path."""
    for part in {run, *run.split(b"/"), *run.split(b"+")}:
        if len(part) in _DIGEST_BASE64:
            whole = part + b"A" * (-len(part) % 4)
            digests.add(binascii.a2b_base64(whole)[: len(part) * 6 // 8])


def _from_base32(run: bytes) -> bytes:
    """The octets of base32 without its padding; a last sign too many is left."""
    fits = len(run) - {1: 1, 3: 1, 6: 1}.get(len(run) % 8, 0)
    return b32decode(run[:fits] + b"=" * (-fits % 8))


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
