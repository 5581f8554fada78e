"""One HTTP/1.1 connection: uvicorn's, with a bounded head, the APIs' error body for what is no HTTP, and fewer writes.

uvicorn writes head and body of a response one by one, each a system call. :class:`GatheringTransport` holds what is
written until the event loop comes round, so that a response, or all responses to pipelined requests, leave as one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from harness.virtual.cloud.http.answers import to_bytes
from harness.virtual.cloud.refusals import MORE_INFO, UNKNOWN_PARAMETER

CONNECTION_LIMIT = 4_000
"""Connections at once; further ones are turned away."""

REQUEST_SECONDS = 30.0
"""How long a client may take to send one request, from its first byte to its last."""

HEAD_LIMIT = 64 << 10
"""Longest request line with all header fields, in bytes."""


class GatheringTransport(asyncio.Transport):
    """A transport that passes on in one piece what is written in one turn of the event loop."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._held: list[bytes | bytearray | memoryview[Any]] = []

    def __repr__(self) -> str:
        return f"GatheringTransport({self._inner!r})"

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Hold the bytes until the loop comes round."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, []
            self._inner.write(b"".join(held))

    def close(self) -> None:
        """Pass on what is held, then close."""
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        """Close at once; what is held is lost."""
        self._held = []
        self._inner.abort()

    def is_closing(self) -> bool:
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._inner.get_extra_info(name, default)

    def is_reading(self) -> bool:
        return self._inner.is_reading()

    def pause_reading(self) -> None:
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        self._inner.resume_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._inner.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._inner.set_protocol(protocol)


class ApiProtocol(HttpToolsProtocol):
    """A connection of the virtual cloud."""

    _head: int | None = 0  # bytes of the head that is being read, None while a body is
    _since: float | None = None  # when the request began that is being read; None between requests

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(GatheringTransport(transport, self.loop))
        if len(self.connections) > CONNECTION_LIMIT:
            self._turn_away(503, "Service Unavailable", f"there are {CONNECTION_LIMIT} connections already")

    def drop_if_slow(self, seconds: float) -> None:
        """Close the connection if the request that is being read has taken longer than this."""
        if self._since is not None and self.loop.time() - self._since > seconds and not self.transport.is_closing():
            self._turn_away(408, "Request Timeout", f"a request must be complete within {seconds:g} s")

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response(f"the head of a request must have at most {HEAD_LIMIT} bytes")

    def on_message_begin(self) -> None:
        self._head = 0
        self._since = self.loop.time()
        super().on_message_begin()
        self.scope["extensions"] = {"harness": {"abort": self.transport.abort}}

    def on_headers_complete(self) -> None:
        self._head = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head = 0
        self._since = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with an error body like the others, and close."""
        self._turn_away(400, "Bad Request", msg)

    def _turn_away(self, status: int, reason: str, message: str) -> None:
        body = to_bytes({"code": UNKNOWN_PARAMETER, "message": message,
                         "more_info": f"{MORE_INFO}{UNKNOWN_PARAMETER}", "status": status})
        self.transport.write(f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: "
                             f"{len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()
