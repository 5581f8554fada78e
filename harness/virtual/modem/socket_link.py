"""A socket that has an AT port for itself: transparent mode, direct link, online mode, as the makers call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.virtual.modem.engine import State
from harness.virtual.modem.sockets import Socket

if TYPE_CHECKING:
    from harness.virtual.modem.data_mode import DataPort
    from harness.virtual.modem.engine import Session
    from harness.virtual.modem.modem import VirtualModem
    from harness.virtual.network.seams import Datagram


class SocketLink:
    """The data link between a socket and the port that has it.

    Args:
        closed_result: what the port says when the peer or the network ends the connection.
        keep: leave the socket open when the port leaves it; what arrives then is announced again.
    """

    def __init__(self, modem: VirtualModem, socket: Socket, port: DataPort, *, closed_result: str = "NO CARRIER",
                 keep: bool = False) -> None:
        self._modem = modem
        self._socket = socket
        self._port = port
        self._closed_result = closed_result
        self._keep = keep
        socket.taker = self._arrived
        socket.link = self

    def __repr__(self) -> str:
        return f"SocketLink({self._socket.number})"

    def receive(self, data: bytes) -> None:
        """Send what the client writes."""
        self._modem.sockets.send(self._socket, data)

    def resumed(self) -> None:
        """Hand over what arrived meanwhile."""
        while (waiting := self._socket.take()) is not None:
            self._port.send(waiting.payload)

    def hung_up(self) -> None:
        """The port is gone: the connection goes with it, or is a socket as any other again."""
        self._socket.link = self._socket.taker = None
        if not self._keep:
            self._modem.sockets.close(self._socket.number)

    def closed(self) -> None:
        """The peer, or the network, ended the connection."""
        self._socket.link = self._socket.taker = None
        self._modem.sockets.close(self._socket.number)
        self._port.finish(self._closed_result)

    def _arrived(self, datagram: Datagram) -> None:
        port: Session = self._port  # type: ignore[assignment]
        if port.state is State.DATA:
            self._socket.read += len(datagram.payload)
            port.send(datagram.payload)
        else:
            self._socket.buffer.append(datagram)
            self._socket.buffered += len(datagram.payload)
