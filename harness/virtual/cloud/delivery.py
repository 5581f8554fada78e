"""One webhook request: built, signed, and sent with bounded time. Blocks; runs on a thread of the world's pool."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests

from harness.formats.webhook_signature import sign_webhook

USER_AGENT = "TwilioProxy/1.1"

Parameters: TypeAlias = "list[tuple[str, str]]"

BAD_URL = 11100
TIMEOUT = 11201
REFUSED = 11202
UNREACHABLE = 11205
BAD_HOST = 11210
ERROR_STATUS = 11217
TLS = 11220


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """How a delivery tries, as the fragment of a callback URL may change it: ``#ct=500&rt=1000&rc=3&rp=all``.

    Attributes:
        connect, read: milliseconds to connect and to wait for the response.
        retries: how often it is tried again.
        policy: what is tried again: ``ct`` connect failures, ``rt`` read timeouts, ``4xx``, ``5xx``, ``all``.
    """

    connect: int = 5_000
    read: int = 15_000
    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})


_BOUNDS = {"ct": ("connect", 100, 10_000), "rt": ("read", 100, 15_000), "rc": ("retries", 0, 5)}
_POLICIES = frozenset({"ct", "rt", "4xx", "5xx", "all"})


def overrides_of(fragment: str) -> Overrides:
    """Return the overrides in a URL's fragment; what is out of bounds or unknown does not count."""
    numbers: dict[str, int] = {}
    policy = Overrides().policy
    for name, text in parse_qsl(fragment):
        if name in _BOUNDS and text.isascii() and text.isdigit():
            attribute, least, most = _BOUNDS[name]
            if least <= int(text) <= most:
                numbers[attribute] = int(text)
        elif name == "rp" and (chosen := frozenset(text.split(",")) & _POLICIES):
            policy = chosen
    return Overrides(connect=numbers.get("connect", 5_000), read=numbers.get("read", 15_000),
                     retries=numbers.get("retries", 1), policy=policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A webhook as it goes over the wire."""

    method: str
    url: str
    body: str
    headers: Mapping[str, str]
    overrides: Overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a delivery.

    Attributes:
        status: HTTP status of the last attempt, 0 if there was no response.
        code: error code of the catalogue, 0 if it was taken.
        attempts: how often it was tried.
    """

    status: int
    code: int
    detail: str
    attempts: int


def build(url: str, method: str, parameters: Parameters, *, auth_token: str, idempotency_token: str) -> Request:
    """Return the signed request that tells ``parameters`` to ``url``."""
    parts = urlsplit(url)
    encoded = urlencode(parameters)
    if method == "GET":
        query = f"{parts.query}&{encoded}" if parts.query else encoded
        called, body, signed = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, "")), "", []
    else:
        called = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))
        body, signed = encoded, parameters
    called = _as_called(called)
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close",
               "I-Twilio-Idempotency-Token": idempotency_token,
               "X-Twilio-Signature": sign_webhook(auth_token, called, signed)}
    if method != "GET":
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
    return Request(method=method, url=called, body=body, headers=headers, overrides=overrides_of(parts.fragment))


def _as_called(url: str) -> str:
    """Return a URL as the HTTP client will write it: characters quoted, dots resolved. The receiver checks this one."""
    try:
        return requests.Request("GET", url).prepare().url or url
    except (requests.exceptions.RequestException, ValueError):
        return url  # it can't be called; the delivery tells


def deliver(request: Request) -> Outcome:
    """Send a webhook, again where its overrides say so, and return what became of it. Raises nothing."""
    for attempt in range(1, request.overrides.retries + 2):
        outcome, cause = _attempt(request, attempt)
        if not outcome.code or not ({cause, "all"} & request.overrides.policy):
            break
    return outcome


def _attempt(request: Request, attempt: int) -> tuple[Outcome, str]:
    """Return the outcome of one attempt and the word of the retry policy for it."""
    timeouts = (request.overrides.connect / 1_000, request.overrides.read / 1_000)
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy or .netrc of the user has no business here
            # The body of the answer is ignored, and a redirect is not followed: it could lead off the machine.
            response = session.request(request.method, request.url, data=request.body.encode() or None,
                                       headers=dict(request.headers), timeout=timeouts, allow_redirects=False,
                                       stream=True)
            status = response.status_code
            response.close()
    except requests.exceptions.ReadTimeout:
        return Outcome(status=0, code=TIMEOUT, detail="no response in time", attempts=attempt), "rt"
    except requests.exceptions.ConnectTimeout:
        return Outcome(status=0, code=UNREACHABLE, detail="no connection in time", attempts=attempt), "ct"
    except requests.exceptions.SSLError:
        return Outcome(status=0, code=TLS, detail="TLS handshake failed", attempts=attempt), "ct"
    except requests.exceptions.ConnectionError:
        return Outcome(status=0, code=REFUSED, detail="connection refused or lost", attempts=attempt), "ct"
    except (requests.exceptions.RequestException, ValueError, OSError):
        return Outcome(status=0, code=BAD_URL, detail="the URL can't be called", attempts=attempt), ""
    if 200 <= status < 300:
        return Outcome(status=status, code=0, detail="", attempts=attempt), ""
    return Outcome(status=status, code=ERROR_STATUS, detail=f"answered with status {status}",
                   attempts=attempt), f"{status // 100}xx"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its very name or address; nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
