"""Certificates made at run time: a private authority that issues one for any name, good or bad."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)


class Authority:
    """A private certificate authority; its certificate stands in `pem`, as --upstream-ca wants it."""

    def __init__(self, folder: Path) -> None:
        """Make the authority and keep its files in `folder`."""
        self._folder = folder
        self._lock = threading.Lock()
        self._contexts: dict[tuple[str, bool, bool], ssl.SSLContext] = {}
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Consentry test authority")])
        self._certificate = self._sign(self._name, self._key, None, expired=False)
        self.pem = folder / "authority.pem"
        self.pem.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, expired: bool = False) -> Path:
        """A PEM file with key, certificate and authority for a host name or an address."""
        path = self._folder / f"{name.replace(':', '_').replace('*', 'any')}{'-expired' if expired else ''}.pem"
        if path.exists():
            return path
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        certificate = self._sign(subject, key, name, expired=expired)
        path.write_bytes(_private(key) + certificate.public_bytes(serialization.Encoding.PEM) + self.pem.read_bytes())
        return path

    def self_signed(self, name: str) -> Path:
        """A PEM file with key and certificate that no authority vouches for."""
        path = self._folder / f"{name}-self-signed.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
            .add_extension(x509.SubjectAlternativeName([_general(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        path.write_bytes(_private(key) + certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def context(self, name: str, *, expired: bool = False, http2: bool = False) -> ssl.SSLContext:
        """A server's TLS context with a certificate for the name; with `http2` it offers that as well."""
        with self._lock:
            context = self._contexts.get((name, expired, http2))
            if context is None:
                context = server_context(self.issue(name, expired=expired))
                context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
                self._contexts[(name, expired, http2)] = context
            return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, host: str | None, *, expired: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - 30 * _DAY)
            .not_valid_after(now - _DAY if expired else now + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
            .add_extension(_usage(authority=host is None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority, critical=False)
        )
        if host is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(host)]), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def server_context(pem: Path) -> ssl.SSLContext:
    """A server's TLS context from a PEM file that holds key and certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
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


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
