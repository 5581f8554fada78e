"""Sockets on packet contexts, without any maker's syntax: what a dialect's commands open, feed and read.

A dialect's commands call the :class:`SocketTable`; what happens to sockets by itself comes back to the dialect's
:class:`SocketDialect`, always in a later turn of the world than the call that caused it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Protocol

from harness.virtual.internet.seams import CloseReason, HalfCloseHandler, TcpConnection, TcpHandler
from harness.virtual.modem.socket_pace import PushPace
from harness.virtual.network.seams import Address, Datagram

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MAX_BUFFERED = 65_536
"""Octets of received datagrams that one socket keeps; what comes beyond is dropped."""
MAX_DATAGRAMS = 256
MAX_STREAM = 65_536
"""Octets that a connection keeps for a client that does not read; then the peer has to wait."""
MAX_UNACKNOWLEDGED = 65_536
"""Octets of a connection that may be under way; data that would be more is not taken."""
TRANSPARENT = 2
"""The access mode of a socket that has a port for itself."""
_EPHEMERAL = range(49_152, 65_536)
ANYBODY: Address = ("0.0.0.0", 0)
"""The peer of a socket that has none in particular."""


class Service(Enum):
    """What a socket is."""

    TCP = "TCP"
    """A connection that the device opened."""
    TCP_LISTENER = "TCP LISTENER"
    """Takes connections."""
    TCP_INCOMING = "TCP INCOMING"
    """A connection that a listener took."""
    UDP = "UDP"
    """Bound to one peer."""
    UDP_SERVICE = "UDP SERVICE"
    """Takes from, and sends to, anybody."""

    @property
    def is_connection(self) -> bool:
        """Whether data is a stream of octets."""
        return self in (Service.TCP, Service.TCP_INCOMING)


class SocketState(Enum):
    """Where a socket stands."""

    OPENING = 1
    OPEN = 2
    LISTENING = 3
    CLOSED_BY_PEER = 4
    """What arrived before can still be read."""
    CREATED = 5
    """It has its number and nothing else."""


class Link(Protocol):
    """An AT port that a socket is connected to."""

    def closed(self) -> None:
        """Learn that the peer, or the network, ended the connection; closes the socket."""


@dataclass(slots=True, kw_only=True)
class Socket:
    """One socket.

    Attributes:
        remote: the peer; of a UDP service and a listener, an address nobody has.
        host: the peer as the command named it.
        access_mode: 0 keeps what arrives until it is read, others push it.
        state: where it stands.
        closed_by: why the peer, or the network, ended the connection; None while it stands.
        moved: when data last came or went.
        announced: whether the dialect has told of the data that waits.
        discarded: datagrams dropped because the buffer was full.
        listener: number of the listener that took it.
        taker: takes what arrives instead of the dialect; for the module's own requests.
        link: the data link of the AT port that has it, None if none has.
    """

    number: int
    cid: int
    service: Service
    remote: Address
    local_port: int
    access_mode: int
    host: str = ""
    state: SocketState = SocketState.OPEN
    buffer: deque[Datagram] = field(default_factory=deque)
    buffered: int = 0
    moved: int = 0
    announced: bool = False
    received: int = 0
    read: int = 0
    sent: int = 0
    discarded: int = 0
    listener: int | None = None
    connection: TcpConnection | None = None
    closed_by: CloseReason | None = None
    taker: Callable[[Datagram], None] | None = None
    link: Link | None = None

    @property
    def unacknowledged(self) -> int:
        """Octets that a connection took and that did not reach its peer yet."""
        return self.connection.unacknowledged if self.connection is not None else 0

    def take(self, limit: int = MAX_BUFFERED) -> Datagram | None:
        """Return what waits longest, and forget it; None if nothing does.

        Of UDP one datagram, whole; of a connection up to ``limit`` octets.
        """
        if not self.buffer:
            return None
        datagram = self._take_octets(limit) if self.service.is_connection else self.buffer.popleft()
        self.buffered -= len(datagram.payload)
        self.read += len(datagram.payload)
        if self.connection is not None and self.buffered < MAX_STREAM:
            self.connection.resume()
        return datagram

    def take_part(self, limit: int) -> Datagram | None:
        """Return up to ``limit`` octets of what waits longest; the rest of a datagram stays for the next call."""
        datagram = self.take(limit)
        if datagram is not None and len(datagram.payload) > limit:
            rest = Datagram(source=datagram.source, destination=datagram.destination, payload=datagram.payload[limit:])
            self.buffer.appendleft(rest)
            self.buffered += len(rest.payload)
            self.read -= len(rest.payload)
            return Datagram(source=datagram.source, destination=datagram.destination, payload=datagram.payload[:limit])
        return datagram

    def _take_octets(self, limit: int) -> Datagram:
        parts, size = [], 0
        first = self.buffer[0]
        while self.buffer and size < limit:
            chunk = self.buffer.popleft()
            payload = chunk.payload[:limit - size]
            if rest := chunk.payload[len(payload):]:
                self.buffer.appendleft(Datagram(source=chunk.source, destination=chunk.destination, payload=rest))
            parts.append(payload)
            size += len(payload)
        return Datagram(source=first.source, destination=first.destination, payload=b"".join(parts))


class SocketDialect(Protocol):
    """How a dialect tells of what happens to sockets."""

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Tell of data: it is in the buffer in mode 0, and nowhere else in others."""

    def closed(self, socket: Socket) -> None:
        """Tell that the peer, or the network, ended a connection."""

    def incoming(self, listener: Socket, host: str, port: int) -> int | None:
        """Return the number for a connection that a listener takes, and tell of it; None turns it away."""

    def dropped(self, socket: Socket, *, by_network: bool) -> None:
        """Learn that a socket ended with its context."""

    def context_lost(self, cid: int) -> None:
        """Tell that the network ended a context and the sockets on it."""


