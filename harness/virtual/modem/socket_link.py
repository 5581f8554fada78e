"""A socket that has an AT port for itself: transparent mode, direct link, online mode, as the makers call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.virtual.modem.sockets import TRANSPARENT, Socket, SocketState

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataPort
    from harness.virtual.modem.modem import VirtualModem
    from harness.virtual.network.seams import Datagram


class SocketLink:
    """The data link between a socket and the port that has it.

    Args:
        closed_result: what the port says when the peer or the network ends the connection.
        keep: leave the socket open when the port leaves it; what arrives then is announced again.

    While ``+++`` has the port in command mode the socket is one as any other: commands name it, what arrives is kept
    and announced, and the dialect tells of its end.
    """

    def __init__(self, modem: VirtualModem, socket: Socket, port: DataPort, *, closed_result: str = "NO CARRIER",
                 keep: bool = False) -> None:
        self._modem = modem
        self._socket = socket
        self._port = port
        self._closed_result = closed_result
        self._keep = keep
        self._mode = socket.access_mode
        self._take_socket()

    def __repr__(self) -> str:
        return f"SocketLink({self._socket.number})"

    def receive(self, data: bytes) -> None:
        """Send what the client writes."""
        self._modem.sockets.send(self._socket, data)

    @property
    def standing(self) -> bool:
        """Whether the socket is still open, and no other port has it."""
        socket = self._socket
        return (self._modem.sockets.has(socket) and socket.state is SocketState.OPEN
                and socket.link in (None, self))

    def suspended(self) -> None:
        """The client went to command mode: the socket is a common one until it comes back."""
        self._leave_socket()

    def resumed(self) -> None:
        """Hand over what arrived meanwhile."""
        self._take_socket()
        while (waiting := self._socket.take()) is not None:
            self._port.send(waiting.payload)

    def hung_up(self) -> None:
        """The port is gone: the connection goes with it, or is a socket as any other again."""
        ours = self._socket.link in (None, self)
        self._leave_socket()
        if not self._keep and ours and self._modem.sockets.has(self._socket):
            self._modem.sockets.close(self._socket.number)

    def closed(self) -> None:
        """The peer, or the network, ended the connection."""
        self._leave_socket()
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
            if self._mode == TRANSPARENT:
                socket.access_mode = 0

    def _arrived(self, datagram: Datagram) -> None:
        self._socket.read += len(datagram.payload)
        self._port.send(datagram.payload)
