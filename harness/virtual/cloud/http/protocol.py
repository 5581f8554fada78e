"""One HTTP/1.1 connection: uvicorn's, with a bounded head, the APIs' error body for what is no HTTP, and fewer writes.

uvicorn writes head and body of a response one by one, each a system call. :class:`GatheringTransport` holds what is
written until the event loop comes round, so that a response, or all responses to pipelined requests, leave as one.
It also looks at every header field of every response; ours are the same few again and again, so the application may
hand a complete answer to :data:`ANSWER`, which looks at each set of them once.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator, Sized
from functools import lru_cache, partial
from typing import Any, TypeAlias

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from harness.errors import InternalError
from harness.virtual.cloud.http.answers import Answer, Headers, to_bytes
from harness.virtual.cloud.refusals import MORE_INFO, UNKNOWN_PARAMETER

CONNECTION_LIMIT = 4_000
"""Connections at once; further ones are turned away."""

REQUEST_SECONDS = 30.0
"""How long a client may take to send one request, from its first byte to its last."""

HEAD_LIMIT = 64 << 10
"""Longest request line with all header fields, in bytes."""


_TOO_LONG = f"the head of a request must have at most {HEAD_LIMIT} bytes"

EXTENSION = "harness"
"""Name of the ASGI extension: ``abort`` cuts the connection, ``answer`` is an :data:`Answering`."""

Answering: TypeAlias = Callable[[Answer], bool]
"""Sends a complete answer; False if the client must read first, and ``send`` has to wait for that."""


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


class _Flow(FlowControl):
    """Reads no further request while one that was read waits for its turn.

    uvicorn reads on with each answer, and one read may bring 2,000 requests: a client that never stops sending would
    have all of them kept.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class ApiProtocol(HttpToolsProtocol):
    """A connection of the virtual cloud."""

    _head: int | None = 0  # bytes of the head that is being read, None while a body is
    _too_long = False  # whether a head was
    _read = 0  # bytes that the head that ends now may have had
    _since: float | None = None  # when the request began that is being read; None between requests
    _idle: float | None = None  # since when there is nothing to do; None while there is
    _feeding = False  # whether the parser is at work
    _next: tuple[RequestResponseCycle, Any] | None = None  # the request that begins when it is done

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(GatheringTransport(transport, self.loop))
        self.flow = _Flow(self.transport, self.pipeline)
        if len(self.connections) > CONNECTION_LIMIT:
            self._turn_away(503, "Service Unavailable", f"there are {CONNECTION_LIMIT} connections already")

    def eof_received(self) -> bool:  # type: ignore[override]
        """Let a client that has said all it wants hear the answer to what it asked (RFC 9112 clause 9.6).

        A stream ends instead: whoever follows one and hangs up looks just the same. TLS has no half-closed connections
        (RFC 8446 clause 6.1 has, asyncio has not).
        """
        cycle = self.cycle
        waits = (self.scheme == "http" and cycle is not None and not cycle.more_body and not cycle.response_complete
                 and not cycle.response_started)
        if waits:
            cycle.keep_alive = False
        elif isinstance(self.transport, GatheringTransport):
            self.transport.close()  # after what it holds
        return waits

    def drop_if_slow(self, seconds: float) -> None:
        """Close the connection if the request that is being read has taken longer than this, or if none comes."""
        if self.transport.is_closing():
            return
        if self._since is not None and self.loop.time() - self._since > seconds:
            self._turn_away(408, "Request Timeout", f"a request must be complete within {seconds:g} s")
        elif self._idle is not None and self.loop.time() - self._idle > self.timeout_keep_alive:
            self.transport.close()

    def on_response_complete(self) -> None:
        """As uvicorn's, but without a timer of its own for each response: :meth:`drop_if_slow` comes round anyway."""
        if self.pipeline:
            super().on_response_complete()
        else:
            self.server_state.total_requests += 1
            self.flow.resume_reading()
            self._idle = self.loop.time()

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
        self._read = max(len(data), self._head or 0)
        self._feeding = True
        super().data_received(data)
        self._feeding = False
        if self._next is not None:
            (cycle, app), self._next = self._next, None
            if cycle.more_body or _is_upload(cycle):
                super()._start_asgi_task(cycle, app)
            else:
                self._begin(cycle, app)
        if self._head is not None and self._head > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response(_TOO_LONG)

    def on_message_begin(self) -> None:
        self._head = 0
        self._idle = None
        self._since = self.loop.time()
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"abort": self.transport.abort}}

    def on_headers_complete(self) -> None:
        if self._read > HEAD_LIMIT:  # as much as that came with it, which may be a body too
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > HEAD_LIMIT:
                self._too_long = True
                raise InternalError(_TOO_LONG)  # the parser gives up, and what it tells becomes a 400
        self._head = None
        super().on_headers_complete()
        if not self.parser.should_keep_alive():  # older uvicorns leave this connection open all the same
            self.cycle.keep_alive = False
        self.scope["extensions"][EXTENSION]["answer"] = partial(self._answer, self.cycle)

    def on_message_complete(self) -> None:
        self._head = 0
        self._since = None
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin a request, not before all of it that has come was read."""
        if self._feeding:
            self._next = (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin a request at once; it gets a task only if it has to wait for something, and few have.

        Until then there is no current task, which is of no concern to our application but to libraries that it uses
        for uploads.
        """
        request = cycle.run_asgi(app)
        try:
            awaited = request.send(None)
        except StopIteration:
            return
        task = self.loop.create_task(_go_on(request, awaited))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _answer(self, cycle: RequestResponseCycle, answer: Answer) -> bool:
        if self.flow.write_paused:
            return False
        if cycle.disconnected:
            return True
        if cycle.response_started:
            raise InternalError("a request is answered once")
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        body = answer.body
        head = _head(answer.status, answer.headers)
        length = b"" if answer.status == 204 else b"content-length: %d\r\n" % len(body)
        close = b"" if cycle.keep_alive else b"connection: close\r\n"
        self.transport.write(b"%b%b%b\r\n%b" % (head, length, close, b"" if self._is_head(cycle) else body))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    @staticmethod
    def _is_head(cycle: RequestResponseCycle) -> bool:
        return cycle.scope["method"] == "HEAD"

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with an error body like the others, and close."""
        self._turn_away(400, "Bad Request", _TOO_LONG if self._too_long else msg)

    def _turn_away(self, status: int, reason: str, message: str) -> None:
        body = to_bytes({"code": UNKNOWN_PARAMETER, "message": message,
                         "more_info": f"{MORE_INFO}{UNKNOWN_PARAMETER}", "status": status})
        self.transport.write(f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: "
                             f"{len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        self.transport.close()


def _is_upload(cycle: RequestResponseCycle) -> bool:
    return any(name == b"content-type" and value[:10].lower() == b"multipart/"
               for name, value in cycle.scope["headers"])


@types.coroutine
def _go_on(request: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that was begun outside of a task and waits for ``awaited``."""
    while True:
        try:
            value = yield awaited
        except BaseException as error:  # that it was cancelled, too
            step = partial(request.throw, error)
        else:
            step = partial(request.send, value)
        try:
            awaited = step()
        except StopIteration:
            return


@lru_cache(maxsize=256)
def _head(status: int, headers: Headers) -> bytes:
    """Return the status line and these header fields (RFC 9112 clauses 4 and 5)."""
    fields = [b"%b: %b\r\n" % field for field in headers]
    if any(mark in name + value for name, value in headers for mark in (b"\r", b"\n", b"\0")):
        raise InternalError("a header field with a line break in it")
    return STATUS_LINE[status] + b"".join(fields)
