"""What all of Quectel's socket commands share: errors kept for +QIGETERROR, and the telling by +QIURC."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import SocketError
from harness.virtual.modem.command import ERROR, Call, Command, CommandError, Line, Needs, Reply, Result
from harness.virtual.modem.sockets import Service, Socket
from harness.virtual.network.seams import Datagram

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MAX_SOCKETS = 12
MAX_SEND = 1460
NOTE = "Quectel TCP/IP note"


def fail(call: Call, error: SocketError) -> CommandError:
    """Remember the error for +QIGETERROR and return what ends the command."""
    call.modem.socket_error = int(error)
    return CommandError(ERROR)


def done(call: Call, *lines: Line, final: str = "OK") -> Reply:
    """Return a reply, and remember that all is well."""
    call.modem.socket_error = int(SocketError.NONE)
    return Reply(lines, final)


def number_of(call: Call, position: int, default: int | None = None, *, low: int = 0, high: int) -> int:
    """Return a numeric parameter; one that is wrong is error 552 here."""
    try:
        return call.number(position, default, low=low, high=high)
    except CommandError:
        raise fail(call, SocketError.INVALID_PARAMETERS) from None


def socket_of(call: Call) -> Socket:
    """Return the socket that the first parameter names."""
    socket = call.modem.sockets.open.get(number_of(call, 0, high=MAX_SOCKETS - 1))
    if socket is None:
        raise fail(call, SocketError.CLOSED)
    return socket


def origin(socket: Socket, datagram: Datagram) -> str:
    """Return where a datagram came from, as a UDP service tells it."""
    return f',"{datagram.source[0]}",{datagram.source[1]}' if socket.service is Service.UDP_SERVICE else ""


def payload_line(modem: VirtualModem, head: str, payload: bytes) -> bytes:
    """Return an information line with its payload as +QICFG has it shown."""
    if modem.settings.number("+QICFG.dataformat", 1):
        payload = payload.hex().upper().encode("ascii")
    separator = b"," if modem.settings.number("+QICFG.viewmode") else b"\r\n"
    return head.encode("ascii") + separator + payload


def command(name: str, test: str, *, set: Callable[[Call], Result], read: Callable[[Call], Result] | None = None,
            exec: Callable[[Call], Result] | None = None, needs: Needs = Needs.NOTHING) -> Command:
    """Return an entry of the table."""
    return Command(name=name, clause=NOTE, test=test, set=set, read=read, exec=exec, needs=needs)


class QuectelSockets:
    """Tells of sockets by +QIURC."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def __repr__(self) -> str:
        return f"QuectelSockets({self._modem.name})"

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Announce what waits, once until it was read; in push mode hand it over."""
        if socket.access_mode == 0:
            if not socket.announced:
                socket.announced = True
                length = f",{socket.buffered}" if self._modem.settings.number("+QICFG.recvind") else ""
                self._modem.urc(f'+QIURC: "recv",{socket.number}{length}')
            return
        head = f'+QIURC: "recv",{socket.number},{len(datagram.payload)}{origin(socket, datagram)}'
        self._modem.urc(payload_line(self._modem, head, datagram.payload))

    def closed(self, socket: Socket) -> None:
        """Tell that the peer closed; the socket stays until +QICLOSE, unless +QICFG="passiveclosed" closes it."""
        self._modem.urc(f'+QIURC: "closed",{socket.number}')
        if self._modem.settings.number("+QICFG.passiveclosed"):
            self._modem.sockets.close(socket.number)

    def incoming(self, listener: Socket, host: str, port: int) -> int | None:
        """Give a connection the lowest free number, or tell that there is none."""
        number = self._modem.sockets.free_number(range(MAX_SOCKETS))
        if number is None:
            self._modem.urc('+QIURC: "incoming full"')
        else:
            self._modem.urc(f'+QIURC: "incoming",{number},{listener.number},"{host}",{port}')
        return number

    def dropped(self, socket: Socket, *, by_network: bool) -> None:
        """The context's own code tells of all of them."""

    def context_lost(self, cid: int) -> None:
        """Tell that a context is gone."""
        if cid in self._modem.socket_contexts:
            self._modem.socket_contexts.discard(cid)
            self._modem.urc(f'+QIURC: "pdpdeact",{cid}')
