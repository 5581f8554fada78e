"""Wires of a virtual rig: they know how much is under way between two ends, so that virtual time can wait for it.

A pseudo-terminal or a socket hands bytes over in its own real time while virtual time stands still. Each wire compares
what one end has sent with what the other has taken in, and lets nothing else happen until both agree.
"""

from __future__ import annotations

import select
from typing import Protocol

from harness.clock import Stopwatch
from harness.errors import InternalError

_PATIENCE = 10.0
"""Real seconds after which a wire that does not settle is an error of ours."""


class NearPort(Protocol):
    """The near end of a serial wire: a driver's channel."""

    @property
    def is_open(self) -> bool: ...

    @property
    def generation(self) -> int:
        """Changes whenever the port is opened anew; counters start at 0 then."""

    @property
    def bytes_sent(self) -> int: ...

    @property
    def bytes_received(self) -> int: ...

    def fileno(self) -> int | None: ...

    def pump(self) -> bool: ...


class FarPort(Protocol):
    """The far end of a serial wire: a virtual modem's endpoint."""

    @property
    def bytes_sent(self) -> int: ...

    @property
    def bytes_received(self) -> int: ...

    def pump(self, timeout_seconds: float = 0.0) -> bool: ...


class SerialWire:
    """Between a driver's serial channel and a virtual modem's pseudo-terminal."""

    def __init__(self, near: NearPort, far: FarPort) -> None:
        self._near, self._far = near, far
        self._generation = -1
        self._far_sent = self._far_received = 0

    def settle(self) -> bool:
        if not self._near.is_open:
            return False
        if self._near.generation != self._generation:
            # Opening a port throws away what was sent before: count from here.
            self._generation = self._near.generation
            self._far_sent = self._far.bytes_sent - self._near.bytes_received
            self._far_received = self._far.bytes_received - self._near.bytes_sent
        watch = Stopwatch()
        moved = False
        while self._outbound() > 0 or self._inbound() > 0:
            if self._outbound() > 0:
                self._far.pump(0.05)
            if self._inbound() > 0 and not self._near.pump() and (descriptor := self._near.fileno()) is not None:
                select.select([descriptor], [], [], 0.05)
            moved = True
            if watch.seconds > _PATIENCE:
                raise InternalError(f"a serial wire does not settle: {self._outbound()} bytes under way to the modem, "
                                    f"{self._inbound()} from it")
        return moved

    def _outbound(self) -> int:
        return self._near.bytes_sent - (self._far.bytes_received - self._far_received)

    def _inbound(self) -> int:
        return (self._far.bytes_sent - self._far_sent) - self._near.bytes_received
