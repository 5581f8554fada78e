"""TCP connections between a device and a handler in this process: in order, bounded, with a latency each way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from harness.virtual.internet.lanes import WINDOW as WINDOW
from harness.virtual.internet.lanes import Lane
from harness.virtual.internet.seams import Address, CloseReason, HalfCloseHandler, TcpConnection, TcpHandler
from harness.virtual.world import World


class Silent:
    """A handler that hears nothing: until the accepting side has said who does."""

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None: ...

    def closed(self, reason: CloseReason) -> None: ...


class _End:
    """One end of a pipe. Implements ``TcpConnection``."""

    def __init__(self, pipe: Pipe, world: World, latency: int, local: Address, remote: Address) -> None:
        self._pipe = pipe
        self._world = world
        self.local = local
        self.remote = remote
        self.peer: _End
        self.handler: TcpHandler = Silent()
        self.lane = Lane(world, latency, self._arrived, name="internet.tcp data")
        self.closed = False  # this end's handler has heard so
        self.ended = False  # this end sends no more
        self.end_arrived = False  # and the other end knows
        self._leaving = False  # it wants to hear no more, either
        self._paused = False

    def __repr__(self) -> str:
        return f"TcpConnection({self.local} to {self.remote}, {'closed' if self.closed else 'open'})"

    @property
    def unacknowledged(self) -> int:
        return self.lane.octets

    def send(self, data: bytes) -> int:
        if self.closed or self.ended or not self._pipe.carries(self):
            return 0
        taken = bytes(data[:self.lane.room])
        if taken:
            self.lane.put(taken)
        return len(taken)

    def half_close(self) -> None:
        if not self.closed and not self.ended:
            self.ended = True
            self.lane.put(self._end_arrived)
            if self.peer.end_arrived:
                self._soon(partial(self.hear, CloseReason.LOCAL))

    def close(self) -> None:
        if not self.closed and not self._leaving:
            self.ended = self._leaving = True
            self._soon(partial(self.hear, CloseReason.LOCAL))
            self.lane.put(partial(self._over_arrived, CloseReason.CLOSED_BY_PEER))

    def abort(self) -> None:
        if not self.closed:
            self.ended = self._leaving = True
            self._soon(partial(self.hear, CloseReason.LOCAL))
            self.lane.break_off(partial(self._over_arrived, CloseReason.RESET))

    def pause(self) -> None:
        if not self._paused:
            self._paused = True
            self.peer.lane.hold()

    def resume(self) -> None:
        if self._paused:
            self._paused = False
            self.peer.lane.release()

    def hear(self, reason: CloseReason) -> None:
        """Tell the handler once that it is over."""
        if not self.closed:
            self.closed = self.ended = True
            self.resume()  # nobody is left to wait for
            self.handler.closed(reason)

    # -- what arrives at the other end --------------------------------------------------------------------------------

    def _arrived(self, data: bytes) -> int:
        if not self.peer.closed:
            self.peer.handler.received(data)
        return len(data)

    def _end_arrived(self) -> None:
        peer = self.peer
        self.end_arrived = True
        if peer.closed or not self._pipe.is_open:
            return
        if peer.ended:
            peer.hear(CloseReason.CLOSED_BY_PEER)
        elif isinstance(peer.handler, HalfCloseHandler):
            peer.handler.half_closed()
        else:
            peer.ended = True
            peer.lane.put(peer._end_arrived)
            peer.hear(CloseReason.CLOSED_BY_PEER)

    def _over_arrived(self, reason: CloseReason) -> None:
        if self._pipe.is_open:
            self.peer.hear(reason)

    def _soon(self, action: Callable[[], None]) -> None:
        self._world.call_at(self._world.now(), action, name="internet.tcp close")


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
        self.is_open = False
        self._established = False
        self._accept = accept
        self._near = _End(self, world, latency, source, destination)
        self._far = _End(self, world, latency, destination, source)
        self._near.peer, self._far.peer = self._far, self._near
        self._near.handler = handler
        self._later(self._arrive, "connect")

    def __repr__(self) -> str:
        return f"Pipe({self._near!r})"

    @property
    def near(self) -> TcpConnection:
        """The end of the side that connects."""
        return self._near

    def carries(self, end: _End) -> bool:
        """Tell whether an end may send by now."""
        return self.is_open and (self._established or end is not self._near)

    def _arrive(self) -> None:
        if self._near.closed:
            return
        if self._accept is None:
            self._later(partial(self._near.hear, CloseReason.REFUSED), "refusal")
            return
        self.is_open = True
        self._later(self._connected, "accept")
        self._far.handler = self._accept(self._far)

    def _connected(self) -> None:
        if not self._near.closed:
            self._established = True
            self._near.handler.connected()

    def _later(self, action: Callable[[], None], what: str) -> None:
        self._world.call_at(self._world.now() + self._latency, action, name=f"internet.tcp {what}")


def refused(world: World, source: Address, destination: Address, handler: TcpHandler, *, after: int,
            reason: CloseReason) -> TcpConnection:
    """Return a connection that never opens; the handler hears why after this many nanoseconds."""
    return _Failed(world, source, destination, handler, after, reason)


class _Failed:
    """Implements ``TcpConnection`` for one that does not come about."""

    unacknowledged = 0

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

    def half_close(self) -> None: ...

    def close(self) -> None:
        if not self._over:
            self._event.cancel()
            self._event = self._world.call_at(self._world.now(), partial(self._fail, CloseReason.LOCAL),
                                              name="internet.tcp close")

    def abort(self) -> None:
        self.close()

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def _fail(self, reason: CloseReason) -> None:
        if not self._over:
            self._over = True
            self._handler.closed(reason)
