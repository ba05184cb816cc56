import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from gateway.edges import keyring
from gateway.errors import KeyUnusable
from gateway.model import PeerId

PEER = PeerId("https://peer.example.org")
OTHER = PeerId("https://other.example.org")
FILES = [
    keyring.FEDERATION,
    keyring.MESSAGE,
    keyring.LOG,
    keyring.REPORTERS,
    keyring.REDACTION,
]


@pytest.fixture
def keys(tmp_path) -> Path:
    keyring.create(tmp_path)
    return tmp_path


def unusable(keys: Path, *says: str) -> None:
    with pytest.raises(KeyUnusable) as caught:
        keyring.load(keys)
    assert caught.value.hint
    assert all(text in caught.value.detail for text in says)


def private(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def put(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def test_a_new_keyring_has_three_different_keys_that_only_the_owner_may_read(keys) -> None:
    ring = keyring.load(keys)
    assert len({ring.federation.kid, ring.message.kid, ring.log.kid}) == 3
    assert {path.name for path in keys.iterdir()} == set(FILES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}


def test_loading_again_gives_the_same_keys(keys) -> None:
    first, second = keyring.load(keys), keyring.load(keys)
    assert first.message.kid == second.message.kid
    assert first.pseudonym("a") == second.pseudonym("a")
    assert first.redaction(PEER) == second.redaction(PEER)


@pytest.mark.parametrize(
    "make",
    [lambda: ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate],
)
def test_a_signature_is_verified_by_another_library_under_the_thumbprint(tmp_path, make) -> None:
    key = make()
    put(tmp_path / "key.pem", private(key))
    signer = keyring.signer(f"file:{tmp_path / 'key.pem'}")
    model, alg = (OKPKey, "Ed25519") if signer.alg == "Ed25519" else (ECKey, "ES256")
    public = model.import_key(signer.jwk.members())
    assert signer.kid == public.thumbprint() == signer.jwk.thumbprint
    for text in (b"", b"header.payload"):
        signature = signer.sign(text)
        assert len(signature) == 64
        assert jws.JWSRegistry.algorithms[alg].verify(text, signature, public)
        assert not jws.JWSRegistry.algorithms[alg].verify(text + b"x", signature, public)


def test_no_key_is_ever_replaced(keys) -> None:
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    with pytest.raises(KeyUnusable):
        keyring.create(keys)
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == before


@pytest.mark.parametrize("name", FILES)
def test_a_missing_key_is_named(keys, name) -> None:
    (keys / name).unlink()
    unusable(keys, name, "missing")


@pytest.mark.parametrize("name", FILES)
def test_a_key_that_others_may_read_is_refused(keys, name) -> None:
    (keys / name).chmod(0o640)
    unusable(keys, name, "open to others")


@pytest.mark.parametrize("name", FILES)
def test_every_half_written_key_is_refused(keys, name) -> None:
    whole = (keys / name).read_bytes()
    # The last line break of a PEM file carries nothing, so its loss alone is no damage.
    for length in range(len(whole) - 1):
        (keys / name).write_bytes(whole[:length])
        unusable(keys, name)


def test_a_secret_with_one_character_changed_is_refused(keys) -> None:
    path = keys / keyring.REPORTERS
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = b"0" if whole[place : place + 1] != b"0" else b"1"
        path.write_bytes(whole[:place] + changed + whole[place + 1 :])
        unusable(keys, keyring.REPORTERS)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"-----BEGIN PRIVATE KEY-----\nnot base64\n-----END PRIVATE KEY-----\n",
        private(rsa.generate_private_key(65537, 2048)),
        private(ec.generate_private_key(ec.SECP384R1())),
        private(ec.generate_private_key(ec.SECP256K1())),
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        ),
    ],
    ids=["empty", "zeros", "no base64", "RSA", "P-384", "secp256k1", "encrypted"],
)
def test_a_key_of_a_kind_that_we_do_not_use_is_refused_by_name(keys, content) -> None:
    (keys / keyring.MESSAGE).write_bytes(content)
    unusable(keys, keyring.MESSAGE)


@pytest.mark.parametrize(
    "make", [lambda path: path.mkdir(mode=0o700), lambda path: os.mkfifo(path, 0o600)]
)
def test_what_is_no_file_is_refused_without_waiting(keys, make) -> None:
    (keys / keyring.LOG).unlink()
    make(keys / keyring.LOG)
    unusable(keys, keyring.LOG)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_key_without_read_permission_is_named(keys) -> None:
    (keys / keyring.LOG).chmod(0)
    unusable(keys, keyring.LOG, "cannot be read")


@pytest.mark.parametrize("uri", ["", "key.pem", "pkcs11:token", "file:"])
def test_a_key_whose_place_is_not_known_is_refused(uri) -> None:
    with pytest.raises(KeyUnusable):
        keyring.signer(uri)


def test_a_pseudonym_is_the_same_for_the_same_reporter_and_tells_nothing(keys, tmp_path) -> None:
    ring = keyring.load(keys)
    one = ring.pseudonym("user-17")
    assert one == ring.pseudonym(" user-17 ")
    assert one != ring.pseudonym("user-18")
    assert len(one) == 32
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    keyring.create(elsewhere)
    assert keyring.load(elsewhere).pseudonym("user-17") != one


def test_each_peer_has_its_own_key_for_hiding_recipients(keys) -> None:
    ring = keyring.load(keys)
    assert len(ring.redaction(PEER)) == 32
    assert ring.redaction(PEER) != ring.redaction(OTHER)


def test_a_peers_secret_is_kept_for_that_peer_alone_and_can_be_forgotten(keys) -> None:
    ring = keyring.load(keys)
    assert ring.door(PEER) is None
    secret = keyring.new_door_secret()
    ring.keep_door(PEER, secret)
    assert (ring.door(PEER), ring.door(OTHER)) == (secret, None)
    ring.keep_door(PEER, "a" * 20)
    assert ring.door(PEER) == "a" * 20
    ring.forget_door(PEER)
    ring.forget_door(PEER)
    assert ring.door(PEER) is None


@pytest.mark.parametrize("secret", ["", "short", "a b" * 10, "a\r\nX: y" * 4, "é" * 20, "a" * 2000])
def test_a_secret_that_no_header_can_carry_is_refused(keys, secret) -> None:
    with pytest.raises(KeyUnusable):
        keyring.load(keys).keep_door(PEER, secret)


def test_a_damaged_secret_of_a_peer_is_refused(keys) -> None:
    ring = keyring.load(keys)
    ring.keep_door(PEER, "a" * 43)
    file = next((keys / keyring.DOORS).iterdir())
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[:-30], b"", whole + b"x", whole.replace(b"peer", b"pear")):
        file.write_bytes(damaged)
        with pytest.raises(KeyUnusable):
            ring.door(PEER)
