"""Who asks: HTTP Basic, and bearer tokens that stand for it; all checked in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final

_NOBODY = b"\x00 no password is this"

BEARER_SECONDS: Final = 3_600
"""How long a bearer token is good for, in seconds of the world."""


class Authenticator:
    """Knows users and passwords, and shows neither.

    Args:
        seal: key with which bearer tokens are signed; they need no memory, and another cloud's are worth nothing here.

    >>> Authenticator({"AC1": "secret"}).user(b"Basic " + base64.b64encode(b"AC1:secret"))
    'AC1'
    """

    def __init__(self, credentials: Mapping[str, str], *, seal: bytes = b"") -> None:
        self._passwords = {user.encode(): password.encode() for user, password in credentials.items()}
        self._seal = seal

    def __repr__(self) -> str:
        return f"Authenticator({len(self._passwords)} users)"

    def user(self, header: bytes | None, *, at: Callable[[], int] | None = None) -> str | None:
        """Return whose ``Authorization`` header this is, None if it is nobody's.

        Args:
            at: tells the second at which a bearer token must still be good; without it none is taken.
        """
        if header is None:
            return None
        if at is not None and header[:7].lower() == b"bearer ":
            return self._bearer(header[7:].strip(), at())
        if header[:6].lower() != b"basic ":
            return None
        try:
            pair = base64.b64decode(header[6:].strip(), validate=True)
        except (binascii.Error, ValueError):
            return None
        user, _, password = pair.partition(b":")
        return self.check(user, password)

    def check(self, user: bytes, password: bytes) -> str | None:
        """Return the user if the password is hers, else None."""
        expected = self._passwords.get(user)
        # The comparison is made for unknown users too, so that time does not tell who exists.
        same = hmac.compare_digest(password, expected if expected is not None else _NOBODY)
        return user.decode() if same and expected is not None else None

    def issue(self, user: str, *, now: int) -> str:
        """Return a bearer token of this user, good for :data:`BEARER_SECONDS` from second ``now``."""
        claim = f"{user}.{now + BEARER_SECONDS}".encode()
        return f"{claim.decode()}.{self._signature(claim)}"

    def _bearer(self, token: bytes, now: int) -> str | None:
        claim, _, signature = token.rpartition(b".")
        user, _, expiry = claim.rpartition(b".")
        genuine = hmac.compare_digest(signature, self._signature(claim).encode())
        if not genuine or not self._seal or int(expiry) <= now:
            return None
        return user.decode()

    def _signature(self, claim: bytes) -> str:
        return hmac.new(self._seal, claim, hashlib.sha256).hexdigest()
