"""The signature that proves who sent a webhook: header ``X-Twilio-Signature``.

Base64 of HMAC-SHA1, keyed with the account's auth token, over the URL as it was called (query included) followed by
name and value of every form parameter, sorted by name and then by value, each distinct pair once. A GET has its
parameters in the URL and none after it.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

__all__ = ["sign_webhook"]


def sign_webhook(auth_token: str, url: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
    """Return the value of ``X-Twilio-Signature``.

    >>> sign_webhook("12345", "https://example.com/", [("Payload", "hi")])
    'dCR/RLCBiKIes5NYvsy4AC85Yts='
    """
    signed = url + "".join(name + value for name, value in sorted(set(parameters)))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), "sha1")).decode("ascii")
