"""TLS as a client: contexts from certificates in memory, and chains that a plain far end only shows."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from harness.virtual.internet.host import TlsFarEnd
from harness.virtual.internet.mqtt_seams import MqttFailure, TlsCredentials

MAX_CHAIN = 8

_EXPIRED, _NOT_YET = 10, 9  # X509_V_ERR_CERT_HAS_EXPIRED and _NOT_YET_VALID
_HOST_NAMES = frozenset({62, 63, 64})  # X509_V_ERR_HOSTNAME_MISMATCH and its neighbours


class NamedContext(ssl.SSLContext):
    """Asks for one server, whatever address the library that uses it connects to."""

    server_name = ""
    wrapped: ssl.SSLSocket | None = None
    """The last socket: a library that fails in the handshake leaves it open."""

    def wrap_socket(self, sock: Any, *args: Any, **options: Any) -> ssl.SSLSocket:
        options["server_hostname"] = self.server_name
        self.wrapped = super().wrap_socket(sock, *args, **options)
        return self.wrapped


def load_certificate(data: bytes) -> x509.Certificate:
    """Return a certificate given in DER or PEM form.

    Raises:
        ValueError: it is neither.
    """
    if b"-----BEGIN" in data:
        return x509.load_pem_x509_certificate(data)
    return x509.load_der_x509_certificate(data)


def check_credentials(credentials: TlsCredentials) -> bool:
    """Return whether certificates and key can be read and belong together."""
    try:
        for data in credentials.trusted:
            load_certificate(data)
        chain = [load_certificate(data) for data in credentials.chain]
        if chain:
            key = _load_key(credentials.key)
            return _public_bytes(key.public_key()) == _public_bytes(chain[0].public_key())
    except (ValueError, TypeError):
        return False
    return True


def client_context(credentials: TlsCredentials | None, far_end: TlsFarEnd, host: str) -> NamedContext:
    """Return a context that trusts what the credentials trust and asks for ``host``."""
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = far_end.server_name or host
    if credentials is not None and credentials.trusted:
        context.load_verify_locations(cadata=b"".join(
            load_certificate(data).public_bytes(serialization.Encoding.DER) for data in credentials.trusted))
    elif far_end.ca_file is not None:
        context.load_verify_locations(cafile=far_end.ca_file)
    else:
        context.load_default_certs()
    if credentials is not None and credentials.chain:
        _load_own_chain(context, credentials)
    return context


def failure_of(error: OSError) -> MqttFailure:
    """Return what an error while connecting comes to."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in (_EXPIRED, _NOT_YET):
            return MqttFailure.CERTIFICATE_EXPIRED
        return MqttFailure.SOCKET if error.verify_code in _HOST_NAMES else MqttFailure.UNKNOWN_CA
    return MqttFailure.SOCKET


def check_shown_chain(shown: Sequence[bytes], credentials: TlsCredentials, host: str,
                      now: datetime) -> MqttFailure | None:
    """Return why a chain that a server shows is not accepted, None if it is.

    Dates, signatures up to a trusted certificate and the server's name are checked (RFC 5280 clause 6, RFC 6125); no
    policies and no revocation.
    """
    chain = [load_certificate(data) for data in shown[:MAX_CHAIN]]
    trusted = [load_certificate(data) for data in credentials.trusted]
    if any(not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc for certificate in chain):
        return MqttFailure.CERTIFICATE_EXPIRED
    current, between = chain[0], chain[1:]
    for _ in range(MAX_CHAIN):
        if any(current == anchor or _issued(current, anchor) for anchor in trusted):
            break
        issuer = next((candidate for candidate in between if _issued(current, candidate)), None)
        if issuer is None:
            return MqttFailure.UNKNOWN_CA
        between = [candidate for candidate in between if candidate is not issuer]
        current = issuer
    return None if _names(chain[0], host) else MqttFailure.SOCKET


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _names(certificate: x509.Certificate, host: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    if host in [str(address) for address in names.get_values_for_type(x509.IPAddress)]:
        return True
    parent = host.partition(".")[2]
    wanted = (host.lower(), f"*.{parent}".lower())
    return any(name.lower() in wanted for name in names.get_values_for_type(x509.DNSName))


def _load_key(data: bytes) -> Any:
    if b"-----BEGIN" in data:
        return serialization.load_pem_private_key(data, None)
    return serialization.load_der_private_key(data, None)


def _public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _load_own_chain(context: ssl.SSLContext, credentials: TlsCredentials) -> None:
    """Give the context the client's chain, which the standard library takes from a file only."""
    pem = _load_key(credentials.key).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem += b"".join(load_certificate(data).public_bytes(serialization.Encoding.PEM) for data in credentials.chain)
    descriptor, path = tempfile.mkstemp(prefix="mvh-", suffix=".pem")  # readable for us alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
