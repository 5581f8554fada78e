"""Log streams to clients: what was handed out is counted, so that a wait in virtual time can see it arrive.

A stream belongs to the event loop of the server; entries are pushed into it in a turn of the world, from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable

from starlette.types import Receive, Send

from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.http.answers import CORS
from harness.virtual.cloud.logbook import LogEntry
from harness.virtual.cloud.resources import LogFollow

LAG_LIMIT = 10_000
"""Entries that may wait for a reader; one that lags further is cut off and may come back with ``After``."""

STREAM_LIMIT = 256
"""Streams open at once."""

HEARTBEAT_SECONDS = 15.0
"""Real time after which a silent stream sends something that means nothing, so that both ends see that it lives."""

RECONNECT = b"retry: 1000\n\n"
"""What tells an event source when to come back, in milliseconds."""

STREAM_HEADER = b"harness-stream"


def _line(entry: LogEntry) -> bytes:
    return json.dumps({"sequence": entry.sequence, "timestamp": entry.timestamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                       "origin": entry.origin, "text": entry.text, "microseconds": entry.microseconds},
                      separators=(",", ":")).encode()


class LogStream:
    """One client that follows one log.

    Attributes:
        stream_id: what the response header ``Harness-Stream`` says.
        lines: entries handed to the stream so far, sent or waiting to be.
    """

    def __init__(self, stream_id: str, device_sid: str, *, events: bool, wake: Callable[[], None]) -> None:
        self.stream_id = stream_id
        self.device_sid = device_sid
        self.lines = 0
        self.closed = False
        self._events = events
        self._waiting: deque[bytes] = deque()
        self._wake = wake

    def __repr__(self) -> str:
        return f"LogStream({self.stream_id!r}, {self.device_sid!r}, lines={self.lines}, waiting={len(self._waiting)})"

    @property
    def silence(self) -> bytes:
        """What means nothing to a reader: an empty line, or a comment among events."""
        return b": still here\n\n" if self._events else b"\n"

    def push(self, entry: LogEntry) -> None:
        """Hand an entry to the client."""
        if self.closed:
            return
        if len(self._waiting) >= LAG_LIMIT:
            self.close()
            return
        line = _line(entry)
        self._waiting.append(b"id: %d\ndata: %s\n\n" % (entry.sequence, line) if self._events else line + b"\n")
        self.lines += 1
        self._wake()

    def take(self) -> bytes:
        """Return everything that waits."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return b"".join(taken)

    def close(self) -> None:
        """Let the response end after what waits."""
        self.closed = True
        self._wake()


class LogStreams:
    """All open streams of a server.

    Attributes:
        heartbeat: seconds of real time, see :data:`HEARTBEAT_SECONDS`.
    """

    def __init__(self, cloud: Cloud, *, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._cloud = cloud
        self.heartbeat = heartbeat
        self._streams: dict[str, LogStream] = {}
        self._opened = 0
        self._stopped = False

    def __repr__(self) -> str:
        return f"LogStreams({len(self._streams)} open)"

    def __len__(self) -> int:
        return len(self._streams)

    def sent(self, stream_id: str) -> int | None:
        """Return how many entries were handed to a stream; None if it is not open (any more)."""
        stream = self._streams.get(stream_id)
        return None if stream is None else stream.lines

    def close(self) -> None:
        """End every stream, and open no more."""
        self._stopped = True
        for stream in tuple(self._streams.values()):
            stream.close()

    @property
    def is_full(self) -> bool:
        """Whether no further stream can be opened."""
        return self._stopped or len(self._streams) >= STREAM_LIMIT

    async def serve(self, asked: LogFollow, *, events: bool, receive: Receive, send: Send) -> None:
        """Send a log until it ends, the client goes away or the server stops.

        Args:
            events: whether as server-sent events (WHATWG HTML clause 9.2); JSON lines otherwise.
        """
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody is left to wake
                loop.call_soon_threadsafe(ready.set)

        self._opened += 1
        stream = LogStream(str(self._opened), asked.device_sid, events=events, wake=wake)
        with self._cloud.world.turn():
            book = self._cloud.log(asked.device_sid)
            for entry in book.since(asked.after):
                stream.push(entry)
            unfollow = book.follow(stream.push) if asked.follow else None
            self._streams[stream.stream_id] = stream
        if not asked.follow or self._stopped:
            stream.close()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [
                (b"content-type", b"text/event-stream" if events else b"application/x-ndjson"),
                (b"cache-control", b"no-store"), (STREAM_HEADER, stream.stream_id.encode()), *CORS]})
            if events:
                await send({"type": "http.response.body", "body": RECONNECT, "more_body": True})
            await self._pass_on(stream, ready, receive, send)
        finally:
            with self._cloud.world.turn():
                stream.closed = True
                if unfollow is not None:
                    unfollow()
                del self._streams[stream.stream_id]

    async def _pass_on(self, stream: LogStream, ready: asyncio.Event, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            while not gone.done():
                ready.clear()
                ends = stream.closed  # asked before taking: nothing is pushed after it was closed
                if waiting := stream.take():
                    await send({"type": "http.response.body", "body": waiting, "more_body": True})
                elif ends:
                    break
                else:
                    woken = asyncio.ensure_future(ready.wait())
                    done, _ = await asyncio.wait((woken, gone), timeout=self.heartbeat,
                                                 return_when=asyncio.FIRST_COMPLETED)
                    woken.cancel()
                    if not done:
                        await send({"type": "http.response.body", "body": stream.silence, "more_body": True})
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()


def last_event_id(header: bytes) -> int:
    """Return the sequence number after which an event source that comes back wants to go on; 0 for what is none."""
    return int(header) if header.isdigit() and len(header) < 16 else 0


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