class _Stream(HalfCloseHandler):
    """What a connection says, for one socket."""

    def __init__(self, table: SocketTable, socket: Socket, opened: Callable[[CloseReason | None], None] | None) -> None:
        self._table = table
        self._socket = socket
        self._opened = opened

    def connected(self) -> None:
        opened, self._opened = self._opened, None
        if self._table.has(self._socket):
            self._socket.state = SocketState.OPEN
            if opened is not None:
                opened(None)

    def received(self, data: bytes) -> None:
        self._table.stream_received(self._socket, data)

    def half_closed(self) -> None:
        self._table.stream_closed(self._socket, CloseReason.CLOSED_BY_PEER)

    def closed(self, reason: CloseReason) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            self._table.forget(self._socket)  # if it was not taken away: it may be that which ended the opening
            opened(CloseReason.NETWORK_LOST if self._table.context_is_lost(self._socket)
                   else self._socket.closed_by or reason)
            return
        self._table.stream_closed(self._socket, reason)


class SocketTable:
    """The sockets of one modem."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem
        self.dialect: SocketDialect | None = None
        self.open: dict[int, Socket] = {}
        self._pace = PushPace(modem)
        self.ended: dict[int, CloseReason] = {}
        """Why the last socket of a number ended, unless a command closed it; ``LOCAL`` is for want of data."""

    def __repr__(self) -> str:
        return f"SocketTable({sorted(self.open)})"

    def has(self, socket: Socket) -> bool:
        """Tell whether this very socket is still here."""
        return self.open.get(socket.number) is socket

    def port_taken(self, cid: int, port: int) -> bool:
        """Tell whether a local port of a context is in use."""
        return any(socket.cid == cid and socket.local_port == port for socket in self.open.values())

    def free_number(self, numbers: range) -> int | None:
        """Return the first of these numbers that no socket has, None if all are taken."""
        return next((number for number in numbers if number not in self.open), None)

    def free_port(self, cid: int) -> int:
        """Return an ephemeral port of a context that is not in use."""
        return next(port for port in _EPHEMERAL if not self.port_taken(cid, port))

    def struck_error(self) -> int:
        """Return the error number with which the next opening fails by a fault, 0 if none strikes; for dialects."""
        fault = self._modem.strike("packet-socket-error")
        return fault.spec.number("number") if fault is not None else 0

    # -- opening ------------------------------------------------------------------------------------------------------

    def bind(self, number: int, cid: int, service: Service, remote: Address, local_port: int, access_mode: int, *,
             host: str = "") -> Socket:
        """Open a UDP socket; the number and the port must be free. Local port 0 takes any."""
        return self._add(Socket(number=number, cid=cid, service=service, remote=remote, access_mode=access_mode,
                                local_port=local_port or self.free_port(cid), host=host or remote[0]))

    def resolve(self, cid: int, host: str, done: Callable[[str | None], None]) -> None:
        """Find the first address of a host; ``done`` gets None if it has none."""
        self.resolve_all(cid, host, lambda found: done(found[0] if found else None))

    def resolve_all(self, cid: int, host: str, done: Callable[[tuple[str, ...]], None]) -> None:
        """Find the addresses of a host; ``done`` gets none if it has none. A dotted address needs no network."""
        try:
            address = str(IPv4Address(host))
        except ValueError:
            self._modem.carrier.resolve(self._modem, cid, host, self._alive(lambda found: done(found or ())))
        else:
            done((address,))

    def _alive(self, action: Callable[[tuple[str, ...] | None], None]) -> Callable[[tuple[str, ...] | None], None]:
        """Return ``action`` as long as the module has the power it has now."""
        power = self._modem.power_cycle

        def act(found: tuple[str, ...] | None) -> None:
            if self._modem.power_cycle == power:
                action(found)

        return act

    def connect(self, number: int, cid: int, remote: Address, local_port: int, access_mode: int,
                done: Callable[[CloseReason | None], None], *, host: str = "") -> Socket:
        """Open a connection; ``done`` gets None when it is open, else why not, and the socket is gone then."""
        socket = self._add(Socket(number=number, cid=cid, service=Service.TCP, remote=remote, access_mode=access_mode,
                                  local_port=local_port or self.free_port(cid), host=host or remote[0],
                                  state=SocketState.OPENING))
        socket.connection = self._modem.carrier.connect_tcp(self._modem, cid, socket.local_port, remote,
                                                            _Stream(self, socket, done))
        return socket

    def listen(self, number: int, cid: int, local_port: int, access_mode: int) -> Socket:
        """Take connections to a local port; the number and the port must be free."""
        listener = self._add(Socket(number=number, cid=cid, service=Service.TCP_LISTENER, remote=ANYBODY,
                                    local_port=local_port, access_mode=access_mode, state=SocketState.LISTENING))
        self._modem.carrier.listen_tcp(self._modem, cid, local_port,
                                       lambda connection: self._accept(listener, connection))
        return listener

    def _accept(self, listener: Socket, connection: TcpConnection) -> TcpHandler:
        remote = connection.remote
        socket = Socket(number=-1, cid=listener.cid, service=Service.TCP_INCOMING, remote=remote,
                        local_port=listener.local_port, access_mode=listener.access_mode, host=remote[0],
                        listener=listener.number, connection=connection)
        number = self.dialect.incoming(listener, *remote) if self.dialect is not None and self.has(listener) else None
        if number is None or number in self.open:
            connection.close()
        else:
            socket.number = number
            self._add(socket)
        return _Stream(self, socket, None)

    def reserve(self, number: int, local_port: int) -> Socket:
        """Let a connection that is not asked for yet have its number and its local port."""
        socket = Socket(number=number, cid=0, service=Service.TCP, remote=ANYBODY, local_port=local_port, access_mode=0,
                        state=SocketState.CREATED)
        self.open[number] = socket
        return socket

    def _add(self, socket: Socket) -> Socket:
        self.open[socket.number] = socket
        self.ended.pop(socket.number, None)
        socket.moved = self._modem.world.now()
        self._modem.record("socket_opened", id=socket.number, service=socket.service.value,
                           local_port=socket.local_port, cid=socket.cid)
        return socket

    # -- closing ------------------------------------------------------------------------------------------------------

    def close(self, number: int) -> bool:
        """Close a socket; return whether it was open."""
        socket = self.open.get(number)
        if socket is None:
            return False
        self.forget(socket)
        if socket.service is Service.TCP_LISTENER:
            self._modem.carrier.listen_tcp(self._modem, socket.cid, socket.local_port, None)
        return True

    def forget(self, socket: Socket) -> None:
        """Take a socket out of the table; what is left of its connection is closed."""
        if self.has(socket):
            del self.open[socket.number]
            if socket.state is not SocketState.CREATED:
                self._modem.record("socket_closed", id=socket.number)
            if socket.connection is not None:
                socket.connection.close()

    def give_up(self, socket: Socket) -> None:
        """End a connection that is still being made."""
        if self.has(socket) and socket.state is SocketState.OPENING:
            socket.closed_by = CloseReason.TIMED_OUT
            self.forget(socket)

    def close_when_idle(self, socket: Socket, limit: int) -> None:
        """End a socket as soon as no data came or went for so many nanoseconds."""
        world = self._modem.world

        def look() -> None:
            if not self.has(socket):
                return
            if (idle := world.now() - socket.moved) < limit:
                self._modem.later(limit - idle, look, name="modem-idle", scaled=False)
                return
            self.ended.setdefault(socket.number, CloseReason.LOCAL)
            was_open = socket.state is SocketState.OPEN
            if socket.link is not None:
                socket.link.closed()
            elif self.close(socket.number) and was_open and self.dialect is not None:
                self.dialect.closed(socket)

        socket.moved = world.now()
        self._modem.later(limit, look, name="modem-idle", scaled=False)

    def context_ended(self, cid: int, *, by_network: bool) -> None:
        """Close what was open on a context."""
        for number, socket in sorted(self.open.items()):
            if socket.cid != cid:
                continue
            if by_network:
                self.ended.setdefault(number, CloseReason.NETWORK_LOST)
            if socket.link is not None:
                socket.link.closed()
            elif self.close(number) and self.dialect is not None:
                self.dialect.dropped(socket, by_network=by_network)
        if not by_network:
            self._modem.socket_contexts.discard(cid)
        elif self.dialect is not None:
            self.dialect.context_lost(cid)

    def context_is_lost(self, socket: Socket) -> bool:
        """Tell whether the context of a socket is no more."""
        return socket.cid not in self._modem.packet.active

    def reset(self) -> None:
        """Forget all sockets, without a word."""
        sockets = tuple(self.open.values())
        self.open.clear()
        self.ended.clear()
        for socket in sockets:
            if socket.connection is not None:
                socket.connection.close()

    # -- data ---------------------------------------------------------------------------------------------------------

    def send(self, socket: Socket, payload: bytes, destination: Address | None = None) -> bool:
        """Send a datagram, or octets of a connection; return False if context or connection are gone."""
        session = self._modem.packet.active.get(socket.cid)
        if session is None or not self.has(socket) or socket.state is not SocketState.OPEN:
            return False
        if self._modem.strike("packet-buffer-full") is not None:
            self._modem.record("send_buffer_full", id=socket.number)
            return False
        if socket.connection is not None:
            if socket.connection.unacknowledged + len(payload) > MAX_UNACKNOWLEDGED:
                self._modem.record("send_buffer_full", id=socket.number)
                return False
            if socket.connection.send(payload) < len(payload):
                return False
            self._moved(socket, len(payload))
            self._modem.record("stream_sent", id=socket.number, octets=len(payload))
            return True
        to = destination or socket.remote
        self._moved(socket, len(payload))
        self._modem.record("datagram_sent", id=socket.number, to=f"{to[0]}:{to[1]}", octets=len(payload))
        self._modem.carrier.send_datagram(self._modem, socket.cid, Datagram(
            source=(session.ip, socket.local_port), destination=to, payload=payload))
        return True

    def _moved(self, socket: Socket, sent: int) -> None:
        socket.sent += sent
        socket.moved = self._modem.world.now()

    def arrived(self, cid: int, datagram: Datagram) -> None:
        """Take a datagram from the network to the socket it is for."""
        socket = next((socket for socket in self.open.values()
                       if socket.cid == cid and socket.local_port == datagram.destination[1]
                       and (socket.service is Service.UDP_SERVICE
                            or (socket.service is Service.UDP and socket.remote == datagram.source))), None)
        source = f"{datagram.source[0]}:{datagram.source[1]}"
        if socket is None:
            self._modem.record("datagram_unwanted", port=datagram.destination[1], source=source)
            return
        self._modem.record("datagram_received", id=socket.number, source=source, octets=len(datagram.payload))
        self._keep(socket, datagram)

    def stream_received(self, socket: Socket, data: bytes) -> None:
        """Take octets of a connection."""
        if self.has(socket):
            self._modem.record("stream_received", id=socket.number, octets=len(data))
            session = self._modem.packet.active.get(socket.cid)
            own = (session.ip if session is not None else ANYBODY[0], socket.local_port)
            self._keep(socket, Datagram(source=socket.remote, destination=own, payload=data))

    def stream_closed(self, socket: Socket, reason: CloseReason) -> None:
        """Take the end of a connection that was open, or of the peer's half; what it brought can still be read."""
        if self.has(socket) and reason is not CloseReason.LOCAL and socket.state is not SocketState.CLOSED_BY_PEER:
            socket.state = SocketState.CLOSED_BY_PEER
            socket.closed_by = reason
            self.ended.setdefault(socket.number, reason)
            self._modem.record("stream_closed", id=socket.number, reason=reason.value)
            if socket.link is not None:
                socket.link.closed()
            elif self.dialect is not None:
                self.dialect.closed(socket)

    def _keep(self, socket: Socket, datagram: Datagram) -> None:
        size = len(datagram.payload)
        socket.received += size
        socket.moved = self._modem.world.now()
        if socket.taker is not None:
            socket.taker(datagram)
            return
        if socket.access_mode == 0 and socket.service.is_connection:
            socket.buffer.append(datagram)
            socket.buffered += size
            if socket.connection is not None and socket.buffered >= MAX_STREAM:
                socket.connection.pause()
        elif socket.access_mode == 0:
            if socket.buffered + size > MAX_BUFFERED or len(socket.buffer) >= MAX_DATAGRAMS:
                socket.discarded += 1
                self._modem.record("datagram_discarded", id=socket.number, octets=size)
                return
            socket.buffer.append(datagram)
            socket.buffered += size
        else:
            socket.read += size
        if self.dialect is not None:
            self.dialect.arrived(socket, datagram)
        if socket.access_mode and socket.connection is not None:
            self._pace.pushed(socket.connection)
