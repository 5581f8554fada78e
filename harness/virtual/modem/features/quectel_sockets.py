"""Sockets in Quectel's dialect: QI* (BG96/BG95 and EC2x/EG2x TCP/IP application notes)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import SOCKET_TEXT, SocketError
from harness.virtual.modem.command import (
    ERROR,
    NO_PARAMETERS,
    OK,
    Call,
    Command,
    CommandError,
    Needs,
    Prompt,
    Reply,
    Result,
    info,
    setting,
)
from harness.virtual.modem.command import Number as Range
from harness.virtual.modem.features.packet import activation
from harness.virtual.modem.packet import MAX_CONTEXTS, ContextDefinition
from harness.virtual.modem.settings import Value
from harness.virtual.modem.sockets import Service, Socket
from harness.virtual.network.seams import Address, Datagram

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

MAX_SOCKETS = 12
MAX_SEND = 1460
MAX_SEND_HEX = 512
_SERVICES = ("TCP", "UDP", "TCP LISTENER", "UDP SERVICE")
_STATES = {Service.UDP: 2, Service.UDP_SERVICE: 3}
_NOTE = "Quectel TCP/IP note"


def _fail(call: Call, error: SocketError) -> CommandError:
    """Remember the error for +QIGETERROR and return what ends the command."""
    call.modem.socket_error = int(error)
    return CommandError(ERROR)


def _done(call: Call, *lines: str | bytes, final: str = "OK") -> Reply:
    call.modem.socket_error = int(SocketError.NONE)
    return Reply(lines, final)


def _number(call: Call, position: int, default: int | None = None, *, low: int = 0, high: int) -> int:
    """Return a numeric parameter; one that is wrong is error 552 here."""
    try:
        return call.number(position, default, low=low, high=high)
    except CommandError:
        raise _fail(call, SocketError.INVALID_PARAMETERS) from None


def _address(call: Call, position: int) -> str:
    try:
        return str(IPv4Address(call.text(position, "")))
    except ValueError:
        raise _fail(call, SocketError.DNS_FAILED) from None


def _socket(call: Call, position: int = 0) -> Socket:
    number = _number(call, position, high=MAX_SOCKETS - 1)
    socket = call.modem.sockets.open.get(number)
    if socket is None:
        raise _fail(call, SocketError.CLOSED)
    return socket


# -- contexts ---------------------------------------------------------------------------------------------------------


def _configure(call: Call) -> Result:
    packet = call.modem.packet
    cid = _number(call, 0, low=1, high=MAX_CONTEXTS)
    old = packet.definitions.get(cid, ContextDefinition())
    if call.count == 1:
        kind = 2 if old.pdp_type == "IPV6" else 3 if old.pdp_type == "IPV4V6" else 1
        return info(f'+QICSGP: {kind},"{old.apn}","{old.user}","{old.password}",{old.authentication}')
    if call.count > 6:
        raise _fail(call, SocketError.INVALID_PARAMETERS)
    kind = _number(call, 1, 1, low=1, high=3)
    apn, user, password = (call.text(position, "") for position in (2, 3, 4))
    if len(apn) > 127 or not all(text.isascii() and text.isprintable() for text in (apn, user, password)):
        raise _fail(call, SocketError.INVALID_PARAMETERS)
    packet.definitions[cid] = replace(
        old, pdp_type=("IP", "IPV6", "IPV4V6")[kind - 1], apn=apn, user=user, password=password,
        authentication=_number(call, 5, 0, high=3))
    return _done(call)


def _activate(call: Call) -> Result:
    call.at_most(1)
    modem = call.modem
    cid = _number(call, 0, low=1, high=MAX_CONTEXTS)
    if cid in modem.socket_contexts:
        raise _fail(call, SocketError.NOT_ALLOWED)
    if not modem.packet.definitions.get(cid, ContextDefinition()).apn:
        raise _fail(call, SocketError.APN_MISSING)
    if not modem.radio.served:
        raise _fail(call, SocketError.OPEN_PDP_FAILED)

    def refused() -> Result:
        modem.socket_error = int(SocketError.OPEN_PDP_FAILED)
        modem.socket_contexts.discard(cid)
        return ERROR

    modem.socket_contexts.add(cid)
    return activation(call, [cid], refused)


def _activations(call: Call) -> Result:
    modem = call.modem
    return Reply(tuple(f'+QIACT: {cid},1,1,"{modem.packet.active[cid].ip}"'
                       for cid in sorted(modem.socket_contexts) if cid in modem.packet.active))


def _deactivate(call: Call) -> Result:
    call.at_most(1)
    cid = _number(call, 0, low=1, high=MAX_CONTEXTS)
    call.modem.socket_contexts.discard(cid)
    call.modem.packet.deactivate(cid)
    return _done(call)


# -- opening and closing ----------------------------------------------------------------------------------------------


def _open(call: Call) -> Result:
    modem = call.modem
    if not 5 <= call.count <= 7:
        raise _fail(call, SocketError.INVALID_PARAMETERS)
    cid = _number(call, 0, low=1, high=MAX_CONTEXTS)
    number = _number(call, 1, high=MAX_SOCKETS - 1)
    service = call.text(2, "").upper()
    remote_port = _number(call, 4, 0, high=65_535)
    local_port = _number(call, 5, 0, high=65_535)
    mode = _number(call, 6, 0, high=2)
    host = call.text(3, "")
    if service not in _SERVICES or not host or (mode == 2 and service != "TCP"):
        raise _fail(call, SocketError.INVALID_PARAMETERS)
    if number in modem.sockets.open:
        raise _fail(call, SocketError.ID_IN_USE)
    if cid not in modem.socket_contexts or cid not in modem.packet.active:
        raise _fail(call, SocketError.OPEN_PDP_FAILED)
    error = SocketError.NONE
    if service in ("TCP", "TCP LISTENER"):  # nothing behind the gateway speaks TCP
        error = SocketError.CONNECT_FAILED if service == "TCP" else SocketError.CREATE_FAILED
    elif local_port and modem.sockets.port_taken(cid, local_port):
        error = SocketError.PORT_BUSY
    elif service == "UDP SERVICE":
        if not local_port:
            raise _fail(call, SocketError.INVALID_PARAMETERS)
        modem.sockets.bind(number, cid, Service.UDP_SERVICE, ("0.0.0.0", 0), local_port, mode)
    elif not remote_port:
        raise _fail(call, SocketError.INVALID_PARAMETERS)
    else:
        try:
            peer: Address = (str(IPv4Address(host)), remote_port)
            modem.sockets.bind(number, cid, Service.UDP, peer, local_port, mode)
        except ValueError:  # a name, and nobody answers DNS
            error = SocketError.DNS_FAILED
    modem.socket_error = int(error)
    modem.later(modem.profile.timing.get("socket", 0), lambda: modem.urc(f"+QIOPEN: {number},{int(error)}"),
                name="modem-qiopen")
    return OK


def _close(call: Call) -> Result:
    call.at_most(2)
    number = _number(call, 0, high=MAX_SOCKETS - 1)
    _number(call, 1, 10, high=65_535)
    call.modem.sockets.close(number)
    return _done(call)


def _state_line(call: Call, socket: Socket) -> str:
    host = "127.0.0.1" if socket.service is Service.UDP_SERVICE else socket.remote[0]
    return (f'+QISTATE: {socket.number},"{socket.service.value}","{host}",{socket.remote[1]},{socket.local_port},'
            f'{_STATES[socket.service]},{socket.cid},{socket.number},{socket.access_mode},'
            f'"{call.modem.profile.text("socket_port")}"')


def _states(call: Call) -> Result:
    call.at_most(2)
    opened = [socket for _, socket in sorted(call.modem.sockets.open.items())]
    if call.count:
        by_socket = _number(call, 0, high=1)
        if by_socket:
            number = _number(call, 1, high=MAX_SOCKETS - 1)
            opened = [socket for socket in opened if socket.number == number]
        else:
            cid = _number(call, 1, low=1, high=MAX_CONTEXTS)
            opened = [socket for socket in opened if socket.cid == cid]
    return Reply(tuple(_state_line(call, socket) for socket in opened))


# -- sending ----------------------------------------------------------------------------------------------------------


def _destination(call: Call, socket: Socket, position: int) -> Address:
    if socket.service is Service.UDP:
        if call.count > position:
            raise _fail(call, SocketError.INVALID_PARAMETERS)
        return socket.remote
    return _address(call, position), _number(call, position + 1, low=1, high=65_535)


def _transmit(call: Call, socket: Socket, payload: bytes, destination: Address) -> Result:
    if len(payload) > MAX_SEND or call.modem.sockets.open.get(socket.number) is not socket:
        call.modem.socket_error = int(SocketError.CLOSED)
        return Reply(final="SEND FAIL")
    if not call.modem.sockets.send(socket, payload, destination):
        call.modem.socket_error = int(SocketError.PDP_BROKEN)
        return Reply(final="SEND FAIL")
    return _done(call, final="SEND OK")


def _send(call: Call) -> Result:
    call.at_most(4)
    socket = _socket(call)
    length = None
    if call.given(1):
        length = _number(call, 1, high=MAX_SEND)
        if length == 0:
            return _done(call, f"+QISEND: {socket.sent},{socket.sent},0")
    destination = _destination(call, socket, 2)
    return Prompt(length=length, limit=MAX_SEND, echo=bool(call.modem.settings.number("+QISDE")),
                  then=lambda payload: _transmit(call, socket, payload, destination))


def _send_hex(call: Call) -> Result:
    call.at_most(4)
    socket = _socket(call)
    try:
        payload = bytes.fromhex(call.text(1, ""))
    except ValueError:
        raise _fail(call, SocketError.INVALID_PARAMETERS) from None
    if not payload or len(payload) > MAX_SEND_HEX:
        raise _fail(call, SocketError.INVALID_PARAMETERS)
    return _transmit(call, socket, payload, _destination(call, socket, 2))


# -- receiving --------------------------------------------------------------------------------------------------------


def _origin(socket: Socket, datagram: Datagram) -> str:
    return f',"{datagram.source[0]}",{datagram.source[1]}' if socket.service is Service.UDP_SERVICE else ""


def _receive(call: Call) -> Result:
    call.at_most(2)
    socket = _socket(call)
    if socket.access_mode != 0:
        raise _fail(call, SocketError.NOT_ALLOWED)
    if call.given(1) and _number(call, 1, high=MAX_SEND + 40) == 0:
        return _done(call, f"+QIRD: {socket.received},{socket.read},{socket.buffered}")
    datagram = socket.take()
    if not socket.buffer:
        socket.announced = False
    if datagram is None:
        return _done(call, "+QIRD: 0")
    head = f"+QIRD: {len(datagram.payload)}{_origin(socket, datagram)}\r\n"
    return _done(call, head.encode("ascii") + datagram.payload)


class QuectelSockets:
    """Tells of sockets by +QIURC."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Announce what waits, once until it was read; in push mode hand it over."""
        if socket.access_mode == 0:
            if not socket.announced:
                socket.announced = True
                self._modem.urc(f'+QIURC: "recv",{socket.number}')
            return
        head = f'+QIURC: "recv",{socket.number},{len(datagram.payload)}{_origin(socket, datagram)}\r\n'
        self._modem.urc(head.encode("ascii") + datagram.payload)

    def context_lost(self, cid: int) -> None:
        """Tell that a context is gone."""
        if cid in self._modem.socket_contexts:
            self._modem.socket_contexts.discard(cid)
            self._modem.urc(f'+QIURC: "pdpdeact",{cid}')


