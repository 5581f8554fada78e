"""An AT port that carries data: what is connected to it, and the way back to commands (ITU-T V.250 clause 6.3).

Theory of operation. A :class:`~harness.virtual.modem.command.Connect` result puts the port into data mode: what the
client sends goes to a :class:`DataLink`, and what that sends goes to the client as it is. Three ``+`` between two guard
times of silence (S12, in 1/50 s) bring the port back to commands while the link stays, for ``ATO``; the link's own end
and a client that hangs up (&D2) end both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from harness.virtual.world import Event, World

_ESCAPE: Final = b"+++"
_TICK: Final = 1_000_000_000 // 50


class DataLink(Protocol):
    """What a port in data mode is connected to."""

    def receive(self, data: bytes) -> None:
        """Take octets of the client."""

    @property
    def standing(self) -> bool:
        """Whether there is still something to come back to from command mode."""

    def suspended(self) -> None:
        """Learn that the client went to command mode by ``+++``, and may come back."""

    def resumed(self) -> None:
        """Learn that the client is back from command mode."""

    def hung_up(self) -> None:
        """Learn that the port is gone for good: the client hung up, ATH, or the power went."""


class Wire(Protocol):
    """What a port's octets come and go through, with the flow control that the lines of a real port have (+IFC)."""

    @property
    def backlog(self) -> int:
        """Octets that wait for their instant, or for a client that does not read."""

    def listen(self, listening: bool) -> None:
        """Take octets from the client, or let them wait where they are, and the client with them."""


class _NoWire:
    """Of a port whose octets never wait."""

    backlog = 0

    def listen(self, listening: bool) -> None:
        """Nothing: what comes is heard."""


NO_WIRE: Final = _NoWire()


class DataPort(Protocol):
    """The port, seen from the link."""

    wire: Wire

    def send(self, data: bytes) -> None:
        """Send octets to the client; lost while the port is in command mode."""

    def finish(self, final: str) -> None:
        """Go back to command mode for good with this result; empty for none."""


class DataMode:
    """The octets of one port in data mode, with the escape sequence in them.

    Args:
        link: takes the data.
        escaped: called when the client asked for command mode; None if there is no escape from this link.
        guard: silence around the escape sequence in fiftieths of a second.
    """

    def __init__(self, world: World, link: DataLink, *, escaped: Callable[[], None] | None, guard: int) -> None:
        self.link = link
        self._world = world
        self._escaped = escaped
        self._guard = guard * _TICK
        self._last = world.now()
        self._held = 0  # pluses that may be the escape sequence
        self._event: Event | None = None

    def __repr__(self) -> str:
        return f"DataMode({self.link!r})"

    def resume(self) -> None:
        """Begin anew after command mode."""
        self._held = 0
        self._last = self._world.now()
        self.link.resumed()

    def receive(self, data: bytes) -> None:
        """Take octets of the client."""
        now = self._world.now()
        silent = now - self._last >= self._guard
        self._last = now
        if self._event is not None:
            self._event.cancel()
            self._event = None
        if self._escaped is not None and data.strip(b"+") == b"" and (self._held or silent):
            self._held += len(data)
            if self._held == len(_ESCAPE):
                self._event = self._world.call_at(now + self._guard, self._escape, name="modem-escape")
                return
            if self._held < len(_ESCAPE):
                return
            data = b""
        held, self._held = self._held, 0
        self.link.receive(b"+" * held + data)

    def end(self) -> None:
        """Forget what is held."""
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _escape(self) -> None:
        self._event = None
        self._held = 0
        if self._escaped is not None:
            self._escaped()
