"""One webhook request: built, signed, and sent with bounded time. Blocks; runs on a thread of the world's pool."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import BadStatusLine, RemoteDisconnected
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import requests
import urllib3

from harness.clock import Stopwatch
from harness.formats.webhook_signature import body_digest, sign_kore_webhook, sign_webhook

USER_AGENT = "TwilioProxy/1.1"
KORE_USER_AGENT = "KoreProxy/1.1"

Parameters: TypeAlias = "list[tuple[str, str]]"
Flavour: TypeAlias = Literal["twilio-sha1", "twilio-sha256", "kore"]

BAD_URL = 11100
TIMEOUT = 11201
REFUSED = 11202
TOTAL_TIMEOUT = 11203
UNREACHABLE = 11205
PROTOCOL = 11206
BAD_HOST = 11210
ERROR_STATUS = 11217
TLS = 11220
BAD_OVERRIDES = 11243


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """How a delivery tries, as the fragment of a callback URL may change it: ``#ct=500&rt=1000&rc=3&rp=all``.

    Attributes:
        connect, read: milliseconds to connect and to wait for the response.
        total: milliseconds for all attempts together.
        retries: how often it is tried again.
        policy: what is tried again: ``ct`` connect failures, ``rt`` read timeouts, ``4xx``, ``5xx``, ``all``.
        sender: who is to sign it, None if the account's own choice counts.
        wrong: names in the fragment whose value is out of bounds or unknown; they do not count.
    """

    connect: int = 5_000
    read: int = 15_000
    total: int = 15_000
    retries: int = 1
    policy: frozenset[str] = frozenset({"ct"})
    sender: str | None = None
    wrong: tuple[str, ...] = ()


_BOUNDS = {"ct": ("connect", 100, 10_000), "rt": ("read", 100, 15_000), "tt": ("total", 100, 15_000),
           "rc": ("retries", 0, 5)}
_POLICIES = frozenset({"ct", "rt", "4xx", "5xx", "all"})
_SENDERS = ("twilio", "kore")
_USER = re.compile(r"^(https?://)[^/?#]*@", re.IGNORECASE)


def overrides_of(fragment: str) -> Overrides:
    """Return the overrides in a URL's fragment; what is out of bounds or unknown does not count."""
    numbers: dict[str, int] = {}
    policy, sender = Overrides().policy, None
    wrong = []
    for name, text in parse_qsl(fragment, keep_blank_values=True):
        if name in _BOUNDS:
            attribute, least, most = _BOUNDS[name]
            if text.isascii() and text.isdigit() and len(text) < 7 and least <= int(text) <= most:
                numbers[attribute] = int(text)
            else:
                wrong.append(name)
        elif name == "rp":
            chosen = frozenset(text.split(","))
            if chosen <= _POLICIES:
                policy = chosen
            else:
                wrong.append(name)
        elif name == "cbs":
            if text in _SENDERS:
                sender = text
            else:
                wrong.append(name)
    return Overrides(connect=numbers.get("connect", 5_000), read=numbers.get("read", 15_000),
                     total=numbers.get("total", 15_000), retries=numbers.get("retries", 1), policy=policy,
                     sender=sender, wrong=tuple(wrong))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What proves the sender of a webhook.

    Attributes:
        flavour: whose headers it has, and how it is signed.
        auth_token: of the account; the key of both kinds of X-Twilio-Signature.
        key: id of the key that the header names for SHA-256.
        secret: what KORE's signature is made with.
        token: the same for every attempt to tell one thing.
        moment: when it was made, for KORE's ``date``.
    """

    flavour: Flavour
    auth_token: str
    key: str = ""
    secret: str = ""
    token: str
    moment: datetime

    def headers(self, method: str, url: str, signed: Parameters, body: bytes, callback: str) -> dict[str, str]:
        """Return the headers for a request to ``url``, which came from the callback URL ``callback``."""
        if self.flavour == "kore":
            moment = self.moment
            return {"User-Agent": KORE_USER_AGENT, "kore-idempotency-token": self.token,
                    "date": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1_000:03}Z",
                    "kore-signature": sign_kore_webhook(self.secret, method, callback, body)}
        headers = {"User-Agent": USER_AGENT, "I-Twilio-Idempotency-Token": self.token}
        if self.flavour == "twilio-sha256":
            headers["X-Twilio-Signature"] = sign_webhook(self.auth_token, url, signed, algorithm="sha256")
            headers["X-Twilio-Webhooks-Signature-Settings"] = f"key={self.key},algorithm=HMAC_SHA256"
        else:
            headers["X-Twilio-Signature"] = sign_webhook(self.auth_token, url, signed)
        return headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A webhook as it goes over the wire."""

    method: str
    url: str
    body: bytes
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