# -- names and errors -------------------------------------------------------------------------------------------------


def _resolve(call: Call) -> Result:
    call.at_most(2)
    modem = call.modem
    cid = _number(call, 0, low=1, high=MAX_CONTEXTS)
    host = call.text(1, "")
    if not host:
        raise _fail(call, SocketError.INVALID_PARAMETERS)
    if cid not in modem.packet.active:
        raise _fail(call, SocketError.OPEN_PDP_FAILED)
    try:
        address = str(IPv4Address(host))
    except ValueError:
        urcs = [f'+QIURC: "dnsgip",{int(SocketError.DNS_FAILED)}']
    else:
        urcs = ['+QIURC: "dnsgip",0,1,600', f'+QIURC: "dnsgip","{address}"']

    def tell() -> None:
        for urc in urcs:
            modem.urc(urc)

    modem.later(modem.profile.timing.get("socket", 0), tell, name="modem-dns")
    return _done(call)


def _last_error(call: Call) -> Result:
    error = call.modem.socket_error
    return info(f"+QIGETERROR: {error},{SOCKET_TEXT.get(error, SOCKET_TEXT[550])}")


def _command(name: str, test: str, *, set: Callable[[Call], Result], read: Callable[[Call], Result] | None = None,
             exec: Callable[[Call], Result] | None = None, needs: Needs = Needs.NOTHING) -> Command:
    return Command(name=name, clause=_NOTE, test=test, set=set, read=read, exec=exec, needs=needs)


