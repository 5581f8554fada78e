"""A socket that has an AT port for itself: transparent mode, direct link, online mode, as the makers call it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.virtual.modem.socket_pace import ENOUGH
from harness.virtual.modem.sockets import MAX_UNACKNOWLEDGED, TRANSPARENT, Socket, SocketState
from harness.virtual.world import Event

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataPort
    from harness.virtual.modem.modem import VirtualModem
    from harness.virtual.network.seams import Datagram

_MAX_WAITING: Final = 1 << 20  # octets of a client that can't be made to wait; more are lost
_FIRST_LOOK: Final = 10_000_000  # nanoseconds until they are offered again
_LAST_LOOK: Final = 1_000_000_000


class SocketLink:
    """The data link between a socket and the port that has it.

    Args:
        closed_result: what the port says when the peer or the network ends the connection.
        keep: leave the socket open when the port leaves it; what arrives then is announced again.

    A client that does not read lets the peer wait, and a peer that does not read the client, as with flow control in
    the lines of a real port. While ``+++`` has the port in command mode the socket is one as any other: commands name
    it, what arrives is kept and announced, and the dialect tells of its end.
    """

    def __init__(self, modem: VirtualModem, socket: Socket, port: DataPort, *, closed_result: str = "NO CARRIER",
                 keep: bool = False) -> None:
        self._modem = modem
        self._socket = socket
        self._port = port
        self._closed_result = closed_result
        self._keep = keep
        self._waiting = bytearray()
        self._look = _FIRST_LOOK
        self._event: Event | None = None
        self._mode = socket.access_mode
        self._take_socket()

    def __repr__(self) -> str:
        return f"SocketLink({self._socket.number})"

    def receive(self, data: bytes) -> None:
        """Send what the client writes; what the connection has no room for waits."""
        if self._socket.connection is None:
            self._modem.sockets.send(self._socket, data)
            return
        room = _MAX_WAITING - len(self._waiting)
        if len(data) > room:
            self._modem.record("link_data_lost", id=self._socket.number, octets=len(data) - room)
        self._waiting += data[:room]
        self._push()

    @property
    def standing(self) -> bool:
        """Whether the socket is still open, and no other port has it."""
        socket = self._socket
        return (self._modem.sockets.has(socket) and socket.state is SocketState.OPEN
                and socket.link in (None, self))

    def suspended(self) -> None:
        """The client went to command mode: the socket is a common one until it comes back."""
        self._leave_socket()
        self._flow()

    def resumed(self) -> None:
        """Hand over what arrived meanwhile."""
        self._take_socket()
        while (waiting := self._socket.take()) is not None:
            self._port.send(waiting.payload)

    def hung_up(self) -> None:
        """The port is gone: the connection goes with it, or is a socket as any other again."""
        ours = self._socket.link in (None, self)
        self._leave_socket()
        self._forget_waiting()
        if not self._keep and ours and self._modem.sockets.has(self._socket):
            self._modem.sockets.close(self._socket.number)

    def closed(self) -> None:
        """The peer, or the network, ended the connection."""
        self._leave_socket()
        self._forget_waiting()
        self._modem.sockets.close(self._socket.number)
        self._port.finish(self._closed_result)

    def _take_socket(self) -> None:
        self._socket.taker = self._arrived
        self._socket.link = self
        self._socket.access_mode = self._mode

    def _leave_socket(self) -> None:
        socket = self._socket
        if socket.link is self:
            socket.link = socket.taker = None
            socket.announced = False
            if socket.connection is not None:
                socket.connection.resume()
            if self._mode == TRANSPARENT:
                socket.access_mode = 0

    def _arrived(self, datagram: Datagram) -> None:
        self._socket.read += len(datagram.payload)
        self._port.send(datagram.payload)
        self._flow()

    def _push(self) -> None:
        """Send as much of what waits as there is room for."""
        connection = self._socket.connection
        while self._waiting and connection is not None and (room := MAX_UNACKNOWLEDGED - connection.unacknowledged) > 0:
            chunk = bytes(self._waiting[:room])
            del self._waiting[:room]
            self._look = _FIRST_LOOK
            if not self._modem.sockets.send(self._socket, chunk):
                self._waiting.clear()  # the connection is over
        self._flow()

    def _flow(self) -> None:
        """Let who sends faster than the other reads wait, and look again later."""
        connection, wire = self._socket.connection, self._port.wire
        if connection is None:
            return
        has_port = self._socket.link is self
        congested = has_port and wire.backlog >= ENOUGH
        wire.listen(not has_port or len(self._waiting) < ENOUGH)
        if congested:
            connection.pause()
        elif has_port:
            connection.resume()
        if (congested or self._waiting) and self._event is None:
            self._event = self._modem.later(self._look, self._again, name="modem-link", scaled=False)
            self._look = min(2 * self._look, _LAST_LOOK)
        elif not congested and not self._waiting:
            self._look = _FIRST_LOOK

    def _again(self) -> None:
        self._event = None
        self._push()

    def _forget_waiting(self) -> None:
        self._waiting.clear()
        self._port.wire.listen(True)
        if self._event is not None:
            self._event.cancel()
            self._event = None
