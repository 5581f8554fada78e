"""Output towards a client that may not read: it never blocks, waits in a bounded queue, and is lost beyond that."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from harness.virtual.reactor import Reactor

MAX_QUEUED: Final = 1 << 18
"""Octets that wait for a client that does not read; the newest beyond are lost."""
_CHUNK: Final = 65_536


class Outlet:
    """Writes to one non-blocking descriptor at a time.

    Args:
        on_readable: what the reactor calls for the descriptor's input; it is kept registered while output waits.
        lost: called when output is lost, once until the client reads again.

    Attributes:
        sent: octets really handed to the kernel so far.
    """

    def __init__(self, reactor: Reactor, on_readable: Callable[[], None], lost: Callable[[], None] | None) -> None:
        self.sent = 0
        self._reactor = reactor
        self._on_readable = on_readable
        self._lost = lost
        self._losing = False
        self._descriptor = -1
        self._listening = True
        self._queue = bytearray()

    def __repr__(self) -> str:
        return f"Outlet({len(self._queue)} octets wait)"

    @property
    def backlog(self) -> int:
        """Octets that wait for the client to read."""
        return len(self._queue)

    @property
    def listening(self) -> bool:
        """Whether the descriptor's input is served."""
        return self._listening

    def listen(self, listening: bool) -> None:
        """Serve the descriptor's input, or leave it where it is."""
        if listening is not self._listening:
            self._listening = listening
            self._watch()

    def _watch(self) -> None:
        if self._descriptor < 0:
            return
        if self._listening or self._queue:
            self._reactor.add(self._descriptor, self._on_readable if self._listening else None,
                              self.flush if self._queue else None)
        else:  # a hang-up would be told without end
            self._reactor.remove(self._descriptor)

    def open(self, descriptor: int) -> None:
        """Begin with a client; its input is served from now on."""
        self._descriptor = descriptor
        self._listening = True
        self._watch()

    def close(self) -> None:
        """The client is gone, and what waits for it is lost with it."""
        if self._descriptor >= 0:
            self._reactor.remove(self._descriptor)
        self._descriptor = -1
        self._queue.clear()
        self._losing = False

    def write(self, data: bytes) -> None:
        """Write now, or as soon as the client reads."""
        if self._descriptor < 0:
            return
        if not self._queue:
            try:
                count = os.write(self._descriptor, data)
            except BlockingIOError:
                count = 0
            except OSError:
                return
            self.sent += count
            if count == len(data):
                self._losing = False
                return
            data = data[count:]
        if len(self._queue) + len(data) <= MAX_QUEUED:
            first = not self._queue
            self._queue += data
            if first:
                self._watch()
        elif not self._losing:
            self._losing = True
            if self._lost is not None:
                self._lost()

    def flush(self) -> None:
        """Write what waits, as far as the client reads."""
        if self._descriptor < 0:
            return
        while self._queue:
            try:
                count = os.write(self._descriptor, self._queue[:_CHUNK])
            except BlockingIOError:
                return
            except OSError:  # the input will tell that the client is gone
                self._queue.clear()
                break
            self.sent += count
            del self._queue[:count]
        self._losing = False
        self._watch()
