"""HTTP requests to a program outside, made on a thread: what came back, or why nothing did."""

from __future__ import annotations

import http.client
import socket
import ssl
from urllib.parse import SplitResult, urlsplit

from harness.clock import Stopwatch
from harness.virtual.internet.host import Route
from harness.virtual.internet.seams import HttpFailure, HttpOutcome, HttpRequest, HttpResponse

MAX_BODY = 1 << 20
"""Longest body that is taken from outside, in octets."""

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade",
                         "proxy-authenticate"})


def split_url(url: str) -> SplitResult | None:
    """Return the parts of an absolute ``http`` or ``https`` URL, None if it is not one."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no number
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or not url.isascii() or any(
            character <= " " or character == "\x7f" for character in url):
        return None
    return parts


def port_of(parts: SplitResult) -> int:
    """Return the port of a URL, that of its scheme if it names none."""
    return parts.port or (443 if parts.scheme.lower() == "https" else 80)


def path_of(parts: SplitResult) -> str:
    """Return path and query as they stand in a request line."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def fetch(request: HttpRequest, parts: SplitResult, route: Route) -> HttpOutcome:
    """Send the request and return what came of it. Blocks, for some three times the request's timeout at most."""
    seconds = request.timeout_ms / 1000
    watch = Stopwatch()
    name = parts.hostname or ""
    connection: http.client.HTTPConnection
    if route.tls is not None:
        connection = _TlsConnection(name, route, seconds)
    else:
        connection = http.client.HTTPConnection(*route.address, timeout=seconds)
    try:
        connection.putrequest(request.method, path_of(parts), skip_host=True, skip_accept_encoding=True)
        given = {header.lower() for header, _ in request.headers}
        if "host" not in given:
            connection.putheader("Host", parts.netloc.rpartition("@")[2])
        for header, value in request.headers:
            connection.putheader(header, value.encode("latin-1", "replace"))
        if "content-length" not in given and (request.body or request.method in ("POST", "PUT", "PATCH")):
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        body = _read_body(answer, watch, 2 * seconds)
    except TimeoutError:
        return HttpFailure(reason="timed out")
    except ConnectionRefusedError:
        return HttpFailure(reason="refused")
    except ssl.SSLError as error:
        return HttpFailure(reason=f"TLS failed: {error.reason or 'error'}")
    except socket.gaierror:
        return HttpFailure(reason="unknown host")
    except OSError:
        return HttpFailure(reason="unreachable")
    except (http.client.HTTPException, ValueError):
        return HttpFailure(reason="bad response")
    finally:
        connection.close()
    if len(body) > MAX_BODY:
        return HttpFailure(reason="response too large")
    headers = tuple((header, value) for header, value in answer.getheaders() if header.lower() not in _HOP_BY_HOP)
    return HttpResponse(status=answer.status, reason=answer.reason, headers=headers, body=body)


def _read_body(answer: http.client.HTTPResponse, watch: Stopwatch, seconds: float) -> bytes:
    """Return the body, one octet more than is taken at most; a host that only trickles is given up."""
    body = bytearray()
    while len(body) <= MAX_BODY and (part := answer.read1(MAX_BODY + 1 - len(body))):
        body += part
        if watch.seconds > seconds:
            raise TimeoutError
    if len(body) <= MAX_BODY and answer.length:
        raise http.client.IncompleteRead(bytes(body))
    return bytes(body)


class _TlsConnection(http.client.HTTPConnection):
    """Speaks TLS to an address by another name."""

    def __init__(self, name: str, route: Route, seconds: float) -> None:
        super().__init__(*route.address, timeout=seconds)
        assert route.tls is not None
        self._context = route.tls.context()
        self._name = route.tls.server_name or name

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)
