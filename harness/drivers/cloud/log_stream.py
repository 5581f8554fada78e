"""The log of a Device, followed live: a reader thread takes lines in, tests look at a list that only grows.

In virtual time a wait must not go on before a line that the server has sent was read: :class:`StreamWire` compares the
two counts.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from harness.clock import Duration, Stopwatch
from harness.drivers.cloud.transport import Transport, api_error
from harness.errors import CloudUnreachable, InternalError, TimeoutExpired

STREAM_HEADER = "Harness-Stream"
LINE_LIMIT = 1 << 20
SETTLE_SECONDS = 10.0
JOIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One message of a Device.

    Attributes:
        seq: its position in this stream, from 0: a cursor for ``expect(since=...)``.
        sequence: the cloud's own number.
        timestamp: when the cloud got it: UTC, ISO 8601.
        origin: ``app`` or ``system``.
    """

    seq: int
    sequence: int
    timestamp: str
    origin: str
    text: str


class LogStream:
    """The log of one Device while it is open.

    Example::

        with device.logs() as log:
            log.expect("beat 3", within="10s")
    """

    def __init__(self, transport: Transport, url: str, *, device: str) -> None:
        self._clock = transport.clock
        self._device = device
        self._entries: list[LogEntry] = []
        self._cursors: dict[str, int] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._told = 0
        self.why_closed = ""
        self.on_timeout: Callable[[TimeoutExpired], None] | None = None
        """Told of a wait that ended in vain; may raise something that says why."""
        self._session = transport.new_session()
        try:
            self._response = self._session.get(url, stream=True, timeout=(5.0, None), allow_redirects=False,
                                               headers={"Accept": "application/x-ndjson"}, **transport.environment(url))
        except requests.exceptions.RequestException as error:
            self._session.close()
            raise CloudUnreachable(f"no log stream of {device}: {type(error).__name__}") from None
        if self._response.status_code != 200:
            failure = api_error(self._response)
            self._response.close()
            self._session.close()
            raise failure
        self.stream_id: str = self._response.headers.get(STREAM_HEADER, "")
        self._thread = threading.Thread(target=self._read, name=f"log of {device}", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"LogStream({self._device!r}, {len(self._entries)} entries{', closed' if self._closed else ''})"

    def __enter__(self) -> LogStream:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """Everything that came, in the order it came."""
        return tuple(self._entries)

    @property
    def closed(self) -> bool:
        """Whether no more can come."""
        return self._closed

    def mark(self) -> int:
        """Return a cursor for ``expect(since=...)``: only what comes from now on counts."""
        return len(self._entries)

    def expect(self, text: str, *, within: Duration = "10s", since: int | None = None) -> LogEntry:
        """Return the next entry that contains ``text``.

        Each call with the same text goes on where the last one found its entry; calls with different ones take nothing
        from each other.

        Args:
            since: a cursor of :meth:`mark` to look from instead.

        Raises:
            TimeoutExpired: none came in time; tells what came last.
            ApplicationHung: likewise, and the application on the board hangs; only where the board can be asked.
            CloudUnreachable: the stream broke off.
        """
        start = self._cursors.get(text, 0) if since is None else since

        def found() -> LogEntry | None:
            nonlocal start
            ended = self._closed  # asked first: what came before the end is looked at
            for position in range(start, len(self._entries)):
                if text in self._entries[position].text:
                    return self._entries[position]
            start = len(self._entries)
            if ended:
                raise CloudUnreachable(f"the log stream of {self._device} ended: {self.why_closed}; {self._saw()}")
            return None

        try:
            entry = self._clock.wait(found, within=within, what=f"{text!r} in the log of {self._device}",
                                     saw=self._saw)
        except TimeoutExpired as expired:
            if self.on_timeout is not None:
                self.on_timeout(expired)
            raise
        self._cursors[text] = entry.seq + 1
        return entry

    def close(self) -> None:
        """Stop following. May be called twice."""
        if not self._closed:
            self.why_closed = "it was closed here"
        with contextlib.suppress(ValueError, RuntimeError, OSError):  # it may have ended meanwhile
            self._response.raw.shutdown()
        self._thread.join(JOIN_SECONDS)
        self._response.close()
        self._session.close()

    def catch_up(self, sent: int | None) -> bool:
        """Wait until as many entries were taken as the server has sent; return whether any were since the last call.

        Where the server knows the stream no more (``sent`` is None) it has ended it, and the end is on its way.

        Raises:
            InternalError: they do not arrive.
        """
        watch = Stopwatch()
        with self._changed:
            while not self._closed and (sent is None or len(self._entries) < sent):
                if watch.seconds > SETTLE_SECONDS:
                    raise InternalError(f"{self!r} took {len(self._entries)} of {sent} entries in {SETTLE_SECONDS:g} s"
                                        if sent is not None else f"{self!r} did not end in {SETTLE_SECONDS:g} s")
                self._changed.wait(0.1)
            moved = len(self._entries) != self._told
            self._told = len(self._entries)
        return moved

    def _saw(self) -> str:
        if not self._entries:
            return "nothing was logged"
        return f"last entry {self._entries[-1].text!r}, {len(self._entries)} in all"

    def _read(self) -> None:
        rest = b""
        try:
            for piece in self._response.raw.stream(65_536, decode_content=True):
                *lines, rest = (rest + piece).split(b"\n")
                if len(rest) > LINE_LIMIT:
                    raise ValueError(f"a line is longer than {LINE_LIMIT} bytes")
                self._take(lines)
            reason = "the server ended it"
        except (OSError, urllib3.exceptions.HTTPError) as error:
            reason = type(error).__name__
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"it can't be read: {error}"
        with self._changed:
            self.why_closed = self.why_closed or reason
            self._closed = True
            self._changed.notify_all()
        self._clock.notify()

    def _take(self, lines: Iterable[bytes]) -> None:
        values: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
        if not values:
            return
        with self._changed:
            for value in values:
                self._entries.append(LogEntry(seq=len(self._entries), sequence=int(value["sequence"]),
                                              timestamp=str(value["timestamp"]), origin=str(value["origin"]),
                                              text=str(value["text"])))
            self._changed.notify_all()
        self._clock.notify()


class StreamWire:
    """A :class:`~harness.clock.Wire` over the open log streams of a client.

    Args:
        streams: the near ends, ``client.microvisor.log_streams``.
        sent: how many entries the far end has handed to a stream, by its id; None if it knows it not.
    """

    def __init__(self, streams: Callable[[], Iterable[LogStream]], sent: Callable[[str], int | None]) -> None:
        self._streams = streams
        self._sent = sent

    def __repr__(self) -> str:
        return f"StreamWire({len(tuple(self._streams()))} streams)"

    def settle(self) -> bool:
        """Wait until all entries sent have arrived; return whether any have."""
        moved = False
        for stream in self._streams():
            moved |= stream.catch_up(self._sent(stream.stream_id))
        return moved
