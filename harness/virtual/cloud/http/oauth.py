"""KORE's token endpoint: OAuth 2 client credentials for a bearer token (RFC 6749 clause 4.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from harness.virtual.cloud.http.answers import Answer
from harness.virtual.cloud.http.auth import BEARER_SECONDS, Authenticator

HOST: Final = "api.korewireless.com"
PATH: Final = "/api-services/v1/auth/token"

_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))


def answer(auth: Authenticator, header: bytes | None, form: Mapping[str, str], *, now: int) -> Answer:
    """Return the answer to a token request; client id and secret come by Basic or in the form.

    Args:
        now: second of the world from which the token is good.
    """
    if form.get("grant_type") != "client_credentials":
        return _error(400, "unsupported_grant_type", "grant_type must be client_credentials")
    if header is not None:
        user = auth.user(header)
    else:
        user = auth.check(form.get("client_id", "").encode(), form.get("client_secret", "").encode())
    if user is None:
        return _error(401, "invalid_client", "client id or secret is wrong")
    return _answer(200, {"access_token": auth.issue(user, now=now), "token_type": "Bearer",
                         "expires_in": BEARER_SECONDS})


def _error(status: int, code: str, text: str) -> Answer:
    return _answer(status, {"error": code, "error_description": text})


def _answer(status: int, body: Mapping[str, object]) -> Answer:
    return Answer(status=status, headers=_HEADERS, body=json.dumps(body).encode())
