"""TCP connections between a device and a handler in this process: in order, bounded, with a latency each way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness.virtual.internet.seams import Address, CloseReason, TcpConnection, TcpHandler
from harness.virtual.world import World

WINDOW = 65_536
"""Octets that one side may have under way."""


class Silent:
    """A handler that hears nothing: until the accepting side has said who does."""

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None: ...

    def closed(self, reason: CloseReason) -> None: ...


class _End:
    """One end of a pipe. Implements ``TcpConnection``."""

    def __init__(self, pipe: Pipe, local: Address, remote: Address) -> None:
        self._pipe = pipe
        self.local = local
        self.remote = remote
        self.peer: _End
        self.handler: TcpHandler = Silent()
        self.in_flight = 0
        self.closed = False  # this end's handler has heard so

    def __repr__(self) -> str:
        return f"TcpConnection({self.local} to {self.remote}, {'closed' if self.closed else 'open'})"

    def send(self, data: bytes) -> int:
        return self._pipe.send(self, data)

    def close(self) -> None:
        self._pipe.close(self)

    def hear(self, reason: CloseReason) -> None:
        """Tell the handler once that it is over."""
        if not self.closed:
            self.closed = True
            self.handler.closed(reason)


class Pipe:
    """A connection whose two ends are handlers of this process.

    Args:
        latency: one way, in nanoseconds.
        handler: of the side that connects.
        accept: what the other side says to it; None refuses, which the connecting handler hears.
    """

    def __init__(self, world: World, *, latency: int, source: Address, destination: Address, handler: TcpHandler,
                 accept: Callable[[TcpConnection], TcpHandler] | None) -> None:
        self._world = world
        self._latency = latency
        self._open = False
        self._accept = accept
        self._near = _End(self, source, destination)
        self._far = _End(self, destination, source)
        self._near.peer, self._far.peer = self._far, self._near
        self._near.handler = handler
        self._later(latency, self._arrive, "connect")

    def __repr__(self) -> str:
        return f"Pipe({self._near!r})"

    @property
    def near(self) -> TcpConnection:
        """The end of the side that connects."""
        return self._near

    def send(self, end: _End, data: bytes) -> int:
        if end.closed or not self._open or (end is self._near and not self._established):
            return 0
        taken = bytes(data[:WINDOW - end.in_flight])
        if taken:
            end.in_flight += len(taken)
            self._later(self._latency, partial(self._deliver, end, taken), "data")
        return len(taken)

    def close(self, end: _End) -> None:
        if end.closed:
            return
        self._later(0, partial(end.hear, CloseReason.LOCAL), "close")
        self._later(self._latency, partial(self._peer_closed, end), "close")

    _established = False

    def _arrive(self) -> None:
        if self._near.closed:
            return
        if self._accept is None:
            self._later(self._latency, partial(self._near.hear, CloseReason.REFUSED), "refusal")
            return
        self._open = True
        self._later(self._latency, self._connected, "accept")
        self._far.handler = self._accept(self._far)

    def _connected(self) -> None:
        if not self._near.closed:
            self._established = True
            self._near.handler.connected()

    def _deliver(self, end: _End, data: bytes) -> None:
        end.in_flight -= len(data)
        if not end.peer.closed:
            end.peer.handler.received(data)

    def _peer_closed(self, end: _End) -> None:
        if self._open:
            end.peer.hear(CloseReason.CLOSED_BY_PEER)

    def _later(self, delay: int, action: Callable[[], None], what: str) -> None:
        self._world.call_at(self._world.now() + delay, action, name=f"internet.tcp {what}")


def refused(world: World, source: Address, destination: Address, handler: TcpHandler, *, after: int,
            reason: CloseReason) -> TcpConnection:
    """Return a connection that never opens; the handler hears why after this many nanoseconds."""
    return _Failed(world, source, destination, handler, after, reason)


class _Failed:
    """Implements ``TcpConnection`` for one that does not come about."""

    def __init__(self, world: World, source: Address, destination: Address, handler: TcpHandler, after: int,
                 reason: CloseReason) -> None:
        self.local = source
        self.remote = destination
        self._handler = handler
        self._world = world
        self._event = world.call_at(world.now() + after, partial(self._fail, reason), name="internet.tcp failure")
        self._over = False

    def __repr__(self) -> str:
        return f"TcpConnection({self.local} to {self.remote}, failing)"

    def send(self, data: bytes) -> int:
        return 0

    def close(self) -> None:
        if not self._over:
            self._event.cancel()
            self._event = self._world.call_at(self._world.now(), partial(self._fail, CloseReason.LOCAL),
                                              name="internet.tcp close")

    def _fail(self, reason: CloseReason) -> None:
        if not self._over:
            self._over = True
            self._handler.closed(reason)
