"""A receiver for webhooks on this machine: records every one, checks its signature, lets a test wait for one."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from harness.clock import Clock, Duration
from harness.errors import PortTaken
from harness.formats.webhook_signature import body_digest, sign_kore_webhook, sign_webhook
from harness.journal import Journal

BODY_LIMIT = 1 << 20
KEPT = 100_000
"""Webhooks that are kept; further ones are counted and refused."""

_EVENT = "supersim.connection."
_KINDS = {"HC": "sms_command", "HG": "ip_command", "DC": "command"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One webhook.

    Attributes:
        seq: its position, from 0: a cursor for ``expect(since=...)``.
        kind: ``sms_command``, ``ip_command``, ``command``, ``sim_status``, ``esim_profile``, ``connection_events`` or
            ``unknown``.
        path: path and query it was called with.
        parameters: names and values, of the form or of the query.
        events: connection events, as they are in a JSON body.
        signed: whether the signature is right; False too where there is none.
    """

    seq: int
    kind: str
    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    signed: bool
    events: tuple[Mapping[str, Any], ...] = ()

    @property
    def payload(self) -> bytes:
        """The payload in bytes, decoded where it was sent in Base64."""
        text = self.parameters.get("Payload", "")
        if self.parameters.get("PayloadType") == "binary":
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                return text.encode()
        return text.encode()

    def fits(self, wanted: Mapping[str, str | bytes]) -> bool:
        """Return whether its parameters have these values; names in snake_case, payload as text or bytes."""
        for name, value in wanted.items():
            if name == "payload":
                if self.payload != (value if isinstance(value, bytes) else value.encode()):
                    return False
            elif self.parameters.get("".join(word.capitalize() for word in name.split("_"))) != value:
                return False
        return True


