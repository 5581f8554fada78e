"""Sockets on packet contexts, without any maker's syntax: what a dialect's commands open, feed and read.

There is no host behind the network yet but the IP gateway, which speaks UDP: opening a TCP connection fails as it does
towards a host that refuses.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from harness.virtual.network.seams import Address, Datagram

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MAX_BUFFERED = 65_536
"""Octets of received payload that one socket keeps; further datagrams are dropped."""
MAX_DATAGRAMS = 256
_EPHEMERAL = range(49_152, 65_536)


class Service(Enum):
    """What a socket is."""

    UDP = "UDP"
    """Bound to one peer."""
    UDP_SERVICE = "UDP SERVICE"
    """Takes from, and sends to, anybody."""


@dataclass(slots=True, kw_only=True)
class Socket:
    """One open socket.

    Attributes:
        remote: the peer; of a UDP service, an address nobody has.
        access_mode: 0 keeps what arrives until it is read, 1 pushes it.
        announced: whether the dialect has told of the data that waits.
        discarded: datagrams dropped because the buffer was full.
    """

    number: int
    cid: int
    service: Service
    remote: Address
    local_port: int
    access_mode: int
    buffer: deque[Datagram] = field(default_factory=deque)
    buffered: int = 0
    announced: bool = False
    received: int = 0
    read: int = 0
    sent: int = 0
    discarded: int = 0

    def take(self) -> Datagram | None:
        """Return the oldest datagram that waits, and forget it; None if none does."""
        if not self.buffer:
            return None
        datagram = self.buffer.popleft()
        self.buffered -= len(datagram.payload)
        self.read += len(datagram.payload)
        return datagram


class SocketDialect(Protocol):
    """How a dialect tells of what happens to sockets."""

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Tell of a datagram: it is in the buffer in mode 0, and nowhere else in mode 1."""

    def context_lost(self, cid: int) -> None:
        """Tell that the network ended a context and the sockets on it."""


class SocketTable:
    """The sockets of one modem."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.dialect: SocketDialect | None = None
        self.open: dict[int, Socket] = {}

    def __repr__(self) -> str:
        return f"SocketTable({sorted(self.open)})"

    def port_taken(self, cid: int, port: int) -> bool:
        """Tell whether a local port of a context is in use."""
        return any(socket.cid == cid and socket.local_port == port for socket in self.open.values())

    def bind(self, number: int, cid: int, service: Service, remote: Address, local_port: int,
             access_mode: int) -> Socket:
        """Open a socket; the number and the port must be free. Local port 0 draws one."""
        if local_port == 0:
            local_port = next(port for port in _EPHEMERAL if not self.port_taken(cid, port))
        socket = Socket(number=number, cid=cid, service=service, remote=remote, local_port=local_port,
                        access_mode=access_mode)
        self.open[number] = socket
        self._modem.record("socket_opened", id=number, service=service.value, local_port=local_port, cid=cid)
        return socket

    def close(self, number: int) -> bool:
        """Close a socket; return whether it was open."""
        if self.open.pop(number, None) is None:
            return False
        self._modem.record("socket_closed", id=number)
        return True

    def send(self, socket: Socket, payload: bytes, destination: Address) -> bool:
        """Send a datagram; return False if the context is gone."""
        session = self._modem.packet.active.get(socket.cid)
        if session is None:
            return False
        socket.sent += len(payload)
        self._modem.record("datagram_sent", id=socket.number, to=f"{destination[0]}:{destination[1]}",
                           octets=len(payload))
        self._modem.carrier.send_datagram(self._modem, socket.cid, Datagram(
            source=(session.ip, socket.local_port), destination=destination, payload=payload))
        return True

    def arrived(self, cid: int, datagram: Datagram) -> None:
        """Take a datagram from the network to the socket it is for."""
        modem = self._modem
        socket = next((socket for socket in self.open.values()
                       if socket.cid == cid and socket.local_port == datagram.destination[1]
                       and (socket.service is Service.UDP_SERVICE or socket.remote == datagram.source)), None)
        source = f"{datagram.source[0]}:{datagram.source[1]}"
        if socket is None:
            modem.record("datagram_unwanted", port=datagram.destination[1], source=source)
            return
        size = len(datagram.payload)
        socket.received += size
        modem.record("datagram_received", id=socket.number, source=source, octets=size)
        if socket.access_mode == 0:
            if socket.buffered + size > MAX_BUFFERED or len(socket.buffer) >= MAX_DATAGRAMS:
                socket.discarded += 1
                modem.record("datagram_discarded", id=socket.number, octets=size)
                return
            socket.buffer.append(datagram)
            socket.buffered += size
        else:
            socket.read += size
        if self.dialect is not None:
            self.dialect.arrived(socket, datagram)

    def context_ended(self, cid: int, *, by_network: bool) -> None:
        """Close what was open on a context."""
        for number in sorted(number for number, socket in self.open.items() if socket.cid == cid):
            self.close(number)
        if by_network and self.dialect is not None:
            self.dialect.context_lost(cid)

    def reset(self) -> None:
        """Forget all sockets, without a word."""
        self.open.clear()
