"""Originals on disk: whole or not at all, and known again by what they hold."""

import hashlib
import resource
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.edges.blobs import FEW, Blobs, pack
from gateway.errors import CheckFailed, HomeUnusable, NotFound

MAILS = [b"Subject: %d\r\n\r\nmail %d\r\n" % (n, n) * (n + 1) for n in range(3 * FEW)]
MANY = {hashlib.sha256(mail).hexdigest(): mail for mail in MAILS}


@pytest.fixture
def blobs(tmp_path):
    return Blobs(directory=tmp_path)


def files(blobs):
    return sorted(path.name for path in blobs.directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("number", [0, 1, FEW - 1, len(MANY)])
def test_what_is_kept_is_fetched_again_byte_for_byte(blobs, number):
    some = dict(list(MANY.items())[:number])
    blobs.keep({digest: pack(mail) for digest, mail in some.items()})
    assert {digest: blobs.fetch(digest) for digest in some} == some
    assert files(blobs) == sorted(f"{digest}.zst" for digest in some)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in blobs.directory.rglob("*.zst"))


def test_what_is_kept_already_is_left_alone(blobs):
    blobs.keep({digest: pack(mail) for digest, mail in MANY.items()})
    blobs.keep(dict.fromkeys(MANY, b"something else"))
    assert [blobs.fetch(digest) for digest in MANY] == MAILS


def test_a_batch_that_the_system_stops_leaves_nothing_half_written_and_is_repeated(blobs):
    packed = {digest: pack(mail) for digest, mail in MANY.items()}
    last = max(packed, key=lambda digest: len(packed[digest]))
    packed[last] = packed.pop(last)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(packed[last]) - 1, hard))
    try:
        with pytest.raises(HomeUnusable, match=last):
            blobs.keep(packed)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(blobs) == []
    blobs.keep(packed)
    assert [blobs.fetch(digest) for digest in MANY] == MAILS


def test_a_file_that_was_altered_or_is_gone_is_said(blobs):
    (digest, mail), (other, _) = list(MANY.items())[:2]
    blobs.keep({digest: pack(mail)})
    with pytest.raises(NotFound):
        blobs.fetch(other)
    (path,) = blobs.directory.rglob("*.zst")
    for content in (pack(mail + b" "), b"", path.read_bytes()[:-1]):
        path.write_bytes(content)
        with pytest.raises(CheckFailed):
            blobs.fetch(digest)


def test_packing_from_several_threads_gives_each_its_own(blobs):
    large = [mail * 5_000 for mail in MAILS]
    with ThreadPoolExecutor(4) as threads:
        packed = list(threads.map(pack, large))
    blobs.keep({hashlib.sha256(m).hexdigest(): p for m, p in zip(large, packed, strict=True)})
    assert [blobs.fetch(hashlib.sha256(mail).hexdigest()) for mail in large] == large
