"""The signatures that prove who sent a webhook.

``X-Twilio-Signature``: Base64 of an HMAC, keyed with the account's auth token (SHA-1) or a shared key (SHA-256), over
the URL as it was called (query included) followed by name and value of every form parameter, sorted by name and then
by value, each distinct pair once. A GET has its parameters in the URL and none after it. JSON is signed by a query
parameter ``bodySHA256``, and nothing after the URL.

``kore-signature``: SHA-256 in hexadecimal digits of the secret, the method, the URL without query and fragment, and the
body; empty where no secret was agreed on.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

__all__ = ["body_digest", "sign_kore_webhook", "sign_webhook"]


def sign_webhook(auth_token: str, url: str, parameters: Iterable[tuple[str, str]] = (), *,
                 algorithm: Literal["sha1", "sha256"] = "sha1") -> str:
    """Return the value of ``X-Twilio-Signature``.

    >>> sign_webhook("12345", "https://example.com/", [("Payload", "hi")])
    'dCR/RLCBiKIes5NYvsy4AC85Yts='
    """
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), algorithm)).decode("ascii")


def body_digest(body: bytes) -> str:
    """Return the value of ``bodySHA256`` for a body that is no form."""
    return hashlib.sha256(body).hexdigest()


def sign_kore_webhook(secret: str, method: str, url: str, body: bytes = b"") -> str:
    """Return the value of ``kore-signature``.

    >>> sign_kore_webhook("12345", "POST", "https://testendpoint.com", b"field1=value1&field2=value2")[:8]
    'f562d395'
    """
    if not secret:
        return ""
    parts = urlsplit(url)
    bare = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    return hashlib.sha256(secret.encode() + method.encode() + bare.encode() + body).hexdigest()
