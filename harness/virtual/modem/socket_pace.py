"""Connections whose data is pushed to the client as it comes: their peers wait while the client does not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.virtual.internet.seams import TcpConnection
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

ENOUGH: Final = 65_536
"""Octets on their way to one port from which on peers have to wait."""
_FIRST_LOOK: Final = 10_000_000  # nanoseconds until the ports are looked at again
_LAST_LOOK: Final = 1_000_000_000


class PushPace:
    """The pace of one modem's pushed data."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self._paused: list[TcpConnection] = []
        self._look = _FIRST_LOOK
        self._event: Event | None = None

    def __repr__(self) -> str:
        return f"PushPace({len(self._paused)} connections paused)"

    def pushed(self, connection: TcpConnection) -> None:
        """Data of a connection went to the ports: let its peer wait if there is too much of it."""
        if self._congested() and connection not in self._paused:
            connection.pause()
            self._paused.append(connection)
            self._plan()

    def _congested(self) -> bool:
        return any(session.wire.backlog >= ENOUGH for session in self._modem.sessions)

    def _plan(self) -> None:
        if self._event is None:
            self._event = self._modem.world.call_at(self._modem.world.now() + self._look, self._again,
                                                    name="modem-push")
            self._look = min(2 * self._look, _LAST_LOOK)

    def _again(self) -> None:
        self._event = None
        if self._congested():
            self._plan()
            return
        self._look = _FIRST_LOOK
        paused, self._paused = self._paused, []
        for connection in paused:
            connection.resume()
