"""Our private keys and secrets, each in a file of its own beneath ``keys/``.

It carries the JWK thumbprint as ``kid`` (RFC 7638 §3) and ES256 (RFC 7518 §3.4). The law: a key
that is unreadable, half written, open to others or of a wrong kind is said by name and never
replaced by a new one, for a lost key costs the trust of every peer. Verbs: ``create``,
``load``, ``signer``.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gateway.edges.files import PRIVATE_DIRECTORY, keep, ours
from gateway.errors import KeyUnusable
from gateway.model import PeerId
from gateway.trust.jwk import PublicJwk

FEDERATION: Final = "federation.pem"
MESSAGE: Final = "message.pem"
LOG: Final = "log.pem"
REPORTERS: Final = "reporters.secret"
REDACTION: Final = "redaction.secret"
DOORS: Final = "doors"
SECRET_BYTES = 32
_MOST_BYTES = 16_384
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_DOOR = re.compile(r"[!-~]{16,1024}")
_RESTORE = "restore the file from a backup; a new key must first be made known to every peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSigner:
    """A signing key held in a file. ``kid`` is its thumbprint, ``alg`` the name in a header."""

    kid: str
    alg: str
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

    def sign(self, signing_input: bytes) -> bytes:
        """The JWS signature of the bytes: 64 bytes, for both algorithms (RFC 7518 §3.4)."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(signing_input)
        r, s = decode_dss_signature(self.key.sign(signing_input, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    @property
    def jwk(self) -> PublicJwk:
        """The public half, as it stands in our entity statement (RFC 7517 §4)."""
        return _public(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """Every key of an installation, loaded and checked. Made by ``load``.

    ``federation`` is who we are, ``message`` signs SETs, ``log`` signs the journal's heads.
    """

    directory: Path
    federation: FileSigner
    message: FileSigner
    log: FileSigner
    reporters: bytes
    redaction_root: bytes

    def pseudonym(self, reporter: str) -> str:
        """The keyed pseudonym of a reporter: 32 hex characters; the same name, the same one.

        Without the key nobody can come back to the name by trying names.
        """
        return _keyed(self.reporters, "reporter", reporter.strip()).hex()[:32]

    @property
    def reporters_check(self) -> str:
        """Eight characters that tell this key of pseudonyms from another one."""
        return check(self.reporters)

    def sought(self, who: str) -> str:
        """What the journal calls a person whom somebody looked for; the key is the same."""
        return _keyed(self.reporters, "sought", who.strip().casefold()).hex()[:32]

    def destroy_reporters(self, secret: bytes) -> None:
        """Write ``secret`` over the key of pseudonyms, in the very place where it stands.

        Copies in backups, and what a disk keeps of overwritten sectors, are out of reach here.

        Raises:
            HomeUnusable: the file cannot be written.
        """
        path = self.directory / REPORTERS
        with ours(path), path.open("r+b") as file:
            file.write(_secret_line(secret))
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

    def redaction(self, peer: PeerId) -> bytes:
        """The 32-byte key that hides recipients towards ``peer`` (RFC 6590 §3), one per peer."""
        return _keyed(self.redaction_root, "redaction", peer)

    def door(self, peer: PeerId) -> str | None:
        """The bearer secret that opens the peer's door; None where none was agreed.

        Raises:
            KeyUnusable: the file is damaged, open to others or belongs to another peer.
        """
        path = self._door_file(peer)
        if not path.exists():
            return None
        lines = _private_bytes(path).decode("utf-8", "replace").split("\n")
        if len(lines) != 3 or lines[0] != peer or not _DOOR.fullmatch(lines[1]) or lines[2]:
            raise KeyUnusable(
                f"{path} is half written or not the secret for {peer}",
                hint="give the peer's secret again: entente peers add",
            )
        return lines[1]

    def keep_door(self, peer: PeerId, secret: str) -> None:
        """Keep the bearer secret that ``peer`` gave us: 16 to 1024 visible ASCII characters.

        Raises:
            KeyUnusable: the secret is too short or holds other characters.
            StorageFull: there is no space left.
        """
        if not _DOOR.fullmatch(secret):
            raise KeyUnusable(
                "a bearer secret has 16 to 1024 visible ASCII characters",
                hint="ask the peer for the secret as one line without spaces",
            )
        doors = self.directory / DOORS
        with ours(doors):
            doors.mkdir(mode=PRIVATE_DIRECTORY, exist_ok=True)
        keep(self._door_file(peer), f"{peer}\n{secret}\n".encode())

    def forget_door(self, peer: PeerId) -> None:
        """Remove the secret for ``peer``; nothing happens where there is none."""
        path = self._door_file(peer)
        with ours(path):
            path.unlink(missing_ok=True)

    def _door_file(self, peer: PeerId) -> Path:
        # The peer's name goes into the file and not into its name: URLs are no file names.
        return self.directory / DOORS / f"{hashlib.sha256(peer.encode()).hexdigest()[:32]}.secret"


def new_door_secret() -> str:
    """A new bearer secret to give to a peer: 43 characters, 256 random bits (RFC 6750 §5.2)."""
    return secrets.token_urlsafe(SECRET_BYTES)


def create(directory: Path) -> None:
    """Make every key of a new installation in the empty ``directory``.

    Raises:
        KeyUnusable: there already is a key; it is left as it is.
        StorageFull, HomeUnusable: the files cannot be written.
    """
    names = (FEDERATION, MESSAGE, LOG, REPORTERS, REDACTION)
    for name in names:
        if (directory / name).exists():
            raise KeyUnusable(f"{directory / name} already exists", hint="no key is replaced")
    for name in (FEDERATION, MESSAGE, LOG):
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        keep(directory / name, pem)
    for name in (REPORTERS, REDACTION):
        secret = secrets.token_bytes(SECRET_BYTES)
        keep(directory / name, _secret_line(secret))


def load(directory: Path) -> Keyring:
    """Load and check every key beneath ``directory``.

    Raises:
        KeyUnusable: a key is missing, unreadable, half written, open to others or of a kind
            that we do not use; the detail names the file, the hint says what to do.
    """
    return Keyring(
        directory=directory,
        federation=_file_signer(directory / FEDERATION),
        message=_file_signer(directory / MESSAGE),
        log=_file_signer(directory / LOG),
        reporters=_secret(directory / REPORTERS),
        redaction_root=_secret(directory / REDACTION),
    )


def signer(uri: str) -> FileSigner:
    """The signing key that ``uri`` names: ``file:/path/to/key.pem``.

    The scheme chooses where the key lives, so that a hardware key needs another scheme only.

    Raises:
        KeyUnusable: the scheme is not known, or the key cannot be used.
    """
    scheme, _, rest = uri.partition(":")
    if scheme != "file" or not rest:
        raise KeyUnusable(f"no key can be found by {uri!r}", hint="write file:/path/to/key.pem")
    return _file_signer(Path(rest))


def _file_signer(path: Path) -> FileSigner:
    pem = _private_bytes(path)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(
            f"{path} is half written, encrypted or no private key in PEM", hint=_RESTORE
        ) from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return FileSigner(kid=_public(key).thumbprint, alg="Ed25519", key=key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return FileSigner(kid=_public(key).thumbprint, alg="ES256", key=key)
    raise KeyUnusable(
        f"{path} holds a key that is neither P-256 nor Ed25519",
        hint="peers accept only these two; restore the file from a backup",
    )


def _secret(path: Path) -> bytes:
    match = re.fullmatch(rb"([0-9a-f]{64}) ([0-9a-f]{8})\n", _private_bytes(path))
    secret = bytes.fromhex(match[1].decode()) if match else b""
    if match is None or check(secret) != match[2].decode():
        raise KeyUnusable(f"{path} is half written or damaged", hint=_RESTORE)
    return secret


def _secret_line(secret: bytes) -> bytes:
    """A secret as its file holds it, with what tells a damaged one."""
    return f"{secret.hex()} {check(secret)}\n".encode()


def _private_bytes(path: Path) -> bytes:
    """The content of a file that only its owner may touch."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(file.fileno())
            content = file.read(_MOST_BYTES)
    except FileNotFoundError as error:
        raise KeyUnusable(f"{path} is missing", hint=_RESTORE) from error
    except OSError as error:
        raise KeyUnusable(
            f"{path} cannot be read: {error.strerror}",
            hint=f"make the file readable for the user that runs Entente: chmod 600 {path}",
        ) from error
    if not stat.S_ISREG(facts.st_mode) or facts.st_mode & _OTHERS:
        raise KeyUnusable(
            f"{path} is open to others than its owner",
            hint=f"chmod 600 {path}; if others may have read it, change the key",
        )
    return content


def _public(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> PublicJwk:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return PublicJwk(kty="OKP", crv="Ed25519", x=_b64(raw))
    point = key.public_key().public_numbers()
    x, y = (_b64(number.to_bytes(32, "big")) for number in (point.x, point.y))
    return PublicJwk(kty="EC", crv="P-256", x=x, y=y)


def _keyed(key: bytes, purpose: str, name: str) -> bytes:
    return hmac.digest(key, f"entente {purpose} 1\0{name}".encode(), "sha256")


def check(secret: bytes) -> str:
    """Eight hex characters that tell a damaged secret, and nothing about it worth knowing."""
    return hashlib.sha256(b"entente check 1\0" + secret).hexdigest()[:8]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
