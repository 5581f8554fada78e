"""What the socket commands of several makers have in common: contexts for them, parameters, hex data."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import Call, CommandError, cme
from harness.virtual.modem.packet import ContextDefinition
from harness.virtual.modem.sockets import Socket, SocketState

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem
    from harness.virtual.network.seams import Address, Session


def activate_for_sockets(modem: VirtualModem, cid: int, done: Callable[[Session | None], None]) -> None:
    """Activate a context for the module's own sockets; ``done`` gets None if the network refuses.

    On LTE the first context is active anyway and only has to be taken: ``socket_contexts`` says which are.
    """

    def activated(session: Session | None) -> None:
        if session is not None:
            modem.socket_contexts.add(cid)
        done(session)

    if modem.packet.definitions.get(cid, ContextDefinition()).apn or cid in modem.packet.active:
        modem.packet.activate(cid, activated)
    else:
        done(None)


def has_context(modem: VirtualModem, cid: int) -> bool:
    """Tell whether a context was activated for sockets and still is."""
    return cid in modem.socket_contexts and cid in modem.packet.active


def host_of(call: Call, position: int) -> str:
    """Return a host name or address.

    Raises:
        CommandError: it is none.
    """
    host = call.text(position, "", limit=253)
    if not host or not host.isascii() or not host.isprintable():
        raise call.bad()
    return host


def address_of(call: Call, position: int) -> Address:
    """Return the address and port that two parameters tell.

    Raises:
        CommandError: they tell none.
    """
    try:
        ip = str(IPv4Address(call.text(position)))
    except ValueError:
        raise call.bad() from None
    return ip, call.number(position + 1, low=1, high=65_535)


def hex_of(call: Call, text: str) -> bytes:
    """Return the octets that hexadecimal digits mean.

    Raises:
        CommandError: they are none.
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise call.bad() from None


def socket_numbered(call: Call, numbers: range, *, position: int = 0, offset: int = 0,
                    missing: Cme | int = Cme.NOT_ALLOWED) -> Socket:
    """Return the socket that a parameter names.

    Args:
        offset: how much higher the maker counts than the table.
        missing: the error where it is not open.

    Raises:
        CommandError: the parameter is no number of a socket, or that is not open.
    """
    number = call.number(position, low=numbers.start + offset, high=numbers.stop - 1 + offset) - offset
    socket = call.modem.sockets.open.get(number)
    if socket is None or socket.taker is not None:
        raise CommandError(cme(missing))
    return socket


def drained(modem: VirtualModem, socket: Socket) -> None:
    """Note that data was read: what comes next is announced again, and a connection that is over ends with its data."""
    if not socket.buffer:
        socket.announced = False
        if socket.state is SocketState.CLOSED_BY_PEER:
            modem.sockets.forget(socket)