class WebhookSink:
    """An HTTP server on a free port of this machine that takes webhooks.

    Args:
        auth_token: what signatures are checked with.
        port: port to listen on; any free one by default.
        kore_secret: what KORE's kind of signatures is checked with.
        public_url: the root under which the outside reaches this port, e.g. of a tunnel; signatures are made for it.

    Raises:
        PortTaken: the port is in use.

    Example::

        with WebhookSink(clock, auth_token) as webhooks:
            cloud.supersim.fleets.get("default").update(sms_commands_url=webhooks.url)
            webhooks.expect("sms_command", direction="from_sim", payload="LED IS ON", within="10s")
    """

    def __init__(self, clock: Clock, auth_token: str, *, journal: Journal | None = None, port: int = 0,
                 public_url: str | None = None, kore_secret: str = "") -> None:
        self._clock = clock
        self._auth_token = auth_token
        self._kore_secret = kore_secret
        self._received: list[Webhook] = []
        self._cursors: dict[str, int] = {}
        self._lock = threading.Lock()
        self.status = 204
        self.refused = 0
        if journal is not None:
            for secret in filter(None, (auth_token, kore_secret)):
                journal.redact(secret)
        try:
            self._server: _Server | None = _Server(self, port)
        except OSError as error:
            raise PortTaken(f"can't listen on 127.0.0.1:{port} for webhooks: {error.strerror}") from None
        self._origin = (public_url or f"http://127.0.0.1:{self._server.server_address[1]}").rstrip("/")
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02},
                                        name="webhook-sink", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"WebhookSink({self._origin!r}, {len(self._received)} received)"

    def __enter__(self) -> WebhookSink:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where to send webhooks; any path below it will do."""
        return f"{self._origin}/webhooks"

    @property
    def received(self) -> tuple[Webhook, ...]:
        """Everything that came, in the order it came."""
        return tuple(self._received)

    def mark(self) -> int:
        """Return a cursor for ``expect(since=...)``: only what comes from now on counts."""
        return len(self._received)

    def answer(self, status: int) -> None:
        """Answer further webhooks with this HTTP status; 204 is what it begins with."""
        self.status = status

    def expect(self, kind: str, *, within: Duration = "30s", since: int | None = None, signed: bool = True,
               **parameters: str | bytes) -> Webhook:
        """Return the next webhook of a kind whose parameters have these values.

        Each call with the same arguments goes on where the last one found its webhook; calls with different ones take
        nothing from each other.

        Args:
            since: a cursor of :meth:`mark` to look from instead.
            signed: whether only webhooks with a right signature count.
            parameters: ``direction="from_sim"``, ``status=...``, ``sim_sid=...``; payload as it is, never Base64.

        Raises:
            TimeoutExpired: none came in time; tells what came instead.
        """
        key = repr((kind, signed, sorted(parameters.items())))
        start = self._cursors.get(key, 0) if since is None else since

        def found() -> Webhook | None:
            for position in range(start, len(self._received)):
                webhook = self._received[position]
                if webhook.kind == kind and (webhook.signed or not signed) and webhook.fits(parameters):
                    return webhook
            return None

        shown = "".join(f", {name}={value!r}" for name, value in parameters.items())
        webhook = self._clock.wait(found, within=within, what=f"webhook {kind}{shown}", saw=self._saw)
        self._cursors[key] = webhook.seq + 1
        return webhook

    def close(self) -> None:
        """Stop listening. May be called twice."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def take(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Record a request and return the status to answer with."""
        query = parse_qsl(urlsplit(path).query, keep_blank_values=True)
        events = _events(headers, body)
        form = [] if events else parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True)
        pairs = form if method == "POST" else query
        parameters = dict(pairs)
        signed = self._is_signed(method, path, headers, form if method == "POST" else [], body)
        with self._lock:
            if len(self._received) >= KEPT:
                self.refused += 1
                return 503
            self._received.append(Webhook(
                seq=len(self._received), kind="connection_events" if events else _kind(parameters), method=method,
                path=path, parameters=MappingProxyType(parameters), headers=MappingProxyType(dict(headers)),
                signed=signed, events=events))
        self._clock.notify()
        return self.status

    def _is_signed(self, method: str, path: str, headers: Mapping[str, str], form: list[tuple[str, str]],
                   body: bytes) -> bool:
        """Return whether the signature is right, whichever of the three kinds it is."""
        url = self._origin + path
        if "kore-signature" in headers:
            expected = sign_kore_webhook(self._kore_secret, method, url, body)
            return bool(expected) and hmac.compare_digest(headers["kore-signature"].encode(), expected.encode())
        sha256 = "algorithm=HMAC_SHA256" in headers.get("x-twilio-webhooks-signature-settings", "")
        expected = sign_webhook(self._auth_token, url, form, algorithm="sha256" if sha256 else "sha1")
        digest = dict(parse_qsl(urlsplit(path).query)).get("bodySHA256")
        whole = not headers.get("content-type", "").startswith("application/json") or digest == body_digest(body)
        return whole and hmac.compare_digest(headers.get("x-twilio-signature", "").encode(), expected.encode())

    def _saw(self) -> str:
        if not self._received:
            return ""
        last = self._received[-1]
        return (f"{len(self._received)} webhooks, the last one {last.kind} {dict(last.parameters)}"
                + ("" if last.signed else " with a wrong signature"))


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, sink: WebhookSink, port: int) -> None:
        self.sink = sink
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        self._take(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            self.send_error(413)
            return
        self._take(self.rfile.read(int(length)))

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing is printed: what came is in :attr:`WebhookSink.received`."""

    def _take(self, body: bytes) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response_only(self.server.sink.take(self.command, self.path, headers, body))
        self.send_header("Content-Length", "0")
        self.end_headers()


def _events(headers: Mapping[str, str], body: bytes) -> tuple[Mapping[str, Any], ...]:
    """Return the connection events of a JSON body; none if it is something else."""
    if not headers.get("content-type", "").startswith("application/json"):
        return ()
    try:
        value = json.loads(body)
    except ValueError:
        return ()
    known = isinstance(value, list) and all(
        isinstance(event, dict) and _EVENT in str(event.get("type")) for event in value)
    return tuple(value) if known else ()


def _kind(parameters: Mapping[str, str]) -> str:
    if "ESimProfileSid" in parameters:
        return "esim_profile"
    if "CommandSid" in parameters:
        return _KINDS.get(parameters["CommandSid"][:2], "unknown")
    return "sim_status" if "SimStatus" in parameters else "unknown"
