"""Quectel's socket commands: contexts, opening, closing, listing (BG96/BG95 and EC2x/EG2x TCP/IP notes)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import SocketError
from harness.virtual.modem.command import (
    ERROR,
    OK,
    Call,
    Connect,
    Needs,
    Pending,
    Reply,
    Result,
    info,
    setting,
)
from harness.virtual.modem.command import Number as Range
from harness.virtual.modem.features import quectel_data, quectel_tools
from harness.virtual.modem.features.packet import activation
from harness.virtual.modem.features.quectel_common import (
    MAX_SEND,
    MAX_SOCKETS,
    NOTE,
    QuectelSockets,
    command,
    done,
    fail,
    number_of,
)
from harness.virtual.modem.packet import MAX_CONTEXTS, ContextDefinition
from harness.virtual.modem.settings import Value
from harness.virtual.modem.socket_link import SocketLink
from harness.virtual.modem.socket_opening import OpenFailure, Opening, Outcome, error_number, open_socket
from harness.virtual.modem.sockets import TRANSPARENT, Service, Socket, SocketState

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_SERVICES = {"TCP": Service.TCP, "UDP": Service.UDP, "TCP LISTENER": Service.TCP_LISTENER,
             "UDP SERVICE": Service.UDP_SERVICE}
_FAILURES = {OpenFailure.PORT_BUSY: SocketError.PORT_BUSY, OpenFailure.GONE: SocketError.CREATE_FAILED,
             OpenFailure.UNKNOWN_HOST: SocketError.DNS_FAILED, OpenFailure.REFUSED: SocketError.CONNECT_FAILED,
             OpenFailure.TIMED_OUT: SocketError.TIMEOUT, OpenFailure.CLOSED: SocketError.CLOSED}
_STATES = {SocketState.OPENING: 1, SocketState.OPEN: 2, SocketState.LISTENING: 3, SocketState.CLOSED_BY_PEER: 4}

# -- contexts ---------------------------------------------------------------------------------------------------------


def _configure(call: Call) -> Result:
    packet = call.modem.packet
    cid = number_of(call, 0, low=1, high=MAX_CONTEXTS)
    old = packet.definitions.get(cid, ContextDefinition())
    if call.count == 1:
        kind = 2 if old.pdp_type == "IPV6" else 3 if old.pdp_type == "IPV4V6" else 1
        return info(f'+QICSGP: {kind},"{old.apn}","{old.user}","{old.password}",{old.authentication}')
    if call.count > 6:
        raise fail(call, SocketError.INVALID_PARAMETERS)
    kind = number_of(call, 1, 1, low=1, high=3)
    apn, user, password = (call.text(position, "") for position in (2, 3, 4))
    if len(apn) > 127 or not all(text.isascii() and text.isprintable() for text in (apn, user, password)):
        raise fail(call, SocketError.INVALID_PARAMETERS)
    packet.definitions[cid] = replace(
        old, pdp_type=("IP", "IPV6", "IPV4V6")[kind - 1], apn=apn, user=user, password=password,
        authentication=number_of(call, 5, 0, high=3))
    return done(call)


def _activate(call: Call) -> Result:
    call.at_most(1)
    modem = call.modem
    cid = number_of(call, 0, low=1, high=MAX_CONTEXTS)
    if cid in modem.socket_contexts:
        raise fail(call, SocketError.NOT_ALLOWED)
    if not modem.packet.definitions.get(cid, ContextDefinition()).apn:
        raise fail(call, SocketError.APN_MISSING)
    if not modem.radio.served:
        raise fail(call, SocketError.OPEN_PDP_FAILED)

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
    cid = number_of(call, 0, low=1, high=MAX_CONTEXTS)
    call.modem.socket_contexts.discard(cid)
    call.modem.packet.deactivate(cid)
    return done(call)


# -- opening and closing ----------------------------------------------------------------------------------------------


def _open(call: Call) -> Result:
    modem = call.modem
    if not 5 <= call.count <= 7:
        raise fail(call, SocketError.INVALID_PARAMETERS)
    cid = number_of(call, 0, low=1, high=MAX_CONTEXTS)
    number = number_of(call, 1, high=MAX_SOCKETS - 1)
    service = call.text(2, "").upper()
    remote_port = number_of(call, 4, 0, high=65_535)
    local_port = number_of(call, 5, 0, high=65_535)
    mode = number_of(call, 6, 0, high=2)
    host = call.text(3, "")
    if service not in _SERVICES or not host or (mode == TRANSPARENT and service != "TCP"):
        raise fail(call, SocketError.INVALID_PARAMETERS)
    if not (local_port if service in ("TCP LISTENER", "UDP SERVICE") else remote_port):
        raise fail(call, SocketError.INVALID_PARAMETERS)
    if cid not in modem.socket_contexts or cid not in modem.packet.active:
        raise fail(call, SocketError.OPEN_PDP_FAILED)
    wanted = Opening(number=number, cid=cid, service=_SERVICES[service], remote_port=remote_port,
                     host="127.0.0.1" if service == "UDP SERVICE" else host, local_port=local_port, access_mode=mode,
                     delay=modem.timings.stage("socket"))
    if number in modem.sockets.open:
        modem.later(wanted.delay, lambda: _tell(modem, number, int(SocketError.ID_IN_USE)), name="modem-socket")
        return OK
    if mode == TRANSPARENT:
        return Pending(lambda finish: _launch(modem, wanted, lambda error: finish(_transparent(call, number, error))))
    _launch(modem, wanted, lambda error: _tell(modem, number, error))
    return OK


def _tell(modem: VirtualModem, number: int, error: int) -> None:
    modem.socket_error = error
    modem.urc(f"+QIOPEN: {number},{error}")


def _launch(modem: VirtualModem, wanted: Opening, tell: Callable[[int], None]) -> None:
    def finish(outcome: Outcome) -> None:
        if outcome is OpenFailure.CLOSED and wanted.access_mode != TRANSPARENT:
            return  # +QICLOSE was what a host does that waits no longer for +QIOPEN
        modem.socket_error = error_number(outcome, _FAILURES)
        tell(modem.socket_error)

    open_socket(modem, wanted, finish)


def _transparent(call: Call, number: int, error: int) -> Result:
    socket = call.modem.sockets.open.get(number)
    if error or socket is None:
        return ERROR
    return Connect(open=lambda port: SocketLink(call.modem, socket, port))


def _switch_mode(call: Call) -> Result:
    call.at_most(2)
    socket = _connected(call)
    mode = number_of(call, 1, high=2)
    if mode == TRANSPARENT:
        if not socket.service.is_connection:
            raise fail(call, SocketError.NOT_ALLOWED)
        socket.access_mode = mode
        return Connect(open=lambda port: SocketLink(call.modem, socket, port))
    socket.access_mode = mode
    return done(call)


def _connected(call: Call) -> Socket:
    socket = call.modem.sockets.open.get(number_of(call, 0, high=MAX_SOCKETS - 1))
    if socket is None or socket.state is not SocketState.OPEN:
        raise fail(call, SocketError.CLOSED)
    return socket


def _close(call: Call) -> Result:
    call.at_most(2)
    number = number_of(call, 0, high=MAX_SOCKETS - 1)
    number_of(call, 1, 10, high=65_535)
    call.modem.sockets.close(number)
    return done(call)


def _state_line(call: Call, socket: Socket) -> str:
    host = "127.0.0.1" if socket.service in (Service.UDP_SERVICE, Service.TCP_LISTENER) else socket.remote[0]
    state = 3 if socket.service is Service.UDP_SERVICE else _STATES[socket.state]
    server = socket.listener if socket.listener is not None else socket.number
    return (f'+QISTATE: {socket.number},"{socket.service.value}","{host}",{socket.remote[1]},{socket.local_port},'
            f'{state},{socket.cid},{server},{socket.access_mode},'
            f'"{call.modem.profile.text("socket_port")}"')


def _states(call: Call) -> Result:
    call.at_most(2)
    opened = [socket for number, socket in sorted(call.modem.sockets.open.items()) if 0 <= number < MAX_SOCKETS]
    if call.count:
        by_socket = number_of(call, 0, high=1)
        if by_socket:
            number = number_of(call, 1, high=MAX_SOCKETS - 1)
            opened = [socket for socket in opened if socket.number == number]
        else:
            cid = number_of(call, 1, low=1, high=MAX_CONTEXTS)
            opened = [socket for socket in opened if socket.cid == cid]
    return Reply(tuple(_state_line(call, socket) for socket in opened))


DEFAULTS: dict[str, Value] = {"+QISDE": (1,), **quectel_tools.DEFAULTS}

_CID, _ID = f"(1-{MAX_CONTEXTS})", f"(0-{MAX_SOCKETS - 1})"

COMMANDS = (
    command("+QICSGP", f"{_CID},(1-3),<APN>,<username>,<password>,(0-3)", set=_configure),
    command("+QIACT", _CID, set=_activate, read=_activations, needs=Needs.UNLOCKED),
    command("+QIDEACT", _CID, set=_deactivate),
    command("+QIOPEN", f'{_CID},{_ID},"TCP/UDP/TCP LISTENER/UDP SERVICE","<IP_address>/<domain_name>",'
                       "<remote_port>,<local_port>,(0-2)", set=_open),
    command("+QICLOSE", f"{_ID},(0-65535)", set=_close),
    command("+QISTATE", "(0,1)", set=_states, read=_states, exec=_states),
    command("+QISWTMD", f"{_ID},(0-2)", set=_switch_mode),
    command("+QISEND", f"{_ID},(0-{MAX_SEND})", set=quectel_data.send),
    command("+QISENDEX", f"{_ID},<hex_string>", set=quectel_data.send_hex),
    command("+QIRD", f"{_ID},(0-{MAX_SEND + 40})", set=quectel_data.receive),
    setting("+QISDE", Range(0, 1), clause=NOTE),
    *quectel_tools.COMMANDS,
)


def attach(modem: VirtualModem) -> None:
    """Let this dialect tell of the modem's sockets."""
    modem.sockets.dialect = QuectelSockets(modem)
