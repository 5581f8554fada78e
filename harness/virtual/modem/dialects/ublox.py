"""u-blox SARA-R4 and SARA-R5: sockets (+USO...), packet switched data profiles (+UPSD), card, network, power."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.virtual.modem.codes import Cme
from harness.virtual.modem.command import (
    ERROR,
    NO_PARAMETERS,
    OK,
    Call,
    Command,
    CommandError,
    Connect,
    Needs,
    Pending,
    Prompt,
    Result,
    cme,
    info,
)
from harness.virtual.modem.dialects import ublox_module
from harness.virtual.modem.net_tools import TTL, Echo, EchoSummary, Pinger
from harness.virtual.modem.settings import Value
from harness.virtual.modem.socket_link import SocketLink
from harness.virtual.modem.socket_opening import OpenFailure, Opening, Outcome, error_number, open_socket
from harness.virtual.modem.socket_syntax import drained, has_context, hex_of, host_of, socket_numbered
from harness.virtual.modem.sockets import ANYBODY, Service, Socket, SocketState
from harness.virtual.network.seams import Address, Datagram

if TYPE_CHECKING:
    from harness.virtual.modem.modem import VirtualModem

_MANUAL = "u-blox AT manual"
_SOCKETS = range(7)
_MAX_DATA = 1_024
_MAX_HEX = 512
_TCP, _UDP = 6, 17
_ERRORS = {OpenFailure.PORT_BUSY: 98, OpenFailure.GONE: 107, OpenFailure.UNKNOWN_HOST: 2, OpenFailure.REFUSED: 111,
           OpenFailure.TIMED_OUT: 110, OpenFailure.CLOSED: 103}  # +USOER tells them as errno does
_NOT_CONNECTED, _INVALID = 107, 22


class Sockets:
    """Tells of sockets by +UUSO... codes."""

    def __init__(self, modem: VirtualModem) -> None:
        self._modem = modem

    def __repr__(self) -> str:
        return f"Sockets({self._modem.name})"

    def announce(self, socket: Socket) -> None:
        """Tell how much waits, once until something was read."""
        if socket.buffered and not socket.announced and socket.taker is None:
            socket.announced = True
            name = "+UUSORD" if socket.service.is_connection else "+UUSORF"
            self._modem.urc(f"{name}: {socket.number},{socket.buffered}")

    def arrived(self, socket: Socket, datagram: Datagram) -> None:
        """Announce what waits."""
        self.announce(socket)

    def closed(self, socket: Socket) -> None:
        """Tell that the peer closed, as soon as what it sent was read; the socket is gone then."""
        for session in self._modem.sessions:
            session.withdraw(socket, cme(Cme.NOT_ALLOWED))
        if not socket.buffer:
            self._modem.sockets.forget(socket)
            self._modem.urc(f"+UUSOCL: {socket.number}")

    def incoming(self, listener: Socket, host: str, port: int) -> int | None:
        """Give a connection the lowest free number, and tell of it."""
        number = self._modem.sockets.free_number(_SOCKETS)
        if number is not None:
            session = self._modem.packet.active.get(listener.cid)
            own = session.ip if session is not None else ANYBODY[0]
            self._modem.urc(f'+UUSOLI: {number},"{host}",{port},{listener.number},"{own}",{listener.local_port}')
        return number

    def dropped(self, socket: Socket, *, by_network: bool) -> None:
        """Tell that a socket ended with its context."""
        if by_network:
            self._modem.urc(f"+UUSOCL: {socket.number}")

    def context_lost(self, cid: int) -> None:
        """Tell that the network ended a profile."""
        if cid in self._modem.socket_contexts:
            self._modem.socket_contexts.discard(cid)
            for profile in ublox_module.profiles_of(self._modem, cid):
                self._modem.urc(f"+UUPSDD: {profile}")


def _fail(call: Call, error: int, number: Cme = Cme.NOT_ALLOWED) -> CommandError:
    """Remember the error for +USOER and return what ends the command."""
    call.modem.socket_error = error
    return CommandError(cme(number))


def _context(call: Call) -> int:
    """Return the context that sockets use."""
    modem = call.modem
    if modem.profile.flag("internal_stack"):
        cid = ublox_module.cid_of(modem, 0)
        if has_context(modem, cid):
            return cid
    elif modem.packet.active:
        return min(modem.packet.active)
    raise _fail(call, _NOT_CONNECTED)


def _socket(call: Call) -> Socket:
    try:
        return socket_numbered(call, _SOCKETS)
    except CommandError:
        call.modem.socket_error = 9
        raise


# -- creating, connecting, listening, closing -------------------------------------------------------------------------


def _create(call: Call) -> Result:
    call.at_most(4)
    modem = call.modem
    protocol, port = call.number(0), call.number(1, 0, high=65_535)
    if protocol not in (_TCP, _UDP):
        raise call.bad()
    number = modem.sockets.free_number(_SOCKETS)
    if number is None:
        raise _fail(call, 24)
    if protocol == _TCP:
        modem.sockets.reserve(number, port)
    else:
        cid = _context(call)
        if port and modem.sockets.port_taken(cid, port):
            raise _fail(call, 98)
        if struck := modem.sockets.struck_error():
            raise _fail(call, struck)
        modem.sockets.bind(number, cid, Service.UDP_SERVICE, ANYBODY, port, 0)
    return info(f"+USOCR: {number}")


def _connect(call: Call) -> Result:
    call.at_most(4)
    modem = call.modem
    socket = _socket(call)
    number = socket.number
    host, port = host_of(call, 1), call.number(2, low=1, high=65_535)
    later = call.number(3, 0, high=1)
    if socket.state is SocketState.CREATED:
        wanted = Opening(number=number, cid=_context(call), service=Service.TCP, host=host, remote_port=port,
                         local_port=socket.local_port)
        modem.sockets.forget(socket)

        def outcome(failure: Outcome) -> int:
            modem.socket_error = error_number(failure, _ERRORS)
            if failure is not None and number not in modem.sockets.open:
                modem.sockets.reserve(number, socket.local_port)  # it waits for +USOCL, or another +USOCO
            return modem.socket_error

        if later:
            open_socket(modem, wanted, lambda failure: modem.urc(f"+UUSOCO: {number},{outcome(failure)}"))
            return OK
        return Pending(lambda finish: open_socket(
            modem, wanted, lambda failure: finish(cme(Cme.NOT_ALLOWED) if outcome(failure) else OK)))
    if socket.service.is_connection:
        raise _fail(call, 106)

    def resolved(address: str | None) -> Result:
        if address is None:
            modem.socket_error = 2
            return cme(Cme.NOT_ALLOWED)
        socket.service, socket.remote, socket.host = Service.UDP, (address, port), host
        return OK

    return Pending(lambda finish: modem.sockets.resolve(socket.cid, host, lambda found: finish(resolved(found))))


def _listen(call: Call) -> Result:
    call.at_most(2)
    modem = call.modem
    socket, port, cid = _socket(call), call.number(1, low=1, high=65_535), _context(call)
    if modem.sockets.port_taken(cid, port) and socket.local_port != port:
        raise _fail(call, 98)
    if socket.state is SocketState.CREATED:
        if struck := modem.sockets.struck_error():
            raise _fail(call, struck)
        modem.sockets.forget(socket)
        modem.sockets.listen(socket.number, cid, port, 0)
        return OK
    if socket.service is not Service.UDP_SERVICE:
        raise _fail(call, 106)
    socket.local_port = port
    return OK


def _close(call: Call) -> Result:
    call.at_most(2)
    modem, socket = call.modem, _socket(call)
    tell = bool(call.number(1, 0, high=1)) and socket.service.is_connection
    modem.sockets.close(socket.number)
    if tell:
        modem.later(0, lambda: modem.urc(f"+UUSOCL: {socket.number}"), name="modem-usocl")
    return OK


# -- data -------------------------------------------------------------------------------------------------------------


def _write(call: Call) -> Result:
    call.at_most(3)
    socket = _socket(call)
    return _transmit(call, socket, 1, None)


def _send_to(call: Call) -> Result:
    call.at_most(5)
    socket = _socket(call)
    if socket.service.is_connection:
        raise _fail(call, 106)
    host, port = host_of(call, 1), call.number(2, low=1, high=65_535)

    def resolved(address: str | None) -> Result:
        if address is None:
            return _fail(call, _ERRORS[OpenFailure.UNKNOWN_HOST]).result
        try:
            return _transmit(call, socket, 3, (address, port))
        except CommandError as error:
            return error.result

    return Pending(lambda finish: call.modem.sockets.resolve(
        socket.cid, host, lambda found: finish(resolved(found))))


def _transmit(call: Call, socket: Socket, position: int, to: Address | None) -> Result:
    """Send what the command line holds, or what is typed at the prompt."""
    modem = call.modem
    length = call.number(position, low=1, high=_MAX_DATA)

    def sent(payload: bytes) -> Result:
        if not modem.sockets.send(socket, payload, to):
            modem.socket_error = _NOT_CONNECTED
            return cme(Cme.NOT_ALLOWED)
        return info(f"{call.command.name}: {socket.number},{len(payload)}")

    if socket.state is not SocketState.OPEN or (to is None and not socket.remote[1]):
        raise _fail(call, _NOT_CONNECTED)
    if call.given(position + 1):
        text = call.text(position + 1)
        payload = hex_of(call, text) if modem.settings.number("+UDCONF.1") else text.encode("latin-1")
        if len(payload) != length or length > _MAX_HEX:
            raise _fail(call, _INVALID)
        return sent(payload)
    return Prompt(length=length, text=b"\r\n@", echo=False, then=sent, about=socket)


def _read(call: Call) -> Result:
    """+USORD and +USORF: what waits, in quotes; length 0 asks how much does."""
    call.at_most(2)
    modem = call.modem
    name, from_anybody = call.command.name, call.command.name == "+USORF"
    socket = _socket(call)
    if from_anybody and socket.service.is_connection:
        raise _fail(call, 106)
    in_hex = bool(modem.settings.number("+UDCONF.1"))
    limit = call.number(1, high=_MAX_HEX if in_hex else _MAX_DATA)
    if limit == 0:
        return info(f"{name}: {socket.number},{socket.buffered}")
    part = socket.take_part(limit)
    drained(modem, socket)
    socket.announced = False
    if not modem.sockets.has(socket):  # the peer has closed it, and that was the rest
        modem.later(0, lambda: modem.urc(f"+UUSOCL: {socket.number}"), name="modem-usocl")
    if part is None:
        return info(f'{name}: {socket.number},0,""' if not from_anybody else f"{name}: {socket.number},0")
    dialect = modem.sockets.dialect
    if isinstance(dialect, Sockets):
        modem.later(0, lambda: dialect.announce(socket), name="modem-uusord")
    payload = part.payload.hex().upper().encode("ascii") if in_hex else part.payload
    source = f'"{part.source[0]}",{part.source[1]},' if from_anybody else ""
    return info(f"{name}: {socket.number},{source}{len(part.payload)},".encode("ascii") + b'"' + payload + b'"')


def _direct(call: Call) -> Result:
    call.at_most(1)
    socket = _socket(call)
    if socket.state is not SocketState.OPEN or not socket.remote[1]:
        raise _fail(call, _NOT_CONNECTED)
    return Connect(open=lambda port: SocketLink(call.modem, socket, port, closed_result="DISCONNECT", keep=True),
                   left="DISCONNECT")


# -- what sockets are -------------------------------------------------------------------------------------------------

_TCP_STATES = {SocketState.CREATED: 0, SocketState.OPENING: 2, SocketState.OPEN: 4, SocketState.LISTENING: 1,
               SocketState.CLOSED_BY_PEER: 7}


def _control(call: Call) -> Result:
    call.at_most(2)
    modem = call.modem
    socket, what = _socket(call), call.number(1, high=11)
    is_udp = socket.service in (Service.UDP, Service.UDP_SERVICE)
    values: dict[int, object] = {
        0: _UDP if is_udp else _TCP, 1: modem.socket_error, 2: socket.sent, 3: socket.received,
        4: f'"{socket.remote[0]}",{socket.remote[1]}', 11: socket.unacknowledged}
    if not is_udp:
        values[10] = _TCP_STATES[socket.state]
    if what not in values:
        raise call.bad()
    return info(f"+USOCTL: {socket.number},{what},{values[what]}")


def _set_option(call: Call) -> Result:
    call.at_most(5)
    number = _socket(call).number
    level, option = call.number(1, high=65_535), call.number(2, high=65_535)
    call.modem.settings[f"+USOSO {number},{level},{option}"] = (call.number(3, 1), *(
        (call.number(4),) if call.given(4) else ()))
    return OK


def _option(call: Call) -> Result:
    call.at_most(3)
    number, level, option = _socket(call).number, call.number(1, high=65_535), call.number(2, high=65_535)
    key = f"+USOSO {number},{level},{option}"
    values = call.modem.settings.get(key, (0,))
    return info(f"+USOGO: {','.join(map(str, values))}")


def _security(call: Call) -> Result:
    """+USOSEC: TLS can't be switched on."""
    call.at_most(3)
    number = _socket(call).number
    if not call.given(1):
        return info(f"+USOSEC: {number},0")
    return cme(Cme.NOT_SUPPORTED) if call.number(1, high=1) else OK