def build(url: str, method: str, parameters: Parameters, seal: Seal) -> Request:
    """Return the signed request that tells ``parameters`` to ``url``: in the query of a GET, in the form of a POST."""
    parts = urlsplit(url)
    encoded = urlencode(parameters)
    query = parts.query
    if method == "GET" and encoded:
        query = f"{query}&{encoded}" if query else encoded
    called = _as_called(urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, "")))
    body = b"" if method == "GET" else encoded.encode()
    kind = {} if method == "GET" else {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    signed: Parameters = [] if method == "GET" else parameters
    return _request(method, called, body, signed, kind, seal, url)


def build_json(url: str, value: object, seal: Seal) -> Request:
    """Return the signed request that posts a JSON value to ``url``."""
    parts = urlsplit(url)
    body = json.dumps(value, separators=(",", ":")).encode()
    query = parts.query
    if seal.flavour != "kore":
        digest = f"bodySHA256={body_digest(body)}"
        query = f"{query}&{digest}" if query else digest
    called = _as_called(urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, "")))
    return _request("POST", called, body, [], {"Content-Type": "application/json"}, seal, url)


def _request(method: str, called: str, body: bytes, signed: Parameters, kind: Mapping[str, str], seal: Seal,
             callback: str) -> Request:
    proof = seal.headers(method, _without_user(called), signed, body, _without_user(callback))
    headers = {"Accept": "*/*", "Connection": "close", **kind, **proof}
    return Request(method=method, url=called, body=body, headers=headers,
                   overrides=overrides_of(urlsplit(callback).fragment))


def _without_user(url: str) -> str:
    """Return a URL without user and password: they go into a header, so the receiver does not see them in the URL."""
    return _USER.sub(r"\1", url)


def _as_called(url: str) -> str:
    """Return a URL as the HTTP client will write it: characters quoted, dots resolved. The receiver checks this one."""
    try:
        return requests.Request("GET", url).prepare().url or url
    except (requests.exceptions.RequestException, ValueError):
        return url  # it can't be called; the delivery tells


def deliver(request: Request) -> Outcome:
    """Send a webhook, again where its overrides say so, and return what became of it. Raises nothing."""
    watch = Stopwatch()
    for attempt in range(1, request.overrides.retries + 2):
        left = request.overrides.total / 1_000 - watch.seconds
        if left <= 0:
            return Outcome(status=0, code=TOTAL_TIMEOUT, detail="no time is left for another attempt",
                           attempts=attempt - 1)
        outcome, cause = _attempt(request, attempt, left)
        if not outcome.code or not ({cause, "all"} & request.overrides.policy):
            break
    return outcome


def _attempt(request: Request, attempt: int, left: float) -> tuple[Outcome, str]:
    """Return the outcome of one attempt and the word of the retry policy for it; ``left`` seconds are left for all."""

    def failed(code: int, detail: str, cause: str) -> tuple[Outcome, str]:
        return Outcome(status=0, code=code, detail=detail, attempts=attempt), cause

    read = request.overrides.read / 1_000
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy or .netrc of the user has no business here
            # The body of the answer is ignored, and a redirect is not followed: it could lead off the machine.
            response = session.request(
                request.method, request.url, data=request.body or None, headers=dict(request.headers),
                timeout=(min(request.overrides.connect / 1_000, left), min(read, left)), allow_redirects=False,
                stream=True)
            status = response.status_code
            response.close()
    except requests.exceptions.ReadTimeout:
        return (failed(TOTAL_TIMEOUT, "no response within the total time", "rt") if left < read
                else failed(TIMEOUT, "no response in time", "rt"))
    except requests.exceptions.ConnectTimeout:
        return failed(UNREACHABLE, "no connection in time", "ct")
    except requests.exceptions.SSLError:
        return failed(TLS, "TLS handshake failed", "ct")
    except requests.exceptions.ConnectionError as error:
        return failed(*_why(error))
    except (requests.exceptions.RequestException, ValueError, OSError):
        return failed(BAD_URL, "the URL can't be called", "")
    if 200 <= status < 300:
        return Outcome(status=status, code=0, detail="", attempts=attempt), ""
    return Outcome(status=status, code=ERROR_STATUS, detail=f"answered with status {status}",
                   attempts=attempt), f"{status // 100}xx"


def _why(error: BaseException) -> tuple[int, str, str]:
    """Return code, detail and word of the retry policy for a connection that failed."""
    causes: list[object] = [error]
    while causes:
        cause = causes.pop()
        if isinstance(cause, urllib3.exceptions.NameResolutionError):
            return BAD_HOST, "there is no such host", "ct"
        if isinstance(cause, ConnectionRefusedError):
            return REFUSED, "connection refused", "ct"
        if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
            return PROTOCOL, "the answer is no HTTP", ""
        if isinstance(cause, BaseException):
            causes += [*cause.args, getattr(cause, "reason", None), cause.__cause__]
    return REFUSED, "connection refused or lost", "ct"


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its very name or address; nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