DEFAULTS: dict[str, Value] = {"+QISDE": (1,)}

_CID, _ID = f"(1-{MAX_CONTEXTS})", f"(0-{MAX_SOCKETS - 1})"

COMMANDS = (
    _command("+QICSGP", f"{_CID},(1-3),<APN>,<username>,<password>,(0-3)", set=_configure),
    _command("+QIACT", _CID, set=_activate, read=_activations, needs=Needs.UNLOCKED),
    _command("+QIDEACT", _CID, set=_deactivate),
    _command("+QIOPEN", f'{_CID},{_ID},"TCP/UDP/TCP LISTENER/UDP SERVICE","<IP_address>/<domain_name>",'
                        "<remote_port>,<local_port>,(0-2)", set=_open),
    _command("+QICLOSE", f"{_ID},(0-65535)", set=_close),
    _command("+QISTATE", "(0,1)", set=_states, read=_states, exec=_states),
    _command("+QISEND", f"{_ID},(0-{MAX_SEND})", set=_send),
    _command("+QISENDEX", f"{_ID},<hex_string>", set=_send_hex),
    _command("+QIRD", f"{_ID},(0-{MAX_SEND + 40})", set=_receive),
    _command("+QIDNSGIP", f"{_CID},<hostname>", set=_resolve),
    Command(name="+QIGETERROR", clause=_NOTE, test=NO_PARAMETERS, exec=_last_error),
    setting("+QISDE", Range(0, 1), clause=_NOTE),
)


def attach(modem: VirtualModem) -> None:
    """Let this dialect tell of the modem's sockets."""
    modem.sockets.dialect = QuectelSockets(modem)