def _last_error(call: Call) -> Result:
    return info(f"+USOER: {call.modem.socket_error}")


def _configure(call: Call) -> Result:
    call.at_most(2)
    item = call.number(0, low=1, high=1)
    if not call.given(1):
        return info(f"+UDCONF: {item},{call.modem.settings.number('+UDCONF.1')}")
    call.modem.settings["+UDCONF.1"] = (call.number(1, high=1),)
    return OK


# -- names and echo requests ------------------------------------------------------------------------------------------


def _resolve(call: Call) -> Result:
    call.at_most(3)
    modem = call.modem
    if call.number(0, high=1):
        return cme(Cme.NOT_SUPPORTED)
    host, cid = host_of(call, 1), _context(call)
    if call.number(2, 0, high=1):
        modem.later(0, lambda: modem.sockets.resolve(cid, host, lambda found: modem.urc(
            "+UUDNSRN: -1" if found is None else f'+UUDNSRN: 0,"{found}"')), name="modem-dns")
        return OK

    def start(finish: Callable[[Result], None]) -> None:
        modem.later(0, lambda: modem.sockets.resolve(cid, host, lambda found: finish(
            ERROR if found is None else info(f'+UDNSRN: "{found}"'))), name="modem-dns")

    return Pending(start)


def _ping(call: Call) -> Result:
    call.at_most(5)
    modem, host, cid = call.modem, host_of(call, 0), _context(call)
    count, size = call.number(1, 4, low=1, high=64), call.number(2, 32, low=4, high=64)
    timeout, ttl = call.number(3, 5_000, low=10, high=60_000), call.number(4, 32, low=1, high=255)

    def told(echo: Echo) -> None:
        modem.urc("+UUPINGER: 11" if echo.milliseconds is None else
                  f'+UUPING: {echo.number},{size},"{host}","{echo.ip}",{min(TTL, ttl)},{echo.milliseconds}')

    def over(all_of: EchoSummary | None) -> None:
        if all_of is None:
            modem.urc("+UUPINGER: 2")

    Pinger(modem, cid, size=size, count=count, timeout=timeout * 1_000_000, told=told, done=over).start(host)
    return OK


