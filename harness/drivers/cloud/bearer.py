"""Bearer tokens by OAuth 2 client credentials, as KORE's services want them (RFC 6749 clause 4.4)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import requests
from requests.auth import AuthBase

from harness.clock import NANOSECONDS, Clock
from harness.drivers.cloud.credentials import Credentials
from harness.errors import ApiError, CloudUnreachable
from harness.journal import Journal

_MARGIN_NS = 30 * NANOSECONDS  # a token that is about to expire is not begun with
_SHORTEST_NS = 10 * NANOSECONDS  # after a token was refused, before another one is asked for
_TIMEOUTS = (5.0, 30.0)


class BearerAuth(AuthBase):
    """Puts a bearer token on requests, and gets a new one before it expires or when it is refused.

    Args:
        environment: what the environment asks for requests to a URL: proxies and CA bundle.
    """

    def __init__(self, url: str, credentials: Credentials, clock: Clock, journal: Journal,
                 environment: Callable[[str], dict[str, Any]]) -> None:
        self._url = url
        self._credentials = credentials
        self._clock = clock
        self._journal = journal
        self._environment = environment
        self._lock = threading.Lock()
        self._token = ""
        self._asked = self._until = -_SHORTEST_NS

    def __repr__(self) -> str:
        return f"BearerAuth({self._url!r}, {self._credentials.user!r})"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        with self._lock:
            if not self._token or self._clock.now() >= self._until:
                self._fetch()
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def expired(self) -> bool:
        """Forget the token, which the service refuses; False if it is so new that another one would not help."""
        with self._lock:
            if not self._token or self._clock.now() - self._asked < _SHORTEST_NS:
                return False
            self._token = ""
            return True

    def _fetch(self) -> None:
        form = {"grant_type": "client_credentials", "client_id": self._credentials.user,
                "client_secret": self._credentials.password}
        session = requests.Session()
        session.trust_env = False
        try:
            response = session.post(self._url, data=form, timeout=_TIMEOUTS, allow_redirects=False,
                                    **self._environment(self._url))
        except requests.exceptions.RequestException as error:
            raise CloudUnreachable(f"no answer to POST {self._url}: {type(error).__name__}") from None
        finally:
            session.close()
        token, seconds = _token(response)
        self._journal.redact(token)
        self._token, self._asked = token, self._clock.now()
        self._until = self._asked + max(seconds * NANOSECONDS - _MARGIN_NS, _SHORTEST_NS)


def _token(response: requests.Response) -> tuple[str, int]:
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    token, seconds = body.get("access_token"), body.get("expires_in", 0)
    if response.status_code != 200 or not isinstance(token, str) or not token:
        why = body.get("error_description") or body.get("error") or response.reason
        raise ApiError.of(f"no bearer token: {why}", status=response.status_code)
    return token, int(seconds) if str(seconds).isdigit() else 0
