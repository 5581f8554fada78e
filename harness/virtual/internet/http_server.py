"""HTTP handlers of hosts for those who speak HTTP/1.1 themselves: modems, over TCP connections to port 80."""

from __future__ import annotations

from http import HTTPStatus

import httptools

from harness.virtual.internet.host import Host, as_response, guarded
from harness.virtual.internet.seams import CloseReason, HttpRequest, HttpResponse, TcpConnection
from harness.virtual.world import World

PORT = 80
MAX_REQUEST = 1 << 20
"""Longest request that is taken, head and body, in octets."""

_RETRY = 10_000_000  # nanoseconds, while the window is full


class HttpConnection:
    """Reads requests from a TCP connection and sends what the host's handler answers.

    Implements ``HalfCloseHandler``.
    """

    def __init__(self, world: World, host: Host, connection: TcpConnection) -> None:
        self._world = world
        self._host = host
        self._connection = connection
        self._out = bytearray()
        self._taken = 0
        self._closing = False
        self._parser = httptools.HttpRequestParser(self)
        self._start()

    def __repr__(self) -> str:
        return f"HttpConnection({self._host.name!r}, {self._connection!r})"

    # -- HalfCloseHandler ---------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """Nothing: the client speaks first."""

    def received(self, data: bytes) -> None:
        self._taken += len(data)
        if self._closing:
            return
        if self._taken > MAX_REQUEST:
            self._finish(HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._finish(HttpResponse(status=HTTPStatus.NOT_IMPLEMENTED))
        except httptools.HttpParserCallbackError as error:  # of ours: the handler's comes out as it is
            raise error.__context__ or error from None
        except httptools.HttpParserError:
            self._finish(HttpResponse(status=HTTPStatus.BAD_REQUEST))

    def half_closed(self) -> None:
        self._closing = True  # after what is still to be sent
        self._pump()

    def closed(self, reason: CloseReason) -> None:
        self._closing = True
        self._out.clear()

    # -- what the parser says -----------------------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        host = next((value for name, value in self._headers if name.lower() == "host"), self._host.name)
        target = self._url.decode("latin-1")
        request = HttpRequest(method=self._parser.get_method().decode("ascii"), headers=tuple(self._headers),
                              url=target if "://" in target else f"http://{host}{target}", body=bytes(self._body))
        keep = self._parser.should_keep_alive()
        self._start()
        self._host.remember(request)
        handler = self._host.http_handler
        answer = guarded(self._world, self._host, "http", lambda: handler(request)) if handler is not None else None
        if answer is not None:
            self._send(as_response(answer), head=request.method == "HEAD", keep=keep)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._url = b""
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()
        self._taken = 0

    def _finish(self, response: HttpResponse) -> None:
        self._send(response, head=False, keep=False)

    def _send(self, response: HttpResponse, *, head: bool, keep: bool) -> None:
        try:
            reason = response.reason or HTTPStatus(response.status).phrase
        except ValueError:
            reason = ""
        lines = [f"HTTP/1.1 {response.status} {reason}", *(f"{name}: {value}" for name, value in response.headers)]
        if not any(name.lower() == "content-length" for name, _ in response.headers):
            lines.append(f"Content-Length: {len(response.body)}")
        if not keep:
            lines.append("Connection: close")
            self._closing = True
        self._out += "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + (b"" if head else response.body)
        self._pump()

    def _pump(self) -> None:
        if self._out:
            del self._out[:self._connection.send(bytes(self._out))]
        if self._out:
            self._world.call_at(self._world.now() + _RETRY, self._pump, name="internet.http send")
        elif self._closing:
            self._connection.close()
