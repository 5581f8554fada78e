"""HTTP to the cloud: authenticated, retried where that is safe, with the API's errors as exceptions.

Proxies and CA bundles of the environment count for hosts beyond this machine only. ``requests`` would take a proxy (and
a password from ``~/.netrc``) for a server on loopback as well, and ``trust_env=False`` alone would lose the CA bundle.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies

from harness.clock import NANOSECONDS, Clock
from harness.drivers.cloud.bearer import BearerAuth
from harness.drivers.cloud.credentials import Credentials
from harness.errors import ApiError, CloudError, CloudUnreachable, NotFound
from harness.journal import Journal

Json: TypeAlias = Mapping[str, Any]
Form: TypeAlias = "Mapping[str, str | Sequence[str]]"

ATTEMPTS = 4
FIRST_PAUSE_NS = 200_000_000
LONGEST_PAUSE_NS = 10 * NANOSECONDS
LONGEST_WAIT_NS = 120 * NANOSECONDS
"""Longest pause that the service can ask for by ``Retry-After``."""
TIMEOUTS = (5.0, 30.0)
"""Seconds to connect, and to wait for each piece of an answer."""

_LOOPBACK = ("localhost", "127.", "[::1]", "::1")


class Transport:
    """Requests of one account.

    Args:
        clock: what pauses between attempts are taken from.
        token_url: where bearer tokens come from; None: HTTP Basic.
        trust_env: whether proxies and CA bundles of the environment count, for hosts beyond this machine.
    """

    def __init__(self, credentials: Credentials, clock: Clock, journal: Journal, *, trust_env: bool = True,
                 token_url: str | None = None) -> None:
        self.clock = clock
        self.journal = journal
        self._credentials = credentials
        self._trust_env = trust_env
        self._bearer = BearerAuth(token_url, credentials, clock, journal, self.environment) if token_url else None
        self._session = self.new_session()
        credentials.hide_in(journal)

    def __repr__(self) -> str:
        return f"Transport({self._credentials!r})"

    def close(self) -> None:
        """Close idle connections. May be called twice."""
        self._session.close()

    def new_session(self) -> requests.Session:
        """Return a session of its own, for a thread of its own."""
        session = requests.Session()
        session.trust_env = False
        session.auth = self._bearer or (self._credentials.user, self._credentials.password)
        return session

    def environment(self, url: str) -> dict[str, Any]:
        """Return the request arguments that the environment asks for: the CA bundle, and the proxy beyond this machine.

        They are given with each request: a session with ``trust_env=False`` would lose the bundle, and one without it
        would also take a password from ``~/.netrc``.
        """
        if not self._trust_env:
            return {"proxies": {}, "verify": True}
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        host = urlsplit(url).hostname or ""
        return {"proxies": {} if host.startswith(_LOOPBACK) else get_environ_proxies(url), "verify": bundle}

    def get(self, url: str, query: Form | None = None) -> Json:
        """Return the JSON object at a URL.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer, not even after retries.
        """
        return self._object(self._request("GET", url, params=query))

    def post(self, url: str, form: Form | None = None, *, files: Mapping[str, Any] | None = None) -> Json:
        """Post a form, or a file, and return the JSON object that comes back.

        It is sent again only where the first one can't have had an effect: never connected, or refused with 429.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer; whether the request had an effect is not known.
        """
        response = self._request("POST", url, data=form, files=files)
        self._record("POST", url, response.status_code)
        return self._object(response)

    def delete(self, url: str) -> None:
        """Delete what is at a URL.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer, not even after retries.
        """
        lost: list[str] = []
        try:
            response = self._request("DELETE", url, lost=lost)
        except NotFound:
            if not lost:
                raise
            return  # an attempt whose answer was lost has done it
        self._record("DELETE", url, response.status_code)

    def pages(self, url: str, key: str, query: Form | None = None) -> Iterator[Json]:
        """Give the records of a list, page by page as they are asked for.

        Raises:
            ApiError: the API refused.
            CloudError: a page leads to another server, or back.
        """
        origin = _origin(url)
        seen: set[str] = set()
        page = self.get(url, query)
        while True:
            yield from page.get(key, ())
            following = page.get("meta", {}).get("next_page_url")
            if not following:
                return
            if _origin(following) != origin or following in seen:
                raise CloudError(f"the list {urlsplit(url).path} leads to another server or to a page already read")
            seen.add(following)
            page = self.get(following)

    def _request(self, method: str, url: str, *, lost: list[str] | None = None, **arguments: Any) -> requests.Response:
        """Return the response; ``lost`` takes the reasons of attempts that may have had an effect nobody told of."""
        pause = FIRST_PAUSE_NS
        for attempt in range(1, ATTEMPTS + 1):
            last, wanted = attempt == ATTEMPTS, 0
            try:
                response = self._session.request(method, url, timeout=TIMEOUTS, allow_redirects=False,
                                                 **self.environment(url), **arguments)
            except requests.exceptions.RequestException as error:
                if last or not _may_repeat(method, error):
                    raise CloudUnreachable(f"no answer to {method} {url}: {_cause(error)}") from None
                self._retried(method, url, attempt, type(error).__name__)
                if lost is not None:
                    lost.append(type(error).__name__)
            else:
                if response.status_code < 300:
                    return response
                if response.status_code == 401 and self._bearer is not None and self._bearer.expired():
                    self._retried(method, url, attempt, "the bearer token has expired")
                    continue  # nothing was done, so a POST may be repeated too
                again = response.status_code == 429 or (method != "POST" and response.status_code >= 500)
                if last or not again:
                    raise api_error(response)
                self._retried(method, url, attempt, str(response.status_code))
                if lost is not None and response.status_code >= 500:
                    lost.append(str(response.status_code))
                wanted = _retry_after(response)
            self.clock.sleep(max(pause, wanted) / NANOSECONDS)
            pause = min(2 * pause, LONGEST_PAUSE_NS)
        raise AssertionError("the last attempt returns or raises")

    def _object(self, response: requests.Response) -> Json:
        try:
            value = response.json()
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ApiError("the answer is no JSON object", status=response.status_code)
        return value

    def _record(self, method: str, url: str, status: int) -> None:
        self.journal.record("driver", "api_called", method=method, path=urlsplit(url).path, status=status)

    def _retried(self, method: str, url: str, attempt: int, reason: str) -> None:
        self.journal.record("driver", "api_call_retried", method=method, path=urlsplit(url).path, attempt=attempt,
                            reason=reason)


def _may_repeat(method: str, error: requests.exceptions.RequestException) -> bool:
    """Return whether a request can be made again: a POST only if it never reached the server."""
    if isinstance(error, requests.exceptions.SSLError):
        return False
    if method == "POST":
        never = urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
        return isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(_inner(error), never)
    # an answer that breaks off in its middle is a ChunkedEncodingError, or a ConnectionError
    return isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout
                      | requests.exceptions.ChunkedEncodingError)


def _inner(error: BaseException) -> object:
    """Return what is at the bottom of an error of requests."""
    reason = error.args[0] if error.args else error
    return getattr(reason, "reason", None) or reason


def _cause(error: BaseException) -> str:
    inner = _inner(error)
    return type(inner).__name__ if isinstance(inner, BaseException) else str(inner)


def api_error(response: requests.Response) -> ApiError:
    """Return the error that a response tells of."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {}
    code = body.get("code")
    message = body.get("message") or response.reason or "the API refused"
    return ApiError.of(f"{message} [{response.request.method} {urlsplit(response.url).path}]",
                       status=response.status_code, code=code if isinstance(code, int) else 0,
                       more_info=str(body.get("more_info") or ""))


def _retry_after(response: requests.Response) -> int:
    text = response.headers.get("Retry-After", "")
    return min(int(text) * NANOSECONDS, LONGEST_WAIT_NS) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
