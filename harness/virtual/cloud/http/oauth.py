"""KORE's token endpoint: OAuth 2 client credentials for a bearer token (RFC 6749 clause 4.4)."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from harness.virtual.cloud.http.answers import CORS, Answer
from harness.virtual.cloud.http.auth import BEARER_SECONDS, Authenticator

HOST: Final = "api.korewireless.com"
PATH: Final = "/api-services/v1/auth/token"

_HEADERS: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"pragma", b"no-cache"),
                   *CORS)
_SCOPE: Final = re.compile(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
"""Scopes with one space between two (RFC 6749 clause 3.3)."""


def answer(auth: Authenticator, header: bytes | None, pairs: Sequence[tuple[str, str]], *, now: int,
           scopes: tuple[str, ...] = ()) -> Answer:
    """Return the answer to a token request; client id and secret come by Basic or in the form, not both.

    Args:
        now: second of the world from which the token is good.
        scopes: what can be asked for; anything if empty.
    """
    form = dict(pairs)
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if repeated:
        return _error(400, "invalid_request", f"{repeated[0]} is given more than once")
    if "grant_type" not in form:
        return _error(400, "invalid_request", "grant_type is missing")
    if form["grant_type"] != "client_credentials":
        return _error(400, "unsupported_grant_type", "grant_type must be client_credentials")
    if header is not None and "client_secret" in form:
        return _error(400, "invalid_request", "credentials belong into the header or into the form, not into both")
    if header is not None:
        user = auth.user(header)
    else:
        user = auth.check(form.get("client_id", "").encode(), form.get("client_secret", "").encode())
    if user is None:
        challenge = ((b"www-authenticate", b'Basic realm="KORE"'),) if header is not None else ()
        return _error(401, "invalid_client", "client id or secret is wrong", *challenge)
    scope = form.get("scope")
    if scope and (not _SCOPE.fullmatch(scope) or (scopes and not set(scope.split(" ")) <= set(scopes))):
        return _error(400, "invalid_scope", "this scope can't be had")
    return _answer(200, {"access_token": auth.issue(user, now=now), "token_type": "Bearer",
                         "expires_in": BEARER_SECONDS, **({"scope": scope} if scope else {})})


def _error(status: int, code: str, text: str, *headers: tuple[bytes, bytes]) -> Answer:
    # KORE describes a 401 by the first two, a 400 by the other two
    return _answer(status, {"error": code, "error_description": text, "code": status, "message": text}, *headers)


def _answer(status: int, body: Mapping[str, object], *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status=status, headers=(*_HEADERS, *headers), body=json.dumps(body).encode())
