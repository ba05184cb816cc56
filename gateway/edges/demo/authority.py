"""A certificate authority for one demo: made, used and thrown away.

It carries the profile of RFC 5280 §4.2 as far as strict clients ask for it. The law: its key is
never written down, so nobody can use it after the demo. Verbs: ``Authority``, ``issue``.
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.edges.files import keep

_BEFORE = timedelta(hours=1)
_AFTER = timedelta(days=2)


class Authority:
    """The authority; ``pem`` is its certificate, which each peer enrols for the others."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Entente demo, thrown away at its end")
        self._identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = _begun(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        builder = builder.add_extension(_usage(authority=True), True)
        builder = builder.add_extension(self._identifier, False)
        made = builder.sign(self._key, hashes.SHA256())
        self.pem = made.public_bytes(Encoding.PEM).decode()

    def issue(self, host: str, address: str, directory: Path) -> None:
        """Write a certificate for ``host`` and ``address``, and its key, into ``directory``.

        They are named as ``config.Serve`` expects them.

        Raises:
            StorageFull, HomeUnusable: the files cannot be written.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address(address))]
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._identifier)
        builder = _begun(_name(host), self._name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        builder = builder.add_extension(_usage(authority=False), True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False
        )
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        builder = builder.add_extension(issuer, False)
        leaf = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        keep(directory / "tls-certificate.pem", leaf)
        keep(directory / "tls-key.pem", private)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _AFTER)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