DEFAULTS: dict[str, Value] = {**ublox_module.DEFAULTS, "+UDCONF.1": (0,)}

COMMANDS = (
    *ublox_module.COMMANDS,
    Command(name="+USOCR", clause=_MANUAL, test="(6,17),(0-65535)", set=_create),
    Command(name="+USOCO", clause=_MANUAL, test='(0-6),"remote_host",(1-65535),(0,1)', set=_connect),
    Command(name="+USOLI", clause=_MANUAL, test="(0-6),(1-65535)", set=_listen),
    Command(name="+USOCL", clause=_MANUAL, test="(0-6),(0,1)", set=_close),
    Command(name="+USOWR", clause=_MANUAL, test=f'(0-6),(0-{_MAX_DATA}),"data"', set=_write),
    Command(name="+USOST", clause=_MANUAL, test=f'(0-6),"remote_host",(1-65535),(0-{_MAX_DATA}),"data"', set=_send_to),
    Command(name="+USORD", clause=_MANUAL, test=f"(0-6),(0-{_MAX_DATA})", set=_read),
    Command(name="+USORF", clause=_MANUAL, test=f"(0-6),(0-{_MAX_DATA})", set=_read),
    Command(name="+USODL", clause=_MANUAL, test="(0-6)", set=_direct),
    Command(name="+USOCTL", clause=_MANUAL, test="(0-6),(0-4,10,11)", set=_control),
    Command(name="+USOSO", clause=_MANUAL, test="(0-6),(0,6,65535),(1-65535)", set=_set_option),
    Command(name="+USOGO", clause=_MANUAL, test="(0-6),(0,6,65535),(1-65535)", set=_option),
    Command(name="+USOSEC", clause=_MANUAL, test="(0-6),(0,1),(0-4)", set=_security),
    Command(name="+USOER", clause=_MANUAL, test=NO_PARAMETERS, exec=_last_error),
    Command(name="+UDCONF", clause=_MANUAL, test="(1),(0,1)", set=_configure),
    Command(name="+UDNSRN", clause=_MANUAL, test='(0,1),"domain_name",(0,1)', set=_resolve, needs=Needs.UNLOCKED),
    Command(name="+UPING", clause=_MANUAL, test='"remote_host",(1-64),(4-64),(10-60000),(1-255)', set=_ping),
)

def attach(modem: VirtualModem) -> None:
    """Let this dialect tell of the modem's sockets and card."""
    modem.sockets.dialect = Sockets(modem)
    modem.watchers.append(ublox_module.UbloxWatcher(modem))
