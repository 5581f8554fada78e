"""Keys and signatures, with the cryptography library and openssl's formats as the judges."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from harness.formats.bundle import BundleRejected, Rule, SigningKey, key_id, public_point_from_pem
from harness.formats.bundle.signing import signature_holds

PRIVATE = ec.derive_private_key(0x1234_5678_9ABC_DEF0, ec.SECP256R1())
PEM = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
POINT = PRIVATE.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def test_signature_is_over_prefix_and_body() -> None:
    signature = SigningKey.from_pem(PEM).sign(b"body")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    PRIVATE.public_key().verify(encode_dss_signature(r, s), b"twlo-mv-manifest-v1\0body", ec.ECDSA(hashes.SHA256()))
    assert signature_holds(b"body", signature, POINT)
    assert not signature_holds(b"bodz", signature, POINT)
    assert not signature_holds(b"body", signature[32:] + signature[:32], POINT)


def test_small_numbers_keep_their_leading_zeros() -> None:
    key = SigningKey.from_pem(PEM)
    assert all(len(key.sign(bytes([number]))) == 64 for number in range(40))


def test_key_identity() -> None:
    expected = int.from_bytes(hashlib.sha256(b"\0\0" + POINT).digest()[:8], "big")
    key = SigningKey.from_pem(PEM)
    assert key.key_id == key_id(POINT) == expected
    assert key.public_point == POINT == public_point_from_pem(PUBLIC_PEM)
    assert repr(key) == f"SigningKey(key_id=0x{expected:016x})"


@pytest.mark.parametrize(("pem", "message"), [
    (b"", "not an unencrypted private key in PEM"),
    (PUBLIC_PEM, "not an unencrypted private key in PEM"),
    (PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")), "not an unencrypted"),
    (ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
     "not on the curve NIST P-256"),
    (ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
     "not on the curve NIST P-256"),
])
def test_wrong_private_key(pem: bytes, message: str) -> None:
    with pytest.raises(BundleRejected, match=message) as caught:
        SigningKey.from_pem(pem)
    assert caught.value.rule is Rule.KEY_SHAPE


@pytest.mark.parametrize(("pem", "message"), [
    (b"nonsense", "k.pem is not a public key in PEM"),
    (PEM, "k.pem is not a public key in PEM"),
    (ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "k.pem is not on the curve NIST P-256"),
])
def test_wrong_public_key(pem: bytes, message: str) -> None:
    with pytest.raises(BundleRejected, match=message) as caught:
        public_point_from_pem(pem, "k.pem")
    assert caught.value.rule is Rule.KEY_SHAPE
