"""All that a modem says, in one queue with time stamps, where bytes can be delayed, cut, garbled or interleaved.

Without delay, pacing or tampering the queue is empty and a write goes through at once, gathered per turn into one
write to the wire. A :class:`Tamper` sees every piece before it is queued and answers with the pieces that shall go out
instead, each with its own instant: that is all a fault needs.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from harness.virtual.world import Event, World

MAX_QUEUED = 1 << 18
"""Bytes that may wait for their instant; more are lost."""


class Kind(Enum):
    """What a piece of output is."""

    ECHO = auto()
    INFORMATION = auto()
    FINAL = auto()
    PROMPT = auto()
    UNSOLICITED = auto()
    DATA = auto()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that go out together at instant ``t`` (nanoseconds)."""

    t: int
    kind: Kind
    data: bytes


class Tamper(Protocol):
    """Something that changes what goes out."""

    def tamper(self, piece: Piece) -> Sequence[Piece]:
        """Return what shall go out instead of ``piece``; no instant may lie in the past."""


class OutputQueue:
    """Pieces on their way to the wire, in the order of their instants.

    Args:
        world: where time comes from.
        sink: takes bytes whose instant has come.
        bits_per_second: line speed to imitate with ten bits to the byte; 0 does not pace.
    """

    def __init__(self, world: World, sink: Callable[[bytes], None], *, bits_per_second: int = 0) -> None:
        self._world = world
        self._sink = sink
        self.bits_per_second = bits_per_second
        self.tamper: Tamper | None = None
        self.lost = 0
        self._ready: list[bytes] = []
        self._queue: list[tuple[int, int, bytes]] = []
        self._queued = 0
        self._seq = 0
        self._line_free = 0
        self._event: Event | None = None

    def __repr__(self) -> str:
        return f"OutputQueue({self._queued} bytes wait)"

    @property
    def queued(self) -> int:
        """Octets that wait for their instant."""
        return self._queued

    def say(self, kind: Kind, data: bytes) -> None:
        """Send ``data`` after everything said before; it reaches the wire at :meth:`flush` at the latest."""
        if self.tamper is None and not self._queue and not self.bits_per_second:
            self._ready.append(data)
            return
        now = self._world.now()
        piece = Piece(now, kind, data)
        for part in (piece,) if self.tamper is None else self.tamper.tamper(piece):
            self._enqueue(part)

    def flush(self) -> None:
        """Hand everything whose instant has come to the wire."""
        if self._ready:
            data = b"".join(self._ready)
            self._ready.clear()
            self._sink(data)
        if self._queue:
            self._drain()

    def clear(self) -> None:
        """Forget everything not yet on the wire."""
        self._ready.clear()
        self._queue.clear()
        self._queued = 0
        self._line_free = 0
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _enqueue(self, piece: Piece) -> None:
        if self._queued + len(piece.data) > MAX_QUEUED:
            self.lost += len(piece.data)
            return
        instant = piece.t
        if self.bits_per_second:
            begin = max(instant, self._line_free)
            instant = self._line_free = begin + len(piece.data) * 10 * 1_000_000_000 // self.bits_per_second
        self._seq += 1
        insort(self._queue, (instant, self._seq, piece.data))
        self._queued += len(piece.data)

    def _drain(self) -> None:
        now = self._world.now()
        count = 0
        for instant, _, _ in self._queue:
            if instant > now:
                break
            count += 1
        if count:
            data = b"".join(entry[2] for entry in self._queue[:count])
            del self._queue[:count]
            self._queued -= len(data)
            self._sink(data)
        if self._queue:
            first = self._queue[0][0]
            if self._event is None or not self._event.pending or self._event.t > first:
                if self._event is not None:
                    self._event.cancel()
                self._event = self._world.call_at(first, self._drain, name="modem-output")
