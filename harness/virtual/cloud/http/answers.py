"""Bodies and headers of responses, with everything that never changes made once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from harness.virtual.cloud.choices import Choices
from harness.virtual.cloud.refusals import AUTHENTICATION, MORE_INFO, Refused

Headers: TypeAlias = "tuple[tuple[bytes, bytes], ...]"

JSON: Headers = ((b"content-type", b"application/json"),)

CORS: Headers = (
    (b"access-control-allow-origin", b"*"), (b"access-control-allow-methods", b"GET, HEAD, POST, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"Content-Type, Authorization"), (b"access-control-allow-credentials", b"true"),
    (b"access-control-expose-headers", b"ETag"),
)
"""Declared on every 2xx response of the published specifications."""

OK: Headers = JSON + CORS

_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Answer(NamedTuple):
    """A complete response."""

    status: int
    body: bytes = b""
    headers: Headers = JSON


def to_bytes(value: Mapping[str, object]) -> bytes:
    """Return a JSON body."""
    return _ENCODER.encode(value).encode()


def unauthenticated(choices: Choices) -> Answer:
    """Return the 401 of missing and of wrong credentials: one body for both."""
    body = to_bytes({
        "code": AUTHENTICATION, "detail": "Your AccountSid or AuthToken was incorrect.",
        "message": "Authentication Error - No credentials provided", "more_info": f"{MORE_INFO}{AUTHENTICATION}",
        "status": 401,
    })
    return Answer(status=401, body=body, headers=(*JSON, (b"www-authenticate", choices.www_authenticate.encode())))


def refusal(refused: Refused, choices: Choices, headers: Headers = ()) -> Answer:
    """Return the error body of a refusal."""
    status = refused.status or choices.status(refused.code)
    return Answer(status=status, headers=JSON + headers, body=to_bytes({
        "code": refused.code, "message": refused.message, "more_info": f"{MORE_INFO}{refused.code}", "status": status,
    }))
