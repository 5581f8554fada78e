"""Quectel's commands that move data on sockets: +QISEND, +QISENDEX, +QIRD."""

from __future__ import annotations

from ipaddress import IPv4Address

from harness.virtual.modem.codes import SocketError
from harness.virtual.modem.command import Call, Prompt, Reply, Result
from harness.virtual.modem.features.quectel_common import (
    MAX_SEND,
    done,
    fail,
    number_of,
    origin,
    payload_line,
    socket_of,
)
from harness.virtual.modem.sockets import Service, Socket, SocketState
from harness.virtual.network.seams import Address

_MAX_SEND_HEX = 512


def _destination(call: Call, socket: Socket, position: int) -> Address:
    if socket.service is not Service.UDP_SERVICE:
        if call.count > position:
            raise fail(call, SocketError.INVALID_PARAMETERS)
        return socket.remote
    try:
        host = str(IPv4Address(call.text(position, "")))
    except ValueError:
        raise fail(call, SocketError.DNS_FAILED) from None
    return host, number_of(call, position + 1, low=1, high=65_535)


def _transmit(call: Call, socket: Socket, payload: bytes, destination: Address) -> Result:
    modem = call.modem
    if modem.settings.number("+QICFG.dataformat", 0):
        try:
            payload = bytes.fromhex(payload.decode("ascii"))
        except ValueError:
            raise fail(call, SocketError.INVALID_PARAMETERS) from None
    if len(payload) > MAX_SEND or not modem.sockets.has(socket) or socket.state is not SocketState.OPEN:
        modem.socket_error = int(SocketError.CLOSED)
        return Reply(final="SEND FAIL")
    if not modem.sockets.send(socket, payload, destination):
        modem.socket_error = int(SocketError.PDP_BROKEN)
        return Reply(final="SEND FAIL")
    return done(call, final="SEND OK")


def _check_open(call: Call, socket: Socket) -> None:
    """Refuse a connection that is not open, or not any more: there is no prompt for it."""
    if socket.state is not SocketState.OPEN:
        raise fail(call, SocketError.CLOSED)


def send(call: Call) -> Result:
    """+QISEND: a prompt for data up to Ctrl-Z or of a length; length 0 asks what was sent."""
    call.at_most(4)
    socket = socket_of(call)
    if socket.service is Service.TCP_LISTENER:
        raise fail(call, SocketError.NOT_ALLOWED)
    length = None
    if call.given(1):
        length = number_of(call, 1, high=MAX_SEND)
        if length == 0:
            waiting = socket.unacknowledged
            return done(call, f"+QISEND: {socket.sent},{socket.sent - waiting},{waiting}")
    _check_open(call, socket)
    destination = _destination(call, socket, 2)
    return Prompt(length=length, limit=MAX_SEND, echo=bool(call.modem.settings.number("+QISDE")),
                  then=lambda payload: _transmit(call, socket, payload, destination))


def send_hex(call: Call) -> Result:
    """+QISENDEX: data in the command line, as hex digits."""
    call.at_most(4)
    socket = socket_of(call)
    try:
        payload = bytes.fromhex(call.text(1, ""))
    except ValueError:
        raise fail(call, SocketError.INVALID_PARAMETERS) from None
    _check_open(call, socket)
    if not payload or len(payload) > _MAX_SEND_HEX:
        raise fail(call, SocketError.INVALID_PARAMETERS)
    if call.modem.settings.number("+QICFG.dataformat", 0):
        payload = payload.hex().encode("ascii")
    return _transmit(call, socket, payload, _destination(call, socket, 2))


def receive(call: Call) -> Result:
    """+QIRD: what waits, a datagram whole or octets of a connection up to a length; length 0 asks what did."""
    call.at_most(2)
    socket = socket_of(call)
    if socket.access_mode != 0 or socket.service is Service.TCP_LISTENER:
        raise fail(call, SocketError.NOT_ALLOWED)
    limit = number_of(call, 1, MAX_SEND + 40, high=MAX_SEND + 40)
    if limit == 0:
        return done(call, f"+QIRD: {socket.received},{socket.read},{socket.buffered}")
    datagram = socket.take(limit)
    if not socket.buffer:
        socket.announced = False
    if datagram is None:
        return done(call, "+QIRD: 0")
    head = f"+QIRD: {len(datagram.payload)}{origin(socket, datagram)}"
    return done(call, payload_line(call.modem, head, datagram.payload))
