"""HTTP Basic, checked in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping

_NOBODY = b"\x00 no password is this"


class Authenticator:
    """Knows users and passwords, and shows neither.

    >>> Authenticator({"AC1": "secret"}).user(b"Basic " + base64.b64encode(b"AC1:secret"))
    'AC1'
    """

    def __init__(self, credentials: Mapping[str, str]) -> None:
        self._passwords = {user.encode(): password.encode() for user, password in credentials.items()}

    def __repr__(self) -> str:
        return f"Authenticator({len(self._passwords)} users)"

    def user(self, header: bytes | None) -> str | None:
        """Return whose ``Authorization`` header this is, None if it is nobody's."""
        if header is None or header[:6].lower() != b"basic ":
            return None
        try:
            pair = base64.b64decode(header[6:].strip(), validate=True)
        except (binascii.Error, ValueError):
            return None
        user, _, password = pair.partition(b":")
        expected = self._passwords.get(user)
        # The comparison is made for unknown users too, so that time does not tell who exists.
        same = hmac.compare_digest(password, expected if expected is not None else _NOBODY)
        return user.decode() if same and expected is not None else None
