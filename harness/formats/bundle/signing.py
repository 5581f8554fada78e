"""Keys of bundles: shapes, identities, signatures (ECDSA over NIST P-256 with SHA-256).

A key travels as an uncompressed point: 0x04, then X and Y with 32 bytes each (SEC 1, 2.3.3). A signature covers a
constant prefix and the body of the manifest, and travels as r and s with 32 bytes each.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from harness.formats.bundle.rules import BundleRejected, Rule

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

SIGNATURE_SIZE = 64
_PREFIX = b"twlo-mv-manifest-v1\0"
_SIGNING_KEY_TYPE = b"\0\0"


def key_id(public_point: bytes) -> int:
    """Return the identity of a signing key: the first 8 bytes, big-endian, of SHA-256 over key type and point."""
    return int.from_bytes(hashlib.sha256(_SIGNING_KEY_TYPE + public_point).digest()[:8], "big")


def check_public_point(point: bytes, what: str) -> None:
    """Accept an uncompressed P-256 point.

    Raises:
        BundleRejected: another length or form, or not on the curve.
    """
    _load_point(point, what)


def public_point_from_pem(pem: bytes, what: str = "the public key") -> bytes:
    """Return the uncompressed point of a P-256 public key in PEM.

    Raises:
        BundleError: not a PEM public key, or not one on P-256.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BundleRejected(Rule.KEY_SHAPE, f"{what} is not a public key in PEM: {_first_line(error)}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BundleRejected(Rule.KEY_SHAPE, f"{what} is not on the curve NIST P-256")
    return _point(key)


class SigningKey:
    """A private key that signs manifests.

    Example::

        key = SigningKey.generate()
        bundle = create_bundle(rom, options=BundleOptions(signing_key=key))
        Bundle.read(bundle, signers=[key.public_point])
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_point = _point(key.public_key())
        """The public half, as 65 bytes."""
        self.key_id = key_id(self.public_point)

    def __repr__(self) -> str:
        return f"SigningKey(key_id=0x{self.key_id:016x})"

    @classmethod
    def generate(cls) -> SigningKey:
        """Return a new key."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> SigningKey:
        """Return the key of an unencrypted PEM file.

        Raises:
            BundleError: not a PEM private key, encrypted, or not on P-256.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise BundleRejected(
                Rule.KEY_SHAPE,
                f"the signing key is not an unencrypted private key in PEM: {_first_line(error)}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BundleRejected(Rule.KEY_SHAPE, "the signing key is not on the curve NIST P-256")
        return cls(key)

    def private_pem(self) -> bytes:
        """Return it as an unencrypted PEM file (PKCS #8): keep it where nobody else reads."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def public_pem(self) -> bytes:
        """Return the public half as a PEM file."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, body: bytes) -> bytes:
        """Return the signature of a manifest body: 64 bytes, the same for the same body (RFC 6979)."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        try:
            signature = self._key.sign(_PREFIX + body, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        except UnsupportedAlgorithm:  # an OpenSSL before 3.2: signatures then differ from run to run, and all hold
            signature = self._key.sign(_PREFIX + body, ec.ECDSA(hashes.SHA256()))
        r, s = decode_dss_signature(signature)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signature_holds(body: bytes, signature: bytes, public_point: bytes) -> bool:
    """Return whether the 64-byte signature of a manifest body was made with the private half of this key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        _load_point(public_point, "the signer's key").verify(
            encode_dss_signature(r, s), _PREFIX + body, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _load_point(point: bytes, what: str) -> ec.EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    if len(point) != 65 or point[0] != 4:
        raise BundleRejected(
            Rule.KEY_SHAPE, f"{what} must be an uncompressed P-256 point: 65 bytes beginning with 04, not "
                            f"{len(point)} bytes" + (f" beginning with {point[0]:02x}" if point else ""))
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except ValueError as error:
        raise BundleRejected(Rule.KEY_SHAPE, f"{what} is no point on the curve P-256") from error


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0][:120] or type(error).__name__
